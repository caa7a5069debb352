/* kernel_log.h -- the failure reports in a capture's own logs.
 *
 * Callers: the commands `explain CAPTURE` and `doctor`. A capture's dmesg is the ring buffer as it
 * stood: a report of last week is in the system's log files, which a sosreport has too.
 */
#ifndef NB_READ_KERNEL_LOG_H
#define NB_READ_KERNEL_LOG_H

#include "read/report.h"
#include "read/tree.h"

/* The reports of the first log that holds any: dmesg, var/log/kern.log, messages, syslog, then
 * sos_commands/logs/journalctl*. *r as of nb_reports_parse(); *ret_path (owned by the tree) says
 * which log it was. -NB_ENOENT: no log, with *ret_path NULL, or none with a report, with *ret_path
 * the first log. */
int nb_kernel_log_reports(struct nb_tree *t, struct nb_reports *r, const char **ret_path);

#endif
