/* fragmentation.c -- what free memory is worth, judged zone by zone.
 *
 * The rule is the one that the kernel's own indices support: what matters is the share of free
 * pages that a pageblock-sized request cannot use (unusable_index), and the danger sign is a
 * surplus of single pages, which neither compaction nor time brings back cheaply.
 */
#include "view/fragmentation.h"
#include "view/extfrag.h"
#include "view/table.h"
#include "view/view.h"
#include <inttypes.h>

/* Thresholds, in shares of free memory. */
#define GOOD_UNUSABLE 0.25    /* three quarters still serve a huge page */
#define SCATTERED_SINGLE 0.25 /* a quarter lies in single pages */
#define SCATTERED_UNUSABLE 0.90
/* Thousandths: vm.extfrag_threshold as it begins. */
#define EXTFRAG_THRESHOLD 500

void nb_frag_judge(const struct nb_buddyinfo_row *row, unsigned huge_order,
		   struct nb_frag_zone *ret)
{
	uint64_t usable = 0;

	*ret = (struct nb_frag_zone){.row = row, .largest_order = -1};
	ret->free_pages = nb_buddyinfo_free_pages(row);
	for (unsigned o = 0; o < row->nr_orders && o < NB_VIEW_MAX_ORDERS; o++) {
		if (o >= huge_order)
			usable += row->nr_free[o] << o;
		if (row->nr_free[o])
			ret->largest_order = (int)o;
	}
	if (!ret->free_pages) {
		ret->verdict = NB_FRAG_EMPTY;
		return;
	}
	ret->single_fraction = (double)row->nr_free[0] / (double)ret->free_pages;
	ret->huge_unusable_fraction = (double)(ret->free_pages - usable) / (double)ret->free_pages;
	if (ret->single_fraction >= SCATTERED_SINGLE ||
	    ret->huge_unusable_fraction >= SCATTERED_UNUSABLE)
		ret->verdict = NB_FRAG_SCATTERED;
	else if (ret->huge_unusable_fraction > GOOD_UNUSABLE)
		ret->verdict = NB_FRAG_WORN;
	else
		ret->verdict = NB_FRAG_GOOD;
}

const char *nb_frag_verdict_name(enum nb_frag_verdict v)
{
	static const char *const name[] = {"empty", "good", "worn", "scattered"};

	return name[v];
}

static const char *reason(const struct nb_frag_zone *z)
{
	switch (z->verdict) {
	case NB_FRAG_EMPTY:
		return "nothing is free";
	case NB_FRAG_GOOD:
		return "most free memory serves a huge page";
	case NB_FRAG_WORN:
		return "a good part of the free memory is too small for a huge page";
	case NB_FRAG_SCATTERED:
		break;
	}
	return z->single_fraction >= SCATTERED_SINGLE
		       ? "surplus of single pages: larger requests will need compaction"
		       : "hardly any free memory serves a huge page";
}

static void size_of(uint64_t pages, unsigned page_kib, struct nb_text *t)
{
	nb_text_clear(t);
	nb_text_size(t, pages * page_kib * 1024);
}

static void print_zones(const struct nb_buddyinfo *b, unsigned huge_order, unsigned page_kib,
			struct nb_text *out)
{
	struct nb_table t = {0};
	struct nb_text size = {0};

	nb_table_column(&t, "node", NB_TABLE_RIGHT);
	nb_table_column(&t, "zone", NB_TABLE_LEFT);
	nb_table_column(&t, "free", NB_TABLE_RIGHT);
	nb_table_column(&t, "single pages", NB_TABLE_RIGHT);
	nb_table_column(&t, "no huge page", NB_TABLE_RIGHT);
	nb_table_column(&t, "largest", NB_TABLE_RIGHT);
	nb_table_column(&t, "verdict", NB_TABLE_LEFT);
	for (size_t i = 0; i < b->nr_rows; i++) {
		struct nb_frag_zone z;

		if (!b->rows[i].nr_orders)
			continue;
		nb_frag_judge(&b->rows[i], huge_order, &z);
		nb_table_cell(&t, "%d", z.row->nid);
		nb_table_cell(&t, "%s", z.row->zone);
		size_of(z.free_pages, page_kib, &size);
		nb_table_cell(&t, "%s", nb_text_str(&size));
		nb_table_cell(&t, "%.1f %%", z.single_fraction * 100);
		nb_table_cell(&t, "%.1f %%", z.huge_unusable_fraction * 100);
		if (z.largest_order < 0) {
			nb_table_cell(&t, "-");
		} else {
			size_of(UINT64_C(1) << z.largest_order, page_kib, &size);
			nb_table_cell(&t, "%s", nb_text_str(&size));
		}
		nb_table_cell(&t, "%s: %s", nb_frag_verdict_name(z.verdict), reason(&z));
	}
	nb_table_print(&t, out);
	nb_text_release(&size);
	nb_table_release(&t);
}

/* What a huge page would do: it is there, or fails, and for what. Above half a failure is for
 * pieces, and compaction is tried (vm.extfrag_threshold). */
enum huge { HUGE_THERE, HUGE_LACKS_MEMORY, HUGE_IN_PIECES };

static enum huge huge_page(const struct nb_buddyinfo_row *row, unsigned huge_order, int *ret_index)
{
	*ret_index = nb_extfrag_index(row->nr_free, row->nr_orders, huge_order);
	if (*ret_index < 0)
		return HUGE_THERE;
	return *ret_index > EXTFRAG_THRESHOLD ? HUGE_IN_PIECES : HUGE_LACKS_MEMORY;
}

