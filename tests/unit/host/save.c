/* save.c -- tests of src/host/save.c: onto the disk, whole or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hosted/text.h"
#include "host/save.h"
#include "read/archive.h"
#include "read/tree.h"

static struct nb_files files;
static char dir[] = "nb-save-XXXXXX";

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "nb-save-XXXXXX");
	nb_files_put(&files, "proc/zoneinfo", NB_FILE_TEXT, nb_xstrdup("zones\n"), 6, 0);
	nb_files_put(&files, "sys/devices/system/node/online", NB_FILE_TEXT, nb_xstrdup("0\n"), 2,
		     0);
	return mkdtemp(dir) && !chdir(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	char command[64];

	(void)state;
	nb_files_release(&files);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return chdir("..") || system(command);
}

static unsigned entries(void)
{
	DIR *d = opendir(".");
	unsigned n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static void expect_loads(const char *path)
{
	struct nb_tree *t;
	const char *text;
	size_t len;

	assert_int_equal(nb_tree_open(path, &t, NULL), 0);
	assert_int_equal(nb_tree_read(t, "proc/zoneinfo", &text, &len), 0);
	assert_string_equal(text, "zones\n");
	assert_int_equal(nb_tree_read(t, "sys/devices/system/node/online", &text, &len), 0);
	nb_tree_close(t);
}

static void test_directory(void **state)
{
	struct nb_error err = {0};
	struct stat st;

	(void)state;
	umask(022);
	assert_int_equal(nb_save_dir("cap/", &files, NULL), 0);
	expect_loads("cap");
	assert_int_equal(stat("cap", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_int_equal(entries(), 1); /* no temporary name left */
	assert_int_equal(nb_save_dir("cap", &files, &err), -NB_EEXIST);
	assert_non_null(strstr(err.text, "exists already"));
	assert_string_equal(err.file, "cap");
	assert_int_equal(entries(), 1);
	assert_int_equal(mkdir("empty", 0755), 0);
	assert_int_equal(nb_save_dir("empty", &files, NULL), 0);
	expect_loads("empty");
	err = (struct nb_error){0};
	assert_int_equal(nb_save_dir("no/such/place", &files, &err), -NB_ENOENT);
}

static void test_archives(void **state)
{
	static const char *const names[] = {"a.tar",     "a.tar.gz", "a.tgz",
					    "a.tar.bz2", "a.tar.xz", "a.tar.zst"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		assert_true(nb_save_is_archive(names[i]));
		assert_int_equal(nb_save_archive(names[i], &files, NULL), 0);
		assert_int_equal(nb_save_archive(names[i], &files, NULL), 0); /* over the old one */
		expect_loads(names[i]);
		assert_int_equal(entries(), i + 1);
	}
	assert_false(nb_save_is_archive("a.zip"));
	assert_false(nb_save_is_archive("tar.gz"));
	assert_false(nb_save_is_archive(".tar.gz"));
	assert_int_equal(nb_save_archive("no/such/a.tar", &files, NULL), -NB_ENOENT);
}

static void test_text(void **state)
{
	struct nb_error err = {0};
	char buf[16] = "";
	FILE *f;

	(void)state;
	assert_int_equal(nb_save_text("m.yaml", "old", 3, NULL), 0);
	assert_int_equal(nb_save_text("m.yaml", "machine", 7, NULL), 0);
	f = fopen("m.yaml", "r");
	assert_non_null(f);
	assert_int_equal(fread(buf, 1, sizeof(buf), f), 7);
	fclose(f);
	assert_string_equal(buf, "machine");
	assert_int_equal(entries(), 1);
	assert_int_equal(mkdir("d", 0755), 0);
	assert_true(nb_save_text("d", "x", 1, &err) < 0); /* a directory of that name stays */
	assert_string_equal(err.file, "d");
	assert_int_equal(entries(), 2);
}

/* A disk that is full, or any other failure while writing, leaves nothing. */
static void test_nothing_half_written(void **state)
{
	char deep[600];

	(void)state;
	memset(deep, 'n', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0'; /* a name that no file system takes */
	nb_files_put(&files, deep, NB_FILE_TEXT, nb_xstrdup(""), 0, 0);
	assert_true(nb_save_dir("cap", &files, NULL) < 0);
	assert_int_equal(entries(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_directory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_archives, setup, teardown),
		cmocka_unit_test_setup_teardown(test_text, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nothing_half_written, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
