/* touch.c -- one task touches SIZE under a policy, or under each of several.
 *
 * Called by sim.c. A run is: boot, task, CPU binding, policy, then for each size mmap and a
 * first touch in address order; what the kernel's daemons are due for in between runs first.
 */
#include "sim/touch.h"

#include "sim/report.h"
#include "sim/run.h"

#include "base/fmt.h"
#include "base/mask.h"
#include "view/table.h"
#include "view/view.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define PROGRESS_GRAINS 4096u /* so often (1 GiB in 4 KiB pages) progress is told */
#define MAX_COLUMNS 3u        /* zones side by side; more are listed one below the other */

struct run {
	struct nb_sim sim;
	struct nb_sim_task *task;
	const struct nb_touch_policy *policy;
	uint64_t want_bytes, want_pages, faulted;
	int ret; /* of the touch: 0, -NB_ENOMEM */
};

static uint64_t node_zone_pages(const struct run *r, unsigned position, int zone)
{
	return nb_task_zone_pages(r->task->task, r->sim.cost.node_id[position],
				  (enum nb_zone_type)zone);
}

/* ---- running ---- */

static int touch_range(struct run *r, const struct nb_sim_options *opt, uint64_t addr,
		       uint64_t bytes)
{
	uint64_t end = addr + bytes;

	for (unsigned grains = 0; addr < end; grains++) {
		nb_sim_run_due(&r->sim, r->task->clock_ns);
		r->ret = nb_sim_touch_grain(r->task, &addr, end, true, &r->faulted);
		if (r->ret)
			return r->ret;
		if (opt->progress && grains % PROGRESS_GRAINS == PROGRESS_GRAINS - 1)
			opt->progress(opt->ctx, r->faulted, r->want_pages);
	}
	return 0;
}

static int touch_all(struct run *r, const struct nb_sim_options *opt, const uint64_t *sizes,
		     struct nb_error *err)
{
	for (unsigned i = 0; i < opt->nr_sizes; i++) {
		uint64_t addr;
		int ret =
			nb_mmap(r->task->task, 0, sizes[i], NB_PROT_READ | NB_PROT_WRITE, 0, &addr);

		nb_sim_charge_ns(r->task, NB_COST_MMAP_NS);
		if (ret)
			return nb_error_set(err, ret, 0, "touch %s: mmap is refused with %s",
					    opt->sizes[i], nb_errno_name(ret));
		ret = touch_range(r, opt, addr, sizes[i]);
		if (ret == -NB_ENOMEM)
			break;
		if (ret)
			return nb_error_set(err, ret, 0, "touch %s: the fault ends in %s",
					    opt->sizes[i], nb_errno_name(ret));
	}
	if (opt->progress)
		opt->progress(opt->ctx, r->want_pages, r->want_pages);
	return 0;
}

static int first_cpu(const struct nb_cpumask *cpus)
{
	return (int)nb_cpumask_next(cpus, 0);
}

/* Everything but opening the simulation. */
static int work(struct run *r, const struct nb_sim_options *opt, const uint64_t *sizes,
		struct nb_error *err)
{
	const struct nb_touch_policy *p = r->policy;
	struct nb_cpumask cpus;
	bool given;
	int ret = nb_touch_cpus(&opt->numactl, &r->sim.cost, &cpus, &given, err);

	if (ret)
		return ret;
	ret = nb_sim_task_new(&r->sim, first_cpu(&cpus), "touch", &r->task);
	if (ret)
		return nb_error_set(err, ret, 0, "no task on CPU %d: %s", first_cpu(&cpus),
				    nb_errno_name(ret));
	if (given)
		ret = nb_sched_setaffinity(r->task->task, &cpus);
	if (!ret && p->mode != NB_MPOL_DEFAULT)
		ret = nb_set_mempolicy(r->task->task, p->mode,
				       nb_nodemask_empty(&p->nodes) ? NULL : &p->nodes);
	if (ret)
		return nb_error_set(err, ret, 0, "%s: this kernel refuses it with %s", p->label,
				    nb_errno_name(ret));
	for (unsigned i = 0; i < opt->nr_sizes; i++)
		r->want_bytes += sizes[i];
	r->want_pages = r->want_bytes / r->sim.cost.page_bytes;
	return touch_all(r, opt, sizes, err);
}

/* ---- reporting ---- */

/* Nodes in the order in which this policy goes through them. Source: facts 6.3. */
static void fallback_used(const struct run *r, struct nb_text *out)
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

static void latency_text(const struct run *r, struct nb_text *out)
{
	double ns = nb_sim_task_latency_ns(r->task);

	if (ns > 0.0)
		nb_text_printf(out, "%.1f ns", ns);
	else
		nb_text_puts(out, "-");
}

