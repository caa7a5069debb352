/* numabox/oom.h -- out of memory: who is killed, and the report of it.
 *
 * Callers: the simulator, embedders, views.
 * Memory:  what a report points to lives during the callback alone.
 * Units:   pages, but where a name says otherwise.
 * Source:  mm/oom_kill.c; facts 7.9, 12.11.
 * Threads: a report comes on the thread whose request found no memory, one at a time. A victim that
 *          another thread drives is ended by that one. docs/threads.md.
 */
#ifndef NUMABOX_OOM_H
#define NUMABOX_OOM_H

#include <numabox/gfp.h>
#include <numabox/task.h>

#ifdef __cplusplus
extern "C" {
#endif

struct nb_memcg;

enum nb_oom_constraint {
	NB_CONSTRAINT_NONE,
	NB_CONSTRAINT_CPUSET,
	NB_CONSTRAINT_MEMORY_POLICY,
	NB_CONSTRAINT_MEMCG,
};
/* "CONSTRAINT_MEMORY_POLICY" */
const char *nb_oom_constraint_name(enum nb_oom_constraint c);

/* A line of "Tasks state". */
struct nb_oom_task {
	int pid, tgid;
	unsigned uid;
	uint64_t total_vm, rss_anon, rss_file, rss_shmem, swapents, pgtables_bytes;
	int oom_score_adj;
	bool in_group; /* dies with the victim */
	const char *comm;
};

struct nb_oom_report {
	/* who asked for what */
	struct nb_oom_task invoker;
	bool has_invoker; /* false: the kernel itself */
	int cpu;
	nb_gfp_t gfp;
	unsigned order;
	enum nb_zone_type highest_zoneidx;
	enum nb_oom_constraint constraint;
	const struct nb_nodemask *nodemask;     /* of the policy; NULL: none */
	const struct nb_nodemask *mems_allowed; /* of the invoker's cpuset */
	const char *cpuset, *memcg;             /* the invoker's, by its name; the victim's path */
	const struct nb_memcg *oom_memcg;       /* whose limit was met; NULL: no group's */
	const struct nb_memcg *group;           /* memory.oom.group: all of it dies; NULL: one */
	uint64_t totalpages;                    /* that badness was measured against */
	/* who was eligible, in order of pid, and who was chosen */
	const struct nb_oom_task *tasks;
	unsigned nr_tasks;
	const struct nb_oom_task *victim; /* NULL: nobody could be killed */
	int64_t victim_points;
	bool allocating_task; /* vm.oom_kill_allocating_task chose it */
	bool panic;           /* the kernel would have stopped here */
};

/* Tells `report` of each kill, before the victim's memory is given back: views of the system show
 * it as the kernel's report would. It must not change the system. NULL: nobody. */
void nb_oom_set_reporter(struct nb_system *sys,
			 void (*report)(void *ctx, const struct nb_oom_report *r), void *ctx);

/* -1000 (never) .. 1000 (first). -NB_EINVAL, -NB_ESRCH. */
int nb_task_set_oom_score_adj(struct nb_task *t, int adj);
/* The same, read. */
int nb_task_oom_score_adj(const struct nb_task *t);
/* What /proc/PID/oom_score would say. */
int nb_task_oom_score(const struct nb_task *t);
/* The i-th kill so far: pid, and its constraint; false past the end. */
bool nb_oom_kill_at(const struct nb_system *sys, unsigned i, int *ret_pid,
		    enum nb_oom_constraint *ret_constraint);

#ifdef __cplusplus
}
#endif
#endif
