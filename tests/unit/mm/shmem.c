/* shmem.c -- memory files: whose policy places a page, what a hole is, what fails whole. */
#include "filebox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>

static uint64_t map(struct filebox *b, struct nb_address_space *as, uint64_t pages)
{
	uint64_t addr;

	assert_int_equal(nb_mmap_file(b->t, as, 0, 0, pages * PAGE, NB_PROT_READ | NB_PROT_WRITE,
				      NB_MAP_SHARED, &addr),
			 0);
	return addr;
}

static void touch(struct nb_task *t, uint64_t addr, uint64_t pages, bool write)
{
	uint64_t n;

	assert_int_equal(nb_touch(t, addr, pages * PAGE, write, &n), 0);
}

/* A mount option interleaves by inode number + offset, whoever touches, in whatever order. */
static void test_mount_policy(void **state)
{
	struct filebox b;
	struct nb_address_space *as, *other;
	uint64_t a;

	(void)state;
	filebox_boot(&b, "64M:1 64M:1", NULL, false);
	as = filebox_shmem(&b, 16, "interleave");
	other = filebox_shmem(&b, 16, "interleave");
	a = map(&b, as, 16);
	touch(b.t, a + 8 * PAGE, 8, true);
	touch(b.t, a, 8, false);
	filebox_write(&b, other, 0, 16);
	for (uint64_t i = 0; i < 16; i++) {
		assert_int_equal(nb_file_node(as, i), (as->ino + i) % 2);
		assert_int_equal(nb_file_node(other, i), (other->ino + i) % 2);
	}
	assert_int_not_equal(nb_file_node(as, 0), nb_file_node(other, 0));
	assert_int_equal(filebox_sum(&b, offsetof(struct nb_zone, nr_shmem)), 32);
	nb_file_put(as);
	nb_file_put(other);
	filebox_end(&b);
}

/* mbind on a shared mapping stays with the object: another task's faults obey it, and it goes
 * before the task's own policy. */
static void test_object_policy(void **state)
{
	struct nb_nodemask zero = sysbox_mask(1), one = sysbox_mask(2);
	struct filebox b;
	struct nb_address_space *as;
	struct nb_task *t2;
	uint64_t a, a2;

	(void)state;
	filebox_boot(&b, "64M:1 64M:1", NULL, false);
	as = filebox_shmem(&b, 16, NULL);
	a = map(&b, as, 16);
	assert_int_equal(nb_mbind(b.t, a + 4 * PAGE, 8 * PAGE, NB_MPOL_BIND, &one, 0), 0);
	assert_int_equal(as->policy.nr_ranges, 1);
	assert_int_equal(nb_task_create(b.sys, 0, "t2", &t2), 0);
	assert_int_equal(nb_set_mempolicy(t2, NB_MPOL_BIND, &zero), 0);
	assert_int_equal(nb_mmap_file(t2, as, 0, 0, 16 * PAGE, 3, NB_MAP_SHARED, &a2), 0);
	touch(t2, a2, 16, true);
	for (uint64_t i = 0; i < 16; i++)
		assert_int_equal(nb_file_node(as, i), i >= 4 && i < 12);
	nb_task_exit(t2);
	nb_task_put(t2);
	filebox_check(&b);
	nb_file_put(as);
	filebox_end(&b);
}

/* The object lives as long as a mapping or a handle does; its pages with it. */
static void test_life(void **state)
{
	struct filebox b;
	struct nb_address_space *as;
	uint64_t a;

	(void)state;
	filebox_boot(&b, "64M:1", NULL, false);
	as = filebox_shmem(&b, 8, NULL);
	a = map(&b, as, 8);
	touch(b.t, a, 8, true);
	assert_int_equal(nb_munmap(b.t, a, 8 * PAGE), 0);
	assert_int_equal(as->nrpages, 8); /* unmapped pages stay */
	a = map(&b, as, 8);
	nb_file_put(as);
	touch(b.t, a, 8, true);
	assert_int_equal(nb_task_rss_pages(b.t), 8);
	filebox_end(&b); /* the task's end unmaps, and frees */
}

