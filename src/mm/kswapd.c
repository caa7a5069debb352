/* kswapd.c -- a node's reclaim daemon: wakes, balances the node to its high marks, sleeps again.
 *
 * Driven through include/numabox/reclaim.h: nb_kswapd_step() runs one pass over the node or one
 * decision about sleep. Rounds follow each other while the node is not balanced; a round in which
 * nothing was reclaimed is a failure, and after 16 in a row the node is left to direct reclaim.
 * Sleep comes in two steps, a nap of HZ/10 and, if the node is still balanced then, the full one.
 * Zones' boosts are goals of their own: without writing or swapping, and not below priority 10.
 * Source: mm/vmscan.c: kswapd(), kswapd_try_to_sleep(), prepare_kswapd_sleep(), balance_pgdat(),
 * kswapd_shrink_node(), kswapd_age_node(); facts 7.5.
 */
#include "mm/kswapd.h"

#include "base/mem.h"
#include "mm/event.h"
#include "mm/shadow_nodes.h"
#include "mm/swap.h"
#include "mm/vmstat.h"

#include <numabox/reclaim.h>

#define NAP_NS UINT64_C(100000000) /* HZ / 10 */
#define NEVER UINT64_MAX
#define MEMORY_TIERING 2u /* of kernel.numa_balancing */
#define TIERING_SINCE 5018u

bool nb_pgdat_balanced(const struct nb_pgdat *p, unsigned order, enum nb_zone_type highest)
{
	/* with memory tiers, room for promotion is kept as well */
	bool tiering = p->sys->tune.numa_balancing & MEMORY_TIERING &&
		       p->sys->profile->version >= TIERING_SINCE;
	enum nb_wmark mark = tiering ? NB_WMARK_PROMO : NB_WMARK_HIGH;
	bool managed = false;

	for (unsigned t = 0; t <= highest; t++) {
		const struct nb_zone *z = &p->zone[t];

		if (!z->managed_pages)
			continue;
		managed = true;
		if (nb_zone_watermark_ok_safe(z, order, nb_wmark_pages(z, mark), highest))
			return true;
	}
	return !managed;
}

int nb_node_daemon_cpu(const struct nb_pgdat *p)
{
	unsigned cpu;

	nb_for_each_cpu_in (cpu, &p->cpus) {
		if (cpu < p->sys->nr_cpu_ids && p->sys->cpu_to_node[cpu] >= 0)
			return (int)cpu;
	}
	for (cpu = 0; cpu + 1 < p->sys->nr_cpu_ids && p->sys->cpu_to_node[cpu] < 0;)
		cpu++;
	return (int)cpu;
}

static enum nb_zone_type wanted_zone(const struct nb_pgdat *p, enum nb_zone_type before)
{
	return p->kswapd_highest_zoneidx == NB_KSWAPD_NO_ZONE
		       ? before
		       : (enum nb_zone_type)p->kswapd_highest_zoneidx;
}

/* While the daemon sleeps its zones' counters may drift as far as anywhere; while it works, only
 * by what the CPUs could hold back between two marks. Source: set_pgdat_percpu_threshold(). */
static void set_thresholds(struct nb_pgdat *p, bool asleep)
{
	for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++) {
		struct nb_zone *z = &p->zone[t];

		if (z->percpu_drift_mark)
			atomic_store_explicit(&z->stat_threshold,
					      asleep ? z->stat_threshold_normal
						     : z->stat_threshold_pressure,
					      memory_order_relaxed);
	}
}

static void mark_active(struct nb_pgdat *p, enum nb_zone_type highest, bool on)
{
	for (unsigned t = 0; t <= highest; t++) {
		struct nb_zone *z = &p->zone[t];

		if (!z->managed_pages)
			continue;
		if (on)
			atomic_fetch_or_explicit(&z->flags, ZONE_RECLAIM_ACTIVE,
						 memory_order_relaxed);
		else
			atomic_fetch_and_explicit(&z->flags, ~(unsigned)ZONE_RECLAIM_ACTIVE,
						  memory_order_relaxed);
	}
}

