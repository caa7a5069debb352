/* explain_placement.c -- `explain placement`: where a request's page comes from, zone by zone with
 * each test; `explain fallback`: in which order nodes and zones are tried.
 *
 * The walk is numabox/probe.h's, which is the allocator's own. Source: facts 3.2, 4.4 to 4.6, 6.
 */
#include "base/mask.h"
#include "view/explain.h"
#include <inttypes.h>
#include <string.h>

static const char *node_list(const struct nb_nodemask *m, struct nb_text *t)
{
	nb_text_clear(t);
	nb_text_add_list(t, m->bits, NB_MAX_NODES);
	return nb_text_str(t);
}

const char *nb_probe_verdict_key(enum nb_probe_verdict v)
{
	static const char *const key[] = {"passes",   "short",  "pieces", "empty",
					  "too_high", "policy", "cpuset", "other_node"};

	return key[v];
}

struct walk {
	const struct nb_explain_ask *a;
	struct nb_sheet *s;
	json_t *zones;
	bool taken; /* some zone passed: those behind it are not asked */
	struct nb_zone_probe by;
};

static void test_in_words(const struct nb_zone_probe *z, struct nb_text *t)
{
	static const char *const mark[] = {"min", "low", "high", "promo"};

	nb_text_printf(t, "free %" PRId64, z->free_pages);
	if (z->block_pages)
		nb_text_printf(t, " - %" PRId64 " for the block itself", z->block_pages);
	if (z->highatomic_pages)
		nb_text_printf(t, " - %" PRId64 " kept for high-order atomic requests",
			       z->highatomic_pages);
	if (z->cma_pages)
		nb_text_printf(t, " - %" PRId64 " free CMA pages", z->cma_pages);
	nb_text_printf(t, " %s %s %" PRId64, z->spare_pages > 0 ? ">" : "is not above",
		       mark[z->mark], z->mark_reduced_pages);
	if (z->mark_reduced_pages != z->mark_pages)
		nb_text_printf(t, " (%" PRId64 " less the request's rights)", z->mark_pages);
	else if (z->boost_pages)
		nb_text_printf(t, " (boosted by %" PRId64 ")", z->boost_pages);
	nb_text_printf(t, " + reserve %" PRId64, z->reserve_pages);
}

static void outcome(const struct walk *w, const struct nb_zone_probe *z, struct nb_text *t)
{
	switch (z->verdict) {
	case NB_PROBE_PASSES:
		nb_text_printf(t, ": taken here, %" PRId64 " pages to spare", z->spare_pages);
		break;
	case NB_PROBE_SHORT:
		nb_text_printf(t, ": short by %" PRId64, 1 - z->spare_pages);
		break;
	case NB_PROBE_PIECES:
		nb_text_printf(t, ", but no free block of order %u: the largest has order %d",
			       w->a->order, z->largest_order);
		break;
	default:
		break;
	}
}

static const char *closed(enum nb_probe_verdict v)
{
	switch (v) {
	case NB_PROBE_EMPTY:
		return "the kernel manages no page there";
	case NB_PROBE_TOO_HIGH:
		return "the request may not use so high a zone";
	case NB_PROBE_NODEMASK:
		return "the policy leaves this node out";
	case NB_PROBE_CPUSET:
		return "the cpuset leaves this node out";
	case NB_PROBE_OTHER_NODE:
		return "__GFP_THISNODE asks for another node alone";
	default:
		return NULL;
	}
}

static json_t *zone_json(const struct nb_zone_probe *z)
{
	json_t *o = json_object();

	nb_put_i64(o, "node", z->nid);
	nb_put_str(o, "zone", nb_zone_name(z->zone));
	nb_put_str(o, "verdict", nb_probe_verdict_key(z->verdict));
	nb_put_i64(o, "free_pages", z->free_pages);
	nb_put_i64(o, "unusable_pages", z->block_pages + z->highatomic_pages + z->cma_pages);
	nb_put_i64(o, "mark_pages", z->mark_pages);
	nb_put_i64(o, "mark_reduced_pages", z->mark_reduced_pages);
	nb_put_i64(o, "reserve_pages", z->reserve_pages);
	nb_put_i64(o, "spare_pages", z->spare_pages);
	nb_put_i64(o, "largest_order", z->largest_order);
	return o;
}

