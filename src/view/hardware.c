/* hardware.c -- numactl --hardware: parser, printer, JSON, filler.
 *
 * Called by view_forms.c and observed.c. Sizes are MiB, cut; nodes in ascending id.
 * Source: numactl.c, hardware(), print_distances().
 */
#include "view/hardware.h"
#include "base/mask.h"
#include "view/observed.h"
#include "view/scan.h"
#include "view/stats.h"
#include "view/view.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct nb_hardware_node *nb_hardware_add_node(struct nb_hardware *h, int nid)
{
	struct nb_hardware_node *n =
		nb_append(&h->nodes, &h->nr_nodes, &h->cap_nodes, sizeof(*h->nodes));

	n->nid = nid;
	return n;
}

void nb_hardware_add_cpu(struct nb_hardware_node *n, int cpu)
{
	int *p = nb_append(&n->cpus, &n->nr_cpus, &n->cap_cpus, sizeof(*n->cpus));

	*p = cpu;
}

static struct nb_hardware_node *find(const struct nb_hardware *h, uint64_t nid)
{
	for (size_t i = h->nr_nodes; i-- > 0;) /* the last one, mostly */
		if ((uint64_t)h->nodes[i].nid == nid)
			return &h->nodes[i];
	return NULL;
}

/* "cpus: 0 1", "size: 968 MB", "free: <not available>" behind "node N ". */
static int node_line(struct nb_scan *sc, struct nb_hardware *h, struct nb_cursor cur, uint64_t nid,
		     struct nb_error *err)
{
	struct nb_hardware_node *n = find(h, nid);
	uint64_t v;

	if (!n)
		n = nb_hardware_add_node(h, (int)nid);
	if (nb_cur_lit(&cur, "cpus:")) {
		while (nb_cur_blanks(&cur), !nb_cur_end(&cur)) {
			if (!nb_cur_max(&cur, INT32_MAX, &v))
				return nb_scan_fail(sc, err, "node cpus", "CPU numbers");
			nb_hardware_add_cpu(n, (int)v);
		}
		return 0;
	}
	bool size = nb_cur_lit(&cur, "size:");

	if (!size && !nb_cur_lit(&cur, "free:"))
		return 0; /* a line of another version: the text is kept as it is */
	nb_cur_blanks(&cur);
	if (nb_cur_lit(&cur, "<not available>"))
		return 0;
	if (!nb_cur_u64(&cur, &v) || !nb_cur_lit(&cur, " MB"))
		return nb_scan_fail(sc, err, size ? "node size" : "node free",
				    "a whole number and MB");
	*(size ? &n->size_mib : &n->free_mib) = v;
	*(size ? &n->has_size : &n->has_free) = true;
	return 0;
}

/* "  1:  21  10 " of the table whose columns are all nodes. */
static int distance_line(struct nb_scan *sc, struct nb_hardware *h, struct nb_cursor cur,
			 uint64_t nid, struct nb_error *err)
{
	struct nb_hardware_node *n = find(h, nid);
	uint64_t v;

	if (!n)
		return nb_scan_fail(sc, err, "distance row", "a node told of above");
	if (!h->distances)
		h->distances = nb_xcalloc(h->nr_nodes * h->nr_nodes, sizeof(*h->distances));
	for (size_t i = 0; i < h->nr_nodes; i++) {
		nb_cur_blanks(&cur);
		if (!nb_cur_max(&cur, UINT32_MAX, &v))
			return nb_scan_fail(sc, err, "distance row", "a number for every node");
		h->distances[(size_t)(n - h->nodes) * h->nr_nodes + i] = (unsigned)v;
	}
	return 0;
}

