/* compaction_free.c -- the free scanner: frames for the pages that move, from the zone's end down.
 *
 * Called by the movers, who ask for a frame, and by compaction_fast.c. Whole free blocks are taken
 * out of movable pageblocks until there is one page for each that waits; asynchronous runs look at
 * every 32nd page only until they find something. What was not used goes back. Since 6.9 blocks are
 * kept by order and used first come, first taken, the smallest first; before, as single pages, last
 * come, first taken. Units and names as compaction.h. Source: mm/compaction.c, isolate_freepages(),
 * isolate_freepages_block(), compaction_alloc(), compaction_free(), release_free_list();
 * mm/page_alloc.c, __isolate_free_page().
 */
#include "mm/buddy.h"
#include "mm/compaction.h"
#include "mm/event.h"
#include "mm/pcp.h"
#include "mm/vmstat.h"

struct nb_page *nb_compact_block(const struct nb_compact_control *cc, nb_pfn_t start, nb_pfn_t end,
				 bool *ret_known)
{
	const struct nb_pgdat *p = cc->zone->pgdat;
	struct nb_zone *z = NULL, *last = NULL;
	struct nb_page *page = nb_pfn_to_page(cc->sys, start, &z);

	if (!page || z != cc->zone || !nb_pfn_to_page(cc->sys, end - 1, &last) || last != z)
		return NULL;
	*ret_known = nb_map_is_committed(p, nb_page_dense(p->mem_map, page)) &&
		     nb_map_is_committed(p, nb_page_dense(p->mem_map, page + (end - 1 - start)));
	return page;
}

/* ---- taking ---- */

/* A pageblock of which half or more is taken becomes movable. */
static void become_movable(struct nb_zone *z, struct nb_page *page, unsigned order)
{
	uint32_t step = 1u << z->sys->pageblock_order, pages = 1u << order;
	uint64_t movable;

	if (order + 1 < z->sys->pageblock_order)
		return;
	for (uint32_t i = 0; i < pages; i += step) {
		uint32_t dense = nb_page_dense(z->mem_map, page + i);
		enum nb_migratetype mt = nb_pageblock_mt(z, dense);

		if (mt == NB_MIGRATE_MOVABLE || mt >= NB_MIGRATE_PCPTYPES)
			continue;
		if (z->sys->profile->claim_whole_block &&
		    nb_move_freepages_block(z, page + i, NB_MIGRATE_MOVABLE, &movable) < 0)
			continue;
		nb_set_pageblock_mt(z, dense, NB_MIGRATE_MOVABLE);
	}
}

/* Puts a block where the movers find it. */
static void keep(struct nb_compact_control *cc, struct nb_page *page, unsigned order)
{
	struct nb_zone *z = cc->zone;

	cc->nr_free += UINT64_C(1) << order;
	if (nb_compact_since(cc, NB_COMPACT_ORDERS_SINCE)) {
		nb_prep_page(z, page, order);
		nb_list_add_tail(z->mem_map, &cc->free[order], page);
		return;
	}
	for (uint32_t i = 0; i < 1u << order; i++) {
		nb_prep_page(z, page + i, 0);
		nb_list_add_head(z->mem_map, &cc->free[0], page + i);
	}
}

bool nb_isolate_free_page(struct nb_compact_control *cc, struct nb_page *page, unsigned order)
{
	struct nb_zone *z = cc->zone;

	if (!nb_zone_watermark_ok(z, 0, z->wmark[NB_WMARK_MIN] + (UINT64_C(1) << order), 0,
				  NB_ALLOC_CMA))
		return false;
	nb_free_list_remove(z, page, order);
	become_movable(z, page, order);
	keep(cc, page, order);
	nb_count_vm_events(cc->sys, cc->cpu, NB_VM_COMPACT_ISOLATED, UINT64_C(1) << order);
	return true;
}

/* One step of the scan: what is at `page`? Pages that are done with it; 0: the zone must keep its
 * free pages. */
static nb_pfn_t step(struct nb_compact_control *cc, struct nb_page *page, nb_pfn_t left)
{
	uint32_t flags = nb_page_flags(page);
	nb_pfn_t n = UINT64_C(1) << nb_flags_order(flags);

	if (flags & (PG_COMPOUND | PG_HUGETLB))
		return n <= left || !nb_compact_since(cc, NB_COMPACT_ORDERS_SINCE) ? n : 1;
	if (!(flags & PG_BUDDY))
		return 1;
	return nb_isolate_free_page(cc, page, nb_flags_order(flags)) ? n : 0;
}

