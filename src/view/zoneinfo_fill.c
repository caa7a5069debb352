/* zoneinfo_fill.c -- /proc/zoneinfo out of a booted system, in the profile's format.
 *
 * Called through nb_zoneinfo_from_system(). All configured zones of all online nodes are there; an
 * empty one stops after its protection. Per-node counters stand in a node's first populated zone,
 * page sets for online CPUs only. Source: mm/vmstat.c, zoneinfo_show_print(); facts 12.5.
 */
#include "base/mask.h"
#include "view/formats.h"
#include "view/names.h"
#include "view/stats.h"
#include "view/zoneinfo_priv.h"

#include <numabox/reclaim.h>
#include <string.h>

struct fill {
	const struct nb_system *sys;
	struct nb_system_info info;
	struct nb_cpumask cpus; /* online */
	struct nb_zoneinfo *z;
	bool old;    /* before 4.8: no counters per node, a block of its own at the end */
	bool oldest; /* 2.6.24 and before */
};

static void online_cpus(const struct nb_system *sys, struct nb_cpumask *ret)
{
	const struct nb_machine *m = nb_system_machine(sys);

	*ret = (struct nb_cpumask){0};
	for (unsigned i = 0; i < m->nr_cpus; i++)
		if (m->cpus[i].online)
			nb_cpumask_set(ret, m->cpus[i].id);
}

static void add_items(struct fill *f, struct nb_zoneinfo_zone *zone,
		      enum nb_zoneinfo_line_kind kind)
{
	struct nb_items *items = kind == NB_ZI_LINE_ITEM ? &zone->items : &zone->node_items;

	if (kind == NB_ZI_LINE_ITEM) {
		nb_names_add(items, &f->z->strings, NB_NAMES_ZONE, &f->info);
		nb_names_add(items, &f->z->strings, NB_NAMES_NUMA, &f->info);
	} else {
		nb_names_add(items, &f->z->strings, NB_NAMES_NODE, &f->info);
	}
	for (size_t i = 0; i < items->n; i++)
		nb_zoneinfo_add_line(zone, kind, i);
}

static void add_node_stats(struct fill *f, struct nb_zoneinfo_zone *zone, int nid)
{
	struct nb_stats s = {0};

	if (f->old)
		return;
	nb_zoneinfo_add_line(zone, NB_ZI_LINE_NODE_STATS, 0);
	add_items(f, zone, NB_ZI_LINE_NODE_ITEM);
	nb_stats_add_node(&s, f->sys, nid);
	nb_stats_apply(&s, &zone->node_items);
	if (nb_prints(f->info.profile, NB_F_4_18)) /* indirectly reclaimable: a number, no name */
		nb_zoneinfo_add_line(zone, NB_ZI_LINE_RAW, 0)->raw = "                   0";
}

static void add_protection(struct fill *f, struct nb_zoneinfo_zone *zone,
			   const struct nb_zone_info *zi)
{
	zone->protection = nb_xcalloc(NB_MAX_NR_ZONES, sizeof(*zone->protection));
	for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++)
		if (f->info.zones >> t & 1)
			zone->protection[zone->nr_protection++] = zi->protection_pages[t];
	nb_zoneinfo_add_line(zone, NB_ZI_LINE_PROTECTION, 0);
}

static void add_pages(struct fill *f, struct nb_zoneinfo_zone *zone, const struct nb_zone_info *zi)
{
	const struct nb_kernel_profile *p = f->info.profile;

	nb_zoneinfo_add_field(zone, NB_ZI_FREE, zi->free_pages);
	if (p->has_boost && nb_prints(p, NB_F_FROM_6_1))
		nb_zoneinfo_add_field(zone, NB_ZI_BOOST, zi->boost_pages);
	nb_zoneinfo_add_field(zone, NB_ZI_MIN, zi->wmark_pages[NB_WMARK_MIN]);
	nb_zoneinfo_add_field(zone, NB_ZI_LOW, zi->wmark_pages[NB_WMARK_LOW]);
	nb_zoneinfo_add_field(zone, NB_ZI_HIGH, zi->wmark_pages[NB_WMARK_HIGH]);
	if (p->has_promo)
		nb_zoneinfo_add_field(zone, NB_ZI_PROMO, zi->wmark_pages[NB_WMARK_PROMO]);
	if (f->oldest) /* pages scanned since the last success, with the list positions */
		nb_zoneinfo_add_field(zone, NB_ZI_SCANNED, 0)->raw =
			"        scanned  0 (a: 0 i: 0)";
	else if (f->old)
		nb_zoneinfo_add_field(zone, NB_ZI_SCANNED, 0);
	nb_zoneinfo_add_field(zone, NB_ZI_SPANNED, zi->spanned_pages);
	nb_zoneinfo_add_field(zone, NB_ZI_PRESENT, zi->present_pages);
	if (!f->oldest)
		nb_zoneinfo_add_field(zone, NB_ZI_MANAGED, zi->managed_pages);
	if (nb_prints(p, NB_F_FROM_5_15))
		nb_zoneinfo_add_field(zone, NB_ZI_CMA, zi->cma_pages);
}

