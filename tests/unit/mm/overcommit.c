/* overcommit.c -- tests of src/mm/overcommit.c: what may be promised, and what counts as promised.
 */
#include "mm/overcommit.h"
#include "mm/swap.h"
#include "sysbox.h"

#include <numabox/file.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#define PAGE UINT64_C(4096)
#define RW (NB_PROT_READ | NB_PROT_WRITE)
#define BASE UINT64_C(0x10000000)

struct promise {
	struct sysbox box;
	struct nb_task *t;
};

/* 64 MiB, of which 16128 pages are managed. */
static void open_kernel(struct promise *p, const char *kernel, const char *mode)
{
	sysbox_boot(&p->box, &(struct sysbox_spec){.nodes = "32M:1 32M:1", .kernel = kernel});
	assert_int_equal(nb_sysctl_write(p->box.sys, "vm.overcommit_memory", mode, NULL), 0);
	assert_int_equal(nb_task_create(p->box.sys, 0, "test", &p->t), 0);
}

static void open_mode(struct promise *p, const char *mode)
{
	open_kernel(p, NULL, mode);
}

static void close_box(struct promise *p)
{
	nb_task_exit(p->t);
	nb_task_put(p->t);
	assert_int_equal(nb_committed(p->box.sys), 0);
	sysbox_end(&p->box);
}

static uint64_t sum(const struct promise *p)
{
	return nb_committed(p->box.sys);
}

static int map(struct promise *p, uint64_t addr, uint64_t pages, int prot, int flags)
{
	return nb_mmap(p->t, addr, pages * PAGE, prot, flags | (addr ? NB_MAP_FIXED : 0), &addr);
}

static void set(struct promise *p, const char *name, const char *value)
{
	assert_int_equal(nb_sysctl_write(p->box.sys, name, value, NULL), 0);
}

static int64_t get(const struct promise *p, const char *name)
{
	char text[32];

	assert_true(nb_sysctl_read(p->box.sys, name, text, sizeof(text)) > 0);
	return strtoll(text, NULL, 10);
}

/* Mode 0: more than memory and swap together is refused, as often as less is asked for. */
static void test_guess(void **state)
{
	struct nb_swap_options opt = {.pages = 101, .device = NB_SWAP_SSD};
	struct promise p;
	unsigned area;

	(void)state;
	open_mode(&p, "0");
	assert_int_equal(map(&p, 0, 16129, RW, 0), -NB_ENOMEM);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(map(&p, 0, 16128, RW, 0), 0);
	assert_int_equal(sum(&p), 161280);
	assert_int_equal(map(&p, 0, 16129, NB_PROT_READ, 0), 0);
	assert_int_equal(map(&p, 0, 16129, RW, NB_MAP_NORESERVE), 0);
	assert_int_equal(sum(&p), 161280);
	assert_int_equal(nb_swapon(p.box.sys, &opt, &area), 0);
	assert_int_equal(map(&p, 0, 16228, RW, 0), 0);
	assert_int_equal(map(&p, 0, 16229, RW, 0), -NB_ENOMEM);
	set(&p, "vm.overcommit_memory", "1");
	assert_int_equal(map(&p, 0, UINT64_C(1) << 30, RW, 0), 0);
	close_box(&p);
}

/* Before 5.2 what is free or could be decides, less what zones keep back. */
static void test_old_guess(void **state)
{
	struct promise p;
	uint64_t free, n;

	(void)state;
	open_kernel(&p, "4.18", "0");
	free = sysbox_free_pages(&p.box) - p.box.sys->totalreserve_pages;
	assert_int_equal(map(&p, 0, free, RW, 0), -NB_ENOMEM);
	assert_int_equal(map(&p, BASE, free - 1, RW, 0), 0);
	assert_int_equal(nb_touch(p.t, BASE, 1000 * PAGE, true, &n), 0);
	free = sysbox_free_pages(&p.box) - p.box.sys->totalreserve_pages;
	assert_int_equal(map(&p, 0, free, RW, 0), -NB_ENOMEM);
	p.t->uid = 1000; /* root's share is kept from it */
	assert_int_equal(map(&p, 0, free - 1, RW, 0), -NB_ENOMEM);
	assert_int_equal(
		map(&p, 0, free - 1 - (uint64_t)get(&p, "vm.admin_reserve_kbytes") / 4, RW, 0), 0);
	close_box(&p);
}

/* Mode 2: half of memory and all of swap; MAP_NORESERVE is of no help; the sum stays below. A task
 * leaves a 32nd of its own size; who is not root leaves root's reserve, too. */
