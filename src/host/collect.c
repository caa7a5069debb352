/* collect.c -- the files of the live machine that a capture is made of.
 *
 * Called by capture.c. Read in this order: reports that change by the moment (buddyinfo, zoneinfo,
 * ...), settings, nodes, CPUs, memory blocks, firmware, the boot log. Nothing is written to the
 * machine; and one file is read only if it must be: reading vm.lowmem_reserve_ratio makes the
 * kernel compute its reserves anew, so it is left alone while zoneinfo shows that it has never been
 * set (nb_capture_ratio_is_default()).
 */
#include "host/collect.h"
#include "base/fmt.h"
#include "host/privacy.h"
#include "read/capture.h"
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define NODES "sys/devices/system/node"
#define CPUS "sys/devices/system/cpu"
#define MEMORY "sys/devices/system/memory"

struct collect {
	struct nb_tree *host;
	struct nb_files *files;
	struct nb_text *notes;
	struct nb_text sysfs; /* lines of sysfs.tsv */
};

static void put(struct collect *c, const char *path, const char *data, size_t len)
{
	char *copy = nb_xcalloc(1, len + 1);

	if (len)
		memcpy(copy, data, len);
	nb_files_put(c->files, path, NB_FILE_TEXT, copy, len, 0);
}

static void put_text(struct collect *c, const char *path, const struct nb_text *t)
{
	if (t->len)
		put(c, path, t->s, t->len);
}

/* A file as it is. */
static bool take(struct collect *c, const char *path)
{
	const char *text;
	size_t len;

	if (nb_tree_read(c->host, path, &text, &len))
		return false;
	put(c, path, text, len);
	return true;
}

/* A file of one short line, as a line of sysfs.tsv. */
static void take_line(struct collect *c, struct nb_text *out, const char *path, const char *shown)
{
	const char *text;
	size_t len;

	if (nb_tree_read(c->host, path, &text, &len))
		return;
	while (len && (text[len - 1] == '\n' || text[len - 1] == ' '))
		len--;
	if (len < 4096 && !memchr(text, '\n', len) && !memchr(text, '\0', len))
		nb_text_printf(out, "%s\t%.*s\n", shown, (int)len, text);
}

static void take_dir_lines(struct collect *c, const char *dir)
{
	for (const char *const *n = nb_tree_list(c->host, dir, NULL); *n; n++) {
		struct nb_text path = {0};

		if (!strcmp(*n, "demote")) /* of hugepages: only ever written */
			continue;
		nb_text_printf(&path, "%s/%s", dir, *n);
		take_line(c, &c->sysfs, nb_text_str(&path), nb_text_str(&path));
		nb_text_release(&path);
	}
}

static void take_reports(struct collect *c)
{
	static const char *const reports[] = {
		"proc/buddyinfo",
		"proc/zoneinfo",
		"proc/pagetypeinfo",
		"proc/vmstat",
		"proc/meminfo",
		"proc/iomem",
		"proc/version",
		"proc/uptime",
		"sys/kernel/debug/extfrag/extfrag_index",
		"sys/kernel/debug/extfrag/unusable_index",
	};
	struct nb_text filtered = {0};
	const char *text;
	size_t len;

	for (size_t i = 0; i < sizeof(reports) / sizeof(*reports); i++)
		take(c, reports[i]);
	if (!nb_tree_read(c->host, "proc/cmdline", &text, &len)) {
		nb_mask_cmdline(text, len, &filtered);
		nb_text_puts(&filtered, "\n");
		put_text(c, "proc/cmdline", &filtered);
		nb_text_clear(&filtered);
	}
	if (!nb_tree_read(c->host, "proc/cpuinfo", &text, &len)) {
		nb_filter_cpuinfo(text, len, &filtered);
		put_text(c, "proc/cpuinfo", &filtered);
		nb_text_clear(&filtered);
	}
	if (!nb_tree_read(c->host, "dmesg", &text, &len)) {
		nb_filter_log(text, len, &filtered);
		put_text(c, "dmesg", &filtered);
	}
	nb_text_release(&filtered);
}

