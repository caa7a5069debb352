/* verify_nodes.c -- what sysfs and numactl say of nodes, and MemAvailable.
 *
 * Called by verify.c. Node masks and per-node files are files of their own; a missing one is listed
 * as absent once for all nodes.
 */
#include "read/verify_priv.h"

#include "base/mask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NODE_DIR "sys/devices/system/node"

/* A file's text without the final newline. */
static bool read_line(struct nb_verify *v, const char *path, struct nb_text *out)
{
	const char *s;
	size_t n;

	nb_text_clear(out);
	if (nb_tree_read(v->tree, path, &s, &n))
		return false;
	while (n && (s[n - 1] == '\n' || s[n - 1] == ' ' || !s[n - 1]))
		n--;
	nb_text_add(out, s, n);
	return true;
}

static void mask_text(const struct nb_nodemask *m, char *buf, size_t n)
{
	nb_bits_format_list(m->bits, NB_MAX_NODES, buf, n);
}

enum mask_file { ONLINE, MEMORY, NORMAL_MEMORY, CPU, POSSIBLE, INITIATOR, NR_MASKS };

static void fill_masks(const struct nb_verify *v, struct nb_nodemask mask[NR_MASKS])
{
	unsigned i;

	for (i = 0; i < nb_system_nr_nodes(v->sys); i++) {
		struct nb_node_info n;

		if (nb_node_info(v->sys, nb_system_node_id(v->sys, i), &n))
			continue;
		nb_nodemask_set(&mask[POSSIBLE], n.nid);
		if (n.online)
			nb_nodemask_set(&mask[ONLINE], n.nid);
		if (n.has_memory)
			nb_nodemask_set(&mask[MEMORY], n.nid);
		if (n.has_normal_memory)
			nb_nodemask_set(&mask[NORMAL_MEMORY], n.nid);
		if (n.has_cpu)
			nb_nodemask_set(&mask[CPU], n.nid);
	}
	for (i = 0; i < v->machine->nr_nodes; i++) {
		if (v->machine->nodes[i].generic_initiator)
			nb_nodemask_set(&mask[INITIATOR], v->machine->nodes[i].id);
	}
}

/* "6.12.113" is at least `major`.`minor`? Of a release without numbers nothing is known. */
static bool release_at_least(const char *release, uint64_t major, uint64_t minor)
{
	char *end;
	uint64_t a = strtoull(release, &end, 10), b = 0;

	if (end == release)
		return false;
	if (*end == '.')
		b = strtoull(end + 1, NULL, 10);
	return a > major || (a == major && b >= minor);
}

/* Why a mask cannot be told, or NULL. */
static const char *mask_unknown(const struct nb_verify *v, enum mask_file i)
{
	const struct nb_machine *m = v->machine;

	if (i == CPU && !release_at_least(m->release, 4, 10))
		return "before 4.10 the kernel forgot the CPUs of boot here; of which kernel this "
		       "is, "
		       "or that it is a later one, nothing tells";
	if (i == NORMAL_MEMORY && !m->nr_firmware && !v->obs->has_zoneinfo)
		return "no file tells which zones the nodes have";
	if (i == POSSIBLE && (!m->nr_firmware || m->arch == NB_ARCH_OTHER))
		return "which nodes the firmware has is not told";
	return NULL;
}

/* The mask files of NODE_DIR and which nodes stand in each. Source: facts 12.7. */
static void verify_masks(struct nb_verify *v)
{
	static const char *const names[NR_MASKS] = {
		"online",  "has_memory", "has_normal_memory",
		"has_cpu", "possible",   "has_generic_initiator",
	};
	struct nb_nodemask mask[NR_MASKS] = {0};
	struct nb_text kernel = {0};
	char path[128], predicted[8192];
	unsigned i;

	fill_masks(v, mask);
	for (i = 0; i < NR_MASKS; i++) {
		snprintf(path, sizeof(path), NODE_DIR "/%s", names[i]);
		if (!read_line(v, path, &kernel)) {
			if (i != INITIATOR) /* the youngest of them: 5.15 */
				nb_verify_absent(v, path);
			continue;
		}
		if (mask_unknown(v, (enum mask_file)i)) {
			nb_verify_skip(v, NB_VS_NODES, 1, mask_unknown(v, (enum mask_file)i), "%s",
				       path);
			continue;
		}
		mask_text(&mask[i], predicted, sizeof(predicted));
		nb_verify_text(v, NB_VS_NODES, nb_text_str(&kernel), predicted,
			       "node states at boot; facts 3.4, 12.7", "%s", path);
	}
	nb_text_release(&kernel);
}

