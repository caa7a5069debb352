/* explain.h -- the parts of the command `explain`.
 *
 * Called by explain.c alone.
 */
#ifndef NB_CLI_EXPLAIN_H
#define NB_CLI_EXPLAIN_H

#include "cli/cmd.h"

/* Reads a failure report out of a kernel log ("-": standard input) and explains it. The exit
 * status. */
int nb_explain_file(const struct nb_common *c, const char *path);

#endif
