/* buddy.c -- free lists: what a split leaves where, what merges, and at which end a freed block
 * lands.
 *
 * Orders 4 to 8 have no page sets, so requests of order 4 act on the lists directly.
 */
#include "allocbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdlib.h>

static struct allocbox box;

/* 32 max-order blocks in DMA32 from frame 0x1000. */
static const struct allocbox_spec flat = {.ranges = "0 1000000-8ffffff", .facts = "0 DMA32 32768"};

/* A request keeps the lower half of every split; upper halves wait at their lists' heads. */
static void expand_keeps_the_lower_half(void **state)
{
	(void)state;
	allocbox_boot(&box, &flat);
	struct nb_zone *z = allocbox_zone(&box, 0, NB_ZONE_DMA32);

	nb_zone_lock(z, 0);
	struct nb_page *p = nb_rmqueue_smallest(z, 4, NB_MIGRATE_MOVABLE);

	assert_int_equal(nb_zone_page_pfn(z, p), 0x1000);
	nb_zone_unlock(z);
	assert_string_equal(allocbox_lists(&box, 0, NB_ZONE_DMA32),
			    "4M:1010 5M:1020 6M:1040 7M:1080 8M:1100 9M:1200 10M:1400*31");
	nb_zone_lock(z, 0);
	nb_free_one_page(z, p, 4, NB_MIGRATE_MOVABLE, NB_FPI_NONE);
	nb_zone_unlock(z);
	/* merged back, as an element of its own at the head */
	assert_string_equal(allocbox_lists(&box, 0, NB_ZONE_DMA32), "10M:1000,1400*31");
	allocbox_end(&box);
}

/* Blocks come in address order, from the block that a split left before any larger one. */
static void smallest_sufficient_order_first(void **state)
{
	(void)state;
	allocbox_boot(&box, &flat);
	assert_string_equal(allocbox_run(&box, "M10 M8*5 M4 M7 M4*2"),
			    "1000 1400 1500 1600 1700 1800 1900 1980 1910 1920");
	assert_string_equal(allocbox_lists(&box, 0, NB_ZONE_DMA32),
			    "4M:1930 6M:1940 9M:1a00 10M:1c00*29");
	allocbox_end(&box);
}

/* An extent that is used up leaves nothing behind; then its type's list is empty. */
static void extent_to_the_end(void **state)
{
	(void)state;
	allocbox_boot(&box, &(struct allocbox_spec){.ranges = "0 1000000-1bfffff",
						    .facts = "0 DMA32 3072",
						    .cmdline = ""});
	assert_string_equal(allocbox_lists(&box, 0, NB_ZONE_DMA32), "10M:1000*3");
	assert_string_equal(allocbox_run(&box, "P10 P10 P10 P10"), "1000 1400 1800 -");
	assert_string_equal(allocbox_lists(&box, 0, NB_ZONE_DMA32), "");
	allocbox_run(&box, "-1");
	assert_string_equal(allocbox_lists(&box, 0, NB_ZONE_DMA32), "10U:1400");
	allocbox_run(&box, "-0 -2");
	assert_string_equal(allocbox_lists(&box, 0, NB_ZONE_DMA32), "10U:1800,1000,1400");
	allocbox_end(&box);
}

/* A freed block goes to the head, but to the tail while the block it would next merge into has a
 * free buddy. */
static void head_or_tail(void **state)
{
	static const struct {
		const char *script, *lists;
	} cases[] = {
		/* 1000 1010 1020 .. 1070 are taken; 1080.. are free. Two that nobody waits for:
		   head. */
		{"M4*8 -0 -2", "4M:1020,1000 7M:1080 8M:1100 9M:1200 10M:1400*31"},
		/* 1000+1010 merge to 1000 of order 5; then 1020, whose parent 1020/5 has the free
		   buddy 1000/5: tail */
		{"M4*8 -4 -0 -1 -2", "4M:1040,1020 5M:1000 7M:1080 8M:1100 9M:1200 10M:1400*31"},
		/* the same two the other way round: at the head it would stand before 1040 */
		{"M4*8 -4 -2 -0 -1", "4M:1020,1040 5M:1000 7M:1080 8M:1100 9M:1200 10M:1400*31"},
		/* all eight: one block of order 7, which finds its buddy, and so on up to the whole
		 */
		{"M4*8 -7 -0 -6 -1 -5 -2 -4 -3", "10M:1000,1400*31"},
		/* order 9: parents of order 10 are not looked at, so head */
		{"M8*4 M10 -2 -3", "9M:1200 10M:1800*30"},
		{"M10 M10 -1 -0", "10M:1000,1400,1800*30"},
		{"M10 M10 -0 -1", "10M:1400,1000,1800*30"},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		allocbox_boot(&box, &flat);
		allocbox_run(&box, cases[i].script);
		assert_string_equal(allocbox_lists(&box, 0, NB_ZONE_DMA32), cases[i].lists);
		allocbox_end(&box);
	}
}

