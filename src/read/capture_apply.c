/* capture_apply.c -- a booted system brought to the state in which its capture was taken.
 *
 * Called through capture.h by sim and replay. Free blocks come from proc/pagetypeinfo by type, or
 * from proc/buddyinfo where the types are not told: then all of a zone's free blocks count as
 * Movable, the type that free memory of a booted machine mostly has. Where pagetypeinfo stopped
 * counting (">100000") buddyinfo's figure less the other types' is taken. Marks, boost and reserves
 * and how full each CPU's page sets were come from proc/zoneinfo. Units: blocks of 1 << order
 * pages; marks in pages.
 */
#include "base/fmt.h"
#include "read/capture_priv.h"
#include "view/buddyinfo.h"
#include "view/pagetypeinfo.h"
#include <numabox/hugetlb.h>
#include <numabox/reclaim.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ROWS = NB_MAX_NODES * NB_MAX_NR_ZONES * (NB_MIGRATE_TYPES + 1) };

struct apply {
	struct nb_capture *c;
	struct nb_system *sys;
	struct nb_pagetypeinfo types;
	struct nb_buddyinfo buddy;
	bool has_types, has_buddy;
};

/* What nb_zone_observed points at. */
struct marks {
	uint64_t wmark[NB_NR_WMARK];
	uint64_t protection[NB_MAX_NR_ZONES];
};

static int read_counts(struct apply *a, struct nb_error *err)
{
	const char *text;
	size_t len;
	int bad;

	if (!nb_tree_read(a->c->tree, "proc/pagetypeinfo", &text, &len) && len) {
		bad = nb_pagetypeinfo_parse(text, len, &a->types, err);
		if (bad) {
			nb_capture_error_file(a->c, err, "proc/pagetypeinfo");
			return bad;
		}
		a->has_types = true;
		if (a->types.nr_free_rows > MAX_ROWS || a->types.nr_blocks_rows > MAX_ROWS) {
			nb_error_set(err, -NB_EINVAL, 0,
				     "more than %d rows; a machine of %d nodes has fewer", MAX_ROWS,
				     NB_MAX_NODES);
			nb_capture_error_file(a->c, err, "proc/pagetypeinfo");
			return -NB_EINVAL;
		}
	}
	if (!nb_tree_read(a->c->tree, "proc/buddyinfo", &text, &len) && len) {
		bad = nb_buddyinfo_parse(text, len, &a->buddy, err);
		if (bad) {
			nb_capture_error_file(a->c, err, "proc/buddyinfo");
			return bad;
		}
		a->has_buddy = true;
	}
	if (a->has_types || a->has_buddy)
		return 0;
	return nb_error_set(err, -NB_ENOENT, 0,
			    "the capture has neither proc/pagetypeinfo nor proc/buddyinfo: its "
			    "free memory is not known; --fresh boots by rule");
}

static const struct nb_buddyinfo_row *buddy_row(const struct apply *a, int nid, const char *zone)
{
	return a->has_buddy ? nb_buddyinfo_find(&a->buddy, nid, zone) : NULL;
}

/* Counts that pagetypeinfo cut off: what the zone has of that order, less what the other types
 * have. */
static void fill_capped(const struct nb_pagetypeinfo_free *row, int type, unsigned order,
			const struct nb_buddyinfo_row *all, struct nb_zone_observed *obs)
{
	uint64_t others = 0, total = all && order < all->nr_orders ? all->nr_free[order] : 0;

	for (int t = 0; t < NB_MIGRATE_TYPES; t++)
		if (t != type)
			others += obs->nr_free_by_type[t][order];
	if (total > others && total - others > row->nr_free[order])
		obs->nr_free_by_type[type][order] = total - others;
}

/* Free blocks by type of one zone; false if pagetypeinfo does not have it. */
static bool free_by_type(const struct apply *a, const struct nb_zoneinfo_zone *z,
			 struct nb_zone_observed *obs)
{
	const struct nb_buddyinfo_row *all = buddy_row(a, z->nid, z->name);
	bool found = false;

