/* shmem.c -- files in memory: tmpfs, memfd, shared segments, shared anonymous memory.
 *
 * Called through include/numabox/file.h and by faults. A page is made where the object's own policy
 * for its offset says, else the task's; interleaving goes by inode number + offset, whoever
 * touches it. Pages are swapped, not written: no dirty limits, no write-back. A value in the tree
 * is the swap entry of a page that is out. Source: mm/shmem.c, shmem_get_folio_gfp(),
 * shmem_get_pgoff_policy(), shmem_fallocate(), shmem_undo_range(); facts 6.5.
 */
#include "base/mem.h"
#include "mm/filemap.h"
#include "mm/hugetlb.h"
#include "mm/lru.h"
#include "mm/memcg.h"
#include "mm/oom.h"
#include "mm/overcommit.h"

int nb_shmem_create(struct nb_system *sys, const char *name, uint64_t size, const char *mpol,
		    struct nb_address_space **ret_file)
{
	struct nb_mempolicy *pol = NULL;
	struct nb_address_space *as;
	int err = mpol ? nb_mpol_parse(sys, mpol, &pol) : 0;

	if (err)
		return err;
	if (size >> sys->page_shift > NB_AS_MAX_INDEX) {
		nb_mpol_put(sys, pol);
		return -NB_EFBIG;
	}
	as = nb_address_space_new(sys, NB_AS_SHMEM, name, size);
	if (as && pol)
		err = nb_shared_policy_set(sys, &as->policy, 0, UINT64_MAX, pol);
	nb_mpol_put(sys, pol);
	if (!as || err) {
		nb_file_put(as);
		return -NB_ENOMEM;
	}
	*ret_file = as;
	return 0;
}

int nb_shmem_segment(struct nb_task *t, const char *name, uint64_t size, const char *mpol,
		     bool noreserve, struct nb_address_space **ret_file)
{
	struct nb_system *sys = t->sys;
	uint64_t page = UINT64_C(1) << sys->page_shift, pages = size / page + !!(size & (page - 1));
	int err = 0;

	if (!t->alive)
		return -NB_ESRCH;
	noreserve &= sys->tune.overcommit_memory != NB_OVERCOMMIT_NEVER;
	if (!noreserve)
		err = nb_vm_enough_memory(t, pages);
	if (!err)
		err = nb_shmem_create(sys, name, size, mpol, ret_file);
	if (!err && !noreserve) {
		(*ret_file)->committed_pages = pages;
		nb_stat_add(sys, &sys->committed_pages, (int64_t)pages);
	}
	return err;
}

/* May the file have one more page? Those of a segment were promised before. */
static int charge_page(const struct nb_task *t, const struct nb_address_space *as)
{
	if (nb_likely(t->sys->tune.overcommit_memory != NB_OVERCOMMIT_NEVER) || as->committed_pages)
		return 0;
	return nb_vm_enough_memory(t, 1) ? -NB_ENOSPC : 0;
}

static int new_page(struct nb_task *t, struct nb_address_space *as, uint64_t index,
		    struct nb_zone **ret_zone, struct nb_page **ret_page)
{
	struct nb_system *sys = as->sys;
	struct nb_zone *z = NULL;
	struct nb_mempolicy *pol;
	struct nb_page *page;
	nb_pfn_t pfn;
	int err = charge_page(t, as);

	if (err)
		return err;
	pol = nb_shared_policy_lookup(sys, &as->policy, index);
	pfn = nb_mpol_alloc(t, pol ? pol : t->policy, as->gfp | NB_GFP_BIT_ZERO, 0,
			    as->ino + index);
	nb_mpol_put(sys, pol);
	if (pfn == NB_NO_PFN)
		return -NB_ENOMEM;
	page = nb_pfn_to_page(sys, pfn, &z);
	nb_page_set_flags(page, nb_page_flags(page) | PG_SWAPBACKED);
	err = nb_memcg_charge(t, z, page, as->gfp) ? nb_as_insert(as, index, z, page, NULL)
						   : -NB_ENOMEM;
	if (err) {
		nb_put_page(sys, z, page, t->cpu);
		return err;
	}
	if (t->in_lru_fault)
		nb_lru_add_fault(sys, z, page, t->cpu);
	else
		nb_lru_add(sys, z, page, t->cpu);
	*ret_zone = z;
	*ret_page = page;
	return 0;
}

int nb_shmem_get_page(struct nb_task *t, struct nb_address_space *as, uint64_t index, bool make,
		      struct nb_zone **ret_zone, struct nb_page **ret_page)
{
	uint64_t swap = 0;
	int err;

