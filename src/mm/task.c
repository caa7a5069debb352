/* task.c -- tasks: birth, death, where they run, their policy, and what can be read of them.
 *
 * Called by drivers through include/numabox/task.h. A task is driven by one thread at a time; the
 * list of all tasks has a lock of its own, as tasks on different CPUs come and go independently.
 * Lifetime: alive until nb_task_exit(); the handle until nb_task_put() as well.
 * Source: kernel/fork.c, kernel/sched/core.c, mm/mempolicy.c; facts 6, 10.1.
 */
#include "mm/task.h"

#include "base/mem.h"
#include "mm/cpuset.h"
#include "mm/balancing.h"
#include "mm/fault.h"
#include "mm/mmap.h"
#include "mm/rmap.h"

#define FIRST_PID 1000 /* lower ones belong to a system's own daemons: six a CPU, eight a node */

struct nb_task_side *nb_task_side(struct nb_system *sys)
{
	struct nb_task_side *side = atomic_load_explicit(&sys->task_side, memory_order_acquire);
	struct nb_task_side *none = NULL;
	struct nb_pt_shape shape;
	uint64_t task_size;

	if (side)
		return side;
	side = nb_system_alloc(sys, sizeof(*side));
	if (!side)
		return NULL;
	side->next_pid = 64 + 6 * (int)sys->nr_cpu_ids + 8 * (int)sys->nr_pgdat;
	if (side->next_pid < FIRST_PID)
		side->next_pid = FIRST_PID;
	shape = nb_pt_shape(sys, &task_size);
	nb_pool_init(&side->task_pool, sizeof(struct nb_task));
	nb_pool_init(&side->mm_pool, sizeof(struct nb_mm));
	nb_pool_init(&side->vma_pool, sizeof(struct nb_vma));
	nb_pool_init(&side->anon_pool, sizeof(struct nb_anon));
	nb_pool_init(&side->policy_pool, sizeof(struct nb_mempolicy));
	nb_pool_init(&side->table_pool, nb_pt_table_bytes(&shape));
	nb_pool_init(&side->root_pool,
		     sizeof(struct nb_ptable) + (sizeof(uint64_t) << shape.root_bits));
	nb_pool_init(&side->numab_pool, nb_numab_bytes(sys));
	nb_pool_init(&side->numab_vma_pool, sizeof(struct nb_numab_vma));
	nb_pool_init(&side->numa_group_pool, nb_numa_group_bytes(sys));
	nb_pool_init(&side->rss_pool, sys->nr_pgdat * NB_MAX_NR_ZONES * sizeof(uint64_t));
	/* Another thread may have been faster; what was made here then stays unused. */
	if (!atomic_compare_exchange_strong(&sys->task_side, &none, side))
		side = none;
	return side;
}

static void free_mm(struct nb_system *sys, struct nb_mm *mm)
{
	struct nb_task_side *side = nb_task_side(sys);

	if (mm->root)
		nb_pool_put(sys, &side->root_pool, mm->root);
	if (mm->zone_rss)
		nb_pool_put(sys, &side->rss_pool, mm->zone_rss);
	nb_pool_put(sys, &side->mm_pool, mm);
}

struct nb_mm *nb_mm_new(struct nb_system *sys)
{
	struct nb_task_side *side = nb_task_side(sys);
	struct nb_mm *mm = nb_pool_get(sys, &side->mm_pool);

	if (!mm)
		return NULL;
	mm->sys = sys;
	mm->users = 1;
	mm->born_ns = sys->time_ns;
	atomic_store_explicit(&mm->lock_cpu, -1, memory_order_relaxed);
	mm->shape = nb_pt_shape(sys, &mm->task_size);
	mm->map_window = mm->task_size;
	if (mm->shape.levels == 5)
		mm->map_window = (UINT64_C(1) << 47) - (UINT64_C(1) << mm->shape.page_shift);
	/* 128 MiB are left for the stack, as where its limit is the usual 8 MiB. */
	mm->mmap_base = mm->map_window - (UINT64_C(128) << 20);
	mm->root = nb_pool_get(sys, &side->root_pool);
	mm->zone_rss = nb_pool_get(sys, &side->rss_pool);
	if (!mm->root || !mm->zone_rss) {
		free_mm(sys, mm);
		return NULL;
	}
	mm->root->pfn = NB_NO_PFN;
	nb_lock(&side->lock, sys->port);
	mm->id = ++side->next_mm;
	nb_unlock(&side->lock, sys->port);
	return mm;
}