	for (size_t pass = 0; pass < 2; pass++) { /* capped ones last: they need the others */
		for (size_t i = 0; a->has_types && i < a->types.nr_free_rows; i++) {
			const struct nb_pagetypeinfo_free *row = &a->types.free[i];
			int type = nb_pagetypeinfo_type(row->type);

			if (row->nid != z->nid || row->zone_type != z->type || type < 0)
				continue;
			found = true;
			for (unsigned o = 0; o < row->nr_orders && o < NB_NR_ORDERS; o++) {
				if (!pass)
					obs->nr_free_by_type[type][o] = row->nr_free[o];
				else if (row->capped >> o & 1)
					fill_capped(row, type, o, all, obs);
			}
		}
	}
	for (size_t i = 0; a->has_types && i < a->types.nr_blocks_rows; i++) {
		const struct nb_pagetypeinfo_blocks *row = &a->types.blocks[i];

		if (row->nid != z->nid || row->zone_type != z->type)
			continue;
		for (unsigned k = 0; k < row->nr_types && k < a->types.nr_types; k++) {
			int type = nb_pagetypeinfo_type(a->types.types[k]);

			if (type >= 0)
				obs->nr_pageblocks[type] = row->nr_blocks[k];
		}
	}
	return found;
}

static bool free_of_buddy(const struct apply *a, const struct nb_zoneinfo_zone *z,
			  struct nb_zone_observed *obs)
{
	const struct nb_buddyinfo_row *row = buddy_row(a, z->nid, z->name);

	if (!row)
		return false;
	for (unsigned o = 0; o < row->nr_orders && o < NB_NR_ORDERS; o++)
		obs->nr_free_by_type[NB_MIGRATE_MOVABLE][o] = row->nr_free[o];
	return true;
}

/* zoneinfo's marks have the boost in them; the system wants them without. Kernels that print no
 * promo mark have it one gap above high. */
static void take_marks(const struct nb_zoneinfo_zone *z, struct marks *m,
		       struct nb_zone_observed *obs)
{
	uint64_t min, low, high, promo;

	(void)nb_zoneinfo_get(z, NB_ZI_BOOST, &obs->boost_pages);
	if (!nb_zoneinfo_get(z, NB_ZI_MIN, &min) || !nb_zoneinfo_get(z, NB_ZI_LOW, &low) ||
	    !nb_zoneinfo_get(z, NB_ZI_HIGH, &high) || min < obs->boost_pages || low < min ||
	    high < low)
		return;
	if (!nb_zoneinfo_get(z, NB_ZI_PROMO, &promo) || promo < high)
		promo = high + (high - low);
	m->wmark[NB_WMARK_MIN] = min - obs->boost_pages;
	m->wmark[NB_WMARK_LOW] = low - obs->boost_pages;
	m->wmark[NB_WMARK_HIGH] = high - obs->boost_pages;
	m->wmark[NB_WMARK_PROMO] = promo - obs->boost_pages;
	obs->wmark_pages = m->wmark;
}

/* protection[] has one number for each zone that the kernel configures, in its order. */
static void take_protection(const struct apply *a, const struct nb_zoneinfo_zone *z,
			    struct marks *m, struct nb_zone_observed *obs)
{
	unsigned zones = nb_arch_zones(nb_system_machine(a->sys)->arch), k = 0;

	for (int type = 0; type < NB_MAX_NR_ZONES && k < z->nr_protection; type++)
		if (zones >> type & 1)
			m->protection[type] = z->protection[k++];
	if (z->nr_protection && k == z->nr_protection)
		obs->protection_pages = m->protection;
}

static void take_numa(const struct nb_zoneinfo_zone *z, struct nb_zone_observed *obs)
{
	static const char *const names[NB_NR_NUMA_EVENTS] = {
		"numa_hit",        "numa_miss",  "numa_foreign",
		"numa_interleave", "numa_local", "numa_other",
	};

	for (int i = 0; i < NB_NR_NUMA_EVENTS; i++)
		obs->numa[i] = nb_items_value(&z->items, names[i], 0);
}

