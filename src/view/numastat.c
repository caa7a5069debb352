/* numastat.c -- the program numastat's table: parser, printer, JSON, filler.
 *
 * Called by view_forms.c and observed.c. Counts of pages; a column a node.
 * Source: numactl's numastat.c, show_numastat_info().
 */
#include "view/numastat.h"
#include "view/observed.h"
#include "view/scan.h"
#include "view/view.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ROWS 256

static void add_node(struct nb_numastat *n, int nid)
{
	int *p = nb_append(&n->nids, &n->nr_nodes, &n->cap_nodes, sizeof(*n->nids));

	*p = nid;
}

/* A new row; its values are the last nr_nodes of n->values. */
static uint64_t *add_row(struct nb_numastat *n, const char *name)
{
	const char **p = nb_append(&n->names, &n->nr_rows, &n->cap_rows, sizeof(*n->names));

	*p = name;
	n->values = nb_xrealloc(n->values, n->nr_rows * n->nr_nodes, sizeof(*n->values));
	return n->values + (n->nr_rows - 1) * n->nr_nodes;
}

static int parse_head(struct nb_scan *sc, struct nb_numastat *n, struct nb_error *err)
{
	struct nb_cursor cur = nb_scan_cursor(sc);
	uint64_t nid;

	while (nb_cur_blanks(&cur), !nb_cur_end(&cur)) {
		if (!nb_cur_lit(&cur, "node") || !nb_cur_max(&cur, NB_MAX_NODES - 1, &nid))
			return nb_scan_fail(sc, err, "heading", "columns node0, node1, ...");
		add_node(n, (int)nid);
	}
	return 0;
}

static int parse_row(struct nb_scan *sc, struct nb_numastat *n, struct nb_error *err)
{
	struct nb_cursor cur = nb_scan_cursor(sc);
	const char *name;
	uint64_t *v;
	size_t len;

	if (nb_cur_end(&cur))
		return 0;
	if (n->nr_rows == MAX_ROWS)
		return nb_scan_fail(sc, err, "row", "at most 256 rows");
	len = nb_cur_word(&cur, 0, &name);
	v = add_row(n, nb_strings_intern(&n->strings, name, len));
	memset(v, 0, n->nr_nodes * sizeof(*v));
	for (size_t i = 0; i < n->nr_nodes; i++) {
		nb_cur_blanks(&cur);
		if (!nb_cur_u64(&cur, &v[i]))
			return nb_scan_fail(sc, err, "row", "a whole number for every node");
	}
	return 0;
}

int nb_numastat_parse(const char *text, size_t len, struct nb_numastat *n, struct nb_error *err)
{
	struct nb_text rule = {0};
	struct nb_scan sc;
	int ret = nb_scan_begin(&sc, text, len, err);

	*n = (struct nb_numastat){0};
	while (!ret && nb_scan_line(&sc))
		if (!sc.cut)
			ret = n->nr_nodes ? parse_row(&sc, n, err) : parse_head(&sc, n, err);
	if (!ret && !n->nr_rows)
		ret = nb_error_set(
			err, -NB_EINVAL, 0,
			"found no row, expected a heading of nodes and rows of counters");
	if (ret) {
		nb_numastat_release(n);
		return ret;
	}
	nb_numastat_print(n, &rule);
	if (rule.len != len || memcmp(nb_text_str(&rule), text, len) != 0)
		n->raw = nb_strings_intern(&n->strings, text, len);
	nb_text_release(&rule);
	return 0;
}

void nb_numastat_from_counters(const int *nids, const struct nb_counters *const *c, size_t nr,
			       struct nb_numastat *n)
{
	static const char *const row[] = {"numa_hit",       "numa_miss",  "numa_foreign",
					  "interleave_hit", "local_node", "other_node"};

	*n = (struct nb_numastat){0};
	for (size_t i = 0; i < nr; i++)
		add_node(n, nids[i]);
	for (size_t k = 0; k < sizeof(row) / sizeof(row[0]) && nr; k++) {
		uint64_t *v = add_row(n, row[k]);

		for (size_t i = 0; i < nr; i++)
			v[i] = nb_items_value(&c[i]->items, row[k], 0);
	}
}

bool nb_numastat_from_observed(const struct nb_observed *o, struct nb_numastat *n)
{
	const struct nb_counters **p = nb_xcalloc(o->nr_nodes, sizeof(*p));
	int *nids = nb_xcalloc(o->nr_nodes, sizeof(*nids));
	size_t nr = 0;

	for (size_t i = 0; i < o->nr_nodes; i++) {
		if (!o->nodes[i].has_numastat)
			continue;
		nids[nr] = o->nodes[i].nid;
		p[nr++] = &o->nodes[i].numastat;
	}
	nb_numastat_from_counters(nids, p, nr, n);
	free(nids);
	free(p);
	return nr != 0;
}

void nb_numastat_from_system(const struct nb_system *sys, struct nb_numastat *n)
{
	unsigned all = nb_system_nr_nodes(sys), nr = 0;
	struct nb_counters *c = nb_xcalloc(all, sizeof(*c));
	const struct nb_counters **p = nb_xcalloc(all, sizeof(*p));
	int *nids = nb_xcalloc(all, sizeof(*nids));

	for (unsigned i = 0; i < all; i++) {
		struct nb_node_info ni;

		nids[nr] = nb_system_node_id(sys, i);
		if (nb_node_info(sys, nids[nr], &ni) || !ni.online)
			continue;
		nb_node_numastat_from_system(sys, nids[nr], &c[nr]);
		p[nr] = &c[nr];
		nr++;
	}
	nb_numastat_from_counters(nids, p, nr, n);
	for (unsigned i = 0; i < nr; i++)
		nb_counters_release(&c[i]);
	free(nids);
	free(p);
	free(c);
}

void nb_numastat_print(const struct nb_numastat *n, struct nb_text *out)
{
	if (n->raw) {
		nb_text_puts(out, n->raw);
		return;
	}
	nb_text_printf(out, "%16s", "");
	for (size_t i = 0; i < n->nr_nodes; i++) {
		char head[16];

		snprintf(head, sizeof(head), "node%d", n->nids[i]);
		nb_text_printf(out, "%16s", head);
	}
	nb_text_puts(out, "\n");
	for (size_t r = 0; r < n->nr_rows; r++) {
		nb_text_printf(out, "%-16s", n->names[r]);
		for (size_t i = 0; i < n->nr_nodes; i++)
			nb_text_printf(out, "%16" PRIu64, n->values[r * n->nr_nodes + i]);
		nb_text_puts(out, "\n");
	}
}

json_t *nb_numastat_json(const struct nb_numastat *n)
{
	json_t *j = json_object(), *nodes = json_array();

	for (size_t i = 0; i < n->nr_nodes; i++) {
		json_t *node = json_object();

		json_object_set_new(node, "node", json_integer(n->nids[i]));
		for (size_t r = 0; r < n->nr_rows; r++)
			json_object_set_new(node, n->names[r],
					    nb_json_u64(n->values[r * n->nr_nodes + i]));
		json_array_append_new(nodes, node);
	}
	json_object_set_new(j, "nodes", nodes);
	return j;
}

void nb_numastat_release(struct nb_numastat *n)
{
	free(n->nids);
	free(n->names);
	free(n->values);
	nb_strings_release(&n->strings);
	*n = (struct nb_numastat){0};
}
