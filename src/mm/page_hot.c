/* page_hot.c -- the commonest request and free: a single page, out of and into the CPU's page set.
 *
 * nb_alloc_pages() and nb_free_pages() begin here. Everything that makes a call uncommon (an order,
 * a node list, a policy, a listener, a zone near its mark, an empty set, a held lock, a wrong
 * frame) ends in a tail call to page_alloc.c, before anything is changed; so what is left needs no
 * stack, and fits a few dozen instructions a CPU can run ahead of, past the descriptor's cache
 * miss. Under the set's lock nothing is called but nb_pcp_settle_unlock(), last. The rules are
 * those of page_alloc.c. Source: mm/page_alloc.c: __alloc_pages(), rmqueue_pcplist(),
 * free_unref_page(), free_frozen_page_commit(); facts 4.4, 5.5.
 */
#include <numabox/page_alloc.h>

#include "mm/event.h"
#include "mm/pcp.h"
#include "mm/task.h"

#define FREE_AHEAD 8
#define FLAGS_OF_FREE (PG_ALLOCATED | PG_LRU | PG_ORDER_MASK)

/* A set's lock, if nobody holds it. */
static inline bool trylock(struct nb_pcp *pcp)
{
	return !pcp->threaded ||
	       nb_likely(!atomic_exchange_explicit(&pcp->lock.word, 1, memory_order_acquire));
}

void nb_choose_path(struct nb_system *sys)
{
	sys->full_path_only = sys->has_cma || sys->backed || sys->debug;
	sys->watched = sys->full_path_only || nb_event_wanted(sys, NB_EV_MM_PAGE_ALLOC) ||
		       nb_event_wanted(sys, NB_EV_MM_PAGE_FREE);
	sys->count_allocs = !sys->full_path_only && !nb_event_is_told(sys, NB_EV_MM_PAGE_ALLOC);
	sys->count_frees = !sys->full_path_only && !nb_event_is_told(sys, NB_EV_MM_PAGE_FREE);
}

/* The first zone that the request may use, if it has room above the first mark that is tested. */
static inline struct nb_zone *first_zone(const struct nb_system *sys, const struct nb_pgdat *pgdat,
					 enum nb_zone_type highest)
{
	const struct nb_zoneref *ref = pgdat->zonelist;

	while (ref->zone && ref->zone_idx > highest)
		ref++;
	struct nb_zone *z = ref->zone;

	if (nb_unlikely(!z || atomic_load_explicit(&z->flags, memory_order_relaxed)))
		return NULL;
	int64_t mark = (int64_t)(nb_wmark_pages(z, sys->first_mark) + z->lowmem_reserve[highest]);

	return nb_likely((int64_t)nb_zone_free_pages(z) - nb_unusable_free(z, 0, 0) > mark) ? z
											    : NULL;
}

/* Takes the first page of a type's list. A CPU that has a set is online. */
static inline nb_pfn_t take(const struct nb_system *sys, const struct nb_zone *z,
			    struct nb_pcp *pcp, struct nb_list *list)
{
	struct nb_page *page = nb_pcp_pop(z, list);

	pcp->count--;
	pcp->free_count >>= 1;
	nb_pcp_unlock(pcp);
	nb_pcp_count(nb_likely(sys->tune.numa_stat) ? &pcp->hot : &pcp->pgalloc, 1);
	nb_prep_page(z, page, 0);
	return nb_zone_page_pfn(z, page);
}

/* The set that a request may take a page out of, locked, with one on *ret_list; NULL: the request
 * is not of the commonest. */
static inline __attribute__((always_inline)) struct nb_pcp *
hot_set(struct nb_system *sys, const struct nb_alloc_request *rq, struct nb_zone **ret_zone,
	struct nb_list **ret_list)
{
	nb_gfp_t gfp = rq->gfp;
	int nid = rq->nid, highest = sys->gfp_zone[gfp & 0xf];

	if (nb_unlikely(rq->order || rq->nodemask || highest < 0 ||
			(gfp & (NB_GFP_BIT_THISNODE | NB_GFP_BIT_WRITE)) ||
			(unsigned)rq->cpu >= sys->nr_cpu_ids))
		return NULL;
	if (rq->task && nb_unlikely(nid == NB_NO_NODE || rq->task->flags))
		return NULL;
	if (nid == NB_NO_NODE)
		nid = sys->cpu_to_node[rq->cpu];
	if (nb_unlikely((unsigned)nid >= NB_MAX_NODES || sys->node_index[nid] < 0))
		return NULL;
	struct nb_zone *z =
		first_zone(sys, sys->pgdat[sys->node_index[nid]], (enum nb_zone_type)highest);
	struct nb_pcp *pcp = nb_likely(z) ? nb_zone_pcp_peek(z, rq->cpu) : NULL;

	if (nb_unlikely(!pcp || !trylock(pcp)))
		return NULL;
	*ret_zone = z;
	*ret_list = &pcp->list[nb_request_mt(sys, gfp)];
	if (nb_likely((*ret_list)->first))
		return pcp;
	nb_pcp_unlock(pcp);
	return NULL;
}

/* `counted`: a listener wants to know how many. */
static inline __attribute__((always_inline)) nb_pfn_t
alloc_hot(struct nb_system *sys, const struct nb_alloc_request *rq, bool counted)
{
	struct nb_zone *z;
	struct nb_list *list;
	struct nb_pcp *pcp = hot_set(sys, rq, &z, &list);

	if (nb_unlikely(!pcp))
		return nb_alloc_pages_full(sys, rq);
	if (counted && nb_event_wanted(sys, NB_EV_MM_PAGE_ALLOC))
		nb_count_event(sys, NB_EV_MM_PAGE_ALLOC, rq->cpu, 1);
	return take(sys, z, pcp, list);
}

