/* vmstat.c -- event counters: summing and naming them.
 *
 * Called by the engine to count (mm/vmstat.h) and by views through nb_vm_event(). Names and their
 * order are those of /proc/vmstat; zones that the architecture lacks have no line. Source:
 * mm/vmstat.c: vmstat_text[], all_vm_events(); include/linux/vm_event_item.h.
 */
#include "mm/vmstat.h"

#include "mm/pcp.h"

/* What a line of the list sums up. */
enum source { ITEM, PER_ZONE, PGALLOC, PGFREE };

static const struct {
	const char *name; /* per zone: six names */
	enum source source;
	int item;
} lines[] = {
	{"pgpgin", ITEM, NB_VM_PGPGIN},
	{"pgpgout", ITEM, NB_VM_PGPGOUT},
	{"pswpin", ITEM, NB_VM_PSWPIN},
	{"pswpout", ITEM, NB_VM_PSWPOUT},
	{"pgalloc_dma", PGALLOC, NB_ZONE_DMA},
	{"pgalloc_dma32", PGALLOC, NB_ZONE_DMA32},
	{"pgalloc_normal", PGALLOC, NB_ZONE_NORMAL},
	{"pgalloc_high", PGALLOC, NB_ZONE_HIGHMEM},
	{"pgalloc_movable", PGALLOC, NB_ZONE_MOVABLE},
	{"pgalloc_device", PGALLOC, NB_ZONE_DEVICE},
	{"allocstall_dma", PER_ZONE, NB_VM_ALLOCSTALL + NB_ZONE_DMA},
	{"allocstall_dma32", PER_ZONE, NB_VM_ALLOCSTALL + NB_ZONE_DMA32},
	{"allocstall_normal", PER_ZONE, NB_VM_ALLOCSTALL + NB_ZONE_NORMAL},
	{"allocstall_high", PER_ZONE, NB_VM_ALLOCSTALL + NB_ZONE_HIGHMEM},
	{"allocstall_movable", PER_ZONE, NB_VM_ALLOCSTALL + NB_ZONE_MOVABLE},
	{"allocstall_device", PER_ZONE, NB_VM_ALLOCSTALL + NB_ZONE_DEVICE},
	{"pgskip_dma", PER_ZONE, NB_VM_PGSKIP + NB_ZONE_DMA},
	{"pgskip_dma32", PER_ZONE, NB_VM_PGSKIP + NB_ZONE_DMA32},
	{"pgskip_normal", PER_ZONE, NB_VM_PGSKIP + NB_ZONE_NORMAL},
	{"pgskip_high", PER_ZONE, NB_VM_PGSKIP + NB_ZONE_HIGHMEM},
	{"pgskip_movable", PER_ZONE, NB_VM_PGSKIP + NB_ZONE_MOVABLE},
	{"pgskip_device", PER_ZONE, NB_VM_PGSKIP + NB_ZONE_DEVICE},
	{"pgfree", PGFREE, 0},
	{"pgactivate", ITEM, NB_VM_PGACTIVATE},
	{"pgdeactivate", ITEM, NB_VM_PGDEACTIVATE},
	{"pglazyfree", ITEM, NB_VM_PGLAZYFREE},
	{"pgfault", ITEM, NB_VM_PGFAULT},
	{"pgmajfault", ITEM, NB_VM_PGMAJFAULT},
	{"pglazyfreed", ITEM, NB_VM_PGLAZYFREED},
	{"pgrefill", ITEM, NB_VM_PGREFILL},
	{"pgreuse", ITEM, NB_VM_PGREUSE},
	{"pgsteal_kswapd", ITEM, NB_VM_PGSTEAL_KSWAPD},
	{"pgsteal_direct", ITEM, NB_VM_PGSTEAL_DIRECT},
	{"pgscan_kswapd", ITEM, NB_VM_PGSCAN_KSWAPD},
	{"pgscan_direct", ITEM, NB_VM_PGSCAN_DIRECT},
	{"pgscan_direct_throttle", ITEM, NB_VM_PGSCAN_DIRECT_THROTTLE},
	{"pgscan_anon", ITEM, NB_VM_PGSCAN_ANON},
	{"pgscan_file", ITEM, NB_VM_PGSCAN_FILE},
	{"pgsteal_anon", ITEM, NB_VM_PGSTEAL_ANON},
	{"pgsteal_file", ITEM, NB_VM_PGSTEAL_FILE},
	{"zone_reclaim_success", ITEM, NB_VM_ZONE_RECLAIM_SUCCESS},
	{"zone_reclaim_failed", ITEM, NB_VM_ZONE_RECLAIM_FAILED},
	{"slabs_scanned", ITEM, NB_VM_SLABS_SCANNED},
	{"kswapd_low_wmark_hit_quickly", ITEM, NB_VM_KSWAPD_LOW_WMARK_HIT_QUICKLY},
	{"kswapd_high_wmark_hit_quickly", ITEM, NB_VM_KSWAPD_HIGH_WMARK_HIT_QUICKLY},
	{"pageoutrun", ITEM, NB_VM_PAGEOUTRUN},
	{"pgrotated", ITEM, NB_VM_PGROTATED},
	{"drop_pagecache", ITEM, NB_VM_DROP_PAGECACHE},
	{"drop_slab", ITEM, NB_VM_DROP_SLAB},
	{"oom_kill", ITEM, NB_VM_OOM_KILL},
	{"numa_pte_updates", ITEM, NB_VM_NUMA_PTE_UPDATES},
	{"numa_hint_faults", ITEM, NB_VM_NUMA_HINT_FAULTS},
	{"numa_hint_faults_local", ITEM, NB_VM_NUMA_HINT_FAULTS_LOCAL},
	{"numa_pages_migrated", ITEM, NB_VM_NUMA_PAGES_MIGRATED},
	{"pgmigrate_success", ITEM, NB_VM_PGMIGRATE_SUCCESS},
	{"pgmigrate_fail", ITEM, NB_VM_PGMIGRATE_FAIL},
	{"compact_migrate_scanned", ITEM, NB_VM_COMPACT_MIGRATE_SCANNED},
	{"compact_free_scanned", ITEM, NB_VM_COMPACT_FREE_SCANNED},
	{"compact_isolated", ITEM, NB_VM_COMPACT_ISOLATED},
	{"compact_stall", ITEM, NB_VM_COMPACT_STALL},
	{"compact_fail", ITEM, NB_VM_COMPACT_FAIL},
	{"compact_success", ITEM, NB_VM_COMPACT_SUCCESS},
	{"compact_daemon_wake", ITEM, NB_VM_KCOMPACTD_WAKE},
	{"compact_daemon_migrate_scanned", ITEM, NB_VM_KCOMPACTD_MIGRATE_SCANNED},
	{"compact_daemon_free_scanned", ITEM, NB_VM_KCOMPACTD_FREE_SCANNED},
	{"unevictable_pgs_culled", ITEM, NB_VM_UNEVICTABLE_PGCULLED},
	{"unevictable_pgs_scanned", ITEM, NB_VM_UNEVICTABLE_PGSCANNED},
	{"unevictable_pgs_rescued", ITEM, NB_VM_UNEVICTABLE_PGRESCUED},
	{"unevictable_pgs_mlocked", ITEM, NB_VM_UNEVICTABLE_PGMLOCKED},
	{"unevictable_pgs_munlocked", ITEM, NB_VM_UNEVICTABLE_PGMUNLOCKED},
	{"htlb_buddy_alloc_success", ITEM, NB_VM_HTLB_BUDDY_PGALLOC},
	{"htlb_buddy_alloc_fail", ITEM, NB_VM_HTLB_BUDDY_PGALLOC_FAIL},
	{"thp_fault_alloc", ITEM, NB_VM_THP_FAULT_ALLOC},
	{"thp_fault_fallback", ITEM, NB_VM_THP_FAULT_FALLBACK},
	{"thp_collapse_alloc", ITEM, NB_VM_THP_COLLAPSE_ALLOC},
	{"thp_collapse_alloc_failed", ITEM, NB_VM_THP_COLLAPSE_ALLOC_FAILED},
	{"thp_split_page", ITEM, NB_VM_THP_SPLIT_PAGE},
	{"thp_split_page_failed", ITEM, NB_VM_THP_SPLIT_PAGE_FAILED},
	{"thp_deferred_split_page", ITEM, NB_VM_THP_DEFERRED_SPLIT_PAGE},
	{"thp_split_pmd", ITEM, NB_VM_THP_SPLIT_PMD},
	{"thp_zero_page_alloc", ITEM, NB_VM_THP_ZERO_PAGE_ALLOC},
	{"thp_zero_page_alloc_failed", ITEM, NB_VM_THP_ZERO_PAGE_ALLOC_FAILED},
	{"thp_migration_success", ITEM, NB_VM_THP_MIGRATION_SUCCESS},
	{"thp_migration_fail", ITEM, NB_VM_THP_MIGRATION_FAIL},
	{"swap_ra", ITEM, NB_VM_SWAP_RA},
	{"swap_ra_hit", ITEM, NB_VM_SWAP_RA_HIT},
};
#define NR_LINES (sizeof(lines) / sizeof(lines[0]))

