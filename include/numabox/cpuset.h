/* numabox/cpuset.h -- cpusets: groups of processes with the memory nodes and CPUs they may use.
 *
 * Callers: the simulator, embedders. A tree whose root has all nodes and CPUs; every process is in
 *          one of its groups, new ones in their parent's. By default the rules of cgroup v2 hold;
 *          nb_cpuset_use_v1() chooses the older ones, with their flags.
 * Memory:  a cpuset belongs to its system; nb_cpuset_remove() ends it.
 * Errors:  what a write to the cgroup's file would give, negated.
 * Source:  kernel/cgroup/cpuset.c; facts 12.3.
 */
#ifndef NUMABOX_CPUSET_H
#define NUMABOX_CPUSET_H

#include <numabox/task.h>

#ifdef __cplusplus
extern "C" {
#endif

struct nb_cpuset;

/* Files of cgroup v1 that are switches. A v2 cpuset always has MEMORY_MIGRATE and none else. */
enum {
	NB_CPUSET_CPU_EXCLUSIVE = 1 << 0,
	NB_CPUSET_MEM_EXCLUSIVE = 1 << 1,      /* no sibling has these nodes; hardwalled too */
	NB_CPUSET_MEM_HARDWALL = 1 << 2,       /* the kernel's own requests stay inside as well */
	NB_CPUSET_MEMORY_MIGRATE = 1 << 3,     /* pages move along when nodes change */
	NB_CPUSET_MEMORY_SPREAD_PAGE = 1 << 4, /* pages of files go round the nodes */
	NB_CPUSET_MEMORY_SPREAD_SLAB = 1 << 5,
};

/* The root of a system's cpusets; NULL without memory. */
struct nb_cpuset *nb_cpuset_root(struct nb_system *sys);
/* The rules of cgroup v1 (or again those of v2). -NB_EBUSY: there are cpusets besides the root.
 * -NB_ENOMEM. */
int nb_cpuset_use_v1(struct nb_system *sys, bool v1);
/* A new one below `parent`, without tasks: its files mems and cpus are empty, which in v2 means the
 * parent's. -NB_EEXIST, -NB_EINVAL (no name, or one of 32 bytes or more), -NB_ENOMEM. */
int nb_cpuset_create(struct nb_cpuset *parent, const char *name, struct nb_cpuset **ret_cs);
/* -NB_EBUSY: it has tasks or children, or is the root. */
int nb_cpuset_remove(struct nb_cpuset *cs);
/* The child of that name, or NULL. */
struct nb_cpuset *nb_cpuset_find(const struct nb_cpuset *parent, const char *name);

/* Writes cpuset.mems. The tasks' policies are rebound; pages move where MEMORY_MIGRATE is on.
 * -NB_EACCES (the root's; v1: not all the parent's), -NB_EINVAL (a node without memory; a sibling
 * has it for itself), -NB_EBUSY (v1: a child has more), -NB_ENOSPC (it has tasks and would have no
 * node). */
int nb_cpuset_set_mems(struct nb_cpuset *cs, const struct nb_nodemask *mems);
/* Writes cpuset.cpus. Tasks that run elsewhere move. Errors as above. */
int nb_cpuset_set_cpus(struct nb_cpuset *cs, const struct nb_cpumask *cpus);
/* Writes one of v1's switches. -NB_EINVAL (v2; a sibling overlaps), -NB_EACCES, -NB_EBUSY. */
int nb_cpuset_set_flag(struct nb_cpuset *cs, unsigned flag, bool on);
/* Writes cgroup.procs: the task's whole process joins. -NB_ESRCH; -NB_ENOSPC: it has no CPU or
 * (v1) no node. */
int nb_cpuset_attach(struct nb_cpuset *cs, struct nb_task *t);
/* The one that a task is in; NULL: without memory for the root. */
struct nb_cpuset *nb_task_cpuset(const struct nb_task *t);

struct nb_cpuset_info {
	const char *name; /* "" of the root; the cpuset's */
	unsigned flags;
	unsigned nr_tasks, nr_children;
	struct nb_nodemask mems, effective_mems;
	struct nb_cpumask cpus, effective_cpus;
};
/* What its files say. */
void nb_cpuset_info(const struct nb_cpuset *cs, struct nb_cpuset_info *ret_info);

/* The task's process gets a cpuset of its own below the root, or changes the one it has got so.
 * A NULL mask leaves that side as it is. Errors as the writes above; then nothing is changed. */
int nb_set_cpuset(struct nb_task *t, const struct nb_nodemask *mems, const struct nb_cpumask *cpus);

#ifdef __cplusplus
}
#endif
#endif
