/* rmap.c -- counts of mappings, and walks from a page to its entries.
 *
 * Called through rmap.h. Counters of an address space are guarded by its lock; a page's own counts
 * are atomic in threaded systems, as address spaces that share it have different locks.
 * Source: mm/rmap.c, page_add_anon_rmap(), page_remove_rmap(), rmap_walk(), folio_referenced_one(),
 * try_to_unmap_one(); mm/migrate.c, remove_migration_pte(); mm/swap.c, __folio_put().
 */
#include "mm/rmap.h"

#include "mm/address_space.h"
#include "mm/huge_memory.h"
#include "mm/hugetlb.h"
#include "mm/lru.h"
#include "mm/memcg.h"
#include "mm/page_alloc.h"
#include "mm/swap.h"

static int add_mapcount(const struct nb_system *sys, struct nb_page *page, int n)
{
	if (sys->port->relax)
		return __atomic_add_fetch(&page->mapcount, n, __ATOMIC_RELAXED);
	return page->mapcount += n;
}

void nb_rmap_add_anon(struct nb_vma *v, uint64_t addr, struct nb_zone *z, struct nb_page *page,
		      unsigned pages)
{
	struct nb_system *sys = v->mm->sys;

	if (add_mapcount(sys, page, 1) == 1) {
		nb_page_change_flags(sys, page, PG_ANON | PG_SWAPBACKED, 0);
		nb_page_set_owner(page, v->anon->rmap.handle);
		nb_page_set_index(sys, page, nb_vma_pgoff(v, addr));
		nb_stat_add(sys, &z->nr_anon, pages);
	}
	nb_mm_count_page(v->mm, z, PG_ANON, pages);
}

void nb_rmap_add_file(struct nb_vma *v, struct nb_zone *z, struct nb_page *page, unsigned pages)
{
	struct nb_system *sys = v->mm->sys;

	if (add_mapcount(sys, page, 1) == 1)
		nb_stat_add(sys, &z->nr_mapped, pages);
	nb_mm_count_page(v->mm, z, nb_page_flags(page) & PG_SWAPBACKED, pages);
}

void nb_rmap_remove(struct nb_mm *mm, struct nb_zone *z, struct nb_page *page, unsigned pages)
{
	uint32_t flags = nb_page_flags(page);

	if (add_mapcount(mm->sys, page, -1) == 0)
		nb_stat_add(mm->sys, flags & PG_ANON ? &z->nr_anon : &z->nr_mapped,
			    -(int64_t)pages);
	nb_mm_count_page(mm, z, flags, -(int64_t)pages);
}

void nb_release_page(struct nb_zone *z, struct nb_page *page, int cpu)
{
	uint32_t flags = nb_page_flags(page);
	unsigned order = nb_flags_order(flags);

	if (flags & PG_HUGETLB) {
		nb_hstate_free_page(z->sys, z, page, NULL, false, cpu);
		return;
	}
	if (flags & PG_MLOCKED)
		nb_stat_add(z->sys, &z->nr_mlock, -(INT64_C(1) << order));
	if (flags & (PG_LRU | PG_LRU_BATCH | PG_ISOLATED))
		nb_lru_del(z->sys, z, page, cpu);
	nb_memcg_uncharge(z, page, order, cpu);
	page->mapcount = 0;
	nb_page_set_owner(page, 0);
	page->cpupid = 0;
	nb_free_page_block(z, page, order, cpu);
}

struct walk {
	struct nb_system *sys;
	nb_pfn_t pfn;
	uint64_t pgoff, index;
	int cpu;
	bool busy, held;
	nb_rmap_fn *fn;
	void *arg;
};

/* One VMA that may map the page. */
static int visit(void *arg, struct nb_vma *v)
{
	struct walk *w = arg;
	uint64_t addr = nb_vma_address(v, w->pgoff);
	struct nb_ptable *leaf;
	int got = w->held ? 2 : nb_mm_trylock(v->mm, w->cpu), ret = 0;
	unsigned i;

	if (!got) {
		w->busy = true;
		return 0;
	}
	leaf = addr == UINT64_MAX ? NULL : nb_pt_mapping(v->mm, addr, &i);
	if (leaf && nb_pte_pfn(leaf->entry[i]) == w->pfn)
		ret = w->fn(w->arg, v, addr, leaf, i);
	if (got == 1)
		nb_mm_unlock(v->mm);
	return ret;
}

static int walk_object(struct nb_rmap *r, struct nb_page *page, struct walk *w)
{
	int ret;

	w->pgoff = nb_page_index(page);
	ret = nb_rmap_tree_walk(r, w->pgoff, w->pgoff, visit, w);
	if (ret)
		return ret;
	return w->busy ? -NB_EAGAIN : 0;
}

