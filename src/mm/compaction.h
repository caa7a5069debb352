/* compaction.h -- moving pages together so that free memory makes larger blocks.
 *
 * Called by the slow path and kswapd through sys->hooks, by the driver (kcompactd), by the write of
 * vm.compact_memory. Two scanners walk a zone toward each other: from below pages that can be moved
 * are gathered, from above free pages for them to go to; where they meet the zone is done. Zones
 * remember where the last run ended, and how often compaction for an order failed.
 * Units: pages and pfns; times in ns.
 * Source: mm/compaction.c, mm/vmstat.c (fragmentation_index()); facts 8.
 */
#ifndef NB_MM_COMPACTION_H
#define NB_MM_COMPACTION_H

#include "mm/migrate.h"
#include "mm/page_alloc.h"

#define NB_COMPACT_CLUSTER_MAX 32u
#define NB_COMPACT_MAX_DEFER_SHIFT 6u

/* What a zone remembers of compaction; made with the first run. */
struct nb_zone_compact {
	struct nb_lock lock;      /* of the deferral; a leaf */
	struct nb_lock run;       /* held by the run that has the rest; others find the zone busy */
	nb_pfn_t cached_free_pfn; /* where the free scanner goes on */
	nb_pfn_t cached_migrate_pfn[2]; /* [0] asynchronous, [1] synchronous */
	unsigned considered, defer_shift;
	int order_failed;
	uint64_t *skip; /* bit per pageblock of the node, by dense number */
};

/* One run over one zone. Source: struct compact_control. */
struct nb_compact_control {
	struct nb_system *sys;
	struct nb_zone *zone;
	struct nb_zone_compact *state;
	struct nb_task *task; /* NULL: kcompactd */
	int cpu;
	int order; /* -1: as far as it goes */
	nb_gfp_t gfp;
	enum nb_migratetype migratetype;
	enum nb_zone_type highest_zoneidx;
	unsigned alloc_flags;
	enum nb_migrate_mode mode;
	bool direct, whole_zone, ignore_skip_hint, ignore_block_suitable, proactive;
	nb_pfn_t migrate_pfn, free_pfn;
	nb_pfn_t last_migrated_pfn;
	unsigned nr_migrate;
	struct nb_migrate_item item[NB_COMPACT_CLUSTER_MAX];
	/* free pages taken for the movers, by order, linked by page->next (dense links) */
	nb_link_t free[NB_NR_ORDERS];
	uint64_t nr_free;
	uint64_t migrate_scanned, free_scanned;
};

/* The state of a zone, made where it is missing. NULL without memory. */
struct nb_zone_compact *nb_zone_compact(struct nb_zone *z);
/* The same, NULL where there is none yet. */
static inline struct nb_zone_compact *nb_zone_compact_peek(const struct nb_zone *z)
{
	return atomic_load_explicit(&z->compact, memory_order_acquire);
}

/* How badly an order would fail: -1000 a block is there, towards 0 for lack of memory, towards 1000
 * for fragmentation. Source: __fragmentation_index(). */
int nb_fragmentation_index(const struct nb_zone *z, unsigned order);
/* May compaction of the zone help the request? enum nb_compact_result: SUCCESS the mark is met
 * already, SKIPPED, CONTINUE. Source: compaction_suitable(). */
enum nb_compact_result nb_compaction_suitable(const struct nb_zone *z, int order,
					      unsigned alloc_flags, enum nb_zone_type highest);
/* The same, told as an event: `task` (NULL: a daemon) asks on `cpu`. */
enum nb_compact_result nb_compaction_ask(const struct nb_zone *z, int order, unsigned alloc_flags,
					 enum nb_zone_type highest, int cpu,
					 const struct nb_task *task);
/* Is it not yet its turn? Counts the question. Source: compaction_deferred(). */
bool nb_compaction_deferred(struct nb_zone *z, int order, int cpu, const struct nb_task *task);
/* An order was served, or allocated (alloc_success). Source: compaction_defer_reset(). */
void nb_compaction_defer_reset(struct nb_zone *z, int order, bool alloc_success, int cpu,
			       const struct nb_task *task);

/* One run with cc->sys, zone, task, cpu, order, gfp, migratetype, highest_zoneidx, alloc_flags,
 * mode and the switches filled in. */
enum nb_compact_result nb_compact_zone(struct nb_compact_control *cc);

/* compaction_scan.c: fills cc->item from the migrate scanner's next pageblock that may have some;
 * at most one is looked at in a call. */
void nb_isolate_migratepages(struct nb_compact_control *cc);
/* compaction_scan.c: takes free pages above the migrate scanner into cc->free. */
void nb_isolate_freepages(struct nb_compact_control *cc);
/* compaction_scan.c: the pages that were not used go back; the highest pfn among them, 0: none. */
nb_pfn_t nb_release_freepages(struct nb_compact_control *cc);
/* compaction_scan.c: a target for the movers, out of cc->free. */
nb_pfn_t nb_compaction_target(void *arg, const struct nb_migrate_item *from);
/* compaction_scan.c: forgets the hopeless pageblocks of a zone and where its scanners were.
 * Source: __reset_isolation_suitable(). */
void nb_reset_isolation_suitable(const struct nb_zone *z, struct nb_zone_compact *c);

/* Puts off further runs for the order. Source: defer_compaction(). */
void nb_compaction_defer(struct nb_zone *z, int order, int cpu, const struct nb_task *task);

/* kcompactd.c: free memory of the zone that huge pages cannot use, 0 to 100, and the score below
 * which proactive work ends. */
unsigned nb_compaction_score(const struct nb_zone *z);
unsigned nb_compaction_low_mark(const struct nb_system *sys);

/* kcompactd.c. A node's daemon. */
struct nb_kcompactd {
	int max_order; /* 0: nothing asked */
	enum nb_zone_type highest_zoneidx;
	unsigned proactive_defer; /* rounds that are sat out */
	uint64_t next_ns;         /* of the proactive look */
	bool woken;
};

/* Puts compaction into sys->hooks; by boot. */
void nb_compaction_boot(struct nb_system *sys);

#endif
