/* oom.c -- nothing is left to reclaim: somebody must give all his memory back.
 *
 * Called by the slow path. The request's constraint says whose memory would help: everybody's, that
 * of tasks in the same cpuset, or of those whose policy reaches the same nodes. Of these the one
 * with the most memory in use dies, oom_score_adj weighing in; of equals the youngest. A victim
 * that is not in the middle of a call gives its memory back at once; one that is (always so when it
 * kills itself) gets at the reserves, finishes its fault and dies at the end of the call. In
 * threaded systems a task is ended by its own thread alone; while that is in no call the killer
 * takes its private memory, as the kernel's reaper does. Where the kernel would panic, the request
 * fails here and the report says so. Source: mm/oom_kill.c: out_of_memory(), constrained_alloc(),
 * oom_badness(), oom_evaluate_task(), oom_cpuset_eligible(),
 * __oom_kill_process(); mm/mempolicy.c: mempolicy_in_oom_domain(); facts 7.9.
 */
#include "mm/oom.h"

#include "base/mem.h"
#include "mm/cpuset.h"
#include "mm/event.h"
#include "mm/fault.h"
#include "mm/lru.h"
#include "mm/memcg.h"
#include "mm/rmap.h"
#include "mm/swap.h"
#include "mm/vmstat.h"

#define SCORE_ADJ_MIN (-1000)
#define SCORE_ADJ_MAX 1000
#define MAX_KILLS 64u /* remembered */
#define MAX_ROWS 512u /* of a report */

struct nb_oom {
	struct nb_lock lock; /* one search at a time, and what is remembered */
	void (*report)(void *ctx, const struct nb_oom_report *r);
	void *ctx;
	unsigned nr_kills;
	struct {
		int pid;
		enum nb_oom_constraint constraint;
	} kill[MAX_KILLS];
	struct nb_oom_task *row; /* [MAX_ROWS]; made for the first report */
	char (*name)[16];        /* [MAX_ROWS + 1]: theirs, the invoker's */
};

/* One search for a victim. */
struct oom_control {
	struct nb_system *sys;
	const struct nb_alloc_context *ac;
	struct nb_task *current;
	const struct nb_nodemask *nodemask;
	struct nb_memcg *memcg; /* whose limit it is; NULL: the system's memory */
	enum nb_oom_constraint constraint;
	uint64_t totalpages;
	struct nb_task *chosen;
	int64_t points;
	bool abort;            /* an earlier victim is still dying */
	struct nb_mm *to_reap; /* its mm, locked: it is in no call */
};

const char *nb_oom_constraint_name(enum nb_oom_constraint c)
{
	static const char *const name[] = {"CONSTRAINT_NONE", "CONSTRAINT_CPUSET",
					   "CONSTRAINT_MEMORY_POLICY", "CONSTRAINT_MEMCG"};

	return (unsigned)c < sizeof(name) / sizeof(name[0]) ? name[c] : "?";
}

static struct nb_task *leader_of(struct nb_task *t)
{
	return t->leader ? t->leader : t;
}

static uint64_t managed_pages(const struct nb_system *sys)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < sys->nr_pgdat; i++) {
		for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++)
			n += sys->pgdat[i]->zone[t].managed_pages;
	}
	return n;
}

static uint64_t present_of(const struct nb_system *sys, const struct nb_nodemask *nodes)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < sys->nr_pgdat; i++) {
		if (nb_nodemask_test(nodes, sys->pgdat[i]->nid))
			n += sys->pgdat[i]->node_present_pages;
	}
	return n;
}

static bool covers_all_memory(const struct nb_system *sys, const struct nb_nodemask *nodes)
{
	for (unsigned w = 0; w < NB_MAX_NODES / 64; w++) {
		if (sys->memory_nodes.bits[w] & ~nodes->bits[w])
			return false;
	}
	return true;
}

static bool intersects(const struct nb_nodemask *a, const struct nb_nodemask *b)
{
	for (unsigned w = 0; w < NB_MAX_NODES / 64; w++) {
		if (a->bits[w] & b->bits[w])
			return true;
	}
	return false;
}

