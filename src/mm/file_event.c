/* file_event.c -- see file_event.h: the fields of the page cache's and write-back's events.
 *
 * A file's device is that of its kind (NB_FILE_DEV, NB_SHMEM_DEV), its disk the only one there is.
 * No cgroup has a share of its own: cgroup_ino is the root's.
 */
#include "mm/file_event.h"

#define HZ 250u
#define NS_PER_JIFFY (UINT64_C(1000000000) / HZ)
#define INITIAL_JIFFIES UINT64_C(4294892296) /* (unsigned)(-300 * HZ) */
#define ROOT_CGROUP_INO 1u
#define MODE_OF_FILES 0100644u

uint64_t nb_jiffies(uint64_t ns)
{
	return INITIAL_JIFFIES + ns / NS_PER_JIFFY;
}

static uint64_t device_of(const struct nb_address_space *as)
{
	return as->kind == NB_AS_FILE ? NB_FILE_DEV : NB_SHMEM_DEV;
}

static uint64_t state_of(const struct nb_address_space *as)
{
	return as->nr_dirty ? NB_INODE_DIRTY_PAGES : 0;
}

void nb_tell_cached(struct nb_address_space *as, enum nb_event_kind kind, const struct nb_zone *z,
		    const struct nb_page *page, uint64_t index, int cpu, const struct nb_task *task)
{
	nb_emit(as->sys, kind, cpu, task, nb_zone_page_pfn(z, page), as->ino, index, device_of(as),
		nb_page_order(page));
}

void nb_tell_range(struct nb_address_space *as, enum nb_event_kind kind, uint64_t index,
		   uint64_t last, const struct nb_task *task)
{
	if (kind == NB_EV_MM_FILEMAP_FAULT)
		nb_emit(as->sys, kind, task->cpu, task, as->ino, device_of(as), index);
	else
		nb_emit(as->sys, kind, task->cpu, task, as->ino, device_of(as), index, last);
}

/* dev ino state mode dirtied_when */
static void tell_inode(struct nb_address_space *as, enum nb_event_kind kind, int cpu)
{
	nb_emit(as->sys, kind, cpu, NULL, device_of(as), as->ino, state_of(as), MODE_OF_FILES,
		nb_jiffies(as->dirtied_ns));
}

void nb_event_dirtied(struct nb_address_space *as, uint64_t index, bool first, int cpu)
{
	struct nb_system *sys = as->sys;

	if (nb_event_wanted(sys, NB_EV_WRITEBACK_DIRTY_FOLIO))
		nb_emit(sys, NB_EV_WRITEBACK_DIRTY_FOLIO, cpu, NULL, NB_FILE_DEV, as->ino, index);
	if (nb_event_wanted(sys, NB_EV_WRITEBACK_MARK_INODE_DIRTY))
		nb_emit(sys, NB_EV_WRITEBACK_MARK_INODE_DIRTY, cpu, NULL, NB_FILE_DEV, as->ino,
			state_of(as), NB_INODE_DIRTY_PAGES);
	if (first && nb_event_wanted(sys, NB_EV_WRITEBACK_DIRTY_INODE_ENQUEUE))
		tell_inode(as, NB_EV_WRITEBACK_DIRTY_INODE_ENQUEUE, cpu);
}

void nb_event_wait_writeback(struct nb_address_space *as, uint64_t index, int cpu,
			     const struct nb_task *task)
{
	if (nb_event_wanted(as->sys, NB_EV_FOLIO_WAIT_WRITEBACK))
		nb_emit(as->sys, NB_EV_FOLIO_WAIT_WRITEBACK, cpu, task, NB_FILE_DEV, as->ino,
			index);
}

void nb_event_inode_writeback(struct nb_address_space *as, enum nb_event_kind kind, int cpu)
{
	if (nb_event_wanted(as->sys, kind))
		tell_inode(as, kind, cpu);
}

void nb_event_work(struct nb_system *sys, enum nb_event_kind kind, const struct nb_wb_work *w,
		   int cpu, const struct nb_task *task)
{
	if (!nb_event_wanted(sys, kind))
		return;
	nb_emit(sys, kind, cpu, task, NB_FILE_DEV, w->nr_pages, w->sync ? NB_FILE_DEV : 0, w->sync,
		w->reason == NB_WB_REASON_PERIODIC, !w->sync, w->reason == NB_WB_REASON_BACKGROUND,
		w->reason, ROOT_CGROUP_INO);
}

void nb_event_queue_io(struct nb_system *sys, uint64_t older_ns, unsigned moved,
		       enum nb_wb_reason reason, int cpu)
{
	if (!nb_event_wanted(sys, NB_EV_WRITEBACK_QUEUE_IO))
		return;
	nb_emit(sys, NB_EV_WRITEBACK_QUEUE_IO, cpu, NULL, NB_FILE_DEV, nb_jiffies(older_ns),
		(sys->time_ns - older_ns) / 1000000u, moved, reason, ROOT_CGROUP_INO);
}

void nb_event_single_inode(struct nb_address_space *as, enum nb_event_kind kind,
			   uint64_t nr_to_write, uint64_t wrote, int cpu,
			   const struct nb_task *task)
{
	if (!nb_event_wanted(as->sys, kind))
		return;
	nb_emit(as->sys, kind, cpu, task, NB_FILE_DEV, as->ino, state_of(as) | NB_INODE_SYNC,
		nb_jiffies(as->dirtied_ns), as->writeback_index, nr_to_write, wrote,
		ROOT_CGROUP_INO);
}
