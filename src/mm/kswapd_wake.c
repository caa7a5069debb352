/* kswapd_wake.c -- when a request wakes its node's kswapd.
 *
 * Called by the slow path for every node of the zonelist, and by the fast path after fragmentation
 * raised a zone's marks. kswapd itself is vmscan's; while no hook is there for it, it is taken to
 * run at once, to find nothing to reclaim, and to take the boost back, which is what the kernel's
 * does then. Source: mm/vmscan.c: wakeup_kswapd(), pgdat_balanced(), pgdat_watermark_boosted(),
 * balance_pgdat(); facts 7.5.
 */
#include "mm/cpuset.h"
#include "mm/event.h"
#include "mm/kswapd.h"
#include "mm/page_alloc.h"
#include "mm/task.h"

static bool node_boosted(const struct nb_pgdat *p, enum nb_zone_type highest)
{
	for (unsigned t = 0; t <= highest; t++) {
		const struct nb_zone *z = &p->zone[t];

		if (z->managed_pages &&
		    atomic_load_explicit(&z->watermark_boost, memory_order_relaxed))
			return true;
	}
	return false;
}

static void run_without_kswapd(struct nb_pgdat *p, enum nb_zone_type highest, unsigned order,
			       int cpu)
{
	if (nb_event_wanted(p->sys, NB_EV_MM_VMSCAN_KSWAPD_WAKE))
		nb_emit(p->sys, NB_EV_MM_VMSCAN_KSWAPD_WAKE, cpu, NULL, (uint64_t)p->nid, highest,
			order);
	for (unsigned t = 0; t <= highest; t++)
		atomic_store_explicit(&p->zone[t].watermark_boost, 0, memory_order_relaxed);
}

void nb_wakeup_kswapd(struct nb_zone *z, nb_gfp_t gfp, unsigned order, enum nb_zone_type highest,
		      int cpu, struct nb_task *task)
{
	struct nb_pgdat *p = z->pgdat;
	struct nb_system *sys = p->sys;

	if (!z->managed_pages)
		return;
	if (task && (task->flags & NB_PF_CPUSET) && !nb_cpuset_node_allowed(task, p->nid, gfp))
		return;
	bool idle = nb_kswapd_hopeless(p) ||
		    (nb_pgdat_balanced(p, order, highest) && !node_boosted(p, highest));

	nb_lock(&p->map_lock, sys->port);
	if (p->kswapd_highest_zoneidx < (int)highest)
		p->kswapd_highest_zoneidx = (int)highest;
	if (p->kswapd_order < (int)order)
		p->kswapd_order = (int)order;
	if (idle && !sys->hooks.wake_kswapd)
		p->kswapd_awake = false;
	bool wake = !p->kswapd_awake && !idle;

	if (wake)
		p->kswapd_awake = true;
	bool lying = !p->kswapd_awake || wake;

	nb_unlock(&p->map_lock, sys->port);
	if (idle && lying && !(gfp & NB_GFP_BIT_DIRECT_RECLAIM) && sys->hooks.wakeup_kcompactd)
		sys->hooks.wakeup_kcompactd(p, (int)order, highest);
	if (!wake)
		return;
	if (nb_event_wanted(sys, NB_EV_MM_VMSCAN_WAKEUP_KSWAPD))
		nb_emit(sys, NB_EV_MM_VMSCAN_WAKEUP_KSWAPD, cpu, task, (uint64_t)p->nid, highest,
			order, gfp);
	if (sys->hooks.wake_kswapd)
		sys->hooks.wake_kswapd(sys, p);
	else
		run_without_kswapd(p, highest, order, cpu);
}
