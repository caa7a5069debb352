/* forms.c -- a booted machine's reports have the lines of the kernel's own, each with its numbers.
 *
 * For every snapshot: the machine is read and booted, each view is printed and set against the file
 * of the capture with all numbers masked, so that names, order, units, zones, CPUs and empty zones
 * must be the same. What does not depend on the kernel's mood (distances, sizes) is compared as it
 * is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>

#include "read/capture.h"
#include "read/machine.h"
#include "view/view.h"
#include <numabox/system.h>

static const struct {
	const char *view, *file;
	bool exact;
	const char *pass_over; /* lines that hold this word are left out */
	const char *only;      /* lines without this one are */
} forms[] = {
	{"zoneinfo", "proc/zoneinfo", false, NULL, NULL},
	{"buddyinfo", "proc/buddyinfo", false, NULL, NULL},
	{"pagetypeinfo", "proc/pagetypeinfo", false, NULL, NULL},
	{"meminfo", "proc/meminfo", false, NULL, NULL},
	{"vmstat", "proc/vmstat", false, NULL, NULL},
	{"extfrag_index", "sys/kernel/debug/extfrag/extfrag_index", false, NULL, NULL},
	{"unusable_index", "sys/kernel/debug/extfrag/unusable_index", false, NULL, NULL},
	{"hardware", "numactl--hardware", true, " free: ", NULL},
	{"iomem", "proc/iomem", true, NULL, "System RAM"},
	{"numastat", "numastat.txt", false, NULL, NULL},
	{"node/%d/meminfo", "sys/devices/system/node/node%d/meminfo", false, NULL, NULL},
	{"node/%d/vmstat", "sys/devices/system/node/node%d/vmstat", false, NULL, NULL},
	{"node/%d/numastat", "sys/devices/system/node/node%d/numastat", false, NULL, NULL},
	{"node/%d/distance", "sys/devices/system/node/node%d/distance", true, NULL, NULL},
};
#define NR_FORMS (sizeof(forms) / sizeof(forms[0]))

static unsigned compared[NR_FORMS], differ[NR_FORMS];
static bool walked;

/* Every run of digits (with blanks before it, and a sign or fraction) becomes one '#'; a name's own
 * digits stay. */
static void mask(const char *text, size_t form, struct nb_text *out)
{
	for (const char *p = text; *p;) {
		size_t n = strcspn(p, "\n") + 1;
		char line[512];

		snprintf(line, sizeof(line), "%.*s", (int)n, p);
		p += p[n - 1] ? n : n - 1;
		if ((forms[form].pass_over && strstr(line, forms[form].pass_over)) ||
		    (forms[form].only && !strstr(line, forms[form].only)))
			continue;
		for (const char *c = line; *c; c++) {
			bool start = c == line || strchr(" (:*>", c[-1]);
			size_t number = start ? strspn(c, " -.0123456789") : 0;

			if (forms[form].exact || !number || !strpbrk(c, "0123456789") ||
			    strcspn(c, "0123456789") >= number) {
				nb_text_add(out, c, 1);
				continue;
			}
			nb_text_add(out, "#", 1);
			c += number - 1;
		}
	}
}

static char *slurp(const char *dir, const char *name)
{
	char path[4096];
	char *text = NULL;
	size_t len = 0, n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "rb");
	if (!f)
		return NULL;
	do {
		text = nb_xrealloc(text, len + 65537, 1);
		n = fread(text + len, 1, 65536, f);
		len += n;
	} while (n);
	text[len] = '\0';
	fclose(f);
	return text;
}

static void compare(size_t i, const char *dir, const struct nb_system *sys, int nid)
{
	struct nb_view_source src = {.sys = sys};
	struct nb_text got = {0}, a = {0}, b = {0};
	char view[64], file[128];
	const struct nb_view *v;
	char *want;
	int found;

	snprintf(view, sizeof(view), forms[i].view, nid);
	snprintf(file, sizeof(file), forms[i].file, nid);
	want = slurp(dir, file);
	if (!want)
		return;
	compared[i]++;
	v = nb_view_find(view, &found, NULL);
	if (!v || nb_view_render(v, found, &src, NB_VIEW_TEXT, &got, NULL)) {
		differ[i]++;
		fprintf(stderr, "# %s: no %s\n", dir, view);
	} else {
		mask(want, i, &a);
		mask(nb_text_str(&got), i, &b);
		if (strcmp(nb_text_str(&a), nb_text_str(&b)) != 0) {
			size_t at = 0;

			while (nb_text_str(&a)[at] == nb_text_str(&b)[at])
				at++;
			while (at && nb_text_str(&a)[at - 1] != '\n')
				at--;
			differ[i]++;
			fprintf(stderr, "# %s %s\n# kernel: %.70s\n# ours:   %.70s\n", dir, view,
				nb_text_str(&a) + at, nb_text_str(&b) + at);
		}
	}
	free(want);
	nb_text_release(&got);
	nb_text_release(&a);
	nb_text_release(&b);
}

static void one_snapshot(const char *dir)
{
	struct nb_error err = {0};
	struct nb_capture *capture = NULL;
	struct nb_machine *m;
	struct nb_system *sys;
	struct nb_port port;

	nb_port_posix(&port, false);
	if (nb_read_machine(&port, dir, NULL, &m, &capture, &err)) {
		fprintf(stderr, "# %s: %s\n", dir, err.text);
		differ[0]++;
		return;
	}
	if (nb_system_boot(&port, m, NULL, &sys, &err)) {
		fprintf(stderr, "# %s: %s\n", dir, err.text);
		differ[0]++;
	} else {
		for (size_t i = 0; i < NR_FORMS; i++) {
			if (!strstr(forms[i].view, "%d")) {
				compare(i, dir, sys, 0);
				continue;
			}
			for (unsigned k = 0; k < nb_system_nr_nodes(sys); k++)
				compare(i, dir, sys, nb_system_node_id(sys, k));
		}
		nb_system_shutdown(sys);
	}
	nb_machine_free(m);
	nb_capture_free(capture);
}

static int walk_all(void **state)
{
	const char *oracle = getenv("NUMABOX_ORACLE");
	char path[4096];
	DIR *dir;

	(void)state;
	snprintf(path, sizeof(path), "%s/snapshots", oracle ? oracle : ".");
	dir = oracle ? opendir(path) : NULL;
	if (!dir)
		return 0;
	for (const struct dirent *e; (e = readdir(dir));) {
		char one[8192];

		if (e->d_name[0] == '.')
			continue;
		snprintf(one, sizeof(one), "%s/%s", path, e->d_name);
		one_snapshot(one);
		walked = true;
	}
	closedir(dir);
	return 0;
}

static void form(void **state)
{
	size_t i = *(const size_t *)*state;

	if (!walked)
		skip();
	fprintf(stderr, "# %s: %u compared, %u differ\n", forms[i].view, compared[i], differ[i]);
	assert_int_not_equal(compared[i], 0);
	assert_int_equal(differ[i], 0);
}

int main(void)
{
	struct CMUnitTest tests[NR_FORMS];
	size_t index[NR_FORMS];

	for (size_t i = 0; i < NR_FORMS; i++) {
		index[i] = i;
		tests[i] = (struct CMUnitTest){forms[i].view, form, NULL, NULL, &index[i]};
	}
	return cmocka_run_group_tests(tests, walk_all, NULL);
}