static void test_holes(void **state)
{
	char buf[64];
	struct filebox b;
	struct nb_address_space *as;
	uint64_t n;

	(void)state;
	filebox_boot(&b, "64M:1", NULL, true);
	as = filebox_shmem(&b, 0, NULL);
	assert_int_equal(nb_file_write(b.t, as, 3 * PAGE - 4, "abcdefgh", 8, &n), 0);
	assert_int_equal(as->size, 3 * PAGE + 4);
	assert_int_equal(as->nrpages, 2);
	memset(buf, 1, sizeof(buf));
	assert_int_equal(nb_file_read(b.t, as, 10, buf, 4, &n), 0); /* a hole reads as zeroes */
	assert_memory_equal(buf, "\0\0\0\0", 4);
	assert_int_equal(as->nrpages, 2); /* and makes no page */
	assert_int_equal(nb_file_fallocate(b.t, as, 3 * PAGE - 2, 4, true), 0);
	assert_int_equal(nb_file_read(b.t, as, 3 * PAGE - 4, buf, 8, &n), 0);
	assert_memory_equal(buf, "ab\0\0\0\0gh", 8);
	assert_int_equal(as->nrpages, 2);
	assert_int_equal(nb_file_fallocate(b.t, as, 2 * PAGE, PAGE, true), 0);
	assert_int_equal(as->nrpages, 1);
	assert_int_equal(nb_file_fallocate(b.t, as, 0, 10 * PAGE, false), 0);
	assert_int_equal(as->nrpages, 10);
	assert_int_equal(as->size, 10 * PAGE);
	assert_int_equal(nb_file_fallocate(b.t, as, 0, 0, false), -NB_EINVAL);
	nb_file_put(as);
	filebox_end(&b);
}

/* A hole takes what is mapped, but not the private copies of it. */
static void test_hole_spares_copies(void **state)
{
	struct filebox b;
	struct nb_address_space *as;
	uint64_t shared, own;

	(void)state;
	filebox_boot(&b, "64M:1", NULL, false);
	as = filebox_shmem(&b, 8, NULL);
	shared = map(&b, as, 8);
	touch(b.t, shared, 8, true);
	assert_int_equal(nb_mmap_file(b.t, as, 0, 0, 8 * PAGE, 3, NB_MAP_PRIVATE, &own), 0);
	touch(b.t, own, 4, true);
	touch(b.t, own, 8, false);
	assert_int_equal(nb_task_rss_pages(b.t), 16);
	assert_int_equal(nb_file_fallocate(b.t, as, 2 * PAGE, 4 * PAGE, true), 0);
	assert_int_equal(nb_task_rss_pages(b.t), 10); /* four shared, two only read */
	assert_int_equal(nb_task_node(b.t, own + 3 * PAGE), 0);
	assert_int_equal(nb_task_node(b.t, own + 4 * PAGE), -NB_ENOENT);
	assert_int_equal(nb_task_node(b.t, shared + 3 * PAGE), -NB_ENOENT);
	nb_file_put(as);
	filebox_end(&b);
}

/* Pages that were made before memory ran out go again; what was there stays. */
static void test_fallocate_fails_whole(void **state)
{
	struct nb_nodemask one = sysbox_mask(2);
	struct filebox b;
	struct nb_address_space *as;
	struct nb_task *t;

	(void)state;
	filebox_boot(&b, "64M:1 16M:1", NULL, false);
	as = filebox_shmem(&b, 4, NULL);
	filebox_write(&b, as, 0, 4);
	assert_int_equal(nb_task_create(b.sys, 0, "big", &t), 0);
	assert_int_equal(nb_set_mempolicy(t, NB_MPOL_BIND, &one), 0);
	assert_int_equal(nb_file_fallocate(t, as, 0, 8000 * PAGE, false), -NB_EINTR);
	assert_false(nb_task_alive(t)); /* the killer found nobody else on that node */
	nb_task_exit(t);
	nb_task_put(t);
	assert_int_equal(as->nrpages, 4);
	assert_int_equal(as->size, 4 * PAGE);
	nb_file_put(as);
	filebox_end(&b);
}

static void test_bad_options(void **state)
{
	struct filebox b;
	struct nb_address_space *as;

	(void)state;
	filebox_boot(&b, "64M:1", NULL, false);
	assert_int_equal(nb_shmem_create(b.sys, "s", PAGE, "bind", &as), -NB_EINVAL);
	assert_int_equal(nb_shmem_create(b.sys, "s", UINT64_MAX, NULL, &as), -NB_EFBIG);
	assert_null(nb_file_at(b.sys, 0));
	filebox_end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mount_policy),
		cmocka_unit_test(test_object_policy),
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_holes),
		cmocka_unit_test(test_hole_spares_copies),
		cmocka_unit_test(test_fallocate_fails_whole),
		cmocka_unit_test(test_bad_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
