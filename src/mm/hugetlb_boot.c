/* hugetlb_boot.c -- where boot-time gigantic pages come from.
 *
 * Called once by watermark.c. A page size is gigantic when the buddy lists cannot hold it. Each
 * page is asked of the next node with memory in turn, highest address first, aligned to its own
 * size; a node that cannot give one is helped out by the others. The top of each node is taken
 * by its memory map already (64 bytes a page).
 * Units: bytes for addresses, base pages for the result.
 * Source: mm/hugetlb.c, hugetlb_hstate_alloc_pages(), __alloc_bootmem_huge_page();
 *     mm/memblock.c, memblock_alloc_try_nid_raw().
 */
#include "mm/hugetlb_boot.h"

#include "base/fmt.h"

/* From 6.15 on hugepages=NODE:N takes from no other node; before, memblock helped out. */
#define NODE_EXACT_SINCE 6015u

struct carve {
	struct nb_system *sys;
	uint64_t *free_end; /* of each memblock range: what lies above is taken */
	uint64_t size;      /* of one page; 0: not gigantic */
	unsigned next;      /* position of the node whose turn it is */
	struct nb_boot_huge **last;
};

static bool memory_node(const struct nb_system *sys, unsigned i)
{
	return sys->pgdat[i]->node_present_pages != 0;
}

/* The memory maps lie at the top of each node. */
static void reserve_maps(struct carve *c)
{
	struct nb_system *sys = c->sys;

	for (unsigned i = 0; i < sys->nr_pgdat; i++) {
		const struct nb_pgdat *p = sys->pgdat[i];
		uint64_t left = p->node_present_pages * sys->profile->memmap_struct_page_bytes;

		for (unsigned r = sys->nr_memblock; r-- > 0;) {
			uint64_t size = sys->memblock[r].end - sys->memblock[r].start;
			uint64_t take = left < size ? left : size;

			if (sys->memblock[r].nid != p->nid)
				continue;
			c->free_end[r] -= take;
			left -= take;
		}
	}
}

static struct nb_zone *zone_at(struct nb_system *sys, int nid, nb_pfn_t pfn)
{
	struct nb_pgdat *p = nb_node_data(sys, nid);

	for (unsigned t = 0; p && t < NB_MAX_NR_ZONES; t++) {
		struct nb_zone *z = &p->zone[t];

		if (z->present_pages && pfn >= z->zone_start_pfn && pfn < nb_zone_end_pfn(z))
			return z;
	}
	return NULL;
}

/* Remembers the page for the pool. */
static void note(struct carve *c, uint64_t start)
{
	struct nb_boot_huge *g = nb_arena_alloc(c->sys->arena, sizeof(*g));

	if (!g)
		return;
	*g = (struct nb_boot_huge){.pfn = start >> c->sys->page_shift, .bytes = c->size};
	*c->last = g;
	c->last = &g->next;
}

/* Takes one page from node `nid` (NB_NO_NODE: from any). */
static bool take_from(struct carve *c, int nid)
{
	struct nb_system *sys = c->sys;

	for (unsigned r = sys->nr_memblock; r-- > 0;) {
		const struct nb_mem_range *m = &sys->memblock[r];
		struct nb_zone *z;
		uint64_t start;

		if ((nid != NB_NO_NODE && m->nid != nid) || c->free_end[r] < c->size)
			continue;
		start = (c->free_end[r] - c->size) & ~(c->size - 1);
		if (start < m->start)
			continue;
		z = zone_at(sys, m->nid, start >> sys->page_shift);
		if (!z)
			continue;
		c->free_end[r] = start;
		z->gigantic_pages += c->size >> sys->page_shift;
		note(c, start);
		return true;
	}
	return false;
}

/* hugepages=N: node after node; the rest is dropped when no node has one left. */
static void take_spread(struct carve *c, uint64_t count)
{
	struct nb_system *sys = c->sys;

	while (count--) {
		while (!memory_node(sys, c->next))
			c->next = (c->next + 1) % sys->nr_pgdat;
		if (!take_from(c, sys->pgdat[c->next]->nid) && !take_from(c, NB_NO_NODE))
			return;
		c->next = (c->next + 1) % sys->nr_pgdat;
	}
}

/* hugepages=NODE:N,NODE:N */
static void take_by_node(struct carve *c, const char *s, size_t len)
{
	size_t pos = 0;

	while (pos < len) {
		size_t used;
		uint64_t nid = nb_memparse(s + pos, len - pos, &used), count;

		pos += used;
		if (!used || pos >= len || s[pos] != ':' || nid >= NB_MAX_NODES)
			return;
		pos++;
		count = nb_memparse(s + pos, len - pos, &used);
		if (!used || !nb_node_data(c->sys, (int)nid))
			return;
		while (count-- &&
		       (take_from(c, (int)nid) ||
			(c->sys->profile->version < NODE_EXACT_SINCE && take_from(c, NB_NO_NODE))))
			;
		pos += used;
		if (pos < len && s[pos++] != ',')
			return;
	}
}

static void set_size(struct carve *c, const char *s, size_t len)
{
	size_t used;
	uint64_t size = nb_memparse(s, len, &used);
	unsigned gigantic_shift = c->sys->page_shift + c->sys->max_order;

	c->size = 0;
	if (used && size >> gigantic_shift > 1 && !(size & (size - 1)))
		c->size = size;
}

static void word(struct carve *c, const char *s, size_t len)
{
	static const char size_of[] = "hugepagesz=", default_of[] = "default_hugepagesz=",
			  count_of[] = "hugepages=";
	size_t used;
	uint64_t count;

	if (len > sizeof(size_of) - 1 && !nb_strncmp(s, size_of, sizeof(size_of) - 1)) {
		set_size(c, s + sizeof(size_of) - 1, len - sizeof(size_of) + 1);
		return;
	}
	if (len > sizeof(default_of) - 1 && !nb_strncmp(s, default_of, sizeof(default_of) - 1)) {
		set_size(c, s + sizeof(default_of) - 1, len - sizeof(default_of) + 1);
		return;
	}
	if (len <= sizeof(count_of) - 1 || nb_strncmp(s, count_of, sizeof(count_of) - 1) ||
	    !c->size)
		return;
	s += sizeof(count_of) - 1;
	len -= sizeof(count_of) - 1;
	count = nb_memparse(s, len, &used);
	if (used == len)
		take_spread(c, count);
	else if (s[used] == ':')
		take_by_node(c, s, len);
}

void nb_boot_gigantic_pages(struct nb_system *sys)
{
	struct carve c = {.sys = sys, .last = &sys->boot_huge};
	const char *s = sys->machine->cmdline;
	bool any = false;

	for (unsigned i = 0; i < sys->nr_pgdat; i++)
		any |= memory_node(sys, i);
	if (!s || !any)
		return;
	while (*s) {
		size_t len = 0;

		while (s[len] && s[len] != ' ')
			len++;
		if (len == 2 && s[0] == '-' && s[1] == '-')
			return;
		if (len && !c.free_end && !nb_strncmp(s, "hugepages", 9)) {
			c.free_end =
				nb_arena_alloc(sys->arena, sys->nr_memblock * sizeof(uint64_t));
			if (!c.free_end)
				return;
			for (unsigned r = 0; r < sys->nr_memblock; r++)
				c.free_end[r] = sys->memblock[r].end;
			reserve_maps(&c);
		}
		if (len)
			word(&c, s, len);
		s += len;
		while (*s == ' ')
			s++;
	}
}
