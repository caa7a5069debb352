/* yaml_topology.c -- the machine file's CPU topology: counts of each level, or ids by groups of
 * CPUs.
 *
 * Called through the table of keys in yaml.c, after the nodes were read: the CPUs are there, and
 * get their ids.
 */
#include "read/yaml_priv.h"

#include "base/mask.h"

#include <stdlib.h>
#include <string.h>

/* topology as a mapping: how many of each; CPUs in ascending order, threads counting fastest. */
struct counts {
	uint64_t packages, dies, clusters, cores, threads;
};

#define COUNT(name)                                                                      \
	static int count_##name(struct ydoc *d, yaml_node_t *n, void *ctx)               \
	{                                                                                \
		return ydoc_number(d, n, 1, NB_MAX_CPUS, &((struct counts *)ctx)->name); \
	}
COUNT(packages)
COUNT(dies)
COUNT(clusters)
COUNT(cores)
COUNT(threads)

static int cpu_by_id(const void *a, const void *b)
{
	const struct nb_cpu *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

static int read_counts(struct ydoc *d, yaml_node_t *n, struct nb_machine *m)
{
	static const struct ykey keys[] = {
		{"packages", count_packages, false}, {"dies", count_dies, false},
		{"clusters", count_clusters, false}, {"cores", count_cores, false},
		{"threads", count_threads, false},   {NULL, NULL, false},
	};
	struct counts c = {1, 1, 1, 1, 1};
	uint64_t total, a, b;
	int rc = ydoc_mapping(d, n, keys, &c);

	if (rc)
		return rc;
	if (__builtin_mul_overflow(c.packages * c.dies, c.clusters * c.cores, &a) ||
	    __builtin_mul_overflow(a, c.threads, &total) || total != m->nr_cpus)
		return ydoc_bad(d, n,
				"%llu packages x %llu dies x %llu clusters x %llu cores x %llu "
				"threads are not the %u CPUs of "
				"the nodes",
				(unsigned long long)c.packages, (unsigned long long)c.dies,
				(unsigned long long)c.clusters, (unsigned long long)c.cores,
				(unsigned long long)c.threads, m->nr_cpus);
	qsort(m->cpus, m->nr_cpus, sizeof(*m->cpus), cpu_by_id);
	for (unsigned i = 0; i < m->nr_cpus; i++) {
		struct nb_cpu *cpu = &m->cpus[i];

		b = i / c.threads;
		cpu->core = (int)(b % (c.cores * c.clusters * c.dies));
		b /= c.cores;
		cpu->cluster = c.clusters > 1 ? (int)(b % (c.clusters * c.dies)) : -1;
		b /= c.clusters;
		cpu->die = (int)(b % c.dies);
		cpu->llc = (int)b;
		cpu->package = (int)(b / c.dies);
	}
	return 0;
}

/* topology as a list: ids that a set of CPUs shares. */
struct group {
	struct nb_cpumask cpus;
	struct nb_cpu ids;
	bool has_online;
};

static int group_cpus(struct ydoc *d, yaml_node_t *n, void *ctx)
{
	struct group *g = ctx;
	const char *s;
	int rc = ydoc_text(d, n, &s);

	if (rc)
		return rc;
	if (nb_bits_parse_list(s, strlen(s), g->cpus.bits, NB_MAX_CPUS) ||
	    nb_cpumask_empty(&g->cpus))
		return ydoc_bad(d, n, "\"%.60s\" is no list of CPUs; 0-3,8 would be right", s);
	return 0;
}

#define GROUP_ID(name)                                                     \
	static int group_##name(struct ydoc *d, yaml_node_t *n, void *ctx) \
	{                                                                  \
		uint64_t v;                                                \
		int rc = ydoc_number(d, n, 0, INT32_MAX, &v);              \
                                                                           \
		if (!rc)                                                   \
			((struct group *)ctx)->ids.name = (int)v;          \
		return rc;                                                 \
	}
GROUP_ID(package)
GROUP_ID(die)
GROUP_ID(cluster)
GROUP_ID(core)
GROUP_ID(llc)

static int group_online(struct ydoc *d, yaml_node_t *n, void *ctx)
{
	struct group *g = ctx;

	g->has_online = true;
	return ydoc_bool(d, n, &g->ids.online);
}

static void set_ids(struct nb_cpu *cpu, const struct group *g)
{
	if (g->ids.package >= 0)
		cpu->package = g->ids.package;
	if (g->ids.die >= 0)
		cpu->die = g->ids.die;
	if (g->ids.cluster >= 0)
		cpu->cluster = g->ids.cluster;
	if (g->ids.core >= 0)
		cpu->core = g->ids.core;
	if (g->ids.llc >= 0)
		cpu->llc = g->ids.llc;
	if (g->has_online)
		cpu->online = g->ids.online;
}

static int read_group(struct ydoc *d, yaml_node_t *n, void *ctx)
{
	static const struct ykey keys[] = {
		{"cpus", group_cpus, true},      {"package", group_package, false},
		{"die", group_die, false},       {"cluster", group_cluster, false},
		{"core", group_core, false},     {"llc", group_llc, false},
		{"online", group_online, false}, {NULL, NULL, false},
	};
	struct yaml_machine *y = ctx;
	struct group g = {.ids = {.package = -1, .die = -1, .cluster = -1, .core = -1, .llc = -1}};
	int rc = ydoc_mapping(d, n, keys, &g);

	if (rc)
		return rc;
	for (unsigned i = 0; i < y->m->nr_cpus; i++) {
		struct nb_cpu *cpu = &y->m->cpus[i];

		if (!nb_cpumask_test(&g.cpus, cpu->id))
			continue;
		set_ids(cpu, &g);
		nb_cpumask_clear(&g.cpus, cpu->id);
	}
	if (!nb_cpumask_empty(&g.cpus))
		return ydoc_bad(d, n, "cpus: CPU %u is of no node", nb_cpumask_next(&g.cpus, 0));
	return 0;
}

int yaml_read_topology(struct ydoc *d, yaml_node_t *n, void *ctx)
{
	struct yaml_machine *y = ctx;

	if (ydoc_is_mapping(n))
		return read_counts(d, n, y->m);
	return ydoc_each(d, n, NB_MAX_CPUS, "groups of CPUs", read_group, y);
}
