/* touch_compare.c -- the same touch under several policies, one row each.
 *
 * Called by touch.c. A row keeps what the table needs of its run, so that the machines can go.
 */
#include "sim/report.h"
#include "sim/run.h"
#include "sim/touch_priv.h"

#include "base/hosted/text.h"
#include "view/table.h"
#include "view/view.h"

#include <inttypes.h>
#include <stdlib.h>

#define MAX_COLUMNS 3u /* zones side by side; more are listed one below the other */

/* What a row of the comparison keeps of its run. */
struct row {
	struct nb_touch_policy *policy;
	uint64_t *pages; /* [node position * NB_MAX_NR_ZONES + zone] */
	uint64_t all;
	struct nb_text fallback, latency, time, oom;
	json_t *json;
};

static void keep_row(const struct nb_touch *r, struct row *row)
{
	unsigned n = r->sim.cost.nr_nodes;

	row->pages = nb_xcalloc((size_t)n * NB_MAX_NR_ZONES, sizeof(*row->pages));
	for (unsigned i = 0; i < n; i++)
		for (int z = 0; z < NB_MAX_NR_ZONES; z++) {
			uint64_t pages = nb_touch_zone_pages(r, i, z);

			row->pages[i * NB_MAX_NR_ZONES + (unsigned)z] = pages;
			row->all += pages;
		}
	nb_touch_fallback(r, &row->fallback);
	nb_touch_latency(r, &row->latency);
	nb_text_time(&row->time, r->task->fault_ns);
	nb_touch_oom(r, &row->oom);
	row->json = nb_report_json(&r->sim, 0, 0);
	json_object_set_new(row->json, "policy", json_string(r->policy->label));
	json_object_set_new(row->json, "out_of_memory", json_boolean(r->ret == -NB_ENOMEM));
}

static void release_rows(struct row *rows, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		free(rows[i].pages);
		nb_text_release(&rows[i].fallback);
		nb_text_release(&rows[i].latency);
		nb_text_release(&rows[i].time);
		nb_text_release(&rows[i].oom);
		json_decref(rows[i].json);
	}
	free(rows);
}

static bool column_used(const struct row *rows, unsigned n, size_t k)
{
	for (unsigned i = 0; i < n; i++)
		if (rows[i].pages[k])
			return true;
	return false;
}

static void share_cell(struct nb_table *t, const struct row *row, uint64_t pages)
{
	if (pages)
		nb_table_cell(t, "%" PRIu64 " (%.0f %%)", pages,
			      100.0 * (double)pages / (double)row->all);
	else
		nb_table_cell(t, "-");
}

/* One row a policy; zones of nodes are columns as long as they fit, else the nodes that hold
 * pages are counted. */
static void comparison(const struct nb_cost *c, struct row *rows, unsigned n, struct nb_text *out)
{
	size_t cells = (size_t)c->nr_nodes * NB_MAX_NR_ZONES, used = 0;
	struct nb_table t = {0};
	char heading[48];

	for (size_t k = 0; k < cells; k++)
		used += column_used(rows, n, k);
	nb_table_column(&t, "policy", NB_TABLE_LEFT);
	for (size_t k = 0; k < cells && used <= MAX_COLUMNS; k++) {
		if (!column_used(rows, n, k))
			continue;
		snprintf(heading, sizeof(heading), "node %d %s", c->node_id[k / NB_MAX_NR_ZONES],
			 nb_zone_name((enum nb_zone_type)(k % NB_MAX_NR_ZONES)));
		nb_table_column(&t, heading, NB_TABLE_RIGHT);
	}
	if (used > MAX_COLUMNS)
		nb_table_column(&t, "pages", NB_TABLE_RIGHT);
	nb_table_column(&t, "fallback order", NB_TABLE_LEFT);
	nb_table_column(&t, "average access", NB_TABLE_RIGHT);
	nb_table_column(&t, "first touch", NB_TABLE_RIGHT);
	for (unsigned i = 0; i < n; i++) {
		nb_table_cell(&t, "%s", rows[i].policy->label);
		for (size_t k = 0; k < cells && used <= MAX_COLUMNS; k++)
			if (column_used(rows, n, k))
				share_cell(&t, &rows[i], rows[i].pages[k]);
		if (used > MAX_COLUMNS)
			nb_table_cell(&t, "%" PRIu64, rows[i].all);
		nb_table_cell(&t, "%s", nb_text_str(&rows[i].fallback));
		nb_table_cell(&t, "%s", nb_text_str(&rows[i].latency));
		nb_table_cell(&t, "%s", nb_text_str(&rows[i].time));
	}
	nb_table_print(&t, out);
	nb_table_release(&t);
	for (unsigned i = 0; i < n; i++)
		if (rows[i].oom.len)
			nb_text_printf(out, "%s: %s", rows[i].policy->label,
				       nb_text_str(&rows[i].oom));
}

