/* report_explain.c -- reads a failure report out: the request in words, each zone's test, the free
 * blocks, where memory is.
 *
 * Called by explain. Zones are judged on a machine rebuilt from the report, with the engine's own
 * test (numabox/probe.h), at the last attempt's marks: min, less the request's rights.
 */
#include "read/report_explain.h"
#include "base/mask.h"
#include "view/extfrag.h"
#include "view/fragmentation.h"
#include "view/view.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *node_list(const struct nb_nodemask *m, struct nb_text *t)
{
	nb_text_clear(t);
	nb_text_add_list(t, m->bits, NB_MAX_NODES);
	return nb_text_str(t);
}

/* ---- the request ---- */

static const struct {
	nb_gfp_t bit;
	bool set; /* said when the bit is set; else when it is not */
	const char *words;
} flag_words[] = {
	{NB_GFP_BIT_DIRECT_RECLAIM, true, "it may wait, and reclaim memory itself"},
	{NB_GFP_BIT_DIRECT_RECLAIM, false,
	 "it may not wait (interrupt, lock held, or a caller with a "
	 "fallback): free pages only"},
	{NB_GFP_BIT_HIGH, true, "it may use half of the min reserve"},
	{NB_GFP_BIT_MEMALLOC, true, "it may use all reserves"},
	{NB_GFP_BIT_NOMEMALLOC, true, "it may not use emergency reserves"},
	{NB_GFP_BIT_THISNODE, true, "from one node alone, no fallback"},
	{NB_GFP_BIT_NORETRY, true,
	 "one try at reclaim, then it fails without harm (the caller has a "
	 "fallback)"},
	{NB_GFP_BIT_RETRY_MAYFAIL, true, "it tries long, but nobody is killed for it"},
	{NB_GFP_BIT_NOFAIL, true, "it must not fail"},
	{NB_GFP_BIT_WRITE, true, "for a page that will be written to (dirty limits count)"},
	{NB_GFP_BIT_ACCOUNT, true, "counted to the task's memory cgroup"},
	{NB_GFP_BIT_HARDWALL, true, "for user space: its cpuset binds it"},
	{NB_GFP_BIT_ZERO, true, "zeroed"},
};

static void flags_in_words(const struct nb_report_case *c, struct nb_sheet *s)
{
	json_t *words = json_array();

	for (size_t i = 0; i < sizeof(flag_words) / sizeof(*flag_words); i++) {
		if (!(c->gfp & flag_words[i].bit) == flag_words[i].set)
			continue;
		nb_sheet_note(s, "- %s", flag_words[i].words);
		json_array_append_new(words, json_string(flag_words[i].words));
	}
	if ((c->gfp & NB_GFP_BIT_DIRECT_RECLAIM) && !(c->gfp & NB_GFP_BIT_IO)) {
		nb_sheet_note(
			s, "- but reclaim may start no I/O (GFP_NOIO): no swapping, no compaction");
		json_array_append_new(words, json_string("reclaim may start no I/O"));
	} else if ((c->gfp & NB_GFP_BIT_DIRECT_RECLAIM) && !(c->gfp & NB_GFP_BIT_FS)) {
		nb_sheet_note(
			s, "- but reclaim may not enter file systems (GFP_NOFS): clean pages and "
			   "swap only");
		json_array_append_new(words, json_string("reclaim may not enter file systems"));
	}
	json_object_set_new(s->root, "gfp_words", words);
}

static const char *zone_words(nb_gfp_t gfp)
{
	if (gfp & NB_GFP_BIT_DMA)
		return "from ZONE_DMA alone (below 16 MiB on a PC)";
	if (gfp & NB_GFP_BIT_DMA32)
		return "below 4 GiB (a 32-bit device)";
	if ((gfp & NB_GFP_BIT_HIGHMEM) && (gfp & NB_GFP_BIT_MOVABLE))
		return "from any zone, Movable too";
	return gfp & NB_GFP_BIT_HIGHMEM ? "from any zone but Movable"
					: "from zones that the kernel maps: Normal and below";
}

