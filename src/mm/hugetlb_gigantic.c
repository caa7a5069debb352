/* hugetlb_gigantic.c -- huge pages that no free list can hold: rows of blocks of the highest order.
 *
 * Called by hugetlb.c. A gigantic page is 1 << (order - max_order) blocks in a row that lie in
 * one zone and are all free; its first block's head carries PG_HUGETLB, the others PG_TAIL besides.
 * Free blocks lie in extents, which are cut where the row begins and ends; what is left keeps its
 * place in the list. Pages in use are not moved out of the way (docs/deviations.md).
 * Units: pages by dense number or frame. Source: mm/page_alloc.c, alloc_contig_pages().
 */
#include "mm/buddy.h"
#include "mm/hugetlb.h"

#include "mm/page_alloc.h"

/* A row that is looked for, by dense number. */
struct row {
	struct nb_zone *z;
	uint64_t first, end;
};

/* The blocks of an element of a max-order list: [*first, *end) by dense number. */
static void extent_bounds(const struct nb_zone *z, const struct nb_page *head, uint64_t *first,
			  uint64_t *end)
{
	uint64_t block = UINT64_C(1) << z->sys->max_order, dense = nb_page_dense(z->mem_map, head);
	uint64_t blocks = head->flags & PG_EXTENT ? head->index : 1;

	*first = head->flags & PG_DESCENDING ? dense - (blocks - 1) * block : dense;
	*end = *first + blocks * block;
}

/* Pages of the row that are free in whole blocks. */
static uint64_t free_in_row(const struct row *r)
{
	struct nb_zone *z = r->z;
	uint64_t sum = 0;

	for (unsigned mt = 0; mt < NB_MIGRATE_TYPES; mt++) {
		nb_link_t link = z->free_area[z->sys->max_order].free_list[mt].first;

		while (link && mt != NB_MIGRATE_ISOLATE) {
			const struct nb_page *head = nb_link_page(z->mem_map, link);
			uint64_t first, end;

			extent_bounds(z, head, &first, &end);
			first = first > r->first ? first : r->first;
			end = end < r->end ? end : r->end;
			sum += first < end ? end - first : 0;
			link = head->next;
		}
	}
	return sum;
}

/* Puts the blocks [first, end) into the list as one element behind `after` (NULL: at the head). */
static struct nb_page *insert_piece(struct nb_zone *z, struct nb_list *l, struct nb_page *after,
				    uint64_t first, uint64_t end, uint32_t flags)
{
	uint64_t block = UINT64_C(1) << z->sys->max_order, blocks = (end - first) / block;
	struct nb_page *head = z->mem_map + (flags & PG_DESCENDING ? end - block : first);

	if (blocks < 2)
		flags &= ~(uint32_t)(PG_EXTENT | PG_DESCENDING);
	nb_page_set_flags(head, flags);
	head->index = blocks & ((UINT64_C(1) << 40) - 1);
	if (!after) {
		nb_list_add_head(z->mem_map, l, head);
		return head;
	}
	head->prev = nb_page_link(z->mem_map, after);
	head->next = after->next;
	if (after->next)
		nb_link_page(z->mem_map, after->next)->prev = nb_page_link(z->mem_map, head);
	else
		l->last = nb_page_link(z->mem_map, head);
	after->next = nb_page_link(z->mem_map, head);
	return head;
}

/* Cuts the row's part out of one element; what is left keeps its place. */
static void cut_element(const struct row *r, struct nb_list *l, struct nb_page *head,
			enum nb_migratetype mt)
{
	struct nb_zone *z = r->z;
	unsigned order = z->sys->max_order;
	struct nb_page *before = head->prev ? nb_link_page(z->mem_map, head->prev) : NULL;
	uint32_t flags = head->flags;
	uint64_t first, end, from, to, blocks;

	extent_bounds(z, head, &first, &end);
	from = first > r->first ? first : r->first;
	to = end < r->end ? end : r->end;
	blocks = (to - from) >> order;
	nb_list_del(z->mem_map, l, head);
	nb_page_set_flags(head, 0);
	if (flags & PG_DESCENDING) {
		if (to < end)
			before = insert_piece(z, l, before, to, end, flags);
		if (first < from)
			(void)insert_piece(z, l, before, first, from, flags);
	} else {
		if (first < from)
			before = insert_piece(z, l, before, first, from, flags);
		if (to < end)
			(void)insert_piece(z, l, before, to, end, flags);
	}
	z->free_area[order].nr_free_type[mt] -= blocks;
	z->free_area[order].nr_free -= blocks;
	if (!z->free_area[order].nr_free_type[mt])
		atomic_fetch_and_explicit(&z->free_mask[mt], (uint16_t) ~(1u << order),
					  memory_order_relaxed);
	nb_account_free(z, mt, -(int64_t)(blocks << order));
}

