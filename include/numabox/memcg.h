/* numabox/memcg.h -- memory cgroups: groups of processes and how much memory they may use.
 *
 * Callers: the simulator, embedders, views. A tree whose root has no limit; every process is in one
 *          group, new ones in their parent's. What a process faults in, writes to a file or swaps
 *          is charged to its group and to all groups above; a group that is over its limit reclaims
 *          its own memory, and kills one of its own when that is not enough.
 *          By default the files of cgroup v2 hold; nb_memcg_use_v1() chooses the older ones.
 * Memory:  a group belongs to its system. A removed group stays as long as memory is charged to it;
 *          its handle is not to be used any more.
 * Units:   pages, but where a name says bytes.
 * Errors:  what a write to the cgroup's file would give, negated.
 * Source:  mm/memcontrol.c, mm/page_counter.c; Documentation/admin-guide/cgroup-v2.rst.
 * Threads: making, changing and removing groups alone; charges come with the calls of tasks.
 */
#ifndef NUMABOX_MEMCG_H
#define NUMABOX_MEMCG_H

#include <numabox/task.h>

#ifdef __cplusplus
extern "C" {
#endif

struct nb_memcg;

/* No limit: what the files call "max". */
#define NB_MEMCG_MAX_PAGES UINT64_C(0x7ffffffffffff)
#define NB_MEMCG_NAME_MAX 255

/* Settings, by the file that holds them. */
enum nb_memcg_knob {
	NB_MEMCG_MAX,       /* memory.max; v1 memory.limit_in_bytes */
	NB_MEMCG_HIGH,      /* memory.high */
	NB_MEMCG_LOW,       /* memory.low */
	NB_MEMCG_MIN,       /* memory.min */
	NB_MEMCG_SWAP_MAX,  /* memory.swap.max; v1: memory.memsw.limit_in_bytes, of both together */
	NB_MEMCG_SWAP_HIGH, /* memory.swap.high */
	NB_MEMCG_OOM_GROUP, /* memory.oom.group: 0 or 1 */
	NB_MEMCG_SWAPPINESS, /* v1 memory.swappiness: 0 .. 200 */
	NB_NR_MEMCG_KNOBS
};

/* Lines of memory.events, then of memory.swap.events. */
enum nb_memcg_event {
	NB_MEMCG_EV_LOW,
	NB_MEMCG_EV_HIGH,
	NB_MEMCG_EV_MAX,
	NB_MEMCG_EV_OOM,
	NB_MEMCG_EV_OOM_KILL,
	NB_MEMCG_EV_OOM_GROUP_KILL,
	NB_MEMCG_EV_SWAP_HIGH,
	NB_MEMCG_EV_SWAP_MAX,
	NB_MEMCG_EV_SWAP_FAIL,
	NB_NR_MEMCG_EVENTS
};

/* Counters of memory.stat that only grow. */
enum nb_memcg_count {
	NB_MEMCG_PGFAULT,
	NB_MEMCG_PGMAJFAULT,
	NB_MEMCG_PGREFILL,
	NB_MEMCG_PGSCAN_KSWAPD,
	NB_MEMCG_PGSCAN_DIRECT,
	NB_MEMCG_PGSTEAL_KSWAPD,
	NB_MEMCG_PGSTEAL_DIRECT,
	NB_MEMCG_PGACTIVATE,
	NB_MEMCG_PGDEACTIVATE,
	NB_MEMCG_PGLAZYFREE,
	NB_MEMCG_PGLAZYFREED,
	NB_MEMCG_PSWPIN,
	NB_MEMCG_PSWPOUT,
	NB_MEMCG_THP_FAULT_ALLOC,
	NB_NR_MEMCG_COUNTS
};

/* The root of a system's groups; NULL without memory. Asking for it makes the system keep account
 * from now on; what is in use already belongs to the root. */
struct nb_memcg *nb_memcg_root(struct nb_system *sys);
/* Has the system any group besides the root, or had it? */
bool nb_memcg_in_use(const struct nb_system *sys);
/* The rules and files of cgroup v1 (or again those of v2): swap is counted together with memory.
 * -NB_EBUSY: there are groups besides the root. -NB_ENOMEM. */
int nb_memcg_use_v1(struct nb_system *sys, bool v1);
/* Which of the two is in force? */
bool nb_memcg_is_v1(const struct nb_system *sys);
/* A new one below `parent`, without tasks and limits. -NB_EEXIST, -NB_EINVAL (no name, one with a
 * '/' or longer than NB_MEMCG_NAME_MAX), -NB_ENOMEM (also past 32,766 groups). */
int nb_memcg_create(struct nb_memcg *parent, const char *name, struct nb_memcg **ret_cg);
/* -NB_EBUSY: it has tasks or children, or is the root. Memory that is charged stays charged, and is
 * reclaimed as before. */
int nb_memcg_remove(struct nb_memcg *cg);
/* The child of that name, or NULL. */
struct nb_memcg *nb_memcg_find(const struct nb_memcg *parent, const char *name);
/* All groups in the order of a walk, parents first: the one behind `cg`, below `top`; NULL: none.
 * Removed ones are left out. */
struct nb_memcg *nb_memcg_next(const struct nb_memcg *top, const struct nb_memcg *cg);

/* Writes a setting, in pages (NB_MEMCG_MAX_PAGES: "max") or a number. A limit below what is in use
 * is reclaimed down to at once, then killed down to (v2's memory.max) or refused (v1: -NB_EBUSY).
 * `cpu`: where that runs. -NB_EINVAL: the root's, a value out of range, not a file of these rules.
 */
int nb_memcg_write(struct nb_memcg *cg, enum nb_memcg_knob knob, uint64_t value, int cpu);
/* The same, read; NB_MEMCG_MAX_PAGES where it says "max". */
uint64_t nb_memcg_read(const struct nb_memcg *cg, enum nb_memcg_knob knob);
/* memory.reclaim: asks the group to give back that much. -NB_EAGAIN: less could be had. */
int nb_memcg_reclaim(struct nb_memcg *cg, uint64_t pages, int cpu, uint64_t *ret_pages);

/* Writes cgroup.procs: the task's whole process joins; what it has in use stays charged where it
 * is. -NB_ESRCH. */
int nb_memcg_attach(struct nb_memcg *cg, struct nb_task *t);
/* The one that a task is in; NULL: the root. */
struct nb_memcg *nb_task_memcg(const struct nb_task *t);

struct nb_memcg_info {
	const char *name; /* "" of the root; the group's */
	const struct nb_memcg *parent;
	unsigned id; /* 0: the root */
	unsigned nr_tasks, nr_children;
	uint64_t usage, peak, failcnt;                /* memory.current, memory.peak */
	uint64_t swap_usage, swap_peak, swap_failcnt; /* v1: memory and swap together */
	uint64_t kmem_usage;                          /* page tables; part of usage */
	uint64_t event[NB_NR_MEMCG_EVENTS], event_local[NB_NR_MEMCG_EVENTS];
};
/* What its files say. */
void nb_memcg_info(const struct nb_memcg *cg, struct nb_memcg_info *ret_info);
/* The path from the root, "/" for the root itself, cut to size with a 0 byte at the end. */
void nb_memcg_path(const struct nb_memcg *cg, char *buf, size_t size);

/* memory.stat and memory.numa_stat: pages of the group and those below. */
struct nb_memcg_stat {
	uint64_t anon, file, shmem, file_mapped, file_dirty, file_writeback, swapcached, anon_thp;
	uint64_t pagetables, unevictable;
	uint64_t inactive_anon, active_anon, inactive_file, active_file;
	uint64_t refault[2], activate[2], restore[2]; /* [0] anonymous, [1] file */
	uint64_t count[NB_NR_MEMCG_COUNTS];           /* of the whole group, whatever the node */
};
/* nid == NB_NO_NODE: all nodes. -NB_ENODEV. Takes time by the memory that is charged. */
int nb_memcg_stat(const struct nb_memcg *cg, int nid, struct nb_memcg_stat *ret_stat);

#ifdef __cplusplus
}
#endif
#endif
