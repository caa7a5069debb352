/* hugetlb_observed.c -- pools begin as they were seen.
 *
 * Called by drivers through include/numabox/hugetlb.h, around nb_zone_set_observed(): first the
 * pools that boot made give their pages back, afterwards pages of each pool are taken out of what
 * is in use since before observation began. Which frames they are no report says: the highest whole
 * blocks of the node's zones, highest zone first. Units: huge pages; pages by dense number.
 */
#include "mm/hugetlb.h"

#include "mm/page_alloc.h"

static void clear_pool(struct nb_system *sys, struct nb_hstate *h)
{
	for (unsigned n = 0; n < sys->nr_pgdat; n++) {
		struct nb_page *page;
		struct nb_zone *z;

		while ((page = nb_hstate_dequeue_node(sys, h, n, &z))) {
			nb_hstate_remove(h, z, h->surplus_node[n] != 0);
			nb_hstate_free_buddy(sys, h, z, page, nb_huge_cpu(sys, NULL));
		}
	}
	h->next_nid_to_alloc = h->next_nid_to_free =
		(int)nb_nodemask_next(&sys->memory_nodes, 0) % NB_MAX_NODES;
	h->max = h->nr;
}

void nb_hugetlb_clear(struct nb_system *sys)
{
	for (unsigned i = 0; sys->hugetlb && i < sys->hugetlb->nr_hstates; i++)
		clear_pool(sys, &sys->hugetlb->hstate[i]);
	if (sys->hugetlb)
		nb_drain_pages(sys, -1);
}

/* One page's worth of blocks [first, first + pages) is in the pool now. */
static void adopt(struct nb_system *sys, struct nb_hstate *h, struct nb_zone *z, uint64_t first,
		  bool free)
{
	unsigned order = h->gigantic ? sys->max_order : h->order;
	struct nb_page *head = z->mem_map + first;

	for (uint64_t i = 0; i < UINT64_C(1) << h->order; i += UINT64_C(1) << order) {
		nb_page_set_flags(head + i, PG_ALLOCATED | PG_COMPOUND | PG_HUGETLB | z->page_bits |
						    order | (i ? PG_TAIL : 0u));
		head[i].refcount = i == 0;
		head[i].mapcount = 0;
		head[i].mapping = 0;
		head[i].index = 0;
		head[i].cpupid = 0;
	}
	nb_page_set_hstate(sys, head, h);
	h->nr++;
	h->nr_node[z->pgdat->index]++;
	if (free)
		nb_hstate_enqueue(h, z, head);
}

/* Whole blocks that stay in use, one by one. */
static bool leave(struct nb_zone *z, uint64_t first, uint64_t end)
{
	uint32_t block = 1u << z->sys->max_order;

	for (; first < end; first += block) {
		if (!nb_map_commit(z->pgdat, (uint32_t)first, block))
			return false;
		nb_page_set_flags(z->mem_map + first, PG_SYSTEM | z->sys->max_order | z->page_bits);
	}
	return true;
}

/* The highest place in the run for `pages` (whole blocks, aligned to themselves); UINT64_MAX. */
static uint64_t place(const struct nb_zone *z, const struct nb_block_run *r, uint64_t pages)
{
	uint64_t end = r->dense + ((uint64_t)r->nr_blocks << z->sys->max_order);
	nb_pfn_t top, first;

	if (end - r->dense < pages)
		return UINT64_MAX;
	top = nb_dense_to_pfn(z->pgdat, (uint32_t)end - 1) + 1;
	first = (top - pages) & ~(nb_pfn_t)(pages - 1);
	if (end - (top - first) < r->dense || top - first > end)
		return UINT64_MAX;
	end -= top - first;
	return nb_dense_to_pfn(z->pgdat, (uint32_t)end) == first ? end : UINT64_MAX;
}

/* Takes `pages` out of a run of blocks in use; what lies above them stays in use. UINT64_MAX: there
 * is no place. */
static uint64_t take(struct nb_zone *z, uint64_t pages)
{
	unsigned order = z->sys->max_order;

	for (unsigned i = z->nr_system_runs; i-- > 0;) {
		struct nb_block_run *r = &z->system_runs[i];
		uint64_t end = r->dense + ((uint64_t)r->nr_blocks << order);
		uint64_t first = place(z, r, pages);

		if (first == UINT64_MAX)
			continue;
		for (uint64_t d = first; d < first + pages; d += UINT64_C(1) << order) {
			if (!nb_map_commit(z->pgdat, (uint32_t)d, 1u << order))
				return UINT64_MAX;
		}
		if (!leave(z, first + pages, end))
			return UINT64_MAX;
		r->nr_blocks = (uint32_t)((first - r->dense) >> order);
		return first;
	}
	return UINT64_MAX;
}

/* Up to `count` pages of one zone; how many it had. */
static uint64_t adopt_from_zone(struct nb_system *sys, struct nb_hstate *h, struct nb_zone *z,
				uint64_t count, uint64_t *free)
{
	uint64_t pages = UINT64_C(1) << h->order, block = UINT64_C(1) << sys->max_order, got = 0;
	uint64_t piece = h->gigantic ? pages : block;

	while (got < count) {
		uint64_t first = take(z, piece), at;

		if (first == UINT64_MAX)
			break;
		for (at = first; at < first + piece && got < count; at += pages, got++) {
			adopt(sys, h, z, at, *free != 0);
			*free -= *free != 0;
		}
		for (; at < first + piece; at += pages) /* the rest of the last block */
			nb_page_set_flags(z->mem_map + at, PG_SYSTEM | h->order | z->page_bits);
	}
	return got;
}

uint64_t nb_hugetlb_set_observed(struct nb_system *sys, uint64_t page_bytes, int nid, uint64_t nr,
				 uint64_t free)
{
	struct nb_hstate *h = nb_hstate_by_bytes(sys, page_bytes);
	struct nb_pgdat *p = nb_node_data(sys, nid);
	uint64_t got = 0;

	for (unsigned t = NB_MAX_NR_ZONES; h && p && t-- > 0;)
		got += adopt_from_zone(sys, h, &p->zone[t], nr - got, &free);
	if (h)
		h->max = h->nr;
	return got;
}
