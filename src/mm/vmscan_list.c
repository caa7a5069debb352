/* vmscan_list.c -- pages off a list in clusters, decided over, and put back.
 *
 * Called by vmscan.c for each list that a pass wants scanned. A cluster is at most 32 pages, taken
 * from the tail; those of zones that the request cannot use are set aside and go to the head.
 * What is left after the decisions goes back in the order in which it came.
 * Source: mm/vmscan.c: isolate_lru_folios(), shrink_inactive_list(), shrink_active_list(),
 * move_folios_to_lru(), too_many_isolated(); mm/swap.c: lru_note_cost(); facts 7.1, 7.2.
 */
#include "mm/filemap.h"
#include "mm/event.h"
#include "mm/memcg.h"
#include "mm/rmap.h"
#include "mm/vmscan.h"
#include "mm/vmstat.h"

#define COST_BY_IO_SINCE 6002u                     /* before: pages written alone */
#define ISOLATED_JIFFIES 5u                        /* HZ / 50 */
#define RECLAIM_FLAGS(file) ((file) ? 0xau : 0x9u) /* RECLAIM_WB_FILE or _ANON, _ASYNC */

struct taken {
	struct nb_page_chain chain;
	uint64_t scanned, skipped, pages;
};

static void emit_isolate(const struct nb_scan_control *sc, enum nb_lru lru, uint64_t wanted,
			 const struct taken *t)
{
	if (nb_event_wanted(sc->sys, NB_EV_MM_VMSCAN_LRU_ISOLATE))
		nb_emit(sc->sys, NB_EV_MM_VMSCAN_LRU_ISOLATE, sc->cpu, sc->task, sc->reclaim_idx,
			sc->order, wanted, t->scanned, t->skipped, t->pages, lru);
}

/* Takes up to nr pages off the tail of a list, lruvec locked. */
static void isolate(struct nb_pgdat *p, struct nb_scan_control *sc, enum nb_lru lru, uint64_t nr,
		    struct taken *t)
{
	struct nb_lruvec *v = nb_scan_lruvec(p, sc);
	struct nb_page_chain aside = {0, 0};
	uint64_t scan = 0, left = nb_lruvec_size(v, lru, NB_MAX_NR_ZONES - 1);
	bool lumpy = !(lru & NB_LRU_ACTIVE) && nb_lumpy_applies(sc);

	while (scan < nr && left && v->list[lru].last) {
		struct nb_page *page = nb_link_page(p->mem_map, v->list[lru].last);
		struct nb_zone *z = nb_page_zone(p, page);
		uint64_t n = nb_lru_page_nr(page);

		t->scanned += n;
		left -= n < left ? n : left;
		if (z->type > sc->reclaim_idx) {
			t->skipped += n;
			nb_count_vm_events(sc->sys, sc->cpu,
					   (enum nb_vm_event_item)(NB_VM_PGSKIP + z->type), n);
			nb_lruvec_del(v, z, page);
			nb_chain_add(p->mem_map, &aside, page);
			continue;
		}
		scan += n;
		if (lru == NB_LRU_INACTIVE_FILE && nb_unlikely(v->observed_ready[z->type]))
			v->observed_ready[z->type]--;
		nb_lruvec_del(v, z, page);
		if (nb_unlikely((!sc->may_unmap && nb_page_mapcount(page)) ||
				nb_page_flags(page) & PG_LRU_BATCH ||
				!nb_page_tryget(sc->sys, page))) {
			nb_lruvec_add(v, z, page, false);
			continue;
		}
		nb_page_change_flags(sc->sys, page, 0, PG_LRU);
		nb_chain_add(p->mem_map, &t->chain, page);
		t->pages += n;
		if (nb_unlikely(lumpy)) {
			uint64_t more = nb_lumpy_take_block(p, sc, z, page, &t->chain);

			t->pages += more;
			t->scanned += more;
			scan += more;
		}
	}
	/* the first set aside ends up nearest to the head, as a splice leaves it */
	for (struct nb_page *page; (page = nb_chain_take(p->mem_map, &aside));)
		nb_lruvec_add(v, nb_page_zone(p, page), page, false);
	nb_lru_isolated(p, lru / NB_LRU_FILE, (int64_t)t->pages);
	emit_isolate(sc, lru, nr, t);
}

void nb_putback_chain(struct nb_pgdat *p, struct nb_page_chain *c, int cpu)
{
	struct nb_page *page;

	while ((page = nb_chain_take(p->mem_map, c))) {
		struct nb_zone *z = nb_page_zone(p, page);
		struct nb_lruvec *v = nb_page_lruvec(z, page);
		uint32_t f = nb_page_flags(page);

		if (nb_unlikely(f & PG_MLOCKED)) {
			nb_lru_putback(p->sys, z, page, cpu);
			continue;
		}
		nb_lock(&v->lock, p->sys->port);
		nb_page_change_flags(p->sys, page, PG_LRU, 0);
		nb_lruvec_add(v, z, page, false);
		if (f & PG_ACTIVE)
			nb_workingset_age(v, nb_lru_page_nr(page));
		nb_unlock(&v->lock, p->sys->port);
		nb_put_page(p->sys, z, page, cpu);
	}
}

