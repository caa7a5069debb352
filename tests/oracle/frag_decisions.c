/* frag_decisions.c -- what a real kernel's compaction decided, event by event, and what our rule
 * says of the same state.
 *
 * Reads $NUMABOX_ORACLE/traces/frag-*. With the engine's free lists as the events have them
 * (frag_lists.h) its rules are asked, and compared with what each event says: whether a request of
 * order 9 must go the slow way, whether kswapd is woken, mm_compaction_suitable, _finished, the
 * deferral's counters, the zone's positions at each beginning, and whether kcompactd works on its
 * own account. Nothing may differ. Where pages that no event names, or a way that none tells, leave
 * the answer open, nothing is compared.
 */
#include "frag_lists.h"
#include "mm/compaction.h"
#include "mm/event.h"
#include "mm/kswapd.h"
#include "play.h"
#include "read/capture.h"
#include "read/machine.h"
#include "sim/driver.h"

#include <numabox/compaction.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

struct tally {
	unsigned compared, differ;
};

static struct {
	struct nb_sim sim;
	struct nb_machine *machine;
	struct nb_capture *capture;
	struct nb_port port;
	nb_pfn_t migrate_pfn[2], last_block[2];
	uint64_t unknown; /* free pages of the zone that no event names, wherever they lie */
	bool kswapd_awake, began;
	int pid;   /* whose request compacts; 0 nobody's */
	bool lost; /* the scanner went a way that no event tells */
	struct tally room, wake, suitable, finished, defer, position, proactive;
} st;

static struct nb_zone *zone_of(const char *text)
{
	return &play.sys->pgdat[0]->zone[strstr(text, "zone=DMA32") ? NB_ZONE_DMA32 : NB_ZONE_DMA];
}

static void tell(struct tally *t, bool same, const char *event, const char *what, int64_t ours)
{
	t->compared++;
	t->differ += !same;
	if (!same)
		print_message("#   %s: %s %lld\n", event, what, (long long)ours);
}

/* A request of order 9 for movable memory has come to the slow path. */
static void compare_room(const char *text)
{
	bool room = false;

	for (unsigned t = NB_ZONE_DMA; t <= NB_ZONE_DMA32; t++) {
		const struct nb_zone *z = &play.sys->pgdat[0]->zone[t];

		room |= nb_zone_watermark_ok(z, HUGE, nb_wmark_pages(z, NB_WMARK_MIN),
					     NB_ZONE_MOVABLE, 0);
	}
	tell(&st.room, !room, text, "there is room", room);
}

/* kswapd was woken: no zone holds its high mark with a block. */
static void compare_wake(const char *text)
{
	bool balanced = false;

	for (unsigned t = NB_ZONE_DMA; t <= NB_ZONE_DMA32; t++) {
		const struct nb_zone *z = &play.sys->pgdat[0]->zone[t];

		balanced |=
			nb_zone_watermark_ok(z, number(text, "order="),
					     nb_wmark_pages(z, NB_WMARK_HIGH), NB_ZONE_MOVABLE, 0);
	}
	tell(&st.wake, !balanced, text, "balanced", balanced);
}

static void compare_suitable(const char *text)
{
	static const char *const names[] = {"not_suitable_zone", "skipped", "", "", "continue"};
	enum nb_compact_result ret = nb_compaction_suitable(
		zone_of(text), (int)number(text, "order="), NB_WMARK_MIN, NB_ZONE_MOVABLE);

	tell(&st.suitable, ret <= NB_COMPACT_CONTINUE && strstr(text, names[ret]), text, "ours",
	     ret);
}

/* Which of the two that may run at a time tells this: kcompactd (order -1), or the request. */
static unsigned who(const char *text)
{
	return strstr(text, "order=-1") || strstr(text, "mode=sync");
}

/* The zone's score; where nobody knows whether the pages that no event names are whole blocks, at
 * best or at worst. */
static unsigned score_of(const struct nb_zone *z, bool best)
{
	uint64_t free = nb_zone_free_pages_snapshot(z), usable = 0,
		 rest = z == play.zone ? st.unknown : 0;

	for (unsigned o = HUGE; o <= play.sys->max_order; o++)
		usable += nb_zone_nr_free(z, o) << o;
	if (!rest)
		assert_int_equal(nb_compaction_score(z), free ? (free - usable) * 100 / free : 0);
	free += rest;
	usable += best ? rest : 0;
	return free ? (unsigned)((free - usable) * 100 / free) : 0;
}

