/* huge_memory.c -- huge pages come by faults, are shared by fork, and go.
 *
 * Called through huge_memory.h, under the mm's lock. A fault takes a whole huge page where its
 * aligned range lies inside the VMA, nothing is mapped there yet, and a free block of that size is
 * found without the effort that `defrag` forbids; else base pages have to do. A read takes the huge
 * page of zeros. The page is asked for first, then the leaf that waits for a split.
 * Source: mm/huge_memory.c: do_huge_pmd_anonymous_page(), do_huge_pmd_wp_page(), zap_huge_pmd(),
 * copy_huge_pmd(), change_huge_pmd(), get_huge_zero_page().
 */
#include "mm/huge_memory.h"

#include "base/mem.h"
#include "mm/event.h"
#include "mm/fault.h"
#include "mm/filemap.h"
#include "mm/lru.h"
#include "mm/mmap.h"
#include "mm/memcg.h"
#include "mm/page_alloc.h"
#include "mm/rmap.h"
#include "mm/shared_policy.h"
#include "mm/vmstat.h"

/* Writes to a shared huge page copy all of it (before 5.8), or one base page. */
#define COPY_BASE_SINCE 5008u
/* A write to the huge page of zeros takes a huge page. */
#define ZERO_WRITE_SINCE 6013u

static uint64_t pages_of(const struct nb_mm *mm)
{
	return UINT64_C(1) << nb_thp_order(mm);
}

void nb_thp_count(const struct nb_system *sys, struct nb_zone *z, int64_t huge_pages)
{
	nb_stat_add(sys, &z->nr_anon_thps, huge_pages);
}

/* A leaf waits behind the entry that is about to be set; 0 or -NB_ENOMEM. */
static int deposit(struct nb_task *t, struct nb_mm *mm, struct nb_ptable *table)
{
	struct nb_ptable *leaf = nb_pt_new_leaf(t, mm);

	if (!leaf)
		return -NB_ENOMEM;
	leaf->deposit = table->deposit;
	table->deposit = leaf;
	return 0;
}

static void withdraw(struct nb_task *t, struct nb_ptable *table)
{
	struct nb_ptable *leaf = table->deposit;

	table->deposit = leaf->deposit;
	leaf->deposit = NULL;
	nb_pt_drop_leaf(t, leaf);
}

static void set_entry(struct nb_mm *mm, struct nb_ptable *table, uint64_t *entry, uint64_t pte)
{
	mm->huge_entries += (uint64_t)(pte != 0) - (uint64_t)(*entry != 0);
	nb_pt_set(table, (unsigned)(entry - table->entry), pte);
}

uint64_t *nb_thp_next(const struct nb_mm *mm, uint64_t *addr, uint64_t end,
		      struct nb_ptable **ret_table)
{
	uint64_t span = nb_thp_bytes(mm), block = span << mm->shape.bits;

	for (*addr &= ~(span - 1); *addr < end; *addr += span) {
		uint64_t *entry = nb_pt_huge_entry(mm, *addr, ret_table);

		if (!entry)
			*addr = (*addr & ~(block - 1)) + block - span;
		else if (nb_pt_is_huge(*entry))
			return entry;
	}
	return NULL;
}

/* The huge page of zeros, one user more. */
static nb_pfn_t get_zero(struct nb_task *t)
{
	struct nb_system *sys = t->sys;
	struct nb_thp *thp = sys->thp;
	struct nb_alloc_request rq = {
		.gfp = (NB_GFP_TRANSHUGE | NB_GFP_BIT_ZERO) & ~(nb_gfp_t)NB_GFP_BIT_MOVABLE,
		.order = nb_thp_order(t->mm),
		.cpu = t->cpu,
		.nid = NB_NO_NODE,
		.task = t,
	};
	nb_pfn_t pfn = thp->zero_pfn;

	if (pfn == NB_NO_PFN) {
		pfn = nb_alloc_pages(sys, &rq);
		nb_count_vm_event(sys, t->cpu,
				  pfn == NB_NO_PFN ? NB_VM_THP_ZERO_PAGE_ALLOC_FAILED
						   : NB_VM_THP_ZERO_PAGE_ALLOC);
		if (pfn == NB_NO_PFN)
			return pfn;
	}
	nb_lock(&thp->lock, sys->port);
	if (thp->zero_pfn == NB_NO_PFN)
		thp->zero_pfn = pfn;
	thp->zero_users++;
	nb_unlock(&thp->lock, sys->port);
	if (pfn != thp->zero_pfn) /* somebody was faster */
		(void)nb_free_pages(sys, t->cpu, pfn, rq.order);
	return thp->zero_pfn;
}

void nb_thp_zero_put(struct nb_system *sys)
{
	nb_lock(&sys->thp->lock, sys->port);
	sys->thp->zero_users--;
	nb_unlock(&sys->thp->lock, sys->port);
}

