/* hwloc_form.c -- hwloc's synthetic strings and XML as machines.
 *
 * Called by machine.c. hwloc's importers crash on some malformed texts and take time by the square,
 * so they run in a child (child.h), which sends back a machine file; products of counts and index
 * numbers are bounded before that here, XML in xml_bounds.c. Source: hwloc 2.x documentation,
 * "Synthetic topologies" and "Importing and exporting topologies".
 */
#include "read/hwloc_form.h"

#include "base/fmt.h"
#include "base/hosted/text.h"
#include "read/child.h"
#include "read/ram_layout.h"
#include "read/machine.h"
#include "read/xml_bounds.h"
#include "read/yaml.h"

#include <ctype.h>
#include <hwloc.h>
#include <hwloc/distances.h>
#include <hwloc/memattrs.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TEXT 65536
#define MAX_INDEX 65536
#define MAX_ARITY 2048 /* hwloc's work grows with the square of an object's children */
#define MAX_SECONDS 10
#define UNKNOWN_INDEX 4294967295u

/* Index numbers ("indexes=0,4,1,5" or "indexes=2*2:1*4"): hwloc's bitmaps are as long as the
 * greatest. */
static int check_indexes(const char *s, struct nb_error *err)
{
	uint64_t v;

	while ((s = strstr(s, "indexes="))) {
		for (s += 8; *s && *s != ' ' && *s != ')';) {
			size_t n = strspn(s, "0123456789");

			if (n && (nb_parse_u64(s, n, &v) || v > MAX_INDEX))
				return nb_error_set(err, -NB_EFBIG, 0,
						    "indexes: %.*s is more than %d", (int)n, s,
						    MAX_INDEX);
			s += n ? n : 1;
		}
	}
	return 0;
}

/* The product of all counts of a synthetic string bounds every kind of object in it. Attributes
 * in parentheses are not counts. */
static int check_synthetic(const char *s, struct nb_error *err)
{
	uint64_t product = 1, v;
	unsigned depth = 0;

	if (strlen(s) > MAX_TEXT)
		return nb_error_set(err, -NB_EFBIG, 0, "is longer than %d bytes", MAX_TEXT);
	for (size_t i = 0; s[i];) {
		size_t n = strspn(s + i, "0123456789");

		depth += s[i] == '(';
		depth -= s[i] == ')' && depth;
		if (!n || depth || (i && isalpha((unsigned char)s[i - 1]))) {
			i += n ? n : 1; /* the 2 of "L2" is no count */
			continue;
		}
		if (nb_parse_u64(s + i, n, &v) || v > MAX_ARITY)
			return nb_error_set(err, -NB_EFBIG, 0,
					    "%.*s: more than %d objects below one", (int)n, s + i,
					    MAX_ARITY);
		if (v && product > NB_MAX_CPUS / v)
			return nb_error_set(err, -NB_EFBIG, 0, "describes more than %d CPUs",
					    NB_MAX_CPUS);
		product *= v ? v : 1;
		i += n;
	}
	return check_indexes(s, err);
}

static int ancestor_id(hwloc_obj_t pu, hwloc_obj_type_t type, hwloc_topology_t t, bool logical)
{
	hwloc_obj_t o = hwloc_get_ancestor_obj_by_type(t, type, pu);

	if (!o)
		return -1;
	if (!logical && o->os_index != UNKNOWN_INDEX)
		return (int)o->os_index;
	return (int)o->logical_index;
}

/* Of the nodes near a CPU its own is the one with the fewest CPUs; of equals (DRAM beside
 * high-bandwidth memory) hwloc's first. */
static hwloc_obj_t node_of_pu(hwloc_topology_t t, hwloc_obj_t pu)
{
	hwloc_obj_t best = NULL, n = NULL;

	while ((n = hwloc_get_next_obj_by_type(t, HWLOC_OBJ_NUMANODE, n))) {
		if (!hwloc_bitmap_isset(n->cpuset, pu->os_index))
			continue;
		if (!best || hwloc_bitmap_weight(n->cpuset) < hwloc_bitmap_weight(best->cpuset))
			best = n;
	}
	return best;
}

