/* pcp_setup.c -- sizes of page sets, as captured kernels print them. */
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
		cmocka_unit_test(batch_and_high),
		cmocka_unit_test(high_fraction),
		cmocka_unit_test(bad_arguments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
