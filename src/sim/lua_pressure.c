/* lua_pressure.c -- memory under pressure, in scenarios: swap areas, OOM kills, generations.
 *
 * Called through the method tables of `machine` and of tasks. Reports of kills are kept as text by
 * pressure.c's callback, made while the state that led to them still stood.
 */
#include "sim/daemons.h"
#include "sim/lua_host.h"

#include "view/oomreport.h"

#include <numabox/oom.h>
#include <numabox/reclaim.h>
#include <numabox/swap.h>

#include <stdlib.h>
#include <string.h>

#define MAX_REPORTS 64u
#define RECLAIM_CLUSTER 32u /* pages that direct reclaim frees at a time */

struct nb_oom_texts {
	struct nb_sim *sim;
	struct nb_text text[MAX_REPORTS];
	unsigned nr;
};

static void keep_report(void *ctx, const struct nb_oom_report *r)
{
	struct nb_oom_texts *o = ctx;

	if (o->nr < MAX_REPORTS)
		nb_oomreport_print(o->sim->sys, r, &o->text[o->nr++]);
}

void nb_oom_texts_start(struct nb_sim *s)
{
	s->oom_texts = nb_xcalloc(1, sizeof(*s->oom_texts));
	s->oom_texts->sim = s;
	nb_oom_set_reporter(s->sys, keep_report, s->oom_texts);
}

void nb_oom_texts_release(struct nb_sim *s)
{
	for (unsigned i = 0; s->oom_texts && i < s->oom_texts->nr; i++)
		nb_text_release(&s->oom_texts->text[i]);
	free(s->oom_texts);
	s->oom_texts = NULL;
}

