/* wmark_ok.c -- can a zone give pages away and stay healthy?
 *
 * Called by page_alloc.c on each attempt, by slowpath.c, pcp.c and (later) reclaim. Pure: reads the
 * zone's counters without its lock, as the kernel does. watermark.c computes the marks that are
 * tested here. Units: pages, signed: a difference may go below zero. Source: mm/page_alloc.c:
 * __zone_watermark_ok(), zone_watermark_fast(),
 * __zone_watermark_unusable_free(); facts 2.6.
 */
#include "mm/buddy.h"
#include "mm/page_alloc.h"

/* The mark after what the request's rights take off it. Halves are rounded up. */
static int64_t reduced_mark(const struct nb_zone *z, int64_t min, unsigned alloc_flags)
{
	if (z->sys->profile->reserve_style == NB_RESERVE_HARDER) {
		if (alloc_flags & NB_ALLOC_MIN_RESERVE)
			min -= min / 2;
		if (alloc_flags & NB_ALLOC_OOM)
			min -= min / 2;
		else if (alloc_flags & NB_ALLOC_NON_BLOCK)
			min -= min / 4;
		return min;
	}
	if (alloc_flags & NB_ALLOC_MIN_RESERVE) {
		min -= min / 2;
		if (alloc_flags & NB_ALLOC_NON_BLOCK)
			min -= min / 4;
	}
	if (alloc_flags & NB_ALLOC_OOM)
		min -= min / 2;
	return min;
}

/* Is there a block that is large enough, on a list that the request may take from? */
static bool has_block(const struct nb_zone *z, unsigned order, unsigned alloc_flags)
{
	unsigned mask = nb_zone_free_mask(z, NB_MIGRATE_UNMOVABLE) |
			nb_zone_free_mask(z, NB_MIGRATE_MOVABLE) |
			nb_zone_free_mask(z, NB_MIGRATE_RECLAIMABLE);
	unsigned highatomic = z->sys->profile->reserve_style == NB_RESERVE_HARDER
				      ? NB_ALLOC_NON_BLOCK | NB_ALLOC_OOM
				      : NB_ALLOC_HIGHATOMIC | NB_ALLOC_OOM;

	if (alloc_flags & NB_ALLOC_CMA)
		mask |= nb_zone_free_mask(z, NB_MIGRATE_CMA);
	if (alloc_flags & highatomic)
		mask |= nb_zone_free_mask(z, NB_MIGRATE_HIGHATOMIC);
	return mask >> order != 0;
}

bool nb_zone_watermark_ok_free(const struct nb_zone *z, unsigned order, uint64_t mark,
			       enum nb_zone_type highest_zoneidx, unsigned alloc_flags,
			       int64_t free_pages)
{
	int64_t min = (int64_t)mark;

	free_pages -= nb_unusable_free(z, order, alloc_flags);
	if (nb_unlikely(alloc_flags & NB_ALLOC_RESERVES))
		min = reduced_mark(z, min, alloc_flags);
	if (free_pages <= min + (int64_t)z->lowmem_reserve[highest_zoneidx])
		return false;
	return !order || has_block(z, order, alloc_flags);
}

bool nb_zone_watermark_ok(const struct nb_zone *z, unsigned order, uint64_t mark,
			  enum nb_zone_type highest_zoneidx, unsigned alloc_flags)
{
	return nb_zone_watermark_ok_free(z, order, mark, highest_zoneidx, alloc_flags,
					 (int64_t)nb_zone_free_pages(z));
}

bool nb_zone_watermark_ok_safe(const struct nb_zone *z, unsigned order, uint64_t mark,
			       enum nb_zone_type highest_zoneidx)
{
	uint64_t free_pages = nb_zone_free_pages(z);

	if (z->percpu_drift_mark && free_pages < z->percpu_drift_mark)
		free_pages = nb_zone_free_pages_snapshot(z);
	return nb_zone_watermark_ok_free(z, order, mark, highest_zoneidx, 0, (int64_t)free_pages);
}

bool nb_zone_watermark_fast(const struct nb_zone *z, unsigned order, uint64_t mark,
			    enum nb_zone_type highest_zoneidx, unsigned alloc_flags, nb_gfp_t gfp)
{
	int64_t free_pages = (int64_t)nb_zone_free_pages(z);

	if (!order) {
		int64_t usable = free_pages - nb_unusable_free(z, 0, alloc_flags);

		if (nb_likely(usable > (int64_t)(mark + z->lowmem_reserve[highest_zoneidx])))
			return true;
	}
	if (nb_zone_watermark_ok_free(z, order, mark, highest_zoneidx, alloc_flags, free_pages))
		return true;
	/* An urgent single page may ignore the boost. */
	nb_gfp_t urgent = z->sys->profile->reserve_style == NB_RESERVE_HARDER ? NB_GFP_BIT_ATOMIC
									      : NB_GFP_BIT_HIGH;

	if (order || !(gfp & urgent) || (alloc_flags & NB_ALLOC_WMARK_MASK) != NB_WMARK_MIN ||
	    !atomic_load_explicit(&z->watermark_boost, memory_order_relaxed))
		return false;
	return nb_zone_watermark_ok_free(z, order, z->wmark[NB_WMARK_MIN], highest_zoneidx,
					 alloc_flags, free_pages);
}

int64_t nb_wmark_reduced(const struct nb_zone *z, int64_t mark_pages, unsigned alloc_flags)
{
	return alloc_flags & NB_ALLOC_RESERVES ? reduced_mark(z, mark_pages, alloc_flags)
					       : mark_pages;
}
