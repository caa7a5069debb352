/* zonelists.c -- fallback orders: out of a boot log, out of a system, as text and JSON. */
#include "view/zonelists.h"
#include "view/names.h"
#include "view/scan.h"
#include "view/view.h"
#include <inttypes.h>
#include <stdlib.h>

/* The entry of node nid, emptied: a list told again replaces the first. */
static struct nb_zonelists_node *entry(struct nb_zonelists *z, int nid)
{
	struct nb_zonelists_node *n = NULL;

	for (size_t i = 0; i < z->nr_nodes && !n; i++)
		if (z->nodes[i].nid == nid)
			n = &z->nodes[i];
	if (!n)
		n = nb_append(&z->nodes, &z->nr_nodes, &z->cap_nodes, sizeof(*z->nodes));
	n->nid = nid;
	n->nr_fallback = 0;
	return n;
}

static void add_fallback(struct nb_zonelists_node *n, int nid)
{
	int *p = nb_append(&n->fallback, &n->nr_fallback, &n->cap_fallback, sizeof(*n->fallback));

	*p = nid;
}

static int fallback_line(struct nb_scan *sc, struct nb_zonelists *z, struct nb_cursor cur,
			 struct nb_error *err)
{
	struct nb_zonelists_node *n;
	uint64_t nid;

	if (!nb_cur_max(&cur, NB_MAX_NODES - 1, &nid) || !nb_cur_lit(&cur, ":"))
		return nb_scan_fail(sc, err, "fallback order", "a node id below 1024 and \":\"");
	n = entry(z, (int)nid);
	while (nb_cur_blanks(&cur), !nb_cur_end(&cur)) {
		if (!nb_cur_max(&cur, NB_MAX_NODES - 1, &nid))
			return nb_scan_fail(sc, err, "fallback order", "node ids below 1024");
		add_fallback(n, (int)nid);
	}
	return 0;
}

/* The first, boot's: "Built 2 zonelists[ in Node order], mobility grouping on.  Total pages:
 * 524157" */
static void built_line(struct nb_zonelists *z, struct nb_cursor cur)
{
	uint64_t nr, total;
	bool on;

	/* Rebuilds after hotplug print it again, with what is managed at that moment. */
	if (z->has_built || !nb_cur_max(&cur, UINT32_MAX, &nr) || !nb_cur_lit(&cur, " zonelists"))
		return;
	if (nb_cur_lit(&cur, " in ")) {
		const char *word;

		nb_cur_word(&cur, 0, &word);
		nb_cur_lit(&cur, " order");
	}
	if (!nb_cur_lit(&cur, ", mobility grouping o"))
		return;
	on = nb_cur_lit(&cur, "n.");
	if (!on && !nb_cur_lit(&cur, "ff."))
		return;
	nb_cur_blanks(&cur);
	if (!nb_cur_lit(&cur, "Total pages: ") || !nb_cur_u64(&cur, &total))
		return;
	z->has_built = true;
	z->nr_zonelists = (unsigned)nr;
	z->mobility_grouping = on;
	z->total_pages = total;
}

int nb_zonelists_parse(const char *text, size_t len, struct nb_zonelists *z, struct nb_error *err)
{
	struct nb_scan sc;
	int ret = nb_scan_begin(&sc, text, len, err);

	*z = (struct nb_zonelists){0};
	while (!ret && nb_scan_line(&sc)) {
		struct nb_cursor cur = nb_scan_cursor(&sc);

		if (sc.cut)
			break;
		nb_cur_timestamp(&cur);
		if (nb_cur_lit(&cur, "Fallback order for Node ")) {
			ret = fallback_line(&sc, z, cur, err);
		} else if (nb_cur_lit(&cur, "Built ")) {
			built_line(z, cur);
		} else if (nb_cur_lit(&cur, "Policy zone: ")) {
			const char *name;
			size_t n = nb_cur_word(&cur, 0, &name);

			z->policy_zone = nb_strings_intern(&z->strings, name, n);
		}
	}
	if (!ret && !z->nr_nodes && !z->has_built && !z->policy_zone)
		ret = nb_error_set(err, -NB_ENOENT, 0,
				   "found no line such as \"Fallback order for Node 0: 0 1\"");
	if (ret)
		nb_zonelists_release(z);
	return ret;
}

void nb_zonelists_from_system(const struct nb_system *sys, struct nb_zonelists *z)
{
	struct nb_system_info info;

	*z = (struct nb_zonelists){0};
	nb_system_info(sys, &info);
	z->has_built = true;
	z->nr_zonelists = info.nr_zonelists;
	z->mobility_grouping = info.mobility_grouping;
	z->total_pages = info.vm_total_pages;
	if (!nb_names_numa(info.arch))
		return;
	z->policy_zone = nb_zone_name(info.policy_zone);
	for (unsigned i = 0; i < nb_system_nr_nodes(sys); i++) {
		struct nb_node_info ni;
		struct nb_zonelists_node *n;

		if (nb_node_info(sys, nb_system_node_id(sys, i), &ni))
			continue;
		n = entry(z, ni.nid);
		for (unsigned k = 0; k < ni.nr_fallback; k++)
			add_fallback(n, ni.fallback[k]);
	}
}

void nb_zonelists_print(const struct nb_zonelists *z, struct nb_text *out)
{
	for (size_t i = 0; i < z->nr_nodes; i++) {
		nb_text_printf(out, "Fallback order for Node %d: ", z->nodes[i].nid);
		for (size_t k = 0; k < z->nodes[i].nr_fallback; k++)
			nb_text_printf(out, "%d ", z->nodes[i].fallback[k]);
		nb_text_add(out, "\n", 1);
	}
	if (z->policy_zone)
		nb_text_printf(out, "Policy zone: %s\n", z->policy_zone);
}

void nb_zonelists_print_built(const struct nb_zonelists *z, struct nb_text *out)
{
	if (z->has_built)
		nb_text_printf(
			out,
			"Built %u zonelists, mobility grouping %s.  Total pages: %" PRIu64 "\n",
			z->nr_zonelists, z->mobility_grouping ? "on" : "off", z->total_pages);
}

json_t *nb_zonelists_json(const struct nb_zonelists *z)
{
	json_t *j = json_object(), *nodes = json_array();

	for (size_t i = 0; i < z->nr_nodes; i++) {
		json_t *node = json_object(), *order = json_array();

		for (size_t k = 0; k < z->nodes[i].nr_fallback; k++)
			json_array_append_new(order, json_integer(z->nodes[i].fallback[k]));
		json_object_set_new(node, "node", json_integer(z->nodes[i].nid));
		json_object_set_new(node, "fallback", order);
		json_array_append_new(nodes, node);
	}
	json_object_set_new(j, "nodes", nodes);
	if (z->policy_zone)
		json_object_set_new(j, "policy_zone", nb_json_string(z->policy_zone));
	if (z->has_built) {
		json_object_set_new(j, "zonelists", json_integer(z->nr_zonelists));
		json_object_set_new(j, "mobility_grouping", json_boolean(z->mobility_grouping));
		json_object_set_new(j, "total_pages", nb_json_u64(z->total_pages));
	}
	return j;
}

void nb_zonelists_release(struct nb_zonelists *z)
{
	for (size_t i = 0; i < z->nr_nodes; i++)
		free(z->nodes[i].fallback);
	free(z->nodes);
	nb_strings_release(&z->strings);
	*z = (struct nb_zonelists){0};
}