/* Lines of a sysctl.conf that speak of vm.*, in the order in which they take effect. */
static void take_conf(struct collect *c, const char *path, struct nb_text *out)
{
	const char *text, *line;
	size_t len, pos = 0, n;

	if (nb_tree_read(c->host, path, &text, &len))
		return;
	while (nb_next_line(text, len, &pos, &line, &n)) {
		while (n && (*line == ' ' || *line == '\t' || *line == '-'))
			line++, n--;
		if (n > 3 && (!memcmp(line, "vm.", 3) || !memcmp(line, "vm/", 3)))
			nb_text_printf(out, "%.*s\n", (int)n, line);
	}
}

static void take_settings(struct collect *c)
{
	static const char *const dirs[] = {"usr/lib/sysctl.d", "run/sysctl.d", "etc/sysctl.d"};
	struct nb_text out = {0}, path = {0};

	for (const char *const *n = nb_tree_list(c->host, "proc/sys/vm", NULL); *n; n++) {
		if (!strcmp(*n, "lowmem_reserve_ratio") && nb_capture_ratio_is_default(c->host))
			continue;
		/* what only acts when written, and address space randomization: nothing of ours */
		if (!strcmp(*n, "compact_memory") || !strcmp(*n, "drop_caches") ||
		    !strcmp(*n, "stat_refresh") || !strncmp(*n, "mmap_", 5))
			continue;
		nb_text_clear(&path);
		nb_text_printf(&path, "proc/sys/vm/%s", *n);
		take_line(c, &out, nb_text_str(&path), nb_text_str(&path));
	}
	take_line(c, &out, "proc/sys/kernel/numa_balancing", "proc/sys/kernel/numa_balancing");
	put_text(c, "proc-sys.tsv", &out);
	nb_text_clear(&out);
	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++)
		for (const char *const *n = nb_tree_list(c->host, dirs[i], NULL); *n; n++) {
			nb_text_clear(&path);
			nb_text_printf(&path, "%s/%s", dirs[i], *n);
			take_conf(c, nb_text_str(&path), &out);
		}
	take_conf(c, "etc/sysctl.conf", &out);
	put_text(c, "etc/sysctl.conf", &out);
	nb_text_release(&out);
	nb_text_release(&path);
}

static void take_access(struct collect *c, const char *node)
{
	for (const char *const *n = nb_tree_list(c->host, node, NULL); *n; n++) {
		struct nb_text dir = {0};

		if (!strncmp(*n, "access", 6)) {
			nb_text_printf(&dir, "%s/%s/initiators", node, *n);
			take_dir_lines(c, nb_text_str(&dir));
		}
		nb_text_release(&dir);
	}
}

static void take_nodes(struct collect *c)
{
	static const char *const lists[] = {
		"online",     "possible",          "has_cpu",
		"has_memory", "has_normal_memory", "has_generic_initiator"};
	static const char *const files[] = {"cpulist", "cpumap",   "distance",
					    "meminfo", "numastat", "vmstat"};
	struct nb_text path = {0};

	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		nb_text_clear(&path);
		nb_text_printf(&path, NODES "/%s", lists[i]);
		take(c, nb_text_str(&path));
	}
	for (const char *const *n = nb_tree_list(c->host, NODES, NULL); *n; n++) {
		if (strncmp(*n, "node", 4) || strspn(*n + 4, "0123456789") != strlen(*n + 4) ||
		    !(*n)[4])
			continue;
		for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
			nb_text_clear(&path);
			nb_text_printf(&path, NODES "/%s/%s", *n, files[i]);
			take(c, nb_text_str(&path));
		}
		nb_text_clear(&path);
		nb_text_printf(&path, NODES "/%s", *n);
		take_access(c, nb_text_str(&path));
	}
	nb_text_release(&path);
}

