/* wakes.c -- recorded kernels under pressure, judged moment by moment by the engine's rules.
 *
 * Each trace's own past is the state: free pages are rebuilt from before/ and the events
 * (recorded_free.h), and the engine's functions are asked what they would do in it. So nothing here
 * depends on how fast the recorded machine was, or on frames that nobody knows:
 *   - a request wakes a node's kswapd only where no zone that it may use passes the low mark, and
 *     where a node's marks cannot be raised the zones are below by no more than a refill for each
 *     CPU: it was the last refills that took them there;
 *   - while a node's kswapd sleeps and nobody has woken it, no refill comes out of a zone below
 * low;
 *   - a wake-up without gfp flags follows a look into foreign lists in the same CPU's refill;
 *   - each reclaim_retry_zone has the mark, the count and the answer that the engine gives.
 * A zone's boost is told by no event: it may be anything from 0 to its most once a request has
 * looked into foreign lists, until kswapd went to sleep after a round that began later.
 */
#include "mm/boot.h"
#include "mm/buddy.h"
#include "mm/page_alloc.h"
#include "play.h"
#include "read/capture.h"
#include "read/machine.h"
#include "recorded_free.h"

#include <numabox/reclaim.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CPUS 8
#define COMPACT_CLUSTER 32 /* COMPACT_CLUSTER_MAX */

struct zone_state {
	bool raised;          /* the boost may be more than 0 */
	bool looked;          /* into foreign lists since the last round began */
	int64_t refill[CPUS]; /* pages of each CPU's last refill */
	int64_t offset;       /* true count less the rebuilt one, once it is known */
	bool offset_known;
};

struct run {
	const char *name;
	struct nb_port port;
	struct nb_machine *machine;
	struct nb_capture *capture;
	struct nb_system *sys;
	struct recorded rec;
	struct recorded_free free;
	struct zone_state zone[RECORDED_NODES][NB_MAX_NR_ZONES];
	bool asleep[RECORDED_NODES];     /* for certain: full sleep, and not woken */
	unsigned rounds[RECORDED_NODES]; /* of its kswapd since anything was reclaimed */
	/* the refill that is going on on each CPU */
	struct {
		struct nb_zone *zone;
		int64_t pages;
		bool going, foreign;
	} now[CPUS];
	unsigned requests, boosts, refills, retries, near;
};

static struct zone_state *state_of(struct run *r, const struct nb_zone *z)
{
	return &r->zone[z->pgdat->nid][z->type];
}

static int64_t true_free(struct run *r, const struct nb_zone *z)
{
	return r->free.pages[z->pgdat->nid][z->type] + state_of(r, z)->offset;
}

/* How far the zone's own count, which requests look at, may be from the pages that are free. While
 * kswapd works other thresholds hold. */
static int64_t drift(const struct run *r, const struct nb_zone *z)
{
	int64_t t = z->stat_threshold_normal;

	if (!r->asleep[z->pgdat->nid] && z->percpu_drift_mark && z->stat_threshold_pressure > t)
		t = z->stat_threshold_pressure;
	return t * z->sys->nr_cpus_online;
}

static uint64_t most_boost(const struct nb_zone *z)
{
	uint64_t high = z->wmark[NB_WMARK_HIGH], block = UINT64_C(1) << z->sys->pageblock_order;
	uint64_t most = high * z->sys->tune.watermark_boost_factor / 10000;

	if (!z->sys->profile->has_boost || block * 4 > z->managed_pages || !most)
		return 0;
	return most > block ? most : block;
}

/* Would a request pass the low mark there, with `free` pages and that boost? */
static bool passes(struct nb_zone *z, int64_t free_pages, uint64_t boost)
{
	bool ok;

	atomic_store(&z->nr_free_pages, (uint64_t)(free_pages > 0 ? free_pages : 0));
	atomic_store(&z->watermark_boost, boost);
	ok = nb_zone_watermark_fast(z, 0, nb_wmark_pages(z, NB_WMARK_LOW), NB_ZONE_MOVABLE,
				    NB_WMARK_LOW, NB_GFP_HIGHUSER_MOVABLE);
	atomic_store(&z->watermark_boost, 0);
	return ok;
}

static int64_t refills(const struct zone_state *s)
{
	int64_t n = 0;

	for (unsigned c = 0; c < CPUS; c++)
		n += s->refill[c];
	return n;
}

