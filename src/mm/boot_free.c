/* boot_free.c -- the first frees: memory goes from the firmware to the free lists.
 *
 * Called once at boot, by nb_boot_free_lists(). Low memory is released in ascending order, in the
 * largest aligned chunks, each to the tail of its list: the lowest block is handed out first. A run
 * of whole max-order blocks goes in as one extent. High memory of 32-bit kernels is released page
 * by page to the heads, so that its highest block comes first. CMA's pageblocks come last and have
 * lists of their own. Deferred initialisation releases the rest of each node's last zone later, but
 * in the same order, so the lists are equal. page_alloc.shuffle=1 then swaps max-order blocks
 * about, by the system's seed. What is present and not managed is reserved: where the machine tells
 * what memblock had reserved (boot_reserved.c), memory is freed around that; else x86's first MiB,
 * then the zone's highest pages. Cost: O(memory ranges); with shuffling O(blocks). Source:
 * mm/memblock.c: __free_memory_core(), __free_pages_memory(); mm/shuffle.c; facts 5.4.
 */
#include "mm/boot.h"
#include "mm/buddy.h"
#include "mm/event.h"
#include "mm/page_alloc.h"

/* CONFIG_DEFERRED_STRUCT_PAGE_INIT; and since when reserved late pages make their pageblock
 * movable, too (__init_page_from_nid()). */
#define DEFERRED_SINCE 4002u
#define LATE_MOVABLE_SINCE 6015u

static int no_host_memory(struct nb_error *err)
{
	return nb_error_set(err, -NB_ENOMEM, 0, "no memory for page descriptors");
}

/* Frees [dense, dense + pages), less than a max-order block's worth on either side, as aligned
 * chunks. */
static bool free_chunks(struct nb_zone *z, uint32_t dense, uint32_t pages, unsigned fpi)
{
	unsigned max_order = z->sys->max_order;
	uint32_t block = 1u << max_order;

	while (pages) {
		unsigned order = dense ? (unsigned)__builtin_ctz(dense) : max_order;

		if (order > max_order)
			order = max_order;
		while (1u << order > pages)
			order--;
		if (!nb_map_commit(z->pgdat, dense & ~(block - 1), block))
			return false;
		nb_free_one_page(z, z->mem_map + dense, order, nb_pageblock_mt(z, dense), fpi);
		dense += 1u << order;
		pages -= 1u << order;
	}
	return true;
}

/* Frees a run of whole max-order blocks as one element of its list. */
static bool free_extent(struct nb_zone *z, uint32_t dense, uint64_t blocks, bool descending,
			enum nb_migratetype mt)
{
	unsigned max_order = z->sys->max_order;
	uint32_t head = descending ? dense + (uint32_t)((blocks - 1) << max_order) : dense;

	if (!blocks)
		return true;
	if (!nb_map_commit(z->pgdat, head, 1u << max_order))
		return false;
	nb_free_list_add_extent(z, z->mem_map + head, blocks, descending, mt, !descending);
	nb_account_free(z, mt, (int64_t)(blocks << max_order));
	return true;
}

/* Frees [dense, dense + pages) of one piece. `high`: as high memory is. */
static bool free_span(struct nb_zone *z, uint32_t dense, uint64_t pages, bool high)
{
	uint64_t block = UINT64_C(1) << z->sys->max_order;
	uint64_t end = dense + pages;
	uint64_t first = (dense + block - 1) & ~(block - 1), last = end & ~(block - 1);
	unsigned fpi = high ? NB_FPI_NONE : NB_FPI_TO_TAIL;

	if (first >= last)
		return free_chunks(z, dense, (uint32_t)pages, fpi);
	return free_chunks(z, dense, (uint32_t)(first - dense), fpi) &&
	       free_extent(z, (uint32_t)first, (last - first) >> z->sys->max_order, high,
			   NB_MIGRATE_MOVABLE) &&
	       free_chunks(z, (uint32_t)last, (uint32_t)(end - last), fpi);
}

/* A pageblock's type is set when its first page is initialised; one that begins in a hole stays
 * unmovable. Source: memmap_init_range(). */