static const char *huge_name(enum huge h)
{
	static const char *const name[] = {"there", "lacks memory", "in pieces"};

	return name[h];
}

/* For each zone that is worn or worse: what that means, and what helps. */
static void print_advice(const struct nb_buddyinfo *b, unsigned huge_order, struct nb_text *out)
{
	for (size_t i = 0; i < b->nr_rows; i++) {
		const struct nb_buddyinfo_row *row = &b->rows[i];
		struct nb_frag_zone z;
		int index;

		if (!row->nr_orders)
			continue;
		nb_frag_judge(row, huge_order, &z);
		if (z.verdict == NB_FRAG_EMPTY || z.verdict == NB_FRAG_GOOD)
			continue;
		nb_text_printf(out, "\nNode %d, zone %s:", row->nid, row->zone);
		if (z.single_fraction >= SCATTERED_SINGLE)
			nb_text_printf(out,
				       " %.0f %% of the free memory lies in single pages, the "
				       "danger sign: between them lie pages in use.",
				       z.single_fraction * 100);
		switch (huge_page(row, huge_order, &index)) {
		case HUGE_THERE:
			nb_text_puts(out, " Some huge pages are still there.");
			break;
		case HUGE_LACKS_MEMORY:
			nb_text_printf(out,
				       " A huge page fails, for lack of memory rather than for "
				       "pieces (index %.3f): something must be freed first.",
				       index / 1000.0);
			break;
		case HUGE_IN_PIECES:
			nb_text_printf(out,
				       " A huge page fails for pieces, not for lack of memory "
				       "(index %.3f): compaction is tried.",
				       index / 1000.0);
			break;
		}
		nb_text_puts(out, " To try: vm.compact_memory=1 once, a higher "
				  "vm.compaction_proactiveness to keep it so.\n");
	}
}

/* The orders, above an index's columns of that width. */
static void print_orders(const struct nb_buddyinfo *b, int width, struct nb_text *out)
{
	unsigned orders = 0;

	for (size_t i = 0; i < b->nr_rows; i++)
		orders = b->rows[i].nr_orders > orders ? b->rows[i].nr_orders : orders;
	nb_text_puts(out, "                 order");
	for (unsigned o = 0; o < orders; o++)
		nb_text_printf(out, " %*u", width, o);
	nb_text_puts(out, "\n");
}

static void print_index(const struct nb_buddyinfo *b, enum nb_extfrag_kind kind,
			struct nb_text *out)
{
	struct nb_extfrag x;

	print_orders(b, kind == NB_EXTFRAG_INDEX ? 6 : 5, out);
	nb_extfrag_from_buddyinfo(b, kind, &x);
	nb_extfrag_print(&x, out);
	nb_extfrag_release(&x);
}

void nb_fragmentation_print(const struct nb_buddyinfo *b, unsigned huge_order, unsigned page_kib,
			    struct nb_text *out)
{
	print_zones(b, huge_order, page_kib, out);
	print_advice(b, huge_order, out);
	nb_text_puts(out,
		     "\nunusable_index, per order: share of free memory that is of no use to it\n");
	print_index(b, NB_EXTFRAG_UNUSABLE, out);
	nb_text_puts(out,
		     "\nextfrag_index, per order: -1 a block is there; a failure would be for lack "
		     "of memory (towards 0) or for pieces (towards 1)\n");
	print_index(b, NB_EXTFRAG_INDEX, out);
}

static json_t *indices(const struct nb_buddyinfo_row *r,
		       int (*fn)(const uint64_t *, unsigned, unsigned))
{
	json_t *a = json_array();

	for (unsigned o = 0; o < r->nr_orders; o++)
		json_array_append_new(a, json_real(fn(r->nr_free, r->nr_orders, o) / 1000.0));
	return a;
}

json_t *nb_fragmentation_json(const struct nb_buddyinfo *b, unsigned huge_order, unsigned page_kib)
{
	json_t *j = json_object(), *zones = json_array();

	for (size_t i = 0; i < b->nr_rows; i++) {
		struct nb_frag_zone z;
		json_t *o;
		int index;

		if (!b->rows[i].nr_orders)
			continue;
		nb_frag_judge(&b->rows[i], huge_order, &z);
		o = json_object();
		json_object_set_new(o, "node", json_integer(z.row->nid));
		json_object_set_new(o, "zone", nb_json_string(z.row->zone));
		json_object_set_new(o, "free_pages", nb_json_u64(z.free_pages));
		json_object_set_new(o, "free_kib", nb_json_u64(z.free_pages * page_kib));
		json_object_set_new(o, "single_fraction", json_real(z.single_fraction));
		json_object_set_new(o, "huge_unusable_fraction",
				    json_real(z.huge_unusable_fraction));
		json_object_set_new(o, "largest_order", json_integer(z.largest_order));
		json_object_set_new(o, "verdict", json_string(nb_frag_verdict_name(z.verdict)));
		json_object_set_new(o, "reason", json_string(reason(&z)));
		json_object_set_new(o, "huge_page",
				    json_string(huge_name(huge_page(z.row, huge_order, &index))));
		json_object_set_new(o, "unusable_index", indices(z.row, nb_unusable_index));
		json_object_set_new(o, "extfrag_index", indices(z.row, nb_extfrag_index));
		json_array_append_new(zones, o);
	}
	json_object_set_new(j, "huge_order", json_integer(huge_order));
	json_object_set_new(j, "zones", zones);
	return j;
}
