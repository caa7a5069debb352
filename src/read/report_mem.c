/* report_mem.c -- the Mem-Info part of a failure report: zones with marks, reserves, free blocks,
 * and the global counters.
 *
 * Called by report.c for every message of a report; lines come in any company. Each line is read by
 * view/showmem.h's parser of the form. Units as printed. Source: facts 12.10.
 */
#include "read/report_line.h"
#include "view/showmem.h"
#include <stdlib.h>
#include <string.h>

static struct nb_report_zone *zone_of(struct nb_report *r, int nid, int type)
{
	struct nb_report_zone *z;

	if (nid == NB_NO_NODE)
		nid = 0; /* kernels without NUMA */
	z = (struct nb_report_zone *)nb_report_zone(r, nid, type);
	if (z || r->nr_zones == NB_REPORT_MAX_ZONES)
		return z;
	if (r->nr_zones == r->cap_zones) {
		r->cap_zones = r->cap_zones ? 2 * r->cap_zones : 8;
		r->zones = nb_xrealloc(r->zones, r->cap_zones, sizeof(*r->zones));
	}
	z = &r->zones[r->nr_zones++];
	*z = (struct nb_report_zone){.nid = nid, .type = type};
	return z;
}

static uint64_t value(const struct nb_showmem_line *l, const char *name)
{
	return nb_items_value(&l->items, name, NB_REPORT_UNKNOWN);
}

static uint64_t sum(uint64_t a, uint64_t b)
{
	if (a == NB_REPORT_UNKNOWN || b == NB_REPORT_UNKNOWN)
		return a == NB_REPORT_UNKNOWN ? b : a;
	return a > UINT64_MAX / 4 || b > UINT64_MAX / 4 ? NB_REPORT_UNKNOWN - 1 : a + b;
}

static void zone_line(struct nb_report *r, const struct nb_showmem_line *l)
{
	struct nb_report_zone *z = zone_of(r, l->nid, l->type);

	if (!z)
		return;
	z->has_zone = true;
	z->free = value(l, "free");
	z->boost = nb_items_value(&l->items, "boost", 0);
	z->min = value(l, "min");
	z->low = value(l, "low");
	z->high = value(l, "high");
	z->reserved_highatomic = nb_items_value(&l->items, "reserved_highatomic", 0);
	z->free_highatomic = value(l, "free_highatomic");
	z->present = value(l, "present");
	z->managed = value(l, "managed");
	z->free_cma = nb_items_value(&l->items, "free_cma", 0);
	z->free_pcp = nb_items_value(&l->items, "free_pcp", 0);
	z->file = sum(value(l, "active_file"), value(l, "inactive_file"));
	z->anon = sum(value(l, "active_anon"), value(l, "inactive_anon"));
	z->unevictable = value(l, "unevictable");
	z->slab_reclaimable = value(l, "slab_reclaimable");
	z->slab_unreclaimable = value(l, "slab_unreclaimable");
	z->all_unreclaimable = l->all_unreclaimable;
	/* before 3.9 there was no managed: present stood for it */
	if (z->managed == NB_REPORT_UNKNOWN)
		z->managed = z->present;
	if (z->present == NB_REPORT_UNKNOWN || z->present < z->managed)
		z->present = z->managed;
}

static void reserve_line(struct nb_report *r, const struct nb_showmem_line *l)
{
	/* it belongs to the zone line before it */
	struct nb_report_zone *z = r->nr_zones ? &r->zones[r->nr_zones - 1] : NULL;

	if (!z || !z->has_zone || z->nr_reserve)
		return;
	z->nr_reserve = l->nr;
	memcpy(z->reserve_pages, l->v, l->nr * sizeof(l->v[0]));
}

static void buddy_line(struct nb_report *r, const struct nb_showmem_line *l)
{
	struct nb_report_zone *z = zone_of(r, l->nid, l->type);

	if (!z || z->nr_orders)
		return;
	z->nr_orders = l->nr;
	memcpy(z->nr_free, l->v, l->nr * sizeof(l->v[0]));
	memcpy(z->letters, l->letters, l->nr * sizeof(l->letters[0]));
	if (!r->page_kib && l->block_kib >= 4 && l->block_kib <= 64)
		r->page_kib = (unsigned)l->block_kib;
}

