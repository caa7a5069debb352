/* filemap.c -- pages of files to readers and to faults: where they come from, who waits, what is
 * counted.
 */
#include "filebox.h"

#include "mm/lru.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>

static uint64_t on_node(struct filebox *b, struct nb_address_space *as, uint64_t pages, int nid)
{
	uint64_t n = 0;

	(void)b;
	for (uint64_t i = 0; i < pages; i++)
		n += nb_file_node(as, i) == nid;
	return n;
}

/* Cache pages come by the task's policy, and interleaving goes by its counter. */
static void test_task_policy(void **state)
{
	struct filebox b;
	struct nb_address_space *as;
	struct nb_nodemask both = sysbox_mask(3), one = sysbox_mask(2);

	(void)state;
	filebox_boot(&b, "64M:1 64M:1", NULL, false);
	as = filebox_file(&b, 300);
	filebox_read(&b, as, 0, 32);
	assert_int_equal(on_node(&b, as, 64, 0), 64);
	nb_file_put(as);
	nb_disk_complete(b.sys, UINT64_MAX);
	as = filebox_file(&b, 64);
	assert_int_equal(nb_set_mempolicy(b.t, NB_MPOL_BIND, &one), 0);
	filebox_read(&b, as, 0, 64);
	assert_int_equal(on_node(&b, as, 64, 1), 64);
	nb_file_put(as);
	nb_disk_complete(b.sys, UINT64_MAX);
	as = filebox_file(&b, 64);
	assert_int_equal(nb_set_mempolicy(b.t, NB_MPOL_INTERLEAVE, &both), 0);
	filebox_read(&b, as, 0, 64);
	for (uint64_t i = 1; i < 64; i++)
		assert_int_not_equal(nb_file_node(as, i), nb_file_node(as, i - 1));
	assert_int_equal(sysbox_numa(&b.box, 0, NB_NUMA_INTERLEAVE) +
				 sysbox_numa(&b.box, 1, NB_NUMA_INTERLEAVE),
			 64);
	nb_file_put(as);
	filebox_end(&b);
}

/* The first read waits for the disk, the second does not; a page read ahead is waited for when it
 * is needed. */
static void test_waits(void **state)
{
	struct nb_disk disk = {
		.latency_ns = 1000000, .bytes_per_second = 4096000, .queue_depth = 1};
	struct filebox b;
	struct nb_address_space *as;

	(void)state;
	filebox_boot(&b, "64M:1", NULL, false);
	assert_int_equal(nb_set_disk(b.sys, &disk), 0);
	as = filebox_file(&b, 100);
	filebox_read(&b, as, 0, 1);
	/* 1 ms, and 4 pages (the first window) of 1 ms each */
	assert_int_equal(nb_system_time_ns(b.sys), 5000000);
	filebox_read(&b, as, 0, 1);
	assert_int_equal(nb_system_time_ns(b.sys), 5000000);
	filebox_read(&b, as, 1, 1); /* starts the next window of 8, which nobody needs yet */
	assert_int_equal(nb_system_time_ns(b.sys), 5000000);
	assert_true(nb_file_reading(as, 4));
	filebox_read(&b, as, 4, 1);
	assert_int_equal(nb_system_time_ns(b.sys), 5000000 + 9000000);
	assert_false(nb_file_reading(as, 4));
	assert_int_equal(filebox_vm_event(&b, "pgpgin"), (4 + 8 + 16) * 4);
	nb_file_put(as);
	filebox_end(&b);
}

/* Where the port cannot wait, reads end at once and time stands still. */
static void test_timeless(void **state)
{
	struct filebox b;
	struct nb_address_space *as;

	(void)state;
	filebox_boot(&b, "64M:1", NULL, false);
	b.timeless = true;
	as = filebox_file(&b, 100);
	filebox_read(&b, as, 0, 100);
	assert_int_equal(nb_system_time_ns(b.sys), 0);
	nb_file_put(as);
	filebox_end(&b);
}

static int read_fails(void *ctx, uint64_t offset, void *buf, size_t n)
{
	(void)ctx;
	memset(buf, 0x5a, n);
	return offset == 7 * PAGE ? -NB_EIO : 0;
}

/* A page that cannot be read is in no cache; those before it are delivered. */
static void test_read_error(void **state)
{
	const struct nb_backing_ops ops = {.read = read_fails};
	static char buf[20 * PAGE];
	struct filebox b;
	struct nb_address_space *as;
	uint64_t n;

	(void)state;
	filebox_boot(&b, "64M:1", NULL, true);
	as = filebox_file(&b, 20);
	nb_file_set_backing(as, &ops);
	assert_int_equal(nb_file_read(b.t, as, 0, buf, sizeof(buf), &n), 0);
	assert_int_equal(n, 7 * PAGE);
	assert_int_equal(buf[0], 0x5a);
	assert_int_equal(nb_file_read(b.t, as, 7 * PAGE, buf, PAGE, &n), -NB_EIO);
	assert_int_equal(n, 0);
	assert_int_equal(nb_file_node(as, 7), -NB_ENOENT);
	nb_file_put(as);
	filebox_end(&b);
}

/* Read twice: referenced, then active (classic lists). */
static void test_second_read(void **state)
{
	struct filebox b;
	struct nb_address_space *as;
	struct nb_zone *z;
	struct nb_page *page;

	(void)state;
	filebox_boot(&b, "64M:1", "6.1", false);
	as = filebox_file(&b, 100);
	filebox_read(&b, as, 0, 40);
	filebox_read(&b, as, 50, 1);
	nb_lru_add_drain_all(b.sys);
	page = nb_as_find(as, 3, &z, NULL);
	assert_int_equal(page->flags & (PG_REFERENCED | PG_ACTIVE), PG_REFERENCED);
	filebox_read(&b, as, 0, 40);
	nb_lru_add_drain_all(b.sys);
	assert_true(page->flags & PG_ACTIVE);
	nb_put_page(b.sys, z, page, 0);
	nb_file_put(as);
	filebox_end(&b);
}