static bool type_first_block(struct nb_system *sys, const struct nb_memblock_range *r)
{
	uint32_t pages = 1u << sys->pageblock_order;
	nb_pfn_t start = r->start_pfn & ~(nb_pfn_t)(pages - 1);
	struct nb_zone *z;

	if (start == r->start_pfn || nb_pfn_to_page(sys, start, &z))
		return true;
	uint32_t dense = r->dense - (uint32_t)(r->start_pfn - start);

	if (!nb_map_commit(r->pgdat, dense & ~((1u << sys->max_order) - 1), 1u << sys->max_order))
		return false;
	atomic_store_explicit(&r->pgdat->pageblock_flags[dense >> sys->pageblock_order],
			      NB_MIGRATE_UNMOVABLE ^ NB_MIGRATE_MOVABLE, memory_order_relaxed);
	return true;
}

/* Where the zone's CMA lies: at the top of what is managed, in whole pageblocks of one piece. */
static uint64_t cma_start(const struct nb_zone *z, const struct nb_memblock_range *r, nb_pfn_t end)
{
	uint64_t block = UINT64_C(1) << z->sys->pageblock_order;
	nb_pfn_t top = end & ~(block - 1);

	if (!z->cma_pages || z->cma_pages % block || top < r->start_pfn + z->cma_pages)
		return NB_NO_PFN;
	return top - z->cma_pages;
}

static bool free_cma(struct nb_zone *z, uint32_t dense)
{
	struct nb_system *sys = z->sys;
	uint32_t block = 1u << sys->max_order, pages = (uint32_t)z->cma_pages;
	uint32_t end = dense + pages, d = dense;

	for (uint32_t i = dense; i < end; i += 1u << sys->pageblock_order) {
		if (!nb_map_commit(z->pgdat, i & ~(block - 1), block))
			return false;
		nb_set_pageblock_mt(z, i, NB_MIGRATE_CMA);
	}
	while (d < end && d & (block - 1)) {
		nb_free_one_page(z, z->mem_map + d, sys->pageblock_order, NB_MIGRATE_CMA,
				 NB_FPI_NONE);
		d += 1u << sys->pageblock_order;
	}
	if (!free_extent(z, d, (end - d) / block, true, NB_MIGRATE_CMA))
		return false;
	for (d += (end - d) & ~(block - 1); d < end; d += 1u << sys->pageblock_order)
		nb_free_one_page(z, z->mem_map + d, sys->pageblock_order, NB_MIGRATE_CMA,
				 NB_FPI_NONE);
	sys->has_cma = true;
	return true;
}

/* Reserved pages that boot frees later are in use from the beginning. */
static bool take_later(struct nb_zone *z, uint32_t dense, uint64_t pages)
{
	uint32_t block = 1u << z->sys->max_order;

	while (pages) {
		unsigned order = (unsigned)__builtin_ctz(dense | block);

		while (UINT64_C(1) << order > pages)
			order--;
		if (!nb_map_commit(z->pgdat, dense & ~(block - 1), block))
			return false;
		nb_page_set_flags(z->mem_map + dense, PG_SYSTEM | order | z->page_bits);
		dense += 1u << order;
		pages -= UINT64_C(1) << order;
	}
	return true;
}

/* Frees [start, end) of one piece but for what is reserved. */
static bool free_around(struct nb_system *sys, const struct nb_memblock_range *r, nb_pfn_t start,
			nb_pfn_t end, bool high)
{
	unsigned i = nb_reserved_first_past(sys, start);

	for (; i < sys->nr_reserved && sys->reserved[i].start_pfn < end; i++) {
		const struct nb_reserved *x = &sys->reserved[i];
		uint32_t dense = r->dense + (uint32_t)(start - r->start_pfn);
		uint32_t later = r->dense + (uint32_t)(x->later_pfn - r->start_pfn);

		if (start < x->start_pfn && !free_span(r->zone, dense, x->start_pfn - start, high))
			return false;
		if (!take_later(r->zone, later, x->end_pfn - x->later_pfn))
			return false;
		start = x->end_pfn;
	}
	return start >= end ||
	       free_span(r->zone, r->dense + (uint32_t)(start - r->start_pfn), end - start, high);
}

