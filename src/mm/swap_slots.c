/* swap_slots.c -- which slot of which area a page goes to.
 *
 * Called by swap.c, under swap's lock. Areas are used from the highest priority down; among equal
 * ones the next batch goes to the next. On devices that do not turn each CPU fills a cluster of 256
 * slots of its own; on disks slots follow each other for all CPUs, cluster after cluster, so that
 * writes stay in a row. CPUs take slots in batches of 64 while there are plenty.
 * Source: mm/swapfile.c: get_swap_pages(), scan_swap_map_slots(), scan_swap_map_try_ssd_cluster();
 * mm/swap_slots.c; facts 7.8.
 */
#include "mm/swap_area.h"

#define ACTIVATE_FACTOR 5u /* THRESHOLD_ACTIVATE_SWAP_SLOTS_CACHE: times the cache, per CPU */
#define DEACTIVATE_FACTOR 2u

void nb_swap_sort(struct nb_swap *s)
{
	s->nr_order = 0;
	for (unsigned i = 0; i < NB_MAX_SWAPFILES; i++) {
		unsigned at = s->nr_order;

		if (!s->area[i] || !s->area[i]->used || s->area[i]->going)
			continue;
		while (at && s->area[s->order[at - 1]]->priority < s->area[i]->priority) {
			s->order[at] = s->order[at - 1];
			at--;
		}
		s->order[at] = i;
		s->nr_order++;
	}
}

static bool slot_free(const struct nb_swap_area *a, uint64_t slot)
{
	return !a->map[slot] && (!a->cache[slot] || a->cache[slot] & NB_SWC_SHADOW);
}

static uint64_t cluster_end(const struct nb_swap_area *a, uint64_t cluster)
{
	uint64_t end = (cluster + 1) * NB_SWAPFILE_CLUSTER;

	return end < a->opt.pages ? end : a->opt.pages;
}

/* The first cluster from `from` on, round the end, without a used slot; or nr_clusters. */
static uint64_t empty_cluster(const struct nb_swap_area *a, uint64_t from)
{
	for (uint64_t i = 0; i < a->nr_clusters; i++) {
		uint64_t c = (from + i) % a->nr_clusters;

		if (!a->cluster_used[c])
			return c;
	}
	return a->nr_clusters;
}

/* The next free slot in [at, end), or 0. */
static uint64_t free_in(const struct nb_swap_area *a, uint64_t at, uint64_t end)
{
	for (; at < end; at++) {
		if (at && slot_free(a, at))
			return at;
	}
	return 0;
}

/* The lowest run of 256 free slots from a->lowest on, not aligned; or 0. */
static uint64_t free_run(const struct nb_swap_area *a)
{
	uint64_t run = 0;

	for (uint64_t at = a->lowest; at < a->opt.pages; at++) {
		run = slot_free(a, at) ? run + 1 : 0;
		if (run == NB_SWAPFILE_CLUSTER)
			return at - run + 1;
	}
	return 0;
}

/* For all CPUs in a row: a run of 256 slots, then the next such run from the lowest free slot on;
 * without one, wherever there is room behind the last. */
static uint64_t next_in_row(struct nb_swap_area *a)
{
	uint64_t slot;

	if (!a->run_left) {
		slot = a->nr_free < NB_SWAPFILE_CLUSTER ? 0 : free_run(a);
		if (slot)
			a->next = slot;
		a->run_left = NB_SWAPFILE_CLUSTER;
	}
	a->run_left--;
	slot = free_in(a, a->next, a->opt.pages);
	if (!slot)
		slot = free_in(a, a->lowest, a->opt.pages);
	a->next = slot + 1;
	if (slot == a->lowest)
		a->lowest++;
	return slot;
}

/* Out of the CPU's cluster. */
static uint64_t next_in_cluster(struct nb_swap_area *a, struct nb_swap_cpu *c)
{
	uint64_t *cluster = &c->cluster[a->number], *at = &c->at[a->number];
	uint64_t slot = 0;

	if (*cluster)
		slot = free_in(a, *at, cluster_end(a, *cluster - 1));
	if (!slot) {
		uint64_t e = empty_cluster(a, 0);

		if (e < a->nr_clusters) {
			*cluster = e + 1;
			slot = free_in(a, e * NB_SWAPFILE_CLUSTER, cluster_end(a, e));
		} else {
			*cluster = 0;
			slot = free_in(a, 1, a->opt.pages);
		}
	}
	*at = slot + 1;
	return slot;
}

