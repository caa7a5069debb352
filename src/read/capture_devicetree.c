/* capture_devicetree.c -- memory nodes of a device tree: how arm64 without ACPI learns its RAM.
 *
 * Called at opening. Sources: sys/firmware/devicetree/base/memory@ADDRESS/{reg,numa-node-id}
 * (big-endian cells), or a recorder's derived/devicetree_memory.txt: "PATH HEX-OF-REG node
 * HEX-OF-NODE" a line. A memory node that names no NUMA node belongs to node 0.
 * Source: drivers/of/fdt.c, early_init_dt_scan_memory(); drivers/of/of_numa.c.
 */
#include "read/capture_priv.h"
#include "base/fmt.h"
#include <string.h>

#define BASE "sys/firmware/devicetree/base"
enum { MAX_CELLS = 2, MAX_REG = 4096 };

static uint64_t cells(const unsigned char *p, unsigned n)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < n * 4; i++)
		v = v << 8 | p[i];
	return v;
}

static void add_reg(struct nb_capture *c, const unsigned char *reg, size_t len,
		    unsigned address_cells, unsigned size_cells, int nid)
{
	size_t step = (address_cells + size_cells) * 4u;

	for (size_t i = 0; step && i + step <= len; i += step) {
		uint64_t start = cells(reg + i, address_cells);
		uint64_t size = cells(reg + i + address_cells * 4u, size_cells);

		if (size <= UINT64_C(1) << 52 && start <= UINT64_C(1) << 52)
			nb_ranges_add(&c->devicetree, start, start + size, NB_MEM_RAM, nid, 0, 0);
	}
}

/* A property of one cell, or `missing`. */
static uint64_t one_cell(struct nb_capture *c, const char *path, uint64_t missing)
{
	const char *text;
	size_t len;

	if (nb_tree_read(c->tree, path, &text, &len) || len != 4)
		return missing;
	return cells((const unsigned char *)text, 1);
}

static void read_live(struct nb_capture *c)
{
	uint64_t address_cells = one_cell(c, BASE "/#address-cells", 2);
	uint64_t size_cells = one_cell(c, BASE "/#size-cells", 2);
	const char *const *names;

	if (address_cells > MAX_CELLS || size_cells > MAX_CELLS)
		return;
	for (names = nb_tree_list(c->tree, BASE, NULL); *names; names++) {
		const char *reg;
		char path[256];
		uint64_t nid;
		size_t len;

		if (strncmp(*names, "memory", 6) || ((*names)[6] && (*names)[6] != '@') ||
		    nb_tree_readf(c->tree, &reg, &len, BASE "/%s/reg", *names))
			continue;
		nb_snprintf(path, sizeof(path), BASE "/%s/numa-node-id", *names);
		nid = one_cell(c, path, 0);
		if (nid < NB_MAX_NODES)
			add_reg(c, (const unsigned char *)reg, len, (unsigned)address_cells,
				(unsigned)size_cells, (int)nid);
	}
}

/* Hex digits to bytes; returns their number. */
static size_t unhex(const char *s, size_t len, unsigned char *out, size_t max)
{
	static const char digits[] = "0123456789abcdef";
	size_t n = 0;

	for (size_t i = 0; i + 1 < len && n < max; i += 2) {
		const char *a = s[i] ? strchr(digits, s[i]) : NULL;
		const char *b = s[i + 1] ? strchr(digits, s[i + 1]) : NULL;

		if (!a || !b)
			break;
		out[n++] = (unsigned char)((a - digits) << 4 | (b - digits));
	}
	return n;
}

static void read_recorded(struct nb_capture *c)
{
	const char *text, *line;
	size_t len, pos = 0, n;

	if (nb_tree_read(c->tree, "derived/devicetree_memory.txt", &text, &len))
		return;
	while (nb_next_line(text, len, &pos, &line, &n)) {
		unsigned char reg[MAX_REG], node[4] = {0};
		const char *end = line + n, *p = memchr(line, ' ', n), *q;
		size_t reg_len;

		if (!p)
			continue;
		p++;
		q = memchr(p, ' ', (size_t)(end - p));
		reg_len = unhex(p, (size_t)((q ? q : end) - p), reg, sizeof(reg));
		if (q && end - q > 6 && !memcmp(q, " node ", 6))
			unhex(q + 6, (size_t)(end - q - 6), node, sizeof(node));
		/* cells are not recorded: 64 bits each as arm64 has them, 32 where they do not fit
		 */
		if (cells(node, 1) < NB_MAX_NODES)
			add_reg(c, reg, reg_len, reg_len % 16 ? 1 : 2, reg_len % 16 ? 1 : 2,
				(int)cells(node, 1));
	}
}

void nb_capture_find_devicetree(struct nb_capture *c)
{
	read_recorded(c);
	if (!c->devicetree.n)
		read_live(c);
}
