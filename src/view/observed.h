/* observed.h -- what a capture holds of Linux's own reports, parsed.
 *
 * Callers: the capture reader fills it by handing over texts under their views' names
 *          (nb_observed_add()), show --observed and verify read it.
 * Memory:  owns all models; nb_observed_release().
 */
#ifndef NB_VIEW_OBSERVED_H
#define NB_VIEW_OBSERVED_H

#include "view/buddyinfo.h"
#include "view/distance.h"
#include "view/extfrag.h"
#include "view/hardware.h"
#include "view/iomem.h"
#include "view/layout.h"
#include "view/meminfo.h"
#include "view/numastat.h"
#include "view/pagetypeinfo.h"
#include "view/showmem.h"
#include "view/vmstat.h"
#include "view/zoneinfo.h"
#include "view/zonelists.h"

struct nb_observed_node {
	int nid;
	bool has_meminfo, has_numastat, has_vmstat, has_distance, has_cpus;
	struct nb_meminfo meminfo;
	struct nb_counters numastat, vmstat;
	struct nb_distance distance;
	struct nb_cpumask cpus;
};

struct nb_observed {
	bool has_zoneinfo, has_buddyinfo, has_pagetypeinfo, has_meminfo, has_vmstat, has_iomem;
	bool has_extfrag, has_unusable, has_hardware, has_numastat, has_zonelists, has_layout;
	bool has_showmem;
	unsigned pageblock_order; /* 0: pagetypeinfo's, else 9 */
	unsigned page_kib;        /* 0: 4 */
	struct nb_zoneinfo zoneinfo;
	struct nb_buddyinfo buddyinfo;
	struct nb_pagetypeinfo pagetypeinfo;
	struct nb_meminfo meminfo;
	struct nb_counters vmstat;
	struct nb_iomem iomem;
	struct nb_extfrag extfrag, unusable;
	struct nb_hardware hardware;
	struct nb_numastat numastat;
	struct nb_zonelists zonelists;
	struct nb_layout layout;
	struct nb_showmem showmem;
	struct nb_observed_node *nodes; /* ascending id */
	size_t nr_nodes, cap_nodes;
};

/* Parses `text` as the view of that name ("zoneinfo", "node/3/meminfo", "extfrag_index",
 * "hardware", "numastat", "sysrq-m", "zonelists", "layout"; also "node/3/cpulist", and "dmesg": a
 * boot log, from which zonelists, layout and the last Mem-Info are taken as far as they are there).
 * A second text of one name replaces the first. 0; -NB_ENOENT for an unknown name; else what the
 * parser returned (then nothing is changed); err->file is set to `name` if it is empty. */
int nb_observed_add(struct nb_observed *o, const char *name, const char *text, size_t len,
		    struct nb_error *err);
/* The node's part, or NULL. */
const struct nb_observed_node *nb_observed_node(const struct nb_observed *o, int nid);
void nb_observed_release(struct nb_observed *o);

#endif
