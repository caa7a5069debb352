/* qemu_args.c -- QEMU command lines against what came of them: from a recorder's qemu_args alone,
 * the firmware map, the SRAT's entries, the boot layout, the nodes' CPUs and distances must be
 * those that the kernel printed, on every captured machine.
 *
 * Left out, and counted: machines without qemu_args, and those with -acpitable, whose tables
 * replace QEMU's (nb_read_qemu() refuses them). Zone ranges are not compared on i386, where low
 * memory ends by the kernel's own address space and not by the hardware.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/hosted/text.h"
#include "base/mask.h"
#include "read/machine.h"
#include "read/qemu.h"
#include "snapshot.h"

#define LL(x) ((unsigned long long)(x))

struct machine {
	const char *path;
	struct nb_port port;
	struct nb_machine *m;
	struct nb_system *sys;
	char *dmesg;
};

/* The words of the command line: the recorder's, and the kernel's release and command line as QEMU
 * would be given them (-kernel, -append). */
static const char **words(json_t *root, const char *release, unsigned *ret_n)
{
	json_t *args = json_object_get(root, "qemu_args");
	size_t n = json_array_size(args);
	const char **w = nb_xcalloc(n + 4, sizeof(*w));

	for (size_t i = 0; i < n; i++)
		w[i] = json_string_value(json_array_get(args, i));
	w[n] = "-kernel";
	w[n + 1] = release;
	w[n + 2] = "-append";
	w[n + 3] = json_string_value(json_object_get(root, "cmdline"));
	*ret_n = (unsigned)n + 4;
	return w;
}

/* A file of the recording, or of the small capture taken before it. */
static char *read_either(const char *path, const char *name)
{
	char *s = snap_read(path, name), below[64];

	snprintf(below, sizeof(below), "before/%s", name);
	return s ? s : snap_read(path, below);
}

/* false: this machine is left out. */
static bool load(struct machine *x)
{
	char *text = read_either(x->path, "machine.json"), release[160] = "/boot/vmlinuz-";
	json_t *root = text ? json_loads(text, 0, NULL) : NULL;
	struct nb_error err = {0};
	const char *version;
	const char **w;
	unsigned n;
	int ret = -NB_EOPNOTSUPP;

	free(text);
	x->dmesg = read_either(x->path, "dmesg");
	if (!root || !x->dmesg || !json_array_size(json_object_get(root, "qemu_args"))) {
		json_decref(root);
		return false;
	}
	version = strstr(x->dmesg, "Linux version ");
	assert_non_null(version);
	snprintf(release + strlen(release), sizeof(release) - strlen(release), "%.*s",
		 (int)strcspn(version + 14, " "), version + 14);
	w = words(root, release, &n);
	nb_port_posix(&x->port, false);
	x->m = nb_machine_new(&x->port);
	ret = nb_read_qemu(x->m, w, n, &err);
	if (!ret)
		ret = nb_machine_seal(x->m, &err);
	if (!ret)
		ret = nb_system_boot(&x->port, x->m, NULL, &x->sys, &err);
	if (ret && ret != -NB_EOPNOTSUPP)
		fail_msg("%s: %s", x->path, err.text);
	free(w);
	json_decref(root);
	return ret == 0;
}

static void unload(struct machine *x)
{
	if (x->sys)
		nb_system_shutdown(x->sys);
	nb_machine_free(x->m);
	free(x->dmesg);
}

/* Lines of the log that hold `word`, from `word` on, in one text. */
static void log_lines(const char *dmesg, const char *word, struct nb_text *t)
{
	const char *line;
	size_t pos = 0, len;

	while (nb_next_line(dmesg, strlen(dmesg), &pos, &line, &len)) {
		char *copy = nb_xstrndup(line, len), *at = strstr(copy, word);

		if (at)
			nb_text_printf(t, "%s\n", at);
		free(copy);
	}
}

