/* compaction_scan.c -- the migrate scanner: pages that can be moved, from the zone's start up.
 *
 * Called by compaction_run.c. It takes up to 32 pages of one pageblock, or all the rest of one that
 * was begun already, and passes over pageblocks of another type (asynchronous requests), hopeless
 * ones and huge pages. An asynchronous request gives a block of its order up at the first page that
 * cannot be moved. A pageblock in which nothing was found is marked.
 * Units and names as compaction.h. Source: mm/compaction.c, isolate_migratepages(),
 * isolate_migratepages_block(), suitable_migration_source(), too_many_isolated(); facts 8.
 */
#include "mm/buddy.h"
#include "mm/compaction.h"
#include "mm/event.h"
#include "mm/lru.h"
#include "mm/vmstat.h"

/* One look into a pageblock. */
struct look {
	struct nb_page *page; /* at pfn */
	nb_pfn_t start, pfn, end;
	nb_pfn_t next_skip; /* end of the block of the wanted order, where that counts */
	uint64_t scanned;
	unsigned taken;
	bool whole; /* it begins with the pageblock, and may mark it */
	bool marked;
	bool skip_on_failure;
};

static bool movable_type(enum nb_migratetype mt)
{
	return mt == NB_MIGRATE_MOVABLE || mt == NB_MIGRATE_CMA;
}

/* `flags` of the pageblock's first page. Source: suitable_migration_source(). */
static bool source_block(const struct nb_compact_control *cc, uint32_t flags, uint32_t dense)
{
	enum nb_migratetype mt = nb_pageblock_mt_any(cc->zone, dense);

	if (flags & (PG_COMPOUND | PG_HUGETLB) && nb_flags_order(flags) >= cc->sys->pageblock_order)
		return false;
	if (cc->mode != NB_MIGRATE_ASYNC || !cc->direct)
		return true;
	return cc->migratetype == NB_MIGRATE_MOVABLE ? movable_type(mt) : mt == cc->migratetype;
}

static bool too_many_isolated(const struct nb_compact_control *cc)
{
	const struct nb_pgdat *p = cc->zone->pgdat;
	const struct nb_lruvec *v = p->lruvec;
	unsigned shift = cc->gfp & NB_GFP_BIT_FS ? 3 : 0;
	uint64_t on_lists = 0;

	for (unsigned l = NB_LRU_INACTIVE_ANON; l <= NB_LRU_ACTIVE_FILE; l++)
		on_lists += nb_lruvec_tree_size(p, v, (enum nb_lru)l, NB_MAX_NR_ZONES - 1);
	return nb_lru_read(&v->isolated[0]) + nb_lru_read(&v->isolated[1]) >
	       (on_lists >> shift) / 2;
}

/* A page that is on a list and looks as if it could be moved without waiting. Whether others hold
 * a page of a file is found out by the move. */
static bool can_move(const struct nb_compact_control *cc, const struct nb_page *page,
		     uint32_t flags)
{
	bool mapping = !(flags & PG_ANON) || flags & PG_SWAPCACHE;

	if (!(flags & PG_LRU) || flags & PG_COMPOUND || nb_flags_order(flags))
		return false;
	if (!mapping && __atomic_load_n(&page->refcount, __ATOMIC_RELAXED) >
				(uint32_t)__atomic_load_n(&page->mapcount, __ATOMIC_RELAXED))
		return false;
	if (mapping && !(cc->gfp & NB_GFP_BIT_FS))
		return false;
	if (flags & PG_UNEVICTABLE && !cc->sys->tune.compact_unevictable_allowed)
		return false;
	return !(flags & PG_WRITEBACK) || cc->mode == NB_MIGRATE_SYNC;
}

/* What was gathered goes back; last come, first put. */
static void give_back(struct nb_compact_control *cc, struct look *l)
{
	while (cc->nr_items) {
		const struct nb_migrate_item *it = &cc->state->item[--cc->nr_items];

		nb_migrate_putback(cc->sys, it->zone, it->page, cc->cpu);
	}
	cc->nr_migrate = 0;
	l->taken = 0;
}

