/* highatomic.c -- pageblocks kept for high-order atomic requests. */
#include "allocbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct allocbox box;

static void boot(const char *kernel)
{
	allocbox_boot(&box, &(struct allocbox_spec){.ranges = "0 1000000-ccfffff",
						    .facts = "0 DMA32 48384",
						    .kernel = kernel});
}

static struct nb_page *allocate(struct nb_zone *z, unsigned order)
{
	enum nb_rmqueue_mode mode = NB_RMQUEUE_NORMAL;
	struct nb_page *p;

	nb_zone_lock(z, 0);
	p = nb_rmqueue(z, order, NB_MIGRATE_UNMOVABLE, 0, &mode);
	assert_non_null(p);
	nb_page_set_flags(p, PG_ALLOCATED | order | z->page_bits);
	p->refcount = 1;
	nb_zone_unlock(z);
	return p;
}

/* The block around the request is set aside, with all that is free in it. One per cent of 48384 is
 * less than a pageblock: 6.12 then sets nothing aside, 6.1 up to a pageblock more than one per
 * cent. */
static void limits(void **state)
{
	(void)state;
	boot("6.12");
	struct nb_zone *z = allocbox_zone(&box, 0, NB_ZONE_DMA32);

	nb_reserve_highatomic(z, allocate(z, 3), 3, 0);
	assert_int_equal(z->nr_reserved_highatomic, 0);
	z->managed_pages += 10000; /* 583 a per cent: one pageblock, rounded up to two */
	for (unsigned i = 0; i < 4; i++)
		nb_reserve_highatomic(z, allocate(z, 9), 9, 0);
	assert_int_equal(z->nr_reserved_highatomic, 1024);
	assert_int_equal(z->nr_pageblocks[NB_MIGRATE_HIGHATOMIC], 2);
	z->managed_pages -= 10000;
	allocbox_end(&box);

	boot("6.1");
	z = allocbox_zone(&box, 0, NB_ZONE_DMA32);
	for (unsigned i = 0; i < 4; i++)
		nb_reserve_highatomic(z, allocate(z, 9), 9, 0);
	assert_int_equal(z->nr_reserved_highatomic,
			 1024); /* 483 + 512 = 995: the second still begins below */
	allocbox_end(&box);
}

/* Free pages of the block move to the reserve's lists; giving it back moves them to the wanted
 * type. */
static void there_and_back(void **state)
{
	(void)state;
	boot("6.12");
	struct nb_zone *z = allocbox_zone(&box, 0, NB_ZONE_DMA32);
	struct nb_alloc_context ac = {.zonelist = z->pgdat->zonelist,
				      .highest_zoneidx = NB_ZONE_NORMAL,
				      .migratetype = NB_MIGRATE_RECLAIMABLE};
	struct nb_page *p = allocate(z, 3);
	uint64_t free_pages = nb_zone_free_pages_snapshot(z);

	z->managed_pages += 10000;
	nb_reserve_highatomic(z, p, 3, 0);
	assert_int_equal(z->nr_reserved_highatomic, 512);
	assert_int_equal(z->nr_free_highatomic, 504);
	assert_int_equal(nb_zone_free_pages_snapshot(z), free_pages);
	assert_string_equal(
		allocbox_lists(&box, 0, NB_ZONE_DMA32),
		"3H:1008 4H:1010 5H:1020 6H:1040 7H:1080 8M:cc00 8H:1100 9U:1200 10M:1400*46");
	/* the last pageblock stays unless forced */
	assert_false(nb_unreserve_highatomic(box.sys, &ac, false));
	assert_true(nb_unreserve_highatomic(box.sys, &ac, true));
	assert_int_equal(z->nr_reserved_highatomic, 0);
	assert_int_equal(z->nr_free_highatomic, 0);
	assert_int_equal(nb_pageblock_mt(z, 0), NB_MIGRATE_RECLAIMABLE);
	assert_string_equal(
		allocbox_lists(&box, 0, NB_ZONE_DMA32),
		"3E:1008 4E:1010 5E:1020 6E:1040 7E:1080 8M:cc00 8E:1100 9U:1200 10M:1400*46");
	assert_false(nb_unreserve_highatomic(box.sys, &ac, true));
	z->managed_pages -= 10000;
	allocbox_end(&box);
}

/* A whole block of the reserve, with all its pageblocks. */
static void large_blocks(void **state)
{
	(void)state;
	boot("6.12");
	struct nb_zone *z = allocbox_zone(&box, 0, NB_ZONE_DMA32);
	struct nb_alloc_context ac = {.zonelist = z->pgdat->zonelist,
				      .highest_zoneidx = NB_ZONE_NORMAL,
				      .migratetype = NB_MIGRATE_MOVABLE};
	struct nb_page *p = allocate(z, 10);

	z->managed_pages += 10000;
	nb_reserve_highatomic(z, p, 10, 0);
	assert_int_equal(z->nr_reserved_highatomic, 1024);
	nb_zone_lock(z, 0);
	nb_free_one_page(z, p, 10, NB_MIGRATE_HIGHATOMIC, 0);
	nb_zone_unlock(z);
	assert_int_equal(z->nr_free_highatomic, 1024);
	assert_true(nb_unreserve_highatomic(box.sys, &ac, false));
	assert_int_equal(z->nr_reserved_highatomic, 0);
	assert_int_equal(z->nr_pageblocks[NB_MIGRATE_HIGHATOMIC], 0);
	assert_string_equal(allocbox_lists(&box, 0, NB_ZONE_DMA32), "8M:cc00 10M:1400*46,1000");
	z->managed_pages -= 10000;
	allocbox_end(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits),
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(large_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
