/* tree.c -- a saved machine's files, wherever they lie: one front for directory, archive and host.
 *
 * Called by read/capture*.c. Looks a path up in this order: what was read before (cache), the
 * backend (a directory by tree_dir.c, or an archive's files of archive.c), the overlay (lines of
 * sysfs.tsv and proc-sys.tsv, nb_tree_add()). Listings join backend and overlay.
 * Invariant: a text once given out stays where it is until nb_tree_close().
 */
#include "read/tree.h"
#include "base/fmt.h"
#include "base/hosted/text.h"
#include "read/archive.h"
#include "read/files.h"
#include "read/path_walk.h"
#include "read/tree_dir.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/stat.h>
#include <errno.h>

enum { MAX_TOP_DIRS = 8, MAX_NAMES = 1 << 20 };

struct listing {
	char *dir;
	char **names; /* sorted, NULL behind the last */
	size_t nr, cap;
	struct listing *next;
};

struct nb_tree {
	enum nb_tree_kind kind;
	char *origin;
	struct nb_dir *dir;       /* DIR, HOST */
	struct nb_files archive;  /* ARCHIVE */
	char prefix[NB_PATH_MAX]; /* directory of backend that is the machine's root; "" the top */
	struct nb_files cache, overlay;
	size_t cached_bytes;
	struct listing *listings;
	char **unreadable;
	size_t nr_unreadable;
};

/* What makes a directory the root of a capture: any of these in it. */
static const char *const anchors[] = {
	"proc", "sys", "dmesg", "machine.json", "acpi", "sysfs.tsv", "sos_commands",
};

/* A path_walk.h callback: links of the archive. */
static int archive_link(void *ctx, const char *path, char *target)
{
	struct nb_tree *t = ctx;
	const struct nb_file *f = nb_files_get(&t->archive, path, strlen(path));

	if (!f || f->kind != NB_FILE_LINK)
		return -NB_EINVAL;
	if (f->len >= NB_PATH_MAX)
		return -NB_ENAMETOOLONG;
	memcpy(target, f->data, f->len + 1);
	return 0;
}

/* prefix + "/" + path into full[NB_PATH_MAX]. */
static int full_path(const struct nb_tree *t, const char *path, char *full)
{
	int n = snprintf(full, NB_PATH_MAX, "%s%s%s", t->prefix, *t->prefix && *path ? "/" : "",
			 path);

	return n < NB_PATH_MAX ? 0 : -NB_ENAMETOOLONG;
}

static int backend_read(struct nb_tree *t, const char *path, char **ret_data, size_t *ret_len)
{
	char full[NB_PATH_MAX], real[NB_PATH_MAX] = "";
	const struct nb_file *f;
	int err = full_path(t, path, full);

	if (err)
		return err;
	if (t->dir)
		return nb_dir_read(t->dir, full, NB_TREE_MAX_FILE, ret_data, ret_len);
	err = nb_path_walk(real, full, archive_link, t);
	if (err)
		return err;
	f = nb_files_get(&t->archive, real, strlen(real));
	if (!f || f->kind != NB_FILE_TEXT)
		return -NB_ENOENT;
	*ret_data = nb_xcalloc(1, f->len + 1);
	memcpy(*ret_data, f->data, f->len);
	*ret_len = f->len;
	return 0;
}

static bool backend_has(struct nb_tree *t, const char *path)
{
	char full[NB_PATH_MAX], real[NB_PATH_MAX] = "";

	if (full_path(t, path, full))
		return false;
	if (t->dir)
		return nb_dir_has(t->dir, full);
	if (nb_files_get(&t->archive, full, strlen(full)))
		return true;
	return !nb_path_walk(real, full, archive_link, t) &&
	       (nb_files_get(&t->archive, real, strlen(real)) ||
		nb_files_has_dir(&t->archive, real));
}

static void note_unreadable(struct nb_tree *t, const char *path)
{
	t->unreadable = nb_xrealloc(t->unreadable, t->nr_unreadable + 1, sizeof(*t->unreadable));
	t->unreadable[t->nr_unreadable++] = nb_xstrdup(path);
}

const char *nb_tree_unreadable(const struct nb_tree *t, size_t i)
{
	return i < t->nr_unreadable ? t->unreadable[i] : NULL;
}

/* The file of `path`, from the cache after the first time; never NULL. */
static struct nb_file *lookup(struct nb_tree *t, const char *path)
{
	struct nb_file *f = nb_files_get(&t->cache, path, strlen(path));
	char *data = NULL;
	size_t len = 0;
	int err;