static __attribute__((noinline)) nb_pfn_t alloc_watched(struct nb_system *sys,
							const struct nb_alloc_request *rq)
{
	return sys->count_allocs ? alloc_hot(sys, rq, true) : nb_alloc_pages_full(sys, rq);
}

nb_pfn_t nb_alloc_pages(struct nb_system *sys, const struct nb_alloc_request *rq)
{
	return nb_unlikely(sys->watched) ? alloc_watched(sys, rq) : alloc_hot(sys, rq, false);
}

unsigned nb_alloc_pages_run(struct nb_system *sys, const struct nb_alloc_request *rq, unsigned max,
			    struct nb_page **ret_pages, struct nb_zone **ret_zone)
{
	struct nb_list *list;
	struct nb_pcp *pcp;
	unsigned n = 0;

	if (sys->watched && !sys->count_allocs)
		return 0;
	pcp = hot_set(sys, rq, ret_zone, &list);
	if (!pcp)
		return 0;
	for (; n < max && list->first; n++) {
		ret_pages[n] = nb_pcp_pop(*ret_zone, list);
		nb_prep_page(*ret_zone, ret_pages[n], 0);
	}
	pcp->count -= (int)n;
	pcp->free_count = (int16_t)(n < 16 ? pcp->free_count >> n : 0);
	nb_pcp_unlock(pcp);
	nb_pcp_count(nb_likely(sys->tune.numa_stat) ? &pcp->hot : &pcp->pgalloc, n);
	if (nb_event_wanted(sys, NB_EV_MM_PAGE_ALLOC))
		nb_count_event(sys, NB_EV_MM_PAGE_ALLOC, rq->cpu, n);
	return n;
}

/* Is room left in the set under the auto-tuned scheme, so that nothing changes but counts? */
static inline bool has_room(const struct nb_zone *z, const struct nb_pcp *pcp)
{
	return nb_likely(pcp->auto_tuned && pcp->count < pcp->high && pcp->high >= pcp->high_min &&
			 pcp->high <= pcp->high_max &&
			 !(atomic_load_explicit(&z->flags, memory_order_relaxed) &
			   (ZONE_RECLAIM_ACTIVE | ZONE_BELOW_HIGH)));
}

static inline __attribute__((always_inline)) int
free_hot(struct nb_system *sys, int cpu, nb_pfn_t pfn, unsigned order, bool counted)
{
	const struct nb_section *sec = &sys->section[pfn >> sys->section_shift];

	if (nb_unlikely(order || (unsigned)cpu >= sys->nr_cpu_ids ||
			pfn >> sys->section_shift >= sys->nr_sections || !sec->zone))
		return nb_free_pages_full(sys, cpu, pfn, order);
	struct nb_zone *z = sec->zone;
	struct nb_page *page = (struct nb_page *)(sec->map + pfn * sizeof(struct nb_page));
	uint32_t dense = nb_page_dense(z->mem_map, page);
	struct nb_pcp *pcp = nb_zone_pcp_peek(z, cpu);

	if (nb_unlikely(!pcp || !nb_map_is_committed(z->pgdat, dense) ||
			(nb_page_flags(page) & FLAGS_OF_FREE) != PG_ALLOCATED ||
			page->refcount > 1 || page->mapcount))
		return nb_free_pages_full(sys, cpu, pfn, order);
	enum nb_migratetype mt = nb_pageblock_mt(z, dense);

	if (nb_unlikely(mt >= NB_MIGRATE_PCPTYPES || !trylock(pcp)))
		return nb_free_pages_full(sys, cpu, pfn, order);
	nb_pcp_count(&pcp->pgfree, 1);
	if (counted && nb_event_wanted(sys, NB_EV_MM_PAGE_FREE))
		nb_count_event(sys, NB_EV_MM_PAGE_FREE, cpu, 1);
	nb_page_set_flags(page, PG_PCP | (uint32_t)mt << PG_MT_SHIFT | z->page_bits);
	/* Pages that are given back in a row, perhaps another CPU's, are fetched ahead. */
	int32_t step = (int32_t)(dense + 1 - pcp->list[mt].first);

	if (step == 1 || step == -1)
		__builtin_prefetch(page + (ptrdiff_t)step * FREE_AHEAD, 1);
	nb_list_add_head(z->mem_map, &pcp->list[mt], page);
	pcp->count++;
	if (!has_room(z, pcp))
		return nb_pcp_settle_unlock(z, pcp, 0, mt, cpu);
	pcp->alloc_factor >>= 1;
	pcp->flags &= (uint8_t)~PCPF_PREV_FREE_HIGH_ORDER;
	if (pcp->free_count < pcp->batch << NB_PCP_BATCH_SCALE_MAX)
		pcp->free_count++;
	nb_pcp_unlock(pcp);
	return 0;
}

static __attribute__((noinline)) int free_watched(struct nb_system *sys, int cpu, nb_pfn_t pfn,
						  unsigned order)
{
	return sys->count_frees ? free_hot(sys, cpu, pfn, order, true)
				: nb_free_pages_full(sys, cpu, pfn, order);
}

int nb_free_pages(struct nb_system *sys, int cpu, nb_pfn_t pfn, unsigned order)
{
	return nb_unlikely(sys->watched) ? free_watched(sys, cpu, pfn, order)
					 : free_hot(sys, cpu, pfn, order, false);
}
