/* numabox/task.h -- tasks: address spaces, policies, faults.
 *
 * Callers: the simulator and the supervisor drive these; no rule of Linux lives in them.
 * Memory:  a task belongs to its system; nb_task_exit() ends it and frees its pages;
 *          the handle stays valid (dead) until nb_task_put().
 * Errors:  the kernel's errno, negated.
 * Threads: one at a time for each task and for the CPU that it is on; calls of different tasks run
 *          at once. A call holds the lock of the task's address space. docs/threads.md.
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

/* Numbers of include/uapi/asm-generic/mman*.h. A mapping is private where it is not shared. */
enum nb_prot {
	NB_PROT_NONE = 0,
	NB_PROT_READ = 1,
	NB_PROT_WRITE = 2,
	NB_PROT_EXEC = 4,
	NB_PROT_GROWSDOWN = 0x01000000, /* mprotect: down to the start of a growing VMA */
	NB_PROT_GROWSUP = 0x02000000,
};
enum nb_map {
	NB_MAP_SHARED = 1,
	NB_MAP_PRIVATE = 2,
	NB_MAP_FIXED = 0x10,
	NB_MAP_ANONYMOUS = 0x20, /* as without */
	NB_MAP_GROWSDOWN = 0x100,
	NB_MAP_LOCKED = 0x2000,
	NB_MAP_NORESERVE = 0x4000,
	NB_MAP_POPULATE = 0x8000,
	NB_MAP_NONBLOCK = 0x10000,
	NB_MAP_STACK = 0x20000,
	NB_MAP_HUGETLB = 0x40000,
	NB_MAP_FIXED_NOREPLACE = 0x100000,
};
enum nb_mremap { NB_MREMAP_MAYMOVE = 1, NB_MREMAP_FIXED = 2, NB_MREMAP_DONTUNMAP = 4 };
enum nb_madv {
	NB_MADV_NORMAL = 0,
	NB_MADV_RANDOM = 1,
	NB_MADV_SEQUENTIAL = 2,
	NB_MADV_WILLNEED = 3,
	NB_MADV_DONTNEED = 4,
	NB_MADV_FREE = 8,
	NB_MADV_REMOVE = 9,
	NB_MADV_DONTFORK = 10,
	NB_MADV_DOFORK = 11,
	NB_MADV_MERGEABLE = 12,
	NB_MADV_UNMERGEABLE = 13,
	NB_MADV_HUGEPAGE = 14,
	NB_MADV_NOHUGEPAGE = 15,
	NB_MADV_DONTDUMP = 16,
	NB_MADV_DODUMP = 17,
	NB_MADV_WIPEONFORK = 18,
	NB_MADV_KEEPONFORK = 19,
	NB_MADV_COLD = 20,
	NB_MADV_PAGEOUT = 21,
	NB_MADV_POPULATE_READ = 22,
	NB_MADV_POPULATE_WRITE = 23,
	NB_MADV_DONTNEED_LOCKED = 24,
	NB_MADV_COLLAPSE = 25,
};
enum { NB_MLOCK_ONFAULT = 1 };                                      /* mlock2 */
enum { NB_MCL_CURRENT = 1, NB_MCL_FUTURE = 2, NB_MCL_ONFAULT = 4 }; /* mlockall */

/* A new process of one thread on `cpu`, its own address space, default policy.
 * 0; -NB_EINVAL for a CPU that is not online; -NB_ENOMEM. */
int nb_task_create(struct nb_system *sys, int cpu, const char *comm, struct nb_task **ret_task);
/* A child process on the parent's CPU: its address space shares the parent's pages until one of the
 * two writes; policy, cpuset, affinity and the rest are the parent's. 0, -NB_ESRCH, -NB_ENOMEM.
 * Source: kernel/fork.c, copy_process(). */
int nb_task_fork(struct nb_task *t, struct nb_task **ret_child);
/* A thread of the same process, in the same address space, on `cpu`. As nb_task_create(), and
 * -NB_EINVAL where its cpuset or affinity does not hold the CPU. */
int nb_task_thread(struct nb_task *t, int cpu, struct nb_task **ret_thread);
/* The process becomes another program: a fresh address space; policy, CPU and pid stay. Its other
 * threads end. comm NULL: the name stays. 0, -NB_ESRCH, -NB_ENOMEM (nothing is changed).
 * Source: fs/exec.c. */
int nb_task_exec(struct nb_task *t, const char *comm);
/* Pid of the thread group: that of the process's first thread. */
int nb_task_tgid(const struct nb_task *t);
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
/* Protection of a range, NB_PROT_*. 0; -NB_EINVAL, -NB_ENOMEM (holes: what lies before them is
 * changed; or too many VMAs), -NB_EACCES. */
int nb_mprotect(struct nb_task *t, uint64_t addr, uint64_t length_bytes, int prot);
/* Grows, shrinks or moves a mapping; pages move along, by their table entries alone. flags are
 * NB_MREMAP_*; new_addr counts with FIXED (and as a hint with DONTUNMAP). *ret_addr: where it is
 * now. Errors in the kernel's order: -NB_EINVAL, -NB_EFAULT, -NB_ENOMEM, -NB_EAGAIN. */