/* Takes the page at l->pfn. false: it cannot be. */
static bool take(struct nb_compact_control *cc, struct look *l, uint32_t flags)
{
	if (!can_move(cc, l->page, flags) || nb_migrate_isolate(cc->sys, cc->zone, l->page) != 0)
		return false;
	cc->state->item[cc->nr_items++] =
		(struct nb_migrate_item){.zone = cc->zone, .page = l->page};
	cc->nr_migrate++;
	l->taken++;
	return true;
}

/* Before the first page is taken the pageblock is marked, so that others keep away. true: it was
 * already. Source: test_and_set_skip(). */
static bool mark_first(struct nb_compact_control *cc, struct look *l)
{
	uint32_t dense = nb_page_dense(cc->zone->mem_map, l->page);
	bool was;

	if (l->marked || !l->whole || !nb_compact_since(cc, NB_COMPACT_FAST_SINCE))
		return false;
	l->marked = true;
	if (cc->ignore_skip_hint)
		return false;
	was = nb_pageblock_skip(cc->zone, cc->state, dense);
	nb_set_pageblock_skip(cc->zone, cc->state, dense);
	return was && !cc->finish_pageblock;
}

/* The block cannot come free: what it gave goes back, and the next one is looked at. */
static void give_up_block(struct nb_compact_control *cc, struct look *l, nb_pfn_t *n)
{
	if (l->taken)
		give_back(cc, l);
	if (l->pfn + *n - 1 < l->next_skip) {
		*n = l->next_skip - l->pfn;
		l->next_skip += UINT64_C(1) << cc->order;
	}
}

/* The page at l->pfn. Returns the pages that are done with it; 0: the look ends before it. */
static nb_pfn_t one(struct nb_compact_control *cc, struct look *l, bool *enough)
{
	uint32_t flags = nb_page_flags(l->page);
	nb_pfn_t n = UINT64_C(1) << nb_flags_order(flags);

	if (flags & PG_BUDDY) {
		l->scanned += n;
		return n;
	}
	if (!(flags & (PG_COMPOUND | PG_HUGETLB)))
		n = 1;
	l->scanned += n;
	if (can_move(cc, l->page, flags)) {
		if (mark_first(cc, l)) {
			l->pfn = l->end;
			return 0;
		}
		if (take(cc, l, flags)) {
			*enough = cc->nr_migrate >= NB_COMPACT_CLUSTER_MAX && !cc->finish_pageblock;
			return n;
		}
	}
	if (l->skip_on_failure)
		give_up_block(cc, l, &n);
	return n;
}

/* Gathers from [pfn, end) of one pageblock. */
static void gather(struct nb_compact_control *cc, struct look *l)
{
	bool enough = false;

	while (l->pfn < l->end && !enough) {
		nb_pfn_t n;

		if (l->skip_on_failure && l->pfn >= l->next_skip) {
			if (l->taken)
				break;
			l->next_skip = nb_block_end(l->pfn, (unsigned)cc->order);
		}
		n = one(cc, l, &enough);
		if (!n)
			break;
		l->page += n;
		l->pfn += n;
	}
	if (l->pfn > l->end)
		l->pfn = l->end;
}

/* Nobody ever touched it, or all of it is in use since before observation began. */
static void pass_unknown(struct nb_compact_control *cc, struct look *l, uint32_t dense)
{
	uint32_t in_block = dense & ((1u << cc->sys->max_order) - 1);

	l->scanned = in_block ? l->end - l->pfn : UINT64_C(1) << cc->sys->max_order;
	l->pfn = l->end;
}

