/* report_remedies.c -- what would have let a failed request succeed, tried.
 *
 * Called by report_explain.c. Each remedy is a change of the machine or of the request: the machine
 * is rebuilt from the report with it, and the request made. Nothing is reclaimed and nobody is
 * killed for a what-if.
 */
#include "base/mask.h"
#include "read/report_explain.h"
#include "view/view.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Rebuilds the machine with the change and makes the request. */
static bool replay(const struct nb_report_case *c, const struct nb_report_change *change,
		   const struct nb_alloc_request *rq, struct nb_page_info *ret)
{
	struct nb_rebuilt b;
	bool ok = false;
	nb_pfn_t pfn;

	if (nb_report_rebuild(c->r, c->kernel, change, &b, NULL))
		return false;
	/* nobody shall be killed for a what-if, and nothing is there to be reclaimed */
	struct nb_alloc_request once = *rq;

	once.gfp |= NB_GFP_BIT_NORETRY;
	once.gfp &= ~(nb_gfp_t)(NB_GFP_BIT_NOFAIL | NB_GFP_BIT_KSWAPD_RECLAIM);
	pfn = nb_alloc_pages(b.sys, &once);
	ok = pfn != NB_NO_PFN && !nb_page_info(b.sys, pfn, ret);
	nb_rebuilt_release(&b);
	return ok;
}

static void told(struct nb_sheet *s, json_t *list, const char *key, bool ok,
		 const struct nb_page_info *page, const char *what)
{
	json_t *o = json_object();

	if (ok)
		nb_sheet_step(s, "%s: succeeds, from node %d %s.", what, page->nid,
			      nb_zone_name(page->zone));
	else
		nb_sheet_step(s, "%s: fails%s.", what,
			      strcmp(key, "as_reported") == 0 ? "" : " all the same");
	nb_put_str(o, "change", key);
	nb_put_str(o, "text", what);
	nb_put_bool(o, "succeeds", ok);
	if (ok) {
		nb_put_i64(o, "node", page->nid);
		nb_put_str(o, "zone", nb_zone_name(page->zone));
	}
	json_array_append_new(list, o);
}

static void with_rq(const struct nb_report_case *c, struct nb_sheet *s, json_t *list,
		    const char *key, const struct nb_alloc_request *rq, const char *what)
{
	struct nb_page_info page = {0};
	bool ok = replay(c, NULL, rq, &page);

	told(s, list, key, ok, &page, what);
}

static void smaller(const struct nb_report_case *c, struct nb_sheet *s, json_t *list,
		    const struct nb_alloc_request *rq)
{
	struct nb_alloc_request less = *rq;
	struct nb_page_info page = {0};
	char what[120];

	for (unsigned o = c->r->order; o-- > 0;) {
		less.order = o;
		if (!replay(c, NULL, &less, &page) && o)
			continue;
		snprintf(what, sizeof(what), "A smaller order, %u in place of %u", o, c->r->order);
		told(s, list, "smaller_order", replay(c, NULL, &less, &page), &page, what);
		return;
	}
}

/* The zone that misses least. */
static const struct nb_zone_probe *nearest(const struct nb_report_case *c,
					   enum nb_probe_verdict verdict)
{
	const struct nb_zone_probe *best = NULL;

	for (unsigned i = 0; i < c->nr_v; i++)
		if (c->v[i].z.verdict == verdict &&
		    (!best || c->v[i].z.spare_pages > best->spare_pages))
			best = &c->v[i].z;
	return best;
}

