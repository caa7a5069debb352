/* mmap.c -- addresses, errors of mmap and munmap. */
#include "mm/mmap.h"

#include "sysbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define PAGE UINT64_C(4096)
#define HUGE UINT64_C(2097152)

static struct nb_task *start(struct sysbox *box, const struct sysbox_spec *spec)
{
	struct nb_task *t;

	sysbox_boot(box, spec);
	assert_int_equal(nb_task_create(box->sys, 0, "t", &t), 0);
	return t;
}

static void end(struct sysbox *box, struct nb_task *t)
{
	nb_task_exit(t);
	nb_task_put(t);
	sysbox_end(box);
}

static uint64_t map(struct nb_task *t, uint64_t addr, uint64_t len, int flags)
{
	uint64_t got;

	assert_int_equal(nb_mmap(t, addr, len, 3, flags, &got), 0);
	return got;
}

static void test_addresses(void **state)
{
	struct sysbox box;
	struct nb_task *t = start(&box, &(struct sysbox_spec){.nodes = "64M:1", .kernel = "6.1"});
	uint64_t a, b;

	(void)state;
	a = map(t, 0, 1, 0);
	assert_int_equal(a, UINT64_C(0x7ffff7ffe000));
	b = map(t, 0, 2 * HUGE, 0);
	assert_int_equal(b, a - 2 * HUGE);
	/* a hole is used again, the highest that fits */
	assert_int_equal(nb_munmap(t, b + HUGE, 4 * PAGE), 0);
	assert_int_equal(map(t, 0, 2 * PAGE, 0), b + HUGE + 2 * PAGE);
	assert_int_equal(map(t, 0, 3 * PAGE, 0), b - 3 * PAGE);
	/* a wish is heard where it is free, rounded down, but not below the lowest address */
	assert_int_equal(map(t, 0x10001fff, PAGE, 0), 0x10001000);
	assert_int_not_equal(map(t, 0x10001000, PAGE, 0), 0x10001000);
	assert_int_equal(map(t, 0x1000, PAGE, 0), NB_MMAP_MIN_ADDR);
	assert_int_equal(map(t, 0x10001000, PAGE, NB_MAP_FIXED), 0x10001000);
	end(&box, t);

	/* from 6.7 on whole huge pages are aligned */
	t = start(&box, &(struct sysbox_spec){.nodes = "64M:1"});
	a = map(t, 0, 2 * HUGE, 0);
	assert_int_equal(a & (HUGE - 1), 0);
	assert_true(UINT64_C(0x7ffff7fff000) - (a + 2 * HUGE) < HUGE);
	b = map(t, 0, 2 * HUGE + PAGE, 0);
	assert_int_not_equal(b & (HUGE - 1), 0);
	end(&box, t);

	t = start(&box,
		  &(struct sysbox_spec){.nodes = "64M:1", .kernel = "6.1", .arch = NB_ARCH_I386});
	assert_int_equal(map(t, 0, PAGE, 0), 0xb8000000 - PAGE);
	end(&box, t);
}

