/* lua_cgroup.c -- cgroups in scenarios: machine:cgroup(), g:add(), g:write(), g:read() and kin.
 *
 * Called through the method tables of `machine` and of tasks; groups have one of their own. A group
 * is named by its path and looked up at each call, so that a handle of one that was removed does no
 * harm. It has two sides, as a directory of cgroup v2 has: the memory controller's
 * (numabox/memcg.h) always, the cpuset's (numabox/cpuset.h) from when mems or cpus are given. What
 * a charge over the limit reclaims is done in the call that needs the page.
 */
#include "sim/lua_host.h"

#include "view/memcg.h"

#include <numabox/cpuset.h>
#include <numabox/memcg.h>

#include <stdlib.h>
#include <string.h>

#define GROUP_TYPE "cgroup"
#define PATH_MAX_BYTES 1024u
#define RECLAIM_CLUSTER 32u /* pages that reclaim frees at a time */

struct lua_group {
	char path[PATH_MAX_BYTES]; /* "/", "/web/app" */
};

/* ---- paths ---- */

/* The name up to the next '/', and what follows it. false: none is left, or it is too long. */
static bool next_name(const char **path, char *name, size_t size)
{
	size_t n = 0;

	while (**path == '/')
		(*path)++;
	while (**path && **path != '/') {
		if (n + 1 < size)
			name[n] = **path;
		n++;
		(*path)++;
	}
	name[n < size ? n : 0] = '\0';
	return n && n < size;
}

/* The group of a path; made with those above when `make`. NULL with *ret_err. */
static struct nb_memcg *group_of(struct nb_system *sys, const char *path, bool make, int *ret_err)
{
	struct nb_memcg *cg = nb_memcg_root(sys), *below;
	char name[NB_MEMCG_NAME_MAX + 2];

	*ret_err = cg ? 0 : -NB_ENOMEM;
	while (cg && next_name(&path, name, sizeof(name))) {
		below = nb_memcg_find(cg, name);
		*ret_err = below ? 0 : -NB_ENOENT;
		if (!below && make)
			*ret_err = nb_memcg_create(cg, name, &below);
		cg = *ret_err ? NULL : below;
	}
	if (cg && *path) {
		*ret_err = -NB_EINVAL; /* a name that is too long */
		return NULL;
	}
	return cg;
}

/* The cpuset of a path, or of the nearest group above that has one; all made when `make`. */
static struct nb_cpuset *cpuset_of(struct nb_system *sys, const char *path, bool make, int *ret_err)
{
	struct nb_cpuset *cs = nb_cpuset_root(sys), *below;
	char name[NB_MEMCG_NAME_MAX + 2];

	*ret_err = cs ? 0 : -NB_ENOMEM;
	while (!*ret_err && next_name(&path, name, sizeof(name))) {
		below = nb_cpuset_find(cs, name);
		if (!below && make)
			*ret_err = nb_cpuset_create(cs, name, &below);
		if (*ret_err || !below)
			break;
		cs = below;
	}
	return cs;
}

static struct lua_group *check_group(lua_State *L, int index)
{
	struct lua_group *g = luaL_testudata(L, index, GROUP_TYPE);

	if (!g)
		luaL_error(L, "expected a cgroup (write g:add(), not g.add()), found %s",
			   luaL_typename(L, index));
	return g;
}

/* The group of a handle at index 1; NULL: nil and an error are pushed, *ret_n of them. */
static struct nb_memcg *this_group(lua_State *L, struct nb_op *op, int *ret_n)
{
	struct lua_group *g = check_group(L, 1);
	int err;
	struct nb_memcg *cg = group_of(op->host->sim->sys, g->path, false, &err);

	op->cost_ns = NB_COST_SYSCALL_NS;
	if (!cg)
		*ret_n = nb_push_errno(L, err, "%s: %.200s is no group (any more)", op->def->name,
				       g->path);
	return cg;
}

static int cpu_of(const struct nb_op *op)
{
	return nb_lua_first_cpu(op->host->sim);
}

/* ---- settings ---- */

