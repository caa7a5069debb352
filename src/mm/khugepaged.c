/* khugepaged.c -- base pages that lie in one aligned range become a huge page, by a daemon or asked
 * for by MADV_COLLAPSE.
 *
 * nb_khugepaged_step() is one wake-up of the daemon; it returns when the next is due. It looks at
 * `pages_to_scan` pages, address space by address space in the order of pids, and goes on where it
 * stopped. A range is collapsed when not too much of it is missing or shared, something in it may
 * be written and was used. The huge page comes from the node that most of its pages are on. Pages
 * in swap are not brought in: their ranges stay (docs/deviations.md). Source: mm/khugepaged.c:
 * khugepaged_scan_mm_slot(), hpage_collapse_scan_pmd(), collapse_huge_page(),
 * hpage_collapse_find_target_node(), madvise_collapse().
 */
#include "mm/huge_memory.h"

#include <numabox/hugetlb.h>

#include "base/mem.h"
#include "mm/event.h"
#include "mm/fault.h"
#include "mm/filemap.h"
#include "mm/hugetlb.h"
#include "mm/lru.h"
#include "mm/memcg.h"
#include "mm/page_alloc.h"
#include "mm/rmap.h"
#include "mm/vmstat.h"

#define NODES_OF_EQUALS_SINCE 6001u /* before: the equals in turn, that node alone */
#define NS_PER_MS UINT64_C(1000000)

/* What became of a range, as events number it. Source: enum scan_result. */
enum status {
	SUCCEED = 1,
	EXCEED_NONE_PTE = 5,
	EXCEED_SWAP_PTE = 6,
	EXCEED_SHARED_PTE = 7,
	PAGE_RO = 11,
	LACK_REFERENCED_PAGE = 12,
	PAGE_COUNT = 15,
	PAGE_LRU = 16,
	PAGE_ANON = 18,
	ALLOC_HUGE_PAGE_FAIL = 25,
	CGROUP_CHARGE_FAIL = 26,
};

/* What a look at a range found. */
struct scan {
	uint64_t none, shared, referenced;
	nb_pfn_t last; /* page that was looked at last */
	bool writable;
	enum status status;
	uint64_t load[NB_MAX_NODES]; /* base pages by node position */
};

/* As MADV_COLLAPSE gives it. */
static int errno_of(enum status status)
{
	switch (status) {
	case SUCCEED:
		return 0;
	case PAGE_COUNT:
	case PAGE_LRU:
		return -NB_EAGAIN;
	case ALLOC_HUGE_PAGE_FAIL:
	case CGROUP_CHARGE_FAIL:
		return -NB_ENOMEM;
	default:
		return -NB_EINVAL;
	}
}

/* SUCCEED: this entry is no hindrance. */
static enum status look(struct scan *s, const struct nb_mm *mm, uint64_t pte, bool daemon)
{
	const struct nb_khugepaged *d = &mm->sys->thp->daemon;
	struct nb_zone *z = NULL;
	const struct nb_page *page;
	uint32_t refs;

	if (!pte || pte & NB_PTE_ZERO)
		return ++s->none > d->max_ptes_none && daemon ? EXCEED_NONE_PTE : SUCCEED;
	if (!(pte & NB_PTE_PRESENT))
		return EXCEED_SWAP_PTE;
	s->last = nb_pte_pfn(pte);
	s->writable |= (pte & NB_PTE_WRITE) != 0;
	s->referenced += (pte & NB_PTE_ACCESSED) != 0;
	page = nb_pfn_to_page(mm->sys, nb_pte_pfn(pte), &z);
	if (!(nb_page_flags(page) & PG_ANON))
		return PAGE_ANON;
	if (nb_page_mapcount(page) > 1 && ++s->shared > d->max_ptes_shared && daemon)
		return EXCEED_SHARED_PTE;
	if (!(nb_page_flags(page) & PG_LRU))
		return PAGE_LRU;
	refs = (uint32_t)nb_page_mapcount(page) + (nb_page_flags(page) & PG_SWAPCACHE ? 1 : 0);
	if (nb_page_refcount(page) != refs)
		return PAGE_COUNT;
	s->load[z->pgdat->index]++;
	return SUCCEED;
}