void nb_lru_note_cost(const struct nb_pgdat *p, struct nb_lruvec *v, bool file, uint64_t nr_io,
		      uint64_t nr_rotated)
{
	uint64_t cost = nr_io, size;

	if (p->sys->profile->version >= COST_BY_IO_SINCE)
		cost = nr_io * NB_SWAP_CLUSTER_MAX + nr_rotated;
	for (; cost && v; v = v->parent) {
		size = 0;
		nb_lock(&v->lock, p->sys->port);
		nb_lru_count(file ? &v->file_cost : &v->anon_cost, (int64_t)cost);
		for (unsigned l = 0; l < NB_LRU_UNEVICTABLE; l++)
			size += nb_lruvec_tree_size(p, v, (enum nb_lru)l, NB_MAX_NR_ZONES - 1);
		if (v->file_cost + v->anon_cost > size / 4) {
			nb_lru_set(&v->file_cost, v->file_cost / 2);
			nb_lru_set(&v->anon_cost, v->anon_cost / 2);
		}
		nb_unlock(&v->lock, p->sys->port);
	}
}

/* Others hold more pages off the lists than are on them: wait, lest this task finds none and
 * begins to kill. kswapd never waits. */
static bool too_many_isolated(const struct nb_pgdat *p, const struct nb_scan_control *sc, bool file)
{
	enum nb_lru lru = file ? NB_LRU_INACTIVE_FILE : NB_LRU_INACTIVE_ANON;
	uint64_t inactive = nb_lruvec_tree_size(p, p->lruvec, lru, NB_MAX_NR_ZONES - 1);

	if (sc->kswapd)
		return false;
	if ((sc->gfp & (NB_GFP_BIT_IO | NB_GFP_BIT_FS)) == (NB_GFP_BIT_IO | NB_GFP_BIT_FS))
		inactive >>= 3;
	return __atomic_load_n(&p->lruvec->isolated[file], __ATOMIC_RELAXED) > inactive;
}

static void count_scan(struct nb_scan_control *sc, struct nb_memcg *cg, bool file, uint64_t scanned)
{
	nb_memcg_count(cg, sc->kswapd ? NB_MEMCG_PGSCAN_KSWAPD : NB_MEMCG_PGSCAN_DIRECT, scanned);
	nb_count_vm_events(sc->sys, sc->cpu, sc->kswapd ? NB_VM_PGSCAN_KSWAPD : NB_VM_PGSCAN_DIRECT,
			   scanned);
	nb_count_vm_events(sc->sys, sc->cpu, file ? NB_VM_PGSCAN_FILE : NB_VM_PGSCAN_ANON, scanned);
}

static void count_steal(struct nb_scan_control *sc, struct nb_memcg *cg, bool file, uint64_t n)
{
	nb_memcg_count(cg, sc->kswapd ? NB_MEMCG_PGSTEAL_KSWAPD : NB_MEMCG_PGSTEAL_DIRECT, n);
	nb_count_vm_events(sc->sys, sc->cpu,
			   sc->kswapd ? NB_VM_PGSTEAL_KSWAPD : NB_VM_PGSTEAL_DIRECT, n);
	nb_count_vm_events(sc->sys, sc->cpu, file ? NB_VM_PGSTEAL_FILE : NB_VM_PGSTEAL_ANON, n);
}

static void sum_up(struct nb_scan_control *sc, const struct nb_reclaim_stat *st, bool file,
		   uint64_t taken)
{
	sc->nr.dirty += st->nr_dirty;
	sc->nr.congested += st->nr_congested;
	sc->nr.unqueued_dirty += st->nr_unqueued_dirty;
	sc->nr.writeback += st->nr_writeback;
	sc->nr.immediate += st->nr_immediate;
	sc->nr.taken += taken;
	/* all of it is dirty and nobody writes it: the flusher is to */
	if (st->nr_unqueued_dirty && st->nr_unqueued_dirty == taken)
		nb_wakeup_flusher(sc->sys);
	if (file)
		sc->nr.file_taken += taken;
}