static void compare_finished(const char *text)
{
	struct nb_zone *z = zone_of(text);
	const char *ours;
	bool block = false;

	if (who(text)) {
		unsigned low = nb_compaction_low_mark(play.sys);

		if (strstr(text, "partial_skipped"))
			tell(&st.finished, st.kswapd_awake, text, "kswapd sleeps", 0);
		else if (score_of(z, false) > low && score_of(z, true) > low)
			tell(&st.finished, strstr(text, "continue"), text, "score",
			     score_of(z, true));
		else if (score_of(z, false) <= low)
			tell(&st.finished, strstr(text, "success"), text, "score",
			     score_of(z, false));
		return;
	}
	for (unsigned o = HUGE; o <= play.sys->max_order; o++)
		block |= nb_zone_free_mask(z, NB_MIGRATE_MOVABLE) >> o & 1 ||
			 nb_fallback_would_claim(z, o, NB_MIGRATE_MOVABLE);
	ours = strstr(text, "partial_skipped") || strstr(text, "complete") ? "" /* they met */
	       : st.migrate_pfn[0] & (HUGE_PAGES - 1)                      ? "continue"
	       : block                                                     ? "success"
									   : "no_suitable_page";
	if (!*ours)
		nb_reset_cached_positions(z, nb_zone_compact(z));
	tell(&st.finished, strstr(text, ours), text, ours, (int64_t)st.migrate_pfn[0]);
}

/* `what` happened: our counters are theirs. */
static void compare_defer(const char *text)
{
	struct nb_zone *z = zone_of(text);
	int order = (int)number(text, "order=");
	const struct nb_zone_compact *c = nb_zone_compact(z);
	static bool again; /* the second of a pair: the page was got */

	if (strstr(text, "defer_reset")) {
		nb_compaction_defer_reset(z, order, again, 0, NULL);
		again = !again;
	} else if (strstr(text, "defer_compaction")) {
		nb_compaction_defer(z, order, 0, NULL);
	}
	tell(&st.defer,
	     c->order_failed == (int)number(text, "order_failed=") &&
		     c->considered == number(text, "consider=") &&
		     1u << c->defer_shift == number(text, "limit="),
	     text, "ours considered", c->considered);
}

static void begin_run(const char *text, int pid)
{
	unsigned sync = who(text);
	struct nb_zone *z =
		&play.sys->pgdat[0]->zone[pfn_of(text, "zone_start=0x") == 0x1000 ? NB_ZONE_DMA32
										  : NB_ZONE_DMA];
	struct nb_zone_compact *c = nb_zone_compact(z);
	nb_pfn_t at = pfn_of(text, "migrate_pfn=0x");

	st.migrate_pfn[sync] = at;
	st.last_block[sync] = 0;
	if (sync) { /* kcompactd on its own account: the whole zone */
		tell(&st.position, at == z->zone_start_pfn, text, "ours",
		     (int64_t)z->zone_start_pfn);
		if (z->type == NB_ZONE_DMA)
			st.began = true;
		return;
	}
	st.pid = pid;
	z->capture = (struct nb_capture){.mt = NB_MIGRATE_MOVABLE};
	z->capture_at = HUGE + 1;
	if (c->cached_migrate_pfn[0] < z->zone_start_pfn)
		c->cached_migrate_pfn[0] = c->cached_migrate_pfn[1] = z->zone_start_pfn;
	if (at == c->cached_migrate_pfn[0] || !st.lost)
		tell(&st.position, at == c->cached_migrate_pfn[0], text, "ours",
		     (int64_t)c->cached_migrate_pfn[0]);
	c->cached_migrate_pfn[0] = at;
	st.lost = false;
}

static bool marked(nb_pfn_t pfn)
{
	struct nb_zone *z = play.zone;
	uint32_t dense;

	return page_of(pfn, &z, &dense) && nb_pageblock_skip(z, nb_zone_compact(z), dense);
}

static void mark(nb_pfn_t pfn)
{
	struct nb_zone *z = play.zone;
	uint32_t dense;

	if (page_of(pfn, &z, &dense))
		nb_set_pageblock_skip(z, nb_zone_compact(z), dense);
}

/* A look of the migrate scanner, of the request's run or of kcompactd's. */
static void scanned(const char *text, unsigned sync)
{
	nb_pfn_t start = pfn_of(text, "range=(0x"), end = pfn_of(text, " ~ 0x");
	nb_pfn_t block = nb_block_start(start, HUGE);
	struct nb_compact_control cc = {
		.sys = play.sys,
		.zone = play.zone,
		.state = nb_zone_compact(play.zone),
		.mode = sync ? NB_MIGRATE_SYNC_LIGHT : NB_MIGRATE_ASYNC,
	};
	nb_pfn_t at = nb_block_end(st.migrate_pfn[sync] - 1, HUGE);
	bool finish = st.last_block[sync] == block;

	/* where nothing but huge pages and marked pageblocks lie between, they were passed over,
	 * and huge ones remembered; else the scanner may have jumped */
	while (at < block && (tr.huge[at] || marked(at)))
		at += HUGE_PAGES;
	if (at == block && at > st.migrate_pfn[sync] && tr.huge[block - HUGE_PAGES])
		nb_update_cached_migrate(&cc, block);
	st.lost |= at < block;
	if (start == block && (!sync || !number(text, "nr_taken=")))
		mark(block);
	if (end == nb_block_end(start, HUGE) && (!number(text, "nr_taken=") || finish))
		nb_update_cached_migrate(&cc, end);
	if (number(text, "nr_taken="))
		st.last_block[sync] = nb_block_start(end - 1, HUGE);
	st.migrate_pfn[sync] = end;
}

