/* slowpath.c -- what a request does when no zone passes its low mark.
 *
 * Called by page_alloc.c alone. Wakes kswapd, tries the min mark, then compaction, reclaim and the
 * OOM killer in the kernel's order, as far as the flags allow. Reclaim, compaction and OOM are
 * hooks of the system; one that is not there makes no progress. One rule of our own: a __GFP_NOFAIL
 * request that got nothing in NOFAIL_ROUNDS rounds without any progress fails, where the kernel
 * would hang. Source: mm/page_alloc.c: __alloc_pages_slowpath(), gfp_to_alloc_flags(),
 * __gfp_pfmemalloc_flags(), should_reclaim_retry(), should_compact_retry(),
 * __alloc_pages_may_oom(); facts 4.5, 4.6.
 */
#include "mm/buddy.h"
#include "mm/event.h"
#include "mm/pcp.h"
#include "mm/task.h"

#define NOFAIL_ROUNDS 16
#define MAX_COMPACT_RETRIES 16

/* One request's way through the slow path. */
struct slow {
	struct nb_system *sys;
	struct nb_alloc_context *ac;
	struct nb_zone **ret_zone;
	unsigned alloc_flags;
	bool can_reclaim, can_compact, costly;
	int compact_prio, compact_result;
	unsigned compaction_retries, no_progress_loops, nofail_rounds;
	uint64_t progress; /* of the last reclaim or OOM kill */
};

enum next { RETRY, GIVE_UP };

static struct nb_page *try_freelist(struct slow *s, unsigned alloc_flags)
{
	return nb_get_page_from_freelist(s->sys, s->ac, alloc_flags, s->ret_zone);
}

/* Marks and reserves that the flags open. */
static unsigned slow_flags(const struct slow *s)
{
	const struct nb_alloc_context *ac = s->ac;
	bool harder = s->sys->profile->reserve_style == NB_RESERVE_HARDER;
	bool rt = ac->task && (ac->task->flags & NB_PF_RT);
	unsigned f = NB_WMARK_MIN | NB_ALLOC_CPUSET | (ac->alloc_flags & NB_ALLOC_CMA);

	if (ac->gfp & NB_GFP_BIT_HIGH)
		f |= NB_ALLOC_MIN_RESERVE;
	if (ac->gfp & NB_GFP_BIT_KSWAPD_RECLAIM)
		f |= NB_ALLOC_KSWAPD;
	if (harder) {
		if (ac->gfp & NB_GFP_BIT_ATOMIC) {
			if (!(ac->gfp & NB_GFP_BIT_NOMEMALLOC))
				f |= NB_ALLOC_NON_BLOCK;
			f &= ~(unsigned)NB_ALLOC_CPUSET;
		} else if (rt) {
			f |= NB_ALLOC_NON_BLOCK;
		}
		if (ac->order && (f & NB_ALLOC_NON_BLOCK))
			f |= NB_ALLOC_HIGHATOMIC;
		return f;
	}
	if (!(ac->gfp & NB_GFP_BIT_DIRECT_RECLAIM)) {
		if (!(ac->gfp & NB_GFP_BIT_NOMEMALLOC)) {
			f |= NB_ALLOC_NON_BLOCK;
			if (ac->order && (f & NB_ALLOC_MIN_RESERVE))
				f |= NB_ALLOC_HIGHATOMIC;
		}
		if (f & NB_ALLOC_MIN_RESERVE)
			f &= ~(unsigned)NB_ALLOC_CPUSET;
	} else if (rt) {
		f |= NB_ALLOC_MIN_RESERVE;
	}
	return f;
}

/* Rights of a task that itself frees memory, or was told to die. */
static unsigned reserve_flags(const struct nb_alloc_context *ac)
{
	if (ac->gfp & NB_GFP_BIT_NOMEMALLOC)
		return 0;
	if (ac->gfp & NB_GFP_BIT_MEMALLOC)
		return NB_ALLOC_NO_WATERMARKS;
	if (!ac->task)
		return 0;
	if (ac->task->flags & NB_PF_MEMALLOC)
		return NB_ALLOC_NO_WATERMARKS;
	return ac->task->flags & NB_PF_OOM_VICTIM ? NB_ALLOC_OOM : 0;
}

