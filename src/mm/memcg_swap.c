/* memcg_swap.c -- which group a swap slot belongs to, and how many each may have.
 *
 * Called by swap.c and swap_slots.c, under swap's lock. With v2's rules a slot is charged from when
 * it is taken until it is free again, apart from memory. With v1's memory and swap are one count:
 * a page that leaves memory leaves its share of it with the slot.
 * Source: mm/memcontrol.c: __mem_cgroup_try_charge_swap(), __mem_cgroup_uncharge_swap(),
 * mem_cgroup_swapout(), mem_cgroup_get_nr_swap_pages().
 */
#include "mm/lru.h"
#include "mm/memcg.h"
#include "mm/swap_area.h"

static void count_marks(struct nb_memcg *cg, int64_t n)
{
	if (cg->sys->port->relax)
		__atomic_fetch_add(&cg->marks, (uint64_t)n, __ATOMIC_RELAXED);
	else
		cg->marks += (uint64_t)n;
}

/* An event under swap's lock. */
static void fail(struct nb_system *sys, struct nb_memcg *cg, struct nb_memcg *over)
{
	(void)sys;
	nb_memcg_event(over, NB_MEMCG_EV_SWAP_MAX);
	nb_memcg_event(cg, NB_MEMCG_EV_SWAP_FAIL);
}

bool nb_memcg_charge_swap(struct nb_system *sys, const struct nb_zone *z,
			  const struct nb_page *page, uint64_t entry)
{
	struct nb_memcg *cg = nb_page_memcg(z, page), *over;
	struct nb_counter *full = NULL;
	bool done;

	if (!cg || sys->memcg->v1)
		return true;
	nb_lock(&sys->memcg->lock, sys->port);
	done = nb_counter_try(&cg->swap, 1, &full);
	nb_unlock(&sys->memcg->lock, sys->port);
	if (!done) {
		for (over = cg; &over->swap != full; over = over->parent)
			;
		fail(sys, cg, over);
		return false;
	}
	nb_swap_area_of(sys, entry)->memcg[nb_swp_slot(entry)] = (uint16_t)cg->id;
	count_marks(cg, 1);
	return true;
}

void nb_memcg_uncharge_swap(struct nb_system *sys, struct nb_swap_area *a, uint64_t slot)
{
	struct nb_memcg *cg = nb_memcg_of_id(sys, a->memcg[slot]);

	a->memcg[slot] = 0;
	if (!cg)
		return;
	nb_lock(&sys->memcg->lock, sys->port);
	nb_counter_sub(&cg->swap, 1);
	nb_unlock(&sys->memcg->lock, sys->port);
	count_marks(cg, -1);
}

void nb_memcg_swapout(struct nb_system *sys, struct nb_zone *z, struct nb_page *page,
		      uint64_t entry)
{
	struct nb_memcg *cg = nb_page_memcg(z, page);

	if (!cg || !sys->memcg->v1)
		return;
	nb_lock(&sys->memcg->lock, sys->port);
	nb_counter_sub(&cg->memory, 1);
	nb_unlock(&sys->memcg->lock, sys->port);
	z->pgdat->memcg_of[nb_page_dense(z->mem_map, page)] = 0;
	nb_swap_area_of(sys, entry)->memcg[nb_swp_slot(entry)] = (uint16_t)cg->id;
}

uint64_t nb_memcg_swap_pages(const struct nb_system *sys, const struct nb_memcg *cg)
{
	uint64_t n = nb_swap_pages_free(sys);

	for (; cg && cg->parent; cg = cg->parent) {
		const struct nb_counter *c = &cg->swap;
		uint64_t left = c->usage < c->max ? c->max - c->usage : 0;

		/* v1's limit is of both together: it stops no page from going out */
		if (!sys->memcg->v1 && left < n)
			n = left;
	}
	return n;
}
