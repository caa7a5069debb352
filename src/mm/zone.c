/* zone.c -- the zones of every node: where they begin, what they span, what they hold.
 *
 * nb_boot_zones() is the second step of boot. The architecture gives each zone type an end; that
 * makes the possible ranges, one after the other from the first RAM page. A node's zone is its
 * extent inside that range, less what ZONE_MOVABLE takes (movable.c); spanned counts all its
 * frames, present those of the node's own ranges. Memory added after boot then widens zones.
 * Managed pages come from observed facts, or are estimated: present less 64 bytes a present page,
 * off the node's top. Cost is O(nodes x zones + ranges x zones). Units: pfns, pages. Source:
 * mm/mm_init.c:free_area_init(), arch zone_sizes_init(); facts 1.1 to 1.5, 2.8, 12.4.
 */
#include "mm/boot.h"
#include "mm/memblock.h"

#include "base/fmt.h"

/* End of low memory as Debian's 6.1 i386 kernels place it: VMALLOC_END - PAGE_OFFSET - the vmalloc
 * reserve; VMALLOC_END from the boot logs of both flavours. Source: docs/linux-notes.md, Low
 * memory. */
#define I386_PAGE_OFFSET UINT64_C(0xc0000000)
#define I386_VMALLOC_END UINT64_C(0xfebfe000)
#define I386PAE_VMALLOC_END UINT64_C(0xfeffe000)
#define I386_VMALLOC_RESERVE (UINT64_C(128) << 20)
#define I386_VMALLOC_OFFSET (UINT64_C(8) << 20)
/* arm: VMALLOC_END - 240 MiB - 8 MiB of offset, from PAGE_OFFSET. */
#define ARM_LOWMEM_MAX (UINT64_C(768) << 20)

/* First byte past low memory if there is more of it than that. */
static uint64_t lowmem_limit(const struct nb_system *sys)
{
	const struct nb_machine *m = sys->machine;
	uint64_t reserve = I386_VMALLOC_RESERVE;
	size_t len, used;
	const char *s;

	if (m->lowmem_end)
		return m->lowmem_end;
	if (m->arch == NB_ARCH_ARM)
		return sys->memblock[0].start + ARM_LOWMEM_MAX;
	s = nb_machine_option(m, "vmalloc=", &len);
	if (s)
		reserve = nb_memparse(s, len, &used) + I386_VMALLOC_OFFSET;
	return (m->arch == NB_ARCH_I386PAE ? I386PAE_VMALLOC_END : I386_VMALLOC_END) -
	       I386_PAGE_OFFSET - reserve;
}

static nb_pfn_t least(nb_pfn_t a, nb_pfn_t b)
{
	return a < b ? a : b;
}

/* arm64: how far a zone for devices of so many bits reaches. Memory that begins above the limit
 * moves it. Source: max_zone_phys(). */
static nb_pfn_t arm64_zone_end(const struct nb_system *sys, uint64_t limit)
{
	uint64_t start = sys->memblock[0].start, end = sys->max_pfn << sys->page_shift;

	if (start >= UINT64_C(1) << 32)
		limit = end;
	else if (start >= limit)
		limit = UINT64_C(1) << 32;
	return (limit < end ? limit : end) >> sys->page_shift;
}

/* End pfn of each zone type; 0 for those without one. */
static void zone_limits(struct nb_system *sys, nb_pfn_t limit[NB_MAX_NR_ZONES])
{
	uint64_t narrow = sys->machine->dma_limit ? sys->machine->dma_limit : UINT64_C(1) << 32;
	nb_pfn_t low_end;

	for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++)
		limit[t] = 0;
	sys->max_low_pfn = sys->max_pfn;
	switch (sys->machine->arch) {
	case NB_ARCH_X86_64:
		limit[NB_ZONE_DMA] = least((UINT64_C(16) << 20) >> sys->page_shift, sys->max_pfn);
		limit[NB_ZONE_DMA32] = least((UINT64_C(1) << 32) >> sys->page_shift, sys->max_pfn);
		limit[NB_ZONE_NORMAL] = sys->max_pfn;
		break;
	case NB_ARCH_I386:
	case NB_ARCH_I386PAE:
	case NB_ARCH_ARM:
		low_end = lowmem_limit(sys) >> sys->page_shift;
		sys->max_low_pfn = least(low_end, sys->max_pfn);
		if (sys->machine->arch != NB_ARCH_ARM)
			limit[NB_ZONE_DMA] =
				least((UINT64_C(16) << 20) >> sys->page_shift, sys->max_low_pfn);
		limit[NB_ZONE_NORMAL] = sys->max_low_pfn;
		limit[NB_ZONE_HIGHMEM] = sys->max_pfn;
		break;
	case NB_ARCH_ARM64:
		limit[NB_ZONE_DMA] = arm64_zone_end(sys, narrow);
		limit[NB_ZONE_DMA32] = arm64_zone_end(sys, UINT64_C(1) << 32);
		limit[NB_ZONE_NORMAL] = sys->max_pfn;
		break;
	default:
		limit[NB_ZONE_NORMAL] = sys->max_pfn;
		break;
	}
}

