/* capture_nodes.c -- which nodes there are, how far apart, and how fast.
 *
 * Called by capture_machine.c. The hardware's nodes are the SRAT's, numbered as the kernel numbers
 * proximity domains; without tables they are those that sysfs shows. With numa=fake or numa=off
 * sysfs shows what the kernel made of them, which boot computes itself.
 * Units: distances as in the SLIT; latencies picoseconds, bandwidths bytes a second.
 */
#include "read/capture_priv.h"
#include "base/fmt.h"
#include "base/mask.h"
#include "view/distance.h"
#include "view/hardware.h"
#include <stdlib.h>
#include <string.h>

#define NODES "sys/devices/system/node"

void nb_capture_find_online(struct nb_capture *c)
{
	const char *text, *const *names;
	size_t len;
	uint64_t id;

	if (!nb_tree_read(c->tree, NODES "/online", &text, &len) &&
	    !nb_bits_parse_list(text, len, c->online.bits, NB_MAX_NODES) &&
	    !nb_nodemask_empty(&c->online)) {
		c->has_online = true;
		return;
	}
	names = nb_tree_list(c->tree, NODES, NULL);
	for (; *names; names++) {
		if (strncmp(*names, "node", 4) ||
		    nb_parse_u64(*names + 4, strlen(*names + 4), &id) || id >= NB_MAX_NODES)
			continue;
		nb_nodemask_set(&c->online, id);
		c->has_online = true;
	}
}

/* Does the hardware view come from tables, so that sysfs only says which of its nodes are online?
 */
static bool from_tables(const struct nb_build *b)
{
	return b->c->acpi_srat || (b->c->dmesg.srat.n && b->c->dmesg.e820.n) || b->c->devicetree.n;
}

static void table_nodes(const struct nb_build *b, struct nb_nodemask *set)
{
	const struct nb_capture *c = b->c;

	if (c->acpi_srat) {
		for (unsigned i = 0; i < nb_acpi_nr_nodes(c->acpi); i++)
			nb_nodemask_set(set, i);
		return;
	}
	for (size_t i = 0; i < c->devicetree.n; i++)
		nb_nodemask_set(set, c->devicetree.v[i].nid);
	for (size_t i = 0; i < c->dmesg.srat.n; i++)
		nb_nodemask_set(set, c->dmesg.srat.v[i].nid);
	for (size_t i = 0; i < c->dmesg.nr_cpus; i++)
		nb_nodemask_set(set, c->dmesg.cpus[i].nid);
}

static void observed_nodes(const struct nb_build *b, struct nb_nodemask *set)
{
	const struct nb_capture *c = b->c;

	*set = c->online;
	for (size_t i = 0; c->has_zoneinfo && i < c->zoneinfo.nr_zones; i++)
		if (c->zoneinfo.zones[i].nid >= 0 && c->zoneinfo.zones[i].nid < NB_MAX_NODES)
			nb_nodemask_set(set, c->zoneinfo.zones[i].nid);
	for (size_t i = 0; !c->has_online && i < c->dmesg.early.n; i++)
		nb_nodemask_set(set, c->dmesg.early.v[i].nid);
	if (nb_nodemask_empty(set))
		nb_nodemask_set(set, 0);
}

int nb_capture_nodes(struct nb_build *b)
{
	struct nb_capture *c = b->c;
	struct nb_nodemask set = {0}, seen = {0}, initiators = {0};
	const char *text;
	size_t len;
	unsigned i;
	int bad = 0;

	if (from_tables(b))
		table_nodes(b, &set);
	else if (b->emulated)
		nb_nodemask_set(&set, 0);
	if (!b->emulated || nb_nodemask_empty(&set))
		observed_nodes(b, &seen);
	for (size_t w = 0; w < NB_MAX_NODES / 64; w++)
		set.bits[w] |= seen.bits[w];
	if (!nb_tree_read(b->t, NODES "/has_generic_initiator", &text, &len))
		(void)nb_bits_parse_list(text, len, initiators.bits, NB_MAX_NODES);
	nb_for_each_node_in (i, &set) {
		struct nb_node node = {.id = (int)i,
				       .online = b->emulated || !c->has_online ||
						 nb_nodemask_test(&seen, i),
				       .generic_initiator = nb_nodemask_test(&initiators, i)};

		if (c->acpi_srat && nb_acpi_node_is_initiator(c->acpi, i))
			node.generic_initiator = true;
		if (!bad)
			bad = nb_machine_add_node(b->m, &node);
	}
	return bad;
}

/* Rows of sysfs: the columns are the online nodes in ascending order. A row of another length, or
 * one that is not there, leaves the default. *ret_rows: how many were taken. */
