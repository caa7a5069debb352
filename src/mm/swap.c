/* swap.c -- swap areas, the swap cache, and writing to slots.
 *
 * Called by reclaim (out), swap_in.c (in), fork and zap (counts), drivers (swapon, swapoff). Slots
 * are chosen in swap_slots.c. A page that goes out is written to its slot and stays in the cache
 * until reclaim meets it again, clean; a synchronous device is done at once. Writes to others end
 * when the system's time has passed the device's, seen at the next look (nb_swap_poll()).
 * Source: mm/swapfile.c: swapon(2), swapoff(2), swap_duplicate(), free_swap_and_cache(),
 * folio_free_swap(); mm/swap_state.c; mm/page_io.c: swap_writepage(); facts 7.8.
 */
#include "base/fmt.h"
#include "base/mem.h"
#include "mm/memcg.h"
#include "mm/rmap.h"
#include "mm/swap_area.h"
#include "mm/vmstat.h"

#include <numabox/error.h>

static void change(const struct nb_system *sys, struct nb_page *page, uint32_t set, uint32_t clear)
{
	nb_page_change_flags(sys, page, set, clear);
}

/* Where the entry of a cached page stands. */
static uint64_t *page_entry(const struct nb_system *sys, const struct nb_zone *z,
			    const struct nb_page *page)
{
	return &sys->swap->page_entry[z->pgdat->index][nb_page_dense(z->mem_map, page)];
}

/* ---- the cache ---- */

struct nb_page *nb_swap_cached_page(struct nb_system *sys, const struct nb_swap_area *a,
				    uint64_t slot, struct nb_zone **ret_zone)
{
	uint64_t word = a->cache[slot];
	struct nb_page *page;
	struct nb_pgdat *p;

	if (!word || word & NB_SWC_SHADOW)
		return NULL;
	p = sys->pgdat[word >> 32];
	page = nb_link_page(p->mem_map, (nb_link_t)word);
	*ret_zone = nb_page_zone(p, page);
	return page;
}

void nb_swap_cache_add(struct nb_system *sys, nb_swp_t e, struct nb_zone *z, struct nb_page *page,
		       uint64_t *ret_shadow)
{
	struct nb_swap_area *a = nb_swap_area_of(sys, e);
	uint64_t *word = &a->cache[nb_swp_slot(e)];

	*ret_shadow = *word & NB_SWC_SHADOW ? *word & ~NB_SWC_SHADOW : 0;
	*word = nb_swc_page(z->pgdat, nb_page_link(z->mem_map, page));
	__atomic_store_n(page_entry(sys, z, page), e, __ATOMIC_RELAXED);
	nb_get_page(sys, page);
	change(sys, page, PG_SWAPCACHE, 0);
	nb_swap_count_cached(sys, 1);
	nb_stat_add(sys, &z->nr_file, 1);
	nb_stat_add(sys, &z->nr_swapcached, 1);
}

/* Out of the cache; the slot stays. */
static void forget(struct nb_system *sys, struct nb_swap_area *a, uint64_t slot, struct nb_zone *z,
		   struct nb_page *page, uint64_t shadow)
{
	a->cache[slot] = shadow ? shadow | NB_SWC_SHADOW : 0;
	change(sys, page, 0, PG_SWAPCACHE);
	nb_swap_count_cached(sys, -1);
	nb_stat_add(sys, &z->nr_file, -1);
	nb_stat_add(sys, &z->nr_swapcached, -1);
}

struct nb_page *nb_swap_drop_idle(struct nb_system *sys, struct nb_swap_area *a, uint64_t slot,
				  struct nb_zone **ret_zone)
{
	struct nb_page *page = a->map[slot] ? NULL : nb_swap_cached_page(sys, a, slot, ret_zone);

	if (!page || nb_page_flags(page) & PG_WRITEBACK)
		return NULL;
	forget(sys, a, slot, *ret_zone, page, 0);
	change(sys, page, PG_DIRTY, 0);
	return page;
}

