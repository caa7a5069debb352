/* pressure_threads.c -- four tasks at once on a machine that is too small for them.
 *
 * Each thread drives a task of its own on a CPU of its own: maps, touches, pages out, unmaps, so
 * that reclaim of one meets the address spaces of the others. Where it is killed it begins anew.
 * With both forms of the lists. Afterwards every page is in one place and all memory comes back.
 */
#include "mm/task.h"

#include <numabox/reclaim.h>
#include <numabox/swap.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>

#define CPUS 4
#define ROUNDS 24
#define PAGE UINT64_C(4096)
#define PAGES 2500u /* each; four of them are more than the 32 MiB */

static struct nb_system *sys;

static void must(int err)
{
	if (err)
		abort(); /* cmocka's asserts are for the main thread */
}

static void *drive(void *arg)
{
	int cpu = *(int *)arg;

	for (unsigned round = 0; round < ROUNDS; round++) {
		struct nb_task *t;
		uint64_t a, n;

		must(nb_task_create(sys, cpu, "worker", &t));
		must(nb_mmap(t, 0, PAGES * PAGE, NB_PROT_READ | NB_PROT_WRITE, 0, &a));
		if (!nb_touch(t, a, PAGES * PAGE, true, &n)) {
			(void)nb_touch(t, a, PAGES / 2 * PAGE, round & 1, &n);
			if (nb_task_alive(t))
				(void)nb_madvise(t, a, 500 * PAGE, NB_MADV_PAGEOUT);
			if (nb_task_alive(t))
				(void)nb_munmap(t, a + 1000 * PAGE, 500 * PAGE);
			if (nb_task_alive(t))
				(void)nb_touch(t, a, 800 * PAGE, true, &n);
		}
		nb_task_exit(t);
		nb_task_put(t);
	}
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
		struct nb_mem_range range = {.start = (uint64_t)(i / 2) << 24,
					     .end = (uint64_t)(i / 2 + 1) << 24,
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

static void run(bool gen, bool swap)
{
	struct nb_swap_options opt = {.pages = 16384, .priority = -1};
	struct nb_system_info before, after;
	struct nb_error err = {0};
	struct nb_machine *m;
	struct nb_port port;
	pthread_t thread[CPUS];
	int cpu[CPUS];
	unsigned area;

	boot(&port, &m);
	assert_int_equal(nb_lru_gen_set_enabled(sys, gen), 0);
	if (swap)
		assert_int_equal(nb_swapon(sys, &opt, &area), 0);
	nb_system_info(sys, &before);
	for (int i = 0; i < CPUS; i++) {
		cpu[i] = i;
		assert_int_equal(pthread_create(&thread[i], NULL, drive, &cpu[i]), 0);
	}
	for (int i = 0; i < CPUS; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	if (nb_system_check(sys, &err))
		fail_msg("%s", err.text);
	if (swap)
		assert_int_equal(nb_swapoff(sys, area), 0);
	nb_drain_pages(sys, -1);
	nb_system_info(sys, &after);
	assert_int_equal(after.free_pages, before.free_pages);
	nb_system_shutdown(sys);
	nb_machine_free(m);
}

static void test_swap(void **state)
{
	(void)state;
	run(false, true);
	run(true, true);
}

static void test_kills(void **state)
{
	(void)state;
	run(false, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_swap),
		cmocka_unit_test(test_kills),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
