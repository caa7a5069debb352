/* pagetypeinfo.c -- /proc/pagetypeinfo: parser, printer, JSON, filler.
 *
 * Called by view_forms.c and observed.c. Free blocks by zone, migrate type and order, then
 * pageblocks by zone and type; ">100000" is what the kernel prints where it stops counting.
 * Source: mm/vmstat.c, pagetypeinfo_show().
 */
#include "view/pagetypeinfo.h"
#include "view/formats.h"
#include "view/names.h"
#include "view/scan.h"
#include "view/view.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char free_title[] = "Free pages count per migrate type at order";
static const char blocks_title[] = "Number of blocks type";

int nb_pagetypeinfo_type(const char *name)
{
	for (int t = 0; t < NB_MIGRATE_TYPES; t++)
		if (strcmp(nb_migratetype_name((enum nb_migratetype)t), name) == 0)
			return t;
	return strcmp(name, "Reserve") == 0 ? NB_MIGRATE_HIGHATOMIC : -1;
}

static struct nb_pagetypeinfo_line *add_line(struct nb_pagetypeinfo *p,
					     enum nb_pagetypeinfo_line_kind kind, size_t index)
{
	struct nb_pagetypeinfo_line *l =
		nb_append(&p->lines, &p->nr_lines, &p->cap_lines, sizeof(*p->lines));

	l->kind = kind;
	l->index = (uint32_t)index;
	return l;
}

static void print_free(const struct nb_pagetypeinfo_free *r, struct nb_text *out)
{
	nb_text_printf(out, "Node %4d, zone %8s, type %12s ", r->nid, r->zone, r->type);
	for (unsigned o = 0; o < r->nr_orders; o++)
		nb_text_printf(out, "%s%6" PRIu64 " ", r->capped >> o & 1 ? ">" : "",
			       r->nr_free[o]);
}

static void print_blocks(const struct nb_pagetypeinfo_blocks *r, struct nb_text *out)
{
	nb_text_printf(out, "Node %d, zone %8s ", r->nid, r->zone);
	for (unsigned t = 0; t < r->nr_types; t++)
		nb_text_printf(out, "%12" PRIu64 " ", r->nr_blocks[t]);
}

static void rule_line(const struct nb_pagetypeinfo *p, const struct nb_pagetypeinfo_line *l,
		      struct nb_text *out)
{
	switch (l->kind) {
	case NB_PTI_LINE_ORDER:
		nb_text_printf(out, "Page block order: %u", p->page_block_order);
		break;
	case NB_PTI_LINE_PAGES:
		nb_text_printf(out, "Pages per block:  %" PRIu64, p->pages_per_block);
		break;
	case NB_PTI_LINE_FREE_HEAD:
		nb_text_printf(out, "%-43s", free_title);
		for (unsigned o = 0; o < p->nr_orders; o++)
			nb_text_printf(out, "%s%6u ", o ? "" : " ", o);
		break;
	case NB_PTI_LINE_FREE:
		print_free(&p->free[l->index], out);
		break;
	case NB_PTI_LINE_BLOCKS_HEAD:
		nb_text_printf(out, "%-22s", blocks_title);
		for (unsigned t = 0; t < p->nr_types; t++)
			nb_text_printf(out, "%s%12s ", t ? "" : " ", p->types[t]);
		break;
	case NB_PTI_LINE_BLOCKS:
		print_blocks(&p->blocks[l->index], out);
		break;
	case NB_PTI_LINE_BLANK:
	case NB_PTI_LINE_RAW:
		break;
	}
}

static void close_line(struct nb_scan *sc, struct nb_pagetypeinfo *p,
		       struct nb_pagetypeinfo_line *l)
{
	struct nb_text rule = {0};

	rule_line(p, l, &rule);
	l->raw = nb_scan_raw(sc, &p->strings, &rule);
	nb_text_release(&rule);
}

static int free_row(struct nb_scan *sc, struct nb_pagetypeinfo *p, struct nb_pagetypeinfo_free *r,
		    struct nb_cursor cur, struct nb_error *err)
{
	const char *type;
	size_t n;