/* The ranges that zones may have at all, and the one ZONE_MOVABLE takes its pages from. */
static void possible_ranges(struct nb_system *sys)
{
	nb_pfn_t limit[NB_MAX_NR_ZONES], start = sys->memblock[0].start >> sys->page_shift;

	zone_limits(sys, limit);
	sys->movable_zone = NB_ZONE_NORMAL;
	for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++) {
		if (t == NB_ZONE_MOVABLE || !nb_zone_configured(sys, (enum nb_zone_type)t))
			continue;
		sys->zone_low_pfn[t] = start;
		sys->zone_high_pfn[t] = limit[t] > start ? limit[t] : start;
		start = sys->zone_high_pfn[t];
		if (sys->zone_high_pfn[t] > sys->zone_low_pfn[t])
			sys->movable_zone = (enum nb_zone_type)t;
	}
}

/* Extent of every node: node_start_pfn, node_spanned_pages. */
static void node_extents(struct nb_system *sys, const struct nb_node_ranges *r)
{
	nb_pfn_t start, end, last;

	for (unsigned n = 0; n < sys->nr_pgdat; n++) {
		struct nb_pgdat *p = sys->pgdat[n];

		if (r->first[n] == r->first[n + 1])
			continue;
		nb_memblock_pfns(sys, r->index[r->first[n]], &start, &end);
		nb_memblock_pfns(sys, r->index[r->first[n + 1] - 1], &last, &end);
		p->node_start_pfn = start;
		p->node_spanned_pages = end - start;
	}
}

static nb_pfn_t clamp(nb_pfn_t x, nb_pfn_t low, nb_pfn_t high)
{
	return x < low ? low : x > high ? high : x;
}

/* What ZONE_MOVABLE, beginning at p->movable_start_pfn, leaves to the zone [*start, *end). */
static void give_to_movable(const struct nb_pgdat *p, unsigned t, nb_pfn_t node_end, bool mirror,
			    nb_pfn_t *start, nb_pfn_t *end)
{
	const struct nb_system *sys = p->sys;
	nb_pfn_t m = p->movable_start_pfn;

	if (!m)
		return;
	if (t == NB_ZONE_MOVABLE) {
		*start = m;
		*end = least(node_end, sys->zone_high_pfn[sys->movable_zone]);
	} else if (!mirror && *start<m && * end> m) {
		*end = m;
	} else if (*start >= m) {
		*start = *end;
	}
}

/* Frames in [start, end) that are no pages of this zone: holes, other nodes' memory and, with
 * kernelcore=mirror, what belongs to the other one of Normal and Movable. */
static uint64_t present_in(struct nb_system *sys, const struct nb_pgdat *p, unsigned t,
			   nb_pfn_t start, nb_pfn_t end, const struct nb_node_ranges *r,
			   bool mirror)
{
	uint64_t present = 0, foreign = 0;
	nb_pfn_t s, e;

	for (unsigned k = r->first[p->index]; k < r->first[p->index + 1]; k++) {
		nb_memblock_pfns(sys, r->index[k], &s, &e);
		present += clamp(e, start, end) - clamp(s, start, end);
	}
	if (!mirror || !p->movable_start_pfn || (t != NB_ZONE_MOVABLE && t != NB_ZONE_NORMAL))
		return present;
	/* Linux looks at all memory inside the span here, not at this node's alone. */
	for (unsigned i = 0; i < sys->nr_memblock; i++) {
		bool mirrored = sys->memblock[i].flags & NB_RANGE_MIRROR;

		if (nb_memblock_pfns(sys, i, &s, &e) && mirrored == (t == NB_ZONE_MOVABLE))
			foreign += clamp(e, start, end) - clamp(s, start, end);
	}
	return present > foreign ? present - foreign : 0;
}

