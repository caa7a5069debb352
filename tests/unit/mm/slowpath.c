/* slowpath.c -- what is tried, in which order, for which flags.
 *
 * Hooks write a letter each: w wake kswapd, c direct compaction (with its priority), r direct
 * reclaim, o OOM.
 */
#include "allocbox.h"
#include "mm/task.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static struct allocbox box;
static char said[256];
static unsigned reclaims_left, kills_left;
static int compact_result;

static void say(const char *s)
{
	strncat(said, s, sizeof(said) - strlen(said) - 1);
}

static void wake(struct nb_system *sys, struct nb_pgdat *p)
{
	(void)sys;
	p->kswapd_awake = false; /* tell of every wake-up */
	say("w");
}

static uint64_t reclaim(struct nb_system *sys, const struct nb_alloc_context *ac)
{
	struct nb_zone *z = ac->preferred->zone;

	(void)sys;
	say("r");
	if (!reclaims_left)
		return 0;
	if (--reclaims_left == 0)
		z->wmark[NB_WMARK_MIN] = 0; /* as if enough had been freed */
	return 32;
}

static uint64_t reclaimable(const struct nb_zone *z)
{
	return reclaims_left ? z->managed_pages * 100 : 0;
}

static int compact(struct nb_system *sys, const struct nb_alloc_context *ac, int prio,
		   struct nb_page **ret_page, struct nb_zone **ret_zone)
{
	(void)sys;
	(void)ac;
	(void)ret_zone;
	*ret_page = NULL;
	say((const char *[]){"c0", "c1", "c2"}[prio]);
	return compact_result;
}

static bool oom(struct nb_system *sys, const struct nb_alloc_context *ac)
{
	(void)sys;
	say("o");
	if (!kills_left)
		return false;
	if (--kills_left == 0)
		ac->preferred->zone->wmark[NB_WMARK_MIN] = 0;
	return true;
}

/* A zone in which no mark passes, though memory is there. */
static struct nb_zone *boot_full(const char *kernel)
{
	allocbox_boot(&box, &(struct allocbox_spec){.ranges = "0 100000000-107ffffff",
						    .facts = "0 Normal 32768",
						    .kernel = kernel});
	struct nb_zone *z = allocbox_zone(&box, 0, NB_ZONE_NORMAL);

	for (unsigned i = 0; i < NB_NR_WMARK; i++)
		z->wmark[i] = z->managed_pages * 10;
	box.sys->hooks = (struct nb_alloc_hooks){.wake_kswapd = wake,
						 .direct_reclaim = reclaim,
						 .reclaimable_pages = reclaimable,
						 .direct_compact = compact,
						 .out_of_memory = oom};
	said[0] = '\0';
	return z;
}

static const struct {
	nb_gfp_t gfp;
	unsigned order, reclaims, kills;
	int compact_result;
	const char *said;
	bool got;
} cases[] = {
	/* nothing helps: reclaim once, then the OOM killer, which finds nobody */
	{NB_GFP_KERNEL, 0, 0, 0, 0, "wwro", false},
	/* reclaim makes progress and in the third round enough */
	{NB_GFP_KERNEL, 0, 3, 0, 0, "wwrwrwr", true},
	/* a victim dies, and the request is tried again */
	{NB_GFP_KERNEL, 0, 0, 1, 0, "wwrow", true},
	/* requests that cannot wait wake kswapd and give up */
	{NB_GFP_ATOMIC, 0, 0, 0, 0, "ww", false},
	{NB_GFP_NOWAIT, 3, 0, 0, 0, "ww", false},
	{NB_GFP_KERNEL & ~(nb_gfp_t)NB_GFP_BIT_KSWAPD_RECLAIM, 0, 0, 0, 0, "ro", false},
	/* one round, no OOM */
	{NB_GFP_KERNEL | NB_GFP_BIT_NORETRY, 0, 3, 1, 0, "wwr", false},
	/* no OOM for these */
	{NB_GFP_KERNEL | NB_GFP_BIT_RETRY_MAYFAIL, 0, 0, 1, 0, "wwr", false},
	{NB_GFP_KERNEL | NB_GFP_BIT_THISNODE, 0, 0, 1, 0, "wwr", false},
	/* unmovable requests above order 0 compact first, without waiting; costly ones give up
	   after a round */
	{NB_GFP_KERNEL, 2, 0, 0, NB_COMPACT_COMPLETE, "wc2wrc1o", false},
	{NB_GFP_HIGHUSER_MOVABLE, 2, 0, 0, NB_COMPACT_COMPLETE, "wwrc1o", false},
	{NB_GFP_HIGHUSER_MOVABLE, 9, 0, 0, NB_COMPACT_COMPLETE, "wc2wrc1", false},
	{NB_GFP_HIGHUSER_MOVABLE | NB_GFP_BIT_NORETRY, 9, 0, 0, NB_COMPACT_SKIPPED, "wc2", false},
	{NB_GFP_HIGHUSER_MOVABLE | NB_GFP_BIT_NORETRY, 9, 0, 0, NB_COMPACT_COMPLETE, "wc2wrc2",
	 false},
	/* without I/O there is no compaction */
	{NB_GFP_RECLAIM, 2, 0, 0, NB_COMPACT_COMPLETE, "wwrc1o", false},
	/* who frees memory itself may take the last of it */
	{NB_GFP_KERNEL | NB_GFP_BIT_MEMALLOC, 0, 0, 0, 0, "ww", true},
	{NB_GFP_KERNEL | NB_GFP_BIT_MEMALLOC | NB_GFP_BIT_NOMEMALLOC, 0, 0, 0, 0, "wwro", false},
};

