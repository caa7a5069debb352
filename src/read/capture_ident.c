/* capture_ident.c -- which kernel, on which architecture, with which pages and command line.
 *
 * Called by capture_machine.c first: everything else depends on it. Each fact has several sources,
 * asked in the order given here, best first; a default that is a guess is noted.
 */
#include "read/capture_priv.h"
#include "read/machine.h"
#include "view/meminfo.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *nb_capture_field(const char *text, size_t len, const char *key)
{
	size_t pos = 0, n, k = strlen(key);
	const char *line;

	while (nb_next_line(text, len, &pos, &line, &n)) {
		size_t i = k;

		if (n < k || memcmp(line, key, k))
			continue;
		while (i < n && (line[i] == ' ' || line[i] == '\t'))
			i++;
		if (i == n || line[i] != ':')
			continue;
		for (i++; i < n && (line[i] == ' ' || line[i] == '\t');)
			i++;
		return nb_xstrndup(line + i, n - i);
	}
	return NULL;
}

static char *file_field(struct nb_tree *t, const char *path, const char *key)
{
	const char *text;
	size_t len;

	return nb_tree_read(t, path, &text, &len) ? NULL : nb_capture_field(text, len, key);
}

/* The `i`th blank-separated word from 0 of a file, counted from its end when i < 0. */
static char *file_word(struct nb_tree *t, const char *path, int i)
{
	const char *text, *words[64], *p;
	size_t len, lens[64];
	int n = 0;

	if (nb_tree_read(t, path, &text, &len))
		return NULL;
	for (p = text; p < text + len && *p && n < 64; n++) {
		p += strspn(p, " \t\n");
		if (!*p)
			break;
		words[n] = p;
		lens[n] = strcspn(p, " \t\n");
		p += lens[n];
	}
	i = i < 0 ? n + i : i;
	return i >= 0 && i < n ? nb_xstrndup(words[i], lens[i]) : NULL;
}

static char *find_release(struct nb_capture *c)
{
	struct nb_tree *t = c->tree;
	char *s = file_word(t, "proc/version", 2); /* "Linux version 6.12..." */

	if (!s && c->dmesg.release)
		s = nb_xstrdup(c->dmesg.release);
	if (!s)
		s = file_word(t, "proc/sys/kernel/osrelease", 0);
	if (!s)
		s = file_word(t, "uname", 2);
	if (!s)
		s = file_field(t, "proc/hwloc-nofile-info", "OSRelease");
	if (!s && c->json_release)
		s = nb_xstrdup(c->json_release);
	return s;
}

static bool has_zone(const struct nb_capture *c, enum nb_zone_type type)
{
	for (size_t i = 0; c->has_zoneinfo && i < c->zoneinfo.nr_zones; i++)
		if (c->zoneinfo.zones[i].type == (int)type)
			return true;
	return false;
}

/* uname's word for the machine out of proc/cpuinfo, whose form tells the architecture. */
static const char *arch_of_cpuinfo(struct nb_capture *c)
{
	char *field = file_field(c->tree, "proc/cpuinfo", "CPU architecture");
	const char *name = NULL;

	if (field)
		name = atoi(field) >= 8 ? "aarch64" : "armv7l";
	free(field);
	if (name)
		return name;
	field = file_field(c->tree, "proc/cpuinfo", "vendor_id");
	if (field && !strncmp(field, "IBM/S390", 8)) {
		name = "s390x";
	} else if (field) {
		char *flags = file_field(c->tree, "proc/cpuinfo", "flags");

		/* A 32-bit kernel runs on 64-bit CPUs too: its zones tell, and lines that it alone
		 * prints (arch/x86/kernel/cpu/proc.c, show_cpuinfo_misc()). */
		char *bug = file_field(c->tree, "proc/cpuinfo", "fdiv_bug");

		if (has_zone(c, NB_ZONE_HIGHMEM) || bug)
			name = "i686";
		else if (has_zone(c, NB_ZONE_DMA32) || (flags && strstr(flags, " lm")))
			name = "x86_64";
		else
			name = "i686";
		free(flags);
		free(bug);
	}
	free(field);
	if (name)
		return name;
	field = file_field(c->tree, "proc/cpuinfo", "arch");
	if (field && !strncmp(field, "IA-64", 5))
		name = "ia64";
	free(field);
	field = name ? NULL : file_field(c->tree, "proc/cpuinfo", "cpu");
	if (field && (strstr(field, "POWER") || strstr(field, "PPC")))
		name = "ppc64";
	free(field);
	return name;
}