/* 1: set; 0: left as booted; negative: error. */
static int apply_zone(struct apply *a, const struct nb_zoneinfo_zone *z)
{
	struct nb_zone_observed obs = {0};
	struct marks marks = {0};
	struct nb_zone_info info;
	struct nb_error why = {0};

	if (z->type < 0 || nb_zone_info(a->sys, z->nid, (enum nb_zone_type)z->type, &info) ||
	    !info.managed_pages)
		return 0;
	if (!free_by_type(a, z, &obs) && !free_of_buddy(a, z, &obs))
		return 0;
	take_marks(z, &marks, &obs);
	take_protection(a, z, &marks, &obs);
	take_numa(z, &obs);
	if (!nb_zone_set_observed(a->sys, z->nid, (enum nb_zone_type)z->type, &obs, &why))
		return 1;
	nb_capture_add_note(a->c, "node %d, zone %s: left as booted: %s", z->nid, z->name,
			    why.text);
	return 0;
}

/* One file of a node's pool; 0 without. */
static uint64_t pool_file(struct apply *a, int nid, uint64_t kib, const char *name)
{
	int64_t v;

	if (nb_tree_numberf(nb_capture_tree(a->c), &v,
			    "sys/devices/system/node/node%d/hugepages/hugepages-%llukB/%s", nid,
			    (unsigned long long)kib, name) ||
	    v < 0)
		return 0;
	return (uint64_t)v;
}

/* Pools of huge pages are taken out of what is in use. */
static void apply_pools(struct apply *a)
{
	struct nb_hugetlb_info p;

	for (unsigned i = 0; nb_hugetlb_info(a->sys, i, NB_NO_NODE, &p); i++) {
		for (unsigned n = 0; n < nb_system_nr_nodes(a->sys); n++) {
			int nid = nb_system_node_id(a->sys, n);
			uint64_t kib = p.page_bytes >> 10;
			uint64_t nr = pool_file(a, nid, kib, "nr_hugepages");
			uint64_t got =
				nb_hugetlb_set_observed(a->sys, p.page_bytes, nid, nr,
							pool_file(a, nid, kib, "free_hugepages"));

			if (got < nr)
				nb_capture_add_note(a->c,
						    "node %d: %llu of %llu huge pages of %llu KiB "
						    "found no place",
						    nid, (unsigned long long)(nr - got),
						    (unsigned long long)nr,
						    (unsigned long long)kib);
		}
	}
}

/* The pages that waited in each CPU's set. */
static void apply_sets(struct apply *a, const struct nb_zoneinfo_zone *z)
{
	struct nb_set_observed *sets = nb_xcalloc(z->nr_pagesets + 1, sizeof(*sets));
	unsigned n = 0;

	for (size_t i = 0; z->type >= 0 && i < z->nr_pagesets; i++) {
		const struct nb_zoneinfo_pageset *p = &z->pagesets[i];

		if (p->cpu >= 0 && p->hot_cold <= 0)
			sets[n++] = (struct nb_set_observed){
				.cpu = (unsigned)p->cpu, .count = p->count, .high = p->high};
	}
	if (n)
		(void)nb_zone_set_observed_sets(a->sys, z->nid, (enum nb_zone_type)z->type, sets,
						n);
	free(sets);
}

static uint64_t item(const struct nb_zoneinfo_zone *z, const char *name)
{
	return nb_items_value(&z->items, name, 0) + nb_items_value(&z->node_items, name, 0);
}

/* What the node's memory in use was for: of the node's first zone since 4.8, of each zone before.
 */
