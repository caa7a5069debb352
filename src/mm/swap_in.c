/* swap_in.c -- a page comes back from swap, and which others with it.
 *
 * Called by fault.c. On a disk that turns, the aligned cluster of slots around the wanted one is
 * read at once, all of it placed by the policy and the interleave index of the faulting page,
 * whosever the others are. Elsewhere the neighbours in the address space are read, each with an
 * index of its own; one area that turns decides for all. How many: up to 1 << vm.page-cluster,
 * fewer while what was read ahead is not used. A synchronous device reads the page alone, past the
 * cache. Where the page was before it went out plays no part. Source: mm/memory.c: do_swap_page(),
 * should_try_to_free_swap(); mm/swap_state.c: swapin_readahead(), swap_cluster_readahead(),
 * swap_vma_readahead(), swap_cache_get_folio(), swapin_nr_pages(); facts 10.1.
 */
#include "mm/fault.h"
#include "mm/memcg.h"
#include "mm/oom.h"
#include "mm/page_alloc.h"
#include "mm/rmap.h"
#include "mm/shared_policy.h"
#include "mm/swap_area.h"
#include "mm/vmscan.h"
#include "mm/vmstat.h"

#define RA_HITS_MAX 63u
#define RA_WIN_SHIFT 6u
#define RA_ORDER_CEILING 5u
#define RA_FIRST 4u /* hits that are taken for granted at the beginning */
#define PMD_PAGES 512u
/* A page that nobody else has is mapped writable although it is only read: no second fault. */
#define WRITABLE_SINCE 6011u

/* One fault. */
struct swapin {
	struct nb_task *t;
	struct nb_vma *v;
	uint64_t addr,
		ilx; /* ilx: interleave index of addr; a memory file's pages have no addr and v */
	const struct nb_mempolicy *pol;
	nb_swp_t entry;
};

/* The system's estimates of what reading ahead is worth: several CPUs guess at once. */
static unsigned load(const unsigned *estimate)
{
	return __atomic_load_n(estimate, __ATOMIC_RELAXED);
}

static void store(unsigned *estimate, unsigned n)
{
	__atomic_store_n(estimate, n, __ATOMIC_RELAXED);
}

static unsigned page_shift(const struct swapin *s)
{
	return s->t->sys->page_shift;
}

/* A page that was read ahead and is wanted now tells that reading ahead pays. */
static void note_hit(struct swapin *s, struct nb_page *page)
{
	struct nb_swap *sw = s->t->sys->swap;
	bool vma_ra = s->v && !sw->nr_rotational;
	bool ahead = nb_page_flags(page) & PG_RECLAIM && !(nb_page_flags(page) & PG_WRITEBACK);
	uint64_t val = vma_ra && s->v->swap_ra ? s->v->swap_ra : RA_FIRST;
	uint64_t hits = val & RA_HITS_MAX;

	if (ahead)
		nb_page_change_flags(s->t->sys, page, 0, PG_RECLAIM);
	if (vma_ra) {
		if (ahead && hits < RA_HITS_MAX)
			hits++;
		s->v->swap_ra = (s->addr >> page_shift(s)) << 12 |
				(val & (RA_HITS_MAX << RA_WIN_SHIFT)) | hits;
	}
	if (!ahead)
		return;
	nb_count_vm_event(s->t->sys, s->t->cpu, NB_VM_SWAP_RA_HIT);
	if (!vma_ra)
		store(&sw->ra_hits, load(&sw->ra_hits) + 1);
}

/* The page of an entry, out of the cache or read into it, with a reference. NULL: the slot is not
 * in use, or no memory. */
static struct nb_page *read_cached(struct swapin *s, nb_swp_t e, uint64_t ilx, bool ahead,
				   struct nb_zone **ret_z)
{
	struct nb_system *sys = s->t->sys;
	struct nb_page *page = nb_swap_cache_find(sys, e, ret_z), *fresh;
	uint64_t shadow = 0;
	nb_pfn_t pfn;

