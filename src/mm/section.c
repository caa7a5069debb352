/* section.c -- the sparse memory map: which frames exist, and where their descriptors are.
 *
 * Boot calls nb_boot_memory_map() once zones are known. It cuts memblock's ranges at zone borders
 * (sys->ranges), numbers each node's max-order blocks densely (pgdat->runs), reserves
 * address space for descriptors and pageblock types, and fills the section table.
 * Nothing is touched per page: cost is O(ranges + sections), and sections number 65,536 at most.
 * Later, buddy.c commits descriptors as blocks are first split.
 *
 *   pfn    |..0x9f|hole|0x100 ....... 0x80000|     hole      |0x100000 ....|
 *   dense  |0 ............................ 0x80000|0x80000 ............... |
 *          one run (the hole shares a block)       another run
 *
 * Source: facts 1.3, 1.4; DESIGN "Scale".
 */
#include "mm/boot.h"
#include "mm/page.h"

#define MAX_SECTIONS 65536u
#define STEP_BYTES ((size_t)65536)

static nb_pfn_t pfn_up(const struct nb_system *sys, uint64_t bytes)
{
	return (bytes >> sys->page_shift) +
	       ((bytes & ((UINT64_C(1) << sys->page_shift) - 1)) ? 1 : 0);
}

/* The zone of a present frame. Where spans overlap (kernelcore=mirror), mirrored memory is not
 * Movable's. */
static struct nb_zone *zone_of(struct nb_pgdat *pgdat, nb_pfn_t pfn, bool mirrored)
{
	struct nb_zone *found = NULL;

	for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++) {
		struct nb_zone *z = &pgdat->zone[t];

		if (pfn < z->zone_start_pfn || pfn >= nb_zone_end_pfn(z))
			continue;
		if (t == NB_ZONE_MOVABLE && mirrored && found)
			continue;
		found = z;
	}
	return found;
}

/* First border of a zone of the node above pfn, at most `end`. */
static nb_pfn_t next_border(const struct nb_pgdat *pgdat, nb_pfn_t pfn, nb_pfn_t end)
{
	for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++) {
		const struct nb_zone *z = &pgdat->zone[t];

		if (!z->spanned_pages)
			continue;
		if (z->zone_start_pfn > pfn && z->zone_start_pfn < end)
			end = z->zone_start_pfn;
		if (nb_zone_end_pfn(z) > pfn && nb_zone_end_pfn(z) < end)
			end = nb_zone_end_pfn(z);
	}
	return end;
}

/* Cuts every memblock range into pieces of one zone; returns how many, and stores them unless
 * `out` is NULL. Frames that no zone spans have no piece. */
static unsigned cut_ranges(struct nb_system *sys, struct nb_memblock_range *out)
{
	unsigned n = 0;

	for (unsigned i = 0; i < sys->nr_memblock; i++) {
		const struct nb_mem_range *r = &sys->memblock[i];
		struct nb_pgdat *pgdat = nb_node_data(sys, r->nid);
		nb_pfn_t pfn = pfn_up(sys, r->start), end = r->end >> sys->page_shift;

		while (pgdat && pfn < end) {
			nb_pfn_t to = next_border(pgdat, pfn, end);
			struct nb_zone *z = zone_of(pgdat, pfn, r->flags & NB_RANGE_MIRROR);

			if (z && out)
				out[n] = (struct nb_memblock_range){.start_pfn = pfn,
								    .end_pfn = to,
								    .pgdat = pgdat,
								    .zone = z,
								    .prev = -1,
								    .next = -1};
			n += z != NULL;
			pfn = to;
		}
	}
	return n;
}

static int make_ranges(struct nb_system *sys, struct nb_error *err)
{
	sys->nr_ranges = cut_ranges(sys, NULL);
	sys->ranges = nb_arena_alloc(sys->arena, (sys->nr_ranges + 1) * sizeof(*sys->ranges));
	if (!sys->ranges)
		return nb_error_set(err, -NB_ENOMEM, 0, "no memory for %u ranges", sys->nr_ranges);
	cut_ranges(sys, sys->ranges);

	for (unsigned i = 0; i < sys->nr_pgdat; i++) {
		for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++) {
			struct nb_zone *z = &sys->pgdat[i]->zone[t];

			z->first_range = z->last_range = -1;
		}
	}
	for (unsigned i = 0; i < sys->nr_ranges; i++) {
		struct nb_memblock_range *r = &sys->ranges[i];
		struct nb_zone *z = r->zone;

		r->pgdat->nr_runs++; /* an upper bound; number_blocks() counts exactly */
		r->prev = z->last_range;
		if (r->prev >= 0)
			sys->ranges[r->prev].next = (int32_t)i;
		else
			z->first_range = (int32_t)i;
		z->last_range = (int32_t)i;
	}
	return 0;
}

