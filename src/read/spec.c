/* spec.c -- the form of a MACHINE word, and reading a bounded file.
 *
 * Order of the tests: a prefix, "host", the short form, then files: by what they are, by their
 * suffix, by their first bytes. A file whose name looks like the short form is named with a slash
 * ("./2x32G").
 */
#include "read/spec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "read/shortform.h"

#define FORMS                                                                                     \
	"host, DIR/, FILE.tar[.gz|.bz2|.xz|.zst], FILE.yaml, 2x32G[:CPUS][,dist=N][,hole=SIZE], " \
	"hwloc:SYNTHETIC, FILE.xml, qemu:ARGS, acpi:DIR"

static bool has_suffix(const char *word, const char *suffix)
{
	size_t n = strlen(word), k = strlen(suffix);

	return n > k && !strcasecmp(word + n - k, suffix);
}

static bool form_by_suffix(const char *word, enum nb_spec_form *ret)
{
	static const struct {
		const char *suffix;
		enum nb_spec_form form;
	} table[] = {
		{".yaml", NB_SPEC_YAML},       {".yml", NB_SPEC_YAML},
		{".xml", NB_SPEC_XML},         {".tar", NB_SPEC_CAPTURE},
		{".tar.gz", NB_SPEC_CAPTURE},  {".tgz", NB_SPEC_CAPTURE},
		{".tar.bz2", NB_SPEC_CAPTURE}, {".tbz2", NB_SPEC_CAPTURE},
		{".tar.xz", NB_SPEC_CAPTURE},  {".txz", NB_SPEC_CAPTURE},
		{".tar.zst", NB_SPEC_CAPTURE}, {".tzst", NB_SPEC_CAPTURE},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (has_suffix(word, table[i].suffix)) {
			*ret = table[i].form;
			return true;
		}
	}
	return false;
}

/* What the first bytes of a file say: archives by their magic, XML by its bracket, else YAML if
 * there is a line "machine:". */
static bool form_by_bytes(const char *path, enum nb_spec_form *ret)
{
	static const struct {
		size_t at, len;
		const char *bytes;
	} magic[] = {
		{0, 2, "\x1f\x8b"},
		{0, 3, "BZh"},
		{0, 6,
		 "\xfd"
		 "7zXZ"},
		{0, 4, "\x28\xb5\x2f\xfd"},
		{257, 5, "ustar"},
	};
	char head[4096 + 1] = "";
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return false;
	n = read(fd, head, sizeof(head) - 1);
	close(fd);
	if (n <= 0)
		return false;
	for (size_t i = 0; i < sizeof(magic) / sizeof(magic[0]); i++) {
		if ((size_t)n >= magic[i].at + magic[i].len &&
		    !memcmp(head + magic[i].at, magic[i].bytes, magic[i].len)) {
			*ret = NB_SPEC_CAPTURE;
			return true;
		}
	}
	head[n] = '\0';
	if (head[strspn(head, " \t\r\n")] == '<')
		*ret = NB_SPEC_XML;
	else if (!strncmp(head, "machine:", 8) || strstr(head, "\nmachine:"))
		*ret = NB_SPEC_YAML;
	else
		return false;
	return true;
}

static int file_form(const char *word, enum nb_spec_form *ret, struct nb_error *err)
{
	struct stat st;

	if (stat(word, &st)) {
		if (errno == ENOENT || errno == ENOTDIR) {
			if (strchr(word, '/') || form_by_suffix(word, ret))
				return nb_error_set(err, -NB_ENOENT, 0,
						    "no such file or directory");
			return nb_error_set(err, -NB_EINVAL, 0,
					    "no such machine; a machine is one of " FORMS);
		}
		return nb_error_set(err, -errno, 0, "%s", strerror(errno));
	}
	if (S_ISDIR(st.st_mode)) {
		*ret = NB_SPEC_CAPTURE;
		return 0;
	}
	if (form_by_suffix(word, ret))
		return 0;
	/* A pipe can be read once only; of all forms a machine file is what one writes into a pipe.
	 */
	if (S_ISFIFO(st.st_mode)) {
		*ret = NB_SPEC_YAML;
		return 0;
	}
	if (S_ISREG(st.st_mode) && form_by_bytes(word, ret))
		return 0;
	return nb_error_set(err, -NB_EINVAL, 0,
			    "is no form of machine; a machine is one of " FORMS);
}

int nb_spec_parse(const char *word, struct nb_spec *ret_spec, struct nb_error *err)
{
	static const struct {
		const char *prefix;
		enum nb_spec_form form;
	} prefixes[] = {
		{"hwloc:", NB_SPEC_HWLOC},
		{"qemu:", NB_SPEC_QEMU},
		{"acpi:", NB_SPEC_ACPI},
	};
	struct nb_spec spec = {.form = NB_SPEC_HOST, .rest = word};
	int rc;

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		size_t n = strlen(prefixes[i].prefix);

		if (strncmp(word, prefixes[i].prefix, n))
			continue;
		spec.form = prefixes[i].form;
		spec.rest = word + n;
		*ret_spec = spec;
		return 0;
	}
	if (!strcmp(word, "host")) {
		*ret_spec = spec;
		return 0;
	}
	if (!strcmp(word, "-")) {
		spec.form = NB_SPEC_YAML;
		spec.rest = "/dev/stdin";
	} else if (nb_shortform_looks_like(word)) {
		spec.form = NB_SPEC_SHORT;
	} else {
		rc = file_form(word, &spec.form, err);
		if (rc)
			return rc;
	}
	*ret_spec = spec;
	return 0;
}

static int read_fd(int fd, size_t max, struct nb_text *out, struct nb_error *err)
{
	char buf[65536];
	size_t total = 0;
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return nb_error_set(err, -errno, 0, "cannot be read: %s", strerror(errno));
		total += (size_t)n;
		if (total > max)
			return nb_error_set(err, -NB_EFBIG, 0, "is larger than %zu MiB", max >> 20);
		nb_text_add(out, buf, (size_t)n);
	}
	return 0;
}

int nb_read_file(const char *path, size_t max, struct nb_text *out, struct nb_error *err)
{
	int fd, rc;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		rc = nb_error_set(err, -errno, 0, "cannot be opened: %s", strerror(errno));
	else
		rc = read_fd(fd, max, out, err);
	if (fd >= 0)
		close(fd);
	if (rc)
		nb_error_file(err, path);
	return rc;
}