uint64_t nb_isolate_freepages_block(struct nb_compact_control *cc, nb_pfn_t *pfn, nb_pfn_t end,
				    unsigned stride)
{
	uint64_t had = cc->nr_free, scanned = 0;
	nb_pfn_t at = *pfn, n;
	struct nb_zone *z;
	struct nb_page *page = nb_pfn_to_page(cc->sys, at, &z);

	nb_zone_lock(cc->zone, cc->cpu);
	while (at < end) {
		uint64_t free = cc->nr_free;

		n = step(cc, page, end - at);
		scanned += n ? n : 1;
		if (!n)
			break;
		at += n;
		page += n;
		if (cc->nr_free > free && cc->nr_free >= cc->nr_migrate)
			break;
		at += stride - 1;
		page += stride - 1;
	}
	nb_zone_unlock(cc->zone);
	at = at < end ? at : end;
	if (nb_event_wanted(cc->sys, NB_EV_MM_COMPACTION_ISOLATE_FREEPAGES))
		nb_emit(cc->sys, NB_EV_MM_COMPACTION_ISOLATE_FREEPAGES, cc->cpu, cc->task, *pfn, at,
			scanned, cc->nr_free - had);
	*pfn = at;
	cc->free_scanned += scanned;
	return cc->nr_free - had;
}

/* ---- the scan ---- */

/* Source: suitable_migration_target(). */
static bool target_block(const struct nb_compact_control *cc, const struct nb_page *page,
			 bool known)
{
	uint32_t dense = nb_page_dense(cc->zone->mem_map, page);
	uint32_t flags = known ? nb_page_flags(page) : 0;
	enum nb_migratetype mt;

	/* whole blocks of the highest order, free for all that is known; inside one nothing tells
	 * so */
	if (!known && !(dense >> cc->sys->pageblock_order & 1))
		return false;
	if (flags & PG_BUDDY && nb_flags_order(flags) >= cc->sys->pageblock_order)
		return false;
	mt = nb_pageblock_mt_any(cc->zone, dense);
	return cc->ignore_block_suitable || mt == NB_MIGRATE_MOVABLE || mt == NB_MIGRATE_CMA;
}

/* The pageblock was seen to its end: later runs need not come here. Source:
 * update_pageblock_skip(). */
static void seen_whole(struct nb_compact_control *cc, const struct nb_page *page, nb_pfn_t start,
		       uint64_t taken)
{
	nb_pfn_t pfn = start;

	if (!nb_compact_since(cc, NB_COMPACT_FAST_SINCE) && (taken || cc->ignore_skip_hint))
		return;
	if (nb_compact_since(cc, NB_COMPACT_POSITIONS_SINCE))
		pfn -= UINT64_C(1) << cc->sys->pageblock_order;
	nb_set_pageblock_skip(cc->zone, cc->state, nb_page_dense(cc->zone->mem_map, page));
	if (pfn < cc->state->cached_free_pfn)
		cc->state->cached_free_pfn = pfn;
}

/* A pageblock without descriptors: there is nothing to take in it. */
static void pass_unknown(struct nb_compact_control *cc, nb_pfn_t *pfn, nb_pfn_t end,
			 unsigned stride)
{
	uint64_t scanned = (end - *pfn + stride - 1) / stride;

	if (nb_event_wanted(cc->sys, NB_EV_MM_COMPACTION_ISOLATE_FREEPAGES))
		nb_emit(cc->sys, NB_EV_MM_COMPACTION_ISOLATE_FREEPAGES, cc->cpu, cc->task, *pfn,
			end, scanned, UINT64_C(0));
	*pfn = end;
	cc->free_scanned += scanned;
}

