/* files.c -- a set of named texts in memory: path to contents, and the names in a directory.
 *
 * Called by tree.c and archive.c. A hash table of pointers finds a path, an array of
 * the same pointers, sorted when first asked, lists a directory: all paths below "a/b" stand side
 * by side in it, from the first one that is not before "a/b/". Invariant: nr_slots is 0 or a power
 * of two, and at most half of the slots are taken.
 */
#include "read/files.h"
#include "base/hosted/text.h"
#include <stdlib.h>
#include <string.h>

static size_t hash_path(const char *path, size_t len)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)path[i]) * UINT64_C(0x100000001b3);
	return (size_t)(h ^ h >> 32);
}

static size_t find_slot(const struct nb_files *f, const char *path, size_t len)
{
	size_t mask = f->nr_slots - 1, i = hash_path(path, len) & mask;

	while (f->slots[i] && (strncmp(f->slots[i]->path, path, len) || f->slots[i]->path[len]))
		i = (i + 1) & mask;
	return i;
}

static void grow_slots(struct nb_files *f)
{
	free(f->slots);
	f->nr_slots = f->nr_slots ? f->nr_slots * 2 : 64;
	f->slots = nb_xcalloc(f->nr_slots, sizeof(*f->slots));
	for (size_t i = 0; i < f->nr; i++)
		f->slots[find_slot(f, f->all[i]->path, strlen(f->all[i]->path))] = f->all[i];
}

struct nb_file *nb_files_get(const struct nb_files *f, const char *path, size_t len)
{
	return f->nr_slots ? f->slots[find_slot(f, path, len)] : NULL;
}

struct nb_file *nb_files_put(struct nb_files *f, const char *path, enum nb_file_kind kind,
			     char *data, size_t len, int err)
{
	struct nb_file *old = nb_files_get(f, path, strlen(path)), *file;

	if (old) {
		free(data);
		return old;
	}
	if (f->nr == f->cap) {
		f->cap = f->cap ? f->cap * 2 : 32;
		f->all = nb_xrealloc(f->all, f->cap, sizeof(*f->all));
	}
	file = nb_xcalloc(1, sizeof(*file));
	file->path = nb_xstrdup(path);
	file->kind = kind;
	file->data = data;
	file->len = len;
	file->err = err;
	f->all[f->nr++] = file;
	f->sorted = false;
	if (f->nr * 2 > f->nr_slots)
		grow_slots(f);
	else
		f->slots[find_slot(f, path, strlen(path))] = file;
	return file;
}

static int by_path(const void *a, const void *b)
{
	return strcmp((*(struct nb_file *const *)a)->path, (*(struct nb_file *const *)b)->path);
}

/* The first index whose path is not before `prefix`. */
static size_t lower_bound(struct nb_files *f, const char *prefix)
{
	size_t lo = 0, hi = f->nr;

	if (!f->sorted) {
		if (f->nr)
			qsort(f->all, f->nr, sizeof(*f->all), by_path);
		f->sorted = true;
	}
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(f->all[mid]->path, prefix) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

bool nb_files_has_dir(struct nb_files *f, const char *dir)
{
	struct nb_text prefix = {0};
	bool has;
	size_t i;

	if (!*dir)
		return f->nr > 0;
	nb_text_printf(&prefix, "%s/", dir);
	i = lower_bound(f, nb_text_str(&prefix));
	has = i < f->nr && !strncmp(f->all[i]->path, prefix.s, prefix.len);
	nb_text_release(&prefix);
	return has;
}

void nb_files_names(struct nb_files *f, const char *dir,
		    void (*each)(void *ctx, const char *name, size_t len), void *ctx)
{
	struct nb_text prefix = {0};
	const char *last = NULL;
	size_t last_len = 0;

	if (*dir)
		nb_text_printf(&prefix, "%s/", dir);
	for (size_t i = lower_bound(f, nb_text_str(&prefix)); i < f->nr; i++) {
		const char *name = f->all[i]->path;
		size_t len;

		if (prefix.len && strncmp(name, prefix.s, prefix.len))
			break;
		name += prefix.len;
		len = strcspn(name, "/");
		/* One directory's paths stand side by side, or nearly ("a", "a-b", "a/c"):
		 * whoever collects the names drops what comes twice. */
		if (last && len == last_len && !memcmp(last, name, len))
			continue;
		each(ctx, name, len);
		last = name;
		last_len = len;
	}
	nb_text_release(&prefix);
}

void nb_files_release(struct nb_files *f)
{
	for (size_t i = 0; i < f->nr; i++) {
		free(f->all[i]->path);
		free(f->all[i]->data);
		free(f->all[i]);
	}
	free(f->all);
	free(f->slots);
	memset(f, 0, sizeof(*f));
}
