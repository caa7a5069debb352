/* mmzone.h -- the structures of the memory manager: page, zone, node, system.
 *
 * Included by src/mm only; everybody else reads include/numabox. Field letters:
 *   c  constant after boot (sysctl and hotplug excepted, which run alone)
 *   z  under the zone's lock
 *   p  owned by its CPU; others take the page set's lock
 *   a  atomic; written under the zone's lock, read without it (relaxed)
 * Equations, proved by nb_system_check():
 *   zone: nr_free_pages + sum over CPUs of free_pages_diff == sum over orders of
 *         free_area[o].nr_free << o
 *   zone: free_area[o].nr_free == sum over types of nr_free_type[t]
 *   zone: bit o of free_mask[t] is set iff free_area[o].free_list[t] holds a block
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

/* Dense page numbers: every max-order block that holds a present page of a node gets
 * 1 << max_order consecutive numbers, in address order. So dense and pfn agree in their low
 * max_order bits, buddies are found by the same arithmetic on either, and holes of whole blocks
 * cost nothing. section.c turns one into the other (mm/page.h).
 * A link to a page of the same node: its dense number + 1; 0 is none. */
typedef uint32_t nb_link_t;

/* The page descriptor. flags == 0 means: inside a block that another page heads (free, in a page
 * set or allocated), inside an extent, or a hole; then the other fields mean nothing.
 * next/prev/index/mapping mean what `flags` says. */
struct nb_page {
	uint32_t flags; /* PG_* and, for a block head, its order */
	uint32_t refcount;
	int32_t mapcount; /* mappings - 0: number of page-table entries */
	nb_link_t next, prev;
	uint32_t mapping; /* handle: anon_vma or address_space; 0 none */
	union {
		struct {
			uint64_t index : 40;  /* page offset in its mapping; blocks of an extent */
			uint64_t cpupid : 21; /* last cpu and pid (NUMA balancing) */
			uint64_t refs : 3; /* multi-generation LRU: accesses by read() and write()
					      (tier) */
		};
		uint64_t word; /* the three, for atomic steps: page_share.h */
	};
};
_Static_assert(sizeof(struct nb_page) == 32, "a page descriptor is 32 bytes");

/* flags: bits 0..3 order of the block this page heads, bits 4.. PG_* */
#define PG_ORDER_MASK 0xfu
enum {
	PG_BUDDY = 1u << 4,     /* heads a free block in a free list */
	PG_EXTENT = 1u << 5,    /* with PG_BUDDY: heads `index` consecutive blocks of max order */
	PG_PCP = 1u << 6,       /* heads a block in a page set */
	PG_ALLOCATED = 1u << 7, /* heads an allocated block */
	PG_HUGETLB = 1u << 8,   /* allocated, in a pool of huge pages (hugetlb.h) */
	PG_SYSTEM = 1u << 9,    /* allocated before observation began (nb_zone_set_observed) */
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
	PG_DESCENDING = 1u << 22, /* with PG_EXTENT: the head is the highest block */
	PG_RECLAIM = 1u << 23,    /* goes to the tail of its list once its write-back has ended */
	/* bits 24..26: migrate type cached while in a page set or a free list; of a page on a list
	 * of the multi-generation LRU its generation + 1 (lru_gen.h).
	 * bits 27..29: zone type of every head */
	PG_MT_SHIFT = 24,
	PG_ZONE_SHIFT = 27,
};
#define PG_WORKINGSET (1u << 30)  /* was once found to be in use, or came back after a refault */
#define PG_LRU_BATCH (1u << 31)   /* waits in a CPU's batch (lru.c) */
#define PG_ISOLATED PG_DESCENDING /* of an allocated page: off its list, see nb_lru_isolate() */
#define PG_LOCKED (1u << 5)       /* PG_EXTENT's bit, of an allocated page: see page_share.h */
#define PG_MT_MASK (7u << PG_MT_SHIFT)
#define PG_ZONE_MASK (7u << PG_ZONE_SHIFT)

struct nb_list {
	nb_link_t first, last;
};

struct nb_free_area {
	struct nb_list free_list[NB_MIGRATE_TYPES]; /* z */
	uint64_t nr_free_type[NB_MIGRATE_TYPES];    /* z, blocks, extents' blocks counted */
	uint64_t nr_free;                           /* z */
};

#define NB_PCP_ORDERS 4 /* orders 0..3 have lists; the pageblock (PMD) order has two more */
#define NB_NR_PCP_LISTS (NB_MIGRATE_PCPTYPES * NB_PCP_ORDERS + 2)