/* Many zones: a table of its own, one row a zone, one column a policy. */
static void by_zone(const struct nb_cost *c, struct row *rows, unsigned n, struct nb_text *out)
{
	size_t cells = (size_t)c->nr_nodes * NB_MAX_NR_ZONES, used = 0;
	struct nb_table t = {0};

	for (size_t k = 0; k < cells; k++)
		used += column_used(rows, n, k);
	if (used <= MAX_COLUMNS)
		return;
	nb_table_column(&t, "node", NB_TABLE_RIGHT);
	nb_table_column(&t, "zone", NB_TABLE_LEFT);
	for (unsigned i = 0; i < n; i++)
		nb_table_column(&t, rows[i].policy->label, NB_TABLE_RIGHT);
	for (size_t k = 0; k < cells; k++) {
		if (!column_used(rows, n, k))
			continue;
		nb_table_cell(&t, "%d", c->node_id[k / NB_MAX_NR_ZONES]);
		nb_table_cell(&t, "%s", nb_zone_name((enum nb_zone_type)(k % NB_MAX_NR_ZONES)));
		for (unsigned i = 0; i < n; i++)
			share_cell(&t, &rows[i], rows[i].pages[k]);
	}
	nb_table_print(&t, out);
	nb_text_puts(out, "\n");
	nb_table_release(&t);
}

/* The runs of a comparison, each on a machine of its own; the first one's is `first`, open. */
static int run_each(struct nb_touch *first, const struct nb_sim_options *opt, const uint64_t *sizes,
		    struct nb_touch_policy *p, struct row *rows, unsigned n, struct nb_error *err)
{
	for (unsigned i = 0; i < n; i++) {
		struct nb_touch another = {.policy = &p[i]};
		struct nb_touch *r = i ? &another : first;
		int ret = i ? nb_run_open(&r->sim, opt, err) : 0;

		if (ret)
			return ret;
		r->policy = &p[i];
		rows[i].policy = &p[i];
		ret = nb_touch_work(r, opt, sizes, err);
		if (!ret)
			keep_row(r, &rows[i]);
		if (i)
			nb_sim_close(&r->sim);
		if (ret)
			return ret;
	}
	return 0;
}

static void report_rows(const struct nb_touch *first, const struct nb_sim_options *opt,
			struct row *rows, unsigned n, struct nb_text *out)
{
	if (opt->json) {
		json_t *o = json_object(), *a = json_array();

		for (unsigned i = 0; i < n; i++)
			json_array_append(a, rows[i].json);
		json_object_set_new(o, "policies", a);
		nb_json_write(o, out);
		json_decref(o);
		return;
	}
	nb_touch_heading(first, opt, out);
	nb_text_printf(out, ", under %u policies\n\n", n);
	by_zone(&first->sim.cost, rows, n, out);
	comparison(&first->sim.cost, rows, n, out);
}

int nb_touch_compare(struct nb_touch *first, const struct nb_sim_options *opt,
		     const uint64_t *sizes, struct nb_touch_policy *p, unsigned n,
		     struct nb_text *out, struct nb_error *err)
{
	struct row *rows;
	int ret;

	if (opt->trace || opt->nr_views)
		return nb_error_set(
			err, -NB_EINVAL, 0,
			"--policies: --trace and --view belong to one run; leave them out");
	rows = nb_xcalloc(n, sizeof(*rows));
	ret = run_each(first, opt, sizes, p, rows, n, err);
	if (!ret)
		report_rows(first, opt, rows, n, out);
	release_rows(rows, n);
	return ret;
}
