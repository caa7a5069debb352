/* mglru.c -- one pass over a node with the multi-generation lists: eviction and aging.
 *
 * Called by vmscan.c and kswapd.c while the lists are generations (lru_gen.h). Eviction takes the
 * oldest generation of one type, 64 pages at a time; pages used through descriptors are protected
 * by tiers, whose border a controller sets by what was refaulted. When too few generations are
 * left, aging (mglru_age.c) makes a new youngest one.
 * Source: mm/vmscan.c of 6.12: lru_gen_shrink_node(), try_to_shrink_lruvec(), evict_folios(),
 * isolate_folios(), scan_folios(), sort_folio(), get_type_to_scan(), get_tier_idx(),
 * should_abort_scan(), set_initial_priority(); facts 7.11.
 */
#include "mm/filemap.h"
#include "mm/mglru.h"

#include "mm/event.h"
#include "mm/kswapd.h"
#include "mm/memcg.h"
#include "mm/swap.h"
#include "mm/vmstat.h"

#define FAILURES_COUNT_SINCE 6008u /* before, a pass always counts as a success */

struct ctrl_pos {
	uint64_t refaulted, total, gain;
};

static void read_ctrl_pos(const struct nb_lru_gen *g, unsigned type, unsigned tier, uint64_t gain,
			  struct ctrl_pos *pos)
{
	pos->gain = gain;
	pos->refaulted = g->avg_refaulted[type][tier] + nb_lru_read(&g->refaulted[type][tier]);
	pos->total = g->avg_total[type][tier] + nb_lru_read(&g->evicted[type][tier]);
	if (tier)
		pos->total += g->protected_pages[type][tier - 1];
}

/* Has pv few refaults, or fewer in proportion than the set point? */
static bool positive_err(const struct ctrl_pos *sp, const struct ctrl_pos *pv)
{
	return pv->refaulted < NB_MIN_LRU_BATCH ||
	       pv->refaulted * (sp->total + NB_MIN_LRU_BATCH) * sp->gain <=
		       (sp->refaulted + 1) * pv->total * pv->gain;
}

/* The highest tier that is evicted like the first. */
static unsigned tier_border(const struct nb_lru_gen *g, unsigned type, const struct ctrl_pos *sp,
			    uint64_t gain)
{
	struct ctrl_pos pv;
	unsigned tier = 1;

	for (; tier < NB_MAX_NR_TIERS; tier++) {
		read_ctrl_pos(g, type, tier, gain, &pv);
		if (!positive_err(sp, &pv))
			break;
	}
	return tier - 1;
}

static unsigned get_tier_idx(const struct nb_lru_gen *g, unsigned type)
{
	struct ctrl_pos sp;

	read_ctrl_pos(g, type, 0, 1, &sp);
	return tier_border(g, type, &sp, 2);
}

/* Which type refaults less for its weight. */
static unsigned get_type(const struct nb_lru_gen *g, unsigned swappiness, int *tier)
{
	uint64_t gain[2] = {swappiness, 200 - swappiness};
	struct ctrl_pos sp, pv;
	unsigned type;

	read_ctrl_pos(g, 0, 0, gain[0], &sp);
	read_ctrl_pos(g, 1, 0, gain[1], &pv);
	type = positive_err(&sp, &pv);
	read_ctrl_pos(g, !type, 0, gain[!type], &sp);
	*tier = (int)tier_border(g, type, &sp, gain[type]);
	return type;
}

/* ---- one generation's pages ---- */

/* Out of the oldest generation without being evicted: to the next one. true: it was. */
static bool sort_page(struct nb_lruvec *v, struct nb_zone *z, struct nb_page *page,
		      struct nb_scan_control *sc, unsigned border)
{
	unsigned type = nb_page_is_file_lru(page), tier = nb_page_tier(page);
	uint32_t f = nb_page_flags(page);

