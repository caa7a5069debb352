/* explain_marks.c -- `explain watermarks` and `explain minfree`: from min_free_kbytes to each
 * zone's marks, and what a number of free pages means between them.
 *
 * The numbers come from numabox/probe.h, which applies the engine's own formulas; here they are put
 * into words. Source: facts 2.1, 2.2, 2.6.
 */
#include "view/explain.h"
#include <inttypes.h>

static bool asked(const struct nb_explain_ask *a, int nid, int type)
{
	return (a->node == NB_NO_NODE || a->node == nid) && (a->zone < 0 || a->zone == type);
}

/* Low and high from min, in the kernel's own way. */
static void gap_steps(const struct nb_explain_ask *a, const struct nb_wmark_parts *p,
		      const struct nb_kernel_profile *prof, struct nb_sheet *s)
{
	struct nb_words w = {0};
	uint64_t gap = p->low_pages - p->min_pages;

	if (prof->marks_are_multiples) {
		nb_sheet_step(s, "low = 2 x min = %s; high = 3 x min = %s (kernels to 2.6.16).",
			      nb_pages(&w, a->sys, p->low_pages),
			      nb_pages(&w, a->sys, p->high_pages));
		return;
	}
	if (!p->scale_factor) {
		nb_sheet_step(s,
			      "low = min + share / 4 = %s; high = min + share / 2 = %s (kernels "
			      "before 4.6 know no watermark_scale_factor).",
			      nb_pages(&w, a->sys, p->low_pages),
			      nb_pages(&w, a->sys, p->high_pages));
		return;
	}
	nb_sheet_step(s,
		      "The gap between marks is the greater of share / 4 = %" PRIu64
		      " and managed x watermark_scale_factor / 10000 = %" PRIu64 " x %u / 10000 = "
		      "%" PRIu64 ": %s.",
		      p->quarter_pages, p->managed_pages, p->scale_factor, p->scaled_pages,
		      nb_pages(&w, a->sys, gap));
	nb_sheet_step(s, "low = min + gap = %s; high = low + gap = %s.",
		      nb_pages(&w, a->sys, p->low_pages), nb_pages(&w, a->sys, p->high_pages));
}

static void mark_steps(const struct nb_explain_ask *a, const struct nb_wmark_parts *p,
		       const struct nb_zone_info *z, struct nb_sheet *s)
{
	struct nb_system_info info;
	struct nb_words w = {0};

	nb_system_info(a->sys, &info);
	nb_sheet_step(s,
		      "min_free_kbytes %" PRIu64 " KiB / %u KiB a page = %" PRIu64
		      " pages, for all zones together.",
		      info.min_free_kbytes, 1u << (info.page_shift - 10), p->min_free_pages);
	nb_sheet_step(s, "This zone manages %" PRIu64 " of the %" PRIu64 " pages that share them.",
		      p->managed_pages, p->lowmem_pages);
	if (p->shares)
		nb_sheet_step(
			s, "min = %" PRIu64 " x %" PRIu64 " / %" PRIu64 " = %s. (Pages, not KiB.)",
			p->min_free_pages, p->managed_pages, p->lowmem_pages,
			nb_pages(&w, a->sys, p->min_pages));
	else
		nb_sheet_step(
			s,
			"High memory and its kin take no share: min = managed / 1024, at least "
			"32, at most 128: %s. The gap still goes by a share of %" PRIu64 ".",
			nb_pages(&w, a->sys, p->min_pages), p->share_pages);
	gap_steps(a, p, info.profile, s);
	if (!p->in_force)
		nb_sheet_note(s,
			      "But the marks in force are min %" PRIu64 ", low %" PRIu64
			      ", high %" PRIu64 ": this zone's were set by something else than "
			      "these rules.",
			      z->wmark_pages[NB_WMARK_MIN] - z->boost_pages,
			      z->wmark_pages[NB_WMARK_LOW] - z->boost_pages,
			      z->wmark_pages[NB_WMARK_HIGH] - z->boost_pages);
	if (z->boost_pages)
		nb_sheet_note(
			s,
			"All marks stand higher by a boost of %s just now: a request broke into "
			"another migrate type's pageblock, and kswapd shall make room.",
			nb_pages(&w, a->sys, z->boost_pages));
}

/* What an atomic request may go down to. */
static int64_t atomic_floor(const struct nb_explain_ask *a, const struct nb_zone_info *z)
{
	struct nb_alloc_request rq = {.gfp = NB_GFP_ATOMIC, .cpu = a->cpu, .nid = z->nid};
	struct nb_zone_probe p;

	if (nb_probe_zone(a->sys, &rq, z->nid, z->type, NB_PROBE_SLOW, NB_WMARK_MIN, NB_UNKNOWN,
			  &p))
		return 0;
	return p.mark_reduced_pages;
}

