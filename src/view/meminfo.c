/* meminfo.c -- /proc/meminfo and a node's: parser, printer, JSON. What fills them: meminfo_fill.c.
 *
 * A line is LABEL, blanks, NUMBER, and " kB" unless it is a plain count. The kernel pads labels by
 * hand, to 14 columns (2.6.24), 16 (since) or a wrong 15 (a node's FileHugePages in 6.1), and
 * prints numbers right-aligned in 8 columns, plain counts in 5. So an item keeps how wide its label
 * stood: label_width + max(width, digits) is where the number ends.
 */
#include "view/meminfo.h"
#include "view/scan.h"
#include "view/view.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define KIB_WIDTH 8
#define COUNT_WIDTH 5

static void print_item(const struct nb_meminfo *m, const struct nb_item *it, struct nb_text *out)
{
	char digits[24];
	int n = snprintf(digits, sizeof(digits), "%" PRIu64, it->value);
	int label = (int)strlen(it->name) + 1;
	int room = it->label_width - label;
	int width = room + (it->kib ? KIB_WIDTH : COUNT_WIDTH);

	if (m->nid != NB_NO_NODE)
		nb_text_printf(out, "Node %d ", m->nid);
	if (n > width - (room > 0 ? room : 0))
		width = n + (room > 0 ? room : 0);
	nb_text_printf(out, "%s:%*s%s", it->name, width, digits, it->kib ? " kB" : "");
}

/* One "LABEL:   NUMBER[ kB]"; 1 if the line is none. */
static int parse_item(struct nb_scan *sc, struct nb_meminfo *m, struct nb_cursor cur,
		      struct nb_error *err)
{
	const char *start = cur.p, *name, *digits;
	struct nb_text rule = {0};
	struct nb_item *it;
	size_t n, width, end;
	uint64_t v;
	bool kib;

	n = nb_cur_word(&cur, ':', &name);
	if (!n || !nb_cur_lit(&cur, ":"))
		return 1;
	nb_cur_blanks(&cur);
	digits = cur.p;
	if (!nb_cur_u64(&cur, &v))
		return nb_scan_fail(sc, err, "meminfo", "\"NAME:\" and a whole number");
	end = (size_t)(cur.p - start);
	kib = nb_cur_lit(&cur, " kB");
	if (!nb_cur_end(&cur))
		return 1;
	width = kib ? KIB_WIDTH : COUNT_WIDTH;
	it = nb_items_add(&m->items, nb_strings_intern(&m->strings, name, n), v);
	it->kib = kib;
	if (end - (size_t)(digits - start) > width || end < width)
		width = end - (size_t)(digits - start);
	it->label_width = end - width < UINT8_MAX ? (uint8_t)(end - width) : 0;
	print_item(m, it, &rule);
	it->raw = nb_scan_raw(sc, &m->strings, &rule);
	nb_text_release(&rule);
	return 0;
}

/* *known counts the items so far: the first one tells whose file it is. Old kernels begin a node's
 * with an empty line. */
static int parse_line(struct nb_scan *sc, struct nb_meminfo *m, size_t *known, struct nb_error *err)
{
	struct nb_cursor cur = nb_scan_cursor(sc), t = cur;
	uint64_t nid;
	int ret = 1;

	if (nb_cur_lit(&t, "Node ") && nb_cur_max(&t, INT32_MAX, &nid) && nb_cur_blanks(&t)) {
		if (!*known)
			m->nid = (int)nid;
		if (m->nid == (int)nid)
			cur = t;
	}
	if (!sc->cut)
		ret = parse_item(sc, m, cur, err);
	*known += ret == 0;
	if (ret == 1) {
		m->cut = sc->cut;
		nb_items_add(&m->items, NULL, 0)->raw = nb_scan_raw(sc, &m->strings, NULL);
		ret = 0;
	}
	return ret;
}

int nb_meminfo_parse(const char *text, size_t len, struct nb_meminfo *m, struct nb_error *err)
{
	struct nb_scan sc;
	size_t known = 0;
	int ret = nb_scan_begin(&sc, text, len, err);

	*m = (struct nb_meminfo){.nid = NB_NO_NODE};
	while (!ret && nb_scan_line(&sc))
		ret = parse_line(&sc, m, &known, err);
	if (!ret && !known)
		ret = nb_error_set(
			err, -NB_EINVAL, 0,
			"found no item, expected lines such as \"MemTotal: 2023520 kB\"");
	if (ret)
		nb_meminfo_release(m);
	return ret;
}

void nb_meminfo_print(const struct nb_meminfo *m, struct nb_text *out)
{
	for (size_t i = 0; i < m->items.n; i++) {
		const struct nb_item *it = &m->items.v[i];

		if (it->raw)
			nb_text_puts(out, it->raw);
		else
			print_item(m, it, out);
		if (!m->cut || i + 1 < m->items.n)
			nb_text_add(out, "\n", 1);
	}
}

static bool upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "Active(anon)" -> "active_anon", "DirectMap2M" -> "direct_map_2m", "KReclaimable" ->
 * "k_reclaimable": a new word begins at a capital after a small letter or before one, at a digit
 * after a small letter, and at anything that is no letter. */
static void snake(const char *name, struct nb_text *out)
{
	for (size_t i = 0; name[i]; i++) {
		char c = name[i], prev = i ? name[i - 1] : '_', next = name[i + 1];

		if (!upper(c) && !lower(c) && !digit(c)) {
			if (next && next != ')')
				nb_text_add(out, "_", 1);
			continue;
		}
		if ((upper(c) && (lower(prev) || (upper(prev) && lower(next)))) ||
		    (digit(c) && lower(prev)))
			nb_text_add(out, "_", 1);
		if (upper(c))
			c = (char)(c - 'A' + 'a');
		nb_text_add(out, &c, 1);
	}
}

json_t *nb_meminfo_json(const struct nb_meminfo *m)
{
	json_t *j = json_object();
	struct nb_text key = {0};

	if (m->nid != NB_NO_NODE)
		json_object_set_new(j, "node", json_integer(m->nid));
	for (size_t i = 0; i < m->items.n; i++) {
		const struct nb_item *it = &m->items.v[i];

		if (!it->name)
			continue;
		nb_text_clear(&key);
		snake(it->name, &key);
		if (it->kib)
			nb_text_puts(&key, "_kib");
		json_object_set_new(j, nb_text_str(&key), nb_json_u64(it->value));
	}
	nb_text_release(&key);
	return j;
}

void nb_meminfo_release(struct nb_meminfo *m)
{
	nb_items_release(&m->items);
	nb_strings_release(&m->strings);
	*m = (struct nb_meminfo){.nid = NB_NO_NODE};
}
