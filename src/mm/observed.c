/* observed.c -- a zone begins as it was seen: nb_zone_set_observed().
 *
 * Called right after boot, when a run begins at a capture's state. The rule that chooses frames (no
 * capture tells them): by address, the zone's whole max-order blocks are first those in use by the
 * system, then those that are split, then the free ones by migrate type. In a split block the lower
 * half is split on or in use, and the upper half is free while blocks of that order are wanted.
 * Edges of the zone hold free blocks only where nothing else would. Lists are in address order,
 * edges first. Blocks in use cost nothing: they are runs of numbers (zone->system_runs). Host
 * memory: descriptors of split blocks, of each extent's head and of the edges.
 */
#include "mm/observed.h"

#include "mm/boot.h"
#include "mm/page_alloc.h"

/* Walks the zone's whole max-order blocks in address order. */
struct cursor {
	const struct nb_observed_plan *p;
	unsigned span;
	uint64_t dense; /* next block; 0 before the first of a span */
	bool inside;
};

/* Up to `most` blocks that follow each other; returns how many, 0 at the end. */
static uint64_t next_run(struct cursor *c, uint64_t most, uint64_t *ret_dense)
{
	unsigned max_order = c->p->z->sys->max_order;
	uint64_t block = UINT64_C(1) << max_order;

	for (; most && c->span < c->p->nr_spans; c->span++, c->inside = false) {
		const struct nb_span *s = &c->p->spans[c->span];
		uint64_t end = s->end & ~(block - 1);

		if (!c->inside)
			c->dense = (s->dense + block - 1) & ~(block - 1);
		c->inside = true;
		if (c->dense >= end)
			continue;
		uint64_t n = (end - c->dense) >> max_order;

		n = n < most ? n : most;
		*ret_dense = c->dense;
		c->dense += n << max_order;
		return n;
	}
	return 0;
}

static void take_system(struct nb_zone *z, uint64_t dense, unsigned order)
{
	nb_page_set_flags(z->mem_map + dense, PG_SYSTEM | order | z->page_bits);
}

static void set_types(struct nb_zone *z, uint64_t dense, uint64_t pages, enum nb_migratetype mt)
{
	for (uint64_t d = dense; d < dense + pages; d += UINT64_C(1) << z->sys->pageblock_order) {
		if (nb_pageblock_mt(z, (uint32_t)d) != mt)
			nb_set_pageblock_mt(z, (uint32_t)d, mt);
	}
}

static void give_free(struct nb_zone *z, uint64_t dense, unsigned order, enum nb_migratetype mt)
{
	if (order >= z->sys->pageblock_order)
		set_types(z, dense, UINT64_C(1) << order, mt);
	nb_free_list_add(z, z->mem_map + dense, order, mt, true);
	nb_account_free(z, mt, INT64_C(1) << order);
}

/* Is a block below `order` wanted, down to `low`? */
static bool wanted_below(const uint64_t *want, unsigned low, unsigned order)
{
	for (unsigned k = low; k < order; k++) {
		if (want[k])
			return true;
	}
	return false;
}

/* The first type that wants a block of exactly that order, or -1. */
static int type_that_wants(const struct nb_observed_plan *p, unsigned order)
{
	for (unsigned mt = 0; mt < NB_MIGRATE_TYPES; mt++) {
		if (p->want[mt][order])
			return (int)mt;
	}
	return -1;
}

/* Who gets a free block of that order in a pageblock of `mt`: that type, or any where they are
 * mixed. -1: nobody wants it. */
static int who_wants(const struct nb_observed_plan *p, unsigned order, enum nb_migratetype mt)
{
	if (p->mixed)
		return type_that_wants(p, order);
	return p->want[mt][order] ? (int)mt : -1;
}

static bool small_wanted(const struct nb_observed_plan *p, unsigned order, enum nb_migratetype mt)
{
	for (unsigned i = 0; p->mixed && i < NB_MIGRATE_TYPES; i++) {
		if (wanted_below(p->want[i], 0, order))
			return true;
	}
	return !p->mixed && wanted_below(p->want[mt], 0, order);
}

/* A block of less than or exactly pageblock order that is not free: splits it for its type's
 * blocks. */