	nb_cur_blanks(&cur);
	n = nb_cur_word(&cur, 0, &type);
	r->type = nb_strings_intern(&p->strings, type, n);
	while (nb_cur_blanks(&cur), !nb_cur_end(&cur)) {
		bool capped = nb_cur_lit(&cur, ">");

		nb_cur_blanks(&cur); /* ">100000", but "> 99999" cannot be ruled out */
		if (r->nr_orders == NB_VIEW_MAX_ORDERS ||
		    !nb_cur_u64(&cur, &r->nr_free[r->nr_orders]))
			return nb_scan_fail(sc, err, "free pages per type",
					    "at most 32 whole numbers");
		r->capped |= (uint32_t)capped << r->nr_orders;
		r->nr_orders++;
	}
	struct nb_pagetypeinfo_free *kept =
		nb_append(&p->free, &p->nr_free_rows, &p->cap_free_rows, sizeof(*p->free));

	*kept = *r;
	close_line(sc, p, add_line(p, NB_PTI_LINE_FREE, p->nr_free_rows - 1));
	return 0;
}

static int blocks_row(struct nb_scan *sc, struct nb_pagetypeinfo *p,
		      struct nb_pagetypeinfo_blocks *r, struct nb_cursor cur, struct nb_error *err)
{
	while (nb_cur_blanks(&cur), !nb_cur_end(&cur)) {
		if (r->nr_types == NB_VIEW_MAX_TYPES ||
		    !nb_cur_u64(&cur, &r->nr_blocks[r->nr_types]))
			return nb_scan_fail(sc, err, "number of blocks",
					    "at most 16 whole numbers");
		r->nr_types++;
	}
	struct nb_pagetypeinfo_blocks *kept =
		nb_append(&p->blocks, &p->nr_blocks_rows, &p->cap_blocks_rows, sizeof(*p->blocks));

	*kept = *r;
	close_line(sc, p, add_line(p, NB_PTI_LINE_BLOCKS, p->nr_blocks_rows - 1));
	return 0;
}

static int row(struct nb_scan *sc, struct nb_pagetypeinfo *p, struct nb_cursor cur,
	       struct nb_error *err)
{
	struct nb_pagetypeinfo_free f = {0};
	struct nb_pagetypeinfo_blocks b = {0};

	if (!nb_cur_node_zone(&cur, &p->strings, &f.nid, &f.zone, &f.zone_type))
		return nb_scan_fail(sc, err, "row", "\"Node N, zone NAME\"");
	if (nb_cur_lit(&cur, ", type"))
		return free_row(sc, p, &f, cur, err);
	b.nid = f.nid;
	b.zone = f.zone;
	b.zone_type = f.zone_type;
	return blocks_row(sc, p, &b, cur, err);
}

/* The two tables' headings; their columns hold for all tables after them. */
static void free_head(struct nb_scan *sc, struct nb_pagetypeinfo *p, struct nb_cursor cur)
{
	uint64_t order;

	if (!p->nr_orders)
		while (nb_cur_blanks(&cur) && p->nr_orders < NB_VIEW_MAX_ORDERS &&
		       nb_cur_u64(&cur, &order) && order == p->nr_orders)
			p->nr_orders++;
	close_line(sc, p, add_line(p, NB_PTI_LINE_FREE_HEAD, 0));
}

static void blocks_head(struct nb_scan *sc, struct nb_pagetypeinfo *p, struct nb_cursor cur)
{
	if (!p->nr_types) {
		while (nb_cur_blanks(&cur) && p->nr_types < NB_VIEW_MAX_TYPES &&
		       !nb_cur_end(&cur)) {
			const char *name;
			size_t n = nb_cur_word(&cur, 0, &name);

			p->types[p->nr_types++] = nb_strings_intern(&p->strings, name, n);
		}
	}
	close_line(sc, p, add_line(p, NB_PTI_LINE_BLOCKS_HEAD, 0));
}

static int parse_line(struct nb_scan *sc, struct nb_pagetypeinfo *p, struct nb_error *err)
{
	struct nb_cursor cur = nb_scan_cursor(sc);
	uint64_t v;

	if (sc->cut) {
		p->cut = true;
		add_line(p, NB_PTI_LINE_RAW, 0)->raw = nb_scan_raw(sc, &p->strings, NULL);
		return 0;
	}
	if (sc->n >= 5 && memcmp(sc->s, "Node ", 5) == 0)
		return row(sc, p, cur, err);
	if (nb_cur_end(&cur)) {
		close_line(sc, p, add_line(p, NB_PTI_LINE_BLANK, 0));
	} else if (nb_cur_lit(&cur, free_title)) {
		free_head(sc, p, cur);
	} else if (nb_cur_lit(&cur, blocks_title)) {
		blocks_head(sc, p, cur);
	} else if (nb_cur_lit(&cur, "Page block order: ") && nb_cur_max(&cur, 63, &v) &&
		   (!p->has_order || v == p->page_block_order)) {
		p->has_order = true;
		p->page_block_order = (unsigned)v;
		close_line(sc, p, add_line(p, NB_PTI_LINE_ORDER, 0));
	} else if (nb_cur_lit(&cur, "Pages per block:  ") && nb_cur_u64(&cur, &v) &&
		   (!p->pages_per_block || v == p->pages_per_block)) {
		p->pages_per_block = v;
		close_line(sc, p, add_line(p, NB_PTI_LINE_PAGES, 0));
	} else {
		add_line(p, NB_PTI_LINE_RAW, 0)->raw = nb_scan_raw(sc, &p->strings, NULL);
	}
	return 0;
}

