/* fallback.c -- memory of another migrate type, when a type's own lists are empty.
 *
 * Called by nb_rmqueue() under the zone's lock. Two generations of the kernel's rule:
 *   6.10+ claim whole pageblocks from the largest order down, and only then steal single blocks
 * from the smallest order up, straight off the foreign list (profile->claim_whole_block); before,
 * one search moves either all free pages of a pageblock or one block to the wanted type's lists,
 * and the caller tries these again. Source: mm/page_alloc.c: fallbacks[], find_suitable_fallback(),
 * __rmqueue_claim(), __rmqueue_steal(),
 * __rmqueue_fallback(), steal_suitable_fallback(), boost_watermark(); facts 5.1, 5.2, 2.3.
 */
#include "mm/buddy.h"
#include "mm/event.h"
#include "mm/page_alloc.h"

#define NR_FALLBACKS (NB_MIGRATE_PCPTYPES - 1)

static const uint8_t fallbacks[NB_MIGRATE_PCPTYPES][NR_FALLBACKS] = {
	[NB_MIGRATE_UNMOVABLE] = {NB_MIGRATE_RECLAIMABLE, NB_MIGRATE_MOVABLE},
	[NB_MIGRATE_MOVABLE] = {NB_MIGRATE_RECLAIMABLE, NB_MIGRATE_UNMOVABLE},
	[NB_MIGRATE_RECLAIMABLE] = {NB_MIGRATE_UNMOVABLE, NB_MIGRATE_MOVABLE},
};

/* First fallback type with a block of exactly that order, or -1. */
static int find_fallback(const struct nb_zone *z, unsigned order, enum nb_migratetype start)
{
	for (unsigned i = 0; i < NR_FALLBACKS; i++) {
		enum nb_migratetype mt = fallbacks[start][i];

		if (nb_zone_free_mask(z, mt) >> order & 1)
			return (int)mt;
	}
	return -1;
}

/* Is a block of that order worth its whole pageblock? */
static bool worth_claiming(const struct nb_system *sys, unsigned order, enum nb_migratetype start)
{
	return order >= sys->pageblock_order / 2 || start == NB_MIGRATE_RECLAIMABLE ||
	       start == NB_MIGRATE_UNMOVABLE || !sys->mobility_grouping;
}

bool nb_fallback_would_claim(const struct nb_zone *z, unsigned order, enum nb_migratetype start)
{
	return start < NB_MIGRATE_PCPTYPES && find_fallback(z, order, start) >= 0 &&
	       worth_claiming(z->sys, order, start);
}

/* Raises the marks for a while, since fragmentation has begun. Was anything raised? */
static bool boost_watermark(struct nb_zone *z)
{
	uint64_t block = UINT64_C(1) << z->sys->pageblock_order;
	uint64_t factor = z->sys->tune.watermark_boost_factor;
	uint64_t high = z->wmark[NB_WMARK_HIGH];

	if (!z->sys->profile->has_boost || !factor || block * 4 > z->managed_pages)
		return false;
	uint64_t max = high / 10000 * factor + high % 10000 * factor / 10000;

	if (!max)
		return false;
	if (max < block)
		max = block;
	uint64_t boost = atomic_load_explicit(&z->watermark_boost, memory_order_relaxed) + block;

	atomic_store_explicit(&z->watermark_boost, boost < max ? boost : max, memory_order_relaxed);
	return true;
}

static void boost(struct nb_zone *z, unsigned alloc_flags)
{
	if (boost_watermark(z) && (alloc_flags & NB_ALLOC_KSWAPD))
		atomic_fetch_or_explicit(&z->flags, ZONE_BOOSTED_WATERMARK, memory_order_relaxed);
}

void nb_tell_extfrag(struct nb_zone *z, struct nb_page *page, unsigned order, unsigned current,
		     enum nb_migratetype start, enum nb_migratetype from)
{
	unsigned pageblock_order = z->sys->pageblock_order;

