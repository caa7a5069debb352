/* shmem_swap.c -- pages of memory files out to swap and back.
 *
 * Called by vmscan for a dirty page that nobody maps, by shmem.c for a page that is out, by swapoff
 * and swap's checker. While a page is out its place in the tree holds its swap entry as a value,
 * which counts once for its slot. A page comes back with the slots around it (on any device), all
 * placed by the object's policy for it or the task's, and gives its slot back at once: memory alone
 * has it then; the others wait in the swap cache. Source: mm/shmem.c, shmem_writepage(),
 * shmem_swapin_folio(), shmem_swapin_range(), shmem_unuse().
 */
#include "mm/filemap.h"
#include "mm/lru.h"
#include "mm/memcg.h"
#include "mm/swap_area.h"
#include "mm/vmscan.h"

bool nb_shmem_swap_out(struct nb_system *sys, struct nb_zone *z, struct nb_page *page, int cpu)
{
	struct nb_address_space *as = nb_page_as(sys, page);
	uint64_t index = nb_page_index(page);
	nb_swp_t e;
	bool moved;

	if (!as || !nb_as_is_shmem(as) || nb_page_mapcount(page) || nb_page_order(page) ||
	    !nb_swap_add(sys, z, page, cpu))
		return false;
	e = nb_page_swap(sys, z, page);
	nb_swap_dup(sys, e);
	nb_lock(&as->lock, sys->port);
	/* the cache's reference, swap's, and the caller's */
	moved = nb_page_owner(page) == as->rmap.handle && nb_page_refcount(page) == 3;
	if (moved) {
		(void)nb_radix_replace(&as->pages, index, nb_radix_value(e));
		nb_as_add(&as->nrshadows, 1);
		nb_as_count(as, z, -1);
		nb_page_set_owner(page, 0);
		nb_page_unref(sys, page);
	}
	nb_unlock(&as->lock, sys->port);
	if (!moved) {
		nb_swap_uncount(sys, e, cpu);
		(void)nb_swap_free_cached(sys, z, page, cpu);
	}
	return moved;
}

static bool holds(struct nb_address_space *as, uint64_t index, nb_swp_t e)
{
	bool still;

	nb_lock(&as->lock, as->sys->port);
	still = nb_radix_load(&as->pages, index) == nb_radix_value(e);
	nb_unlock(&as->lock, as->sys->port);
	return still;
}

/* The bytes of an entry in a page of their own, with a reference: the cached one, or a new one. */
static int bring(struct nb_task *t, struct nb_address_space *as, uint64_t index, nb_swp_t e,
		 struct nb_zone **ret_zone, struct nb_page **ret_page)
{
	struct nb_mempolicy *pol = nb_shared_policy_lookup(as->sys, &as->policy, index);
	int ret =
		nb_swap_in_shmem(t, pol ? pol : t->policy, as->ino + index, e, ret_zone, ret_page);

	nb_mpol_put(as->sys, pol);
	if (ret >= 0 && nb_page_flags(*ret_page) & PG_WRITEBACK)
		nb_swap_poll(as->sys, true);
	return ret < 0 && !holds(as, index, e) ? -NB_EAGAIN : ret;
}

int nb_shmem_swap_in(struct nb_task *t, struct nb_address_space *as, uint64_t index, uint64_t e,
		     struct nb_zone **ret_zone, struct nb_page **ret_page)
{
	struct nb_system *sys = as->sys;
	int ret = bring(t, as, index, e, ret_zone, ret_page);
	bool placed;

	if (ret < 0)
		return ret;
	nb_lock(&as->lock, sys->port);
	placed = nb_radix_load(&as->pages, index) == nb_radix_value(e);
	if (placed) {
		(void)nb_radix_replace(&as->pages, index,
				       nb_radix_page(nb_zone_page_pfn(*ret_zone, *ret_page)));
		nb_as_add(&as->nrshadows, -1);
		nb_as_count(as, *ret_zone, 1);
		nb_page_set_owner(*ret_page, as->rmap.handle);
		nb_page_set_index(sys, *ret_page, index);
		nb_get_page(sys, *ret_page);
	}
	nb_unlock(&as->lock, sys->port);
	if (!placed) { /* somebody else did it meanwhile */
		nb_put_page(sys, *ret_zone, *ret_page, t->cpu);
		return -NB_EAGAIN;
	}
	nb_swap_free(sys, e, t->cpu);
	nb_file_mark_dirty(*ret_zone, *ret_page, t->cpu);
	return ret;
}

void nb_shmem_willneed(struct nb_task *t, struct nb_vma *v, uint64_t first, uint64_t last)
{
	struct nb_address_space *as = v->file;
	uint64_t i = first, e;

	for (;;) {
		nb_lock(&as->lock, as->sys->port);
		e = nb_radix_next(&as->pages, &i, last);
		nb_unlock(&as->lock, as->sys->port);
		if (nb_radix_is_value(e))
			nb_swap_willneed(t, v, v->start + ((i - v->pgoff) << as->sys->page_shift),
					 nb_radix_number(e));
		if (!e || i++ >= last)
			return;
	}
}

void nb_shmem_drop_swap(struct nb_address_space *as, uint64_t first, uint64_t last, int cpu)
{
	uint64_t i = first, e;

	for (;;) {
		nb_lock(&as->lock, as->sys->port);
		e = nb_radix_next(&as->pages, &i, last);
		if (nb_radix_is_value(e)) {
			(void)nb_radix_erase(as->sys, &as->pages, i);
			nb_as_add(&as->nrshadows, -1);
		}
		nb_unlock(&as->lock, as->sys->port);
		if (nb_radix_is_value(e))
			nb_swap_free(as->sys, nb_radix_number(e), cpu);
		if (!e || i++ >= last)
			return;
	}
}

void nb_shmem_each_swap(const struct nb_system *sys, void (*fn)(void *arg, uint64_t entry),
			void *arg)
{
	struct nb_address_space *as = sys->files ? sys->files->files : NULL;

	for (; as; as = as->next) {
		uint64_t i = 0, e;

		while (nb_as_is_shmem(as) && nb_as_read(&as->nrshadows) &&
		       (e = nb_radix_next(&as->pages, &i, UINT64_MAX))) {
			if (nb_radix_is_value(e))
				fn(arg, nb_radix_number(e));
			i++;
		}
	}
}

int nb_shmem_unuse(struct nb_task *t, unsigned area)
{
	struct nb_system *sys = t->sys;
	struct nb_address_space *as = sys->files ? sys->files->files : NULL;
	int ret = 0;

	for (; as && ret >= 0; as = as->next) {
		uint64_t i = 0, e;

		while (nb_as_is_shmem(as) && ret >= 0 && nb_as_read(&as->nrshadows) &&
		       (e = nb_radix_next(&as->pages, &i, UINT64_MAX))) {
			struct nb_zone *z = NULL;
			struct nb_page *page;

			if (nb_radix_is_value(e) && nb_swp_area(nb_radix_number(e)) == area) {
				ret = nb_shmem_swap_in(t, as, i, nb_radix_number(e), &z, &page);
				if (ret >= 0)
					nb_put_page(sys, z, page, t->cpu);
			}
			i++;
		}
	}
	return ret < 0 ? ret : 0;
}
