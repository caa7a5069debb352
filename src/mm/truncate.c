/* truncate.c -- pages out of a file's cache: by truncation, holes, and for room.
 *
 * Called by drivers (nb_file_truncate()), by file.c at a file's end, shmem.c (holes), fadvise.c.
 * Truncation takes all pages of a range, out of mappings first, dirty or not; what is under way
 * to or from the disk is waited for. Private copies of pages behind the new end go too, as the
 * addresses are no memory any more. Invalidation takes only what nobody would miss.
 * Source: mm/truncate.c, truncate_inode_pages_range(), mapping_try_invalidate();
 * mm/memory.c, unmap_mapping_range().
 */
#include "base/mem.h"
#include "mm/fault.h"
#include "mm/file_event.h"
#include "mm/hugetlb.h"
#include "mm/lru.h"
#include "mm/replica.h"
#include "mm/writeback.h"

struct unmap_range {
	uint64_t first, last;
	int cpu;
	int holder; /* the CPU whose task may have its mm locked, or -1 */
};

/* All entries of v that stand for the range; where the file ends before it, those of private copies
 * as well. A hole leaves copies alone. */
static int unmap_vma(void *arg, struct nb_vma *v)
{
	const struct unmap_range *r = arg;
	uint64_t first = r->first > v->pgoff ? r->first : v->pgoff;
	uint64_t end = v->end;
	struct nb_task stand_in = {.sys = v->mm->sys, .mm = v->mm, .cpu = r->cpu, .alive = true};
	int locked = nb_mm_trylock(v->mm, r->holder);

	if (!locked)
		return -NB_EAGAIN;
	if (r->last != UINT64_MAX && nb_vma_address(v, r->last) != UINT64_MAX)
		end = nb_vma_address(v, r->last) + (UINT64_C(1) << v->mm->shape.page_shift);
	if (r->last == UINT64_MAX)
		nb_zap_range(&stand_in, nb_vma_address(v, first), end);
	else
		nb_zap_file_pages(&stand_in, v, nb_vma_address(v, first), end);
	if (locked == 1)
		nb_mm_unlock(v->mm);
	return 0;
}

static void unmap_mappings(struct nb_task *t, struct nb_address_space *as, uint64_t first,
			   uint64_t last)
{
	struct nb_system *sys = as->sys;
	struct unmap_range r = {.first = first,
				.last = last,
				.cpu = nb_file_cpu(sys, t),
				.holder = t ? t->cpu : -1};
	int ret = -NB_EAGAIN;

	while (ret && __atomic_load_n(&as->rmap.tree, __ATOMIC_RELAXED)) {
		nb_lock(&as->rmap.lock, sys->port);
		ret = nb_rmap_tree_walk(&as->rmap, first, last, unmap_vma, &r);
		nb_unlock(&as->rmap.lock, sys->port);
		if (ret && sys->port->relax)
			sys->port->relax(sys->port->ctx);
	}
}

/* What stands next in [*index, last] of the cache: a page (with a reference for the caller), or
 * something else that is NULL to him: a shadow, which goes, or a memory file's swap entry. false:
 * there is nothing more. */
static bool next_in_cache(struct nb_address_space *as, uint64_t *index, uint64_t last,
			  struct nb_zone **ret_zone, struct nb_page **ret_page)
{
	struct nb_system *sys = as->sys;
	uint64_t e;

	*ret_page = NULL;
	nb_lock(&as->lock, sys->port);
	e = nb_radix_next(&as->pages, index, last);
	if (nb_radix_is_page(e)) {
		*ret_page = nb_pfn_to_page(sys, nb_radix_number(e), ret_zone);
		nb_get_page(sys, *ret_page);
	} else if (e && !nb_as_is_shmem(as)) {
		(void)nb_radix_erase(sys, &as->pages, *index);
		nb_as_add(&as->nrshadows, -1);
	}
	nb_unlock(&as->lock, sys->port);
	return e != 0;
}

/* A page, with a reference for it, leaves the file for good. It may have been mapped again, or gone
 * to the disk, since the whole range was seen to. */
static void cut_off(struct nb_task *t, struct nb_address_space *as, struct nb_zone *z,
		    struct nb_page *page, int cpu)
{
	uint64_t index = nb_page_index(page);
	struct nb_system *sys = as->sys;
	bool mine;

	nb_page_lock(sys, page);
	while ((mine = nb_page_owner(page) == as->rmap.handle) &&
	       (nb_page_mapcount(page) || nb_page_flags(page) & PG_WRITEBACK ||
		nb_file_reading(as, index))) {
		nb_page_unlock(sys, page);
		unmap_mappings(t, as, index, index);
		nb_disk_wait_page(sys, t, as, index);
		nb_page_lock(sys, page);
	}
	if (mine)
		nb_as_remove(as, z, page, 0);
	nb_page_unlock(sys, page);
	if (mine) {
		nb_event_cached(as, NB_EV_MM_FILEMAP_DELETE_FROM_PAGE_CACHE, z, page, index, cpu,
				t);
		nb_put_page(sys, z, page, cpu); /* the cache's */
	}
	nb_put_page(sys, z, page, cpu);
}

