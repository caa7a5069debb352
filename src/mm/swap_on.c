/* swap_on.c -- areas come and go.
 *
 * Called by drivers through include/numabox/swap.h. An area's tables are reservations of their own,
 * given back by swapoff and at the system's end. Source: mm/swapfile.c: swapon(2), swapoff(2),
 * try_to_unuse().
 */
#include "base/fmt.h"
#include "base/mem.h"
#include "mm/fault.h"
#include "mm/filemap.h"
#include "mm/mmap.h"
#include "mm/oom.h"
#include "mm/rmap.h"
#include "mm/swap_area.h"

#define MAX_PRIORITY 32767
#define UNUSE_ROUNDS 16u

static void release_entries(struct nb_system *sys, struct nb_swap *s)
{
	for (unsigned i = 0; i < sys->nr_pgdat; i++) {
		if (s->page_entry[i])
			sys->port->release(sys->port->ctx, s->page_entry[i],
					   (size_t)(sys->pgdat[i]->mem_map_pages + 1) *
						   sizeof(uint64_t));
		s->page_entry[i] = NULL;
	}
}

/* What all areas share: made with the first. */
static struct nb_swap *swap_side(struct nb_system *sys)
{
	struct nb_swap *s = sys->swap;

	if (s)
		return s;
	s = nb_system_alloc(sys, sizeof(*s));
	if (!s)
		return NULL;
	s->cpu = nb_system_alloc(sys, sys->nr_cpu_ids * sizeof(struct nb_swap_cpu *));
	s->page_entry = nb_system_alloc(sys, sys->nr_pgdat * sizeof(uint64_t *));
	if (!s->cpu || !s->page_entry)
		return NULL;
	for (unsigned i = 0; i < sys->nr_pgdat; i++) {
		size_t bytes = (size_t)(sys->pgdat[i]->mem_map_pages + 1) * sizeof(uint64_t);

		s->page_entry[i] = sys->port->reserve(sys->port->ctx, bytes);
		if (!s->page_entry[i] ||
		    sys->port->commit(sys->port->ctx, s->page_entry[i], bytes)) {
			release_entries(sys, s);
			return NULL;
		}
	}
	s->least_priority = -1;
	s->ra_hits = 4;
	sys->swap = s;
	return s;
}

static int make_tables(struct nb_system *sys, struct nb_swap_area *a)
{
	uint64_t n = a->opt.pages;
	unsigned char *p;

	a->cluster_size = nb_swap_cluster_size(sys);
	a->nr_clusters = (n + a->cluster_size - 1) / a->cluster_size;
	a->bytes = n * (sizeof(uint64_t) + 2 * sizeof(uint16_t)) +
		   a->nr_clusters * sizeof(struct nb_swap_cluster) + 64;
	if (sys->backed && !a->opt.write)
		a->bytes += n << sys->page_shift;
	p = sys->port->reserve(sys->port->ctx, (size_t)a->bytes);
	if (!p)
		return -NB_ENOMEM;
	a->memory = p;
	if (sys->port->commit(sys->port->ctx, p, (size_t)a->bytes))
		return -NB_ENOMEM;
	if (sys->backed && !a->opt.write) {
		a->store = p;
		p += n << sys->page_shift;
	}
	a->cache = (uint64_t *)(void *)p;
	p += n * sizeof(uint64_t);
	a->cluster = (struct nb_swap_cluster *)(void *)p;
	p += a->nr_clusters * sizeof(struct nb_swap_cluster);
	a->map = (uint16_t *)(void *)p;
	p += n * sizeof(uint16_t);
	a->memcg = (uint16_t *)(void *)p;
	return 0;
}

static void release_tables(struct nb_system *sys, struct nb_swap_area *a)
{
	if (a->memory)
		sys->port->release(sys->port->ctx, a->memory, (size_t)a->bytes);
	a->memory = NULL;
}

static void name_area(struct nb_swap_area *a, const char *name)
{
	size_t n = 0;

	if (!name) {
		(void)nb_snprintf(a->name, sizeof(a->name), "/dev/swap%u", a->number);
		return;
	}
	for (; name[n] && n + 1 < sizeof(a->name); n++)
		a->name[n] = name[n];
	a->name[n] = '\0';
}

