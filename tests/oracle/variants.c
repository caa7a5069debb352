/* variants.c -- captures made out of captures: tuned, with a file missing, cut off, of another
 * kernel.
 *
 * Data-driven, over the snapshots of $NUMABOX_ORACLE and the archives of tests/machines:
 *   tuned    each step of a snapshot with steps/ as a capture of its own: the step's proc files,
 * its settings. Expect: no difference. missing  each file taken away in turn. Expect: no
 * difference, at least as many figures as the rest allows, and fewer than with it or as many; the
 * loss of proc/zoneinfo stands under "absent". cut      proc/zoneinfo ended at many places. Expect:
 * refused, or no difference. unknown  another release and unknown lines in zoneinfo. Expect: a note
 * that names the profile used, the lines printed back, no difference but in what the other kernel's
 * rules say.
 */
#include "base/hosted/text.h"
#include "read/capture.h"
#include "read/machine.h"
#include "read/verify.h"
#include "view/zoneinfo.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* A list of paths, each once. */
struct paths {
	char **v;
	size_t n;
};

static void collect(struct nb_tree *t, const char *dir, struct paths *out)
{
	const char *const *names = nb_tree_list(t, dir, NULL);
	const char *text;
	size_t len;

	for (; *names; names++) {
		struct nb_text path = {0};

		nb_text_printf(&path, "%s%s%s", dir, *dir ? "/" : "", *names);
		if (!nb_tree_read(t, nb_text_str(&path), &text, &len)) {
			out->v = nb_xrealloc(out->v, out->n + 1, sizeof(*out->v));
			out->v[out->n++] = path.s;
			continue;
		}
		if (strlen(nb_text_str(&path)) < 200)
			collect(t, nb_text_str(&path), out);
		nb_text_release(&path);
	}
}

static void free_paths(struct paths *p)
{
	while (p->n)
		free(p->v[--p->n]);
	free(p->v);
	p->v = NULL;
}

/* One file of a variant. */
static void put(struct nb_tree *from, struct nb_tree *to, const char *path, const char *as)
{
	const char *text;
	size_t len;

	assert_int_equal(nb_tree_read(from, path, &text, &len), 0);
	nb_tree_add(to, as, text, len);
}

struct outcome {
	bool refused;
	uint64_t compared, differences;
	struct nb_text report;
};

/* Takes over `t`. */
static void run(struct nb_tree *t, struct outcome *o)
{
	struct nb_machine *m;
	struct nb_capture *c = NULL;
	struct nb_verify *v;
	struct nb_error err = {0};
	struct nb_port port;

	memset(o, 0, sizeof(*o));
	nb_port_posix(&port, false);
	nb_tree_expand(t);
	m = nb_machine_new(&port);
	assert_non_null(m);
	if (nb_capture_from_tree(t, &c, &err) || nb_capture_to_machine(c, m, false, &err) ||
	    nb_machine_seal(m, &err) || nb_verify_run(&port, m, c, &v, &err)) {
		assert_true(err.text[0]); /* it says why */
		o->refused = true;
		nb_text_puts(&o->report, err.text);
	} else {
		o->compared = nb_verify_compared(v);
		o->differences = nb_verify_nr_differences(v);
		nb_verify_print(v, false, &o->report);
		nb_verify_free(v);
	}
	nb_capture_free(c);
	nb_machine_free(m);
}

static void expect_equal(struct outcome *o, const char *what, bool may_be_refused)
{
	if ((o->refused && !may_be_refused) || o->differences) {
		fprintf(stderr, "--- %s\n%s\n", what, nb_text_str(&o->report));
		nb_text_release(&o->report);
		fail_msg("%s: %s", what, o->refused ? "refused" : "differences");
	}
	nb_text_release(&o->report);
}

static struct nb_tree *open_tree(const char *path)
{
	struct nb_error err = {0};
	struct nb_tree *t;

	if (nb_tree_open(path, &t, &err))
		fail_msg("%s: %s", path, err.text);
	return t;
}

