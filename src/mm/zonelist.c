/* zonelist.c -- where a request looks when its first node is full.
 *
 * Called by system.c at boot and by sysctl.c when the zone order changes. Readers: page_alloc.c
 * walks pgdat->zonelist, views print pgdat->fallback. The next node is the nearest, a higher id
 * first at equal distance (a lower one counts as one further), then the one that fewer lists have
 * led with, then the lowest id. The kernel searches all nodes for each place, n^3 in all; since a
 * node's load changes only when it is picked, sorting once by (distance, load, id) gives the same
 * list: n^2 with counting sorts. No node has CPUs yet when the boot lists are made, so the kernel's
 * penalty for them is 0 (x86 and arm64; facts 3.2); lists that are made again later know them, and
 * a node with CPUs then counts as one further. Source: mm/page_alloc.c, find_next_best_node(),
 * build_zonelists(), build_all_zonelists(); facts 3.
 */
#include "mm/boot.h"

#include "base/mem.h"

struct builder {
	struct nb_system *sys;
	unsigned n;            /* nodes */
	bool *memory;          /* by position: has memory */
	bool cpus_known;       /* not the lists of boot: nodes with CPUs are put off */
	int *machine_index;    /* by position: in machine->nodes, or -1 */
	uint32_t *load;        /* by position: node_load */
	uint16_t *far;         /* by position: distance from the node whose list is made */
	uint32_t *order, *tmp; /* positions */
	uint32_t *count;       /* of the counting sort */
};

#define RADIX_BITS 10u
#define RADIX (1u << RADIX_BITS)

static int builder_init(struct builder *b, struct nb_system *sys)
{
	struct nb_arena *a = sys->arena;
	unsigned n = sys->nr_pgdat;

	b->sys = sys;
	b->n = n;
	b->memory = nb_arena_alloc(a, n * sizeof(*b->memory));
	b->machine_index = nb_arena_alloc(a, n * sizeof(*b->machine_index));
	b->load = nb_arena_alloc(a, n * sizeof(*b->load));
	b->far = nb_arena_alloc(a, n * sizeof(*b->far));
	b->order = nb_arena_alloc(a, n * sizeof(*b->order));
	b->tmp = nb_arena_alloc(a, n * sizeof(*b->tmp));
	b->count = nb_arena_alloc(a, RADIX * sizeof(*b->count));
	if (!b->memory || !b->machine_index || !b->load || !b->far || !b->order || !b->tmp ||
	    !b->count)
		return -NB_ENOMEM;
	for (unsigned i = 0; i < n; i++) {
		b->memory[i] = sys->pgdat[i]->node_present_pages != 0;
		b->machine_index[i] = nb_machine_node_index(sys->machine, sys->pgdat[i]->nid);
	}
	return 0;
}

/* Distances from node `from` to all, as sys's kernel sees them. */
static void read_distances(struct builder *b, unsigned from)
{
	const struct nb_machine *m = b->sys->machine;
	const uint8_t *own = b->sys->distances;

	for (unsigned i = 0; i < b->n; i++) {
		int row = b->machine_index[from], col = b->machine_index[i];

		if (own)
			b->far[i] = own[(size_t)from * b->n + i];
		else if (m->distances && row >= 0 && col >= 0)
			b->far[i] = m->distances[(size_t)row * m->nr_nodes + (size_t)col];
		else
			b->far[i] = i == from ? 10 : 20;
	}
}

static uint32_t key_of(const struct builder *b, unsigned from, uint32_t pos, bool by_load)
{
	if (by_load)
		return b->load[pos];
	return b->far[pos] + (pos < from) +
	       (b->cpus_known && !nb_cpumask_empty(&b->sys->pgdat[pos]->cpus));
}

/* One stable pass over b->order by RADIX_BITS of the key from bit `shift`. */
static void sort_pass(struct builder *b, unsigned from, unsigned nr, bool by_load, unsigned shift)
{
	uint32_t sum = 0, *swap;

	memset(b->count, 0, RADIX * sizeof(*b->count));
	for (unsigned i = 0; i < nr; i++)
		b->count[key_of(b, from, b->order[i], by_load) >> shift & (RADIX - 1)]++;
	for (unsigned k = 0; k < RADIX; k++) {
		uint32_t here = b->count[k];

		b->count[k] = sum;
		sum += here;
	}
	for (unsigned i = 0; i < nr; i++) {
		uint32_t pos = b->order[i];

		b->tmp[b->count[key_of(b, from, pos, by_load) >> shift & (RADIX - 1)]++] = pos;
	}
	swap = b->order;
	b->order = b->tmp;
	b->tmp = swap;
}

