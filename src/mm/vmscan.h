/* vmscan.h -- taking memory back: one pass over a node, and who asks for it.
 *
 * Called by kswapd.c, the slow path (through hooks), node_reclaim.c, madvise.c (MADV_PAGEOUT).
 * struct nb_scan_control is one caller's wish and what has come of it so far; nothing in it
 * outlives the call. Units: pages. Source: mm/vmscan.c; facts 7.
 */
#ifndef NB_MM_VMSCAN_H
#define NB_MM_VMSCAN_H

#include "mm/lru.h"
#include "mm/page_alloc.h"

#define NB_DEF_PRIORITY 12
#define NB_SWAP_CLUSTER_MAX 32u

/* What a pass over a node found. Source: struct scan_control's nr. */
struct nb_scan_found {
	uint64_t dirty, unqueued_dirty, congested, writeback, immediate, file_taken, taken;
};

struct nb_scan_control {
	struct nb_system *sys;
	struct nb_task *task; /* in direct reclaim; NULL: a daemon */
	int cpu;
	bool kswapd;
	uint64_t nr_to_reclaim;
	const struct nb_nodemask *nodemask;
	nb_gfp_t gfp;
	unsigned order;
	int priority;                  /* 12 .. 0: a list's size >> priority is scanned */
	enum nb_zone_type reclaim_idx; /* highest zone that is wanted */
	bool may_writepage, may_unmap, may_swap;
	bool force_deactivate, skipped_deactivate;
	bool may_deactivate[2]; /* anonymous, file */
	bool cache_trim_mode, cache_trim_mode_failed, no_cache_trim_mode;
	bool file_is_tiny, compaction_ready;
	uint64_t anon_cost, file_cost;
	uint64_t nr_scanned, nr_reclaimed;
	struct nb_scan_found nr;
	/* memory cgroups (memcg_reclaim.c): whose limit it is about (NULL: the system's memory);
	 * the lists that are looked at now (NULL: the node's own); is memory.low to be reclaimed,
	 * too */
	struct nb_memcg *target;
	struct nb_lruvec *lruvec;
	bool low_reclaim, low_skipped, partial_walk, full_walk;
};

/* The lists that a pass over the node is at. */
static inline struct nb_lruvec *nb_scan_lruvec(const struct nb_pgdat *p,
					       const struct nb_scan_control *sc)
{
	return sc->lruvec ? sc->lruvec : p->lruvec;
}

/* What came of one list of pages. Source: struct reclaim_stat. */
struct nb_reclaim_stat {
	uint64_t nr_dirty, nr_unqueued_dirty, nr_congested, nr_writeback, nr_immediate, nr_pageout;
	uint64_t nr_activate[2], nr_ref_keep, nr_unmap_fail, nr_lazyfree_fail;
};

/* The CPU whose task reclaims and may have its mm locked; a daemon has none, on whatever CPU it
 * acts. */
static inline int nb_scan_holder(const struct nb_scan_control *sc)
{
	return sc->kswapd && sc->sys->port->relax ? -1 : sc->cpu;
}

/* Pages taken off the lists, linked through page->next, all of one node; with a reference to each,
 * so that none goes meanwhile. */
struct nb_page_chain {
	nb_link_t first, last;
};

static inline void nb_chain_add(struct nb_page *map, struct nb_page_chain *c, struct nb_page *page)
{
	nb_link_t link = nb_page_link(map, page);

	page->next = 0;
	if (c->last)
		nb_link_page(map, c->last)->next = link;
	else
		c->first = link;
	c->last = link;
}

static inline struct nb_page *nb_chain_take(struct nb_page *map, struct nb_page_chain *c)
{
	struct nb_page *page;

	if (!c->first)
		return NULL;
	page = nb_link_page(map, c->first);
	c->first = page->next;
	if (!c->first)
		c->last = 0;
	return page;
}

/* vmscan.c: one pass over a node. Source: shrink_node(). */
void nb_shrink_node(struct nb_pgdat *p, struct nb_scan_control *sc);
/* memcg_reclaim.c: calls shrink for the lists of each group that the pass may look at, until it
 * says true (enough). Source: shrink_node_memcgs(). */
void nb_memcg_shrink(struct nb_pgdat *p, struct nb_scan_control *sc,
		     bool (*shrink)(struct nb_pgdat *p, struct nb_scan_control *sc));
/* Of a list's size what the group's protection leaves to be scanned. Source: get_scan_count(). */
uint64_t nb_memcg_scan_size(struct nb_scan_control *sc, struct nb_memcg *cg, uint64_t size);
/* Are there more active anonymous pages than the ratio wants? Source: inactive_is_low(). */
bool nb_inactive_is_low(const struct nb_pgdat *p, const struct nb_lruvec *v, enum nb_lru inactive);
/* Remembers refault counts, so that the next pass sees whether there were new ones. Source:
 * snapshot_refaults(). */
void nb_snapshot_refaults(struct nb_pgdat *p, const struct nb_memcg *target);
/* Could anonymous pages (of a group; NULL: anybody's) be reclaimed at all? Source:
 * can_reclaim_anon_pages(). */
