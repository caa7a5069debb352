/* cpuset.c -- the tree of cpusets, and what a change of one does to those in it.
 *
 * Called through include/numabox/cpuset.h. Each has the nodes and CPUs that were written to its
 * files and, following from them and its parent, the effective ones. When these change, all below
 * are gone through; each task gets the new nodes, its policy and those of its mappings are rebound,
 * and its pages are moved. Tasks in the root have t->cpuset == NULL. Changes are made by one thread
 * at a time, as by whoever holds cgroup_mutex. cpuset_rules.c holds the checks. Source:
 * kernel/cgroup/cpuset.c, update_nodemasks_hier(), update_tasks_nodemask(), cpuset_attach();
 * facts 12.3.
 */
#include "mm/cpuset.h"

#include "base/mem.h"
#include "mm/cpuset_rules.h"
#include "mm/migrate.h"
#include "mm/nodemask.h"

#define DROP_FROM 16          /* cpusets of ended processes that are left to lie */
#define USER_CPUS_SINCE 6002u /* sched_setaffinity's own wish outlives a cpuset's change */

static struct nb_pool *pool_of(struct nb_task_side *side, struct nb_system *sys)
{
	nb_lock(&side->lock, sys->port);
	if (!side->cpuset_pool.size)
		nb_pool_init(&side->cpuset_pool, sizeof(struct nb_cpuset));
	nb_unlock(&side->lock, sys->port);
	return &side->cpuset_pool;
}

struct nb_cpuset *nb_cpuset_root(struct nb_system *sys)
{
	struct nb_task_side *side = nb_task_side(sys);
	struct nb_cpuset *cs;

	if (!side || side->cpusets)
		return side ? side->cpusets : NULL;
	cs = nb_pool_get(sys, pool_of(side, sys));
	if (!cs)
		return NULL;
	cs->sys = sys;
	cs->flags = NB_CPUSET_CPU_EXCLUSIVE | NB_CPUSET_MEM_EXCLUSIVE | NB_CPUSET_MEMORY_MIGRATE;
	cs->mems = cs->effective_mems = cs->old_mems = sys->memory_nodes;
	for (unsigned i = 0; i < sys->nr_pgdat; i++) {
		for (unsigned w = 0; w < NB_MAX_CPUS / 64; w++)
			cs->cpus.bits[w] |= sys->pgdat[i]->cpus.bits[w];
	}
	cs->effective_cpus = cs->cpus;
	side->cpusets = cs;
	return cs;
}

int nb_cpuset_use_v1(struct nb_system *sys, bool v1)
{
	struct nb_cpuset *root = nb_cpuset_root(sys);

	if (!root)
		return -NB_ENOMEM;
	if (root->child)
		return -NB_EBUSY;
	nb_task_side(sys)->cpusets_v1 = v1;
	if (v1)
		root->flags &= ~(unsigned)NB_CPUSET_MEMORY_MIGRATE;
	else
		root->flags |= NB_CPUSET_MEMORY_MIGRATE;
	return 0;
}

struct nb_cpuset *nb_cpuset_find(const struct nb_cpuset *parent, const char *name)
{
	for (struct nb_cpuset *c = parent->child; c; c = c->next) {
		size_t n = 0;

		while (name[n] && c->name[n] == name[n])
			n++;
		if (name[n] == c->name[n])
			return c;
	}
	return NULL;
}

int nb_cpuset_create(struct nb_cpuset *parent, const char *name, struct nb_cpuset **ret_cs)
{
	struct nb_system *sys = parent->sys;
	struct nb_cpuset *cs, **link = &parent->child;
	size_t n = 0;

	while (name[n] && n < sizeof(cs->name))
		n++;
	if (!n || n == sizeof(cs->name))
		return -NB_EINVAL;
	if (nb_cpuset_find(parent, name))
		return -NB_EEXIST;
	cs = nb_pool_get(sys, pool_of(nb_task_side(sys), sys));
	if (!cs)
		return -NB_ENOMEM;
	cs->sys = sys;
	cs->parent = parent;
	memcpy(cs->name, name, n);
	if (!nb_cpuset_is_v1(cs)) {
		cs->flags = NB_CPUSET_MEMORY_MIGRATE;
		cs->effective_mems = parent->effective_mems;
		cs->effective_cpus = parent->effective_cpus;
	}
	while (*link)
		link = &(*link)->next;
	*link = cs;
	*ret_cs = cs;
	return 0;
}