void nb_thp_zero_get(struct nb_system *sys)
{
	nb_lock(&sys->thp->lock, sys->port);
	sys->thp->zero_users++;
	nb_unlock(&sys->thp->lock, sys->port);
}

void nb_thp_shrink_zero(struct nb_system *sys)
{
	struct nb_thp *thp = sys->thp;
	struct nb_page *page;
	struct nb_zone *z;

	if (!thp || thp->zero_pfn == NB_NO_PFN || thp->zero_users)
		return;
	page = nb_pfn_to_page(sys, thp->zero_pfn, &z);
	thp->zero_pfn = NB_NO_PFN;
	(void)nb_free_pages(sys, 0, nb_zone_page_pfn(z, page), nb_page_order(page));
}

/* A huge page for haddr where the policy wants it; NULL: base pages have to do. */
static struct nb_page *alloc_huge(struct nb_task *t, const struct nb_vma *v, uint64_t haddr,
				  struct nb_zone **ret_zone)
{
	struct nb_mempolicy *pol;
	uint64_t index;
	struct nb_page *page = NULL;
	nb_pfn_t pfn;

	pol = nb_vma_policy(t, v, haddr, nb_thp_order(v->mm), &index);
	pfn = nb_mpol_alloc(t, pol, nb_thp_gfp(v), nb_thp_order(v->mm), index);
	nb_mpol_put(t->sys, pol);
	if (pfn != NB_NO_PFN)
		page = nb_pfn_to_page(t->sys, pfn, ret_zone);
	if (page && !nb_memcg_charge(t, *ret_zone, page, nb_thp_gfp(v))) {
		nb_put_page(t->sys, *ret_zone, page, t->cpu);
		page = NULL;
	}
	nb_count_vm_event(t->sys, t->cpu, page ? NB_VM_THP_FAULT_ALLOC : NB_VM_THP_FAULT_FALLBACK);
	if (page)
		nb_memcg_count(t->memcg, NB_MEMCG_THP_FAULT_ALLOC, 1);
	return page;
}

/* The bytes of a new huge page: of the one that an entry holds, else zeros. */
static void fill(struct nb_mm *mm, uint64_t pte, struct nb_zone *z, const struct nb_page *to)
{
	bool copy = nb_pte_pfn(pte) != NB_NO_PFN;
	struct nb_zone *fromz = z;
	const struct nb_page *from = to;

	if (!mm->sys->backed)
		return;
	if (copy)
		from = nb_pfn_to_page(mm->sys, nb_pte_pfn(pte), &fromz);
	for (uint64_t i = 0; i < pages_of(mm); i++) {
		if (copy)
			nb_copy_page_bytes(fromz, from + i, z, to + i);
		else
			memset(nb_page_bytes(z, to + i), 0, (size_t)1 << mm->sys->page_shift);
	}
}

void nb_thp_map(struct nb_task *t, struct nb_vma *v, uint64_t haddr, struct nb_ptable *table,
		uint64_t *entry, struct nb_zone *z, struct nb_page *page)
{
	uint64_t bits =
		NB_PTE_PRESENT | NB_PTE_HUGE | NB_PTE_ACCESSED | NB_PTE_DIRTY | NB_PTE_EXCLUSIVE;

	if (v->prot & NB_PROT_WRITE)
		bits |= NB_PTE_WRITE;
	nb_rmap_add_anon(v, haddr, z, page, (unsigned)pages_of(v->mm));
	nb_thp_count(t->sys, z, 1);
	if (nb_unlikely(v->flags & NB_VM_LOCKED))
		nb_mlock_page(t, z, page);
	nb_lru_add_fault(t->sys, z, page, t->cpu);
	set_entry(v->mm, table, entry, nb_pte_make(nb_zone_page_pfn(z, page), (unsigned)bits));
}

/* Nothing is mapped there. 1: done, 0: base pages, or an error. */
static int fault_none(struct nb_task *t, struct nb_vma *v, uint64_t haddr, bool write,
		      struct nb_ptable *table, uint64_t *entry)
{
	struct nb_zone *z = NULL;
	struct nb_page *page;

	if (nb_anon_prepare(v))
		return -NB_ENOMEM;
	nb_khugepaged_enter(t->sys);
	if (!write && t->sys->thp->use_zero_page) {
		if (deposit(t, v->mm, table))
			return -NB_ENOMEM;
		if (get_zero(t) == NB_NO_PFN) {
			withdraw(t, table);
			nb_count_vm_event(t->sys, t->cpu, NB_VM_THP_FAULT_FALLBACK);
			return 0;
		}
		set_entry(v->mm, table, entry,
			  NB_PTE_PRESENT | NB_PTE_HUGE | NB_PTE_ZERO | NB_PTE_ACCESSED);
		return 1;
	}
	page = alloc_huge(t, v, haddr, &z);
	if (!page)
		return 0;
	if (*entry || deposit(t, v->mm, table)) {
		nb_put_page(t->sys, z, page, t->cpu);
		return *entry ? 0 : -NB_ENOMEM;
	}
	fill(v->mm, 0, z, page);
	nb_thp_map(t, v, haddr, table, entry, z, page);
	return 1;
}

