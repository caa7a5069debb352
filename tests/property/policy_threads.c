/* policy_threads.c -- a family of processes on four CPUs moves the pages that it shares, all at
 * once.
 *
 * Each thread drives one process: it touches, binds with MOVE_ALL, names nodes for single pages,
 * and has its brothers' pages migrated while these do the same. What somebody else holds at the
 * moment stays. Under ThreadSanitizer this shows that isolation, reverse mapping and the lists
 * agree; afterwards everything is recounted and all memory must be back.
 */
#include "threadbox.h"

#include <numabox/mempolicy.h>

#define ROUNDS 40
#define PAGES 256u

static struct threadbox box;
static struct nb_task *family[CPUS];
static uint64_t addr;

/* Nothing but these may come of a call. */
static void fine(int err)
{
	if (err < 0 && err != -NB_EIO && err != -NB_ENOMEM)
		abort(); /* cmocka's asserts are for the main thread */
}

static void move_some(struct nb_task *t, unsigned seed)
{
	uint64_t pages[48];
	int nodes[48], status[48];

	for (unsigned i = 0; i < 48; i++) {
		pages[i] = addr + (seed * 37 + i * 5) % PAGES * PAGE;
		nodes[i] = (int)(seed + i / 16) % 2;
	}
	fine(nb_move_pages(t, t, 48, pages, nodes, status, NB_MPOL_MF_MOVE_ALL));
	for (unsigned i = 0; i < 48; i++) {
		if (status[i] != 0 && status[i] != 1 && status[i] != -NB_EBUSY &&
		    status[i] != -NB_ENOENT)
			break; /* a run of which some page stayed has no statuses */
	}
}

static void *drive(void *arg)
{
	unsigned me = (unsigned)*(int *)arg;
	struct nb_task *t = family[me];
	uint64_t n;

	for (unsigned round = 0; round < ROUNDS; round++) {
		unsigned seed = round * CPUS + me;
		struct nb_nodemask here = {{1u << seed % 2}}, there = {{2u >> seed % 2}};
		uint64_t from = seed * 11 % PAGES;

		fine(nb_touch(t, addr + from * PAGE, (PAGES - from) / 8 * PAGE, seed & 1, &n));
		fine(nb_mbind(t, addr + from / 2 * PAGE, (PAGES - from) / 2 * PAGE, NB_MPOL_BIND,
			      &here, NB_MPOL_MF_MOVE_ALL));
		move_some(t, seed);
		fine(nb_migrate_pages(t, family[(me + 1 + seed % 3) % CPUS], &here, &there));
	}
	return NULL;
}

static void test_family_moves(void **state)
{
	uint64_t n;

	(void)state;
	threadbox_open(&box, 27, false);
	assert_int_equal(nb_task_create(box.sys, 0, "family", &family[0]), 0);
	assert_int_equal(nb_mmap(family[0], 0, PAGES * PAGE, 3, 0, &addr), 0);
	assert_int_equal(nb_touch(family[0], addr, PAGES * PAGE, true, &n), 0);
	for (unsigned i = 1; i < CPUS; i++) {
		struct nb_cpumask one = {{1u << i}};

		assert_int_equal(nb_task_fork(family[0], &family[i]), 0);
		assert_int_equal(nb_sched_setaffinity(family[i], &one), 0);
	}
	threadbox_run(drive);
	threadbox_check(&box);
	for (unsigned i = 0; i < CPUS; i++) {
		nb_task_exit(family[i]);
		nb_task_put(family[i]);
	}
	threadbox_close(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_family_moves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
