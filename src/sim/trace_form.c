/* trace_form.c -- events of files, write-back, huge pages and victims as ftrace prints them.
 *
 * Called by trace.c for the kinds that it does not print itself. Each kind has a form: the kernel's
 * text with {N conversion} where field N of the event goes. What the kernel works out while it
 * prints (an inode's age) is worked out from the event's own time. Source: 6.12
 * include/trace/events/{filemap,writeback,huge_memory,migrate,oom,vmscan}.h.
 *
 * Conversions: d, u, x as printf's; D a device as 254:0, C as 254,0; b the same as a disk's name;
 * o a page's offset in bytes, l the last byte of a page; m a file's mode in octal; s an inode's
 * state; a its age in seconds; r why something is written; c a task's name; M, R mode and reason of
 * a migration; k what a look at a range for a huge page found; t why reclaim waits.
 */
#include "sim/recorder.h"

#include <inttypes.h>
#include <stdarg.h>

#define HZ 250u
#define INITIAL_JIFFIES UINT64_C(4294892296) /* (unsigned)(-300 * HZ) */

#define FORM_CACHED "dev {3D} ino {1x} pfn=0x{0x} ofs={2o} order={4u}"
#define FORM_CACHED_RANGE "dev={1D} ino={0x} ofs={2o}-{3l}"
#define FORM_WB_FOLIO "bdi {0b}: ino={1u} index={2u}"
#define FORM_WB_INODE "dev {0C} ino {1u} dirtied {4u} state {2s} mode 0{3m}"
#define FORM_WB_WORK                                                                         \
	"bdi {0b}: sb_dev {2D} nr_pages={1d} sync_mode={3d} kupdate={4d} range_cyclic={5d} " \
	"background={6d} reason={7r} cgroup_ino={8u}"
#define FORM_WB_SINGLE                                                                       \
	"bdi {0b}: ino={1u} state={2s} dirtied_when={3u} age={3a} index={4u} to_write={5d} " \
	"wrote={6u} cgroup_ino={7u}"

static const char *form_of(enum nb_event_kind kind, const struct nb_kernel_profile *profile)
{
	switch (kind) {
	case NB_EV_MM_FILEMAP_ADD_TO_PAGE_CACHE:
	case NB_EV_MM_FILEMAP_DELETE_FROM_PAGE_CACHE:
		return FORM_CACHED;
	case NB_EV_MM_FILEMAP_GET_PAGES:
	case NB_EV_MM_FILEMAP_MAP_PAGES:
		return FORM_CACHED_RANGE;
	case NB_EV_MM_FILEMAP_FAULT:
		return "dev={1D} ino={0x} ofs={2o}";
	case NB_EV_OOM_KILL:
		/* 6.9 and the stable kernels of its time tell more than the pid */
		return profile->version < 6001
			       ? "pid={0d}"
			       : "pid={0d} comm={1c} total-vm={2u}kB anon-rss={3u}kB "
				 "file-rss:{4u}kB shmem-rss:{5u}kB uid={6u} pgtables={7u}kB "
				 "oom_score_adj={8d}";
	case NB_EV_OOM_SCORE_ADJ_UPDATE:
		return "pid={0d} comm={1c} oom_score_adj={2d}";
	case NB_EV_MM_MIGRATE_PAGES:
		return "nr_succeeded={0u} nr_failed={1u} nr_thp_succeeded={2u} nr_thp_failed={3u} "
		       "nr_thp_split={4u} nr_split={5u} mode={6M} reason={7R}";
	case NB_EV_MM_MIGRATE_PAGES_START:
		return "mode={0M} reason={1R}";
	case NB_EV_MM_VMSCAN_THROTTLED:
		return "nid={0d} usec_timeout={1d} usect_delayed={2d} reason={3t}";
	case NB_EV_MM_VMSCAN_RECLAIM_PAGES:
		return "nid={0d} nr_scanned={1d} nr_reclaimed={2d} nr_dirty={3d} nr_writeback={4d} "
		       "nr_congested={5d} nr_immediate={6d} nr_activate_anon={7d} "
		       "nr_activate_file={8d} nr_ref_keep={9d} nr_unmap_fail={10d}";
	case NB_EV_MM_KHUGEPAGED_SCAN_PMD:
		return "mm=0000000000000000, scan_pfn=0x{0x}, writable={1d}, referenced={2d}, "
		       "none_or_zero={3d}, status={4k}, unmapped={5d}";
	case NB_EV_MM_COLLAPSE_HUGE_PAGE:
		return "mm=0000000000000000, isolated={0d}, status={1k}";
	case NB_EV_MM_COLLAPSE_HUGE_PAGE_ISOLATE:
		return "scan_pfn=0x{0x}, none_or_zero={1d}, referenced={2d}, writable={3d}, "
		       "status={4k}";
	default:
		return NULL;
	}
}