static int add_cpus(hwloc_topology_t t, struct nb_machine *m, struct nb_error *err)
{
	hwloc_obj_t pu = NULL;

	while ((pu = hwloc_get_next_obj_by_type(t, HWLOC_OBJ_PU, pu))) {
		hwloc_obj_t node = node_of_pu(t, pu);
		struct nb_cpu cpu = {
			.id = (int)pu->os_index,
			.nid = node ? (int)node->os_index : NB_NO_NODE,
			.online = true,
			.package = ancestor_id(pu, HWLOC_OBJ_PACKAGE, t, false),
			.die = ancestor_id(pu, HWLOC_OBJ_DIE, t, false),
			.cluster = -1,
			.core = ancestor_id(pu, HWLOC_OBJ_CORE, t, false),
			.llc = ancestor_id(pu, HWLOC_OBJ_L3CACHE, t, true),
		};

		if (pu->os_index >= NB_MAX_CPUS || m->nr_cpus >= NB_MAX_CPUS)
			return nb_error_set(err, -NB_EINVAL, 0,
					    "CPU %u: CPU numbers go from 0 to %d", pu->os_index,
					    NB_MAX_CPUS - 1);
		if (nb_machine_add_cpu(m, &cpu))
			return nb_error_set(err, -NB_ENOMEM, 0, "out of memory");
	}
	return 0;
}

/* Nodes by ascending os_index, which is Linux's node id; *ret_n of them. */
static int by_os_index(const void *a, const void *b)
{
	const hwloc_obj_t *x = a, *y = b;

	return ((*x)->os_index > (*y)->os_index) - ((*x)->os_index < (*y)->os_index);
}

static hwloc_obj_t *sorted_nodes(hwloc_topology_t t, unsigned *ret_n)
{
	unsigned n = (unsigned)hwloc_get_nbobjs_by_type(t, HWLOC_OBJ_NUMANODE), i = 0;
	hwloc_obj_t *nodes = nb_xcalloc(n + 1, sizeof(hwloc_obj_t)), o = NULL;

	while (i < n && (o = hwloc_get_next_obj_by_type(t, HWLOC_OBJ_NUMANODE, o)))
		nodes[i++] = o;
	qsort(nodes, i, sizeof(hwloc_obj_t), by_os_index);
	*ret_n = i;
	return nodes;
}

/* Sizes in whole pages; hwloc takes them from MemTotal, which need not be. */
static int add_memory(struct nb_machine *m, const hwloc_obj_t *nodes, unsigned n,
		      struct nb_error *err)
{
	uint64_t mask = (UINT64_C(1) << m->page_shift) - 1, total = 0;
	struct nb_ram_layout layout;
	int rc = 0;

	for (unsigned i = 0; i < n; i++) {
		if (__builtin_add_overflow(total, nodes[i]->attr->numanode.local_memory, &total))
			return nb_error_set(err, -NB_ERANGE, 0,
					    "the nodes' memory overflows 64 bits");
	}
	nb_ram_layout_init(&layout, total);
	if (m->arch != NB_ARCH_X86_64 && m->arch != NB_ARCH_I386 && m->arch != NB_ARCH_I386PAE)
		layout.hole_start = NB_RAM_LAYOUT_4G; /* the hole is a PC's */
	for (unsigned i = 0; !rc && i < n; i++) {
		struct nb_node node = {.id = (int)nodes[i]->os_index, .online = true};

		if (nodes[i]->os_index >= NB_MAX_NODES)
			return nb_error_set(err, -NB_EINVAL, 0,
					    "node id %u: node ids go from 0 to %d",
					    nodes[i]->os_index, NB_MAX_NODES - 1);
		if (nb_machine_add_node(m, &node))
			return nb_error_set(err, -NB_ENOMEM, 0, "out of memory");
		rc = nb_ram_layout_place(&layout, m, node.id,
					 nodes[i]->attr->numanode.local_memory & ~mask, 0, 0, err);
	}
	return rc;
}

