/* capture_spans.c -- memory ranges out of proc/zoneinfo, when nothing better tells where RAM lies.
 *
 * Called by capture_memory.c. A zone prints where it starts, how far it spans and how many pages
 * are present; where its holes lie it does not say. The rule:
 *   - a zone gets [start, start + spanned); where another node's zone lies inside, that part is the
 *     other's (nodes that interleave);
 *   - x86's DMA zone has its hole where every PC has it: up to 1 MiB;
 *   - elsewhere pages that are spanned but not present lie right before the last pageblock, so that
 *     span and present count both come out as printed.
 * A zoneinfo without spans (managed pages alone) has its zones laid out where the architecture has
 * them: DMA from page 1, DMA32 from 16 MiB, others from 4 GiB, node after node, each as large as
 * its managed pages. Units: bytes, ends exclusive.
 */
#include "read/capture_priv.h"
#include <string.h>

#define LEGACY_END (UINT64_C(1) << 20)
#define DMA_END (UINT64_C(1) << 24)

/* Zones of kernels on x86 start no earlier than this when no start is printed. */
static uint64_t zone_floor(enum nb_arch arch, int type)
{
	if (arch == NB_ARCH_ARM64 || arch == NB_ARCH_OTHER || arch == NB_ARCH_ARM)
		return 0;
	if (type == NB_ZONE_DMA)
		return 0x1000;
	if (type == NB_ZONE_DMA32)
		return DMA_END;
	if (arch == NB_ARCH_X86_64)
		return UINT64_C(1) << 32;
	return DMA_END;
}

static uint64_t size_of(const struct nb_zoneinfo_zone *z, unsigned shift)
{
	uint64_t pages = 0;

	if (!nb_zoneinfo_get(z, NB_ZI_PRESENT, &pages) || !pages)
		(void)nb_zoneinfo_get(z, NB_ZI_MANAGED, &pages);
	return pages < UINT64_C(1) << 36 ? pages << shift : 0;
}

/* Without spans: one after the other, at or above the zone's floor. */
static void lay_out(const struct nb_build *b, struct nb_ranges *out)
{
	const struct nb_zoneinfo *zi = &b->c->zoneinfo;
	uint64_t next = 0;

	for (int type = 0; type < NB_MAX_NR_ZONES; type++) {
		for (size_t i = 0; i < zi->nr_zones; i++) {
			uint64_t size = size_of(&zi->zones[i], b->m->page_shift);
			uint64_t floor = zone_floor(b->m->arch, type);

			if (zi->zones[i].type != type || !size)
				continue;
			if (next < floor)
				next = floor;
			nb_ranges_add(out, next, next + size, NB_MEM_RAM, zi->zones[i].nid, 0,
				      zi->zones[i].line);
			next += size;
		}
	}
}

static bool span_of(const struct nb_zoneinfo_zone *z, unsigned shift, uint64_t *start,
		    uint64_t *end, uint64_t *present)
{
	uint64_t pfn, spanned, pages;

	if (!nb_zoneinfo_get(z, NB_ZI_START_PFN, &pfn) ||
	    !nb_zoneinfo_get(z, NB_ZI_SPANNED, &spanned) || !spanned || pfn > UINT64_C(1) << 38 ||
	    spanned > UINT64_C(1) << 38)
		return false;
	if (!nb_zoneinfo_get(z, NB_ZI_PRESENT, &pages) || !pages || pages > spanned)
		pages = spanned;
	*start = pfn << shift;
	*end = (pfn + spanned) << shift;
	*present = pages << shift;
	return true;
}

/* Takes `hole` bytes out of the zone's parts, from right before their last pageblock downwards. */
static void make_hole(struct nb_ranges *parts, uint64_t hole, uint64_t keep)
{
	for (size_t i = parts->n; i-- > 0 && hole;) {
		struct nb_mem_range r = parts->v[i];
		uint64_t end = r.end, start, room;

		if (i + 1 == parts->n && end - r.start > keep)
			end -= keep;
		room = end - r.start;
		start = room > hole ? end - hole : r.start;
		hole -= end - start;
		nb_ranges_cut(parts, start, end);
	}
}

static void add_zone(const struct nb_build *b, const struct nb_zoneinfo_zone *z,
		     struct nb_ranges *out)
{
	const struct nb_zoneinfo *zi = &b->c->zoneinfo;
	unsigned shift = b->m->page_shift;
	uint64_t start, end, present, have = 0, s2, e2, p2, keep = UINT64_C(512) << shift;
	struct nb_ranges parts = {0};

	if (!span_of(z, shift, &start, &end, &present))
		return;
	nb_ranges_add(&parts, start, end, NB_MEM_RAM, z->nid, 0, z->line);
	for (size_t i = 0; i < zi->nr_zones; i++)
		if (zi->zones[i].nid != z->nid && span_of(&zi->zones[i], shift, &s2, &e2, &p2) &&
		    s2 < end && e2 > start && (s2 > start || (s2 == start && e2 < end)))
			nb_ranges_cut(&parts, s2, e2);
	for (size_t i = 0; i < parts.n; i++)
		have += parts.v[i].end - parts.v[i].start;
	if (z->type == NB_ZONE_DMA && b->m->arch != NB_ARCH_ARM64 && start < LEGACY_END &&
	    end > LEGACY_END && have > present && have - present < LEGACY_END - start) {
		nb_ranges_cut(&parts, LEGACY_END - (have - present), LEGACY_END);
		have = present;
	}
	if (present < keep * 2)
		keep = UINT64_C(1) << shift;
	if (have > present)
		make_hole(&parts, have - present, keep);
	for (size_t i = 0; i < parts.n; i++)
		nb_ranges_add(out, parts.v[i].start, parts.v[i].end, NB_MEM_RAM, z->nid, 0,
			      z->line);
	nb_ranges_release(&parts);
}

void nb_capture_spans(const struct nb_build *b, struct nb_ranges *out, const char **ret_how)
{
	const struct nb_zoneinfo *zi = &b->c->zoneinfo;

	*ret_how = "zone spans of proc/zoneinfo, holes placed by rule";
	for (size_t i = 0; i < zi->nr_zones; i++)
		add_zone(b, &zi->zones[i], out);
	if (out->n)
		return;
	*ret_how = "zone sizes of proc/zoneinfo, laid out by rule";
	lay_out(b, out);
}
