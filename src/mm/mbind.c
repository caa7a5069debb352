/* mbind.c -- policies for address ranges, and the pages that are already there.
 *
 * Called by drivers through include/numabox/task.h. A policy is made and checked by mempolicy.c;
 * here it is put on VMAs, which are split where it begins and ends, and on the objects that they
 * map where these keep policies of their own. Pages that lie elsewhere stay where they are unless
 * the caller wants them moved. A failed call changes nothing, but that borders between VMAs may
 * stand where memory ran out, as in Linux. Units: bytes, ends exclusive.
 * Source: mm/mempolicy.c, do_mbind(), queue_pages_range(), mbind_range(),
 * set_mempolicy_home_node(); facts 6.6.
 */
#include "mm/address_space.h"
#include "mm/hugetlb.h"
#include "mm/lru.h"
#include "mm/migrate.h"

#include <numabox/mempolicy.h>

#define MF_VALID (NB_MPOL_MF_STRICT | NB_MPOL_MF_MOVE | NB_MPOL_MF_MOVE_ALL)
#define MF_ANY_MOVE (NB_MPOL_MF_MOVE | NB_MPOL_MF_MOVE_ALL)
#define COMP_SINCE                                                                    \
	6007u /* targets are asked for as compound pages, and interleave as one range \
	       */

static uint64_t page_bytes(const struct nb_mm *mm)
{
	return UINT64_C(1) << mm->shape.page_shift;
}

/* Whole pages; 0 when it is past 64 bits. */
static uint64_t round_up(const struct nb_mm *mm, uint64_t bytes)
{
	return (bytes + page_bytes(mm) - 1) & ~(page_bytes(mm) - 1);
}

static bool keeps_policies(const struct nb_vma *v)
{
	return v->file && v->file->kind == NB_AS_SHMEM;
}

struct nb_mempolicy *nb_vma_own_policy(const struct nb_vma *v, uint64_t addr)
{
	if (keeps_policies(v))
		return nb_shared_policy_lookup(v->mm->sys, &v->file->policy, nb_vma_pgoff(v, addr));
	nb_mpol_get(v->policy);
	return v->policy;
}

/* [start, end), inside one VMA, gets the policy. Source: mbind_range(). */
static int install_one(struct nb_mm *mm, uint64_t start, uint64_t end, struct nb_mempolicy *pol)
{
	struct nb_vma *v = nb_vma_find(mm, start);
	int err;

	if (nb_mpol_equal(v->policy, pol))
		return 0;
	err = nb_vma_isolate(mm, start, end);
	if (err)
		return err;
	v = nb_vma_find(mm, start);
	if (keeps_policies(v)) {
		err = nb_shared_policy_set(mm->sys, &v->file->policy, nb_vma_pgoff(v, v->start),
					   nb_vma_pgoff(v, v->end), pol);
		if (err)
			return err;
	}
	nb_mpol_get(pol);
	nb_mpol_put(mm->sys, v->policy);
	v->policy = pol;
	(void)nb_vma_merge(mm, v);
	return 0;
}

static int install(struct nb_mm *mm, uint64_t start, uint64_t end, struct nb_mempolicy *pol)
{
	const struct nb_vma *v;
	int err = 0;

	while (!err && start < end && (v = nb_vma_first_above(mm, start)) && v->start < end) {
		uint64_t from = v->start > start ? v->start : start;

		start = v->end < end ? v->end : end;
		err = install_one(mm, from, start, pol);
	}
	return err;
}

/* What a walk over the range for one call knows. */
struct walk {
	struct nb_task *t;
	uint64_t start, end;
	const struct nb_nodemask *nodes; /* pages there are fine */
	unsigned flags;
	bool holes_allowed;
	/* moving */
	struct nb_migration m;
	struct nb_mempolicy *pol; /* of the targets; NULL: default */
	uint64_t ino;             /* added to what interleaving goes by */
	bool ino_known;
	uint64_t stuck;
	struct nb_migrate_item list[NB_MIGRATE_BATCH];
	unsigned nr;
};

static bool is_fine(const struct walk *w, const struct nb_migrate_item *it)
{
	return nb_nodemask_test(w->nodes, it->zone->pgdat->nid);
}

/* Does a hole begin where v begins or ends? */
static bool at_hole(const struct walk *w, const struct nb_vma *v, bool first)
{
	const struct nb_vma *next = nb_vma_first_above(w->t->mm, v->end);

	if (first && w->start < v->start)
		return true;
	return v->end < w->end && (!next || v->end < next->start);
}

