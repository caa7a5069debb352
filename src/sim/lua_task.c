/* lua_task.c -- tasks of a scenario: their CPUs, life and figures.
 *
 * Called through the method table of tasks; memory, policies and new tasks stand in lua_memory.c,
 * lua_policy.c and lua_process.c. A task's handle
 * is a userdata that points into the driver, which keeps tasks (also ended ones) to its end.
 */
#include "sim/lua_host.h"

#include "base/hosted/text.h"
#include "base/mask.h"

#include <stdlib.h>

#define TASK "task"

struct nb_sim_task *nb_lua_check_task(lua_State *L, int index)
{
	struct nb_sim_task **p = luaL_testudata(L, index, TASK);

	if (!p)
		luaL_error(L, "expected a task (write t:touch(), not t.touch()), found %s",
			   luaL_typename(L, index));
	return *p;
}

/* One handle a task, so that handles can be compared. Kept in a table of the registry by index. */
void nb_lua_push_task(lua_State *L, struct nb_sim_task *t)
{
	static const char key;
	struct nb_sim_task **p;

	if (lua_rawgetp(L, LUA_REGISTRYINDEX, &key) != LUA_TTABLE) {
		lua_pop(L, 1);
		lua_newtable(L);
		lua_pushvalue(L, -1);
		lua_rawsetp(L, LUA_REGISTRYINDEX, &key);
	}
	if (lua_rawgeti(L, -1, (lua_Integer)t->index + 1) == LUA_TNIL) {
		lua_pop(L, 1);
		p = lua_newuserdatauv(L, sizeof(struct nb_sim_task *), 0);
		*p = t;
		luaL_setmetatable(L, TASK);
		nb_sandbox_object(L, -1, false); /* numbered: it may be a key of a table */
		lua_pushvalue(L, -1);
		lua_rawseti(L, -3, (lua_Integer)t->index + 1);
	}
	lua_remove(L, -2);
}

static int task_tostring(lua_State *L)
{
	const struct nb_sim_task *t = nb_lua_check_task(L, 1);

	lua_pushfstring(L, "task %d (%s)", nb_task_pid(t->task), nb_task_comm(t->task));
	return 1;
}

/* ---- where it runs ---- */

static int op_sched_setaffinity(lua_State *L, struct nb_op *op)
{
	struct nb_cpumask cpus;
	int before = nb_task_cpu(op->task->task), ret;

	if (!nb_arg_set(L, 2, op->def->name, "cpus", cpus.bits, NB_MAX_CPUS))
		return nb_arg_error(L, op->def->name,
				    "the CPUs are missing: a table such as {4, 5}");
	ret = nb_sched_setaffinity(op->task->task, &cpus);
	nb_sim_charge_ns(op->task, NB_COST_SYSCALL_NS);
	if (ret)
		return nb_push_errno(L, ret, "sched_setaffinity: none of these CPUs is online");
	if (nb_task_cpu(op->task->task) != before)
		nb_sim_charge_ns(op->task, NB_COST_SCHED_NS);
	lua_pushboolean(L, 1);
	return 1;
}

/* ---- life ---- */

static int op_exit(lua_State *L, struct nb_op *op)
{
	uint64_t pages = nb_task_rss_pages(op->task->task);

	nb_sim_task_end(op->task);
	nb_sim_charge_ns(op->task, NB_COST_TASK_NS + pages * NB_COST_UNMAP_PAGE_NS);
	lua_pushboolean(L, 1);
	return 1;
}

static int task_alive(lua_State *L)
{
	lua_pushboolean(L, nb_task_alive(nb_lua_check_task(L, 1)->task));
	return 1;
}

/* t:spawn(f, ...): f(...) as a strand of its own, from now on. Returns the task. */
static int task_spawn(lua_State *L)
{
	struct nb_host *h = nb_host_of(L);
	struct nb_sim_task *t = nb_lua_check_task(L, 1);
	int nargs = lua_gettop(L) - 2;
	lua_State *co;

	luaL_checktype(L, 2, LUA_TFUNCTION);
	if (!nb_task_alive(t->task))
		return nb_push_errno(L, -NB_ESRCH, "spawn: the task has ended");
	co = lua_newthread(L);
	lua_insert(L, 2);
	if (!lua_checkstack(co, nargs + 1))
		return luaL_error(L, "spawn: too many arguments");
	lua_xmove(L, co, nargs + 1);
	nb_strand_new(h, L, co, nargs, t, nb_strand_now(h)); /* takes the thread off the stack */
	return 1;
}