static int parse_line(struct nb_scan *sc, struct nb_hardware *h, struct nb_error *err)
{
	struct nb_cursor cur = nb_scan_cursor(sc), t = cur;
	uint64_t nid;

	if (nb_cur_lit(&t, "node ") && nb_cur_max(&t, NB_MAX_NODES - 1, &nid) &&
	    nb_cur_lit(&t, " ") && !nb_cur_end(&t) && *t.p != ' ' && (*t.p < '0' || *t.p > '9')) {
		if (h->distances)
			return nb_scan_fail(sc, err, "node", "all nodes before the distances");
		return node_line(sc, h, t, nid, err);
	}
	t = cur;
	if (nb_cur_max(&t, NB_MAX_NODES - 1, &nid) && nb_cur_lit(&t, ":"))
		return distance_line(sc, h, t, nid, err);
	return 0;
}

int nb_hardware_parse(const char *text, size_t len, struct nb_hardware *h, struct nb_error *err)
{
	struct nb_text rule = {0};
	struct nb_scan sc;
	int ret = nb_scan_begin(&sc, text, len, err);

	*h = (struct nb_hardware){0};
	while (!ret && nb_scan_line(&sc))
		if (!sc.cut)
			ret = parse_line(&sc, h, err);
	if (!ret && !h->nr_nodes)
		ret = nb_error_set(err, -NB_EINVAL, 0,
				   "found no node, expected \"node 0 cpus: ...\"");
	if (ret) {
		nb_hardware_release(h);
		return ret;
	}
	nb_hardware_print(h, &rule);
	if (rule.len != len || memcmp(nb_text_str(&rule), text, len) != 0)
		h->raw = nb_strings_intern(&h->strings, text, len);
	nb_text_release(&rule);
	return 0;
}

void nb_hardware_from_system(const struct nb_system *sys, struct nb_hardware *h)
{
	unsigned n = nb_system_nr_nodes(sys);
	struct nb_system_info info;

	*h = (struct nb_hardware){0};
	nb_system_info(sys, &info);
	for (unsigned i = 0; i < n; i++) {
		int nid = nb_system_node_id(sys, i);
		struct nb_hardware_node *node;
		struct nb_node_info ni;
		unsigned cpu;

		if (nb_node_info(sys, nid, &ni) || !ni.online) /* sysfs has no offline node */
			continue;
		node = nb_hardware_add_node(h, nid);
		nb_for_each_cpu_in (cpu, &ni.cpus)
			nb_hardware_add_cpu(node, (int)cpu);
		node->has_size = node->has_free = true;
		node->size_mib = ni.managed_pages << info.page_shift >> 20;
		node->free_mib = ni.free_pages << info.page_shift >> 20;
	}
	n = (unsigned)h->nr_nodes;
	h->distances = nb_xcalloc((size_t)n * n, sizeof(*h->distances));
	for (unsigned i = 0; i < n * n; i++)
		h->distances[i] = nb_system_distance(sys, h->nodes[i / n].nid, h->nodes[i % n].nid);
}

bool nb_hardware_from_observed(const struct nb_observed *o, struct nb_hardware *h)
{
	size_t n = o->nr_nodes;
	bool all = n != 0;

	*h = (struct nb_hardware){0};
	for (size_t i = 0; i < n; i++) {
		const struct nb_observed_node *from = &o->nodes[i];
		struct nb_hardware_node *to = nb_hardware_add_node(h, from->nid);
		uint64_t kib;
		unsigned cpu;

		if (from->has_cpus)
			nb_for_each_cpu_in (cpu, &from->cpus)
				nb_hardware_add_cpu(to, (int)cpu);
		to->has_size =
			from->has_meminfo && nb_items_get(&from->meminfo.items, "MemTotal", &kib);
		to->size_mib = to->has_size ? kib >> 10 : 0;
		to->has_free =
			from->has_meminfo && nb_items_get(&from->meminfo.items, "MemFree", &kib);
		to->free_mib = to->has_free ? kib >> 10 : 0;
		all = all && from->has_distance && from->distance.n == n;
	}
	if (!all)
		return n != 0;
	h->distances = nb_xcalloc(n * n, sizeof(*h->distances));
	for (size_t i = 0; i < n; i++)
		memcpy(h->distances + i * n, o->nodes[i].distance.v, n * sizeof(*h->distances));
	return true;
}

