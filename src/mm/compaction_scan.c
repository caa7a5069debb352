/* compaction_scan.c -- the two scanners: pages to move from below, free pages from above.
 *
 * Called by compaction.c. The migrate scanner takes up to 32 pages of one pageblock at a time and
 * passes over pageblocks of another type (asynchronous runs), hopeless ones (skip bits) and free
 * ones. The free scanner takes whole free blocks out of movable pageblocks. A pageblock whose first
 * page heads nothing lies inside a larger free block. Linux's shortcuts through the free lists
 * (fast_find_migrateblock(), fast_isolate_freepages()) are not made: the order in which pageblocks
 * are taken differs, what becomes free does not.
 * Units and names as compaction.h. Source: mm/compaction.c, isolate_migratepages(),
 * isolate_migratepages_block(), isolate_freepages(), isolate_freepages_block(); facts 8.
 */
#include "base/mem.h"
#include "mm/buddy.h"
#include "mm/compaction.h"
#include "mm/event.h"
#include "mm/lru.h"
#include "mm/pcp.h"
#include "mm/vmstat.h"

void nb_reset_isolation_suitable(const struct nb_zone *z, struct nb_zone_compact *c)
{
	uint64_t blocks = z->pgdat->mem_map_pages >> z->sys->pageblock_order;
	nb_pfn_t block = UINT64_C(1) << z->sys->pageblock_order;

	c->cached_migrate_pfn[0] = c->cached_migrate_pfn[1] = z->zone_start_pfn;
	c->cached_free_pfn = (nb_zone_end_pfn(z) - 1) & ~(block - 1);
	memset(c->skip, 0, (blocks / 64 + 1) * sizeof(uint64_t));
}

static uint64_t skip_bit(const struct nb_zone *z, uint32_t dense, uint64_t *ret_word)
{
	uint64_t n = dense >> z->sys->pageblock_order;

	*ret_word = n / 64;
	return UINT64_C(1) << (n % 64);
}

static bool skipped(const struct nb_compact_control *cc, uint32_t dense)
{
	uint64_t word, bit = skip_bit(cc->zone, dense, &word);

	return !cc->ignore_skip_hint && cc->state->skip[word] & bit;
}

static void set_skip(const struct nb_compact_control *cc, uint32_t dense)
{
	uint64_t word, bit = skip_bit(cc->zone, dense, &word);

	if (!cc->ignore_skip_hint)
		cc->state->skip[word] |= bit;
}

/* First page of the pageblock at pfn, if it lies in the zone with descriptors; else NULL: a hole,
 * or memory that nobody has touched. */
static struct nb_page *block_page(const struct nb_compact_control *cc, nb_pfn_t pfn)
{
	struct nb_zone *z = NULL;
	struct nb_page *page = nb_pfn_to_page(cc->sys, pfn, &z);
	uint32_t dense;

	if (!page || z != cc->zone)
		return NULL;
	dense = nb_page_dense(z->mem_map, page);
	return nb_map_is_committed(z->pgdat, dense) ? page : NULL;
}

static bool movable_type(enum nb_migratetype mt)
{
	return mt == NB_MIGRATE_MOVABLE || mt == NB_MIGRATE_CMA;
}

/* Source: suitable_migration_source(). */
static bool source_type(const struct nb_compact_control *cc, enum nb_migratetype mt)
{
	if (cc->mode != NB_MIGRATE_ASYNC || !cc->direct)
		return true;
	return cc->migratetype == NB_MIGRATE_MOVABLE ? movable_type(mt) : mt == cc->migratetype;
}

/* A page that is on a list, or waits for one, and that nobody but its mappings and its cache
 * holds. */
static bool can_move(const struct nb_compact_control *cc, const struct nb_page *page,
		     uint32_t flags)
{
	uint32_t users;

	if (!(flags & PG_LRU) || flags & PG_COMPOUND || nb_flags_order(flags))
		return false;
	users = (uint32_t)__atomic_load_n(&page->mapcount, __ATOMIC_RELAXED);
	if (!(flags & PG_ANON)) {
		if (!(cc->gfp & NB_GFP_BIT_FS))
			return false;
		users++;
	}
	if (flags & PG_WRITEBACK ||
	    (flags & PG_DIRTY && !(flags & PG_SWAPBACKED) && cc->mode == NB_MIGRATE_ASYNC))
		return false;
	return __atomic_load_n(&page->refcount, __ATOMIC_RELAXED) <= users;
}

