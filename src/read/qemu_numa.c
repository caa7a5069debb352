/* qemu_numa.c -- what QEMU makes of -smp, -m and -numa before it builds a machine.
 *
 * Called by qemu.c when all options are read. Defaults and checks are QEMU's own, so that a command
 * line that QEMU refuses is refused here with the same cause.
 * Source: QEMU 7.2 hw/core/machine-smp.c:machine_parse_smp_config(), hw/core/numa.c:
 *         numa_complete_configuration(), complete_init_numa_distance(),
 *         hw/core/machine.c:machine_numa_finish_cpu_init().
 */
#include "read/qemu_priv.h"

#include <string.h>

#define LL(x) ((unsigned long long)(x))
#define MiB (UINT64_C(1) << 20)

/* Products of untrusted numbers, held at a bound that no machine reaches. */
static uint64_t times(uint64_t a, uint64_t b)
{
	uint64_t p;

	return __builtin_mul_overflow(a, b, &p) || p > UINT32_MAX ? UINT32_MAX : p;
}

/* -smp's topology: what is not told is worked out from what is, cores before sockets. */
static int complete_smp(struct qemu_smp *s, struct nb_error *err)
{
	uint64_t max, total;

	s->dies = s->dies ? s->dies : 1;
	s->clusters = s->clusters ? s->clusters : 1;
	max = s->maxcpus ? s->maxcpus : s->cpus;
	if (!max) {
		s->sockets = s->sockets ? s->sockets : 1;
		s->cores = s->cores ? s->cores : 1;
		s->threads = s->threads ? s->threads : 1;
	} else {
		if (!s->cores) {
			s->sockets = s->sockets ? s->sockets : 1;
			s->threads = s->threads ? s->threads : 1;
			s->cores = max / times(times(s->sockets, s->dies),
					       times(s->clusters, s->threads));
		} else if (!s->sockets) {
			s->threads = s->threads ? s->threads : 1;
			s->sockets = max / times(times(s->dies, s->clusters),
						 times(s->cores, s->threads));
		}
		if (!s->threads)
			s->threads = max / times(times(s->sockets, s->dies),
						 times(s->clusters, s->cores));
	}
	total = times(times(times(s->sockets, s->dies), times(s->clusters, s->cores)), s->threads);
	s->maxcpus = max ? max : total;
	s->cpus = s->cpus ? s->cpus : s->maxcpus;
	if (total != s->maxcpus || !total)
		return nb_error_set(err, -NB_EINVAL, 0,
				    "-smp: sockets %llu x dies %llu x clusters %llu x cores %llu x "
				    "threads %llu is %llu CPUs; "
				    "maxcpus is %llu, and both must be equal",
				    LL(s->sockets), LL(s->dies), LL(s->clusters), LL(s->cores),
				    LL(s->threads), LL(total), LL(s->maxcpus));
	if (s->cpus > s->maxcpus)
		return nb_error_set(err, -NB_EINVAL, 0,
				    "-smp: %llu CPUs are more than maxcpus=%llu", LL(s->cpus),
				    LL(s->maxcpus));
	if (s->maxcpus > NB_MAX_CPUS)
		return nb_error_set(err, -NB_EINVAL, 0, "-smp: %llu CPUs; a machine has at most %d",
				    LL(s->maxcpus), NB_MAX_CPUS);
	return 0;
}

struct qemu_place qemu_place(const struct qemu *q, uint64_t i)
{
	const struct qemu_smp *s = &q->smp;
	struct qemu_place p;

	p.thread = i % s->threads;
	i /= s->threads;
	p.core = i % s->cores;
	i /= s->cores;
	p.cluster = i % s->clusters;
	i /= s->clusters;
	p.die = i % s->dies;
	p.socket = i / s->dies;
	return p;
}

struct qemu_backend *qemu_find_backend(struct qemu *q, const char *id)
{
	for (unsigned i = 0; i < q->nr_backends; i++) {
		if (!strcmp(q->backends[i].id, id))
			return &q->backends[i];
	}
	return NULL;
}

/* The backend of that name, marked as in use; each serves one purpose. */
static int take_backend(struct qemu *q, const char *what, const char *id, uint64_t *ret_bytes,
			struct nb_error *err)
{
	struct qemu_backend *b = qemu_find_backend(q, id);

