/* kcompactd.c -- tests of src/mm/kcompactd.c behind kswapd: who wakes it, and what its work is good
 * for; and ZONE_MOVABLE's promise, that what lies in it can be moved out of the way. */
#include "pressbox.h"

#include "fragbox.h"

#define CACHE 8192u

struct daemons {
	struct pressbox p;
	unsigned kswapd, kcompactd;
	struct nb_address_space *file;
	uint64_t addr, pages;
};

static void hear_kswapd(void *ctx, int nid)
{
	(void)nid;
	((struct daemons *)ctx)->kswapd++;
}

static void hear_kcompactd(void *ctx, int nid)
{
	(void)nid;
	((struct daemons *)ctx)->kcompactd++;
}

static void check(struct daemons *d)
{
	struct nb_error err = {0};

	if (nb_system_check(d->p.sys, &err))
		fail_msg("%s", err.text);
}

/* Memory belongs to a task, but for `spare` pages; between its first pages lie those of a file, of
 * the others every second is given back. No whole block is free, or comes free by reclaim. */
static void fragment(struct daemons *d, const char *nodes, uint64_t spare)
{
	const struct nb_alloc_request rq = {
		.gfp = NB_GFP_HIGHUSER_MOVABLE & ~(nb_gfp_t)NB_GFP_RECLAIM, .order = HUGE};
	struct nb_system_info info;
	uint64_t n;

	memset(d, 0, sizeof(*d));
	pressbox_open(&d->p, nodes, false);
	assert_int_equal(nb_file_create(d->p.sys, "f", CACHE * PAGE, &d->file), 0);
	assert_int_equal(nb_file_fadvise(d->p.t, d->file, 0, CACHE * PAGE, NB_FADV_RANDOM), 0);
	nb_system_info(d->p.sys, &info);
	d->pages = info.free_pages - CACHE - spare;
	d->addr = pressbox_map(&d->p, d->pages);
	for (uint64_t i = 0; i < CACHE; i++) {
		assert_int_equal(nb_file_read(d->p.t, d->file, i * PAGE, NULL, PAGE, &n), 0);
		assert_int_equal(pressbox_fill(&d->p, d->addr + i * PAGE, 1), 1);
	}
	(void)pressbox_fill(&d->p, d->addr, d->pages);
	assert_int_equal(nb_task_rss_pages(d->p.t), d->pages);
	for (uint64_t i = CACHE; i < d->pages; i += 2)
		assert_int_equal(nb_munmap(d->p.t, d->addr + i * PAGE, PAGE), 0);
	for (unsigned i = 0; i < 100; i++)
		nb_vmstat_update(d->p.sys, 0);
	while (nb_alloc_pages(d->p.sys, &rq) != NB_NO_PFN)
		;
	assert_int_equal(nb_kswapd_start(d->p.sys, hear_kswapd, d), 0);
	assert_int_equal(nb_kcompactd_start(d->p.sys, hear_kcompactd, d), 0);
	assert_int_equal(nb_sysctl_write(d->p.sys, "vm.compaction_proactiveness", "0", NULL), 0);
	memset(d->p.seen, 0, sizeof(d->p.seen));
	check(d);
}

/* Steps kswapd, over its naps, until it sleeps. */
static void run_kswapd(struct daemons *d)
{
	uint64_t next = d->p.sys->time_ns, scanned;

	for (unsigned i = 0; i < 1000 && next != UINT64_MAX; i++) {
		if (next > d->p.sys->time_ns)
			nb_system_set_time_ns(d->p.sys, next);
		assert_int_equal(nb_kswapd_step(d->p.sys, 0, &next, &scanned), 0);
	}
	assert_true(next == UINT64_MAX);
}

static void run_kcompactd(struct daemons *d, uint64_t *ret_scanned)
{
	uint64_t next;

	assert_int_equal(nb_kcompactd_step(d->p.sys, 0, &next, ret_scanned), 0);
	assert_true(next == UINT64_MAX);
}

/* A request that may not wait, of a high order: enough is free, nothing is whole. It fails and
 * wakes a daemon; kswapd reclaims twice the block and leaves the rest to kcompactd; the next such
 * request gets its block without compacting itself. */