static const char *writeback_form_of(enum nb_event_kind kind)
{
	switch (kind) {
	case NB_EV_WRITEBACK_DIRTY_FOLIO:
	case NB_EV_FOLIO_WAIT_WRITEBACK:
		return FORM_WB_FOLIO;
	case NB_EV_WRITEBACK_MARK_INODE_DIRTY:
		return "bdi {0b}: ino={1u} state={2s} flags={3s}";
	case NB_EV_WRITEBACK_DIRTY_INODE_ENQUEUE:
	case NB_EV_SB_MARK_INODE_WRITEBACK:
	case NB_EV_SB_CLEAR_INODE_WRITEBACK:
		return FORM_WB_INODE;
	case NB_EV_WRITEBACK_START:
	case NB_EV_WRITEBACK_WRITTEN:
		return FORM_WB_WORK;
	case NB_EV_WRITEBACK_QUEUE_IO:
		return "bdi {0b}: older={1u} age={2d} enqueue={3d} reason={4r} cgroup_ino={5u}";
	case NB_EV_WRITEBACK_SINGLE_INODE_START:
	case NB_EV_WRITEBACK_SINGLE_INODE:
		return FORM_WB_SINGLE;
	case NB_EV_WRITEBACK_PAGES_WRITTEN:
		return "{0d}";
	case NB_EV_WRITEBACK_WAKE_BACKGROUND:
		return "bdi {0b}: cgroup_ino={1u}";
	case NB_EV_GLOBAL_DIRTY_STATE:
		return "dirty={0u} writeback={1u} bg_thresh={2u} thresh={3u} limit={4u} "
		       "dirtied={5u} written={6u}";
	case NB_EV_BALANCE_DIRTY_PAGES:
		return "bdi {0b}: limit={1u} setpoint={2u} dirty={3u} bdi_setpoint={4u} "
		       "bdi_dirty={5u} dirty_ratelimit={6u} task_ratelimit={7u} dirtied={8u} "
		       "dirtied_pause={9u} paused={10u} pause={11d} period={12u} think={13d} "
		       "cgroup_ino={14u}";
	default:
		return NULL;
	}
}

/* ---- values ---- */

struct out {
	char *buf;
	size_t n, at;
};

__attribute__((format(printf, 2, 3))) static void add(struct out *o, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	o->at += (size_t)vsnprintf(o->at < o->n ? o->buf + o->at : NULL,
				   o->at < o->n ? o->n - o->at : 0, fmt, ap);
	va_end(ap);
}

static const char *name_in(const char *const *names, size_t n, uint64_t v)
{
	return v < n ? names[v] : "?";
}
#define NAME_IN(names, v) name_in(names, sizeof(names) / sizeof(*(names)), v)

/* Source: include/trace/events/migrate.h, MIGRATE_MODE and MIGRATE_REASON. */
static const char *const migrate_mode[] = {"MIGRATE_ASYNC", "MIGRATE_SYNC_LIGHT", "MIGRATE_SYNC"};
static const char *const migrate_reason[] = {
	"compaction",      "memory_failure", "memory_hotplug", "syscall_or_cpuset",
	"mempolicy_mbind", "numa_misplaced", "contig_range",   "longterm_pin",
	"demotion",        "damon"};

/* Source: writeback.h, WB_WORK_REASON. */
static const char *const wb_reason[] = {"background",    "vmscan",       "sync",
					"periodic",      "laptop_timer", "fs_free_space",
					"forker_thread", "foreign_flush"};

