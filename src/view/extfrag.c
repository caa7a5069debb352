/* extfrag.c -- extfrag_index and unusable_index: formulas, parser, printer, JSON.
 *
 * Called by view_forms.c, observed.c and verify. Thousandths, as the kernel computes them from a
 * zone's free blocks by order. Source: mm/vmstat.c, __fragmentation_index(), unusable_free_index().
 */
#include "view/extfrag.h"
#include "view/scan.h"
#include "view/view.h"
#include <stdlib.h>
#include <string.h>

/* What both indices begin with: free pages, free blocks of any size, blocks (of `order`'s size)
 * that would serve a request of `order`. Source: mm/vmstat.c, fill_contig_page_info(). */
struct contig {
	uint64_t free_pages, free_blocks, suitable;
};

static struct contig contig_of(const uint64_t *nr_free, unsigned nr_orders, unsigned order)
{
	struct contig c = {0};

	for (unsigned o = 0; o < nr_orders; o++) {
		c.free_blocks += nr_free[o];
		c.free_pages += nr_free[o] << o;
		if (o >= order)
			c.suitable += nr_free[o] << (o - order);
	}
	return c;
}

int nb_extfrag_index(const uint64_t *nr_free, unsigned nr_orders, unsigned order)
{
	struct contig c = contig_of(nr_free, nr_orders, order);

	if (!c.free_blocks)
		return 0;
	if (c.suitable)
		return -1000;
	return 1000 - (int)((1000 + c.free_pages * 1000 / (UINT64_C(1) << order)) / c.free_blocks);
}

int nb_unusable_index(const uint64_t *nr_free, unsigned nr_orders, unsigned order)
{
	struct contig c = contig_of(nr_free, nr_orders, order);

	if (!c.free_pages)
		return 1000;
	return (int)((c.free_pages - (c.suitable << order)) * 1000 / c.free_pages);
}

static void print_row(const struct nb_extfrag_row *r, enum nb_extfrag_kind kind,
		      struct nb_text *out)
{
	nb_text_printf(out, "Node %d, zone %8s ", r->nid, r->zone);
	for (unsigned o = 0; o < r->nr_orders; o++) {
		int v = r->milli[o];

		/* quotient and remainder, each with its own sign: -1 is " 0.-01" */
		nb_text_printf(out, kind == NB_EXTFRAG_INDEX ? "%2d.%03d " : "%d.%03d ", v / 1000,
			       v % 1000);
	}
}

static struct nb_extfrag_row *add_row(struct nb_extfrag *x)
{
	return nb_append(&x->rows, &x->nr_rows, &x->cap_rows, sizeof(*x->rows));
}

/* "0.186", "-1.000" or " 0.-01" in thousandths. */
static bool milli(struct nb_cursor *c, int *ret)
{
	bool negative = nb_cur_lit(c, "-");
	uint64_t whole, part;

	if (!nb_cur_max(c, 1000000, &whole) || !nb_cur_lit(c, "."))
		return false;
	if (nb_cur_lit(c, "-"))
		negative = true;
	if (!nb_cur_max(c, 999, &part))
		return false;
	*ret = (int)(whole * 1000 + part) * (negative ? -1 : 1);
	return true;
}

static int parse_line(struct nb_scan *sc, struct nb_extfrag *x, struct nb_error *err)
{
	struct nb_cursor cur = nb_scan_cursor(sc);
	struct nb_extfrag_row row = {0};
	struct nb_text rule = {0};

	if (sc->cut || nb_cur_end(&cur)) {
		x->cut = sc->cut;
		add_row(x)->raw = nb_scan_raw(sc, &x->strings, NULL);
		return 0;
	}
	if (!nb_cur_node_zone(&cur, &x->strings, &row.nid, &row.zone, &row.type))
		return nb_scan_fail(sc, err, "row", "\"Node N, zone NAME\" and indices");
	while (nb_cur_blanks(&cur), !nb_cur_end(&cur)) {
		if (row.nr_orders == NB_VIEW_MAX_ORDERS || !milli(&cur, &row.milli[row.nr_orders]))
			return nb_scan_fail(sc, err, "index", "at most 32 numbers such as 0.186");
		row.nr_orders++;
	}
	if (!row.nr_orders)
		return nb_scan_fail(sc, err, "index", "one number per order");
	print_row(&row, x->kind, &rule);
	row.raw = nb_scan_raw(sc, &x->strings, &rule);
	nb_text_release(&rule);
	*add_row(x) = row;
	return 0;
}

