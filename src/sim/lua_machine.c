/* lua_machine.c -- the global `machine` of a scenario: tasks, sysctls, time, hardware; and
 * expect().
 *
 * Called by scenario.c. What looks at the machine's state stands in lua_observe.c, its page
 * allocator in lua_pages.c.
 */
#include "sim/lua_host.h"

#include <numabox/oom.h>

#include "base/mask.h"

#include <numabox/hugetlb.h>

#include <stdlib.h>
#include <string.h>

/* ---- tasks ---- */

/* machine:task{ cpu =, comm = } */
static int op_task(lua_State *L, struct nb_op *op)
{
	static const char *const keys[] = {"cpu", "comm", "oom_score_adj", NULL};
	struct nb_sim *s = op->host->sim;
	const char *name = op->def->name, *comm = "task";
	int cpu = nb_lua_first_cpu(s), adj = 0, ret;
	struct nb_sim_task *t;

	nb_arg_keys(L, 2, name, keys);
	lua_settop(L, 2);
	if (nb_arg_field(L, 2, "oom_score_adj"))
		adj = (int)nb_arg_integer(L, 3, name, "oom_score_adj", -1000, 1000);
	lua_settop(L, 2);
	if (nb_arg_field(L, 2, "cpu"))
		cpu = (int)nb_arg_integer(L, 3, name, "cpu", 0, NB_MAX_CPUS - 1);
	if (nb_arg_field(L, 2, "comm"))
		comm = luaL_checkstring(L, 4);
	if (s->nr_tasks % 256 == 255)
		nb_host_check_memory(L);
	ret = nb_sim_task_new(s, cpu, comm, &t);
	if (ret == -NB_EINVAL)
		return nb_push_errno(L, ret, "task: CPU %d is not online", cpu);
	if (ret)
		return nb_push_errno(L, ret, "task: no memory");
	if (adj)
		(void)nb_task_set_oom_score_adj(t->task, adj);
	t->clock_ns = op->strand->now_ns + NB_COST_TASK_NS;
	op->cost_ns = NB_COST_TASK_NS;
	nb_lua_push_task(L, t);
	return 1;
}

/* ---- sysctls ---- */

/* machine:sysctl(name [, value]) */
static int op_sysctl(lua_State *L, struct nb_op *op)
{
	struct nb_system *sys = op->host->sim->sys;
	const char *name = luaL_checkstring(L, 2);
	struct nb_error err = {0};
	char text[512];
	int ret;

	op->cost_ns = NB_COST_SYSCALL_NS;
	if (!lua_isnoneornil(L, 3)) {
		const char *value;

		if (lua_isboolean(L, 3)) {
			lua_pushinteger(L, lua_toboolean(L, 3));
			lua_replace(L, 3);
		}
		if (lua_type(L, 3) == LUA_TNUMBER) { /* 1e5 is 100000, not "100000.0" */
			nb_push_u64(L, nb_arg_size(L, 3, op->def->name, "value"));
			lua_replace(L, 3);
		}
		value = luaL_checkstring(L, 3);
		ret = nb_sysctl_write(sys, name, value, &err);
		if (ret)
			return nb_push_errno(L, ret, "%s",
					     err.text[0] ? err.text : "sysctl: no such name");
		lua_pushboolean(L, 1);
		return 1;
	}
	ret = nb_sysctl_read(sys, name, text, sizeof(text));
	if (ret < 0)
		return nb_push_errno(L, ret, "sysctl: there is no '%s'", name);
	if (!lua_stringtonumber(L, text))
		lua_pushstring(L, text);
	return 1;
}

/* machine:sysfs(path [, value [, task]]): a file below /sys or /proc/sys that rules huge pages and
 * their like; writes as `task`, or as root */