/* Source: huge_memory.h, SCAN_STATUS. */
static const char *const scan_status[] = {"failed",
					  "succeeded",
					  "pmd_null",
					  "pmd_none",
					  "page_pmd_mapped",
					  "exceed_none_pte",
					  "exceed_swap_pte",
					  "exceed_shared_pte",
					  "pte_non_present",
					  "pte_uffd_wp",
					  "pte_mapped_hugepage",
					  "no_writable_page",
					  "lack_referenced_page",
					  "page_null",
					  "scan_aborted",
					  "not_suitable_page_count",
					  "page_not_in_lru",
					  "page_locked",
					  "page_not_anon",
					  "page_compound",
					  "no_process_for_page",
					  "vma_null",
					  "vma_check_failed",
					  "not_suitable_address_range",
					  "could_not_delete_page_from_lru",
					  "alloc_huge_page_failed",
					  "ccgroup_charge_failed"};

struct bit {
	uint64_t bit;
	const char *name;
};

/* As __print_flags(). */
static void add_bits(struct out *o, const struct bit *names, size_t n, uint64_t v)
{
	const char *sep = "";

	for (size_t i = 0; i < n; i++) {
		if (!(v & names[i].bit))
			continue;
		add(o, "%s%s", sep, names[i].name);
		sep = "|";
		v &= ~names[i].bit;
	}
	if (v)
		add(o, "%s0x%" PRIx64, sep, v);
}
#define ADD_BITS(o, names, v) add_bits(o, names, sizeof(names) / sizeof(*(names)), v)

/* Source: writeback.h, show_inode_state(); as many as the engine has. */
static const struct bit inode_state[] = {{NB_INODE_DIRTY_PAGES, "I_DIRTY_PAGES"},
					 {NB_INODE_SYNC, "I_SYNC"}};

/* Source: vmscan.h, show_throttle_flags(). */
static const struct bit throttle[] = {{NB_THROTTLE_WRITEBACK, "VMSCAN_THROTTLE_WRITEBACK"},
				      {NB_THROTTLE_ISOLATED, "VMSCAN_THROTTLE_ISOLATED"},
				      {NB_THROTTLE_NOPROGRESS, "VMSCAN_THROTTLE_NOPROGRESS"},
				      {NB_THROTTLE_CONGESTED, "VMSCAN_THROTTLE_CONGESTED"}};

static void add_value(struct out *o, char conversion, uint64_t v, const struct nb_event *ev,
		      const struct nb_trace_env *env)
{
	uint64_t jiffies = INITIAL_JIFFIES + ev->time_ns / (1000000000u / HZ);

	switch (conversion) {
	case 'u':
		add(o, "%" PRIu64, v);
		break;
	case 'x':
		add(o, "%" PRIx64, v);
		break;
	case 'm':
		add(o, "%" PRIo64, v);
		break;
	case 'D':
	case 'b':
	case 'C':
		add(o, "%u%c%u", (unsigned)(v >> 20), conversion == 'C' ? ',' : ':',
		    (unsigned)v & 0xfffff);
		break;
	case 'o':
		add(o, "%" PRIu64, v << env->page_shift);
		break;
	case 'l':
		add(o, "%" PRIu64, ((v + 1) << env->page_shift) - 1);
		break;
	case 's':
		ADD_BITS(o, inode_state, v);
		break;
	case 't':
		if (v)
			ADD_BITS(o, throttle, v);
		else
			add(o, "VMSCAN_THROTTLE_NONE");
		break;
	case 'a':
		add(o, "%" PRIu64, (jiffies - v) / HZ);
		break;
	case 'c':
		add(o, "%s", env->comm);
		break;
	case 'r':
		add(o, "%s", NAME_IN(wb_reason, v));
		break;
	case 'M':
		add(o, "%s", NAME_IN(migrate_mode, v));
		break;
	case 'R':
		add(o, "%s", NAME_IN(migrate_reason, v));
		break;
	case 'k':
		add(o, "%s", NAME_IN(scan_status, v));
		break;
	default: /* d */
		add(o, "%" PRId64, v);
		break;
	}
}

bool nb_trace_form_fields(char *buf, size_t n, const struct nb_event *ev,
			  const struct nb_trace_env *env, size_t *ret_len)
{
	const char *form = form_of(ev->kind, env->profile);
	struct out o = {.buf = buf, .n = n};

	if (!form)
		form = writeback_form_of(ev->kind);
	if (!form)
		return false;
	for (; *form; form++) {
		unsigned field = 0;

		if (*form != '{') {
			add(&o, "%c", *form);
			continue;
		}
		while (*++form >= '0' && *form <= '9')
			field = field * 10 + (unsigned)(*form - '0');
		add_value(&o, *form++, ev->field[field], ev, env);
	}
	*ret_len = o.at;
	return true;
}
