/* sink.c -- the engine's events: names, fields, delivery.
 *
 * Called by everything in src/mm that does what a kernel tracepoint tells of, and by readers and
 * writers of event streams for the names. Fields stand in the order of the kernel's format files.
 * Source: include/trace/events/{kmem,vmscan,compaction,oom,pagemap,migrate,filemap,writeback,
 * huge_memory,exceptions}.h.
 */
#include "mm/event.h"

#include "base/fmt.h"
#include "mm/page_alloc.h"
#include "mm/task.h"

_Static_assert(NB_NR_EVENTS <= 64 * NB_EVENT_SET_WORDS, "every kind has its bit");

/* Classes of events that have their fields in common. */
#define CACHED                                            \
	5,                                                \
	{                                                 \
		"pfn", "i_ino", "index", "s_dev", "order" \
	}
#define CACHED_RANGE                                    \
	4,                                              \
	{                                               \
		"i_ino", "s_dev", "index", "last_index" \
	}
#define WB_FOLIO                      \
	3,                            \
	{                             \
		"bdi", "ino", "index" \
	}
#define WB_INODE                                              \
	5,                                                    \
	{                                                     \
		"dev", "ino", "state", "mode", "dirtied_when" \
	}
#define WB_WORK                                                                          \
	9,                                                                               \
	{                                                                                \
		"bdi", "nr_pages", "sb_dev", "sync_mode", "for_kupdate", "range_cyclic", \
			"for_background", "reason", "cgroup_ino"                         \
	}
#define WB_SINGLE                                                                                 \
	8,                                                                                        \
	{                                                                                         \
		"bdi", "ino", "state", "dirtied_when", "writeback_index", "nr_to_write", "wrote", \
			"cgroup_ino"                                                              \
	}