int nb_cpuset_remove(struct nb_cpuset *cs)
{
	struct nb_cpuset **link;

	if (!cs->parent || cs->child || nb_cpuset_nr_tasks(cs))
		return -NB_EBUSY;
	for (link = &cs->parent->child; *link != cs; link = &(*link)->next)
		;
	*link = cs->next;
	nb_pool_put(cs->sys, &nb_task_side(cs->sys)->cpuset_pool, cs);
	return 0;
}

struct nb_cpuset *nb_task_cpuset(const struct nb_task *t)
{
	return t->alive && t->cpuset ? t->cpuset : nb_cpuset_root(t->sys);
}

unsigned nb_cpuset_nr_tasks(const struct nb_cpuset *cs)
{
	unsigned n = 0;

	for (const struct nb_task *t = nb_task_side(cs->sys)->tasks; t; t = t->next)
		n += t->cpuset == cs || (!t->cpuset && !cs->parent);
	return n;
}

void nb_cpuset_info(const struct nb_cpuset *cs, struct nb_cpuset_info *ret_info)
{
	*ret_info = (struct nb_cpuset_info){
		.name = cs->name,
		.flags = cs->flags,
		.nr_tasks = nb_cpuset_nr_tasks(cs),
		.mems = cs->mems,
		.effective_mems = cs->effective_mems,
		.cpus = cs->cpus,
		.effective_cpus = cs->effective_cpus,
	};
	for (const struct nb_cpuset *c = cs->child; c; c = c->next)
		ret_info->nr_children++;
}

/* ---- tasks ---- */

/* The nodes with memory that a cpuset's tasks get. Source: guarantee_online_mems(). */
static struct nb_nodemask usable_mems(const struct nb_cpuset *cs)
{
	struct nb_nodemask m;

	while (!nb_nodes_and(&m, &cs->effective_mems, &cs->sys->memory_nodes) && cs->parent)
		cs = cs->parent;
	return m;
}

/* Source: cpuset_change_task_nodemask(). */
static void change_task_mems(struct nb_task *t, const struct nb_nodemask *mems)
{
	t->policy = nb_mpol_rebind(t->sys, t->policy, mems);
	t->mems_allowed = *mems;
	if (nb_nodes_equal(mems, &t->sys->memory_nodes))
		t->flags &= ~(unsigned)NB_PF_CPUSET;
	else
		t->flags |= NB_PF_CPUSET;
}

/* Source: mpol_rebind_mm(). */
static void rebind_mm(struct nb_task *t, const struct nb_nodemask *mems)
{
	struct nb_mm *mm = t->mm;

	nb_mm_lock(mm, t->cpu);
	for (struct nb_vma *v = nb_vma_first_above(mm, 0); v; v = nb_vma_first_above(mm, v->end))
		v->policy = nb_mpol_rebind(t->sys, v->policy, mems);
	nb_mm_unlock(mm);
}

/* A kernel thread moves the pages: no policy and no cpuset are in its way. */
static void migrate_mm(struct nb_task *t, const struct nb_nodemask *from,
		       const struct nb_nodemask *to)
{
	if (!nb_nodes_equal(from, to))
		(void)nb_migrate_mm(NULL, t->cpu, t->mm, from, to, true);
}

static void update_tasks_mems(struct nb_cpuset *cs)
{
	struct nb_nodemask mems = usable_mems(cs);

	for (struct nb_task *t = nb_task_side(cs->sys)->tasks; t; t = t->next) {
		if (t->cpuset != cs)
			continue;
		change_task_mems(t, &mems);
		rebind_mm(t, &cs->mems);
		if (cs->flags & NB_CPUSET_MEMORY_MIGRATE)
			migrate_mm(t, &cs->old_mems, &mems);
	}
	cs->old_mems = mems;
}

/* Effective nodes of cs and all below it follow what was written. Recursion: the tree's depth. */
static void update_mems(struct nb_cpuset *cs)
{
	struct nb_nodemask mems;
	bool any = nb_nodes_and(&mems, &cs->mems, &cs->parent->effective_mems);

	if (!any && !nb_cpuset_is_v1(cs))
		mems = cs->parent->effective_mems;
	if (nb_nodes_equal(&mems, &cs->effective_mems))
		return;
	cs->effective_mems = mems;
	update_tasks_mems(cs);
	for (struct nb_cpuset *c = cs->child; c; c = c->next)
		update_mems(c);
}

