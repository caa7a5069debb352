/* mlock.c -- mappings whose pages stay in memory.
 *
 * Called by drivers through include/numabox/task.h. A locked VMA's pages are PG_MLOCKED and leave
 * the lists of reclaim; a page that no locked VMA maps any more returns to them. root may lock what
 * it wants, others NB_MEMLOCK_LIMIT. Units: bytes, ends exclusive.
 * Source: mm/mlock.c, do_mlock(), apply_vma_lock_flags(), mlock_fixup(), mlock_pte_range(),
 * apply_mlockall_flags(); mm/gup.c, __mm_populate().
 */
#include "mm/huge_memory.h"
#include "mm/mmap.h"
#include "mm/oom.h"
#include "mm/lru.h"
#include "mm/rmap.h"

#define LOCK_FLAGS (NB_VM_LOCKED | NB_VM_LOCKONFAULT)

void nb_mlock_page(struct nb_task *t, struct nb_zone *z, struct nb_page *page)
{
	if (nb_page_flags(page) & PG_MLOCKED)
		return;
	nb_stat_add(t->sys, &z->nr_mlock, (int64_t)nb_lru_page_nr(page));
	nb_lru_mlock(t->sys, z, page, t->cpu);
}

static int find_locked(void *arg, struct nb_vma *v, uint64_t addr, struct nb_ptable *leaf,
		       unsigned i)
{
	(void)arg;
	(void)addr;
	(void)leaf;
	(void)i;
	return v->flags & NB_VM_LOCKED ? 1 : 0;
}

void nb_munlock_page(struct nb_task *t, struct nb_zone *z, struct nb_page *page)
{
	if (!(nb_page_flags(page) & PG_MLOCKED))
		return;
	if (nb_rmap_walk(t->sys, z, page, t->cpu, find_locked, NULL))
		return;
	nb_stat_add(t->sys, &z->nr_mlock, -(int64_t)nb_lru_page_nr(page));
	nb_lru_munlock(t->sys, z, page, t->cpu);
}

/* The pages of [start, end) follow their VMA. */
static void lock_pages(struct nb_task *t, const struct nb_vma *v, uint64_t start, uint64_t end)
{
	struct nb_mm *mm = t->mm;
	struct nb_ptable *leaf;

	if (mm->huge_entries)
		nb_thp_lock_pages(t, v, start, end);
	while ((leaf = nb_pt_next_leaf(mm, &start, end))) {
		uint64_t stop = (start & ~(nb_pt_leaf_span(mm) - 1)) + nb_pt_leaf_span(mm);
		unsigned i = nb_pt_index(mm, start);

		for (; start < stop && start < end; start += nb_mm_page_bytes(mm), i++) {
			nb_pfn_t pfn = nb_pte_pfn(leaf->entry[i]);
			struct nb_zone *z = NULL;
			struct nb_page *page;

			if (pfn == NB_NO_PFN)
				continue;
			page = nb_pfn_to_page(t->sys, pfn, &z);
			if (v->flags & NB_VM_LOCKED)
				nb_mlock_page(t, z, page);
			else
				nb_munlock_page(t, z, page);
		}
	}
}

struct nb_vma *nb_mlock_fixup(struct nb_task *t, struct nb_vma *v, uint64_t start, uint64_t end,
			      unsigned flags)
{
	struct nb_vma_change to = {v->prot, (v->flags & ~(unsigned)LOCK_FLAGS) | flags, v->policy};
	bool changes = (v->flags ^ to.flags) & NB_VM_LOCKED;

	if (v->flags == to.flags || v->flags & NB_VM_HUGETLB)
		return v;
	v = nb_vma_modify(t->mm, v, start, end, &to);
	if (v && changes)
		lock_pages(t, v, start, end);
	return v;
}

static int apply(struct nb_task *t, uint64_t start, uint64_t end, unsigned flags)
{
	struct nb_mm *mm = t->mm;

	if (end < start)
		return -NB_EINVAL;
	if (end == start)
		return 0;
	while (start < end) {
		struct nb_vma *v = nb_vma_find(mm, start);
		uint64_t stop;

		if (!v)
			return -NB_ENOMEM;
		stop = v->end < end ? v->end : end;
		if (!nb_mlock_fixup(t, v, start, stop, flags))
			return -NB_ENOMEM;
		start = stop;
	}
	return 0;
}