static void more_memory(const struct nb_report_case *c, struct nb_sheet *s, json_t *list,
			const struct nb_alloc_request *rq)
{
	const struct nb_zone_probe *z = nearest(c, NB_PROBE_SHORT);
	struct nb_report_change ch = {.type = -1, .block_order = -1};
	struct nb_page_info page = {0};
	char what[200];

	if (z) {
		ch.nid = z->nid;
		ch.type = (int)z->zone;
		ch.single_pages = (uint64_t)(1 - z->spare_pages);
		snprintf(what, sizeof(what),
			 "%" PRIu64 " more free page%s (%" PRIu64 " KiB) on node %d %s",
			 ch.single_pages, ch.single_pages == 1 ? "" : "s",
			 ch.single_pages * c->page_kib, z->nid, nb_zone_name(z->zone));
		told(s, list, "more_free_pages", replay(c, &ch, rq, &page), &page, what);
	}
	z = nearest(c, NB_PROBE_PIECES);
	if (z) {
		ch = (struct nb_report_change){
			.nid = z->nid, .type = (int)z->zone, .block_order = (int)c->r->order};
		snprintf(what, sizeof(what),
			 "One free block of order %u on node %d %s, as compaction "
			 "could have made",
			 c->r->order, z->nid, nb_zone_name(z->zone));
		told(s, list, "one_block", replay(c, &ch, rq, &page), &page, what);
	}
}

static void rules_off(const struct nb_report_case *c, struct nb_sheet *s, json_t *list,
		      const struct nb_alloc_request *rq)
{
	struct nb_report_change ch = {.type = -1, .block_order = -1};
	struct nb_page_info page = {0};
	bool reserve_counts = false, boost = false, highatomic = false;

	for (unsigned i = 0; i < c->nr_v; i++) {
		reserve_counts |= !c->v[i].closed && c->v[i].z.reserve_pages > 0;
		boost |= !c->v[i].closed && c->v[i].z.boost_pages > 0;
		highatomic |= !c->v[i].closed && c->v[i].z.highatomic_pages > 0;
	}
	if (reserve_counts) {
		ch.no_reserve = true;
		told(s, list, "no_lowmem_reserve", replay(c, &ch, rq, &page), &page,
		     "Without lowmem_reserve");
		ch.no_reserve = false;
	}
	if (boost) {
		ch.no_boost = true;
		told(s, list, "no_boost", replay(c, &ch, rq, &page), &page,
		     "Without the watermark boost (vm.watermark_boost_factor=0)");
		ch.no_boost = false;
	}
	if (highatomic) {
		ch.no_highatomic = true;
		told(s, list, "no_highatomic", replay(c, &ch, rq, &page), &page,
		     "Without the high-order atomic reserve");
	}
}

void nb_report_remedies(const struct nb_report_case *c, struct nb_sheet *s)
{
	json_t *list = json_array();
	struct nb_alloc_request rq, other;
	struct nb_nodemask mask;
	struct nb_page_info page = {0};

	json_object_set_new(s->root, "replays", list);
	nb_report_request(c, &mask, &rq);
	nb_sheet_heading(
		s, "What would have let it succeed: the request replayed on the machine rebuilt "
		   "from the report");
	told(s, list, "as_reported", replay(c, NULL, &rq, &page), &page, "As reported");
	if (rq.nodemask) {
		other = rq;
		other.nodemask = NULL;
		with_rq(c, s, list, "without_mask", &other,
			"Without the policy's or cpuset's nodes");
	}
	if (c->gfp & NB_GFP_BIT_THISNODE) {
		other = rq;
		other.gfp &= ~(nb_gfp_t)NB_GFP_BIT_THISNODE;
		with_rq(c, s, list, "without_thisnode", &other, "Without __GFP_THISNODE");
	}
	if (c->gfp & (NB_GFP_BIT_DMA | NB_GFP_BIT_DMA32)) {
		other = rq;
		other.gfp &= ~(nb_gfp_t)(NB_GFP_BIT_DMA | NB_GFP_BIT_DMA32);
		with_rq(c, s, list, "any_zone", &other, "From any zone, not low memory alone");
	}
	if (c->r->order)
		smaller(c, s, list, &rq);
	more_memory(c, s, list, &rq);
	rules_off(c, s, list, &rq);
	if (!(c->gfp & NB_GFP_BIT_HIGH) && !c->q.may_reclaim) {
		other = rq;
		other.gfp |= NB_GFP_BIT_HIGH;
		with_rq(c, s, list, "with_high", &other,
			"With __GFP_HIGH (GFP_ATOMIC), which may use the reserve");
	}
	nb_sheet_note(
		s, "Replayed without reclaim: what a report's page cache would give is not known.");
}
