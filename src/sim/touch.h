/* touch.h -- `sim touch SIZE`: one task that touches memory under numactl's options.
 *
 * Called by sim.c. Each policy gets a machine of its own, booted anew, so that none meets
 * what another left behind.
 */
#ifndef NB_SIM_TOUCH_H
#define NB_SIM_TOUCH_H

#include "sim/driver.h"
#include "sim/sim.h"

/* A policy as numactl's options or --policies say it. */
struct nb_touch_policy {
	char label[80]; /* as the user wrote it: "bind=1" */
	int mode;
	struct nb_nodemask nodes;
};

/* Reads numactl's memory policy options (at most one may be given) for a machine of which `memory`
 * are the nodes with memory. 0 or -NB_EINVAL with *err. */
int nb_touch_policy_numactl(const struct nb_numactl_options *o, const struct nb_nodemask *memory,
			    struct nb_touch_policy *ret_policy, struct nb_error *err);

/* Reads "default,bind=1,preferred=1,interleave=0,1,local" (commas part policies and nodes: a word
 * that names a mode begins a new policy). *ret_policies is the caller's to free(). */
int nb_touch_policy_list(const char *text, const struct nb_nodemask *memory,
			 struct nb_touch_policy **ret_policies, unsigned *ret_n,
			 struct nb_error *err);

/* Which CPUs --cpunodebind and --physcpubind leave. *ret_given: at least one of them was given. */
int nb_touch_cpus(const struct nb_numactl_options *o, const struct nb_cost *cost,
		  struct nb_cpumask *ret_cpus, bool *ret_given, struct nb_error *err);

/* Runs and reports. The program's exit status: 0; 1 when memory ran out before all was touched; 2
 * with *err. */
int nb_touch_run(const struct nb_sim_options *opt, struct nb_text *out, struct nb_error *err);

#endif