/* Looks into one pageblock from *pfn on. false: the scan ends, *pfn is where the next begins. */
static bool look_into(struct nb_compact_control *cc, nb_pfn_t start, nb_pfn_t end, nb_pfn_t *pfn,
		      unsigned *stride)
{
	nb_pfn_t block = UINT64_C(1) << cc->sys->pageblock_order;
	nb_pfn_t first = start > cc->zone->zone_start_pfn ? start : cc->zone->zone_start_pfn;
	bool known;
	struct nb_page *page = nb_compact_block(cc, first, end, &known);
	uint64_t taken = 0;

	if (!page || !target_block(cc, page, known) ||
	    (!cc->ignore_skip_hint &&
	     nb_pageblock_skip(cc->zone, cc->state, nb_page_dense(cc->zone->mem_map, page))))
		return true;
	*pfn = *pfn > first ? *pfn : first;
	if (known)
		taken = nb_isolate_freepages_block(cc, pfn, end, *stride);
	else
		pass_unknown(cc, pfn, end, *stride);
	if (*pfn == end)
		seen_whole(cc, page, start, taken);
	if (cc->nr_free >= cc->nr_migrate) {
		if (*pfn >= end)
			*pfn = start - block;
		return false;
	}
	if (*pfn < end)
		return false;
	if (taken)
		*stride = 1;
	else
		*stride = *stride < NB_COMPACT_CLUSTER_MAX / 2 ? *stride << 1
							       : NB_COMPACT_CLUSTER_MAX;
	return true;
}

void nb_isolate_freepages(struct nb_compact_control *cc)
{
	unsigned o = cc->sys->pageblock_order, stride = 1;
	nb_pfn_t block = UINT64_C(1) << o, zone_end = nb_zone_end_pfn(cc->zone), low, start, end;
	nb_pfn_t pfn;

	nb_fast_isolate_freepages(cc);
	if (cc->nr_free)
		return;
	pfn = cc->free_pfn;
	low = nb_block_end(cc->migrate_pfn, o);
	start = nb_block_start(pfn, o);
	end = start + block < zone_end ? start + block : zone_end;
	if (cc->mode == NB_MIGRATE_ASYNC && nb_compact_since(cc, NB_COMPACT_FAST_SINCE))
		stride = NB_COMPACT_CLUSTER_MAX;
	while (start >= low && look_into(cc, start, end, &pfn, &stride)) {
		end = start;
		start -= block;
		pfn = start;
	}
	cc->free_pfn = pfn;
}

/* ---- giving ---- */

/* The smallest block that there is; NULL: none. */
static struct nb_page *smallest(struct nb_compact_control *cc, unsigned *ret_order)
{
	struct nb_page *map = cc->zone->mem_map, *page;

	for (unsigned o = 0; o <= cc->sys->max_order; o++) {
		if (!cc->free[o].first)
			continue;
		page = nb_link_page(map, cc->free[o].first);
		nb_list_del(map, &cc->free[o], page);
		*ret_order = o;
		return page;
	}
	return NULL;
}

nb_pfn_t nb_compaction_target(void *arg, const struct nb_migrate_item *from)
{
	struct nb_compact_control *cc = arg;
	struct nb_zone *z = cc->zone;
	struct nb_page *page;
	unsigned order;

	if (nb_page_order(from->page))
		return NB_NO_PFN;
	if (!cc->nr_free)
		nb_isolate_freepages(cc);
	page = smallest(cc, &order);
	if (!page)
		return NB_NO_PFN;
	while (order) {
		struct nb_page *upper = page + (1u << --order);

		nb_prep_page(z, upper, order);
		nb_list_add_head(z->mem_map, &cc->free[order], upper);
	}
	nb_prep_page(z, page, 0);
	cc->nr_free--;
	if (nb_compact_since(cc, NB_COMPACT_ORDERS_SINCE))
		cc->nr_migrate--;
	return nb_zone_page_pfn(z, page);
}

void nb_compaction_untarget(void *arg, nb_pfn_t pfn)
{
	struct nb_compact_control *cc = arg;
	struct nb_zone *z = cc->zone;
	struct nb_page *page = nb_pfn_to_page(cc->sys, pfn, &z);

	nb_prep_page(z, page, 0);
	nb_list_add_head(z->mem_map, &cc->free[0], page);
	cc->nr_free++;
	if (nb_compact_since(cc, NB_COMPACT_ORDERS_SINCE))
		cc->nr_migrate++;
}

nb_pfn_t nb_release_freepages(struct nb_compact_control *cc)
{
	struct nb_zone *z = cc->zone;
	struct nb_page *page;
	nb_pfn_t high = 0;
	unsigned order;

	while ((page = smallest(cc, &order))) {
		nb_pfn_t pfn = nb_zone_page_pfn(z, page);

		high = pfn > high ? pfn : high;
		nb_free_page_block(z, page, order, cc->cpu);
	}
	cc->nr_free = 0;
	return high;
}
