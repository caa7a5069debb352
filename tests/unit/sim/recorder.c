/* recorder.c -- tests of src/sim/{recorder,trace}.c: counts, and lines in the kernel's form. */
#include "simtest.h"

#include "sim/recorder.h"

static void send(struct nb_recorder *r, enum nb_event_kind kind, int pid, uint64_t time_ns,
		 const uint64_t *fields, unsigned n)
{
	struct nb_sink sink = nb_recorder_sink(r);
	struct nb_event ev = {.kind = kind, .cpu = 3, .pid = pid, .time_ns = time_ns};

	for (unsigned i = 0; i < n; i++)
		ev.field[i] = fields[i];
	sink.event(sink.ctx, &ev);
}

static void counting(void **state)
{
	struct nb_recorder r;

	(void)state;
	nb_recorder_init(&r);
	for (uint64_t i = 0; i < NB_RECORDER_KEEP + 10; i++)
		send(&r, NB_EV_MM_PAGE_FREE, 0, i, (uint64_t[]){i, 0}, 2);
	send(&r, NB_EV_MM_VMSCAN_KSWAPD_SLEEP, 7, 5, (uint64_t[]){1}, 1);
	assert_int_equal(r.log[NB_EV_MM_PAGE_FREE].n, NB_RECORDER_KEEP); /* the first ones */
	assert_int_equal(r.log[NB_EV_MM_PAGE_FREE].ev[NB_RECORDER_KEEP - 1].field[0],
			 NB_RECORDER_KEEP - 1);
	assert_int_equal(r.log[NB_EV_MM_VMSCAN_KSWAPD_SLEEP].ev[0].pid, 7);
	nb_recorder_release(&r);
}

static void names(void **state)
{
	struct nb_recorder r;

	(void)state;
	nb_recorder_init(&r);
	nb_recorder_task(&r, 1000, "a-very-long-name-of-a-task");
	assert_string_equal(nb_recorder_comm(&r, 1000), "a-very-long-nam");
	assert_string_equal(nb_recorder_comm(&r, 1001), "<...>");
	assert_string_equal(nb_recorder_comm(&r, 999999), "<...>");
	assert_string_equal(nb_recorder_comm(&r, 0), "<idle>");
	assert_string_equal(nb_recorder_comm(&r, -1), "<...>");
	nb_recorder_release(&r);
}