static void request(const struct nb_report_case *c, struct nb_sheet *s)
{
	const struct nb_report *r = c->r;
	char gfp[256];
	struct nb_text t = {0};
	struct nb_words w = {0};

	nb_gfp_format(c->gfp, c->profile, gfp, sizeof(gfp));
	nb_sheet_heading(s, "The request");
	nb_sheet_step(s, "Order %u: %s in one piece.", r->order,
		      nb_bytes(&w, (UINT64_C(1024) << r->order) * c->page_kib));
	if (r->has_gfp) {
		nb_sheet_step(s, "Flags 0x%x, that is %s: %s.", r->gfp_raw,
			      r->gfp_names[0] ? r->gfp_names : gfp, zone_words(c->gfp));
		flags_in_words(c, s);
		nb_put_str(s->root, "gfp", r->gfp_names[0] ? r->gfp_names : gfp);
		nb_put_u64(s->root, "gfp_raw", r->gfp_raw);
	}
	if (r->has_nodemask)
		nb_sheet_step(s, "A memory policy binds it to nodes %s.",
			      node_list(&r->nodemask, &t));
	if (r->has_mems)
		nb_sheet_step(s, "The task's cpuset%s%s allows nodes %s.", r->cpuset[0] ? " " : "",
			      r->cpuset, node_list(&r->mems_allowed, &t));
	nb_put_u64(s->root, "order", r->order);
	nb_put_u64(s->root, "size_kib", (UINT64_C(1) << r->order) * c->page_kib);
	if (r->has_nodemask)
		nb_put_str(s->root, "nodemask", node_list(&r->nodemask, &t));
	if (r->has_mems)
		nb_put_str(s->root, "mems_allowed", node_list(&r->mems_allowed, &t));
	nb_text_release(&t);
}

static void victim(const struct nb_report_case *c, struct nb_sheet *s)
{
	const struct nb_report *r = c->r;
	uint64_t kib = r->killed_has_rss ? r->killed_anon + r->killed_file + r->killed_shmem
					 : r->killed_rss_pages * c->page_kib;
	json_t *o = json_object();
	char rss[48] = "", adj[48] = "";

	if (kib)
		snprintf(rss, sizeof(rss), " with %" PRIu64 " KiB resident", kib);
	if (r->killed_has_adj)
		snprintf(adj, sizeof(adj), ", oom_score_adj %" PRId64, r->killed_adj);
	nb_sheet_note(s, "%s process %" PRIu64 " (%s)%s%s.",
		      r->killed ? "Killed was" : "Chosen was", r->killed_pid, r->killed_name, rss,
		      adj);
	nb_put_u64(o, "pid", r->killed_pid);
	nb_put_str(o, "name", r->killed_name);
	if (kib)
		nb_put_u64(o, "rss_kib", kib & INT64_MAX);
	if (r->killed_has_adj)
		nb_put_i64(o, "oom_score_adj", r->killed_adj);
	json_object_set_new(s->root, "killed", o);
}

static void title(const struct nb_report_case *c, struct nb_sheet *s)
{
	static const char *const constraint[] = {NULL, "none", "cpuset", "memory_policy", "memcg"};
	const struct nb_report *r = c->r;

	nb_sheet_heading(s, "Line %u: %s%s%s%s%s%s", r->line,
			 r->kind == NB_REPORT_OOM ? "the OOM killer was called"
			 : r->stall               ? "a page allocation that stalled"
						  : "a page allocation failure",
			 !r->comm[0]                ? ""
			 : r->kind == NB_REPORT_OOM ? " on behalf of '"
						    : " of '",
			 r->comm, r->comm[0] ? "'" : "", r->release[0] ? ", kernel " : "",
			 r->release);
	nb_sheet_note(s, "Judged by the rules of kernel %s%s.", c->profile->key,
		      r->release[0] ? "" : " (the report does not name its own; --kernel does)");
	nb_put_str(s->root, "kind", r->kind == NB_REPORT_OOM ? "oom" : "allocation_failure");
	nb_put_u64(s->root, "line", r->line);
	nb_put_str(s->root, "comm", r->comm);
	if (r->release[0])
		nb_put_str(s->root, "release", r->release);
	nb_put_str(s->root, "profile", c->profile->key);
	if (constraint[r->constraint])
		nb_put_str(s->root, "constraint", constraint[r->constraint]);
	if (r->killed || r->chosen)
		victim(c, s);
	if (r->no_victim)
		nb_sheet_note(s, "Nobody could be killed: the kernel panics then.");
}

