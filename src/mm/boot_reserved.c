/* boot_reserved.c -- which pages memblock kept when it gave memory to the page allocator.
 *
 * nb_boot_reserved() is a step of boot: from machine->reserved (the boot log's memblock lines) it
 * makes sys->reserved[], which boot_free.c frees around and page.c and observed_plan.c look into. A
 * page that a range touches is reserved. Zones whose managed pages nobody told manage what is not
 * reserved. Where they are told, there may be more: boot gave pages back later (initrd, init
 * memory). Those are managed and in use by the system. The log does not say which they are: here
 * the highest reserved ones of the initrd, then of the kernel's image, then of the zone.
 * What contradicts the ranges puts them out of use, for all zones, and reserved pages are placed by
 * rule (section.c): fewer managed pages than were freed, or more by 4 GiB; counts that are of
 * another memory layout (a what-if command line); CMA and gigantic pages, which lie in reserved
 * memory at first. Source: mm/memblock.c, memblock_free_all(); mm/page_alloc.c,
 * free_reserved_area().
 */
#include "base/fmt.h"
#include "mm/boot.h"

#define MOST_LATER_BYTES (UINT64_C(4) << 30)

unsigned nb_reserved_first_past(const struct nb_system *sys, nb_pfn_t pfn)
{
	unsigned lo = 0, hi = sys->nr_reserved;

	while (lo < hi) {
		unsigned mid = lo + (hi - lo) / 2;

		if (sys->reserved[mid].end_pfn <= pfn)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* The load that holds a frame, or -1; *end shrinks to where that changes. */
static int load_of(const struct nb_system *sys, nb_pfn_t pfn, nb_pfn_t *end)
{
	const struct nb_machine *m = sys->machine;
	int found = -1;

	for (unsigned i = 0; i < m->nr_early; i++) {
		nb_pfn_t from = m->early[i].start >> sys->page_shift;
		nb_pfn_t to = m->early[i].end >> sys->page_shift;

		if (pfn >= from && pfn < to)
			found = (int)i;
		if (from > pfn && from < *end)
			*end = from;
		if (to > pfn && to < *end)
			*end = to;
	}
	return found;
}

/* Cuts the machine's ranges by pieces of memory and by loads; only counts where `out` is NULL. */
static unsigned cut(const struct nb_system *sys, struct nb_reserved *out)
{
	const struct nb_machine *m = sys->machine;
	unsigned n = 0, first = 0;

	for (unsigned i = 0; i < sys->nr_ranges; i++) {
		const struct nb_memblock_range *r = &sys->ranges[i];
		nb_pfn_t done = r->start_pfn;

		while (first < m->nr_reserved &&
		       m->reserved[first].end <= r->start_pfn << sys->page_shift)
			first++;
		for (unsigned k = first; k < m->nr_reserved; k++) {
			uint64_t page = (UINT64_C(1) << sys->page_shift) - 1;
			nb_pfn_t s = m->reserved[k].start >> sys->page_shift;
			nb_pfn_t e = (m->reserved[k].end + page) >> sys->page_shift;

			if (s >= r->end_pfn)
				break;
			/* Two ranges may share a page. */
			s = s > done ? s : done;
			e = e < r->end_pfn ? e : r->end_pfn;
			for (; s < e; s = done) {
				done = e;
				int load = load_of(sys, s, &done);

				if (out)
					out[n] = (struct nb_reserved){s, done, done, i, load};
				n++;
			}
		}
	}
	return n;
}

static uint64_t reserved_pages(const struct nb_system *sys, const struct nb_zone *z)
{
	uint64_t pages = 0;

	for (unsigned i = 0; i < sys->nr_reserved; i++) {
		const struct nb_reserved *r = &sys->reserved[i];

		if (sys->ranges[r->range].zone == z)
			pages += r->end_pfn - r->start_pfn;
	}
	return pages;
}

static uint64_t pages_of(const struct nb_zone *z)
{
	uint64_t pages = 0;

	for (int32_t i = z->first_range; i >= 0; i = z->sys->ranges[i].next)
		pages += z->sys->ranges[i].end_pfn - z->sys->ranges[i].start_pfn;
	return pages;
}

/* Pages that are taken from the firmware's memory for hugepagesz=, and come back to be managed. */
static bool wants_gigantic(const struct nb_system *sys)
{
	size_t len, used, pos = 0;
	const char *s;

	while ((s = nb_machine_option_next(sys->machine, "hugepagesz=", &pos, &len))) {
		if (nb_memparse(s, len, &used) >> sys->page_shift >> sys->max_order > 1)
			return true;
	}
	return false;
}

static bool zone_agrees(const struct nb_system *sys, const struct nb_zone *z)
{
	const struct nb_zone_fact *f = nb_machine_zone_fact(sys->machine, z->pgdat->nid, z->type);
	int at = nb_machine_node_index(sys->machine, z->pgdat->nid);
	uint64_t free_pages = pages_of(z) - reserved_pages(sys, z);

	if (z->cma_pages)
		return false;
	if (z->managed_source != NB_SOURCE_GIVEN)
		return !f && !(at >= 0 && sys->machine->nodes[at].managed_pages);
	return z->managed_pages >= free_pages &&
	       z->managed_pages - free_pages <= MOST_LATER_BYTES >> sys->page_shift;
}

/* Marks up to `pages` of the zone's entries as given back later, the highest first; returns what is
 * left. `load`: only its entries, -1: any. */
static uint64_t give_later(struct nb_system *sys, const struct nb_zone *z, int load, uint64_t pages)
{
	for (unsigned i = sys->nr_reserved; i-- > 0 && pages;) {
		struct nb_reserved *r = &sys->reserved[i];
		uint64_t n = r->later_pfn - r->start_pfn;

		if (sys->ranges[r->range].zone != z || (load >= 0 && r->load != load))
			continue;
		n = n < pages ? n : pages;
		r->later_pfn -= n;
		pages -= n;
	}
	return pages;
}

static void take_over(struct nb_system *sys, struct nb_zone *z)
{
	uint64_t free_pages = pages_of(z) - reserved_pages(sys, z), left;

	if (z->managed_source != NB_SOURCE_GIVEN) {
		z->managed_source = NB_SOURCE_COMPUTED;
		z->managed_pages = z->managed_at_init_pages = free_pages;
	}
	z->later_pages = left = z->managed_pages - free_pages;
	for (unsigned load = sys->machine->nr_early; load-- > 0;)
		left = give_later(sys, z, (int)load, left);
	(void)give_later(sys, z, -1, left);
	z->managed_start_pfn = 0;
	z->managed_end_pfn = nb_zone_end_pfn(z);
}

/* Does anything contradict? Then the ranges are not used. */
static bool agree(const struct nb_system *sys)
{
	for (unsigned i = 0; i < sys->nr_pgdat * NB_MAX_NR_ZONES; i++) {
		const struct nb_zone *z =
			&sys->pgdat[i / NB_MAX_NR_ZONES]->zone[i % NB_MAX_NR_ZONES];

		if (z->first_range >= 0 && !zone_agrees(sys, z))
			return false;
	}
	return !wants_gigantic(sys);
}

int nb_boot_reserved(struct nb_system *sys, struct nb_error *err)
{
	unsigned nr = sys->machine->nr_reserved ? cut(sys, NULL) : 0;

	if (!nr)
		return 0;
	sys->reserved = nb_arena_alloc(sys->arena, (size_t)nr * sizeof(*sys->reserved));
	if (!sys->reserved)
		return nb_error_set(err, -NB_ENOMEM, 0, "no memory for reserved ranges");
	sys->nr_reserved = cut(sys, sys->reserved);
	if (!agree(sys)) {
		sys->nr_reserved = 0;
		return 0;
	}
	for (unsigned i = 0; i < sys->nr_pgdat * NB_MAX_NR_ZONES; i++) {
		struct nb_zone *z = &sys->pgdat[i / NB_MAX_NR_ZONES]->zone[i % NB_MAX_NR_ZONES];

		if (z->first_range >= 0)
			take_over(sys, z);
	}
	return 0;
}
