/* capture.h -- saves the live machine, complete enough for every other command, without secrets.
 *
 * Callers: the command capture, demo, tests.
 * Forms:   by the name of the output: NAME.yaml or NAME.yml is a machine file (hardware and
 *          settings; no observed state); NAME.tar, .tar.gz, .tgz, .tar.bz2, .tar.xz, .tar.zst an
 *          archive; anything else a directory.
 * Atomic:  written under a temporary name and renamed; on failure nothing is left.
 * Privacy: see privacy.h.
 */
#ifndef NB_HOST_CAPTURE_H
#define NB_HOST_CAPTURE_H

#include "base/hosted/text.h"
#include <numabox/error.h>
#include <numabox/port.h>

/* `root` is where proc/ and sys/ of the machine stand, NULL for "/". *notes gets a line for each
 * thing that could not be read. 0, or a negative errno with *err (-NB_EEXIST: a directory with
 * contents). */
int nb_host_capture(const struct nb_port *port, const char *root, const char *out,
		    struct nb_text *notes, struct nb_error *err);

#endif
