/* verify.c -- every capture at hand is predicted, figure for figure.
 *
 * Data-driven: each directory of $NUMABOX_ORACLE/snapshots and each archive of tests/machines is a
 * test; a new one needs no code. A difference fails it and is printed. Expect: at least the figures
 * that any capture has were compared, so that nothing passes by comparing nothing.
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

static void verify(void **state)
{
	const char *path = *state;
	struct nb_machine *m = NULL;
	struct nb_capture *c = NULL;
	struct nb_verify *v = NULL;
	struct nb_error err = {0};
	struct nb_text out = {0};
	struct nb_port port;
	uint64_t differ;

	nb_port_posix(&port, false);
	if (nb_read_machine(&port, path, NULL, &m, &c, &err) ||
	    nb_verify_run(&port, m, c, &v, &err))
		fail_msg("%s:%u: %s", err.file, err.line, err.text);
	differ = nb_verify_nr_differences(v);
	if (differ) {
		nb_verify_print(v, false, &out);
		print_error("%s\n", nb_text_str(&out));
	}
	nb_text_release(&out);
	assert_true(nb_verify_compared(v) >= 50);
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

/* Adds what stands in `dir` and is a capture: directories, or files ending in `suffix`. */
static void add_all(struct list *l, const char *dir, const char *suffix)
{
	struct dirent **names;
	int n = scandir(dir, &names, visible, alphasort), i;

	for (i = 0; i < n; i++) {
		struct nb_text path = {0};
		size_t len = strlen(names[i]->d_name);
		struct stat st;

		nb_text_printf(&path, "%s/%s", dir, names[i]->d_name);
		if (!stat(nb_text_str(&path), &st) &&
		    (suffix ? S_ISREG(st.st_mode) && len > strlen(suffix) &&
				      !strcmp(names[i]->d_name + len - strlen(suffix), suffix)
			    : S_ISDIR(st.st_mode))) {
			l->test = nb_xrealloc(l->test, l->n + 1, sizeof(*l->test));
			l->test[l->n++] = (struct CMUnitTest){.name = nb_xstrdup(names[i]->d_name),
							      .test_func = verify,
							      .initial_state = path.s};
		} else {
			nb_text_release(&path);
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
		add_all(&l, nb_text_str(&dir), NULL);
	}
	if (tests) {
		nb_text_clear(&dir);
		nb_text_printf(&dir, "%s/machines", tests);
		add_all(&l, nb_text_str(&dir), ".tar.gz");
	}
	nb_text_release(&dir);
	if (!l.n)
		return 77;
	rc = _cmocka_run_group_tests("verify", l.test, l.n, NULL, NULL);
	for (i = 0; i < l.n; i++) {
		free((char *)(uintptr_t)l.test[i].name);
		free(l.test[i].initial_state);
	}
	free(l.test);
	return rc;
}