static void fill(struct nb_observed_plan *p, uint64_t dense, unsigned order, enum nb_migratetype mt)
{
	if (!small_wanted(p, order, mt)) {
		take_system(p->z, dense, order);
		return;
	}
	unsigned half = order - 1;
	uint64_t upper = dense + (UINT64_C(1) << half);
	int who = who_wants(p, half, mt);

	if (who >= 0)
		p->want[who][half]--;
	fill(p, dense, half, mt);
	if (who >= 0)
		give_free(p->z, upper, half, (enum nb_migratetype)who);
	else
		fill(p, upper, half, mt);
}

/* A pageblock that is not free: the next type's that still needs one, or the system's. */
static void place_pageblock(struct nb_observed_plan *p, uint64_t dense)
{
	unsigned order = p->z->sys->pageblock_order;

	for (unsigned mt = 0; mt < NB_MIGRATE_TYPES; mt++) {
		if (!p->pageblocks[mt])
			continue;
		p->pageblocks[mt]--;
		if (!p->mixed)
			set_types(p->z, dense, UINT64_C(1) << order, (enum nb_migratetype)mt);
		fill(p, dense, order, (enum nb_migratetype)mt);
		return;
	}
	take_system(p->z, dense, order);
}

static bool pageblocks_wanted(const struct nb_observed_plan *p, unsigned order)
{
	for (unsigned mt = 0; mt < NB_MIGRATE_TYPES; mt++) {
		if (p->pageblocks[mt] ||
		    wanted_below(p->want[mt], p->z->sys->pageblock_order, order))
			return true;
	}
	return false;
}

/* A block of at least pageblock order that is not free. */
static void split_large(struct nb_observed_plan *p, uint64_t dense, unsigned order)
{
	if (order == p->z->sys->pageblock_order) {
		place_pageblock(p, dense);
		return;
	}
	if (!pageblocks_wanted(p, order)) {
		take_system(p->z, dense, order);
		return;
	}
	unsigned half = order - 1;
	uint64_t upper = dense + (UINT64_C(1) << half);
	int mt = type_that_wants(p, half), other = -1;

	if (mt >= 0)
		p->want[mt][half]--;
	/* Its buddy may be free too where the two would not merge. */
	for (int i = NB_MIGRATE_PCPTYPES; mt >= 0 && i < NB_MIGRATE_TYPES; i++)
		other = i != mt && p->want[i][half] ? i : other;
	if (p->loose && other < 0)
		other = type_that_wants(p, half);
	if (other >= 0) {
		p->want[other][half]--;
		give_free(p->z, dense, half, (enum nb_migratetype)other);
	} else {
		split_large(p, dense, half);
	}
	if (mt >= 0)
		give_free(p->z, upper, half, (enum nb_migratetype)mt);
	else
		split_large(p, upper, half);
}

/* Part of a pageblock at an edge: free blocks where the plan says so, otherwise in use. */
static void place_part(struct nb_observed_plan *p, const struct nb_fragment *f)
{
	unsigned pageblock_order = p->z->sys->pageblock_order;

	if (f->used && !p->mixed)
		set_types(p->z, f->dense & ~((UINT64_C(1) << pageblock_order) - 1), 1, f->mt);
	for (uint64_t d = f->dense; d < f->end;) {
		unsigned order = (unsigned)__builtin_ctzll(d | UINT64_C(1) << pageblock_order);

		while (d + (UINT64_C(1) << order) > f->end)
			order--;
		int who = f->used ? who_wants(p, order, f->mt) : -1;

		if (!f->used) {
			take_system(p->z, d, order);
		} else if (who >= 0) {
			p->want[who][order]--;
			give_free(p->z, d, order, (enum nb_migratetype)who);
		} else {
			fill(p, d, order, f->mt);
		}
		d += UINT64_C(1) << order;
	}
}

/* Whose block a free chunk at an edge is: of the kind that is wanted more, so that halves of split
 * blocks can be paired. -1: nobody wants that order. */
static int type_for_edge(const struct nb_observed_plan *p, unsigned order)
{
	uint64_t plain = 0, apart = 0;
	int last = -1;

	for (unsigned mt = 0; mt < NB_MIGRATE_TYPES; mt++) {
		*(mt < NB_MIGRATE_PCPTYPES ? &plain : &apart) += p->want[mt][order];
		if (p->want[mt][order])
			last = (int)mt;
	}
	return apart > plain ? last : type_that_wants(p, order);
}

