/* lua_machine.c -- the global `machine` of a scenario, and expect().
 *
 * Called by scenario.c. What only reads goes through operations too (without cost), so that
 * what is due before runs first and a scenario never sees a half-past state.
 */
#include "sim/lua_host.h"

#include "base/mask.h"
#include "view/view.h"

#include <numabox/gfp.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- tasks ---- */

static int first_cpu(const struct nb_cost *c)
{
	for (unsigned i = 0; i < c->nr_cpus; i++)
		if (c->cpu_node[i] != NB_NO_NODE)
			return (int)i;
	return 0;
}

/* machine:task{ cpu =, comm = } */
static int op_task(lua_State *L, struct nb_op *op)
{
	static const char *const keys[] = {"cpu", "comm", NULL};
	struct nb_sim *s = op->host->sim;
	const char *name = op->def->name, *comm = "task";
	int cpu = first_cpu(&s->cost), ret;
	struct nb_sim_task *t;

	nb_arg_keys(L, 2, name, keys);
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
	t->clock_ns = op->strand->now_ns + NB_COST_TASK_NS;
	op->cost_ns = NB_COST_TASK_NS;
	nb_lua_push_task(L, t);
	return 1;
}

/* ---- pages ---- */

/* Reads gfp into *ret: words of either vocabulary, or a number in the engine's bits. */
static void read_gfp(lua_State *L, int index, const char *name, nb_gfp_t *ret)
{
	const char *s, *bad = NULL;

	*ret = NB_GFP_KERNEL;
	if (lua_isnil(L, index))
		return;
	if (lua_type(L, index) == LUA_TNUMBER) {
		*ret = (nb_gfp_t)nb_arg_integer(L, index, name, "gfp", 0, UINT32_MAX);
		return;
	}
	s = luaL_checkstring(L, index);
	if (nb_gfp_parse(s, ret, &bad))
		nb_arg_error(L, name, "gfp: unknown flag at '%.40s'", bad ? bad : s);
}

/* machine:alloc_pages{ gfp =, order =, cpu =, node =, nodes =, task = } */
static int op_alloc_pages(lua_State *L, struct nb_op *op)
{
	static const char *const keys[] = {"gfp", "order", "cpu", "node", "nodes", "task", NULL};
	struct nb_sim *s = op->host->sim;
	const char *name = op->def->name;
	struct nb_alloc_request rq = {.nid = NB_NO_NODE, .cpu = first_cpu(&s->cost)};
	struct nb_system_info info;
	struct nb_nodemask nodes;
	nb_pfn_t pfn;

	nb_arg_keys(L, 2, name, keys);
	lua_settop(L, 2);
	nb_system_info(s->sys, &info);
	nb_arg_field(L, 2, "gfp");
	read_gfp(L, 3, name, &rq.gfp);
	if (nb_arg_field(L, 2, "order"))
		rq.order = (unsigned)nb_arg_integer(L, 4, name, "order", 0, 63);
	if (nb_arg_field(L, 2, "task")) {
		rq.task = nb_lua_check_task(L, 5)->task;
		rq.cpu = nb_task_cpu(rq.task);
	}
	if (nb_arg_field(L, 2, "cpu"))
		rq.cpu = (int)nb_arg_integer(L, 6, name, "cpu", 0, NB_MAX_CPUS - 1);
	if (nb_arg_field(L, 2, "node"))
		rq.nid = (int)nb_arg_integer(L, 7, name, "node", -1, NB_MAX_NODES - 1);
	nb_arg_field(L, 2, "nodes");
	if (nb_arg_set(L, 8, name, "nodes", nodes.bits, NB_MAX_NODES))
		rq.nodemask = &nodes;
	op->cost_ns = NB_COST_ALLOC_PAGES_NS;
	if (rq.order > info.max_order)
		return nb_push_errno(L, -NB_EINVAL,
				     "alloc_pages: order %u is above the highest, %u", rq.order,
				     info.max_order);
	if (nb_cost_cpu_node(&s->cost, rq.cpu) == NB_NO_NODE)
		return nb_push_errno(L, -NB_EINVAL, "alloc_pages: CPU %d is not online", rq.cpu);
	if (rq.nid >= 0 && nb_cost_position(&s->cost, rq.nid) < 0)
		return nb_push_errno(L, -NB_EINVAL, "alloc_pages: there is no node %d", rq.nid);
	if (nb_gfp_zone(rq.gfp, info.zones) < 0)
		return nb_push_errno(L, -NB_EINVAL,
				     "alloc_pages: these zone flags exclude each other");
	pfn = nb_alloc_pages(s->sys, &rq);
	if (pfn == NB_NO_PFN)
		return nb_push_errno(L, -NB_ENOMEM, "alloc_pages: no memory for order %u",
				     rq.order);
	nb_push_u64(L, pfn);
	return 1;
}

