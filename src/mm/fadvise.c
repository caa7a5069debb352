/* fadvise.c -- posix_fadvise(2) and vm.drop_caches.
 *
 * Called by drivers through include/numabox/file.h and by sysctl.c. Files in memory take every
 * advice and do nothing. Source: mm/fadvise.c, generic_fadvise(); fs/drop_caches.c.
 */
#include "mm/lru.h"
#include "mm/vmscan.h"
#include "mm/vmstat.h"
#include "mm/writeback.h"

/* Starts to write what is dirty, then drops what is clean. */
static void dont_need(struct nb_task *t, struct nb_address_space *as, uint64_t offset,
		      uint64_t last_byte)
{
	struct nb_system *sys = as->sys;
	uint64_t page_bytes = UINT64_C(1) << sys->page_shift;
	uint64_t first = (offset + page_bytes - 1) >> sys->page_shift;
	uint64_t last = last_byte >> sys->page_shift;

	(void)nb_file_writepages(as, offset >> sys->page_shift, last, UINT64_MAX, false, NULL);
	/* A page that is meant in part stays, but for the file's last one. */
	if ((last_byte & (page_bytes - 1)) != page_bytes - 1 && last_byte != nb_as_size(as) - 1) {
		if (!last)
			return;
		last--;
	}
	if (first > last)
		return;
	nb_lru_add_drain(sys, t->cpu);
	(void)nb_file_invalidate(sys, as, first, last, true, t->cpu);
}

int nb_file_fadvise(struct nb_task *t, struct nb_address_space *file, uint64_t offset,
		    uint64_t bytes, enum nb_fadvice advice)
{
	uint64_t last = bytes && offset + bytes > offset ? offset + bytes - 1 : UINT64_MAX >> 1;
	unsigned shift = file->sys->page_shift;

	if (!t->alive)
		return -NB_ESRCH;
	if ((unsigned)advice > NB_FADV_NOREUSE)
		return -NB_EINVAL;
	if (file->kind != NB_AS_FILE)
		return 0;
	switch (advice) {
	case NB_FADV_NORMAL:
		nb_as_flag(file, 0, NB_AS_RANDOM | NB_AS_SEQUENTIAL);
		break;
	case NB_FADV_RANDOM:
		nb_as_flag(file, NB_AS_RANDOM, 0);
		break;
	case NB_FADV_SEQUENTIAL:
		nb_as_flag(file, NB_AS_SEQUENTIAL, NB_AS_RANDOM);
		break;
	case NB_FADV_WILLNEED:
		nb_readahead_force(t, file, offset >> shift,
				   (last >> shift) - (offset >> shift) + 1);
		break;
	case NB_FADV_DONTNEED:
		dont_need(t, file, offset, last);
		break;
	default:
		break;
	}
	return 0;
}

static void drop_pagecache(struct nb_system *sys, int cpu)
{
	struct nb_address_space *as;

	nb_disk_complete(sys, sys->time_ns);
	nb_lru_add_drain_all(sys);
	for (as = sys->files->files; as; as = as->next) {
		if (as->kind == NB_AS_FILE)
			(void)nb_file_invalidate(sys, as, 0, UINT64_MAX, false, cpu);
	}
}

/* Again as long as it is worth while. Source: mm/vmscan.c, drop_slab(). */
static void drop_slab(struct nb_system *sys, int cpu)
{
	uint64_t freed;
	unsigned shift = 0;

	do {
		freed = 0;
		for (unsigned i = 0; i < sys->nr_pgdat; i++)
			freed += nb_shrink_slab(sys, sys->pgdat[i]->nid, 0, NB_GFP_KERNEL, cpu);
	} while (freed >> shift++ > 1);
}

void nb_drop_caches(struct nb_system *sys, unsigned what)
{
	int cpu = nb_file_cpu(sys, NULL);

	if (what & 1) {
		if (sys->files)
			drop_pagecache(sys, cpu);
		nb_count_vm_event(sys, cpu, NB_VM_DROP_PAGECACHE);
	}
	if (what & 2) {
		drop_slab(sys, cpu);
		nb_count_vm_event(sys, cpu, NB_VM_DROP_SLAB);
	}
}
