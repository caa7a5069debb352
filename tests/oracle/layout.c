/* layout.c -- boot layout against real kernels: zones and nodes predicted from the hardware and the
 * command line must be those of the boot log and of zoneinfo, in every captured machine.
 *
 * Compared, all exactly: the lines "Zone ranges", "Movable zone start", "Early memory node ranges"
 * and "Initmem setup node"; the kernel's decisions ("Faking node ...", "NUMA: no nodes coverage
 * ..."); start_pfn, spanned, present and managed of every zone in proc/zoneinfo; CPU lists.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hosted/text.h"
#include "base/mask.h"
#include "read/capture.h"
#include "snapshot.h"

#include <numabox/port.h>
#include <numabox/system.h>

struct booted {
	struct nb_port port;
	struct nb_capture *capture;
	struct nb_machine *machine;
	struct nb_system *sys;
};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void boot(const char *path, struct booted *b)
{
	struct nb_error err = {0};
	int ret;

	nb_port_posix(&b->port, false);
	ret = nb_capture_open(path, &b->capture, &err);
	b->machine = ret ? NULL : nb_machine_new(&b->port);
	if (!ret)
		ret = nb_capture_to_machine(b->capture, b->machine, false, &err);
	if (!ret)
		ret = nb_machine_seal(b->machine, &err);
	if (!ret)
		ret = nb_system_boot(&b->port, b->machine, NULL, &b->sys, &err);
	if (ret)
		fail_msg("%s: %s:%u: %s", path, err.file, err.line, err.text);
}

static void shut_down(struct booted *b)
{
	nb_system_shutdown(b->sys);
	nb_machine_free(b->machine);
	nb_capture_free(b->capture);
}

#define LL(x) ((unsigned long long)(x))

static void print_zones(const struct nb_system *sys, struct nb_text *t)
{
	struct nb_system_info info;

	nb_system_info(sys, &info);
	nb_text_puts(t, "Zone ranges:\n");
	for (int z = 0; z < NB_MAX_NR_ZONES; z++) {
		uint64_t low = info.zone_low_pfn[z] << info.page_shift;
		uint64_t high = info.zone_high_pfn[z] << info.page_shift;

		if (z == NB_ZONE_MOVABLE || !(info.zones >> z & 1))
			continue;
		nb_text_printf(t, "  %-8s ", nb_zone_name((enum nb_zone_type)z));
		if (low == high)
			nb_text_puts(t, "empty\n");
		else
			nb_text_printf(t, "[mem %#018llx-%#018llx]\n", LL(low), LL(high - 1));
	}
	nb_text_puts(t, "Movable zone start for each node\n");
	for (unsigned i = 0; i < nb_system_nr_nodes(sys); i++) {
		struct nb_node_info node;

		nb_node_info(sys, nb_system_node_id(sys, i), &node);
		if (node.movable_start_pfn)
			nb_text_printf(t, "  Node %d: %#018llx\n", node.nid,
				       LL(node.movable_start_pfn << info.page_shift));
	}
}

static void print_nodes(const struct nb_system *sys, struct nb_text *t)
{
	unsigned n;
	const struct nb_mem_range *r = nb_system_memblock(sys, &n);

	nb_text_puts(t, "Early memory node ranges\n");
	for (unsigned i = 0; i < n; i++) {
		if (!(r[i].flags & NB_RANGE_HOTADDED))
			nb_text_printf(t, "  node %3d: [mem %#018llx-%#018llx]\n", r[i].nid,
				       LL(r[i].start), LL(r[i].end - 1));
	}
	for (unsigned i = 0; i < nb_system_nr_nodes(sys); i++) {
		uint64_t start = 0, end = 0;
		int nid = nb_system_node_id(sys, i);

		for (unsigned k = 0; k < n; k++) {
			if (r[k].nid != nid || r[k].flags & NB_RANGE_HOTADDED)
				continue;
			start = end ? start : r[k].start;
			end = r[k].end;
		}
		if (end)
			nb_text_printf(t, "Initmem setup node %d [mem %#018llx-%#018llx]\n", nid,
				       LL(start), LL(end - 1));
		else
			nb_text_printf(t, "Initmem setup node %d as memoryless\n", nid);
	}
}

/* A line without its time stamp "[    0.053163] ". */
static void strip_stamp(const char **line, size_t *len)
{
	const char *p = *len && **line == '[' ? memchr(*line, ']', *len) : NULL;

	if (!p || (size_t)(p + 2 - *line) > *len)
		return;
	*len -= (size_t)(p + 2 - *line);
	*line = p + 2;
}