/* b->order := the fallback order of the node at position `from`; returns its length. */
static unsigned order_by_distance(struct builder *b, unsigned from)
{
	const struct nb_kernel_profile *prof = b->sys->profile;
	bool own = b->memory[from] || prof->memoryless_own_first;
	uint32_t max = 0;
	unsigned nr = 0;

	for (unsigned i = 0; i < b->n; i++) {
		if (i == from || !b->memory[i])
			continue;
		b->order[nr++] = i;
		if (b->load[i] > max)
			max = b->load[i];
	}
	for (unsigned shift = 0; shift < 32 && max >> shift; shift += RADIX_BITS)
		sort_pass(b, from, nr, true, shift);
	sort_pass(b, from, nr, false, 0);
	if (own) {
		memmove(b->order + 1, b->order, nr * sizeof(*b->order));
		b->order[0] = from;
		nr++;
	}
	return nr;
}

/* The first of each group of equal distance has more to bear from now on. */
static void add_load(struct builder *b, unsigned from, unsigned nr)
{
	bool one = b->sys->profile->zonelist_style == NB_ZONELIST_LOAD_ONE;
	uint32_t load = b->n;
	unsigned prev = from;

	for (unsigned i = 0; i < nr; i++) {
		unsigned pick = b->order[i];

		if (b->far[pick] != b->far[prev])
			b->load[pick] = one ? b->load[pick] + 1 : load;
		prev = pick;
		load--;
	}
}

/* 2.6.7: the following node, and so on around; distance does not matter. */
static unsigned order_round_robin(struct builder *b, unsigned from)
{
	for (unsigned i = 0; i < b->n; i++)
		b->order[i] = (from + i) % b->n;
	return b->n;
}

static int store_fallback(struct builder *b, struct nb_pgdat *p, unsigned nr)
{
	if (!p->fallback) {
		p->fallback = nb_arena_alloc(b->sys->arena, (nr + !nr) * sizeof(*p->fallback));
		if (!p->fallback)
			return -NB_ENOMEM;
	}
	p->nr_fallback = nr;
	for (unsigned i = 0; i < nr; i++)
		p->fallback[i] = b->sys->pgdat[b->order[i]]->nid;
	return 0;
}

static unsigned add_zone(struct nb_system *sys, struct nb_zoneref *list, unsigned n,
			 struct nb_zone *z)
{
	if (!z->present_pages)
		return n;
	list[n] = (struct nb_zoneref){.zone = z, .zone_idx = z->type, .nid = z->pgdat->nid};
	if (z->type != NB_ZONE_MOVABLE && z->type > sys->policy_zone)
		sys->policy_zone = z->type;
	return n + 1;
}

static unsigned populated_zones(const struct nb_pgdat *p)
{
	unsigned n = 0;

	for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++)
		n += p->zone[t].present_pages != 0;
	return n;
}

/* Node order: all of one node, highest zone first, then the next node. Zone order (old kernels):
 * the highest zone of all nodes, then the next lower one. */
static void fill(struct builder *b, struct nb_pgdat *p, unsigned nr)
{
	struct nb_system *sys = b->sys;
	unsigned n = 0;

	if (!sys->tune.zone_order) {
		for (unsigned i = 0; i < nr; i++) {
			for (unsigned t = NB_MAX_NR_ZONES; t-- > 0;)
				n = add_zone(sys, p->zonelist, n,
					     &sys->pgdat[b->order[i]]->zone[t]);
		}
	} else {
		for (unsigned t = NB_MAX_NR_ZONES; t-- > 0;) {
			for (unsigned i = 0; i < nr; i++)
				n = add_zone(sys, p->zonelist, n,
					     &sys->pgdat[b->order[i]]->zone[t]);
		}
	}
	p->zonelist[n] = (struct nb_zoneref){.nid = NB_NO_NODE};
	n = 0;
	for (unsigned t = NB_MAX_NR_ZONES; t-- > 0;)
		n = add_zone(sys, p->zonelist_nofallback, n, &p->zone[t]);
	p->zonelist_nofallback[n] = (struct nb_zoneref){.nid = NB_NO_NODE};
}

