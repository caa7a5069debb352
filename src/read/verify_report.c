/* verify_report.c -- the comparison as a table for people and as JSON for scripts.
 *
 * Called by the command and by tests. Subjects without a figure are left out of the table.
 */
#include "read/verify_priv.h"
#include "view/table.h"
#include "view/view.h"

#include <inttypes.h>
#include <stdlib.h>

static const char *const names[NB_VS_NR] = {
	[NB_VS_LAYOUT] = "layout",
	[NB_VS_ZONES] = "zones",
	[NB_VS_MIN_FREE] = "min_free_kbytes",
	[NB_VS_WATERMARKS] = "watermarks",
	[NB_VS_PROTECTION] = "protection",
	[NB_VS_PAGESETS] = "pagesets",
	[NB_VS_ZONELISTS] = "zonelists",
	[NB_VS_NODES] = "nodes",
	[NB_VS_HARDWARE] = "hardware",
	[NB_VS_BLOCKS] = "memory_blocks",
	[NB_VS_TIERS] = "tiers",
	[NB_VS_AVAILABLE] = "available",
	[NB_VS_FRAGMENTATION] = "fragmentation",
	[NB_VS_SUMS] = "sums",
	[NB_VS_RECOMPUTED] = "recomputed",
	[NB_VS_STEPS] = "steps",
};

/* One line a subject on what its figures follow from. */
static const char *const from[NB_VS_NR] = {
	[NB_VS_LAYOUT] = "firmware map, affinity, command line",
	[NB_VS_ZONES] = "firmware map, affinity, command line",
	[NB_VS_MIN_FREE] = "managed pages, huge pages' say",
	[NB_VS_WATERMARKS] = "managed pages at boot, sysctls",
	[NB_VS_PROTECTION] = "managed pages at boot, ratios",
	[NB_VS_PAGESETS] = "managed pages, CPUs, marks",
	[NB_VS_ZONELISTS] = "distances, the load rule",
	[NB_VS_NODES] = "affinity, distances",
	[NB_VS_HARDWARE] = "nodes, CPUs, managed pages",
	[NB_VS_BLOCKS] = "boot map, zones",
	[NB_VS_TIERS] = "HMAT",
	[NB_VS_AVAILABLE] = "reserves, meminfo's own lines",
	[NB_VS_FRAGMENTATION] = "buddyinfo",
	[NB_VS_SUMS] = "the files against each other",
	[NB_VS_RECOMPUTED] = "the same, after vm.min_free_kbytes was written",
	[NB_VS_STEPS] = "the same, after each recorded change",
};

const char *nb_verify_subject_name(enum nb_verify_subject s)
{
	return names[s];
}

static void print_subjects(const struct nb_verify *v, bool colour, struct nb_text *out)
{
	struct nb_table t = {.colour = colour};
	uint64_t compared = 0, equal = 0;
	unsigned s;

	nb_table_column(&t, "subject", NB_TABLE_LEFT);
	nb_table_column(&t, "compared", NB_TABLE_RIGHT);
	nb_table_column(&t, "equal", NB_TABLE_RIGHT);
	nb_table_column(&t, "differ", NB_TABLE_RIGHT);
	nb_table_column(&t, "predicted from", NB_TABLE_LEFT);
	for (s = 0; s < NB_VS_NR; s++) {
		const struct nb_verify_row *r = &v->row[s];

		if (!r->compared)
			continue;
		nb_table_cell(&t, "%s", names[s]);
		nb_table_cell(&t, "%" PRIu64, r->compared);
		nb_table_cell(&t, "%" PRIu64, r->equal);
		nb_table_cell_styled(&t, r->equal == r->compared ? NB_TABLE_GOOD : NB_TABLE_BAD,
				     "%" PRIu64, r->compared - r->equal);
		nb_table_cell(&t, "%s", from[s]);
		compared += r->compared;
		equal += r->equal;
	}
	nb_table_cell(&t, "all");
	nb_table_cell(&t, "%" PRIu64, compared);
	nb_table_cell(&t, "%" PRIu64, equal);
	nb_table_cell_styled(&t, equal == compared ? NB_TABLE_GOOD : NB_TABLE_BAD, "%" PRIu64,
			     compared - equal);
	nb_table_end_row(&t);
	nb_table_print(&t, out);
	nb_table_release(&t);
}

static void print_rest(const struct nb_verify *v, struct nb_text *out)
{
	size_t i;

	if (v->nr_diff)
		nb_text_puts(out, "\nDifferences\n");
	for (i = 0; i < v->nr_diff; i++) {
		const struct nb_verify_difference *d = &v->diff[i];

		nb_text_printf(
			out, "  %s: %s\n    kernel:    %s\n    predicted: %s\n    rule:      %s\n",
			names[d->subject], d->what, d->kernel, d->predicted, d->rule);
	}
	if (v->nr_aside)
		nb_text_puts(out, "\nNot predictable\n");
	for (i = 0; i < v->nr_aside; i++)
		nb_text_printf(out, "  %s: %" PRIu64 " figure%s (first: %s): %s\n",
			       names[v->aside[i].subject], v->aside[i].count,
			       v->aside[i].count == 1 ? "" : "s", v->aside[i].first,
			       v->aside[i].why);
	if (v->nr_absent)
		nb_text_puts(out, "\nAbsent, so not compared\n");
	for (i = 0; i < v->nr_absent; i++)
		nb_text_printf(out, "  %s\n", v->absent[i]);
	if (v->nr_note)
		nb_text_puts(out, "\nNotes\n");
	for (i = 0; i < v->nr_note; i++)
		nb_text_printf(out, "  %s\n", v->note[i]);
}