/* One set a CPU; to 2.6.24 a hot and a cold list each, the cold one unused here. */
static void add_pagesets(struct fill *f, struct nb_zoneinfo_zone *zone,
			 const struct nb_zone_info *zi)
{
	unsigned cpu;

	nb_zoneinfo_add_line(zone, NB_ZI_LINE_PAGESETS, 0);
	nb_for_each_cpu_in (cpu, &f->cpus) {
		struct nb_pcp_info pcp = {0};
		struct nb_zoneinfo_pageset *ps;

		if (nb_pcp_info(f->sys, zi->nid, zi->type, (int)cpu, &pcp))
			continue;
		ps = nb_zoneinfo_add_pageset(zone, (int)cpu);
		ps->count = pcp.count;
		ps->high = pcp.high;
		ps->batch = pcp.batch;
		if (nb_prints(f->info.profile, NB_F_6_18)) {
			ps->has_max = true;
			ps->high_min = pcp.high_min;
			ps->high_max = pcp.high_max;
		}
		if (f->oldest) {
			ps->hot_cold = 0;
			ps = nb_zoneinfo_add_pageset(zone, (int)cpu);
			ps->hot_cold = 1;
			ps->high = pcp.batch * 2;
			ps->batch = pcp.batch / 2 ? pcp.batch / 2 : 1;
		}
		ps->has_threshold = true;
		ps->threshold = zi->stat_threshold;
	}
}

/* How many inactive anonymous pages make room for one active: the root of ten times the zone's
 * GiB. Source: mm/page_alloc.c of 3.10, calculate_zone_inactive_ratio(). */
static uint64_t inactive_ratio(const struct fill *f, const struct nb_zone_info *zi)
{
	uint64_t gib = zi->managed_pages >> (30 - f->info.page_shift), root = 1;

	while ((root + 1) * (root + 1) <= 10 * gib)
		root++;
	return root;
}

static void add_tail(struct fill *f, struct nb_zoneinfo_zone *zone, const struct nb_zone_info *zi)
{
	struct nb_lru_info lru = {0};

	(void)nb_lru_info(f->sys, zi->nid, zi->type, &lru);
	if (!f->old) {
		nb_zoneinfo_add_field(zone, NB_ZI_NODE_UNRECLAIMABLE,
				      lru.kswapd_failures >= 16); /* MAX_RECLAIM_RETRIES */
		nb_zoneinfo_add_field(zone, NB_ZI_START_PFN, zi->start_pfn);
		return;
	}
	nb_zoneinfo_add_field(zone, NB_ZI_ALL_UNRECLAIMABLE, 0);
	if (f->oldest)
		nb_zoneinfo_add_field(zone, NB_ZI_PREV_PRIORITY, 12); /* DEF_PRIORITY: no reclaim */
	nb_zoneinfo_add_field(zone, NB_ZI_START_PFN, zi->start_pfn)->narrow = true;
	if (!f->oldest)
		nb_zoneinfo_add_field(zone, NB_ZI_INACTIVE_RATIO, inactive_ratio(f, zi));
}

static void add_zone(struct fill *f, const struct nb_zone_info *zi, bool first)
{
	struct nb_zoneinfo_zone *zone;
	struct nb_stats s = {0};

	if (f->old && !zi->populated)
		return; /* printed populated zones only */
	zone = nb_zoneinfo_add_zone(f->z, zi->nid, nb_zone_name(zi->type), zi->type);
	if (first)
		add_node_stats(f, zone, zi->nid);
	add_pages(f, zone, zi);
	if (!f->old)
		add_protection(f, zone, zi);
	if (!zi->populated)
		return;
	add_items(f, zone, NB_ZI_LINE_ITEM);
	nb_stats_add_zone(&s, &f->info, zi);
	nb_stats_apply(&s, &zone->items);
	if (f->old)
		add_protection(f, zone, zi);
	add_pagesets(f, zone, zi);
	add_tail(f, zone, zi);
}

void nb_zoneinfo_from_system(const struct nb_system *sys, struct nb_zoneinfo *z)
{
	struct fill f = {.sys = sys, .z = z};

	*z = (struct nb_zoneinfo){0};
	nb_system_info(sys, &f.info);
	f.old = nb_prints(f.info.profile, NB_F_TO_3_10);
	f.oldest = nb_prints(f.info.profile, NB_F_TO_2_6_24);
	z->item_indent = f.old ? 4 : 6;
	online_cpus(sys, &f.cpus);
	for (unsigned i = 0; i < nb_system_nr_nodes(sys); i++) {
		int nid = nb_system_node_id(sys, i);
		struct nb_zone_info zi;
		bool first = true;

		for (int t = 0; t < NB_MAX_NR_ZONES; t++) {
			if (!(f.info.zones >> t & 1) ||
			    nb_zone_info(sys, nid, (enum nb_zone_type)t, &zi))
				continue;
			add_zone(&f, &zi, first && zi.populated);
			first = first && !zi.populated;
		}
	}
}
