/* buddy.c -- the free lists: taking, splitting, giving back, merging.
 *
 * Called under the zone's lock. A list's order is the kernel's, block for block: splits leave upper
 * halves at list heads, freed blocks go to the head or, where a merge is likely, to the tail. An
 * extent is one element that stands for `index` consecutive max-order blocks nobody has touched;
 * taking the list's head takes the extent's first block and moves the head on. Since blocks of max
 * order never merge, the order stays exact. Arithmetic runs on dense numbers, which agree with pfns
 * in their low max_order bits. Source: mm/page_alloc.c: __rmqueue_smallest(), expand(),
 * __free_one_page(), __rmqueue(); facts 5.2, 5.3.
 */
#include "mm/buddy.h"

#include "mm/event.h"
#include "mm/page_alloc.h"

static void set_mask(struct nb_zone *z, enum nb_migratetype mt, unsigned order, bool on)
{
	unsigned mask = nb_zone_free_mask(z, mt);

	mask = on ? mask | 1u << order : mask & ~(1u << order);
	atomic_store_explicit(&z->free_mask[mt], (uint16_t)mask, memory_order_relaxed);
}

static inline void add_relaxed(_Atomic uint64_t *counter, int64_t n)
{
	uint64_t v = atomic_load_explicit(counter, memory_order_relaxed);

	atomic_store_explicit(counter, v + (uint64_t)n, memory_order_relaxed);
}

/* A CPU's part of a counter goes into the zone's when it exceeds the threshold. Source:
 * __mod_zone_page_state(). */
static inline void mod_zone_state(const struct nb_zone *z, _Atomic uint64_t *counter,
				  _Atomic int32_t *diff, int64_t n)
{
	if (nb_likely(diff != NULL)) {
		n += atomic_load_explicit(diff, memory_order_relaxed);
		int t = atomic_load_explicit(&z->stat_threshold, memory_order_relaxed);
		bool keep = n <= t && n >= -t;

		atomic_store_explicit(diff, keep ? (int32_t)n : 0, memory_order_relaxed);
		if (keep)
			return;
	}
	add_relaxed(counter, n);
}

/* The same for |n| changes by 1 one after the other. */
static void mod_zone_state_singly(const struct nb_zone *z, _Atomic uint64_t *counter,
				  _Atomic int32_t *diff, int64_t n)
{
	int64_t t = atomic_load_explicit(&z->stat_threshold, memory_order_relaxed);
	int64_t sign = n < 0 ? -1 : 1, left = n * sign;
	int64_t x = diff ? sign * atomic_load_explicit(diff, memory_order_relaxed) : 0;

	if (!diff) {
		add_relaxed(counter, n);
		return;
	}
	/* The threshold has come down since: the first one takes all along. */
	if (left && (x + 1 > t || x + 1 < -t)) {
		add_relaxed(counter, sign * (x + 1));
		left--;
		x = 0;
	}
	/* x goes up to t; the next one makes t + 1, and all goes into the zone's counter. */
	if (x + left > t) {
		left -= t + 1 - x;
		add_relaxed(counter, sign * (t + 1 + left / (t + 1) * (t + 1)));
		x = left % (t + 1);
	} else {
		x += left;
	}
	atomic_store_explicit(diff, (int32_t)(sign * x), memory_order_relaxed);
}

void nb_account_free_singly(struct nb_zone *z, int64_t pages)
{
	if (z->lump)
		z->lump_pages += pages;
	else
		mod_zone_state_singly(z, &z->nr_free_pages,
				      z->lock_pcp ? &z->lock_pcp->free_pages_diff : NULL, pages);
}

void nb_account_lump(struct nb_zone *z, bool begin)
{
	z->lump = begin;
	if (begin)
		z->lump_pages = 0;
	else
		nb_account_free(z, NB_MIGRATE_MOVABLE, z->lump_pages);
}

/* The counters that some types have of their own. */
static inline void account_type(struct nb_zone *z, enum nb_migratetype mt, int64_t pages)
{
	if (nb_unlikely(mt == NB_MIGRATE_CMA))
		mod_zone_state(z, &z->nr_free_cma, z->lock_pcp ? &z->lock_pcp->free_cma_diff : NULL,
			       pages);
	else if (nb_unlikely(mt == NB_MIGRATE_HIGHATOMIC))
		add_relaxed(&z->nr_free_highatomic, pages);
}

