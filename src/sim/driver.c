/* driver.c -- boots a system, moves its time, makes and ends its tasks.
 *
 * Called by strand.c and touch.c. See driver.h for the order of things.
 */
#include "sim/driver.h"

#include "base/hosted/text.h"
#include "read/capture.h"
#include "sim/contention.h"
#include "sim/daemons.h"

#include <numabox/reclaim.h>
#include <stdlib.h>

#define PS_PER_NS 1000u
#define NEAR_GRAIN_PAGES 8u

/* A task waits inside the engine: the daemons go on, at most until `until_ns`. Tasks do not: they
 * stand in the clock with their own times and run when the waiting one's call is over.
 * Source: DESIGN, Time is an event. */
static void sim_wait(void *ctx, struct nb_task *task, enum nb_wait_reason reason, uint64_t until_ns)
{
	struct nb_sim *s = ctx;
	struct nb_due *d;

	(void)task;
	/* reclaim is work of the task's own, while the daemons of other CPUs do theirs */
	if (reason == NB_WAIT_RECLAIM) {
		uint64_t pages = nb_direct_reclaim_pages(s->sys);

		until_ns += NB_COST_RECLAIM_NS + (pages - s->direct_pages) * NB_COST_LOOK_PAGE_NS;
		s->direct_pages = pages;
	}
	while ((d = nb_clock_first(&s->clock)) && d->kind < NB_DUE_TASK && d->time_ns <= until_ns) {
		nb_clock_clear(&s->clock, d);
		nb_sim_run_daemon(s, d);
	}
	nb_sim_set_now(s, until_ns);
}

static int begin_observed(struct nb_sim *s, const struct nb_sim_begin *b, struct nb_error *err)
{
	struct nb_error ignored = {0};
	int ret;

	if (b->capture && !b->fresh) {
		ret = nb_capture_apply_observed(b->capture, s->sys, &ignored);
		if (ret && ret != -NB_ENOENT) {
			*err = ignored;
			return ret;
		}
		s->observed = ret == 0;
	}
	for (unsigned i = 0; i < b->nr_sysctls; i++) {
		ret = nb_sysctl_write(s->sys, b->sysctls[i].name, b->sysctls[i].value, err);
		if (ret == -NB_ENOENT)
			nb_error_set(err, ret, 0, "unknown sysctl '%s'", b->sysctls[i].name);
		if (ret)
			return ret;
	}
	return 0;
}

static void on_victim(void *ctx, int pid);

int nb_sim_open(struct nb_sim *s, const struct nb_sim_begin *b, struct nb_error *err)
{
	struct nb_boot_options boot = {.seed = b->seed};
	struct nb_error local = {0};
	int ret;

	if (!err)
		err = &local;
	*s = (struct nb_sim){0};
	nb_port_posix(&s->port, false);
	s->port.ctx = s;
	s->port.wait = sim_wait;
	ret = nb_system_boot(&s->port, b->machine, &boot, &s->sys, err);
	if (ret)
		return ret;
	ret = begin_observed(s, b, err);
	if (ret) {
		nb_system_shutdown(s->sys);
		s->sys = NULL;
		return ret;
	}
	nb_cost_init(&s->cost, s->sys);
	nb_sim_tick_init(s);
	s->numa_base = nb_xcalloc(s->cost.nr_nodes, sizeof(*s->numa_base));
	for (unsigned i = 0; i < s->cost.nr_nodes; i++)
		nb_sim_numastat(s, s->cost.node_id[i], s->numa_base[i]);
	nb_recorder_init(&s->rec);
	s->rec.victim = on_victim;
	s->rec.victim_ctx = s;
	nb_sim_vmstat_init(s);
	(void)nb_daemons_start(s);
	nb_oom_texts_start(s);
	nb_sim_listen(s);
	return 0;
}

void nb_sim_listen(struct nb_sim *s)
{
	struct nb_sink sink = nb_recorder_sink(&s->rec);

	nb_system_set_sink(s->sys, &sink);
}

