/* filemap.c -- pages of a file on a disk: into the cache, to readers and to faults.
 *
 * A reader asks page by page: what is missing is read ahead (readahead.c); what is on its way is
 * waited for. New pages come by the *task's* policy, never a VMA's, from the file's gfp mask; the
 * node of a shared page of a file is thus the business of whoever touched it first.
 * Source: mm/filemap.c, filemap_get_pages(), filemap_read(), filemap_fault(),
 * filemap_map_pages(), filemap_add_folio(); facts 10.1.
 */
#include "mm/filemap.h"

#include "base/mem.h"
#include "mm/cpuset.h"
#include "mm/file_event.h"
#include "mm/hugetlb.h"
#include "mm/lru.h"
#include "mm/memcg.h"
#include "mm/oom.h"
#include "mm/replica.h"
#include "mm/page_alloc.h"
#include "mm/vmscan.h"
#include "mm/vmstat.h"

#define BATCH_PAGES 31u /* of one filemap_get_pages(): PAGEVEC_SIZE */

int nb_file_add_page(struct nb_task *t, struct nb_address_space *as, uint64_t index, nb_gfp_t gfp,
		     bool reading, struct nb_zone **ret_zone, struct nb_page **ret_page)
{
	struct nb_system *sys = as->sys;
	int nid = nb_cpuset_spread_page_node(t); /* none, mostly: the policy decides */
	struct nb_alloc_request rq = {.gfp = gfp, .cpu = t->cpu, .nid = nid, .task = t};
	nb_pfn_t pfn = nb_alloc_pages(sys, &rq);
	struct nb_page *page;
	struct nb_zone *z = NULL;
	uint64_t shadow = 0;
	int err;

	if (pfn == NB_NO_PFN)
		return -NB_ENOMEM;
	page = nb_pfn_to_page(sys, pfn, &z);
	err = nb_memcg_charge(t, z, page, gfp)
		      ? nb_as_insert_reading(as, index, z, page, reading, &shadow)
		      : -NB_ENOMEM;
	if (err) {
		nb_put_page(sys, z, page, t->cpu);
		return err;
	}
	nb_event_cached(as, NB_EV_MM_FILEMAP_ADD_TO_PAGE_CACHE, z, page, index, t->cpu, t);
	/* A page that will be overwritten is no refault. Source: filemap_add_folio(). */
	if (shadow && !(gfp & NB_GFP_BIT_WRITE))
		nb_workingset_refault(sys, z, page, shadow);
	if (t->in_lru_fault)
		nb_lru_add_fault(sys, z, page, t->cpu);
	else
		nb_lru_add(sys, z, page, t->cpu);
	*ret_zone = z;
	*ret_page = page;
	return 0;
}

bool nb_file_reading(struct nb_address_space *as, uint64_t index)
{
	bool reading;

	if (!as->sys->port->relax && !nb_radix_marked(&as->pages, NB_MARK_READING))
		return false;
	nb_lock(&as->lock, as->sys->port);
	reading = nb_radix_get_mark(&as->pages, index, NB_MARK_READING);
	nb_unlock(&as->lock, as->sys->port);
	return reading;
}

void nb_file_end_reading(struct nb_address_space *as, uint64_t index)
{
	nb_lock(&as->lock, as->sys->port);
	nb_radix_clear_mark(&as->pages, index, NB_MARK_READING);
	nb_unlock(&as->lock, as->sys->port);
}

bool nb_file_wait_stable(struct nb_task *t, struct nb_address_space *as, struct nb_page *page)
{
	struct nb_system *sys = as->sys;

	while (nb_page_owner(page) == as->rmap.handle) {
		if (!sys->port->relax || !sys->backed || nb_as_is_shmem(as) ||
		    !(nb_page_flags(page) & PG_WRITEBACK))
			return true;
		nb_page_unlock(sys, page);
		nb_disk_wait_page(sys, t, as, nb_page_index(page));
		nb_page_lock(sys, page);
	}
	return false;
}

