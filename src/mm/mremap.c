/* mremap.c -- mappings grow, shrink and move.
 *
 * Called by drivers through include/numabox/task.h. A mapping that can grow where it is does; else
 * it moves: a VMA like it at the new place, page-table entries moved over (whole tables where both
 * places are aligned for it), the old one unmapped. Pages stay where they are, and so does the
 * policy. Units: bytes, ends exclusive.
 * Source: mm/mremap.c, sys_mremap(), vma_to_resize(), mremap_to(), move_vma(); mm/mmap.c,
 * copy_vma(); facts 10.1.
 */
#include "mm/mmap.h"
#include "mm/oom.h"
#include "mm/overcommit.h"
#include "mm/rmap.h"

#include <numabox/file.h>

#define MAX_FLAGS (NB_MREMAP_MAYMOVE | NB_MREMAP_FIXED | NB_MREMAP_DONTUNMAP)

struct remap {
	struct nb_task *t;
	uint64_t addr, old_len, new_len, new_addr;
	int flags;
	bool locked; /* what is new wants its pages */
	uint64_t result;
};

/* May [addr, addr + old_len) become new_len long? Source: vma_to_resize(). */
static int resizable(const struct remap *r, const struct nb_vma *v)
{
	uint64_t pages = (r->new_len - r->old_len) >> v->mm->shape.page_shift;
	uint64_t pgoff = nb_vma_pgoff(v, r->addr);

	if (!r->old_len && !v->shared)
		return -NB_EINVAL;
	if (r->old_len > v->end - r->addr)
		return -NB_EFAULT;
	if (r->new_len == r->old_len)
		return 0;
	if (pgoff + (r->new_len >> v->mm->shape.page_shift) < pgoff)
		return -NB_EINVAL;
	/* memory that was mapped near the end of five levels: a page's index reaches no further */
	if (!v->file && pgoff + (r->new_len >> v->mm->shape.page_shift) > NB_PAGE_INDEX_MASK + 1)
		return -NB_ENOMEM;
	if (v->flags & NB_VM_LOCKED && r->new_len > r->old_len && !nb_mlock_allowed(r->t, pages))
		return -NB_EAGAIN;
	return 0;
}

/* The VMA of the new place. Source: copy_vma(). */
static struct nb_vma *copy_vma(const struct remap *r, const struct nb_vma *v)
{
	struct nb_mm *mm = v->mm;
	struct nb_vma *copy = nb_vma_dup(mm, v);

	if (!copy)
		return NULL;
	copy->start = r->new_addr;
	copy->end = r->new_addr + r->new_len;
	copy->pgoff = nb_vma_pgoff(v, r->addr);
	/* nothing knows its old place yet */
	if (!v->file && !v->shared && !v->anon)
		copy->pgoff = r->new_addr >> mm->shape.page_shift;
	if (copy->file)
		nb_file_get(copy->file);
	nb_vma_insert(mm, copy);
	nb_rmap_link_vma(copy);
	return nb_vma_merge(mm, copy);
}

/* With DONTUNMAP the old VMA stays, empty and not locked. */
static void leave_empty(const struct remap *r)
{
	struct nb_vma *v = nb_vma_find(r->t->mm, r->addr);
	uint64_t end = r->addr + r->old_len;

	v = nb_mlock_fixup(r->t, v, r->addr, end, 0);
	if (v && v->start == r->addr && v->end == end && !v->shared) {
		nb_anon_leave(v);
		(void)nb_vma_merge(r->t->mm, v);
	}
}

static int move_vma(struct remap *r, struct nb_vma *v)
{
	struct nb_mm *mm = r->t->mm;
	bool locked = v->flags & NB_VM_LOCKED;
	uint64_t more = r->flags & NB_MREMAP_DONTUNMAP ? r->new_len : r->new_len - r->old_len;
	int err;

	if (mm->nr_vmas >= NB_MAX_MAP_COUNT - 3)
		return -NB_ENOMEM;
	if (v->flags & NB_VM_ACCOUNT && nb_vm_enough_memory(r->t, more >> mm->shape.page_shift))
		return -NB_ENOMEM;
	if (!copy_vma(r, v))
		return -NB_ENOMEM;
	err = nb_pt_move_range(r->t, r->addr, r->new_addr, r->old_len);
	if (err) {
		/* back again; what is unmapped then is the empty copy */
		(void)nb_pt_move_range(r->t, r->new_addr, r->addr, r->old_len);
		(void)nb_do_munmap(r->t, r->new_addr, r->new_len);
		return err;
	}
	if (r->flags & NB_MREMAP_DONTUNMAP)
		leave_empty(r);
	else if (r->old_len)
		(void)nb_do_munmap(r->t, r->addr, r->old_len);
	r->locked = locked;
	r->result = r->new_addr;
	return 0;
}

