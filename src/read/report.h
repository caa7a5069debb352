/* report.h -- a page allocation failure or an OOM kill, out of a kernel's log.
 *
 * Callers: report_explain.c (the command `explain FILE`), fuzz. A log may hold several reports
 * among other messages, with any prefix: dmesg's, dmesg -T's and -x's, syslog's, journalctl's, a
 * mail's
 * "> ". Kernels 2.6.10 to today; what a report does not say is marked as unknown.
 * Memory:  nb_reports_release(). Strings are copies, cut at their array's end.
 * Units:   KiB, as printed, but where a name says pages.
 * Source:  mm/page_alloc.c, warn_alloc(); mm/oom_kill.c, dump_header(); mm/show_mem.c; facts 12.9
 * to 12.11.
 */
#ifndef NB_READ_REPORT_H
#define NB_READ_REPORT_H

#include "view/buddyinfo.h"
#include <numabox/error.h>
#include <numabox/gfp.h>

enum nb_report_kind { NB_REPORT_FAILURE, NB_REPORT_OOM };

enum nb_report_constraint {
	NB_CONSTRAINT_UNKNOWN,
	NB_CONSTRAINT_NONE,
	NB_CONSTRAINT_CPUSET,
	NB_CONSTRAINT_POLICY,
	NB_CONSTRAINT_MEMCG,
};

#define NB_REPORT_UNKNOWN UINT64_MAX /* a number that the report does not tell */
#define NB_REPORT_MAX_ZONES 4096u
#define NB_REPORT_MAX 64u /* reports of one log */
#define NB_REPORT_TASKS 8u

struct nb_report_zone {
	int nid;
	int type; /* enum nb_zone_type */
	uint64_t free, boost, min, low, high, reserved_highatomic, free_highatomic;
	uint64_t present, managed, free_cma, free_pcp;
	uint64_t file, anon; /* active and inactive together; unknown before 2.6.28 */
	uint64_t unevictable;
	uint64_t slab_reclaimable, slab_unreclaimable; /* of a node, and not told, since 4.8 */
	bool has_zone;                                 /* the line with the marks was there */
	unsigned nr_reserve;
	uint64_t reserve_pages[NB_VIEW_MAX_ORDERS]; /* by zone index of that kernel */
	unsigned nr_orders;                         /* 0: no line of free blocks */
	uint64_t nr_free[NB_VIEW_MAX_ORDERS];
	uint8_t letters[NB_VIEW_MAX_ORDERS]; /* bit per enum nb_migratetype; 0: not told */
	bool all_unreclaimable;
};

struct nb_report_task {
	uint64_t pid, rss_pages, swap_pages;
	int64_t adj; /* oom_score_adj */
	char name[32];
};

struct nb_report {
	enum nb_report_kind kind;
	unsigned line, end_line; /* of the input, from 1 */
	bool early;              /* "oom-killer: gfp_mask=", as before 2.6.20 */
	bool stall;              /* a failure that was none yet: "page allocation stalls" */
	char comm[64];
	char release[96]; /* "6.12.113+deb12-amd64"; "" not told */
	int cpu;          /* -1: not told */
	unsigned order;
	bool has_gfp;
	uint32_t gfp_raw;
	char gfp_names[256]; /* as printed; "" where the kernel printed the number alone */
	bool has_nodemask;   /* a policy's mask was in force */
	struct nb_nodemask nodemask;
	bool has_mems;
	struct nb_nodemask mems_allowed;
	char cpuset[128];
	enum nb_report_constraint constraint;
	/* memory cgroup */
	char memcg[256];
	uint64_t memcg_usage, memcg_limit, memcg_failcnt; /* unknown where not told */
	uint64_t memcg_swap_usage, memcg_swap_limit;
	bool memcg_swap_is_both; /* version 1's memory and swap together, not swap alone */
	/* Mem-Info */
	bool has_mem;
	bool dma_is_low;   /* 32-bit ARM: the report's DMA zone is all low memory; here it is Normal
			    */
	unsigned page_kib; /* 0: not told */
	struct nb_report_zone *zones;
	unsigned nr_zones, cap_zones;
	/* global counters in pages; unknown where not told */
	uint64_t anon_pages, file_pages, unevictable_pages, slab_reclaimable_pages;
	uint64_t slab_pages; /* both together, before 2.6.19 */
	uint64_t slab_unreclaimable_pages, shmem_pages, pagetables_pages, free_pages, mlocked_pages;
	uint64_t ram_pages, reserved_pages, total_swap, free_swap;
	bool swapoff;           /* a negative number of free swap: an area is being given up */
	uint64_t hugepages_kib; /* all pools together */
	/* tasks: the largest by rss, and the one that was killed */
	struct nb_report_task tasks[NB_REPORT_TASKS];
	unsigned nr_tasks;
	uint64_t all_tasks, all_rss_pages;
	bool killed, chosen; /* chosen: the line of the kill itself is missing */
	bool killed_has_adj, killed_has_rss;
	uint64_t killed_pid, killed_anon, killed_file, killed_shmem; /* KiB */
	uint64_t killed_rss_pages;                                   /* of the chosen */
	char killed_name[64];
	int64_t killed_adj;
	bool no_victim; /* "no killable processes" */
};

struct nb_reports {
	struct nb_report *v;
	unsigned n, cap;
	bool more; /* the log held more than NB_REPORT_MAX */
};

/* Finds the reports of a log. 0 with at least one; -NB_ENOENT when there is none; -NB_EINVAL for
 * NUL bytes. Memory is bounded by the text's length. */
int nb_reports_parse(const char *text, size_t len, struct nb_reports *r, struct nb_error *err);
void nb_reports_release(struct nb_reports *r);
/* The zone of that node and type, or NULL. */
const struct nb_report_zone *nb_report_zone(const struct nb_report *r, int nid, int type);

#endif