/* Whose memory would help, and how much of it there is. */
static void constrain(struct oom_control *oc)
{
	const struct nb_alloc_context *ac = oc->ac;
	uint64_t swap = nb_swap_pages_total(oc->sys);
	const struct nb_zoneref *ref;

	oc->constraint = NB_CONSTRAINT_NONE;
	oc->totalpages = managed_pages(oc->sys) + swap;
	if (!ac->zonelist || ac->gfp & NB_GFP_BIT_THISNODE)
		return;
	if (ac->nodemask && !covers_all_memory(oc->sys, ac->nodemask)) {
		/* a cpuset's mask stands in for a policy's on the way in; it is none */
		if (!oc->current || ac->nodemask != &oc->current->mems_allowed) {
			oc->constraint = NB_CONSTRAINT_MEMORY_POLICY;
			oc->totalpages = swap + present_of(oc->sys, ac->nodemask);
			return;
		}
	}
	if (!oc->current || !(oc->current->flags & NB_PF_CPUSET))
		return;
	for (ref = nb_next_zoneref(ac->zonelist, ac->highest_zoneidx, NULL); ref->zone;
	     ref = nb_next_zoneref(ref + 1, ac->highest_zoneidx, NULL)) {
		if (nb_nodemask_test(&oc->current->mems_allowed, ref->nid))
			continue;
		oc->constraint = NB_CONSTRAINT_CPUSET;
		oc->totalpages = swap + present_of(oc->sys, &oc->current->mems_allowed);
		return;
	}
}

static uint64_t page_table_pages(const struct nb_mm *mm)
{
	return nb_mm_read(&mm->nr_ptables);
}

static uint64_t memory_of(const struct nb_mm *mm)
{
	return nb_mm_read(&mm->rss_pages) + nb_mm_read(&mm->swap_entries) + page_table_pages(mm);
}

/* INT64_MIN: never. */
static int64_t badness(const struct nb_task *t, uint64_t totalpages)
{
	if (!t->mm || t->oom_score_adj == SCORE_ADJ_MIN)
		return INT64_MIN;
	return (int64_t)memory_of(t->mm) + (int64_t)t->oom_score_adj * (int64_t)(totalpages / 1000);
}

/* It was killed, and all that could be taken from it is taken. */
static bool is_reaped(const struct nb_mm *mm)
{
	return __atomic_load_n(&mm->oom_reaped, __ATOMIC_RELAXED);
}

/* Would its memory help this request? */
static bool eligible(const struct oom_control *oc, const struct nb_task *t)
{
	if (oc->memcg)
		return nb_memcg_below(t->memcg, oc->memcg);
	if (oc->nodemask)
		return !t->policy || t->policy->mode != NB_MPOL_BIND ||
		       intersects(&t->policy->nodes, oc->nodemask);
	return !oc->current || intersects(&t->mems_allowed, &oc->current->mems_allowed);
}

static void evaluate(struct oom_control *oc, struct nb_task *t)
{
	int64_t points;

	if (!t->alive || leader_of(t) != t || !eligible(oc, t))
		return;
	if (t->flags & NB_PF_OOM_VICTIM) {
		/* its memory is on the way; unless it is gone already */
		if (!t->mm || is_reaped(t->mm) || !nb_mm_read(&t->mm->rss_pages))
			return;
		oc->abort = true;
		if (oc->sys->port->relax && !oc->to_reap && nb_mm_trylock(t->mm, -1))
			oc->to_reap = t->mm;
		return;
	}
	points = badness(t, oc->totalpages);
	if (points == INT64_MIN || (oc->chosen && points < oc->points))
		return;
	oc->chosen = t;
	oc->points = points;
}

/* Group after group, as mem_cgroup_scan_tasks() comes to them. */
static void select_in_groups(struct oom_control *oc)
{
	const struct nb_memcg *cg = oc->memcg;

	for (; cg; cg = nb_memcg_walk(oc->memcg, cg)) {
		for (struct nb_task *t = nb_task_side(oc->sys)->tasks; t; t = t->next) {
			if (t->memcg == cg)
				evaluate(oc, t);
		}
	}
}

/* Under the lock of the list of tasks. */
static void select_victim(struct oom_control *oc)
{
	struct nb_task *t = nb_task_side(oc->sys)->tasks;

	if (oc->memcg) {
		select_in_groups(oc);
		return;
	}
	for (; t; t = t->next)
		evaluate(oc, t);
}

