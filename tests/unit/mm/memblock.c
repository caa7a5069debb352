/* memblock.c -- tests of src/mm/memblock.c: lists of ranges, and limits of a node. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hosted/text.h"
#include "boot_text.h"
#include "mm/memblock.h"

static struct nb_port port;
static struct nb_arena *arena;

static int set_up(void **state)
{
	(void)state;
	nb_port_posix(&port, false);
	arena = nb_arena_new(&port);
	return arena ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	nb_arena_free(arena);
	return 0;
}

static void add(struct nb_regions *l, uint64_t start, uint64_t end, int nid, unsigned flags)
{
	struct nb_mem_range r = {.start = start, .end = end, .nid = nid, .flags = flags};

	assert_int_equal(nb_regions_add(arena, l, &r), 0);
}

static void expect(const struct nb_regions *l, const char *want)
{
	struct nb_text t = {0};

	for (unsigned i = 0; i < l->nr; i++)
		nb_text_printf(&t, "%s%llu-%llu:%d:%u", i ? " " : "",
			       (unsigned long long)l->v[i].start, (unsigned long long)l->v[i].end,
			       l->v[i].nid, l->v[i].flags);
	assert_string_equal(nb_text_str(&t), want);
	nb_text_release(&t);
}

static void test_lists(void **state)
{
	struct nb_regions l = {0};

	(void)state;
	add(&l, 30, 40, 0, 0);
	add(&l, 10, 20, 0, 0);
	add(&l, 20, 30, 0, 0);
	add(&l, 50, 50, 0, 0); /* empty: not added */
	add(&l, 40, 45, 1, 0);
	add(&l, 45, 46, 1, 1);
	assert_int_equal(nb_regions_sort(arena, &l), 0);
	nb_regions_join(&l);
	expect(&l, "10-40:0:0 40-45:1:0 45-46:1:1");
	assert_int_equal(nb_regions_bytes(&l, 0, 100), 36);
	assert_int_equal(nb_regions_bytes(&l, 15, 42), 27);
	assert_int_equal(nb_regions_bytes(&l, 46, 100), 0);
	assert_int_equal(nb_regions_bytes(&l, 42, 15), 0);
}

static void test_paint(void **state)
{
	struct nb_regions l = {0}, p = {0};

	(void)state;
	add(&l, 10, 20, -1, 0);
	add(&l, 30, 60, -1, 0);
	add(&l, 70, 80, -1, 0);
	/* One painter over two ranges and the hole, two inside one range, one past the end. */
	add(&p, 0, 5, 9, 0);
	add(&p, 15, 35, 1, 0);
	add(&p, 40, 42, 2, 0);
	add(&p, 42, 50, -1, 4);
	add(&p, 79, 99, 3, 8);
	assert_int_equal(nb_regions_paint(arena, &l, &p), 0);
	expect(&l, "10-15:-1:0 15-20:1:0 30-35:1:0 35-40:-1:0 40-42:2:0 42-50:-1:4 50-60:-1:0 "
		   "70-79:-1:0 79-80:3:8");
}

/* A node of 16 TiB is refused by a message, however it came together. */
static void test_too_big(void **state)
{
	struct boot_case c = {.ranges = "0 0-7ffffffffff, 1 80000000000-fffffffffff"};
	char *text;

	(void)state;
	free(boot_text(&c, BOOT_RANGES));
	c.cmdline = "numa=off";
	text = boot_error(&c);
	assert_non_null(strstr(text, "node 0"));
	assert_non_null(strstr(text, "4294967294 pages"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_lists, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_paint, set_up, tear_down),
		cmocka_unit_test(test_too_big),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
