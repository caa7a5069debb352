/* task_info.c -- looking at an address space: what is mapped, what is there, where it lies.
 *
 * Called by views and drivers through include/numabox/task.h; changes nothing. Sums are counted
 * from page tables when asked for: O(mapped pages of the VMA). Source: fs/proc/task_mmu.c,
 * gather_stats(), smaps_account(), smaps_pte_entry(), task_mem(); mm/migrate.c, do_pages_stat().
 */
#include "base/mem.h"
#include "mm/address_space.h"
#include "mm/huge_memory.h"
#include "mm/hugetlb.h"
#include "mm/mmap.h"
#include "mm/pt_huge.h"
#include "mm/rmap.h"
#include "mm/swap.h"

#define PSS_SHIFT 12

nb_pfn_t nb_task_pfn(const struct nb_task *t, uint64_t addr)
{
	if (!t->alive || addr >= t->mm->task_size)
		return NB_NO_PFN;
	return nb_pte_pfn(nb_pt_lookup(t->mm, addr));
}

int nb_task_node(const struct nb_task *t, uint64_t addr)
{
	struct nb_zone *z;
	uint64_t pte;

	if (!t->alive)
		return -NB_ESRCH;
	if (!nb_vma_find(t->mm, addr))
		return -NB_EFAULT;
	pte = nb_pt_lookup(t->mm, addr);
	if (nb_pte_pfn(pte) != NB_NO_PFN) {
		(void)nb_pfn_to_page(t->sys, nb_pte_pfn(pte), &z);
		return z->pgdat->nid;
	}
	return pte & NB_PTE_ZERO ? -NB_EFAULT : -NB_ENOENT;
}

static unsigned info_flags(const struct nb_mm *mm, const struct nb_vma *v)
{
	static const struct {
		unsigned vm, info;
	} map[] = {
		{NB_VM_LOCKED, NB_VMA_LOCKED},         {NB_VM_HUGETLB, NB_VMA_HUGETLB},
		{NB_VM_GROWSDOWN, NB_VMA_GROWSDOWN},   {NB_VM_HUGEPAGE, NB_VMA_HUGEPAGE},
		{NB_VM_NOHUGEPAGE, NB_VMA_NOHUGEPAGE}, {NB_VM_DONTFORK, NB_VMA_DONTFORK},
		{NB_VM_WIPEONFORK, NB_VMA_WIPEONFORK}, {NB_VM_NORESERVE, NB_VMA_NORESERVE},
		{NB_VM_SEQ_READ, NB_VMA_SEQ_READ},     {NB_VM_RAND_READ, NB_VMA_RAND_READ},
		{NB_VM_DONTDUMP, NB_VMA_DONTDUMP},     {NB_VM_LOCKONFAULT, NB_VMA_LOCKONFAULT},
		{NB_VM_ACCOUNT, NB_VMA_ACCOUNT},
	};
	unsigned flags = 0;

	for (unsigned i = 0; i < sizeof(map) / sizeof(map[0]); i++)
		flags |= v->flags & map[i].vm ? map[i].info : 0;
	if (!v->file && mm->brk > mm->start_brk && v->start <= mm->brk && v->end >= mm->start_brk)
		flags |= NB_VMA_HEAP;
	if (!v->file && mm->stack_top && v->start < mm->stack_top && v->end >= mm->stack_top)
		flags |= NB_VMA_STACK;
	if (v->file && nb_as_is_shmem(v->file))
		flags |= NB_VMA_SHMEM;
	return flags;
}

/* The walk over a VMA, for whichever sums are wanted. */
struct count {
	const struct nb_task *t;
	const struct nb_vma *v;
	struct nb_vma_pages *sum;
};

static void count_swap(const struct count *c, uint64_t pte)
{
	unsigned maps = nb_swap_count(c->t->sys, nb_pte_swp(pte));

	c->sum->swap++; /* the share is shifted until the end */
	c->sum->swap_pss_bytes += (nb_mm_page_bytes(c->t->mm) << PSS_SHIFT) / (maps > 1 ? maps : 1);
}