	if (f & PG_MLOCKED) {
		nb_lruvec_del(v, z, page);
		nb_page_change_flags(sc->sys, page, PG_UNEVICTABLE, PG_ACTIVE);
		nb_lruvec_add(v, z, page, false);
		nb_count_vm_events(sc->sys, sc->cpu, NB_VM_UNEVICTABLE_PGCULLED,
				   nb_lru_page_nr(page));
		return true;
	}
	if (tier > border) {
		v->gen.protected_pages[type][tier - 1] += nb_lru_page_nr(page);
		nb_mglru_inc_gen(v, z, page, true);
		return true;
	}
	if (z->type > sc->reclaim_idx) {
		nb_mglru_inc_gen(v, z, page, true);
		return true;
	}
	if (type && f & PG_DIRTY) {
		sc->nr.file_taken += nb_lru_page_nr(page);
		sc->nr.unqueued_dirty += f & PG_WRITEBACK ? 0 : nb_lru_page_nr(page);
	}
	if (f & PG_WRITEBACK || (type && f & PG_DIRTY)) {
		nb_mglru_inc_gen(v, z, page, false);
		nb_page_change_flags(sc->sys, page, PG_RECLAIM, 0);
		return true;
	}
	return false;
}

/* Into reclaim's hands; false: this request may not touch it. */
static bool isolate_page(struct nb_lruvec *v, struct nb_zone *z, struct nb_page *page,
			 const struct nb_scan_control *sc)
{
	uint32_t f = nb_page_flags(page), drop;

	if (!(sc->gfp & NB_GFP_BIT_IO) && (f & PG_DIRTY || (f & PG_ANON && !(f & PG_SWAPCACHE))))
		return false;
	if (f & PG_LRU_BATCH || !nb_page_tryget(sc->sys, page))
		return false;
	nb_lruvec_del(v, z, page);
	drop = PG_LRU | PG_ACTIVE | PG_RECLAIM | PG_REFERENCED;
	if (!(nb_page_flags(page) & PG_REFERENCED)) {
		nb_page_set_refs(sc->sys, page, 0);
		drop |= PG_WORKINGSET;
	}
	nb_page_change_flags(sc->sys, page, 0, drop);
	return true;
}

struct scan {
	struct nb_page_chain chain;
	uint64_t scanned, isolated, skipped, sorted;
	unsigned remaining;
};

static void scan_zone(struct nb_pgdat *p, struct nb_scan_control *sc, unsigned type, unsigned zone,
		      unsigned border, struct scan *s)
{
	struct nb_lruvec *v = nb_scan_lruvec(p, sc);
	unsigned gen = nb_gen_of_seq(v->gen.min_seq[type]);
	struct nb_list *l = &v->gen.list[gen][type][zone];
	struct nb_zone *z = &p->zone[zone];
	struct nb_list moved = {0, 0};
	uint64_t skipped = 0;

	while (l->last) {
		struct nb_page *page = nb_link_page(p->mem_map, l->last);
		uint64_t n = nb_lru_page_nr(page);

		s->scanned += n;
		if (type && nb_unlikely(v->observed_ready[zone]))
			v->observed_ready[zone]--;
		if (sort_page(v, z, page, sc, border)) {
			s->sorted += n;
		} else if (isolate_page(v, z, page, sc)) {
			nb_chain_add(p->mem_map, &s->chain, page);
			s->isolated += n;
		} else {
			nb_list_del(p->mem_map, l, page);
			nb_list_add_head(p->mem_map, &moved, page);
			skipped += n;
		}
		if (!--s->remaining ||
		    (s->isolated > skipped ? s->isolated : skipped) >= NB_MIN_LRU_BATCH)
			break;
	}
	while (moved.last) {
		struct nb_page *page = nb_link_page(p->mem_map, moved.last);

		nb_list_del(p->mem_map, &moved, page);
		nb_list_add_head(p->mem_map, l, page);
	}
	if (skipped)
		nb_count_vm_events(sc->sys, sc->cpu, (enum nb_vm_event_item)(NB_VM_PGSKIP + zone),
				   skipped);
	s->skipped += skipped;
}

