/* node.c -- nodes, the CPUs on them, and their distances.
 *
 * Last part of nb_boot_memory(): from sys->memblock and what numa.c found it makes sys->pgdat[] in
 * ascending id, sys->cpu_to_node, and each node's set of online CPUs. A node is online when it has
 * memory, a CPU or a generic initiator. Old x86 has no node without memory: its CPUs go to the
 * nearest one. CPUs that firmware places nowhere are dealt out to the nodes with memory, or (AMD)
 * follow their cache.
 * Source: arch/x86/mm/numa.c: init_cpu_to_node(), numa_init_array(), numa_add_cpu();
 * facts 3.4, 12.2.
 */
#include "base/fmt.h"
#include "base/mem.h"
#include "mm/boot.h"
#include "mm/memblock.h"

/* How many CPUs the command line lets start, and which ids are possible at all. */
struct cpu_limits {
	uint64_t online;
	uint64_t ids;
};

static struct cpu_limits cpu_limits(const struct nb_machine *m)
{
	struct cpu_limits l = {UINT64_MAX, UINT64_MAX};
	size_t len, used;
	const char *s = nb_machine_option(m, "maxcpus=", &len);

	if (s) {
		uint64_t n = nb_strtoull(s, len, &used);

		if (used)
			l.online = n ? n : 1;
	}
	s = nb_machine_option(m, "nr_cpus=", &len);
	if (s) {
		uint64_t n = nb_strtoull(s, len, &used);

		if (used && n)
			l.ids = n;
	}
	if (nb_machine_option(m, "nosmp", NULL))
		l.online = 1;
	return l;
}

static void memory_nodes(struct nb_system *sys)
{
	for (unsigned i = 0; i < sys->nr_memblock; i++)
		nb_nodemask_set(&sys->memory_nodes, sys->memblock[i].nid);
}

static int nearest_with_memory(const struct nb_layout_boot *b, int nid)
{
	unsigned n, best = ~0u;
	int found = NB_NO_NODE;

	nb_for_each_node_in (n, &b->sys->memory_nodes) {
		unsigned d = nb_machine_distance(b->m, nid, (int)n);

		if (d < best) {
			best = d;
			found = (int)n;
		}
	}
	return found;
}

/* The k-th node with memory, counted round. */
static int dealt_node(const struct nb_system *sys, unsigned k)
{
	unsigned n, nr = nb_nodemask_weight(&sys->memory_nodes);

	k %= nr;
	nb_for_each_node_in (n, &sys->memory_nodes) {
		if (!k--)
			break;
	}
	return (int)n;
}

static bool is_amd(const struct nb_machine *m)
{
	return m->cpu_vendor && (nb_strcmp(m->cpu_vendor, "AuthenticAMD") == 0 ||
				 nb_strcmp(m->cpu_vendor, "HygonGenuine") == 0);
}

/* Numbers last-level caches as AMD's code does, by their first CPUs: b->llc_number[cache id]. */
static int number_caches(struct nb_layout_boot *b)
{
	int16_t next = 0;

	b->llc_number = nb_arena_alloc(b->arena, NB_MAX_CPUS * sizeof(*b->llc_number));
	if (!b->llc_number)
		return -NB_ENOMEM;
	memset(b->llc_number, 0xff, NB_MAX_CPUS * sizeof(*b->llc_number));
	for (unsigned i = 0; i < b->m->nr_cpus; i++) {
		int llc = b->m->cpus[i].llc;

		if (llc >= 0 && llc < NB_MAX_CPUS && b->llc_number[llc] < 0)
			b->llc_number[llc] = next++;
	}
	return 0;
}

/* A CPU that firmware places nowhere. On AMD the last-level cache's number is taken for a node;
 * others are dealt out. Source: srat_detect_node() of amd.c and intel.c, numa_init_array(). */
static int node_of_lost_cpu(const struct nb_layout_boot *b, unsigned i)
{
	const struct nb_system *sys = b->sys;
	int llc = b->m->cpus[i].llc;

	if (!nb_arch_is_x86(b->m->arch))
		return (int)nb_nodemask_next(&b->parsed, 0);
	if (!is_amd(b->m))
		return dealt_node(sys, (unsigned)b->m->cpus[i].id);
	llc = llc >= 0 && llc < NB_MAX_CPUS ? b->llc_number[llc] : -1;
	if (llc >= 0 && llc < NB_MAX_NODES && nb_nodemask_test(&sys->memory_nodes, llc))
		return llc;
	return dealt_node(sys, 0);
}

static int node_of_cpu(const struct nb_layout_boot *b, unsigned i)
{
	const struct nb_system *sys = b->sys;
	int nid = b->cpu_node[i];

	if (nid >= 0 && nb_nodemask_test(&b->parsed, nid)) {
		if (sys->profile->memoryless_hidden && nb_arch_is_x86(b->m->arch) &&
		    !nb_nodemask_test(&sys->memory_nodes, nid))
			return nearest_with_memory(b, nid);
		return nid;
	}
	return node_of_lost_cpu(b, i);
}