/* An architecture's name within a release or a compiler's name. */
static const char *arch_of_text(const char *s)
{
	static const struct {
		const char *part, *name;
	} parts[] = {
		{"x86_64", "x86_64"},   {"amd64", "x86_64"},    {"aarch64", "aarch64"},
		{"arm64", "aarch64"},   {"-686", "i686"},       {".i686", "i686"},
		{".i386", "i686"},      {"-486", "i686"},       {"i686", "i686"},
		{"ppc64", "ppc64"},     {"powerpc64", "ppc64"}, {"s390x", "s390x"},
		{"ia64", "ia64"},       {"armhf", "armv7l"},    {"armmp", "armv7l"},
		{"riscv64", "riscv64"},
	};

	for (size_t i = 0; s && i < sizeof(parts) / sizeof(*parts); i++)
		if (strstr(s, parts[i].part))
			return parts[i].name;
	return NULL;
}

static char *find_arch(struct nb_capture *c, const char *release)
{
	struct nb_tree *t = c->tree;
	const char *name, *version;
	size_t len;
	char *s = c->json_arch ? nb_xstrdup(c->json_arch) : NULL;

	if (!s)
		s = file_word(t, "proc/sys/kernel/arch", 0);
	if (!s)
		s = file_field(t, "proc/hwloc-nofile-info", "Architecture");
	if (!s)
		s = file_word(t, "uname", -2); /* "... x86_64 GNU/Linux" */
	if (s)
		return s;
	name = arch_of_text(release);
	if (!name && !nb_tree_read(t, "proc/version", &version, &len))
		name = arch_of_text(version);
	if (!name)
		name = arch_of_text(c->dmesg.version);
	if (!name)
		name = arch_of_cpuinfo(c);
	if (!name && has_zone(c, NB_ZONE_HIGHMEM))
		name = "i686";
	if (!name) {
		nb_capture_add_note(c, "architecture: not told by the capture, x86_64 assumed");
		name = "x86_64";
	}
	return nb_xstrdup(name);
}

static int set_arch(struct nb_build *b, const char *name, const char *release)
{
	enum nb_arch arch = nb_read_arch(name);

	if (arch == NB_ARCH_I386 &&
	    (b->c->dmesg.max_arch_pfn > 1 << 20 ||
	     (release && (strstr(release, "pae") || strstr(release, "PAE")))))
		arch = NB_ARCH_I386PAE;
	b->m->arch = arch;
	b->m->arch_name = nb_machine_strdup(b->m, name);
	if (arch == NB_ARCH_OTHER)
		nb_capture_add_note(
			b->c,
			"architecture: zones of %s are not modelled; each node's memory "
			"is shown as one Normal zone",
			name);
	return b->m->arch_name ? 0 : -NB_ENOMEM;
}

/* MemTotal is the sum of managed pages: their quotient is the page size. */
static unsigned shift_of_totals(struct nb_capture *c)
{
	uint64_t managed = 0, kib = 0, pages;
	char *total = file_field(c->tree, "proc/meminfo", "MemTotal");

	if (total)
		kib = strtoull(total, NULL, 10);
	free(total);
	for (size_t i = 0; c->has_zoneinfo && i < c->zoneinfo.nr_zones; i++)
		if (nb_zoneinfo_get(&c->zoneinfo.zones[i], NB_ZI_MANAGED, &pages) &&
		    pages < UINT64_C(1) << 52)
			managed += pages;
	if (!kib || !managed || kib > UINT64_C(1) << 52)
		return 0;
	for (unsigned shift = 12; shift <= 16; shift += 2) {
		uint64_t ours = managed << (shift - 10);

		if (ours / 4 * 3 <= kib && kib <= ours + ours / 4)
			return shift;
	}
	return 0;
}