int nb_cpuset_set_mems(struct nb_cpuset *cs, const struct nb_nodemask *mems)
{
	struct nb_cpuset_trial trial = {mems, &cs->cpus, cs->flags};
	int err;

	if (!cs->parent)
		return -NB_EACCES;
	if (!nb_nodes_subset(mems, &cs->sys->memory_nodes))
		return -NB_EINVAL;
	if (nb_nodes_equal(mems, &cs->mems))
		return 0;
	err = nb_cpuset_validate(cs, &trial);
	if (err)
		return err;
	cs->mems = *mems;
	update_mems(cs);
	return 0;
}

static void change_task_cpus(struct nb_task *t, const struct nb_cpuset *cs)
{
	struct nb_cpumask cpus = cs->effective_cpus;

	if (t->user_cpus_set && t->sys->profile->version >= USER_CPUS_SINCE &&
	    nb_cpus_intersect(&cpus, &t->user_cpus))
		nb_cpus_and(&cpus, &cpus, &t->user_cpus);
	t->cpus_allowed = cpus;
	if (!nb_cpumask_test(&cpus, t->cpu))
		t->cpu = (int)nb_cpumask_next(&cpus, 0);
}

static void update_cpus(struct nb_cpuset *cs)
{
	struct nb_cpumask cpus;

	nb_cpus_and(&cpus, &cs->cpus, &cs->parent->effective_cpus);
	if (nb_cpumask_empty(&cpus) && !nb_cpuset_is_v1(cs))
		cpus = cs->parent->effective_cpus;
	if (!memcmp(&cpus, &cs->effective_cpus, sizeof(cpus)))
		return;
	cs->effective_cpus = cpus;
	for (struct nb_task *t = nb_task_side(cs->sys)->tasks; t; t = t->next) {
		if (t->cpuset == cs && !nb_cpumask_empty(&cpus))
			change_task_cpus(t, cs);
	}
	for (struct nb_cpuset *c = cs->child; c; c = c->next)
		update_cpus(c);
}

int nb_cpuset_set_cpus(struct nb_cpuset *cs, const struct nb_cpumask *cpus)
{
	struct nb_cpuset_trial trial = {&cs->mems, cpus, cs->flags};
	const struct nb_cpuset *root = nb_cpuset_root(cs->sys);
	int err;

	if (!cs->parent)
		return -NB_EACCES;
	if (!nb_cpus_subset(cpus, &root->cpus))
		return -NB_EINVAL;
	if (!memcmp(cpus, &cs->cpus, sizeof(*cpus)))
		return 0;
	err = nb_cpuset_validate(cs, &trial);
	if (err)
		return err;
	cs->cpus = *cpus;
	update_cpus(cs);
	return 0;
}

int nb_cpuset_set_flag(struct nb_cpuset *cs, unsigned flag, bool on)
{
	struct nb_cpuset_trial trial = {&cs->mems, &cs->cpus,
					on ? cs->flags | flag : cs->flags & ~flag};
	int err;

	if (!nb_cpuset_is_v1(cs))
		return -NB_EINVAL;
	err = nb_cpuset_validate(cs, &trial);
	if (!err)
		cs->flags = trial.flags;
	return err;
}

/* One thread. Source: cpuset_attach_task(). */
static void attach_task(struct nb_cpuset *cs, struct nb_task *t, const struct nb_nodemask *mems)
{
	t->cpuset = cs->parent ? cs : NULL;
	change_task_cpus(t, cs);
	change_task_mems(t, mems);
}

int nb_cpuset_attach(struct nb_cpuset *cs, struct nb_task *t)
{
	struct nb_cpuset *old;
	struct nb_nodemask mems;

	if (!t->alive)
		return -NB_ESRCH;
	old = nb_task_cpuset(t);
	if (old == cs)
		return 0;
	if (nb_cpumask_empty(&cs->effective_cpus) ||
	    (nb_cpuset_is_v1(cs) && nb_nodemask_empty(&cs->mems)))
		return -NB_ENOSPC;
	mems = usable_mems(cs);
	for (struct nb_task *k = nb_task_side(cs->sys)->tasks; k; k = k->next) {
		if (k->leader == t->leader)
			attach_task(cs, k, &mems);
	}
	if (cs->flags & NB_CPUSET_MEMORY_MIGRATE ||
	    !nb_nodes_equal(&cs->effective_mems, &old->effective_mems))
		rebind_mm(t, &cs->effective_mems);
	if (cs->flags & NB_CPUSET_MEMORY_MIGRATE)
		migrate_mm(t, &old->old_mems, &cs->effective_mems);
	cs->old_mems = cs->effective_mems;
	return 0;
}

