/* tree.h -- a saved machine's files, wherever they lie: read-only, bounded, one form of path.
 *
 * Callers: read/capture*.c, tests. A tree is a directory, an archive, or the live machine ("/").
 * Paths:   as below the machine's root, without a leading slash: "proc/zoneinfo". Symbolic links
 *          are followed inside the tree only: an absolute target, or "..", never leaves its root.
 * Extras:  lines of sysfs.tsv and proc-sys.tsv (path TAB value) appear as files of the tree
 *          where it has no such file itself. "dmesg" and "uname" are found under sosreport's
 *          names too, and its sysctl -a as files of proc/sys/vm.
 * Memory:  texts belong to the tree and live until nb_tree_close(); each file is read once, so
 *          two readers see the same bytes even on a live machine.
 * Bounds:  NB_TREE_MAX_FILE a file, NB_TREE_MAX_READ all that are read (-NB_EFBIG beyond);
 *          archives as in archive.h. Only regular files are opened.
 * Threads: one at a time.
 */
#ifndef NB_READ_TREE_H
#define NB_READ_TREE_H

#include <numabox/error.h>
#include <numabox/types.h>

struct nb_tree;

#define NB_TREE_MAX_FILE ((size_t)64 << 20)
#define NB_TREE_MAX_PATH 4096
#define NB_TREE_MAX_READ ((size_t)512 << 20) /* all files together */
#define NB_TREE_MAX_ADDED 524288             /* lines of sysfs.tsv and the like */

enum nb_tree_kind { NB_TREE_DIR, NB_TREE_ARCHIVE, NB_TREE_HOST };

/* Opens a directory or an archive. When nothing of a capture stands at its top, but exactly one
 * directory does and holds one, that directory is the root. -NB_ENOENT: no such file, or nothing of
 * a capture in it; -NB_EINVAL: not an archive, or a hostile one; -NB_EFBIG: past a limit;
 * -NB_EACCES. */
int nb_tree_open(const char *path, struct nb_tree **ret_tree, struct nb_error *err);

/* The live machine: proc/ and sys/ of `root` (NULL: "/"), dmesg from the kernel's log buffer. */
int nb_tree_open_host(const char *root, struct nb_tree **ret_tree, struct nb_error *err);

/* A tree of nothing but the files given with nb_tree_add(), for tests and fuzzing. */
struct nb_tree *nb_tree_new_empty(const char *origin);

void nb_tree_close(struct nb_tree *t);

enum nb_tree_kind nb_tree_kind(const struct nb_tree *t);
/* As the user gave it; "host" for the live machine. */
const char *nb_tree_origin(const struct nb_tree *t);

/* The whole contents, with a NUL behind them that *ret_len does not count. -NB_ENOENT; -NB_EACCES;
 * -NB_EFBIG (more than NB_TREE_MAX_FILE); -NB_EINVAL (no regular file); -NB_ELOOP; -NB_EIO. */
int nb_tree_read(struct nb_tree *t, const char *path, const char **ret_text, size_t *ret_len);

/* As nb_tree_read(), with the path put together printf-like. */
__attribute__((format(printf, 4, 5))) int nb_tree_readf(struct nb_tree *t, const char **ret_text,
							size_t *ret_len, const char *fmt, ...);

/* One number out of a file ("0x" hex allowed, blanks and newline around it). -NB_EINVAL. */
__attribute__((format(printf, 3, 4))) int nb_tree_numberf(struct nb_tree *t, int64_t *ret,
							  const char *fmt, ...);

/* Is there a file, a directory or a link of that name? Nothing is opened. */
bool nb_tree_has(struct nb_tree *t, const char *path);

/* Names in a directory, links included, "." and ".." not; sorted bytewise, NULL-terminated; owned
 * by the tree. An unknown or unreadable directory gives an empty list. `ret_n` may be NULL. */
const char *const *nb_tree_list(struct nb_tree *t, const char *dir, size_t *ret_n);

/* Puts a file into the tree's overlay: seen where the tree has none of that path. */
void nb_tree_add(struct nb_tree *t, const char *path, const void *data, size_t len);

/* Makes the files that other files stand for (sysfs.tsv and the like) appear; nb_tree_open() has
 * done it, a tree of added files needs it once all are added. */
void nb_tree_expand(struct nb_tree *t);

/* Paths that are there but could not be read (permission), one after the other; NULL past the end.
 */
const char *nb_tree_unreadable(const struct nb_tree *t, size_t i);

#endif
