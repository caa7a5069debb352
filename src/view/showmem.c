/* showmem.c -- the Mem-Info report: parser and printer. JSON: showmem_json.c; what fills it:
 * showmem_fill.c. */
#include "view/showmem.h"
#include "view/scan.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char letters[NB_MIGRATE_TYPES] = {
	[NB_MIGRATE_UNMOVABLE] = 'U',  [NB_MIGRATE_MOVABLE] = 'M', [NB_MIGRATE_RECLAIMABLE] = 'E',
	[NB_MIGRATE_HIGHATOMIC] = 'H', [NB_MIGRATE_CMA] = 'C',     [NB_MIGRATE_ISOLATE] = 'I',
};

static const char *const totals[] = {
	"total pagecache pages",
	"pages in swap cache",
	"pages RAM",
	"pages HighMem/MovableOnly",
	"pages reserved",
	"pages cma reserved",
	"pages hwpoisoned",
	"pages HighMem",
	"pages in swapcache",
	NULL,
};

/* --- printing --- */

static const char *unit(const struct nb_showmem_line *l, const struct nb_item *it)
{
	if (l->kind == NB_SHOWMEM_GLOBAL)
		return "";
	/* the two spell their unit with a capital K */
	return strcmp(it->name, "reserved_highatomic") == 0 ||
			       strcmp(it->name, "free_highatomic") == 0
		       ? "KB"
		       : "kB";
}

static void print_items(const struct nb_showmem_line *l, struct nb_text *out)
{
	const char *sep = l->kind == NB_SHOWMEM_GLOBAL && !l->continued ? "" : " ";

	for (size_t i = 0; i <= l->items.n; i++) {
		if (l->has_unreclaimable && i == l->unreclaimable_at) {
			nb_text_printf(out, "%sall_unreclaimable? %s", sep,
				       l->all_unreclaimable ? "yes" : "no");
			sep = " ";
		}
		if (i == l->items.n)
			break;
		nb_text_printf(out, "%s%s:%s%" PRIu64 "%s", sep, l->items.v[i].name,
			       l->items.v[i].label_width ? " " : "", l->items.v[i].value,
			       unit(l, &l->items.v[i]));
		sep = " ";
	}
}

static void print_buddy(const struct nb_showmem_line *l, struct nb_text *out)
{
	nb_text_printf(out, "%s: ", l->zone);
	for (unsigned o = 0; o < l->nr; o++) {
		nb_text_printf(out, "%" PRIu64 "*%" PRIu64 "kB ", l->v[o], l->block_kib << o);
		if (!l->letters[o])
			continue;
		nb_text_puts(out, "(");
		for (unsigned t = 0; t < NB_MIGRATE_TYPES; t++)
			if (l->letters[o] >> t & 1)
				nb_text_add(out, &letters[t], 1);
		nb_text_puts(out, ") ");
	}
	nb_text_printf(out, "= %" PRIu64 "kB", l->total_kib);
}

static void print_huge(const struct nb_showmem_line *l, struct nb_text *out)
{
	for (size_t i = 0; i < l->items.n; i++)
		nb_text_printf(out, "%s%s=%" PRIu64 "%s", i ? " " : "", l->items.v[i].name,
			       l->items.v[i].value,
			       strcmp(l->items.v[i].name, "hugepages_size") == 0 ? "kB" : "");
}

static void print_line(const struct nb_showmem_line *l, struct nb_text *out)
{
	if (l->nid != NB_NO_NODE && l->kind != NB_SHOWMEM_RESERVE)
		nb_text_printf(out, l->kind == NB_SHOWMEM_NODE ? "Node %d" : "Node %d ", l->nid);
	switch (l->kind) {
	case NB_SHOWMEM_HEAD:
		nb_text_puts(out, "Mem-Info:");
		break;
	case NB_SHOWMEM_ZONE:
		nb_text_puts(out, l->zone);
		print_items(l, out);
		break;
	case NB_SHOWMEM_GLOBAL:
	case NB_SHOWMEM_NODE:
		print_items(l, out);
		break;
	case NB_SHOWMEM_RESERVE:
		nb_text_puts(out, "lowmem_reserve[]:");
		for (unsigned i = 0; i < l->nr; i++)
			nb_text_printf(out, " %" PRIu64, l->v[i]);
		break;
	case NB_SHOWMEM_BUDDY:
		print_buddy(l, out);
		break;
	case NB_SHOWMEM_HUGE:
		print_huge(l, out);
		break;
	case NB_SHOWMEM_TOTAL:
		nb_text_printf(out, "%" PRIu64 " %s", l->items.v[0].value, l->items.v[0].name);
		break;
	case NB_SHOWMEM_SWAP:
		nb_text_printf(out, "%-10s = %" PRIu64 "kB", l->items.v[0].name,
			       l->items.v[0].value);
		break;
	case NB_SHOWMEM_RAW:
		break;
	}
}

