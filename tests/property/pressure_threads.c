/* pressure_threads.c -- four tasks at once on a machine that is too small for them.
 *
 * Each thread drives a task of its own on a CPU of its own: maps, touches, pages out, forks,
 * unmaps, reads and writes a file, so that reclaim of one meets the address spaces of the others.
 * Where it is killed it begins anew. With both forms of the lists; without daemons, and with
 * kswapd, flusher and clock in threads of their own. Afterwards every page is in one place and all
 * memory comes back; what was written is read back the same, through swap, cache, write-back and
 * copies.
 */
#include "threadbox.h"

#include <numabox/swap.h>

#define ROUNDS 10
#define PAGES 2500u /* each; four of them are more than the 32 MiB */
#define FILE_PAGES 1024u
#define SMALL 24u /* 1 << SMALL bytes a node */

static struct threadbox box;
static struct nb_address_space *file;

/* ---- without bytes ---- */

static void *drive(void *arg)
{
	int cpu = *(int *)arg;

	for (unsigned round = 0; round < ROUNDS; round++) {
		struct nb_task *t;
		uint64_t a, n;

		must(nb_task_create(box.sys, cpu, "worker", &t));
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

/* ---- with bytes ---- */

/* What page i of somebody's memory holds; never 0. */
static uint64_t value(uint64_t seed, uint64_t i)
{
	uint64_t state = seed * 1000003 + i;

	return rnd(&state, UINT64_MAX - 1) + 1;
}

/* Page i of a mapping is as it was left. false: killed. */
static bool same(struct nb_task *t, uint64_t a, uint64_t i, uint64_t want)
{
	uint64_t word;

	if (!threadbox_access(t, a + i * PAGE + i % 512 * 8, &word, false))
		return false;
	if (word != want)
		abort();
	return true;
}

static bool put(struct nb_task *t, uint64_t a, uint64_t i, uint64_t word)
{
	return threadbox_access(t, a + i * PAGE + i % 512 * 8, &word, true);
}

/* A child sees what its parent had, and its own writes stay its own. */
static bool fork_and_look(struct nb_task *t, uint64_t a, uint64_t seed, unsigned pages)
{
	struct nb_task *child;
	bool alive = true;

	if (nb_task_fork(t, &child))
		return nb_task_alive(t);
	for (unsigned i = 0; alive && i < pages; i += 3)
		alive = same(child, a, i, value(seed, i)) && put(child, a, i, value(~seed, i)) &&
			same(child, a, i, value(~seed, i));
	nb_task_exit(child);
	nb_task_put(child);
	for (unsigned i = 0; i < pages; i += 3) {
		if (!same(t, a, i, value(seed, i)))
			return false;
	}
	return true;
}

/* Each thread writes its own pages of the file, and reads them back. */
static bool use_file(struct nb_task *t, int cpu, uint64_t *left, uint64_t seed)
{
	uint64_t n, word[2], i = rnd(&seed, FILE_PAGES / CPUS), at;

	for (unsigned k = 0; k < 24; k++, i = (i + 7) % (FILE_PAGES / CPUS)) {
		at = (i * CPUS + (unsigned)cpu) * PAGE + i % 500 * 8;
		if (left[i]) {
			if (nb_file_read(t, file, at, word, sizeof(word), &n) || n != sizeof(word))
				return nb_task_alive(t);
			if (word[0] != left[i] || word[1] != ~left[i])
				abort();
		}
		word[0] = value(seed, i);
		word[1] = ~word[0];
		if (nb_file_write(t, file, at, word, sizeof(word), &n) || !nb_task_alive(t)) {
			left[i] = 0; /* who knows */
			return nb_task_alive(t);
		}
		left[i] = n == sizeof(word) ? word[0] : 0;
	}
	return true;
}

static bool live(struct nb_task *t, int cpu, uint64_t *left, uint64_t seed)
{
	const unsigned pages = 900;
	uint64_t a;

	must(nb_mmap(t, 0, pages * PAGE, NB_PROT_READ | NB_PROT_WRITE, 0, &a));
	for (unsigned i = 0; i < pages; i++) {
		if (!put(t, a, i, value(seed, i)))
			return false;
	}
	if (!use_file(t, cpu, left, seed) || nb_madvise(t, a, 200 * PAGE, NB_MADV_PAGEOUT))
		return false;
	for (unsigned i = 0; i < pages; i += 1 + i % 3) {
		if (!same(t, a, i, value(seed, i)))
			return false;
	}
	return fork_and_look(t, a, seed, 200);
}

static void *drive_bytes(void *arg)
{
	int cpu = *(int *)arg;
	uint64_t left[FILE_PAGES / CPUS] = {0};

	for (unsigned round = 0; round < 3; round++) {
		struct nb_task *t;

		must(nb_task_create(box.sys, cpu, "worker", &t));
		(void)live(t, cpu, left, round * CPUS + (unsigned)cpu + 1);
		nb_task_exit(t);
		nb_task_put(t);
	}
	return NULL;
}

/* ---- runs ---- */

static void run(void *(*fn)(void *), bool gen, bool swap, bool bytes)
{
	struct nb_swap_options opt = {.pages = 16384, .priority = -1};
	unsigned area;

	threadbox_open(&box, bytes ? SMALL - 1 : SMALL, bytes);
	assert_int_equal(nb_lru_gen_set_enabled(box.sys, gen), 0);
	if (swap)
		assert_int_equal(nb_swapon(box.sys, &opt, &area), 0);
	if (bytes) {
		assert_int_equal(nb_file_create(box.sys, "data", FILE_PAGES * PAGE, &file), 0);
		threadbox_start_daemons(&box);
	}
	threadbox_run(fn);
	threadbox_stop_daemons(&box);
	threadbox_check(&box);
	if (swap)
		assert_int_equal(nb_swapoff(box.sys, area), 0);
	if (bytes) {
		nb_file_put(file);
		nb_disk_complete(box.sys, UINT64_MAX);
	}
	threadbox_check(&box);
	threadbox_close(&box);
}

static void test_swap(void **state)
{
	(void)state;
	run(drive, false, true, false);
	run(drive, true, true, false);
}

static void test_kills(void **state)
{
	(void)state;
	run(drive, false, false, false);
}

static void test_bytes(void **state)
{
	(void)state;
	run(drive_bytes, false, true, true);
	run(drive_bytes, true, true, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_swap),
		cmocka_unit_test(test_kills),
		cmocka_unit_test(test_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
