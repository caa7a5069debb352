/* verify_memory_blocks.c -- which node and zone each memory block is in.
 *
 * Called by verify.c. derived/memory_blocks.tsv has a line a block (block, state, ..., valid_zones,
 * ..., node; a heading names the columns), a live machine or a saved tree
 * sys/devices/system/memory/memoryN. Rule:  a block of boot is in the zone that alone of its node
 * meets it, in none when several zones or nodes do; blocks that came later say themselves where
 * they went and are set aside. Source: drivers/base/memory.c, early_node_zone_for_memory_block();
 * drivers/base/node.c, register_mem_block_under_node_early(); from 5.18 on.
 */
#include "base/fmt.h"
#include "base/mask.h"
#include "read/verify_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMORY_DIR "sys/devices/system/memory"
#define MAX_COLUMNS 16
#define MAX_BLOCKS ((uint64_t)1 << 22)

/* A block as the kernel shows it. */
struct shown {
	uint64_t index;
	char state[32], zones[64], nodes[64];
};

struct map {
	uint64_t bytes; /* of a block */
	const struct nb_mem_range *ram;
	unsigned nr_ram;
	unsigned shift;
	uint64_t section;
	int first_node; /* the first online one, and its span in bytes */
	uint64_t first_start, first_end;
	uint64_t nr_boot; /* listed blocks that hold memory of boot */
};

static void put(char *to, size_t size, const char *s, size_t n)
{
	nb_snprintf(to, size, "%.*s", (int)(n < size ? n : size - 1), s);
}

/* Bytes of [start, end) that are RAM of boot. */
static uint64_t covered(const struct map *m, uint64_t start, uint64_t end)
{
	uint64_t sum = 0;
	unsigned i;

	for (i = 0; i < m->nr_ram; i++) {
		uint64_t from = m->ram[i].start > start ? m->ram[i].start : start;
		uint64_t to = m->ram[i].end < end ? m->ram[i].end : end;

		if (from < to && !(m->ram[i].flags & NB_RANGE_HOTADDED))
			sum += to - from;
	}
	return sum;
}

/* Is there a page descriptor without RAM in the block? Sections without any RAM have none. */
static bool has_hole(const struct map *m, uint64_t start, uint64_t end)
{
	uint64_t step = m->section < m->bytes ? m->section : m->bytes, at, n;

	for (at = start; at < end; at += step) {
		n = covered(m, at, at + step);
		if (n && n < step)
			return true;
	}
	return false;
}

/* Nodes of the block's pages. Pages of a hole count as the first online node's, where that node's
 * span comes by: early_pfn_to_nid() knows no better. *ret_later: memory that came after boot. */
static unsigned nodes_in(const struct map *m, uint64_t index, struct nb_nodemask *nodes,
			 bool *ret_later)
{
	uint64_t start = index * m->bytes, end = start + m->bytes;
	unsigned i;

	*ret_later = false;
	memset(nodes, 0, sizeof(*nodes));
	for (i = 0; i < m->nr_ram; i++) {
		const struct nb_mem_range *r = &m->ram[i];

		if (r->start >= end || r->end <= start)
			continue;
		if (r->flags & NB_RANGE_HOTADDED)
			*ret_later = true;
		else
			nb_nodemask_set(nodes, r->nid);
	}
	if (!nb_nodemask_empty(nodes) && start < m->first_end && end > m->first_start &&
	    has_hole(m, start, end))
		nb_nodemask_set(nodes, m->first_node);
	return nb_nodemask_weight(nodes);
}

/* The one zone of node `nid` that meets the block, or "none". */
static const char *zone_in(const struct nb_verify *v, const struct map *m, uint64_t index, int nid)
{
	uint64_t start = index * m->bytes >> m->shift, end = (index + 1) * m->bytes >> m->shift;
	const char *found = NULL;
	unsigned t;

	for (t = 0; t < NB_MAX_NR_ZONES; t++) {
		struct nb_zone_info z;

		if (nb_zone_info(v->sys, nid, (enum nb_zone_type)t, &z) || !z.present_pages ||
		    z.start_pfn >= end || z.start_pfn + z.spanned_pages <= start)
			continue;
		if (found)
			return "none";
		found = nb_zone_name((enum nb_zone_type)t);
	}
	return found ? found : "none";
}

