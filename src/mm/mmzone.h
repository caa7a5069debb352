/* mmzone.h -- the structures of the memory manager: page, zone, node, system.
 *
 * Included by src/mm only; everybody else reads include/numabox. Field letters:
 *   c  constant after boot (sysctl and hotplug excepted, which run alone)
 *   z  under the zone's lock
 *   p  owned by its CPU; others take the page set's lock
 * Equations, proved by nb_system_check():
 *   zone: free_pages == sum over orders of free_area[o].nr_free << o
 *   zone: free_area[o].nr_free == sum over types of nr_free_type[t]
 *   zone: managed == free + in page sets + allocated
 *   page: in exactly one of free list (or inside a free block or an extent),
 *         page set, allocated block, reserved
 */
#ifndef NB_MM_MMZONE_H
#define NB_MM_MMZONE_H

#include "base/arena.h"
#include "base/lock.h"
#include "base/mask.h"

#include <numabox/gfp.h>
#include <numabox/machine.h>
#include <numabox/page_alloc.h>
#include <numabox/system.h>
#include <numabox/task.h>

/* A link to a page of the same node: its dense number + 1; 0 is none. */
typedef uint32_t nb_link_t;

/* The page descriptor. All-zero means: inside a free block (or an extent), or not yet
 * looked at; its pageblock is movable. next/prev/index/mapping mean what `flags` says. */
struct nb_page {
	uint32_t flags; /* PG_* and, for a block head, its order */
	uint32_t refcount;
	int32_t mapcount; /* mappings - 0: number of page-table entries */
	nb_link_t next, prev;
	uint32_t mapping;      /* handle: anon_vma or address_space; 0 none */
	uint64_t index : 40;   /* page offset in its mapping; blocks of an extent */
	uint64_t cpupid : 21;  /* last cpu and pid (NUMA balancing) */
	uint64_t spare : 3;
};
_Static_assert(sizeof(struct nb_page) == 32, "a page descriptor is 32 bytes");

/* flags: bits 0..3 order of the block this page heads, bits 4.. PG_* */
#define PG_ORDER_MASK 0xfu
enum {
	PG_BUDDY = 1u << 4,    /* heads a free block in a free list */
	PG_EXTENT = 1u << 5,   /* with PG_BUDDY: heads `index` consecutive blocks of max order */
	PG_PCP = 1u << 6,      /* heads a block in a page set */
	PG_ALLOCATED = 1u << 7, /* heads an allocated block */
	PG_RESERVED = 1u << 8, /* present, not managed */
	PG_SYSTEM = 1u << 9,   /* allocated before observation began (nb_zone_set_observed) */
	PG_ANON = 1u << 10,
	PG_LRU = 1u << 11,
	PG_REFERENCED = 1u << 12,
	PG_ACTIVE = 1u << 13,
	PG_DIRTY = 1u << 14,
	PG_WRITEBACK = 1u << 15,
	PG_SWAPBACKED = 1u << 16,
	PG_SWAPCACHE = 1u << 17,
	PG_UNEVICTABLE = 1u << 18,
	PG_MLOCKED = 1u << 19,
	PG_COMPOUND = 1u << 20, /* head or tail of a compound page */
	PG_TAIL = 1u << 21,
	/* bits 24..26: migrate type cached while in a page set or a free list */
	PG_MT_SHIFT = 24,
};
#define PG_MT_MASK (7u << PG_MT_SHIFT)

struct nb_list {
	nb_link_t first, last;
};

struct nb_free_area {
	struct nb_list free_list[NB_MIGRATE_TYPES];	/* z */
	uint64_t nr_free_type[NB_MIGRATE_TYPES];	/* z, blocks, extents' blocks counted */
	uint64_t nr_free;				/* z */
};

#define NB_PCP_ORDERS 4 /* orders 0..3 have lists; PMD order has two more */
#define NB_NR_PCP_LISTS (NB_MIGRATE_PCPTYPES * NB_PCP_ORDERS + 2)

/* A zone's page set on one CPU. Made on first use. Source: facts 5.5. */
struct nb_pcp {
	struct nb_lock lock;
	int count; /* p, base pages */
	int high, high_min, high_max, batch;
	uint8_t flags;
	uint8_t alloc_factor;
	int16_t free_count; /* 6.7+; free_factor before */
	uint16_t expire;
	struct nb_list list[NB_NR_PCP_LISTS];
	uint64_t numa[NB_NR_NUMA_EVENTS]; /* p */
	int32_t free_pages_diff;	  /* p: not yet folded into the zone (vm stats threshold) */
};

struct nb_pgdat;

struct nb_zone {
	/* c */
	struct nb_system *sys;
	struct nb_pgdat *pgdat;
	enum nb_zone_type type;
	nb_pfn_t zone_start_pfn;
	uint64_t spanned_pages, present_pages;
	uint64_t managed_pages, managed_at_init_pages, cma_pages;
	enum nb_source managed_source;
	/* marks: stored, without boost. Source: facts 2.2 */
	uint64_t wmark[NB_NR_WMARK];
	uint64_t watermark_boost; /* z */
	uint64_t lowmem_reserve[NB_MAX_NR_ZONES];
	uint64_t percpu_drift_mark;
	uint64_t min_unmapped_pages, min_slab_pages;
	int pageset_batch, pageset_high_min, pageset_high_max;
	int stat_threshold, stat_threshold_pressure;
	struct nb_pcp **pageset; /* [cpu id]; NULL until first used */

