/* filemap.h -- inside the page cache: lookup, reading ahead, the disk, write-back, removal.
 *
 * Called by fault.c (nb_file_fault() and what is beside it), vmscan (nb_file_writepage()),
 * migrate.c, sysctl.c, and by the files of the cache themselves: file.c, filemap.c, readahead.c,
 * file_write.c, writeback.c, disk.c, truncate.c, fadvise.c, shmem.c.
 * A page whose bytes are still on their way from the disk has the mark NB_MARK_READING and one more
 * reference, the request's; one on its way to the disk PG_WRITEBACK and one more reference.
 * Locks: mm->lock of the task; each call here takes and drops the file's lock by itself and holds
 * none while it waits or allocates.
 */
#ifndef NB_MM_FILEMAP_H
#define NB_MM_FILEMAP_H

#include "mm/address_space.h"

/* PG_readahead shares a bit with PG_reclaim, as in Linux: the one means something while a page is
 * read, the other while it is written. */
#define PG_READAHEAD PG_RECLAIM

#define NB_READAHEAD_BYTES (128u << 10) /* VM_READAHEAD_PAGES */
#define NB_FAULT_AROUND_BYTES (64u << 10)
#define NB_IO_PAGES 256u /* the most in one request */
#define NB_DISK_DEPTH_MAX 64u

/* ---- filemap.c, shmem.c: for faults ---- */

/* The page of a file at index for an entry of v at addr, locked, with a reference for the caller;
 * read in, with its neighbours, where it is not there. 0; 1: it had to be read (a major fault);
 * -NB_EFAULT: behind the end of the file (SIGBUS), -NB_EIO (SIGBUS too), -NB_ENOMEM.
 * Regular files and those in memory. Source: filemap_fault(), shmem_fault(). */
int nb_file_fault(struct nb_task *t, struct nb_vma *v, uint64_t addr, struct nb_zone **ret_zone,
		  struct nb_page **ret_page);
/* For fault-around: the page of a file at index, locked, with a reference, if it is there, whole
 * and not the mark of a read-ahead; else NULL. Source: filemap_map_pages(), next_uptodate_folio().
 */
struct nb_page *nb_file_mappable(struct nb_task *t, const struct nb_vma *v, uint64_t index,
				 struct nb_zone **ret_zone);
/* A shared mapping is about to write to the page, which is locked: before its entry becomes
 * writable. 1: it was clean, and the caller does nb_balance_dirty() once it is mapped and unlocked;
 * 0: nothing is new; -NB_EAGAIN: it belongs to the file no more. Source: do_page_mkwrite(),
 * fault_dirty_shared_page(). */
int nb_file_mkwrite(struct nb_task *t, struct nb_zone *z, struct nb_page *page);
/* The page was written to through a mapping: its entry was dirty. Source: folio_mark_dirty(). */
void nb_file_mark_dirty(struct nb_zone *z, struct nb_page *page, int cpu);

/* ---- filemap.c ---- */

/* A new page at index, on an LRU list, with a reference for the caller; not read in. `reading`: it
 * has NB_MARK_READING from the beginning, so that nobody takes it for whole.
 * -NB_EEXIST: another is there already. Source: filemap_add_folio(). */
int nb_file_add_page(struct nb_task *t, struct nb_address_space *as, uint64_t index, nb_gfp_t gfp,
		     bool reading, struct nb_zone **ret_zone, struct nb_page **ret_page);
/* Is it being read? */
bool nb_file_reading(struct nb_address_space *as, uint64_t index);
/* In threaded systems a page may be cut off while it is waited for: so often it is looked for again
 * before the disk is blamed. */
#define NB_FILE_TRIES 3
/* The page is locked and about to be written to: in threaded systems whose pages hold bytes not
 * before its write-back has read them. Locked again afterwards; false: it left the file.
 * Source: folio_wait_stable(). */
bool nb_file_wait_stable(struct nb_task *t, struct nb_address_space *as, struct nb_page *page);
/* Its bytes are there: whoever waits may have it. */
void nb_file_end_reading(struct nb_address_space *as, uint64_t index);
/* References that requests to the disk hold of a page. */
static inline uint32_t nb_file_io_refs(struct nb_address_space *as, const struct nb_page *page)
{
	if (as->kind != NB_AS_FILE)
		return 0;
	return (nb_page_flags(page) & PG_WRITEBACK ? 1u : 0u) +
	       (nb_file_reading(as, nb_page_index(page)) ? 1u : 0u);
}
/* Bytes of a page in a backed system, else NULL. */
static inline void *nb_page_bytes(const struct nb_zone *z, const struct nb_page *page)
{
	if (!z->sys->backed)
		return NULL;
	return (void *)(uintptr_t)nb_page_address(z->sys, nb_zone_page_pfn(z, page));
}

