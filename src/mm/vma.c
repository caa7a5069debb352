/* vma.c -- splitting and merging of VMAs.
 *
 * Called by mmap.c and all that changes a range. Two neighbours are one VMA when nothing tells them
 * apart: protection, flags, what they map, policy, consecutive page offsets, and private pages that
 * may belong together. A VMA whose extent changes leaves the trees of rmap.c for that moment.
 * Source: mm/mmap.c, can_vma_merge_before(), can_vma_merge_after(), vma_merge(), __split_vma();
 * facts 10.1.
 */
#include "mm/vma.h"

#include "base/mem.h"
#include "mm/balancing.h"
#include "mm/huge_memory.h"
#include "mm/hugetlb.h"
#include "mm/rmap.h"

#include <numabox/file.h>

void nb_vma_adjust(struct nb_mm *mm, struct nb_vma *v, uint64_t start, uint64_t end, uint64_t pgoff)
{
	nb_rmap_unlink_vma(v);
	nb_vma_resize(mm, v, start, end);
	v->pgoff = pgoff;
	nb_rmap_link_vma(v);
}

/* All but the places in trees; those in the trees of rmap.c are under others' locks. */
static void copy_body(struct nb_vma *to, const struct nb_vma *from)
{
	memcpy(to, from, offsetof(struct nb_vma, anon_link));
}

struct nb_vma *nb_vma_dup(struct nb_mm *mm, const struct nb_vma *v)
{
	struct nb_vma *copy = nb_pool_get(mm->sys, &nb_task_side(mm->sys)->vma_pool);

	if (!copy)
		return NULL;
	copy_body(copy, v);
	copy->mm = mm;
	copy->numab = NULL;
	nb_mpol_get(copy->policy);
	nb_hugetlb_vma_dup(copy);
	return copy;
}

/* Cuts v at addr, whatever the number of VMAs is. */
static struct nb_vma *split(struct nb_mm *mm, struct nb_vma *v, uint64_t addr)
{
	struct nb_vma *upper = nb_thp_split_at(mm, addr, -1) ? NULL : nb_vma_dup(mm, v);

	if (!upper)
		return NULL;
	upper->start = addr;
	upper->pgoff = nb_vma_pgoff(v, addr);
	if (upper->file)
		nb_file_get(upper->file);
	nb_vma_adjust(mm, v, v->start, addr, v->pgoff);
	nb_vma_insert(mm, upper);
	nb_rmap_link_vma(upper);
	return upper;
}

struct nb_vma *nb_vma_split(struct nb_mm *mm, struct nb_vma *v, uint64_t addr)
{
	return mm->nr_vmas >= NB_MAX_MAP_COUNT ? NULL : split(mm, v, addr);
}

static bool alike(const struct nb_vma *a, const struct nb_vma *b)
{
	return !((a->flags | b->flags) & NB_VM_HUGETLB) && a->end == b->start &&
	       a->prot == b->prot && a->shared == b->shared && a->flags == b->flags &&
	       a->inode == b->inode && a->file == b->file && nb_vma_pgoff(a, a->end) == b->pgoff &&
	       nb_mpol_equal(a->policy, b->policy) && nb_anon_mergeable(a, b);
}

/* `low` takes over what `high` covers, and its private pages' owner where it has none. */
static void join(struct nb_mm *mm, struct nb_vma *low, struct nb_vma *high)
{
	uint64_t end = high->end;

	nb_rmap_unlink_vma(low);
	if (!low->anon) {
		low->anon = high->anon;
		low->anon_id = high->anon_id;
		low->anon_chained = high->anon_chained;
	}
	nb_vma_remove(mm, high);
	nb_vma_resize(mm, low, low->start, end);
	nb_rmap_link_vma(low);
	nb_vma_free(mm, high);
}

struct nb_vma *nb_vma_merge(struct nb_mm *mm, struct nb_vma *v)
{
	struct nb_vma *prev = nb_vma_last_below(mm, v->start);
	struct nb_vma *next = nb_vma_first_above(mm, v->end);

