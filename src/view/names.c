/* names.c -- the counters' names, as data: runs of words with the kernels that have them. */
#include "view/names.h"
#include "view/formats.h"
#include <stdio.h>
#include <string.h>

/* kernels, by text format */
enum {
	F12 = NB_F_6_12,
	F1 = NB_F_6_1,
	F18 = NB_F_6_18,
	F24 = NB_F_2_6_24,
	F7 = NB_F_2_6_7,
	F10 = NB_F_3_10,
	OLD = NB_F_TO_2_6_24,
	ALL = NB_F_ALL,
	PER_NODE = NB_F_FROM_4_18, /* lists of pages per node, not per zone */
};

/* what the architecture's kernels configure */
enum {
	NUMA = 1 << 0,
	CMA = 1 << 1,
	X86 = 1 << 2,
	X86_64 = 1 << 3,
	ZONES = 1 << 4, /* no condition: the words are beginnings, one name per zone */
};

struct run {
	unsigned formats, features;
	const char *words;
};

static const struct run zone_runs[] = {
	{NB_F_FROM_2_6_24, 0, "nr_free_pages"},
	{F18, 0, "nr_free_pages_blocks"},
	{PER_NODE, 0,
	 "nr_zone_inactive_anon nr_zone_active_anon nr_zone_inactive_file "
	 "nr_zone_active_file nr_zone_unevictable nr_zone_write_pending nr_mlock"},
	{NB_F_4_18 | NB_F_5_4 | NB_F_5_10, 0, "nr_page_table_pages"},
	{NB_F_4_18 | NB_F_5_4, 0, "nr_kernel_stack"},
	{PER_NODE & ~F18, 0, "nr_bounce"},
	{PER_NODE, 0, "nr_zspages nr_free_cma"},
	{NB_F_6_6 | NB_F_6_8 | F12, X86_64, "nr_unaccepted"},
	{F10, 0,
	 "nr_inactive_anon nr_active_anon nr_inactive_file nr_active_file nr_unevictable "
	 "nr_mlock nr_anon_pages nr_mapped nr_file_pages nr_dirty nr_writeback "
	 "nr_slab_reclaimable nr_slab_unreclaimable nr_page_table_pages nr_kernel_stack "
	 "nr_unstable nr_bounce nr_vmscan_write nr_vmscan_immediate_reclaim "
	 "nr_writeback_temp nr_isolated_anon nr_isolated_file nr_shmem nr_dirtied "
	 "nr_written"},
	{F10, NUMA, "numa_hit numa_miss numa_foreign numa_interleave numa_local numa_other"},
	{F10, 0, "nr_anon_transparent_hugepages nr_free_cma"},
	{F24, 0,
	 "nr_inactive nr_active nr_anon_pages nr_mapped nr_file_pages nr_dirty "
	 "nr_writeback nr_slab_reclaimable nr_slab_unreclaimable nr_page_table_pages "
	 "nr_unstable nr_bounce nr_vmscan_write"},
	{F7, 0, "nr_dirty nr_writeback nr_unstable nr_page_table_pages nr_mapped nr_slab"},
	{0, 0, NULL},
};

static const struct run numa_runs[] = {
	{PER_NODE | F24, NUMA,
	 "numa_hit numa_miss numa_foreign numa_interleave numa_local numa_other"},
	{0, 0, NULL},
};

static const struct run node_runs[] = {
	{PER_NODE, 0,
	 "nr_inactive_anon nr_active_anon nr_inactive_file nr_active_file nr_unevictable "
	 "nr_slab_reclaimable nr_slab_unreclaimable nr_isolated_anon nr_isolated_file"},
	{NB_F_4_18, 0, "workingset_refault workingset_activate workingset_nodereclaim"},
	{NB_F_5_4, 0,
	 "workingset_nodes workingset_refault workingset_activate workingset_restore "
	 "workingset_nodereclaim"},
	{NB_F_FROM_5_10, 0,
	 "workingset_nodes workingset_refault_anon workingset_refault_file "
	 "workingset_activate_anon workingset_activate_file workingset_restore_anon "
	 "workingset_restore_file workingset_nodereclaim"},
	{PER_NODE, 0, "nr_anon_pages nr_mapped nr_file_pages nr_dirty nr_writeback"},
	{PER_NODE & ~F18, 0, "nr_writeback_temp"},
	{PER_NODE, 0, "nr_shmem nr_shmem_hugepages nr_shmem_pmdmapped"},
	{NB_F_FROM_5_4, 0, "nr_file_hugepages nr_file_pmdmapped"},
	{PER_NODE, 0, "nr_anon_transparent_hugepages"},
	{NB_F_4_18 | NB_F_5_4, 0, "nr_unstable"},
	{PER_NODE, 0, "nr_vmscan_write nr_vmscan_immediate_reclaim nr_dirtied nr_written"},
	{NB_F_FROM_6_1, 0, "nr_throttled_written"},
	{NB_F_FROM_5_4, 0, "nr_kernel_misc_reclaimable"},
	{NB_F_FROM_5_10, 0, "nr_foll_pin_acquired nr_foll_pin_released nr_kernel_stack"},
	{NB_F_FROM_5_15, 0, "nr_page_table_pages"},
	{NB_F_FROM_6_1, 0, "nr_sec_page_table_pages"},
	{NB_F_FROM_6_12, 0, "nr_iommu_pages"},
	{NB_F_FROM_5_15, 0, "nr_swapcached"},
	{NB_F_FROM_6_1, NUMA, "pgpromote_success pgpromote_candidate"},
	{F18, NUMA, "pgpromote_candidate_nrl"},
	{NB_F_FROM_6_8, 0, "pgdemote_kswapd pgdemote_direct pgdemote_khugepaged"},
	{F18, 0, "pgdemote_proactive nr_hugetlb nr_balloon_pages nr_kernel_file_pages"},
	{0, 0, NULL},
};