int nb_rmap_walk(struct nb_system *sys, struct nb_zone *z, struct nb_page *page, int cpu,
		 nb_rmap_fn *fn, void *arg)
{
	struct walk w = {
		.sys = sys, .pfn = nb_zone_page_pfn(z, page), .cpu = cpu, .fn = fn, .arg = arg};
	struct nb_rmap *r = nb_rmap_lock_object(sys, nb_page_owner(page));
	int ret;

	if (!r)
		return 0;
	ret = walk_object(r, page, &w);
	nb_unlock(&r->lock, sys->port);
	return ret;
}

struct referenced {
	int count;
	unsigned vm_flags;
};

static int see_accessed(void *arg, struct nb_vma *v, uint64_t addr, struct nb_ptable *leaf,
			unsigned i)
{
	struct referenced *ref = arg;

	(void)addr;
	ref->vm_flags |= v->flags | (unsigned)v->prot << 24;
	if (leaf->entry[i] & NB_PTE_ACCESSED) {
		leaf->entry[i] &= ~(uint64_t)NB_PTE_ACCESSED;
		/* read once in order: a reference says little */
		ref->count += !(v->flags & NB_VM_SEQ_READ);
	}
	return 0;
}

int nb_page_referenced(struct nb_system *sys, struct nb_zone *z, struct nb_page *page, int cpu,
		       unsigned *ret_vm_flags)
{
	struct referenced ref = {0};
	int err = nb_rmap_walk(sys, z, page, cpu, see_accessed, &ref);

	*ret_vm_flags = ref.vm_flags;
	return err ? -1 : ref.count;
}

struct unmap {
	struct nb_zone *z;
	struct nb_page *page;
	int cpu;
	uint64_t entry;
	bool force;
	void (*dup)(void *arg);
	void *arg;
	unsigned put;
};

static int unmap_one(void *arg, struct nb_vma *v, uint64_t addr, struct nb_ptable *leaf, unsigned i)
{
	struct unmap *u = arg;

	(void)addr;
	if (v->flags & NB_VM_LOCKED && !u->force)
		return 0;
	if (leaf->entry[i] & NB_PTE_DIRTY) {
		/* what the entry knew the file must know: flag, mark and counts together */
		if (nb_page_flags(u->page) & PG_ANON)
			nb_page_change_flags(v->mm->sys, u->page, PG_DIRTY, 0);
		else
			(void)nb_as_set_dirty(u->z, u->page, u->cpu);
	}
	nb_pt_set(leaf, i, nb_page_flags(u->page) & PG_ANON ? u->entry : 0);
	nb_rmap_remove(v->mm, u->z, u->page, 1);
	if (leaf->entry[i]) {
		nb_mm_add(&v->mm->swap_entries, 1);
		if (u->dup)
			u->dup(u->arg);
	}
	u->put++;
	return 0;
}

bool nb_try_to_unmap(struct nb_system *sys, struct nb_zone *z, struct nb_page *page, int cpu,
		     uint64_t entry, bool force, void (*dup)(void *arg), void *arg)
{
	struct unmap u = {.z = z,
			  .page = page,
			  .cpu = cpu < 0 ? nb_swap_cpu_of(sys) : cpu,
			  .entry = entry,
			  .force = force,
			  .dup = dup,
			  .arg = arg};

	(void)nb_rmap_walk(sys, z, page, cpu, unmap_one, &u);
	/* the caller has a reference of its own: these cannot be the last */
	while (u.put--)
		nb_put_page(sys, z, page, cpu);
	return nb_page_mapcount(page) == 0;
}

/* Every mm of the tree is locked, or none: so that a page moves as a whole. */
static int hold(void *arg, struct nb_vma *v)
{
	struct walk *w = arg;
	struct nb_rmap *r = w->arg;
	int got;

	if (atomic_load_explicit(&v->mm->held_by, memory_order_relaxed) == r)
		return 0;
	got = nb_mm_trylock(v->mm, w->cpu);
	if (got == 1)
		atomic_store_explicit(&v->mm->held_by, r, memory_order_relaxed);
	return got ? 0 : -NB_EAGAIN;
}

static int let_go(void *arg, struct nb_vma *v)
{
	struct walk *w = arg;

	if (atomic_load_explicit(&v->mm->held_by, memory_order_relaxed) != w->arg)
		return 0;
	atomic_store_explicit(&v->mm->held_by, NULL, memory_order_relaxed);
	nb_mm_unlock(v->mm);
	return 0;
}