_Atomic uint64_t *nb_vm_events_make(struct nb_system *sys, int cpu)
{
	_Atomic uint64_t *ev, *none = NULL;

	if (!sys->vm_events)
		return NULL;
	/* A CPU's counters have cache lines of their own. */
	ev = nb_system_alloc(sys, (NB_NR_VM_EVENT_ITEMS + 16) * sizeof(*ev));
	if (!ev)
		return NULL;
	ev = (_Atomic uint64_t *)(((uintptr_t)ev + 63) & ~(uintptr_t)63);
	/* a daemon that acts here may have been faster; what was made then stays unused */
	return atomic_compare_exchange_strong(&sys->vm_events[cpu], &none, ev) ? ev : none;
}

uint64_t nb_vm_event_sum(const struct nb_system *sys, enum nb_vm_event_item item)
{
	uint64_t sum = 0;

	for (unsigned cpu = 0; sys->vm_events && cpu < sys->nr_cpu_ids; cpu++) {
		_Atomic uint64_t *ev =
			atomic_load_explicit(&sys->vm_events[cpu], memory_order_acquire);

		if (ev)
			sum += atomic_load_explicit(&ev[item], memory_order_relaxed);
	}
	return sum;
}

/* pgalloc of one zone type over all nodes, or pgfree of all. */
static uint64_t sum_sets(const struct nb_system *sys, int type, bool frees)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < sys->nr_pgdat * NB_MAX_NR_ZONES; i++) {
		const struct nb_zone *z =
			&sys->pgdat[i / NB_MAX_NR_ZONES]->zone[i % NB_MAX_NR_ZONES];

		if (!frees && (int)z->type != type)
			continue;
		if (!atomic_load_explicit(&z->pageset, memory_order_acquire))
			continue;
		for (unsigned cpu = 0; cpu < sys->nr_cpu_ids; cpu++) {
			const struct nb_pcp *pcp = nb_zone_pcp_peek(z, (int)cpu);

			if (pcp)
				sum += frees ? atomic_load_explicit(&pcp->pgfree,
								    memory_order_relaxed)
					     : nb_pcp_pgalloc(pcp);
		}
	}
	return sum;
}

