/* extfrag.c -- tests of src/view/extfrag.c and fragmentation.c. */
#include "form.h"

#include "view/extfrag.h"
#include "view/fragmentation.h"

/* Worked by hand from the two formulas. */
static void test_indices(void **state)
{
	const uint64_t none[3] = {0, 0, 0}, singles[3] = {8, 0, 0}, mixed[3] = {2, 1, 1};
	const uint64_t one[10] = {1};

	(void)state;
	assert_int_equal(nb_extfrag_index(none, 3, 2), 0);
	assert_int_equal(nb_extfrag_index(singles, 3, 0), -1000);
	/* 8 pages in 8 blocks, order 2: 1000 - (1000 + 8 * 1000 / 4) / 8 */
	assert_int_equal(nb_extfrag_index(singles, 3, 2), 625);
	/* too little memory for it: below zero */
	assert_int_equal(nb_extfrag_index(one, 10, 9), -1);
	assert_int_equal(nb_unusable_index(none, 3, 1), 1000);
	assert_int_equal(nb_unusable_index(singles, 3, 1), 1000);
	/* 2 + 2 + 4 pages; order 1 can use 6 of 8 */
	assert_int_equal(nb_unusable_index(mixed, 3, 1), 250);
	assert_int_equal(nb_unusable_index(mixed, 3, 0), 0);
}

static void test_back(void **state)
{
	static const char text[] = "Node 0, zone   Normal -1.000  0.625  0.-01 \n";
	struct nb_extfrag x;

	(void)state;
	assert_int_equal(nb_extfrag_parse(text, strlen(text), NB_EXTFRAG_INDEX, &x, NULL), 0);
	assert_int_equal(nb_extfrag_nr_raw(&x), 0);
	assert_int_equal(x.rows[0].milli[0], -1000);
	assert_int_equal(x.rows[0].milli[1], 625);
	assert_int_equal(x.rows[0].milli[2], -1);
	nb_extfrag_release(&x);
	/* the other index pads nothing: the same text is not its own */
	assert_int_equal(nb_extfrag_parse(text, strlen(text), NB_EXTFRAG_UNUSABLE, &x, NULL), 0);
	assert_int_equal(nb_extfrag_nr_raw(&x), 1);
	nb_extfrag_release(&x);
	assert_int_equal(nb_extfrag_parse("Node 0, zone DMA 1\n", 19, NB_EXTFRAG_INDEX, &x, NULL),
			 -NB_EINVAL);
}

static const struct {
	const char *row;
	enum nb_frag_verdict verdict;
	int largest;
	const char *advice; /* NULL: none */
} judged[] = {
	{"Node 0, zone Normal 0 0 0 0 0 0 0 0 0 0 0\n", NB_FRAG_EMPTY, -1, NULL},
	{"Node 0, zone Normal 5 3 2 1 2 0 1 2 1 1 242\n", NB_FRAG_GOOD, 10, NULL},
	{"Node 0, zone Normal 100 900 900 900 500 100 0 0 0 20 0\n", NB_FRAG_WORN, 9,
	 "zone Normal: Some huge pages are still there."},
	{"Node 0, zone Normal 0 0 0 400 0 0 0 0 0 0 0\n", NB_FRAG_SCATTERED, 3,
	 "for pieces, not for lack of memory (index 0.982): compaction is tried."},
	{"Node 0, zone Normal 0 0 0 0 0 0 0 1 1 0 0\n", NB_FRAG_SCATTERED, 8,
	 "for lack of memory rather than for pieces (index 0.125)"},
	{"Node 0, zone Normal 90000 10 0 0 0 0 0 0 0 0 40\n", NB_FRAG_SCATTERED, 10,
	 "69 % of the free memory lies in single pages, the danger sign"},
};

/* Expect a surplus of single pages, or no huge page at all, to be the danger sign. */
static void test_judged(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(judged) / sizeof(judged[0]); i++) {
		struct nb_frag_zone z;
		struct nb_buddyinfo b;
		struct nb_text t = {0};

		assert_int_equal(nb_buddyinfo_parse(judged[i].row, strlen(judged[i].row), &b, NULL),
				 0);
		nb_frag_judge(&b.rows[0], 9, &z);
		assert_int_equal(z.verdict, judged[i].verdict);
		assert_int_equal(z.largest_order, judged[i].largest);
		assert_true(z.single_fraction >= 0 && z.single_fraction <= 1);
		nb_fragmentation_print(&b, 9, 4, &t);
		assert_non_null(strstr(nb_text_str(&t), nb_frag_verdict_name(judged[i].verdict)));
		if (judged[i].advice)
			assert_non_null(strstr(nb_text_str(&t), judged[i].advice));
		else
			assert_null(strstr(nb_text_str(&t), "To try"));
		assert_non_null(strstr(nb_text_str(&t), "order     0     1     2"));
		nb_text_release(&t);
		nb_buddyinfo_release(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_indices),
		cmocka_unit_test(test_back),
		cmocka_unit_test(test_judged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
