/* explain.h -- the parts of the command `explain`.
 *
 * Called by explain.c alone.
 */
#ifndef NB_CLI_EXPLAIN_H
#define NB_CLI_EXPLAIN_H

#include "base/hosted/text.h"
#include "cli/cmd.h"

/* Appends a file's bytes ("-": standard input) to *t. NB_EXIT_OK, or NB_EXIT_WRONG with a
 * complaint. */
int nb_explain_read(const char *path, struct nb_text *t);

/* Explains the failure reports of a kernel log ("-": standard input), or of the logs in a capture
 * (a directory or an archive). The exit status. */
int nb_explain_file(const struct nb_common *c, const char *path);

#endif