/* A zone's page set on one CPU, and that CPU's counters of the zone. Made on first use
 * (nb_zone_pcp()). Counters are written by the owner alone, read by anybody.
 * Source: facts 5.5. */
struct nb_pcp {
	struct nb_lock lock;
	int count; /* p, base pages */
	int high, high_min, high_max, batch;
	uint8_t flags; /* PCPF_* */
	uint8_t alloc_factor;
	int16_t free_count; /* 6.7+; free_factor before */
	uint16_t expire;
	bool local;                           /* c: the zone's node is the CPU's own */
	bool threaded;                        /* c: the system is */
	bool auto_tuned;                      /* c: NB_PCP_AUTO */
	struct nb_list list[NB_NR_PCP_LISTS]; /* p */
	_Atomic uint64_t numa[NB_NR_NUMA_EVENTS];
	_Atomic uint64_t pgalloc, pgfree; /* base pages: pgalloc_<zone>, pgfree */
	/* Pages that page_hot.c gave: each is one of pgalloc, of numa_hit, and of local_node or
	 * other_node, beside what stands there. nb_pcp_pgalloc() and nb_pcp_numa() add it. */
	_Atomic uint64_t hot;
	/* Changes of the zone's counters that wait here: written by the CPU under the zone's lock.
	 * |diff| <= the zone's stat_threshold. */
	_Atomic int32_t free_pages_diff, free_cma_diff;
};
enum {
	PCPF_PREV_FREE_HIGH_ORDER = 1 << 0,
	PCPF_FREE_HIGH_BATCH = 1 << 1,
};

struct nb_pgdat;
struct nb_lruvec;
struct nb_memcg;
struct nb_memcg_side;
struct nb_kswapd;
struct nb_kcompactd;
struct nb_zone_compact;
struct nb_swap;
struct nb_hugetlb;
struct nb_file_side;
struct nb_reclaim;

/* The block that direct compaction on a CPU is after, kept when it merges: see capture_at.
 * Source: struct capture_control. */
struct nb_capture {
	enum nb_migratetype mt;
	int cpu;
	struct nb_page *page; /* what was kept: no list has it, not prepared; NULL */
};

struct nb_zone {
	/* c */
	struct nb_system *sys;
	struct nb_pgdat *pgdat;
	enum nb_zone_type type;
	uint32_t page_bits; /* the zone's PG_ZONE bits */
	nb_pfn_t zone_start_pfn;
	uint64_t spanned_pages, present_pages;
	uint64_t managed_pages, managed_at_init_pages, cma_pages;
	uint64_t gigantic_pages; /* of managed_at_init: taken by boot-time gigantic pages */
	uint64_t coming_pages; /* of managed_at_init: hot-added memory that is not there yet, during
				  boot */
	enum nb_source managed_source;
	uint64_t later_pages; /* managed, but reserved at first: freed by boot later
			       * (boot_reserved.c)
			       */
	/* memory map (section.c): present pages at or above managed_end_pfn are reserved */
	struct nb_page *mem_map;    /* the node's */
	nb_pfn_t managed_start_pfn; /* x86 keeps the first MiB: reserved below; 0: none */
	nb_pfn_t managed_end_pfn;
	nb_pfn_t pfn_delta;              /* pfn - dense number, where one_run */
	bool one_run;                    /* the zone lies in one run of dense numbers */
	int32_t first_range, last_range; /* its pieces in sys->ranges; -1 none */
	bool highatomic_free_only;       /* the profile's */
	bool nofragment;                 /* requests that prefer this zone get ALLOC_NOFRAGMENT */
	/* marks: stored, without boost. Source: facts 2.2 */
	uint64_t wmark[NB_NR_WMARK];
	uint64_t lowmem_reserve[NB_MAX_NR_ZONES];
	uint64_t percpu_drift_mark;
	uint64_t min_unmapped_pages, min_slab_pages;
	int pageset_batch, pageset_high_min, pageset_high_max;
	/* how far a CPU's part of a counter may drift: one of the two, while kswapd sleeps or not
	 */
	_Atomic int stat_threshold;
	int stat_threshold_normal, stat_threshold_pressure;
	/* [cpu id]; the array and each set are made on first use: nb_zone_pcp(), nb_zone_pcp_peek()
	 */
	_Atomic(struct nb_pcp *) *_Atomic pageset;

	_Atomic uint64_t watermark_boost;        /* a */
	_Atomic unsigned flags;                  /* ZONE_*; atomic */
	_Atomic uint64_t nr_reserved_highatomic; /* a */
	_Atomic uint64_t nr_free_highatomic;     /* a */

