/* watermark.h -- inside the marks: which count of managed pages a formula uses, and the formulas
 * themselves.
 *
 * Called by watermark.c, which sets the marks, and probe_marks.c, which tells how they came about.
 * Units: pages.
 */
#ifndef NB_MM_WATERMARK_H
#define NB_MM_WATERMARK_H

#include "mm/mmzone.h"

#include <numabox/probe.h>

#define CLUSTER_MAX 32u /* SWAP_CLUSTER_MAX */
#define MIN_FREE_KBYTES_FLOOR 128u
#define THP_MIN_RAM_BYTES (UINT64_C(512) << 20)

/* Which count of managed pages a formula uses. */
enum when {
	WHEN_NOW,      /* a write at run time */
	WHEN_POSTCORE, /* first pass at boot: gigantic pages not yet counted */
	WHEN_INIT,     /* second pass at boot */
};

static inline uint64_t managed(const struct nb_zone *z, enum when when)
{
	uint64_t n;

	if (when == WHEN_NOW || z->managed_at_init_pages == NB_UNKNOWN)
		n = z->managed_pages;
	else
		n = z->managed_at_init_pages;
	if (when == WHEN_POSTCORE)
		n -= n < z->gigantic_pages ? n : z->gigantic_pages;
	return n - (n < z->coming_pages ? n : z->coming_pages);
}

static inline bool populated(const struct nb_zone *z)
{
	return z->present_pages > z->coming_pages;
}

static inline uint64_t boost(const struct nb_zone *z)
{
	return atomic_load_explicit(&z->watermark_boost, memory_order_relaxed);
}

/* HighMem, and Movable when it is cut out of HighMem; later kernels treat every
 * Movable zone so (facts 2.2). */
static inline bool like_highmem(const struct nb_zone *z)
{
	if (z->type == NB_ZONE_HIGHMEM)
		return true;
	return z->type == NB_ZONE_MOVABLE &&
	       (z->sys->profile->movable_is_highmem || z->sys->movable_zone == NB_ZONE_HIGHMEM);
}

/* The marks that a zone gets of `pages_min` shared by `lowmem_pages`; nothing is set.
 * Source: __setup_per_zone_wmarks(). */
void nb_wmark_compute(const struct nb_zone *z, uint64_t pages_min, uint64_t lowmem_pages,
		      enum when when, struct nb_wmark_parts *w);
/* Managed pages of all zones that share min_free_kbytes. */
uint64_t nb_wmark_lowmem_pages(const struct nb_system *sys, enum when when);

#endif
