/* lua_access.c -- t:access(): traffic to a task's memory, for the cost model.
 *
 * Called through the method table of tasks. First the range is faulted in, in grains as touch is.
 * Then the traffic flows, spread evenly over the range's pages. Where NUMA balancing is on it does
 * so in slices: between two the scheduler ticks and others have their turn, and what balancing took
 * the access rights from is accessed again (page after page, as far as a slice's accesses reach),
 * so that pages come to the task while it works. Otherwise all of it is one step. Rounding: what is
 * charged after n bytes is what n bytes cost in one step, as long as the pages lie where they lay;
 * so slices change no sum.
 */
#include "sim/lua_host.h"

#include "base/hosted/text.h"

#include <stdlib.h>
#include <string.h>

#define SLICE_PS UINT64_C(10000000000) /* 10 ms */
#define MAX_SLICES UINT64_C(50000)     /* of what is left: days of traffic flow in longer ones */

struct traffic {
	uint64_t start, end;  /* the range */
	uint64_t bytes, done; /* to flow, have flown */
	enum nb_pattern pattern;
	bool sliced;
	uint64_t begin_ns;
	/* since the pages were last counted */
	uint64_t base;       /* done then */
	uint64_t charged_ps; /* cost of done - base */
	double weight;       /* sum of average latency x bytes before `base` */
	uint64_t all;        /* pages in the range */
	/* what is to be accessed again, from `cursor` on, round the range */
	uint64_t cursor, pending;
	uint64_t pressure; /* wakes of kswapd and direct reclaims seen so far */
	uint64_t pages[];  /* [node position] */
};

/* ---- where the pages are ---- */

static void count_range(const struct nb_sim_task *t, struct traffic *f)
{
	const struct nb_cost *c = &t->sim->cost;

	memset(f->pages, 0, c->nr_nodes * sizeof(*f->pages));
	f->all = 0;
	for (uint64_t a = f->start - f->start % c->page_bytes; a < f->end; a += c->page_bytes) {
		int i = nb_cost_position(c, nb_task_node(t->task, a));

		if (i >= 0) {
			f->pages[i]++;
			f->all++;
		}
	}
}

/* Counts anew; what has flown is settled with the old count. */
static void recount(const struct nb_sim_task *t, struct traffic *f)
{
	const struct nb_cost *c = &t->sim->cost;

	f->weight +=
		nb_cost_average_ns(c, nb_sim_task_node(t), f->pages) * (double)(f->done - f->base);
	f->base = f->done;
	f->charged_ps = 0;
	count_range(t, f);
}

/* Cost of `bytes` over the counted pages. */
static uint64_t traffic_ps(const struct nb_sim_task *t, const struct traffic *f, uint64_t bytes)
{
	const struct nb_cost *c = &t->sim->cost;
	int from = nb_sim_task_node(t);
	uint64_t sum = 0;

	for (unsigned i = 0; i < c->nr_nodes; i++) {
		__extension__ unsigned __int128 share =
			(unsigned __int128)bytes * f->pages[i] / f->all;
		uint64_t ps = f->pages[i] ? nb_cost_traffic_ps(c, from, c->node_id[i], f->pattern,
							       (uint64_t)share)
					  : 0;

		sum = ps > UINT64_MAX - sum ? UINT64_MAX : sum + ps;
	}
	return sum;
}

/* ---- slices ---- */

static bool balancing(const struct nb_sim *s)
{
	char text[32];

	return s->cost.nr_nodes > 1 &&
	       nb_sysctl_read(s->sys, "kernel.numa_balancing", text, sizeof(text)) > 0 &&
	       strtoul(text, NULL, 10) != 0;
}

/* Bytes of the next slice: whole lines, at least one. */
static uint64_t slice_bytes(const struct nb_sim_task *t, const struct traffic *f)
{
	uint64_t left = f->bytes - f->done, slices, n;

	if (!f->sliced)
		return left;
	slices = traffic_ps(t, f, left) / SLICE_PS + 1;
	if (slices > MAX_SLICES)
		slices = MAX_SLICES;
	n = (left / slices + NB_COST_LINE_BYTES - 1) / NB_COST_LINE_BYTES * NB_COST_LINE_BYTES;
	return n && n < left ? n : left;
}

/* Accesses what balancing took the rights from, at most `accesses` pages; 0 or a negative errno. */
static int access_again(struct nb_op *op, struct traffic *f, uint64_t accesses)
{
	uint64_t page = op->task->sim->cost.page_bytes, n = 0, faulted = 0;

	while (f->pending && n < accesses) {
		uint64_t begin = f->cursor, end = begin + NB_SIM_GRAIN_PAGES * page, pages;
		int ret;

		if (end > f->end)
			end = f->end;
		if ((end - begin + page - 1) / page > accesses - n)
			end = begin + (accesses - n) * page;
		pages = (end - begin + page - 1) / page;
		ret = nb_sim_touch_grain(op->task, &f->cursor, end, false, &faulted);
		if (ret)
			return ret;
		n += pages;
		f->pending -= f->pending < pages ? f->pending : pages;
		if (f->cursor >= f->end)
			f->cursor = f->start;
	}
	op->faulted += faulted;
	if (faulted)
		recount(op->task, f);
	return 0;
}

