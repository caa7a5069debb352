/* kcompactd.c -- a node's compaction daemon, as a machine of steps; and compaction on demand.
 *
 * Called by drivers through include/numabox/compaction.h, by kswapd through
 * hooks.wakeup_kcompactd. It works on what kswapd left it when that goes to sleep after a request
 * of high order; half a second after that, and every half second, it looks whether fragmentation
 * has grown above the high threshold and then works until it is below the low one, or kswapd runs.
 * Where that did not help it sleeps 64 times as long, unless there is other work (since 5.15). A
 * write of vm.compaction_proactiveness lets it look at once. Source: mm/compaction.c, kcompactd(),
 * kcompactd_do_work(), proactive_compact_node(), fragmentation_score_zone(); facts 8.
 */
#include <numabox/compaction.h>

#include "mm/buddy.h"
#include "mm/compaction.h"
#include "mm/kswapd.h"
#include "mm/event.h"
#include "mm/lru.h"
#include "mm/pcp.h"
#include "mm/vmstat.h"

#define NS_PER_MS UINT64_C(1000000)
#define HPAGE_FRAG_CHECK_MS UINT64_C(500)
#define PROACTIVE_SINCE 5009u
#define TRIGGER_SINCE 5015u /* and work ends a longer sleep */

/* Free memory that huge pages cannot use, 0 to 100. Source: extfrag_for_order(). */
static unsigned extfrag(const struct nb_zone *z)
{
	unsigned order = z->sys->pageblock_order;
	uint64_t free_pages = 0, usable = 0;

	for (unsigned o = 0; o < NB_NR_ORDERS && o <= z->sys->max_order; o++) {
		uint64_t pages = nb_zone_nr_free(z, o) << o;

		free_pages += pages;
		if (o >= order)
			usable += pages;
	}
	return free_pages ? (unsigned)((free_pages - usable) * 100 / free_pages) : 0;
}

/* Source: fragmentation_score_zone_weighted(). */
static uint64_t zone_score(const struct nb_zone *z)
{
	return z->present_pages * extfrag(z) / (z->pgdat->node_present_pages + 1);
}

static unsigned node_score(const struct nb_pgdat *p)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < NB_MAX_NR_ZONES; i++)
		if (p->zone[i].present_pages)
			sum += zone_score(&p->zone[i]);
	return (unsigned)sum;
}

unsigned nb_compaction_low_mark(const struct nb_system *sys)
{
	unsigned rest = 100 - sys->tune.compaction_proactiveness;

	return rest > 5 ? rest : 5;
}

static unsigned high_mark(const struct nb_system *sys)
{
	unsigned high = nb_compaction_low_mark(sys) + 10;

	return high < 100 ? high : 100;
}

unsigned nb_compaction_score(const struct nb_zone *z)
{
	return extfrag(z);
}

int nb_fragmentation_score(const struct nb_system *sys, int nid)
{
	const struct nb_pgdat *p = nb_node_data(sys, nid);

	return p ? (int)node_score(p) : -NB_ENODEV;
}

static struct nb_compact_control run_of(struct nb_zone *z, int cpu, int order)
{
	return (struct nb_compact_control){
		.sys = z->sys,
		.zone = z,
		.cpu = cpu,
		.order = order,
		.search_order = order,
		.gfp = NB_GFP_KERNEL,
		.migratetype = NB_MIGRATE_UNMOVABLE, /* GFP_KERNEL's */
		.mode = NB_MIGRATE_SYNC_LIGHT,
	};
}

static void tell(const struct nb_pgdat *p, enum nb_event_kind kind, int order,
		 enum nb_zone_type highest)
{
	if (nb_event_wanted(p->sys, kind))
		nb_emit(p->sys, kind, nb_node_daemon_cpu(p), NULL, (uint64_t)p->nid,
			(uint64_t)order, highest);
}

/* The node's last zone that holds pages. Source: pgdat->nr_zones - 1. */
static enum nb_zone_type last_zone(const struct nb_pgdat *p)
{
	unsigned t = NB_MAX_NR_ZONES - 1;

	while (t && !p->zone[t].spanned_pages)
		t--;
	return (enum nb_zone_type)t;
}