/* A request wakes: all zones of its list fail. */
static void check_request(struct run *r, const struct rec_event *ev)
{
	const struct nb_pgdat *p = nb_node_data(r->sys, r->sys->cpu_to_node[ev->cpu]);

	r->requests++;
	assert_int_equal(ev->a[1], 0); /* order */
	for (const struct nb_zoneref *ref = nb_next_zoneref(p->zonelist, NB_ZONE_MOVABLE, NULL);
	     ref->zone; ref = nb_next_zoneref(ref + 1, NB_ZONE_MOVABLE, NULL)) {
		struct nb_zone *z = ref->zone;
		struct zone_state *s = state_of(r, z);
		int64_t free_pages = true_free(r, z);
		int64_t start = s->offset_known ? 0 : refills(s);

		if (passes(z, free_pages - drift(r, z) - start, s->raised ? most_boost(z) : 0))
			fail_msg("%f: node %d woken, but zone %d of node %d has %lld pages free",
				 (double)ev->t_us / 1e6, (int)ev->a[0], z->type, z->pgdat->nid,
				 (long long)free_pages);
		if (s->raised)
			continue;
		/* the last refills took it below */
		r->near++;
		if (!passes(z, free_pages + drift(r, z) + refills(s) + start + 1, 0))
			fail_msg("%f: zone %d of node %d was below low before: %lld pages free, "
				 "last "
				 "refills %lld",
				 (double)ev->t_us / 1e6, z->type, z->pgdat->nid,
				 (long long)free_pages, (long long)refills(s));
	}
}

static void note_wake(struct run *r, const struct rec_event *ev)
{
	uint64_t nid = ev->a[0];

	assert_in_range(nid, 0, RECORDED_NODES - 1);
	if (!ev->a[2]) {
		r->boosts++;
		assert_true(r->now[ev->cpu].foreign);
		assert_int_equal(r->now[ev->cpu].zone->pgdat->nid, nid);
	} else {
		check_request(r, ev);
	}
	r->asleep[nid] = false;
}

/* A refill ends with the next thing that its CPU does. */
static void end_refill(struct run *r, int cpu)
{
	if (r->now[cpu].zone && r->now[cpu].pages)
		state_of(r, r->now[cpu].zone)->refill[cpu] = r->now[cpu].pages;
	r->now[cpu].pages = 0;
	r->now[cpu].going = false;
}

static void note_refill(struct run *r, const struct rec_event *ev, struct nb_zone *z,
			int64_t before)
{
	struct zone_state *s = state_of(r, z);

	if (r->now[ev->cpu].zone != z || !r->now[ev->cpu].going) {
		end_refill(r, ev->cpu);
		r->now[ev->cpu].going = true;
		r->now[ev->cpu].zone = z;
		r->now[ev->cpu].foreign = false;
		if (ev->worker && r->asleep[z->pgdat->nid] && !ev->a[1]) {
			int64_t start = s->offset_known ? 0 : refills(s);

			r->refills++;
			if (!passes(z, before + s->offset + drift(r, z) + start, 0))
				fail_msg("%f: a refill out of zone %d of node %d with %lld pages "
					 "free, and kswapd asleep",
					 (double)ev->t_us / 1e6, z->type, z->pgdat->nid,
					 (long long)(before + s->offset));
		}
	}
	r->now[ev->cpu].pages += before - r->free.pages[z->pgdat->nid][z->type];
}

/* The zone of reclaim_retry_zone, and its count, which that event tells. */
static struct nb_zone *zone_of_retry(const struct run *r, const struct rec_event *ev)
{
	struct nb_pgdat *p = nb_node_data(r->sys, (int)ev->a[0]);

	assert_non_null(p);
	assert_in_range(ev->a[1], 0, NB_MAX_NR_ZONES - 1);
	return &p->zone[ev->a[1]];
}

static int64_t free_of_retry(const struct rec_event *ev)
{
	return (int64_t)ev->a[4] - (int64_t)ev->a[3];
}

static void check_retry(struct run *r, const struct rec_event *ev)
{
	struct nb_zone *z = zone_of_retry(r, ev);
	int64_t mark = (int64_t)ev->a[5];
	int64_t free_pages = free_of_retry(ev);
	struct zone_state *s = state_of(r, z);
	int64_t untold = z->pageset_batch + COMPACT_CLUSTER;

	r->retries++;
	/* the mark is the zone's, raised by whole pageblocks or to the most */
	assert_in_range(mark - (int64_t)z->wmark[NB_WMARK_MIN], 0, most_boost(z));
	assert_int_equal(nb_zone_watermark_ok_free(z, (unsigned)ev->a[2], ev->a[5], NB_ZONE_MOVABLE,
						   NB_WMARK_MIN, (int64_t)ev->a[4]),
			 ev->a[6]);
	/* without an event: pages freed while their set was locked, one at a time, and what a run
	 * of compaction takes out and puts back */
	assert_in_range(true_free(r, z) - free_pages + untold, 0, 2 * untold);
	s->offset = free_pages - r->free.pages[z->pgdat->nid][z->type];
}

static void note_round(struct run *r, uint64_t nid, bool sleeps)
{
	assert_in_range(nid, 0, RECORDED_NODES - 1);
	for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++) {
		struct zone_state *s = &r->zone[nid][t];

		if (sleeps && !s->looked)
			s->raised = false;
		if (!sleeps)
			s->looked = false;
	}
	/* one that has failed that often is not woken any more */
	if (sleeps)
		r->asleep[nid] = r->rounds[nid] < NB_MAX_RECLAIM_RETRIES;
	else
		r->rounds[nid]++;
}