/* machine:free_pages(pfn, order) */
static int op_free_pages(lua_State *L, struct nb_op *op)
{
	struct nb_sim *s = op->host->sim;
	const char *name = op->def->name;
	uint64_t pfn = nb_arg_address(L, 2, name, "pfn");
	unsigned order = 0;
	int cpu = first_cpu(&s->cost), ret;

	if (!lua_isnoneornil(L, 3))
		order = (unsigned)nb_arg_integer(L, 3, name, "order", 0, 63);
	if (!lua_isnoneornil(L, 4))
		cpu = (int)nb_arg_integer(L, 4, name, "cpu", 0, NB_MAX_CPUS - 1);
	op->cost_ns = NB_COST_ALLOC_PAGES_NS;
	if (nb_cost_cpu_node(&s->cost, cpu) == NB_NO_NODE)
		return nb_push_errno(L, -NB_EINVAL, "free_pages: CPU %d is not online", cpu);
	ret = nb_free_pages(s->sys, cpu, pfn, order);
	if (ret)
		return nb_push_errno(L, ret,
				     "free_pages: frame %llu heads no allocated block of "
				     "order %u",
				     (unsigned long long)pfn, order);
	lua_pushboolean(L, 1);
	return 1;
}

static int op_drain(lua_State *L, struct nb_op *op)
{
	int cpu = -1;

	if (!lua_isnoneornil(L, 2))
		cpu = (int)nb_arg_integer(L, 2, op->def->name, "cpu", 0, NB_MAX_CPUS - 1);
	if (cpu >= 0 && nb_cost_cpu_node(&op->host->sim->cost, cpu) == NB_NO_NODE)
		return nb_push_errno(L, -NB_EINVAL, "drain: CPU %d is not online", cpu);
	nb_drain_pages(op->host->sim->sys, cpu);
	lua_pushboolean(L, 1);
	return 1;
}

static void push_page_flags(lua_State *L, uint32_t flags)
{
	static const struct nb_arg_word names[] = {{"buddy", NB_PAGE_BUDDY},
						   {"pcp", NB_PAGE_PCP},
						   {"reserved", NB_PAGE_RESERVED},
						   {"free", NB_PAGE_FREE},
						   {"head", NB_PAGE_HEAD},
						   {"anon", NB_PAGE_ANON},
						   {"lru", NB_PAGE_LRU},
						   {"system", NB_PAGE_SYSTEM},
						   {NULL, 0}};
	lua_Integer n = 0;

	lua_newtable(L);
	for (size_t i = 0; names[i].name; i++) {
		if (!(flags & names[i].value))
			continue;
		lua_pushstring(L, names[i].name);
		lua_rawseti(L, -2, ++n);
	}
}

/* machine:page(pfn) */
static int op_page(lua_State *L, struct nb_op *op)
{
	uint64_t pfn = nb_arg_address(L, 2, op->def->name, "pfn");
	struct nb_page_info p;
	int ret = nb_page_info(op->host->sim->sys, pfn, &p);

	if (ret)
		return nb_push_errno(L, ret, "page: there is no frame %llu",
				     (unsigned long long)pfn);
	lua_newtable(L);
	lua_pushinteger(L, p.nid);
	lua_setfield(L, -2, "node");
	lua_pushstring(L, nb_zone_name(p.zone));
	lua_setfield(L, -2, "zone");
	push_page_flags(L, p.flags);
	lua_setfield(L, -2, "flags");
	nb_set_u64(L, "refcount", p.refcount);
	lua_pushinteger(L, p.mapcount);
	lua_setfield(L, -2, "mapcount");
	nb_set_u64(L, "mapping", p.mapping);
	nb_set_u64(L, "index", p.index);
	if (p.order >= 0) {
		lua_pushinteger(L, p.order);
		lua_setfield(L, -2, "order");
	}
	lua_pushstring(L, nb_migratetype_name(p.migratetype));
	lua_setfield(L, -2, "migratetype");
	return 1;
}

/* ---- counters ---- */

static const char *const numa_names[NB_NR_NUMA_EVENTS] = {
	[NB_NUMA_HIT] = "numa_hit",         [NB_NUMA_MISS] = "numa_miss",
	[NB_NUMA_FOREIGN] = "numa_foreign", [NB_NUMA_INTERLEAVE] = "interleave_hit",
	[NB_NUMA_LOCAL] = "local_node",     [NB_NUMA_OTHER] = "other_node",
};