/* ---- zones ---- */

void nb_report_request(const struct nb_report_case *c, struct nb_nodemask *mask,
		       struct nb_alloc_request *rq)
{
	const struct nb_report *r = c->r;
	int nid = r->nr_zones ? r->zones[0].nid : 0;
	bool first = true, closes = false;

	*rq = (struct nb_alloc_request){.gfp = c->gfp, .order = r->order, .nid = NB_NO_NODE};
	/* The node that it ran on is not told; one that may serve it comes first. */
	for (unsigned i = 0; i < r->nr_zones; i++) {
		bool open = (!r->has_nodemask || nb_nodemask_test(&r->nodemask, r->zones[i].nid)) &&
			    (!r->has_mems || nb_nodemask_test(&r->mems_allowed, r->zones[i].nid));

		closes |= !open;
		if (open && first) {
			nid = r->zones[i].nid;
			first = false;
		}
	}
	rq->cpu = nid;
	memset(mask, 0xff, sizeof(*mask));
	for (unsigned i = 0; i < NB_MAX_NODES / 64; i++) {
		if (r->has_nodemask)
			mask->bits[i] &= r->nodemask.bits[i];
		if (r->has_mems)
			mask->bits[i] &= r->mems_allowed.bits[i];
	}
	if (closes && !first)
		rq->nodemask = mask;
}

static bool collect(void *arg, const struct nb_zone_probe *z)
{
	struct nb_report_case *c = arg;
	struct nb_report_verdict *v;

	c->v = nb_xrealloc(c->v, c->nr_v + 1, sizeof(*c->v));
	v = &c->v[c->nr_v++];
	*v = (struct nb_report_verdict){.z = *z, .told = nb_report_zone(c->r, z->nid, z->zone)};
	v->closed = z->verdict > NB_PROBE_PIECES;
	if (z->verdict == NB_PROBE_NODEMASK && c->r->has_mems &&
	    !nb_nodemask_test(&c->r->mems_allowed, z->nid) &&
	    !(c->r->has_nodemask && !nb_nodemask_test(&c->r->nodemask, z->nid)))
		v->z.verdict = NB_PROBE_CPUSET;
	c->nr_pass += z->verdict == NB_PROBE_PASSES;
	c->nr_short += z->verdict == NB_PROBE_SHORT;
	c->nr_pieces += z->verdict == NB_PROBE_PIECES;
	return true;
}

static const char *closed_words(enum nb_probe_verdict v)
{
	switch (v) {
	case NB_PROBE_TOO_HIGH:
		return "its flags do not allow so high a zone";
	case NB_PROBE_NODEMASK:
		return "closed by the memory policy";
	case NB_PROBE_CPUSET:
		return "closed by the cpuset";
	case NB_PROBE_OTHER_NODE:
		return "closed by __GFP_THISNODE";
	default:
		return "no managed pages";
	}
}

static void one_verdict(const struct nb_report_case *c, const struct nb_report_verdict *v,
			struct nb_sheet *s, json_t *zones)
{
	const struct nb_zone_probe *z = &v->z;
	const char *name = nb_zone_name(z->zone);
	int64_t unusable = z->block_pages + z->highatomic_pages + z->cma_pages;
	int64_t need = z->mark_reduced_pages + z->reserve_pages;
	json_t *o = json_object();
	char not_usable[64] = "";

