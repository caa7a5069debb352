/* check.c -- proof of the memory manager's equations.
 *
 * Called by tests and by `nb_system_check()`'s users when nothing else runs. Walks every list,
 * every page set and every committed descriptor: O(pages touched). The equations are those at the
 * top of mm/mmzone.h; that each page is in exactly one place follows from two facts: no head lies
 * inside another head's block, and per zone managed == on free lists + in page sets + allocated +
 * in use since before observation.
 */
#include "mm/address_space.h"
#include "mm/lru.h"
#include "mm/memcg.h"
#include "mm/hugetlb.h"
#include "mm/pcp.h"
#include "mm/swap.h"
#include "mm/task.h"

#include <numabox/error.h>

/* Pages by place, of one zone. */
struct census {
	uint64_t free, pcp, allocated,
		system; /* by descriptors; extents' later blocks are not in `free` */
};

static int broken(struct nb_error *err, const struct nb_zone *z, const char *what, uint64_t found,
		  uint64_t right)
{
	return nb_error_set(err, -NB_EIO, 0, "node %d zone %s: %s: found %llu, should be %llu",
			    z->pgdat->nid, nb_zone_name(z->type), what, (unsigned long long)found,
			    (unsigned long long)right);
}

/* Do the descriptors behind a head say nothing of their own? */
static bool interior_is_clear(const struct nb_page *head, unsigned order)
{
	for (uint32_t i = 1; i < 1u << order; i++) {
		if (nb_page_flags(head + i))
			return false;
	}
	return true;
}

/* Could this free block merge with its buddy? Then the lists are not well formed. From the
 * pageblock order on that may be: a block whose type kept it apart when it was freed stays apart
 * when its type changes. */
static bool has_free_buddy(const struct nb_zone *z, const struct nb_page *page, unsigned order)
{
	uint32_t other = nb_page_dense(z->mem_map, page) ^ 1u << order;

	if (order >= z->sys->pageblock_order)
		return false;
	return (nb_page_flags(z->mem_map + other) & (PG_BUDDY | PG_ORDER_MASK | PG_ZONE_MASK)) ==
	       (PG_BUDDY | order | z->page_bits);
}

static int check_free_block(const struct nb_zone *z, const struct nb_page *page, unsigned order,
			    enum nb_migratetype mt, struct nb_error *err)
{
	uint32_t dense = nb_page_dense(z->mem_map, page), flags = nb_page_flags(page);

	if (!nb_map_is_committed(z->pgdat, dense))
		return broken(err, z, "free block without descriptors", dense, 0);
	if ((flags & (PG_BUDDY | PG_ORDER_MASK | PG_ZONE_MASK | PG_MT_MASK)) !=
	    (PG_BUDDY | order | z->page_bits | (uint32_t)mt << PG_MT_SHIFT))
		return broken(err, z, "flags of a free block", flags,
			      PG_BUDDY | order | z->page_bits | (uint32_t)mt << PG_MT_SHIFT);
	if (dense & ((1u << order) - 1))
		return broken(err, z, "alignment of a free block", dense,
			      dense & ~((1u << order) - 1));
	if ((flags & PG_EXTENT) && (order != z->sys->max_order || page->index < 2))
		return broken(err, z, "blocks of an extent", page->index, 2);
	if (has_free_buddy(z, page, order))
		return broken(err, z, "a free block's buddy is free too, order", order, 0);
	return 0;
}

