/* explain_counters.c -- `explain numastat`: what each counter says, with the machine's values;
 * `explain buddyinfo`: every line read out in words and KiB, and judged.
 *
 * Both read what the capture printed where there is one, else the booted system.
 * Source: facts 4.4 (zone_statistics()), 12.6; mm/vmstat.c, fragmentation_index().
 */
#include "view/explain.h"
#include "view/extfrag.h"
#include "view/fragmentation.h"
#include "view/view.h"
#include <inttypes.h>
#include <string.h>

/* ---- numastat ---- */

struct node_counts {
	int nid;
	uint64_t v[NB_NR_NUMA_EVENTS];
};

static const char *const counter[NB_NR_NUMA_EVENTS] = {
	"numa_hit", "numa_miss", "numa_foreign", "interleave_hit", "local_node", "other_node",
};

static const char *const meaning[NB_NR_NUMA_EVENTS] = {
	"requests served here that wanted this node (its policy's choice, not the CPU's node)",
	"requests served here that wanted another node, which had no room",
	"requests that wanted this node and were served elsewhere: the other side of a numa_miss",
	"of the hits, those that an interleave policy placed here in its turn",
	"requests served here for a task that ran on a CPU of this node",
	"requests served here for a task that ran on a CPU of another node",
};

static bool from_observed(const struct nb_explain_ask *a, int nid, struct node_counts *n)
{
	const struct nb_observed_node *o = a->observed ? nb_observed_node(a->observed, nid) : NULL;

	if (!o || !o->has_numastat)
		return false;
	for (int e = 0; e < NB_NR_NUMA_EVENTS; e++) {
		const struct nb_item *it = nb_items_find(&o->numastat.items, counter[e]);

		n->v[e] = it ? it->value : 0;
	}
	return true;
}

static void from_system(const struct nb_explain_ask *a, int nid, struct node_counts *n)
{
	for (int t = 0; t < NB_MAX_NR_ZONES; t++) {
		struct nb_zone_info z;

		if (nb_zone_info(a->sys, nid, (enum nb_zone_type)t, &z))
			continue;
		for (int e = 0; e < NB_NR_NUMA_EVENTS; e++)
			n->v[e] += z.numa[e];
	}
}

static double share(uint64_t part, uint64_t all)
{
	return all ? (double)part / (double)all : 0.0;
}

static void one_node_counts(const struct node_counts *n, struct nb_sheet *s, json_t *nodes)
{
	uint64_t all = n->v[NB_NUMA_HIT] + n->v[NB_NUMA_MISS];
	json_t *o = json_object();

	nb_sheet_heading(s, "Node %d", n->nid);
	nb_put_i64(o, "node", n->nid);
	for (int e = 0; e < NB_NR_NUMA_EVENTS; e++) {
		nb_sheet_note(s, "%-14s %" PRIu64 ": %s.", counter[e], n->v[e], meaning[e]);
		nb_put_u64(o, counter[e], n->v[e]);
	}
	nb_sheet_step(
		s,
		"Served here: numa_hit + numa_miss = %" PRIu64
		"; by the other count local_node + other_node = %" PRIu64 "%s.",
		all, n->v[NB_NUMA_LOCAL] + n->v[NB_NUMA_OTHER],
		all == n->v[NB_NUMA_LOCAL] + n->v[NB_NUMA_OTHER]
			? ", the same requests"
			: " (counters of CPUs are read one after the other, so they may be some "
			  "apart)");
	if (all) {
		nb_sheet_step(s,
			      "Of them %.2f %% had to come here for want of room elsewhere, and "
			      "%.2f %% were for a CPU of another node.",
			      100 * share(n->v[NB_NUMA_MISS], all),
			      100 * share(n->v[NB_NUMA_OTHER], all));
		if (n->v[NB_NUMA_OTHER] > n->v[NB_NUMA_MISS])
			nb_sheet_note(s,
				      "%" PRIu64 " remote ones were wanted so: a policy (membind, "
				      "interleave, preferred) put them here. They are hits.",
				      n->v[NB_NUMA_OTHER] - n->v[NB_NUMA_MISS]);
	}
	json_object_set_new(o, "miss_fraction", json_real(share(n->v[NB_NUMA_MISS], all)));
	json_object_set_new(o, "remote_fraction", json_real(share(n->v[NB_NUMA_OTHER], all)));
	json_array_append_new(nodes, o);
}

