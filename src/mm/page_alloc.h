/* page_alloc.h -- inside the page allocator: alloc flags, the request in hand, watermark tests.
 *
 * Called by page_alloc.c, slowpath.c, pcp.c, buddy.c; vmscan, compaction and oom read the context
 * that their hooks are handed. Source: mm/internal.h; facts 2.6, 4.3.
 */
#ifndef NB_MM_PAGE_ALLOC_H
#define NB_MM_PAGE_ALLOC_H

#include "mm/page.h"

/* alloc_flags. The two lowest bits choose the mark (enum nb_wmark). */
enum {
	NB_ALLOC_WMARK_MASK = 0x3,
	NB_ALLOC_NO_WATERMARKS = 0x4,
	NB_ALLOC_OOM = 0x8,
	NB_ALLOC_NON_BLOCK = 0x10,   /* ALLOC_HARDER before 6.3 */
	NB_ALLOC_MIN_RESERVE = 0x20, /* ALLOC_HIGH before 6.3 */
	NB_ALLOC_CPUSET = 0x40,
	NB_ALLOC_CMA = 0x80,
	NB_ALLOC_NOFRAGMENT = 0x100,
	NB_ALLOC_HIGHATOMIC = 0x200,
	NB_ALLOC_KSWAPD = 0x800,
	NB_ALLOC_RESERVES =
		NB_ALLOC_NON_BLOCK | NB_ALLOC_MIN_RESERVE | NB_ALLOC_HIGHATOMIC | NB_ALLOC_OOM,
};

/* PAGE_ALLOC_COSTLY_ORDER: above it the allocator gives up early. */
#define NB_COSTLY_ORDER 3
#define NB_MAX_RECLAIM_RETRIES 16
/* node_reclaim_distance: farther nodes are used rather than this one reclaimed. Source: facts 3.1.
 */
#define NB_RECLAIM_DISTANCE 30u

enum nb_compact_result {
	NB_COMPACT_NOT_SUITABLE_ZONE,
	NB_COMPACT_SKIPPED,
	NB_COMPACT_DEFERRED,
	NB_COMPACT_NO_SUITABLE_PAGE,
	NB_COMPACT_CONTINUE,
	NB_COMPACT_COMPLETE,
	NB_COMPACT_PARTIAL_SKIPPED,
	NB_COMPACT_CONTENDED,
	NB_COMPACT_SUCCESS,
};
enum nb_compact_priority {
	NB_COMPACT_PRIO_SYNC_FULL,
	NB_COMPACT_PRIO_SYNC_LIGHT,
	NB_COMPACT_PRIO_ASYNC,
};

/* One request while zones are tried. */
struct nb_alloc_context {
	const struct nb_alloc_request *rq;
	nb_gfp_t gfp;      /* in force */
	nb_gfp_t gfp_full; /* without what the fast path adds */
	unsigned order, alloc_flags;
	int cpu;
	enum nb_zone_type highest_zoneidx;
	enum nb_migratetype migratetype;
	const struct nb_zoneref *zonelist;
	const struct nb_nodemask *nodemask;     /* NULL: all */
	const struct nb_nodemask *mems_allowed; /* the task's cpuset; NULL: all */
	const struct nb_zoneref *preferred;     /* first entry that the request may use */
	struct nb_task *task;
	bool spread_dirty;
};

/* Is there a page set list for the order? Source: pcp_allowed_order(); facts 5.5. */
static inline bool nb_pcp_allowed_order(const struct nb_system *sys, unsigned order)
{
	if (order == 0)
		return true;
	if (!sys->profile->pcp_orders)
		return false;
	return order <= NB_COSTLY_ORDER || order == sys->pageblock_order;
}

/* Migrate type that a request asks for. */
static inline enum nb_migratetype nb_request_mt(const struct nb_system *sys, nb_gfp_t gfp)
{
	unsigned mt = gfp >> 3 & 3;

	if (nb_unlikely(mt >= NB_MIGRATE_PCPTYPES || !sys->mobility_grouping))
		return NB_MIGRATE_UNMOVABLE;
	return (enum nb_migratetype)mt;
}

/* First entry from `z` on whose zone type and node the request may use; the end has zone NULL. */
static inline const struct nb_zoneref *nb_next_zoneref(const struct nb_zoneref *z,
						       enum nb_zone_type highest,
						       const struct nb_nodemask *nodemask)
{
	while (z->zone &&
	       (z->zone_idx > highest || (nodemask && !nb_nodemask_test(nodemask, z->nid))))
		z++;
	return z;
}

/* Watermark tests. Counts and marks in pages. Source: facts 2.6.
 * nb_zone_watermark_ok_free: would the zone with `free` free pages still hold `mark` after giving 1
 * << order? */
bool nb_zone_watermark_ok_free(const struct nb_zone *z, unsigned order, uint64_t mark,
			       enum nb_zone_type highest_zoneidx, unsigned alloc_flags,
			       int64_t free_pages);
bool nb_zone_watermark_ok(const struct nb_zone *z, unsigned order, uint64_t mark,
			  enum nb_zone_type highest_zoneidx, unsigned alloc_flags);
/* The same for kswapd and compaction: near the marks the counter may lie, so below the zone's drift
 * mark what CPUs keep back is added up. Source: zone_watermark_ok_safe(). */
bool nb_zone_watermark_ok_safe(const struct nb_zone *z, unsigned order, uint64_t mark,
			       enum nb_zone_type highest_zoneidx);
bool nb_zone_watermark_fast(const struct nb_zone *z, unsigned order, uint64_t mark,
			    enum nb_zone_type highest_zoneidx, unsigned alloc_flags, nb_gfp_t gfp);
