/* balancing_place.c -- what a task's hint faults add up to: its preferred node, its groups, how
 * often it is looked at.
 *
 * Called by balancing_fault.c; names and units as balancing.h. Counts of the kinds *BUF collect
 * what happened since the last placement; at each new round of the address space they are folded
 * into the others, which first lose half. Where Linux asks which task runs on a CPU now, the task
 * of that CPU and pid is taken; where it decides by the address of a group, the lower gid.
 * Source: kernel/sched/fair.c, task_numa_fault(), task_numa_placement(), task_numa_group(),
 * update_task_scan_period(), should_numa_migrate_memory(); facts 10.2.
 */
#include "base/mem.h"
#include "mm/balancing.h"
#include "mm/page.h"

#define ACTIVE_NODE_FRACTION 3u
#define PERIOD_SLOTS 10u
#define PERIOD_THRESHOLD 7
#define YOUNG_SCANS 4u

static size_t at(const struct nb_system *sys, enum nb_numab_kind kind, unsigned pos, bool private)
{
	return ((size_t)kind * sys->nr_pgdat + pos) * 2 + private;
}

static uint64_t faults_of(const struct nb_system *sys, const uint64_t *fault,
			  enum nb_numab_kind kind, unsigned pos)
{
	return fault[at(sys, kind, pos, false)] + fault[at(sys, kind, pos, true)];
}

bool nb_numab_should_migrate(struct nb_task *t, uint32_t last_cpupid, int src_nid)
{
	const struct nb_system *sys = t->sys;
	const struct nb_numab *nb = t->numab;
	int dst_nid = nb_task_local_node(t), last_nid = NB_NO_NODE;
	bool none = last_cpupid == NB_CPUPID_NONE;
	bool mine = !none && nb_cpupid_match(last_cpupid, t->pid);
	const struct nb_numa_group *g = nb ? nb->group : NULL;
	unsigned src, dst;

	if (!none && last_cpupid >> 8 < sys->nr_cpu_ids)
		last_nid = sys->cpu_to_node[last_cpupid >> 8];
	/* a young task gets its pages at the first touch */
	if ((!nb || nb->preferred_nid == NB_NO_NODE || nb->scan_seq <= YOUNG_SCANS) &&
	    (none || mine))
		return true;
	if (!none && last_nid != dst_nid)
		return false;
	if (mine || !g)
		return true;
	src = (unsigned)sys->node_index[src_nid];
	dst = (unsigned)sys->node_index[dst_nid];
	uint64_t src_cpu = faults_of(sys, g->fault, NB_NUMAB_CPU, src);
	uint64_t dst_cpu = faults_of(sys, g->fault, NB_NUMAB_CPU, dst);

	if (dst_cpu > src_cpu * ACTIVE_NODE_FRACTION)
		return true;
	return dst_cpu * faults_of(sys, g->fault, NB_NUMAB_MEM, src) * 3 >
	       src_cpu * faults_of(sys, g->fault, NB_NUMAB_MEM, dst) * 4;
}

/* ---- groups ---- */

/* Under numab_lock, which its end waits for. */
static struct nb_task *task_behind(const struct nb_system *sys, uint32_t cpupid)
{
	struct nb_task_side *side = atomic_load_explicit(&sys->task_side, memory_order_acquire);
	struct nb_task *t;

	nb_lock(&side->lock, sys->port);
	for (t = side->tasks; t; t = t->next)
		if (t->alive && t->numab && t->cpu == (int)(cpupid >> 8) &&
		    nb_cpupid_match(cpupid, t->pid))
			break;
	nb_unlock(&side->lock, sys->port);
	return t;
}

static void move_faults(const struct nb_system *sys, struct nb_numab *nb,
			struct nb_numa_group *from, struct nb_numa_group *to)
{
	for (size_t i = 0; i < (size_t)NB_NUMAB_KINDS * 2 * sys->nr_pgdat; i++) {
		if (from)
			from->fault[i] -= nb->fault[i];
		if (to)
			to->fault[i] += nb->fault[i];
	}
	if (from) {
		from->total_faults -= nb->total_faults;
		from->nr_tasks--;
	}
	if (to) {
		to->total_faults += nb->total_faults;
		to->nr_tasks++;
	}
	nb->group = to;
}

/* Leaves the group, which goes with its last task. Under numab_lock. */
static void leave_group(struct nb_task *t, struct nb_numa_group *to)
{
	struct nb_numa_group *g = t->numab->group;

	move_faults(t->sys, t->numab, g, to);
	if (g && !g->nr_tasks)
		nb_pool_put(t->sys, &nb_task_side(t->sys)->numa_group_pool, g);
}

