/* lru_size.c -- how long the lists of reclaim are, their beginning at boot, and the proof of both.
 *
 * Called by reclaim and views for sizes, by boot, and by nb_system_check(). Pages of a captured
 * machine's page cache that lie on no list yet (observed_cache.c) count as the inactive ones that
 * they will be. Units: base pages. Source: mm/vmscan.c: lruvec_lru_size(), lruvec_init();
 * facts 7.1.
 */
#include "mm/lru.h"

#include "mm/lru_gen.h"

#include <numabox/error.h>

/* PAGEVEC_SIZE: 31 since 6.11. */
#define BATCH_31_SINCE 6011u
#define BATCH_OLD 15u

static uint64_t gen_pages(const struct nb_lruvec *v, enum nb_lru lru, enum nb_zone_type z)
{
	unsigned type = lru / NB_LRU_FILE, active = lru & NB_LRU_ACTIVE;
	int64_t n = 0;

	for (unsigned gen = 0; gen < NB_MAX_NR_GENS; gen++) {
		if (nb_gen_is_active(v, gen) == (active != 0))
			n += __atomic_load_n(&v->gen.nr[gen][type][z], __ATOMIC_RELAXED);
	}
	return n > 0 ? (uint64_t)n : 0;
}

static uint64_t zone_pages(const struct nb_lruvec *v, enum nb_lru lru, enum nb_zone_type z)
{
	uint64_t before = lru == NB_LRU_INACTIVE_FILE ? nb_lru_read(&v->observed[z]) : 0;

	if (!v->gen.enabled || lru == NB_LRU_UNEVICTABLE)
		return __atomic_load_n(&v->nr[lru][z], __ATOMIC_RELAXED) + before;
	return gen_pages(v, lru, z) + before;
}

uint64_t nb_lruvec_size(const struct nb_lruvec *v, enum nb_lru lru, enum nb_zone_type highest)
{
	uint64_t n = 0;

	for (unsigned z = 0; z <= highest && z < NB_MAX_NR_ZONES; z++)
		n += zone_pages(v, lru, (enum nb_zone_type)z);
	return n;
}

uint64_t nb_zone_lru_pages(const struct nb_zone *z, enum nb_lru lru)
{
	uint64_t n = 0;

	for (const struct nb_lruvec *v = z->pgdat->lruvec; v; v = nb_next_lruvec(z->pgdat, v))
		n += zone_pages(v, lru, z->type);
	return n;
}

/* ---- boot, proof ---- */

int nb_lru_boot(struct nb_system *sys)
{
	struct nb_reclaim *r = nb_system_alloc(sys, sizeof(*r));

	if (!r)
		return -NB_ENOMEM;
	r->cpu = nb_system_alloc(sys, sys->nr_cpu_ids * sizeof(*r->cpu));
	if (!r->cpu)
		return -NB_ENOMEM;
	r->batch_size = sys->profile->version >= BATCH_31_SINCE ? NB_LRU_BATCH_MAX : BATCH_OLD;
	sys->reclaim = r;
	for (unsigned i = 0; i < sys->nr_pgdat; i++) {
		struct nb_lruvec *v = nb_system_alloc(sys, sizeof(*v));

		if (!v)
			return -NB_ENOMEM;
		nb_lru_gen_init(v);
		sys->pgdat[i]->lruvec = v;
	}
	return 0;
}

static int wrong(struct nb_error *err, const struct nb_pgdat *p, const char *what, uint64_t found,
		 uint64_t right)
{
	return nb_error_set(err, -NB_EIO, 0, "node %d: lru: %s: found %llu, should be %llu", p->nid,
			    what, (unsigned long long)found, (unsigned long long)right);
}

static int check_list(const struct nb_pgdat *p, const struct nb_lruvec *v, enum nb_lru lru,
		      struct nb_error *err)
{
	uint64_t nr[NB_MAX_NR_ZONES] = {0};
	nb_link_t prev = 0;

	for (nb_link_t link = v->list[lru].first; link;) {
		struct nb_page *page = nb_link_page(p->mem_map, link);
		uint32_t f = nb_page_flags(page);

		if (page->prev != prev)
			return wrong(err, p, "back link", page->prev, prev);
		if ((f & (PG_ALLOCATED | PG_LRU)) != (PG_ALLOCATED | PG_LRU))
			return wrong(err, p, "flags of a page on a list", f,
				     f | PG_ALLOCATED | PG_LRU);
		if (nb_page_lru(page) != lru)
			return wrong(err, p, "page on the list of another kind", nb_page_lru(page),
				     lru);
		if (nb_page_lruvec(nb_page_zone((struct nb_pgdat *)(uintptr_t)p, page), page) != v)
			return wrong(err, p, "page on the list of another group", link - 1, 0);
		nr[(f & PG_ZONE_MASK) >> PG_ZONE_SHIFT] += nb_lru_page_nr(page);
		prev = link;
		link = page->next;
	}
	if (v->list[lru].last != prev)
		return wrong(err, p, "last page of a list", v->list[lru].last, prev);
	for (unsigned z = 0; z < NB_MAX_NR_ZONES; z++) {
		if (v->nr[lru][z] != nr[z])
			return wrong(err, p, "pages of a zone on a list", v->nr[lru][z], nr[z]);
	}
	return 0;
}

int nb_lru_check(const struct nb_system *sys, struct nb_error *err)
{
	int ret = 0;

	for (unsigned i = 0; !ret && sys->reclaim && i < sys->nr_pgdat; i++) {
		const struct nb_pgdat *p = sys->pgdat[i];

		for (const struct nb_lruvec *v = p->lruvec; !ret && v; v = nb_next_lruvec(p, v)) {
			for (unsigned l = 0; !ret && l < NB_NR_LRU; l++)
				ret = check_list(p, v, (enum nb_lru)l, err);
			if (!ret)
				ret = nb_lru_gen_check(p, v, err);
		}
	}
	return ret;
}
