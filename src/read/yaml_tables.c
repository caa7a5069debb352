/* yaml_tables.c -- the machine file's matrices, firmware tables and observed zones.
 *
 * Called through the tables of keys in yaml.c, after the nodes were read. Matrix rows and columns
 * follow ascending node id. Values are checked one by one, so that the message can name the line.
 */
#include "read/yaml_priv.h"

#include "base/fmt.h"
#include "base/hosted/text.h"

#include <stdlib.h>
#include <string.h>

#define MAX_FIRMWARE 65536

static int no_memory(struct ydoc *d)
{
	return nb_error_set(d->err, -NB_ENOMEM, 0, "out of memory");
}

/* Calls `read` for each cell of an n x n matrix. */
static int read_matrix(struct ydoc *d, yaml_node_t *n, struct yaml_machine *y,
		       int (*read)(struct ydoc *, yaml_node_t *, struct yaml_machine *, unsigned,
				   unsigned, void *),
		       void *cells)
{
	unsigned nodes = y->m->nr_nodes;
	size_t rows, columns;
	int rc = ydoc_sequence(d, n, NB_MAX_NODES, "rows", &rows);

	if (rc)
		return rc;
	if (rows != nodes)
		return ydoc_bad(d, n, "%zu rows for %u nodes; %u rows of %u numbers would be right",
				rows, nodes, nodes, nodes);
	for (unsigned i = 0; i < nodes; i++) {
		yaml_node_t *row = ydoc_item(d, n, i);

		rc = ydoc_sequence(d, row, NB_MAX_NODES, "numbers", &columns);
		if (!rc && columns != nodes)
			rc = ydoc_bad(
				d, row,
				"row of node %d has %zu numbers for %u nodes; %u would be right",
				y->ids[i], columns, nodes, nodes);
		for (unsigned j = 0; !rc && j < nodes; j++)
			rc = read(d, ydoc_item(d, row, j), y, i, j, cells);
		if (rc)
			return rc;
	}
	return 0;
}

static int distance_cell(struct ydoc *d, yaml_node_t *n, struct yaml_machine *y, unsigned i,
			 unsigned j, void *cells)
{
	uint8_t *distances = cells;
	const char *s;
	uint64_t v;
	int rc = ydoc_text(d, n, &s);

	if (rc)
		return rc;
	if (nb_parse_u64(s, strlen(s), &v) || v < 10 || v > 255)
		return ydoc_bad(d, n, "node %d to node %d is %.60s; 10 to 255 would be right",
				y->ids[i], y->ids[j], s);
	if (i == j && v != 10)
		return ydoc_bad(d, n, "node %d to itself is %.60s; the diagonal is 10", y->ids[i],
				s);
	distances[(size_t)i * y->m->nr_nodes + j] = (uint8_t)v;
	return 0;
}

int yaml_read_matrix_distances(struct ydoc *d, yaml_node_t *n, void *ctx)
{
	struct yaml_machine *y = ctx;
	unsigned nodes = y->m->nr_nodes;
	uint8_t *cells = nb_xcalloc((size_t)nodes * nodes, sizeof(*cells));
	int rc = read_matrix(d, n, y, distance_cell, cells);

	if (!rc && nb_machine_set_distances(y->m, cells, nodes))
		rc = no_memory(d);
	y->m->distance_source = NB_SOURCE_GIVEN;
	free(cells);
	return rc;
}

/* {local: X, remote: Y, matrix: [...]} of latency or bandwidth, in picoseconds or bytes. */
struct pair {
	uint64_t local, remote; /* 0: not told */
	yaml_node_t *matrix;
};

static int latency_value(struct ydoc *d, yaml_node_t *n, bool zero, uint64_t *ret)
{
	uint32_t ps;
	int rc = ydoc_ns(d, n, zero, &ps);

	if (!rc)
		*ret = ps;
	return rc;
}

static int bandwidth_value(struct ydoc *d, yaml_node_t *n, bool zero, uint64_t *ret)
{
	uint64_t bytes;
	int rc = ydoc_size(d, n, &bytes);

	if (!rc && !bytes && !zero)
		rc = ydoc_bad(d, n, "0 bytes a second; a size such as 50G would be right");
	if (!rc)
		*ret = bytes;
	return rc;
}