	struct nb_lock lock;
	unsigned flags; /* ZONE_* */
	uint64_t nr_reserved_highatomic;	   /* z */
	uint64_t nr_free_highatomic;		   /* z */
	uint64_t nr_pageblocks[NB_MIGRATE_TYPES];  /* z */
	_Atomic uint64_t nr_free_pages;		   /* z to write */
	_Atomic uint64_t nr_anon, nr_file, nr_pagetable;
	struct nb_free_area free_area[NB_NR_ORDERS]; /* z */
	uint64_t numa_base[NB_NR_NUMA_EVENTS]; /* observed beginning */
};
enum {
	ZONE_BOOSTED_WATERMARK = 1 << 0,
	ZONE_RECLAIM_ACTIVE = 1 << 1,
	ZONE_BELOW_HIGH = 1 << 2,
};

/* One entry of a zonelist; the list ends with zone == NULL. */
struct nb_zoneref {
	struct nb_zone *zone;
	enum nb_zone_type zone_idx;
	int nid;
};

struct nb_pgdat {
	/* c */
	struct nb_system *sys;
	int nid;
	unsigned index; /* position in sys->pgdat[] */
	bool online;
	struct nb_cpumask cpus; /* online CPUs of the node */
	nb_pfn_t node_start_pfn;
	uint64_t node_spanned_pages, node_present_pages;
	uint64_t totalreserve_pages;
	nb_pfn_t movable_start_pfn; /* zone_movable_pfn[nid] */
	struct nb_zone zone[NB_MAX_NR_ZONES]; /* by type, also those not configured (empty) */
	struct nb_zoneref *zonelist;	      /* FALLBACK: all its nodes' populated zones */
	struct nb_zoneref *zonelist_nofallback; /* own node only (__GFP_THISNODE) */
	int *fallback;			      /* node order */
	unsigned nr_fallback;
	/* memory map: present pages numbered densely from 0 */
	struct nb_page *mem_map;
	uint64_t mem_map_pages;	  /* numbers given out */
	uint64_t *mem_map_committed; /* bit per 64 KiB of descriptors */
	uint8_t *pageblock_flags; /* 4 bits a pageblock: migratetype ^ MOVABLE, so that 0 is movable */
};

/* A piece of memblock.memory on one node, with the dense number of its first page. */
struct nb_memblock_range {
	nb_pfn_t start_pfn, end_pfn;
	struct nb_pgdat *pgdat;
	uint32_t dense; /* number of start_pfn in pgdat->mem_map */
};

#define NB_MAX_MESSAGES 256

struct nb_system {
	const struct nb_port *port;
	struct nb_port port_copy;
	struct nb_arena *arena;
	const struct nb_machine *machine;
	const struct nb_kernel_profile *profile;
	unsigned zones; /* mask of configured zone types */
	unsigned page_shift, max_order, pageblock_order;
	bool backed;
	uint64_t rng; /* seeded */
	uint64_t time_ns;
	struct nb_sink sink;

	/* memory as memblock has it: byte ranges for readers, pfn ranges for lookup */
	struct nb_mem_range *memblock;
	unsigned nr_memblock;
	struct nb_memblock_range *ranges;
	unsigned nr_ranges;
	nb_pfn_t max_pfn, max_low_pfn;
	nb_pfn_t zone_low_pfn[NB_MAX_NR_ZONES], zone_high_pfn[NB_MAX_NR_ZONES];
	enum nb_zone_type movable_zone, policy_zone;
	uint64_t vm_total_pages;
	unsigned nr_zonelists;
	bool mobility_grouping;

	/* nodes, ascending id; node_index[id] is a position or -1 */
	struct nb_pgdat **pgdat;
	unsigned nr_pgdat;
	int16_t node_index[NB_MAX_NODES];
	uint8_t *distances; /* [from position * nr_pgdat + to position]; NULL: the machine's */
	struct nb_nodemask online_nodes, memory_nodes; /* N_ONLINE, N_MEMORY */

	/* CPUs: node of each id (-1: none), by the kernel's view */
	int16_t *cpu_to_node;
	unsigned nr_cpu_ids, nr_cpus_online;

	/* section table: pfn >> section_shift -> dense base, node, zone (section.c) */
	uint64_t *section;
	uint64_t nr_sections;
	unsigned section_shift;

	/* tunables; see sysctl.c for ranges */
	struct nb_tunables {
		int64_t min_free_kbytes, user_min_free_kbytes;
		unsigned watermark_scale_factor, watermark_boost_factor;
		unsigned lowmem_reserve_ratio[NB_MAX_NR_ZONES];
		unsigned percpu_pagelist_high_fraction;
		unsigned zone_reclaim_mode;
		unsigned swappiness, min_unmapped_ratio, min_slab_ratio;
		unsigned numa_balancing;
		bool numa_stat;
		bool zone_order; /* old kernels: numa_zonelist_order=zone */
		bool thp_always_or_madvise;
	} tune;
	uint64_t totalreserve_pages;

	/* per-CPU event counters, made on first use: vmstat.c */
	uint64_t **vm_events; /* [cpu id] */

	/* tasks: task.c */
	struct nb_task *tasks;
	int next_pid;

	const char *message[NB_MAX_MESSAGES];
	unsigned nr_messages;
};

static inline struct nb_pgdat *nb_node_data(const struct nb_system *sys, int nid)
{
	if (nid < 0 || nid >= NB_MAX_NODES || sys->node_index[nid] < 0)
		return NULL;
	return sys->pgdat[sys->node_index[nid]];
}

static inline bool nb_zone_configured(const struct nb_system *sys, enum nb_zone_type t)
{
	return sys->zones >> t & 1;
}

static inline nb_pfn_t nb_zone_end_pfn(const struct nb_zone *z)
{
	return z->zone_start_pfn + z->spanned_pages;
}

/* Adds a boot message (kernel's wording, no newline). Cut off silently past NB_MAX_MESSAGES. */
__attribute__((format(printf, 2, 3)))
void nb_boot_message(struct nb_system *sys, const char *fmt, ...);

#endif