static unsigned compare(const struct machine *x, const char *what, struct nb_text *kernel,
			struct nb_text *ours)
{
	unsigned bad = strcmp(nb_text_str(kernel), nb_text_str(ours)) != 0;

	if (bad)
		print_error("%s: %s\n--- kernel\n%s--- predicted\n%s", x->path, what,
			    nb_text_str(kernel), nb_text_str(ours));
	nb_text_release(kernel);
	nb_text_release(ours);
	return bad;
}

static unsigned compare_firmware(const struct machine *x)
{
	struct nb_text kernel = {0}, ours = {0};

	log_lines(x->dmesg, "BIOS-e820: ", &kernel);
	for (unsigned i = 0; i < x->m->nr_firmware; i++) {
		const struct nb_mem_range *r = &x->m->firmware[i];

		nb_text_printf(&ours, "BIOS-e820: [mem 0x%016llx-0x%016llx] %s\n", LL(r->start),
			       LL(r->end - 1), r->type == NB_MEM_RAM ? "usable" : "reserved");
	}
	return compare(x, "firmware map", &kernel, &ours);
}

/* "ACPI: SRAT: Node 0 PXM 0 [mem 0x00000000-0x0009ffff] hotplug"; the PXM is not kept. */
static unsigned compare_srat(const struct machine *x)
{
	struct nb_text said = {0}, kernel = {0}, ours = {0};
	const char *line;
	size_t pos = 0, len;

	/* numa=off: the kernel does not look at the table. */
	if (strstr(x->dmesg, "NUMA turned off"))
		return 0;
	log_lines(x->dmesg, "ACPI: SRAT: Node ", &said);
	while (nb_next_line(nb_text_str(&said), said.len, &pos, &line, &len)) {
		unsigned long long start, end;
		unsigned node, pxm;

		assert_int_equal(sscanf(line, "ACPI: SRAT: Node %u PXM %u [mem %llx-%llx]", &node,
					&pxm, &start, &end),
				 4);
		nb_text_printf(&kernel, "%u %#llx-%#llx%s\n", node, start, end,
			       len > 8 && !memcmp(line + len - 7, "hotplug", 7) ? " hotplug" : "");
	}
	nb_text_release(&said);
	for (unsigned i = 0; i < x->m->nr_affinity; i++) {
		const struct nb_mem_range *r = &x->m->affinity[i];

		nb_text_printf(&ours, "%d %#llx-%#llx%s\n", r->nid, LL(r->start), LL(r->end - 1),
			       r->flags & NB_RANGE_HOTPLUG ? " hotplug" : "");
	}
	return compare(x, "SRAT", &kernel, &ours);
}

static unsigned compare_ranges(const struct machine *x)
{
	struct nb_text kernel = {0}, ours = {0};
	unsigned n;
	const struct nb_mem_range *r = nb_system_memblock(x->sys, &n);

	log_lines(x->dmesg, "  node  ", &kernel);
	for (unsigned i = 0; i < n; i++) {
		if (!(r[i].flags & NB_RANGE_HOTADDED))
			nb_text_printf(&ours, "  node %3d: [mem 0x%016llx-0x%016llx]\n", r[i].nid,
				       LL(r[i].start), LL(r[i].end - 1));
	}
	return compare(x, "early memory node ranges", &kernel, &ours);
}

static unsigned compare_zones(const struct machine *x)
{
	struct nb_text kernel = {0}, ours = {0};
	struct nb_system_info info;

	if (x->m->arch == NB_ARCH_I386 || x->m->arch == NB_ARCH_I386PAE)
		return 0;
	nb_system_info(x->sys, &info);
	for (int z = 0; z < NB_ZONE_MOVABLE; z++) {
		uint64_t low = info.zone_low_pfn[z] << info.page_shift;
		uint64_t high = info.zone_high_pfn[z] << info.page_shift;
		char word[16];

		if (!(info.zones >> z & 1))
			continue;
		snprintf(word, sizeof(word), "  %-8s ", nb_zone_name((enum nb_zone_type)z));
		log_lines(x->dmesg, word, &kernel);
		if (low == high)
			nb_text_printf(&ours, "%sempty\n", word);
		else
			nb_text_printf(&ours, "%s[mem 0x%016llx-0x%016llx]\n", word, LL(low),
				       LL(high - 1));
	}
	return compare(x, "zone ranges", &kernel, &ours);
}

