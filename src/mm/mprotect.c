/* mprotect.c -- the protection of a range.
 *
 * Called by drivers through include/numabox/task.h. VMAs are split, changed and merged; entries
 * lose the right to write where the VMA does. Private memory that may be written for the first time
 * is promised then. Where it gains it, an entry gets it at once if its
 * page is this mapping's own (6.1 on), else with the next write's fault. Holes end the call, what
 * lies before them is changed. Units: bytes, ends exclusive. Source: mm/mprotect.c,
 * do_mprotect_pkey(), mprotect_fixup(), change_pte_range(), can_change_pte_writable(); facts 10.1.
 */
#include "mm/fault.h"
#include "mm/huge_memory.h"
#include "mm/hugetlb.h"
#include "mm/mmap.h"
#include "mm/oom.h"
#include "mm/overcommit.h"
#include "mm/rmap.h"

#define WRITABLE_AT_ONCE_SINCE 6001u
#define TAKEN_BACK_SINCE 6007u /* the promise, where nothing was touched yet */
#define ACCESS (NB_PROT_READ | NB_PROT_WRITE | NB_PROT_EXEC)
#define PROT_SEM 8 /* of no effect */

static bool may_write_at_once(const struct nb_mm *mm, const struct nb_vma *v, uint64_t pte)
{
	if (!(v->prot & NB_PROT_WRITE) || pte & (NB_PTE_HINT | NB_PTE_ZERO))
		return false;
	if (mm->sys->profile->version < WRITABLE_AT_ONCE_SINCE)
		return false;
	return v->shared ? pte & NB_PTE_DIRTY : pte & NB_PTE_EXCLUSIVE;
}

static void change_entries(struct nb_mm *mm, const struct nb_vma *v, uint64_t start, uint64_t end)
{
	struct nb_ptable *leaf;

	while ((leaf = nb_pt_next_leaf(mm, &start, end))) {
		uint64_t stop = (start & ~(nb_pt_leaf_span(mm) - 1)) + nb_pt_leaf_span(mm);
		unsigned i = nb_pt_index(mm, start);

		for (; start < stop && start < end; start += nb_mm_page_bytes(mm), i++) {
			if (!(leaf->entry[i] & NB_PTE_PRESENT))
				continue;
			leaf->entry[i] &= ~(uint64_t)NB_PTE_WRITE;
			if (may_write_at_once(mm, v, leaf->entry[i]))
				leaf->entry[i] |= NB_PTE_WRITE;
		}
	}
}

/* The flags that [start, end) of v has with `prot`: is it promised memory?
 * 0, -NB_ENOMEM: it would be, and may not. Source: mprotect_fixup(). */
static int account(const struct nb_task *t, const struct nb_vma *v, uint64_t pages, int prot,
		   unsigned *flags)
{
	const unsigned never = NB_VM_ACCOUNT | NB_VM_HUGETLB | NB_VM_NORESERVE;

	if (!(prot & NB_PROT_WRITE)) {
		if (!v->file && !v->anon && t->sys->profile->version >= TAKEN_BACK_SINCE)
			*flags &= ~(unsigned)NB_VM_ACCOUNT;
		return 0;
	}
	if (v->flags & never || v->shared || v->prot & NB_PROT_WRITE)
		return 0;
	*flags |= NB_VM_ACCOUNT;
	return nb_vm_enough_memory(t, pages);
}

/* [start, end) of v. */
static int fixup(struct nb_task *t, struct nb_vma *v, uint64_t start, uint64_t end, int prot)
{
	struct nb_vma_change to = {prot, v->flags, v->policy};
	bool gains = prot & NB_PROT_WRITE && !(v->prot & NB_PROT_WRITE);

	if (v->prot == prot)
		return 0;
	if (!nb_hugetlb_may_split(v, start) || !nb_hugetlb_may_split(v, end))
		return -NB_EINVAL;
	if (account(t, v, (end - start) >> t->mm->shape.page_shift, prot, &to.flags))
		return -NB_ENOMEM;
	v = nb_vma_modify(t->mm, v, start, end, &to);
	if (!v)
		return -NB_ENOMEM;
	if (v->flags & NB_VM_HUGETLB)
		nb_hugetlb_protect(v, start, end, prot);
	else
		change_entries(t->mm, v, start, end);
	if (t->mm->huge_entries)
		nb_thp_protect(v, start, end, t->sys->profile->version >= WRITABLE_AT_ONCE_SINCE);
	/* locked pages that are to be written are copied now */
	if (v->flags & NB_VM_LOCKED && gains && !v->shared)
		(void)nb_populate(t, start, end, true);
	return 0;
}

static int change_range(struct nb_task *t, uint64_t start, uint64_t end, int prot, bool down)
{
	struct nb_mm *mm = t->mm;
	struct nb_vma *v = nb_vma_first_above(mm, start);
	int err = 0;

	if (!v || v->start >= end)
		return -NB_ENOMEM;
	if (down) {
		start = v->start;
		if (!(v->flags & NB_VM_GROWSDOWN))
			return -NB_EINVAL;
	} else if (v->start > start) {
		return -NB_ENOMEM;
	}
	while (!err && start < end) {
		uint64_t stop;

		v = nb_vma_find(mm, start);
		if (!v)
			return -NB_ENOMEM;
		stop = v->end < end ? v->end : end;
		err = fixup(t, v, start, stop, prot);
		start = stop;
	}
	return err;
}

int nb_mprotect(struct nb_task *t, uint64_t addr, uint64_t length_bytes, int prot)
{
	const int grows = NB_PROT_GROWSDOWN | NB_PROT_GROWSUP;
	struct nb_mm *mm = t->mm;
	uint64_t end;
	int err;

	if (!t->alive)
		return -NB_ESRCH;
	if ((prot & grows) == grows || nb_mm_is_unaligned(mm, addr))
		return -NB_EINVAL;
	if (!length_bytes)
		return 0;
	end = addr + nb_mm_round_up(mm, length_bytes);
	if (end <= addr)
		return -NB_ENOMEM;
	if (prot & ~(ACCESS | PROT_SEM | grows))
		return -NB_EINVAL;
	if (prot & NB_PROT_GROWSUP) /* no VMA does on these architectures */
		return nb_vma_find(mm, addr) ? -NB_EINVAL : -NB_ENOMEM;
	nb_mm_lock(mm, t->cpu);
	err = change_range(t, addr, end, prot & ACCESS, prot & NB_PROT_GROWSDOWN);
	nb_mm_unlock(mm);
	nb_oom_leave(t);
	return err;
}