static bool begins_with_any(const char *line, size_t len, const char *const *words)
{
	for (; *words; words++) {
		if (len >= strlen(*words) && memcmp(line, *words, strlen(*words)) == 0)
			return true;
	}
	return false;
}

static void dmesg_lines(const char *dmesg, const char *const *words, const char *from,
			struct nb_text *t)
{
	size_t pos = 0, len;
	const char *line;
	bool on = !from;

	while (nb_next_line(dmesg, strlen(dmesg), &pos, &line, &len)) {
		strip_stamp(&line, &len);
		if (from && len >= strlen(from) && memcmp(line, from, strlen(from)) == 0)
			on = true;
		if (on && begins_with_any(line, len, words)) {
			nb_text_add(t, line, len);
			nb_text_puts(t, "\n");
		}
	}
}

static const char *const layout_words[] = {"Zone ranges:",       "  DMA ",        "  DMA32 ",
					   "  Normal ",          "  HighMem ",    "  Device ",
					   "Movable zone start", "  Node ",       "  node ",
					   "Early memory node",  "Initmem setup", NULL};
static const char *const decision_words[] = {"NUMA: no nodes",
					     "NUMA: nodes only",
					     "NUMA: Node ",
					     "NUMA: node ",
					     "NUMA turned off",
					     "No NUMA config",
					     "Faking ",
					     "NUMA: Faking",
					     "Fake node size",
					     "numa_emulation:",
					     "The system has no",
					     "Not enough memory for",
					     "This configuration results",
					     NULL};

/* Compares two texts line by line; prints what differs. */
static unsigned compare_text(const char *name, const char *what, const char *kernel,
			     const char *ours)
{
	if (strcmp(kernel, ours) == 0)
		return 0;
	print_error("%s: %s\n--- kernel\n%s--- predicted\n%s", name, what, kernel, ours);
	return 1;
}

static unsigned compare_log(const char *path, const struct booted *b)
{
	struct nb_text kernel = {0}, ours = {0}, kernel_said = {0}, we_said = {0};
	char *dmesg = snap_read(path, "dmesg");
	const char *line;
	unsigned bad;

	assert_non_null(dmesg);
	dmesg_lines(dmesg, layout_words, "Zone ranges:", &kernel);
	print_zones(b->sys, &ours);
	print_nodes(b->sys, &ours);
	bad = compare_text(base_name(path), "layout", nb_text_str(&kernel), nb_text_str(&ours));

	/* A device tree's memory is taken as node ranges: nothing is left to be decided. */
	if (!b->machine->nr_firmware) {
		nb_text_release(&kernel);
		nb_text_release(&ours);
		free(dmesg);
		return bad;
	}
	dmesg_lines(dmesg, decision_words, NULL, &kernel_said);
	for (unsigned i = 0; (line = nb_system_message(b->sys, i)); i++) {
		if (begins_with_any(line, strlen(line), decision_words))
			nb_text_printf(&we_said, "%s\n", line);
	}
	bad += compare_text(base_name(path), "decisions", nb_text_str(&kernel_said),
			    nb_text_str(&we_said));
	nb_text_release(&kernel);
	nb_text_release(&ours);
	nb_text_release(&kernel_said);
	nb_text_release(&we_said);
	free(dmesg);
	return bad;
}

