/* compaction.c -- fragmented memory becomes whole: for a request, by the daemon, on demand. */
#include "fragbox.h"

static void test_direct(void **state)
{
	static const char *const kernels[] = {"6.12", "6.1", "4.18"};

	(void)state;
	for (unsigned k = 0; k < 3; k++) {
		struct nb_alloc_request rq = {.gfp = NB_GFP_HIGHUSER_MOVABLE | NB_GFP_BIT_COMP,
					      .order = HUGE};
		struct fragbox b;
		unsigned got = 0;
		nb_pfn_t pfn[64];
		uint64_t rss;

		fragbox_open(&b, kernels[k], 2, false);
		rss = nb_task_rss_pages(b.t);
		while (fragbox_blocks(&b, HUGE)) /* what was never touched goes first */
			assert_true(nb_alloc_pages(b.box.sys, &rq) != NB_NO_PFN);
		assert_int_equal(fragbox_blocks(&b, HUGE), 0);
		for (; got < 64; got++) {
			pfn[got] = nb_alloc_pages(b.box.sys, &rq);
			if (pfn[got] == NB_NO_PFN)
				break;
			assert_int_equal(pfn[got] & ((1u << HUGE) - 1), 0);
		}
		/* half of the memory is free: many huge pages fit */
		assert_true(got > 32);
		assert_true(sysbox_event(b.box.sys, "compact_stall") >= 1);
		assert_true(sysbox_event(b.box.sys, "compact_success") >= 1);
		assert_true(sysbox_event(b.box.sys, "pgmigrate_success") >= 128);
		assert_true(sysbox_event(b.box.sys, "compact_migrate_scanned") > 0);
		assert_int_equal(nb_task_rss_pages(b.t), rss);
		fragbox_check(&b);
		for (unsigned i = 0; i < got; i++)
			assert_int_equal(nb_free_pages(b.box.sys, 0, pfn[i], HUGE), 0);
		fragbox_close(&b);
	}
}

/* A request that may not wait is not compacted for. */
static void test_not_for_all(void **state)
{
	struct nb_alloc_request rq = {.gfp = NB_GFP_BIT_NOWARN, .order = HUGE};
	struct fragbox b;

	(void)state;
	fragbox_open(&b, NULL, 2, false);
	while (nb_alloc_pages(b.box.sys, &rq) != NB_NO_PFN)
		;
	assert_int_equal(sysbox_event(b.box.sys, "compact_stall"), 0);
	assert_int_equal(sysbox_event(b.box.sys, "pgmigrate_success"), 0);
	fragbox_close(&b);
}

/* Pages that cannot be moved keep their pageblocks apart. */
static void test_pinned(void **state)
{
	struct nb_alloc_request one = {.gfp = NB_GFP_KERNEL},
				rq = {.gfp = NB_GFP_KERNEL | NB_GFP_BIT_NORETRY | NB_GFP_BIT_NOWARN,
				      .order = HUGE};
	struct nb_system_info info;
	static nb_pfn_t pfn[131072];
	struct sysbox box;
	struct nb_error err = {0};
	uint64_t n = 0;

	(void)state;
	sysbox_boot(&box, &(struct sysbox_spec){.nodes = "256M:1"});
	nb_system_info(box.sys, &info);
	while (n < info.free_pages - 2048 && (pfn[n] = nb_alloc_pages(box.sys, &one)) != NB_NO_PFN)
		n++;
	for (uint64_t i = 0; i < n; i += 2)
		assert_int_equal(nb_free_pages(box.sys, 0, pfn[i], 0), 0);
	while (nb_alloc_pages(box.sys, &rq) != NB_NO_PFN)
		;
	assert_int_equal(sysbox_event(box.sys, "pgmigrate_success"), 0);
	assert_int_equal(nb_system_check(box.sys, &err), 0);
	sysbox_end(&box);
}

static void test_on_demand(void **state)
{
	struct nb_error err = {0};
	struct fragbox b;
	uint64_t before;
	char text[16];
	int score;

	(void)state;
	fragbox_open(&b, NULL, 4, false);
	before = fragbox_blocks(&b, HUGE);
	score = nb_fragmentation_score(b.box.sys, 0);
	assert_true(score > 50);
	assert_int_equal(nb_sysctl_write(b.box.sys, "vm.compact_memory", "2", &err), -NB_EINVAL);
	memset(&err, 0, sizeof(err));
	assert_int_equal(nb_sysctl_write(b.box.sys, "vm.compact_memory", "1", &err), 0);
	assert_true(fragbox_blocks(&b, HUGE) > before + b.pages / 4 / 512 * 8 / 10);
	assert_true(nb_fragmentation_score(b.box.sys, 0) < score / 2);
	assert_true(nb_sysctl_read(b.box.sys, "vm.extfrag_threshold", text, sizeof(text)) > 0);
	assert_string_equal(text, "500");
	assert_int_equal(nb_compact_node(b.box.sys, 7, 0), -NB_ENODEV);
	fragbox_close(&b);
}

static void test_proactive(void **state)
{
	struct nb_error err = {0};
	uint64_t next, scanned, now = 0, moved;
	struct fragbox b;

	(void)state;
	fragbox_open(&b, NULL, 2, false);
	assert_int_equal(nb_kcompactd_start(b.box.sys, NULL, NULL), 0);
	assert_int_equal(nb_kcompactd_step(b.box.sys, 3, &next, &scanned), -NB_ENODEV);
	/* 20: works above a score of 90, until below 80 */
	assert_int_equal(nb_sysctl_write(b.box.sys, "vm.compaction_proactiveness", "60", &err), 0);
	assert_true(nb_fragmentation_score(b.box.sys, 0) > 50);
	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(nb_kcompactd_step(b.box.sys, 0, &next, &scanned), 0);
		assert_true(next > now && next <= now + UINT64_C(500000000));
		now = next;
		nb_system_set_time_ns(b.box.sys, now);
	}
	assert_true(nb_fragmentation_score(b.box.sys, 0) <= 50);
	moved = sysbox_event(b.box.sys, "pgmigrate_success");
	assert_true(moved > 0);
	/* and rests then */
	assert_int_equal(nb_kcompactd_step(b.box.sys, 0, &next, &scanned), 0);
	assert_int_equal(scanned, 0);
	assert_int_equal(sysbox_event(b.box.sys, "pgmigrate_success"), moved);
	assert_int_equal(nb_sysctl_write(b.box.sys, "vm.compaction_proactiveness", "0", &err), 0);
	assert_int_equal(nb_kcompactd_step(b.box.sys, 0, &next, &scanned), 0);
	assert_true(next == UINT64_MAX);
	fragbox_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_direct),    cmocka_unit_test(test_not_for_all),
		cmocka_unit_test(test_pinned),    cmocka_unit_test(test_on_demand),
		cmocka_unit_test(test_proactive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
