/* msync.c -- msync(2): what shared mappings of files have made dirty goes to the disk.
 *
 * Called by drivers through include/numabox/file.h. Pages that are written to through a mapping are
 * dirty from the first write on (filemap.c), so the file's range is all there is to write.
 * Addresses and lengths in bytes. Source: mm/msync.c.
 */
#include "mm/fault.h"
#include "mm/filemap.h"
#include "mm/mmap.h"

/* One mapping's part of [start, end). The lock is dropped while it is written. */
static int sync_vma(struct nb_task *t, const struct nb_vma *v, uint64_t start, uint64_t end)
{
	struct nb_address_space *as = v->file;
	uint64_t first = nb_vma_pgoff(v, start), last = nb_vma_pgoff(v, end - 1);
	int err;

	nb_file_get(as);
	nb_mm_unlock(t->mm);
	err = nb_file_write_and_wait(t->sys, t, as, first, last);
	nb_file_put(as);
	nb_mm_lock(t->mm, t->cpu);
	return err;
}

static int sync_range(struct nb_task *t, uint64_t start, uint64_t end, int flags)
{
	int unmapped = 0;

	while (start < end) {
		const struct nb_vma *v = nb_vma_first_above(t->mm, start);
		uint64_t stop;
		int err;

		if (!v || v->start >= end)
			return -NB_ENOMEM;
		if (start < v->start) {
			if (flags == NB_MS_ASYNC)
				return -NB_ENOMEM;
			unmapped = -NB_ENOMEM;
			start = v->start;
		}
		if (flags & NB_MS_INVALIDATE && v->flags & NB_VM_LOCKED)
			return -NB_EBUSY;
		stop = v->end < end ? v->end : end;
		err = flags & NB_MS_SYNC && v->file && v->shared && v->file->kind == NB_AS_FILE
			      ? sync_vma(t, v, start, stop)
			      : 0;
		if (err)
			return err;
		start = stop;
	}
	return unmapped;
}

int nb_msync(struct nb_task *t, uint64_t addr, uint64_t length, int flags)
{
	uint64_t page = UINT64_C(1) << t->sys->page_shift, end;
	int err;

	if (!t->alive)
		return -NB_ESRCH;
	if (flags & ~(NB_MS_ASYNC | NB_MS_INVALIDATE | NB_MS_SYNC) || addr & (page - 1) ||
	    (flags & NB_MS_ASYNC && flags & NB_MS_SYNC))
		return -NB_EINVAL;
	end = addr + ((length + page - 1) & ~(page - 1));
	if (end < addr)
		return -NB_ENOMEM;
	if (end == addr)
		return 0;
	nb_mm_lock(t->mm, t->cpu);
	err = sync_range(t, addr, end, flags);
	nb_mm_unlock(t->mm);
	return err;
}
