/* ram_layout.c -- memory of known size, with the PCI hole left out. */
#include "form.h"
#include "read/ram_layout.h"

#define G (UINT64_C(1) << 30)

static const struct {
	uint64_t total, hole; /* hole UINT64_MAX: q35's */
	uint64_t bytes[4];
	const char *ranges;
} cases[] = {
	/*  0      2G      4G
	 *  |--0---|.hole..|--1--   the hole falls between two nodes */
	{4 * G, UINT64_MAX, {2 * G, 2 * G}, "0:0-0x7fffffff 1:0x100000000-0x17fffffff"},
	/* ... and cuts a node in two */
	{8 * G,
	 UINT64_MAX,
	 {1 * G, 7 * G},
	 "0:0-0x3fffffff 1:0x40000000-0x7fffffff 1:0x100000000-0x27fffffff"},
	/* A node of nothing takes no place. */
	{8 * G, UINT64_MAX, {2 * G, 0, 6 * G}, "0:0-0x7fffffff 2:0x100000000-0x27fffffff"},
	/* q35 keeps less than 2.75 GiB below the hole. */
	{0xb0000000 - 4096, UINT64_MAX, {0xb0000000 - 4096}, "0:0-0xafffefff"},
	{0xb0000000, UINT64_MAX, {0xb0000000}, "0:0-0x7fffffff 0:0x100000000-0x12fffffff"},
	{8 * G, 0, {8 * G}, "0:0-0x1ffffffff"},
	{8 * G, 3 * G, {8 * G}, "0:0-0xbfffffff 0:0x100000000-0x23fffffff"},
	{1 * G, 64 << 10, {1 * G}, "0:0-0xffff 0:0x100000000-0x13ffeffff"},
};

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct nb_machine *m = nb_machine_new(test_port());
		struct nb_ram_layout l;

		nb_ram_layout_init(&l, cases[i].total);
		if (cases[i].hole != UINT64_MAX)
			assert_int_equal(nb_ram_layout_set_hole(&l, cases[i].hole, 0, NULL), 0);
		for (int k = 0; k < 4; k++)
			assert_int_equal(
				nb_ram_layout_place(&l, m, k, cases[i].bytes[k], 0, 0, NULL), 0);
		check_ranges(m, cases[i].ranges);
		nb_machine_free(m);
	}
}

static void test_bad(void **state)
{
	struct nb_machine *m = nb_machine_new(test_port());
	struct nb_error err = {0};
	struct nb_ram_layout l;

	(void)state;
	nb_ram_layout_init(&l, 8 * G);
	assert_int_equal(nb_ram_layout_set_hole(&l, 4 * G, 7, &err), -NB_EINVAL);
	assert_int_equal(err.line, 7);
	assert_int_equal(nb_ram_layout_set_hole(&l, 4096, 7, NULL), -NB_EINVAL);
	assert_int_equal(nb_ram_layout_place(&l, m, 0, 4095, 0, 0, NULL), -NB_EINVAL);
	assert_int_equal(nb_ram_layout_place(&l, m, 0, NB_RAM_LAYOUT_MAX, 0, 0, NULL), 0);
	assert_int_equal(nb_ram_layout_place(&l, m, 0, 4096, 0, 0, NULL), -NB_ERANGE);
	assert_int_equal(nb_ram_layout_place(&l, m, 0, UINT64_MAX - 4095, 0, 0, NULL), -NB_ERANGE);
	nb_machine_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases),
					   cmocka_unit_test(test_bad)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
