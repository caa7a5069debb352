/* lru.h -- the lists of pages that reclaim looks at, and the batches in front of them.
 *
 * Called by whoever maps, caches, frees or uses a page: fault.c, rmap.c, filemap.c, migrate.c, and
 * by vmscan. A node has five lists (struct nb_lruvec), counted per zone; new pages wait in batches
 * of the CPU that made them until a batch is full or drained. A page on a list has PG_LRU and uses
 * next/prev; one in a batch of new pages has PG_LRU_BATCH instead and belongs to nobody else's
 * list; one in another batch has both. Batches hold no reference: nb_lru_del() takes a page out of
 * whatever it is in, `cpu`'s own looked at first. Equation (nb_lru_check()): nr[l][z] == pages of
 * zone z on the list l, and each of them has the flags that belong to l. Locks: the batches of a
 * CPU, then the node's lruvec; both are leaves above the zone's. Units: base pages; a compound page
 * counts 1 << order and is queued by its head. Source: mm/swap.c, include/linux/mm_inline.h;
 * facts 7.1.
 */
#ifndef NB_MM_LRU_H
#define NB_MM_LRU_H

#include "mm/page.h"

/* Numbers of enum lru_list. */
enum nb_lru {
	NB_LRU_INACTIVE_ANON,
	NB_LRU_ACTIVE_ANON,
	NB_LRU_INACTIVE_FILE,
	NB_LRU_ACTIVE_FILE,
	NB_LRU_UNEVICTABLE,
	NB_NR_LRU
};
#define NB_LRU_ACTIVE 1 /* + inactive list: the active one */
#define NB_LRU_FILE 2   /* + list of anonymous pages: that of file pages */

/* The multi-generation lists of a node; lru_gen.c. Source: struct lru_gen_folio. */
#define NB_MIN_NR_GENS 2u
#define NB_MAX_NR_GENS 4u
#define NB_MAX_NR_TIERS 4u
#define NB_NR_HIST_GENS 1u
struct nb_lru_gen {
	bool enabled;
	uint64_t max_seq, min_seq[2]; /* [0] anonymous, [1] file */
	uint64_t birth_ns[NB_MAX_NR_GENS];
	struct nb_list list[NB_MAX_NR_GENS][2][NB_MAX_NR_ZONES];
	int64_t nr[NB_MAX_NR_GENS][2][NB_MAX_NR_ZONES];
	uint64_t avg_refaulted[2][NB_MAX_NR_TIERS], avg_total[2][NB_MAX_NR_TIERS];
	uint64_t protected_pages[2][NB_MAX_NR_TIERS - 1];
	uint64_t evicted[2][NB_MAX_NR_TIERS], refaulted[2][NB_MAX_NR_TIERS];
};

/* What reclaim keeps of a node, and of each memory cgroup on it. All under `lock`, but what is read
 * as an estimate. Refaults are counted in the groups above as well, isolated pages in the node's
 * own lists alone. */
struct nb_lruvec {
	struct nb_lock lock;
	struct nb_memcg *memcg;   /* whose; NULL: the root's, which are the node's own */
	struct nb_lruvec *parent; /* of the group above; NULL: none */
	struct nb_list list[NB_NR_LRU];
	uint64_t nr[NB_NR_LRU][NB_MAX_NR_ZONES];
	_Atomic uint64_t moved;           /* pages put on or taken off, ever: work under the lock */
	uint64_t isolated[2];             /* off the node's lists, in the hands of others; atomic */
	uint64_t anon_cost, file_cost;    /* of reclaiming each kind, decaying */
	_Atomic uint64_t nonresident_age; /* workingset.c */
	uint64_t refaults[2];             /* activations by refault when last looked at */
	uint64_t refault[2], activate[2], restore[2];    /* workingset_* counters */
	_Atomic uint64_t vmscan_write, vmscan_immediate; /* nr_vmscan_write and kin */
	/* observed_cache.c: page cache from before observation, not yet on a list; pages of it that
	 * lie at the tail now */
	uint64_t observed[NB_MAX_NR_ZONES], observed_ready[NB_MAX_NR_ZONES];
	struct nb_lru_gen gen;
};

/* What waits for what. Source: struct cpu_fbatches. */
enum nb_lru_batch_kind {
	NB_BATCH_ADD,
	NB_BATCH_ROTATE,
	NB_BATCH_DEACTIVATE_FILE,
	NB_BATCH_DEACTIVATE,
	NB_BATCH_LAZYFREE,
	NB_BATCH_ACTIVATE,
	NB_NR_BATCHES
};
#define NB_LRU_BATCH_MAX 31
struct nb_lru_batch {
	unsigned nr;
	struct nb_lru_slot {
		struct nb_zone *zone;
		struct nb_page *page; /* NULL: taken out meanwhile */
	} slot[NB_LRU_BATCH_MAX];
};
struct nb_lru_cpu {
	struct nb_lock lock;
	struct nb_lru_batch batch[NB_NR_BATCHES];
};