/* Bytes, "512M", "max" or a plain number, as the file wants it. */
static uint64_t read_value(lua_State *L, struct nb_op *op, int index, const char *what, bool pages)
{
	const char *name = op->def->name;

	if (lua_isboolean(L, index))
		return (uint64_t)lua_toboolean(L, index);
	if (!pages)
		return (uint64_t)nb_arg_integer(L, index, name, what, 0, INT32_MAX);
	if (lua_type(L, index) == LUA_TSTRING && !strcmp(lua_tostring(L, index), "max"))
		return NB_MEMCG_MAX_PAGES;
	return nb_arg_size(L, index, name, what) / op->host->sim->cost.page_bytes;
}

static int refused(lua_State *L, int err, const char *file)
{
	return nb_push_errno(L, err, "%s: %s", file,
			     err == -NB_EBUSY ? "more than that is in use and cannot be reclaimed"
					      : "this group has no such file, or not that value");
}

/* Writes one file. 0, or the number of results of a refusal. */
static int write_file(lua_State *L, struct nb_op *op, struct nb_memcg *cg, const char *file,
		      int index)
{
	bool pages = false;
	enum nb_memcg_knob knob = nb_memcg_file_knob(op->host->sim->sys, file, &pages);
	int ret;

	if (knob == NB_NR_MEMCG_KNOBS)
		return nb_push_errno(L, -NB_ENOENT, "%s: no such file, or not one to write to",
				     file);
	ret = nb_memcg_write(cg, knob, read_value(L, op, index, file, pages), cpu_of(op));
	return ret ? refused(L, ret, file) : 0;
}

/* mems and cpus of the table at index 3: the cpuset's side. 0, or the number of results. */
static int write_cpuset(lua_State *L, struct nb_op *op, const char *path)
{
	const char *name = op->def->name;
	struct nb_nodemask mems;
	struct nb_cpumask cpus;
	bool has_mems, has_cpus;
	struct nb_cpuset *cs;
	int err;

	nb_arg_field(L, 3, "mems");
	has_mems = nb_arg_set(L, -1, name, "mems", mems.bits, NB_MAX_NODES);
	nb_arg_field(L, 3, "cpus");
	has_cpus = nb_arg_set(L, -1, name, "cpus", cpus.bits, NB_MAX_CPUS);
	if (!has_mems && !has_cpus)
		return 0;
	cs = cpuset_of(op->host->sim->sys, path, true, &err);
	if (!err && has_cpus)
		err = nb_cpuset_set_cpus(cs, &cpus);
	if (!err && has_mems)
		err = nb_cpuset_set_mems(cs, &mems);
	return err ? nb_push_errno(L, err, "cgroup: these nodes and CPUs are refused") : 0;
}

/* ---- calls ---- */

/* machine:cgroup(path [, { max =, high =, ..., mems =, cpus = }]): the group, made where there is
 * none */
static int op_cgroup(lua_State *L, struct nb_op *op)
{
	static const char *const keys[] = {"max",       "high",      "low",  "min",  "swap_max",
					   "swap_high", "oom_group", "mems", "cpus", NULL};
	static const char *const v2[] = {"memory.max",      "memory.high",     "memory.low",
					 "memory.min",      "memory.swap.max", "memory.swap.high",
					 "memory.oom.group"};
	static const char *const v1[] = {"memory.limit_in_bytes", "memory.high", "memory.low",
					 "memory.min", "memory.memsw.limit_in_bytes"};
	struct nb_system *sys = op->host->sim->sys;
	const char *path = luaL_checkstring(L, 2);
	struct lua_group *g;
	struct nb_memcg *cg;
	int err, n;

	nb_arg_keys(L, 3, op->def->name, keys);
	if (strlen(path) >= PATH_MAX_BYTES)
		return nb_arg_error(L, op->def->name, "the path is too long");
	op->cost_ns = NB_COST_SYSCALL_NS;
	cg = group_of(sys, path, true, &err);
	if (!cg)
		return nb_push_errno(L, err, "cgroup: %.200s could not be made", path);
	lua_settop(L, 3);
	for (unsigned i = 0; i < 7 && !lua_isnil(L, 3); i++) {
		if (!nb_arg_field(L, 3, keys[i])) {
			lua_pop(L, 1);
			continue;
		}
		n = write_file(L, op, cg, nb_memcg_is_v1(sys) && i < 5 ? v1[i] : v2[i], -1);
		if (n)
			return n;
		lua_pop(L, 1);
	}
	n = lua_isnil(L, 3) ? 0 : write_cpuset(L, op, path);
	if (n)
		return n;
	g = lua_newuserdatauv(L, sizeof(*g), 0);
	nb_memcg_path(cg, g->path, sizeof(g->path));
	luaL_setmetatable(L, GROUP_TYPE);
	nb_sandbox_object(L, -1, false);
	return 1;
}

