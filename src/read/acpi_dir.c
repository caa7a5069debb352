/* acpi_dir.c -- tables as files: binary or base64 text, one by one or a directory full.
 *
 * Called by the capture reader (nb_acpi_add()) and by machine.c (acpi:DIR). A directory tells no
 * firmware map, so the SRAT's memory stands for it; room for memory to be plugged in is left out by
 * the rule at find_fixed_nodes().
 */
#include "read/acpi_priv.h"

#include "base/mask.h"
#include "read/spec.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_TABLE ((size_t)4 << 20)
#define MAX_FILES 256

static int base64_value(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *p = c ? strchr(digits, c) : NULL;

	return p ? (int)(p - digits) : -1;
}

/* Appends what the base64 text stands for. false: not base64 (a binary table has NULs, so never
 * is). */
bool nb_acpi_base64_decode(const char *s, size_t len, struct nb_text *out)
{
	unsigned bits = 0, nr_bits = 0;
	size_t i;

	for (i = 0; i < len && s[i] != '='; i++) {
		int v = base64_value(s[i]);

		if (v < 0 && strchr(" \t\r\n", s[i]) && s[i])
			continue;
		if (v < 0)
			return false;
		bits = (bits << 6 | (unsigned)v) & 0xffffff;
		nr_bits += 6;
		if (nr_bits >= 8) {
			char byte = (char)(bits >> (nr_bits - 8));

			nr_bits -= 8;
			nb_text_add(out, &byte, 1);
		}
	}
	for (; i < len; i++) {
		if (!s[i] || !strchr("= \t\r\n", s[i]))
			return false;
	}
	return out->len > 0;
}

static int parse_table(struct nb_acpi *a, const char *t, size_t len, struct nb_error *err)
{
	static const struct {
		const char *sig;
		int (*parse)(struct nb_acpi *, const void *, size_t, struct nb_error *);
	} kinds[] = {
		{"SRAT", nb_acpi_parse_srat},
		{"SLIT", nb_acpi_parse_slit},
		{"HMAT", nb_acpi_parse_hmat},
		{"APIC", nb_acpi_parse_madt},
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (len >= 4 && !memcmp(t, kinds[i].sig, 4))
			return kinds[i].parse(a, t, len, err);
	}
	return 0;
}

int nb_acpi_add(struct nb_acpi *a, const char *name, const void *bytes, size_t len,
		struct nb_error *err)
{
	struct nb_text table = {0};
	int rc;

