/* verify_lists.c -- the boot log's own words: zone ranges, node ranges, fallback orders.
 *
 * Called by verify.c. Both sides go through the same printer (view/layout.h, view/zonelists.h) and
 * are compared line by line; a line that only one side has is a difference.
 */
#define _GNU_SOURCE /* memmem */
#include "read/verify_priv.h"

#include <string.h>

/* The next line of a text as a C string in `line`; false at the end. */
static bool take_line(const struct nb_text *t, size_t *pos, struct nb_text *line)
{
	const char *s;
	size_t n;

	nb_text_clear(line);
	if (!nb_next_line(nb_text_str(t), t->len, pos, &s, &n))
		return false;
	nb_text_add(line, s, n);
	return true;
}

static void verify_lines(struct nb_verify *v, enum nb_verify_subject s,
			 const struct nb_text *kernel, const struct nb_text *predicted,
			 const char *rule, const char *what)
{
	struct nb_text k = {0}, p = {0};
	size_t at_k = 0, at_p = 0;
	bool more_k, more_p;
	unsigned n = 0;

	for (;;) {
		more_k = take_line(kernel, &at_k, &k);
		more_p = take_line(predicted, &at_p, &p);
		if (!more_k && !more_p)
			break;
		nb_verify_text(v, s, more_k ? nb_text_str(&k) : "(no line)",
			       more_p ? nb_text_str(&p) : "(no line)", rule, "%s, line %u", what,
			       ++n);
	}
	nb_text_release(&k);
	nb_text_release(&p);
}

void nb_verify_layout(struct nb_verify *v)
{
	struct nb_text kernel = {0}, predicted = {0};
	struct nb_layout l = {0};

	if (!v->obs->has_layout) {
		nb_verify_absent(v, "boot log: zone and node ranges");
		return;
	}
	nb_layout_from_system(v->sys, &l);
	/* What a cut log lacks is not asked of the prediction either. */
	l.has_zones &= v->obs->layout.has_zones;
	l.has_movable &= v->obs->layout.has_movable;
	l.has_nodes &= v->obs->layout.has_nodes;
	if (!v->obs->layout.initmem.n)
		l.initmem.n = 0;
	nb_layout_print(&v->obs->layout, &kernel);
	nb_layout_print(&l, &predicted);
	verify_lines(v, NB_VS_LAYOUT, &kernel, &predicted,
		     "e820, SRAT, free_area_init, find_zone_movable_pfns_for_nodes; facts 1.1-1.5",
		     "boot log, zones and nodes");
	nb_layout_release(&l);
	nb_text_release(&kernel);
	nb_text_release(&predicted);
}

/* The firmware has a table, and the capture neither it nor every node's file. Without a table all
 * distances are 10 and 20; x86's boot log names all tables, elsewhere the device tree may hold one.
 */
bool nb_verify_distances_unknown(const struct nb_verify *v)
{
	const struct nb_machine *m = v->machine;
	const char *text;
	size_t len;

	if (m->nr_nodes < 2 || m->distance_source == NB_SOURCE_GIVEN)
		return false;
	if (nb_tree_read(v->tree, "dmesg", &text, &len) || !memmem(text, len, "ACPI: ", 6))
		return true;
	return memmem(text, len, "ACPI: SLIT ", 11) != NULL;
}

void nb_verify_lists(struct nb_verify *v)
{
	struct nb_text kernel = {0}, predicted = {0};
	struct nb_zonelists z = {0};
	size_t nr_nodes;

	if (!v->obs->has_zonelists) {
		nb_verify_absent(v, "boot log: fallback orders");
		return;
	}
	if (nb_verify_distances_unknown(v)) {
		nb_verify_skip(v, NB_VS_ZONELISTS, v->obs->zonelists.nr_nodes,
			       "no file tells the distances of every node",
			       "boot log, fallback orders");
		return;
	}
	nb_zonelists_from_system(v->sys, &z);
	nr_nodes = z.nr_nodes;
	if (!v->obs->zonelists.nr_nodes)
		z.nr_nodes = 0;
	if (!v->obs->zonelists.policy_zone)
		z.policy_zone = NULL;
	if (v->added_unknown && z.policy_zone) { /* memory that comes later may raise it */
		nb_verify_skip(v, NB_VS_ZONELISTS, 1,
			       "memory came after boot, and no list of memory blocks is there",
			       "boot log, policy zone");
		z.policy_zone = v->obs->zonelists.policy_zone;
	}
	nb_zonelists_print(&v->obs->zonelists, &kernel);
	nb_zonelists_print(&z, &predicted);
	if (v->obs->zonelists.has_built) {
		nb_zonelists_print_built(&v->obs->zonelists, &kernel);
		nb_zonelists_print_built(&z, &predicted);
	}
	verify_lines(v, NB_VS_ZONELISTS, &kernel, &predicted,
		     "find_next_best_node, build_all_zonelists; facts 3.2-3.4",
		     "boot log, zonelists");
	z.nr_nodes = nr_nodes;
	nb_zonelists_release(&z);
	nb_text_release(&kernel);
	nb_text_release(&predicted);
}
