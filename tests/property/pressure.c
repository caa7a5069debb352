/* pressure.c -- random work on machines that are too small for it: reclaim, swap, kills.
 *
 * Tasks on two small nodes map, touch, unmap, give memory up, are paged out, fork, change policies
 * and die; memory is compacted; swap areas come and go; the lists of reclaim switch between their
 * two forms; the daemons run or do not. With every second seed tasks are in groups that come and
 * go, with limits. After each burst the whole system is proved: every page in
 * one place, every counter equal to a recount, every slot's count equal to the entries that hold
 * it. In the end all memory is free again. Whether somebody listens to the events, or has them
 * counted, makes no difference to any of it. NUMABOX_SEED plays one seed alone.
 */
#include "../unit/mm/sysbox.h"
#include "mm/lru.h"
#include "mm/swap.h"

#include <numabox/compaction.h>
#include <numabox/memcg.h>
#include <numabox/oom.h>
#include <numabox/reclaim.h>
#include <numabox/swap.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#define TASKS 6
#define MAPS 4
#define BURSTS 60
#define STEPS 40
#define PAGE UINT64_C(4096)
#define KEEP 300
#define GROUPS 3 /* the last one below the one before, if that is there */

enum listener { NOBODY, COUNTER, EVERYBODY, NR_LISTENERS };

struct world {
	struct sysbox box;
	struct nb_task *task[TASKS];
	struct {
		uint64_t addr, bytes;
	} map[TASKS][MAPS];
	uint64_t rng, now;
	unsigned kills;
	bool driven; /* kswapd runs */
	bool grouped;
	struct nb_memcg *group[GROUPS];
	struct nb_event_tally tally;
	uint64_t digest[BURSTS]; /* of what is where, after each */
};

static uint64_t rnd(struct world *w, uint64_t n)
{
	w->rng ^= w->rng << 13;
	w->rng ^= w->rng >> 7;
	w->rng ^= w->rng << 17;
	return w->rng % n;
}

static void bury(struct world *w, unsigned i)
{
	nb_task_exit(w->task[i]);
	nb_task_put(w->task[i]);
	w->task[i] = NULL;
	for (unsigned m = 0; m < MAPS; m++)
		w->map[i][m].bytes = 0;
}

static void bury_the_dead(struct world *w)
{
	for (unsigned i = 0; i < TASKS; i++) {
		if (w->task[i] && !nb_task_alive(w->task[i])) {
			w->kills++;
			bury(w, i);
		}
	}
}

static void new_task(struct world *w, unsigned i)
{
	struct nb_nodemask m = sysbox_mask(1 + rnd(w, 3));
	static const int modes[] = {NB_MPOL_BIND, NB_MPOL_INTERLEAVE, NB_MPOL_PREFERRED};

	assert_int_equal(nb_task_create(w->box.sys, (int)rnd(w, 4), "random", &w->task[i]), 0);
	if (rnd(w, 2))
		assert_int_equal(nb_set_mempolicy(w->task[i], modes[rnd(w, 3)], &m), 0);
	if (rnd(w, 8) == 0)
		assert_int_equal(nb_task_set_oom_score_adj(w->task[i], (int)rnd(w, 1001)), 0);
}

static void use_memory(struct world *w, unsigned i)
{
	unsigned m = (unsigned)rnd(w, MAPS);
	struct nb_task *t = w->task[i];
	uint64_t n, at, len;

	if (!w->map[i][m].bytes) {
		w->map[i][m].bytes = (1 + rnd(w, 3000)) * PAGE;
		if (nb_mmap(t, 0, w->map[i][m].bytes, 3, 0, &w->map[i][m].addr))
			w->map[i][m].bytes = 0;
		return;
	}
	at = w->map[i][m].addr + rnd(w, w->map[i][m].bytes / PAGE) * PAGE;
	len = w->map[i][m].addr + w->map[i][m].bytes - at;
	if (rnd(w, 2))
		len = 1 + rnd(w, len);
	switch (rnd(w, 8)) {
	case 0:
		assert_int_equal(nb_munmap(t, w->map[i][m].addr, w->map[i][m].bytes), 0);
		w->map[i][m].bytes = 0;
		break;
	case 1:
		(void)nb_madvise(t, at, len & ~(PAGE - 1), NB_MADV_PAGEOUT);
		break;
	case 2:
		(void)nb_madvise(t, at, len & ~(PAGE - 1), rnd(w, 2) ? NB_MADV_FREE : NB_MADV_COLD);
		break;
	case 3:
		(void)nb_madvise(t, at, len & ~(PAGE - 1), NB_MADV_DONTNEED);
		break;
	default:
		(void)nb_touch(t, at, len, rnd(w, 3) != 0, &n);
		break;
	}
}

static void fork_one(struct world *w, unsigned i)
{
	unsigned to = (unsigned)rnd(w, TASKS);

	if (w->task[to] || nb_task_fork(w->task[i], &w->task[to]))
		return;
	for (unsigned m = 0; m < MAPS; m++)
		w->map[to][m] = w->map[i][m];
}

