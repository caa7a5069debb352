/* tree_dir.h -- files below one directory of the host, as if that directory were "/".
 *
 * Called by tree.c for directories and for the live machine. Paths as in tree.h. Symbolic links are
 * followed by hand, so that neither an absolute target nor ".." leaves the directory.
 */
#ifndef NB_READ_TREE_DIR_H
#define NB_READ_TREE_DIR_H

#include <numabox/types.h>

struct nb_dir;

/* 0, or a negative errno (-NB_ENOTDIR, -NB_ENOENT, -NB_EACCES). */
int nb_dir_open(const char *path, struct nb_dir **ret_dir);
void nb_dir_close(struct nb_dir *d);

/* Contents of a regular file, at most `max` bytes, with a NUL behind; the caller frees them.
 * Nothing but a regular file is ever opened: no FIFO, no device. Negative errno: -NB_ENOENT,
 * -NB_EACCES, -NB_EINVAL (no regular file), -NB_EFBIG, -NB_ELOOP, -NB_EIO, ... */
int nb_dir_read(struct nb_dir *d, const char *path, size_t max, char **ret_data, size_t *ret_len);

bool nb_dir_has(struct nb_dir *d, const char *path);

/* Calls `each` for every name in a directory but "." and "..", at most `max` of them. */
int nb_dir_names(struct nb_dir *d, const char *path, size_t max,
		 void (*each)(void *ctx, const char *name, size_t len), void *ctx);

#endif
