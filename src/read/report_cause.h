/* report_cause.h -- what the functions that look for a failure's causes share.
 *
 * Called by report_causes.c (the request's causes, and the ranking) and report_usage.c (where the
 * memory went). A cause is one function: it says how strongly the report speaks for it (weight 0:
 * not at all, to 100) and what the evidence is. Texts are without a full stop.
 */
#ifndef NB_READ_REPORT_CAUSE_H
#define NB_READ_REPORT_CAUSE_H

#include "read/report_explain.h"

#define NB_REPORT_LITTLE_KIB 16384 /* page sets and drift account for that much */
#define NB_REPORT_TOLD(x) ((x) != NB_REPORT_UNKNOWN)

struct nb_report_finding {
	const char *key;
	unsigned weight; /* 0 .. 100 */
	struct nb_text text;
};

typedef void nb_report_cause_fn(const struct nb_report_case *c, struct nb_report_finding *f);

/* report_usage.c */
nb_report_cause_fn nb_report_cause_memcg, nb_report_cause_exhausted, nb_report_cause_slab,
	nb_report_cause_hugepages, nb_report_cause_shmem, nb_report_cause_swapoff;

/* Pages that the zones which may serve the request have above their high marks and reserves; 0
 * when none is above. */
int64_t nb_report_room_pages(const struct nb_report_case *c);
bool nb_report_has_room(const struct nb_report_case *c);
/* KiB of page cache in the report's zones. */
uint64_t nb_report_reclaimable_kib(const struct nb_report_case *c);
/* KiB free on nodes that the report leaves out: it shows only nodes that the request may use, but
 * counts the free pages of all. */
uint64_t nb_report_free_elsewhere_kib(const struct nb_report_case *c);

#endif