	if (f)
		return f;
	err = (t->dir || t->kind == NB_TREE_ARCHIVE) && *path ? backend_read(t, path, &data, &len)
							      : -NB_ENOENT;
	if (!err && t->cached_bytes + len > NB_TREE_MAX_READ) {
		free(data);
		err = -NB_EFBIG;
	}
	if (!err) {
		t->cached_bytes += len;
		return nb_files_put(&t->cache, path, NB_FILE_TEXT, data, len, 0);
	}
	f = nb_files_get(&t->overlay, path, strlen(path));
	if (f)
		return f;
	if (err == -NB_EACCES || err == -NB_EPERM)
		note_unreadable(t, path);
	return nb_files_put(&t->cache, path, NB_FILE_FAILED, NULL, 0, err);
}

int nb_tree_read(struct nb_tree *t, const char *path, const char **ret_text, size_t *ret_len)
{
	const struct nb_file *f = lookup(t, path);

	if (f->kind == NB_FILE_FAILED)
		return f->err;
	*ret_text = f->data;
	*ret_len = f->len;
	return 0;
}

int nb_tree_readf(struct nb_tree *t, const char **ret_text, size_t *ret_len, const char *fmt, ...)
{
	char path[NB_PATH_MAX];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	if (n < 0 || n >= NB_PATH_MAX)
		return -NB_ENAMETOOLONG;
	return nb_tree_read(t, path, ret_text, ret_len);
}

int nb_tree_numberf(struct nb_tree *t, int64_t *ret, const char *fmt, ...)
{
	char path[NB_PATH_MAX];
	const char *text;
	size_t len;
	uint64_t value;
	bool minus;
	va_list ap;
	int n, err;

	va_start(ap, fmt);
	n = vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	if (n < 0 || n >= NB_PATH_MAX)
		return -NB_ENAMETOOLONG;
	err = nb_tree_read(t, path, &text, &len);
	if (err)
		return err;
	while (len && (text[len - 1] == '\n' || text[len - 1] == ' ' || text[len - 1] == '\t'))
		len--;
	while (len && (*text == ' ' || *text == '\t'))
		text++, len--;
	minus = len && *text == '-';
	err = nb_parse_u64(text + minus, len - minus, &value);
	if (err || value > INT64_MAX)
		return err ? err : -NB_ERANGE;
	*ret = minus ? -(int64_t)value : (int64_t)value;
	return 0;
}

bool nb_tree_has(struct nb_tree *t, const char *path)
{
	const struct nb_file *f = nb_files_get(&t->cache, path, strlen(path));

	if (f && f->kind == NB_FILE_TEXT)
		return true;
	return ((t->dir || t->kind == NB_TREE_ARCHIVE) && backend_has(t, path)) ||
	       nb_files_get(&t->overlay, path, strlen(path)) || nb_files_has_dir(&t->overlay, path);
}