/* Of the oldest generation; how much was looked at, 0 when that led to nothing. */
static uint64_t scan_pages(struct nb_pgdat *p, struct nb_scan_control *sc, unsigned type,
			   unsigned border, struct nb_page_chain *chain, uint64_t *isolated)
{
	struct nb_lruvec *v = nb_scan_lruvec(p, sc);
	struct scan s = {.remaining = NB_MAX_LRU_BATCH};

	if (nb_mglru_nr_gens(v, type) == NB_MIN_NR_GENS)
		return 0;
	for (unsigned i = NB_MAX_NR_ZONES; i > 0; i--) {
		scan_zone(p, sc, type, (sc->reclaim_idx + i) % NB_MAX_NR_ZONES, border, &s);
		if (!s.remaining || s.isolated >= NB_MIN_LRU_BATCH)
			break;
	}
	nb_count_vm_events(sc->sys, sc->cpu, sc->kswapd ? NB_VM_PGSCAN_KSWAPD : NB_VM_PGSCAN_DIRECT,
			   s.isolated);
	nb_count_vm_events(sc->sys, sc->cpu, NB_VM_PGREFILL, s.sorted);
	nb_memcg_count(v->memcg, sc->kswapd ? NB_MEMCG_PGSCAN_KSWAPD : NB_MEMCG_PGSCAN_DIRECT,
		       s.isolated);
	nb_memcg_count(v->memcg, NB_MEMCG_PGREFILL, s.sorted);
	nb_count_vm_events(sc->sys, sc->cpu, type ? NB_VM_PGSCAN_FILE : NB_VM_PGSCAN_ANON,
			   s.isolated);
	if (nb_event_wanted(sc->sys, NB_EV_MM_VMSCAN_LRU_ISOLATE))
		nb_emit(sc->sys, NB_EV_MM_VMSCAN_LRU_ISOLATE, sc->cpu, sc->task, sc->reclaim_idx,
			sc->order, NB_MAX_LRU_BATCH, s.scanned, s.skipped, s.isolated,
			type ? NB_LRU_INACTIVE_FILE : NB_LRU_INACTIVE_ANON);
	*chain = s.chain;
	*isolated = s.isolated;
	return s.isolated || !s.remaining ? s.scanned : 0;
}

static uint64_t isolate(struct nb_pgdat *p, struct nb_scan_control *sc, unsigned swappiness,
			unsigned *type, struct nb_page_chain *chain, uint64_t *isolated)
{
	const struct nb_lru_gen *g = &nb_scan_lruvec(p, sc)->gen;
	uint64_t scanned = 0;
	int tier = -1;

	if (!swappiness)
		*type = 1;
	else if (g->min_seq[0] < g->min_seq[1])
		*type = 0;
	else if (swappiness == 1 || !(sc->gfp & NB_GFP_BIT_IO))
		*type = 1;
	else if (swappiness == 200)
		*type = 0;
	else
		*type = get_type(g, swappiness, &tier);
	for (unsigned i = !swappiness; i < 2; i++) {
		if (tier < 0)
			tier = (int)get_tier_idx(g, *type);
		scanned = scan_pages(p, sc, *type, (unsigned)tier, chain, isolated);
		if (scanned)
			return scanned;
		*type = !*type;
		tier = -1;
	}
	return 0;
}

/* What reclaim would not take does not go back to where it would be met at once. */
static void reject(struct nb_pgdat *p, struct nb_page_chain *c, struct nb_page_chain *clean,
		   bool again)
{
	struct nb_page_chain left = {0, 0};
	struct nb_page *page;

	while ((page = nb_chain_take(p->mem_map, c))) {
		uint32_t f = nb_page_flags(page);

		if (f & PG_RECLAIM && f & (PG_DIRTY | PG_WRITEBACK)) {
			if (f & PG_WORKINGSET)
				nb_page_change_flags(p->sys, page, PG_REFERENCED, 0);
			nb_chain_add(p->mem_map, &left, page);
		} else if (again || nb_page_mapcount(page) ||
			   f & (PG_ACTIVE | PG_REFERENCED | PG_DIRTY | PG_WRITEBACK | PG_MLOCKED)) {
			nb_page_set_refs(p->sys, page, 0);
			nb_page_change_flags(p->sys, page, PG_ACTIVE,
					     PG_REFERENCED | PG_WORKINGSET);
			nb_chain_add(p->mem_map, &left, page);
		} else {
			nb_chain_add(p->mem_map, clean, page);
		}
	}
	*c = left;
}

static void emit_shrunk(const struct nb_pgdat *p, const struct nb_scan_control *sc, unsigned type,
			uint64_t scanned, uint64_t got, const struct nb_reclaim_stat *st)
{
	if (nb_event_wanted(sc->sys, NB_EV_MM_VMSCAN_LRU_SHRINK_INACTIVE))
		nb_emit(sc->sys, NB_EV_MM_VMSCAN_LRU_SHRINK_INACTIVE, sc->cpu, sc->task,
			(uint64_t)p->nid, scanned, got, st->nr_dirty, st->nr_writeback,
			st->nr_congested, st->nr_immediate, st->nr_activate[0], st->nr_activate[1],
			st->nr_ref_keep, st->nr_unmap_fail, (uint64_t)sc->priority,
			type ? 0xau : 0x9u);
}