static void print_size(const struct nb_hardware_node *n, const char *what, bool has, uint64_t mib,
		       struct nb_text *out)
{
	if (has)
		nb_text_printf(out, "node %d %s: %" PRIu64 " MB\n", n->nid, what, mib);
	else
		nb_text_printf(out, "node %d %s: <not available>\n", n->nid, what);
}

static void print_distances(const struct nb_hardware *h, struct nb_text *out)
{
	if (!h->distances) {
		nb_text_puts(out, "No distance information available.\n");
		return;
	}
	nb_text_puts(out, "node distances:\nnode ");
	for (size_t i = 0; i < h->nr_nodes; i++)
		nb_text_printf(out, "% 3d ", h->nodes[i].nid);
	nb_text_puts(out, "\n");
	for (size_t i = 0; i < h->nr_nodes; i++) {
		nb_text_printf(out, "% 3d: ", h->nodes[i].nid);
		for (size_t k = 0; k < h->nr_nodes; k++)
			nb_text_printf(out, "% 3d ", (int)h->distances[i * h->nr_nodes + k]);
		nb_text_puts(out, "\n");
	}
}

/* The nodes as numactl lists them: "0-1", "0,2". */
static void print_ids(const struct nb_hardware *h, struct nb_text *out)
{
	struct nb_nodemask mask = {0};
	char list[8192];

	for (size_t i = 0; i < h->nr_nodes; i++)
		nb_nodemask_set(&mask, h->nodes[i].nid);
	nb_bits_format_list(mask.bits, NB_MAX_NODES, list, sizeof(list));
	nb_text_puts(out, list);
}

void nb_hardware_print(const struct nb_hardware *h, struct nb_text *out)
{
	if (h->raw) {
		nb_text_puts(out, h->raw);
		return;
	}
	nb_text_printf(out, "available: %zu nodes (", h->nr_nodes);
	print_ids(h, out);
	nb_text_puts(out, ")\n");
	for (size_t i = 0; i < h->nr_nodes; i++) {
		const struct nb_hardware_node *n = &h->nodes[i];

		nb_text_printf(out, "node %d cpus:", n->nid);
		for (size_t k = 0; k < n->nr_cpus; k++)
			nb_text_printf(out, " %d", n->cpus[k]);
		nb_text_puts(out, "\n");
		print_size(n, "size", n->has_size, n->size_mib, out);
		print_size(n, "free", n->has_free, n->free_mib, out);
	}
	print_distances(h, out);
}

json_t *nb_hardware_json(const struct nb_hardware *h)
{
	json_t *j = json_object(), *nodes = json_array(), *rows;

	for (size_t i = 0; i < h->nr_nodes; i++) {
		const struct nb_hardware_node *n = &h->nodes[i];
		json_t *node = json_object(), *cpus = json_array();

		for (size_t k = 0; k < n->nr_cpus; k++)
			json_array_append_new(cpus, json_integer(n->cpus[k]));
		json_object_set_new(node, "node", json_integer(n->nid));
		json_object_set_new(node, "cpus", cpus);
		if (n->has_size)
			json_object_set_new(node, "size_mib", nb_json_u64(n->size_mib));
		if (n->has_free)
			json_object_set_new(node, "free_mib", nb_json_u64(n->free_mib));
		json_array_append_new(nodes, node);
	}
	json_object_set_new(j, "nodes", nodes);
	if (!h->distances)
		return j;
	rows = json_array();
	for (size_t i = 0; i < h->nr_nodes; i++) {
		json_t *row = json_array();

		for (size_t k = 0; k < h->nr_nodes; k++)
			json_array_append_new(row, json_integer(h->distances[i * h->nr_nodes + k]));
		json_array_append_new(rows, row);
	}
	json_object_set_new(j, "distances", rows);
	return j;
}

void nb_hardware_release(struct nb_hardware *h)
{
	for (size_t i = 0; i < h->nr_nodes; i++)
		free(h->nodes[i].cpus);
	free(h->nodes);
	free(h->distances);
	nb_strings_release(&h->strings);
	*h = (struct nb_hardware){0};
}
