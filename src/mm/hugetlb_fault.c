/* hugetlb_fault.c -- faults in mappings of huge pages, and copies of them on write.
 *
 * Called by fault.c for VMAs with NB_VM_HUGETLB, under the mm's lock. There is no page of zeros: a
 * read takes a huge page as a write does. What cannot be had is SIGBUS (-NB_EFAULT). After fork,
 * the process that made a private mapping copies without its reservation; where no page is left, it
 * takes the page away from its children, who are killed when they come back to it.
 * Source: mm/hugetlb.c: hugetlb_fault(), hugetlb_no_page(), hugetlb_wp(), unmap_ref_private().
 */
#include "mm/hugetlb.h"

#include "mm/event.h"
#include "mm/pt_huge.h"
#include "mm/vmstat.h"

struct fault {
	struct nb_task *t;
	struct nb_vma *v;
	struct nb_huge_file *f;
	uint64_t addr, index;
	bool write;
	struct nb_pt_spot spot;
};

static uint64_t entry_of(const struct fault *f, const struct nb_zone *z, const struct nb_page *page,
			 bool writable)
{
	uint64_t bits = NB_PTE_PRESENT | NB_PTE_HUGE | NB_PTE_ACCESSED;

	if (writable)
		bits |= NB_PTE_WRITE;
	if (f->write)
		bits |= NB_PTE_DIRTY;
	return nb_pte_make(nb_zone_page_pfn(z, page), (unsigned)bits);
}

/* The page becomes private memory of v. */
static void own(const struct fault *f, struct nb_page *page)
{
	nb_page_set_flags(page, page->flags | PG_ANON);
	page->mapping = f->v->anon->rmap.handle;
	nb_page_init_index(page, f->index << f->f->h->order);
}

static void map(const struct fault *f, struct nb_zone *z, struct nb_page *page, bool writable)
{
	nb_pt_spot_set(&f->spot, entry_of(f, z, page, writable));
	__atomic_add_fetch(&page->mapcount, 1, __ATOMIC_RELAXED);
	f->t->mm->hugetlb_pages += UINT64_C(1) << f->f->h->order;
}

struct steal {
	const struct fault *f;
	const struct nb_page *page;
};

/* Another mapping of the same private page loses it. */
static int steal_from(void *arg, struct nb_vma *v)
{
	const struct steal *s = arg;
	struct nb_task stand_in = {.sys = v->mm->sys, .mm = v->mm, .cpu = s->f->t->cpu};
	uint64_t addr = nb_vma_address(v, s->f->index << s->f->f->h->order);
	int got;

	if (v == s->f->v || v->shared || v->resv || addr == UINT64_MAX)
		return 0;
	got = nb_mm_trylock(v->mm, s->f->t->cpu);
	if (!got)
		return 0;
	nb_hugetlb_zap(&stand_in, v, addr, addr + 1, s->page);
	if (got == 1)
		nb_mm_unlock(v->mm);
	return 0;
}

static void steal(const struct fault *f, const struct nb_page *page)
{
	struct nb_rmap *r = &f->v->file->rmap;
	struct steal s = {f, page};

	nb_lock(&r->lock, f->t->sys->port);
	(void)nb_rmap_tree_walk(r, f->index << f->f->h->order, f->index << f->f->h->order,
				steal_from, &s);
	nb_unlock(&r->lock, f->t->sys->port);
}

static bool sole_mapping(const struct nb_page *page)
{
	return __atomic_load_n(&page->mapcount, __ATOMIC_RELAXED) == 1 &&
	       nb_page_flags(page) & PG_ANON;
}

/* A write to a page that is mapped without the right to. */
static int write_protected(struct fault *f)
{
	struct nb_system *sys = f->t->sys;
	uint64_t pte = nb_pt_spot_get(&f->spot);
	struct nb_zone *z = NULL;
	struct nb_page *old = nb_pfn_to_page(sys, nb_pte_pfn(pte), &z), *page;
	struct nb_huge_request rq = {
		.task = f->t, .file = f->v->file, .v = f->v, .index = f->index};

	if (f->v->shared || sole_mapping(old)) {
		nb_pt_spot_set(&f->spot, pte | NB_PTE_WRITE | NB_PTE_DIRTY | NB_PTE_ACCESSED);
		return 0;
	}
	if (nb_anon_prepare(f->v))
		return -NB_ENOMEM;
	/* An owner's private page was reserved once; a page of the file was not. */
	rq.cow_from_owner = f->v->resv && old->flags & PG_ANON;
	page = nb_huge_alloc(&rq);
	if (!page && rq.cow_from_owner) {
		steal(f, old);
		if (!sole_mapping(old))
			return -NB_EFAULT;
		nb_pt_spot_set(&f->spot, pte | NB_PTE_WRITE | NB_PTE_DIRTY | NB_PTE_ACCESSED);
		return 0;
	}
	if (!page)
		return -NB_EFAULT;
	own(f, page);
	nb_pt_spot_set(&f->spot, 0);
	__atomic_sub_fetch(&old->mapcount, 1, __ATOMIC_RELAXED);
	f->t->mm->hugetlb_pages -= UINT64_C(1) << f->f->h->order;
	map(f, rq.zone, page, true);
	nb_huge_put(sys, z, old, f->f->subpool, f->t->cpu);
	return 0;
}