	if (prev && alike(prev, v)) {
		join(mm, prev, v);
		v = prev;
	}
	if (next && alike(v, next))
		join(mm, v, next);
	return v;
}

int nb_vma_isolate(struct nb_mm *mm, uint64_t start, uint64_t end)
{
	struct nb_vma *v = nb_vma_find(mm, start);

	if (v && v->start < start && !nb_hugetlb_may_split(v, start))
		return -NB_EINVAL;
	if (v && v->start < start && !nb_vma_split(mm, v, start))
		return -NB_ENOMEM;
	v = nb_vma_find(mm, end);
	if (v && v->start < end && !nb_hugetlb_may_split(v, end))
		return -NB_EINVAL;
	if (v && v->start < end && !nb_vma_split(mm, v, end))
		return -NB_ENOMEM;
	return 0;
}

/* unmapping's: the count matters only where a hole comes to be in the middle of one. */
int nb_vma_isolate_for_unmap(struct nb_mm *mm, uint64_t start, uint64_t end)
{
	struct nb_vma *v = nb_vma_find(mm, start);

	if (v && v->start < start) {
		if (!nb_hugetlb_may_split(v, start))
			return -NB_EINVAL;
		if (end < v->end && mm->nr_vmas >= NB_MAX_MAP_COUNT)
			return -NB_ENOMEM;
		if (!split(mm, v, start))
			return -NB_ENOMEM;
	}
	v = nb_vma_find(mm, end);
	if (v && v->start < end && !nb_hugetlb_may_split(v, end))
		return -NB_EINVAL;
	return v && v->start < end && !split(mm, v, end) ? -NB_ENOMEM : 0;
}

/* Would a VMA of [start, end) with those properties be one with a neighbour of v? */
static bool joins_a_neighbour(const struct nb_mm *mm, const struct nb_vma *v,
			      const struct nb_vma *want)
{
	const struct nb_vma *prev = nb_vma_last_below(mm, v->start);
	const struct nb_vma *next = nb_vma_first_above(mm, v->end);

	return (prev && want->start == v->start && alike(prev, want)) ||
	       (next && want->end == v->end && alike(want, next));
}

struct nb_vma *nb_vma_modify(struct nb_mm *mm, struct nb_vma *v, uint64_t start, uint64_t end,
			     const struct nb_vma_change *to)
{
	struct nb_vma want = {0};
	bool free_count;

	copy_body(&want, v);
	want.start = start;
	want.end = end;
	want.pgoff = nb_vma_pgoff(v, start);
	want.prot = to->prot;
	want.flags = to->flags;
	want.policy = to->policy;
	free_count = joins_a_neighbour(mm, v, &want);
	if (start > v->start) {
		v = free_count ? split(mm, v, start) : nb_vma_split(mm, v, start);
		if (!v)
			return NULL;
	}
	if (end < v->end && !(free_count ? split(mm, v, end) : nb_vma_split(mm, v, end)))
		return NULL;
	v->prot = to->prot;
	nb_vma_set_flags(mm, v, to->flags);
	if (v->policy != to->policy) {
		nb_mpol_get(to->policy);
		nb_mpol_put(mm->sys, v->policy);
		v->policy = to->policy;
	}
	return nb_vma_merge(mm, v);
}

/* Out of the tree of the file that it maps, whose reference goes. */
static void leave_file(struct nb_vma *v)
{
	struct nb_rmap *r = (struct nb_rmap *)v->file;

	if (!v->file)
		return;
	nb_lock(&r->lock, v->mm->sys->port);
	nb_rmap_tree_remove(r, v);
	nb_unlock(&r->lock, v->mm->sys->port);
	nb_file_put(v->file);
	v->file = NULL;
}

void nb_vma_free(struct nb_mm *mm, struct nb_vma *v)
{
	nb_numab_vma_free(mm, v);
	nb_hugetlb_vma_free(v);
	nb_anon_leave(v);
	leave_file(v);
	nb_mpol_put(mm->sys, v->policy);
	nb_pool_put(mm->sys, &nb_task_side(mm->sys)->vma_pool, v);
}