/* A map such as "00000000,0000000f": the lowest CPUs stand last. */
static bool parse_map(const char *s, size_t n, struct nb_cpumask *ret)
{
	unsigned bit = 0;

	memset(ret, 0, sizeof(*ret));
	while (n--) {
		unsigned k, x;

		if (s[n] == ',')
			continue;
		if (s[n] >= '0' && s[n] <= '9')
			x = (unsigned)(s[n] - '0');
		else if (s[n] >= 'a' && s[n] <= 'f')
			x = (unsigned)(s[n] - 'a' + 10);
		else
			return false;
		for (k = 0; k < 4; k++, bit++) {
			if (x >> k & 1 && bit >= NB_MAX_CPUS)
				return false;
			if (x >> k & 1)
				nb_cpumask_set(ret, bit);
		}
	}
	return true;
}

static bool read_map(struct nb_verify *v, int nid, struct nb_cpumask *ret)
{
	struct nb_text text = {0};
	char path[64];
	bool ok;

	snprintf(path, sizeof(path), NODE_DIR "/node%d/cpumap", nid);
	ok = read_line(v, path, &text) && text.len && parse_map(nb_text_str(&text), text.len, ret);
	nb_text_release(&text);
	return ok;
}

/* Only numa=fake puts a CPU into several nodes. */
static bool maps_overlap(struct nb_verify *v, int nid, const struct nb_cpumask *map)
{
	struct nb_cpumask other;
	unsigned i, cpu;

	if (nb_machine_option(v->machine, "numa=fake", NULL) ||
	    nb_machine_option(v->machine, "numa=", NULL))
		return false;
	for (i = 0; i < nb_system_nr_nodes(v->sys); i++) {
		int to = nb_system_node_id(v->sys, i);

		if (to == nid || !read_map(v, to, &other))
			continue;
		nb_for_each_cpu_in (cpu, &other) {
			if (nb_cpumask_test(map, cpu))
				return true;
		}
	}
	return false;
}

/* cpulist and cpumap of a node: the CPUs of the firmware. Two files of one mask that contradict
 * each other were read at different instants, or by different people. */
static void verify_cpus(struct nb_verify *v, const struct nb_observed_node *o,
			const struct nb_node_info *n)
{
	static const char rule[] = "CPU affinity of the firmware; facts 3.4, 12.2";
	struct nb_cpumask map;
	char path[64], kernel[65536], predicted[65536];
	bool has_map;

	snprintf(path, sizeof(path), NODE_DIR "/node%d/cpumap", n->nid);
	has_map = read_map(v, n->nid, &map);
	nb_bits_format_list(n->cpus.bits, NB_MAX_CPUS, predicted, sizeof(predicted));
	if (has_map && o && o->has_cpus && memcmp(&map, &o->cpus, sizeof(map)) != 0) {
		nb_verify_skip(v, NB_VS_NODES, 2, "cpulist and cpumap contradict each other",
			       NODE_DIR "/node%d/cpulist", n->nid);
		return;
	}
	if (has_map && maps_overlap(v, n->nid, &map)) {
		nb_verify_skip(v, NB_VS_NODES, 1, "a CPU stands in the maps of two nodes", "%s",
			       path);
		return;
	}
	if (has_map) {
		nb_bits_format_list(map.bits, NB_MAX_CPUS, kernel, sizeof(kernel));
		nb_verify_text(v, NB_VS_NODES, kernel, predicted, rule, "%s", path);
	}
	if (o && o->has_cpus) {
		nb_bits_format_list(o->cpus.bits, NB_MAX_CPUS, kernel, sizeof(kernel));
		nb_verify_text(v, NB_VS_NODES, kernel, predicted, rule, NODE_DIR "/node%d/cpulist",
			       n->nid);
	}
}

