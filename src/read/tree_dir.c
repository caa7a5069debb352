/* tree_dir.c -- files below one directory of the host, as if that directory were "/".
 *
 * Called by tree.c. A path is first made canonical (path_walk.h), so that no link and no ".." leads
 * out of the directory. The directory part of the last path is remembered, so that reading one file
 * after another of one directory stays cheap. Bound: O(components) system calls for a new
 * directory, 5 for a further file in it.
 */
#include "read/tree_dir.h"
#include "base/hosted/text.h"
#include "read/path_walk.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct nb_dir {
	int fd;
	/* the last directory asked for, and what it is without links */
	char asked[NB_PATH_MAX], real[NB_PATH_MAX];
	bool known;
};

int nb_dir_open(const char *path, struct nb_dir **ret_dir)
{
	struct nb_dir *d;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	d = nb_xcalloc(1, sizeof(*d));
	d->fd = fd;
	*ret_dir = d;
	return 0;
}

void nb_dir_close(struct nb_dir *d)
{
	if (!d)
		return;
	close(d->fd);
	free(d);
}

/* A path_walk.h callback: what readlink(2) says. */
static int read_link(void *ctx, const char *path, char *target)
{
	struct nb_dir *d = ctx;
	ssize_t n = readlinkat(d->fd, path, target, NB_PATH_MAX - 1);

	if (n < 0)
		return -errno;
	target[n] = '\0';
	return 0;
}

/* The canonical form of `path`, in `real` (NB_PATH_MAX bytes). */
static int canonical(struct nb_dir *d, const char *path, char *real)
{
	const char *slash = strrchr(path, '/');
	size_t dir = slash ? (size_t)(slash - path) : 0;
	int err;

	if (strlen(path) >= NB_PATH_MAX)
		return -NB_ENAMETOOLONG;
	if (!d->known || strncmp(d->asked, path, dir) || d->asked[dir]) {
		d->known = false;
		memcpy(d->asked, path, dir);
		d->asked[dir] = '\0';
		d->real[0] = '\0';
		err = nb_path_walk(d->real, d->asked, read_link, d);
		if (err)
			return err;
		d->known = true;
	}
	memcpy(real, d->real, NB_PATH_MAX);
	return nb_path_walk(real, slash ? slash + 1 : path, read_link, d);
}

static int read_all(int fd, size_t hint, size_t max, char **ret_data, size_t *ret_len)
{
	size_t cap = hint && hint < max ? hint + 1 : 4096, len = 0;
	char *data = nb_xcalloc(1, cap + 1);

	for (;;) {
		ssize_t n = read(fd, data + len, cap - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || (n > 0 && len + (size_t)n > max)) {
			int err = n < 0 ? -errno : -NB_EFBIG;

			free(data);
			return err;
		}
		if (n == 0)
			break;
		len += (size_t)n;
		if (len == cap) {
			cap *= 2;
			data = nb_xrealloc(data, cap + 1, 1);
		}
	}
	data[len] = '\0';
	*ret_data = data;
	*ret_len = len;
	return 0;
}

int nb_dir_read(struct nb_dir *d, const char *path, size_t max, char **ret_data, size_t *ret_len)
{
	char real[NB_PATH_MAX];
	struct stat st;
	int err = canonical(d, path, real), fd;

	if (err)
		return err;
	/* Looked at before it is opened: opening a FIFO or a device can do things. */
	if (fstatat(d->fd, real, &st, AT_SYMLINK_NOFOLLOW))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -NB_EISDIR : -NB_EINVAL;
	if (st.st_size > 0 && (uintmax_t)st.st_size > max)
		return -NB_EFBIG;
	fd = openat(d->fd, real, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = read_all(fd, (size_t)st.st_size, max, ret_data, ret_len);
	close(fd);
	return err;
}

bool nb_dir_has(struct nb_dir *d, const char *path)
{
	char real[NB_PATH_MAX], name[NB_PATH_MAX];
	const char *slash = strrchr(path, '/');
	struct stat st;

	if (strlen(path) >= sizeof(name))
		return false;
	/* The last component may be a link that leads nowhere: its name counts. */
	memcpy(name, path, strlen(path) + 1);
	name[slash ? (size_t)(slash - path) : 0] = '\0';
	real[0] = '\0';
	if (nb_path_walk(real, name, read_link, d) ||
	    nb_path_push(real, slash ? slash + 1 : path, strlen(slash ? slash + 1 : path)))
		return false;
	return *real && !fstatat(d->fd, real, &st, AT_SYMLINK_NOFOLLOW);
}

int nb_dir_names(struct nb_dir *d, const char *path, size_t max,
		 void (*each)(void *ctx, const char *name, size_t len), void *ctx)
{
	char real[NB_PATH_MAX];
	struct dirent *entry;
	size_t n = 0;
	DIR *dir;
	int err = canonical(d, path, real), fd;

	if (err)
		return err;
	fd = openat(d->fd, *real ? real : ".",
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return -NB_ENOMEM;
	}
	while (n < max && (entry = readdir(dir))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		each(ctx, entry->d_name, strlen(entry->d_name));
		n++;
	}
	closedir(dir);
	return 0;
}
