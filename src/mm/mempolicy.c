/* mempolicy.c -- memory policies: their checks, and the node that each request is sent to.
 *
 * Called through mempolicy.h. A policy never changes once it is in use (a cpuset change would make
 * new ones), so VMAs and tasks share it by count. The caller of a request learns the result only:
 * which zones the chosen node's list then leads through is the allocator's.
 * Source: mm/mempolicy.c, sanitize_mpol_flags(), mpol_new(), mpol_set_nodemask(),
 * policy_nodemask(), interleave_nid(), alloc_pages_mpol(); facts 6.1 to 6.4, 6.6.
 */
#include "mm/mempolicy.h"

#include "base/mem.h"
#include "mm/page_alloc.h"
#include "mm/task.h"

#define FIXED_FLAGS (NB_MPOL_F_STATIC_NODES | NB_MPOL_F_RELATIVE_NODES)
#define MODE_FLAGS (FIXED_FLAGS | NB_MPOL_F_NUMA_BALANCING)

/* First kernels, as nb_kernel_profile.version, that know a mode. */
static const unsigned mode_since[NB_MPOL_MAX] = {
	[NB_MPOL_LOCAL] = 3008,
	[NB_MPOL_PREFERRED_MANY] = 5015,
	[NB_MPOL_WEIGHTED_INTERLEAVE] = 6009,
};
#define BALANCING_SINCE 5012u
#define BALANCING_MANY_SINCE 6010u

int nb_mpol_check_mode(const struct nb_system *sys, int mode_and_flags)
{
	unsigned flags = (unsigned)mode_and_flags & MODE_FLAGS;
	unsigned mode = (unsigned)mode_and_flags & ~(unsigned)MODE_FLAGS;
	unsigned version = sys->profile->version;

	if (mode >= NB_MPOL_MAX || version < mode_since[mode])
		return -NB_EINVAL;
	if ((flags & NB_MPOL_F_STATIC_NODES) && (flags & NB_MPOL_F_RELATIVE_NODES))
		return -NB_EINVAL;
	if (!(flags & NB_MPOL_F_NUMA_BALANCING))
		return 0;
	if (mode == NB_MPOL_BIND && version >= BALANCING_SINCE)
		return 0;
	if (mode == NB_MPOL_PREFERRED_MANY && version >= BALANCING_MANY_SINCE)
		return 0;
	return -NB_EINVAL;
}

/* Bit b of `user` becomes the (b mod w)-th set bit of `onto`, w bits wide. */
static void map_relative(struct nb_nodemask *ret, const struct nb_nodemask *user,
			 const struct nb_nodemask *onto)
{
	unsigned w = nb_nodemask_weight(onto), bit, n;

	memset(ret, 0, sizeof(*ret));
	if (!w)
		return;
	nb_for_each_node_in (bit, user) {
		n = nb_nodemask_next(onto, 0);
		for (unsigned k = bit % w; k; k--)
			n = nb_nodemask_next(onto, n + 1);
		nb_nodemask_set(ret, n);
	}
}

/* The nodes that come into force in the task's cpuset. Source: mpol_set_nodemask(). */
static void set_nodes(struct nb_mempolicy *pol, const struct nb_task *t,
		      const struct nb_nodemask *user)
{
	struct nb_nodemask allowed;
	unsigned bit;

	for (unsigned i = 0; i < NB_MAX_NODES / 64; i++)
		allowed.bits[i] = t->mems_allowed.bits[i] & t->sys->memory_nodes.bits[i];
	if (pol->flags & NB_MPOL_F_RELATIVE_NODES) {
		map_relative(&pol->nodes, user, &allowed);
	} else {
		for (unsigned i = 0; i < NB_MAX_NODES / 64; i++)
			pol->nodes.bits[i] = user->bits[i] & allowed.bits[i];
	}
	pol->user = pol->flags & FIXED_FLAGS ? *user : t->mems_allowed;
	if (pol->mode == NB_MPOL_PREFERRED && !nb_nodemask_empty(&pol->nodes)) {
		bit = nb_nodemask_next(&pol->nodes, 0);
		memset(&pol->nodes, 0, sizeof(pol->nodes));
		nb_nodemask_set(&pol->nodes, bit);
	}
	pol->weight = 0;
	nb_for_each_node_in (bit, &pol->nodes) {
		if (pol->weight < NB_MPOL_SHORT)
			pol->node[pol->weight] = (uint16_t)bit;
		pol->weight++;
	}
}