/* The pageblock was seen to its end, and nothing more is to be had there. */
static void note_seen(struct nb_compact_control *cc, const struct look *l, uint32_t dense)
{
	if (l->pfn != l->end || (l->taken && !cc->finish_pageblock))
		return;
	if (!nb_compact_since(cc, NB_COMPACT_FAST_SINCE)) {
		if (cc->ignore_skip_hint)
			return;
		nb_set_pageblock_skip(cc->zone, cc->state, dense);
		nb_update_cached_migrate(cc, nb_block_start(l->start, cc->sys->pageblock_order));
		return;
	}
	if (l->whole && !l->marked)
		nb_set_pageblock_skip(cc->zone, cc->state, dense);
	nb_update_cached_migrate(cc, l->pfn);
}

/* Looks into [pfn, end) of one pageblock; `page` is at pfn. */
static void look_into(struct nb_compact_control *cc, nb_pfn_t pfn, nb_pfn_t end,
		      struct nb_page *page, bool known)
{
	uint32_t dense = nb_page_dense(cc->zone->mem_map, page);
	struct look l = {
		.page = page,
		.start = pfn,
		.pfn = pfn,
		.end = end,
		.whole = pfn == nb_block_start(pfn, cc->sys->pageblock_order) ||
			 pfn == cc->zone->zone_start_pfn,
		.skip_on_failure = cc->direct && cc->mode == NB_MIGRATE_ASYNC &&
				   nb_compact_since(cc, NB_COMPACT_SKIP_FAILED_SINCE),
	};

	if (l.skip_on_failure)
		l.next_skip = nb_block_end(pfn, (unsigned)cc->order);
	if (known)
		gather(cc, &l);
	else
		pass_unknown(cc, &l, dense);
	note_seen(cc, &l, dense);
	if (nb_event_wanted(cc->sys, NB_EV_MM_COMPACTION_ISOLATE_MIGRATEPAGES))
		nb_emit(cc->sys, NB_EV_MM_COMPACTION_ISOLATE_MIGRATEPAGES, cc->cpu, cc->task,
			l.start, l.pfn, l.scanned, (uint64_t)l.taken);
	cc->migrate_scanned += l.scanned;
	nb_count_vm_events(cc->sys, cc->cpu, NB_VM_COMPACT_ISOLATED, l.taken);
	cc->migrate_pfn = l.pfn;
}

/* Is the pageblock worth a look from pfn on? */
static bool worth_it(struct nb_compact_control *cc, nb_pfn_t pfn, nb_pfn_t end, bool found,
		     const struct nb_page *first, bool known)
{
	uint32_t dense = nb_page_dense(cc->zone->mem_map, first);
	bool begins = pfn == nb_block_start(pfn, cc->sys->pageblock_order) ||
		      pfn == cc->zone->zone_start_pfn;

	if (begins && !found && !cc->ignore_skip_hint &&
	    nb_pageblock_skip(cc->zone, cc->state, dense))
		return false;
	if (source_block(cc, known ? nb_page_flags(first) : 0, dense))
		return true;
	if (nb_compact_since(cc, NB_COMPACT_FAST_SINCE))
		nb_update_cached_migrate(cc, end);
	return false;
}

bool nb_isolate_migratepages(struct nb_compact_control *cc)
{
	nb_pfn_t pfn = nb_fast_find_migrateblock(cc), zone_start = cc->zone->zone_start_pfn;
	bool found = pfn != cc->migrate_pfn && !cc->fast_search_fail;
	unsigned o = cc->sys->pageblock_order;

	for (nb_pfn_t end = nb_block_end(pfn, o); end <= cc->free_pfn; end += UINT64_C(1) << o) {
		nb_pfn_t start = end - (UINT64_C(1) << o);
		struct nb_page *first;
		bool known;

		start = start > zone_start ? start : zone_start;
		first = nb_compact_block(cc, start, end, &known);
		if (first && worth_it(cc, pfn, end, found, first, known)) {
			cc->migrate_pfn = pfn;
			if (too_many_isolated(cc) && cc->mode == NB_MIGRATE_ASYNC)
				return false;
			look_into(cc, pfn, end, first + (pfn - start), known);
			/* one at a time, so that the end is noticed; but nothing ends here */
			if (known)
				return true;
		}
		found = false;
		cc->migrate_pfn = pfn = end;
	}
	return true;
}