static void test_handed_over(void **state)
{
	const struct nb_alloc_request rq = {.gfp = NB_GFP_BIT_KSWAPD_RECLAIM | NB_GFP_BIT_NOWARN |
						   NB_GFP_BIT_MOVABLE | NB_GFP_BIT_HIGHMEM,
					    .order = HUGE};
	struct daemons d;
	uint64_t scanned;
	nb_pfn_t pfn;

	(void)state;
	fragment(&d, "256M:1", 3072);
	assert_true(nb_alloc_pages(d.p.sys, &rq) == NB_NO_PFN);
	assert_int_equal(d.kswapd, 1);
	assert_int_equal(d.kcompactd, 0);
	assert_int_equal(d.p.last[NB_EV_MM_VMSCAN_WAKEUP_KSWAPD].field[2], HUGE);
	run_kswapd(&d);
	assert_int_equal(d.p.seen[NB_EV_MM_VMSCAN_KSWAPD_SLEEP], 1);
	assert_true(nb_vm_event_sum(d.p.sys, NB_VM_PGSTEAL_KSWAPD) >= 2u << HUGE);
	assert_int_equal(d.kcompactd, 1);
	assert_int_equal(d.p.seen[NB_EV_MM_COMPACTION_WAKEUP_KCOMPACTD], 1);
	assert_int_equal(d.p.last[NB_EV_MM_COMPACTION_WAKEUP_KCOMPACTD].field[1], HUGE);
	assert_int_equal(d.p.seen[NB_EV_MM_COMPACTION_BEGIN], 0); /* nothing is moved yet */

	run_kcompactd(&d, &scanned);
	assert_true(scanned > 0);
	assert_int_equal(d.p.seen[NB_EV_MM_COMPACTION_KCOMPACTD_WAKE], 1);
	assert_int_equal(d.p.seen[NB_EV_MM_COMPACTION_BEGIN], d.p.seen[NB_EV_MM_COMPACTION_END]);
	assert_int_equal(d.p.last[NB_EV_MM_COMPACTION_END].field[5], NB_COMPACT_SUCCESS);
	assert_true(d.p.seen[NB_EV_MM_COMPACTION_ISOLATE_MIGRATEPAGES] > 0);
	assert_true(d.p.seen[NB_EV_MM_COMPACTION_FAST_ISOLATE_FREEPAGES] > 0);
	assert_true(d.p.seen[NB_EV_MM_COMPACTION_MIGRATEPAGES] > 0);
	assert_int_equal(d.p.seen[NB_EV_MM_COMPACTION_KCOMPACTD_SLEEP], 1);
	assert_int_equal(nb_vm_event_sum(d.p.sys, NB_VM_KCOMPACTD_WAKE), 1);
	assert_true(nb_vm_event_sum(d.p.sys, NB_VM_KCOMPACTD_MIGRATE_SCANNED) > 0);
	pfn = nb_alloc_pages(d.p.sys, &rq);
	assert_true(pfn != NB_NO_PFN);
	assert_int_equal(nb_vm_event_sum(d.p.sys, NB_VM_COMPACT_STALL), 0);
	check(&d);
	/* asked for nothing, it does nothing */
	run_kcompactd(&d, &scanned);
	assert_int_equal(scanned, 0);
	assert_int_equal(nb_free_pages(d.p.sys, 0, pfn, HUGE), 0);
	nb_file_put(d.file);
	pressbox_close(&d.p);
}