void nb_account_free(struct nb_zone *z, enum nb_migratetype mt, int64_t pages)
{
	if (nb_unlikely(mt == NB_MIGRATE_ISOLATE))
		return;
	if (nb_unlikely(z->lump))
		z->lump_pages += pages;
	else
		mod_zone_state(z, &z->nr_free_pages,
			       z->lock_pcp ? &z->lock_pcp->free_pages_diff : NULL, pages);
	account_type(z, mt, pages);
}

static inline void count_blocks(struct nb_zone *z, unsigned order, enum nb_migratetype mt,
				uint64_t n)
{
	struct nb_free_area *area = &z->free_area[order];

	if (!area->nr_free_type[mt])
		set_mask(z, mt, order, true);
	area->nr_free_type[mt] += n;
	/* compaction looks at it without the lock */
	__atomic_store_n(&area->nr_free, area->nr_free + n, __ATOMIC_RELAXED);
}

static inline void uncount_block(struct nb_zone *z, unsigned order, enum nb_migratetype mt)
{
	struct nb_free_area *area = &z->free_area[order];

	__atomic_store_n(&area->nr_free, area->nr_free - 1, __ATOMIC_RELAXED);
	if (!--area->nr_free_type[mt])
		set_mask(z, mt, order, false);
}

void nb_free_list_add(struct nb_zone *z, struct nb_page *page, unsigned order,
		      enum nb_migratetype mt, bool tail)
{
	struct nb_list *list = &z->free_area[order].free_list[mt];

	nb_page_set_flags(page, PG_BUDDY | order | (uint32_t)mt << PG_MT_SHIFT | z->page_bits);
	if (tail)
		nb_list_add_tail(z->mem_map, list, page);
	else
		nb_list_add_head(z->mem_map, list, page);
	count_blocks(z, order, mt, 1);
}

void nb_free_list_add_extent(struct nb_zone *z, struct nb_page *head, uint64_t blocks,
			     bool descending, enum nb_migratetype mt, bool tail)
{
	nb_free_list_add(z, head, z->sys->max_order, mt, tail);
	if (blocks < 2)
		return;
	nb_page_set_flags(head,
			  head->flags | PG_EXTENT | (descending ? (uint32_t)PG_DESCENDING : 0));
	head->index = blocks & ((UINT64_C(1) << 40) - 1);
	count_blocks(z, z->sys->max_order, mt, blocks - 1);
}

/* Takes a block that is no extent out of its list. */
static inline void free_list_del(struct nb_zone *z, struct nb_page *page, unsigned order)
{
	enum nb_migratetype mt = nb_page_mt(page);

	nb_list_del(z->mem_map, &z->free_area[order].free_list[mt], page);
	nb_page_set_flags(page, 0);
	uncount_block(z, order, mt);
}

void nb_free_list_remove(struct nb_zone *z, struct nb_page *page, unsigned order)
{
	enum nb_migratetype mt = nb_page_mt(page);

	free_list_del(z, page, order);
	nb_account_free(z, mt, -(INT64_C(1) << order));
}

/* Makes the second block of an extent its head. */
static bool extent_take_first(struct nb_zone *z, struct nb_page *page, struct nb_list *list)
{
	unsigned order = z->sys->max_order;
	uint64_t left = page->index - 1;
	struct nb_page *next =
		page->flags & PG_DESCENDING ? page - (1u << order) : page + (1u << order);

	if (!nb_map_commit(z->pgdat, nb_page_dense(z->mem_map, page), 1u << order) ||
	    !nb_map_commit(z->pgdat, nb_page_dense(z->mem_map, next), 1u << order))
		return false;
	nb_list_replace(z->mem_map, list, page, next);
	next->index = left & ((UINT64_C(1) << 40) - 1);
	nb_page_set_flags(next, left > 1 ? page->flags
					 : page->flags & ~(uint32_t)(PG_EXTENT | PG_DESCENDING));
	return true;
}

struct nb_page *nb_free_list_take(struct nb_zone *z, unsigned order, enum nb_migratetype mt)
{
	struct nb_list *list = &z->free_area[order].free_list[mt];
	struct nb_page *page = nb_link_page(z->mem_map, list->first);

