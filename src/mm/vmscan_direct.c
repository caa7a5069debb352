/* vmscan_direct.c -- direct reclaim: a request frees what it needs itself.
 *
 * Called by the slow path through the system's hooks. Nodes of the zonelist are scanned one after
 * the other, harder in each round, until 32 pages are free or the lists have been seen whole.
 * Before it begins, a task waits for kswapd while most of the reserve is gone.
 * Source: mm/vmscan.c: try_to_free_pages(), do_try_to_free_pages(), shrink_zones(),
 * throttle_direct_reclaim(), allow_direct_reclaim(), consider_reclaim_throttle(),
 * compaction_ready(); facts 7.4, 8.
 */
#include "mm/buddy.h"
#include "mm/compaction.h"
#include "mm/event.h"
#include "mm/kswapd.h"
#include "mm/lru_gen.h"
#include "mm/task.h"
#include "mm/vmscan.h"
#include "mm/vmstat.h"

#include <numabox/reclaim.h>

#define HZ 250u
#define NS_PER_JIFFY (UINT64_C(1000000000) / HZ)
#define NOPROGRESS_JIFFIES 1u
#define THROTTLE_JIFFIES (HZ / 10) /* between two looks while the reserve is low */
#define THROTTLE_LOOKS 10u

static void wait_for(struct nb_system *sys, struct nb_task *t, enum nb_wait_reason why,
		     uint64_t jiffies)
{
	if (sys->port->wait)
		sys->port->wait(sys->port->ctx, t, why, sys->time_ns + jiffies * NS_PER_JIFFY);
}

void nb_reclaim_throttle(const struct nb_pgdat *p, const struct nb_scan_control *sc,
			 unsigned reason, unsigned jiffies)
{
	uint64_t us = jiffies * NS_PER_JIFFY / 1000;

	wait_for(sc->sys, sc->task, NB_WAIT_THROTTLE, jiffies);
	if (nb_event_wanted(sc->sys, NB_EV_MM_VMSCAN_THROTTLED))
		nb_emit(sc->sys, NB_EV_MM_VMSCAN_THROTTLED, sc->cpu, sc->task, (uint64_t)p->nid, us,
			sc->sys->port->wait ? us : 0, reason);
}

/* Source: compaction_ready(). */
static bool compaction_ready(const struct nb_zone *z, const struct nb_scan_control *sc)
{
	switch (nb_compaction_ask(z, (int)sc->order, NB_WMARK_MIN, sc->reclaim_idx, sc->cpu,
				  sc->task)) {
	case NB_COMPACT_SUCCESS:
		return true;
	case NB_COMPACT_CONTINUE:
		return nb_zone_watermark_ok(
			z, 0, nb_wmark_pages(z, NB_WMARK_HIGH) + (UINT64_C(2) << sc->order),
			sc->reclaim_idx, 0);
	default:
		return false;
	}
}

/* Is more than half of the reserve that requests without watermarks live on still there? */
static bool reserve_holds(const struct nb_pgdat *p)
{
	uint64_t reserve = 0, free = 0;

	if (nb_kswapd_hopeless(p))
		return true;
	for (unsigned t = 0; t <= NB_ZONE_NORMAL; t++) {
		const struct nb_zone *z = &p->zone[t];

		if (!z->managed_pages || !nb_zone_reclaimable_pages(z))
			continue;
		reserve += nb_wmark_pages(z, NB_WMARK_MIN);
		free += nb_zone_free_pages(z);
	}
	return !reserve || free > reserve / 2;
}