/* What cannot be moved: runs find nothing, and are put off for longer each time. */
static void test_deferred(void **state)
{
	const struct nb_alloc_request one = {.gfp = NB_GFP_KERNEL},
				      rq = {.gfp = NB_GFP_BIT_KSWAPD_RECLAIM | NB_GFP_BIT_NOWARN,
					    .order = HUGE};
	struct nb_system_info info;
	static nb_pfn_t pfn[32768];
	uint64_t n = 0, scanned;
	struct daemons d;

	(void)state;
	memset(&d, 0, sizeof(d));
	pressbox_open(&d.p, "128M:1", false);
	nb_system_info(d.p.sys, &info);
	while (n < info.free_pages - 1024 && (pfn[n] = nb_alloc_pages(d.p.sys, &one)) != NB_NO_PFN)
		n++;
	for (uint64_t i = 0; i < n; i += 2)
		assert_int_equal(nb_free_pages(d.p.sys, 0, pfn[i], 0), 0);
	while (nb_alloc_pages(d.p.sys, &rq) != NB_NO_PFN)
		;
	assert_int_equal(nb_kswapd_start(d.p.sys, hear_kswapd, &d), 0);
	assert_int_equal(nb_kcompactd_start(d.p.sys, hear_kcompactd, &d), 0);
	assert_int_equal(nb_sysctl_write(d.p.sys, "vm.compaction_proactiveness", "0", NULL), 0);
	memset(d.p.seen, 0, sizeof(d.p.seen));
	/* 16 rounds without a page, and kswapd is left alone: requests wake kcompactd themselves */
	for (unsigned i = 0; i < 16 + 24; i++) {
		assert_true(nb_alloc_pages(d.p.sys, &rq) == NB_NO_PFN);
		run_kswapd(&d);
		run_kcompactd(&d, &scanned);
	}
	/* in each of two zones it works at the 1st question, then at the 2nd, 4th, 8th after that
	 */
	assert_int_equal(d.kcompactd, 24);
	assert_int_equal(d.p.seen[NB_EV_MM_COMPACTION_END], 2 * 4);
	assert_int_equal(d.p.seen[NB_EV_MM_COMPACTION_DEFER_COMPACTION], 2 * 4);
	assert_int_equal(d.p.seen[NB_EV_MM_COMPACTION_DEFERRED], 2 * 20);
	assert_int_equal(d.p.last[NB_EV_MM_COMPACTION_DEFERRED].field[4], 4);
	assert_int_equal(nb_vm_event_sum(d.p.sys, NB_VM_PGMIGRATE_SUCCESS), 0);
	for (uint64_t i = 1; i < n; i += 2)
		assert_int_equal(nb_free_pages(d.p.sys, 0, pfn[i], 0), 0);
	check(&d);
	pressbox_close(&d.p);
}

static uint64_t in_blocks(const struct nb_zone *z)
{
	uint64_t pages = 0;

	for (unsigned o = HUGE; o <= z->sys->max_order; o++)
		pages += nb_zone_nr_free(z, o) << o;
	return pages;
}

/* The kernel's own pages never lie in ZONE_MOVABLE, however short memory is; so all that is free
 * there can be made whole, as huge pages and the removal of memory need it. */
static void test_movable_zone(void **state)
{
	const struct nb_alloc_request one = {.gfp = NB_GFP_KERNEL | NB_GFP_BIT_NORETRY |
						    NB_GFP_BIT_NOWARN};
	static nb_pfn_t pfn[32768];
	struct nb_zone *z, *movable;
	struct daemons d;
	uint64_t n = 0;

	(void)state;
	memset(&d, 0, sizeof(d));
	sysbox_boot(&d.p.box,
		    &(struct sysbox_spec){.nodes = "192M:1", .cmdline = "movablecore=128M"});
	d.p.sys = d.p.box.sys;
	assert_int_equal(nb_task_create(d.p.sys, 0, "test", &d.p.t), 0);
	movable = &nb_node_data(d.p.sys, 0)->zone[NB_ZONE_MOVABLE];
	assert_true(movable->managed_pages > 30000);
	while (n < 32768 && (pfn[n] = nb_alloc_pages(d.p.sys, &one)) != NB_NO_PFN) {
		(void)nb_pfn_to_page(d.p.sys, pfn[n++], &z);
		assert_ptr_not_equal(z, movable);
	}
	assert_true(n > 8192 && n < 32768); /* it failed, with half of memory free */
	assert_true(movable->nr_free_pages > 30000);
	for (unsigned i = 0; i < 2048; i++) /* page tables are the kernel's */
		assert_int_equal(nb_free_pages(d.p.sys, 0, pfn[--n], 0), 0);

	d.pages = movable->managed_pages - 4096;
	d.addr = pressbox_map(&d.p, d.pages);
	assert_int_equal(pressbox_fill(&d.p, d.addr, d.pages), d.pages);
	for (uint64_t i = 0; i < d.pages; i += 2)
		assert_int_equal(nb_munmap(d.p.t, d.addr + i * PAGE, PAGE), 0);
	nb_drain_pages(d.p.sys, -1);
	assert_true(in_blocks(movable) < movable->nr_free_pages / 2);
	assert_int_equal(nb_compact_node(d.p.sys, 0, 0), 0);
	nb_drain_pages(d.p.sys, -1);
	assert_int_equal(nb_task_rss_pages(d.p.t), d.pages / 2);
	assert_true(in_blocks(movable) > movable->nr_free_pages * 95 / 100);
	check(&d);
	for (uint64_t i = 0; i < n; i++)
		assert_int_equal(nb_free_pages(d.p.sys, 0, pfn[i], 0), 0);
	pressbox_close(&d.p);
}