static void order_of_attempts(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct nb_alloc_request rq = {
			.gfp = cases[i].gfp, .order = cases[i].order, .nid = NB_NO_NODE};

		boot_full("6.12");
		reclaims_left = cases[i].reclaims;
		kills_left = cases[i].kills;
		compact_result = cases[i].compact_result;
		nb_pfn_t pfn = nb_alloc_pages(box.sys, &rq);

		if (strcmp(said, cases[i].said) != 0 || (pfn != NB_NO_PFN) != cases[i].got)
			fail_msg("case %u: %s, %s", i, said, pfn != NB_NO_PFN ? "got" : "failed");
		allocbox_end(&box);
	}
}

/* How far below the min mark each kind of request gets: free pages left of 1000 at the mark. */
static void depth_of_reserves(void **state)
{
	static const struct {
		const char *kernel;
		nb_gfp_t gfp;
		uint64_t left;
	} kinds[] = {
		{"6.12", NB_GFP_KERNEL, 1000},
		{"6.12", NB_GFP_NOWAIT, 1000},
		{"6.12", NB_GFP_ATOMIC, 375},
		{"6.12", NB_GFP_KERNEL | NB_GFP_BIT_HIGH, 500},
		{"6.12", NB_GFP_ATOMIC | NB_GFP_BIT_NOMEMALLOC, 500},
		{"2.6.24", NB_GFP_ATOMIC, 375},
		{"2.6.24", NB_GFP_KERNEL | NB_GFP_BIT_HIGH, 500},
		{"6.12", NB_GFP_KERNEL | NB_GFP_BIT_MEMALLOC, 0},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct nb_alloc_request rq = {.gfp = kinds[i].gfp, .order = 4, .nid = NB_NO_NODE};
		struct nb_zone *z = boot_full(kinds[i].kernel);

		z->wmark[NB_WMARK_MIN] = 1000;
		memset(&box.sys->hooks, 0, sizeof(box.sys->hooks));
		while (nb_alloc_pages(box.sys, &rq) != NB_NO_PFN)
			;
		uint64_t left = nb_zone_free_pages_snapshot(z);

		/* the last block of 16 left the zone above what it may not touch, and one more
		 * would not */
		if (left < kinds[i].left || left > kinds[i].left + 32)
			fail_msg("kind %u: %u left, not %u", i, (unsigned)left,
				 (unsigned)kinds[i].left);
		allocbox_end(&box);
	}
}

/* A request that must not fail digs into the reserves, and ends when nothing at all is left. */
static void nofail(void **state)
{
	struct nb_alloc_request rq = {.gfp = NB_GFP_KERNEL | NB_GFP_BIT_NOFAIL, .nid = NB_NO_NODE};
	unsigned n = 0;

	(void)state;
	struct nb_zone *z = boot_full("6.12");

	memset(&box.sys->hooks, 0, sizeof(box.sys->hooks));
	z->wmark[NB_WMARK_MIN] = 2000;
	while (nb_alloc_pages(box.sys, &rq) != NB_NO_PFN)
		n++;
	assert_true(n > 30000);
	assert_true(nb_zone_free_pages_snapshot(z) <= 1000);
	allocbox_end(&box);
}

/* A task's flags: one that frees memory for others takes without marks and reclaims nothing; a
 * victim of the OOM killer may take half of the reserve. */
static void flags_of_the_task(void **state)
{
	static const struct {
		unsigned flags;
		const char *said;
		bool got;
	} kinds[] = {{NB_PF_MEMALLOC, "ww", true}, {0, "wwro", false}};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct nb_alloc_request rq = {.gfp = NB_GFP_KERNEL, .nid = 0};

		boot_full("6.12");
		assert_int_equal(nb_task_create(box.sys, 0, "t", &rq.task), 0);
		rq.task->flags |= kinds[i].flags;
		said[0] = '\0';
		assert_int_equal(nb_alloc_pages(box.sys, &rq) != NB_NO_PFN, kinds[i].got);
		assert_string_equal(said, kinds[i].said);
		nb_task_exit(rq.task);
		nb_task_put(rq.task);
		allocbox_end(&box);
	}
}

/* Requests of orders above 0 that cannot wait leave a reserve behind for the next. */
static void highatomic_is_kept(void **state)
{
	struct nb_alloc_request rq = {.gfp = NB_GFP_ATOMIC, .order = 2, .nid = NB_NO_NODE};

	(void)state;
	allocbox_boot(&box, &(struct allocbox_spec){.ranges = "0 100000000-13fffffff",
						    .facts = "0 Normal 262144"});
	struct nb_zone *z = allocbox_zone(&box, 0, NB_ZONE_NORMAL);

	assert_int_not_equal(nb_alloc_pages(box.sys, &rq), NB_NO_PFN);
	assert_int_equal(z->nr_reserved_highatomic, 0); /* the fast path needs none */
	z->wmark[NB_WMARK_LOW] = z->wmark[NB_WMARK_HIGH] = z->managed_pages;
	assert_int_not_equal(nb_alloc_pages(box.sys, &rq), NB_NO_PFN);
	assert_int_equal(z->nr_reserved_highatomic, 512);
	allocbox_end(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order_of_attempts),
		cmocka_unit_test(depth_of_reserves),
		cmocka_unit_test(nofail),
		cmocka_unit_test(flags_of_the_task),
		cmocka_unit_test(highatomic_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
