/* touch.c -- a task reaches for addresses: by itself, or because a call wants its pages in memory.
 *
 * Called by drivers (nb_touch()), by mmap and mlock (nb_populate()). Here the VMA of each address
 * is found, and stacks grow; fault.c does the rest. Units: bytes, ends exclusive.
 * Source: arch/x86/mm/fault.c, do_user_addr_fault(); mm/gup.c, populate_vma_page_range(),
 * __mm_populate(); mm/mmap.c, expand_downwards(), acct_stack_growth().
 */
#include "mm/fault.h"
#include "mm/mmap.h"
#include "mm/oom.h"
#include "mm/overcommit.h"
#include "mm/rmap.h"

struct nb_vma *nb_expand_stack(struct nb_task *t, uint64_t addr)
{
	struct nb_mm *mm = t->mm;
	struct nb_vma *v = nb_vma_first_above(mm, addr);
	const struct nb_vma *prev = nb_vma_last_below(mm, addr);
	uint64_t grow, guard = UINT64_C(256) << mm->shape.page_shift;

	if (!v || !(v->flags & NB_VM_GROWSDOWN) || addr < NB_MMAP_MIN_ADDR)
		return NULL;
	/* a growing neighbour, or one that nobody can access, is no danger */
	if (prev && !(prev->flags & NB_VM_GROWSDOWN) && prev->prot && addr - prev->end < guard)
		return NULL;
	addr &= ~(nb_mm_page_bytes(mm) - 1);
	grow = (v->start - addr) >> mm->shape.page_shift;
	if (v->end - addr > NB_STACK_LIMIT || grow > v->pgoff)
		return NULL;
	if (v->flags & NB_VM_LOCKED && !nb_mlock_allowed(t, grow))
		return NULL;
	if (nb_vm_enough_memory(t, grow) || nb_anon_prepare(v))
		return NULL;
	nb_vma_adjust(mm, v, addr, v->end, v->pgoff - grow);
	return v;
}

static int touch_range(struct nb_task *t, uint64_t addr, uint64_t length_bytes, bool write,
		       uint64_t *faulted)
{
	struct nb_mm *mm = t->mm;
	uint64_t start = addr & ~(nb_mm_page_bytes(mm) - 1), end;
	int err = 0;

	if (addr >= mm->task_size)
		return -NB_EFAULT;
	end = length_bytes > mm->task_size || addr > mm->task_size - length_bytes
		      ? mm->task_size + 1
		      : nb_mm_round_up(mm, addr + length_bytes);
	while (!err && start < end) {
		struct nb_vma *v = nb_vma_find(mm, start);
		uint64_t stop;

		if (!v)
			v = nb_expand_stack(t, start);
		stop = v && v->end < end ? v->end : end;
		err = v ? nb_fault_range(t, v, start, stop, write, faulted) : -NB_EFAULT;
		start = stop;
	}
	return err;
}

int nb_touch(struct nb_task *t, uint64_t addr, uint64_t length_bytes, bool write,
	     uint64_t *ret_faulted)
{
	struct nb_mm *mm = t->mm;
	int err;

	*ret_faulted = 0;
	if (!t->alive)
		return -NB_ESRCH;
	if (!length_bytes)
		return 0;
	nb_mm_lock(mm, t->cpu);
	err = touch_range(t, addr, length_bytes, write, ret_faulted);
	nb_mm_unlock(mm);
	nb_oom_leave(t);
	return err;
}

/* [start, end) of one VMA. */
static int populate_vma(struct nb_task *t, struct nb_vma *v, uint64_t start, uint64_t end)
{
	bool write = v->prot & NB_PROT_WRITE && !v->shared;
	uint64_t faulted = 0;

	if (v->flags & NB_VM_LOCKONFAULT)
		return 0;
	return nb_fault_range(t, v, start, end, write, &faulted);
}

int nb_populate(struct nb_task *t, uint64_t start, uint64_t end, bool ignore)
{
	struct nb_vma *v;
	int err;

	while (start < end && (v = nb_vma_first_above(t->mm, start)) && v->start < end) {
		uint64_t from = v->start > start ? v->start : start;

		start = v->end < end ? v->end : end;
		err = populate_vma(t, v, from, start);
		if (err && !ignore)
			return err;
	}
	return 0;
}