	for (;;) {
		*ret_page = nb_as_find(as, index, ret_zone, &swap);
		if (*ret_page)
			return 0;
		if (swap) {
			err = nb_shmem_swap_in(t, as, index, swap, ret_zone, ret_page);
			if (err != -NB_EAGAIN)
				return err;
			continue;
		}
		if (!make)
			return -NB_ENOENT;
		err = new_page(t, as, index, ret_zone, ret_page);
		if (err != -NB_EEXIST)
			return err;
	}
}

/* Bytes of the pages that a hole covers in part become zero. */
static int clear_part(struct nb_task *t, struct nb_address_space *as, uint64_t from, uint64_t to)
{
	uint64_t page_bytes = UINT64_C(1) << as->sys->page_shift;
	struct nb_zone *z = NULL;
	struct nb_page *page;
	int err;

	if (from >= to)
		return 0;
	if (!nb_as_is_shmem(as)) { /* zeroes are written, as far as the file goes */
		uint64_t end = to < as->size ? to : as->size, n;

		return from < end ? nb_file_write(t, as, from, NULL, end - from, &n) : 0;
	}
	err = nb_shmem_get_page(t, as, from >> as->sys->page_shift, false, &z, &page);
	if (err < 0)
		return err == -NB_ENOENT ? 0 : err;
	if (nb_page_bytes(z, page))
		memset((char *)nb_page_bytes(z, page) + (from & (page_bytes - 1)), 0, to - from);
	nb_file_mark_dirty(z, page, t->cpu);
	nb_put_page(as->sys, z, page, t->cpu);
	return 0;
}

static int punch(struct nb_task *t, struct nb_address_space *as, uint64_t offset, uint64_t end)
{
	uint64_t page_bytes = UINT64_C(1) << as->sys->page_shift;
	uint64_t first = (offset + page_bytes - 1) & ~(page_bytes - 1);
	uint64_t last = end & ~(page_bytes - 1);
	int err;

	if (first > last) /* inside one page */
		return clear_part(t, as, offset, end);
	err = clear_part(t, as, offset, first);
	if (!err)
		err = clear_part(t, as, last, end);
	if (!err && first < last)
		err = nb_file_punch_mapped(t, as, first, last - first);
	return err;
}

/* The pages that fallocate() made carry a mark until it is over. */
static void end_fallocate(struct nb_task *t, struct nb_address_space *as, uint64_t last, bool keep)
{
	uint64_t i = 0;
	bool more = true;

	while (more) {
		nb_lock(&as->lock, as->sys->port);
		more = nb_radix_next_marked(&as->pages, &i, last, NB_MARK_TOWRITE);
		if (more)
			nb_radix_clear_mark(&as->pages, i, NB_MARK_TOWRITE);
		nb_unlock(&as->lock, as->sys->port);
		if (more && !keep)
			nb_file_drop_range(as->sys, t, as, i, i);
	}
}

/* Makes the page at index if it is a hole. */
static int fill_hole(struct nb_task *t, struct nb_address_space *as, uint64_t index)
{
	bool had = nb_file_node(as, index) >= 0;
	struct nb_zone *z = NULL;
	struct nb_page *page;
	int err = nb_shmem_get_page(t, as, index, true, &z, &page);

	if (err < 0)
		return err;
	if (!had) {
		nb_lock(&as->lock, as->sys->port);
		nb_radix_set_mark(&as->pages, index, NB_MARK_TOWRITE);
		nb_unlock(&as->lock, as->sys->port);
	}
	nb_file_mark_dirty(z, page, t->cpu);
	nb_put_page(as->sys, z, page, t->cpu);
	return 0;
}

int nb_file_fallocate(struct nb_task *t, struct nb_address_space *file, uint64_t offset,
		      uint64_t bytes, bool punch_hole)
{
	unsigned shift = file->sys->page_shift;
	uint64_t end = offset + bytes, last = (end - 1) >> shift;
	int err = 0;

	if (!t->alive)
		return -NB_ESRCH;
	if (!bytes)
		return -NB_EINVAL;
	if (file->kind == NB_AS_HUGETLB)
		return nb_huge_fallocate(t, file, offset, bytes, punch_hole);
	if (end < offset || last > NB_AS_MAX_INDEX)
		return -NB_EFBIG;
	if (punch_hole)
		return punch(t, file, offset, end);
	if (!nb_as_is_shmem(file)) { /* a disk's blocks are nobody's: only the size is kept */
		if (end > file->size)
			file->size = end;
		return 0;
	}
	for (uint64_t i = offset >> shift; !err && i <= last; i++)
		err = nb_fatal_signal(t) ? -NB_EINTR : fill_hole(t, file, i);
	end_fallocate(t, file, last, !err);
	nb_oom_leave(t);
	if (!err && end > nb_as_size(file))
		nb_as_set_size(file, end);
	return err;
}
