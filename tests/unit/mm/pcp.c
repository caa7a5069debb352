/* pcp.c -- page sets: what refills and drains take, which end they take it from. */
#include "allocbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static struct allocbox box;

static struct nb_pcp_info info(int nid, enum nb_zone_type type, int cpu)
{
	struct nb_pcp_info i;

	assert_int_equal(nb_pcp_info(box.sys, nid, type, cpu, &i), 0);
	return i;
}

/* Requests without a free between them double the refill: as traces of 6.12 show, 15 30 60 120 240
 * 480 with batch 15. What comes out of a refill is in address order. */
static void refills_double(void **state)
{
	static const unsigned sizes[] = {15, 30, 60, 120, 240, 480, 480};
	nb_pfn_t want = 0x1000;
	uint64_t before;

	(void)state;
	allocbox_boot(&box, &(struct allocbox_spec){.ranges = "0 1000000-fffffff",
						    .facts = "0 DMA32 61440"});
	struct nb_zone *z = allocbox_zone(&box, 0, NB_ZONE_DMA32);

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		before = nb_zone_free_pages_snapshot(z);
		allocbox_run(&box, "M0");
		assert_int_equal(before - nb_zone_free_pages_snapshot(z), sizes[i]);
		assert_int_equal(info(0, NB_ZONE_DMA32, 0).count, sizes[i] - 1);
		for (unsigned k = 1; k < sizes[i]; k++)
			allocbox_run(&box, "M0");
		assert_int_equal(before - nb_zone_free_pages_snapshot(z), sizes[i]);
		assert_int_equal(info(0, NB_ZONE_DMA32, 0).count, 0);
	}
	for (unsigned i = 0; i < box.nr; i++)
		assert_int_equal(box.pfn[i], want++);
	allocbox_end(&box);
}

/* Before 6.7 a refill is a batch, and larger orders take batch >> order blocks, two at least. */
static void refills_fixed(void **state)
{
	static const struct {
		const char *word;
		unsigned pages;
	} cases[] = {{"M0", 15}, {"M1", 14}, {"M2", 12}, {"M3", 16}, {"M9", 1024}, {"K9", 1024}};

	(void)state;
	allocbox_boot(&box, &(struct allocbox_spec){.ranges = "0 1000000-fffffff",
						    .facts = "0 DMA32 61440",
						    .kernel = "6.1"});
	struct nb_zone *z = allocbox_zone(&box, 0, NB_ZONE_DMA32);

	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t before = nb_zone_free_pages_snapshot(z);

		allocbox_run(&box, cases[i].word);
		assert_int_equal(before - nb_zone_free_pages_snapshot(z), cases[i].pages);
	}
	allocbox_end(&box);
}

/* Last in, first out; a set belongs to its CPU, whoever frees into it. */
static void hot_pages_first(void **state)
{
	(void)state;
	allocbox_boot(&box, &(struct allocbox_spec){.ranges = "0 1000000-fffffff",
						    .facts = "0 DMA32 61440",
						    .cpus = 2});
	assert_string_equal(allocbox_run(&box, "M0*3 -0 -2 M0*3"), "1000 1001 1002 1002 1000 1003");
	assert_string_equal(allocbox_run(&box, "-1@1 M0 M0@1"), "1004 1001");
	assert_int_equal(info(0, NB_ZONE_DMA32, 1).count, 0);
	allocbox_end(&box);
}

/* The fixed scheme: full at `high`; gives back batch << free_factor, oldest first, keeping a batch.
 */
