/* oom.h -- the OOM killer, inside mm.
 *
 * Called by the slow path through hooks (nb_out_of_memory()), and at the end of every call of a
 * task (nb_oom_leave()), where one that was killed meanwhile dies. Source: mm/oom_kill.c.
 */
#ifndef NB_MM_OOM_H
#define NB_MM_OOM_H

#include "mm/page_alloc.h"
#include "mm/task.h"

#include <numabox/oom.h>

/* Connects the killer to the slow path. 0 or -NB_ENOMEM. */
int nb_oom_boot(struct nb_system *sys);
/* Chooses and kills. true: somebody will give memory back, or nobody should be killed for this
 * request. */
bool nb_out_of_memory(struct nb_system *sys, const struct nb_alloc_context *ac);

/* The same for a memory cgroup that is at its limit. t NULL: a write to one of its files.
 * Source: mem_cgroup_out_of_memory(). */
bool nb_memcg_out_of_memory(struct nb_memcg *cg, struct nb_task *t, int cpu, nb_gfp_t gfp,
			    unsigned order);

/* Was the task killed? It goes on with what it is doing, but does not begin anything. */
static inline bool nb_fatal_signal(const struct nb_task *t)
{
	return nb_unlikely(t->flags & NB_PF_OOM_VICTIM);
}
/* Ends a task that was killed, with all that share its memory. Without the mm's lock, as the last
 * thing of a call. */
void nb_oom_die(struct nb_task *t);
static inline void nb_oom_leave(struct nb_task *t)
{
	if (nb_fatal_signal(t))
		nb_oom_die(t);
}

#endif