	if (!b)
		return nb_error_set(
			err, -NB_EINVAL, 0,
			"%s=%s: no such memory; -object memory-backend-ram,id=%s,size=... makes it",
			what, id, id);
	if (b->used)
		return nb_error_set(err, -NB_EINVAL, 0,
				    "%s=%s: this memory is in use already; each node needs its own",
				    what, id);
	b->used = true;
	*ret_bytes = b->bytes;
	return 0;
}

static int complete_ram(struct qemu *q, struct nb_error *err)
{
	uint64_t bytes = 0;
	int rc;

	if (q->memory_backend) {
		rc = take_backend(q, "memory-backend", q->memory_backend, &bytes, err);
		if (rc)
			return rc;
		if (q->ram_bytes && q->ram_bytes != bytes)
			return nb_error_set(err, -NB_EINVAL, 0,
					    "-m is %llu bytes and memory-backend %s is %llu; they "
					    "must be equal",
					    LL(q->ram_bytes), q->memory_backend, LL(bytes));
		q->ram_bytes = bytes;
	}
	if (!q->ram_bytes)
		q->ram_bytes = 128 * MiB;
	if (q->ram_bytes < 2 * MiB || q->ram_bytes % 8192)
		return nb_error_set(
			err, -NB_EINVAL, 0,
			"-m: %llu bytes of memory; at least 2M, in multiples of 8K, would be right",
			LL(q->ram_bytes));
	if (!q->maxram_bytes)
		q->maxram_bytes = q->ram_bytes;
	if (q->maxram_bytes < q->ram_bytes)
		return nb_error_set(err, -NB_EINVAL, 0,
				    "-m: maxmem=%llu bytes is less than the %llu bytes of memory",
				    LL(q->maxram_bytes), LL(q->ram_bytes));
	if (q->maxram_bytes > UINT64_C(1) << 51)
		return nb_error_set(err, -NB_ERANGE, 0,
				    "-m: %llu bytes; at most 2048T can be addressed",
				    LL(q->maxram_bytes));
	return 0;
}

/* No node was given memory: all of it is dealt out in equal parts of whole 8 MiB, the last node
 * takes the rest. */
static void deal_memory(struct qemu *q)
{
	uint64_t part = q->ram_bytes / q->nr_nodes, carry = 0, used = 0;

	for (unsigned i = 0; i + 1 < q->nr_nodes; i++) {
		q->nodes[i].bytes = (part + carry) & ~(8 * MiB - 1);
		carry += part - q->nodes[i].bytes;
		used += q->nodes[i].bytes;
	}
	q->nodes[q->nr_nodes - 1].bytes = q->ram_bytes - used;
}

static int complete_node_memory(struct qemu *q, struct nb_error *err)
{
	uint64_t total = 0;
	bool told = false;
	int rc;

	for (unsigned i = 0; i < q->nr_nodes; i++) {
		struct qemu_node *n = &q->nodes[i];

		if (!n->present)
			return nb_error_set(err, -NB_EINVAL, 0,
					    "-numa node: node %u is missing; numbers have no gaps",
					    i);
		if (n->memdev) {
			rc = take_backend(q, "-numa node: memdev", n->memdev, &n->bytes, err);
			if (rc)
				return rc;
			n->has_memory = true;
		}
		told |= n->has_memory;
		if (__builtin_add_overflow(total, n->bytes, &total))
			return nb_error_set(err, -NB_ERANGE, 0,
					    "-numa node: the nodes' memory overflows 64 bits");
	}
	if (!q->nr_nodes)
		return 0;
	if (!told) {
		deal_memory(q);
		return 0;
	}
	if (total != q->ram_bytes)
		return nb_error_set(err, -NB_EINVAL, 0,
				    "-numa node: the nodes have %llu MiB together, -m says %llu "
				    "MiB; they must be equal",
				    LL(total >> 20), LL(q->ram_bytes >> 20));
	return 0;
}

static bool rule_matches(const struct qemu_cpu_rule *r, const struct qemu_place *p)
{
	return (r->socket == UINT64_MAX || r->socket == p->socket) &&
	       (r->die == UINT64_MAX || r->die == p->die) &&
	       (r->cluster == UINT64_MAX || r->cluster == p->cluster) &&
	       (r->core == UINT64_MAX || r->core == p->core) &&
	       (r->thread == UINT64_MAX || r->thread == p->thread);
}