static bool on_zone(void *arg, const struct nb_zone_probe *z)
{
	struct walk *w = arg;
	const char *why = closed(z->verdict);
	struct nb_text t = {0};

	if (why) {
		nb_text_puts(&t, why);
	} else {
		test_in_words(z, &t);
		outcome(w, z, &t);
	}
	nb_sheet_step(w->s, "Node %d %s: %s.", z->nid, nb_zone_name(z->zone), nb_text_str(&t));
	json_array_append_new(w->zones, zone_json(z));
	nb_text_release(&t);
	if (z->verdict != NB_PROBE_PASSES)
		return true;
	w->taken = true;
	w->by = *z;
	return false;
}

/* Rights below the min mark, in words. */
static void rights(const struct nb_request_probe *q, struct nb_sheet *s)
{
	if (q->ignores_marks)
		nb_sheet_note(s, "Its rights: it frees memory itself and ignores every mark.");
	else if (q->min_reserve || q->oom_reserve || q->non_block)
		nb_sheet_note(s, "Its rights below min: %s%s%s%s.",
			      q->min_reserve ? "half of it (__GFP_HIGH)" : "",
			      q->non_block
				      ? (q->min_reserve ? ", and a quarter of what is left (it "
							  "cannot wait)"
							: "none, although it cannot wait")
				      : "",
			      q->oom_reserve ? " half of it (chosen by the OOM killer)" : "",
			      q->highatomic ? ", and the high-order atomic reserve" : "");
}

static void request_steps(const struct nb_explain_ask *a, const struct nb_request_probe *q,
			  struct nb_sheet *s)
{
	struct nb_system_info info;
	struct nb_text mask = {0};
	struct nb_words w = {0};
	char gfp[256];

	nb_system_info(a->sys, &info);
	nb_gfp_format(a->gfp, info.profile, gfp, sizeof(gfp));
	nb_sheet_heading(s, "The request");
	nb_sheet_step(s, "%s, order %u: %s in one block, on CPU %d.", gfp, a->order,
		      nb_pages(&w, a->sys, UINT64_C(1) << a->order), a->cpu);
	nb_sheet_step(s, "The flags allow zones up to %s, and %s pageblocks.",
		      nb_zone_name(q->highest_zone), nb_migratetype_name(q->migratetype));
	if (a->node != NB_NO_NODE)
		nb_sheet_step(s,
			      "The caller asks for node %d: its list is walked, no policy is "
			      "asked.",
			      q->nid);
	else
		nb_sheet_step(s, "Policy %s: node %d's list is walked%s%s.", a->policy, q->nid,
			      q->masked ? ", and of it only the nodes " : "",
			      q->masked ? node_list(&q->nodes, &mask) : "");
	nb_put_str(s->root, "gfp", gfp);
	nb_put_u64(s->root, "order", a->order);
	nb_put_i64(s->root, "cpu", a->cpu);
	nb_put_str(s->root, "policy", a->policy);
	nb_put_i64(s->root, "preferred_node", q->nid);
	nb_put_str(s->root, "highest_zone", nb_zone_name(q->highest_zone));
	if (q->masked)
		nb_put_str(s->root, "nodemask", node_list(&q->nodes, &mask));
	nb_text_release(&mask);
}

/* What is left when the slow path's first try found nothing. */
static void last_resort(const struct nb_request_probe *q, struct nb_sheet *s)
{
	nb_sheet_heading(s, "No zone passes");
	if (!q->may_reclaim) {
		nb_sheet_step(s, "The request may not wait: it fails now (\"page allocation "
				 "failure\").");
		return;
	}
	if (q->may_compact)
		nb_sheet_step(s, "Memory is compacted to make a block of that order.");
	nb_sheet_step(s,
		      "The task reclaims memory itself, from the nodes that the request may use, "
		      "and tries again.");
	if (q->may_oom)
		nb_sheet_step(
			s, "If nothing can be reclaimed any more the OOM killer ends a task%s.",
			q->masked ? ", although other nodes may have memory free: the request "
				    "is bound to its mask"
				  : "");
	else
		nb_sheet_step(s, "If nothing can be reclaimed the request fails; %s.",
			      q->costly ? "for an order above 3 nobody is killed"
					: "flags such as these never kill anybody");
}

