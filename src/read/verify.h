/* verify.h -- what the rules predict of a capture, held against what its kernel printed.
 *
 * Callers: the command `verify`, tests/oracle/verify.c. The capture's hardware, command line,
 * settings and managed pages are booted; every figure that follows from them by a rule of Linux is
 *          compared with the file that holds it, exactly.
 * Memory:  the result owns its texts; nb_verify_free().
 * Rules:   a figure is compared, or it is not predictable and says why (files read at different
 *          instants, state that only running brings about), or its file is absent. There is no
 *          tolerance and no exception by name. Each group of figures has a file: verify_zones.c,
 *          verify_lists.c, verify_nodes.c, verify_free.c, verify_steps.c.
 */
#ifndef NB_READ_VERIFY_H
#define NB_READ_VERIFY_H

#include "base/hosted/text.h"
#include "read/capture.h"
#include <jansson.h>

struct nb_verify;

/* Boots the machine that was built from the capture, and compares. Both stay the caller's and must
 * outlive the result. 0 (whatever the comparison found), or a negative errno with *err: the capture
 * holds nothing to compare (-NB_ENOENT), a report cannot be read, the machine cannot be booted. */
int nb_verify_run(const struct nb_port *port, const struct nb_machine *m, struct nb_capture *c,
		  struct nb_verify **ret, struct nb_error *err);
void nb_verify_free(struct nb_verify *v);

/* Number of figures compared, and of those that differ. */
uint64_t nb_verify_compared(const struct nb_verify *v);
uint64_t nb_verify_nr_differences(const struct nb_verify *v);

/* The report: a table by subject, each difference with both values and the rule, what could not be
 * predicted and why, what is absent, notes. `colour`: for a terminal. */
void nb_verify_print(const struct nb_verify *v, bool colour, struct nb_text *out);
/* CONTRACT "verify --json". A new reference. */
json_t *nb_verify_json(const struct nb_verify *v);

#endif
