/* task_check.c -- proves what task.h, vma.h and pagetable.h state of address spaces.
 *
 * Called by nb_system_check(). Walks every VMA and every leaf: O(mapped pages). Changes nothing.
 */
#include "mm/address_space.h"
#include "mm/overcommit.h"
#include "mm/filemap.h"
#include "mm/rmap.h"

struct walk {
	const struct nb_system *sys;
	const struct nb_task *t;
	struct nb_error *err;
	uint64_t pages, tables, anon, shmem, swap; /* of the task */
	uint64_t all_anon, all_mapped;             /* pages of all tasks, each once */
	uint64_t all_tables;                       /* page-table pages of all that have one */
	uint64_t committed;                        /* pages of VMAs that are promised memory */
	uint64_t thps, deposits; /* transparent huge pages' entries, and the leaves behind them */
};

static int wrong(struct walk *w, const char *what, uint64_t got, uint64_t want)
{
	return nb_error_set(w->err, -NB_EIO, 0, "task %d: %s is %llu and should be %llu", w->t->pid,
			    what, (unsigned long long)got, (unsigned long long)want);
}

/* Entries that map a page, found from the page. */
struct mappings {
	nb_pfn_t pfn;
	uint64_t pgoff;
	unsigned count;
	const struct nb_mm *mm; /* was this entry among them? */
	uint64_t addr;
	bool found, first;
};

static int count_mapping(void *arg, struct nb_vma *v)
{
	struct mappings *m = arg;
	uint64_t addr = nb_vma_address(v, m->pgoff);
	unsigned i = 0;
	const struct nb_ptable *leaf = addr == UINT64_MAX ? NULL : nb_pt_mapping(v->mm, addr, &i);

	if (!leaf || nb_pte_pfn(leaf->entry[i]) != m->pfn)
		return 0;
	m->first |= !m->count && v->mm == m->mm && addr == m->addr;
	m->count++;
	m->found |= v->mm == m->mm && addr == m->addr;
	return 0;
}

static int check_counts(struct walk *w, const struct nb_page *page, nb_pfn_t pfn, uint64_t addr)
{
	struct mappings m = {
		.pfn = pfn, .pgoff = nb_page_index(page), .mm = w->t->mm, .addr = addr};
	const struct nb_rmap *r = nb_rmap_object(w->sys, nb_page_owner(page));
	uint32_t flags = nb_page_flags(page), refs;

	if (!r)
		return wrong(w, "owner of a mapped page", nb_page_owner(page), 1);
	(void)nb_rmap_tree_walk(r, m.pgoff, m.pgoff, count_mapping, &m);
	if (!m.found)
		return wrong(w, "address that no walk from its page finds", addr, 0);
	if (nb_page_mapcount(page) != (int32_t)m.count)
		return wrong(w, "mapcount of a page", (uint64_t)nb_page_mapcount(page), m.count);
	refs = m.count + (!r->anon || flags & PG_SWAPCACHE ? 1 : 0);
	if (!r->anon) /* and one of the request that reads or writes it */
		refs += nb_file_io_refs((struct nb_address_space *)(uintptr_t)r, page);
	if (m.first)
		*(flags & PG_ANON ? &w->all_anon : &w->all_mapped) += UINT64_C(1)
								      << nb_flags_order(flags);
	return nb_page_refcount(page) == refs
		       ? 0
		       : wrong(w, "refcount of a page", nb_page_refcount(page), refs);
}

static int check_entry(struct walk *w, uint64_t pte, uint64_t addr)
{
	nb_pfn_t pfn = nb_pte_pfn(pte);
	const struct nb_page *page;
	struct nb_zone *z;

	w->swap += pte & NB_PTE_SWAP ? 1 : 0;
	if (pfn == NB_NO_PFN || pte & NB_PTE_HUGE)
		return 0;
	page = nb_pfn_to_page(w->sys, pfn, &z);
	if (!page || !(nb_page_flags(page) & PG_ALLOCATED))
		return wrong(w, "frame of a mapped page, not allocated,", pfn, 0);
	if (!nb_vma_find(w->t->mm, addr))
		return wrong(w, "address of a page without a mapping", addr, 0);
	w->pages++;
	w->anon += nb_page_flags(page) & PG_ANON ? 1 : 0;
	w->shmem += (nb_page_flags(page) & (PG_ANON | PG_SWAPBACKED)) == PG_SWAPBACKED;
	return check_counts(w, page, pfn, addr);
}

