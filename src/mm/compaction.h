/* compaction.h -- moving pages together so that free memory makes larger blocks.
 *
 * Called by the slow path and kswapd through sys->hooks, by the driver (kcompactd), by the write of
 * vm.compact_memory. Two scanners walk a zone toward each other: from below pages that can be moved
 * are gathered, from above free pages for them to go to; where they meet the zone is done. Both
 * look into the free lists first for a place to go on. Zones remember where the scanners are to go
 * on, which pageblocks were hopeless, and how often compaction for an order failed.
 * Units: pages and pfns; times in ns.
 * Source: mm/compaction.c, mm/vmstat.c (fragmentation_index()); facts 8.
 */
#ifndef NB_MM_COMPACTION_H
#define NB_MM_COMPACTION_H

#include "mm/migrate.h"
#include "mm/page_alloc.h"

#define NB_COMPACT_CLUSTER_MAX 32u
#define NB_COMPACT_MAX_DEFER_SHIFT 6u

/* Since which version of Linux. */
enum {
	NB_COMPACT_SINCE = 2635,
	NB_COMPACT_SKIP_FAILED_SINCE = 4008, /* asynchronous requests leave a spoilt block */
	NB_COMPACT_FAST_SINCE =
		5001, /* shortcuts, whole pageblocks, capture, skip bits by sample */
	NB_COMPACT_RESCAN_SINCE = 6003, /* a page that stayed: the rest of its pageblock at once */
	NB_COMPACT_EVENT_AFTER_MARK_SINCE = 6005, /* mm_compaction_suitable: only below the mark */
	NB_COMPACT_POSITIONS_SINCE =
		6006,                   /* the free scanner goes on below a pageblock seen whole */
	NB_COMPACT_ORDERS_SINCE = 6009, /* free pages are kept by order, first come first taken */
};

/* What a zone remembers of compaction; made with the first run. */
struct nb_zone_compact {
	struct nb_lock lock;            /* of the deferral; a leaf */
	struct nb_lock run;             /* held by the run that has the rest; others find it busy */
	nb_pfn_t cached_free_pfn;       /* where the free scanner goes on */
	nb_pfn_t cached_migrate_pfn[2]; /* [0] asynchronous, [1] synchronous */
	nb_pfn_t init_migrate_pfn, init_free_pfn; /* where the last reset put them; 0: none yet */
	/* a request saw the scanners meet: forget the hopeless ones; by anybody, at any time */
	_Atomic bool blockskip_flush;
	unsigned considered, defer_shift;
	int order_failed;
	uint64_t *skip;               /* bit per pageblock of the node, by dense number */
	struct nb_migrate_item *item; /* what a run gathered: up to a pageblock */
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
	bool finish_pageblock; /* gather the rest of this pageblock, however much */
	nb_pfn_t migrate_pfn, free_pfn;
	nb_pfn_t last_migrated_pfn; /* pageblock that was last gathered from; 0: drained since */
	/* shortcuts: the order that the next search begins with, failures in a row, the lowest pfn
	 * found (NB_NO_PFN: used up) */
	int search_order;
	unsigned fast_search_fail;
	nb_pfn_t fast_start_pfn;
	unsigned nr_items;   /* gathered in state->item */
	uint64_t nr_migrate; /* of them, pages that still want a frame (before 6.9: all) */
	/* free pages taken for the movers, by order */
	struct nb_list free[NB_NR_ORDERS];
	uint64_t nr_free;
	struct nb_page *captured; /* of a request's run: its block, not prepared yet; NULL: none */
	uint64_t migrate_scanned, free_scanned;
};

static inline bool nb_compact_since(const struct nb_compact_control *cc, unsigned version)
{
	return cc->sys->profile->version >= version;
}

static inline nb_pfn_t nb_block_start(nb_pfn_t pfn, unsigned order)
{
	return pfn & ~((UINT64_C(1) << order) - 1);
}

/* First pfn behind the block that pfn lies in. */
static inline nb_pfn_t nb_block_end(nb_pfn_t pfn, unsigned order)
{
	return nb_block_start(pfn, order) + (UINT64_C(1) << order);
}

/* Has the free scanner reached the migrate scanner's pageblock? Source: compact_scanners_met(). */
static inline bool nb_compact_met(const struct nb_compact_control *cc)
{
	unsigned o = cc->sys->pageblock_order;

	return cc->free_pfn >> o <= cc->migrate_pfn >> o;
}

/* The state of a zone, made where it is missing. NULL without memory. */
struct nb_zone_compact *nb_zone_compact(struct nb_zone *z);
/* The same, NULL where there is none yet. */
static inline struct nb_zone_compact *nb_zone_compact_peek(const struct nb_zone *z)
{
	return atomic_load_explicit(&z->compact, memory_order_acquire);
}

/* ---- compaction.c: whether ---- */

/* How badly an order would fail: -1000 a block is there, towards 0 for lack of memory, towards 1000
 * for fragmentation. Source: __fragmentation_index(). */
int nb_fragmentation_index(const struct nb_zone *z, unsigned order);
/* Would a zone with `free` free pages have room for the copies? Source: __compaction_suitable(). */
bool nb_compaction_has_room(const struct nb_zone *z, unsigned order, enum nb_zone_type highest,
			    uint64_t free);
/* May compaction of the zone help the request? enum nb_compact_result: SUCCESS the mark is met
 * already, SKIPPED no room, NOT_SUITABLE_ZONE it is not fragmentation that fails, CONTINUE.
 * Source: compaction_suit_allocation_order(), compaction_suitable(). */
