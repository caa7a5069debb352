/* lua_policy.c -- memory policies of a scenario's tasks, and moving their pages between nodes.
 *
 * Called through the method table of tasks (lua_task.c). Words and sets in, the engine's call, its
 * result or errno out: no rule of Linux stands here.
 */
#include "sim/lua_host.h"

#include "base/hosted/text.h"

#include <numabox/mempolicy.h>

#include <stdlib.h>

static const struct nb_arg_word modes[] = {
	{"default", NB_MPOL_DEFAULT},
	{"preferred", NB_MPOL_PREFERRED},
	{"bind", NB_MPOL_BIND},
	{"interleave", NB_MPOL_INTERLEAVE},
	{"local", NB_MPOL_LOCAL},
	{"preferred_many", NB_MPOL_PREFERRED_MANY},
	{"weighted_interleave", NB_MPOL_WEIGHTED_INTERLEAVE},
	{NULL, 0},
};

static const struct nb_arg_word mode_flags[] = {
	{"static_nodes", NB_MPOL_F_STATIC_NODES},
	{"relative_nodes", NB_MPOL_F_RELATIVE_NODES},
	{"numa_balancing", NB_MPOL_F_NUMA_BALANCING},
	{NULL, 0},
};

/* t:set_mempolicy(mode, nodes, flags) */
static int op_set_mempolicy(lua_State *L, struct nb_op *op)
{
	const char *name = op->def->name;
	struct nb_nodemask nodes;
	unsigned mode = nb_arg_words_or_number(L, 2, name, "mode", modes);
	bool given = nb_arg_set(L, 3, name, "nodes", nodes.bits, NB_MAX_NODES);
	unsigned flags = nb_arg_words_or_number(L, 4, name, "flags", mode_flags);
	int ret = nb_set_mempolicy(op->task->task, (int)(mode | flags), given ? &nodes : NULL);

	nb_sim_charge_ns(op->task, NB_COST_SYSCALL_NS);
	if (ret)
		return nb_push_errno(L, ret,
				     "set_mempolicy: this mode with these nodes is refused");
	lua_pushboolean(L, 1);
	return 1;
}

/* ---- get_mempolicy ---- */

/* Mode, nodes, flags of the mode; 3. */
static int push_policy(lua_State *L, int mode, const struct nb_nodemask *nodes)
{
	for (size_t i = 0; modes[i].name; i++)
		if (modes[i].value == ((unsigned)mode & 0xff))
			lua_pushstring(L, modes[i].name);
	nb_push_set(L, nodes->bits, NB_MAX_NODES);
	lua_newtable(L);
	for (size_t i = 0, n = 0; mode_flags[i].name; i++) {
		if (!((unsigned)mode & mode_flags[i].value))
			continue;
		lua_pushstring(L, mode_flags[i].name);
		lua_rawseti(L, -2, (lua_Integer)++n);
	}
	return 3;
}

/* t:get_mempolicy{ addr =, flags = {"node", "addr", "mems_allowed"} }. An addr alone means the flag
 * too. With "node" the result is a node, with "mems_allowed" the set alone. */
static int op_get_mempolicy(lua_State *L, struct nb_op *op)
{
	static const char *const keys[] = {"addr", "flags", NULL};
	static const struct nb_arg_word words[] = {{"node", NB_MPOL_F_NODE},
						   {"addr", NB_MPOL_F_ADDR},
						   {"mems_allowed", NB_MPOL_F_MEMS_ALLOWED},
						   {NULL, 0}};
	const char *name = op->def->name;
	struct nb_nodemask nodes;
	uint64_t addr = 0;
	unsigned flags = 0;
	int mode, ret;

	nb_arg_keys(L, 2, name, keys);
	lua_settop(L, 2);
	if (nb_arg_field(L, 2, "addr")) {
		addr = nb_arg_address(L, -1, name, "addr");
		flags = NB_MPOL_F_ADDR;
	}
	if (nb_arg_field(L, 2, "flags"))
		flags = nb_arg_words_or_number(L, -1, name, "flags", words);
	ret = nb_get_mempolicy_flags(op->task->task, addr, flags, &mode, &nodes);
	nb_sim_charge_ns(op->task, NB_COST_SYSCALL_NS);
	if (ret)
		return nb_push_errno(L, ret, "get_mempolicy: refused with these flags");
	if (flags & NB_MPOL_F_NODE) {
		lua_pushinteger(L, mode);
		return 1;
	}
	if (flags & NB_MPOL_F_MEMS_ALLOWED) {
		nb_push_set(L, nodes.bits, NB_MAX_NODES);
		return 1;
	}
	return push_policy(L, mode, &nodes);
}

