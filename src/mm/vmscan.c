/* vmscan.c -- one pass over a node: how much of which list is looked at.
 *
 * Called by kswapd.c, vmscan_direct.c and node_reclaim.c. A pass at priority p looks at 1 / 2^p of
 * each list. How the looking is shared between anonymous and file pages follows from what each
 * kind has cost so far, from swappiness, and from whether the caches alone have enough cold pages.
 * With the multi-generation lists mglru.c takes the pass.
 * Source: mm/vmscan.c: shrink_node(), prepare_scan_control(), get_scan_count(), shrink_lruvec(),
 * should_continue_reclaim(), inactive_is_low(); facts 7.2.
 */
#include "mm/vmscan.h"

#include "base/mem.h"
#include "mm/buddy.h"
#include "mm/compaction.h"
#include "mm/kswapd.h"
#include "mm/memcg.h"
#include "mm/swap.h"
#include "mm/swap_area.h"
#include "mm/vmstat.h"

#define FREE_COUNTS_SINCE 6001u

enum balance { SCAN_EQUAL, SCAN_FRACT, SCAN_ANON, SCAN_FILE };

bool nb_can_reclaim_anon(const struct nb_system *sys, const struct nb_memcg *cg)
{
	return nb_memcg_swap_pages(sys, cg) > 0;
}

uint64_t nb_zone_reclaimable_pages(const struct nb_zone *z)
{
	uint64_t n = nb_zone_lru_pages(z, NB_LRU_INACTIVE_FILE) +
		     nb_zone_lru_pages(z, NB_LRU_ACTIVE_FILE);

	if (nb_can_reclaim_anon(z->sys, NULL))
		n += nb_zone_lru_pages(z, NB_LRU_INACTIVE_ANON) +
		     nb_zone_lru_pages(z, NB_LRU_ACTIVE_ANON);
	/* Free pages stand in where there is nothing else, since 6.13 and in the stable kernels of
	 * its time: so a node that is full of anonymous memory is retried 16 times. */
	if (!n && z->sys->profile->version >= FREE_COUNTS_SINCE)
		n = nb_zone_free_pages(z);
	return n;
}

static uint64_t int_sqrt(uint64_t x)
{
	uint64_t r = 0;

	for (uint64_t bit = UINT64_C(1) << 31; bit; bit >>= 1) {
		if ((r + bit) * (r + bit) <= x)
			r += bit;
	}
	return r;
}

bool nb_inactive_is_low(const struct nb_pgdat *p, const struct nb_lruvec *v, enum nb_lru inactive)
{
	uint64_t in = nb_lruvec_tree_size(p, v, inactive, NB_MAX_NR_ZONES - 1);
	uint64_t act = nb_lruvec_tree_size(p, v, inactive + NB_LRU_ACTIVE, NB_MAX_NR_ZONES - 1);
	uint64_t gb = (in + act) >> (30 - p->sys->page_shift);

	return in * (gb ? int_sqrt(10 * gb) : 1) < act;
}

void nb_snapshot_refaults(struct nb_pgdat *p, const struct nb_memcg *target)
{
	struct nb_lruvec *v = nb_target_lruvec(p, target);

	for (unsigned file = 0; file < 2; file++)
		__atomic_store_n(&v->refaults[file],
				 __atomic_load_n(&v->activate[file], __ATOMIC_RELAXED),
				 __ATOMIC_RELAXED);
}

/* Is page cache so scarce on the node that scanning it cannot help? */
static bool file_is_tiny(const struct nb_pgdat *p, const struct nb_scan_control *sc, uint64_t file)
{
	uint64_t free = 0, high = 0, anon;

	for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++) {
		const struct nb_zone *z = &p->zone[t];

		free += nb_zone_free_pages(z);
		if (z->managed_pages)
			high += nb_wmark_pages(z, NB_WMARK_HIGH);
	}
	anon = nb_lruvec_tree_size(p, p->lruvec, NB_LRU_INACTIVE_ANON, NB_MAX_NR_ZONES - 1);
	return file + free <= high && !sc->may_deactivate[0] && anon >> sc->priority;
}

static void prepare(struct nb_pgdat *p, struct nb_scan_control *sc)
{
	struct nb_lruvec *v = nb_target_lruvec(p, sc->target);
	uint64_t inactive = nb_lruvec_tree_size(p, v, NB_LRU_INACTIVE_FILE, NB_MAX_NR_ZONES - 1);
	uint64_t active = nb_lruvec_tree_size(p, v, NB_LRU_ACTIVE_FILE, NB_MAX_NR_ZONES - 1);

	sc->anon_cost = nb_lru_read(&v->anon_cost);
	sc->file_cost = nb_lru_read(&v->file_cost);
	for (unsigned file = 0; file < 2; file++) {
		enum nb_lru lru = file ? NB_LRU_INACTIVE_FILE : NB_LRU_INACTIVE_ANON;

		sc->may_deactivate[file] =
			sc->force_deactivate ||
			nb_lru_read(&v->activate[file]) != nb_lru_read(&v->refaults[file]) ||
			nb_inactive_is_low(p, v, lru);
	}
	sc->cache_trim_mode =
		inactive >> sc->priority && !sc->may_deactivate[1] && !sc->no_cache_trim_mode;
	sc->file_is_tiny = !sc->target && file_is_tiny(p, sc, inactive + active);
}