/* Counts what a run of the daemon's looked at; the same. */
static uint64_t count_scanned(const struct nb_compact_control *cc)
{
	nb_count_vm_events(cc->sys, cc->cpu, NB_VM_KCOMPACTD_MIGRATE_SCANNED, cc->migrate_scanned);
	nb_count_vm_events(cc->sys, cc->cpu, NB_VM_KCOMPACTD_FREE_SCANNED, cc->free_scanned);
	return cc->migrate_scanned + cc->free_scanned;
}

/* What kswapd asked for. Returns pages looked at. */
static uint64_t do_work(struct nb_pgdat *p, int cpu)
{
	struct nb_kcompactd *k = p->kcompactd;
	enum nb_zone_type highest = k->highest_zoneidx;
	int order = k->max_order;
	uint64_t scanned = 0;

	nb_count_vm_event(p->sys, cpu, NB_VM_KCOMPACTD_WAKE);
	tell(p, NB_EV_MM_COMPACTION_KCOMPACTD_WAKE, order, highest);
	for (unsigned i = 0; i <= highest; i++) {
		struct nb_zone *z = &p->zone[i];
		struct nb_compact_control cc;
		enum nb_compact_result ret;

		if (!z->present_pages || nb_compaction_deferred(z, order, cpu, NULL) ||
		    nb_compaction_ask(z, order, NB_WMARK_MIN, (enum nb_zone_type)i, cpu, NULL) !=
			    NB_COMPACT_CONTINUE)
			continue;
		cc = run_of(z, cpu, order);
		cc.highest_zoneidx = highest;
		ret = nb_compact_zone(&cc);
		if (ret == NB_COMPACT_SUCCESS) {
			nb_compaction_defer_reset(z, order, false, cpu, NULL);
		} else if (ret == NB_COMPACT_COMPLETE || ret == NB_COMPACT_PARTIAL_SKIPPED) {
			/* what waits in page sets may be what is missing */
			nb_drain_all_pages(p->sys, cpu);
			nb_compaction_defer(z, order, cpu, NULL);
		}
		scanned += count_scanned(&cc);
	}
	/* what was asked for meanwhile, and is more, stays */
	if (k->max_order <= order)
		k->max_order = 0;
	if (k->highest_zoneidx >= highest)
		k->highest_zoneidx = last_zone(p);
	return scanned;
}

static uint64_t compact_whole(struct nb_pgdat *p, int cpu, bool proactive)
{
	uint64_t scanned = 0;

	for (unsigned i = 0; i < NB_MAX_NR_ZONES; i++) {
		struct nb_zone *z = &p->zone[i];
		struct nb_compact_control cc;

		if (!z->present_pages)
			continue;
		cc = run_of(z, cpu, -1);
		cc.mode = proactive ? NB_MIGRATE_SYNC_LIGHT : NB_MIGRATE_SYNC;
		cc.ignore_skip_hint = true;
		cc.whole_zone = true;
		cc.proactive = proactive;
		(void)nb_compact_zone(&cc);
		if (proactive)
			scanned += count_scanned(&cc);
	}
	return scanned;
}

/* The timer's part. Returns how long the next sleep is. Source: kcompactd(), the branch of the
 * timeout, should_proactive_compact_node(). */
static uint64_t look(struct nb_pgdat *p, int cpu, uint64_t *ret_scanned)
{
	unsigned before = node_score(p);
	uint64_t sleep_ns = HPAGE_FRAG_CHECK_MS * NS_PER_MS;

	if (p->kswapd_awake || before <= high_mark(p->sys))
		return sleep_ns;
	*ret_scanned += compact_whole(p, cpu, true);
	return node_score(p) >= before ? sleep_ns << NB_COMPACT_MAX_DEFER_SHIFT : sleep_ns;
}