int nb_explain_numastat(const struct nb_explain_ask *a, struct nb_sheet *s, struct nb_error *err)
{
	uint64_t miss = 0, foreign = 0;
	json_t *nodes = json_array();
	bool any = false;

	json_object_set_new(s->root, "nodes", nodes);
	for (unsigned i = 0; i < nb_system_nr_nodes(a->sys); i++) {
		struct node_counts n = {.nid = nb_system_node_id(a->sys, i)};

		if (a->node != NB_NO_NODE && a->node != n.nid)
			continue;
		any = true;
		if (!from_observed(a, n.nid, &n))
			from_system(a, n.nid, &n);
		one_node_counts(&n, s, nodes);
		miss += n.v[NB_NUMA_MISS];
		foreign += n.v[NB_NUMA_FOREIGN];
	}
	if (!any)
		return nb_error_set(err, -NB_ENODEV, 0, "this machine has no node %d", a->node);
	nb_sheet_heading(s, "All together");
	nb_sheet_step(s,
		      "Each miss somewhere is a foreign elsewhere: %" PRIu64 " misses, %" PRIu64
		      " foreign.",
		      miss, foreign);
	nb_sheet_note(
		s, "Requests are counted, not pages: a block of any order counts once, and pages "
		   "that only move between free lists and page sets do not count.");
	nb_sheet_note(s,
		      "hit and miss compare with where the page was wanted, local and other with "
		      "where the CPU is. So a membind to a far node that works is numa_hit and "
		      "other_node, never numa_miss.");
	nb_put_u64(s->root, "numa_miss", miss);
	nb_put_u64(s->root, "numa_foreign", foreign);
	return 0;
}

/* ---- buddyinfo ---- */

static void read_out(const struct nb_buddyinfo_row *r, unsigned page_kib, struct nb_sheet *s,
		     json_t *o)
{
	json_t *orders = json_array();
	uint64_t total = 0;
	struct nb_table t = {0};

	nb_table_column(&t, "order", NB_TABLE_RIGHT);
	nb_table_column(&t, "a block is", NB_TABLE_RIGHT);
	nb_table_column(&t, "free blocks", NB_TABLE_RIGHT);
	nb_table_column(&t, "together", NB_TABLE_RIGHT);
	nb_table_column(&t, "share", NB_TABLE_RIGHT);
	for (unsigned i = 0; i < r->nr_orders; i++)
		total += r->nr_free[i] << i;
	for (unsigned i = 0; i < r->nr_orders; i++) {
		uint64_t kib = (r->nr_free[i] << i) * page_kib;
		json_t *one = json_object();

		nb_table_cell(&t, "%u", i);
		nb_table_cell(&t, "%" PRIu64 " KiB", (UINT64_C(1) << i) * page_kib);
		nb_table_cell(&t, "%" PRIu64, r->nr_free[i]);
		nb_table_cell(&t, "%" PRIu64 " KiB", kib);
		nb_table_cell(&t, "%.1f %%", 100 * share(r->nr_free[i] << i, total));
		nb_put_u64(one, "order", i);
		nb_put_u64(one, "block_kib", (UINT64_C(1) << i) * page_kib);
		nb_put_u64(one, "blocks", r->nr_free[i]);
		nb_put_u64(one, "free_kib", kib);
		json_array_append_new(orders, one);
	}
	nb_sheet_table(s, &t);
	json_object_set_new(o, "orders", orders);
}

static void judge(const struct nb_buddyinfo_row *r, unsigned huge, unsigned page_kib,
		  struct nb_sheet *s, json_t *o)
{
	static const char *const words[] = {
		"nothing is free",
		"good: most free memory serves a huge page",
		"worn: a good part of the free memory is too small for a huge page",
		"scattered: the danger sign, free memory lies in small pieces",
	};
	struct nb_words w = {0};
	struct nb_frag_zone f;