/* Gives every max-order block that holds a piece its dense numbers. */
static int number_blocks(struct nb_system *sys, struct nb_error *err)
{
	uint64_t block_pages = UINT64_C(1) << sys->max_order;

	for (unsigned i = 0; i < sys->nr_pgdat; i++) {
		struct nb_pgdat *p = sys->pgdat[i];

		p->runs = nb_arena_alloc(sys->arena, (p->nr_runs + 1) * sizeof(*p->runs));
		if (!p->runs)
			return nb_error_set(err, -NB_ENOMEM, 0, "no memory for node %d", p->nid);
		p->nr_runs = 0;
		p->mem_map_pages = 0;
	}
	for (unsigned i = 0; i < sys->nr_ranges; i++) {
		struct nb_memblock_range *r = &sys->ranges[i];
		struct nb_pgdat *p = r->pgdat;
		nb_pfn_t first = r->start_pfn & ~(block_pages - 1);
		nb_pfn_t end = (r->end_pfn + block_pages - 1) & ~(block_pages - 1);
		struct nb_map_run *run = p->nr_runs ? &p->runs[p->nr_runs - 1] : NULL;

		if (!run || first > run->pfn + run->pages) {
			run = &p->runs[p->nr_runs++];
			*run = (struct nb_map_run){.pfn = first,
						   .dense = (uint32_t)p->mem_map_pages};
		}
		if (end > run->pfn + run->pages)
			run->pages = end - run->pfn;
		p->mem_map_pages = run->dense + run->pages;
		if (p->mem_map_pages > UINT32_MAX)
			return nb_error_set(
				err, -NB_EOVERFLOW, 0,
				"node %d: more than %u pages; a node holds at most 16 TiB", p->nid,
				UINT32_MAX);
		r->dense = (uint32_t)(run->dense + (r->start_pfn - run->pfn));
	}
	return 0;
}

/* Reserves a node's descriptors and, behind them, its pageblock types. */
static int reserve_map(struct nb_system *sys, struct nb_pgdat *p, struct nb_error *err)
{
	size_t map_bytes = (size_t)p->mem_map_pages * sizeof(struct nb_page);
	size_t blocks = (size_t)(p->mem_map_pages >> sys->pageblock_order) + 1;
	size_t steps = (size_t)(p->mem_map_pages / NB_MAP_STEP_PAGES) + 1;
	size_t chunks = blocks / STEP_BYTES + 1;

	if (!p->mem_map_pages)
		return 0;
	map_bytes = (map_bytes + STEP_BYTES - 1) & ~(STEP_BYTES - 1);
	blocks = (blocks + STEP_BYTES - 1) & ~(STEP_BYTES - 1);
	p->mem_map_committed = nb_arena_alloc(sys->arena, (steps / 64 + 1) * sizeof(uint64_t));
	p->pageblock_committed = nb_arena_alloc(sys->arena, (chunks / 64 + 1) * sizeof(uint64_t));
	if (!p->mem_map_committed || !p->pageblock_committed)
		return nb_error_set(err, -NB_ENOMEM, 0, "no memory for node %d", p->nid);
	p->mem_map = sys->port->reserve(sys->port->ctx, map_bytes + blocks);
	if (!p->mem_map)
		return nb_error_set(err, -NB_ENOMEM, 0,
				    "no address space for node %d's memory map: %zu bytes", p->nid,
				    map_bytes + blocks);
	p->mem_map_bytes = map_bytes + blocks;
	p->pageblock_flags = (_Atomic uint8_t *)((char *)p->mem_map + map_bytes);
	return 0;
}

/* Where the zone's reserved pages lie: x86's kernel keeps the first MiB whole, the rest are the
 * zone's highest present pages. Source: facts 1.4, 2.8; reserve_real_mode(). */
static void place_reserved(struct nb_system *sys, struct nb_zone *z)
{
	nb_pfn_t low_end = UINT64_C(1) << (20 - sys->page_shift);
	uint64_t pieces = 0, low = 0;

	for (int32_t i = z->first_range; i >= 0; i = sys->ranges[i].next) {
		const struct nb_memblock_range *r = &sys->ranges[i];

		pieces += r->end_pfn - r->start_pfn;
		if (r->start_pfn < low_end)
			low += (r->end_pfn < low_end ? r->end_pfn : low_end) - r->start_pfn;
	}
	if (z->managed_pages > pieces)
		z->managed_pages = pieces;
	uint64_t reserved = pieces - z->managed_pages;

	if (sys->machine->arch <= NB_ARCH_I386PAE && low && reserved >= low) {
		z->managed_start_pfn = low_end;
		reserved -= low;
	}
	z->managed_end_pfn = nb_zone_end_pfn(z);
	for (int32_t i = z->last_range; i >= 0 && reserved; i = sys->ranges[i].prev) {
		const struct nb_memblock_range *r = &sys->ranges[i];
		uint64_t n = r->end_pfn - r->start_pfn;

		if (n > reserved)
			n = reserved;
		z->managed_end_pfn = r->end_pfn - n;
		reserved -= n;
	}
}

