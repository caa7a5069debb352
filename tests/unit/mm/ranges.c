/* ranges.c -- calls on address ranges: mprotect, mremap, madvise, brk, mlock, stacks, flags of
 * mmap; which VMAs come out, which pages, which errors. Tests
 * src/mm/{mprotect,mremap,pt_move,madvise, madvise_page,brk,mlock,touch,task_info}.c. */
#include "sysbox.h"

#include "mm/lru.h"
#include "mm/rmap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define PAGE UINT64_C(4096)
#define HUGE UINT64_C(2097152)
#define BASE UINT64_C(0x10000000)
#define RW (NB_PROT_READ | NB_PROT_WRITE)

static struct sysbox box;
static struct nb_task *t;
static uint64_t before;

static void start(const char *kernel)
{
	sysbox_boot(&box, &(struct sysbox_spec){.nodes = "64M:1", .kernel = kernel});
	assert_int_equal(nb_task_create(box.sys, 0, "t", &t), 0);
	before = sysbox_free_pages(&box);
}

static void check(void)
{
	struct nb_error err = {0};

	if (nb_system_check(box.sys, &err))
		fail_msg("%s", err.text);
}

static void end(void)
{
	check();
	nb_task_exit(t);
	nb_task_put(t);
	nb_drain_pages(box.sys, -1);
	assert_int_equal(sysbox_free_pages(&box), before);
	sysbox_end(&box);
}

static uint64_t map(uint64_t addr, uint64_t pages, int prot, int flags)
{
	uint64_t got;

	assert_int_equal(nb_mmap(t, addr, pages * PAGE, prot, flags | NB_MAP_FIXED, &got), 0);
	return got;
}

static uint64_t touch(uint64_t addr, uint64_t pages, bool write)
{
	uint64_t n;

	assert_int_equal(nb_touch(t, addr, pages * PAGE, write, &n), 0);
	return n;
}

static unsigned vmas(void)
{
	struct nb_task_memory m;

	nb_task_memory(t, &m);
	return m.nr_vmas;
}

static void test_mprotect(void **state)
{
	uint64_t a, n;

	(void)state;
	start(NULL);
	a = map(BASE, 10, RW, 0);
	touch(a, 10, true);
	assert_int_equal(nb_mprotect(t, a + 1, PAGE, 1), -NB_EINVAL);
	assert_int_equal(nb_mprotect(t, a, 0, 1), 0);
	assert_int_equal(nb_mprotect(t, a, UINT64_MAX - PAGE, 1), -NB_ENOMEM);
	assert_int_equal(nb_mprotect(t, a, PAGE, 0x40), -NB_EINVAL);
	assert_int_equal(nb_mprotect(t, a, PAGE, NB_PROT_GROWSDOWN | NB_PROT_READ), -NB_EINVAL);
	assert_int_equal(nb_mprotect(t, a - PAGE, 2 * PAGE, 1), -NB_ENOMEM);
	assert_int_equal(nb_mprotect(t, a + 2 * PAGE, 3 * PAGE, NB_PROT_READ), 0);
	assert_int_equal(vmas(), 3);
	assert_int_equal(nb_touch(t, a, 10 * PAGE, true, &n), -NB_EFAULT);
	assert_int_equal(touch(a + 2 * PAGE, 3, false), 0);
	/* back: one VMA again, and the pages are its own, so that no fault comes */
	assert_int_equal(nb_mprotect(t, a + 2 * PAGE, 3 * PAGE, RW), 0);
	assert_int_equal(vmas(), 1);
	assert_int_equal(touch(a, 10, true), 0);
	/* a hole: what lies before it is changed */
	assert_int_equal(nb_munmap(t, a + 6 * PAGE, PAGE), 0);
	assert_int_equal(nb_mprotect(t, a, 10 * PAGE, NB_PROT_READ), -NB_ENOMEM);
	assert_int_equal(nb_touch(t, a, PAGE, true, &n), -NB_EFAULT);
	assert_int_equal(touch(a + 7 * PAGE, 3, true), 0);
	end();
	start("5.10"); /* there the next write faults */
	a = map(BASE, 4, RW, 0);
	touch(a, 4, true);
	assert_int_equal(nb_mprotect(t, a, 4 * PAGE, NB_PROT_READ), 0);
	assert_int_equal(nb_mprotect(t, a, 4 * PAGE, RW), 0);
	assert_int_equal(touch(a, 4, true), 4);
	end();
}

