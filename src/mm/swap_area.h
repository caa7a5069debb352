/* swap_area.h -- inside swap: an area, its slots, what is on its way to the device.
 *
 * Called by swap.c, swap_slots.c, swap_in.c. One word a slot says what the swap cache holds for it:
 * 0 nothing, a page (CACHE_PAGE), or the shadow of one that reclaim took.
 */
#ifndef NB_MM_SWAP_AREA_H
#define NB_MM_SWAP_AREA_H

#include "mm/lru.h"
#include "mm/swap.h"

#define NB_SWAP_SLOTS_CACHE 64u
#define NB_SWAP_IN_FLIGHT 512u /* pages on their way: the device's queue */
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

/* Lists of clusters: those without a slot in use, those with some; full ones are on neither. */
enum nb_swap_list { NB_SWAP_CLUSTERS_FREE, NB_SWAP_CLUSTERS_PARTIAL, NB_SWAP_CLUSTER_LISTS };

struct nb_swap_cluster {
	uint32_t used;       /* slots; what lies past the area's end counts */
	uint32_t prev, next; /* + 1; 0: none */
	uint32_t list;       /* enum nb_swap_list; NB_SWAP_CLUSTER_LISTS: on none */
};

struct nb_swap_area {
	struct nb_swap_options opt;
	char name[32];
	unsigned number;
	bool used, going; /* in use; being given up: no new slots */
	bool in_row;      /* slots in a row for all, instead of clusters */
	int priority;
	uint64_t nr_free;
	uint16_t *map;   /* [slot] entries that hold it */
	uint64_t *cache; /* [slot] */
	uint16_t *memcg; /* [slot] number of the group it is charged to (memcg_swap.c) */
	/* clusters of this many slots; their lists' ends, + 1 */
	uint32_t cluster_size;
	struct nb_swap_cluster *cluster;
	uint64_t nr_clusters;
	uint32_t list_head[NB_SWAP_CLUSTER_LISTS], list_tail[NB_SWAP_CLUSTER_LISTS];
	uint64_t cluster_at; /* turning, in clusters: where to go on; 0 nowhere */
	/* in a row: where to go on, how much of the run is left; no free slot lies below lowest or
	 * above highest (0: none at all) */
	uint64_t next, run_left, lowest, highest;
	uint64_t bytes; /* of the reservation behind map, cache, cluster */
	void *memory;
	unsigned char *store; /* backed, without callbacks: the pages' bytes */
	/* writes under way, a ring */
	struct nb_swap_write flight[NB_SWAP_IN_FLIGHT];
	unsigned flight_first, flight_nr;
	uint64_t device_free_ns; /* when the device has done all that it was given */
	uint64_t reads;          /* pages read so far */
};

/* A CPU's own slots: where it goes on in its cluster (0: nowhere), slots[first ..] to give out,
 * returned[] that were given back and are not free before 64 more come. */
struct nb_swap_cpu {
	uint64_t at[NB_MAX_SWAPFILES];
	nb_swp_t slots[NB_SWAP_SLOTS_CACHE], returned[NB_SWAP_SLOTS_CACHE];
	unsigned first, nr, nr_returned;
};

/* Cached pages whose slots a full swap took back: the cache's references are the caller's. */
struct nb_swap_dropped {
	struct nb_page *page[NB_SWAP_SLOTS_CACHE];
	struct nb_zone *zone[NB_SWAP_SLOTS_CACHE];
	unsigned nr;
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
	bool slot_cache;          /* CPUs keep slots */
	unsigned slot_cache_off;  /* swapoffs under way: they may not */
	uint64_t **page_entry;    /* [node position][dense]: entry of a cached page */
	/* cluster read-ahead, of the whole system */
	unsigned ra_hits, ra_last;
	uint64_t ra_prev;
};

static inline struct nb_swap_area *nb_swap_area_of(const struct nb_system *sys, nb_swp_t e)
{
	unsigned a = nb_swp_area(e);

	return sys->swap && a < NB_MAX_SWAPFILES ? sys->swap->area[a] : NULL;
}

static inline void nb_swap_lock(const struct nb_system *sys)
{
	nb_lock(&sys->swap->lock, sys->port);
}