static const struct run writeback_runs[] = {
	{NB_F_FROM_3_10, 0, "nr_dirty_threshold nr_dirty_background_threshold"},
	{NB_F_FROM_6_12, 0, "nr_memmap_pages nr_memmap_boot_pages"},
	{0, 0, NULL},
};

static const struct run event_runs[] = {
	{ALL, 0, "pgpgin pgpgout pswpin pswpout"},
	{NB_F_FROM_2_6_24, ZONES, "pgalloc_"},
	{F7, 0, "pgalloc_high pgalloc_normal pgalloc_dma"},
	{PER_NODE, ZONES, "allocstall_"},
	{PER_NODE, ZONES, "pgskip_"},
	{ALL, 0, "pgfree pgactivate pgdeactivate"},
	{PER_NODE, 0, "pglazyfree"},
	{ALL, 0, "pgfault pgmajfault"},
	{PER_NODE, 0, "pglazyfreed pgrefill"},
	{NB_F_FROM_5_10, 0, "pgreuse"},
	{PER_NODE, 0, "pgsteal_kswapd pgsteal_direct"},
	{F24 | F10, ZONES, "pgrefill_"},
	{F24, ZONES, "pgsteal_"},
	{F10, ZONES, "pgsteal_kswapd_"},
	{F10, ZONES, "pgsteal_direct_"},
	{F24 | F10, ZONES, "pgscan_kswapd_"},
	{F24 | F10, ZONES, "pgscan_direct_"},
	{F7, 0,
	 "pgrefill_high pgrefill_normal pgrefill_dma pgsteal_high pgsteal_normal pgsteal_dma "
	 "pgscan_kswapd_high pgscan_kswapd_normal pgscan_kswapd_dma pgscan_direct_high "
	 "pgscan_direct_normal pgscan_direct_dma"},
	{NB_F_FROM_6_6, 0, "pgsteal_khugepaged"},
	{F18, 0, "pgsteal_proactive"},
	{NB_F_5_15 | F1 | NB_F_6_6, 0, "pgdemote_kswapd pgdemote_direct"},
	{NB_F_6_6, 0, "pgdemote_khugepaged"},
	{PER_NODE, 0, "pgscan_kswapd pgscan_direct"},
	{NB_F_FROM_6_6, 0, "pgscan_khugepaged"},
	{F18, 0, "pgscan_proactive"},
	{NB_F_FROM_3_10, 0, "pgscan_direct_throttle"},
	{NB_F_FROM_5_10, 0, "pgscan_anon pgscan_file pgsteal_anon pgsteal_file"},
	{NB_F_FROM_6_12, NUMA, "zone_reclaim_success"},
	{NB_F_FROM_3_10, NUMA, "zone_reclaim_failed"},
	{ALL, 0, "pginodesteal slabs_scanned"},
	{OLD, 0, "kswapd_steal"},
	{ALL, 0, "kswapd_inodesteal"},
	{NB_F_FROM_3_10, 0, "kswapd_low_wmark_hit_quickly kswapd_high_wmark_hit_quickly"},
	{ALL, 0, "pageoutrun"},
	{NB_F_TO_3_10, 0, "allocstall"},
	{ALL, 0, "pgrotated"},
	{PER_NODE, 0, "drop_pagecache drop_slab oom_kill"},
	{NB_F_FROM_3_10, NUMA, "numa_pte_updates"},
	{PER_NODE, NUMA, "numa_huge_pte_updates"},
	{NB_F_FROM_3_10, NUMA, "numa_hint_faults numa_hint_faults_local numa_pages_migrated"},
	{NB_F_FROM_3_10, 0, "pgmigrate_success pgmigrate_fail"},
	{NB_F_FROM_5_10, 0, "thp_migration_success thp_migration_fail thp_migration_split"},
	{NB_F_FROM_3_10, 0,
	 "compact_migrate_scanned compact_free_scanned compact_isolated compact_stall "
	 "compact_fail compact_success"},
	{PER_NODE, 0,
	 "compact_daemon_wake compact_daemon_migrate_scanned compact_daemon_free_scanned"},
	{NB_F_FROM_3_10, 0, "htlb_buddy_alloc_success htlb_buddy_alloc_fail"},
	{NB_F_FROM_5_15, CMA, "cma_alloc_success cma_alloc_fail"},
	{NB_F_FROM_3_10, 0,
	 "unevictable_pgs_culled unevictable_pgs_scanned unevictable_pgs_rescued "
	 "unevictable_pgs_mlocked unevictable_pgs_munlocked unevictable_pgs_cleared "
	 "unevictable_pgs_stranded thp_fault_alloc thp_fault_fallback"},
	{NB_F_FROM_5_10, 0, "thp_fault_fallback_charge"},
	{NB_F_FROM_3_10, 0, "thp_collapse_alloc thp_collapse_alloc_failed"},
	{F10, 0, "thp_split"},
	{PER_NODE, 0, "thp_file_alloc"},
	{NB_F_FROM_5_10, 0, "thp_file_fallback thp_file_fallback_charge"},
	{PER_NODE, 0,
	 "thp_file_mapped thp_split_page thp_split_page_failed thp_deferred_split_page"},
	{NB_F_FROM_6_12, 0, "thp_underused_split_page"},
	{PER_NODE, 0, "thp_split_pmd"},
	{NB_F_FROM_6_1, 0,
	 "thp_scan_exceed_none_pte thp_scan_exceed_swap_pte thp_scan_exceed_share_pte"},
	{PER_NODE, X86_64, "thp_split_pud"},
	{NB_F_FROM_3_10, 0, "thp_zero_page_alloc thp_zero_page_alloc_failed"},
	{PER_NODE, 0,
	 "thp_swpout thp_swpout_fallback balloon_inflate balloon_deflate balloon_migrate "
	 "swap_ra swap_ra_hit"},
	{NB_F_FROM_6_12, 0, "swpin_zero swpout_zero"},
	{NB_F_FROM_6_1, 0, "ksm_swpin_copy cow_ksm zswpin zswpout"},
	{NB_F_FROM_6_8, 0, "zswpwb"},
	{NB_F_FROM_5_15, X86, "direct_map_level2_splits direct_map_level3_splits"},
	{F18, X86, "direct_map_level2_collapses direct_map_level3_collapses"},
	{NB_F_FROM_5_10, 0, "nr_unstable"},
	{0, 0, NULL},
};

