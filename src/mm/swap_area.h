/* swap_area.h -- inside swap: an area, its slots, what is on its way to the device.
 *
 * Called by swap.c, swap_slots.c, swap_in.c. One word a slot says what the swap cache holds for it:
 * 0 nothing, a page (CACHE_PAGE), or the shadow of one that reclaim took.
 */
#ifndef NB_MM_SWAP_AREA_H
#define NB_MM_SWAP_AREA_H

#include "mm/lru.h"
#include "mm/swap.h"

#define NB_SWAPFILE_CLUSTER 256u
#define NB_SWAP_SLOTS_CACHE 64u
#define NB_SWAP_IN_FLIGHT 512u /* pages on their way; the oldest is waited for beyond */
#define NB_SWAP_MAP_MAX UINT16_MAX

/* sw->cache[slot] */
#define NB_SWC_SHADOW (UINT64_C(1) << 63)
static inline uint64_t nb_swc_page(const struct nb_pgdat *p, nb_link_t link)
{
	return (uint64_t)p->index << 32 | link;
}

struct nb_swap_write {
	struct nb_zone *zone;
	struct nb_page *page; /* NULL: finished early */
	uint64_t done_ns;
};

struct nb_swap_area {
	struct nb_swap_options opt;
	char name[32];
	unsigned number;
	bool used, going; /* in use; being given up: no new slots */
	int priority;
	uint64_t nr_free;
	uint16_t *map;          /* [slot] entries that hold it */
	uint64_t *cache;        /* [slot] */
	uint32_t *cluster_used; /* [cluster] slots in use */
	uint64_t nr_clusters;
	/* rotational: where to go on, how much of the run is left, no free slot below */
	uint64_t next, run_left, lowest;
	uint64_t bytes; /* of the reservation behind map, cache, cluster_used */
	void *memory;
	unsigned char *store; /* backed, without callbacks: the pages' bytes */
	/* writes under way, a ring */
	struct nb_swap_write flight[NB_SWAP_IN_FLIGHT];
	unsigned flight_first, flight_nr;
	uint64_t device_free_ns; /* when the device has done all that it was given */
};

/* A CPU's own slots. */
struct nb_swap_cpu {
	uint64_t cluster[NB_MAX_SWAPFILES], at[NB_MAX_SWAPFILES]; /* + 1; 0 none */
	nb_swp_t slots[NB_SWAP_SLOTS_CACHE];
	unsigned first, nr;
};

struct nb_swap {
	struct nb_lock lock; /* all of this */
	struct nb_swap_area *area[NB_MAX_SWAPFILES];
	unsigned nr_areas;
	unsigned order[NB_MAX_SWAPFILES], nr_order; /* areas by priority, equal ones in turn */
	int least_priority;                         /* last automatic one given */
	unsigned nr_rotational;
	uint64_t nr_free, nr_total, nr_cached;
	struct nb_swap_cpu **cpu; /* [cpu id] */
	bool slot_cache;
	uint64_t **page_entry; /* [node position][dense]: entry of a cached page */
	/* cluster read-ahead, of the whole system */
	unsigned ra_hits, ra_last;
	uint64_t ra_prev;
};

static inline struct nb_swap_area *nb_swap_area_of(const struct nb_system *sys, nb_swp_t e)
{
	unsigned a = nb_swp_area(e);

	return sys->swap && a < NB_MAX_SWAPFILES ? sys->swap->area[a] : NULL;
}

static inline void nb_swap_lock(struct nb_system *sys)
{
	nb_lock(&sys->swap->lock, sys->port);
}

static inline void nb_swap_unlock(struct nb_system *sys)
{
	nb_unlock(&sys->swap->lock, sys->port);
}

/* swap_slots.c, under the lock: a free slot, marked as cached by nobody yet; 0: none. And back. */
nb_swp_t nb_swap_take_slot(struct nb_system *sys, int cpu);
void nb_swap_give_slot(struct nb_system *sys, struct nb_swap_area *a, uint64_t slot);
/* Areas by priority anew. */
void nb_swap_sort(struct nb_swap *s);
/* Slots that CPUs keep for later go back. */
void nb_swap_return_cached_slots(struct nb_system *sys);

/* swap.c. One page-table entry less; a cached page keeps the slot. Source: swap_free(). */
void nb_swap_uncount(struct nb_system *sys, nb_swp_t e);
/* swap.c, under the lock. The cached page, or NULL. */
struct nb_page *nb_swap_cached_page(struct nb_system *sys, const struct nb_swap_area *a,
				    uint64_t slot, struct nb_zone **ret_zone);
/* Puts the page into the cache for e, with a reference; *ret_shadow what stood there. */
void nb_swap_cache_add(struct nb_system *sys, nb_swp_t e, struct nb_zone *z, struct nb_page *page,
		       uint64_t *ret_shadow);
/* Takes it out, leaving shadow; the reference becomes the caller's. Frees a slot that nobody
 * holds. */
void nb_swap_cache_del(struct nb_system *sys, struct nb_zone *z, struct nb_page *page,
		       uint64_t shadow);
/* Ends the write-back of pages whose time has come; all of an area's with `all`. */
void nb_swap_poll(struct nb_system *sys, bool all);
/* Reads a slot into a page (bytes of a backed system) and counts it. */
int nb_swap_readpage(struct nb_system *sys, nb_swp_t e, struct nb_zone *z, struct nb_page *page,
		     int cpu);

#endif
