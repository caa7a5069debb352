/* lru_gen.c -- the multi-generation lists: a page's place among them.
 *
 * Called by lru.c where /sys/kernel/mm/lru_gen/enabled is set. Aging and eviction stand in
 * mglru.c. Source: include/linux/mm_inline.h: lru_gen_add_folio(), lru_gen_del_folio(); mm/swap.c:
 * folio_inc_refs(); mm/vmscan.c: lru_gen_change_state(), fill_evictable(), drain_evictable(),
 * lru_gen_init_lruvec(); facts 7.11.
 */
#include "mm/lru_gen.h"

#include "mm/event.h"

#include <numabox/error.h>
#include <numabox/reclaim.h>

#define MAX_REFS 3u /* LRU_REFS_WIDTH is 2 */

static void set_gen(const struct nb_zone *z, struct nb_page *page, int gen, uint32_t clear)
{
	nb_page_change_flags(z->sys, page, (uint32_t)(gen + 1) << PG_MT_SHIFT, PG_MT_MASK | clear);
}

void nb_lru_gen_init(struct nb_lruvec *v)
{
	v->gen.max_seq = NB_MIN_NR_GENS + 1;
	v->gen.min_seq[0] = v->gen.min_seq[1] = 0;
}

/* Freshly faulted: the youngest. Cannot be evicted now: the one before. Cold: the oldest. The rest:
 * the oldest, or the second oldest while that is not yet an active one. */
static uint64_t seq_for(const struct nb_lru_gen *g, const struct nb_page *page, unsigned type,
			bool tail)
{
	uint32_t f = nb_page_flags(page);

	if (f & PG_ACTIVE)
		return g->max_seq;
	if ((type == 0 && !(f & PG_SWAPCACHE)) ||
	    ((f & PG_RECLAIM) && (f & (PG_DIRTY | PG_WRITEBACK))))
		return g->max_seq - 1;
	if (tail || g->min_seq[type] + NB_MIN_NR_GENS >= g->max_seq)
		return g->min_seq[type];
	return g->min_seq[type] + 1;
}

void nb_lru_gen_add(struct nb_lruvec *v, struct nb_zone *z, struct nb_page *page, bool tail)
{
	unsigned type = nb_page_is_file_lru(page);
	unsigned gen = nb_gen_of_seq(seq_for(&v->gen, page, type, tail));
	struct nb_list *l = &v->gen.list[gen][type][z->type];

	set_gen(z, page, (int)gen, PG_ACTIVE);
	nb_lru_count((uint64_t *)&v->gen.nr[gen][type][z->type], (int64_t)nb_lru_page_nr(page));
	if (tail)
		nb_list_add_tail(z->mem_map, l, page);
	else
		nb_list_add_head(z->mem_map, l, page);
}

void nb_lru_gen_del(struct nb_lruvec *v, struct nb_zone *z, struct nb_page *page)
{
	unsigned type = nb_page_is_file_lru(page);
	unsigned gen = (unsigned)nb_page_gen(page);
	bool active = nb_gen_is_active(v, gen);

	nb_list_del(z->mem_map, &v->gen.list[gen][type][z->type], page);
	nb_lru_count((uint64_t *)&v->gen.nr[gen][type][z->type], -(int64_t)nb_lru_page_nr(page));
	set_gen(z, page, -1, 0);
	/* it keeps its youth where it goes */
	if (active)
		nb_page_change_flags(z->sys, page, PG_ACTIVE, 0);
}

void nb_lru_gen_inc_refs(const struct nb_system *sys, struct nb_page *page)
{
	uint32_t f = nb_page_flags(page);

	if (f & PG_UNEVICTABLE)
		return;
	if (!(f & PG_REFERENCED))
		nb_page_change_flags(sys, page, PG_REFERENCED, 0);
	else if (!(f & PG_WORKINGSET))
		nb_page_change_flags(sys, page, PG_WORKINGSET, 0);
	else if (nb_page_refs(page) < MAX_REFS)
		nb_page_set_refs(sys, page, nb_page_refs(page) + 1);
}

/* From the five lists to the generations, head to tail, or back. */
static void move_list(struct nb_pgdat *p, struct nb_lruvec *v, struct nb_list *from, bool on)
{
	while (from->last) {
		struct nb_page *page = nb_link_page(p->mem_map, from->last);
		struct nb_zone *z = nb_page_zone(p, page);

		v->gen.enabled = !on;
		nb_lruvec_del(v, z, page);
		v->gen.enabled = on;
		nb_lruvec_add(v, z, page, false);
	}
}