void nb_swap_cache_del(struct nb_system *sys, struct nb_zone *z, struct nb_page *page,
		       uint64_t shadow, int cpu)
{
	nb_swp_t e = nb_page_swap(sys, z, page);
	struct nb_swap_area *a = nb_swap_area_of(sys, e);
	uint64_t slot = nb_swp_slot(e);

	forget(sys, a, slot, z, page, shadow);
	if (!a->map[slot])
		nb_swap_give_slot(sys, a, slot, cpu);
}

nb_swp_t nb_page_swap(const struct nb_system *sys, const struct nb_zone *z,
		      const struct nb_page *page)
{
	return __atomic_load_n(page_entry(sys, z, page), __ATOMIC_RELAXED);
}

struct nb_page *nb_swap_cache_find(struct nb_system *sys, nb_swp_t e, struct nb_zone **ret_zone)
{
	struct nb_swap_area *a = nb_swap_area_of(sys, e);
	struct nb_page *page;

	if (!a)
		return NULL;
	nb_swap_lock(sys);
	page = nb_swap_cached_page(sys, a, nb_swp_slot(e), ret_zone);
	if (page)
		nb_get_page(sys, page);
	nb_swap_unlock(sys);
	return page;
}

bool nb_swap_cache_remove_if_unused(struct nb_system *sys, struct nb_zone *z, struct nb_page *page,
				    uint64_t shadow)
{
	bool unused;

	nb_swap_lock(sys);
	unused = nb_page_refcount(page) == 2 &&
		 (nb_page_flags(page) & (PG_SWAPCACHE | PG_DIRTY | PG_WRITEBACK)) == PG_SWAPCACHE;
	if (unused) {
		if (nb_unlikely(z->pgdat->memcg_of != NULL))
			nb_memcg_swapout(sys, z, page, nb_page_swap(sys, z, page));
		nb_swap_cache_del(sys, z, page, shadow, nb_swap_cpu_of(sys));
		nb_page_unref(sys, page); /* the cache's; ours is left */
	}
	nb_swap_unlock(sys);
	return unused;
}

void nb_swap_cache_replace(struct nb_system *sys, struct nb_zone *fromz, struct nb_page *from,
			   struct nb_zone *toz, struct nb_page *to)
{
	nb_swp_t e = nb_page_swap(sys, fromz, from);
	uint64_t shadow;

	nb_swap_lock(sys);
	nb_swap_count_cached(sys, -1);
	nb_stat_add(sys, &fromz->nr_file, -1);
	nb_stat_add(sys, &fromz->nr_swapcached, -1);
	change(sys, from, 0, PG_SWAPCACHE);
	nb_swap_cache_add(sys, e, toz, to, &shadow);
	nb_swap_unlock(sys);
	nb_page_unref(sys, from); /* the cache's; the mover has one */
}

struct nb_page *nb_swap_cache_fill(struct nb_system *sys, nb_swp_t e, struct nb_zone **zone,
				   struct nb_page *page, int cpu, uint64_t *ret_shadow)
{
	struct nb_swap_area *a = nb_swap_area_of(sys, e);
	struct nb_zone *z = *zone;
	struct nb_page *other;
	unsigned held;

	nb_page_lock(sys, page); /* fresh: nobody has it */
	nb_swap_lock(sys);
	other = nb_swap_cached_page(sys, a, nb_swp_slot(e), zone);
	held = a->map[nb_swp_slot(e)];
	if (other)
		nb_get_page(sys, other);
	else if (held && held != NB_SWAP_MAP_MAX)
		nb_swap_cache_add(sys, e, z, page, ret_shadow);
	else
		held = 0;
	nb_swap_unlock(sys);
	if (!other && held && !nb_swap_readpage(sys, e, z, page, cpu))
		return page;
	if (!other && held) {
		nb_swap_lock(sys);
		nb_swap_cache_del(sys, z, page, 0, cpu);
		nb_swap_unlock(sys);
		nb_page_unref(sys, page);
	}
	nb_page_unlock(sys, page);
	nb_put_page(sys, z, page, cpu);
	if (other)
		nb_page_lock(sys, other);
	return other;
}