static void verify_block(struct nb_verify *v, struct map *m, const struct shown *s)
{
	unsigned long long index = s->index;
	struct nb_nodemask nodes;
	char text[8192];
	bool later;
	unsigned n = nodes_in(m, s->index, &nodes, &later);
	const char *zone;

	m->nr_boot += n && !later;
	if (later || strcmp(s->state, "online") != 0) {
		nb_verify_skip(v, NB_VS_BLOCKS, 2,
			       "came or went after boot: the block itself says where to",
			       "memory block %llu", index);
		return;
	}
	nb_bits_format_list(nodes.bits, NB_MAX_NODES, text, sizeof(text));
	if (*s->nodes)
		nb_verify_text(v, NB_VS_BLOCKS, s->nodes, n ? text : "no block",
			       "register_mem_block_under_node_early", "memory block %llu: node",
			       index);
	zone = n == 1 ? zone_in(v, m, s->index, (int)nb_nodemask_next(&nodes, 0)) : "none";
	if (*s->zones)
		nb_verify_text(v, NB_VS_BLOCKS, s->zones, zone, "early_node_zone_for_memory_block",
			       "memory block %llu: valid_zones", index);
}

/* Recorders name a block's nodes in the order of a directory: here they stand in ascending order.
 */
static void put_nodes(struct shown *b, const char *s, size_t n)
{
	struct nb_nodemask nodes = {0};

	while (n) {
		const char *comma = memchr(s, ',', n);
		size_t len = comma ? (size_t)(comma - s) : n;
		uint64_t nid;

		if (!nb_parse_u64(s, len, &nid) && nid < NB_MAX_NODES)
			nb_nodemask_set(&nodes, (unsigned)nid);
		len += comma != NULL;
		s += len;
		n -= len;
	}
	if (!nb_nodemask_empty(&nodes))
		nb_bits_format_list(nodes.bits, NB_MAX_NODES, b->nodes, sizeof(b->nodes));
}

/* Splits a line at tabs. */
static unsigned columns(const char *s, size_t n, const char *at[MAX_COLUMNS],
			size_t len[MAX_COLUMNS])
{
	unsigned k = 0;

	while (k < MAX_COLUMNS) {
		const char *tab = memchr(s, '\t', n);

		at[k] = s;
		len[k] = tab ? (size_t)(tab - s) : n;
		k++;
		if (!tab)
			break;
		n -= (size_t)(tab + 1 - s);
		s = tab + 1;
	}
	return k;
}

static uint64_t from_table(struct nb_verify *v, struct map *m, const char *text, size_t len)
{
	static const char *const names[] = {"#block", "state", "valid_zones", "node"};
	const char *at[MAX_COLUMNS], *s;
	size_t width[MAX_COLUMNS], pos = 0, n;
	int col[4] = {-1, -1, -1, -1};
	uint64_t blocks = 0;
	unsigned nr, i, k;

	while (nb_next_line(text, len, &pos, &s, &n)) {
		struct shown b = {0};

		nr = columns(s, n, at, width);
		for (i = 0; i < nr && n && s[0] == '#'; i++) {
			for (k = 0; k < 4; k++) {
				if (width[i] == strlen(names[k]) &&
				    !memcmp(at[i], names[k], width[i]))
					col[k] = (int)i;
			}
		}
		if (!n || s[0] == '#' || col[0] < 0 || col[1] < 0 || (int)nr <= col[1] ||
		    nb_parse_u64(at[col[0]], width[col[0]], &b.index) || b.index >= MAX_BLOCKS)
			continue;
		put(b.state, sizeof(b.state), at[col[1]], width[col[1]]);
		if (col[2] >= 0 && col[2] < (int)nr)
			put(b.zones, sizeof(b.zones), at[col[2]], width[col[2]]);
		if (col[3] >= 0 && col[3] < (int)nr)
			put_nodes(&b, at[col[3]], width[col[3]]);
		verify_block(v, m, &b);
		blocks++;
	}
	return blocks;
}

static void take_file(struct nb_verify *v, const char *dir, const char *file, char *to, size_t size)
{
	const char *s;
	size_t n;

	if (nb_tree_readf(v->tree, &s, &n, MEMORY_DIR "/%s/%s", dir, file))
		return;
	while (n && (s[n - 1] == '\n' || !s[n - 1]))
		n--;
	put(to, size, s, n);
}

