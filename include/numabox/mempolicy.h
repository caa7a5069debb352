/* numabox/mempolicy.h -- the system calls of NUMA policy, in full.
 *
 * Callers: those who replay or supervise real programs: every flag of get_mempolicy(), the calls
 *          with the arguments that a program gives (masks as words with maxnode, pointers that may
 *          be wrong), migrate_pages() and move_pages(). task.h has the short forms.
 * Memory:  nothing is kept of what is passed in.
 * Errors:  the kernel's errno, negated, found in the kernel's order of checks.
 * Source:  mm/mempolicy.c, mm/migrate.c; facts 6.2, 6.6.
 */
#ifndef NUMABOX_MEMPOLICY_H
#define NUMABOX_MEMPOLICY_H

#include <numabox/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/* get_mempolicy()'s flags. */
enum {
	NB_MPOL_F_NODE = 1 << 0,         /* the next node, or with ADDR the page's */
	NB_MPOL_F_ADDR = 1 << 1,         /* of what is mapped there */
	NB_MPOL_F_MEMS_ALLOWED = 1 << 2, /* the cpuset's nodes */
};
/* Flags of mbind(); move_pages() takes the last two. */
enum {
	NB_MPOL_MF_STRICT = 1 << 0,
	NB_MPOL_MF_MOVE = 1 << 1,     /* pages that this process alone maps */
	NB_MPOL_MF_MOVE_ALL = 1 << 2, /* root only */
};

/* get_mempolicy(): *ret_mode gets what the call's first argument would (the mode with flags, or a
 * node), *ret_nodes the mask; either may be NULL. NODE|ADDR faults the page in. The interleaving
 * counter does not move. 0, -NB_EINVAL, -NB_EFAULT (no mapping), -NB_ENOMEM, -NB_ESRCH. */
int nb_get_mempolicy_flags(struct nb_task *t, uint64_t addr, uint64_t flags, int *ret_mode,
			   struct nb_nodemask *ret_nodes);

/* migrate_pages(): `caller` has the pages of `target`'s process that lie on `from` moved to `to`,
 * node by node as the sets correspond. The number of pages that could not be moved;
 * -NB_EPERM (another user's process; nodes outside its cpuset), -NB_EINVAL (no node of `to` is in
 * the caller's cpuset), -NB_ENOMEM, -NB_ESRCH (a dead task). Root moves shared pages too. */
int nb_migrate_pages(struct nb_task *caller, struct nb_task *target, const struct nb_nodemask *from,
		     const struct nb_nodemask *to);

/* move_pages(): addresses pages[0 .. nr_pages) of `target`'s process to nodes[], or with nodes ==
 * NULL nothing is moved. status[i] gets the node of page i, or a negative errno: -NB_ENOENT no
 * page, -NB_EFAULT no mapping or the page of zeros, -NB_EACCES shared with others and not MOVE_ALL,
 * -NB_EBUSY. Entries behind the one that an error belongs to are left alone. 0; the number of pages
 * that were not moved (with those not tried); -NB_EINVAL, -NB_EPERM, -NB_ENODEV (no such node, or
 * one without memory), -NB_EACCES (a node outside its cpuset), -NB_ENOMEM, -NB_ESRCH. */
int nb_move_pages(struct nb_task *caller, struct nb_task *target, uint64_t nr_pages,
		  const uint64_t *pages, const int *nodes, int *status, int flags);

/* An argument that points to the program's memory: `bytes` from `at` on can be read and written;
 * beyond, the call meets -NB_EFAULT. at == NULL is a null pointer, unless `bad`: then it is some
 * address where nothing is mapped. */
struct nb_user {
	void *at;
	uint64_t bytes;
	bool bad;
};

/* The calls with a program's own arguments; pid 0 is the caller. Masks are words of 64 bits, of
 * which maxnode - 1 bits count. Other pids are those of living tasks; of the system's own, 1 is
 * root's (nothing of it moves) and 2 a kernel thread, without memory of its own. All return 0 or
 * the kernel's errno, negated, tested in its order; memory that is `bad` gives -NB_EFAULT.
 *
 * set_mempolicy(2): the task's own policy. */
int nb_sys_set_mempolicy(struct nb_task *t, int mode, struct nb_user nmask, uint64_t maxnode);
/* get_mempolicy(2): `policy` is one int, `nmask` maxnode bits, both may be nowhere; `addr` and
 * `flags` (NB_MPOL_F_*) say of what. */
int nb_sys_get_mempolicy(struct nb_task *t, struct nb_user policy, struct nb_user nmask,
			 uint64_t maxnode, uint64_t addr, uint64_t flags);
/* mbind(2): a policy for a range of bytes; `flags` are NB_MPOL_MF_*. */
int nb_sys_mbind(struct nb_task *t, uint64_t addr, uint64_t length_bytes, uint64_t mode,
		 struct nb_user nmask, uint64_t maxnode, unsigned flags);
/* set_mempolicy_home_node(2): where the range's BIND and PREFERRED_MANY policies begin; flags: 0.
 */
int nb_sys_set_mempolicy_home_node(struct nb_task *t, uint64_t addr, uint64_t length_bytes,
				   uint64_t home_node, uint64_t flags);
/* migrate_pages(2): a process's pages, from each old node to the one in the same place of the new
 * ones. More than 0: so many pages could not be moved. */
int nb_sys_migrate_pages(struct nb_task *t, int pid, uint64_t maxnode, struct nb_user old_nodes,
			 struct nb_user new_nodes);
/* move_pages(2): nr_pages addresses (`pages`), nodes (`nodes`: ints; nowhere: only ask) and answers
 * (`status`: ints, a node or an errno negated). More than 0: so many pages were left unmoved. */
int nb_sys_move_pages(struct nb_task *t, int pid, uint64_t nr_pages, struct nb_user pages,
		      struct nb_user nodes, struct nb_user status, int flags);

/* Who the task is: user 0 (as every new task without a parent) may do everything, others only
 * what concerns their own processes. */
void nb_task_set_uid(struct nb_task *t, unsigned uid);
/* Its user. */
unsigned nb_task_uid(const struct nb_task *t);

#ifdef __cplusplus
}
#endif
#endif
