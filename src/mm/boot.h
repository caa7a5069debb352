/* boot.h -- the steps of boot, in the order in which system.c calls them.
 *
 * Each step reads what the steps before it have filled in and fills in its own
 * fields of struct nb_system; all memory comes from sys->arena. Each returns 0 or a negative
 * errno with *err.
 */
#ifndef NB_MM_BOOT_H
#define NB_MM_BOOT_H

#include "mm/mmzone.h"

/* e820.c, memblock.c, numa.c, numa_emulation.c: machine -> sys->memblock (byte ranges with
 * nodes), max_pfn, max_low_pfn, pgdat[] (ids, online, cpus), cpu_to_node, distances. */
int nb_boot_memory(struct nb_system *sys, struct nb_error *err);

/* zone.c: zone_low_pfn/high, movable.c: movable_start_pfn, then every zone's start, spanned,
 * present, managed (facts, or an estimate: present less 64 bytes a present page off each node's
 * top). */
int nb_boot_zones(struct nb_system *sys, struct nb_error *err);

/* section.c: ranges[], section table, mem_map reservations, pageblock flags. */
int nb_boot_memory_map(struct nb_system *sys, struct nb_error *err);
/* section.c, for shutdown (also of a half-booted system): gives the reservations back. */
void nb_release_memory_map(struct nb_system *sys);

/* boot_reserved.c: reserved[] of what the machine says was reserved, where that agrees with what is
 * known of managed pages; each zone's later_pages, and managed pages that nothing else tells. */
int nb_boot_reserved(struct nb_system *sys, struct nb_error *err);
/* Index of the first of reserved[] that ends past `pfn`; nr_reserved: none. */
unsigned nb_reserved_first_past(const struct nb_system *sys, nb_pfn_t pfn);

/* zonelist.c: fallback, zonelist, policy_zone, vm_total_pages, nr_zonelists, mobility_grouping. */
int nb_boot_zonelists(struct nb_system *sys, struct nb_error *err);

/* watermark.c: min_free_kbytes, marks, reserves, totalreserve, thresholds; pageset_*; as at boot,
 * from managed_at_init_pages where it is known. */
int nb_boot_watermarks(struct nb_system *sys, struct nb_error *err);

/* buddy.c: hands every managed page to the free lists in the kernel's order (extents). */
int nb_boot_free_lists(struct nb_system *sys, struct nb_error *err);

/* shuffle.c: its last step under page_alloc.shuffle=1. false without host memory. */
bool nb_shuffle_free_lists(struct nb_system *sys);

/* watermark.c, for sysctl.c and hotplug: as the functions of those names in the kernel. */
void nb_setup_per_zone_wmarks(struct nb_system *sys, bool at_init);
void nb_setup_per_zone_lowmem_reserve(struct nb_system *sys, bool at_init);
void nb_calculate_totalreserve_pages(struct nb_system *sys);
void nb_refresh_zone_stat_thresholds(struct nb_system *sys);
/* min_unmapped_pages and min_slab_pages of every zone from the present managed pages. */
void nb_setup_reclaim_ratios(struct nb_system *sys);

/* zonelist.c, for sysctl.c: takes d(efault), n(ode) or, where the kernel has it, z(one); false for
 * anything else, and nothing is changed. Then nb_build_all_zonelists() makes the lists again. */
bool nb_zonelist_set_order(struct nb_system *sys, char letter);
int nb_build_all_zonelists(struct nb_system *sys);
/* zonelist.c: did any memory come after boot, and of a zone's present pages how many? */
bool nb_has_hotadded(const struct nb_system *sys);
uint64_t nb_zone_hotadded_pages(const struct nb_system *sys, const struct nb_zone *z);

/* watermark.c: transparent huge pages were switched on or off at run time. */
void nb_thp_start_stop(struct nb_system *sys);

/* sysctl.c: is it a kernel with NUMA? */
bool nb_sysctl_has_numa(const struct nb_system *sys);
/* sysctl_boot.c: what the tunables are before anything is written; before the boot steps. */
void nb_sysctl_defaults(struct nb_system *sys);
/* sysctl_boot.c, after boot: sysctl.NAME=VALUE words of the command line, which are ignored when
 * wrong as in Linux, then the machine's own settings, of which a wrong one is an error with its
 * line. */
int nb_sysctl_apply_machine(struct nb_system *sys, struct nb_error *err);

/* pcp_setup.c: batch and high of every zone from the current marks; existing sets are updated. */
void nb_setup_per_cpu_pagesets(struct nb_system *sys);
/* The same at boot: of the pages that were managed then. Source: mm/mm_init.c,
 * page_alloc_init_late(); the initrd and init memory are freed after it. */
void nb_boot_per_cpu_pagesets(struct nb_system *sys);

#endif