static enum balance choose_balance(const struct nb_scan_control *sc, const struct nb_memcg *cg,
				   unsigned swappiness)
{
	if (!sc->may_swap || !nb_can_reclaim_anon(sc->sys, cg))
		return SCAN_FILE;
	if (sc->target && !swappiness)
		return SCAN_FILE;
	if (!sc->priority && swappiness)
		return SCAN_EQUAL;
	/* With swappiness 0 the recorded kernels kill rather than swap: docs/linux-notes.md */
	if (sc->file_is_tiny)
		return swappiness ? SCAN_ANON : SCAN_FILE;
	if (sc->cache_trim_mode)
		return SCAN_FILE;
	return SCAN_FRACT;
}

/* Pages to look at on each list. */
static void scan_count(const struct nb_pgdat *p, struct nb_scan_control *sc, uint64_t *nr)
{
	const struct nb_lruvec *v = nb_scan_lruvec(p, sc);
	uint64_t swappiness = (uint64_t)nb_memcg_swappiness(sc->sys, v->memcg);
	enum balance balance = choose_balance(sc, v->memcg, (unsigned)swappiness);
	uint64_t total = sc->anon_cost + sc->file_cost, cost[2], part[2];

	cost[0] = total + sc->anon_cost;
	cost[1] = total + sc->file_cost;
	total = cost[0] + cost[1];
	part[0] = swappiness * (total + 1) / (cost[0] + 1);
	part[1] = (200 - swappiness) * (total + 1) / (cost[1] + 1);
	for (unsigned l = 0; l < NB_LRU_UNEVICTABLE; l++) {
		bool file = l >= NB_LRU_FILE;
		uint64_t size = nb_lruvec_size(v, (enum nb_lru)l, sc->reclaim_idx);
		uint64_t scan = nb_memcg_scan_size(sc, v->memcg, size) >> sc->priority;

		if (balance == SCAN_FRACT)
			scan = scan * part[file] / (part[0] + part[1]);
		else if (balance != SCAN_EQUAL && (balance == SCAN_FILE) != file)
			scan = 0;
		nr[l] = scan;
	}
}

/* Enough is reclaimed: the kind with less left to scan stops, the other goes on in proportion.
 * false: one kind is through anyway. */
static bool rebalance(uint64_t *nr, const uint64_t *target)
{
	uint64_t anon = nr[NB_LRU_ACTIVE_ANON] + nr[NB_LRU_INACTIVE_ANON];
	uint64_t file = nr[NB_LRU_ACTIVE_FILE] + nr[NB_LRU_INACTIVE_FILE], percent;
	unsigned stop, go;

	if (!file || !anon)
		return false;
	stop = file > anon ? NB_LRU_INACTIVE_ANON : NB_LRU_INACTIVE_FILE;
	go = stop ^ NB_LRU_FILE;
	percent = (file > anon ? anon : file) * 100 /
		  (target[stop] + target[stop + NB_LRU_ACTIVE] + 1);
	nr[stop] = nr[stop + NB_LRU_ACTIVE] = 0;
	for (unsigned l = go; l <= go + NB_LRU_ACTIVE; l++) {
		uint64_t scanned = target[l] - nr[l], left = target[l] * (100 - percent) / 100;

		nr[l] = left - (left < scanned ? left : scanned);
	}
	return true;
}

static uint64_t shrink_list(struct nb_pgdat *p, struct nb_scan_control *sc, enum nb_lru lru,
			    uint64_t nr)
{
	if (!(lru & NB_LRU_ACTIVE))
		return nb_shrink_inactive(p, sc, lru, nr);
	if (sc->may_deactivate[lru >= NB_LRU_FILE])
		nb_shrink_active(p, sc, lru, nr);
	else
		sc->skipped_deactivate = true;
	return 0;
}

