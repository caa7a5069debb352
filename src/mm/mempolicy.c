/* mempolicy.c -- memory policies: their checks, and what becomes of them when a cpuset changes.
 *
 * Called through mempolicy.h. A policy never changes once it is in use (a cpuset's change makes new
 * ones), so VMAs and tasks share it by count. mempolicy_node.c sends requests to nodes.
 * Source: mm/mempolicy.c, sanitize_mpol_flags(), mpol_new(), mpol_set_nodemask(),
 * mpol_rebind_policy(); facts 6.1, 6.2, 6.6.
 */
#include "mm/mempolicy.h"

#include "base/mem.h"
#include "mm/nodemask.h"
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

/* What follows from pol->nodes. */
static void count_nodes(struct nb_mempolicy *pol)
{
	unsigned bit;

	pol->weight = 0;
	nb_for_each_node_in (bit, &pol->nodes) {
		if (pol->weight < NB_MPOL_SHORT)
			pol->node[pol->weight] = (uint16_t)bit;
		pol->weight++;
	}
}

/* The nodes that come into force in the task's cpuset. Source: mpol_set_nodemask(). */
static void set_nodes(struct nb_mempolicy *pol, const struct nb_task *t,
		      const struct nb_nodemask *user)
{
	struct nb_nodemask allowed;
	unsigned bit;

	(void)nb_nodes_and(&allowed, &t->mems_allowed, &t->sys->memory_nodes);
	if (pol->flags & NB_MPOL_F_RELATIVE_NODES)
		nb_nodes_relative(&pol->nodes, user, &allowed);
	else
		(void)nb_nodes_and(&pol->nodes, user, &allowed);
	pol->user = pol->flags & FIXED_FLAGS ? *user : t->mems_allowed;
	if (pol->mode == NB_MPOL_PREFERRED && !nb_nodemask_empty(&pol->nodes)) {
		bit = nb_nodemask_next(&pol->nodes, 0);
		memset(&pol->nodes, 0, sizeof(pol->nodes));
		nb_nodemask_set(&pol->nodes, bit);
	}
	count_nodes(pol);
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

/* The nodes of a policy whose nodes move with the cpuset. Source: mpol_rebind_nodemask(). */
static void rebind_nodes(struct nb_mempolicy *pol, const struct nb_nodemask *mems)
{
	if (pol->flags & NB_MPOL_F_STATIC_NODES) {
		(void)nb_nodes_and(&pol->nodes, &pol->user, mems);
	} else if (pol->flags & NB_MPOL_F_RELATIVE_NODES) {
		nb_nodes_relative(&pol->nodes, &pol->user, mems);
	} else {
		nb_nodes_remap(&pol->nodes, &pol->nodes, &pol->user, mems);
		pol->user = *mems;
	}
	if (nb_nodemask_empty(&pol->nodes))
		pol->nodes = *mems;
	count_nodes(pol);
}

struct nb_mempolicy *nb_mpol_rebind(struct nb_system *sys, struct nb_mempolicy *pol,
				    const struct nb_nodemask *mems)
{
	struct nb_mempolicy *copy;

	if (!pol || pol->mode == NB_MPOL_LOCAL)
		return pol;
	if (!(pol->flags & FIXED_FLAGS) && nb_nodes_equal(&pol->user, mems))
		return pol;
	copy = nb_mpol_with_home(sys, pol, pol->home_node);
	if (!copy)
		return pol;
	/* The preferred ones keep their nodes; what is overwritten is the user's own mask, too. */
	if (pol->mode == NB_MPOL_PREFERRED || pol->mode == NB_MPOL_PREFERRED_MANY)
		copy->user = *mems;
	else
		rebind_nodes(copy, mems);
	nb_mpol_put(sys, pol);
	return copy;
}

void nb_mpol_get(struct nb_mempolicy *pol)
{
	if (pol) /* shared between tasks */
		__atomic_fetch_add(&pol->refs, 1, __ATOMIC_RELAXED);
}

void nb_mpol_put(struct nb_system *sys, struct nb_mempolicy *pol)
{
	if (pol && __atomic_sub_fetch(&pol->refs, 1, __ATOMIC_ACQ_REL) == 0)
		nb_pool_put(sys, &nb_task_side(sys)->policy_pool, pol);
}

bool nb_mpol_equal(const struct nb_mempolicy *a, const struct nb_mempolicy *b)
{
	if (a == b)
		return true;
	if (!a || !b || a->mode != b->mode || a->flags != b->flags || a->home_node != b->home_node)
		return false;
	if (a->flags & FIXED_FLAGS && !nb_nodes_equal(&a->user, &b->user))
		return false;
	return nb_nodes_equal(&a->nodes, &b->nodes);
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