	if (nb_unlikely(order == z->sys->max_order)) {
		/* The last block of an extent may never have been split either. */
		if (page->flags & PG_EXTENT) {
			if (!extent_take_first(z, page, list))
				return NULL;
			nb_page_set_flags(page, 0);
			uncount_block(z, order, mt);
			return page;
		}
		if (!nb_map_commit(z->pgdat, nb_page_dense(z->mem_map, page), 1u << order))
			return NULL;
	}
	list->first = page->next;
	if (page->next)
		nb_link_page(z->mem_map, page->next)->prev = 0;
	else
		list->last = 0;
	nb_page_set_flags(page, 0);
	uncount_block(z, order, mt);
	return page;
}

void nb_expand(struct nb_zone *z, struct nb_page *page, unsigned low, unsigned high,
	       enum nb_migratetype mt)
{
	while (high > low) {
		high--;
		nb_free_list_add(z, page + (1u << high), high, mt, false);
	}
}

struct nb_page *nb_rmqueue_smallest(struct nb_zone *z, unsigned order, enum nb_migratetype mt)
{
	unsigned mask = nb_zone_free_mask(z, mt) >> order;

	if (!mask)
		return NULL;
	unsigned current = order + (unsigned)__builtin_ctz(mask);
	struct nb_page *page = nb_free_list_take(z, current, mt);

	if (nb_unlikely(!page))
		return NULL;
	nb_expand(z, page, order, current, mt);
	nb_account_free(z, mt, -(INT64_C(1) << order));
	nb_page_set_flags(page, (uint32_t)mt << PG_MT_SHIFT | z->page_bits);
	if (nb_event_wanted(z->sys, NB_EV_MM_PAGE_ALLOC_ZONE_LOCKED))
		nb_emit(z->sys, NB_EV_MM_PAGE_ALLOC_ZONE_LOCKED, z->lock_cpu, NULL,
			nb_zone_page_pfn(z, page), order, mt,
			nb_pcp_allowed_order(z->sys, order) && mt < NB_MIGRATE_PCPTYPES);
	return page;
}

/* Puts [dense, end), the upper rest of a block, on the lists as its splits would have. */
static void put_rest(struct nb_zone *z, uint32_t dense, uint32_t end, enum nb_migratetype mt)
{
	while (dense < end) {
		unsigned order = (unsigned)__builtin_ctz(dense);

		nb_free_list_add(z, z->mem_map + dense, order, mt, false);
		dense += 1u << order;
	}
}

struct nb_page *nb_rmqueue_run(struct nb_zone *z, enum nb_migratetype mt, unsigned max,
			       unsigned *ret_n)
{
	unsigned mask = nb_zone_free_mask(z, mt);

	*ret_n = 0;
	if (nb_unlikely(!mask || nb_event_is_told(z->sys, NB_EV_MM_PAGE_ALLOC_ZONE_LOCKED)))
		return NULL;
	unsigned order = (unsigned)__builtin_ctz(mask);
	struct nb_page *page = nb_free_list_take(z, order, mt);

	if (nb_unlikely(!page))
		return NULL;
	uint32_t dense = nb_page_dense(z->mem_map, page), pages = 1u << order;
	uint32_t n = max < pages ? max : pages;

	put_rest(z, dense + n, dense + pages, mt);
	nb_account_free_singly(z, -(int64_t)n);
	if (nb_event_wanted(z->sys, NB_EV_MM_PAGE_ALLOC_ZONE_LOCKED))
		nb_count_event(z->sys, NB_EV_MM_PAGE_ALLOC_ZONE_LOCKED, z->lock_cpu, n);
	*ret_n = n;
	return page;
}

