/* swap_row.c -- slots in a row, for disks that turn.
 *
 * Called by swap_slots.c, under swap's lock. Slots follow each other for all CPUs, so that writes
 * stay near each other: a run as long as a cluster, at the lowest place where that many are unused,
 * not aligned; then the next run. Where no such run is left, the next unused slot behind the last.
 * The search gives way every 256 steps, and a batch ends where it would have to: that decides how
 * slots are shared out, so it is counted exactly. Until 6.13; see swap_cluster.c.
 * Invariant: no unused slot below `lowest` or above `highest`. Source: mm/swapfile.c:
 * scan_swap_map_slots(); facts 7.8.
 */
#include "mm/swap_pick.h"

#define LATENCY_LIMIT 256

/* A batch being picked: `at` is looked at, `base` is where the search began. */
struct row {
	const struct nb_swap_pick *p;
	struct nb_swap_area *a;
	uint64_t at, base;
	int ration;
	bool tired; /* gave way while searching */
};

static bool gives_way(struct row *r)
{
	if (--r->ration >= 0)
		return false;
	r->ration = LATENCY_LIMIT;
	return true;
}

/* To the lowest run of unused slots; without one, to the lowest place where one may be. */
static void begin_run(struct row *r)
{
	struct nb_swap_area *a = r->a;
	uint64_t last;

	a->run_left = a->cluster_size - 1;
	if (a->nr_free < a->cluster_size)
		return;
	r->base = r->at = a->lowest;
	last = r->base + a->cluster_size - 1;
	for (uint64_t i = r->base; last <= a->highest; i++) {
		if (!nb_swap_slot_unused(a, i)) {
			last = i + a->cluster_size;
		} else if (i == last) {
			r->at = i - a->cluster_size + 1;
			return;
		}
		(void)gives_way(r);
	}
}

/* Can the slot be had, if need be from the cache? */
static bool can_have(const struct row *r, uint64_t slot)
{
	return nb_swap_slot_unused(r->a, slot) || nb_swap_slot_reclaim(r->p, slot);
}

/* From behind `at` to the highest, then from the lowest up to where the search began. */
static bool search(struct row *r)
{
	while (++r->at <= r->a->highest) {
		r->tired |= gives_way(r);
		if (can_have(r, r->at))
			return true;
	}
	for (r->at = r->a->lowest; r->at < r->base; r->at++) {
		r->tired |= gives_way(r);
		if (can_have(r, r->at))
			return true;
	}
	return false;
}

static void claim(struct nb_swap_area *a, uint64_t slot)
{
	if (slot == a->lowest)
		a->lowest++;
	if (slot == a->highest)
		a->highest--;
	if (a->nr_free == 1) { /* the last */
		a->lowest = a->opt.pages;
		a->highest = 0;
	}
}

/* Behind a slot that was taken: is there another for this batch? */
static bool goes_on(struct row *r)
{
	struct nb_swap_area *a = r->a;
	uint64_t limit;

	if (--r->ration < 0)
		return false;
	if (a->run_left && nb_swap_slot_unused(a, ++r->at)) {
		a->run_left--;
		return true;
	}
	if (r->tired)
		return false;
	limit = r->at < r->base ? r->base : a->highest;
	for (; r->at <= limit && --r->ration > 0; r->at++) {
		if (nb_swap_slot_unused(a, r->at))
			return true;
	}
	return false;
}

unsigned nb_swap_row_take(const struct nb_swap_pick *p, nb_swp_t *out, unsigned n)
{
	struct nb_swap_area *a = p->a;
	struct row r = {.p = p, .a = a, .at = a->next, .base = a->next, .ration = LATENCY_LIMIT};
	unsigned got = 0;

	if (!a->highest)
		return 0;
	if (!a->run_left)
		begin_run(&r);
	else
		a->run_left--;
	do {
		if (r.at > a->highest)
			r.base = r.at = a->lowest;
		if (!can_have(&r, r.at)) {
			if (got)
				break;
			if (!search(&r))
				return 0;
		}
		claim(a, r.at);
		nb_swap_slot_take(p, r.at);
		out[got++] = nb_swp_make(a->number, r.at);
	} while (got < n && a->highest && r.at < a->highest && goes_on(&r));
	a->next = r.at + 1;
	return got;
}

void nb_swap_row_give(struct nb_swap_area *a, uint64_t slot)
{
	if (slot < a->lowest)
		a->lowest = slot;
	if (slot > a->highest)
		a->highest = slot;
}
