/* pcp.h -- per-CPU page sets.
 *
 * Called by page_alloc.c for every request of an order that page sets hold, and by whoever drains
 * them. The calls take the set's lock, and inside it the zone's.
 */
#ifndef NB_MM_PCP_H
#define NB_MM_PCP_H

#include "mm/buddy.h"
#include "mm/page_alloc.h"

#define NB_PCP_BATCH_SCALE_MAX 5 /* CONFIG_PCP_BATCH_SCALE_MAX */
#define NB_PCP_EXPIRE                                                              \
	3 /* quiet rounds of the vmstat worker until another node's set is emptied \
	   */

/* pcp.c: makes the zone's set on that CPU. NULL without host memory. */
struct nb_pcp *nb_zone_pcp_make(struct nb_zone *z, int cpu);

/* The zone's set for its owner, making it when needed. NULL without host memory. */
static inline struct nb_pcp *nb_zone_pcp(struct nb_zone *z, int cpu)
{
	struct nb_pcp *pcp = nb_zone_pcp_peek(z, cpu);

	return nb_likely(pcp) ? pcp : nb_zone_pcp_make(z, cpu);
}

/* A counter that only its CPU writes, or who holds the set's lock. */
static inline void nb_pcp_count(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

/* Base pages that the set's CPU was given out of the zone, and its numastat counters of it. */
static inline uint64_t nb_pcp_pgalloc(const struct nb_pcp *pcp)
{
	return atomic_load_explicit(&pcp->pgalloc, memory_order_relaxed) +
	       atomic_load_explicit(&pcp->hot, memory_order_relaxed);
}

static inline uint64_t nb_pcp_numa(const struct nb_pcp *pcp, enum nb_numa_event e)
{
	uint64_t n = atomic_load_explicit(&pcp->numa[e], memory_order_relaxed);

	if (e == NB_NUMA_HIT || e == (pcp->local ? NB_NUMA_LOCAL : NB_NUMA_OTHER))
		n += atomic_load_explicit(&pcp->hot, memory_order_relaxed);
	return n;
}

/* Forgets the numastat counters; while nobody counts. */
static inline void nb_pcp_zero_numa(struct nb_pcp *pcp)
{
	nb_pcp_count(&pcp->pgalloc, atomic_load_explicit(&pcp->hot, memory_order_relaxed));
	atomic_store_explicit(&pcp->hot, 0, memory_order_relaxed);
	for (unsigned e = 0; e < NB_NR_NUMA_EVENTS; e++)
		atomic_store_explicit(&pcp->numa[e], 0, memory_order_relaxed);
}

static inline int nb_pcp_min(int a, int b)
{
	return a < b ? a : b;
}

static inline int nb_pcp_max(int a, int b)
{
	return a > b ? a : b;
}

static inline int nb_pcp_clamp(int v, int lo, int hi)
{
	return nb_pcp_min(nb_pcp_max(v, lo), hi);
}

static inline unsigned nb_pcp_list_of(unsigned order, enum nb_migratetype mt)
{
	if (nb_likely(order < NB_PCP_ORDERS))
		return NB_MIGRATE_PCPTYPES * order + mt;
	return NB_MIGRATE_PCPTYPES * NB_PCP_ORDERS + (mt == NB_MIGRATE_MOVABLE);
}

static inline void nb_pcp_lock(struct nb_pcp *pcp, const struct nb_system *sys)
{
	if (pcp->threaded)
		nb_lock(&pcp->lock, sys->port);
}

static inline void nb_pcp_unlock(struct nb_pcp *pcp)
{
	if (pcp->threaded)
		atomic_store_explicit(&pcp->lock.word, 0, memory_order_release);
}

/* pcp.c, with the set locked: refills a list that is empty; and what a free does when the set may
 * be full. */
void nb_pcp_refill(struct nb_zone *z, struct nb_pcp *pcp, unsigned order, enum nb_migratetype mt,
		   unsigned alloc_flags, int cpu);
void nb_pcp_settle(struct nb_zone *z, struct nb_pcp *pcp, unsigned order, unsigned list, int cpu);

/* pcp.c, with the set locked: gives `count` base pages back, beginning with list `first` and going
 * round. */
void nb_pcp_free_bulk(struct nb_zone *z, struct nb_pcp *pcp, int count, unsigned first, int cpu);
/* pcp_setup.c: the zone's limits of now for the set, locked or new. */
void nb_pcp_set_limits(const struct nb_zone *z, struct nb_pcp *pcp);

/* Takes the head of a list that is not empty. */
static inline struct nb_page *nb_pcp_pop(const struct nb_zone *z, struct nb_list *list)
{
	struct nb_page *map = z->mem_map, *page = nb_link_page(map, list->first);

	list->first = page->next;
	if (nb_likely(page->next))
		nb_link_page(map, page->next)->prev = 0;
	else
		list->last = 0;
	return page;
}

/* The same, and then unlocks; returns 0, so that a caller can end with it. */
int nb_pcp_settle_unlock(struct nb_zone *z, struct nb_pcp *pcp, unsigned order, unsigned list,
			 int cpu);

/* A block out of the set, refilled when its list is empty. NULL: the zone has none. */
static inline struct nb_page *nb_pcp_alloc(struct nb_zone *z, struct nb_pcp *pcp, unsigned order,
					   enum nb_migratetype mt, unsigned alloc_flags, int cpu)
{
	struct nb_list *list = &pcp->list[nb_pcp_list_of(order, mt)];
	struct nb_page *page = NULL;

	nb_pcp_lock(pcp, z->sys);
	pcp->free_count >>= 1;
	if (nb_unlikely(!list->first))
		nb_pcp_refill(z, pcp, order, mt, alloc_flags, cpu);
	if (nb_likely(list->first)) {
		page = nb_pcp_pop(z, list);
		pcp->count -= 1 << order;
	}
	nb_pcp_unlock(pcp);
	return page;
}

/* Puts a block of pageblock type `mt` (below NB_MIGRATE_PCPTYPES) into the set, and frees some when
 * it is full. */
static inline void nb_pcp_free(struct nb_zone *z, struct nb_pcp *pcp, struct nb_page *page,
			       unsigned order, enum nb_migratetype mt, int cpu)
{
	unsigned l = nb_pcp_list_of(order, mt);

	nb_pcp_lock(pcp, z->sys);
	nb_page_set_flags(page, PG_PCP | order | (uint32_t)mt << PG_MT_SHIFT | z->page_bits);
	nb_list_add_head(z->mem_map, &pcp->list[l], page);
	nb_pcp_count(&pcp->pgfree, UINT64_C(1) << order);
	pcp->count += 1 << order;
	nb_pcp_settle(z, pcp, order, l, cpu);
	nb_pcp_unlock(pcp);
}

/* One count for a block, whatever its order (n: so many blocks): against the node that was wanted,
 * and against the CPU's. */
static inline void nb_zone_statistics(struct nb_zone *preferred, struct nb_zone *z,
				      struct nb_pcp *pcp, int cpu, uint64_t n)
{
	if (nb_unlikely(!z->sys->tune.numa_stat))
		return;
	if (nb_likely(z->pgdat == preferred->pgdat)) {
		nb_pcp_count(&pcp->numa[NB_NUMA_HIT], n);
	} else {
		struct nb_pcp *wanted = nb_zone_pcp(preferred, cpu);

		nb_pcp_count(&pcp->numa[NB_NUMA_MISS], n);
		if (wanted)
			nb_pcp_count(&wanted->numa[NB_NUMA_FOREIGN], n);
	}
	nb_pcp_count(&pcp->numa[pcp->local ? NB_NUMA_LOCAL : NB_NUMA_OTHER], n);
}

/* Gives a block out. */
static inline void nb_prep_page(const struct nb_zone *z, struct nb_page *page,
				uint32_t order_and_flags)
{
	nb_page_set_flags(page, PG_ALLOCATED | z->page_bits | order_and_flags);
	page->refcount = 1;
	page->mapcount = 0;
	page->mapping = 0;
}

/* pcp_drain.c: empties one set into the free lists. `cpu` is the running CPU, the set may be
 * another's. */
void nb_pcp_drain(struct nb_zone *z, struct nb_pcp *pcp, int cpu);
/* pcp_drain.c: empties all sets, as drain_all_pages() does. */
void nb_drain_all_pages(struct nb_system *sys, int cpu);

#endif
