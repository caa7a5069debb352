/* alloc.c -- what one call of the page allocator costs.
 *
 * Each line is the best of a few rounds (bench/patterns.h), in CPU time of the thread that works,
 * so that other load on the machine shows little. "Pair" is one request and one free by the full
 * path: flags, node, zonelist, watermark, page set, counters.
 *
 *   bench-alloc               the whole report
 *   bench-alloc keys          "pattern nanoseconds" lines, as bench-malloc prints them
 *   bench-alloc count WHAT N  N pairs and nothing else, for callgrind: hot, threaded, bulk, order9
 */
#define _GNU_SOURCE
#include "read/machine.h"

#include <numabox/task.h>
#include <stdlib.h>
#include <sys/resource.h>

typedef nb_pfn_t block_t;
#define NO_BLOCK ((nb_pfn_t)0)

struct bench {
	struct nb_port port;
	struct nb_machine *m;
	struct nb_system *sys;
	block_t *block;
};

static inline block_t take(struct bench *b, int cpu, unsigned order)
{
	const struct nb_alloc_request rq = {
		.gfp = NB_GFP_HIGHUSER_MOVABLE, .order = order, .cpu = cpu, .nid = NB_NO_NODE};
	nb_pfn_t pfn = nb_alloc_pages(b->sys, &rq);

	if (__builtin_expect(pfn == NB_NO_PFN, 0))
		abort();
	return pfn;
}

static inline void give(struct bench *b, int cpu, block_t pfn, unsigned order)
{
	if (__builtin_expect(nb_free_pages(b->sys, cpu, pfn, order), 0))
		abort();
}

#include "patterns.h"

static void boot(struct bench *b, bool threaded, size_t n)
{
	struct nb_error err = {0};

	nb_port_posix(&b->port, threaded);
	if (nb_read_machine(&b->port, "2x80G", NULL, &b->m, NULL, &err) ||
	    nb_system_boot(&b->port, b->m, NULL, &b->sys, &err)) {
		fprintf(stderr, "bench-alloc: %s\n", err.text);
		exit(1);
	}
	b->block = blocks(n);
}

static void shutdown(struct bench *b, size_t n)
{
	munmap(b->block, n * sizeof(block_t));
	nb_system_shutdown(b->sys);
	nb_machine_free(b->m);
}

static void report(const char *what, double s)
{
	printf("  %-34s %7.1f ns   %6.1f million pairs/s\n", what, s * 1e9, 1e-6 / s);
}

static void one_thread(bool threaded)
{
	struct bench b;
	double best[4] = {1, 1, 1, 1};

	boot(&b, threaded, 64 * GIB_PAGES);
	for (unsigned r = 0; r < ROUNDS; r++) {
		best[0] = least(best[0], hot(&b, 0, 4000000));
		best[1] = least(best[1], bulk(&b, 0, GIB_PAGES));
		best[2] = least(best[2], hot(&b, 9, 1000000));
		best[3] = least(best[3], bulk(&b, 9, 8192));
	}
	printf("%s system, one thread\n", threaded ? "threaded" : "single-threaded");
	report("order 0, hot", best[0]);
	report("order 0, bulk of 1 GiB", best[1]);
	report("order 9, hot", best[2]);
	report("order 9, bulk of 16 GiB", best[3]);
	report("order 0, random over 1 GiB", best_random(&b, GIB_PAGES));
	report("order 0, random over 64 GiB", best_random(&b, 64 * GIB_PAGES));
	shutdown(&b, 64 * GIB_PAGES);
}

/* cpu: one thread, two, two with each other's pages; wall: the same by the clock on the wall. */
static void threads(struct bench *b, unsigned n, double cpu[3], double wall[3])
{
	for (unsigned r = 0; r < ROUNDS; r++) {
		wall[0] = least(wall[0], run_threads(b, 1, n, bulk_thread, bulk_thread, &cpu[0]));
		wall[1] = least(wall[1], run_threads(b, 2, n, bulk_thread, bulk_thread, &cpu[1]));
		wall[2] =
			least(wall[2], run_threads(b, 2, n, taking_thread, giving_thread, &cpu[2]));
	}
}

