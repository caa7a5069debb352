/* stats.h -- sums of what the engine counts, under the kernel's names.
 *
 * Called by the forms that fill themselves from a system: one place where engine counters meet
 * /proc's names. What the engine does not count yet stays 0, as on a freshly booted kernel.
 * Units: pages, events.
 */
#ifndef NB_VIEW_STATS_H
#define NB_VIEW_STATS_H

#include "view/item.h"
#include <numabox/system.h>

struct nb_stats {
	uint64_t managed_pages, present_pages;
	uint64_t high_managed_pages,
		high_free_pages;                /* of HighMem, and of Movable zones made of it */
	uint64_t free_pages, free_blocks_pages; /* the latter in whole pageblocks */
	uint64_t cma_pages, free_cma_pages;
	uint64_t active_anon_pages, inactive_anon_pages, active_file_pages, inactive_file_pages;
	uint64_t unevictable_pages;
	uint64_t anon_pages, file_pages, page_table_pages;
	uint64_t anon_thps; /* huge pages */
	uint64_t mapped_pages, shmem_pages, mlocked_pages;
	uint64_t slab_reclaimable_pages, slab_unreclaimable_pages, kernel_stack_kib;
	uint64_t dirty_pages, writeback_pages, dirtied_pages, written_pages;
	uint64_t low_wmark_pages;
	uint64_t isolated_anon_pages, isolated_file_pages, swapcached_pages;
	uint64_t refault[2], activate[2], restore[2]; /* workingset_*: anonymous, file */
	uint64_t shadow_nodes, shadow_nodes_dropped;
	uint64_t vmscan_write, vmscan_immediate;
	bool unreclaimable; /* some node's kswapd gave up */
	uint64_t numa[NB_NR_NUMA_EVENTS];
};

/* Adds one zone's counters. */
void nb_stats_add_zone(struct nb_stats *s, const struct nb_system_info *info,
		       const struct nb_zone_info *z);
/* Adds all zones of a node, or of all nodes (NB_NO_NODE). -NB_ENODEV without such a node. */
int nb_stats_add_node(struct nb_stats *s, const struct nb_system *sys, int nid);
/* Sets every item whose name is known. */
void nb_stats_apply(const struct nb_stats *s, struct nb_items *items);
/* Sets the event counters that the engine keeps (nb_vm_event()). */
void nb_stats_apply_events(const struct nb_system *sys, struct nb_items *items);

#endif