/* ---- the report ---- */

/* `name` keeps its name, as the task may be gone when the report is read. */
static struct nb_oom_task describe(const struct nb_task *t, char name[16])
{
	const struct nb_mm *mm = t->mm;
	struct nb_oom_task row = {.pid = t->pid,
				  .tgid = t->leader ? t->leader->pid : t->pid,
				  .uid = t->uid,
				  .oom_score_adj = t->oom_score_adj,
				  .comm = name};

	memcpy(name, t->comm, sizeof(t->comm));
	if (!mm)
		return row;
	row.total_vm = nb_mm_read(&mm->total_pages);
	row.rss_anon = nb_mm_read(&mm->anon_pages);
	row.rss_file = nb_mm_read(&mm->file_pages);
	row.rss_shmem = nb_mm_read(&mm->shmem_pages);
	row.swapents = nb_mm_read(&mm->swap_entries);
	row.pgtables_bytes = page_table_pages(mm) << mm->shape.page_shift;
	return row;
}

/* The highest group up to the one whose limit it is that dies as a whole; NULL: none. Source:
 * mem_cgroup_get_oom_group(). */
static struct nb_memcg *group_of(const struct oom_control *oc)
{
	struct nb_memcg *found = NULL;

	if (!oc->chosen)
		return NULL;
	for (struct nb_memcg *cg = oc->chosen->memcg; cg; cg = cg->parent) {
		if (cg->knob[NB_MEMCG_OOM_GROUP])
			found = cg;
		if (cg == oc->memcg)
			break;
	}
	return found;
}

/* Would memory.oom.group of `group` kill this process? */
static bool joins(const struct nb_task *t, const struct nb_memcg *group)
{
	return nb_memcg_below(t->memcg, group) && t->oom_score_adj != SCORE_ADJ_MIN &&
	       !(t->flags & NB_PF_OOM_VICTIM);
}

/* The processes that were eligible, of `cg` alone unless it is NULL. */
static void add_rows(const struct oom_control *oc, const struct nb_memcg *cg,
		     struct nb_oom_report *r)
{
	struct nb_oom *o = oc->sys->reclaim->oom;

	for (const struct nb_task *t = nb_task_side(oc->sys)->tasks; t && r->nr_tasks < MAX_ROWS;
	     t = t->next) {
		unsigned n = r->nr_tasks;

		if (!t->alive || t->leader != t || !eligible(oc, t) || (cg && t->memcg != cg))
			continue;
		o->row[n] = describe(t, o->name[n]);
		o->row[n].in_group = r->group && joins(t, r->group);
		r->nr_tasks++;
	}
}

/* What the report says of tasks. Under the lock of their list. */
static void gather_rows(const struct oom_control *oc, struct nb_oom_report *r)
{
	struct nb_oom *o = oc->sys->reclaim->oom;

	if (!o->row)
		o->row = nb_system_alloc(oc->sys, MAX_ROWS * sizeof(*o->row));
	if (!o->name)
		o->name = nb_system_alloc(oc->sys, (MAX_ROWS + 1) * sizeof(*o->name));
	if (!o->row || !o->name)
		return;
	r->tasks = o->row;
	if (!oc->memcg)
		add_rows(oc, NULL, r);
	for (const struct nb_memcg *cg = oc->memcg; cg; cg = nb_memcg_walk(oc->memcg, cg))
		add_rows(oc, cg, r);
	if (oc->current) {
		r->invoker = describe(oc->current, o->name[MAX_ROWS]);
		r->has_invoker = true;
	}
}

static struct nb_oom_report new_report(const struct oom_control *oc, bool allocating, bool panic)
{
	struct nb_oom_report r = {.cpu = oc->ac->cpu,
				  .gfp = oc->ac->gfp_full,
				  .order = oc->ac->order,
				  .highest_zoneidx = oc->ac->highest_zoneidx,
				  .constraint = oc->constraint,
				  .nodemask = oc->nodemask,
				  .mems_allowed = &oc->sys->memory_nodes,
				  .cpuset = "/",
				  .memcg = "/",
				  .oom_memcg = oc->memcg,
				  .group = group_of(oc),
				  .totalpages = oc->totalpages,
				  .victim_points = oc->points,
				  .allocating_task = allocating,
				  .panic = panic};

