/* daemons.c -- the kernel's daemons on virtual time: kswapd, kcompactd, the flusher,
 * khugepaged.
 *
 * Called by driver.c. The engine's daemons are machines of steps; an entry of the clock stands for
 * each and runs one step when it is due. A step says when the daemon wants to go on; what it looked
 * at takes time (NB_COST_LOOK_PAGE_NS), so that a daemon and a task share the clock as two CPUs
 * would. A request that wakes a daemon makes it due at that instant: it runs when the request's
 * task has had its grain, or waits.
 */
#include "sim/daemons.h"

#include "base/hosted/text.h"

#include <numabox/compaction.h>
#include <numabox/file.h>
#include <numabox/hugetlb.h>
#include <numabox/reclaim.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define NEVER UINT64_MAX

struct node_daemons {
	struct nb_daemons *all;
	int nid;
	struct nb_due kswapd, kcompactd;
};

struct nb_daemons {
	struct nb_sim *sim;
	struct node_daemons *nodes;
	unsigned nr_nodes;
	struct nb_due flusher, khugepaged;
};

static struct node_daemons *daemons_of(struct nb_daemons *d, int nid)
{
	for (unsigned i = 0; i < d->nr_nodes; i++) {
		if (d->nodes[i].nid == nid)
			return &d->nodes[i];
	}
	return NULL;
}

/* Due at `next`, but not before what was just done has taken its time. */
static void again(struct nb_sim *s, struct nb_due *due, uint64_t next, uint64_t scanned)
{
	uint64_t earliest = s->now_ns + 1 + scanned * NB_COST_LOOK_PAGE_NS;

	if (next != NEVER)
		nb_clock_set(&s->clock, due, next > earliest ? next : earliest);
}

static void run_kswapd(struct nb_due *self)
{
	struct node_daemons *n = self->ctx;
	uint64_t next, scanned;

	if (!nb_kswapd_step(n->all->sim->sys, n->nid, &next, &scanned))
		again(n->all->sim, self, next, scanned);
}

static void run_kcompactd(struct nb_due *self)
{
	struct node_daemons *n = self->ctx;
	uint64_t next, scanned;

	if (!nb_kcompactd_step(n->all->sim->sys, n->nid, &next, &scanned))
		again(n->all->sim, self, next, scanned);
}

static void run_flusher(struct nb_due *self)
{
	struct nb_daemons *d = self->ctx;

	again(d->sim, self, nb_writeback_step(d->sim->sys), 0);
}

static void run_khugepaged(struct nb_due *self)
{
	struct nb_daemons *d = self->ctx;

	again(d->sim, self, nb_khugepaged_step(d->sim->sys), 0);
}

static void khugepaged_woken(void *ctx)
{
	struct nb_daemons *d = ctx;

	nb_clock_set(&d->sim->clock, &d->khugepaged, d->sim->now_ns);
}

static void kswapd_woken(void *ctx, int nid)
{
	struct nb_daemons *d = ctx;
	struct node_daemons *n = daemons_of(d, nid);

	if (n)
		nb_clock_set(&d->sim->clock, &n->kswapd, d->sim->now_ns);
}

static void kcompactd_woken(void *ctx, int nid)
{
	struct nb_daemons *d = ctx;
	struct node_daemons *n = daemons_of(d, nid);

	if (n)
		nb_clock_set(&d->sim->clock, &n->kcompactd, d->sim->now_ns);
}

static void flusher_wanted(void *ctx, uint64_t when_ns)
{
	struct nb_daemons *d = ctx;

	nb_clock_set(&d->sim->clock, &d->flusher,
		     when_ns > d->sim->now_ns ? when_ns : d->sim->now_ns);
}

/* ---- names, as a kernel's boot gives them ---- */

/* Debian's 6.12 and 6.1 with 1 to 4 CPUs: six threads a CPU, then those of the nodes, with others
 * between them. Which thread gets which number hangs on the configuration; these are near. */
#define KSWAPD_BEHIND(version) ((version) >= 6008 ? 12 : 10)
#define BH_POOLS_SINCE 6009 /* four pools of workers a CPU; two before */

static int first_kcompactd(const struct nb_sim *s)
{
	const struct nb_kernel_profile *k = nb_system_machine(s->sys)->profile;
	int nodes = (int)nb_system_nr_nodes(s->sys);

	return (k->version >= 6008 ? 27 : 22) + 6 * (int)s->cost.nr_cpus + 3 * (nodes - 1);
}

__attribute__((format(printf, 3, 4))) static int name(struct nb_sim *s, int pid, const char *fmt,
						      ...)
{
	char comm[16];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(comm, sizeof(comm), fmt, ap);
	va_end(ap);
	nb_recorder_task(&s->rec, pid, comm);
	return pid;
}

int nb_worker_pid(struct nb_sim *s, unsigned cpu)
{
	int pid = cpu ? 22 + 6 * (int)cpu : 9;

	return name(s, pid, "kworker/%u:0", cpu);
}

static void name_all(struct nb_daemons *d)
{
	struct nb_sim *s = d->sim;
	int version = (int)nb_system_machine(s->sys)->profile->version;
	int cpus = (int)s->cost.nr_cpus, nodes = (int)d->nr_nodes, kcompactd = first_kcompactd(s);
	int kswapd = kcompactd + nodes - 1 + KSWAPD_BEHIND(version) + 3 * (nodes - 1);

	for (int i = 0; i < nodes; i++) {
		struct node_daemons *n = &d->nodes[i];

		n->kcompactd.pid = name(s, kcompactd + i, "kcompactd%d", n->nid);
		n->kswapd.pid = name(s, kswapd + i, "kswapd%d", n->nid);
	}
	d->khugepaged.pid = name(s, kcompactd + nodes + 1, "khugepaged");
	d->flusher.pid =
		name(s, 11 + 6 * cpus, "kworker/u%d:1", (version >= BH_POOLS_SINCE ? 4 : 2) * cpus);
}

int nb_daemons_start(struct nb_sim *s)
{
	struct nb_daemons *d = nb_xcalloc(1, sizeof(*d));
	int err;

	d->sim = s;
	d->nr_nodes = nb_system_nr_nodes(s->sys);
	d->nodes = nb_xcalloc(d->nr_nodes, sizeof(*d->nodes));
	s->daemons = d;
	for (unsigned i = 0; i < d->nr_nodes; i++) {
		struct node_daemons *n = &d->nodes[i];

		n->all = d;
		n->nid = nb_system_node_id(s->sys, i);
		nb_due_init(&s->clock, &n->kswapd, NB_DUE_KSWAPD, n->nid, run_kswapd, n);
		nb_due_init(&s->clock, &n->kcompactd, NB_DUE_KCOMPACTD, n->nid, run_kcompactd, n);
	}
	nb_due_init(&s->clock, &d->flusher, NB_DUE_WRITEBACK, NB_NO_NODE, run_flusher, d);
	nb_due_init(&s->clock, &d->khugepaged, NB_DUE_KHUGEPAGED, NB_NO_NODE, run_khugepaged, d);
	name_all(d);
	nb_khugepaged_set_wake(s->sys, khugepaged_woken, d);
	err = nb_kswapd_start(s->sys, kswapd_woken, d);
	if (!err)
		err = nb_kcompactd_start(s->sys, kcompactd_woken, d);
	if (!err)
		nb_set_writeback_wake(s->sys, flusher_wanted, d);
	return err;
}

void nb_daemons_release(struct nb_sim *s)
{
	if (!s->daemons)
		return;
	free(s->daemons->nodes);
	free(s->daemons);
	s->daemons = NULL;
}