static int local_latency(struct ydoc *d, yaml_node_t *n, void *ctx)
{
	return latency_value(d, n, false, &((struct pair *)ctx)->local);
}

static int remote_latency(struct ydoc *d, yaml_node_t *n, void *ctx)
{
	return latency_value(d, n, false, &((struct pair *)ctx)->remote);
}

static int local_bandwidth(struct ydoc *d, yaml_node_t *n, void *ctx)
{
	return bandwidth_value(d, n, false, &((struct pair *)ctx)->local);
}

static int remote_bandwidth(struct ydoc *d, yaml_node_t *n, void *ctx)
{
	return bandwidth_value(d, n, false, &((struct pair *)ctx)->remote);
}

static int pair_matrix(struct ydoc *d, yaml_node_t *n, void *ctx)
{
	struct pair *p = ctx;

	if (p->remote)
		return ydoc_bad(d, n, "stands beside remote; the matrix says it all");
	p->matrix = n;
	return 0;
}

static int latency_cell(struct ydoc *d, yaml_node_t *n, struct yaml_machine *y, unsigned i,
			unsigned j, void *cells)
{
	return latency_value(d, n, true, (uint64_t *)cells + (size_t)i * y->m->nr_nodes + j);
}

static int bandwidth_cell(struct ydoc *d, yaml_node_t *n, struct yaml_machine *y, unsigned i,
			  unsigned j, void *cells)
{
	return bandwidth_value(d, n, true, (uint64_t *)cells + (size_t)i * y->m->nr_nodes + j);
}

/* A matrix, or a mapping: then `remote` or `matrix` fill the cells. *ret_some: the cells hold
 * something. */
static int read_cells(struct ydoc *d, yaml_node_t *n, struct yaml_machine *y,
		      const struct ykey *keys,
		      int (*cell)(struct ydoc *, yaml_node_t *, struct yaml_machine *, unsigned,
				  unsigned, void *),
		      uint64_t *cells, uint64_t *ret_local, bool *ret_some)
{
	unsigned nodes = y->m->nr_nodes;
	struct pair pair = {0, 0, NULL};
	int rc;

	if (!ydoc_is_mapping(n)) {
		*ret_some = true;
		return read_matrix(d, n, y, cell, cells);
	}
	rc = ydoc_mapping(d, n, keys, &pair);
	*ret_local = pair.local;
	*ret_some = pair.remote || pair.matrix;
	if (!rc && pair.matrix)
		return read_matrix(d, pair.matrix, y, cell, cells);
	for (size_t i = 0; i < (size_t)nodes * nodes; i++)
		cells[i] = i / nodes == i % nodes ? pair.local : pair.remote;
	return rc;
}

int yaml_read_latency(struct ydoc *d, yaml_node_t *n, void *ctx)
{
	static const struct ykey keys[] = {{"local", local_latency, false},
					   {"remote", remote_latency, false},
					   {"matrix", pair_matrix, false},
					   {NULL, NULL, false}};
	struct yaml_machine *y = ctx;
	size_t nr = (size_t)y->m->nr_nodes * y->m->nr_nodes;
	uint64_t *cells = nb_xcalloc(nr, sizeof(*cells)), local = 0;
	uint32_t *ps = nb_xcalloc(nr, sizeof(*ps));
	bool some = false;
	int rc = read_cells(d, n, y, keys, latency_cell, cells, &local, &some);

	for (size_t i = 0; i < nr; i++)
		ps[i] = (uint32_t)cells[i];
	if (!rc && some && nb_machine_set_latencies(y->m, ps, y->m->nr_nodes))
		rc = no_memory(d);
	if (local)
		y->m->local_latency_ps = (uint32_t)local;
	free(cells);
	free(ps);
	return rc;
}

int yaml_read_bandwidth(struct ydoc *d, yaml_node_t *n, void *ctx)
{
	static const struct ykey keys[] = {{"local", local_bandwidth, false},
					   {"remote", remote_bandwidth, false},
					   {"matrix", pair_matrix, false},
					   {NULL, NULL, false}};
	struct yaml_machine *y = ctx;
	size_t nr = (size_t)y->m->nr_nodes * y->m->nr_nodes;
	uint64_t *cells = nb_xcalloc(nr, sizeof(*cells)), local = 0;
	bool some = false;
	int rc = read_cells(d, n, y, keys, bandwidth_cell, cells, &local, &some);

	if (!rc && some && nb_machine_set_bandwidths(y->m, cells, y->m->nr_nodes))
		rc = no_memory(d);
	if (local)
		y->m->local_bandwidth_bytes = local;
	free(cells);
	return rc;
}

