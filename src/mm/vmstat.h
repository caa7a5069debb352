/* vmstat.h -- event counters of /proc/vmstat.
 *
 * Called by all of src/mm where the kernel counts. Counters are per CPU and made on first use; each
 * is written by its CPU, and by daemons' steps that act there. pgalloc_* and pgfree live in the
 * page sets (mm/mmzone.h), where the hot path already is; nb_vm_event() sums both.
 */
#ifndef NB_MM_VMSTAT_H
#define NB_MM_VMSTAT_H

#include "mm/mmzone.h"

/* Those of one zone type follow each other in the order of enum nb_zone_type. */
enum nb_vm_event_item {
	NB_VM_PGPGIN,
	NB_VM_PGPGOUT,
	NB_VM_PSWPIN,
	NB_VM_PSWPOUT,
	NB_VM_ALLOCSTALL, /* + zone type */
	NB_VM_PGSKIP = NB_VM_ALLOCSTALL + NB_MAX_NR_ZONES,
	NB_VM_PGACTIVATE = NB_VM_PGSKIP + NB_MAX_NR_ZONES,
	NB_VM_PGDEACTIVATE,
	NB_VM_PGFAULT,
	NB_VM_PGMAJFAULT,
	NB_VM_PGREFILL,
	NB_VM_PGREUSE,
	NB_VM_PGSTEAL_KSWAPD,
	NB_VM_PGSTEAL_DIRECT,
	NB_VM_PGSCAN_KSWAPD,
	NB_VM_PGSCAN_DIRECT,
	NB_VM_ZONE_RECLAIM_SUCCESS,
	NB_VM_ZONE_RECLAIM_FAILED,
	NB_VM_KSWAPD_LOW_WMARK_HIT_QUICKLY,
	NB_VM_KSWAPD_HIGH_WMARK_HIT_QUICKLY,
	NB_VM_PAGEOUTRUN,
	NB_VM_OOM_KILL,
	NB_VM_NUMA_PTE_UPDATES,
	NB_VM_NUMA_HINT_FAULTS,
	NB_VM_NUMA_HINT_FAULTS_LOCAL,
	NB_VM_NUMA_PAGES_MIGRATED,
	NB_VM_PGMIGRATE_SUCCESS,
	NB_VM_PGMIGRATE_FAIL,
	NB_VM_COMPACT_STALL,
	NB_VM_COMPACT_FAIL,
	NB_VM_COMPACT_SUCCESS,
	NB_VM_COMPACT_MIGRATE_SCANNED,
	NB_VM_COMPACT_FREE_SCANNED,
	NB_VM_COMPACT_ISOLATED,
	NB_VM_KCOMPACTD_WAKE,
	NB_VM_KCOMPACTD_MIGRATE_SCANNED,
	NB_VM_KCOMPACTD_FREE_SCANNED,
	NB_VM_PGLAZYFREE,
	NB_VM_PGLAZYFREED,
	NB_VM_PGSCAN_DIRECT_THROTTLE,
	NB_VM_PGSCAN_ANON,
	NB_VM_PGSCAN_FILE,
	NB_VM_PGSTEAL_ANON,
	NB_VM_PGSTEAL_FILE,
	NB_VM_SLABS_SCANNED,
	NB_VM_PGROTATED,
	NB_VM_DROP_PAGECACHE,
	NB_VM_DROP_SLAB,
	NB_VM_UNEVICTABLE_PGCULLED,
	NB_VM_UNEVICTABLE_PGSCANNED,
	NB_VM_UNEVICTABLE_PGRESCUED,
	NB_VM_UNEVICTABLE_PGMLOCKED,
	NB_VM_UNEVICTABLE_PGMUNLOCKED,
	NB_VM_SWAP_RA,
	NB_VM_SWAP_RA_HIT,
	NB_VM_HTLB_BUDDY_PGALLOC,
	NB_VM_HTLB_BUDDY_PGALLOC_FAIL,
	NB_VM_THP_FAULT_ALLOC,
	NB_VM_THP_FAULT_FALLBACK,
	NB_VM_THP_COLLAPSE_ALLOC,
	NB_VM_THP_COLLAPSE_ALLOC_FAILED,
	NB_VM_THP_SPLIT_PAGE,
	NB_VM_THP_SPLIT_PAGE_FAILED,
	NB_VM_THP_DEFERRED_SPLIT_PAGE,
	NB_VM_THP_SPLIT_PMD,
	NB_VM_THP_ZERO_PAGE_ALLOC,
	NB_VM_THP_ZERO_PAGE_ALLOC_FAILED,
	NB_VM_THP_MIGRATION_SUCCESS,
	NB_VM_THP_MIGRATION_FAIL,
	NB_NR_VM_EVENT_ITEMS
};

/* vmstat.c: makes the CPU's counters. NULL without host memory: then nothing is counted. */
_Atomic uint64_t *nb_vm_events_make(struct nb_system *sys, int cpu);

/* Counts on a CPU, as __count_vm_events(). */
static inline void nb_count_vm_events(struct nb_system *sys, int cpu, enum nb_vm_event_item item,
				      uint64_t n)
{
	_Atomic uint64_t *ev =
		sys->vm_events ? atomic_load_explicit(&sys->vm_events[cpu], memory_order_acquire)
			       : NULL;

	if (!ev)
		ev = nb_vm_events_make(sys, cpu);
	if (!ev)
		return;
	if (sys->port->relax) /* a daemon's step may count here as well */
		atomic_fetch_add_explicit(&ev[item], n, memory_order_relaxed);
	else
		atomic_store_explicit(&ev[item],
				      atomic_load_explicit(&ev[item], memory_order_relaxed) + n,
				      memory_order_relaxed);
}

static inline void nb_count_vm_event(struct nb_system *sys, int cpu, enum nb_vm_event_item item)
{
	nb_count_vm_events(sys, cpu, item, 1);
}

/* Puts what a CPU keeps back of a zone's counters into them. Source: refresh_cpu_vm_stats(),
 * cpu_vm_stats_fold(). */
void nb_fold_zone_diffs(struct nb_zone *z, struct nb_pcp *pcp, int cpu);

/* Sum over all CPUs. */
uint64_t nb_vm_event_sum(const struct nb_system *sys, enum nb_vm_event_item item);

#endif
