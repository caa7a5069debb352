/* qemu_numa_args.c -- the -numa option: node, cpu, dist, hmat-lb, hmat-cache.
 *
 * Called by qemu.c, once an option. Collects what is said and checks each alone; what the whole
 * must satisfy is checked by qemu_numa.c. Source: QEMU 7.2 qapi/machine.json, NumaOptions.
 */
#include "base/mask.h"
#include "read/qemu_priv.h"

#include <string.h>

#define LL(x) ((unsigned long long)(x))
#define MiB (UINT64_C(1) << 20)

/* cpus=0-3, which may stand several times. */
static int read_node_cpus(struct qemu *q, const struct qemu_opts *o, uint64_t nid,
			  struct nb_error *err)
{
	struct nb_cpumask mask;
	unsigned cpu;

	for (unsigned i = 0; i < o->n; i++) {
		if (strcmp(o->v[i].key, "cpus"))
			continue;
		if (nb_bits_parse_list(o->v[i].value, strlen(o->v[i].value), mask.bits,
				       NB_MAX_CPUS) ||
		    nb_cpumask_empty(&mask))
			return nb_error_set(
				err, -NB_EINVAL, 0,
				"-numa node: cpus=%s is no list of CPUs; cpus=0-3 and cpus=6 are",
				o->v[i].value);
		nb_for_each_cpu_in (cpu, &mask) {
			if (q->cpu_node[cpu] != NB_NO_NODE && q->cpu_node[cpu] != (int)nid)
				return nb_error_set(err, -NB_EINVAL, 0,
						    "-numa node: CPU %u is in node %d and in node "
						    "%llu; a CPU is of one node",
						    cpu, q->cpu_node[cpu], LL(nid));
			q->cpu_node[cpu] = (int16_t)nid;
			q->some_cpu_mapped = true;
		}
	}
	return 0;
}

static int read_numa_node(struct qemu *q, const struct qemu_opts *o, struct nb_error *err)
{
	static const char *const known[] = {"type", "nodeid",    "mem", "memdev",
					    "cpus", "initiator", NULL};
	uint64_t nid = q->nr_nodes, initiator;
	struct qemu_node *n;
	int rc = qemu_opts_check(o, known, err);

	if (!rc)
		rc = qemu_opt_number(o, "nodeid", QEMU_MAX_NODES - 1, &nid, err);
	if (!rc)
		rc = qemu_opt_number(o, "initiator", QEMU_MAX_NODES - 1, &initiator, err);
	if (rc)
		return rc;
	if (nid >= QEMU_MAX_NODES)
		return nb_error_set(err, -NB_EINVAL, 0, "-numa node: QEMU has at most %d nodes",
				    QEMU_MAX_NODES);
	n = &q->nodes[nid];
	if (n->present)
		return nb_error_set(err, -NB_EINVAL, 0, "-numa node: nodeid=%llu stands twice",
				    LL(nid));
	if (qemu_opt(o, "mem") && qemu_opt(o, "memdev"))
		return nb_error_set(
			err, -NB_EINVAL, 0,
			"-numa node: mem= and memdev= are two ways to say one thing; keep one");
	n->present = true;
	if (nid >= q->nr_nodes)
		q->nr_nodes = (unsigned)nid + 1;
	rc = qemu_opt_size(o, "mem", MiB, &n->bytes, err);
	n->has_memory = qemu_opt(o, "mem") != NULL;
	if (n->bytes % 8192)
		rc = nb_error_set(err, -NB_EINVAL, 0,
				  "-numa node: mem=%llu is not a multiple of 8K", LL(n->bytes));
	if (qemu_opt(o, "memdev"))
		n->memdev = nb_xstrdup(qemu_opt(o, "memdev"));
	return rc ? rc : read_node_cpus(q, o, nid, err);
}

static int read_numa_dist(struct qemu *q, const struct qemu_opts *o, struct nb_error *err)
{
	static const char *const known[] = {"type", "src", "dst", "val", NULL};
	uint64_t src = UINT64_MAX, dst = UINT64_MAX, val = 0;
	int rc = qemu_opts_check(o, known, err);

	if (!rc)
		rc = qemu_opt_number(o, "src", QEMU_MAX_NODES - 1, &src, err);
	if (!rc)
		rc = qemu_opt_number(o, "dst", QEMU_MAX_NODES - 1, &dst, err);
	if (!rc)
		rc = qemu_opt_number(o, "val", 255, &val, err);
	if (rc)
		return rc;
	if (src == UINT64_MAX || dst == UINT64_MAX)
		return nb_error_set(err, -NB_EINVAL, 0, "-numa dist: needs src=, dst= and val=");
	if (val < 10 || (src == dst && val != 10))
		return nb_error_set(err, -NB_EINVAL, 0,
				    "-numa dist,src=%llu,dst=%llu: val=%llu; a node is at 10 from "
				    "itself, others at 10 to 255",
				    LL(src), LL(dst), LL(val));
	if (!q->nodes[src].present || !q->nodes[dst].present)
		return nb_error_set(
			err, -NB_EINVAL, 0,
			"-numa dist,src=%llu,dst=%llu: node %llu is not there; its -numa "
			"node must stand before",
			LL(src), LL(dst), LL(q->nodes[src].present ? dst : src));
	q->dist[src][dst] = (uint8_t)val;
	q->has_dist = true;
	return 0;
}