int nb_kcompactd_step(struct nb_system *sys, int nid, uint64_t *ret_next_ns, uint64_t *ret_scanned)
{
	struct nb_pgdat *p = nb_node_data(sys, nid);
	struct nb_kcompactd *k = p ? p->kcompactd : NULL;
	uint64_t sleep_ns = HPAGE_FRAG_CHECK_MS * NS_PER_MS;
	bool timed = sys->tune.compaction_proactiveness && sys->profile->version >= PROACTIVE_SINCE;

	*ret_scanned = 0;
	*ret_next_ns = UINT64_MAX;
	if (!k)
		return -NB_ENODEV;
	k->woken = false;
	if (k->max_order && !k->trigger) {
		*ret_scanned = do_work(p, nb_node_daemon_cpu(p));
		if (sys->profile->version < TRIGGER_SINCE && k->next_ns > sys->time_ns + sleep_ns)
			sleep_ns = k->next_ns - sys->time_ns;
	} else if (timed && (k->trigger || sys->time_ns >= k->next_ns)) {
		k->trigger = false;
		sleep_ns = look(p, nb_node_daemon_cpu(p), ret_scanned);
	} else {
		*ret_next_ns = timed ? k->next_ns : UINT64_MAX;
		return 0;
	}
	k->next_ns = sys->time_ns + sleep_ns;
	if (timed)
		*ret_next_ns = k->max_order ? sys->time_ns : k->next_ns;
	if (nb_event_wanted(sys, NB_EV_MM_COMPACTION_KCOMPACTD_SLEEP))
		nb_emit(sys, NB_EV_MM_COMPACTION_KCOMPACTD_SLEEP, nb_node_daemon_cpu(p), NULL,
			(uint64_t)nid);
	return 0;
}

int nb_compact_node(struct nb_system *sys, int nid, int cpu)
{
	if (nid >= 0 && !nb_node_data(sys, nid))
		return -NB_ENODEV;
	nb_lru_add_drain_all(sys);
	for (unsigned i = 0; i < sys->nr_pgdat; i++)
		if (nid < 0 || sys->pgdat[i]->nid == nid)
			(void)compact_whole(sys->pgdat[i], cpu, false);
	return 0;
}

static void wake(struct nb_pgdat *p, int order, enum nb_zone_type highest)
{
	p->kcompactd->woken = true;
	tell(p, NB_EV_MM_COMPACTION_WAKEUP_KCOMPACTD, order, highest);
	if (p->sys->kcompactd_woken)
		p->sys->kcompactd_woken(p->sys->kcompactd_ctx, p->nid);
}

/* hooks.wakeup_kcompactd. Source: wakeup_kcompactd(), kcompactd_node_suitable(). */
static void wakeup(struct nb_pgdat *p, int order, enum nb_zone_type highest)
{
	struct nb_kcompactd *k = p->kcompactd;

	if (!k || order <= 0)
		return;
	if (k->max_order < order)
		k->max_order = order;
	if (k->highest_zoneidx > highest)
		k->highest_zoneidx = highest;
	if (k->woken)
		return;
	for (unsigned i = 0; i <= (unsigned)k->highest_zoneidx; i++) {
		const struct nb_zone *z = &p->zone[i];

		if (z->present_pages &&
		    nb_compaction_ask(z, k->max_order, NB_WMARK_MIN, k->highest_zoneidx,
				      nb_node_daemon_cpu(p), NULL) == NB_COMPACT_CONTINUE) {
			wake(p, order, highest);
			return;
		}
	}
}

void nb_kcompactd_trigger(struct nb_system *sys)
{
	if (sys->profile->version < TRIGGER_SINCE || !sys->tune.compaction_proactiveness)
		return;
	for (unsigned i = 0; i < sys->nr_pgdat; i++) {
		struct nb_pgdat *p = sys->pgdat[i];

		if (!p->kcompactd || p->kcompactd->trigger)
			continue;
		p->kcompactd->trigger = true;
		wake(p, -1, last_zone(p));
	}
}

int nb_kcompactd_start(struct nb_system *sys, void (*woken)(void *ctx, int nid), void *ctx)
{
	for (unsigned i = 0; i < sys->nr_pgdat; i++) {
		struct nb_pgdat *p = sys->pgdat[i];

		if (!p->node_present_pages || p->kcompactd)
			continue;
		p->kcompactd = nb_system_alloc(sys, sizeof(*p->kcompactd));
		if (!p->kcompactd)
			return -NB_ENOMEM;
		p->kcompactd->next_ns = sys->time_ns + HPAGE_FRAG_CHECK_MS * NS_PER_MS;
		p->kcompactd->highest_zoneidx = last_zone(p);
	}
	sys->kcompactd_woken = woken;
	sys->kcompactd_ctx = ctx;
	sys->hooks.wakeup_kcompactd = wakeup;
	return 0;
}