/* Every descriptor that becomes a head is committed first. */
static bool commit_row(const struct row *r)
{
	uint32_t block = 1u << r->z->sys->max_order;

	for (uint64_t d = r->first; d < r->end; d += block) {
		if (!nb_map_commit(r->z->pgdat, (uint32_t)d, block))
			return false;
	}
	return (r->end >= r->z->pgdat->mem_map_pages ||
		nb_map_commit(r->z->pgdat, (uint32_t)r->end, block)) &&
	       (r->first < block || nb_map_commit(r->z->pgdat, (uint32_t)r->first - block, block));
}

static void cut_row(const struct row *r)
{
	struct nb_zone *z = r->z;

	for (unsigned mt = 0; mt < NB_MIGRATE_TYPES; mt++) {
		struct nb_list *l = &z->free_area[z->sys->max_order].free_list[mt];
		nb_link_t link = l->first;

		while (link && mt != NB_MIGRATE_ISOLATE) {
			struct nb_page *head = nb_link_page(z->mem_map, link);
			uint64_t first, end;

			link = head->next;
			extent_bounds(z, head, &first, &end);
			if (first < r->end && end > r->first)
				cut_element(r, l, head, (enum nb_migratetype)mt);
		}
	}
}

/* Takes the row at `pfn` when it is free. */
static struct nb_page *take_row(struct nb_system *sys, struct nb_zone *z, nb_pfn_t pfn,
				uint64_t pages, int cpu)
{
	struct nb_zone *zfirst, *zlast;
	const struct nb_page *first = nb_pfn_to_page(sys, pfn, &zfirst),
			     *last = nb_pfn_to_page(sys, pfn + pages - 1, &zlast);
	struct row r = {.z = z};
	struct nb_page *head;
	bool free;

	if (!first || !last || zfirst != z || zlast != z || (uint64_t)(last - first) != pages - 1)
		return NULL;
	r.first = nb_page_dense(z->mem_map, first);
	r.end = r.first + pages;
	nb_zone_lock(z, cpu);
	free = free_in_row(&r) == pages && commit_row(&r);
	if (free)
		cut_row(&r);
	nb_zone_unlock(z);
	if (!free)
		return NULL;
	head = z->mem_map + r.first;
	for (uint64_t d = r.first; d < r.end; d += UINT64_C(1) << sys->max_order) {
		struct nb_page *page = z->mem_map + d;

		nb_page_set_flags(page, PG_ALLOCATED | PG_COMPOUND | PG_HUGETLB | z->page_bits |
						sys->max_order | (page == head ? 0u : PG_TAIL));
		page->refcount = page == head;
		page->mapcount = 0;
		page->mapping = 0;
		page->index = 0;
		page->cpupid = 0;
	}
	return head;
}

struct nb_page *nb_take_gigantic_at(struct nb_system *sys, struct nb_hstate *h, nb_pfn_t pfn,
				    int cpu, struct nb_zone **ret_zone)
{
	struct nb_page *page = nb_pfn_to_page(sys, pfn, ret_zone);

	page = page ? take_row(sys, *ret_zone, pfn, UINT64_C(1) << h->order, cpu) : NULL;
	if (page)
		nb_page_set_hstate(sys, page, h);
	return page;
}

struct nb_page *nb_alloc_gigantic(struct nb_system *sys, struct nb_hstate *h, nb_gfp_t gfp, int nid,
				  const struct nb_nodemask *mask, int cpu,
				  struct nb_zone **ret_zone)
{
	uint64_t pages = UINT64_C(1) << h->order;
	const struct nb_pgdat *p = nb_node_data(sys, nid);
	enum nb_zone_type highest = (enum nb_zone_type)sys->gfp_zone[gfp & 0xf];
	const struct nb_zoneref *ref;

	if (!p)
		return NULL;
	nb_drain_pages(sys, -1);
	ref = gfp & NB_GFP_BIT_THISNODE ? p->zonelist_nofallback : p->zonelist;
	for (ref = nb_next_zoneref(ref, highest, mask); ref->zone;
	     ref = nb_next_zoneref(ref + 1, highest, mask)) {
		struct nb_zone *z = ref->zone;
		nb_pfn_t pfn = (z->zone_start_pfn + pages - 1) & ~(pages - 1);

		for (; pfn + pages <= nb_zone_end_pfn(z); pfn += pages) {
			struct nb_page *page = take_row(sys, z, pfn, pages, cpu);

			if (!page)
				continue;
			nb_page_set_hstate(sys, page, h);
			*ret_zone = z;
			return page;
		}
	}
	return NULL;
}

void nb_free_gigantic(struct nb_system *sys, struct nb_hstate *h, struct nb_zone *z,
		      struct nb_page *page, int cpu)
{
	unsigned order = sys->max_order;

	nb_zone_lock(z, cpu);
	for (uint64_t i = 0; i < UINT64_C(1) << h->order; i += UINT64_C(1) << order) {
		struct nb_page *p = page + i;

		p->cpupid = 0;
		nb_page_set_flags(p, PG_ALLOCATED | z->page_bits | order);
		nb_free_one_page(z, p, order, nb_pageblock_mt(z, nb_page_dense(z->mem_map, p)),
				 NB_FPI_NONE);
	}
	nb_zone_unlock(z);
}