static void two_threads(void)
{
	double cpu[3] = {1, 1, 1}, wall[3] = {1, 1, 1};
	struct bench b;

	boot(&b, true, 1);
	threads(&b, 64 * THREAD_BLOCKS, cpu, wall);
	printf("threaded system, CPU time of the busier thread over all pairs\n");
	report("order 0, bulk, one thread", cpu[0]);
	report("order 0, bulk, two threads", cpu[1]);
	report("order 0, others' pages", cpu[2]);
	printf("  two threads do %.2f times as much as one, %.2f times when one frees what the "
	       "other took\n  (by wall time %.2f and %.2f: this wants two CPUs that do nothing "
	       "else)\n",
	       cpu[0] / cpu[1], cpu[0] / cpu[2], wall[0] / wall[1], wall[0] / wall[2]);
	shutdown(&b, 1);
}

/* CPU time of the program itself, without its calls of the host. */
static double own_s(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)u.ru_utime.tv_sec + (double)u.ru_utime.tv_usec / 1e6;
}

static void touch(uint64_t bytes)
{
	struct nb_task *t;
	uint64_t addr, faulted = 0;
	struct bench b;
	double start, own;

	boot(&b, false, 1);
	if (nb_task_create(b.sys, 0, "bench", &t))
		return;
	if (!nb_mmap(t, 0, bytes, NB_PROT_READ | NB_PROT_WRITE, 0, &addr)) {
		start = cpu_s();
		own = own_s();
		nb_touch(t, addr, bytes, true, &faulted);
		start = cpu_s() - start;
		own = own_s() - own;
		printf("first touch: %.1f ns a page of %llu, and %.1f ns of the host's, for "
		       "memory\n",
		       own * 1e9 / (double)(faulted ? faulted : 1), (unsigned long long)faulted,
		       (start - own) * 1e9 / (double)(faulted ? faulted : 1));
	}
	nb_task_exit(t);
	nb_task_put(t);
	shutdown(&b, 1);
}

static int keys(void)
{
	double one[3] = {1, 1, 1}, cpu[3] = {1, 1, 1}, wall[3] = {1, 1, 1};
	struct bench b;

	boot(&b, false, GIB_PAGES);
	for (unsigned r = 0; r < ROUNDS; r++) {
		one[0] = least(one[0], hot(&b, 0, 2000000));
		one[1] = least(one[1], bulk(&b, 0, GIB_PAGES));
	}
	one[2] = best_random(&b, GIB_PAGES);
	shutdown(&b, GIB_PAGES);
	boot(&b, true, 1);
	threads(&b, 32 * THREAD_BLOCKS, cpu, wall);
	shutdown(&b, 1);
	printf("hot %.2f\nbulk %.2f\nrandom %.2f\none %.2f\ntwo %.2f\nothers %.2f\n", one[0] * 1e9,
	       one[1] * 1e9, one[2] * 1e9, cpu[0] * 1e9, cpu[1] * 1e9, cpu[2] * 1e9);
	return 0;
}

static int count(const char *what, unsigned n)
{
	bool order9 = strcmp(what, "order9") == 0;
	struct bench b;

	boot(&b, strcmp(what, "threaded") == 0, n);
	if (strcmp(what, "bulk") == 0)
		bulk(&b, 0, n);
	else
		hot(&b, order9 ? 9 : 0, n);
	shutdown(&b, n);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 3 && strcmp(argv[1], "count") == 0)
		return count(argv[2], (unsigned)strtoul(argv[3], NULL, 10));
	if (argc > 1 && strcmp(argv[1], "keys") == 0)
		return keys();
	one_thread(false);
	one_thread(true);
	two_threads();
	touch(UINT64_C(32) << 30);
	return 0;
}