/* A batch out of the oldest generation; how many pages were looked at. */
static uint64_t evict(struct nb_pgdat *p, struct nb_scan_control *sc, unsigned swappiness)
{
	struct nb_page_chain c = {0, 0}, clean = {0, 0};
	struct nb_lruvec *v = nb_scan_lruvec(p, sc);
	uint64_t scanned, isolated = 0;
	bool again = false;
	unsigned type;

	nb_observed_cache_ready(p, sc->reclaim_idx);
	nb_lock(&v->lock, sc->sys->port);
	scanned = isolate(p, sc, swappiness, &type, &c, &isolated);
	nb_lru_isolated(p, type, (int64_t)isolated);
	sc->nr.file_taken += type ? isolated : 0;
	scanned += nb_mglru_try_to_inc_min_seq(v, swappiness != 0);
	if (nb_mglru_nr_gens(v, !swappiness) == NB_MIN_NR_GENS)
		scanned = 0;
	nb_unlock(&v->lock, sc->sys->port);
	while (c.first) {
		struct nb_reclaim_stat st = {0};
		uint64_t got = nb_shrink_pages(p, sc, &c, false, &st);

		sc->nr.unqueued_dirty += st.nr_unqueued_dirty;
		sc->nr_reclaimed += got;
		emit_shrunk(p, sc, type, scanned, got, &st);
		reject(p, &c, &clean, again);
		nb_putback_chain(p, &c, sc->cpu);
		nb_count_vm_events(sc->sys, sc->cpu,
				   sc->kswapd ? NB_VM_PGSTEAL_KSWAPD : NB_VM_PGSTEAL_DIRECT, got);
		nb_count_vm_events(sc->sys, sc->cpu, type ? NB_VM_PGSTEAL_FILE : NB_VM_PGSTEAL_ANON,
				   got);
		nb_memcg_count(v->memcg,
			       sc->kswapd ? NB_MEMCG_PGSTEAL_KSWAPD : NB_MEMCG_PGSTEAL_DIRECT, got);
		c = clean;
		clean = (struct nb_page_chain){0, 0};
		again = true;
	}
	nb_lru_isolated(p, type, -(int64_t)isolated);
	return scanned;
}

/* ---- a pass ---- */

static unsigned pass_swappiness(const struct nb_scan_control *sc, const struct nb_memcg *cg)
{
	unsigned swappiness = (unsigned)nb_memcg_swappiness(sc->sys, cg);

	if (!sc->may_swap || nb_memcg_swap_pages(sc->sys, cg) < NB_MIN_LRU_BATCH)
		return 0;
	if (swappiness && !(sc->gfp & NB_GFP_BIT_IO))
		return 1;
	return swappiness;
}

static bool should_abort(const struct nb_pgdat *p, const struct nb_scan_control *sc)
{
	uint64_t want = UINT64_C(2) << sc->order;

	if (sc->target) /* of a limit: all groups below it in the same measure */
		return false;
	if (sc->nr_to_reclaim > want)
		want = sc->nr_to_reclaim;
	if (sc->nr_reclaimed >= want)
		return true;
	if (!sc->kswapd || sc->order)
		return false;
	for (unsigned t = 0; t <= sc->reclaim_idx; t++) {
		const struct nb_zone *z = &p->zone[t];
		uint64_t mark = nb_wmark_pages(z, NB_WMARK_HIGH) + NB_MIN_LRU_BATCH;

		if (z->managed_pages && !nb_zone_watermark_ok(z, 0, mark, sc->reclaim_idx, 0))
			return false;
	}
	return true;
}

/* Pages to look at; 0 or less: none, or a new generation was made instead. */
static int64_t nr_to_scan(struct nb_pgdat *p, struct nb_scan_control *sc, unsigned swappiness)
{
	struct nb_lruvec *v = nb_scan_lruvec(p, sc);
	uint64_t max_seq = nb_lru_read(&v->gen.max_seq), total;
	bool age = nb_mglru_should_age(v, swappiness != 0, &total);

	if (!age || sc->priority == NB_DEF_PRIORITY)
		return (int64_t)(total >> sc->priority);
	return nb_mglru_age(p, v, max_seq, swappiness != 0, nb_scan_holder(sc)) ? -1 : 0;
}

