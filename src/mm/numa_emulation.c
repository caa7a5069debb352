/* numa_emulation.c -- numa=fake=: nodes cut out of the physical ones.
 *
 * Called by numa.c with the physical nodes' blocks. Forms: N (so many nodes of like size), NU (each
 * physical node into N), sizeM or sizeG (nodes of at least that size), each with ":d00,d01,..."
 * for distances. Fake nodes are carved from the start of each physical node's first remaining
 * block, one physical node after the other. What cannot be done leaves the physical nodes as they
 * are. Sizes are multiples of 32 MiB; holes count as space but not as memory. Source:
 * arch/x86/mm/numa_emulation.c, mm/numa_emulation.c (6.12); facts 12.2.
 */
#include "base/fmt.h"
#include "base/mem.h"
#include "mm/boot.h"
#include "mm/memblock.h"

#define LL(x) ((unsigned long long)(x))
#define MIN_SIZE (UINT64_C(32) << 20) /* FAKE_NODE_MIN_SIZE */
#define DMA32_END (UINT64_C(1) << 32)
#define MAX_BLOCKS (NB_MAX_NODES * 2) /* NR_NODE_MEMBLKS */

struct emulation {
	struct nb_layout_boot *b;
	struct nb_regions phys; /* what is left of the physical blocks */
	struct nb_regions fake;
	struct nb_nodemask left;         /* physical nodes still to be carved */
	int16_t phys_node[NB_MAX_NODES]; /* of each fake node; -1 none */
	uint64_t size;                   /* of a node */
	uint64_t nr_big;                 /* so many first nodes are MIN_SIZE bigger (form N) */
	uint64_t nr_nodes;               /* ids go round at this number */
	bool uniform;                    /* form NU: holes are ignored */
	bool grows;                      /* a node grows until `size` of it is memory */
	unsigned nid;                    /* steps so far */
};

static uint64_t usable(const struct emulation *e, uint64_t start, uint64_t end)
{
	return nb_regions_bytes(&e->b->ram, start, end);
}

static uint64_t align_up(uint64_t x)
{
	return (x + MIN_SIZE - 1) & ~(MIN_SIZE - 1);
}

/* Index of the first block of physical node `nid`; -1 none. */
static int first_block(const struct emulation *e, unsigned nid)
{
	for (unsigned i = 0; i < e->phys.nr; i++) {
		if (e->phys.v[i].nid == (int)nid)
			return (int)i;
	}
	return -1;
}

/* First byte of RAM at or after `addr`. */
static uint64_t next_ram(const struct emulation *e, uint64_t addr)
{
	unsigned i = nb_regions_first_past(&e->b->ram, addr);

	if (i == e->b->ram.nr)
		return UINT64_MAX;
	return e->b->ram.v[i].start > addr ? e->b->ram.v[i].start : addr;
}

/* Moves a node's end on in steps of 32 MiB until it holds `size` of memory or the block ends. Steps
 * inside a hole add nothing, so they are taken at once. */
static uint64_t grow(const struct emulation *e, uint64_t start, uint64_t end, uint64_t limit)
{
	while (usable(e, start, end) < e->size) {
		uint64_t ram = next_ram(e, end), steps = 1;

		if (ram > end && ram < limit)
			steps = (ram - end) / MIN_SIZE + 1;
		else if (ram >= limit)
			return limit;
		end += steps * MIN_SIZE;
		if (end > limit)
			return limit;
	}
	return end;
}

/* Where the next fake node of a block [start, limit) ends. */
static uint64_t node_end(const struct emulation *e, uint64_t start, uint64_t limit)
{
	uint64_t end = start + e->size;

	if (e->nid < e->nr_big)
		end += MIN_SIZE;
	if (e->grows)
		end = grow(e, start, end, limit);
	/* Too little left below 4 GiB for the next one: this one reaches up to there. */
	if (end < DMA32_END && usable(e, end, DMA32_END) < MIN_SIZE)
		end = DMA32_END;
	/* Too little left in the block for another: this one takes it. */
	if (!e->uniform && end <= limit && usable(e, end, limit) < e->size)
		end = limit;
	return end < limit ? end : limit;
}

/* Makes [start of the block, end) fake node `nid`. false: too many. */
static int carve(struct emulation *e, unsigned block, unsigned nid, uint64_t end, bool *ret_ok)
{
	struct nb_mem_range *p = &e->phys.v[block];
	struct nb_mem_range r = {.start = p->start, .end = end, .nid = (int)nid};

	*ret_ok = e->fake.nr < MAX_BLOCKS;
	if (!*ret_ok) {
		nb_boot_message(e->b->sys, "NUMA: Too many emulated memblks, failing emulation");
		return 0;
	}
	if (e->phys_node[nid] == NB_NO_NODE)
		e->phys_node[nid] = (int16_t)p->nid;
	p->start = end;
	if (p->start >= p->end) {
		e->phys.nr--;
		memmove(p, p + 1, (e->phys.nr - block) * sizeof(*p));
	}
	nb_boot_message(e->b->sys, "Faking node %u at [mem %#018llx-%#018llx] (%lluMB)", nid,
			LL(r.start), LL(r.end - 1), LL((r.end - r.start) >> 20));
	return nb_regions_add(e->b->arena, &e->fake, &r);
}