/* Waits until kswapd has filled the reserve of the first node that the request may use. */
static void throttle(struct nb_system *sys, const struct nb_alloc_context *ac)
{
	const struct nb_zoneref *ref = ac->zonelist;
	struct nb_pgdat *p;

	while (ref->zone && (ref->zone_idx > NB_ZONE_NORMAL ||
			     (ac->nodemask && !nb_nodemask_test(ac->nodemask, ref->nid))))
		ref++;
	if (!ref->zone || !ref->zone->pgdat->kswapd)
		return;
	p = ref->zone->pgdat;
	if (reserve_holds(p))
		return;
	nb_count_vm_event(sys, ac->cpu, NB_VM_PGSCAN_DIRECT_THROTTLE);
	for (unsigned i = 0; i < THROTTLE_LOOKS && !reserve_holds(p); i++) {
		nb_wakeup_kswapd(ref->zone, ac->gfp, 0, NB_ZONE_NORMAL, ac->cpu, ac->task);
		wait_for(sys, ac->task, NB_WAIT_RECLAIM, THROTTLE_JIFFIES);
	}
}

/* One round over the zonelist; the first node that was scanned, or NULL. */
static struct nb_pgdat *shrink_zones(const struct nb_alloc_context *ac, struct nb_scan_control *sc)
{
	struct nb_pgdat *first = NULL, *last = NULL;
	const struct nb_zoneref *ref;

	for (ref = nb_next_zoneref(ac->zonelist, sc->reclaim_idx, sc->nodemask); ref->zone;
	     ref = nb_next_zoneref(ref + 1, sc->reclaim_idx, sc->nodemask)) {
		struct nb_zone *z = ref->zone;

		if (ac->mems_allowed && !nb_nodemask_test(ac->mems_allowed, ref->nid))
			continue;
		if (sc->order > NB_COSTLY_ORDER && sc->gfp & NB_GFP_BIT_IO &&
		    compaction_ready(z, sc)) {
			sc->compaction_ready = true;
			continue;
		}
		if (z->pgdat == last)
			continue;
		last = z->pgdat;
		if (!first)
			first = last;
		nb_shrink_node(last, sc);
	}
	return first;
}

/* Is more than half of what could be reclaimed dirty or being written? Only then a wait helps.
 * Source: skip_throttle_noprogress(). */
static bool mostly_written(const struct nb_pgdat *p)
{
	uint64_t reclaimable = 0, pending = 0;

	for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++) {
		const struct nb_zone *z = &p->zone[t];

		if (!z->managed_pages)
			continue;
		reclaimable += nb_zone_reclaimable_pages(z);
		pending += atomic_load_explicit(&z->nr_dirty, memory_order_relaxed) +
			   atomic_load_explicit(&z->nr_writeback, memory_order_relaxed);
	}
	return 2 * pending > reclaimable;
}

/* A round found next to nothing: a moment for others to make progress. */
static void consider_waiting(struct nb_pgdat *p, struct nb_scan_control *sc)
{
	if (!p || sc->nr_reclaimed > sc->nr_scanned >> 3)
		return;
	if (sc->priority == 1 && !sc->nr_reclaimed && !nb_kswapd_hopeless(p) && mostly_written(p))
		nb_reclaim_throttle(p, sc, NB_THROTTLE_NOPROGRESS, NOPROGRESS_JIFFIES);
}

static void snapshot(const struct nb_alloc_context *ac, const struct nb_scan_control *sc)
{
	const struct nb_zoneref *ref;

	for (ref = nb_next_zoneref(ac->zonelist, sc->reclaim_idx, sc->nodemask); ref->zone;
	     ref = nb_next_zoneref(ref + 1, sc->reclaim_idx, sc->nodemask))
		nb_snapshot_refaults(ref->zone->pgdat, sc->target);
}

/* What the rounds have left out so far: groups that a partial walk did not come to, active lists,
 * memory below memory.low. false: nothing. */
static bool try_harder(struct nb_scan_control *sc)
{
	if (sc->partial_walk && !sc->full_walk) {
		sc->full_walk = true;
		return true;
	}
	if (sc->skipped_deactivate) {
		sc->force_deactivate = true;
		sc->skipped_deactivate = false;
		return true;
	}
	if (sc->low_skipped) {
		sc->force_deactivate = false;
		sc->low_reclaim = true;
		sc->low_skipped = false;
		return true;
	}
	return false;
}

