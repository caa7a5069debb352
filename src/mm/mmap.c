/* mmap.c -- address ranges of a task: mapping, unmapping, touching, and looking at them.
 *
 * Called by drivers through include/numabox/task.h. Addresses are chosen top-down from 128 MiB
 * below the end of user space, as x86-64 does without randomness; from 6.7 on, whole huge pages are
 * aligned to one. A failed call changes nothing, but that borders between VMAs may stand where
 * memory ran out, as in Linux. Units: bytes, ends exclusive. Source: mm/mmap.c, do_mmap(),
 * do_vmi_munmap(), arch_get_unmapped_area_topdown(); mm/huge_memory.c, thp_get_unmapped_area();
 * facts 10.1.
 */
#include "mm/mmap.h"

#include "mm/hugetlb.h"
#include "mm/pt_huge.h"

#include "base/mem.h"
#include "mm/fault.h"
#include "mm/rmap.h"
#include "mm/page_alloc.h"
#include "mm/vmstat.h"

#define MMAP_MIN_ADDR UINT64_C(65536) /* vm.mmap_min_addr */
#define MMAP_THP_SINCE 6007u

static uint64_t page_bytes(const struct nb_mm *mm)
{
	return UINT64_C(1) << mm->shape.page_shift;
}

/* Whole pages; 0 when it is past 64 bits. */
static uint64_t round_up(const struct nb_mm *mm, uint64_t bytes)
{
	return (bytes + page_bytes(mm) - 1) & ~(page_bytes(mm) - 1);
}

