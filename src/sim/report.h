/* report.h -- what came out of a run: where pages are, what was counted, what woke, what it cost.
 *
 * Called by sim.c and touch.c. State in, text or JSON out.
 * Figures: numastat is what the run added, not what the capture began with. Latencies are ns of one
 *          access, averaged over the task's resident pages, seen from the CPU it runs on.
 */
#ifndef NB_SIM_REPORT_H
#define NB_SIM_REPORT_H

#include "sim/driver.h"

#include "base/hosted/text.h"

#include <jansson.h>

/* Policies as numactl's words: "default", "bind", ... */
const char *nb_policy_name(int mode_and_flags);
/* "bind:1", "interleave:0-1", "default". */
void nb_policy_text(struct nb_text *out, int mode_and_flags, const struct nb_nodemask *nodes);

/* What a node counted during the run. */
void nb_report_numastat_delta(const struct nb_sim *s, unsigned position,
			      uint64_t ret[NB_NR_NUMA_EVENTS]);
extern const char *const nb_report_numa_names[NB_NR_NUMA_EVENTS];

/* A table of the tasks (at most 32 of them) with pages by node and latency. */
void nb_report_tasks(const struct nb_sim *s, struct nb_text *out);
/* A table as numastat's: a column a node. Nothing when nothing was counted. */
void nb_report_numastat(const struct nb_sim *s, struct nb_text *out);
/* One line a daemon that woke, with node, times and first time; "nothing woke" else. */
void nb_report_woke(const struct nb_sim *s, struct nb_text *out);
/* "Fallback order for Node N: ..." of one node. */
void nb_report_fallback(const struct nb_sim *s, int nid, struct nb_text *out);
/* "1.25 s", "800 us". */
void nb_text_time(struct nb_text *out, uint64_t ns);

/* The object of `sim --json`; a new reference. */
json_t *nb_report_json(const struct nb_sim *s, uint64_t held, uint64_t failed);

#endif