static int make_pgdats(struct nb_layout_boot *b, const struct nb_nodemask *nodes)
{
	struct nb_system *sys = b->sys;
	unsigned nr = nb_nodemask_weight(nodes), nid;

	sys->pgdat = nb_arena_alloc(b->arena, nr * sizeof(struct nb_pgdat *));
	if (!sys->pgdat)
		return -NB_ENOMEM;
	nb_for_each_node_in (nid, nodes) {
		struct nb_pgdat *p = nb_arena_alloc(b->arena, sizeof(*p));

		if (!p)
			return -NB_ENOMEM;
		p->sys = sys;
		p->nid = (int)nid;
		p->index = sys->nr_pgdat;
		for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++) {
			p->zone[t].sys = sys;
			p->zone[t].pgdat = p;
			p->zone[t].type = (enum nb_zone_type)t;
		}
		sys->node_index[nid] = (int16_t)sys->nr_pgdat;
		sys->pgdat[sys->nr_pgdat++] = p;
	}
	return 0;
}

/* An online CPU shows in its node; with numa=fake in every node that was cut from the same one. */
static void show_cpu(const struct nb_layout_boot *b, unsigned cpu, int nid)
{
	struct nb_system *sys = b->sys;

	if (!b->emulated) {
		nb_cpumask_set(&nb_node_data(sys, nid)->cpus, cpu);
		return;
	}
	for (unsigned i = 0; i < sys->nr_pgdat; i++) {
		struct nb_pgdat *p = sys->pgdat[i];

		if (b->phys_node[p->nid] == b->phys_node[nid])
			nb_cpumask_set(&p->cpus, cpu);
	}
}

static int place_cpus(struct nb_layout_boot *b)
{
	struct nb_system *sys = b->sys;
	const struct nb_machine *m = b->m;
	struct cpu_limits limit = cpu_limits(m);

	sys->nr_cpu_ids = (unsigned)m->cpus[m->nr_cpus - 1].id + 1;
	if (sys->nr_cpu_ids > limit.ids)
		sys->nr_cpu_ids = (unsigned)limit.ids;
	sys->cpu_to_node = nb_arena_alloc(b->arena, sys->nr_cpu_ids * sizeof(*sys->cpu_to_node));
	if (!sys->cpu_to_node)
		return -NB_ENOMEM;
	for (unsigned i = 0; i < sys->nr_cpu_ids; i++)
		sys->cpu_to_node[i] = NB_NO_NODE;
	for (unsigned i = 0; i < m->nr_cpus; i++) {
		const struct nb_cpu *c = &m->cpus[i];
		int nid;

		if ((unsigned)c->id >= sys->nr_cpu_ids)
			continue;
		nid = node_of_cpu(b, i);
		sys->cpu_to_node[c->id] = (int16_t)nid;
		nb_node_data(sys, nid)->online = true;
		if (!c->online || sys->nr_cpus_online >= limit.online)
			continue;
		sys->nr_cpus_online++;
		show_cpu(b, (unsigned)c->id, nid);
	}
	return 0;
}

static void set_online(struct nb_layout_boot *b)
{
	struct nb_system *sys = b->sys;

	for (unsigned i = 0; i < sys->nr_pgdat; i++) {
		struct nb_pgdat *p = sys->pgdat[i];
		int at = b->emulated ? -1 : nb_machine_node_index(b->m, p->nid);
		const struct nb_node *n = at < 0 ? NULL : &b->m->nodes[at];

		if (nb_nodemask_test(&sys->memory_nodes, p->nid))
			p->online = true;
		/* Node ranges come without firmware: what the input says of the node stands. */
		if (n && (n->generic_initiator || (!b->from_firmware && n->online)))
			p->online = true;
		if (p->online)
			nb_nodemask_set(&sys->online_nodes, p->nid);
	}
}

/* The distances of emulated nodes, by position. */
static int place_distances(struct nb_layout_boot *b)
{
	struct nb_system *sys = b->sys;
	unsigned n = sys->nr_pgdat;

	if (!b->distances)
		return 0;
	sys->distances = nb_arena_alloc(b->arena, (size_t)n * n);
	if (!sys->distances)
		return -NB_ENOMEM;
	for (unsigned i = 0; i < n; i++) {
		for (unsigned j = 0; j < n; j++)
			sys->distances[(size_t)i * n + j] =
				b->distances[(size_t)sys->pgdat[i]->nid * b->nr_distances +
					     (size_t)sys->pgdat[j]->nid];
	}
	return 0;
}

int nb_boot_nodes(struct nb_layout_boot *b)
{
	struct nb_system *sys = b->sys;
	struct nb_nodemask nodes = b->parsed;
	int err;

	memory_nodes(sys);
	if (sys->profile->memoryless_hidden && nb_arch_is_x86(b->m->arch))
		nodes = sys->memory_nodes;
	err = make_pgdats(b, &nodes);
	if (!err && is_amd(b->m))
		err = number_caches(b);
	if (!err)
		err = place_cpus(b);
	if (err)
		return err;
	set_online(b);
	return place_distances(b);
}