bool nb_lru_gen_shrink_lruvec(struct nb_pgdat *p, struct nb_scan_control *sc)
{
	unsigned swappiness = pass_swappiness(sc, nb_scan_lruvec(p, sc)->memcg);
	uint64_t scanned = 0;

	for (;;) {
		int64_t n = nr_to_scan(p, sc, swappiness);
		uint64_t got;

		if (n <= 0)
			break;
		got = evict(p, sc, swappiness);
		scanned += got;
		if (!got || scanned >= (uint64_t)n || should_abort(p, sc))
			break;
	}
	return should_abort(p, sc);
}

static int log2_of(uint64_t n)
{
	int r = -1;

	for (; n; n >>= 1)
		r++;
	return r;
}

/* Where to begin, from how much must be reclaimed out of how much there is. */
static void initial_priority(const struct nb_pgdat *p, struct nb_scan_control *sc)
{
	const struct nb_lruvec *v = p->lruvec;
	uint64_t n = nb_lruvec_tree_size(p, v, NB_LRU_INACTIVE_FILE, NB_MAX_NR_ZONES - 1);
	int priority;

	if (sc->priority != NB_DEF_PRIORITY || sc->nr_to_reclaim < NB_MIN_LRU_BATCH)
		return;
	if (nb_can_reclaim_anon(sc->sys, NULL))
		n += nb_lruvec_tree_size(p, v, NB_LRU_INACTIVE_ANON, NB_MAX_NR_ZONES - 1);
	priority = log2_of(n) - (log2_of(sc->nr_to_reclaim - 1) + 1);
	if (priority < NB_DEF_PRIORITY / 2)
		priority = NB_DEF_PRIORITY / 2;
	sc->priority = priority > NB_DEF_PRIORITY ? NB_DEF_PRIORITY : priority;
}

void nb_lru_gen_shrink_node(struct nb_pgdat *p, struct nb_scan_control *sc)
{
	uint64_t before = sc->nr_reclaimed;

	if (sc->may_writepage && sc->may_unmap) {
		nb_lru_add_drain(sc->sys, sc->cpu);
		initial_priority(p, sc);
		if (sc->kswapd)
			sc->nr_reclaimed = 0;
		if (nb_unlikely(p->memcg_of != NULL))
			nb_memcg_shrink(p, sc, nb_lru_gen_shrink_lruvec);
		else
			(void)nb_lru_gen_shrink_lruvec(p, sc);
		/* nothing of the oldest could go because all is dirty: the flusher is to write.
		 * Source: try_to_shrink_lruvec(), 6.12.2 and later. */
		if (sc->nr.unqueued_dirty && sc->nr.unqueued_dirty == sc->nr.file_taken)
			nb_wakeup_flusher(sc->sys);
		sc->nr_reclaimed += nb_shrink_slab(sc->sys, p->nid, sc->priority, sc->gfp, sc->cpu);
		if (sc->kswapd)
			sc->nr_reclaimed += before;
	}
	if (p->kswapd &&
	    (sc->nr_reclaimed > before || sc->sys->profile->version < FAILURES_COUNT_SINCE))
		p->kswapd->failures = 0;
}

void nb_lru_gen_age_node(struct nb_pgdat *p, struct nb_scan_control *sc)
{
	const struct nb_lru_gen *g = &p->lruvec->gen;
	uint64_t ttl = sc->sys->reclaim->min_ttl_ns;
	struct nb_alloc_context ac = {.gfp = NB_GFP_KERNEL,
				      .gfp_full = NB_GFP_KERNEL,
				      .cpu = sc->cpu,
				      .zonelist = p->zonelist,
				      .highest_zoneidx = NB_ZONE_NORMAL};

	initial_priority(p, sc);
	if (!ttl || !sc->sys->hooks.out_of_memory)
		return;
	/* a working set younger than min_ttl does not fit: kill rather than thrash */
	if (g->birth_ns[nb_gen_of_seq(g->min_seq[1])] + ttl > sc->sys->time_ns)
		(void)sc->sys->hooks.out_of_memory(sc->sys, &ac);
}
