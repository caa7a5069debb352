/* pt_huge.c -- see pt_huge.h. Source: arch/x86/mm/hugetlbpage.c, huge_pte_alloc();
 * arch/arm64/mm/hugetlbpage.c, set_huge_pte_at().
 */
#include "mm/pt_huge.h"

#include "mm/hugetlb.h"
#include "mm/page.h"

/* Level and run of pages of that order. */
static unsigned spot_level(const struct nb_mm *mm, uint64_t addr, unsigned order,
			   struct nb_pt_spot *s)
{
	unsigned level = order / mm->shape.bits;

	s->shift = level * mm->shape.bits;
	s->n = 1u << (order - s->shift);
	s->first = nb_pt_entry_index(mm, level, addr) & ~(s->n - 1);
	return level;
}

bool nb_pt_spot(const struct nb_mm *mm, uint64_t addr, unsigned order, struct nb_pt_spot *ret)
{
	unsigned level = spot_level(mm, addr, order, ret);
	uint64_t entry;

	ret->table = nb_pt_table(mm, addr, level);
	if (!ret->table)
		return false;
	entry = nb_pt_spot_get(ret);
	return !entry || entry & NB_PTE_HUGE;
}

bool nb_pt_make_spot(struct nb_task *t, struct nb_mm *mm, uint64_t addr, unsigned order,
		     struct nb_pt_spot *ret)
{
	unsigned level = spot_level(mm, addr, order, ret);

	ret->table = nb_pt_make_table(t, mm, addr, level);
	return ret->table != NULL;
}

uint64_t nb_pt_lookup(const struct nb_mm *mm, uint64_t addr)
{
	const struct nb_ptable *table = mm->root;

	for (unsigned level = mm->shape.levels - 1u; table; level--) {
		uint64_t entry = table->entry[nb_pt_entry_index(mm, level, addr)];
		uint64_t inside = (addr >> mm->shape.page_shift) &
				  ((UINT64_C(1) << (level * mm->shape.bits)) - 1);

		if (level == 0)
			return entry;
		if (nb_pt_is_huge(entry))
			return entry & NB_PTE_ZERO ? entry : entry + (inside << NB_PTE_SHIFT);
		table = (const struct nb_ptable *)(uintptr_t)entry;
	}
	return 0;
}

uint64_t nb_pt_next_entry(const struct nb_mm *mm, uint64_t *addr, uint64_t end, uint64_t *ret_bytes)
{
	while (*addr < end) {
		const struct nb_ptable *table = mm->root;
		unsigned level = mm->shape.levels - 1u;
		uint64_t entry = table->entry[nb_pt_entry_index(mm, level, *addr)];

		while (level > 0 && entry && !nb_pt_is_huge(entry)) {
			table = (const struct nb_ptable *)(uintptr_t)entry;
			level--;
			entry = table->entry[nb_pt_entry_index(mm, level, *addr)];
		}
		*ret_bytes = UINT64_C(1) << (mm->shape.page_shift + level * mm->shape.bits);
		if (entry)
			return entry;
		*addr = (*addr & ~(*ret_bytes - 1)) + *ret_bytes;
	}
	return 0;
}

struct nb_page *nb_pt_page(const struct nb_vma *v, uint64_t addr, struct nb_zone **ret_zone)
{
	const struct nb_mm *mm = v->mm;
	uint64_t pte = nb_pt_lookup(mm, addr), size;

	if (nb_pte_pfn(pte) == NB_NO_PFN)
		return NULL;
	if (pte & NB_PTE_HUGE) {
		size = v->flags & NB_VM_HUGETLB ? nb_hstate_bytes(mm->sys, nb_vma_hstate(v))
						: nb_pt_leaf_span(mm);
		pte = nb_pt_lookup(mm, addr & ~(size - 1));
	}
	return nb_pfn_to_page(mm->sys, nb_pte_pfn(pte), ret_zone);
}
