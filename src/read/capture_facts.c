/* capture_facts.c -- managed pages of each zone, now and when boot set watermarks and reserves.
 *
 * Called by capture_machine.c. Managed pages depend on what the kernel reserved for itself, so they
 * are taken from proc/zoneinfo. Watermarks of boot rest on fewer: the initrd, init memory, gaps in
 * the kernel image and unused decrypted memory were given back later, and the boot log says how
 * much. Where: the initrd at RAMDISK's address, the rest beside "Kernel code" of proc/iomem.
 * Source: facts 2.8. Units: pages.
 */
#include "read/capture_priv.h"
#include <stdlib.h>
#include <string.h>

struct given {
	const struct nb_zoneinfo_zone *zone;
	uint64_t pages; /* given back after boot's watermarks */
};

struct placing {
	struct nb_build *b;
	struct given *zones; /* as in zoneinfo */
	size_t n;
};

static bool in_span(const struct nb_zoneinfo_zone *z, uint64_t pfn)
{
	uint64_t start, spanned;

	return nb_zoneinfo_get(z, NB_ZI_START_PFN, &start) &&
	       nb_zoneinfo_get(z, NB_ZI_SPANNED, &spanned) && pfn >= start && pfn - start < spanned;
}

/* Node of an address by the affinity or the ranges that the machine was given; NB_NO_NODE. */
static int node_of(const struct nb_machine *m, uint64_t addr)
{
	for (unsigned i = 0; i < m->nr_ranges; i++)
		if (addr >= m->ranges[i].start && addr < m->ranges[i].end)
			return m->ranges[i].nid;
	for (unsigned i = 0; i < m->nr_affinity; i++)
		if (addr >= m->affinity[i].start && addr < m->affinity[i].end)
			return m->affinity[i].nid;
	return NB_NO_NODE;
}

/* The zone type that holds an address where no spans are printed. Source: facts 1.1. */
static int type_of(const struct nb_machine *m, uint64_t addr)
{
	if (m->arch == NB_ARCH_ARM64)
		return addr >> 32 ? NB_ZONE_NORMAL : NB_ZONE_DMA;
	if (addr < 1 << 24)
		return NB_ZONE_DMA;
	if (m->arch == NB_ARCH_X86_64)
		return addr >> 32 ? NB_ZONE_NORMAL : NB_ZONE_DMA32;
	return m->lowmem_end && addr >= m->lowmem_end ? NB_ZONE_HIGHMEM : NB_ZONE_NORMAL;
}

/* The zone that holds a frame: by span; of several (nodes that interleave) the address' node's. */
static struct given *zone_at(struct placing *p, uint64_t pfn)
{
	const struct nb_machine *m = p->b->m;
	uint64_t addr = pfn << m->page_shift;
	int nid = node_of(m, addr), type = type_of(m, addr);
	struct given *found = NULL;

	for (size_t i = 0; i < p->n; i++)
		if (in_span(p->zones[i].zone, pfn) && (!found || p->zones[i].zone->nid == nid))
			found = &p->zones[i];
	for (size_t i = 0; !found && i < p->n; i++)
		if (p->zones[i].zone->type == type &&
		    (nid == NB_NO_NODE || p->zones[i].zone->nid == nid))
			found = &p->zones[i];
	return found;
}

static void nearer(uint64_t *next, uint64_t pfn, uint64_t at)
{
	if (at > pfn && at < *next)
		*next = at;
}

/* The first frame after `pfn` where another zone or another node may begin; at most `end`. */
static uint64_t next_border(const struct placing *p, uint64_t pfn, uint64_t end)
{
	const struct nb_machine *m = p->b->m;
	unsigned shift = m->page_shift;
	uint64_t next = end, start, spanned;

	for (size_t i = 0; i < p->n; i++)
		if (nb_zoneinfo_get(p->zones[i].zone, NB_ZI_START_PFN, &start) &&
		    nb_zoneinfo_get(p->zones[i].zone, NB_ZI_SPANNED, &spanned)) {
			nearer(&next, pfn, start);
			nearer(&next, pfn, start + spanned);
		}
	for (unsigned i = 0; i < m->nr_ranges; i++) {
		nearer(&next, pfn, m->ranges[i].start >> shift);
		nearer(&next, pfn, m->ranges[i].end >> shift);
	}
	for (unsigned i = 0; i < m->nr_affinity; i++) {
		nearer(&next, pfn, m->affinity[i].start >> shift);
		nearer(&next, pfn, m->affinity[i].end >> shift);
	}
	nearer(&next, pfn, (UINT64_C(1) << 24) >> shift);
	nearer(&next, pfn, (UINT64_C(1) << 32) >> shift);
	nearer(&next, pfn, m->lowmem_end >> shift);
	return next;
}