static void begin_balance(struct nb_pgdat *p)
{
	struct nb_kswapd *k = p->kswapd;
	int cpu = nb_node_daemon_cpu(p);

	k->sc = (struct nb_scan_control){.sys = p->sys,
					 .cpu = cpu,
					 .kswapd = true,
					 .gfp = NB_GFP_KERNEL,
					 .order = k->alloc_order,
					 .may_unmap = true,
					 .priority = NB_DEF_PRIORITY,
					 .reclaim_idx = k->highest_zoneidx};
	k->nr_boost_reclaim = 0;
	for (unsigned t = 0; t <= k->highest_zoneidx; t++) {
		uint64_t boost =
			atomic_load_explicit(&p->zone[t].watermark_boost, memory_order_relaxed);

		k->zone_boosts[t] = p->zone[t].managed_pages ? boost : 0;
		k->nr_boost_reclaim += k->zone_boosts[t];
	}
	k->boosted = k->nr_boost_reclaim != 0;
	nb_count_vm_event(p->sys, cpu, NB_VM_PAGEOUTRUN);
	mark_active(p, k->highest_zoneidx, true);
	k->state = NB_KSWAPD_BALANCING;
}

/* A round: out of sleep, or because the node is not balanced yet. */
static void start_round(struct nb_pgdat *p)
{
	struct nb_kswapd *k = p->kswapd;

	nb_lock(&p->map_lock, p->sys->port);
	k->alloc_order = (unsigned)p->kswapd_order;
	k->highest_zoneidx = wanted_zone(p, k->highest_zoneidx);
	p->kswapd_order = 0;
	p->kswapd_highest_zoneidx = NB_KSWAPD_NO_ZONE;
	p->kswapd_awake = true;
	k->woken = false;
	nb_unlock(&p->map_lock, p->sys->port);
	if (nb_event_wanted(p->sys, NB_EV_MM_VMSCAN_KSWAPD_WAKE))
		nb_emit(p->sys, NB_EV_MM_VMSCAN_KSWAPD_WAKE, nb_node_daemon_cpu(p), NULL,
			(uint64_t)p->nid, k->highest_zoneidx, k->alloc_order);
	begin_balance(p);
}

/* Balanced, or hopeless: nobody needs to wait for it. */
static bool may_sleep(struct nb_pgdat *p)
{
	struct nb_kswapd *k = p->kswapd;

	if (nb_kswapd_hopeless(p))
		return true;
	if (!nb_pgdat_balanced(p, k->reclaim_order, k->highest_zoneidx))
		return false;
	atomic_store_explicit(&k->flags, 0, memory_order_relaxed);
	return true;
}

static uint64_t try_to_sleep(struct nb_pgdat *p)
{
	struct nb_kswapd *k = p->kswapd;

	if (!may_sleep(p)) {
		nb_count_vm_event(p->sys, nb_node_daemon_cpu(p),
				  NB_VM_KSWAPD_HIGH_WMARK_HIT_QUICKLY);
		start_round(p);
		return p->sys->time_ns;
	}
	if (p->sys->hooks.reset_isolation)
		p->sys->hooks.reset_isolation(p);
	if (p->sys->hooks.wakeup_kcompactd)
		p->sys->hooks.wakeup_kcompactd(p, (int)k->alloc_order, k->highest_zoneidx);
	k->state = NB_KSWAPD_NAPPING;
	k->nap_until_ns = p->sys->time_ns + NAP_NS;
	nb_lock(&p->map_lock, p->sys->port);
	p->kswapd_awake = false;
	nb_unlock(&p->map_lock, p->sys->port);
	return k->nap_until_ns;
}

static uint64_t wake_from_nap(struct nb_pgdat *p)
{
	struct nb_kswapd *k = p->kswapd;
	int cpu = nb_node_daemon_cpu(p);

	if (k->woken) {
		nb_lock(&p->map_lock, p->sys->port);
		p->kswapd_highest_zoneidx = (int)wanted_zone(p, k->highest_zoneidx);
		if (p->kswapd_order < (int)k->reclaim_order)
			p->kswapd_order = (int)k->reclaim_order;
		nb_unlock(&p->map_lock, p->sys->port);
		nb_count_vm_event(p->sys, cpu, NB_VM_KSWAPD_LOW_WMARK_HIT_QUICKLY);
	} else if (p->sys->time_ns < k->nap_until_ns) {
		return k->nap_until_ns;
	} else if (may_sleep(p)) {
		if (nb_event_wanted(p->sys, NB_EV_MM_VMSCAN_KSWAPD_SLEEP))
			nb_emit(p->sys, NB_EV_MM_VMSCAN_KSWAPD_SLEEP, cpu, NULL, (uint64_t)p->nid);
		set_thresholds(p, true);
		k->state = NB_KSWAPD_ASLEEP;
		return NEVER;
	} else {
		nb_count_vm_event(p->sys, cpu, NB_VM_KSWAPD_HIGH_WMARK_HIT_QUICKLY);
	}
	start_round(p);
	return p->sys->time_ns;
}

