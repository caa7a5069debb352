/* compaction_run.c -- tests of one run: where its scanners go, what is remembered, what is caught.
 * Also of compaction_fast.c, compaction_free.c, compaction_skip.c, and of suitability's events. */
#include "fragbox.h"

static const struct nb_alloc_request huge = {
	.gfp = NB_GFP_HIGHUSER_MOVABLE | NB_GFP_BIT_COMP | NB_GFP_BIT_NOWARN, .order = HUGE};

static uint32_t dense_of(const struct fragbox *b, nb_pfn_t pfn)
{
	struct nb_zone *z = NULL;
	struct nb_page *page = nb_pfn_to_page(b->box.sys, pfn, &z);

	assert_non_null(page);
	return nb_page_dense(z->mem_map, page);
}

/* The block that a run makes for its request never comes to a free list: since 5.1. */
static void test_captured(void **state)
{
	static const struct {
		const char *kernel;
		bool captured;
	} cases[] = {{"6.12", true}, {"6.1", true}, {"4.18", false}};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct fragbox b;
		nb_pfn_t pfn;

		fragbox_open(&b, cases[i].kernel, 2, true);
		fragbox_take_whole(&b);
		pfn = nb_alloc_pages(b.box.sys, &huge);
		assert_true(pfn != NB_NO_PFN);
		assert_int_equal(b.seen[NB_EV_MM_COMPACTION_END], 1);
		assert_int_equal(b.last[NB_EV_MM_COMPACTION_END].field[5], NB_COMPACT_SUCCESS);
		/* a refill for the page would have been told last of all */
		assert_int_equal(b.last[NB_EV_MM_PAGE_ALLOC_ZONE_LOCKED].field[0] == pfn,
				 !cases[i].captured);
		assert_int_equal(b.zone->capture_at, 0);
		fragbox_check(&b);
		assert_int_equal(nb_free_pages(b.box.sys, 0, pfn, HUGE), 0);
		fragbox_close(&b);
	}
}

/* 32 pages of a pageblock, then all the rest of it; what was seen whole is not begun with again,
 * and the pageblock behind it neither. */
static void test_whole_pageblocks(void **state)
{
	struct fragbox b;
	nb_pfn_t pfn, at;

	(void)state;
	fragbox_open(&b, NULL, 4, true);
	fragbox_take_whole(&b);
	pfn = nb_alloc_pages(b.box.sys, &huge);
	assert_true(pfn != NB_NO_PFN);
	/* every fourth is free: 32 pages lie in 43, the others of the pageblock come at once */
	assert_true(b.seen[NB_EV_MM_COMPACTION_ISOLATE_MIGRATEPAGES] >= 2);
	assert_true(b.seen[NB_EV_MM_COMPACTION_ISOLATE_MIGRATEPAGES] <= 4);
	assert_true(b.seen[NB_EV_MM_COMPACTION_FAST_ISOLATE_FREEPAGES] > 0);
	at = b.zone->compact->cached_migrate_pfn[0];
	assert_int_equal(at & (HUGE_PAGES - 1), 0);
	assert_true(nb_pageblock_skip(b.zone, b.zone->compact, dense_of(&b, pfn)));
	memset(b.seen, 0, sizeof(b.seen));
	assert_true(nb_alloc_pages(b.box.sys, &huge) != NB_NO_PFN);
	if (b.seen[NB_EV_MM_COMPACTION_BEGIN])
		assert_int_equal(b.last[NB_EV_MM_COMPACTION_BEGIN].field[1], at);
	fragbox_close(&b);
}

static void test_cached_migrate(void **state)
{
	static const struct {
		const char *kernel;
		unsigned passed; /* pageblocks behind */
	} cases[] = {{"6.12", 1}, {"4.18", 0}};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct nb_compact_control cc;
		struct fragbox b;
		nb_pfn_t at;

		fragbox_open(&b, cases[i].kernel, 2, false);
		cc = fragbox_run(&b);
		nb_reset_cached_positions(b.zone, cc.state);
		at = b.zone->zone_start_pfn + 4 * HUGE_PAGES;
		nb_update_cached_migrate(&cc, at);
		assert_int_equal(cc.state->cached_migrate_pfn[0],
				 at + cases[i].passed * HUGE_PAGES);
		assert_int_equal(cc.state->cached_migrate_pfn[1], b.zone->zone_start_pfn);
		cc.mode = NB_MIGRATE_SYNC_LIGHT;
		nb_update_cached_migrate(&cc, at);
		assert_int_equal(cc.state->cached_migrate_pfn[1],
				 at + cases[i].passed * HUGE_PAGES);
		/* never back */
		nb_update_cached_migrate(&cc, at - HUGE_PAGES);
		assert_int_equal(cc.state->cached_migrate_pfn[0],
				 at + cases[i].passed * HUGE_PAGES);
		fragbox_close(&b);
	}
}

