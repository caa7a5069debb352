/* archive.h -- a tar archive's files of interest, taken into memory.
 *
 * Called by tree.c. Takes tar, plain or compressed with gzip, bzip2, xz or zstd.
 * Input:   untrusted. The whole archive is refused (-NB_EINVAL, nothing is kept) for an
 *          absolute path, a "..", or a link whose target lies outside; except below proc/PID,
 *          where the kernel's own links (cwd, exe, root, fd/) lead outside by nature and are
 *          not kept.
 * Bounds:  refused with -NB_EFBIG beyond NB_ARCHIVE_MAX_ENTRIES entries, NB_ARCHIVE_MAX_BYTES
 *          by the sizes that its headers claim (so a bomb is refused before it is unpacked) or
 *          by what was in fact unpacked, NB_TREE_MAX_FILE a file, NB_ARCHIVE_MAX_KEPT in all.
 */
#ifndef NB_READ_ARCHIVE_H
#define NB_READ_ARCHIVE_H

#include "read/files.h"
#include <numabox/error.h>

#define NB_ARCHIVE_MAX_ENTRIES 200000u
#define NB_ARCHIVE_MAX_BYTES (UINT64_C(1) << 30)
#define NB_ARCHIVE_MAX_KEPT (UINT64_C(256) << 20)

/* Reads the archive into *files: texts, and links whose targets are "/" + path from the archive's
 * top. */
int nb_archive_load(const char *path, struct nb_files *files, struct nb_error *err);
/* The same from memory; `name` is how messages call it. */
int nb_archive_load_memory(const char *name, const void *bytes, size_t len, struct nb_files *files,
			   struct nb_error *err);

/* Is a file of that path (below the machine's root) one that some reader looks at? */
bool nb_archive_wants(const char *path);

#endif