struct meaning {
	const char *key;
	const char *kswapd, *request;
};

static struct meaning meaning_of(const struct nb_zone_info *z, uint64_t n)
{
	if (n > z->wmark_pages[NB_WMARK_HIGH])
		return (struct meaning){
			"above_high",
			"kswapd sleeps, or goes to sleep now",
			"a request for one page takes it at once",
		};
	if (n > z->wmark_pages[NB_WMARK_LOW])
		return (struct meaning){
			"between_low_and_high",
			"kswapd is not woken; if it was awake already it goes on reclaiming, to "
			"high",
			"a request for one page takes it at once",
		};
	if (n > z->wmark_pages[NB_WMARK_MIN])
		return (struct meaning){
			"between_min_and_low",
			"kswapd is woken, once no other zone of the list is above its low mark",
			"the first walk passes this zone over; if all are so, the slow path wakes "
			"kswapd and takes the page down to min",
		};
	return (struct meaning){
		"at_or_below_min",
		"kswapd is awake and behind",
		"a request that may wait reclaims memory itself (direct reclaim); one that may not "
		"goes on into the reserve",
	};
}

static const char *against(uint64_t n, uint64_t mark)
{
	return n > mark ? ">" : n == mark ? "=" : "<";
}

static void one_free(const struct nb_explain_ask *a, const struct nb_zone_info *z, uint64_t n,
		     const char *what, struct nb_sheet *s, json_t *list)
{
	struct meaning m = meaning_of(z, n);
	int64_t floor = atomic_floor(a, z);
	json_t *o = json_object();
	struct nb_words w = {0};

	nb_sheet_step(s,
		      "%s %s: %" PRIu64 " %s high %" PRIu64 ", %s low %" PRIu64 ", %s min %" PRIu64
		      ": %s; %s.",
		      what, nb_pages(&w, a->sys, n), n, against(n, z->wmark_pages[NB_WMARK_HIGH]),
		      z->wmark_pages[NB_WMARK_HIGH], against(n, z->wmark_pages[NB_WMARK_LOW]),
		      z->wmark_pages[NB_WMARK_LOW], against(n, z->wmark_pages[NB_WMARK_MIN]),
		      z->wmark_pages[NB_WMARK_MIN], m.kswapd, m.request);
	if (n <= z->wmark_pages[NB_WMARK_MIN])
		nb_sheet_note(
			s, "GFP_ATOMIC has the reserve down to %" PRId64 " pages: of it %s left.",
			floor,
			(int64_t)n > floor ? nb_pages(&w, a->sys, n - (uint64_t)floor)
					   : "nothing is");
	nb_put_u64(o, "free_pages", n);
	nb_put_str(o, "state", m.key);
	nb_put_bool(o, "kswapd_woken", n <= z->wmark_pages[NB_WMARK_LOW]);
	nb_put_bool(o, "direct_reclaim", n <= z->wmark_pages[NB_WMARK_MIN]);
	nb_put_str(o, "kswapd", m.kswapd);
	nb_put_str(o, "request", m.request);
	json_array_append_new(list, o);
}

static void zone_marks(const struct nb_explain_ask *a, const struct nb_zone_info *z,
		       const struct nb_wmark_parts *p, struct nb_sheet *s, json_t *zones)
{
	json_t *o = json_object(), *list = json_array();

	nb_sheet_heading(s, "Node %d, zone %s", z->nid, nb_zone_name(z->type));
	mark_steps(a, p, z, s);
	if (a->nr_free_pages == 0)
		one_free(a, z, z->free_pages, "Free are", s, list);
	for (unsigned i = 0; i < a->nr_free_pages; i++)
		one_free(a, z, a->free_pages[i], "Were free", s, list);
	nb_put_i64(o, "node", z->nid);
	nb_put_str(o, "zone", nb_zone_name(z->type));
	nb_put_u64(o, "managed_pages", p->managed_pages);
	nb_put_u64(o, "sharing_pages", p->lowmem_pages);
	nb_put_u64(o, "share_pages", p->share_pages);
	nb_put_u64(o, "quarter_pages", p->quarter_pages);
	nb_put_u64(o, "scaled_pages", p->scaled_pages);
	nb_put_u64(o, "min_pages", z->wmark_pages[NB_WMARK_MIN]);
	nb_put_u64(o, "low_pages", z->wmark_pages[NB_WMARK_LOW]);
	nb_put_u64(o, "high_pages", z->wmark_pages[NB_WMARK_HIGH]);
	nb_put_u64(o, "boost_pages", z->boost_pages);
	nb_put_u64(o, "free_pages", z->free_pages);
	nb_put_u64(o, "atomic_floor_pages", (uint64_t)atomic_floor(a, z));
	nb_put_bool(o, "by_rule", p->in_force);
	json_object_set_new(o, "what_if", list);
	json_array_append_new(zones, o);
}