	if (page)
		return page;
	if (!nb_swap_count(sys, e))
		return NULL;
	pfn = nb_mpol_alloc(s->t, s->pol, NB_GFP_HIGHUSER_MOVABLE, 0, ilx);
	if (pfn == NB_NO_PFN)
		return NULL;
	fresh = nb_pfn_to_page(sys, pfn, ret_z);
	if (!nb_memcg_charge_swapin(s->t, *ret_z, fresh, e)) {
		nb_put_page(sys, *ret_z, fresh, s->t->cpu);
		return NULL;
	}
	nb_page_set_flags(fresh, nb_page_flags(fresh) | PG_SWAPBACKED);
	page = nb_swap_cache_fill(sys, e, ret_z, fresh, s->t->cpu, &shadow);
	if (page)
		nb_page_unlock(sys, page);
	if (page != fresh)
		return page;
	nb_workingset_refault(sys, *ret_z, page, shadow);
	nb_lru_add_fault(sys, *ret_z, page, s->t->cpu);
	if (ahead) {
		nb_page_change_flags(sys, page, PG_RECLAIM, 0);
		nb_count_vm_event(sys, s->t->cpu, NB_VM_SWAP_RA);
	}
	return page;
}

static void read_ahead(struct swapin *s, nb_swp_t e, uint64_t ilx)
{
	struct nb_zone *z = NULL;
	struct nb_page *page = read_cached(s, e, ilx, e != s->entry, &z);

	if (page)
		nb_put_page(s->t->sys, z, page, s->t->cpu);
}

/* How many pages, by what reading ahead has been worth. */
static unsigned window(uint64_t prev, uint64_t at, unsigned hits, unsigned max, unsigned last)
{
	unsigned pages = hits + 2, roundup = 4;

	if (pages == 2) {
		if (at != prev + 1 && at + 1 != prev)
			pages = 1;
	} else {
		while (roundup < pages)
			roundup <<= 1;
		pages = roundup;
	}
	if (pages > max)
		pages = max;
	return pages < last / 2 ? last / 2 : pages;
}

/* Along the slots. */
static void cluster_readahead(struct swapin *s)
{
	struct nb_system *sys = s->t->sys;
	struct nb_swap *sw = sys->swap;
	const struct nb_swap_area *a = nb_swap_area_of(sys, s->entry);
	uint64_t slot = nb_swp_slot(s->entry), first, last;
	unsigned max = 1u << sys->tune.page_cluster, hits = load(&sw->ra_hits), pages = 1;

	if (max > 1) {
		store(&sw->ra_hits, 0);
		pages = window(__atomic_load_n(&sw->ra_prev, __ATOMIC_RELAXED), slot, hits, max,
			       load(&sw->ra_last));
		if (!hits)
			__atomic_store_n(&sw->ra_prev, slot, __ATOMIC_RELAXED);
		store(&sw->ra_last, pages);
	}
	if (pages == 1)
		return;
	first = slot & ~(uint64_t)(pages - 1);
	last = slot | (pages - 1);
	if (!first)
		first = 1;
	if (last >= a->opt.pages)
		last = a->opt.pages - 1;
	for (uint64_t i = first; i <= last && !nb_fatal_signal(s->t); i++)
		read_ahead(s, nb_swp_make(a->number, i), s->ilx);
	nb_lru_add_drain(sys, s->t->cpu);
}

static uint64_t max3(uint64_t a, uint64_t b, uint64_t c)
{
	a = a > b ? a : b;
	return a > c ? a : c;
}

static uint64_t min3(uint64_t a, uint64_t b, uint64_t c)
{
	a = a < b ? a : b;
	return a < c ? a : c;
}

/* Along the address space. */
static void vma_readahead(struct swapin *s)
{
	struct nb_system *sys = s->t->sys;
	unsigned shift = page_shift(s), order = sys->tune.page_cluster, max, win;
	uint64_t val = s->v->swap_ra ? s->v->swap_ra : RA_FIRST, left, right;
	uint64_t at = s->addr >> shift, prev = val >> 12, pmd = at & ~(uint64_t)(PMD_PAGES - 1);

	max = 1u << (order < RA_ORDER_CEILING ? order : RA_ORDER_CEILING);
	if (max == 1)
		return;
	win = window(prev, at, (unsigned)(val & RA_HITS_MAX), max,
		     (unsigned)(val >> RA_WIN_SHIFT & RA_HITS_MAX));
	s->v->swap_ra = at << 12 | (uint64_t)win << RA_WIN_SHIFT;
	if (win == 1)
		return;
	if (at == prev + 1)
		left = at;
	else if (prev == at + 1)
		left = at - win + 1;
	else
		left = at - (win - 1) / 2;
	right = left + win;
	left = max3(left, s->v->start >> shift, pmd);
	right = min3(right, s->v->end >> shift, pmd + PMD_PAGES);
	for (uint64_t i = left; i < right && !nb_fatal_signal(s->t); i++) {
		struct nb_ptable *leaf = nb_pt_leaf(s->v->mm, i << shift);
		nb_swp_t e = leaf ? nb_pte_swp(leaf->entry[nb_pt_index(s->v->mm, i << shift)]) : 0;

		if (e)
			read_ahead(s, e, s->ilx + (i - at));
	}
	nb_lru_add_drain(sys, s->t->cpu);
}