static int apply_cpu_rules(struct qemu *q, struct nb_error *err)
{
	for (unsigned k = 0; k < q->nr_cpu_rules; k++) {
		const struct qemu_cpu_rule *r = &q->cpu_rules[k];
		bool some = false;

		if (r->node >= q->nr_nodes)
			return nb_error_set(err, -NB_EINVAL, 0,
					    "-numa cpu: node-id=%llu: no such node", LL(r->node));
		for (uint64_t i = 0; i < q->smp.maxcpus; i++) {
			struct qemu_place p = qemu_place(q, i);

			if (!rule_matches(r, &p))
				continue;
			some = true;
			if (q->cpu_node[i] != NB_NO_NODE && q->cpu_node[i] != (int)r->node)
				return nb_error_set(err, -NB_EINVAL, 0,
						    "-numa cpu: CPU %llu is of node %d already; a "
						    "CPU is of one node",
						    LL(i), q->cpu_node[i]);
			q->cpu_node[i] = (int16_t)r->node;
		}
		if (!some)
			return nb_error_set(
				err, -NB_EINVAL, 0,
				"-numa cpu: no CPU has these ids; -smp tells what there is");
		q->some_cpu_mapped = true;
	}
	return 0;
}

/* CPUs that no -numa names: by socket when none is named at all, else to node 0. */
static int complete_cpus(struct qemu *q, struct nb_error *err)
{
	int rc;

	if (!q->nr_nodes)
		return 0;
	for (unsigned i = 0; i < NB_MAX_CPUS; i++) {
		if (q->cpu_node[i] != NB_NO_NODE && i >= q->smp.maxcpus)
			return nb_error_set(
				err, -NB_EINVAL, 0,
				"-numa node,nodeid=%d: CPU %u; -smp gives CPUs 0 to %llu",
				q->cpu_node[i], i, LL(q->smp.maxcpus - 1));
	}
	rc = apply_cpu_rules(q, err);
	if (rc)
		return rc;
	for (uint64_t i = 0; i < q->smp.maxcpus; i++) {
		if (q->cpu_node[i] != NB_NO_NODE)
			continue;
		if (q->some_cpu_mapped)
			q->cpu_node[i] = 0;
		else
			q->cpu_node[i] = (int16_t)(qemu_place(q, i).socket % q->nr_nodes);
	}
	return 0;
}

/* One direction stands for both while every pair is symmetric; each pair needs one value at least.
 */
static int complete_distances(struct qemu *q, struct nb_error *err)
{
	bool asymmetric = false;

	if (!q->has_dist)
		return 0;
	for (unsigned i = 0; i < q->nr_nodes; i++) {
		for (unsigned j = i; j < q->nr_nodes; j++) {
			if (i == j) {
				q->dist[i][i] = 10;
				continue;
			}
			if (!q->dist[i][j] && !q->dist[j][i])
				return nb_error_set(err, -NB_EINVAL, 0,
						    "-numa dist: the distance between node %u and "
						    "%u is missing; with one "
						    "distance, all are needed",
						    i, j);
			asymmetric |=
				q->dist[i][j] && q->dist[j][i] && q->dist[i][j] != q->dist[j][i];
		}
	}
	for (unsigned i = 0; i < q->nr_nodes; i++) {
		for (unsigned j = 0; j < q->nr_nodes; j++) {
			if (q->dist[i][j])
				continue;
			if (asymmetric)
				return nb_error_set(err, -NB_EINVAL, 0,
						    "-numa dist: src=%u,dst=%u is missing; where "
						    "one pair is asymmetric, both "
						    "directions of all are needed",
						    i, j);
			q->dist[i][j] = q->dist[j][i];
		}
	}
	return 0;
}

int qemu_complete(struct qemu *q, struct nb_error *err)
{
	int rc = complete_smp(&q->smp, err);

	if (!rc)
		rc = complete_ram(q, err);
	if (!rc)
		rc = complete_node_memory(q, err);
	if (!rc)
		rc = complete_cpus(q, err);
	if (!rc)
		rc = complete_distances(q, err);
	return rc;
}
