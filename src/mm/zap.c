/* zap.c -- pages out of an address space.
 *
 * Called by unmap.c (munmap, exit), madvise.c and truncate.c, under the mm's lock. Each entry of
 * the range is cleared in address order; a page that nothing else refers to is freed at once,
 * through the page set of the task's CPU. A dirty entry of a file's page leaves the page dirty, an
 * accessed one counts as its use; a swap entry gives its slot back. Source: mm/memory.c,
 * zap_pte_range(), zap_present_folio_ptes(); facts 10.1.
 */
#include "mm/fault.h"
#include "mm/filemap.h"
#include "mm/huge_memory.h"
#include "mm/hugetlb.h"
#include "mm/lru.h"
#include "mm/mmap.h"
#include "mm/rmap.h"
#include "mm/swap.h"

static void zap_page(struct nb_task *t, const struct nb_vma *v, uint64_t pte)
{
	struct nb_zone *z = NULL;
	struct nb_page *page = nb_pfn_to_page(t->sys, nb_pte_pfn(pte), &z);

	if (nb_unlikely(!(nb_page_flags(page) & PG_ANON))) {
		if (pte & NB_PTE_DIRTY)
			nb_file_mark_dirty(z, page, t->cpu);
		if (pte & NB_PTE_ACCESSED && !(v->flags & (NB_VM_SEQ_READ | NB_VM_RAND_READ)))
			nb_mark_page_accessed(t->sys, z, page, t->cpu);
	}
	nb_rmap_remove(t->mm, z, page, 1);
	if (nb_unlikely(nb_page_flags(page) & PG_MLOCKED))
		nb_munlock_page(t, z, page);
	if (nb_unlikely(nb_page_flags(page) & PG_SWAPCACHE) && !nb_page_mapcount(page))
		(void)nb_swap_try_free_cached(t->sys, z, page, t->cpu);
	nb_put_page(t->sys, z, page, t->cpu);
}

/* Is it a private page: no file's? */
static bool is_cow(const struct nb_task *t, uint64_t pte)
{
	struct nb_zone *z;

	if (nb_pte_pfn(pte) == NB_NO_PFN)
		return pte & NB_PTE_SWAP;
	return nb_page_flags(nb_pfn_to_page(t->sys, nb_pte_pfn(pte), &z)) & PG_ANON;
}

/* The entries [i, i + n) of a leaf; with `cows` those of private copies too. */
static void zap_leaf(struct nb_task *t, const struct nb_vma *v, struct nb_ptable *leaf, unsigned i,
		     unsigned n, bool cows)
{
	for (; n && leaf->nr; i++, n--) {
		uint64_t pte = leaf->entry[i];

		if (!pte || (nb_unlikely(!cows) && is_cow(t, pte)))
			continue;
		nb_pt_set(leaf, i, 0);
		if (nb_pte_pfn(pte) != NB_NO_PFN) {
			zap_page(t, v, pte);
		} else if (pte & NB_PTE_SWAP) {
			nb_mm_add(&t->mm->swap_entries, -1);
			nb_swap_free(t->sys, nb_pte_swp(pte), t->cpu);
		}
	}
}

static void zap_vma(struct nb_task *t, const struct nb_vma *v, uint64_t start, uint64_t end,
		    bool cows)
{
	struct nb_mm *mm = t->mm;
	struct nb_ptable *leaf;

	if (mm->huge_entries && cows) /* huge pages are anonymous */
		nb_thp_zap(t, start, end);
	while ((leaf = nb_pt_next_leaf(mm, &start, end))) {
		uint64_t stop = (start & ~(nb_pt_leaf_span(mm) - 1)) + nb_pt_leaf_span(mm);

		if (stop > end)
			stop = end;
		zap_leaf(t, v, leaf, nb_pt_index(mm, start),
			 (unsigned)((stop - start) >> mm->shape.page_shift), cows);
		start = stop;
	}
}

void nb_zap_range(struct nb_task *t, uint64_t start, uint64_t end)
{
	struct nb_vma *v;

	while (start < end && (v = nb_vma_first_above(t->mm, start)) && v->start < end) {
		uint64_t from = v->start > start ? v->start : start;

		start = v->end < end ? v->end : end;
		if (nb_unlikely(v->flags & NB_VM_HUGETLB))
			nb_hugetlb_zap(t, v, from, start, NULL);
		else
			zap_vma(t, v, from, start, true);
	}
}

void nb_zap_file_pages(struct nb_task *t, const struct nb_vma *v, uint64_t start, uint64_t end)
{
	zap_vma(t, v, start, end, false);
}