/* A page out of the file, or a new one, in the file or private. *ret gets a reference. */
static int find_or_make(struct fault *f, struct nb_page **ret, struct nb_zone **ret_zone)
{
	struct nb_huge_request rq = {
		.task = f->t, .file = f->v->file, .v = f->v, .index = f->index};
	struct nb_page *page = nb_huge_file_find(f->v->file, f->index, ret_zone);
	int err;

	*ret = page;
	if (page)
		return 0;
	if (f->addr - f->v->start + (f->v->pgoff << f->t->sys->page_shift) >= f->v->file->size)
		return -NB_EFAULT;
	if (!f->v->shared && nb_anon_prepare(f->v))
		return -NB_ENOMEM;
	page = nb_huge_alloc(&rq);
	if (!page)
		return -NB_EFAULT;
	*ret = page;
	*ret_zone = rq.zone;
	if (!f->v->shared) {
		own(f, page);
		return 0;
	}
	err = nb_huge_file_insert(f->v->file, f->index, rq.zone, page);
	if (err)
		nb_hstate_free_page(f->t->sys, rq.zone, page, f->f->subpool, rq.restore, f->t->cpu);
	return err;
}

static int no_page(struct fault *f)
{
	struct nb_page *page;
	struct nb_zone *z = NULL;
	bool writable;
	int err;

	if (f->v->resv_lost)
		return -NB_EFAULT;
	err = find_or_make(f, &page, &z);
	if (err)
		return err;
	/* a page of the file in a private mapping is copied when it is written */
	writable = f->v->prot & NB_PROT_WRITE && (f->v->shared || page->flags & PG_ANON);
	map(f, z, page, writable);
	return f->write && !writable ? write_protected(f) : 0;
}

static int fault_one(struct fault *f)
{
	uint64_t pte = nb_pt_spot_get(&f->spot);

	if (!(pte & NB_PTE_PRESENT))
		return no_page(f);
	return write_protected(f);
}

static bool access_ok(const struct nb_pt_spot *spot, bool write)
{
	uint64_t pte = nb_pt_spot_get(spot);

	if (!(pte & NB_PTE_PRESENT) || (write && !(pte & NB_PTE_WRITE)))
		return false;
	nb_pt_spot_set(spot, pte | NB_PTE_ACCESSED | (write ? NB_PTE_DIRTY : 0u));
	return true;
}

int nb_hugetlb_fault_range(struct nb_task *t, struct nb_vma *v, uint64_t start, uint64_t end,
			   bool write, uint64_t *faulted)
{
	int need = write ? NB_PROT_WRITE : NB_PROT_READ | NB_PROT_WRITE | NB_PROT_EXEC;
	struct nb_hstate *h = nb_vma_hstate(v);
	uint64_t size = nb_hstate_bytes(t->sys, h), before = *faulted;
	int err = 0;

	if (!(v->prot & need))
		return -NB_EFAULT;
	for (uint64_t addr = start & ~(size - 1); addr < end; addr += size) {
		struct fault f = {
			.t = t,
			.v = v,
			.f = nb_huge_file(v->file),
			.addr = addr,
			.index = nb_vma_pgoff(v, addr) >> h->order,
			.write = write,
		};

		if (!nb_pt_make_spot(t, t->mm, addr, h->order, &f.spot)) {
			err = -NB_ENOMEM;
			break;
		}
		if (access_ok(&f.spot, write))
			continue;
		if (nb_event_wanted(t->sys, NB_EV_PAGE_FAULT_USER))
			nb_emit(t->sys, NB_EV_PAGE_FAULT_USER, t->cpu, t, addr, 0, write ? 6u : 4u);
		err = fault_one(&f);
		if (err)
			break;
		++*faulted;
	}
	nb_count_vm_events(t->sys, t->cpu, NB_VM_PGFAULT, *faulted - before + (err != 0));
	return err;
}