static const struct nb_map_run *run_of(const struct nb_pgdat *p, uint32_t dense)
{
	unsigned lo = 0, hi = p->nr_runs;

	while (hi - lo > 1) {
		unsigned mid = lo + (hi - lo) / 2;

		if (p->runs[mid].dense <= dense)
			lo = mid;
		else
			hi = mid;
	}
	return &p->runs[lo];
}

static void init_zone(struct nb_system *sys, struct nb_zone *z)
{
	struct nb_pgdat *p = z->pgdat;

	z->mem_map = p->mem_map;
	z->page_bits = (uint32_t)z->type << PG_ZONE_SHIFT;
	place_reserved(sys, z);
	if (z->first_range < 0)
		return;
	const struct nb_map_run *run = run_of(p, sys->ranges[z->first_range].dense);

	z->one_run = run == run_of(p, sys->ranges[z->last_range].dense);
	z->pfn_delta = run->pfn - run->dense;
}

static int make_sections(struct nb_system *sys, struct nb_error *err)
{
	nb_pfn_t end = sys->nr_ranges ? sys->ranges[sys->nr_ranges - 1].end_pfn : 0;
	unsigned shift = 27 - sys->page_shift;

	if (shift < sys->max_order)
		shift = sys->max_order;
	while (end >> shift >= MAX_SECTIONS)
		shift++;
	sys->section_shift = shift;
	sys->nr_sections = end ? ((end - 1) >> shift) + 1 : 0;
	sys->section =
		nb_arena_alloc(sys->arena, (size_t)(sys->nr_sections + 1) * sizeof(*sys->section));
	if (!sys->section)
		return nb_error_set(err, -NB_ENOMEM, 0, "no memory for the section table");

	unsigned r = 0;
	for (uint64_t s = 0; s < sys->nr_sections; s++) {
		nb_pfn_t first = s << shift, past = (s + 1) << shift;
		struct nb_section *sec = &sys->section[s];

		while (sys->ranges[r].end_pfn <= first)
			r++;
		const struct nb_memblock_range *m = &sys->ranges[r];

		sec->map = r;
		if (m->start_pfn > first || m->end_pfn < past)
			continue;
		sec->zone = m->zone;
		sec->map = (uintptr_t)m->pgdat->mem_map +
			   (uintptr_t)(m->dense - m->start_pfn) * sizeof(struct nb_page);
	}
	return 0;
}

int nb_boot_memory_map(struct nb_system *sys, struct nb_error *err)
{
	int r = make_ranges(sys, err);

	if (!r)
		r = number_blocks(sys, err);
	for (unsigned i = 0; i < sys->nr_pgdat && !r; i++)
		r = reserve_map(sys, sys->pgdat[i], err);
	if (r)
		return r;
	for (unsigned i = 0; i < sys->nr_pgdat; i++) {
		for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++)
			init_zone(sys, &sys->pgdat[i]->zone[t]);
	}
	return make_sections(sys, err);
}

void nb_release_memory_map(struct nb_system *sys)
{
	for (unsigned i = 0; i < sys->nr_pgdat; i++) {
		struct nb_pgdat *p = sys->pgdat[i];

		if (!p || !p->mem_map)
			continue;
		sys->port->release(sys->port->ctx, p->mem_map, p->mem_map_bytes);
		p->mem_map = NULL;
	}
}

struct nb_page *nb_section_search(const struct nb_system *sys, nb_pfn_t pfn,
				  struct nb_zone **ret_zone)
{
	unsigned lo = (unsigned)sys->section[pfn >> sys->section_shift].map, hi = sys->nr_ranges;

	/* Invariant: every range below lo ends at or below pfn or is lo's own, none from hi on
	 * starts at or below it. */
	while (hi - lo > 1) {
		unsigned mid = lo + (hi - lo) / 2;

		if (sys->ranges[mid].start_pfn <= pfn)
			lo = mid;
		else
			hi = mid;
	}
	const struct nb_memblock_range *r = &sys->ranges[lo];

