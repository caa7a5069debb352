/* scenario_head.h -- the machine that a scenario names for itself.
 *
 * Called by sim.c. A scenario may begin with comment lines, and one among them may say on which
 * machine it is to run when the command line names none:
 *
 *     -- numabox: -m 2x32G,hole=0 --sysctl vm.min_free_kbytes=67584
 *
 * Every option of a machine is allowed there, no other; quotes ('"' or '\'') hold words together.
 * A relative name of a file counts from the scenario's own directory. A scenario out of a pipe has
 * no such line.
 */
#ifndef NB_CLI_SCENARIO_HEAD_H
#define NB_CLI_SCENARIO_HEAD_H

#include "cli/cmd.h"

/* What was read; the options put into struct nb_common point into it. */
struct nb_scenario_head {
	char *words;          /* the options' own copy */
	char *machine;        /* the file's name from the scenario's directory; NULL: as written */
	struct nb_common own; /* what it says */
};

/* Reads the head of `scenario` (PATH) and fills in what *c leaves open: nothing where -m was
 * given; else its machine, and kernel, architecture and command line words unless *c has them;
 * its sysctls come before those of *c. A scenario that cannot be read is left for later to
 * complain about. 0, or -NB_EINVAL with *err naming file and line. *h must live as long as *c and
 * be released. */
int nb_scenario_head_apply(struct nb_scenario_head *h, const char *scenario, struct nb_common *c,
			   struct nb_error *err);
void nb_scenario_head_release(struct nb_scenario_head *h);

#endif