static int check_leaf(struct walk *w, const struct nb_ptable *leaf, uint64_t base)
{
	const struct nb_pt_shape *shape = &w->t->mm->shape;
	uint32_t nr = 0, nr_pages = 0;

	for (unsigned i = 0; i < 1u << shape->bits; i++) {
		uint64_t pte = leaf->entry[i];
		int err = check_entry(w, pte, base + ((uint64_t)i << shape->page_shift));

		if (err)
			return err;
		nr += pte != 0;
		nr_pages += nb_pte_pfn(pte) != NB_NO_PFN;
	}
	if (leaf->nr != nr)
		return wrong(w, "number of entries of a leaf", leaf->nr, nr);
	return leaf->nr_pages == nr_pages
		       ? 0
		       : wrong(w, "number of pages of a leaf", leaf->nr_pages, nr_pages);
}

/* An entry above the leaves: hugetlb's pages are counted elsewhere. */
static int check_huge(struct walk *w, uint64_t entry, uint64_t addr)
{
	const struct nb_vma *v = nb_vma_find(w->t->mm, addr);
	const struct nb_page *page;
	struct nb_zone *z = NULL;

	if (!v)
		return wrong(w, "address of a huge page without a mapping", addr, 0);
	if (v->flags & NB_VM_HUGETLB)
		return 0;
	w->thps++;
	if (entry & NB_PTE_ZERO)
		return 0;
	page = nb_pfn_to_page(w->sys, nb_pte_pfn(entry), &z);
	if (!page || (nb_page_flags(page) & (PG_ALLOCATED | PG_ORDER_MASK)) !=
			     (PG_ALLOCATED | w->t->mm->shape.bits))
		return wrong(w, "frame of a huge page, not a head,", nb_pte_pfn(entry), 0);
	w->pages += UINT64_C(1) << w->t->mm->shape.bits;
	w->anon += UINT64_C(1) << w->t->mm->shape.bits;
	return check_counts(w, page, nb_pte_pfn(entry), addr);
}

static int check_table(struct walk *w, const struct nb_ptable *table, unsigned level, uint64_t base)
{
	const struct nb_pt_shape *shape = &w->t->mm->shape;
	bool root = level == shape->levels - 1u;
	unsigned shift = shape->page_shift + shape->bits * level;
	uint32_t nr = 0;

	w->all_tables += table->pfn != NB_NO_PFN;
	if (level == 0)
		return check_leaf(w, table, base);
	for (const struct nb_ptable *d = table->deposit; d; d = d->deposit) {
		w->deposits++;
		w->tables++;
		w->all_tables += d->pfn != NB_NO_PFN;
	}
	for (uint64_t i = 0; i < UINT64_C(1) << (root ? shape->root_bits : shape->bits); i++) {
		const struct nb_ptable *next = (const struct nb_ptable *)(uintptr_t)table->entry[i];
		int err;

		if (!next)
			continue;
		nr++;
		if (nb_pt_is_huge(table->entry[i])) {
			err = check_huge(w, table->entry[i], base + (i << shift));
			if (err)
				return err;
			continue;
		}
		w->tables++;
		err = check_table(w, next, level - 1, base + (i << shift));
		if (err)
			return err;
	}
	return table->nr == nr ? 0 : wrong(w, "number of children of a table", table->nr, nr);
}

static int check_vmas(struct walk *w)
{
	const struct nb_mm *mm = w->t->mm;
	uint64_t end = 0, total = 0, locked = 0;
	unsigned n = 0;

	for (const struct nb_vma *v = nb_vma_first_above(mm, 0); v;
	     v = nb_vma_first_above(mm, v->end)) {
		if (v->start < end || v->end <= v->start || v->end > mm->task_size)
			return wrong(w, "start of a VMA", v->start, end);
		if (nb_vma_at(mm, n) != v)
			return wrong(w, "place of a VMA in the tree", n, 0);
		end = v->end;
		total += (v->end - v->start) >> mm->shape.page_shift;
		locked += v->flags & NB_VM_LOCKED ? (v->end - v->start) >> mm->shape.page_shift : 0;
		n++;
	}
	if (!nb_vma_tree_ok(mm->vmas))
		return wrong(w, "tree of VMAs, whose sums do not follow,", mm->nr_vmas, n);
	if (mm->total_pages != total)
		return wrong(w, "pages of address space", mm->total_pages, total);
	w->committed += nb_vma_accounted(mm, 0, mm->task_size);
	if (mm->locked_pages != locked)
		return wrong(w, "locked pages", mm->locked_pages, locked);
	return n == mm->nr_vmas ? 0 : wrong(w, "number of VMAs", mm->nr_vmas, n);
}

