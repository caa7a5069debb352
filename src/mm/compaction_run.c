/* compaction_run.c -- one compaction run over one zone.
 *
 * Called by compaction.c for requests and by kcompactd.c. Gather, move, look whether it is enough;
 * it ends when the scanners meet, when a block for the request is free or was captured by the zone
 * while it merged (buddy.h), or when there is no room for the copies. Since 5.1 a pageblock that
 * was begun is gathered whole the second time; since 6.3 also at once, when a page of it stayed.
 * Units and names as compaction.h. Source: mm/compaction.c, compact_zone(), compact_finished();
 * facts 8.
 */
#include "mm/buddy.h"
#include "mm/compaction.h"
#include "mm/event.h"
#include "mm/lru.h"
#include "mm/pcp.h"
#include "mm/vmstat.h"

/* Where a run is, as its events tell it. */
#define SPAN_OF(cc)                                                    \
	(cc)->zone->zone_start_pfn, (cc)->migrate_pfn, (cc)->free_pfn, \
		nb_zone_end_pfn((cc)->zone), (cc)->mode != NB_MIGRATE_ASYNC

/* ---- is it enough? ---- */

/* Is a block free that the request could take? */
static bool has_block(const struct nb_compact_control *cc)
{
	const struct nb_zone *z = cc->zone;
	unsigned max = z->sys->max_order;

	for (unsigned o = (unsigned)cc->order; o <= max; o++) {
		if (nb_zone_free_mask(z, cc->migratetype) >> o & 1)
			return true;
		if (cc->migratetype == NB_MIGRATE_MOVABLE &&
		    nb_zone_free_mask(z, NB_MIGRATE_CMA) >> o & 1)
			return true;
		if (nb_fallback_would_claim(z, o, cc->migratetype))
			return true;
	}
	return false;
}

static enum nb_compact_result is_finished(struct nb_compact_control *cc)
{
	nb_pfn_t block = UINT64_C(1) << cc->sys->pageblock_order;

	if (nb_compact_met(cc)) {
		nb_reset_cached_positions(cc->zone, cc->state);
		/* what is hopeless is decided anew, but only because a request has come to this */
		if (cc->direct)
			atomic_store_explicit(&cc->state->blockskip_flush, true,
					      memory_order_relaxed);
		return cc->whole_zone ? NB_COMPACT_COMPLETE : NB_COMPACT_PARTIAL_SKIPPED;
	}
	if (cc->proactive) {
		if (cc->zone->pgdat->kswapd_awake)
			return NB_COMPACT_PARTIAL_SKIPPED;
		return nb_compaction_score(cc->zone) > nb_compaction_low_mark(cc->sys)
			       ? NB_COMPACT_CONTINUE
			       : NB_COMPACT_SUCCESS;
	}
	if (cc->order < 0)
		return NB_COMPACT_CONTINUE;
	/* whole pageblocks only, so that types are not mixed */
	if (cc->migrate_pfn & (block - 1))
		return NB_COMPACT_CONTINUE;
	return has_block(cc) ? NB_COMPACT_SUCCESS : NB_COMPACT_NO_SUITABLE_PAGE;
}

static enum nb_compact_result finished(struct nb_compact_control *cc)
{
	enum nb_compact_result ret = is_finished(cc);

	if (nb_event_wanted(cc->sys, NB_EV_MM_COMPACTION_FINISHED))
		nb_emit(cc->sys, NB_EV_MM_COMPACTION_FINISHED, cc->cpu, cc->task,
			(uint64_t)cc->zone->pgdat->nid, cc->zone->type, (uint64_t)cc->order, ret);
	return ret == NB_COMPACT_NO_SUITABLE_PAGE ? NB_COMPACT_CONTINUE : ret;
}

/* ---- the run ---- */

static void place_scanners(struct nb_compact_control *cc)
{
	struct nb_zone_compact *c = cc->state;
	nb_pfn_t start = cc->zone->zone_start_pfn, end = nb_zone_end_pfn(cc->zone);
	nb_pfn_t last = nb_block_start(end - 1, cc->sys->pageblock_order);

	cc->fast_start_pfn = 0;
	if (cc->whole_zone) {
		cc->migrate_pfn = start;
		cc->free_pfn = last;
		return;
	}
	cc->migrate_pfn = c->cached_migrate_pfn[cc->mode != NB_MIGRATE_ASYNC];
	cc->free_pfn = c->cached_free_pfn;
	if (cc->free_pfn < start || cc->free_pfn >= end)
		c->cached_free_pfn = cc->free_pfn = last;
	if (cc->migrate_pfn < start || cc->migrate_pfn >= end)
		c->cached_migrate_pfn[0] = c->cached_migrate_pfn[1] = cc->migrate_pfn = start;
	/* before the first reset no run counts as one over the whole zone */
	cc->whole_zone =
		cc->migrate_pfn <=
		(nb_compact_since(cc, NB_COMPACT_FAST_SINCE) ? c->init_migrate_pfn : start);
}

