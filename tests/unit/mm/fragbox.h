/* fragbox.h -- a small machine whose memory is in pieces, for tests of compaction.
 *
 * Nearly all memory belongs to a task, and every so many pages of it one was given back. Events are
 * counted, and the last of each kind kept.
 */
#ifndef TESTS_UNIT_MM_FRAGBOX_H
#define TESTS_UNIT_MM_FRAGBOX_H

#include "mm/buddy.h"
#include "mm/compaction.h"
#include "mm/pcp.h"
#include "sysbox.h"

#include <numabox/compaction.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define PAGE UINT64_C(4096)
#define HUGE 9u
#define HUGE_PAGES (UINT64_C(1) << HUGE)

struct fragbox {
	struct sysbox box;
	struct nb_sink sink;
	uint64_t seen[NB_NR_EVENTS];
	struct nb_event last[NB_NR_EVENTS];
	struct nb_task *t;
	struct nb_zone *zone; /* DMA32, where nearly all lies */
	uint64_t addr, pages;
};

static inline void fragbox_hear(void *ctx, const struct nb_event *ev)
{
	struct fragbox *b = ctx;

	b->seen[ev->kind]++;
	b->last[ev->kind] = *ev;
}

static inline void fragbox_check(const struct fragbox *b)
{
	struct nb_error err = {0};

	if (nb_system_check(b->box.sys, &err))
		fail_msg("%s", err.text);
}

/* `told`: events are listened to. */
static inline void fragbox_open(struct fragbox *b, const char *kernel, unsigned nth, bool told)
{
	struct nb_system_info info;
	uint64_t n;

	memset(b, 0, sizeof(*b));
	b->sink = (struct nb_sink){.ctx = b, .event = fragbox_hear, .wanted = NB_EVENT_SET_ALL};
	sysbox_boot(&b->box, &(struct sysbox_spec){.nodes = "256M:1",
						   .kernel = kernel,
						   .sink = told ? &b->sink : NULL});
	assert_int_equal(nb_task_create(b->box.sys, 0, "t", &b->t), 0);
	b->zone = &nb_node_data(b->box.sys, 0)->zone[NB_ZONE_DMA32];
	nb_system_info(b->box.sys, &info);
	b->pages = info.free_pages - 3072;
	assert_int_equal(
		nb_mmap(b->t, 0, b->pages * PAGE, NB_PROT_READ | NB_PROT_WRITE, 0, &b->addr), 0);
	assert_int_equal(nb_touch(b->t, b->addr, b->pages * PAGE, true, &n), 0);
	for (uint64_t i = 0; i < b->pages; i += nth)
		assert_int_equal(nb_munmap(b->t, b->addr + i * PAGE, PAGE), 0);
	/* what waits in page sets is nobody's to take: the vmstat worker brings it back in time */
	for (unsigned i = 0; i < 100; i++)
		nb_vmstat_update(b->box.sys, 0);
	fragbox_check(b);
	memset(b->seen, 0, sizeof(b->seen));
}

static inline void fragbox_close(struct fragbox *b)
{
	fragbox_check(b);
	nb_task_exit(b->t);
	nb_task_put(b->t);
	fragbox_check(b);
	sysbox_end(&b->box);
}

/* Blocks of at least the order, counted as blocks of it. */
static inline uint64_t fragbox_blocks(const struct fragbox *b, unsigned order)
{
	uint64_t n = 0;

	for (unsigned o = order; o <= b->box.sys->max_order; o++)
		n += nb_zone_nr_free(b->zone, o) << (o - order);
	return n;
}

/* Takes every huge page that is there without compaction. */
static inline void fragbox_take_whole(struct fragbox *b)
{
	struct nb_alloc_request rq = {.gfp = (NB_GFP_HIGHUSER_MOVABLE | NB_GFP_BIT_NOWARN) &
					     ~(nb_gfp_t)NB_GFP_RECLAIM,
				      .order = HUGE};

	while (nb_alloc_pages(b->box.sys, &rq) != NB_NO_PFN)
		;
	assert_int_equal(fragbox_blocks(b, HUGE), 0);
	memset(b->seen, 0, sizeof(b->seen));
}

/* A run over the zone as a request of order 9 would begin it. */
static inline struct nb_compact_control fragbox_run(struct fragbox *b)
{
	struct nb_compact_control cc = {
		.sys = b->box.sys,
		.zone = b->zone,
		.state = nb_zone_compact(b->zone),
		.order = HUGE,
		.search_order = HUGE,
		.gfp = NB_GFP_HIGHUSER_MOVABLE,
		.migratetype = NB_MIGRATE_MOVABLE,
		.mode = NB_MIGRATE_ASYNC,
		.direct = true,
	};

	cc.migrate_pfn = b->zone->zone_start_pfn;
	cc.free_pfn = nb_block_start(nb_zone_end_pfn(b->zone) - 1, HUGE);
	return cc;
}

#endif
