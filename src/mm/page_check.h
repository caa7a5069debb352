/* page_check.h -- what is wrong with a free.
 *
 * Called by nb_free_pages() for what it refuses, by debug systems for every block that is freed or
 * handed out, and by nb_free_pages_why().
 */
#ifndef NB_MM_PAGE_CHECK_H
#define NB_MM_PAGE_CHECK_H

#include "mm/page.h"

/* Why a block may not be freed. The numbers stand in the bad_page event's field `reason`. */
enum nb_bad_page {
	NB_BAD_NONE,
	NB_BAD_FOREIGN,  /* no such frame, or never the allocator's */
	NB_BAD_FREE,     /* free already: freed twice */
	NB_BAD_TAIL,     /* inside an allocated block that begins elsewhere */
	NB_BAD_ORDER,    /* another order than it was allocated with */
	NB_BAD_SYSTEM,   /* in use since before observation began */
	NB_BAD_REFCOUNT, /* others hold references */
	NB_BAD_MAPCOUNT, /* mapped */
	NB_BAD_LRU,      /* still on an LRU list */
	NB_BAD_INTERIOR, /* a page behind the first says something of its own */
};

/* Constant time, but for the pages of a block under debug (O(1 << order)). */
enum nb_bad_page nb_bad_free(const struct nb_system *sys, nb_pfn_t pfn, unsigned order);

/* Tells of a bad block by the event bad_page. */
void nb_report_bad_page(struct nb_system *sys, int cpu, nb_pfn_t pfn, unsigned order,
			enum nb_bad_page why);

/* Debug systems: is a block that leaves the free lists, or goes back, whole? Reports otherwise. */
bool nb_block_is_whole(struct nb_zone *z, const struct nb_page *page, unsigned order, int cpu);

#endif