static void verify_node_files(struct nb_verify *v, const struct nb_node_info *n)
{
	const struct nb_observed_node *o = nb_observed_node(v->obs, n->nid);
	struct nb_text kernel = {0}, predicted = {0};
	struct nb_distance d;

	verify_cpus(v, o, n);
	if (!o)
		return;
	if (o->has_distance && nb_verify_distances_unknown(v))
		nb_verify_skip(v, NB_VS_NODES, 1, "no file tells the distances of every node",
			       NODE_DIR "/node%d/distance", n->nid);
	else if (o->has_distance && !nb_distance_from_system(v->sys, n->nid, &d)) {
		nb_distance_print(&o->distance, &kernel);
		nb_distance_print(&d, &predicted);
		nb_verify_text(v, NB_VS_NODES, nb_text_str(&kernel), nb_text_str(&predicted),
			       "node_distance; facts 3.1", NODE_DIR "/node%d/distance", n->nid);
	}
	nb_text_release(&kernel);
	nb_text_release(&predicted);
}

/* numactl's text, but for what is free at the moment. */
static void verify_hardware(struct nb_verify *v)
{
	struct nb_text kernel = {0}, predicted = {0};
	struct nb_hardware h = {0};
	size_t i;

	if (!v->obs->has_hardware) {
		nb_verify_absent(v, "numactl--hardware");
		return;
	}
	if (v->managed_unknown) {
		nb_verify_skip(v, NB_VS_HARDWARE, 1,
			       "no file tells the managed pages of every zone",
			       "numactl --hardware");
		return;
	}
	if (nb_verify_distances_unknown(v)) {
		nb_verify_skip(v, NB_VS_HARDWARE, 1, "no file tells the distances of every node",
			       "numactl --hardware");
		return;
	}
	nb_hardware_from_system(v->sys, &h);
	for (i = 0; i < h.nr_nodes && i < v->obs->hardware.nr_nodes; i++) {
		h.nodes[i].has_free = v->obs->hardware.nodes[i].has_free;
		h.nodes[i].free_mib = v->obs->hardware.nodes[i].free_mib;
	}
	nb_verify_skip(v, NB_VS_HARDWARE, i, "free memory of the moment", "node 0 free");
	nb_hardware_print(&v->obs->hardware, &kernel);
	nb_hardware_print(&h, &predicted);
	nb_verify_text(v, NB_VS_HARDWARE, nb_text_str(&kernel), nb_text_str(&predicted),
		       "nodes, CPUs, managed pages, distances; facts 12.8", "numactl --hardware");
	nb_hardware_release(&h);
	nb_text_release(&kernel);
	nb_text_release(&predicted);
}

static uint64_t low_marks(const struct nb_zoneinfo *z)
{
	uint64_t sum = 0, low;
	size_t i;

	for (i = 0; i < z->nr_zones; i++) {
		if (nb_zoneinfo_get(&z->zones[i], NB_ZI_LOW, &low))
			sum += low;
	}
	return sum;
}

/* What of `pages` can be had without going under the low marks. Source: facts 2.5. */
static int64_t usable(uint64_t pages, uint64_t low)
{
	uint64_t half = pages / 2;

	return (int64_t)(pages - (half < low ? half : low));
}

