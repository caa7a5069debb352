/* yaml.c -- machine files: the machine, its kernel, its nodes and their memory.
 *
 * One reader a key; tables of keys stand beside them. What concerns the whole (overlaps, CPUs in
 * two nodes, sizes of nodes) is left to nb_machine_seal(), which is given the lines. Reference:
 * docs/formats.md.
 */
#include "read/yaml.h"

#include "base/fmt.h"
#include "base/hosted/text.h"
#include "base/mask.h"
#include "read/ram_layout.h"
#include "read/machine.h"
#include "read/yaml_priv.h"

#include <stdlib.h>
#include <string.h>

static int no_memory(struct ydoc *d)
{
	return nb_error_set(d->err, -NB_ENOMEM, 0, "out of memory");
}

static int read_string(struct ydoc *d, yaml_node_t *n, struct nb_machine *m, const char **slot)
{
	const char *s;
	int rc = ydoc_text(d, n, &s);

	if (rc)
		return rc;
	*slot = nb_machine_strdup(m, s);
	return *slot ? 0 : no_memory(d);
}

static int read_name(struct ydoc *d, yaml_node_t *n, void *ctx)
{
	struct yaml_machine *y = ctx;

	return read_string(d, n, y->m, &y->m->name);
}

/* Architectures whose zones are not modelled get a plain layout, but must be known by name: a slip
 * of the pen is no architecture. */
static int read_arch(struct ydoc *d, yaml_node_t *n, void *ctx)
{
	struct yaml_machine *y = ctx;
	int rc = read_string(d, n, y->m, &y->m->arch_name);

	if (rc)
		return rc;
	if (!nb_read_arch_known(y->m->arch_name))
		return ydoc_bad(d, n,
				"\"%.60s\" is no architecture; there are x86_64, i386, i386pae, "
				"arm64, arm, and "
				"without zones of their own ppc64le, s390x, riscv64, ia64, other",
				y->m->arch_name);
	y->m->arch = nb_read_arch(y->m->arch_name);
	return 0;
}

static int read_page_size(struct ydoc *d, yaml_node_t *n, void *ctx)
{
	struct yaml_machine *y = ctx;
	uint64_t bytes;
	int rc = ydoc_size(d, n, &bytes);

	if (rc)
		return rc;
	if (bytes != 4096 && bytes != 16384 && bytes != 65536)
		return ydoc_bad(d, n, "%llu bytes; 4K, 16K or 64K would be right",
				(unsigned long long)bytes);
	y->m->page_shift = (unsigned)__builtin_ctzll(bytes);
	return 0;
}

static int read_version(struct ydoc *d, yaml_node_t *n, void *ctx)
{
	struct yaml_machine *y = ctx;
	bool exact;
	int rc = read_string(d, n, y->m, &y->m->release);

	if (!rc && !nb_kernel_nearest(y->m->release, &exact))
		rc = ydoc_bad(
			d, n,
			"\"%.60s\" is no kernel version; 6.12 or 6.1.0-56-amd64 would be right",
			y->m->release);
	return rc;
}

static int read_cmdline(struct ydoc *d, yaml_node_t *n, void *ctx)
{
	struct yaml_machine *y = ctx;
	const char *s;
	int rc = ydoc_text(d, n, &s);

	if (rc)
		return rc;
	return nb_machine_add_cmdline(y->m, s) ? no_memory(d) : 0;
}

static int read_sysctl(struct ydoc *d, const char *name, yaml_node_t *n, void *ctx)
{
	struct yaml_machine *y = ctx;
	const char *value;
	int rc = ydoc_text(d, n, &value);

	if (rc)
		return rc;
	return nb_machine_add_sysctl(y->m, name, value, ydoc_line(n)) ? no_memory(d) : 0;
}

static int read_sysctls(struct ydoc *d, yaml_node_t *n, void *ctx)
{
	return ydoc_pairs(d, n, read_sysctl, ctx);
}

static int read_kernel(struct ydoc *d, yaml_node_t *n, void *ctx)
{
	static const struct ykey keys[] = {
		{"version", read_version, false},
		{"cmdline", read_cmdline, false},
		{"sysctl", read_sysctls, false},
		{NULL, NULL, false},
	};

	return ydoc_mapping(d, n, keys, ctx);
}

