/* cow.c -- writes to what is mapped read-only: a page of one's own, by copy where others share it.
 *
 * Called by fault.c, under the mm's lock. The shared page of zeros gives way to a zeroed page, a
 * page that nobody else refers to is made writable, any other is copied to where the policy wants
 * it at the faulting CPU. Source: mm/memory.c, do_wp_page(), wp_page_reuse(), wp_page_copy();
 * facts 10.1.
 */
#include "base/mem.h"
#include "mm/fault.h"
#include "mm/filemap.h"
#include "mm/mmap.h"
#include "mm/page_alloc.h"
#include "mm/rmap.h"
#include "mm/swap.h"
#include "mm/vmstat.h"

/* Before 5.9 a page may stay in the swap cache while it is written to, if no other entry holds its
 * slot. Source: reuse_swap_page(); since then wp_can_reuse_anon_folio(). */
#define REUSE_IN_CACHE_BEFORE 5009u

static bool sole_owner(const struct nb_system *sys, const struct nb_zone *z,
		       const struct nb_page *page)
{
	uint32_t refs = nb_page_refcount(page);

	if (!(nb_page_flags(page) & PG_SWAPCACHE))
		return refs == 1;
	return refs == 2 && sys->profile->version < REUSE_IN_CACHE_BEFORE &&
	       !nb_swap_count(sys, nb_page_swap(sys, z, page));
}

void nb_copy_page_bytes(struct nb_zone *fromz, const struct nb_page *from, struct nb_zone *toz,
			const struct nb_page *to)
{
	if (fromz->sys->backed)
		memcpy(nb_page_bytes(toz, to), nb_page_bytes(fromz, from),
		       (size_t)1 << fromz->sys->page_shift << nb_page_order(from));
}

/* The page is this mapping's own: its entry becomes writable. */
static void reuse(struct nb_task *t, const struct nb_vma *v, struct nb_ptable *leaf, unsigned i)
{
	uint64_t bits = NB_PTE_ACCESSED | NB_PTE_DIRTY | NB_PTE_EXCLUSIVE;

	if (v->prot & NB_PROT_WRITE)
		bits |= NB_PTE_WRITE;
	leaf->entry[i] |= bits;
	nb_count_vm_event(t->sys, t->cpu, NB_VM_PGREUSE);
}

/* The old page loses this mapping. */
static void drop_old(struct nb_task *t, uint64_t pte)
{
	struct nb_zone *z = NULL;
	struct nb_page *old = nb_pfn_to_page(t->sys, nb_pte_pfn(pte), &z);

	nb_rmap_remove(t->mm, z, old, 1);
	nb_munlock_page(t, z, old);
	nb_put_page(t->sys, z, old, t->cpu);
}

/* A new page in place of what the entry holds: a page, or zeros. */
static int copy(struct nb_task *t, struct nb_vma *v, uint64_t addr, struct nb_ptable *leaf,
		unsigned i)
{
	uint64_t pte = leaf->entry[i];
	bool zeros = pte & NB_PTE_ZERO;
	struct nb_zone *z = NULL, *oldz = NULL;
	struct nb_page *page, *old;
	nb_pfn_t pfn;

	if (nb_anon_prepare(v))
		return -NB_ENOMEM;
	old = zeros ? NULL : nb_pfn_to_page(t->sys, nb_pte_pfn(pte), &oldz);
	/* held, so that reclaim does not give the frame to somebody else meanwhile */
	if (old)
		nb_get_page(t->sys, old);
	pfn = nb_fault_alloc(t, v, addr, zeros ? NB_FAULT_GFP : NB_GFP_HIGHUSER_MOVABLE);
	page = pfn == NB_NO_PFN ? NULL : nb_pfn_to_page(t->sys, pfn, &z);
	if (page && old)
		nb_copy_page_bytes(oldz, old, z, page);
	if (old)
		nb_put_page(t->sys, oldz, old, t->cpu);
	if (!page)
		return -NB_ENOMEM;
	if (nb_unlikely(nb_pte_pfn(leaf->entry[i]) != nb_pte_pfn(pte) ||
			!(leaf->entry[i] & NB_PTE_PRESENT))) {
		nb_put_page(t->sys, z, page, t->cpu);
		return 0;
	}
	nb_fault_map_anon(t, v, addr, z, page, leaf, i);
	if (old)
		drop_old(t, pte);
	return 0;
}

int nb_wp_fault(struct nb_task *t, struct nb_vma *v, uint64_t addr, struct nb_ptable *leaf,
		unsigned i)
{
	uint64_t pte = leaf->entry[i];
	struct nb_zone *z = NULL;
	struct nb_page *page;

	if (pte & NB_PTE_ZERO)
		return copy(t, v, addr, leaf, i);
	page = nb_pfn_to_page(t->sys, nb_pte_pfn(pte), &z);
	if (v->shared) {
		nb_wp_shared(t, v, z, page, leaf, i);
		return 0;
	}
	if (!(nb_page_flags(page) & PG_ANON))
		return copy(t, v, addr, leaf, i);
	if (!(pte & NB_PTE_EXCLUSIVE) && nb_page_flags(page) & PG_SWAPCACHE)
		(void)nb_swap_try_free_cached(t->sys, z, page, t->cpu);
	if (pte & NB_PTE_EXCLUSIVE || sole_owner(t->sys, z, page)) {
		reuse(t, v, leaf, i);
		return 0;
	}
	return copy(t, v, addr, leaf, i);
}