static void test_never(void **state)
{
	struct promise p;
	uint64_t limit;

	(void)state;
	open_mode(&p, "2");
	limit = nb_commit_limit(p.box.sys);
	assert_int_equal(limit, 16128 / 2);
	assert_int_equal(get(&p, "vm.admin_reserve_kbytes"), 16128 * 4 / 32);
	assert_int_equal(get(&p, "vm.user_reserve_kbytes"), 16128 * 4 / 32);
	assert_int_equal(map(&p, 0, limit, RW, NB_MAP_NORESERVE), -NB_ENOMEM);
	assert_int_equal(map(&p, BASE, limit - 1, RW, NB_MAP_NORESERVE), 0);
	assert_int_equal(sum(&p), limit - 1);
	assert_int_equal(map(&p, 0, 1, RW, 0), -NB_ENOMEM);
	assert_int_equal(map(&p, 0, 1, NB_PROT_READ, 0), 0);
	assert_int_equal(nb_munmap(p.t, BASE, (limit - 1) * PAGE), 0);
	p.t->uid = 1000;
	assert_int_equal(map(&p, 0, limit - 504, RW, 0), -NB_ENOMEM);
	assert_int_equal(map(&p, BASE, limit - 505, RW, 0), 0);
	p.t->uid = 0;
	/* now it is 7560 pages long: a 32nd are 236 */
	assert_int_equal(map(&p, 0, 505 - 236, RW, 0), -NB_ENOMEM);
	set(&p, "vm.user_reserve_kbytes", "0");
	assert_int_equal(map(&p, 0, 504, RW, 0), 0);
	close_box(&p);
}

/* The limit by ratio or by size; pools of huge pages are not in the ratio's. */
static void test_limit(void **state)
{
	struct promise p;

	(void)state;
	open_mode(&p, "2");
	set(&p, "vm.overcommit_ratio", "80");
	assert_int_equal(nb_commit_limit(p.box.sys), 16128 * 80 / 100);
	set(&p, "vm.nr_hugepages", "2");
	assert_int_equal(nb_commit_limit(p.box.sys), (16128 - 1024) * 80 / 100);
	set(&p, "vm.overcommit_kbytes", "4000");
	assert_int_equal(nb_commit_limit(p.box.sys), 1000);
	assert_int_equal(get(&p, "vm.overcommit_ratio"), 0);
	set(&p, "vm.overcommit_ratio", "10");
	assert_int_equal(get(&p, "vm.overcommit_kbytes"), 0);
	assert_int_equal(nb_sysctl_write(p.box.sys, "vm.overcommit_memory", "3", NULL), -NB_EINVAL);
	set(&p, "vm.nr_hugepages", "0");
	close_box(&p);
}

/* What calls on ranges make of the sum. */
static void test_ranges(void **state)
{
	struct promise p;
	uint64_t addr, brk, n;

	(void)state;
	open_mode(&p, "0");
	assert_int_equal(map(&p, BASE, 100, NB_PROT_READ, 0), 0);
	assert_int_equal(sum(&p), 0);
	assert_int_equal(nb_mprotect(p.t, BASE, 10 * PAGE, RW), 0);
	assert_int_equal(sum(&p), 10);
	/* untouched memory is taken back, touched is not */
	assert_int_equal(nb_mprotect(p.t, BASE, 4 * PAGE, NB_PROT_READ), 0);
	assert_int_equal(sum(&p), 6);
	assert_int_equal(nb_touch(p.t, BASE + 4 * PAGE, PAGE, true, &n), 0);
	assert_int_equal(nb_mprotect(p.t, BASE + 4 * PAGE, 6 * PAGE, NB_PROT_READ), 0);
	assert_int_equal(sum(&p), 6);
	/* over something: only what is more counts */
	assert_int_equal(map(&p, BASE, 20, RW, 0), 0);
	assert_int_equal(sum(&p), 20);
	assert_int_equal(nb_mremap(p.t, BASE, 20 * PAGE, 40 * PAGE, NB_MREMAP_MAYMOVE, 0, &addr),
			 0);
	assert_int_equal(sum(&p), 40);
	assert_int_equal(nb_mremap(p.t, addr, 40 * PAGE, 40 * PAGE,
				   NB_MREMAP_MAYMOVE | NB_MREMAP_DONTUNMAP, 0, &addr),
			 0);
	assert_int_equal(sum(&p), 80);
	assert_int_equal(nb_mremap(p.t, addr, 40 * PAGE, 10 * PAGE, 0, 0, &addr), 0);
	assert_int_equal(sum(&p), 50);
	assert_int_equal(nb_brk(p.t, 0, &brk), 0);
	assert_int_equal(nb_brk(p.t, brk + 5 * PAGE, &brk), 0);
	assert_int_equal(sum(&p), 55);
	assert_int_equal(nb_task_map_stack(p.t, &addr), 0);
	assert_int_equal(sum(&p), 55 + 33);
	assert_int_equal(nb_touch(p.t, addr - 40 * PAGE, PAGE, true, &n), 0);
	assert_int_equal(sum(&p), 55 + 40);
	close_box(&p);
}

