/* alloc.c -- what one call of the page allocator costs.
 *
 * Each line is the best of a few rounds, in CPU time of the thread that works (so that other load
 * on the machine shows little), and for several threads in wall time too. "Pair" is one request and
 * one free by the full path: flags, node, zonelist, watermark, page set, counters.
 *
 *   hot      a page is taken and given back at once
 *   bulk     a gibibyte is taken page by page, then given back in the same order
 *   random   that much is in use; a page of it, drawn at random, is given back and another taken
 *   others'  what one thread takes another gives back
 *
 * `bench-alloc count N` runs N hot pairs and nothing else, for callgrind.
 */
#define _GNU_SOURCE
#include "read/machine.h"

#include <numabox/task.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { ROUNDS = 5, GIB_PAGES = 262144 };

struct bench {
	struct nb_port port;
	struct nb_machine *m;
	struct nb_system *sys;
	nb_pfn_t *pfn;
};

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

static void boot(struct bench *b, bool threaded)
{
	struct nb_error err = {0};

	nb_port_posix(&b->port, threaded);
	if (nb_read_machine(&b->port, "2x80G", NULL, &b->m, NULL, &err) ||
	    nb_system_boot(&b->port, b->m, NULL, &b->sys, &err)) {
		fprintf(stderr, "bench-alloc: %s\n", err.text);
		exit(1);
	}
}

static void shutdown(struct bench *b)
{
	nb_system_shutdown(b->sys);
	nb_machine_free(b->m);
}

/* An array that costs as little as it can when it is walked at random: huge pages if there are any.
 */
static nb_pfn_t *frames(size_t n)
{
	size_t bytes = n * sizeof(nb_pfn_t);
	nb_pfn_t *p = aligned_alloc((size_t)2 << 20, bytes);

	if (!p)
		exit(1);
	(void)madvise(p, bytes, MADV_HUGEPAGE);
	memset(p, 0, bytes);
	return p;
}

static nb_pfn_t take(struct nb_system *sys, int cpu, nb_gfp_t gfp, unsigned order)
{
	const struct nb_alloc_request rq = {
		.gfp = gfp, .order = order, .cpu = cpu, .nid = NB_NO_NODE};
	nb_pfn_t pfn = nb_alloc_pages(sys, &rq);

	if (pfn == NB_NO_PFN) {
		fprintf(stderr, "bench-alloc: out of memory\n");
		exit(1);
	}
	return pfn;
}

static void give(struct nb_system *sys, int cpu, nb_pfn_t pfn, unsigned order)
{
	if (nb_free_pages(sys, cpu, pfn, order)) {
		fprintf(stderr, "bench-alloc: frame %llx is not ours\n", (unsigned long long)pfn);
		exit(1);
	}
}

static double hot(struct bench *b, unsigned order, unsigned n)
{
	double start = cpu_s();

	for (unsigned i = 0; i < n; i++)
		give(b->sys, 0, take(b->sys, 0, NB_GFP_KERNEL, order), order);
	return (cpu_s() - start) / n;
}

static double bulk(struct bench *b, unsigned order, unsigned n)
{
	double start = cpu_s();

	for (unsigned i = 0; i < n; i++)
		b->pfn[i] = take(b->sys, 0, NB_GFP_HIGHUSER_MOVABLE, order);
	for (unsigned i = 0; i < n; i++)
		give(b->sys, 0, b->pfn[i], order);
	return (cpu_s() - start) / n;
}

static double random_pairs(struct bench *b, unsigned pages, unsigned n)
{
	uint64_t x = 88172645463325252u;
	double start = cpu_s();

	for (unsigned i = 0; i < n; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		unsigned k = (unsigned)(x % pages);

		give(b->sys, 0, b->pfn[k], 0);
		b->pfn[k] = take(b->sys, 0, NB_GFP_HIGHUSER_MOVABLE, 0);
	}
	return (cpu_s() - start) / n;
}

static void report(const char *what, double s)
{
	printf("  %-34s %7.1f ns   %6.1f million pairs/s\n", what, s * 1e9, 1e-6 / s);
}

static void report_random(struct bench *b, const char *what, unsigned pages)
{
	double best = 1;

	for (unsigned i = 0; i < pages; i++)
		b->pfn[i] = take(b->sys, 0, NB_GFP_HIGHUSER_MOVABLE, 0);
	random_pairs(b, pages, pages < 4000000 ? pages : 4000000);
	for (unsigned r = 0; r < ROUNDS; r++) {
		double s = random_pairs(b, pages, 2000000);

		best = s < best ? s : best;
	}
	report(what, best);
	for (unsigned i = 0; i < pages; i++)
		give(b->sys, 0, b->pfn[i], 0);
}

static void one_thread(bool threaded)
{
	struct bench b;
	double best[4] = {1, 1, 1, 1};

	boot(&b, threaded);
	b.pfn = frames(64 * GIB_PAGES);
	for (unsigned r = 0; r < ROUNDS; r++) {
		double s[4] = {hot(&b, 0, 4000000), bulk(&b, 0, GIB_PAGES), hot(&b, 9, 1000000),
			       bulk(&b, 9, 8192)};

		for (unsigned i = 0; i < 4; i++)
			best[i] = s[i] < best[i] ? s[i] : best[i];
	}
	printf("%s system, one thread\n", threaded ? "threaded" : "single-threaded");
	report("order 0, hot", best[0]);
	report("order 0, bulk of 1 GiB", best[1]);
	report("order 9, hot", best[2]);
	report("order 9, bulk of 16 GiB", best[3]);
	report_random(&b, "order 0, random over 1 GiB", GIB_PAGES);
	report_random(&b, "order 0, random over 64 GiB", 64 * GIB_PAGES);
	free(b.pfn);
	shutdown(&b);
}

