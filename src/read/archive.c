/* archive.c -- a tar archive's files of interest, taken into memory.
 *
 * Called by tree.c. libarchive unpacks, as a stream and without touching the disk; what is kept is
 * decided here, by the path below any of the first directories of a member's name, because an
 * archive may hold the tree below a directory of its own ("sosreport-x/proc/zoneinfo").
 * Bounds and refusals: see archive.h.
 */
#include "read/archive.h"
#include "base/hosted/text.h"
#include "read/path_walk.h"
#include "read/tree.h"
#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TOP_DIRS = 8 };

struct load {
	struct archive *a;
	struct nb_files *files;
	struct nb_error *err;
	uint64_t claimed_bytes, kept_bytes;
	unsigned entries;
};

/* Paths that readers ask for. A trailing '/' takes all that is below; '*' stands for
 * any bytes but '/'. */
static const char *const wanted[] = {
	"proc/zoneinfo",
	"proc/buddyinfo",
	"proc/pagetypeinfo",
	"proc/meminfo",
	"proc/vmstat",
	"proc/iomem",
	"proc/cmdline",
	"proc/cpuinfo",
	"proc/version",
	"proc/uptime",
	"proc/swaps",
	"proc/slabinfo",
	"proc/schedstat",
	"proc/hwloc-nofile-info",
	"proc/sys/vm/",
	"proc/sys/kernel/numa_balancing*",
	"proc/sys/kernel/osrelease",
	"proc/sys/kernel/arch",
	"proc/device-tree/memory*/*",
	"sys/devices/system/node/*",
	"sys/devices/system/node/node*/*",
	"sys/devices/system/node/node*/access*/",
	"sys/devices/system/node/node*/hugepages/",
	"sys/devices/system/cpu/*",
	"sys/devices/system/cpu/cpu*/online",
	"sys/devices/system/cpu/cpu*/node*",
	"sys/devices/system/cpu/cpu*/topology/",
	"sys/devices/system/cpu/cpu*/cache/index*/*",
	"sys/devices/system/memory/*",
	"sys/devices/system/memory/memory*/*",
	"sys/firmware/memmap/",
	"sys/firmware/acpi/tables/*",
	"sys/firmware/devicetree/base/memory*/*",
	"sys/firmware/devicetree/base/*",
	"sys/firmware/devicetree/base/distance-map/*",
	"sys/firmware/devicetree/base/cpus/cpu*/*",
	"sys/kernel/debug/extfrag/",
	"sys/kernel/debug/memblock/",
	"sys/kernel/debug/sched/",
	"sys/kernel/mm/",
	"sys/module/page_alloc/parameters/*",
	"sys/devices/virtual/memory_tiering/memory_tier*/nodelist",
	"dmesg",
	"dmesg.txt",
	"machine.json",
	"sysfs.tsv",
	"proc-sys.tsv",
	"capture-notes.txt",
	"acpi/*",
	"derived/*",
	"recomputed/",
	"steps/",
	"uname",
	"numastat.txt",
	"numactl--hardware",
	"var/log/dmesg",
	"etc/sysctl.conf",
	"etc/sysctl.d/*",
	"run/sysctl.d/*",
	"usr/lib/sysctl.d/*",
	"sos_commands/kernel/",
	"sos_commands/numa/",
	"sos_commands/memory/",
	"sos_commands/logs/journalctl*",
	"var/log/kern.log",
	"var/log/messages",
	"var/log/syslog",
};

/* A system's log files are of use, but may be of any size: then they are left out. */
static const char *const logs[] = {"var/log/", "sos_commands/logs/"};

static bool matches(const char *path, const char *pattern)
{
	while (*pattern && *pattern != '*') {
		if (*path++ != *pattern++)
			return false;
		if (pattern[-1] == '/' && !*pattern)
			return *path != '\0';
	}
	if (!*pattern)
		return !*path;
	for (pattern++;; path++) {
		if (matches(path, pattern))
			return true;
		if (!*path || *path == '/')
			return false;
	}
}

bool nb_archive_wants(const char *path)
{
	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++)
		if (matches(path, wanted[i]))
			return true;
	return false;
}

