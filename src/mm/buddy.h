/* buddy.h -- a zone's free lists.
 *
 * Called by page_alloc.c, pcp.c, boot_free.c, highatomic.c, observed.c with the zone's lock held
 * (nb_zone_lock()), but for nb_zone_lock() itself. Pages are named by descriptor; a page handed out
 * or in has flags == 0 but for the cached migrate type (PG_MT) and the zone (PG_ZONE).
 */
#ifndef NB_MM_BUDDY_H
#define NB_MM_BUDDY_H

#include "mm/page.h"

/* How a block goes back. Source: facts 5.3. */
enum {
	NB_FPI_NONE = 0,
	NB_FPI_TO_TAIL = 2, /* to the list's tail: boot, hotplug */
};

/* Where a refill stands; kept from page to page of one bulk. Source: facts 5.2, 6.12.y and 6.15+.
 */
enum nb_rmqueue_mode { NB_RMQUEUE_NORMAL, NB_RMQUEUE_CMA, NB_RMQUEUE_CLAIM, NB_RMQUEUE_STEAL };

/* The zone's set on a CPU, or NULL while it was never used. */
static inline struct nb_pcp *nb_zone_pcp_peek(const struct nb_zone *z, int cpu)
{
	_Atomic(struct nb_pcp *) *sets = atomic_load_explicit(&z->pageset, memory_order_acquire);

	return sets ? atomic_load_explicit(&sets[cpu], memory_order_acquire) : NULL;
}

static inline void nb_zone_lock(struct nb_zone *z, int cpu)
{
	nb_lock(&z->lock, z->sys->port);
	atomic_store_explicit(&z->lock_taken,
			      atomic_load_explicit(&z->lock_taken, memory_order_relaxed) + 1,
			      memory_order_relaxed);
	z->lock_cpu = cpu;
	z->lock_pcp = nb_zone_pcp_peek(z, cpu);
}

static inline void nb_zone_unlock(struct nb_zone *z)
{
	z->lock_pcp = NULL;
	nb_unlock(&z->lock, z->sys->port);
}

/* Free pages as the zone's counter has them: what CPUs keep back, up to the zone's stat_threshold
 * each, is not in it. Source: zone_page_state(). */
static inline uint64_t nb_zone_free_pages(const struct nb_zone *z)
{
	int64_t n = (int64_t)atomic_load_explicit(&z->nr_free_pages, memory_order_relaxed);

	return nb_likely(n > 0) ? (uint64_t)n : 0;
}

/* vmstat.c: the same with what all CPUs keep back. Source: zone_page_state_snapshot(). */
uint64_t nb_zone_free_pages_snapshot(const struct nb_zone *z);

/* Free blocks of an order, for whoever does not hold the lock. */
static inline uint64_t nb_zone_nr_free(const struct nb_zone *z, unsigned order)
{
	return __atomic_load_n(&z->free_area[order].nr_free, __ATOMIC_RELAXED);
}

/* Bit o: the list of that type and order holds a block. */
static inline unsigned nb_zone_free_mask(const struct nb_zone *z, enum nb_migratetype mt)
{
	return atomic_load_explicit(&z->free_mask[mt], memory_order_relaxed);
}

/* Takes the head of the first list of `mt`, from `order` upward, that holds a block, and splits it
 * down to `order`. NULL: none, or the host lacks memory for descriptors. */
struct nb_page *nb_rmqueue_smallest(struct nb_zone *z, unsigned order, enum nb_migratetype mt);

/* The same with all fallbacks that alloc_flags allow (NB_ALLOC_* of mm/page_alloc.h). */
struct nb_page *nb_rmqueue(struct nb_zone *z, unsigned order, enum nb_migratetype mt,
			   unsigned alloc_flags, enum nb_rmqueue_mode *mode);

