/* compaction.c -- whether a zone is compacted, and one run over it.
 *
 * Called through sys->hooks by the slow path (direct compaction) and by kcompactd.c; the scanners
 * stand in compaction_scan.c. A run ends when the scanners meet, when a block for the request is
 * free, or, for asynchronous runs of a request, when migration stalls.
 * Units and names as compaction.h. Source: mm/compaction.c, compact_zone(), compact_finished(),
 * compaction_suitable(), defer_compaction(), try_to_compact_pages(); facts 8.
 */
#include "mm/compaction.h"

#include "base/mem.h"
#include "mm/buddy.h"
#include "mm/event.h"
#include "mm/lru.h"
#include "mm/pcp.h"
#include "mm/vmstat.h"

#define COMPACTION_SINCE 2635u
/* Where a run is, as its events tell it. */
#define SPAN_OF(cc)                                                    \
	(cc)->zone->zone_start_pfn, (cc)->migrate_pfn, (cc)->free_pfn, \
		nb_zone_end_pfn((cc)->zone), (cc)->mode != NB_MIGRATE_ASYNC

struct nb_zone_compact *nb_zone_compact(struct nb_zone *z)
{
	uint64_t blocks = z->pgdat->mem_map_pages >> z->sys->pageblock_order;
	struct nb_zone_compact *c = nb_zone_compact_peek(z), *none = NULL;

	if (c)
		return c;
	c = nb_system_alloc(z->sys, sizeof(*c));
	if (!c)
		return NULL;
	c->skip = nb_system_alloc(z->sys, (blocks / 64 + 1) * sizeof(uint64_t));
	if (!c->skip)
		return NULL;
	nb_reset_isolation_suitable(z, c);
	/* Another thread may have been faster; what was made here then stays unused. */
	return atomic_compare_exchange_strong(&z->compact, &none, c) ? c : none;
}

int nb_fragmentation_index(const struct nb_zone *z, unsigned order)
{
	uint64_t free_pages = 0, blocks = 0, requested = UINT64_C(1) << order;

	for (unsigned o = 0; o <= z->sys->max_order; o++) {
		uint64_t n = nb_zone_nr_free(z, o);

		blocks += n;
		free_pages += n << o;
		if (o >= order && n)
			return -1000;
	}
	if (!blocks)
		return 0;
	return 1000 - (int)((1000 + free_pages * 1000 / requested) / blocks);
}

enum nb_compact_result nb_compaction_suitable(const struct nb_zone *z, int order,
					      unsigned alloc_flags, enum nb_zone_type highest)
{
	enum nb_wmark asked = (enum nb_wmark)(alloc_flags & NB_ALLOC_WMARK_MASK);
	uint64_t mark;
	int index;

	if (order < 0)
		return NB_COMPACT_CONTINUE;
	if (nb_zone_watermark_ok(z, (unsigned)order, nb_wmark_pages(z, asked), highest,
				 alloc_flags))
		return NB_COMPACT_SUCCESS;
	/* room for the copies, on both ends */
	mark = nb_wmark_pages(z, order > NB_COSTLY_ORDER ? NB_WMARK_LOW : NB_WMARK_MIN) +
	       (UINT64_C(2) << order);
	if (!nb_zone_watermark_ok_free(z, 0, mark, highest, NB_ALLOC_CMA,
				       (int64_t)nb_zone_free_pages(z)))
		return NB_COMPACT_SKIPPED;
	if (order <= NB_COSTLY_ORDER)
		return NB_COMPACT_CONTINUE;
	index = nb_fragmentation_index(z, (unsigned)order);
	return index >= 0 && index <= (int)z->sys->tune.extfrag_threshold ? NB_COMPACT_SKIPPED
									  : NB_COMPACT_CONTINUE;
}

enum nb_compact_result nb_compaction_ask(const struct nb_zone *z, int order, unsigned alloc_flags,
					 enum nb_zone_type highest, int cpu,
					 const struct nb_task *task)
{
	enum nb_compact_result ret = nb_compaction_suitable(z, order, alloc_flags, highest);

	/* that the mark is met already is found out before this question */
	if (order >= 0 && ret != NB_COMPACT_SUCCESS &&
	    nb_event_wanted(z->sys, NB_EV_MM_COMPACTION_SUITABLE))
		nb_emit(z->sys, NB_EV_MM_COMPACTION_SUITABLE, cpu, task, (uint64_t)z->pgdat->nid,
			z->type, (uint64_t)order, ret);
	return ret;
}

/* ---- deferral ---- */

static void emit_defer(const struct nb_zone *z, enum nb_event_kind kind, int order, int cpu,
		       const struct nb_task *task)
{
	const struct nb_zone_compact *c = nb_zone_compact_peek(z);

	if (c && nb_event_wanted(z->sys, kind))
		nb_emit(z->sys, kind, cpu, task, (uint64_t)z->pgdat->nid, z->type, (uint64_t)order,
			c->considered, c->defer_shift, (uint64_t)c->order_failed);
}

