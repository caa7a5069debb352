/* madvise_page.c -- advice that changes pages: given up, cold, wanted soon.
 *
 * Called by madvise.c, under the mm's lock. Only pages that this mapping alone maps are touched: of
 * shared ones nobody may speak for the others. Units: bytes, whole pages.
 * Source: mm/madvise.c, madvise_free_pte_range(), madvise_cold_or_pageout_pte_range(),
 * swapin_walk_pmd_entry().
 */
#include "mm/madvise.h"

#include "mm/filemap.h"
#include "mm/huge_memory.h"
#include "mm/lru.h"
#include "mm/mmap.h"
#include "mm/swap.h"

/* One entry of a range that holds something. */
typedef void entry_fn(struct nb_task *t, struct nb_ptable *leaf, unsigned i);

static void for_each_entry(struct nb_task *t, uint64_t start, uint64_t end, entry_fn *fn)
{
	struct nb_mm *mm = t->mm;
	struct nb_ptable *leaf;

	while ((leaf = nb_pt_next_leaf(mm, &start, end))) {
		uint64_t stop = (start & ~(nb_pt_leaf_span(mm) - 1)) + nb_pt_leaf_span(mm);
		unsigned i = nb_pt_index(mm, start);

		for (; start < stop && start < end; start += nb_mm_page_bytes(mm), i++) {
			if (leaf->entry[i])
				fn(t, leaf, i);
		}
	}
}

static struct nb_page *lone_page(struct nb_task *t, uint64_t pte, struct nb_zone **ret_zone)
{
	nb_pfn_t pfn = nb_pte_pfn(pte);
	struct nb_page *page;

	if (pfn == NB_NO_PFN)
		return NULL;
	page = nb_pfn_to_page(t->sys, pfn, ret_zone);
	return page && __atomic_load_n(&page->mapcount, __ATOMIC_RELAXED) == 1 ? page : NULL;
}

static void free_one(struct nb_task *t, struct nb_ptable *leaf, unsigned i)
{
	uint64_t pte = leaf->entry[i];
	struct nb_zone *z = NULL;
	struct nb_page *page = lone_page(t, pte, &z);

	if (pte & NB_PTE_SWAP) { /* what is out is gone at once */
		nb_pt_set(leaf, i, 0);
		nb_mm_add(&t->mm->swap_entries, -1);
		nb_swap_free(t->sys, nb_pte_swp(pte), t->cpu);
		return;
	}
	if (!page || !(nb_page_flags(page) & PG_ANON))
		return;
	nb_page_change_flags(t->sys, page, 0, PG_DIRTY);
	leaf->entry[i] &= ~(uint64_t)(NB_PTE_ACCESSED | NB_PTE_DIRTY);
	nb_lru_lazyfree(t->sys, z, page, t->cpu);
}

void nb_madvise_free(struct nb_task *t, uint64_t start, uint64_t end)
{
	(void)nb_thp_split_range(t->mm, start, end, t->cpu);
	nb_lru_add_drain(t->sys, t->cpu);
	for_each_entry(t, start, end, free_one);
}

static struct nb_page *make_old(struct nb_task *t, struct nb_ptable *leaf, unsigned i,
				struct nb_zone **ret_zone)
{
	struct nb_page *page = lone_page(t, leaf->entry[i], ret_zone);

	if (!page)
		return NULL;
	leaf->entry[i] &= ~(uint64_t)NB_PTE_ACCESSED;
	nb_page_change_flags(t->sys, page, 0, PG_REFERENCED);
	if (nb_page_flags(page) & PG_ACTIVE)
		nb_page_change_flags(t->sys, page, PG_WORKINGSET, 0);
	return page;
}

static void cold_one(struct nb_task *t, struct nb_ptable *leaf, unsigned i)
{
	struct nb_zone *z = NULL;
	struct nb_page *page = make_old(t, leaf, i, &z);

	if (page)
		nb_lru_deactivate(t->sys, z, page, t->cpu);
}

static void pageout_one(struct nb_task *t, struct nb_ptable *leaf, unsigned i)
{
	struct nb_zone *z = NULL;
	struct nb_page *page = make_old(t, leaf, i, &z);

	if (!page || nb_page_flags(page) & PG_UNEVICTABLE || !nb_lru_isolate(t->sys, z, page))
		return;
	if (t->sys->hooks.reclaim_page)
		(void)t->sys->hooks.reclaim_page(t->sys, z, page, t->cpu);
	else
		nb_lru_putback(t->sys, z, page, t->cpu);
}

void nb_madvise_cold(struct nb_task *t, struct nb_vma *v, uint64_t start, uint64_t end,
		     bool pageout)
{
	(void)v;
	(void)nb_thp_split_range(t->mm, start, end, t->cpu);
	nb_lru_add_drain(t->sys, t->cpu);
	for_each_entry(t, start, end, pageout ? pageout_one : cold_one);
}

int nb_madvise_swap_in(struct nb_task *t, struct nb_vma *v, uint64_t start, uint64_t end)
{
	struct nb_mm *mm = t->mm;
	struct nb_ptable *leaf;

	if (v->file)
		nb_shmem_willneed(t, v, nb_vma_pgoff(v, start), nb_vma_pgoff(v, end - 1));
	/* reading may reclaim, so each entry is looked at when its turn comes */
	while (!v->file && (leaf = nb_pt_next_leaf(mm, &start, end))) {
		uint64_t stop = (start & ~(nb_pt_leaf_span(mm) - 1)) + nb_pt_leaf_span(mm);

		for (; start < stop && start < end; start += nb_mm_page_bytes(mm)) {
			uint64_t pte = leaf->entry[nb_pt_index(mm, start)];

			if (pte & NB_PTE_SWAP)
				nb_swap_willneed(t, v, start, nb_pte_swp(pte));
		}
	}
	nb_lru_add_drain(t->sys, t->cpu);
	return 0;
}

int nb_madvise_collapse(struct nb_task *t, struct nb_vma *v, uint64_t start, uint64_t end)
{
	uint64_t span = nb_thp_bytes(t->mm);
	int err = 0;

	if (!t->sys->thp || v->flags & (NB_VM_HUGETLB | NB_VM_NOHUGEPAGE) ||
	    ((v->start + span - 1) & ~(span - 1)) + span > v->end)
		return -NB_EINVAL;
	for (start = (start + span - 1) & ~(span - 1); start + span <= end; start += span) {
		int e = nb_collapse_range(t, v, start, false);

		err = e ? e : err;
	}
	return err;
}
