/* page_alloc.c -- requests and frees: the fast path, whole.
 *
 * Entered from page_hot.c for what is not the commonest case, and by who must not ask a policy. A
 * request walks its zonelist from the first zone that it may use; a zone that passes its watermark
 * gives a block out of the running CPU's page set or off its free lists. When no zone passes,
 * slowpath.c goes on. Nothing here is locked but a page set, and the zone while the set is
 * refilled. Orders are log2(pages), counts are base pages. Source: mm/page_alloc.c:
 * __alloc_pages(), prepare_alloc_pages(), alloc_flags_nofragment(), get_page_from_freelist(),
 * rmqueue(), rmqueue_buddy(), zone_statistics(), free_unref_page(),
 * __free_pages_ok(); facts 4.3, 4.4.
 */
#include <numabox/page_alloc.h>

#include "mm/cpuset.h"
#include "mm/event.h"
#include "mm/linear.h"
#include "mm/page_check.h"
#include "mm/pcp.h"
#include "mm/task.h"

static struct nb_page *rmqueue_buddy(struct nb_zone *z, unsigned order, enum nb_migratetype mt,
				     unsigned alloc_flags, int cpu)
{
	enum nb_rmqueue_mode mode = NB_RMQUEUE_NORMAL;
	struct nb_page *page = NULL;

	nb_zone_lock(z, cpu);
	if (nb_unlikely(alloc_flags & NB_ALLOC_HIGHATOMIC))
		page = nb_rmqueue_smallest(z, order, NB_MIGRATE_HIGHATOMIC);
	if (nb_likely(!page))
		page = nb_rmqueue(z, order, mt, alloc_flags, &mode);
	if (nb_unlikely(!page && (alloc_flags & (NB_ALLOC_OOM | NB_ALLOC_NON_BLOCK))))
		page = nb_rmqueue_smallest(z, order, NB_MIGRATE_HIGHATOMIC);
	nb_zone_unlock(z);
	return page;
}

static inline struct nb_page *rmqueue(const struct nb_alloc_context *ac, struct nb_zone *z,
				      unsigned alloc_flags)
{
	struct nb_pcp *pcp = nb_zone_pcp(z, ac->cpu);
	struct nb_page *page = NULL;

	if (nb_likely(pcp && nb_pcp_allowed_order(z->sys, ac->order)))
		page = nb_pcp_alloc(z, pcp, ac->order, ac->migratetype, alloc_flags, ac->cpu);
	if (nb_unlikely(!page)) {
		page = rmqueue_buddy(z, ac->order, ac->migratetype, alloc_flags, ac->cpu);
		if (!page)
			return NULL;
	}
	if (nb_likely(pcp)) {
		nb_pcp_count(&pcp->pgalloc, UINT64_C(1) << ac->order);
		nb_zone_statistics(ac->preferred->zone, z, pcp, ac->cpu, 1);
	}
	return page;
}

/* The boost that fragmentation caused wakes kswapd once. */
static void wake_for_boost(const struct nb_alloc_context *ac, struct nb_zone *z)
{
	atomic_fetch_and_explicit(&z->flags, ~(unsigned)ZONE_BOOSTED_WATERMARK,
				  memory_order_relaxed);
	nb_wakeup_kswapd(z, 0, 0, z->type, ac->cpu, ac->task);
}

static bool zone_has_room(struct nb_system *sys, struct nb_alloc_context *ac, struct nb_zone *z,
			  unsigned alloc_flags)
{
	unsigned flags = atomic_load_explicit(&z->flags, memory_order_relaxed);
	uint64_t mark;

	/* While the zone was last seen above its high mark, try that mark first; page sets stop
	 * growing below it. */
	if (sys->profile->below_high_first && !(flags & ZONE_BELOW_HIGH)) {
		mark = nb_wmark_pages(z, NB_WMARK_HIGH);
		if (nb_likely(nb_zone_watermark_fast(z, ac->order, mark, ac->highest_zoneidx,
						     alloc_flags, ac->gfp)))
			return true;
		atomic_fetch_or_explicit(&z->flags, ZONE_BELOW_HIGH, memory_order_relaxed);
	}
	mark = nb_wmark_pages(z, (enum nb_wmark)(alloc_flags & NB_ALLOC_WMARK_MASK));
	if (nb_zone_watermark_fast(z, ac->order, mark, ac->highest_zoneidx, alloc_flags, ac->gfp))
		return true;
	if (alloc_flags & NB_ALLOC_NO_WATERMARKS)
		return true;
	if (!(sys->tune.zone_reclaim_mode & 7) || !sys->hooks.node_reclaim ||
	    nb_system_distance(sys, ac->preferred->nid, z->pgdat->nid) > NB_RECLAIM_DISTANCE)
		return false;
	return sys->hooks.node_reclaim(sys, ac, z->pgdat) >= 0 &&
	       nb_zone_watermark_ok(z, ac->order, mark, ac->highest_zoneidx, alloc_flags);
}