/* ---- mappings ---- */

static uint64_t map(struct filebox *b, struct nb_address_space *as, uint64_t pages, int flags)
{
	uint64_t addr;

	assert_int_equal(nb_mmap_file(b->t, as, 0, 0, pages * PAGE, NB_PROT_READ | NB_PROT_WRITE,
				      flags, &addr),
			 0);
	return addr;
}

static uint64_t touch(struct filebox *b, uint64_t addr, uint64_t pages, bool write)
{
	uint64_t n;

	assert_int_equal(nb_touch(b->t, addr, pages * PAGE, write, &n), 0);
	return n;
}

/* A miss reads a window around it, the next faults find what is cached around them: 16 pages,
 * aligned, a fault. */
static void test_fault_around(void **state)
{
	struct filebox b;
	struct nb_address_space *as;
	uint64_t a;

	(void)state;
	filebox_boot(&b, "64M:1", NULL, false);
	as = filebox_file(&b, 200);
	filebox_read(&b, as, 0, 200);
	a = map(&b, as, 200, NB_MAP_SHARED);
	assert_int_equal(touch(&b, a, 200, false), 13); /* 200 / 16, rounded up */
	assert_int_equal(nb_task_rss_pages(b.t), 200);
	assert_int_equal(filebox_sum(&b, offsetof(struct nb_zone, nr_mapped)), 200);
	assert_int_equal(filebox_vm_event(&b, "pgmajfault"), 0);
	filebox_check(&b);
	assert_int_equal(nb_munmap(b.t, a, 200 * PAGE), 0);
	assert_int_equal(filebox_sum(&b, offsetof(struct nb_zone, nr_mapped)), 0);
	nb_file_put(as);
	filebox_end(&b);
}

/* 32 pages around the fault: half of them before it. */
static void test_read_around(void **state)
{
	char text[256];
	struct filebox b;
	struct nb_address_space *as;
	uint64_t a;

	(void)state;
	filebox_boot(&b, "64M:1", NULL, false);
	as = filebox_file(&b, 200);
	a = map(&b, as, 200, 0);
	touch(&b, a + 100 * PAGE, 1, false);
	assert_string_equal(filebox_cached(&b, as, text, sizeof(text)), "84-108*,109-115");
	assert_int_equal(filebox_vm_event(&b, "pgmajfault"), 1);
	nb_file_put(as); /* the mapping holds it */
	filebox_end(&b);
}

/* Shared writes make the file dirty, private ones a copy by the VMA's policy. */
static void test_mapped_writes(void **state)
{
	struct nb_nodemask one = sysbox_mask(2);
	struct filebox b;
	struct nb_address_space *as;
	uint64_t s, p;

	(void)state;
	filebox_boot(&b, "64M:1 64M:1", NULL, false);
	as = filebox_file(&b, 64);
	s = map(&b, as, 64, NB_MAP_SHARED);
	p = map(&b, as, 64, 0);
	assert_int_equal(nb_mbind(b.t, p, 64 * PAGE, NB_MPOL_BIND, &one, 0), 0);
	touch(&b, s, 8, true);
	assert_int_equal(as->nr_dirty, 8);
	assert_int_equal(filebox_sum(&b, offsetof(struct nb_zone, nr_dirty)), 8);
	touch(&b, p, 4, true);
	assert_int_equal(nb_task_node(b.t, s), 0);
	assert_int_equal(nb_task_node(b.t, p), 1);
	assert_int_equal(as->nr_dirty, 8);
	assert_int_equal(filebox_sum(&b, offsetof(struct nb_zone, nr_anon)), 4);
	/* written back, the entry must tell again */
	assert_int_equal(nb_file_sync(b.t, as), 0);
	assert_int_equal(as->nr_dirty, 0);
	assert_int_equal(touch(&b, s, 8, false), 0);
	assert_int_equal(as->nr_dirty, 0);
	touch(&b, s, 2, true);
	assert_int_equal(as->nr_dirty, 2);
	filebox_check(&b);
	nb_file_put(as);
	filebox_end(&b);
}

static void test_behind_the_end(void **state)
{
	struct filebox b;
	struct nb_address_space *as;
	uint64_t a, n;

	(void)state;
	filebox_boot(&b, "64M:1", NULL, false);
	assert_int_equal(nb_file_create(b.sys, "f", 3 * PAGE + 1, &as), 0);
	a = map(&b, as, 10, NB_MAP_SHARED);
	assert_int_equal(nb_touch(b.t, a, 10 * PAGE, false, &n), -NB_EFAULT);
	assert_int_equal(nb_task_rss_pages(b.t), 4);
	assert_int_equal(nb_mmap_file(b.t, as, 1, 0, PAGE, 3, 0, &n), -NB_EINVAL);
	nb_file_put(as);
	filebox_end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_task_policy),    cmocka_unit_test(test_waits),
		cmocka_unit_test(test_timeless),       cmocka_unit_test(test_read_error),
		cmocka_unit_test(test_second_read),    cmocka_unit_test(test_fault_around),
		cmocka_unit_test(test_read_around),    cmocka_unit_test(test_mapped_writes),
		cmocka_unit_test(test_behind_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