/* The sums of an address space against what its tables hold. */
static int check_sums(struct walk *w)
{
	const struct nb_mm *mm = w->t->mm;
	uint64_t sum = 0;

	for (unsigned i = 0; i < w->sys->nr_pgdat * NB_MAX_NR_ZONES; i++)
		sum += mm->zone_rss[i];
	if (sum != mm->rss_pages || mm->anon_pages + mm->file_pages + mm->shmem_pages != sum)
		return wrong(w, "sum of resident pages by zone, or by kind,", sum, mm->rss_pages);
	if (mm->swap_entries != w->swap)
		return wrong(w, "swap entries", mm->swap_entries, w->swap);
	if (mm->nr_ptables != w->tables)
		return wrong(w, "number of page tables", mm->nr_ptables, w->tables);
	if (mm->huge_entries != w->thps || w->thps != w->deposits)
		return wrong(w, "leaves that wait behind huge pages", w->deposits, w->thps);
	if (mm->rss_pages != w->pages)
		return wrong(w, "resident pages", mm->rss_pages, w->pages);
	if (mm->anon_pages != w->anon)
		return wrong(w, "anonymous pages", mm->anon_pages, w->anon);
	return mm->shmem_pages == w->shmem
		       ? 0
		       : wrong(w, "pages of shared memory", mm->shmem_pages, w->shmem);
}

static int check_task(struct walk *w)
{
	const struct nb_mm *mm = w->t->mm;
	int err = check_vmas(w);

	w->pages = w->tables = w->anon = w->shmem = w->swap = w->thps = w->deposits = 0;
	if (!err)
		err = check_table(w, mm->root, mm->shape.levels - 1u, 0);
	return err ? err : check_sums(w);
}

/* Zone counters say of each mapped page once what it is. */
static int check_zones(struct walk *w)
{
	uint64_t anon = 0, mapped = 0, tables = 0;

	for (unsigned i = 0; i < w->sys->nr_pgdat; i++) {
		for (unsigned k = 0; k < NB_MAX_NR_ZONES; k++) {
			const struct nb_zone *z = &w->sys->pgdat[i]->zone[k];

			anon += atomic_load_explicit(&z->nr_anon, memory_order_relaxed);
			mapped += atomic_load_explicit(&z->nr_mapped, memory_order_relaxed);
			tables += atomic_load_explicit(&z->nr_pagetable, memory_order_relaxed);
		}
	}
	if (anon != w->all_anon)
		return nb_error_set(w->err, -NB_EIO, 0, "nr_anon is %llu and should be %llu",
				    (unsigned long long)anon, (unsigned long long)w->all_anon);
	if (mapped != w->all_mapped)
		return nb_error_set(w->err, -NB_EIO, 0, "nr_mapped is %llu and should be %llu",
				    (unsigned long long)mapped, (unsigned long long)w->all_mapped);
	if (tables != w->all_tables)
		return nb_error_set(w->err, -NB_EIO, 0, "nr_pagetable is %llu and should be %llu",
				    (unsigned long long)tables, (unsigned long long)w->all_tables);
	return 0;
}

/* What VMAs and whole segments are promised is what the system counts. */
static int check_committed(const struct walk *w)
{
	uint64_t got = atomic_load_explicit(&w->sys->committed_pages, memory_order_relaxed);
	uint64_t want = w->committed;

	for (const struct nb_address_space *as = w->sys->files ? w->sys->files->files : NULL; as;
	     as = as->next)
		want += as->committed_pages;
	if (got == want)
		return 0;
	return nb_error_set(w->err, -NB_EIO, 0, "promised pages are %llu and should be %llu",
			    (unsigned long long)got, (unsigned long long)want);
}

int nb_tasks_check(const struct nb_system *sys, struct nb_error *err)
{
	const struct nb_task_side *side =
		atomic_load_explicit(&sys->task_side, memory_order_acquire);
	struct walk w = {.sys = sys, .err = err};
	int ret = 0;

	for (const struct nb_task *t = side ? side->tasks : NULL; t && !ret; t = t->next) {
		w.t = t;
		if (t->leader == t) /* threads share the address space */
			ret = check_task(&w);
	}
	if (!ret)
		ret = check_committed(&w);
	return ret ? ret : check_zones(&w);
}