static inline struct nb_page *try_zone(struct nb_system *sys, struct nb_alloc_context *ac,
				       struct nb_zone *z, unsigned alloc_flags)
{
	if (nb_unlikely(!z->managed_pages))
		return NULL;
	if (nb_unlikely(!zone_has_room(sys, ac, z, alloc_flags)))
		return NULL;
	struct nb_page *page = rmqueue(ac, z, alloc_flags);

	if (nb_unlikely(atomic_load_explicit(&z->flags, memory_order_relaxed) &
			ZONE_BOOSTED_WATERMARK) &&
	    page && (alloc_flags & NB_ALLOC_KSWAPD))
		wake_for_boost(ac, z);
	if (nb_unlikely(!page))
		return NULL;
	nb_prep_page(z, page,
		     ac->order | (ac->order && (ac->gfp & NB_GFP_BIT_COMP) ? PG_COMPOUND : 0u));
	if (nb_unlikely(alloc_flags & NB_ALLOC_HIGHATOMIC))
		nb_reserve_highatomic(z, page, ac->order, ac->cpu);
	return page;
}

bool nb_zoneref_closed(struct nb_system *sys, const struct nb_alloc_context *ac,
		       const struct nb_zoneref *ref, unsigned alloc_flags)
{
	if ((alloc_flags & NB_ALLOC_CPUSET) && ac->mems_allowed &&
	    !nb_cpuset_node_allowed(ac->task, ref->nid, ac->gfp))
		return true;
	return ac->spread_dirty && sys->hooks.node_dirty_ok &&
	       !sys->hooks.node_dirty_ok(sys, ref->zone->pgdat);
}

struct nb_page *nb_get_page_from_freelist(struct nb_system *sys, struct nb_alloc_context *ac,
					  unsigned alloc_flags, struct nb_zone **ret_zone)
{
	bool no_fallback, many = sys->nr_pgdat > 1;
	const struct nb_zoneref *ref;

retry:
	no_fallback = alloc_flags & NB_ALLOC_NOFRAGMENT;
	for (ref = ac->preferred; ref->zone;
	     ref = nb_next_zoneref(ref + 1, ac->highest_zoneidx, ac->nodemask)) {
		if (nb_unlikely((alloc_flags & NB_ALLOC_CPUSET) || ac->spread_dirty) &&
		    nb_zoneref_closed(sys, ac, ref, alloc_flags))
			continue;
		/* Fragmenting the local node is better than leaving it. */
		if (no_fallback && many && ref != ac->preferred &&
		    ref->zone->pgdat != ac->preferred->zone->pgdat) {
			alloc_flags &= ~(unsigned)NB_ALLOC_NOFRAGMENT;
			goto retry;
		}
		struct nb_page *page = try_zone(sys, ac, ref->zone, alloc_flags);

		if (nb_likely(page)) {
			*ret_zone = ref->zone;
			return page;
		}
	}
	if (no_fallback) {
		alloc_flags &= ~(unsigned)NB_ALLOC_NOFRAGMENT;
		goto retry;
	}
	return NULL;
}

/* The task's part of a request: flags that take rights away (current_gfp_context()), and its
 * cpuset. */
static void prepare_task(struct nb_alloc_context *ac)
{
	const struct nb_task *t = ac->task;

	if (t->flags & NB_PF_MEMALLOC_NOIO)
		ac->gfp &= ~(nb_gfp_t)(NB_GFP_BIT_IO | NB_GFP_BIT_FS);
	else if (t->flags & NB_PF_MEMALLOC_NOFS)
		ac->gfp &= ~(nb_gfp_t)NB_GFP_BIT_FS;
	ac->gfp_full = ac->gfp;
	if (!(t->flags & NB_PF_CPUSET))
		return;
	ac->mems_allowed = &t->mems_allowed;
	ac->gfp |= NB_GFP_BIT_HARDWALL;
	if (!ac->nodemask)
		ac->nodemask = ac->mems_allowed;
	else
		ac->alloc_flags |= NB_ALLOC_CPUSET;
}

/* Fills the context in. */
void nb_alloc_prepare(struct nb_system *sys, struct nb_alloc_context *ac,
		      const struct nb_alloc_request *rq, const struct nb_pgdat *pgdat,
		      enum nb_zone_type highest)
{
	nb_gfp_t gfp = rq->gfp;