/* Five levels: whoever does not ask stays below 47 bits. */
static void test_five_levels(void **state)
{
	const uint64_t window = UINT64_C(0x7ffffffff000), high = UINT64_C(1) << 50;
	struct sysbox box;
	struct nb_task *t = start(&box, &(struct sysbox_spec){.nodes = "64M:1", .cmdline = "la57"});
	uint64_t a, n, got;

	(void)state;
	assert_int_equal(t->mm->shape.levels, 5);
	a = map(t, 0, PAGE, 0);
	assert_int_equal(a, window - (UINT64_C(128) << 20) - PAGE);
	assert_int_equal(nb_task_map_stack(t, &got), 0);
	assert_int_equal(got, window);
	assert_int_equal(nb_touch(t, a, PAGE, true, &n), 0);
	assert_int_equal(t->mm->nr_ptables, 4); /* one more than with four levels */
	assert_int_equal(map(t, high, 4 * PAGE, 0), high);
	assert_int_equal(nb_touch(t, high, 4 * PAGE, true, &n), 0);
	assert_int_equal(t->mm->nr_ptables, 8);
	assert_int_equal(nb_task_rss_pages(t), 5);
	/* not across the window's end, unless it is said with FIXED */
	assert_true(map(t, window - PAGE, 2 * PAGE, 0) < window);
	assert_int_equal(map(t, window - PAGE, 2 * PAGE, NB_MAP_FIXED), window - PAGE);
	assert_int_equal(nb_mremap(t, high, 4 * PAGE, 4 * PAGE, NB_MREMAP_MAYMOVE | NB_MREMAP_FIXED,
				   0x10000000, &got),
			 0);
	assert_int_equal(nb_task_rss_pages(t), 5);
	/* what a page's index does not reach is refused */
	assert_int_equal(nb_mmap(t, UINT64_C(1) << 52, PAGE, 3, NB_MAP_FIXED, &got), -NB_ENOMEM);
	assert_int_equal(nb_mmap(t, UINT64_C(1) << 55, PAGE, 3, 0, &got), -NB_ENOMEM);
	assert_int_equal(map(t, (UINT64_C(1) << 52) - PAGE, PAGE, 0), (UINT64_C(1) << 52) - PAGE);
	assert_int_equal(nb_touch(t, (UINT64_C(1) << 52) - PAGE, PAGE, true, &n), 0);
	assert_int_equal(nb_mremap(t, (UINT64_C(1) << 52) - PAGE, PAGE, 2 * PAGE, NB_MREMAP_MAYMOVE,
				   0, &got),
			 -NB_ENOMEM);
	end(&box, t);

	/* not where the kernel is told, or does not know */
	t = start(&box, &(struct sysbox_spec){.nodes = "64M:1", .cmdline = "la57 no5lvl"});
	assert_int_equal(t->mm->shape.levels, 4);
	assert_int_equal(nb_mmap(t, high, PAGE, 3, NB_MAP_FIXED, &got), -NB_ENOMEM);
	assert_true(map(t, high, PAGE, 0) < window);
	end(&box, t);
	t = start(&box,
		  &(struct sysbox_spec){.nodes = "64M:1", .cmdline = "la57", .kernel = "3.10"});
	assert_int_equal(t->mm->shape.levels, 4);
	end(&box, t);
}

static void test_errors(void **state)
{
	struct sysbox box;
	struct nb_task *t = start(&box, &(struct sysbox_spec){.nodes = "64M:1"});
	uint64_t got = 77, size = UINT64_C(0x7ffffffff000);

	(void)state;
	assert_int_equal(nb_mmap(t, 0, 0, 3, 0, &got), -NB_EINVAL);
	assert_int_equal(nb_mmap(t, 0, UINT64_MAX, 3, 0, &got), -NB_ENOMEM);
	assert_int_equal(nb_mmap(t, 0, size + 1, 3, 0, &got), -NB_ENOMEM);
	assert_int_equal(nb_mmap(t, 0x20001, PAGE, 3, NB_MAP_FIXED, &got), -NB_EINVAL);
	assert_int_equal(nb_mmap(t, size, PAGE, 3, NB_MAP_FIXED, &got), -NB_ENOMEM);
	assert_int_equal(nb_mmap(t, 0, PAGE, 3, NB_MAP_FIXED, &got), -NB_EPERM);
	assert_int_equal(got, 77);
	assert_int_equal(nb_munmap(t, 1, PAGE), -NB_EINVAL);
	assert_int_equal(nb_munmap(t, 0x20000, 0), -NB_EINVAL);
	assert_int_equal(nb_munmap(t, size, PAGE), -NB_EINVAL);
	assert_int_equal(nb_munmap(t, 0x20000, UINT64_MAX), -NB_EINVAL);
	assert_int_equal(nb_munmap(t, 0x20000, PAGE), 0); /* nothing there is fine */
	end(&box, t);
}

static void test_shared_interleaves_by_offset(void **state)
{
	struct nb_nodemask m01 = sysbox_mask(3);
	struct sysbox box;
	struct nb_task *t = start(&box, &(struct sysbox_spec){.nodes = "64M:1 64M:1"});
	uint64_t a = map(t, 0, 9 * PAGE, NB_MAP_SHARED), n;

	(void)state;
	assert_int_equal(nb_mbind(t, a, 9 * PAGE, NB_MPOL_INTERLEAVE, &m01, 0), 0);
	assert_int_equal(nb_touch(t, a, 9 * PAGE, false, &n),
			 0); /* shared memory is never the zero page */
	assert_int_equal(nb_task_rss_pages(t), 9);
	for (unsigned i = 0; i < 8; i++)
		assert_int_not_equal(nb_task_node(t, a + i * PAGE),
				     nb_task_node(t, a + (i + 1) * PAGE));
	end(&box, t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_five_levels),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_shared_interleaves_by_offset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
