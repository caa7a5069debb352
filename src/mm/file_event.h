/* file_event.h -- what the page cache and write-back tell of: the kernel's filemap and writeback
 * tracepoints.
 *
 * Called by address_space.c, filemap.c, fault_file.c, disk.c, writeback.c, truncate.c and reclaim,
 * where the kernel has its tracepoints. Each costs one predicted branch while nobody listens. They
 * may be called under a file's lock. Pages of memory files are told of by removal alone, as there.
 * Units: pages, ns. Source: include/trace/events/{filemap,writeback}.h.
 */
#ifndef NB_MM_FILE_EVENT_H
#define NB_MM_FILE_EVENT_H

#include "mm/address_space.h"
#include "mm/event.h"

/* A page came into the cache at index, or left it: `kind` says which. */
void nb_tell_cached(struct nb_address_space *as, enum nb_event_kind kind, const struct nb_zone *z,
		    const struct nb_page *page, uint64_t index, int cpu,
		    const struct nb_task *task);
static inline void nb_event_cached(struct nb_address_space *as, enum nb_event_kind kind,
				   const struct nb_zone *z, const struct nb_page *page,
				   uint64_t index, int cpu, const struct nb_task *task)
{
	if (nb_event_wanted(as->sys, kind))
		nb_tell_cached(as, kind, z, page, index, cpu, task);
}

/* Readers got, or faults mapped, pages [index, last]; a fault came to one (`last` is not told). */
void nb_tell_range(struct nb_address_space *as, enum nb_event_kind kind, uint64_t index,
		   uint64_t last, const struct nb_task *task);
static inline void nb_event_range(struct nb_address_space *as, enum nb_event_kind kind,
				  uint64_t index, uint64_t last, const struct nb_task *task)
{
	if (nb_event_wanted(as->sys, kind))
		nb_tell_range(as, kind, index, last, task);
}

/* The page at index became dirty; `first`: no other of the file was. */
void nb_event_dirtied(struct nb_address_space *as, uint64_t index, bool first, int cpu);
/* Somebody waits for the page at index, which is being written. */
void nb_event_wait_writeback(struct nb_address_space *as, uint64_t index, int cpu,
			     const struct nb_task *task);
/* The file's first page under write-back began, its last one ended (NB_EV_SB_*). */
void nb_event_inode_writeback(struct nb_address_space *as, enum nb_event_kind kind, int cpu);

/* A piece of the flusher's work, or of sync(): begins, ends after `written` pages. */
struct nb_wb_work {
	enum nb_wb_reason reason;
	uint64_t nr_pages; /* left to be written; UINT64_MAX >> 1: as many as there are */
	bool sync;         /* the caller waits for all of it */
};
void nb_event_work(struct nb_system *sys, enum nb_event_kind kind, const struct nb_wb_work *w,
		   int cpu, const struct nb_task *task);
/* `moved` files that were dirtied at or before older_ns are taken up by the flusher. */
void nb_event_queue_io(struct nb_system *sys, uint64_t older_ns, unsigned moved,
		       enum nb_wb_reason reason, int cpu);
/* One file's turn: of nr_to_write pages `wrote` were handed to the disk (0 at the start). */
void nb_event_single_inode(struct nb_address_space *as, enum nb_event_kind kind,
			   uint64_t nr_to_write, uint64_t wrote, int cpu,
			   const struct nb_task *task);

/* A time of the system as the kernel's jiffies. */
uint64_t nb_jiffies(uint64_t ns);

#endif