/* Reads one page that no read-ahead brought. Source: filemap_create_folio(). */
static int read_alone(struct nb_task *t, struct nb_address_space *as, uint64_t index,
		      struct nb_zone **ret_zone, struct nb_page **ret_page)
{
	int err = nb_file_add_page(t, as, index, as->gfp, true, ret_zone, ret_page);

	if (err)
		return err;
	nb_get_page(as->sys, *ret_page);
	(void)nb_disk_submit(as, false, index, 1);
	return 0;
}

/* After read-ahead: *page, where it is still NULL, is read by itself, or found after all. */
static int find_or_read_alone(struct nb_task *t, struct nb_address_space *as, uint64_t index,
			      struct nb_zone **ret_zone, struct nb_page **page)
{
	while (!*page) {
		int err = read_alone(t, as, index, ret_zone, page);

		if (err == -NB_EEXIST)
			*page = nb_as_find(as, index, ret_zone, NULL);
		else if (err)
			return err;
	}
	return 0;
}

/* Waits for the bytes, if they are on their way. -NB_EIO: they cannot be read, the page left the
 * cache. */
static int wait_read(struct nb_task *t, struct nb_address_space *as, uint64_t index,
		     const struct nb_page *page, bool reading)
{
	if (reading)
		nb_disk_wait_page(as->sys, t, as, index);
	return nb_page_owner(page) == as->rmap.handle ? 0 : -NB_EIO;
}

/* The page at index for a reader of `want` pages, whole. 0; 1: pages that are got together end with
 * it, as it is marked by read-ahead or was still on its way. Source: filemap_get_read_batch(). */
static int get_page(struct nb_task *t, struct nb_address_space *as, struct nb_readahead *ra,
		    uint64_t index, uint64_t want, struct nb_zone **ret_zone,
		    struct nb_page **ret_page)
{
	struct nb_page *page = nb_as_find(as, index, ret_zone, NULL);
	bool last, reading;
	int err;

	if (!page) {
		nb_readahead_sync(t, as, ra, index, want);
		page = nb_as_find(as, index, ret_zone, NULL);
	}
	err = find_or_read_alone(t, as, index, ret_zone, &page);
	if (err)
		return err;
	last = reading = nb_file_reading(as, index);
	if (nb_page_flags(page) & PG_READAHEAD) {
		last = true;
		nb_readahead_async(t, as, ra, page, want);
	}
	err = wait_read(t, as, index, page, reading);
	if (err) {
		nb_put_page(as->sys, *ret_zone, page, t->cpu);
		return err;
	}
	*ret_page = page;
	return last;
}

/* 0; 1: as get_page() has it. */
static int read_page(struct nb_task *t, struct nb_address_space *as, struct nb_readahead *ra,
		     uint64_t offset, void *buf, uint64_t bytes, uint64_t want)
{
	struct nb_system *sys = as->sys;
	unsigned shift = sys->page_shift;
	uint64_t index = offset >> shift, in = offset & ((UINT64_C(1) << shift) - 1);
	bool shmem = nb_as_is_shmem(as);
	struct nb_page *page = NULL;
	struct nb_zone *z = NULL;
	int err, tries = NB_FILE_TRIES;

	if (as->kind == NB_AS_HUGETLB) {
		nb_huge_file_read(t, as, offset, buf, bytes);
		return 0;
	}
	do {
		err = shmem ? nb_shmem_get_page(t, as, index, false, &z, &page)
			    : get_page(t, as, ra, index, want, &z, &page);
	} while (nb_unlikely(err == -NB_EIO) && sys->port->relax && tries--);
	if (err == -NB_ENOENT) { /* a hole of a file in memory */
		if (buf)
			memset(buf, 0, bytes);
		return 0;
	}
	if (err < 0)
		return err;
	if (!shmem && nb_replica_wanted(as, NULL))
		page = nb_replica_near(t, as, false, &z, page);
	if (nb_ra_prev_pos(ra) == UINT64_MAX || (nb_ra_prev_pos(ra) - 1) >> shift != index)
		nb_mark_page_accessed(sys, z, page, t->cpu);
	if (buf && nb_page_bytes(z, page))
		memcpy(buf, (char *)nb_page_bytes(z, page) + in, bytes);
	else if (buf)
		memset(buf, 0, bytes);
	nb_put_page(sys, z, page, t->cpu);
	return !shmem && err;
}