/* machine:numastat() */
static int op_numastat(lua_State *L, struct nb_op *op)
{
	const struct nb_sim *s = op->host->sim;
	uint64_t n[NB_NR_NUMA_EVENTS];

	lua_newtable(L);
	for (unsigned i = 0; i < s->cost.nr_nodes; i++) {
		nb_sim_numastat(s, s->cost.node_id[i], n);
		lua_createtable(L, 0, NB_NR_NUMA_EVENTS);
		for (int e = 0; e < NB_NR_NUMA_EVENTS; e++)
			nb_set_u64(L, numa_names[e], n[e]);
		lua_rawseti(L, -2, s->cost.node_id[i]);
	}
	return 1;
}

/* Array by order from 0. */
static void push_orders(lua_State *L, const uint64_t *n, unsigned max_order)
{
	lua_createtable(L, (int)max_order, 1);
	for (unsigned o = 0; o <= max_order; o++) {
		nb_push_u64(L, n[o]);
		lua_rawseti(L, -2, (lua_Integer)o);
	}
}

/* As zoneinfo prints it: one entry per configured zone from 1; by zone name too. */
static void push_protection(lua_State *L, const struct nb_zone_info *z, unsigned zones)
{
	lua_Integer n = 0;

	lua_newtable(L);
	for (int t = 0; t < NB_MAX_NR_ZONES; t++) {
		if (!(zones >> t & 1))
			continue;
		nb_push_u64(L, z->protection_pages[t]);
		lua_pushvalue(L, -1);
		lua_setfield(L, -3, nb_zone_name((enum nb_zone_type)t));
		lua_rawseti(L, -2, ++n);
	}
}

static void push_zone(lua_State *L, const struct nb_zone_info *z, const struct nb_system_info *info)
{
	lua_newtable(L);
	nb_set_u64(L, "free", z->free_pages);
	nb_set_u64(L, "min", z->wmark_pages[NB_WMARK_MIN]);
	nb_set_u64(L, "low", z->wmark_pages[NB_WMARK_LOW]);
	nb_set_u64(L, "high", z->wmark_pages[NB_WMARK_HIGH]);
	nb_set_u64(L, "promo", z->wmark_pages[NB_WMARK_PROMO]);
	nb_set_u64(L, "boost", z->boost_pages);
	nb_set_u64(L, "spanned", z->spanned_pages);
	nb_set_u64(L, "present", z->present_pages);
	nb_set_u64(L, "managed", z->managed_pages);
	nb_set_u64(L, "cma", z->cma_pages);
	nb_set_u64(L, "start_pfn", z->start_pfn);
	nb_set_u64(L, "anon", z->anon_pages);
	nb_set_u64(L, "file", z->file_pages);
	nb_set_u64(L, "pagetable", z->pagetable_pages);
	nb_set_u64(L, "highatomic", z->nr_highatomic_pages);
	nb_set_u64(L, "batch", z->pcp_batch);
	nb_set_u64(L, "high_min", z->pcp_high_min);
	nb_set_u64(L, "high_max", z->pcp_high_max);
	nb_set_u64(L, "stat_threshold", z->stat_threshold);
	push_protection(L, z, info->zones);
	lua_setfield(L, -2, "protection");
	push_orders(L, z->nr_free, info->max_order);
	lua_setfield(L, -2, "nr_free");
	lua_newtable(L);
	for (int t = 0; t < NB_MIGRATE_TYPES; t++) {
		push_orders(L, z->nr_free_by_type[t], info->max_order);
		lua_setfield(L, -2, nb_migratetype_name((enum nb_migratetype)t));
	}
	lua_setfield(L, -2, "nr_free_by_type");
	lua_createtable(L, 0, NB_NR_NUMA_EVENTS);
	for (int e = 0; e < NB_NR_NUMA_EVENTS; e++)
		nb_set_u64(L, numa_names[e], z->numa[e]);
	lua_setfield(L, -2, "numa");
}

/* machine:zone(0, "Normal") */
static int op_zone(lua_State *L, struct nb_op *op)
{
	const char *name = op->def->name;
	int nid = (int)nb_arg_integer(L, 2, name, "node", 0, INT32_MAX);
	size_t len;
	const char *zone = luaL_checklstring(L, 3, &len);
	int type = nb_zone_by_name(zone, len), ret;
	struct nb_system_info info;
	struct nb_zone_info z;

	if (type < 0)
		return nb_arg_error(L, name,
				    "there is no zone '%.20s'; zones are DMA, DMA32, Normal, "
				    "HighMem, Movable, Device",
				    zone);
	nb_system_info(op->host->sim->sys, &info);
	ret = nb_zone_info(op->host->sim->sys, nid, (enum nb_zone_type)type, &z);
	if (ret == -NB_ENODEV)
		return nb_push_errno(L, ret, "zone: there is no node %d", nid);
	if (ret)
		return nb_push_errno(L, ret, "zone: this machine has no zone %s", zone);
	push_zone(L, &z, &info);
	return 1;
}

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

/* ---- views and events ---- */

