/* report_json.c -- a run as JSON. Called by sim.c and touch.c. Key names: CONTRACT, JSON. */
#include "sim/report.h"

#include "base/mask.h"
#include "view/view.h"

#include <stdio.h>
#include <stdlib.h>

static void set_node(json_t *object, int nid, json_t *value)
{
	char key[16];

	snprintf(key, sizeof(key), "%d", nid);
	json_object_set_new(object, key, value);
}

static json_t *nodes_json(const struct nb_nodemask *nodes)
{
	json_t *a = json_array();
	unsigned i;

	nb_for_each_node_in (i, nodes)
		json_array_append_new(a, json_integer((json_int_t)i));
	return a;
}

static json_t *by_node(const struct nb_sim *s, const uint64_t *pages)
{
	json_t *o = json_object();

	for (unsigned i = 0; i < s->cost.nr_nodes; i++)
		set_node(o, s->cost.node_id[i], nb_json_u64(pages[i]));
	return o;
}

static json_t *by_zone(const struct nb_sim_task *t)
{
	const struct nb_cost *c = &t->sim->cost;
	json_t *o = json_object();

	for (unsigned i = 0; i < c->nr_nodes; i++) {
		json_t *zones = json_object();

		for (int z = 0; z < NB_MAX_NR_ZONES; z++) {
			uint64_t n = nb_sim_task_zone_pages(t, i, z);

			if (n)
				json_object_set_new(zones, nb_zone_name((enum nb_zone_type)z),
						    nb_json_u64(n));
		}
		set_node(o, c->node_id[i], zones);
	}
	return o;
}

/* ---- by policy ---- */

struct share {
	int mode;
	struct nb_nodemask nodes;
	uint64_t *pages; /* [node position] */
};

/* The policy that rules a VMA: its own, else the task's. */
static void ruling(const struct nb_sim_task *t, const struct nb_vma_info *vma, int *mode,
		   struct nb_nodemask *nodes)
{
	*mode = vma->policy_mode;
	*nodes = vma->policy_nodes;
	if (vma->policy_mode < 0 && nb_get_mempolicy(t->task, mode, nodes))
		*mode = NB_MPOL_DEFAULT;
}

static struct share *find_share(struct share **shares, unsigned *n, int mode,
				const struct nb_nodemask *nodes, unsigned nr_nodes)
{
	for (unsigned i = 0; i < *n; i++) {
		bool same = (*shares)[i].mode == mode;

		for (unsigned w = 0; same && w < NB_MAX_NODES / 64; w++)
			same = (*shares)[i].nodes.bits[w] == nodes->bits[w];
		if (same)
			return &(*shares)[i];
	}
	*shares = nb_xrealloc(*shares, *n + 1, sizeof(**shares));
	(*shares)[*n] = (struct share){mode, *nodes, nb_xcalloc(nr_nodes, sizeof(uint64_t))};
	return &(*shares)[(*n)++];
}

/* Pages and latency by the policy that rules their VMA; pages are counted one by one only when more
 * than one policy rules. */
static json_t *by_policy(const struct nb_sim_task *t)
{
	const struct nb_cost *c = &t->sim->cost;
	struct share *shares = NULL;
	struct nb_vma_info vma;
	struct nb_nodemask nodes;
	json_t *a = json_array();
	unsigned n = 0;
	int mode;

	for (unsigned i = 0; nb_task_vma(t->task, i, &vma); i++) {
		ruling(t, &vma, &mode, &nodes);
		find_share(&shares, &n, mode, &nodes, c->nr_nodes);
	}
	if (n == 1)
		nb_sim_task_pages(t, shares[0].pages);
	for (unsigned i = 0; n > 1 && nb_task_vma(t->task, i, &vma); i++) {
		struct share *sh;

		ruling(t, &vma, &mode, &nodes);
		sh = find_share(&shares, &n, mode, &nodes, c->nr_nodes);
		for (uint64_t at = vma.start; vma.anon_pages && at < vma.end; at += c->page_bytes) {
			int k = nb_cost_position(c, nb_task_node(t->task, at));

			if (k >= 0)
				sh->pages[k]++;
		}
	}
	for (unsigned i = 0; i < n; i++) {
		json_t *o = json_object();
		double ns = nb_cost_average_ns(c, nb_sim_task_node(t), shares[i].pages);

		json_object_set_new(o, "mode", json_string(nb_policy_name(shares[i].mode)));
		json_object_set_new(o, "nodes", nodes_json(&shares[i].nodes));
		json_object_set_new(o, "pages_by_node", by_node(t->sim, shares[i].pages));
		json_object_set_new(o, "latency_ns", ns > 0.0 ? json_real(ns) : json_null());
		json_array_append_new(a, o);
		free(shares[i].pages);
	}
	free(shares);
	return a;
}