bool nb_compaction_deferred(struct nb_zone *z, int order, int cpu, const struct nb_task *task)
{
	struct nb_zone_compact *c = nb_zone_compact(z);
	bool deferred = false;

	if (!c)
		return false;
	nb_lock(&c->lock, z->sys->port);
	if (order >= c->order_failed) {
		unsigned limit = 1u << c->defer_shift;

		deferred = ++c->considered < limit;
		if (!deferred)
			c->considered = limit;
		else
			emit_defer(z, NB_EV_MM_COMPACTION_DEFERRED, order, cpu, task);
	}
	nb_unlock(&c->lock, z->sys->port);
	return deferred;
}

void nb_compaction_defer(struct nb_zone *z, int order, int cpu, const struct nb_task *task)
{
	struct nb_zone_compact *c = nb_zone_compact(z);

	if (!c)
		return;
	nb_lock(&c->lock, z->sys->port);
	c->considered = 0;
	if (c->defer_shift < NB_COMPACT_MAX_DEFER_SHIFT)
		c->defer_shift++;
	if (order < c->order_failed)
		c->order_failed = order;
	emit_defer(z, NB_EV_MM_COMPACTION_DEFER_COMPACTION, order, cpu, task);
	nb_unlock(&c->lock, z->sys->port);
}

void nb_compaction_defer_reset(struct nb_zone *z, int order, bool alloc_success, int cpu,
			       const struct nb_task *task)
{
	struct nb_zone_compact *c = nb_zone_compact(z);

	if (!c)
		return;
	nb_lock(&c->lock, z->sys->port);
	if (alloc_success)
		c->considered = c->defer_shift = 0;
	if (order >= c->order_failed)
		c->order_failed = order + 1;
	emit_defer(z, NB_EV_MM_COMPACTION_DEFER_RESET, order, cpu, task);
	nb_unlock(&c->lock, z->sys->port);
}

/* The end of a longest deferral: start afresh. Source: compaction_restarting(). */
static bool restarting(const struct nb_system *sys, struct nb_zone_compact *c, int order)
{
	bool yes;

	nb_lock(&c->lock, sys->port);
	yes = order >= c->order_failed && c->defer_shift == NB_COMPACT_MAX_DEFER_SHIFT &&
	      c->considered >= 1u << c->defer_shift;
	nb_unlock(&c->lock, sys->port);
	return yes;
}

/* ---- one run ---- */

static bool scanners_met(const struct nb_compact_control *cc)
{
	unsigned o = cc->sys->pageblock_order;

	return cc->free_pfn >> o <= cc->migrate_pfn >> o;
}

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

	if (scanners_met(cc)) {
		cc->state->cached_migrate_pfn[0] = cc->state->cached_migrate_pfn[1] =
			cc->zone->zone_start_pfn;
		cc->state->cached_free_pfn = (nb_zone_end_pfn(cc->zone) - 1) & ~(block - 1);
		return cc->whole_zone ? NB_COMPACT_COMPLETE : NB_COMPACT_PARTIAL_SKIPPED;
	}
	if (cc->proactive)
		return nb_compaction_score(cc->zone) > nb_compaction_low_mark(cc->sys)
			       ? NB_COMPACT_CONTINUE
			       : NB_COMPACT_SUCCESS;
	if (cc->order < 0)
		return NB_COMPACT_CONTINUE;
	/* whole pageblocks only, so that types are not mixed */
	if (cc->migrate_pfn & (block - 1))
		return NB_COMPACT_CONTINUE;
	return has_block(cc) ? NB_COMPACT_SUCCESS : NB_COMPACT_NO_SUITABLE_PAGE;
}

/* Source: compact_finished(). */
static enum nb_compact_result finished(struct nb_compact_control *cc)
{
	enum nb_compact_result ret = is_finished(cc);

	if (nb_event_wanted(cc->sys, NB_EV_MM_COMPACTION_FINISHED))
		nb_emit(cc->sys, NB_EV_MM_COMPACTION_FINISHED, cc->cpu, cc->task,
			(uint64_t)cc->zone->pgdat->nid, cc->zone->type, (uint64_t)cc->order, ret);
	return ret;
}