static int op_sysfs(lua_State *L, struct nb_op *op)
{
	struct nb_system *sys = op->host->sim->sys;
	const char *path = luaL_checkstring(L, 2);
	char text[1024];
	int ret;

	op->cost_ns = NB_COST_SYSCALL_NS;
	if (!lua_isnoneornil(L, 3)) {
		struct nb_task *t = lua_isnoneornil(L, 4) ? NULL : nb_lua_check_task(L, 4)->task;

		ret = nb_sysfs_write(sys, t, path, luaL_tolstring(L, 3, NULL));
		if (ret)
			return nb_push_errno(L, ret, "sysfs: writing %.80s is refused", path);
		lua_pushboolean(L, 1);
		return 1;
	}
	ret = nb_sysfs_read(sys, path, text, sizeof(text));
	if (ret < 0)
		return nb_push_errno(L, ret, "sysfs: %.80s cannot be read", path);
	text[strcspn(text, "\n")] = '\0';
	if (!lua_stringtonumber(L, text))
		lua_pushstring(L, text);
	return 1;
}

/* machine:interleave_weight(node, weight): of weighted interleave; 0 is the default */
static int op_interleave_weight(lua_State *L, struct nb_op *op)
{
	const char *name = op->def->name;
	int nid = (int)nb_arg_integer(L, 2, name, "node", 0, INT32_MAX);
	unsigned weight = (unsigned)nb_arg_integer(L, 3, name, "weight", 0, UINT32_MAX);
	int ret = nb_set_interleave_weight(op->host->sim->sys, nid, weight);

	op->cost_ns = NB_COST_SYSCALL_NS;
	if (ret)
		return nb_push_errno(L, ret, "interleave_weight: node %d, weight %u; 1 to 255", nid,
				     weight);
	lua_pushboolean(L, 1);
	return 1;
}

/* ---- time ---- */

/* machine:run("1s"): lets time pass; machine:run(): until all spawned work has ended. Returns the
 * time then. */
static int op_run(lua_State *L, struct nb_op *op)
{
	if (op->phase == 0) {
		op->phase = 1;
		if (!lua_isnoneornil(L, 2)) {
			op->until_ns =
				op->strand->now_ns + nb_arg_time(L, 2, op->def->name, "time");
			return NB_OP_SLEEP;
		}
		if (op->strand->task)
			return luaL_error(L, "run: only the scenario itself may wait until all "
					     "spawned work has ended; say how long, as in "
					     "machine:run(\"1s\")");
		if (op->host->nr_live > 0) {
			op->wait_all = true;
			return NB_OP_SLEEP;
		}
	}
	op->wait_all = false;
	nb_push_u64(L, op->strand->now_ns);
	return 1;
}

static int op_time_ns(lua_State *L, struct nb_op *op)
{
	nb_push_u64(L, op->strand->now_ns);
	return 1;
}

/* ---- the hardware ---- */