	if (!oc->current)
		return r;
	r.mems_allowed = &oc->current->mems_allowed;
	if (oc->current->cpuset && oc->current->cpuset->parent)
		r.cpuset = oc->current->cpuset->name; /* not its path */
	return r;
}

/* ---- the kill ---- */

/* The i-th task that lives in the mm, counted from 0. */
static struct nb_task *sharer(const struct nb_system *sys, const struct nb_mm *mm, unsigned i)
{
	struct nb_task *t;

	for (unsigned n = 0; (t = nb_system_task(sys, n)); n++) {
		if (t->mm == mm && i-- == 0)
			return t;
	}
	return NULL;
}

void nb_oom_die(struct nb_task *t)
{
	struct nb_system *sys = t->sys;
	struct nb_mm *mm = t->mm;
	struct nb_task *s;

	if (!t->alive)
		return;
	if (sys->port->relax) { /* the others find out themselves */
		nb_task_exit(t);
		return;
	}
	while (mm && (s = sharer(sys, mm, 0))) {
		bool last = mm->users == 1;

		nb_task_exit(s);
		if (last)
			return;
	}
}

static void remember(struct nb_oom *o, int pid, enum nb_oom_constraint c)
{
	unsigned i = o->nr_kills++ % MAX_KILLS;

	o->kill[i].pid = pid;
	o->kill[i].constraint = c;
}

static void tell_victim(const struct oom_control *oc, const struct nb_oom_task *v)
{
	unsigned kib = oc->sys->page_shift - 10;

	if (!nb_event_wanted(oc->sys, NB_EV_OOM_KILL))
		return;
	nb_emit(oc->sys, NB_EV_OOM_KILL, oc->ac->cpu, oc->current, (uint64_t)v->pid,
		(uint64_t)v->pid, v->total_vm << kib, v->rss_anon << kib, v->rss_file << kib,
		v->rss_shmem << kib, v->uid, v->pgtables_bytes >> 10, (uint64_t)v->oom_score_adj);
}

/* One that is to die: what is told of it, as its task may be gone when that is read. */
struct victim {
	struct nb_oom_task row;
	char name[16];
	struct nb_task *task;
	const struct nb_mm *mm;
	struct nb_mm *to_reap; /* its mm, locked: its thread is in no call */
};

/* All that live in the victim's memory are told. Under the lock of the list of tasks. */
static void mark(const struct oom_control *oc, struct nb_task *t, struct victim *v)
{
	v->row = describe(t, v->name);
	v->task = t;
	v->mm = t->mm;
	for (struct nb_task *s = nb_task_side(oc->sys)->tasks; s; s = s->next) {
		if (s->mm == v->mm)
			s->flags |= NB_PF_OOM_VICTIM;
	}
	/* in threaded systems its own thread ends it; if that is in no call, its memory goes now */
	v->to_reap = oc->sys->port->relax && nb_mm_trylock(t->mm, -1) ? t->mm : NULL;
	if (t->memcg)
		nb_memcg_event(t->memcg, NB_MEMCG_EV_OOM_KILL);
}

/* Takes a victim's private memory, and lets go of its mm. What it touches before it finds that it
 * was killed is new. Source: __oom_reap_task_mm(). */
static void reap(const struct oom_control *oc, struct nb_mm *mm)
{
	struct nb_task stand_in = {.sys = oc->sys, .mm = mm, .cpu = oc->ac->cpu, .alive = true};

	for (unsigned i = 0; i < mm->nr_vmas; i++) {
		const struct nb_vma *v = nb_vma_at(mm, i);

		if (!v->shared && !(v->flags & (NB_VM_LOCKED | NB_VM_HUGETLB)))
			nb_zap_range(&stand_in, v->start, v->end);
	}
	__atomic_store_n(&mm->oom_reaped, true, __ATOMIC_RELAXED);
	nb_mm_unlock(mm);
}

/* What follows once it is marked. Where nobody else drives it, it dies at once, unless it is in the
 * middle of this call. */