static int read_hole(struct ydoc *d, yaml_node_t *n, void *ctx)
{
	struct yaml_machine *y = ctx;

	y->has_hole = true;
	y->hole_line = ydoc_line(n);
	return ydoc_size(d, n, &y->hole);
}

static int read_lowmem_end(struct ydoc *d, yaml_node_t *n, void *ctx)
{
	struct yaml_machine *y = ctx;

	return ydoc_size(d, n, &y->m->lowmem_end);
}

static int read_dma_limit(struct ydoc *d, yaml_node_t *n, void *ctx)
{
	struct yaml_machine *y = ctx;

	return ydoc_size(d, n, &y->m->dma_limit);
}

/* CPUs of a list, added to node `nid`. */
static int add_cpus(struct ydoc *d, yaml_node_t *n, struct nb_machine *m, int nid)
{
	struct nb_cpumask mask;
	const char *s;
	unsigned id;
	int rc = ydoc_text(d, n, &s);

	if (rc)
		return rc;
	rc = nb_bits_parse_list(s, strlen(s), mask.bits, NB_MAX_CPUS);
	if (rc == -NB_ERANGE)
		return ydoc_bad(d, n, "%.60s; CPU numbers go from 0 to %d", s, NB_MAX_CPUS - 1);
	if (rc)
		return ydoc_bad(d, n, "\"%.60s\" is no list of CPUs; 0-3,8 would be right", s);
	nb_for_each_cpu_in (id, &mask) {
		struct nb_cpu cpu = {
			.id = (int)id,
			.nid = nid,
			.online = true,
			.package = -1,
			.die = -1,
			.cluster = -1,
			.core = -1,
			.llc = -1,
			.line = ydoc_line(n),
		};

		if (nb_machine_add_cpu(m, &cpu))
			return no_memory(d);
		if (m->nr_cpus > 2 * NB_MAX_CPUS)
			return ydoc_bad(
				d, n,
				"more CPUs than there are CPU numbers; each CPU is of one node");
	}
	return 0;
}

static int read_stray_cpus(struct ydoc *d, yaml_node_t *n, void *ctx)
{
	struct yaml_machine *y = ctx;

	return add_cpus(d, n, y->m, NB_NO_NODE);
}

/* One entry of `nodes`, while it is read. */
struct entry {
	struct yaml_machine *y;
	struct nb_node node;
	yaml_node_t *cpus, *memory, *ranges;
	bool hotplug, mirror;
};

int yaml_node_id(struct ydoc *d, yaml_node_t *n, int *ret)
{
	const char *s;
	uint64_t v;
	int rc = ydoc_text(d, n, &s);

	if (rc)
		return rc;
	if (nb_parse_u64(s, strlen(s), &v) || v >= NB_MAX_NODES)
		return ydoc_bad(d, n, "%.60s; node ids go from 0 to %d", s, NB_MAX_NODES - 1);
	*ret = (int)v;
	return 0;
}

static int entry_id(struct ydoc *d, yaml_node_t *n, void *ctx)
{
	struct entry *e = ctx;

	e->node.line = ydoc_line(n);
	return yaml_node_id(d, n, &e->node.id);
}

static int entry_online(struct ydoc *d, yaml_node_t *n, void *ctx)
{
	struct entry *e = ctx;

	return ydoc_bool(d, n, &e->node.online);
}

static int entry_initiator(struct ydoc *d, yaml_node_t *n, void *ctx)
{
	struct entry *e = ctx;

	return ydoc_bool(d, n, &e->node.generic_initiator);
}

static int entry_hotplug(struct ydoc *d, yaml_node_t *n, void *ctx)
{
	struct entry *e = ctx;

	return ydoc_bool(d, n, &e->hotplug);
}

static int entry_mirror(struct ydoc *d, yaml_node_t *n, void *ctx)
{
	struct entry *e = ctx;

	return ydoc_bool(d, n, &e->mirror);
}

static int entry_cpus(struct ydoc *d, yaml_node_t *n, void *ctx)
{
	struct entry *e = ctx;

	return add_cpus(d, n, e->y->m, e->node.id);
}

static void count_bytes(struct yaml_machine *y, uint64_t bytes)
{
	if (__builtin_add_overflow(y->total_bytes, bytes, &y->total_bytes))
		y->total_bytes = UINT64_MAX;
}

