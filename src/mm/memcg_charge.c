/* memcg_charge.c -- counting what groups use, and what happens at the limit.
 *
 * Called for every page that a task of a group brings in (memcg_page.c). A CPU charges 64 pages at
 * a time and keeps the rest for the next ones (its stock), so memory.current runs ahead of what is
 * in use by up to 63 pages a CPU. At the limit: stock, reclaim from the group, all stocks back,
 * reclaim again as long as it brings something or 16 times, then the killer, and from the
 * beginning. Some may go over: who reclaims himself, __GFP_NOFAIL, __GFP_HIGH, and before 5.16 who
 * dies. Over memory.high a task reclaims on its way back to the program, and is made to wait by how
 * far over it is. Source: mm/memcontrol.c: try_charge_memcg(), consume_stock(), refill_stock(),
 * drain_all_stock(), mem_cgroup_oom(), reclaim_high(), __mem_cgroup_handle_over_high(),
 * calculate_high_delay(); mm/page_counter.c.
 */
#include "mm/lru.h"
#include "mm/memcg.h"
#include "mm/oom.h"
#include "mm/vmscan.h"

#define RETRIES 16u            /* MAX_RECLAIM_RETRIES */
#define DYING_FAIL_SINCE 5016u /* before, a dying task's charge was forced */
#define HIGH_SINCE 4004u       /* memory.high throttles on the way back */
#define HIGH_DELAY_SINCE 5004u /* ... and makes wait */
#define HZ 250u
#define NS_PER_JIFFY (UINT64_C(1000000000) / HZ)
#define DELAY_PRECISION_SHIFT 20
#define DELAY_SCALING_SHIFT 14
#define MAX_DELAY_JIFFIES (2u * HZ)

/* ---- counters; side->lock held ---- */

void nb_counter_add(struct nb_counter *c, uint64_t nr)
{
	for (; c; c = c->parent) {
		c->usage += nr;
		if (c->usage > c->peak)
			c->peak = c->usage;
	}
}

void nb_counter_sub(struct nb_counter *c, uint64_t nr)
{
	for (; c; c = c->parent)
		c->usage -= nr;
}

bool nb_counter_try(struct nb_counter *c, uint64_t nr, struct nb_counter **ret_full)
{
	for (struct nb_counter *i = c; i; i = i->parent) {
		if (i->usage + nr <= i->max)
			continue;
		i->failcnt++;
		*ret_full = i;
		/* those below saw it, too, before it was taken back */
		for (struct nb_counter *b = c; b != i; b = b->parent) {
			if (b->usage + nr > b->peak)
				b->peak = b->usage + nr;
		}
		return false;
	}
	nb_counter_add(c, nr);
	return true;
}

/* ---- stocks ---- */

static void drain_stock(struct nb_memcg_side *side, struct nb_memcg_stock *s)
{
	if (s->cached && s->nr) {
		nb_counter_sub(&s->cached->memory, s->nr);
		if (side->v1)
			nb_counter_sub(&s->cached->swap, s->nr);
	}
	s->cached = NULL;
	s->nr = 0;
}

static bool consume_stock(struct nb_memcg_side *side, const struct nb_memcg *cg, uint64_t nr,
			  int cpu)
{
	struct nb_memcg_stock *s = &side->stock[cpu];

	if (nr > side->batch || s->cached != cg || s->nr < nr)
		return false;
	s->nr -= nr;
	return true;
}

static void refill_stock(struct nb_memcg_side *side, struct nb_memcg *cg, uint64_t nr, int cpu)
{
	struct nb_memcg_stock *s = &side->stock[cpu];

	if (s->cached != cg) {
		drain_stock(side, s);
		s->cached = cg;
	}
	s->nr += nr;
	if (s->nr > side->batch)
		drain_stock(side, s);
}

void nb_memcg_refill(struct nb_memcg *cg, uint64_t nr, int cpu)
{
	struct nb_memcg_side *side = cg->sys->memcg;

	if (!cg->online) {
		nb_memcg_cancel(cg, nr);
		return;
	}
	nb_lock(&side->lock, cg->sys->port);
	refill_stock(side, cg, nr, cpu);
	nb_unlock(&side->lock, cg->sys->port);
}

void nb_memcg_cancel(struct nb_memcg *cg, uint64_t nr)
{
	struct nb_memcg_side *side = cg->sys->memcg;

	nb_lock(&side->lock, cg->sys->port);
	nb_counter_sub(&cg->memory, nr);
	if (side->v1)
		nb_counter_sub(&cg->swap, nr);
	nb_unlock(&side->lock, cg->sys->port);
}