static inline void nb_swap_unlock(const struct nb_system *sys)
{
	nb_unlock(&sys->swap->lock, sys->port);
}

/* Changes of what others read without the lock; under it. */
static inline void nb_swap_count_cached(const struct nb_system *sys, int n)
{
	nb_lru_count(&sys->swap->nr_cached, n);
}
static inline void nb_swap_count_free(struct nb_swap *s, int n)
{
	nb_lru_count(&s->nr_free, n);
}

/* swap_slots.c, all under the lock. Clusters and bounds of a new area, slot 0 in use. */
void nb_swap_slots_init(const struct nb_system *sys, struct nb_swap_area *a);
/* Slots of a cluster on this machine. Source: SWAPFILE_CLUSTER. */
uint32_t nb_swap_cluster_size(const struct nb_system *sys);
/* A free slot, marked as cached by nobody yet; 0: none. Pages that had to give theirs up for it are
 * added to dropped: nb_put_page() for each, without the lock. Source: folio_alloc_swap(). */
nb_swp_t nb_swap_take_slot(struct nb_system *sys, int cpu, struct nb_swap_dropped *dropped);
/* And back, by way of the CPU's own. Source: free_swap_slot(). */
void nb_swap_give_slot(struct nb_system *sys, struct nb_swap_area *a, uint64_t slot, int cpu);
/* Areas by priority anew. */
void nb_swap_sort(struct nb_swap *s);
/* Slots that CPUs keep for later go back. */
void nb_swap_return_cached_slots(struct nb_system *sys);

/* swap.c. One page-table entry less; a cached page keeps the slot. Source: swap_free(). */
void nb_swap_uncount(struct nb_system *sys, nb_swp_t e, int cpu);
/* swap.c, under the lock. The cached page, or NULL. */
struct nb_page *nb_swap_cached_page(struct nb_system *sys, const struct nb_swap_area *a,
				    uint64_t slot, struct nb_zone **ret_zone);
/* Puts the page into the cache for e, with a reference; *ret_shadow what stood there. */
void nb_swap_cache_add(struct nb_system *sys, nb_swp_t e, struct nb_zone *z, struct nb_page *page,
		       uint64_t *ret_shadow);
/* Swap-in: the fresh page becomes the cached one of e, with its bytes; or, where another thread was
 * faster, gives way to that one. The page, locked, with a reference; NULL: nobody holds e any more,
 * or it cannot be read. *zone is the page's, before and after. */
struct nb_page *nb_swap_cache_fill(struct nb_system *sys, nb_swp_t e, struct nb_zone **zone,
				   struct nb_page *page, int cpu, uint64_t *ret_shadow);
/* Is the page, which is locked, still the cached one of e? */
bool nb_swap_cache_holds(struct nb_system *sys, const struct nb_zone *z, const struct nb_page *page,
			 nb_swp_t e);
/* Takes it out, leaving shadow; the reference becomes the caller's. Frees a slot that nobody
 * holds, as the CPU's. */
void nb_swap_cache_del(struct nb_system *sys, struct nb_zone *z, struct nb_page *page,
		       uint64_t shadow, int cpu);
/* The cached page of a slot that nobody else holds, unless it is being written: taken out, its
 * bytes are memory's alone; the slot is left to the caller. NULL: there is none. */
struct nb_page *nb_swap_drop_idle(struct nb_system *sys, struct nb_swap_area *a, uint64_t slot,
				  struct nb_zone **ret_zone);
/* Ends the write-back of pages whose time has come; all of an area's with `all`. */
void nb_swap_poll(struct nb_system *sys, bool all);
/* swap_device.c, under the lock. One page more for the device; when it will have done it. */
uint64_t nb_swap_device_give(struct nb_system *sys, struct nb_swap_area *a);
/* The task waits for what was read since a->reads was reads_before, if anything was. Pages may be
 * reclaimed and page tables change meanwhile. */
void nb_swap_device_wait_read(struct nb_task *t, struct nb_swap_area *a, uint64_t reads_before);
/* Reads a slot into a page (bytes of a backed system) and counts it. */
int nb_swap_readpage(struct nb_system *sys, nb_swp_t e, struct nb_zone *z, struct nb_page *page,
		     int cpu);

#endif
