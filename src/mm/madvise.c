/* madvise.c -- what a program says about its use of a range.
 *
 * Called by drivers through include/numabox/task.h. Advice is given to each VMA of the range in
 * turn; holes make the whole call -NB_ENOMEM, after the rest was done. What changes a VMA splits
 * and merges it (madvise_vma.c's part: flags), what changes pages stands in madvise_page.c. Units:
 * bytes, ends exclusive. Source: mm/madvise.c, do_madvise(), madvise_walk_vmas(),
 * madvise_vma_behavior(), madvise_populate(); facts 10.1.
 */
#include "mm/madvise.h"

#include "mm/fault.h"
#include "mm/filemap.h"
#include "mm/huge_memory.h"
#include "mm/hugetlb.h"
#include "mm/lru.h"
#include "mm/mmap.h"
#include "mm/oom.h"

struct advice {
	struct nb_task *t;
	enum nb_madv what;
};

/* First kernels that know an advice; 0: all that we have. */
static bool is_known(const struct nb_system *sys, int what)
{
	static const uint16_t since[] = {
		[NB_MADV_NORMAL] = 1,
		[NB_MADV_RANDOM] = 1,
		[NB_MADV_SEQUENTIAL] = 1,
		[NB_MADV_WILLNEED] = 1,
		[NB_MADV_DONTNEED] = 1,
		[NB_MADV_FREE] = 4005,
		[NB_MADV_REMOVE] = 2006,
		[NB_MADV_DONTFORK] = 2006,
		[NB_MADV_DOFORK] = 2006,
		[NB_MADV_MERGEABLE] = 2006,
		[NB_MADV_UNMERGEABLE] = 2006,
		[NB_MADV_HUGEPAGE] = 2006,
		[NB_MADV_NOHUGEPAGE] = 2006,
		[NB_MADV_DONTDUMP] = 3004,
		[NB_MADV_DODUMP] = 3004,
		[NB_MADV_WIPEONFORK] = 4014,
		[NB_MADV_KEEPONFORK] = 4014,
		[NB_MADV_COLD] = 5004,
		[NB_MADV_PAGEOUT] = 5004,
		[NB_MADV_POPULATE_READ] = 5014,
		[NB_MADV_POPULATE_WRITE] = 5014,
		[NB_MADV_DONTNEED_LOCKED] = 5018,
		[NB_MADV_COLLAPSE] = 6001,
	};

	return what >= 0 && (unsigned)what < sizeof(since) / sizeof(since[0]) && since[what] &&
	       sys->profile->version >= since[what];
}

/* The VMA's flags after the advice; -1: the advice is not for this VMA. */
static int64_t new_flags(const struct nb_vma *v, enum nb_madv what)
{
	const unsigned read = NB_VM_SEQ_READ | NB_VM_RAND_READ;
	const unsigned huge = NB_VM_HUGEPAGE | NB_VM_NOHUGEPAGE;

	switch (what) {
	case NB_MADV_NORMAL:
		return v->flags & ~read;
	case NB_MADV_SEQUENTIAL:
		return (v->flags & ~read) | NB_VM_SEQ_READ;
	case NB_MADV_RANDOM:
		return (v->flags & ~read) | NB_VM_RAND_READ;
	case NB_MADV_DONTFORK:
		return v->flags | NB_VM_DONTFORK;
	case NB_MADV_DOFORK:
		return v->flags & ~(unsigned)NB_VM_DONTFORK;
	case NB_MADV_WIPEONFORK:
		return v->file || v->shared ? -1 : (int64_t)(v->flags | NB_VM_WIPEONFORK);
	case NB_MADV_KEEPONFORK:
		return v->flags & ~(unsigned)NB_VM_WIPEONFORK;
	case NB_MADV_DONTDUMP:
		return v->flags | NB_VM_DONTDUMP;
	case NB_MADV_DODUMP:
		return v->flags & NB_VM_HUGETLB ? -1 : v->flags & ~(int64_t)NB_VM_DONTDUMP;
	case NB_MADV_HUGEPAGE:
		return v->flags & NB_VM_HUGETLB ? -1 : (v->flags & ~(int64_t)huge) | NB_VM_HUGEPAGE;
	case NB_MADV_NOHUGEPAGE:
		return v->flags & NB_VM_HUGETLB ? -1
						: (v->flags & ~(int64_t)huge) | NB_VM_NOHUGEPAGE;
	default: /* same-page merging: pages are never looked at here */
		return v->flags;
	}
}

static int advise_flags(const struct advice *a, struct nb_vma *v, uint64_t start, uint64_t end)
{
	int64_t flags = new_flags(v, a->what);
	struct nb_vma_change to = {v->prot, (unsigned)flags, v->policy};

	if (flags < 0)
		return -NB_EINVAL;
	if (a->what == NB_MADV_HUGEPAGE && a->t->sys->thp)
		nb_khugepaged_enter(a->t->sys);
	if (to.flags == v->flags)
		return 0;
	return nb_vma_modify(a->t->mm, v, start, end, &to) ? 0 : -NB_EAGAIN;
}