/* Gathers from [pfn, end) of one pageblock; where it stopped. Source:
 * isolate_migratepages_block(). */
static nb_pfn_t gather(struct nb_compact_control *cc, struct nb_page *page, nb_pfn_t pfn,
		       nb_pfn_t end)
{
	while (pfn < end && cc->nr_migrate < NB_COMPACT_CLUSTER_MAX) {
		uint32_t flags = nb_page_flags(page);
		nb_pfn_t n = flags ? UINT64_C(1) << nb_flags_order(flags) : 1;

		cc->migrate_scanned++;
		if (can_move(cc, page, flags) && nb_migrate_isolate(cc->sys, cc->zone, page) == 0) {
			cc->item[cc->nr_migrate++] =
				(struct nb_migrate_item){.zone = cc->zone, .page = page};
			cc->last_migrated_pfn = pfn;
		}
		page += n;
		pfn += n;
	}
	return pfn < end ? pfn : end;
}

/* A look at [start, end) of one pageblock: what was scanned and taken since `scanned`, `taken`. */
static void emit_look(const struct nb_compact_control *cc, enum nb_event_kind kind, nb_pfn_t start,
		      nb_pfn_t end, uint64_t scanned, uint64_t taken)
{
	if (nb_event_wanted(cc->sys, kind))
		nb_emit(cc->sys, kind, cc->cpu, cc->task, start, end, scanned, taken);
}

static void remember_migrate(struct nb_compact_control *cc, nb_pfn_t pfn)
{
	if (cc->ignore_skip_hint)
		return;
	if (pfn > cc->state->cached_migrate_pfn[0])
		cc->state->cached_migrate_pfn[0] = pfn;
	if (cc->mode != NB_MIGRATE_ASYNC && pfn > cc->state->cached_migrate_pfn[1])
		cc->state->cached_migrate_pfn[1] = pfn;
}

void nb_isolate_migratepages(struct nb_compact_control *cc)
{
	nb_pfn_t block = UINT64_C(1) << cc->sys->pageblock_order;
	nb_pfn_t zone_end = nb_zone_end_pfn(cc->zone);

	while (cc->migrate_pfn < zone_end &&
	       (cc->migrate_pfn | (block - 1)) < (cc->free_pfn | (block - 1))) {
		nb_pfn_t pfn = cc->migrate_pfn, end = (pfn | (block - 1)) + 1;
		struct nb_page *page = block_page(cc, pfn);
		uint64_t scanned;
		uint32_t dense;

		cc->migrate_pfn = end;
		if (!page)
			continue;
		dense = nb_page_dense(cc->zone->mem_map, page);
		if (!(pfn & (block - 1)) && (!nb_page_flags(page) || skipped(cc, dense)))
			continue;
		if (!source_type(cc, nb_pageblock_mt(cc->zone, dense))) {
			remember_migrate(cc, end);
			continue;
		}
		scanned = cc->migrate_scanned;
		cc->migrate_pfn = gather(cc, page, pfn, end);
		emit_look(cc, NB_EV_MM_COMPACTION_ISOLATE_MIGRATEPAGES, pfn, cc->migrate_pfn,
			  cc->migrate_scanned - scanned, cc->nr_migrate);
		if (!cc->nr_migrate) {
			if (!(pfn & (block - 1)))
				set_skip(cc, dense);
			remember_migrate(cc, end);
		}
		return; /* one pageblock at a time, so that the end is noticed */
	}
}

/* ---- free pages ---- */

/* Source: suitable_migration_target(). */
static bool target_block(const struct nb_compact_control *cc, const struct nb_page *page,
			 uint32_t dense)
{
	uint32_t flags = nb_page_flags(page);

	if (!flags) /* inside a free block, or an extent */
		return false;
	if (flags & PG_BUDDY && nb_flags_order(flags) >= cc->sys->pageblock_order)
		return false;
	return cc->ignore_block_suitable || movable_type(nb_pageblock_mt(cc->zone, dense));
}

/* Takes the free block that `page` heads; false: the zone must keep it. Source:
 * __isolate_free_page(). */
