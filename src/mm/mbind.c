/* mbind.c -- policies for address ranges, and the pages that are already there.
 *
 * Called by drivers through include/numabox/task.h. A policy is made and checked by mempolicy.c;
 * here it is put on VMAs, which are split where it begins and ends. Pages that lie elsewhere stay
 * where they are unless the caller wants them moved. A failed call changes nothing, but that
 * borders between VMAs may stand where memory ran out, as in Linux. Units: bytes, ends exclusive.
 * Source: mm/mempolicy.c, do_mbind(), queue_pages_range(), set_mempolicy_home_node(); facts 6.6.
 */
#include "base/mem.h"
#include "mm/event.h"
#include "mm/page_alloc.h"
#include "mm/pagetable.h"
#include "mm/vma.h"
#include "mm/vmstat.h"

#define MBIND_EIO_FIRST_SINCE 6006u
#define MIGRATE_GFP (NB_GFP_HIGHUSER_MOVABLE | NB_GFP_BIT_RETRY_MAYFAIL)

enum { MPOL_MF_STRICT = 1, MPOL_MF_MOVE = 2, MPOL_MF_MOVE_ALL = 4, MPOL_MF_VALID = 7 };

/* Pages outside the nodes of a policy. */
struct nb_misplaced {
	uint64_t pages, moved, stuck;
};

static uint64_t page_bytes(const struct nb_mm *mm)
{
	return UINT64_C(1) << mm->shape.page_shift;
}

/* Whole pages; 0 when it is past 64 bits. */
static uint64_t round_up(const struct nb_mm *mm, uint64_t bytes)
{
	return (bytes + page_bytes(mm) - 1) & ~(page_bytes(mm) - 1);
}

static void count_page(struct nb_mm *mm, struct nb_zone *z, bool anon, int64_t n)
{
	mm->zone_rss[z->pgdat->index * NB_MAX_NR_ZONES + z->type] += (uint64_t)n;
	nb_stat_add(mm->sys, anon ? &z->nr_anon : &z->nr_file, n);
}

/* The page at addr moves to where v's policy wants it; its entry keeps its bits. */
static bool move_page(struct nb_task *t, const struct nb_vma *v, uint64_t addr, uint64_t *entry)
{
	const uint64_t bits = (UINT64_C(1) << NB_PTE_SHIFT) - 1;
	const struct nb_mempolicy *pol = v->policy ? v->policy : t->policy;
	uint64_t index = v->inode + v->pgoff + ((addr - v->start) >> t->mm->shape.page_shift);
	struct nb_zone *from = NULL, *to = NULL;
	struct nb_page *old = nb_pfn_to_page(t->sys, nb_pte_pfn(*entry), &from), *page;
	nb_pfn_t pfn = nb_mpol_alloc(t, pol, MIGRATE_GFP, 0, index);

	if (pfn == NB_NO_PFN)
		return false;
	page = nb_pfn_to_page(t->sys, pfn, &to);
	nb_page_set_flags(page, page->flags | (old->flags & (PG_LRU | PG_SWAPBACKED | PG_ANON)));
	page->mapcount = old->mapcount;
	page->mapping = old->mapping;
	page->index = old->index;
	count_page(t->mm, to, page->flags & PG_ANON, 1);
	count_page(t->mm, from, page->flags & PG_ANON, -1);
	old->mapcount = 0;
	old->mapping = 0;
	nb_free_page_block(from, old, 0, t->cpu);
	*entry = nb_pte_make(pfn, *entry & bits);
	return true;
}

static void look_at(struct nb_task *t, const struct nb_vma *v, uint64_t addr, uint64_t *entry,
		    const struct nb_nodemask *nodes, bool move, struct nb_misplaced *sum)
{
	nb_pfn_t pfn = nb_pte_pfn(*entry);
	struct nb_zone *z;

	if (pfn == NB_NO_PFN)
		return;
	(void)nb_pfn_to_page(t->sys, pfn, &z);
	if (nb_nodemask_test(nodes, z->pgdat->nid))
		return;
	sum->pages++;
	if (!move)
		return;
	if (move_page(t, v, addr, entry))
		sum->moved++;
	else
		sum->stuck++;
}

static void misplaced_pages(struct nb_task *t, const struct nb_vma *v, uint64_t start, uint64_t end,
			    const struct nb_nodemask *nodes, bool move, struct nb_misplaced *sum)
{
	struct nb_mm *mm = t->mm;
	uint64_t page = UINT64_C(1) << mm->shape.page_shift;
	struct nb_ptable *leaf;

	while ((leaf = nb_pt_next_leaf(mm, &start, end))) {
		uint64_t stop = (start & ~(nb_pt_leaf_span(mm) - 1)) + nb_pt_leaf_span(mm);
		unsigned i = nb_pt_index(mm, start);

		for (; start < stop && start < end; start += page, i++)
			look_at(t, v, start, &leaf->entry[i], nodes, move, sum);
	}
}

/* Are there holes in [start, end)? The default policy may be set over them, but not over nothing.
 */
static bool mapped_for_mbind(const struct nb_mm *mm, uint64_t start, uint64_t end,
			     bool holes_allowed)
{
	const struct nb_vma *v = nb_vma_first_above(mm, start);

	if (!v || v->start >= end)
		return false;
	while (!holes_allowed && v && v->start <= start && v->end < end) {
		start = v->end;
		v = nb_vma_first_above(mm, start);
	}
	return holes_allowed || (v && v->start <= start);
}

