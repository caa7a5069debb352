/* numabox/compaction.h -- free memory made whole again: the compaction daemons and the order to
 * compact.
 *
 * Callers: the simulator, embedders. Without a driver compaction happens in the requests that need
 * it (direct compaction), and kcompactd is taken to find nothing to do.
 * Units:   pages. Errors: the kernel's errno, negated.
 * Source:  mm/compaction.c; facts 8.
 */
#ifndef NUMABOX_COMPACTION_H
#define NUMABOX_COMPACTION_H

#include <numabox/system.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Makes the daemons of all nodes with memory, asleep. `woken` is told whenever one becomes due at
 * once (in the middle of an engine call: it must only take note); may be NULL. 0 or -NB_ENOMEM. */
int nb_kcompactd_start(struct nb_system *sys, void (*woken)(void *ctx, int nid), void *ctx);

/* Runs a node's daemon once at the system's time: what kswapd asked for, or the proactive look,
 * every half second while vm.compaction_proactiveness is not 0. *ret_next_ns gets when it wants to
 * go on (UINT64_MAX: when it is woken), *ret_scanned the pages looked at. -NB_ENODEV: the node has
 * no daemon. */
int nb_kcompactd_step(struct nb_system *sys, int nid, uint64_t *ret_next_ns, uint64_t *ret_scanned);

/* Compacts a node as far as it goes, as a write to its sysfs file `compact` does; nid < 0: all
 * nodes, as vm.compact_memory. `cpu` is the writer's. 0, -NB_ENODEV. */
int nb_compact_node(struct nb_system *sys, int nid, int cpu);

/* How fragmented a node is for huge pages, 0 to 100, weighted by its zones' sizes; kcompactd sets
 * to work by itself above 110 less the proactiveness. -NB_ENODEV. Source:
 * fragmentation_score_node(). */
int nb_fragmentation_score(const struct nb_system *sys, int nid);

#ifdef __cplusplus
}
#endif
#endif