void nb_memcg_drain_stocks(struct nb_memcg *cg)
{
	struct nb_memcg_side *side = cg->sys->memcg;

	nb_lock(&side->lock, cg->sys->port);
	for (unsigned cpu = 0; cpu < cg->sys->nr_cpu_ids; cpu++) {
		struct nb_memcg_stock *s = &side->stock[cpu];

		if (s->cached && s->nr && nb_memcg_below(s->cached, cg))
			drain_stock(side, s);
	}
	nb_unlock(&side->lock, cg->sys->port);
}

uint64_t nb_memcg_margin(const struct nb_memcg *cg)
{
	uint64_t margin = 0, usage = cg->memory.usage;

	if (usage < cg->memory.max)
		margin = cg->memory.max - usage;
	if (!cg->sys->memcg->v1)
		return margin;
	usage = cg->swap.usage;
	if (usage >= cg->swap.max)
		return 0;
	return margin < cg->swap.max - usage ? margin : cg->swap.max - usage;
}

/* ---- a charge ---- */

struct charge {
	struct nb_memcg_side *side;
	struct nb_memcg *cg, *over; /* over: whose limit was met */
	struct nb_task *t;
	nb_gfp_t gfp;
	uint64_t nr, batch;
	int cpu;
	bool may_swap, drained, passed_oom;
	unsigned retries;
};

static struct nb_memcg *owner_of(struct charge *c, const struct nb_counter *full, bool swap)
{
	struct nb_memcg *cg = c->cg;

	while (full != (swap ? &cg->swap : &cg->memory))
		cg = cg->parent;
	return cg;
}

/* From the stock, or from the counters with some for the stock. */
static bool try_once(struct charge *c)
{
	struct nb_counter *full = NULL;
	bool done;

	if (consume_stock(c->side, c->cg, c->nr, c->cpu)) {
		c->batch = 0;
		return true;
	}
	for (;;) {
		c->may_swap = true;
		if (c->side->v1 && !nb_counter_try(&c->cg->swap, c->batch, &full)) {
			c->over = owner_of(c, full, true);
			c->may_swap = false;
			done = false;
		} else {
			done = nb_counter_try(&c->cg->memory, c->batch, &full);
			if (!done) {
				c->over = owner_of(c, full, false);
				if (c->side->v1)
					nb_counter_sub(&c->cg->swap, c->batch);
			}
		}
		if (done || c->batch == c->nr)
			return done;
		c->batch = c->nr;
	}
}

static bool locked_try(struct charge *c)
{
	bool done;

	nb_lock(&c->side->lock, c->cg->sys->port);
	done = try_once(c);
	if (done && c->batch > c->nr)
		refill_stock(c->side, c->cg, c->batch - c->nr, c->cpu);
	nb_unlock(&c->side->lock, c->cg->sys->port);
	return done;
}

static void force(const struct charge *c)
{
	nb_lock(&c->side->lock, c->cg->sys->port);
	nb_counter_add(&c->cg->memory, c->nr);
	if (c->side->v1)
		nb_counter_add(&c->cg->swap, c->nr);
	nb_unlock(&c->side->lock, c->cg->sys->port);
}

static unsigned order_of(uint64_t nr)
{
	unsigned order = 0;

	while (UINT64_C(1) << order < nr)
		order++;
	return order;
}

/* The killer. true: it is worth another try. Source: mem_cgroup_oom(). */
static bool oom(struct charge *c)
{
	unsigned order = order_of(c->nr);

	if (order > NB_COSTLY_ORDER)
		return false;
	nb_memcg_event(c->over, NB_MEMCG_EV_OOM);
	return nb_memcg_out_of_memory(c->over, c->t, c->cpu, c->gfp, order);
}

/* The limit is met: makes room. true: try again. */
static bool make_room(struct charge *c)
{
	bool dying = c->t && nb_fatal_signal(c->t);
	uint64_t got;

	nb_memcg_event(c->over, NB_MEMCG_EV_MAX);
	got = nb_memcg_free_pages(c->over, c->t, c->cpu, c->nr, c->gfp, c->may_swap);
	if (nb_memcg_margin(c->over) >= c->nr)
		return true;
	if (!c->drained) {
		nb_memcg_drain_stocks(c->over);
		c->drained = true;
		return true;
	}
	if (c->gfp & NB_GFP_BIT_NORETRY)
		return false;
	if (got && c->nr <= UINT64_C(1) << NB_COSTLY_ORDER)
		return true;
	if (c->retries) {
		c->retries--;
		return true;
	}
	if (c->gfp & NB_GFP_BIT_RETRY_MAYFAIL || (c->passed_oom && dying) || !oom(c))
		return false;
	c->passed_oom = true;
	c->retries = RETRIES;
	return true;
}

