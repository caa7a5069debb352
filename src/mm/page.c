/* page.c -- what stands at a frame.
 *
 * Called by scenarios, views and tests. Constant time: a page that is no head looks for its head
 * at the max_order places where one can be; one without a head lies in an extent (free, or
 * in use by the system since before observation began).
 */
#include <numabox/page_alloc.h>

#include "mm/boot.h"
#include "mm/page.h"

/* The page that heads the block around `page`, or NULL. *ret_order: its order. */
static const struct nb_page *find_head(const struct nb_zone *z, const struct nb_page *page)
{
	uint32_t dense = nb_page_dense(z->mem_map, page);

	for (unsigned order = 0; order <= z->sys->max_order; order++) {
		const struct nb_page *head = z->mem_map + (dense & ~((1u << order) - 1));
		uint32_t flags = nb_page_flags(head);

		if ((flags & (PG_BUDDY | PG_PCP | PG_ALLOCATED | PG_SYSTEM)) &&
		    nb_flags_order(flags) >= order)
			return head;
	}
	return NULL;
}

static bool in_system_run(const struct nb_zone *z, uint32_t dense)
{
	unsigned lo = 0, hi = z->nr_system_runs;

	while (lo < hi) {
		unsigned mid = lo + (hi - lo) / 2;
		const struct nb_block_run *r = &z->system_runs[mid];

		if (dense < r->dense)
			hi = mid;
		else if (dense - r->dense >= (uint64_t)r->nr_blocks << z->sys->max_order)
			lo = mid + 1;
		else
			return true;
	}
	return false;
}

/* Did the kernel keep the page for good? */
static bool is_reserved(const struct nb_system *sys, const struct nb_zone *z, nb_pfn_t pfn)
{
	unsigned i = nb_reserved_first_past(sys, pfn);

	if (pfn < z->managed_start_pfn || pfn >= z->managed_end_pfn)
		return true;
	return i < sys->nr_reserved && pfn >= sys->reserved[i].start_pfn &&
	       pfn < sys->reserved[i].later_pfn;
}

/* What the flags of a page in use are called outside. */
static uint32_t use_flags(uint32_t flags)
{
	static const struct {
		uint32_t inside, outside;
	} names[] = {
		{PG_ANON, NB_PAGE_ANON},
		{PG_LRU, NB_PAGE_LRU},
		{PG_REFERENCED, NB_PAGE_REFERENCED},
		{PG_ACTIVE, NB_PAGE_ACTIVE},
		{PG_DIRTY, NB_PAGE_DIRTY},
		{PG_WRITEBACK, NB_PAGE_WRITEBACK},
		{PG_SWAPBACKED, NB_PAGE_SWAPBACKED},
		{PG_SWAPCACHE, NB_PAGE_SWAPCACHE},
		{PG_UNEVICTABLE, NB_PAGE_UNEVICTABLE},
		{PG_MLOCKED, NB_PAGE_MLOCKED},
		{PG_COMPOUND, NB_PAGE_COMPOUND},
		{PG_HUGETLB, NB_PAGE_HUGETLB},
		{PG_RECLAIM, NB_PAGE_RECLAIM},
	};
	uint32_t ret = 0;

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		ret |= flags & names[i].inside ? names[i].outside : 0u;
	return ret;
}

static void fill_from_head(struct nb_page_info *info, const struct nb_page *page,
			   const struct nb_page *head)
{
	uint32_t flags = nb_page_flags(head);
	bool is_head = page == head;

	if (is_head)
		info->order = (int)nb_flags_order(flags);
	if (flags & PG_BUDDY)
		info->flags = NB_PAGE_FREE | (is_head ? NB_PAGE_BUDDY : 0u);
	else if (flags & PG_PCP)
		info->flags = NB_PAGE_PCP;
	else if (flags & PG_SYSTEM)
		info->flags = NB_PAGE_SYSTEM | (is_head ? NB_PAGE_HEAD : 0u);
	else
		info->flags = is_head ? NB_PAGE_HEAD : 0u;
	if (!(flags & PG_ALLOCATED))
		return;
	info->flags |= use_flags(flags);
	info->refcount = head->refcount;
	info->mapcount = head->mapcount;
	info->mapping = head->mapping;
	info->index = head->index + (uint64_t)(page - head);
}

int nb_page_info(const struct nb_system *sys, nb_pfn_t pfn, struct nb_page_info *ret_info)
{
	struct nb_zone *z;
	const struct nb_page *page = nb_pfn_to_page(sys, pfn, &z), *head = NULL;

	if (!page)
		return -NB_ENOENT;
	uint32_t dense = nb_page_dense(z->mem_map, page);
	bool committed = nb_map_is_committed(z->pgdat, dense);

	*ret_info = (struct nb_page_info){.nid = z->pgdat->nid,
					  .zone = z->type,
					  .order = -1,
					  .migratetype = nb_pageblock_mt_any(z, dense)};
	if (is_reserved(sys, z, pfn)) {
		ret_info->flags = NB_PAGE_RESERVED;
		return 0;
	}
	if (committed)
		head = find_head(z, page);
	if (head)
		fill_from_head(ret_info, page, head);
	else
		ret_info->flags = in_system_run(z, dense) ? NB_PAGE_SYSTEM : NB_PAGE_FREE;
	return 0;
}
