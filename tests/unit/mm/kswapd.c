/* kswapd.c -- tests of src/mm/kswapd.c: rounds, naps, sleep, failures, boosts. */
#include "pressbox.h"

struct daemon {
	struct pressbox p;
	unsigned woken;
	int nid;
};

static void hear(void *ctx, int nid)
{
	struct daemon *d = ctx;

	d->woken++;
	d->nid = nid;
}

static void open_daemon(struct daemon *d, const char *nodes)
{
	pressbox_open(&d->p, nodes, false);
	d->woken = 0;
	assert_int_equal(nb_kswapd_start(d->p.sys, hear, d), 0);
	/* fragmentation wakes nobody here */
	assert_int_equal(nb_sysctl_write(d->p.sys, "vm.watermark_boost_factor", "0", NULL), 0);
}

/* Steps until it wants to wait; when. */
static uint64_t steps(struct daemon *d, int nid)
{
	uint64_t next = d->p.sys->time_ns, scanned;

	for (unsigned i = 0; i < 1000 && next <= d->p.sys->time_ns; i++)
		assert_int_equal(nb_kswapd_step(d->p.sys, nid, &next, &scanned), 0);
	return next;
}

/* Takes memory of a node until its zone is below low, by the task's policy. */
static void fill_below_low(struct daemon *d, int nid)
{
	const struct nb_zone *z = pressbox_zone(&d->p, nid);
	uint64_t pages = 2 * z->managed_pages, a;

	assert_int_equal(nb_mmap(d->p.t, 0, pages * PAGE, 3, NB_MAP_NORESERVE, &a), 0);
	for (uint64_t i = 0; i < pages && !d->woken; i++)
		assert_int_equal(pressbox_fill(&d->p, a + i * PAGE, 1), 1);
	assert_true(z->nr_free_pages < z->wmark[NB_WMARK_HIGH]);
}

/* Asleep until a request finds no zone above low; then a round, a nap, and sleep. */
static void test_one_round(void **state)
{
	struct nb_address_space *f;
	struct daemon d;
	struct nb_zone *z;
	uint64_t n, next, at = 0;

	(void)state;
	open_daemon(&d, "64M:1");
	assert_int_equal(steps(&d, 0), UINT64_MAX);
	assert_int_equal(nb_kswapd_step(d.p.sys, 7, &next, &n), -NB_ENODEV);
	assert_int_equal(nb_file_create(d.p.sys, "f", UINT64_C(128) << 20, &f), 0);
	for (; !d.woken && at < UINT64_C(128) << 20; at += 1 << 18)
		assert_int_equal(nb_file_read(d.p.t, f, at, NULL, 1 << 18, &n), 0);
	assert_int_equal(d.woken, 1);
	z = pressbox_zone(&d.p, 0);
	assert_true(z->nr_free_pages < z->wmark[NB_WMARK_HIGH]);
	/* once awake it is not woken again */
	for (unsigned i = 0; i < 4; i++, at += 1 << 14)
		assert_int_equal(nb_file_read(d.p.t, f, at, NULL, 1 << 14, &n), 0);
	assert_int_equal(d.woken, 1);
	next = steps(&d, 0);
	assert_int_equal(next, 100000000); /* HZ/10 */
	assert_true(z->nr_free_pages >= z->wmark[NB_WMARK_HIGH]);
	assert_int_equal(d.p.seen[NB_EV_MM_VMSCAN_KSWAPD_WAKE], 1);
	assert_int_equal(d.p.seen[NB_EV_MM_VMSCAN_KSWAPD_SLEEP], 0);
	nb_system_set_time_ns(d.p.sys, next);
	assert_int_equal(steps(&d, 0), UINT64_MAX);
	assert_int_equal(d.p.seen[NB_EV_MM_VMSCAN_KSWAPD_SLEEP], 1);
	assert_int_equal(nb_vm_event_sum(d.p.sys, NB_VM_PAGEOUTRUN), 1);
	nb_file_put(f);
	pressbox_close(&d.p);
}

/* Nothing to reclaim: 16 rounds, then the node is hopeless, until direct reclaim gets something. */
static void test_hopeless(void **state)
{
	struct nb_lru_info info;
	struct daemon d;

	(void)state;
	open_daemon(&d, "64M:1");
	fill_below_low(&d, 0);
	assert_int_equal(d.woken, 1);
	(void)steps(&d, 0);
	assert_int_equal(d.p.seen[NB_EV_MM_VMSCAN_KSWAPD_WAKE], 16);
	assert_int_equal(nb_vm_event_sum(d.p.sys, NB_VM_KSWAPD_HIGH_WMARK_HIT_QUICKLY), 15);
	assert_int_equal(nb_lru_info(d.p.sys, 0, NB_ZONE_DMA32, &info), 0);
	assert_int_equal(info.kswapd_failures, 16);
	/* hopeless: not woken any more */
	nb_wakeup_kswapd(pressbox_zone(&d.p, 0), NB_GFP_KERNEL, 0, NB_ZONE_MOVABLE, 0, NULL);
	assert_int_equal(d.woken, 1);
	pressbox_close(&d.p);
}