	if (pfn < r->start_pfn || pfn >= r->end_pfn)
		return NULL;
	*ret_zone = r->zone;
	return r->pgdat->mem_map + (r->dense + (pfn - r->start_pfn));
}

nb_pfn_t nb_dense_to_pfn(const struct nb_pgdat *pgdat, uint32_t dense)
{
	const struct nb_map_run *run = run_of(pgdat, dense);

	return run->pfn + (dense - run->dense);
}

static bool commit_types(struct nb_pgdat *p, size_t chunk)
{
	const struct nb_port *port = p->sys->port;

	if (nb_bit_test(p->pageblock_committed, (unsigned)chunk))
		return true;
	if (port->commit(port->ctx, (char *)p->pageblock_flags + chunk * STEP_BYTES, STEP_BYTES))
		return false;
	nb_bit_set(p->pageblock_committed, (unsigned)chunk);
	return true;
}

static bool commit_step(struct nb_pgdat *p, uint32_t step)
{
	const struct nb_system *sys = p->sys;
	_Atomic uint64_t *word = &p->mem_map_committed[step / 64];
	uint64_t bits = atomic_load_explicit(word, memory_order_relaxed);

	if (bits >> (step % 64) & 1)
		return true;
	if (!commit_types(p, (((size_t)step * NB_MAP_STEP_PAGES) >> sys->pageblock_order) /
				     STEP_BYTES))
		return false;
	if (sys->port->commit(sys->port->ctx, p->mem_map + (size_t)step * NB_MAP_STEP_PAGES,
			      STEP_BYTES))
		return false;
	atomic_store_explicit(word, bits | UINT64_C(1) << (step % 64), memory_order_release);
	return true;
}

/* Where the steps before are all in use, the map grows by the piece that a host may back with one
 * huge page: 32 steps, half a word of the bitmap. */
static bool commit_piece(struct nb_pgdat *p, uint32_t step)
{
	const struct nb_port *port = p->sys->port;
	uint64_t half = UINT32_MAX, before, bits;
	_Atomic uint64_t *word = &p->mem_map_committed[step / 64];

	if (step % 32 || !step || (uint64_t)(step + 32) * NB_MAP_STEP_PAGES > p->mem_map_pages)
		return false;
	bits = atomic_load_explicit(word, memory_order_relaxed);
	before = step % 64 ? bits : atomic_load_explicit(word - 1, memory_order_relaxed) >> 32;
	if ((before & half) != half || bits >> (step % 64) & half)
		return false;
	for (uint32_t i = 0; i < 32; i += 16) {
		if (!commit_types(p, (((size_t)(step + i) * NB_MAP_STEP_PAGES) >>
				      p->sys->pageblock_order) /
					     STEP_BYTES))
			return false;
	}
	if (port->commit(port->ctx, p->mem_map + (size_t)step * NB_MAP_STEP_PAGES, 32 * STEP_BYTES))
		return false;
	atomic_store_explicit(word, bits | half << (step % 64), memory_order_release);
	return true;
}

bool nb_map_commit_slow(struct nb_pgdat *p, uint32_t dense, uint32_t pages)
{
	uint32_t last = (dense + pages - 1) / NB_MAP_STEP_PAGES;
	bool ok = true;

	nb_lock(&p->map_lock, p->sys->port);
	for (uint32_t step = dense / NB_MAP_STEP_PAGES; step <= last && ok; step++)
		ok = commit_piece(p, step) || commit_step(p, step);
	nb_unlock(&p->map_lock, p->sys->port);
	return ok;
}

bool nb_pageblock_commit(struct nb_pgdat *p, uint64_t dense, uint64_t pages)
{
	unsigned shift = p->sys->pageblock_order;
	size_t last = (size_t)((dense + pages - 1) >> shift) / STEP_BYTES;
	bool ok = true;

	nb_lock(&p->map_lock, p->sys->port);
	for (size_t chunk = (size_t)(dense >> shift) / STEP_BYTES; chunk <= last && ok; chunk++)
		ok = commit_types(p, chunk);
	nb_unlock(&p->map_lock, p->sys->port);
	return ok;
}

void nb_set_pageblock_mt(struct nb_zone *z, uint32_t dense, enum nb_migratetype mt)
{
	uint32_t i = dense >> z->sys->pageblock_order;
	enum nb_migratetype old = nb_pageblock_mt(z, dense);

	/* A pageblock that straddles the zone's border may be counted elsewhere. */
	if (z->nr_pageblocks[old])
		z->nr_pageblocks[old]--;
	z->nr_pageblocks[mt]++;
	atomic_store_explicit(&z->pgdat->pageblock_flags[i], (uint8_t)(mt ^ NB_MIGRATE_MOVABLE),
			      memory_order_relaxed);
}