/* machine:cgroup_v1(on): the older rules and files */
static int op_cgroup_v1(lua_State *L, struct nb_op *op)
{
	int ret;

	luaL_checktype(L, 2, LUA_TBOOLEAN);
	op->cost_ns = NB_COST_SYSCALL_NS;
	ret = nb_memcg_use_v1(op->host->sim->sys, lua_toboolean(L, 2));
	if (ret)
		return nb_push_errno(L, ret, "cgroup_v1: there are groups already");
	lua_pushboolean(L, 1);
	return 1;
}

/* g:add(t): the task's whole process joins, in the cpuset's tree as well */
static int op_add(lua_State *L, struct nb_op *op)
{
	struct nb_sim_task *t = nb_lua_check_task(L, 2);
	struct lua_group *g = check_group(L, 1);
	int n = 0, err;
	struct nb_memcg *cg = this_group(L, op, &n);
	struct nb_cpuset *cs;

	if (!cg)
		return n;
	if (!nb_task_alive(t->task))
		return nb_push_errno(L, -NB_ESRCH, "add: the task has ended");
	cs = cpuset_of(op->host->sim->sys, g->path, false, &err);
	if (cs && cs != nb_task_cpuset(t->task)) {
		uint64_t *before = nb_lua_pages_before(L, t);

		err = nb_cpuset_attach(cs, t->task);
		nb_lua_charge_moved(op, t, before);
	}
	if (!err)
		err = nb_memcg_attach(cg, t->task);
	if (err)
		return nb_push_errno(L, err, "add: it cannot join %.200s", g->path);
	lua_pushboolean(L, 1);
	return 1;
}

/* g:write(file, value): true */
static int op_write(lua_State *L, struct nb_op *op)
{
	const char *file = luaL_checkstring(L, 2);
	int n = 0;
	struct nb_memcg *cg = this_group(L, op, &n);

	if (cg)
		n = write_file(L, op, cg, file, 3);
	if (n)
		return n;
	lua_pushboolean(L, 1);
	return 1;
}

/* g:read(file): its text */
static int op_read(lua_State *L, struct nb_op *op)
{
	const char *file = luaL_checkstring(L, 2);
	struct nb_text text = {0};
	int n = 0;
	struct nb_memcg *cg = this_group(L, op, &n);

	if (!cg)
		return n;
	if (!nb_memcg_file(op->host->sim->sys, cg, file, &text)) {
		nb_text_release(&text);
		return nb_push_errno(L, -NB_ENOENT,
				     "%.100s: this kernel's groups have no such file", file);
	}
	lua_pushlstring(L, nb_text_str(&text), text.len);
	nb_text_release(&text);
	return 1;
}

static void set_event(lua_State *L, const char *name, const struct nb_memcg_info *g,
		      enum nb_memcg_event e)
{
	nb_set_u64(L, name, g->event[e]);
}

/* g:info(): what it uses, in bytes, and how often its limits were met */
static int op_info(lua_State *L, struct nb_op *op)
{
	uint64_t page = op->host->sim->cost.page_bytes;
	struct nb_memcg_info g;
	struct nb_memcg_stat st;
	int n = 0;
	struct nb_memcg *cg = this_group(L, op, &n);

	if (!cg)
		return n;
	nb_memcg_info(cg, &g);
	(void)nb_memcg_stat(cg, NB_NO_NODE, &st);
	lua_createtable(L, 0, 16);
	lua_pushstring(L, check_group(L, 1)->path);
	lua_setfield(L, -2, "path");
	nb_set_u64(L, "current", g.usage * page);
	nb_set_u64(L, "peak", g.peak * page);
	nb_set_u64(L, "swap", g.swap_usage * page);
	nb_set_u64(L, "failcnt", g.failcnt);
	nb_set_u64(L, "tasks", g.nr_tasks);
	nb_set_u64(L, "anon", st.anon * page);
	nb_set_u64(L, "file", st.file * page);
	nb_set_u64(L, "shmem", st.shmem * page);
	nb_set_u64(L, "pagetables", st.pagetables * page);
	set_event(L, "low", &g, NB_MEMCG_EV_LOW);
	set_event(L, "high", &g, NB_MEMCG_EV_HIGH);
	set_event(L, "max", &g, NB_MEMCG_EV_MAX);
	set_event(L, "oom", &g, NB_MEMCG_EV_OOM);
	set_event(L, "oom_kill", &g, NB_MEMCG_EV_OOM_KILL);
	return 1;
}

