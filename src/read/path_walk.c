/* path_walk.c -- a path made canonical: no ".", no "..", no symbolic link left in it.
 *
 * Called by tree_dir.c (links of a directory) and tree.c (links of an archive). A link's target is
 * put before what is still to be walked, so that a link to a link, or through a link, is nothing
 * special. Bound: O(length) for each of at most 40 links.
 */
#include "read/path_walk.h"
#include <string.h>

int nb_path_push(char *done, const char *name, size_t len)
{
	size_t used = strlen(done);

	if (len == 2 && !memcmp(name, "..", 2)) {
		char *slash = strrchr(done, '/');

		*(slash ? slash : done) = '\0';
		return 0;
	}
	if (used + len + 2 > NB_PATH_MAX)
		return -NB_ENAMETOOLONG;
	if (used)
		done[used++] = '/';
	memcpy(done + used, name, len);
	done[used + len] = '\0';
	return 0;
}

/* rest = target + "/" + after; `after` may lie within `rest`. */
static int splice(char *rest, const char *target, const char *after)
{
	size_t a = strlen(target), b = strlen(after);

	if (a + b + 2 > NB_PATH_MAX)
		return -NB_ENAMETOOLONG;
	memmove(rest + a + 1, after, b + 1);
	memcpy(rest, target, a);
	rest[a] = '/';
	return 0;
}

int nb_path_walk(char *done, const char *path, nb_readlink_fn *link, void *ctx)
{
	char rest[NB_PATH_MAX], target[NB_PATH_MAX];
	unsigned links = 0;

	if (strlen(path) >= sizeof(rest))
		return -NB_ENAMETOOLONG;
	memcpy(rest, path, strlen(path) + 1);
	for (char *p = rest; *p;) {
		size_t len = strcspn(p, "/"), before = strlen(done);
		char *after = p + len + (p[len] == '/');
		int err;

		if (len == 0 || (len == 1 && *p == '.')) {
			p = after;
			continue;
		}
		err = nb_path_push(done, p, len);
		if (err)
			return err;
		p = after;
		if (strlen(done) <= before) /* went up: no link there */
			continue;
		err = link(ctx, done, target);
		if (err == -NB_EINVAL)
			continue;
		if (err)
			return err;
		if (++links > NB_PATH_MAX_LINKS)
			return -NB_ELOOP;
		done[target[0] == '/' ? 0 : before] = '\0';
		err = splice(rest, target, after);
		if (err)
			return err;
		p = rest;
	}
	return 0;
}
