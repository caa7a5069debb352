/* strand.c -- lines of control of a scenario, switched by virtual time.
 *
 * Called by scenario.c (run everything) and by every binding (operations). The scheduler loop is
 * plain: take the first entry of the driver's clock, run it. A strand runs until an operation of
 * its begins after something else that is due; then it yields and becomes due at that beginning.
 * Where Lua cannot yield (inside table.sort's or gsub's function) the operation goes on at once,
 * and what was due runs afterwards: time never goes back.
 */
#include "sim/lua_host.h"

#include "base/hosted/text.h"

#include <stdlib.h>

uint64_t nb_strand_now(const struct nb_host *h)
{
	return h->current ? h->current->now_ns : h->sim->now_ns;
}

#define TURNS_OF_LONG_CALLS 16u
#define STEPS_OF_LONG_WAITS 4096u

/* ---- operations ---- */

static int op_continued(lua_State *L, int status, lua_KContext ctx);

static bool can_yield(lua_State *L)
{
	return lua_isyieldable(L) && nb_sandbox_of(L)->blocked == 0;
}

static int give_way(lua_State *L, struct nb_strand *st, uint64_t until_ns)
{
	nb_clock_set(&st->host->sim->clock, &st->due, until_ns);
	nb_sandbox_of(L)->passing = true;
	return lua_yieldk(L, 0, 0, op_continued);
}

/* The strand waits for a time, or for all others. */
static int go_to_sleep(lua_State *L, struct nb_strand *st)
{
	struct nb_op *op = &st->op;

	if (!can_yield(L))
		return luaL_error(L,
				  "%s: cannot wait inside a function that Lua's own library "
				  "calls (sort, gsub)",
				  op->def->name);
	if (op->wait_all) {
		nb_sandbox_of(L)->passing = true; /* due again when the last one ends */
		return lua_yieldk(L, 0, 0, op_continued);
	}
	return give_way(L, st, op->until_ns);
}

/* The strand of a task that was killed ends where it stands, as a process does: no line of it runs
 * any more. False where Lua cannot yield: then it goes on to where it can. */
static bool must_die(lua_State *L, struct nb_strand *st)
{
	if (!st->task || !nb_sim_task_killed(st->task) || !can_yield(L))
		return false;
	st->killed = true;
	nb_sandbox_of(L)->passing = true;
	return true;
}

static int op_go(lua_State *L)
{
	struct nb_strand *st = nb_host_of(L)->current;
	struct nb_sim *sim = st->host->sim;
	struct nb_op *op = &st->op;
	int ret;

	for (;;) {
		uint64_t start = st->now_ns;

		if (must_die(L, st)) /* somebody else's need of memory, while this one waited */
			return lua_yieldk(L, 0, 0, op_continued);

		if (op->task && op->task->clock_ns > start)
			start = op->task->clock_ns;
		if (nb_sim_run_due(sim, start) && can_yield(L))
			return give_way(L, st, start);
		nb_sim_set_now(sim, start);
		st->now_ns = start;
		if (op->task)
			op->task->clock_ns = start;
		op->cost_ns = 0;
		sim->rec.pid = op->task ? nb_task_pid(op->task->task) : 0;
		ret = op->def->run(L, op);
		sim->rec.pid = 0;
		st->now_ns = op->task ? op->task->clock_ns : start + op->cost_ns;
		if (op->task)
			nb_sim_task_killed(op->task);
		if (must_die(L, st))
			return lua_yieldk(L, 0, 0, op_continued);
		if (ret == NB_OP_SLEEP)
			return go_to_sleep(L, st);
		if (ret != NB_OP_AGAIN) {
			st->host->work_mark_ns = 0;
			return ret;
		}
		nb_sandbox_poll(L);
		if (++op->turns % TURNS_OF_LONG_CALLS == 0)
			nb_host_note_work(st->host);
		if (++st->host->grains % 1024 == 0)
			nb_host_check_memory(L);
	}
}

static int op_continued(lua_State *L, int status, lua_KContext ctx)
{
	(void)status;
	(void)ctx;
	return op_go(L);
}

