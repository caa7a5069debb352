/* hmat.c -- tests of src/read/hmat.c: homes, values with the kernel's rounding, tables that are cut
 * off. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "read/hmat.h"

struct table {
	uint8_t b[1024];
	size_t n;
};

static void put(struct table *t, uint64_t v, unsigned bytes)
{
	while (bytes--) {
		t->b[t->n++] = (uint8_t)v;
		v >>= 8;
	}
}

static void head(struct table *t, unsigned revision)
{
	memset(t, 0, sizeof(*t));
	memcpy(t->b, "HMAT", 4);
	t->b[8] = (uint8_t)revision;
	t->n = 40;
}

static void finish(struct table *t)
{
	size_t n = t->n;

	t->n = 4;
	put(t, n, 4);
	t->n = n;
}

static void home(struct table *t, unsigned flags, uint32_t processor, uint32_t memory)
{
	put(t, 0, 4);
	put(t, 40, 4);
	put(t, flags, 4);
	put(t, processor, 4);
	put(t, memory, 4);
	put(t, 0, 20);
}

/* One initiator, two targets. */
static void locality(struct table *t, unsigned level, unsigned type, uint64_t base, uint32_t from,
		     unsigned to_0, unsigned to_1)
{
	put(t, 1, 4);
	put(t, 32 + 12 + 4, 4);
	put(t, level, 1);
	put(t, type, 1);
	put(t, 0, 2);
	put(t, 1, 4);
	put(t, 2, 4);
	put(t, 0, 4);
	put(t, base, 8);
	put(t, from, 4);
	put(t, 0, 4);
	put(t, 1, 4);
	put(t, to_0, 2);
	put(t, to_1, 2);
}

static void test_homes(void **state)
{
	struct nb_hmat h;
	struct table t;

	(void)state;
	head(&t, 2);
	home(&t, 1, 5, 0);
	home(&t, 0, 6, 1); /* its processor is not valid */
	finish(&t);
	assert_int_equal(nb_hmat_parse((const char *)t.b, t.n, &h), 0);
	assert_int_equal(nb_hmat_home(&h, 0), 5);
	assert_int_equal(nb_hmat_home(&h, 1), NB_HMAT_NO_PXM);
	assert_false(nb_hmat_has(&h, NB_HMAT_READ_LATENCY));
	nb_hmat_release(&h);
}

/* Revision 2 counts latencies in ps, rounded up to ns; access stands for read and write; 0 and
 * 0xffff are no values; of two structures the later one counts; a cache's are passed over. */
static void test_values(void **state)
{
	struct nb_hmat h;
	struct table t;

	(void)state;
	head(&t, 2);
	locality(&t, 0, 0, 100, 3, 801, 0xffff);
	locality(&t, 0, 4, 16, 3, 100, 0);
	locality(&t, 0, 4, 16, 3, 200, 50);
	locality(&t, 1, 5, 1, 3, 7, 7);
	finish(&t);
	assert_int_equal(nb_hmat_parse((const char *)t.b, t.n, &h), 0);
	assert_int_equal(nb_hmat_value(&h, NB_HMAT_READ_LATENCY, 3, 0), 81);
	assert_int_equal(nb_hmat_value(&h, NB_HMAT_WRITE_LATENCY, 3, 0), 81);
	assert_int_equal(nb_hmat_value(&h, NB_HMAT_READ_LATENCY, 3, 1), 0);
	assert_int_equal(nb_hmat_value(&h, NB_HMAT_READ_BANDWIDTH, 3, 0), 3200);
	assert_int_equal(nb_hmat_value(&h, NB_HMAT_READ_BANDWIDTH, 3, 1), 800);
	assert_int_equal(nb_hmat_value(&h, NB_HMAT_READ_BANDWIDTH, 2, 1), 0);
	assert_false(nb_hmat_has(&h, NB_HMAT_WRITE_BANDWIDTH));
	assert_int_equal(h.nr_initiators, 1);
	assert_int_equal(h.initiator[0], 3);
	nb_hmat_release(&h);
}

/* Revision 1 counts tenths of ns. */
static void test_first_revision(void **state)
{
	struct nb_hmat h;
	struct table t;

	(void)state;
	head(&t, 1);
	locality(&t, 0, 1, 1, 0, 805, 9);
	finish(&t);
	assert_int_equal(nb_hmat_parse((const char *)t.b, t.n, &h), 0);
	assert_int_equal(nb_hmat_value(&h, NB_HMAT_READ_LATENCY, 0, 0), 81);
	assert_int_equal(nb_hmat_value(&h, NB_HMAT_READ_LATENCY, 0, 1), 0);
	assert_false(nb_hmat_has(&h, NB_HMAT_WRITE_LATENCY));
	nb_hmat_release(&h);
}

static void test_cut_off(void **state)
{
	struct nb_hmat h;
	struct table t;
	size_t n;

	(void)state;
	head(&t, 2);
	home(&t, 1, 0, 0);
	locality(&t, 0, 0, 100, 0, 1, 2);
	finish(&t);
	for (n = 0; n < t.n; n++)
		assert_int_equal(nb_hmat_parse((const char *)t.b, n, &h), -NB_EINVAL);
	t.b[44] = 0; /* a structure of no length */
	assert_int_equal(nb_hmat_parse((const char *)t.b, t.n, &h), -NB_EINVAL);
	assert_int_equal(nb_hmat_parse("SRAT", 4, &h), -NB_EINVAL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_homes),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_first_revision),
		cmocka_unit_test(test_cut_off),
	};

	return cmocka_run_group_tests_name("hmat", tests, NULL, NULL);
}
