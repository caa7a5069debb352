/* vma.c -- splitting and merging of VMAs.
 *
 * Called by task.c. Two neighbours are one VMA when nothing tells them apart: protection, kind,
 * policy and consecutive page offsets. Source: mm/mmap.c, vma_merge(), __split_vma(); facts 10.1.
 */
#include "mm/vma.h"

#include "base/mem.h"

struct nb_vma *nb_vma_split(struct nb_mm *mm, struct nb_vma *v, uint64_t addr)
{
	struct nb_vma *upper;

	if (mm->nr_vmas >= NB_MAX_MAP_COUNT)
		return NULL;
	upper = nb_pool_get(mm->sys, &nb_task_side(mm->sys)->vma_pool);
	if (!upper)
		return NULL;
	upper->start = addr;
	upper->end = v->end;
	upper->pgoff = v->pgoff + ((addr - v->start) >> mm->shape.page_shift);
	upper->inode = v->inode;
	upper->prot = v->prot;
	upper->shared = v->shared;
	upper->policy = v->policy;
	nb_mpol_get(upper->policy);
	nb_vma_resize(mm, v, v->start, addr);
	nb_vma_insert(mm, upper);
	return upper;
}

static bool alike(const struct nb_mm *mm, const struct nb_vma *a, const struct nb_vma *b)
{
	return a->end == b->start && a->prot == b->prot && a->shared == b->shared &&
	       a->inode == b->inode &&
	       a->pgoff + ((a->end - a->start) >> mm->shape.page_shift) == b->pgoff &&
	       nb_mpol_equal(a->policy, b->policy);
}

/* `low` takes over what `high` covers. */
static void join(struct nb_mm *mm, struct nb_vma *low, struct nb_vma *high)
{
	uint64_t end = high->end;

	nb_vma_remove(mm, high);
	nb_vma_free(mm, high);
	nb_vma_resize(mm, low, low->start, end);
}

struct nb_vma *nb_vma_merge(struct nb_mm *mm, struct nb_vma *v)
{
	struct nb_vma *prev = nb_vma_last_below(mm, v->start);
	struct nb_vma *next = nb_vma_first_above(mm, v->end);

	if (next && alike(mm, v, next))
		join(mm, v, next);
	if (prev && alike(mm, prev, v)) {
		join(mm, prev, v);
		v = prev;
	}
	return v;
}

int nb_vma_isolate(struct nb_mm *mm, uint64_t start, uint64_t end)
{
	struct nb_vma *v = nb_vma_find(mm, start);

	if (v && v->start < start && !nb_vma_split(mm, v, start))
		return -NB_ENOMEM;
	v = nb_vma_find(mm, end);
	if (v && v->start < end && !nb_vma_split(mm, v, end))
		return -NB_ENOMEM;
	return 0;
}

void nb_vma_free(struct nb_mm *mm, struct nb_vma *v)
{
	nb_mpol_put(mm->sys, v->policy);
	nb_pool_put(mm->sys, &nb_task_side(mm->sys)->vma_pool, v);
}