void nb_sim_close(struct nb_sim *s)
{
	if (!s->sys)
		return;
	for (unsigned i = 0; i < s->nr_tasks; i++) {
		nb_task_put(s->tasks[i]->task);
		free(s->tasks[i]->last_pages);
		free(s->tasks[i]->last_zone_pages);
		free(s->tasks[i]);
	}
	free(s->tasks);
	free(s->numa_base);
	nb_system_shutdown(s->sys);
	nb_daemons_release(s);
	nb_contention_release(s);
	nb_oom_texts_release(s);
	nb_recorder_release(&s->rec);
	nb_cost_release(&s->cost);
	nb_clock_release(&s->clock);
	*s = (struct nb_sim){0};
}

struct nb_sim_task *nb_sim_task_adopt(struct nb_sim *s, struct nb_task *task)
{
	struct nb_sim_task *t = nb_xcalloc(1, sizeof(*t));

	*t = (struct nb_sim_task){
		.task = task, .sim = s, .index = s->nr_tasks, .clock_ns = s->now_ns};
	if ((s->nr_tasks & (s->nr_tasks - 1)) == 0) /* grows at powers of two */
		s->tasks =
			nb_xrealloc(s->tasks, s->nr_tasks ? 2 * s->nr_tasks : 1, sizeof(*s->tasks));
	s->tasks[s->nr_tasks++] = t;
	nb_recorder_task(&s->rec, nb_task_pid(task), nb_task_comm(task));
	return t;
}

int nb_sim_task_new(struct nb_sim *s, int cpu, const char *comm, struct nb_sim_task **ret_task)
{
	struct nb_task *task;
	int ret = nb_task_create(s->sys, cpu, comm, &task);

	if (!ret)
		*ret_task = nb_sim_task_adopt(s, task);
	return ret;
}

/* Keeps where its pages are, for reports after its end. */
static void keep_last(struct nb_sim_task *t)
{
	const struct nb_cost *c = &t->sim->cost;

	if (!t->last_pages)
		t->last_pages = nb_xcalloc(c->nr_nodes, sizeof(*t->last_pages));
	if (!t->last_zone_pages)
		t->last_zone_pages = nb_xcalloc((size_t)c->nr_nodes * NB_MAX_NR_ZONES,
						sizeof(*t->last_zone_pages));
	nb_sim_task_pages(t, t->last_pages);
	for (unsigned i = 0; i < c->nr_nodes * NB_MAX_NR_ZONES; i++)
		t->last_zone_pages[i] = t->last_pages[i / NB_MAX_NR_ZONES]
						? nb_sim_task_zone_pages(t, i / NB_MAX_NR_ZONES,
									 (int)(i % NB_MAX_NR_ZONES))
						: 0;
	t->last_latency_ns = nb_sim_task_latency_ns(t);
	t->last_cpu = nb_task_cpu(t->task);
}

void nb_sim_task_end(struct nb_sim_task *t)
{
	if (t->ended)
		return;
	keep_last(t);
	t->ended = true;
	nb_task_exit(t->task);
}

bool nb_sim_task_killed(struct nb_sim_task *t)
{
	if (t->ended || nb_task_alive(t->task))
		return t->killed;
	if (!t->last_pages)
		keep_last(t);
	t->ended = t->killed = true;
	return true;
}

/* The OOM killer has chosen a task: what it has now is what reports tell of it. */
static void on_victim(void *ctx, int pid)
{
	struct nb_sim *s = ctx;

	for (unsigned i = 0; i < s->nr_tasks; i++)
		if (!s->tasks[i]->ended && nb_task_pid(s->tasks[i]->task) == pid)
			keep_last(s->tasks[i]);
}

void nb_sim_run_daemon(struct nb_sim *s, struct nb_due *d)
{
	int pid = s->rec.pid; /* of the task that waits meanwhile, if one does */

	nb_sim_set_now(s, d->time_ns);
	s->rec.pid = d->pid;
	d->run(d);
	nb_contention_settle_daemons(s);
	s->rec.pid = pid;
}

bool nb_sim_run_due(struct nb_sim *s, uint64_t t_ns)
{
	struct nb_due *d;

	nb_sim_vmstat_wake(s);
	while ((d = nb_clock_first(&s->clock)) && d->time_ns < t_ns) {
		if (d->kind >= NB_DUE_TASK)
			return true;
		nb_clock_clear(&s->clock, d);
		nb_sim_run_daemon(s, d);
	}
	return false;
}