static int read_through(struct nb_task *t, struct nb_address_space *file, struct nb_readahead *ra,
			uint64_t offset, void *buf, uint64_t bytes, uint64_t *ret_bytes)
{
	unsigned shift = file->sys->page_shift;
	uint64_t page_bytes = UINT64_C(1) << shift, done = 0, end, size = nb_as_size(file);
	unsigned batch = 0; /* pages left of those that the kernel gets together */
	int err = 0;

	*ret_bytes = 0;
	if (!t->alive)
		return -NB_ESRCH;
	if (offset >= size)
		return 0;
	if (bytes > size - offset)
		bytes = size - offset;
	end = (offset + bytes + page_bytes - 1) >> shift;
	while (done < bytes) {
		uint64_t at = offset + done, n = page_bytes - (at & (page_bytes - 1));

		if (n > bytes - done)
			n = bytes - done;
		err = read_page(t, file, ra, at, buf ? (char *)buf + done : NULL, n,
				end - (at >> shift));
		if (err < 0 || nb_fatal_signal(t))
			break;
		if (!batch && file->kind == NB_AS_FILE) {
			nb_event_range(file, NB_EV_MM_FILEMAP_GET_PAGES, at >> shift, end - 1, t);
			batch = BATCH_PAGES;
		}
		batch = err || !batch ? 0 : batch - 1;
		done += n;
		__atomic_store_n(&ra->prev_pos, at + n, __ATOMIC_RELAXED);
	}
	*ret_bytes = done;
	if (nb_fatal_signal(t) && !done)
		err = -NB_EINTR;
	nb_oom_leave(t);
	return done ? 0 : err < 0 ? err : 0;
}

int nb_file_read(struct nb_task *t, struct nb_address_space *file, uint64_t offset, void *buf,
		 uint64_t bytes, uint64_t *ret_bytes)
{
	return read_through(t, file, &file->ra, offset, buf, bytes, ret_bytes);
}

void nb_open_file_init(struct nb_open_file *open, struct nb_address_space *file)
{
	*open = (struct nb_open_file){.file = file, .ra = {.prev_pos = UINT64_MAX}};
}

int nb_open_file_read(struct nb_task *t, struct nb_open_file *open, uint64_t offset, void *buf,
		      uint64_t bytes, uint64_t *ret_bytes)
{
	return read_through(t, open->file, &open->ra, offset, buf, bytes, ret_bytes);
}

/* ---- faults ---- */

static int file_fault(struct nb_task *t, struct nb_vma *v, uint64_t index,
		      struct nb_zone **ret_zone, struct nb_page **ret_page)
{
	struct nb_address_space *as = v->file;
	struct nb_page *page = nb_as_find(as, index, ret_zone, NULL);
	int major = 0, err;

	nb_event_range(as, NB_EV_MM_FILEMAP_FAULT, index, index, t);
	if (page) {
		nb_readahead_fault_hit(t, as, v, page);
	} else {
		major = 1;
		nb_count_vm_event(t->sys, t->cpu, NB_VM_PGMAJFAULT);
		nb_memcg_count(t->memcg, NB_MEMCG_PGMAJFAULT, 1);
		nb_readahead_fault(t, as, v, index);
		page = nb_as_find(as, index, ret_zone, NULL);
	}
	err = find_or_read_alone(t, as, index, ret_zone, &page);
	if (err)
		return err;
	err = wait_read(t, as, index, page, nb_file_reading(as, index));
	if (!err && index >= nb_as_end_index(as))
		err = -NB_EFAULT;
	if (err) {
		nb_put_page(as->sys, *ret_zone, page, t->cpu);
		return err;
	}
	if (nb_replica_wanted(as, v))
		page = nb_replica_near(t, as, true, ret_zone, page);
	*ret_page = page;
	return major;
}

int nb_file_fault(struct nb_task *t, struct nb_vma *v, uint64_t addr, struct nb_zone **ret_zone,
		  struct nb_page **ret_page)
{
	uint64_t index = nb_vma_pgoff(v, addr);
	bool gone, shmem = nb_as_is_shmem(v->file);
	int ret, tries = NB_FILE_TRIES;