static void landed(const struct run *r, struct nb_text *out)
{
	struct nb_table t = {0};
	uint64_t all = nb_task_rss_pages(r->task->task);

	nb_table_column(&t, "node", NB_TABLE_RIGHT);
	nb_table_column(&t, "zone", NB_TABLE_LEFT);
	nb_table_column(&t, "pages", NB_TABLE_RIGHT);
	nb_table_column(&t, "size", NB_TABLE_RIGHT);
	nb_table_column(&t, "share", NB_TABLE_RIGHT);
	nb_table_column(&t, "access", NB_TABLE_RIGHT);
	for (unsigned i = 0; i < r->sim.cost.nr_nodes; i++) {
		for (int z = NB_MAX_NR_ZONES - 1; z >= 0; z--) {
			uint64_t n = node_zone_pages(r, i, z);
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

static void beginning(const struct run *r, const struct nb_sim_options *opt, struct nb_text *out)
{
	nb_text_size(out, r->want_bytes);
	nb_text_printf(out, " touched on %s%s, by a task on CPU %d (node %d)", opt->machine->name,
		       r->sim.observed ? " (from its observed state)" : "",
		       nb_task_cpu(r->task->task), nb_sim_task_node(r->task));
}

static void oom_text(const struct run *r, struct nb_text *out)
{
	if (r->ret != -NB_ENOMEM)
		return;
	nb_text_printf(out, "OUT OF MEMORY after %" PRIu64 " of %" PRIu64 " pages (", r->faulted,
		       r->want_pages);
	nb_text_size(out, r->faulted * r->sim.cost.page_bytes);
	nb_text_puts(out, " of ");
	nb_text_size(out, r->want_bytes);
	nb_text_puts(out, "): the OOM killer's turn\n");
}

static void report_one(const struct run *r, const struct nb_sim_options *opt, struct nb_text *out)
{
	int local = nb_sim_task_node(r->task);

	beginning(r, opt, out);
	nb_text_printf(out, ", policy %s\n\n", r->policy->label);
	oom_text(r, out);
	landed(r, out);
	nb_text_puts(out, "\n");
	nb_report_fallback(&r->sim, local, out);
	if (r->policy->mode == NB_MPOL_PREFERRED) {
		int nid = (int)nb_nodemask_next(&r->policy->nodes, 0);

		if (nid != local)
			nb_report_fallback(&r->sim, nid, out);
	}
	nb_text_puts(out, "Under this policy: ");
	fallback_used(r, out);
	nb_text_puts(out, "\n\n");
	nb_report_numastat(&r->sim, out);
	nb_text_puts(out, "\n");
	nb_report_woke(&r->sim, out);
	nb_text_puts(out, "cost: average access latency ");
	latency_text(r, out);
	nb_text_printf(out, " (local %.1f ns); the first touch took ",
		       nb_cost_latency_ps(&r->sim.cost, local, local) / 1000.0);
	nb_text_time(out, r->task->fault_ns);
	if (r->faulted)
		nb_text_printf(out, ", %.0f ns a page",
			       (double)r->task->fault_ns / (double)r->faulted);
	nb_text_puts(out, "\n");
}

/* ---- several policies side by side ---- */

/* What a row of the comparison keeps of its run. */
struct row {
	struct nb_touch_policy *policy;
	uint64_t *pages; /* [node position * NB_MAX_NR_ZONES + zone] */
	uint64_t all;
	struct nb_text fallback, latency, time, oom;
	json_t *json;
};

static void keep_row(const struct run *r, struct row *row)
{
	unsigned n = r->sim.cost.nr_nodes;

	row->pages = nb_xcalloc((size_t)n * NB_MAX_NR_ZONES, sizeof(*row->pages));
	for (unsigned i = 0; i < n; i++)
		for (int z = 0; z < NB_MAX_NR_ZONES; z++) {
			uint64_t pages = node_zone_pages(r, i, z);

			row->pages[i * NB_MAX_NR_ZONES + (unsigned)z] = pages;
			row->all += pages;
		}
	fallback_used(r, &row->fallback);
	latency_text(r, &row->latency);
	nb_text_time(&row->time, r->task->fault_ns);
	oom_text(r, &row->oom);
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

/* ---- the call ---- */

static int read_sizes(const struct nb_sim_options *opt, uint64_t *sizes, struct nb_error *err)
{
	uint64_t sum = 0;

	if (!opt->nr_sizes)
		return nb_error_set(err, -NB_EINVAL, 0,
				    "touch: the size is missing, as in touch 20G");
	for (unsigned i = 0; i < opt->nr_sizes; i++) {
		const char *s = opt->sizes[i];

		if (nb_parse_size(s, strlen(s), &sizes[i]) || !sizes[i] ||
		    sizes[i] > (UINT64_C(1) << 56) - sum)
			return nb_error_set(err, -NB_EINVAL, 0,
					    "touch: '%s' is no size such as 20G or 512M", s);
		sum += sizes[i];
	}
	return 0;
}

static void memory_nodes(const struct nb_sim *s, struct nb_nodemask *nodes)
{
	struct nb_node_info info;

	*nodes = (struct nb_nodemask){0};
	for (unsigned i = 0; i < s->cost.nr_nodes; i++)
		if (!nb_node_info(s->sys, s->cost.node_id[i], &info) && info.has_memory)
			nb_nodemask_set(nodes, info.nid);
}

static int read_policies(const struct nb_sim *s, const struct nb_sim_options *opt,
			 struct nb_touch_policy **ret_p, unsigned *ret_n, struct nb_error *err)
{
	struct nb_nodemask memory;
	struct nb_touch_policy one;
	int ret;

	memory_nodes(s, &memory);
	ret = nb_touch_policy_numactl(&opt->numactl, &memory, &one, err);
	if (ret)
		return ret;
	if (opt->policies) {
		if (one.mode != NB_MPOL_DEFAULT)
			return nb_error_set(err, -NB_EINVAL, 0,
					    "--policies and %s: give one of them", one.label);
		return nb_touch_policy_list(opt->policies, &memory, ret_p, ret_n, err);
	}
	*ret_p = nb_xcalloc(1, sizeof(one));
	**ret_p = one;
	*ret_n = 1;
	return 0;
}

/* The runs of a comparison, each on a machine of its own; the first one's is `first`, open. */
static int run_each(struct run *first, const struct nb_sim_options *opt, const uint64_t *sizes,
		    struct nb_touch_policy *p, struct row *rows, unsigned n, struct nb_error *err)
{
	for (unsigned i = 0; i < n; i++) {
		struct run another = {.policy = &p[i]};
		struct run *r = i ? &another : first;
		int ret = i ? nb_run_open(&r->sim, opt, err) : 0;

		if (ret)
			return ret;
		r->policy = &p[i];
		rows[i].policy = &p[i];
		ret = work(r, opt, sizes, err);
		if (!ret)
			keep_row(r, &rows[i]);
		if (i)
			nb_sim_close(&r->sim);
		if (ret)
			return ret;
	}
	return 0;
}

static void report_rows(const struct run *first, const struct nb_sim_options *opt, struct row *rows,
			unsigned n, struct nb_text *out)
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
	beginning(first, opt, out);
	nb_text_printf(out, ", under %u policies\n\n", n);
	by_zone(&first->sim.cost, rows, n, out);
	comparison(&first->sim.cost, rows, n, out);
}

static int compare(struct run *first, const struct nb_sim_options *opt, const uint64_t *sizes,
		   struct nb_touch_policy *p, unsigned n, struct nb_text *out, struct nb_error *err)
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

static int run_one(struct run *r, const struct nb_sim_options *opt, const uint64_t *sizes,
		   struct nb_text *out, struct nb_error *err)
{
	int ret = work(r, opt, sizes, err);
	json_t *o;

	if (ret)
		return ret;
	if (opt->json) {
		o = nb_report_json(&r->sim, 0, 0);
		json_object_set_new(o, "policy", json_string(r->policy->label));
		json_object_set_new(o, "out_of_memory", json_boolean(r->ret == -NB_ENOMEM));
		ret = nb_run_views_json(&r->sim, opt, o, err);
		if (!ret)
			nb_json_write(o, out);
		json_decref(o);
		return ret;
	}
	report_one(r, opt, out);
	return nb_run_views(&r->sim, opt, out, err);
}

int nb_touch_run(const struct nb_sim_options *opt, struct nb_text *out, struct nb_error *err)
{
	struct run r = {0};
	struct nb_touch_policy *p = NULL;
	uint64_t *sizes = nb_xcalloc(opt->nr_sizes + 1, sizeof(*sizes));
	unsigned n = 0;
	int ret = read_sizes(opt, sizes, err);

	if (!ret)
		ret = nb_run_open(&r.sim, opt, err);
	if (ret)
		goto out;
	ret = read_policies(&r.sim, opt, &p, &n, err);
	if (!ret) {
		r.policy = p;
		ret = opt->policies ? compare(&r, opt, sizes, p, n, out, err)
				    : run_one(&r, opt, sizes, out, err);
	}
	if (!ret)
		ret = nb_recorder_trace_end(&r.sim.rec, err);
	nb_sim_close(&r.sim);
out:
	free(p);
	free(sizes);
	if (ret)
		return 2;
	return r.ret == -NB_ENOMEM && !opt->policies;
}
