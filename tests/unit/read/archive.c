/* archive.c -- tests of src/read/archive.c: good archives in, hostile ones out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <archive.h>
#include <archive_entry.h>

#include "read/archive.h"
#include "read/tree.h"
#include "tree_of.h"

struct packed {
	struct archive *a;
	char *bytes;
	size_t cap, len;
};

static void begin_small(struct packed *p, int (*filter)(struct archive *), size_t cap)
{
	p->cap = cap;
	p->bytes = malloc(p->cap);
	p->a = archive_write_new();
	assert_non_null(p->bytes);
	assert_int_equal(filter(p->a), ARCHIVE_OK);
	assert_int_equal(archive_write_set_format_pax_restricted(p->a), ARCHIVE_OK);
	archive_write_set_bytes_in_last_block(p->a, 1);
	assert_int_equal(archive_write_open_memory(p->a, p->bytes, p->cap, &p->len), ARCHIVE_OK);
}

static void begin(struct packed *p, int (*filter)(struct archive *))
{
	begin_small(p, filter, 4 << 20);
}

static void add(struct packed *p, const char *path, unsigned type, const char *link,
		const char *data, int64_t size)
{
	struct archive_entry *e = archive_entry_new();

	archive_entry_set_pathname(e, path);
	archive_entry_set_perm(e, 0644);
	archive_entry_set_size(e, size);
	archive_entry_set_filetype(e, type ? type : AE_IFREG);
	if (link && type == AE_IFLNK)
		archive_entry_set_symlink(e, link);
	else if (link)
		archive_entry_set_hardlink(e, link);
	assert_int_equal(archive_write_header(p->a, e), ARCHIVE_OK);
	if (data)
		assert_int_equal(archive_write_data(p->a, data, (size_t)size), size);
	archive_entry_free(e);
}

static void add_text(struct packed *p, const char *path, const char *text)
{
	add(p, path, AE_IFREG, NULL, text, (int64_t)strlen(text));
}

static void end(struct packed *p)
{
	assert_int_equal(archive_write_close(p->a), ARCHIVE_OK);
	archive_write_free(p->a);
}

/* Packs one member beside a good one, and loads it. */
static int load_one(const char *path, unsigned type, const char *link, struct nb_error *err)
{
	struct nb_files files = {0};
	struct packed p;
	int ret;

	begin(&p, archive_write_add_filter_none);
	add_text(&p, "cap/proc/zoneinfo", "zones");
	add(&p, path, type, link, NULL, 0);
	end(&p);
	ret = nb_archive_load_memory("x.tar", p.bytes, p.len, &files, err);
	if (ret)
		assert_int_equal(files.nr, 0); /* nothing is kept of what was refused */
	nb_files_release(&files);
	free(p.bytes);
	return ret;
}

static void test_good(void **state)
{
	static int (*const filters[])(struct archive *) = {
		archive_write_add_filter_none,  archive_write_add_filter_gzip,
		archive_write_add_filter_bzip2, archive_write_add_filter_xz,
		archive_write_add_filter_zstd,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(filters) / sizeof(*filters); i++) {
		struct nb_files files = {0};
		struct packed p;

		begin(&p, filters[i]);
		add_text(&p, "./cap/proc/zoneinfo", "zones");
		add_text(&p, "cap/home/me/letter", "not of interest");
		add_text(&p, "cap//sys/./devices/system/node/node0/meminfo", "mem");
		end(&p);
		assert_int_equal(nb_archive_load_memory("x", p.bytes, p.len, &files, NULL), 0);
		assert_int_equal(files.nr, 2);
		assert_non_null(nb_files_get(&files, "cap/proc/zoneinfo", 17));
		assert_string_equal(nb_files_get(&files, "cap/proc/zoneinfo", 17)->data, "zones");
		assert_non_null(
			nb_files_get(&files, "cap/sys/devices/system/node/node0/meminfo", 41));
		nb_files_release(&files);
		free(p.bytes);
	}
}

static void refuse(const char *path, unsigned type, const char *link, int code, const char *why)
{
	struct nb_error err = {0};

	assert_int_equal(load_one(path, type, link, &err), code);
	assert_non_null(strstr(err.text, why));
	assert_string_equal(err.file, "x.tar");
}

static void test_hostile_names(void **state)
{
	(void)state;
	refuse("/etc/passwd", AE_IFREG, NULL, -NB_EINVAL, "absolute");
	refuse("cap/../../x", AE_IFREG, NULL, -NB_EINVAL, "'..'");
	refuse("..", AE_IFREG, NULL, -NB_EINVAL, "'..'");
	assert_int_equal(load_one("cap/..x/y..", AE_IFREG, NULL, NULL), 0);
}

static void test_hostile_links(void **state)
{
	(void)state;
	refuse("cap/proc/meminfo", AE_IFLNK, "/etc/passwd", -NB_EINVAL, "outside");
	refuse("cap/proc/meminfo", AE_IFLNK, "../../../etc/passwd", -NB_EINVAL, "outside");
	refuse("cap/anything", AE_IFLNK, "../..", -NB_EINVAL, "outside");
	refuse("cap/proc/meminfo", AE_IFREG, "../x", -NB_EINVAL, "outside");
	assert_int_equal(load_one("cap/proc/meminfo", AE_IFLNK, "../x", NULL), 0);
	assert_int_equal(load_one("cap/proc/meminfo", AE_IFLNK, "../../x", NULL), 0);
	/* what the kernel itself makes lead outside is not kept, and no reason to refuse */
	assert_int_equal(load_one("cap/proc/17/root", AE_IFLNK, "/", NULL), 0);
	assert_int_equal(load_one("cap/proc/self/exe", AE_IFLNK, "/usr/bin/x", NULL), 0);
	refuse("cap/proc/17x/root", AE_IFLNK, "/", -NB_EINVAL, "outside");
}

