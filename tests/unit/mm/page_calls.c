/* page_calls.c -- pages by address, exact sizes, splits. */
#include "allocbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>

static struct allocbox box;

static const struct allocbox_spec two = {
	.ranges = "0 1000-9efff, 0 100000-7fffffff, 0 100000000-17fffffff, 1 180000000-27fffffff",
	.facts = "0 DMA 3840, 0 DMA32 520192, 0 Normal 524288, 1 Normal 1048576",
	.cpus = 2,
};

static void single_pages(void **state)
{
	nb_pfn_t pfn;

	(void)state;
	allocbox_boot(&box, &two);
	pfn = nb_alloc_page(box.sys, 2, NB_GFP_KERNEL);
	assert_in_range(pfn, 0x180000, 0x27ffff);
	assert_int_equal(nb_free_pages(box.sys, 2, pfn, 0), 0);
	pfn = nb_alloc_pages_node(box.sys, 2, 0, NB_GFP_KERNEL, 3);
	assert_in_range(pfn, 0x100000, 0x17ffff);
	assert_int_equal(nb_free_pages(box.sys, 2, pfn, 3), 0);
	assert_int_equal(nb_alloc_pages_node(box.sys, 2, 5, NB_GFP_KERNEL, 0), NB_NO_PFN);
	assert_int_equal(nb_alloc_page(box.sys, 9, NB_GFP_KERNEL), NB_NO_PFN);
	allocbox_end(&box);
}

static void by_address(void **state)
{
	uint64_t a;

	(void)state;
	allocbox_boot(&box, &two);
	a = nb_get_free_page(box.sys, 0, NB_GFP_KERNEL);
	nb_pfn_t pfn = nb_address_to_pfn(box.sys, a);

	assert_int_equal(a, UINT64_C(0xffff888000000000) + (pfn << 12));
	assert_in_range(pfn, 0x100000, 0x17ffff);
	assert_int_equal(nb_free_pages_addr(box.sys, 0, a, 1), -NB_EINVAL);
	assert_int_equal(nb_free_pages_addr(box.sys, 0, a, 0), 0);
	assert_int_equal(nb_free_pages_addr(box.sys, 0, a, 0), -NB_EINVAL);
	assert_int_equal(nb_free_pages_addr(box.sys, 0, 0, 0), 0);
	assert_int_equal(nb_free_pages_addr(box.sys, 0, 4096, 0), -NB_EINVAL);
	a = nb_get_dma_pages(box.sys, 3, NB_GFP_KERNEL, 2);
	assert_in_range(nb_address_to_pfn(box.sys, a), 1, 0xfff);
	assert_int_equal(nb_free_pages_addr(box.sys, 0, a, 2), 0);
	a = nb_get_zeroed_page(box.sys, 0, NB_GFP_KERNEL);
	assert_int_not_equal(a, 0);
	assert_int_equal(nb_free_pages_addr(box.sys, 0, a, 0), 0);
	assert_int_equal(nb_get_free_pages(box.sys, 0, NB_GFP_KERNEL, 11), 0);
	allocbox_end(&box);
}

/* 32-bit kernels: what is mapped by itself is never taken from high memory. */
static void high_memory(void **state)
{
	(void)state;
	allocbox_boot(&box, &(struct allocbox_spec){.ranges = "0 100000-5fffffff",
						    .arch = NB_ARCH_I386PAE,
						    .kernel = "6.1"});
	uint64_t a = nb_get_free_page(box.sys, 0, NB_GFP_HIGHUSER);
	nb_pfn_t high = nb_alloc_page(box.sys, 0, NB_GFP_HIGHUSER);

	assert_true(a >= 0xc0000000 && a < UINT64_C(1) << 32);
	assert_true(high >= box.sys->max_low_pfn);
	assert_int_equal(nb_page_address(box.sys, high), 0);
	assert_int_equal(nb_address_to_pfn(box.sys, 0xc0000000 + (high << 12)), NB_NO_PFN);
	allocbox_end(&box);
}

