/* observed_plan.c -- do the observed free blocks fit the zone, and how many of its blocks must be
 *split?
 *
 * Called by observed.c. A block that is not free is split in two halves, of which at most one may
 *be free (two would have merged), and the other is split further. So with n[k] blocks of order k
 *that are not free, c[k] free ones to place, and r[k] chunks of order k at the edges: c[k] <=
 *n[k+1] + r[k]		n[k] = 2 n[k+1] + r[k] - c[k] which is linear in the number of max-order
 *blocks that are split, n[max]; the least that fits is taken. From the pageblock order on, both
 *halves may be free where one is of a type that never merges with others (HighAtomic, CMA); or, if
 *nothing else fits, of any, as after a change of type. Below the pageblock order the same holds
 *within each migrate type's pageblocks; where they do not suffice (kernels before 6.10 put blocks
 *on other lists than their pageblock's), types share pageblocks.
 */
#include "mm/observed.h"

#include "base/mem.h"
#include "mm/boot.h"

static int no_fit(const struct nb_zone *z, struct nb_error *err, const char *what, uint64_t found,
		  uint64_t limit)
{
	return nb_error_set(
		err, -NB_EINVAL, 0,
		"node %d zone %s: %s: %llu observed, at most %llu fit its %llu managed pages",
		z->pgdat->nid, nb_zone_name(z->type), what, (unsigned long long)found,
		(unsigned long long)limit, (unsigned long long)z->managed_pages);
}

static void add_fragments(struct nb_observed_plan *p, uint64_t dense, uint64_t end)
{
	unsigned pageblock_order = p->z->sys->pageblock_order;
	uint64_t block = UINT64_C(1) << pageblock_order;

	while (dense < end) {
		struct nb_fragment *f = &p->fragments[p->nr_fragments++];
		uint64_t next = (dense + block) & ~(block - 1);
		unsigned order = 0;

		if (!(dense & (block - 1)) && dense + block <= end) {
			order = (unsigned)__builtin_ctzll(dense);
			while (dense + (UINT64_C(1) << order) > end)
				order--;
			next = dense + (UINT64_C(1) << order);
		}
		if (next > end)
			next = end;
		*f = (struct nb_fragment){.dense = dense, .end = next, .order = order};
		dense = next;
	}
}

/* Managed frames [start, end) of a piece: a span, or more of the one before. */
static void add_span(struct nb_observed_plan *p, const struct nb_memblock_range *r, nb_pfn_t start,
		     nb_pfn_t end)
{
	uint64_t dense = r->dense + (start - r->start_pfn);
	struct nb_span *last = p->nr_spans ? &p->spans[p->nr_spans - 1] : NULL;
	const struct nb_memblock_range *below = r->prev >= 0 ? &p->z->sys->ranges[r->prev] : NULL;
	bool joined = start > r->start_pfn || (below && below->end_pfn == start);

	if (start >= end)
		return;
	if (last && last->end == dense && joined)
		last->end += end - start;
	else
		p->spans[p->nr_spans++] = (struct nb_span){dense, dense + (end - start)};
}

/* What of a piece is managed: all but what was reserved for good. */
static void survey_piece(struct nb_observed_plan *p, const struct nb_memblock_range *r)
{
	const struct nb_system *sys = p->z->sys;
	nb_pfn_t low = p->z->managed_start_pfn, high = p->z->managed_end_pfn;
	nb_pfn_t start = r->start_pfn > low ? r->start_pfn : low;
	nb_pfn_t end = r->end_pfn < high ? r->end_pfn : high;

	for (unsigned i = nb_reserved_first_past(sys, start);
	     i < sys->nr_reserved && sys->reserved[i].start_pfn < end; i++) {
		add_span(p, r, start, sys->reserved[i].start_pfn);
		start = sys->reserved[i].later_pfn;
	}
	add_span(p, r, start, end);
}

/* What the zone's frames are, as spans, whole blocks and fragments. */
static bool survey(struct nb_observed_plan *p)
{
	struct nb_zone *z = p->z;
	const struct nb_system *sys = z->sys;
	uint64_t block = UINT64_C(1) << sys->max_order;
	unsigned pieces = 0, per_edge = sys->max_order - sys->pageblock_order + 2;

	for (int32_t i = z->first_range; i >= 0; i = sys->ranges[i].next)
		pieces++;
	for (unsigned i = 0; i < sys->nr_reserved; i++)
		pieces += sys->ranges[sys->reserved[i].range].zone == z;
	p->spans = nb_system_alloc(z->sys, pieces * sizeof(*p->spans));
	p->fragments = nb_system_alloc(z->sys, 2u * pieces * per_edge * sizeof(*p->fragments));
	if (!p->spans || !p->fragments)
		return false;
	for (int32_t i = z->first_range; i >= 0; i = sys->ranges[i].next)
		survey_piece(p, &sys->ranges[i]);
	for (unsigned i = 0; i < p->nr_spans; i++) {
		uint64_t first = (p->spans[i].dense + block - 1) & ~(block - 1);
		uint64_t last = p->spans[i].end & ~(block - 1);

		if (first >= last) {
			add_fragments(p, p->spans[i].dense, p->spans[i].end);
			continue;
		}
		add_fragments(p, p->spans[i].dense, first);
		add_fragments(p, last, p->spans[i].end);
		p->whole += (last - first) >> sys->max_order;
	}
	return true;
}