	nb_frag_judge(r, huge, &f);
	nb_sheet_step(
		s, "Free: the blocks times their sizes = %" PRIu64 " pages = %" PRIu64 " KiB (%s).",
		f.free_pages, f.free_pages * page_kib,
		nb_bytes(&w, f.free_pages * page_kib * 1024));
	if (f.free_pages) {
		nb_sheet_step(
			s,
			"%.1f %% of it lies in single pages; %.1f %% is of no use to a huge page "
			"(order %u, %s).",
			100 * f.single_fraction, 100 * f.huge_unusable_fraction, huge,
			nb_bytes(&w, (UINT64_C(1024) << huge) * page_kib));
		nb_sheet_step(
			s,
			"The largest free block has order %d: %s. A request for more fails, or "
			"waits for compaction, however much is free.",
			f.largest_order,
			nb_bytes(&w, (UINT64_C(1024) << f.largest_order) * page_kib));
	}
	for (unsigned i = 0; i < r->nr_orders; i++) {
		int x = nb_extfrag_index(r->nr_free, r->nr_orders, i);

		if (x < 0)
			continue;
		nb_sheet_step(
			s,
			"From order %u on there is no block. The kernel's index is %d.%03d there: "
			"%s.",
			i, x / 1000, x % 1000,
			x > 500 ? "towards 1, memory is there but in pieces, compaction would "
				  "help"
				: "towards 0, there is too little memory, reclaim would help");
		break;
	}
	nb_sheet_step(s, "Judgement: %s.", words[f.verdict]);
	nb_put_u64(o, "free_pages", f.free_pages);
	nb_put_u64(o, "free_kib", f.free_pages * page_kib);
	json_object_set_new(o, "single_fraction", json_real(f.single_fraction));
	json_object_set_new(o, "huge_unusable_fraction", json_real(f.huge_unusable_fraction));
	nb_put_i64(o, "largest_order", f.largest_order);
	nb_put_str(o, "verdict", nb_frag_verdict_name(f.verdict));
}

static int rows(const struct nb_explain_ask *a, const struct nb_buddyinfo *b, unsigned huge,
		unsigned page_kib, struct nb_sheet *s, struct nb_error *err)
{
	json_t *zones = json_array();

	json_object_set_new(s->root, "zones", zones);
	for (size_t i = 0; i < b->nr_rows; i++) {
		const struct nb_buddyinfo_row *r = &b->rows[i];
		json_t *o;

		if (!r->nr_orders || (a->node != NB_NO_NODE && a->node != r->nid) ||
		    (a->zone >= 0 && a->zone != r->type))
			continue;
		o = json_object();
		nb_put_i64(o, "node", r->nid);
		nb_put_str(o, "zone", r->zone);
		nb_sheet_heading(s, "Node %d, zone %s", r->nid, r->zone);
		read_out(r, page_kib, s, o);
		judge(r, huge, page_kib, s, o);
		json_array_append_new(zones, o);
	}
	if (!json_array_size(zones))
		return nb_error_set(err, -NB_ENODEV, 0,
				    "this machine has no such zone with memory: node %d, zone %s",
				    a->node == NB_NO_NODE ? nb_system_node_id(a->sys, 0) : a->node,
				    a->zone < 0 ? "(any)"
						: nb_zone_name((enum nb_zone_type)a->zone));
	return 0;
}

int nb_explain_buddyinfo(const struct nb_explain_ask *a, struct nb_sheet *s, struct nb_error *err)
{
	bool seen = a->observed && a->observed->has_buddyinfo && a->began_observed;
	struct nb_system_info info;
	struct nb_buddyinfo b;
	int ret;

	nb_system_info(a->sys, &info);
	nb_sheet_heading(s, seen ? "/proc/buddyinfo as it was printed"
				 : "/proc/buddyinfo of the booted machine");
	nb_sheet_note(s,
		      "A column an order: the n-th number, from 0, counts free blocks of 2^n pages "
		      "that stand by themselves. A block is counted once, at its own order.");
	if (seen)
		return rows(a, &a->observed->buddyinfo, info.pageblock_order,
			    1u << (info.page_shift - 10), s, err);
	nb_buddyinfo_from_system(a->sys, &b);
	ret = rows(a, &b, info.pageblock_order, 1u << (info.page_shift - 10), s, err);
	nb_buddyinfo_release(&b);
	return ret;
}
