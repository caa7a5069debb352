/* msync.c -- what a shared mapping of a file has made dirty is written; errors as msync(2) has
 * them. */
#include "filebox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void test_msync(void **state)
{
	struct nb_address_space *as;
	struct filebox b;
	uint64_t addr, n;

	(void)state;
	filebox_boot(&b, "256M:1", NULL, true);
	as = filebox_file(&b, 16);
	assert_int_equal(nb_mmap_file(b.t, as, 0, 0, 16 * PAGE, NB_PROT_READ | NB_PROT_WRITE,
				      NB_MAP_SHARED, &addr),
			 0);
	assert_int_equal(nb_touch(b.t, addr, 8 * PAGE, true, &n), 0);
	assert_int_equal(as->nr_dirty, 8);
	assert_int_equal(nb_msync(b.t, addr, 16 * PAGE, NB_MS_ASYNC), 0);
	assert_int_equal(as->nr_dirty, 8); /* that is the flusher's business */
	assert_int_equal(nb_msync(b.t, addr + 4 * PAGE, PAGE, NB_MS_SYNC), 0);
	assert_int_equal(as->nr_dirty, 7);
	assert_int_equal(nb_msync(b.t, addr, 4 * PAGE - 1, NB_MS_SYNC), 0);
	assert_int_equal(as->nr_dirty, 3);
	/* an entry that was made clean tells of the next write */
	assert_int_equal(nb_touch(b.t, addr, PAGE, true, &n), 0);
	assert_int_equal(as->nr_dirty, 4);
	assert_int_equal(nb_msync(b.t, addr, 0, NB_MS_SYNC), 0);
	assert_int_equal(nb_msync(b.t, addr + 1, PAGE, NB_MS_SYNC), -NB_EINVAL);
	assert_int_equal(nb_msync(b.t, addr, PAGE, NB_MS_SYNC | NB_MS_ASYNC), -NB_EINVAL);
	assert_int_equal(nb_msync(b.t, addr, PAGE, 8), -NB_EINVAL);
	assert_int_equal(nb_msync(b.t, addr, UINT64_MAX - PAGE, NB_MS_SYNC), -NB_ENOMEM);
	/* over a hole: the rest is written all the same, but not by MS_ASYNC */
	assert_int_equal(nb_munmap(b.t, addr + 2 * PAGE, PAGE), 0);
	assert_int_equal(nb_msync(b.t, addr + PAGE, 15 * PAGE, NB_MS_SYNC), -NB_ENOMEM);
	assert_int_equal(as->nr_dirty, 1);
	assert_int_equal(nb_msync(b.t, addr, 3 * PAGE, NB_MS_ASYNC), -NB_ENOMEM);
	assert_int_equal(nb_mlock(b.t, addr, PAGE), 0);
	assert_int_equal(nb_msync(b.t, addr, PAGE, NB_MS_INVALIDATE), -NB_EBUSY);
	filebox_check(&b);
	assert_int_equal(nb_munmap(b.t, addr, 16 * PAGE), 0);
	nb_file_put(as);
	filebox_end(&b);
}

/* Blocks of a disk are nobody's: a size alone; a hole takes whole pages and clears parts. */
static void test_fallocate(void **state)
{
	struct nb_address_space *as;
	struct filebox b;
	char buf[64];

	(void)state;
	filebox_boot(&b, "256M:1", NULL, true);
	as = filebox_file(&b, 0);
	assert_int_equal(nb_file_fallocate(b.t, as, 0, 10 * PAGE, false), 0);
	assert_int_equal(as->size, 10 * PAGE);
	assert_int_equal(as->nrpages, 0);
	assert_int_equal(nb_file_fallocate(b.t, as, PAGE, PAGE, false), 0);
	assert_int_equal(as->size, 10 * PAGE);
	filebox_write(&b, as, 0, 10);
	assert_int_equal(nb_file_fallocate(b.t, as, 2 * PAGE + 100, 3 * PAGE, true), 0);
	assert_string_equal(filebox_cached(&b, as, buf, sizeof(buf)), "0-2,5-9");
	assert_int_equal(as->size, 10 * PAGE);
	assert_int_equal(nb_file_fallocate(b.t, as, 9 * PAGE + 1, PAGE, true), 0);
	assert_int_equal(as->size, 10 * PAGE);
	filebox_check(&b);
	nb_file_put(as);
	filebox_end(&b);
}

/* Who has no driver but lets time pass sees that the disk is through; what was dropped is counted.
 */
static void test_time_alone(void **state)
{
	struct nb_address_space *as;
	struct filebox b;

	(void)state;
	filebox_boot(&b, "256M:1", NULL, false);
	nb_set_writeback_wake(b.sys, NULL, NULL);
	as = filebox_file(&b, 0);
	filebox_write(&b, as, 0, 20);
	assert_int_equal(nb_file_writepages(as, 0, UINT64_MAX, UINT64_MAX, false, NULL), 20);
	assert_int_equal(filebox_sum(&b, offsetof(struct nb_zone, nr_writeback)), 20);
	nb_system_set_time_ns(b.sys, b.sys->time_ns + 1000000000);
	assert_int_equal(filebox_sum(&b, offsetof(struct nb_zone, nr_writeback)), 0);
	nb_drop_caches(b.sys, 1);
	assert_int_equal(as->nrpages, 0);
	nb_drop_caches(b.sys, 3);
	assert_int_equal(filebox_vm_event(&b, "drop_pagecache"), 2);
	assert_int_equal(filebox_vm_event(&b, "drop_slab"), 1);
	nb_file_put(as);
	filebox_end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_msync),
		cmocka_unit_test(test_fallocate),
		cmocka_unit_test(test_time_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
