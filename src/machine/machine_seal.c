/* machine_seal.c -- sorting, completing and checking a machine.
 *
 * Called once by whoever built it; afterwards the machine is immutable and boot may trust it:
 * nodes, CPUs, ranges, firmware and zone facts sorted, ids unique and in range, ranges disjoint,
 * every node named exists, some node has memory, matrices have nr_nodes rows.
 * Each check says line, field, what was found and what would be right.
 */
#include "base/arena.h"
#include "base/fmt.h"
#include "base/mem.h"
#include "machine/machine_priv.h"

#define LL(x) ((unsigned long long)(x))

static int sort(struct nb_machine *m, void *array, unsigned nr, size_t size,
		int (*cmp)(const void *, const void *))
{
	void *tmp;

	if (nr < 2)
		return 0;
	tmp = nb_arena_alloc(m->arena, nr * size);
	if (!tmp)
		return -NB_ENOMEM;
	nb_sort(array, nr, size, tmp, cmp);
	return 0;
}

static int cmp_node(const void *a, const void *b)
{
	const struct nb_node *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

static int cmp_cpu(const void *a, const void *b)
{
	const struct nb_cpu *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

static int cmp_range(const void *a, const void *b)
{
	const struct nb_mem_range *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

static int cmp_fact(const void *a, const void *b)
{
	const struct nb_zone_fact *x = a, *y = b;

	if (x->nid != y->nid)
		return x->nid < y->nid ? -1 : 1;
	return (x->type > y->type) - (x->type < y->type);
}

static int sort_all(struct nb_machine *m)
{
	int err = sort(m, m->nodes, m->nr_nodes, sizeof(*m->nodes), cmp_node);

	if (!err)
		err = sort(m, m->cpus, m->nr_cpus, sizeof(*m->cpus), cmp_cpu);
	if (!err)
		err = sort(m, m->ranges, m->nr_ranges, sizeof(*m->ranges), cmp_range);
	if (!err)
		err = sort(m, m->firmware, m->nr_firmware, sizeof(*m->firmware), cmp_range);
	if (!err)
		err = sort(m, m->reserved, m->nr_reserved, sizeof(*m->reserved), cmp_range);
	if (!err)
		err = sort(m, m->zone_facts, m->nr_zone_facts, sizeof(*m->zone_facts), cmp_fact);
	return err;
}

static int check_basics(struct nb_machine *m, struct nb_error *err)
{
	if ((unsigned)m->arch >= NB_NR_ARCH)
		return nb_error_set(err, -NB_EINVAL, 0, "arch: unknown architecture number %d",
				    m->arch);
	if (m->page_shift != 12 && m->page_shift != 14 && m->page_shift != 16)
		return nb_error_set(err, -NB_EINVAL, 0,
				    "page size: 2^%u bytes; 4, 16 or 64 KiB would be right",
				    m->page_shift);
	if (m->page_shift != 12 && m->arch != NB_ARCH_ARM64 && m->arch != NB_ARCH_OTHER)
		return nb_error_set(err, -NB_EINVAL, 0, "page size: %u KiB; %s has pages of 4 KiB",
				    1u << (m->page_shift - 10), nb_arch_name(m->arch));
	return 0;
}

/* Without any node: one for each that CPUs or memory name, else node 0. */
static int complete_nodes(struct nb_machine *m)
{
	uint64_t seen[NB_MAX_NODES / 64] = {0};
	struct nb_node node = {.online = true};
	int err = 0;

	if (m->nr_nodes)
		return 0;
	for (unsigned i = 0; i < m->nr_cpus; i++) {
		if (m->cpus[i].nid >= 0 && m->cpus[i].nid < NB_MAX_NODES)
			seen[m->cpus[i].nid / 64] |= UINT64_C(1) << (m->cpus[i].nid % 64);
	}
	for (unsigned i = 0; i < m->nr_ranges + m->nr_affinity; i++) {
		int nid = i < m->nr_ranges ? m->ranges[i].nid : m->affinity[i - m->nr_ranges].nid;

		if (nid >= 0 && nid < NB_MAX_NODES)
			seen[nid / 64] |= UINT64_C(1) << (nid % 64);
	}
	for (int id = 0; id < NB_MAX_NODES && !err; id++) {
		node.id = id;
		if (seen[id / 64] >> (id % 64) & 1)
			err = nb_machine_add_node(m, &node);
	}
	if (!err && !m->nr_nodes) {
		node.id = 0;
		err = nb_machine_add_node(m, &node);
	}
	return err;
}

static int complete(struct nb_machine *m)
{
	const struct nb_kernel_profile *nearest;
	bool exact = true;
	int err = 0;

	if (!m->nr_cpus) {
		struct nb_cpu cpu = {.nid = m->nodes[0].id,
				     .online = true,
				     .package = -1,
				     .die = -1,
				     .cluster = -1,
				     .core = -1,
				     .llc = -1};

		err = nb_machine_add_cpu(m, &cpu);
	}
	if (err)
		return err;
	nearest = nb_kernel_nearest(m->release, &exact);
	if (!m->profile)
		m->profile = nearest ? nearest : nb_kernel_at(0);
	m->profile_exact = !nearest || (exact && nearest == m->profile);
	if (!m->arch_name)
		m->arch_name = nb_arch_name(m->arch);
	if (!m->name)
		m->name = m->origin ? m->origin : "machine";
	return 0;
}

static int check_nodes(const struct nb_machine *m, struct nb_error *err)
{
	for (unsigned i = 0; i < m->nr_nodes; i++) {
		const struct nb_node *n = &m->nodes[i];

		if (n->id < 0 || n->id >= NB_MAX_NODES)
			return nb_error_set(err, -NB_EINVAL, n->line,
					    "node id %d: node ids go from 0 to %d", n->id,
					    NB_MAX_NODES - 1);
		if (i && n[-1].id == n->id)
			return nb_error_set(
				err, -NB_EINVAL, n->line,
				"node id %d: stands twice; each node has an id of its own", n->id);
	}
	return 0;
}

static int check_cpus(const struct nb_machine *m, struct nb_error *err)
{
	for (unsigned i = 0; i < m->nr_cpus; i++) {
		const struct nb_cpu *c = &m->cpus[i];

		if (c->id < 0 || c->id >= NB_MAX_CPUS)
			return nb_error_set(err, -NB_EINVAL, c->line,
					    "cpus: CPU %d; CPU numbers go from 0 to %d", c->id,
					    NB_MAX_CPUS - 1);
		if (i && c[-1].id == c->id)
			return nb_error_set(err, -NB_EINVAL, c->line,
					    "cpus: CPU %d stands in node %d and in node %d; one "
					    "node each would be right",
					    c->id, c[-1].nid, c->nid);
		if (c->nid != NB_NO_NODE && nb_machine_node_index(m, c->nid) < 0)
			return nb_error_set(err, -NB_EINVAL, c->line,
					    "cpus: CPU %d is of node %d, which does not exist",
					    c->id, c->nid);
	}
	return 0;
}

/* Bounds of one range of any list; `what` names the list. */
static int check_range(const struct nb_machine *m, const struct nb_mem_range *r, const char *what,
		       struct nb_error *err)
{
	if (r->start >= r->end)
		return nb_error_set(err, -NB_EINVAL, r->line,
				    "%s: 0x%llx-0x%llx is empty or ends before it starts (or its "
				    "size overflows)",
				    what, LL(r->start), LL(r->end - 1));
	if (r->end > UINT64_C(1) << NB_MAX_ADDRESS_BITS)
		return nb_error_set(
			err, -NB_EINVAL, r->line,
			"%s: 0x%llx-0x%llx reaches past 2^%d, the end of physical addresses", what,
			LL(r->start), LL(r->end - 1), NB_MAX_ADDRESS_BITS);
	if (r->nid != NB_NO_NODE && nb_machine_node_index(m, r->nid) < 0)
		return nb_error_set(err, -NB_EINVAL, r->line,
				    "%s: 0x%llx-0x%llx is of node %d, which does not exist", what,
				    LL(r->start), LL(r->end - 1), r->nid);
	return 0;
}

/* Two neighbours of the sorted list of node ranges. */
static int check_overlap(const struct nb_mem_range *a, const struct nb_mem_range *b,
			 struct nb_error *err)
{
	if (b->start >= a->end)
		return 0;
	if (a->nid != b->nid)
		return nb_error_set(err, -NB_EINVAL, b->line ? b->line : a->line,
				    "ranges: 0x%llx-0x%llx is in node %d and in node %d; each byte "
				    "belongs to one node",
				    LL(b->start), LL((a->end < b->end ? a->end : b->end) - 1),
				    a->nid, b->nid);
	return nb_error_set(err, -NB_EINVAL, b->line ? b->line : a->line,
			    "ranges: 0x%llx-0x%llx and 0x%llx-0x%llx of node %d overlap",
			    LL(a->start), LL(a->end - 1), LL(b->start), LL(b->end - 1), a->nid);
}

static int check_node_ranges(const struct nb_machine *m, struct nb_error *err)
{
	uint64_t page = UINT64_C(1) << m->page_shift;
	uint64_t pages[NB_MAX_NODES] = {0};
	const struct nb_mem_range *widest = NULL;

	for (unsigned i = 0; i < m->nr_ranges; i++) {
		const struct nb_mem_range *r = &m->ranges[i];
		int bad = check_range(m, r, "ranges", err), at;

		if (!bad && r->nid == NB_NO_NODE)
			bad = nb_error_set(err, -NB_EINVAL, r->line,
					   "ranges: 0x%llx-0x%llx names no node", LL(r->start),
					   LL(r->end - 1));
		if (!bad && (r->start | r->end) % page)
			bad = nb_error_set(err, -NB_EINVAL, r->line,
					   "ranges: 0x%llx-0x%llx is not whole pages; start and "
					   "size must be multiples of %llu",
					   LL(r->start), LL(r->end - 1), LL(page));
		if (!bad && widest)
			bad = check_overlap(widest, r, err);
		if (bad)
			return bad;
		if (!widest || r->end > widest->end)
			widest = r;
		at = nb_machine_node_index(m, r->nid);
		pages[at] += (r->end - r->start) >> m->page_shift;
		if (pages[at] > NB_MAX_NODE_PAGES)
			return nb_error_set(err, -NB_EINVAL, r->line,
					    "memory of node %d: more than %llu pages (%llu GiB), "
					    "the most that a node can hold",
					    r->nid, LL(NB_MAX_NODE_PAGES),
					    LL(NB_MAX_NODE_PAGES + 2) >> (30 - m->page_shift));
	}
	return 0;
}

static int check_memory(const struct nb_machine *m, struct nb_error *err)
{
	bool some = false;
	int bad = 0;

	if (m->nr_ranges && m->nr_firmware) {
		for (unsigned i = 0; i < m->nr_ranges; i++) {
			if (!(m->ranges[i].flags & NB_RANGE_HOTADDED))
				return nb_error_set(err, -NB_EINVAL, m->ranges[i].line,
						    "ranges: a machine with a firmware map takes "
						    "only hot-added ranges beside it");
		}
	}
	for (unsigned i = 0; i < m->nr_firmware && !bad; i++) {
		bad = check_range(m, &m->firmware[i], "firmware map", err);
		some |= m->firmware[i].type == NB_MEM_RAM;
	}
	for (unsigned i = 0; i < m->nr_affinity && !bad; i++)
		bad = check_range(m, &m->affinity[i], "affinity", err);
	if (!bad)
		bad = check_node_ranges(m, err);
	for (unsigned i = 0; i < m->nr_ranges; i++)
		some |= m->ranges[i].type == NB_MEM_RAM &&
			!(m->ranges[i].flags & NB_RANGE_HOTADDED);
	if (!bad && !some)
		bad = nb_error_set(err, -NB_EINVAL, 0,
				   "memory: no node has any; at least one node needs memory");
	return bad;
}

/* Ranges that boot had reserved: any bytes, each once, of no node. */
static int check_reserved(const struct nb_machine *m, struct nb_error *err)
{
	for (unsigned i = 0; i < m->nr_reserved; i++) {
		const struct nb_mem_range *r = &m->reserved[i];
		int bad = check_range(m, r, "reserved", err);

		if (!bad && i && r->start < r[-1].end)
			bad = nb_error_set(err, -NB_EINVAL, r->line,
					   "reserved: 0x%llx-0x%llx and 0x%llx-0x%llx overlap",
					   LL(r[-1].start), LL(r[-1].end - 1), LL(r->start),
					   LL(r->end - 1));
		if (bad)
			return bad;
	}
	return 0;
}

static int check_matrix_size(const struct nb_machine *m, const void *matrix, unsigned n,
			     const char *what, struct nb_error *err)
{
	if (!matrix || n == m->nr_nodes)
		return 0;
	return nb_error_set(err, -NB_EINVAL, 0, "%s: %u rows for %u nodes; %u x %u would be right",
			    what, n, m->nr_nodes, m->nr_nodes, m->nr_nodes);
}

static int check_matrices(const struct nb_machine *m, struct nb_error *err)
{
	int bad = check_matrix_size(m, m->distances, m->nr_distances, "distances", err);

	if (!bad)
		bad = check_matrix_size(m, m->latency_ps, m->nr_latencies, "latency_ns", err);
	if (!bad)
		bad = check_matrix_size(m, m->bandwidth_bytes, m->nr_bandwidths, "bandwidth", err);
	for (size_t i = 0; m->distances && !bad && i < (size_t)m->nr_nodes * m->nr_nodes; i++) {
		int from = m->nodes[i / m->nr_nodes].id, to = m->nodes[i % m->nr_nodes].id;
		unsigned d = m->distances[i];

		if (from == to && d != NB_LOCAL_DISTANCE)
			bad = nb_error_set(err, -NB_EINVAL, 0,
					   "distances: node %d to itself is %u; 10 would be right",
					   from, d);
		else if (d < NB_LOCAL_DISTANCE)
			bad = nb_error_set(
				err, -NB_EINVAL, 0,
				"distances: node %d to node %d is %u; 10 to 255 would be right",
				from, to, d);
	}
	return bad;
}

static int check_facts(const struct nb_machine *m, struct nb_error *err)
{
	for (unsigned i = 0; i < m->nr_zone_facts; i++) {
		const struct nb_zone_fact *f = &m->zone_facts[i];

		if ((unsigned)f->type >= NB_MAX_NR_ZONES)
			return nb_error_set(err, -NB_EINVAL, f->line,
					    "zones: unknown zone number %d", f->type);
		if (!(nb_arch_zones(m->arch) >> f->type & 1))
			return nb_error_set(err, -NB_EINVAL, f->line, "zones: %s has no zone %s",
					    nb_arch_name(m->arch), nb_zone_name(f->type));
		if (i && f[-1].nid == f->nid && f[-1].type == f->type)
			return nb_error_set(err, -NB_EINVAL, f->line,
					    "zones: node %d, zone %s stands twice", f->nid,
					    nb_zone_name(f->type));
	}
	return 0;
}

int nb_machine_seal(struct nb_machine *m, struct nb_error *err)
{
	int bad;

	if (m->sealed)
		return 0;
	bad = check_basics(m, err);
	if (!bad)
		bad = complete_nodes(m);
	if (!bad)
		bad = sort_all(m);
	if (!bad)
		bad = check_nodes(m, err);
	if (!bad)
		bad = check_cpus(m, err);
	if (!bad)
		bad = check_memory(m, err);
	if (!bad)
		bad = check_reserved(m, err);
	if (!bad)
		bad = check_matrices(m, err);
	if (!bad)
		bad = check_facts(m, err);
	if (!bad)
		bad = complete(m);
	if (bad == -NB_ENOMEM)
		nb_error_set(err, bad, 0, "out of memory");
	if (bad)
		nb_error_file(err, m->file);
	else
		m->sealed = true;
	return bad;
}