/* The lists of one group on the node. */
static bool shrink_lruvec(struct nb_pgdat *p, struct nb_scan_control *sc)
{
	struct nb_lruvec *v = nb_scan_lruvec(p, sc);
	bool whole = !sc->kswapd && sc->priority == NB_DEF_PRIORITY;
	uint64_t nr[NB_NR_LRU] = {0}, target[NB_NR_LRU], reclaimed = 0;
	bool adjusted = false;

	scan_count(p, sc, nr);
	memcpy(target, nr, sizeof(nr));
	while (nr[NB_LRU_INACTIVE_ANON] || nr[NB_LRU_ACTIVE_FILE] || nr[NB_LRU_INACTIVE_FILE]) {
		for (unsigned l = 0; l < NB_LRU_UNEVICTABLE; l++) {
			uint64_t n = nr[l] < NB_SWAP_CLUSTER_MAX ? nr[l] : NB_SWAP_CLUSTER_MAX;

			if (!n)
				continue;
			nr[l] -= n;
			reclaimed += shrink_list(p, sc, (enum nb_lru)l, n);
		}
		if (reclaimed < sc->nr_to_reclaim || whole || adjusted)
			continue;
		if (!rebalance(nr, target))
			break;
		adjusted = sc->sys->profile->version < 6001; /* once only, before 6.1 */
	}
	sc->nr_reclaimed += reclaimed;
	if (nb_swap_pages_total(sc->sys) && nb_inactive_is_low(p, v, NB_LRU_INACTIVE_ANON))
		nb_shrink_active(p, sc, NB_LRU_ACTIVE_ANON, NB_SWAP_CLUSTER_MAX);
	return false;
}

/* All groups that the pass is for, in either form of the lists; the system's other caches once. */
static void shrink_lists(struct nb_pgdat *p, struct nb_scan_control *sc)
{
	bool (*fn)(struct nb_pgdat * p, struct nb_scan_control * sc) =
		sc->sys->reclaim->gen_enabled ? nb_lru_gen_shrink_lruvec : shrink_lruvec;

	if (nb_unlikely(p->memcg_of != NULL))
		nb_memcg_shrink(p, sc, fn);
	else
		(void)fn(p, sc);
	if (!sc->target)
		sc->nr_reclaimed += nb_shrink_slab(sc->sys, p->nid, sc->priority, sc->gfp, sc->cpu);
}

/* For a large request: go on while reclaim works, compaction could not do it yet, and enough is
 * left. */
static bool should_continue(const struct nb_pgdat *p, const struct nb_scan_control *sc,
			    uint64_t reclaimed)
{
	const struct nb_lruvec *v = nb_target_lruvec(p, sc->target);
	uint64_t inactive;

	if (!(sc->gfp & NB_GFP_BIT_IO) || !sc->order ||
	    !(sc->order > NB_COSTLY_ORDER || sc->priority < NB_DEF_PRIORITY - 2) || !reclaimed)
		return false;
	for (unsigned t = 0; t <= sc->reclaim_idx; t++) {
		const struct nb_zone *z = &p->zone[t];

		if (!z->managed_pages)
			continue;
		if (nb_compaction_ask(z, (int)sc->order, NB_WMARK_MIN, sc->reclaim_idx, sc->cpu,
				      sc->task) != NB_COMPACT_SKIPPED)
			return false;
	}
	inactive = nb_lruvec_tree_size(p, v, NB_LRU_INACTIVE_FILE, NB_MAX_NR_ZONES - 1);
	if (nb_can_reclaim_anon(sc->sys, sc->target))
		inactive += nb_lruvec_tree_size(p, v, NB_LRU_INACTIVE_ANON, NB_MAX_NR_ZONES - 1);
	return inactive > UINT64_C(2) << sc->order;
}

/* What kswapd saw changes how it, and others, treat dirty pages from now on. */
static void note_found(struct nb_pgdat *p, const struct nb_scan_control *sc)
{
	struct nb_system *sys = sc->sys;

	if (!sc->kswapd || !p->kswapd)
		return;
	if (sc->nr.writeback && sc->nr.writeback == sc->nr.taken)
		atomic_fetch_or_explicit(&p->kswapd->flags, NB_PGDAT_WRITEBACK,
					 memory_order_relaxed);
	if (sc->nr.unqueued_dirty == sc->nr.file_taken)
		atomic_fetch_or_explicit(&p->kswapd->flags, NB_PGDAT_DIRTY, memory_order_relaxed);
	(void)sys;
}

void nb_shrink_node(struct nb_pgdat *p, struct nb_scan_control *sc)
{
	bool reclaimable = false;
	uint64_t before, got;

	nb_swap_poll(sc->sys, false); /* what the devices have written by now can go */
	sc->nr = (struct nb_scan_found){0};
	if (sc->sys->reclaim->gen_enabled && !sc->target) {
		nb_lru_gen_shrink_node(p, sc);
		return;
	}
	do {
		sc->nr = (struct nb_scan_found){0};
		before = sc->nr_reclaimed;
		prepare(p, sc);
		shrink_lists(p, sc);
		got = sc->nr_reclaimed - before;
		reclaimable |= got != 0;
		note_found(p, sc);
	} while (should_continue(p, sc, got));
	if (reclaimable && p->kswapd)
		p->kswapd->failures = 0;
	else if (!reclaimable && sc->cache_trim_mode)
		sc->cache_trim_mode_failed = true;
}