/* Looks at all of the range, VMA by VMA. 0; -NB_EFAULT: not all of it is mapped; -NB_EIO: a page
 * lies elsewhere and the caller wants to know. */
static int look(const struct walk *w)
{
	bool strict = (w->flags & MF_VALID) == NB_MPOL_MF_STRICT, first = true;
	struct nb_mm *mm = w->t->mm;
	uint64_t at = w->start;
	const struct nb_vma *v;

	while (at < w->end && (v = nb_vma_first_above(mm, at)) && v->start < w->end) {
		uint64_t addr = v->start > at ? v->start : at;
		struct nb_migrate_item it;

		if (!w->holes_allowed && at_hole(w, v, first))
			return -NB_EFAULT;
		first = false;
		at = v->end < w->end ? v->end : w->end;
		for (; strict && nb_migrate_next(mm, &addr, at, &it); addr += page_bytes(mm)) {
			if (!is_fine(w, &it))
				return -NB_EIO;
		}
	}
	return first ? -NB_EFAULT : 0;
}

static nb_pfn_t target(void *arg, const struct nb_migrate_item *from)
{
	const struct walk *w = arg;
	unsigned order = nb_page_order(from->page);
	nb_gfp_t gfp = NB_GFP_HIGHUSER_MOVABLE | NB_GFP_BIT_RETRY_MAYFAIL;

	if (w->t->sys->profile->version >= COMP_SINCE)
		gfp |= NB_GFP_BIT_COMP;
	if (order)
		gfp = NB_GFP_TRANSHUGE;
	return nb_mpol_alloc(w->t, w->pol, gfp, order, from->index >> order);
}

/* Pages of pools: any node of the policy's, or else any. */
static bool where(void *arg, const struct nb_migrate_item *from, int *ret_nid,
		  const struct nb_nodemask **ret_mask)
{
	const struct walk *w = arg;

	nb_mpol_target(w->t, w->pol, NB_GFP_HIGHUSER_MOVABLE,
		       from->index >> nb_page_hstate(w->t->sys, from->page)->order, ret_nid,
		       ret_mask);
	return true;
}

static int flush(struct walk *w)
{
	int err = w->nr ? nb_migrate_list(&w->m, w->list, w->nr) : 0;

	w->nr = 0;
	return err;
}

/* The inode number that interleaving adds: the first page's object counts for the whole call where
 * targets are asked for as one range. */
static uint64_t inode_of(struct walk *w, const struct nb_vma *v)
{
	uint64_t ino = v->file && v->file->kind == NB_AS_SHMEM ? v->file->ino : v->inode;

	if (w->t->sys->profile->version < COMP_SINCE)
		return ino;
	if (!w->ino_known)
		w->ino = ino;
	w->ino_known = true;
	return w->ino;
}

static int move_vma(struct walk *w, const struct nb_vma *v, uint64_t addr, uint64_t end)
{
	struct nb_mm *mm = w->t->mm;
	struct nb_migrate_item it;
	int err = 0;

	for (; !err && nb_migrate_next(mm, &addr, end, &it); addr += page_bytes(mm)) {
		if (is_fine(w, &it))
			continue;
		if (!(w->flags & NB_MPOL_MF_MOVE_ALL) && nb_migrate_mapcount(it.page) > 1)
			continue; /* left alone, which is no failure */
		if (nb_migrate_isolate(mm->sys, it.zone, it.page)) {
			w->stuck++;
			continue;
		}
		it.index = inode_of(w, v) + nb_vma_pgoff(v, addr);
		w->list[w->nr++] = it;
		if (w->nr == NB_MIGRATE_BATCH)
			err = flush(w);
	}
	return err;
}

/* Moves what lies elsewhere. Without memory for targets the rest stays. */
static void move(struct walk *w)
{
	struct nb_task *t = w->t;
	uint64_t at = w->start;
	const struct nb_vma *v;
	int err = 0;

	w->m = (struct nb_migration){.sys = t->sys,
				     .task = t,
				     .cpu = t->cpu,
				     .mode = NB_MIGRATE_SYNC,
				     .reason = NB_MR_MEMPOLICY_MBIND,
				     .target = target,
				     .where = where,
				     .arg = w};
	if (!w->pol)
		w->pol = t->policy;
	while (!err && at < w->end && (v = nb_vma_first_above(t->mm, at)) && v->start < w->end) {
		uint64_t from = v->start > at ? v->start : at;

		at = v->end < w->end ? v->end : w->end;
		err = move_vma(w, v, from, at);
	}
	if (!err)
		err = flush(w);
	if (w->m.succeeded || w->m.failed)
		nb_migrate_end(&w->m);
	w->stuck += w->m.failed_entries + (err != 0);
}