void nb_showmem_print(const struct nb_showmem *s, struct nb_text *out)
{
	for (size_t i = 0; i < s->nr_lines; i++) {
		if (s->lines[i].raw)
			nb_text_puts(out, s->lines[i].raw);
		else
			print_line(&s->lines[i], out);
		nb_text_add(out, "\n", 1);
	}
}

/* --- parsing: each try_ function fills *l and says whether the line is of its kind --- */

/* "name:value[kB|KB]" items to the line's end, "all_unreclaimable? yes" among them. */
static bool try_items(struct nb_strings *p, struct nb_showmem_line *l, struct nb_cursor cur)
{
	while (nb_cur_blanks(&cur), !nb_cur_end(&cur)) {
		const char *name;
		struct nb_item *it;
		bool blank;
		uint64_t v;
		size_t n;

		if (nb_cur_lit(&cur, "all_unreclaimable? ")) {
			l->all_unreclaimable = nb_cur_lit(&cur, "yes");
			if (l->has_unreclaimable ||
			    (!l->all_unreclaimable && !nb_cur_lit(&cur, "no")))
				return false;
			l->has_unreclaimable = true;
			l->unreclaimable_at = l->items.n;
			continue;
		}
		n = nb_cur_word(&cur, ':', &name);
		if (!n || !nb_cur_lit(&cur, ":"))
			return false;
		blank = nb_cur_lit(&cur, " ");
		if (!nb_cur_u64(&cur, &v))
			return false;
		if (!nb_cur_lit(&cur, "kB"))
			nb_cur_lit(&cur, "KB");
		if (!nb_cur_end(&cur) && *cur.p != ' ')
			return false;
		it = nb_items_add(&l->items, nb_strings_intern(p, name, n), v);
		it->label_width = blank;
	}
	return l->items.n != 0;
}

static bool try_reserve(struct nb_showmem_line *l, struct nb_cursor cur)
{
	if (!nb_cur_lit(&cur, "lowmem_reserve[]:"))
		return false;
	while (nb_cur_blanks(&cur), !nb_cur_end(&cur))
		if (l->nr == NB_VIEW_MAX_ORDERS || !nb_cur_u64(&cur, &l->v[l->nr++]))
			return false;
	l->kind = NB_SHOWMEM_RESERVE;
	return true;
}

static bool letters_of(struct nb_cursor *cur, uint8_t *ret)
{
	while (!nb_cur_lit(cur, ")")) {
		unsigned t = 0;

		if (nb_cur_end(cur))
			return false;
		while (t < NB_MIGRATE_TYPES && letters[t] != *cur->p)
			t++;
		if (t < NB_MIGRATE_TYPES)
			*ret |= (uint8_t)(1u << t);
		cur->p++;
	}
	return true;
}

/* "DMA: 0*4kB 1*8kB (M) ... = 776kB" */
static bool try_buddy(struct nb_strings *p, struct nb_showmem_line *l, struct nb_cursor cur)
{
	const char *name;
	size_t n = nb_cur_word(&cur, ':', &name);
	uint64_t kib;

	if (!n || !nb_cur_lit(&cur, ": ") || nb_cur_end(&cur))
		return false;
	while (!nb_cur_lit(&cur, "= ")) {
		if (l->nr == NB_VIEW_MAX_ORDERS || !nb_cur_u64(&cur, &l->v[l->nr]) ||
		    !nb_cur_lit(&cur, "*") || !nb_cur_u64(&cur, &kib) || !nb_cur_lit(&cur, "kB"))
			return false;
		if (!l->nr)
			l->block_kib = kib;
		nb_cur_blanks(&cur);
		if (nb_cur_lit(&cur, "(") && !letters_of(&cur, &l->letters[l->nr]))
			return false;
		nb_cur_blanks(&cur);
		l->nr++;
	}
	if (!nb_cur_u64(&cur, &l->total_kib) || !l->nr)
		return false;
	l->kind = NB_SHOWMEM_BUDDY;
	l->zone = nb_strings_intern(p, name, n);
	l->type = nb_zone_by_name(name, n);
	return true;
}

