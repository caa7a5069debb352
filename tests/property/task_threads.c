/* task_threads.c -- tasks on four CPUs come, touch and go at the same time.
 *
 * Each thread drives the tasks of one CPU. Under ThreadSanitizer this shows that the list of tasks,
 * the pools and the counters are shared safely; afterwards all memory must be back.
 */
#include "threadbox.h"

#define ROUNDS 12

static struct threadbox box;

static void *drive(void *arg)
{
	static const int modes[] = {NB_MPOL_DEFAULT,        NB_MPOL_BIND,
				    NB_MPOL_INTERLEAVE,     NB_MPOL_LOCAL,
				    NB_MPOL_PREFERRED_MANY, NB_MPOL_WEIGHTED_INTERLEAVE};
	int cpu = *(int *)arg;

	for (unsigned round = 0; round < ROUNDS; round++) {
		int mode = modes[round % 6];
		bool masked = mode != NB_MPOL_DEFAULT && mode != NB_MPOL_LOCAL;
		struct nb_nodemask both = {{masked ? 3 : 0}}, one = {{2}};
		struct nb_zone_info zone;
		struct nb_task *t;
		uint64_t a, n;

		must(nb_task_create(box.sys, cpu, "worker", &t));
		must(nb_set_mempolicy(t, mode, &both));
		must(nb_mmap(t, 0, 8 << 20, NB_PROT_READ | NB_PROT_WRITE, 0, &a));
		must(nb_touch(t, a, 4 << 20, true, &n));
		must(nb_munmap(t, a + (1 << 20), 1 << 20));
		must(nb_mbind(t, a + (4 << 20), 1 << 20, NB_MPOL_BIND, &one, 0));
		must(nb_touch(t, a + (4 << 20), 4 << 20, round & 1, &n));
		must(nb_zone_info(box.sys, 0, NB_ZONE_DMA32, &zone));
		nb_task_exit(t);
		nb_task_put(t);
	}
	return NULL;
}

/* A child per CPU writes to what all of them share, forks in turn, and moves pages about. */
static struct nb_task *family[CPUS];
static uint64_t family_addr;

static void *drive_child(void *arg)
{
	struct nb_task *t = family[*(int *)arg], *grandchild;
	uint64_t a = family_addr, n;

	for (unsigned round = 0; round < ROUNDS; round++) {
		must(nb_touch(t, a + (round << 16), 1 << 18, true, &n));
		must(nb_task_fork(t, &grandchild));
		must(nb_touch(grandchild, a, 1 << 18, true, &n));
		must(nb_mprotect(t, a + (1 << 18), 1 << 16, NB_PROT_READ));
		must(nb_mprotect(t, a + (1 << 18), 1 << 16, NB_PROT_READ | NB_PROT_WRITE));
		must(nb_mremap(t, a + (1 << 19), 1 << 16, 1 << 16,
			       NB_MREMAP_MAYMOVE | NB_MREMAP_FIXED | NB_MREMAP_DONTUNMAP,
			       a + (3 << 19), &n));
		must(nb_madvise(t, a + (1 << 17), 1 << 16, NB_MADV_DONTNEED));
		must(nb_mlock(t, a + (1 << 18), 1 << 14));
		must(nb_munlock(t, a + (1 << 18), 1 << 14));
		nb_task_exit(grandchild);
		nb_task_put(grandchild);
	}
	nb_task_exit(t);
	nb_task_put(t);
	return NULL;
}

/* Threads of one process, each on its CPU, in one address space. */
static void *drive_thread(void *arg)
{
	int cpu = *(int *)arg;
	struct nb_task *t = family[cpu];
	uint64_t a = family_addr, mine, n;

	for (unsigned round = 0; round < ROUNDS; round++) {
		must(nb_touch(t, a, 1 << 20, true, &n));
		must(nb_mmap(t, 0, 1 << 18, NB_PROT_READ | NB_PROT_WRITE, 0, &mine));
		must(nb_touch(t, mine, 1 << 18, true, &n));
		must(nb_madvise(t, a + ((uint64_t)cpu << 18), 1 << 17, NB_MADV_DONTNEED));
		must(nb_munmap(t, mine, 1 << 18));
	}
	nb_task_exit(t);
	nb_task_put(t);
	return NULL;
}

/* Four threads run fn; afterwards everything is right and all memory is back. */
static void run(void *(*fn)(void *))
{
	threadbox_run(fn);
	threadbox_check(&box);
	threadbox_close(&box);
}

static void test_four_cpus(void **state)
{
	(void)state;
	threadbox_open(&box, 28, false);
	run(drive);
}

static void test_families(void **state)
{
	for (int threads = 0; threads < 2; threads++) {
		struct nb_task *t;
		uint64_t n;

		(void)state;
		threadbox_open(&box, 28, false);
		must(nb_task_create(box.sys, 0, "first", &t));
		must(nb_mmap(t, 0, 4 << 20, NB_PROT_READ | NB_PROT_WRITE, 0, &family_addr));
		must(nb_touch(t, family_addr, 2 << 20, true, &n));
		for (int i = 0; i < CPUS; i++) {
			struct nb_cpumask one = {{UINT64_C(1) << i}};

			must(threads ? nb_task_thread(t, i, &family[i])
				     : nb_task_fork(t, &family[i]));
			must(nb_sched_setaffinity(family[i], &one));
		}
		nb_task_exit(t);
		nb_task_put(t);
		run(threads ? drive_thread : drive_child);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_four_cpus),
		cmocka_unit_test(test_families),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
