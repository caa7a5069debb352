/* truncate.c -- what goes with the end of a file, and what invalidation spares. */
#include "filebox.h"

#include "mm/lru.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>

static uint64_t map(struct filebox *b, struct nb_address_space *as, uint64_t pages, int flags)
{
	uint64_t addr, n;

	assert_int_equal(nb_mmap_file(b->t, as, 0, 0, pages * PAGE, NB_PROT_READ | NB_PROT_WRITE,
				      flags, &addr),
			 0);
	assert_int_equal(nb_touch(b->t, addr, pages * PAGE, true, &n), 0);
	return addr;
}

/* Dirty pages, mapped pages, and private copies of what is no more. */
static void test_truncate(void **state)
{
	struct filebox b;
	struct nb_address_space *as;
	uint64_t s, p, n;

	(void)state;
	filebox_boot(&b, "64M:1", NULL, false);
	as = filebox_file(&b, 20);
	s = map(&b, as, 20, NB_MAP_SHARED);
	p = map(&b, as, 20, 0);
	assert_int_equal(nb_task_rss_pages(b.t), 40);
	assert_int_equal(as->nr_dirty, 20);
	assert_int_equal(nb_file_truncate(b.t, as, 5 * PAGE + 1), 0);
	assert_int_equal(as->nrpages, 6);
	assert_int_equal(as->nr_dirty, 6);
	assert_int_equal(nb_task_rss_pages(b.t), 12);
	assert_int_equal(nb_touch(b.t, s + 6 * PAGE, 1, false, &n), -NB_EFAULT);
	assert_int_equal(nb_touch(b.t, p + 6 * PAGE, 1, false, &n), -NB_EFAULT);
	assert_int_equal(nb_touch(b.t, s + 5 * PAGE, 1, false, &n), 0);
	filebox_check(&b);
	assert_int_equal(nb_file_truncate(b.t, as, 0), 0);
	assert_int_equal(as->nrpages, 0);
	assert_int_equal(nb_task_rss_pages(b.t), 0);
	nb_file_put(as);
	filebox_end(&b);
}

/* Bytes that were cut off do not come back when the file grows again. */
static void test_no_return(void **state)
{
	static char page[3 * PAGE], got[3 * PAGE];
	struct filebox b;
	struct nb_address_space *as;
	struct nb_error err = {0};
	uint64_t n;

	(void)state;
	filebox_boot(&b, "64M:1", NULL, true);
	memset(page, 'a', sizeof(page));
	for (unsigned dropped = 0; dropped < 2; dropped++) {
		as = filebox_file(&b, 0);
		assert_int_equal(nb_file_write(b.t, as, 0, page, sizeof(page), &n), 0);
		assert_int_equal(nb_file_sync(b.t, as), 0);
		if (dropped)
			assert_int_equal(nb_sysctl_write(b.sys, "vm.drop_caches", "1", &err), 0);
		assert_int_equal(nb_file_truncate(b.t, as, 100), 0);
		assert_int_equal(nb_sysctl_write(b.sys, "vm.drop_caches", "1", &err), 0);
		assert_int_equal(nb_file_truncate(b.t, as, sizeof(page)), 0);
		assert_int_equal(nb_file_read(b.t, as, 0, got, sizeof(got), &n), 0);
		assert_int_equal(n, sizeof(got));
		assert_memory_equal(got, page, 100);
		for (unsigned i = 100; i < sizeof(got); i++)
			assert_int_equal(got[i], 0);
		nb_file_put(as);
	}
	filebox_end(&b);
}

/* While pages are on their way from the disk they cannot go: truncation waits. */
static void test_waits_for_reads(void **state)
{
	struct filebox b;
	struct nb_address_space *as;

	(void)state;
	filebox_boot(&b, "64M:1", NULL, false);
	as = filebox_file(&b, 100);
	nb_readahead_force(b.t, as, 0, 100);
	assert_true(nb_file_reading(as, 50));
	assert_int_equal(nb_file_truncate(b.t, as, 10 * PAGE), 0);
	assert_true(b.waits > 0);
	assert_int_equal(as->nrpages, 10);
	nb_file_put(as);
	filebox_end(&b);
}