void nb_file_drop_range(struct nb_system *sys, struct nb_task *t, struct nb_address_space *as,
			uint64_t first, uint64_t last)
{
	int cpu = nb_file_cpu(sys, t);
	struct nb_zone *z = NULL;
	struct nb_page *page;
	uint64_t i = first;

	unmap_mappings(t, as, first, last);
	nb_replica_collapse_range(as, first, last, cpu);
	nb_disk_wait_range(sys, t, as, first, last);
	while (next_in_cache(as, &i, last, &z, &page)) {
		if (page)
			cut_off(t, as, z, page, cpu);
		if (i++ >= last)
			break;
	}
	if (nb_as_is_shmem(as))
		nb_shmem_drop_swap(as, first, last, cpu);
}

/* Zeroes to a backing of its own, which knows no holes. */
static int write_zeroes(struct nb_address_space *as, uint64_t offset, uint64_t bytes)
{
	static const char zeroes[512];

	if (!as->sys->backed || !as->backing.write)
		return 0;
	while (bytes) {
		uint64_t n = bytes < sizeof(zeroes) ? bytes : sizeof(zeroes);

		if (as->backing.write(as->backing.ctx, offset, zeroes, n))
			return -NB_EIO;
		offset += n;
		bytes -= n;
	}
	return 0;
}

/* The rest of the last page reads as zeroes from now on. It may have to come back from swap for
 * that: -NB_ENOMEM, -NB_EIO. */
static int clear_tail(struct nb_task *t, struct nb_address_space *as, uint64_t size)
{
	uint64_t page_bytes = UINT64_C(1) << as->sys->page_shift, in = size & (page_bytes - 1);
	uint64_t index = size >> as->sys->page_shift;
	struct nb_zone *z = NULL;
	struct nb_page *page = NULL;
	int err = 0;

	if (!in)
		return 0;
	nb_store_clear(as, index, (size_t)in);
	if (nb_as_is_shmem(as))
		err = nb_shmem_get_page(t, as, index, false, &z, &page);
	else
		page = nb_as_find(as, index, &z, NULL);
	if (!page || err < 0)
		return err == -NB_ENOENT || err >= 0 ? 0 : err;
	if (nb_page_bytes(z, page))
		memset((char *)nb_page_bytes(z, page) + in, 0, page_bytes - in);
	nb_put_page(as->sys, z, page, t->cpu);
	return 0;
}

int nb_file_truncate(struct nb_task *t, struct nb_address_space *file, uint64_t size)
{
	struct nb_system *sys = file->sys;
	uint64_t old = nb_as_size(file);
	int err;

	if (!t->alive)
		return -NB_ESRCH;
	if (size && (size - 1) >> sys->page_shift > NB_AS_MAX_INDEX)
		return -NB_EFBIG;
	if (file->kind == NB_AS_HUGETLB)
		return nb_huge_truncate(t, file, size);
	if (size < old && file->kind == NB_AS_FILE) {
		uint64_t index = size >> sys->page_shift;

		/* A page that is cut is kept: its bytes must be here before they are. */
		nb_disk_wait_range(sys, t, file, index, index);
	}
	nb_as_set_size(file, size);
	if (size >= old)
		return 0;
	nb_file_drop_range(sys, t, file, nb_as_end_index(file), UINT64_MAX);
	err = clear_tail(t, file, size);
	nb_store_drop(file, nb_as_end_index(file), UINT64_MAX);
	return err ? err : write_zeroes(file, size, old - size);
}

int nb_file_punch_mapped(struct nb_task *t, struct nb_address_space *as, uint64_t offset,
			 uint64_t bytes)
{
	unsigned shift = as->sys->page_shift;
	uint64_t first = offset >> shift, n = bytes >> shift;

	if (!n)
		return 0;
	nb_file_drop_range(as->sys, t, as, first, first + n - 1);
	nb_store_drop(as, first, first + n - 1);
	if (offset >= nb_as_size(as))
		return 0;
	return write_zeroes(as, offset,
			    bytes < nb_as_size(as) - offset ? bytes : nb_as_size(as) - offset);
}

static bool mapped(const struct nb_page *page)
{
	return nb_page_mapcount(page) != 0;
}

/* One page, if it can go. */
static bool invalidate_page(struct nb_system *sys, struct nb_address_space *as, struct nb_zone *z,
			    struct nb_page *page, bool deactivate, int cpu)
{
	bool gone = false;

	if (!mapped(page) && as->replicas.root)
		nb_replica_collapse(as, nb_page_index(page), cpu);
	if (!mapped(page) && !nb_file_reading(as, nb_page_index(page)) &&
	    nb_page_trylock(sys, page)) {
		gone = nb_as_remove_if_unused(as, z, page, 1, 0);
		nb_page_unlock(sys, page);
	}
	if (gone) {
		nb_event_cached(as, NB_EV_MM_FILEMAP_DELETE_FROM_PAGE_CACHE, z, page,
				nb_page_index(page), cpu, NULL);
		nb_put_page(sys, z, page, cpu);
	} else if (deactivate) {
		nb_lru_deactivate_file(sys, z, page, cpu);
	}
	nb_put_page(sys, z, page, cpu);
	return gone;
}

uint64_t nb_file_invalidate(struct nb_system *sys, struct nb_address_space *as, uint64_t first,
			    uint64_t last, bool deactivate, int cpu)
{
	struct nb_zone *z = NULL;
	struct nb_page *page;
	uint64_t i = first, n = 0;

	while (next_in_cache(as, &i, last, &z, &page)) {
		if (page)
			n += invalidate_page(sys, as, z, page, deactivate, cpu);
		if (i++ >= last)
			break;
	}
	return n;
}