/* sys->reclaim. */
struct nb_reclaim {
	_Atomic(struct nb_lru_cpu *) *cpu; /* [cpu id]; made on first use */
	unsigned batch_size;               /* pages a batch holds: the profile's */
	struct nb_lock lock;               /* shrinkers, OOM */
	struct nb_shrinker *shrinkers;     /* shrinker.c */
	struct nb_oom *oom;                /* oom.c */
	uint64_t min_ttl_ns;               /* lru_gen: no eviction of younger generations */
	bool gen_enabled;
	void (*kswapd_woken)(void *ctx, int nid);
	void *kswapd_ctx;
	unsigned workingset_bucket_order;
	uint64_t workingset_timestamp_bits;
	_Atomic uint64_t direct_pages; /* that tasks looked at in reclaim of their own, ever */
	struct nb_address_space *observed_file; /* observed_cache.c; NULL: none yet */
};

/* Makes the lists of all nodes; by boot, after the memory map. 0 or -NB_ENOMEM. */
int nb_lru_boot(struct nb_system *sys);

/* Base pages behind a head. */
static inline uint64_t nb_lru_page_nr(const struct nb_page *page)
{
	return UINT64_C(1) << nb_page_order(page);
}

/* Does reclaim treat it as file memory? Also anonymous memory that was given up by MADV_FREE. */
static inline bool nb_page_is_file_lru(const struct nb_page *page)
{
	return !(nb_page_flags(page) & PG_SWAPBACKED);
}

/* Changes a count under the lruvec's lock; estimates read it without. */
static inline void nb_lru_count(uint64_t *count, int64_t n)
{
	__atomic_store_n(count, *count + (uint64_t)n, __ATOMIC_RELAXED);
}

static inline void nb_lru_set(uint64_t *count, uint64_t n)
{
	__atomic_store_n(count, n, __ATOMIC_RELAXED);
}
static inline uint64_t nb_lru_read(const uint64_t *count)
{
	return __atomic_load_n(count, __ATOMIC_RELAXED);
}

static inline enum nb_lru nb_page_lru(const struct nb_page *page)
{
	uint32_t f = nb_page_flags(page);

	if (f & PG_UNEVICTABLE)
		return NB_LRU_UNEVICTABLE;
	return (enum nb_lru)((f & PG_SWAPBACKED ? 0 : NB_LRU_FILE) +
			     (f & PG_ACTIVE ? NB_LRU_ACTIVE : 0));
}

/* A new page that is mapped or cached now, with PG_ANON, PG_SWAPBACKED, PG_ACTIVE as they should
 * be: waits in the CPU's batch. One with PG_MLOCKED, or already PG_UNEVICTABLE, goes to the
 * unevictable list. The page must be on no list. Source: folio_add_lru(). */
void nb_lru_add(struct nb_system *sys, struct nb_zone *z, struct nb_page *page, int cpu);
/* The same for a page that a fault brings in: the multi-generation lists hold it for young.
 * Source: folio_add_lru() with lru_gen_in_fault(). */
void nb_lru_add_fault(struct nb_system *sys, struct nb_zone *z, struct nb_page *page, int cpu);

/* The same for `n` pages of a zone, one after the other, that nobody else knows yet. */
void nb_lru_add_faults(struct nb_system *sys, struct nb_zone *z, struct nb_page *const *pages,
		       unsigned n, int cpu);

/* A page that is freed leaves list and batches, and loses PG_ACTIVE, PG_UNEVICTABLE. Nothing for a
 * page that is in none. Source: __page_cache_release(). */
void nb_lru_del(struct nb_system *sys, struct nb_zone *z, struct nb_page *page, int cpu);

/* Takes a page off its list for migration or reclaim; false when it is on none (as when it still
 * waits in a batch: nb_lru_add_drain() first), or about to be freed. The taker gets a reference,
 * owns next/prev and gives the page back by nb_lru_putback(). Counted as isolated in between.
 * Source: folio_isolate_lru(). */
bool nb_lru_isolate(struct nb_system *sys, struct nb_zone *z, struct nb_page *page);
/* Back to the list that its flags say, through the CPU's batch; the taker's reference goes.
 * Source: folio_putback_lru(). */
void nb_lru_putback(struct nb_system *sys, struct nb_zone *z, struct nb_page *page, int cpu);
/* An isolated page that is not put back but freed or replaced: it counts as isolated no more. The
 * taker keeps his reference. */
void nb_lru_forget(struct nb_system *sys, struct nb_zone *z, struct nb_page *page);

/* An access that no page-table entry shows: read(), write(), a mapping of a file going away after
 * use. Second chance: unused -> referenced -> active. Source: folio_mark_accessed(). */
void nb_mark_page_accessed(struct nb_system *sys, struct nb_zone *z, struct nb_page *page, int cpu);

/* To the active list; through the batch. Source: folio_activate(). */
void nb_lru_activate(struct nb_system *sys, struct nb_zone *z, struct nb_page *page, int cpu);
/* To the inactive list: MADV_COLD, and cgroup's proactive reclaim. Source: folio_deactivate(). */
void nb_lru_deactivate(struct nb_system *sys, struct nb_zone *z, struct nb_page *page, int cpu);
/* An invalidation could not drop it (fadvise DONTNEED): near the tail. Source:
 * deactivate_file_folio(). */