void nb_sim_set_now(struct nb_sim *s, uint64_t t_ns)
{
	if (t_ns <= s->now_ns)
		return;
	s->now_ns = t_ns;
	nb_system_set_time_ns(s->sys, t_ns);
}

void nb_sim_charge_ps(struct nb_sim_task *t, uint64_t ps)
{
	t->rest_ps += ps % PS_PER_NS;
	nb_sim_charge_ns(t, ps / PS_PER_NS + t->rest_ps / PS_PER_NS);
	t->rest_ps %= PS_PER_NS;
}

/* What was resident before a grain was touched: counts of every node, or, on machines of so many
 * nodes that looking at each page is less work, a bit per page. */
#define COUNTED_NODES 16u
struct resident {
	bool counted;
	uint64_t pages[COUNTED_NODES];
	uint64_t present; /* bit i: page i of the grain */
};
_Static_assert(NB_SIM_GRAIN_PAGES <= 64, "a grain's pages fit in one word");

static void look(const struct nb_sim_task *t, uint64_t start, uint64_t end, struct resident *r)
{
	const struct nb_cost *c = &t->sim->cost;

	r->counted = c->nr_nodes <= COUNTED_NODES;
	r->present = 0;
	if (r->counted) {
		for (unsigned i = 0; i < c->nr_nodes; i++)
			r->pages[i] = nb_task_node_pages(t->task, c->node_id[i]);
		return;
	}
	for (unsigned i = 0; start + (uint64_t)i * c->page_bytes < end; i++)
		if (nb_task_node(t->task, start + (uint64_t)i * c->page_bytes) >= 0)
			r->present |= UINT64_C(1) << i;
}

/* A page of a pool came at `addr`: it is no resident page, but was cleared as all. */
static void charge_pool_page(struct nb_sim_task *t, uint64_t addr)
{
	const struct nb_cost *c = &t->sim->cost;
	nb_pfn_t pfn = nb_task_pfn(t->task, addr);
	struct nb_page_info p;

	if (pfn == NB_NO_PFN || nb_page_info(t->sim->sys, pfn, &p) || !(p.flags & NB_PAGE_HUGETLB))
		return;
	for (int order = 0; order < 32; order++) {
		if (nb_page_info(t->sim->sys, pfn >> order << order, &p) || p.order != order)
			continue;
		nb_sim_charge_ps(
			t, nb_cost_clear_ps(c, nb_sim_task_node(t), p.nid, UINT64_C(1) << order));
		return;
	}
}

/* Charges the first touches of a grain: `faulted` faults, and the clearing of the new pages to the
 * nodes that they came from (more than faults where they are huge; none for the shared page of
 * zeros on a read). */
static void charge_faults(struct nb_sim_task *t, uint64_t start, uint64_t end, uint64_t faulted,
			  const struct resident *before)
{
	const struct nb_cost *c = &t->sim->cost;
	uint64_t page_bytes = c->page_bytes, placed = 0;
	int from = nb_sim_task_node(t);
	struct resident now;

	look(t, start, end, &now);
	for (unsigned i = 0; now.counted && i < c->nr_nodes; i++) {
		uint64_t n = now.pages[i] > before->pages[i] ? now.pages[i] - before->pages[i] : 0;

		nb_sim_charge_ps(t, nb_cost_clear_ps(c, from, c->node_id[i], n));
		placed += n;
	}
	for (unsigned i = 0; !now.counted && i < NB_SIM_GRAIN_PAGES; i++) {
		if (!((now.present & ~before->present) >> i & 1))
			continue;
		nb_sim_charge_ps(t, nb_cost_clear_ps(c, from,
						     nb_task_node(t->task, start + i * page_bytes),
						     1));
		placed++;
	}
	if (!placed)
		charge_pool_page(t, start);
	nb_sim_charge_ns(t, faulted * NB_COST_FAULT_NS);
}

/* Is a daemon due while this task would be at its next grain? Then grains are shorter, as kswapd on
 * another CPU would not wait for them. */