/* Two threads, a CPU of node 0 each. */
enum { LETTERS = 4096 };
struct pair {
	struct bench *b;
	int cpu;
	unsigned n;
	double cpu_s;
	struct letters {
		_Atomic nb_pfn_t pfn[LETTERS];
	} * letters;
};

static void *bulk_thread(void *arg)
{
	struct pair *p = arg;
	nb_pfn_t *pfn = malloc(sizeof(*pfn) * 65536);
	double start = cpu_s();

	for (unsigned done = 0; pfn && done < p->n; done += 65536) {
		for (unsigned i = 0; i < 65536; i++)
			pfn[i] = take(p->b->sys, p->cpu, NB_GFP_HIGHUSER_MOVABLE, 0);
		for (unsigned i = 0; i < 65536; i++)
			give(p->b->sys, p->cpu, pfn[i], 0);
	}
	p->cpu_s = cpu_s() - start;
	free(pfn);
	return NULL;
}

static void *taking_thread(void *arg)
{
	struct pair *p = arg;
	double start = cpu_s();

	for (unsigned i = 0; i < p->n; i++) {
		_Atomic nb_pfn_t *slot = &p->letters->pfn[i % LETTERS];
		nb_pfn_t pfn = take(p->b->sys, p->cpu, NB_GFP_HIGHUSER_MOVABLE, 0);

		while (atomic_load_explicit(slot, memory_order_acquire))
			p->b->port.relax(p->b->port.ctx);
		atomic_store_explicit(slot, pfn + 1, memory_order_release);
	}
	p->cpu_s = cpu_s() - start;
	return NULL;
}

static void *giving_thread(void *arg)
{
	struct pair *p = arg;
	double start = cpu_s();

	for (unsigned i = 0; i < p->n; i++) {
		_Atomic nb_pfn_t *slot = &p->letters->pfn[i % LETTERS];
		nb_pfn_t pfn;

		while (!(pfn = atomic_load_explicit(slot, memory_order_acquire)))
			p->b->port.relax(p->b->port.ctx);
		atomic_store_explicit(slot, 0, memory_order_release);
		give(p->b->sys, p->cpu, pfn - 1, 0);
	}
	p->cpu_s = cpu_s() - start;
	return NULL;
}

/* Wall time a pair, all threads together; *ret_cpu_s is CPU time a pair. */
static double run_threads(struct bench *b, unsigned threads, unsigned n, void *(*f)(void *),
			  void *(*g)(void *), double *best_cpu_s)
{
	double cpu = 0;

	static struct letters letters;
	struct pair p[2];
	pthread_t t[2];
	double start = clock_s(CLOCK_MONOTONIC);

	for (unsigned i = 0; i < threads; i++) {
		p[i] = (struct pair){.b = b, .cpu = (int)i, .n = n, .letters = &letters};
		if (pthread_create(&t[i], NULL, i ? g : f, &p[i]))
			exit(1);
	}
	for (unsigned i = 0; i < threads; i++)
		pthread_join(t[i], NULL);
	start = (clock_s(CLOCK_MONOTONIC) - start) / n / (f == g ? threads : 1);
	for (unsigned i = 0; i < threads; i++)
		cpu += p[i].cpu_s / n / (f == g ? threads : 1);
	*best_cpu_s = cpu < *best_cpu_s ? cpu : *best_cpu_s;
	return start;
}

static void two_threads(void)
{
	double one = 1, two = 1, others = 1, cpu[3] = {1, 1, 1};
	const unsigned n = 64 * 65536;
	struct bench b;

	boot(&b, true);
	for (unsigned r = 0; r < ROUNDS; r++) {
		double s[3] = {run_threads(&b, 1, n, bulk_thread, bulk_thread, &cpu[0]),
			       run_threads(&b, 2, n, bulk_thread, bulk_thread, &cpu[1]),
			       run_threads(&b, 2, n, taking_thread, giving_thread, &cpu[2])};

		one = s[0] < one ? s[0] : one;
		two = s[1] < two ? s[1] : two;
		others = s[2] < others ? s[2] : others;
	}
	printf("threaded system, wall time\n");
	report("order 0, bulk, one thread", one);
	report("order 0, bulk, two threads", two);
	report("order 0, others' pages", others);
	printf("  two threads do %.2f times as much as one, %.2f times when each frees the "
	       "other's\n",
	       one / two, one / others);
	printf("  CPU time a pair: %.1f ns alone, %.1f ns with two, %.1f ns others' pages\n",
	       cpu[0] * 1e9, cpu[1] * 1e9, cpu[2] * 1e9);
	shutdown(&b);
}

static void touch(uint64_t bytes)
{
	struct nb_task *t;
	uint64_t addr, faulted = 0;
	struct bench b;
	double start;

	boot(&b, false);
	if (nb_task_create(b.sys, 0, "bench", &t))
		return;
	if (!nb_mmap(t, 0, bytes, NB_PROT_READ | NB_PROT_WRITE, 0, &addr)) {
		start = cpu_s();
		nb_touch(t, addr, bytes, true, &faulted);
		printf("first touch: %.1f ns a page of %llu\n",
		       (cpu_s() - start) * 1e9 / (double)(faulted ? faulted : 1),
		       (unsigned long long)faulted);
	}
	nb_task_exit(t);
	nb_task_put(t);
	shutdown(&b);
}

int main(int argc, char **argv)
{
	if (argc > 2 && strcmp(argv[1], "count") == 0) {
		struct bench b;

		boot(&b, argc > 3);
		hot(&b, 0, (unsigned)strtoul(argv[2], NULL, 10));
		shutdown(&b);
		return 0;
	}
	one_thread(false);
	one_thread(true);
	two_threads();
	touch(UINT64_C(32) << 30);
	return 0;
}
