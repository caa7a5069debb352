/* swap_pick.h -- inside swap: how an area picks its slots, one of two ways.
 *
 * Called by swap_slots.c, under swap's lock. In clusters (swap_cluster.c): CPUs fill clusters of
 * their own. In a row (swap_row.c): one after the other for all, on disks that turn.
 */
#ifndef NB_MM_SWAP_PICK_H
#define NB_MM_SWAP_PICK_H

#include "mm/swap_area.h"

/* What both pick slots with. */
struct nb_swap_pick {
	struct nb_system *sys;
	struct nb_swap_area *a;
	struct nb_swap_dropped *dropped;
	bool full; /* slots that the cache alone holds may be taken back */
};

static inline bool nb_swap_slot_unused(const struct nb_swap_area *a, uint64_t slot)
{
	return !a->map[slot] && (!a->cache[slot] || a->cache[slot] & NB_SWC_SHADOW);
}

/* swap_slots.c. Makes the slot unused if only the cache holds it and swap is full; true: it is.
 * Source: __try_to_reclaim_swap(). */
bool nb_swap_slot_reclaim(const struct nb_swap_pick *p, uint64_t slot);
/* swap_slots.c. An unused slot is taken, by the cache that it will be in. */
void nb_swap_slot_take(const struct nb_swap_pick *p, uint64_t slot);

/* Clusters' lists of a new area. */
void nb_swap_clusters_init(struct nb_swap_area *a);
/* A slot, taken; *at is where to go on, of the CPU or of the area. 0: none. */
uint64_t nb_swap_cluster_take(const struct nb_swap_pick *p, uint64_t *at);
/* The slot is unused again. */
void nb_swap_cluster_give(struct nb_swap_area *a, uint64_t slot);

/* Up to n slots that follow each other, taken; how many. */
unsigned nb_swap_row_take(const struct nb_swap_pick *p, nb_swp_t *out, unsigned n);
void nb_swap_row_give(struct nb_swap_area *a, uint64_t slot);

#endif