/* Gives [start_pfn, start_pfn + pages) back to the zones that hold it. */
static void give(struct placing *p, uint64_t start_pfn, uint64_t pages)
{
	for (uint64_t pfn = start_pfn, end = start_pfn + pages; pfn < end;) {
		struct given *zone = zone_at(p, pfn);
		uint64_t next = next_border(p, pfn, end);

		if (zone)
			zone->pages += next - pfn;
		pfn = next;
	}
}

/* The kernel's image in proc/iomem: "Kernel code" to the end of the last "Kernel ..." entry. */
static bool kernel_image(const struct nb_capture *c, uint64_t *ret_start, uint64_t *ret_end)
{
	bool found = false;

	for (size_t i = 0; c->has_iomem && i < c->iomem.nr_entries; i++) {
		const char *name = c->iomem.entries[i].name;

		if (!name || strncmp(name, "Kernel ", 7))
			continue;
		if (!strcmp(name, "Kernel code")) {
			*ret_start = c->iomem.entries[i].start;
			found = true;
		}
		*ret_end = c->iomem.entries[i].end + 1;
	}
	return found && *ret_end > *ret_start;
}

/* Without proc/iomem: nokaslr leaves x86's kernel at 16 MiB, and arm64's lies low. Where KASLR put
 * it shows in what a zone lacks: present less managed pages, beyond the memory map's own 64 bytes a
 * page, is greatest in the zone that holds the image. */
static struct given *guess_home(struct placing *p)
{
	const struct nb_machine *m = p->b->m;
	struct given *home = NULL;
	uint64_t most = 0;

	if (nb_machine_option(m, "nokaslr", NULL))
		return zone_at(p, (UINT64_C(1) << 24) >> m->page_shift);
	for (size_t i = 0; i < p->n; i++) {
		const struct nb_zoneinfo_zone *z = p->zones[i].zone;
		uint64_t present, managed, map;

		if (z->type == NB_ZONE_HIGHMEM || z->type == NB_ZONE_MOVABLE ||
		    !nb_zoneinfo_get(z, NB_ZI_PRESENT, &present) ||
		    !nb_zoneinfo_get(z, NB_ZI_MANAGED, &managed))
			continue;
		map = present / ((UINT64_C(1) << m->page_shift) / 64);
		if (present >= managed + map && present - managed - map >= most) {
			most = present - managed - map;
			home = &p->zones[i];
		}
	}
	return home ? home : zone_at(p, (UINT64_C(1) << 24) >> m->page_shift);
}

/* Do all printed zones say where they are (a file that was cut off may not)? Else boot finds the
 * zone of an address. */
static bool has_spans(const struct placing *p)
{
	bool any = false;

	for (size_t i = 0; i < p->n; i++) {
		uint64_t present = 0;

		(void)nb_zoneinfo_get(p->zones[i].zone, NB_ZI_PRESENT, &present);
		if (!present)
			continue;
		if (!nb_zoneinfo_get(p->zones[i].zone, NB_ZI_START_PFN, NULL) ||
		    !nb_zoneinfo_get(p->zones[i].zone, NB_ZI_SPANNED, NULL))
			return false;
		any = true;
	}
	return any;
}

static int place_freed(struct placing *p)
{
	const struct nb_dmesg *d = &p->b->c->dmesg;
	unsigned shift = p->b->m->page_shift;
	uint64_t initrd = d->freed_initrd_kib >> (shift - 10), page = UINT64_C(1) << shift;
	uint64_t init = d->freed_init_kib >> (shift - 10);
	struct nb_early_load image = {0}, disk = {.start = d->initrd_start, .end = d->initrd_end};
	bool spans = has_spans(p), has_image = kernel_image(p->b->c, &image.start, &image.end);
	bool has_disk = disk.end > disk.start && initrd <= (disk.end - disk.start) / page + 1;
	struct given *home = NULL;
	int bad = 0;

	if (!has_image)
		home = guess_home(p);
	else if (spans)
		home = zone_at(p, image.start >> shift);
	else
		image.freed_pages = init;
	if (home)
		home->pages += init;
	if (!has_disk && home)
		home->pages += initrd;
	else if (!has_disk)
		image.freed_pages += initrd;
	else if (spans)
		give(p, disk.start >> shift, initrd);
	else
		disk.freed_pages = initrd;
	if (has_image)
		bad = nb_machine_add_early(p->b->m, &image);
	if (!bad && disk.end > disk.start)
		bad = nb_machine_add_early(p->b->m, &disk);
	return bad;
}

