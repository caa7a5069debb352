/* cpuset.h -- what the rest of mm asks of cpusets.
 *
 * Called by the allocator (may a request use a node?), the page cache (spreading), task.c (which
 * CPUs). A task's own copy of its nodes is t->mems_allowed; NB_PF_CPUSET says that it is less than
 * all memory, so that others need not look.
 */
#ifndef NB_MM_CPUSET_H
#define NB_MM_CPUSET_H

#include "mm/task.h"

#include <numabox/cpuset.h>

struct nb_cpuset {
	struct nb_system *sys;
	struct nb_cpuset *parent, *child, *next; /* next: sibling, in the order of making */
	char name[32];
	unsigned flags; /* NB_CPUSET_* */
	bool of_task;   /* made by nb_set_cpuset() */
	/* of the root: how many of those there are at most, and when to look which are unused */
	unsigned nr_made, drop_at;
	struct nb_nodemask mems, effective_mems;
	struct nb_nodemask old_mems; /* where its tasks' pages lie: moves go from there */
	struct nb_cpumask cpus, effective_cpus;
};

/* May a request of the task use the node? Requests with __GFP_HARDWALL stay in the task's nodes;
 * the kernel's own may go up to the nearest hardwall above. t == NULL (interrupts): anywhere.
 * Source: cpuset_node_allowed(). */
bool nb_cpuset_node_allowed(const struct nb_task *t, int nid, nb_gfp_t gfp);

/* Where the task's next page of a file goes when its cpuset spreads them; NB_NO_NODE: it does not.
 * Its rotor moves on. Linux lets it begin at a random node, we at the first.
 * Source: cpuset_mem_spread_node(). */
int nb_cpuset_spread_page_node(struct nb_task *t);

/* The CPUs that the task's cpuset allows it. Source: cpuset_cpus_allowed(). */
void nb_cpuset_cpus_allowed(const struct nb_task *t, struct nb_cpumask *ret);

#endif