/* "DMA free:784kB boost:0kB ..." */
static bool try_zone(struct nb_strings *p, struct nb_showmem_line *l, struct nb_cursor cur)
{
	const char *name;
	size_t n = nb_cur_word(&cur, ':', &name);
	struct nb_cursor t = cur;

	if (!n || !nb_cur_lit(&t, " free:") || !try_items(p, l, cur))
		return false;
	l->kind = NB_SHOWMEM_ZONE;
	l->zone = nb_strings_intern(p, name, n);
	l->type = nb_zone_by_name(name, n);
	return true;
}

static bool try_huge(struct nb_strings *p, struct nb_showmem_line *l, struct nb_cursor cur)
{
	while (nb_cur_blanks(&cur), !nb_cur_end(&cur)) {
		const char *name;
		size_t n = nb_cur_word(&cur, '=', &name);
		uint64_t v;

		if (n < 10 || memcmp(name, "hugepages_", 10) != 0 || !nb_cur_lit(&cur, "=") ||
		    !nb_cur_u64(&cur, &v))
			return false;
		nb_cur_lit(&cur, "kB");
		nb_items_add(&l->items, nb_strings_intern(p, name, n), v);
	}
	l->kind = NB_SHOWMEM_HUGE;
	return l->items.n != 0;
}

static bool try_total(struct nb_showmem_line *l, struct nb_cursor cur)
{
	uint64_t v;

	if (nb_cur_u64(&cur, &v) && nb_cur_blanks(&cur)) {
		for (unsigned i = 0; totals[i]; i++) {
			struct nb_cursor t = cur;

			if (!nb_cur_lit(&t, totals[i]) || !nb_cur_end(&t))
				continue;
			nb_items_add(&l->items, totals[i], v);
			l->kind = NB_SHOWMEM_TOTAL;
			return true;
		}
		return false;
	}
	const char *name = nb_cur_lit(&cur, "Free swap")    ? "Free swap"
			   : nb_cur_lit(&cur, "Total swap") ? "Total swap"
							    : NULL;

	nb_cur_blanks(&cur);
	if (!name || !nb_cur_lit(&cur, "= ") || !nb_cur_u64(&cur, &v))
		return false;
	nb_items_add(&l->items, name, v);
	l->kind = NB_SHOWMEM_SWAP;
	return true;
}

/* What older kernels print inside the report and nobody models: "Node 0 DMA per-cpu:" and its rows.
 */
static bool known_raw(struct nb_cursor cur)
{
	const char *name;

	if (nb_cur_lit(&cur, "CPU ") || nb_cur_lit(&cur, "Swap cache stats:"))
		return true;
	if (nb_cur_lit(&cur, "Node ")) {
		nb_cur_word(&cur, 0, &name);
		nb_cur_blanks(&cur);
	}
	return nb_cur_word(&cur, 0, &name) && nb_cur_lit(&cur, " per-cpu:") && nb_cur_end(&cur);
}

static void clear_line(struct nb_showmem_line *l)
{
	nb_items_release(&l->items);
	*l = (struct nb_showmem_line){.nid = NB_NO_NODE, .type = -1, .kind = NB_SHOWMEM_RAW};
}

/* Behind "Node N ", or at the line's beginning where kernels without NUMA print no node. */
static bool try_node(struct nb_strings *p, struct nb_showmem_line *l, struct nb_cursor cur)
{
	int nid = l->nid;

	if (try_huge(p, l, cur))
		return true;
	clear_line(l);
	l->nid = nid;
	if (try_buddy(p, l, cur))
		return true;
	clear_line(l);
	l->nid = nid;
	if (try_zone(p, l, cur))
		return true;
	clear_line(l);
	l->nid = nid;
	if (nid == NB_NO_NODE || !try_items(p, l, cur))
		return false;
	l->kind = NB_SHOWMEM_NODE;
	return true;
}

/* Is the line (without its time stamp) one of a report? */
static bool classify(struct nb_strings *p, struct nb_showmem_line *l, struct nb_cursor line)
{
	struct nb_cursor cur = line;
	uint64_t nid;

	clear_line(l);
	if (nb_cur_lit(&cur, "Mem-Info:")) {
		l->kind = NB_SHOWMEM_HEAD;
		return true;
	}
	if (nb_cur_lit(&cur, "Node ") && nb_cur_max(&cur, NB_MAX_NODES - 1, &nid) &&
	    nb_cur_lit(&cur, " ")) {
		l->nid = (int)nid;
		return try_node(p, l, cur) || (l->nid = NB_NO_NODE, known_raw(line));
	}
	if (try_node(p, l, line))
		return true;
	clear_line(l);
	if (try_reserve(l, line) || (clear_line(l), try_total(l, line)))
		return true;
	clear_line(l);
	cur = line;
	l->continued = nb_cur_blanks(&cur);
	if (try_items(p, l, cur)) {
		l->kind = NB_SHOWMEM_GLOBAL;
		return true;
	}
	clear_line(l);
	return known_raw(line);
}