int nb_mremap(struct nb_task *t, uint64_t addr, uint64_t old_length_bytes,
	      uint64_t new_length_bytes, int flags, uint64_t new_addr, uint64_t *ret_addr);
/* Advice about a range, NB_MADV_*. Errors as madvise(2)'s. */
int nb_madvise(struct nb_task *t, uint64_t addr, uint64_t length_bytes, int advice);
/* brk(2): asks for the end of the heap; 0 asks nothing. *ret_brk is where it is now, moved or not.
 * -NB_ESRCH. */
int nb_brk(struct nb_task *t, uint64_t brk, uint64_t *ret_brk);
/* Gives the process its stack, as exec does: 132 KiB below the end of user space, growing at faults
 * below it up to 8 MiB. *ret_top: its end. -NB_EEXIST: it has one; -NB_ENOMEM. */
int nb_task_map_stack(struct nb_task *t, uint64_t *ret_top);
/* Pages of a range stay in memory, and are faulted in now. 0; -NB_EINVAL, -NB_ENOMEM (holes, or no
 * memory), -NB_EAGAIN, -NB_ESRCH. */
int nb_mlock(struct nb_task *t, uint64_t addr, uint64_t length_bytes);
/* The same; with NB_MLOCK_ONFAULT in flags each page stays from when it is first touched. Other
 * flags: -NB_EINVAL. */
int nb_mlock2(struct nb_task *t, uint64_t addr, uint64_t length_bytes, int flags);
/* They need not stay any longer. 0; -NB_EINVAL, -NB_ENOMEM (holes), -NB_ESRCH. */
int nb_munlock(struct nb_task *t, uint64_t addr, uint64_t length_bytes);
/* All mappings, now (NB_MCL_CURRENT) or made later (NB_MCL_FUTURE). -NB_EINVAL, -NB_ENOMEM. */
int nb_mlockall(struct nb_task *t, int flags);
/* None of the task's mappings needs to stay any longer, those to come neither. 0 or -NB_ESRCH. */
int nb_munlockall(struct nb_task *t);
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
	uint64_t pgoff_pages;  /* of `start` in what is mapped */
	uint64_t inode;        /* 0: anonymous private memory */
	const char *file_name; /* NULL: none; owned by the file */
	unsigned flags;        /* NB_VMA_* */
};
enum {
	NB_VMA_HEAP = 1 << 0,
	NB_VMA_STACK = 1 << 1,
	NB_VMA_LOCKED = 1 << 2,
	NB_VMA_HUGETLB = 1 << 3,
	NB_VMA_GROWSDOWN = 1 << 4,
	NB_VMA_HUGEPAGE = 1 << 5,
	NB_VMA_NOHUGEPAGE = 1 << 6,
	NB_VMA_DONTFORK = 1 << 7,
	NB_VMA_WIPEONFORK = 1 << 8,
	NB_VMA_NORESERVE = 1 << 9,
	NB_VMA_SEQ_READ = 1 << 10,
	NB_VMA_RAND_READ = 1 << 11,
	NB_VMA_SHMEM = 1 << 12, /* its file is one of memory */
	NB_VMA_DONTDUMP = 1 << 13,
	NB_VMA_LOCKONFAULT = 1 << 14,
	NB_VMA_ACCOUNT = 1 << 15, /* counts as promised memory */
};
/* What is in a VMA, counted from its page tables as fs/proc/task_mmu.c does for numa_maps and
 * smaps. Base pages, but where a name says otherwise; a huge page counts for all of its. */
struct nb_vma_pages {
	/* numa_maps: of the pages that are mapped here (the shared page of zeros is none) */
	uint64_t pages, anon, dirty, mapped, swapcache, active, writeback;
	uint64_t mapcount_max;
	uint64_t node_pages[NB_MAX_NODES]; /* by node id */
	/* smaps */
	uint64_t shared_clean, shared_dirty, private_clean, private_dirty;
	uint64_t pss_bytes; /* each page's bytes divided by its mappings, as the kernel rounds */
	uint64_t referenced, lazyfree, anon_huge, shmem_huge, file_huge, ksm, locked_pss_bytes;
	uint64_t swap, swap_pss_bytes;
	uint64_t shared_hugetlb, private_hugetlb;
	uint64_t kernel_page_bytes, mmu_page_bytes;
	uint64_t pss_dirty_bytes; /* Pss of the dirty pages among them */
	bool thp_eligible;        /* may the mapping have transparent huge pages? */
};
/* Of the i-th VMA; false past the end. */
bool nb_task_vma_pages(const struct nb_task *t, unsigned i, struct nb_vma_pages *ret_pages);

/* /proc/PID/status' memory lines. Pages. */
struct nb_task_memory {
	uint64_t total, locked, anon, file, shmem, swap_entries, hugetlb, data, stack;
	uint64_t page_table_pages; /* the root included */
	unsigned nr_vmas;
	uint64_t start_brk, brk, stack_top; /* addresses; 0: none */
};
/* All zero for a dead task. */
void nb_task_memory(const struct nb_task *t, struct nb_task_memory *ret_memory);
/* The i-th of them; false past the end. */
bool nb_task_vma(const struct nb_task *t, unsigned i, struct nb_vma_info *ret_info);

#ifdef __cplusplus
}
#endif
#endif
