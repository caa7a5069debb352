/* report_explain.h -- a failure report put into words: what was asked, what stood against it, why,
 * and what would have helped.
 *
 * Called by the command `explain FILE` and by tests. The answer is a sheet (view/explain.h).
 */
#ifndef NB_READ_REPORT_EXPLAIN_H
#define NB_READ_REPORT_EXPLAIN_H

#include "read/report_machine.h"
#include "view/explain.h"

/* One zone's test in the slow path, on the rebuilt machine. */
struct nb_report_verdict {
	struct nb_zone_probe z;
	const struct nb_report_zone *told;
	bool closed; /* by zone, policy, cpuset or THISNODE: never asked */
};

/* What is known of the failure before causes are looked for. */
struct nb_report_case {
	const struct nb_report *r;
	const char *kernel; /* as the user asked; NULL */
	const struct nb_kernel_profile *profile;
	nb_gfp_t gfp;
	unsigned page_kib;
	struct nb_request_probe q;
	struct nb_report_verdict *v;
	unsigned nr_v;
	unsigned nr_short, nr_pieces, nr_pass; /* among the open ones */
	unsigned approximate;                  /* zones of which small free blocks were left out */
	bool rebuilt;                          /* false: nothing but the report's words */
};

/* Adds the whole explanation of one report. Never fails: what cannot be done is said. */
void nb_report_explain(const struct nb_report *r, const char *kernel, struct nb_sheet *s);

/* report_causes.c: the likeliest causes. */
void nb_report_causes(const struct nb_report_case *c, struct nb_sheet *s);
/* report_remedies.c: what would have helped, replayed. */
void nb_report_remedies(const struct nb_report_case *c, struct nb_sheet *s);
/* report_memcg.c: the same for a kill at a group's limit, of which the report tells no nodes. */
void nb_report_memcg_replays(const struct nb_report_case *c, struct nb_sheet *s);
/* The request as the engine takes it. */
void nb_report_request(const struct nb_report_case *c, struct nb_nodemask *mask,
		       struct nb_alloc_request *rq);

#endif