const char *const yaml_mem_types[] = {
	[NB_MEM_RAM] = "usable",
	[NB_MEM_RESERVED] = "reserved",
	[NB_MEM_ACPI] = "acpi",
	[NB_MEM_NVS] = "nvs",
	[NB_MEM_UNUSABLE] = "unusable",
	[NB_MEM_PMEM] = "pmem",
	[NB_MEM_SOFT_RESERVED] = "soft-reserved",
	NULL,
};

static int firmware_type(struct ydoc *d, yaml_node_t *n, void *ctx)
{
	struct yaml_range *r = ctx;
	const char *s;
	int rc = ydoc_text(d, n, &s);

	if (rc)
		return rc;
	for (unsigned i = 0; yaml_mem_types[i]; i++) {
		if (!strcmp(s, yaml_mem_types[i])) {
			r->r.type = (enum nb_mem_type)i;
			return 0;
		}
	}
	return ydoc_bad(d, n,
			"\"%.60s\"; usable, reserved, acpi, nvs, unusable, pmem or soft-reserved "
			"would be right",
			s);
}

static int read_firmware_entry(struct ydoc *d, yaml_node_t *n, void *ctx)
{
	static const struct ykey keys[] = {{"range", yaml_read_range_of, true},
					   {"type", firmware_type, true},
					   {NULL, NULL, false}};
	struct yaml_machine *y = ctx;
	struct yaml_range r = {.r.nid = NB_NO_NODE};
	int rc = ydoc_mapping(d, n, keys, &r);

	if (rc)
		return rc;
	return nb_machine_add_firmware(y->m, &r.r) ? no_memory(d) : 0;
}

int yaml_read_firmware(struct ydoc *d, yaml_node_t *n, void *ctx)
{
	return ydoc_each(d, n, MAX_FIRMWARE, "ranges", read_firmware_entry, ctx);
}

static int read_reserved_entry(struct ydoc *d, yaml_node_t *n, void *ctx)
{
	static const struct ykey keys[] = {{"range", yaml_read_range_of, true},
					   {NULL, NULL, false}};
	struct yaml_machine *y = ctx;
	struct yaml_range r = {.r = {.type = NB_MEM_RESERVED, .nid = NB_NO_NODE}};
	int rc = ydoc_mapping(d, n, keys, &r);

	if (rc)
		return rc;
	return nb_machine_add_reserved(y->m, &r.r) ? no_memory(d) : 0;
}

int yaml_read_reserved(struct ydoc *d, yaml_node_t *n, void *ctx)
{
	return ydoc_each(d, n, MAX_FIRMWARE, "ranges", read_reserved_entry, ctx);
}

static int affinity_node(struct ydoc *d, yaml_node_t *n, void *ctx)
{
	struct yaml_range *r = ctx;

	return yaml_node_id(d, n, &r->r.nid);
}

static int affinity_hotplug(struct ydoc *d, yaml_node_t *n, void *ctx)
{
	return ydoc_bool(d, n, &((struct yaml_range *)ctx)->hotplug);
}

static int affinity_nonvolatile(struct ydoc *d, yaml_node_t *n, void *ctx)
{
	return ydoc_bool(d, n, &((struct yaml_range *)ctx)->nonvolatile);
}

static int read_affinity_entry(struct ydoc *d, yaml_node_t *n, void *ctx)
{
	static const struct ykey keys[] = {
		{"node", affinity_node, true},
		{"range", yaml_read_range_of, true},
		{"hotplug", affinity_hotplug, false},
		{"nonvolatile", affinity_nonvolatile, false},
		{NULL, NULL, false},
	};
	struct yaml_machine *y = ctx;
	struct yaml_range r = {.r.type = NB_MEM_RAM};
	int rc = ydoc_mapping(d, n, keys, &r);

	if (rc)
		return rc;
	r.r.flags = yaml_range_flags(&r);
	return nb_machine_add_affinity(y->m, &r.r) ? no_memory(d) : 0;
}