enum nb_compact_result nb_compaction_suitable(const struct nb_zone *z, int order,
					      unsigned alloc_flags, enum nb_zone_type highest);
/* The same, told as an event: `task` (NULL: a daemon) asks on `cpu`; SKIPPED for both kinds of no.
 */
enum nb_compact_result nb_compaction_ask(const struct nb_zone *z, int order, unsigned alloc_flags,
					 enum nb_zone_type highest, int cpu,
					 const struct nb_task *task);
/* Is it not yet its turn? Counts the question. Source: compaction_deferred(). */
bool nb_compaction_deferred(struct nb_zone *z, int order, int cpu, const struct nb_task *task);
/* Puts off further runs for the order. Source: defer_compaction(). */
void nb_compaction_defer(struct nb_zone *z, int order, int cpu, const struct nb_task *task);
/* An order was served, or allocated (alloc_success). Source: compaction_defer_reset(). */
void nb_compaction_defer_reset(struct nb_zone *z, int order, bool alloc_success, int cpu,
			       const struct nb_task *task);
/* The end of a longest deferral: start afresh. Source: compaction_restarting(). */
bool nb_compaction_restarting(const struct nb_zone *z, int order);

/* ---- compaction_run.c: one run ---- */

/* One run with cc->sys, zone, task, cpu, order, search_order, gfp, migratetype, highest_zoneidx,
 * alloc_flags, mode and the switches filled in. A request's (cc->direct) ends early with SUCCESS
 * when the zone has captured the block that it wants: then cc->captured is the caller's. */
enum nb_compact_result nb_compact_zone(struct nb_compact_control *cc);

/* ---- compaction_scan.c, compaction_free.c: the scanners ---- */

/* Fills state->item from the migrate scanner's next pageblock that may have some; at most one is
 * looked at in a call. false: too much is isolated already, the run ends. */
bool nb_isolate_migratepages(struct nb_compact_control *cc);
/* Takes free pages above the migrate scanner into cc->free. */
void nb_isolate_freepages(struct nb_compact_control *cc);
/* Takes what is free in [*pfn, end) of one pageblock, every `stride` pages, until there is enough;
 * *pfn: where it stopped. Pages taken. Source: isolate_freepages_block(). */
uint64_t nb_isolate_freepages_block(struct nb_compact_control *cc, nb_pfn_t *pfn, nb_pfn_t end,
				    unsigned stride);
/* Takes the free block that `page` heads, zone locked; false: the zone must keep it. Source:
 * __isolate_free_page(). */
bool nb_isolate_free_page(struct nb_compact_control *cc, struct nb_page *page, unsigned order);
/* The pages that were not used go back; the highest pfn among them, 0: none. */
nb_pfn_t nb_release_freepages(struct nb_compact_control *cc);
/* A target for the movers, out of cc->free; and one that was not used comes back. */
nb_pfn_t nb_compaction_target(void *arg, const struct nb_migrate_item *from);
void nb_compaction_untarget(void *arg, nb_pfn_t pfn);
/* First page of [start, end), a pageblock or what of it lies in the zone; NULL: it does not.
 * *ret_known: its descriptors may be read; else nobody ever touched it, or all of it was in use
 * before observation began. Source: pageblock_pfn_to_page(). */
struct nb_page *nb_compact_block(const struct nb_compact_control *cc, nb_pfn_t start, nb_pfn_t end,
				 bool *ret_known);

/* ---- compaction_fast.c: shortcuts through the free lists ---- */

/* The pageblock to gather from next. Source: fast_find_migrateblock(). */
nb_pfn_t nb_fast_find_migrateblock(struct nb_compact_control *cc);
/* Takes a free block near the top. Source: fast_isolate_freepages(). */
void nb_fast_isolate_freepages(struct nb_compact_control *cc);

/* ---- compaction_skip.c: what is remembered of pageblocks, by dense number of a page ---- */

bool nb_pageblock_skip(const struct nb_zone *z, const struct nb_zone_compact *c, uint32_t dense);
void nb_set_pageblock_skip(const struct nb_zone *z, struct nb_zone_compact *c, uint32_t dense);
/* Later runs need not gather from below pfn. Source: update_cached_migrate(). */
void nb_update_cached_migrate(struct nb_compact_control *cc, nb_pfn_t pfn);
/* Where both scanners of a zone begin. Source: reset_cached_positions(). */
void nb_reset_cached_positions(const struct nb_zone *z, struct nb_zone_compact *c);
/* Forgets the hopeless pageblocks of a zone, if a run for a request has met its end since the last
 * time. Source: __reset_isolation_suitable(). */
void nb_reset_isolation_suitable(struct nb_zone *z, struct nb_zone_compact *c);

/* ---- kcompactd.c ---- */

/* Free memory of the zone that huge pages cannot use, 0 to 100, and the score below which proactive
 * work ends. */
unsigned nb_compaction_score(const struct nb_zone *z);
unsigned nb_compaction_low_mark(const struct nb_system *sys);
/* vm.compaction_proactiveness was written: the daemons look at once. */
void nb_kcompactd_trigger(struct nb_system *sys);

/* A node's daemon. */
struct nb_kcompactd {
	_Atomic int max_order; /* 0: nothing asked */
	_Atomic(enum nb_zone_type) highest_zoneidx;
	uint64_t next_ns; /* of the proactive look */
	_Atomic bool woken, trigger;
};

/* Puts compaction into sys->hooks; by boot. */
void nb_compaction_boot(struct nb_system *sys);

#endif