int nb_pagetypeinfo_parse(const char *text, size_t len, struct nb_pagetypeinfo *p,
			  struct nb_error *err)
{
	struct nb_scan sc;
	int ret = nb_scan_begin(&sc, text, len, err);

	*p = (struct nb_pagetypeinfo){0};
	while (!ret && nb_scan_line(&sc))
		ret = parse_line(&sc, p, err);
	if (!ret && !p->nr_free_rows && !p->nr_blocks_rows)
		ret = nb_error_set(err, -NB_EINVAL, 0,
				   "found no row, expected \"Node N, zone NAME, type TYPE\" lines");
	if (ret)
		nb_pagetypeinfo_release(p);
	return ret;
}

/* Linux stops counting a list at 100,000 blocks. Source: pagetypeinfo_showfree_print(). */
#define COUNT_LIMIT 100000

static void fill_free(struct nb_pagetypeinfo *p, const struct nb_zone_info *z, const char *name)
{
	int type = nb_pagetypeinfo_type(name);
	struct nb_pagetypeinfo_free *r =
		nb_append(&p->free, &p->nr_free_rows, &p->cap_free_rows, sizeof(*p->free));

	r->nid = z->nid;
	r->zone = nb_zone_name(z->type);
	r->zone_type = z->type;
	r->type = name;
	r->nr_orders = p->nr_orders;
	for (unsigned o = 0; o < p->nr_orders; o++) {
		r->nr_free[o] = z->nr_free_by_type[type][o];
		if (r->nr_free[o] >= COUNT_LIMIT) {
			r->nr_free[o] = COUNT_LIMIT;
			r->capped |= 1u << o;
		}
	}
	add_line(p, NB_PTI_LINE_FREE, p->nr_free_rows - 1);
}

static void fill_blocks(struct nb_pagetypeinfo *p, const struct nb_zone_info *z)
{
	struct nb_pagetypeinfo_blocks *r =
		nb_append(&p->blocks, &p->nr_blocks_rows, &p->cap_blocks_rows, sizeof(*p->blocks));

	r->nid = z->nid;
	r->zone = nb_zone_name(z->type);
	r->zone_type = z->type;
	r->nr_types = p->nr_types;
	for (unsigned t = 0; t < p->nr_types; t++)
		r->nr_blocks[t] = z->nr_pageblocks[nb_pagetypeinfo_type(p->types[t])];
	add_line(p, NB_PTI_LINE_BLOCKS, p->nr_blocks_rows - 1);
}

static void fill_node(struct nb_pagetypeinfo *p, const struct nb_system *sys, int nid,
		      unsigned zones)
{
	struct nb_zone_info z[NB_MAX_NR_ZONES];
	unsigned n = 0;

	for (int t = 0; t < NB_MAX_NR_ZONES; t++)
		if (zones >> t & 1 && !nb_zone_info(sys, nid, (enum nb_zone_type)t, &z[n]) &&
		    z[n].populated)
			n++;
	if (!n)
		return;
	add_line(p, NB_PTI_LINE_ORDER, 0);
	add_line(p, NB_PTI_LINE_PAGES, 0);
	add_line(p, NB_PTI_LINE_BLANK, 0);
	add_line(p, NB_PTI_LINE_FREE_HEAD, 0);
	for (unsigned i = 0; i < n; i++)
		for (unsigned t = 0; t < p->nr_types; t++)
			fill_free(p, &z[i], p->types[t]);
	add_line(p, NB_PTI_LINE_BLANK, 0);
	add_line(p, NB_PTI_LINE_BLOCKS_HEAD, 0);
	for (unsigned i = 0; i < n; i++)
		fill_blocks(p, &z[i]);
}

/* The columns: before 4.0 an order of its own, and MIGRATE_RESERVE where HighAtomic is now; 2.6.24
 * had no name for isolated blocks. */
