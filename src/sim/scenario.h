/* scenario.h -- runs one Lua file on an open simulation.
 *
 * Called by sim.c and tests.
 */
#ifndef NB_SIM_SCENARIO_H
#define NB_SIM_SCENARIO_H

#include "sim/driver.h"
#include "sim/sim.h"

/* Greatest scenario file that is read. */
#define NB_SCENARIO_MAX_BYTES (16u << 20)

struct nb_scenario_result {
	uint64_t held, failed; /* expectations */
	unsigned left;         /* spawned functions that had not ended */
};

/* Reads and runs opt->scenario with opt's limits and arguments. `print` and `ctx` get what it
 * prints. 0; -NB_EINVAL with *err naming file and line for whatever goes wrong in the scenario;
 * another negative errno when it cannot be read or run. */
int nb_scenario_run(struct nb_sim *sim, const struct nb_sim_options *opt,
		    void (*print)(void *ctx, const char *s, size_t len), void *ctx,
		    struct nb_scenario_result *ret_result, struct nb_error *err);

#endif