	do {
		if (index >= nb_as_end_index(v->file))
			return -NB_EFAULT;
		/* Source: lru_gen_enter_fault(), vma_has_recency(). */
		t->in_lru_fault = !(v->flags & (NB_VM_SEQ_READ | NB_VM_RAND_READ));
		if (shmem)
			ret = nb_shmem_get_page(t, v->file, index, true, ret_zone, ret_page);
		else
			ret = file_fault(t, v, index, ret_zone, ret_page);
		t->in_lru_fault = false;
		gone = ret == -NB_EIO && t->sys->port->relax && tries--;
		if (nb_unlikely(gone))
			continue;
		if (ret < 0)
			return ret == -NB_ENOSPC ? -NB_EFAULT : ret; /* SIGBUS */
		nb_page_lock(t->sys, *ret_page);
		gone = nb_page_owner(*ret_page) != v->file->rmap.handle;
		if (nb_unlikely(gone)) { /* cut off meanwhile */
			nb_page_unlock(t->sys, *ret_page);
			nb_put_page(t->sys, *ret_zone, *ret_page, t->cpu);
		}
	} while (nb_unlikely(gone));
	if (ret == 1 && shmem)
		nb_count_vm_event(t->sys, t->cpu, NB_VM_PGMAJFAULT);
	return ret;
}

/* Locks it if it is still there; else the reference goes. */
static struct nb_page *lock_if_there(struct nb_task *t, const struct nb_address_space *as,
				     struct nb_zone *z, struct nb_page *page)
{
	bool locked = nb_page_trylock(t->sys, page);

	if (nb_likely(locked && nb_page_owner(page) == as->rmap.handle))
		return page;
	if (locked)
		nb_page_unlock(t->sys, page);
	nb_put_page(t->sys, z, page, t->cpu);
	return NULL;
}

struct nb_page *nb_file_mappable(struct nb_task *t, const struct nb_vma *v, uint64_t index,
				 struct nb_zone **ret_zone)
{
	struct nb_address_space *as = v->file;
	struct nb_page *page;

	if (index >= nb_as_end_index(as))
		return NULL;
	page = nb_as_find(as, index, ret_zone, NULL);
	if (!page)
		return NULL;
	if ((nb_page_flags(page) & PG_READAHEAD && !(nb_page_flags(page) & PG_WRITEBACK)) ||
	    nb_file_reading(as, index)) {
		nb_put_page(as->sys, *ret_zone, page, t->cpu);
		return NULL;
	}
	if (!(nb_page_flags(page) & PG_WORKINGSET))
		nb_ra_hit(as);
	if (nb_replica_wanted(as, v))
		page = nb_replica_mapped_near(t, as, ret_zone, page);
	return page ? lock_if_there(t, as, *ret_zone, page) : NULL;
}

void nb_file_mark_dirty(struct nb_zone *z, struct nb_page *page, int cpu)
{
	if (nb_as_set_dirty(z, page, cpu) && !(nb_page_flags(page) & PG_SWAPBACKED))
		nb_stat_add(z->sys, &z->nr_dirtied, 1);
}

int nb_file_mkwrite(struct nb_task *t, struct nb_zone *z, struct nb_page *page)
{
	struct nb_address_space *as = nb_page_as(t->sys, page);

	if (!as)
		return -NB_EAGAIN;
	if (nb_as_is_shmem(as)) {
		nb_file_mark_dirty(z, page, t->cpu);
		return 0;
	}
	if (nb_unlikely(as->replicas.root != NULL)) { /* it waits for the mms that map copies */
		nb_page_unlock(t->sys, page);
		nb_replica_collapse(as, nb_page_index(page), t->cpu);
		nb_page_lock(t->sys, page);
		if (nb_page_owner(page) != as->rmap.handle)
			return -NB_EAGAIN;
	}
	if (!nb_file_wait_stable(t, as, page))
		return -NB_EAGAIN;
	if (nb_page_flags(page) & PG_DIRTY)
		return 0;
	nb_file_mark_dirty(z, page, t->cpu);
	return 1;
}
