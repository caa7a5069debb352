/* patterns.h -- the same work for any allocator of pages: hot, bulk, random, threads.
 *
 * Included by a program after it has defined block_t, NO_BLOCK (0-like: not a block), and
 *   static inline block_t take(struct bench *b, int cpu, unsigned order)
 *   static inline void give(struct bench *b, int cpu, block_t block, unsigned order)
 * and struct bench with a field `block_t *block` that holds as many as the pattern takes. Times are
 * CPU time of the thread that works, per pair of one request and one free; for several threads wall
 * time too.
 */
#ifndef BENCH_PATTERNS_H
#define BENCH_PATTERNS_H

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { ROUNDS = 5, GIB_PAGES = 262144, AHEAD = 16 };

static double clock_s(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double cpu_s(void)
{
	return clock_s(CLOCK_THREAD_CPUTIME_ID);
}

static double least(double a, double b)
{
	return a < b ? a : b;
}

/* An array that costs as little as it can when it is walked at random: huge pages if there are any.
 */
static block_t *blocks(size_t n)
{
	size_t bytes = n * sizeof(block_t);
	block_t *p = mmap(NULL, bytes + ((size_t)2 << 20), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		exit(1);
	(void)madvise(p, bytes, MADV_HUGEPAGE);
	memset(p, 0, bytes);
	return p;
}

/* A block is taken and given back at once. */
static double hot(struct bench *b, unsigned order, unsigned n)
{
	double start = cpu_s();

	for (unsigned i = 0; i < n; i++)
		give(b, 0, take(b, 0, order), order);
	return (cpu_s() - start) / n;
}

/* So many are taken one after the other, then given back in the same order. */
static double bulk(struct bench *b, unsigned order, unsigned n)
{
	double start = cpu_s();

	for (unsigned i = 0; i < n; i++)
		b->block[i] = take(b, 0, order);
	for (unsigned i = 0; i < n; i++)
		give(b, 0, b->block[i], order);
	return (cpu_s() - start) / n;
}

static inline uint64_t draw(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

/* That much is in use; a page of it, drawn at random, is given back and another taken. The bench's
 * own array is fetched ahead, so that what is waited for is the allocator's. */
static double random_pairs(struct bench *b, unsigned pages, unsigned n)
{
	uint64_t x = 88172645463325252u;
	unsigned next[AHEAD];
	double start = cpu_s();

	for (unsigned i = 0; i < AHEAD; i++)
		next[i] = (unsigned)(draw(&x) % pages);
	for (unsigned i = 0; i < n; i++) {
		unsigned k = next[i % AHEAD];

		next[i % AHEAD] = (unsigned)(draw(&x) % pages);
		__builtin_prefetch(&b->block[next[i % AHEAD]], 1);
		give(b, 0, b->block[k], 0);
		b->block[k] = take(b, 0, 0);
	}
	return (cpu_s() - start) / n;
}

static double best_random(struct bench *b, unsigned pages)
{
	double best = 1;

	for (unsigned i = 0; i < pages; i++)
		b->block[i] = take(b, 0, 0);
	random_pairs(b, pages, pages < 4000000 ? pages : 4000000);
	for (unsigned r = 0; r < ROUNDS; r++)
		best = least(best, random_pairs(b, pages, 2000000));
	for (unsigned i = 0; i < pages; i++)
		give(b, 0, b->block[i], 0);
	return best;
}

/* Two threads, a CPU each, with letter boxes between them. */
enum { LETTERS = 4096, THREAD_BLOCKS = 65536 };
struct worker {
	struct bench *b;
	int cpu;
	unsigned n;
	double cpu_s;
	struct letters {
		_Atomic(block_t) block[LETTERS];
	} * letters;
};

static void *bulk_thread(void *arg)
{
	struct worker *w = arg;
	block_t *block = malloc(sizeof(*block) * THREAD_BLOCKS);
	double start = cpu_s();

	for (unsigned done = 0; block && done < w->n; done += THREAD_BLOCKS) {
		for (unsigned i = 0; i < THREAD_BLOCKS; i++)
			block[i] = take(w->b, w->cpu, 0);
		for (unsigned i = 0; i < THREAD_BLOCKS; i++)
			give(w->b, w->cpu, block[i], 0);
	}
	w->cpu_s = cpu_s() - start;
	free(block);
	return NULL;
}

/* Letters are written and emptied in portions: a cache line of them changes hands once. */
enum { PORTION = 64 };

static void *taking_thread(void *arg)
{
	struct worker *w = arg;
	double start = cpu_s();

	for (unsigned i = 0; i < w->n; i += PORTION) {
		_Atomic(block_t) *slot = &w->letters->block[i % LETTERS];

		while (atomic_load_explicit(slot + PORTION - 1, memory_order_acquire) != NO_BLOCK)
			sched_yield();
		for (unsigned k = 0; k < PORTION; k++)
			atomic_store_explicit(slot + k, take(w->b, w->cpu, 0),
					      memory_order_release);
	}
	w->cpu_s = cpu_s() - start;
	return NULL;
}

static void *giving_thread(void *arg)
{
	struct worker *w = arg;
	double start = cpu_s();

	for (unsigned i = 0; i < w->n; i += PORTION) {
		_Atomic(block_t) *slot = &w->letters->block[i % LETTERS];

		while (atomic_load_explicit(slot + PORTION - 1, memory_order_acquire) == NO_BLOCK)
			sched_yield();
		for (unsigned k = 0; k < PORTION; k++) {
			block_t block = atomic_load_explicit(slot + k, memory_order_acquire);

			atomic_store_explicit(slot + k, NO_BLOCK, memory_order_release);
			give(w->b, w->cpu, block, 0);
		}
	}
	w->cpu_s = cpu_s() - start;
	return NULL;
}

/* Wall time a pair, all threads together; *best_cpu_s: CPU time a pair of the thread that needed
 * most, over the threads: what the wall time would be were there nothing else on the computer. */
static double run_threads(struct bench *b, unsigned threads, unsigned n, void *(*f)(void *),
			  void *(*g)(void *), double *best_cpu_s)
{
	static struct letters letters;
	struct worker w[2];
	pthread_t t[2];
	double start = clock_s(CLOCK_MONOTONIC), cpu = 0;

	for (unsigned i = 0; i < LETTERS; i++)
		atomic_store(&letters.block[i], NO_BLOCK);
	for (unsigned i = 0; i < threads; i++) {
		w[i] = (struct worker){.b = b, .cpu = (int)i, .n = n, .letters = &letters};
		if (pthread_create(&t[i], NULL, i ? g : f, &w[i]))
			exit(1);
	}
	for (unsigned i = 0; i < threads; i++) {
		pthread_join(t[i], NULL);
		cpu = w[i].cpu_s > cpu ? w[i].cpu_s : cpu;
	}
	double pairs = f == g ? (double)n * threads : n;

	*best_cpu_s = least(*best_cpu_s, cpu / pairs);
	return (clock_s(CLOCK_MONOTONIC) - start) / pairs;
}

#endif
