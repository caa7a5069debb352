/* verify_zones.c -- figures of /proc/zoneinfo that follow from hardware, settings and managed
 * pages: spans, marks, reserves, page sets; and vm.min_free_kbytes.
 *
 * Called by verify.c for the capture's zoneinfo, and by verify_steps.c for every later one.
 * States:  two figures depend on what happened since boot, and the file itself tells which:
 *          - vm.min_free_kbytes: when it is not boot's value, and every mark in the file is what a
 * write of the value gives, it was written; the value itself is then set aside.
 *          - reserves are computed at boot, and again whenever somebody reads or writes
 *            vm.lowmem_reserve_ratio, then from the pages managed now (oracle: surprise 1).
 * Boost:   what the marks hold on top (watermark_boost) is state, printed beside them: taken off
 * first.
 */
#include "base/mask.h"
#include "read/verify_priv.h"

#include <stdlib.h>
#include <string.h>

static void verify_spans(struct nb_verify *v, const struct nb_zoneinfo_zone *z,
			 const struct nb_zone_info *info)
{
	static const char rule[] = "zone_spanned_pages_in_node, absent pages; facts 1.2, 1.3, 1.5";
	uint64_t x;

	/* Linux prints no start of a zone without pages, and 2.6 none of a zone's own. */
	if (nb_zoneinfo_get(z, NB_ZI_START_PFN, &x))
		nb_verify_u64(v, NB_VS_ZONES, x, info->start_pfn, rule, "node %d %s start_pfn",
			      z->nid, z->name);
	if (nb_zoneinfo_get(z, NB_ZI_SPANNED, &x))
		nb_verify_u64(v, NB_VS_ZONES, x, info->spanned_pages, rule, "node %d %s spanned",
			      z->nid, z->name);
	if (nb_zoneinfo_get(z, NB_ZI_PRESENT, &x))
		nb_verify_u64(v, NB_VS_ZONES, x, info->present_pages, rule, "node %d %s present",
			      z->nid, z->name);
}

static const char marks_rule[] = "__setup_per_zone_wmarks; facts 2.2, 2.8";
static const char unknown_init[] = "boot set it from the pages managed then: how many were freed "
				   "later, only the boot log says";

static uint64_t scale_factor(const struct nb_verify *v)
{
	char buf[32];

	if (nb_sysctl_read(v->sys, "vm.watermark_scale_factor", buf, sizeof(buf)) <= 0)
		return 0;
	return strtoull(buf, NULL, 10);
}

/* The marks above min, from min as printed: they lie one gap apart, and the gap is a quarter of
 * min's share where that is more than the scale factor's part. */
static void verify_marks_above(struct nb_verify *v, const struct nb_zoneinfo_zone *z,
			       const struct nb_zone_info *info)
{
	uint64_t mark[NB_VERIFY_NR_MARKS], scaled = info->managed_pages * scale_factor(v) / 10000;
	bool own = z->type == NB_ZONE_HIGHMEM || z->type == NB_ZONE_MOVABLE;
	unsigned i;

	for (i = 0; i < 3; i++) {
		if (!nb_verify_mark(z, i, &mark[i]))
			return;
	}
	if (!own && mark[0] / 4 >= scaled)
		nb_verify_u64(v, NB_VS_WATERMARKS, mark[1], mark[0] + mark[0] / 4, marks_rule,
			      "node %d %s low, of min as printed", z->nid, z->name);
	else
		nb_verify_skip(v, NB_VS_WATERMARKS, 1, unknown_init, "node %d %s low", z->nid,
			       z->name);
	nb_verify_u64(v, NB_VS_WATERMARKS, mark[2], 2 * mark[1] - mark[0], marks_rule,
		      "node %d %s high, of min and low as printed", z->nid, z->name);
	if (nb_verify_mark(z, 3, &mark[3]))
		nb_verify_u64(v, NB_VS_WATERMARKS, mark[3], 3 * mark[1] - 2 * mark[0], marks_rule,
			      "node %d %s promo, of min and low as printed", z->nid, z->name);
}

static void verify_marks(struct nb_verify *v, const struct nb_zoneinfo_zone *z,
			 const struct nb_zone_info *info)
{
	bool unknown = v->init_unknown && v->sys_profile_scales && info->managed_pages;
	uint64_t x;
	unsigned i;

	for (i = 0; i < NB_VERIFY_NR_MARKS && !unknown; i++) {
		if (nb_verify_mark(z, i, &x))
			nb_verify_u64(v, NB_VS_WATERMARKS, x,
				      info->wmark_pages[nb_verify_marks[i].mark], marks_rule,
				      "node %d %s %s", z->nid, z->name, nb_verify_marks[i].name);
	}
	if (unknown) {
		nb_verify_skip(v, NB_VS_WATERMARKS, 1, unknown_init, "node %d %s min", z->nid,
			       z->name);
		verify_marks_above(v, z, info);
	}
}

