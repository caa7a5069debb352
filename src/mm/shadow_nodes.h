/* shadow_nodes.h -- nodes of files' trees in which only shadows are left.
 *
 * Called by address_space.c (a tree tells of its nodes' changes) and, through the shrinker that
 * stands here, by reclaim. They wait on a list of their NUMA node, oldest first, and the shrinker
 * drops what is more than one for eight pages on the node's lists of reclaim: such shadows are of
 * pages that were away longer than any list is long. Locks: the list's, a leaf; taken under a
 * file's lock, which is only tried from the list's side.
 * Source: mm/workingset.c: workingset_update_node(), count_shadow_nodes(), shadow_lru_isolate().
 */
#ifndef NB_MM_SHADOW_NODES_H
#define NB_MM_SHADOW_NODES_H

#include "mm/address_space.h"

struct nb_shadow_nodes;

/* The lists of a system, with their shrinker; NULL without memory. */
struct nb_shadow_nodes *nb_shadow_nodes_new(struct nb_system *sys);
/* The changes of a tree's nodes are watched from now on. It is the `pages` of a file. */
void nb_shadow_nodes_watch(struct nb_radix *pages);
/* A node's nodes on the list, and how many were dropped so far: workingset_nodes and
 * workingset_nodereclaim of vmstat. */
void nb_shadow_nodes_count(const struct nb_system *sys, int nid, uint64_t *ret_nodes,
			   uint64_t *ret_dropped);

#endif