int nb_mpol_new(struct nb_task *t, int mode_and_flags, const struct nb_nodemask *nodes,
		struct nb_mempolicy **ret_pol)
{
	static const struct nb_nodemask none;
	unsigned flags = (unsigned)mode_and_flags & MODE_FLAGS;
	unsigned mode = (unsigned)mode_and_flags & ~(unsigned)MODE_FLAGS;
	bool fixed = flags & FIXED_FLAGS;
	const struct nb_nodemask *user = nodes ? nodes : &none;
	bool empty = nb_nodemask_empty(user);
	struct nb_mempolicy *pol;

	if (nb_mpol_check_mode(t->sys, mode_and_flags))
		return -NB_EINVAL;
	if (mode == NB_MPOL_DEFAULT) {
		if (!empty)
			return -NB_EINVAL;
		*ret_pol = NULL;
		return 0;
	}
	if (mode == NB_MPOL_PREFERRED && empty && !fixed)
		mode = NB_MPOL_LOCAL;
	else if (mode == NB_MPOL_LOCAL ? !empty || fixed : empty)
		return -NB_EINVAL;
	pol = nb_pool_get(t->sys, &nb_task_side(t->sys)->policy_pool);
	if (!pol)
		return -NB_ENOMEM;
	pol->refs = 1;
	pol->mode = (uint8_t)mode;
	pol->flags = flags;
	pol->home_node = NB_NO_NODE;
	if (mode != NB_MPOL_LOCAL) {
		set_nodes(pol, t, user);
		if (!pol->weight) {
			nb_mpol_put(t->sys, pol);
			return -NB_EINVAL;
		}
	}
	*ret_pol = pol;
	return 0;
}

struct nb_mempolicy *nb_mpol_with_home(struct nb_system *sys, const struct nb_mempolicy *pol,
				       int node)
{
	struct nb_mempolicy *copy = nb_pool_get(sys, &nb_task_side(sys)->policy_pool);

	if (!copy)
		return NULL;
	*copy = *pol;
	copy->refs = 1;
	copy->home_node = node;
	return copy;
}

void nb_mpol_get(struct nb_mempolicy *pol)
{
	if (pol)
		pol->refs++;
}

void nb_mpol_put(struct nb_system *sys, struct nb_mempolicy *pol)
{
	if (pol && --pol->refs == 0)
		nb_pool_put(sys, &nb_task_side(sys)->policy_pool, pol);
}

bool nb_mpol_equal(const struct nb_mempolicy *a, const struct nb_mempolicy *b)
{
	if (a == b)
		return true;
	if (!a || !b || a->mode != b->mode || a->flags != b->flags || a->home_node != b->home_node)
		return false;
	if (a->flags & FIXED_FLAGS && memcmp(&a->user, &b->user, sizeof(a->user)))
		return false;
	return !memcmp(&a->nodes, &b->nodes, sizeof(a->nodes));
}

void nb_mpol_show(const struct nb_mempolicy *pol, int *ret_mode, struct nb_nodemask *ret_nodes)
{
	if (ret_mode)
		*ret_mode = pol ? (int)(pol->mode | pol->flags) : NB_MPOL_DEFAULT;
	if (!ret_nodes)
		return;
	memset(ret_nodes, 0, sizeof(*ret_nodes));
	if (pol && pol->mode != NB_MPOL_LOCAL)
		*ret_nodes = pol->flags & FIXED_FLAGS ? pol->user : pol->nodes;
}

int nb_mpol_set_weight(struct nb_system *sys, unsigned nid, uint8_t weight)
{
	struct nb_task_side *side = nb_task_side(sys);

	if (side && !side->il_weights)
		side->il_weights = nb_system_alloc(sys, NB_MAX_NODES);
	if (!side || !side->il_weights)
		return -NB_ENOMEM;
	side->il_weights[nid] = weight;
	return 0;
}

