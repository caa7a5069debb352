/* kswapd.h -- a node's reclaim daemon, as a machine of steps.
 *
 * Called by drivers through include/numabox/reclaim.h, by kswapd_wake.c, by vmscan. It has no time
 * of its own: nb_kswapd_step() does one round and says when it wants to go on. While it sleeps or
 * naps it is `idle`, and nb_wakeup_kswapd() makes it due. Source: mm/vmscan.c: kswapd(),
 * kswapd_try_to_sleep(), balance_pgdat(); facts 7.5.
 */
#ifndef NB_MM_KSWAPD_H
#define NB_MM_KSWAPD_H

#include "mm/vmscan.h"

/* pgdat->kswapd->flags: what the last pass saw. Source: enum pgdat_flags. */
enum {
	NB_PGDAT_DIRTY = 1 << 0,     /* many dirty file pages at the tail */
	NB_PGDAT_WRITEBACK = 1 << 1, /* many pages under write-back */
};

enum nb_kswapd_state {
	NB_KSWAPD_ASLEEP,    /* until woken */
	NB_KSWAPD_NAPPING,   /* HZ/10, or until woken */
	NB_KSWAPD_BALANCING, /* inside balance_pgdat() */
};

struct nb_kswapd {
	enum nb_kswapd_state state;
	_Atomic bool woken; /* by a request, since it lay down */
	uint64_t nap_until_ns;
	_Atomic unsigned failures; /* rounds in a row that reclaimed nothing */
	_Atomic unsigned flags;
	/* orders and zones of the round */
	unsigned alloc_order, reclaim_order;
	enum nb_zone_type highest_zoneidx;
	/* balance_pgdat()'s own */
	struct nb_scan_control sc;
	uint64_t nr_boost_reclaim, zone_boosts[NB_MAX_NR_ZONES];
	bool boosted;
};

#define NB_KSWAPD_NO_ZONE (-1) /* MAX_NR_ZONES: nobody asked since */

/* Is kswapd driven, and what has it seen? */
static inline bool nb_kswapd_saw(const struct nb_pgdat *p, unsigned flag)
{
	return p->kswapd && atomic_load_explicit(&p->kswapd->flags, memory_order_relaxed) & flag;
}

/* Failed so often that it leaves the node to direct reclaim. */
static inline bool nb_kswapd_hopeless(const struct nb_pgdat *p)
{
	return p->kswapd && p->kswapd->failures >= NB_MAX_RECLAIM_RETRIES;
}

/* Does any one zone up to `highest` hold its high mark for the order? Near the mark what CPUs keep
 * back of the count is added up. Source: pgdat_balanced(). */
bool nb_pgdat_balanced(const struct nb_pgdat *p, unsigned order, enum nb_zone_type highest);
/* The lowest CPU of the node, or of the system: where its daemons run. */
int nb_node_daemon_cpu(const struct nb_pgdat *p);

#endif