	if (unusable)
		snprintf(not_usable, sizeof(not_usable), ", %" PRId64 " of them not usable",
			 unusable);
	if (v->closed)
		nb_sheet_step(s, "Node %d %s: %s; %" PRId64 " pages are free there.", z->nid, name,
			      closed_words(z->verdict), z->free_pages);
	else if (z->verdict == NB_PROBE_PASSES)
		nb_sheet_step(s,
			      "Node %d %s: by these numbers it could serve it: %" PRId64
			      " page%s to spare. Memory came free between the failure and the "
			      "report.",
			      z->nid, name, z->spare_pages, z->spare_pages == 1 ? "" : "s");
	else if (z->verdict == NB_PROBE_SHORT)
		nb_sheet_step(s,
			      "Node %d %s: %" PRId64 " free%s, against min %" PRId64
			      " + reserve %" PRId64 " = %" PRId64 ": misses by %" PRId64
			      " page%s (%" PRId64 " KiB).",
			      z->nid, name, z->free_pages, not_usable, z->mark_reduced_pages,
			      z->reserve_pages, need, 1 - z->spare_pages, z->spare_pages ? "s" : "",
			      (1 - z->spare_pages) * c->page_kib);
	else
		nb_sheet_step(
			s,
			"Node %d %s: %" PRId64 " free, %" PRId64 " more than needed, but no free "
			"block of order %u: the largest has order %d. Misses by "
			"fragmentation.",
			z->nid, name, z->free_pages, z->spare_pages, c->r->order, z->largest_order);
	nb_put_i64(o, "node", z->nid);
	nb_put_str(o, "zone", name);
	nb_put_str(o, "verdict", nb_probe_verdict_key(z->verdict));
	nb_put_i64(o, "free_pages", z->free_pages);
	nb_put_i64(o, "unusable_pages", unusable);
	nb_put_i64(o, "mark_pages", z->mark_pages);
	nb_put_i64(o, "mark_reduced_pages", z->mark_reduced_pages);
	nb_put_i64(o, "reserve_pages", z->reserve_pages);
	nb_put_i64(o, "misses_by_pages", z->verdict == NB_PROBE_SHORT ? 1 - z->spare_pages : 0);
	nb_put_i64(o, "largest_order", z->largest_order);
	json_array_append_new(zones, o);
}

static void zones(const struct nb_report_case *c, struct nb_sheet *s)
{
	json_t *list = json_array();

	nb_sheet_heading(s, "Which zones could have served it, and what each missed by");
	for (unsigned i = 0; i < c->nr_v; i++)
		one_verdict(c, &c->v[i], s, list);
	json_object_set_new(s->root, "zones", list);
	nb_sheet_note(
		s, "Tested as in its last attempt: min marks less its rights; free memory as the "
		   "report's blocks have it.");
	if (c->r->dma_is_low)
		nb_sheet_note(
			s, "The report's DMA zone is all low memory of a 32-bit machine: it stands "
			   "as Normal here.");
	if (c->approximate)
		nb_sheet_note(s,
			      "%u zone%s free blocks could not all be laid out (where holes are no "
			      "report "
			      "tells): the smallest are left out.",
			      c->approximate, c->approximate == 1 ? "'s" : "s'");
}

/* ---- free blocks ---- */