/* The NUMALatency matrix, if it is what a SLIT is: 10 on the diagonal, 10 to 255 elsewhere. */
static int set_distances(hwloc_topology_t t, struct nb_machine *m, const hwloc_obj_t *nodes,
			 unsigned n)
{
	struct hwloc_distances_s *dist = NULL;
	unsigned nr = 1;
	uint8_t *d;
	int rc = 0;

	if (hwloc_distances_get_by_name(t, "NUMALatency", &nr, &dist, 0) || nr < 1 || !dist)
		return 0;
	d = nb_xcalloc((size_t)n * n, 1);
	for (unsigned i = 0; rc == 0 && i < n; i++) {
		for (unsigned j = 0; rc == 0 && j < n; j++) {
			hwloc_uint64_t there = 0, back = 0;

			if (hwloc_distances_obj_pair_values(dist, nodes[i], nodes[j], &there,
							    &back) ||
			    there < 10 || there > 255 || (i == j && there != 10))
				rc = 1;
			d[(size_t)i * n + j] = (uint8_t)there;
		}
	}
	hwloc_distances_release(t, dist);
	if (!rc) {
		rc = nb_machine_set_distances(m, d, n);
		m->distance_source = NB_SOURCE_GIVEN;
	}
	free(d);
	return rc < 0 ? rc : 0;
}

/* hwloc's Latency (ns) and Bandwidth (MiB/s) attributes, from the CPUs of one node to the memory of
 * another. */
static int set_attributes(hwloc_topology_t t, struct nb_machine *m, const hwloc_obj_t *nodes,
			  unsigned n)
{
	uint32_t *ps = nb_xcalloc((size_t)n * n, sizeof(*ps));
	uint64_t *bytes = nb_xcalloc((size_t)n * n, sizeof(*bytes));
	bool some_ps = false, some_bytes = false;
	int rc = 0;

	for (unsigned i = 0; i < n; i++) {
		struct hwloc_location from = {.type = HWLOC_LOCATION_TYPE_CPUSET,
					      .location.cpuset = nodes[i]->cpuset};

		for (unsigned j = 0; j < n && !hwloc_bitmap_iszero(nodes[i]->cpuset); j++) {
			hwloc_uint64_t v;
			size_t at = (size_t)i * n + j;

			if (!hwloc_memattr_get_value(t, HWLOC_MEMATTR_ID_LATENCY, nodes[j], &from,
						     0, &v) &&
			    v && v <= 4000000) {
				ps[at] = (uint32_t)v * 1000;
				some_ps = true;
			}
			if (!hwloc_memattr_get_value(t, HWLOC_MEMATTR_ID_BANDWIDTH, nodes[j], &from,
						     0, &v) &&
			    v && v < UINT64_C(1) << 43) {
				bytes[at] = v << 20;
				some_bytes = true;
			}
		}
	}
	if (some_ps)
		rc = nb_machine_set_latencies(m, ps, n);
	if (!rc && some_bytes)
		rc = nb_machine_set_bandwidths(m, bytes, n);
	free(ps);
	free(bytes);
	return rc;
}

/* What an export of a real machine says of its kernel. */
static int set_identity(hwloc_topology_t t, struct nb_machine *m, const hwloc_obj_t *nodes,
			unsigned n)
{
	hwloc_obj_t root = hwloc_get_root_obj(t);
	const char *arch = hwloc_obj_get_info_by_name(root, "Architecture");
	const char *release = hwloc_obj_get_info_by_name(root, "OSRelease");
	const char *os = hwloc_obj_get_info_by_name(root, "OSName");
	bool exact;

	if (arch) {
		m->arch = nb_read_arch(arch);
		m->arch_name = nb_machine_strdup(m, arch);
	}
	if (release && os && !strcmp(os, "Linux") && nb_kernel_nearest(release, &exact))
		m->release = nb_machine_strdup(m, release);
	for (unsigned i = 0; i < n && (m->arch == NB_ARCH_ARM64 || m->arch == NB_ARCH_OTHER); i++) {
		const struct hwloc_numanode_attr_s *a = &nodes[i]->attr->numanode;

		if (a->page_types_len &&
		    (a->page_types[0].size == 16384 || a->page_types[0].size == 65536))
			m->page_shift = a->page_types[0].size == 16384 ? 14 : 16;
	}
	return (arch && !m->arch_name) || !m->release ? -NB_ENOMEM : 0;
}