static void wake_all_kswapds(struct slow *s)
{
	const struct nb_alloc_context *ac = s->ac;
	const struct nb_pgdat *last = NULL;
	const struct nb_zoneref *ref;

	if (!(s->alloc_flags & NB_ALLOC_KSWAPD))
		return;
	for (ref = nb_next_zoneref(ac->zonelist, ac->highest_zoneidx, ac->nodemask); ref->zone;
	     ref = nb_next_zoneref(ref + 1, ac->highest_zoneidx, ac->nodemask)) {
		if (!ref->zone->managed_pages || ref->zone->pgdat == last)
			continue;
		last = ref->zone->pgdat;
		nb_wakeup_kswapd(ref->zone, ac->gfp, ac->order, ac->highest_zoneidx, ac->cpu,
				 ac->task);
	}
}

static struct nb_page *direct_compact(struct slow *s, int prio)
{
	const struct nb_alloc_context *ac = s->ac;
	struct nb_page *page;

	s->compact_result = NB_COMPACT_SKIPPED;
	if (!s->ac->order || !s->sys->hooks.direct_compact)
		return NULL;
	s->compact_result = s->sys->hooks.direct_compact(s->sys, ac, prio, &page, s->ret_zone);
	if (s->compact_result == NB_COMPACT_SKIPPED || s->compact_result == NB_COMPACT_DEFERRED)
		return NULL;
	if (page)
		nb_prep_page(*s->ret_zone, page,
			     ac->order | (ac->gfp & NB_GFP_BIT_COMP ? PG_COMPOUND : 0u));
	else
		page = try_freelist(s, s->alloc_flags);
	if (s->sys->hooks.compact_done)
		s->sys->hooks.compact_done(s->sys, s->ac, page ? *s->ret_zone : NULL);
	return page;
}

static struct nb_page *direct_reclaim(struct slow *s)
{
	struct nb_page *page;
	bool drained = false;

	s->progress =
		s->sys->hooks.direct_reclaim ? s->sys->hooks.direct_reclaim(s->sys, s->ac) : 0;
	if (!s->progress)
		return NULL;
	for (;;) {
		page = try_freelist(s, s->alloc_flags);
		if (page || drained)
			return page;
		nb_unreserve_highatomic(s->sys, s->ac, false);
		nb_drain_all_pages(s->sys, s->ac->cpu);
		drained = true;
	}
}

static bool should_reclaim_retry(struct slow *s)
{
	const struct nb_alloc_context *ac = s->ac;
	const struct nb_zoneref *ref;

	if (s->progress && !s->costly)
		s->no_progress_loops = 0;
	else
		s->no_progress_loops++;
	if (s->no_progress_loops > NB_MAX_RECLAIM_RETRIES)
		return nb_unreserve_highatomic(s->sys, ac, true);
	for (ref = nb_next_zoneref(ac->zonelist, ac->highest_zoneidx, ac->nodemask); ref->zone;
	     ref = nb_next_zoneref(ref + 1, ac->highest_zoneidx, ac->nodemask)) {
		const struct nb_zone *z = ref->zone;
		uint64_t mark = nb_wmark_pages(z, NB_WMARK_MIN), reclaimable = 0, available;
		bool ok;

		if (s->sys->hooks.reclaimable_pages)
			reclaimable = s->sys->hooks.reclaimable_pages(z);
		available = reclaimable + nb_zone_free_pages_snapshot(z);
		ok = nb_zone_watermark_ok_free(z, ac->order, mark, ac->highest_zoneidx,
					       s->alloc_flags, (int64_t)available);
		if (nb_event_wanted(s->sys, NB_EV_RECLAIM_RETRY_ZONE))
			nb_emit(s->sys, NB_EV_RECLAIM_RETRY_ZONE, ac->cpu, ac->task,
				(uint64_t)ref->nid, z->type, ac->order, reclaimable, available,
				mark, s->no_progress_loops, ok);
		if (ok)
			return true;
	}
	return nb_unreserve_highatomic(s->sys, ac, true);
}