static void judge_take(struct run *r, const struct rec_event *ev)
{
	struct nb_zone *z;
	int64_t before;

	if (!nb_pfn_to_page(r->sys, ev->a[0], &z) || z->pgdat->nid >= RECORDED_NODES)
		return;
	before = r->free.pages[z->pgdat->nid][z->type];
	recorded_free_count(&r->free, r->sys, ev);
	if (ev->kind == REC_STOLEN)
		state_of(r, z)->raised = state_of(r, z)->looked = true;
	note_refill(r, ev, z, before);
	r->now[ev->cpu].foreign |= ev->kind == REC_STOLEN;
}

static void judge(struct run *r, const struct rec_event *ev)
{
	switch (ev->kind) {
	case REC_TAKEN:
	case REC_STOLEN:
		judge_take(r, ev);
		return;
	case REC_WAKEUP:
		end_refill(r, ev->cpu);
		note_wake(r, ev);
		break;
	case REC_WAKE:
	case REC_SLEEP:
		note_round(r, ev->a[0], ev->kind == REC_SLEEP);
		break;
	case REC_RETRY:
		check_retry(r, ev);
		break;
	case REC_ALLOC:
		end_refill(r, ev->cpu);
		break;
	case REC_DIRECT_END:
		if (ev->a[0])
			memset(r->rounds, 0, sizeof(r->rounds));
		break;
	case REC_BATCHED:
		memset(r->rounds, 0, sizeof(r->rounds));
		break;
	default:
		break;
	}
	recorded_free_count(&r->free, r->sys, ev);
}

/* ---- what was missed between the reading of zoneinfo and the first event ---- */

static void learn(struct run *r, struct nb_zone *z, int64_t free_pages)
{
	struct zone_state *s = state_of(r, z);

	if (!s->offset_known)
		s->offset = free_pages - r->free.pages[z->pgdat->nid][z->type];
	s->offset_known = true;
}

/* "Node 0 DMA32: 0*4kB 1*8kB (M) ... = 648kB", which is exact. */
static void learn_of_report(struct run *r)
{
	FILE *f = play_open(r->name, "dmesg", false);
	char line[1024], zone[32];
	int nid;

	while (f && fgets(line, sizeof(line), f) && !strstr(line, "oom-kill:")) {
		const char *s = strstr(line, "Node "), *sum = strstr(line, "kB = "), *end = NULL;
		struct nb_pgdat *p;

		for (; sum; sum = strstr(sum + 1, " = "))
			end = sum;
		if (!s || !end || sscanf(s, "Node %d %31[^:]:", &nid, zone) != 2)
			continue;
		p = nb_node_data(r->sys, nid);
		for (unsigned t = 0; p && t < NB_MAX_NR_ZONES; t++) {
			if (!strcmp(zone, nb_zone_name((enum nb_zone_type)t)))
				learn(r, &p->zone[t], strtoll(strstr(end, "= ") + 2, NULL, 10) / 4);
		}
	}
	if (f)
		fclose(f);
}

static void learn_all(struct run *r)
{
	for (size_t i = 0; i < r->rec.nr; i++) {
		const struct rec_event *ev = &r->rec.ev[i];

		recorded_free_count(&r->free, r->sys, ev);
		if (ev->kind == REC_RETRY)
			learn(r, zone_of_retry(r, ev), free_of_retry(ev));
		else if (ev->kind == REC_KILL)
			learn_of_report(r);
	}
	recorded_free_begin(&r->free, r->sys, r->name);
}

static void judge_trace(const char *path, const char *name)
{
	struct nb_read_options opt = {0};
	struct nb_error err = {0};
	static struct run r;
	char dir[1200];

	memset(&r, 0, sizeof(r));
	snprintf(dir, sizeof(dir), "%s/before", path);
	nb_port_posix(&r.port, false);
	if (nb_read_machine(&r.port, dir, &opt, &r.machine, &r.capture, &err) ||
	    nb_system_boot(&r.port, r.machine, NULL, &r.sys, &err) ||
	    nb_capture_apply_observed(r.capture, r.sys, &err))
		fail_msg("%s: %s", dir, err.text);
	r.name = name;
	recorded_read(&r.rec, name, "work");
	recorded_free_begin(&r.free, r.sys, name);
	learn_all(&r);
	for (unsigned nid = 0; nid < RECORDED_NODES; nid++)
		r.asleep[nid] = true;
	for (size_t i = 0; i < r.rec.nr; i++) {
		if (r.rec.ev[i].cpu < CPUS)
			judge(&r, &r.rec.ev[i]);
	}
	print_message(
		"# %s: %u wake-ups by requests (%u zones within a refill for each CPU), %u by "
		"boost, %u refills while kswapd slept, %u retries\n",
		name, r.requests, r.near, r.boosts, r.refills, r.retries);
	assert_true(r.requests + r.boosts > 0);
	assert_true(r.refills > 0);
	recorded_free(&r.rec);
	nb_system_shutdown(r.sys);
	nb_capture_free(r.capture);
	nb_machine_free(r.machine);
}

static bool wanted(const char *name)
{
	return strstr(name, "kswapd-anon") || strncmp(name, "oom-", 4) == 0;
}

static void test_wakes(void **state)
{
	(void)state;
	if (!play_each(wanted, judge_trace))
		skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_wakes)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
