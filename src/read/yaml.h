/* yaml.h -- machine files: YAML in, YAML out.
 *
 * Called by machine.c, the capture command (output) and tests. Every key is checked; messages name
 * line and key. docs/formats.md, "Machine file", is the reference; the writer writes what the
 * reader reads. Bounds:  NB_READ_MAX_FILE bytes, NB_YAML_MAX_DEPTH levels, NB_YAML_MAX_ITEMS
 * scalars and collections; an alias counts once, and no key reads more items than a machine can
 * have.
 */
#ifndef NB_READ_YAML_H
#define NB_READ_YAML_H

#include "base/hosted/text.h"
#include <numabox/machine.h>

#define NB_YAML_MAX_DEPTH 32
#define NB_YAML_MAX_ITEMS (1u << 22)

/* Fills an empty machine from a text; `name` is the file's name for messages. Does not seal it.
 * 0; -NB_EINVAL, -NB_ERANGE, -NB_EFBIG with *err holding line, key, what was found, what would be
 * right. */
int nb_read_yaml(struct nb_machine *m, const char *name, const char *text, size_t len,
		 struct nb_error *err);

/* Writes a sealed machine as a machine file that reads back as the same machine. */
void nb_write_yaml(const struct nb_machine *m, struct nb_text *out);

#endif