static unsigned node_weight(const struct nb_system *sys, unsigned nid)
{
	const struct nb_task_side *side =
		atomic_load_explicit(&sys->task_side, memory_order_acquire);
	const uint8_t *weights = side->il_weights;

	return weights && weights[nid] ? weights[nid] : 1;
}

/* The n-th node of the policy, n below its weight. */
static int nth_node(const struct nb_mempolicy *pol, uint64_t n)
{
	unsigned bit;

	if (n < NB_MPOL_SHORT)
		return pol->node[n];
	bit = nb_nodemask_next(&pol->nodes, 0);
	while (n--)
		bit = nb_nodemask_next(&pol->nodes, bit + 1);
	return (int)bit;
}

/* Where a page with that index in its mapping belongs. */
static int node_by_index(const struct nb_task *t, const struct nb_mempolicy *pol, uint64_t index)
{
	uint64_t total = 0;
	unsigned bit;

	if (pol->mode == NB_MPOL_INTERLEAVE)
		return nth_node(pol, pol->weight == 1 ? 0 : index % pol->weight);
	nb_for_each_node_in (bit, &pol->nodes)
		total += node_weight(t->sys, bit);
	index %= total;
	nb_for_each_node_in (bit, &pol->nodes) {
		if (index < node_weight(t->sys, bit))
			break;
		index -= node_weight(t->sys, bit);
	}
	return (int)bit;
}

/* Where the task's next page without a place belongs; moves its counter. */
static int node_by_counter(struct nb_task *t, const struct nb_mempolicy *pol)
{
	bool weighted = pol->mode == NB_MPOL_WEIGHTED_INTERLEAVE;
	unsigned next;

	if (weighted && t->il_weight && t->il_prev >= 0 &&
	    nb_nodemask_test(&pol->nodes, t->il_prev)) {
		t->il_weight--;
		return t->il_prev;
	}
	next = t->il_prev + 1 < NB_MAX_NODES ? nb_nodemask_next(&pol->nodes, t->il_prev + 1)
					     : NB_MAX_NODES;
	if (next >= NB_MAX_NODES)
		next = nb_nodemask_next(&pol->nodes, 0);
	t->il_prev = (int)next;
	t->il_weight = weighted ? node_weight(t->sys, next) - 1 : 0;
	return (int)next;
}

/* BIND limits only requests that may reach the highest zone that policies care for; where all its
 * nodes have Movable memory alone, only those that may go there. Source: apply_policy_zone(). */
static bool bind_applies(const struct nb_task *t, const struct nb_mempolicy *pol, nb_gfp_t gfp)
{
	struct nb_system *sys = t->sys;
	int zone = sys->gfp_zone[gfp & 0xf];
	unsigned bit;
	bool other = false, allowed = !(t->flags & NB_PF_CPUSET);

	if (zone < (int)sys->policy_zone)
		return false;
	nb_for_each_node_in (bit, &pol->nodes) {
		const struct nb_pgdat *p = nb_node_data(sys, (int)bit);

		for (unsigned z = 0; p && z < NB_ZONE_MOVABLE; z++)
			other |= p->zone[z].present_pages != 0;
		allowed |= nb_nodemask_test(&t->mems_allowed, bit);
		if (other && allowed)
			return true;
	}
	return allowed && (other || zone >= NB_ZONE_MOVABLE);
}

static nb_pfn_t ask(struct nb_task *t, nb_gfp_t gfp, unsigned order, int nid,
		    const struct nb_nodemask *mask)
{
	struct nb_alloc_request rq = {
		.gfp = gfp,
		.order = order,
		.cpu = t->cpu,
		.nid = nid,
		.nodemask = mask,
		.task = t,
	};

	return nb_alloc_pages(t->sys, &rq);
}

