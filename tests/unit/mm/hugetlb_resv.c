/* Region maps and subpools: what is reserved, counted against a bitmap and by hand. */
#include "sysbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>

#include "mm/hugetlb.h"

#define PAGES 64u

static const struct sysbox_spec one_node = {.nodes = "256M:1"};

static uint64_t missing(uint64_t bits, unsigned from, unsigned to)
{
	uint64_t n = 0;

	for (unsigned i = from; i < to; i++)
		n += !(bits >> i & 1);
	return n;
}

/* Regions stand apart, ascending, and say what the bitmap says. */
static void compare(const struct nb_resv_map *m, uint64_t bits)
{
	uint64_t seen = 0, last = 0;

	for (const struct nb_region *r = m->regions; r; r = r->next) {
		assert_true(r->from < r->to);
		assert_true(r == m->regions || r->from > last);
		last = r->to;
		for (uint64_t i = r->from; i < r->to; i++)
			seen |= UINT64_C(1) << i;
	}
	assert_int_equal(seen, bits);
}

static void test_regions(void **state)
{
	struct nb_resv_map m = {0};
	uint64_t bits = 0, rng = 88172645463325252u;
	struct sysbox box;

	(void)state;
	sysbox_boot(&box, &one_node);
	for (unsigned step = 0; step < 5000; step++) {
		unsigned from, to;
		uint64_t range;

		rng ^= rng << 13;
		rng ^= rng >> 7;
		rng ^= rng << 17;
		from = (unsigned)(rng % PAGES);
		to = from + 1 + (unsigned)(rng >> 32) % (PAGES - from);
		range = (to - from == 64 ? UINT64_MAX : (UINT64_C(1) << (to - from)) - 1) << from;
		assert_int_equal(nb_region_missing(&m, from, to), missing(bits, from, to));
		if (rng >> 20 & 1) {
			assert_int_equal(nb_region_add(box.sys->hugetlb, &m, from, to),
					 missing(bits, from, to));
			bits |= range;
		} else {
			assert_int_equal(nb_region_del(box.sys->hugetlb, &m, from, to),
					 to - from - missing(bits, from, to));
			bits &= ~range;
		}
		compare(&m, bits);
	}
	sysbox_end(&box);
}

static void test_subpools(void **state)
{
	struct nb_subpool sp = {.max = 8, .min = 3, .reserved = 3},
			  only_min = {.max = UINT64_MAX, .min = 2, .reserved = 2};

	(void)state;
	assert_int_equal(nb_subpool_get(NULL, 5), 5);
	assert_int_equal(nb_subpool_put(NULL, 5), 5);
	/* the minimum is reserved already, and nothing passes the maximum */
	assert_int_equal(nb_subpool_get(&sp, 2), 0);
	assert_int_equal(nb_subpool_get(&sp, 4), 3);
	assert_int_equal(nb_subpool_get(&sp, 3), -NB_ENOMEM);
	assert_int_equal(nb_subpool_get(&sp, 2), 2);
	assert_int_equal(sp.used, 8);
	/* what comes back fills the minimum last */
	assert_int_equal(nb_subpool_put(&sp, 5), 5);
	assert_int_equal(nb_subpool_put(&sp, 2), 0);
	assert_int_equal(sp.reserved, 2);
	assert_int_equal(nb_subpool_put(&sp, 1), 0);
	assert_int_equal(sp.reserved, 3);
	assert_int_equal(nb_subpool_get(&only_min, 5), 3);
	assert_int_equal(nb_subpool_put(&only_min, 5), 3);
	assert_int_equal(only_min.reserved, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_regions),
		cmocka_unit_test(test_subpools),
	};

	return cmocka_run_group_tests_name("mm/hugetlb_resv", tests, NULL, NULL);
}
