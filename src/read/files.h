/* files.h -- a set of named texts in memory: path to contents, and the names in a directory.
 *
 * Called by tree.c and archive.c: an archive's contents, the overlay of a tree, and the
 * cache of what was read are each one such set.
 * Paths:  relative, without "." or ".." or doubled slashes; the caller sees to that.
 * Memory: contents given to nb_files_put() become the set's. Lookup O(1), listing O(log n + names)
 *         after the set was sorted once.
 */
#ifndef NB_READ_FILES_H
#define NB_READ_FILES_H

#include <numabox/types.h>

enum nb_file_kind { NB_FILE_TEXT, NB_FILE_LINK, NB_FILE_FAILED };

struct nb_file {
	char *path;
	enum nb_file_kind kind;
	char *data; /* contents, or a link's target; NUL behind it */
	size_t len;
	int err; /* FAILED: the negative errno */
};

struct nb_files {
	struct nb_file **slots; /* open addressing, a power of two */
	size_t nr_slots;
	struct nb_file **all; /* sorted by path while `sorted` */
	size_t nr, cap;
	bool sorted;
};

/* Adds a file, unless its path is there already (then `data` is freed and the old one returned).
 * `data` comes from nb_xcalloc or kin and has a NUL behind len bytes. */
struct nb_file *nb_files_put(struct nb_files *f, const char *path, enum nb_file_kind kind,
			     char *data, size_t len, int err);
/* NULL if there is none. `len` bytes of `path` count. */
struct nb_file *nb_files_get(const struct nb_files *f, const char *path, size_t len);
/* Is some path below directory `dir` ("" is the top)? */
bool nb_files_has_dir(struct nb_files *f, const char *dir);

/* Calls `each` for each distinct name directly in `dir`, in bytewise order of whole paths. */
void nb_files_names(struct nb_files *f, const char *dir,
		    void (*each)(void *ctx, const char *name, size_t len), void *ctx);

void nb_files_release(struct nb_files *f);

#endif