static void place_scanners(struct nb_compact_control *cc)
{
	nb_pfn_t block = UINT64_C(1) << cc->sys->pageblock_order;
	nb_pfn_t start = cc->zone->zone_start_pfn, end = nb_zone_end_pfn(cc->zone);
	bool sync = cc->mode != NB_MIGRATE_ASYNC;

	if (cc->whole_zone) {
		cc->migrate_pfn = start;
		cc->free_pfn = (end - 1) & ~(block - 1);
		return;
	}
	cc->migrate_pfn = cc->state->cached_migrate_pfn[sync];
	cc->free_pfn = cc->state->cached_free_pfn;
	if (cc->free_pfn < start || cc->free_pfn >= end)
		cc->state->cached_free_pfn = cc->free_pfn = (end - 1) & ~(block - 1);
	if (cc->migrate_pfn < start || cc->migrate_pfn >= end)
		cc->state->cached_migrate_pfn[0] = cc->state->cached_migrate_pfn[1] =
			cc->migrate_pfn = start;
	if (cc->migrate_pfn <= start)
		cc->whole_zone = true;
}

/* Moves what was gathered. false: there was no room. */
static bool migrate(struct nb_compact_control *cc)
{
	struct nb_migration m = {
		.sys = cc->sys,
		.task = cc->task,
		.cpu = cc->cpu,
		.mode = cc->mode,
		.reason = NB_MR_COMPACTION,
		.target = nb_compaction_target,
		.arg = cc,
	};
	nb_pfn_t block = cc->order > 0 ? UINT64_C(1) << cc->order : 1;
	uint64_t asked = cc->nr_migrate;
	int err = nb_migrate_list(&m, cc->item, cc->nr_migrate);

	if (nb_event_wanted(cc->sys, NB_EV_MM_COMPACTION_MIGRATEPAGES))
		nb_emit(cc->sys, NB_EV_MM_COMPACTION_MIGRATEPAGES, cc->cpu, cc->task,
			(uint64_t)m.succeeded, (uint64_t)(asked - m.succeeded));
	cc->nr_migrate = 0;
	nb_migrate_end(&m);
	/* one page that stays spoils its whole block: on to the next */
	if (m.failed && cc->direct && cc->mode == NB_MIGRATE_ASYNC) {
		cc->migrate_pfn = (cc->migrate_pfn + block - 1) & ~(block - 1);
		cc->last_migrated_pfn = 0;
	}
	return err != -NB_ENOMEM || scanners_met(cc);
}

/* Pages that moved wait in page sets, where they do not merge: back with them once a block of the
 * wanted order lies behind. */
static void drain_behind(struct nb_compact_control *cc)
{
	nb_pfn_t block = cc->order > 0 ? UINT64_C(1) << cc->order : 1;
	struct nb_pcp *pcp;

	if (cc->order <= 0 || !cc->last_migrated_pfn ||
	    cc->last_migrated_pfn >= (cc->migrate_pfn & ~(block - 1)))
		return;
	nb_lru_add_drain(cc->sys, cc->cpu);
	pcp = nb_zone_pcp_peek(cc->zone, cc->cpu);
	if (pcp)
		nb_pcp_drain(cc->zone, pcp, cc->cpu);
	cc->last_migrated_pfn = 0;
}

static void finish(struct nb_compact_control *cc)
{
	nb_pfn_t freed = nb_release_freepages(cc), block = UINT64_C(1) << cc->sys->pageblock_order;

	/* what was taken and not used is looked at again by the next run */
	freed &= ~(block - 1);
	if (freed && freed > cc->state->cached_free_pfn)
		cc->state->cached_free_pfn = freed;
	nb_count_vm_events(cc->sys, cc->cpu, NB_VM_COMPACT_MIGRATE_SCANNED, cc->migrate_scanned);
	nb_count_vm_events(cc->sys, cc->cpu, NB_VM_COMPACT_FREE_SCANNED, cc->free_scanned);
}

/* The run itself, alone on the zone. */
static enum nb_compact_result run(struct nb_compact_control *cc)
{
	enum nb_compact_result ret;

	if (cc->order >= 0 && restarting(cc->sys, cc->state, cc->order))
		nb_reset_isolation_suitable(cc->zone, cc->state);
	place_scanners(cc);
	if (nb_event_wanted(cc->sys, NB_EV_MM_COMPACTION_BEGIN))
		nb_emit(cc->sys, NB_EV_MM_COMPACTION_BEGIN, cc->cpu, cc->task, SPAN_OF(cc));
	nb_lru_add_drain(cc->sys, cc->cpu);
	for (;;) {
		ret = finished(cc);
		if (ret != NB_COMPACT_CONTINUE && ret != NB_COMPACT_NO_SUITABLE_PAGE)
			break;
		nb_isolate_migratepages(cc);
		if (cc->nr_migrate && !migrate(cc)) {
			ret = NB_COMPACT_CONTENDED;
			break;
		}
		drain_behind(cc);
	}
	finish(cc);
	if (nb_event_wanted(cc->sys, NB_EV_MM_COMPACTION_END))
		nb_emit(cc->sys, NB_EV_MM_COMPACTION_END, cc->cpu, cc->task, SPAN_OF(cc), ret);
	return ret;
}

