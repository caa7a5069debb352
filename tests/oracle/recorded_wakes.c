/* recorded_wakes.c -- see recorded_wakes.h. */
#include "recorded_wakes.h"

#include "base/hosted/text.h"
#include "mm/kswapd.h"
#include "mm/page.h"
#include "mm/pcp.h"
#include "mm/watermark.h"

#include <numabox/reclaim.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static struct nb_pgdat *node(const struct recorded_wakes *w)
{
	return nb_node_data(w->sys, 0);
}

static void noted(void *ctx, int nid)
{
	(void)ctx, (void)nid;
}

/* No event tells that kswapd lies down for its nap: it does after the last cluster that it took
 * before it was woken again, or went to sleep. */
void recorded_wakes_begin(struct recorded_wakes *w, struct nb_system *sys, const char *name,
			  const struct recorded *rec, struct recorded_free *free,
			  enum nb_zone_type highest)
{
	size_t end = 0;

	*w = (struct recorded_wakes){.sys = sys, .rec = rec, .free = free, .highest = highest};
	w->was_low = 2;
	for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++) {
		const char *zone = nb_zone_name((enum nb_zone_type)t);
		int64_t low = recorded_zone(name, "before/proc/zoneinfo", 0, zone, "low");
		int64_t high = recorded_zone(name, "before/proc/zoneinfo", 0, zone, "high");

		w->low[t] = low > 0 ? (uint64_t)low : 0;
		w->high[t] = high > 0 ? (uint64_t)high : 0;
	}
	w->lies_down = nb_xcalloc(rec->nr + 1, 1);
	for (size_t i = 0; i < rec->nr; i++) {
		const struct rec_event *e = &rec->ev[i];

		if (e->kind == REC_WAKE || (e->kind == REC_ISOLATE && e->kswapd))
			end = i;
		if ((e->kind == REC_WAKEUP || e->kind == REC_SLEEP) && end)
			w->lies_down[end] = 1;
	}
	assert_int_equal(nb_kswapd_start(sys, noted, NULL), 0);
}

void recorded_wakes_release(struct recorded_wakes *w)
{
	free(w->lies_down);
}

void recorded_wakes_ours(struct recorded_wakes *w, const struct nb_event *ev)
{
	if (!ev->field[3]) {
		node(w)->kswapd_awake = false;
		return;
	}
	w->seen = true;
	w->order = (unsigned)ev->field[2];
	for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++)
		w->ours[t] = (int64_t)atomic_load(&node(w)->zone[t].nr_free_pages);
}

/* Would a request find no zone above its low mark? `error`: -1 or 1, with the least or the most
 * that can have been free. */
static bool below_low(const struct recorded_wakes *w, int error)
{
	for (unsigned t = 0; t <= w->highest; t++) {
		const struct nb_zone *z = &node(w)->zone[t];
		int64_t free = w->free->pages[0][t] + error * w->free->unsure[0][t];

		if (z->managed_pages &&
		    nb_zone_watermark_ok_free(z, 0, w->low[t] + w->boost[t], w->highest, 0, free))
			return false;
	}
	return true;
}

/* How much was free when ours woke it? A refill takes up to 32 batches at once. */
static bool near_ours(struct recorded_wakes *w)
{
	bool near = w->order == 0;

	for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++) {
		int64_t refill = (int64_t)node(w)->zone[t].pageset_batch << NB_PCP_BATCH_SCALE_MAX;
		int64_t off = llabs(w->ours[t] - w->free->pages[0][t]);

		near &= off <= refill * w->sys->nr_cpus_online + w->free->unsure[0][t];
		if ((uint64_t)off > w->worst)
			w->worst = (uint64_t)off;
	}
	return near;
}

static void set_reclaim_active(struct nb_pgdat *p, bool on)
{
	for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++) {
		if (on)
			atomic_fetch_or(&p->zone[t].flags, ZONE_RECLAIM_ACTIVE);
		else
			atomic_fetch_and(&p->zone[t].flags, ~(unsigned)ZONE_RECLAIM_ACTIVE);
	}
}

static void lie_down(struct recorded_wakes *w)
{
	struct nb_pgdat *p = node(w);

	p->kswapd_awake = false;
	p->kswapd_order = 0;
	p->kswapd_highest_zoneidx = NB_KSWAPD_NO_ZONE;
	set_reclaim_active(p, false);
	for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++) {
		w->boost[t] -= w->boost_then[t];
		w->boost_then[t] = 0;
		atomic_store(&p->zone[t].watermark_boost, 0);
	}
	nb_snapshot_refaults(p, NULL);
	w->seen = false;
}

/* A request took a block of another type: every time the marks rise by a pageblock, to half as much
 * again as high. Source: boost_watermark(). */
static void stolen(struct recorded_wakes *w, const struct rec_event *e)
{
	uint64_t block = UINT64_C(1) << w->sys->pageblock_order, most;
	struct nb_zone *z = NULL;

	if (!nb_pfn_to_page(w->sys, e->a[0], &z) || z->pgdat != node(w) ||
	    e->a[3] >= w->sys->pageblock_order || block * 4 > z->managed_pages)
		return;
	most = w->high[z->type] * 3 / 2;
	most = most > block ? most : block;
	w->boost[z->type] += block;
	if (w->boost[z->type] > most)
		w->boost[z->type] = most;
}

void recorded_wakes_event(struct recorded_wakes *w, size_t i)
{
	const struct rec_event *e = &w->rec->ev[i];

	if (e->kind == REC_WAKEUP) {
		if (e->a[2]) {
			w->nr++;
			w->before += w->seen;
			w->near += w->seen && near_ours(w);
			w->alike += e->a[0] == 0 && e->a[1] == 0 && below_low(w, -1);
		} else {
			w->boosts++;
		}
		node(w)->kswapd_awake = true;
		w->seen = false;
	} else if (e->kind == REC_WAKE) {
		set_reclaim_active(node(w), true);
		memcpy(w->boost_then, w->boost, sizeof(w->boost));
	} else if (e->kind == REC_STOLEN) {
		stolen(w, e);
	}
	if (w->lies_down[i])
		lie_down(w);
}

void recorded_wakes_request(struct recorded_wakes *w)
{
	bool lies = !node(w)->kswapd_awake;

	w->quiet += lies && w->was_low < 2;
	w->quiet_wrong += lies && w->was_low == 1;
	w->was_low = lies ? below_low(w, 1) : 2;
}

void recorded_wakes_report(const struct recorded_wakes *w, bool played)
{
	recorded_ratio("wakes by requests: by rule", w->nr, w->alike);
	if (played) {
		recorded_ratio("  ours woke by then", w->nr, w->before);
		recorded_ratio("    free as recorded", w->before, w->near);
	}
	recorded_ratio("requests that woke nobody", w->quiet, w->quiet - w->quiet_wrong);
	print_message("#   wakes by boost alone: %llu\n", (unsigned long long)w->boosts);
	if (played)
		print_message("#   free pages at a wake differ by %llu at most\n",
			      (unsigned long long)w->worst);
}

void recorded_wakes_judge(const struct recorded_wakes *w, bool played)
{
	assert_true(w->nr > 0);
	assert_int_equal(w->alike, w->nr);
	assert_int_equal(w->near, w->before);
	/* its page sets are refilled at other moments: some come a refill later */
	assert_true(!played || w->before * 4 >= w->nr * 3);
	/* between its last cluster and its nap kswapd is awake, and no event tells */
	assert_true(w->quiet_wrong * 1000 <= w->quiet);
}
