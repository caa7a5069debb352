/* touch_report.c -- where the pages of one run landed, and what it cost. Called by touch.c and
 * touch_compare.c.
 */
#include "sim/report.h"
#include "sim/touch_priv.h"

#include "base/mask.h"
#include "view/table.h"

#include <inttypes.h>

uint64_t nb_touch_zone_pages(const struct nb_touch *r, unsigned position, int zone)
{
	return nb_sim_task_zone_pages(r->task, position, zone);
}

uint64_t nb_touch_pages(const struct nb_touch *r)
{
	uint64_t all = 0;

	for (unsigned i = 0; i < r->sim.cost.nr_nodes; i++)
		for (int z = 0; z < NB_MAX_NR_ZONES; z++)
			all += nb_touch_zone_pages(r, i, z);
	return all;
}

/* Nodes in the order in which this policy goes through them. Source: facts 6.3. */
void nb_touch_fallback(const struct nb_touch *r, struct nb_text *out)
{
	const struct nb_touch_policy *p = r->policy;
	int local = nb_sim_task_node(r->task);
	int from = p->mode == NB_MPOL_PREFERRED ? (int)nb_nodemask_next(&p->nodes, 0) : local;
	bool only = p->mode == NB_MPOL_BIND;
	struct nb_node_info info;
	bool any = false;

	if (p->mode == NB_MPOL_INTERLEAVE || p->mode == NB_MPOL_WEIGHTED_INTERLEAVE) {
		nb_text_puts(out, "each node's own");
		return;
	}
	if (nb_node_info(r->sim.sys, from, &info))
		return;
	for (unsigned i = 0; i < info.nr_fallback; i++) {
		if (only && !nb_nodemask_test(&p->nodes, info.fallback[i]))
			continue;
		nb_text_printf(out, "%s%d", any ? " " : "", info.fallback[i]);
		any = true;
	}
}

void nb_touch_latency(const struct nb_touch *r, struct nb_text *out)
{
	double ns = nb_sim_task_latency_ns(r->task);

	if (ns > 0.0)
		nb_text_printf(out, "%.1f ns", ns);
	else
		nb_text_puts(out, "-");
}

static void landed(const struct nb_touch *r, struct nb_text *out)
{
	struct nb_table t = {0};
	uint64_t all = nb_touch_pages(r);

	nb_table_column(&t, "node", NB_TABLE_RIGHT);
	nb_table_column(&t, "zone", NB_TABLE_LEFT);
	nb_table_column(&t, "pages", NB_TABLE_RIGHT);
	nb_table_column(&t, "size", NB_TABLE_RIGHT);
	nb_table_column(&t, "share", NB_TABLE_RIGHT);
	nb_table_column(&t, "access", NB_TABLE_RIGHT);
	for (unsigned i = 0; i < r->sim.cost.nr_nodes; i++) {
		for (int z = NB_MAX_NR_ZONES - 1; z >= 0; z--) {
			uint64_t n = nb_touch_zone_pages(r, i, z);
			int nid = r->sim.cost.node_id[i];
			struct nb_text size = {0};

			if (!n)
				continue;
			nb_text_size(&size, n * r->sim.cost.page_bytes);
			nb_table_cell(&t, "%d", nid);
			nb_table_cell(&t, "%s", nb_zone_name((enum nb_zone_type)z));
			nb_table_cell(&t, "%" PRIu64, n);
			nb_table_cell(&t, "%s", nb_text_str(&size));
			nb_table_cell(&t, "%.1f %%", 100.0 * (double)n / (double)all);
			nb_table_cell(
				&t, "%.1f ns",
				nb_cost_latency_ps(&r->sim.cost, nb_sim_task_node(r->task), nid) /
					1000.0);
			nb_text_release(&size);
		}
	}
	nb_table_print(&t, out);
	nb_table_release(&t);
}

void nb_touch_heading(const struct nb_touch *r, const struct nb_sim_options *opt,
		      struct nb_text *out)
{
	nb_text_size(out, r->want_bytes);
	nb_text_printf(out, " touched on %s%s, by a task on CPU %d (node %d)", opt->machine->name,
		       r->sim.observed ? " (from its observed state)" : "",
		       r->task->ended ? r->task->last_cpu : nb_task_cpu(r->task->task),
		       nb_sim_task_node(r->task));
}

void nb_touch_oom(const struct nb_touch *r, struct nb_text *out)
{
	if (r->ret != -NB_ENOMEM)
		return;
	nb_text_printf(out, "OUT OF MEMORY after %" PRIu64 " of %" PRIu64 " pages (", r->faulted,
		       r->want_pages);
	nb_text_size(out, r->faulted * r->sim.cost.page_bytes);
	nb_text_puts(out, " of ");
	nb_text_size(out, r->want_bytes);
	nb_text_puts(out, r->task->killed ? "): killed by the OOM killer\n"
					  : "): the OOM killer's turn\n");
}

void nb_touch_report(const struct nb_touch *r, const struct nb_sim_options *opt,
		     struct nb_text *out)
{
	int local = nb_sim_task_node(r->task);

	nb_touch_heading(r, opt, out);
	nb_text_printf(out, ", policy %s\n\n", r->policy->label);
	nb_touch_oom(r, out);
	landed(r, out);
	nb_text_puts(out, "\n");
	nb_report_fallback(&r->sim, local, out);
	if (r->policy->mode == NB_MPOL_PREFERRED) {
		int nid = (int)nb_nodemask_next(&r->policy->nodes, 0);

		if (nid != local)
			nb_report_fallback(&r->sim, nid, out);
	}
	nb_text_puts(out, "Under this policy: ");
	nb_touch_fallback(r, out);
	nb_text_puts(out, "\n\n");
	nb_report_numastat(&r->sim, out);
	nb_text_puts(out, "\n");
	nb_report_woke(&r->sim, out);
	nb_text_puts(out, "cost: average access latency ");
	nb_touch_latency(r, out);
	nb_text_printf(out, " (local %.1f ns); the first touch took ",
		       nb_cost_latency_ps(&r->sim.cost, local, local) / 1000.0);
	nb_text_time(out, r->task->fault_ns);
	if (r->faulted)
		nb_text_printf(out, ", %.0f ns a page",
			       (double)r->task->fault_ns / (double)r->faulted);
	nb_text_puts(out, "\n");
}
