/* fault.c -- what happens when a program reaches for an address: pages come into its tables.
 *
 * Called by mmap.c (nb_touch, populate). A write to private memory takes a zeroed page where the
 * VMA's policy (or the task's) wants it; a read maps the shared page of zeros, which belongs to no
 * node and counts nowhere, and a later write replaces it (cow.c, as all writes to what is mapped
 * read-only). Page tables are made first, then the page, as in Linux, so the allocator sees the
 * same requests in the same order. An allocation may reclaim, also from this address space: what an
 * entry held is read again after it. Base pages only: huge pages are decided before this.
 * Under the mm's lock. Units: pages; addresses in bytes.
 * Source: mm/memory.c, handle_pte_fault(), do_anonymous_page(); facts 10.1.
 */
#include "mm/fault.h"

#include "mm/balancing.h"
#include "mm/event.h"
#include "mm/huge_memory.h"
#include "mm/hugetlb.h"
#include "mm/oom.h"
#include "mm/lru.h"
#include "mm/memcg.h"
#include "mm/mmap.h"
#include "mm/page_alloc.h"
#include "mm/rmap.h"
#include "mm/swap.h"
#include "mm/shared_policy.h"
#include "mm/swap.h"
#include "mm/vmstat.h"

#define ERROR_USER 4u /* bits of x86's page fault error code */
#define ERROR_WRITE 2u
#define MAX_TRIES 64
#define FOLIO_SINCE 5018u /* user pages are asked for as folios: __GFP_COMP */

nb_gfp_t nb_fault_gfp(const struct nb_system *sys, nb_gfp_t gfp)
{
	return nb_likely(sys->profile->version >= FOLIO_SINCE) ? gfp | NB_GFP_BIT_COMP : gfp;
}

/* The task's group pays for the page, or it goes back. */
static inline nb_pfn_t charged(struct nb_task *t, nb_pfn_t pfn, nb_gfp_t gfp)
{
	struct nb_zone *z = NULL;
	struct nb_page *page;

	if (nb_likely(!t->memcg) || pfn == NB_NO_PFN)
		return pfn;
	page = nb_pfn_to_page(t->sys, pfn, &z);
	if (nb_memcg_charge(t, z, page, gfp))
		return pfn;
	nb_put_page(t->sys, z, page, t->cpu);
	return NB_NO_PFN;
}

/* What is done here for a page, fault_run.c does for many. */
nb_pfn_t nb_fault_alloc(struct nb_task *t, const struct nb_vma *v, uint64_t addr, nb_gfp_t gfp)
{
	struct nb_mempolicy *pol;
	uint64_t index;
	nb_pfn_t pfn;

	gfp = nb_fault_gfp(t->sys, gfp);
	if (nb_likely(!v->file))
		return charged(t,
			       nb_mpol_alloc(t, v->policy ? v->policy : t->policy, gfp, 0,
					     nb_vma_pgoff(v, addr)),
			       gfp);
	pol = nb_vma_policy(t, v, addr, 0, &index);
	pfn = nb_mpol_alloc(t, pol, gfp, 0, index);
	nb_mpol_put(t->sys, pol);
	return charged(t, pfn, gfp);
}

void nb_fault_map_anon(struct nb_task *t, struct nb_vma *v, uint64_t addr, struct nb_zone *z,
		       struct nb_page *page, struct nb_ptable *leaf, unsigned i)
{
	unsigned bits = NB_PTE_PRESENT | NB_PTE_ACCESSED | NB_PTE_DIRTY | NB_PTE_EXCLUSIVE;

	if (nb_likely(v->prot & NB_PROT_WRITE))
		bits |= NB_PTE_WRITE;
	nb_rmap_add_new_anon(v, addr, z, page);
	if (nb_unlikely(v->flags & NB_VM_LOCKED))
		nb_mlock_page(t, z, page);
	nb_lru_add_fault(t->sys, z, page, t->cpu);
	nb_pt_set(leaf, i, nb_pte_make(nb_zone_page_pfn(z, page), bits));
}

/* Private memory, written first: do_anonymous_page(). */
static int anonymous_page(struct nb_task *t, struct nb_vma *v, uint64_t addr,
			  struct nb_ptable *leaf, unsigned i)
{
	struct nb_page *page;
	struct nb_zone *z = NULL;
	nb_pfn_t pfn;

	if (nb_anon_prepare(v))
		return -NB_ENOMEM;
	pfn = nb_fault_alloc(t, v, addr, NB_FAULT_GFP);
	if (nb_unlikely(pfn == NB_NO_PFN))
		return -NB_ENOMEM;
	page = nb_pfn_to_page(t->sys, pfn, &z);
	nb_fault_map_anon(t, v, addr, z, page, leaf, i);
	return 0;
}

/* Nothing is there. */
static inline int fault_none(struct nb_task *t, struct nb_vma *v, uint64_t addr, bool write,
			     struct nb_ptable *leaf, unsigned i)
{
	if (nb_unlikely(v->file != NULL))
		return nb_fault_file(t, v, addr, write, leaf, i);
	if (nb_likely(write))
		return anonymous_page(t, v, addr, leaf, i);
	nb_pt_set(leaf, i, NB_PTE_PRESENT | NB_PTE_ZERO | NB_PTE_ACCESSED);
	return 0;
}