	char pad[64]; /* what follows is written often */

	struct nb_lock lock;
	_Atomic uint64_t lock_taken;    /* z: so often; for those who ask what waiting costs */
	int lock_cpu;                   /* z: who holds it; events say so */
	bool lump;                      /* z: free pages are counted at the end */
	uint8_t capture_at;             /* z: order + 1 of the block to be captured; 0: none */
	struct nb_pcp *lock_pcp;        /* z: its set here; NULL: has none yet */
	int64_t lump_pages;             /* z: what is to be counted then */
	uint64_t rng;                   /* z: page_alloc.shuffle's later choices */
	_Atomic uint64_t nr_free_pages; /* a */
	_Atomic uint64_t nr_free_cma;   /* a */
	_Atomic uint16_t free_mask[NB_MIGRATE_TYPES]; /* a: orders with a block */
	struct nb_free_area free_area[NB_NR_ORDERS];  /* z */
	struct nb_capture capture;                    /* z: for whom, while capture_at is set */
	uint64_t nr_pageblocks[NB_MIGRATE_TYPES];     /* z */
	_Atomic uint64_t nr_anon, nr_file, nr_pagetable;
	_Atomic uint64_t nr_anon_thps;                  /* huge pages: mapped as such */
	_Atomic uint64_t nr_mapped, nr_shmem, nr_mlock; /* pages: of files that are mapped; ... */
	_Atomic uint64_t nr_dirty, nr_writeback;        /* pages of files */
	_Atomic uint64_t nr_swapcached;          /* in the swap cache; nr_file counts them too */
	_Atomic uint64_t nr_dirtied, nr_written; /* ever */
	_Atomic uint64_t nr_repl;                /* replica.c: copies; in nr_file, too */
	uint64_t numa_base[NB_NR_NUMA_EVENTS];   /* observed beginning */
	/* c: observed.c: whole max-order blocks in use since before observation began */
	struct nb_block_run *system_runs;
	_Atomic(struct nb_zone_compact *) compact; /* compaction.h; NULL: never tried */
	unsigned nr_system_runs;
};

/* Consecutive max-order blocks by dense number of their first page. */
struct nb_block_run {
	uint32_t dense;
	uint32_t nr_blocks;
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
	nb_pfn_t movable_start_pfn;             /* zone_movable_pfn[nid] */
	struct nb_zone zone[NB_MAX_NR_ZONES];   /* by type, also those not configured (empty) */
	struct nb_zoneref *zonelist;            /* FALLBACK: all its nodes' populated zones */
	struct nb_zoneref *zonelist_nofallback; /* own node only (__GFP_THISNODE) */
	int *fallback;                          /* node order */
	unsigned nr_fallback;
	/* memory map (section.c) */
	struct nb_page *mem_map; /* by dense number */
	uint64_t mem_map_pages;  /* numbers given out */
	size_t mem_map_bytes;    /* reserved, pageblock_flags behind the descriptors included */
	_Atomic uint64_t *mem_map_committed; /* bit per NB_MAP_STEP_PAGES descriptors */
	struct nb_lock map_lock;             /* commits */
	_Atomic uint8_t *pageblock_flags;    /* a pageblock's migratetype ^ MOVABLE; 0 is movable */
	uint64_t *pageblock_committed;       /* bit per 64 KiB of pageblock_flags */
	struct nb_map_run *runs;             /* by dense number, and by pfn */
	unsigned nr_runs;

	/* kswapd, as far as wake-ups need it */
	int kswapd_order, kswapd_highest_zoneidx;
	_Atomic bool kswapd_awake;
	struct nb_node_use *use;        /* observed_use.c; NULL: nothing was observed */
	struct nb_lruvec *lruvec;       /* lru.c: made by boot */
	uint16_t *memcg_of;             /* memcg.h: [dense] group of a page; NULL: no groups */
	struct nb_kswapd *kswapd;       /* kswapd.c */
	struct nb_kcompactd *kcompactd; /* compaction.c */
};

/* 64 KiB of descriptors: the step in which the memory map is committed. */
#define NB_MAP_STEP_PAGES 2048u

/* Consecutive dense numbers that stand for consecutive pfns. */
struct nb_map_run {
	nb_pfn_t pfn;
	uint32_t dense;
	uint64_t pages; /* up to 2^32 */
};

/* A piece of memblock.memory in one zone, sorted by pfn; dense numbers run on inside. */
struct nb_memblock_range {
	nb_pfn_t start_pfn, end_pfn;
	struct nb_pgdat *pgdat;
	struct nb_zone *zone;
	uint32_t dense;     /* number of start_pfn in pgdat->mem_map */
	int32_t prev, next; /* index of the zone's piece below and above; -1 none */
};