bool nb_swap_cache_holds(struct nb_system *sys, const struct nb_zone *z, const struct nb_page *page,
			 nb_swp_t e)
{
	return nb_page_flags(page) & PG_SWAPCACHE && nb_page_swap(sys, z, page) == e;
}

/* ---- counts ---- */

void nb_swap_dup(struct nb_system *sys, nb_swp_t e)
{
	struct nb_swap_area *a = nb_swap_area_of(sys, e);

	if (!a)
		return;
	nb_swap_lock(sys);
	a->map[nb_swp_slot(e)]++;
	nb_swap_unlock(sys);
}

void nb_swap_uncount(struct nb_system *sys, nb_swp_t e, int cpu)
{
	struct nb_swap_area *a = nb_swap_area_of(sys, e);
	uint64_t slot = nb_swp_slot(e);

	nb_swap_lock(sys);
	if (--a->map[slot] == 0 && (!a->cache[slot] || a->cache[slot] & NB_SWC_SHADOW))
		nb_swap_give_slot(sys, a, slot, cpu);
	nb_swap_unlock(sys);
}

/* A page that no page table maps or has an entry for goes; one that is mapped keeps its slot while
 * there are many. */
static struct nb_page *drop_cached(struct nb_system *sys, struct nb_swap_area *a, uint64_t slot,
				   int cpu, struct nb_zone **ret_zone)
{
	struct nb_page *page = nb_swap_cached_page(sys, a, slot, ret_zone);
	bool drop;

	if (!page || !nb_page_trylock(sys, page)) /* reclaim has it in its hands */
		return NULL;
	drop = !(nb_page_flags(page) & PG_WRITEBACK) &&
	       (!nb_page_mapcount(page) || nb_swap_full(sys));
	if (drop) {
		nb_swap_cache_del(sys, *ret_zone, page, 0, cpu);
		change(sys, page, PG_DIRTY, 0); /* memory alone has it now */
	}
	nb_page_unlock(sys, page);
	return drop ? page : NULL;
}

void nb_swap_free(struct nb_system *sys, nb_swp_t e, int cpu)
{
	struct nb_swap_area *a = nb_swap_area_of(sys, e);
	struct nb_page *page = NULL;
	struct nb_zone *z = NULL;
	uint64_t slot = nb_swp_slot(e);

	if (!a)
		return;
	nb_swap_poll(sys, false);
	nb_swap_lock(sys);
	if (--a->map[slot] == 0) {
		if (!a->cache[slot] || a->cache[slot] & NB_SWC_SHADOW)
			nb_swap_give_slot(sys, a, slot, cpu);
		else
			page = drop_cached(sys, a, slot, cpu, &z);
	}
	nb_swap_unlock(sys);
	if (page)
		nb_put_page(sys, z, page, cpu);
}

bool nb_swap_free_cached(struct nb_system *sys, struct nb_zone *z, struct nb_page *page, int cpu)
{
	bool freed = false;
	nb_swp_t e;

	if (!(nb_page_flags(page) & PG_SWAPCACHE))
		return true;
	nb_swap_poll(sys, false);
	nb_swap_lock(sys);
	e = nb_page_swap(sys, z, page);
	if (!(nb_page_flags(page) & PG_WRITEBACK) &&
	    !nb_swap_area_of(sys, e)->map[nb_swp_slot(e)]) {
		nb_swap_cache_del(sys, z, page, 0, cpu);
		change(sys, page, PG_DIRTY, 0);
		freed = true;
	}
	nb_swap_unlock(sys);
	if (freed)
		nb_put_page(sys, z, page, cpu);
	return freed;
}

bool nb_swap_try_free_cached(struct nb_system *sys, struct nb_zone *z, struct nb_page *page,
			     int cpu)
{
	bool freed;

	if (!nb_page_trylock(sys, page))
		return false;
	freed = nb_swap_free_cached(sys, z, page, cpu);
	nb_page_unlock(sys, page);
	return freed;
}