static bool free_piece(struct nb_system *sys, const struct nb_memblock_range *r)
{
	struct nb_zone *z = r->zone;
	nb_pfn_t start = r->start_pfn, end = r->end_pfn;
	bool last = end >= z->managed_end_pfn && start < z->managed_end_pfn;

	if (start < z->managed_start_pfn)
		start = z->managed_start_pfn;
	if (end > z->managed_end_pfn)
		end = z->managed_end_pfn;
	if (start >= end)
		return true;
	bool high = z->type == NB_ZONE_HIGHMEM ||
		    (sys->zones >> NB_ZONE_HIGHMEM & 1 && start >= sys->max_low_pfn);
	nb_pfn_t cma = last ? cma_start(z, r, end) : NB_NO_PFN;

	if (cma == NB_NO_PFN || cma < start)
		return free_around(sys, r, start, end, high);
	uint32_t dense = r->dense + (uint32_t)(start - r->start_pfn);
	uint32_t cma_dense = r->dense + (uint32_t)(cma - r->start_pfn);

	return free_span(z, dense, cma - start, high) &&
	       free_span(z, cma_dense + (uint32_t)z->cma_pages, end - cma - z->cma_pages, high) &&
	       free_cma(z, cma_dense);
}

/* How many of the positions start, start + pageblock, ... (the zone's own grid) lie in [from, to).
 */
static uint64_t grid_points(const struct nb_zone *z, nb_pfn_t from, nb_pfn_t to,
			    nb_pfn_t *ret_first)
{
	uint64_t block = UINT64_C(1) << z->sys->pageblock_order;
	nb_pfn_t end = nb_zone_end_pfn(z);

	if (to > end)
		to = end;
	if (from < z->zone_start_pfn)
		from = z->zone_start_pfn;
	if (from >= to)
		return 0;
	*ret_first = z->zone_start_pfn + (from - z->zone_start_pfn + block - 1) / block * block;
	return *ret_first < to ? (to - 1 - *ret_first) / block + 1 : 0;
}

static void count_points(struct nb_zone *z, nb_pfn_t from, nb_pfn_t to, bool hole)
{
	uint64_t block = UINT64_C(1) << z->sys->pageblock_order;
	nb_pfn_t first = 0;
	uint64_t n = grid_points(z, from, to, &first);
	struct nb_zone *other;

	if (!n)
		return;
	/* Only the first can differ: its pageblock may begin outside. */
	bool movable = nb_pfn_to_page(z->sys, first & ~(block - 1), &other) != NULL;

	z->nr_pageblocks[movable ? NB_MIGRATE_MOVABLE : NB_MIGRATE_UNMOVABLE]++;
	z->nr_pageblocks[hole ? NB_MIGRATE_UNMOVABLE : NB_MIGRATE_MOVABLE] += n - 1;
}

/* Pageblocks as /proc/pagetypeinfo counts them: on a grid from the zone's start, where a struct
 * page exists and says this zone. Holes of a present memory section have struct pages of the zone
 * above them; a flat map (i386) has them everywhere. Source: pagetypeinfo_showblockcount_print(),
 * init_unavailable_range(). */
static void count_pageblocks(struct nb_system *sys)
{
	bool flat = sys->machine->arch == NB_ARCH_I386 || sys->machine->arch == NB_ARCH_I386PAE;
	uint64_t section = UINT64_C(1) << (flat                   ? 52
					   : sys->page_shift < 16 ? 27 - sys->page_shift
								  : 29 - sys->page_shift);

	for (unsigned i = 0; i < sys->nr_ranges; i++) {
		const struct nb_memblock_range *r = &sys->ranges[i];
		nb_pfn_t hole = i ? sys->ranges[i - 1].end_pfn : 0;
		nb_pfn_t up = i ? (hole + section - 1) / section * section : 0;
		nb_pfn_t down = r->start_pfn / section * section;

		if (up > r->start_pfn)
			up = r->start_pfn;
		if (down < up)
			down = up;
		count_points(r->zone, hole, up, true);
		count_points(r->zone, down, r->start_pfn, true);
		count_points(r->zone, r->start_pfn, r->end_pfn, false);
	}
}

/* Pages of a memory section. */
static uint64_t section_pages(const struct nb_system *sys)
{
	return UINT64_C(1) << (sys->page_shift < 16 ? 27 - sys->page_shift : 29 - sys->page_shift);
}

/* Where deferred initialisation begins: of a node's last zone one section's worth of pages and what
 * is left to the next section are initialised before. NB_NO_PFN: nothing is deferred.
 * Source: mm/mm_init.c, defer_init(). */
