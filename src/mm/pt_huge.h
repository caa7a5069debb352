/* pt_huge.h -- entries of page tables that map more than one base page.
 *
 * Called by hugetlb_fault.c and huge_memory.c. A page of 1 << order base pages stands in the table
 * of the level whose entries are the largest that are not larger than it: as one entry, or (arm64's
 * contiguous ones) as a run of equal ones, each with its own first frame. All of them have
 * NB_PTE_HUGE. Counts of tables follow (nb_pt_set()).
 */
#ifndef NB_MM_PT_HUGE_H
#define NB_MM_PT_HUGE_H

#include "mm/pagetable.h"
#include "mm/vma.h"

/* Where a page of that order is entered. */
struct nb_pt_spot {
	struct nb_ptable *table;
	unsigned first, n; /* entries */
	unsigned shift;    /* log2 of base pages of each */
};

/* The spot of addr; false: no table is there, or smaller pages are mapped below. */
bool nb_pt_spot(const struct nb_mm *mm, uint64_t addr, unsigned order, struct nb_pt_spot *ret);
/* The same with its tables made, by the task's policy. false: no memory. */
bool nb_pt_make_spot(struct nb_task *t, struct nb_mm *mm, uint64_t addr, unsigned order,
		     struct nb_pt_spot *ret);

static inline uint64_t nb_pt_spot_get(const struct nb_pt_spot *s)
{
	return s->table->entry[s->first];
}
/* Writes the page's entry, of its first frame and bits, or 0. */
static inline void nb_pt_spot_set(const struct nb_pt_spot *s, uint64_t pte)
{
	for (unsigned i = 0; i < s->n; i++) {
		nb_pt_set(s->table, s->first + i, pte);
		if (pte & NB_PTE_PRESENT && !(pte & NB_PTE_ZERO))
			pte += UINT64_C(1) << (NB_PTE_SHIFT + s->shift);
	}
}

/* The first entry of any level, from *addr on, that is not 0 and no table's: *addr moves to where
 * it begins (not back, where it lies inside), *ret_bytes is what it covers. 0: none below `end`. */
uint64_t nb_pt_next_entry(const struct nb_mm *mm, uint64_t *addr, uint64_t end,
			  uint64_t *ret_bytes);

/* The page that is mapped at addr of v, its head where it is a huge one. NULL: none. */
struct nb_page *nb_pt_page(const struct nb_vma *v, uint64_t addr, struct nb_zone **ret_zone);

/* What stands at the base page of addr, whatever maps it: an entry as a leaf would have it (frame
 * of that very page, bits), or 0. */
uint64_t nb_pt_lookup(const struct nb_mm *mm, uint64_t addr);

#endif