void nb_mm_put(struct nb_task *t)
{
	struct nb_task_side *side = nb_task_side(t->sys);
	struct nb_mm *mm = t->mm;
	bool last;

	nb_lock(&side->lock, t->sys->port);
	last = mm->users == 1;
	if (!last) {
		mm->users--;
		t->mm = NULL;
	}
	nb_unlock(&side->lock, t->sys->port);
	if (!last)
		return;
	nb_mm_lock(mm, t->cpu);
	nb_mm_unmap_all(t);
	/* who finds the mm through the task has tried its lock: it is free when that is */
	nb_lock(&side->lock, t->sys->port);
	mm->users = 0;
	t->mm = NULL;
	nb_unlock(&side->lock, t->sys->port);
	nb_mm_unlock(mm);
	free_mm(t->sys, mm);
}

void nb_task_set_mm(struct nb_task *t, struct nb_mm *mm)
{
	struct nb_task_side *side = nb_task_side(t->sys);

	nb_lock(&side->lock, t->sys->port);
	t->mm = mm;
	nb_unlock(&side->lock, t->sys->port);
}

/* A task's mm, locked, or NULL. Under the lock of the list, which keeps the task. */
static struct nb_mm *try_mm(struct nb_task *t, int holder, int *ret_got)
{
	*ret_got = t->mm ? nb_mm_trylock(t->mm, holder) : 0;
	return *ret_got ? t->mm : NULL;
}

bool nb_task_mm_at(struct nb_system *sys, unsigned n, const struct nb_memcg *cg, int holder,
		   struct nb_mm **ret_mm, int *ret_got)
{
	struct nb_task_side *side = nb_task_side(sys);
	struct nb_task *t;

	*ret_mm = NULL;
	nb_lock(&side->lock, sys->port);
	for (t = side->tasks; t && n; n--)
		t = t->next;
	if (t && t->leader == t && t->memcg == cg)
		*ret_mm = try_mm(t, holder, ret_got);
	nb_unlock(&side->lock, sys->port);
	return t != NULL;
}

int nb_task_mm_from(struct nb_system *sys, int pid, int holder, struct nb_mm **ret_mm, int *ret_got,
		    struct nb_memcg **ret_memcg)
{
	struct nb_task_side *side = nb_task_side(sys);
	struct nb_task *t;
	int found;

	nb_lock(&side->lock, sys->port);
	for (t = side->tasks; t && (t->pid < pid || t->leader != t);)
		t = t->next;
	found = t ? t->pid : 0;
	*ret_memcg = t ? t->memcg : NULL;
	*ret_mm = t ? try_mm(t, holder, ret_got) : NULL;
	nb_unlock(&side->lock, sys->port);
	return found;
}

bool nb_cpu_online(const struct nb_system *sys, int cpu)
{
	const struct nb_pgdat *p;

	if (cpu < 0 || (unsigned)cpu >= sys->nr_cpu_ids)
		return false;
	p = nb_node_data(sys, sys->cpu_to_node[cpu]);
	return p && nb_cpumask_test(&p->cpus, cpu);
}

struct nb_task *nb_task_new(struct nb_system *sys)
{
	struct nb_task_side *side = nb_task_side(sys);
	struct nb_task *t = side ? nb_pool_get(sys, &side->task_pool) : NULL;

	if (!t)
		return NULL;
	t->sys = sys;
	t->alive = true;
	t->il_prev = -1;
	t->leader = t;
	return t;
}

void nb_task_set_comm(struct nb_task *t, const char *comm)
{
	size_t n = 0;

	memset(t->comm, 0, sizeof(t->comm));
	for (; comm && comm[n] && n + 1 < sizeof(t->comm); n++)
		t->comm[n] = comm[n];
}

/* Into the list, by pid. Under its lock. */
static void list_in(struct nb_task_side *side, struct nb_task *t)
{
	struct nb_task **link = &side->tasks;

	if (side->last && side->last->pid < t->pid)
		link = &side->last->next;
	else
		while (*link && (*link)->pid < t->pid)
			link = &(*link)->next;
	t->next = *link;
	*link = t;
	if (!t->next)
		side->last = t;
}

