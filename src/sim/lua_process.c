/* lua_process.c -- tasks that make tasks: fork, thread, exec; who they are.
 *
 * Called through the method table of tasks (lua_task.c).
 */
#include "sim/lua_host.h"

#include <numabox/mempolicy.h>

/* Pushes a task that the engine has just made out of op's; it is busy until its beginning is over.
 */
static int push_made(lua_State *L, struct nb_op *op, struct nb_task *made)
{
	struct nb_sim_task *t = nb_sim_task_adopt(op->host->sim, made);

	t->clock_ns = op->task->clock_ns;
	nb_lua_push_task(L, t);
	return 1;
}

/* t:fork(): the child */
static int op_fork(lua_State *L, struct nb_op *op)
{
	struct nb_task *child;
	int ret = nb_task_fork(op->task->task, &child);

	nb_sim_charge_ns(op->task, NB_COST_TASK_NS + nb_task_rss_pages(op->task->task) *
							     NB_COST_FORK_PAGE_NS);
	if (ret)
		return nb_push_errno(L, ret, "fork: no memory");
	return push_made(L, op, child);
}

/* t:thread{ cpu = } */
static int op_thread(lua_State *L, struct nb_op *op)
{
	static const char *const keys[] = {"cpu", NULL};
	struct nb_task *thread;
	int cpu = nb_task_cpu(op->task->task), ret;

	nb_arg_keys(L, 2, op->def->name, keys);
	lua_settop(L, 2);
	if (nb_arg_field(L, 2, "cpu"))
		cpu = (int)nb_arg_integer(L, -1, op->def->name, "cpu", 0, NB_MAX_CPUS - 1);
	ret = nb_task_thread(op->task->task, cpu, &thread);
	nb_sim_charge_ns(op->task, NB_COST_THREAD_NS);
	if (ret)
		return nb_push_errno(
			L, ret, "thread: %s CPU %d",
			ret == -NB_ENOMEM ? "no memory for one on" : "it may not run on", cpu);
	return push_made(L, op, thread);
}

/* t:exec([comm]) */
static int op_exec(lua_State *L, struct nb_op *op)
{
	const char *comm = luaL_optstring(L, 2, NULL);
	uint64_t pages = nb_task_rss_pages(op->task->task);
	int ret = nb_task_exec(op->task->task, comm);

	nb_sim_charge_ns(op->task, NB_COST_TASK_NS + pages * NB_COST_UNMAP_PAGE_NS);
	if (ret)
		return nb_push_errno(L, ret, "exec: no memory");
	nb_recorder_task(&op->host->sim->rec, nb_task_pid(op->task->task),
			 nb_task_comm(op->task->task));
	lua_pushboolean(L, 1);
	return 1;
}

/* t:uid([n]): its user; 0 is root, as every task that no other made */
static int op_uid(lua_State *L, struct nb_op *op)
{
	if (!lua_isnoneornil(L, 2))
		nb_task_set_uid(op->task->task, (unsigned)nb_arg_integer(L, 2, op->def->name, "uid",
									 0, UINT32_MAX));
	lua_pushinteger(L, nb_task_uid(op->task->task));
	return 1;
}

static int op_tgid(lua_State *L, struct nb_op *op)
{
	lua_pushinteger(L, nb_task_tgid(op->task->task));
	return 1;
}

static const struct nb_op_def ops[] = {
	{"fork", op_fork, true, false}, {"thread", op_thread, true, false},
	{"exec", op_exec, true, false}, {"uid", op_uid, true, false},
	{"tgid", op_tgid, true, true},
};

void nb_lua_process_open(lua_State *L)
{
	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++)
		nb_op_register(L, &ops[i]);
}