bool nb_swap_add(struct nb_system *sys, struct nb_zone *z, struct nb_page *page, int cpu)
{
	struct nb_swap_dropped dropped;
	uint64_t shadow;
	nb_swp_t e;

	if (!sys->swap)
		return false;
	dropped.nr = 0;
	nb_swap_lock(sys);
	e = nb_swap_take_slot(sys, cpu, &dropped);
	if (e && !nb_memcg_charge_swap(sys, z, page, e)) {
		nb_swap_give_slot(sys, nb_swap_area_of(sys, e), nb_swp_slot(e), cpu);
		e = 0;
	}
	if (e) {
		nb_swap_area_of(sys, e)->map[nb_swp_slot(e)] = 0;
		nb_swap_cache_add(sys, e, z, page, &shadow);
		change(sys, page, PG_DIRTY, 0);
	}
	nb_swap_unlock(sys);
	for (unsigned i = 0; i < dropped.nr; i++)
		nb_put_page(sys, dropped.zone[i], dropped.page[i], cpu);
	return e != 0;
}

/* ---- bytes and writes ---- */

static int move_bytes(struct nb_system *sys, struct nb_swap_area *a, uint64_t slot,
		      const struct nb_zone *z, const struct nb_page *page, bool write)
{
	size_t n = (size_t)1 << sys->page_shift;
	unsigned char *bytes;

	if (!sys->backed)
		return 0;
	bytes = (unsigned char *)sys->backing + (nb_zone_page_pfn(z, page) << sys->page_shift);
	if (write && a->opt.write)
		return a->opt.write(a->opt.ctx, slot << sys->page_shift, bytes, n);
	if (!write && a->opt.read)
		return a->opt.read(a->opt.ctx, slot << sys->page_shift, bytes, n);
	if (!a->store)
		return -NB_EIO;
	memcpy(write ? a->store + slot * n : bytes, write ? bytes : a->store + slot * n, n);
	return 0;
}

/* The write is over: reclaim finds the page at the tail. Without swap's lock; the reference keeps
 * it from going while it is looked at. */
static void end_write(struct nb_system *sys, struct nb_swap_write *w)
{
	int cpu = nb_swap_cpu_of(sys);

	nb_get_page(sys, w->page);
	change(sys, w->page, 0, PG_WRITEBACK);
	nb_stat_add(sys, &w->zone->nr_writeback, -1);
	nb_stat_add(sys, &w->zone->nr_written, 1);
	nb_lru_rotate(sys, w->zone, w->page, cpu);
	nb_put_page(sys, w->zone, w->page, cpu);
}

/* The oldest write of an area, if its time has come. */
static bool take_done(struct nb_system *sys, struct nb_swap_area *a, bool all,
		      struct nb_swap_write *ret)
{
	const struct nb_swap_write *w;
	bool done;

	nb_swap_lock(sys);
	w = &a->flight[a->flight_first];
	done = a->flight_nr && (all || w->done_ns <= sys->time_ns);
	if (done) {
		*ret = *w;
		a->flight_first = (a->flight_first + 1) % NB_SWAP_IN_FLIGHT;
		a->flight_nr--;
	}
	nb_swap_unlock(sys);
	return done;
}

void nb_swap_poll(struct nb_system *sys, bool all)
{
	struct nb_swap *s = sys->swap;
	struct nb_swap_write w;

	for (unsigned i = 0; s && i < s->nr_areas; i++) {
		while (s->area[i] && take_done(sys, s->area[i], all, &w))
			end_write(sys, &w);
	}
}

/* Hands a page to the device. */
static void begin_write(struct nb_system *sys, struct nb_swap_area *a, struct nb_zone *z,
			struct nb_page *page)
{
	change(sys, page, PG_WRITEBACK, 0);
	nb_stat_add(sys, &z->nr_writeback, 1);
	nb_swap_lock(sys);
	/* reclaim waits for room before it writes (swap_device.c); who overshoots ends all early */
	while (a->flight_nr == NB_SWAP_IN_FLIGHT) {
		nb_swap_unlock(sys);
		nb_swap_poll(sys, true);
		nb_swap_lock(sys);
	}
	a->flight[(a->flight_first + a->flight_nr++) % NB_SWAP_IN_FLIGHT] = (struct nb_swap_write){
		.zone = z, .page = page, .done_ns = nb_swap_device_give(sys, a)};
	nb_swap_unlock(sys);
}

