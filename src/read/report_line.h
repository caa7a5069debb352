/* report_line.h -- one line of a kernel log, without what loggers put before the message.
 *
 * Called by report.c and report_parts.c.
 */
#ifndef NB_READ_REPORT_LINE_H
#define NB_READ_REPORT_LINE_H

#include "read/report.h"
#include "view/scan.h"

/* The message of a line: without "> ", "<4>", dates, host names, "[  12.3]", "[ T12]" and CR. */
struct nb_cursor nb_report_message(const char *s, size_t n);

/* Moves behind `text`, wherever in the line it stands; false (nothing moved) if it does not. */
bool nb_report_find(struct nb_cursor *c, const char *text);
/* Copies the bytes up to one of `stops` (or the end). */
void nb_report_copy(struct nb_cursor *c, const char *stops, char *buf, size_t size);
/* "0-3,8": false (nothing set) if it is no list. */
bool nb_report_nodes(struct nb_cursor *c, struct nb_nodemask *ret);

/* report_parts.c: takes what a message within a report tells. */
void nb_report_take(struct nb_report *r, struct nb_cursor line);
/* The first line of a report? Fills kind, comm, order, gfp. */
bool nb_report_begin(struct nb_report *r, struct nb_cursor line);
/* report_mem.c: a message of Mem-Info; false: none of it. */
bool nb_report_mem_line(struct nb_report *r, struct nb_cursor line);

#endif
