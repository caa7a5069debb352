/* nodemask.c -- set algebra: remapping by rank, folding, the next in turn. */
#include "mm/nodemask.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct nb_nodemask set(uint64_t bits)
{
	return (struct nb_nodemask){{bits}};
}

static void test_sets(void **state)
{
	struct nb_nodemask a = set(0x0c), b = set(0x0d), c = set(3), out;

	(void)state;
	assert_true(nb_nodes_subset(&a, &b));
	assert_false(nb_nodes_subset(&b, &a));
	assert_true(nb_nodes_intersect(&b, &c));
	assert_false(nb_nodes_intersect(&a, &c));
	assert_true(nb_nodes_and(&out, &b, &c));
	assert_int_equal(out.bits[0], 1);
	assert_false(nb_nodes_and(&out, &a, &c));
	assert_true(nb_nodes_equal(&a, &a));
	assert_false(nb_nodes_equal(&a, &b));
}

static void test_next(void **state)
{
	struct nb_nodemask m = set(0x22), none = set(0);

	(void)state;
	m.bits[NB_MAX_NODES / 64 - 1] = UINT64_C(1) << 63;
	assert_int_equal(nb_node_next_in(-1, &m), 1);
	assert_int_equal(nb_node_next_in(1, &m), 5);
	assert_int_equal(nb_node_next_in(5, &m), NB_MAX_NODES - 1);
	assert_int_equal(nb_node_next_in(NB_MAX_NODES - 1, &m), 1);
	assert_int_equal(nb_node_next_in(3, &none), NB_NO_NODE);
	assert_int_equal(nb_nodes_nth(&m, 2), NB_MAX_NODES - 1);
}

static void test_remap(void **state)
{
	static const struct {
		uint64_t m, from, to, want;
	} c[] = {
		{0x3, 0x3, 0xc, 0xc}, {0x1, 0x3, 0xc, 0x4}, {0xf, 0xf, 0x3, 0x3},
		{0x8, 0xf, 0x3, 0x2}, {0x9, 0x3, 0xc, 0xc}, /* 3 is no member: it stays */
		{0x3, 0x3, 0x0, 0x3}, {0x0, 0x3, 0xc, 0x0},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		struct nb_nodemask m = set(c[i].m), from = set(c[i].from), to = set(c[i].to);

		nb_nodes_remap(&m, &m, &from, &to);
		assert_int_equal(m.bits[0], c[i].want);
	}
}

static void test_relative(void **state)
{
	struct nb_nodemask m = set(0x29), onto = set(0x52), none = set(0), out;

	(void)state;
	nb_nodes_relative(&out, &m, &onto); /* bits 0, 3, 5 of three members: 0, 0, 2 */
	assert_int_equal(out.bits[0], 0x42);
	nb_nodes_relative(&out, &m, &none);
	assert_int_equal(out.bits[0], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_next),
		cmocka_unit_test(test_remap),
		cmocka_unit_test(test_relative),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
