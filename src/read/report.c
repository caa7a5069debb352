/* report.c -- finds failure reports in a log: lines, their prefixes, where a report begins and
 * ends.
 *
 * Called by the command `explain` and by its fuzz target. A report begins with its first line
 * ("invoked oom-killer", "page allocation failure") and ends where the next begins, or when
 * MAX_GAP lines have told nothing. Source: facts 12.9 to 12.11.
 */
#include "read/report.h"
#include "read/report_line.h"
#include <stdlib.h>
#include <string.h>

#define PC_DMA_KIB 16384u
#define MAX_BROKEN 12u /* lines that one message may be broken into */
#define MAX_GAP 400u   /* stacks and other messages may stand between a report's parts */

/* ---- prefixes ---- */

static bool digits(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] < '0' || s[i] > '9')
			return false;
	return n > 0;
}

/* "12.345678", "Tue May  1 12:00:00 2024", "T1234", "C3": what stands in brackets before messages.
 * "165" alone is a row of the task table. */
static bool stamp(const char *s, size_t n)
{
	while (n && *s == ' ') {
		s++;
		n--;
	}
	while (n && s[n - 1] == ' ')
		n--;
	if (!n || n > 40)
		return false;
	if ((*s == 'T' || *s == 'C') && digits(s + 1, n - 1))
		return true;
	if (memchr(s, '.', n)) {
		size_t dot = (size_t)((const char *)memchr(s, '.', n) - s);

		return digits(s, dot) && digits(s + dot + 1, n - dot - 1);
	}
	return n > 12 && memchr(s, ':', n) && memchr("MTWFS", *s, 5);
}

static bool skip_brackets(struct nb_cursor *c)
{
	const char *close;

	if (c->p == c->end || *c->p != '[')
		return false;
	close = memchr(c->p, ']', (size_t)(c->end - c->p));
	if (!close || !stamp(c->p + 1, (size_t)(close - c->p - 1)))
		return false;
	c->p = close + 1;
	if (c->p < c->end && *c->p == ' ')
		c->p++;
	return true;
}

static bool skip_level(struct nb_cursor *c)
{
	struct nb_cursor t = *c;
	uint64_t v;

	if (nb_cur_lit(&t, "<") && nb_cur_max(&t, 191, &v) && nb_cur_lit(&t, ">")) {
		*c = t;
		return true;
	}
	if (nb_cur_lit(&t, ">")) { /* quoted in a mail */
		nb_cur_lit(&t, " ");
		*c = t;
		return true;
	}
	/* dmesg -x */
	if (nb_cur_lit(&t, "kern  :")) {
		const char *word;

		nb_cur_word(&t, ':', &word);
		nb_cur_blanks(&t);
		if (nb_cur_lit(&t, ": ")) {
			*c = t;
			return true;
		}
	}
	return false;
}

/* "May  1 12:00:00 host kernel: ", "2024-05-01T12:00:00+02:00 host kernel: " */
static bool skip_syslog(struct nb_cursor *c)
{
	static const char tag[] = " kernel: ";
	size_t n = (size_t)(c->end - c->p), max = n < 160 ? n : 160;
	bool date = n > 16 && ((c->p[0] >= 'A' && c->p[0] <= 'Z' && c->p[3] == ' ') ||
			       (c->p[0] >= '0' && c->p[0] <= '9' && c->p[4] == '-'));

	for (size_t i = 0; date && i + sizeof(tag) - 1 <= max; i++) {
		if (memcmp(c->p + i, tag, sizeof(tag) - 1) == 0) {
			c->p += i + sizeof(tag) - 1;
			return true;
		}
	}
	return false;
}

struct nb_cursor nb_report_message(const char *s, size_t n)
{
	struct nb_cursor c = nb_cursor(s, n);

	while (c.end > c.p && (c.end[-1] == '\r' || c.end[-1] == ' '))
		c.end--;
	/* each kind may stand before each other, indented; none stands more than a few times */
	for (unsigned i = 0; i < 8; i++) {
		nb_cur_blanks(&c);
		if (!skip_level(&c) && !skip_syslog(&c) && !skip_brackets(&c))
			break;
	}
	return c;
}

/* ---- words within a line ---- */

bool nb_report_find(struct nb_cursor *c, const char *text)
{
	size_t len = strlen(text), n = (size_t)(c->end - c->p);

	for (size_t i = 0; i + len <= n; i++) {
		if (c->p[i] == text[0] && memcmp(c->p + i, text, len) == 0) {
			c->p += i + len;
			return true;
		}
	}
	return false;
}