/* Dirty, mapped and busy pages stay. */
static void test_invalidate(void **state)
{
	struct filebox b;
	struct nb_address_space *as;
	struct nb_zone *z;
	struct nb_page *page;
	uint64_t a, n;

	(void)state;
	filebox_boot(&b, "64M:1", NULL, false);
	as = filebox_file(&b, 32);
	filebox_read(&b, as, 0, 32);
	filebox_write(&b, as, 0, 2);
	assert_int_equal(nb_mmap_file(b.t, as, 16 * PAGE, 0, PAGE, 1, NB_MAP_SHARED, &a), 0);
	assert_int_equal(nb_touch(b.t, a, 1, false, &n), 0);
	page = nb_as_find(as, 20, &z, NULL);
	nb_lru_add_drain_all(b.sys);
	assert_int_equal(nb_file_invalidate(b.sys, as, 0, UINT64_MAX, false, 0), 32 - 2 - 1 - 1);
	assert_int_equal(as->nrpages, 4);
	assert_true(nb_file_node(as, 16) >= 0 && nb_file_node(as, 20) >= 0);
	nb_put_page(b.sys, z, page, 0);
	assert_int_equal(nb_file_invalidate(b.sys, as, 20, 20, false, 0), 1);
	nb_file_put(as);
	filebox_end(&b);
}

/* DONTNEED writes first and spares what it means in part, but for the last page of the file. */
static void test_dontneed(void **state)
{
	char text[64];
	struct filebox b;
	struct nb_address_space *as;

	(void)state;
	filebox_boot(&b, "64M:1", NULL, false);
	assert_int_equal(nb_file_create(b.sys, "f", 9 * PAGE + 10, &as), 0);
	filebox_read(&b, as, 0, 9);
	filebox_write(&b, as, 4, 1);
	assert_int_equal(nb_file_fadvise(b.t, as, PAGE + 1, 5 * PAGE, NB_FADV_DONTNEED), 0);
	/* pages 2 to 5 are meant whole; 4 is being written */
	assert_string_equal(filebox_cached(&b, as, text, sizeof(text)), "0-1,4,6-9*");
	assert_int_equal(as->nr_writeback, 1);
	filebox_run(&b, 1000000);
	assert_int_equal(nb_file_fadvise(b.t, as, 0, 9 * PAGE + 10, NB_FADV_DONTNEED), 0);
	assert_int_equal(as->nrpages, 0);
	nb_file_put(as);
	filebox_end(&b);
}

static void test_drop_caches(void **state)
{
	struct filebox b;
	struct nb_address_space *as, *shm;
	struct nb_error err = {0};

	(void)state;
	filebox_boot(&b, "64M:1", NULL, false);
	as = filebox_file(&b, 40);
	shm = filebox_shmem(&b, 8, NULL);
	filebox_read(&b, as, 0, 40);
	filebox_write(&b, shm, 0, 8);
	assert_int_equal(nb_sysctl_write(b.sys, "vm.drop_caches", "2", &err), 0);
	assert_int_equal(as->nrpages, 40);
	assert_int_equal(nb_sysctl_write(b.sys, "vm.drop_caches", "1", &err), 0);
	assert_int_equal(as->nrpages, 0);
	assert_int_equal(shm->nrpages, 8); /* memory has no other copy */
	assert_int_equal(nb_sysctl_write(b.sys, "vm.drop_caches", "5", &err), -NB_EINVAL);
	nb_file_put(as);
	nb_file_put(shm);
	filebox_end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_truncate),        cmocka_unit_test(test_no_return),
		cmocka_unit_test(test_waits_for_reads), cmocka_unit_test(test_invalidate),
		cmocka_unit_test(test_dontneed),        cmocka_unit_test(test_drop_caches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