/* Does the access go through without a fault? Its traces are left in the entry. */
static inline bool access_ok(uint64_t *entry, bool write)
{
	uint64_t pte = *entry;

	if ((pte & (NB_PTE_PRESENT | NB_PTE_HINT)) != NB_PTE_PRESENT ||
	    (write && !(pte & NB_PTE_WRITE)))
		return false;
	pte |= write ? NB_PTE_ACCESSED | NB_PTE_DIRTY : NB_PTE_ACCESSED;
	if (*entry != pte)
		*entry = pte;
	return true;
}

/* Something is there that the access cannot use as it is. */
static int fault_entry(struct nb_task *t, struct nb_vma *v, uint64_t addr, bool write,
		       struct nb_ptable *leaf, unsigned i)
{
	int err;

	if (leaf->entry[i] & NB_PTE_POISON)
		return -NB_EFAULT;
	if (leaf->entry[i] & NB_PTE_SWAP) {
		err = nb_swap_in(t, v, addr, leaf, i, write);
		if (err < 0)
			return err;
	} else if (leaf->entry[i] & NB_PTE_HINT) {
		nb_numa_hint_fault(t, v, addr, leaf, i, write);
	}
	/* what is still missing may be taken at once, unless it went away again */
	if (access_ok(&leaf->entry[i], write) || !write ||
	    (leaf->entry[i] & (NB_PTE_PRESENT | NB_PTE_HINT)) != NB_PTE_PRESENT)
		return 0;
	return nb_wp_fault(t, v, addr, leaf, i);
}

/* Until the access goes through: reclaim in an allocation may take away what was just brought in.
 */
static int fault_one(struct nb_task *t, struct nb_vma *v, uint64_t addr, bool write,
		     struct nb_ptable *leaf, unsigned i)
{
	int err, tries = MAX_TRIES;

	do {
		if (nb_event_wanted(t->sys, NB_EV_PAGE_FAULT_USER))
			nb_emit(t->sys, NB_EV_PAGE_FAULT_USER, t->cpu, t, addr, 0,
				ERROR_USER | (write ? ERROR_WRITE : 0));
		err = nb_likely(!leaf->entry[i]) ? fault_none(t, v, addr, write, leaf, i)
						 : fault_entry(t, v, addr, write, leaf, i);
		if (nb_unlikely(err))
			return err;
		if (nb_likely(access_ok(&leaf->entry[i], write)))
			return 0;
	} while (--tries);
	return -NB_ENOMEM;
}

/* The part of [*addr, end) that one leaf covers; *addr moves on. */
static int fault_leaf(struct nb_task *t, struct nb_vma *v, uint64_t *addr, uint64_t end, bool write,
		      uint64_t *faulted)
{
	struct nb_mm *mm = t->mm;
	uint64_t page = UINT64_C(1) << mm->shape.page_shift;
	struct nb_ptable *leaf = nb_pt_make_leaf(t, *addr);
	uint64_t stop = (*addr & ~(nb_pt_leaf_span(mm) - 1)) + nb_pt_leaf_span(mm);
	unsigned i = nb_pt_index(mm, *addr);

	if (!leaf)
		return -NB_ENOMEM;
	if (stop > end)
		stop = end;
	for (; *addr < stop; *addr += page, i++) {
		int err;

		if (access_ok(&leaf->entry[i], write))
			continue;
		if (write && !leaf->entry[i]) {
			unsigned max = (unsigned)((stop - *addr) >> mm->shape.page_shift);
			unsigned n = nb_fault_anon_run(t, v, *addr, leaf, i, max);

			if (n) {
				*faulted += n;
				*addr += (n - 1) * page;
				i += n - 1;
				continue;
			}
		}
		err = fault_one(t, v, *addr, write, leaf, i);
		if (nb_unlikely(err))
			return err;
		++*faulted;
		if (nb_unlikely(t->flags & (NB_PF_OOM_VICTIM | NB_PF_MEMCG_HIGH))) {
			if (t->flags & NB_PF_MEMCG_HIGH)
				nb_memcg_over_high(t);
			if (nb_fatal_signal(t)) /* killed in the middle: it does not go on */
				return -NB_ENOMEM;
		}
	}
	return 0;
}

int nb_fault_range(struct nb_task *t, struct nb_vma *v, uint64_t start, uint64_t end, bool write,
		   uint64_t *faulted)
{
	int need = write ? NB_PROT_WRITE : NB_PROT_READ | NB_PROT_WRITE | NB_PROT_EXEC;
	uint64_t before = *faulted, addr = start;
	int err = 0;

	if (nb_unlikely(v->flags & NB_VM_HUGETLB))
		return nb_hugetlb_fault_range(t, v, start, end, write, faulted);
	if (!(v->prot & need))
		return -NB_EFAULT;
	while (!err && addr < end) {
		if (nb_unlikely(nb_thp_wanted(v)) &&
		    nb_thp_fault(t, v, &addr, end, write, faulted, &err))
			continue;
		err = fault_leaf(t, v, &addr, end, write, faulted);
	}
	nb_count_vm_events(t->sys, t->cpu, NB_VM_PGFAULT, *faulted - before + (err != 0));
	nb_memcg_count(t->memcg, NB_MEMCG_PGFAULT, *faulted - before + (err != 0));
	return err;
}