static void age(struct nb_pgdat *p, struct nb_scan_control *sc)
{
	if (p->sys->reclaim->gen_enabled)
		nb_lru_gen_age_node(p, sc);
	else if (nb_swap_pages_total(p->sys) &&
		 nb_inactive_is_low(p, p->lruvec, NB_LRU_INACTIVE_ANON))
		for (sc->lruvec = nb_next_lruvec(p, NULL); sc->lruvec;
		     sc->lruvec = nb_next_lruvec(p, sc->lruvec))
			nb_shrink_active(p, sc, NB_LRU_ACTIVE_ANON, NB_SWAP_CLUSTER_MAX);
}

/* Scans towards the high marks of all zones; was as much looked at? */
static bool shrink(struct nb_pgdat *p, struct nb_scan_control *sc)
{
	sc->nr_to_reclaim = 0;
	for (unsigned t = 0; t <= sc->reclaim_idx; t++) {
		uint64_t high;

		if (!p->zone[t].managed_pages)
			continue;
		high = nb_wmark_pages(&p->zone[t], NB_WMARK_HIGH);
		sc->nr_to_reclaim += high > NB_SWAP_CLUSTER_MAX ? high : NB_SWAP_CLUSTER_MAX;
	}
	nb_shrink_node(p, sc);
	if (sc->order && sc->nr_reclaimed >= UINT64_C(2) << sc->order)
		sc->order = 0;
	return sc->nr_scanned >= sc->nr_to_reclaim;
}

/* One turn of balance_pgdat()'s loop; true: the round is over. */
static bool balance_once(struct nb_pgdat *p, uint64_t *scanned)
{
	struct nb_kswapd *k = p->kswapd;
	struct nb_scan_control *sc = &k->sc;
	uint64_t before = sc->nr_reclaimed, got;
	bool raise = true, balanced;

	sc->reclaim_idx = k->highest_zoneidx;
	balanced = nb_pgdat_balanced(p, sc->order, k->highest_zoneidx);
	if (!balanced && k->nr_boost_reclaim) {
		k->nr_boost_reclaim = 0;
		sc->priority = NB_DEF_PRIORITY;
		return false;
	}
	if (!k->nr_boost_reclaim && balanced)
		return true;
	if (k->nr_boost_reclaim && sc->priority == NB_DEF_PRIORITY - 2)
		raise = false;
	sc->may_writepage = !k->nr_boost_reclaim || sc->priority < NB_DEF_PRIORITY - 2;
	sc->may_swap = !k->nr_boost_reclaim;
	age(p, sc);
	sc->nr_scanned = 0;
	if (shrink(p, sc))
		raise = false;
	*scanned = sc->nr_scanned;
	got = sc->nr_reclaimed - before;
	k->nr_boost_reclaim -= got < k->nr_boost_reclaim ? got : k->nr_boost_reclaim;
	/* a boost is worth a try, no more */
	if (!k->nr_boost_reclaim || got) {
		if (raise || !got)
			sc->priority--;
		if (sc->priority >= 1)
			return false;
	}
	if (!sc->nr_reclaimed && sc->priority < 1 && !sc->no_cache_trim_mode &&
	    sc->cache_trim_mode_failed) {
		sc->no_cache_trim_mode = true;
		sc->priority = NB_DEF_PRIORITY;
		return false;
	}
	if (!sc->nr_reclaimed)
		k->failures++;
	return true;
}

static void end_balance(struct nb_pgdat *p)
{
	struct nb_kswapd *k = p->kswapd;

	mark_active(p, k->highest_zoneidx, false);
	for (unsigned t = 0; k->boosted && t <= k->highest_zoneidx; t++) {
		struct nb_zone *z = &p->zone[t];
		uint64_t boost;

		if (!k->zone_boosts[t])
			continue;
		nb_lock(&z->lock, p->sys->port);
		boost = atomic_load_explicit(&z->watermark_boost, memory_order_relaxed);
		boost -= k->zone_boosts[t] < boost ? k->zone_boosts[t] : boost;
		atomic_store_explicit(&z->watermark_boost, boost, memory_order_relaxed);
		nb_unlock(&z->lock, p->sys->port);
	}
	if (k->boosted && p->sys->hooks.wakeup_kcompactd)
		p->sys->hooks.wakeup_kcompactd(p, (int)p->sys->pageblock_order, k->highest_zoneidx);
	nb_snapshot_refaults(p, NULL);
	k->reclaim_order = k->sc.order;
	if (k->reclaim_order < k->alloc_order)
		return;
	nb_lock(&p->map_lock, p->sys->port);
	k->alloc_order = k->reclaim_order = (unsigned)p->kswapd_order;
	k->highest_zoneidx = wanted_zone(p, k->highest_zoneidx);
	nb_unlock(&p->map_lock, p->sys->port);
}

