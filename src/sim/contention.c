/* contention.c -- see contention.h. The order of arrival is that of virtual time, to the grain in
 * which tasks run; a hold begins where the piece of work ends that it belongs to.
 */
#include "sim/contention.h"

#include "base/hosted/text.h"
#include "sim/driver.h"

#include <numabox/locks.h>

#include <stdlib.h>

/* A lock serves `n` holds of together `hold_ns` that arrive at `at_ns`; how long they wait. */
static uint64_t serve(struct nb_sim_lock *l, uint64_t at_ns, uint64_t n, uint64_t hold_ns)
{
	uint64_t wait = l->free_at_ns > at_ns ? l->free_at_ns - at_ns : 0;

	l->free_at_ns = at_ns + wait + hold_ns;
	l->taken += n;
	l->held_ns += hold_ns;
	return wait;
}

static uint64_t settle_node(struct nb_contention *c, unsigned i, const struct nb_lock_work *w,
			    uint64_t at_ns, bool waits)
{
	uint64_t moves = w->lru_moves - c->lru[i].seen, zone = w->zone_taken - c->zone[i].seen;
	struct nb_sim_lock *lru = &c->lru[c->global ? 0 : i];
	unsigned batch = c->batch ? c->batch : w->lru_batch;
	uint64_t holds = (moves + batch - 1) / batch, wait, sum = 0;

	c->lru[i].seen = w->lru_moves;
	c->zone[i].seen = w->zone_taken;
	if (moves) {
		wait = serve(lru, at_ns, holds,
			     holds * NB_HOLD_LOCK_NS + moves * NB_HOLD_LRU_PAGE_NS);
		lru->waited_ns += waits ? wait : 0;
		sum += wait;
	}
	if (zone) {
		wait = serve(&c->zone[i], at_ns + sum, zone, zone * NB_HOLD_ZONE_NS);
		c->zone[i].waited_ns += waits ? wait : 0;
		sum += wait;
	}
	return sum;
}

static uint64_t settle(struct nb_sim *s, uint64_t at_ns, bool waits)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < s->cost.nr_nodes; i++) {
		struct nb_lock_work w;

		if (!nb_lock_work(s->sys, s->cost.node_id[i], &w))
			sum += settle_node(s->contention, i, &w, at_ns + sum, waits);
	}
	return sum;
}

void nb_contention_settle(struct nb_sim_task *t)
{
	if (t->sim->contention)
		nb_sim_charge_ns(t, settle(t->sim, t->clock_ns, true));
}

void nb_contention_settle_daemons(struct nb_sim *s)
{
	if (s->contention)
		(void)settle(s, s->now_ns, false);
}

void nb_contention_start(struct nb_sim *s, bool global, unsigned batch)
{
	struct nb_contention *c;

	nb_contention_release(s);
	c = nb_xcalloc(1, sizeof(*c));
	c->global = global;
	c->batch = batch;
	c->lru = nb_xcalloc(s->cost.nr_nodes, sizeof(*c->lru));
	c->zone = nb_xcalloc(s->cost.nr_nodes, sizeof(*c->zone));
	for (unsigned i = 0; i < s->cost.nr_nodes; i++) {
		struct nb_lock_work w;

		if (nb_lock_work(s->sys, s->cost.node_id[i], &w))
			continue;
		c->lru[i].seen = w.lru_moves;
		c->zone[i].seen = w.zone_taken;
	}
	s->contention = c;
}

void nb_contention_release(struct nb_sim *s)
{
	if (!s->contention)
		return;
	free(s->contention->lru);
	free(s->contention->zone);
	free(s->contention);
	s->contention = NULL;
}
