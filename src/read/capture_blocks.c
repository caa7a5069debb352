/* capture_blocks.c -- memory blocks of sysfs: the grain in which memory is switched on and off.
 *
 * Called by capture_memory.c. Blocks tell two things: the node of physical memory where no firmware
 * table is readable, and memory that was added after boot (a block on line that no boot-time RAM
 * touches). They stand in sys/devices/system/memory/memoryN, with the nodes' links to them, or in a
 * recorder's table derived/memory_blocks.tsv.
 * Source: drivers/base/memory.c.
 */
#include "read/capture_priv.h"
#include "base/fmt.h"
#include "base/mask.h"
#include <stdlib.h>
#include <string.h>

#define MEMORY "sys/devices/system/memory"
#define NODES "sys/devices/system/node"
enum { MAX_BLOCKS = 1 << 20 };

static void add_block(struct nb_capture *c, uint64_t number, int nid, bool movable)
{
	if (c->nr_blocks == MAX_BLOCKS || number >= (UINT64_C(1) << 52) / c->block_bytes)
		return;
	if (c->nr_blocks == c->cap_blocks) {
		c->cap_blocks = c->cap_blocks ? c->cap_blocks * 2 : 64;
		c->blocks = nb_xrealloc(c->blocks, c->cap_blocks, sizeof(*c->blocks));
	}
	c->blocks[c->nr_blocks++] = (struct nb_block){number * c->block_bytes, nid, movable};
}

/* sysfs prints the size in hex without 0x. Without it: a section, 128 MiB on x86-64 and arm64. */
static uint64_t block_size(struct nb_capture *c)
{
	const char *text;
	size_t len;
	uint64_t size = 0;

	if (!nb_tree_read(c->tree, MEMORY "/block_size_bytes", &text, &len))
		size = strtoull(text, NULL, 16);
	if (!size)
		size = c->dmesg.block_bytes;
	return size >= 1 << 20 && size <= UINT64_C(1) << 40 && !(size & (size - 1))
		       ? size
		       : UINT64_C(128) << 20;
}

/* Columns by their names in the heading: block, state, valid_zones, node. */
static void read_tsv(struct nb_capture *c)
{
	static const char *const wanted[] = {"block", "state", "valid_zones", "node"};
	int column[4] = {0, 1, 3, 6};
	const char *text, *line;
	size_t len, pos = 0, n;

	if (nb_tree_read(c->tree, "derived/memory_blocks.tsv", &text, &len))
		return;
	while (nb_next_line(text, len, &pos, &line, &n)) {
		const char *field[4] = {NULL}, *p = line, *end = line + n;
		size_t flen[4] = {0};
		bool heading = n && *line == '#';
		uint64_t block, nid;

		p += heading;
		for (int col = 0; p <= end; col++) {
			const char *tab = memchr(p, '\t', (size_t)(end - p));
			size_t fl = (size_t)((tab ? tab : end) - p);

			for (int k = 0; k < 4; k++) {
				if (heading && nb_str_is(p, fl, wanted[k]))
					column[k] = col;
				if (column[k] == col)
					field[k] = p, flen[k] = fl;
			}
			p += fl + 1;
		}
		if (heading || !field[0] || !field[1] || !field[3] ||
		    !nb_str_is(field[1], flen[1], "online") ||
		    nb_parse_u64(field[0], flen[0], &block) ||
		    nb_parse_u64(field[3], flen[3], &nid) || nid >= NB_MAX_NODES)
			continue;
		add_block(c, block, (int)nid, field[2] && nb_str_is(field[2], flen[2], "Movable"));
	}
}