/* ---- shmem.c ---- */

/* The page of a file in memory, made (zeroed) where there is none when `make`; with a reference.
 * 0; 1: it came from swap; -NB_ENOENT: a hole and not to be made; -NB_ENOMEM.
 * Source: shmem_get_folio(). */
int nb_shmem_get_page(struct nb_task *t, struct nb_address_space *as, uint64_t index, bool make,
		      struct nb_zone **ret_zone, struct nb_page **ret_page);
/* shmem_swap.c. For vmscan, which holds one reference: a page that nobody maps gets a slot, leaves
 * its file for the swap cache, and is to be written next. false: nothing is done. */
bool nb_shmem_swap_out(struct nb_system *sys, struct nb_zone *z, struct nb_page *page, int cpu);
/* The page of entry `e`, which stands at index, comes back, with a reference for the caller. 0 from
 * the swap cache; 1: it was read; -NB_EAGAIN: the entry is not there any more; -NB_ENOMEM,
 * -NB_EIO. */
int nb_shmem_swap_in(struct nb_task *t, struct nb_address_space *as, uint64_t index, uint64_t e,
		     struct nb_zone **ret_zone, struct nb_page **ret_page);
/* Calls fn for each entry that a file in memory holds. */
void nb_shmem_each_swap(const struct nb_system *sys, void (*fn)(void *arg, uint64_t entry),
			void *arg);
/* swapoff: all that is in the area comes back, allocated as the task would. 0, -NB_ENOMEM, -NB_EIO.
 */
int nb_shmem_unuse(struct nb_task *t, unsigned area);
/* MADV_WILLNEED: those of pages [first, last] that are out are read into the swap cache, placed as
 * faults of the VMA that maps the file would. Source: shmem_swapin_range(). */
void nb_shmem_willneed(struct nb_task *t, struct nb_vma *v, uint64_t first, uint64_t last);
/* Entries of swapped pages in [first, last] are forgotten, their slots given back. */
void nb_shmem_drop_swap(struct nb_address_space *as, uint64_t first, uint64_t last, int cpu);

/* ---- readahead.c. Source: mm/readahead.c ---- */

/* The byte behind the last read; UINT64_MAX: none. */
static inline uint64_t nb_ra_prev_pos(const struct nb_readahead *ra)
{
	return __atomic_load_n(&ra->prev_pos, __ATOMIC_RELAXED);
}
/* Faults that missed, less those that found their page. */
static inline unsigned nb_ra_misses(const struct nb_address_space *as)
{
	return __atomic_load_n(&as->ra.mmap_miss, __ATOMIC_RELAXED);
}
/* A fault missed: one more, up to a limit. */
static inline void nb_ra_miss(struct nb_address_space *as, unsigned max)
{
	unsigned n = nb_ra_misses(as);

	if (n < max)
		__atomic_store_n(&as->ra.mmap_miss, n + 1, __ATOMIC_RELAXED);
}
/* A fault found its page: one miss less. */
static inline void nb_ra_hit(struct nb_address_space *as)
{
	unsigned n = nb_ra_misses(as);

	if (n)
		__atomic_store_n(&as->ra.mmap_miss, n - 1, __ATOMIC_RELAXED);
}

/* A read wants `want` pages from index on and index is not cached. */
void nb_readahead_sync(struct nb_task *t, struct nb_address_space *as, struct nb_readahead *ra,
		       uint64_t index, uint64_t want);
/* A read came to a page that has PG_READAHEAD. */
void nb_readahead_async(struct nb_task *t, struct nb_address_space *as, struct nb_readahead *ra,
			struct nb_page *page, uint64_t want);
/* A fault missed; a fault found its page. */
void nb_readahead_fault(struct nb_task *t, struct nb_address_space *as, const struct nb_vma *v,
			uint64_t index);
void nb_readahead_fault_hit(struct nb_task *t, struct nb_address_space *as, const struct nb_vma *v,
			    struct nb_page *page);
/* Reads [index, index + want) whatever the pattern is: WILLNEED. */
void nb_readahead_force(struct nb_task *t, struct nb_address_space *as, uint64_t index,
			uint64_t want);