static int to_machine(hwloc_topology_t t, struct nb_machine *m, struct nb_error *err)
{
	unsigned n;
	hwloc_obj_t *nodes = sorted_nodes(t, &n);
	int rc;

	if (!n || n > NB_MAX_NODES) {
		free(nodes);
		return nb_error_set(err, -NB_EINVAL, 0, "%u NUMA nodes; 1 to %d would be right", n,
				    NB_MAX_NODES);
	}
	rc = set_identity(t, m, nodes, n);
	if (!rc)
		rc = add_memory(m, nodes, n, err);
	if (!rc)
		rc = add_cpus(t, m, err);
	if (!rc)
		rc = set_distances(t, m, nodes, n);
	if (!rc)
		rc = set_attributes(t, m, nodes, n);
	if (rc)
		nb_error_set(err, rc, 0, "out of memory");
	m->memory_source = NB_SOURCE_GIVEN;
	free(nodes);
	return rc;
}

/* A topology that looks at nothing but what it is given. NULL without memory. */
static hwloc_topology_t new_topology(void)
{
	hwloc_topology_t t;

	if (hwloc_topology_init(&t))
		return NULL;
	hwloc_topology_set_all_types_filter(t, HWLOC_TYPE_FILTER_KEEP_ALL);
	hwloc_topology_set_io_types_filter(t, HWLOC_TYPE_FILTER_KEEP_NONE);
	hwloc_topology_set_flags(t, HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED);
	return t;
}

/* What the child is to read: one or the other. */
struct input {
	const char *synthetic, *xml;
	int xml_len;
};

/* In the child: hwloc's topology becomes a machine, and the machine a machine file, which is what
 * comes back. */
static int read_topology(void *ctx, struct nb_text *out, struct nb_error *err)
{
	const struct input *in = ctx;
	hwloc_topology_t t = new_topology();
	struct nb_machine *m;
	struct nb_port port;
	int rc;

	nb_port_posix(&port, false);
	m = nb_machine_new(&port);
	if (!t || !m)
		return nb_error_set(err, -NB_ENOMEM, 0, "out of memory");
	rc = in->synthetic ? hwloc_topology_set_synthetic(t, in->synthetic)
			   : hwloc_topology_set_xmlbuffer(t, in->xml, in->xml_len);
	if (rc || hwloc_topology_load(t))
		return nb_error_set(
			err, -NB_EINVAL, 0,
			in->synthetic ? "not an hwloc synthetic description; "
					"\"node:2(memory=32GiB) core:4 pu:2\" would be one"
				      : "not an hwloc XML export (lstopo FILE.xml writes one)");
	rc = to_machine(t, m, err);
	m->name = "hwloc";
	if (!rc)
		nb_write_yaml(m, out);
	return rc;
}

/* The machine file's lines are nobody's. */
static void forget_file(struct nb_machine *m)
{
	m->name = m->file = NULL;
	for (unsigned i = 0; i < m->nr_nodes; i++)
		m->nodes[i].line = 0;
	for (unsigned i = 0; i < m->nr_cpus; i++)
		m->cpus[i].line = 0;
	for (unsigned i = 0; i < m->nr_ranges; i++)
		m->ranges[i].line = 0;
}

static int read_input(struct nb_machine *m, struct input *in, struct nb_error *err)
{
	struct nb_text yaml = {0};
	struct nb_error inner = {0};
	int rc = nb_in_child("the topology", MAX_SECONDS, read_topology, in, &yaml, err);

	if (!rc) {
		rc = nb_read_yaml(m, "hwloc", nb_text_str(&yaml), yaml.len, &inner);
		forget_file(m);
		if (rc)
			nb_error_set(err, rc, 0, "%s", inner.text);
	}
	nb_text_release(&yaml);
	return rc;
}

int nb_read_hwloc_synthetic(struct nb_machine *m, const char *text, struct nb_error *err)
{
	struct input in = {.synthetic = text};
	int rc = check_synthetic(text, err);

	return rc ? rc : read_input(m, &in, err);
}

int nb_read_hwloc_xml(struct nb_machine *m, const char *xml, size_t len, struct nb_error *err)
{
	struct input in = {.xml = xml};
	int rc = nb_xml_check(xml, len, err);

	if (rc)
		return rc;
	if (len >= INT32_MAX)
		return nb_error_set(err, -NB_EFBIG, 0, "is too large");
	in.xml_len = (int)len + 1; /* hwloc counts the NUL behind the text */
	return read_input(m, &in, err);
}
