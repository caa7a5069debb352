/* unmap.c -- mappings go.
 *
 * Called by munmap, mmap over something, mremap, brk and exit, under the mm's lock. Pages first, in
 * address order, then the VMAs, then the page tables that no other mapping needs. Borders inside a
 * VMA split it first; where that fails nothing is unmapped. Units: bytes, ends exclusive.
 * Source: mm/mmap.c, do_vmi_align_munmap(), unmap_region(), exit_mmap(); facts 10.1.
 */
#include "mm/fault.h"
#include "mm/lru.h"
#include "mm/mmap.h"
#include "mm/rmap.h"

/* Takes [start, end), whose borders are VMA borders, out. */
static void unmap(struct nb_task *t, uint64_t start, uint64_t end)
{
	struct nb_mm *mm = t->mm;
	struct nb_vma *v, *prev = nb_vma_last_below(mm, start), *next;

	nb_lru_add_drain(t->sys, t->cpu);
	nb_zap_range(t, start, end);
	while ((v = nb_vma_first_above(mm, start)) && v->start < end) {
		nb_vma_remove(mm, v);
		nb_vma_free(mm, v);
	}
	next = nb_vma_first_above(mm, start);
	nb_pt_free_range(t, start, end, prev ? prev->end : 0, next ? next->start : UINT64_MAX);
}

int nb_do_munmap(struct nb_task *t, uint64_t addr, uint64_t length_bytes)
{
	struct nb_mm *mm = t->mm;
	struct nb_vma *v;
	uint64_t len;
	int err;

	len = nb_mm_round_up(mm, length_bytes);
	if (nb_mm_is_unaligned(mm, addr) || !len || addr > mm->task_size ||
	    len > mm->task_size - addr)
		return -NB_EINVAL;
	v = nb_vma_first_above(mm, addr);
	if (!v || v->start >= addr + len)
		return 0;
	err = nb_vma_isolate_for_unmap(mm, addr, addr + len);
	if (err)
		return err;
	unmap(t, addr, addr + len);
	return 0;
}

int nb_munmap(struct nb_task *t, uint64_t addr, uint64_t length_bytes)
{
	struct nb_mm *mm = t->mm;
	int err;

	if (!t->alive)
		return -NB_ESRCH;
	nb_mm_lock(mm, t->cpu);
	err = nb_do_munmap(t, addr, length_bytes);
	nb_mm_unlock(mm);
	return err;
}

void nb_mm_unmap_all(struct nb_task *t)
{
	unmap(t, 0, t->mm->task_size);
}