/* With a full limit nothing that would promise more goes through, and nothing is changed. */
static void test_refused(void **state)
{
	struct nb_task *child;
	struct promise p;
	uint64_t addr, brk, was, n;

	(void)state;
	open_mode(&p, "0");
	assert_int_equal(map(&p, BASE, 100, RW, 0), 0);
	assert_int_equal(map(&p, BASE + 200 * PAGE, 1, NB_PROT_READ, 0), 0);
	assert_int_equal(nb_brk(p.t, 0, &brk), 0);
	assert_int_equal(nb_task_map_stack(p.t, &addr), 0);
	was = sum(&p);
	set(&p, "vm.overcommit_memory", "2");
	set(&p, "vm.overcommit_kbytes", "532"); /* 133 pages: what there is */
	set(&p, "vm.user_reserve_kbytes", "0");
	assert_int_equal(nb_task_fork(p.t, &child), -NB_ENOMEM);
	assert_int_equal(nb_mprotect(p.t, BASE + 200 * PAGE, PAGE, RW), -NB_ENOMEM);
	assert_int_equal(nb_mremap(p.t, BASE, 100 * PAGE, 101 * PAGE, 0, 0, &n), -NB_ENOMEM);
	assert_int_equal(nb_brk(p.t, brk + PAGE, &n), 0);
	assert_int_equal(n, brk);
	assert_int_equal(nb_touch(p.t, addr - 40 * PAGE, PAGE, true, &n), -NB_EFAULT);
	assert_int_equal(sum(&p), was);
	/* over itself no more is needed */
	assert_int_equal(map(&p, BASE, 100, RW, 0), 0);
	assert_int_equal(sum(&p), was);
	set(&p, "vm.overcommit_kbytes", "4000");
	assert_int_equal(nb_task_fork(p.t, &child), 0);
	assert_int_equal(sum(&p), 2 * was);
	nb_task_exit(child);
	nb_task_put(child);
	assert_int_equal(sum(&p), was);
	close_box(&p);
}

/* Segments and shared anonymous memory whole, files of tmpfs page by page. */
static void test_shared(void **state)
{
	struct nb_address_space *seg, *tmp;
	struct promise p;
	uint64_t addr, n;

	(void)state;
	open_mode(&p, "0");
	assert_int_equal(map(&p, BASE, 50, RW, NB_MAP_SHARED), 0);
	assert_int_equal(sum(&p), 50);
	assert_int_equal(map(&p, 0, 50, RW, NB_MAP_SHARED | NB_MAP_NORESERVE), 0);
	assert_int_equal(sum(&p), 50);
	assert_int_equal(nb_munmap(p.t, BASE, 10 * PAGE), 0);
	assert_int_equal(sum(&p), 50);
	assert_int_equal(nb_munmap(p.t, BASE, 50 * PAGE), 0);
	assert_int_equal(sum(&p), 0);
	assert_int_equal(nb_shmem_segment(p.t, "seg", 20 * PAGE - 1, NULL, false, &seg), 0);
	assert_int_equal(sum(&p), 20);
	assert_int_equal(nb_shmem_create(p.box.sys, "tmp", 20 * PAGE, NULL, &tmp), 0);
	assert_int_equal(nb_mmap_file(p.t, tmp, 0, 0, 20 * PAGE, RW, NB_MAP_SHARED, &addr), 0);
	assert_int_equal(sum(&p), 20);
	assert_int_equal(nb_touch(p.t, addr, 3 * PAGE, true, &n), 0);
	assert_int_equal(sum(&p), 23);
	set(&p, "vm.overcommit_memory", "2");
	set(&p, "vm.overcommit_kbytes", "96");
	set(&p, "vm.user_reserve_kbytes", "0");
	assert_int_equal(nb_touch(p.t, addr + 3 * PAGE, PAGE, true, &n), -NB_EFAULT);
	assert_int_equal(nb_file_write(p.t, tmp, 3 * PAGE, NULL, PAGE, &n), -NB_ENOSPC);
	assert_int_equal(nb_shmem_segment(p.t, "more", PAGE, NULL, true, &seg), -NB_ENOMEM);
	nb_file_put(tmp);
	nb_file_put(seg);
	close_box(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_guess),  cmocka_unit_test(test_old_guess),
		cmocka_unit_test(test_never),  cmocka_unit_test(test_limit),
		cmocka_unit_test(test_ranges), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_shared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