static const struct nb_event_desc descs[NB_NR_EVENTS] = {
	[NB_EV_MM_PAGE_ALLOC] = {"kmem",
				 "mm_page_alloc",
				 4,
				 {"pfn", "order", "gfp_flags", "migratetype"}},
	[NB_EV_MM_PAGE_FREE] = {"kmem", "mm_page_free", 2, {"pfn", "order"}},
	[NB_EV_MM_PAGE_FREE_BATCHED] = {"kmem", "mm_page_free_batched", 1, {"pfn"}},
	[NB_EV_MM_PAGE_ALLOC_ZONE_LOCKED] = {"kmem",
					     "mm_page_alloc_zone_locked",
					     4,
					     {"pfn", "order", "migratetype", "percpu_refill"}},
	[NB_EV_MM_PAGE_PCPU_DRAIN] = {"kmem",
				      "mm_page_pcpu_drain",
				      3,
				      {"pfn", "order", "migratetype"}},
	[NB_EV_MM_PAGE_ALLOC_EXTFRAG] = {"kmem",
					 "mm_page_alloc_extfrag",
					 8,
					 {"pfn", "alloc_order", "fallback_order", "pageblock_order",
					  "alloc_migratetype", "fallback_migratetype",
					  "fragmenting", "change_ownership"}},
	[NB_EV_MM_VMSCAN_WAKEUP_KSWAPD] = {"vmscan",
					   "mm_vmscan_wakeup_kswapd",
					   4,
					   {"nid", "zid", "order", "gfp_flags"}},
	[NB_EV_MM_VMSCAN_KSWAPD_WAKE] = {"vmscan",
					 "mm_vmscan_kswapd_wake",
					 3,
					 {"nid", "zid", "order"}},
	[NB_EV_MM_VMSCAN_KSWAPD_SLEEP] = {"vmscan", "mm_vmscan_kswapd_sleep", 1, {"nid"}},
	[NB_EV_MM_VMSCAN_DIRECT_RECLAIM_BEGIN] = {"vmscan",
						  "mm_vmscan_direct_reclaim_begin",
						  2,
						  {"order", "gfp_flags"}},
	[NB_EV_MM_VMSCAN_DIRECT_RECLAIM_END] = {"vmscan",
						"mm_vmscan_direct_reclaim_end",
						1,
						{"nr_reclaimed"}},
	[NB_EV_MM_COMPACTION_TRY_TO_COMPACT] = {"compaction",
						"mm_compaction_try_to_compact_pages",
						3,
						{"order", "gfp_mask", "prio"}},
	[NB_EV_OOM_KILL] = {"oom",
			    "mark_victim",
			    9,
			    {"pid", "comm", "total_vm", "anon_rss", "file_rss", "shmem_rss", "uid",
			     "pgtables", "oom_score_adj"}},
	[NB_EV_PAGE_FAULT_USER] = {"exceptions",
				   "page_fault_user",
				   3,
				   {"address", "ip", "error_code"}},
	[NB_EV_MM_MIGRATE_PAGES] = {"migrate",
				    "mm_migrate_pages",
				    8,
				    {"succeeded", "failed", "thp_succeeded", "thp_failed",
				     "thp_split", "large_folio_split", "mode", "reason"}},
	[NB_EV_BAD_PAGE] = {"numabox", "bad_page", 3, {"pfn", "order", "reason"}},
	[NB_EV_MM_LRU_INSERTION] = {"pagemap", "mm_lru_insertion", 3, {"pfn", "lru", "flags"}},
	[NB_EV_MM_LRU_ACTIVATE] = {"pagemap", "mm_lru_activate", 1, {"pfn"}},
	[NB_EV_MM_VMSCAN_LRU_ISOLATE] = {"vmscan",
					 "mm_vmscan_lru_isolate",
					 7,
					 {"highest_zoneidx", "order", "nr_requested", "nr_scanned",
					  "nr_skipped", "nr_taken", "lru"}},
	[NB_EV_MM_VMSCAN_LRU_SHRINK_INACTIVE] = {"vmscan",
						 "mm_vmscan_lru_shrink_inactive",
						 13,
						 {"nid", "nr_scanned", "nr_reclaimed", "nr_dirty",
						  "nr_writeback", "nr_congested", "nr_immediate",
						  "nr_activate_anon", "nr_activate_file",
						  "nr_ref_keep", "nr_unmap_fail", "priority",
						  "reclaim_flags"}},
	[NB_EV_MM_VMSCAN_LRU_SHRINK_ACTIVE] = {"vmscan",
					       "mm_vmscan_lru_shrink_active",
					       7,
					       {"nid", "nr_taken", "nr_active", "nr_deactivated",
						"nr_referenced", "priority", "reclaim_flags"}},
	[NB_EV_MM_VMSCAN_WRITE_FOLIO] = {"vmscan",
					 "mm_vmscan_write_folio",
					 2,
					 {"pfn", "reclaim_flags"}},
	[NB_EV_MM_SHRINK_SLAB_START] = {"vmscan",
					"mm_shrink_slab_start",
					7,
					{"nid", "nr_objects_to_shrink", "gfp_flags", "cache_items",
					 "delta", "total_scan", "priority"}},
	[NB_EV_MM_SHRINK_SLAB_END] = {"vmscan",
				      "mm_shrink_slab_end",
				      5,
				      {"nid", "unused_scan", "new_scan", "retval", "total_scan"}},
	[NB_EV_RECLAIM_RETRY_ZONE] = {"oom",
				      "reclaim_retry_zone",
				      8,
				      {"node", "zone_idx", "order", "reclaimable", "available",
				       "min_wmark", "no_progress_loops", "wmark_check"}},
	[NB_EV_MM_VMSCAN_NODE_RECLAIM_BEGIN] = {"vmscan",
						"mm_vmscan_node_reclaim_begin",
						3,
						{"nid", "order", "gfp_flags"}},
	[NB_EV_MM_VMSCAN_NODE_RECLAIM_END] = {"vmscan",
					      "mm_vmscan_node_reclaim_end",
					      1,
					      {"nr_reclaimed"}},
	[NB_EV_MM_VMSCAN_THROTTLED] = {"vmscan",
				       "mm_vmscan_throttled",
				       4,
				       {"nid", "usec_timeout", "usec_delayed", "reason"}},
	[NB_EV_MM_COMPACTION_BEGIN] = {"compaction",
				       "mm_compaction_begin",
				       5,
				       {"zone_start", "migrate_pfn", "free_pfn", "zone_end",
					"sync"}},
	[NB_EV_MM_COMPACTION_END] = {"compaction",
				     "mm_compaction_end",
				     6,
				     {"zone_start", "migrate_pfn", "free_pfn", "zone_end", "sync",
				      "status"}},
	[NB_EV_MM_COMPACTION_FINISHED] = {"compaction",
					  "mm_compaction_finished",
					  4,
					  {"nid", "idx", "order", "ret"}},
	[NB_EV_MM_COMPACTION_SUITABLE] = {"compaction",
					  "mm_compaction_suitable",
					  4,
					  {"nid", "idx", "order", "ret"}},
	[NB_EV_MM_COMPACTION_ISOLATE_MIGRATEPAGES] = {"compaction",
						      "mm_compaction_isolate_migratepages",
						      4,
						      {"start_pfn", "end_pfn", "nr_scanned",
						       "nr_taken"}},
	[NB_EV_MM_COMPACTION_ISOLATE_FREEPAGES] = {"compaction",
						   "mm_compaction_isolate_freepages",
						   4,
						   {"start_pfn", "end_pfn", "nr_scanned",
						    "nr_taken"}},
	[NB_EV_MM_COMPACTION_FAST_ISOLATE_FREEPAGES] = {"compaction",
							"mm_compaction_fast_isolate_freepages",
							4,
							{"start_pfn", "end_pfn", "nr_scanned",
							 "nr_taken"}},
	[NB_EV_MM_COMPACTION_MIGRATEPAGES] = {"compaction",
					      "mm_compaction_migratepages",
					      2,
					      {"nr_migrated", "nr_failed"}},
	[NB_EV_MM_COMPACTION_DEFERRED] = {"compaction",
					  "mm_compaction_deferred",
					  6,
					  {"nid", "idx", "order", "considered", "defer_shift",
					   "order_failed"}},
	[NB_EV_MM_COMPACTION_DEFER_COMPACTION] = {"compaction",
						  "mm_compaction_defer_compaction",
						  6,
						  {"nid", "idx", "order", "considered",
						   "defer_shift", "order_failed"}},
	[NB_EV_MM_COMPACTION_DEFER_RESET] = {"compaction",
					     "mm_compaction_defer_reset",
					     6,
					     {"nid", "idx", "order", "considered", "defer_shift",
					      "order_failed"}},
	[NB_EV_MM_COMPACTION_WAKEUP_KCOMPACTD] = {"compaction",
						  "mm_compaction_wakeup_kcompactd",
						  3,
						  {"nid", "order", "highest_zoneidx"}},
	[NB_EV_MM_COMPACTION_KCOMPACTD_WAKE] = {"compaction",
						"mm_compaction_kcompactd_wake",
						3,
						{"nid", "order", "highest_zoneidx"}},
	[NB_EV_MM_COMPACTION_KCOMPACTD_SLEEP] = {"compaction",
						 "mm_compaction_kcompactd_sleep",
						 1,
						 {"nid"}},
	[NB_EV_COMPACT_RETRY] = {"oom",
				 "compact_retry",
				 6,
				 {"order", "priority", "result", "retries", "max_retries", "ret"}},
	[NB_EV_MM_VMSCAN_RECLAIM_PAGES] = {"vmscan",
					   "mm_vmscan_reclaim_pages",
					   11,
					   {"nid", "nr_scanned", "nr_reclaimed", "nr_dirty",
					    "nr_writeback", "nr_congested", "nr_immediate",
					    "nr_activate_anon", "nr_activate_file", "nr_ref_keep",
					    "nr_unmap_fail"}},
	[NB_EV_OOM_SCORE_ADJ_UPDATE] = {"oom",
					"oom_score_adj_update",
					3,
					{"pid", "comm", "oom_score_adj"}},
	[NB_EV_MM_MIGRATE_PAGES_START] = {"migrate",
					  "mm_migrate_pages_start",
					  2,
					  {"mode", "reason"}},
	[NB_EV_MM_FILEMAP_ADD_TO_PAGE_CACHE] = {"filemap", "mm_filemap_add_to_page_cache", CACHED},
	[NB_EV_MM_FILEMAP_DELETE_FROM_PAGE_CACHE] = {"filemap", "mm_filemap_delete_from_page_cache",
						     CACHED},
	[NB_EV_MM_FILEMAP_GET_PAGES] = {"filemap", "mm_filemap_get_pages", CACHED_RANGE},
	[NB_EV_MM_FILEMAP_MAP_PAGES] = {"filemap", "mm_filemap_map_pages", CACHED_RANGE},
	[NB_EV_MM_FILEMAP_FAULT] = {"filemap", "mm_filemap_fault", 3, {"i_ino", "s_dev", "index"}},
	[NB_EV_MM_KHUGEPAGED_SCAN_PMD] = {"huge_memory",
					  "mm_khugepaged_scan_pmd",
					  6,
					  {"pfn", "writable", "referenced", "none_or_zero",
					   "status", "unmapped"}},
	[NB_EV_MM_COLLAPSE_HUGE_PAGE] = {"huge_memory",
					 "mm_collapse_huge_page",
					 2,
					 {"isolated", "status"}},
	[NB_EV_MM_COLLAPSE_HUGE_PAGE_ISOLATE] = {"huge_memory",
						 "mm_collapse_huge_page_isolate",
						 5,
						 {"pfn", "none_or_zero", "referenced", "writable",
						  "status"}},
	[NB_EV_WRITEBACK_DIRTY_FOLIO] = {"writeback", "writeback_dirty_folio", WB_FOLIO},
	[NB_EV_FOLIO_WAIT_WRITEBACK] = {"writeback", "folio_wait_writeback", WB_FOLIO},
	[NB_EV_WRITEBACK_MARK_INODE_DIRTY] = {"writeback",
					      "writeback_mark_inode_dirty",
					      4,
					      {"bdi", "ino", "state", "flags"}},
	[NB_EV_WRITEBACK_DIRTY_INODE_ENQUEUE] = {"writeback", "writeback_dirty_inode_enqueue",
						 WB_INODE},
	[NB_EV_SB_MARK_INODE_WRITEBACK] = {"writeback", "sb_mark_inode_writeback", WB_INODE},
	[NB_EV_SB_CLEAR_INODE_WRITEBACK] = {"writeback", "sb_clear_inode_writeback", WB_INODE},
	[NB_EV_WRITEBACK_START] = {"writeback", "writeback_start", WB_WORK},
	[NB_EV_WRITEBACK_WRITTEN] = {"writeback", "writeback_written", WB_WORK},
	[NB_EV_WRITEBACK_QUEUE_IO] = {"writeback",
				      "writeback_queue_io",
				      6,
				      {"bdi", "older", "age", "moved", "reason", "cgroup_ino"}},
	[NB_EV_WRITEBACK_SINGLE_INODE_START] = {"writeback", "writeback_single_inode_start",
						WB_SINGLE},
	[NB_EV_WRITEBACK_SINGLE_INODE] = {"writeback", "writeback_single_inode", WB_SINGLE},
	[NB_EV_WRITEBACK_PAGES_WRITTEN] = {"writeback", "writeback_pages_written", 1, {"pages"}},
	[NB_EV_WRITEBACK_WAKE_BACKGROUND] = {"writeback",
					     "writeback_wake_background",
					     2,
					     {"bdi", "cgroup_ino"}},
	[NB_EV_GLOBAL_DIRTY_STATE] = {"writeback",
				      "global_dirty_state",
				      7,
				      {"nr_dirty", "nr_writeback", "background_thresh",
				       "dirty_thresh", "dirty_limit", "nr_dirtied", "nr_written"}},
	[NB_EV_BALANCE_DIRTY_PAGES] = {"writeback",
				       "balance_dirty_pages",
				       15,
				       {"bdi", "limit", "setpoint", "dirty", "bdi_setpoint",
					"bdi_dirty", "dirty_ratelimit", "task_ratelimit", "dirtied",
					"dirtied_pause", "paused", "pause", "period", "think",
					"cgroup_ino"}},
};