static int lock_range(struct nb_task *t, uint64_t addr, uint64_t length_bytes, unsigned flags)
{
	struct nb_mm *mm = t->mm;
	uint64_t start = addr & ~(nb_mm_page_bytes(mm) - 1);
	uint64_t len = nb_mm_round_up(mm, length_bytes + (addr - start));
	int err;

	if (flags && !nb_mlock_allowed(t, len >> mm->shape.page_shift))
		return -NB_ENOMEM;
	err = apply(t, start, start + len, flags);
	if (err || !flags)
		return err;
	err = nb_populate(t, start, start + len, false);
	return err == -NB_EFAULT ? -NB_ENOMEM : err == -NB_ENOMEM ? -NB_EAGAIN : err;
}

static int locked_call(struct nb_task *t, uint64_t addr, uint64_t length_bytes, unsigned flags)
{
	int err;

	if (!t->alive)
		return -NB_ESRCH;
	nb_mm_lock(t->mm, t->cpu);
	err = lock_range(t, addr, length_bytes, flags);
	nb_mm_unlock(t->mm);
	nb_oom_leave(t);
	return err;
}

int nb_mlock(struct nb_task *t, uint64_t addr, uint64_t length_bytes)
{
	return locked_call(t, addr, length_bytes, NB_VM_LOCKED);
}

int nb_mlock2(struct nb_task *t, uint64_t addr, uint64_t length_bytes, int flags)
{
	if (t->alive && flags & ~NB_MLOCK_ONFAULT)
		return -NB_EINVAL;
	return locked_call(t, addr, length_bytes,
			   flags ? NB_VM_LOCKED | NB_VM_LOCKONFAULT : NB_VM_LOCKED);
}

int nb_munlock(struct nb_task *t, uint64_t addr, uint64_t length_bytes)
{
	return locked_call(t, addr, length_bytes, 0);
}

/* Errors of single VMAs are passed over. */
static void apply_to_all(struct nb_task *t, int flags)
{
	unsigned lock = NB_VM_LOCKED | (flags & NB_MCL_ONFAULT ? NB_VM_LOCKONFAULT : 0);
	struct nb_mm *mm = t->mm;
	struct nb_vma *v = nb_vma_first_above(mm, 0);

	mm->def_flags &= ~(unsigned)LOCK_FLAGS;
	if (flags & NB_MCL_FUTURE)
		mm->def_flags |= lock;
	if (flags && !(flags & NB_MCL_CURRENT))
		return;
	while (v) {
		uint64_t end = v->end;

		(void)nb_mlock_fixup(t, v, v->start, v->end, flags ? lock : 0);
		v = nb_vma_first_above(mm, end);
	}
}

int nb_mlockall(struct nb_task *t, int flags)
{
	const int known = NB_MCL_CURRENT | NB_MCL_FUTURE | NB_MCL_ONFAULT;
	struct nb_mm *mm = t->mm;
	int err = 0;

	if (!t->alive)
		return -NB_ESRCH;
	if (!flags || flags & ~known || flags == NB_MCL_ONFAULT)
		return -NB_EINVAL;
	nb_mm_lock(mm, t->cpu);
	if (flags & NB_MCL_CURRENT && t->uid &&
	    mm->total_pages > NB_MEMLOCK_LIMIT >> mm->shape.page_shift)
		err = -NB_ENOMEM;
	else
		apply_to_all(t, flags);
	if (!err && flags & NB_MCL_CURRENT)
		(void)nb_populate(t, 0, mm->task_size, true);
	nb_mm_unlock(mm);
	nb_oom_leave(t);
	return err;
}

int nb_munlockall(struct nb_task *t)
{
	if (!t->alive)
		return -NB_ESRCH;
	nb_mm_lock(t->mm, t->cpu);
	apply_to_all(t, 0);
	nb_mm_unlock(t->mm);
	return 0;
}
