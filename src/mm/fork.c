/* fork.c -- a process becomes two, a thread joins one, a program replaces another.
 *
 * Called by drivers through include/numabox/task.h. A child's address space is made of copies of
 * the parent's VMAs, with copies of their policies, and of the page-table entries of those that
 * have private pages; both sides lose the right to write to what they now share. Entries of shared
 * mappings of files are not copied: they fault in again. Tables of the child are allocated by the
 * parent: its policy and its CPU place them. A failed fork leaves nothing behind.
 * The parent's mm is locked for the whole call; nobody else knows the child's yet, but that reclaim
 * may find its VMAs, so it is locked too (parent before child).
 * Source: kernel/fork.c, copy_process(), dup_mmap(); mm/memory.c, copy_page_range(),
 * copy_present_pte(); mm/rmap.c, anon_vma_fork(); fs/exec.c, begin_new_exec(); facts 10.1.
 */
#include "base/mem.h"
#include "mm/huge_memory.h"
#include "mm/hugetlb.h"
#include "mm/mmap.h"
#include "mm/oom.h"
#include "mm/overcommit.h"
#include "mm/rmap.h"
#include "mm/swap.h"

#include <numabox/file.h>

/* Flags that a child's VMA does not have. */
#define NOT_INHERITED (NB_VM_LOCKED | NB_VM_LOCKONFAULT)

struct copy {
	struct nb_task *t; /* the parent */
	struct nb_vma *from, *to;
	bool cow;
};

/* A page that both map now. */
static void share_page(const struct copy *c, uint64_t addr, uint64_t pte)
{
	struct nb_system *sys = c->t->sys;
	struct nb_zone *z = NULL;
	struct nb_page *page = nb_pfn_to_page(sys, nb_pte_pfn(pte), &z);

	nb_get_page(sys, page);
	if (nb_page_flags(page) & PG_ANON)
		nb_rmap_add_anon(c->to, addr, z, page, 1);
	else
		nb_rmap_add_file(c->to, z, page, 1);
}

static void copy_entry(const struct copy *c, uint64_t addr, uint64_t *from, struct nb_ptable *to,
		       unsigned i)
{
	uint64_t pte = *from;

	if (pte & NB_PTE_PRESENT) {
		if (c->cow)
			pte = *from &= ~(uint64_t)(NB_PTE_WRITE | NB_PTE_EXCLUSIVE);
		else
			pte &= ~(uint64_t)NB_PTE_DIRTY;
		pte &= ~(uint64_t)NB_PTE_ACCESSED;
		if (nb_pte_pfn(pte) != NB_NO_PFN)
			share_page(c, addr, pte);
	} else if (pte & NB_PTE_SWAP) {
		nb_swap_dup(c->t->sys, nb_pte_swp(pte));
		nb_mm_add(&c->to->mm->swap_entries, 1);
	}
	nb_pt_set(to, i, pte);
}

/* The entries of the VMA, table by table. A table that the parent has, the child gets as well, even
 * where it holds nothing now. */
static int copy_entries(const struct copy *c)
{
	struct nb_mm *mm = c->t->mm;
	uint64_t page = UINT64_C(1) << mm->shape.page_shift, addr = c->from->start;
	struct nb_ptable *leaf, *to;

	if (mm->huge_entries && nb_thp_fork(c->t, c->to, c->from))
		return -NB_ENOMEM;
	while ((leaf = nb_pt_next_leaf(mm, &addr, c->from->end))) {
		uint64_t stop = (addr & ~(nb_pt_leaf_span(mm) - 1)) + nb_pt_leaf_span(mm);
		unsigned i = nb_pt_index(mm, addr);

		to = nb_pt_make_leaf_in(c->t, c->to->mm, addr);
		if (!to)
			return -NB_ENOMEM;
		if (stop > c->from->end)
			stop = c->from->end;
		for (; addr < stop; addr += page, i++) {
			if (leaf->entry[i])
				copy_entry(c, addr, &leaf->entry[i], to, i);
		}
	}
	return 0;
}

