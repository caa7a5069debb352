/* layout.c -- zone and node ranges: out of a boot log, out of a system, as text and JSON. */
#include "view/layout.h"
#include "view/scan.h"
#include "view/view.h"
#include <inttypes.h>
#include <stdlib.h>

enum section { NONE, ZONES, MOVABLE, NODES };

static struct nb_layout_range *add(struct nb_layout_ranges *l, int nid, const char *zone)
{
	struct nb_layout_range *r = nb_append(&l->v, &l->n, &l->cap, sizeof(*l->v));

	r->nid = nid;
	r->zone = zone;
	return r;
}

static bool address(struct nb_cursor *cur, uint64_t *ret)
{
	return nb_cur_lit(cur, "0x") && nb_cur_hex(cur, ret);
}

/* A frame number: hex with 0x, or decimal. As bytes, of 4 KiB pages; those kernels had no others.
 */
static bool frame(struct nb_cursor *cur, uint64_t *ret)
{
	uint64_t pfn;

	nb_cur_blanks(cur);
	if (!(nb_cur_lit(cur, "0x") ? nb_cur_hex(cur, &pfn) : nb_cur_u64(cur, &pfn)) ||
	    pfn > UINT64_MAX >> 12)
		return false;
	*ret = pfn << 12;
	return true;
}

/* "[mem 0x..-0x..]", "empty", or frame numbers "1 -> 4096". */
static bool range(struct nb_cursor cur, bool pfns, struct nb_layout_range *r)
{
	nb_cur_blanks(&cur);
	if (nb_cur_lit(&cur, "empty") || nb_cur_lit(&cur, "as memoryless")) {
		r->empty = true;
		return true;
	}
	if (pfns) {
		if (!frame(&cur, &r->start) || !nb_cur_lit(&cur, " -> ") || !frame(&cur, &r->end) ||
		    r->end < r->start)
			return false;
		r->empty = r->end == r->start;
		r->end -= !r->empty;
		return true;
	}
	return nb_cur_lit(&cur, "[mem ") && address(&cur, &r->start) && nb_cur_lit(&cur, "-") &&
	       address(&cur, &r->end) && nb_cur_lit(&cur, "]") && r->end >= r->start;
}

static void drop(struct nb_layout_ranges *l)
{
	l->n = 0;
}

/* A heading begins a section; a boot told again replaces the first. */
static bool heading(struct nb_layout *l, struct nb_cursor cur, enum section *s)
{
	bool pfns = nb_cur_lit(&cur, "Zone PFN ranges:");

	if (pfns || nb_cur_lit(&cur, "Zone ranges:")) {
		drop(&l->zones);
		drop(&l->movable);
		drop(&l->nodes);
		drop(&l->initmem);
		l->pfns = pfns;
		l->has_zones = true;
		*s = ZONES;
	} else if (nb_cur_lit(&cur, "Movable zone start ")) {
		drop(&l->movable);
		l->has_movable = true;
		*s = MOVABLE;
	} else if (nb_cur_lit(&cur, "Early memory node ranges") ||
		   nb_cur_lit(&cur, "early_node_map[")) {
		drop(&l->nodes);
		l->has_nodes = true;
		*s = NODES;
	} else {
		return false;
	}
	return true;
}

/* A line within a section; 1 when the section is over. */
static int section_line(struct nb_scan *sc, struct nb_layout *l, struct nb_cursor cur,
			enum section s, struct nb_error *err)
{
	struct nb_layout_range r = {.nid = NB_NO_NODE};
	const char *name;
	uint64_t nid;

	if (s == ZONES) {
		size_t n = nb_cur_word(&cur, 0, &name);

		if (!n || nb_zone_by_name(name, n) < 0)
			return 1;
		if (!range(cur, l->pfns, &r))
			return nb_scan_fail(sc, err, "zone range", "[mem 0xSTART-0xEND] or empty");
		r.zone = nb_strings_intern(&l->strings, name, n);
		*add(&l->zones, NB_NO_NODE, NULL) = r;
		return 0;
	}
	if (!nb_cur_lit(&cur, s == MOVABLE ? "Node " : "node ") && !(l->pfns && s == NODES))
		return 1;
	nb_cur_blanks(&cur);
	if (!nb_cur_max(&cur, NB_MAX_NODES - 1, &nid) || !nb_cur_lit(&cur, ": "))
		return s == NODES && l->pfns
			       ? 1
			       : nb_scan_fail(sc, err, "node range", "a node id below 1024");
	r.nid = (int)nid;
	if (s == NODES && !range(cur, l->pfns, &r))
		return nb_scan_fail(sc, err, "node range", "[mem 0xSTART-0xEND]");
	if (s == MOVABLE && !(l->pfns ? frame(&cur, &r.start) : address(&cur, &r.start)))
		return nb_scan_fail(sc, err, "movable zone start", "an address");
	*add(s == MOVABLE ? &l->movable : &l->nodes, 0, NULL) = r;
	return 0;
}