/* cpulist and distance of each node directory; kernels without NUMA have none. */
static unsigned compare_nodes(const struct machine *x)
{
	unsigned bad = 0, n = nb_system_nr_nodes(x->sys);

	for (unsigned i = 0; i < n; i++) {
		struct nb_text kernel = {0}, ours = {0}, name = {0};
		struct nb_node_info node;
		char list[4096], *s;

		nb_node_info(x->sys, nb_system_node_id(x->sys, i), &node);
		nb_bits_format_list(node.cpus.bits, NB_MAX_CPUS, list, sizeof(list));
		nb_text_printf(&ours, "%s\n", list);
		for (unsigned j = 0; j < n; j++)
			nb_text_printf(
				&ours, "%s%u", j ? " " : "",
				nb_system_distance(x->sys, node.nid, nb_system_node_id(x->sys, j)));
		nb_text_puts(&ours, "\n");
		for (int k = 0; k < 2; k++) {
			nb_text_clear(&name);
			nb_text_printf(&name, "sys/devices/system/node/node%d/%s", node.nid,
				       k ? "distance" : "cpulist");
			s = snap_read(x->path, nb_text_str(&name));
			if (s)
				nb_text_puts(&kernel, s);
			free(s);
		}
		nb_text_release(&name);
		if (!kernel.len)
			nb_text_clear(&ours);
		bad += compare(x, "CPUs and distances of a node", &kernel, &ours);
	}
	return bad;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Directories of one kind of recording, sorted; NULL without the oracle. */
static char **list(const char *kind, unsigned *ret_n)
{
	const char *oracle = getenv("NUMABOX_ORACLE");
	struct nb_text path = {0};
	char **names = nb_xcalloc(4096, sizeof(*names));
	struct dirent *e;
	DIR *d;

	*ret_n = 0;
	nb_text_printf(&path, "%s/%s", oracle ? oracle : "", kind);
	d = oracle ? opendir(nb_text_str(&path)) : NULL;
	while (d && *ret_n < 4096 && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		nb_text_clear(&path);
		nb_text_printf(&path, "%s/%s/%s", oracle, kind, e->d_name);
		names[(*ret_n)++] = nb_xstrdup(nb_text_str(&path));
	}
	if (d)
		closedir(d);
	nb_text_release(&path);
	qsort(names, *ret_n, sizeof(*names), by_name);
	return names;
}

static void test_kind(const char *kind)
{
	unsigned n, bad = 0, compared = 0;
	char **paths = list(kind, &n);

	for (unsigned i = 0; i < n; i++) {
		struct machine x = {.path = paths[i]};

		if (load(&x)) {
			compared++;
			bad += compare_firmware(&x) + compare_srat(&x) + compare_ranges(&x) +
			       compare_zones(&x) + compare_nodes(&x);
		}
		unload(&x);
		free(paths[i]);
	}
	free(paths);
	if (!n)
		skip();
	print_message("# %s: %u machines compared, %u left out\n", kind, compared, n - compared);
	assert_true(compared > 0);
	assert_int_equal(bad, 0);
}

static void test_snapshots(void **state)
{
	(void)state;
	test_kind("snapshots");
}

static void test_traces(void **state)
{
	(void)state;
	test_kind("traces");
}

static void test_policy(void **state)
{
	(void)state;
	test_kind("policy");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_snapshots),
		cmocka_unit_test(test_traces),
		cmocka_unit_test(test_policy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