static void remove_entry(struct nb_task *t, struct nb_mm *mm, struct nb_ptable *table,
			 uint64_t *entry)
{
	struct nb_zone *z = NULL;
	struct nb_page *page;
	uint64_t pte = *entry;

	set_entry(mm, table, entry, 0);
	if (pte & NB_PTE_ZERO) {
		nb_thp_zero_put(mm->sys);
		return;
	}
	page = nb_pfn_to_page(mm->sys, nb_pte_pfn(pte), &z);
	nb_rmap_remove(mm, z, page, (unsigned)pages_of(mm));
	if (__atomic_load_n(&page->mapcount, __ATOMIC_RELAXED) == 0)
		nb_thp_count(mm->sys, z, -1);
	if (nb_unlikely(nb_page_flags(page) & PG_MLOCKED))
		nb_munlock_page(t, z, page);
	nb_put_page(mm->sys, z, page, t->cpu);
}

/* A huge page in place of the one that the entry has. */
static bool replace(struct nb_task *t, struct nb_vma *v, uint64_t haddr, struct nb_ptable *table,
		    uint64_t *entry)
{
	uint64_t before = *entry;
	struct nb_zone *z = NULL;
	struct nb_page *page = alloc_huge(t, v, haddr, &z);

	if (!page)
		return false;
	if (*entry != before) { /* reclaim was here */
		nb_put_page(t->sys, z, page, t->cpu);
		return false;
	}
	fill(v->mm, before, z, page);
	remove_entry(t, v->mm, table, entry);
	nb_thp_map(t, v, haddr, table, entry, z, page);
	return true;
}

/* A write without the right to. 1, 0 or an error as above. */
static int write_protected(struct nb_task *t, struct nb_vma *v, uint64_t haddr,
			   struct nb_ptable *table, uint64_t *entry)
{
	unsigned version = t->sys->profile->version;
	struct nb_zone *z = NULL;
	const struct nb_page *page;
	bool zero = *entry & NB_PTE_ZERO;

	if (nb_anon_prepare(v))
		return -NB_ENOMEM;
	if (!zero) {
		page = nb_pfn_to_page(t->sys, nb_pte_pfn(*entry), &z);
		if (__atomic_load_n(&page->refcount, __ATOMIC_ACQUIRE) == 1) {
			*entry |= NB_PTE_WRITE | NB_PTE_DIRTY | NB_PTE_ACCESSED | NB_PTE_EXCLUSIVE;
			return 1;
		}
	}
	if ((zero ? version >= ZERO_WRITE_SINCE || version < COPY_BASE_SINCE
		  : version < COPY_BASE_SINCE) &&
	    replace(t, v, haddr, table, entry))
		return 1;
	return nb_thp_split_entry(v->mm, haddr, t->cpu) ? -NB_ENOMEM : 0;
}

static bool access_ok(uint64_t *entry, bool write)
{
	if (write && !(*entry & NB_PTE_WRITE))
		return false;
	*entry |= write ? NB_PTE_ACCESSED | NB_PTE_DIRTY : NB_PTE_ACCESSED;
	return true;
}

static bool fits(const struct nb_vma *v, uint64_t haddr)
{
	return haddr >= v->start && haddr + nb_thp_bytes(v->mm) <= v->end;
}

bool nb_thp_fault(struct nb_task *t, struct nb_vma *v, uint64_t *addr, uint64_t end, bool write,
		  uint64_t *faulted, int *ret_err)
{
	struct nb_mm *mm = v->mm;
	uint64_t haddr = *addr & ~(nb_thp_bytes(mm) - 1), *entry;
	uint64_t stop = haddr + nb_thp_bytes(mm);
	struct nb_ptable *table;
	int done;

	if (!fits(v, haddr))
		return false;
	entry = nb_pt_huge_entry(mm, haddr, &table);
	if (!nb_thp_enabled(v) && !(entry && nb_pt_is_huge(*entry)))
		return false;
	if (!entry)
		entry = nb_pt_make_huge_entry(t, mm, haddr, &table);
	if (!entry) {
		*ret_err = -NB_ENOMEM;
		return true;
	}
	if (*entry && !nb_pt_is_huge(*entry))
		return false;
	if (*entry && access_ok(entry, write)) {
		*addr = stop < end ? stop : end;
		return true;
	}
	done = *entry ? write_protected(t, v, haddr, table, entry)
		      : fault_none(t, v, haddr, write, table, entry);
	if (done == 0)
		return false;
	if (nb_event_wanted(t->sys, NB_EV_PAGE_FAULT_USER))
		nb_emit(t->sys, NB_EV_PAGE_FAULT_USER, t->cpu, t, *addr, 0, write ? 6u : 4u);
	if (done < 0) {
		*ret_err = done;
		return true;
	}
	++*faulted;
	*addr = stop < end ? stop : end;
	return true;
}