static int check_free_list(const struct nb_zone *z, unsigned order, enum nb_migratetype mt,
			   uint64_t *ret_blocks, struct nb_error *err)
{
	const struct nb_list *l = &z->free_area[order].free_list[mt];
	nb_link_t prev = 0;
	uint64_t blocks = 0;

	for (nb_link_t link = l->first; link;) {
		const struct nb_page *page = nb_link_page(z->mem_map, link);

		if (link > z->pgdat->mem_map_pages)
			return broken(err, z, "link past the memory map", link,
				      z->pgdat->mem_map_pages);
		int r = check_free_block(z, page, order, mt, err);

		if (r)
			return r;
		if (page->prev != prev)
			return broken(err, z, "back link of a free list", page->prev, prev);
		blocks += page->flags & PG_EXTENT ? page->index : 1;
		if (blocks > z->managed_pages)
			return broken(err, z, "a free list without end, order", order, 0);
		prev = link;
		link = page->next;
	}
	if (l->last != prev)
		return broken(err, z, "last of a free list", l->last, prev);
	if (blocks != z->free_area[order].nr_free_type[mt])
		return broken(err, z, "free blocks of a type", z->free_area[order].nr_free_type[mt],
			      blocks);
	if ((nb_zone_free_mask(z, mt) >> order & 1) != (blocks != 0))
		return broken(err, z, "mask of free orders", nb_zone_free_mask(z, mt), order);
	*ret_blocks = blocks;
	return 0;
}

static int check_free_lists(const struct nb_zone *z, uint64_t *ret_pages, struct nb_error *err)
{
	uint64_t pages = 0, isolated = 0;

	for (unsigned order = 0; order < NB_NR_ORDERS; order++) {
		uint64_t sum = 0;

		for (unsigned mt = 0; mt < NB_MIGRATE_TYPES; mt++) {
			uint64_t blocks = 0;
			int r = check_free_list(z, order, (enum nb_migratetype)mt, &blocks, err);

			if (r)
				return r;
			sum += blocks;
			if (mt == NB_MIGRATE_ISOLATE)
				isolated += blocks << order;
		}
		if (sum != z->free_area[order].nr_free)
			return broken(err, z, "free blocks of an order",
				      z->free_area[order].nr_free, sum);
		pages += sum << order;
	}
	if (nb_zone_free_pages_snapshot(z) != pages - isolated)
		return broken(err, z, "free pages", nb_zone_free_pages_snapshot(z),
			      pages - isolated);
	*ret_pages = pages;
	return 0;
}

static int check_pcp(const struct nb_zone *z, const struct nb_pcp *pcp, uint64_t *pages,
		     struct nb_error *err)
{
	uint64_t sum = 0;

	for (unsigned l = 0; l < NB_NR_PCP_LISTS; l++) {
		unsigned order = l < NB_MIGRATE_PCPTYPES * NB_PCP_ORDERS ? l / NB_MIGRATE_PCPTYPES
									 : z->sys->pageblock_order;
		nb_link_t prev = 0;

		for (nb_link_t link = pcp->list[l].first; link;) {
			const struct nb_page *page = nb_link_page(z->mem_map, link);
			uint32_t want = PG_PCP | order | z->page_bits;

			if ((page->flags & (PG_PCP | PG_ORDER_MASK | PG_ZONE_MASK)) != want)
				return broken(err, z, "flags of a page in a page set", page->flags,
					      want);
			if (page->prev != prev)
				return broken(err, z, "back link in a page set", page->prev, prev);
			sum += UINT64_C(1) << order;
			if (sum > z->managed_pages)
				return broken(err, z, "a page set's list without end", l, 0);
			prev = link;
			link = page->next;
		}
		if (pcp->list[l].last != prev)
			return broken(err, z, "last of a page set's list", pcp->list[l].last, prev);
	}
	if (sum != (uint64_t)pcp->count)
		return broken(err, z, "count of a page set", (uint64_t)pcp->count, sum);
	*pages += sum;
	return 0;
}

static int check_pcps(const struct nb_zone *z, uint64_t *ret_pages, struct nb_error *err)
{
	*ret_pages = 0;
	if (!atomic_load_explicit(&z->pageset, memory_order_acquire))
		return 0;
	for (unsigned cpu = 0; cpu < z->sys->nr_cpu_ids; cpu++) {
		const struct nb_pcp *pcp = nb_zone_pcp_peek(z, (int)cpu);
		int r = pcp ? check_pcp(z, pcp, ret_pages, err) : 0;

		if (r)
			return r;
	}
	return 0;
}

