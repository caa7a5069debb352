/* move_pages.c -- single pages to the nodes that a program names for each; or where they are.
 *
 * Called by drivers through include/numabox/mempolicy.h. Entries with the same node that follow
 * each other move together and get their status together, so an error at one entry leaves the
 * statuses behind it unwritten, but not those before it. A page that cannot be moved gets a status
 * and ends such a run. All arguments are read and written through struct nb_user. Source:
 * mm/migrate.c, kernel_move_pages(), do_pages_move(), do_pages_stat().
 */
#include "base/mem.h"
#include "mm/lru.h"
#include "mm/migrate.h"
#include "mm/nodemask.h"
#include "mm/pt_huge.h"
#include "mm/usermem.h"

#define MOVE_FLAGS (NB_MPOL_MF_MOVE | NB_MPOL_MF_MOVE_ALL)
#define STAT_CHUNK 16u
#define UNTOUCHED_IS_ENOENT_SINCE 6012u
#define EXIST 17 /* already there, told apart from node 0 */

struct mover {
	struct nb_system *sys;
	struct nb_task *caller;
	struct nb_mm *mm; /* NULL: of a process that we know nothing of; no address is mapped */
	struct nb_nodemask allowed;
	struct nb_user pages, nodes, status;
	uint64_t nr_pages;
	bool all;
	/* the run at hand: entries [start, i) go to `node` */
	int node;
	uint64_t start;
	unsigned nr;
	struct nb_migrate_item list[NB_MIGRATE_BATCH];
};

static int store_status(const struct mover *mv, uint64_t start, int value, uint64_t n)
{
	for (; n; n--, start++) {
		if (nb_user_write(&mv->status, start * sizeof(int), &value, sizeof(value)))
			return -NB_EFAULT;
	}
	return 0;
}

/* Moves what the run has gathered. 0, pages that stayed, -NB_ENOMEM. */
static int64_t move_run(struct mover *mv)
{
	struct nb_migrate_to_node to = {mv->sys, mv->caller, mv->caller->cpu, mv->node,
					NB_GFP_HIGHUSER_MOVABLE | NB_GFP_BIT_THISNODE};
	struct nb_migration m = {
		.sys = mv->sys,
		.task = mv->caller,
		.cpu = mv->caller->cpu,
		.mode = NB_MIGRATE_SYNC,
		.reason = NB_MR_SYSCALL,
		.target = nb_migrate_target_on_node,
		.where = nb_migrate_where_on_node,
		.arg = &to,
	};
	int err = nb_migrate_list(&m, mv->list, mv->nr);

	mv->nr = 0;
	nb_migrate_end(&m);
	return err ? err : (int64_t)m.failed_entries;
}

/* The run ends before entry i. */
static int64_t end_run(struct mover *mv, uint64_t i)
{
	int64_t ret;

	if (!mv->nr)
		return 0;
	ret = move_run(mv);
	if (ret > 0)
		return ret + (int64_t)(mv->nr_pages - i);
	return ret < 0 ? ret : store_status(mv, mv->start, mv->node, i - mv->start);
}

/* What move_pages says of an address where no page is. */
static int no_page(const struct nb_vma *v, uint64_t pte)
{
	bool anon = !v->file && !v->shared;

	if (pte & NB_PTE_ZERO)
		return -NB_EFAULT;
	/* a hole in the tables looked like a bad address before */
	if (!pte && anon && v->mm->sys->profile->version < UNTOUCHED_IS_ENOENT_SINCE)
		return -NB_EFAULT;
	return -NB_ENOENT;
}

/* The page at addr. 0, or the status that stands for it. */
static int look_up(const struct nb_mm *mm, uint64_t addr, struct nb_migrate_item *ret)
{
	const struct nb_vma *v = mm ? nb_vma_find(mm, addr) : NULL;

	if (!v)
		return -NB_EFAULT;
	ret->page = nb_pt_page(v, addr, &ret->zone);
	return ret->page ? 0 : no_page(v, nb_pt_lookup(mm, addr));
}

/* 0: the page is in the run now. Else a status: EXIST stands for the node itself. */
static int add_page(struct mover *mv, uint64_t addr)
{
	struct nb_migrate_item it = {0};
	int err = look_up(mv->mm, addr, &it);

	if (err)
		return err;
	if (it.zone->pgdat->nid == mv->node)
		return EXIST;
	if (nb_migrate_mapcount(it.page) > 1 && !mv->all)
		return -NB_EACCES;
	err = nb_migrate_isolate(mv->sys, it.zone, it.page);
	if (!err)
		mv->list[mv->nr++] = it;
	return err;
}

static int check_node(const struct mover *mv, int node)
{
	if (node < 0 || node >= NB_MAX_NODES || !nb_nodemask_test(&mv->sys->memory_nodes, node))
		return -NB_ENODEV;
	return nb_nodemask_test(&mv->allowed, node) ? 0 : -NB_EACCES;
}

/* Reads entry i and checks its node. */
static int read_entry(const struct mover *mv, uint64_t i, uint64_t *ret_addr, int *ret_node)
{
	if (nb_user_read(&mv->pages, i * sizeof(*ret_addr), ret_addr, sizeof(*ret_addr)) ||
	    nb_user_read(&mv->nodes, i * sizeof(*ret_node), ret_node, sizeof(*ret_node)))
		return -NB_EFAULT;
	return check_node(mv, *ret_node);
}