int nb_explain_watermarks(const struct nb_explain_ask *a, struct nb_sheet *s, struct nb_error *err)
{
	struct nb_system_info info;
	json_t *zones = json_array();

	nb_system_info(a->sys, &info);
	nb_put_u64(s->root, "min_free_kib", info.min_free_kbytes);
	json_object_set_new(s->root, "zones", zones);
	for (unsigned i = 0; i < nb_system_nr_nodes(a->sys); i++) {
		int nid = nb_system_node_id(a->sys, i);

		for (int t = 0; t < NB_MAX_NR_ZONES; t++) {
			struct nb_wmark_parts p;
			struct nb_zone_info z;

			if (!asked(a, nid, t) ||
			    nb_zone_info(a->sys, nid, (enum nb_zone_type)t, &z) || !z.populated ||
			    nb_probe_wmark_parts(a->sys, nid, z.type, &p))
				continue;
			zone_marks(a, &z, &p, s, zones);
		}
	}
	if (!json_array_size(zones))
		return nb_error_set(err, -NB_ENODEV, 0,
				    "this machine has no such zone with memory: node %d, zone %s",
				    a->node == NB_NO_NODE ? nb_system_node_id(a->sys, 0) : a->node,
				    a->zone < 0 ? "(any)"
						: nb_zone_name((enum nb_zone_type)a->zone));
	nb_sheet_heading(s, "What the marks mean");
	nb_sheet_note(s,
		      "A test is free > mark + lowmem_reserve, for one page: at the mark itself it "
		      "fails. The reserve is 0 in the zone that a request wants and counts in the "
		      "zones below it ('explain placement').");
	nb_sheet_note(s,
		      "kswapd is woken at low, not at min, and runs to high; between them lies "
		      "what it may fall behind. Below min stand the reserves of those who cannot "
		      "wait or who free memory themselves.");
	return 0;
}

/* ---- minfree ---- */

static void thp_steps(const struct nb_min_free_parts *p, const struct nb_system_info *info,
		      struct nb_sheet *s)
{
	unsigned kib = 1u << (info->page_shift - 10);

	if (!info->profile->has_thp)
		return;
	if (p->again) {
		nb_sheet_step(s,
			      "Transparent huge pages are off: the root is taken again, of what "
			      "lies above "
			      "the high marks of the first pass: the root of %" PRIu64
			      " x %u is %" PRIu64 " KiB.",
			      p->again_lowmem_kib, p->root_factor, p->again_kib);
		return;
	}
	if (!p->thp) {
		nb_sheet_step(s,
			      "Transparent huge pages are off (or there is too little memory for "
			      "them): nothing is added for them.");
		return;
	}
	nb_sheet_step(
		s,
		"Transparent huge pages want room: a pageblock has %" PRIu64
		" pages, %u zones count, and for each 2 pageblocks and 3 x 3 more, so that no "
		"migrate type need break into another's: %" PRIu64 " x %u x 11 = %" PRIu64
		" pages = %" PRIu64 " KiB.",
		p->pageblock_pages, p->thp_zones, p->pageblock_pages, p->thp_zones,
		p->thp_wanted_kib / kib, p->thp_wanted_kib);
	if (p->thp_kib < p->thp_wanted_kib)
		nb_sheet_step(
			s,
			"But at most a twentieth of what is free above the high marks: %" PRIu64
			" KiB.",
			p->thp_cap_kib);
	nb_sheet_step(s, "The greater of the two counts: %" PRIu64 " KiB.",
		      p->thp_kib > p->clamped_kib ? p->thp_kib : p->clamped_kib);
}

