/* mempolicy_node.c -- the node that a request is sent to under a policy.
 *
 * Called through mempolicy.h. The caller of a request learns the result only: which zones the
 * chosen node's list then leads through is the allocator's. Interleaving over a mapping goes by the
 * page's place in it; where there is none, by the task's counter. Huge pages try the wanted node
 * alone first: memory far away would cost more than the huge page gains. Source: mm/mempolicy.c,
 * policy_nodemask(), interleave_nid(), weighted_interleave_nid(), alloc_pages_mpol(),
 * vma_alloc_folio(); facts 6.4.
 */
#include "mm/mempolicy.h"

#include "mm/nodemask.h"
#include "mm/page_alloc.h"
#include "mm/task.h"

#define HUGE_FROM_HOME_SINCE 6007u /* a huge page looks at the home node, too */

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
	return n < NB_MPOL_SHORT ? pol->node[n] : (int)nb_nodes_nth(&pol->nodes, (unsigned)n);
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

/* Where the task's next page without a place belongs; nothing moves. */
static int peek_counter(const struct nb_task *t, const struct nb_mempolicy *pol)
{
	if (pol->mode == NB_MPOL_WEIGHTED_INTERLEAVE && t->il_weight && t->il_prev >= 0 &&
	    nb_nodemask_test(&pol->nodes, t->il_prev))
		return t->il_prev;
	return nb_node_next_in(t->il_prev, &pol->nodes);
}

/* The same; its counter moves. */
static int node_by_counter(struct nb_task *t, const struct nb_mempolicy *pol)
{
	bool weighted = pol->mode == NB_MPOL_WEIGHTED_INTERLEAVE;
	int nid = peek_counter(t, pol);

	if (weighted && t->il_weight && nid == t->il_prev) {
		t->il_weight--;
		return nid;
	}
	t->il_prev = nid;
	t->il_weight = weighted ? node_weight(t->sys, (unsigned)nid) - 1 : 0;
	return nid;
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

static inline bool interleaves(const struct nb_mempolicy *pol)
{
	return pol->mode == NB_MPOL_INTERLEAVE || pol->mode == NB_MPOL_WEIGHTED_INTERLEAVE;
}

/* The node whose list is walked, and the mask that limits the walk (NULL: none). */
struct where {
	int nid;
	const struct nb_nodemask *mask;
};

static struct where policy_where(const struct nb_task *t, const struct nb_mempolicy *pol,
				 nb_gfp_t gfp, int interleave_nid)
{
	struct where w = {nb_task_local_node(t), NULL};

	switch (pol->mode) {
	case NB_MPOL_PREFERRED:
		w.nid = pol->node[0];
		break;
	case NB_MPOL_INTERLEAVE:
	case NB_MPOL_WEIGHTED_INTERLEAVE:
		w.nid = interleave_nid;
		break;
	case NB_MPOL_BIND:
	case NB_MPOL_PREFERRED_MANY:
		if (pol->home_node != NB_NO_NODE)
			w.nid = pol->home_node;
		if (pol->mode == NB_MPOL_PREFERRED_MANY || bind_applies(t, pol, gfp))
			w.mask = &pol->nodes;
		break;
	default:
		break;
	}
	return w;
}

static nb_pfn_t ask_policy(struct nb_task *t, const struct nb_mempolicy *pol, nb_gfp_t gfp,
			   unsigned order, int interleave_nid)
{
	struct where w = policy_where(t, pol, gfp, interleave_nid);

	if (interleaves(pol))
		return ask_interleaved(t, pol, gfp, order, w.nid);
	if (pol->mode == NB_MPOL_PREFERRED_MANY)
		return ask_many(t, pol, gfp, order, w.nid);
	return ask(t, gfp, order, w.nid, w.mask);
}

/* A huge page of a mapping: on the wanted node alone, first. */
static nb_pfn_t ask_huge(struct nb_task *t, const struct nb_mempolicy *pol, nb_gfp_t gfp,
			 unsigned order)
{
	static const struct nb_mempolicy local = {.mode = NB_MPOL_LOCAL};
	struct where w = policy_where(t, pol ? pol : &local, gfp, 0);
	nb_pfn_t pfn;

	if (t->sys->profile->version < HUGE_FROM_HOME_SINCE && pol && pol->mode == NB_MPOL_BIND)
		w.nid = nb_task_local_node(t);
	if (w.mask && !nb_nodemask_test(w.mask, w.nid))
		return ask_policy(t, pol, gfp, order, 0);
	pfn = ask(t, gfp | NB_GFP_BIT_THISNODE | NB_GFP_BIT_NORETRY, order, w.nid, NULL);
	if (pfn != NB_NO_PFN || !(gfp & NB_GFP_BIT_DIRECT_RECLAIM))
		return pfn;
	return ask(t, gfp, order, w.nid, w.mask);
}

nb_pfn_t nb_mpol_alloc(struct nb_task *t, const struct nb_mempolicy *pol, nb_gfp_t gfp,
		       unsigned order, uint64_t index)
{
	bool spread = pol && interleaves(pol);

	if (nb_unlikely(order) && order == t->mm->shape.bits && !spread &&
	    (!pol || pol->mode != NB_MPOL_PREFERRED_MANY))
		return ask_huge(t, pol, gfp, order);
	if (!pol)
		return ask(t, gfp, order, nb_task_local_node(t), NULL);
	return ask_policy(t, pol, gfp, order, spread ? node_by_index(t, pol, index) : 0);
}

nb_pfn_t nb_alloc_pages_task(struct nb_system *sys, const struct nb_alloc_request *rq)
{
	struct nb_task *t = rq->task;
	const struct nb_mempolicy *pol = rq->gfp & NB_GFP_BIT_THISNODE ? NULL : t->policy;

	(void)sys;
	if (!pol)
		return ask(t, rq->gfp, rq->order, nb_task_local_node(t), NULL);
	return ask_policy(t, pol, rq->gfp, rq->order,
			  interleaves(pol) ? node_by_counter(t, pol) : 0);
}

void nb_mpol_target(const struct nb_task *t, const struct nb_mempolicy *pol, nb_gfp_t gfp,
		    uint64_t index, int *ret_nid, const struct nb_nodemask **ret_mask)
{
	struct where w = {nb_task_local_node(t), NULL};

	if (pol && interleaves(pol))
		w.nid = index == NB_UNKNOWN ? peek_counter(t, pol) : node_by_index(t, pol, index);
	else if (pol)
		w = policy_where(t, pol, gfp, 0);
	*ret_nid = w.nid;
	*ret_mask = w.mask;
}

int nb_mpol_next_node(const struct nb_task *t)
{
	return t->policy && interleaves(t->policy) ? peek_counter(t, t->policy) : NB_NO_NODE;
}