static nb_pfn_t first_deferred(const struct nb_zone *z)
{
	const struct nb_system *sys = z->sys;
	uint64_t section = section_pages(sys), done = 0;

	if ((sys->machine->arch != NB_ARCH_X86_64 && sys->machine->arch != NB_ARCH_ARM64) ||
	    sys->profile->version < DEFERRED_SINCE || sys->profile->version >= LATE_MOVABLE_SINCE)
		return NB_NO_PFN;
	for (unsigned t = z->type + 1; t < NB_MAX_NR_ZONES; t++) {
		if (z->pgdat->zone[t].present_pages)
			return NB_NO_PFN;
	}
	for (int32_t i = z->first_range; i >= 0; i = sys->ranges[i].next) {
		const struct nb_memblock_range *r = &sys->ranges[i];
		nb_pfn_t pfn = r->start_pfn + (done < section ? section - done : 0);

		pfn = (pfn + section - 1) & ~(section - 1);
		if (pfn < r->end_pfn)
			return pfn;
		done += r->end_pfn - r->start_pfn;
	}
	return NB_NO_PFN;
}

/* Pageblocks of late memory become movable when their first page is freed: one that begins in
 * reserved pages keeps the type of an empty table. */
static bool type_late_blocks(struct nb_system *sys)
{
	uint64_t block = UINT64_C(1) << sys->pageblock_order;

	for (unsigned i = 0; i < sys->nr_reserved; i++) {
		const struct nb_reserved *x = &sys->reserved[i];
		const struct nb_memblock_range *r = &sys->ranges[x->range];
		nb_pfn_t pfn = (x->start_pfn + block - 1) & ~(block - 1);
		nb_pfn_t late = first_deferred(r->zone);

		for (pfn = pfn > late ? pfn : late; pfn < x->end_pfn; pfn += block) {
			uint32_t dense = r->dense + (uint32_t)(pfn - r->start_pfn);

			if (!nb_pageblock_commit(r->pgdat, dense, 1))
				return false;
			nb_set_pageblock_mt(r->zone, dense, NB_MIGRATE_UNMOVABLE);
		}
	}
	return true;
}

static void prepare_zone(struct nb_zone *z)
{
	struct nb_system *sys = z->sys;
	const struct nb_zone *dma32 = &z->pgdat->zone[NB_ZONE_DMA32];

	z->rng = sys->rng + ((uint64_t)z->pgdat->index << 8) + z->type;
	z->highatomic_free_only = sys->profile->highatomic_free_only;
	z->nofragment = z->type == NB_ZONE_NORMAL && nb_zone_configured(sys, NB_ZONE_DMA32) &&
			!(nb_nodemask_weight(&sys->online_nodes) > 1 && !dma32->present_pages);
}

int nb_boot_free_lists(struct nb_system *sys, struct nb_error *err)
{
	size_t len;
	const char *shuffle = nb_machine_option(sys->machine, "page_alloc.shuffle=", &len);

	sys->shuffle = shuffle && len && (*shuffle == '1' || *shuffle == 'y' || *shuffle == 'Y');
	sys->first_mark = sys->profile->below_high_first ? NB_WMARK_HIGH : NB_WMARK_LOW;
	for (unsigned i = 0; i < 16; i++) {
		int zone = nb_gfp_zone(i, sys->zones);

		sys->gfp_zone[i] = (int8_t)zone;
	}
	sys->vm_events =
		nb_arena_alloc(sys->arena, (sys->nr_cpu_ids + 1) * sizeof(*sys->vm_events));
	if (!sys->vm_events)
		return nb_error_set(err, -NB_ENOMEM, 0, "no memory for event counters");
	for (unsigned i = 0; i < sys->nr_pgdat * NB_MAX_NR_ZONES; i++)
		prepare_zone(&sys->pgdat[i / NB_MAX_NR_ZONES]->zone[i % NB_MAX_NR_ZONES]);
	for (unsigned i = 0; i < sys->nr_ranges; i++) {
		if (!type_first_block(sys, &sys->ranges[i]))
			return no_host_memory(err);
	}
	count_pageblocks(sys);
	if (!type_late_blocks(sys))
		return no_host_memory(err);
	for (unsigned i = 0; i < sys->nr_ranges; i++) {
		if (!free_piece(sys, &sys->ranges[i]))
			return no_host_memory(err);
	}
	if (sys->shuffle && !nb_shuffle_free_lists(sys))
		return no_host_memory(err);
	return 0;
}