void nb_report_copy(struct nb_cursor *c, const char *stops, char *buf, size_t size)
{
	size_t n = 0;

	while (c->p < c->end && !strchr(stops, *c->p)) {
		if (n + 1 < size)
			buf[n++] = *c->p >= ' ' ? *c->p : '?';
		c->p++;
	}
	buf[n] = '\0';
}

bool nb_report_nodes(struct nb_cursor *c, struct nb_nodemask *ret)
{
	struct nb_nodemask m = {0};
	bool any = false;
	uint64_t a, b;

	do {
		if (!nb_cur_max(c, NB_MAX_NODES - 1, &a))
			break;
		b = a;
		if (nb_cur_lit(c, "-") && (!nb_cur_max(c, NB_MAX_NODES - 1, &b) || b < a))
			return false;
		for (; a <= b; a++)
			m.bits[a / 64] |= UINT64_C(1) << a % 64;
		any = true;
	} while (nb_cur_lit(c, ","));
	if (any)
		*ret = m;
	return any;
}

/* ---- the log ---- */

static struct nb_report *add(struct nb_reports *r, const struct nb_report *begun, unsigned line)
{
	struct nb_report *x;

	if (r->n == r->cap) {
		r->cap = r->cap ? 2 * r->cap : 4;
		r->v = nb_xrealloc(r->v, r->cap, sizeof(*r->v));
	}
	x = &r->v[r->n++];
	*x = *begun;
	x->line = x->end_line = line;
	return x;
}

static void blank(struct nb_report *x)
{
	*x = (struct nb_report){.cpu = -1};
	x->memcg_usage = x->memcg_limit = x->memcg_failcnt = NB_REPORT_UNKNOWN;
	x->memcg_swap_usage = x->memcg_swap_limit = NB_REPORT_UNKNOWN;
	x->anon_pages = x->file_pages = x->unevictable_pages = NB_REPORT_UNKNOWN;
	x->slab_reclaimable_pages = x->slab_unreclaimable_pages = NB_REPORT_UNKNOWN;
	x->shmem_pages = x->pagetables_pages = x->free_pages = NB_REPORT_UNKNOWN;
	x->ram_pages = x->reserved_pages = x->total_swap = x->free_swap = NB_REPORT_UNKNOWN;
	x->mlocked_pages = x->slab_pages = NB_REPORT_UNKNOWN;
}

/* The log as it is read: the report under way, and a message that a mail broke over lines. */
struct reading {
	struct nb_reports *r;
	struct nb_report *now;
	struct nb_text held;            /* a message whose end has not come yet */
	unsigned held_lines, held_from; /* its lines, and the first one's number */
	unsigned line;
};

/* 0; 1: enough reports. */
static int take_message(struct reading *in, struct nb_cursor line)
{
	struct nb_report begun;

	blank(&begun);
	if (nb_report_begin(&begun, line)) {
		if (in->r->n == NB_REPORT_MAX) {
			in->r->more = true;
			return 1;
		}
		in->now = add(in->r, &begun, in->held.len ? in->held_from : in->line);
		return 0;
	}
	if (!in->now || in->line - in->now->end_line > MAX_GAP)
		return 0;
	if (nb_report_mem_line(in->now, line))
		in->now->end_line = in->line;
	else
		nb_report_take(in->now, line);
	return 0;
}

static bool has(struct nb_cursor c, const char *text)
{
	return nb_report_find(&c, text);
}

/* Does the message begin a line of a zone, of a node or of free blocks that does not end in it?
 * Such lines are long, and mails break them. */
static bool unfinished(struct nb_cursor c)
{
	if (has(c, "page allocation failure: order:"))
		return !has(c, "mode:") || c.end[-1] == ',';
	if (has(c, " invoked oom-killer:"))
		return !has(c, "gfp_mask=") || c.end[-1] == ',';
	if (has(c, "CPU: ") && has(c, "omm: "))
		return !has(c, " #");
	if (has(c, "*4kB ") || has(c, "*16kB ") || has(c, "*64kB "))
		return has(c, ": ") && !has(c, "= "); /* "= 7088kB" is the last word */
	if (has(c, " free:") && has(c, " min:"))
		return !has(c, " free_cma:") && !has(c, "all_unreclaimable? ");
	if (has(c, " free:") && (has(c, " boost:") || has(c, "Node ")))
		return !has(c, " free_cma:");
	return has(c, "Node ") && has(c, " active_anon:") && !has(c, "all_unreclaimable? ");
}