struct move {
	struct nb_system *sys;
	struct nb_zone *fromz, *toz;
	struct nb_page *from, *to;
	nb_pfn_t pfn;
	unsigned moved;
};

static int move_one(void *arg, struct nb_vma *v, uint64_t addr, struct nb_ptable *leaf, unsigned i)
{
	const uint64_t bits = (UINT64_C(1) << NB_PTE_SHIFT) - 1;
	struct move *m = arg;
	uint32_t flags = nb_page_flags(m->from);
	int64_t pages = INT64_C(1) << nb_flags_order(flags);

	(void)addr;
	leaf->entry[i] = nb_pte_make(m->pfn, (unsigned)(leaf->entry[i] & bits));
	nb_mm_count_page(v->mm, m->fromz, flags, -pages);
	nb_mm_count_page(v->mm, m->toz, flags, pages);
	m->moved++;
	return 0;
}

/* What the page is goes with it; what its place on lists is does not. */
static void move_counts(struct move *m)
{
	const uint32_t keep = PG_ANON | PG_SWAPBACKED | PG_DIRTY | PG_REFERENCED | PG_ACTIVE |
			      PG_UNEVICTABLE | PG_MLOCKED;
	uint32_t flags = nb_page_flags(m->from);
	bool anon = flags & PG_ANON;
	int64_t pages = INT64_C(1) << nb_page_order(m->from);
	int n = (int)m->moved;

	nb_page_change_flags(m->sys, m->to, flags & keep, 0);
	if (anon) { /* a file's page has got it from its cache */
		nb_page_set_owner(m->to, nb_page_owner(m->from));
		nb_page_set_index(m->sys, m->to, nb_page_index(m->from));
	}
	(void)add_mapcount(m->sys, m->to, n);
	for (int i = 0; i < n; i++)
		nb_get_page(m->sys, m->to);
	if (m->moved) {
		nb_stat_add(m->sys, anon ? &m->fromz->nr_anon : &m->fromz->nr_mapped, -pages);
		nb_stat_add(m->sys, anon ? &m->toz->nr_anon : &m->toz->nr_mapped, pages);
	}
	if (m->moved && anon && pages > 1) {
		nb_thp_count(m->sys, m->fromz, -1);
		nb_thp_count(m->sys, m->toz, 1);
	}
	if (flags & PG_MLOCKED) {
		nb_page_change_flags(m->sys, m->from, 0, PG_MLOCKED);
		nb_stat_add(m->sys, &m->fromz->nr_mlock, -1);
		nb_stat_add(m->sys, &m->toz->nr_mlock, 1);
	}
	(void)add_mapcount(m->sys, m->from, -n);
}

static int count_one(void *arg, struct nb_vma *v, uint64_t addr, struct nb_ptable *leaf, unsigned i)
{
	(void)v;
	(void)addr;
	(void)leaf;
	(void)i;
	++*(int *)arg;
	return 0;
}

/* A VMA whose extent is just being changed is in no tree for a moment, and its mm was not met: a
 * page of it must stay. */
static bool all_found(struct nb_rmap *r, struct nb_page *page, const struct walk *w)
{
	struct walk v = *w;
	int found = 0;

	v.held = true;
	v.fn = count_one;
	v.arg = &found;
	(void)walk_object(r, page, &v);
	return found == nb_page_mapcount(page);
}

int nb_rmap_move(struct nb_system *sys, struct nb_zone *fromz, struct nb_page *from,
		 struct nb_zone *toz, struct nb_page *to, int cpu, int (*commit)(void *arg),
		 void *arg)
{
	uint64_t index = nb_page_index(from);
	struct move m = {sys, fromz, toz, from, to, nb_zone_page_pfn(toz, to), 0};
	struct nb_rmap *r = nb_rmap_lock_object(sys, from->mapping);
	struct walk w = {.sys = sys, .pfn = nb_zone_page_pfn(fromz, from), .cpu = cpu, .arg = r};
	int err = 0;

	if (r && sys->port->relax)
		err = nb_rmap_tree_walk(r, index, index, hold, &w);
	if (r && !err && sys->port->relax && !all_found(r, from, &w))
		err = -NB_EAGAIN;
	if (!err)
		err = commit(arg);
	if (r && !err) {
		struct walk v = w;

		v.held = true;
		v.fn = move_one;
		v.arg = &m;
		(void)walk_object(r, from, &v);
	}
	if (!err)
		move_counts(&m);
	if (r && sys->port->relax)
		(void)nb_rmap_tree_walk(r, index, index, let_go, &w);
	if (r)
		nb_unlock(&r->lock, sys->port);
	while (m.moved--)
		nb_put_page(sys, fromz, from, cpu);
	return err;
}