static json_t *task_json(const struct nb_sim_task *t)
{
	uint64_t *pages = nb_xcalloc(t->sim->cost.nr_nodes, sizeof(*pages)), all = 0;
	json_t *o = json_object();

	nb_sim_task_pages(t, pages);
	for (unsigned i = 0; i < t->sim->cost.nr_nodes; i++)
		all += pages[i];
	json_object_set_new(o, "pid", json_integer(nb_task_pid(t->task)));
	json_object_set_new(o, "comm", json_string(nb_task_comm(t->task)));
	json_object_set_new(o, "alive", json_boolean(!t->ended && nb_task_alive(t->task)));
	json_object_set_new(o, "cpu", json_integer(t->ended ? t->last_cpu : nb_task_cpu(t->task)));
	json_object_set_new(o, "node", json_integer(nb_sim_task_node(t)));
	json_object_set_new(o, "pages", nb_json_u64(all));
	json_object_set_new(o, "pages_by_node", by_node(t->sim, pages));
	json_object_set_new(o, "killed", json_boolean(t->killed));
	json_object_set_new(o, "pages_by_zone", by_zone(t));
	if (!t->ended)
		json_object_set_new(o, "policies", by_policy(t));
	json_object_set_new(o, "latency_ns",
			    all ? json_real(nb_sim_task_latency_ns(t)) : json_null());
	json_object_set_new(o, "faults", nb_json_u64(t->faults));
	json_object_set_new(o, "fault_time_ns", nb_json_u64(t->fault_ns));
	json_object_set_new(o, "access_bytes", nb_json_u64(t->access_bytes));
	json_object_set_new(o, "access_time_ns", nb_json_u64(t->access_ns));
	json_object_set_new(o, "time_ns", nb_json_u64(t->clock_ns));
	free(pages);
	return o;
}

static json_t *numastat_json(const struct nb_sim *s)
{
	json_t *o = json_object();
	uint64_t n[NB_NR_NUMA_EVENTS];

	for (unsigned i = 0; i < s->cost.nr_nodes; i++) {
		json_t *node = json_object();

		nb_report_numastat_delta(s, i, n);
		for (int e = 0; e < NB_NR_NUMA_EVENTS; e++)
			json_object_set_new(node, nb_report_numa_names[e], nb_json_u64(n[e]));
		set_node(o, s->cost.node_id[i], node);
	}
	return o;
}

json_t *nb_report_json(const struct nb_sim *s, uint64_t held, uint64_t failed)
{
	json_t *o = json_object(), *tasks = json_array(), *events = json_object();

	json_object_set_new(o, "machine", json_string(nb_system_machine(s->sys)->name));
	json_object_set_new(o, "begins", json_string(s->observed ? "observed" : "fresh"));
	json_object_set_new(o, "time_ns", nb_json_u64(s->now_ns));
	for (unsigned i = 0; i < s->nr_tasks; i++)
		json_array_append_new(tasks, task_json(s->tasks[i]));
	json_object_set_new(o, "tasks", tasks);
	json_object_set_new(o, "numastat", numastat_json(s));
	for (int k = 0; k < NB_NR_EVENTS; k++)
		json_object_set_new(events, nb_event_desc((enum nb_event_kind)k)->name,
				    nb_json_u64(s->rec.tally.count[k]));
	json_object_set_new(o, "events", events);
	json_object_set_new(
		o, "expectations",
		json_pack("{s:I, s:I}", "held", (json_int_t)held, "failed", (json_int_t)failed));
	return o;
}