void nb_thp_zap(struct nb_task *t, uint64_t start, uint64_t end)
{
	struct nb_mm *mm = t->mm;
	uint64_t addr = start, *entry;
	struct nb_ptable *table;

	for (; mm->huge_entries && (entry = nb_thp_next(mm, &addr, end, &table));
	     addr += nb_thp_bytes(mm)) {
		if (addr < start || addr + nb_thp_bytes(mm) > end) {
			if (!nb_thp_split_entry(mm, addr, t->cpu))
				nb_count_vm_event(t->sys, t->cpu, NB_VM_THP_DEFERRED_SPLIT_PAGE);
			continue;
		}
		remove_entry(t, mm, table, entry);
		withdraw(t, table);
	}
}

void nb_thp_protect(struct nb_vma *v, uint64_t start, uint64_t end, bool now)
{
	struct nb_mm *mm = v->mm;
	struct nb_ptable *table;
	uint64_t addr = start, *entry;

	for (; (entry = nb_thp_next(mm, &addr, end, &table)); addr += nb_thp_bytes(mm)) {
		*entry &= ~(uint64_t)NB_PTE_WRITE;
		if (now && v->prot & NB_PROT_WRITE && *entry & NB_PTE_EXCLUSIVE)
			*entry |= NB_PTE_WRITE;
	}
}

void nb_thp_lock_pages(struct nb_task *t, const struct nb_vma *v, uint64_t start, uint64_t end)
{
	struct nb_mm *mm = t->mm;
	struct nb_ptable *table;
	uint64_t addr = start, *entry;

	for (; (entry = nb_thp_next(mm, &addr, end, &table)); addr += nb_thp_bytes(mm)) {
		struct nb_zone *z = NULL;
		struct nb_page *page;

		if (*entry & NB_PTE_ZERO)
			continue;
		page = nb_pfn_to_page(t->sys, nb_pte_pfn(*entry), &z);
		if (v->flags & NB_VM_LOCKED)
			nb_mlock_page(t, z, page);
		else
			nb_munlock_page(t, z, page);
	}
}

bool nb_thp_move(struct nb_task *t, uint64_t from, uint64_t to, uint64_t len)
{
	struct nb_mm *mm = t->mm;
	uint64_t span = nb_thp_bytes(mm), *entry, *dst = NULL;
	struct nb_ptable *table, *dst_table, *leaf;

	entry = nb_pt_huge_entry(mm, from, &table);
	if (!entry || !nb_pt_is_huge(*entry))
		return false;
	if (!((from | to) & (span - 1)) && len >= span)
		dst = nb_pt_make_huge_entry(t, mm, to, &dst_table);
	if (!dst || *dst) {
		(void)nb_thp_split_entry(mm, from & ~(span - 1), t->cpu);
		return false;
	}
	leaf = table->deposit;
	table->deposit = leaf->deposit;
	leaf->deposit = dst_table->deposit;
	dst_table->deposit = leaf;
	set_entry(mm, dst_table, dst, *entry);
	set_entry(mm, table, entry, 0);
	return true;
}

int nb_thp_fork(struct nb_task *t, struct nb_vma *child, struct nb_vma *parent)
{
	struct nb_mm *mm = parent->mm;
	struct nb_ptable *table, *to_table;
	uint64_t addr = parent->start, *entry, *to;

	for (; (entry = nb_thp_next(mm, &addr, parent->end, &table)); addr += nb_thp_bytes(mm)) {
		struct nb_zone *z = NULL;
		struct nb_page *page;

		to = nb_pt_make_huge_entry(t, child->mm, addr, &to_table);
		if (!to || deposit(t, child->mm, to_table))
			return -NB_ENOMEM;
		*entry &= ~(uint64_t)(NB_PTE_WRITE | NB_PTE_EXCLUSIVE);
		if (*entry & NB_PTE_ZERO) {
			nb_thp_zero_get(t->sys);
		} else {
			page = nb_pfn_to_page(t->sys, nb_pte_pfn(*entry), &z);
			nb_get_page(t->sys, page);
			nb_rmap_add_anon(child, addr, z, page, (unsigned)pages_of(mm));
		}
		set_entry(child->mm, to_table, to, *entry & ~(uint64_t)NB_PTE_ACCESSED);
	}
	return 0;
}
