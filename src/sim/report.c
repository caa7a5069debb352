/* report.c -- tables of a run for people.
 *
 * Called by sim.c (after a scenario) and touch.c.
 */
#include "sim/report.h"

#include "base/mask.h"
#include "view/table.h"

#include <inttypes.h>
#include <stdlib.h>

#define MAX_TASK_ROWS 32u
#define MAX_NODE_COLUMNS 8u

const char *const nb_report_numa_names[NB_NR_NUMA_EVENTS] = {
	[NB_NUMA_HIT] = "numa_hit",         [NB_NUMA_MISS] = "numa_miss",
	[NB_NUMA_FOREIGN] = "numa_foreign", [NB_NUMA_INTERLEAVE] = "interleave_hit",
	[NB_NUMA_LOCAL] = "local_node",     [NB_NUMA_OTHER] = "other_node",
};

const char *nb_policy_name(int mode_and_flags)
{
	static const char *const names[NB_MPOL_MAX] = {
		[NB_MPOL_DEFAULT] = "default",
		[NB_MPOL_PREFERRED] = "preferred",
		[NB_MPOL_BIND] = "bind",
		[NB_MPOL_INTERLEAVE] = "interleave",
		[NB_MPOL_LOCAL] = "local",
		[NB_MPOL_PREFERRED_MANY] = "preferred_many",
		[NB_MPOL_WEIGHTED_INTERLEAVE] = "weighted_interleave",
	};
	int mode = mode_and_flags & 0xff;

	return mode_and_flags >= 0 && mode < NB_MPOL_MAX ? names[mode] : "?";
}

void nb_policy_text(struct nb_text *out, int mode_and_flags, const struct nb_nodemask *nodes)
{
	char list[256];

	nb_text_puts(out, nb_policy_name(mode_and_flags));
	if (nb_nodemask_empty(nodes))
		return;
	nb_bits_format_list(nodes->bits, NB_MAX_NODES, list, sizeof(list));
	nb_text_printf(out, ":%s", list);
}

void nb_text_time(struct nb_text *out, uint64_t ns)
{
	if (ns >= UINT64_C(1000000000))
		nb_text_printf(out, "%.3g s", (double)ns / 1e9);
	else if (ns >= 1000000)
		nb_text_printf(out, "%.3g ms", (double)ns / 1e6);
	else if (ns >= 1000)
		nb_text_printf(out, "%.3g us", (double)ns / 1e3);
	else
		nb_text_printf(out, "%" PRIu64 " ns", ns);
}

void nb_report_numastat_delta(const struct nb_sim *s, unsigned position,
			      uint64_t ret[NB_NR_NUMA_EVENTS])
{
	nb_sim_numastat(s, s->cost.node_id[position], ret);
	for (int e = 0; e < NB_NR_NUMA_EVENTS; e++)
		ret[e] -= s->numa_base[position][e];
}

/* ---- tasks ---- */

static void task_row(const struct nb_sim_task *t, const uint64_t *pages, bool columns,
		     struct nb_table *table)
{
	const struct nb_cost *c = &t->sim->cost;
	struct nb_nodemask nodes;
	struct nb_text policy = {0};
	uint64_t all = 0;
	int mode;

	for (unsigned i = 0; i < c->nr_nodes; i++)
		all += pages[i];
	nb_table_cell(table, "%d", nb_task_pid(t->task));
	nb_table_cell(table, "%s", nb_task_comm(t->task));
	nb_table_cell(table, "%d", t->ended ? t->last_cpu : nb_task_cpu(t->task));
	if (!t->ended && !nb_get_mempolicy(t->task, &mode, &nodes))
		nb_policy_text(&policy, mode, &nodes);
	else
		nb_text_puts(&policy, t->killed ? "(killed)" : "(ended)");
	nb_table_cell(table, "%s", nb_text_str(&policy));
	nb_text_release(&policy);
	for (unsigned i = 0; columns && i < c->nr_nodes; i++)
		nb_table_cell(table, "%" PRIu64, pages[i]);
	nb_table_cell(table, "%" PRIu64, all);
	if (all)
		nb_table_cell(table, "%.1f ns", nb_sim_task_latency_ns(t));
	else
		nb_table_cell(table, "-");
}