/* Has reclaim been at work since it was asked last? What it took is to be faulted in again, and
 * what is in use is to be seen as such. */
static bool under_pressure(const struct nb_sim *s, struct traffic *f)
{
	uint64_t now = s->rec.tally.count[NB_EV_MM_VMSCAN_KSWAPD_WAKE] +
		       s->rec.tally.count[NB_EV_MM_VMSCAN_DIRECT_RECLAIM_BEGIN];
	bool changed = now != f->pressure;

	f->pressure = now;
	return changed;
}

/* One slice; 0 or a negative errno. */
static int flow(struct nb_op *op, struct traffic *f)
{
	struct nb_sim_task *t = op->task;
	uint64_t n = slice_bytes(t, f), ps;
	int ret;

	if (!nb_task_alive(t->task))
		return -NB_ESRCH;
	if (nb_sim_tick(t) || under_pressure(t->sim, f)) {
		f->pending =
			(f->end - f->start + t->sim->cost.page_bytes - 1) / t->sim->cost.page_bytes;
	}
	ret = access_again(op, f, n / NB_COST_LINE_BYTES);
	if (ret)
		return ret;
	f->done += n;
	ps = traffic_ps(t, f, f->done - f->base);
	nb_sim_charge_ps(t, ps - f->charged_ps);
	f->charged_ps = ps;
	return 0;
}

/* ---- the call ---- */

/* Reads the options into a traffic at the top of the stack. */
static struct traffic *begin(lua_State *L, struct nb_op *op)
{
	static const char *const keys[] = {"pattern", "bytes", "count", NULL};
	static const struct nb_arg_word patterns[] = {{"sequential", NB_PATTERN_SEQUENTIAL},
						      {"seq", NB_PATTERN_SEQUENTIAL},
						      {"random", NB_PATTERN_RANDOM},
						      {NULL, 0}};
	unsigned nr_nodes = op->host->sim->cost.nr_nodes;
	const char *name = op->def->name;
	struct traffic *f;

	nb_arg_keys(L, 4, name, keys);
	lua_settop(L, 4);
	nb_lua_read_range(L, op);
	f = lua_newuserdatauv(L, sizeof(*f) + nr_nodes * sizeof(f->pages[0]), 0);
	*f = (struct traffic){.start = op->addr, .end = op->end, .bytes = op->end - op->addr};
	nb_arg_field(L, 4, "pattern");
	f->pattern = (enum nb_pattern)nb_arg_words(L, -1, name, "pattern", patterns);
	if (nb_arg_field(L, 4, "bytes"))
		f->bytes = nb_arg_size(L, -1, name, "bytes");
	if (nb_arg_field(L, 4, "count"))
		f->bytes = (uint64_t)nb_arg_integer(L, -1, name, "count", 0, INT64_MAX / 64) *
			   NB_COST_LINE_BYTES;
	lua_settop(L, 5);
	return f;
}

/* The result: a table of figures. */
static int finish(lua_State *L, struct nb_op *op, struct traffic *f)
{
	struct nb_sim_task *t = op->task;
	uint64_t spent = t->clock_ns - f->begin_ns;

	t->access_bytes += f->bytes;
	t->access_ns += spent;
	lua_newtable(L);
	nb_set_u64(L, "bytes", f->bytes);
	nb_set_u64(L, "accesses", f->bytes / NB_COST_LINE_BYTES);
	nb_set_u64(L, "time_ns", spent);
	if (f->weight != 0)
		recount(t, f);
	lua_pushnumber(L, f->weight != 0 ? f->weight / (double)f->bytes
					 : nb_cost_average_ns(&t->sim->cost, nb_sim_task_node(t),
							      f->pages));
	lua_setfield(L, -2, "latency_ns");
	lua_pushnumber(L, spent ? (double)f->bytes / (double)spent : 0.0);
	lua_setfield(L, -2, "gb_per_s");
	return 1;
}

/* t:access(addr, length, { pattern = "sequential" | "random", bytes = | count = }): pages that are
 * absent are written to first, as a program fills its buffer. */
static int op_access(lua_State *L, struct nb_op *op)
{
	struct traffic *f = op->phase ? lua_touserdata(L, 5) : begin(L, op);
	int ret;

	if (op->phase < 2) {
		ret = nb_lua_touch_some(op, true);
		if (ret)
			return nb_lua_touch_failed(L, op, true, ret);
		if (op->addr < op->end)
			return NB_OP_AGAIN;
		op->phase = 2;
		f->cursor = f->start;
		f->begin_ns = op->task->clock_ns;
		count_range(op->task, f);
		if (!f->all)
			return nb_push_errno(L, -NB_EFAULT, "access: the range holds no page");
		f->sliced = balancing(op->host->sim);
		under_pressure(op->host->sim, f);
	}
	ret = flow(op, f);
	if (ret)
		return nb_lua_touch_failed(L, op, true, ret);
	return f->done < f->bytes ? NB_OP_AGAIN : finish(L, op, f);
}

static const struct nb_op_def op = {"access", op_access, true, false};

void nb_lua_access_open(lua_State *L)
{
	nb_op_register(L, &op);
}
