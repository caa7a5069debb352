/* swap_check.c -- proof of swap's equations, for nb_system_check(). See swap.h.
 *
 * Entries in page tables are counted anew and held against each slot's count: O(pages of all areas
 * + entries of all page tables).
 */
#include "mm/filemap.h"
#include "mm/swap_area.h"

#include <numabox/error.h>

static int wrong(struct nb_error *err, const struct nb_swap_area *a, uint64_t slot,
		 const char *what, uint64_t found, uint64_t right)
{
	return nb_error_set(err, -NB_EIO, 0,
			    "swap area %u slot %llu: %s: found %llu, should be %llu", a->number,
			    (unsigned long long)slot, what, (unsigned long long)found,
			    (unsigned long long)right);
}

struct step {
	const struct nb_system *sys;
	int step;
	uint64_t over; /* entries that no count was left for */
};

/* Takes one off the count for an entry, or puts it back. */
static void count_entry(void *arg, uint64_t e)
{
	struct step *s = arg;
	struct nb_swap_area *a = nb_swap_area_of(s->sys, e);
	uint16_t *map;

	if (!a || nb_swp_slot(e) >= a->opt.pages)
		return;
	map = &a->map[nb_swp_slot(e)];
	s->over += s->step < 0 && !*map;
	*map = (uint16_t)(*map + s->step);
}

static void count_mm(struct step *s, const struct nb_mm *mm)
{
	uint64_t addr = 0;
	struct nb_ptable *leaf;

	while ((leaf = nb_pt_next_leaf(mm, &addr, mm->task_size))) {
		for (unsigned i = 0; i < 1u << mm->shape.bits; i++) {
			nb_swp_t e = nb_pte_swp(leaf->entry[i]);

			if (e)
				count_entry(s, e);
		}
		addr = (addr & ~(nb_pt_leaf_span(mm) - 1)) + nb_pt_leaf_span(mm);
	}
}

static uint64_t count_all(const struct nb_system *sys, int step)
{
	struct step all = {.sys = sys, .step = step};
	const struct nb_task *t;

	for (unsigned i = 0; (t = nb_system_task(sys, i)); i++) {
		if (!t->leader || t->leader == t)
			count_mm(&all, t->mm);
	}
	nb_shmem_each_swap(sys, count_entry, &all);
	return all.over;
}

static int check_slot(const struct nb_system *sys, struct nb_swap_area *a, uint64_t slot,
		      uint64_t *used, uint64_t *cached, struct nb_error *err)
{
	struct nb_zone *z = NULL;
	const struct nb_page *page =
		nb_swap_cached_page((struct nb_system *)(uintptr_t)sys, a, slot, &z);

	*used += a->map[slot] || page;
	if (!page)
		return 0;
	++*cached;
	if (!(nb_page_flags(page) & PG_SWAPCACHE))
		return wrong(err, a, slot, "flags of its cached page", nb_page_flags(page),
			     PG_SWAPCACHE);
	if (nb_page_swap(sys, z, page) != nb_swp_make(a->number, slot))
		return wrong(err, a, slot, "entry of its cached page", nb_page_swap(sys, z, page),
			     nb_swp_make(a->number, slot));
	return 0;
}

static int check_area(const struct nb_system *sys, struct nb_swap_area *a, uint64_t *cached,
		      struct nb_error *err)
{
	uint64_t used = 0;

	for (uint64_t slot = 1; slot < a->opt.pages; slot++) {
		int ret = check_slot(sys, a, slot, &used, cached, err);

		if (ret)
			return ret;
	}
	if (used + a->nr_free != a->opt.pages - 1)
		return wrong(err, a, 0, "free slots", a->nr_free, a->opt.pages - 1 - used);
	return 0;
}

/* With the entries taken off, nothing but slots that a CPU keeps for later has a count. */
static int check_counts(const struct nb_swap_area *a, struct nb_error *err)
{
	for (uint64_t slot = 1; slot < a->opt.pages; slot++) {
		if (a->map[slot] && a->map[slot] != NB_SWAP_MAP_MAX)
			return wrong(err, a, slot, "entries that hold it", 0, a->map[slot]);
	}
	return 0;
}

int nb_swap_check(const struct nb_system *sys, struct nb_error *err)
{
	struct nb_swap *s = sys->swap;
	uint64_t cached = 0, over;
	int ret = 0;

	if (!s)
		return 0;
	for (unsigned i = 0; !ret && i < NB_MAX_SWAPFILES; i++) {
		if (s->area[i] && s->area[i]->used)
			ret = check_area(sys, s->area[i], &cached, err);
	}
	if (!ret && cached != s->nr_cached)
		ret = nb_error_set(err, -NB_EIO, 0, "swap: %llu cached pages, counted %llu",
				   (unsigned long long)cached, (unsigned long long)s->nr_cached);
	over = count_all(sys, -1);
	if (!ret && over)
		ret = nb_error_set(err, -NB_EIO, 0, "swap: %llu entries hold slots uncounted",
				   (unsigned long long)over);
	for (unsigned i = 0; !ret && i < NB_MAX_SWAPFILES; i++) {
		if (s->area[i] && s->area[i]->used)
			ret = check_counts(s->area[i], err);
	}
	(void)count_all(sys, 1);
	return ret;
}