static int sysfs_distances(struct nb_build *b, uint8_t *d, unsigned *ret_rows)
{
	unsigned n = b->m->nr_nodes, nr_online = 0;
	struct nb_distance *row = nb_xcalloc(1, sizeof(*row));
	int bad = 0;

	for (unsigned j = 0; j < n; j++)
		nr_online += nb_nodemask_test(&b->c->online, b->m->nodes[j].id);
	for (unsigned i = 0; !bad && i < n; i++) {
		const char *text;
		size_t len;
		unsigned col = 0;

		if (nb_tree_readf(b->t, &text, &len, NODES "/node%d/distance", b->m->nodes[i].id))
			continue;
		if (nb_distance_parse(text, len, row, b->err)) {
			struct nb_text path = {0};

			nb_text_printf(&path, NODES "/node%d/distance", b->m->nodes[i].id);
			nb_capture_error_file(b->c, b->err, nb_text_str(&path));
			nb_text_release(&path);
			bad = -NB_EINVAL;
			break;
		}
		if (row->n != nr_online)
			continue;
		++*ret_rows;
		for (unsigned j = 0; j < n; j++) {
			if (!nb_nodemask_test(&b->c->online, b->m->nodes[j].id))
				continue;
			if (row->v[col] <= UINT8_MAX)
				d[(size_t)i * n + j] = (uint8_t)row->v[col];
			col++;
		}
	}
	free(row);
	return bad;
}

/* A saved `numactl --hardware`: its nodes are the online ones. */
static unsigned numactl_distances(struct nb_build *b, uint8_t *d)
{
	static const char *const paths[] = {"numactl--hardware",
					    "sos_commands/numa/numactl_--hardware",
					    "sos_commands/memory/numactl_--hardware"};
	unsigned n = b->m->nr_nodes, rows = 0;
	struct nb_hardware hw = {0};
	const char *text;
	size_t len;

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths) && !rows; i++) {
		if (nb_tree_read(b->t, paths[i], &text, &len) ||
		    nb_hardware_parse(text, len, &hw, NULL))
			continue;
		for (size_t r = 0; hw.distances && r < hw.nr_nodes; r++)
			for (size_t k = 0; k < hw.nr_nodes; k++) {
				int from = nb_machine_node_index(b->m, hw.nodes[r].nid);
				int to = nb_machine_node_index(b->m, hw.nodes[k].nid);
				unsigned v = hw.distances[r * hw.nr_nodes + k];

				if (from < 0 || to < 0 || v < 10 || v > UINT8_MAX)
					continue;
				d[(unsigned)from * n + (unsigned)to] = (uint8_t)v;
				rows = n;
			}
		nb_hardware_release(&hw);
	}
	return rows;
}

int nb_capture_distances(struct nb_build *b)
{
	bool some; /* files of some nodes only */
	struct nb_capture *c = b->c;
	unsigned n = b->m->nr_nodes, rows = 0;
	uint8_t *d;
	int bad;

	if (c->acpi_srat && n == nb_acpi_nr_nodes(c->acpi)) {
		bad = nb_acpi_to_machine(c->acpi, b->m, NB_ACPI_DISTANCES | NB_ACPI_HMAT_LB,
					 b->err);
		if (bad || b->m->distances) {
			b->m->distance_source = NB_SOURCE_GIVEN;
			if (!bad)
				nb_capture_add_note(c, "distances: SLIT");
			return bad;
		}
	}
	if (b->emulated && n > 1)
		return 0; /* sysfs' table is that of other nodes */
	d = nb_xcalloc((size_t)n * n, 1);
	for (size_t i = 0; i < (size_t)n * n; i++)
		d[i] = i % (n + 1) ? 20 : 10;
	bad = sysfs_distances(b, d, &rows);
	if (!bad && rows)
		nb_capture_add_note(c, "distances: " NODES "/node*/distance");
	some = rows && rows < nb_nodemask_weight(&c->online);
	if (!bad && n > 1 && (!rows || some)) {
		unsigned all = numactl_distances(b, d);

		some = some && !all;
		rows = all ? all : rows;
		if (all)
			nb_capture_add_note(c, "distances: saved output of numactl --hardware");
	}
	if (!bad && rows) {
		bad = nb_machine_set_distances(b->m, d, n);
		b->m->distance_source = some ? NB_SOURCE_ESTIMATED : NB_SOURCE_GIVEN;
	} else if (!bad && n > 1) {
		bad = nb_capture_qemu_distances(b);
	}
	if (!bad && n > 1 && !b->m->distances) {
		nb_capture_add_note(c, "distances: not in the capture, 10 within a node and 20 "
				       "between nodes as the kernel assumes");
	}
	free(d);
	return bad;
}