/* The path below any of the first directories, the top itself included. */
static bool wants_below(const char *path)
{
	for (unsigned depth = 0; depth < MAX_TOP_DIRS; depth++) {
		if (nb_archive_wants(path))
			return true;
		path = strchr(path, '/');
		if (!path++)
			return false;
	}
	return false;
}

/* "./a//b/" becomes "a/b" in clean[NB_PATH_MAX]. NULL, or what is wrong with it. */
static const char *clean_path(const char *path, char *clean)
{
	clean[0] = '\0';
	if (*path == '/')
		return "is absolute";
	for (const char *p = path; *p;) {
		size_t len = strcspn(p, "/");

		if (len == 2 && !memcmp(p, "..", 2))
			return "has a '..' in it";
		if (len && !(len == 1 && *p == '.') && nb_path_push(clean, p, len))
			return "is longer than 4096 bytes";
		p += len + (p[len] == '/');
	}
	return NULL;
}

/* Where a link at `path` leads: "/" + path from the archive's top, in target[NB_PATH_MAX].
 * NULL, or what is wrong. */
static const char *clean_target(const char *path, const char *link, bool hard, char *target)
{
	char done[NB_PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t dir = slash ? (size_t)(slash - path) : 0;

	if (*link == '/')
		return "leads outside (it is absolute)";
	memcpy(done, path, dir);
	done[hard ? 0 : dir] = '\0';
	for (const char *p = link; *p;) {
		size_t len = strcspn(p, "/");

		if (len == 2 && !memcmp(p, "..", 2) && !*done)
			return "leads outside";
		if (len && !(len == 1 && *p == '.') && nb_path_push(done, p, len))
			return "is longer than 4096 bytes";
		p += len + (p[len] == '/');
	}
	if (strlen(done) + 2 > NB_PATH_MAX)
		return "is longer than 4096 bytes";
	target[0] = '/';
	memcpy(target + 1, done, strlen(done) + 1);
	return NULL;
}

/* Below proc/PID, proc/self or proc/thread-self, under some directories? */
static bool in_a_process(const char *path)
{
	for (unsigned depth = 0; depth < MAX_TOP_DIRS; depth++) {
		if (!strncmp(path, "proc/", 5)) {
			const char *name = path + 5;
			size_t digits = strspn(name, "0123456789");

			if ((digits && name[digits] == '/') || !strncmp(name, "self/", 5) ||
			    !strncmp(name, "thread-self/", 12))
				return true;
		}
		path = strchr(path, '/');
		if (!path++)
			return false;
	}
	return false;
}

static int take_link(struct load *l, const char *path, const char *link, bool hard)
{
	char target[NB_PATH_MAX];
	const char *wrong = clean_target(path, link, hard, target);

	if (in_a_process(path))
		return 0;
	if (wrong)
		return nb_error_set(l->err, -NB_EINVAL, 0,
				    "refused: link %s to '%s' %s; links must stay in the archive",
				    path, link, wrong);
	if (wants_below(path))
		nb_files_put(l->files, path, NB_FILE_LINK, nb_xstrdup(target), strlen(target), 0);
	return 0;
}

static bool is_log(const char *path)
{
	for (size_t i = 0; i < sizeof(logs) / sizeof(*logs); i++)
		if (strstr(path, logs[i]))
			return true;
	return false;
}

static int take_text(struct load *l, const char *path, uint64_t size)
{
	char *data;
	size_t len = 0;

	if ((size > NB_TREE_MAX_FILE || l->kept_bytes + size > NB_ARCHIVE_MAX_KEPT / 2) &&
	    is_log(path))
		return 0;
	if (size > NB_TREE_MAX_FILE || l->kept_bytes + size > NB_ARCHIVE_MAX_KEPT)
		return nb_error_set(l->err, -NB_EFBIG, 0,
				    "refused: %s has %llu bytes, at most %llu are read", path,
				    (unsigned long long)size, (unsigned long long)NB_TREE_MAX_FILE);
	data = nb_xcalloc(1, (size_t)size + 1);
	while (len < size) {
		la_ssize_t n = archive_read_data(l->a, data + len, (size_t)size - len);

		if (n < 0) {
			free(data);
			return nb_error_set(l->err, -NB_EINVAL, 0, "damaged archive at %s: %s",
					    path, archive_error_string(l->a));
		}
		if (n == 0)
			break;
		len += (size_t)n;
	}
	data[len] = '\0';
	l->kept_bytes += len;
	nb_files_put(l->files, path, NB_FILE_TEXT, data, len, 0);
	return 0;
}

static int check_bounds(struct load *l, uint64_t size)
{
	uint64_t unpacked = (uint64_t)archive_filter_bytes(l->a, 0);

	if (++l->entries > NB_ARCHIVE_MAX_ENTRIES)
		return nb_error_set(l->err, -NB_EFBIG, 0, "refused: more than %u entries",
				    NB_ARCHIVE_MAX_ENTRIES);
	if (size > NB_ARCHIVE_MAX_BYTES || l->claimed_bytes + size > NB_ARCHIVE_MAX_BYTES ||
	    unpacked > 2 * NB_ARCHIVE_MAX_BYTES)
		return nb_error_set(l->err, -NB_EFBIG, 0,
				    "refused: unpacks to more than %llu bytes",
				    (unsigned long long)NB_ARCHIVE_MAX_BYTES);
	l->claimed_bytes += size;
	return 0;
}

static int take_entry(struct load *l, struct archive_entry *e)
{
	const char *name = archive_entry_pathname(e), *wrong, *link;
	int64_t size = archive_entry_size_is_set(e) ? archive_entry_size(e) : 0;
	char path[NB_PATH_MAX];
	int err = check_bounds(l, size < 0 ? UINT64_MAX : (uint64_t)size);

	if (err)
		return err;
	if (!name)
		name = archive_entry_pathname_utf8(e);
	if (!name) /* no name that could be asked for */
		return 0;
	wrong = clean_path(name, path);
	if (wrong)
		return nb_error_set(l->err, -NB_EINVAL, 0,
				    "refused: member %s %s; members must be relative paths", name,
				    wrong);
	link = archive_entry_hardlink(e);
	if (link)
		return take_link(l, path, link, true);
	if (archive_entry_filetype(e) == AE_IFLNK) {
		link = archive_entry_symlink(e);
		return link ? take_link(l, path, link, false) : 0;
	}
	if (archive_entry_filetype(e) == AE_IFREG && wants_below(path))
		return take_text(l, path, (uint64_t)size);
	return 0;
}

static int load_all(struct load *l)
{
	for (;;) {
		struct archive_entry *e;
		int r = archive_read_next_header(l->a, &e), err;

		if (r == ARCHIVE_EOF)
			break;
		if (r < ARCHIVE_WARN)
			return nb_error_set(l->err, -NB_EINVAL, 0,
					    "not a readable tar archive: %s (tar, plain or with "
					    "gzip, bzip2, xz or zstd, is read)",
					    archive_error_string(l->a));
		err = take_entry(l, e);
		if (err)
			return err;
	}
	if (!l->entries)
		return nb_error_set(l->err, -NB_EINVAL, 0, "an archive without any member");
	return 0;
}

static struct archive *new_reader(void)
{
	struct archive *a = archive_read_new();

	if (!a)
		abort();
	archive_read_support_filter_gzip(a);
	archive_read_support_filter_bzip2(a);
	archive_read_support_filter_xz(a);
	archive_read_support_filter_zstd(a);
	archive_read_support_format_tar(a);
	return a;
}

static int load_opened(struct archive *a, int opened, const char *name, struct nb_files *files,
		       struct nb_error *err)
{
	struct load l = {.a = a, .files = files, .err = err};
	int ret;

	if (opened != ARCHIVE_OK)
		ret = nb_error_set(err, -NB_EINVAL, 0, "not a readable tar archive: %s",
				   archive_error_string(a));
	else
		ret = load_all(&l);
	archive_read_free(a);
	if (ret) {
		nb_files_release(files);
		nb_error_file(err, name);
	}
	return ret;
}

int nb_archive_load(const char *path, struct nb_files *files, struct nb_error *err)
{
	struct archive *a = new_reader();

	return load_opened(a, archive_read_open_filename(a, path, 1 << 17), path, files, err);
}

int nb_archive_load_memory(const char *name, const void *bytes, size_t len, struct nb_files *files,
			   struct nb_error *err)
{
	struct archive *a = new_reader();

	return load_opened(a, archive_read_open_memory(a, bytes, len), name, files, err);
}
