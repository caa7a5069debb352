/* lua_access.c -- traffic of a task over its memory: what it costs, where the pages are.
 *
 * Called through the method table of tasks (lua_task.c). Absent pages are written to first, as a
 * program fills its buffer; then the bytes are charged to the nodes that the pages lie on, evenly
 * over the pages. While NUMA balancing is on, traffic runs in slices of 100 ms: after each the task
 * has its tick and reaches for every page once, so that pages may move in between and the next
 * slice finds them where they are then.
 */
#include "sim/lua_host.h"

#include <string.h>

#define SLICE_PS (UINT64_C(100000000) * 1000)

enum phase { FIRST, TOUCHING, TRAFFIC };

/* Resident pages of the range by node. Returns their number. */
static uint64_t count_range(const struct nb_sim_task *t, uint64_t addr, uint64_t end,
			    uint64_t *pages)
{
	const struct nb_cost *c = &t->sim->cost;
	uint64_t all = 0;

	for (uint64_t a = addr - addr % c->page_bytes; a < end; a += c->page_bytes) {
		int i = nb_cost_position(c, nb_task_node(t->task, a));

		if (i >= 0) {
			pages[i]++;
			all++;
		}
	}
	return all;
}

static uint64_t traffic_ps(const struct nb_sim_task *t, const uint64_t *pages, uint64_t all,
			   enum nb_pattern pattern, uint64_t bytes)
{
	const struct nb_cost *c = &t->sim->cost;
	int from = nb_sim_task_node(t);
	uint64_t sum = 0;

	for (unsigned i = 0; i < c->nr_nodes; i++) {
		__extension__ unsigned __int128 share = (unsigned __int128)bytes * pages[i] / all;
		uint64_t ps = pages[i] ? nb_cost_traffic_ps(c, from, c->node_id[i], pattern,
							    (uint64_t)share)
				       : 0;

		sum = ps > UINT64_MAX - sum ? UINT64_MAX : sum + ps;
	}
	return sum;
}

/* One slice of what is left. */
static void charge_slice(struct nb_op *op, const uint64_t *pages, uint64_t all,
			 enum nb_pattern pattern)
{
	struct nb_sim_task *t = op->task;
	uint64_t bytes = op->left_bytes, begin_ns = t->clock_ns;
	uint64_t ps = traffic_ps(t, pages, all, pattern, bytes);

	if (nb_sim_balances(t->sim) && ps > SLICE_PS) {
		bytes = (uint64_t)((double)bytes * ((double)SLICE_PS / (double)ps));
		bytes -= bytes % NB_COST_LINE_BYTES;
		if (!bytes)
			bytes = NB_COST_LINE_BYTES;
		ps = traffic_ps(t, pages, all, pattern, bytes);
	}
	nb_sim_charge_ps(t, ps);
	op->left_bytes -= bytes;
	op->latency_sum_ns +=
		(double)bytes * nb_cost_average_ns(&t->sim->cost, nb_sim_task_node(t), pages);
	t->access_bytes += bytes;
	t->access_ns += t->clock_ns - begin_ns;
	nb_sim_balance(t);
}

static void push_figures(lua_State *L, const struct nb_op *op, const uint64_t *pages)
{
	const struct nb_sim_task *t = op->task;
	uint64_t spent = t->clock_ns - op->until_ns;
	double latency = op->total_bytes
				 ? op->latency_sum_ns / (double)op->total_bytes
				 : nb_cost_average_ns(&t->sim->cost, nb_sim_task_node(t), pages);

	lua_newtable(L);
	nb_set_u64(L, "bytes", op->total_bytes);
	nb_set_u64(L, "accesses", op->total_bytes / NB_COST_LINE_BYTES);
	nb_set_u64(L, "time_ns", spent);
	lua_pushnumber(L, latency);
	lua_setfield(L, -2, "latency_ns");
	lua_pushnumber(L, spent ? (double)op->total_bytes / (double)spent : 0.0);
	lua_setfield(L, -2, "gb_per_s");
}

static uint64_t bytes_of(lua_State *L, const char *name, uint64_t range_bytes)
{
	uint64_t bytes = range_bytes;

	if (nb_arg_field(L, 4, "bytes"))
		bytes = nb_arg_size(L, lua_gettop(L), name, "bytes");
	if (nb_arg_field(L, 4, "count"))
		bytes = (uint64_t)nb_arg_integer(L, lua_gettop(L), name, "count", 0,
						 INT64_MAX / 64) *
			NB_COST_LINE_BYTES;
	return bytes;
}

static enum nb_pattern pattern_of(lua_State *L, const char *name)
{
	static const struct nb_arg_word patterns[] = {{"sequential", NB_PATTERN_SEQUENTIAL},
						      {"seq", NB_PATTERN_SEQUENTIAL},
						      {"random", NB_PATTERN_RANDOM},
						      {NULL, 0}};

	nb_arg_field(L, 4, "pattern");
	return (enum nb_pattern)nb_arg_words(L, lua_gettop(L), name, "pattern", patterns);
}

/* t:access(addr, length, { pattern = "sequential" | "random", bytes = | count = }): a table of
 * figures. */
static int op_access(lua_State *L, struct nb_op *op)
{
	static const char *const keys[] = {"pattern", "bytes", "count", NULL};
	const char *name = op->def->name;
	uint64_t start, *pages, all;
	int ret;

	lua_settop(L, 4);
	nb_arg_keys(L, 4, name, keys);
	if (op->phase == FIRST)
		nb_op_read_range(L, op); /* goes on in TOUCHING */
	ret = nb_op_touch_some(op, true);
	if (ret)
		return nb_op_touch_failed(L, op, ret);
	if (op->addr < op->end)
		return NB_OP_AGAIN;
	start = nb_arg_address(L, 2, name, "address");
	if (op->phase == TOUCHING) {
		op->left_bytes = op->total_bytes = bytes_of(L, name, op->end - start);
		op->until_ns = op->task->clock_ns;
		op->latency_sum_ns = 0;
		op->phase = TRAFFIC;
	}
	pages = lua_newuserdatauv(L, op->task->sim->cost.nr_nodes * sizeof(*pages), 0);
	memset(pages, 0, op->task->sim->cost.nr_nodes * sizeof(*pages));
	all = count_range(op->task, start, op->end, pages);
	if (!all)
		return nb_push_errno(L, -NB_EFAULT, "access: the range holds no page");
	charge_slice(op, pages, all, pattern_of(L, name));
	if (op->left_bytes) {
		op->addr = start;
		return NB_OP_AGAIN;
	}
	push_figures(L, op, pages);
	return 1;
}

void nb_lua_access_open(lua_State *L)
{
	static const struct nb_op_def def = {"access", op_access, true, false};

	nb_op_register(L, &def);
}
