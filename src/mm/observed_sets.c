/* observed_sets.c -- the page sets that a captured machine begins with.
 *
 * Called by the capture's reader (nb_zone_set_observed_set(), after nb_zone_set_observed() and the
 * pools). How many pages a CPU's set of a zone holds, and how many it may, a capture tells; which,
 * and of what type, it does not. The rule: single pages, every second frame of whole max-order
 * blocks in use, so that no two become one block when they are given back; half of them out of the
 * zone's lowest such blocks, where unmovable ones lie, half out of its highest. Each waits in the
 * list of its pageblock's type. Units: base pages. Source: facts 5.5.
 */
#include "mm/observed.h"
#include "mm/pcp.h"

/* A block in use that is being taken apart. */
struct source {
	struct nb_zone *z;
	bool lowest;
	uint64_t dense;      /* of the block; UINT64_MAX: none left */
	unsigned next, size; /* pages of it that were looked at, and that it has */
};

static bool open_block(struct source *s)
{
	struct nb_zone *z = s->z;

	s->dense = nb_observed_take_block(z, s->lowest);
	if (s->dense == UINT64_MAX)
		return false;
	s->next = 0;
	s->size = 1u << z->sys->max_order;
	for (unsigned i = 0; i < s->size; i++)
		nb_page_set_flags(z->mem_map + s->dense + i, PG_SYSTEM | z->page_bits);
	return true;
}

/* Puts up to `pages` of the source's pages into the set; how many. */
static int fill(struct source *s, struct nb_pcp *pcp, int pages)
{
	struct nb_zone *z = s->z;
	int n = 0;

	while (n < pages && (s->next < s->size || open_block(s))) {
		uint32_t dense = (uint32_t)(s->dense + s->next);
		struct nb_page *page = z->mem_map + dense;
		enum nb_migratetype mt = nb_pageblock_mt(z, dense);

		s->next += 2;
		if (mt == NB_MIGRATE_ISOLATE)
			continue;
		if (mt >= NB_MIGRATE_PCPTYPES)
			mt = NB_MIGRATE_MOVABLE;
		nb_page_set_flags(page, PG_PCP | (uint32_t)mt << PG_MT_SHIFT | z->page_bits);
		nb_list_add_tail(z->mem_map, &pcp->list[nb_pcp_list_of(0, mt)], page);
		pcp->count++;
		n++;
	}
	return n;
}

unsigned nb_zone_set_observed_sets(struct nb_system *sys, int nid, enum nb_zone_type type,
				   const struct nb_set_observed *sets, unsigned nr_sets)
{
	struct nb_pgdat *p = nb_node_data(sys, nid);
	unsigned placed = 0;

	if (!p || (unsigned)type >= NB_MAX_NR_ZONES)
		return 0;
	struct nb_zone *z = &p->zone[type];
	struct source low = {.z = z, .lowest = true}, high = {.z = z};

	for (unsigned i = 0; i < nr_sets; i++) {
		const struct nb_set_observed *set = &sets[i];
		struct nb_pcp *pcp;

		if (set->cpu >= sys->nr_cpu_ids || sys->cpu_to_node[set->cpu] < 0 ||
		    set->count > z->managed_pages || (!set->count && !set->high))
			continue;
		pcp = nb_zone_pcp(z, (int)set->cpu);
		if (!pcp || pcp->count)
			continue;
		if (pcp->auto_tuned && set->high <= (uint64_t)pcp->high_max)
			pcp->high = (int)set->high;
		int below = fill(&low, pcp, (int)set->count / 2);

		placed += (unsigned)below;
		placed += (unsigned)fill(&high, pcp, (int)set->count - below);
		pcp->expire = NB_PCP_EXPIRE;
	}
	return placed;
}