static void place_fragments(struct nb_observed_plan *p)
{
	for (unsigned i = 0; i < p->nr_fragments; i++) {
		const struct nb_fragment *f = &p->fragments[i];
		int mt = f->order ? type_for_edge(p, f->order) : -1;

		if (!f->order) {
			place_part(p, f);
		} else if (mt >= 0) {
			p->want[mt][f->order]--;
			give_free(p->z, f->dense, f->order, (enum nb_migratetype)mt);
		} else {
			split_large(p, f->dense, f->order);
		}
	}
}

static uint64_t top_wanted(const struct nb_observed_plan *p)
{
	uint64_t n = 0;

	for (unsigned mt = 0; mt < NB_MIGRATE_TYPES; mt++)
		n += p->want[mt][p->z->sys->max_order];
	return n;
}

static void place_whole_blocks(struct nb_observed_plan *p)
{
	struct nb_zone *z = p->z;
	unsigned max_order = z->sys->max_order;
	struct cursor c = {.p = p};
	uint64_t left = p->whole - top_wanted(p) - p->split, dense, n;

	while ((n = next_run(&c, left, &dense))) {
		z->system_runs[z->nr_system_runs++] =
			(struct nb_block_run){(uint32_t)dense, (uint32_t)n};
		left -= n;
	}
	for (left = p->split; left && next_run(&c, 1, &dense); left--)
		split_large(p, dense, max_order);
	for (unsigned mt = 0; mt < NB_MIGRATE_TYPES; mt++) {
		left = p->want[mt][max_order];
		p->want[mt][max_order] = 0;
		while ((n = next_run(&c, left, &dense))) {
			set_types(z, dense, n << max_order, (enum nb_migratetype)mt);
			nb_free_list_add_extent(z, z->mem_map + dense, n, false,
						(enum nb_migratetype)mt, true);
			nb_account_free(z, (enum nb_migratetype)mt, (int64_t)(n << max_order));
			left -= n;
		}
	}
}

/* Host memory for everything that will be touched, before anything is changed. */
static bool commit_all(struct nb_observed_plan *p)
{
	struct nb_zone *z = p->z;
	uint32_t block = 1u << z->sys->max_order;
	struct cursor c = {.p = p};
	uint64_t left = p->whole - top_wanted(p) - p->split, dense, n;
	bool ok = true;

	z->system_runs = nb_system_alloc(z->sys, (p->nr_spans + 1) * sizeof(*z->system_runs));
	ok = z->system_runs != NULL;
	for (unsigned i = 0; i < p->nr_spans && ok; i++)
		ok = nb_pageblock_commit(z->pgdat, p->spans[i].dense,
					 p->spans[i].end - p->spans[i].dense);
	for (unsigned i = 0; i < p->nr_fragments && ok; i++)
		ok = nb_map_commit(z->pgdat, (uint32_t)p->fragments[i].dense & ~(block - 1), block);
	while (ok && (n = next_run(&c, left, &dense)))
		left -= n;
	for (left = p->split; ok && left && next_run(&c, 1, &dense); left--)
		ok = nb_map_commit(z->pgdat, (uint32_t)dense, block);
	for (unsigned mt = 0; mt < NB_MIGRATE_TYPES; mt++) {
		left = p->want[mt][z->sys->max_order];
		while (ok && (n = next_run(&c, left, &dense))) {
			ok = nb_map_commit(z->pgdat, (uint32_t)dense, block);
			left -= n;
		}
	}
	return ok;
}

/* Takes every free block off the lists that boot has made. */
static void empty_lists(struct nb_zone *z)
{
	for (unsigned i = 0; i <= z->sys->max_order * NB_MIGRATE_TYPES + NB_MIGRATE_TYPES - 1;
	     i++) {
		struct nb_free_area *area = &z->free_area[i / NB_MIGRATE_TYPES];
		unsigned mt = i % NB_MIGRATE_TYPES;
		nb_link_t link = area->free_list[mt].first;

		while (link) {
			struct nb_page *page = nb_link_page(z->mem_map, link);

			link = page->next;
			nb_page_set_flags(page, 0);
		}
		area->free_list[mt] = (struct nb_list){0, 0};
		area->nr_free -= area->nr_free_type[mt];
		area->nr_free_type[mt] = 0;
		atomic_store_explicit(&z->free_mask[mt], 0, memory_order_relaxed);
	}
	atomic_store_explicit(&z->nr_free_pages, 0, memory_order_relaxed);
	atomic_store_explicit(&z->nr_free_cma, 0, memory_order_relaxed);
	atomic_store_explicit(&z->nr_free_highatomic, 0, memory_order_relaxed);
}