/* Moves what was gathered, last come first. Returns pages that stayed, or -NB_ENOMEM. */
static int64_t move_gathered(struct nb_compact_control *cc)
{
	struct nb_migration m = {
		.sys = cc->sys,
		.task = cc->task,
		.cpu = cc->cpu,
		.daemon = !cc->task,
		.mode = cc->mode,
		.reason = NB_MR_COMPACTION,
		.target = nb_compaction_target,
		.untarget = nb_compaction_untarget,
		.arg = cc,
	};
	struct nb_migrate_item *item = cc->state->item;
	unsigned n = cc->nr_items;
	int err = 0;

	for (unsigned i = 0; i < n / 2; i++) {
		struct nb_migrate_item swap = item[i];

		item[i] = item[n - 1 - i];
		item[n - 1 - i] = swap;
	}
	for (unsigned i = 0; i < n; i += NB_MIGRATE_BATCH) {
		unsigned part = n - i < NB_MIGRATE_BATCH ? n - i : NB_MIGRATE_BATCH;

		if (!err)
			err = nb_migrate_list(&m, item + i, part);
		else
			for (unsigned k = i; k < i + part; k++)
				nb_migrate_putback(cc->sys, item[k].zone, item[k].page, cc->cpu);
	}
	if (nb_event_wanted(cc->sys, NB_EV_MM_COMPACTION_MIGRATEPAGES))
		nb_emit(cc->sys, NB_EV_MM_COMPACTION_MIGRATEPAGES, cc->cpu, cc->task,
			(uint64_t)m.succeeded, (uint64_t)(n - m.succeeded));
	cc->nr_items = 0;
	cc->nr_migrate = 0;
	nb_migrate_end(&m);
	return err ? err : (int64_t)m.failed;
}

/* Pages that moved wait in page sets, where they do not merge: back with them once a block of the
 * wanted order lies behind. */
static void drain_behind(struct nb_compact_control *cc)
{
	struct nb_pcp *pcp;

	if (cc->order <= 0 || !cc->last_migrated_pfn ||
	    cc->last_migrated_pfn >= nb_block_start(cc->migrate_pfn, (unsigned)cc->order))
		return;
	nb_lru_add_drain(cc->sys, cc->cpu);
	pcp = nb_zone_pcp_peek(cc->zone, cc->cpu);
	if (pcp)
		nb_pcp_drain(cc->zone, pcp, cc->cpu);
	cc->last_migrated_pfn = 0;
}

/* A page stayed, and spoils its pageblock. true: the rest of it is to be gathered now, so that it
 * is marked and nobody comes back soon. */
static bool must_rescan(struct nb_compact_control *cc)
{
	bool inside = cc->migrate_pfn & ((UINT64_C(1) << cc->sys->pageblock_order) - 1);

	if (!nb_compact_since(cc, NB_COMPACT_RESCAN_SINCE)) {
		if (cc->direct && cc->mode == NB_MIGRATE_ASYNC &&
		    nb_compact_since(cc, NB_COMPACT_SKIP_FAILED_SINCE)) {
			cc->migrate_pfn = nb_block_end(cc->migrate_pfn - 1, (unsigned)cc->order);
			cc->last_migrated_pfn = 0;
		}
		return false;
	}
	if (!inside || cc->ignore_skip_hint || cc->finish_pageblock || cc->mode == NB_MIGRATE_SYNC)
		return false;
	cc->finish_pageblock = true;
	/* no huge page will come of it: emptying page sets is in vain */
	if (cc->order == (int)cc->sys->pageblock_order)
		cc->last_migrated_pfn = 0;
	return true;
}

enum pass { GO_ON, STALLED, CAPTURED };

/* Gathers and moves once, or twice where a page stayed. `begun`: where the pass began;
 * *keep_equal: nothing was gathered yet, both kinds of run go on at the same place. */
static enum pass one_pass(struct nb_compact_control *cc, nb_pfn_t begun, bool *keep_equal)
{
	nb_pfn_t *cached = cc->state->cached_migrate_pfn;