static void kill_marked(const struct oom_control *oc, const struct victim *v)
{
	struct nb_system *sys = oc->sys;

	nb_count_vm_event(sys, oc->ac->cpu, NB_VM_OOM_KILL);
	tell_victim(oc, &v->row);
	remember(sys->reclaim->oom, v->row.pid, oc->constraint);
	if (v->to_reap)
		reap(oc, v->to_reap);
	else if (!sys->port->relax && !(oc->current && oc->current->mm == v->mm))
		nb_oom_die(v->task);
}

/* The next process in the group or below it that is to die with it, marked; false: none. */
static bool mark_member(const struct oom_control *oc, const struct nb_memcg *group,
			struct victim *v)
{
	struct nb_task_side *side = nb_task_side(oc->sys);
	struct nb_task *t;

	nb_lock(&side->lock, oc->sys->port);
	for (t = side->tasks; t; t = t->next) {
		if (t->alive && t->mm && leader_of(t) == t && joins(t, group))
			break;
	}
	if (t)
		mark(oc, t, v);
	nb_unlock(&side->lock, oc->sys->port);
	return t != NULL;
}

static void kill_group(const struct oom_control *oc, struct nb_memcg *group)
{
	struct victim v;

	nb_memcg_event(group, NB_MEMCG_EV_OOM_GROUP_KILL);
	while (mark_member(oc, group, &v))
		kill_marked(oc, &v);
}

/* The search for a victim, with what is told of it; it is marked. Null: none, or an earlier one is
 * still dying. */
static void find_and_mark(struct oom_control *oc, bool allocating, bool panic, struct victim *v,
			  struct nb_memcg **ret_group)
{
	struct nb_task_side *side = nb_task_side(oc->sys);
	struct nb_oom *o = oc->sys->reclaim->oom;
	struct nb_oom_report r;
	char path[4096];

	nb_lock(&side->lock, oc->sys->port);
	if (!panic && !allocating)
		select_victim(oc);
	*ret_group = oc->abort ? NULL : group_of(oc);
	r = new_report(oc, allocating, oc->memcg ? panic : !oc->chosen);
	if (!oc->abort && o->report)
		gather_rows(oc, &r);
	if (!oc->abort && oc->chosen) {
		if (oc->chosen->memcg && o->report) {
			nb_memcg_path(oc->chosen->memcg, path, sizeof(path));
			r.memcg = path;
		}
		mark(oc, oc->chosen, v);
		r.victim = &v->row;
	}
	nb_unlock(&side->lock, oc->sys->port);
	if (!oc->abort && o->report)
		o->report(o->ctx, &r);
}

/* Searches, tells and kills; true: somebody will give memory back. */
static bool search_and_kill(struct oom_control *oc, bool allocating, bool panic)
{
	const struct nb_port *port = oc->sys->port;
	struct nb_oom *o = oc->sys->reclaim->oom;
	struct nb_memcg *group = NULL;
	struct victim v;

	if (!nb_trylock(&o->lock, port)) { /* another thread is about to kill */
		port->relax(port->ctx);
		return true;
	}
	find_and_mark(oc, allocating, panic, &v, &group);
	if (oc->abort) {
		if (oc->to_reap)
			reap(oc, oc->to_reap);
		else if (port->relax)
			port->relax(port->ctx);
	} else if (oc->chosen) {
		kill_marked(oc, &v);
		if (group)
			kill_group(oc, group);
	}
	nb_unlock(&o->lock, port);
	return oc->abort || oc->chosen;
}

bool nb_out_of_memory(struct nb_system *sys, const struct nb_alloc_context *ac)
{
	struct oom_control oc = {.sys = sys, .ac = ac, .current = ac->task};
	struct nb_task *t = ac->task;
	bool panic, allocating;

	if (t && t->flags & NB_PF_OOM_VICTIM)
		return true;
	if (!(ac->gfp_full & NB_GFP_BIT_FS))
		return true;
	if (!nb_task_side(sys))
		return false;
	constrain(&oc);
	if (oc.constraint == NB_CONSTRAINT_MEMORY_POLICY)
		oc.nodemask = ac->nodemask;
	panic = sys->tune.panic_on_oom == 2 ||
		(sys->tune.panic_on_oom && oc.constraint == NB_CONSTRAINT_NONE);
	allocating = !panic && sys->tune.oom_kill_allocating_task && t && t->mm &&
		     eligible(&oc, t) && t->oom_score_adj != SCORE_ADJ_MIN;
	if (allocating) {
		oc.chosen = leader_of(t);
		oc.points = badness(oc.chosen, oc.totalpages);
	}
	return search_and_kill(&oc, allocating, panic);
}

