/* overcommit.h -- how much memory may be promised.
 *
 * Called by mmap, brk, mprotect, mremap, fork, stacks that grow, and by memory files, before they
 * promise more. What is promised: the pages of all VMAs that are NB_VM_ACCOUNT (vma_tree.c counts
 * them in sys->committed_pages), of segments that were charged whole (as->committed_pages, also in
 * that sum), and the pages that other memory files have. Units: pages.
 * Source: mm/util.c, __vm_enough_memory(), vm_commit_limit().
 */
#ifndef NB_MM_OVERCOMMIT_H
#define NB_MM_OVERCOMMIT_H

#include "mm/task.h"

enum nb_overcommit_mode {
	NB_OVERCOMMIT_GUESS,  /* only what could never be had is refused */
	NB_OVERCOMMIT_ALWAYS, /* nothing is */
	NB_OVERCOMMIT_NEVER,  /* the sum stays below the limit */
};

/* The run-time settings; in the order of sysctl.c's rows. */
enum nb_overcommit_knob {
	NB_OVERCOMMIT_MEMORY,
	NB_OVERCOMMIT_RATIO,
	NB_OVERCOMMIT_KBYTES,
	NB_OVERCOMMIT_ADMIN_RESERVE,
	NB_OVERCOMMIT_USER_RESERVE,
	NB_OVERCOMMIT_KNOBS
};

/* Boot: mode 0, half of memory, reserves of 3 % up to 8 and 128 MiB. */
void nb_overcommit_init(struct nb_system *sys);
/* Ratio and kbytes exclude each other: the one that is given makes the other 0. */
void nb_overcommit_set(struct nb_system *sys, enum nb_overcommit_knob knob, int64_t v);
int64_t nb_overcommit_get(const struct nb_system *sys, enum nb_overcommit_knob knob);

/* CommitLimit and Committed_AS. */
uint64_t nb_commit_limit(const struct nb_system *sys);
uint64_t nb_committed(const struct nb_system *sys);

/* May `pages` more be promised to the task? Nothing is counted by it. 0, -NB_ENOMEM. */
int nb_vm_enough_memory(const struct nb_task *t, uint64_t pages);
/* Does a mapping of these properties count? Source: accountable_mapping(). */
bool nb_vma_accountable(const struct nb_vma *v);
/* Pages in [start, end) of VMAs that count. */
uint64_t nb_vma_accounted(const struct nb_mm *mm, uint64_t start, uint64_t end);

#endif
