/* threadbox.h -- a small machine that four threads drive at once.
 *
 * For the tests of suite `thread`. Two nodes, four CPUs (0 and 1 on node 0), a thread a CPU; and,
 * where a test wants them, the daemons in threads of their own: a kswapd a node, the flusher, and a
 * clock. Threads abort() on what must not be: cmocka's asserts are for the main thread.
 */
#ifndef TESTS_THREADBOX_H
#define TESTS_THREADBOX_H

#include "mm/lru.h"
#include "mm/rmap.h"
#include "mm/writeback.h"

#include <numabox/file.h>
#include <numabox/reclaim.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#define CPUS 4
#define PAGE UINT64_C(4096)
#define DAEMONS 4 /* two kswapds, the flusher, the clock */

struct threadbox {
	struct nb_port port;
	struct nb_machine *machine;
	struct nb_system *sys;
	uint64_t free_pages; /* after boot */
	_Atomic bool stop;
	unsigned nr_daemons;
	pthread_t daemon[DAEMONS];
	struct threadbox_daemon {
		struct threadbox *box;
		int nid;
	} node[2];
};

static inline void must(int err)
{
	if (err)
		abort();
}

/* splitmix64 */
static inline uint64_t rnd(uint64_t *state, uint64_t below)
{
	uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return (x ^ x >> 31) % below;
}

static inline uint64_t threadbox_free(const struct threadbox *box)
{
	struct nb_system_info info;

	nb_lru_add_drain_all(box->sys);
	nb_drain_pages(box->sys, -1);
	nb_system_info(box->sys, &info);
	return info.free_pages;
}

/* Boots with 1 << shift bytes a node. `backed`: its pages hold bytes. */
static inline void threadbox_open(struct threadbox *box, unsigned shift, bool backed)
{
	const struct nb_boot_options opt = {.backed = backed};
	struct nb_error err = {0};

	*box = (struct threadbox){.nr_daemons = 0};
	nb_port_posix(&box->port, true);
	box->machine = nb_machine_new(&box->port);
	for (int i = 0; i < CPUS; i++) {
		const struct nb_cpu cpu = {.id = i,
					   .nid = i / 2,
					   .online = true,
					   .package = -1,
					   .die = -1,
					   .cluster = -1,
					   .core = -1,
					   .llc = -1};
		const struct nb_node node = {.id = i / 2, .online = true};
		const struct nb_mem_range range = {.start = (uint64_t)(i / 2) << shift,
						   .end = (uint64_t)(i / 2 + 1) << shift,
						   .nid = i / 2};

		assert_int_equal(nb_machine_add_cpu(box->machine, &cpu), 0);
		if (i % 2)
			continue;
		assert_int_equal(nb_machine_add_node(box->machine, &node), 0);
		assert_int_equal(nb_machine_add_range(box->machine, &range), 0);
	}
	if (nb_machine_seal(box->machine, &err) ||
	    nb_system_boot(&box->port, box->machine, &opt, &box->sys, &err))
		fail_msg("%s", err.text);
	box->free_pages = threadbox_free(box);
}

/* A thread for each CPU runs fn, which gets a pointer to its number. Ends with all of them. */
static inline void threadbox_run(void *(*fn)(void *cpu))
{
	pthread_t thread[CPUS];
	int cpu[CPUS];

	for (int i = 0; i < CPUS; i++) {
		cpu[i] = i;
		assert_int_equal(pthread_create(&thread[i], NULL, fn, &cpu[i]), 0);
	}
	for (int i = 0; i < CPUS; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
}

static inline void threadbox_check(const struct threadbox *box)
{
	struct nb_error err = {0};

	if (nb_system_check(box->sys, &err))
		fail_msg("%s", err.text);
}

/* All memory is back, and the machine goes. */
static inline void threadbox_close(struct threadbox *box)
{
	assert_int_equal(threadbox_free(box), box->free_pages);
	nb_system_shutdown(box->sys);
	nb_machine_free(box->machine);
}

/* ---- daemons ---- */

static inline void *threadbox_kswapd(void *arg)
{
	const struct threadbox_daemon *d = arg;
	uint64_t next, scanned;

	while (!d->box->stop) {
		must(nb_kswapd_step(d->box->sys, d->nid, &next, &scanned));
		if (!scanned)
			sched_yield();
	}
	return NULL;
}

static inline void *threadbox_flusher(void *arg)
{
	struct threadbox *box = arg;

	while (!box->stop) {
		(void)nb_writeback_step(box->sys);
		sched_yield();
	}
	return NULL;
}

/* A millisecond a turn. */
static inline void *threadbox_clock(void *arg)
{
	struct threadbox *box = arg;

	while (!box->stop) {
		nb_system_set_time_ns(box->sys, nb_system_time_ns(box->sys) + 1000000);
		sched_yield();
	}
	return NULL;
}

static inline void threadbox_daemon(struct threadbox *box, void *(*fn)(void *), void *arg)
{
	assert_int_equal(pthread_create(&box->daemon[box->nr_daemons++], NULL, fn, arg), 0);
}

static inline void threadbox_start_daemons(struct threadbox *box)
{
	assert_int_equal(nb_kswapd_start(box->sys, NULL, NULL), 0);
	for (int nid = 0; nid < 2; nid++) {
		box->node[nid] = (struct threadbox_daemon){box, nid};
		threadbox_daemon(box, threadbox_kswapd, &box->node[nid]);
	}
	threadbox_daemon(box, threadbox_flusher, box);
	threadbox_daemon(box, threadbox_clock, box);
}

static inline void threadbox_stop_daemons(struct threadbox *box)
{
	box->stop = true;
	while (box->nr_daemons)
		assert_int_equal(pthread_join(box->daemon[--box->nr_daemons], NULL), 0);
}

/* ---- a program's own loads and stores, in a backed system ---- */

/* The word at addr, read (*word = it) or written, as one instruction of the task's program: it
 * faults until it goes through. false: the task was killed. */
static inline bool threadbox_access(struct nb_task *t, uint64_t addr, uint64_t *word, bool write)
{
	const uint64_t need = NB_PTE_PRESENT | (write ? (uint64_t)NB_PTE_WRITE : 0);
	uint64_t n;

	for (;;) {
		struct nb_ptable *leaf;
		uint64_t *at = NULL, zero = 0;

		if (nb_touch(t, addr & ~(PAGE - 1), PAGE, write, &n) || !nb_task_alive(t))
			return false;
		nb_mm_lock(t->mm, t->cpu);
		leaf = nb_pt_leaf(t->mm, addr);
		if (leaf && (leaf->entry[nb_pt_index(t->mm, addr)] & need) == need) {
			uint64_t *pte = &leaf->entry[nb_pt_index(t->mm, addr)];

			at = *pte & NB_PTE_ZERO
				     ? &zero
				     : (uint64_t *)(uintptr_t)(nb_page_address(t->sys,
									       nb_pte_pfn(*pte)) +
							       (addr & (PAGE - 1)));
			*pte |= write ? NB_PTE_ACCESSED | NB_PTE_DIRTY : NB_PTE_ACCESSED;
			if (write)
				*at = *word;
			else
				*word = *at;
		}
		nb_mm_unlock(t->mm);
		if (at)
			return true;
	}
}

#endif
