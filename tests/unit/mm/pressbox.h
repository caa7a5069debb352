/* pressbox.h -- a small machine with a task, for tests of reclaim. */
#ifndef TESTS_UNIT_MM_PRESSBOX_H
#define TESTS_UNIT_MM_PRESSBOX_H

#include "mm/kswapd.h"
#include "mm/lru_gen.h"
#include "mm/oom.h"
#include "mm/swap_area.h"
#include "mm/vmstat.h"
#include "sysbox.h"

#include <numabox/file.h>
#include <numabox/reclaim.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define PAGE UINT64_C(4096)

struct pressbox {
	struct sysbox box;
	struct nb_system *sys;
	struct nb_task *t;
	struct nb_sink sink;
	uint64_t seen[NB_NR_EVENTS];
	struct nb_event last[NB_NR_EVENTS];
};

static void pressbox_hear(void *ctx, const struct nb_event *ev)
{
	struct pressbox *p = ctx;

	p->seen[ev->kind]++;
	p->last[ev->kind] = *ev;
}

/* `gen`: with generations. */
static inline void pressbox_open(struct pressbox *p, const char *nodes, bool gen)
{
	memset(p, 0, sizeof(*p));
	p->sink = (struct nb_sink){.ctx = p, .event = pressbox_hear, .wanted = NB_EVENT_SET_ALL};
	sysbox_boot(&p->box, &(struct sysbox_spec){.nodes = nodes, .sink = &p->sink});
	p->sys = p->box.sys;
	assert_int_equal(nb_lru_gen_set_enabled(p->sys, gen), 0);
	assert_int_equal(nb_task_create(p->sys, 0, "test", &p->t), 0);
}

static inline void pressbox_close(struct pressbox *p)
{
	nb_task_exit(p->t);
	nb_task_put(p->t);
	sysbox_end(&p->box);
}

static inline uint64_t pressbox_map(struct pressbox *p, uint64_t pages)
{
	uint64_t a;

	assert_int_equal(nb_mmap(p->t, 0, pages * PAGE, 3, 0, &a), 0);
	return a;
}

/* Pages of an anonymous mapping that are in memory after writing to all of them. */
static inline uint64_t pressbox_fill(struct pressbox *p, uint64_t addr, uint64_t pages)
{
	uint64_t n;

	(void)nb_touch(p->t, addr, pages * PAGE, true, &n);
	return n;
}

static inline struct nb_page *pressbox_page(struct pressbox *p, uint64_t addr, struct nb_zone **z)
{
	return nb_pfn_to_page(p->sys, nb_task_pfn(p->t, addr), z);
}

static inline struct nb_zone *pressbox_zone(struct pressbox *p, int nid)
{
	struct nb_pgdat *n = nb_node_data(p->sys, nid);

	if (!n)
		abort();
	return &n->zone[NB_ZONE_DMA32];
}

static inline uint64_t pressbox_lru(struct pressbox *p, int nid, enum nb_lru lru)
{
	return nb_lruvec_size(nb_node_data(p->sys, nid)->lruvec, lru, NB_MAX_NR_ZONES - 1);
}

static inline unsigned pressbox_swapon(struct pressbox *p, uint64_t pages, int priority,
				       enum nb_swap_device device)
{
	unsigned area;

	assert_int_equal(nb_swapon(p->sys,
				   &(struct nb_swap_options){
					   .pages = pages, .priority = priority, .device = device},
				   &area),
			 0);
	return area;
}

#endif