/* One fake node from each physical node in turn, until nothing is left of e->left. */
static int carve_all(struct emulation *e, bool *ret_ok)
{
	unsigned phys;
	int err = 0;

	*ret_ok = true;
	while (!nb_nodemask_empty(&e->left)) {
		nb_for_each_node_in (phys, &e->left) {
			int at = first_block(e, phys);
			uint64_t end;

			if (at < 0) {
				nb_nodemask_clear(&e->left, phys);
				continue;
			}
			end = node_end(e, e->phys.v[at].start, e->phys.v[at].end);
			err = carve(e, (unsigned)at, (unsigned)(e->nid % e->nr_nodes), end, ret_ok);
			e->nid++;
			if (err || !*ret_ok)
				return err;
		}
	}
	return 0;
}

/* N: so many nodes; what does not divide into 32 MiB goes to the first ones. */
static int split_count(struct emulation *e, uint64_t text, bool *ret_ok)
{
	struct nb_layout_boot *b = e->b;
	int32_t n = (int32_t)text;
	uint64_t pages, size;

	*ret_ok = n > 0;
	if (n <= 0)
		return 0;
	if (n > NB_MAX_NODES) {
		nb_boot_message(b->sys, "numa=fake=%d too large, reducing to %d", n, NB_MAX_NODES);
		n = NB_MAX_NODES;
	}
	pages = usable(e, 0, b->max_addr) >> b->sys->page_shift;
	size = pages / (uint64_t)n << b->sys->page_shift;
	e->nr_big = (size & (MIN_SIZE - 1)) * (uint64_t)n / MIN_SIZE;
	e->size = size & ~(MIN_SIZE - 1);
	e->nr_nodes = (uint64_t)n;
	e->grows = true;
	e->left = b->parsed;
	if (!e->size) {
		nb_boot_message(b->sys,
				"Not enough memory for each node.  NUMA emulation disabled.");
		*ret_ok = false;
		return 0;
	}
	return carve_all(e, ret_ok);
}

/* Raises the wanted size to at least `least` bytes, rounded up. */
static void raise_size(struct emulation *e, uint64_t least)
{
	least = align_up(least > MIN_SIZE ? least : MIN_SIZE);
	if (e->size < least) {
		nb_boot_message(e->b->sys, "Fake node size %lluMB too small, increasing to %lluMB",
				LL(e->size >> 20), LL(least >> 20));
		e->size = least;
	}
	e->size &= ~(MIN_SIZE - 1);
}

/* sizeM, sizeG: nodes with at least so much memory. */
static int split_size(struct emulation *e, uint64_t size, bool *ret_ok)
{
	struct nb_layout_boot *b = e->b;
	uint64_t pages = usable(e, 0, b->max_addr) >> b->sys->page_shift;

	*ret_ok = size != 0;
	if (!size)
		return 0;
	e->size = size;
	raise_size(e, pages / NB_MAX_NODES << b->sys->page_shift);
	e->nr_nodes = NB_MAX_NODES;
	e->grows = true;
	e->left = b->parsed;
	return carve_all(e, ret_ok);
}

/* NU: each physical node into N by address, holes not looked at. */
static int split_uniform(struct emulation *e, uint64_t n, bool *ret_ok)
{
	unsigned shift = e->b->sys->page_shift, phys;
	int err = 0;

	*ret_ok = false;
	if (n == 0 || n > INT32_MAX)
		return 0;
	e->nr_nodes = NB_MAX_NODES;
	e->uniform = true;
	nb_for_each_node_in (phys, &e->b->parsed) {
		const struct nb_mem_range *blk = &e->phys.v[0];
		unsigned before = e->nid;

		if (!e->phys.nr)
			break; /* nodes without memory come last: nothing is left to be split */
		e->size = ((blk->end - blk->start) >> shift) / n << shift;
		raise_size(e, e->size);
		memset(&e->left, 0, sizeof(e->left));
		nb_nodemask_set(&e->left, blk->nid);
		err = carve_all(e, ret_ok);
		if (err || !*ret_ok)
			return err;
		if (e->nid - before < n) {
			nb_boot_message(
				e->b->sys,
				"numa_emulation: phys: %u only got %u of %llu nodes, failing", phys,
				e->nid - before, LL(n));
			*ret_ok = false;
			return 0;
		}
	}
	return 0;
}