	if (!nb_event_wanted(z->sys, NB_EV_MM_PAGE_ALLOC_EXTFRAG))
		return;
	nb_emit(z->sys, NB_EV_MM_PAGE_ALLOC_EXTFRAG, z->lock_cpu, NULL, nb_zone_page_pfn(z, page),
		order, current, pageblock_order, start, from, current < pageblock_order,
		start == nb_pageblock_mt(z, nb_page_dense(z->mem_map, page)));
}

/* Is at least half of the pageblock free or of the kind that `start` puts there? */
static bool block_is_ours(const struct nb_system *sys, enum nb_migratetype start,
			  enum nb_migratetype block_mt, uint64_t free_pages, uint64_t movable)
{
	uint64_t pages = UINT64_C(1) << sys->pageblock_order, alike = 0;

	if (start == NB_MIGRATE_MOVABLE)
		alike = movable;
	else if (block_mt == NB_MIGRATE_MOVABLE)
		alike = pages - (free_pages + movable);
	return free_pages + alike >= pages / 2 || !sys->mobility_grouping;
}

/* Free and movable pages of the pageblock around `page`; nothing is moved. */
static void count_block(const struct nb_zone *z, const struct nb_page *page, uint64_t *ret_free,
			uint64_t *ret_movable)
{
	uint32_t pages = 1u << z->sys->pageblock_order;
	uint32_t start = nb_page_dense(z->mem_map, page) & ~(pages - 1);

	*ret_free = *ret_movable = 0;
	for (uint32_t d = start; d < start + pages;) {
		uint32_t flags = nb_page_flags(z->mem_map + d), n = 1u << nb_flags_order(flags);

		if (flags & PG_BUDDY)
			*ret_free += n;
		else if (flags & PG_LRU)
			*ret_movable += n;
		d += n;
	}
}

static bool block_in_zone(const struct nb_zone *z, const struct nb_page *page)
{
	nb_pfn_t pages = UINT64_C(1) << z->sys->pageblock_order;
	nb_pfn_t start = nb_zone_page_pfn(z, page) & ~(pages - 1);

	return start >= z->zone_start_pfn && start + pages <= nb_zone_end_pfn(z);
}

/* Takes a whole block over for `start` and a page out of it. NULL: not worth it. */
static struct nb_page *try_to_claim(struct nb_zone *z, unsigned current, unsigned order,
				    enum nb_migratetype start, enum nb_migratetype from,
				    unsigned alloc_flags)
{
	struct nb_page *page;
	uint64_t free_pages, movable;

	if (current >= z->sys->pageblock_order) {
		page = nb_free_list_take(z, current, from);
		if (!page)
			return NULL;
		nb_change_pageblock_range(z, page, current, start);
		nb_expand(z, page, order, current, start);
		nb_account_free(z, start, -(INT64_C(1) << order));
		nb_page_set_flags(page, (uint32_t)start << PG_MT_SHIFT | z->page_bits);
		return page;
	}
	boost(z, alloc_flags);
	page = nb_link_page(z->mem_map, z->free_area[current].free_list[from].first);
	if (!block_in_zone(z, page))
		return NULL;
	count_block(z, page, &free_pages, &movable);
	if (!block_is_ours(z->sys, start, from, free_pages, movable))
		return NULL;
	nb_move_freepages_block(z, page, start, &movable);
	nb_set_pageblock_mt(z, nb_page_dense(z->mem_map, page), start);
	return nb_rmqueue_smallest(z, order, start);
}

struct nb_page *nb_rmqueue_claim(struct nb_zone *z, unsigned order, enum nb_migratetype start,
				 unsigned alloc_flags)
{
	unsigned pageblock_order = z->sys->pageblock_order;
	unsigned min_order = order;

	if (order < pageblock_order && (alloc_flags & NB_ALLOC_NOFRAGMENT))
		min_order = pageblock_order;
	for (unsigned current = z->sys->max_order + 1; current-- > min_order;) {
		if (!worth_claiming(z->sys, current, start))
			return NULL;
		int from = find_fallback(z, current, start);

		if (from < 0)
			continue;
		struct nb_page *page = try_to_claim(z, current, order, start,
						    (enum nb_migratetype)from, alloc_flags);

		if (page) {
			nb_tell_extfrag(z, page, order, current, start, (enum nb_migratetype)from);
			return page;
		}
	}
	return NULL;
}