static int copy_vma(struct nb_task *t, struct nb_mm *mm, struct nb_vma *v)
{
	struct nb_vma *child = NULL;
	struct copy c = {t, v, NULL, !v->shared};
	int err;

	/* as with Linux, what the parent has decides */
	if (!(v->flags & NB_VM_ACCOUNT) ||
	    !nb_vm_enough_memory(t, (v->end - v->start) >> mm->shape.page_shift))
		child = nb_vma_dup(mm, v);
	if (!child)
		return -NB_ENOMEM;
	c.to = child;
	child->anon = NULL;
	child->anon_id = 0;
	child->anon_chained = false;
	child->flags &= ~(unsigned)NOT_INHERITED;
	nb_hugetlb_vma_fork(child);
	if (v->policy) {
		nb_mpol_put(mm->sys, child->policy);
		child->policy = nb_mpol_with_home(mm->sys, v->policy, v->policy->home_node);
		if (!child->policy) {
			child->file = NULL;
			nb_vma_free(mm, child);
			return -NB_ENOMEM;
		}
	}
	if (child->file)
		nb_file_get(child->file);
	nb_rmap_link_vma(child);
	nb_vma_insert(mm, child);
	if (v->flags & NB_VM_WIPEONFORK)
		return 0;
	err = nb_anon_fork(child, v);
	/* only private pages cannot be had again by a fault */
	if (err || !v->anon)
		return err;
	return v->flags & NB_VM_HUGETLB ? nb_hugetlb_fork(t, child, v) : copy_entries(&c);
}

static int copy_mm(struct nb_task *t, struct nb_mm *mm)
{
	struct nb_mm *from = t->mm;
	int err = 0;

	mm->mmap_base = from->mmap_base;
	mm->start_brk = from->start_brk;
	mm->brk = from->brk;
	mm->stack_top = from->stack_top;
	mm->def_flags = from->def_flags & NB_VM_NOHUGEPAGE;
	for (struct nb_vma *v = nb_vma_first_above(from, 0); v && !err;
	     v = nb_vma_first_above(from, v->end)) {
		if (!(v->flags & NB_VM_DONTFORK))
			err = copy_vma(t, mm, v);
	}
	return err;
}

/* What a new task has of the one that made it. */
static int inherit(struct nb_task *t, const struct nb_task *from)
{
	t->cpu = from->cpu;
	t->flags = from->flags & ~(unsigned)(NB_PF_OOM_VICTIM | NB_PF_DUMPCORE);
	t->cpus_allowed = from->cpus_allowed;
	t->user_cpus = from->user_cpus;
	t->user_cpus_set = from->user_cpus_set;
	t->mems_allowed = from->mems_allowed;
	t->cpuset = from->cpuset;
	t->memcg = from->memcg;
	t->oom_score_adj = from->oom_score_adj;
	t->uid = from->uid;
	t->il_prev = from->il_prev;
	t->il_weight = from->il_weight;
	memcpy(t->comm, from->comm, sizeof(t->comm));
	if (!from->policy)
		return 0;
	t->policy = nb_mpol_with_home(t->sys, from->policy, from->policy->home_node);
	return t->policy ? 0 : -NB_ENOMEM;
}

int nb_task_fork(struct nb_task *t, struct nb_task **ret_child)
{
	struct nb_task *child;
	int err;

	if (!t->alive)
		return -NB_ESRCH;
	child = nb_task_new(t->sys);
	if (!child)
		return -NB_ENOMEM;
	child->mm = nb_mm_new(t->sys);
	err = child->mm ? inherit(child, t) : -NB_ENOMEM;
	if (!err) {
		nb_mm_lock(t->mm, t->cpu);
		nb_mm_lock(child->mm, t->cpu);
		err = copy_mm(t, child->mm);
		nb_mm_unlock(child->mm);
		nb_mm_unlock(t->mm);
	}
	if (err) {
		nb_task_discard(child);
		nb_oom_leave(t);
		return err;
	}
	child->parent = t;
	nb_task_enlist(child);
	*ret_child = child;
	nb_oom_leave(t);
	return 0;
}

int nb_task_thread(struct nb_task *t, int cpu, struct nb_task **ret_thread)
{
	struct nb_task *thread;
	int err;

	if (!t->alive)
		return -NB_ESRCH;
	if (!nb_cpu_online(t->sys, cpu) || !nb_cpumask_test(&t->cpus_allowed, cpu))
		return -NB_EINVAL;
	thread = nb_task_new(t->sys);
	if (!thread)
		return -NB_ENOMEM;
	err = inherit(thread, t);
	if (err) {
		nb_task_discard(thread);
		return err;
	}
	thread->cpu = cpu;
	thread->mm = t->mm;
	thread->leader = t->leader;
	thread->parent = t->leader->parent;
	nb_task_enlist(thread);
	*ret_thread = thread;
	return 0;
}

int nb_task_exec(struct nb_task *t, const char *comm)
{
	struct nb_mm *mm;

	if (!t->alive)
		return -NB_ESRCH;
	mm = nb_mm_new(t->sys);
	if (!mm)
		return -NB_ENOMEM;
	nb_task_end_others(t);
	nb_mm_put(t);
	nb_task_set_mm(t, mm);
	if (comm)
		nb_task_set_comm(t, comm);
	return 0;
}
