/* fallback.c -- whose memory a request takes when its own type has none.
 *
 * Expectations are lines of mm_page_alloc_extfrag: pfn, order wanted, order found, pageblock order,
 * type wanted, type found, fragmenting, ownership changed (numbers in hex; types 0 unmovable, 1
 * movable, 2 reclaimable).
 */
#include "allocbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>

#define EXTFRAG (UINT64_C(1) << NB_EV_MM_PAGE_ALLOC_EXTFRAG)

static struct allocbox box;

static const struct {
	const char *kernel;
	const char *before; /* script, unrecorded */
	const char *script;
	const char *events, *lists;
} cases[] = {
	/* 6.12, largest first: a whole max-order block becomes unmovable */
	{"6.12", "", "K4", "1000 4 a 9 0 1 0 1",
	 "4U:1010 5U:1020 6U:1040 7U:1080 8U:1100 9U:1200 10M:1400*7"},
	/* reclaimable asks unmovable before movable: what unmovable left is the largest below max
	 * order, but order 10 comes first */
	{"6.12", "K4", "R4", "1400 4 a 9 2 1 0 1",
	 "4U:1010 4E:1410 5U:1020 5E:1420 6U:1040 6E:1440 7U:1080 7E:1480 8U:1100 8E:1500 9U:1200 "
	 "9E:1600 "
	 "10M:1800*6"},
	/* the same in 6.1, by way of the free list */
	{"6.1", "", "K4", "1000 4 a 9 0 1 0 1",
	 "4U:1010 5U:1020 6U:1040 7U:1080 8U:1100 9U:1200 10M:1400*7"},
};

static void whole_blocks(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char want[256] = "mm_page_alloc_extfrag ";

		allocbox_boot(&box, &(struct allocbox_spec){.ranges = "0 1000000-2ffffff",
							    .facts = "0 DMA32 8192",
							    .kernel = cases[i].kernel});
		allocbox_run(&box, cases[i].before);
		allocbox_record(&box, EXTFRAG);
		allocbox_run(&box, cases[i].script);
		strcat(strcat(want, cases[i].events), "\n");
		assert_string_equal(allocbox_events(&box), want);
		assert_string_equal(allocbox_lists(&box, 0, NB_ZONE_DMA32), cases[i].lists);
		allocbox_end(&box);
	}
}

/* A zone of one max-order block, 0x1000 .. 0x13ff; the first pageblock is in use by movable pages
 * in blocks of order 4, of which some are given back. */
static void boot_one_block(const char *kernel)
{
	allocbox_boot(&box, &(struct allocbox_spec){.ranges = "0 1000000-13fffff",
						    .facts = "0 DMA32 1024",
						    .kernel = kernel});
	struct nb_zone *z = allocbox_zone(&box, 0, NB_ZONE_DMA32);

	box.sys->mobility_grouping = true; /* off on machines this small */
	memset(z->wmark, 0, sizeof(z->wmark));
	memset(z->lowmem_reserve, 0, sizeof(z->lowmem_reserve));
	allocbox_run(&box, "M4*64");
	box.sys->tune.watermark_boost_factor = 0;
	allocbox_record(&box, EXTFRAG);
}

static struct nb_page *rmqueue(unsigned order, enum nb_migratetype mt, unsigned alloc_flags)
{
	struct nb_zone *z = allocbox_zone(&box, 0, NB_ZONE_DMA32);
	enum nb_rmqueue_mode mode = NB_RMQUEUE_NORMAL;
	struct nb_page *p;

	nb_zone_lock(z, 0);
	p = nb_rmqueue(z, order, mt, alloc_flags, &mode);
	if (p && box.sys->profile->claim_whole_block)
		nb_free_one_page(z, p, order, nb_pageblock_mt(z, nb_page_dense(z->mem_map, p)), 0);
	else if (p)
		nb_free_one_page(z, p, order, nb_page_mt(p), NB_FPI_NONE);
	nb_zone_unlock(z);
	return p;
}

/* Half of a pageblock is free: an unmovable request takes all of it over. Pages in use that are not
 * on an LRU list count as alike for unmovable, so a single free block suffices where all others are
 * such. */
