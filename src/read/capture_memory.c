/* capture_memory.c -- where the machine's memory lies, and on which node.
 *
 * Called by capture_machine.c. Takes the best of the sources that capture.h lists, and says which.
 * With a firmware map and affinity (or one node only) the kernel's own boot rules decide later; all
 * other sources are ranges as the kernel has made them.
 */
#include "read/capture_priv.h"
#include "base/mask.h"
#include "read/ram_layout.h"
#include <stdlib.h>
#include <string.h>

#define NODES "sys/devices/system/node"
#define UNKNOWN_NODE_BYTES (UINT64_C(1) << 30)

static int add_all(struct nb_build *b, const struct nb_ranges *l,
		   int (*add)(struct nb_machine *, const struct nb_mem_range *))
{
	int bad = 0;

	for (size_t i = 0; i < l->n && !bad; i++)
		bad = add(b->m, &l->v[i]);
	return bad;
}

/* Adds RAM as memblock keeps it: whole pages only. Ranges of nodes that the machine lacks go to its
 * first node. */
static int add_pages(struct nb_build *b, const struct nb_ranges *l)
{
	uint64_t mask = (UINT64_C(1) << b->m->page_shift) - 1;
	int bad = 0;

	for (size_t i = 0; i < l->n && !bad; i++) {
		struct nb_mem_range r = l->v[i];

		r.start = (r.start + mask) & ~mask;
		r.end &= ~mask;
		if (nb_machine_node_index(b->m, r.nid) < 0)
			r.nid = b->m->nodes[0].id;
		if (r.start < r.end && r.type == NB_MEM_RAM)
			bad = nb_machine_add_range(b->m, &r);
	}
	return bad;
}

/* Firmware map and affinity. *ret_used: whether it was enough. */
static int from_firmware(struct nb_build *b, struct nb_ranges *boot, bool *ret_used)
{
	struct nb_capture *c = b->c;
	const char *from, *affinity = "none told, one node";
	struct nb_ranges srat = {0};
	unsigned n;
	int bad;

	*ret_used = false;
	nb_capture_firmware(b, boot, &from);
	if (!nb_ranges_covered(boot, 0, UINT64_MAX))
		return 0;
	if (c->acpi_srat) {
		const struct nb_mem_range *r = nb_acpi_memory(c->acpi, &n);

		affinity = "SRAT table";
		for (unsigned i = 0; i < n; i++)
			nb_ranges_add(&srat, r[i].start, r[i].end, NB_MEM_RAM, r[i].nid, r[i].flags,
				      0);
	} else if (c->dmesg.srat.n) {
		affinity = "SRAT lines of dmesg";
		for (size_t i = 0; i < c->dmesg.srat.n; i++)
			nb_ranges_add(&srat, c->dmesg.srat.v[i].start, c->dmesg.srat.v[i].end,
				      NB_MEM_RAM, c->dmesg.srat.v[i].nid, c->dmesg.srat.v[i].flags,
				      c->dmesg.srat.v[i].line);
	} else if (b->m->nr_nodes > 1) {
		return 0; /* several nodes, and nothing that says which memory is whose */
	}
	bad = add_all(b, boot, nb_machine_add_firmware);
	if (!bad)
		bad = add_all(b, &srat, nb_machine_add_affinity);
	nb_ranges_release(&srat);
	nb_capture_add_note(c, "memory: firmware map from %s; affinity: %s", from, affinity);
	*ret_used = true;
	return bad;
}

/* Splits RAM by the nodes of the memory blocks it lies in. False if some of it is in none. */
static bool split_by_blocks(struct nb_build *b, const struct nb_ranges *ram, struct nb_ranges *out)
{
	uint64_t above = 0; /* both sources ascend; what does not is no such map */

	for (size_t i = 0; i < ram->n; i++) {
		uint64_t at = ram->v[i].start, end = ram->v[i].end, block_end;

		if (ram->v[i].type != NB_MEM_RAM || at < above)
			continue;
		above = end;
		for (; at < end; at = block_end) {
			struct nb_mem_range *last = out->n ? &out->v[out->n - 1] : NULL;
			int nid = b->c->nr_blocks ? nb_capture_block_node(b->c, at, &block_end)
						  : NB_NO_NODE;

			if (!b->c->nr_blocks && b->m->nr_nodes == 1) {
				nid = b->m->nodes[0].id;
				block_end = end;
			}
			if (nid == NB_NO_NODE)
				return false;
			if (block_end > end)
				block_end = end;
			if (last && last->nid == nid && last->end == at)
				last->end = block_end;
			else
				nb_ranges_add(out, at, block_end, NB_MEM_RAM, nid, 0,
					      ram->v[i].line);
		}
	}
	return out->n > 0;
}