/* How many pageblocks a type's small blocks need at least. */
static uint64_t pageblocks_needed(const struct nb_system *sys, const uint64_t *want)
{
	uint64_t need = 0,
		 above = 0; /* above: in halves of the current order, taken by larger ones */

	for (unsigned k = sys->pageblock_order; k-- > 0;) {
		unsigned shift = sys->pageblock_order - k - 1;
		uint64_t q = ((want[k] + above) + (UINT64_C(1) << shift) - 1) >> shift;

		if (want[k] && q > need)
			need = q;
		above = 2 * (above + want[k]);
		above -= want[k];
	}
	return need;
}

/* Puts as much as fits of a type into a fragment; returns pages. Only counts, in want[]. */
static uint64_t absorb(const struct nb_system *sys, const struct nb_fragment *f, uint64_t *want)
{
	uint64_t roots[NB_NR_ORDERS] = {0}, pages = 0, split = 0;

	for (uint64_t d = f->dense; d < f->end;) {
		unsigned order = (unsigned)__builtin_ctzll(d | UINT64_C(1) << sys->pageblock_order);

		while (d + (UINT64_C(1) << order) > f->end)
			order--;
		roots[order]++;
		d += UINT64_C(1) << order;
	}
	for (unsigned k = sys->pageblock_order; k-- > 0;) {
		uint64_t room = split + roots[k], n = want[k] < room ? want[k] : room;

		want[k] -= n;
		pages += n << k;
		split = 2 * split + roots[k] - n;
	}
	return pages;
}

static uint64_t all_needed(const struct nb_system *sys, uint64_t want[][NB_NR_ORDERS],
			   uint64_t *ret_each)
{
	uint64_t sum = 0;

	for (unsigned mt = 0; mt < NB_MIGRATE_TYPES; mt++) {
		ret_each[mt] = pageblocks_needed(sys, want[mt]);
		sum += ret_each[mt];
	}
	return sum;
}

/* Gives a fragment to the type that can use most of it. A pageblock's parts have one type. */
static void use_fragment(struct nb_observed_plan *p, unsigned i, uint64_t want[][NB_NR_ORDERS])
{
	const struct nb_system *sys = p->z->sys;
	struct nb_fragment *f = &p->fragments[i];
	const struct nb_fragment *before = i ? f - 1 : NULL;
	unsigned shift = sys->pageblock_order;
	uint64_t best = 0;

	for (unsigned mt = 0; mt < NB_MIGRATE_TYPES; mt++) {
		uint64_t trial[NB_NR_ORDERS];

		if (before && before->used && before->dense >> shift == f->dense >> shift &&
		    before->mt != mt)
			continue;
		for (unsigned k = 0; k < NB_NR_ORDERS; k++)
			trial[k] = want[mt][k];
		uint64_t pages = absorb(sys, f, trial);

		if (pages > best) {
			best = pages;
			f->mt = (enum nb_migratetype)mt;
			f->used = true;
		}
	}
	if (f->used)
		absorb(sys, f, want[f->mt]);
}

/* How many split blocks `plain` and `apart` free halves need, when each can hold one of either kind
 * and `roots` of them, of the more frequent kind, lie elsewhere. */
static int64_t pairs_for(int64_t plain, int64_t apart, int64_t roots)
{
	int64_t more = plain > apart ? plain : apart, less = plain + apart - more;

	if (roots <= more - less)
		return more - roots;
	return less - (roots - (more - less)) / 2;
}

/* Blocks of pageblock order up to max_order - 1: how many max-order blocks must be split for them
 * at least. When s are split, *ret_base + (s << (max_order - pageblock_order)) pageblocks are left
 * that are not free. */
static uint64_t split_for_large(const struct nb_observed_plan *p, int64_t *ret_base)
{
	const struct nb_system *sys = p->z->sys;
	int64_t roots[NB_NR_ORDERS] = {0}, base = 0;
	uint64_t split = 0;

	for (unsigned i = 0; i < p->nr_fragments; i++) {
		if (p->fragments[i].order)
			roots[p->fragments[i].order]++;
	}
	for (unsigned k = sys->max_order; k-- > sys->pageblock_order;) {
		int64_t plain = 0, apart = 0;

		for (unsigned mt = 0; mt < NB_MIGRATE_TYPES; mt++)
			*(mt < NB_MIGRATE_PCPTYPES ? &plain : &apart) += (int64_t)p->want[mt][k];
		int64_t want = plain + apart, lack = pairs_for(plain, apart, roots[k]) - base;
		unsigned shift = sys->max_order - k - 1;

		if (p->loose) {
			lack = want - 2 * base - roots[k];
			shift++;
		}
		if (lack > 0 && (uint64_t)(lack + (INT64_C(1) << shift) - 1) >> shift > split)
			split = (uint64_t)(lack + (INT64_C(1) << shift) - 1) >> shift;
		base = 2 * base + roots[k] - want;
	}
	*ret_base = base;
	return split;
}

