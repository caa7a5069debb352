/* roundtrip.c -- every recorded file of the kernel's forms comes back byte for byte.
 *
 * Walks $NUMABOX_ORACLE/{snapshots,policy,traces}; each file whose name belongs to a form is parsed
 * and printed. Two things must hold for every single one: the same bytes, and not a line of them
 * kept raw, that is: all of them printed from typed fields by rule (view/item.h). Skipped without
 * the recordings; fails when a form has no file, so that it cannot pass on nothing.
 */
#define _GNU_SOURCE
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "view/buddyinfo.h"
#include "view/distance.h"
#include "view/extfrag.h"
#include "view/hardware.h"
#include "view/iomem.h"
#include "view/layout.h"
#include "view/meminfo.h"
#include "view/numastat.h"
#include "view/pagetypeinfo.h"
#include "view/showmem.h"
#include "view/vmstat.h"
#include "view/zoneinfo.h"
#include "view/zonelists.h"

/* Parses, prints into *out, returns the number of raw lines, or -1 with *err. */
typedef int (*round_fn)(const char *text, size_t len, struct nb_text *out, struct nb_error *err);

#define ROUND(form, type, parse, print, release, nr_raw)                           \
	static int round_##form(const char *text, size_t len, struct nb_text *out, \
				struct nb_error *err)                              \
	{                                                                          \
		struct type m;                                                     \
		int raw;                                                           \
                                                                                   \
		if (parse(text, len, &m, err))                                     \
			return -1;                                                 \
		print(&m, out);                                                    \
		raw = (int)(nr_raw);                                               \
		release(&m);                                                       \
		return raw;                                                        \
	}

static int parse_index(const char *text, size_t len, struct nb_extfrag *x, struct nb_error *err)
{
	return nb_extfrag_parse(text, len, NB_EXTFRAG_INDEX, x, err);
}

static int parse_unusable(const char *text, size_t len, struct nb_extfrag *x, struct nb_error *err)
{
	return nb_extfrag_parse(text, len, NB_EXTFRAG_UNUSABLE, x, err);
}

static void release_distance(struct nb_distance *d)
{
	(void)d;
}

ROUND(zoneinfo, nb_zoneinfo, nb_zoneinfo_parse, nb_zoneinfo_print, nb_zoneinfo_release,
      nb_zoneinfo_nr_raw(&m))
ROUND(buddyinfo, nb_buddyinfo, nb_buddyinfo_parse, nb_buddyinfo_print, nb_buddyinfo_release,
      nb_buddyinfo_nr_raw(&m))
ROUND(pagetypeinfo, nb_pagetypeinfo, nb_pagetypeinfo_parse, nb_pagetypeinfo_print,
      nb_pagetypeinfo_release, nb_pagetypeinfo_nr_raw(&m))
ROUND(meminfo, nb_meminfo, nb_meminfo_parse, nb_meminfo_print, nb_meminfo_release,
      nb_items_nr_raw(&m.items))
ROUND(counters, nb_counters, nb_counters_parse, nb_counters_print, nb_counters_release,
      nb_items_nr_raw(&m.items))
ROUND(iomem, nb_iomem, nb_iomem_parse, nb_iomem_print, nb_iomem_release, nb_iomem_nr_raw(&m))
ROUND(index, nb_extfrag, parse_index, nb_extfrag_print, nb_extfrag_release, nb_extfrag_nr_raw(&m))
ROUND(unusable, nb_extfrag, parse_unusable, nb_extfrag_print, nb_extfrag_release,
      nb_extfrag_nr_raw(&m))
ROUND(distance, nb_distance, nb_distance_parse, nb_distance_print, release_distance, 0 * m.n)
ROUND(hardware, nb_hardware, nb_hardware_parse, nb_hardware_print, nb_hardware_release,
      m.raw != NULL)
ROUND(numastat, nb_numastat, nb_numastat_parse, nb_numastat_print, nb_numastat_release,
      m.raw != NULL)

static const struct {
	const char *end; /* of the path */
	const char *form;
	round_fn fn;
} forms[] = {
	{"/zoneinfo", "zoneinfo", round_zoneinfo},
	{"/buddyinfo", "buddyinfo", round_buddyinfo},
	{"/pagetypeinfo", "pagetypeinfo", round_pagetypeinfo},
	{"/meminfo", "meminfo", round_meminfo},
	{"/vmstat", "vmstat", round_counters},
	{"/numastat", "node/N/numastat", round_counters},
	{"/iomem", "iomem", round_iomem},
	{"/extfrag_index", "extfrag_index", round_index},
	{"/unusable_index", "unusable_index", round_unusable},
	{"/distance", "node/N/distance", round_distance},
	{"/numactl--hardware", "hardware", round_hardware},
	{"/numastat.txt", "numastat", round_numastat},
};
#define NR_FORMS (sizeof(forms) / sizeof(forms[0]))