/* What eviction left in the slot. */
static uint64_t shadow_of(struct nb_system *sys, nb_swp_t e)
{
	uint64_t word;

	nb_swap_lock(sys);
	word = nb_swap_area_of(sys, e)->cache[nb_swp_slot(e)];
	nb_swap_unlock(sys);
	return word & NB_SWC_SHADOW ? word & ~NB_SWC_SHADOW : 0;
}

/* Reads past the cache: the slot's only user has it from now on. */
static struct nb_page *read_alone(struct swapin *s, struct nb_zone **ret_z)
{
	struct nb_system *sys = s->t->sys;
	uint64_t shadow = shadow_of(sys, s->entry);
	nb_pfn_t pfn = nb_mpol_alloc(s->t, s->pol, NB_GFP_HIGHUSER_MOVABLE, 0, s->ilx);
	struct nb_page *page;

	if (pfn == NB_NO_PFN)
		return NULL;
	page = nb_pfn_to_page(sys, pfn, ret_z);
	if (!nb_memcg_charge_swapin(s->t, *ret_z, page, s->entry)) {
		nb_put_page(sys, *ret_z, page, s->t->cpu);
		return NULL;
	}
	nb_page_set_flags(page, nb_page_flags(page) | PG_SWAPBACKED);
	if (nb_swap_readpage(sys, s->entry, *ret_z, page, s->t->cpu)) {
		nb_put_page(sys, *ret_z, page, s->t->cpu);
		return NULL;
	}
	nb_workingset_refault(sys, *ret_z, page, shadow);
	nb_lru_add_fault(sys, *ret_z, page, s->t->cpu);
	return page;
}

/* From the device, with neighbours. *ret_alone: past the cache. */
static struct nb_page *read_in(struct swapin *s, struct nb_zone **ret_z, bool *ret_alone)
{
	struct nb_system *sys = s->t->sys;
	const struct nb_swap_area *a = nb_swap_area_of(sys, s->entry);

	nb_count_vm_event(sys, s->t->cpu, NB_VM_PGMAJFAULT);
	nb_memcg_count(s->t->memcg, NB_MEMCG_PGMAJFAULT, 1);
	*ret_alone = a->opt.device == NB_SWAP_SYNCHRONOUS && nb_swap_count(sys, s->entry) == 1;
	if (*ret_alone)
		return read_alone(s, ret_z);
	if (sys->swap->nr_rotational)
		cluster_readahead(s);
	else
		vma_readahead(s);
	return read_cached(s, s->entry, s->ilx, false, ret_z);
}

/* Is the cached copy worth less than its slot? The page's own reference, the cache's, no other. */
static bool should_free_slot(const struct swapin *s, const struct nb_page *page, bool write)
{
	if (!(nb_page_flags(page) & PG_SWAPCACHE))
		return false;
	if (nb_swap_full(s->t->sys) || s->v->flags & NB_VM_LOCKED ||
	    nb_page_flags(page) & PG_MLOCKED)
		return true;
	return write && nb_page_refcount(page) == 2;
}

/* Maps the page, which is locked, instead of the entry; the caller's reference becomes the
 * mapping's. */
static void map_page(struct swapin *s, struct nb_zone *z, struct nb_page *page,
		     struct nb_ptable *leaf, unsigned i, bool write)
{
	unsigned bits = NB_PTE_PRESENT | NB_PTE_ACCESSED;
	bool sole;

	nb_swap_uncount(s->t->sys, s->entry, s->t->cpu);
	if (should_free_slot(s, page, write))
		(void)nb_swap_free_cached(s->t->sys, z, page, s->t->cpu);
	nb_mm_add(&s->v->mm->swap_entries, -1);
	/* nobody else: neither another page table's entry nor another mapping */
	sole = !nb_page_mapcount(page) &&
	       nb_page_refcount(page) == 1u + (nb_page_flags(page) & PG_SWAPCACHE ? 1 : 0);
	if (sole && nb_page_flags(page) & PG_SWAPCACHE)
		sole = !nb_swap_count(s->t->sys, s->entry);
	if (sole)
		bits |= NB_PTE_EXCLUSIVE;
	if (sole && s->v->prot & NB_PROT_WRITE &&
	    (write || s->t->sys->profile->version >= WRITABLE_SINCE))
		bits |= NB_PTE_WRITE;
	if (write && bits & NB_PTE_WRITE) {
		bits |= NB_PTE_DIRTY;
		nb_page_change_flags(s->t->sys, page, PG_DIRTY, 0);
	}
	nb_rmap_add_anon(s->v, s->addr, z, page, 1);
	nb_pt_set(leaf, i, nb_pte_make(nb_zone_page_pfn(z, page), bits));
}