static int op_call(lua_State *L)
{
	struct nb_host *h = nb_host_of(L);
	const struct nb_op_def *def = lua_touserdata(L, lua_upvalueindex(1));
	struct nb_op *op = &h->current->op;

	*op = (struct nb_op){.def = def, .host = h, .strand = h->current};
	nb_sandbox_poll(L);
	if (!def->on_task && !lua_isuserdata(L, 1))
		return luaL_error(L, "%s: write machine:%s(), not machine.%s()", def->name,
				  def->name, def->name);
	if (def->on_task) {
		op->task = nb_lua_check_task(L, 1);
		if (!nb_task_alive(op->task->task))
			return nb_push_errno(L, -NB_ESRCH, "%s: the task has ended", def->name);
	}
	return def->plain ? def->run(L, op) : op_go(L);
}

void nb_op_register(lua_State *L, const struct nb_op_def *def)
{
	lua_pushlightuserdata(L, (void *)(uintptr_t)def);
	lua_pushcclosure(L, op_call, 1);
	lua_setfield(L, -2, def->name);
}

/* ---- strands ---- */

static void strand_due(struct nb_due *due);

struct nb_strand *nb_strand_new(struct nb_host *h, lua_State *L, lua_State *co, int nargs,
				struct nb_sim_task *task, uint64_t now_ns)
{
	struct nb_strand *st = nb_xcalloc(1, sizeof(*st));
	int node = task ? nb_sim_task_node(task) : -1; /* the scenario itself goes first */

	*st = (struct nb_strand){
		.host = h, .co = co, .nargs = nargs, .task = task, .now_ns = now_ns};
	st->ref = luaL_ref(L, LUA_REGISTRYINDEX);
	nb_due_init(&h->sim->clock, &st->due, NB_DUE_TASK, node, strand_due, st);
	nb_clock_set(&h->sim->clock, &st->due, now_ns);
	st->next = h->strands;
	st->link = &h->strands;
	if (st->next)
		st->next->link = &st->next;
	h->strands = st;
	if (task)
		h->nr_live++;
	return st;
}

static void strand_free(struct nb_strand *st)
{
	*st->link = st->next;
	if (st->next)
		st->next->link = st->link;
	nb_clock_clear(&st->host->sim->clock, &st->due);
	free(st);
}

static void strand_ended(struct nb_strand *st)
{
	struct nb_host *h = st->host;

	luaL_unref(h->sb.L, LUA_REGISTRYINDEX, st->ref);
	st->ended = true;
	if (st == h->main)
		return;
	h->nr_live--;
	/* whoever waits for all goes on when the last one has ended, at the time it ended */
	if (h->main->op.wait_all && st->now_ns > h->main->now_ns)
		h->main->now_ns = st->now_ns;
	if (h->nr_live == 0 && h->main->op.wait_all && !h->main->ended)
		nb_clock_set(&h->sim->clock, &h->main->due, h->main->now_ns);
	strand_free(st);
}

static void strand_due(struct nb_due *due)
{
	struct nb_strand *st = due->ctx;
	struct nb_host *h = st->host;
	int status, nres = 0;

	h->current = st;
	if (st->now_ns < due->time_ns)
		st->now_ns = due->time_ns;
	status = lua_resume(st->co, h->sb.L, st->nargs, &nres);
	h->current = NULL;
	st->nargs = 0;
	if (status == LUA_YIELD && h->sb.passing) {
		h->sb.passing = false;
		lua_pop(st->co, nres);
		if (st->killed)
			strand_ended(st);
		return;
	}
	if (status == LUA_OK) {
		strand_ended(st);
		return;
	}
	nb_sandbox_failed(st->co, status);
	lua_xmove(st->co, h->sb.L, 1); /* the error object */
	h->broken = st->broken = true;
}

int nb_strands_run(struct nb_host *h)
{
	unsigned steps = 0;
	struct nb_due *d;

	while (!h->main->ended && !h->broken) {
		d = nb_clock_first(&h->sim->clock);
		if (!d)
			break;
		nb_clock_clear(&h->sim->clock, d);
		if (d->kind >= NB_DUE_TASK) {
			steps = 0;
			d->run(d);
			continue;
		}
		nb_sim_run_daemon(h->sim, d);
		if (++steps % STEPS_OF_LONG_WAITS == 0) /* machine:run("1h") */
			nb_host_note_work(h);
	}
	for (unsigned i = 0; i < h->sim->nr_tasks; i++)
		nb_sim_task_killed(h->sim->tasks[i]); /* the reports tell of all */
	return h->broken ? LUA_ERRRUN : LUA_OK;
}

void nb_strands_release(struct nb_host *h)
{
	while (h->strands)
		strand_free(h->strands);
}
