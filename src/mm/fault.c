/* fault.c -- first touch: where a page comes from when a program reaches for it.
 *
 * Called by task.c. A write to private memory takes a zeroed page where the VMA's policy (or the
 * task's) wants it; a read maps the shared page of zeros, which belongs to no node and counts
 * nowhere, and a later write replaces it. Shared anonymous memory always gets pages of its own.
 * Page tables are made first, then the page, as in Linux, so the allocator sees the same requests
 * in the same order. Base pages only: huge pages are a decision of their own, made before this.
 * Units: pages; addresses in bytes.
 * Source: mm/memory.c, do_anonymous_page(), wp_page_copy(), zap_pte_range(); facts 10.1.
 */
#include "mm/fault.h"

#include "mm/event.h"
#include "mm/page_alloc.h"
#include "mm/vmstat.h"

#define FAULT_GFP (NB_GFP_HIGHUSER_MOVABLE | NB_GFP_BIT_ZERO)
#define ERROR_USER 4u /* bits of x86's page fault error code */
#define ERROR_WRITE 2u

static const struct nb_mempolicy *policy_of(const struct nb_task *t, const struct nb_vma *v)
{
	return v->policy ? v->policy : t->policy;
}

/* What interleaving over a mapping goes by. */
static uint64_t page_index(const struct nb_mm *mm, const struct nb_vma *v, uint64_t addr)
{
	return v->inode + v->pgoff + ((addr - v->start) >> mm->shape.page_shift);
}

static void count_page(struct nb_mm *mm, struct nb_zone *z, bool shared, int64_t n)
{
	mm->rss_pages += (uint64_t)n;
	mm->zone_rss[z->pgdat->index * NB_MAX_NR_ZONES + z->type] += (uint64_t)n;
	nb_stat_add(mm->sys, shared ? &z->nr_file : &z->nr_anon, n);
}

/* A page for addr, mapped there. */
static uint64_t new_page(struct nb_task *t, const struct nb_vma *v, uint64_t addr, nb_gfp_t gfp)
{
	struct nb_mm *mm = t->mm;
	uint64_t index = page_index(mm, v, addr);
	nb_pfn_t pfn = nb_mpol_alloc(t, policy_of(t, v), gfp, 0, index);
	struct nb_page *page;
	struct nb_zone *z = NULL;

	if (pfn == NB_NO_PFN)
		return 0;
	page = nb_pfn_to_page(t->sys, pfn, &z);
	nb_page_set_flags(page, page->flags | PG_LRU | PG_SWAPBACKED |
					(v->shared ? 0 : (uint32_t)PG_ANON));
	page->mapcount = 1;
	page->mapping = mm->id;
	page->index = index & ((UINT64_C(1) << 40) - 1);
	count_page(mm, z, v->shared, 1);
	return nb_pte_make(pfn, NB_PTE_PRESENT | (v->prot & NB_PROT_WRITE ? NB_PTE_WRITE : 0));
}

static void drop_page(struct nb_task *t, nb_pfn_t pfn)
{
	struct nb_zone *z = NULL;
	struct nb_page *page = nb_pfn_to_page(t->sys, pfn, &z);

	count_page(t->mm, z, !(page->flags & PG_ANON), -1);
	page->mapcount = 0;
	page->mapping = 0;
	nb_free_page_block(z, page, 0, t->cpu);
}

static bool is_mapped(uint64_t pte, bool write)
{
	return pte & NB_PTE_PRESENT && (!write || !(pte & NB_PTE_ZERO));
}

static bool fault_one(struct nb_task *t, const struct nb_vma *v, uint64_t addr, bool write,
		      struct nb_ptable *leaf, unsigned i)
{
	uint64_t pte;

	if (nb_event_wanted(t->sys, NB_EV_PAGE_FAULT_USER))
		nb_emit(t->sys, NB_EV_PAGE_FAULT_USER, t->cpu, t, addr, 0,
			ERROR_USER | (write ? ERROR_WRITE : 0));
	if (!write && !v->shared) {
		pte = NB_PTE_PRESENT | NB_PTE_ZERO;
	} else {
		pte = new_page(t, v, addr, FAULT_GFP);
		if (!pte)
			return false;
		leaf->nr_pages++;
	}
	leaf->nr += leaf->entry[i] == 0;
	leaf->entry[i] = pte;
	return true;
}

/* The part of [*addr, end) that one leaf covers; *addr moves on. */
static int fault_leaf(struct nb_task *t, const struct nb_vma *v, uint64_t *addr, uint64_t end,
		      bool write, uint64_t *faulted)
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
		if (is_mapped(leaf->entry[i], write))
			continue;
		if (nb_unlikely(!fault_one(t, v, *addr, write, leaf, i)))
			return -NB_ENOMEM;
		++*faulted;
	}
	return 0;
}

int nb_fault_range(struct nb_task *t, const struct nb_vma *v, uint64_t start, uint64_t end,
		   bool write, uint64_t *faulted)
{
	int need = write ? NB_PROT_WRITE : NB_PROT_READ | NB_PROT_WRITE | NB_PROT_EXEC;
	uint64_t before = *faulted, addr = start;
	int err = 0;

	if (!(v->prot & need))
		return -NB_EFAULT;
	while (!err && addr < end)
		err = fault_leaf(t, v, &addr, end, write, faulted);
	nb_count_vm_events(t->sys, t->cpu, NB_VM_PGFAULT, *faulted - before + (err != 0));
	return err;
}

void nb_zap_range(struct nb_task *t, uint64_t start, uint64_t end)
{
	struct nb_mm *mm = t->mm;
	struct nb_ptable *leaf;

	while ((leaf = nb_pt_next_leaf(mm, &start, end))) {
		uint64_t stop = (start & ~(nb_pt_leaf_span(mm) - 1)) + nb_pt_leaf_span(mm);
		unsigned i = nb_pt_index(mm, start), n;

		if (stop > end)
			stop = end;
		n = (unsigned)((stop - start) >> mm->shape.page_shift);
		for (start = stop; n && leaf->nr; i++, n--) {
			uint64_t pte = leaf->entry[i];
			nb_pfn_t pfn = nb_pte_pfn(pte);

			if (!pte)
				continue;
			leaf->entry[i] = 0;
			leaf->nr--;
			if (pfn == NB_NO_PFN)
				continue;
			leaf->nr_pages--;
			drop_page(t, pfn);
		}
	}
}
