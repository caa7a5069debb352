/* trace_reclaim.c -- the fields of reclaim's, compaction's and the LRU's events as ftrace prints
 * them.
 *
 * Called by trace.c for the kinds that it does not print itself. Where the kernel prints an address
 * of its own (the shrinker's function and object) stand zeros. Source: 6.12
 * include/trace/events/{vmscan,compaction,oom,pagemap}.h, print formats as the kernel itself gives
 * them (event format files).
 */
#include "sim/recorder.h"

#include <inttypes.h>

/* Source: pagemap.h; vmscan.h's show_reclaim_flags(). */
static size_t lru_fields(char *buf, size_t n, const struct nb_event *ev, uint64_t folio)
{
	const uint64_t *f = ev->field;

	if (ev->kind == NB_EV_MM_LRU_ACTIVATE)
		return (size_t)snprintf(buf, n, "folio=%016" PRIx64 " pfn=0x%" PRIx64, folio, f[0]);
	return (size_t)snprintf(
		buf, n, "folio=%016" PRIx64 " pfn=0x%" PRIx64 " lru=%d flags=%s%s%s%s%s%s", folio,
		f[0], (int)f[1], f[2] & 0x1 ? "M" : " ", f[2] & 0x2 ? "a" : "f",
		f[2] & 0x8 ? "s" : " ", f[2] & 0x10 ? "b" : " ", f[2] & 0x20 ? "d" : " ",
		f[2] & 0x40 ? "B" : " ");
}

static const char *lru_name(uint64_t lru)
{
	static const char *const names[] = {"inactive_anon", "active_anon", "inactive_file",
					    "active_file", "unevictable"};

	return lru < sizeof(names) / sizeof(*names) ? names[lru] : "?";
}

/* The combinations that reclaim makes: a kind, with or without waiting. */
static const char *reclaim_flags(uint64_t flags)
{
	switch (flags) {
	case 0:
		return "RECLAIM_WB_NONE";
	case 0x1:
		return "RECLAIM_WB_ANON";
	case 0x2:
		return "RECLAIM_WB_FILE";
	case 0x5:
		return "RECLAIM_WB_ANON|RECLAIM_WB_SYNC";
	case 0x6:
		return "RECLAIM_WB_FILE|RECLAIM_WB_SYNC";
	case 0x9:
		return "RECLAIM_WB_ANON|RECLAIM_WB_ASYNC";
	case 0xa:
		return "RECLAIM_WB_FILE|RECLAIM_WB_ASYNC";
	default:
		return "?";
	}
}

static size_t inactive_fields(char *buf, size_t n, const uint64_t *f)
{
	return (size_t)snprintf(buf, n,
				"nid=%d nr_scanned=%" PRIu64 " nr_reclaimed=%" PRIu64
				" nr_dirty=%" PRIu64 " nr_writeback=%" PRIu64
				" nr_congested=%" PRIu64 " nr_immediate=%" PRIu64
				" nr_activate_anon=%d nr_activate_file=%d nr_ref_keep=%" PRIu64
				" nr_unmap_fail=%" PRIu64 " priority=%d flags=%s",
				(int)f[0], f[1], f[2], f[3], f[4], f[5], f[6], (int)f[7], (int)f[8],
				f[9], f[10], (int)f[11], reclaim_flags(f[12]));
}

/* The kernel numbers the zones that it is built with: 64-bit ones have no HighMem, 32-bit ones no
 * DMA32. */
static int zone_number(uint64_t v)
{
	return v == NB_ZONE_MOVABLE ? NB_ZONE_MOVABLE - 1 : (int)v;
}