static void emit_inactive(const struct nb_pgdat *p, const struct nb_scan_control *sc, bool file,
			  uint64_t scanned, uint64_t reclaimed, const struct nb_reclaim_stat *st)
{
	nb_emit(sc->sys, NB_EV_MM_VMSCAN_LRU_SHRINK_INACTIVE, sc->cpu, sc->task, (uint64_t)p->nid,
		scanned, reclaimed, st->nr_dirty, st->nr_writeback, st->nr_congested,
		st->nr_immediate, st->nr_activate[0], st->nr_activate[1], st->nr_ref_keep,
		st->nr_unmap_fail, (uint64_t)sc->priority, RECLAIM_FLAGS(file));
}

uint64_t nb_shrink_inactive(struct nb_pgdat *p, struct nb_scan_control *sc, enum nb_lru lru,
			    uint64_t nr)
{
	struct nb_lruvec *v = nb_scan_lruvec(p, sc);
	struct nb_reclaim_stat st = {0};
	struct taken t = {.pages = 0};
	bool file = lru >= NB_LRU_FILE;
	uint64_t reclaimed;

	if (too_many_isolated(p, sc, file)) {
		nb_reclaim_throttle(p, sc, NB_THROTTLE_ISOLATED, ISOLATED_JIFFIES);
		if (too_many_isolated(p, sc, file))
			return 0;
	}
	nb_lru_add_drain(sc->sys, sc->cpu);
	if (lru == NB_LRU_INACTIVE_FILE)
		nb_observed_cache_ready(p, sc->reclaim_idx);
	nb_lock(&v->lock, sc->sys->port);
	isolate(p, sc, lru, nr, &t);
	nb_unlock(&v->lock, sc->sys->port);
	count_scan(sc, v->memcg, file, t.scanned);
	if (!t.pages)
		return 0;
	reclaimed = nb_shrink_pages(p, sc, &t.chain, nb_lumpy_ignores_use(sc), &st);
	nb_putback_chain(p, &t.chain, sc->cpu);
	nb_lru_isolated(p, file, -(int64_t)t.pages);
	count_steal(sc, v->memcg, file, reclaimed);
	nb_lru_note_cost(p, v, file, st.nr_pageout, t.scanned - reclaimed);
	sum_up(sc, &st, file, t.pages);
	if (nb_event_wanted(sc->sys, NB_EV_MM_VMSCAN_LRU_SHRINK_INACTIVE))
		emit_inactive(p, sc, file, t.scanned, reclaimed, &st);
	return reclaimed;
}

void nb_shrink_active(struct nb_pgdat *p, struct nb_scan_control *sc, enum nb_lru lru, uint64_t nr)
{
	struct nb_page_chain active = {0, 0}, inactive = {0, 0};
	struct nb_lruvec *v = nb_scan_lruvec(p, sc);
	struct taken t = {.pages = 0};
	uint64_t rotated = 0, deactivated = 0;
	bool file = lru >= NB_LRU_FILE;
	struct nb_page *page;

	nb_lru_add_drain(sc->sys, sc->cpu);
	nb_lock(&v->lock, sc->sys->port);
	isolate(p, sc, lru, nr, &t);
	nb_unlock(&v->lock, sc->sys->port);
	nb_count_vm_events(sc->sys, sc->cpu, NB_VM_PGREFILL, t.scanned);
	while ((page = nb_chain_take(p->mem_map, &t.chain))) {
		struct nb_zone *z = nb_page_zone(p, page);
		unsigned vm_flags = 0;

		if (nb_page_referenced(sc->sys, z, page, nb_scan_holder(sc), &vm_flags) > 0 &&
		    file && vm_flags >> 24 & NB_PROT_EXEC) {
			rotated += nb_lru_page_nr(page);
			nb_chain_add(p->mem_map, &active, page);
			continue;
		}
		nb_page_change_flags(sc->sys, page, PG_WORKINGSET, PG_ACTIVE);
		deactivated += nb_lru_page_nr(page);
		nb_chain_add(p->mem_map, &inactive, page);
	}
	nb_putback_chain(p, &active, sc->cpu);
	nb_putback_chain(p, &inactive, sc->cpu);
	nb_lru_isolated(p, file, -(int64_t)t.pages);
	nb_memcg_count(v->memcg, NB_MEMCG_PGREFILL, t.scanned);
	nb_memcg_count(v->memcg, NB_MEMCG_PGDEACTIVATE, deactivated);
	nb_count_vm_events(sc->sys, sc->cpu, NB_VM_PGDEACTIVATE, deactivated);
	if (rotated)
		nb_lru_note_cost(p, v, file, 0, rotated);
	if (nb_event_wanted(sc->sys, NB_EV_MM_VMSCAN_LRU_SHRINK_ACTIVE))
		nb_emit(sc->sys, NB_EV_MM_VMSCAN_LRU_SHRINK_ACTIVE, sc->cpu, sc->task,
			(uint64_t)p->nid, t.pages, rotated, deactivated, rotated,
			(uint64_t)sc->priority, RECLAIM_FLAGS(file));
}
