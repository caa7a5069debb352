/* compaction_fast.c -- the scanners' shortcuts through the free lists (Linux 5.1 on).
 *
 * Called by compaction_scan.c and compaction_free.c for requests of an order. Where many pages are
 * free a pageblock is cheaply emptied, and free blocks near the top are good targets: instead of
 * looking at every pageblock on the way, some entries of the movable free lists are looked at. The
 * fewer of these searches succeed, the shorter they become. What was looked at is moved out of the
 * next search's way by turning the list. Under the zone's lock.
 * Units and names as compaction.h. Source: mm/compaction.c, fast_find_migrateblock(),
 * fast_isolate_freepages(), fast_isolate_around(), freelist_scan_limit(), next_search_order().
 */
#include "mm/buddy.h"
#include "mm/compaction.h"
#include "mm/event.h"
#include "mm/pcp.h"

static unsigned scan_limit(const struct nb_compact_control *cc)
{
	unsigned fail = cc->fast_search_fail < 31 ? cc->fast_search_fail : 31;

	return (NB_COMPACT_CLUSTER_MAX >> fail) + 1;
}

static struct nb_list *movable_list(const struct nb_compact_control *cc, int order)
{
	return &cc->zone->free_area[order].free_list[NB_MIGRATE_MOVABLE];
}

/* Turns the list until `page` comes first; what stood before it comes last. */
static void turn_to(const struct nb_zone *z, struct nb_list *l, struct nb_page *page)
{
	struct nb_page *map = z->mem_map;
	nb_link_t link = nb_page_link(map, page), before = page->prev;

	if (!before)
		return;
	nb_link_page(map, before)->next = 0;
	nb_link_page(map, l->last)->next = l->first;
	nb_link_page(map, l->first)->prev = l->last;
	l->first = link;
	l->last = before;
	page->prev = 0;
}

/* Turns the list until `page` comes last. */
static void turn_behind(const struct nb_zone *z, struct nb_list *l, struct nb_page *page)
{
	if (page->next)
		turn_to(z, l, nb_link_page(z->mem_map, page->next));
}

/* ---- a source ---- */

/* Is a search worth it, or wanted at all? */
static bool may_jump(const struct nb_compact_control *cc)
{
	nb_pfn_t pfn = cc->migrate_pfn;

	if (!nb_compact_since(cc, NB_COMPACT_FAST_SINCE) || cc->ignore_skip_hint ||
	    cc->finish_pageblock)
		return false;
	/* in the middle of a pageblock that is not done */
	if (pfn != cc->zone->zone_start_pfn && pfn != nb_block_start(pfn, cc->sys->pageblock_order))
		return false;
	if (cc->order <= NB_COSTLY_ORDER)
		return false;
	/* a movable pageblock is not emptied for something that would stay in it */
	return !cc->direct || cc->migratetype == NB_MIGRATE_MOVABLE;
}

static void note_found(struct nb_compact_control *cc, nb_pfn_t pfn)
{
	cc->fast_search_fail = 0;
	if (cc->fast_start_pfn == NB_NO_PFN)
		return;
	if (!cc->fast_start_pfn || pfn < cc->fast_start_pfn)
		cc->fast_start_pfn = pfn;
}

/* One order's list. true: *ret is the found block. */
static bool search_source(struct nb_compact_control *cc, int order, nb_pfn_t high, unsigned limit,
			  unsigned *scanned, nb_pfn_t *ret)
{
	struct nb_zone *z = cc->zone;
	struct nb_list *l = movable_list(cc, order);
	nb_link_t next;

	for (nb_link_t link = l->first; link; link = next) {
		struct nb_page *page = nb_link_page(z->mem_map, link);
		nb_pfn_t pfn = nb_zone_page_pfn(z, page);

		next = page->next;
		if ((*scanned)++ >= limit) {
			turn_behind(z, l, page);
			return false;
		}
		if (pfn >= high || nb_pageblock_skip(z, cc->state, nb_page_dense(z->mem_map, page)))
			continue;
		turn_behind(z, l, page);
		*ret = pfn;
		return true;
	}
	return false;
}

