/* probe.c -- what a request would do, told test by test; nothing is taken.
 *
 * Called through numabox/probe.h. The context comes from page_alloc.c, the slow path's flags from
 * slowpath.c, a policy's node and mask from mempolicy.c, each test from wmark_ok.c: this file puts
 * their numbers side by side and adds no rule. tests/unit/mm/probe.c holds it against what
 * nb_alloc_pages() then does.
 * Left out: NOFRAGMENT's first round and dirty limits, which change the zone only when all pass.
 * Units: pages, signed. Source: mm/page_alloc.c, get_page_from_freelist(); facts 2.6, 4.4 to 4.6.
 */
#include <numabox/probe.h>

#include "mm/buddy.h"
#include "mm/mempolicy.h"
#include "mm/page_alloc.h"
#include "mm/shared_policy.h"
#include "mm/task.h"
#include "mm/vma.h"

/* A request with its context, as one step of the allocator has it. */
struct probe {
	struct nb_system *sys;
	struct nb_alloc_context ac;
	struct nb_alloc_request rq;
	unsigned alloc_flags;
	bool masked_by_cpuset; /* the mask is the cpuset's, not a policy's */
};

/* Fills in node and mask as nb_alloc_pages() does. */
static int open_probe(struct probe *p, struct nb_system *sys, const struct nb_alloc_request *rq,
		      uint64_t index)
{
	int highest = sys->gfp_zone[rq->gfp & 0xf];

	p->sys = sys;
	p->rq = *rq;
	if (rq->order > sys->max_order || (unsigned)rq->cpu >= sys->nr_cpu_ids ||
	    sys->cpu_to_node[rq->cpu] < 0 || highest < 0)
		return -NB_EINVAL;
	if (rq->nid == NB_NO_NODE && rq->task) {
		const struct nb_mempolicy *pol =
			rq->gfp & NB_GFP_BIT_THISNODE ? NULL : rq->task->policy;

		nb_mpol_target(rq->task, pol, rq->gfp, index, &p->rq.nid, &p->rq.nodemask);
	} else if (rq->nid == NB_NO_NODE) {
		p->rq.nid = sys->cpu_to_node[rq->cpu];
	}
	const struct nb_pgdat *pgdat = nb_node_data(sys, p->rq.nid);

	if (!pgdat)
		return -NB_EINVAL;
	nb_alloc_prepare(sys, &p->ac, &p->rq, pgdat, (enum nb_zone_type)highest);
	p->masked_by_cpuset = p->ac.nodemask && p->ac.nodemask == p->ac.mems_allowed;
	p->alloc_flags = p->ac.alloc_flags;
	return 0;
}

/* The slow path drops the fast path's additions and counts the request's rights. */
static void go_slow(struct probe *p)
{
	unsigned reserve = nb_alloc_reserve_flags(&p->ac);

	p->ac.nodemask = p->rq.nodemask;
	p->ac.gfp = p->ac.gfp_full;
	p->masked_by_cpuset = false;
	p->alloc_flags = nb_alloc_slow_flags(p->sys, &p->ac);
	if (reserve)
		p->alloc_flags = reserve | (p->alloc_flags & (NB_ALLOC_CMA | NB_ALLOC_KSWAPD));
	if (reserve || !(p->alloc_flags & NB_ALLOC_CPUSET))
		p->ac.nodemask = NULL;
}

int nb_probe_request(struct nb_system *sys, const struct nb_alloc_request *rq, uint64_t index,
		     struct nb_request_probe *ret)
{
	struct probe p;
	int rc = open_probe(&p, sys, rq, index);