	ac->rq = rq;
	ac->gfp = ac->gfp_full = gfp;
	ac->order = rq->order;
	ac->alloc_flags = NB_WMARK_LOW | (gfp & NB_GFP_BIT_KSWAPD_RECLAIM ? NB_ALLOC_KSWAPD : 0);
	ac->cpu = rq->cpu;
	ac->highest_zoneidx = highest;
	ac->migratetype = nb_request_mt(sys, gfp);
	ac->zonelist = gfp & NB_GFP_BIT_THISNODE ? pgdat->zonelist_nofallback : pgdat->zonelist;
	ac->nodemask = rq->nodemask;
	ac->mems_allowed = NULL;
	ac->task = rq->task;
	ac->spread_dirty = gfp & NB_GFP_BIT_WRITE;
	if (nb_unlikely(ac->task != NULL))
		prepare_task(ac);
	if (nb_unlikely(sys->has_cma) && ac->migratetype == NB_MIGRATE_MOVABLE)
		ac->alloc_flags |= NB_ALLOC_CMA;
	ac->preferred = nb_next_zoneref(ac->zonelist, ac->highest_zoneidx, ac->nodemask);
	if (ac->preferred->zone && ac->preferred->zone->nofragment)
		ac->alloc_flags |= NB_ALLOC_NOFRAGMENT;
}

/* The whole of a request: fast path and slow path. */
static struct nb_page *alloc_full(struct nb_system *sys, const struct nb_alloc_request *rq,
				  const struct nb_pgdat *pgdat, enum nb_zone_type highest,
				  struct nb_zone **ret_zone)
{
	struct nb_alloc_context ac;
	struct nb_page *page;

	nb_alloc_prepare(sys, &ac, rq, pgdat, highest);
	page = nb_get_page_from_freelist(sys, &ac, ac.alloc_flags, ret_zone);
	if (nb_likely(page))
		return page;
	/* Writers may dirty what they must; the cpuset's mask was for the fast path only. */
	ac.spread_dirty = false;
	ac.nodemask = rq->nodemask;
	ac.gfp = ac.gfp_full;
	return nb_alloc_slowpath(sys, &ac, ret_zone);
}

const struct nb_pgdat *nb_request_node(const struct nb_system *sys,
				       const struct nb_alloc_request *rq,
				       enum nb_zone_type *ret_highest)
{
	int nid = rq->nid, highest = sys->gfp_zone[rq->gfp & 0xf];

	if (nb_unlikely(rq->order > sys->max_order || (unsigned)rq->cpu >= sys->nr_cpu_ids ||
			sys->cpu_to_node[rq->cpu] < 0 || highest < 0))
		return NULL;
	if (nid == NB_NO_NODE)
		nid = sys->cpu_to_node[rq->cpu];
	if (nb_unlikely((unsigned)nid >= NB_MAX_NODES || sys->node_index[nid] < 0))
		return NULL;
	*ret_highest = (enum nb_zone_type)highest;
	return sys->pgdat[sys->node_index[nid]];
}

/* What backed and debug systems do with a block before it is handed out. false: it is not. */
static bool finish(struct nb_zone *z, struct nb_page *page, const struct nb_alloc_request *rq)
{
	struct nb_system *sys = z->sys;
	nb_pfn_t pfn = nb_zone_page_pfn(z, page);

	if (sys->debug)
		nb_block_is_whole(z, page, rq->order, rq->cpu);
	if (!sys->backed || nb_back_block(sys, pfn, rq->order, rq->gfp & NB_GFP_BIT_ZERO))
		return true;
	nb_free_page_block(z, page, rq->order, rq->cpu);
	return false;
}

nb_pfn_t nb_alloc_pages_nopolicy(struct nb_system *sys, const struct nb_alloc_request *rq)
{
	struct nb_zone *z = NULL;
	enum nb_zone_type highest;
	const struct nb_pgdat *pgdat = nb_request_node(sys, rq, &highest);
	struct nb_page *page;

	if (!pgdat)
		return NB_NO_PFN;
	page = alloc_full(sys, rq, pgdat, highest, &z);
	if (page && nb_unlikely(sys->full_path_only) && !finish(z, page, rq))
		page = NULL;
	nb_pfn_t pfn = page ? nb_zone_page_pfn(z, page) : NB_NO_PFN;

	if (nb_event_wanted(sys, NB_EV_MM_PAGE_ALLOC))
		nb_emit(sys, NB_EV_MM_PAGE_ALLOC, rq->cpu, rq->task, pfn, rq->order, rq->gfp,
			nb_request_mt(sys, rq->gfp));
	return pfn;
}