static int build_node(struct builder *b, struct nb_pgdat *p, unsigned nr, unsigned all_zones)
{
	struct nb_arena *a = b->sys->arena;
	int err = store_fallback(b, p, nr);

	if (err)
		return err;
	if (!p->zonelist) {
		p->zonelist = nb_arena_alloc(a, (all_zones + 1) * sizeof(*p->zonelist));
		p->zonelist_nofallback =
			nb_arena_alloc(a, (populated_zones(p) + 1) * sizeof(*p->zonelist));
		if (!p->zonelist || !p->zonelist_nofallback)
			return -NB_ENOMEM;
	}
	fill(b, p, nr);
	return 0;
}

static int build_all(struct nb_system *sys, bool cpus_known)
{
	const struct nb_kernel_profile *prof = sys->profile;
	bool far_off = false;
	unsigned all_zones = 0;
	struct builder b;
	int err = builder_init(&b, sys);

	b.cpus_known = cpus_known;
	for (unsigned i = 0; !err && i < sys->nr_pgdat; i++)
		all_zones += populated_zones(sys->pgdat[i]);
	for (unsigned i = 0; !err && i < sys->nr_pgdat; i++) {
		unsigned nr;

		if (prof->zonelist_style == NB_ZONELIST_ROUND_ROBIN) {
			nr = order_round_robin(&b, i);
		} else {
			if (prof->zonelist_style == NB_ZONELIST_LOAD_OLD && !prof->node_load_kept)
				memset(b.load, 0, b.n * sizeof(*b.load));
			read_distances(&b, i);
			nr = order_by_distance(&b, i);
			add_load(&b, i, nr);
			for (unsigned k = 0; prof->default_reclaim_distance && k < nr; k++)
				far_off |= b.far[b.order[k]] > prof->default_reclaim_distance;
		}
		err = build_node(&b, sys->pgdat[i], nr, all_zones);
	}
	if (!err && far_off)
		sys->tune.zone_reclaim_mode = 1;
	return err;
}

/* What an old kernel chooses by itself: zone order, so that small DMA zones are kept, unless
 * there are none, or they are most of the memory, or of one node that is not small.
 * Source: mm/page_alloc.c of 2.6.24, default_zonelist_order(). */
static bool default_zone_order(const struct nb_system *sys)
{
	uint64_t low = 0, total = 0, nodes = 0, average;

	for (unsigned i = 0; i < sys->nr_pgdat; i++) {
		const struct nb_pgdat *p = sys->pgdat[i];

		low += p->zone[NB_ZONE_DMA].present_pages + p->zone[NB_ZONE_DMA32].present_pages;
		total += p->node_present_pages;
		nodes += p->node_present_pages != 0;
	}
	if (!low || low > total / 2)
		return false;
	average = total / (nodes + 1);
	for (unsigned i = 0; i < sys->nr_pgdat; i++) {
		const struct nb_pgdat *p = sys->pgdat[i];

		low = p->zone[NB_ZONE_DMA].present_pages + p->zone[NB_ZONE_DMA32].present_pages;
		if (low && p->node_present_pages > average &&
		    low > p->node_present_pages * 70 / 100)
			return false;
	}
	return true;
}

bool nb_zonelist_set_order(struct nb_system *sys, char letter)
{
	bool old = sys->profile->zone_order_option;

	switch (letter) {
	case 'd':
	case 'D':
		sys->tune.zone_order = old && sys->nr_pgdat > 1 && default_zone_order(sys);
		return true;
	case 'n':
	case 'N':
		sys->tune.zone_order = false;
		return true;
	case 'z':
	case 'Z':
		sys->tune.zone_order = old;
		return old;
	default:
		return false;
	}
}

int nb_build_all_zonelists(struct nb_system *sys)
{
	return build_all(sys, true);
}

bool nb_has_hotadded(const struct nb_system *sys)
{
	for (unsigned i = 0; i < sys->nr_memblock; i++) {
		if (sys->memblock[i].flags & NB_RANGE_HOTADDED)
			return true;
	}
	return false;
}

uint64_t nb_zone_hotadded_pages(const struct nb_system *sys, const struct nb_zone *z)
{
	bool has_movable = nb_zone_configured(sys, NB_ZONE_MOVABLE);
	uint64_t n = 0;

	for (unsigned i = 0; i < sys->nr_memblock; i++) {
		const struct nb_mem_range *r = &sys->memblock[i];
		nb_pfn_t start = r->start >> sys->page_shift, end = r->end >> sys->page_shift;

		if (!(r->flags & NB_RANGE_HOTADDED) || r->nid != z->pgdat->nid)
			continue;
		/* Blocks in Movable may lie amid those of another zone. */
		if (has_movable && !(r->flags & NB_RANGE_MOVABLE) != (z->type != NB_ZONE_MOVABLE))
			continue;
		if (start < z->zone_start_pfn)
			start = z->zone_start_pfn;
		if (end > nb_zone_end_pfn(z))
			end = nb_zone_end_pfn(z);
		if (end > start)
			n += end - start;
	}
	return n;
}