/* One number of a zone in zoneinfo. */
static unsigned compare_number(const char *path, const struct nb_zone_info *z, const char *what,
			       uint64_t kernel, uint64_t ours)
{
	if (kernel == ours)
		return 0;
	print_error("%s: node %d, zone %s, %s: kernel %llu, predicted %llu\n", base_name(path),
		    z->nid, nb_zone_name(z->type), what, LL(kernel), LL(ours));
	return 1;
}

static unsigned compare_zoneinfo(const char *path, const struct booted *b)
{
	char *text = snap_read(path, "proc/zoneinfo");
	struct nb_zone_info z = {.nid = -1};
	size_t pos = 0, len;
	const char *line;
	unsigned bad = 0, zones = 0;

	assert_non_null(text);
	while (nb_next_line(text, strlen(text), &pos, &line, &len)) {
		unsigned long long v;
		char name[16], *copy = nb_xstrndup(line, len);
		int nid;

		if (sscanf(copy, "Node %d, zone %15s", &nid, name) == 2) {
			int type = nb_zone_by_name(name, strlen(name));

			assert_true(type >= 0);
			zones++;
			if (nb_zone_info(b->sys, nid, (enum nb_zone_type)type, &z)) {
				print_error("%s: node %d, zone %s: not predicted\n",
					    base_name(path), nid, name);
				bad++;
				z.nid = -1;
			}
		} else if (z.nid < 0) {
		} else if (sscanf(copy, " spanned %llu", &v) == 1) {
			bad += compare_number(path, &z, "spanned", v, z.spanned_pages);
		} else if (sscanf(copy, " present %llu", &v) == 1) {
			bad += compare_number(path, &z, "present", v, z.present_pages);
		} else if (sscanf(copy, " managed %llu", &v) == 1) {
			bad += compare_number(path, &z, "managed", v, z.managed_pages);
		} else if (sscanf(copy, " start_pfn: %llu", &v) == 1) {
			bad += compare_number(path, &z, "start_pfn", v, z.start_pfn);
		}
		free(copy);
	}
	free(text);
	assert_true(zones > 0);
	return bad;
}

static unsigned compare_cpus(const char *path, const struct booted *b)
{
	unsigned bad = 0;

	for (unsigned i = 0; i < nb_system_nr_nodes(b->sys); i++) {
		struct nb_node_info node;
		struct nb_text name = {0};
		char list[4096], *kernel;

		nb_node_info(b->sys, nb_system_node_id(b->sys, i), &node);
		nb_text_printf(&name, "sys/devices/system/node/node%d/cpulist", node.nid);
		kernel = snap_read(path, nb_text_str(&name));
		nb_text_release(&name);
		if (!kernel)
			continue;
		nb_bits_format_list(node.cpus.bits, NB_MAX_CPUS, list, sizeof(list));
		kernel[strcspn(kernel, "\n")] = '\0';
		bad += compare_text(base_name(path), "cpulist", kernel, list);
		free(kernel);
	}
	return bad;
}

static void test_all_snapshots(void **state)
{
	unsigned n = 0, bad = 0;
	char **list = snap_list(&n);

	(void)state;
	if (!list || !n)
		skip();
	for (unsigned i = 0; i < n; i++) {
		struct nb_text path = {0};
		struct booted b = {0};

		nb_text_puts(&path, list[i]);
		boot(nb_text_str(&path), &b);
		bad += compare_log(nb_text_str(&path), &b);
		bad += compare_zoneinfo(nb_text_str(&path), &b);
		bad += compare_cpus(nb_text_str(&path), &b);
		shut_down(&b);
		nb_text_release(&path);
		free(list[i]);
	}
	free(list);
	print_message("# %u machines compared\n", n);
	assert_int_equal(bad, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_all_snapshots)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