/* ---- ranges ---- */

void nb_lua_charge_moved(struct nb_op *op, const struct nb_sim_task *t, const uint64_t *before)
{
	const struct nb_cost *c = &t->sim->cost;
	uint64_t moved = 0;

	for (unsigned i = 0; !t->ended && i < c->nr_nodes; i++) {
		uint64_t now = nb_task_node_pages(t->task, c->node_id[i]);

		moved += now > before[i] ? now - before[i] : 0;
	}
	nb_sim_charge_ns(op->task, moved * NB_COST_MIGRATE_PAGE_NS);
}

/* t:mbind(addr, length, mode, nodes, flags) */
static int op_mbind(lua_State *L, struct nb_op *op)
{
	static const struct nb_arg_word all[] = {{"strict", NB_MPOL_MF_STRICT},
						 {"move", NB_MPOL_MF_MOVE},
						 {"move_all", NB_MPOL_MF_MOVE_ALL},
						 {"static_nodes", NB_MPOL_F_STATIC_NODES},
						 {"relative_nodes", NB_MPOL_F_RELATIVE_NODES},
						 {"numa_balancing", NB_MPOL_F_NUMA_BALANCING},
						 {NULL, 0}};
	const unsigned of_mode =
		NB_MPOL_F_STATIC_NODES | NB_MPOL_F_RELATIVE_NODES | NB_MPOL_F_NUMA_BALANCING;
	const char *name = op->def->name;
	struct nb_nodemask nodes;
	uint64_t addr = nb_arg_address(L, 2, name, "address");
	uint64_t length = nb_arg_size(L, 3, name, "length");
	unsigned mode = nb_arg_words_or_number(L, 4, name, "mode", modes);
	bool given = nb_arg_set(L, 5, name, "nodes", nodes.bits, NB_MAX_NODES);
	/* both kinds of flags stand in one list: those of the mode are set apart */
	unsigned flags = nb_arg_words_or_number(L, 6, name, "flags", all);
	uint64_t *before = nb_lua_pages_before(L, op->task);
	int ret = nb_mbind(op->task->task, addr, length, (int)(mode | (flags & of_mode)),
			   given ? &nodes : NULL, flags & ~of_mode);

	nb_sim_charge_ns(op->task, NB_COST_MMAP_NS);
	nb_lua_charge_moved(op, op->task, before);
	if (ret)
		return nb_push_errno(L, ret, "mbind: this range, mode and nodes are refused");
	lua_pushboolean(L, 1);
	return 1;
}

/* t:set_mempolicy_home_node(addr, length, node [, flags]) */
static int op_home_node(lua_State *L, struct nb_op *op)
{
	const char *name = op->def->name;
	uint64_t addr = nb_arg_address(L, 2, name, "address");
	uint64_t length = nb_arg_size(L, 3, name, "length");
	int node = (int)nb_arg_integer(L, 4, name, "node", INT32_MIN, INT32_MAX);
	unsigned flags = lua_isnoneornil(L, 5)
				 ? 0
				 : (unsigned)nb_arg_integer(L, 5, name, "flags", 0, UINT32_MAX);
	int ret = nb_set_mempolicy_home_node(op->task->task, addr, length, node, flags);

	nb_sim_charge_ns(op->task, NB_COST_MMAP_NS);
	if (ret)
		return nb_push_errno(L, ret, "set_mempolicy_home_node: refused for this range");
	lua_pushboolean(L, 1);
	return 1;
}

/* ---- moving ---- */

/* The task in argument `index`, or the caller itself; NULL when it has ended (ESRCH). */
static struct nb_sim_task *target_of(lua_State *L, struct nb_op *op, int index)
{
	struct nb_sim_task *t = lua_isnoneornil(L, index) ? op->task : nb_lua_check_task(L, index);

	return nb_task_alive(t->task) ? t : NULL;
}

/* t:migrate_pages(from, to [, target]): pages that could not be moved. */
static int op_migrate_pages(lua_State *L, struct nb_op *op)
{
	const char *name = op->def->name;
	struct nb_sim_task *target = target_of(L, op, 4);
	struct nb_nodemask from, to;
	uint64_t *before;
	int ret;

	if (!nb_arg_set(L, 2, name, "from", from.bits, NB_MAX_NODES) ||
	    !nb_arg_set(L, 3, name, "to", to.bits, NB_MAX_NODES))
		return nb_arg_error(L, name, "two sets of nodes are needed, such as {0}, {1}");
	if (!target)
		return nb_push_errno(L, -NB_ESRCH, "migrate_pages: the task has ended");
	before = nb_lua_pages_before(L, target);
	ret = nb_migrate_pages(op->task->task, target->task, &from, &to);
	nb_sim_charge_ns(op->task, NB_COST_MMAP_NS);
	nb_lua_charge_moved(op, target, before);
	if (ret < 0)
		return nb_push_errno(L, ret, "migrate_pages: refused");
	lua_pushinteger(L, ret);
	return 1;
}