enum nb_compact_result nb_compact_zone(struct nb_compact_control *cc)
{
	enum nb_compact_result ret;

	cc->state = nb_zone_compact(cc->zone);
	if (!cc->state)
		return NB_COMPACT_SKIPPED;
	if (!cc->proactive) {
		ret = nb_compaction_ask(cc->zone, cc->order, cc->alloc_flags, cc->highest_zoneidx,
					cc->cpu, cc->task);
		if (ret != NB_COMPACT_CONTINUE)
			return ret;
	}
	if (!nb_trylock(&cc->state->run, cc->sys->port))
		return NB_COMPACT_CONTENDED;
	ret = run(cc);
	nb_unlock(&cc->state->run, cc->sys->port);
	return ret;
}

/* ---- direct compaction ---- */

static enum nb_compact_result compact_for(struct nb_zone *z, const struct nb_alloc_context *ac,
					  int prio)
{
	struct nb_compact_control cc = {
		.sys = z->sys,
		.zone = z,
		.task = ac->task,
		.cpu = ac->cpu,
		.order = (int)ac->order,
		.gfp = ac->gfp,
		.migratetype = ac->migratetype,
		.highest_zoneidx = ac->highest_zoneidx,
		.alloc_flags = ac->alloc_flags,
		.mode = prio == NB_COMPACT_PRIO_ASYNC ? NB_MIGRATE_ASYNC : NB_MIGRATE_SYNC_LIGHT,
		.direct = true,
		.whole_zone = prio == NB_COMPACT_PRIO_SYNC_FULL,
		.ignore_skip_hint = prio == NB_COMPACT_PRIO_SYNC_FULL,
		.ignore_block_suitable = prio == NB_COMPACT_PRIO_SYNC_FULL,
	};

	return nb_compact_zone(&cc);
}

/* hooks.direct_compact. Source: try_to_compact_pages(), __alloc_pages_direct_compact(). */
static int direct_compact(struct nb_system *sys, const struct nb_alloc_context *ac, int prio)
{
	enum nb_compact_result rc = NB_COMPACT_SKIPPED;
	const struct nb_zoneref *ref;

	if (!(ac->gfp & NB_GFP_BIT_IO))
		return NB_COMPACT_SKIPPED;
	if (nb_event_wanted(sys, NB_EV_MM_COMPACTION_TRY_TO_COMPACT))
		nb_emit(sys, NB_EV_MM_COMPACTION_TRY_TO_COMPACT, ac->cpu, ac->task, ac->order,
			ac->gfp, (uint64_t)prio);
	for (ref = nb_next_zoneref(ac->zonelist, ac->highest_zoneidx, ac->nodemask); ref->zone;
	     ref = nb_next_zoneref(ref + 1, ac->highest_zoneidx, ac->nodemask)) {
		struct nb_zone *z = ref->zone;
		enum nb_compact_result status;

		if (nb_zoneref_closed(sys, ac, ref, ac->alloc_flags))
			continue;
		if (prio > NB_COMPACT_PRIO_SYNC_FULL &&
		    nb_compaction_deferred(z, (int)ac->order, ac->cpu, ac->task)) {
			rc = rc > NB_COMPACT_DEFERRED ? rc : NB_COMPACT_DEFERRED;
			continue;
		}
		status = compact_for(z, ac, prio);
		rc = status > rc ? status : rc;
		if (status == NB_COMPACT_SUCCESS) {
			nb_compaction_defer_reset(z, (int)ac->order, false, ac->cpu, ac->task);
			break;
		}
		if (prio != NB_COMPACT_PRIO_ASYNC &&
		    (status == NB_COMPACT_COMPLETE || status == NB_COMPACT_PARTIAL_SKIPPED))
			nb_compaction_defer(z, (int)ac->order, ac->cpu, ac->task);
	}
	if (rc != NB_COMPACT_SKIPPED && rc != NB_COMPACT_DEFERRED)
		nb_count_vm_event(sys, ac->cpu, NB_VM_COMPACT_STALL);
	return (int)rc;
}

/* hooks.compact_done: did the request get its page from `z` (NULL: it did not)? */
static void compact_done(struct nb_system *sys, const struct nb_alloc_context *ac,
			 struct nb_zone *z)
{
	if (z)
		nb_compaction_defer_reset(z, (int)ac->order, true, ac->cpu, ac->task);
	nb_count_vm_event(sys, ac->cpu, z ? NB_VM_COMPACT_SUCCESS : NB_VM_COMPACT_FAIL);
}

void nb_compaction_boot(struct nb_system *sys)
{
	if (sys->profile->version < COMPACTION_SINCE)
		return;
	sys->hooks.direct_compact = direct_compact;
	sys->hooks.compact_done = compact_done;
}