static struct nb_page *rmqueue_by_mode(struct nb_zone *z, unsigned order, enum nb_migratetype mt,
				       unsigned alloc_flags, enum nb_rmqueue_mode *mode)
{
	struct nb_page *page;

	if (*mode == NB_RMQUEUE_NORMAL) {
		page = nb_rmqueue_smallest(z, order, mt);
		if (nb_likely(page))
			return page;
	}
	if (*mode <= NB_RMQUEUE_CMA && (alloc_flags & NB_ALLOC_CMA)) {
		page = nb_rmqueue_smallest(z, order, NB_MIGRATE_CMA);
		if (page) {
			*mode = NB_RMQUEUE_CMA;
			return page;
		}
	}
	if (*mode <= NB_RMQUEUE_CLAIM) {
		page = nb_rmqueue_claim(z, order, mt, alloc_flags);
		if (page) {
			*mode = NB_RMQUEUE_NORMAL;
			return page;
		}
	}
	if (alloc_flags & NB_ALLOC_NOFRAGMENT)
		return NULL;
	page = nb_rmqueue_steal(z, order, mt);
	if (page)
		*mode = NB_RMQUEUE_STEAL;
	return page;
}

struct nb_page *nb_rmqueue(struct nb_zone *z, unsigned order, enum nb_migratetype mt,
			   unsigned alloc_flags, enum nb_rmqueue_mode *mode)
{
	struct nb_page *page;

	if (nb_unlikely(alloc_flags & NB_ALLOC_CMA) &&
	    atomic_load_explicit(&z->nr_free_cma, memory_order_relaxed) >
		    nb_zone_free_pages(z) / 2) {
		page = nb_rmqueue_smallest(z, order, NB_MIGRATE_CMA);
		if (page)
			return page;
	}
	if (z->sys->profile->claim_whole_block)
		return rmqueue_by_mode(z, order, mt, alloc_flags, mode);

	for (;;) {
		page = nb_rmqueue_smallest(z, order, mt);
		if (nb_likely(page))
			return page;
		if (alloc_flags & NB_ALLOC_CMA) {
			page = nb_rmqueue_smallest(z, order, NB_MIGRATE_CMA);
			if (page)
				return page;
		}
		if (!nb_rmqueue_fallback(z, order, mt, alloc_flags))
			return NULL;
	}
}

static bool mergeable(enum nb_migratetype mt)
{
	return mt < NB_MIGRATE_PCPTYPES;
}

/* Does a free block of that order and this zone begin at `page`? */
static inline bool is_free_block(const struct nb_zone *z, const struct nb_page *page,
				 unsigned order)
{
	return (nb_page_flags(page) & (PG_BUDDY | PG_ORDER_MASK | PG_ZONE_MASK)) ==
	       (PG_BUDDY | order | z->page_bits);
}

/* May a block of at least pageblock order, going to `mt`, merge with this free buddy? From 6.10 on
 * the buddy takes the block's type over. */
static bool merge_pageblocks(struct nb_zone *z, struct nb_page *buddy, unsigned order,
			     enum nb_migratetype mt)
{
	enum nb_migratetype buddy_mt = nb_pageblock_mt(z, nb_page_dense(z->mem_map, buddy));

	if (buddy_mt == mt)
		return true;
	if (!mergeable(mt) || !mergeable(buddy_mt))
		return false;
	if (z->sys->profile->claim_whole_block)
		nb_change_pageblock_range(z, buddy, order, mt);
	return true;
}

/* Is the buddy of the next order's block free, so that this one is likely to merge soon? */
static bool merge_likely(const struct nb_zone *z, uint32_t dense, unsigned order)
{
	if (order + 1 >= z->sys->max_order)
		return false;
	uint32_t parent = dense & ~(1u << order);

	return is_free_block(z, z->mem_map + (parent ^ 2u << order), order + 1);
}

/* Is this the block that compaction on this CPU is after? Then it is kept for it: a request must
 * not take another type's room, unless it is a whole pageblock. Source: compaction_capture(). */
static bool captured(struct nb_zone *z, struct nb_page *page, unsigned order,
		     enum nb_migratetype mt)
{
	struct nb_capture *c = &z->capture;

	if (c->cpu != z->lock_cpu || mt == NB_MIGRATE_CMA || mt == NB_MIGRATE_ISOLATE)
		return false;
	if (order < z->sys->pageblock_order && mt == NB_MIGRATE_MOVABLE &&
	    c->mt != NB_MIGRATE_MOVABLE)
		return false;
	if (mt != c->mt && z->sys->profile->claim_whole_block)
		nb_tell_extfrag(z, page, order, order, c->mt, mt);
	nb_account_free(z, mt, -(INT64_C(1) << order));
	nb_page_set_flags(page, (uint32_t)mt << PG_MT_SHIFT | z->page_bits);
	c->page = page;
	z->capture_at = 0;
	return true;
}

