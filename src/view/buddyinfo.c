/* buddyinfo.c -- /proc/buddyinfo: parser, printer, JSON, filler.
 *
 * Called by view_forms.c and observed.c. One line a populated zone, one column an order; blocks.
 * Source: mm/vmstat.c, frag_show_print().
 */
#include "view/buddyinfo.h"
#include "view/scan.h"
#include "view/view.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void print_row(const struct nb_buddyinfo_row *r, struct nb_text *out)
{
	nb_text_printf(out, "Node %d, zone %8s ", r->nid, r->zone);
	for (unsigned o = 0; o < r->nr_orders; o++)
		nb_text_printf(out, "%6" PRIu64 " ", r->nr_free[o]);
}

static struct nb_buddyinfo_row *add_row(struct nb_buddyinfo *b)
{
	return nb_append(&b->rows, &b->nr_rows, &b->cap_rows, sizeof(*b->rows));
}

/* The counts of a row from behind its zone's name. */
static int counts(struct nb_scan *sc, struct nb_cursor cur, struct nb_buddyinfo_row *r,
		  struct nb_error *err)
{
	while (nb_cur_blanks(&cur), !nb_cur_end(&cur)) {
		if (r->nr_orders == NB_VIEW_MAX_ORDERS)
			return nb_scan_fail(sc, err, "free blocks", "at most 32 counts");
		if (!nb_cur_u64(&cur, &r->nr_free[r->nr_orders]) ||
		    (!nb_cur_end(&cur) && *cur.p != ' ' && *cur.p != '\t'))
			return nb_scan_fail(sc, err, "free blocks", "whole numbers, one per order");
		r->nr_orders++;
	}
	if (!r->nr_orders)
		return nb_scan_fail(sc, err, "free blocks", "one count per order");
	return 0;
}

static int parse_line(struct nb_scan *sc, struct nb_buddyinfo *b, struct nb_error *err)
{
	struct nb_cursor cur = nb_scan_cursor(sc);
	struct nb_buddyinfo_row row = {0};
	struct nb_text rule = {0};
	int ret;

	if (sc->cut || nb_cur_end(&cur)) {
		b->cut = sc->cut;
		add_row(b)->raw = nb_scan_raw(sc, &b->strings, NULL);
		return 0;
	}
	if (!nb_cur_node_zone(&cur, &b->strings, &row.nid, &row.zone, &row.type))
		return nb_scan_fail(sc, err, "row", "\"Node N, zone NAME\" and counts");
	ret = counts(sc, cur, &row, err);
	if (ret)
		return ret;
	print_row(&row, &rule);
	row.raw = nb_scan_raw(sc, &b->strings, &rule);
	nb_text_release(&rule);
	*add_row(b) = row;
	return 0;
}

int nb_buddyinfo_parse(const char *text, size_t len, struct nb_buddyinfo *b, struct nb_error *err)
{
	struct nb_scan sc;
	size_t known = 0;
	int ret = nb_scan_begin(&sc, text, len, err);

	*b = (struct nb_buddyinfo){0};
	while (!ret && nb_scan_line(&sc))
		ret = parse_line(&sc, b, err);
	for (size_t i = 0; i < b->nr_rows; i++)
		known += b->rows[i].nr_orders != 0;
	if (!ret && !known)
		ret = nb_error_set(err, -NB_EINVAL, 0,
				   "found no row, expected \"Node N, zone NAME\" and counts");
	if (ret)
		nb_buddyinfo_release(b);
	return ret;
}

void nb_buddyinfo_from_system(const struct nb_system *sys, struct nb_buddyinfo *b)
{
	struct nb_system_info info;

	*b = (struct nb_buddyinfo){0};
	nb_system_info(sys, &info);
	for (unsigned i = 0; i < nb_system_nr_nodes(sys); i++) {
		for (int t = 0; t < NB_MAX_NR_ZONES; t++) {
			struct nb_zone_info z;
			struct nb_buddyinfo_row *r;

			if (!(info.zones >> t & 1) ||
			    nb_zone_info(sys, nb_system_node_id(sys, i), (enum nb_zone_type)t,
					 &z) ||
			    !z.populated)
				continue;
			r = add_row(b);
			r->nid = z.nid;
			r->type = t;
			r->zone = nb_zone_name(z.type);
			r->nr_orders = info.max_order + 1;
			memcpy(r->nr_free, z.nr_free, r->nr_orders * sizeof(r->nr_free[0]));
		}
	}
}

void nb_buddyinfo_print(const struct nb_buddyinfo *b, struct nb_text *out)
{
	for (size_t i = 0; i < b->nr_rows; i++) {
		if (b->rows[i].raw)
			nb_text_puts(out, b->rows[i].raw);
		else
			print_row(&b->rows[i], out);
		if (!b->cut || i + 1 < b->nr_rows)
			nb_text_add(out, "\n", 1);
	}
}

json_t *nb_buddyinfo_json(const struct nb_buddyinfo *b)
{
	json_t *j = json_object(), *zones = json_array();

	for (size_t i = 0; i < b->nr_rows; i++) {
		const struct nb_buddyinfo_row *r = &b->rows[i];
		json_t *row, *free_blocks;

		if (!r->nr_orders)
			continue;
		row = json_object();
		free_blocks = json_array();
		for (unsigned o = 0; o < r->nr_orders; o++)
			json_array_append_new(free_blocks, nb_json_u64(r->nr_free[o]));
		json_object_set_new(row, "node", json_integer(r->nid));
		json_object_set_new(row, "zone", nb_json_string(r->zone));
		json_object_set_new(row, "free_blocks", free_blocks);
		json_array_append_new(zones, row);
	}
	json_object_set_new(j, "zones", zones);
	return j;
}

void nb_buddyinfo_release(struct nb_buddyinfo *b)
{
	free(b->rows);
	nb_strings_release(&b->strings);
	*b = (struct nb_buddyinfo){0};
}

const struct nb_buddyinfo_row *nb_buddyinfo_find(const struct nb_buddyinfo *b, int nid,
						 const char *zone)
{
	for (size_t i = 0; i < b->nr_rows; i++)
		if (b->rows[i].nr_orders && b->rows[i].nid == nid &&
		    strcmp(b->rows[i].zone, zone) == 0)
			return &b->rows[i];
	return NULL;
}

uint64_t nb_buddyinfo_free_pages(const struct nb_buddyinfo_row *r)
{
	uint64_t n = 0;

	for (unsigned o = 0; o < r->nr_orders && o < NB_VIEW_MAX_ORDERS; o++)
		n += r->nr_free[o] << o;
	return n;
}

size_t nb_buddyinfo_nr_raw(const struct nb_buddyinfo *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->nr_rows; i++)
		n += b->rows[i].raw != NULL;
	return n;
}