static void drains_fixed(void **state)
{
	unsigned high;

	(void)state;
	allocbox_boot(&box, &(struct allocbox_spec){.ranges = "0 1000000-fffffff",
						    .facts = "0 DMA32 61440",
						    .kernel = "6.1"});
	high = info(0, NB_ZONE_DMA32, 0).high;
	assert_true(high >= 60);
	char script[32];

	snprintf(script, sizeof(script), "M0*%u", 4 * high);
	allocbox_run(&box, script);
	allocbox_record(&box, UINT64_C(1) << NB_EV_MM_PAGE_PCPU_DRAIN);
	unsigned count = info(0, NB_ZONE_DMA32, 0).count, freed = 0;

	assert_true(count < 15);
	for (; count < high - 1; count++, freed++) {
		snprintf(script, sizeof(script), "-%u", freed);
		allocbox_run(&box, script);
	}
	assert_string_equal(allocbox_events(&box), "");
	snprintf(script, sizeof(script), "-%u", freed++);
	allocbox_run(&box, script);
	assert_int_equal(info(0, NB_ZONE_DMA32, 0).count, high - 15);
	/* from the tail: first what the last refill left, then the oldest frees */
	unsigned lines = 0;

	for (const char *s = allocbox_events(&box); *s; s++)
		lines += *s == '\n';
	assert_int_equal(lines, 15);
	for (unsigned i = 0; i < 15; i++) {
		snprintf(script, sizeof(script), "-%u", freed++);
		allocbox_run(&box, script);
	}
	/* the second time in a row twice as many, at most high - batch */
	unsigned n = 30 < high - 15 ? 30 : high - 15;

	assert_int_equal(info(0, NB_ZONE_DMA32, 0).count, high - n);
	allocbox_end(&box);
}

/* The tuned scheme: high rises with what is freed in a row, so that frees after many requests stay
 * in the set. */
static void tuned_high_follows(void **state)
{
	char script[32];

	(void)state;
	allocbox_boot(&box, &(struct allocbox_spec){.ranges = "0 1000000-fffffff",
						    .facts = "0 DMA32 61440"});
	struct nb_pcp_info p;

	allocbox_run(&box, "M0*4000");
	p = info(0, NB_ZONE_DMA32, 0);
	assert_true(p.high > p.high_min && p.high <= p.high_max);
	for (unsigned i = 0; i < 4000; i++) {
		snprintf(script, sizeof(script), "-%u", i);
		allocbox_run(&box, script);
		p = info(0, NB_ZONE_DMA32, 0);
		assert_true(p.high >= p.high_min && p.high <= p.high_max);
		assert_true(p.count <= p.high_max);
	}
	/* while kswapd works, sets shrink to four batches */
	struct nb_zone *z = allocbox_zone(&box, 0, NB_ZONE_DMA32);

	z->flags |= ZONE_RECLAIM_ACTIVE;
	allocbox_run(&box, "M0*200");
	for (unsigned i = 4000; i < 4200; i++) {
		snprintf(script, sizeof(script), "-%u", i);
		allocbox_run(&box, script);
	}
	assert_true(info(0, NB_ZONE_DMA32, 0).high < p.high);
	allocbox_end(&box);
}

/* Orders with lists, and where there are none. */
static void orders_with_lists(void **state)
{
	static const struct {
		const char *kernel;
		unsigned orders; /* bits */
	} cases[] = {{"6.12", 0x20f}, {"6.1", 0x20f}, {"2.6.24", 0x001}};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		allocbox_boot(&box, &(struct allocbox_spec){.ranges = "0 1000000-40ffffff",
							    .facts = "0 DMA32 262144",
							    .kernel = cases[i].kernel});
		for (unsigned order = 0; order <= 10; order++) {
			char script[16];

			snprintf(script, sizeof(script), "M%u", order);
			allocbox_run(&box, script);
			snprintf(script, sizeof(script), "-%u", order);
			allocbox_run(&box, "drain");
			allocbox_run(&box, script);
			assert_int_equal(info(0, NB_ZONE_DMA32, 0).count,
					 cases[i].orders >> order & 1 ? 1u << order : 0);
		}
		allocbox_end(&box);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refills_double),     cmocka_unit_test(refills_fixed),
		cmocka_unit_test(hot_pages_first),    cmocka_unit_test(drains_fixed),
		cmocka_unit_test(tuned_high_follows), cmocka_unit_test(orders_with_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