/* A header that claims more than may be is refused before anything is unpacked. */
static void test_bombs(void **state)
{
	struct nb_files files = {0};
	struct nb_error err = {0};
	struct packed p;
	char *zeros = calloc(1, 1 << 20);

	(void)state;
	assert_non_null(zeros);
	begin_small(&p, archive_write_add_filter_none, 65536);
	add(&p, "cap/proc/zoneinfo", AE_IFREG, NULL, NULL, INT64_C(1) << 40);
	archive_write_free(p.a); /* what follows the header does not fit and is cut off */
	assert_int_equal(nb_archive_load_memory("bomb", p.bytes, p.len, &files, &err), -NB_EFBIG);
	assert_non_null(strstr(err.text, "1073741824"));
	free(p.bytes);

	err = (struct nb_error){0};
	begin(&p, archive_write_add_filter_gzip);
	add(&p, "cap/proc/zoneinfo", AE_IFREG, NULL, NULL, (int64_t)NB_TREE_MAX_FILE + 1);
	for (unsigned i = 0; i <= NB_TREE_MAX_FILE >> 20; i++)
		archive_write_data(p.a, zeros, 1 << 20);
	end(&p);
	assert_true(p.len < 1 << 20);
	assert_int_equal(nb_archive_load_memory("bomb", p.bytes, p.len, &files, &err), -NB_EFBIG);
	assert_non_null(strstr(err.text, "cap/proc/zoneinfo"));
	free(p.bytes);
	free(zeros);
}

static void test_many_entries(void **state)
{
	struct nb_files files = {0};
	struct nb_error err = {0};
	struct packed p;
	char name[32];

	(void)state;
	begin(&p, archive_write_add_filter_gzip);
	for (unsigned i = 0; i <= NB_ARCHIVE_MAX_ENTRIES; i++) {
		snprintf(name, sizeof(name), "a/%u", i);
		add(&p, name, AE_IFREG, NULL, NULL, 0);
	}
	end(&p);
	assert_int_equal(nb_archive_load_memory("many", p.bytes, p.len, &files, &err), -NB_EFBIG);
	assert_non_null(strstr(err.text, "200000 entries"));
	free(p.bytes);
}

static void test_damaged(void **state)
{
	struct nb_files files = {0};
	struct packed p;

	(void)state;
	begin(&p, archive_write_add_filter_gzip);
	add_text(&p, "cap/proc/zoneinfo", "zones");
	end(&p);
	for (size_t len = 0; len < p.len; len++) { /* every beginning of it */
		int ret = nb_archive_load_memory("cut", p.bytes, len, &files, NULL);

		assert_true(ret == 0 || ret == -NB_EINVAL);
		nb_files_release(&files);
	}
	free(p.bytes);
	assert_int_equal(nb_archive_load_memory("text", "some text, no archive", 21, &files, NULL),
			 -NB_EINVAL);
}

static void test_wants(void **state)
{
	(void)state;
	assert_true(nb_archive_wants("proc/zoneinfo"));
	assert_true(nb_archive_wants("proc/sys/vm/swappiness"));
	assert_true(nb_archive_wants("sys/devices/system/cpu/cpu7/topology/core_id"));
	assert_true(nb_archive_wants("sys/devices/system/cpu/cpu7/node0"));
	assert_true(nb_archive_wants("steps/01-x/zoneinfo"));
	assert_false(nb_archive_wants("proc/zoneinfo2"));
	assert_false(nb_archive_wants("proc/sys/vm/"));
	assert_false(nb_archive_wants("proc/kallsyms"));
	assert_false(nb_archive_wants("sys/devices/system/cpu/cpu7/crash_notes"));
	assert_false(nb_archive_wants("etc/passwd"));
}

/* Links within an archive are followed when a file is read. */
static void test_links_within(void **state)
{
	char *dir = temp_dir(), path[256];
	struct packed p;
	struct nb_tree *t;
	const char *text;
	size_t len;

	(void)state;
	begin(&p, archive_write_add_filter_gzip);
	add_text(&p, "sos/sos_commands/kernel/dmesg", "log");
	add(&p, "sos/dmesg", AE_IFLNK, "sos_commands/kernel/dmesg", NULL, 0);
	add(&p, "sos/proc/meminfo", AE_IFLNK, "meminfo", NULL, 0);
	add(&p, "sos/uname", AE_IFREG, "sos/sos_commands/kernel/dmesg", NULL, 0);
	end(&p);
	write_file(dir, "sos.tar.gz", p.bytes, p.len);
	snprintf(path, sizeof(path), "%s/sos.tar.gz", dir);
	assert_int_equal(nb_tree_open(path, &t, NULL), 0);
	assert_int_equal(nb_tree_read(t, "dmesg", &text, &len), 0);
	assert_string_equal(text, "log");
	assert_int_equal(nb_tree_read(t, "uname", &text, &len), 0);
	assert_string_equal(text, "log");
	assert_int_equal(nb_tree_read(t, "proc/meminfo", &text, &len), -NB_ELOOP);
	nb_tree_close(t);
	free(p.bytes);
	remove_tree(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),          cmocka_unit_test(test_hostile_names),
		cmocka_unit_test(test_hostile_links), cmocka_unit_test(test_bombs),
		cmocka_unit_test(test_many_entries),  cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_wants),         cmocka_unit_test(test_links_within),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