/* What CPUs keep back of a counter. */
static int64_t sum_diffs(const struct nb_zone *z)
{
	int64_t sum = 0;

	if (!atomic_load_explicit(&z->pageset, memory_order_acquire))
		return 0;
	for (unsigned cpu = 0; cpu < z->sys->nr_cpu_ids; cpu++) {
		const struct nb_pcp *pcp = nb_zone_pcp_peek(z, (int)cpu);

		if (pcp)
			sum += atomic_load_explicit(&pcp->free_pages_diff, memory_order_relaxed);
	}
	return sum;
}

uint64_t nb_zone_free_pages_snapshot(const struct nb_zone *z)
{
	int64_t n = (int64_t)atomic_load_explicit(&z->nr_free_pages, memory_order_relaxed) +
		    sum_diffs(z);

	return n > 0 ? (uint64_t)n : 0;
}

void nb_fold_zone_diffs(struct nb_zone *z, struct nb_pcp *pcp, int cpu)
{
	if (!atomic_load_explicit(&pcp->free_pages_diff, memory_order_relaxed) &&
	    !atomic_load_explicit(&pcp->free_cma_diff, memory_order_relaxed))
		return;
	nb_zone_lock(z, cpu);
	int64_t pages = atomic_exchange_explicit(&pcp->free_pages_diff, 0, memory_order_relaxed);
	int64_t cma = atomic_exchange_explicit(&pcp->free_cma_diff, 0, memory_order_relaxed);

	atomic_fetch_add_explicit(&z->nr_free_pages, (uint64_t)pages, memory_order_relaxed);
	atomic_fetch_add_explicit(&z->nr_free_cma, (uint64_t)cma, memory_order_relaxed);
	nb_zone_unlock(z);
}

static bool line_exists(const struct nb_system *sys, unsigned i)
{
	if (lines[i].source != PER_ZONE && lines[i].source != PGALLOC)
		return true;
	unsigned type = (unsigned)(lines[i].source == PGALLOC     ? lines[i].item
				   : lines[i].item < NB_VM_PGSKIP ? lines[i].item - NB_VM_ALLOCSTALL
								  : lines[i].item - NB_VM_PGSKIP);

	return nb_zone_configured(sys, (enum nb_zone_type)type);
}

bool nb_vm_event(const struct nb_system *sys, unsigned i, const char **ret_name,
		 uint64_t *ret_value)
{
	unsigned l;

	for (l = 0; l < NR_LINES; l++) {
		if (line_exists(sys, l) && i-- == 0)
			break;
	}
	if (l == NR_LINES)
		return false;
	*ret_name = lines[l].name;
	if (lines[l].source == PGALLOC)
		*ret_value = sum_sets(sys, lines[l].item, false);
	else if (lines[l].source == PGFREE)
		*ret_value = sum_sets(sys, 0, true);
	else
		*ret_value = nb_vm_event_sum(sys, (enum nb_vm_event_item)lines[l].item);
	return true;
}