struct nb_page *nb_rmqueue_steal(struct nb_zone *z, unsigned order, enum nb_migratetype start)
{
	for (unsigned current = order; current <= z->sys->max_order; current++) {
		int from = find_fallback(z, current, start);

		if (from < 0)
			continue;
		struct nb_page *page = nb_free_list_take(z, current, (enum nb_migratetype)from);

		if (!page)
			return NULL;
		nb_expand(z, page, order, current, (enum nb_migratetype)from);
		nb_account_free(z, (enum nb_migratetype)from, -(INT64_C(1) << order));
		nb_page_set_flags(page, (uint32_t)start << PG_MT_SHIFT | z->page_bits);
		nb_tell_extfrag(z, page, order, current, start, (enum nb_migratetype)from);
		return page;
	}
	return NULL;
}

/* The old rule: moves the head block of a foreign list, or with it its pageblock's free pages, to
 * start's lists. */
static bool steal_suitable(struct nb_zone *z, unsigned current, enum nb_migratetype start,
			   enum nb_migratetype from, bool whole_block, unsigned alloc_flags,
			   struct nb_page **ret_page)
{
	struct nb_page *page;
	uint64_t movable;

	if (current >= z->sys->pageblock_order) {
		page = nb_free_list_take(z, current, from);
		if (!page)
			return false;
		*ret_page = page;
		if (nb_pageblock_mt(z, nb_page_dense(z->mem_map, page)) != NB_MIGRATE_HIGHATOMIC)
			nb_change_pageblock_range(z, page, current, start);
		nb_free_list_add(z, page, current, start, true);
		return true;
	}
	page = nb_link_page(z->mem_map, z->free_area[current].free_list[from].first);
	*ret_page = page;
	enum nb_migratetype old = nb_pageblock_mt(z, nb_page_dense(z->mem_map, page));

	if (old != NB_MIGRATE_HIGHATOMIC) {
		boost(z, alloc_flags);
		if (whole_block) {
			int64_t moved = nb_move_freepages_block(z, page, start, &movable);

			if (moved > 0) {
				if (block_is_ours(z->sys, start, old, (uint64_t)moved, movable))
					nb_set_pageblock_mt(z, nb_page_dense(z->mem_map, page),
							    start);
				return true;
			}
		}
	}
	page = nb_free_list_take(z, current, from);
	if (page)
		nb_free_list_add(z, page, current, start, true);
	return page != NULL;
}

bool nb_rmqueue_fallback(struct nb_zone *z, unsigned order, enum nb_migratetype start,
			 unsigned alloc_flags)
{
	unsigned pageblock_order = z->sys->pageblock_order;
	unsigned min_order = order, current;
	int from = -1;

	if (order < pageblock_order && (alloc_flags & NB_ALLOC_NOFRAGMENT))
		min_order = pageblock_order;
	for (current = z->sys->max_order + 1; current-- > min_order;) {
		from = find_fallback(z, current, start);
		if (from >= 0)
			break;
	}
	if (from < 0)
		return false;
	bool whole = worth_claiming(z->sys, current, start);

	/* A movable request that gets no pageblock takes the smallest block that does. */
	if (!whole && start == NB_MIGRATE_MOVABLE && current > order) {
		for (current = order; (from = find_fallback(z, current, start)) < 0;)
			current++;
		whole = worth_claiming(z->sys, current, start);
	}
	struct nb_page *page;

	if (!steal_suitable(z, current, start, (enum nb_migratetype)from, whole, alloc_flags,
			    &page))
		return false;
	nb_tell_extfrag(z, page, order, current, start, (enum nb_migratetype)from);
	return true;
}
