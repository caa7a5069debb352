/* tree.c -- tests of src/read/tree.c: one front for directories, archives and added files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "read/tree.h"
#include "tree_of.h"

static void expect(struct nb_tree *t, const char *path, const char *want)
{
	const char *text, *again;
	size_t len;

	assert_int_equal(nb_tree_read(t, path, &text, &len), 0);
	assert_int_equal(len, strlen(want));
	assert_string_equal(text, want);
	assert_int_equal(nb_tree_read(t, path, &again, &len), 0);
	assert_ptr_equal(text, again); /* read once */
}

static void expect_list(struct nb_tree *t, const char *dir, const char *want)
{
	const char *const *names;
	char got[512] = "";
	size_t n, i;

	names = nb_tree_list(t, dir, &n);
	for (i = 0; names[i]; i++) {
		strcat(got, names[i]);
		strcat(got, " ");
	}
	assert_int_equal(i, n);
	assert_string_equal(got, want);
}

static void test_directory(void **state)
{
	char *dir = temp_dir();
	struct nb_tree *t;
	const char *text;
	size_t len;

	(void)state;
	write_text(dir, "proc/zoneinfo", "zones\n");
	write_text(dir, "sysfs.tsv",
		   "sys/x/value\t17\nsys/x/own\tignored\nno tab\n#c\tx\n"
		   "../../etc/x\ty\n/abs\tz\n");
	write_text(dir, "sys/x/own", "real\n");
	write_text(dir, "proc-sys.tsv", "vm/swappiness\t60\nproc/sys/vm/other\t1 2\n");
	assert_int_equal(nb_tree_open(dir, &t, NULL), 0);
	assert_int_equal(nb_tree_kind(t), NB_TREE_DIR);
	assert_string_equal(nb_tree_origin(t), dir);
	expect(t, "proc/zoneinfo", "zones\n");
	expect(t, "sys/x/value", "17\n");
	expect(t, "sys/x/own", "real\n"); /* the tree's own file wins */
	expect(t, "proc/sys/vm/swappiness", "60\n");
	expect(t, "proc/sys/vm/other", "1 2\n");
	expect_list(t, "sys/x", "own value ");
	expect_list(t, "nothing", "");
	assert_true(nb_tree_has(t, "sys/x/value"));
	assert_true(nb_tree_has(t, "sys/x"));
	assert_false(nb_tree_has(t, "sys/y"));
	assert_int_equal(nb_tree_read(t, "etc/x", &text, &len), -NB_ENOENT);
	assert_int_equal(nb_tree_read(t, "proc/none", &text, &len), -NB_ENOENT);
	assert_int_equal(nb_tree_read(t, "proc", &text, &len), -NB_EISDIR);
	nb_tree_close(t);
	remove_tree(dir);
}

static void test_numbers(void **state)
{
	struct nb_tree *t = tree_of((struct text_file[]){{"a/1", " 42\n"},
							 {"a/2", "-1\n"},
							 {"a/3", "0x80000000\n"},
							 {"a/4", "seven\n"},
							 {"a/5", ""},
							 {"a/6", "18446744073709551615"},
							 {NULL, NULL}});
	int64_t v = 5;

	(void)state;
	assert_int_equal(nb_tree_numberf(t, &v, "a/%d", 1), 0);
	assert_int_equal(v, 42);
	assert_int_equal(nb_tree_numberf(t, &v, "a/%d", 2), 0);
	assert_int_equal(v, -1);
	assert_int_equal(nb_tree_numberf(t, &v, "a/%d", 3), 0);
	assert_int_equal(v, 0x80000000);
	assert_int_equal(nb_tree_numberf(t, &v, "a/%d", 4), -NB_EINVAL);
	assert_int_equal(nb_tree_numberf(t, &v, "a/%d", 5), -NB_EINVAL);
	assert_int_equal(nb_tree_numberf(t, &v, "a/%d", 6), -NB_ERANGE);
	assert_int_equal(nb_tree_numberf(t, &v, "a/%d", 7), -NB_ENOENT);
	assert_int_equal(v, 0x80000000);
	nb_tree_close(t);
}