int nb_swap_writepage(struct nb_system *sys, struct nb_zone *z, struct nb_page *page, int cpu)
{
	nb_swp_t e = nb_page_swap(sys, z, page);
	struct nb_swap_area *a = nb_swap_area_of(sys, e);
	int err = move_bytes(sys, a, nb_swp_slot(e), z, page, true);

	if (err)
		return err;
	change(sys, page, 0, PG_DIRTY);
	nb_count_vm_event(sys, cpu, NB_VM_PSWPOUT);
	nb_memcg_count(nb_page_memcg(z, page), NB_MEMCG_PSWPOUT, 1);
	nb_count_vm_events(sys, cpu, NB_VM_PGPGOUT, UINT64_C(1) << (sys->page_shift - 10));
	if (a->opt.device != NB_SWAP_SYNCHRONOUS) {
		begin_write(sys, a, z, page);
		return 0;
	}
	nb_stat_add(sys, &z->nr_written, 1);
	nb_swap_lock(sys);
	nb_swap_device_give(sys, a);
	nb_swap_unlock(sys);
	return 0;
}

int nb_swap_readpage(struct nb_system *sys, nb_swp_t e, struct nb_zone *z, struct nb_page *page,
		     int cpu)
{
	struct nb_swap_area *a = nb_swap_area_of(sys, e);

	nb_swap_lock(sys);
	nb_swap_device_give(sys, a);
	nb_lru_count(&a->reads, 1);
	nb_swap_unlock(sys);
	nb_count_vm_event(sys, cpu, NB_VM_PSWPIN);
	nb_memcg_count(nb_page_memcg(z, page), NB_MEMCG_PSWPIN, 1);
	nb_count_vm_events(sys, cpu, NB_VM_PGPGIN, UINT64_C(1) << (sys->page_shift - 10));
	return move_bytes(sys, a, nb_swp_slot(e), z, page, false);
}

int nb_swap_cpu_of(const struct nb_system *sys)
{
	unsigned cpu = 0;

	while (cpu + 1 < sys->nr_cpu_ids && sys->cpu_to_node[cpu] < 0)
		cpu++;
	return (int)cpu;
}

/* ---- what is left ---- */

uint64_t nb_swap_pages_free(const struct nb_system *sys)
{
	return sys->swap ? __atomic_load_n(&sys->swap->nr_free, __ATOMIC_RELAXED) : 0;
}

uint64_t nb_swap_pages_total(const struct nb_system *sys)
{
	return sys->swap ? __atomic_load_n(&sys->swap->nr_total, __ATOMIC_RELAXED) : 0;
}

bool nb_swap_full(const struct nb_system *sys)
{
	return nb_swap_pages_free(sys) * 2 < nb_swap_pages_total(sys);
}

void nb_swap_totals(const struct nb_system *sys, uint64_t *ret_total, uint64_t *ret_free,
		    uint64_t *ret_cached)
{
	*ret_total = nb_swap_pages_total(sys);
	*ret_free = nb_swap_pages_free(sys);
	*ret_cached = sys->swap ? __atomic_load_n(&sys->swap->nr_cached, __ATOMIC_RELAXED) : 0;
}

bool nb_swap_info(const struct nb_system *sys, unsigned i, struct nb_swap_info *ret_info)
{
	for (unsigned n = 0; sys->swap && n < NB_MAX_SWAPFILES; n++) {
		const struct nb_swap_area *a = sys->swap->area[n];

		if (!a || !a->used || i--)
			continue;
		*ret_info = (struct nb_swap_info){.name = a->name,
						  .area = a->number,
						  .device = a->opt.device,
						  .priority = a->priority,
						  .pages = a->opt.pages - 1,
						  .used_pages = a->opt.pages - 1 - a->nr_free};
		return true;
	}
	return false;
}