/* May the request use what is kept back for high-order atomic ones? Before 6.3 ALLOC_HIGH alone may
 * not. */
static inline bool nb_has_reserve_rights(const struct nb_zone *z, unsigned alloc_flags)
{
	if (nb_likely(!(alloc_flags & NB_ALLOC_RESERVES)))
		return false;
	return z->sys->profile->reserve_style != NB_RESERVE_HARDER ||
	       (alloc_flags & (NB_ALLOC_NON_BLOCK | NB_ALLOC_OOM));
}

/* Free pages of the zone that the request may not touch. */
static inline int64_t nb_unusable_free(const struct nb_zone *z, unsigned order,
				       unsigned alloc_flags)
{
	int64_t n = (INT64_C(1) << order) - 1;

	if (nb_likely(!nb_has_reserve_rights(z, alloc_flags)))
		n += (int64_t)atomic_load_explicit(z->highatomic_free_only
							   ? &z->nr_free_highatomic
							   : &z->nr_reserved_highatomic,
						   memory_order_relaxed);
	if (!(alloc_flags & NB_ALLOC_CMA))
		n += (int64_t)atomic_load_explicit(&z->nr_free_cma, memory_order_relaxed);
	return n;
}

/* A mark with boost, as the kernel's wmark_pages(). */
static inline uint64_t nb_wmark_pages(const struct nb_zone *z, enum nb_wmark mark)
{
	return z->wmark[mark] + atomic_load_explicit(&z->watermark_boost, memory_order_relaxed);
}

/* page_alloc.c: numastat's interleave_hit, for a page that a policy placed: counted where it lies
 * on `nid`. */
void nb_count_interleave_hit(struct nb_system *sys, int cpu, nb_pfn_t pfn, int nid);
/* page_alloc.c: frees a block that is known to be allocated and unused; nothing is checked. */
void nb_free_page_block(struct nb_zone *z, struct nb_page *page, unsigned order, int cpu);
/* page_alloc.c: the same for a single page, to the tail of its free list. */
void nb_free_page_to_tail(struct nb_zone *z, struct nb_page *page, int cpu);
/* page_alloc.c: is the entry closed to this request, by cpuset or by too many dirty pages? */
bool nb_zoneref_closed(struct nb_system *sys, const struct nb_alloc_context *ac,
		       const struct nb_zoneref *ref, unsigned alloc_flags);
/* page_alloc.c: the node a request begins at, and its highest zone; NULL: it asks for nothing that
 * there is. */
const struct nb_pgdat *nb_request_node(const struct nb_system *sys,
				       const struct nb_alloc_request *rq,
				       enum nb_zone_type *ret_highest);
/* page_hot.c: decides anew whether calls may go by it. */
void nb_choose_path(struct nb_system *sys);
/* page_hot.c. Up to `max` pages that nb_alloc_pages() would give for `rq`, one call after the
 * other, as long as nothing but page sets has to be asked; fewer, or none, where the next one would
 * want more, or a listener would hear of each. All are of *ret_zone. */
unsigned nb_alloc_pages_run(struct nb_system *sys, const struct nb_alloc_request *rq, unsigned max,
			    struct nb_page **ret_pages, struct nb_zone **ret_zone);
/* page_alloc.c: nb_alloc_pages() and nb_free_pages() where page_hot.c gives up; nothing was
 * changed.
 */
nb_pfn_t nb_alloc_pages_full(struct nb_system *sys, const struct nb_alloc_request *rq);
int nb_free_pages_full(struct nb_system *sys, int cpu, nb_pfn_t pfn, unsigned order);
/* page_alloc.c: the whole of a request that no policy changes, event included. */
nb_pfn_t nb_alloc_pages_nopolicy(struct nb_system *sys, const struct nb_alloc_request *rq);
/* page_alloc.c: the walk over the zonelist. NULL: nothing there. *ret_zone: where the page is. */
struct nb_page *nb_get_page_from_freelist(struct nb_system *sys, struct nb_alloc_context *ac,
					  unsigned alloc_flags, struct nb_zone **ret_zone);
/* slowpath.c */
struct nb_page *nb_alloc_slowpath(struct nb_system *sys, struct nb_alloc_context *ac,
				  struct nb_zone **ret_zone);
/* slowpath.c: wakes the zone's node's kswapd unless it is awake, hopeless or has nothing to do. */
void nb_wakeup_kswapd(struct nb_zone *z, nb_gfp_t gfp, unsigned order,
		      enum nb_zone_type highest_zoneidx, int cpu, struct nb_task *task);

/* For probe.c, which tells what a request would do without doing it: the context that the fast path
 * walks with, the alloc flags of the slow path, those of a task with rights of its own (0: none),
 * and a mark after what the flags take off it. */
void nb_alloc_prepare(struct nb_system *sys, struct nb_alloc_context *ac,
		      const struct nb_alloc_request *rq, const struct nb_pgdat *pgdat,
		      enum nb_zone_type highest);
unsigned nb_alloc_slow_flags(struct nb_system *sys, struct nb_alloc_context *ac);
unsigned nb_alloc_reserve_flags(const struct nb_alloc_context *ac);
int64_t nb_wmark_reduced(const struct nb_zone *z, int64_t mark_pages, unsigned alloc_flags);

/* highatomic.c. Source: facts 4.7. */
void nb_reserve_highatomic(struct nb_zone *z, struct nb_page *page, unsigned order, int cpu);
bool nb_unreserve_highatomic(struct nb_system *sys, const struct nb_alloc_context *ac, bool force);

#endif
