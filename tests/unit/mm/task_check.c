/* task_check.c -- does nb_system_check() see it when something is wrong? Each equation is broken by
 * hand, one at a time: the check names it, and is content again once the damage is undone. */
#include "filebox.h"

#include "mm/huge_memory.h"
#include "mm/lru.h"
#include "mm/pt_huge.h"
#include "mm/rmap.h"
#include "mm/swap_area.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include <numabox/hugetlb.h>

#define HUGE (UINT64_C(2) << 20)

struct world {
	struct filebox f;
	struct nb_task *child;
	uint64_t anon, file, huge, out; /* addresses */
	struct nb_address_space *as;
	struct nb_mm *mm;
};

static void begin(struct world *w)
{
	static const struct nb_swap_options swap = {.pages = 1000};
	unsigned area;
	uint64_t n;

	memset(w, 0, sizeof(*w));
	filebox_boot(&w->f, "256M:1 256M:1", NULL, false);
	w->mm = w->f.t->mm;
	assert_int_equal(nb_swapon(w->f.sys, &swap, &area), 0);
	w->as = filebox_shmem(&w->f, 16, NULL);
	assert_int_equal(nb_mmap(w->f.t, 0, 40 * PAGE, 3, 0, &w->anon), 0);
	assert_int_equal(nb_touch(w->f.t, w->anon, 40 * PAGE, true, &n), 0);
	assert_int_equal(nb_mlock(w->f.t, w->anon, 10 * PAGE), 0);
	assert_int_equal(nb_mmap(w->f.t, 0x40000000, 8 * PAGE, 3, 0, &w->out), 0);
	assert_int_equal(nb_touch(w->f.t, w->out, 8 * PAGE, true, &n), 0);
	assert_int_equal(nb_madvise(w->f.t, w->out, 8 * PAGE, NB_MADV_PAGEOUT), 0);
	assert_int_equal(
		nb_mmap_file(w->f.t, w->as, 0, 0x50000000, 16 * PAGE, 3, NB_MAP_SHARED, &w->file),
		0);
	assert_int_equal(nb_touch(w->f.t, w->file, 16 * PAGE, true, &n), 0);
	assert_int_equal(nb_sysfs_write(w->f.sys, NULL,
					"/sys/kernel/mm/transparent_hugepage/enabled", "always"),
			 0);
	assert_int_equal(nb_mmap(w->f.t, 0x60000000, HUGE, 3, NB_MAP_FIXED, &w->huge), 0);
	assert_int_equal(nb_touch(w->f.t, w->huge, HUGE, true, &n), 0);
	assert_int_equal(w->mm->huge_entries, 1);
	assert_true(w->mm->swap_entries > 0);
	assert_int_equal(nb_task_fork(w->f.t, &w->child), 0);
	filebox_check(&w->f);
}

static void end(struct world *w)
{
	nb_task_exit(w->child);
	nb_task_put(w->child);
	nb_file_put(w->as);
	assert_int_equal(nb_munmap(w->f.t, 0, UINT64_C(1) << 46), 0);
	assert_int_equal(nb_swapoff(w->f.sys, 0), 0);
	filebox_end(&w->f);
}

/* The check must fail, and say so. */
static void sees_at(struct world *w, const char *what, int line)
{
	struct nb_error err = {0};

	if (!nb_system_check(w->f.sys, &err))
		fail_msg("line %d: nothing was found where there should be: %s", line, what);
	if (!strstr(err.text, what))
		fail_msg("line %d: '%s' does not say '%s'", line, err.text, what);
}

#define sees(w, what) sees_at(w, what, __LINE__)

static struct nb_ptable *leaf_of(struct world *w, uint64_t addr, uint64_t **ret_pte)
{
	struct nb_ptable *leaf = nb_pt_leaf(w->mm, addr);

	*ret_pte = &leaf->entry[nb_pt_index(w->mm, addr)];
	return leaf;
}

static struct nb_page *page_of(struct world *w, uint64_t addr)
{
	struct nb_zone *z;

	return nb_pfn_to_page(w->f.sys, nb_task_pfn(w->f.t, addr), &z);
}

/* Each of a counter's sides, and back. */
#define BREAKS(counter, what)        \
	do {                         \
		(counter)++;         \
		sees(&w, what);      \
		(counter) -= 2;      \
		sees(&w, what);      \
		(counter)++;         \
		filebox_check(&w.f); \
	} while (0)

static void test_counters(void **state)
{
	struct nb_zone *z = NULL;
	struct world w;

	(void)state;
	begin(&w);
	(void)nb_pfn_to_page(w.f.sys, nb_task_pfn(w.f.t, w.anon), &z);
	BREAKS(w.mm->rss_pages, "sum of resident pages");
	BREAKS(w.mm->zone_rss[0], "sum of resident pages");
	BREAKS(w.mm->swap_entries, "swap entries");
	BREAKS(w.mm->nr_ptables, "number of page tables");
	BREAKS(w.mm->nr_vmas, "number of VMAs");
	BREAKS(w.mm->total_pages, "pages of address space");
	BREAKS(w.mm->locked_pages, "locked pages");
	BREAKS(w.mm->huge_entries, "behind huge pages");
	BREAKS(z->nr_anon, "nr_anon");
	BREAKS(z->nr_mapped, "nr_mapped");
	BREAKS(z->nr_pagetable, "nr_pagetable");
	/* sums that are right as a whole, of wrong parts */
	w.mm->anon_pages++;
	w.mm->shmem_pages--;
	sees(&w, "anonymous pages");
	w.mm->anon_pages--;
	w.mm->file_pages++;
	sees(&w, "pages of shared memory");
	w.mm->file_pages--;
	w.mm->shmem_pages++;
	end(&w);
}