void nb_report_tasks(const struct nb_sim *s, struct nb_text *out)
{
	static const char *const first[] = {"pid", "task", "cpu", "policy"};
	const struct nb_cost *c = &s->cost;
	bool columns = c->nr_nodes <= MAX_NODE_COLUMNS;
	uint64_t *pages;
	struct nb_table table = {0};
	char heading[32];

	if (!s->nr_tasks)
		return;
	for (size_t i = 0; i < 4; i++)
		nb_table_column(&table, first[i], i % 2 ? NB_TABLE_LEFT : NB_TABLE_RIGHT);
	for (unsigned i = 0; columns && i < c->nr_nodes; i++) {
		snprintf(heading, sizeof(heading), "node %d", c->node_id[i]);
		nb_table_column(&table, heading, NB_TABLE_RIGHT);
	}
	nb_table_column(&table, "pages", NB_TABLE_RIGHT);
	nb_table_column(&table, "average access", NB_TABLE_RIGHT);
	pages = nb_xcalloc(c->nr_nodes, sizeof(*pages));
	for (unsigned i = 0; i < s->nr_tasks && i < MAX_TASK_ROWS; i++) {
		nb_sim_task_pages(s->tasks[i], pages);
		task_row(s->tasks[i], pages, columns, &table);
	}
	free(pages);
	nb_table_print(&table, out);
	nb_table_release(&table);
	if (s->nr_tasks > MAX_TASK_ROWS)
		nb_text_printf(out, "and %u more tasks\n", s->nr_tasks - MAX_TASK_ROWS);
}

/* ---- counters ---- */

void nb_report_numastat(const struct nb_sim *s, struct nb_text *out)
{
	const struct nb_cost *c = &s->cost;
	unsigned shown = c->nr_nodes < MAX_NODE_COLUMNS ? c->nr_nodes : MAX_NODE_COLUMNS;
	uint64_t delta[MAX_NODE_COLUMNS][NB_NR_NUMA_EVENTS], all = 0;
	struct nb_table table = {0};
	char heading[32];

	nb_table_column(&table, "numastat", NB_TABLE_LEFT);
	for (unsigned i = 0; i < shown; i++) {
		snprintf(heading, sizeof(heading), "node %d", c->node_id[i]);
		nb_table_column(&table, heading, NB_TABLE_RIGHT);
		nb_report_numastat_delta(s, i, delta[i]);
		for (int e = 0; e < NB_NR_NUMA_EVENTS; e++)
			all += delta[i][e];
	}
	for (int e = 0; e < NB_NR_NUMA_EVENTS; e++) {
		nb_table_cell(&table, "%s", nb_report_numa_names[e]);
		for (unsigned i = 0; i < shown; i++)
			nb_table_cell(&table, "%" PRIu64, delta[i][e]);
	}
	if (all) {
		nb_table_print(&table, out);
		if (shown < c->nr_nodes)
			nb_text_printf(out, "and %u more nodes\n", c->nr_nodes - shown);
	}
	nb_table_release(&table);
}

/* ---- what woke ---- */

/* One line for each node of a kind whose first field is the node. */
static bool woke_by_node(const struct nb_sim *s, enum nb_event_kind kind, const char *what,
			 struct nb_text *out)
{
	const struct nb_recorder_log *log = &s->rec.log[kind];

	for (unsigned i = 0; i < s->cost.nr_nodes; i++) {
		uint64_t n = 0, first = 0;

		for (size_t k = 0; k < log->n; k++) {
			if (log->ev[k].field[0] != (uint64_t)s->cost.node_id[i])
				continue;
			if (!n++)
				first = log->ev[k].time_ns;
		}
		if (!n)
			continue;
		nb_text_printf(out, "woke: %s of node %d, %" PRIu64 " time%s, first at ", what,
			       s->cost.node_id[i], n, n == 1 ? "" : "s");
		nb_text_time(out, first);
		nb_text_puts(out, "\n");
	}
	return s->rec.tally.count[kind] > 0;
}

static bool happened(const struct nb_sim *s, enum nb_event_kind kind, const char *what,
		     struct nb_text *out)
{
	uint64_t n = s->rec.tally.count[kind];

	if (!n)
		return false;
	nb_text_printf(out, "%s: %" PRIu64 " time%s, first at ", what, n, n == 1 ? "" : "s");
	nb_text_time(out, s->rec.log[kind].ev[0].time_ns);
	nb_text_puts(out, "\n");
	return true;
}

void nb_report_woke(const struct nb_sim *s, struct nb_text *out)
{
	bool any = false;

	any |= woke_by_node(s, NB_EV_MM_VMSCAN_WAKEUP_KSWAPD, "kswapd (asked to wake)", out);
	any |= woke_by_node(s, NB_EV_MM_VMSCAN_KSWAPD_WAKE, "kswapd", out);
	any |= happened(s, NB_EV_MM_VMSCAN_DIRECT_RECLAIM_BEGIN, "direct reclaim", out);
	any |= happened(s, NB_EV_MM_COMPACTION_TRY_TO_COMPACT, "direct compaction", out);
	any |= happened(s, NB_EV_OOM_KILL, "OOM kill", out);
	if (!any)
		nb_text_puts(out, "woke: nothing (no kswapd, no reclaim, no compaction)\n");
}

void nb_report_fallback(const struct nb_sim *s, int nid, struct nb_text *out)
{
	struct nb_node_info info;

	if (nb_node_info(s->sys, nid, &info))
		return;
	nb_text_printf(out, "Fallback order for Node %d:", nid);
	for (unsigned i = 0; i < info.nr_fallback; i++)
		nb_text_printf(out, " %d", info.fallback[i]);
	nb_text_puts(out, "\n");
}