static void take_cpus(struct collect *c)
{
	static const char *const lists[] = {"online", "present", "possible", "kernel_max"};
	static const char *const cache[] = {"level", "type", "size", "shared_cpu_list", "id"};
	struct nb_text path = {0};

	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		nb_text_clear(&path);
		nb_text_printf(&path, CPUS "/%s", lists[i]);
		take_line(c, &c->sysfs, nb_text_str(&path), nb_text_str(&path));
	}
	for (const char *const *n = nb_tree_list(c->host, CPUS, NULL); *n; n++) {
		char dir[128];

		if (strncmp(*n, "cpu", 3) || !(*n)[3] ||
		    strspn(*n + 3, "0123456789") != strlen(*n + 3))
			continue;
		nb_snprintf(dir, sizeof(dir), CPUS "/%s/topology", *n);
		take_dir_lines(c, dir);
		nb_snprintf(dir, sizeof(dir), CPUS "/%s/online", *n);
		take_line(c, &c->sysfs, dir, dir);
		nb_snprintf(dir, sizeof(dir), CPUS "/%s/cache", *n);
		for (const char *const *k = nb_tree_list(c->host, dir, NULL); *k; k++)
			for (size_t i = 0; i < sizeof(cache) / sizeof(*cache); i++) {
				nb_text_clear(&path);
				nb_text_printf(&path, "%s/%s/%s", dir, *k, cache[i]);
				take_line(c, &c->sysfs, nb_text_str(&path), nb_text_str(&path));
			}
	}
	nb_text_release(&path);
}

/* One line a block: its node is the one whose directory links to it. */
static void take_blocks(struct collect *c)
{
	struct nb_text out = {0};

	take_line(c, &c->sysfs, MEMORY "/block_size_bytes", MEMORY "/block_size_bytes");
	nb_text_puts(&out, "#block\tstate\tvalid_zones\tnode\n");
	for (const char *const *n = nb_tree_list(c->host, NODES, NULL); *n; n++) {
		char dir[128];

		if (strncmp(*n, "node", 4) || strspn(*n + 4, "0123456789") != strlen(*n + 4) ||
		    !(*n)[4])
			continue;
		nb_snprintf(dir, sizeof(dir), NODES "/%s", *n);
		for (const char *const *k = nb_tree_list(c->host, dir, NULL); *k; k++) {
			const char *state = "online\n", *zones = "\n";
			size_t len;

			if (strncmp(*k, "memory", 6) || !(*k)[6] ||
			    strspn(*k + 6, "0123456789") != strlen(*k + 6))
				continue;
			(void)nb_tree_readf(c->host, &state, &len, MEMORY "/%s/state", *k);
			(void)nb_tree_readf(c->host, &zones, &len, MEMORY "/%s/valid_zones", *k);
			nb_text_printf(&out, "%s\t%.*s\t%.*s\t%s\n", *k + 6,
				       (int)strcspn(state, "\n"), state, (int)strcspn(zones, "\n"),
				       zones, *n + 4);
		}
	}
	put_text(c, "derived/memory_blocks.tsv", &out);
	nb_text_release(&out);
}

static void take_memmap(struct collect *c)
{
	struct nb_text out = {0};
	size_t n;

	nb_tree_list(c->host, "sys/firmware/memmap", &n);
	for (size_t i = 0; i < n; i++) {
		const char *start, *end, *type;
		size_t len;

		if (nb_tree_readf(c->host, &start, &len, "sys/firmware/memmap/%zu/start", i) ||
		    nb_tree_readf(c->host, &end, &len, "sys/firmware/memmap/%zu/end", i) ||
		    nb_tree_readf(c->host, &type, &len, "sys/firmware/memmap/%zu/type", i))
			continue;
		nb_text_printf(&out, "%.*s\t%.*s\t%.*s\n", (int)strcspn(start, "\n"), start,
			       (int)strcspn(end, "\n"), end, (int)strcspn(type, "\n"), type);
	}
	put_text(c, "derived/firmware_memmap.tsv", &out);
	nb_text_release(&out);
}

static void base64(const char *data, size_t len, struct nb_text *out)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < len; i += 3) {
		unsigned char b[3] = {0};
		size_t n = len - i < 3 ? len - i : 3;
		char four[4];

		memcpy(b, data + i, n);
		four[0] = digits[b[0] >> 2];
		four[1] = digits[(b[0] & 3) << 4 | b[1] >> 4];
		four[2] = n > 1 ? digits[(b[1] & 15) << 2 | b[2] >> 6] : '=';
		four[3] = n > 2 ? digits[b[2] & 63] : '=';
		nb_text_add(out, four, 4);
		if (i % 57 == 54 || i + 3 >= len)
			nb_text_puts(out, "\n");
	}
}