static int op_nodes(lua_State *L, struct nb_op *op)
{
	const struct nb_cost *c = &op->host->sim->cost;

	lua_createtable(L, (int)c->nr_nodes, 0);
	for (unsigned i = 0; i < c->nr_nodes; i++) {
		lua_pushinteger(L, c->node_id[i]);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	return 1;
}

/* machine:cpus(node); all without one */
static int op_cpus(lua_State *L, struct nb_op *op)
{
	const struct nb_cost *c = &op->host->sim->cost;
	int nid = lua_isnoneornil(L, 2) ? NB_NO_NODE
					: (int)nb_arg_integer(L, 2, "cpus", "node", 0, INT32_MAX);
	lua_Integer n = 0;

	if (nid != NB_NO_NODE && nb_cost_position(c, nid) < 0)
		return nb_push_errno(L, -NB_ENODEV, "cpus: there is no node %d", nid);
	lua_newtable(L);
	for (unsigned i = 0; i < c->nr_cpus; i++) {
		if (c->cpu_node[i] == NB_NO_NODE || (nid != NB_NO_NODE && c->cpu_node[i] != nid))
			continue;
		lua_pushinteger(L, (lua_Integer)i);
		lua_rawseti(L, -2, ++n);
	}
	return 1;
}

/* Two node ids in arguments 2 and 3; false with an errno pushed. */
static bool two_nodes(lua_State *L, struct nb_op *op, int *from, int *to)
{
	const struct nb_cost *c = &op->host->sim->cost;

	*from = (int)nb_arg_integer(L, 2, op->def->name, "from", 0, INT32_MAX);
	*to = (int)nb_arg_integer(L, 3, op->def->name, "to", 0, INT32_MAX);
	if (nb_cost_position(c, *from) >= 0 && nb_cost_position(c, *to) >= 0)
		return true;
	nb_push_errno(L, -NB_ENODEV, "%s: there is no such node", op->def->name);
	return false;
}

static int op_distance(lua_State *L, struct nb_op *op)
{
	int from, to;

	if (!two_nodes(L, op, &from, &to))
		return 3;
	lua_pushinteger(L, nb_system_distance(op->host->sim->sys, from, to));
	return 1;
}

/* machine:latency_ns(from, to): of one access from a CPU of `from` to memory of `to` */
static int op_latency_ns(lua_State *L, struct nb_op *op)
{
	int from, to;

	if (!two_nodes(L, op, &from, &to))
		return 3;
	lua_pushnumber(L, nb_cost_latency_ps(&op->host->sim->cost, from, to) / 1000.0);
	return 1;
}

/* machine:fallback(node): the nodes that a request of that node goes to, in order */
static int op_fallback(lua_State *L, struct nb_op *op)
{
	int nid = (int)nb_arg_integer(L, 2, op->def->name, "node", 0, INT32_MAX);
	struct nb_node_info info;

	if (nb_node_info(op->host->sim->sys, nid, &info))
		return nb_push_errno(L, -NB_ENODEV, "fallback: there is no node %d", nid);
	lua_createtable(L, (int)info.nr_fallback, 0);
	for (unsigned i = 0; i < info.nr_fallback; i++) {
		lua_pushinteger(L, info.fallback[i]);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	return 1;
}

static int op_page_size(lua_State *L, struct nb_op *op)
{
	lua_pushinteger(L, op->host->sim->cost.page_bytes);
	return 1;
}

static const struct nb_op_def ops[] = {
	{"sysfs", op_sysfs, false, false},
	{"interleave_weight", op_interleave_weight, false, false},
	{"task", op_task, false, false},
	{"sysctl", op_sysctl, false, false},
	{"run", op_run, false, false},
	{"time_ns", op_time_ns, false, true},
	{"nodes", op_nodes, false, true},
	{"cpus", op_cpus, false, true},
	{"distance", op_distance, false, true},
	{"latency_ns", op_latency_ns, false, true},
	{"fallback", op_fallback, false, true},
	{"page_size", op_page_size, false, true},
};

static int machine_tostring(lua_State *L)
{
	const struct nb_machine *m = nb_system_machine(nb_host_of(L)->sim->sys);

	lua_pushfstring(L, "machine %s", m->name);
	return 1;
}

void nb_lua_machine_open(lua_State *L)
{
	lua_newuserdatauv(L, 0, 0);
	lua_createtable(L, 0, 3);
	lua_pushcfunction(L, machine_tostring);
	lua_setfield(L, -2, "__tostring");
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_newtable(L);
	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++)
		nb_op_register(L, &ops[i]);
	nb_lua_pages_open(L);
	nb_lua_observe_open(L);
	nb_lua_values_open(L);
	nb_lua_cpuset_open(L, false);
	nb_lua_cgroup_open(L, false);
	nb_lua_pressure_open(L, false);
	nb_lua_contention_open(L);
	nb_lua_file_machine_open(L);
	nb_lua_hugetlb_open(L, false);
	lua_setfield(L, -2, "__index");
	lua_setmetatable(L, -2);
	lua_setglobal(L, "machine");
}

/* ---- expect ---- */

/* expect(cond, text): counts; a failed one is printed with its place. Returns the condition. */
static int lua_expect(lua_State *L)
{
	struct nb_host *h = nb_host_of(L);
	bool holds;
	size_t len;
	const char *text;

	luaL_checkany(L, 1);
	holds = lua_toboolean(L, 1);
	if (holds) {
		h->held++;
	} else {
		h->failed++;
		text = lua_isnoneornil(L, 2) ? "" : nb_safelib_tostring(L, 2, NULL);
		luaL_where(L, 1);
		text = lua_pushfstring(L, "%sexpectation failed%s%s\n", lua_tostring(L, -1),
				       text[0] ? ": " : "", text);
		len = strlen(text);
		if (h->sb.print)
			h->sb.print(h->sb.print_ctx, text, len);
	}
	lua_settop(L, 1);
	return 1;
}

void nb_lua_expect_open(lua_State *L)
{
	lua_pushcfunction(L, lua_expect);
	lua_setglobal(L, "expect");
}