static int initmem_line(struct nb_scan *sc, struct nb_layout *l, struct nb_cursor cur,
			struct nb_error *err)
{
	struct nb_layout_range r = {0};
	uint64_t nid;

	if (!nb_cur_max(&cur, NB_MAX_NODES - 1, &nid))
		return nb_scan_fail(sc, err, "Initmem setup", "a node id below 1024");
	r.nid = (int)nid;
	if (range(cur, false, &r)) /* older kernels print other things here */
		*add(&l->initmem, 0, NULL) = r;
	return 0;
}

int nb_layout_parse(const char *text, size_t len, struct nb_layout *l, struct nb_error *err)
{
	enum section s = NONE;
	struct nb_scan sc;
	int ret = nb_scan_begin(&sc, text, len, err);

	*l = (struct nb_layout){0};
	while (!ret && nb_scan_line(&sc) && !sc.cut) {
		struct nb_cursor cur = nb_scan_cursor(&sc);

		nb_cur_timestamp(&cur);
		nb_cur_blanks(&cur);
		if (heading(l, cur, &s))
			continue;
		if (s != NONE) {
			ret = section_line(&sc, l, cur, s, err);
			if (ret <= 0)
				continue;
			ret = 0;
			s = NONE;
		}
		if (nb_cur_lit(&cur, "Initmem setup node "))
			ret = initmem_line(&sc, l, cur, err);
	}
	if (!ret && !l->has_zones && !l->has_movable && !l->has_nodes && !l->initmem.n)
		ret = nb_error_set(err, -NB_ENOENT, 0, "found no \"Zone ranges:\" in the boot log");
	if (ret)
		nb_layout_release(l);
	return ret;
}

static void fill_zones(const struct nb_system_info *info, struct nb_layout *l)
{
	for (int t = 0; t < NB_MAX_NR_ZONES; t++) {
		struct nb_layout_range *r;

		if (!(info->zones >> t & 1) || t == NB_ZONE_MOVABLE)
			continue;
		r = add(&l->zones, NB_NO_NODE, nb_zone_name((enum nb_zone_type)t));
		r->empty = info->zone_high_pfn[t] <= info->zone_low_pfn[t];
		r->start = info->zone_low_pfn[t] << info->page_shift;
		r->end = r->empty ? r->start : (info->zone_high_pfn[t] << info->page_shift) - 1;
	}
}

/* A node spans from its first to its last byte of boot memory. */
static void fill_initmem(const struct nb_system *sys, struct nb_layout *l)
{
	for (unsigned i = 0; i < nb_system_nr_nodes(sys); i++) {
		struct nb_layout_range *r = add(&l->initmem, nb_system_node_id(sys, i), NULL);

		r->empty = true;
		for (size_t k = 0; k < l->nodes.n; k++) {
			const struct nb_layout_range *m = &l->nodes.v[k];

			if (m->nid != r->nid)
				continue;
			if (r->empty || m->start < r->start)
				r->start = m->start;
			if (r->empty || m->end > r->end)
				r->end = m->end;
			r->empty = false;
		}
	}
}

void nb_layout_from_system(const struct nb_system *sys, struct nb_layout *l)
{
	const struct nb_mem_range *mem;
	struct nb_system_info info;
	unsigned n;

	*l = (struct nb_layout){.has_zones = true, .has_movable = true, .has_nodes = true};
	nb_system_info(sys, &info);
	l->pfns = info.profile->zoneinfo_format == NB_TEXT_2_6_24 ||
		  info.profile->zoneinfo_format == NB_TEXT_2_6_7;
	fill_zones(&info, l);
	for (unsigned i = 0; i < nb_system_nr_nodes(sys); i++) {
		struct nb_node_info ni;

		if (!nb_node_info(sys, nb_system_node_id(sys, i), &ni) && ni.movable_start_pfn)
			add(&l->movable, ni.nid, NULL)->start = ni.movable_start_pfn
								<< info.page_shift;
	}
	mem = nb_system_memblock(sys, &n);
	for (unsigned i = 0; i < n; i++) {
		struct nb_layout_range *r;

		if (mem[i].flags & NB_RANGE_HOTADDED)
			continue; /* came after this part of the log */
		r = add(&l->nodes, mem[i].nid, NULL);
		r->start = mem[i].start;
		r->end = mem[i].end - 1;
	}
	fill_initmem(sys, l);
}

