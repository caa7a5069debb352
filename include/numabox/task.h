/* numabox/task.h -- tasks: address spaces, policies, faults.
 *
 * Callers: the simulator and the supervisor drive these; no rule of Linux lives in them.
 * Memory:  a task belongs to its system; nb_task_exit() ends it and frees its pages;
 *          the handle stays valid (dead) until nb_task_put().
 * Errors:  the kernel's errno, negated.
 */
#ifndef NUMABOX_TASK_H
#define NUMABOX_TASK_H

#include <numabox/page_alloc.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Numbers of include/uapi/linux/mempolicy.h. */
enum nb_mpol_mode {
	NB_MPOL_DEFAULT,
	NB_MPOL_PREFERRED,
	NB_MPOL_BIND,
	NB_MPOL_INTERLEAVE,
	NB_MPOL_LOCAL,
	NB_MPOL_PREFERRED_MANY,
	NB_MPOL_WEIGHTED_INTERLEAVE,
	NB_MPOL_MAX
};
enum {
	NB_MPOL_F_STATIC_NODES = 1 << 15,
	NB_MPOL_F_RELATIVE_NODES = 1 << 14,
	NB_MPOL_F_NUMA_BALANCING = 1 << 13,
};

enum nb_prot { NB_PROT_NONE = 0, NB_PROT_READ = 1, NB_PROT_WRITE = 2, NB_PROT_EXEC = 4 };
enum nb_map { NB_MAP_SHARED = 1, NB_MAP_FIXED = 0x10 };

/* A new process of one thread on `cpu`, its own address space, default policy.
 * 0; -NB_EINVAL for a CPU that is not online; -NB_ENOMEM. */
int nb_task_create(struct nb_system *sys, int cpu, const char *comm, struct nb_task **ret_task);
/* Ends the task: its mappings go, its pages are freed. The handle stays. */
void nb_task_exit(struct nb_task *t);
/* Gives the handle up. */
void nb_task_put(struct nb_task *t);
/* Its pid, from 1000 on in the order of making. */
int nb_task_pid(const struct nb_task *t);
/* False once it has ended or was killed. */
bool nb_task_alive(const struct nb_task *t);
/* The CPU it runs on. */
int nb_task_cpu(const struct nb_task *t);
/* Its name, owned by the task. */
const char *nb_task_comm(const struct nb_task *t);

/* Which CPUs it may run on; it moves to the first of them when it must. -NB_EINVAL: none is online.
 */
int nb_sched_setaffinity(struct nb_task *t, const struct nb_cpumask *cpus);

/* Policies. `nodes` may be NULL (no mask). Errors as in facts 6.6. */
int nb_set_mempolicy(struct nb_task *t, int mode_and_flags, const struct nb_nodemask *nodes);
/* The task's own policy: mode with flags, and its nodes. 0, -NB_ESRCH for a dead task. */
int nb_get_mempolicy(const struct nb_task *t, int *ret_mode, struct nb_nodemask *ret_nodes);

/* The VMA's own policy at addr; NB_MPOL_DEFAULT where it has none. -NB_EFAULT: no mapping. */
int nb_get_mempolicy_addr(const struct nb_task *t, uint64_t addr, int *ret_mode,
			  struct nb_nodemask *ret_nodes);
/* The node whose zonelist BIND and PREFERRED_MANY policies of a range start from. `flags` must be
 * 0. Errors as in facts 6.6. */
int nb_set_mempolicy_home_node(struct nb_task *t, uint64_t addr, uint64_t length_bytes, int node,
			       unsigned flags);
/* Weight of a node in weighted interleave, as /sys/kernel/mm/mempolicy/weighted_interleave: 1 to
 * 255; 0 is the default, 1. -NB_EINVAL, -NB_ENODEV for no such node, -NB_ENOMEM. */
int nb_set_interleave_weight(struct nb_system *sys, int nid, unsigned weight);

/* A new anonymous mapping; the length is rounded up to pages. *ret_addr gets the address:
 * `addr` with NB_MAP_FIXED, else chosen top-down as x86's mmap does, without randomness. */
int nb_mmap(struct nb_task *t, uint64_t addr, uint64_t length_bytes, int prot, int flags,
	    uint64_t *ret_addr);
/* Unmaps whole pages and frees what was in them; holes are allowed. 0, -NB_EINVAL,
 * -NB_ESRCH. */
int nb_munmap(struct nb_task *t, uint64_t addr, uint64_t length_bytes);
/* A policy for a range; flags are MPOL_MF_*. Errors as in facts 6.6. */
int nb_mbind(struct nb_task *t, uint64_t addr, uint64_t length_bytes, int mode_and_flags,
	     const struct nb_nodemask *nodes, unsigned flags);

/* Touches [addr, addr+length) page by page in address order, faulting in what is
 * absent. *ret_faulted pages were faulted in (also on an error, where it stops):
 * -NB_EFAULT no mapping (SIGSEGV), -NB_ENOMEM no memory (the OOM path). */
int nb_touch(struct nb_task *t, uint64_t addr, uint64_t length_bytes, bool write,
	     uint64_t *ret_faulted);

/* Frame behind an address, or NB_NO_PFN. */
nb_pfn_t nb_task_pfn(const struct nb_task *t, uint64_t addr);
/* Node of the page behind an address; -NB_ENOENT no page, -NB_EFAULT no mapping. */
int nb_task_node(const struct nb_task *t, uint64_t addr);

/* Resident pages: all, and by node. */
uint64_t nb_task_rss_pages(const struct nb_task *t);
/* Resident pages of one node. */
uint64_t nb_task_node_pages(const struct nb_task *t, int nid);
/* Of a node's resident pages those in one zone. */
uint64_t nb_task_zone_pages(const struct nb_task *t, int nid, enum nb_zone_type type);

/* The i-th living task of a system in order of pid; NULL past the end. */
struct nb_task *nb_system_task(const struct nb_system *sys, unsigned i);

/* VMAs of a task in address order, for maps-like views; false past the end. */
struct nb_vma_info {
	uint64_t start, end; /* bytes */
	int prot;
	bool shared;
	int policy_mode; /* with flags; -1: none of its own */
	struct nb_nodemask policy_nodes;
	uint64_t anon_pages;
};
/* The i-th of them; false past the end. */
bool nb_task_vma(const struct nb_task *t, unsigned i, struct nb_vma_info *ret_info);

#ifdef __cplusplus
}
#endif
#endif
