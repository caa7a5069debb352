/* pcp.c -- page sets: their sizes, what refills and drains take, which end they take it from. */
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

/* zone_batchsize() and zone_highsize(): the numbers that captured kernels print in zoneinfo. */
static void batch_and_high(void **state)
{
	static const struct {
		const char *kernel, *facts;
		unsigned cpus;
		uint64_t low;
		unsigned batch, high_min, high_max;
	} cases[] = {
		/* a DMA zone of 16 MiB */
		{"6.12", "0 DMA32 3840", 2, 10, 1, 5, 240},
		/* 1 GiB and more: 63 */
		{"6.12", "0 DMA32 262144", 1, 800, 63, 800, 32768},
		{"6.12", "0 DMA32 262144", 2, 800, 63, 400, 16384},
		/* at least four batches */
		{"6.12", "0 DMA32 262144", 4, 800, 63, 252, 8192},
		{"6.12", "0 DMA32 131072", 1, 1000, 31, 1000, 16384},
		{"6.12", "0 DMA32 120000", 1, 1000, 31, 1000, 15000},
		{"6.12", "0 DMA32 60000", 1, 1000, 15, 1000, 7500},
		{"6.1", "0 DMA32 262144", 2, 801, 63, 400, 400},
		{"2.6.24", "0 DMA32 262144", 2, 801, 31, 186, 186},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		allocbox_boot(&box, &(struct allocbox_spec){.ranges = "0 1000000-40ffffff",
							    .facts = cases[i].facts,
							    .cpus = cases[i].cpus,
							    .kernel = cases[i].kernel});
		struct nb_zone *z = allocbox_zone(&box, 0, NB_ZONE_DMA32);

		z->wmark[NB_WMARK_LOW] = cases[i].low;
		nb_setup_per_cpu_pagesets(box.sys);
		struct nb_pcp_info p = info(0, NB_ZONE_DMA32, 0);

		if (p.batch != cases[i].batch || p.high_min != cases[i].high_min ||
		    p.high_max != cases[i].high_max)
			fail_msg("case %u: batch %u high %u..%u", i, p.batch, p.high_min,
				 p.high_max);
		assert_int_equal(p.count, 0);
		/* untouched: 0 where it is tuned, else the fixed high */
		assert_int_equal(p.high, i < 7 ? 0 : cases[i].high_max);
		allocbox_end(&box);
	}
}

/* percpu_pagelist_high_fraction fixes high, also where it is tuned otherwise. */
static void high_fraction(void **state)
{
	(void)state;
	allocbox_boot(&box, &(struct allocbox_spec){.ranges = "0 1000000-40ffffff",
						    .facts = "0 DMA32 262144",
						    .cpus = 2});
	box.sys->tune.percpu_pagelist_high_fraction = 8;
	allocbox_run(&box, "K0");
	nb_setup_per_cpu_pagesets(box.sys);
	assert_int_equal(info(0, NB_ZONE_DMA32, 0).high_min, 262144 / 8 / 2);
	assert_int_equal(info(0, NB_ZONE_DMA32, 0).high_max, 262144 / 8 / 2);
	assert_int_equal(info(0, NB_ZONE_DMA32, 1).high_max, 262144 / 8 / 2);
	allocbox_end(&box);
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

/* The vmstat worker's round: high decays by an eighth down to its minimum, and what is above it
 * goes back. */
static void vmstat_decay(void **state)
{
	(void)state;
	allocbox_boot(&box, &(struct allocbox_spec){.ranges = "0 1000000-fffffff",
						    .facts = "0 DMA32 61440"});
	allocbox_run(&box, "M0*2000");
	struct nb_pcp_info p = info(0, NB_ZONE_DMA32, 0), q;

	nb_vmstat_update(box.sys, 0);
	q = info(0, NB_ZONE_DMA32, 0);
	assert_int_equal(q.high, p.high - p.high / 8);
	for (unsigned i = 0; i < 100; i++)
		nb_vmstat_update(box.sys, 0);
	q = info(0, NB_ZONE_DMA32, 0);
	assert_int_equal(q.high, q.high_min);
	assert_true(q.count <= q.high);
	allocbox_end(&box);
}

/* A set of another node that is left alone is empty after three rounds; one of the own node keeps
 * its pages. */
static void remote_sets_expire(void **state)
{
	(void)state;
	allocbox_boot(&box,
		      &(struct allocbox_spec){.ranges = "0 1000000-fffffff, 1 10000000-1fffffff",
					      .kernel = "6.1"});
	allocbox_run(&box, "M0/0 M0/1");
	unsigned own = info(0, NB_ZONE_DMA32, 0).count, other = info(1, NB_ZONE_DMA32, 0).count;

	assert_true(own && other);
	nb_vmstat_update(box.sys, 0);
	nb_vmstat_update(box.sys, 0);
	allocbox_run(
		&box,
		"M0/1"); /* used again, but without a refill: the zone's counts do not change */
	assert_int_equal(info(1, NB_ZONE_DMA32, 0).count, other - 1);
	nb_vmstat_update(box.sys, 0);
	assert_int_equal(info(1, NB_ZONE_DMA32, 0).count, 0);
	assert_int_equal(info(0, NB_ZONE_DMA32, 0).count, own);
	nb_vmstat_update(box.sys, 99); /* no such CPU */
	allocbox_end(&box);
}

static void bad_arguments(void **state)
{
	struct nb_pcp_info i;

	(void)state;
	allocbox_boot(&box, &(struct allocbox_spec){.ranges = "0 1000000-fffffff"});
	assert_int_equal(nb_pcp_info(box.sys, 1, NB_ZONE_DMA32, 0, &i), -NB_ENODEV);
	assert_int_equal(nb_pcp_info(box.sys, 0, NB_ZONE_DMA32, 1, &i), -NB_EINVAL);
	assert_int_equal(nb_pcp_info(box.sys, 0, NB_ZONE_DMA32, -1, &i), -NB_EINVAL);
	assert_int_equal(nb_pcp_info(box.sys, 0, NB_MAX_NR_ZONES, 0, &i), -NB_EINVAL);
	nb_drain_pages(box.sys, 7); /* no such CPU: nothing happens */
	allocbox_end(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(batch_and_high),     cmocka_unit_test(high_fraction),
		cmocka_unit_test(refills_double),     cmocka_unit_test(refills_fixed),
		cmocka_unit_test(hot_pages_first),    cmocka_unit_test(drains_fixed),
		cmocka_unit_test(tuned_high_follows), cmocka_unit_test(orders_with_lists),
		cmocka_unit_test(vmstat_decay),       cmocka_unit_test(remote_sets_expire),
		cmocka_unit_test(bad_arguments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
