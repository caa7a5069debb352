/* task_check.c -- proves what task.h, vma.h and pagetable.h state of address spaces.
 *
 * Called by nb_system_check(). Walks every VMA and every leaf: O(mapped pages). Changes nothing.
 */
#include "mm/page.h"
#include "mm/pagetable.h"
#include "mm/vma.h"

struct walk {
	const struct nb_system *sys;
	const struct nb_task *t;
	struct nb_error *err;
	uint64_t pages, tables;
};

static int wrong(struct walk *w, const char *what, uint64_t got, uint64_t want)
{
	return nb_error_set(w->err, -NB_EIO, 0, "task %d: %s is %llu and should be %llu", w->t->pid,
			    what, (unsigned long long)got, (unsigned long long)want);
}

static int check_entry(struct walk *w, uint64_t pte, uint64_t addr)
{
	nb_pfn_t pfn = nb_pte_pfn(pte);
	const struct nb_page *page;
	struct nb_zone *z;

	if (pfn == NB_NO_PFN)
		return 0;
	page = nb_pfn_to_page(w->sys, pfn, &z);
	if (!page || !(nb_page_flags(page) & PG_ALLOCATED))
		return wrong(w, "frame of a mapped page, not allocated,", pfn, 0);
	if (page->mapping != w->t->mm->id)
		return wrong(w, "mapping of a page", page->mapping, w->t->mm->id);
	if (page->mapcount != 1)
		return wrong(w, "mapcount of a page", (uint64_t)page->mapcount, 1);
	if (!nb_vma_find(w->t->mm, addr))
		return wrong(w, "address of a page without a mapping", addr, 0);
	w->pages++;
	return 0;
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

static int check_table(struct walk *w, const struct nb_ptable *table, unsigned level, uint64_t base)
{
	const struct nb_pt_shape *shape = &w->t->mm->shape;
	bool root = level == shape->levels - 1u;
	unsigned shift = shape->page_shift + shape->bits * level;
	uint32_t nr = 0;

	if (level == 0)
		return check_leaf(w, table, base);
	for (uint64_t i = 0; i < UINT64_C(1) << (root ? shape->root_bits : shape->bits); i++) {
		const struct nb_ptable *next = (const struct nb_ptable *)(uintptr_t)table->entry[i];
		int err;

		if (!next)
			continue;
		nr++;
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
	uint64_t end = 0;
	unsigned n = 0;

	for (const struct nb_vma *v = nb_vma_first_above(mm, 0); v;
	     v = nb_vma_first_above(mm, v->end)) {
		if (v->start < end || v->end <= v->start || v->end > mm->task_size)
			return wrong(w, "start of a VMA", v->start, end);
		if (nb_vma_at(mm, n) != v)
			return wrong(w, "place of a VMA in the tree", n, 0);
		end = v->end;
		n++;
	}
	return n == mm->nr_vmas ? 0 : wrong(w, "number of VMAs", mm->nr_vmas, n);
}

static int check_task(struct walk *w)
{
	const struct nb_mm *mm = w->t->mm;
	uint64_t sum = 0;
	int err = check_vmas(w);

	if (!err)
		err = check_table(w, mm->root, mm->shape.levels - 1u, 0);
	if (err)
		return err;
	for (unsigned i = 0; i < w->sys->nr_pgdat * NB_MAX_NR_ZONES; i++)
		sum += mm->zone_rss[i];
	if (mm->rss_pages != w->pages)
		return wrong(w, "resident pages", mm->rss_pages, w->pages);
	if (sum != w->pages)
		return wrong(w, "sum of resident pages by zone", sum, w->pages);
	return mm->nr_ptables == w->tables
		       ? 0
		       : wrong(w, "number of page tables", mm->nr_ptables, w->tables);
}

int nb_tasks_check(const struct nb_system *sys, struct nb_error *err)
{
	const struct nb_task_side *side =
		atomic_load_explicit(&sys->task_side, memory_order_acquire);
	int ret = 0;

	for (const struct nb_task *t = side ? side->tasks : NULL; t && !ret; t = t->next) {
		struct walk w = {.sys = sys, .t = t, .err = err};

		ret = check_task(&w);
	}
	return ret;
}
