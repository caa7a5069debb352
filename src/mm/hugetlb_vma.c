/* hugetlb_vma.c -- mappings of huge pages: made, copied by fork, cut, taken away.
 *
 * Called by mmap.c, vma.c, fork.c, zap.c, mprotect.c and madvise.c, under the mm's lock. A private
 * mapping reserves its whole length when it is made (but for MAP_NORESERVE) and gives back what it
 * has not used when it goes; its child has no reservation. A shared mapping's reservation is its
 * file's. Borders stand between huge pages only.
 * Units: bytes, ends exclusive; offsets in files in huge pages.
 * Source: fs/hugetlbfs/inode.c: hugetlbfs_file_mmap(), hugetlb_get_unmapped_area(); mm/hugetlb.c:
 * hugetlb_vm_op_open(), hugetlb_vm_op_close(), copy_hugetlb_page_range(),
 * __unmap_hugepage_range(), hugetlb_change_protection(), unmap_ref_private().
 */
#include "mm/hugetlb.h"

#include "mm/mmap.h"
#include "mm/pt_huge.h"

#include <numabox/file.h>

#define DONTNEED_SINCE 5018u
#define RESTORE_SINCE 6008u /* what MADV_DONTNEED frees of an owner is reserved again */

static uint64_t huge_bytes(const struct nb_vma *v)
{
	return nb_hstate_bytes(v->mm->sys, nb_vma_hstate(v));
}

/* Huge offset of an address in the file. Source: vma_hugecache_offset(). */
static uint64_t offset_of(const struct nb_vma *v, uint64_t addr)
{
	return nb_vma_pgoff(v, addr) >> nb_vma_hstate(v)->order;
}

/* A free range, aligned to the huge page. */
static int place(struct nb_mm *mm, uint64_t size, uint64_t addr, uint64_t len, int flags,
		 uint64_t *ret_addr)
{
	const struct nb_vma *above;
	uint64_t low;

	if (len > mm->task_size)
		return -NB_ENOMEM;
	if (flags & NB_MAP_FIXED) {
		if (addr & (size - 1))
			return -NB_EINVAL;
		if (addr > mm->task_size - len)
			return -NB_ENOMEM;
		*ret_addr = addr;
		return addr < NB_MMAP_MIN_ADDR ? -NB_EPERM : 0;
	}
	addr = (addr + size - 1) & ~(size - 1);
	above = nb_vma_first_above(mm, addr);
	if (nb_mm_hint_fits(mm, addr, len) && (!above || above->start >= addr + len)) {
		*ret_addr = addr;
		return 0;
	}
	if (addr > mm->map_window && mm->map_window < mm->task_size)
		return -NB_ENOMEM; /* as nb_map_place() */
	low = nb_vma_gap_topdown(mm, len + size - nb_mm_page_bytes(mm), NB_MMAP_MIN_ADDR,
				 mm->mmap_base);
	if (low) {
		*ret_addr = (low + size - nb_mm_page_bytes(mm)) & ~(size - 1);
		return 0;
	}
	low = nb_vma_gap_bottomup(mm, len + size - nb_mm_page_bytes(mm),
				  mm->map_window / 3 & ~(nb_mm_page_bytes(mm) - 1), mm->map_window);
	*ret_addr = (low + size - 1) & ~(size - 1);
	return low ? 0 : -NB_ENOMEM;
}

/* The VMA of a placed mapping; takes over the caller's reference of `as`. */
static struct nb_vma *new_vma(struct nb_task *t, struct nb_address_space *as, uint64_t pgoff,
			      uint64_t start, uint64_t end, int prot, int flags)
{
	struct nb_vma *v = nb_pool_get(t->sys, &nb_task_side(t->sys)->vma_pool);

	if (!v)
		return NULL;
	v->mm = t->mm;
	v->start = start;
	v->end = end;
	v->prot = prot & (NB_PROT_READ | NB_PROT_WRITE | NB_PROT_EXEC);
	v->shared = flags & NB_MAP_SHARED;
	v->pgoff = pgoff;
	v->inode = as->ino;
	v->file = as;
	v->flags = NB_VM_HUGETLB | (flags & NB_MAP_NORESERVE ? NB_VM_NORESERVE : 0u) |
		   (t->mm->def_flags & (NB_VM_LOCKED | NB_VM_LOCKONFAULT));
	nb_rmap_link_vma(v);
	nb_vma_insert(t->mm, v);
	return v;
}

