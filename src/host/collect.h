/* collect.h -- the files of the live machine that a capture is made of.
 *
 * Called by capture.c. What is saved stands in the layout of docs/formats.md, "Saved tree"; small
 * files of sysfs and /proc/sys are joined in sysfs.tsv and proc-sys.tsv, tables are base64.
 */
#ifndef NB_HOST_COLLECT_H
#define NB_HOST_COLLECT_H

#include "base/hosted/text.h"
#include "read/files.h"
#include "read/tree.h"

/* Reads the machine through `host` and adds to *files; the reports that change by the moment are
 * read first. What could not be read is named in *notes, a line each. */
void nb_host_collect(struct nb_tree *host, struct nb_files *files, struct nb_text *notes);

#endif