static void apply_use(struct apply *a, const struct nb_zoneinfo_zone *z)
{
	const struct nb_node_use *known = nb_node_observed_use(a->sys, z->nid);
	struct nb_node_use use = known ? *known : (struct nb_node_use){0};

	if (z->type < 0)
		return;
	use.slab_reclaimable_pages += item(z, "nr_slab_reclaimable");
	use.slab_unreclaimable_pages += item(z, "nr_slab_unreclaimable");
	use.kernel_stack_kib += item(z, "nr_kernel_stack");
	use.page_table_pages += item(z, "nr_page_table_pages");
	use.anon_pages += item(z, "nr_anon_pages");
	use.mapped_pages += item(z, "nr_mapped");
	use.shmem_pages += item(z, "nr_shmem");
	use.anon_lru_pages[z->type][0] = nb_items_value(&z->items, "nr_zone_inactive_anon", 0);
	use.anon_lru_pages[z->type][1] = nb_items_value(&z->items, "nr_zone_active_anon", 0);
	(void)nb_node_set_observed_use(a->sys, z->nid, &use);
}

/* The page cache that could be dropped: what stands on the lists of file pages, less what waits to
 * be written. */
static void apply_cache(struct apply *a, const struct nb_zoneinfo_zone *z)
{
	uint64_t pages = nb_items_value(&z->items, "nr_zone_inactive_file", 0) +
			 nb_items_value(&z->items, "nr_zone_active_file", 0);
	uint64_t pending = nb_items_value(&z->items, "nr_zone_write_pending", 0);

	if (z->type >= 0 && pages > pending)
		(void)nb_zone_set_observed_cache(a->sys, z->nid, (enum nb_zone_type)z->type,
						 pages - pending);
}

/* The form of the lists of reclaim: 0x7 and the like, bit 0 is the switch. Where it is not told, or
 * the kernel has no choice, they stay as the kernel's profile begins. */
static void apply_lru_gen(struct apply *a)
{
	const char *text;
	uint64_t bits;
	size_t len;

	if (nb_tree_read(nb_capture_tree(a->c), "sys/kernel/mm/lru_gen/enabled", &text, &len))
		return;
	while (len && (text[len - 1] == '\n' || text[len - 1] == ' '))
		len--;
	if (nb_parse_u64(text, len, &bits))
		return;
	if (!nb_lru_gen_set_enabled(a->sys, bits & 1))
		nb_capture_add_note(a->c, "lists of reclaim: %s, by sys/kernel/mm/lru_gen/enabled",
				    bits & 1 ? "generations" : "classic");
}

int nb_capture_apply_observed(struct nb_capture *c, struct nb_system *sys, struct nb_error *err)
{
	struct apply a = {.c = c, .sys = sys};
	int bad = read_counts(&a, err), n = 0;

	if (!bad && !c->has_zoneinfo)
		bad = nb_error_set(err, -NB_ENOENT, 0,
				   "the capture has no proc/zoneinfo: marks and counters are not "
				   "known; --fresh boots by rule");
	if (!bad)
		nb_hugetlb_clear(sys);
	for (size_t i = 0; !bad && i < c->zoneinfo.nr_zones; i++)
		n += apply_zone(&a, &c->zoneinfo.zones[i]);
	if (!bad)
		apply_pools(&a);
	for (size_t i = 0; !bad && i < c->zoneinfo.nr_zones; i++)
		apply_sets(&a, &c->zoneinfo.zones[i]);
	for (size_t i = 0; !bad && i < c->zoneinfo.nr_zones; i++)
		apply_use(&a, &c->zoneinfo.zones[i]);
	for (size_t i = 0; !bad && i < c->zoneinfo.nr_zones; i++)
		apply_cache(&a, &c->zoneinfo.zones[i]);
	if (!bad)
		apply_lru_gen(&a);
	if (!bad)
		nb_capture_add_note(c, "state: %d zones set to proc/%s", n,
				    a.has_types ? "pagetypeinfo and proc/zoneinfo"
						: "buddyinfo and proc/zoneinfo");
	if (a.has_types)
		nb_pagetypeinfo_release(&a.types);
	if (a.has_buddy)
		nb_buddyinfo_release(&a.buddy);
	return bad;
}
