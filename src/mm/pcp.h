/* pcp.h -- per-CPU page sets.
 *
 * Called by page_alloc.c for every request of an order that page sets hold, and by whoever drains them. The
 * calls take the set's lock, and inside it the zone's.
 */
#ifndef NB_MM_PCP_H
#define NB_MM_PCP_H

#include "mm/buddy.h"
#include "mm/page_alloc.h"

/* pcp.c: makes the zone's set on that CPU. NULL without host memory. */
struct nb_pcp *nb_zone_pcp_make(struct nb_zone *z, int cpu);

/* The zone's set on a CPU, or NULL while it was never used. */
static inline struct nb_pcp *nb_zone_pcp_peek(const struct nb_zone *z, int cpu)
{
	_Atomic(struct nb_pcp *) *sets = atomic_load_explicit(&z->pageset, memory_order_acquire);

	return sets ? atomic_load_explicit(&sets[cpu], memory_order_acquire) : NULL;
}

/* The same for its owner, making it when needed. NULL without host memory. */
static inline struct nb_pcp *nb_zone_pcp(struct nb_zone *z, int cpu)
{
	struct nb_pcp *pcp = nb_zone_pcp_peek(z, cpu);

	return nb_likely(pcp) ? pcp : nb_zone_pcp_make(z, cpu);
}

/* A counter that only its CPU writes. */
static inline void nb_pcp_count(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

/* A block out of the set, refilled when its list is empty; flags hold its migrate type and zone.
 * NULL: the zone has none. */
struct nb_page *nb_pcp_alloc(struct nb_zone *z, struct nb_pcp *pcp, unsigned order,
			     enum nb_migratetype mt, unsigned alloc_flags, int cpu);

/* Puts a block of pageblock type `mt` (below NB_MIGRATE_PCPTYPES) into the set, and frees some when it is full. */
void nb_pcp_free(struct nb_zone *z, struct nb_pcp *pcp, struct nb_page *page, unsigned order,
		 enum nb_migratetype mt, int cpu);

/* Empties one set into the free lists. `cpu` is the running CPU, the set may be another's. */
void nb_pcp_drain(struct nb_zone *z, struct nb_pcp *pcp, int cpu);
/* Empties all sets, as drain_all_pages() does. */
void nb_drain_all_pages(struct nb_system *sys, int cpu);
/* What the vmstat worker does to one CPU's sets: lets high decay (6.7+), and empties sets of other
 * nodes that were quiet for three rounds. Source: refresh_cpu_vm_stats(), decay_pcp_high(); facts 5.5. */
void nb_pcp_vmstat_tick(struct nb_system *sys, int cpu);

#endif