static void set_types(struct nb_pagetypeinfo *p, const struct nb_system_info *info)
{
	static const char *const old[] = {"Unmovable", "Reclaimable", "Movable", "Reserve"};

	if (nb_prints(info->profile, NB_F_TO_3_10)) {
		for (; p->nr_types < sizeof(old) / sizeof(old[0]); p->nr_types++)
			p->types[p->nr_types] = old[p->nr_types];
		if (nb_prints(info->profile, NB_F_TO_2_6_24))
			return;
		if (nb_names_cma(info->arch))
			p->types[p->nr_types++] = nb_migratetype_name(NB_MIGRATE_CMA);
		p->types[p->nr_types++] = nb_migratetype_name(NB_MIGRATE_ISOLATE);
		return;
	}
	for (int t = 0; t < NB_MIGRATE_TYPES; t++)
		if (t != NB_MIGRATE_CMA || nb_names_cma(info->arch))
			p->types[p->nr_types++] = nb_migratetype_name((enum nb_migratetype)t);
}

void nb_pagetypeinfo_from_system(const struct nb_system *sys, struct nb_pagetypeinfo *p)
{
	struct nb_system_info info;

	*p = (struct nb_pagetypeinfo){0};
	nb_system_info(sys, &info);
	p->has_order = true;
	p->page_block_order = info.pageblock_order;
	p->pages_per_block = UINT64_C(1) << info.pageblock_order;
	p->nr_orders = info.max_order + 1;
	set_types(p, &info);
	for (unsigned i = 0; i < nb_system_nr_nodes(sys); i++)
		fill_node(p, sys, nb_system_node_id(sys, i), info.zones);
}

void nb_pagetypeinfo_print(const struct nb_pagetypeinfo *p, struct nb_text *out)
{
	for (size_t i = 0; i < p->nr_lines; i++) {
		if (p->lines[i].raw)
			nb_text_puts(out, p->lines[i].raw);
		else
			rule_line(p, &p->lines[i], out);
		if (!p->cut || i + 1 < p->nr_lines)
			nb_text_add(out, "\n", 1);
	}
}

static json_t *zone_object(int nid, const char *zone)
{
	json_t *j = json_object();

	json_object_set_new(j, "node", json_integer(nid));
	json_object_set_new(j, "zone", nb_json_string(zone));
	return j;
}

json_t *nb_pagetypeinfo_json(const struct nb_pagetypeinfo *p)
{
	json_t *j = json_object(), *rows = json_array();

	if (p->has_order)
		json_object_set_new(j, "page_block_order", json_integer(p->page_block_order));
	if (p->pages_per_block)
		json_object_set_new(j, "pages_per_block", nb_json_u64(p->pages_per_block));
	for (size_t i = 0; i < p->nr_free_rows; i++) {
		const struct nb_pagetypeinfo_free *r = &p->free[i];
		json_t *row_j = zone_object(r->nid, r->zone), *a = json_array();

		json_object_set_new(row_j, "type", nb_json_string(r->type));
		for (unsigned o = 0; o < r->nr_orders; o++)
			json_array_append_new(a, nb_json_u64(r->nr_free[o]));
		json_object_set_new(row_j, "free_blocks", a);
		if (r->capped)
			json_object_set_new(row_j, "counting_stopped_at_orders_mask",
					    json_integer(r->capped));
		json_array_append_new(rows, row_j);
	}
	json_object_set_new(j, "free", rows);
	rows = json_array();
	for (size_t i = 0; i < p->nr_blocks_rows; i++) {
		const struct nb_pagetypeinfo_blocks *r = &p->blocks[i];
		json_t *row_j = zone_object(r->nid, r->zone), *o = json_object();

		for (unsigned t = 0; t < r->nr_types && t < p->nr_types; t++)
			json_object_set_new(o, p->types[t], nb_json_u64(r->nr_blocks[t]));
		json_object_set_new(row_j, "pageblocks", o);
		json_array_append_new(rows, row_j);
	}
	json_object_set_new(j, "pageblocks", rows);
	return j;
}

void nb_pagetypeinfo_release(struct nb_pagetypeinfo *p)
{
	free(p->free);
	free(p->blocks);
	free(p->lines);
	nb_strings_release(&p->strings);
	*p = (struct nb_pagetypeinfo){0};
}

size_t nb_pagetypeinfo_nr_raw(const struct nb_pagetypeinfo *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->nr_lines; i++)
		n += p->lines[i].raw != NULL;
	return n;
}
