/* files.c -- tests of src/read/files.c: a set of named texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/hosted/text.h"
#include "read/files.h"

static void put(struct nb_files *f, const char *path, const char *text)
{
	nb_files_put(f, path, NB_FILE_TEXT, nb_xstrdup(text), strlen(text), 0);
}

static void join(void *ctx, const char *name, size_t len)
{
	nb_text_printf(ctx, "%.*s ", (int)len, name);
}

static void expect_names(struct nb_files *f, const char *dir, const char *want)
{
	struct nb_text got = {0};

	nb_files_names(f, dir, join, &got);
	assert_string_equal(nb_text_str(&got), want);
	nb_text_release(&got);
}

static void test_get_and_put(void **state)
{
	struct nb_files f = {0};
	char name[32];

	(void)state;
	assert_null(nb_files_get(&f, "a", 1));
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "dir%d/file%d", i % 7, i);
		put(&f, name, name);
	}
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "dir%d/file%d", i % 7, i);
		assert_non_null(nb_files_get(&f, name, strlen(name)));
		assert_string_equal(nb_files_get(&f, name, strlen(name))->data, name);
	}
	assert_null(nb_files_get(&f, "dir0/file1", 10));
	assert_null(nb_files_get(&f, "dir0/file0 and more", 9));
	nb_files_release(&f);
}

static void test_the_first_one_stays(void **state)
{
	struct nb_files f = {0};

	(void)state;
	put(&f, "a", "first");
	put(&f, "a", "second");
	assert_string_equal(nb_files_get(&f, "a", 1)->data, "first");
	assert_int_equal(f.nr, 1);
	nb_files_release(&f);
}

static void test_names(void **state)
{
	struct nb_files f = {0};

	(void)state;
	expect_names(&f, "", "");
	put(&f, "proc/zoneinfo", "");
	put(&f, "sys/a/1", "");
	put(&f, "sys/a/2", "");
	put(&f, "sys/a-b", "");
	put(&f, "sys/a/2x/y", "");
	expect_names(&f, "", "proc sys ");
	expect_names(&f, "sys/a", "1 2 2x ");
	expect_names(&f, "sys/a/2x", "y ");
	expect_names(&f, "sys/a/2x/y", "");
	expect_names(&f, "nothing", "");
	put(&f, "sys/a/0", ""); /* added after a listing: sorted again */
	expect_names(&f, "sys/a", "0 1 2 2x ");
	nb_files_release(&f);
}

static void test_has_dir(void **state)
{
	struct nb_files f = {0};

	(void)state;
	assert_false(nb_files_has_dir(&f, ""));
	put(&f, "sys/ab/c", "");
	assert_true(nb_files_has_dir(&f, ""));
	assert_true(nb_files_has_dir(&f, "sys"));
	assert_true(nb_files_has_dir(&f, "sys/ab"));
	assert_false(nb_files_has_dir(&f, "sys/a"));
	assert_false(nb_files_has_dir(&f, "sys/ab/c"));
	nb_files_release(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_get_and_put),
		cmocka_unit_test(test_the_first_one_stays),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_has_dir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
