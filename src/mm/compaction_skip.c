/* compaction_skip.c -- what a zone remembers of its pageblocks between compaction runs.
 *
 * Called by the scanners and by kswapd before it sleeps. A bit per pageblock says that the last
 * look found nothing to gather, or nothing free; two positions say where the scanners go on. Once a
 * run for a request has met its end, the next reset looks at a sample of every pageblock's pages
 * and clears the bits of those that are good for something again (since 5.1; all bits before).
 * Units and names as compaction.h. Source: mm/compaction.c, __reset_isolation_suitable(),
 * __reset_isolation_pfn(), update_cached_migrate(), pageblock_skip_persistent().
 */
#include "base/mem.h"
#include "mm/compaction.h"
#include "mm/page.h"

#define SAMPLE_PAGES (1u << NB_COSTLY_ORDER)

bool nb_pageblock_skip(const struct nb_zone *z, const struct nb_zone_compact *c, uint32_t dense)
{
	uint64_t n = dense >> z->sys->pageblock_order;

	return c->skip[n / 64] >> (n % 64) & 1;
}

static void change_skip(const struct nb_zone *z, struct nb_zone_compact *c, uint32_t dense, bool on)
{
	uint64_t n = dense >> z->sys->pageblock_order, bit = UINT64_C(1) << (n % 64);

	c->skip[n / 64] = on ? c->skip[n / 64] | bit : c->skip[n / 64] & ~bit;
}

void nb_set_pageblock_skip(const struct nb_zone *z, struct nb_zone_compact *c, uint32_t dense)
{
	change_skip(z, c, dense, true);
}

void nb_update_cached_migrate(struct nb_compact_control *cc, nb_pfn_t pfn)
{
	nb_pfn_t *cached = cc->state->cached_migrate_pfn;

	/* `pfn` ends a pageblock, so this is the end of the next one: the kernel passes it over,
	 * too */
	if (nb_compact_since(cc, NB_COMPACT_FAST_SINCE))
		pfn = nb_block_end(pfn, cc->sys->pageblock_order);
	else if (cc->ignore_skip_hint)
		return;
	if (pfn > cached[0])
		cached[0] = pfn;
	if (cc->mode != NB_MIGRATE_ASYNC && pfn > cached[1])
		cached[1] = pfn;
}

void nb_reset_cached_positions(const struct nb_zone *z, struct nb_zone_compact *c)
{
	c->cached_migrate_pfn[0] = c->cached_migrate_pfn[1] = z->zone_start_pfn;
	c->cached_free_pfn = nb_block_start(nb_zone_end_pfn(z) - 1, z->sys->pageblock_order);
}

/* The pageblock around pfn, as far as it lies in the zone. */
struct block {
	struct nb_page *first, *last;
	uint32_t dense;
	bool known; /* descriptors may be read */
};

static bool find_block(const struct nb_zone *z, nb_pfn_t pfn, struct block *b)
{
	unsigned o = z->sys->pageblock_order;
	nb_pfn_t start = nb_block_start(pfn, o), end = nb_block_end(pfn, o) - 1;
	struct nb_zone *of = NULL;
	struct nb_page *page = nb_pfn_to_page(z->sys, pfn, &of), *first;

	if (!page || of != z)
		return false;
	start = start > z->zone_start_pfn ? start : z->zone_start_pfn;
	end = end < nb_zone_end_pfn(z) ? end : nb_zone_end_pfn(z) - 1;
	first = nb_pfn_to_page(z->sys, start, &of);
	/* nodes may share a pageblock; each has descriptors of its own */
	b->first = first && of->pgdat == z->pgdat ? first : page;
	b->last = nb_pfn_to_page(z->sys, end, &of);
	b->dense = nb_page_dense(z->mem_map, page);
	b->known = nb_map_is_committed(z->pgdat, b->dense);
	return b->last && of->pgdat == z->pgdat;
}

/* Does a sample of its pages show one that is on a list (source) or heads a free block (target)? */
static bool sample_shows(const struct nb_zone *z, const struct block *b, bool source, bool target)
{
	uint32_t want = (source ? (uint32_t)PG_LRU : 0) | (target ? (uint32_t)PG_BUDDY : 0);

	if (!b->known) /* whole free blocks, if anything */
		return target && !(b->dense >> z->sys->pageblock_order & 1);
	for (const struct nb_page *p = b->first; p <= b->last; p += SAMPLE_PAGES) {
		if (nb_page_flags(p) & want)
			return true;
	}
	return false;
}

/* Clears the bit where the pageblock is good for something. */
static bool reset_block(const struct nb_zone *z, struct nb_zone_compact *c, nb_pfn_t pfn,
			bool source, bool target)
{
	unsigned o = z->sys->pageblock_order;
	struct block b;
	uint32_t flags;

	if (!find_block(z, pfn, &b))
		return false;
	flags = b.known ? nb_page_flags(b.first) : 0;
	if (flags & (PG_COMPOUND | PG_HUGETLB) && nb_flags_order(flags) >= o)
		return false;
	if (source && target && !nb_pageblock_skip(z, c, b.dense))
		return true;
	if (!source && nb_pageblock_mt_any(z, b.dense) != NB_MIGRATE_MOVABLE)
		return false;
	if (!sample_shows(z, &b, source, target))
		return false;
	change_skip(z, c, b.dense, false);
	return true;
}

/* From both ends: what is found first is where the scanners begin. */
static void reset_by_sample(struct nb_zone *z, struct nb_zone_compact *c)
{
	nb_pfn_t block = UINT64_C(1) << z->sys->pageblock_order;
	nb_pfn_t migrate = z->zone_start_pfn, free = nb_zone_end_pfn(z) - 1;
	nb_pfn_t reset_migrate = free, reset_free = migrate;
	bool source_set = false, free_set = false;

	for (; migrate < free; migrate += block, free -= block) {
		if (reset_block(z, c, migrate, true, source_set) && migrate < reset_migrate) {
			source_set = true;
			reset_migrate = c->init_migrate_pfn = migrate;
			c->cached_migrate_pfn[0] = c->cached_migrate_pfn[1] = migrate;
		}
		if (reset_block(z, c, free, free_set, true) && free > reset_free) {
			free_set = true;
			reset_free = c->init_free_pfn = c->cached_free_pfn = free;
		}
		if (free < block)
			break;
	}
	if (reset_migrate >= reset_free) {
		c->cached_migrate_pfn[0] = c->cached_migrate_pfn[1] = migrate;
		c->cached_free_pfn = free;
	}
}

void nb_reset_isolation_suitable(struct nb_zone *z, struct nb_zone_compact *c)
{
	uint64_t blocks = z->pgdat->mem_map_pages >> z->sys->pageblock_order;

	if (z->sys->profile->version >= NB_COMPACT_FAST_SINCE) {
		if (!atomic_load_explicit(&c->blockskip_flush, memory_order_relaxed))
			return;
		atomic_store_explicit(&c->blockskip_flush, false, memory_order_relaxed);
		reset_by_sample(z, c);
		return;
	}
	atomic_store_explicit(&c->blockskip_flush, false, memory_order_relaxed);
	nb_reset_cached_positions(z, c);
	memset(c->skip, 0, (blocks / 64 + 1) * sizeof(uint64_t));
}
