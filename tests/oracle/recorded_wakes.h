/* recorded_wakes.h -- when a recorded request woke kswapd, and whether ours would have.
 *
 * Used while a trace is played through an engine whose kswapd never runs by itself: its sleep, the
 * zones' boosts and ZONE_RECLAIM_ACTIVE follow the recording (recorded_wakes_event() with every
 * event). Judged are the recorded requests: by our rule for marks, with the recorded kernel's free
 * pages, each that woke kswapd must, and none that let it lie may. Compared beside it: the pages
 * that were free when our own requests woke it. Wake-ups that only a boost asks for depend on
 * which frames were in use before, and are taken as recorded.
 */
#ifndef TESTS_ORACLE_RECORDED_WAKES_H
#define TESTS_ORACLE_RECORDED_WAKES_H

#include "recorded_free.h"

struct recorded_wakes {
	struct nb_system *sys;
	const struct recorded *rec;
	struct recorded_free *free;
	enum nb_zone_type highest; /* that the requests may use */
	uint8_t *lies_down;        /* [event] kswapd does, after it */
	uint64_t low[NB_MAX_NR_ZONES], high[NB_MAX_NR_ZONES];
	/* the recorded zones' boosts: now, and when kswapd's round began, at whose end these go */
	uint64_t boost[NB_MAX_NR_ZONES], boost_then[NB_MAX_NR_ZONES];
	/* ours, since it last lay down */
	bool seen;
	unsigned order;
	int64_t ours[NB_MAX_NR_ZONES];
	unsigned was_low; /* after the last request: 0 no, 1 yes, 2 not known */
	uint64_t nr, alike, near, before, worst, boosts, quiet, quiet_wrong;
};

/* Node 0's, with the marks of before/. Starts the engine's kswapd. */
void recorded_wakes_begin(struct recorded_wakes *w, struct nb_system *sys, const char *name,
			  const struct recorded *rec, struct recorded_free *free,
			  enum nb_zone_type highest);
void recorded_wakes_release(struct recorded_wakes *w);
/* Ours: NB_EV_MM_VMSCAN_WAKEUP_KSWAPD. */
void recorded_wakes_ours(struct recorded_wakes *w, const struct nb_event *ev);
/* The i-th recorded event, after it was counted as to free pages. */
void recorded_wakes_event(struct recorded_wakes *w, size_t i);
/* A recorded request of the kind in question was served. */
void recorded_wakes_request(struct recorded_wakes *w);
/* `played`: our own requests had as little memory as the recorded ones, and must have woken it too.
 */
void recorded_wakes_report(const struct recorded_wakes *w, bool played);
void recorded_wakes_judge(const struct recorded_wakes *w, bool played);

#endif