bool nb_names_numa(enum nb_arch arch)
{
	return arch == NB_ARCH_X86_64 || arch == NB_ARCH_ARM64 || arch == NB_ARCH_OTHER;
}

bool nb_names_cma(enum nb_arch arch)
{
	return arch == NB_ARCH_ARM64 || arch == NB_ARCH_ARM;
}

static unsigned features_of(enum nb_arch arch)
{
	unsigned f = 0;

	if (nb_names_numa(arch))
		f |= NUMA;
	if (nb_names_cma(arch))
		f |= CMA;
	if (arch == NB_ARCH_X86_64)
		f |= X86 | X86_64;
	if (arch == NB_ARCH_I386 || arch == NB_ARCH_I386PAE)
		f |= X86;
	return f;
}

static void add_per_zone(struct nb_items *items, struct nb_strings *strings, const char *prefix,
			 unsigned zones)
{
	static const char *const suffix[NB_MAX_NR_ZONES] = {"dma",  "dma32",   "normal",
							    "high", "movable", "device"};
	char name[64];

	for (unsigned z = 0; z < NB_MAX_NR_ZONES; z++) {
		if (!(zones >> z & 1))
			continue;

		int n = snprintf(name, sizeof(name), "%s%s", prefix, suffix[z]);

		nb_items_add(items, nb_strings_intern(strings, name, (size_t)n), 0);
	}
}

static void add_run(struct nb_items *items, struct nb_strings *strings, const struct run *r,
		    unsigned zones)
{
	if (r->features & ZONES) {
		add_per_zone(items, strings, r->words, zones);
		return;
	}
	for (const char *p = r->words; *p;) {
		size_t n = strcspn(p, " ");

		nb_items_add(items, nb_strings_intern(strings, p, n), 0);
		p += n + (p[n] == ' ');
	}
}

void nb_names_add(struct nb_items *items, struct nb_strings *strings, enum nb_names list,
		  const struct nb_system_info *info)
{
	static const struct run *const lists[] = {
		[NB_NAMES_ZONE] = zone_runs,   [NB_NAMES_NUMA] = numa_runs,
		[NB_NAMES_NODE] = node_runs,   [NB_NAMES_WRITEBACK] = writeback_runs,
		[NB_NAMES_EVENT] = event_runs,
	};
	unsigned features = features_of(info->arch) | ZONES, zones = info->zones;

	if (!nb_prints(info->profile, NB_F_FROM_6_1))
		zones &= ~(1u << NB_ZONE_DEVICE); /* counted, but not told, before 5.18 */
	for (const struct run *r = lists[list]; r->words; r++)
		if (nb_prints(info->profile, r->formats) && !(r->features & ~features))
			add_run(items, strings, r, zones);
}
