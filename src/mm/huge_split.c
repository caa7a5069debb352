/* huge_split.c -- a huge page becomes base pages.
 *
 * Called through huge_memory.h. First every entry that maps the page becomes a leaf (one waits
 * behind each), then the page becomes single pages that are each mapped as often. Nothing is
 * allocated. In threaded systems the other address spaces' locks are tried, all or none.
 * Source: mm/huge_memory.c: __split_huge_pmd_locked(), split_huge_page_to_list_to_order().
 */
#include "mm/huge_memory.h"

#include "mm/hugetlb.h"
#include "mm/lru.h"
#include "mm/memcg.h"
#include "mm/rmap.h"
#include "mm/vmstat.h"

/* The entry gives way to the leaf behind it. */
static void split_one(struct nb_mm *mm, struct nb_ptable *table, uint64_t *entry, int cpu)
{
	struct nb_ptable *leaf = table->deposit;
	uint64_t pte = *entry & ~(uint64_t)NB_PTE_HUGE;

	table->deposit = leaf->deposit;
	leaf->deposit = NULL;
	for (unsigned i = 0; i < 1u << mm->shape.bits; i++) {
		nb_pt_set(leaf, i, pte);
		if (!(pte & NB_PTE_ZERO))
			pte += UINT64_C(1) << NB_PTE_SHIFT;
	}
	nb_pt_set(table, (unsigned)(entry - table->entry), 0);
	*entry = (uintptr_t)leaf;
	table->nr++;
	mm->huge_entries--;
	nb_count_vm_event(mm->sys, cpu, NB_VM_THP_SPLIT_PMD);
}

struct split {
	struct nb_system *sys;
	nb_pfn_t pfn;
	uint64_t pgoff;
	const struct nb_mm *own; /* is locked by the caller */
	int holder;              /* the CPU whose task may have its mm locked, or -1 */
	int cpu;
	struct nb_rmap *r;
};

static int take(void *arg, struct nb_vma *v)
{
	const struct split *s = arg;
	int got;

	if (v->mm == s->own || atomic_load_explicit(&v->mm->held_by, memory_order_relaxed) == s->r)
		return 0;
	got = nb_mm_trylock(v->mm, s->holder);
	if (got == 1)
		atomic_store_explicit(&v->mm->held_by, s->r, memory_order_relaxed);
	return got ? 0 : -NB_EAGAIN;
}

static int let_go(void *arg, struct nb_vma *v)
{
	const struct split *s = arg;

	if (atomic_load_explicit(&v->mm->held_by, memory_order_relaxed) != s->r)
		return 0;
	atomic_store_explicit(&v->mm->held_by, NULL, memory_order_relaxed);
	nb_mm_unlock(v->mm);
	return 0;
}

static int split_mapping(void *arg, struct nb_vma *v)
{
	const struct split *s = arg;
	uint64_t addr = nb_vma_address(v, s->pgoff), *entry;
	struct nb_ptable *table;

	if (addr == UINT64_MAX)
		return 0;
	entry = nb_pt_huge_entry(v->mm, addr, &table);
	if (entry && nb_pt_is_huge(*entry) && nb_pte_pfn(*entry) == s->pfn)
		split_one(v->mm, table, entry, s->cpu);
	return 0;
}

/* The page falls apart; `extra` references besides those of its mappings stay with the head. Where
 * it was taken off its list, only the head stays off. */