static void add_name(void *ctx, const char *name, size_t len)
{
	struct listing *l = ctx;

	if (l->nr + 1 >= l->cap) {
		l->cap = l->cap ? l->cap * 2 : 16;
		l->names = nb_xrealloc(l->names, l->cap, sizeof(*l->names));
	}
	l->names[l->nr++] = nb_xstrndup(name, len);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort_names(struct listing *l)
{
	size_t out = 0;

	if (l->nr)
		qsort(l->names, l->nr, sizeof(*l->names), by_name);
	for (size_t i = 0; i < l->nr; i++) {
		if (out && !strcmp(l->names[out - 1], l->names[i]))
			free(l->names[i]);
		else
			l->names[out++] = l->names[i];
	}
	l->nr = out;
	if (!l->names)
		l->names = nb_xcalloc(1, sizeof(*l->names));
	l->names[out] = NULL;
}

const char *const *nb_tree_list(struct nb_tree *t, const char *dir, size_t *ret_n)
{
	char full[NB_PATH_MAX], real[NB_PATH_MAX] = "";
	struct listing *l;

	for (l = t->listings; l; l = l->next)
		if (!strcmp(l->dir, dir))
			goto found;
	l = nb_xcalloc(1, sizeof(*l));
	l->dir = nb_xstrdup(dir);
	l->next = t->listings;
	t->listings = l;
	if (!full_path(t, dir, full)) {
		if (t->dir && nb_dir_names(t->dir, full, MAX_NAMES, add_name, l) == -NB_EACCES)
			note_unreadable(t, dir);
		if (t->kind == NB_TREE_ARCHIVE && !nb_path_walk(real, full, archive_link, t))
			nb_files_names(&t->archive, real, add_name, l);
	}
	nb_files_names(&t->overlay, dir, add_name, l);
	sort_names(l);
found:
	if (ret_n)
		*ret_n = l->nr;
	return (const char *const *)l->names;
}

void nb_tree_add(struct nb_tree *t, const char *path, const void *data, size_t len)
{
	char *copy = nb_xcalloc(1, len + 1);

	memcpy(copy, data, len);
	nb_files_put(&t->overlay, path, NB_FILE_TEXT, copy, len, 0);
}

/* Lines "path TAB value"; a path that would leave the tree, or a line without a tab, is skipped.
 * proc-sys.tsv names its files by their place below /proc/sys, or by the whole path. */
static void add_tsv(struct nb_tree *t, const char *file, const char *below)
{
	const char *text, *line;
	size_t len, pos = 0, n;
	struct nb_text path = {0}, value = {0};

	if (nb_tree_read(t, file, &text, &len))
		return;
	while (t->overlay.nr < NB_TREE_MAX_ADDED && nb_next_line(text, len, &pos, &line, &n)) {
		const char *tab = memchr(line, '\t', n);

		if (!tab || tab == line || *line == '#' || *line == '/' ||
		    memchr(line, '\0', (size_t)(tab - line)))
			continue;
		nb_text_clear(&path);
		nb_text_clear(&value);
		nb_text_printf(&path, "%s%.*s", n > 5 && !memcmp(line, "proc/", 5) ? "" : below,
			       (int)(tab - line), line);
		nb_text_add(&value, tab + 1, n - (size_t)(tab + 1 - line));
		nb_text_puts(&value, "\n");
		if (!strstr(nb_text_str(&path), "..") && path.len < NB_PATH_MAX)
			nb_tree_add(t, path.s, value.s, value.len);
	}
	nb_text_release(&path);
	nb_text_release(&value);
}

/* Gives a file of another name, the first of a directory that begins so, the name that readers ask
 * for. */
static void add_alias(struct nb_tree *t, const char *name, const char *dir, const char *begin)
{
	const char *const *names, *text;
	size_t len;

	if (nb_tree_has(t, name))
		return;
	for (names = nb_tree_list(t, dir, NULL); *names; names++)
		if (!strncmp(*names, begin, strlen(begin)) &&
		    !nb_tree_readf(t, &text, &len, "%s%s%s", dir, *dir ? "/" : "", *names) && len) {
			nb_tree_add(t, name, text, len);
			return;
		}
}

/* sosreport's own commands: "vm.swappiness = 60" lines of sysctl -a become files of proc/sys. */
static void add_sysctl_lines(struct nb_tree *t, const char *file)
{
	const char *text, *line;
	size_t len, pos = 0, n;
	struct nb_text path = {0}, value = {0};

	if (nb_tree_read(t, file, &text, &len))
		return;
	while (nb_next_line(text, len, &pos, &line, &n)) {
		const char *eq = memchr(line, '=', n), *end = eq;

		if (!eq || n < 4 || memcmp(line, "vm.", 3))
			continue;
		while (end > line && (end[-1] == ' ' || end[-1] == '\t'))
			end--;
		for (eq++; eq < line + n && *eq == ' ';)
			eq++;
		nb_text_clear(&path);
		nb_text_clear(&value);
		nb_text_printf(&path, "proc/sys/vm/%.*s", (int)(end - line - 3), line + 3);
		nb_text_printf(&value, "%.*s\n", (int)(line + n - eq), eq);
		if (!strstr(nb_text_str(&path), "..") && path.len < NB_PATH_MAX)
			nb_tree_add(t, path.s, value.s, value.len);
	}
	nb_text_release(&path);
	nb_text_release(&value);
}

/* Files under the names that recorders and sosreport give them. */
void nb_tree_expand(struct nb_tree *t)
{
	add_tsv(t, "sysfs.tsv", "");
	add_tsv(t, "proc-sys.tsv", "proc/sys/");
	add_sysctl_lines(t, "sos_commands/kernel/sysctl_-a");
	add_alias(t, "dmesg", "", "dmesg");
	add_alias(t, "dmesg", "sos_commands/kernel", "dmesg");
	add_alias(t, "dmesg", "var/log", "dmesg");
	add_alias(t, "uname", "sos_commands/kernel", "uname");
}

/* The directory `name` of the root is the root from now on; false: its path is too long. */
static bool descend(struct nb_tree *t, const char *name)
{
	char below[NB_PATH_MAX];

	if (full_path(t, name, below))
		return false;
	memcpy(t->prefix, below, strlen(below) + 1);
	if (t->listings) { /* it was relative to the old root */
		free(t->listings->dir);
		t->listings->dir = nb_xstrdup("//");
	}
	return true;
}

/* Finds the directory that is the machine's root: the top, or the one directory in it, and so on. A
 * recorded run holds its machine in before/ and after/: as it was before. */
static bool find_root(struct nb_tree *t)
{
	for (unsigned depth = 0; depth < MAX_TOP_DIRS; depth++) {
		const char *const *names;
		size_t n;

		if (!backend_has(t, "proc") && !backend_has(t, "sys") &&
		    backend_has(t, "before/proc"))
			return descend(t, "before");
		for (size_t i = 0; i < sizeof(anchors) / sizeof(*anchors); i++)
			if (backend_has(t, anchors[i]))
				return true;
		names = nb_tree_list(t, "", &n);
		if (n != 1 || !descend(t, names[0]))
			return false;
	}
	return false;
}

static struct nb_tree *new_tree(const char *origin, enum nb_tree_kind kind)
{
	struct nb_tree *t = nb_xcalloc(1, sizeof(*t));

	t->origin = nb_xstrdup(origin);
	t->kind = kind;
	return t;
}

struct nb_tree *nb_tree_new_empty(const char *origin)
{
	return new_tree(origin, NB_TREE_DIR);
}

static int open_failed(struct nb_error *err, const char *path, int code)
{
	nb_error_set(err, code, 0, "%s",
		     code == -NB_ENOENT   ? "no such file or directory"
		     : code == -NB_EACCES ? "permission denied"
					  : strerror(-code));
	nb_error_file(err, path);
	return code;
}

int nb_tree_open(const char *path, struct nb_tree **ret_tree, struct nb_error *err)
{
	struct nb_tree *t;
	struct stat st;
	int ret;

	if (stat(path, &st))
		return open_failed(err, path, -errno);
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode)) {
		nb_error_set(err, -NB_EINVAL, 0, "neither a directory nor an archive");
		nb_error_file(err, path);
		return -NB_EINVAL;
	}
	t = new_tree(path, S_ISDIR(st.st_mode) ? NB_TREE_DIR : NB_TREE_ARCHIVE);
	if (t->kind == NB_TREE_DIR) {
		ret = nb_dir_open(path, &t->dir);
		if (ret)
			open_failed(err, path, ret);
	} else {
		ret = nb_archive_load(path, &t->archive, err);
	}
	if (!ret && !find_root(t)) {
		ret = nb_error_set(err, -NB_ENOENT, 0,
				   "holds no capture: none of proc/, sys/, dmesg, acpi/, "
				   "machine.json at its top or in its only directory");
		nb_error_file(err, path);
	}
	if (ret) {
		nb_tree_close(t);
		return ret;
	}
	nb_tree_expand(t);
	*ret_tree = t;
	return 0;
}

