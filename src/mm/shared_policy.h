/* shared_policy.h -- policies of an object's pages, by page offset, whoever maps them.
 *
 * Called by mbind (a shared mapping's policy goes to the object), by fault.c and shmem.c (lookup).
 * Tmpfs files, shared anonymous memory and hugetlb files have one; ordinary files do not, so a VMA
 * policy of a shared mapping of theirs is ignored when pages come into the cache.
 * A balanced tree (AVL by start) of disjoint ranges [start, end) of pages; equation
 * (nb_shared_policy_check()): ranges ascend, start < end <= next start.
 * Threads: a leaf lock of its own. Source: mm/mempolicy.c, mpol_set_shared_policy(),
 * mpol_shared_policy_lookup(), shared_policy_replace(); facts 6.5.
 */
#ifndef NB_MM_SHARED_POLICY_H
#define NB_MM_SHARED_POLICY_H

#include "mm/task.h"

struct nb_policy_range {
	uint64_t start, end;      /* page offsets */
	struct nb_mempolicy *pol; /* holds a reference */
	struct nb_policy_range *left, *right;
	unsigned height;
};

struct nb_shared_policy {
	struct nb_policy_range *root;
	unsigned nr_ranges;
	struct nb_lock lock;
};

/* `pol` for pages [start, end); NULL: none. Ranges that overlap are cut or split. Takes a reference
 * of its own. 0, or -NB_ENOMEM: nothing is changed. */
int nb_shared_policy_set(struct nb_system *sys, struct nb_shared_policy *sp, uint64_t start,
			 uint64_t end, struct nb_mempolicy *pol);
/* The policy of a page, with a reference for the caller (nb_mpol_put()), or NULL. */
struct nb_mempolicy *nb_shared_policy_lookup(const struct nb_system *sys,
					     struct nb_shared_policy *sp, uint64_t index);
void nb_shared_policy_release(struct nb_system *sys, struct nb_shared_policy *sp);
/* The range that covers index or is the first behind it; NULL past the last. For views, tests and
 * rebinding. */
const struct nb_policy_range *nb_shared_policy_at(const struct nb_shared_policy *sp,
						  uint64_t index);
/* 0, or -NB_EIO with *err. */
int nb_shared_policy_check(const struct nb_shared_policy *sp, struct nb_error *err);

/* The policy that places the page of a VMA at addr, with a reference for the caller; NULL: the
 * system's default. *ret_index: what interleaving goes by. An object's own policies alone count
 * where it has them, else the VMA's; the task's where that says nothing.
 * Source: get_vma_policy(), __get_vma_policy(), shmem_get_policy(). */
struct nb_mempolicy *nb_vma_policy(const struct nb_task *t, const struct nb_vma *v, uint64_t addr,
				   unsigned order, uint64_t *ret_index);

/* Reads a tmpfs mount option: "default", "prefer[:N]", "bind:LIST", "interleave[:LIST]", "local",
 * "prefer (many):LIST", "weighted interleave[:LIST]"; "=static" or "=relative" behind the mode.
 * *ret_pol: NULL for default. 0, -NB_EINVAL, -NB_ENOMEM. Source: mpol_parse_str(). */
int nb_mpol_parse(struct nb_system *sys, const char *text, struct nb_mempolicy **ret_pol);

#endif
