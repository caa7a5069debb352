/* kcompactd.c -- a node's compaction daemon, as a machine of steps; and compaction on demand.
 *
 * Called by drivers through include/numabox/compaction.h, by kswapd through
 * hooks.wakeup_kcompactd. It works on what kswapd left it when that goes to sleep after a request
 * of high order; between whiles, every half second, it looks whether fragmentation has grown above
 * the high threshold and then works until it is below the low one. Where that did not help it sits
 * out 64 looks. Source: mm/compaction.c, kcompactd(), kcompactd_do_work(),
 * proactive_compact_node(), fragmentation_score_zone(); facts 8.
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

/* Free memory that huge pages cannot use, 0 to 100. Source: extfrag_for_order(). */
static unsigned extfrag(const struct nb_zone *z)
{
	unsigned order = z->sys->pageblock_order;
	uint64_t free_pages = 0, usable = 0;

	for (unsigned o = 0; o < NB_NR_ORDERS && o <= z->sys->max_order; o++) {
		uint64_t pages = z->free_area[o].nr_free << o;

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
		.gfp = NB_GFP_KERNEL,
		.migratetype = NB_MIGRATE_MOVABLE,
		.highest_zoneidx = NB_MAX_NR_ZONES - 1,
		.mode = NB_MIGRATE_SYNC_LIGHT,
	};
}

static void drain(struct nb_zone *z, int cpu)
{
	struct nb_pcp *pcp = nb_zone_pcp_peek(z, cpu);

	if (pcp)
		nb_pcp_drain(z, pcp, cpu);
}

static void emit_order(const struct nb_pgdat *p, enum nb_event_kind kind, int cpu)
{
	const struct nb_kcompactd *k = p->kcompactd;

	if (nb_event_wanted(p->sys, kind))
		nb_emit(p->sys, kind, cpu, NULL, (uint64_t)p->nid, (uint64_t)k->max_order,
			k->highest_zoneidx);
}

/* What kswapd asked for. Returns pages looked at. */
static uint64_t do_work(struct nb_pgdat *p, int cpu)
{
	struct nb_kcompactd *k = p->kcompactd;
	int order = k->max_order;
	uint64_t scanned = 0;

	nb_count_vm_event(p->sys, cpu, NB_VM_KCOMPACTD_WAKE);
	emit_order(p, NB_EV_MM_COMPACTION_KCOMPACTD_WAKE, cpu);
	for (unsigned i = 0; i <= (unsigned)k->highest_zoneidx; i++) {
		struct nb_zone *z = &p->zone[i];
		struct nb_compact_control cc;
		enum nb_compact_result ret;

		if (!z->managed_pages || nb_compaction_deferred(z, order, cpu, NULL) ||
		    nb_compaction_ask(z, order, NB_WMARK_MIN, k->highest_zoneidx, cpu, NULL) !=
			    NB_COMPACT_CONTINUE)
			continue;
		cc = run_of(z, cpu, order);
		cc.highest_zoneidx = k->highest_zoneidx;
		ret = nb_compact_zone(&cc);
		if (ret == NB_COMPACT_SUCCESS) {
			nb_compaction_defer_reset(z, order, false, cpu, NULL);
		} else if (ret == NB_COMPACT_COMPLETE || ret == NB_COMPACT_PARTIAL_SKIPPED) {
			/* what waits in page sets may be what is missing */
			nb_drain_all_pages(p->sys, cpu);
			nb_compaction_defer(z, order, cpu, NULL);
		}
		scanned += cc.migrate_scanned + cc.free_scanned;
		nb_count_vm_events(p->sys, cpu, NB_VM_KCOMPACTD_MIGRATE_SCANNED,
				   cc.migrate_scanned);
		nb_count_vm_events(p->sys, cpu, NB_VM_KCOMPACTD_FREE_SCANNED, cc.free_scanned);
	}
	k->max_order = 0;
	k->highest_zoneidx = 0;
	return scanned;
}

