/* threads.c -- what two threads do at once in one system, beside what one does: faults, and file
 * reads that have to make room for themselves.
 *
 * Two nodes with a CPU each; a thread drives a task on a CPU, whose memory is its own node's.
 * Figures are CPU time of the busier thread over all pages, as a clock on the wall would show where
 * nothing else runs (bench/alloc.c), each the best of a few rounds.
 *
 *   bench-threads
 */
#define _GNU_SOURCE
#include "read/machine.h"

#include <numabox/file.h>
#include <numabox/mempolicy.h>
#include <numabox/task.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROUNDS = 3, CPUS = 2 };

#define PAGE UINT64_C(4096)
#define TOUCH_PAGES 32768u /* mapped, touched and unmapped TOUCH_TIMES times */
#define TOUCH_TIMES 16u
#define READ_PAGES 262144u /* 1 GiB by each thread, through 256 MiB a node */

struct work {
	struct nb_system *sys;
	struct nb_address_space *file;
	int cpu;
	double s;
};

static void must(int err, const char *what)
{
	if (!err)
		return;
	fprintf(stderr, "bench-threads: %s: %d\n", what, err);
	exit(1);
}

static double cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void *touch(void *arg)
{
	struct work *w = arg;
	uint64_t addr, n;
	struct nb_task *t;

	must(nb_task_create(w->sys, w->cpu, "touch", &t), "task");
	w->s = cpu_s();
	for (unsigned i = 0; i < TOUCH_TIMES; i++) {
		must(nb_mmap(t, 0, TOUCH_PAGES * PAGE, NB_PROT_READ | NB_PROT_WRITE, 0, &addr),
		     "mmap");
		must(nb_touch(t, addr, TOUCH_PAGES * PAGE, true, &n), "touch");
		must(nb_munmap(t, addr, TOUCH_PAGES * PAGE), "munmap");
	}
	w->s = cpu_s() - w->s;
	nb_task_exit(t);
	nb_task_put(t);
	return NULL;
}

/* Own pages only: the node that it runs on gives them and gets them back. */
static void *read_file(void *arg)
{
	const struct nb_nodemask own = {{1u << ((struct work *)arg)->cpu}};
	struct work *w = arg;
	struct nb_task *t;
	uint64_t n;

	must(nb_task_create(w->sys, w->cpu, "read", &t), "task");
	must(nb_set_mempolicy(t, NB_MPOL_BIND, &own), "policy");
	w->s = cpu_s();
	must(nb_file_read(t, w->file, 0, NULL, READ_PAGES * PAGE, &n), "read");
	w->s = cpu_s() - w->s;
	nb_task_exit(t);
	nb_task_put(t);
	return NULL;
}

/* ns a page for `threads` at once, of the busier over all pages. */
static double round_of(void *(*fn)(void *), unsigned threads, uint64_t pages)
{
	struct nb_error err = {0};
	struct nb_port port;
	struct nb_machine *m;
	struct nb_system *sys;
	struct work w[CPUS];
	pthread_t thread[CPUS];
	double most = 0;

	nb_port_posix(&port, true);
	must(nb_read_machine(&port, "2x256M:1,hole=0", NULL, &m, NULL, &err), err.text);
	must(nb_system_boot(&port, m, NULL, &sys, &err), err.text);
	for (unsigned i = 0; i < threads; i++) {
		w[i] = (struct work){.sys = sys, .cpu = (int)i};
		must(nb_file_create(sys, "file", READ_PAGES * PAGE, &w[i].file), "file");
	}
	for (unsigned i = 0; i < threads; i++)
		must(pthread_create(&thread[i], NULL, fn, &w[i]), "thread");
	for (unsigned i = 0; i < threads; i++) {
		must(pthread_join(thread[i], NULL), "join");
		most = w[i].s > most ? w[i].s : most;
		nb_file_put(w[i].file);
	}
	nb_system_shutdown(sys);
	nb_machine_free(m);
	return most * 1e9 / (double)(pages * threads);
}

static void report(const char *what, void *(*fn)(void *), uint64_t pages)
{
	double one = 1e9, two = 1e9, ns;

	for (unsigned r = 0; r < ROUNDS; r++) {
		ns = round_of(fn, 1, pages);
		one = ns < one ? ns : one;
		ns = round_of(fn, 2, pages);
		two = ns < two ? ns : two;
	}
	printf("  %-44s %7.1f ns a page, two threads %7.1f ns: %.2f times as much\n", what, one,
	       two, one / two);
}

int main(void)
{
	printf("threaded system, two nodes, a thread on each\n");
	report("mapped, touched, unmapped", touch, (uint64_t)TOUCH_PAGES * TOUCH_TIMES);
	report("file read, four times what fits", read_file, READ_PAGES);
	return 0;
}