	if (rc)
		return rc;
	*ret = (struct nb_request_probe){
		.nid = p.rq.nid,
		.preferred_nid = p.ac.preferred->zone ? p.ac.preferred->nid : NB_NO_NODE,
		.masked = p.ac.nodemask != NULL,
		.highest_zone = p.ac.highest_zoneidx,
		.migratetype = p.ac.migratetype,
		.thisnode = rq->gfp & NB_GFP_BIT_THISNODE,
		.may_reclaim = rq->gfp & NB_GFP_BIT_DIRECT_RECLAIM,
		.wakes_kswapd = rq->gfp & NB_GFP_BIT_KSWAPD_RECLAIM,
		.costly = rq->order > NB_COSTLY_ORDER,
	};
	if (p.ac.nodemask)
		ret->nodes = *p.ac.nodemask;
	ret->may_compact = ret->may_reclaim && rq->order && (p.ac.gfp & NB_GFP_BIT_IO);
	ret->may_oom = ret->may_reclaim && !ret->costly && (p.ac.gfp & NB_GFP_BIT_FS) &&
		       !(rq->gfp &
			 (NB_GFP_BIT_NORETRY | NB_GFP_BIT_RETRY_MAYFAIL | NB_GFP_BIT_THISNODE)) &&
		       p.ac.highest_zoneidx >= NB_ZONE_NORMAL;
	go_slow(&p);
	ret->ignores_marks = p.alloc_flags & NB_ALLOC_NO_WATERMARKS;
	ret->min_reserve = p.alloc_flags & NB_ALLOC_MIN_RESERVE;
	ret->non_block = p.alloc_flags & NB_ALLOC_NON_BLOCK;
	ret->oom_reserve = p.alloc_flags & NB_ALLOC_OOM;
	ret->highatomic = p.alloc_flags & NB_ALLOC_HIGHATOMIC;
	return 0;
}

/* Largest order of a free block on a list that the request may take from. */
static int largest_block(const struct nb_zone *z, unsigned flags)
{
	unsigned mask = nb_zone_free_mask(z, NB_MIGRATE_UNMOVABLE) |
			nb_zone_free_mask(z, NB_MIGRATE_MOVABLE) |
			nb_zone_free_mask(z, NB_MIGRATE_RECLAIMABLE);
	int order = -1;

	if (flags & NB_ALLOC_CMA)
		mask |= nb_zone_free_mask(z, NB_MIGRATE_CMA);
	if (nb_has_reserve_rights(z, flags))
		mask |= nb_zone_free_mask(z, NB_MIGRATE_HIGHATOMIC);
	for (; mask; mask >>= 1)
		order++;
	return order;
}

static void measure(const struct probe *p, const struct nb_zone *z, enum nb_wmark mark,
		    uint64_t free_pages, struct nb_zone_probe *ret)
{
	unsigned order = p->ac.order, flags = p->alloc_flags;
	unsigned open = flags | NB_ALLOC_CMA | NB_ALLOC_HIGHATOMIC | NB_ALLOC_NON_BLOCK;
	int64_t usable;

	*ret = (struct nb_zone_probe){.nid = z->pgdat->nid, .zone = z->type, .mark = mark};
	ret->free_pages = (int64_t)(free_pages == NB_UNKNOWN ? nb_zone_free_pages(z) : free_pages);
	ret->block_pages = nb_unusable_free(z, order, open);
	ret->highatomic_pages = nb_unusable_free(z, order, flags | NB_ALLOC_CMA) - ret->block_pages;
	ret->cma_pages = nb_unusable_free(z, order, flags) -
			 nb_unusable_free(z, order, flags | NB_ALLOC_CMA);
	ret->mark_pages = (int64_t)nb_wmark_pages(z, mark);
	ret->boost_pages = ret->mark_pages - (int64_t)z->wmark[mark];
	ret->mark_reduced_pages = nb_wmark_reduced(z, ret->mark_pages, flags);
	ret->reserve_pages = (int64_t)z->lowmem_reserve[p->ac.highest_zoneidx];
	ret->largest_order = largest_block(z, flags);
	usable = ret->free_pages - nb_unusable_free(z, order, flags);
	ret->spare_pages = usable - ret->mark_reduced_pages - ret->reserve_pages;
	if (nb_zone_watermark_ok_free(z, order, (uint64_t)ret->mark_pages, p->ac.highest_zoneidx,
				      flags, ret->free_pages) ||
	    (free_pages == NB_UNKNOWN &&
	     nb_zone_watermark_fast(z, order, (uint64_t)ret->mark_pages, p->ac.highest_zoneidx,
				    flags, p->ac.gfp)) ||
	    (flags & NB_ALLOC_NO_WATERMARKS))
		ret->verdict = NB_PROBE_PASSES;
	else
		ret->verdict = ret->spare_pages > 0 ? NB_PROBE_PIECES : NB_PROBE_SHORT;
}

