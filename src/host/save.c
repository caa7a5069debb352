/* save.c -- a set of files onto the disk, whole or not at all.
 *
 * Called by capture.c. Invariant: under the wanted name there is at any moment what was there
 * before, or the whole of what is new. Files are made 0644, directories 0755, as umask allows.
 */
#define _GNU_SOURCE /* nftw */
#include "host/save.h"
#include "base/hosted/text.h"
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int failed(struct nb_error *err, const char *path, const char *what, int code)
{
	nb_error_set(err, -code, 0, "cannot %s: %s", what, strerror(code));
	nb_error_file(err, path);
	return -code;
}

/* The wanted name without slashes at its end. */
static char *trimmed(const char *out)
{
	size_t n = strlen(out);

	while (n > 1 && out[n - 1] == '/')
		n--;
	return nb_xstrndup(out, n);
}

/* "OUT.tmp-XXXXXX" beside the wanted name, for mkdtemp() and mkstemp(). */
static char *temporary(const char *out)
{
	struct nb_text t = {0};
	char *name = trimmed(out), *copy;

	nb_text_printf(&t, "%s.tmp-XXXXXX", name);
	copy = nb_xstrdup(nb_text_str(&t));
	nb_text_release(&t);
	free(name);
	return copy;
}

static int write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

static mode_t allowed(mode_t mode)
{
	mode_t mask = umask(0);

	umask(mask);
	return mode & ~mask;
}

int nb_save_text(const char *out, const char *text, size_t len, struct nb_error *err)
{
	char *tmp = temporary(out);
	int fd = mkstemp(tmp), bad;

	if (fd < 0) {
		bad = failed(err, out, "be written", errno);
		free(tmp);
		return bad;
	}
	bad = write_all(fd, text, len);
	if (!bad && fchmod(fd, allowed(0644)))
		bad = errno;
	if (close(fd) && !bad)
		bad = errno;
	if (!bad && rename(tmp, out))
		bad = errno;
	if (bad) {
		unlink(tmp);
		bad = failed(err, out, "be written", bad);
	}
	free(tmp);
	return bad;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static void remove_tree(const char *path)
{
	(void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Makes the directories of a file's path below `top`. 0 or an errno. */
static int make_dirs(const char *top, const char *path)
{
	struct nb_text dir = {0};
	int bad = 0;

	for (const char *slash = strchr(path, '/'); slash && !bad; slash = strchr(slash + 1, '/')) {
		nb_text_clear(&dir);
		nb_text_printf(&dir, "%s/%.*s", top, (int)(slash - path), path);
		if (mkdir(nb_text_str(&dir), 0755) && errno != EEXIST)
			bad = errno;
	}
	nb_text_release(&dir);
	return bad;
}

static int write_file(const char *top, const struct nb_file *f)
{
	struct nb_text path = {0};
	int bad = make_dirs(top, f->path), fd;

	nb_text_printf(&path, "%s/%s", top, f->path);
	fd = bad ? -1 : open(nb_text_str(&path), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (!bad && fd < 0)
		bad = errno;
	if (!bad)
		bad = write_all(fd, f->data, f->len);
	if (fd >= 0 && close(fd) && !bad)
		bad = errno;
	nb_text_release(&path);
	return bad;
}

int nb_save_dir(const char *out, struct nb_files *files, struct nb_error *err)
{
	char *name = trimmed(out), *tmp = temporary(out);
	int bad = 0;

	if (!mkdtemp(tmp)) {
		bad = failed(err, out, "be made", errno);
		goto out;
	}
	for (size_t i = 0; i < files->nr && !bad; i++)
		bad = write_file(tmp, files->all[i]);
	if (!bad && chmod(tmp, allowed(0755)))
		bad = errno;
	if (!bad && rename(tmp, name)) /* an empty directory gives way */
		bad = errno;
	if (bad) {
		remove_tree(tmp);
		if (bad == ENOTEMPTY || bad == EEXIST || bad == ENOTDIR) {
			bad = nb_error_set(err, -NB_EEXIST, 0,
					   "exists already; name a directory that is new or empty");
			nb_error_file(err, out);
		} else {
			bad = failed(err, out, "be written", bad);
		}
	}
out:
	free(name);
	free(tmp);
	return bad;
}

static const struct {
	const char *ending;
	int (*add)(struct archive *);
} packings[] = {
	{".tar", archive_write_add_filter_none},  {".tar.gz", archive_write_add_filter_gzip},
	{".tgz", archive_write_add_filter_gzip},  {".tar.bz2", archive_write_add_filter_bzip2},
	{".tar.xz", archive_write_add_filter_xz}, {".tar.zst", archive_write_add_filter_zstd},
};

/* Index into packings, or -1. */
static int packing_of(const char *out)
{
	size_t n = strlen(out);

	for (size_t i = 0; i < sizeof(packings) / sizeof(*packings); i++) {
		size_t k = strlen(packings[i].ending);

		if (n > k && !strcmp(out + n - k, packings[i].ending))
			return (int)i;
	}
	return -1;
}

bool nb_save_is_archive(const char *out)
{
	return packing_of(out) >= 0;
}

static int pack(struct archive *a, struct nb_files *files, const char *top, size_t top_len)
{
	struct archive_entry *e = archive_entry_new();
	struct nb_text path = {0};
	time_t now = time(NULL);
	int r = ARCHIVE_OK;

	for (size_t i = 0; i < files->nr && r == ARCHIVE_OK; i++) {
		const struct nb_file *f = files->all[i];

		nb_text_clear(&path);
		nb_text_printf(&path, "%.*s/%s", (int)top_len, top, f->path);
		archive_entry_clear(e);
		archive_entry_set_pathname(e, nb_text_str(&path));
		archive_entry_set_filetype(e, AE_IFREG);
		archive_entry_set_perm(e, 0644);
		archive_entry_set_size(e, (int64_t)f->len);
		archive_entry_set_mtime(e, now, 0);
		r = archive_write_header(a, e);
		if (r == ARCHIVE_OK && archive_write_data(a, f->data, f->len) < 0)
			r = ARCHIVE_FATAL;
	}
	nb_text_release(&path);
	archive_entry_free(e);
	return r;
}

int nb_save_archive(const char *out, struct nb_files *files, struct nb_error *err)
{
	const char *base = strrchr(out, '/') ? strrchr(out, '/') + 1 : out;
	int which = packing_of(out), r, bad = 0;
	char *tmp = temporary(out);
	int fd = mkstemp(tmp);
	struct archive *a;

	if (fd < 0) {
		bad = failed(err, out, "be written", errno);
		free(tmp);
		return bad;
	}
	a = archive_write_new();
	r = packings[which].add(a);
	if (r == ARCHIVE_OK)
		r = archive_write_set_format_ustar(a);
	if (r == ARCHIVE_OK)
		r = archive_write_open_fd(a, fd);
	if (r == ARCHIVE_OK)
		r = pack(a, files, base, strlen(base) - strlen(packings[which].ending));
	if (r == ARCHIVE_OK)
		r = archive_write_close(a);
	if (r != ARCHIVE_OK) {
		bad = nb_error_set(err, -NB_EIO, 0, "cannot be written: %s",
				   archive_error_string(a) ? archive_error_string(a) : "?");
		nb_error_file(err, out);
	}
	archive_write_free(a);
	if (!bad && (fchmod(fd, allowed(0644)) || rename(tmp, out)))
		bad = failed(err, out, "be written", errno);
	close(fd);
	if (bad)
		unlink(tmp);
	free(tmp);
	return bad;
}
