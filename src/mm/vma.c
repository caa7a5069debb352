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

struct nb_vma *nb_vma_dup(struct nb_mm *mm, const struct nb_vma *v)
{
	static const struct nb_rmap_link unlinked;
	struct nb_vma *copy = nb_pool_get(mm->sys, &nb_task_side(mm->sys)->vma_pool);

	if (!copy)
		return NULL;
	*copy = *v;
	copy->mm = mm;
	copy->anon_link = copy->file_link = unlinked;
	copy->left = copy->right = NULL;
	copy->numab = NULL;
	nb_mpol_get(copy->policy);
	nb_hugetlb_vma_dup(copy);
	if (copy->file) /* TEMP until A */
		nb_file_get(copy->file);
	return copy;
}

struct nb_vma *nb_vma_split(struct nb_mm *mm, struct nb_vma *v, uint64_t addr)
{
	struct nb_vma *upper;

	if (mm->nr_vmas >= NB_MAX_MAP_COUNT)
		return NULL;
	upper = nb_vma_dup(mm, v);
	if (!upper)
		return NULL;
	upper->start = addr;
	upper->pgoff = nb_vma_pgoff(v, addr);
	nb_vma_adjust(mm, v, v->start, addr, v->pgoff);
	nb_vma_insert(mm, upper);
	nb_rmap_link_vma(upper);
	return upper;
}

static bool alike(const struct nb_vma *a, const struct nb_vma *b)
{
	return !((a->flags | b->flags) & NB_VM_HUGETLB) && a->end == b->start && a->prot == b->prot && a->shared == b->shared &&
	       a->flags == b->flags && a->inode == b->inode && a->file == b->file &&
	       nb_vma_pgoff(a, a->end) == b->pgoff && nb_mpol_equal(a->policy, b->policy) &&
	       nb_anon_mergeable(a, b);
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

void nb_vma_free(struct nb_mm *mm, struct nb_vma *v)
{
	nb_numab_vma_free(mm, v);
	nb_hugetlb_vma_free(v);
	nb_anon_leave(v);
	if (v->file) { /* TEMP until A */
		struct nb_rmap *r = (struct nb_rmap *)v->file;

		nb_lock(&r->lock, mm->sys->port);
		nb_rmap_tree_remove(r, v);
		nb_unlock(&r->lock, mm->sys->port);
		nb_file_put(v->file);
	}
	nb_mpol_put(mm->sys, v->policy);
	nb_pool_put(mm->sys, &nb_task_side(mm->sys)->vma_pool, v);
}
