/* tree_dir.c -- tests of src/read/tree_dir.c: files below one directory, and nothing outside it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "read/tree_dir.h"
#include "tree_of.h"

static char *dir;
static struct nb_dir *d;

static int setup(void **state)
{
	(void)state;
	dir = temp_dir();
	write_text(dir, "proc/zoneinfo", "zones\n");
	write_text(dir, "sys/a/b/c", "deep");
	write_file(dir, "proc/nul", "a\0b", 3);
	return nb_dir_open(dir, &d);
}

static int teardown(void **state)
{
	(void)state;
	nb_dir_close(d);
	remove_tree(dir);
	return 0;
}

static void make_link(const char *target, const char *path)
{
	char full[512];

	snprintf(full, sizeof(full), "%s/%s", dir, path);
	assert_int_equal(symlink(target, full), 0);
}

static void expect(const char *path, const char *want)
{
	char *data;
	size_t len;

	assert_int_equal(nb_dir_read(d, path, 1000, &data, &len), 0);
	assert_int_equal(len, strlen(want));
	assert_string_equal(data, want);
	free(data);
}

static void refuse(const char *path, size_t max, int err)
{
	char *data = NULL;
	size_t len;

	assert_int_equal(nb_dir_read(d, path, max, &data, &len), err);
	assert_null(data);
}

static void test_read(void **state)
{
	char *data;
	size_t len;

	(void)state;
	expect("proc/zoneinfo", "zones\n");
	expect("sys/a/b/c", "deep");
	expect("sys/a/../a/./b/c", "deep");
	refuse("proc/none", 100, -NB_ENOENT);
	refuse("none/zoneinfo", 100, -NB_ENOENT);
	refuse("proc/zoneinfo/x", 100, -NB_ENOTDIR);
	refuse("proc", 100, -NB_EISDIR);
	assert_int_equal(nb_dir_read(d, "proc/nul", 100, &data, &len), 0);
	assert_int_equal(len, 3);
	assert_memory_equal(data, "a\0b", 4);
	free(data);
}

static void test_bounds(void **state)
{
	char big[10000];

	(void)state;
	memset(big, 'x', sizeof(big));
	write_file(dir, "big", big, sizeof(big));
	refuse("big", sizeof(big) - 1, -NB_EFBIG);
	expect("proc/zoneinfo", "zones\n");
}

/* /proc's files say that they are empty. */
static void test_size_zero(void **state)
{
	struct nb_dir *root;
	char *data;
	size_t len;

	(void)state;
	assert_int_equal(nb_dir_open("/", &root), 0);
	assert_int_equal(nb_dir_read(root, "proc/self/status", 1 << 20, &data, &len), 0);
	assert_true(len > 100);
	free(data);
	assert_int_equal(nb_dir_read(root, "proc/self/status", 100, &data, &len), -NB_EFBIG);
	nb_dir_close(root);
}

static void test_links(void **state)
{
	(void)state;
	make_link("zoneinfo", "proc/link");
	make_link("../sys/a", "proc/dir");
	make_link("/proc/zoneinfo", "sys/absolute");
	make_link("../../../../../../../etc/passwd", "sys/outside");
	make_link("/etc/passwd", "sys/absolute_outside");
	make_link("loop", "proc/loop");
	expect("proc/link", "zones\n");
	expect("proc/dir/b/c", "deep");
	expect("sys/absolute", "zones\n"); /* absolute means below the directory */
	refuse("sys/outside", 100, -NB_ENOENT);
	refuse("sys/absolute_outside", 100, -NB_ENOENT);
	refuse("proc/loop", 100, -NB_ELOOP);
	assert_true(nb_dir_has(d, "sys/outside")); /* the link itself is there */
	assert_true(nb_dir_has(d, "proc/dir/b"));
	assert_false(nb_dir_has(d, "proc/dir/x"));
	assert_false(nb_dir_has(d, "proc/loop/x"));
}

static void test_no_device_no_pipe(void **state)
{
	char full[512];

	(void)state;
	snprintf(full, sizeof(full), "%s/fifo", dir);
	assert_int_equal(mkfifo(full, 0644), 0);
	refuse("fifo", 100, -NB_EINVAL); /* and does not wait for a writer */
}

static void count(void *ctx, const char *name, size_t len)
{
	assert_true(len > 0);
	assert_true(strncmp(name, ".", len) != 0 && strncmp(name, "..", len) != 0);
	++*(size_t *)ctx;
}

static void test_names(void **state)
{
	size_t n = 0;

	(void)state;
	assert_int_equal(nb_dir_names(d, "", 100, count, &n), 0);
	assert_int_equal(n, 2);
	n = 0;
	assert_int_equal(nb_dir_names(d, "", 1, count, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(nb_dir_names(d, "none", 100, count, &n), -NB_ENOENT);
}

static void test_open(void **state)
{
	struct nb_dir *none;

	(void)state;
	assert_int_equal(nb_dir_open("/nonexistent", &none), -NB_ENOENT);
	assert_int_equal(nb_dir_open("/proc/self/status", &none), -NB_ENOTDIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bounds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_size_zero, setup, teardown),
		cmocka_unit_test_setup_teardown(test_links, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_device_no_pipe, setup, teardown),
		cmocka_unit_test_setup_teardown(test_names, setup, teardown),
		cmocka_unit_test(test_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