static void run_kswapd(struct world *w)
{
	for (int nid = 0; w->driven && nid < 2; nid++) {
		uint64_t next = w->now, scanned;

		for (unsigned n = 0; n < 30 && next <= w->now; n++)
			assert_int_equal(nb_kswapd_step(w->box.sys, nid, &next, &scanned), 0);
	}
	w->now += 1000000 * (1 + rnd(w, 200));
	nb_system_set_time_ns(w->box.sys, w->now);
}

/* Pages are moved together: on demand, for a request of a high order, by the daemon. */
static void compact(struct world *w)
{
	struct nb_alloc_request rq = {.gfp = NB_GFP_HIGHUSER_MOVABLE | NB_GFP_BIT_NORETRY |
					     NB_GFP_BIT_NOWARN | NB_GFP_BIT_COMP,
				      .order = 4 + (unsigned)rnd(w, 6),
				      .cpu = (int)rnd(w, 4)};
	uint64_t next, scanned;
	nb_pfn_t pfn;

	switch (rnd(w, 4)) {
	case 0:
		assert_int_equal(nb_compact_node(w->box.sys, (int)rnd(w, 2), rq.cpu), 0);
		break;
	case 1:
		if (w->driven)
			assert_int_equal(
				nb_kcompactd_step(w->box.sys, (int)rnd(w, 2), &next, &scanned), 0);
		break;
	default:
		pfn = nb_alloc_pages(w->box.sys, &rq);
		if (pfn != NB_NO_PFN)
			assert_int_equal(nb_free_pages(w->box.sys, rq.cpu, pfn, rq.order), 0);
		break;
	}
}

static void change_swap(struct world *w)
{
	struct nb_swap_options opt = {.pages = 2 + rnd(w, 4000),
				      .priority = (int)rnd(w, 4) - 1,
				      .device = (enum nb_swap_device)rnd(w, 3),
				      .write_ns = rnd(w, 2) * 100000};
	unsigned area;

	if (rnd(w, 2))
		(void)nb_swapon(w->box.sys, &opt, &area);
	else
		(void)nb_swapoff(w->box.sys, (unsigned)rnd(w, 4));
}

static void change_group(struct world *w, unsigned i)
{
	static const enum nb_memcg_knob knobs[] = {NB_MEMCG_MAX,      NB_MEMCG_HIGH,
						   NB_MEMCG_LOW,      NB_MEMCG_MIN,
						   NB_MEMCG_SWAP_MAX, NB_MEMCG_OOM_GROUP};
	unsigned g = (unsigned)rnd(w, GROUPS);
	struct nb_memcg *top = nb_memcg_root(w->box.sys);
	enum nb_memcg_knob knob;
	uint64_t got;
	int err;

	if (g == GROUPS - 1 && w->group[g - 1])
		top = w->group[g - 1];
	if (!w->group[g]) {
		assert_int_equal(nb_memcg_create(top, g ? g == 1 ? "b" : "c" : "a", &w->group[g]),
				 0);
		return;
	}
	switch (rnd(w, 6)) {
	case 0:
		if (!nb_memcg_remove(w->group[g]))
			w->group[g] = NULL;
		break;
	case 1:
	case 2:
		knob = knobs[rnd(w, 6)];
		got = knob == NB_MEMCG_OOM_GROUP ? rnd(w, 2) : 200 + rnd(w, 4000);
		err = nb_memcg_write(w->group[g], knob, got, (int)rnd(w, 4));
		assert_true(!err || nb_memcg_is_v1(w->box.sys));
		break;
	case 3:
		(void)nb_memcg_reclaim(w->group[g], rnd(w, 500), (int)rnd(w, 4), &got);
		break;
	default:
		if (nb_task_alive(w->task[i]))
			assert_int_equal(
				nb_memcg_attach(rnd(w, 4) ? w->group[g] : nb_memcg_root(w->box.sys),
						w->task[i]),
				0);
		break;
	}
}

static void step(struct world *w)
{
	unsigned i = (unsigned)rnd(w, TASKS);

	if (!w->task[i])
		new_task(w, i);
	switch (rnd(w, 40)) {
	case 0:
		bury(w, i);
		break;
	case 1:
		fork_one(w, i);
		break;
	case 2:
		change_swap(w);
		break;
	case 3:
		run_kswapd(w);
		break;
	case 5:
		compact(w);
		break;
	case 6:
	case 7:
	case 8:
		if (w->grouped)
			change_group(w, i);
		break;
	case 4:
		if (rnd(w, 4) == 0)
			(void)nb_lru_gen_set_enabled(w->box.sys, rnd(w, 2));
		break;
	default:
		use_memory(w, i);
		break;
	}
	bury_the_dead(w);
}

static void prove(const struct world *w, uint64_t seed, unsigned burst)
{
	struct nb_error err = {0};

	if (nb_system_check(w->box.sys, &err))
		fail_msg("seed %llu, burst %u: %s", (unsigned long long)seed, burst, err.text);
}

static void mix(uint64_t *h, uint64_t x)
{
	*h = (*h ^ x) * UINT64_C(0x9e3779b97f4a7c15);
	*h ^= *h >> 29;
}

