/* page_check.c -- double frees, wrong orders, foreign frames, pages in use: found and named.
 *
 * Off the hot path: nb_free_pages() asks here when its one test of the descriptor fails, and a
 * debug system asks for every block. Nothing is changed by any of it; a kernel would print "Bad
 * page state" and lose the page, we refuse and the caller keeps it. Source: mm/page_alloc.c:
 * free_page_is_bad(), check_new_page(), page_bad_reason(), bad_page().
 */
#include <numabox/page_alloc.h>

#include "mm/event.h"
#include "mm/page_check.h"

static bool interior_is_clear(const struct nb_page *page, unsigned order)
{
	for (uint32_t i = 1; i < 1u << order; i++) {
		if (nb_page_flags(page + i))
			return false;
	}
	return true;
}

enum nb_bad_page nb_bad_free(const struct nb_system *sys, nb_pfn_t pfn, unsigned order)
{
	struct nb_page_info info;
	struct nb_zone *z;
	const struct nb_page *page = nb_pfn_to_page(sys, pfn, &z);

	if (!page || nb_page_info(sys, pfn, &info) || (info.flags & NB_PAGE_RESERVED))
		return NB_BAD_FOREIGN;
	if (info.flags & (NB_PAGE_FREE | NB_PAGE_PCP))
		return NB_BAD_FREE;
	if (info.flags & NB_PAGE_SYSTEM)
		return NB_BAD_SYSTEM;
	if (!(info.flags & NB_PAGE_HEAD))
		return NB_BAD_TAIL;
	if (info.order != (int)order)
		return NB_BAD_ORDER;
	if (info.flags & NB_PAGE_LRU)
		return NB_BAD_LRU;
	if (info.mapcount)
		return NB_BAD_MAPCOUNT;
	if (info.refcount > 1)
		return NB_BAD_REFCOUNT;
	if (sys->debug && !interior_is_clear(page, order))
		return NB_BAD_INTERIOR;
	return NB_BAD_NONE;
}

void nb_report_bad_page(struct nb_system *sys, int cpu, nb_pfn_t pfn, unsigned order,
			enum nb_bad_page why)
{
	if (nb_event_wanted(sys, NB_EV_BAD_PAGE))
		nb_emit(sys, NB_EV_BAD_PAGE, cpu, NULL, pfn, order, (uint64_t)why);
}

bool nb_block_is_whole(struct nb_zone *z, const struct nb_page *page, unsigned order, int cpu)
{
	if (interior_is_clear(page, order))
		return true;
	nb_report_bad_page(z->sys, cpu, nb_zone_page_pfn(z, page), order, NB_BAD_INTERIOR);
	return false;
}

/* How a frame that is no longer anybody's is free. */
static const char *free_as(const struct nb_page_info *info)
{
	if (info->flags & NB_PAGE_PCP)
		return "lies in a page set";
	return info->flags & NB_PAGE_BUDDY ? "heads a free block" : "lies in a free block";
}

static int say(struct nb_error *err, nb_pfn_t pfn, const char *what)
{
	return nb_error_set(err, -NB_EINVAL, 0, "frame %#llx: %s", (unsigned long long)pfn, what);
}

int nb_free_pages_why(const struct nb_system *sys, nb_pfn_t pfn, unsigned order,
		      struct nb_error *err)
{
	unsigned long long frame = (unsigned long long)pfn;
	struct nb_page_info info = {.order = -1};

	nb_page_info(sys, pfn, &info);
	switch (nb_bad_free(sys, pfn, order)) {
	case NB_BAD_NONE:
		return 0;
	case NB_BAD_FOREIGN:
		return say(err, pfn, "not the allocator's: no memory there, or reserved at boot");
	case NB_BAD_FREE:
		return nb_error_set(err, -NB_EINVAL, 0, "frame %#llx: freed twice: it %s", frame,
				    free_as(&info));
	case NB_BAD_TAIL:
		return say(err, pfn, "not the first of its block: free the block by that");
	case NB_BAD_ORDER:
		return nb_error_set(err, -NB_EINVAL, 0,
				    "frame %#llx: order %u, but it was allocated with order %d",
				    frame, order, info.order);
	case NB_BAD_SYSTEM:
		return say(err, pfn, "in use since before observation began, by nobody here");
	case NB_BAD_REFCOUNT:
		return nb_error_set(err, -NB_EINVAL, 0,
				    "frame %#llx: in use: refcount %u, should be 1", frame,
				    info.refcount);
	case NB_BAD_MAPCOUNT:
		return nb_error_set(err, -NB_EINVAL, 0,
				    "frame %#llx: in use: mapcount %d, should be 0", frame,
				    (int)info.mapcount);
	case NB_BAD_LRU:
		return say(err, pfn, "in use: on an LRU list");
	case NB_BAD_INTERIOR:
		break;
	}
	return say(err, pfn, "a page behind the first is a block of its own");
}
