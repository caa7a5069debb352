/* swap_slots.c -- which area a page goes to, and the slots that CPUs keep for themselves.
 *
 * Called by swap.c, under swap's lock. Areas are used from the highest priority down; among equal
 * ones the next batch goes to the next. Which slot of an area: swap_cluster.c, swap_row.c. While
 * there are plenty a CPU takes slots in batches of 64, and gives 64 back when the 65th comes; both
 * count as used until then. Invariant: a slot in a CPU's hands has map NB_SWAP_MAP_MAX.
 * Source: mm/swapfile.c: get_swap_pages(), swapcache_free_entries(); mm/swap_slots.c; facts 7.8.
 */
#include "mm/memcg.h"
#include "mm/swap_pick.h"

#define ACTIVATE_FACTOR 5u /* THRESHOLD_ACTIVATE_SWAP_SLOTS_CACHE: times the cache, per CPU */
#define DEACTIVATE_FACTOR 2u
#define SLOT_CACHE_SINCE 4011
#define SLOT_CACHE_END 6015
#define NO_ROWS_SINCE 6014 /* disks that turn have clusters, too */
#define SMALL_CLUSTER 256u
#define THP_SWAP_X86_SINCE 4013 /* a cluster holds a huge page */
#define THP_SWAP_ARM64_SINCE 6000

uint32_t nb_swap_cluster_size(const struct nb_system *sys)
{
	unsigned v = sys->profile->version;
	bool thp = (sys->machine->arch == NB_ARCH_X86_64 && v >= THP_SWAP_X86_SINCE) ||
		   (sys->machine->arch == NB_ARCH_ARM64 && v >= THP_SWAP_ARM64_SINCE);

	return thp ? 1u << (sys->page_shift - 3) : SMALL_CLUSTER;
}

void nb_swap_slots_init(const struct nb_system *sys, struct nb_swap_area *a)
{
	a->map[0] = NB_SWAP_MAP_MAX;
	a->next = a->lowest = 1;
	a->highest = a->opt.pages - 1;
	a->in_row = a->opt.device == NB_SWAP_ROTATIONAL && sys->profile->version < NO_ROWS_SINCE;
	nb_swap_clusters_init(a);
}

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

void nb_swap_slot_take(const struct nb_swap_pick *p, uint64_t slot)
{
	struct nb_swap_area *a = p->a;

	a->nr_free--;
	nb_swap_count_free(p->sys->swap, -1);
	a->cache[slot] = 0;
	a->map[slot] = NB_SWAP_MAP_MAX; /* until it is in the cache */
}

/* The slot is unused again. */
static void release(struct nb_system *sys, struct nb_swap_area *a, uint64_t slot)
{
	if (nb_unlikely(a->memcg[slot]))
		nb_memcg_uncharge_swap(sys, a, slot);
	a->map[slot] = 0;
	a->cache[slot] = 0;
	a->nr_free++;
	nb_swap_count_free(sys->swap, 1);
	if (a->in_row)
		nb_swap_row_give(a, slot);
	else
		nb_swap_cluster_give(a, slot);
}

bool nb_swap_slot_reclaim(const struct nb_swap_pick *p, uint64_t slot)
{
	struct nb_swap_dropped *d = p->dropped;

	if (!p->full || d->nr == NB_SWAP_SLOTS_CACHE)
		return false;
	d->page[d->nr] = nb_swap_drop_idle(p->sys, p->a, slot, &d->zone[d->nr]);
	if (!d->page[d->nr])
		return false;
	d->nr++;
	release(p->sys, p->a, slot);
	return true;
}

static struct nb_swap_cpu *cpu_side(struct nb_system *sys, int cpu)
{
	struct nb_swap *s = sys->swap;

