/* observed_use.c -- what a captured machine's memory in use was used for.
 *
 * Called by the capture's reader after nb_zone_set_observed(), and by views. Memory that was in use
 * before observation has no pages of its own here (observed.c), so what it was for is a set of
 * numbers that never change: slabs, kernel stacks, page tables, shared and anonymous memory of
 * tasks that nobody knows. Page cache that can be dropped is observed_cache.c's. Units: pages.
 */
#include "mm/buddy.h"

int nb_node_set_observed_use(struct nb_system *sys, int nid, const struct nb_node_use *use)
{
	struct nb_pgdat *p = nb_node_data(sys, nid);

	if (!p)
		return -NB_ENODEV;
	if (!p->use)
		p->use = nb_system_alloc(sys, sizeof(*p->use));
	if (!p->use)
		return -NB_ENOMEM;
	*p->use = *use;
	return 0;
}

const struct nb_node_use *nb_node_observed_use(const struct nb_system *sys, int nid)
{
	const struct nb_pgdat *p = nb_node_data(sys, nid);

	return p ? p->use : NULL;
}