nb_pfn_t nb_alloc_pages_full(struct nb_system *sys, const struct nb_alloc_request *rq)
{
	enum nb_zone_type highest;

	if (rq->task && rq->nid == NB_NO_NODE)
		return nb_request_node(sys, rq, &highest) ? nb_alloc_pages_task(sys, rq)
							  : NB_NO_PFN;
	return nb_alloc_pages_nopolicy(sys, rq);
}

void nb_count_interleave_hit(struct nb_system *sys, int cpu, nb_pfn_t pfn, int nid)
{
	struct nb_zone *z;

	if (!sys->tune.numa_stat || !nb_pfn_to_page(sys, pfn, &z) || z->pgdat->nid != nid)
		return;
	struct nb_pcp *pcp = nb_zone_pcp(z, cpu);

	if (pcp)
		nb_pcp_count(&pcp->numa[NB_NUMA_INTERLEAVE], 1);
}

/* Straight to the free lists: orders without a page set list, isolated pageblocks. */
static void free_to_buddy(struct nb_zone *z, struct nb_page *page, unsigned order, int cpu,
			  unsigned fpi)
{
	struct nb_pcp *pcp = nb_zone_pcp(z, cpu);

	if (nb_likely(pcp)) {
		nb_pcp_lock(pcp, z->sys);
		nb_pcp_count(&pcp->pgfree, UINT64_C(1) << order);
		nb_pcp_unlock(pcp);
	}
	nb_zone_lock(z, cpu);
	nb_free_one_page(z, page, order, nb_pageblock_mt(z, nb_page_dense(z->mem_map, page)), fpi);
	nb_zone_unlock(z);
}

/* What every free begins with: its event. false: a debug system has found the block
 * to be somebody's, and lets it be. */
static inline bool prepare_free(struct nb_zone *z, struct nb_page *page, unsigned order, int cpu)
{
	struct nb_system *sys = z->sys;

	if (nb_unlikely(sys->debug)) {
		enum nb_bad_page why = nb_bad_free(sys, nb_zone_page_pfn(z, page), order);

		if (why) {
			nb_report_bad_page(sys, cpu, nb_zone_page_pfn(z, page), order, why);
			return false;
		}
	}
	if (nb_event_wanted(sys, NB_EV_MM_PAGE_FREE))
		nb_emit(sys, NB_EV_MM_PAGE_FREE, cpu, NULL, nb_zone_page_pfn(z, page), order);
	return true;
}

void nb_free_page_block(struct nb_zone *z, struct nb_page *page, unsigned order, int cpu)
{
	struct nb_pcp *pcp = nb_zone_pcp(z, cpu);
	enum nb_migratetype mt;

	if (!prepare_free(z, page, order, cpu))
		return;
	mt = nb_pageblock_mt(z, nb_page_dense(z->mem_map, page));
	if (nb_unlikely(!pcp || mt == NB_MIGRATE_ISOLATE || !nb_pcp_allowed_order(z->sys, order))) {
		free_to_buddy(z, page, order, cpu, NB_FPI_NONE);
		return;
	}
	if (nb_unlikely(mt >= NB_MIGRATE_PCPTYPES))
		mt = NB_MIGRATE_MOVABLE;
	nb_pcp_free(z, pcp, page, order, mt, cpu);
}

void nb_free_page_to_tail(struct nb_zone *z, struct nb_page *page, int cpu)
{
	if (prepare_free(z, page, 0, cpu))
		free_to_buddy(z, page, 0, cpu, NB_FPI_TO_TAIL);
}

/* A free that is wrong. */
static int refuse(struct nb_system *sys, int cpu, nb_pfn_t pfn, unsigned order)
{
	if (sys->debug && (unsigned)cpu < sys->nr_cpu_ids)
		nb_report_bad_page(sys, cpu, pfn, order, nb_bad_free(sys, pfn, order));
	return -NB_EINVAL;
}

int nb_free_pages_full(struct nb_system *sys, int cpu, nb_pfn_t pfn, unsigned order)
{
	struct nb_zone *z;
	struct nb_page *page = nb_pfn_to_page(sys, pfn, &z);

	if (!page || (unsigned)cpu >= sys->nr_cpu_ids || sys->cpu_to_node[cpu] < 0 ||
	    order > sys->max_order ||
	    !nb_map_is_committed(z->pgdat, nb_page_dense(z->mem_map, page)) ||
	    (nb_page_flags(page) & (PG_ALLOCATED | PG_LRU | PG_ORDER_MASK)) !=
		    (PG_ALLOCATED | order) ||
	    page->refcount > 1 || page->mapcount || (sys->debug && nb_bad_free(sys, pfn, order)))
		return refuse(sys, cpu, pfn, order);
	nb_free_page_block(z, page, order, cpu);
	return 0;
}
