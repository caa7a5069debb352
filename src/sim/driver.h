/* driver.h -- one simulation: a booted system, its virtual time, its tasks.
 *
 * Called by strand.c (Lua scenarios), touch.c, later replay. The driver holds no rule of Linux:
 * it decides only when things run and what they cost (cost.h), and hands the work to the engine.
 *
 * Time:    now_ns is the greatest time that anything has begun at; it never goes back. A task's
 *          clock may be ahead of it: the task is busy until then.
 *          nb_sim_begin(task) -> run the engine -> nb_sim_end(task, cost).
 * Daemons: kswapd and its kin are entries of the clock (nb_due, kind below NB_DUE_TASK); what adds
 *          them is the part of the engine that has them. Between two calls of a task, and
 *          while one waits inside the engine (port.wait), those due run in the clock's order.
 * Memory:  everything goes with nb_sim_close().
 */
#ifndef NB_SIM_DRIVER_H
#define NB_SIM_DRIVER_H

#include "sim/clock.h"
#include "sim/cost.h"
#include "sim/recorder.h"

#include <numabox/task.h>

struct nb_capture;
struct nb_daemons;
struct nb_contention;
struct nb_oom_texts;

/* Run time between two ticks of the scheduler: 250 a second. */
#define NB_SIM_TICK_NS UINT64_C(4000000)
/* Pages that a task faults in before others get a look in: the grain of time. */
#define NB_SIM_GRAIN_PAGES 64u

struct nb_sim_task {
	struct nb_task *task;
	struct nb_sim *sim;
	unsigned index;
	uint64_t clock_ns;  /* busy until then */
	uint64_t rest_ps;   /* cost below one ns that is not yet in clock_ns */
	uint64_t run_ns;    /* time that it ran: what was charged */
	uint64_t ticked_ns; /* run time at the last tick */
	/* totals for reports */
	uint64_t faults, fault_ns;
	uint64_t access_bytes, access_ns;
	/* once it has ended: where its pages were before that */
	bool ended;
	bool killed;               /* by the OOM killer, or with its process: not by its own exit */
	uint64_t *last_pages;      /* [node position] */
	uint64_t *last_zone_pages; /* [node position * NB_MAX_NR_ZONES + zone] */
	int last_cpu;
	double last_latency_ns;
};

struct nb_sim {
	struct nb_port port; /* the system's: posix, with wait() of this driver */
	struct nb_system *sys;
	struct nb_clock clock;
	struct nb_cost cost;
	struct nb_recorder rec;
	uint64_t now_ns;
	struct nb_sim_task **tasks; /* in the order of their making */
	unsigned nr_tasks;
	uint64_t (*numa_base)[NB_NR_NUMA_EVENTS]; /* [node position]: numastat when the run began */
	bool observed;                            /* began at the capture's observed state */
	unsigned pte_updates;                     /* which event numa_pte_updates is */
	struct nb_due vmstat;                     /* vmstat_tick.c */
	struct nb_cpumask vmstat_cpus;            /* whose worker is not asleep */
	uint64_t direct_pages;            /* of direct reclaim, that time has passed over already */
	struct nb_daemons *daemons;       /* daemons.c */
	struct nb_contention *contention; /* contention.c; NULL: locks cost nothing */
	struct nb_oom_texts *oom_texts;   /* lua_pressure.c */
};

struct nb_sim_begin {
	const struct nb_machine *machine;
	struct nb_capture *capture; /* NULL: none */
	bool fresh;
	const struct nb_sysctl_setting *sysctls;
	unsigned nr_sysctls;
	uint64_t seed;
};

/* Boots the machine, sets the observed state, writes the sysctls. 0 or a negative
 * errno with *err; then there is nothing to close. */
int nb_sim_open(struct nb_sim *s, const struct nb_sim_begin *b, struct nb_error *err);
/* Makes the recorder the system's sink for what it wants now: once more after a trace began. */
void nb_sim_listen(struct nb_sim *s);
void nb_sim_close(struct nb_sim *s);

/* A new task on `cpu`; -NB_EINVAL no such CPU, -NB_ENOMEM. */
int nb_sim_task_new(struct nb_sim *s, int cpu, const char *comm, struct nb_sim_task **ret_task);
/* The driver's side of a task that the engine has made (fork, thread). */
struct nb_sim_task *nb_sim_task_adopt(struct nb_sim *s, struct nb_task *task);
/* Ends it: keeps the figures for reports, frees its pages. */
void nb_sim_task_end(struct nb_sim_task *t);

/* Runs the daemons that are due before `t_ns`, in order, as long as no task (kind
 * NB_DUE_TASK) stands before them. True if a task is due before `t_ns`: it must run first. */
bool nb_sim_run_due(struct nb_sim *s, uint64_t t_ns);

/* Runs one entry that was taken out of the clock and is no task's. */
void nb_sim_run_daemon(struct nb_sim *s, struct nb_due *d);

/* vmstat_tick.c: makes the workers' entry; wakes them where CPUs have been at work. */
void nb_sim_vmstat_init(struct nb_sim *s);
void nb_sim_vmstat_wake(struct nb_sim *s);

/* Moves the system's time to `t_ns` (never back) before a call into the engine. */
void nb_sim_set_now(struct nb_sim *s, uint64_t t_ns);

/* Notices that the engine has ended a task that did not exit by itself: true if it is dead so. */
bool nb_sim_task_killed(struct nb_sim_task *t);

/* Adds a cost to a task's clock; the part below one ns is carried on. */
void nb_sim_charge_ps(struct nb_sim_task *t, uint64_t ps);
static inline void nb_sim_charge_ns(struct nb_sim_task *t, uint64_t ns)
{
	t->clock_ns += ns;
	t->run_ns += ns;
}

/* tick.c: finds its counter. */
void nb_sim_tick_init(struct nb_sim *s);
/* The scheduler's tick, where one is due by the task's run time: a step of NUMA balancing. True if
 * it took access rights away from pages, so that the next accesses fault. */
bool nb_sim_tick(struct nb_sim_task *t);

/* Faults in the next grain of [*addr, end), at the task's clock; moves *addr and the clock,
 * adds to *faulted. As nb_touch(). Lets nobody else run: that is the caller's part. */
int nb_sim_touch_grain(struct nb_sim_task *t, uint64_t *addr, uint64_t end, bool write,
		       uint64_t *faulted);

/* Charges what a call faulted in or gave back: pages[node position] that were resident before it.
 */
void nb_sim_charge_new_pages(struct nb_sim_task *t, const uint64_t *before);

/* Node id of the CPU that the task runs on. */
int nb_sim_task_node(const struct nb_sim_task *t);
/* Resident pages [node position]; of an ended task those before its end. */
void nb_sim_task_pages(const struct nb_sim_task *t, uint64_t *ret_pages);
/* Of those of one node the ones in a zone. */
uint64_t nb_sim_task_zone_pages(const struct nb_sim_task *t, unsigned position, int zone);
/* Average latency of an access to the task's pages from its CPU. */
double nb_sim_task_latency_ns(const struct nb_sim_task *t);

/* A node's numastat counters, all zones together. */
void nb_sim_numastat(const struct nb_sim *s, int nid, uint64_t ret[NB_NR_NUMA_EVENTS]);

#endif
