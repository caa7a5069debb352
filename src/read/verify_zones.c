/* verify_zones.c -- figures of /proc/zoneinfo that follow from hardware, settings and managed pages:
 * spans, marks, reserves, page sets; and vm.min_free_kbytes.
 *
 * Called by verify.c for the capture's zoneinfo, and by verify_steps.c for every later one.
 * States:  two figures depend on what happened since boot, and the file itself tells which:
 *          - vm.min_free_kbytes: when it is not boot's value, and every mark in the file is what a write
 *            of the value gives, it was written; the value itself is then set aside.
 *          - reserves are computed at boot, and again whenever somebody reads or writes
 *            vm.lowmem_reserve_ratio, then from the pages managed now (oracle: surprise 1).
 * Boost:   what the marks hold on top (watermark_boost) is state, printed beside them: taken off first.
 */
#include "read/verify_priv.h"

#include <stdio.h>
#include <string.h>

static bool info_of(const struct nb_system *sys, const struct nb_zoneinfo_zone *z,
		    struct nb_zone_info *ret)
{
	return z->type >= 0 && !nb_zone_info(sys, z->nid, (enum nb_zone_type)z->type, ret);
}

static const struct {
	enum nb_zoneinfo_field field;
	enum nb_wmark mark;
	const char *name;
} marks[] = {
	{NB_ZI_MIN, NB_WMARK_MIN, "min"},
	{NB_ZI_LOW, NB_WMARK_LOW, "low"},
	{NB_ZI_HIGH, NB_WMARK_HIGH, "high"},
	{NB_ZI_PROMO, NB_WMARK_PROMO, "promo"},
};
#define NR_MARKS (sizeof(marks) / sizeof(marks[0]))

/* A mark as stored: the printed one less the boost. */
static bool mark_of(const struct nb_zoneinfo_zone *z, unsigned i, uint64_t *ret)
{
	uint64_t mark, boost = 0;

	if (!nb_zoneinfo_get(z, marks[i].field, &mark))
		return false;
	nb_zoneinfo_get(z, NB_ZI_BOOST, &boost);
	*ret = mark >= boost ? mark - boost : 0;
	return true;
}

static bool marks_fit(const struct nb_system *sys, const struct nb_zoneinfo *zi)
{
	struct nb_zone_info info;
	uint64_t mark;
	size_t i;
	unsigned k;

	for (i = 0; i < zi->nr_zones; i++) {
		if (!info_of(sys, &zi->zones[i], &info))
			return false;
		for (k = 0; k < NR_MARKS; k++) {
			if (mark_of(&zi->zones[i], k, &mark) &&
			    mark != info.wmark_pages[marks[k].mark])
				return false;
		}
	}
	return true;
}

/* The reserve of a zone towards the i-th zone that its architecture configures. */
static uint64_t reserve_of(const struct nb_system *sys, const struct nb_zone_info *info, unsigned i)
{
	struct nb_system_info si;
	unsigned t;

	nb_system_info(sys, &si);
	for (t = 0; t < NB_MAX_NR_ZONES; t++) {
		if (si.zones >> t & 1 && !i--)
			return info->protection_pages[t];
	}
	return 0;
}

static bool reserves_fit(const struct nb_system *sys, const struct nb_zoneinfo *zi)
{
	struct nb_zone_info info;
	size_t i;
	unsigned k;

	for (i = 0; i < zi->nr_zones; i++) {
		if (!info_of(sys, &zi->zones[i], &info))
			return false;
		for (k = 0; k < zi->zones[i].nr_protection; k++) {
			if (zi->zones[i].protection[k] != reserve_of(sys, &info, k))
				return false;
		}
	}
	return true;
}

/* As a read of the file does: computes the reserves anew. */
static void touch_reserve_ratio(struct nb_system *sys)
{
	char buf[256];

	if (nb_sysctl_read(sys, "vm.lowmem_reserve_ratio", buf, sizeof(buf)) > 0)
		nb_sysctl_write(sys, "vm.lowmem_reserve_ratio", buf, NULL);
}

/* Another system of the same machine, with `sysctl` (may be NULL) written. NULL if that fails. */
static struct nb_system *boot_again(struct nb_verify *v, const char *sysctl, const char *value)
{
	struct nb_system *sys;

	if (nb_system_boot(v->port, v->machine, NULL, &sys, NULL))
		return NULL;
	if (sysctl && nb_sysctl_write(sys, sysctl, value, NULL)) {
		nb_system_shutdown(sys);
		return NULL;
	}
	return sys;
}

static void replace_system(struct nb_verify *v, struct nb_system *sys)
{
	nb_system_shutdown(v->sys);
	v->sys = sys;
}