static void iomem_ram(const struct nb_capture *c, struct nb_ranges *out)
{
	for (size_t i = 0; c->has_iomem && i < c->iomem.nr_entries; i++) {
		const struct nb_iomem_entry *e = &c->iomem.entries[i];

		if (e->name && !strncmp(e->name, "System RAM", 10) && e->end > e->start &&
		    e->end < UINT64_C(1) << 52)
			nb_ranges_add(out, e->start, e->end + 1, NB_MEM_RAM, NB_NO_NODE, 0, 0);
	}
}

/* debugfs memblock/memory of 6.x: "   0: 0x0000000000001000..0x000000000009efff    0 NONE". */
static void memblock_ranges(struct nb_build *b, struct nb_ranges *out)
{
	const char *text, *line;
	size_t len, pos = 0, n;

	if (nb_tree_read(b->t, "sys/kernel/debug/memblock/memory", &text, &len))
		return;
	while (nb_next_line(text, len, &pos, &line, &n)) {
		char copy[128], *p;
		uint64_t start, end;
		long nid = b->m->nodes[0].id;

		if (n >= sizeof(copy))
			continue;
		memcpy(copy, line, n);
		copy[n] = '\0';
		p = strstr(copy, "0x");
		if (!p)
			continue;
		start = strtoull(p, &p, 16);
		if (strncmp(p, "..0x", 4))
			continue;
		end = strtoull(p + 2, &p, 16);
		while (*p == ' ')
			p++;
		if (*p >= '0' && *p <= '9')
			nid = strtol(p, &p, 10);
		else if (b->m->nr_nodes > 1)
			continue;
		if (nid >= 0 && nid < NB_MAX_NODES && end != UINT64_MAX)
			nb_ranges_add(out, start, end + 1, NB_MEM_RAM, (int)nid, 0, 0);
	}
}

/* Ranges as the kernel printed or shows them; *ret_from names the source. */
static void find_ranges(struct nb_build *b, const struct nb_ranges *firmware, struct nb_ranges *out,
			const char **ret_from)
{
	const struct nb_capture *c = b->c;
	struct nb_ranges ram = {0};

	*ret_from = "memory nodes of the device tree";
	for (size_t i = 0; i < c->devicetree.n; i++)
		nb_ranges_add(out, c->devicetree.v[i].start, c->devicetree.v[i].end, NB_MEM_RAM,
			      c->devicetree.v[i].nid, 0, 0);
	if (!out->n && c->dmesg.early.n) {
		*ret_from = "node ranges of dmesg";
		for (size_t i = 0; i < c->dmesg.early.n; i++)
			nb_ranges_add(out, c->dmesg.early.v[i].start, c->dmesg.early.v[i].end,
				      NB_MEM_RAM, c->dmesg.early.v[i].nid, 0,
				      c->dmesg.early.v[i].line);
	}
	if (!out->n) {
		*ret_from = "sys/kernel/debug/memblock/memory";
		memblock_ranges(b, out);
	}
	if (!out->n && firmware->n) {
		*ret_from = "firmware map, nodes by memory blocks";
		if (!split_by_blocks(b, firmware, out))
			nb_ranges_release(out);
	}
	if (!out->n) {
		*ret_from = "System RAM of proc/iomem, nodes by memory blocks";
		iomem_ram(c, &ram);
		if (!split_by_blocks(b, &ram, out))
			nb_ranges_release(out);
		nb_ranges_release(&ram);
	}
	if (!out->n && c->has_zoneinfo)
		nb_capture_spans(b, out, ret_from);
}

/* MemTotal in KiB of a meminfo text of either form ("Node 0 MemTotal:  1234 kB"), or 0. */
static uint64_t mem_total_kib(struct nb_tree *t, const char *path)
{
	const char *text, *p;
	size_t len;

	if (nb_tree_read(t, path, &text, &len))
		return 0;
	p = strstr(text, "MemTotal:");
	if (!p)
		return 0;
	len = strtoull(p + 9, NULL, 10);
	return len < UINT64_C(1) << 42 ? len : 0;
}

uint64_t nb_capture_node_total(struct nb_build *b, unsigned i)
{
	char path[96];

	snprintf(path, sizeof(path), NODES "/node%d/meminfo", b->m->nodes[i].id);
	return mem_total_kib(b->t, path) << 10;
}

/* The last resort: each node's MemTotal, laid out from address 0, the PCI hole left out. MemTotal
 * counts managed pages; what the kernel kept for itself is not told, and left out. */