/* Present pages of one piece of memory that were reserved when boot made the free lists, sorted by
 * pfn. From later_pfn on boot frees them later: they are managed, and in use by the system. */
struct nb_reserved {
	nb_pfn_t start_pfn, later_pfn, end_pfn;
	unsigned range; /* of sys->ranges */
	int load;       /* of machine->early; -1: of none */
};

/* Pfns of one size, aligned. zone != NULL: all of them are present pages of that zone, and
 * map + pfn * sizeof(struct nb_page) is the descriptor's address. Otherwise they mix (holes count):
 * `map` is the index of the first range that ends past the section's start. */
struct nb_section {
	uintptr_t map;
	struct nb_zone *zone;
};

/* What later files (vmscan, compaction, oom) plug into the slow path. NULL: no progress. */
struct nb_alloc_context;
struct nb_alloc_hooks {
	/* kswapd of the node was woken for this request. */
	void (*wake_kswapd)(struct nb_system *sys, struct nb_pgdat *pgdat);
	/* Pages reclaimed. */
	uint64_t (*direct_reclaim)(struct nb_system *sys, const struct nb_alloc_context *ac);
	/* enum nb_compact_result (mm/page_alloc.h). *ret_page: the block itself, not prepared yet,
	 * in *ret_zone, where the run has caught it; else NULL. */
	int (*direct_compact)(struct nb_system *sys, const struct nb_alloc_context *ac, int prio,
			      struct nb_page **ret_page, struct nb_zone **ret_zone);
	/* The request was tried once more after that: in which zone did it get its page? */
	void (*compact_done)(struct nb_system *sys, const struct nb_alloc_context *ac,
			     struct nb_zone *z);
	/* Compaction lacked room: would it have some after reclaim? */
	bool (*compact_after_reclaim)(struct nb_system *sys, const struct nb_alloc_context *ac);
	/* Pages of a zone that reclaim could free; NULL: none. */
	uint64_t (*reclaimable_pages)(const struct nb_zone *z);
	/* NODE_RECLAIM_*: -2 no scan, -1 full, 0 some, 1 success. NULL: full. */
	int (*node_reclaim)(struct nb_system *sys, const struct nb_alloc_context *ac,
			    struct nb_pgdat *pgdat);
	/* May this node take another page to be dirtied? NULL: yes. */
	bool (*node_dirty_ok)(struct nb_system *sys, struct nb_pgdat *pgdat);
	/* MADV_PAGEOUT: reclaims a page whatever its age, the caller's from nb_lru_isolate(), or
	 * puts it back. Pages reclaimed. NULL: it is put back. */
	uint64_t (*reclaim_page)(struct nb_system *sys, struct nb_zone *z, struct nb_page *page,
				 int cpu);
	/* out_of_memory(): was a victim chosen? */
	bool (*out_of_memory)(struct nb_system *sys, const struct nb_alloc_context *ac);
	/* kcompactd of the node has something to look at: kswapd goes to sleep after a request of
	 * that order, or could do nothing for it. */
	void (*wakeup_kcompactd)(struct nb_pgdat *pgdat, int order, enum nb_zone_type highest);
	/* kswapd of the node goes to sleep: hopeless pageblocks get another chance. */
	void (*reset_isolation)(struct nb_pgdat *pgdat);
};

#define NB_MAX_MESSAGES 256

/* A gigantic page that the command line took from the firmware's memory, first taken first. */
struct nb_boot_huge {
	struct nb_boot_huge *next;
	nb_pfn_t pfn;
	uint64_t bytes;
};

struct nb_system {
	const struct nb_port *port;
	struct nb_port port_copy;
	struct nb_arena *arena;
	const struct nb_machine *machine;
	const struct nb_kernel_profile *profile;
	unsigned zones; /* mask of configured zone types */
	unsigned page_shift, max_order, pageblock_order;
	bool backed;         /* pages hold bytes: linear.c */
	bool debug;          /* nb_boot_options.debug */
	bool full_path_only; /* for page_hot.c's is not: CMA, backed or debug systems */
	bool watched;        /* that, or somebody listens to requests or frees */
	/* watched, but these may take page_hot.c's way and be counted there, or be let be */
	bool count_allocs, count_frees;
	void *backing;        /* backed: the bytes of frame 0 and on */
	uint64_t linear_base; /* address of frame 0 in the linear map */
	uint64_t rng;         /* seeded */
	_Atomic uint64_t time_ns;
	struct nb_sink sink;
	struct nb_event_set counted; /* kinds that it wants the number of, and no more (event.h) */

