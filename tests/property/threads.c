/* threads.c -- one system driven from several threads at once, a CPU each.
 *
 * Threads take and free blocks of random orders, types and nodes, hand some to each other so that
 * a page is freed on another CPU than it was taken on, and touch memory of tasks of their own,
 * while one more thread reads the counters. At the end everything is free again and
 * every invariant holds. Built with ThreadSanitizer by `make check`. SEED=n draws another run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <numabox/task.h>
#include <pthread.h>

#define MIB (UINT64_C(1) << 20)

enum { CPUS = 4, NODES = 2, STEPS = 50000, HELD = 256, LETTERS = 64, ORDER_MAX = 4 };

struct box {
	struct nb_port port;
	struct nb_machine *m;
	struct nb_system *sys;
	uint64_t seed;
	/* blocks on their way to another thread: pfn << 4 | order, 0 empty */
	_Atomic uint64_t letter[LETTERS];
	_Atomic bool over;
	_Atomic unsigned
		failures; /* what assert_* would have said; those are for the main thread */
};

struct worker {
	struct box *box;
	int cpu;
	uint64_t state;
	uint64_t held[HELD];
	struct nb_task *task;
};

static uint64_t draw(struct worker *w)
{
	w->state ^= w->state << 13;
	w->state ^= w->state >> 7;
	w->state ^= w->state << 17;
	return w->state >> 11;
}

static void boot(struct box *b)
{
	struct nb_error err = {0};
	const char *seed = getenv("SEED");

	memset(b, 0, sizeof(*b));
	b->seed = seed ? strtoull(seed, NULL, 0) : 1;
	print_message("# SEED=%llu\n", (unsigned long long)b->seed);
	nb_port_posix(&b->port, true);
	b->m = nb_machine_new(&b->port);
	for (int nid = 0; nid < NODES; nid++) {
		nb_machine_add_node(b->m, &(struct nb_node){.id = nid, .online = true});
		nb_machine_add_range(b->m,
				     &(struct nb_mem_range){.start = 512 * MIB * (unsigned)nid,
							    .end = 512 * MIB * (unsigned)(nid + 1),
							    .nid = nid});
	}
	for (int cpu = 0; cpu < CPUS; cpu++) {
		nb_machine_add_cpu(b->m, &(struct nb_cpu){.id = cpu,
							  .nid = cpu % NODES,
							  .online = true,
							  .package = -1,
							  .die = -1,
							  .cluster = -1,
							  .core = -1,
							  .llc = -1});
	}
	assert_int_equal(nb_machine_seal(b->m, &err), 0);
	assert_int_equal(nb_system_boot(&b->port, b->m, NULL, &b->sys, &err), 0);
}

static uint64_t free_pages(const struct box *b)
{
	struct nb_system_info info;

	nb_system_info(b->sys, &info);
	return info.free_pages;
}

static void shut_down(struct box *b)
{
	nb_system_shutdown(b->sys);
	nb_machine_free(b->m);
}

static void give_back(struct worker *w, uint64_t block)
{
	if (block && nb_free_pages(w->box->sys, w->cpu, block >> 4, (unsigned)(block & 15)))
		w->box->failures++;
}

static uint64_t take(struct worker *w)
{
	static const nb_gfp_t kinds[] = {NB_GFP_KERNEL, NB_GFP_HIGHUSER_MOVABLE, NB_GFP_ATOMIC,
					 NB_GFP_KERNEL | NB_GFP_BIT_RECLAIMABLE};
	struct nb_alloc_request rq = {
		.gfp = kinds[draw(w) % 4], .cpu = w->cpu, .nid = (int)(draw(w) % 3) - 1};
	nb_pfn_t pfn;

	rq.order = (unsigned)(draw(w) % (ORDER_MAX + 1));
	pfn = nb_alloc_pages(w->box->sys, &rq);
	return pfn == NB_NO_PFN ? 0 : pfn << 4 | rq.order;
}