static void list_out(struct nb_task_side *side, struct nb_task *t)
{
	struct nb_task *prev = NULL, *i = side->tasks;

	while (i != t) {
		prev = i;
		i = i->next;
	}
	if (prev)
		prev->next = t->next;
	else
		side->tasks = t->next;
	if (side->last == t)
		side->last = prev;
	t->next = NULL;
}

void nb_task_enlist(struct nb_task *t)
{
	struct nb_task_side *side = nb_task_side(t->sys);

	nb_lock(&side->lock, t->sys->port);
	t->pid = side->next_pid++;
	t->tgid = t->leader->tgid;
	if (t->leader == t)
		t->tgid = t->pid;
	else
		t->mm->users++;
	if (t->parent)
		t->parent->nr_children++;
	list_in(side, t);
	nb_unlock(&side->lock, t->sys->port);
}

int nb_task_create(struct nb_system *sys, int cpu, const char *comm, struct nb_task **ret_task)
{
	struct nb_task *t;

	if (!nb_cpu_online(sys, cpu))
		return -NB_EINVAL;
	t = nb_task_new(sys);
	if (!t)
		return -NB_ENOMEM;
	t->mm = nb_mm_new(sys);
	if (!t->mm) {
		nb_task_discard(t);
		return -NB_ENOMEM;
	}
	t->cpu = cpu;
	t->mems_allowed = sys->memory_nodes;
	for (unsigned i = 0; i < sys->nr_pgdat; i++) {
		for (unsigned w = 0; w < NB_MAX_CPUS / 64; w++)
			t->cpus_allowed.bits[w] |= sys->pgdat[i]->cpus.bits[w];
	}
	nb_task_set_comm(t, comm);
	nb_task_enlist(t);
	*ret_task = t;
	return 0;
}

/* The others forget it: a thread group is led by its oldest thread, orphans have no parent. */
static void delist(struct nb_task_side *side, struct nb_task *t, bool grouped)
{
	struct nb_task *heir = NULL;

	nb_lock(&side->lock, t->sys->port);
	list_out(side, t);
	if (t->parent)
		t->parent->nr_children--;
	if (t->leader == t && grouped) {
		for (struct nb_task *i = side->tasks; i; i = i->next) {
			if (i->leader != t)
				continue;
			heir = heir ? heir : i;
			i->leader = heir;
		}
	}
	for (struct nb_task *i = t->nr_children ? side->tasks : NULL; i; i = i->next) {
		if (i->parent != t)
			continue;
		i->parent = heir;
		if (heir)
			heir->nr_children++;
	}
	t->nr_children = 0;
	nb_unlock(&side->lock, t->sys->port);
}

void nb_task_discard(struct nb_task *t)
{
	if (t->mm)
		nb_mm_put(t);
	nb_mpol_put(t->sys, t->policy);
	t->policy = NULL;
	t->alive = false;
	nb_pool_put(t->sys, &nb_task_side(t->sys)->task_pool, t);
}

void nb_task_exit(struct nb_task *t)
{
	struct nb_task_side *side = nb_task_side(t->sys);
	bool grouped;

	if (!t->alive)
		return;
	nb_lock(&side->lock, t->sys->port);
	grouped = t->mm->users > 1;
	nb_unlock(&side->lock, t->sys->port);
	nb_numab_exit(t);
	nb_mm_put(t);
	delist(side, t, grouped);
	nb_mpol_put(t->sys, t->policy);
	t->policy = NULL;
	t->memcg = NULL;
	t->parent = NULL;
	t->leader = t;
	t->alive = false;
	if (t->put)
		nb_pool_put(t->sys, &side->task_pool, t);
}

void nb_task_end_others(struct nb_task *t)
{
	struct nb_task_side *side = nb_task_side(t->sys);
	struct nb_task *i;

	do {
		nb_lock(&side->lock, t->sys->port);
		for (i = side->tasks; i && (i == t || i->tgid != t->tgid); i = i->next)
			;
		nb_unlock(&side->lock, t->sys->port);
		if (i)
			nb_task_exit(i);
	} while (i);
	if (t->pid == t->tgid)
		return;
	nb_lock(&side->lock, t->sys->port);
	list_out(side, t);
	t->pid = t->tgid;
	list_in(side, t);
	nb_unlock(&side->lock, t->sys->port);
}