static uint64_t from_sysfs(struct nb_verify *v, struct map *m)
{
	size_t nr, i;
	const char *const *names = nb_tree_list(v->tree, MEMORY_DIR, &nr);
	uint64_t blocks = 0;

	for (i = 0; i < nr; i++) {
		struct shown b = {0};
		struct nb_text path = {0};
		struct nb_nodemask nodes = {0};
		const char *const *links;

		if (strncmp(names[i], "memory", 6) != 0 ||
		    nb_parse_u64(names[i] + 6, strlen(names[i] + 6), &b.index) ||
		    b.index >= MAX_BLOCKS)
			continue;
		take_file(v, names[i], "state", b.state, sizeof(b.state));
		take_file(v, names[i], "valid_zones", b.zones, sizeof(b.zones));
		if (!*b.state)
			continue;
		nb_text_printf(&path, MEMORY_DIR "/%s", names[i]);
		for (links = nb_tree_list(v->tree, nb_text_str(&path), NULL); *links; links++) {
			uint64_t x;

			if (!strncmp(*links, "node", 4) &&
			    !nb_parse_u64(*links + 4, strlen(*links + 4), &x) && x < NB_MAX_NODES)
				nb_nodemask_set(&nodes, (unsigned)x);
		}
		if (!nb_nodemask_empty(&nodes))
			nb_bits_format_list(nodes.bits, NB_MAX_NODES, b.nodes, sizeof(b.nodes));
		nb_text_release(&path);
		verify_block(v, m, &b);
		blocks++;
	}
	return blocks;
}

/* Blocks that the boot map asks for. */
static uint64_t blocks_of_boot(const struct map *m)
{
	uint64_t n = 0, next = 0;
	unsigned i;

	for (i = 0; i < m->nr_ram; i++) {
		uint64_t first = m->ram[i].start / m->bytes;
		uint64_t end = (m->ram[i].end + m->bytes - 1) / m->bytes;

		if (m->ram[i].flags & NB_RANGE_HOTADDED)
			continue;
		if (first < next)
			first = next;
		n += end > first ? end - first : 0;
		next = end > next ? end : next;
	}
	return n;
}

/* The first online node, and its span at boot. */
static void find_first_node(const struct nb_verify *v, struct map *m)
{
	struct nb_node_info n;
	unsigned i;

	m->first_node = NB_NO_NODE;
	for (i = 0; i < nb_system_nr_nodes(v->sys) && m->first_node == NB_NO_NODE; i++) {
		if (!nb_node_info(v->sys, nb_system_node_id(v->sys, i), &n) && n.online)
			m->first_node = n.nid;
	}
	for (i = 0; i < m->nr_ram; i++) {
		if (m->ram[i].nid != m->first_node || m->ram[i].flags & NB_RANGE_HOTADDED)
			continue;
		if (!m->first_end)
			m->first_start = m->ram[i].start;
		m->first_end = m->ram[i].end;
	}
}

void nb_verify_blocks(struct nb_verify *v)
{
	struct nb_system_info si;
	struct map m = {0};
	const char *text;
	size_t len;
	uint64_t listed;

	nb_system_info(v->sys, &si);
	m.shift = si.page_shift;
	m.section = UINT64_C(128) << 20; /* x86 and, from 5.12 on, arm64 with 4 KiB pages */
	m.ram = nb_system_memblock(v->sys, &m.nr_ram);
	find_first_node(v, &m);
	if (nb_tree_read(v->tree, MEMORY_DIR "/block_size_bytes", &text, &len))
		return; /* a kernel without memory hotplug, or an older recorder */
	m.bytes = strtoull(text, NULL, 16);
	if (!m.bytes || m.bytes & (m.bytes - 1) || m.bytes < UINT64_C(1) << m.shift ||
	    (!v->machine->nr_firmware && !v->machine->nr_affinity))
		return;
	if (si.profile->version < 5018 || v->machine->arch == NB_ARCH_OTHER)
		return;
	if (!nb_tree_read(v->tree, "derived/memory_blocks.tsv", &text, &len))
		listed = from_table(v, &m, text, len);
	else
		listed = from_sysfs(v, &m);
	if (!listed)
		nb_verify_absent(v, "derived/memory_blocks.tsv, " MEMORY_DIR "/memory*");
	else
		nb_verify_u64(v, NB_VS_BLOCKS, m.nr_boot, blocks_of_boot(&m),
			      "a block for each part of the boot map", "memory blocks of boot");
}
