/* recorded_free.h -- free pages of a recorded machine's zones, from event to event: begun with
 * before/, each event that takes or gives back is counted. Zones are found by the frames, in a
 * system of that machine.
 */
#ifndef TESTS_ORACLE_RECORDED_FREE_H
#define TESTS_ORACLE_RECORDED_FREE_H

#include "mm/mmzone.h"
#include "recorded.h"

#define RECORDED_NODES 4

struct recorded_free {
	int64_t pages[RECORDED_NODES][NB_MAX_NR_ZONES];
	/* How far that can be off: before/ is some programs older than the trace, and a few takes
	 * have no event (what is missing at the end by after/); and what the kernel itself sees is
	 * off by what its CPUs keep back. */
	int64_t unsure[RECORDED_NODES][NB_MAX_NR_ZONES];
};

void recorded_free_begin(struct recorded_free *f, const struct nb_system *sys, const char *name);
void recorded_free_count(struct recorded_free *f, const struct nb_system *sys,
			 const struct rec_event *e);
/* Goes through the whole trace for `unsure`; pages are afterwards as before. */
void recorded_free_measure(struct recorded_free *f, const struct nb_system *sys,
			   const struct recorded *r, const char *name);

#endif