static void print_estimates(const struct nb_verify *v, bool colour, struct nb_text *out)
{
	struct nb_table t = {.colour = colour};
	size_t i;

	if (!v->nr_estimates)
		return;
	nb_text_puts(out, "\nEstimated from hardware alone (no equality is claimed)\n");
	nb_table_column(&t, "node", NB_TABLE_RIGHT);
	nb_table_column(&t, "zone", NB_TABLE_LEFT);
	nb_table_column(&t, "managed pages", NB_TABLE_RIGHT);
	nb_table_column(&t, "estimated", NB_TABLE_RIGHT);
	nb_table_column(&t, "error", NB_TABLE_RIGHT);
	for (i = 0; i < v->nr_estimates; i++) {
		const struct nb_verify_estimate *e = &v->estimate[i];

		nb_table_cell(&t, "%d", e->nid);
		nb_table_cell(&t, "%s", nb_zone_name(e->type));
		nb_table_cell(&t, "%" PRIu64, e->observed);
		nb_table_cell(&t, "%" PRIu64, e->estimated);
		nb_table_cell(&t, "%+.2f %%", 100 * nb_verify_estimate_error(e));
		nb_table_end_row(&t);
	}
	nb_table_print(&t, out);
	nb_table_release(&t);
}

void nb_verify_print(const struct nb_verify *v, bool colour, struct nb_text *out)
{
	nb_text_printf(out, "%s (kernel %s)\n\n", v->machine->name,
		       v->machine->release[0] ? v->machine->release : "unknown");
	print_subjects(v, colour, out);
	print_rest(v, out);
	print_estimates(v, colour, out);
}

static json_t *value_json(const struct nb_verify_difference *d, const char *text)
{
	return d->number ? nb_json_u64(strtoull(text, NULL, 10)) : json_string(text);
}

static json_t *strings_json(char *const *s, size_t n)
{
	json_t *a = json_array();
	size_t i;

	for (i = 0; i < n; i++)
		json_array_append_new(a, json_string(s[i]));
	return a;
}

static json_t *subjects_json(const struct nb_verify *v, uint64_t *ret_equal)
{
	json_t *a = json_array();
	unsigned s;

	for (s = 0; s < NB_VS_NR; s++) {
		const struct nb_verify_row *r = &v->row[s];
		json_t *o;

		*ret_equal += r->equal;
		if (!r->compared)
			continue;
		o = json_object();
		json_object_set_new(o, "subject", json_string(names[s]));
		json_object_set_new(o, "compared", nb_json_u64(r->compared));
		json_object_set_new(o, "equal", nb_json_u64(r->equal));
		json_array_append_new(a, o);
	}
	return a;
}

static json_t *differences_json(const struct nb_verify *v)
{
	json_t *a = json_array();
	size_t i;

	for (i = 0; i < v->nr_diff; i++) {
		const struct nb_verify_difference *d = &v->diff[i];
		json_t *o = json_object();

		json_object_set_new(o, "subject", json_string(names[d->subject]));
		json_object_set_new(o, "what", json_string(d->what));
		json_object_set_new(o, "kernel", value_json(d, d->kernel));
		json_object_set_new(o, "predicted", value_json(d, d->predicted));
		json_object_set_new(o, "rule", json_string(d->rule));
		json_array_append_new(a, o);
	}
	return a;
}

static json_t *asides_json(const struct nb_verify *v)
{
	json_t *a = json_array();
	size_t i;

	for (i = 0; i < v->nr_aside; i++) {
		json_t *o = json_object();

		json_object_set_new(o, "subject", json_string(names[v->aside[i].subject]));
		json_object_set_new(o, "figures", nb_json_u64(v->aside[i].count));
		json_object_set_new(o, "first", json_string(v->aside[i].first));
		json_object_set_new(o, "why", json_string(v->aside[i].why));
		json_array_append_new(a, o);
	}
	return a;
}

static json_t *estimates_json(const struct nb_verify *v)
{
	json_t *a = json_array();
	size_t i;

	for (i = 0; i < v->nr_estimates; i++) {
		const struct nb_verify_estimate *e = &v->estimate[i];
		json_t *o = json_object();

		json_object_set_new(o, "node", json_integer(e->nid));
		json_object_set_new(o, "zone", json_string(nb_zone_name(e->type)));
		json_object_set_new(o, "managed_pages", nb_json_u64(e->observed));
		json_object_set_new(o, "estimated_pages", nb_json_u64(e->estimated));
		json_object_set_new(o, "error", json_real(nb_verify_estimate_error(e)));
		json_array_append_new(a, o);
	}
	return a;
}

json_t *nb_verify_json(const struct nb_verify *v)
{
	json_t *o = json_object(), *subjects;
	uint64_t equal = 0;

	subjects = subjects_json(v, &equal);
	json_object_set_new(o, "compared", nb_json_u64(nb_verify_compared(v)));
	json_object_set_new(o, "equal", nb_json_u64(equal));
	json_object_set_new(o, "subjects", subjects);
	json_object_set_new(o, "differences", differences_json(v));
	json_object_set_new(o, "not_predictable", asides_json(v));
	json_object_set_new(o, "estimates", estimates_json(v));
	json_object_set_new(o, "absent", strings_json(v->absent, v->nr_absent));
	json_object_set_new(o, "notes", strings_json(v->note, v->nr_note));
	return o;
}
