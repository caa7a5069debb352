/* balancing_tick.c -- the scheduler's tick of a task that ran, as NUMA balancing wants it.
 *
 * Called by the driver and by t:access() after each piece of work. A task's run time is what its
 * faults and accesses took; pages that followed it cost their move.
 */
#include "sim/driver.h"

#include <numabox/balancing.h>

#include <stdlib.h>

bool nb_sim_balances(const struct nb_sim *s)
{
	char text[16];

	return s->cost.nr_nodes > 1 &&
	       nb_sysctl_read(s->sys, "kernel.numa_balancing", text, sizeof(text)) > 0 &&
	       atoi(text) != 0;
}

void nb_sim_balance(struct nb_sim_task *t)
{
	struct nb_task_balancing info;

	if (!nb_task_alive(t->task))
		return;
	nb_task_tick(t->task, t->fault_ns + t->access_ns);
	if (!nb_task_balancing(t->task, &info) || info.pages_migrated == t->balanced_pages)
		return;
	nb_sim_charge_ns(t, (info.pages_migrated - t->balanced_pages) * NB_COST_MIGRATE_PAGE_NS);
	t->balanced_pages = info.pages_migrated;
}