/* nftw() passes no argument of ours; the walk is one for all tests. */
static struct {
	unsigned files[NR_FORMS], failed[NR_FORMS];
	unsigned logs, logs_failed, reports;
	bool done;
} walk;

static char *slurp(const char *path, size_t *ret_len)
{
	FILE *f = fopen(path, "rb");
	char *text = NULL;
	size_t len = 0, n;

	if (!f)
		return NULL;
	do {
		text = nb_xrealloc(text, len + 65536, 1);
		n = fread(text + len, 1, 65536, f);
		len += n;
	} while (n);
	fclose(f);
	*ret_len = len;
	return text;
}

/* Where two texts part: the first differing line of each, to stderr. */
static void show_difference(const char *path, const char *a, size_t alen, const struct nb_text *b)
{
	size_t i = 0, line = 1, start = 0;

	for (; i < alen && i < b->len && a[i] == b->s[i]; i++) {
		if (a[i] == '\n') {
			line++;
			start = i + 1;
		}
	}
	fprintf(stderr, "# %s:%zu: byte %zu differs\n# kernel: %.*s\n# ours:   %.*s\n", path, line,
		i, (int)strcspn(a + start, "\n"), a + start,
		(int)strcspn(nb_text_str(b) + start, "\n"), nb_text_str(b) + start);
}

static bool round_trip(const char *path, round_fn fn)
{
	struct nb_error err = {0};
	struct nb_text out = {0};
	size_t len;
	char *text = slurp(path, &len);
	bool good = false;
	int raw;

	if (!text)
		return false;
	raw = fn(text, len, &out, &err);
	if (raw < 0) {
		fprintf(stderr, "# %s:%u: %s\n", path, err.line, err.text);
	} else if (raw > 0) {
		fprintf(stderr, "# %s: %d lines are printed by no rule\n", path, raw);
	} else if (out.len != len || memcmp(nb_text_str(&out), text, len) != 0) {
		text[len ? len - 1 : 0] = '\0';
		show_difference(path, text, len, &out);
	} else {
		good = true;
	}
	nb_text_release(&out);
	free(text);
	return good;
}

/* The log's lines that layout and zonelists speak of, without time stamps; the last of the
 * repeated fallback lines, as the model keeps them, so only logs with one boot build are compared.
 */
static void log_lines(const char *text, struct nb_text *layout, struct nb_text *lists,
		      unsigned *nr_built)
{
	static const char *const head[] = {
		"Zone ranges:",      "  DMA ",    "  DMA32 ",           "  Normal ",
		"  HighMem ",        "  Device ", "Movable zone start", "  Node ",
		"Early memory node", "  node ",   "Initmem setup node"};

	*nr_built = 0;
	for (const char *p = text; *p;) {
		size_t n = strcspn(p, "\n");
		const char *s = memchr(p, ']', n);

		s = s && p[0] == '[' && s[1] == ' ' ? s + 2 : p;
		n -= (size_t)(s - p);
		for (size_t i = 0; i < sizeof(head) / sizeof(head[0]); i++)
			if (strncmp(s, head[i], strlen(head[i])) == 0)
				nb_text_printf(layout, "%.*s\n", (int)n, s);
		if (strncmp(s, "Fallback order", 14) == 0 || strncmp(s, "Policy zone:", 12) == 0)
			nb_text_printf(lists, "%.*s\n", (int)n, s);
		*nr_built += strncmp(s, "Built ", 6) == 0;
		p = s + n + (s[n] == '\n');
	}
}

static bool same(const char *path, const struct nb_text *want, const struct nb_text *got)
{
	if (want->len == got->len && memcmp(nb_text_str(want), nb_text_str(got), got->len) == 0)
		return true;
	show_difference(path, nb_text_str(want), want->len, got);
	return false;
}