static bool should_join(const struct nb_task *t, const struct nb_task *other, unsigned flags)
{
	const struct nb_numa_group *mine = t->numab->group, *its = other->numab->group;

	if (!its || its == mine || mine->nr_tasks > its->nr_tasks)
		return false;
	if (mine->nr_tasks == its->nr_tasks && mine->gid < its->gid)
		return false;
	return other->mm == t->mm || flags & NB_TNF_SHARED;
}

/* A page that another task touched last: do the two belong together? *private becomes false when
 * they do. Source: task_numa_group(). */
static void meet(struct nb_task *t, uint32_t cpupid, unsigned flags, bool *private)
{
	struct nb_task_side *side = nb_task_side(t->sys);
	struct nb_task *other;

	nb_lock(&side->numab_lock, t->sys->port);
	if (!t->numab->group) {
		struct nb_numa_group *g = nb_pool_get(t->sys, &side->numa_group_pool);

		if (g) {
			g->gid = t->pid;
			leave_group(t, g);
		}
	}
	other = task_behind(t->sys, cpupid);
	if (t->numab->group && other && other != t) {
		bool join = should_join(t, other, flags);

		*private = !join;
		if (join)
			leave_group(t, other->numab->group);
	}
	nb_unlock(&side->numab_lock, t->sys->port);
}

void nb_numab_exit(struct nb_task *t)
{
	struct nb_task_side *side = nb_task_side(t->sys);

	if (!t->numab)
		return;
	nb_lock(&side->numab_lock, t->sys->port);
	leave_group(t, NULL);
	nb_unlock(&side->numab_lock, t->sys->port);
	nb_pool_put(t->sys, &side->numab_pool, t->numab);
	t->numab = NULL;
}

/* ---- placement ---- */

/* Longer where the faults say that all is well, shorter where they do not. Source:
 * update_task_scan_period(). */
static void update_period(struct nb_task *t, uint64_t shared, uint64_t private)
{
	struct nb_numab *nb = t->numab;
	uint64_t remote = nb->locality[0], local = nb->locality[1];
	unsigned min = nb_numab_scan_min_ms(t);
	int local_ratio, private_ratio, slot, diff, period;

	if (local + shared == 0 || nb->locality[2]) {
		nb->scan_period_ms = 2 * nb->scan_period_ms < nb->scan_period_max_ms
					     ? 2 * nb->scan_period_ms
					     : nb->scan_period_max_ms;
		t->mm->numa_next_scan_ns = t->sys->time_ns + nb->scan_period_ms * UINT64_C(1000000);
		return;
	}
	slot = (int)((nb->scan_period_ms + PERIOD_SLOTS - 1) / PERIOD_SLOTS);
	local_ratio = (int)(local * PERIOD_SLOTS / (local + remote));
	private_ratio = (int)(private * PERIOD_SLOTS / (private + shared));
	if (private_ratio >= PERIOD_THRESHOLD) {
		diff = private_ratio - PERIOD_THRESHOLD;
		diff = (diff ? diff : 1) * slot;
	} else if (local_ratio >= PERIOD_THRESHOLD) {
		diff = local_ratio - PERIOD_THRESHOLD;
		diff = (diff ? diff : 1) * slot;
	} else {
		int ratio = local_ratio > private_ratio ? local_ratio : private_ratio;

		diff = -(PERIOD_THRESHOLD - ratio) * slot;
	}
	period = (int)nb->scan_period_ms + diff;
	if (period < (int)min)
		period = (int)min;
	if (period > (int)nb->scan_period_max_ms)
		period = (int)nb->scan_period_max_ms;
	nb->scan_period_ms = (unsigned)period;
	memset(nb->locality, 0, sizeof(nb->locality));
}

/* Folds one pair of counts; adds what changed to the group too. */
static void fold(struct nb_numab *nb, size_t to, size_t buf, uint64_t fresh)
{
	uint64_t value = nb->fault[to] - nb->fault[to] / 2 + fresh;

	if (nb->group) {
		nb->group->fault[to] += value - nb->fault[to];
		nb->group->fault[buf] -= nb->fault[buf];
	}
	nb->fault[to] = value;
	nb->fault[buf] = 0;
}

