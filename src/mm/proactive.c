/* proactive.c -- reclaim that somebody asks for: memory.reclaim of a cgroup, reclaim of a node.
 *
 * Called by drivers through include/numabox/reclaim.h. Nobody waits for these pages: no stall is
 * counted, and who asks is not throttled. A quarter of what is missing is tried at a time, so that
 * no more goes than was asked for by much.
 * Source: mm/vmscan.c: user_proactive_reclaim(), try_to_free_mem_cgroup_pages(); before 6.16
 * mm/memcontrol.c: memory_reclaim().
 */
#include "mm/lru.h"
#include "mm/task.h"
#include "mm/vmscan.h"

#include <numabox/reclaim.h>

#define MAX_RETRIES 16u

/* One round over the nodes of the zonelist, or over one node. */
static void shrink_nodes(struct nb_task *t, int nid, struct nb_scan_control *sc)
{
	struct nb_system *sys = t->sys;
	struct nb_pgdat *near = nb_node_data(sys, sys->cpu_to_node[t->cpu]), *last = NULL;
	const struct nb_zoneref *ref = near->zonelist;

	if (nid != NB_NO_NODE) {
		nb_shrink_node(nb_node_data(sys, nid), sc);
		return;
	}
	for (ref = nb_next_zoneref(ref, sc->reclaim_idx, NULL); ref->zone;
	     ref = nb_next_zoneref(ref + 1, sc->reclaim_idx, NULL)) {
		if (ref->zone->pgdat == last)
			continue;
		last = ref->zone->pgdat;
		nb_shrink_node(last, sc);
	}
}

static uint64_t attempt(struct nb_task *t, int nid, uint64_t pages)
{
	struct nb_scan_control sc = {
		.sys = t->sys,
		.task = t,
		.cpu = t->cpu,
		.gfp = NB_GFP_KERNEL,
		.reclaim_idx = NB_MAX_NR_ZONES - 1,
		.nr_to_reclaim = pages > NB_SWAP_CLUSTER_MAX ? pages : NB_SWAP_CLUSTER_MAX,
		.priority = NB_DEF_PRIORITY,
		.may_writepage = true,
		.may_unmap = true,
		.may_swap = true};

	do {
		sc.nr_scanned = 0;
		shrink_nodes(t, nid, &sc);
	} while (sc.nr_reclaimed < sc.nr_to_reclaim && --sc.priority >= 0);
	return sc.nr_reclaimed;
}

int nb_proactive_reclaim(struct nb_task *t, int nid, uint64_t pages, uint64_t *ret_pages)
{
	unsigned flags = t->flags, retries = MAX_RETRIES;
	int err = 0;

	*ret_pages = 0;
	if (!t->alive)
		return -NB_ESRCH;
	if (nid != NB_NO_NODE && !nb_node_data(t->sys, nid))
		return -NB_EINVAL;
	t->flags |= NB_PF_MEMALLOC;
	while (*ret_pages < pages) {
		uint64_t n;

		if (retries == MAX_RETRIES || !retries)
			nb_lru_add_drain_all(t->sys);
		n = attempt(t, nid, (pages - *ret_pages) / 4);
		if (!n && !retries--) {
			err = -NB_EAGAIN;
			break;
		}
		*ret_pages += n;
	}
	if (!(flags & NB_PF_MEMALLOC))
		t->flags &= ~(unsigned)NB_PF_MEMALLOC;
	return err;
}