static void set(uint64_t *to, uint64_t v)
{
	if (v != NB_REPORT_UNKNOWN && *to == NB_REPORT_UNKNOWN)
		*to = v;
}

static void global_line(struct nb_report *r, const struct nb_showmem_line *l)
{
	uint64_t anon = sum(value(l, "active_anon"), value(l, "inactive_anon"));
	uint64_t file = sum(value(l, "active_file"), value(l, "inactive_file"));

	set(&r->anon_pages, anon);
	set(&r->file_pages, file);
	set(&r->unevictable_pages, value(l, "unevictable"));
	set(&r->slab_reclaimable_pages, value(l, "slab_reclaimable"));
	set(&r->slab_unreclaimable_pages, value(l, "slab_unreclaimable"));
	set(&r->slab_pages, value(l, "slab"));
	set(&r->shmem_pages, value(l, "shmem"));
	set(&r->pagetables_pages, value(l, "pagetables"));
	set(&r->free_pages, value(l, "free"));
}

static void total_line(struct nb_report *r, const struct nb_showmem_line *l)
{
	const char *name = l->items.n ? l->items.v[0].name : "";

	if (strcmp(name, "pages RAM") == 0)
		set(&r->ram_pages, l->items.v[0].value);
	else if (strcmp(name, "pages reserved") == 0)
		set(&r->reserved_pages, l->items.v[0].value);
	else if (strcmp(name, "Free swap") == 0)
		set(&r->free_swap, l->items.v[0].value);
	else if (strcmp(name, "Total swap") == 0)
		set(&r->total_swap, l->items.v[0].value);
}

static void huge_line(struct nb_report *r, const struct nb_showmem_line *l)
{
	uint64_t n = value(l, "hugepages_total"), size = value(l, "hugepages_size");

	if (n < UINT64_C(1) << 32 && size < UINT64_C(1) << 30)
		r->hugepages_kib = sum(r->hugepages_kib, n * size);
}

static void take(struct nb_report *r, const struct nb_showmem_line *l)
{
	r->has_mem = true;
	switch (l->kind) {
	case NB_SHOWMEM_ZONE:
		if (l->type >= 0 && l->type < NB_ZONE_DEVICE)
			zone_line(r, l);
		break;
	case NB_SHOWMEM_RESERVE:
		reserve_line(r, l);
		break;
	case NB_SHOWMEM_BUDDY:
		if (l->type >= 0 && l->type < NB_ZONE_DEVICE)
			buddy_line(r, l);
		break;
	case NB_SHOWMEM_GLOBAL:
		global_line(r, l);
		break;
	case NB_SHOWMEM_HUGE:
		huge_line(r, l);
		break;
	case NB_SHOWMEM_TOTAL:
	case NB_SHOWMEM_SWAP:
		total_line(r, l);
		break;
	default:
		break;
	}
}

bool nb_report_mem_line(struct nb_report *r, struct nb_cursor line)
{
	struct nb_showmem_line l;
	struct nb_strings strings = {0};
	bool known = nb_showmem_line_parse(&strings, line.p, (size_t)(line.end - line.p), &l);
	struct nb_cursor c = line;

	/* swapoff takes the area's size off first and gives it back slot by slot */
	if (nb_report_find(&c, "Free swap") && nb_report_find(&c, "= -"))
		r->swapoff = true;
	/* before the report's own Mem-Info anything with a colon would do */
	if (known &&
	    (r->has_mem || r->early || l.kind == NB_SHOWMEM_HEAD || l.kind == NB_SHOWMEM_ZONE ||
	     l.kind == NB_SHOWMEM_NODE || l.kind == NB_SHOWMEM_BUDDY))
		take(r, &l);
	else
		known = false;
	nb_items_release(&l.items);
	nb_strings_release(&strings);
	return known;
}
