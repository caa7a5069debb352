/* path_walk.h -- a path made canonical: no ".", no "..", no symbolic link left in it.
 *
 * Called by tree_dir.c and tree.c, with a callback that says what a link's target is. Absolute
 * targets begin again at the root, ".." never climbs above it: nothing leaves the tree.
 */
#ifndef NB_READ_PATH_WALK_H
#define NB_READ_PATH_WALK_H

#include <numabox/types.h>

enum { NB_PATH_MAX = 4096, NB_PATH_MAX_LINKS = 40 /* as the kernel's MAXSYMLINKS */ };

/* The target of link `path` into target[NB_PATH_MAX], NUL-terminated: 0; -NB_EINVAL if it is no
 * link; any other negative errno ends the walk. */
typedef int nb_readlink_fn(void *ctx, const char *path, char *target);

/* Walks `path` from the canonical directory in done[NB_PATH_MAX] ("" is the root), which becomes
 * the canonical whole. -NB_ELOOP after NB_PATH_MAX_LINKS links, -NB_ENAMETOOLONG. */
int nb_path_walk(char *done, const char *path, nb_readlink_fn *link, void *ctx);

/* Appends one component to `done`, or takes the last one off for "..". -NB_ENAMETOOLONG. */
int nb_path_push(char *done, const char *name, size_t len);

#endif