static nb_pfn_t ask_interleaved(struct nb_task *t, const struct nb_mempolicy *pol, nb_gfp_t gfp,
				unsigned order, int nid)
{
	nb_pfn_t pfn = ask(t, gfp, order, nid, NULL);

	if (pfn != NB_NO_PFN && pol->mode == NB_MPOL_INTERLEAVE)
		nb_count_interleave_hit(t->sys, t->cpu, pfn, nid);
	return pfn;
}

/* First the wanted nodes without trying hard, then anywhere. */
static nb_pfn_t ask_many(struct nb_task *t, const struct nb_mempolicy *pol, nb_gfp_t gfp,
			 unsigned order, int nid)
{
	const nb_gfp_t hard = NB_GFP_BIT_DIRECT_RECLAIM | NB_GFP_BIT_NOFAIL;
	nb_pfn_t pfn = ask(t, (gfp & ~hard) | NB_GFP_BIT_NOWARN, order, nid, &pol->nodes);

	return pfn == NB_NO_PFN ? ask(t, gfp, order, nid, NULL) : pfn;
}

static nb_pfn_t ask_policy(struct nb_task *t, const struct nb_mempolicy *pol, nb_gfp_t gfp,
			   unsigned order, int interleave_nid)
{
	int local = nb_task_local_node(t);
	int nid = pol && pol->home_node != NB_NO_NODE ? pol->home_node : local;

	if (!pol)
		return ask(t, gfp, order, local, NULL);
	switch (pol->mode) {
	case NB_MPOL_PREFERRED:
		return ask(t, gfp, order, pol->node[0], NULL);
	case NB_MPOL_BIND:
		return ask(t, gfp, order, nid, bind_applies(t, pol, gfp) ? &pol->nodes : NULL);
	case NB_MPOL_PREFERRED_MANY:
		return ask_many(t, pol, gfp, order, nid);
	case NB_MPOL_INTERLEAVE:
	case NB_MPOL_WEIGHTED_INTERLEAVE:
		return ask_interleaved(t, pol, gfp, order, interleave_nid);
	default:
		return ask(t, gfp, order, local, NULL);
	}
}

static bool interleaves(const struct nb_mempolicy *pol)
{
	return pol && (pol->mode == NB_MPOL_INTERLEAVE || pol->mode == NB_MPOL_WEIGHTED_INTERLEAVE);
}

nb_pfn_t nb_mpol_alloc(struct nb_task *t, const struct nb_mempolicy *pol, nb_gfp_t gfp,
		       unsigned order, uint64_t index)
{
	return ask_policy(t, pol, gfp, order, interleaves(pol) ? node_by_index(t, pol, index) : 0);
}

nb_pfn_t nb_alloc_pages_task(struct nb_system *sys, const struct nb_alloc_request *rq)
{
	struct nb_task *t = rq->task;
	const struct nb_mempolicy *pol = rq->gfp & NB_GFP_BIT_THISNODE ? NULL : t->policy;

	(void)sys;
	return ask_policy(t, pol, rq->gfp, rq->order,
			  interleaves(pol) ? node_by_counter(t, pol) : 0);
}

void nb_mpol_target(struct nb_task *t, const struct nb_mempolicy *pol, nb_gfp_t gfp,
		    uint64_t index, int *ret_nid, const struct nb_nodemask **ret_mask)
{
	int il_prev = t->il_prev, local = nb_task_local_node(t);
	__typeof__(t->il_weight) il_weight = t->il_weight;

	*ret_mask = NULL;
	*ret_nid = pol && pol->home_node != NB_NO_NODE ? pol->home_node : local;
	if (interleaves(pol)) {
		*ret_nid = index == NB_UNKNOWN ? node_by_counter(t, pol)
					       : node_by_index(t, pol, index);
		t->il_prev = il_prev;
		t->il_weight = il_weight;
	} else if (pol && pol->mode == NB_MPOL_PREFERRED) {
		*ret_nid = pol->node[0];
	} else if (pol && (pol->mode == NB_MPOL_PREFERRED_MANY ||
			   (pol->mode == NB_MPOL_BIND && bind_applies(t, pol, gfp)))) {
		*ret_mask = &pol->nodes;
	} else if (!pol || pol->mode == NB_MPOL_LOCAL) {
		*ret_nid = local;
	}
}
