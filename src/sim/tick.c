/* tick.c -- the scheduler's tick of a task: a step of NUMA balancing as its run time passes.
 *
 * Called by the driver before a grain of faults, and between slices of traffic (lua_access.c). Run
 * time is what was charged to the task; a task that waits is not ticked.
 */
#include "sim/driver.h"

#include <numabox/balancing.h>

#include <string.h>

void nb_sim_tick_init(struct nb_sim *s)
{
	const char *name;
	uint64_t value;
	unsigned i;

	for (i = 0; nb_vm_event(s->sys, i, &name, &value); i++)
		if (!strcmp(name, "numa_pte_updates"))
			break;
	s->pte_updates = i;
}

bool nb_sim_tick(struct nb_sim_task *t)
{
	struct nb_sim *s = t->sim;
	uint64_t before = 0, after = 0;
	const char *name;

	if (t->run_ns - t->ticked_ns < NB_SIM_TICK_NS || s->cost.nr_nodes < 2)
		return false;
	t->ticked_ns = t->run_ns;
	nb_sim_set_now(s, t->clock_ns);
	nb_vm_event(s->sys, s->pte_updates, &name, &before);
	nb_task_tick(t->task, t->run_ns);
	nb_vm_event(s->sys, s->pte_updates, &name, &after);
	return after != before;
}