static int advise_dontneed(const struct advice *a, const struct nb_vma *v, uint64_t start,
			   uint64_t end)
{
	if (v->flags & NB_VM_LOCKED && a->what == NB_MADV_DONTNEED)
		return -NB_EINVAL;
	if (v->flags & NB_VM_HUGETLB && nb_hugetlb_dontneed_range(v, start, &end))
		return -NB_EINVAL;
	nb_lru_add_drain(a->t->sys, a->t->cpu);
	nb_zap_range(a->t, start, end);
	return 0;
}

/* A hole in a file of memory. */
static int advise_remove(const struct advice *a, const struct nb_vma *v, uint64_t start,
			 uint64_t end)
{
	uint64_t offset;

	if (v->flags & NB_VM_LOCKED || !v->file)
		return -NB_EINVAL;
	if (!v->shared || !(v->prot & NB_PROT_WRITE))
		return -NB_EACCES;
	offset = nb_vma_pgoff(v, start) << a->t->mm->shape.page_shift;
	return nb_file_fallocate(a->t, v->file, offset, end - start, true);
}

static int advise_willneed(const struct advice *a, struct nb_vma *v, uint64_t start, uint64_t end)
{
	uint64_t page = nb_mm_page_bytes(a->t->mm);

	if (!v->file || nb_as_is_shmem(v->file))
		return nb_madvise_swap_in(a->t, v, start, end);
	nb_readahead_force(a->t, v->file, nb_vma_pgoff(v, start), (end - start) / page);
	return 0;
}

static int advise_vma(const struct advice *a, struct nb_vma *v, uint64_t start, uint64_t end)
{
	switch (a->what) {
	case NB_MADV_DONTNEED:
	case NB_MADV_DONTNEED_LOCKED:
		return advise_dontneed(a, v, start, end);
	case NB_MADV_FREE:
		if (v->flags & (NB_VM_LOCKED | NB_VM_HUGETLB) || v->file || v->shared)
			return -NB_EINVAL;
		nb_madvise_free(a->t, start, end);
		return 0;
	case NB_MADV_COLD:
	case NB_MADV_PAGEOUT:
		if (v->flags & (NB_VM_LOCKED | NB_VM_HUGETLB))
			return -NB_EINVAL;
		nb_madvise_cold(a->t, v, start, end, a->what == NB_MADV_PAGEOUT);
		return 0;
	case NB_MADV_REMOVE:
		return advise_remove(a, v, start, end);
	case NB_MADV_WILLNEED:
		return advise_willneed(a, v, start, end);
	case NB_MADV_COLLAPSE:
		return nb_madvise_collapse(a->t, v, start, end);
	default:
		return advise_flags(a, v, start, end);
	}
}

static int walk(const struct advice *a, uint64_t start, uint64_t end)
{
	struct nb_mm *mm = a->t->mm;
	int err, unmapped = 0;

	while (start < end) {
		struct nb_vma *v = nb_vma_first_above(mm, start);
		uint64_t stop;

		if (!v || v->start >= end)
			return -NB_ENOMEM;
		if (v->start > start) {
			unmapped = -NB_ENOMEM;
			start = v->start;
		}
		stop = v->end < end ? v->end : end;
		err = advise_vma(a, v, start, stop);
		if (err)
			return err;
		start = stop;
	}
	return unmapped;
}

/* Faults in what is not there, as accesses would. Source: madvise_populate(). */
static int populate(struct nb_task *t, uint64_t start, uint64_t end, bool write)
{
	while (start < end) {
		struct nb_vma *v = nb_vma_find(t->mm, start);
		uint64_t stop, faulted = 0;
		int err;

		if (!v)
			return -NB_ENOMEM;
		if (!(v->prot & (write ? NB_PROT_WRITE : NB_PROT_READ)))
			return -NB_EINVAL;
		stop = v->end < end ? v->end : end;
		err = nb_fault_range(t, v, start, stop, write, &faulted);
		if (err)
			return err;
		start = stop;
	}
	return 0;
}

int nb_madvise(struct nb_task *t, uint64_t addr, uint64_t length_bytes, int advice)
{
	struct advice a = {t, (enum nb_madv)advice};
	struct nb_mm *mm = t->mm;
	uint64_t len;
	int err;

	if (!t->alive)
		return -NB_ESRCH;
	len = nb_mm_round_up(mm, length_bytes);
	if (!is_known(t->sys, advice) || nb_mm_is_unaligned(mm, addr) || (length_bytes && !len) ||
	    addr + len < addr)
		return -NB_EINVAL;
	if (!len)
		return 0;
	nb_mm_lock(mm, t->cpu);
	if (advice == NB_MADV_POPULATE_READ || advice == NB_MADV_POPULATE_WRITE)
		err = populate(t, addr, addr + len, advice == NB_MADV_POPULATE_WRITE);
	else
		err = walk(&a, addr, addr + len);
	nb_mm_unlock(mm);
	nb_oom_leave(t);
	return err;
}
