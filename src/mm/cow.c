/* cow.c -- writes to what is mapped read-only: a page of one's own, by copy where others share it.
 *
 * Called by fault.c, under the mm's lock. The shared page of zeros gives way to a zeroed page, a
 * page that nobody else refers to is made writable, any other is copied to where the policy wants
 * it at the faulting CPU. Source: mm/memory.c, do_wp_page(), wp_page_reuse(), wp_page_copy();
 * facts 10.1.
 */
#include "mm/fault.h"
#include "mm/page_alloc.h"
#include "mm/rmap.h"
#include "mm/vmstat.h"

static bool sole_owner(const struct nb_page *page)
{
	uint32_t refs = __atomic_load_n(&page->refcount, __ATOMIC_ACQUIRE);

	return refs == 1u + (nb_page_flags(page) & PG_SWAPCACHE ? 1 : 0);
}

static void make_writable(const struct nb_vma *v, struct nb_ptable *leaf, unsigned i)
{
	uint64_t bits = NB_PTE_ACCESSED | NB_PTE_DIRTY;

	if (v->prot & NB_PROT_WRITE)
		bits |= NB_PTE_WRITE;
	leaf->entry[i] |= bits;
}

/* A new page in place of what the entry holds; `old` may be NULL, for zeros. */
static int copy(struct nb_task *t, struct nb_vma *v, uint64_t addr, struct nb_ptable *leaf,
		unsigned i, bool zeros)
{
	uint64_t pte = leaf->entry[i];
	struct nb_zone *z = NULL, *oldz = NULL;
	struct nb_page *page, *old;
	nb_pfn_t pfn;

	if (nb_anon_prepare(v))
		return -NB_ENOMEM;
	pfn = nb_fault_alloc(t, v, addr, zeros ? NB_FAULT_GFP : NB_GFP_HIGHUSER_MOVABLE);
	if (pfn == NB_NO_PFN)
		return -NB_ENOMEM;
	page = nb_pfn_to_page(t->sys, pfn, &z);
	if (nb_unlikely((leaf->entry[i] ^ pte) >> NB_PTE_SHIFT || !(leaf->entry[i] & 1))) {
		/* reclaim took it meanwhile: the access faults once more */
		nb_put_page(t->sys, z, page, t->cpu);
		return 0;
	}
	nb_rmap_add_new_anon(v, addr, z, page);
	nb_page_set_flags(page, page->flags | PG_LRU);
	nb_pt_set(leaf, i,
		  nb_pte_make(pfn, NB_PTE_PRESENT | NB_PTE_WRITE | NB_PTE_ACCESSED | NB_PTE_DIRTY));
	if (zeros)
		return 0;
	old = nb_pfn_to_page(t->sys, nb_pte_pfn(pte), &oldz);
	nb_rmap_remove(t->mm, oldz, old, 1);
	nb_put_page(t->sys, oldz, old, t->cpu);
	return 0;
}

int nb_wp_fault(struct nb_task *t, struct nb_vma *v, uint64_t addr, struct nb_ptable *leaf,
		unsigned i)
{
	struct nb_zone *z = NULL;
	struct nb_page *page;

	if (leaf->entry[i] & NB_PTE_ZERO)
		return copy(t, v, addr, leaf, i, true);
	page = nb_pfn_to_page(t->sys, nb_pte_pfn(leaf->entry[i]), &z);
	if (v->shared) {
		make_writable(v, leaf, i);
		return 0;
	}
	if (nb_page_flags(page) & PG_ANON && sole_owner(page)) {
		make_writable(v, leaf, i);
		nb_count_vm_event(t->sys, t->cpu, NB_VM_PGREUSE);
		return 0;
	}
	return copy(t, v, addr, leaf, i, false);
}