/* Hopeless pageblocks are forgotten only once a request's run has met its end, and only those in
 * which a sample shows something. */
static void test_reset(void **state)
{
	struct nb_compact_control cc;
	struct fragbox b;
	uint64_t first, last;
	nb_pfn_t used;

	(void)state;
	/* every third, so that samples of every eighth page show both kinds */
	fragbox_open(&b, NULL, 3, false);
	used = nb_alloc_pages(b.box.sys, &huge); /* a huge page is good for nothing */
	assert_true(used != NB_NO_PFN);
	cc = fragbox_run(&b);
	first = b.zone->zone_start_pfn;
	last = nb_block_start(nb_zone_end_pfn(b.zone) - 1, HUGE);
	for (nb_pfn_t pfn = first; pfn < last; pfn += HUGE_PAGES)
		nb_set_pageblock_skip(b.zone, cc.state, dense_of(&b, pfn));
	nb_reset_isolation_suitable(b.zone, cc.state);
	assert_true(nb_pageblock_skip(b.zone, cc.state, dense_of(&b, first + 8 * HUGE_PAGES)));
	cc.state->blockskip_flush = true;
	nb_reset_isolation_suitable(b.zone, cc.state);
	assert_false(cc.state->blockskip_flush);
	assert_false(nb_pageblock_skip(b.zone, cc.state, dense_of(&b, first + 8 * HUGE_PAGES)));
	assert_true(nb_pageblock_skip(b.zone, cc.state, dense_of(&b, used)));
	assert_int_equal(cc.state->cached_migrate_pfn[0], cc.state->init_migrate_pfn);
	assert_int_equal(cc.state->cached_free_pfn, cc.state->init_free_pfn);
	assert_true(cc.state->cached_migrate_pfn[0] < cc.state->cached_free_pfn);
	assert_int_equal(nb_free_pages(b.box.sys, 0, used, HUGE), 0);
	fragbox_close(&b);
}

/* A free block near the top is found in the lists; the entries that were looked at come last. */
static void test_fast_target(void **state)
{
	struct nb_compact_control cc;
	nb_pfn_t low, high;
	struct fragbox b;
	uint64_t free;

	(void)state;
	fragbox_open(&b, NULL, 2, true);
	fragbox_take_whole(&b);
	cc = fragbox_run(&b);
	cc.nr_migrate = 1;
	free = nb_zone_free_pages(b.zone);
	low = nb_block_start(cc.free_pfn - ((cc.free_pfn - cc.migrate_pfn) >> 1), HUGE);
	nb_fast_isolate_freepages(&cc);
	assert_int_equal(b.seen[NB_EV_MM_COMPACTION_FAST_ISOLATE_FREEPAGES], 1);
	assert_int_equal(b.last[NB_EV_MM_COMPACTION_FAST_ISOLATE_FREEPAGES].field[0], low);
	assert_true(cc.nr_free > 0);
	assert_int_equal(b.last[NB_EV_MM_COMPACTION_FAST_ISOLATE_FREEPAGES].field[3], cc.nr_free);
	assert_int_equal(nb_zone_free_pages_snapshot(b.zone) + cc.nr_free, free);
	fragbox_check(&b);
	high = nb_release_freepages(&cc);
	assert_true(high >= low);
	assert_int_equal(cc.nr_free, 0);
	fragbox_check(&b);
	/* nothing below counts */
	cc.order = -1;
	nb_fast_isolate_freepages(&cc);
	assert_int_equal(cc.nr_free, 0);
	fragbox_close(&b);
}

/* Targets: since 6.9 the smallest first and first come, first taken; before, singly and last come,
 * first taken. */
