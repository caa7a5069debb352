/* numabox/system.h -- a booted machine, and what can be read of it.
 *
 * Callers: drivers (the simulator, an embedder), views, tests.
 * Memory:  nb_system_boot() takes everything from the port; one system owns all
 *          its nodes, zones and tasks; nb_system_shutdown() gives all back. Many systems
 *          may live in one process; none shares anything with another.
 * Threads: with port.relax set, calls that name different CPUs may run at the
 *          same time; calls that name the same CPU must not, but for the daemons' steps.
 *          The nb_*_info() readers may run at any time and see counters a moment old.
 *          What changes the system as a whole runs alone. docs/threads.md has it call by call.
 */
#ifndef NUMABOX_SYSTEM_H
#define NUMABOX_SYSTEM_H

#include <numabox/machine.h>
#include <numabox/sink.h>

#ifdef __cplusplus
extern "C" {
#endif

struct nb_system;

struct nb_boot_options {
	bool backed;                /* pages hold bytes; default false: phantom */
	bool debug;                 /* frees and requests are looked at closely; see page_alloc.h */
	uint64_t seed;              /* of every choice that Linux leaves to chance */
	const struct nb_sink *sink; /* may be NULL; copied */
};

/* Boots a sealed machine: memory map, nodes, zones, watermarks, zonelists, free
 * lists, then the machine's sysctls are written. `opt` may be NULL. On failure *err
 * says why (a bad command line value is no failure: Linux ignores it too). O(memory ranges). */
int nb_system_boot(const struct nb_port *port, const struct nb_machine *m,
		   const struct nb_boot_options *opt, struct nb_system **ret_sys,
		   struct nb_error *err);
/* Ends the system with its tasks and gives all its memory back. */
void nb_system_shutdown(struct nb_system *sys);

/* The machine that it was booted from. */
const struct nb_machine *nb_system_machine(const struct nb_system *sys);
/* Where events go from now on; NULL: nowhere. *sink is copied. */
void nb_system_set_sink(struct nb_system *sys, const struct nb_sink *sink);

/* Virtual time. Only the driver moves it; it never goes back. */
uint64_t nb_system_time_ns(const struct nb_system *sys);
/* Moves virtual time forward; an earlier time changes nothing. */
void nb_system_set_time_ns(struct nb_system *sys, uint64_t ns);

/* What the kernel made of the hardware: memblock.memory, in address order, with
 * its nodes, after every boot rule. Ranges that were hot-added later carry NB_RANGE_HOTADDED:
 * boot did not see them. *ret_n ranges; owned by the system. */
const struct nb_mem_range *nb_system_memblock(const struct nb_system *sys, unsigned *ret_n);

/* Node ids in ascending order as the kernel counts them (numa=off, numa=fake and a
 * thrown-away SRAT change them). */
unsigned nb_system_nr_nodes(const struct nb_system *sys);
/* The i-th of these ids; i < nb_system_nr_nodes(). */
int nb_system_node_id(const struct nb_system *sys, unsigned i);

struct nb_node_info {
	int nid;
	bool online, has_memory, has_normal_memory, has_cpu;
	struct nb_cpumask cpus;
	nb_pfn_t start_pfn;
	uint64_t spanned_pages, present_pages, managed_pages, free_pages;
	uint64_t totalreserve_pages;
	nb_pfn_t movable_start_pfn; /* 0: no Movable zone start on this node */
	const int *fallback;        /* node order of its zonelist; owned by the system */
	unsigned nr_fallback;
};
/* -NB_ENODEV if there is no such node. */
int nb_node_info(const struct nb_system *sys, int nid, struct nb_node_info *ret_info);

/* Distance as this system's kernel sees it (numa=fake has a table of its own). */
unsigned nb_system_distance(const struct nb_system *sys, int from, int to);

/* Counters of /proc/vmstat that belong to a zone, and numastat's. */
enum nb_numa_event {
	NB_NUMA_HIT,
	NB_NUMA_MISS,
	NB_NUMA_FOREIGN,
	NB_NUMA_INTERLEAVE,
	NB_NUMA_LOCAL,
	NB_NUMA_OTHER,
	NB_NR_NUMA_EVENTS
};

struct nb_zone_info {
	int nid;
	enum nb_zone_type type;
	bool populated; /* present_pages != 0 */
	nb_pfn_t start_pfn;
	uint64_t spanned_pages, present_pages, managed_pages, cma_pages;
	uint64_t managed_at_init_pages;
	uint64_t free_pages;
	uint64_t wmark_pages[NB_NR_WMARK]; /* boost included, as zoneinfo prints them */
	uint64_t boost_pages;
	uint64_t protection_pages[NB_MAX_NR_ZONES]; /* by zone type; 0 for those not configured */
	uint64_t nr_free[NB_NR_ORDERS];             /* blocks */
	uint64_t nr_free_by_type[NB_MIGRATE_TYPES][NB_NR_ORDERS];
	uint64_t nr_pageblocks[NB_MIGRATE_TYPES];
	uint64_t nr_highatomic_pages;
	uint64_t numa[NB_NR_NUMA_EVENTS];
	unsigned pcp_batch, pcp_high_min, pcp_high_max, stat_threshold;
	enum nb_source managed_source;
	/* page counts by owner, for meminfo and zoneinfo */
	uint64_t anon_pages, file_pages, pagetable_pages;
	uint64_t anon_thps; /* transparent huge pages, each one of anon_pages' PMD's worth */
	/* mapped: pages of files that are; file_pages holds the shmem pages too */
	uint64_t mapped_pages, shmem_pages, mlocked_pages, dirty_pages, writeback_pages;
	uint64_t dirtied_pages, written_pages; /* ever */
	/* on the lists of reclaim: inactive and active anonymous, inactive and active file,
	 * unevictable; pages that wait in a CPU's batch are on none */
	uint64_t lru_pages[5];
};
/* Zone `type` of node `nid`; a configured but empty zone gives populated = false.
 * -NB_ENODEV for no such node, -NB_EINVAL for a zone that this architecture lacks. */
int nb_zone_info(const struct nb_system *sys, int nid, enum nb_zone_type type,
		 struct nb_zone_info *ret_info);

/* The page set of a zone on one CPU. A set that was never used reads count 0, high 0
 * (auto-tuned) or the fixed high. */
struct nb_pcp_info {
	unsigned count, high, batch, high_min, high_max;
};
/* -NB_ENODEV, -NB_EINVAL as nb_zone_info(); -NB_EINVAL for no such CPU. */
int nb_pcp_info(const struct nb_system *sys, int nid, enum nb_zone_type type, int cpu,
		struct nb_pcp_info *ret_info);

/* What the vmstat worker does to a CPU's page sets once a second: auto-tuned highs decay by an
 * eighth and what is above goes back to the free lists; sets of other nodes that were quiet for
 * three rounds are emptied. Only the driver calls it, as virtual time passes; counts as a call on
 * that CPU. True if another round may change something though the CPU stays idle; false: the worker
 * may sleep until the CPU has been at work again. Source: mm/vmstat.c, refresh_cpu_vm_stats(),
 * vmstat_update(); decay_pcp_high(); facts 5.5. */
bool nb_vmstat_update(struct nb_system *sys, int cpu);

struct nb_system_info {
	const struct nb_kernel_profile *profile;
	enum nb_arch arch;
	unsigned zones; /* mask of configured enum nb_zone_type */
	unsigned page_shift, max_order, pageblock_order;
	nb_pfn_t max_pfn, max_low_pfn;
	uint64_t present_pages, managed_pages, free_pages, totalreserve_pages;
	uint64_t min_free_kbytes;
	uint64_t vm_total_pages; /* "Total pages" of the Built N zonelists line */
	unsigned nr_zonelists;   /* N of that line */
	bool mobility_grouping;
	enum nb_zone_type policy_zone;
	enum nb_zone_type movable_zone; /* where ZONE_MOVABLE takes its pages from */
	/* possible range of each zone type, pfns; start == end: empty */
	nb_pfn_t zone_low_pfn[NB_MAX_NR_ZONES], zone_high_pfn[NB_MAX_NR_ZONES];
	unsigned nr_cpus_online;
	unsigned nr_page_descriptor_bytes; /* 32 */
	uint64_t committed_bytes;          /* host memory that descriptors and tables take */
	/* CommitLimit and Committed_AS of /proc/meminfo */
	uint64_t commit_limit_pages, committed_as_pages;
};
/* The system as a whole. */
void nb_system_info(const struct nb_system *sys, struct nb_system_info *ret_info);

/* Boot messages that speak of decisions ("NUMA: no nodes coverage for ...",
 * "Faking node 0 at ..."), in order, without time stamps; NULL past the end. */
const char *nb_system_message(const struct nb_system *sys, unsigned i);

/* Global event counters by /proc/vmstat's name ("pgalloc_normal", "pgfault"):
 * the i-th name and its value; false past the end. */
bool nb_vm_event(const struct nb_system *sys, unsigned i, const char **ret_name,
		 uint64_t *ret_value);

/* Run-time sysctls, as reads and writes of /proc/sys/NAME with dots. Known: vm.min_free_kbytes,
 * vm.lowmem_reserve_ratio, vm.watermark_scale_factor, vm.watermark_boost_factor,
 * vm.percpu_pagelist_high_fraction, vm.zone_reclaim_mode, vm.numa_stat, vm.numa_zonelist_order,
 * vm.swappiness, vm.min_unmapped_ratio, vm.min_slab_ratio, kernel.numa_balancing,
 * vm.overcommit_memory and more: nb_sysctl_name() tells all.
 * Write: 0; -NB_ENOENT unknown name; -NB_EINVAL with *err naming the allowed
 * range, and nothing changed. Read: the text without a newline, as snprintf; -NB_ENOENT. */
int nb_sysctl_write(struct nb_system *sys, const char *name, const char *value,
		    struct nb_error *err);
/* Reads one, as told above. */
int nb_sysctl_read(const struct nb_system *sys, const char *name, char *buf, size_t n);
/* The i-th known sysctl's name, or NULL past the end. */
const char *nb_sysctl_name(unsigned i);

/* Sets a zone's free memory as observed: blocks by migrate type and order, and pageblocks by type;
 * all other managed pages become "used by the system". Frames are chosen by a stated rule
 * (docs/architecture.md, Two beginnings). `boost_pages` and `wmark_pages` (may be NULL) replace the
 * computed marks, `protection_pages` (may be NULL) the reserves. Call right after boot,
 * before any allocation. -NB_EINVAL when the counts do not fit the zone: then nothing is changed.
 */
struct nb_zone_observed {
	uint64_t nr_free_by_type[NB_MIGRATE_TYPES][NB_NR_ORDERS];
	uint64_t nr_pageblocks[NB_MIGRATE_TYPES]; /* all 0: unknown, derived */
	uint64_t boost_pages;
	const uint64_t *wmark_pages;      /* [NB_NR_WMARK], without boost */
	const uint64_t *protection_pages; /* [NB_MAX_NR_ZONES] */
	uint64_t numa[NB_NR_NUMA_EVENTS];
};
/* Sets one zone, as told above. 0, -NB_ENODEV, -NB_EINVAL with *err. */
int nb_zone_set_observed(struct nb_system *sys, int nid, enum nb_zone_type type,
			 const struct nb_zone_observed *obs, struct nb_error *err);

/* After that: so many pages in use waited in a CPU's page set, and its `high` had come to that. */
struct nb_set_observed {
	unsigned cpu;
	uint64_t count, high; /* base pages */
};
/* Fills the zone's sets out of whole max-order blocks in use, by a stated rule
 * (src/mm/observed_sets.c). A set that is in use already is left alone; less may fit. Returns how
 * many pages were placed. */
unsigned nb_zone_set_observed_sets(struct nb_system *sys, int nid, enum nb_zone_type type,
				   const struct nb_set_observed *sets, unsigned nr_sets);

/* After that: what a node's memory in use was for. Views add it to what the engine counts. */
struct nb_node_use {
	uint64_t slab_reclaimable_pages, slab_unreclaimable_pages, page_table_pages;
	uint64_t kernel_stack_kib;
	uint64_t anon_pages, mapped_pages, shmem_pages;
	uint64_t anon_lru_pages[NB_MAX_NR_ZONES][2]; /* on lists: inactive, active; with shmem */
};
/* 0, -NB_ENODEV, -NB_ENOMEM. *use is copied. */
int nb_node_set_observed_use(struct nb_system *sys, int nid, const struct nb_node_use *use);
/* The same again, or NULL where nothing was observed. */
const struct nb_node_use *nb_node_observed_use(const struct nb_system *sys, int nid);

/* After that: so many of the zone's pages in use were page cache that nobody had written to. They
 * count as inactive file pages, and reclaim takes them like others, oldest of all. Which frames is
 * chosen among whole max-order blocks in use: less may fit. Returns how many it became. */
uint64_t nb_zone_set_observed_cache(struct nb_system *sys, int nid, enum nb_zone_type type,
				    uint64_t pages);

/* Walks every structure and proves the invariants (each page in one place, counts
 * equal recounts, lists well formed). O(pages touched). 0, or -NB_EIO with *err. */
int nb_system_check(const struct nb_system *sys, struct nb_error *err);

#ifdef __cplusplus
}
#endif
#endif