struct moves {
	uint64_t n, *pages;
	int *nodes, *status; /* nodes NULL: a query */
};

/* Tables of addresses and nodes, or one of each, into memory that Lua frees. */
static void read_moves(lua_State *L, const char *name, struct moves *m)
{
	lua_Integer given;

	if (lua_type(L, 2) == LUA_TNUMBER) { /* one address alone */
		lua_createtable(L, 1, 0);
		lua_pushvalue(L, 2);
		lua_rawseti(L, -2, 1);
		lua_replace(L, 2);
	}
	luaL_checktype(L, 2, LUA_TTABLE);
	given = luaL_len(L, 2);
	if (given < 0 || given > 1 << 26)
		nb_arg_error(L, name, "%lld pages in one call", (long long)given);
	m->n = (uint64_t)given;
	m->pages = lua_newuserdatauv(L, (m->n + 1) * sizeof(*m->pages), 0);
	m->status = lua_newuserdatauv(L, (m->n + 1) * sizeof(*m->status), 0);
	m->nodes = lua_isnoneornil(L, 3) ? NULL
					 : lua_newuserdatauv(L, (m->n + 1) * sizeof(*m->nodes), 0);
	for (lua_Integer i = 1; i <= given; i++) {
		lua_geti(L, 2, i);
		m->pages[i - 1] = nb_arg_address(L, -1, name, "page");
		lua_pop(L, 1);
		m->status[i - 1] = -NB_ENOENT;
		if (!m->nodes)
			continue;
		if (lua_type(L, 3) == LUA_TTABLE)
			lua_geti(L, 3, i);
		else
			lua_pushvalue(L, 3); /* one node for all */
		m->nodes[i - 1] = (int)nb_arg_integer(L, -1, name, "node", INT32_MIN, INT32_MAX);
		lua_pop(L, 1);
	}
}

/* t:move_pages(pages [, nodes [, flags [, target]]]): per page its node or an errno's name, and how
 * many were not moved. */
static int op_move_pages(lua_State *L, struct nb_op *op)
{
	static const struct nb_arg_word words[] = {
		{"move", NB_MPOL_MF_MOVE}, {"move_all", NB_MPOL_MF_MOVE_ALL}, {NULL, 0}};
	const char *name = op->def->name;
	struct nb_sim_task *target;
	struct moves m;
	unsigned flags;
	uint64_t *before;
	int ret;

	lua_settop(L, 5);
	target = target_of(L, op, 5);
	flags = lua_isnil(L, 4) ? NB_MPOL_MF_MOVE
				: nb_arg_words_or_number(L, 4, name, "flags", words);
	read_moves(L, name, &m);
	if (!target)
		return nb_push_errno(L, -NB_ESRCH, "move_pages: the task has ended");
	before = nb_lua_pages_before(L, target);
	ret = nb_move_pages(op->task->task, target->task, m.n, m.pages, m.nodes, m.status,
			    (int)flags);
	nb_sim_charge_ns(op->task, NB_COST_SYSCALL_NS + m.n * NB_COST_QUERY_PAGE_NS);
	nb_lua_charge_moved(op, target, before);
	if (ret < 0)
		return nb_push_errno(L, ret, "move_pages: refused");
	lua_createtable(L, (int)m.n, 0);
	for (uint64_t i = 0; i < m.n; i++) {
		if (m.status[i] >= 0)
			lua_pushinteger(L, m.status[i]);
		else
			lua_pushstring(L, nb_errno_name(m.status[i]));
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	lua_pushinteger(L, ret);
	return 2;
}

static const struct nb_op_def ops[] = {
	{"set_mempolicy", op_set_mempolicy, true, false},
	{"get_mempolicy", op_get_mempolicy, true, false},
	{"mbind", op_mbind, true, false},
	{"set_mempolicy_home_node", op_home_node, true, false},
	{"migrate_pages", op_migrate_pages, true, false},
	{"move_pages", op_move_pages, true, false},
};

void nb_lua_policy_open(lua_State *L)
{
	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++)
		nb_op_register(L, &ops[i]);
}
