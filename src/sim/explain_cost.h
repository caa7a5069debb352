/* explain_cost.h -- `explain latency` and `explain bandwidth`: what distance costs.
 *
 * Called by the command `explain`. The numbers are the cost model's (cost.h).
 */
#ifndef NB_SIM_EXPLAIN_COST_H
#define NB_SIM_EXPLAIN_COST_H

#include "sim/cost.h"
#include "view/explain.h"

/* Each adds to *s; 0, or -NB_ENODEV with *err for a node that the machine lacks. */
int nb_explain_latency(const struct nb_explain_ask *a, const struct nb_cost *c, struct nb_sheet *s,
		       struct nb_error *err);
int nb_explain_bandwidth(const struct nb_explain_ask *a, const struct nb_cost *c,
			 struct nb_sheet *s, struct nb_error *err);

#endif