/* Merges a block with its free buddies, and puts what comes of it on its list. */
static void merge_and_add(struct nb_zone *z, struct nb_page *page, unsigned order,
			  enum nb_migratetype mt, unsigned fpi)
{
	struct nb_page *map = z->mem_map;
	unsigned max_order = z->sys->max_order, pageblock_order = z->sys->pageblock_order;
	uint32_t dense = nb_page_dense(map, page);
	bool tail;

	nb_page_set_flags(page, 0);
	while (order < max_order) {
		struct nb_page *buddy = map + (dense ^ 1u << order);

		if (nb_unlikely(z->capture_at == order + 1) && captured(z, map + dense, order, mt))
			return;
		if (!is_free_block(z, buddy, order))
			break;
		if (nb_unlikely(order >= pageblock_order) && !merge_pageblocks(z, buddy, order, mt))
			break;
		enum nb_migratetype buddy_mt = nb_page_mt(buddy);

		free_list_del(z, buddy, order);
		if (nb_unlikely(buddy_mt != mt)) { /* the sum stays as it is */
			account_type(z, buddy_mt, -(INT64_C(1) << order));
			account_type(z, mt, INT64_C(1) << order);
		}
		dense &= ~(1u << order);
		order++;
	}
	if (fpi & NB_FPI_TO_TAIL)
		tail = true;
	else if (nb_unlikely(z->sys->shuffle) && order >= max_order)
		tail = nb_random(&z->rng) & 1;
	else
		tail = merge_likely(z, dense, order);
	nb_free_list_add(z, map + dense, order, mt, tail);
}

void nb_free_one_page(struct nb_zone *z, struct nb_page *page, unsigned order,
		      enum nb_migratetype mt, unsigned fpi)
{
	nb_account_free(z, mt, INT64_C(1) << order);
	merge_and_add(z, page, order, mt, fpi);
}

void nb_free_run(struct nb_zone *z, struct nb_page *page, unsigned order, enum nb_migratetype mt)
{
	for (uint32_t i = 1; i < 1u << order; i++)
		nb_page_set_flags(page + i, 0);
	nb_account_free_singly(z, INT64_C(1) << order);
	merge_and_add(z, page, order, mt, NB_FPI_NONE);
}

void nb_change_pageblock_range(struct nb_zone *z, struct nb_page *page, unsigned order,
			       enum nb_migratetype mt)
{
	unsigned pageblock_order = z->sys->pageblock_order;
	uint32_t dense = nb_page_dense(z->mem_map, page);

	for (uint32_t i = 0; i < 1u << (order - pageblock_order); i++)
		nb_set_pageblock_mt(z, dense + (i << pageblock_order), mt);
}

int64_t nb_move_freepages_block(struct nb_zone *z, struct nb_page *page, enum nb_migratetype to,
				uint64_t *ret_movable)
{
	uint32_t pages = 1u << z->sys->pageblock_order;
	uint32_t start = nb_page_dense(z->mem_map, page) & ~(pages - 1), end = start + pages;
	nb_pfn_t pfn = nb_zone_page_pfn(z, page) & ~(nb_pfn_t)(pages - 1);
	bool low_out = pfn<z->zone_start_pfn, high_out = pfn + pages> nb_zone_end_pfn(z);
	int64_t moved = 0;

	*ret_movable = 0;
	if (high_out || (low_out && z->sys->profile->claim_whole_block))
		return z->sys->profile->claim_whole_block ? -1 : 0;
	if (low_out)
		start = nb_page_dense(z->mem_map, page);
	for (uint32_t d = start; d < end;) {
		struct nb_page *p = z->mem_map + d;
		uint32_t flags = nb_page_flags(p);
		unsigned order = nb_flags_order(flags);

		if (flags & PG_BUDDY) {
			enum nb_migratetype from = nb_page_mt(p);

			free_list_del(z, p, order);
			nb_free_list_add(z, p, order, to, true);
			nb_account_free(z, from, -(INT64_C(1) << order));
			nb_account_free(z, to, INT64_C(1) << order);
			moved += INT64_C(1) << order;
		} else if (flags & PG_LRU) {
			*ret_movable += UINT64_C(1) << order;
		}
		d += 1u << order;
	}
	return moved;
}