static int add_fact(struct nb_build *b, const struct given *g, bool has_log)
{
	const struct nb_zoneinfo_zone *z = g->zone;
	struct nb_zone_fact fact = {.nid = z->nid,
				    .type = (enum nb_zone_type)z->type,
				    .managed_at_init_pages = NB_UNKNOWN,
				    .cma_pages = NB_UNKNOWN,
				    .present_pages = NB_UNKNOWN,
				    .line = z->line};

	if (!nb_zoneinfo_get(z, NB_ZI_MANAGED, &fact.managed_pages))
		return 0;
	(void)nb_zoneinfo_get(z, NB_ZI_PRESENT, &fact.present_pages);
	if (fact.managed_pages > fact.present_pages)
		return nb_error_set(b->err, -NB_EINVAL, z->line,
				    "node %d, zone %s: managed %llu is more than present %llu; at "
				    "most as many can be managed",
				    z->nid, z->name, (unsigned long long)fact.managed_pages,
				    (unsigned long long)fact.present_pages);
	if (has_log && fact.managed_pages >= g->pages)
		fact.managed_at_init_pages = fact.managed_pages - g->pages;
	(void)nb_zoneinfo_get(z, NB_ZI_CMA, &fact.cma_pages);
	return nb_machine_add_zone_fact(b->m, &fact);
}

/* Where no zone's managed pages are told, each node's MemTotal is their sum. */
static bool node_totals(struct nb_build *b)
{
	bool any = false;

	for (unsigned i = 0; i < b->m->nr_nodes; i++) {
		uint64_t bytes = nb_capture_node_total(b, i);

		if (bytes)
			b->m->nodes[i].managed_pages = bytes >> b->m->page_shift;
		any |= b->m->nodes[i].managed_pages != 0;
	}
	return any;
}

int nb_capture_facts(struct nb_build *b)
{
	const struct nb_zoneinfo *zi = &b->c->zoneinfo;
	const struct nb_dmesg *d = &b->c->dmesg;
	bool has_log = d->freed_initrd_kib || d->freed_init_kib, any = false;
	struct placing p = {.b = b};
	int bad = 0;

	if (!b->c->has_zoneinfo) {
		nb_capture_add_note(b->c, node_totals(b)
						  ? "managed pages: no proc/zoneinfo; each node's "
						    "MemTotal, its zones' shares estimated"
						  : "managed pages: no proc/zoneinfo, estimated");
		return 0;
	}
	p.zones = nb_xcalloc(zi->nr_zones + 1, sizeof(*p.zones));
	for (size_t i = 0; i < zi->nr_zones; i++)
		if (zi->zones[i].type >= 0 && nb_arch_zones(b->m->arch) >> zi->zones[i].type & 1)
			p.zones[p.n++].zone = &zi->zones[i];
	bad = place_freed(&p);
	for (size_t i = 0; i < p.n && !bad; i++) {
		any |= nb_zoneinfo_get(p.zones[i].zone, NB_ZI_MANAGED, NULL);
		bad = add_fact(b, &p.zones[i], has_log);
	}
	free(p.zones);
	if (bad)
		nb_capture_error_file(b->c, b->err, "proc/zoneinfo");
	if (any)
		nb_capture_add_note(b->c, "managed pages: proc/zoneinfo");
	else
		nb_capture_add_note(
			b->c, node_totals(b) ? "managed pages: not in proc/zoneinfo; each "
					       "node's MemTotal, its zones' shares estimated"
					     : "managed pages: not in proc/zoneinfo, estimated");
	if (any)
		nb_capture_add_note(b->c, has_log ? "managed pages at boot: less what dmesg says "
						    "was freed later"
						  : "managed pages at boot: no boot log, taken as "
						    "those of today");
	return bad;
}