void nb_task_put(struct nb_task *t)
{
	if (!t)
		return;
	if (t->alive)
		t->put = true;
	else
		nb_pool_put(t->sys, &nb_task_side(t->sys)->task_pool, t);
}

int nb_task_pid(const struct nb_task *t)
{
	return t->pid;
}

int nb_task_tgid(const struct nb_task *t)
{
	return t->tgid;
}

bool nb_task_alive(const struct nb_task *t)
{
	return t->alive;
}

int nb_task_cpu(const struct nb_task *t)
{
	return t->cpu;
}

const char *nb_task_comm(const struct nb_task *t)
{
	return t->comm;
}

int nb_sched_setaffinity(struct nb_task *t, const struct nb_cpumask *cpus)
{
	struct nb_cpumask usable, allowed;
	unsigned cpu, first = NB_MAX_CPUS;

	memset(&usable, 0, sizeof(usable));
	nb_cpuset_cpus_allowed(t, &allowed);
	nb_for_each_cpu_in (cpu, cpus) {
		if (!nb_cpu_online(t->sys, (int)cpu) || !nb_cpumask_test(&allowed, cpu))
			continue;
		nb_cpumask_set(&usable, cpu);
		if (first == NB_MAX_CPUS)
			first = cpu;
	}
	if (!t->alive)
		return -NB_ESRCH;
	if (first == NB_MAX_CPUS)
		return -NB_EINVAL;
	t->cpus_allowed = usable;
	t->user_cpus = *cpus;
	t->user_cpus_set = true;
	if (!nb_cpumask_test(&usable, t->cpu))
		t->cpu = (int)first;
	return 0;
}

int nb_set_mempolicy(struct nb_task *t, int mode_and_flags, const struct nb_nodemask *nodes)
{
	struct nb_task_side *side = nb_task_side(t->sys);
	struct nb_mempolicy *pol, *old;
	int err;

	if (!t->alive)
		return -NB_ESRCH;
	err = nb_mpol_new(t, mode_and_flags, nodes, &pol);
	if (err)
		return err;
	nb_lock(&side->lock, t->sys->port); /* the OOM killer looks at it under that */
	old = t->policy;
	t->policy = pol;
	nb_unlock(&side->lock, t->sys->port);
	nb_mpol_put(t->sys, old);
	if (pol && (pol->mode == NB_MPOL_INTERLEAVE || pol->mode == NB_MPOL_WEIGHTED_INTERLEAVE)) {
		t->il_prev = -1;
		t->il_weight = 0;
	}
	return 0;
}

int nb_get_mempolicy(const struct nb_task *t, int *ret_mode, struct nb_nodemask *ret_nodes)
{
	if (!t->alive)
		return -NB_ESRCH;
	nb_mpol_show(t->policy, ret_mode, ret_nodes);
	return 0;
}

int nb_set_interleave_weight(struct nb_system *sys, int nid, unsigned weight)
{
	if (!nb_node_data(sys, nid))
		return -NB_ENODEV;
	return weight > 255 ? -NB_EINVAL : nb_mpol_set_weight(sys, (unsigned)nid, (uint8_t)weight);
}

uint64_t nb_task_rss_pages(const struct nb_task *t)
{
	return t->alive ? t->mm->rss_pages : 0;
}

uint64_t nb_task_zone_pages(const struct nb_task *t, int nid, enum nb_zone_type type)
{
	const struct nb_pgdat *p = nb_node_data(t->sys, nid);

	if (!t->alive || !p || (unsigned)type >= NB_MAX_NR_ZONES)
		return 0;
	return t->mm->zone_rss[p->index * NB_MAX_NR_ZONES + type];
}

uint64_t nb_task_node_pages(const struct nb_task *t, int nid)
{
	uint64_t sum = 0;

	for (unsigned z = 0; z < NB_MAX_NR_ZONES; z++)
		sum += nb_task_zone_pages(t, nid, (enum nb_zone_type)z);
	return sum;
}

struct nb_task *nb_system_task(const struct nb_system *sys, unsigned i)
{
	struct nb_task_side *side = atomic_load_explicit(&sys->task_side, memory_order_acquire);
	struct nb_task *t;

	if (!side)
		return NULL;
	nb_lock(&side->lock, sys->port);
	for (t = side->tasks; t && i; i--)
		t = t->next;
	nb_unlock(&side->lock, sys->port);
	return t;
}
