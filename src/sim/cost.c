/* cost.c -- latency and bandwidth tables of a booted system, and the sums over them.
 *
 * Called by the driver and the reports; pure once built. The nodes are the kernel's: where boot
 * rules made others than the hardware has (numa=off, numa=fake, a table thrown away), the
 * machine's matrices speak of other nodes and only the distances count.
 */
#include "sim/cost.h"

#include "base/hosted/text.h"
#include "base/mask.h"

#include <stdlib.h>

#define PS_PER_NS 1000u

/* Do the machine's matrices speak of the kernel's nodes? */
static bool same_nodes(const struct nb_cost *c, const struct nb_machine *m)
{
	if (m->nr_nodes != c->nr_nodes)
		return false;
	for (unsigned i = 0; i < c->nr_nodes; i++)
		if (m->nodes[i].id != c->node_id[i])
			return false;
	return true;
}

static uint32_t clamp_ps(uint64_t ps)
{
	return ps > UINT32_MAX ? UINT32_MAX : (uint32_t)ps;
}

static void fill_tables(struct nb_cost *c, const struct nb_machine *m)
{
	bool same = same_nodes(c, m);
	uint32_t default_ps = m->local_latency_ps ? m->local_latency_ps : 80 * PS_PER_NS;

	for (unsigned i = 0; i < c->nr_nodes; i++) {
		const uint32_t *row =
			same && m->latency_ps ? m->latency_ps + i * c->nr_nodes : NULL;
		const uint64_t *bw =
			same && m->bandwidth_bytes ? m->bandwidth_bytes + i * c->nr_nodes : NULL;
		uint32_t local = row && row[i] ? row[i] : default_ps;

		for (unsigned j = 0; j < c->nr_nodes; j++) {
			size_t k = (size_t)i * c->nr_nodes + j;
			unsigned d = nb_system_distance(c->sys, c->node_id[i], c->node_id[j]);

			c->latency_ps[k] =
				row && row[j] ? row[j] : clamp_ps((uint64_t)local * d / 10);
			c->bandwidth[k] = bw ? bw[j] : 0;
			if (!c->bandwidth[k] && i == j)
				c->bandwidth[k] = m->local_bandwidth_bytes;
		}
	}
}

static void fill_cpus(struct nb_cost *c)
{
	struct nb_node_info info;
	unsigned cpu;

	for (unsigned i = 0; i < c->nr_nodes; i++) {
		if (nb_node_info(c->sys, c->node_id[i], &info))
			continue;
		nb_for_each_cpu_in (cpu, &info.cpus) {
			if (cpu >= c->nr_cpus) {
				c->cpu_node = nb_xrealloc(c->cpu_node, cpu + 1, sizeof(int));
				while (c->nr_cpus <= cpu)
					c->cpu_node[c->nr_cpus++] = NB_NO_NODE;
			}
			/* numa=fake puts every CPU into every node: its first one counts */
			if (c->cpu_node[cpu] == NB_NO_NODE)
				c->cpu_node[cpu] = c->node_id[i];
		}
	}
}

void nb_cost_init(struct nb_cost *c, const struct nb_system *sys)
{
	struct nb_system_info info;
	size_t n = nb_system_nr_nodes(sys);

	nb_system_info(sys, &info);
	*c = (struct nb_cost){
		.sys = sys, .page_bytes = 1u << info.page_shift, .nr_nodes = (unsigned)n};
	c->node_id = nb_xcalloc(n, sizeof(*c->node_id));
	c->position = nb_xcalloc(NB_MAX_NODES, sizeof(*c->position));
	c->latency_ps = nb_xcalloc(n * n, sizeof(*c->latency_ps));
	c->bandwidth = nb_xcalloc(n * n, sizeof(*c->bandwidth));
	for (unsigned i = 0; i < NB_MAX_NODES; i++)
		c->position[i] = -1;
	for (unsigned i = 0; i < n; i++) {
		c->node_id[i] = nb_system_node_id(sys, i);
		c->position[c->node_id[i]] = (int16_t)i;
	}
	fill_tables(c, nb_system_machine(sys));
	fill_cpus(c);
}

void nb_cost_release(struct nb_cost *c)
{
	free(c->node_id);
	free(c->position);
	free(c->cpu_node);
	free(c->latency_ps);
	free(c->bandwidth);
	*c = (struct nb_cost){0};
}

int nb_cost_cpu_node(const struct nb_cost *c, int cpu)
{
	return cpu < 0 || (unsigned)cpu >= c->nr_cpus ? NB_NO_NODE : c->cpu_node[cpu];
}

int nb_cost_position(const struct nb_cost *c, int nid)
{
	return nid < 0 || nid >= NB_MAX_NODES ? -1 : c->position[nid];
}

/* Index into the matrices, or -1. */
static long pair(const struct nb_cost *c, int from, int to)
{
	int i = nb_cost_position(c, from), j = nb_cost_position(c, to);

	return i < 0 || j < 0 ? -1 : (long)i * c->nr_nodes + j;
}

uint32_t nb_cost_latency_ps(const struct nb_cost *c, int from, int to)
{
	long k = pair(c, from, to);

	return k < 0 ? 0 : c->latency_ps[k];
}

uint64_t nb_cost_bandwidth(const struct nb_cost *c, int from, int to)
{
	long k = pair(c, from, to);

	return k < 0 ? 0 : c->bandwidth[k];
}

/* a * b / d without losing bits on the way; UINT64_MAX when it does not fit. */
static uint64_t mul_div(uint64_t a, uint64_t b, uint64_t d)
{
	__extension__ unsigned __int128 x = (unsigned __int128)a * b / d;

	return x > UINT64_MAX ? UINT64_MAX : (uint64_t)x;
}

uint64_t nb_cost_traffic_ps(const struct nb_cost *c, int from, int to, enum nb_pattern pattern,
			    uint64_t bytes)
{
	uint64_t latency = nb_cost_latency_ps(c, from, to);
	uint64_t bandwidth = nb_cost_bandwidth(c, from, to);
	unsigned in_flight = pattern == NB_PATTERN_RANDOM ? 1 : NB_COST_LINES_IN_FLIGHT;
	uint64_t by_latency = mul_div(bytes, latency, (uint64_t)NB_COST_LINE_BYTES * in_flight);
	uint64_t by_bandwidth = bandwidth ? mul_div(bytes, UINT64_C(1000000000000), bandwidth) : 0;

	return by_latency > by_bandwidth ? by_latency : by_bandwidth;
}

uint64_t nb_cost_clear_ps(const struct nb_cost *c, int from, int to, uint64_t pages)
{
	if (!pages)
		return 0;
	return mul_div(pages, nb_cost_traffic_ps(c, from, to, NB_PATTERN_SEQUENTIAL, c->page_bytes),
		       1);
}

uint64_t nb_cost_faults_ps(const struct nb_cost *c, int from, int to, uint64_t pages)
{
	uint64_t clear = nb_cost_traffic_ps(c, from, to, NB_PATTERN_SEQUENTIAL, c->page_bytes);

	return mul_div(pages, clear + (uint64_t)NB_COST_FAULT_NS * PS_PER_NS, 1);
}

double nb_cost_average_ns(const struct nb_cost *c, int from, const uint64_t *pages)
{
	double sum = 0.0, all = 0.0;

	for (unsigned j = 0; j < c->nr_nodes; j++) {
		uint32_t ps = nb_cost_latency_ps(c, from, c->node_id[j]);

		sum += (double)pages[j] * ps / PS_PER_NS;
		all += (double)pages[j];
	}
	return all > 0.0 ? sum / all : 0.0;
}