static unsigned find_page_shift(struct nb_build *b, const char *release)
{
	char *hwloc = file_field(b->t, "proc/hwloc-nofile-info", "PageSize");
	unsigned size = b->c->json_page_size ? b->c->json_page_size
			: hwloc              ? (unsigned)strtoul(hwloc, NULL, 10)
					     : 0;
	unsigned shift = size == 4096 ? 12 : size == 16384 ? 14 : size == 65536 ? 16 : 0;

	free(hwloc);
	if (b->m->arch != NB_ARCH_ARM64 && b->m->arch != NB_ARCH_OTHER)
		return 12;
	if (!shift)
		shift = b->c->dmesg.page_shift;
	if (!shift)
		shift = shift_of_totals(b->c);
	if (!shift && release && (strstr(release, "-16k") || strstr(release, "-64k")))
		shift = strstr(release, "-16k") ? 14 : 16;
	if (!shift) {
		nb_capture_add_note(b->c, "page size: not told by the capture, 4 KiB assumed");
		shift = 12;
	}
	return shift;
}

static int set_cmdline(struct nb_build *b)
{
	struct nb_capture *c = b->c;
	const char *text;
	size_t len;
	char *line = NULL;
	int bad = 0;

	if (!nb_tree_read(b->t, "proc/cmdline", &text, &len))
		line = nb_xstrndup(text, strcspn(text, "\n"));
	else if (c->dmesg.cmdline || c->json_cmdline)
		line = nb_xstrdup(c->dmesg.cmdline ? c->dmesg.cmdline : c->json_cmdline);
	if (line)
		bad = nb_machine_add_cmdline(b->m, line);
	else
		nb_capture_add_note(c, "kernel command line: not in the capture, taken as empty");
	free(line);
	return bad;
}

/* The last part of the path, without an archive's endings. */
static int set_name(struct nb_build *b)
{
	const char *origin = nb_tree_origin(b->t), *p = origin + strlen(origin);
	char *name;

	while (p > origin && p[-1] == '/')
		p--;
	name = nb_xstrndup(origin, (size_t)(p - origin));
	p = strrchr(name, '/');
	p = p && p[1] ? p + 1 : name;
	if (nb_tree_kind(b->t) == NB_TREE_ARCHIVE && strstr(p, ".t"))
		*strstr(name + (p - name), ".t") = '\0';
	b->m->name = nb_machine_strdup(b->m, *p ? p : "capture");
	b->m->origin = nb_machine_strdup(b->m, origin);
	free(name);
	return b->m->name && b->m->origin ? 0 : -NB_ENOMEM;
}

int nb_capture_identity(struct nb_build *b)
{
	char *release = find_release(b->c), *arch = find_arch(b->c, release);
	int bad = set_name(b);

	if (!bad)
		bad = set_arch(b, arch, release);
	if (!bad && release) {
		b->m->release = nb_machine_strdup(b->m, release);
		bad = b->m->release ? 0 : -NB_ENOMEM;
	}
	if (!release)
		nb_capture_add_note(b->c, "kernel: not told by the capture, 6.12 assumed");
	if (!bad) {
		b->m->page_shift = find_page_shift(b, release);
		bad = set_cmdline(b);
	}
	b->emulated = nb_capture_numa_option(b->m, "off") ||
		      nb_capture_numa_option(b->m, "fake=") ||
		      nb_capture_numa_option(b->m, "noacpi");
	free(release);
	free(arch);
	return bad;
}

bool nb_capture_numa_option(const struct nb_machine *m, const char *word)
{
	size_t pos = 0, len, n = strlen(word);
	const char *value;

	while ((value = nb_machine_option_next(m, "numa=", &pos, &len)))
		if (len >= n && !memcmp(value, word, n))
			return true;
	return false;
}