/* The capture may stand in the only directory of what was given, and in that one's only one. */
static void test_top_directory(void **state)
{
	char *dir = temp_dir();
	struct nb_tree *t;
	struct nb_error err = {0};

	(void)state;
	write_text(dir, "home/cap/proc/zoneinfo", "zones\n");
	assert_int_equal(nb_tree_open(dir, &t, NULL), 0);
	expect(t, "proc/zoneinfo", "zones\n");
	expect_list(t, "", "proc ");
	nb_tree_close(t);
	write_text(dir, "home/other/file", "");
	assert_int_equal(nb_tree_open(dir, &t, &err), -NB_ENOENT);
	assert_non_null(strstr(err.text, "holds no capture"));
	assert_string_equal(err.file, dir);
	remove_tree(dir);
}

/* A recorded run: the machine as it was before it. What has /proc of its own is that. */
static void test_recorded_run(void **state)
{
	char *dir = temp_dir();
	struct nb_tree *t;

	(void)state;
	write_text(dir, "before/proc/zoneinfo", "zones\n");
	write_text(dir, "before/machine.json", "{}\n");
	write_text(dir, "after/proc/zoneinfo", "later\n");
	write_text(dir, "machine.json", "{\"x\":1}\n");
	assert_int_equal(nb_tree_open(dir, &t, NULL), 0);
	expect(t, "proc/zoneinfo", "zones\n");
	expect(t, "machine.json", "{}\n");
	expect_list(t, "", "machine.json proc ");
	nb_tree_close(t);
	write_text(dir, "proc/zoneinfo", "top\n");
	assert_int_equal(nb_tree_open(dir, &t, NULL), 0);
	expect(t, "proc/zoneinfo", "top\n");
	nb_tree_close(t);
	remove_tree(dir);
}

static void test_sosreport(void **state)
{
	char *dir = temp_dir();
	struct nb_tree *t;

	(void)state;
	write_text(dir, "sosreport-x/proc/zoneinfo", "zones\n");
	write_text(dir, "sosreport-x/sos_commands/kernel/dmesg", "Linux version 1\n");
	write_text(dir, "sosreport-x/sos_commands/kernel/uname_-a", "Linux h 5.14 x\n");
	write_text(dir, "sosreport-x/sos_commands/kernel/sysctl_-a",
		   "kernel.x = 1\nvm.swappiness = 10\nvm.lowmem_reserve_ratio = 256\t256\n"
		   "vm.a/../../../b = 1\n");
	assert_int_equal(nb_tree_open(dir, &t, NULL), 0);
	expect(t, "dmesg", "Linux version 1\n");
	expect(t, "uname", "Linux h 5.14 x\n");
	expect(t, "proc/sys/vm/swappiness", "10\n");
	expect(t, "proc/sys/vm/lowmem_reserve_ratio", "256\t256\n");
	assert_false(nb_tree_has(t, "proc/sys/kernel/x"));
	nb_tree_close(t);
	remove_tree(dir);
}

static void test_what_is_no_capture(void **state)
{
	struct nb_error err = {0};
	struct nb_tree *t;

	(void)state;
	assert_int_equal(nb_tree_open("/nonexistent", &t, &err), -NB_ENOENT);
	assert_string_equal(err.file, "/nonexistent");
	err = (struct nb_error){0};
	assert_int_equal(nb_tree_open("/dev/null", &t, &err), -NB_EINVAL);
	err = (struct nb_error){0};
	assert_int_equal(nb_tree_open("/proc/self/status", &t, &err), -NB_EINVAL);
	assert_non_null(strstr(err.text, "archive"));
}

static void test_host(void **state)
{
	struct nb_tree *t;
	const char *text;
	size_t len;

	(void)state;
	assert_int_equal(nb_tree_open_host(NULL, &t, NULL), 0);
	assert_int_equal(nb_tree_kind(t), NB_TREE_HOST);
	assert_string_equal(nb_tree_origin(t), "host");
	assert_int_equal(nb_tree_read(t, "proc/version", &text, &len), 0);
	assert_memory_equal(text, "Linux version ", 14);
	nb_tree_close(t);
	assert_int_equal(nb_tree_open_host("/nonexistent", &t, NULL), -NB_ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_directory),     cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_top_directory), cmocka_unit_test(test_recorded_run),
		cmocka_unit_test(test_sosreport),     cmocka_unit_test(test_what_is_no_capture),
		cmocka_unit_test(test_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