/* All pages with what they are used for, lists by their links, and all counters. */
static uint64_t digest(const struct nb_system *sys)
{
	uint64_t h = 1, value;
	const char *name;

	for (nb_pfn_t pfn = 0; pfn < sys->max_pfn; pfn++) {
		struct nb_zone *z;
		const struct nb_page *p = nb_pfn_to_page(sys, pfn, &z);

		if (!p || !nb_map_is_committed(z->pgdat, nb_page_dense(z->mem_map, p)))
			continue;
		mix(&h, p->flags);
		if (!(p->flags & PG_ALLOCATED))
			continue;
		mix(&h, (uint64_t)p->refcount << 32 | p->mapcount);
		mix(&h, (uint64_t)p->mapping << 40 ^ p->index);
		if (p->flags & (PG_LRU | PG_LRU_BATCH))
			mix(&h, (uint64_t)p->prev << 32 | p->next);
	}
	for (unsigned i = 0; nb_vm_event(sys, i, &name, &value); i++)
		mix(&h, value);
	for (unsigned i = 0; i < 2 * NB_MAX_NR_ZONES; i++) {
		struct nb_zone_info info;

		if (nb_zone_info(sys, (int)(i & 1), (enum nb_zone_type)(i / 2), &info))
			continue;
		mix(&h, info.free_pages);
		for (int e = 0; e < NB_NR_NUMA_EVENTS; e++)
			mix(&h, info.numa[e]);
	}
	return h;
}

static void ignore(void *ctx, const struct nb_event *ev)
{
	(void)ctx;
	(void)ev;
}

static void listen(struct world *w, enum listener who)
{
	struct nb_sink sink = {
		.event = ignore, .wanted = NB_EVENT_SET_ALL, .tally = &w->tally, .keep = KEEP};

	if (who == COUNTER)
		sink.counted = NB_EVENT_SET_ALL;
	if (who != NOBODY)
		nb_system_set_sink(w->box.sys, &sink);
}

static void play(struct world *w, uint64_t seed, enum listener who)
{
	static const char *const kernels[] = {"6.12", "6.1", "6.12", "5.4"};
	const struct sysbox_spec spec = {.nodes = "16M:2 24M:2", .kernel = kernels[seed % 4]};
	uint64_t before;

	*w = (struct world){.rng = seed * 2654435761u + 88172645463325252u};
	sysbox_boot(&w->box, &spec);
	listen(w, who);
	before = sysbox_free_pages(&w->box);
	w->driven = seed & 1;
	w->grouped = seed >> 1 & 1;
	if (w->grouped && seed & 4)
		assert_int_equal(nb_memcg_use_v1(w->box.sys, true), 0);
	if (w->driven)
		assert_int_equal(nb_kswapd_start(w->box.sys, NULL, NULL), 0);
	if (w->driven)
		assert_int_equal(nb_kcompactd_start(w->box.sys, NULL, NULL), 0);
	for (unsigned b = 0; b < BURSTS; b++) {
		for (unsigned s = 0; s < STEPS; s++)
			step(w);
		prove(w, seed, b);
		w->digest[b] = digest(w->box.sys);
	}
	for (unsigned i = 0; i < TASKS; i++) {
		if (w->task[i])
			bury(w, i);
	}
	prove(w, seed, BURSTS);
	for (unsigned a = 0; a < NB_MAX_SWAPFILES; a++)
		(void)nb_swapoff(w->box.sys, a);
	nb_drain_pages(w->box.sys, -1);
	assert_int_equal(sysbox_free_pages(&w->box), before);
	sysbox_end(&w->box);
}

/* Pages taken many at once and one by one are the same pages, in the same places. */
static void same(const struct world *w, uint64_t seed)
{
	for (unsigned who = COUNTER; who < NR_LISTENERS; who++) {
		for (unsigned b = 0; b < BURSTS; b++) {
			if (w[who].digest[b] != w[NOBODY].digest[b])
				fail_msg("seed %llu, burst %u: another system when %s",
					 (unsigned long long)seed, b,
					 who == COUNTER ? "events are counted"
							: "each event is told");
		}
	}
	for (int k = 0; k < NB_NR_EVENTS; k++)
		assert_int_equal(w[COUNTER].tally.count[k], w[EVERYBODY].tally.count[k]);
}

static void test_random(void **state)
{
	const char *given = getenv("NUMABOX_SEED");
	struct world *w = calloc(NR_LISTENERS, sizeof(*w));
	unsigned kills = 0;

	(void)state;
	assert_non_null(w);
	for (uint64_t s = 1; s <= (given ? 1 : 12); s++) {
		uint64_t seed = given ? strtoull(given, NULL, 10) : s;

		for (int who = NOBODY; who < NR_LISTENERS; who++)
			play(&w[who], seed, (enum listener)who);
		same(w, seed);
		kills += w->kills;
	}
	free(w);
	print_message("# %u tasks killed\n", kills);
	if (!given)
		assert_true(kills > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_random)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