static bool compact_once_more(struct slow *s)
{
	int min_prio = s->costly ? NB_COMPACT_PRIO_SYNC_LIGHT : NB_COMPACT_PRIO_SYNC_FULL;

	if (s->compact_result == NB_COMPACT_SKIPPED)
		return s->sys->hooks.compact_after_reclaim &&
		       s->sys->hooks.compact_after_reclaim(s->sys, s->ac);
	if (s->compact_result == NB_COMPACT_SUCCESS &&
	    ++s->compaction_retries <= MAX_COMPACT_RETRIES / (s->costly ? 4u : 1u))
		return true;
	if (s->compact_prio <= min_prio)
		return false;
	s->compact_prio--;
	s->compaction_retries = 0;
	return true;
}

static bool should_compact_retry(struct slow *s)
{
	/* Source: compact_result_to_feedback(): failed, withdrawn, progress. */
	unsigned feedback = s->compact_result == NB_COMPACT_COMPLETE  ? 1
			    : s->compact_result == NB_COMPACT_SUCCESS ? 3
								      : 2;
	unsigned retries = s->compaction_retries;
	int prio = s->compact_prio;
	bool again;

	if (!s->ac->order || !s->sys->hooks.direct_compact)
		return false;
	again = compact_once_more(s);
	if (nb_event_wanted(s->sys, NB_EV_COMPACT_RETRY))
		nb_emit(s->sys, NB_EV_COMPACT_RETRY, s->ac->cpu, s->ac->task, s->ac->order,
			(uint64_t)prio, feedback, retries,
			MAX_COMPACT_RETRIES / (feedback == 3 && s->costly ? 4u : 1u), again);
	return again;
}

/* First inside the cpuset, then anywhere. */
static struct nb_page *cpuset_fallback(struct slow *s, unsigned alloc_flags)
{
	struct nb_page *page = try_freelist(s, alloc_flags | NB_ALLOC_CPUSET);

	return page ? page : try_freelist(s, alloc_flags);
}

static struct nb_page *may_oom(struct slow *s)
{
	struct nb_alloc_context *ac = s->ac;
	nb_gfp_t gfp = ac->gfp;
	struct nb_page *page;

	s->progress = 0;
	/* Somebody may have freed enough meanwhile: then nobody need die. */
	ac->gfp = (gfp | NB_GFP_BIT_HARDWALL) & ~(nb_gfp_t)NB_GFP_BIT_DIRECT_RECLAIM;
	page = try_freelist(s, NB_WMARK_HIGH | NB_ALLOC_CPUSET);
	ac->gfp = gfp;
	if (page)
		return page;
	if ((ac->task && (ac->task->flags & NB_PF_DUMPCORE)) || s->costly ||
	    (gfp & (NB_GFP_BIT_RETRY_MAYFAIL | NB_GFP_BIT_THISNODE)) ||
	    ac->highest_zoneidx < NB_ZONE_NORMAL)
		return NULL;
	if ((s->sys->hooks.out_of_memory && s->sys->hooks.out_of_memory(s->sys, ac)))
		s->progress = 1;
	if (s->progress && (gfp & NB_GFP_BIT_NOFAIL))
		return cpuset_fallback(s, NB_ALLOC_NO_WATERMARKS);
	return NULL;
}

/* First steps: the min mark, and compaction for what order alone may have failed. */
static struct nb_page *first_steps(struct slow *s, enum next *ret_next)
{
	const struct nb_alloc_context *ac = s->ac;
	struct nb_page *page;