static void make_zones(struct nb_system *sys, const struct nb_node_ranges *r, bool mirror)
{
	for (unsigned n = 0; n < sys->nr_pgdat; n++) {
		struct nb_pgdat *p = sys->pgdat[n];
		nb_pfn_t node_start = p->node_start_pfn;
		nb_pfn_t node_end = node_start + p->node_spanned_pages;

		p->node_spanned_pages = 0;
		for (unsigned t = 0; node_end && t < NB_MAX_NR_ZONES; t++) {
			struct nb_zone *z = &p->zone[t];
			nb_pfn_t start =
				clamp(node_start, sys->zone_low_pfn[t], sys->zone_high_pfn[t]);
			nb_pfn_t end = clamp(node_end, sys->zone_low_pfn[t], sys->zone_high_pfn[t]);

			if (!nb_zone_configured(sys, z->type))
				continue;
			give_to_movable(p, t, node_end, mirror, &start, &end);
			if (end < node_start || start > node_end || start >= end)
				continue;
			start = start > node_start ? start : node_start;
			end = least(end, node_end);
			if (start >= end)
				continue;
			z->zone_start_pfn = start;
			z->spanned_pages = end - start;
			z->present_pages = present_in(sys, p, t, start, end, r, mirror);
			p->node_spanned_pages += z->spanned_pages;
			p->node_present_pages += z->present_pages;
		}
	}
}

/* Widens the extent [*start, *start + *spanned) so that it holds [from, to). */
static void widen(nb_pfn_t *start, uint64_t *spanned, nb_pfn_t from, nb_pfn_t to)
{
	nb_pfn_t end = *start + *spanned;

	if (!*spanned) {
		*start = from;
		*spanned = to - from;
		return;
	}
	*start = least(*start, from);
	*spanned = (end > to ? end : to) - *start;
}

/* Which zone memory goes to when it is onlined. Source: default_kernel_zone_for_pfn(). */
static struct nb_zone *zone_for_hot_added(struct nb_pgdat *p, const struct nb_mem_range *r,
					  nb_pfn_t from, nb_pfn_t to)
{
	const struct nb_system *sys = p->sys;

	if (r->flags & NB_RANGE_MOVABLE && nb_zone_configured(sys, NB_ZONE_MOVABLE))
		return &p->zone[NB_ZONE_MOVABLE];
	for (unsigned t = 0; t <= NB_ZONE_NORMAL; t++) {
		struct nb_zone *z = &p->zone[t];

		if (z->spanned_pages && from < nb_zone_end_pfn(z) && to > z->zone_start_pfn)
			return z;
	}
	return &p->zone[NB_ZONE_NORMAL];
}

static void add_hot_added(struct nb_system *sys)
{
	for (unsigned i = 0; i < sys->nr_memblock; i++) {
		const struct nb_mem_range *r = &sys->memblock[i];
		struct nb_pgdat *p = nb_node_data(sys, r->nid);
		struct nb_zone *z;
		nb_pfn_t from, to;

		if (nb_memblock_pfns(sys, i, &from, &to))
			continue;
		z = zone_for_hot_added(p, r, from, to);
		widen(&z->zone_start_pfn, &z->spanned_pages, from, to);
		widen(&p->node_start_pfn, &p->node_spanned_pages, from, to);
		z->present_pages += to - from;
		p->node_present_pages += to - from;
		if (to > sys->max_pfn) {
			sys->max_low_pfn = sys->max_low_pfn == sys->max_pfn ? to : sys->max_low_pfn;
			sys->max_pfn = to;
		}
	}
}

/* The zone's observed counts, if it is the zone that was observed. */
static const struct nb_zone_fact *fact_of(const struct nb_system *sys, const struct nb_zone *z)
{
	const struct nb_zone_fact *f = nb_machine_zone_fact(sys->machine, z->pgdat->nid, z->type);

	if (!f || (f->managed_pages != NB_UNKNOWN && f->managed_pages > z->present_pages))
		return NULL;
	if (f->present_pages && f->present_pages != NB_UNKNOWN &&
	    f->present_pages != z->present_pages)
		return NULL;
	return f;
}

/* Takes `pages` of the memory map off the node's zones, highest first. Where there is high memory
 * the map cannot lie there. */
static void take_memmap(struct nb_pgdat *p, uint64_t pages)
{
	static const enum nb_zone_type order[] = {NB_ZONE_DEVICE, NB_ZONE_MOVABLE, NB_ZONE_NORMAL,
						  NB_ZONE_DMA32,  NB_ZONE_DMA,     NB_ZONE_HIGHMEM};
	bool high = nb_zone_configured(p->sys, NB_ZONE_HIGHMEM);

	for (unsigned pass = 0; pass < 2; pass++) {
		for (unsigned i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
			struct nb_zone *z = &p->zone[order[i]];
			uint64_t n;

			/* Second pass: a node of high memory alone. */
			if (high && order[i] == NB_ZONE_MOVABLE && pass == 0)
				continue;
			if (z->managed_source != NB_SOURCE_ESTIMATED)
				continue;
			n = pages < z->managed_pages ? pages : z->managed_pages;
			z->managed_pages -= n;
			pages -= n;
		}
	}
}

