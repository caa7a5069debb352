/* kswapd_wake.c -- when kswapd is woken, and how often. */
#include "allocbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define WAKEUP (UINT64_C(1) << NB_EV_MM_VMSCAN_WAKEUP_KSWAPD)
#define WAKE (UINT64_C(1) << NB_EV_MM_VMSCAN_KSWAPD_WAKE)

static struct allocbox box;

static const struct allocbox_spec two = {
	.ranges = "0 100000000-17fffffff, 1 180000000-1ffffffff",
	.facts = "0 Normal 524288, 1 Normal 524288",
};

static void keep(struct nb_system *sys, struct nb_pgdat *p)
{
	(void)sys;
	(void)p;
}

/* A balanced node sleeps on; one below its high mark is woken once, with the event's fields node,
 * zone, order, gfp. */
static void once_while_awake(void **state)
{
	(void)state;
	allocbox_boot(&box, &two);
	struct nb_zone *z = allocbox_zone(&box, 1, NB_ZONE_NORMAL);

	box.sys->hooks.wake_kswapd = keep;
	allocbox_record(&box, WAKEUP | WAKE);
	nb_wakeup_kswapd(z, NB_GFP_KERNEL, 0, NB_ZONE_NORMAL, 0, NULL);
	assert_string_equal(allocbox_events(&box), "");
	z->wmark[NB_WMARK_HIGH] = z->managed_pages;
	nb_wakeup_kswapd(z, NB_GFP_KERNEL, 3, NB_ZONE_NORMAL, 0, NULL);
	assert_string_equal(allocbox_events(&box), "mm_vmscan_wakeup_kswapd 1 2 3 cc0\n");
	assert_int_equal(z->pgdat->kswapd_order, 3);
	nb_wakeup_kswapd(z, NB_GFP_KERNEL, 5, NB_ZONE_MOVABLE, 0, NULL);
	assert_string_equal(allocbox_events(&box), "mm_vmscan_wakeup_kswapd 1 2 3 cc0\n");
	/* awake, it hears of larger wishes */
	assert_int_equal(z->pgdat->kswapd_order, 5);
	assert_int_equal(z->pgdat->kswapd_highest_zoneidx, NB_ZONE_MOVABLE);
	allocbox_end(&box);
}

/* Order counts too: pages enough, but no block. */
static void unbalanced_by_order(void **state)
{
	(void)state;
	allocbox_boot(&box, &(struct allocbox_spec){.ranges = "0 1000000-14fffff",
						    .facts = "0 DMA32 1280"});
	struct nb_zone *z = allocbox_zone(&box, 0, NB_ZONE_DMA32);

	allocbox_run(&box, "P10");
	z->wmark[NB_WMARK_HIGH] = 0; /* 256 - 255 pages suffice */
	allocbox_record(&box, WAKEUP);
	nb_wakeup_kswapd(z, NB_GFP_KERNEL, 8, NB_ZONE_NORMAL, 0, NULL);
	assert_string_equal(allocbox_events(&box), "");
	nb_wakeup_kswapd(z, NB_GFP_KERNEL, 9, NB_ZONE_NORMAL, 0, NULL);
	assert_string_equal(allocbox_events(&box), "mm_vmscan_wakeup_kswapd 0 2 9 cc0\n");
	allocbox_end(&box);
}

/* Without a kswapd to step, it wakes, finds nothing to do and takes the boost back. */
static void boost_is_taken_back(void **state)
{
	(void)state;
	allocbox_boot(&box, &two);
	struct nb_zone *z = allocbox_zone(&box, 0, NB_ZONE_NORMAL);

	z->watermark_boost = 512;
	allocbox_record(&box, WAKEUP | WAKE);
	nb_wakeup_kswapd(z, 0, 0, NB_ZONE_NORMAL, 0, NULL);
	assert_string_equal(allocbox_events(&box),
			    "mm_vmscan_wakeup_kswapd 0 2 0 0\nmm_vmscan_kswapd_wake 0 2 0\n");
	assert_int_equal(z->watermark_boost, 0);
	allocbox_end(&box);
}

/* The slow path wakes every node of the list once, in its order. */
static void all_nodes_of_the_list(void **state)
{
	(void)state;
	allocbox_boot(&box, &two);
	for (int nid = 0; nid < 2; nid++) {
		struct nb_zone *z = allocbox_zone(&box, nid, NB_ZONE_NORMAL);

		for (unsigned i = 0; i < NB_NR_WMARK; i++)
			z->wmark[i] = z->managed_pages * 10;
	}
	allocbox_record(&box, WAKEUP);
	assert_string_equal(allocbox_run(&box, "N0@1 N0@0"), "- -");
	assert_string_equal(allocbox_events(&box), "mm_vmscan_wakeup_kswapd 1 2 0 800\n"
						   "mm_vmscan_wakeup_kswapd 0 2 0 800\n");
	allocbox_end(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(once_while_awake),
		cmocka_unit_test(unbalanced_by_order),
		cmocka_unit_test(boost_is_taken_back),
		cmocka_unit_test(all_nodes_of_the_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