static bool take_block(struct nb_compact_control *cc, struct nb_page *page, unsigned order)
{
	struct nb_zone *z = cc->zone;

	if (!nb_zone_watermark_ok(z, 0, z->wmark[NB_WMARK_MIN] + (UINT64_C(1) << order), 0,
				  NB_ALLOC_CMA))
		return false;
	nb_free_list_remove(z, page, order);
	nb_prep_page(z, page, order);
	page->next = cc->free[order];
	cc->free[order] = nb_page_link(z->mem_map, page);
	cc->nr_free += UINT64_C(1) << order;
	return true;
}

/* Free blocks of one pageblock from `pfn` up; where it stopped. */
static nb_pfn_t gather_free(struct nb_compact_control *cc, struct nb_page *page, nb_pfn_t pfn,
			    nb_pfn_t end)
{
	uint64_t scanned = cc->free_scanned, had = cc->nr_free;
	nb_pfn_t start = pfn;

	nb_zone_lock(cc->zone, cc->cpu);
	while (pfn < end && cc->nr_free < cc->nr_migrate) {
		uint32_t flags = nb_page_flags(page);
		nb_pfn_t n = flags ? UINT64_C(1) << nb_flags_order(flags) : 1;

		cc->free_scanned++;
		if (flags & PG_BUDDY && !take_block(cc, page, nb_flags_order(flags)))
			break;
		page += n;
		pfn += n;
	}
	nb_zone_unlock(cc->zone);
	emit_look(cc, NB_EV_MM_COMPACTION_ISOLATE_FREEPAGES, start, pfn, cc->free_scanned - scanned,
		  cc->nr_free - had);
	return pfn;
}

void nb_isolate_freepages(struct nb_compact_control *cc)
{
	nb_pfn_t block = UINT64_C(1) << cc->sys->pageblock_order;
	nb_pfn_t low = (cc->migrate_pfn + block - 1) & ~(block - 1);
	nb_pfn_t zone_end = nb_zone_end_pfn(cc->zone);

	while (cc->free_pfn >= low && cc->nr_free < cc->nr_migrate) {
		nb_pfn_t pfn = cc->free_pfn, first = pfn & ~(block - 1), end = first + block;
		struct nb_page *page = block_page(cc, first);

		end = end < zone_end ? end : zone_end;
		if (page && target_block(cc, page, nb_page_dense(cc->zone->mem_map, page)))
			pfn = gather_free(cc, page + (pfn - first), pfn, end);
		if (cc->nr_free >= cc->nr_migrate && pfn < end) {
			cc->free_pfn = pfn; /* goes on there */
			break;
		}
		if (first < low + block || first < block) {
			cc->free_pfn = first;
			break;
		}
		cc->free_pfn = first - block;
	}
	if (!cc->ignore_skip_hint && cc->free_pfn < cc->state->cached_free_pfn)
		cc->state->cached_free_pfn = cc->free_pfn;
}

nb_pfn_t nb_compaction_target(void *arg, const struct nb_migrate_item *from)
{
	struct nb_compact_control *cc = arg;
	struct nb_zone *z = cc->zone;
	unsigned order = 0;
	struct nb_page *page;

	if (nb_page_order(from->page))
		return NB_NO_PFN;
	if (!cc->nr_free)
		nb_isolate_freepages(cc);
	while (order <= z->sys->max_order && !cc->free[order])
		order++;
	if (order > z->sys->max_order)
		return NB_NO_PFN;
	page = nb_link_page(z->mem_map, cc->free[order]);
	cc->free[order] = page->next;
	cc->nr_free -= UINT64_C(1) << order;
	while (order) {
		struct nb_page *upper = page + (1u << --order);

		nb_prep_page(z, upper, order);
		upper->next = cc->free[order];
		cc->free[order] = nb_page_link(z->mem_map, upper);
		cc->nr_free += UINT64_C(1) << order;
	}
	nb_prep_page(z, page, 0);
	return nb_zone_page_pfn(z, page);
}

nb_pfn_t nb_release_freepages(struct nb_compact_control *cc)
{
	struct nb_zone *z = cc->zone;
	nb_pfn_t high = 0;

	for (unsigned o = 0; o <= z->sys->max_order; o++) {
		while (cc->free[o]) {
			struct nb_page *page = nb_link_page(z->mem_map, cc->free[o]);
			nb_pfn_t pfn = nb_zone_page_pfn(z, page);

			cc->free[o] = page->next;
			high = pfn > high ? pfn : high;
			nb_free_page_block(z, page, o, cc->cpu);
		}
	}
	cc->nr_free = 0;
	return high;
}