static void test_mremap_errors(void **state)
{
	uint64_t a, got = 5;

	(void)state;
	start(NULL);
	a = map(BASE, 8, RW, 0);
	assert_int_equal(nb_mremap(t, a, PAGE, PAGE, 8, 0, &got), -NB_EINVAL);
	assert_int_equal(nb_mremap(t, a, PAGE, PAGE, NB_MREMAP_FIXED, 0, &got), -NB_EINVAL);
	assert_int_equal(nb_mremap(t, a, PAGE, 2 * PAGE, 5, 0, &got), -NB_EINVAL);
	assert_int_equal(nb_mremap(t, a + 1, PAGE, PAGE, 0, 0, &got), -NB_EINVAL);
	assert_int_equal(nb_mremap(t, a, PAGE, 0, 0, 0, &got), -NB_EINVAL);
	assert_int_equal(nb_mremap(t, a - PAGE, PAGE, PAGE, 0, 0, &got), -NB_EFAULT);
	assert_int_equal(nb_mremap(t, a, 0, PAGE, 1, 0, &got), -NB_EINVAL);
	assert_int_equal(nb_mremap(t, a, 9 * PAGE, 10 * PAGE, 1, 0, &got), -NB_EFAULT);
	assert_int_equal(nb_mremap(t, a, 4 * PAGE, 5 * PAGE, 0, 0, &got), -NB_ENOMEM);
	assert_int_equal(nb_mremap(t, a, 4 * PAGE, 4 * PAGE, 3, a + PAGE, &got), -NB_EINVAL);
	assert_int_equal(got, 5);
	end();
}

static void test_mremap(void **state)
{
	uint64_t a, b, got;
	nb_pfn_t pfn;

	(void)state;
	start(NULL);
	a = map(BASE, 8, RW, 0);
	touch(a, 8, true);
	pfn = nb_task_pfn(t, a + 3 * PAGE);
	/* shorter, then longer where it is */
	assert_int_equal(nb_mremap(t, a, 8 * PAGE, 4 * PAGE, 0, 0, &got), 0);
	assert_int_equal(nb_task_rss_pages(t), 4);
	assert_int_equal(nb_mremap(t, a, 4 * PAGE, 6 * PAGE, 0, 0, &got), 0);
	assert_int_equal(got, a);
	assert_int_equal(touch(a, 6, true), 2);
	/* it moves, its pages do not */
	b = BASE + (UINT64_C(1) << 30) + 5 * PAGE;
	assert_int_equal(nb_mremap(t, a, 6 * PAGE, 9 * PAGE, 3, b, &got), 0);
	assert_int_equal(got, b);
	assert_int_equal(nb_task_pfn(t, b + 3 * PAGE), pfn);
	assert_int_equal(nb_task_node(t, a), -NB_EFAULT);
	assert_int_equal(touch(b, 9, true), 3);
	assert_int_equal(vmas(), 1);
	check();
	/* the middle of it, to wherever; the old place stays, empty */
	assert_int_equal(nb_mremap(t, b + 3 * PAGE, 2 * PAGE, 2 * PAGE, 5, 0, &got), 0);
	assert_int_equal(nb_task_pfn(t, got), pfn);
	assert_int_equal(nb_task_node(t, b + 3 * PAGE), -NB_ENOENT);
	assert_int_equal(nb_task_rss_pages(t), 9);
	check();
	assert_int_equal(nb_madvise(t, b, 9 * PAGE, NB_MADV_DONTNEED), 0);
	assert_int_equal(nb_task_rss_pages(t), 2);
	end();
}