/* Maps the file; the caller's reference is used up, also on errors. */
static int map_file(struct nb_task *t, struct nb_address_space *as, uint64_t offset, uint64_t addr,
		    uint64_t len, int prot, int flags, uint64_t *ret_addr)
{
	struct nb_hstate *h = nb_huge_file(as)->h;
	uint64_t size = nb_hstate_bytes(t->sys, h), pgoff = offset >> t->sys->page_shift;
	struct nb_vma *v = NULL;
	int err = offset & (size - 1) || len & (size - 1) ? -NB_EINVAL : 0;

	if (!err && t->mm->nr_vmas >= NB_MAX_MAP_COUNT)
		err = -NB_ENOMEM;
	if (!err)
		err = place(t->mm, size, addr, len, flags, &addr);
	if (!err && flags & NB_MAP_FIXED)
		err = nb_do_munmap(t, addr, len);
	if (!err) {
		v = new_vma(t, as, pgoff, addr, addr + len, prot, flags);
		err = v ? 0 : -NB_ENOMEM;
	}
	if (err) {
		nb_file_put(as);
		return err;
	}
	if (!(flags & NB_MAP_NORESERVE) &&
	    nb_huge_reserve(t, as, pgoff >> h->order, (pgoff >> h->order) + len / size, v)) {
		nb_vma_remove(t->mm, v);
		nb_vma_free(t->mm, v);
		return -NB_ENOMEM;
	}
	if (prot & NB_PROT_WRITE && as->size < offset + len)
		as->size = offset + len;
	*ret_addr = addr;
	return 0;
}

int nb_hugetlb_mmap(struct nb_task *t, struct nb_address_space *as, uint64_t offset, uint64_t addr,
		    uint64_t length_bytes, int prot, int flags, uint64_t *ret_addr)
{
	unsigned log2 = (unsigned)flags >> NB_MAP_HUGE_SHIFT & 0x3f;
	struct nb_system *sys = t->sys;
	uint64_t size, faulted = 0;
	struct nb_hstate *h;
	int err;

	if (as) {
		nb_file_get(as);
	} else {
		h = !sys->hugetlb ? NULL
		    : log2        ? nb_hstate_by_bytes(sys, UINT64_C(1) << log2)
				  : nb_hstate_default(sys->hugetlb);
		if (!h)
			return -NB_EINVAL;
		size = nb_hstate_bytes(sys, h);
		if (!length_bytes)
			return -NB_EINVAL;
		if (length_bytes > t->mm->task_size)
			return -NB_ENOMEM;
		length_bytes = (length_bytes + size - 1) & ~(size - 1);
		as = nb_huge_file_new(sys, h, NULL, "/anon_hugepage", length_bytes);
		if (!as)
			return -NB_ENOMEM;
		as->flags |= NB_AS_UNNAMED;
	}
	err = map_file(t, as, offset, addr, length_bytes, prot, flags, ret_addr);
	if (!err && flags & NB_MAP_POPULATE && prot & (NB_PROT_READ | NB_PROT_WRITE))
		(void)nb_hugetlb_fault_range(
			t, nb_vma_find(t->mm, *ret_addr), *ret_addr, *ret_addr + length_bytes,
			prot & NB_PROT_WRITE && !(flags & NB_MAP_SHARED), &faulted);
	return err;
}

void nb_hugetlb_vma_dup(struct nb_vma *copy)
{
	if (copy->resv)
		copy->resv->refs++;
}