	if (!s->cpu[cpu])
		s->cpu[cpu] = nb_system_alloc(sys, sizeof(*s->cpu[cpu]));
	return s->cpu[cpu];
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

static unsigned pick(const struct nb_swap_pick *p, struct nb_swap_cpu *c, nb_swp_t *out, unsigned n)
{
	struct nb_swap_area *a = p->a;
	uint64_t *at =
		c && a->opt.device != NB_SWAP_ROTATIONAL ? &c->at[a->number] : &a->cluster_at;
	unsigned got = 0;
	uint64_t slot;

	if (a->in_row)
		return nb_swap_row_take(p, out, n);
	while (got < n && a->nr_free && (slot = nb_swap_cluster_take(p, at)))
		out[got++] = nb_swp_make(a->number, slot);
	return got;
}

/* Up to n slots of one area into out. */
static unsigned get_slots(struct nb_system *sys, struct nb_swap_cpu *c, nb_swp_t *out, unsigned n,
			  struct nb_swap_dropped *dropped)
{
	struct nb_swap *s = sys->swap;

	if (n > s->nr_free)
		n = (unsigned)s->nr_free;
	for (unsigned at = 0; n && at < s->nr_order; at++) {
		struct nb_swap_pick p = {.sys = sys,
					 .a = s->area[s->order[at]],
					 .dropped = dropped,
					 .full = nb_swap_full(sys)};
		unsigned got = p.a->nr_free ? pick(&p, c, out, n) : 0;

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
	unsigned v = sys->profile->version;

	if (s->slot_cache_off || v < SLOT_CACHE_SINCE || v >= SLOT_CACHE_END)
		return;
	if (!s->slot_cache && s->nr_free > ACTIVATE_FACTOR * per) {
		s->slot_cache = true;
	} else if (s->slot_cache && s->nr_free < DEACTIVATE_FACTOR * per) {
		s->slot_cache = false;
		nb_swap_return_cached_slots(sys);
	}
}

static bool use_slot_cache(const struct nb_swap *s)
{
	return s->slot_cache && !s->slot_cache_off;
}

nb_swp_t nb_swap_take_slot(struct nb_system *sys, int cpu, struct nb_swap_dropped *dropped)
{
	struct nb_swap *s = sys->swap;
	struct nb_swap_cpu *c = cpu_side(sys, cpu);
	nb_swp_t e;

	choose_slot_cache(sys);
	if (c && use_slot_cache(s)) {
		if (!c->nr) {
			c->first = 0;
			c->nr = get_slots(sys, c, c->slots, NB_SWAP_SLOTS_CACHE, dropped);
		}
		if (c->nr) {
			c->nr--;
			return c->slots[c->first++];
		}
	}
	return get_slots(sys, c, &e, 1, dropped) ? e : 0;
}

static void release_entries(struct nb_system *sys, const nb_swp_t *e, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		release(sys, sys->swap->area[nb_swp_area(e[i])], nb_swp_slot(e[i]));
}

void nb_swap_give_slot(struct nb_system *sys, struct nb_swap_area *a, uint64_t slot, int cpu)
{
	struct nb_swap_cpu *c = use_slot_cache(sys->swap) ? cpu_side(sys, cpu) : NULL;

	if (!c) {
		release(sys, a, slot);
		return;
	}
	if (c->nr_returned == NB_SWAP_SLOTS_CACHE) {
		release_entries(sys, c->returned, c->nr_returned);
		c->nr_returned = 0;
	}
	a->map[slot] = NB_SWAP_MAP_MAX;
	a->cache[slot] = 0;
	c->returned[c->nr_returned++] = nb_swp_make(a->number, slot);
}

void nb_swap_return_cached_slots(struct nb_system *sys)
{
	struct nb_swap *s = sys->swap;

	for (unsigned cpu = 0; cpu < sys->nr_cpu_ids; cpu++) {
		struct nb_swap_cpu *c = s->cpu[cpu];

		if (!c)
			continue;
		release_entries(sys, c->slots + c->first, c->nr);
		release_entries(sys, c->returned, c->nr_returned);
		c->nr = c->nr_returned = 0;
	}
}