static void print_range(const struct nb_layout_range *r, const char *empty, struct nb_text *out)
{
	if (r->empty)
		nb_text_printf(out, "%s\n", empty);
	else
		nb_text_printf(out, "[mem 0x%016" PRIx64 "-0x%016" PRIx64 "]\n", r->start, r->end);
}

static void print_frames(const struct nb_layout_range *r, struct nb_text *out)
{
	nb_text_printf(out, "%8" PRIu64 " -> %8" PRIu64 "\n", r->start >> 12,
		       r->empty ? r->start >> 12 : (r->end + 1) >> 12);
}

/* Kernels before 3.5, in the decimal form of 2.6.24. */
static void print_pfns(const struct nb_layout *l, struct nb_text *out)
{
	if (l->has_zones)
		nb_text_puts(out, "Zone PFN ranges:\n");
	for (size_t i = 0; i < l->zones.n; i++) {
		nb_text_printf(out, "  %-8s ", l->zones.v[i].zone);
		print_frames(&l->zones.v[i], out);
	}
	if (l->has_movable)
		nb_text_puts(out, "Movable zone start PFN for each node\n");
	for (size_t i = 0; i < l->movable.n; i++)
		nb_text_printf(out, "  Node %d: %" PRIu64 "\n", l->movable.v[i].nid,
			       l->movable.v[i].start >> 12);
	if (l->has_nodes)
		nb_text_printf(out, "early_node_map[%zu] active PFN ranges\n", l->nodes.n);
	for (size_t i = 0; i < l->nodes.n; i++) {
		nb_text_printf(out, "  %3d: ", l->nodes.v[i].nid);
		print_frames(&l->nodes.v[i], out);
	}
}

void nb_layout_print(const struct nb_layout *l, struct nb_text *out)
{
	if (l->pfns) {
		print_pfns(l, out);
		return;
	}
	if (l->has_zones)
		nb_text_puts(out, "Zone ranges:\n");
	for (size_t i = 0; i < l->zones.n; i++) {
		nb_text_printf(out, "  %-8s ", l->zones.v[i].zone);
		print_range(&l->zones.v[i], "empty", out);
	}
	if (l->has_movable)
		nb_text_puts(out, "Movable zone start for each node\n");
	for (size_t i = 0; i < l->movable.n; i++)
		nb_text_printf(out, "  Node %d: 0x%016" PRIx64 "\n", l->movable.v[i].nid,
			       l->movable.v[i].start);
	if (l->has_nodes)
		nb_text_puts(out, "Early memory node ranges\n");
	for (size_t i = 0; i < l->nodes.n; i++) {
		nb_text_printf(out, "  node %3d: ", l->nodes.v[i].nid);
		print_range(&l->nodes.v[i], "empty", out);
	}
	for (size_t i = 0; i < l->initmem.n; i++) {
		nb_text_printf(out, "Initmem setup node %d ", l->initmem.v[i].nid);
		print_range(&l->initmem.v[i], "as memoryless", out);
	}
}

static json_t *ranges_json(const struct nb_layout_ranges *l, bool start_only)
{
	json_t *a = json_array();

	for (size_t i = 0; i < l->n; i++) {
		const struct nb_layout_range *r = &l->v[i];
		json_t *j = json_object();

		if (r->zone)
			json_object_set_new(j, "zone", nb_json_string(r->zone));
		else
			json_object_set_new(j, "node", json_integer(r->nid));
		if (!start_only)
			json_object_set_new(j, "empty", json_boolean(r->empty));
		if (!r->empty)
			json_object_set_new(j, "start_bytes", nb_json_u64(r->start));
		if (!r->empty && !start_only)
			json_object_set_new(j, "end_bytes", nb_json_u64(r->end));
		json_array_append_new(a, j);
	}
	return a;
}

json_t *nb_layout_json(const struct nb_layout *l)
{
	json_t *j = json_object();

	json_object_set_new(j, "zones", ranges_json(&l->zones, false));
	json_object_set_new(j, "movable_starts", ranges_json(&l->movable, true));
	json_object_set_new(j, "node_ranges", ranges_json(&l->nodes, false));
	json_object_set_new(j, "nodes", ranges_json(&l->initmem, false));
	return j;
}

void nb_layout_release(struct nb_layout *l)
{
	free(l->zones.v);
	free(l->movable.v);
	free(l->nodes.v);
	free(l->initmem.v);
	nb_strings_release(&l->strings);
	*l = (struct nb_layout){0};
}
