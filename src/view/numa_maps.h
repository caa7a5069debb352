/* numa_maps.h -- /proc/PID/numa_maps, and what the program numastat -p makes of it.
 *
 * Callers: Lua (t:numa_maps(), machine:view("numastat -p", t)), doctor (a capture's processes).
 * One line a mapping. Units: pages of that mapping's own size (a hugetlb line counts huge pages).
 * Source: fs/proc/task_mmu.c, show_numa_map(); mm/mempolicy.c, mpol_to_str(); numactl 2.0.16,
 * numastat.c; facts 6.7.
 */
#ifndef NB_VIEW_NUMA_MAPS_H
#define NB_VIEW_NUMA_MAPS_H

#include "base/hosted/text.h"
#include "view/strings.h"
#include <jansson.h>
#include <numabox/error.h>
#include <numabox/task.h>

struct nb_numa_maps_node {
	int nid;
	uint64_t pages;
};

struct nb_numa_maps_line {
	uint64_t start;
	const char *policy; /* "bind=static:1-2", as printed */
	const char *file;   /* as printed, with \040 for a blank; NULL: none */
	bool heap, stack, huge;
	/* "mapped" is printed where neither anon nor dirty says how many pages there are */
	uint64_t anon, dirty, mapped, mapmax, swapcache, active, writeback;
	bool has_active;                 /* active=0 is printed too */
	struct nb_numa_maps_node *nodes; /* ascending */
	size_t nr_nodes, cap_nodes;
	uint64_t kernelpagesize_kib; /* 0: no page, or a kernel before 3.10 */
	const char *raw;             /* the line, if no rule prints it */
};

struct nb_numa_maps {
	struct nb_strings strings;
	struct nb_numa_maps_line *lines;
	size_t nr_lines, cap_lines;
	bool cut; /* the text ended within a line, which is raw */
};

/* -NB_EINVAL with the line: no line at all, NUL bytes, a line that does not begin with an address
 * and a policy. Words that are not known make a line raw. */
int nb_numa_maps_parse(const char *text, size_t len, struct nb_numa_maps *m, struct nb_error *err);
/* What that task's file would say now. */
void nb_numa_maps_from_task(const struct nb_system *sys, const struct nb_task *t,
			    struct nb_numa_maps *m);
/* A mapping's file as d_path() tells it: those that never had a name in a directory (shared
 * anonymous memory, System V's, memfd's) are "(deleted)". NULL: none. The text is *t's. */
const char *nb_vma_path(const struct nb_vma_info *v, struct nb_text *t);
void nb_numa_maps_print(const struct nb_numa_maps *m, struct nb_text *out);
json_t *nb_numa_maps_json(const struct nb_numa_maps *m);
void nb_numa_maps_release(struct nb_numa_maps *m);

/* A policy as mpol_to_str() writes it. Kernels before 6.1 leave "balancing" out. */
void nb_mpol_text(int mode_and_flags, const struct nb_nodemask *nodes,
		  const struct nb_kernel_profile *profile, struct nb_text *out);

/* The table of `numastat -p PID`. */
enum nb_numastat_pid_row { NB_PID_HUGE, NB_PID_HEAP, NB_PID_STACK, NB_PID_PRIVATE, NB_NR_PID_ROWS };
struct nb_numastat_pid {
	int pid;
	char comm[64];
	int *nids;
	size_t nr_nodes;
	double *mb; /* [row * nr_nodes + node], MiB */
};
/* Sums up the lines by kind and node; pages are of page_bytes where a line does not say. */
void nb_numastat_pid_from(const struct nb_numa_maps *m, int pid, const char *comm, const int *nids,
			  size_t nr_nodes, unsigned page_bytes, struct nb_numastat_pid *p);
/* Reads the program's table back. -NB_EINVAL with the line. */
int nb_numastat_pid_parse(const char *text, size_t len, struct nb_numastat_pid *p,
			  struct nb_error *err);
void nb_numastat_pid_print(const struct nb_numastat_pid *p, struct nb_text *out);
json_t *nb_numastat_pid_json(const struct nb_numastat_pid *p);
void nb_numastat_pid_release(struct nb_numastat_pid *p);

#endif