/* Pages of the zone that were given back after boot had set watermarks. Where spans overlap (nodes
 * that interleave), the frame's node decides. */
static uint64_t freed_later(const struct nb_zone *z)
{
	const struct nb_system *sys = z->pgdat->sys;
	const struct nb_machine *m = sys->machine;
	uint64_t freed = 0;

	for (unsigned i = 0; i < m->nr_early; i++) {
		uint64_t start = m->early[i].start;
		uint64_t end = start + (m->early[i].freed_pages << sys->page_shift);

		for (unsigned k = 0; k < sys->nr_memblock; k++) {
			const struct nb_mem_range *r = &sys->memblock[k];
			nb_pfn_t from = (r->start > start ? r->start : start) >> sys->page_shift;
			nb_pfn_t to = least(r->end, end) >> sys->page_shift;

			if (r->nid != z->pgdat->nid || from >= to)
				continue;
			freed += clamp(to, z->zone_start_pfn, nb_zone_end_pfn(z)) -
				 clamp(from, z->zone_start_pfn, nb_zone_end_pfn(z));
		}
	}
	return freed;
}

/* What a node's present pages are more than its managed ones: as its total tells, else the memory
 * map's 64 bytes a page. */
static uint64_t reserved_of(const struct nb_pgdat *p)
{
	const struct nb_machine *m = p->sys->machine;
	int at = nb_machine_node_index(m, p->nid);
	uint64_t page = UINT64_C(1) << p->sys->page_shift;
	uint64_t managed = at >= 0 ? m->nodes[at].managed_pages : 0;

	if (managed && managed <= p->node_present_pages && !nb_machine_option(m, "numa=", NULL))
		return p->node_present_pages - managed;
	return (p->node_present_pages * 64 + page - 1) / page;
}

/* Managed pages of a node: as observed, else estimated. What observed zones have reserved counts
 * towards what the node has. */
static void set_managed(struct nb_pgdat *p)
{
	struct nb_system *sys = p->sys;
	uint64_t memmap = reserved_of(p), given = 0;
	bool estimated = false;

	for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++) {
		struct nb_zone *z = &p->zone[t];
		const struct nb_zone_fact *f = fact_of(sys, z);

		z->managed_source = NB_SOURCE_ESTIMATED;
		z->managed_pages = z->present_pages;
		if (!z->present_pages) {
			z->managed_source = NB_SOURCE_COMPUTED;
		} else if (f && f->managed_pages != NB_UNKNOWN) {
			z->managed_source = NB_SOURCE_GIVEN;
			z->managed_pages = f->managed_pages;
			given += z->present_pages - z->managed_pages;
		} else {
			estimated = true;
		}
		if (f && f->cma_pages != NB_UNKNOWN && f->cma_pages <= z->present_pages)
			z->cma_pages = f->cma_pages;
	}
	if (estimated && memmap > given)
		take_memmap(p, memmap - given);
	for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++) {
		struct nb_zone *z = &p->zone[t];
		const struct nb_zone_fact *f = fact_of(sys, z);

		z->managed_at_init_pages = z->managed_pages;
		if (!f || z->managed_source != NB_SOURCE_GIVEN)
			continue;
		if (f->managed_at_init_pages != NB_UNKNOWN &&
		    f->managed_at_init_pages <= z->present_pages)
			z->managed_at_init_pages = f->managed_at_init_pages;
		z->managed_at_init_pages -= least(freed_later(z), z->managed_at_init_pages);
	}
}

int nb_boot_zones(struct nb_system *sys, struct nb_error *err)
{
	struct nb_node_ranges r;
	bool mirror;

	if (nb_sort_by_node(sys, &r))
		return nb_error_set(err, -NB_ENOMEM, 0, "no memory for the zones");
	possible_ranges(sys);
	node_extents(sys, &r);
	nb_find_zone_movable_pfns(sys, &mirror);
	make_zones(sys, &r, mirror);
	add_hot_added(sys);
	for (unsigned n = 0; n < sys->nr_pgdat; n++)
		set_managed(sys->pgdat[n]);
	return 0;
}
