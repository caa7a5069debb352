/* migrate_pages.c -- the pages of a process from some nodes to others.
 *
 * Called by drivers through include/numabox/mempolicy.h, and by cpuset.c when the memory nodes of a
 * cpuset change. Nodes are taken in an order that lets no page move twice: first one whose
 * destination is not itself to be emptied later. Where the two sets differ in size, nodes that are
 * in both stay as they are. Source: mm/mempolicy.c, kernel_migrate_pages(), do_migrate_pages(),
 * migrate_to_node().
 */
#include "mm/lru.h"
#include "mm/migrate.h"
#include "mm/nodemask.h"
#include "mm/usermem.h"

#include <numabox/mempolicy.h>

struct mover {
	struct nb_migration m;
	struct nb_migrate_to_node to;
	struct nb_migrate_item list[NB_MIGRATE_BATCH];
	unsigned nr;
	uint64_t not_isolated;
};

static int flush(struct mover *mv)
{
	int err = mv->nr ? nb_migrate_list(&mv->m, mv->list, mv->nr) : 0;

	mv->nr = 0;
	return err;
}

/* The next page that is to go. */
static void take(struct mover *mv, const struct nb_migrate_item *it, int source, bool all)
{
	if (it->zone->pgdat->nid != source || (!all && nb_migrate_mapcount(it->page) > 1))
		return;
	if (nb_migrate_isolate(mv->m.sys, it->zone, it->page))
		mv->not_isolated++;
	else
		mv->list[mv->nr++] = *it;
}

/* Everything on one node to another. Pages that stayed, or -NB_ENOMEM. */
static int64_t migrate_to_node(struct nb_task *caller, int cpu, struct nb_mm *mm, int source,
			       int dest, bool all)
{
	struct mover mv = {
		.m = {.sys = mm->sys,
		      .task = caller,
		      .cpu = cpu,
		      .mode = NB_MIGRATE_SYNC,
		      .reason = NB_MR_SYSCALL,
		      .target = nb_migrate_target_on_node,
		      .where = nb_migrate_where_on_node},
		.to = {mm->sys, caller, cpu, dest, NB_GFP_HIGHUSER_MOVABLE | NB_GFP_BIT_THISNODE},
	};
	uint64_t page = UINT64_C(1) << mm->shape.page_shift;
	struct nb_migrate_item it = {0};
	bool any = false;
	int err = 0;

	mv.m.arg = &mv.to;
	for (uint64_t addr = 0; !err && nb_migrate_next(mm, &addr, mm->task_size, &it);
	     addr += page) {
		take(&mv, &it, source, all);
		any |= mv.nr != 0;
		if (mv.nr == NB_MIGRATE_BATCH)
			err = flush(&mv);
	}
	if (!err)
		err = flush(&mv);
	if (any)
		nb_migrate_end(&mv.m);
	return err ? err : (int64_t)(mv.not_isolated + mv.m.failed_entries);
}

/* The next node to empty, and where its pages go; false when all is done. */
static bool next_move(const struct nb_nodemask *left, const struct nb_nodemask *from,
		      const struct nb_nodemask *to, int *ret_source, int *ret_dest)
{
	bool sizes_differ = nb_nodemask_weight(from) != nb_nodemask_weight(to);
	unsigned s;

	*ret_source = NB_NO_NODE;
	nb_for_each_node_in (s, left) {
		unsigned d = nb_node_remap(s, from, to);

		if (s == d || (sizes_differ && nb_nodemask_test(to, s)))
			continue;
		*ret_source = (int)s;
		*ret_dest = (int)d;
		if (!nb_nodemask_test(left, d))
			break;
	}
	return *ret_source != NB_NO_NODE;
}

int nb_migrate_mm(struct nb_task *caller, int cpu, struct nb_mm *mm, const struct nb_nodemask *from,
		  const struct nb_nodemask *to, bool all)
{
	struct nb_nodemask left = *from;
	int64_t stayed = 0, ret = 0;
	int source, dest = NB_NO_NODE;

	nb_lru_add_drain_all(mm->sys);
	while (next_move(&left, from, to, &source, &dest)) {
		nb_nodemask_clear(&left, source);
		nb_mm_lock(mm, cpu);
		ret = migrate_to_node(caller, cpu, mm, source, dest, all);
		nb_mm_unlock(mm);
		if (ret < 0)
			return (int)ret;
		stayed += ret;
	}
	return stayed < INT32_MAX ? (int)stayed : INT32_MAX;
}

int nb_migrate_pages(struct nb_task *caller, struct nb_task *target, const struct nb_nodemask *from,
		     const struct nb_nodemask *to)
{
	bool root = caller->uid == 0;
	struct nb_nodemask allowed;

	if (!caller->alive || !target->alive)
		return -NB_ESRCH;
	if (!nb_may_access(caller, target))
		return -NB_EPERM;
	if (!root && !nb_nodes_subset(to, &target->mems_allowed))
		return -NB_EPERM;
	if (!nb_nodes_and(&allowed, to, &caller->mems_allowed))
		return -NB_EINVAL;
	return nb_migrate_mm(caller, caller->cpu, target->mm, from, &allowed, root);
}