static size_t vmscan_fields(char *buf, size_t n, const struct nb_event *ev, const char *gfp,
			    uint64_t folio)
{
	const uint64_t *f = ev->field;

	switch (ev->kind) {
	case NB_EV_MM_VMSCAN_LRU_ISOLATE:
		return (size_t)snprintf(
			buf, n,
			"classzone=%d order=%d nr_requested=%" PRIu64 " nr_scanned=%" PRIu64
			" nr_skipped=%" PRIu64 " nr_taken=%" PRIu64 " lru=%s",
			zone_number(f[0]), (int)f[1], f[2], f[3], f[4], f[5], lru_name(f[6]));
	case NB_EV_MM_VMSCAN_LRU_SHRINK_INACTIVE:
		return inactive_fields(buf, n, f);
	case NB_EV_MM_VMSCAN_LRU_SHRINK_ACTIVE:
		return (size_t)snprintf(
			buf, n,
			"nid=%d nr_taken=%" PRIu64 " nr_active=%" PRIu64 " nr_deactivated=%" PRIu64
			" nr_referenced=%" PRIu64 " priority=%d flags=%s",
			(int)f[0], f[1], f[2], f[3], f[4], (int)f[5], reclaim_flags(f[6]));
	case NB_EV_MM_VMSCAN_WRITE_FOLIO:
		return (size_t)snprintf(buf, n, "page=%016" PRIx64 " pfn=0x%" PRIx64 " flags=%s",
					folio, f[0], reclaim_flags(f[1]));
	case NB_EV_MM_VMSCAN_NODE_RECLAIM_BEGIN:
		return (size_t)snprintf(buf, n, "nid=%d order=%d gfp_flags=%s", (int)f[0],
					(int)f[1], gfp);
	case NB_EV_MM_VMSCAN_NODE_RECLAIM_END:
		return (size_t)snprintf(buf, n, "nr_reclaimed=%" PRIu64, f[0]);
	case NB_EV_MM_SHRINK_SLAB_START:
		return (size_t)snprintf(buf, n,
					"0x0 %016d: nid: %d objects to shrink %" PRId64
					" gfp_flags %s cache items %" PRId64 " delta %" PRId64
					" total_scan %" PRId64 " priority %d",
					0, (int)f[0], f[1], gfp, f[3], f[4], f[5], (int)f[6]);
	case NB_EV_MM_SHRINK_SLAB_END:
		return (size_t)snprintf(buf, n,
					"0x0 %016d: nid: %d unused scan count %" PRId64
					" new scan count %" PRId64 " total_scan %" PRId64
					" last shrinker return val %d",
					0, (int)f[0], f[1], f[2], f[4], (int)f[3]);
	default:
		return (size_t)snprintf(buf, n, "pfn=0x%" PRIx64, f[0]);
	}
}

/* ---- compaction ---- */

/* Source: compaction.h, COMPACTION_STATUS. */
static const char *compact_status(uint64_t v)
{
	static const char *const names[] = {"not_suitable_zone", "skipped",   "deferred",
					    "no_suitable_page",  "continue",  "complete",
					    "partial_skipped",   "contended", "success"};

	return v < sizeof(names) / sizeof(*names) ? names[v] : "?";
}

static const char *compact_priority(uint64_t v)
{
	static const char *const names[] = {"COMPACT_PRIO_SYNC_FULL", "COMPACT_PRIO_SYNC_LIGHT",
					    "COMPACT_PRIO_ASYNC"};

	return v < 3 ? names[v] : "?";
}

static const char *compact_feedback(uint64_t v)
{
	static const char *const names[] = {"?", "failed", "withdrawn", "progress"};

	return v < 4 ? names[v] : "?";
}

static const char *zone_name(uint64_t v)
{
	return nb_zone_name((enum nb_zone_type)v);
}

static size_t span_fields(char *buf, size_t n, const struct nb_event *ev)
{
	const uint64_t *f = ev->field;
	size_t at = (size_t)snprintf(buf, n,
				     "zone_start=0x%" PRIx64 " migrate_pfn=0x%" PRIx64
				     " free_pfn=0x%" PRIx64 " zone_end=0x%" PRIx64 ", mode=%s",
				     f[0], f[1], f[2], f[3], f[4] ? "sync" : "async");

	if (ev->kind == NB_EV_MM_COMPACTION_END && at < n)
		at += (size_t)snprintf(buf + at, n - at, " status=%s", compact_status(f[5]));
	return at;
}

