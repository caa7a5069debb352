/* privacy.c -- what may leave the machine: nothing that names its owner or opens its doors.
 *
 * Called by collect.c; the rules stand in privacy.h. A log line is kept only if it begins like one
 * of those that readers of captures look at (read/dmesg.c, view/layout.c, view/zonelists.c,
 * view/showmem.c), so a message that nobody thought of stays behind.
 */
#define _GNU_SOURCE /* memmem, strncasecmp */
#include "host/privacy.h"
#include <ctype.h>
#include <string.h>
#include <strings.h>

static bool contains_word(const char *s, size_t len, const char *const *words)
{
	for (; *words; words++) {
		size_t n = strlen(*words);

		for (size_t i = 0; i + n <= len; i++)
			if (!strncasecmp(s + i, *words, n))
				return true;
	}
	return false;
}

static bool is_hex(char c)
{
	return isxdigit((unsigned char)c) != 0;
}

/* Does the text hold `groups` runs of at least `min` hex digits, parted by `sep`? */
static bool has_groups(const char *s, size_t len, char sep, unsigned min, unsigned groups)
{
	unsigned run = 0, have = 0;

	for (size_t i = 0; i <= len; i++) {
		if (i < len && is_hex(s[i])) {
			run++;
			continue;
		}
		if (run >= min) {
			have++;
			if (have >= groups)
				return true;
		}
		if (i < len && (s[i] != sep || run < min))
			have = 0;
		run = 0;
	}
	return false;
}

static bool is_private(const char *key, size_t key_len, const char *value, size_t len)
{
	static const char *const secret[] = {"passw", "passphrase", "pwd",  "secret",  "token",
					     "key",   "auth",       "cred", "psk",     "cookie",
					     "uuid",  "serial",     "user", "license", NULL};
	static const char *const host[] = {"hostname",   "host_name", "BOOTIF", "machine_id",
					   "machine-id", "mac=",      NULL};
	bool dotted = false;

	for (size_t i = 0; i < len && !dotted; i++) { /* a dotted quad */
		unsigned dots = 0;
		size_t k = i;

		while (k < len && (isdigit((unsigned char)value[k]) || value[k] == '.'))
			dots += value[k++] == '.';
		dotted = dots >= 3;
		i = k;
	}
	return contains_word(key, key_len, secret) || contains_word(key, key_len, host) ||
	       contains_word(value, len, host) || dotted || has_groups(value, len, '-', 4, 5) ||
	       has_groups(value, len, ':', 2, 6) || has_groups(value, len, '-', 2, 6);
}

void nb_mask_cmdline(const char *line, size_t len, struct nb_text *out)
{
	bool first = true;

	for (size_t i = 0; i < len;) {
		size_t n = 0, key;
		bool quoted = false;

		while (i < len && isspace((unsigned char)line[i]))
			i++;
		while (i + n < len && (quoted || !isspace((unsigned char)line[i + n])))
			quoted ^= line[i + n++] == '"';
		if (!n || (n == 2 && !memcmp(line + i, "--", 2)))
			break;
		for (key = 0; key < n && line[i + key] != '=';)
			key++;
		nb_text_puts(out, first ? "" : " ");
		first = false;
		if (key < n && is_private(line + i, key, line + i + key + 1, n - key - 1)) {
			nb_text_add(out, line + i, key + 1);
			nb_text_puts(out, "MASKED");
		} else {
			nb_text_add(out, line + i, n);
		}
		i += n;
	}
}

