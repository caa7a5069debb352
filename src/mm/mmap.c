/* mmap.c -- new mappings: where they go, what they are.
 *
 * Called by drivers through include/numabox/task.h, by files through mmap.h. Addresses are chosen
 * top-down from 128 MiB below the end of user space, as x86-64 does without randomness; from 6.7
 * on, whole huge pages are aligned to one. Private memory that may be written is promised memory
 * (overcommit.h). A failed call changes nothing, but that before 6.12 what was mapped there is gone
 * when the promise is refused.
 * Units: bytes, ends exclusive. Source: mm/mmap.c, do_mmap(), mmap_region(),
 * arch_get_unmapped_area_topdown(); mm/huge_memory.c, thp_get_unmapped_area(); facts 10.1.
 */
#include "mm/mmap.h"
#include "mm/oom.h"
#include "mm/overcommit.h"

#include "mm/hugetlb.h"
#include "mm/rmap.h"

#include <numabox/file.h>

#define MMAP_THP_SINCE 6007u
#define ASKS_FIRST_SINCE 6012u /* before what is mapped there is unmapped */

static uint64_t find_gap(const struct nb_mm *mm, uint64_t len)
{
	uint64_t addr = nb_vma_gap_topdown(mm, len, NB_MMAP_MIN_ADDR, mm->mmap_base);

	if (addr)
		return addr;
	return nb_vma_gap_bottomup(mm, len, mm->map_window / 3 & ~(nb_mm_page_bytes(mm) - 1),
				   mm->map_window);
}

/* A free range for a mapping that may be anywhere, or 0. */
static uint64_t choose_address(const struct nb_mm *mm, uint64_t len)
{
	const struct nb_system *sys = mm->sys;
	uint64_t huge = UINT64_C(1) << (sys->pageblock_order + sys->page_shift);
	uint64_t addr;

	if (sys->profile->version < MMAP_THP_SINCE || len & (huge - 1) || !(mm->task_size >> 32))
		return find_gap(mm, len);
	addr = find_gap(mm, len + huge);
	if (!addr)
		return find_gap(mm, len);
	return (addr & (huge - 1)) == 0 ? addr + huge : (addr | (huge - 1)) + 1;
}

int nb_map_place(const struct nb_mm *mm, uint64_t addr, uint64_t len, int flags, uint64_t *ret_addr)
{
	const struct nb_vma *above;

	if (len > mm->task_size)
		return -NB_ENOMEM;
	if (flags & (NB_MAP_FIXED | NB_MAP_FIXED_NOREPLACE)) {
		if (nb_mm_is_unaligned(mm, addr))
			return -NB_EINVAL;
		if (addr > mm->task_size - len)
			return -NB_ENOMEM;
		if (addr < NB_MMAP_MIN_ADDR)
			return -NB_EPERM;
		*ret_addr = addr;
		return 0;
	}
	addr &= ~(nb_mm_page_bytes(mm) - 1); /* round_hint_to_min() */
	if (addr && addr < NB_MMAP_MIN_ADDR)
		addr = NB_MMAP_MIN_ADDR;
	if (nb_mm_hint_fits(mm, addr, len)) {
		const struct nb_vma *below = nb_vma_last_below(mm, addr);

		above = nb_vma_first_above(mm, addr);
		if ((!above || nb_vma_guarded_start(above) >= addr + len) &&
		    (!below || below->end <= addr)) {
			*ret_addr = addr;
			return 0;
		}
	}
	/* Linux would choose from the top of 56 bits, which a page's index does not reach */
	if (addr > mm->map_window && mm->map_window < mm->task_size)
		return -NB_ENOMEM;
	*ret_addr = choose_address(mm, len);
	return *ret_addr ? 0 : -NB_ENOMEM;
}

bool nb_mlock_allowed(const struct nb_task *t, uint64_t pages)
{
	return t->uid == 0 ||
	       pages + t->mm->locked_pages <= NB_MEMLOCK_LIMIT >> t->mm->shape.page_shift;
}

/* The flags of the VMA; 0 or an error. */
static int vma_flags(const struct nb_task *t, int flags, uint64_t len, unsigned *ret)
{
	unsigned vm = t->mm->def_flags;

	if (flags & NB_MAP_GROWSDOWN) {
		if (flags & NB_MAP_SHARED)
			return -NB_EINVAL;
		vm |= NB_VM_GROWSDOWN;
	}
	if (flags & NB_MAP_LOCKED) {
		if (!nb_mlock_allowed(t, 0))
			return -NB_EPERM;
		vm |= NB_VM_LOCKED;
	}
	if (flags & NB_MAP_NORESERVE && t->sys->tune.overcommit_memory != NB_OVERCOMMIT_NEVER)
		vm |= NB_VM_NORESERVE;
	if (vm & NB_VM_LOCKED && !nb_mlock_allowed(t, len >> t->mm->shape.page_shift))
		return -NB_EAGAIN;
	*ret = vm;
	return 0;
}

