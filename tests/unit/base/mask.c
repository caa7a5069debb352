/* mask.c -- tests of src/base/mask.c: sets and Linux's list form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mask.h"

static void test_walk(void **state)
{
	struct nb_nodemask m = {{0}};
	unsigned want[] = {0, 3, 63, 64, 700, 1023}, n = 0, i;

	(void)state;
	assert_true(nb_nodemask_empty(&m));
	assert_int_equal(nb_nodemask_next(&m, 0), NB_MAX_NODES);
	for (i = 0; i < 6; i++)
		nb_nodemask_set(&m, want[i]);
	nb_for_each_node_in (i, &m)
		assert_int_equal(i, want[n++]);
	assert_int_equal(n, 6);
	assert_int_equal(nb_nodemask_weight(&m), 6);
	nb_nodemask_clear(&m, 700);
	assert_false(nb_nodemask_test(&m, 700));
	assert_int_equal(nb_nodemask_next(&m, 65), 1023);
	assert_int_equal(nb_nodemask_next(&m, 1024), NB_MAX_NODES);
	memset(&m, 0xff, sizeof(m));
	assert_int_equal(nb_nodemask_weight(&m), NB_MAX_NODES);
}

static void test_list(void **state)
{
	/* text, what it prints as (NULL: as it stands), or the error */
	static const struct {
		const char *text, *prints;
		int ret;
	} cases[] = {
		{"", NULL, 0},
		{"0", NULL, 0},
		{"0-3,8", NULL, 0},
		{"0-1023", NULL, 0},
		{"1023", NULL, 0},
		{"3,1-2,0", "0-3", 0},
		{"1-1", "1", 0},
		{" 0-3,8 \n", "0-3,8", 0},
		{"1024", NULL, -NB_ERANGE},
		{"0-1024", NULL, -NB_ERANGE},
		{"99999999999999999999999", NULL, -NB_ERANGE},
		{"3-1", NULL, -NB_EINVAL},
		{"1,,2", NULL, -NB_EINVAL},
		{"1,", NULL, -NB_EINVAL},
		{",1", NULL, -NB_EINVAL},
		{"1-", NULL, -NB_EINVAL},
		{"-1", NULL, -NB_EINVAL},
		{"1 2", NULL, -NB_EINVAL},
		{"all", NULL, -NB_EINVAL},
		{"0x1", NULL, -NB_EINVAL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct nb_nodemask m = {{0}};
		char buf[64];
		int ret;

		nb_nodemask_set(&m, 5);
		ret = nb_bits_parse_list(cases[i].text, strlen(cases[i].text), m.bits,
					 NB_MAX_NODES);
		if (ret != cases[i].ret)
			fail_msg("\"%s\" gives %d", cases[i].text, ret);
		nb_bits_format_list(m.bits, NB_MAX_NODES, buf, sizeof(buf));
		if (ret)
			assert_string_equal(buf, "5"); /* untouched */
		else
			assert_string_equal(buf, cases[i].prints ? cases[i].prints : cases[i].text);
	}
}

static void test_format_cut(void **state)
{
	struct nb_nodemask m = {{0}};
	char buf[6] = "xxxxx";

	(void)state;
	nb_nodemask_set(&m, 100);
	nb_nodemask_set(&m, 200);
	assert_int_equal(nb_bits_format_list(m.bits, NB_MAX_NODES, buf, 5), 7);
	assert_string_equal(buf, "100,");
	assert_int_equal(nb_bits_format_list(m.bits, NB_MAX_NODES, NULL, 0), 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walk),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_format_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