uint64_t nb_reclaim_rounds(const struct nb_alloc_context *ac, struct nb_scan_control *sc)
{
	for (;;) {
		if (!sc->target)
			nb_count_vm_event(
				sc->sys, sc->cpu,
				(enum nb_vm_event_item)(NB_VM_ALLOCSTALL + sc->reclaim_idx));
		do {
			sc->nr_scanned = 0;
			consider_waiting(shrink_zones(ac, sc), sc);
			if (sc->nr_reclaimed >= sc->nr_to_reclaim || sc->compaction_ready)
				break;
			if (sc->priority < NB_DEF_PRIORITY - 2)
				sc->may_writepage = true;
		} while (--sc->priority >= 0);
		snapshot(ac, sc);
		if (sc->nr_reclaimed || sc->compaction_ready)
			return sc->nr_reclaimed ? sc->nr_reclaimed : 1;
		if (!try_harder(sc))
			return 0;
		sc->priority = NB_DEF_PRIORITY;
	}
}

/* Pages that went on or off lists, of all nodes. */
static uint64_t all_moved(const struct nb_system *sys)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < sys->nr_pgdat; i++)
		n += atomic_load_explicit(&sys->pgdat[i]->lruvec->moved, memory_order_relaxed);
	return n;
}

uint64_t nb_direct_reclaim_pages(const struct nb_system *sys)
{
	return atomic_load_explicit(&sys->reclaim->direct_pages, memory_order_relaxed);
}

uint64_t nb_try_to_free_pages(struct nb_system *sys, const struct nb_alloc_context *ac)
{
	struct nb_scan_control sc = {.sys = sys,
				     .task = ac->task,
				     .cpu = ac->cpu,
				     .gfp = ac->gfp,
				     .order = ac->order,
				     .nodemask = ac->nodemask,
				     .reclaim_idx = ac->highest_zoneidx,
				     .nr_to_reclaim = NB_SWAP_CLUSTER_MAX,
				     .priority = NB_DEF_PRIORITY,
				     .may_writepage = true,
				     .may_unmap = true,
				     .may_swap = true};
	unsigned flags = ac->task ? ac->task->flags : 0;
	uint64_t n, moved, looked_at;

	if (!(flags & NB_PF_OOM_VICTIM))
		throttle(sys, ac);
	if (nb_event_wanted(sys, NB_EV_MM_VMSCAN_DIRECT_RECLAIM_BEGIN))
		nb_emit(sys, NB_EV_MM_VMSCAN_DIRECT_RECLAIM_BEGIN, ac->cpu, ac->task, ac->order,
			ac->gfp);
	if (ac->task)
		ac->task->flags |= NB_PF_MEMALLOC;
	moved = all_moved(sys);
	n = nb_reclaim_rounds(ac, &sc);
	/* time passes over what was looked at, be it that nothing came of it */
	looked_at = (all_moved(sys) - moved) / 2;
	atomic_fetch_add_explicit(&sys->reclaim->direct_pages,
				  looked_at > sc.nr_scanned ? looked_at : sc.nr_scanned,
				  memory_order_relaxed);
	if (ac->task && !(flags & NB_PF_MEMALLOC))
		ac->task->flags &= ~(unsigned)NB_PF_MEMALLOC;
	wait_for(sys, ac->task, NB_WAIT_RECLAIM, 0); /* kswapd ran beside it: let it */
	if (nb_event_wanted(sys, NB_EV_MM_VMSCAN_DIRECT_RECLAIM_END))
		nb_emit(sys, NB_EV_MM_VMSCAN_DIRECT_RECLAIM_END, ac->cpu, ac->task, n);
	return n;
}

void nb_vmscan_boot(struct nb_system *sys)
{
	nb_lru_gen_boot(sys);
	sys->hooks.direct_reclaim = nb_try_to_free_pages;
	sys->hooks.reclaimable_pages = nb_zone_reclaimable_pages;
	sys->hooks.node_reclaim = nb_node_reclaim;
	sys->hooks.reclaim_page = nb_reclaim_page;
}