/* The policy is checked and made: look, install, move. */
static int bind_range(struct walk *w)
{
	struct nb_mm *mm = w->t->mm;
	int err;

	nb_mm_lock(mm, w->t->cpu);
	err = look(w);
	if (!err)
		err = install(mm, w->start, w->end, w->pol);
	if (!err && w->flags & MF_ANY_MOVE)
		move(w);
	nb_mm_unlock(mm);
	return !err && w->stuck && w->flags & NB_MPOL_MF_STRICT ? -NB_EIO : err;
}

/* Flags and range. 1: there is nothing to do. */
static int check_range(const struct nb_task *t, uint64_t addr, uint64_t length_bytes,
		       unsigned flags, uint64_t *ret_end)
{
	if (flags & ~(unsigned)MF_VALID)
		return -NB_EINVAL;
	if (flags & NB_MPOL_MF_MOVE_ALL && t->uid != 0)
		return -NB_EPERM;
	if (addr & (page_bytes(t->mm) - 1))
		return -NB_EINVAL;
	*ret_end = addr + round_up(t->mm, length_bytes);
	if (*ret_end < addr)
		return -NB_EINVAL;
	return *ret_end == addr;
}

int nb_mbind(struct nb_task *t, uint64_t addr, uint64_t length_bytes, int mode_and_flags,
	     const struct nb_nodemask *nodes, unsigned flags)
{
	static const struct nb_nodemask none;
	struct walk w = {.t = t, .start = addr, .nodes = nodes ? nodes : &none, .flags = flags};
	struct nb_mempolicy *pol;
	int err;

	if (!t->alive)
		return -NB_ESRCH;
	err = nb_mpol_check_mode(t->sys, mode_and_flags);
	if (!err)
		err = check_range(t, addr, length_bytes, flags, &w.end);
	if (err)
		return err < 0 ? err : 0;
	err = nb_mpol_new(t, mode_and_flags, nodes, &pol);
	if (err)
		return err;
	if (!pol) /* the default may be set over holes, and is never violated */
		w.flags &= ~(unsigned)NB_MPOL_MF_STRICT;
	w.holes_allowed = !pol;
	w.pol = pol;
	if (flags & MF_ANY_MOVE)
		nb_lru_add_drain_all(t->sys);
	err = bind_range(&w);
	nb_mpol_put(t->sys, pol);
	return err;
}

int nb_get_mempolicy_addr(const struct nb_task *t, uint64_t addr, int *ret_mode,
			  struct nb_nodemask *ret_nodes)
{
	const struct nb_vma *v = t->alive ? nb_vma_find(t->mm, addr) : NULL;
	struct nb_mempolicy *pol;

	if (!v)
		return t->alive ? -NB_EFAULT : -NB_ESRCH;
	pol = nb_vma_own_policy(v, addr);
	nb_mpol_show(pol, ret_mode, ret_nodes);
	nb_mpol_put(t->sys, pol);
	return 0;
}

/* The home node of [addr, end), part of v. */
static int set_home(struct nb_mm *mm, const struct nb_vma *v, uint64_t addr, uint64_t end, int node)
{
	struct nb_mempolicy *pol;
	int err;

	if (v->policy->mode != NB_MPOL_BIND && v->policy->mode != NB_MPOL_PREFERRED_MANY)
		return -NB_EOPNOTSUPP;
	pol = nb_mpol_with_home(mm->sys, v->policy, node);
	if (!pol)
		return -NB_ENOMEM;
	err = install_one(mm, addr, end, pol);
	nb_mpol_put(mm->sys, pol);
	return err;
}

/* What was set before an error stays. Source: mm/mempolicy.c, set_mempolicy_home_node(). */
int nb_set_mempolicy_home_node(struct nb_task *t, uint64_t addr, uint64_t length_bytes, int node,
			       unsigned flags)
{
	const struct nb_vma *v;
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
	nb_mm_lock(t->mm, t->cpu);
	while (addr < end && (v = nb_vma_first_above(t->mm, addr)) && v->start < end) {
		uint64_t from = v->start > addr ? v->start : addr;

		addr = v->end < end ? v->end : end;
		if (!v->policy)
			continue;
		err = set_home(t->mm, v, from, addr, node);
		if (err)
			break;
	}
	nb_mm_unlock(t->mm);
	return err;
}
