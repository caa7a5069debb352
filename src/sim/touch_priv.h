/* touch_priv.h -- one run of `touch`: what touch.c, touch_report.c and touch_compare.c share. */
#ifndef NB_SIM_TOUCH_PRIV_H
#define NB_SIM_TOUCH_PRIV_H

#include "sim/touch.h"

struct nb_touch {
	struct nb_sim sim;
	struct nb_sim_task *task;
	const struct nb_touch_policy *policy;
	uint64_t want_bytes, want_pages, faulted;
	uint64_t told_ms; /* host's clock when progress was told last; 0: not yet looked at */
	bool told;
	int ret; /* of the touch: 0, -NB_ENOMEM */
};

/* touch.c: everything of a run but opening its simulation. */
int nb_touch_work(struct nb_touch *r, const struct nb_sim_options *opt, const uint64_t *sizes,
		  struct nb_error *err);

/* touch_report.c */
/* Pages that the task has, or had when it was killed: in one zone, and all. */
uint64_t nb_touch_pages(const struct nb_touch *r);
uint64_t nb_touch_zone_pages(const struct nb_touch *r, unsigned position, int zone);
/* Nodes in the order in which the policy goes through them. */
void nb_touch_fallback(const struct nb_touch *r, struct nb_text *out);
void nb_touch_latency(const struct nb_touch *r, struct nb_text *out);
/* "20 GiB touched on ..., by a task on CPU 0 (node 0)" */
void nb_touch_heading(const struct nb_touch *r, const struct nb_sim_options *opt,
		      struct nb_text *out);
/* How far it got; nothing when it got to the end. */
void nb_touch_oom(const struct nb_touch *r, struct nb_text *out);
void nb_touch_report(const struct nb_touch *r, const struct nb_sim_options *opt,
		     struct nb_text *out);

/* touch_compare.c: each policy on a machine of its own, the first one's is `first`, open. */
int nb_touch_compare(struct nb_touch *first, const struct nb_sim_options *opt,
		     const uint64_t *sizes, struct nb_touch_policy *p, unsigned n,
		     struct nb_text *out, struct nb_error *err);

#endif