/* Aligned, whole tables change their parent. */
static void test_mremap_tables(void **state)
{
	uint64_t a = UINT64_C(4) << 30, b = UINT64_C(8) << 30, got;
	nb_pfn_t pfn;

	(void)state;
	start(NULL);
	map(a, 1024, RW, 0);
	touch(a, 1024, true);
	pfn = nb_task_pfn(t, a + 700 * PAGE);
	assert_int_equal(t->mm->nr_ptables, 4);
	assert_int_equal(nb_mremap(t, a, 2 * HUGE, 2 * HUGE, 3, b, &got), 0);
	assert_int_equal(t->mm->nr_ptables, 4);
	assert_int_equal(nb_task_pfn(t, b + 700 * PAGE), pfn);
	check();
	assert_int_equal(nb_mremap(t, b, 2 * HUGE, 2 * HUGE, 3, a + PAGE, &got), 0);
	assert_int_equal(nb_task_pfn(t, a + 701 * PAGE), pfn);
	assert_int_equal(t->mm->nr_ptables, 5);
	end();
}

static void test_madvise(void **state)
{
	struct nb_vma_info info;
	uint64_t a, n;

	(void)state;
	start(NULL);
	a = map(BASE, 8, RW, 0);
	touch(a, 8, true);
	assert_int_equal(nb_madvise(t, a, PAGE, 7), -NB_EINVAL);
	assert_int_equal(nb_madvise(t, a + 1, PAGE, NB_MADV_DONTNEED), -NB_EINVAL);
	assert_int_equal(nb_madvise(t, a, UINT64_MAX, NB_MADV_DONTNEED), -NB_EINVAL);
	assert_int_equal(nb_madvise(t, a, 0, NB_MADV_DONTNEED), 0);
	assert_int_equal(nb_madvise(t, a, 2 * PAGE, NB_MADV_DONTNEED), 0);
	assert_int_equal(nb_task_rss_pages(t), 6);
	/* holes are told of at the end */
	assert_int_equal(nb_madvise(t, a - 2 * PAGE, 5 * PAGE, NB_MADV_DONTNEED), -NB_ENOMEM);
	assert_int_equal(nb_task_rss_pages(t), 5);
	assert_int_equal(nb_madvise(t, a + 2 * PAGE, 2 * PAGE, NB_MADV_SEQUENTIAL), 0);
	assert_int_equal(vmas(), 3);
	assert_true(nb_task_vma(t, 1, &info));
	assert_int_equal(info.flags, NB_VMA_SEQ_READ | NB_VMA_ACCOUNT);
	assert_int_equal(nb_madvise(t, a, 8 * PAGE, NB_MADV_NORMAL), 0);
	assert_int_equal(vmas(), 1);
	assert_int_equal(nb_madvise(t, a, 8 * PAGE, NB_MADV_POPULATE_READ), 0);
	assert_int_equal(touch(a, 8, false), 0);
	assert_int_equal(nb_task_rss_pages(t), 5);
	assert_int_equal(nb_madvise(t, a, 8 * PAGE, NB_MADV_POPULATE_WRITE), 0);
	assert_int_equal(nb_task_rss_pages(t), 8);
	assert_int_equal(nb_madvise(t, a, 4 * PAGE, NB_MADV_FREE), 0);
	assert_int_equal(nb_madvise(t, a, 8 * PAGE, NB_MADV_COLD), 0);
	nb_lru_add_drain_all(box.sys);
	check();
	assert_int_equal(nb_mprotect(t, a, PAGE, NB_PROT_READ), 0);
	assert_int_equal(nb_madvise(t, a, 2 * PAGE, NB_MADV_POPULATE_WRITE), -NB_EINVAL);
	assert_int_equal(nb_madvise(t, a - PAGE, PAGE, NB_MADV_POPULATE_READ), -NB_ENOMEM);
	assert_int_equal(nb_touch(t, a, PAGE, false, &n), 0);
	end();
}