/* g:reclaim(size): pages that it gave back, as by a write to memory.reclaim */
static int op_reclaim(lua_State *L, struct nb_op *op)
{
	struct nb_sim *s = op->host->sim;
	uint64_t bytes = nb_arg_size(L, 2, op->def->name, "size"), freed = 0;
	int n = 0, ret;
	struct nb_memcg *cg = this_group(L, op, &n);

	if (!cg)
		return n;
	ret = nb_memcg_reclaim(cg, bytes / s->cost.page_bytes, cpu_of(op), &freed);
	op->cost_ns += (freed + RECLAIM_CLUSTER - 1) / RECLAIM_CLUSTER * NB_COST_RECLAIM_NS;
	if (ret) {
		nb_push_errno(L, ret, "reclaim: no more than %llu pages could be freed",
			      (unsigned long long)freed);
		nb_push_u64(L, freed);
		return 4;
	}
	nb_push_u64(L, freed);
	return 1;
}

/* g:remove() */
static int op_remove(lua_State *L, struct nb_op *op)
{
	struct lua_group *g = check_group(L, 1);
	int n = 0, err;
	struct nb_memcg *cg = this_group(L, op, &n);
	struct nb_cpuset *cs;
	struct nb_cpuset_info info;

	if (!cg)
		return n;
	err = nb_memcg_remove(cg);
	if (err)
		return nb_push_errno(L, err, "remove: %.200s has tasks or groups in it", g->path);
	cs = cpuset_of(op->host->sim->sys, g->path, false, &err);
	if (cs) {
		nb_cpuset_info(cs, &info);
		if (!strcmp(info.name, strrchr(g->path, '/') + 1))
			(void)nb_cpuset_remove(cs);
	}
	lua_pushboolean(L, 1);
	return 1;
}

/* t:cgroup(): the path of its group */
static int op_task_cgroup(lua_State *L, struct nb_op *op)
{
	const struct nb_memcg *cg = nb_task_memcg(op->task->task);
	char path[PATH_MAX_BYTES] = "/";

	if (cg)
		nb_memcg_path(cg, path, sizeof(path));
	lua_pushstring(L, path);
	return 1;
}

static int group_tostring(lua_State *L)
{
	lua_pushfstring(L, "cgroup %s", check_group(L, 1)->path);
	return 1;
}

static const struct nb_op_def group_ops[] = {
	{"add", op_add, false, false},         {"write", op_write, false, false},
	{"read", op_read, false, false},       {"info", op_info, false, false},
	{"reclaim", op_reclaim, false, false}, {"remove", op_remove, false, false},
};

static const struct nb_op_def machine_ops[] = {
	{"cgroup", op_cgroup, false, false},
	{"cgroup_v1", op_cgroup_v1, false, false},
};

static const struct nb_op_def task_op = {"cgroup", op_task_cgroup, true, true};

void nb_lua_cgroup_types_open(lua_State *L)
{
	luaL_newmetatable(L, GROUP_TYPE);
	lua_pushcfunction(L, group_tostring);
	lua_setfield(L, -2, "__tostring");
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_newtable(L);
	for (size_t i = 0; i < sizeof(group_ops) / sizeof(*group_ops); i++)
		nb_op_register(L, &group_ops[i]);
	lua_setfield(L, -2, "__index");
	lua_pop(L, 1);
}

void nb_lua_cgroup_open(lua_State *L, bool tasks)
{
	for (size_t i = 0; !tasks && i < sizeof(machine_ops) / sizeof(*machine_ops); i++)
		nb_op_register(L, &machine_ops[i]);
	if (tasks)
		nb_op_register(L, &task_op);
}
