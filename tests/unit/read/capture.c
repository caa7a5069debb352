/* capture.c -- tests of src/read/capture.c: what opens, what is refused and how it is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "tree_of.h"

static void refuse(const struct text_file *files, int code, unsigned line, const char *file,
		   const char *why)
{
	struct nb_capture *c = NULL;
	struct nb_error err = {0};

	assert_int_equal(nb_capture_from_tree(tree_of(files), &c, &err), code);
	assert_null(c);
	assert_int_equal(err.line, line);
	assert_string_equal(err.file, file);
	if (!strstr(err.text, why))
		fail_msg("'%s' does not say '%s'", err.text, why);
}

static void test_contents(void **state)
{
	(void)state;
	refuse((struct text_file[]){{"proc/zoneinfo", "noise\n"}, {NULL, NULL}}, -NB_EINVAL, 1,
	       "made/proc/zoneinfo", "expected");
	refuse((struct text_file[]){{"proc/zoneinfo", "Node 0, zone Normal\n  managed  x\n"},
				    {NULL, NULL}},
	       -NB_EINVAL, 2, "made/proc/zoneinfo", "managed");
	refuse((struct text_file[]){{"proc/zoneinfo", "Node 1024, zone Normal\n  managed  5\n"},
				    {NULL, NULL}},
	       -NB_EINVAL, 1, "made/proc/zoneinfo", "0 to 1023");
	refuse((struct text_file[]){{"proc/zoneinfo",
				     "Node 0, zone Normal\n  spanned  2199023255552\n"},
				    {NULL, NULL}},
	       -NB_EINVAL, 1, "made/proc/zoneinfo", "2^52");
	refuse((struct text_file[]){{"proc/iomem", "what\n"}, {NULL, NULL}}, -NB_EINVAL, 1,
	       "made/proc/iomem", "expected");
}

/* Names under which something else than a file stands. */
static void test_no_files(void **state)
{
	char *dir = temp_dir(), path[256];
	struct nb_capture *c;
	struct nb_error err;

	(void)state;
	write_text(dir, "proc/version", "Linux version 6.1\n");
	snprintf(path, sizeof(path), "%s/proc/zoneinfo", dir);
	for (int i = 0; i < 4; i++) {
		static const char *const why[] = {"no regular file", "leads nowhere",
						  "loop of links", "no regular file"};

		err = (struct nb_error){0};
		if (i == 0)
			assert_int_equal(mkfifo(path, 0644), 0);
		else if (i == 1)
			assert_int_equal(symlink("/etc/passwd", path), 0);
		else if (i == 2)
			assert_int_equal(symlink("zoneinfo", path), 0);
		else
			assert_int_equal(mkdir(path, 0755), 0);
		assert_int_equal(nb_capture_open(dir, &c, &err), -NB_EINVAL);
		assert_non_null(strstr(err.text, why[i]));
		assert_int_equal(remove(path), 0);
	}
	remove_tree(dir);
}

/* As an ordinary user, also where the tests run as root. */
static void test_unreadable_is_no_error(void **state)
{
	char *dir = temp_dir(), path[256];
	bool root = !geteuid();
	struct nb_capture *c = NULL;
	int bad;

	(void)state;
	write_text(dir, "proc/zoneinfo", "Node 0, zone Normal\n  managed  5000\n");
	write_text(dir, "proc/iomem", "x");
	snprintf(path, sizeof(path), "%s/proc/iomem", dir);
	assert_int_equal(chmod(path, 0), 0);
	assert_int_equal(chmod(dir, 0755), 0);
	if (root)
		assert_int_equal(seteuid(65534), 0);
	bad = nb_capture_open(dir, &c, NULL);
	if (root)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(bad, 0);
	assert_string_equal(nb_tree_unreadable(nb_capture_tree(c), 0), "proc/iomem");
	nb_capture_free(c);
	remove_tree(dir);
}

/* A recorder's note that is no JSON, and a table that is none, are done without. */
static void test_lesser_files(void **state)
{
	struct made m;

	(void)state;
	must_make(&m,
		  (struct text_file[]){{"proc/zoneinfo", "Node 0, zone Normal\n  managed  5000\n"},
				       {"machine.json", "{ not json"},
				       {"acpi/SRAT.b64", "U1JBVA=="},
				       {NULL, NULL}});
	assert_true(has_note(&m, "acpi/SRAT.b64: not used"));
	assert_int_equal(m.machine->nr_nodes, 1);
	unmake(&m);
}

/* The same capture gives the same machine and the same notes again. */
static void test_twice(void **state)
{
	struct nb_machine *again;
	struct made m;
	unsigned n = 0;

	(void)state;
	must_make(&m,
		  (struct text_file[]){{"proc/zoneinfo", "Node 0, zone Normal\n  managed  5000\n"},
				       {NULL, NULL}});
	while (nb_capture_note(m.capture, n))
		n++;
	assert_int_equal(m.machine->nr_notes, n);
	again = nb_machine_new(&m.port);
	assert_int_equal(nb_capture_to_machine(m.capture, again, false, NULL), 0);
	assert_int_equal(again->nr_notes, n);
	assert_int_equal(again->nr_ranges, m.machine->nr_ranges);
	nb_machine_free(again);
	unmake(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_contents),
		cmocka_unit_test(test_no_files),
		cmocka_unit_test(test_unreadable_is_no_error),
		cmocka_unit_test(test_lesser_files),
		cmocka_unit_test(test_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