int nb_swapon(struct nb_system *sys, const struct nb_swap_options *opt, unsigned *ret_area)
{
	struct nb_swap *s;
	struct nb_swap_area *a;
	unsigned i = 0;
	int err;

	if (opt->pages < 2 || opt->pages > NB_SWP_SLOT_MASK || opt->priority > MAX_PRIORITY ||
	    opt->priority < NB_SWAP_PRIO_AUTO || (opt->read != NULL) != (opt->write != NULL))
		return -NB_EINVAL;
	s = swap_side(sys);
	if (!s)
		return -NB_ENOMEM;
	while (i < NB_MAX_SWAPFILES && s->area[i] && s->area[i]->used)
		i++;
	if (i == NB_MAX_SWAPFILES)
		return -NB_EPERM;
	a = s->area[i] ? s->area[i] : nb_system_alloc(sys, sizeof(*a));
	if (!a)
		return -NB_ENOMEM;
	*a = (struct nb_swap_area){.opt = *opt, .number = i};
	err = make_tables(sys, a);
	if (err) {
		release_tables(sys, a);
		return err;
	}
	name_area(a, opt->name);
	nb_swap_lock(sys);
	a->priority = opt->priority >= 0 ? opt->priority : --s->least_priority;
	a->nr_free = opt->pages - 1;
	nb_swap_slots_init(sys, a);
	a->used = true;
	s->area[i] = a;
	if (i >= s->nr_areas)
		s->nr_areas = i + 1;
	s->nr_total += a->nr_free;
	s->nr_free += a->nr_free;
	s->nr_rotational += opt->device == NB_SWAP_ROTATIONAL;
	nb_swap_sort(s);
	nb_swap_unlock(sys);
	*ret_area = i;
	return 0;
}

/* Brings in what the task has in the area. */
static int unuse_mm(struct nb_task *t, unsigned area)
{
	struct nb_mm *mm = t->mm;
	uint64_t addr = 0, end = mm->task_size;
	struct nb_ptable *leaf;

	while ((leaf = nb_pt_next_leaf(mm, &addr, end))) {
		uint64_t stop = (addr & ~(nb_pt_leaf_span(mm) - 1)) + nb_pt_leaf_span(mm);

		for (; addr < stop && addr < end; addr += nb_mm_page_bytes(mm)) {
			unsigned i = nb_pt_index(mm, addr);
			nb_swp_t e = nb_pte_swp(leaf->entry[i]);
			struct nb_vma *v;

			if (!e || nb_swp_area(e) != area)
				continue;
			v = nb_vma_find(mm, addr);
			if (!v || nb_swap_in(t, v, addr, leaf, i, false) < 0)
				return -NB_ENOMEM;
		}
	}
	return 0;
}

/* What only the cache has left goes. */
static void drop_cache(struct nb_system *sys, struct nb_swap_area *a)
{
	nb_swap_poll(sys, true);
	for (uint64_t slot = 1; slot < a->opt.pages; slot++) {
		struct nb_zone *z = NULL;
		struct nb_page *page = nb_swap_cache_find(sys, nb_swp_make(a->number, slot), &z);

		if (!page)
			continue;
		(void)nb_swap_try_free_cached(sys, z, page, nb_swap_cpu_of(sys));
		nb_put_page(sys, z, page, nb_swap_cpu_of(sys));
	}
}

/* Reading pages in may push others out again that still have their slot here: round after round. */
static int unuse(struct nb_system *sys, struct nb_swap_area *a)
{
	for (unsigned round = 0; round < UNUSE_ROUNDS; round++) {
		struct nb_task *t;
		int err = 0;

		for (unsigned i = 0; !err && (t = nb_system_task(sys, i)); i++) {
			nb_mm_lock(t->mm, t->cpu);
			err = unuse_mm(t, a->number);
			nb_mm_unlock(t->mm);
			if (!err)
				err = nb_shmem_unuse(t, a->number);
			nb_oom_leave(t);
		}
		if (err)
			return err;
		drop_cache(sys, a);
		if (a->nr_free == a->opt.pages - 1)
			return 0;
	}
	return -NB_ENOMEM;
}

int nb_swapoff(struct nb_system *sys, unsigned area)
{
	struct nb_swap *s = sys->swap;
	struct nb_swap_area *a;
	int err;

	if (!s || area >= NB_MAX_SWAPFILES || !s->area[area] || !s->area[area]->used)
		return -NB_EINVAL;
	a = s->area[area];
	nb_swap_poll(sys, true);
	nb_swap_lock(sys);
	s->slot_cache_off++;
	nb_swap_return_cached_slots(sys);
	a->going = true;
	nb_swap_sort(s);
	nb_swap_unlock(sys);
	err = unuse(sys, a);
	nb_swap_lock(sys);
	s->slot_cache_off--;
	if (err) {
		a->going = false;
	} else {
		a->used = a->going = false;
		s->nr_total -= a->opt.pages - 1;
		s->nr_free -= a->nr_free;
		s->nr_rotational -= a->opt.device == NB_SWAP_ROTATIONAL;
		release_tables(sys, a);
	}
	nb_swap_sort(s);
	nb_swap_unlock(sys);
	return err;
}

void nb_release_swap(struct nb_system *sys)
{
	struct nb_swap *s = sys->swap;

	if (!s)
		return;
	for (unsigned i = 0; i < NB_MAX_SWAPFILES; i++) {
		if (s->area[i])
			release_tables(sys, s->area[i]);
	}
	release_entries(sys, s);
}
