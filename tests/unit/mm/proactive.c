/* proactive.c -- tests of src/mm/proactive.c: reclaim on demand, near, far and in vain. */
#include "pressbox.h"

/* A file's pages go, those of the named node alone; what was asked for, not much more. */
static void test_cache(void **state)
{
	struct nb_address_space *f;
	struct nb_file_info info;
	struct pressbox p;
	uint64_t n;

	(void)state;
	for (int gen = 0; gen < 2; gen++) {
		pressbox_open(&p, "64M:1+64M:1", gen);
		assert_int_equal(nb_file_create(p.sys, "f", 4096 * PAGE, &f), 0);
		assert_int_equal(nb_file_read(p.t, f, 0, NULL, 4096 * PAGE, &n), 0);
		assert_int_equal(nb_proactive_reclaim(p.t, 1, 32, &n), -NB_EAGAIN);
		assert_int_equal(n, 0);
		assert_int_equal(nb_proactive_reclaim(p.t, 0, 1024, &n), 0);
		assert_in_range(n, 1024, 1024 + 256);
		nb_file_info(f, &info);
		assert_int_equal(info.cached_pages, 4096 - n);
		assert_int_equal(nb_proactive_reclaim(p.t, NB_NO_NODE, 8192, &n), -NB_EAGAIN);
		assert_int_equal(n, info.cached_pages);
		assert_int_equal(nb_vm_event_sum(p.sys, NB_VM_ALLOCSTALL + NB_ZONE_MOVABLE), 0);
		assert_int_equal(nb_proactive_reclaim(p.t, 2, 32, &n), -NB_EINVAL);
		assert_int_equal(nb_proactive_reclaim(p.t, 0, 0, &n), 0);
		nb_file_put(f);
		pressbox_close(&p);
	}
}

/* Pages that are in the swap cache go as soon as the device has written them, not before. */
static void test_written(void **state)
{
	struct pressbox p;
	uint64_t a, n;

	(void)state;
	for (int gen = 0; gen < 2; gen++) {
		pressbox_open(&p, "64M:1", gen);
		(void)pressbox_swapon(&p, 4096, -1, NB_SWAP_SSD);
		p.sys->swap->area[0]->opt.write_ns = 100000;
		a = pressbox_map(&p, 64);
		assert_int_equal(pressbox_fill(&p, a, 64), 64);
		assert_int_equal(nb_madvise(p.t, a, 64 * PAGE, NB_MADV_PAGEOUT), 0);
		assert_int_equal(p.sys->swap->nr_cached, 64);
		assert_int_equal(nb_proactive_reclaim(p.t, 0, 64, &n), -NB_EAGAIN);
		assert_int_equal(n, 0);
		nb_system_set_time_ns(p.sys, UINT64_C(1000000000));
		assert_int_equal(nb_proactive_reclaim(p.t, 0, 64, &n), 0);
		assert_int_equal(n, 64);
		assert_int_equal(p.sys->swap->nr_cached, 0);
		pressbox_close(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cache),
		cmocka_unit_test(test_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
