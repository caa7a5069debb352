/* frag_lists.h -- a recorded trace in memory, and the engine's free lists brought along by it.
 *
 * A frame whose first event takes it off the lists was free before; every later event moves it.
 * Frames that compaction takes for its copies have no event of their own, only their number: those
 * are taken that are freed next without having been handed out. What a request's own run merges is
 * captured by the zone, as the engine does it. Works on play.sys and play.zone (play.h).
 */
#ifndef TESTS_ORACLE_FRAG_LISTS_H
#define TESTS_ORACLE_FRAG_LISTS_H

#include "mm/buddy.h"
#include "play.h"

enum { EVENTS = 700000, FRAMES = 1 << 17, ENTRIES = 1 << 20 };
#define HUGE 9u
#define HUGE_PAGES (1u << HUGE)

/* A request, F free; Z off the lists, X claimed, D back on them; C everything else, by its text. */
struct step {
	char kind;
	uint8_t order, mt, more;
	int pid;
	nb_pfn_t pfn;
	char *text;
};

struct frag_trace {
	struct step step[EVENTS];
	int nr;
	struct entry {
		int step, next;
	} entry[ENTRIES]; /* of a frame's events */
	int nr_entries;
	int first[FRAMES]; /* entry of a frame's next event; -1 none */
	bool huge[FRAMES]; /* heads a huge page that an event took */
};

extern struct frag_trace tr;

/* Number, pfn in hex behind a name in an event's text; 0: not there. */
unsigned number(const char *text, const char *name);
uint64_t pfn_of(const char *text, const char *name);

/* A trace of the oracle; the test fails where it is not there. */
void frag_read(const char *name);
void frag_release(void);
/* Descriptor of a frame; NULL: a hole. */
struct nb_page *page_of(nb_pfn_t pfn, struct nb_zone **ret_zone, uint32_t *ret_dense);
/* What was free when tracing began. */
void frag_begin(void);
/* Brings the lists along; `runner`: whose request compacts, 0 nobody's. */
void frag_move(const struct step *s, int runner);
/* At step `now` compaction took n pages of [low, high). */
void frag_take_targets(nb_pfn_t low, nb_pfn_t high, unsigned n, int now);

#endif
