/* explain_cost.c -- remote latency and bandwidth worked out, for each node that a CPU may reach.
 *
 * From the CPU's node to every other: what the machine tells (HMAT, a machine file) or what the
 * distance says. A distance is a ratio of latencies by convention; it gives no bandwidth.
 * Units: ns with a fraction, bytes a second.
 */
#include "sim/explain_cost.h"
#include "view/view.h"
#include <inttypes.h>

#define MILLION 1000000.0
#define BILLION 1000000000.0

/* Did the machine tell this pair's latency, or only a distance? */
static bool told(const struct nb_cost *c, unsigned i, unsigned j)
{
	const struct nb_machine *m = nb_system_machine(c->sys);

	return m->latency_ps && m->nr_nodes == c->nr_nodes && m->nodes[i].id == c->node_id[i] &&
	       m->latency_ps[i * c->nr_nodes + j];
}

static double ns(const struct nb_cost *c, unsigned i, unsigned j)
{
	return c->latency_ps[i * c->nr_nodes + j] / 1000.0;
}

static void pair_json(const struct nb_cost *c, unsigned i, unsigned j, json_t *pairs)
{
	double local = ns(c, i, i), here = ns(c, i, j);
	json_t *o = json_object();

	nb_put_i64(o, "from", c->node_id[i]);
	nb_put_i64(o, "to", c->node_id[j]);
	nb_put_u64(o, "distance", nb_system_distance(c->sys, c->node_id[i], c->node_id[j]));
	nb_put_bool(o, "told", told(c, i, j));
	json_object_set_new(o, "latency_ns", json_real(here));
	json_object_set_new(o, "extra_ns", json_real(here - local));
	json_object_set_new(o, "million_extra_ms", json_real((here - local) * MILLION / 1e6));
	json_object_set_new(o, "million_ms", json_real(here * MILLION / 1e6));
	json_object_set_new(o, "billion_s", json_real(here * BILLION / 1e9));
	json_object_set_new(o, "billion_half_remote_s",
			    json_real((here + local) / 2 * BILLION / 1e9));
	json_array_append_new(pairs, o);
}

static void remote_steps(const struct nb_cost *c, unsigned i, unsigned j, struct nb_sheet *s)
{
	int from = c->node_id[i], to = c->node_id[j];
	unsigned d = nb_system_distance(c->sys, from, to);
	double local = ns(c, i, i), here = ns(c, i, j);

	nb_sheet_heading(s, "From node %d to memory of node %d", from, to);
	nb_sheet_step(s,
		      "The distance is %u; 10 is local, so this is %u / 10 = %.1f times, not %u "
		      "times.",
		      d, d, d / 10.0, d);
	if (told(c, i, j))
		nb_sheet_step(
			s,
			"The machine tells the latency itself: %.1f ns (the distance alone would "
			"have said %.1f x %.1f = %.1f ns).",
			here, local, d / 10.0, local * d / 10.0);
	else
		nb_sheet_step(s, "Latency = %.1f ns x %u / 10 = %.1f ns.", local, d, here);
	nb_sheet_step(s, "Extra an access: %.1f - %.1f = %.1f ns.", here, local, here - local);
	nb_sheet_step(s, "A million accesses: %.1f ms, of them %.1f ms extra.",
		      here * MILLION / 1e6, (here - local) * MILLION / 1e6);
	nb_sheet_step(
		s,
		"A billion accesses: all local %.1f s, all remote %.1f s, half of them remote "
		"%.1f s (%.1f ns on average).",
		local * BILLION / 1e9, here * BILLION / 1e9, (here + local) / 2 * BILLION / 1e9,
		(here + local) / 2);
	if (here > local)
		nb_sheet_note(
			s,
			"So making half-remote accesses all local saves at most %.0f %% of the "
			"time "
			"that is spent waiting for memory; the rest of a program's time stays.",
			100 * (1 - local / ((here + local) / 2)));
}

static int position(const struct nb_explain_ask *a, const struct nb_cost *c, int *ret,
		    struct nb_error *err)
{
	int from = nb_cost_cpu_node(c, a->cpu);

	*ret = nb_cost_position(c, from);
	if (*ret < 0)
		return nb_error_set(err, -NB_ENODEV, 0, "CPU %d is on no node", a->cpu);
	if (a->node != NB_NO_NODE && nb_cost_position(c, a->node) < 0)
		return nb_error_set(err, -NB_ENODEV, 0, "this machine has no node %d", a->node);
	return 0;
}

int nb_explain_latency(const struct nb_explain_ask *a, const struct nb_cost *c, struct nb_sheet *s,
		       struct nb_error *err)
{
	json_t *pairs = json_array();
	const struct nb_machine *m = nb_system_machine(c->sys);
	int from;

	json_object_set_new(s->root, "pairs", pairs);
	if (position(a, c, &from, err))
		return -NB_ENODEV;
	unsigned i = (unsigned)from;

