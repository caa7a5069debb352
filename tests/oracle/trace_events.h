/* trace_events.h -- the page allocator's events of a recorded trace, in memory.
 *
 * Read by first_frames.c, which goes through them with `trace.at` and looks ahead: what happens
 * next to a frame tells what no event told.
 */
#ifndef TESTS_ORACLE_TRACE_EVENTS_H
#define TESTS_ORACLE_TRACE_EVENTS_H

#include "play.h"

enum { TRACE_EVENTS = 40000, TRACE_FRAMES = 1 << 18 };

/* An event of the trace: A request, F free; of blocks that leave or enter the free lists: Z taken,
 * D drained, X claimed. */
struct event {
	char kind;
	nb_pfn_t pfn;
	unsigned order, type, more;
	bool deferred;
	char task[24];
	char gfp[200];
};

struct trace {
	struct event ev[TRACE_EVENTS];
	unsigned nr, at;
	int next_of[TRACE_FRAMES]; /* an event of a frame that is not behind its next one */
	int next[TRACE_EVENTS];    /* next event of the same frame; -1 none */
};

extern struct trace trace;

/* Reads a trace of the oracle; the test fails where it is not there. */
void trace_read(const char *name);
/* What happens next to a frame after the present event: the kind, 0 for nothing. `at` never goes
 * back. */
char trace_next(nb_pfn_t pfn);

#endif
