/* nodemask.h -- set algebra of nodes, as Linux's nodemask functions have it.
 *
 * Called by mempolicy.c, cpuset.c, migrate_pages.c. Pure. Source: include/linux/nodemask.h,
 * lib/bitmap.c.
 */
#ifndef NB_MM_NODEMASK_H
#define NB_MM_NODEMASK_H

#include "base/mask.h"

bool nb_nodes_equal(const struct nb_nodemask *a, const struct nb_nodemask *b);
bool nb_nodes_subset(const struct nb_nodemask *a, const struct nb_nodemask *of);
bool nb_nodes_intersect(const struct nb_nodemask *a, const struct nb_nodemask *b);
/* *ret = a & b, which may be *ret; whether anything is left. */
bool nb_nodes_and(struct nb_nodemask *ret, const struct nb_nodemask *a,
		  const struct nb_nodemask *b);
/* The first member above `node`, or else the first of all; NB_NO_NODE of an empty set.
 * Source: next_node_in(). */
int nb_node_next_in(int node, const struct nb_nodemask *m);
/* The n-th member, counted from 0 and ascending; n is below the weight. */
unsigned nb_nodes_nth(const struct nb_nodemask *m, unsigned n);

/* Where `node` goes when the set `from` becomes `to`: the n-th member of one to the n-th of the
 * other, from its beginning again where that has fewer. A node outside `from` stays, and all do
 * when `to` is empty. Source: bitmap_bitremap(). */
unsigned nb_node_remap(unsigned node, const struct nb_nodemask *from, const struct nb_nodemask *to);
/* Each member of `m` so. Source: bitmap_remap(). */
void nb_nodes_remap(struct nb_nodemask *ret, const struct nb_nodemask *m,
		    const struct nb_nodemask *from, const struct nb_nodemask *to);
/* Bit b of `m` becomes member b mod w of `onto`, which has w. Source: mpol_relative_nodemask(). */
void nb_nodes_relative(struct nb_nodemask *ret, const struct nb_nodemask *m,
		       const struct nb_nodemask *onto);

#endif