nb_pfn_t nb_fast_find_migrateblock(struct nb_compact_control *cc)
{
	struct nb_zone *z = cc->zone;
	unsigned limit = scan_limit(cc), scanned = 0;
	nb_pfn_t pfn = cc->migrate_pfn, distance, high, found = 0;
	bool any = false;

	if (!may_jump(cc))
		return pfn;
	/* Any in the first half of what is left when it begins, then in its first eighth: what was
	 * a target should not become a source. */
	distance = (cc->free_pfn - pfn) >> (pfn == z->zone_start_pfn ? 1 : 3);
	high = nb_block_start(pfn + distance, cc->sys->pageblock_order);
	for (int o = cc->order - 1; o >= NB_COSTLY_ORDER && !any && scanned < limit; o--) {
		if (!nb_zone_nr_free(z, (unsigned)o))
			continue;
		nb_zone_lock(z, cc->cpu);
		any = search_source(cc, o, high, limit, &scanned, &found);
		nb_zone_unlock(z);
	}
	cc->migrate_scanned += scanned;
	if (any) {
		note_found(cc, found);
		found = nb_block_start(found, cc->sys->pageblock_order);
		return found > z->zone_start_pfn ? found : z->zone_start_pfn;
	}
	cc->fast_search_fail++;
	/* the scan in address order begins with the lowest that was ever found, once */
	if (cc->fast_start_pfn && cc->fast_start_pfn != NB_NO_PFN) {
		cc->migrate_pfn = cc->fast_start_pfn;
		cc->fast_start_pfn = NB_NO_PFN;
	}
	return cc->migrate_pfn;
}

/* ---- targets ---- */

/* One search. */
struct target {
	nb_pfn_t low;      /* good enough at once: the top quarter */
	nb_pfn_t min;      /* good if there is none: the top half */
	nb_pfn_t highest;  /* pageblock of the highest seen */
	unsigned limit;    /* entries of a list */
	unsigned scanned;  /* all orders, and pages taken */
	unsigned on_order; /* entries of this order's list */
	uint64_t isolated;
	nb_pfn_t pfn; /* of what was taken; NB_NO_PFN */
	bool start;   /* the free scanner is at its beginning */
};

/* The entry to take from one order's list, from its end on, or NULL; the list is turned. */
static struct nb_page *search_target(struct nb_compact_control *cc, struct target *t, int order)
{
	struct nb_zone *z = cc->zone;
	struct nb_page *map = z->mem_map, *page = NULL, *good = NULL, *best = NULL;
	struct nb_list *l = movable_list(cc, order);
	nb_pfn_t best_pfn = 0;
	nb_link_t link;

	t->on_order = 0;
	for (link = l->last; link; link = page->prev) {
		nb_pfn_t pfn, block;

		page = nb_link_page(map, link);
		pfn = nb_zone_page_pfn(z, page);
		block = nb_block_start(pfn, cc->sys->pageblock_order);
		t->on_order++;
		t->scanned++;
		if (pfn >= t->highest)
			t->highest = block > z->zone_start_pfn ? block : z->zone_start_pfn;
		if (pfn >= t->low) {
			cc->fast_search_fail = 0;
			cc->search_order = order;
			good = page;
			break;
		}
		if (pfn >= t->min && pfn > best_pfn) {
			best_pfn = pfn;
			best = page;
			t->limit >>= 1; /* one will do */
		}
		if (t->on_order >= t->limit)
			break;
	}
	if (!good)
		good = best;
	if (good)
		turn_to(z, l, good);
	else if (link)
		turn_to(z, l, page);
	return good;
}

/* The order to look at next, round about; -1: all were looked at. */
static int next_order(struct nb_compact_control *cc, int order)
{
	if (--order < 0)
		order = cc->order - 1;
	if (order != cc->search_order)
		return order;
	if (--cc->search_order < 0)
		cc->search_order = cc->order - 1;
	return -1;
}

/* Searches one order and takes what it finds. false: the zone must keep it, no more searching. */
static bool take_from(struct nb_compact_control *cc, struct target *t, int order)
{
	struct nb_zone *z = cc->zone;
	struct nb_page *page;
	bool taken = true;

	nb_zone_lock(z, cc->cpu);
	page = search_target(cc, t, order);
	if (page) {
		nb_pfn_t pfn = nb_zone_page_pfn(z, page);

		taken = nb_isolate_free_page(cc, page, (unsigned)order);
		if (taken) {
			t->pfn = pfn;
			t->isolated += UINT64_C(1) << order;
			t->scanned += (1u << order) - 1;
		}
	}
	nb_zone_unlock(z);
	return taken;
}

