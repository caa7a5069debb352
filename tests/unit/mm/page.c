/* page.c -- what stands at a frame, for every place where a page can be. */
#include "allocbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct allocbox box;

static struct nb_page_info at(nb_pfn_t pfn)
{
	struct nb_page_info info;

	assert_int_equal(nb_page_info(box.sys, pfn, &info), 0);
	return info;
}

static void places(void **state)
{
	struct nb_page_info info;

	(void)state;
	allocbox_boot(&box, &(struct allocbox_spec){
				    .ranges = "0 1000-9efff, 0 100000-8ffffff, 1 9000000-ffffffff",
				    .facts = "0 DMA 3840, 0 DMA32 32000"});
	assert_string_equal(allocbox_run(&box, "M5 M0 K4"), "8c00 8c20 1000");
	/* holes */
	assert_int_equal(nb_page_info(box.sys, 0, &info), -NB_ENOENT);
	assert_int_equal(nb_page_info(box.sys, 0x9f, &info), -NB_ENOENT);
	assert_int_equal(nb_page_info(box.sys, 0x100000, &info), -NB_ENOENT);
	assert_int_equal(nb_page_info(box.sys, NB_NO_PFN, &info), -NB_ENOENT);
	/* reserved: the first MiB, and the zone's top */
	assert_int_equal(at(1).flags, NB_PAGE_RESERVED);
	assert_int_equal(at(0x8fff).flags, NB_PAGE_RESERVED);
	assert_int_equal(at(0x8d00).flags, NB_PAGE_RESERVED);
	/* an allocated block and its inside */
	info = at(0x8c00);
	assert_int_equal(info.flags, NB_PAGE_HEAD);
	assert_int_equal(info.order, 5);
	assert_int_equal(info.refcount, 1);
	assert_int_equal(info.nid, 0);
	assert_int_equal(info.zone, NB_ZONE_DMA32);
	assert_int_equal(info.migratetype, NB_MIGRATE_MOVABLE);
	info = at(0x8c1f);
	assert_int_equal(info.flags, 0);
	assert_int_equal(info.order, -1);
	assert_int_equal(info.refcount, 1);
	assert_int_equal(at(0x1000).migratetype, NB_MIGRATE_UNMOVABLE);
	/* in a page set */
	assert_int_equal(at(0x8c21).flags, NB_PAGE_PCP);
	assert_int_equal(at(0x8c21).order, 0);
	/* heads and insides of free blocks */
	assert_int_equal(at(0x8c28).flags, NB_PAGE_FREE | NB_PAGE_BUDDY);
	assert_int_equal(at(0x8c28).order, 3);
	assert_int_equal(at(0x8c29).flags, NB_PAGE_FREE);
	/* an extent: its head, its first block, and blocks that were never touched */
	assert_int_equal(at(0x1400).flags, NB_PAGE_FREE | NB_PAGE_BUDDY);
	assert_int_equal(at(0x1400).order, 10);
	assert_int_equal(at(0x1401).flags, NB_PAGE_FREE);
	assert_int_equal(at(0x4000).flags, NB_PAGE_FREE);
	assert_int_equal(at(0x4000).order, -1);
	assert_int_equal(at(0xffff).nid, 1);
	allocbox_end(&box);
}

/* Every frame of the machine is in exactly one place, and the places' sums are the counters. */
static void census(void **state)
{
	uint64_t sum[5] = {0};
	struct nb_page_info info;
	struct nb_pcp_info pcp;

	(void)state;
	allocbox_boot(&box, &(struct allocbox_spec){.ranges = "0 1000000-8ffffff",
						    .facts = "0 DMA32 32700"});
	allocbox_run(&box, "M0*1000 K3*40 R1*77 M9*3 K4*30 M10 -5 -7 -1003 -1117 -1119 -1122");
	for (nb_pfn_t pfn = 0x1000; pfn < 0x9000; pfn++) {
		assert_int_equal(nb_page_info(box.sys, pfn, &info), 0);
		sum[info.flags & NB_PAGE_RESERVED ? 0
		    : info.flags & NB_PAGE_FREE   ? 1
		    : info.flags & NB_PAGE_PCP    ? 2
						  : 3]++;
	}
	assert_int_equal(nb_pcp_info(box.sys, 0, NB_ZONE_DMA32, 0, &pcp), 0);
	assert_int_equal(sum[0], 32768 - 32700);
	assert_int_equal(sum[1],
			 nb_zone_free_pages_snapshot(allocbox_zone(&box, 0, NB_ZONE_DMA32)));
	assert_int_equal(sum[2], pcp.count);
	assert_int_equal(sum[0] + sum[1] + sum[2] + sum[3], 32768);
	allocbox_end(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places),
		cmocka_unit_test(census),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
