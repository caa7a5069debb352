/* zap.c -- pages out of an address space.
 *
 * Called by mmap.c (munmap, exit) and madvise.c, under the mm's lock. Each entry of the range is
 * cleared in address order; a page that nothing else refers to is freed at once, through the page
 * set of the task's CPU. A dirty entry of a file's page leaves the page dirty, an accessed one
 * counts as its use. Source: mm/memory.c, zap_pte_range(); facts 10.1.
 */
#include "mm/fault.h"
#include "mm/hugetlb.h"
#include "mm/rmap.h"

static void zap_page(struct nb_task *t, uint64_t pte)
{
	struct nb_zone *z = NULL;
	struct nb_page *page = nb_pfn_to_page(t->sys, nb_pte_pfn(pte), &z);

	nb_rmap_remove(t->mm, z, page, 1);
	nb_put_page(t->sys, z, page, t->cpu);
}

/* The entries [i, i + n) of a leaf. */
static void zap_leaf(struct nb_task *t, struct nb_ptable *leaf, unsigned i, unsigned n)
{
	for (; n && leaf->nr; i++, n--) {
		uint64_t pte = leaf->entry[i];

		if (!pte)
			continue;
		nb_pt_set(leaf, i, 0);
		if (nb_pte_pfn(pte) != NB_NO_PFN)
			zap_page(t, pte);
	}
}

void nb_zap_range(struct nb_task *t, uint64_t start, uint64_t end)
{
	struct nb_mm *mm = t->mm;
	struct nb_ptable *leaf;

	if (mm->hugetlb_pages)
		nb_hugetlb_zap_range(t, start, end);
	while ((leaf = nb_pt_next_leaf(mm, &start, end))) {
		uint64_t stop = (start & ~(nb_pt_leaf_span(mm) - 1)) + nb_pt_leaf_span(mm);

		if (stop > end)
			stop = end;
		zap_leaf(t, leaf, nb_pt_index(mm, start),
			 (unsigned)((stop - start) >> mm->shape.page_shift));
		start = stop;
	}
}