/* machine:view(VIEW) */
static int op_view(lua_State *L, struct nb_op *op)
{
	const struct nb_view_source src = {.sys = op->host->sim->sys};
	const char *name = luaL_checkstring(L, 2);
	struct nb_error err = {0};
	struct nb_text text = {0};
	const struct nb_view *v;
	int nid, ret;

	v = nb_view_find(name, &nid, &err);
	if (!v)
		return nb_arg_error(L, "view", "%s", err.text);
	ret = nb_view_render(v, nid, &src, NB_VIEW_TEXT, &text, &err);
	if (ret) {
		nb_text_release(&text);
		return nb_push_errno(L, ret, "%s", err.text);
	}
	/* a refusal of memory would leave the text behind: the whole run ends then */
	lua_pushlstring(L, nb_text_str(&text), text.len);
	nb_text_release(&text);
	return 1;
}

static void push_event(lua_State *L, const struct nb_host *h, const struct nb_event *ev)
{
	const struct nb_event_desc *d = nb_event_desc(ev->kind);
	const struct nb_kernel_profile *profile = nb_system_machine(h->sim->sys)->profile;
	char gfp[512];

	lua_createtable(L, 0, (int)d->nr_fields + 5);
	lua_pushstring(L, d->name);
	lua_setfield(L, -2, "name");
	nb_set_u64(L, "time_ns", ev->time_ns);
	lua_pushinteger(L, ev->cpu);
	lua_setfield(L, -2, "cpu");
	lua_pushinteger(L, ev->pid);
	lua_setfield(L, -2, "pid");
	lua_pushstring(L, nb_recorder_comm(&h->sim->rec, ev->pid));
	lua_setfield(L, -2, "comm");
	for (unsigned i = 0; i < d->nr_fields; i++) {
		if (!strncmp(d->field[i], "gfp_", 4)) {
			nb_gfp_format((nb_gfp_t)ev->field[i], profile, gfp, sizeof(gfp));
			lua_pushstring(L, ev->field[i] ? gfp : "none");
			lua_setfield(L, -2, d->field[i]);
		} else {
			nb_set_u64(L, d->field[i], ev->field[i]);
		}
	}
}

static int earlier(const struct nb_event *a, const struct nb_event *b)
{
	return a->time_ns < b->time_ns || (a->time_ns == b->time_ns && a->kind < b->kind);
}

/* machine:events{ NAME, ... }: what was recorded of these kinds (all without a list), in order of
 * time; the field `count` says how many there were, of which the first 65,536 of a kind are kept.
 */
static int op_events(lua_State *L, struct nb_op *op)
{
	const struct nb_recorder *r = &op->host->sim->rec;
	size_t at[NB_NR_EVENTS] = {0};
	bool wanted[NB_NR_EVENTS];
	uint64_t count = 0;
	lua_Integer n = 0;

	memset(wanted, lua_isnoneornil(L, 2), sizeof(wanted));
	if (lua_type(L, 2) == LUA_TSTRING) { /* one name alone */
		lua_createtable(L, 1, 0);
		lua_pushvalue(L, 2);
		lua_rawseti(L, -2, 1);
		lua_replace(L, 2);
	}
	for (lua_Integer i = 1; lua_istable(L, 2) && i <= luaL_len(L, 2); i++) {
		const char *name;
		int kind;

		lua_geti(L, 2, i);
		name = luaL_tolstring(L, -1, NULL);
		kind = nb_event_by_name(name);
		if (kind < 0)
			return nb_arg_error(L, "events", "there is no event '%.60s'", name);
		wanted[kind] = true;
		lua_pop(L, 2);
	}
	lua_newtable(L);
	for (int k = 0; k < NB_NR_EVENTS; k++)
		count += wanted[k] ? r->count[k] : 0;
	nb_set_u64(L, "count", count);
	for (;;) {
		const struct nb_event *first = NULL;

		for (int k = 0; k < NB_NR_EVENTS; k++)
			if (wanted[k] && at[k] < r->log[k].n &&
			    (!first || earlier(&r->log[k].ev[at[k]], first)))
				first = &r->log[k].ev[at[k]];
		if (!first)
			return 1;
		at[first->kind]++;
		push_event(L, op->host, first);
		lua_rawseti(L, -2, ++n);
	}
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
	{"task", op_task, false, false},
	{"alloc_pages", op_alloc_pages, false, false},
	{"free_pages", op_free_pages, false, false},
	{"drain", op_drain, false, false},
	{"page", op_page, false, false},
	{"numastat", op_numastat, false, false},
	{"zone", op_zone, false, false},
	{"sysctl", op_sysctl, false, false},
	{"view", op_view, false, false},
	{"events", op_events, false, false},
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
	nb_lua_later(L, "machine", "file");
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