/* More than memory.high somewhere above: the task owes reclaim before it goes on. */
static void note_high(struct charge *c)
{
	struct nb_memcg *cg = c->cg;

	if (!c->t || c->side->v1 || c->cg->sys->profile->version < HIGH_SINCE)
		return;
	for (; cg->parent; cg = cg->parent) {
		if (cg->memory.usage <= cg->knob[NB_MEMCG_HIGH] &&
		    cg->swap.usage <= cg->knob[NB_MEMCG_SWAP_HIGH])
			continue;
		c->t->memcg_over_high += (unsigned)c->batch;
		c->t->flags |= NB_PF_MEMCG_HIGH;
		break;
	}
	if (c->t->memcg_over_high > c->side->batch && !(c->t->flags & NB_PF_MEMALLOC) &&
	    c->gfp & NB_GFP_BIT_DIRECT_RECLAIM)
		nb_memcg_over_high(c->t);
}

int nb_memcg_try_charge(struct nb_memcg *cg, struct nb_task *t, nb_gfp_t gfp, uint64_t nr)
{
	struct nb_memcg_side *side = cg->sys->memcg;
	struct charge c = {.side = side,
			   .cg = cg,
			   .t = t,
			   .gfp = gfp,
			   .nr = nr,
			   .batch = nr > side->batch ? nr : side->batch,
			   .cpu = t->cpu,
			   .retries = RETRIES};

	while (!locked_try(&c)) {
		bool may = gfp & NB_GFP_BIT_DIRECT_RECLAIM;

		if (t->flags & NB_PF_MEMALLOC ||
		    (nb_fatal_signal(t) && cg->sys->profile->version < DYING_FAIL_SINCE)) {
			force(&c);
			return 0;
		}
		if (may && make_room(&c))
			continue;
		if (!(gfp & (NB_GFP_BIT_NOFAIL | NB_GFP_BIT_HIGH)))
			return -NB_ENOMEM;
		force(&c);
		return 0;
	}
	if (c.batch)
		note_high(&c);
	return 0;
}

/* ---- over memory.high ---- */

/* Source: reclaim_high(). */
static uint64_t reclaim_high(struct nb_memcg *cg, struct nb_task *t, uint64_t nr)
{
	uint64_t got = 0;

	for (; cg->parent; cg = cg->parent) {
		if (cg->memory.usage <= cg->knob[NB_MEMCG_HIGH])
			continue;
		nb_memcg_event(cg, NB_MEMCG_EV_HIGH);
		got += nb_memcg_free_pages(cg, t, t->cpu, nr, NB_GFP_KERNEL, true);
	}
	return got;
}

static uint64_t overage(uint64_t usage, uint64_t high)
{
	if (usage <= high)
		return 0;
	return ((usage - high) << DELAY_PRECISION_SHIFT) / (high ? high : 1);
}

/* Jiffies to wait for nr pages. Source: mem_find_max_overage(), calculate_high_delay(). */
static uint64_t delay(const struct nb_memcg *cg, uint64_t nr, bool swap)
{
	uint64_t max = 0;

	for (; cg->parent; cg = cg->parent) {
		uint64_t o = swap ? overage(cg->swap.usage, cg->knob[NB_MEMCG_SWAP_HIGH])
				  : overage(cg->memory.usage, cg->knob[NB_MEMCG_HIGH]);

		if (o > max)
			max = o;
	}
	/* any more would be cut to the longest delay anyway */
	if (max > UINT64_C(1) << (DELAY_PRECISION_SHIFT + 6))
		max = UINT64_C(1) << (DELAY_PRECISION_SHIFT + 6);
	return (max * max * HZ >> (DELAY_PRECISION_SHIFT + DELAY_SCALING_SHIFT)) * nr / 64;
}

void nb_memcg_over_high(struct nb_task *t)
{
	struct nb_system *sys = t->sys;
	uint64_t nr = t->memcg_over_high, wait, got;
	unsigned retries = RETRIES;
	bool again = false;

	t->memcg_over_high = 0;
	t->flags &= ~(unsigned)NB_PF_MEMCG_HIGH;
	if (!t->memcg || !nr)
		return;
	for (;;) {
		if (nb_fatal_signal(t))
			return;
		got = reclaim_high(t->memcg, t, again ? NB_SWAP_CLUSTER_MAX : nr);
		wait = delay(t->memcg, nr, false) + delay(t->memcg, nr, true);
		if (wait > MAX_DELAY_JIFFIES)
			wait = MAX_DELAY_JIFFIES;
		if (wait <= HZ / 100 || sys->profile->version < HIGH_DELAY_SINCE)
			return;
		if (!got && !retries--)
			break;
		again = true;
	}
	if (sys->port->wait)
		sys->port->wait(sys->port->ctx, t, NB_WAIT_THROTTLE,
				sys->time_ns + wait * NS_PER_JIFFY);
}