/* Memory and swap that the group may have. Source: mem_cgroup_get_max(). */
static uint64_t oom_size(const struct nb_memcg *cg, uint64_t max)
{
	uint64_t swap_total = nb_swap_pages_total(cg->sys), swap = cg->swap.max;

	if (cg->sys->memcg->v1)
		swap = swap > max ? swap - max : 0;
	if (nb_memcg_swappiness(cg->sys, cg))
		max += swap < swap_total ? swap : swap_total;
	return max ? max : 1;
}

bool nb_memcg_out_of_memory(struct nb_memcg *cg, struct nb_task *t, int cpu, nb_gfp_t gfp,
			    unsigned order)
{
	struct nb_alloc_context ac = {.gfp = gfp,
				      .gfp_full = gfp,
				      .order = order,
				      .cpu = cpu,
				      .task = t,
				      .highest_zoneidx = NB_MAX_NR_ZONES - 1};
	struct oom_control oc = {.sys = cg->sys,
				 .ac = &ac,
				 .current = t,
				 .memcg = cg,
				 .constraint = NB_CONSTRAINT_MEMCG};
	uint64_t max = cg->memory.max;

	if (nb_memcg_margin(cg) >= UINT64_C(1) << order || (t && nb_fatal_signal(t)))
		return true;
	oc.totalpages = oom_size(cg, max);
	return search_and_kill(&oc, false, cg->sys->tune.panic_on_oom == 2);
}

/* ---- what others ask ---- */

int nb_oom_boot(struct nb_system *sys)
{
	sys->reclaim->oom = nb_system_alloc(sys, sizeof(struct nb_oom));
	if (!sys->reclaim->oom)
		return -NB_ENOMEM;
	sys->hooks.out_of_memory = nb_out_of_memory;
	return 0;
}

void nb_oom_set_reporter(struct nb_system *sys,
			 void (*fn)(void *ctx, const struct nb_oom_report *r), void *ctx)
{
	sys->reclaim->oom->report = fn;
	sys->reclaim->oom->ctx = ctx;
}

int nb_task_set_oom_score_adj(struct nb_task *t, int adj)
{
	if (!t->alive)
		return -NB_ESRCH;
	if (adj < SCORE_ADJ_MIN || adj > SCORE_ADJ_MAX)
		return -NB_EINVAL;
	leader_of(t)->oom_score_adj = adj;
	t->oom_score_adj = adj;
	if (nb_event_wanted(t->sys, NB_EV_OOM_SCORE_ADJ_UPDATE))
		nb_emit(t->sys, NB_EV_OOM_SCORE_ADJ_UPDATE, t->cpu, t, (uint64_t)t->pid,
			(uint64_t)t->pid, (uint64_t)adj);
	return 0;
}

int nb_task_oom_score_adj(const struct nb_task *t)
{
	return t->oom_score_adj;
}

int nb_task_oom_score(const struct nb_task *t)
{
	uint64_t total = managed_pages(t->sys) + nb_swap_pages_total(t->sys);
	int64_t points = t->alive ? badness(t, total) : INT64_MIN;

	if (points == INT64_MIN || !total)
		return 0;
	points = (1000 + points * 1000 / (int64_t)total) * 2 / 3;
	return points > 0 ? (int)points : 0;
}

bool nb_oom_kill_at(const struct nb_system *sys, unsigned i, int *ret_pid,
		    enum nb_oom_constraint *ret_constraint)
{
	const struct nb_oom *o = sys->reclaim->oom;

	if (i >= o->nr_kills || o->nr_kills - i > MAX_KILLS)
		return false;
	*ret_pid = o->kill[i % MAX_KILLS].pid;
	*ret_constraint = o->kill[i % MAX_KILLS].constraint;
	return true;
}