	/* memory as memblock has it: byte ranges for readers, pfn ranges for lookup */
	struct nb_mem_range *memblock;
	unsigned nr_memblock;
	struct nb_memblock_range *ranges;
	unsigned nr_ranges;
	/* boot_reserved.c: what was reserved at boot, where the machine tells it */
	struct nb_reserved *reserved;
	unsigned nr_reserved;
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

	/* section table, by pfn >> section_shift (section.c) */
	struct nb_section *section;
	uint64_t nr_sections;
	unsigned section_shift;

	/* page_alloc.c */
	int8_t gfp_zone[16]; /* by the lowest four gfp bits: zone type, or -NB_EINVAL */
	bool shuffle;        /* page_alloc.shuffle=1 */
	bool has_cma;
	enum nb_wmark first_mark; /* that a request tests: high, or low before 6.7 */
	struct nb_alloc_hooks hooks;
	struct nb_lock arena_lock; /* nb_system_alloc() */

	/* tunables; see sysctl.c for ranges */
	struct nb_tunables {
		int64_t min_free_kbytes, user_min_free_kbytes;
		unsigned watermark_scale_factor, watermark_boost_factor;
		unsigned lowmem_reserve_ratio[NB_MAX_NR_ZONES];
		unsigned percpu_pagelist_high_fraction;
		unsigned zone_reclaim_mode;
		unsigned swappiness, min_unmapped_ratio, min_slab_ratio;
		unsigned page_cluster, panic_on_oom, oom_kill_allocating_task;
		unsigned numa_balancing;
		unsigned compaction_proactiveness, extfrag_threshold;
		unsigned dirty_ratio, dirty_background_ratio; /* percent; unless bytes are given */
		uint64_t dirty_bytes, dirty_background_bytes; /* 0: the ratio counts */
		unsigned dirty_expire_centisecs, dirty_writeback_centisecs;
		unsigned drop_caches; /* as last written */
		unsigned overcommit_memory;
		int64_t overcommit_ratio, overcommit_kbytes; /* one of them is 0 */
		int64_t admin_reserve_kbytes, user_reserve_kbytes;
		bool numa_stat;
		bool compact_unevictable_allowed;
		bool zone_order;              /* old kernels: numa_zonelist_order=zone */
		char zonelist_order_text[16]; /* as written, where the kernel keeps it */
		bool thp_always_or_madvise;
		uint8_t thp_enabled, thp_defrag; /* enum nb_thp_*, huge_memory.h */
	} tune;
	uint64_t totalreserve_pages;

	/* per-CPU event counters, made on first use: vmstat.c (mm/vmstat.h) */
	_Atomic(_Atomic uint64_t *) *vm_events; /* [cpu id]; NULL until boot has made it */

	/* tasks: task.c; NULL before the first */
	_Atomic(struct nb_task_side *) task_side;
	struct nb_reclaim
		*reclaim;     /* lru.c: what reclaim keeps of the whole system; made by boot */
	struct nb_swap *swap; /* swap.c; NULL: no area */
	struct nb_memcg_side *memcg; /* memcg.c; NULL: nobody asked for a group */
	/* kcompactd.c: told when a node's daemon becomes due */
	void (*kcompactd_woken)(void *ctx, int nid);
	void *kcompactd_ctx;
	struct nb_hugetlb *hugetlb;       /* hugetlb.c; NULL: this kernel has no huge pages */
	struct nb_boot_huge *boot_huge;   /* hugetlb_boot.c */
	struct nb_thp *thp;               /* huge_tune.c; NULL: this kernel has none */
	struct nb_file_side *files;       /* filemap.c; NULL: no file yet */
	_Atomic uint64_t committed_pages; /* promised by VMAs and whole segments: overcommit.h */

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

/* Zeroed memory for the system's lifetime, also after boot and from any thread. NULL without. */
static inline void *nb_system_alloc(struct nb_system *sys, size_t bytes)
{
	nb_lock(&sys->arena_lock, sys->port);
	void *p = nb_arena_alloc(sys->arena, bytes);
	nb_unlock(&sys->arena_lock, sys->port);
	return p;
}

/* Adds a boot message (kernel's wording, no newline). Cut off silently past NB_MAX_MESSAGES. */
__attribute__((format(printf, 2, 3))) void nb_boot_message(struct nb_system *sys, const char *fmt,
							   ...);

#endif