void nb_hugetlb_vma_fork(struct nb_vma *child)
{
	struct nb_system *sys = child->mm->sys;

	if (child->resv) {
		nb_lock(&sys->hugetlb->lock, sys->port);
		child->resv->refs--;
		nb_unlock(&sys->hugetlb->lock, sys->port);
	}
	child->resv = NULL;
	child->resv_lost = false;
}

void nb_hugetlb_vma_free(struct nb_vma *v)
{
	struct nb_resv_map *map = v->resv;
	struct nb_system *sys;
	struct nb_hugetlb *s;
	uint64_t unused, global;

	if (!map)
		return;
	sys = v->mm->sys;
	s = sys->hugetlb;
	v->resv = NULL;
	nb_lock(&s->lock, sys->port);
	unused = nb_region_missing(map, offset_of(v, v->start), offset_of(v, v->end));
	global = unused ? nb_subpool_put(nb_huge_file(v->file)->subpool, unused) : 0;
	if (!--map->refs) {
		(void)nb_region_del(s, map, 0, UINT64_MAX);
		nb_pool_put(sys, &s->map_pool, map);
	}
	nb_unlock(&s->lock, sys->port);
	(void)nb_hstate_acct(sys, nb_vma_hstate(v), -(int64_t)global, NULL);
}

/* One entry goes. */
static void zap_spot(struct nb_task *t, struct nb_vma *v, uint64_t addr,
		     const struct nb_pt_spot *spot)
{
	struct nb_huge_file *f = nb_huge_file(v->file);
	struct nb_system *sys = t->sys;
	struct nb_hugetlb *s = sys->hugetlb;
	uint64_t index = offset_of(v, addr);
	struct nb_zone *z = NULL;
	struct nb_page *page = nb_pfn_to_page(sys, nb_pte_pfn(nb_pt_spot_get(spot)), &z);
	bool restore = false;

	nb_pt_spot_set(spot, 0);
	__atomic_sub_fetch(&page->mapcount, 1, __ATOMIC_RELAXED);
	v->mm->hugetlb_pages -= UINT64_C(1) << f->h->order;
	nb_lock(&s->lock, sys->port);
	if (sys->profile->version >= RESTORE_SINCE && !f->h->surplus && !v->shared && v->resv &&
	    page->flags & PG_ANON && page->refcount == 1)
		restore = nb_region_del(s, v->resv, index, index + 1) > 0;
	nb_unlock(&s->lock, sys->port);
	if (!restore) {
		nb_huge_put(sys, z, page, f->subpool, t->cpu);
		return;
	}
	page->refcount = 0;
	nb_hstate_free_page(sys, z, page, f->subpool, true, t->cpu);
}

void nb_hugetlb_zap(struct nb_task *t, struct nb_vma *v, uint64_t start, uint64_t end,
		    const struct nb_page *only)
{
	uint64_t size = huge_bytes(v);

	for (uint64_t addr = start & ~(size - 1); addr < end; addr += size) {
		struct nb_pt_spot spot;
		struct nb_zone *z = NULL;

		if (!nb_pt_spot(v->mm, addr, nb_vma_hstate(v)->order, &spot) ||
		    !(nb_pt_spot_get(&spot) & NB_PTE_PRESENT))
			continue;
		if (only) {
			if (nb_pfn_to_page(t->sys, nb_pte_pfn(nb_pt_spot_get(&spot)), &z) != only)
				continue;
			v->resv_lost = true;
		}
		zap_spot(t, v, addr, &spot);
	}
}

void nb_hugetlb_zap_range(struct nb_task *t, uint64_t start, uint64_t end)
{
	struct nb_vma *v = nb_vma_first_above(t->mm, start);

	for (; v && v->start < end; v = nb_vma_first_above(t->mm, v->end)) {
		if (v->flags & NB_VM_HUGETLB)
			nb_hugetlb_zap(t, v, v->start > start ? v->start : start,
				       v->end < end ? v->end : end, NULL);
	}
}

struct unmap {
	const struct nb_page *page;
	uint64_t pgoff;
	int cpu;
};