/* As many calls of nb_rmqueue_smallest(z, 0, mt) at once as one block of the smallest order yields,
 * up to `max`: those requests get consecutive pages, since nothing smaller is there; the lists and
 * counters are left as by them. *ret_n pages from the returned one on, flags undefined; NULL: ask
 * singly. */
struct nb_page *nb_rmqueue_run(struct nb_zone *z, enum nb_migratetype mt, unsigned max,
			       unsigned *ret_n);

/* Gives a block back to the list of `mt` and merges it with its free buddies. */
void nb_free_one_page(struct nb_zone *z, struct nb_page *page, unsigned order,
		      enum nb_migratetype mt, unsigned fpi);

/* The same for the 1 << order single pages of an aligned block, in any order, at once: they would
 * merge with nothing outside before the last is there. `mt` < NB_MIGRATE_PCPTYPES. */
void nb_free_run(struct nb_zone *z, struct nb_page *page, unsigned order, enum nb_migratetype mt);

/* Pieces that fallback.c, highatomic.c and boot_free.c are made of. */
/* Takes the head block of a list that is not empty, out of its extent if it heads one;
 * descriptors of the block and of the new head are committed. No accounting of pages. NULL without
 * host memory. */
struct nb_page *nb_free_list_take(struct nb_zone *z, unsigned order, enum nb_migratetype mt);
/* Takes a certain block out of its list, pages accounted. Not one of an extent. */
void nb_free_list_remove(struct nb_zone *z, struct nb_page *page, unsigned order);
void nb_free_list_add(struct nb_zone *z, struct nb_page *page, unsigned order,
		      enum nb_migratetype mt, bool tail);
/* Adds `blocks` max-order blocks of which `head` comes first, as one element. */
void nb_free_list_add_extent(struct nb_zone *z, struct nb_page *head, uint64_t blocks,
			     bool descending, enum nb_migratetype mt, bool tail);
/* Splits a taken block: upper halves go to the heads of their lists. */
void nb_expand(struct nb_zone *z, struct nb_page *page, unsigned low, unsigned high,
	       enum nb_migratetype mt);
/* Counts pages into or out of free memory of a type. */
void nb_account_free(struct nb_zone *z, enum nb_migratetype mt, int64_t pages);
/* The same for |pages| single pages one after the other, of a type below NB_MIGRATE_PCPTYPES. */
void nb_account_free_singly(struct nb_zone *z, int64_t pages);
/* Between begin and end NR_FREE_PAGES waits, and changes once: refills before 6.10 do so. */
void nb_account_lump(struct nb_zone *z, bool begin);

/* Moves a pageblock's free blocks to the tails of `to`'s lists. Under 6.10+ -1 and nothing moved
 * where the block lies partly outside the zone; before, only the part from `page` on is moved. */
int64_t nb_move_freepages_block(struct nb_zone *z, struct nb_page *page, enum nb_migratetype to,
				uint64_t *ret_movable);
/* Retypes every pageblock of a block of at least pageblock order. */
void nb_change_pageblock_range(struct nb_zone *z, struct nb_page *page, unsigned order,
			       enum nb_migratetype mt);

/* fallback.c */
struct nb_page *nb_rmqueue_claim(struct nb_zone *z, unsigned order, enum nb_migratetype start,
				 unsigned alloc_flags);
struct nb_page *nb_rmqueue_steal(struct nb_zone *z, unsigned order, enum nb_migratetype start);
/* Is there a block of another type of exactly that order, whose pageblock `start` would take over?
 * Source: find_suitable_fallback(), only_stealable. */
bool nb_fallback_would_claim(const struct nb_zone *z, unsigned order, enum nb_migratetype start);
/* A block of order `current` and type `from` serves a request of another type. */
void nb_tell_extfrag(struct nb_zone *z, struct nb_page *page, unsigned order, unsigned current,
		     enum nb_migratetype start, enum nb_migratetype from);
bool nb_rmqueue_fallback(struct nb_zone *z, unsigned order, enum nb_migratetype start,
			 unsigned alloc_flags);

#endif