/* ---- disk.c ---- */

/* One request for consecutive pages, which are marked and referenced already. Returns when it will
 * be done. */
uint64_t nb_disk_submit(struct nb_address_space *as, bool write, uint64_t index, unsigned pages);
/* Ends what is done at `now_ns`. */
void nb_disk_complete(struct nb_system *sys, uint64_t now_ns);
/* The system's time went on: ends what is done, where no driver does it (nb_writeback_step()). */
void nb_disk_passes(struct nb_system *sys);
/* When the next request ends; UINT64_MAX: none is under way. */
uint64_t nb_disk_next_ns(const struct nb_system *sys);
/* Requests under way, of write-back. */
unsigned nb_disk_writes(const struct nb_system *sys);
/* Waits until the page at index is neither read nor written. `t` may be NULL. */
void nb_disk_wait_page(struct nb_system *sys, struct nb_task *t, struct nb_address_space *as,
		       uint64_t index);
/* Waits until nothing of the file in [first, last] is. */
void nb_disk_wait_range(struct nb_system *sys, struct nb_task *t, struct nb_address_space *as,
			uint64_t first, uint64_t last);
/* Lets the time come to until_ns, as far as the port has it. */
void nb_wait_until(struct nb_system *sys, struct nb_task *t, enum nb_wait_reason why,
		   uint64_t until_ns);
/* Bytes of a file without backing of its own, kept by the system (backed systems only). */
int nb_store_read(struct nb_address_space *as, uint64_t index, void *buf);
int nb_store_write(struct nb_address_space *as, uint64_t index, const void *buf);
/* Bytes of the page from `from` on become zero. */
void nb_store_clear(struct nb_address_space *as, uint64_t index, size_t from);
void nb_store_drop(struct nb_address_space *as, uint64_t first, uint64_t last);

/* file.c: a reference of a file that a list still has; false: it is going away. */
bool nb_file_tryget(struct nb_address_space *file);

/* ---- writeback.c. Source: mm/page-writeback.c, fs/fs-writeback.c ---- */

struct nb_dirty_limits {
	uint64_t dirtyable, thresh, background; /* pages */
};
void nb_dirty_limits(const struct nb_system *sys, struct nb_dirty_limits *ret);
/* Pages that a node may have dirty or being written, and whether it has less. */
uint64_t nb_node_dirty_limit(const struct nb_system *sys, const struct nb_pgdat *pgdat);
bool nb_node_dirty_ok(struct nb_system *sys, struct nb_pgdat *pgdat);
/* The task made `pages` more dirty: starts write-back, or makes it wait.
 * Source: balance_dirty_pages_ratelimited(). */
void nb_balance_dirty(struct nb_task *t, uint64_t pages);
/* Writes up to `max` dirty pages of [first, last]; those marked TOWRITE alone where `towrite`.
 * Returns how many were handed to the disk; *next goes behind the last. */
uint64_t nb_file_writepages(struct nb_address_space *as, uint64_t first, uint64_t last,
			    uint64_t max, bool towrite, uint64_t *next);
/* Reclaim finds that all it looks at is dirty: the flusher is to write everything, now.
 * Source: wakeup_flusher_threads(). */
void nb_wakeup_flusher(struct nb_system *sys);
/* All that is dirty in [first, last] now is on the disk afterwards. 0 or -NB_EIO. */
int nb_file_write_and_wait(struct nb_system *sys, struct nb_task *t, struct nb_address_space *as,
			   uint64_t first, uint64_t last);

/* ---- truncate.c. Source: mm/truncate.c ---- */

/* Drops pages [first, last] from the cache and from all mappings, dirty ones too. */
void nb_file_drop_range(struct nb_system *sys, struct nb_task *t, struct nb_address_space *as,
			uint64_t first, uint64_t last);
/* A hole of whole pages: they read as zeroes from now on, and hold no memory. The caller may hold
 * the lock of its own mm. 0 or -NB_EIO. Source: vfs_fallocate() with FALLOC_FL_PUNCH_HOLE. */
int nb_file_punch_mapped(struct nb_task *t, struct nb_address_space *as, uint64_t offset,
			 uint64_t bytes);
/* Drops those that are clean, unmapped and not in use; returns their number. Those that could not
 * go move to the end of their list where `deactivate`. */
uint64_t nb_file_invalidate(struct nb_system *sys, struct nb_address_space *as, uint64_t first,
			    uint64_t last, bool deactivate, int cpu);

#endif