	if (nb_acpi_base64_decode(bytes, len, &table))
		rc = parse_table(a, table.s, table.len, err);
	else
		rc = parse_table(a, bytes, len, err);
	nb_text_release(&table);
	if (rc)
		nb_error_file(err, name);
	return rc;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Paths of the regular files in `dir`, sorted; *ret_n of them. */
static char **list_files(DIR *d, const char *dir, size_t *ret_n)
{
	char **names = nb_xcalloc(MAX_FILES, sizeof(*names));
	struct nb_text path = {0};
	struct dirent *e;
	struct stat st;
	size_t n = 0;

	while (n < MAX_FILES && (e = readdir(d))) {
		nb_text_clear(&path);
		nb_text_printf(&path, "%s/%s", dir, e->d_name);
		if (!stat(path.s, &st) && S_ISREG(st.st_mode))
			names[n++] = nb_xstrdup(path.s);
	}
	nb_text_release(&path);
	qsort(names, n, sizeof(*names), by_name);
	*ret_n = n;
	return names;
}

static int add_files(struct nb_acpi *a, const char *dir, struct nb_error *err)
{
	struct nb_text text = {0};
	char **paths;
	size_t n;
	DIR *d = opendir(dir);
	int rc = 0;

	if (!d)
		return nb_error_set(err, -errno, 0, "cannot be opened: %s", strerror(errno));
	paths = list_files(d, dir, &n);
	closedir(d);
	for (size_t i = 0; i < n; i++) {
		nb_text_clear(&text);
		if (!rc)
			rc = nb_read_file(paths[i], MAX_TABLE, &text, err);
		if (!rc)
			rc = nb_acpi_add(a, paths[i], nb_text_str(&text), text.len, err);
		free(paths[i]);
	}
	nb_text_release(&text);
	free(paths);
	if (!rc && !(a->tables & NB_ACPI_HAS_SRAT))
		rc = nb_error_set(err, -NB_EINVAL, 0,
				  "no SRAT among its %zu files; the SRAT tells where memory is", n);
	return rc;
}

/* A hot-pluggable range is room for memory to come, and not memory, when its node has other memory
 * that is not hot-pluggable (QEMU's maxmem makes such a range). A node that is hot-pluggable as a
 * whole has memory. */
static void find_fixed_nodes(const struct nb_mem_range *r, unsigned n, struct nb_nodemask *fixed)
{
	memset(fixed, 0, sizeof(*fixed));
	for (unsigned i = 0; i < n; i++) {
		if (!(r[i].flags & NB_RANGE_HOTPLUG) && r[i].end > r[i].start)
			nb_nodemask_set(fixed, r[i].nid);
	}
}

static int by_start(const void *a, const void *b)
{
	const struct nb_mem_range *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

/* The SRAT's memory, room left out, by address; *ret_n ranges. */
static struct nb_mem_range *collect(const struct nb_acpi *a, unsigned *ret_n)
{
	unsigned nr_all, n = 0;
	const struct nb_mem_range *all = nb_acpi_memory(a, &nr_all);
	struct nb_mem_range *r = nb_xcalloc(nr_all + 1, sizeof(*r));
	struct nb_nodemask fixed;

	find_fixed_nodes(all, nr_all, &fixed);
	for (unsigned i = 0; i < nr_all; i++) {
		bool room = all[i].flags & NB_RANGE_HOTPLUG && nb_nodemask_test(&fixed, all[i].nid);

		if (!room && all[i].start < all[i].end)
			r[n++] = all[i];
	}
	qsort(r, n, sizeof(*r), by_start);
	*ret_n = n;
	return r;
}

/* Makes one range of ranges that overlap or touch, and, unless `across` nodes, are of one node and
 * kind. Returns how many are left. */
static unsigned merge(struct nb_mem_range *r, unsigned n, bool across)
{
	unsigned last = 0;

	for (unsigned i = 1; i < n; i++) {
		if (r[i].start <= r[last].end &&
		    (across || (r[i].nid == r[last].nid && r[i].flags == r[last].flags))) {
			if (r[i].end > r[last].end)
				r[last].end = r[i].end;
		} else {
			r[++last] = r[i];
		}
	}
	return n ? last + 1 : 0;
}

/* x86: the memory is the firmware map and the SRAT the affinity, so that the kernel's boot rules
 * run on both. arm64: the memory is node ranges in whole pages; what overlaps between nodes is for
 * nb_machine_seal(). */
static int add_memory(const struct nb_acpi *a, struct nb_machine *m)
{
	uint64_t mask = (UINT64_C(1) << m->page_shift) - 1;
	bool x86 = m->arch == NB_ARCH_X86_64;
	unsigned n;
	struct nb_mem_range *r = collect(a, &n);
	int rc = 0;

	n = merge(r, n, x86);
	for (unsigned i = 0; !rc && i < n; i++) {
		if (x86) {
			r[i].nid = NB_NO_NODE;
			r[i].flags = 0;
			rc = nb_machine_add_firmware(m, &r[i]);
			continue;
		}
		if (r[i].end - r[i].start <= mask)
			continue;
		r[i].start = (r[i].start + mask) & ~mask;
		r[i].end &= ~mask;
		if (r[i].start < r[i].end)
			rc = nb_machine_add_range(m, &r[i]);
	}
	free(r);
	return rc;
}

int nb_read_acpi_dir(struct nb_machine *m, const char *dir, struct nb_error *err)
{
	struct nb_acpi *a = nb_acpi_new();
	unsigned what = NB_ACPI_ALL;
	int rc = add_files(a, dir, err);

	if (nb_acpi_tables(a) & NB_ACPI_HAS_GICC) {
		m->arch = NB_ARCH_ARM64;
		what &= ~(unsigned)NB_ACPI_AFFINITY;
	}
	if (!rc)
		rc = nb_acpi_to_machine(a, m, what, err);
	if (!rc)
		rc = add_memory(a, m);
	if (rc)
		nb_error_set(err, rc, 0, "out of memory");
	else
		m->memory_source = NB_SOURCE_GIVEN;
	nb_acpi_free(a);
	return rc;
}