static void test_pages(void **state)
{
	struct nb_page *page, *file, *huge;
	struct world w;

	(void)state;
	begin(&w);
	page = page_of(&w, w.anon + 12 * PAGE);
	file = page_of(&w, w.file);
	huge = page_of(&w, w.huge);
	BREAKS(page->mapcount, "mapcount");
	BREAKS(page->refcount, "refcount");
	BREAKS(file->mapcount, "");
	BREAKS(file->refcount, "");
	BREAKS(huge->mapcount, "mapcount");
	BREAKS(huge->refcount, "refcount");
	BREAKS(page->index, "no walk from its page finds");
	page->mapping += 1000;
	sees(&w, "owner of a mapped page");
	page->mapping -= 1000;
	/* another kind of page than it is */
	nb_page_set_flags(page, nb_page_flags(page) & ~(uint32_t)PG_ANON);
	sees(&w, "");
	nb_page_set_flags(page, nb_page_flags(page) | PG_ANON);
	end(&w);
}

static void test_tables(void **state)
{
	struct nb_ptable *leaf, *table, *deposit;
	uint64_t *pte, *other, was;
	struct world w;

	(void)state;
	begin(&w);
	leaf = leaf_of(&w, w.anon + 3 * PAGE, &pte);
	(void)leaf_of(&w, w.anon + 4 * PAGE, &other);
	table = nb_pt_table(w.mm, w.anon, 1);
	BREAKS(leaf->nr, "entries of a leaf");
	BREAKS(leaf->nr_pages, "pages of a leaf");
	BREAKS(table->nr, "children of a table");
	was = *pte;
	*pte = 0; /* an entry is lost: seen from its page by the child's */
	sees(&w, "");
	*pte = *other; /* a page twice */
	sees(&w, "no walk from its page finds");
	*pte = nb_pte_make(1, NB_PTE_PRESENT); /* nobody's frame */
	sees(&w, "not allocated");
	*pte = was;
	(void)leaf_of(&w, w.out, &pte);
	was = *pte;
	*pte = nb_pte_swap(nb_pte_swp(was) + 900); /* a slot that is not in use */
	sees(&w, "");
	*pte = was;
	table = nb_pt_table(w.mm, w.huge, 1);
	deposit = table->deposit;
	table->deposit = NULL;
	sees(&w, "");
	table->deposit = deposit;
	filebox_check(&w.f);
	end(&w);
}

static void test_vmas(void **state)
{
	struct nb_vma *v;
	struct world w;

	(void)state;
	begin(&w);
	v = nb_vma_find(w.mm, w.anon + 12 * PAGE);
	v->end -= PAGE; /* a page outside */
	sees(&w, "");
	v->end += PAGE;
	v->end += UINT64_C(1) << 47;
	sees(&w, "start of a VMA");
	v->end -= UINT64_C(1) << 47;
	v->pgoff++;
	sees(&w, "no walk from its page finds");
	v->pgoff--;
	v->flags ^= NB_VM_LOCKED;
	sees(&w, "locked pages");
	v->flags ^= NB_VM_LOCKED;
	BREAKS(w.mm->vmas->sub_count, "VMA");
	BREAKS(w.mm->vmas->sub_gap, "tree of VMAs");
	BREAKS(w.mm->vmas->sub_end, "tree of VMAs");
	end(&w);
}

/* Lists and places outside of address spaces, which the same check proves. */
static void test_places(void **state)
{
	struct nb_swap_area *a;
	struct nb_page *page;
	struct nb_zone *z = NULL;
	nb_link_t next;
	struct world w;
	uint64_t slot;

	(void)state;
	begin(&w);
	nb_lru_add_drain_all(w.f.sys);
	page = nb_pfn_to_page(w.f.sys, nb_task_pfn(w.f.t, w.anon + 12 * PAGE), &z);
	next = page->next;
	page->next = nb_page_link(z->mem_map, page);
	sees(&w, "");
	page->next = next;
	nb_page_set_flags(page, nb_page_flags(page) ^ PG_LRU);
	sees(&w, "");
	nb_page_set_flags(page, nb_page_flags(page) ^ PG_LRU);
	BREAKS(z->free_area[0].nr_free, "free blocks of an order");
	BREAKS(z->managed_pages, "");
	BREAKS(w.as->nrpages, "");
	a = w.f.sys->swap->area[0];
	for (slot = 1; !a->map[slot]; slot++)
		;
	BREAKS(a->map[slot], "");
	BREAKS(a->nr_free, "");
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counters), cmocka_unit_test(test_pages),
		cmocka_unit_test(test_tables),   cmocka_unit_test(test_vmas),
		cmocka_unit_test(test_places),
	};

	return cmocka_run_group_tests_name("mm/task_check", tests, NULL, NULL);
}
