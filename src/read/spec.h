/* spec.h -- which form a MACHINE word has, and the words that all forms share.
 *
 * Called by machine.c. Looks at the word and, where that does not settle it, at the first bytes of
 * the file it names. The forms are those of docs/formats.md.
 */
#ifndef NB_READ_SPEC_H
#define NB_READ_SPEC_H

#include "base/hosted/text.h"
#include <numabox/machine.h>

enum nb_spec_form {
	NB_SPEC_HOST,
	NB_SPEC_CAPTURE, /* a directory or an archive */
	NB_SPEC_YAML,
	NB_SPEC_SHORT,
	NB_SPEC_HWLOC, /* a synthetic string */
	NB_SPEC_XML,   /* an hwloc export */
	NB_SPEC_QEMU,
	NB_SPEC_ACPI,
};

struct nb_spec {
	enum nb_spec_form form;
	const char *rest; /* the word without its prefix ("hwloc:"), or the file's name */
};

/* 0; -NB_ENOENT for a file that is not there, -NB_EINVAL for an unknown form, with *err listing the
 * forms. */
int nb_spec_parse(const char *word, struct nb_spec *ret_spec, struct nb_error *err);

/* A machine reader never takes more than this from one file or standard input. */
#define NB_READ_MAX_FILE ((size_t)32 << 20)

/* Appends the whole of a regular file (or a pipe) to *out. 0; -NB_ENOENT, -NB_EACCES, -NB_EISDIR,
 * -NB_EFBIG (more than `max` bytes), -NB_EIO with *err naming it. */
int nb_read_file(const char *path, size_t max, struct nb_text *out, struct nb_error *err);

#endif
