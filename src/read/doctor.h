/* doctor.h -- what a support engineer would point at on a captured machine.
 *
 * Callers: the command `doctor`, tests. Each check is one function in the table of doctor.c: it
 * looks at what the capture printed and at the machine booted from it, and adds findings, each with
 * its evidence and what to try. A check whose files are absent says so instead of passing in
 * silence. Memory: the result owns its texts; nb_doctor_free().
 */
#ifndef NB_READ_DOCTOR_H
#define NB_READ_DOCTOR_H

#include "base/hosted/text.h"
#include "read/capture.h"
#include "view/observed.h"
#include <jansson.h>
#include <numabox/probe.h>

enum nb_severity {
	NB_SEVERITY_NOTE,    /* worth knowing */
	NB_SEVERITY_WARNING, /* will hurt under load */
	NB_SEVERITY_PROBLEM, /* hurts now */
};

/* What the checks look at. */
struct nb_doctor {
	struct nb_capture *capture;
	struct nb_tree *tree;
	const struct nb_machine *machine;
	struct nb_system *sys; /* booted from it, standing as it was captured */
	struct nb_observed obs;
	unsigned page_kib;
	struct nb_finding *findings;
	unsigned nr_findings;
	const char *check; /* the one that runs */
	struct nb_skipped {
		const char *check;
		char *why;
	} * skipped;
	unsigned nr_skipped;
};

struct nb_finding {
	const char *check;
	enum nb_severity severity;
	int nid; /* NB_NO_NODE: of the machine */
	char *title;
	char **evidence;
	unsigned nr_evidence;
	char **advice; /* what to try: a command or a setting, with what it does */
	unsigned nr_advice;
};

/* Looks at a capture's machine. `sys` must have been booted from it; all stay the caller's. 0, or a
 * negative errno with *err where one of the capture's reports cannot be read. */
int nb_doctor_run(const struct nb_machine *m, struct nb_capture *c, struct nb_system *sys,
		  struct nb_doctor **ret, struct nb_error *err);
void nb_doctor_free(struct nb_doctor *d);
/* Findings that are no notes. */
unsigned nb_doctor_nr_serious(const struct nb_doctor *d);
void nb_doctor_print(const struct nb_doctor *d, bool colour, struct nb_text *out);
json_t *nb_doctor_json(const struct nb_doctor *d);

#endif
