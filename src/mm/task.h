/* task.h -- inside a task: its address space, its policy, where it runs.
 *
 * Called by task.c, vma.c, fault.c, mempolicy.c; the allocator reads pid, flags and mems_allowed of
 * the task that a request names. A task is driven by one thread at a time; the list of tasks and
 * the pools have locks of their own. Objects come from pools (pool.h), which live as long as the
 * system.
 */
#ifndef NB_MM_TASK_H
#define NB_MM_TASK_H

#include "mm/mempolicy.h"
#include "mm/pool.h"

struct nb_vma;
struct nb_ptable;
struct nb_cpuset;
struct nb_memcg;
struct nb_numab;
struct nb_rmap_slot;
struct nb_rmap;

/* Shape of the page tables: as the architecture's, so that Linux's page-table pages are ours. */
struct nb_pt_shape {
	uint8_t levels; /* 2 .. 5, the root included */
	uint8_t page_shift;
	uint8_t bits; /* index bits of every level but the root */
	uint8_t root_bits;
};

/* An address space. Equation (nb_mm_check()): rss_pages == sum over zone_rss[]
 * == entries of all leaves that hold a page. */
struct nb_mm {
	struct nb_system *sys;
	unsigned users;      /* tasks that live in it; under the list's lock */
	uint32_t id;         /* in the order of making */
	struct nb_vma *vmas; /* root of the tree, by address */
	unsigned nr_vmas;
	struct nb_ptable *root;
	struct nb_pt_shape shape;
	uint64_t task_size, mmap_base; /* bytes */
	uint64_t map_window; /* addresses above are given only to who asks for one there */
	uint64_t rss_pages;
	uint64_t *zone_rss;   /* [position of the node * NB_MAX_NR_ZONES + zone type] */
	uint64_t nr_ptables;  /* without the root */
	struct nb_lock lock;  /* of all this; taken by calls of its tasks, tried by reclaim */
	_Atomic int lock_cpu; /* who holds it, in threaded systems; -1 nobody (rmap.h) */
	_Atomic(struct nb_rmap *) held_by; /* a move of one of its pages holds it (rmap.c) */
	uint64_t start_brk, brk;           /* the heap, bytes */
	uint64_t stack_top;                /* 0: no stack mapped */
	uint64_t total_pages;              /* mapped address space */
	uint64_t locked_pages;             /* in VMAs that are NB_VM_LOCKED */
	bool oom_reaped; /* its owner was killed, and it has no more to give (oom.c) */
	uint64_t anon_pages, file_pages, shmem_pages, swap_entries; /* MM_ANONPAGES and kin */
	uint64_t huge_entries;  /* of transparent huge pages; equation in huge_memory.h */
	uint64_t hugetlb_pages; /* base pages of hugetlb mappings; not in rss */
	/* NUMA balancing (balancing.h): when the next walk may begin, where it goes on, and how
	 * often it came round; 0: no walk yet */
	uint64_t born_ns, numa_next_scan_ns, numa_scan_offset;
	unsigned numa_scan_seq;
	unsigned def_flags; /* NB_VM_* of new mappings: mlockall(MCL_FUTURE) */
};

enum {
	NB_PF_MEMALLOC = 1 << 0, /* may dip below the marks: reclaims memory itself */
	NB_PF_OOM_VICTIM = 1 << 1,
	NB_PF_RT = 1 << 2, /* real-time class */
	NB_PF_MEMALLOC_NOIO = 1 << 4,
	NB_PF_MEMALLOC_NOFS = 1 << 5,
	NB_PF_DUMPCORE = 1 << 6,
	NB_PF_CPUSET = 1 << 3,     /* mems_allowed is less than all memory: a cpuset limits it */
	NB_PF_MEMCG_HIGH = 1 << 7, /* owes reclaim for going over memory.high */
};

struct nb_task {
	struct nb_system *sys;
	struct nb_task *next; /* all tasks, ascending pid */
	int pid, tgid;        /* tgid: pid of its thread group */
	bool alive;
	bool put;               /* nb_task_put() was called: goes when it is dead */
	_Atomic unsigned flags; /* NB_PF_*; its own, but for NB_PF_OOM_VICTIM */
	int cpu;
	char comm[16];
	struct nb_cpumask cpus_allowed;
	struct nb_nodemask mems_allowed; /* of its cpuset */
	struct nb_mempolicy *policy;     /* NULL: default */
	int il_prev;                     /* last node of the interleave counter; -1: none */
	unsigned il_weight;
	struct nb_mm *mm;
	struct nb_task *leader; /* of its thread group; itself where it is the first thread */
	struct nb_task *parent; /* NULL: none */
	unsigned nr_children;
	struct nb_cpuset *cpuset; /* cpuset.c; NULL: all CPUs and all memory */
	struct nb_memcg *memcg;   /* memcg.c; NULL: the root, nothing is charged */
	unsigned memcg_over_high; /* pages charged above memory.high since it last reclaimed */
	/* sched_setaffinity()'s own wish, which a cpuset's change does not forget */
	struct nb_cpumask user_cpus;
	bool user_cpus_set;
	unsigned spread_rotor; /* cpuset.c: last node of spread pages + 1; 0 none */
	int oom_score_adj;     /* -1000 .. 1000 */
	unsigned uid;          /* 0: may do everything */
	bool in_lru_fault;     /* filemap.c: pages that come now are held for young */
	unsigned nr_dirtied, nr_dirtied_pause; /* pages since it last looked, and until it will */
	struct nb_numab *numab;                /* balancing.c; NULL: never scanned */
};

