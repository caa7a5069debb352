/* numabox/balancing.h -- automatic NUMA balancing, as a driver sees it.
 *
 * Callers: the simulator or an embedder, which alone knows how long a task ran.
 * Nothing happens while kernel.numa_balancing is 0 or the machine has one node.
 */
#ifndef NUMABOX_BALANCING_H
#define NUMABOX_BALANCING_H

#include <numabox/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The scheduler's tick: the task has run `runtime_ns` of CPU time since its birth (never less than
 * told before). Walks a piece of its address space when one is due by the system's time; the next
 * accesses there take hint faults. Call it at least every few ms of run time; counts as a call on
 * the task's CPU. Source: kernel/sched/fair.c, task_tick_numa(); facts 10.2. */
void nb_task_tick(struct nb_task *t, uint64_t runtime_ns);

/* What /proc/PID/sched tells of it. */
struct nb_task_balancing {
	int preferred_nid; /* NB_NO_NODE: none yet */
	unsigned scan_period_ms, scan_seq;
	uint64_t total_faults, pages_migrated;
	int group_id; /* pid of the group's first task; 0: none */
};
/* False, and no figures, while the task was never looked at. */
bool nb_task_balancing(const struct nb_task *t, struct nb_task_balancing *ret_info);

#ifdef __cplusplus
}
#endif
#endif