static int check_totals(const struct nb_observed_plan *p, const struct nb_zone_observed *obs,
			struct nb_error *err)
{
	const struct nb_zone *z = p->z;
	uint64_t pages = 0, top = 0;

	for (unsigned mt = 0; mt < NB_MIGRATE_TYPES; mt++) {
		for (unsigned k = 0; k < NB_NR_ORDERS; k++) {
			uint64_t n = obs->nr_free_by_type[mt][k];

			if (n > z->managed_pages >> k)
				return no_fit(z, err, "free blocks of an order", n,
					      z->managed_pages >> k);
			if (n && k > z->sys->max_order)
				return no_fit(z, err, "blocks above the highest order", n, 0);
			pages += n << k;
			top += k == z->sys->max_order ? n : 0;
		}
	}
	if (pages > z->managed_pages)
		return no_fit(z, err, "free pages", pages, z->managed_pages);
	if (top > p->whole)
		return no_fit(z, err, "free blocks of the highest order", top, p->whole);
	return 0;
}

/* Are `need` pageblocks there when at most `rest` max-order blocks are split? Then *split is raised
 * to that. */
static bool settle(struct nb_observed_plan *p, uint64_t need, int64_t base, uint64_t rest)
{
	unsigned shift = p->z->sys->max_order - p->z->sys->pageblock_order;
	int64_t lack = (int64_t)need - base;
	uint64_t split = lack > 0 ? (uint64_t)(lack + (INT64_C(1) << shift) - 1) >> shift : 0;

	if (split > p->split)
		p->split = split;
	return p->split <= rest;
}

/* Each type in pageblocks of its own; edges are used one by one while the rest does not suffice. */
static bool plan_by_type(struct nb_observed_plan *p, int64_t base, uint64_t rest)
{
	const struct nb_system *sys = p->z->sys;
	uint64_t small[NB_MIGRATE_TYPES][NB_NR_ORDERS];
	unsigned shift = sys->max_order - sys->pageblock_order;

	memcpy(small, p->want, sizeof(small));
	uint64_t need = all_needed(sys, small, p->pageblocks);

	for (unsigned i = 0; i < p->nr_fragments && (int64_t)need > base + (int64_t)(rest << shift);
	     i++) {
		if (p->fragments[i].order)
			continue;
		use_fragment(p, i, small);
		need = all_needed(sys, small, p->pageblocks);
	}
	return settle(p, need, base, rest);
}

/* All types together; every edge is used. */
static bool plan_mixed(struct nb_observed_plan *p, int64_t base, uint64_t rest)
{
	uint64_t sum[NB_NR_ORDERS] = {0};

	for (unsigned k = 0; k < NB_NR_ORDERS; k++) {
		for (unsigned mt = 0; mt < NB_MIGRATE_TYPES; mt++)
			sum[k] += p->want[mt][k];
	}
	p->mixed = true;
	for (unsigned i = 0; i < p->nr_fragments; i++) {
		p->fragments[i].used = true;
		if (!p->fragments[i].order)
			absorb(p->z->sys, &p->fragments[i], sum);
	}
	memset(p->pageblocks, 0, sizeof(p->pageblocks));
	p->pageblocks[0] = pageblocks_needed(p->z->sys, sum);
	return settle(p, p->pageblocks[0], base, rest);
}

int nb_observed_plan(struct nb_observed_plan *p, const struct nb_zone_observed *obs,
		     struct nb_error *err)
{
	const struct nb_system *sys = p->z->sys;
	uint64_t top = 0, least;
	int64_t base;
	int r;

	if (!survey(p))
		return nb_error_set(err, -NB_ENOMEM, 0, "no memory to plan node %d zone %s",
				    p->z->pgdat->nid, nb_zone_name(p->z->type));
	r = check_totals(p, obs, err);
	if (r)
		return r;
	memcpy(p->want, obs->nr_free_by_type, sizeof(p->want));
	for (unsigned mt = 0; mt < NB_MIGRATE_TYPES; mt++)
		top += p->want[mt][sys->max_order];
	uint64_t rest = p->whole - top; /* max-order blocks that may be split */

	p->split = least = split_for_large(p, &base);
	if (plan_by_type(p, base, rest))
		return 0;
	p->split = least;
	if (plan_mixed(p, base, rest))
		return 0;
	p->loose = true;
	p->split = split_for_large(p, &base);
	if (plan_mixed(p, base, rest))
		return 0;
	return no_fit(p->z, err, "blocks to be split for smaller ones", p->split, rest);
}
