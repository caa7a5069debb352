/* file_write.c -- write(2): bytes into the page cache.
 *
 * Called by drivers through include/numabox/file.h. Page by page: the page is found or made (its
 * request says that it will be dirty, so that the allocator spreads dirty pages over nodes); one
 * that is written in part and lies in the file is read first; then it is dirty. The disk sees it
 * later (writeback.c), and the writer waits where too much is dirty. Files in memory: the same
 * without a disk. Source: mm/filemap.c, generic_perform_write(); mm/shmem.c, shmem_write_begin().
 */
#include "base/mem.h"
#include "mm/file_event.h"
#include "mm/lru.h"
#include "mm/oom.h"
#include "mm/replica.h"
#include "mm/writeback.h"

/* Reads a new page that will be written in part; it has NB_MARK_READING. */
static int fill(struct nb_task *t, struct nb_address_space *as, uint64_t index,
		struct nb_page *page)
{
	nb_get_page(as->sys, page);
	(void)nb_disk_submit(as, false, index, 1);
	nb_disk_wait_page(as->sys, t, as, index);
	return nb_page_owner(page) == as->rmap.handle ? 0 : -NB_EIO;
}

/* The page at index. *ret_fresh: nobody may read it before it is written to: NB_MARK_READING keeps
 * others off it (in threaded systems). */
static int begin(struct nb_task *t, struct nb_address_space *as, uint64_t index, bool whole,
		 struct nb_zone **z, struct nb_page **page, bool *ret_fresh)
{
	bool must_read;
	nb_gfp_t gfp = as->gfp | NB_GFP_BIT_WRITE;
	uint64_t shift = as->sys->page_shift;
	int err, tries = NB_FILE_TRIES;

	*ret_fresh = false;
	if (nb_as_is_shmem(as)) {
		err = nb_shmem_get_page(t, as, index, true, z, page);
		return err < 0 ? err : 0;
	}
	for (;;) {
		*ret_fresh = false;
		nb_replica_collapse(as, index, t->cpu);
		*page = nb_as_find(as, index, z, NULL);
		if (*page) {
			if (nb_file_reading(as, index))
				nb_disk_wait_page(as->sys, t, as, index);
			if (nb_page_owner(*page) == as->rmap.handle)
				return 0;
			nb_put_page(as->sys, *z, *page, t->cpu); /* it went meanwhile */
			continue;
		}
		must_read = !whole && index << shift < nb_as_size(as);
		*ret_fresh = !must_read && as->sys->port->relax;
		err = nb_file_add_page(t, as, index, gfp, must_read || *ret_fresh, z, page);
		if (err == -NB_EEXIST)
			continue;
		if (err)
			return err;
		if (!must_read)
			break;
		err = fill(t, as, index, *page);
		if (!err)
			return 0;
		nb_put_page(as->sys, *z, *page, t->cpu);
		if (!as->sys->port->relax || !tries--)
			return err; /* else it may have been cut off meanwhile */
	}
	if (!whole && nb_page_bytes(*z, *page))
		memset(nb_page_bytes(*z, *page), 0, (size_t)1 << shift);
	return 0;
}

static int write_page(struct nb_task *t, struct nb_address_space *as, uint64_t offset,
		      const void *buf, uint64_t bytes)
{
	struct nb_system *sys = as->sys;
	uint64_t page_bytes = UINT64_C(1) << sys->page_shift;
	uint64_t index = offset >> sys->page_shift, in = offset & (page_bytes - 1);
	bool newly, fresh;
	struct nb_page *page = NULL;
	struct nb_zone *z = NULL;
	char *p;
	int err;

	for (;;) {
		err = begin(t, as, index, bytes == page_bytes, &z, &page, &fresh);
		if (err)
			return err;
		nb_page_lock(sys, page);
		if (nb_file_wait_stable(t, as, page))
			break;
		nb_page_unlock(sys, page); /* cut off meanwhile */
		nb_put_page(sys, z, page, t->cpu);
	}
	p = nb_page_bytes(z, page);
	if (p && buf)
		memcpy(p + in, buf, bytes);
	else if (p)
		memset(p + in, 0, bytes);
	if (fresh)
		nb_file_end_reading(as, index);
	nb_as_grow(as, offset + bytes);
	newly = !(nb_page_flags(page) & PG_DIRTY);
	nb_file_mark_dirty(z, page, t->cpu);
	nb_page_unlock(sys, page);
	nb_put_page(sys, z, page, t->cpu);
	if (newly && !nb_as_is_shmem(as))
		nb_balance_dirty(t, 1);
	return 0;
}

