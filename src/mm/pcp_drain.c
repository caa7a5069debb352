/* pcp_drain.c -- page sets are emptied: on demand, with their CPU, by the vmstat worker.
 *
 * Called by the slow path, reclaim and compaction, by whoever takes a CPU or memory away, and by
 * drivers once a second (nb_vmstat_update()). A CPU that goes also gives back what it keeps of the
 * zones' counters. Source: mm/page_alloc.c: drain_pages_zone(), drain_all_pages(),
 * decay_pcp_high(), drain_zone_pages(); mm/vmstat.c: refresh_cpu_vm_stats(); facts 5.5.
 */
#include "mm/pcp.h"

#include "mm/vmstat.h"

void nb_pcp_drain(struct nb_zone *z, struct nb_pcp *pcp, int cpu)
{
	nb_pcp_lock(pcp, z->sys);
	while (pcp->count) {
		int n = pcp->count;

		if (pcp->auto_tuned)
			n = nb_pcp_min(n, nb_pcp_max(pcp->batch << NB_PCP_BATCH_SCALE_MAX, 1));
		nb_pcp_free_bulk(z, pcp, n, 0, cpu);
	}
	nb_pcp_unlock(pcp);
}

/* Does `what` to the zone's set on each CPU, or on `of_cpu`; `cpu` is the one that runs. */
static void for_sets(struct nb_zone *z, int of_cpu, int cpu,
		     void (*what)(struct nb_zone *, struct nb_pcp *, int))
{
	for (int c = of_cpu < 0 ? 0 : of_cpu; c < (int)z->sys->nr_cpu_ids; c++) {
		struct nb_pcp *pcp = nb_zone_pcp_peek(z, c);

		if (pcp)
			what(z, pcp, cpu);
		if (of_cpu >= 0)
			break;
	}
}

/* `fold`: also what the CPUs keep back of the zones' counters, as when they go offline; after all
 * is drained, which the running CPU counts. */
static void drain(struct nb_system *sys, int of_cpu, int cpu, bool fold)
{
	for (unsigned i = 0; i < sys->nr_pgdat; i++) {
		for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++) {
			struct nb_zone *z = &sys->pgdat[i]->zone[t];

			if (!z->managed_pages)
				continue;
			for_sets(z, of_cpu, cpu, nb_pcp_drain);
			if (fold)
				for_sets(z, of_cpu, cpu, nb_fold_zone_diffs);
		}
	}
}

void nb_drain_all_pages(struct nb_system *sys, int cpu)
{
	drain(sys, -1, cpu, false);
}

void nb_drain_pages(struct nb_system *sys, int cpu)
{
	if (cpu < (int)sys->nr_cpu_ids)
		drain(sys, cpu, cpu < 0 ? 0 : cpu, true);
}

/* True if another round may change the set, as when refresh_cpu_vm_stats() counts changes. */
static bool tick_pcp(struct nb_zone *z, struct nb_pcp *pcp, int cpu)
{
	int cap = pcp->batch << NB_PCP_BATCH_SCALE_MAX;
	int to_drain = 0;
	bool changes = false;

	nb_pcp_lock(pcp, z->sys);
	if (pcp->auto_tuned) {
		int high = pcp->high;

		if (high > pcp->high_min)
			pcp->high = nb_pcp_max(nb_pcp_max(pcp->count - cap, high - (high >> 3)),
					       pcp->high_min);
		changes = pcp->high < high && pcp->high > pcp->high_min;
		to_drain = pcp->count - pcp->high;
		if (to_drain > 0) {
			nb_pcp_free_bulk(z, pcp, to_drain, 0, cpu);
			changes = true;
		}
	}
	/* Sets of other nodes: three rounds without use, then empty. */
	if (pcp->expire && pcp->count && !pcp->local) {
		changes = true;
		if (--pcp->expire == 0)
			nb_pcp_free_bulk(z, pcp, pcp->count, 0, cpu);
	}
	nb_pcp_unlock(pcp);
	return changes;
}

bool nb_vmstat_update(struct nb_system *sys, int cpu)
{
	bool changes = false;

	if ((unsigned)cpu >= sys->nr_cpu_ids)
		return false;
	for (unsigned i = 0; i < sys->nr_pgdat; i++) {
		for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++) {
			struct nb_zone *z = &sys->pgdat[i]->zone[t];
			struct nb_pcp *pcp = z->managed_pages ? nb_zone_pcp_peek(z, cpu) : NULL;

			if (!pcp)
				continue;
			nb_fold_zone_diffs(z, pcp, cpu);
			changes |= tick_pcp(z, pcp, cpu);
		}
	}
	return changes;
}