/* Part of the time since the last placement that the task ran, in 1/65536. */
static uint64_t run_share(struct nb_task *t)
{
	struct nb_numab *nb = t->numab;
	uint64_t ran = nb->runtime_ns - nb->placed_runtime_ns;
	uint64_t passed = t->sys->time_ns - nb->placed_ns;

	nb->placed_runtime_ns = nb->runtime_ns;
	nb->placed_ns = t->sys->time_ns;
	if (ran > passed)
		ran = passed;
	return (ran << 16) / (passed + 1);
}

/* Source: task_numa_placement(). */
static void place(struct nb_task *t)
{
	struct nb_numab *nb = t->numab;
	const struct nb_system *sys = t->sys;
	uint64_t total = nb->locality[0] + nb->locality[1], share, max = 0;
	uint64_t kind[2] = {0, 0}, sum = 0;
	int max_nid = NB_NO_NODE;

	nb->scan_seq = t->mm->numa_scan_seq;
	nb->scan_period_max_ms = nb_numab_scan_max_ms(t);
	share = run_share(t);
	for (unsigned pos = 0; pos < sys->nr_pgdat; pos++) {
		const uint64_t *count;
		uint64_t n;

		for (unsigned priv = 0; priv < 2; priv++) {
			size_t mem = at(sys, NB_NUMAB_MEMBUF, pos, priv);
			size_t cpu = at(sys, NB_NUMAB_CPUBUF, pos, priv);

			kind[priv] += nb->fault[mem];
			fold(nb, at(sys, NB_NUMAB_MEM, pos, priv), mem, nb->fault[mem]);
			fold(nb, at(sys, NB_NUMAB_CPU, pos, priv), cpu,
			     share * nb->fault[cpu] / (total + 1));
		}
		sum += faults_of(sys, nb->fault, NB_NUMAB_MEM, pos);
		count = nb->group ? nb->group->fault : nb->fault;
		n = faults_of(sys, count, NB_NUMAB_MEM, pos);
		if (n > max && !nb_cpumask_empty(&sys->pgdat[pos]->cpus)) {
			max = n;
			max_nid = sys->pgdat[pos]->nid;
		}
	}
	if (nb->group)
		nb->group->total_faults += sum - nb->total_faults;
	nb->total_faults = sum;
	if (max_nid != NB_NO_NODE)
		nb->preferred_nid = max_nid;
	update_period(t, kind[0], kind[1]);
}

void nb_task_numa_fault(struct nb_task *t, uint32_t last_cpupid, int mem_nid, unsigned pages,
			unsigned flags)
{
	struct nb_task_side *side = nb_task_side(t->sys);
	struct nb_numab *nb = nb_numab_get(t);
	bool private = last_cpupid == NB_CPUPID_NONE || nb_cpupid_match(last_cpupid, t->pid);
	unsigned mem, cpu;
	size_t i, j;

	if (!nb)
		return;
	if (!private && !(flags & NB_TNF_NO_GROUP))
		meet(t, last_cpupid, flags, &private);
	nb_lock(&side->numab_lock, t->sys->port);
	if (nb->scan_seq != t->mm->numa_scan_seq)
		place(t);
	if (flags & NB_TNF_MIGRATED)
		nb->pages_migrated += pages;
	if (flags & NB_TNF_FAILED)
		nb->locality[2] += pages;
	mem = (unsigned)t->sys->node_index[mem_nid];
	cpu = (unsigned)t->sys->node_index[nb_task_local_node(t)];
	i = at(t->sys, NB_NUMAB_MEMBUF, mem, private);
	j = at(t->sys, NB_NUMAB_CPUBUF, cpu, private);
	nb->fault[i] += pages;
	nb->fault[j] += pages;
	if (nb->group) {
		nb->group->fault[i] += pages;
		nb->group->fault[j] += pages;
	}
	nb->locality[!!(flags & NB_TNF_LOCAL)] += pages;
	nb_unlock(&side->numab_lock, t->sys->port);
}

bool nb_task_balancing(const struct nb_task *t, struct nb_task_balancing *ret_info)
{
	const struct nb_numab *nb = t->numab;

	memset(ret_info, 0, sizeof(*ret_info));
	ret_info->preferred_nid = NB_NO_NODE;
	if (!nb)
		return false;
	ret_info->preferred_nid = nb->preferred_nid;
	ret_info->scan_period_ms = nb->scan_period_ms;
	ret_info->scan_seq = t->mm ? t->mm->numa_scan_seq : 0;
	ret_info->total_faults = nb->total_faults;
	ret_info->pages_migrated = nb->pages_migrated;
	ret_info->group_id = nb->group ? nb->group->gid : 0;
	return true;
}