static void counted(const struct nb_explain_ask *a, const struct nb_request_probe *q,
		    const struct walk *w, struct nb_sheet *s)
{
	struct nb_node_info cpu_node;
	int local = NB_NO_NODE;

	for (unsigned i = 0; i < nb_system_nr_nodes(a->sys); i++) {
		int nid = nb_system_node_id(a->sys, i);

		if (local == NB_NO_NODE && !nb_node_info(a->sys, nid, &cpu_node) &&
		    nb_cpumask_test(&cpu_node.cpus, (unsigned)a->cpu))
			local = nid;
	}
	nb_sheet_heading(s, "Answer: node %d, zone %s", w->by.nid, nb_zone_name(w->by.zone));
	if (w->by.nid == q->preferred_nid)
		nb_sheet_note(s,
			      "Counted as numa_hit of node %d: it came from where it was wanted.",
			      w->by.nid);
	else
		nb_sheet_note(s, "Counted as numa_miss of node %d and numa_foreign of node %d.",
			      w->by.nid, q->preferred_nid);
	if (w->by.nid == local)
		nb_sheet_note(s, "And as local_node: CPU %d is on that node.", a->cpu);
	else
		nb_sheet_note(s,
			      "And as other_node: CPU %d is on node %d, distance %u: each access "
			      "costs %.1f times a local one.",
			      a->cpu, local, nb_system_distance(a->sys, local, w->by.nid),
			      nb_system_distance(a->sys, local, w->by.nid) / 10.0);
	nb_put_i64(s->root, "node", w->by.nid);
	nb_put_str(s->root, "zone", nb_zone_name(w->by.zone));
}

/* The allocator itself has the last word; the page goes back at once. */
static void proof(const struct nb_explain_ask *a, const struct nb_alloc_request *rq,
		  const struct walk *w, struct nb_sheet *s)
{
	nb_pfn_t pfn = nb_alloc_pages(a->sys, rq);
	struct nb_page_info page;
	bool agrees;

	if (pfn == NB_NO_PFN || nb_page_info(a->sys, pfn, &page))
		return;
	agrees = page.nid == w->by.nid && page.zone == w->by.zone;
	nb_sheet_note(s, "%s the allocator gave frame %" PRIu64 " of node %d, zone %s.",
		      agrees ? "Done for proof:" : "But", pfn, page.nid, nb_zone_name(page.zone));
	nb_put_u64(s->root, "pfn", pfn);
	nb_put_bool(s->root, "allocator_agrees", agrees);
	nb_free_pages(a->sys, a->cpu, pfn, rq->order);
}

int nb_explain_placement(const struct nb_explain_ask *a, struct nb_sheet *s, struct nb_error *err)
{
	struct nb_alloc_request rq = {
		.gfp = a->gfp, .order = a->order, .cpu = a->cpu, .nid = a->node, .task = a->task};
	struct walk w = {.a = a, .s = s, .zones = json_array()};
	struct nb_request_probe q;
	bool slow = false;
	int mode;

	json_object_set_new(s->root, "walk", w.zones);
	if (nb_probe_request(a->sys, &rq, NB_UNKNOWN, &q))
		return nb_error_set(err, -NB_EINVAL, 0,
				    "the kernel refuses such a request: order %u, flags 0x%x",
				    a->order, a->gfp);
	request_steps(a, &q, s);
	nb_sheet_heading(s, "First walk: each zone against its low mark, nothing is woken");
	nb_probe_walk(a->sys, &rq, NB_UNKNOWN, NB_PROBE_FAST, on_zone, &w);
	if (!w.taken && q.wakes_kswapd)
		nb_sheet_note(s,
			      "No zone passes: now, not before, kswapd is woken on each of these "
			      "nodes.");
	if (!w.taken) {
		slow = true;
		nb_sheet_heading(s, "Slow path: each zone against its min mark");
		rights(&q, s);
		nb_probe_walk(a->sys, &rq, NB_UNKNOWN, NB_PROBE_SLOW, on_zone, &w);
	}
	/* PREFERRED_MANY tries its nodes without trying hard, then all. */
	if (!w.taken && a->node == NB_NO_NODE && a->task &&
	    !nb_get_mempolicy(a->task, &mode, NULL) && mode == NB_MPOL_PREFERRED_MANY) {
		struct nb_alloc_request any = rq;

		any.task = NULL;
		any.nid = q.nid;
		nb_sheet_heading(s, "Its nodes have nothing: preferred-many goes on to all");
		nb_probe_walk(a->sys, &any, NB_UNKNOWN, NB_PROBE_FAST, on_zone, &w);
		nb_probe_request(a->sys, &any, NB_UNKNOWN, &q);
	}
	nb_put_str(s->root, "path", !slow ? "fast" : w.taken ? "slow" : "none");
	if (w.taken) {
		counted(a, &q, &w, s);
		proof(a, &rq, &w, s);
	} else {
		last_resort(&q, s);
	}
	return 0;
}