const struct nb_event_desc *nb_event_desc(enum nb_event_kind kind)
{
	return (unsigned)kind < NB_NR_EVENTS ? &descs[kind] : NULL;
}

int nb_event_by_name(const char *name)
{
	for (int i = 0; i < NB_NR_EVENTS; i++) {
		if (nb_strcmp(descs[i].name, name) == 0)
			return i;
	}
	return -NB_EINVAL;
}

/* Counts an event that is delivered, if it is; false: only its number is wanted from now on. */
static bool tally(struct nb_system *sys, enum nb_event_kind kind, int cpu)
{
	const struct nb_sink *s = &sys->sink;

	if (!s->tally)
		return true;
	bool keep = !nb_event_set_has(&s->counted, kind) || s->tally->count[kind] < s->keep;

	nb_count_event(sys, kind, cpu, 1);
	if (!keep) {
		nb_event_set_add(&sys->counted, kind);
		nb_choose_path(sys);
	}
	return keep;
}

void nb_emit_fields(struct nb_system *sys, enum nb_event_kind kind, int cpu,
		    const struct nb_task *task, const uint64_t *field, unsigned nr_fields)
{
	if (!tally(sys, kind, cpu))
		return;

	struct nb_event ev = {
		.kind = kind, .cpu = cpu, .pid = task ? task->pid : 0, .time_ns = sys->time_ns};

	for (unsigned i = 0; i < nr_fields && i < NB_EVENT_MAX_FIELDS; i++)
		ev.field[i] = field[i];
	sys->sink.event(sys->sink.ctx, &ev);
}