static bool has_letter(const char *s, size_t len, char c)
{
	for (size_t i = 0; i < len; i++) {
		if (s[i] == c)
			return true;
	}
	return false;
}

/* One number of a distance list: true if there is one and a comma follows (get_option() == 2; the
 * kernel does not take a last number without comma, which would be the diagonal). */
static bool take_distance(const char **s, size_t *len, int64_t *ret)
{
	bool minus = *len && **s == '-', comma;
	size_t used;
	uint64_t v = nb_strtoull(*s + minus, *len - minus, &used);

	if (!used)
		return false;
	used += minus;
	comma = used < *len && (*s)[used] == ',';
	*ret = minus ? -(int64_t)v : (int64_t)v;
	*s += used + comma;
	*len -= used + comma;
	return comma;
}

static int set_distances(struct emulation *e, const char *s, size_t len, unsigned n)
{
	struct nb_layout_boot *b = e->b;

	b->distances = nb_arena_alloc(b->arena, (size_t)n * n);
	if (!b->distances)
		return -NB_ENOMEM;
	b->nr_distances = n;
	for (unsigned i = 0; i < n; i++) {
		for (unsigned j = 0; j < n; j++) {
			int64_t d;

			if (!take_distance(&s, &len, &d))
				d = nb_machine_distance(b->m, e->phys_node[i], e->phys_node[j]);
			/* Source: numa_set_distance(); what it refuses stays at the default. */
			if (d < 0 || d > 255 || (i == j && d != 10)) {
				nb_boot_message(b->sys,
						"NUMA: Warning: invalid distance parameter, "
						"from=%u to=%u distance=%lld",
						i, j, (long long)d);
				d = i == j ? 10 : 20;
			}
			b->distances[(size_t)i * n + j] = (uint8_t)d;
		}
	}
	return 0;
}

/* Fake nodes take the place of the physical ones. */
static int commit(struct emulation *e, const char *s, size_t len)
{
	struct nb_layout_boot *b = e->b;
	unsigned n = 0;
	int fallback = NB_NO_NODE;

	memset(&b->parsed, 0, sizeof(b->parsed));
	for (unsigned i = 0; i < e->fake.nr; i++)
		nb_nodemask_set(&b->parsed, e->fake.v[i].nid);
	for (unsigned i = 0; i < NB_MAX_NODES; i++) {
		if (e->phys_node[i] == NB_NO_NODE)
			continue;
		n = i + 1;
		if (fallback == NB_NO_NODE)
			fallback = e->phys_node[i];
	}
	for (unsigned i = 0; i < n; i++) {
		if (e->phys_node[i] == NB_NO_NODE)
			e->phys_node[i] = (int16_t)fallback;
	}
	memcpy(b->phys_node, e->phys_node, sizeof(b->phys_node));
	b->blocks = e->fake;
	b->emulated = true;
	/* A CPU goes to the first fake node of its physical one, or to node 0. */
	for (unsigned i = 0; i < b->m->nr_cpus; i++) {
		unsigned j = 0;

		if (b->cpu_node[i] == NB_NO_NODE)
			continue;
		while (j < n && e->phys_node[j] != b->cpu_node[i])
			j++;
		b->cpu_node[i] = j < n ? (int16_t)j : 0;
	}
	return set_distances(e, s, len, n);
}

int nb_numa_emulation(struct nb_layout_boot *b, const char *text, size_t len)
{
	struct emulation *e = nb_arena_alloc(b->arena, sizeof(*e));
	bool ok = false, clean;
	size_t used;
	uint64_t n;
	int err = 0;

	if (!e)
		return -NB_ENOMEM;
	e->b = b;
	memset(e->phys_node, 0xff, sizeof(e->phys_node));
	for (unsigned i = 0; i < b->blocks.nr && !err; i++)
		err = nb_regions_add(b->arena, &e->phys, &b->blocks.v[i]);
	if (err)
		return err;
	if (has_letter(text, len, 'U')) {
		n = nb_strtoull(text, len, &used);
		err = split_uniform(e, n, &ok);
	} else if (has_letter(text, len, 'M') || has_letter(text, len, 'G')) {
		n = nb_memparse(text, len, &used);
		err = split_size(e, n, &ok);
	} else {
		n = nb_strtoull(text, len, &used);
		err = split_count(e, n, &ok);
	}
	if (err || !ok)
		return err;
	/* Fake blocks are checked and joined as the firmware's are. */
	clean = nb_numa_cleanup(b, &e->fake, 0, &err);
	if (err || !clean)
		return err;
	text += used;
	len -= used;
	if (len && *text == ':') {
		text++;
		len--;
	}
	return commit(e, text, len);
}
