/* names.h -- which counters a kernel prints, and in which order.
 *
 * Called by the forms that fill themselves from a system (zoneinfo, vmstat). The lists are data,
 * chosen by the profile's text format and by what the architecture's kernels configure (NUMA,
 * CMA, zones). 6.1 and 6.12 on x86-64 and i386, 6.12 on arm64 and 6.18 on x86-64 are as captured;
 * the lists of the other kernels are from their sources.
 * Source: mm/vmstat.c, vmstat_text[]; include/linux/vm_event_item.h; facts 12.5.
 */
#ifndef NB_VIEW_NAMES_H
#define NB_VIEW_NAMES_H

#include "view/item.h"
#include "view/strings.h"
#include <numabox/system.h>

enum nb_names {
	NB_NAMES_ZONE,      /* per zone, without NUMA's */
	NB_NAMES_NUMA,      /* numa_hit ... */
	NB_NAMES_NODE,      /* per node (4.8 on) */
	NB_NAMES_WRITEBACK, /* vmstat: thresholds and memmap pages */
	NB_NAMES_EVENT,     /* vmstat: events */
};

/* Appends the list's items with value 0. */
void nb_names_add(struct nb_items *items, struct nb_strings *strings, enum nb_names list,
		  const struct nb_system_info *info);

/* Do this architecture's kernels have CONFIG_NUMA? (Debian's i386 and Android's ARM do not.) */
bool nb_names_numa(enum nb_arch arch);
/* CONFIG_CMA? (arm64, arm: yes) */
bool nb_names_cma(enum nb_arch arch);

#endif
