/* save.h -- a set of files onto the disk, whole or not at all.
 *
 * Called by capture.c. Everything is written below a temporary name beside the wanted one and
 * renamed at the end; on failure what was written is removed.
 */
#ifndef NB_HOST_SAVE_H
#define NB_HOST_SAVE_H

#include "read/files.h"
#include <numabox/error.h>

/* A directory. It must not exist, or be empty. -NB_EEXIST, or the errno of what failed. */
int nb_save_dir(const char *out, struct nb_files *files, struct nb_error *err);
/* A tar archive below one directory of the archive's name, packed as the name's ending says: .tar,
 * .tar.gz, .tgz, .tar.bz2, .tar.xz, .tar.zst. An older file of that name is replaced. */
int nb_save_archive(const char *out, struct nb_files *files, struct nb_error *err);
/* One text. An older file of that name is replaced. */
int nb_save_text(const char *out, const char *text, size_t len, struct nb_error *err);

/* Does the name end as an archive's does? */
bool nb_save_is_archive(const char *out);

#endif
