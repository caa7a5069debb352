/* verify.c -- every capture at hand is predicted, figure for figure.
 *
 * Data-driven: each directory of $NUMABOX_ORACLE/snapshots, the small trees policy/NAME/before and
 * traces/NAME/before, each archive of $NUMABOX_ORACLE/hwloc and of tests/machines is a test; a new
 * one needs no code. A difference fails it and is printed. Expect: at least the figures that a
 * capture of its kind has were compared, so that nothing passes by comparing nothing. hwloc's
 * archives may have nothing to compare.
 */
#include "base/hosted/text.h"
#include "read/capture.h"
#include "read/machine.h"
#include "read/verify.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

/* A capture and the least number of figures that it must have. */
struct subject {
	char *path;
	unsigned least;
};

static void verify(void **state)
{
	const struct subject *subject = *state;
	const char *path = subject->path;
	struct nb_machine *m = NULL;
	struct nb_capture *c = NULL;
	struct nb_verify *v = NULL;
	struct nb_error err = {0};
	struct nb_text out = {0};
	struct nb_port port;
	uint64_t differ;
	int rc;

	nb_port_posix(&port, false);
	if (nb_read_machine(&port, path, NULL, &m, &c, &err))
		fail_msg("%s:%u: %s", err.file, err.line, err.text);
	rc = nb_verify_run(&port, m, c, &v, &err);
	if (rc == -NB_ENOENT && !subject->least) {
		nb_capture_free(c);
		nb_machine_free(m);
		return;
	}
	if (rc)
		fail_msg("%s:%u: %s", err.file, err.line, err.text);
	differ = nb_verify_nr_differences(v);
	if (differ) {
		nb_verify_print(v, false, &out);
		print_error("%s\n", nb_text_str(&out));
	}
	nb_text_release(&out);
	assert_true(nb_verify_compared(v) >= subject->least);
	nb_verify_free(v);
	nb_capture_free(c);
	nb_machine_free(m);
	assert_int_equal(differ, 0);
}

static int visible(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

struct list {
	struct CMUnitTest *test;
	size_t n;
};

/* Adds what stands in `dir` and is a capture: directories (or `below` of each), or files ending in
 * `suffix`. */
static void add_all(struct list *l, const char *root, const char *dir, const char *suffix,
		    const char *below, unsigned least)
{
	struct nb_text base = {0};
	struct dirent **names;
	int n, i;

	nb_text_printf(&base, "%s/%s", root, dir);
	n = scandir(nb_text_str(&base), &names, visible, alphasort);
	for (i = 0; i < n; i++) {
		struct nb_text path = {0}, name = {0};
		size_t len = strlen(names[i]->d_name);
		struct subject *s;
		struct stat st;

		nb_text_printf(&path, "%s/%s%s", nb_text_str(&base), names[i]->d_name, below);
		nb_text_printf(&name, "%s/%s%s", dir, names[i]->d_name, below);
		if (!stat(nb_text_str(&path), &st) &&
		    (suffix ? S_ISREG(st.st_mode) && len > strlen(suffix) &&
				      !strcmp(names[i]->d_name + len - strlen(suffix), suffix)
			    : S_ISDIR(st.st_mode))) {
			s = nb_xcalloc(1, sizeof(*s));
			*s = (struct subject){.path = path.s, .least = least};
			l->test = nb_xrealloc(l->test, l->n + 1, sizeof(*l->test));
			l->test[l->n++] = (struct CMUnitTest){
				.name = name.s, .test_func = verify, .initial_state = s};
		} else {
			nb_text_release(&path);
			nb_text_release(&name);
		}
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	nb_text_release(&base);
}

int main(void)
{
	const char *oracle = getenv("NUMABOX_ORACLE"), *tests = getenv("NUMABOX_TESTS");
	struct list l = {0};
	size_t i;
	int rc;

	if (oracle) {
		add_all(&l, oracle, "snapshots", NULL, "", 150);
		add_all(&l, oracle, "policy", NULL, "/before", 60);
		add_all(&l, oracle, "traces", NULL, "/before", 60);
		add_all(&l, oracle, "hwloc", ".tar.bz2", "", 0);
	}
	if (tests)
		add_all(&l, tests, "machines", ".tar.gz", "", 150);
	if (!l.n)
		return 77;
	rc = _cmocka_run_group_tests("verify", l.test, l.n, NULL, NULL);
	for (i = 0; i < l.n; i++) {
		struct subject *s = l.test[i].initial_state;

		free((char *)(uintptr_t)l.test[i].name);
		free(s->path);
		free(s);
	}
	free(l.test);
	return rc;
}
