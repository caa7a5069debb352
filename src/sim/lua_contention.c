/* lua_contention.c -- locks in scenarios: machine:contention{...} and machine:locks().
 *
 * Called through the method table of `machine`; the model stands in contention.c.
 */
#include "sim/contention.h"
#include "sim/lua_host.h"

/* machine:contention{ lru = "node" | "global", batch = n }: from now on tasks wait for locks. */
static int op_contention(lua_State *L, struct nb_op *op)
{
	static const char *const keys[] = {"lru", "batch", NULL};
	static const struct nb_arg_word kinds[] = {{"node", 0}, {"global", 1}, {NULL, 0}};
	const char *name = op->def->name;
	unsigned global = 0, batch = 0;

	lua_settop(L, 2);
	nb_arg_keys(L, 2, name, keys);
	if (nb_arg_field(L, 2, "lru"))
		global = nb_arg_words(L, lua_gettop(L), name, "lru", kinds);
	if (nb_arg_field(L, 2, "batch"))
		batch = (unsigned)nb_arg_integer(L, lua_gettop(L), name, "batch", 1, 1024);
	nb_contention_start(op->host->sim, global != 0, batch);
	lua_pushboolean(L, 1);
	return 1;
}

static void push_lock(lua_State *L, const struct nb_sim_lock *l, const char *name, int nid)
{
	lua_newtable(L);
	lua_pushstring(L, name);
	lua_setfield(L, -2, "name");
	if (nid != NB_NO_NODE) {
		lua_pushinteger(L, nid);
		lua_setfield(L, -2, "node");
	}
	nb_set_u64(L, "taken", l->taken);
	nb_set_u64(L, "held_ns", l->held_ns);
	nb_set_u64(L, "waited_ns", l->waited_ns);
	lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
}

/* machine:locks(): of each lock how often it was taken, held and waited for. */
static int op_locks(lua_State *L, struct nb_op *op)
{
	const struct nb_sim *s = op->host->sim;
	const struct nb_contention *c = s->contention;

	if (!c)
		return nb_push_errno(L, -NB_EINVAL,
				     "locks: nothing is known without machine:contention{}");
	lua_newtable(L);
	for (unsigned i = 0; i < s->cost.nr_nodes; i++) {
		if (!c->global || i == 0)
			push_lock(L, &c->lru[i], "lru",
				  c->global ? NB_NO_NODE : s->cost.node_id[i]);
	}
	for (unsigned i = 0; i < s->cost.nr_nodes; i++)
		push_lock(L, &c->zone[i], "zone", s->cost.node_id[i]);
	return 1;
}

void nb_lua_contention_open(lua_State *L)
{
	static const struct nb_op_def ops[] = {
		{"contention", op_contention, false, false},
		{"locks", op_locks, false, false},
	};

	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++)
		nb_op_register(L, &ops[i]);
}