/* A VMA of its own for [addr, addr + len), joined with its neighbours where it is alike. */
static int new_vma(struct nb_task *t, const struct nb_vma *like)
{
	struct nb_mm *mm = t->mm;
	struct nb_vma *v = nb_vma_dup(mm, like);

	if (!v)
		return -NB_ENOMEM;
	if (v->file)
		nb_file_get(v->file);
	nb_vma_insert(mm, v);
	nb_rmap_link_vma(v);
	(void)nb_vma_merge(mm, v);
	return 0;
}

/* Makes room for a mapping like `like`, and sees that its pages may be promised. */
static int clear_way(struct nb_task *t, struct nb_vma *like)
{
	uint64_t pages = (like->end - like->start) >> t->mm->shape.page_shift;
	bool first = t->sys->profile->version >= ASKS_FIRST_SINCE;
	int err = 0;

	if (!nb_vma_accountable(like))
		return nb_do_munmap(t, like->start, like->end - like->start);
	like->flags |= NB_VM_ACCOUNT;
	if (first) {
		pages -= nb_vma_accounted(t->mm, like->start, like->end);
		err = pages ? nb_vm_enough_memory(t, pages) : 0;
	}
	if (!err)
		err = nb_do_munmap(t, like->start, like->end - like->start);
	if (!err && !first)
		err = nb_vm_enough_memory(t, pages);
	return err;
}

int nb_do_mmap(struct nb_task *t, struct nb_address_space *file, uint64_t pgoff, uint64_t addr,
	       uint64_t length_bytes, int prot, int flags, uint64_t *ret_addr, bool *ret_populate)
{
	struct nb_mm *mm = t->mm;
	uint64_t len = nb_mm_round_up(mm, length_bytes);
	struct nb_vma like = {
		.prot = prot, .shared = flags & NB_MAP_SHARED, .file = file, .mm = mm};
	int err;

	if (!length_bytes)
		return -NB_EINVAL;
	if (!len)
		return -NB_ENOMEM;
	if (pgoff + (len >> mm->shape.page_shift) < pgoff)
		return -NB_EOVERFLOW;
	if (mm->nr_vmas > NB_MAX_MAP_COUNT)
		return -NB_ENOMEM;
	err = nb_map_place(mm, addr, len, flags, &addr);
	if (!err && flags & NB_MAP_FIXED_NOREPLACE) {
		const struct nb_vma *above = nb_vma_first_above(mm, addr);

		err = above && above->start < addr + len ? -NB_EEXIST : 0;
	}
	if (!err)
		err = vma_flags(t, flags, len, &like.flags);
	like.start = addr;
	like.end = addr + len;
	if (!err)
		err = clear_way(t, &like);
	if (err)
		return err;
	like.pgoff = pgoff;
	if (!file && !like.shared)
		like.pgoff = addr >> mm->shape.page_shift;
	if (!file && like.shared) /* memory of its own, that the mapping alone holds */
		err = nb_shmem_segment(t, "/dev/zero", len, NULL, like.flags & NB_VM_NORESERVE,
				       &like.file);
	if (!err)
		err = new_vma(t, &like);
	if (!file)
		nb_file_put(like.file);
	if (err)
		return err;
	*ret_addr = addr;
	*ret_populate = like.flags & NB_VM_LOCKED ||
			(flags & (NB_MAP_POPULATE | NB_MAP_NONBLOCK)) == NB_MAP_POPULATE;
	return 0;
}

int nb_mmap_object(struct nb_task *t, struct nb_address_space *file, uint64_t pgoff, uint64_t addr,
		   uint64_t length_bytes, int prot, int flags, uint64_t *ret_addr)
{
	struct nb_mm *mm = t->mm;
	bool populate;
	int err;

	nb_mm_lock(mm, t->cpu);
	if (flags & NB_MAP_HUGETLB || (file && file->kind == NB_AS_HUGETLB)) {
		err = nb_hugetlb_mmap(t, file, pgoff << mm->shape.page_shift, addr, length_bytes,
				      prot, flags, ret_addr);
		nb_mm_unlock(mm);
		return err;
	}
	err = nb_do_mmap(t, file, pgoff, addr, length_bytes, prot, flags, &addr, &populate);
	if (!err && populate)
		(void)nb_populate(t, addr, addr + nb_mm_round_up(mm, length_bytes), true);
	nb_mm_unlock(mm);
	nb_oom_leave(t);
	if (!err)
		*ret_addr = addr;
	return err;
}

int nb_mmap(struct nb_task *t, uint64_t addr, uint64_t length_bytes, int prot, int flags,
	    uint64_t *ret_addr)
{
	if (!t->alive)
		return -NB_ESRCH;
	return nb_mmap_object(t, NULL, 0, addr, length_bytes, prot, flags, ret_addr);
}
