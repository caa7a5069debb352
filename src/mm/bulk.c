/* bulk.c -- many single pages at once: alloc_pages_bulk().
 *
 * Called by embedders and scenarios; in the kernel by vmalloc, kernel stacks, network drivers. One
 * zone is chosen, the first near one that would keep its low mark without all the pages, and its
 * page set is asked for one page after the other under one lock, with counters written once. What
 * comes out of it has no mm_page_alloc event. Where no such zone is near, or only one page is
 * missing, one page is requested by the full path. Units: pages.
 * Source: mm/page_alloc.c: alloc_pages_bulk_noprof(), __rmqueue_pcplist(); facts 4.4, 5.5.
 */
#include <numabox/page_alloc.h>

#include "mm/linear.h"
#include "mm/pcp.h"

/* The zone to take them from, or NULL. */
static struct nb_zone *choose(struct nb_system *sys, const struct nb_alloc_context *ac,
			      unsigned nr_pages)
{
	const struct nb_zoneref *first = ac->preferred, *ref;

	for (ref = first; ref->zone;
	     ref = nb_next_zoneref(ref + 1, ac->highest_zoneidx, ac->nodemask)) {
		struct nb_zone *z = ref->zone;

		if ((ac->alloc_flags & NB_ALLOC_CPUSET) && ac->mems_allowed &&
		    !nb_nodemask_test(ac->mems_allowed, ref->nid))
			continue;
		if (sys->nr_pgdat > 1 && ref->nid != first->nid)
			return NULL;
		if (nb_zone_watermark_fast(z, 0, nb_wmark_pages(z, NB_WMARK_LOW) + nr_pages,
					   first->zone_idx, ac->alloc_flags, ac->gfp))
			return z;
	}
	return NULL;
}

/* Takes pages for the holes from *at on, until the set and the zone have none. Returns how many. */
static unsigned fill(struct nb_zone *z, struct nb_pcp *pcp, const struct nb_alloc_context *ac,
		     unsigned nr_pages, nb_pfn_t *pfns, unsigned *at)
{
	struct nb_list *list = &pcp->list[ac->migratetype];
	unsigned taken = 0;

	nb_pcp_lock(pcp, z->sys);
	for (; *at < nr_pages; ++*at) {
		if (pfns[*at] != NB_NO_PFN)
			continue;
		if (nb_unlikely(!list->first))
			nb_pcp_refill(z, pcp, 0, ac->migratetype, ac->alloc_flags, ac->cpu);
		if (nb_unlikely(!list->first))
			break;
		struct nb_page *page = nb_pcp_pop(z, list);
		nb_pfn_t pfn = nb_zone_page_pfn(z, page);

		if (nb_unlikely(z->sys->backed) &&
		    !nb_back_block(z->sys, pfn, 0, ac->gfp & NB_GFP_BIT_ZERO)) {
			nb_list_add_head(z->mem_map, list, page);
			break;
		}
		pcp->count--;
		nb_prep_page(z, page, 0);
		pfns[*at] = pfn;
		taken++;
	}
	nb_pcp_unlock(pcp);
	return taken;
}

/* One page by the full path, for the first hole. Returns the entries that hold a page. */
static unsigned single(struct nb_system *sys, const struct nb_alloc_request *rq, unsigned at,
		       nb_pfn_t *pfns)
{
	nb_pfn_t pfn = nb_alloc_pages_nopolicy(sys, rq);

	if (pfn == NB_NO_PFN)
		return at;
	pfns[at] = pfn;
	return at + 1;
}

unsigned nb_alloc_pages_bulk(struct nb_system *sys, const struct nb_alloc_request *rq,
			     unsigned nr_pages, nb_pfn_t *pfns)
{
	struct nb_alloc_context ac;
	enum nb_zone_type highest;
	unsigned at = 0, taken = 0;

	while (at < nr_pages && pfns[at] != NB_NO_PFN)
		at++;
	const struct nb_pgdat *pgdat = rq->order ? NULL : nb_request_node(sys, rq, &highest);

	if (at == nr_pages || !pgdat)
		return at;
	if (nr_pages - at == 1)
		return single(sys, rq, at, pfns);
	nb_alloc_prepare(sys, &ac, rq, pgdat, highest);
	ac.alloc_flags &= ~(unsigned)(NB_ALLOC_KSWAPD | NB_ALLOC_NOFRAGMENT);
	if (!ac.preferred->zone)
		return at;
	struct nb_zone *z = choose(sys, &ac, nr_pages);
	struct nb_pcp *pcp = z ? nb_zone_pcp(z, rq->cpu) : NULL;
	unsigned first = at;

	if (pcp)
		taken = fill(z, pcp, &ac, nr_pages, pfns, &at);
	if (!taken)
		return single(sys, rq, first, pfns);
	nb_pcp_count(&pcp->pgalloc, taken);
	nb_zone_statistics(ac.preferred->zone, z, pcp, rq->cpu, taken);
	return at;
}
