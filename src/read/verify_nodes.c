/* verify_nodes.c -- what sysfs and numactl say of nodes, and MemAvailable.
 *
 * Called by verify.c. Node masks and per-node files are files of their own; a missing one is listed
 * as absent once for all nodes.
 */
#include "read/verify_priv.h"

#include "base/mask.h"

#include <stdio.h>
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
	while (n && (s[n - 1] == '\n' || s[n - 1] == ' '))
		n--;
	nb_text_add(out, s, n);
	return true;
}

static void mask_text(const struct nb_nodemask *m, char *buf, size_t n)
{
	nb_bits_format_list(m->bits, NB_MAX_NODES, buf, n);
}

/* The mask files of NODE_DIR and which nodes stand in each. Source: facts 12.7. */
static void verify_masks(struct nb_verify *v)
{
	static const char *const names[] = {"online", "has_memory", "has_normal_memory", "has_cpu"};
	struct nb_nodemask mask[4] = {0};
	struct nb_text kernel = {0};
	char path[128], predicted[8192];
	unsigned i;

	for (i = 0; i < nb_system_nr_nodes(v->sys); i++) {
		struct nb_node_info n;

		if (nb_node_info(v->sys, nb_system_node_id(v->sys, i), &n))
			continue;
		if (n.online)
			nb_nodemask_set(&mask[0], n.nid);
		if (n.has_memory)
			nb_nodemask_set(&mask[1], n.nid);
		if (n.has_normal_memory)
			nb_nodemask_set(&mask[2], n.nid);
		if (n.has_cpu)
			nb_nodemask_set(&mask[3], n.nid);
	}
	for (i = 0; i < 4; i++) {
		snprintf(path, sizeof(path), NODE_DIR "/%s", names[i]);
		if (!read_line(v, path, &kernel)) {
			nb_verify_absent(v, path);
			continue;
		}
		mask_text(&mask[i], predicted, sizeof(predicted));
		nb_verify_text(v, NB_VS_NODES, nb_text_str(&kernel), predicted,
			       "node states at boot; facts 3.4, 12.7", "%s", path);
	}
	nb_text_release(&kernel);
}

static void verify_node_files(struct nb_verify *v, const struct nb_node_info *n)
{
	const struct nb_observed_node *o = nb_observed_node(v->obs, n->nid);
	struct nb_text kernel = {0}, predicted = {0};
	struct nb_distance d;
	char buf[65536];

	if (!o)
		return;
	if (o->has_distance && !nb_distance_from_system(v->sys, n->nid, &d)) {
		nb_distance_print(&o->distance, &kernel);
		nb_distance_print(&d, &predicted);
		nb_verify_text(v, NB_VS_NODES, nb_text_str(&kernel), nb_text_str(&predicted),
			       "node_distance; facts 3.1", NODE_DIR "/node%d/distance", n->nid);
	}
	if (o->has_cpus) {
		nb_text_clear(&kernel);
		nb_bits_format_list(o->cpus.bits, NB_MAX_CPUS, buf, sizeof(buf));
		nb_text_puts(&kernel, buf);
		nb_bits_format_list(n->cpus.bits, NB_MAX_CPUS, buf, sizeof(buf));
		nb_verify_text(v, NB_VS_NODES, nb_text_str(&kernel), buf,
			       "CPU affinity of the firmware; facts 3.4, 12.2",
			       NODE_DIR "/node%d/cpulist", n->nid);
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

/* MemAvailable out of the other lines of the same file and the predicted reserves. */
static void verify_available(struct nb_verify *v)
{
	const struct nb_items *m = &v->obs->meminfo.items;
	uint64_t kernel, free_kib, active, inactive, reclaimable, low, kib;
	struct nb_system_info si;
	int64_t available;

	if (!v->obs->has_meminfo || !nb_items_get(m, "MemAvailable", &kernel)) {
		nb_verify_absent(v, "proc/meminfo MemAvailable");
		return;
	}
	if (!nb_items_get(m, "MemFree", &free_kib) || !nb_items_get(m, "Active(file)", &active) ||
	    !nb_items_get(m, "Inactive(file)", &inactive) ||
	    !(nb_items_get(m, "KReclaimable", &reclaimable) ||
	      nb_items_get(m, "SReclaimable", &reclaimable)) ||
	    !v->obs->has_zoneinfo) {
		nb_verify_skip(v, NB_VS_AVAILABLE, 1, "a line that its formula needs is absent",
			       "proc/meminfo MemAvailable");
		return;
	}
	nb_system_info(v->sys, &si);
	kib = UINT64_C(1) << (si.page_shift - 10);
	low = low_marks(&v->obs->zoneinfo);
	available = (int64_t)(free_kib / kib) - (int64_t)si.totalreserve_pages +
		    usable((active + inactive) / kib, low) + usable(reclaimable / kib, low);
	if (available < 0)
		available = 0;
	nb_verify_u64(v, NB_VS_AVAILABLE, kernel, (uint64_t)available * kib,
		      "si_mem_available, totalreserve_pages; facts 2.5",
		      "proc/meminfo MemAvailable");
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