static void take_firmware(struct collect *c)
{
	static const char *const tables[] = {"SRAT", "SLIT", "HMAT", "APIC"};
	struct nb_text out = {0};

	take_memmap(c);
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++) {
		const char *bytes;
		char path[32];
		size_t len;

		if (nb_tree_readf(c->host, &bytes, &len, "sys/firmware/acpi/tables/%s", tables[i]))
			continue;
		nb_text_clear(&out);
		base64(bytes, len, &out);
		nb_snprintf(path, sizeof(path), "acpi/%s.b64", tables[i]);
		put_text(c, path, &out);
	}
	nb_text_release(&out);
}

/* Memory nodes of a device tree: "PATH HEX-OF-REG node HEX-OF-NODE". */
static void take_devicetree(struct collect *c)
{
	static const char base[] = "sys/firmware/devicetree/base";
	struct nb_text out = {0};

	for (const char *const *n = nb_tree_list(c->host, base, NULL); *n; n++) {
		const char *reg, *node;
		size_t len, node_len;

		if (strncmp(*n, "memory", 6) ||
		    nb_tree_readf(c->host, &reg, &len, "%s/%s/reg", base, *n))
			continue;
		nb_text_printf(&out, "%s/%s ", base, *n);
		for (size_t i = 0; i < len; i++)
			nb_text_printf(&out, "%02x", (unsigned char)reg[i]);
		if (!nb_tree_readf(c->host, &node, &node_len, "%s/%s/numa-node-id", base, *n)) {
			nb_text_puts(&out, " node ");
			for (size_t i = 0; i < node_len; i++)
				nb_text_printf(&out, "%02x", (unsigned char)node[i]);
		}
		nb_text_puts(&out, "\n");
	}
	put_text(c, "derived/devicetree_memory.txt", &out);
	nb_text_release(&out);
}

static void take_mm(struct collect *c)
{
	static const char *const dirs[] = {
		"sys/kernel/mm/transparent_hugepage", "sys/kernel/mm/lru_gen", "sys/kernel/mm/numa",
		"sys/kernel/mm/mempolicy/weighted_interleave", "sys/module/page_alloc/parameters"};

	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++)
		take_dir_lines(c, dirs[i]);
	for (const char *const *n = nb_tree_list(c->host, "sys/kernel/mm/hugepages", NULL); *n;
	     n++) {
		char dir[128];

		nb_snprintf(dir, sizeof(dir), "sys/kernel/mm/hugepages/%s", *n);
		take_dir_lines(c, dir);
	}
}

/* What this capture is, without a word on whose machine it is. */
static void add_json(struct collect *c)
{
	struct nb_text out = {0};
	struct utsname u;

	if (!uname(&u)) {
		nb_text_printf(&out,
			       "{\n \"name\": \"host\",\n \"note\": \"captured by numabox\",\n"
			       " \"arch\": \"%s\",\n \"kernel\": \"%s\",\n \"page_size\": %ld\n}\n",
			       u.machine, u.release, sysconf(_SC_PAGESIZE));
		put_text(c, "machine.json", &out);
	}
	nb_text_release(&out);
}

void nb_host_collect(struct nb_tree *host, struct nb_files *files, struct nb_text *notes)
{
	struct collect c = {.host = host, .files = files, .notes = notes};
	const char *path;

	take_reports(&c);
	take_settings(&c);
	take_nodes(&c);
	take_cpus(&c);
	take_blocks(&c);
	take_firmware(&c);
	take_devicetree(&c);
	take_mm(&c);
	put_text(&c, "sysfs.tsv", &c.sysfs);
	add_json(&c);
	for (size_t i = 0; (path = nb_tree_unreadable(host, i)); i++)
		nb_text_printf(notes, "not readable without privilege: %s\n", path);
	put_text(&c, "capture-notes.txt", notes);
	nb_text_release(&c.sysfs);
}
