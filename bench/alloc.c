/* alloc.c -- what one call of the engine costs: allocations, frees, first touches. */
#include "read/machine.h"

#include <numabox/task.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { BATCH = 65536, ROUNDS = 16 };

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Takes BATCH blocks and gives them back, ROUNDS times. */
static void alloc_and_free(struct nb_system *sys, const char *what, nb_gfp_t gfp, unsigned order)
{
	const struct nb_alloc_request rq = {
		.gfp = gfp, .order = order, .cpu = 0, .nid = NB_NO_NODE};
	nb_pfn_t *pfn = malloc(BATCH * sizeof(*pfn));
	double start, alloc_ns = 0, free_ns = 0;

	if (!pfn)
		return;
	for (unsigned r = 0; r < ROUNDS; r++) {
		start = now_ns();
		for (unsigned i = 0; i < BATCH; i++)
			pfn[i] = nb_alloc_pages(sys, &rq);
		alloc_ns += now_ns() - start;
		start = now_ns();
		for (unsigned i = 0; i < BATCH; i++) {
			if (pfn[i] != NB_NO_PFN)
				nb_free_pages(sys, 0, pfn[i], order);
		}
		free_ns += now_ns() - start;
	}
	printf("%-22s order %u: %6.1f ns an allocation, %6.1f ns a free\n", what, order,
	       alloc_ns / BATCH / ROUNDS, free_ns / BATCH / ROUNDS);
	free(pfn);
}

static void touch(struct nb_system *sys, uint64_t bytes)
{
	struct nb_task *t;
	uint64_t addr, faulted = 0;
	double start;

	if (nb_task_create(sys, 0, "bench", &t))
		return;
	if (!nb_mmap(t, 0, bytes, NB_PROT_READ | NB_PROT_WRITE, 0, &addr)) {
		start = now_ns();
		nb_touch(t, addr, bytes, true, &faulted);
		printf("first touch: %.1f ns a page of %llu\n",
		       (now_ns() - start) / (double)(faulted ? faulted : 1),
		       (unsigned long long)faulted);
	}
	nb_task_exit(t);
	nb_task_put(t);
}

int main(void)
{
	struct nb_error err = {0};
	struct nb_system *sys;
	struct nb_machine *m;
	struct nb_port port;

	nb_port_posix(&port, false);
	if (nb_read_machine(&port, "2x64G", NULL, &m, NULL, &err) ||
	    nb_system_boot(&port, m, NULL, &sys, &err)) {
		fprintf(stderr, "bench-alloc: %s\n", err.text);
		return 1;
	}
	alloc_and_free(sys, "GFP_KERNEL", NB_GFP_KERNEL, 0);
	alloc_and_free(sys, "GFP_KERNEL", NB_GFP_KERNEL, 3);
	alloc_and_free(sys, "GFP_HIGHUSER_MOVABLE", NB_GFP_HIGHUSER_MOVABLE, 0);
	touch(sys, UINT64_C(32) << 30);
	nb_system_shutdown(sys);
	nb_machine_free(m);
	return 0;
}
