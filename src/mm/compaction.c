/* compaction.c -- whether a zone is compacted: room, fragmentation, deferral; and for a request.
 *
 * Called through sys->hooks by the slow path (direct compaction), by vmscan, which stops where
 * compaction can go on, and by kcompactd.c. A run is compaction_run.c's.
 * Units and names as compaction.h. Source: mm/compaction.c, compaction_suitable(),
 * defer_compaction(), try_to_compact_pages(), compaction_zonelist_suitable(); facts 8.
 */
#include "mm/compaction.h"

#include "mm/buddy.h"
#include "mm/event.h"
#include "mm/vmstat.h"

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
	c->item = nb_system_alloc(z->sys, sizeof(*c->item) << z->sys->pageblock_order);
	if (!c->skip || !c->item)
		return NULL;
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

bool nb_compaction_has_room(const struct nb_zone *z, unsigned order, enum nb_zone_type highest,
			    uint64_t free)
{
	/* for the copies, on both ends; a costly order must leave more */
	uint64_t mark = nb_wmark_pages(z, order > NB_COSTLY_ORDER ? NB_WMARK_LOW : NB_WMARK_MIN) +
			(UINT64_C(2) << order);

	return nb_zone_watermark_ok_free(z, 0, mark, highest, NB_ALLOC_CMA, (int64_t)free);
}

enum nb_compact_result nb_compaction_suitable(const struct nb_zone *z, int order,
					      unsigned alloc_flags, enum nb_zone_type highest)
{
	enum nb_wmark asked = (enum nb_wmark)(alloc_flags & NB_ALLOC_WMARK_MASK);
	int index;

	if (order < 0)
		return NB_COMPACT_CONTINUE;
	if (nb_zone_watermark_ok(z, (unsigned)order, nb_wmark_pages(z, asked), highest,
				 alloc_flags))
		return NB_COMPACT_SUCCESS;
	if (!nb_compaction_has_room(z, (unsigned)order, highest, nb_zone_free_pages(z)))
		return NB_COMPACT_SKIPPED;
	if (order <= NB_COSTLY_ORDER)
		return NB_COMPACT_CONTINUE;
	index = nb_fragmentation_index(z, (unsigned)order);
	return index >= 0 && index <= (int)z->sys->tune.extfrag_threshold
		       ? NB_COMPACT_NOT_SUITABLE_ZONE
		       : NB_COMPACT_CONTINUE;
}

enum nb_compact_result nb_compaction_ask(const struct nb_zone *z, int order, unsigned alloc_flags,
					 enum nb_zone_type highest, int cpu,
					 const struct nb_task *task)
{
	enum nb_compact_result ret = nb_compaction_suitable(z, order, alloc_flags, highest);
	bool told = z->sys->profile->version < NB_COMPACT_EVENT_AFTER_MARK_SINCE ||
		    (order >= 0 && ret != NB_COMPACT_SUCCESS);

	if (told && nb_event_wanted(z->sys, NB_EV_MM_COMPACTION_SUITABLE))
		nb_emit(z->sys, NB_EV_MM_COMPACTION_SUITABLE, cpu, task, (uint64_t)z->pgdat->nid,
			z->type, (uint64_t)order, ret);
	return ret == NB_COMPACT_NOT_SUITABLE_ZONE ? NB_COMPACT_SKIPPED : ret;
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

bool nb_compaction_restarting(const struct nb_zone *z, int order)
{
	struct nb_zone_compact *c = nb_zone_compact_peek(z);
	bool yes;

	if (!c)
		return false;
	nb_lock(&c->lock, z->sys->port);
	yes = order >= c->order_failed && c->defer_shift == NB_COMPACT_MAX_DEFER_SHIFT &&
	      c->considered >= 1u << c->defer_shift;
	nb_unlock(&c->lock, z->sys->port);
	return yes;
}

/* ---- direct compaction ---- */

static enum nb_compact_result compact_for(struct nb_zone *z, const struct nb_alloc_context *ac,
					  int prio, struct nb_page **ret_page)
{
	struct nb_compact_control cc = {
		.sys = z->sys,
		.zone = z,
		.task = ac->task,
		.cpu = ac->cpu,
		.order = (int)ac->order,
		.search_order = (int)ac->order,
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
	enum nb_compact_result ret = nb_compact_zone(&cc);

	*ret_page = cc.captured;
	return ret;
}

/* hooks.direct_compact. Source: try_to_compact_pages(), __alloc_pages_direct_compact(). */
static int direct_compact(struct nb_system *sys, const struct nb_alloc_context *ac, int prio,
			  struct nb_page **ret_page, struct nb_zone **ret_zone)
{
	enum nb_compact_result rc = NB_COMPACT_SKIPPED;
	const struct nb_zoneref *ref;

	*ret_page = NULL;
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
		status = compact_for(z, ac, prio, ret_page);
		rc = status > rc ? status : rc;
		if (status == NB_COMPACT_SUCCESS) {
			*ret_zone = z;
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
	struct nb_zone_compact *c = z ? nb_zone_compact(z) : NULL;

	if (c)
		atomic_store_explicit(&c->blockskip_flush, false, memory_order_relaxed);
	if (z)
		nb_compaction_defer_reset(z, (int)ac->order, true, ac->cpu, ac->task);
	nb_count_vm_event(sys, ac->cpu, z ? NB_VM_COMPACT_SUCCESS : NB_VM_COMPACT_FAIL);
}

/* hooks.compact_after_reclaim: would some zone have room for compaction, if part of what it could
 * reclaim were free? Source: compaction_zonelist_suitable(). */
static bool after_reclaim(struct nb_system *sys, const struct nb_alloc_context *ac)
{
	const struct nb_zoneref *ref;

	for (ref = nb_next_zoneref(ac->zonelist, ac->highest_zoneidx, ac->nodemask); ref->zone;
	     ref = nb_next_zoneref(ref + 1, ac->highest_zoneidx, ac->nodemask)) {
		uint64_t free = nb_zone_free_pages_snapshot(ref->zone);

		if (sys->hooks.reclaimable_pages)
			free += sys->hooks.reclaimable_pages(ref->zone) / ac->order;
		if (nb_compaction_has_room(ref->zone, ac->order, ac->highest_zoneidx, free))
			return true;
	}
	return false;
}

/* hooks.reset_isolation. Source: reset_isolation_suitable(). */
static void reset_isolation(struct nb_pgdat *p)
{
	for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++) {
		struct nb_zone_compact *c = nb_zone_compact_peek(&p->zone[t]);

		if (c && atomic_load_explicit(&c->blockskip_flush, memory_order_relaxed) &&
		    nb_trylock(&c->run, p->sys->port)) {
			nb_reset_isolation_suitable(&p->zone[t], c);
			nb_unlock(&c->run, p->sys->port);
		}
	}
}

void nb_compaction_boot(struct nb_system *sys)
{
	if (sys->profile->version < NB_COMPACT_SINCE)
		return;
	sys->hooks.direct_compact = direct_compact;
	sys->hooks.compact_done = compact_done;
	sys->hooks.compact_after_reclaim = after_reclaim;
	sys->hooks.reset_isolation = reset_isolation;
}
