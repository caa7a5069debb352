/* numabox/hugetlb.h -- huge pages: the files that rule them, hugetlbfs, what stands in the pools.
 *
 * Callers: the simulator and the supervisor; views read the counts.
 * Memory:  mounts and files belong to the system; a handle is given up by the call that ends it.
 * Errors:  the kernel's errno, negated. Units: huge pages of the pool, or bytes where a name says so.
 * Threads: any; calls that name a task follow the rules of task.h.
 * Source:  mm/hugetlb.c, fs/hugetlbfs/inode.c.
 */
#ifndef NUMABOX_HUGETLB_H
#define NUMABOX_HUGETLB_H

#include <numabox/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Files below /sys and /proc/sys that rule huge pages, by their path:
 *   /sys/kernel/mm/hugepages/hugepages-NkB/{nr_hugepages, nr_hugepages_mempolicy,
 *       nr_overcommit_hugepages, free_hugepages, resv_hugepages, surplus_hugepages}
 *   /sys/devices/system/node/nodeN/hugepages/hugepages-NkB/{nr_hugepages, free_hugepages,
 *       surplus_hugepages}
 *   /proc/sys/vm/{nr_hugepages, nr_hugepages_mempolicy, nr_overcommit_hugepages}
 *   /sys/kernel/mm/transparent_hugepage/... (huge_memory.c)
 * Read: the file's text with its newline, cut at n - 1; returns its whole length. -NB_ENOENT: no such
 * file, -NB_EACCES: cannot be read. */
int nb_sysfs_read(struct nb_system *sys, const char *path, char *buf, size_t n);
/* Writes as `task` (NULL: root, on the first CPU, without a policy). 0 also where only a part was
 * reached, as the kernel answers; -NB_ENOENT, -NB_EACCES (read-only, or not root's), -NB_EINVAL (no
 * number), -NB_ERANGE, -NB_ENOMEM. */
int nb_sysfs_write(struct nb_system *sys, struct nb_task *task, const char *path,
		   const char *text);
/* The i-th path, into buf; false past the last. */
bool nb_sysfs_path(struct nb_system *sys, unsigned i, char *buf, size_t n);

/* One pool, as a whole (nid NB_NO_NODE) or on one node. */
struct nb_hugetlb_info {
	uint64_t page_bytes;
	uint64_t nr, free, resv, surplus, overcommit; /* resv, overcommit: 0 for one node */
	bool is_default;                              /* the size that meminfo tells of */
};
/* The i-th pool in the kernel's order; false past the last, or for no such node. */
bool nb_hugetlb_info(const struct nb_system *sys, unsigned i, int nid,
		     struct nb_hugetlb_info *ret_info);

#ifdef __cplusplus
}
#endif
#endif