/* ---- what others ask ---- */

bool nb_cpuset_node_allowed(const struct nb_task *t, int nid, nb_gfp_t gfp)
{
	const struct nb_cpuset *cs;

	if (!t || nb_nodemask_test(&t->mems_allowed, nid) || t->flags & NB_PF_OOM_VICTIM)
		return true;
	if (gfp & NB_GFP_BIT_HARDWALL)
		return false;
	cs = t->cpuset;
	while (cs && !(cs->flags & (NB_CPUSET_MEM_EXCLUSIVE | NB_CPUSET_MEM_HARDWALL)))
		cs = cs->parent;
	return !cs || nb_nodemask_test(&cs->mems, nid);
}

int nb_cpuset_spread_page_node(struct nb_task *t)
{
	int nid;

	if (!t->cpuset || !(t->cpuset->flags & NB_CPUSET_MEMORY_SPREAD_PAGE))
		return NB_NO_NODE;
	nid = nb_node_next_in((int)t->spread_rotor - 1, &t->mems_allowed);
	t->spread_rotor = (unsigned)nid + 1;
	return nid;
}

void nb_cpuset_cpus_allowed(const struct nb_task *t, struct nb_cpumask *ret)
{
	const struct nb_cpuset *cs = nb_task_cpuset(t);

	*ret = cs ? cs->effective_cpus : t->cpus_allowed;
}

/* ---- one of a task's own ---- */

static void name_for(int pid, char *buf)
{
	static const char prefix[] = "task-";
	char digits[12];
	size_t n = sizeof(prefix) - 1, k = 0;

	memcpy(buf, prefix, n);
	for (; pid; pid /= 10)
		digits[k++] = (char)('0' + pid % 10);
	while (k)
		buf[n++] = digits[--k];
	buf[n] = '\0';
}

/* The cpuset that was made for the process. */
static struct nb_cpuset *own(const struct nb_cpuset *root, const char *name)
{
	struct nb_cpuset *cs = nb_cpuset_find(root, name);

	return cs && cs->of_task ? cs : NULL;
}

/* Those of processes that have ended; looked for when there are twice as many as were left last
 * time, so that the search costs little a cpuset. */
static void drop_unused(struct nb_cpuset *root)
{
	struct nb_cpuset *c = root->child;
	unsigned left = 0;

	if (++root->nr_made < root->drop_at)
		return;
	while (c) {
		struct nb_cpuset *next = c->next;

		if (c->of_task && nb_cpuset_remove(c))
			left++;
		c = next;
	}
	root->nr_made = left;
	root->drop_at = 2 * left + DROP_FROM;
}

/* Both files, or neither. */
static int write_both(struct nb_cpuset *cs, const struct nb_nodemask *mems,
		      const struct nb_cpumask *cpus)
{
	struct nb_cpumask before = cs->cpus;
	int err = cpus ? nb_cpuset_set_cpus(cs, cpus) : 0;

	if (err || !mems)
		return err;
	err = nb_cpuset_set_mems(cs, mems);
	if (err && cpus)
		(void)nb_cpuset_set_cpus(cs, &before);
	return err;
}

int nb_set_cpuset(struct nb_task *t, const struct nb_nodemask *mems, const struct nb_cpumask *cpus)
{
	struct nb_cpuset *root, *cs;
	char name[32];
	int err = 0;

	if (!t->alive)
		return -NB_ESRCH;
	root = nb_cpuset_root(t->sys);
	if (!root)
		return -NB_ENOMEM;
	name_for(t->tgid, name);
	cs = own(root, name);
	if (cs && cs == t->cpuset)
		return write_both(cs, mems, cpus);
	drop_unused(root);
	cs = own(root, name);
	if (!cs)
		err = nb_cpuset_create(root, name, &cs);
	if (err)
		return err;
	cs->of_task = true;
	if (nb_cpuset_is_v1(cs) && !mems)
		mems = &root->mems;
	if (nb_cpuset_is_v1(cs) && !cpus)
		cpus = &root->cpus;
	err = write_both(cs, mems, cpus);
	if (!err)
		err = nb_cpuset_attach(cs, t);
	if (err)
		(void)nb_cpuset_remove(cs);
	return err;
}