static void claim_half_a_block(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		boot_one_block(i ? "6.1" : "6.12");
		struct nb_zone *z = allocbox_zone(&box, 0, NB_ZONE_DMA32);

		/* one free block of order 4; all 31 others are on the LRU: 16 free, 0 alike of 512
		 */
		for (unsigned n = 1; n < 32; n++)
			z->mem_map[n * 16].flags |= PG_LRU;
		allocbox_run(&box, "-0");
		assert_non_null(rmqueue(4, NB_MIGRATE_UNMOVABLE, 0));
		/* 6.12 steals just the block, whose pageblock stays movable; 6.1 moves it over for
		 * good */
		assert_int_equal(nb_pageblock_mt(z, 0), NB_MIGRATE_MOVABLE);
		assert_string_equal(allocbox_events(&box),
				    "mm_page_alloc_extfrag 1000 4 4 9 0 1 1 0\n");
		assert_string_equal(allocbox_lists(&box, 0, NB_ZONE_DMA32),
				    i ? "4U:1000" : "4M:1000");
		for (unsigned n = 1; n < 32; n++)
			z->mem_map[n * 16].flags &= ~(uint32_t)PG_LRU;
		allocbox_end(&box);

		boot_one_block(i ? "6.1" : "6.12");
		z = allocbox_zone(&box, 0, NB_ZONE_DMA32);
		allocbox_run(&box, "-0"); /* the others count as unmovable: 16 free + 496 alike */
		assert_non_null(rmqueue(4, NB_MIGRATE_UNMOVABLE, 0));
		assert_int_equal(nb_pageblock_mt(z, 0), NB_MIGRATE_UNMOVABLE);
		assert_string_equal(allocbox_events(&box),
				    "mm_page_alloc_extfrag 1000 4 4 9 0 1 1 1\n");
		allocbox_end(&box);
	}
}

/* Movable requests below half a pageblock's order take the smallest block that does, and claim
 * nothing. */
static void movable_takes_the_smallest(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		boot_one_block(i ? "6.1" : "6.12");
		struct nb_zone *z = allocbox_zone(&box, 0, NB_ZONE_DMA32);

		nb_zone_lock(z, 0);
		nb_set_pageblock_mt(z, 0, NB_MIGRATE_UNMOVABLE);
		/* order 3 at 1000, order 1 at 1020: both unmovable */
		nb_free_one_page(z, z->mem_map, 4, NB_MIGRATE_UNMOVABLE, 0);
		struct nb_page *p = nb_rmqueue_smallest(z, 3, NB_MIGRATE_UNMOVABLE);

		nb_page_set_flags(p, PG_ALLOCATED | 3 | z->page_bits);
		nb_page_set_flags(z->mem_map + 32, 0);
		nb_free_one_page(z, z->mem_map + 32, 1, NB_MIGRATE_UNMOVABLE, 0);
		nb_page_set_flags(z->mem_map + 34, PG_ALLOCATED | 1 | z->page_bits);
		nb_page_set_flags(z->mem_map + 36, PG_ALLOCATED | 2 | z->page_bits);
		nb_page_set_flags(z->mem_map + 40, PG_ALLOCATED | 3 | z->page_bits);
		nb_zone_unlock(z);
		p = rmqueue(1, NB_MIGRATE_MOVABLE, 0);
		assert_non_null(p);
		assert_int_equal(nb_page_dense(z->mem_map, p), 32);
		assert_int_equal(nb_pageblock_mt(z, 0), NB_MIGRATE_UNMOVABLE);
		assert_string_equal(allocbox_events(&box),
				    "mm_page_alloc_extfrag 1020 1 1 9 1 0 1 0\n");
		/* with NOFRAGMENT nothing below a pageblock may be taken */
		if (!i)
			assert_null(rmqueue(1, NB_MIGRATE_MOVABLE, NB_ALLOC_NOFRAGMENT));
		allocbox_end(&box);
	}
}

/* Stealing less than a pageblock raises the marks by one, up to 1.5 times the high mark, and kswapd
 * is told. */
static void boost(void **state)
{
	(void)state;
	boot_one_block("6.12");
	allocbox_end(&box);
	allocbox_boot(&box, &(struct allocbox_spec){.ranges = "0 1000000-23fffff",
						    .facts = "0 DMA32 5120"});
	struct nb_zone *z = allocbox_zone(&box, 0, NB_ZONE_DMA32);

	allocbox_run(&box, "P10*4 P4*63"); /* one block of order 4 is left */
	nb_zone_lock(z, 0);
	nb_free_one_page(z, z->mem_map + 4096, 4, NB_MIGRATE_MOVABLE, 0);
	nb_zone_unlock(z);
	z->wmark[NB_WMARK_HIGH] = 500;
	nb_zone_lock(z, 0);
	enum nb_rmqueue_mode mode = NB_RMQUEUE_NORMAL;
	struct nb_page *p = nb_rmqueue(z, 4, NB_MIGRATE_RECLAIMABLE, NB_ALLOC_KSWAPD, &mode);

	(void)p;
	nb_zone_unlock(z);
	/* max(512, 500 * 1.5) */
	assert_int_equal(z->watermark_boost, 512);
	assert_true(z->flags & ZONE_BOOSTED_WATERMARK);
	nb_zone_lock(z, 0);
	nb_free_one_page(z, p, 4, nb_page_mt(p), 0);
	mode = NB_RMQUEUE_NORMAL;
	p = nb_rmqueue(z, 4, NB_MIGRATE_UNMOVABLE, 0, &mode);
	nb_page_set_flags(p, PG_ALLOCATED | 4 | z->page_bits);
	nb_zone_unlock(z);
	assert_true(z->watermark_boost <= 750);
	allocbox_end(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_blocks),
		cmocka_unit_test(claim_half_a_block),
		cmocka_unit_test(movable_takes_the_smallest),
		cmocka_unit_test(boost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
