/* buddyinfo.c -- tests of src/view/buddyinfo.c. */
#include "form.h"

#include "box.h"
#include "view/buddyinfo.h"

static const char text[] = "Node 0, zone      DMA      0      1      3 \n"
			   "Node 1, zone   Normal 1234567      2 18446744073709551615 \n";

static void test_rows(void **state)
{
	struct nb_buddyinfo b;
	const struct nb_buddyinfo_row *r;

	(void)state;
	EXPECT_BACK(text, &b, nb_buddyinfo_parse, nb_buddyinfo_print);
	assert_int_equal(nb_buddyinfo_nr_raw(&b), 0);
	r = nb_buddyinfo_find(&b, 1, "Normal");
	assert_non_null(r);
	assert_int_equal(r->type, NB_ZONE_NORMAL);
	assert_int_equal(r->nr_orders, 3);
	assert_int_equal(r->nr_free[0], 1234567);
	assert_true(r->nr_free[2] == UINT64_MAX);
	assert_null(nb_buddyinfo_find(&b, 1, "DMA"));
	nb_buddyinfo_release(&b);
}

/* Expect a zone that Linux has no more, odd blanks and a cut line to come back. */
static void test_odd(void **state)
{
	static const char odd[] = "Node 0, zone Easy 1 2\n\nNode 0, zone   Normal      1    ";
	struct nb_buddyinfo b;

	(void)state;
	EXPECT_BACK(odd, &b, nb_buddyinfo_parse, nb_buddyinfo_print);
	assert_int_equal(b.rows[0].type, -1);
	assert_int_equal(b.rows[0].nr_free[1], 2);
	assert_int_equal(b.rows[2].nr_orders, 0);
	assert_int_equal(nb_buddyinfo_nr_raw(&b), 3);
	nb_buddyinfo_release(&b);
}

static void test_refused(void **state)
{
	struct nb_text many = {0};
	struct nb_buddyinfo b;

	(void)state;
	nb_text_puts(&many, "Node 0, zone DMA");
	for (int i = 0; i < 33; i++)
		nb_text_puts(&many, " 1");
	nb_text_puts(&many, "\n");
	EXPECT_REFUSED("", 0, &b, nb_buddyinfo_parse, 0, "no row");
	EXPECT_REFUSED("Node 0, zone DMA 1\nrubbish\n", 27, &b, nb_buddyinfo_parse, 2, "rubbish");
	EXPECT_REFUSED("Node 0, zone DMA 1 -2\n", 22, &b, nb_buddyinfo_parse, 1, "whole numbers");
	EXPECT_REFUSED("Node 0, zone DMA\n", 17, &b, nb_buddyinfo_parse, 1, "one count per order");
	EXPECT_REFUSED(nb_text_str(&many), many.len, &b, nb_buddyinfo_parse, 1, "at most 32");
	nb_text_release(&many);
}

/* Expect all managed memory of a fresh machine in the rows, empty zones left out. */
static void test_from_system(void **state)
{
	struct nb_system_info info;
	struct nb_buddyinfo b;
	uint64_t sum = 0;
	struct box box;

	(void)state;
	box_boot(&box, "6.12", NB_ARCH_X86_64);
	nb_system_info(box.sys, &info);
	nb_buddyinfo_from_system(box.sys, &b);
	assert_int_equal(b.nr_rows, 3); /* DMA, DMA32; Normal of node 2 */
	for (size_t i = 0; i < b.nr_rows; i++) {
		assert_int_equal(b.rows[i].nr_orders, 11);
		for (unsigned o = 0; o < b.rows[i].nr_orders; o++)
			sum += b.rows[i].nr_free[o] << o;
	}
	assert_int_equal(sum, info.free_pages);
	assert_true(sum > 0);
	nb_buddyinfo_release(&b);
	box_shutdown(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_odd),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_from_system),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