/* Blocks on both sides of a zone border or of a hole never merge. */
static void no_merge_across_zones(void **state)
{
	(void)state;
	/* HighMem begins inside a max-order block, at frame 0x1200 of 0x1000 .. 0x13ff */
	allocbox_boot(&box,
		      &(struct allocbox_spec){.ranges = "0 0-1ffffff",
					      .arch = NB_ARCH_I386PAE,
					      .facts = "0 DMA 4096, 0 Normal 512, 0 HighMem 3584",
					      .lowmem_end = 0x1200000});
	assert_string_equal(allocbox_lists(&box, 0, NB_ZONE_NORMAL), "9M:1000");
	assert_string_equal(allocbox_lists(&box, 0, NB_ZONE_HIGHMEM), "9M:1200 10M:1c00*-3");
	struct nb_zone *z = allocbox_zone(&box, 0, NB_ZONE_NORMAL);

	nb_zone_lock(z, 0);
	struct nb_page *p = nb_rmqueue_smallest(z, 4, NB_MIGRATE_MOVABLE);

	nb_free_one_page(z, p, 4, NB_MIGRATE_MOVABLE, NB_FPI_NONE);
	nb_zone_unlock(z);
	assert_string_equal(allocbox_lists(&box, 0, NB_ZONE_NORMAL), "9M:1000");
	allocbox_end(&box);
}

/* Pageblocks of mergeable types join; from 6.10 on the later one's type wins, before each keeps its
 * own. */
static void merging_pageblocks(void **state)
{
	static const char *const kernels[] = {"6.12", "6.1"};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		allocbox_boot(&box, &(struct allocbox_spec){.ranges = "0 1000000-8ffffff",
							    .facts = "0 DMA32 32768",
							    .kernel = kernels[i]});
		struct nb_zone *z = allocbox_zone(&box, 0, NB_ZONE_DMA32);
		struct nb_page *p;

		nb_zone_lock(z, 0);
		p = nb_rmqueue_smallest(z, 9, NB_MIGRATE_MOVABLE);
		nb_set_pageblock_mt(z, 0, NB_MIGRATE_UNMOVABLE);
		nb_free_one_page(z, p, 9, NB_MIGRATE_UNMOVABLE, NB_FPI_NONE);
		assert_int_equal(nb_pageblock_mt(z, 512),
				 i ? NB_MIGRATE_MOVABLE : NB_MIGRATE_UNMOVABLE);
		/* a reserved one stays apart */
		p = nb_rmqueue_smallest(z, 9, NB_MIGRATE_MOVABLE);
		nb_set_pageblock_mt(z, 1024, NB_MIGRATE_HIGHATOMIC);
		nb_free_one_page(z, p, 9, NB_MIGRATE_HIGHATOMIC, NB_FPI_NONE);
		nb_zone_unlock(z);
		assert_string_equal(allocbox_lists(&box, 0, NB_ZONE_DMA32),
				    "9M:1600 9H:1400 10U:1000 10M:1800*30");
		assert_int_equal(z->nr_free_highatomic, 512);
		allocbox_end(&box);
	}
}

/* Pages counted at once leave what they would leave one by one, also where the CPU keeps back more
 * than a threshold that was lowered meanwhile allows. */
static void counted_at_once(void **state)
{
	static const int many[] = {1, 2, 5, 9, 10, 40, -1, -2, -5, -9, -10, -40};

	(void)state;
	allocbox_boot(&box, &flat);
	struct nb_zone *z = allocbox_zone(&box, 0, NB_ZONE_DMA32);
	struct nb_pcp *pcp = nb_zone_pcp(z, 0);
	uint64_t free = z->nr_free_pages;

	z->stat_threshold = 4;
	for (unsigned i = 0; i < sizeof(many) / sizeof(*many); i++) {
		for (int kept = -12; kept <= 12; kept++) {
			uint64_t nr[2];
			int32_t diff[2];

			for (unsigned one_by_one = 0; one_by_one < 2; one_by_one++) {
				z->nr_free_pages = free;
				pcp->free_pages_diff = kept;
				nb_zone_lock(z, 0);
				for (int n = 0; one_by_one && n < abs(many[i]); n++)
					nb_account_free(z, NB_MIGRATE_MOVABLE,
							many[i] < 0 ? -1 : 1);
				if (!one_by_one)
					nb_account_free_singly(z, many[i]);
				nb_zone_unlock(z);
				nr[one_by_one] = z->nr_free_pages;
				diff[one_by_one] = pcp->free_pages_diff;
			}
			assert_int_equal(nr[0], nr[1]);
			assert_int_equal(diff[0], diff[1]);
		}
	}
	z->nr_free_pages = free;
	pcp->free_pages_diff = 0;
	allocbox_end(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counted_at_once),
		cmocka_unit_test(expand_keeps_the_lower_half),
		cmocka_unit_test(smallest_sufficient_order_first),
		cmocka_unit_test(extent_to_the_end),
		cmocka_unit_test(head_or_tail),
		cmocka_unit_test(no_merge_across_zones),
		cmocka_unit_test(merging_pageblocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