/* A boost is worked off without swapping, and taken back at the end. */
static void test_boost(void **state)
{
	struct nb_address_space *f;
	struct daemon d;
	struct nb_zone *z;
	uint64_t n;

	(void)state;
	open_daemon(&d, "64M:1");
	(void)pressbox_swapon(&d.p, 4096, -1, NB_SWAP_SYNCHRONOUS);
	assert_int_equal(nb_file_create(d.p.sys, "f", 4096 * PAGE, &f), 0);
	assert_int_equal(nb_file_read(d.p.t, f, 0, NULL, 4096 * PAGE, &n), 0);
	nb_lru_add_drain(d.p.sys, 0);
	z = pressbox_zone(&d.p, 0);
	z->watermark_boost = 512;
	nb_wakeup_kswapd(z, 0, 0, NB_ZONE_DMA32, 0, NULL);
	assert_int_equal(d.woken, 1);
	(void)steps(&d, 0);
	assert_int_equal(z->watermark_boost, 0);
	assert_true(nb_vm_event_sum(d.p.sys, NB_VM_PGSTEAL_KSWAPD) >= 32);
	assert_int_equal(nb_vm_event_sum(d.p.sys, NB_VM_PSWPOUT), 0);
	nb_file_put(f);
	pressbox_close(&d.p);
}

/* Counters of a zone with a drift mark may drift by other amounts while the daemon is up. */
static void test_thresholds(void **state)
{
	struct daemon d;
	struct nb_zone *z;
	uint64_t next, scanned;

	(void)state;
	open_daemon(&d, "64M:1");
	z = pressbox_zone(&d.p, 0);
	z->percpu_drift_mark = 1;
	z->stat_threshold = z->stat_threshold_normal = 9;
	z->stat_threshold_pressure = 4;
	z->watermark_boost = 512;
	nb_wakeup_kswapd(z, 0, 0, NB_ZONE_DMA32, 0, NULL);
	assert_int_equal(nb_kswapd_step(d.p.sys, 0, &next, &scanned), 0);
	assert_int_equal(z->stat_threshold, 4);
	nb_system_set_time_ns(d.p.sys, steps(&d, 0));
	assert_int_equal(z->stat_threshold, 4); /* a nap is no sleep */
	assert_int_equal(steps(&d, 0), UINT64_MAX);
	assert_int_equal(z->stat_threshold, 9);
	pressbox_close(&d.p);
}

/* With memory tiers a node is balanced once there is room for promotion, from 5.18 on. */
static void test_tiering(void **state)
{
	struct daemon d;
	const struct nb_zone *z;

	(void)state;
	open_daemon(&d, "64M:1");
	z = pressbox_zone(&d.p, 0);
	for (unsigned t = 0; t <= NB_ZONE_DMA32; t++)
		z->pgdat->zone[t].wmark[NB_WMARK_PROMO] = z->managed_pages;
	assert_true(nb_pgdat_balanced(z->pgdat, 0, NB_ZONE_DMA32));
	d.p.sys->tune.numa_balancing = 2;
	assert_false(nb_pgdat_balanced(z->pgdat, 0, NB_ZONE_DMA32));
	pressbox_close(&d.p);
}

/* Each node has its own; a node without memory has none. */
static void test_nodes(void **state)
{
	struct nb_nodemask m1 = sysbox_mask(2);
	struct daemon d;
	uint64_t next, scanned;

	(void)state;
	open_daemon(&d, "32M:1 32M:1 0:1");
	assert_int_equal(nb_kswapd_step(d.p.sys, 2, &next, &scanned), -NB_ENODEV);
	assert_int_equal(nb_set_mempolicy(d.p.t, NB_MPOL_BIND, &m1), 0);
	fill_below_low(&d, 1);
	assert_int_equal(d.woken, 1);
	assert_int_equal(d.nid, 1);
	assert_int_equal(nb_kswapd_step(d.p.sys, 0, &next, &scanned), 0);
	assert_int_equal(next, UINT64_MAX);
	pressbox_close(&d.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_round), cmocka_unit_test(test_hopeless),
		cmocka_unit_test(test_boost),     cmocka_unit_test(test_thresholds),
		cmocka_unit_test(test_tiering),   cmocka_unit_test(test_nodes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