int nb_file_write(struct nb_task *t, struct nb_address_space *file, uint64_t offset,
		  const void *buf, uint64_t bytes, uint64_t *ret_bytes)
{
	uint64_t page_bytes = UINT64_C(1) << file->sys->page_shift, done = 0;
	uint64_t max = (NB_AS_MAX_INDEX + 1) << file->sys->page_shift;
	int err = 0;

	*ret_bytes = 0;
	if (!t->alive)
		return -NB_ESRCH;
	if (file->kind == NB_AS_HUGETLB) /* files of huge pages are written through mappings */
		return -NB_EINVAL;
	if (bytes && offset >= max)
		return -NB_EFBIG;
	if (bytes > max - offset)
		bytes = max - offset;
	while (done < bytes && !nb_fatal_signal(t)) {
		uint64_t at = offset + done, n = page_bytes - (at & (page_bytes - 1));

		if (n > bytes - done)
			n = bytes - done;
		err = write_page(t, file, at, buf ? (const char *)buf + done : NULL, n);
		if (err)
			break;
		done += n;
	}
	*ret_bytes = done;
	if (nb_fatal_signal(t) && !done)
		err = -NB_EINTR;
	nb_oom_leave(t);
	return done ? 0 : err;
}

int nb_file_sync(struct nb_task *t, struct nb_address_space *file)
{
	return nb_file_write_and_wait(file->sys, t, file, 0, UINT64_MAX);
}

/* What is dirty of a file goes to the disk, as the flusher would do it. */
static uint64_t write_all(struct nb_address_space *as, int cpu, const struct nb_task *t)
{
	uint64_t all = UINT64_MAX >> 1, n;

	nb_event_single_inode(as, NB_EV_WRITEBACK_SINGLE_INODE_START, all, 0, cpu, t);
	n = nb_file_writepages(as, 0, UINT64_MAX, UINT64_MAX, false, NULL);
	nb_event_single_inode(as, NB_EV_WRITEBACK_SINGLE_INODE, all, n, cpu, t);
	return n;
}

int nb_sync(struct nb_system *sys, struct nb_task *t)
{
	struct nb_wb_work work = {
		.reason = NB_WB_REASON_SYNC, .nr_pages = UINT64_MAX >> 1, .sync = true};
	int err = 0, ret, cpu = nb_file_cpu(sys, t);
	struct nb_address_space *as;
	unsigned i;

	/* First all are handed to the disk, then each is waited for. */
	nb_event_work(sys, NB_EV_WRITEBACK_START, &work, cpu, t);
	for (i = 0; (as = nb_file_at(sys, i)); i++) {
		if (as->kind == NB_AS_FILE && nb_as_read(&as->nr_dirty))
			work.nr_pages -= write_all(as, cpu, t);
	}
	nb_event_work(sys, NB_EV_WRITEBACK_WRITTEN, &work, cpu, t);
	for (i = 0; (as = nb_file_at(sys, i)); i++) {
		if (as->kind != NB_AS_FILE ||
		    !(nb_as_read(&as->nr_dirty) || nb_as_read(&as->nr_writeback)))
			continue;
		ret = nb_file_write_and_wait(sys, t, as, 0, UINT64_MAX);
		err = err ? err : ret;
	}
	return err;
}
