/* distance.c -- a node's row of distances (node/N/distance): parser, printer, JSON, filler.
 *
 * Called by view_forms.c and observed.c. Numbers in the order of online node ids.
 * Source: drivers/base/node.c, node_read_distance().
 */
#include "view/distance.h"
#include "view/scan.h"

int nb_distance_parse(const char *text, size_t len, struct nb_distance *d, struct nb_error *err)
{
	struct nb_distance got = {0};
	struct nb_cursor cur;
	struct nb_scan sc;
	int ret = nb_scan_begin(&sc, text, len, err);

	if (ret)
		return ret;
	if (!nb_scan_line(&sc))
		return nb_error_set(err, -NB_EINVAL, 0, "found nothing, expected distances");
	got.cut = sc.cut;
	cur = nb_cursor(sc.s, sc.n);
	got.leading_blank = nb_cur_lit(&cur, " ");
	do {
		uint64_t v;

		bool zero = cur.end - cur.p > 1 && cur.p[0] == '0' && cur.p[1] != ' ';

		if (zero || got.n == NB_MAX_NODES || !nb_cur_max(&cur, UINT32_MAX, &v))
			return nb_scan_fail(&sc, err, "distance",
					    "at most 1024 whole numbers parted by one blank");
		got.v[got.n++] = (unsigned)v;
	} while (nb_cur_lit(&cur, " "));
	if (!nb_cur_end(&cur))
		return nb_scan_fail(&sc, err, "distance", "whole numbers parted by one blank");
	if (nb_scan_line(&sc))
		return nb_scan_fail(&sc, err, "distance", "a single line");
	*d = got;
	return 0;
}

int nb_distance_from_system(const struct nb_system *sys, int nid, struct nb_distance *d)
{
	struct nb_node_info node;

	*d = (struct nb_distance){0};
	if (nb_node_info(sys, nid, &node))
		return -NB_ENODEV;
	for (unsigned i = 0; i < nb_system_nr_nodes(sys) && i < NB_MAX_NODES; i++) {
		int to = nb_system_node_id(sys, i);

		if (nb_node_info(sys, to, &node) || !node.online)
			continue;
		if (!d->n)
			d->leading_blank = to != 0;
		d->v[d->n++] = nb_system_distance(sys, nid, to);
	}
	return 0;
}

void nb_distance_print(const struct nb_distance *d, struct nb_text *out)
{
	for (unsigned i = 0; i < d->n; i++)
		nb_text_printf(out, "%s%u", i || d->leading_blank ? " " : "", d->v[i]);
	if (!d->cut)
		nb_text_add(out, "\n", 1);
}

json_t *nb_distance_json(const struct nb_distance *d)
{
	json_t *j = json_object(), *a = json_array();

	for (unsigned i = 0; i < d->n; i++)
		json_array_append_new(a, json_integer(d->v[i]));
	json_object_set_new(j, "distances", a);
	return j;
}
