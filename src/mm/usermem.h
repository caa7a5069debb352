/* usermem.h -- reading and writing the arguments that a system call finds in a program's memory.
 *
 * Called by mempolicy_call.c, move_pages.c. The memory is the embedder's (struct nb_user); nothing
 * outside what it declares is touched. Source: copy_from_user(), mm/mempolicy.c, get_nodes(),
 * copy_nodes_to_user().
 */
#ifndef NB_MM_USERMEM_H
#define NB_MM_USERMEM_H

#include "mm/task.h"

#include <numabox/mempolicy.h>

/* Pids of the system's own tasks, which have no struct nb_task. */
#define NB_INIT_PID 1
#define NB_KTHREADD_PID 2

static inline bool nb_user_null(const struct nb_user *u)
{
	return !u->at && !u->bad;
}

/* `n` bytes at offset `at`. 0 or -NB_EFAULT: nothing is copied. */
int nb_user_read(const struct nb_user *u, uint64_t at, void *buf, size_t n);
int nb_user_write(const struct nb_user *u, uint64_t at, const void *buf, size_t n);

/* A mask argument. 0, -NB_EINVAL (too long, or a bit for no possible node), -NB_EFAULT. */
int nb_user_get_nodes(const struct nb_system *sys, const struct nb_user *mask, uint64_t maxnode,
		      struct nb_nodemask *ret);
/* The way back. 0, -NB_EINVAL (longer than a page), -NB_EFAULT. */
int nb_user_put_nodes(const struct nb_system *sys, const struct nb_user *mask, uint64_t maxnode,
		      const struct nb_nodemask *nodes);
/* One more than the highest node id. Source: nr_node_ids. */
unsigned nb_node_ids(const struct nb_system *sys);

/* The task of a pid for a call of `t`, 0 being its own. 0; -NB_ESRCH. *ret_task is NULL for the
 * system's own ones, which have no struct nb_task. */
int nb_find_task(struct nb_task *t, int pid, struct nb_task **ret_task);
/* May the caller look into the target's memory? Source: ptrace_may_access(). */
static inline bool nb_may_access(const struct nb_task *caller, const struct nb_task *target)
{
	return caller->uid == 0 || caller->mm == target->mm || caller->uid == target->uid;
}

#endif