/* Beginnings of lines worth keeping, after the time stamp and blanks. */
static const char *const kept[] = {
	"Linux version ",
	"BIOS-provided physical RAM map",
	"BIOS-e820: ",
	"user-defined physical RAM map",
	"user: [mem ",
	"e820: ",
	"last_pfn = ",
	"ACPI: SRAT: ",
	"SRAT: ",
	"SLIT: ",
	"NUMA: ",
	"NUMA turned off",
	"No NUMA configuration found",
	"Faking ",
	"Fake node ",
	"NODE_DATA(",
	"Zone ranges:",
	"DMA ",
	"DMA32 ",
	"Normal ",
	"HighMem ",
	"Movable ",
	"Device ",
	"Movable zone start",
	"Node ",
	"node ",
	"Early memory ",
	"early_node_map[",
	"Initmem setup node",
	"Initializing node",
	"On node ",
	"percpu: ",
	"pcpu-alloc: ",
	"setup_percpu: ",
	"Fallback order ",
	"Built ",
	"Policy zone: ",
	"Memory: ",
	"mem auto-init",
	"Freeing ",
	"RAMDISK: ",
	"Allocated new RAMDISK: ",
	"Move RAMDISK ",
	"low ram: ",
	"mapped low ram: ",
	"x86/mm: Memory block size",
	"cma: ",
	"efi: mem",
	"HugeTLB: ",
	"deferred_init",
	"node_reclaim",
	"mempolicy: ",
	"SMBIOS/ACPI: SRAT",
	"smp: Brought up",
	"smpboot: Allowing",
	".... node ",
	"OF: NUMA",
	"Mem-Info:",
	"lowmem_reserve[]",
	"active_anon:",
	"hmat: ",
	"ACPI: HMAT",
	"Dentry cache hash",
	"Inode-cache hash",
	"Mount-cache hash",
	NULL,
};

static const char *const kept_numbers[] = {
	"MB LOWMEM",
	"MB HIGHMEM",
	" total pagecache pages",
	" pages RAM",
	" pages reserved",
	" pages HighMem/MovableOnly",
	" pages in swap cache",
	" pages cma reserved",
	NULL,
};

static bool is_kept(const char *s, size_t len)
{
	size_t digits = 0;

	for (const char *const *k = kept; *k; k++)
		if (len >= strlen(*k) && !memcmp(s, *k, strlen(*k)))
			return true;
	while (digits < len && isdigit((unsigned char)s[digits]))
		digits++;
	/* early_node_map's own lines: "    0: 0x00000010 -> 0x0000009f" */
	if (digits && len > digits + 4 && !memcmp(s + digits, ": 0x", 4))
		return true;
	for (const char *const *k = kept_numbers; digits && *k; k++)
		if (len >= digits + strlen(*k) && !memcmp(s + digits, *k, strlen(*k)))
			return true;
	return false;
}

/* Length of "<6>", "[    0.000000] ", "[    T0] " and blanks before the message. */
static size_t prefix_len(const char *line, size_t len)
{
	size_t i = 0;

	if (len > 3 && *line == '<') {
		const char *close = memchr(line, '>', len < 6 ? len : 6);

		i = close ? (size_t)(close - line) + 1 : 0;
	}
	while (i < len && (line[i] == '[' || line[i] == ' ')) {
		const char *close = memchr(line + i, ']', len - i < 48 ? len - i : 48);

		if (line[i] == ' ') {
			i++;
			continue;
		}
		if (!close || !memcmp(line + i, "[mem", len - i < 4 ? len - i : 4))
			break;
		i = (size_t)(close - line) + 1;
	}
	return i;
}

void nb_filter_log(const char *text, size_t len, struct nb_text *out)
{
	static const char *const cmdlines[] = {"Command line: ", "Kernel command line: ", NULL};
	const char *line;
	size_t pos = 0, n;

	while (nb_next_line(text, len, &pos, &line, &n)) {
		size_t at = prefix_len(line, n);
		bool masked = false;

		for (const char *const *c = cmdlines; *c; c++) {
			size_t k = strlen(*c);

			if (n < at + k || memcmp(line + at, *c, k))
				continue;
			nb_text_add(out, line, at + k);
			nb_mask_cmdline(line + at + k, n - at - k, out);
			nb_text_puts(out, "\n");
			masked = true;
		}
		if (masked || !is_kept(line + at, n - at))
			continue;
		nb_text_add(out, line, n);
		nb_text_puts(out, "\n");
	}
}

void nb_filter_cpuinfo(const char *text, size_t len, struct nb_text *out)
{
	const char *line;
	size_t pos = 0, n;

	while (nb_next_line(text, len, &pos, &line, &n)) {
		if (n >= 6 && !strncasecmp(line, "Serial", 6))
			continue;
		nb_text_add(out, line, n);
		nb_text_puts(out, "\n");
	}
}
