/* swap.h -- swap entries, slots and the swap cache, inside mm.
 *
 * Called by fault.c (nb_swap_in()), fork.c and zapping (nb_swap_dup(), nb_swap_free()), cow.c
 * (nb_swap_free_cached()), vmscan (nb_swap_add(), nb_swap_writepage()). A swap entry names a slot
 * of an area; a page-table entry that holds one is nb_pte_swap(entry). A slot counts those entries
 * (swap_map); beside that it may hold a page in memory, the swap cache, which has PG_SWAPCACHE,
 * a reference of its own, and the entry found by nb_page_swap().
 * Equation (nb_swap_check()): used == slots with a count or a cached page; a slot's count ==
 * entries of page tables (and of shared memory) that hold it. Locks: the area's; a leaf below
 * lruvec's. Source: mm/swapfile.c, mm/swap_state.c, mm/memory.c: do_swap_page(); facts 7.8, 10.1.
 */
#ifndef NB_MM_SWAP_H
#define NB_MM_SWAP_H

#include "mm/pagetable.h"
#include "mm/task.h"
#include "mm/vma.h"

#include <numabox/swap.h>

/* area << NB_SWP_AREA_SHIFT | slot; slots begin at 1, so 0 is no entry. */
typedef uint64_t nb_swp_t;
#define NB_SWP_AREA_SHIFT 40
#define NB_SWP_SLOT_MASK ((UINT64_C(1) << NB_SWP_AREA_SHIFT) - 1)

static inline nb_swp_t nb_swp_make(unsigned area, uint64_t slot)
{
	return (uint64_t)area << NB_SWP_AREA_SHIFT | slot;
}

static inline unsigned nb_swp_area(nb_swp_t e)
{
	return (unsigned)(e >> NB_SWP_AREA_SHIFT);
}

static inline uint64_t nb_swp_slot(nb_swp_t e)
{
	return e & NB_SWP_SLOT_MASK;
}

static inline uint64_t nb_pte_swap(nb_swp_t e)
{
	return e << NB_PTE_SHIFT | NB_PTE_SWAP;
}

static inline nb_swp_t nb_pte_swp(uint64_t pte)
{
	return pte & NB_PTE_SWAP ? pte >> NB_PTE_SHIFT : 0;
}

/* ---- for page tables ---- */

/* One more entry of a page table holds it: fork. */
void nb_swap_dup(struct nb_system *sys, nb_swp_t e);
/* One less: zap, exit. The last one frees the slot, and the cached page if nobody uses it.
 * mm->swap_entries is the caller's. Source: free_swap_and_cache(). */
void nb_swap_free(struct nb_system *sys, nb_swp_t e, int cpu);

/* A fault on leaf->entry[i], which holds a swap entry: the page comes from the swap cache or is
 * read, with its neighbours, each placed by a policy, and is mapped. A write to a page that others
 * share is mapped read-only: the caller goes on to copy on write. Counts of the mm (swap_entries,
 * anonymous pages), pswpin, and pgmajfault are kept here.
 * 0 minor, 1 major fault; -NB_ENOMEM: no page, or the task was killed.
 * The entry may have changed (the allocation may reclaim): look at it again before use.
 * Source: do_swap_page(). */
int nb_swap_in(struct nb_task *t, struct nb_vma *v, uint64_t addr, struct nb_ptable *leaf,
	       unsigned i, bool write);

/* Reads the page of an entry into the swap cache, by the policy of the VMA at addr, and maps it
 * nowhere: MADV_WILLNEED. Nothing where there is no memory. Source: read_swap_cache_async(). */
void nb_swap_willneed(struct nb_task *t, struct nb_vma *v, uint64_t addr, nb_swp_t e);
/* The page of an entry that a place of a memory file holds, with a reference, for whoever puts it
 * back there: in the swap cache, read with the cluster of slots around it whatever the device, all
 * placed by pol. 0 it was in memory, 1 it was read; -NB_ENOMEM: no page, or the entry is no more.
 * Source: shmem_swapin_cluster(). */
int nb_swap_in_shmem(struct nb_task *t, const struct nb_mempolicy *pol, uint64_t ilx, nb_swp_t e,
		     struct nb_zone **ret_zone, struct nb_page **ret_page);
/* How many page-table entries (and places of shared memory) hold e. Source: swp_swapcount(). */
unsigned nb_swap_count(const struct nb_system *sys, nb_swp_t e);

/* ---- the swap cache ---- */

/* The cached page of an entry with a reference for the caller, or NULL. */
struct nb_page *nb_swap_cache_find(struct nb_system *sys, nb_swp_t e, struct nb_zone **ret_zone);
/* The entry of a page with PG_SWAPCACHE. */
nb_swp_t nb_page_swap(const struct nb_system *sys, const struct nb_zone *z,
		      const struct nb_page *page);
/* Takes the page out of the swap cache where no page table holds its entry: a write then need not
 * copy. The page is locked. true: it is in the cache no more. The cache's reference goes. Source:
 * folio_free_swap(). */
bool nb_swap_free_cached(struct nb_system *sys, struct nb_zone *z, struct nb_page *page, int cpu);
/* The same for a page that the caller has not locked; false where somebody else has. */
bool nb_swap_try_free_cached(struct nb_system *sys, struct nb_zone *z, struct nb_page *page,
			     int cpu);
/* Migration: `to` stands in the swap cache where `from` did, with its reference. */
void nb_swap_cache_replace(struct nb_system *sys, struct nb_zone *fromz, struct nb_page *from,
			   struct nb_zone *toz, struct nb_page *to);

/* ---- for reclaim ---- */

/* Gives an anonymous page a slot and puts it in the swap cache, with a reference. false: no slot.
 * Source: folio_alloc_swap(), add_to_swap(). */
bool nb_swap_add(struct nb_system *sys, struct nb_zone *z, struct nb_page *page, int cpu);
/* Reclaim removes a cached page whose last reference is the cache's, leaving `shadow` in the slot;
 * the reference becomes the caller's. Source: __delete_from_swap_cache(). */
bool nb_swap_cache_remove_if_unused(struct nb_system *sys, struct nb_zone *z, struct nb_page *page,
				    uint64_t shadow);
/* Writes the page to its slot. Clean afterwards; in time by the device where there is one. */
/* When the devices will have room in their queues again; 0: they have now. swap_device.c. */
uint64_t nb_swap_device_busy_until(struct nb_system *sys);
int nb_swap_writepage(struct nb_system *sys, struct nb_zone *z, struct nb_page *page, int cpu);
/* Slots left, of all areas. */
uint64_t nb_swap_pages_free(const struct nb_system *sys);
uint64_t nb_swap_pages_total(const struct nb_system *sys);
/* Are more than half of all slots in use? Then cached pages give their slots up early. */
bool nb_swap_full(const struct nb_system *sys);

/* The reservations of all areas; at the system's end. */
void nb_release_swap(struct nb_system *sys);
/* A CPU to act on where no task runs. */
int nb_swap_cpu_of(const struct nb_system *sys);
/* What is wrong; 0, or -NB_EIO with *err. */
int nb_swap_check(const struct nb_system *sys, struct nb_error *err);

#endif
