/* run.h -- what every kind of run begins and ends with. Called by sim.c and touch.c. */
#ifndef NB_SIM_RUN_H
#define NB_SIM_RUN_H

#include "sim/driver.h"
#include "sim/sim.h"

#include <jansson.h>

/* Opens the simulation that the options ask for, its trace included. 0 or a negative errno with
 * *err; then nothing is open. */
int nb_run_open(struct nb_sim *s, const struct nb_sim_options *opt, struct nb_error *err);

/* Adds the views of --view: as text, each after a blank line, or as "views": { NAME: ... } of *o.
 */
int nb_run_views(const struct nb_sim *s, const struct nb_sim_options *opt, struct nb_text *out,
		 struct nb_error *err);
int nb_run_views_json(const struct nb_sim *s, const struct nb_sim_options *opt, json_t *o,
		      struct nb_error *err);

#endif