static void read_sysfs(struct nb_capture *c)
{
	unsigned nid;

	nb_for_each_node_in (nid, &c->online) {
		const char *const *names;
		char dir[64];

		nb_snprintf(dir, sizeof(dir), NODES "/node%u", nid);
		for (names = nb_tree_list(c->tree, dir, NULL); *names; names++) {
			const char *state, *zones = "";
			uint64_t block;
			size_t len;

			if (strncmp(*names, "memory", 6) ||
			    nb_parse_u64(*names + 6, strlen(*names + 6), &block))
				continue;
			if (!nb_tree_readf(c->tree, &state, &len, MEMORY "/%s/state", *names) &&
			    strncmp(state, "online", 6))
				continue;
			(void)nb_tree_readf(c->tree, &zones, &len, MEMORY "/%s/valid_zones",
					    *names);
			add_block(c, block, (int)nid, !strncmp(zones, "Movable", 7));
		}
	}
}

static int by_start(const void *a, const void *b)
{
	const struct nb_block *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

void nb_capture_find_blocks(struct nb_capture *c)
{
	if (c->block_bytes)
		return;
	c->block_bytes = block_size(c);
	read_tsv(c);
	if (!c->nr_blocks)
		read_sysfs(c);
	if (c->nr_blocks)
		qsort(c->blocks, c->nr_blocks, sizeof(*c->blocks), by_start);
}

int nb_capture_block_node(const struct nb_capture *c, uint64_t addr, uint64_t *ret_end)
{
	size_t lo = 0, hi = c->nr_blocks;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (c->blocks[mid].start + c->block_bytes <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == c->nr_blocks) {
		*ret_end = UINT64_MAX;
		return NB_NO_NODE;
	}
	if (c->blocks[lo].start > addr) {
		*ret_end = c->blocks[lo].start;
		return NB_NO_NODE;
	}
	*ret_end = c->blocks[lo].start + c->block_bytes;
	return c->blocks[lo].nid;
}

static int by_range_start(const void *a, const void *b)
{
	const struct nb_mem_range *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

/* The boot-time RAM alone, ascending. */
static void sorted_ram(const struct nb_ranges *boot, struct nb_ranges *ram)
{
	for (size_t i = 0; i < boot->n; i++)
		if (boot->v[i].type == NB_MEM_RAM)
			nb_ranges_add(ram, boot->v[i].start, boot->v[i].end, NB_MEM_RAM, NB_NO_NODE,
				      0, 0);
	if (ram->n)
		qsort(ram->v, ram->n, sizeof(*ram->v), by_range_start);
}

int nb_capture_hotadded(struct nb_build *b, const struct nb_ranges *boot)
{
	struct nb_capture *c = b->c;
	struct nb_ranges added = {0}, ram = {0};
	uint64_t sum = 0, reach = 0; /* of all RAM that begins before the block's end */
	size_t next = 0;
	int bad = 0;

	sorted_ram(boot, &ram);

	for (size_t i = 0; i < c->nr_blocks; i++) {
		const struct nb_block *k = &c->blocks[i];
		struct nb_mem_range *last = added.n ? &added.v[added.n - 1] : NULL;
		unsigned flags = NB_RANGE_HOTADDED | (k->movable ? NB_RANGE_MOVABLE : 0);

		for (; next < ram.n && ram.v[next].start < k->start + c->block_bytes; next++)
			if (ram.v[next].end > reach)
				reach = ram.v[next].end;
		if (nb_machine_node_index(b->m, k->nid) < 0 || reach > k->start)
			continue;
		sum += c->block_bytes;
		if (last && last->end == k->start && last->nid == k->nid && last->flags == flags)
			last->end += c->block_bytes;
		else
			nb_ranges_add(&added, k->start, k->start + c->block_bytes, NB_MEM_RAM,
				      k->nid, flags, 0);
	}
	for (size_t i = 0; i < added.n && !bad; i++)
		bad = nb_machine_add_range(b->m, &added.v[i]);
	if (sum)
		nb_capture_add_note(c,
				    "hot-added memory: %llu MiB in memory blocks that were "
				    "not there at boot",
				    (unsigned long long)sum >> 20);
	nb_ranges_release(&added);
	nb_ranges_release(&ram);
	return bad;
}