/* What was counted as managed before the free lists were filled, and with it "Total pages". To 6.11
 * a zone's memory map is left out, and of the first zone what the firmware and the real-mode
 * code keep below 1 MiB. Source: facts 1.4, 2.8. */
static uint64_t early_managed(const struct nb_system *sys, const struct nb_zone *z, bool any_hot)
{
	uint64_t hot = any_hot ? nb_zone_hotadded_pages(sys, z) : 0, map, reserve = 0;
	uint64_t n = z->present_pages - hot, pages = z->spanned_pages - hot;
	bool flat = sys->machine->arch == NB_ARCH_I386 || sys->machine->arch == NB_ARCH_I386PAE;
	uint64_t bytes = flat ? sys->profile->memmap_struct_page_bytes_32
			      : sys->profile->memmap_struct_page_bytes;
	bool highmem = z->type == NB_ZONE_HIGHMEM ||
		       (z->type == NB_ZONE_MOVABLE && sys->movable_zone == NB_ZONE_HIGHMEM);

	if (!sys->profile->managed_less_memmap || highmem)
		return n;
	if (!flat && pages > n + (n >> 4))
		pages = n;
	map = (pages * bytes + (UINT64_C(1) << sys->page_shift) - 1) >> sys->page_shift;
	if (n >= map)
		n -= map;
	if (z->type != NB_ZONE_DMA || flat)
		return n;
	for (unsigned r = 0; r < sys->nr_memblock; r++) {
		uint64_t end = sys->memblock[r].end;

		if (sys->memblock[r].start < 1u << 20)
			reserve += ((end < 1u << 20 ? end : 1u << 20) - sys->memblock[r].start) >>
				   sys->page_shift;
	}
	return n > reserve ? n - reserve : n;
}

static void count_total(struct nb_system *sys)
{
	bool cma = sys->machine->arch == NB_ARCH_ARM64, any_hot = nb_has_hotadded(sys);
	uint64_t types = cma ? NB_MIGRATE_TYPES : NB_MIGRATE_TYPES - 1;

	sys->vm_total_pages = 0;
	for (unsigned i = 0; i < sys->nr_pgdat; i++) {
		for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++) {
			const struct nb_zone *z = &sys->pgdat[i]->zone[t];

			if (z->present_pages)
				sys->vm_total_pages += early_managed(sys, z, any_hot);
		}
	}
	sys->nr_zonelists = 0;
	for (unsigned i = 0; i < sys->nr_pgdat; i++)
		sys->nr_zonelists += sys->pgdat[i]->online;
	sys->mobility_grouping = !sys->profile->no_mobility_grouping &&
				 sys->vm_total_pages >= types << sys->pageblock_order;
}

/* Did memory that came after boot fill a zone that was empty? Then all lists were made again. */
static bool zone_came_later(const struct nb_system *sys)
{
	if (!nb_has_hotadded(sys))
		return false;
	for (unsigned i = 0; i < sys->nr_pgdat; i++) {
		for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++) {
			const struct nb_zone *z = &sys->pgdat[i]->zone[t];

			if (z->present_pages && nb_zone_hotadded_pages(sys, z) == z->present_pages)
				return true;
		}
	}
	return false;
}

int nb_boot_zonelists(struct nb_system *sys, struct nb_error *err)
{
	const char *opt;
	size_t len;
	int ret;

	sys->policy_zone = NB_ZONE_DMA;
	while (sys->policy_zone < NB_ZONE_NORMAL && !nb_zone_configured(sys, sys->policy_zone))
		sys->policy_zone++;
	(void)nb_zonelist_set_order(sys, 'd');
	opt = nb_machine_option(sys->machine, "numa_zonelist_order=", &len);
	if (opt && sys->profile->zone_order_option)
		(void)nb_zonelist_set_order(sys, len ? opt[0] : '\0');
	ret = build_all(sys, zone_came_later(sys));
	if (ret)
		return nb_error_set(err, ret, 0, "no memory for the zonelists of %u nodes",
				    sys->nr_pgdat);
	count_total(sys);
	return 0;
}
