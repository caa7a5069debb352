/* bulk.c -- alloc_pages_bulk(): holes, one page set, and where a single page is all there is. */
#include "allocbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>

static struct allocbox box;
static nb_pfn_t got[4096];

static const struct allocbox_spec two = {
	.ranges = "0 1000-9efff, 0 100000-7fffffff, 0 100000000-17fffffff, 1 180000000-27fffffff",
	.facts = "0 DMA 3840, 0 DMA32 520192, 0 Normal 524288, 1 Normal 1048576",
	.cpus = 2,
};

static unsigned bulk(nb_gfp_t gfp, int cpu, int nid, unsigned n)
{
	const struct nb_alloc_request rq = {.gfp = gfp, .cpu = cpu, .nid = nid};

	return nb_alloc_pages_bulk(box.sys, &rq, n, got);
}

static void clear(void)
{
	for (unsigned i = 0; i < 4096; i++)
		got[i] = NB_NO_PFN;
}

static void give_all(void)
{
	for (unsigned i = 0; i < 4096; i++) {
		if (got[i] != NB_NO_PFN)
			assert_int_equal(nb_free_pages(box.sys, 0, got[i], 0), 0);
	}
	clear();
}

static uint64_t hits(int nid)
{
	struct nb_zone_info info;

	assert_int_equal(nb_zone_info(box.sys, nid, NB_ZONE_NORMAL, &info), 0);
	return info.numa[NB_NUMA_HIT];
}

/* Every page is another one, counted once each, and no event tells of it. */
static void many(void **state)
{
	(void)state;
	clear();
	allocbox_boot(&box, &two);
	allocbox_record(&box, UINT64_C(1) << NB_EV_MM_PAGE_ALLOC);
	assert_int_equal(bulk(NB_GFP_KERNEL, 0, NB_NO_NODE, 1000), 1000);
	assert_string_equal(allocbox_events(&box), "");
	assert_int_equal(allocbox_vm_event(&box, "pgalloc_normal"), 1000);
	assert_int_equal(hits(0), 1000);
	for (unsigned i = 1; i < 1000; i++)
		assert_int_equal(got[i], got[0] + i);
	allocbox_check(&box);
	give_all();
	assert_int_equal(bulk(NB_GFP_KERNEL, 2, 0, 10), 10); /* from another node */
	assert_in_range(got[0], 0x100000, 0x17ffff);
	give_all();
	allocbox_end(&box);
}

/* Entries that hold a page are left alone, and counted as populated. */
static void holes(void **state)
{
	nb_pfn_t kept;

	(void)state;
	clear();
	allocbox_boot(&box, &two);
	assert_int_equal(bulk(NB_GFP_KERNEL, 0, NB_NO_NODE, 8), 8);
	kept = got[5];
	for (unsigned i = 2; i < 8; i++) {
		if (i == 5)
			continue;
		assert_int_equal(nb_free_pages(box.sys, 0, got[i], 0), 0);
		got[i] = NB_NO_PFN;
	}
	assert_int_equal(bulk(NB_GFP_KERNEL, 0, NB_NO_NODE, 8), 8);
	assert_int_equal(got[5], kept);
	for (unsigned i = 0; i < 8; i++)
		for (unsigned k = 0; k < i; k++)
			assert_true(got[i] != got[k] && got[i] != NB_NO_PFN);
	/* full already; nothing asked for */
	uint64_t before = allocbox_vm_event(&box, "pgalloc_normal");

	assert_int_equal(bulk(NB_GFP_KERNEL, 0, NB_NO_NODE, 8), 8);
	assert_int_equal(bulk(NB_GFP_KERNEL, 0, NB_NO_NODE, 0), 0);
	assert_int_equal(allocbox_vm_event(&box, "pgalloc_normal"), before);
	give_all();
	allocbox_end(&box);
}