static void break_up(struct nb_system *sys, struct nb_zone *z, struct nb_page *page, uint32_t extra,
		     int cpu)
{
	const uint32_t keep = PG_ANON | PG_SWAPBACKED | PG_DIRTY | PG_REFERENCED | PG_ACTIVE |
			      PG_UNEVICTABLE | PG_MLOCKED | PG_WORKINGSET;
	uint32_t flags = nb_page_flags(page), maps = (uint32_t)nb_page_mapcount(page);
	uint64_t pages = UINT64_C(1) << nb_flags_order(flags), index = nb_page_index(page);
	bool listed = flags & (PG_LRU | PG_LRU_BATCH);

	if (listed)
		nb_lru_del(sys, z, page, cpu);
	nb_memcg_split(z, page, pages);
	for (uint64_t i = 0; i < pages; i++) {
		struct nb_page *p = page + i;

		nb_page_set_flags(p, PG_ALLOCATED | z->page_bits |
					     (flags & (i ? keep : keep | PG_LOCKED)));
		p->refcount = maps + (i ? 0 : extra);
		p->mapcount = (int32_t)maps;
		p->mapping = page->mapping;
		nb_page_set_index(sys, p, index + i);
		p->cpupid = page->cpupid;
		p->refs = 0;
		if (listed || i)
			nb_lru_add(sys, z, p, cpu);
	}
	nb_thp_count(sys, z, -1);
}

static int split_page(struct nb_system *sys, struct nb_zone *z, struct nb_page *page,
		      const struct nb_mm *own, uint32_t extra, int holder, int cpu)
{
	struct nb_rmap *r = nb_rmap_lock_object(sys, nb_page_owner(page));
	struct split s = {sys, nb_zone_page_pfn(z, page), nb_page_index(page), own, holder, cpu, r};
	int err = 0;

	if (!r)
		return -NB_EAGAIN;
	if (sys->port->relax)
		err = nb_rmap_tree_walk(r, s.pgoff, s.pgoff, take, &s);
	if (!err && nb_page_refcount(page) != (uint32_t)nb_page_mapcount(page) + extra)
		err = -NB_EAGAIN;
	if (!err) {
		(void)nb_rmap_tree_walk(r, s.pgoff, s.pgoff, split_mapping, &s);
		break_up(sys, z, page, extra, cpu);
	}
	if (sys->port->relax)
		(void)nb_rmap_tree_walk(r, s.pgoff, s.pgoff, let_go, &s);
	nb_unlock(&r->lock, sys->port);
	return err;
}

int nb_thp_split_page(struct nb_system *sys, struct nb_zone *z, struct nb_page *page, int holder,
		      int cpu)
{
	int err = split_page(sys, z, page, NULL, 1, holder, cpu);

	nb_count_vm_event(sys, cpu, err ? NB_VM_THP_SPLIT_PAGE_FAILED : NB_VM_THP_SPLIT_PAGE);
	return err;
}

int nb_thp_split_entry(struct nb_mm *mm, uint64_t haddr, int cpu)
{
	struct nb_ptable *table;
	uint64_t *entry = nb_pt_huge_entry(mm, haddr, &table);
	struct nb_zone *z = NULL;
	struct nb_page *page;

	if (!entry || !nb_pt_is_huge(*entry))
		return 0;
	if (*entry & NB_PTE_ZERO) {
		split_one(mm, table, entry, cpu);
		nb_thp_zero_put(mm->sys);
		return 0;
	}
	page = nb_pfn_to_page(mm->sys, nb_pte_pfn(*entry), &z);
	return split_page(mm->sys, z, page, mm, 0, cpu, cpu);
}

int nb_thp_split_range(struct nb_mm *mm, uint64_t start, uint64_t end, int cpu)
{
	struct nb_ptable *table;
	int err = 0;

	if (cpu < 0) /* that of the mm's holder */
		cpu = mm->sys->port->relax
			      ? atomic_load_explicit(&mm->lock_cpu, memory_order_relaxed)
			      : 0;
	if (cpu < 0 || mm->sys->cpu_to_node[cpu] < 0)
		cpu = nb_huge_cpu(mm->sys, NULL);

	for (uint64_t addr = start; !err && mm->huge_entries && nb_thp_next(mm, &addr, end, &table);
	     addr += nb_thp_bytes(mm))
		err = nb_thp_split_entry(mm, addr, cpu);
	return err;
}