static int from_totals(struct nb_build *b)
{
	uint64_t bytes[NB_MAX_NODES] = {0}, sum = 0, page = UINT64_C(1) << b->m->page_shift;
	const char *how = "MemTotal of each node, laid out from address 0";
	struct nb_ram_layout layout;
	int bad = 0;

	for (unsigned i = 0; i < b->m->nr_nodes; i++) {
		bytes[i] = nb_capture_node_total(b, i);
		sum += bytes[i];
	}
	if (!sum) {
		bytes[0] = sum = mem_total_kib(b->t, "proc/meminfo") << 10;
		how = "MemTotal of proc/meminfo, laid out from address 0";
	}
	for (unsigned i = 0; i < b->m->nr_nodes; i++)
		b->m->nodes[i].managed_pages = bytes[i] / page;
	if (!sum && b->c->has_zoneinfo) {
		bad = nb_error_set(
			b->err, -NB_EINVAL, 0,
			"no zone has spanned, present or managed pages, and nothing else "
			"in the capture tells how much memory there is");
		nb_capture_error_file(b->c, b->err, "proc/zoneinfo");
		return bad;
	}
	if (!sum && !b->c->has_online && !nb_tree_has(b->t, "sys/devices/system/cpu") &&
	    !nb_tree_has(b->t, "proc/cpuinfo"))
		return nb_error_set(b->err, -NB_ENOENT, 0,
				    "tells neither memory nor nodes nor CPUs; proc/zoneinfo, "
				    "proc/meminfo, sys/devices/system/node or dmesg would");
	if (!sum) {
		for (unsigned i = 0; i < b->m->nr_nodes; i++)
			sum += bytes[i] = UNKNOWN_NODE_BYTES;
		how = "not in the capture, 1 GiB a node assumed";
	}
	nb_ram_layout_init(&layout, sum);
	if (b->m->arch != NB_ARCH_X86_64)
		layout.hole_start = NB_RAM_LAYOUT_4G;
	for (unsigned i = 0; i < b->m->nr_nodes && !bad; i++)
		if (bytes[i] / page)
			bad = nb_ram_layout_place(&layout, b->m, b->m->nodes[i].id,
						  bytes[i] / page * page, 0, 0, b->err);
	b->m->memory_source = NB_SOURCE_ESTIMATED;
	nb_capture_add_note(b->c, "memory: %s", how);
	return bad;
}

/* arm64: what the narrowest device reaches is told by the device tree's dma-ranges, which no
 * capture has; a zone DMA32 that begins below 4 GiB shows it. Source: facts 1.1, max_zone_phys(): a
 * power of two. */
static uint64_t dma_limit(const struct nb_build *b)
{
	const struct nb_zoneinfo *zi = &b->c->zoneinfo;
	uint64_t lowest = UINT64_MAX, limit = 1, pfn, spanned;

	for (size_t i = 0; b->c->has_zoneinfo && i < zi->nr_zones; i++)
		if (zi->zones[i].type == NB_ZONE_DMA32 &&
		    nb_zoneinfo_get(&zi->zones[i], NB_ZI_SPANNED, &spanned) && spanned &&
		    nb_zoneinfo_get(&zi->zones[i], NB_ZI_START_PFN, &pfn) && pfn < lowest)
			lowest = pfn;
	if (lowest >= UINT64_C(1) << (32 - b->m->page_shift) || !lowest)
		return 0;
	while (limit * 2 <= lowest)
		limit *= 2;
	return limit << b->m->page_shift;
}

/* The end of low memory as the log tells it, and of what a narrow device reaches. */
static void find_limits(struct nb_build *b)
{
	const struct nb_dmesg *d = &b->c->dmesg;

	b->m->lowmem_end = d->lowmem_end;
	if (d->lowmem_rounded)
		nb_capture_add_note(b->c, "end of low memory: told by dmesg to the MiB only");
	if (b->m->arch == NB_ARCH_ARM && d->lowmem_bytes && b->m->nr_ranges)
		b->m->lowmem_end = b->m->ranges[0].start + d->lowmem_bytes;
	if (b->m->arch != NB_ARCH_ARM64)
		return;
	b->m->dma_limit = dma_limit(b);
	if (b->m->dma_limit)
		nb_capture_add_note(b->c, "end of zone DMA: 0x%llx, as proc/zoneinfo shows",
				    (unsigned long long)b->m->dma_limit);
}

int nb_capture_memory(struct nb_build *b)
{
	struct nb_ranges boot = {0}, ranges = {0};
	const char *from;
	bool used;
	int bad = from_firmware(b, &boot, &used);

	b->m->memory_source = NB_SOURCE_GIVEN;
	nb_capture_find_blocks(b->c);
	if (!bad && !used) {
		find_ranges(b, &boot, &ranges, &from);
		if (ranges.n) {
			nb_capture_add_note(b->c, "memory: %s", from);
			bad = add_pages(b, &ranges);
		} else {
			bad = from_totals(b);
		}
		nb_ranges_release(&boot);
		boot = ranges;
		ranges = (struct nb_ranges){0};
	}
	find_limits(b);
	if (!bad && b->m->nr_ranges + b->m->nr_firmware && boot.n && !b->emulated)
		bad = nb_capture_hotadded(b, &boot);
	nb_ranges_release(&boot);
	nb_ranges_release(&ranges);
	return bad;
}