/* Every Mem-Info of a log, against its lines without time stamps. */
static bool reports_come_back(const char *path, const char *text, size_t len)
{
	struct nb_showmem s;
	bool good = true;

	while (len && !nb_showmem_parse(text, len, &s, NULL)) {
		struct nb_text want = {0}, got = {0};
		const char *from = strstr(text, "Mem-Info:"), *end = text + s.used;

		while (from > text && from[-1] != '\n')
			from--;
		while (from < end) {
			const char *stamp = memchr(from, ']', (size_t)(end - from));
			size_t n = strcspn(stamp + 2, "\n");

			nb_text_printf(&want, "%.*s\n", (int)n, stamp + 2);
			from = stamp + 2 + n + 1;
		}
		nb_showmem_print(&s, &got);
		good = same(path, &want, &got) && nb_showmem_nr_raw(&s) == 0 && good;
		/* the last line of a whole report */
		good = good && strstr(nb_text_str(&got), "pages hwpoisoned\n");
		text += s.used;
		len -= s.used;
		walk.reports++;
		nb_showmem_release(&s);
		nb_text_release(&want);
		nb_text_release(&got);
	}
	return good;
}

static bool log_trip(const char *path)
{
	struct nb_text layout = {0}, lists = {0}, got = {0};
	struct nb_zonelists z;
	struct nb_layout l;
	size_t len = 0;
	char *text = slurp(path, &len);
	unsigned nr_built;
	bool good = true;

	text = nb_xrealloc(text, len + 1, 1);
	text[len] = '\0';
	log_lines(text, &layout, &lists, &nr_built);
	if (layout.len && strstr(nb_text_str(&layout), "Zone ranges:")) {
		good = !nb_layout_parse(text, len, &l, NULL);
		if (good) {
			nb_layout_print(&l, &got);
			good = same(path, &layout, &got);
			nb_layout_release(&l);
		}
	}
	nb_text_clear(&got);
	if (lists.len && nr_built == 1) {
		good = !nb_zonelists_parse(text, len, &z, NULL) && good;
		nb_zonelists_print(&z, &got);
		good = same(path, &lists, &got) && good;
		nb_zonelists_release(&z);
	}
	good = reports_come_back(path, text, len) && good;
	free(text);
	nb_text_release(&layout);
	nb_text_release(&lists);
	nb_text_release(&got);
	return good;
}

static int visit(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	size_t n = strlen(path);

	(void)st;
	(void)ftw;
	if (type != FTW_F)
		return 0;
	for (size_t i = 0; i < NR_FORMS; i++) {
		size_t e = strlen(forms[i].end);

		/* /proc/sys/vm has files of such names too */
		if (n < e || strcmp(path + n - e, forms[i].end) != 0 || strstr(path, "proc/sys/"))
			continue;
		walk.files[i]++;
		walk.failed[i] += !round_trip(path, forms[i].fn);
	}
	if (n > 6 && strcmp(path + n - 6, "/dmesg") == 0) {
		walk.logs++;
		walk.logs_failed += !log_trip(path);
	}
	return 0;
}

static int walk_all(void **state)
{
	static const char *const parts[] = {"snapshots", "policy", "traces"};
	const char *oracle = getenv("NUMABOX_ORACLE");
	char path[4096];

	(void)state;
	for (size_t i = 0; oracle && i < sizeof(parts) / sizeof(parts[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", oracle, parts[i]);
		if (!nftw(path, visit, 32, FTW_PHYS))
			walk.done = true;
	}
	return 0;
}

static void form(void **state)
{
	size_t i = *(const size_t *)*state;

	if (!walk.done)
		skip();
	fprintf(stderr, "# %s: %u files, %u differ\n", forms[i].form, walk.files[i],
		walk.failed[i]);
	assert_int_not_equal(walk.files[i], 0);
	assert_int_equal(walk.failed[i], 0);
}

static void logs(void **state)
{
	(void)state;
	if (!walk.done)
		skip();
	fprintf(stderr, "# boot logs: %u files, %u differ; %u Mem-Info reports\n", walk.logs,
		walk.logs_failed, walk.reports);
	assert_int_not_equal(walk.logs, 0);
	assert_int_not_equal(walk.reports, 0);
	assert_int_equal(walk.logs_failed, 0);
}

int main(void)
{
	struct CMUnitTest tests[NR_FORMS + 1];
	size_t index[NR_FORMS];

	for (size_t i = 0; i < NR_FORMS; i++) {
		index[i] = i;
		tests[i] = (struct CMUnitTest){forms[i].form, form, NULL, NULL, &index[i]};
	}
	tests[NR_FORMS] = (struct CMUnitTest){"boot logs", logs, NULL, NULL, NULL};
	return cmocka_run_group_tests(tests, walk_all, NULL);
}
