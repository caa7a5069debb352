/* file_threads.c -- tasks on four CPUs read, write and map the same files at the same time.
 *
 * Afterwards marks, counts and references are recounted, and with the files all memory comes back.
 * Under ThreadSanitizer it shows what the file's lock does not guard.
 */
#include "mm/lru.h"
#include "mm/writeback.h"

#include <numabox/file.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>

#define CPUS 4
#define ROUNDS 60u
#define PAGES 600u
#define PAGE UINT64_C(4096)

static struct nb_system *sys;
static struct nb_address_space *file, *shm;

static void must(int err)
{
	if (err)
		abort(); /* cmocka's asserts are for the main thread */
}

static uint64_t rnd(uint64_t *state, uint64_t below)
{
	uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return (x ^ x >> 31) % below;
}

static void *drive(void *arg)
{
	int cpu = *(int *)arg;
	uint64_t seed = (uint64_t)cpu + 1, a, n;
	struct nb_task *t;

	must(nb_task_create(sys, cpu, "worker", &t));
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct nb_address_space *as = rnd(&seed, 3) ? file : shm;
		uint64_t first = rnd(&seed, PAGES - 64), pages = 1 + rnd(&seed, 64);

		must(nb_file_read(t, as, first * PAGE, NULL, pages * PAGE, &n));
		must(nb_file_write(t, as, first * PAGE, NULL, pages * PAGE / 2 + 1, &n));
		must(nb_mmap_file(t, as, first * PAGE, 0, pages * PAGE,
				  NB_PROT_READ | NB_PROT_WRITE, rnd(&seed, 2) ? NB_MAP_SHARED : 0,
				  &a));
		must(nb_touch(t, a, pages * PAGE, false, &n));
		must(nb_touch(t, a, pages * PAGE / 2, true, &n));
		if (round % 8 == 7)
			must(nb_file_sync(t, file));
		if (round % 16 == 15)
			must(nb_file_fadvise(t, file, 0, 0, NB_FADV_DONTNEED));
		must(nb_munmap(t, a, pages * PAGE));
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
		struct nb_mem_range range = {.start = (uint64_t)(i / 2) << 27,
					     .end = (uint64_t)(i / 2 + 1) << 27,
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

static uint64_t free_pages(void)
{
	struct nb_system_info info;

	nb_lru_add_drain_all(sys);
	nb_drain_pages(sys, -1);
	nb_system_info(sys, &info);
	return info.free_pages;
}

static void test_files(void **state)
{
	struct nb_error err = {0};
	pthread_t thread[CPUS];
	int cpu[CPUS];
	struct nb_machine *m;
	struct nb_port port;
	uint64_t before;

	(void)state;
	boot(&port, &m);
	before = free_pages();
	assert_int_equal(nb_file_create(sys, "data", PAGES * PAGE, &file), 0);
	assert_int_equal(nb_shmem_create(sys, "shm", PAGES * PAGE, "interleave:0-1", &shm), 0);
	for (int i = 0; i < CPUS; i++) {
		cpu[i] = i;
		assert_int_equal(pthread_create(&thread[i], NULL, drive, &cpu[i]), 0);
	}
	for (int i = 0; i < CPUS; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	if (nb_system_check(sys, &err))
		fail_msg("%s", err.text);
	nb_file_put(file);
	nb_file_put(shm);
	nb_disk_complete(sys, UINT64_MAX);
	assert_null(nb_file_at(sys, 0));
	assert_int_equal(free_pages(), before);
	nb_system_shutdown(sys);
	nb_machine_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_files)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