/* machine:oom_reports(): the text of each kill so far */
static int op_oom_reports(lua_State *L, struct nb_op *op)
{
	const struct nb_oom_texts *o = op->host->sim->oom_texts;

	lua_createtable(L, (int)o->nr, 0);
	for (unsigned i = 0; i < o->nr; i++) {
		lua_pushstring(L, nb_text_str(&o->text[i]));
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	return 1;
}

/* What a page takes, and a read besides: 2 GiB/s and 100 us, a disk's 130 MB/s and 8 ms, and the
 * time of compressing a page. */
static const struct {
	uint64_t write_ns, latency_ns;
} device_time[] = {
	[NB_SWAP_SSD] = {1900, 100000},
	[NB_SWAP_ROTATIONAL] = {30000, 8000000},
	[NB_SWAP_SYNCHRONOUS] = {3000, 0},
};

/* machine:swapon{ size =, priority =, rotational =, zram =, name =, write_us =,
 * read_us = }: the area's number */
static int op_swapon(lua_State *L, struct nb_op *op)
{
	static const char *const keys[] = {"size", "priority", "rotational", "zram",
					   "name", "write_us", "read_us",    NULL};
	struct nb_sim *s = op->host->sim;
	const char *name = op->def->name;
	struct nb_swap_options opt = {.priority = NB_SWAP_PRIO_AUTO};
	unsigned area;
	int ret;

	luaL_checktype(L, 2, LUA_TTABLE);
	nb_arg_keys(L, 2, name, keys);
	lua_settop(L, 2);
	if (!nb_arg_field(L, 2, "size"))
		return nb_arg_error(L, name, "size is missing, as in { size = \"1G\" }");
	opt.pages = nb_arg_size(L, 3, name, "size") / s->cost.page_bytes;
	if (nb_arg_field(L, 2, "priority"))
		opt.priority = (int)nb_arg_integer(L, 4, name, "priority", -1, 32767);
	nb_arg_field(L, 2, "rotational");
	nb_arg_field(L, 2, "zram");
	opt.device = lua_toboolean(L, 6)   ? NB_SWAP_SYNCHRONOUS
		     : lua_toboolean(L, 5) ? NB_SWAP_ROTATIONAL
					   : NB_SWAP_SSD;
	opt.write_ns = device_time[opt.device].write_ns;
	opt.latency_ns = device_time[opt.device].latency_ns;
	if (nb_arg_field(L, 2, "name"))
		opt.name = luaL_checkstring(L, 7);
	if (nb_arg_field(L, 2, "write_us"))
		opt.write_ns = 1000 * (uint64_t)nb_arg_integer(L, 8, name, "write_us", 0, 1000000);
	if (nb_arg_field(L, 2, "read_us"))
		opt.latency_ns = 1000 * (uint64_t)nb_arg_integer(L, 9, name, "read_us", 0, 1000000);
	op->cost_ns = NB_COST_SYSCALL_NS;
	ret = nb_swapon(s->sys, &opt, &area);
	if (ret)
		return nb_push_errno(L, ret, "swapon: the area could not be made");
	lua_pushinteger(L, area);
	return 1;
}

/* machine:swapoff(area) */
static int op_swapoff(lua_State *L, struct nb_op *op)
{
	unsigned area = (unsigned)nb_arg_integer(L, 2, op->def->name, "area", 0, NB_MAX_SWAPFILES);
	int ret = nb_swapoff(op->host->sim->sys, area);

	op->cost_ns = NB_COST_SYSCALL_NS;
	if (ret)
		return nb_push_errno(L, ret, "swapoff: %s",
				     ret == -NB_EINVAL ? "no such area" : "no room for its pages");
	lua_pushboolean(L, 1);
	return 1;
}

/* machine:swaps(): the areas, as /proc/swaps has them */
static int op_swaps(lua_State *L, struct nb_op *op)
{
	static const char *const device[] = {"ssd", "rotational", "zram"};
	struct nb_sim *s = op->host->sim;
	struct nb_swap_info info;

	lua_newtable(L);
	for (unsigned i = 0; nb_swap_info(s->sys, i, &info); i++) {
		lua_createtable(L, 0, 6);
		nb_set_u64(L, "area", info.area);
		nb_set_u64(L, "size", info.pages * s->cost.page_bytes);
		nb_set_u64(L, "used", info.used_pages * s->cost.page_bytes);
		lua_pushinteger(L, info.priority);
		lua_setfield(L, -2, "priority");
		lua_pushstring(L, info.name);
		lua_setfield(L, -2, "name");
		lua_pushstring(L, device[info.device]);
		lua_setfield(L, -2, "device");
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	return 1;
}

/* machine:lru_gen([on]): /sys/kernel/mm/lru_gen/enabled */
static int op_lru_gen(lua_State *L, struct nb_op *op)
{
	struct nb_system *sys = op->host->sim->sys;
	int ret = 0;

	op->cost_ns = NB_COST_SYSCALL_NS;
	if (!lua_isnoneornil(L, 2))
		ret = nb_lru_gen_set_enabled(sys, lua_toboolean(L, 2));
	if (ret)
		return nb_push_errno(L, ret, "lru_gen: this kernel has no generations");
	lua_pushboolean(L, nb_lru_gen_enabled(sys));
	return 1;
}

/* machine:lru(node): pages on the lists of reclaim, and kswapd's state */
static int op_lru(lua_State *L, struct nb_op *op)
{
	struct nb_system *sys = op->host->sim->sys;
	int nid = (int)nb_arg_integer(L, 2, op->def->name, "node", 0, NB_MAX_NODES - 1);
	struct nb_lru_info sum = {0}, z;
	bool any = false;

	for (int t = 0; t < NB_MAX_NR_ZONES; t++) {
		if (nb_lru_info(sys, nid, (enum nb_zone_type)t, &z))
			continue;
		any = true;
		z.inactive_anon += sum.inactive_anon;
		z.active_anon += sum.active_anon;
		z.inactive_file += sum.inactive_file;
		z.active_file += sum.active_file;
		z.unevictable += sum.unevictable;
		sum = z;
	}
	if (!any)
		return nb_push_errno(L, -NB_ENODEV, "lru: there is no node %d", nid);
	lua_createtable(L, 0, 10);
	nb_set_u64(L, "inactive_anon", sum.inactive_anon);
	nb_set_u64(L, "active_anon", sum.active_anon);
	nb_set_u64(L, "inactive_file", sum.inactive_file);
	nb_set_u64(L, "active_file", sum.active_file);
	nb_set_u64(L, "unevictable", sum.unevictable);
	nb_set_u64(L, "refault_anon", sum.refault[0]);
	nb_set_u64(L, "refault_file", sum.refault[1]);
	nb_set_u64(L, "activate_file", sum.activate[1]);
	nb_set_u64(L, "kswapd_failures", sum.kswapd_failures);
	lua_pushboolean(L, sum.kswapd_awake);
	lua_setfield(L, -2, "kswapd_awake");
	return 1;
}

/* t:oom_score_adj([adj]); t:oom_score() */
static int op_oom_score_adj(lua_State *L, struct nb_op *op)
{
	struct nb_task *t = op->task->task;
	int ret;

	if (!lua_isnoneornil(L, 2)) {
		ret = nb_task_set_oom_score_adj(
			t, (int)nb_arg_integer(L, 2, op->def->name, "adj", INT32_MIN, INT32_MAX));
		if (ret)
			return nb_push_errno(L, ret,
					     "oom_score_adj: -1000 to 1000 of a living task");
	}
	lua_pushinteger(L, nb_task_oom_score_adj(t));
	return 1;
}

static int op_oom_score(lua_State *L, struct nb_op *op)
{
	lua_pushinteger(L, nb_task_oom_score(op->task->task));
	return 1;
}

/* t:reclaim(size [, node]): asks the kernel to free that much; how many pages it freed */
static int op_reclaim(lua_State *L, struct nb_op *op)
{
	const char *name = op->def->name;
	struct nb_sim *s = op->host->sim;
	uint64_t bytes = nb_arg_size(L, 2, name, "size"), freed;
	int nid = lua_isnoneornil(L, 3)
			  ? NB_NO_NODE
			  : (int)nb_arg_integer(L, 3, name, "node", 0, NB_MAX_NODES - 1);
	int ret = nb_proactive_reclaim(op->task->task, nid, bytes / s->cost.page_bytes, &freed);

	if (op->task->clock_ns < s->now_ns)
		op->task->clock_ns = s->now_ns;
	nb_sim_charge_ns(op->task, NB_COST_SYSCALL_NS + (freed + RECLAIM_CLUSTER - 1) /
								RECLAIM_CLUSTER *
								NB_COST_RECLAIM_NS);
	if (ret == -NB_EAGAIN) {
		nb_push_errno(L, ret, "reclaim: no more than %llu pages could be freed",
			      (unsigned long long)freed);
		nb_push_u64(L, freed);
		return 4;
	}
	if (ret)
		return nb_push_errno(L, ret, "reclaim: there is no node %d", nid);
	nb_push_u64(L, freed);
	return 1;
}

static const struct nb_op_def machine_ops[] = {
	{"swapon", op_swapon, false, false},   {"swapoff", op_swapoff, false, false},
	{"swaps", op_swaps, false, true},      {"oom_reports", op_oom_reports, false, true},
	{"lru_gen", op_lru_gen, false, false}, {"lru", op_lru, false, true},
};

static const struct nb_op_def task_ops[] = {
	{"oom_score_adj", op_oom_score_adj, true, false},
	{"oom_score", op_oom_score, true, true},
	{"reclaim", op_reclaim, true, false},
};

void nb_lua_pressure_open(lua_State *L, bool tasks)
{
	for (size_t i = 0; !tasks && i < sizeof(machine_ops) / sizeof(*machine_ops); i++)
		nb_op_register(L, &machine_ops[i]);
	for (size_t i = 0; tasks && i < sizeof(task_ops) / sizeof(*task_ops); i++)
		nb_op_register(L, &task_ops[i]);
}