void nb_verify_min_free(struct nb_verify *v)
{
	static const char rule[] = "calculate_min_free_kbytes, khugepaged's minimum; facts 2.1";
	struct nb_system_info si;
	struct nb_system *written;
	int64_t observed;
	char value[32];

	if (nb_tree_numberf(v->tree, &observed, "proc/sys/vm/min_free_kbytes")) {
		nb_verify_absent(v, "proc/sys/vm/min_free_kbytes");
		return;
	}
	nb_system_info(v->sys, &si);
	if ((uint64_t)observed != si.min_free_kbytes && v->obs->has_zoneinfo) {
		snprintf(value, sizeof(value), "%lld", (long long)observed);
		written = boot_again(v, "vm.min_free_kbytes", value);
		if (written && marks_fit(written, &v->obs->zoneinfo)) {
			replace_system(v, written);
			nb_verify_skip(v, NB_VS_MIN_FREE, 1,
				       "written at run time: every mark is what a write of this "
				       "value gives, and boot gives another",
				       "vm.min_free_kbytes");
			return;
		}
		if (written)
			nb_system_shutdown(written);
	}
	nb_verify_u64(v, NB_VS_MIN_FREE, (uint64_t)observed, si.min_free_kbytes, rule,
		      "vm.min_free_kbytes");
}

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

static void verify_marks(struct nb_verify *v, const struct nb_zoneinfo_zone *z,
			 const struct nb_zone_info *info)
{
	uint64_t x;
	unsigned i;

	for (i = 0; i < NR_MARKS; i++) {
		if (mark_of(z, i, &x))
			nb_verify_u64(v, NB_VS_WATERMARKS, x, info->wmark_pages[marks[i].mark],
				      "__setup_per_zone_wmarks; facts 2.2, 2.8", "node %d %s %s",
				      z->nid, z->name, marks[i].name);
	}
	for (i = 0; i < z->nr_protection; i++)
		nb_verify_u64(v, NB_VS_PROTECTION, z->protection[i], reserve_of(v->sys, info, i),
			      "setup_per_zone_lowmem_reserve; facts 2.4, 2.8",
			      "node %d %s protection[%u]", z->nid, z->name, i);
}

/* While kswapd of the node is awake the threshold is another. Source: facts 2.7. */
static uint64_t expected_threshold(const struct nb_verify *v, const struct nb_zone_info *info,
				   uint64_t observed)
{
	struct nb_system_info si;
	uint64_t gap, pressure;

	nb_system_info(v->sys, &si);
	gap = info->wmark_pages[NB_WMARK_LOW] - info->wmark_pages[NB_WMARK_MIN];
	pressure = si.nr_cpus_online ? gap / si.nr_cpus_online : gap;
	pressure = pressure > 125 ? 125 : pressure < 1 ? 1 : pressure;
	return observed == pressure ? pressure : info->stat_threshold;
}

/* The auto-tuned high moves by itself: within its bounds, 0 before its first use, and left where an earlier
 * bound put it while nothing used the set since. Bounds before were others: the zone was smaller until all of
 * its memory was there (least: four batches of 1), fewer CPUs shared it (most: an eighth of it). */
static void verify_auto_high(struct nb_verify *v, const struct nb_zoneinfo_zone *z,
			     const struct nb_zone_info *info, const struct nb_zoneinfo_pageset *p)
{
	bool now = !p->high || (p->high >= info->pcp_high_min && p->high <= info->pcp_high_max);
	uint64_t highest = info->managed_pages / 8;

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

static void verify_pagesets(struct nb_verify *v, const struct nb_zoneinfo_zone *z,
			    const struct nb_zone_info *info)
{
	struct nb_system_info si;
	size_t i;

	nb_system_info(v->sys, &si);
	for (i = 0; i < z->nr_pagesets; i++) {
		const struct nb_zoneinfo_pageset *p = &z->pagesets[i];

		if (p->raw)
			continue;
		nb_verify_u64(v, NB_VS_PAGESETS, p->batch, info->pcp_batch,
			      "zone_batchsize; facts 5.5", "node %d %s cpu %d batch", z->nid,
			      z->name, p->cpu);
		if (p->has_threshold)
			nb_verify_u64(v, NB_VS_PAGESETS, p->threshold,
				      expected_threshold(v, info, p->threshold),
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

/* Which of the two states the reserves are in; leaves v->sys in it. */
static void settle_reserves(struct nb_verify *v, const struct nb_zoneinfo *zi)
{
	struct nb_system *again;

	if (v->in_step || reserves_fit(v->sys, zi))
		return;
	again = boot_again(v, NULL, NULL);
	if (!again)
		return;
	touch_reserve_ratio(again);
	if (reserves_fit(again, zi) && marks_fit(again, zi) == marks_fit(v->sys, zi)) {
		replace_system(v, again);
		nb_verify_note(v, "reserves: computed again since boot, as every reader of "
				  "vm.lowmem_reserve_ratio makes the kernel do");
	} else {
		nb_system_shutdown(again);
	}
}

void nb_verify_zoneinfo(struct nb_verify *v, const struct nb_zoneinfo *zi)
{
	struct nb_zone_info info;
	size_t i;

	settle_reserves(v, zi);
	for (i = 0; i < zi->nr_zones; i++) {
		const struct nb_zoneinfo_zone *z = &zi->zones[i];

		if (!info_of(v->sys, z, &info)) {
			nb_verify_text(v, NB_VS_ZONES, "there", "not there",
				       "zone_sizes_init, node setup; facts 1.1", "node %d zone %s",
				       z->nid, z->name);
			continue;
		}
		verify_spans(v, z, &info);
		verify_marks(v, z, &info);
		verify_pagesets(v, z, &info);
	}
}
