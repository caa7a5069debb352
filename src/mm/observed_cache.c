/* observed_cache.c -- the page cache that a captured machine begins with.
 *
 * Called by the capture's reader (nb_zone_set_observed_cache(), right after nb_zone_set_observed()
 * and the pools) and by reclaim. How much of a zone's memory in use was page cache a capture tells;
 * which frames, and of which files, it does not. So it is a number, counted as inactive file pages
 * older than all others, which lies in whole max-order blocks in use (zone->system_runs). When
 * reclaim comes to it, one block at a time becomes clean pages of a file without a name, at the
 * tail of the list. Host memory: nothing before that. Units: pages.
 */
#include "mm/address_space.h"
#include "mm/lru_gen.h"
#include "mm/observed.h"
#include "mm/vmscan.h"

#define NAME "(in memory before)"

static uint64_t pages_in_runs(const struct nb_zone *z)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < z->nr_system_runs; i++)
		n += (uint64_t)z->system_runs[i].nr_blocks << z->sys->max_order;
	return n;
}

uint64_t nb_zone_set_observed_cache(struct nb_system *sys, int nid, enum nb_zone_type type,
				    uint64_t pages)
{
	struct nb_pgdat *p = nb_node_data(sys, nid);
	uint64_t most;

	if (!p || (unsigned)type >= NB_MAX_NR_ZONES || p->lruvec->observed[type])
		return 0;
	most = pages_in_runs(&p->zone[type]);
	if (pages > most)
		pages = most;
	pages &= ~((UINT64_C(1) << sys->max_order) - 1);
	p->lruvec->observed[type] = pages;
	nb_stat_add(sys, &p->zone[type].nr_file, (int64_t)pages);
	return pages;
}

uint64_t nb_observed_take_block(struct nb_zone *z, bool lowest)
{
	unsigned order = z->sys->max_order, i = 0, n = z->nr_system_runs;
	uint64_t dense;

	while (n && !z->system_runs[n - 1].nr_blocks)
		n--;
	z->nr_system_runs = n;
	while (i < n && !z->system_runs[i].nr_blocks)
		i++;
	if (i == n)
		return UINT64_MAX;
	struct nb_block_run *r = &z->system_runs[lowest ? i : n - 1];

	dense = r->dense + (lowest ? 0 : (uint64_t)(r->nr_blocks - 1) << order);
	if (!nb_map_commit(z->pgdat, (uint32_t)dense, 1u << order))
		return UINT64_MAX;
	if (lowest)
		r->dense += 1u << order;
	r->nr_blocks--;
	return dense;
}

static struct nb_address_space *file_of(struct nb_system *sys)
{
	if (!sys->reclaim->observed_file)
		sys->reclaim->observed_file = nb_address_space_new(sys, NB_AS_FILE, NAME, 0);
	return sys->reclaim->observed_file;
}

/* A page of that block becomes a clean page of the file. false: no memory for the tree. */
static bool make_page(struct nb_address_space *as, struct nb_zone *z, struct nb_page *page)
{
	uint64_t index = as->size >> as->sys->page_shift;

	nb_page_set_flags(page, PG_ALLOCATED | z->page_bits);
	page->refcount = 1;
	page->mapcount = 0;
	page->mapping = 0;
	if (nb_as_insert(as, index, z, page, NULL)) {
		nb_page_set_flags(page, PG_SYSTEM | z->page_bits);
		return false;
	}
	page->refcount--; /* the cache's is left */
	as->size += UINT64_C(1) << as->sys->page_shift;
	return true;
}

static void make_block(struct nb_zone *z)
{
	struct nb_lruvec *v = nb_zone_lruvec(z);
	struct nb_address_space *as = file_of(z->sys);
	uint64_t dense = as ? nb_observed_take_block(z, false) : UINT64_MAX;
	unsigned n = 1u << z->sys->max_order, made = 0;

	if (dense == UINT64_MAX) {
		nb_stat_add(z->sys, &z->nr_file, -(int64_t)v->observed[z->type]);
		v->observed[z->type] = 0;
		return;
	}
	v->observed[z->type] -= n;
	nb_stat_add(z->sys, &z->nr_file, -(int64_t)n);
	for (unsigned i = 0; i < n; i++) {
		struct nb_page *page = z->mem_map + dense + i;

		if (!make_page(as, z, page)) {
			nb_page_set_flags(page, PG_SYSTEM | z->page_bits);
			continue;
		}
		nb_lock(&v->lock, z->sys->port);
		nb_page_set_flags(page, nb_page_flags(page) | PG_LRU);
		nb_lruvec_add(v, z, page, true);
		nb_unlock(&v->lock, z->sys->port);
		made++;
	}
	v->observed_ready[z->type] = made;
}

void nb_observed_cache_ready(struct nb_pgdat *p, enum nb_zone_type highest)
{
	struct nb_lruvec *v = p->lruvec;

	for (unsigned t = 0; t <= highest && t < NB_MAX_NR_ZONES; t++) {
		if (nb_unlikely(v->observed[t] && !v->observed_ready[t]))
			make_block(&p->zone[t]);
	}
}
