/* file_threads.c -- tasks on four CPUs read, write, map and cut the same files at the same time.
 *
 * Afterwards marks, counts and references are recounted, and with the files all memory comes back.
 * Each thread has pages of its own in the files, between those of the others, whose bytes it finds
 * as it left them. Under ThreadSanitizer it shows what the file's lock and the pages' do not guard.
 */
#include "threadbox.h"

#define ROUNDS 60u
#define PAGES 600u

static struct threadbox box;
static struct nb_address_space *file, *shm, *cut;

/* Everything that a file can go through; the bytes are nobody's. */
static void *drive(void *arg)
{
	int cpu = *(int *)arg;
	uint64_t seed = (uint64_t)cpu + 1, a, n;
	struct nb_task *t;

	must(nb_task_create(box.sys, cpu, "worker", &t));
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

/* A file that is cut and grows while others map it: behind its end is a bus error. */
static void *drive_cut(void *arg)
{
	int cpu = *(int *)arg, err;
	uint64_t seed = (uint64_t)cpu + 7, a, n;
	struct nb_task *t;

	must(nb_task_create(box.sys, cpu, "cutter", &t));
	for (unsigned round = 0; round < ROUNDS; round++) {
		uint64_t first = rnd(&seed, PAGES - 64), pages = 1 + rnd(&seed, 64);
		bool shared = rnd(&seed, 2);

		if (rnd(&seed, 3) == 0)
			must(nb_file_truncate(t, cut, rnd(&seed, PAGES * PAGE)));
		else
			must(nb_file_write(t, cut, first * PAGE, NULL, pages * PAGE, &n));
		must(nb_mmap_file(t, cut, first * PAGE, 0, pages * PAGE,
				  NB_PROT_READ | NB_PROT_WRITE, shared ? NB_MAP_SHARED : 0, &a));
		err = nb_touch(t, a, pages * PAGE, rnd(&seed, 2), &n);
		if (err && err != -NB_EFAULT)
			abort();
		must(nb_file_read(t, cut, first * PAGE, NULL, pages * PAGE, &n));
		must(nb_munmap(t, a, pages * PAGE));
	}
	nb_task_exit(t);
	nb_task_put(t);
	return NULL;
}

static uint64_t word_of(int cpu, uint64_t i, unsigned round)
{
	uint64_t state = i * CPUS + (unsigned)cpu + round * UINT64_C(1000003);

	return rnd(&state, UINT64_MAX);
}

/* Pages i * CPUS + cpu of a file are this thread's, by write() and by mapping in turn. */
static void own_pages(struct nb_task *t, struct nb_address_space *as, unsigned round)
{
	uint64_t a, n, word, at;
	int cpu = t->cpu;

	must(nb_mmap_file(t, as, 0, 0, PAGES * PAGE, NB_PROT_READ | NB_PROT_WRITE, NB_MAP_SHARED,
			  &a));
	for (uint64_t i = round % 3; i < PAGES / CPUS; i += 3) {
		at = (i * CPUS + (unsigned)cpu) * PAGE + i % 512 * 8;
		word = word_of(cpu, i, round);
		if (i & 1)
			must(nb_file_write(t, as, at, &word, sizeof(word), &n));
		else if (!threadbox_access(t, a + at, &word, true))
			abort();
	}
	if (round % 4 == 1)
		must(nb_file_sync(t, as));
	if (round % 4 == 3)
		must(nb_file_fadvise(t, as, 0, 0, NB_FADV_DONTNEED));
	for (uint64_t i = round % 3; i < PAGES / CPUS; i += 3) {
		at = (i * CPUS + (unsigned)cpu) * PAGE + i % 512 * 8;
		if (!(i & 1))
			must(nb_file_read(t, as, at, &word, sizeof(word), &n));
		else if (!threadbox_access(t, a + at, &word, false))
			abort();
		if (word != word_of(cpu, i, round))
			abort();
	}
	must(nb_munmap(t, a, PAGES * PAGE));
}

static void *drive_bytes(void *arg)
{
	int cpu = *(int *)arg;
	struct nb_task *t;

	must(nb_task_create(box.sys, cpu, "writer", &t));
	for (unsigned round = 0; round < 12; round++)
		own_pages(t, round & 1 ? file : shm, round / 2);
	nb_task_exit(t);
	nb_task_put(t);
	return NULL;
}

static void run(void *(*fn)(void *), bool backed, bool daemons)
{
	threadbox_open(&box, 27, backed);
	assert_int_equal(nb_file_create(box.sys, "data", PAGES * PAGE, &file), 0);
	assert_int_equal(nb_file_create(box.sys, "cut", PAGES * PAGE, &cut), 0);
	assert_int_equal(nb_shmem_create(box.sys, "shm", PAGES * PAGE, "interleave:0-1", &shm), 0);
	if (daemons)
		threadbox_start_daemons(&box);
	threadbox_run(fn);
	threadbox_stop_daemons(&box);
	threadbox_check(&box);
	nb_file_put(file);
	nb_file_put(cut);
	nb_file_put(shm);
	nb_disk_complete(box.sys, UINT64_MAX);
	assert_null(nb_file_at(box.sys, 0));
	threadbox_close(&box);
}

static void test_files(void **state)
{
	(void)state;
	run(drive, false, false);
	run(drive, false, true);
}

static void test_cut(void **state)
{
	(void)state;
	run(drive_cut, false, false);
	run(drive_cut, false, true);
}

static void test_bytes(void **state)
{
	(void)state;
	run(drive_bytes, true, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