/* Frees what is held in a slot, or posts it to whoever comes by, and takes a new block. */
static void *trade(void *arg)
{
	struct worker *w = arg;

	for (unsigned i = 0; i < STEPS; i++) {
		uint64_t *slot = &w->held[draw(w) % HELD];
		_Atomic uint64_t *letter = &w->box->letter[draw(w) % LETTERS];

		if (draw(w) % 4 == 0)
			*slot = atomic_exchange(letter, *slot);
		give_back(w, *slot);
		*slot = take(w);
	}
	for (unsigned i = 0; i < HELD; i++)
		give_back(w, w->held[i]);
	return NULL;
}

/* Maps, touches and unmaps, again and again, on a task of its own. */
static void *touch(void *arg)
{
	struct worker *w = arg;

	for (unsigned i = 0; i < 40; i++) {
		uint64_t addr, faulted, bytes = (1 + draw(w) % 8) * MIB;

		if (nb_mmap(w->task, 0, bytes, NB_PROT_READ | NB_PROT_WRITE, 0, &addr) ||
		    nb_touch(w->task, addr, bytes, true, &faulted) || faulted != bytes / 4096 ||
		    nb_task_rss_pages(w->task) != faulted || nb_munmap(w->task, addr, bytes))
			w->box->failures++;
	}
	return NULL;
}

static void *watch(void *arg)
{
	struct box *b = arg;

	while (!b->over) {
		struct nb_system_info info;
		struct nb_zone_info zone;

		nb_system_info(b->sys, &info);
		if (info.free_pages > info.managed_pages)
			b->failures++;
		for (int nid = 0; nid < NODES; nid++) {
			if (nb_zone_info(b->sys, nid, NB_ZONE_DMA32, &zone))
				b->failures++;
		}
	}
	return NULL;
}

static void run(struct box *b, void *(*work)(void *), struct worker *workers)
{
	pthread_t thread[CPUS], watcher;

	for (int i = 0; i < CPUS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, work, &workers[i]), 0);
	assert_int_equal(pthread_create(&watcher, NULL, watch, b), 0);
	for (int i = 0; i < CPUS; i++)
		pthread_join(thread[i], NULL);
	b->over = true;
	pthread_join(watcher, NULL);
}

static struct worker *hire(struct box *b)
{
	struct worker *w = calloc(CPUS, sizeof(*w));

	assert_non_null(w);
	for (int i = 0; i < CPUS; i++) {
		w[i].box = b;
		w[i].cpu = i;
		w[i].state = (b->seed + (unsigned)i + 1) * UINT64_C(0x9e3779b97f4a7c15);
	}
	return w;
}

static void everything_is_free(struct box *b, uint64_t before)
{
	struct nb_error err = {0};

	assert_int_equal(b->failures, 0);
	nb_drain_pages(b->sys, -1);
	if (nb_system_check(b->sys, &err))
		fail_msg("%s", err.text);
	assert_int_equal(free_pages(b), before);
}

/* Expect: no block is given twice, none is lost, wherever it was freed. */
static void test_trading(void **state)
{
	struct box b;
	struct worker *w;
	uint64_t before;

	(void)state;
	boot(&b);
	before = free_pages(&b);
	w = hire(&b);
	run(&b, trade, w);
	for (unsigned i = 0; i < LETTERS; i++)
		give_back(&w[0], b.letter[i]);
	everything_is_free(&b, before);
	free(w);
	shut_down(&b);
}

/* Expect: tasks on different CPUs do not disturb each other. */
static void test_touching(void **state)
{
	struct box b;
	struct worker *w;
	uint64_t before;

	(void)state;
	boot(&b);
	before = free_pages(&b);
	w = hire(&b);
	for (int i = 0; i < CPUS; i++)
		assert_int_equal(nb_task_create(b.sys, i, "worker", &w[i].task), 0);
	run(&b, touch, w);
	for (int i = 0; i < CPUS; i++) {
		nb_task_exit(w[i].task);
		nb_task_put(w[i].task);
	}
	everything_is_free(&b, before);
	free(w);
	shut_down(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_trading),
		cmocka_unit_test(test_touching),
	};

	return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
