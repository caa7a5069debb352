/* oom_lines.c -- see oom_lines.h. */
#include "oom_lines.h"

#include "base/hosted/text.h"
#include "play.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LINES = 256, MAX_WORDS = 64 };

struct lines {
	char *line[MAX_LINES];
	unsigned n;
};

/* Numbers that the moment decides, and how many per cent of the recorded one they may be off; 0:
 * anything. What a capture tells at the beginning moves a little until the kill. */
static const struct {
	const char *name;
	unsigned percent;
} live[] = {
	{"free", 0},
	{"boost", 0},
	{"free_pcp", 0},
	{"local_pcp", 0},
	{"active_anon", 3},
	{"inactive_anon", 3},
	{"slab_reclaimable", 10},
	{"slab_unreclaimable", 10},
	{"mapped", 5},
	{"shmem", 5},
	{"pagetables", 0},
	{"kernel_stack", 10},
	{"total_vm", 1},
	{"total-vm", 1},
	{"anon-rss", 3},
	{"shmem-rss", 0},
	{"pgtables", 10},
	{"pid", 0},
};

/* Below: lines of the recorded report; the stack is none. */
static bool is_row(const char *s)
{
	return s[0] == '[' && isdigit((unsigned char)s[1 + strspn(s + 1, " ")]);
}

static void add(struct lines *l, const char *s, size_t len)
{
	char *copy;

	while (len && (s[len - 1] == '\n' || s[len - 1] == ' '))
		len--;
	copy = nb_xcalloc(len + 1, 1);
	memcpy(copy, s, len);
	if (is_row(copy) || l->n == MAX_LINES)
		free(copy);
	else
		l->line[l->n++] = copy;
}

static void release(struct lines *l)
{
	while (l->n)
		free(l->line[--l->n]);
}

static void read_theirs(struct lines *l, const char *name)
{
	FILE *f = play_open(name, "dmesg", false);
	bool inside = false, stack = false;
	char line[2048];

	while (f && fgets(line, sizeof(line), f)) {
		const char *s = strstr(line, "] ");

		s = line[0] == '[' && s ? s + 2 : line;
		inside |= strstr(s, "invoked oom-killer") != NULL;
		stack |= inside && !strncmp(s, "CPU: ", 5);
		stack &= strncmp(s, "Mem-Info:", 9) != 0;
		if (inside && !stack)
			add(l, s, strlen(s));
		if (inside && strstr(s, "Killed process"))
			break;
	}
	if (f)
		fclose(f);
}

static void read_ours(struct lines *l, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		add(l, text, len);
		text += len + (text[len] == '\n');
	}
}

/* A line in words: name and number, as "free:851", "nr=3", "0*4kB", "(M)". */
struct word {
	char name[48], unit[16];
	bool number;
	uint64_t value;
};

static unsigned words_of(const char *s, struct word *w)
{
	unsigned n = 0;

	while (*s && n < MAX_WORDS) {
		size_t len = strcspn(s, " ,"), name = 0;
		char *end;

		if (!len) {
			s++;
			continue;
		}
		w[n] = (struct word){0};
		while (name < len && !isdigit((unsigned char)s[name]))
			name++;
		snprintf(w[n].name, sizeof(w[n].name), "%.*s", (int)name, s);
		if (name < len) {
			w[n].number = true;
			w[n].value = strtoull(s + name, &end, 0);
			snprintf(w[n].unit, sizeof(w[n].unit), "%.*s", (int)(s + len - end), end);
		}
		s += len;
		n++;
	}
	return n;
}

static uint64_t value_of(const struct word *w, unsigned n, const char *name)
{
	for (unsigned i = 0; i < n; i++) {
		if (!strcmp(w[i].name, name))
			return w[i].value;
	}
	return 0;
}

static bool near(uint64_t theirs, uint64_t ours, unsigned percent)
{
	uint64_t diff = theirs > ours ? theirs - ours : ours - theirs;

	return !percent || diff * 100 <= theirs * percent;
}

/* Is it such a number, and near enough? */
static bool live_and_near(const struct word *theirs, const struct word *ours)
{
	size_t len = strcspn(theirs->name, ":=");

	for (size_t i = 0; i < sizeof(live) / sizeof(live[0]); i++) {
		if (strlen(live[i].name) == len && !strncmp(live[i].name, theirs->name, len))
			return near(theirs->value, ours->value, live[i].percent);
	}
	return false;
}

/* The marks stand with the boost in them. */
static bool is_mark(const char *name)
{
	return !strcmp(name, "min:") || !strcmp(name, "low:") || !strcmp(name, "high:");
}

static void compare_line(const char *name, const char *a, const char *b, unsigned *equal,
			 unsigned *moving)
{
	struct word theirs[MAX_WORDS], ours[MAX_WORDS];
	unsigned n = words_of(a, theirs), m = words_of(b, ours);
	bool same = n == m;
	uint64_t boost = value_of(theirs, n, "boost:"), our_boost = value_of(ours, m, "boost:");

	for (unsigned i = 0; same && i < n; i++) {
		const struct word *x = &theirs[i], *y = &ours[i];
		uint64_t cut = is_mark(x->name) ? boost : 0, our_cut = cut ? our_boost : 0;

		if (is_mark(x->name))
			our_cut = our_boost;
		same = !strcmp(x->name, y->name) && x->number == y->number &&
		       !strcmp(x->unit, y->unit);
		if (!same || !x->number)
			continue;
		if (x->value - cut == y->value - our_cut) {
			++*equal;
			continue;
		}
		++*moving;
		same = live_and_near(x, y) || strstr(a, "total pagecache pages") ||
		       (i && !strcmp(theirs[i - 1].name, "process")); /* its pid */
	}
	if (!same)
		fail_msg("%s: the report has\n%s\nours\n%s", name, a, b);
}

/* Of a free list's line only whose it is: its blocks are the moment's. */
static size_t form_only(const char *s)
{
	return !strncmp(s, "Node ", 5) && strstr(s, "kB = ") ? strcspn(s, ":") : 0;
}

void oom_lines_compare(const char *name, const char *ours)
{
	struct lines a = {.n = 0}, b = {.n = 0};
	unsigned equal = 0, moving = 0;

	read_theirs(&a, name);
	read_ours(&b, ours);
	for (unsigned i = 0; i < a.n && i < b.n; i++) {
		size_t form = form_only(a.line[i]);

		if (form)
			assert_memory_equal(a.line[i], b.line[i], form);
		else
			compare_line(name, a.line[i], b.line[i], &equal, &moving);
	}
	print_message("# %s: report of %u lines, ours %u; %u numbers are the same, %u are the "
		      "moment's\n",
		      name, a.n, b.n, equal, moving);
	assert_int_equal(b.n, a.n);
	release(&a);
	release(&b);
}

unsigned oom_lines_zones(const char *name, struct oom_zone *zone, unsigned max)
{
	struct lines l = {.n = 0};
	unsigned n = 0;

	read_theirs(&l, name);
	for (unsigned i = 0; i < l.n && n < max; i++) {
		struct oom_zone *z = &zone[n];
		long long free_kib, boost_kib, min_kib;

		if (sscanf(l.line[i], "Node %d %15s free:%lldkB boost:%lldkB min:%lldkB", &z->nid,
			   z->zone, &free_kib, &boost_kib, &min_kib) != 5)
			continue;
		z->free = free_kib / 4;
		z->boost = boost_kib / 4;
		z->min = min_kib / 4;
		n++;
	}
	release(&l);
	return n;
}
