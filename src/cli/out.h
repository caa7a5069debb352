/* out.h -- results to standard output, complaints to standard error.
 *
 * Called by every command. A reader that has gone away (EPIPE) ends the program quietly; a
 * full disk does not pass for success.
 */
#ifndef NB_CLI_OUT_H
#define NB_CLI_OUT_H

#include "base/hosted/text.h"
#include "cli/cmd.h"

/* Writes all of it to standard output. NB_EXIT_OK, or NB_EXIT_WRONG with a line on standard error.
 */
int nb_out(const struct nb_text *t);

/* Prints "numabox: FILE:LINE: TEXT" on one line of standard error, whatever bytes the input had
 * in it. Returns NB_EXIT_WRONG. */
int nb_complain(const struct nb_error *err);
__attribute__((format(printf, 1, 2))) int nb_complainf(const char *fmt, ...);

/* Shall headings be bold: --color, then NO_COLOR, then whether standard output is a terminal. */
bool nb_out_color(const struct nb_common *c);

/* Adds a heading line, bold where colour is wanted. */
void nb_out_heading(struct nb_text *t, bool color, const char *text);

#endif