/* Counts what the descriptors of one committed max-order block say. */
static int count_block(const struct nb_pgdat *p, uint32_t dense, struct census *sums,
		       struct nb_error *err)
{
	uint32_t end = dense + (1u << p->sys->max_order);

	while (dense < end) {
		const struct nb_page *page = p->mem_map + dense;
		uint32_t flags = nb_page_flags(page);
		unsigned order = nb_flags_order(flags),
			 type = (flags & PG_ZONE_MASK) >> PG_ZONE_SHIFT;
		uint64_t n = UINT64_C(1) << order;

		if (!flags) {
			dense++;
			continue;
		}
		if (type >= NB_MAX_NR_ZONES || (dense & (n - 1)) || dense + n > end ||
		    !interior_is_clear(page, order))
			return nb_error_set(
				err, -NB_EIO, 0,
				"node %d: page %#x heads a block of order %u, flags %#x, "
				"that is not whole",
				p->nid, dense, order, flags);
		if (flags & PG_BUDDY)
			sums[type].free += n;
		else if (flags & PG_PCP)
			sums[type].pcp += n;
		else if (flags & PG_ALLOCATED)
			sums[type].allocated += n;
		else if (flags & PG_SYSTEM)
			sums[type].system += n;
		else
			return nb_error_set(err, -NB_EIO, 0,
					    "node %d: page %#x is nowhere, flags %#x", p->nid,
					    dense, flags);
		dense += (uint32_t)n;
	}
	return 0;
}

static int check_zone(const struct nb_zone *z, const struct census *sum, struct nb_error *err)
{
	uint64_t free_pages = 0, pcp_pages = 0, extents = 0, system = sum->system;
	int r = check_free_lists(z, &free_pages, err);

	if (!r)
		r = check_pcps(z, &pcp_pages, err);
	if (r)
		return r;
	for (unsigned mt = 0; mt < NB_MIGRATE_TYPES; mt++) {
		nb_link_t link = z->free_area[z->sys->max_order].free_list[mt].first;

		while (link) {
			const struct nb_page *page = nb_link_page(z->mem_map, link);

			if (page->flags & PG_EXTENT)
				extents += (page->index - 1) << z->sys->max_order;
			link = page->next;
		}
	}
	for (unsigned i = 0; i < z->nr_system_runs; i++)
		system += (uint64_t)z->system_runs[i].nr_blocks << z->sys->max_order;
	if (sum->free + extents != free_pages)
		return broken(err, z, "free pages by descriptors", sum->free + extents, free_pages);
	if (sum->pcp != pcp_pages)
		return broken(err, z, "pages in page sets by descriptors", sum->pcp, pcp_pages);
	if (free_pages + pcp_pages + sum->allocated + system != z->managed_pages)
		return broken(err, z, "free, in page sets, allocated and used pages",
			      free_pages + pcp_pages + sum->allocated + system, z->managed_pages);
	return 0;
}

static int check_node(const struct nb_pgdat *p, struct nb_error *err)
{
	struct census sums[NB_MAX_NR_ZONES] = {{0}};
	uint32_t block = 1u << p->sys->max_order;

	for (uint64_t dense = 0; dense < p->mem_map_pages; dense += block) {
		if (!nb_map_is_committed(p, (uint32_t)dense))
			continue;
		int r = count_block(p, (uint32_t)dense, sums, err);

		if (r)
			return r;
	}
	for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++) {
		int r = check_zone(&p->zone[t], &sums[t], err);

		if (r)
			return r;
	}
	return 0;
}

int nb_system_check(const struct nb_system *sys, struct nb_error *err)
{
	for (unsigned i = 0; i < sys->nr_pgdat; i++) {
		int r = check_node(sys->pgdat[i], err);

		if (r)
			return r;
	}
	if (nb_memcg_check(sys, err) || nb_lru_check(sys, err) || nb_swap_check(sys, err) ||
	    nb_files_check(sys, err))
		return -NB_EIO;
	int r = nb_hugetlb_check(sys, err);

	return r ? r : nb_tasks_check(sys, err);
}