/* Reserves as the file prints them, for marks that cannot be predicted. Source: facts 2.5. */
static uint64_t printed_reserves(const struct nb_zoneinfo *z)
{
	uint64_t sum = 0, max, high, managed;
	size_t i;
	unsigned k;

	for (i = 0; i < z->nr_zones; i++) {
		if (!nb_zoneinfo_get(&z->zones[i], NB_ZI_HIGH, &high) ||
		    !nb_zoneinfo_get(&z->zones[i], NB_ZI_MANAGED, &managed))
			continue;
		for (k = 0, max = 0; k < z->zones[i].nr_protection; k++) {
			if (z->zones[i].protection[k] > max)
				max = z->zones[i].protection[k];
		}
		max += high;
		sum += max < managed ? max : managed;
	}
	return sum;
}

static uint64_t apart(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

/* KiB by which the counters of the formula moved between vmstat and meminfo, each by itself. */
static uint64_t motion_kib(const struct nb_verify *v, const uint64_t term_kib[4], uint64_t kib)
{
	static const char *const names[4] = {"nr_free_pages", "nr_active_file", "nr_inactive_file",
					     "nr_slab_reclaimable"};
	uint64_t sum = 0, pages, misc;
	unsigned i;

	for (i = 0; i < 4 && v->obs->has_vmstat; i++) {
		if (!nb_items_get(&v->obs->vmstat.items, names[i], &pages))
			continue;
		misc = i < 3 ? 0
			     : nb_items_value(&v->obs->vmstat.items, "nr_kernel_misc_reclaimable",
					      0);
		sum += apart((pages + misc) * kib, term_kib[i]);
	}
	return sum;
}

static void compare_available(struct nb_verify *v, uint64_t kernel, const uint64_t term[4])
{
	struct nb_system_info si;
	uint64_t low, kib, reserve, predicted;
	int64_t available;

	nb_system_info(v->sys, &si);
	kib = UINT64_C(1) << (si.page_shift - 10);
	low = low_marks(&v->obs->zoneinfo);
	reserve = v->init_unknown || v->reserves_unknown ? printed_reserves(&v->obs->zoneinfo)
							 : si.totalreserve_pages;
	available = (int64_t)(term[0] / kib) - (int64_t)reserve +
		    usable((term[1] + term[2]) / kib, low) + usable(term[3] / kib, low);
	predicted = available < 0 ? 0 : (uint64_t)available * kib;
	if (kernel != predicted && apart(kernel, predicted) <= motion_kib(v, term, kib))
		nb_verify_skip(
			v, NB_VS_AVAILABLE, 1,
			"its terms moved while the file was written: vmstat shows them move by "
			"as much",
			"proc/meminfo MemAvailable");
	else
		nb_verify_u64(v, NB_VS_AVAILABLE, kernel, predicted,
			      "si_mem_available, totalreserve_pages; facts 2.5",
			      "proc/meminfo MemAvailable");
}

/* MemAvailable out of the other lines of the same file and the predicted reserves. */
static void verify_available(struct nb_verify *v)
{
	const struct nb_items *m = &v->obs->meminfo.items;
	uint64_t kernel, term[4];

	if (!v->obs->has_meminfo || !nb_items_get(m, "MemAvailable", &kernel)) {
		nb_verify_absent(v, "proc/meminfo MemAvailable");
		return;
	}
	if (!nb_items_get(m, "MemFree", &term[0]) || !nb_items_get(m, "Active(file)", &term[1]) ||
	    !nb_items_get(m, "Inactive(file)", &term[2]) ||
	    !(nb_items_get(m, "KReclaimable", &term[3]) ||
	      nb_items_get(m, "SReclaimable", &term[3])) ||
	    !v->obs->has_zoneinfo || v->managed_unknown)
		nb_verify_skip(v, NB_VS_AVAILABLE, 1, "a line that its formula needs is absent",
			       "proc/meminfo MemAvailable");
	else
		compare_available(v, kernel, term);
}

void nb_verify_nodes(struct nb_verify *v)
{
	unsigned i;

	verify_masks(v);
	for (i = 0; i < nb_system_nr_nodes(v->sys); i++) {
		struct nb_node_info n;

		if (!nb_node_info(v->sys, nb_system_node_id(v->sys, i), &n))
			verify_node_files(v, &n);
	}
	verify_hardware(v);
	verify_available(v);
}