bool nb_showmem_line_parse(struct nb_strings *p, const char *s, size_t n, struct nb_showmem_line *l)
{
	*l = (struct nb_showmem_line){0};
	return classify(p, l, nb_cursor(s, n));
}

/* The line without CR and time stamp, leading blank kept. */
static struct nb_cursor message(const struct nb_scan *sc)
{
	struct nb_cursor cur = nb_cursor(sc->s, sc->n);

	if (cur.end > cur.p && cur.end[-1] == '\r')
		cur.end--;
	nb_cur_timestamp(&cur);
	return cur;
}

/* Where the report begins: after skipping, the scan's next line is its first. */
static bool find_begin(struct nb_scan *sc)
{
	struct nb_scan at = *sc, fallback = *sc;
	struct nb_showmem_line l = {0};
	struct nb_strings strings = {0};
	bool found = false, head = false;

	while (!head) {
		struct nb_scan before = at;

		if (!nb_scan_line(&at))
			break;

		struct nb_cursor cur = message(&at);

		head = nb_cur_lit(&cur, "Mem-Info:");
		if (head) {
			fallback = before;
		} else if (!found && classify(&strings, &l, cur) &&
			   (l.kind == NB_SHOWMEM_ZONE || l.kind == NB_SHOWMEM_NODE ||
			    l.kind == NB_SHOWMEM_BUDDY)) {
			found = true;
			fallback = before;
		}
	}
	clear_line(&l);
	nb_strings_release(&strings);
	*sc = fallback;
	return found || head;
}

static void add(struct nb_showmem *s, struct nb_showmem_line *l, struct nb_cursor cur)
{
	struct nb_text rule = {0};
	struct nb_scan line = {.s = cur.p, .n = (size_t)(cur.end - cur.p)};
	struct nb_showmem_line *last = s->nr_lines ? &s->lines[s->nr_lines - 1] : NULL;

	if (l->kind == NB_SHOWMEM_RESERVE && last && last->kind == NB_SHOWMEM_ZONE) {
		l->nid = last->nid;
		l->zone = last->zone;
		l->type = last->type;
	}
	print_line(l, &rule);
	l->raw = nb_scan_raw(&line, &s->strings, l->kind == NB_SHOWMEM_RAW ? NULL : &rule);
	nb_text_release(&rule);
	*(struct nb_showmem_line *)nb_append(&s->lines, &s->nr_lines, &s->cap_lines,
					     sizeof(*s->lines)) = *l;
	*l = (struct nb_showmem_line){0};
}

int nb_showmem_parse(const char *text, size_t len, struct nb_showmem *s, struct nb_error *err)
{
	struct nb_showmem_line l = {0};
	struct nb_scan sc;
	int ret = nb_scan_begin(&sc, text, len, err);

	*s = (struct nb_showmem){0};
	if (ret)
		return ret;
	if (!find_begin(&sc))
		return nb_error_set(err, -NB_ENOENT, 0, "found no \"Mem-Info:\" report");
	s->used = sc.pos;
	while (nb_scan_line(&sc)) {
		struct nb_cursor cur = message(&sc);

		/* a second head is the next report */
		if (sc.cut || !classify(&s->strings, &l, cur) ||
		    (l.kind == NB_SHOWMEM_HEAD && s->nr_lines))
			break;
		add(s, &l, cur);
		s->used = sc.pos;
	}
	clear_line(&l);
	if (s->nr_lines)
		return 0;
	nb_showmem_release(s);
	return nb_error_set(err, -NB_ENOENT, sc.line, "the report ends within its first line");
}

void nb_showmem_release(struct nb_showmem *s)
{
	for (size_t i = 0; i < s->nr_lines; i++)
		nb_items_release(&s->lines[i].items);
	free(s->lines);
	nb_strings_release(&s->strings);
	*s = (struct nb_showmem){0};
}

size_t nb_showmem_nr_raw(const struct nb_showmem *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->nr_lines; i++)
		n += s->lines[i].raw != NULL;
	return n;
}
