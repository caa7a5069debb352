/* sysfs.h -- files of /sys and /proc/sys that rule memory, by path.
 *
 * Callers outside mm use nb_sysfs_read() and nb_sysfs_write() of numabox/hugetlb.h, which ask each
 * owner of files in turn; sysctl.c comes here for the names that it does not know itself.
 */
#ifndef NB_MM_SYSFS_H
#define NB_MM_SYSFS_H

#include "mm/task.h"

/* sysfs.c. kstrtoul(): decimal, an optional '+', one newline at the end. 0, -NB_EINVAL,
 * -NB_ERANGE. */
int nb_sysfs_read_ulong(const char *text, uint64_t *ret);
/* proc_doulongvec_minmax(): blanks, decimal, 0x hex or octal; what follows a blank is ignored. 0,
 * -NB_EINVAL. */
int nb_sysctl_read_ulong(const char *text, uint64_t *ret);
/* A word of a list, written with or without a newline: its position, or -1.
 * Source: sysfs_streq(). */
int nb_sysfs_word(const char *text, const char *const *words, unsigned n);

/* Owners of files. read, write and path as those of numabox/hugetlb.h; -NB_ENOENT: not mine. */
int nb_hugetlb_sysfs_read(const struct nb_system *sys, const char *path, char *buf, size_t n);
int nb_hugetlb_sysfs_write(struct nb_system *sys, struct nb_task *task, const char *path,
			   const char *text);
/* vm.nr_hugepages and kin by their sysctl name, for sysctl.c. -NB_ENOENT: not mine. */
int nb_hugetlb_sysctl_read(const struct nb_system *sys, const char *name, char *buf, size_t n);
int nb_hugetlb_sysctl_write(struct nb_system *sys, struct nb_task *task, const char *name,
			    const char *value);
bool nb_hugetlb_sysfs_path(const struct nb_system *sys, unsigned i, char *buf, size_t n);
/* huge_tune.c */
int nb_thp_sysfs_read(const struct nb_system *sys, const char *path, char *buf, size_t n);
int nb_thp_sysfs_write(struct nb_system *sys, struct nb_task *task, const char *path,
		       const char *text);
bool nb_thp_sysfs_path(const struct nb_system *sys, unsigned i, char *buf, size_t n);

#endif