/* smaps' part: whose a page is, in shares. */
static void count_share(const struct count *c, const struct nb_page *page, uint64_t pte,
			uint64_t pages)
{
	uint64_t bytes = pages * nb_mm_page_bytes(c->t->mm);
	int32_t maps = __atomic_load_n(&page->mapcount, __ATOMIC_RELAXED);
	bool dirty = pte & NB_PTE_DIRTY || nb_page_flags(page) & PG_DIRTY;
	uint64_t pss = (bytes << PSS_SHIFT) / (uint64_t)(maps > 1 ? maps : 1);

	if (maps > 1)
		*(dirty ? &c->sum->shared_dirty : &c->sum->shared_clean) += pages;
	else
		*(dirty ? &c->sum->private_dirty : &c->sum->private_clean) += pages;
	c->sum->pss_bytes += pss; /* shifted until the end */
	if (dirty)
		c->sum->pss_dirty_bytes += pss;
	if (c->v->flags & NB_VM_LOCKED)
		c->sum->locked_pss_bytes += pss;
	if (pte & NB_PTE_ACCESSED || nb_page_flags(page) & PG_REFERENCED)
		c->sum->referenced += pages;
	if ((nb_page_flags(page) & (PG_ANON | PG_SWAPBACKED | PG_DIRTY)) == PG_ANON &&
	    !(pte & NB_PTE_DIRTY))
		c->sum->lazyfree += pages;
}

/* numa_maps' part, and the sums of both. `pages` base pages behind one entry. */
static void count_entry(const struct count *c, uint64_t pte, uint64_t pages)
{
	struct nb_vma_pages *s = c->sum;
	nb_pfn_t pfn = nb_pte_pfn(pte);
	struct nb_zone *z = NULL;
	const struct nb_page *page;
	uint32_t flags;
	uint64_t maps;

	if (pte & NB_PTE_SWAP)
		count_swap(c, pte);
	if (pfn == NB_NO_PFN)
		return;
	page = nb_pfn_to_page(c->t->sys, pfn, &z);
	flags = nb_page_flags(page);
	maps = (uint64_t)__atomic_load_n(&page->mapcount, __ATOMIC_RELAXED);
	s->pages += pages;
	s->anon += flags & PG_ANON ? pages : 0;
	s->dirty += pte & NB_PTE_DIRTY || flags & PG_DIRTY ? pages : 0;
	s->swapcache += flags & PG_SWAPCACHE ? pages : 0;
	s->active += flags & (PG_ACTIVE | PG_UNEVICTABLE) ? pages : 0;
	s->writeback += flags & PG_WRITEBACK ? pages : 0;
	s->mapcount_max = maps > s->mapcount_max ? maps : s->mapcount_max;
	s->node_pages[z->pgdat->nid] += pages;
	if (pages > 1 && !(c->v->flags & NB_VM_HUGETLB))
		*(flags & PG_ANON         ? &s->anon_huge
		  : flags & PG_SWAPBACKED ? &s->shmem_huge
					  : &s->file_huge) += pages;
	if (c->v->flags & NB_VM_HUGETLB) {
		*(maps > 1 ? &s->shared_hugetlb : &s->private_hugetlb) += pages;
		return;
	}
	count_share(c, page, pte, pages);
}

/* The entry above the leaves that covers addr and holds a huge page, else 0; *ret_pages: what an
 * entry of that level covers, base pages. */
static uint64_t huge_at(const struct nb_mm *mm, uint64_t addr, uint64_t *ret_pages)
{
	for (unsigned level = mm->shape.levels - 1u; level; level--) {
		const struct nb_ptable *table = nb_pt_table(mm, addr, level);
		uint64_t entry = table ? table->entry[nb_pt_entry_index(mm, level, addr)] : 0;

		*ret_pages = UINT64_C(1) << (mm->shape.bits * level);
		if (!entry || nb_pt_is_huge(entry))
			return entry;
	}
	return 0;
}

static void count_vma(const struct count *c)
{
	const struct nb_mm *mm = c->t->mm;
	uint64_t page = nb_mm_page_bytes(mm), at = c->v->start, end = c->v->end;

	for (; c->v->flags & NB_VM_HUGETLB && at < end; at += c->sum->kernel_page_bytes)
		count_entry(c, nb_pt_lookup(mm, at), c->sum->kernel_page_bytes / page);
	while (at < end) {
		const struct nb_ptable *leaf = nb_pt_leaf(mm, at);
		uint64_t pages = 1, pte;

		if (leaf) {
			count_entry(c, leaf->entry[nb_pt_index(mm, at)], 1);
			at += page;
			continue;
		}
		pte = huge_at(mm, at, &pages);
		if (pte)
			count_entry(c, pte, pages);
		at = (at & ~(pages * page - 1)) + pages * page;
	}
}

/* Settings and advice allow huge pages, and one fits in, aligned. Source: show_smap(),
 * thp_vma_suitable_order(). */
