/* mempolicy.h -- which node a request goes to.
 *
 * Called by task.c (set_mempolicy), mbind.c, fault.c (user pages) and page_alloc.c, which hands a
 * request that names a task but no node to nb_alloc_pages_task(). Policies are shared by reference
 * between a VMA's pieces. Source: mm/mempolicy.c; facts 6.
 */
#ifndef NB_MM_MEMPOLICY_H
#define NB_MM_MEMPOLICY_H

#include "mm/mmzone.h"

#define NB_MPOL_SHORT 16u

struct nb_mempolicy {
	unsigned refs;
	uint8_t mode;             /* enum nb_mpol_mode, never DEFAULT */
	unsigned flags;           /* NB_MPOL_F_* */
	int home_node;            /* or NB_NO_NODE */
	struct nb_nodemask nodes; /* in force */
	/* as given with STATIC or RELATIVE; else mems_allowed then. One field, as in Linux: a
	 * cpuset's change of a preferred policy writes the latter over the former. */
	struct nb_nodemask user;
	unsigned weight;              /* bits in nodes */
	uint16_t node[NB_MPOL_SHORT]; /* the first of them, ascending */
};

/* The checks of mode and flags alone, which come first. 0 or -NB_EINVAL. */
int nb_mpol_check_mode(const struct nb_system *sys, int mode_and_flags);
/* Checks as set_mempolicy and mbind do and makes the policy in the task's cpuset. *ret_pol is NULL
 * for the default. 0, -NB_EINVAL, -NB_ENOMEM. */
int nb_mpol_new(struct nb_task *t, int mode_and_flags, const struct nb_nodemask *nodes,
		struct nb_mempolicy **ret_pol);
/* A copy with that home node. NULL without memory. */
struct nb_mempolicy *nb_mpol_with_home(struct nb_system *sys, const struct nb_mempolicy *pol,
				       int node);
/* What the policy is after the memory nodes of its cpuset became `mems`: takes the caller's
 * reference and returns one, to another policy where something changed. `pol` itself also without
 * memory. Source: mpol_rebind_policy(). */
struct nb_mempolicy *nb_mpol_rebind(struct nb_system *sys, struct nb_mempolicy *pol,
				    const struct nb_nodemask *mems);
void nb_mpol_get(struct nb_mempolicy *pol); /* NULL is fine */
void nb_mpol_put(struct nb_system *sys, struct nb_mempolicy *pol);
bool nb_mpol_equal(const struct nb_mempolicy *a, const struct nb_mempolicy *b);
/* The mode with flags and the mask that get_mempolicy shows; either may be NULL. */
void nb_mpol_show(const struct nb_mempolicy *pol, int *ret_mode, struct nb_nodemask *ret_nodes);

/* mbind.c: what a VMA itself, or the object that it maps, says for addr, with a reference; NULL:
 * nothing. Source: __get_vma_policy(). */
struct nb_vma;
struct nb_mempolicy *nb_vma_own_policy(const struct nb_vma *v, uint64_t addr);

/* Weight of a node for weighted interleave. 0 or -NB_ENOMEM. */
int nb_mpol_set_weight(struct nb_system *sys, unsigned nid, uint8_t weight);

/* One user page under `pol` (NULL: default). `index` is the page's place in its mapping: (vm_pgoff
 * + offset), on which interleaving depends. The frame, or NB_NO_PFN. */
nb_pfn_t nb_mpol_alloc(struct nb_task *t, const struct nb_mempolicy *pol, nb_gfp_t gfp,
		       unsigned order, uint64_t index);

/* For probe.c: where a request under `pol` (NULL: default) would be sent first, without sending it:
 * the node whose list is walked, and the mask (NULL: all). `index` as above, or NB_UNKNOWN: the
 * task's counter decides, and is not moved. PREFERRED_MANY tries without its mask afterwards. */
void nb_mpol_target(const struct nb_task *t, const struct nb_mempolicy *pol, nb_gfp_t gfp,
		    uint64_t index, int *ret_nid, const struct nb_nodemask **ret_mask);

/* The node of the task's next page without a place, when its policy interleaves; else NB_NO_NODE.
 * Nothing moves. */
int nb_mpol_next_node(const struct nb_task *t);

/* A kernel allocation of rq->task, without a node: alloc_pages(). Interleaving goes by the task's
 * counter. Called by nb_alloc_pages(); calls it back with a node. */
nb_pfn_t nb_alloc_pages_task(struct nb_system *sys, const struct nb_alloc_request *rq);

#endif