int yaml_read_affinity(struct ydoc *d, yaml_node_t *n, void *ctx)
{
	return ydoc_each(d, n, MAX_FIRMWARE, "ranges", read_affinity_entry, ctx);
}

static int cmp_int(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static int fact_node(struct ydoc *d, yaml_node_t *n, void *ctx)
{
	return yaml_node_id(d, n, &((struct nb_zone_fact *)ctx)->nid);
}

static int fact_zone(struct ydoc *d, yaml_node_t *n, void *ctx)
{
	struct nb_zone_fact *f = ctx;
	const char *s;
	int rc = ydoc_text(d, n, &s), type;

	if (rc)
		return rc;
	type = nb_zone_by_name(s, strlen(s));
	if (type < 0)
		return ydoc_bad(d, n,
				"\"%.60s\" is no zone; DMA, DMA32, Normal, HighMem, Movable or "
				"Device would be right",
				s);
	f->type = (enum nb_zone_type)type;
	return 0;
}

#define FACT_PAGES(name)                                                         \
	static int fact_##name(struct ydoc *d, yaml_node_t *n, void *ctx)        \
	{                                                                        \
		return ydoc_number(d, n, 0, NB_MAX_NODE_PAGES,                   \
				   &((struct nb_zone_fact *)ctx)->name##_pages); \
	}
FACT_PAGES(managed)
FACT_PAGES(managed_at_init)
FACT_PAGES(cma)
FACT_PAGES(present)

static int read_fact(struct ydoc *d, yaml_node_t *n, void *ctx)
{
	static const struct ykey keys[] = {
		{"node", fact_node, true},
		{"zone", fact_zone, true},
		{"managed", fact_managed, false},
		{"managed_at_init", fact_managed_at_init, false},
		{"cma", fact_cma, false},
		{"present", fact_present, false},
		{NULL, NULL, false},
	};
	struct yaml_machine *y = ctx;
	struct nb_zone_fact f = {.managed_pages = NB_UNKNOWN,
				 .managed_at_init_pages = NB_UNKNOWN,
				 .cma_pages = NB_UNKNOWN,
				 .present_pages = NB_UNKNOWN,
				 .line = ydoc_line(n)};
	int rc = ydoc_mapping(d, n, keys, &f);

	if (rc)
		return rc;
	/* numa=fake makes nodes that the hardware does not have. */
	if (!bsearch(&f.nid, y->ids, y->m->nr_nodes, sizeof(*y->ids), cmp_int) &&
	    !strstr(y->m->cmdline, "numa=fake"))
		return ydoc_bad(d, n, "node: %d does not exist", f.nid);
	return nb_machine_add_zone_fact(y->m, &f) ? no_memory(d) : 0;
}

int yaml_read_zones(struct ydoc *d, yaml_node_t *n, void *ctx)
{
	return ydoc_each(d, n, NB_MAX_NODES * NB_MAX_NR_ZONES, "zones", read_fact, ctx);
}

uint64_t yaml_most_managed(const struct nb_machine *m, const struct nb_zone_fact *f)
{
	uint64_t most = f->present_pages, bytes = 0;

	if (m->nr_firmware || strstr(m->cmdline, "numa="))
		return most;
	for (unsigned r = 0; r < m->nr_ranges; r++)
		if (m->ranges[r].nid == f->nid)
			bytes += m->ranges[r].end - m->ranges[r].start;
	return bytes >> m->page_shift < most ? bytes >> m->page_shift : most;
}

int yaml_check_zones(const struct nb_machine *m, struct nb_error *err)
{
	for (unsigned i = 0; i < m->nr_zone_facts; i++) {
		const struct nb_zone_fact *f = &m->zone_facts[i];
		uint64_t most = yaml_most_managed(m, f);

		if (f->managed_pages != NB_UNKNOWN && f->managed_pages > most)
			return nb_error_set(err, -NB_EINVAL, f->line,
					    "machine.zones: node %d, zone %s: managed %llu; at "
					    "most the %llu pages that are there",
					    f->nid, nb_zone_name(f->type),
					    (unsigned long long)f->managed_pages,
					    (unsigned long long)most);
	}
	return 0;
}