static void enable_lists(struct nb_pgdat *p, struct nb_lruvec *v, bool on)
{
	nb_lock(&v->lock, p->sys->port);
	if (on) {
		for (unsigned l = 0; l < NB_LRU_UNEVICTABLE; l++)
			move_list(p, v, &v->list[l], true);
	}
	for (uint64_t s = 0; !on && s < NB_MAX_NR_GENS; s++) {
		unsigned gen = nb_gen_of_seq(v->gen.max_seq + 1 + s);

		for (unsigned tz = 0; tz < 2 * NB_MAX_NR_ZONES; tz++)
			move_list(p, v, &v->gen.list[gen][tz & 1][tz / 2], false);
	}
	v->gen.enabled = on;
	nb_unlock(&v->lock, p->sys->port);
}

void nb_lru_gen_enable(struct nb_system *sys, bool on)
{
	if (sys->reclaim->gen_enabled == on)
		return;
	sys->reclaim->gen_enabled = on;
	for (unsigned i = 0; i < sys->nr_pgdat; i++) {
		struct nb_pgdat *p = sys->pgdat[i];

		for (struct nb_lruvec *v = p->lruvec; v; v = nb_next_lruvec(p, v))
			enable_lists(p, v, on);
	}
}

static int check_gen(const struct nb_pgdat *p, const struct nb_lruvec *v, unsigned gen,
		     unsigned type, unsigned zone, struct nb_error *err)
{
	nb_link_t prev = 0;
	int64_t nr = 0;

	for (nb_link_t link = v->gen.list[gen][type][zone].first; link;) {
		struct nb_page *page = nb_link_page(p->mem_map, link);
		uint32_t f = nb_page_flags(page);

		if ((f & (PG_ALLOCATED | PG_LRU | PG_ACTIVE | PG_UNEVICTABLE)) !=
			    (PG_ALLOCATED | PG_LRU) ||
		    nb_page_gen(page) != (int)gen || nb_page_is_file_lru(page) != type ||
		    (f & PG_ZONE_MASK) >> PG_ZONE_SHIFT != zone || page->prev != prev ||
		    nb_page_lruvec(&p->zone[zone], page) != v)
			return nb_error_set(err, -NB_EIO, 0,
					    "node %d: lru_gen: page %u of generation %u, type %u, "
					    "zone %u has flags %x",
					    p->nid, link - 1, gen, type, zone, f);
		nr += (int64_t)nb_lru_page_nr(page);
		prev = link;
		link = page->next;
	}
	if (v->gen.list[gen][type][zone].last != prev || v->gen.nr[gen][type][zone] != nr)
		return nb_error_set(err, -NB_EIO, 0,
				    "node %d: lru_gen: %lld pages of generation %u, type %u, zone "
				    "%u, counted %lld",
				    p->nid, (long long)nr, gen, type, zone,
				    (long long)v->gen.nr[gen][type][zone]);
	return 0;
}

int nb_lru_gen_check(const struct nb_pgdat *p, const struct nb_lruvec *v, struct nb_error *err)
{
	int ret = 0;

	for (unsigned i = 0; !ret && i < NB_MAX_NR_GENS * 2 * NB_MAX_NR_ZONES; i++)
		ret = check_gen(p, v, i / (2 * NB_MAX_NR_ZONES), i / NB_MAX_NR_ZONES % 2,
				i % NB_MAX_NR_ZONES, err);
	return ret;
}

/* ---- what drivers set ---- */

/* Debian's 6.12 and the distributions of its time switch them on, its 6.1 does not. */
#define DEFAULT_ON_SINCE 6008u
#define EXIST_SINCE 6001u

void nb_lru_gen_boot(struct nb_system *sys)
{
	if (sys->profile->version >= DEFAULT_ON_SINCE)
		nb_lru_gen_enable(sys, true);
}

bool nb_lru_gen_enabled(const struct nb_system *sys)
{
	return sys->reclaim->gen_enabled;
}

int nb_lru_gen_set_enabled(struct nb_system *sys, bool on)
{
	if (sys->profile->version < EXIST_SINCE)
		return -NB_EOPNOTSUPP;
	nb_lru_add_drain_all(sys);
	nb_lru_gen_enable(sys, on);
	return 0;
}

void nb_lru_gen_set_min_ttl_ms(struct nb_system *sys, uint64_t ms)
{
	sys->reclaim->min_ttl_ns = ms * 1000000;
}