/* One page, or no near zone with room for all: a single page by the full path, with its event. */
static void one_page(void **state)
{
	(void)state;
	clear();
	allocbox_boot(&box, &two);
	allocbox_record(&box, UINT64_C(1) << NB_EV_MM_PAGE_ALLOC);
	assert_int_equal(bulk(NB_GFP_KERNEL, 0, NB_NO_NODE, 1), 1);
	assert_int_equal(strncmp(allocbox_events(&box), "mm_page_alloc ", 14), 0);
	give_all();
	struct nb_zone *z = allocbox_zone(&box, 1, NB_ZONE_NORMAL);
	uint64_t low = z->wmark[NB_WMARK_LOW];

	/* node 1 has room for one page, not for 100 more; node 0 is not asked for so many */
	z->wmark[NB_WMARK_LOW] = nb_zone_free_pages_snapshot(z) - 50;
	assert_int_equal(bulk(NB_GFP_KERNEL, 2, NB_NO_NODE, 100), 1);
	assert_in_range(got[0], 0x180000, 0x27ffff);
	z->wmark[NB_WMARK_LOW] = z->wmark[NB_WMARK_HIGH] = z->managed_pages;
	assert_int_equal(bulk(NB_GFP_KERNEL, 2, NB_NO_NODE, 100), 2);
	assert_in_range(got[1], 0x100000, 0x17ffff); /* the full path goes to the other node */
	z->wmark[NB_WMARK_LOW] = low;
	give_all();
	/* inside the node another zone may serve */
	z = allocbox_zone(&box, 0, NB_ZONE_NORMAL);
	z->wmark[NB_WMARK_LOW] = z->wmark[NB_WMARK_HIGH] = z->managed_pages;
	assert_int_equal(bulk(NB_GFP_KERNEL, 0, NB_NO_NODE, 100), 100);
	assert_in_range(got[0], 0x1000, 0x7ffff);
	give_all();
	allocbox_end(&box);
}

/* Zones and types as ever; what cannot be asked gives nothing. */
static void limits(void **state)
{
	struct nb_alloc_request rq = {.gfp = NB_GFP_KERNEL, .order = 1, .nid = NB_NO_NODE};

	(void)state;
	clear();
	allocbox_boot(&box, &two);
	assert_int_equal(nb_alloc_pages_bulk(box.sys, &rq, 4, got), 0);
	rq.order = 0;
	rq.nid = 9;
	assert_int_equal(nb_alloc_pages_bulk(box.sys, &rq, 4, got), 0);
	assert_int_equal(bulk(NB_GFP_KERNEL, 17, NB_NO_NODE, 4), 0);
	assert_int_equal(bulk(NB_GFP_KERNEL | NB_GFP_BIT_DMA32, 2, NB_NO_NODE, 600), 600);
	for (unsigned i = 0; i < 600; i++)
		assert_in_range(got[i], 0x1000, 0x7ffff);
	give_all();
	unsigned n = bulk(NB_GFP_KERNEL | NB_GFP_BIT_DMA, 0, NB_NO_NODE, 4000);

	for (unsigned i = 0; i < n; i++)
		assert_in_range(got[i], 1, 0xfff);
	give_all();
	allocbox_end(&box);
}

/* Odd sizes in and out: all comes back. */
static void back_again(void **state)
{
	(void)state;
	clear();
	allocbox_boot(&box, &(struct allocbox_spec){.ranges = "0 1000000-4ffffff",
						    .facts = "0 DMA32 16384",
						    .debug = true});
	uint64_t before = nb_zone_free_pages_snapshot(allocbox_zone(&box, 0, NB_ZONE_DMA32));

	for (unsigned n = 2; n < 4096; n = n * 3 + 1) {
		unsigned have = 0;

		for (unsigned tries = 0; have < n && tries < 8; tries++)
			have = bulk(NB_GFP_HIGHUSER_MOVABLE, 0, NB_NO_NODE, n);
		assert_int_equal(have, n);
		allocbox_check(&box);
		give_all();
	}
	nb_drain_pages(box.sys, -1);
	assert_int_equal(nb_zone_free_pages_snapshot(allocbox_zone(&box, 0, NB_ZONE_DMA32)),
			 before);
	allocbox_end(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many),   cmocka_unit_test(holes),      cmocka_unit_test(one_page),
		cmocka_unit_test(limits), cmocka_unit_test(back_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