static size_t compaction_fields(char *buf, size_t n, const struct nb_event *ev)
{
	const uint64_t *f = ev->field;

	switch (ev->kind) {
	case NB_EV_MM_COMPACTION_BEGIN:
	case NB_EV_MM_COMPACTION_END:
		return span_fields(buf, n, ev);
	case NB_EV_MM_COMPACTION_FINISHED:
	case NB_EV_MM_COMPACTION_SUITABLE:
		return (size_t)snprintf(buf, n, "node=%d zone=%-8s order=%d ret=%s", (int)f[0],
					zone_name(f[1]), (int)f[2], compact_status(f[3]));
	case NB_EV_MM_COMPACTION_ISOLATE_MIGRATEPAGES:
	case NB_EV_MM_COMPACTION_ISOLATE_FREEPAGES:
	case NB_EV_MM_COMPACTION_FAST_ISOLATE_FREEPAGES:
		return (size_t)snprintf(buf, n,
					"range=(0x%" PRIx64 " ~ 0x%" PRIx64 ") nr_scanned=%" PRIu64
					" nr_taken=%" PRIu64,
					f[0], f[1], f[2], f[3]);
	case NB_EV_MM_COMPACTION_MIGRATEPAGES:
		return (size_t)snprintf(buf, n, "nr_migrated=%" PRIu64 " nr_failed=%" PRIu64, f[0],
					f[1]);
	case NB_EV_MM_COMPACTION_DEFERRED:
	case NB_EV_MM_COMPACTION_DEFER_COMPACTION:
	case NB_EV_MM_COMPACTION_DEFER_RESET:
		return (size_t)snprintf(
			buf, n, "node=%d zone=%-8s order=%d order_failed=%d consider=%u limit=%lu",
			(int)f[0], zone_name(f[1]), (int)f[2], (int)f[5], (unsigned)f[3],
			1ul << (f[4] & 31));
	case NB_EV_MM_COMPACTION_KCOMPACTD_SLEEP:
		return (size_t)snprintf(buf, n, "nid=%d", (int)f[0]);
	default: /* kcompactd is woken, wakes */
		return (size_t)snprintf(buf, n, "nid=%d order=%d classzone_idx=%-8s", (int)f[0],
					(int)f[1], zone_name(f[2]));
	}
}

size_t nb_trace_reclaim_fields(char *buf, size_t n, const struct nb_event *ev, const char *gfp,
			       uint64_t folio)
{
	const uint64_t *f = ev->field;

	if (ev->kind >= NB_EV_MM_COMPACTION_BEGIN &&
	    ev->kind <= NB_EV_MM_COMPACTION_KCOMPACTD_SLEEP)
		return compaction_fields(buf, n, ev);
	switch (ev->kind) {
	case NB_EV_MM_LRU_INSERTION:
	case NB_EV_MM_LRU_ACTIVATE:
		return lru_fields(buf, n, ev, folio);
	case NB_EV_RECLAIM_RETRY_ZONE:
		return (size_t)snprintf(buf, n,
					"node=%d zone=%-8s order=%d reclaimable=%" PRIu64
					" available=%" PRIu64 " min_wmark=%" PRIu64
					" no_progress_loops=%d wmark_check=%d",
					(int)f[0], zone_name(f[1]), (int)f[2], f[3], f[4], f[5],
					(int)f[6], (int)f[7]);
	case NB_EV_COMPACT_RETRY:
		return (size_t)snprintf(buf, n,
					"order=%d priority=%s compaction_result=%s retries=%d "
					"max_retries=%d should_retry=%d",
					(int)f[0], compact_priority(f[1]), compact_feedback(f[2]),
					(int)f[3], (int)f[4], (int)f[5]);
	case NB_EV_BAD_PAGE:
		return (size_t)snprintf(buf, n, "pfn=0x%" PRIx64 " order=%d reason=%d", f[0],
					(int)f[1], (int)f[2]);
	default:
		return vmscan_fields(buf, n, ev, gfp, folio);
	}
}
