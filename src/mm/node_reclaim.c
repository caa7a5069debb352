/* node_reclaim.c -- vm.zone_reclaim_mode: reclaim near before going far.
 *
 * Called by the fast path when a zone of a near node has no room. Only the running CPU's own node,
 * or one without CPUs, is reclaimed, and only while it has unmapped page cache above its floor.
 * Source: mm/vmscan.c: node_reclaim(), __node_reclaim(), node_pagecache_reclaimable(); facts 3.5.
 */
#include "mm/event.h"
#include "mm/task.h"
#include "mm/vmscan.h"
#include "mm/vmstat.h"

enum { RECLAIM_WRITE = 2, RECLAIM_UNMAP = 4 };
enum { NODE_RECLAIM_NOSCAN = -2, NODE_RECLAIM_FULL = -1 };
#define NODE_RECLAIM_PRIORITY 4

static uint64_t sum(const struct nb_pgdat *p, size_t counter)
{
	uint64_t n = 0;

	for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++) {
		const char *z = (const char *)&p->zone[t];

		n += atomic_load_explicit((const _Atomic uint64_t *)(const void *)(z + counter),
					  memory_order_relaxed);
	}
	return n;
}

/* Page cache that this mode may take. */
static uint64_t reclaimable(const struct nb_pgdat *p)
{
	unsigned mode = p->sys->tune.zone_reclaim_mode;
	uint64_t n, dirty;

	if (mode & RECLAIM_UNMAP) {
		n = sum(p, offsetof(struct nb_zone, nr_file));
	} else {
		uint64_t mapped = sum(p, offsetof(struct nb_zone, nr_mapped));

		n = nb_lruvec_tree_size(p, p->lruvec, NB_LRU_INACTIVE_FILE, NB_MAX_NR_ZONES - 1) +
		    nb_lruvec_tree_size(p, p->lruvec, NB_LRU_ACTIVE_FILE, NB_MAX_NR_ZONES - 1);
		n -= mapped < n ? mapped : n;
	}
	if (mode & RECLAIM_WRITE)
		return n;
	dirty = sum(p, offsetof(struct nb_zone, nr_dirty));
	return n - (dirty < n ? dirty : n);
}

static uint64_t floor_pages(const struct nb_pgdat *p)
{
	uint64_t n = 0;

	for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++)
		n += p->zone[t].min_unmapped_pages;
	return n;
}

static bool node_has_cpus(const struct nb_pgdat *p)
{
	unsigned cpu;

	nb_for_each_cpu_in (cpu, &p->cpus) {
		if (cpu < p->sys->nr_cpu_ids && p->sys->cpu_to_node[cpu] == p->nid)
			return true;
	}
	return false;
}

static bool reclaim(struct nb_pgdat *p, const struct nb_alloc_context *ac)
{
	struct nb_system *sys = p->sys;
	uint64_t pages = UINT64_C(1) << ac->order;
	struct nb_scan_control sc = {
		.sys = sys,
		.task = ac->task,
		.cpu = ac->cpu,
		.gfp = ac->gfp,
		.order = ac->order,
		.reclaim_idx = ac->highest_zoneidx,
		.nr_to_reclaim = pages > NB_SWAP_CLUSTER_MAX ? pages : NB_SWAP_CLUSTER_MAX,
		.priority = NODE_RECLAIM_PRIORITY,
		.may_writepage = sys->tune.zone_reclaim_mode & RECLAIM_WRITE,
		.may_unmap = sys->tune.zone_reclaim_mode & RECLAIM_UNMAP,
		.may_swap = true};

	if (nb_event_wanted(sys, NB_EV_MM_VMSCAN_NODE_RECLAIM_BEGIN))
		nb_emit(sys, NB_EV_MM_VMSCAN_NODE_RECLAIM_BEGIN, ac->cpu, ac->task,
			(uint64_t)p->nid, ac->order, ac->gfp);
	do {
		nb_shrink_node(p, &sc);
	} while (sc.nr_reclaimed < pages && --sc.priority >= 0);
	if (nb_event_wanted(sys, NB_EV_MM_VMSCAN_NODE_RECLAIM_END))
		nb_emit(sys, NB_EV_MM_VMSCAN_NODE_RECLAIM_END, ac->cpu, ac->task, sc.nr_reclaimed);
	return sc.nr_reclaimed >= pages;
}

int nb_node_reclaim(struct nb_system *sys, const struct nb_alloc_context *ac, struct nb_pgdat *p)
{
	unsigned flags = ac->task ? ac->task->flags : 0;
	bool done;

	/* the fast path's own flags do not count: what the caller asked for does */
	if (reclaimable(p) <= floor_pages(p))
		return NODE_RECLAIM_FULL;
	if (!(ac->gfp_full & NB_GFP_BIT_DIRECT_RECLAIM) || flags & NB_PF_MEMALLOC)
		return NODE_RECLAIM_NOSCAN;
	if (node_has_cpus(p) && sys->cpu_to_node[ac->cpu] != p->nid)
		return NODE_RECLAIM_NOSCAN;
	if (ac->task)
		ac->task->flags |= NB_PF_MEMALLOC;
	done = reclaim(p, ac);
	if (ac->task)
		ac->task->flags &= ~(unsigned)NB_PF_MEMALLOC;
	nb_count_vm_event(sys, ac->cpu,
			  done ? NB_VM_ZONE_RECLAIM_SUCCESS : NB_VM_ZONE_RECLAIM_FAILED);
	return done;
}
