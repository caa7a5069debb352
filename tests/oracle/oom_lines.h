/* oom_lines.h -- a recorded OOM report and ours, line by line and number by number.
 *
 * Used by pressure.c. Lines, their order, their words and every number that follows from the
 * machine, its settings and the constraint must be the same; what the moment decides (free pages,
 * page sets, the boost, who holds how much) is "live" and compared within bounds of its own. The
 * stack, and rows of tasks that the run knows nothing of, are left out.
 */
#ifndef TESTS_ORACLE_OOM_LINES_H
#define TESTS_ORACLE_OOM_LINES_H

#include <stdbool.h>
#include <stdint.h>

struct oom_zone {
	int nid;
	char zone[16];
	int64_t free, boost, min; /* pages; min with boost */
};

/* Compares the report of traces/NAME/dmesg with `ours`; fails the test on a difference. */
void oom_lines_compare(const char *name, const char *ours);
/* The zones of the recorded report, up to `max`; how many. */
unsigned oom_lines_zones(const char *name, struct oom_zone *zone, unsigned max);

#endif
