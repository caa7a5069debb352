/* brk.c -- the heap, and the stack that a program begins with.
 *
 * Called by drivers through include/numabox/task.h. The heap begins five pages above two thirds of
 * user space, where a small position-independent program leaves it; what is grown is merged with
 * what is there. Units: bytes. Source: mm/mmap.c, sys_brk(), do_brk_flags(); fs/exec.c,
 * setup_arg_pages(); fs/binfmt_elf.c, ELF_ET_DYN_BASE.
 */
#include "mm/mmap.h"
#include "mm/oom.h"
#include "mm/overcommit.h"
#include "mm/rmap.h"

#define STACK_BYTES (UINT64_C(128) << 10) /* beside its first page */

static void begin(struct nb_mm *mm)
{
	if (mm->start_brk)
		return;
	mm->start_brk =
		(mm->map_window / 3 * 2 & ~(nb_mm_page_bytes(mm) - 1)) + 5 * nb_mm_page_bytes(mm);
	mm->brk = mm->start_brk;
}

/* [start, end) becomes private memory, joined with what lies before it. */
static int add(struct nb_task *t, uint64_t start, uint64_t end, unsigned flags)
{
	struct nb_mm *mm = t->mm;
	struct nb_vma like = {.start = start,
			      .end = end,
			      .pgoff = start >> mm->shape.page_shift,
			      .prot = NB_PROT_READ | NB_PROT_WRITE,
			      .flags = flags | mm->def_flags | NB_VM_ACCOUNT,
			      .mm = mm};
	struct nb_vma *v;

	if (like.flags & NB_VM_LOCKED &&
	    !nb_mlock_allowed(t, (end - start) >> mm->shape.page_shift))
		return -NB_EAGAIN;
	if (mm->nr_vmas > NB_MAX_MAP_COUNT)
		return -NB_ENOMEM;
	if (nb_vm_enough_memory(t, (end - start) >> mm->shape.page_shift))
		return -NB_ENOMEM;
	v = nb_vma_dup(mm, &like);
	if (!v)
		return -NB_ENOMEM;
	nb_vma_insert(mm, v);
	(void)nb_vma_merge(mm, v);
	if (like.flags & NB_VM_LOCKED)
		(void)nb_populate(t, start, end, true);
	return 0;
}

static void move_brk(struct nb_task *t, uint64_t brk)
{
	struct nb_mm *mm = t->mm;
	uint64_t from = nb_mm_round_up(mm, mm->brk), to = nb_mm_round_up(mm, brk);
	const struct nb_vma *next;

	if (brk < mm->start_brk || to < brk || to > mm->task_size)
		return;
	if (to < from && nb_do_munmap(t, to, from - to))
		return;
	if (to > from) {
		next = nb_vma_first_above(mm, from);
		if (next && to + nb_mm_page_bytes(mm) > nb_vma_guarded_start(next))
			return;
		if (add(t, from, to, 0))
			return;
	}
	mm->brk = brk;
}

int nb_brk(struct nb_task *t, uint64_t brk, uint64_t *ret_brk)
{
	struct nb_mm *mm = t->mm;

	if (!t->alive)
		return -NB_ESRCH;
	nb_mm_lock(mm, t->cpu);
	begin(mm);
	move_brk(t, brk);
	*ret_brk = mm->brk;
	nb_mm_unlock(mm);
	nb_oom_leave(t);
	return 0;
}

int nb_task_map_stack(struct nb_task *t, uint64_t *ret_top)
{
	struct nb_mm *mm = t->mm;
	uint64_t top = mm->map_window & ~(nb_mm_page_bytes(mm) - 1);
	uint64_t start = top - STACK_BYTES - nb_mm_page_bytes(mm);
	int err;

	if (!t->alive)
		return -NB_ESRCH;
	nb_mm_lock(mm, t->cpu);
	err = mm->stack_top || nb_vma_first_above(mm, start) ? -NB_EEXIST
							     : add(t, start, top, NB_VM_GROWSDOWN);
	if (!err)
		mm->stack_top = top;
	nb_mm_unlock(mm);
	if (!err)
		*ret_top = top;
	return err;
}
