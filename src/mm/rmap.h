/* rmap.h -- from a page to the page-table entries that map it.
 *
 * Called by fault.c, fork.c, the page cache, reclaim and migration. A page names what it belongs to
 * by a handle (page->mapping) and its offset there (page->index, in pages). Behind the handle is
 * either an nb_anon (pages of private memory, shared by a family of processes through fork) or an
 * nb_address_space (pages of a file); both begin with struct nb_rmap, whose tree holds every VMA
 * that may map such a page, ordered by page offset.
 *
 * Counts, proved by nb_tasks_check(): page->mapcount == entries that map it; each holds one
 * reference; the page cache and the swap cache hold one each besides. mm counters follow each
 * mapping, zone counters (nr_anon, nr_mapped) the first and the last of a page.
 *
 * Locks of threaded systems: a call of a task holds its mm->lock (nb_mm_lock()); the VMAs of an mm
 * change their place in a tree under mm->lock and the tree's own lock, which is a leaf above
 * lruvec and zone. A walk holds the tree's lock and only tries the locks of the mms that it
 * meets. Source: mm/rmap.c; facts 10.1.
 */
#ifndef NB_MM_RMAP_H
#define NB_MM_RMAP_H

#include "mm/page.h"
#include "mm/pagetable.h"
#include "mm/vma.h"

/* What an nb_anon and an nb_address_space have in common; their first member. */
struct nb_rmap {
	uint32_t handle; /* 0: not registered */
	bool anon;       /* decides which link of the VMA the tree uses */
	struct nb_lock lock;
	struct nb_vma *tree; /* VMAs by page offset */
	unsigned nr_vmas;
};

/* Private pages of one VMA and of those that came from it. Lives while a VMA is in its tree. */
struct nb_anon {
	struct nb_rmap rmap;
};

/* Gives the object a handle. 0 or -NB_ENOMEM. */
int nb_rmap_register(struct nb_system *sys, struct nb_rmap *r, bool anon);
/* Takes it back; no VMA may be in the tree. A page that still names it is found to belong to none.
 */
void nb_rmap_unregister(struct nb_system *sys, struct nb_rmap *r);
/* The object of a handle, or NULL. The caller knows that it lives: it holds a page of it locked,
 * cached or mapped, or the system is single-threaded. */
struct nb_rmap *nb_rmap_object(const struct nb_system *sys, uint32_t handle);
/* The same with its lock taken, for those who do not know whether it lives. */
struct nb_rmap *nb_rmap_lock_object(const struct nb_system *sys, uint32_t handle);

/* rmap_tree.c: into the tree and out of it, under the object's lock. The VMA's start, end and pgoff
 * must not change while it is in. */
void nb_rmap_tree_insert(struct nb_rmap *r, struct nb_vma *v);
void nb_rmap_tree_remove(struct nb_rmap *r, struct nb_vma *v);
/* Calls fn for each VMA that maps any of page offsets [first, last], in ascending order of their
 * own first offset, then of the mm's age; a result other than 0 ends the walk and is returned. */
int nb_rmap_tree_walk(const struct nb_rmap *r, uint64_t first, uint64_t last,
		      int (*fn)(void *arg, struct nb_vma *v), void *arg);

/* Takes the VMA out of the trees of what it maps (before its extent changes), and puts it back. */
void nb_rmap_unlink_vma(struct nb_vma *v);
void nb_rmap_link_vma(struct nb_vma *v);
/* For good: out of its nb_anon, which goes with its last VMA. */
void nb_anon_leave(struct nb_vma *v);

/* rmap.c: gives v an nb_anon before its first private page: a neighbour's where the two could
 * become one VMA, else a new one. 0 or -NB_ENOMEM. Source: __anon_vma_prepare(). */
int nb_anon_prepare_slow(struct nb_vma *v);
static inline int nb_anon_prepare(struct nb_vma *v)
{
	return nb_likely(v->anon != NULL) ? 0 : nb_anon_prepare_slow(v);
}
/* The child's VMA joins the parent's nb_anon; it merges with none that the parent's would have.
 * 0 or -NB_ENOMEM. Source: anon_vma_fork(). */
int nb_anon_fork(struct nb_vma *child, const struct nb_vma *parent);
/* May the two be one VMA, as to their private pages? Source: is_mergeable_anon_vma(). */
bool nb_anon_mergeable(const struct nb_vma *a, const struct nb_vma *b);

/* rmap.c: the page has no reference left. */
void nb_release_page(struct nb_zone *z, struct nb_page *page, int cpu);
/* Gives a reference back. The last one frees the page (and takes it off its list), through the page
 * set of `cpu`. */
static inline void nb_put_page(const struct nb_system *sys, struct nb_zone *z, struct nb_page *page,
			       int cpu)
{
	uint32_t left = sys->port->relax ? __atomic_sub_fetch(&page->refcount, 1, __ATOMIC_ACQ_REL)
					 : --page->refcount;

	if (left == 0)
		nb_release_page(z, page, cpu);
}

/* Page offset of an address in what its VMA maps. */
static inline uint64_t nb_vma_pgoff(const struct nb_vma *v, uint64_t addr)
{
	return v->pgoff + ((addr - v->start) >> v->mm->shape.page_shift);
}
/* The address where v maps a page offset; UINT64_MAX: it does not. */
static inline uint64_t nb_vma_address(const struct nb_vma *v, uint64_t pgoff)
{
	uint64_t at = v->start + ((pgoff - v->pgoff) << v->mm->shape.page_shift);

	return pgoff >= v->pgoff && at < v->end ? at : UINT64_MAX;
}
/* A mapping of v comes or goes: mapcount and the counters of mm and zone. The entry and the
 * reference are the caller's. add_anon gives a page that nothing maps its owner and index (v has an
 * nb_anon); `pages` is what it counts for: 1, or a huge page's base pages when mapped as a whole.
 */