int nb_swap_in(struct nb_task *t, struct nb_vma *v, uint64_t addr, struct nb_ptable *leaf,
	       unsigned i, bool write)
{
	struct swapin s = {.t = t,
			   .v = v,
			   .addr = addr,
			   .ilx = v->inode + nb_vma_pgoff(v, addr),
			   .pol = v->policy ? v->policy : t->policy,
			   .entry = nb_pte_swp(leaf->entry[i])};
	uint64_t pte = leaf->entry[i];
	struct nb_zone *z = NULL;
	struct nb_page *page;
	bool alone = false;
	int major = 0;

	if (!s.entry || !nb_swap_area_of(t->sys, s.entry) || nb_anon_prepare(v))
		return -NB_ENOMEM;
	nb_swap_poll(t->sys, false);
	page = nb_swap_cache_find(t->sys, s.entry, &z);
	if (page) {
		note_hit(&s, page);
	} else {
		struct nb_swap_area *a = nb_swap_area_of(t->sys, s.entry);
		uint64_t before = nb_lru_read(&a->reads);

		page = read_in(&s, &z, &alone);
		nb_swap_device_wait_read(t, a, before);
		major = 1;
	}
	if (!page)
		return leaf->entry[i] == pte ? -NB_ENOMEM : 0;
	nb_page_lock(t->sys, page);
	if (leaf->entry[i] != pte || (!alone && !nb_swap_cache_holds(t->sys, z, page, s.entry))) {
		/* somebody was faster */
		nb_page_unlock(t->sys, page);
		nb_put_page(t->sys, z, page, t->cpu);
		return 0;
	}
	map_page(&s, z, page, leaf, i, write);
	nb_page_unlock(t->sys, page);
	return major;
}

void nb_swap_willneed(struct nb_task *t, struct nb_vma *v, uint64_t addr, nb_swp_t e)
{
	struct swapin s = {.t = t, .v = v, .addr = addr, .entry = e};
	struct nb_mempolicy *pol = nb_vma_policy(t, v, addr, 0, &s.ilx);

	s.pol = pol;
	if (nb_swap_area_of(t->sys, e))
		read_ahead(&s, e, s.ilx);
	nb_mpol_put(t->sys, pol);
}

int nb_swap_in_shmem(struct nb_task *t, const struct nb_mempolicy *pol, uint64_t ilx, nb_swp_t e,
		     struct nb_zone **ret_zone, struct nb_page **ret_page)
{
	struct swapin s = {.t = t, .ilx = ilx, .pol = pol, .entry = e};

	*ret_page = nb_swap_cache_find(t->sys, e, ret_zone);
	if (*ret_page) {
		note_hit(&s, *ret_page);
		return 0;
	}
	cluster_readahead(&s);
	*ret_page = read_cached(&s, e, ilx, false, ret_zone);
	return *ret_page ? 1 : -NB_ENOMEM;
}

unsigned nb_swap_count(const struct nb_system *sys, nb_swp_t e)
{
	const struct nb_swap_area *a = nb_swap_area_of(sys, e);
	unsigned n;

	if (!a)
		return 0;
	nb_swap_lock(sys);
	n = a->map[nb_swp_slot(e)];
	nb_swap_unlock(sys);
	return n == NB_SWAP_MAP_MAX ? 0 : n;
}

bool nb_task_swap_slot(const struct nb_task *t, uint64_t addr, unsigned *ret_area,
		       uint64_t *ret_slot)
{
	const struct nb_ptable *leaf = t->alive ? nb_pt_leaf(t->mm, addr) : NULL;
	nb_swp_t e = leaf ? nb_pte_swp(leaf->entry[nb_pt_index(t->mm, addr)]) : 0;

	if (!e)
		return false;
	*ret_area = nb_swp_area(e);
	*ret_slot = nb_swp_slot(e);
	return true;
}