void nb_lru_deactivate_file(struct nb_system *sys, struct nb_zone *z, struct nb_page *page,
			    int cpu);
/* MADV_FREE: clean anonymous memory that may be dropped. Source: folio_mark_lazyfree(). */
void nb_lru_lazyfree(struct nb_system *sys, struct nb_zone *z, struct nb_page *page, int cpu);
/* Its write-back ended and reclaim waits for it: to the tail, where PG_RECLAIM is set (and now
 * cleared). Source: folio_rotate_reclaimable(). */
void nb_lru_rotate(struct nb_system *sys, struct nb_zone *z, struct nb_page *page, int cpu);

/* mlock: the page gets PG_MLOCKED and moves to the unevictable list; and back. */
void nb_lru_mlock(struct nb_system *sys, struct nb_zone *z, struct nb_page *page, int cpu);
void nb_lru_munlock(struct nb_system *sys, struct nb_zone *z, struct nb_page *page, int cpu);

/* Empties the batches of one CPU, as munmap, reclaim and migration do at their start. Source:
 * lru_add_drain(). */
void nb_lru_add_drain(struct nb_system *sys, int cpu);
/* Of all CPUs. Source: lru_add_drain_all(). */
void nb_lru_add_drain_all(struct nb_system *sys);

/* For reclaim, with the node's lruvec locked: on and off the lists, counts kept. `tail`: where it
 * is found first. */
void nb_lruvec_add(struct nb_lruvec *v, struct nb_zone *z, struct nb_page *page, bool tail);
void nb_lruvec_del(struct nb_lruvec *v, struct nb_zone *z, struct nb_page *page);

/* workingset.c: the clock of the lists, and of those of the groups above, goes on. Source:
 * workingset_age_nonresident(). */
void nb_workingset_age(struct nb_lruvec *v, uint64_t nr);

/* The node's own lists, which are those of the root of memory cgroups. */
static inline struct nb_lruvec *nb_zone_lruvec(const struct nb_zone *z)
{
	return z->pgdat->lruvec;
}

/* memcg_page.c */
struct nb_lruvec *nb_memcg_page_lruvec(const struct nb_zone *z, const struct nb_page *page);
/* The lists that a page belongs to: those of its memory cgroup on its node. */
static inline struct nb_lruvec *nb_page_lruvec(const struct nb_zone *z, const struct nb_page *page)
{
	if (nb_likely(!z->pgdat->memcg_of))
		return z->pgdat->lruvec;
	return nb_memcg_page_lruvec(z, page);
}

/* memcg_reclaim.c: all lists of a node, its own first (v == NULL); NULL behind the last. */
struct nb_lruvec *nb_next_lruvec(const struct nb_pgdat *p, const struct nb_lruvec *v);
/* Those of a group on a node; the node's own for NULL. */
struct nb_lruvec *nb_target_lruvec(const struct nb_pgdat *p, const struct nb_memcg *target);

/* Pages of a kind (0 anonymous, 1 file) that leave a node's lists, or come back. */
static inline void nb_lru_isolated(const struct nb_pgdat *p, unsigned file, int64_t n)
{
	uint64_t *count = &p->lruvec->isolated[file];

	if (p->sys->port->relax)
		(void)__atomic_fetch_add(count, (uint64_t)n, __ATOMIC_RELAXED);
	else
		*count += (uint64_t)n;
}

/* Under the lock; read by others without it. */
static inline void nb_lru_count_moves(struct nb_lruvec *v, uint64_t n)
{
	atomic_store_explicit(&v->moved, atomic_load_explicit(&v->moved, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

/* Pages that went from list to list since `moved` was what it was: what a pass has looked at, also
 * where it only puts pages elsewhere. */
static inline uint64_t nb_lruvec_looked_at(const struct nb_lruvec *v, uint64_t moved)
{
	return (atomic_load_explicit(&v->moved, memory_order_relaxed) - moved) / 2;
}

/* Pages on a list in the zones up to `highest`. With the multi-generation lists the two youngest
 * generations count as active. Source: lruvec_lru_size(). */
uint64_t nb_lruvec_size(const struct nb_lruvec *v, enum nb_lru lru, enum nb_zone_type highest);
/* The same with the lists of the groups below. Source: lruvec_page_state(). */
uint64_t nb_lruvec_tree_size(const struct nb_pgdat *p, const struct nb_lruvec *v, enum nb_lru lru,
			     enum nb_zone_type highest);

/* Pages of one zone on a list: NR_ZONE_*. */
uint64_t nb_zone_lru_pages(const struct nb_zone *z, enum nb_lru lru);

/* What is wrong with the lists, for nb_system_check(). 0, or -NB_EIO with *err. */
int nb_lru_check(const struct nb_system *sys, struct nb_error *err);

#endif