static void shares(const struct nb_explain_ask *a, struct nb_sheet *s)
{
	json_t *zones = json_array();
	struct nb_table t = {0};

	nb_table_column(&t, "node", NB_TABLE_RIGHT);
	nb_table_column(&t, "zone", NB_TABLE_LEFT);
	nb_table_column(&t, "managed", NB_TABLE_RIGHT);
	nb_table_column(&t, "share", NB_TABLE_RIGHT);
	nb_table_column(&t, "min", NB_TABLE_RIGHT);
	nb_table_column(&t, "KiB", NB_TABLE_RIGHT);
	for (unsigned i = 0; i < nb_system_nr_nodes(a->sys); i++) {
		int nid = nb_system_node_id(a->sys, i);

		for (int z = 0; z < NB_MAX_NR_ZONES; z++) {
			struct nb_wmark_parts p;
			struct nb_zone_info info;
			struct nb_system_info sys;
			json_t *o;

			if (nb_zone_info(a->sys, nid, (enum nb_zone_type)z, &info) ||
			    !info.populated || nb_probe_wmark_parts(a->sys, nid, info.type, &p))
				continue;
			nb_system_info(a->sys, &sys);
			nb_table_cell(&t, "%d", nid);
			nb_table_cell(&t, "%s", nb_zone_name(info.type));
			nb_table_cell(&t, "%" PRIu64, p.managed_pages);
			if (p.shares)
				nb_table_cell(&t, "%.2f %%",
					      p.lowmem_pages ? 100.0 * (double)p.managed_pages /
								       (double)p.lowmem_pages
							     : 0);
			else
				nb_table_cell(&t, "none");
			nb_table_cell(&t, "%" PRIu64, p.min_pages);
			nb_table_cell(&t, "%" PRIu64, p.min_pages << (sys.page_shift - 10));
			o = json_object();
			nb_put_i64(o, "node", nid);
			nb_put_str(o, "zone", nb_zone_name(info.type));
			nb_put_u64(o, "managed_pages", p.managed_pages);
			nb_put_u64(o, "min_pages", p.min_pages);
			nb_put_u64(o, "min_kib", p.min_pages << (sys.page_shift - 10));
			json_array_append_new(zones, o);
		}
	}
	nb_sheet_table(s, &t);
	json_object_set_new(s->root, "zones", zones);
}

int nb_explain_minfree(const struct nb_explain_ask *a, struct nb_sheet *s, struct nb_error *err)
{
	struct nb_min_free_parts p;
	struct nb_system_info info;

	(void)err;
	nb_probe_min_free(a->sys, &p);
	nb_system_info(a->sys, &info);
	nb_sheet_heading(s, "How vm.min_free_kbytes is set at boot");
	nb_sheet_step(s,
		      "Low memory (DMA, DMA32 and Normal of all nodes) has %" PRIu64
		      " KiB that the kernel manages.",
		      p.lowmem_kib);
	nb_sheet_step(s, "The square root of %" PRIu64 " x %u is %" PRIu64 " KiB.", p.lowmem_kib,
		      p.root_factor, p.root_kib);
	nb_sheet_step(s, "Kept between 128 and %" PRIu64 " KiB: %" PRIu64 " KiB.", p.max_kib,
		      p.clamped_kib);
	thp_steps(&p, &info, s);
	if (p.by_user)
		nb_sheet_step(s, "But vm.min_free_kbytes was written: %" PRIu64 " KiB is in force.",
			      p.in_force_kib);
	else
		nb_sheet_step(s, "In force: %" PRIu64 " KiB.", p.in_force_kib);
	nb_sheet_heading(s, "How the zones share it: %" PRIu64 " KiB / %u KiB = %" PRIu64 " pages",
			 p.in_force_kib, 1u << (info.page_shift - 10),
			 p.in_force_kib >> (info.page_shift - 10));
	shares(a, s);
	nb_sheet_note(s, "A zone's min is its share by managed pages. min_free_kbytes counts KiB, "
			 "marks count pages: 67584 KiB are 16896 pages of 4 KiB. 'explain "
			 "watermarks' goes on from min to low and high.");
	nb_put_u64(s->root, "lowmem_kib", p.lowmem_kib);
	nb_put_u64(s->root, "root_kib", p.root_kib);
	nb_put_u64(s->root, "clamped_kib", p.clamped_kib);
	nb_put_bool(s->root, "thp", p.thp);
	if (p.again)
		nb_put_u64(s->root, "again_kib", p.again_kib);
	nb_put_u64(s->root, "thp_zones", p.thp_zones);
	nb_put_u64(s->root, "thp_wanted_kib", p.thp_wanted_kib);
	nb_put_u64(s->root, "thp_kib", p.thp_kib);
	nb_put_bool(s->root, "set_by_user", p.by_user);
	nb_put_u64(s->root, "min_free_kib", p.in_force_kib);
	return 0;
}