static void free_blocks(const struct nb_report_case *c, struct nb_sheet *s)
{
	static const char letter[] = "UMEHCI";
	json_t *list = json_array();

	nb_sheet_heading(s, "Free memory, by size of its pieces");
	for (unsigned i = 0; i < c->r->nr_zones; i++) {
		const struct nb_report_zone *z = &c->r->zones[i];
		struct nb_buddyinfo_row row = {.nid = z->nid, .type = z->type};
		struct nb_frag_zone f;
		struct nb_text types = {0};
		unsigned at_order = 0;
		json_t *o = json_object();
		char index[80];
		int x;

		if (!z->nr_orders) {
			json_decref(o);
			continue;
		}
		row.zone = nb_zone_name((enum nb_zone_type)z->type);
		row.nr_orders = z->nr_orders;
		memcpy(row.nr_free, z->nr_free, sizeof(row.nr_free));
		nb_frag_judge(&row, 9, &f);
		for (unsigned k = c->r->order; k < z->nr_orders; k++)
			at_order |= z->nr_free[k] ? z->letters[k] : 0;
		for (unsigned t = 0; t < NB_MIGRATE_TYPES; t++)
			if (at_order >> t & 1)
				nb_text_add(&types, &letter[t], 1);
		x = nb_extfrag_index(row.nr_free, row.nr_orders,
				     c->r->order < row.nr_orders ? c->r->order : 0);
		snprintf(index, sizeof(index), ", none is large enough: %s (index %.3f)",
			 x > 500 ? "in pieces" : "too little", x / 1000.0);
		nb_sheet_step(
			s,
			"Node %d %s: %" PRIu64
			" KiB free, %.0f %% of it in single pages, largest block order %d%s%s%s.",
			z->nid, row.zone, f.free_pages * c->page_kib, 100 * f.single_fraction,
			f.largest_order,
			types.len ? ", blocks that are large enough of types " : "",
			nb_text_str(&types), x < 0 ? "" : index);
		nb_put_i64(o, "node", z->nid);
		nb_put_str(o, "zone", row.zone);
		nb_put_u64(o, "free_kib", f.free_pages * c->page_kib);
		json_object_set_new(o, "single_fraction", json_real(f.single_fraction));
		nb_put_i64(o, "largest_order", f.largest_order);
		json_object_set_new(o, "fragmentation_index", json_real(x / 1000.0));
		json_array_append_new(list, o);
		nb_text_release(&types);
	}
	if (!json_array_size(list))
		nb_sheet_note(s, "The report does not tell.");
	json_object_set_new(s->root, "free_blocks", list);
}

/* ---- the whole ---- */

static void judge(struct nb_report_case *c, struct nb_sheet *s)
{
	struct nb_alloc_request rq;
	struct nb_rebuilt b;
	struct nb_error err = {0};
	struct nb_nodemask mask;

	if (!c->r->has_mem) {
		nb_put_bool(s->root, "rebuilt", false);
		return;
	}
	if (nb_report_rebuild(c->r, c->kernel, NULL, &b, &err)) {
		nb_sheet_heading(s, "Zones");
		nb_sheet_note(s, "No machine can be rebuilt: %s.", err.text);
		nb_put_bool(s->root, "rebuilt", false);
		nb_put_str(s->root, "rebuild_error", err.text);
		return;
	}
	nb_report_request(c, &mask, &rq);
	if (!nb_probe_request(b.sys, &rq, NB_UNKNOWN, &c->q)) {
		c->rebuilt = true;
		nb_probe_walk(b.sys, &rq, NB_UNKNOWN, NB_PROBE_SLOW, collect, c);
	}
	nb_put_bool(s->root, "rebuilt", c->rebuilt);
	nb_put_u64(s->root, "zones_approximated", b.approximate);
	c->approximate = b.approximate;
	nb_rebuilt_release(&b);
}

void nb_report_explain(const struct nb_report *r, const char *kernel, struct nb_sheet *s)
{
	struct nb_report_case c = {.r = r, .kernel = kernel};

	c.profile = nb_report_profile(r, kernel);
	c.gfp = nb_report_gfp(r, c.profile);
	c.page_kib = r->page_kib ? r->page_kib : 4;
	title(&c, s);
	request(&c, s);
	judge(&c, s);
	if (c.rebuilt) {
		zones(&c, s);
		free_blocks(&c, s);
	}
	nb_report_causes(&c, s);
	if (c.rebuilt)
		nb_report_remedies(&c, s);
	else if (r->constraint == NB_CONSTRAINT_MEMCG)
		nb_report_memcg_replays(&c, s);
	free(c.v);
}