/* Fragmented by what cannot be moved: kcompactd looks, works in vain, and sleeps 64 times as long;
 * a write of its sysctl lets it look at once (since 5.15). */
static void test_backs_off(void **state)
{
	static const char *const kernels[] = {"6.12", "5.10"};
	const uint64_t look_ns = UINT64_C(500000000);

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		const struct nb_alloc_request one = {.gfp = NB_GFP_KERNEL};
		static nb_pfn_t pfn[65536];
		uint64_t next, scanned, n = 0;
		struct fragbox b;

		fragbox_open(&b, kernels[i], 2, true);
		nb_task_exit(b.t);
		while (n < 65536 && (pfn[n] = nb_alloc_pages(b.box.sys, &one)) != NB_NO_PFN)
			n++;
		for (uint64_t k = 0; k < n; k += 2)
			assert_int_equal(nb_free_pages(b.box.sys, 0, pfn[k], 0), 0);
		nb_drain_pages(b.box.sys, -1);
		assert_true(nb_fragmentation_score(b.box.sys, 0) > 90);
		b.zone->pgdat->kswapd_awake = false; /* nobody drives it */
		assert_int_equal(nb_kcompactd_start(b.box.sys, NULL, NULL), 0);
		nb_system_set_time_ns(b.box.sys, look_ns);
		assert_int_equal(nb_kcompactd_step(b.box.sys, 0, &next, &scanned), 0);
		assert_true(scanned > 0);
		assert_int_equal(next, look_ns + 64 * look_ns);
		nb_system_set_time_ns(b.box.sys, 4 * look_ns);
		assert_int_equal(nb_kcompactd_step(b.box.sys, 0, &next, &scanned), 0);
		assert_int_equal(scanned, 0);
		memset(b.seen, 0, sizeof(b.seen));
		assert_int_equal(
			nb_sysctl_write(b.box.sys, "vm.compaction_proactiveness", "30", NULL), 0);
		assert_int_equal(b.seen[NB_EV_MM_COMPACTION_WAKEUP_KCOMPACTD], i == 0);
		assert_int_equal(nb_kcompactd_step(b.box.sys, 0, &next, &scanned), 0);
		assert_int_equal(scanned > 0, i == 0);
		if (i == 0)
			assert_int_equal(b.last[NB_EV_MM_COMPACTION_WAKEUP_KCOMPACTD].field[1],
					 (uint64_t)-1);
		for (uint64_t k = 1; k < n; k += 2)
			assert_int_equal(nb_free_pages(b.box.sys, 0, pfn[k], 0), 0);
		nb_task_put(b.t);
		sysbox_end(&b.box);
	}
}

/* What it does on its own account ends when kswapd runs. */
static void test_gives_way(void **state)
{
	struct nb_compact_control cc;
	struct fragbox b;

	(void)state;
	fragbox_open(&b, NULL, 2, true);
	fragbox_take_whole(&b);
	cc = fragbox_run(&b);
	cc.direct = false;
	cc.proactive = cc.whole_zone = cc.ignore_skip_hint = true;
	cc.order = -1;
	cc.mode = NB_MIGRATE_SYNC_LIGHT;
	b.zone->pgdat->kswapd_awake = true;
	assert_int_equal(nb_compact_zone(&cc), NB_COMPACT_PARTIAL_SKIPPED);
	assert_int_equal(b.seen[NB_EV_MM_COMPACTION_MIGRATEPAGES], 0);
	b.zone->pgdat->kswapd_awake = false;
	assert_int_equal(nb_compact_zone(&cc), NB_COMPACT_SUCCESS);
	assert_true(b.seen[NB_EV_MM_COMPACTION_MIGRATEPAGES] > 0);
	fragbox_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_backs_off),    cmocka_unit_test(test_gives_way),
		cmocka_unit_test(test_handed_over),  cmocka_unit_test(test_deferred),
		cmocka_unit_test(test_movable_zone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