static int entry_memory(struct ydoc *d, yaml_node_t *n, void *ctx)
{
	struct entry *e = ctx;
	struct yaml_laid *l = &e->y->laid[e->y->nr_laid];
	int rc = ydoc_size(d, n, &l->bytes);

	if (rc)
		return rc;
	e->memory = n;
	l->nid = e->node.id;
	l->line = ydoc_line(n);
	l->flags = (e->hotplug ? NB_RANGE_HOTPLUG : 0) | (e->mirror ? NB_RANGE_MIRROR : 0);
	count_bytes(e->y, l->bytes);
	e->y->nr_laid++;
	return 0;
}

unsigned yaml_range_flags(const struct yaml_range *r)
{
	return (r->hotplug ? NB_RANGE_HOTPLUG : 0) | (r->mirror ? NB_RANGE_MIRROR : 0) |
	       (r->hotadded ? NB_RANGE_HOTADDED : 0) | (r->movable ? NB_RANGE_MOVABLE : 0) |
	       (r->nonvolatile ? NB_RANGE_NONVOLATILE : 0);
}

int yaml_read_range_of(struct ydoc *d, yaml_node_t *n, void *ctx)
{
	struct yaml_range *r = ctx;

	r->r.line = ydoc_line(n);
	return ydoc_range(d, n, &r->r.start, &r->r.end);
}

static int range_hotplug(struct ydoc *d, yaml_node_t *n, void *ctx)
{
	return ydoc_bool(d, n, &((struct yaml_range *)ctx)->hotplug);
}

static int range_mirror(struct ydoc *d, yaml_node_t *n, void *ctx)
{
	return ydoc_bool(d, n, &((struct yaml_range *)ctx)->mirror);
}

static int range_hotadded(struct ydoc *d, yaml_node_t *n, void *ctx)
{
	return ydoc_bool(d, n, &((struct yaml_range *)ctx)->hotadded);
}

static int range_movable(struct ydoc *d, yaml_node_t *n, void *ctx)
{
	return ydoc_bool(d, n, &((struct yaml_range *)ctx)->movable);
}

static int range_nonvolatile(struct ydoc *d, yaml_node_t *n, void *ctx)
{
	return ydoc_bool(d, n, &((struct yaml_range *)ctx)->nonvolatile);
}

const struct ykey yaml_range_keys[] = {
	{"range", yaml_read_range_of, true},
	{"hotplug", range_hotplug, false},
	{"mirror", range_mirror, false},
	{"hotadded", range_hotadded, false},
	{"movable", range_movable, false},
	{"nonvolatile", range_nonvolatile, false},
	{NULL, NULL, false},
};

static int entry_range(struct ydoc *d, yaml_node_t *n, void *ctx)
{
	struct entry *e = ctx;
	struct nb_machine *m = e->y->m;
	struct yaml_range r = {.hotplug = e->hotplug, .mirror = e->mirror};
	int rc = ydoc_is_mapping(n) ? ydoc_mapping(d, n, yaml_range_keys, &r)
				    : yaml_read_range_of(d, n, &r);

	if (rc)
		return rc;
	if (r.movable && !r.hotadded)
		return ydoc_bad(d, n,
				"movable: is said of memory that was added after boot (hotadded: "
				"true) alone");
	if (m->nr_ranges == YAML_MAX_RANGES)
		return ydoc_bad(d, n, "more than %d ranges", YAML_MAX_RANGES);
	r.r.type = NB_MEM_RAM;
	r.r.nid = e->node.id;
	r.r.flags = yaml_range_flags(&r);
	count_bytes(e->y, r.r.end - r.r.start);
	return nb_machine_add_range(m, &r.r) ? no_memory(d) : 0;
}

static int entry_ranges(struct ydoc *d, yaml_node_t *n, void *ctx)
{
	struct entry *e = ctx;

	if (e->memory)
		return ydoc_bad(d, n, "stands beside memory in line %u; keep the one or the other",
				ydoc_line(e->memory));
	return ydoc_each(d, n, YAML_MAX_RANGES, "ranges", entry_range, e);
}

