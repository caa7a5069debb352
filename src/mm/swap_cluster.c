/* swap_cluster.c -- slots out of clusters, for devices on which any place is as near as another.
 *
 * Called by swap_slots.c, under swap's lock. Clusters without a used slot wait in a queue; a CPU
 * takes the first and fills it, and takes slots of the first one that is used in part when there is
 * none. A cluster that becomes empty goes to the queue's end. In the beginning the queue goes over
 * the clusters in strides, so that neighbours in it lie in other trees of the kernel's swap cache.
 * Invariants: used == slots of the cluster with map or cache set, and those past the area's end; it
 * is on FREE when 0, on PARTIAL below the size. Since 6.14 disks that turn do the same with one
 * place to go on for all CPUs. Source: mm/swapfile.c: cluster_alloc_swap_entry(),
 * alloc_swap_scan_cluster(), setup_clusters(); facts 7.8.
 */
#include "mm/swap_pick.h"

#define ADDRESS_SPACE_SLOTS 16384u /* of one tree of the swap cache */

static void unlist(struct nb_swap_area *a, struct nb_swap_cluster *c)
{
	uint32_t prev = c->prev, next = c->next;

	if (c->list == NB_SWAP_CLUSTER_LISTS)
		return;
	if (prev)
		a->cluster[prev - 1].next = next;
	else
		a->list_head[c->list] = next;
	if (next)
		a->cluster[next - 1].prev = prev;
	else
		a->list_tail[c->list] = prev;
	c->list = NB_SWAP_CLUSTER_LISTS;
	c->prev = c->next = 0;
}

/* To the list's end. */
static void enlist(struct nb_swap_area *a, struct nb_swap_cluster *c, unsigned list)
{
	uint32_t i = (uint32_t)(c - a->cluster) + 1;

	unlist(a, c);
	c->list = list;
	c->prev = a->list_tail[list];
	if (c->prev)
		a->cluster[c->prev - 1].next = i;
	else
		a->list_head[list] = i;
	a->list_tail[list] = i;
}

void nb_swap_clusters_init(struct nb_swap_area *a)
{
	uint64_t stride = ADDRESS_SPACE_SLOTS / a->cluster_size;

	if (!stride)
		stride = 1;
	for (uint64_t k = 0; k < a->nr_clusters; k++)
		a->cluster[k] = (struct nb_swap_cluster){.list = NB_SWAP_CLUSTER_LISTS};
	a->cluster[0].used = 1; /* the header */
	a->cluster[a->nr_clusters - 1].used +=
		(uint32_t)(a->nr_clusters * a->cluster_size - a->opt.pages);
	for (uint64_t col = 0; col < stride; col++) {
		for (uint64_t k = col; k < a->nr_clusters; k += stride) {
			struct nb_swap_cluster *c = &a->cluster[k];

			if (c->used < a->cluster_size)
				enlist(a, c,
				       c->used ? NB_SWAP_CLUSTERS_PARTIAL : NB_SWAP_CLUSTERS_FREE);
		}
	}
}

static void claim(struct nb_swap_area *a, uint64_t slot)
{
	struct nb_swap_cluster *c = &a->cluster[slot / a->cluster_size];

	if (!c->used)
		enlist(a, c, NB_SWAP_CLUSTERS_PARTIAL);
	if (++c->used == a->cluster_size)
		unlist(a, c);
}

void nb_swap_cluster_give(struct nb_swap_area *a, uint64_t slot)
{
	struct nb_swap_cluster *c = &a->cluster[slot / a->cluster_size];

	if (!--c->used)
		enlist(a, c, NB_SWAP_CLUSTERS_FREE);
	else if (c->list == NB_SWAP_CLUSTER_LISTS)
		enlist(a, c, NB_SWAP_CLUSTERS_PARTIAL);
}

/* The first slot from `at` to its cluster's end that can be had, claimed; 0: none. */
static uint64_t scan(const struct nb_swap_pick *p, uint64_t at)
{
	struct nb_swap_area *a = p->a;
	uint64_t end = (at / a->cluster_size + 1) * a->cluster_size;

	if (end > a->opt.pages)
		end = a->opt.pages;
	for (; at < end; at++) {
		if (nb_swap_slot_unused(a, at) || nb_swap_slot_reclaim(p, at)) {
			claim(a, at);
			nb_swap_slot_take(p, at);
			return at;
		}
	}
	return 0;
}

uint64_t nb_swap_cluster_take(const struct nb_swap_pick *p, uint64_t *at)
{
	struct nb_swap_area *a = p->a;
	uint64_t slot = *at ? scan(p, *at) : 0;

	for (unsigned list = 0; !slot && list < NB_SWAP_CLUSTER_LISTS; list++) {
		if (a->list_head[list])
			slot = scan(p, (uint64_t)(a->list_head[list] - 1) * a->cluster_size);
	}
	*at = slot && (slot + 1) % a->cluster_size && slot + 1 < a->opt.pages ? slot + 1 : 0;
	return slot;
}
