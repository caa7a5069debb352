/* malloc.c -- the patterns of bench/alloc.c for whatever malloc the program runs with.
 *
 * tools/bench.sh runs it once with glibc's and once with each other library in LD_PRELOAD, and puts
 * the figures beside each other. 4 KiB blocks, never written by the bench: what is measured is the
 * allocator. Prints "pattern nanoseconds" lines.
 */
#define _GNU_SOURCE
#include <stdlib.h>

typedef void *block_t;
#define NO_BLOCK NULL

struct bench {
	block_t *block;
};

static inline block_t take(struct bench *b, int cpu, unsigned order)
{
	void *p = malloc((size_t)4096 << order);

	(void)b;
	(void)cpu;
	if (!p)
		abort();
	/* the compiler must not see that nobody uses it */
	__asm__ volatile("" : : "r"(p) : "memory");
	return p;
}

static inline void give(struct bench *b, int cpu, block_t block, unsigned order)
{
	(void)b;
	(void)cpu;
	(void)order;
	free(block);
}

#include "patterns.h"

int main(void)
{
	const unsigned n = 32 * THREAD_BLOCKS;
	double one[3] = {1, 1, 1}, cpu[3] = {1, 1, 1};
	struct bench b = {.block = blocks(GIB_PAGES)};

	for (unsigned r = 0; r < ROUNDS; r++) {
		one[0] = least(one[0], hot(&b, 0, 2000000));
		one[1] = least(one[1], bulk(&b, 0, GIB_PAGES));
	}
	one[2] = best_random(&b, GIB_PAGES);
	for (unsigned r = 0; r < ROUNDS; r++) {
		run_threads(&b, 1, n, bulk_thread, bulk_thread, &cpu[0]);
		run_threads(&b, 2, n, bulk_thread, bulk_thread, &cpu[1]);
		run_threads(&b, 2, n, taking_thread, giving_thread, &cpu[2]);
	}
	printf("hot %.2f\nbulk %.2f\nrandom %.2f\none %.2f\ntwo %.2f\nothers %.2f\n", one[0] * 1e9,
	       one[1] * 1e9, one[2] * 1e9, cpu[0] * 1e9, cpu[1] * 1e9, cpu[2] * 1e9);
	return 0;
}