int nb_extfrag_parse(const char *text, size_t len, enum nb_extfrag_kind kind, struct nb_extfrag *x,
		     struct nb_error *err)
{
	struct nb_scan sc;
	size_t known = 0;
	int ret = nb_scan_begin(&sc, text, len, err);

	*x = (struct nb_extfrag){.kind = kind};
	while (!ret && nb_scan_line(&sc))
		ret = parse_line(&sc, x, err);
	for (size_t i = 0; i < x->nr_rows; i++)
		known += x->rows[i].nr_orders != 0;
	if (!ret && !known)
		ret = nb_error_set(err, -NB_EINVAL, 0,
				   "found no row, expected \"Node N, zone NAME\" and indices");
	if (ret)
		nb_extfrag_release(x);
	return ret;
}

void nb_extfrag_from_buddyinfo(const struct nb_buddyinfo *b, enum nb_extfrag_kind kind,
			       struct nb_extfrag *x)
{
	*x = (struct nb_extfrag){.kind = kind};
	for (size_t i = 0; i < b->nr_rows; i++) {
		const struct nb_buddyinfo_row *from = &b->rows[i];
		struct nb_extfrag_row *r;

		if (!from->nr_orders)
			continue;
		r = add_row(x);
		r->nid = from->nid;
		r->zone = nb_strings_intern(&x->strings, from->zone, strlen(from->zone));
		r->type = from->type;
		r->nr_orders = from->nr_orders;
		for (unsigned o = 0; o < r->nr_orders; o++)
			r->milli[o] = kind == NB_EXTFRAG_INDEX
					      ? nb_extfrag_index(from->nr_free, r->nr_orders, o)
					      : nb_unusable_index(from->nr_free, r->nr_orders, o);
	}
}

void nb_extfrag_from_system(const struct nb_system *sys, enum nb_extfrag_kind kind,
			    struct nb_extfrag *x)
{
	struct nb_buddyinfo b;

	nb_buddyinfo_from_system(sys, &b);
	nb_extfrag_from_buddyinfo(&b, kind, x);
	nb_buddyinfo_release(&b);
}

void nb_extfrag_print(const struct nb_extfrag *x, struct nb_text *out)
{
	for (size_t i = 0; i < x->nr_rows; i++) {
		if (x->rows[i].raw)
			nb_text_puts(out, x->rows[i].raw);
		else
			print_row(&x->rows[i], x->kind, out);
		if (!x->cut || i + 1 < x->nr_rows)
			nb_text_add(out, "\n", 1);
	}
}

json_t *nb_extfrag_json(const struct nb_extfrag *x)
{
	json_t *j = json_object(), *zones = json_array();

	for (size_t i = 0; i < x->nr_rows; i++) {
		const struct nb_extfrag_row *r = &x->rows[i];
		json_t *row, *index;

		if (!r->nr_orders)
			continue;
		row = json_object();
		index = json_array();
		for (unsigned o = 0; o < r->nr_orders; o++)
			json_array_append_new(index, json_real(r->milli[o] / 1000.0));
		json_object_set_new(row, "node", json_integer(r->nid));
		json_object_set_new(row, "zone", nb_json_string(r->zone));
		json_object_set_new(
			row, x->kind == NB_EXTFRAG_INDEX ? "extfrag_index" : "unusable_index",
			index);
		json_array_append_new(zones, row);
	}
	json_object_set_new(j, "zones", zones);
	return j;
}

void nb_extfrag_release(struct nb_extfrag *x)
{
	free(x->rows);
	nb_strings_release(&x->strings);
	*x = (struct nb_extfrag){0};
}

size_t nb_extfrag_nr_raw(const struct nb_extfrag *x)
{
	size_t n = 0;

	for (size_t i = 0; i < x->nr_rows; i++)
		n += x->rows[i].raw != NULL;
	return n;
}