/* What tasks need of a system; made with the first of them. */
struct nb_task_side {
	struct nb_lock lock; /* the list, pids */
	struct nb_task *tasks, *last;
	int next_pid;
	uint32_t next_mm;
	uint64_t next_inode; /* of shared anonymous memory */
	struct nb_pool task_pool, mm_pool, vma_pool, policy_pool, table_pool, root_pool, rss_pool;
	struct nb_pool anon_pool;
	/* rmap.c: objects by handle, NB_RMAP_STEP to a piece; handles that came back are linked */
	struct nb_lock rmap_lock;
	_Atomic(struct nb_rmap_slot *) *rmap_piece;
	uint32_t rmap_top, rmap_free; /* highest handle given out so far; the first to reuse */
	uint32_t next_anon_id;
	struct nb_pool numab_pool, numab_vma_pool, numa_group_pool;
	struct nb_lock numab_lock; /* groups and their counts */
	/* cpuset.c: the root of the tree, NULL until somebody asks; rules of cgroup v1 */
	struct nb_pool cpuset_pool;
	struct nb_cpuset *cpusets;
	bool cpusets_v1;
	uint8_t *il_weights; /* of weighted interleave by node id; NULL: all 1 */
};

/* A count of an mm: changed under its lock, read by the OOM killer without. */
static inline void nb_mm_add(uint64_t *count, int64_t n)
{
	__atomic_store_n(count, *count + (uint64_t)n, __ATOMIC_RELAXED);
}
static inline uint64_t nb_mm_read(const uint64_t *count)
{
	return __atomic_load_n(count, __ATOMIC_RELAXED);
}

/* NULL without memory. */
struct nb_task_side *nb_task_side(struct nb_system *sys);

/* task.c, for fork.c. A task that is in no list yet: alive, leader of itself, without an address
 * space; NULL: no memory. nb_task_discard() ends one that never got into the list. */
struct nb_task *nb_task_new(struct nb_system *sys);
void nb_task_discard(struct nb_task *t);
void nb_task_enlist(struct nb_task *t); /* gives it its pid */
void nb_task_set_comm(struct nb_task *t, const char *comm);
/* Ends the other threads of its process; it then has the process's pid. */
void nb_task_end_others(struct nb_task *t);
/* An empty address space with one user, or NULL; nb_mm_put() leaves it: the last one unmaps all.
 * For others a task has its mm until all of that is done. */
struct nb_mm *nb_mm_new(struct nb_system *sys);
void nb_mm_put(struct nb_task *t);
/* Gives a task that has none an mm. */
void nb_task_set_mm(struct nb_task *t, struct nb_mm *mm);
/* For daemons: the mm of the n-th task, locked, if the task leads its group, is in the memory
 * cgroup cg, and the mm is not busy
 * (`holder` as in nb_mm_trylock(), whose result is *ret_got); else NULL. false: there is no n-th.
 */
bool nb_task_mm_at(struct nb_system *sys, unsigned n, const struct nb_memcg *cg, int holder,
		   struct nb_mm **ret_mm, int *ret_got);
/* The same for the first leader of a group whose pid is `pid` or more, and
 * its memory cgroup: returns its pid, 0: there is none. */
int nb_task_mm_from(struct nb_system *sys, int pid, int holder, struct nb_mm **ret_mm, int *ret_got,
		    struct nb_memcg **ret_memcg);
bool nb_cpu_online(const struct nb_system *sys, int cpu);

/* Adds to a counter that several CPUs may write; on one thread without an atomic step. */
static inline void nb_stat_add(const struct nb_system *sys, _Atomic uint64_t *counter, int64_t n)
{
	if (sys->port->relax)
		atomic_fetch_add_explicit(counter, (uint64_t)n, memory_order_relaxed);
	else
		atomic_store_explicit(
			counter, atomic_load_explicit(counter, memory_order_relaxed) + (uint64_t)n,
			memory_order_relaxed);
}

/* task.c: what is wrong with the address spaces, for nb_system_check(). 0, or -NB_EIO with *err. */
int nb_tasks_check(const struct nb_system *sys, struct nb_error *err);

/* Node of the CPU that the task runs on, as numa_node_id(). */
static inline int nb_task_local_node(const struct nb_task *t)
{
	return t->sys->cpu_to_node[t->cpu];
}

#endif