bool nb_can_reclaim_anon(const struct nb_system *sys, const struct nb_memcg *cg);
/* Pages on the lists of a zone that reclaim could free. Source: zone_reclaimable_pages(). */
uint64_t nb_zone_reclaimable_pages(const struct nb_zone *z);

/* vmscan_list.c: up to nr pages from the tail of one list; pages reclaimed. Source:
 * shrink_inactive_list(). */
uint64_t nb_shrink_inactive(struct nb_pgdat *p, struct nb_scan_control *sc, enum nb_lru lru,
			    uint64_t nr);
/* Source: shrink_active_list(). */
void nb_shrink_active(struct nb_pgdat *p, struct nb_scan_control *sc, enum nb_lru lru, uint64_t nr);
/* Adds what reclaiming a kind has cost. Source: lru_note_cost(). */
void nb_lru_note_cost(const struct nb_pgdat *p, struct nb_lruvec *v, bool file, uint64_t nr_io,
		      uint64_t nr_rotated);
/* Puts what is left of a chain back on the lists. Source: move_folios_to_lru(). */
void nb_putback_chain(struct nb_pgdat *p, struct nb_page_chain *c, int cpu);

/* lumpy.c: does this reclaim take whole blocks; does being used not save their pages? */
bool nb_lumpy_applies(const struct nb_scan_control *sc);
bool nb_lumpy_ignores_use(const struct nb_scan_control *sc);
/* Takes the pages around `tag`, which was just taken off a list of z, into the chain; how many.
 * lruvec locked. */
uint64_t nb_lumpy_take_block(struct nb_pgdat *p, struct nb_scan_control *sc, struct nb_zone *z,
			     const struct nb_page *tag, struct nb_page_chain *chain);

/* vmscan_page.c: decides over each page of *c; what stays comes back in *c, in the same order.
 * `ignore_references`: MADV_PAGEOUT. Pages reclaimed. Source: shrink_folio_list(). */
uint64_t nb_shrink_pages(struct nb_pgdat *p, struct nb_scan_control *sc, struct nb_page_chain *c,
			 bool ignore_references, struct nb_reclaim_stat *st);
/* MADV_PAGEOUT, and swapoff's opposite: reclaims isolated pages whatever their age; what cannot be
 * is put back. Each page is the caller's from nb_lru_isolate(). Source: reclaim_pages(). */
uint64_t nb_reclaim_page(struct nb_system *sys, struct nb_zone *z, struct nb_page *page, int cpu);

/* vmscan_direct.c: a task frees memory for its own request. Source: try_to_free_pages(). */
uint64_t nb_try_to_free_pages(struct nb_system *sys, const struct nb_alloc_context *ac);
/* Waits a moment, for a reason (one of NB_THROTTLE_*). Source: reclaim_throttle(). */
void nb_reclaim_throttle(const struct nb_pgdat *p, const struct nb_scan_control *sc,
			 unsigned reason, unsigned jiffies);
/* Rounds over the zonelist, harder each time. Pages reclaimed. Source: do_try_to_free_pages(). */
uint64_t nb_reclaim_rounds(const struct nb_alloc_context *ac, struct nb_scan_control *sc);
/* Connects reclaim to the slow path. */
void nb_vmscan_boot(struct nb_system *sys);

/* observed_cache.c: some of what a captured machine had in its page cache lies at the tail of the
 * zones' lists, if there is any left. Before a list of file pages is looked at, no lock held. */
void nb_observed_cache_ready(struct nb_pgdat *p, enum nb_zone_type highest);

/* node_reclaim.c: NODE_RECLAIM_*. Source: node_reclaim(). */
int nb_node_reclaim(struct nb_system *sys, const struct nb_alloc_context *ac, struct nb_pgdat *p);

/* workingset.c. Source: workingset_eviction(), workingset_refault(). */
/* The shadow to leave where a page was; never 0. */
uint64_t nb_workingset_eviction(struct nb_system *sys, struct nb_zone *z, struct nb_page *page,
				const struct nb_memcg *target);
/* A page comes back where `shadow` stood: activated if it was away for less time than the working
 * set would take. Before nb_lru_add(). */
void nb_workingset_refault(struct nb_system *sys, struct nb_zone *z, struct nb_page *page,
			   uint64_t shadow);

/* shrinker.c. Source: shrink_slab(). */
uint64_t nb_shrink_slab(struct nb_system *sys, int nid, int priority, nb_gfp_t gfp, int cpu);

/* mglru.c: the multi-generation pass. Source: lru_gen_shrink_node(), lru_gen_age_node(). */
void nb_lru_gen_shrink_node(struct nb_pgdat *p, struct nb_scan_control *sc);
/* The lists of one group on the node (sc->lruvec). true: enough is reclaimed.
 * Source: lru_gen_shrink_lruvec(), shrink_one(). */
bool nb_lru_gen_shrink_lruvec(struct nb_pgdat *p, struct nb_scan_control *sc);
void nb_lru_gen_age_node(struct nb_pgdat *p, struct nb_scan_control *sc);
uint64_t nb_lru_gen_eviction(const struct nb_system *sys, struct nb_lruvec *v,
			     const struct nb_page *page);
void nb_lru_gen_refault(struct nb_system *sys, struct nb_zone *z, struct nb_page *page,
			uint64_t shadow);

#endif