/* Can the message go on with a broken line: items, blocks or migrate types, nothing else? */
static bool goes_on(struct nb_cursor c)
{
	static const char *const first_line[] = {
		"mode:",   "gfp_mask=",     "nodemask=", "order=",
		"cpuset=", "mems_allowed=", "oom_adj=",  "oom_score_adj="};
	uint64_t v;
	const char *w;

	nb_cur_blanks(&c);
	if (nb_cur_end(&c) || has(c, "lowmem_reserve") || nb_cur_lit(&c, "Node "))
		return false;
	for (size_t i = 0; i < sizeof(first_line) / sizeof(*first_line); i++)
		if (nb_cur_lit(&c, first_line[i]))
			return true;
	if (*c.p == '(' || *c.p == '=' || *c.p == '#' || nb_cur_lit(&c, "all_unreclaimable?"))
		return true;
	if (nb_cur_u64(&c, &v))
		return nb_cur_lit(&c, "*") || (nb_cur_lit(&c, "kB") && nb_cur_end(&c));
	return nb_cur_word(&c, ':', &w) && nb_cur_lit(&c, ":") &&
	       (nb_cur_blanks(&c), nb_cur_u64(&c, &v));
}

static int flush(struct reading *in)
{
	int rc = 0;

	if (in->held.len)
		rc = take_message(in, nb_cursor(nb_text_str(&in->held), in->held.len));
	nb_text_clear(&in->held);
	in->held_lines = 0;
	return rc;
}

static int one_message(struct reading *in, struct nb_cursor line)
{
	if (in->held.len && in->held_lines < MAX_BROKEN && goes_on(line)) {
		nb_cur_blanks(&line);
		nb_text_puts(&in->held, " ");
		nb_text_add(&in->held, line.p, (size_t)(line.end - line.p));
		in->held_lines++;
		line = nb_cursor(nb_text_str(&in->held), in->held.len);
		return unfinished(line) ? 0 : flush(in);
	}
	if (flush(in))
		return 1;
	if (!unfinished(line))
		return take_message(in, line);
	nb_text_add(&in->held, line.p, (size_t)(line.end - line.p));
	in->held_lines = 1;
	in->held_from = in->line;
	return 0;
}

/* rsyslog writes a message's newlines as #012. */
static int one_line(struct reading *in, struct nb_cursor line)
{
	while (line.p < line.end) {
		struct nb_cursor rest = line, part = line;

		if (nb_report_find(&rest, "#012"))
			part.end = rest.p - 4;
		else
			rest.p = line.end;
		if (one_message(in, part))
			return 1;
		line = rest;
	}
	return 0;
}

/* On 32-bit ARM the kernel calls all memory that it maps DMA: the engine's Normal. */
static void name_low_memory(struct nb_report *x)
{
	bool high = false, normal = false, large = false;

	for (unsigned i = 0; i < x->nr_zones; i++) {
		high |= x->zones[i].type == NB_ZONE_HIGHMEM;
		normal |= x->zones[i].type == NB_ZONE_NORMAL;
		large |= x->zones[i].type == NB_ZONE_DMA && x->zones[i].has_zone &&
			 x->zones[i].present != NB_REPORT_UNKNOWN &&
			 x->zones[i].present > PC_DMA_KIB;
	}
	if (!high || normal || !large)
		return;
	x->dma_is_low = true;
	for (unsigned i = 0; i < x->nr_zones; i++)
		if (x->zones[i].type == NB_ZONE_DMA)
			x->zones[i].type = NB_ZONE_NORMAL;
}

int nb_reports_parse(const char *text, size_t len, struct nb_reports *r, struct nb_error *err)
{
	struct reading in = {.r = r};
	struct nb_scan sc;
	int ret = nb_scan_begin(&sc, text, len, err), enough = 0;

	*r = (struct nb_reports){0};
	if (ret)
		return ret;
	while (!enough && nb_scan_line(&sc)) {
		in.line = sc.line;
		enough = one_line(&in, nb_report_message(sc.s, sc.n));
	}
	if (!enough)
		flush(&in);
	nb_text_release(&in.held);
	for (unsigned i = 0; i < r->n; i++)
		name_low_memory(&r->v[i]);
	if (r->n)
		return 0;
	nb_reports_release(r);
	return nb_error_set(
		err, -NB_ENOENT, 0,
		"found no report: expected a line \"... page allocation failure: order:N, "
		"mode:...\" or \"... invoked oom-killer: gfp_mask=...\"");
}

void nb_reports_release(struct nb_reports *r)
{
	for (unsigned i = 0; i < r->n; i++)
		free(r->v[i].zones);
	free(r->v);
	*r = (struct nb_reports){0};
}

const struct nb_report_zone *nb_report_zone(const struct nb_report *r, int nid, int type)
{
	for (unsigned i = 0; i < r->nr_zones; i++)
		if (r->zones[i].nid == nid && r->zones[i].type == type)
			return &r->zones[i];
	return NULL;
}