void nb_rmap_add_anon(struct nb_vma *v, uint64_t addr, struct nb_zone *z, struct nb_page *page,
		      unsigned pages);
void nb_rmap_add_file(struct nb_vma *v, struct nb_zone *z, struct nb_page *page, unsigned pages);
void nb_rmap_remove(struct nb_mm *mm, struct nb_zone *z, struct nb_page *page, unsigned pages);

/* The counters of an mm alone, for a page of the zone: anonymous, or else of memory (PG_SWAPBACKED)
 * or of a file. Where flags change (a page moves), count it out before and in after. */
static inline void nb_mm_count_page(struct nb_mm *mm, const struct nb_zone *z, uint32_t flags,
				    int64_t n)
{
	uint64_t *kind = flags & PG_ANON         ? &mm->anon_pages
			 : flags & PG_SWAPBACKED ? &mm->shmem_pages
						 : &mm->file_pages;

	nb_mm_add(&mm->rss_pages, n);
	nb_mm_add(kind, n);
	mm->zone_rss[z->pgdat->index * NB_MAX_NR_ZONES + z->type] += (uint64_t)n;
}

/* A fresh page, which nobody else knows yet, is v's at that offset; not counted. */
static inline void nb_rmap_name_anon(const struct nb_vma *v, uint64_t pgoff, struct nb_page *page)
{
	nb_page_set_flags(page, page->flags | PG_ANON | PG_SWAPBACKED);
	page->mapcount = 1;
	page->mapping = v->anon->rmap.handle;
	nb_page_init_index(page, pgoff);
}

/* The same, counted: as nb_rmap_add_anon(), without atomic steps. */
static inline void nb_rmap_add_new_anon(struct nb_vma *v, uint64_t addr, struct nb_zone *z,
					struct nb_page *page)
{
	nb_rmap_name_anon(v, nb_vma_pgoff(v, addr), page);
	nb_stat_add(v->mm->sys, &z->nr_anon, 1);
	nb_mm_count_page(v->mm, z, PG_ANON, 1);
}

/* Visits each entry that maps the page: fn gets the VMA, the address and the entry, which may be
 * changed (leaf counts are fn's: nb_pt_set()). Another result than 0 ends the walk and is
 * returned. `cpu` is the caller's: an mm that this CPU has locked itself is entered; -1 for a
 * daemon without one. -NB_EAGAIN: some mm was busy and its entries were left out. */
typedef int nb_rmap_fn(void *arg, struct nb_vma *v, uint64_t addr, struct nb_ptable *leaf,
		       unsigned i);
int nb_rmap_walk(struct nb_system *sys, struct nb_zone *z, struct nb_page *page, int cpu,
		 nb_rmap_fn *fn, void *arg);

/* Mappings that accessed the page since last asked, which is forgotten; *ret_vm_flags gets the
 * NB_VM_* and, shifted by 24, the NB_PROT_* of their VMAs together. -1: busy.
 * Source: folio_referenced(). */
int nb_page_referenced(struct nb_system *sys, struct nb_zone *z, struct nb_page *page, int cpu,
		       unsigned *ret_vm_flags);
/* Takes every mapping away: an anonymous page's entry becomes `entry` (a swap entry's pte, see
 * nb_pte_swap(); counted in swap_entries), a file's becomes empty. A dirty entry makes the page
 * dirty. true: nothing maps it any more. Entries in VMAs that are locked in memory stay unless
 * `force`. `dup` is told of each entry that is written, with arg. */
bool nb_try_to_unmap(struct nb_system *sys, struct nb_zone *z, struct nb_page *page, int cpu,
		     uint64_t entry, bool force, void (*dup)(void *arg), void *arg);
/* Every entry of `from` becomes one of `to`, its bits kept; counts, references, owner, index and
 * mapping-side flags move along. `to` is a fresh page with one reference, which is kept for the
 * caller to put or to use as the cache's. Both pages are locked. `commit` is called once nobody can
 * reach the page through a mapping any more: it copies the bytes and moves the caches; where it
 * fails, nothing changed. 0; -NB_EAGAIN: some mm was busy, nothing changed; or commit's error. */
int nb_rmap_move(struct nb_system *sys, struct nb_zone *fromz, struct nb_page *from,
		 struct nb_zone *toz, struct nb_page *to, int cpu, int (*commit)(void *arg),
		 void *arg);

/* The lock of an address space: each call of one of its tasks, from its beginning to its end.
 * Single-threaded systems pay nothing. */
static inline void nb_mm_lock(struct nb_mm *mm, int cpu)
{
	nb_lock(&mm->lock, mm->sys->port);
	if (mm->sys->port->relax)
		atomic_store_explicit(&mm->lock_cpu, cpu, memory_order_relaxed);
}
static inline void nb_mm_unlock(struct nb_mm *mm)
{
	if (mm->sys->port->relax)
		atomic_store_explicit(&mm->lock_cpu, -1, memory_order_relaxed);
	nb_unlock(&mm->lock, mm->sys->port);
}
/* For somebody else's mm, under locks: 1 taken, 0 busy, 2 already held by this CPU (do not unlock).
 */
static inline int nb_mm_trylock(struct nb_mm *mm, int cpu)
{
	if (!mm->sys->port->relax)
		return 1;
	if (cpu >= 0 && atomic_load_explicit(&mm->lock_cpu, memory_order_relaxed) == cpu)
		return 2;
	if (!nb_trylock(&mm->lock, mm->sys->port))
		return 0;
	atomic_store_explicit(&mm->lock_cpu, cpu, memory_order_relaxed);
	return 1;
}

#endif