static uint64_t find_gap(const struct nb_mm *mm, uint64_t len)
{
	uint64_t addr = nb_vma_gap_topdown(mm, len, MMAP_MIN_ADDR, mm->mmap_base);

	if (addr)
		return addr;
	return nb_vma_gap_bottomup(mm, len, mm->task_size / 3 & ~(page_bytes(mm) - 1),
				   mm->task_size);
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

/* The address of a new mapping. */
static int place(struct nb_task *t, uint64_t addr, uint64_t len, int flags, uint64_t *ret_addr)
{
	const struct nb_mm *mm = t->mm;
	const struct nb_vma *above;

	if (flags & NB_MAP_FIXED) {
		if (addr & (page_bytes(mm) - 1))
			return -NB_EINVAL;
		if (addr > mm->task_size - len)
			return -NB_ENOMEM;
		if (addr < MMAP_MIN_ADDR)
			return -NB_EPERM;
		*ret_addr = addr;
		return 0;
	}
	addr = round_up(mm, addr);
	if (addr >= MMAP_MIN_ADDR && addr <= mm->task_size - len) {
		above = nb_vma_first_above(mm, addr);
		if (!above || above->start >= addr + len) {
			*ret_addr = addr;
			return 0;
		}
	}
	*ret_addr = choose_address(mm, len);
	return *ret_addr ? 0 : -NB_ENOMEM;
}

int nb_do_munmap(struct nb_task *t, uint64_t addr, uint64_t length_bytes);

static int mmap_range(struct nb_task *t, uint64_t addr, uint64_t length_bytes, int prot, int flags,
		      uint64_t *ret_addr)
{
	struct nb_task_side *side = nb_task_side(t->sys);
	struct nb_mm *mm = t->mm;
	uint64_t len;
	struct nb_vma *v;
	int err;

	len = round_up(mm, length_bytes);
	if (!length_bytes)
		return -NB_EINVAL;
	if (!len || len > mm->task_size || mm->nr_vmas >= NB_MAX_MAP_COUNT)
		return -NB_ENOMEM;
	err = place(t, addr, len, flags, &addr);
	if (!err && flags & NB_MAP_FIXED)
		err = nb_do_munmap(t, addr, len);
	if (err)
		return err;
	v = nb_pool_get(t->sys, &side->vma_pool);
	if (!v)
		return -NB_ENOMEM;
	v->mm = mm;
	v->start = addr;
	v->end = addr + len;
	v->prot = prot;
	v->shared = flags & NB_MAP_SHARED;
	if (v->shared) {
		nb_lock(&side->lock, t->sys->port);
		v->inode = ++side->next_inode;
		nb_unlock(&side->lock, t->sys->port);
	} else {
		v->pgoff = addr >> mm->shape.page_shift;
	}
	nb_vma_insert(mm, v);
	(void)nb_vma_merge(mm, v);
	*ret_addr = addr;
	return 0;
}

int nb_mmap(struct nb_task *t, uint64_t addr, uint64_t length_bytes, int prot, int flags,
	    uint64_t *ret_addr)
{
	struct nb_mm *mm = t->mm;
	int err;

	if (!t->alive)
		return -NB_ESRCH;
	nb_mm_lock(mm, t->cpu);
	if (flags & NB_MAP_HUGETLB)
		err = nb_hugetlb_mmap(t, NULL, 0, addr, length_bytes, prot, flags, ret_addr);
	else
		err = mmap_range(t, addr, length_bytes, prot, flags, ret_addr);
	nb_mm_unlock(mm);
	return err;
}

/* Takes [start, end), whose borders are VMA borders, out. */
static void unmap(struct nb_task *t, uint64_t start, uint64_t end)
{
	struct nb_mm *mm = t->mm;
	struct nb_vma *v, *prev = nb_vma_last_below(mm, start), *next;

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

	len = round_up(mm, length_bytes);
	if (addr & (page_bytes(mm) - 1) || !len || addr > mm->task_size ||
	    len > mm->task_size - addr)
		return -NB_EINVAL;
	v = nb_vma_first_above(mm, addr);
	if (!v || v->start >= addr + len)
		return 0;
	err = nb_vma_isolate(mm, addr, addr + len);
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

static int touch_range(struct nb_task *t, uint64_t addr, uint64_t length_bytes, bool write,
		       uint64_t *faulted)
{
	struct nb_mm *mm = t->mm;
	uint64_t start = addr & ~(page_bytes(mm) - 1), end;
	int err = 0;

	if (addr >= mm->task_size)
		return -NB_EFAULT;
	end = length_bytes > mm->task_size || addr > mm->task_size - length_bytes
		      ? mm->task_size + 1
		      : round_up(mm, addr + length_bytes);
	while (!err && start < end) {
		struct nb_vma *v = nb_vma_find(mm, start);
		uint64_t stop = v && v->end < end ? v->end : end;

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
	return err;
}

nb_pfn_t nb_task_pfn(const struct nb_task *t, uint64_t addr)
{
	if (!t->alive || addr >= t->mm->task_size)
		return NB_NO_PFN;
	return nb_pte_pfn(nb_pt_lookup(t->mm, addr));
}

int nb_task_node(const struct nb_task *t, uint64_t addr)
{
	const struct nb_ptable *leaf;
	struct nb_zone *z;
	nb_pfn_t pfn;

	if (!t->alive)
		return -NB_ESRCH;
	if (!nb_vma_find(t->mm, addr))
		return -NB_EFAULT;
	pfn = nb_task_pfn(t, addr);
	if (pfn != NB_NO_PFN) {
		(void)nb_pfn_to_page(t->sys, pfn, &z);
		return z->pgdat->nid;
	}
	leaf = nb_pt_leaf(t->mm, addr);
	return leaf && leaf->entry[nb_pt_index(t->mm, addr)] ? -NB_EFAULT : -NB_ENOENT;
}

static uint64_t resident(const struct nb_mm *mm, uint64_t start, uint64_t end)
{
	uint64_t sum = 0;
	const struct nb_ptable *leaf;

	while ((leaf = nb_pt_next_leaf(mm, &start, end))) {
		uint64_t stop = (start & ~(nb_pt_leaf_span(mm) - 1)) + nb_pt_leaf_span(mm);
		unsigned i = nb_pt_index(mm, start);

		if (i == 0 && stop <= end) {
			sum += leaf->nr_pages;
			start = stop;
			continue;
		}
		for (; start < stop && start < end; start += page_bytes(mm), i++)
			sum += nb_pte_pfn(leaf->entry[i]) != NB_NO_PFN;
	}
	return sum;
}

bool nb_task_vma(const struct nb_task *t, unsigned i, struct nb_vma_info *ret_info)
{
	const struct nb_vma *v = t->alive ? nb_vma_at(t->mm, i) : NULL;

	if (!v)
		return false;
	memset(ret_info, 0, sizeof(*ret_info));
	ret_info->start = v->start;
	ret_info->end = v->end;
	ret_info->prot = v->prot;
	ret_info->shared = v->shared;
	nb_mpol_show(v->policy, &ret_info->policy_mode, &ret_info->policy_nodes);
	if (!v->policy)
		ret_info->policy_mode = -1;
	ret_info->anon_pages = resident(t->mm, v->start, v->end);
	return true;
}