static void test_target_order(void **state)
{
	static const char *const kernels[] = {"6.12", "6.1"};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct nb_compact_control cc;
		struct nb_migrate_item from;
		struct nb_zone *z;
		struct fragbox b;
		nb_pfn_t start, end, got[3];

		fragbox_open(&b, kernels[i], 2, false);
		cc = fragbox_run(&b);
		cc.nr_migrate = 3;
		start = nb_block_start(nb_task_pfn(b.t, b.addr + (b.pages / 2 | 1) * PAGE), HUGE);
		end = start + HUGE_PAGES;
		from.page = nb_pfn_to_page(b.box.sys, start + 1, &z);
		if (!(nb_page_flags(from.page) & PG_LRU))
			from.page++;
		from.zone = z;
		assert_int_equal(nb_isolate_freepages_block(&cc, &start, end, 1), 3);
		for (unsigned k = 0; k < 3; k++) {
			got[k] = nb_compaction_target(&cc, &from);
			assert_true(got[k] != NB_NO_PFN && got[k] < start);
		}
		assert_int_equal(got[0] < got[1], i == 0);
		assert_int_equal(got[1] < got[2], i == 0);
		for (unsigned k = 0; k < 3; k++)
			nb_compaction_untarget(&cc, got[k]);
		assert_int_equal(cc.nr_free, 3);
		(void)nb_release_freepages(&cc);
		fragbox_close(&b);
	}
}

/* Not fragmented enough is told apart from lack of room; before 6.5 that the mark is met, too. */
static void test_suitable_told(void **state)
{
	struct nb_error err = {0};
	struct fragbox b;

	(void)state;
	fragbox_open(&b, NULL, 2, true);
	fragbox_take_whole(&b);
	assert_int_equal(nb_sysctl_write(b.box.sys, "vm.extfrag_threshold", "1000", &err), 0);
	assert_int_equal(nb_compaction_ask(b.zone, HUGE, NB_WMARK_MIN, NB_ZONE_NORMAL, 0, NULL),
			 NB_COMPACT_SKIPPED);
	assert_int_equal(b.last[NB_EV_MM_COMPACTION_SUITABLE].field[3],
			 NB_COMPACT_NOT_SUITABLE_ZONE);
	assert_int_equal(nb_compaction_ask(b.zone, 1, NB_WMARK_MIN, NB_ZONE_NORMAL, 0, NULL),
			 fragbox_blocks(&b, 1) ? NB_COMPACT_SUCCESS : NB_COMPACT_CONTINUE);
	fragbox_close(&b);
	for (unsigned i = 0; i < 2; i++) {
		fragbox_open(&b, i ? "6.1" : "6.12", 2, true);
		assert_int_equal(
			nb_compaction_ask(b.zone, 0, NB_WMARK_MIN, NB_ZONE_NORMAL, 0, NULL),
			NB_COMPACT_SUCCESS);
		assert_int_equal(b.seen[NB_EV_MM_COMPACTION_SUITABLE], i);
		fragbox_close(&b);
	}
}

/* Memory that is locked moves, unless vm.compact_unevictable_allowed forbids it. */
static void test_unevictable(void **state)
{
	(void)state;
	for (unsigned allowed = 0; allowed < 2; allowed++) {
		struct nb_error err = {0};
		struct fragbox b;
		nb_pfn_t pfn;

		fragbox_open(&b, NULL, 2, true);
		for (uint64_t i = 1; i < b.pages; i += 2)
			assert_int_equal(nb_mlock(b.t, b.addr + i * PAGE, PAGE), 0);
		fragbox_take_whole(&b);
		assert_int_equal(nb_sysctl_write(b.box.sys, "vm.compact_unevictable_allowed",
						 allowed ? "1" : "0", &err),
				 0);
		pfn = nb_alloc_pages(b.box.sys, &huge);
		assert_int_equal(pfn != NB_NO_PFN, allowed);
		assert_int_equal(b.seen[NB_EV_MM_COMPACTION_MIGRATEPAGES] > 0, allowed);
		if (allowed)
			assert_int_equal(nb_free_pages(b.box.sys, 0, pfn, HUGE), 0);
		fragbox_close(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_captured),       cmocka_unit_test(test_whole_pageblocks),
		cmocka_unit_test(test_cached_migrate), cmocka_unit_test(test_reset),
		cmocka_unit_test(test_fast_target),    cmocka_unit_test(test_target_order),
		cmocka_unit_test(test_suitable_told),  cmocka_unit_test(test_unevictable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