static enum status scan_leaf(struct scan *s, const struct nb_mm *mm, const struct nb_ptable *leaf,
			     bool daemon)
{
	for (unsigned i = 0; i < 1u << mm->shape.bits; i++) {
		enum status status = look(s, mm, leaf->entry[i], daemon);

		if (status != SUCCEED)
			return status;
	}
	if (s->none == UINT64_C(1) << mm->shape.bits)
		return EXCEED_NONE_PTE;
	if (!s->writable)
		return PAGE_RO;
	return daemon && !s->referenced ? LACK_REFERENCED_PAGE : SUCCEED;
}

/* Looks at a range; `kind` is the event that tells of it. */
static int scan_range(struct scan *s, const struct nb_task *t, struct nb_mm *mm,
		      const struct nb_ptable *leaf, bool daemon, enum nb_event_kind kind)
{
	*s = (struct scan){.last = NB_NO_PFN};
	s->status = scan_leaf(s, mm, leaf, daemon);
	if (!nb_event_wanted(mm->sys, kind))
		return errno_of(s->status);
	if (kind == NB_EV_MM_KHUGEPAGED_SCAN_PMD)
		nb_emit(mm->sys, kind, t->cpu, NULL, s->last, s->writable, s->referenced, s->none,
			s->status, 0);
	else
		nb_emit(mm->sys, kind, t->cpu, NULL, s->last, s->none, s->referenced, s->writable,
			s->status);
	return errno_of(s->status);
}

static void tell_collapse(const struct nb_task *t, struct nb_mm *mm, enum status status)
{
	if (nb_event_wanted(mm->sys, NB_EV_MM_COLLAPSE_HUGE_PAGE))
		nb_emit(mm->sys, NB_EV_MM_COLLAPSE_HUGE_PAGE, t->cpu, NULL, status == SUCCEED,
			status);
}

/* The node with most of the pages; *ret_mask: all that have as many. */
static int target_node(const struct nb_system *sys, const struct scan *s,
		       struct nb_nodemask *ret_mask)
{
	struct nb_khugepaged *d = &sys->thp->daemon;
	uint64_t most = 0;
	int first = NB_NO_NODE, next = NB_NO_NODE;

	for (unsigned i = 0; i < sys->nr_pgdat; i++)
		most = s->load[i] > most ? s->load[i] : most;
	for (unsigned i = 0; i < sys->nr_pgdat; i++) {
		int nid = sys->pgdat[i]->nid;

		if (s->load[i] != most)
			continue;
		nb_nodemask_set(ret_mask, (unsigned)nid);
		if (first == NB_NO_NODE)
			first = nid;
		if (next == NB_NO_NODE && nid > d->last_node)
			next = nid;
	}
	if (sys->profile->version >= NODES_OF_EQUALS_SINCE)
		return first;
	d->last_node = first <= d->last_node && next != NB_NO_NODE ? next : first;
	return d->last_node;
}

static struct nb_page *alloc_target(struct nb_task *t, struct scan *s, bool daemon,
				    struct nb_zone **ret_zone)
{
	struct nb_system *sys = t->sys;
	bool light = daemon && !sys->thp->daemon.defrag;
	bool exact = sys->profile->version < NODES_OF_EQUALS_SINCE;
	struct nb_nodemask mask = {{0}};
	struct nb_alloc_request rq = {
		.gfp = (light ? NB_GFP_TRANSHUGE_LIGHT : NB_GFP_TRANSHUGE) |
		       (exact ? NB_GFP_BIT_THISNODE : 0u),
		.order = nb_thp_order(t->mm),
		.cpu = t->cpu,
		.nid = target_node(sys, s, &mask),
		.nodemask = exact ? NULL : &mask,
	};
	nb_pfn_t pfn = nb_alloc_pages(sys, &rq);
	struct nb_page *page;