/* Closed entries get their reason, open ones their numbers. */
static void judge(const struct probe *p, const struct nb_zoneref *ref, struct nb_zone_probe *ret)
{
	const struct nb_zone *z = ref->zone;

	measure(p, z, (enum nb_wmark)(p->alloc_flags & NB_ALLOC_WMARK_MASK), NB_UNKNOWN, ret);
	if (ref->zone_idx > p->ac.highest_zoneidx)
		ret->verdict = NB_PROBE_TOO_HIGH;
	else if (p->ac.nodemask && !nb_nodemask_test(p->ac.nodemask, ref->nid))
		ret->verdict = p->masked_by_cpuset ? NB_PROBE_CPUSET : NB_PROBE_NODEMASK;
	else if ((p->alloc_flags & NB_ALLOC_CPUSET) && p->ac.mems_allowed &&
		 !nb_nodemask_test(p->ac.mems_allowed, ref->nid))
		ret->verdict = NB_PROBE_CPUSET;
	else if ((p->rq.gfp & NB_GFP_BIT_THISNODE) && ref->nid != p->rq.nid)
		ret->verdict = NB_PROBE_OTHER_NODE;
	else if (!z->managed_pages)
		ret->verdict = NB_PROBE_EMPTY;
}

bool nb_probe_walk(struct nb_system *sys, const struct nb_alloc_request *rq, uint64_t index,
		   enum nb_probe_step step, nb_probe_fn *fn, void *arg)
{
	const struct nb_zoneref *ref;
	struct nb_zone_probe one;
	bool passed = false;
	struct probe p;

	if (open_probe(&p, sys, rq, index))
		return false;
	if (step == NB_PROBE_SLOW)
		go_slow(&p);
	for (ref = nb_node_data(sys, p.rq.nid)->zonelist; ref->zone; ref++) {
		judge(&p, ref, &one);
		passed |= one.verdict == NB_PROBE_PASSES;
		if (!fn(arg, &one))
			break;
	}
	return passed;
}

int nb_probe_zone(struct nb_system *sys, const struct nb_alloc_request *rq, int nid,
		  enum nb_zone_type type, enum nb_probe_step step, enum nb_wmark mark,
		  uint64_t free_pages, struct nb_zone_probe *ret)
{
	const struct nb_pgdat *pgdat = nb_node_data(sys, nid);
	struct probe p;
	int rc = open_probe(&p, sys, rq, NB_UNKNOWN);

	if (!pgdat)
		return -NB_ENODEV;
	if (rc || (unsigned)type >= NB_MAX_NR_ZONES || !nb_zone_configured(sys, type) ||
	    (unsigned)mark >= NB_NR_WMARK)
		return -NB_EINVAL;
	if (step == NB_PROBE_SLOW)
		go_slow(&p);
	measure(&p, &pgdat->zone[type], mark, free_pages, ret);
	return 0;
}

int nb_probe_policy(const struct nb_task *t, uint64_t addr, int *ret_mode,
		    struct nb_nodemask *ret_nodes)
{
	const struct nb_vma *v = t->mm ? nb_vma_find(t->mm, addr) : NULL;
	struct nb_mempolicy *pol;
	uint64_t index;

	if (!v)
		return -NB_EFAULT;
	pol = nb_vma_policy(t, v, addr, 0, &index);
	*ret_mode = pol ? (int)(pol->mode | pol->flags) : NB_MPOL_DEFAULT;
	*ret_nodes = (struct nb_nodemask){0};
	if (pol && pol->mode != NB_MPOL_LOCAL)
		*ret_nodes = pol->nodes;
	nb_mpol_put(t->sys, pol);
	return 0;
}