/* What boot frees later is the observation's to place, too. */
static void forget_later(struct nb_zone *z)
{
	struct nb_system *sys = z->sys;

	for (unsigned i = 0; i < sys->nr_reserved; i++) {
		const struct nb_reserved *x = &sys->reserved[i];
		const struct nb_memblock_range *r = &sys->ranges[x->range];

		if (r->zone != z)
			continue;
		for (nb_pfn_t pfn = x->later_pfn; pfn < x->end_pfn; pfn++)
			nb_page_set_flags(z->mem_map + r->dense + (pfn - r->start_pfn), 0);
	}
	z->later_pages = 0;
}

/* Pageblocks in use get types until the observed numbers are reached; whole blocks in use first. */
static void type_the_rest(struct nb_zone *z, const struct nb_zone_observed *obs)
{
	uint64_t block = UINT64_C(1) << z->sys->pageblock_order, known = 0;
	unsigned mt = 0;

	for (unsigned i = 0; i < NB_MIGRATE_TYPES; i++)
		known += obs->nr_pageblocks[i];
	if (!known)
		return;
	for (unsigned i = 0; i < z->nr_system_runs; i++) {
		uint64_t d = z->system_runs[i].dense;
		uint64_t end = d + ((uint64_t)z->system_runs[i].nr_blocks << z->sys->max_order);

		for (; d < end; d += block) {
			while (mt < NB_MIGRATE_TYPES &&
			       (mt == NB_MIGRATE_MOVABLE ||
				z->nr_pageblocks[mt] >= obs->nr_pageblocks[mt]))
				mt++;
			if (mt == NB_MIGRATE_TYPES)
				break;
			nb_set_pageblock_mt(z, (uint32_t)d, (enum nb_migratetype)mt);
		}
	}
	for (unsigned i = 0; i < NB_MIGRATE_TYPES; i++)
		z->nr_pageblocks[i] = obs->nr_pageblocks[i];
}

static void set_marks(struct nb_zone *z, const struct nb_zone_observed *obs)
{
	uint64_t highatomic = z->nr_pageblocks[NB_MIGRATE_HIGHATOMIC] << z->sys->pageblock_order;

	atomic_store_explicit(&z->nr_reserved_highatomic, highatomic, memory_order_relaxed);
	atomic_store_explicit(&z->watermark_boost, obs->boost_pages, memory_order_relaxed);
	for (unsigned i = 0; obs->wmark_pages && i < NB_NR_WMARK; i++)
		z->wmark[i] = obs->wmark_pages[i];
	for (unsigned i = 0; obs->protection_pages && i < NB_MAX_NR_ZONES; i++)
		z->lowmem_reserve[i] = obs->protection_pages[i];
	for (unsigned i = 0; i < NB_NR_NUMA_EVENTS; i++)
		z->numa_base[i] = obs->numa[i];
	z->sys->has_cma |= z->nr_pageblocks[NB_MIGRATE_CMA] != 0;
	nb_choose_path(z->sys);
	nb_calculate_totalreserve_pages(z->sys);
}

int nb_zone_set_observed(struct nb_system *sys, int nid, enum nb_zone_type type,
			 const struct nb_zone_observed *obs, struct nb_error *err)
{
	struct nb_pgdat *pgdat = nb_node_data(sys, nid);

	if (!pgdat || (unsigned)type >= NB_MAX_NR_ZONES)
		return nb_error_set(err, -NB_EINVAL, 0, "no zone %d on node %d", (int)type, nid);
	struct nb_zone *z = &pgdat->zone[type];
	struct nb_observed_plan plan = {.z = z};

	if (nb_zone_free_pages(z) + z->later_pages != z->managed_pages || z->nr_system_runs)
		return nb_error_set(err, -NB_EBUSY, 0,
				    "node %d zone %s: some of its pages are in use already", nid,
				    nb_zone_name(type));
	int r = nb_observed_plan(&plan, obs, err);

	if (r)
		return r;
	if (!commit_all(&plan))
		return nb_error_set(err, -NB_ENOMEM, 0, "no memory for page descriptors");
	empty_lists(z);
	forget_later(z);
	place_fragments(&plan);
	place_whole_blocks(&plan);
	type_the_rest(z, obs);
	set_marks(z, obs);
	return 0;
}