/* ---- fallback ---- */

struct list {
	struct nb_text text;
	json_t *json;
	int last;
};

static bool on_list(void *arg, const struct nb_zone_probe *z)
{
	struct list *l = arg;
	json_t *o = json_object();

	if (z->nid != l->last)
		nb_text_printf(&l->text, "%snode %d: ", l->text.len ? "; " : "", z->nid);
	else
		nb_text_puts(&l->text, ", ");
	nb_text_puts(&l->text, nb_zone_name(z->zone));
	l->last = z->nid;
	nb_put_i64(o, "node", z->nid);
	nb_put_str(o, "zone", nb_zone_name(z->zone));
	json_array_append_new(l->json, o);
	return true;
}

static void one_node(const struct nb_explain_ask *a, const struct nb_node_info *n,
		     struct nb_sheet *s, json_t *nodes)
{
	struct nb_alloc_request rq = {.gfp = NB_GFP_KERNEL, .cpu = a->cpu, .nid = n->nid};
	struct list l = {.json = json_array(), .last = NB_NO_NODE};
	json_t *o = json_object(), *order = json_array();
	unsigned last = 0, ties = 0;
	struct nb_text t = {0};

	for (unsigned i = 0; i < n->nr_fallback; i++) {
		unsigned d = nb_system_distance(a->sys, n->nid, n->fallback[i]);

		ties += i > 1 && d == last;
		last = d;
		nb_text_printf(&t, "%s%d (distance %u)", i ? ", " : "", n->fallback[i], d);
		json_array_append_new(order, json_integer(n->fallback[i]));
	}
	nb_sheet_heading(s, "Node %d", n->nid);
	nb_sheet_step(s, "Nearest first: %s.", nb_text_str(&t));
	if (ties)
		nb_sheet_step(s,
			      "Among equally far nodes the one comes first that fewer other nodes "
			      "lean on so far, so that not all fall back on the same.");
	nb_probe_walk(a->sys, &rq, NB_UNKNOWN, NB_PROBE_FAST, on_list, &l);
	nb_sheet_step(s, "So the zones are tried in this order: %s.", nb_text_str(&l.text));
	nb_put_i64(o, "node", n->nid);
	json_object_set_new(o, "fallback", order);
	json_object_set_new(o, "zonelist", l.json);
	json_array_append_new(nodes, o);
	nb_text_release(&l.text);
	nb_text_release(&t);
}

int nb_explain_fallback(const struct nb_explain_ask *a, struct nb_sheet *s, struct nb_error *err)
{
	json_t *nodes = json_array();
	char mode[16] = "";

	json_object_set_new(s->root, "nodes", nodes);
	for (unsigned i = 0; i < nb_system_nr_nodes(a->sys); i++) {
		struct nb_node_info n;
		int nid = nb_system_node_id(a->sys, i);

		if ((a->node != NB_NO_NODE && a->node != nid) || nb_node_info(a->sys, nid, &n))
			continue;
		one_node(a, &n, s, nodes);
	}
	if (!json_array_size(nodes))
		return nb_error_set(err, -NB_ENODEV, 0, "this machine has no node %d", a->node);
	nb_sheet_heading(s, "Which rule");
	if (!nb_sysctl_read(a->sys, "vm.numa_zonelist_order", mode, sizeof(mode)) &&
	    (mode[0] == 'z' || mode[0] == 'Z'))
		nb_sheet_note(s,
			      "This kernel stands in zone order: one zone type on all nodes, then "
			      "the next lower (an option until 4.13).");
	else
		nb_sheet_note(
			s, "Node order: all zones of the nearest node, highest first, then those "
			   "of the next. (Zone order, one zone type on all nodes first, was an "
			   "option until 4.13.)");
	nb_sheet_note(
		s, "A request enters the list at the highest zone that its flags allow: GFP_DMA32 "
		   "skips Normal, GFP_KERNEL skips Movable.");
	if (!nb_sysctl_read(a->sys, "vm.zone_reclaim_mode", mode, sizeof(mode)) && mode[0] != '0')
		nb_sheet_note(
			s,
			"vm.zone_reclaim_mode is %s: before the list is left for a node farther "
			"than 30, the nearer one reclaims its own pages.",
			mode);
	return 0;
}
