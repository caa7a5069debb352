/* wmark_ok.c -- the watermark test, case by case, for both generations of reserves. */
#include "allocbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct allocbox box;

static const struct {
	bool harder; /* the rules to 6.2 */
	unsigned order, flags;
	uint64_t mark;
	int64_t free;
	bool ok;
} cases[] = {
	/* equality fails */
	{false, 0, 0, 1000, 1000, false},
	{false, 0, 0, 1000, 1001, true},
	/* GFP_ATOMIC: half, then three quarters of that, each rounded up */
	{false, 0, NB_ALLOC_MIN_RESERVE, 1000, 500, false},
	{false, 0, NB_ALLOC_MIN_RESERVE, 1000, 501, true},
	{false, 0, NB_ALLOC_MIN_RESERVE, 1001, 501, false},
	{false, 0, NB_ALLOC_MIN_RESERVE, 1001, 502, true},
	{false, 0, NB_ALLOC_MIN_RESERVE | NB_ALLOC_NON_BLOCK, 1000, 375, false},
	{false, 0, NB_ALLOC_MIN_RESERVE | NB_ALLOC_NON_BLOCK, 1000, 376, true},
	/* GFP_NOWAIT alone takes nothing off since 6.3; before, a quarter */
	{false, 0, NB_ALLOC_NON_BLOCK, 1000, 1000, false},
	{true, 0, NB_ALLOC_NON_BLOCK, 1000, 750, false},
	{true, 0, NB_ALLOC_NON_BLOCK, 1000, 751, true},
	{true, 0, NB_ALLOC_MIN_RESERVE | NB_ALLOC_NON_BLOCK, 1000, 376, true},
	{true, 0, NB_ALLOC_MIN_RESERVE | NB_ALLOC_NON_BLOCK, 1000, 375, false},
	/* a victim of the OOM killer: half of what is left; before 6.3 instead of the quarter */
	{false, 0, NB_ALLOC_OOM, 1000, 501, true},
	{false, 0, NB_ALLOC_OOM | NB_ALLOC_MIN_RESERVE | NB_ALLOC_NON_BLOCK, 1000, 189, true},
	{false, 0, NB_ALLOC_OOM | NB_ALLOC_MIN_RESERVE | NB_ALLOC_NON_BLOCK, 1000, 188, false},
	{true, 0, NB_ALLOC_OOM | NB_ALLOC_MIN_RESERVE | NB_ALLOC_NON_BLOCK, 1000, 251, true},
	{true, 0, NB_ALLOC_OOM | NB_ALLOC_MIN_RESERVE | NB_ALLOC_NON_BLOCK, 1000, 250, false},
	/* a block counts but for its first page */
	{false, 3, 0, 1000, 1007, false},
	{false, 3, 0, 1000, 1008, true},
};

static void marks_and_rights(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		allocbox_boot(&box, &(struct allocbox_spec){.ranges = "0 1000000-8ffffff",
							    .kernel = cases[i].harder ? "2.6.24"
										      : "6.12"});
		struct nb_zone *z = allocbox_zone(&box, 0, NB_ZONE_DMA32);

		if (nb_zone_watermark_ok_free(z, cases[i].order, cases[i].mark, NB_ZONE_DMA32,
					      cases[i].flags, cases[i].free) != cases[i].ok)
			fail_msg("case %u", i);
		/* what lowmem_reserve keeps back comes on top, unreduced */
		z->lowmem_reserve[NB_ZONE_MOVABLE] = 100;
		if (nb_zone_watermark_ok_free(z, cases[i].order, cases[i].mark, NB_ZONE_MOVABLE,
					      cases[i].flags, cases[i].free + 100) != cases[i].ok)
			fail_msg("case %u with a reserve", i);
		allocbox_end(&box);
	}
}

/* Reserved high-order pages count only for those who may use them; 6.12 leaves out the free ones
 * alone. */
static void highatomic_pages(void **state)
{
	static const char *const kernels[] = {"6.12", "6.1"};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		allocbox_boot(&box, &(struct allocbox_spec){.ranges = "0 1000000-8ffffff",
							    .kernel = kernels[i]});
		struct nb_zone *z = allocbox_zone(&box, 0, NB_ZONE_DMA32);

		z->nr_reserved_highatomic = 512;
		z->nr_free_highatomic = 200;
		uint64_t out = i ? 512 : 200;

		assert_false(nb_zone_watermark_ok_free(z, 0, 1000, NB_ZONE_DMA32, 0,
						       1000 + (int64_t)out));
		assert_true(nb_zone_watermark_ok_free(z, 0, 1000, NB_ZONE_DMA32, 0,
						      1001 + (int64_t)out));
		assert_true(nb_zone_watermark_ok_free(z, 0, 1000, NB_ZONE_DMA32,
						      NB_ALLOC_HIGHATOMIC, 1001));
		z->nr_reserved_highatomic = z->nr_free_highatomic = 0;
		allocbox_end(&box);
	}
}

/* Enough pages do not help when no block is large enough. */
static void needs_a_block(void **state)
{
	(void)state;
	allocbox_boot(&box, &(struct allocbox_spec){.ranges = "0 1000000-14fffff",
						    .facts = "0 DMA32 1280"});
	struct nb_zone *z = allocbox_zone(&box, 0, NB_ZONE_DMA32);

	assert_true(nb_zone_watermark_ok(z, 10, 100, NB_ZONE_DMA32, 0));
	allocbox_run(&box, "P10"); /* what is left is one block of order 8 */
	assert_true(nb_zone_watermark_ok_free(z, 8, 100, NB_ZONE_DMA32, 0, 100000));
	assert_false(nb_zone_watermark_ok_free(z, 9, 100, NB_ZONE_DMA32, 0, 100000));
	allocbox_end(&box);
}

/* A raised mark does not hold for single pages that are urgent. */
static void boost_and_urgency(void **state)
{
	(void)state;
	allocbox_boot(&box, &(struct allocbox_spec){.ranges = "0 1000000-8ffffff"});
	struct nb_zone *z = allocbox_zone(&box, 0, NB_ZONE_DMA32);
	uint64_t free_pages = nb_zone_free_pages(z);

	z->wmark[NB_WMARK_MIN] = free_pages - 100;
	z->watermark_boost = 4096;
	uint64_t mark = nb_wmark_pages(z, NB_WMARK_MIN);

	assert_int_equal(mark, free_pages - 100 + 4096);
	assert_false(
		nb_zone_watermark_fast(z, 0, mark, NB_ZONE_DMA32, NB_WMARK_MIN, NB_GFP_KERNEL));
	assert_true(
		nb_zone_watermark_fast(z, 0, mark, NB_ZONE_DMA32, NB_WMARK_MIN, NB_GFP_BIT_HIGH));
	assert_false(
		nb_zone_watermark_fast(z, 0, mark, NB_ZONE_DMA32, NB_WMARK_LOW, NB_GFP_BIT_HIGH));
	assert_false(
		nb_zone_watermark_fast(z, 1, mark, NB_ZONE_DMA32, NB_WMARK_MIN, NB_GFP_BIT_HIGH));
	allocbox_end(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(marks_and_rights),
		cmocka_unit_test(highatomic_pages),
		cmocka_unit_test(needs_a_block),
		cmocka_unit_test(boost_and_urgency),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