static void verify_reserves(struct nb_verify *v, const struct nb_zoneinfo_zone *z,
			    const struct nb_zone_info *info)
{
	unsigned i;

	for (i = 0; i < z->nr_protection; i++) {
		uint64_t predicted = nb_verify_reserve(v->sys, info, i);

		if (v->reserves_unknown && predicted)
			nb_verify_skip(v, NB_VS_PROTECTION, 1, unknown_init,
				       "node %d %s protection[%u]", z->nid, z->name, i);
		else
			nb_verify_u64(v, NB_VS_PROTECTION, z->protection[i], predicted,
				      "setup_per_zone_lowmem_reserve; facts 2.4, 2.8",
				      "node %d %s protection[%u]", z->nid, z->name, i);
	}
}

/* While kswapd of the node is awake the threshold is another. Source: facts 2.7. */
static uint64_t expected_threshold(const struct nb_verify *v, const struct nb_zoneinfo_zone *z,
				   const struct nb_zone_info *info, uint64_t observed)
{
	struct nb_system_info si;
	uint64_t gap, pressure, min, low;

	nb_system_info(v->sys, &si);
	gap = info->wmark_pages[NB_WMARK_LOW] - info->wmark_pages[NB_WMARK_MIN];
	if (v->init_unknown && nb_verify_mark(z, 0, &min) && nb_verify_mark(z, 1, &low))
		gap = low - min;
	pressure = si.nr_cpus_online ? gap / si.nr_cpus_online : gap;
	pressure = pressure > 125 ? 125 : pressure < 1 ? 1 : pressure;
	return observed == pressure ? pressure : info->stat_threshold;
}

/* The auto-tuned high moves by itself: within its bounds, 0 before its first use, and left where an
 * earlier bound put it while nothing used the set since. Bounds before were others: the zone was
 * smaller until all of its memory was there (least: four batches of 1), fewer CPUs shared it (most:
 * an eighth of it). */
static void verify_auto_high(struct nb_verify *v, const struct nb_zoneinfo_zone *z,
			     const struct nb_zone_info *info, const struct nb_zoneinfo_pageset *p)
{
	bool now = !p->high || (p->high >= info->pcp_high_min && p->high <= info->pcp_high_max);
	uint64_t highest = info->managed_pages / 8;
	struct nb_zone_info boot;

	/* In a step the zone may have been bigger before. */
	if (v->boot_sys && nb_verify_zone_of(v->boot_sys, z, &boot) &&
	    boot.managed_pages / 8 > highest)
		highest = boot.managed_pages / 8;
	if (highest < info->pcp_high_max)
		highest = info->pcp_high_max;
	if (!now && p->high >= 4 && p->high <= highest)
		nb_verify_skip(v, NB_VS_PAGESETS, 1,
			       "stands where an earlier bound left it: the set was not used since",
			       "node %d %s cpu %d high", z->nid, z->name, p->cpu);
	else
		nb_verify_u64(v, NB_VS_PAGESETS, p->high, now ? p->high : info->pcp_high_min,
			      "0, or within [high_min, high_max]; facts 5.5",
			      "node %d %s cpu %d high", z->nid, z->name, p->cpu);
}

/* The least high of a page set: the share of the low mark, which without a boot log is the printed
 * one. */
static unsigned high_min(const struct nb_verify *v, const struct nb_zoneinfo_zone *z,
			 const struct nb_zone_info *info)
{
	struct nb_system_info si;
	struct nb_node_info n;
	uint64_t low, cpus, high;
	char buf[32];

	if (!v->init_unknown || !nb_verify_mark(z, 1, &low) || nb_node_info(v->sys, z->nid, &n) ||
	    (nb_sysctl_read(v->sys, "vm.percpu_pagelist_high_fraction", buf, sizeof(buf)) > 0 &&
	     strcmp(buf, "0") != 0))
		return info->pcp_high_min;
	nb_system_info(v->sys, &si);
	nb_zoneinfo_get(z, NB_ZI_LOW, &low); /* with the boost, as the kernel takes it */
	if (si.profile->pcp_high_batches)
		return info->pcp_high_min;
	cpus = nb_cpumask_weight(&n.cpus);
	if (!cpus)
		cpus = si.nr_cpus_online ? si.nr_cpus_online : 1;
	high = low / cpus;
	return high > 4 * info->pcp_batch ? (unsigned)high : 4 * info->pcp_batch;
}