int nb_kswapd_step(struct nb_system *sys, int nid, uint64_t *ret_next_ns, uint64_t *ret_scanned)
{
	struct nb_pgdat *p = nb_node_data(sys, nid);
	uint64_t scanned = 0, next = sys->time_ns, room_ns, moved, looked_at;

	if (!p || !p->kswapd)
		return -NB_ENODEV;
	moved = atomic_load_explicit(&p->lruvec->moved, memory_order_relaxed);
	switch (p->kswapd->state) {
	case NB_KSWAPD_NAPPING:
		next = wake_from_nap(p);
		break;
	case NB_KSWAPD_BALANCING:
		if (balance_once(p, &scanned)) {
			end_balance(p);
			next = try_to_sleep(p);
		} else {
			room_ns = nb_swap_device_busy_until(sys);
			next = room_ns > next ? room_ns : next;
		}
		break;
	case NB_KSWAPD_ASLEEP:
	default:
		if (p->kswapd->woken) {
			set_thresholds(p, false);
			start_round(p);
		} else {
			next = NEVER;
		}
		break;
	}
	looked_at = nb_lruvec_looked_at(p->lruvec, moved);
	*ret_next_ns = next;
	*ret_scanned = scanned > looked_at ? scanned : looked_at;
	return 0;
}

/* The hook of nb_wakeup_kswapd(). */
static void wake(struct nb_system *sys, struct nb_pgdat *p)
{
	if (!p->kswapd)
		return;
	p->kswapd->woken = true;
	if (sys->reclaim->kswapd_woken)
		sys->reclaim->kswapd_woken(sys->reclaim->kswapd_ctx, p->nid);
}

int nb_kswapd_start(struct nb_system *sys, void (*woken)(void *ctx, int nid), void *ctx)
{
	for (unsigned i = 0; i < sys->nr_pgdat; i++) {
		struct nb_pgdat *p = sys->pgdat[i];

		if (p->kswapd || !p->node_present_pages)
			continue;
		p->kswapd = nb_system_alloc(sys, sizeof(*p->kswapd));
		if (!p->kswapd)
			return -NB_ENOMEM;
		p->kswapd->highest_zoneidx = NB_MAX_NR_ZONES - 1;
		p->kswapd_highest_zoneidx = NB_KSWAPD_NO_ZONE;
		p->kswapd_order = 0;
		p->kswapd_awake = false;
	}
	sys->reclaim->kswapd_woken = woken;
	sys->reclaim->kswapd_ctx = ctx;
	sys->hooks.wake_kswapd = wake;
	return 0;
}

int nb_lru_info(const struct nb_system *sys, int nid, enum nb_zone_type type,
		struct nb_lru_info *ret_info)
{
	const struct nb_pgdat *p = nb_node_data(sys, nid);
	const struct nb_lruvec *v;
	const struct nb_zone *z;

	if (!p)
		return -NB_ENODEV;
	if ((unsigned)type >= NB_MAX_NR_ZONES || !nb_zone_configured(sys, type))
		return -NB_EINVAL;
	z = &p->zone[type];
	v = p->lruvec;
	*ret_info = (struct nb_lru_info){
		.inactive_anon = nb_zone_lru_pages(z, NB_LRU_INACTIVE_ANON),
		.active_anon = nb_zone_lru_pages(z, NB_LRU_ACTIVE_ANON),
		.inactive_file = nb_zone_lru_pages(z, NB_LRU_INACTIVE_FILE),
		.active_file = nb_zone_lru_pages(z, NB_LRU_ACTIVE_FILE),
		.unevictable = nb_zone_lru_pages(z, NB_LRU_UNEVICTABLE),
		.isolated_anon = nb_lru_read(&v->isolated[0]),
		.isolated_file = nb_lru_read(&v->isolated[1]),
		.vmscan_write = atomic_load_explicit(&v->vmscan_write, memory_order_relaxed),
		.vmscan_immediate =
			atomic_load_explicit(&v->vmscan_immediate, memory_order_relaxed),
		.swapcached_pages = atomic_load_explicit(&z->nr_swapcached, memory_order_relaxed),
		.kswapd_failures = p->kswapd ? p->kswapd->failures : 0,
		.kswapd_awake = p->kswapd && p->kswapd_awake,
	};
	nb_shadow_nodes_count(sys, nid, &ret_info->shadow_nodes, &ret_info->shadow_nodes_dropped);
	memcpy(ret_info->refault, v->refault, sizeof(v->refault));
	memcpy(ret_info->activate, v->activate, sizeof(v->activate));
	memcpy(ret_info->restore, v->restore, sizeof(v->restore));
	return 0;
}
