/* path_walk.c -- tests of src/read/path_walk.c: paths made canonical, links followed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "read/path_walk.h"

static const struct {
	const char *path, *target;
} links[] = {
	{"a/up", "../b"},        {"abs", "/b/c"},  {"loop", "loop"},
	{"ping", "pong"},        {"pong", "ping"}, {"chain", "a/up/x"},
	{"out", "../../../etc"}, {"self", "."},    {"a/deep", "/self/a/up"},
};

static int read_link(void *ctx, const char *path, char *target)
{
	(void)ctx;
	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++) {
		if (!strcmp(links[i].path, path)) {
			strcpy(target, links[i].target);
			return 0;
		}
	}
	return !strcmp(path, "gone") ? -NB_ENOENT : -NB_EINVAL;
}

static void expect(const char *path, int err, const char *want)
{
	char done[NB_PATH_MAX] = "";

	assert_int_equal(nb_path_walk(done, path, read_link, NULL), err);
	if (!err)
		assert_string_equal(done, want);
}

static void test_plain(void **state)
{
	(void)state;
	expect("", 0, "");
	expect("a/b/c", 0, "a/b/c");
	expect("/a//b/./c/", 0, "a/b/c");
	expect("a/b/../c", 0, "a/c");
	expect("../../a", 0, "a");
	expect("a/../..", 0, "");
}

static void test_links(void **state)
{
	(void)state;
	expect("a/up", 0, "b");
	expect("a/up/c/d", 0, "b/c/d");
	expect("abs/d", 0, "b/c/d");
	expect("chain/y", 0, "b/x/y");
	expect("a/deep/z", 0, "b/z");
	expect("out/passwd", 0, "etc/passwd"); /* never above the root */
	expect("self/self/a/x", 0, "a/x");
}

static void test_refusals(void **state)
{
	char path[2 * NB_PATH_MAX];

	(void)state;
	expect("loop", -NB_ELOOP, NULL);
	expect("ping/x", -NB_ELOOP, NULL);
	expect("gone/x", -NB_ENOENT, NULL);
	memset(path, 'a', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	expect(path, -NB_ENAMETOOLONG, NULL);
}

static void test_from_a_directory(void **state)
{
	char done[NB_PATH_MAX] = "sys/devices";

	(void)state;
	assert_int_equal(nb_path_walk(done, "../kernel/mm", read_link, NULL), 0);
	assert_string_equal(done, "sys/kernel/mm");
}

static void test_push(void **state)
{
	char done[NB_PATH_MAX] = "";
	char name[NB_PATH_MAX];

	(void)state;
	memset(name, 'n', sizeof(name));
	assert_int_equal(nb_path_push(done, "a", 1), 0);
	assert_int_equal(nb_path_push(done, "bc", 1), 0);
	assert_string_equal(done, "a/b");
	assert_int_equal(nb_path_push(done, "..", 2), 0);
	assert_string_equal(done, "a");
	assert_int_equal(nb_path_push(done, name, NB_PATH_MAX - 2), -NB_ENAMETOOLONG);
	assert_int_equal(nb_path_push(done, name, NB_PATH_MAX - 3), 0);
	assert_int_equal(strlen(done), NB_PATH_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),    cmocka_unit_test(test_links),
		cmocka_unit_test(test_refusals), cmocka_unit_test(test_from_a_directory),
		cmocka_unit_test(test_push),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