static int unmap_from(void *arg, struct nb_vma *v)
{
	const struct unmap *u = arg;
	struct nb_task stand_in = {.sys = v->mm->sys, .mm = v->mm, .cpu = u->cpu};
	uint64_t addr = nb_vma_address(v, u->pgoff);
	bool lost = v->resv_lost;

	if (addr == UINT64_MAX)
		return 0;
	nb_hugetlb_zap(&stand_in, v, addr, addr + 1, u->page);
	v->resv_lost = lost;
	return 0;
}

void nb_hugetlb_unmap_page(struct nb_address_space *as, uint64_t index, const struct nb_page *page,
			   int cpu)
{
	struct unmap u = {page, index << nb_huge_file(as)->h->order, cpu};

	nb_lock(&as->rmap.lock, as->sys->port);
	(void)nb_rmap_tree_walk(&as->rmap, u.pgoff, u.pgoff, unmap_from, &u);
	nb_unlock(&as->rmap.lock, as->sys->port);
}

int nb_hugetlb_fork(struct nb_task *t, struct nb_vma *child, const struct nb_vma *parent)
{
	unsigned order = nb_vma_hstate(parent)->order;
	uint64_t size = huge_bytes(parent);

	for (uint64_t addr = parent->start; addr < parent->end; addr += size) {
		struct nb_pt_spot from, to;
		struct nb_zone *z = NULL;
		struct nb_page *page;
		uint64_t pte;

		if (!nb_pt_spot(parent->mm, addr, order, &from) || !nb_pt_spot_get(&from))
			continue;
		if (!nb_pt_make_spot(t, child->mm, addr, order, &to))
			return -NB_ENOMEM;
		pte = nb_pt_spot_get(&from);
		if (!parent->shared) {
			pte &= ~(uint64_t)NB_PTE_WRITE;
			nb_pt_spot_set(&from, pte);
		}
		page = nb_pfn_to_page(t->sys, nb_pte_pfn(pte), &z);
		nb_get_page(t->sys, page);
		__atomic_add_fetch(&page->mapcount, 1, __ATOMIC_RELAXED);
		nb_pt_spot_set(&to, pte);
		child->mm->hugetlb_pages += UINT64_C(1) << order;
	}
	return 0;
}

void nb_hugetlb_visit(struct nb_vma *v, uint64_t start, uint64_t end, nb_hugetlb_visit_fn *fn,
		      void *arg)
{
	uint64_t size = huge_bytes(v);

	for (uint64_t addr = start & ~(size - 1); addr < end; addr += size) {
		struct nb_pt_spot spot;
		struct nb_zone *z = NULL;
		struct nb_page *page;
		uint64_t pte;

		if (!nb_pt_spot(v->mm, addr, nb_vma_hstate(v)->order, &spot))
			continue;
		pte = nb_pt_spot_get(&spot);
		if (!(pte & NB_PTE_PRESENT))
			continue;
		page = nb_pfn_to_page(v->mm->sys, nb_pte_pfn(pte), &z);
		fn(arg, v, addr, &pte, z, page);
		if (pte != nb_pt_spot_get(&spot))
			nb_pt_spot_set(&spot, pte);
	}
}

static void protect_one(void *arg, struct nb_vma *v, uint64_t addr, uint64_t *pte,
			struct nb_zone *z, struct nb_page *page)
{
	const int *prot = arg;

	(void)addr;
	(void)z;
	(void)page;
	if (!(*prot & NB_PROT_WRITE))
		*pte &= ~(uint64_t)NB_PTE_WRITE;
	else if (v->shared)
		*pte |= NB_PTE_WRITE;
}

void nb_hugetlb_protect(struct nb_vma *v, uint64_t start, uint64_t end, int prot)
{
	nb_hugetlb_visit(v, start, end, protect_one, &prot);
}

int nb_hugetlb_dontneed_range(const struct nb_vma *v, uint64_t start, uint64_t *end)
{
	uint64_t size = huge_bytes(v);

	if (v->mm->sys->profile->version < DONTNEED_SINCE || start & (size - 1))
		return -NB_EINVAL;
	*end &= ~(size - 1);
	return 0;
}