	for (;;) {
		int64_t stayed;

		if (!nb_isolate_migratepages(cc))
			return STALLED;
		if (!cc->nr_items) {
			if (*keep_equal)
				cached[1] = cached[0];
			return GO_ON;
		}
		*keep_equal = false;
		cc->last_migrated_pfn = begun;
		if (nb_compact_since(cc, NB_COMPACT_POSITIONS_SINCE)) {
			nb_pfn_t at = nb_block_start(cc->migrate_pfn - 1, cc->sys->pageblock_order);

			cc->last_migrated_pfn =
				at > cc->zone->zone_start_pfn ? at : cc->zone->zone_start_pfn;
		}
		stayed = move_gathered(cc);
		if (stayed == -NB_ENOMEM && !nb_compact_met(cc))
			return STALLED;
		if (!stayed || !must_rescan(cc))
			return cc->direct && cc->zone->capture.page ? CAPTURED : GO_ON;
	}
}

static void give_back_free(struct nb_compact_control *cc)
{
	nb_pfn_t freed;

	if (cc->nr_free) {
		/* the next run is to find them; forward only, for the position may have been reset
		 */
		freed = nb_block_start(nb_release_freepages(cc), cc->sys->pageblock_order);
		if (freed > cc->state->cached_free_pfn)
			cc->state->cached_free_pfn = freed;
	}
	nb_count_vm_events(cc->sys, cc->cpu, NB_VM_COMPACT_MIGRATE_SCANNED, cc->migrate_scanned);
	nb_count_vm_events(cc->sys, cc->cpu, NB_VM_COMPACT_FREE_SCANNED, cc->free_scanned);
}

/* Alone on the zone. */
static enum nb_compact_result run(struct nb_compact_control *cc)
{
	struct nb_zone_compact *c = cc->state;
	unsigned o = cc->sys->pageblock_order;
	enum nb_compact_result ret;
	bool keep_equal;

	if (nb_compaction_restarting(cc->zone, cc->order))
		nb_reset_isolation_suitable(cc->zone, c);
	place_scanners(cc);
	keep_equal = nb_compact_since(cc, NB_COMPACT_FAST_SINCE) && cc->mode == NB_MIGRATE_ASYNC &&
		     c->cached_migrate_pfn[0] == c->cached_migrate_pfn[1];
	if (nb_event_wanted(cc->sys, NB_EV_MM_COMPACTION_BEGIN))
		nb_emit(cc->sys, NB_EV_MM_COMPACTION_BEGIN, cc->cpu, cc->task, SPAN_OF(cc));
	nb_lru_add_drain(cc->sys, cc->cpu);
	while ((ret = finished(cc)) == NB_COMPACT_CONTINUE) {
		nb_pfn_t begun = cc->migrate_pfn;
		enum pass pass;

		cc->finish_pageblock =
			nb_compact_since(cc, NB_COMPACT_FAST_SINCE) &&
			nb_block_start(cc->last_migrated_pfn, o) == nb_block_start(begun, o);
		pass = one_pass(cc, begun, &keep_equal);
		if (pass != GO_ON) {
			ret = pass == CAPTURED ? NB_COMPACT_SUCCESS : NB_COMPACT_CONTENDED;
			break;
		}
		drain_behind(cc);
	}
	give_back_free(cc);
	if (nb_event_wanted(cc->sys, NB_EV_MM_COMPACTION_END))
		nb_emit(cc->sys, NB_EV_MM_COMPACTION_END, cc->cpu, cc->task, SPAN_OF(cc), ret);
	return ret;
}

/* From now on the zone keeps the first block of the order that merges on this CPU for the request
 * (on), or what it has kept is the request's: since 5.1. One run at a time in a zone, so one block.
 * Source: struct capture_control. */
static struct nb_page *capture(const struct nb_compact_control *cc, bool on)
{
	struct nb_zone *z = cc->zone;
	struct nb_page *page;

	if (!cc->direct || !nb_compact_since(cc, NB_COMPACT_FAST_SINCE))
		return NULL;
	nb_zone_lock(z, cc->cpu);
	page = z->capture.page;
	z->capture = (struct nb_capture){.cpu = cc->cpu, .mt = cc->migratetype};
	z->capture_at = on ? (uint8_t)(cc->order + 1) : 0;
	nb_zone_unlock(z);
	return page;
}

enum nb_compact_result nb_compact_zone(struct nb_compact_control *cc)
{
	enum nb_compact_result ret;

	cc->state = nb_zone_compact(cc->zone);
	if (!cc->state)
		return NB_COMPACT_SKIPPED;
	ret = nb_compaction_ask(cc->zone, cc->order, cc->alloc_flags, cc->highest_zoneidx, cc->cpu,
				cc->task);
	if (ret != NB_COMPACT_CONTINUE)
		return ret;
	if (!nb_trylock(&cc->state->run, cc->sys->port))
		return NB_COMPACT_CONTENDED;
	(void)capture(cc, true);
	ret = run(cc);
	cc->captured = capture(cc, false);
	nb_unlock(&cc->state->run, cc->sys->port);
	return cc->captured ? NB_COMPACT_SUCCESS : ret;
}