/* The print formats of 6.12, as real traces show them. */
static void fields(void **state)
{
	const struct nb_trace_env env = {
		.profile = nb_kernel_at(0), .page_shift = 12, .comm = "work"};
	static const struct {
		enum nb_event_kind kind;
		uint64_t f[NB_EVENT_MAX_FIELDS];
		const char *want;
	} cases[] = {
		{NB_EV_MM_PAGE_ALLOC,
		 {0x1234, 0, NB_GFP_KERNEL, 1},
		 "page=ffffea0000048d00 pfn=0x1234 order=0 migratetype=1 gfp_flags=GFP_KERNEL"},
		{NB_EV_MM_PAGE_ALLOC,
		 {0x1000, 2, 0, 0},
		 "page=ffffea0000040000 pfn=0x1000 order=2 migratetype=0 gfp_flags=none"},
		{NB_EV_MM_PAGE_FREE, {0x10934, 1}, "page=ffffea0000424d00 pfn=0x10934 order=1"},
		{NB_EV_MM_PAGE_FREE_BATCHED, {0x10}, "page=ffffea0000000400 pfn=0x10 order=0"},
		{NB_EV_MM_PAGE_ALLOC_ZONE_LOCKED,
		 {0x4d6c, 1, 0, 1},
		 "page=ffffea0000135b00 pfn=0x4d6c order=1 migratetype=0 percpu_refill=1"},
		{NB_EV_MM_PAGE_PCPU_DRAIN,
		 {0x17f9b, 0, 1},
		 "page=ffffea00005fe6c0 pfn=0x17f9b order=0 migratetype=1"},
		{NB_EV_MM_PAGE_ALLOC_EXTFRAG,
		 {0x6000, 0, 10, 9, 0, 1, 0, 1},
		 "page=ffffea0000180000 pfn=0x6000 alloc_order=0 fallback_order=10 "
		 "pageblock_order=9 alloc_migratetype=0 fallback_migratetype=1 fragmenting=0 "
		 "change_ownership=1"},
		{NB_EV_MM_VMSCAN_WAKEUP_KSWAPD,
		 {0, 2, 9, NB_GFP_KERNEL},
		 "nid=0 order=9 gfp_flags=GFP_KERNEL"},
		{NB_EV_MM_VMSCAN_KSWAPD_WAKE, {1, 2, 9}, "nid=1 order=9"},
		{NB_EV_MM_VMSCAN_KSWAPD_SLEEP, {1}, "nid=1"},
		{NB_EV_MM_VMSCAN_DIRECT_RECLAIM_BEGIN,
		 {0, NB_GFP_KERNEL},
		 "order=0 gfp_flags=GFP_KERNEL"},
		{NB_EV_MM_VMSCAN_DIRECT_RECLAIM_END, {56}, "nr_reclaimed=56"},
		{NB_EV_MM_COMPACTION_TRY_TO_COMPACT,
		 {9, NB_GFP_KERNEL, 2},
		 "order=9 gfp_mask=GFP_KERNEL priority=2"},
		{NB_EV_PAGE_FAULT_USER,
		 {0x5eaeb0, 0x42ec4f, 7},
		 "address=0x5eaeb0 ip=0x42ec4f error_code=0x7"},
		{NB_EV_MM_MIGRATE_PAGES,
		 {1, 0, 0, 0, 0, 0, 0, 5},
		 "nr_succeeded=1 nr_failed=0 nr_thp_succeeded=0 nr_thp_failed=0 nr_thp_split=0 "
		 "nr_split=0 mode=MIGRATE_ASYNC reason=numa_misplaced"},
		{NB_EV_OOM_KILL,
		 {172, 172, 718040, 368896, 0, 652, 0, 760, 0},
		 "pid=172 comm=work total-vm=718040kB anon-rss=368896kB file-rss:0kB "
		 "shmem-rss:652kB uid=0 pgtables=760kB oom_score_adj=0"},
		{NB_EV_OOM_SCORE_ADJ_UPDATE,
		 {172, 172, (uint64_t)-1000},
		 "pid=172 comm=work oom_score_adj=-1000"},
		{NB_EV_MM_MIGRATE_PAGES_START,
		 {2, 3},
		 "mode=MIGRATE_SYNC reason=syscall_or_cpuset"},
		{NB_EV_MM_FILEMAP_ADD_TO_PAGE_CACHE,
		 {0x68fd, 0xfe00000, 1, 3, 0},
		 "dev 0:3 ino fe00000 pfn=0x68fd ofs=4096 order=0"},
		{NB_EV_MM_FILEMAP_GET_PAGES,
		 {17, NB_FILE_DEV, 1, 3},
		 "dev=254:0 ino=11 ofs=4096-16383"},
		{NB_EV_MM_FILEMAP_FAULT, {17, NB_FILE_DEV, 2}, "dev=254:0 ino=11 ofs=8192"},
		{NB_EV_WRITEBACK_DIRTY_FOLIO, {NB_FILE_DEV, 17, 2}, "bdi 254:0: ino=17 index=2"},
		{NB_EV_WRITEBACK_MARK_INODE_DIRTY,
		 {NB_FILE_DEV, 17, 0, NB_INODE_DIRTY_PAGES},
		 "bdi 254:0: ino=17 state= flags=I_DIRTY_PAGES"},
		{NB_EV_SB_MARK_INODE_WRITEBACK,
		 {NB_FILE_DEV, 17, NB_INODE_DIRTY_PAGES, 0100644, 4294892296},
		 "dev 254,0 ino 17 dirtied 4294892296 state I_DIRTY_PAGES mode 0100644"},
		{NB_EV_WRITEBACK_START,
		 {NB_FILE_DEV, 100, 0, 0, 1, 1, 0, NB_WB_REASON_PERIODIC, 1},
		 "bdi 254:0: sb_dev 0:0 nr_pages=100 sync_mode=0 kupdate=1 range_cyclic=1 "
		 "background=0 reason=periodic cgroup_ino=1"},
		{NB_EV_WRITEBACK_SINGLE_INODE,
		 {NB_FILE_DEV, 17, NB_INODE_DIRTY_PAGES | NB_INODE_SYNC, 4294892296, 5, 256, 7, 1},
		 "bdi 254:0: ino=17 state=I_DIRTY_PAGES|I_SYNC dirtied_when=4294892296 age=0 "
		 "index=5 to_write=256 wrote=7 cgroup_ino=1"},
		{NB_EV_BALANCE_DIRTY_PAGES,
		 {NB_FILE_DEV, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, (uint64_t)-1, 12, 13, 1},
		 "bdi 254:0: limit=1 setpoint=2 dirty=3 bdi_setpoint=4 bdi_dirty=5 "
		 "dirty_ratelimit=6 task_ratelimit=7 dirtied=8 dirtied_pause=9 paused=10 "
		 "pause=-1 period=12 think=13 cgroup_ino=1"},
		{NB_EV_MM_COLLAPSE_HUGE_PAGE,
		 {1, 1},
		 "mm=0000000000000000, isolated=1, status=succeeded"},
		{NB_EV_MM_LRU_INSERTION,
		 {0x10, 2, 0x25},
		 "folio=ffffea0000000400 pfn=0x10 lru=2 flags=Mf  d "},
		{NB_EV_MM_LRU_ACTIVATE, {0x10}, "folio=ffffea0000000400 pfn=0x10"},
		{NB_EV_MM_VMSCAN_LRU_ISOLATE,
		 {NB_ZONE_MOVABLE, 0, 32, 33, 1, 32, 2},
		 "classzone=3 order=0 nr_requested=32 nr_scanned=33 nr_skipped=1 nr_taken=32 "
		 "lru=inactive_file"},
		{NB_EV_MM_VMSCAN_LRU_SHRINK_INACTIVE,
		 {1, 32, 30, 1, 2, 3, 4, 5, 6, 7, 8, 12, 0xa},
		 "nid=1 nr_scanned=32 nr_reclaimed=30 nr_dirty=1 nr_writeback=2 nr_congested=3 "
		 "nr_immediate=4 nr_activate_anon=5 nr_activate_file=6 nr_ref_keep=7 "
		 "nr_unmap_fail=8 priority=12 flags=RECLAIM_WB_FILE|RECLAIM_WB_ASYNC"},
		{NB_EV_MM_VMSCAN_LRU_SHRINK_ACTIVE,
		 {0, 32, 1, 31, 2, 11, 0x9},
		 "nid=0 nr_taken=32 nr_active=1 nr_deactivated=31 nr_referenced=2 priority=11 "
		 "flags=RECLAIM_WB_ANON|RECLAIM_WB_ASYNC"},
		{NB_EV_MM_VMSCAN_WRITE_FOLIO,
		 {0x10, 0x9},
		 "page=ffffea0000000400 pfn=0x10 flags=RECLAIM_WB_ANON|RECLAIM_WB_ASYNC"},
		{NB_EV_RECLAIM_RETRY_ZONE,
		 {0, 1, 0, 5, 9, 11, 3, 0},
		 "node=0 zone=DMA32    order=0 reclaimable=5 available=9 min_wmark=11 "
		 "no_progress_loops=3 wmark_check=0"},
		{NB_EV_COMPACT_RETRY,
		 {9, 2, 2, 0, 16, 1},
		 "order=9 priority=COMPACT_PRIO_ASYNC compaction_result=withdrawn retries=0 "
		 "max_retries=16 should_retry=1"},
		{NB_EV_MM_COMPACTION_BEGIN,
		 {0x1000, 0x1000, 0x17e00, 0x17fdc, 1},
		 "zone_start=0x1000 migrate_pfn=0x1000 free_pfn=0x17e00 zone_end=0x17fdc, "
		 "mode=sync"},
		{NB_EV_MM_COMPACTION_END,
		 {0x1, 0x1, 0xe00, 0x1000, 0, 8},
		 "zone_start=0x1 migrate_pfn=0x1 free_pfn=0xe00 zone_end=0x1000, mode=async "
		 "status=success"},
		{NB_EV_MM_COMPACTION_FINISHED,
		 {0, 1, 9, 3},
		 "node=0 zone=DMA32    order=9 ret=no_suitable_page"},
		{NB_EV_MM_COMPACTION_ISOLATE_MIGRATEPAGES,
		 {0x7200, 0x7333, 307, 32},
		 "range=(0x7200 ~ 0x7333) nr_scanned=307 nr_taken=32"},
		{NB_EV_MM_COMPACTION_MIGRATEPAGES, {0, 32}, "nr_migrated=0 nr_failed=32"},
		{NB_EV_MM_COMPACTION_DEFER_COMPACTION,
		 {0, 1, 9, 0, 1, 0},
		 "node=0 zone=DMA32    order=9 order_failed=0 consider=0 limit=2"},
		{NB_EV_MM_COMPACTION_WAKEUP_KCOMPACTD,
		 {0, 9, NB_ZONE_MOVABLE},
		 "nid=0 order=9 classzone_idx=Movable "},
		{NB_EV_MM_COMPACTION_KCOMPACTD_SLEEP, {0}, "nid=0"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct nb_event ev = {.kind = cases[i].kind};
		char text[512];

		memcpy(ev.field, cases[i].f, sizeof(ev.field));
		nb_trace_fields(text, sizeof(text), &ev, &env);
		assert_string_equal(text, cases[i].want);
	}
}

static void file(void **state)
{
	char *name = simtest_file(""), line[512];
	struct nb_recorder r;
	struct nb_error err = {0};
	unsigned n = 0;
	FILE *f;

	(void)state;
	nb_recorder_init(&r);
	nb_recorder_task(&r, 148, "busybox");
	assert_int_equal(nb_recorder_trace(&r, name, nb_kernel_at(0), 2, 12, &err), 0);
	send(&r, NB_EV_MM_PAGE_FREE, 148, 27741464000, (uint64_t[]){0x22ea, 1}, 2);
	send(&r, NB_EV_MM_PAGE_PCPU_DRAIN, 0, 27741465999, (uint64_t[]){0x22ea, 1, 0}, 3);
	assert_int_equal(nb_recorder_trace_end(&r, &err), 0);
	f = fopen(name, "r");
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		n++;
		if (n == 1)
			assert_string_equal(line, "# tracer: nop");
		if (n == 3)
			assert_int_equal(
				strncmp(line, "# entries-in-buffer/entries-written: 2/2 ", 41), 0);
		if (n == 13)
			assert_string_equal(line,
					    "         busybox-148     [003] .....    27.741464: "
					    "mm_page_free: page=ffffea000008ba80 "
					    "pfn=0x22ea order=1");
		if (n == 14)
			assert_string_equal(line,
					    "          <idle>-0       [003] d..3.    27.741465: "
					    "mm_page_pcpu_drain: page=ffffea000008ba80 "
					    "pfn=0x22ea order=1 migratetype=0");
	}
	assert_int_equal(n, 14);
	fclose(f);
	unlink(name);
	free(name);
	assert_int_equal(nb_recorder_trace(&r, "/nowhere/at/all", nb_kernel_at(0), 2, 12, &err),
			 -NB_ENOENT);
	assert_string_equal(err.file, "/nowhere/at/all");
	nb_recorder_release(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counting),
		cmocka_unit_test(names),
		cmocka_unit_test(fields),
		cmocka_unit_test(file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