static struct nb_swap_cpu *cpu_side(struct nb_system *sys, int cpu)
{
	struct nb_swap *s = sys->swap;

	if (!s->cpu[cpu])
		s->cpu[cpu] = nb_system_alloc(sys, sizeof(*s->cpu[cpu]));
	return s->cpu[cpu];
}

/* A slot of the area, counted as used. */
static uint64_t take_from(struct nb_swap *s, struct nb_swap_area *a, struct nb_swap_cpu *c)
{
	uint64_t slot;

	if (!a->nr_free)
		return 0;
	slot = a->opt.device == NB_SWAP_ROTATIONAL || !c ? next_in_row(a) : next_in_cluster(a, c);
	if (!slot)
		return 0;
	a->nr_free--;
	s->nr_free--;
	a->cache[slot] = 0;
	a->map[slot] = NB_SWAP_MAP_MAX; /* taken, until it is in the cache */
	a->cluster_used[slot / NB_SWAPFILE_CLUSTER]++;
	return slot;
}

/* The area whose turn it is goes behind its equals. */
static void requeue(struct nb_swap *s, unsigned at)
{
	unsigned i = s->order[at];

	while (at + 1 < s->nr_order &&
	       s->area[s->order[at + 1]]->priority == s->area[i]->priority) {
		s->order[at] = s->order[at + 1];
		at++;
	}
	s->order[at] = i;
}

/* Up to n slots of one area into out. */
static unsigned get_slots(struct nb_swap *s, struct nb_swap_cpu *c, nb_swp_t *out, unsigned n)
{
	for (unsigned at = 0; at < s->nr_order; at++) {
		struct nb_swap_area *a = s->area[s->order[at]];
		unsigned got = 0;
		uint64_t slot;

		while (got < n && (slot = take_from(s, a, c)))
			out[got++] = nb_swp_make(a->number, slot);
		if (got) {
			requeue(s, at);
			return got;
		}
	}
	return 0;
}

static void choose_slot_cache(struct nb_system *sys)
{
	struct nb_swap *s = sys->swap;
	uint64_t per = (uint64_t)sys->nr_cpus_online * NB_SWAP_SLOTS_CACHE;

	if (!s->slot_cache && s->nr_free > ACTIVATE_FACTOR * per) {
		s->slot_cache = true;
	} else if (s->slot_cache && s->nr_free < DEACTIVATE_FACTOR * per) {
		s->slot_cache = false;
		nb_swap_return_cached_slots(sys);
	}
}

nb_swp_t nb_swap_take_slot(struct nb_system *sys, int cpu)
{
	struct nb_swap *s = sys->swap;
	struct nb_swap_cpu *c = cpu_side(sys, cpu);
	nb_swp_t e;

	if (c && c->nr) {
		c->nr--;
		return c->slots[c->first++];
	}
	choose_slot_cache(sys);
	if (!c || !s->slot_cache)
		return get_slots(s, c, &e, 1) ? e : 0;
	c->first = 0;
	c->nr = get_slots(s, c, c->slots, NB_SWAP_SLOTS_CACHE);
	if (!c->nr)
		return 0;
	c->nr--;
	return c->slots[c->first++];
}

void nb_swap_give_slot(struct nb_system *sys, struct nb_swap_area *a, uint64_t slot)
{
	a->map[slot] = 0;
	a->cache[slot] = 0;
	a->cluster_used[slot / NB_SWAPFILE_CLUSTER]--;
	a->nr_free++;
	sys->swap->nr_free++;
	if (slot < a->lowest)
		a->lowest = slot;
}

void nb_swap_return_cached_slots(struct nb_system *sys)
{
	struct nb_swap *s = sys->swap;

	for (unsigned cpu = 0; cpu < sys->nr_cpu_ids; cpu++) {
		struct nb_swap_cpu *c = s->cpu[cpu];

		while (c && c->nr) {
			nb_swp_t e = c->slots[c->first++];

			c->nr--;
			nb_swap_give_slot(sys, s->area[nb_swp_area(e)], nb_swp_slot(e));
		}
	}
}