	*ret_next = RETRY;
	wake_all_kswapds(s);
	page = try_freelist(s, s->alloc_flags);
	if (page)
		return page;
	if (!s->can_reclaim || !s->can_compact || reserve_flags(ac) == NB_ALLOC_NO_WATERMARKS ||
	    !(s->costly || (ac->order && ac->migratetype != NB_MIGRATE_MOVABLE)))
		return NULL;
	page = direct_compact(s, NB_COMPACT_PRIO_ASYNC);
	if (page)
		return page;
	if (s->costly && (ac->gfp & NB_GFP_BIT_NORETRY)) {
		if (s->compact_result == NB_COMPACT_SKIPPED ||
		    s->compact_result == NB_COMPACT_DEFERRED || (ac->gfp & NB_GFP_BIT_THISNODE))
			*ret_next = GIVE_UP;
		s->compact_prio = NB_COMPACT_PRIO_ASYNC;
	}
	return NULL;
}

/* One round: everything that may free memory, once. */
static struct nb_page *one_round(struct slow *s, enum next *ret_next)
{
	struct nb_alloc_context *ac = s->ac;
	unsigned reserve = reserve_flags(ac);
	struct nb_page *page;

	*ret_next = GIVE_UP;
	wake_all_kswapds(s);
	if (reserve)
		s->alloc_flags = reserve | (s->alloc_flags & (NB_ALLOC_CMA | NB_ALLOC_KSWAPD));
	if (reserve || !(s->alloc_flags & NB_ALLOC_CPUSET)) {
		ac->nodemask = NULL;
		ac->preferred = nb_next_zoneref(ac->zonelist, ac->highest_zoneidx, NULL);
	}
	page = try_freelist(s, s->alloc_flags);
	if (page || !s->can_reclaim || (ac->task && (ac->task->flags & NB_PF_MEMALLOC)))
		return page;
	page = direct_reclaim(s);
	if (!page)
		page = direct_compact(s, s->compact_prio);
	if (page || (ac->gfp & NB_GFP_BIT_NORETRY))
		return page;
	if (s->costly && !((ac->gfp & NB_GFP_BIT_RETRY_MAYFAIL) && s->can_compact))
		return NULL;
	*ret_next = RETRY;
	if (should_reclaim_retry(s))
		return NULL;
	if (s->progress && s->can_compact && should_compact_retry(s))
		return NULL;
	page = may_oom(s);
	if (page)
		return page;
	if (!s->progress ||
	    ((s->alloc_flags & NB_ALLOC_OOM) && ac->task && (ac->task->flags & NB_PF_OOM_VICTIM)))
		*ret_next = GIVE_UP;
	s->no_progress_loops = 0;
	return NULL;
}

static void begin(struct slow *s)
{
	struct nb_alloc_context *ac = s->ac;

	s->can_reclaim = ac->gfp & NB_GFP_BIT_DIRECT_RECLAIM;
	s->can_compact = ac->gfp & NB_GFP_BIT_IO;
	s->costly = ac->order > NB_COSTLY_ORDER;
	s->compact_prio = NB_COMPACT_PRIO_SYNC_LIGHT;
	s->alloc_flags = slow_flags(s);
	ac->preferred = nb_next_zoneref(ac->zonelist, ac->highest_zoneidx, ac->nodemask);
}

struct nb_page *nb_alloc_slowpath(struct nb_system *sys, struct nb_alloc_context *ac,
				  struct nb_zone **ret_zone)
{
	struct slow s = {.sys = sys, .ac = ac, .ret_zone = ret_zone};
	struct nb_page *page = NULL;
	enum next next;

	begin(&s);
	if (!ac->preferred->zone)
		return NULL;
	page = first_steps(&s, &next);
	for (;;) {
		while (!page && next == RETRY)
			page = one_round(&s, &next);
		if (page || !(ac->gfp & NB_GFP_BIT_NOFAIL) || !s.can_reclaim ||
		    s.nofail_rounds++ == NOFAIL_ROUNDS)
			return page;
		page = cpuset_fallback(&s, NB_ALLOC_MIN_RESERVE);
		next = RETRY;
	}
}

unsigned nb_alloc_slow_flags(struct nb_system *sys, struct nb_alloc_context *ac)
{
	const struct slow s = {.sys = sys, .ac = ac};

	return slow_flags(&s);
}

unsigned nb_alloc_reserve_flags(const struct nb_alloc_context *ac)
{
	return reserve_flags(ac);
}