/* ---- figures ---- */

/* Pages, and the same in bytes. */
static int op_rss(lua_State *L, struct nb_op *op)
{
	uint64_t pages = nb_task_rss_pages(op->task->task);

	nb_push_u64(L, pages);
	nb_push_u64(L, pages * op->task->sim->cost.page_bytes);
	return 2;
}

/* { [node] = pages }, nodes without pages included. */
static int op_node_pages(lua_State *L, struct nb_op *op)
{
	const struct nb_cost *c = &op->task->sim->cost;

	lua_createtable(L, (int)c->nr_nodes, 1);
	for (unsigned i = 0; i < c->nr_nodes; i++) {
		nb_push_u64(L, nb_task_node_pages(op->task->task, c->node_id[i]));
		lua_rawseti(L, -2, c->node_id[i]);
	}
	return 1;
}

static int op_latency_ns(lua_State *L, struct nb_op *op)
{
	lua_pushnumber(L, nb_sim_task_latency_ns(op->task));
	return 1;
}

static int task_pid(lua_State *L)
{
	lua_pushinteger(L, nb_task_pid(nb_lua_check_task(L, 1)->task));
	return 1;
}

static int task_cpu(lua_State *L)
{
	const struct nb_sim_task *t = nb_lua_check_task(L, 1);

	lua_pushinteger(L, t->ended ? t->last_cpu : nb_task_cpu(t->task));
	return 1;
}

static int task_node(lua_State *L)
{
	lua_pushinteger(L, nb_sim_task_node(nb_lua_check_task(L, 1)));
	return 1;
}

static int task_comm(lua_State *L)
{
	lua_pushstring(L, nb_task_comm(nb_lua_check_task(L, 1)->task));
	return 1;
}

static int task_time_ns(lua_State *L)
{
	nb_push_u64(L, nb_lua_check_task(L, 1)->clock_ns);
	return 1;
}

/* ---- calls of later versions ---- */

static int later(lua_State *L)
{
	return luaL_error(L, "not supported yet by this version: %s",
			  lua_tostring(L, lua_upvalueindex(1)));
}

void nb_lua_later(lua_State *L, const char *what, const char *name)
{
	lua_pushfstring(L, "%s:%s()", what, name);
	lua_pushcclosure(L, later, 1);
	lua_setfield(L, -2, name);
}

static const struct nb_op_def ops[] = {
	{"sched_setaffinity", op_sched_setaffinity, true, false},
	{"exit", op_exit, true, false},
	{"rss", op_rss, true, false},
	{"node_pages", op_node_pages, true, false},
	{"latency_ns", op_latency_ns, true, false},
};

static const luaL_Reg methods[] = {
	{"alive", task_alive}, {"spawn", task_spawn}, {"pid", task_pid},         {"cpu", task_cpu},
	{"node", task_node},   {"comm", task_comm},   {"time_ns", task_time_ns}, {NULL, NULL},
};

void nb_lua_task_open(lua_State *L)
{
	luaL_newmetatable(L, TASK);
	lua_pushcfunction(L, task_tostring);
	lua_setfield(L, -2, "__tostring");
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable"); /* not to be looked into or changed */
	lua_newtable(L);
	luaL_setfuncs(L, methods, 0);
	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++)
		nb_op_register(L, &ops[i]);
	nb_lua_access_open(L);
	nb_lua_vma_open(L);
	nb_lua_policy_open(L);
	nb_lua_hugetlb_open(L, true);
	nb_lua_memory_open(L);
	nb_lua_procfs_open(L);
	nb_lua_process_open(L);
	nb_lua_cpuset_open(L, true);
	nb_lua_cgroup_open(L, true);
	nb_lua_pressure_open(L, true);
	lua_setfield(L, -2, "__index");
	lua_pop(L, 1);
}