static uint64_t compact_whole(struct nb_pgdat *p, int cpu, bool proactive)
{
	uint64_t scanned = 0;

	for (unsigned i = 0; i < NB_MAX_NR_ZONES; i++) {
		struct nb_zone *z = &p->zone[i];
		struct nb_compact_control cc;

		if (!z->managed_pages)
			continue;
		cc = run_of(z, cpu, -1);
		cc.mode = proactive ? NB_MIGRATE_SYNC_LIGHT : NB_MIGRATE_SYNC;
		cc.ignore_skip_hint = true;
		cc.whole_zone = true;
		cc.proactive = proactive;
		(void)nb_compact_zone(&cc);
		drain(z, cpu);
		scanned += cc.migrate_scanned + cc.free_scanned;
	}
	return scanned;
}

/* Source: kcompactd(), the branch of the timeout. */
static uint64_t look(struct nb_pgdat *p, int cpu)
{
	struct nb_kcompactd *k = p->kcompactd;
	unsigned before = node_score(p);
	uint64_t scanned;

	if (k->proactive_defer) {
		k->proactive_defer--;
		return 0;
	}
	if (p->kswapd_awake || before <= high_mark(p->sys))
		return 0;
	scanned = compact_whole(p, cpu, true);
	if (node_score(p) >= before)
		k->proactive_defer = 1u << NB_COMPACT_MAX_DEFER_SHIFT;
	return scanned;
}

int nb_kcompactd_step(struct nb_system *sys, int nid, uint64_t *ret_next_ns, uint64_t *ret_scanned)
{
	struct nb_pgdat *p = nb_node_data(sys, nid);
	struct nb_kcompactd *k = p ? p->kcompactd : NULL;

	*ret_scanned = 0;
	*ret_next_ns = UINT64_MAX;
	if (!k)
		return -NB_ENODEV;
	if (k->max_order) {
		*ret_scanned = do_work(p, nb_node_daemon_cpu(p));
		if (nb_event_wanted(sys, NB_EV_MM_COMPACTION_KCOMPACTD_SLEEP))
			nb_emit(sys, NB_EV_MM_COMPACTION_KCOMPACTD_SLEEP, nb_node_daemon_cpu(p),
				NULL, (uint64_t)nid);
	}
	k->woken = false;
	if (!sys->tune.compaction_proactiveness || sys->profile->version < PROACTIVE_SINCE)
		return 0;
	if (sys->time_ns >= k->next_ns) {
		*ret_scanned += look(p, nb_node_daemon_cpu(p));
		k->next_ns = sys->time_ns + HPAGE_FRAG_CHECK_MS * NS_PER_MS;
	}
	*ret_next_ns = k->next_ns;
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

/* hooks.wakeup_kcompactd. Source: wakeup_kcompactd(). */
static void wakeup(struct nb_pgdat *p, int order, enum nb_zone_type highest)
{
	struct nb_kcompactd *k = p->kcompactd;
	bool suitable = false;

	if (!k || order <= 0)
		return;
	if (k->max_order < order)
		k->max_order = order;
	if (k->highest_zoneidx < highest)
		k->highest_zoneidx = highest;
	for (unsigned i = 0; i <= (unsigned)k->highest_zoneidx; i++)
		suitable |= p->zone[i].managed_pages &&
			    nb_compaction_ask(&p->zone[i], k->max_order, NB_WMARK_MIN,
					      k->highest_zoneidx, nb_node_daemon_cpu(p),
					      NULL) == NB_COMPACT_CONTINUE;
	if (!suitable || k->woken)
		return;
	k->woken = true;
	emit_order(p, NB_EV_MM_COMPACTION_WAKEUP_KCOMPACTD, nb_node_daemon_cpu(p));
	if (p->sys->kcompactd_woken)
		p->sys->kcompactd_woken(p->sys->kcompactd_ctx, p->nid);
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
	}
	sys->kcompactd_woken = woken;
	sys->kcompactd_ctx = ctx;
	sys->hooks.wakeup_kcompactd = wakeup;
	return 0;
}