static void test_mlock(void **state)
{
	struct nb_task_memory m;
	struct nb_vma_info info;
	uint64_t a, n;

	(void)state;
	start(NULL);
	a = map(BASE, 16, RW, 0);
	assert_int_equal(nb_mlock(t, a + 5, 3 * PAGE), 0); /* rounded outward */
	assert_int_equal(nb_task_rss_pages(t), 4);
	nb_task_memory(t, &m);
	assert_int_equal(m.locked, 4);
	assert_int_equal(nb_madvise(t, a, PAGE, NB_MADV_DONTNEED), -NB_EINVAL);
	assert_int_equal(nb_mlock(t, a - PAGE, PAGE), -NB_ENOMEM);
	assert_int_equal(nb_mlock2(t, a, PAGE, 2), -NB_EINVAL);
	assert_int_equal(nb_mlock2(t, a + 8 * PAGE, 4 * PAGE, NB_MLOCK_ONFAULT), 0);
	assert_int_equal(nb_task_rss_pages(t), 4);
	touch(a + 8 * PAGE, 1, true);
	nb_lru_add_drain_all(box.sys);
	assert_true(nb_task_vma(t, 0, &info));
	assert_int_equal(info.flags, NB_VMA_LOCKED | NB_VMA_ACCOUNT);
	check();
	assert_int_equal(nb_munlock(t, a, 16 * PAGE), 0);
	assert_int_equal(vmas(), 2); /* their first pages came when they were apart */
	nb_task_memory(t, &m);
	assert_int_equal(m.locked, 0);
	assert_int_equal(nb_mlockall(t, 0), -NB_EINVAL);
	assert_int_equal(nb_mlockall(t, NB_MCL_ONFAULT), -NB_EINVAL);
	assert_int_equal(nb_mlockall(t, NB_MCL_CURRENT | NB_MCL_FUTURE), 0);
	assert_int_equal(nb_task_rss_pages(t), 16);
	assert_int_equal(nb_mmap(t, 0, 4 * PAGE, RW, 0, &n), 0);
	assert_int_equal(nb_task_rss_pages(t), 20);
	assert_int_equal(nb_munlockall(t), 0);
	check();
	end();
}

static void test_brk_and_stack(void **state)
{
	struct nb_vma_info info;
	uint64_t first, brk, top, n;

	(void)state;
	start(NULL);
	assert_int_equal(nb_brk(t, 0, &first), 0);
	assert_int_equal(vmas(), 0);
	assert_int_equal(nb_brk(t, first + 10 * PAGE + 7, &brk), 0);
	assert_int_equal(brk, first + 10 * PAGE + 7);
	assert_int_equal(touch(first, 11, true), 11);
	assert_int_equal(nb_brk(t, first + 20 * PAGE, &brk), 0);
	assert_int_equal(vmas(), 1);
	assert_true(nb_task_vma(t, 0, &info));
	assert_int_equal(info.flags, NB_VMA_HEAP | NB_VMA_ACCOUNT);
	assert_int_equal(nb_brk(t, first + PAGE, &brk), 0);
	assert_int_equal(nb_task_rss_pages(t), 1);
	assert_int_equal(nb_brk(t, first - PAGE, &brk), 0);
	assert_int_equal(brk, first + PAGE);
	map(first + 8 * PAGE, 1, RW, 0);
	assert_int_equal(nb_brk(t, first + 8 * PAGE, &brk), 0); /* a page must stay free */
	assert_int_equal(brk, first + PAGE);
	assert_int_equal(nb_task_map_stack(t, &top), 0);
	assert_int_equal(nb_task_map_stack(t, &top), -NB_EEXIST);
	assert_int_equal(touch(top - 2 * PAGE, 2, true), 2);
	/* it grows to where it is used, up to 8 MiB */
	assert_int_equal(touch(top - (1 << 20), 1, true), 1);
	assert_int_equal(nb_touch(t, top - (8 << 20) - PAGE, PAGE, true, &n), -NB_EFAULT);
	assert_true(nb_task_vma(t, vmas() - 1, &info));
	assert_int_equal(info.flags, NB_VMA_STACK | NB_VMA_GROWSDOWN | NB_VMA_ACCOUNT);
	assert_int_equal(info.start, top - (1 << 20));
	end();
}