/* A split block is 1 << order single pages, to be freed in any order. */
static void split(void **state)
{
	(void)state;
	for (unsigned order = 0; order <= 10; order += 5) {
		allocbox_boot(&box, &two);
		nb_pfn_t pfn = nb_alloc_pages_node(box.sys, 0, 0, NB_GFP_KERNEL, order);

		assert_int_equal(nb_split_page(box.sys, pfn, order + 1), -NB_EINVAL);
		assert_int_equal(nb_split_page(box.sys, pfn, order), 0);
		allocbox_check(&box);
		if (order)
			assert_int_equal(nb_free_pages(box.sys, 0, pfn, order), -NB_EINVAL);
		for (unsigned i = 1u << order; i-- > 0;)
			assert_int_equal(nb_free_pages(box.sys, 0, pfn + i, 0), 0);
		nb_drain_pages(box.sys, -1);
		assert_int_equal(
			nb_zone_free_pages_snapshot(allocbox_zone(&box, 0, NB_ZONE_NORMAL)),
			524288);
		allocbox_end(&box);
	}
}

static void no_split(void **state)
{
	(void)state;
	allocbox_boot(&box, &two);
	nb_pfn_t pfn = nb_alloc_pages_node(box.sys, 0, 0, NB_GFP_KERNEL | NB_GFP_BIT_COMP, 3);

	assert_int_equal(nb_split_page(box.sys, pfn, 3), -NB_EINVAL); /* compound */
	assert_int_equal(nb_split_page(box.sys, pfn + 1, 0), -NB_EINVAL);
	assert_int_equal(nb_split_page(box.sys, NB_NO_PFN, 0), -NB_EINVAL);
	assert_int_equal(nb_free_pages(box.sys, 0, pfn, 3), 0);
	assert_int_equal(nb_split_page(box.sys, pfn, 3), -NB_EINVAL);
	allocbox_end(&box);
}

/* The rest of the block is free at once: on the lists' tails since 6.0, in the page set before. */
static void exact(void **state)
{
	static const char *const kernels[] = {"6.12", "5.15"};

	(void)state;
	for (unsigned k = 0; k < 2; k++) {
		struct allocbox_spec spec = two;

		spec.kernel = kernels[k];
		allocbox_boot(&box, &spec);
		struct nb_zone *z = allocbox_zone(&box, 0, NB_ZONE_NORMAL);
		uint64_t a = nb_alloc_pages_exact(box.sys, 0, 37 * 4096 - 5,
						  NB_GFP_KERNEL | NB_GFP_BIT_COMP);
		struct nb_pcp_info p;

		assert_int_not_equal(a, 0);
		nb_pcp_info(box.sys, 0, NB_ZONE_NORMAL, 0, &p);
		assert_int_equal(nb_zone_free_pages_snapshot(z) + p.count, 524288 - 37);
		assert_int_equal(p.count, k ? 64 - 37 : 0);
		assert_int_equal(allocbox_vm_event(&box, "pgfree"), 64 - 37);
		allocbox_check(&box);
		/* one byte too many: nothing is freed */
		assert_int_equal(nb_free_pages_exact(box.sys, 0, a, 37 * 4096 + 1), -NB_EINVAL);
		assert_int_equal(nb_free_pages_exact(box.sys, 0, a + 37 * 4096, 4096), -NB_EINVAL);
		assert_int_equal(nb_free_pages_exact(box.sys, 0, a, 37 * 4096 - 5), 0);
		nb_drain_pages(box.sys, -1);
		assert_int_equal(nb_zone_free_pages_snapshot(z), 524288);
		assert_int_equal(nb_alloc_pages_exact(box.sys, 0, 0, NB_GFP_KERNEL), 0);
		assert_int_equal(nb_alloc_pages_exact(box.sys, 0, 1025 * 4096, NB_GFP_KERNEL), 0);
		assert_int_equal(nb_alloc_pages_exact(box.sys, 0, UINT64_MAX, NB_GFP_KERNEL), 0);
		allocbox_end(&box);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(single_pages), cmocka_unit_test(by_address),
		cmocka_unit_test(high_memory),  cmocka_unit_test(split),
		cmocka_unit_test(no_split),     cmocka_unit_test(exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