static bool thp_eligible(const struct nb_vma *v)
{
	uint64_t huge = nb_thp_bytes(v->mm), first = (v->start + huge - 1) & ~(huge - 1);

	return nb_thp_enabled(v) && first >= v->start && first < v->end && v->end - first >= huge;
}

bool nb_task_vma_pages(const struct nb_task *t, unsigned i, struct nb_vma_pages *ret_pages)
{
	const struct nb_vma *v = t->alive ? nb_vma_at(t->mm, i) : NULL;
	struct count c = {t, v, ret_pages};

	if (!v)
		return false;
	memset(ret_pages, 0, sizeof(*ret_pages));
	ret_pages->kernel_page_bytes = nb_mm_page_bytes(t->mm);
	if (v->flags & NB_VM_HUGETLB && v->file && v->file->private_data)
		ret_pages->kernel_page_bytes = nb_hstate_bytes(
			t->sys, ((const struct nb_huge_file *)v->file->private_data)->h);
	ret_pages->mmu_page_bytes = ret_pages->kernel_page_bytes;
	ret_pages->thp_eligible = thp_eligible(v);
	count_vma(&c);
	ret_pages->mapped = ret_pages->pages;
	ret_pages->pss_bytes >>= PSS_SHIFT;
	ret_pages->pss_dirty_bytes >>= PSS_SHIFT;
	ret_pages->swap_pss_bytes >>= PSS_SHIFT;
	ret_pages->locked_pss_bytes >>= PSS_SHIFT;
	return true;
}

static uint64_t anon_pages(const struct nb_mm *mm, const struct nb_vma *v)
{
	uint64_t sum = 0, start = v->start;
	const struct nb_ptable *leaf;

	while ((leaf = nb_pt_next_leaf(mm, &start, v->end))) {
		uint64_t stop = (start & ~(nb_pt_leaf_span(mm) - 1)) + nb_pt_leaf_span(mm);
		unsigned i = nb_pt_index(mm, start);

		if (i == 0 && stop <= v->end) {
			sum += leaf->nr_pages;
			start = stop;
			continue;
		}
		for (; start < stop && start < v->end; start += nb_mm_page_bytes(mm), i++)
			sum += nb_pte_pfn(leaf->entry[i]) != NB_NO_PFN;
	}
	return sum;
}

bool nb_task_vma(const struct nb_task *t, unsigned i, struct nb_vma_info *ret_info)
{
	const struct nb_vma *v = t->alive ? nb_vma_at(t->mm, i) : NULL;

	if (!v)
		return false;
	memset(ret_info, 0, sizeof(*ret_info));
	ret_info->start = v->start;
	ret_info->end = v->end;
	ret_info->prot = v->prot;
	ret_info->shared = v->shared;
	nb_mpol_show(v->policy, &ret_info->policy_mode, &ret_info->policy_nodes);
	if (!v->policy)
		ret_info->policy_mode = -1;
	ret_info->anon_pages = anon_pages(t->mm, v);
	ret_info->pgoff_pages = v->pgoff;
	ret_info->inode = v->inode;
	ret_info->flags = info_flags(t->mm, v);
	if (v->file) {
		ret_info->inode = v->file->ino;
		ret_info->file_name = v->file->name;
	}
	return true;
}

void nb_task_memory(const struct nb_task *t, struct nb_task_memory *ret_memory)
{
	const struct nb_mm *mm = t->mm;

	memset(ret_memory, 0, sizeof(*ret_memory));
	if (!t->alive)
		return;
	ret_memory->total = mm->total_pages;
	ret_memory->locked = mm->locked_pages;
	ret_memory->anon = mm->anon_pages;
	ret_memory->file = mm->file_pages;
	ret_memory->shmem = mm->shmem_pages;
	ret_memory->swap_entries = mm->swap_entries;
	ret_memory->hugetlb = mm->hugetlb_pages;
	ret_memory->page_table_pages = mm->nr_ptables + 1;
	ret_memory->nr_vmas = mm->nr_vmas;
	ret_memory->start_brk = mm->start_brk;
	ret_memory->brk = mm->brk;
	ret_memory->stack_top = mm->stack_top;
	for (const struct nb_vma *v = nb_vma_first_above(mm, 0); v;
	     v = nb_vma_first_above(mm, v->end)) {
		uint64_t pages = (v->end - v->start) >> mm->shape.page_shift;

		if (v->flags & NB_VM_GROWSDOWN)
			ret_memory->stack += pages;
		else if (v->prot & NB_PROT_WRITE && !v->shared)
			ret_memory->data += pages;
	}
}