	nb_count_vm_event(sys, t->cpu,
			  pfn == NB_NO_PFN ? NB_VM_THP_COLLAPSE_ALLOC_FAILED
					   : NB_VM_THP_COLLAPSE_ALLOC);
	s->status = ALLOC_HUGE_PAGE_FAIL;
	if (pfn == NB_NO_PFN)
		return NULL;
	s->status = CGROUP_CHARGE_FAIL;
	page = nb_pfn_to_page(sys, pfn, ret_zone);
	if (nb_memcg_charge(t, *ret_zone, page, rq.gfp))
		return page;
	nb_put_page(sys, *ret_zone, page, t->cpu);
	return NULL;
}

/* What the leaf maps, as bytes of the huge page: zeros where nothing is. */
static void copy_bytes(struct nb_task *t, const struct nb_ptable *leaf, struct nb_zone *toz,
		       struct nb_page *to)
{
	for (unsigned i = 0; t->sys->backed && i < 1u << t->mm->shape.bits; i++) {
		nb_pfn_t pfn = nb_pte_pfn(leaf->entry[i]);
		struct nb_zone *z = NULL;
		const struct nb_page *page;

		if (pfn == NB_NO_PFN) {
			memset(nb_page_bytes(toz, to + i), 0, (size_t)1 << t->sys->page_shift);
			continue;
		}
		page = nb_pfn_to_page(t->sys, pfn, &z);
		nb_copy_page_bytes(z, page, toz, to + i);
	}
}

/* The base pages go; the leaf is empty then. */
static void empty_leaf(struct nb_task *t, struct nb_ptable *leaf)
{
	for (unsigned i = 0; i < 1u << t->mm->shape.bits; i++) {
		nb_pfn_t pfn = nb_pte_pfn(leaf->entry[i]);
		struct nb_zone *z = NULL;
		struct nb_page *page;

		nb_pt_set(leaf, i, 0);
		if (pfn == NB_NO_PFN)
			continue;
		page = nb_pfn_to_page(t->sys, pfn, &z);
		nb_rmap_remove(t->mm, z, page, 1);
		nb_put_page(t->sys, z, page, t->cpu);
	}
}

int nb_collapse_range(struct nb_task *t, struct nb_vma *v, uint64_t haddr, bool daemon)
{
	struct nb_mm *mm = v->mm;
	struct nb_ptable *table, *leaf;
	uint64_t *entry = nb_pt_huge_entry(mm, haddr, &table);
	struct nb_page *page;
	struct nb_zone *z = NULL;
	struct scan s;
	int err;

	if (!mm->sys->thp || v->file || v->shared || v->flags & (NB_VM_HUGETLB | NB_VM_NOHUGEPAGE))
		return -NB_EINVAL;
	if (haddr < v->start || haddr + nb_thp_bytes(mm) > v->end || !entry || !*entry)
		return -NB_EINVAL;
	if (nb_pt_is_huge(*entry))
		return *entry & NB_PTE_ZERO ? -NB_EINVAL : 0;
	leaf = (struct nb_ptable *)(uintptr_t)*entry;
	nb_lru_add_drain_all(mm->sys);
	err = scan_range(&s, t, mm, leaf, daemon, NB_EV_MM_KHUGEPAGED_SCAN_PMD);
	if (err)
		return err;
	page = alloc_target(t, &s, daemon, &z);
	if (!page) {
		tell_collapse(t, mm, s.status);
		return -NB_ENOMEM;
	}
	/* the allocation may have reclaimed from here */
	err = *entry == (uintptr_t)leaf
		      ? scan_range(&s, t, mm, leaf, false, NB_EV_MM_COLLAPSE_HUGE_PAGE_ISOLATE)
		      : -NB_EAGAIN;
	if (err) {
		tell_collapse(t, mm, s.status == SUCCEED ? PAGE_COUNT : s.status);
		nb_put_page(mm->sys, z, page, t->cpu);
		return err;
	}
	copy_bytes(t, leaf, z, page);
	empty_leaf(t, leaf);
	*entry = 0;
	table->nr--;
	leaf->deposit = table->deposit;
	table->deposit = leaf;
	nb_thp_map(t, v, haddr, table, entry, z, page);
	mm->sys->thp->daemon.pages_collapsed += daemon;
	tell_collapse(t, mm, SUCCEED);
	return 0;
}

