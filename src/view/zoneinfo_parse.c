/* zoneinfo_parse.c -- /proc/zoneinfo in: 2.6.24 to 6.18.
 *
 * Called by nb_zoneinfo_parse()'s users. One pass, a line at a time; `state` knows the zone and the
 * page set that lines belong to. Each line ends with the rule of item.h: is it what the printer
 * would write? A page set is compared as a whole. The text's end within a line leaves that line
 * raw.
 */
#include "view/scan.h"
#include "view/zoneinfo_priv.h"
#include <string.h>

#define MAX_PROTECTION 64

struct state {
	struct nb_scan sc;
	struct nb_zoneinfo *z;
	struct nb_zoneinfo_zone *zone; /* the current one; moves when zones are added */
	bool in_node_stats;
	bool in_pageset;                   /* the zone's last page set takes lines */
	size_t pageset_start, pageset_end; /* its bytes in the text */
	struct nb_text rule;
	struct nb_error *err;
};

/* The page set under construction is complete: is its text what the rule prints? */
static void close_pageset(struct state *s)
{
	if (!s->in_pageset)
		return;
	s->in_pageset = false;

	struct nb_zoneinfo_zone *zone = s->zone;
	struct nb_zoneinfo_pageset *ps = &zone->pagesets[zone->nr_pagesets - 1];
	struct nb_scan whole = {.s = s->sc.text + s->pageset_start,
				.n = s->pageset_end - s->pageset_start};

	nb_text_clear(&s->rule);
	nb_zoneinfo_rule_line(s->z, zone, &zone->lines[zone->nr_lines - 1], &s->rule);
	ps->raw = nb_scan_raw(&whole, &s->z->strings, &s->rule);
}

static void close_line(struct state *s, struct nb_zoneinfo_line *l)
{
	nb_text_clear(&s->rule);
	nb_zoneinfo_rule_line(s->z, s->zone, l, &s->rule);
	l->raw = nb_scan_raw(&s->sc, &s->z->strings, &s->rule);
}

static void add_raw(struct state *s)
{
	struct nb_zoneinfo_line *l = nb_zoneinfo_add_line(s->zone, NB_ZI_LINE_RAW, 0);

	l->raw = nb_scan_raw(&s->sc, &s->z->strings, NULL);
}

static int heading(struct state *s, struct nb_cursor cur)
{
	const char *name;
	int nid, type;

	if (!nb_cur_node_zone(&cur, &s->z->strings, &nid, &name, &type))
		return nb_scan_fail(&s->sc, s->err, "zone heading", "\"Node N, zone NAME\"");
	s->zone = nb_zoneinfo_add_zone(s->z, nid, name, type);
	s->zone->line = s->sc.line;
	s->z->cut = s->sc.cut;
	s->in_node_stats = false;
	nb_text_clear(&s->rule);
	nb_zoneinfo_rule_heading(s->zone, &s->rule);
	s->zone->raw = nb_scan_raw(&s->sc, &s->z->strings, &s->rule);
	return 0;
}

/* The field whose label the line begins with, or NB_ZI_NR_FIELDS. */
static enum nb_zoneinfo_field find_field(struct nb_cursor *cur)
{
	for (unsigned f = 0; f < NB_ZI_NR_FIELDS; f++) {
		struct nb_cursor t = *cur;

		if (nb_cur_lit(&t, nb_zoneinfo_labels[f].word) && nb_cur_blanks(&t)) {
			*cur = t;
			return (enum nb_zoneinfo_field)f;
		}
	}
	return NB_ZI_NR_FIELDS;
}

static int field(struct state *s, enum nb_zoneinfo_field f, struct nb_cursor cur)
{
	uint64_t v;

	if (!nb_cur_u64(&cur, &v) || (!nb_cur_end(&cur) && *cur.p != ' '))
		return nb_scan_fail(&s->sc, s->err, nb_zoneinfo_labels[f].word,
				    "a whole number below 2^64");
	if (f == NB_ZI_FREE)
		s->in_node_stats = false;
	if (nb_zoneinfo_get(s->zone, f, NULL)) { /* said before: the first counts */
		add_raw(s);
		return 0;
	}

	struct nb_zoneinfo_line *l = nb_zoneinfo_add_field(s->zone, f, v);

	close_line(s, l);
	if (l->raw && f == NB_ZI_START_PFN) {
		l->narrow = true;
		close_line(s, l);
		l->narrow = !l->raw;
	}
	return 0;
}

static int protection(struct state *s, struct nb_cursor cur)
{
	uint64_t v[MAX_PROTECTION];
	unsigned n = 0;

	do {
		nb_cur_blanks(&cur);
		if (n == MAX_PROTECTION || !nb_cur_u64(&cur, &v[n]))
			return nb_scan_fail(&s->sc, s->err, "protection",
					    "whole numbers parted by \", \" and a \")\"");
		n++;
	} while (nb_cur_lit(&cur, ","));
	if (!nb_cur_lit(&cur, ")"))
		return nb_scan_fail(&s->sc, s->err, "protection", "a \")\" after the numbers");
	if (s->zone->protection) { /* said before: the first counts */
		add_raw(s);
		return 0;
	}
	s->zone->protection = nb_xcalloc(n, sizeof(v[0]));
	memcpy(s->zone->protection, v, n * sizeof(v[0]));
	s->zone->nr_protection = n;
	close_line(s, nb_zoneinfo_add_line(s->zone, NB_ZI_LINE_PROTECTION, 0));
	return 0;
}