static void search_orders(struct nb_compact_control *cc, struct target *t)
{
	int order;

	if (cc->search_order > cc->order - 1)
		cc->search_order = cc->order - 1;
	for (order = cc->search_order; t->pfn == NB_NO_PFN && order >= 0;
	     order = next_order(cc, order)) {
		if (!nb_zone_nr_free(cc->zone, (unsigned)order))
			continue;
		if (!take_from(cc, t, order))
			order = cc->search_order + 1;
		if (cc->nr_free >= cc->nr_migrate)
			return;
		/* all orders together look at about as much as the first alone may */
		if (t->on_order >= t->limit)
			t->limit = t->limit > 1 ? t->limit >> 1 : 1;
	}
}

/* Nothing was found: where the scan in address order is to begin. */
static void go_elsewhere(struct nb_compact_control *cc, struct target *t)
{
	struct nb_zone *of;

	cc->fast_search_fail++;
	if (!t->start)
		return;
	if (t->highest >= t->min)
		cc->free_pfn = t->pfn = t->highest;
	else if (cc->direct && nb_pfn_to_page(cc->sys, t->min, &of))
		cc->free_pfn = t->pfn = t->min;
}

/* What else is free around the block that was found. */
static void take_around(struct nb_compact_control *cc, nb_pfn_t pfn)
{
	const struct nb_zone *z = cc->zone;
	unsigned o = cc->sys->pageblock_order;
	nb_pfn_t start = nb_block_start(pfn, o), end = nb_block_end(pfn, o), zone_end;
	struct nb_page *page;
	bool known;

	if (cc->nr_free >= cc->nr_migrate || (cc->direct && cc->mode == NB_MIGRATE_ASYNC))
		return;
	zone_end = nb_zone_end_pfn(z);
	start = start > z->zone_start_pfn ? start : z->zone_start_pfn;
	end = end < zone_end ? end : zone_end;
	page = nb_compact_block(cc, start, end, &known);
	if (!page || !known)
		return;
	(void)nb_isolate_freepages_block(cc, &start, end, 1);
	if (start == end)
		nb_set_pageblock_skip(z, cc->state, nb_page_dense(z->mem_map, page));
}

void nb_fast_isolate_freepages(struct nb_compact_control *cc)
{
	nb_pfn_t block = UINT64_C(1) << cc->sys->pageblock_order, distance;
	unsigned limit = scan_limit(cc) >> 1;
	struct target t = {.pfn = NB_NO_PFN, .limit = limit > 1 ? limit : 1};

	if (cc->order <= 0 || !nb_compact_since(cc, NB_COMPACT_FAST_SINCE))
		return;
	if (cc->free_pfn >= cc->state->init_free_pfn) {
		t.limit = (unsigned)(block >> 1);
		t.start = true;
	}
	distance = cc->free_pfn - cc->migrate_pfn;
	t.low = nb_block_start(cc->free_pfn - (distance >> 2), cc->sys->pageblock_order);
	t.min = nb_block_start(cc->free_pfn - (distance >> 1), cc->sys->pageblock_order);
	search_orders(cc, &t);
	if (nb_event_wanted(cc->sys, NB_EV_MM_COMPACTION_FAST_ISOLATE_FREEPAGES))
		nb_emit(cc->sys, NB_EV_MM_COMPACTION_FAST_ISOLATE_FREEPAGES, cc->cpu, cc->task,
			t.min, cc->free_pfn, (uint64_t)t.scanned, t.isolated);
	if (t.pfn == NB_NO_PFN)
		go_elsewhere(cc, &t);
	if (t.highest && t.highest >= cc->state->cached_free_pfn)
		cc->state->cached_free_pfn = t.highest - block;
	cc->free_scanned += t.scanned;
	if (t.pfn != NB_NO_PFN)
		take_around(cc, t.pfn);
}
