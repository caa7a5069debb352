/* task_threads.c -- tasks on four CPUs come, touch and go at the same time.
 *
 * Each thread drives the tasks of one CPU. Under ThreadSanitizer this shows that the list of tasks,
 * the pools and the counters are shared safely; afterwards all memory must be back.
 */
#include "mm/task.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>

#define CPUS 4
#define ROUNDS 12

static struct nb_system *sys;

static void must(int err)
{
	if (err)
		abort(); /* cmocka's asserts are for the main thread */
}

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

		must(nb_task_create(sys, cpu, "worker", &t));
		must(nb_set_mempolicy(t, mode, &both));
		must(nb_mmap(t, 0, 8 << 20, NB_PROT_READ | NB_PROT_WRITE, 0, &a));
		must(nb_touch(t, a, 4 << 20, true, &n));
		must(nb_munmap(t, a + (1 << 20), 1 << 20));
		must(nb_mbind(t, a + (4 << 20), 1 << 20, NB_MPOL_BIND, &one, 0));
		must(nb_touch(t, a + (4 << 20), 4 << 20, round & 1, &n));
		must(nb_zone_info(sys, 0, NB_ZONE_DMA32, &zone));
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

static void boot(struct nb_port *port, struct nb_machine **ret_m)
{
	struct nb_error err = {0};
	struct nb_machine *m;

	nb_port_posix(port, true);
	m = nb_machine_new(port);
	for (int i = 0; i < CPUS; i++) {
		struct nb_cpu c = {.id = i,
				   .nid = i / 2,
				   .online = true,
				   .package = -1,
				   .die = -1,
				   .cluster = -1,
				   .core = -1,
				   .llc = -1};
		struct nb_node node = {.id = i / 2, .online = true};
		struct nb_mem_range range = {.start = (uint64_t)(i / 2) << 28,
					     .end = (uint64_t)(i / 2 + 1) << 28,
					     .nid = i / 2};

		assert_int_equal(nb_machine_add_cpu(m, &c), 0);
		if (i % 2)
			continue;
		assert_int_equal(nb_machine_add_node(m, &node), 0);
		assert_int_equal(nb_machine_add_range(m, &range), 0);
	}
	if (nb_machine_seal(m, &err) || nb_system_boot(port, m, NULL, &sys, &err))
		fail_msg("%s", err.text);
	*ret_m = m;
}

/* Four threads run fn; afterwards everything is right and all memory is back. */
static void run(void *(*fn)(void *), struct nb_machine *m, uint64_t free_pages)
{
	struct nb_error err = {0};
	struct nb_system_info after;
	pthread_t thread[CPUS];
	int cpu[CPUS];

	for (int i = 0; i < CPUS; i++) {
		cpu[i] = i;
		assert_int_equal(pthread_create(&thread[i], NULL, fn, &cpu[i]), 0);
	}
	for (int i = 0; i < CPUS; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	if (nb_system_check(sys, &err))
		fail_msg("%s", err.text);
	nb_drain_pages(sys, -1);
	nb_system_info(sys, &after);
	assert_int_equal(after.free_pages, free_pages);
	nb_system_shutdown(sys);
	nb_machine_free(m);
}

static void test_four_cpus(void **state)
{
	struct nb_system_info before;
	struct nb_machine *m;
	struct nb_port port;

	(void)state;
	boot(&port, &m);
	nb_system_info(sys, &before);
	run(drive, m, before.free_pages);
}

static void test_families(void **state)
{
	for (int threads = 0; threads < 2; threads++) {
		struct nb_system_info before;
		struct nb_machine *m;
		struct nb_port port;
		struct nb_task *t;
		uint64_t n;

		(void)state;
		boot(&port, &m);
		nb_system_info(sys, &before);
		must(nb_task_create(sys, 0, "first", &t));
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
		run(threads ? drive_thread : drive_child, m, before.free_pages);
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
