/* lua_cpuset.c -- cpusets of a scenario's tasks.
 *
 * Called through the method table of tasks (lua_task.c) and of `machine`. A process that is given
 * one gets it below the root; others may join it.
 */
#include "sim/lua_host.h"

#include <numabox/cpuset.h>

#include <string.h>

static const struct nb_arg_word switches[] = {
	{"cpu_exclusive", NB_CPUSET_CPU_EXCLUSIVE},
	{"mem_exclusive", NB_CPUSET_MEM_EXCLUSIVE},
	{"mem_hardwall", NB_CPUSET_MEM_HARDWALL},
	{"memory_migrate", NB_CPUSET_MEMORY_MIGRATE},
	{"memory_spread_page", NB_CPUSET_MEMORY_SPREAD_PAGE},
	{"memory_spread_slab", NB_CPUSET_MEMORY_SPREAD_SLAB},
	{NULL, 0},
};

/* Writes the switches that differ from what is wanted. 0 or a negative errno; *ret_name says at
 * which one. */
static int set_switches(struct nb_cpuset *cs, unsigned wanted, const char **ret_name)
{
	struct nb_cpuset_info info;

	nb_cpuset_info(cs, &info);
	for (size_t i = 0; switches[i].name; i++) {
		bool on = wanted & switches[i].value;
		int ret;

		if (on == ((info.flags & switches[i].value) != 0))
			continue;
		ret = nb_cpuset_set_flag(cs, switches[i].value, on);
		*ret_name = switches[i].name;
		if (ret)
			return ret;
	}
	return 0;
}

/* t:set_cpuset(other): joins the one of another task */
static int join(lua_State *L, struct nb_op *op)
{
	struct nb_sim_task *other = nb_lua_check_task(L, 2);
	struct nb_cpuset *cs;
	uint64_t *before;
	int ret;

	if (!nb_task_alive(other->task))
		return nb_push_errno(L, -NB_ESRCH, "set_cpuset: that task has ended");
	cs = nb_task_cpuset(other->task);
	before = nb_lua_pages_before(L, op->task);
	ret = cs ? nb_cpuset_attach(cs, op->task->task) : -NB_ENOMEM;
	nb_sim_charge_ns(op->task, NB_COST_MMAP_NS);
	nb_lua_charge_moved(op, op->task, before);
	if (ret)
		return nb_push_errno(L, ret, "set_cpuset: it cannot join that cpuset");
	lua_pushboolean(L, 1);
	return 1;
}

/* t:set_cpuset{ mems =, cpus =, flags = } */
static int op_set_cpuset(lua_State *L, struct nb_op *op)
{
	static const char *const keys[] = {"mems", "cpus", "flags", NULL};
	const char *name = op->def->name, *which = "";
	struct nb_nodemask mems;
	struct nb_cpumask cpus;
	bool has_mems, has_cpus;
	int ret;

	if (lua_isuserdata(L, 2))
		return join(L, op);
	nb_arg_keys(L, 2, name, keys);
	lua_settop(L, 2);
	nb_arg_field(L, 2, "mems");
	has_mems = nb_arg_set(L, 3, name, "mems", mems.bits, NB_MAX_NODES);
	nb_arg_field(L, 2, "cpus");
	has_cpus = nb_arg_set(L, 4, name, "cpus", cpus.bits, NB_MAX_CPUS);
	if (has_mems || has_cpus) {
		uint64_t *before = nb_lua_pages_before(L, op->task);

		ret = nb_set_cpuset(op->task->task, has_mems ? &mems : NULL,
				    has_cpus ? &cpus : NULL);
		nb_sim_charge_ns(op->task, NB_COST_MMAP_NS);
		nb_lua_charge_moved(op, op->task, before);
		if (ret)
			return nb_push_errno(L, ret,
					     "set_cpuset: these nodes and CPUs are refused");
	}
	if (nb_arg_field(L, 2, "flags")) {
		unsigned wanted = nb_arg_words(L, -1, name, "flags", switches);
		struct nb_cpuset *cs = nb_task_cpuset(op->task->task);

		ret = cs ? set_switches(cs, wanted, &which) : -NB_ENOMEM;
		if (ret)
			return nb_push_errno(L, ret, "set_cpuset: %s is refused%s", which,
					     ret == -NB_EINVAL ? " (switches are cgroup v1's: "
								 "machine:cpuset_v1(true))"
							       : "");
	}
	lua_pushboolean(L, 1);
	return 1;
}

/* t:cpuset(): { name, mems, cpus, effective_mems, effective_cpus, flags, tasks } */
static int op_cpuset(lua_State *L, struct nb_op *op)
{
	struct nb_cpuset *cs = nb_task_cpuset(op->task->task);
	struct nb_cpuset_info info;
	lua_Integer n = 0;

	if (!cs)
		return nb_push_errno(L, -NB_ENOMEM, "cpuset: no memory");
	nb_cpuset_info(cs, &info);
	lua_createtable(L, 0, 7);
	lua_pushstring(L, info.name);
	lua_setfield(L, -2, "name");
	nb_push_set(L, info.mems.bits, NB_MAX_NODES);
	lua_setfield(L, -2, "mems");
	nb_push_set(L, info.cpus.bits, NB_MAX_CPUS);
	lua_setfield(L, -2, "cpus");
	nb_push_set(L, info.effective_mems.bits, NB_MAX_NODES);
	lua_setfield(L, -2, "effective_mems");
	nb_push_set(L, info.effective_cpus.bits, NB_MAX_CPUS);
	lua_setfield(L, -2, "effective_cpus");
	nb_set_u64(L, "tasks", info.nr_tasks);
	lua_newtable(L);
	for (size_t i = 0; switches[i].name; i++) {
		if (!(info.flags & switches[i].value))
			continue;
		lua_pushstring(L, switches[i].name);
		lua_rawseti(L, -2, ++n);
	}
	lua_setfield(L, -2, "flags");
	return 1;
}

/* machine:cpuset_v1(on): the older rules, with their switches */
static int op_cpuset_v1(lua_State *L, struct nb_op *op)
{
	int ret;

	luaL_checktype(L, 2, LUA_TBOOLEAN);
	ret = nb_cpuset_use_v1(op->host->sim->sys, lua_toboolean(L, 2));
	if (ret)
		return nb_push_errno(L, ret, "cpuset_v1: there are cpusets already");
	lua_pushboolean(L, 1);
	return 1;
}

static const struct nb_op_def task_ops[] = {
	{"set_cpuset", op_set_cpuset, true, false},
	{"cpuset", op_cpuset, true, false},
};

static const struct nb_op_def machine_op = {"cpuset_v1", op_cpuset_v1, false, false};

void nb_lua_cpuset_open(lua_State *L, bool tasks)
{
	for (size_t i = 0; tasks && i < sizeof(task_ops) / sizeof(*task_ops); i++)
		nb_op_register(L, &task_ops[i]);
	if (!tasks)
		nb_op_register(L, &machine_op);
}
