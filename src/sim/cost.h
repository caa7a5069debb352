/* cost.h -- what work costs in virtual time.
 *
 * Called by the driver after each call of a task, and by reports. A model, not a measurement:
 * every rule and constant stands here, and docs/scenarios.md, Costs, says what is left out
 * (caches, contention between tasks, prefetch across pages).
 *
 * Latency of one access from a CPU's node to a memory node, first that is told:
 *     the machine's matrix (HMAT or machine file)
 *     local latency of the CPU's node x distance / 10
 * with 80 ns local where nothing is told.
 * Traffic of n bytes, a page's share to its node:
 *     random      one access of a 64-byte line after another: lines x latency
 *     sequential  NB_COST_LINES_IN_FLIGHT lines at once: lines x latency / 10, but never
 *                 faster than the bandwidth where it is told
 * Units: picoseconds (_ps), so that a line at 50 GB/s does not round to nothing.
 */
#ifndef NB_SIM_COST_H
#define NB_SIM_COST_H

#include <numabox/system.h>
#include <numabox/task.h>

#define NB_COST_LINE_BYTES 64u
/* Misses that one core keeps in flight when the addresses are known ahead: the fill buffers
 * of the first-level cache (10 on Intel's from Nehalem to Skylake). */
#define NB_COST_LINES_IN_FLIGHT 10u

/* Costs of kernel entries, in ns; a current x86-64 server with mitigations on, rounded. */
enum {
	NB_COST_FAULT_NS = 500,      /* a minor fault, without clearing the page */
	NB_COST_SYSCALL_NS = 200,    /* a call that changes a few words */
	NB_COST_RECLAIM_NS = 20000,  /* direct reclaim of a cluster of pages, by the task itself, */
	NB_COST_LOOK_PAGE_NS = 100,  /* beside each page that it, or a daemon, looks at */
	NB_COST_MMAP_NS = 1000,      /* one that changes the VMA tree */
	NB_COST_UNMAP_PAGE_NS = 60,  /* unmapping and freeing one page */
	NB_COST_CACHE_PAGE_NS = 100, /* finding one page of a file, without copying it */
	NB_COST_ALLOC_PAGES_NS = 120,   /* alloc_pages() or free_pages(), page set hit */
	NB_COST_BULK_PAGE_NS = 20,      /* a page of alloc_pages_bulk() */
	NB_COST_TASK_NS = 50000,        /* fork and exec of a small process */
	NB_COST_SCHED_NS = 3000,        /* a move to another CPU */
	NB_COST_THREAD_NS = 15000,      /* a thread's beginning */
	NB_COST_QUERY_PAGE_NS = 50,     /* move_pages: looking a page up */
	NB_COST_FORK_PAGE_NS = 15,      /* fork: the table entry of one page */
	NB_COST_MIGRATE_PAGE_NS = 2000, /* a page moved to another node: unmap, copy, map */
};

enum nb_pattern { NB_PATTERN_SEQUENTIAL, NB_PATTERN_RANDOM };

struct nb_cost {
	const struct nb_system *sys;
	unsigned page_bytes;
	unsigned nr_nodes;
	int *node_id;      /* [position] ascending */
	int16_t *position; /* [node id] or -1 */
	int *cpu_node;     /* [cpu] node id, or NB_NO_NODE; nr_cpus entries */
	unsigned nr_cpus;
	uint32_t *latency_ps; /* [cpu node position * nr_nodes + memory node position] */
	uint64_t *bandwidth;  /* the same, bytes a second; 0 unknown */
};

/* Tables for a booted system; it must outlive them. */
void nb_cost_init(struct nb_cost *c, const struct nb_system *sys);
void nb_cost_release(struct nb_cost *c);

/* Node of a CPU, NB_NO_NODE if there is no such CPU. */
int nb_cost_cpu_node(const struct nb_cost *c, int cpu);
/* Position of a node id in the tables, or -1. */
int nb_cost_position(const struct nb_cost *c, int nid);

/* One access from a CPU of `from` to memory of `to` (both node ids); 0 for unknown nodes. */
uint32_t nb_cost_latency_ps(const struct nb_cost *c, int from, int to);
/* Bytes a second, 0 unknown. */
uint64_t nb_cost_bandwidth(const struct nb_cost *c, int from, int to);

/* Traffic of `bytes` from `from` to `to`. Saturates at UINT64_MAX. */
uint64_t nb_cost_traffic_ps(const struct nb_cost *c, int from, int to, enum nb_pattern pattern,
			    uint64_t bytes);

/* Clearing `pages` of node `to`: sequential traffic. */
uint64_t nb_cost_clear_ps(const struct nb_cost *c, int from, int to, uint64_t pages);
/* First touches: as many faults, each page cleared. */
uint64_t nb_cost_faults_ps(const struct nb_cost *c, int from, int to, uint64_t pages);

/* Average latency in ns of accesses spread evenly over pages[position]; 0.0 without pages. */
double nb_cost_average_ns(const struct nb_cost *c, int from, const uint64_t *pages);

#endif
