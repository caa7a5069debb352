/* numabox/sink.h -- the engine speaks upward: events with the kernel's names.
 *
 * A sink is a callback in the system; without one an event costs one predicted
 * branch. Fields are positional and named by nb_event_desc(), in the order and
 * with the names of the kernel's tracepoint format (6.12's). Left out are fields
 * that hold the kernel's own addresses; some names are those of the printed text.
 * `comm` holds the pid of the task that the name belongs to; `bdi`, `dev`, `s_dev`
 * a device as major << 20 | minor; zones are enum nb_zone_type. docs/traces.md
 * has the table of what is told and what is not.
 * Threads: called on the thread that drives the engine, with zone locks
 *          possibly held: a sink must not call the engine.
 */
#ifndef NUMABOX_SINK_H
#define NUMABOX_SINK_H

#include <numabox/types.h>

#ifdef __cplusplus
extern "C" {
#endif

enum nb_event_kind {
	NB_EV_MM_PAGE_ALLOC,                  /* pfn order gfp_flags migratetype */
	NB_EV_MM_PAGE_FREE,                   /* pfn order */
	NB_EV_MM_PAGE_FREE_BATCHED,           /* pfn */
	NB_EV_MM_PAGE_ALLOC_ZONE_LOCKED,      /* pfn order migratetype percpu_refill */
	NB_EV_MM_PAGE_PCPU_DRAIN,             /* pfn order migratetype */
	NB_EV_MM_PAGE_ALLOC_EXTFRAG,          /* pfn alloc_order fallback_order pageblock_order
						 alloc_migratetype fallback_migratetype
						 fragmenting change_ownership */
	NB_EV_MM_VMSCAN_WAKEUP_KSWAPD,        /* nid zid order gfp_flags */
	NB_EV_MM_VMSCAN_KSWAPD_WAKE,          /* nid zid order */
	NB_EV_MM_VMSCAN_KSWAPD_SLEEP,         /* nid */
	NB_EV_MM_VMSCAN_DIRECT_RECLAIM_BEGIN, /* order gfp_flags */
	NB_EV_MM_VMSCAN_DIRECT_RECLAIM_END,   /* nr_reclaimed */
	NB_EV_MM_COMPACTION_TRY_TO_COMPACT,   /* order gfp_mask prio */
	NB_EV_OOM_KILL,         /* oom:mark_victim: pid comm total_vm anon_rss file_rss
				   shmem_rss uid pgtables oom_score_adj */
	NB_EV_PAGE_FAULT_USER,  /* address ip error_code */
	NB_EV_MM_MIGRATE_PAGES, /* succeeded failed thp_succeeded thp_failed thp_split
				   large_folio_split mode reason */
	NB_EV_BAD_PAGE, /* our own; pfn order reason: a free that was refused (debug systems) */
	NB_EV_MM_LRU_INSERTION,              /* pfn lru flags */
	NB_EV_MM_LRU_ACTIVATE,               /* pfn */
	NB_EV_MM_VMSCAN_LRU_ISOLATE,         /* highest_zoneidx order nr_requested nr_scanned
						nr_skipped nr_taken lru */
	NB_EV_MM_VMSCAN_LRU_SHRINK_INACTIVE, /* nid nr_scanned nr_reclaimed nr_dirty nr_writeback
						nr_congested nr_immediate nr_activate_anon
						nr_activate_file nr_ref_keep nr_unmap_fail
						priority reclaim_flags */
	NB_EV_MM_VMSCAN_LRU_SHRINK_ACTIVE,   /* nid nr_taken nr_active nr_deactivated nr_referenced
						priority reclaim_flags */
	NB_EV_MM_VMSCAN_WRITE_FOLIO,         /* pfn reclaim_flags */
	NB_EV_MM_SHRINK_SLAB_START,          /* nid nr_objects_to_shrink gfp_flags cache_items delta
						total_scan priority */
	NB_EV_MM_SHRINK_SLAB_END,            /* nid unused_scan new_scan retval total_scan */
	NB_EV_RECLAIM_RETRY_ZONE,            /* node zone_idx order reclaimable available
						min_wmark no_progress_loops wmark_check */
	NB_EV_MM_VMSCAN_NODE_RECLAIM_BEGIN,  /* nid order gfp_flags */
	NB_EV_MM_VMSCAN_NODE_RECLAIM_END,    /* nr_reclaimed */
	NB_EV_MM_VMSCAN_THROTTLED,           /* nid usec_timeout usec_delayed reason */
	NB_EV_MM_COMPACTION_BEGIN,           /* zone_start migrate_pfn free_pfn zone_end sync */
	NB_EV_MM_COMPACTION_END,             /* the same, status */
	NB_EV_MM_COMPACTION_FINISHED,        /* nid idx order ret */
	NB_EV_MM_COMPACTION_SUITABLE,        /* nid idx order ret */
	NB_EV_MM_COMPACTION_ISOLATE_MIGRATEPAGES,   /* start_pfn end_pfn nr_scanned nr_taken */
	NB_EV_MM_COMPACTION_ISOLATE_FREEPAGES,      /* start_pfn end_pfn nr_scanned nr_taken */
	NB_EV_MM_COMPACTION_FAST_ISOLATE_FREEPAGES, /* start_pfn end_pfn nr_scanned nr_taken */
	NB_EV_MM_COMPACTION_MIGRATEPAGES,           /* nr_migrated nr_failed */
	NB_EV_MM_COMPACTION_DEFERRED, /* nid idx order considered defer_shift order_failed */
	NB_EV_MM_COMPACTION_DEFER_COMPACTION, /* the same */
	NB_EV_MM_COMPACTION_DEFER_RESET,      /* the same */
	NB_EV_MM_COMPACTION_WAKEUP_KCOMPACTD, /* nid order highest_zoneidx */
	NB_EV_MM_COMPACTION_KCOMPACTD_WAKE,   /* nid order highest_zoneidx */
	NB_EV_MM_COMPACTION_KCOMPACTD_SLEEP,  /* nid */
	NB_EV_COMPACT_RETRY,                  /* order priority result retries max_retries ret */
	NB_EV_MM_VMSCAN_RECLAIM_PAGES, /* nid nr_scanned ... nr_unmap_fail, as LRU_SHRINK_INACTIVE
					*/
	NB_EV_OOM_SCORE_ADJ_UPDATE,    /* pid comm oom_score_adj */
	NB_EV_MM_MIGRATE_PAGES_START,  /* mode reason */
	NB_EV_MM_FILEMAP_ADD_TO_PAGE_CACHE,      /* pfn i_ino index s_dev order */
	NB_EV_MM_FILEMAP_DELETE_FROM_PAGE_CACHE, /* the same */
	NB_EV_MM_FILEMAP_GET_PAGES,              /* i_ino s_dev index last_index */
	NB_EV_MM_FILEMAP_MAP_PAGES,              /* the same */
	NB_EV_MM_FILEMAP_FAULT,                  /* i_ino s_dev index */
	NB_EV_MM_KHUGEPAGED_SCAN_PMD,            /* pfn writable referenced none_or_zero status
						    unmapped */
	NB_EV_MM_COLLAPSE_HUGE_PAGE,             /* isolated status */
	NB_EV_MM_COLLAPSE_HUGE_PAGE_ISOLATE,     /* pfn none_or_zero referenced writable status */
	NB_EV_WRITEBACK_DIRTY_FOLIO,             /* bdi ino index */
	NB_EV_FOLIO_WAIT_WRITEBACK,              /* the same */
	NB_EV_WRITEBACK_MARK_INODE_DIRTY,        /* bdi ino state flags */
	NB_EV_WRITEBACK_DIRTY_INODE_ENQUEUE,     /* dev ino state mode dirtied_when */
	NB_EV_SB_MARK_INODE_WRITEBACK,           /* the same */
	NB_EV_SB_CLEAR_INODE_WRITEBACK,          /* the same */
	NB_EV_WRITEBACK_START,                   /* bdi nr_pages sb_dev sync_mode for_kupdate
						    range_cyclic for_background reason cgroup_ino */
	NB_EV_WRITEBACK_WRITTEN,                 /* the same */
	NB_EV_WRITEBACK_QUEUE_IO,                /* bdi older age moved reason cgroup_ino */
	NB_EV_WRITEBACK_SINGLE_INODE_START,      /* bdi ino state dirtied_when writeback_index
						    nr_to_write wrote cgroup_ino */
	NB_EV_WRITEBACK_SINGLE_INODE,            /* the same */
	NB_EV_WRITEBACK_PAGES_WRITTEN,           /* pages */
	NB_EV_WRITEBACK_WAKE_BACKGROUND,         /* bdi cgroup_ino */
	NB_EV_GLOBAL_DIRTY_STATE,                /* nr_dirty nr_writeback background_thresh
						    dirty_thresh dirty_limit nr_dirtied
						    nr_written */
	NB_EV_BALANCE_DIRTY_PAGES,               /* bdi limit setpoint dirty bdi_setpoint bdi_dirty
						    dirty_ratelimit task_ratelimit dirtied
						    dirtied_pause paused pause period think
						    cgroup_ino */
	NB_NR_EVENTS
};

/* What fields hold. Devices: of files on the disk (virtio's first), of memory files. */
#define NB_FILE_DEV (UINT64_C(254) << 20)
#define NB_SHMEM_DEV UINT64_C(1)
/* An inode's state (include/linux/fs.h), as far as the engine has any. */
#define NB_INODE_SYNC (UINT64_C(1) << 1)
#define NB_INODE_DIRTY_PAGES (UINT64_C(1) << 5)
/* Why something is written (include/linux/backing-dev-defs.h). */
enum nb_wb_reason {
	NB_WB_REASON_BACKGROUND,
	NB_WB_REASON_VMSCAN,
	NB_WB_REASON_SYNC,
	NB_WB_REASON_PERIODIC,
};
/* Bits of mm_vmscan_throttled's reason. */
#define NB_THROTTLE_WRITEBACK (1u << 0)
#define NB_THROTTLE_ISOLATED (1u << 1)
#define NB_THROTTLE_NOPROGRESS (1u << 2)
#define NB_THROTTLE_CONGESTED (1u << 3)

#define NB_EVENT_MAX_FIELDS 16

struct nb_event {
	enum nb_event_kind kind;
	int cpu;          /* virtual CPU it happened on */
	int pid;          /* of the running task; 0 none */
	uint64_t time_ns; /* virtual time */
	uint64_t field[NB_EVENT_MAX_FIELDS];
};

struct nb_event_desc {
	const char *system; /* "kmem", "vmscan", ... */
	const char *name;   /* "mm_page_alloc" */
	unsigned nr_fields;
	const char *field[NB_EVENT_MAX_FIELDS];
};

/* Name and fields of a kind; never NULL for a valid kind. */
const struct nb_event_desc *nb_event_desc(enum nb_event_kind kind);

/* The kind of that name ("mm_vmscan_kswapd_wake"), or -NB_EINVAL. */
int nb_event_by_name(const char *name);

/* A set of kinds: bit k % 64 of word k / 64. */
#define NB_EVENT_SET_WORDS 2
struct nb_event_set {
	uint64_t bits[NB_EVENT_SET_WORDS];
};
#define NB_EVENT_SET_ALL ((struct nb_event_set){{~UINT64_C(0), ~UINT64_C(0)}})

static inline bool nb_event_set_has(const struct nb_event_set *set, enum nb_event_kind kind)
{
	return set->bits[(unsigned)kind / 64] >> ((unsigned)kind % 64) & 1;
}

static inline void nb_event_set_add(struct nb_event_set *set, enum nb_event_kind kind)
{
	set->bits[(unsigned)kind / 64] |= UINT64_C(1) << ((unsigned)kind % 64);
}

static inline void nb_event_set_remove(struct nb_event_set *set, enum nb_event_kind kind)
{
	set->bits[(unsigned)kind / 64] &= ~(UINT64_C(1) << ((unsigned)kind % 64));
}

/* What the engine counts of a sink's events, before it delivers them. */
struct nb_event_tally {
	uint64_t count[NB_NR_EVENTS]; /* that happened, by kind */
	struct nb_cpumask cpus;       /* on which one happened; whoever looks may clear it */
	bool any;                     /* one happened; the same */
};

/* Listeners who want numbers more than events pay for no more: of the kinds in `counted`, the first
 * `keep` are delivered, the others counted alone, and then nothing goes another way because of
 * them. A kind of which tally->count says `keep` already is only counted from the start. */
struct nb_sink {
	void *ctx;
	void (*event)(void *ctx, const struct nb_event *ev);
	struct nb_event_set wanted;   /* others are neither delivered nor counted */
	struct nb_event_tally *tally; /* the listener's, as long as it listens; NULL: no counts */
	struct nb_event_set counted;  /* with a tally */
	uint64_t keep;
};

#ifdef __cplusplus
}
#endif
#endif