static bool daemon_is_near(const struct nb_sim_task *t)
{
	const struct nb_due *d = nb_clock_first(&t->sim->clock);

	return d && d->kind < NB_DUE_TASK &&
	       d->time_ns < t->clock_ns + NB_SIM_GRAIN_PAGES * NB_COST_FAULT_NS;
}

int nb_sim_touch_grain(struct nb_sim_task *t, uint64_t *addr, uint64_t end, bool write,
		       uint64_t *faulted)
{
	uint64_t page = t->sim->cost.page_bytes;
	uint64_t start = *addr, left = end - start, n = 0, begin_ns = t->clock_ns;
	uint64_t first = start - start % page;
	/* the first grain ends on a page boundary, so that the next ones are whole pages */
	uint64_t grain = NB_SIM_GRAIN_PAGES * page - start % page;
	struct resident before;
	int ret;

	if (daemon_is_near(t) && grain > NEAR_GRAIN_PAGES * page)
		grain = NEAR_GRAIN_PAGES * page - start % page;
	if (grain > left)
		grain = left;
	nb_sim_set_now(t->sim, t->clock_ns);
	t->sim->rec.pid = nb_task_pid(t->task);
	nb_sim_tick(t);
	look(t, first, start + grain, &before);
	ret = nb_touch(t->task, start, grain, write, &n);
	t->sim->rec.pid = 0;
	if (t->clock_ns < t->sim->now_ns) /* it had to wait for others */
		t->clock_ns = t->sim->now_ns;
	*addr = start + grain;
	*faulted += n;
	t->faults += n;
	if (n)
		charge_faults(t, first, start + grain, n, &before);
	nb_contention_settle(t);
	t->fault_ns += t->clock_ns - begin_ns;
	return ret;
}

void nb_sim_charge_new_pages(struct nb_sim_task *t, const uint64_t *before)
{
	const struct nb_cost *c = &t->sim->cost;
	int from = nb_sim_task_node(t);

	for (unsigned i = 0; i < c->nr_nodes; i++) {
		uint64_t now = nb_task_node_pages(t->task, c->node_id[i]);

		if (now > before[i])
			nb_sim_charge_ps(
				t, nb_cost_faults_ps(c, from, c->node_id[i], now - before[i]));
		else
			nb_sim_charge_ns(t, (before[i] - now) * NB_COST_UNMAP_PAGE_NS);
	}
}

int nb_sim_task_node(const struct nb_sim_task *t)
{
	return nb_cost_cpu_node(&t->sim->cost, t->ended ? t->last_cpu : nb_task_cpu(t->task));
}

void nb_sim_task_pages(const struct nb_sim_task *t, uint64_t *ret_pages)
{
	const struct nb_cost *c = &t->sim->cost;

	for (unsigned i = 0; i < c->nr_nodes; i++)
		ret_pages[i] =
			t->ended ? t->last_pages[i] : nb_task_node_pages(t->task, c->node_id[i]);
}

uint64_t nb_sim_task_zone_pages(const struct nb_sim_task *t, unsigned position, int zone)
{
	return t->ended ? t->last_zone_pages[position * NB_MAX_NR_ZONES + (unsigned)zone]
			: nb_task_zone_pages(t->task, t->sim->cost.node_id[position],
					     (enum nb_zone_type)zone);
}

double nb_sim_task_latency_ns(const struct nb_sim_task *t)
{
	uint64_t *pages;
	double ns;

	if (t->ended)
		return t->last_latency_ns;
	pages = nb_xcalloc(t->sim->cost.nr_nodes, sizeof(*pages));
	nb_sim_task_pages(t, pages);
	ns = nb_cost_average_ns(&t->sim->cost, nb_sim_task_node(t), pages);
	free(pages);
	return ns;
}

void nb_sim_numastat(const struct nb_sim *s, int nid, uint64_t ret[NB_NR_NUMA_EVENTS])
{
	struct nb_zone_info z;

	for (int e = 0; e < NB_NR_NUMA_EVENTS; e++)
		ret[e] = 0;
	for (int type = 0; type < NB_MAX_NR_ZONES; type++) {
		if (nb_zone_info(s->sys, nid, (enum nb_zone_type)type, &z))
			continue;
		for (int e = 0; e < NB_NR_NUMA_EVENTS; e++)
			ret[e] += z.numa[e];
	}
}