static void test_mmap_flags(void **state)
{
	uint64_t a, got = 9;

	(void)state;
	start(NULL);
	a = map(BASE, 4, RW, NB_MAP_POPULATE);
	assert_int_equal(nb_task_rss_pages(t), 4);
	assert_int_equal(nb_mmap(t, a + PAGE, PAGE, RW, NB_MAP_FIXED_NOREPLACE, &got), -NB_EEXIST);
	assert_int_equal(got, 9);
	assert_int_equal(nb_mmap(t, a + 4 * PAGE, PAGE, RW, NB_MAP_FIXED_NOREPLACE, &got), 0);
	assert_int_equal(vmas(), 1);
	assert_int_equal(nb_mmap(t, 0, PAGE, RW, NB_MAP_SHARED | NB_MAP_GROWSDOWN, &got),
			 -NB_EINVAL);
	/* memory that is kept for a growing mapping below it */
	a = map(BASE + (16 << 20), 4, RW, NB_MAP_GROWSDOWN);
	assert_int_equal(nb_mmap(t, a - 16 * PAGE, PAGE, RW, 0, &got), 0);
	assert_true(got != a - 16 * PAGE);
	end();
}

/* Fresh neighbours share an owner and merge; a child's do not with what it maps itself. */
static void test_owners_and_merging(void **state)
{
	struct nb_task *c, *p = t;
	uint64_t a;

	(void)state;
	start(NULL);
	p = t;
	a = map(BASE, 4, RW, 0);
	map(BASE + 4 * PAGE, 4, NB_PROT_READ, 0);
	touch(a, 4, true);
	assert_int_equal(vmas(), 2);
	assert_int_equal(nb_mprotect(t, a + 4 * PAGE, 4 * PAGE, RW), 0);
	assert_int_equal(vmas(), 1);
	assert_int_equal(nb_task_fork(t, &c), 0);
	t = c;
	map(a + 8 * PAGE, 4, RW, 0);
	assert_int_equal(vmas(), 2);
	touch(a + 8 * PAGE, 1, true);
	assert_int_equal(vmas(), 2);
	t = p;
	map(a + 8 * PAGE, 4, RW, 0);
	assert_int_equal(vmas(), 1);
	check();
	nb_task_exit(c);
	nb_task_put(c);
	end();
}

static void test_sums_of_a_vma(void **state)
{
	struct nb_vma_pages s;
	struct nb_task *c;
	uint64_t a;

	(void)state;
	start(NULL);
	a = map(BASE, 12, RW, 0);
	touch(a, 10, true);
	touch(a + 10 * PAGE, 2, false);
	assert_int_equal(nb_task_fork(t, &c), 0);
	touch(a, 4, true);
	assert_true(nb_task_vma_pages(t, 0, &s));
	assert_false(nb_task_vma_pages(t, 1, &s));
	assert_true(nb_task_vma_pages(t, 0, &s));
	assert_int_equal(s.pages, 10);
	assert_int_equal(s.anon, 10);
	assert_int_equal(s.dirty, 10);
	assert_int_equal(s.mapcount_max, 2);
	assert_int_equal(s.node_pages[0], 10);
	assert_int_equal(s.private_dirty, 4);
	assert_int_equal(s.shared_dirty, 6);
	assert_int_equal(s.pss_bytes, 4 * PAGE + 6 * PAGE / 2);
	assert_int_equal(s.kernel_page_bytes, PAGE);
	nb_task_exit(c);
	nb_task_put(c);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mprotect),
		cmocka_unit_test(test_mremap_errors),
		cmocka_unit_test(test_mremap),
		cmocka_unit_test(test_mremap_tables),
		cmocka_unit_test(test_madvise),
		cmocka_unit_test(test_mlock),
		cmocka_unit_test(test_brk_and_stack),
		cmocka_unit_test(test_mmap_flags),
		cmocka_unit_test(test_owners_and_merging),
		cmocka_unit_test(test_sums_of_a_vma),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