/* The kernel's log buffer as /dev/kmsg's older brother gives it, or /var/log/dmesg when its
 * beginning has been overwritten since. Needs rights; without them there is no dmesg. */
static void add_kernel_log(struct nb_tree *t)
{
	enum { READ_ALL = 3, SIZE_BUFFER = 10 };
	int size = klogctl(SIZE_BUFFER, NULL, 0), n;
	const char *saved;
	size_t len;
	char *buf;

	if (size <= 0 || (size_t)size > NB_TREE_MAX_FILE) {
		note_unreadable(t, "dmesg");
		return;
	}
	buf = nb_xcalloc(1, (size_t)size + 1);
	n = klogctl(READ_ALL, buf, size);
	if (n > 0 &&
	    (strstr(buf, "Linux version") || nb_tree_read(t, "var/log/dmesg", &saved, &len)))
		nb_tree_add(t, "dmesg", buf, (size_t)n);
	else if (!nb_tree_read(t, "var/log/dmesg", &saved, &len))
		nb_tree_add(t, "dmesg", saved, len);
	else
		note_unreadable(t, "dmesg");
	free(buf);
}

int nb_tree_open_host(const char *root, struct nb_tree **ret_tree, struct nb_error *err)
{
	struct nb_tree *t = new_tree("host", NB_TREE_HOST);
	int ret = nb_dir_open(root ? root : "/", &t->dir);

	if (ret) {
		open_failed(err, root ? root : "/", ret);
		nb_tree_close(t);
		return ret;
	}
	if (!root)
		add_kernel_log(t);
	*ret_tree = t;
	return 0;
}

void nb_tree_close(struct nb_tree *t)
{
	struct listing *next;

	if (!t)
		return;
	nb_dir_close(t->dir);
	nb_files_release(&t->archive);
	nb_files_release(&t->cache);
	nb_files_release(&t->overlay);
	for (struct listing *l = t->listings; l; l = next) {
		next = l->next;
		for (size_t i = 0; i < l->nr; i++)
			free(l->names[i]);
		free(l->names);
		free(l->dir);
		free(l);
	}
	for (size_t i = 0; i < t->nr_unreadable; i++)
		free(t->unreadable[i]);
	free(t->unreadable);
	free(t->origin);
	free(t);
}

enum nb_tree_kind nb_tree_kind(const struct nb_tree *t)
{
	return t->kind;
}

const char *nb_tree_origin(const struct nb_tree *t)
{
	return t->origin;
}
