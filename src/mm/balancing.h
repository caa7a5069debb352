/* balancing.h -- automatic NUMA balancing: pages follow the task that uses them.
 *
 * Called by fault.c (hint faults), task.c and fork.c (birth and death of the state), the driver
 * through nb_task_tick(). As a task runs, its address space is walked piece by piece; what lies on
 * another node gets hint entries, and the fault that the next access takes tells who uses the page
 * from where. Two such faults from one node (one, while the task is young) move the page there.
 * Tasks themselves are not moved toward memory: placing them is the scheduler's.
 * Units: times in ns where not said otherwise, pages of the machine's size.
 * Source: kernel/sched/fair.c, task_tick_numa(), task_numa_work(), task_numa_fault(),
 * should_numa_migrate_memory(); mm/mempolicy.c, mpol_misplaced(); facts 10.2.
 */
#ifndef NB_MM_BALANCING_H
#define NB_MM_BALANCING_H

#include "mm/page_share.h"
#include "mm/pagetable.h"
#include <numabox/balancing.h>
#include "mm/vma.h"

/* debugfs sched/numa_balancing (before 5.13 sysctls kernel.numa_balancing_*): the defaults. */
#define NB_NUMAB_SCAN_DELAY_MS 1000u
#define NB_NUMAB_SCAN_PERIOD_MIN_MS 1000u
#define NB_NUMAB_SCAN_PERIOD_MAX_MS 60000u
#define NB_NUMAB_SCAN_SIZE_MIB 256u

/* The kinds of a task's (or group's) fault counts, each by node and by private (1) or shared (0).
 * The buffers collect since the last placement, the others decay by half at each. */
enum nb_numab_kind { NB_NUMAB_MEM, NB_NUMAB_CPU, NB_NUMAB_MEMBUF, NB_NUMAB_CPUBUF, NB_NUMAB_KINDS };

/* Tasks that share pages: threads of one process, or processes seen to touch the same shared pages.
 * Equation: fault[k][n][p] == sum over its tasks. Source: struct numa_group. */
struct nb_numa_group {
	unsigned nr_tasks;
	int gid; /* pid of the first */
	uint64_t total_faults;
	uint64_t fault[]; /* as in nb_numab */
};

struct nb_numab {
	uint64_t node_stamp_ns; /* run time at which the next walk is looked for, less the period */
	uint64_t runtime_ns;    /* as last told */
	unsigned scan_period_ms; /* 0: not begun */
	unsigned scan_period_max_ms;
	unsigned scan_seq; /* of the mm at the last placement */
	int preferred_nid;
	uint64_t total_faults, pages_migrated;
	uint64_t locality[3]; /* faults since the last placement: remote, local, failed to move */
	uint64_t placed_runtime_ns, placed_ns;
	struct nb_numa_group *group;
	uint64_t fault[]; /* [(kind * nr_pgdat + node position) * 2 + private] */
};

/* Of a VMA, since 6.4: who touched it, so that only those walk it. Source: struct vma_numab_state.
 */
struct nb_numab_vma {
	uint64_t next_scan_ns, pids_reset_ns;
	uint64_t pids_active[2]; /* bits by hash of the pid; [1] of the running period */
	unsigned start_scan_seq, prev_scan_seq;
};

/* Objects of the pools: bytes of a struct nb_numab and of a struct nb_numa_group. */
size_t nb_numab_bytes(const struct nb_system *sys);
size_t nb_numa_group_bytes(const struct nb_system *sys);

/* A task goes: leaves its group, state freed. Nothing where it has none. */
void nb_numab_exit(struct nb_task *t);
/* A VMA goes. */
void nb_numab_vma_free(struct nb_mm *mm, struct nb_vma *v);

/* balancing_scan.c: the state of a task, made where it is missing. NULL without memory. */
struct nb_numab *nb_numab_get(struct nb_task *t);
/* Bit of a pid in nb_numab_vma.pids_active. */
uint64_t nb_numab_pid_bit(int pid);
/* balancing_scan.c: the longest period of a task, ms. Source: task_scan_max(). */
unsigned nb_numab_scan_max_ms(const struct nb_task *t);
unsigned nb_numab_scan_min_ms(const struct nb_task *t);

/* An access met a hint entry: leaf->entry[i] of addr in v. Counts, moves the page to where it is
 * wanted (the entry then names the new one) and takes the hint away. `write`: the access writes.
 * Under the task's mm->lock. Source: mm/memory.c, do_numa_page(). */
void nb_numa_hint_fault(struct nb_task *t, struct nb_vma *v, uint64_t addr, struct nb_ptable *leaf,
			unsigned i, bool write);

/* balancing_place.c: an access of t to a page on `mem_nid` was counted (flags NB_TNF_*).
 * last_cpupid as nb_page_cpupid() gave it before. Source: task_numa_fault(). */
enum {
	NB_TNF_MIGRATED = 1,
	NB_TNF_NO_GROUP = 2,
	NB_TNF_SHARED = 4,
	NB_TNF_LOCAL = 8,
	NB_TNF_FAILED = 16
};
void nb_task_numa_fault(struct nb_task *t, uint32_t last_cpupid, int mem_nid, unsigned pages,
			unsigned flags);
/* Should a page of src_nid follow an access from t's CPU? Source: should_numa_migrate_memory(). */
bool nb_numab_should_migrate(struct nb_task *t, uint32_t last_cpupid, int src_nid);

/* Who touched a page last: a CPU and the low byte of a pid. 0 in the descriptor means nobody. */
#define NB_CPUPID_NONE UINT32_MAX
static inline uint32_t nb_page_cpupid(const struct nb_page *page)
{
	uint32_t bits = nb_page_cpupid_bits(page);

	return bits ? bits - 1 : NB_CPUPID_NONE;
}
static inline uint32_t nb_cpupid_of(int cpu, int pid)
{
	return (uint32_t)cpu << 8 | ((unsigned)pid & 0xff);
}
static inline void nb_page_set_cpupid(const struct nb_system *sys, struct nb_page *page,
				      uint32_t cpupid)
{
	nb_page_set_cpupid_bits(sys, page, cpupid + 1);
}
static inline bool nb_cpupid_match(uint32_t cpupid, int pid)
{
	return (cpupid & 0xff) == ((unsigned)pid & 0xff);
}

#endif