static bool starts(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

/* Read at the snapshot's instant, not the step's. */
static bool of_another_instant(const char *path)
{
	return starts(path, "steps/") || starts(path, "recomputed/") ||
	       starts(path, "numactl--hardware") || starts(path, "sys/kernel/debug/extfrag/") ||
	       (starts(path, "sys/devices/system/node/node") &&
		(strstr(path, "/vmstat") || strstr(path, "/numastat") || strstr(path, "/meminfo")));
}

static void put_settings(struct nb_tree *full, struct nb_tree *t, const char *step)
{
	const char *text, *line, *eq;
	size_t len, pos = 0, n;
	char path[256];

	assert_int_equal(nb_tree_readf(full, &text, &len, "steps/%s/sysctl.txt", step), 0);
	while (nb_next_line(text, len, &pos, &line, &n)) {
		eq = memchr(line, '=', n);
		if (!eq || eq == line || eq + 2 > line + n)
			continue;
		snprintf(path, sizeof(path), "proc/sys/vm/%.*s", (int)(eq - 1 - line), line);
		nb_tree_add(t, path, eq + 2, (size_t)(line + n - eq) - 2);
	}
}

static void tuned_step(struct nb_tree *full, const struct paths *all, const char *step)
{
	struct nb_tree *t = nb_tree_new_empty(step);
	struct outcome o;
	char own[256];
	size_t i;

	/* an overlay keeps what came first: the step's files before the snapshot's */
	snprintf(own, sizeof(own), "steps/%s/proc/", step);
	for (i = 0; i < all->n; i++) {
		if (starts(all->v[i], own))
			put(full, t, all->v[i], all->v[i] + strlen(own) - strlen("proc/"));
	}
	put_settings(full, t, step);
	for (i = 0; i < all->n; i++) {
		if (!of_another_instant(all->v[i]) && !nb_tree_has(t, all->v[i]))
			put(full, t, all->v[i], all->v[i]);
	}
	run(t, &o);
	expect_equal(&o, step, false);
}

/* Is the memory of the step that of the first one? */
static bool same_memory(struct nb_tree *t, const char *first, const char *step)
{
	const char *a, *b;
	size_t na, nb;

	if (nb_tree_readf(t, &a, &na, "steps/%s/memory_blocks.txt", first) ||
	    nb_tree_readf(t, &b, &nb, "steps/%s/memory_blocks.txt", step))
		return true;
	return na == nb && !memcmp(a, b, na);
}

static void tuned(void **state)
{
	struct nb_tree *full = open_tree(*state);
	struct paths all = {0};
	const char *const *steps = nb_tree_list(full, "steps", NULL);
	char path[256];
	size_t i;

	collect(full, "", &all);
	for (i = 0; steps[i]; i++) {
		snprintf(path, sizeof(path), "steps/%s/sysctl.txt", steps[i]);
		if (nb_tree_has(full, path) && same_memory(full, steps[0], steps[i]))
			tuned_step(full, &all, steps[i]);
	}
	free_paths(&all);
	nb_tree_close(full);
}

/* The whole tree but for one file, which may come with other contents. */
static struct nb_tree *without(struct nb_tree *full, const struct paths *all, const char *path)
{
	struct nb_tree *t = nb_tree_new_empty(path);
	size_t i;

	for (i = 0; i < all->n; i++) {
		if (strcmp(all->v[i], path) != 0)
			put(full, t, all->v[i], all->v[i]);
	}
	return t;
}

static void missing(void **state)
{
	struct nb_tree *full = open_tree(*state);
	struct paths all = {0};
	struct outcome whole, o;
	size_t i;

	collect(full, "", &all);
	run(without(full, &all, ""), &whole);
	for (i = 0; i < all.n; i++) {
		/* files of sysfs.tsv come back with it; hundreds of them matter to nobody here */
		if (starts(all.v[i], "sys/devices/system/cpu/") ||
		    starts(all.v[i], "sys/kernel/mm/"))
			continue;
		run(without(full, &all, all.v[i]), &o);
		assert_true(o.refused || (o.compared && o.compared <= whole.compared + 2));
		if (!strcmp(all.v[i], "proc/zoneinfo"))
			assert_non_null(strstr(nb_text_str(&o.report), "  proc/zoneinfo\n"));
		expect_equal(&o, all.v[i], false);
	}
	expect_equal(&whole, *state, false);
	free_paths(&all);
	nb_tree_close(full);
}

static void cut(void **state)
{
	static const char path[] = "proc/zoneinfo";
	struct nb_tree *full = open_tree(*state), *t;
	struct paths all = {0};
	struct outcome o;
	const char *text;
	char what[64];
	size_t len, at;

	collect(full, "", &all);
	assert_int_equal(nb_tree_read(full, path, &text, &len), 0);
	for (at = 0; at < len; at += at < 400 ? 29 : len / 40) {
		t = without(full, &all, path);
		nb_tree_add(t, path, text, at);
		run(t, &o);
		snprintf(what, sizeof(what), "zoneinfo cut at byte %zu", at);
		expect_equal(&o, what, true);
	}
	free_paths(&all);
	nb_tree_close(full);
}

/* Each zone gets lines that no kernel has. */
static void add_unknown(const char *text, size_t len, struct nb_text *out)
{
	size_t pos = 0, n;
	const char *s;

	while (nb_next_line(text, len, &pos, &s, &n)) {
		nb_text_printf(out, "%.*s\n", (int)n, s);
		if (n > 14 && starts(s, "        managed"))
			nb_text_puts(out, "        quarantined 7\n");
		if (n > 12 && starts(s, "  start_pfn:"))
			nb_text_puts(out, "  weather:    fair, 3 of 4\n");
	}
}

static void unknown(void **state)
{
	static const char path[] = "proc/zoneinfo";
	struct nb_tree *full = open_tree(*state), *t;
	struct nb_text more = {0}, back = {0};
	struct paths all = {0};
	struct nb_zoneinfo z;
	struct outcome o;
	const char *text;
	size_t len;

	collect(full, "", &all);
	assert_int_equal(nb_tree_read(full, path, &text, &len), 0);
	add_unknown(text, len, &more);
	assert_int_equal(nb_zoneinfo_parse(nb_text_str(&more), more.len, &z, NULL), 0);
	nb_zoneinfo_print(&z, &back);
	assert_string_equal(nb_text_str(&back), nb_text_str(&more));
	nb_zoneinfo_release(&z);
	t = without(full, &all, path);
	nb_tree_add(t, path, nb_text_str(&more), more.len);
	run(t, &o);
	expect_equal(&o, "unknown lines", false);

	t = without(full, &all, "proc/version");
	nb_tree_add(t, "proc/version",
		    "Linux version 5.14.0-427.el9.x86_64 (builder@vendor) #1 SMP\n", 60);
	run(t, &o);
	assert_false(o.refused);
	assert_non_null(strstr(nb_text_str(&o.report), "5.14.0-427"));
	assert_non_null(strstr(nb_text_str(&o.report), "nearest"));
	nb_text_release(&o.report);
	nb_text_release(&more);
	nb_text_release(&back);
	free_paths(&all);
	nb_tree_close(full);
}

struct list {
	struct CMUnitTest *test;
	size_t n;
};

static void add(struct list *l, const char *kind, CMUnitTestFunction f, const char *dir,
		const char *name)
{
	struct nb_text path = {0}, title = {0};

	nb_text_printf(&path, "%s/%s", dir, name);
	nb_text_printf(&title, "%s: %s", kind, name);
	l->test = nb_xrealloc(l->test, l->n + 1, sizeof(*l->test));
	l->test[l->n++] =
		(struct CMUnitTest){.name = title.s, .test_func = f, .initial_state = path.s};
}

static int visible(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static bool has_steps(const char *dir, const char *name)
{
	struct nb_text path = {0};
	struct nb_tree *t;
	bool has;

	nb_text_printf(&path, "%s/%s", dir, name);
	t = open_tree(nb_text_str(&path));
	has = nb_tree_list(t, "steps", NULL)[0] != NULL;
	nb_tree_close(t);
	nb_text_release(&path);
	return has;
}

/* Of the snapshots every tenth gets its files taken away: the shipped archives have all of them
 * done. */
static void add_snapshots(struct list *l, const char *dir)
{
	struct dirent **names;
	int n = scandir(dir, &names, visible, alphasort), i;

	for (i = 0; i < n; i++) {
		if (has_steps(dir, names[i]->d_name))
			add(l, "tuned", tuned, dir, names[i]->d_name);
		if (i % 30 == 0)
			add(l, "missing", missing, dir, names[i]->d_name);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
}

static void add_archives(struct list *l, const char *dir)
{
	struct dirent **names;
	int n = scandir(dir, &names, visible, alphasort), i, nr = 0;

	for (i = 0; i < n; i++) {
		if (strstr(names[i]->d_name, ".tar.gz")) {
			if (has_steps(dir, names[i]->d_name))
				add(l, "tuned", tuned, dir, names[i]->d_name);
			if (nr % 3 == 0)
				add(l, "missing", missing, dir, names[i]->d_name);
			if (nr++ % 3 == 1)
				add(l, "cut", cut, dir, names[i]->d_name);
			add(l, "unknown", unknown, dir, names[i]->d_name);
		}
		free(names[i]);
	}
	if (n >= 0)
		free(names);
}

int main(void)
{
	const char *oracle = getenv("NUMABOX_ORACLE"), *tests = getenv("NUMABOX_TESTS");
	struct nb_text dir = {0};
	struct list l = {0};
	size_t i;
	int rc;

	if (oracle) {
		nb_text_printf(&dir, "%s/snapshots", oracle);
		add_snapshots(&l, nb_text_str(&dir));
	}
	if (tests) {
		nb_text_clear(&dir);
		nb_text_printf(&dir, "%s/machines", tests);
		add_archives(&l, nb_text_str(&dir));
	}
	nb_text_release(&dir);
	if (!l.n)
		return 77;
	rc = _cmocka_run_group_tests("variants", l.test, l.n, NULL, NULL);
	for (i = 0; i < l.n; i++) {
		free((char *)(uintptr_t)l.test[i].name);
		free(l.test[i].initial_state);
	}
	free(l.test);
	return rc;
}