/* Entry i: joins the run, or is answered at once. *ret_ends: nothing more can be done. */
static int64_t one_entry(struct mover *mv, uint64_t i, bool *ret_ends)
{
	int64_t ret;
	uint64_t addr;
	int node, status;

	ret = read_entry(mv, i, &addr, &node);
	if (ret)
		return ret;
	if (mv->node == NB_NO_NODE) {
		mv->node = node;
		mv->start = i;
	} else if (node != mv->node || mv->nr == NB_MIGRATE_BATCH) {
		ret = end_run(mv, i);
		*ret_ends = ret != 0;
		if (ret)
			return ret;
		mv->node = node;
		mv->start = i;
	}
	status = add_page(mv, addr);
	if (!status)
		return 0;
	ret = store_status(mv, i, status == EXIST ? mv->node : status, 1);
	if (ret)
		return ret;
	ret = end_run(mv, i);
	*ret_ends = ret != 0;
	mv->node = NB_NO_NODE;
	return ret > 0 ? ret - 1 : ret; /* entry i has its answer */
}

static int64_t do_move(struct mover *mv)
{
	int64_t ret = 0, last;
	bool ends = false;
	uint64_t i;

	nb_lru_add_drain_all(mv->sys);
	mv->node = NB_NO_NODE;
	for (i = 0; i < mv->nr_pages && !ret; i++) {
		ret = one_entry(mv, i, &ends);
		if (ret)
			break;
	}
	if (ends)
		return ret;
	last = end_run(mv, i);
	return ret ? ret : last;
}

static int do_stat(const struct mover *mv)
{
	uint64_t addr[STAT_CHUNK];
	int status[STAT_CHUNK];

	for (uint64_t i = 0; i < mv->nr_pages; i += STAT_CHUNK) {
		uint64_t n = mv->nr_pages - i < STAT_CHUNK ? mv->nr_pages - i : STAT_CHUNK;

		if (nb_user_read(&mv->pages, i * sizeof(*addr), addr, n * sizeof(*addr)))
			return -NB_EFAULT;
		for (unsigned k = 0; k < n; k++) {
			struct nb_migrate_item it = {0};

			status[k] = look_up(mv->mm, addr[k], &it);
			if (!status[k])
				status[k] = it.zone->pgdat->nid;
		}
		if (nb_user_write(&mv->status, i * sizeof(*status), status, n * sizeof(*status)))
			return -NB_EFAULT;
	}
	return 0;
}

static int move_or_stat(struct mover *mv)
{
	int64_t ret;

	if (mv->mm)
		nb_mm_lock(mv->mm, mv->caller->cpu);
	ret = nb_user_null(&mv->nodes) ? do_stat(mv) : do_move(mv);
	if (mv->mm)
		nb_mm_unlock(mv->mm);
	return ret > INT32_MAX ? INT32_MAX : (int)ret;
}

/* Whose pages, and where they may go. Source: find_mm_struct(). */
static int find_mm(struct mover *mv, struct nb_task *target, int pid)
{
	if (target ? !nb_may_access(mv->caller, target) : mv->caller->uid != 0)
		return -NB_EPERM;
	if (!target && pid != NB_INIT_PID)
		return -NB_EINVAL;
	mv->mm = target ? target->mm : NULL;
	mv->allowed = target ? target->mems_allowed : mv->sys->memory_nodes;
	return 0;
}

static int check_flags(const struct nb_task *caller, int flags)
{
	if (flags & ~MOVE_FLAGS)
		return -NB_EINVAL;
	return flags & NB_MPOL_MF_MOVE_ALL && caller->uid != 0 ? -NB_EPERM : 0;
}

int nb_sys_move_pages(struct nb_task *t, int pid, uint64_t nr_pages, struct nb_user pages,
		      struct nb_user nodes, struct nb_user status, int flags)
{
	struct mover mv = {.sys = t->sys,
			   .caller = t,
			   .pages = pages,
			   .nodes = nodes,
			   .status = status,
			   .nr_pages = nr_pages,
			   .all = flags & NB_MPOL_MF_MOVE_ALL};
	struct nb_task *target;
	int err;

	if (!t->alive)
		return -NB_ESRCH;
	err = check_flags(t, flags);
	if (!err)
		err = nb_find_task(t, pid, &target);
	if (!err)
		err = find_mm(&mv, target, pid);
	return err ? err : move_or_stat(&mv);
}

int nb_move_pages(struct nb_task *caller, struct nb_task *target, uint64_t nr_pages,
		  const uint64_t *pages, const int *nodes, int *status, int flags)
{
	struct mover mv = {.sys = caller->sys,
			   .caller = caller,
			   .pages = {(void *)(uintptr_t)pages, nr_pages * sizeof(*pages), false},
			   .nodes = {(void *)(uintptr_t)nodes, nr_pages * sizeof(*nodes), false},
			   .status = {status, nr_pages * sizeof(*status), false},
			   .nr_pages = nr_pages,
			   .all = flags & NB_MPOL_MF_MOVE_ALL};
	int err;

	if (!caller->alive || !target->alive)
		return -NB_ESRCH;
	err = check_flags(caller, flags);
	if (!err)
		err = find_mm(&mv, target, target->pid);
	return err ? err : move_or_stat(&mv);
}