static int read_numa_cpu(struct qemu *q, const struct qemu_opts *o, struct nb_error *err)
{
	static const char *const known[] = {"type",       "node-id", "socket-id", "die-id",
					    "cluster-id", "core-id", "thread-id", NULL};
	struct qemu_cpu_rule r = {UINT64_MAX, UINT64_MAX, UINT64_MAX,
				  UINT64_MAX, UINT64_MAX, UINT64_MAX};
	struct {
		const char *key;
		uint64_t *to;
	} fields[] = {
		{"node-id", &r.node},       {"socket-id", &r.socket}, {"die-id", &r.die},
		{"cluster-id", &r.cluster}, {"core-id", &r.core},     {"thread-id", &r.thread},
	};
	int rc = qemu_opts_check(o, known, err);

	for (size_t i = 0; !rc && i < sizeof(fields) / sizeof(fields[0]); i++)
		rc = qemu_opt_number(o, fields[i].key, NB_MAX_CPUS, fields[i].to, err);
	if (rc)
		return rc;
	if (r.node == UINT64_MAX)
		return nb_error_set(err, -NB_EINVAL, 0, "-numa cpu: needs node-id=");
	if (q->nr_cpu_rules == NB_MAX_CPUS)
		return nb_error_set(err, -NB_E2BIG, 0, "-numa cpu: more than %d", NB_MAX_CPUS);
	q->cpu_rules[q->nr_cpu_rules++] = r;
	return 0;
}

static int read_hmat_lb(struct qemu *q, const struct qemu_opts *o, struct nb_error *err)
{
	static const char *const kinds[] = {"access-latency", "read-latency",
					    "write-latency",  "access-bandwidth",
					    "read-bandwidth", "write-bandwidth"};
	const char *kind = qemu_opt(o, "data-type"), *hierarchy = qemu_opt(o, "hierarchy");
	uint64_t initiator = 0, target = 0, latency = 0, bandwidth = 0;
	unsigned k = 0;
	int rc;

	rc = qemu_opt_number(o, "initiator", QEMU_MAX_NODES - 1, &initiator, err);
	if (!rc)
		rc = qemu_opt_number(o, "target", QEMU_MAX_NODES - 1, &target, err);
	if (!rc)
		rc = qemu_opt_number(o, "latency", 4000000, &latency, err);
	if (!rc)
		rc = qemu_opt_size(o, "bandwidth", 1, &bandwidth, err);
	if (rc)
		return rc;
	while (k < 6 && (!kind || strcmp(kind, kinds[k])))
		k++;
	if (k == 6)
		return nb_error_set(err, -NB_EINVAL, 0,
				    "-numa hmat-lb: data-type=%s; there are access-, read- and "
				    "write-latency and -bandwidth",
				    kind ? kind : "");
	if (hierarchy && strcmp(hierarchy, "memory"))
		return 0;
	if (k < 3 && latency)
		nb_acpi_push_lb(q->acpi, ACPI_LB_LATENCY, 3 - k, (uint32_t)initiator,
				(uint32_t)target, latency * 1000);
	if (k >= 3 && bandwidth)
		nb_acpi_push_lb(q->acpi, ACPI_LB_BANDWIDTH, 6 - k, (uint32_t)initiator,
				(uint32_t)target, bandwidth);
	return 0;
}

static int read_hmat_cache(struct qemu *q, const struct qemu_opts *o, struct nb_error *err)
{
	(void)q;
	(void)o;
	(void)err;
	return 0; /* a memory-side cache changes no latency of memory itself */
}

int qemu_read_numa(struct qemu *q, const struct qemu_opts *o, struct nb_error *err)
{
	static const struct {
		const char *type, *name;
		int (*read)(struct qemu *, const struct qemu_opts *, struct nb_error *);
		bool hmat;
	} types[] = {
		{"node", "-numa node", read_numa_node, false},
		{"cpu", "-numa cpu", read_numa_cpu, false},
		{"dist", "-numa dist", read_numa_dist, false},
		{"hmat-lb", "-numa hmat-lb", read_hmat_lb, true},
		{"hmat-cache", "-numa hmat-cache", read_hmat_cache, true},
	};
	const char *type = qemu_opt(o, "type");
	struct qemu_opts named = *o; /* borrows o's pairs */

	for (size_t i = 0; type && i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcmp(type, types[i].type))
			continue;
		if (types[i].hmat && !q->hmat)
			return nb_error_set(err, -NB_EINVAL, 0, "-numa %s: needs -machine hmat=on",
					    type);
		named.name = types[i].name;
		return types[i].read(q, &named, err);
	}
	return nb_error_set(err, -NB_EINVAL, 0,
			    "-numa %s: there are node, cpu, dist, hmat-lb, hmat-cache",
			    type ? type : "");
}