/* To a place of the caller's choice. Source: mremap_to(). */
static int move_to(struct remap *r, struct nb_vma *v)
{
	struct nb_mm *mm = r->t->mm;
	int err, map = v->shared ? NB_MAP_SHARED : 0;

	if (nb_mm_is_unaligned(mm, r->new_addr) || r->new_len > mm->task_size ||
	    r->new_addr > mm->task_size - r->new_len)
		return -NB_EINVAL;
	if (r->addr + r->old_len > r->new_addr && r->new_addr + r->new_len > r->addr)
		return -NB_EINVAL;
	if (mm->nr_vmas + 2 >= NB_MAX_MAP_COUNT - 3)
		return -NB_ENOMEM;
	if (r->flags & NB_MREMAP_FIXED) {
		err = nb_do_munmap(r->t, r->new_addr, r->new_len);
		if (err)
			return err;
		map |= NB_MAP_FIXED;
	}
	if (r->old_len > r->new_len) {
		err = nb_do_munmap(r->t, r->addr + r->new_len, r->old_len - r->new_len);
		if (err)
			return err;
		r->old_len = r->new_len;
	}
	v = nb_vma_find(mm, r->addr);
	err = v ? resizable(r, v) : -NB_EFAULT;
	if (!err)
		err = nb_map_place(mm, r->new_addr, r->new_len, map, &r->new_addr);
	return err ? err : move_vma(r, v);
}

/* The VMA ends where the range does and the space behind is free: it grows. 1: it did; 0: it
 * cannot; -NB_ENOMEM: that much is not to be promised. */
static int grow_in_place(struct remap *r, struct nb_vma *v)
{
	struct nb_mm *mm = v->mm;
	uint64_t end = v->end + (r->new_len - r->old_len);
	const struct nb_vma *next = nb_vma_first_above(mm, v->end);

	if (r->old_len != v->end - r->addr || end < v->end || end > mm->task_size ||
	    (next && next->start < end))
		return 0;
	if (v->flags & NB_VM_ACCOUNT &&
	    nb_vm_enough_memory(r->t, (r->new_len - r->old_len) >> mm->shape.page_shift))
		return -NB_ENOMEM;
	r->locked = v->flags & NB_VM_LOCKED;
	nb_vma_adjust(mm, v, v->start, end, v->pgoff);
	(void)nb_vma_merge(mm, v);
	r->result = r->addr;
	return 1;
}

static int remap(struct remap *r)
{
	struct nb_mm *mm = r->t->mm;
	struct nb_vma *v = nb_vma_find(mm, r->addr);
	int err;

	if (!v)
		return -NB_EFAULT;
	if (r->flags & (NB_MREMAP_FIXED | NB_MREMAP_DONTUNMAP))
		return move_to(r, v);
	r->result = r->addr;
	if (r->old_len >= r->new_len)
		return r->old_len == r->new_len
			       ? 0
			       : nb_do_munmap(r->t, r->addr + r->new_len, r->old_len - r->new_len);
	err = resizable(r, v);
	if (err)
		return err;
	err = grow_in_place(r, v);
	if (err)
		return err < 0 ? err : 0;
	if (!(r->flags & NB_MREMAP_MAYMOVE))
		return -NB_ENOMEM;
	err = nb_map_place(mm, 0, r->new_len, 0, &r->new_addr);
	return err ? err : move_vma(r, v);
}

int nb_mremap(struct nb_task *t, uint64_t addr, uint64_t old_length_bytes,
	      uint64_t new_length_bytes, int flags, uint64_t new_addr, uint64_t *ret_addr)
{
	struct nb_mm *mm = t->mm;
	struct remap r = {.t = t, .addr = addr, .new_addr = new_addr, .flags = flags};
	int err;

	if (!t->alive)
		return -NB_ESRCH;
	if (flags & ~MAX_FLAGS || (flags & NB_MREMAP_FIXED && !(flags & NB_MREMAP_MAYMOVE)))
		return -NB_EINVAL;
	if (flags & NB_MREMAP_DONTUNMAP &&
	    (!(flags & NB_MREMAP_MAYMOVE) || old_length_bytes != new_length_bytes))
		return -NB_EINVAL;
	r.old_len = nb_mm_round_up(mm, old_length_bytes);
	r.new_len = nb_mm_round_up(mm, new_length_bytes);
	if (nb_mm_is_unaligned(mm, addr) || !r.new_len)
		return -NB_EINVAL;
	nb_mm_lock(mm, t->cpu);
	err = remap(&r);
	if (!err && r.locked && r.new_len > r.old_len)
		(void)nb_populate(t, r.result + r.old_len, r.result + r.new_len, true);
	nb_mm_unlock(mm);
	nb_oom_leave(t);
	if (!err)
		*ret_addr = r.result;
	return err;
}