static int pageset_begin(struct state *s, struct nb_cursor cur)
{
	struct nb_zoneinfo_pageset *ps;
	uint64_t cpu, pcp;

	nb_cur_blanks(&cur);
	if (!nb_cur_max(&cur, INT32_MAX, &cpu))
		return nb_scan_fail(&s->sc, s->err, "cpu", "a CPU number");
	ps = nb_zoneinfo_add_pageset(s->zone, (int)cpu);
	if (nb_cur_blanks(&cur) && nb_cur_lit(&cur, "pcp: ") && nb_cur_max(&cur, INT32_MAX, &pcp))
		ps->hot_cold = (int)pcp;
	s->in_pageset = true;
	s->pageset_start = (size_t)(s->sc.s - s->sc.text);
	s->pageset_end = s->pageset_start + s->sc.n;
	return 0;
}

/* A line of the page set under construction; 1 if it is none. */
static int pageset_line(struct state *s, struct nb_cursor cur)
{
	struct nb_zoneinfo_pageset *ps = &s->zone->pagesets[s->zone->nr_pagesets - 1];
	const struct {
		const char *label;
		uint32_t *value;
		bool *has;
	} part[] = {
		{"count:", &ps->count, NULL},
		{"high:", &ps->high, NULL},
		{"batch:", &ps->batch, NULL},
		{"high_min:", &ps->high_min, &ps->has_max},
		{"high_max:", &ps->high_max, &ps->has_max},
		{"vm stats threshold:", &ps->threshold, &ps->has_threshold},
	};

	for (size_t i = 0; i < sizeof(part) / sizeof(part[0]); i++) {
		uint64_t v;

		if (!nb_cur_lit(&cur, part[i].label))
			continue;
		nb_cur_blanks(&cur);
		if (!nb_cur_max(&cur, UINT32_MAX, &v))
			return nb_scan_fail(&s->sc, s->err, part[i].label,
					    "a whole number below 2^32");
		*part[i].value = (uint32_t)v;
		if (part[i].has)
			*part[i].has = true;
		s->pageset_end = (size_t)(s->sc.s - s->sc.text) + s->sc.n;
		return 0;
	}
	return 1;
}

/* "nr_free_pages 3776": a counter; 1 if the line is none. */
static int counter(struct state *s, struct nb_cursor cur)
{
	struct nb_items *items = s->in_node_stats ? &s->zone->node_items : &s->zone->items;
	const char *name, *start = cur.p;
	size_t n = nb_cur_word(&cur, 0, &name);
	uint64_t v;

	if (!n || !nb_cur_blanks(&cur) || !nb_cur_u64(&cur, &v) || !nb_cur_end(&cur))
		return 1;
	if (!s->z->item_indent && (start == s->sc.s + 4 || start == s->sc.s + 6))
		s->z->item_indent = (uint8_t)(start - s->sc.s);
	nb_items_add(items, nb_strings_intern(&s->z->strings, name, n), v);
	close_line(s, nb_zoneinfo_add_line(
			      s->zone, s->in_node_stats ? NB_ZI_LINE_NODE_ITEM : NB_ZI_LINE_ITEM,
			      items->n - 1));
	return 0;
}

/* A line within a zone. */
static int body(struct state *s)
{
	struct nb_cursor cur = nb_scan_cursor(&s->sc);
	enum nb_zoneinfo_field f;

	if (s->in_pageset) {
		int ret = pageset_line(s, cur);

		if (ret <= 0)
			return ret;
		close_pageset(s);
	}
	f = find_field(&cur);
	if (f != NB_ZI_NR_FIELDS)
		return field(s, f, cur);
	if (nb_cur_lit(&cur, "protection: ("))
		return protection(s, cur);
	if (nb_cur_lit(&cur, "cpu:"))
		return pageset_begin(s, cur);
	if (nb_cur_lit(&cur, "per-node stats")) {
		s->in_node_stats = true;
		close_line(s, nb_zoneinfo_add_line(s->zone, NB_ZI_LINE_NODE_STATS, 0));
		return 0;
	}
	if (nb_cur_lit(&cur, "pagesets")) {
		close_line(s, nb_zoneinfo_add_line(s->zone, NB_ZI_LINE_PAGESETS, 0));
		return 0;
	}
	if (counter(s, cur))
		add_raw(s);
	return 0;
}

static int line(struct state *s)
{
	struct nb_cursor cur = nb_scan_cursor(&s->sc);

	if (s->sc.cut && s->zone) {
		close_pageset(s);
		add_raw(s);
		s->z->cut = true;
		return 0;
	}
	if (!s->zone || (s->sc.n >= 5 && memcmp(s->sc.s, "Node ", 5) == 0)) {
		close_pageset(s);
		return heading(s, cur);
	}
	return body(s);
}

int nb_zoneinfo_parse(const char *text, size_t len, struct nb_zoneinfo *z, struct nb_error *err)
{
	struct state s = {.z = z, .err = err};
	int ret = nb_scan_begin(&s.sc, text, len, err);

	*z = (struct nb_zoneinfo){0};
	while (!ret && nb_scan_line(&s.sc))
		ret = line(&s);
	if (!ret) {
		close_pageset(&s);
		if (!z->nr_zones)
			ret = nb_error_set(err, -NB_EINVAL, 0,
					   "found no zone, expected \"Node N, zone NAME\" lines");
	}
	nb_text_release(&s.rule);
	if (ret)
		nb_zoneinfo_release(z);
	return ret;
}