/* kcompactd goes to sleep again: had it reason to work, half a second after the last time? */
static void compare_proactive(const char *text)
{
	unsigned high = nb_compaction_low_mark(play.sys) + 10;
	int score = nb_fragmentation_score(play.sys, 0);
	bool worth = score > (int)high && !st.kswapd_awake;

	/* judged at the beginning where it worked */
	if (!st.began)
		tell(&st.proactive, !worth, text, "score", score);
	st.began = false;
}

static void decide(const char *text, int now)
{
	if (!strncmp(text, "mm_vmscan_wakeup_kswapd", 23)) {
		compare_wake(text);
		st.kswapd_awake = true;
	} else if (!strncmp(text, "mm_vmscan_kswapd_sleep", 22)) {
		st.kswapd_awake = false;
	} else if (strstr(text, "try_to_compact")) {
		compare_room(text);
		(void)nb_compaction_deferred(play.zone, HUGE, 0, NULL);
	} else if (strstr(text, "_suitable:")) {
		compare_suitable(text);
	} else if (strstr(text, "_finished:")) {
		compare_finished(text);
	} else if (strstr(text, "_defer")) {
		compare_defer(text);
	} else if (strstr(text, "_begin:")) {
		if (who(text) && pfn_of(text, "zone_start=0x") == 1)
			tell(&st.proactive,
			     nb_fragmentation_score(play.sys, 0) >
				     (int)nb_compaction_low_mark(play.sys) + 10,
			     text, "score", nb_fragmentation_score(play.sys, 0));
		begin_run(text, tr.step[now].pid);
	} else if (strstr(text, "_end:")) {
		if (!who(text)) {
			st.pid = 0;
			play.zone->capture_at = 0;
		}
	} else if (strstr(text, "isolate_migratepages")) {
		scanned(text, tr.step[now].pid != st.pid);
	} else if (strstr(text, "fast_isolate")) {
		frag_take_targets(pfn_of(text, "range=(0x"), nb_zone_end_pfn(play.zone),
				  number(text, "nr_taken="), now);
	} else if (strstr(text, "isolate_freepages")) {
		frag_take_targets(pfn_of(text, "range=(0x"), pfn_of(text, " ~ 0x"),
				  number(text, "nr_taken="), now);
	} else if (strstr(text, "kcompactd_sleep")) {
		compare_proactive(text);
	}
}

static void say(const char *what, const struct tally *t, unsigned least)
{
	print_message("#   %s: %u of %u\n", what, t->compared - t->differ, t->compared);
	assert_int_equal(t->differ, 0);
	assert_true(t->compared >= least);
}

static void open_machine(const char *path)
{
	struct nb_read_options opt = {0};
	struct nb_error err = {0};
	char dir[1200];

	memset(&st, 0, sizeof(st));
	snprintf(dir, sizeof(dir), "%s/before", path);
	nb_port_posix(&st.port, false);
	if (nb_read_machine(&st.port, dir, &opt, &st.machine, &st.capture, &err))
		fail_msg("%s: %s", dir, err.text);
	if (nb_sim_open(&st.sim,
			&(struct nb_sim_begin){.machine = st.machine, .capture = st.capture}, &err))
		fail_msg("%s: %s", dir, err.text);
	play.sys = st.sim.sys;
	play.zone = &play.sys->pgdat[0]->zone[NB_ZONE_DMA32];
}

static void judge(const char *path, const char *name)
{
	int64_t free_pages;

	open_machine(path);
	free_pages = (int64_t)nb_zone_free_pages_snapshot(play.zone);
	frag_read(name);
	frag_begin();
	st.unknown = (uint64_t)(free_pages - (int64_t)nb_zone_free_pages_snapshot(play.zone));
	print_message("# %s: %lld of %lld free pages found\n", name,
		      (long long)nb_zone_free_pages_snapshot(play.zone), (long long)free_pages);
	for (int i = 0; i < tr.nr; i++) {
		if (tr.step[i].kind == 'C')
			decide(tr.step[i].text, i);
		else
			frag_move(&tr.step[i], st.pid);
	}
	say("slow path", &st.room, 1);
	say("wake-ups", &st.wake, 1);
	say("suitable", &st.suitable, 1);
	say("finished", &st.finished, 100);
	say("deferral", &st.defer, 2);
	say("positions", &st.position, 10);
	say("kcompactd", &st.proactive, 10);
	nb_sim_close(&st.sim);
	nb_capture_free(st.capture);
	nb_machine_free(st.machine);
	frag_release();
}

static bool wanted(const char *name)
{
	return strncmp(name, "frag-", 5) == 0;
}

static void test_decisions(void **state)
{
	(void)state;
	if (!play_each(wanted, judge))
		skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_decisions)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