void nb_khugepaged_set_wake(struct nb_system *sys, void (*wake)(void *ctx), void *ctx)
{
	if (!sys->thp)
		return;
	sys->thp->daemon.wake = wake;
	sys->thp->daemon.ctx = ctx;
}

void nb_khugepaged_enter(struct nb_system *sys)
{
	struct nb_khugepaged *d = &sys->thp->daemon;

	if (d->awake)
		return;
	d->awake = true;
	d->next_ns = 0;
	if (d->wake)
		d->wake(d->ctx);
}

/* The daemon's place, and how much it has looked at. */
struct round {
	struct nb_system *sys;
	uint64_t progress;
	struct nb_memcg *memcg; /* of the task whose memory is looked at */
	bool no_memory;
};

/* Ranges of one VMA from d->addr on; true when there was time for all. */
static bool scan_vma(struct round *r, struct nb_vma *v)
{
	struct nb_khugepaged *d = &r->sys->thp->daemon;
	struct nb_task stand_in = {
		.sys = r->sys, .mm = v->mm, .cpu = nb_huge_cpu(r->sys, NULL), .memcg = r->memcg};
	uint64_t span = nb_thp_bytes(v->mm);
	uint64_t from = v->start > d->addr ? v->start : d->addr;

	for (from = (from + span - 1) & ~(span - 1); from + span <= v->end; from += span) {
		d->seen = true;
		if (r->progress >= d->pages_to_scan) {
			d->addr = from;
			return false;
		}
		r->progress += span >> v->mm->shape.page_shift;
		if (nb_collapse_range(&stand_in, v, from, true) == -NB_ENOMEM) {
			r->no_memory = true;
			d->addr = from + span;
			return false;
		}
	}
	return true;
}

/* One address space, which is locked; true when it is done. */
static bool scan_mm(struct round *r, struct nb_mm *mm)
{
	struct nb_khugepaged *d = &r->sys->thp->daemon;
	bool done = true;
	struct nb_vma *v;

	for (v = nb_vma_first_above(mm, d->addr); v && done; v = nb_vma_first_above(mm, v->end)) {
		if (nb_thp_enabled(v) && !(v->flags & NB_VM_STACK))
			done = scan_vma(r, v);
		if (done)
			r->progress++;
	}
	return done;
}

uint64_t nb_khugepaged_step(struct nb_system *sys)
{
	struct round r = {.sys = sys};
	struct nb_khugepaged *d = sys->thp ? &sys->thp->daemon : NULL;
	struct nb_mm *mm;
	bool started = false;
	int pid, got;

	if (!d || sys->tune.thp_enabled == NB_THP_NEVER) {
		if (d)
			d->awake = false;
		return UINT64_MAX;
	}
	if (sys->time_ns < d->next_ns)
		return d->next_ns;
	while (r.progress < d->pages_to_scan && !r.no_memory) {
		pid = nb_task_mm_from(sys, d->pid, -1, &mm, &got, &r.memcg);
		if (!pid) {
			d->pid = 0;
			d->addr = 0;
			d->full_scans++;
			d->awake = d->seen;
			d->seen = false;
			if (started || !nb_system_task(sys, 0) || !d->awake)
				break;
			started = true;
			continue;
		}
		if (!mm || scan_mm(&r, mm)) {
			d->pid = pid + 1;
			d->addr = 0;
			r.progress++;
		} else {
			d->pid = pid;
		}
		if (mm && got == 1)
			nb_mm_unlock(mm);
	}
	if (!d->awake) /* nobody has anything to look at: asleep */
		return UINT64_MAX;
	d->next_ns =
		sys->time_ns + (r.no_memory ? d->alloc_sleep_ms : d->scan_sleep_ms) * NS_PER_MS;
	return d->next_ns;
}