static void verify_pagesets(struct nb_verify *v, const struct nb_zoneinfo_zone *z,
			    struct nb_zone_info *info)
{
	struct nb_system_info si;
	size_t i;

	nb_system_info(v->sys, &si);
	info->pcp_high_min = high_min(v, z, info);
	for (i = 0; i < z->nr_pagesets; i++) {
		const struct nb_zoneinfo_pageset *p = &z->pagesets[i];

		if (p->raw)
			continue;
		nb_verify_u64(v, NB_VS_PAGESETS, p->batch, info->pcp_batch,
			      "zone_batchsize; facts 5.5", "node %d %s cpu %d batch", z->nid,
			      z->name, p->cpu);
		if (p->has_threshold)
			nb_verify_u64(v, NB_VS_PAGESETS, p->threshold,
				      expected_threshold(v, z, info, p->threshold),
				      "calculate_normal_threshold; facts 2.7",
				      "node %d %s cpu %d vm stats threshold", z->nid, z->name,
				      p->cpu);
		if (si.profile->pcp_style == NB_PCP_AUTO)
			verify_auto_high(v, z, info, p);
		else
			nb_verify_u64(v, NB_VS_PAGESETS, p->high, info->pcp_high_min,
				      "zone_highsize: low / CPUs of the node; facts 5.5",
				      "node %d %s cpu %d high", z->nid, z->name, p->cpu);
		if (p->has_max) {
			nb_verify_u64(v, NB_VS_PAGESETS, p->high_min, info->pcp_high_min,
				      "zone_highsize; facts 5.5", "node %d %s cpu %d high_min",
				      z->nid, z->name, p->cpu);
			nb_verify_u64(v, NB_VS_PAGESETS, p->high_max, info->pcp_high_max,
				      "zone_highsize; facts 5.5", "node %d %s cpu %d high_max",
				      z->nid, z->name, p->cpu);
		}
	}
}

static bool spans_fit(const struct nb_zoneinfo_zone *z, const struct nb_zone_info *info)
{
	uint64_t present = 0, spanned = 0;

	nb_zoneinfo_get(z, NB_ZI_PRESENT, &present);
	nb_zoneinfo_get(z, NB_ZI_SPANNED, &spanned);
	return present == info->present_pages && spanned == info->spanned_pages;
}

/* What rests on managed pages, where the file lacks those of some zone. */
static void skip_sizes(struct nb_verify *v, const struct nb_zoneinfo_zone *z)
{
	static const char why[] = "no file tells the managed pages of every zone";
	uint64_t mark, n = 0;
	unsigned i;

	for (i = 0; i < NB_VERIFY_NR_MARKS; i++)
		n += nb_verify_mark(z, i, &mark);
	if (n)
		nb_verify_skip(v, NB_VS_WATERMARKS, n, why, "node %d %s", z->nid, z->name);
	if (z->nr_protection)
		nb_verify_skip(v, NB_VS_PROTECTION, z->nr_protection, why, "node %d %s", z->nid,
			       z->name);
	if (z->nr_pagesets)
		nb_verify_skip(v, NB_VS_PAGESETS, z->nr_pagesets, why, "node %d %s", z->nid,
			       z->name);
}

void nb_verify_zoneinfo(struct nb_verify *v, const struct nb_zoneinfo *zi)
{
	struct nb_zone_info info;
	size_t i;

	for (i = 0; i < zi->nr_zones; i++) {
		const struct nb_zoneinfo_zone *z = &zi->zones[i];

		if (!nb_verify_zone_of(v->sys, z, &info)) {
			nb_verify_text(v, NB_VS_ZONES, "there", "not there",
				       "zone_sizes_init, node setup; facts 1.1", "node %d zone %s",
				       z->nid, z->name);
			continue;
		}
		if (v->added_unknown && !spans_fit(z, &info))
			nb_verify_skip(
				v, NB_VS_ZONES, 1,
				"memory came after boot, and no list of memory blocks is there",
				"node %d %s", z->nid, z->name);
		else
			verify_spans(v, z, &info);
		if (v->managed_unknown) {
			skip_sizes(v, z);
			continue;
		}
		verify_marks(v, z, &info);
		verify_reserves(v, z, &info);
		verify_pagesets(v, z, &info);
	}
}
