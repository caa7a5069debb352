/* numabox/hugetlb.h -- huge pages: the files that rule them, hugetlbfs, what stands in the pools.
 *
 * Callers: the simulator and the supervisor; views read the counts.
 * Memory:  mounts and files belong to the system; a handle is given up by the call that ends it.
 * Errors:  the kernel's errno, negated. Units: huge pages of the pool, or bytes where a name says
 * so. Threads: any; calls that name a task follow the rules of task.h. Source:  mm/hugetlb.c,
 * fs/hugetlbfs/inode.c.
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
 * Read: the file's text with its newline, cut at n - 1; returns its whole length. -NB_ENOENT: no
 * such file, -NB_EACCES: cannot be read. */
int nb_sysfs_read(struct nb_system *sys, const char *path, char *buf, size_t n);
/* Writes as `task` (NULL: root, on the first CPU, without a policy). 0 also where only a part was
 * reached, as the kernel answers; -NB_ENOENT, -NB_EACCES (read-only, or not root's), -NB_EINVAL (no
 * number), -NB_ERANGE, -NB_ENOMEM. */
int nb_sysfs_write(struct nb_system *sys, struct nb_task *task, const char *path, const char *text);
/* The i-th path, into buf; false past the last. */
bool nb_sysfs_path(struct nb_system *sys, unsigned i, char *buf, size_t n);

/* One wake-up of khugepaged at the system's time; when the next is due, UINT64_MAX: when it is
 * woken. Drivers call it as their clock goes. */
uint64_t nb_khugepaged_step(struct nb_system *sys);
/* Who is told when it has something to do again; wake may be NULL. */
void nb_khugepaged_set_wake(struct nb_system *sys, void (*wake)(void *ctx), void *ctx);

/* Beginning as observed: before zones are set (nb_zone_set_observed()), pools give back what boot
 * took. */
void nb_hugetlb_clear(struct nb_system *sys);
/* Afterwards each pool (huge pages of `page_bytes`) of each node gets its `nr` pages, of which
 * `free` are free (the others are in use by nobody that is known), out of what was in use. Returns
 * how many it got; 0 for no such pool or node. */
uint64_t nb_hugetlb_set_observed(struct nb_system *sys, uint64_t page_bytes, int nid, uint64_t nr,
				 uint64_t free);

/* One pool, as a whole (nid NB_NO_NODE) or on one node. */
struct nb_hugetlb_info {
	uint64_t page_bytes;
	uint64_t nr, free, resv, surplus, overcommit; /* resv, overcommit: 0 for one node */
	bool is_default;                              /* the size that meminfo tells of */
};
/* The i-th pool in the kernel's order; false past the last, or for no such node. */
bool nb_hugetlb_info(const struct nb_system *sys, unsigned i, int nid,
		     struct nb_hugetlb_info *ret_info);

/* Files of huge pages are nb_address_spaces (numabox/file.h): nb_mmap_file(), nb_file_fallocate()
 * and nb_file_put() take them. Anonymous mappings come from nb_mmap() with NB_MAP_HUGETLB, whose
 * size is log2(bytes) << NB_MAP_HUGE_SHIFT, 0 the default. */
#define NB_MAP_HUGE_SHIFT 26
struct nb_hugetlbfs;
struct nb_address_space;
/* mount -t hugetlbfs -o pagesize=,min_size=,size=: page_bytes 0 is the default size, min_bytes 0 no
 * minimum, size_bytes UINT64_MAX no limit. -NB_EPERM, -NB_EINVAL, -NB_ENOMEM (also where the
 * minimum cannot be reserved). */
int nb_hugetlbfs_mount(struct nb_system *sys, struct nb_task *task, uint64_t page_bytes,
		       uint64_t min_bytes, uint64_t size_bytes, struct nb_hugetlbfs **ret_mount);
/* Its minimum goes when its files have gone, too. */
void nb_hugetlbfs_umount(struct nb_hugetlbfs *mount);
/* An empty file, held by the caller; unlink and close is nb_file_put(). 0, -NB_ENOMEM. */
int nb_hugetlbfs_create(struct nb_hugetlbfs *mount, const char *name,
			struct nb_address_space **ret_file);
/* shmget(SHM_HUGETLB): a segment, reserved at once unless `noreserve`; IPC_RMID is nb_file_put().
 * -NB_EINVAL (no such page size), -NB_EPERM (not root's), -NB_ENOMEM. */
int nb_hugetlb_shmget(struct nb_task *t, uint64_t page_bytes, uint64_t bytes, bool noreserve,
		      struct nb_address_space **ret_file);

#ifdef __cplusplus
}
#endif
#endif