static int read_node(struct ydoc *d, yaml_node_t *n, void *ctx)
{
	static const struct ykey keys[] = {
		{"id", entry_id, false},
		{"online", entry_online, false},
		{"generic_initiator", entry_initiator, false},
		{"hotplug", entry_hotplug, false},
		{"mirror", entry_mirror, false},
		{"cpus", entry_cpus, false},
		{"memory", entry_memory, false},
		{"ranges", entry_ranges, false},
		{NULL, NULL, false},
	};
	struct yaml_machine *y = ctx;
	struct entry e = {
		.y = y,
		.node = {.id = (int)y->m->nr_nodes, .online = true, .line = ydoc_line(n)},
	};
	int rc = ydoc_mapping(d, n, keys, &e);

	if (rc)
		return rc;
	for (unsigned i = 0; i < y->m->nr_nodes; i++) {
		if (y->m->nodes[i].id == e.node.id)
			return ydoc_bad(d, n, "id %d is that of the node in line %u already",
					e.node.id, y->m->nodes[i].line);
	}
	return nb_machine_add_node(y->m, &e.node) ? no_memory(d) : 0;
}

static int by_value(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static int read_nodes(struct ydoc *d, yaml_node_t *n, void *ctx)
{
	struct yaml_machine *y = ctx;
	int rc = ydoc_each(d, n, NB_MAX_NODES, "nodes", read_node, y);

	if (rc)
		return rc;
	if (!y->m->nr_nodes)
		return ydoc_bad(d, n, "is empty; a machine has at least one node");
	y->nodes_line = ydoc_line(n);
	for (unsigned i = 0; i < y->m->nr_nodes; i++)
		y->ids[i] = y->m->nodes[i].id;
	qsort(y->ids, y->m->nr_nodes, sizeof(*y->ids), by_value);
	return 0;
}

static int read_machine(struct ydoc *d, yaml_node_t *n, void *ctx)
{
	static const struct ykey keys[] = {
		{"name", read_name, false},
		{"arch", read_arch, false},
		{"page_size", read_page_size, false},
		{"kernel", read_kernel, false},
		{"hole", read_hole, false},
		{"nodes", read_nodes, true},
		{"cpus_without_node", read_stray_cpus, false},
		{"topology", yaml_read_topology, false},
		{"firmware", yaml_read_firmware, false},
		{"affinity", yaml_read_affinity, false},
		{"distances", yaml_read_matrix_distances, false},
		{"latency_ns", yaml_read_latency, false},
		{"bandwidth", yaml_read_bandwidth, false},
		{"lowmem_end", read_lowmem_end, false},
		{"dma_limit", read_dma_limit, false},
		{"reserved", yaml_read_reserved, false},
		{"zones", yaml_read_zones, false},
		{NULL, NULL, false},
	};

	return ydoc_mapping(d, n, keys, ctx);
}

/* Memory that has a size and no place yet, in the order of the file. */
static int lay_out(struct yaml_machine *y, struct nb_error *err)
{
	struct nb_ram_layout layout;
	int rc = 0;

	if (!y->total_bytes && !y->m->nr_firmware)
		return nb_error_set(
			err, -NB_EINVAL, y->nodes_line,
			"nodes: no node has memory; at least one needs memory: SIZE or ranges");
	nb_ram_layout_init(&layout, y->total_bytes);
	if (y->has_hole)
		rc = nb_ram_layout_set_hole(&layout, y->hole, y->hole_line, err);
	for (unsigned i = 0; !rc && i < y->nr_laid; i++) {
		const struct yaml_laid *l = &y->laid[i];

		rc = nb_ram_layout_place(&layout, y->m, l->nid, l->bytes, l->flags, l->line, err);
	}
	return rc;
}

int nb_read_yaml(struct nb_machine *m, const char *name, const char *text, size_t len,
		 struct nb_error *err)
{
	static const struct ykey top[] = {{"machine", read_machine, true}, {NULL, NULL, false}};
	struct yaml_machine y = {.m = m};
	struct ydoc d;
	int rc = ydoc_load(&d, text, len, err);

	m->file = nb_machine_strdup(m, name);
	if (!rc) {
		y.laid = nb_xcalloc(NB_MAX_NODES, sizeof(*y.laid));
		y.ids = nb_xcalloc(NB_MAX_NODES, sizeof(*y.ids));
		if (ydoc_root(&d))
			rc = ydoc_mapping(&d, ydoc_root(&d), top, &y);
		else
			rc = nb_error_set(err, -NB_EINVAL, 1,
					  "is empty; a machine file begins with \"machine:\"");
		if (!rc)
			rc = lay_out(&y, err);
		if (!rc)
			rc = yaml_check_zones(m, err);
		ydoc_release(&d);
		free(y.laid);
		free(y.ids);
	}
	m->memory_source = NB_SOURCE_GIVEN;
	if (rc)
		nb_error_file(err, name);
	return rc;
}