static void install(struct nb_mm *mm, uint64_t start, uint64_t end, struct nb_mempolicy *pol)
{
	struct nb_vma *v;

	while (start < end && (v = nb_vma_first_above(mm, start)) && v->start < end) {
		start = v->end;
		nb_mpol_get(pol);
		nb_mpol_put(mm->sys, v->policy);
		v->policy = pol;
		(void)nb_vma_merge(mm, v);
	}
}

static struct nb_misplaced misplaced(struct nb_task *t, uint64_t start, uint64_t end,
				     const struct nb_nodemask *nodes, bool move)
{
	struct nb_misplaced sum = {0};
	const struct nb_vma *v;

	while (start < end && (v = nb_vma_first_above(t->mm, start)) && v->start < end) {
		uint64_t from = v->start > start ? v->start : start;

		start = v->end < end ? v->end : end;
		misplaced_pages(t, v, from, start, nodes, move, &sum);
	}
	return sum;
}

/* The policy is checked and made: look, install, move. */
static int bind_range(struct nb_task *t, uint64_t start, uint64_t end, struct nb_mempolicy *pol,
		      const struct nb_nodemask *nodes, unsigned flags)
{
	bool move = flags & (MPOL_MF_MOVE | MPOL_MF_MOVE_ALL);
	struct nb_misplaced bad = {0};
	int err;

	if (!mapped_for_mbind(t->mm, start, end, !pol))
		return -NB_EFAULT;
	if (flags & MPOL_MF_STRICT && !move)
		bad = misplaced(t, start, end, nodes, false);
	if (bad.pages && t->sys->profile->version >= MBIND_EIO_FIRST_SINCE)
		return -NB_EIO;
	err = nb_vma_isolate(t->mm, start, end);
	if (err)
		return err;
	install(t->mm, start, end, pol);
	if (move) {
		bad = misplaced(t, start, end, nodes, true);
		nb_count_vm_events(t->sys, t->cpu, NB_VM_PGMIGRATE_SUCCESS, bad.moved);
		nb_count_vm_events(t->sys, t->cpu, NB_VM_PGMIGRATE_FAIL, bad.stuck);
		bad.pages = bad.stuck;
	}
	return bad.pages && flags & MPOL_MF_STRICT ? -NB_EIO : 0;
}

int nb_mbind(struct nb_task *t, uint64_t addr, uint64_t length_bytes, int mode_and_flags,
	     const struct nb_nodemask *nodes, unsigned flags)
{
	static const struct nb_nodemask none;
	struct nb_mempolicy *pol;
	uint64_t len;
	int err;

	if (!t->alive)
		return -NB_ESRCH;
	err = nb_mpol_check_mode(t->sys, mode_and_flags);
	if (err)
		return err;
	if (flags & ~(unsigned)MPOL_MF_VALID || addr & (page_bytes(t->mm) - 1))
		return -NB_EINVAL;
	if (mode_and_flags == NB_MPOL_DEFAULT)
		flags &= ~(unsigned)MPOL_MF_STRICT;
	len = round_up(t->mm, length_bytes);
	if (addr + len < addr)
		return -NB_EINVAL;
	if (!len)
		return 0;
	err = nb_mpol_new(t, mode_and_flags, nodes, &pol);
	if (err)
		return err;
	err = bind_range(t, addr, addr + len, pol, nodes ? nodes : &none, flags);
	nb_mpol_put(t->sys, pol);
	return err;
}

int nb_get_mempolicy_addr(const struct nb_task *t, uint64_t addr, int *ret_mode,
			  struct nb_nodemask *ret_nodes)
{
	const struct nb_vma *v = t->alive ? nb_vma_find(t->mm, addr) : NULL;

	if (!v)
		return t->alive ? -NB_EFAULT : -NB_ESRCH;
	nb_mpol_show(v->policy, ret_mode, ret_nodes);
	return 0;
}

/* Source: mm/mempolicy.c, set_mempolicy_home_node(). */
int nb_set_mempolicy_home_node(struct nb_task *t, uint64_t addr, uint64_t length_bytes, int node,
			       unsigned flags)
{
	struct nb_vma *v;
	uint64_t end;
	int err = -NB_ENOENT;

	if (!t->alive)
		return -NB_ESRCH;
	if (addr & (page_bytes(t->mm) - 1) || flags)
		return -NB_EINVAL;
	if (node < 0 || node >= NB_MAX_NODES || !nb_nodemask_test(&t->sys->online_nodes, node))
		return -NB_EINVAL;
	end = addr + round_up(t->mm, length_bytes);
	if (end < addr)
		return -NB_EINVAL;
	if (end == addr)
		return 0;
	while (addr < end && (v = nb_vma_first_above(t->mm, addr)) && v->start < end) {
		uint64_t from = v->start > addr ? v->start : addr;
		struct nb_mempolicy *pol;

		addr = v->end < end ? v->end : end;
		if (!v->policy)
			continue;
		if (v->policy->mode != NB_MPOL_BIND && v->policy->mode != NB_MPOL_PREFERRED_MANY)
			return -NB_EOPNOTSUPP;
		pol = nb_mpol_with_home(t->sys, v->policy, node);
		if (!pol)
			return -NB_ENOMEM;
		err = nb_vma_isolate(t->mm, from, addr);
		if (!err)
			install(t->mm, from, addr, pol);
		nb_mpol_put(t->sys, pol);
		if (err)
			return err;
	}
	return err;
}
