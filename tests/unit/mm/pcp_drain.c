/* pcp_drain.c -- what the vmstat worker does with page sets. */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vmstat_decay),
		cmocka_unit_test(remote_sets_expire),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