	nb_sheet_heading(s, "CPU %d on node %d", a->cpu, c->node_id[i]);
	nb_sheet_step(
		s, "Its own memory answers in %.1f ns%s.", ns(c, i, i),
		told(c, i, i) ? ", the machine says"
		: m->local_latency_ps && m->local_latency_ps != 80000
			? ", as the machine file has it"
			: ": the usual figure, since nothing measured was told (a machine file's "
			  "latency_ns tells it)");
	json_object_set_new(s->root, "local_ns", json_real(ns(c, i, i)));
	nb_put_i64(s->root, "cpu", a->cpu);
	pair_json(c, i, i, pairs);
	for (unsigned j = 0; j < c->nr_nodes; j++) {
		if (j == i || (a->node != NB_NO_NODE && c->node_id[j] != a->node))
			continue;
		remote_steps(c, i, j, s);
		pair_json(c, i, j, pairs);
	}
	nb_sheet_heading(s, "How sure is that");
	nb_sheet_note(
		s,
		"Distances are what the firmware wrote down: a ratio of latencies by convention, "
		"often only a rank. 20 or 21 stands in many machines that measure anything "
		"from 1.4 to 2 times. HMAT or a measurement says more.");
	return 0;
}

/* ---- bandwidth ---- */

/* What one core can move when it waits for every ten lines: Little's law. */
static double core_bytes(const struct nb_cost *c, unsigned i, unsigned j)
{
	return (double)NB_COST_LINES_IN_FLIGHT * NB_COST_LINE_BYTES / (ns(c, i, j) * 1e-9);
}

static void bandwidth_steps(const struct nb_cost *c, unsigned i, unsigned j, struct nb_sheet *s,
			    json_t *pairs)
{
	uint64_t local = c->bandwidth[i * c->nr_nodes + i],
		 here = c->bandwidth[i * c->nr_nodes + j];
	double core = core_bytes(c, i, j);
	json_t *o = json_object();

	nb_sheet_heading(s, "From node %d to memory of node %d", c->node_id[i], c->node_id[j]);
	if (here)
		nb_sheet_step(s, "The machine tells %.1f GB/s.", (double)here / 1e9);
	else
		nb_sheet_step(
			s,
			"No bandwidth is told. The distance %u does not give one: links of equal "
			"latency may be narrow or wide.",
			nb_system_distance(c->sys, c->node_id[i], c->node_id[j]));
	if (here && local && i != j) {
		nb_sheet_step(
			s, "Against %.1f GB/s of its own memory that is %.0f %%: %.1f GB/s less.",
			(double)local / 1e9, 100.0 * (double)here / (double)local,
			((double)local - (double)here) / 1e9);
	}
	nb_sheet_step(
		s,
		"One core alone is bound by latency: %u lines of %u bytes in flight / %.1f ns = "
		"%.1f GB/s.",
		NB_COST_LINES_IN_FLIGHT, NB_COST_LINE_BYTES, ns(c, i, j), core / 1e9);
	if (here)
		nb_sheet_step(s,
			      "%.1f such cores fill it; 1 GiB takes one core %.0f ms, all together "
			      "%.0f ms.",
			      (double)here / core, 1073741824.0 / core * 1e3,
			      1073741824.0 / (double)here * 1e3);
	else
		nb_sheet_step(s, "1 GiB takes one core %.0f ms.", 1073741824.0 / core * 1e3);
	nb_put_i64(o, "from", c->node_id[i]);
	nb_put_i64(o, "to", c->node_id[j]);
	if (here)
		nb_put_u64(o, "bytes_per_s", here);
	if (here && local)
		json_object_set_new(o, "of_local_fraction",
				    json_real((double)here / (double)local));
	json_object_set_new(o, "one_core_bytes_per_s", json_real(core));
	json_array_append_new(pairs, o);
}

int nb_explain_bandwidth(const struct nb_explain_ask *a, const struct nb_cost *c,
			 struct nb_sheet *s, struct nb_error *err)
{
	json_t *pairs = json_array();
	int from;

	json_object_set_new(s->root, "pairs", pairs);
	if (position(a, c, &from, err))
		return -NB_ENODEV;
	for (unsigned j = 0; j < c->nr_nodes; j++) {
		if (a->node == NB_NO_NODE || c->node_id[j] == a->node || (int)j == from)
			bandwidth_steps(c, (unsigned)from, j, s, pairs);
	}
	nb_sheet_heading(s, "What the distance says, and what not");
	nb_sheet_note(s,
		      "Dividing a node's bandwidth by its distance (50 GB/s / 2.1 = 24 GB/s) holds "
		      "for one "
		      "core that waits for each line, not for the link. Programs whose data stays "
		      "in the cache see nothing of either. ACPI's HMAT or a measurement tells the "
		      "link's figure; a machine file takes it as bandwidth.");
	return 0;
}
