/* lua_observe.c -- what a scenario sees of its machine: frames, zones, counters, views, events.
 *
 * Called through the methods of `machine`. Looking is an operation too, without cost, so that what
 * is due before runs first and a scenario never sees a half-past state.
 */
#include "sim/lua_host.h"
#include "sim/report.h"

#include "view/view.h"

#include <numabox/gfp.h>

#include <string.h>

/* ---- frames ---- */

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
						   {"referenced", NB_PAGE_REFERENCED},
						   {"active", NB_PAGE_ACTIVE},
						   {"dirty", NB_PAGE_DIRTY},
						   {"writeback", NB_PAGE_WRITEBACK},
						   {"swapbacked", NB_PAGE_SWAPBACKED},
						   {"swapcache", NB_PAGE_SWAPCACHE},
						   {"unevictable", NB_PAGE_UNEVICTABLE},
						   {"mlocked", NB_PAGE_MLOCKED},
						   {"compound", NB_PAGE_COMPOUND},
						   {"hugetlb", NB_PAGE_HUGETLB},
						   {"reclaim", NB_PAGE_RECLAIM},
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
			nb_set_u64(L, nb_report_numa_names[e], n[e]);
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
		nb_set_u64(L, nb_report_numa_names[e], z->numa[e]);
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

/* ---- views and events ---- */

/* machine:view(VIEW); machine:view(VIEW, task) for the views of a process */
static int op_view(lua_State *L, struct nb_op *op)
{
	const struct nb_view_source src = {.sys = op->host->sim->sys};
	const char *name = luaL_checkstring(L, 2);
	struct nb_error err = {0};
	struct nb_text text = {0};
	const struct nb_view *v;
	int nid, ret;

	if (!lua_isnoneornil(L, 3)) {
		if (!nb_lua_task_view(L, name))
			return nb_arg_error(L, "view", "a task has no view '%.40s'", name);
		return 1;
	}
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

static bool is_device(const char *field)
{
	return !strcmp(field, "bdi") || !strcmp(field, "dev") || !strcmp(field, "s_dev") ||
	       !strcmp(field, "sb_dev");
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
		const char *field = d->field[i];

		if (!strncmp(field, "gfp_", 4)) {
			nb_gfp_format((nb_gfp_t)ev->field[i], profile, gfp, sizeof(gfp));
			lua_pushstring(L, ev->field[i] ? gfp : "none");
			lua_setfield(L, -2, field);
		} else if (!strcmp(field, "comm")) {
			lua_pushstring(L, nb_recorder_comm(&h->sim->rec, (int)ev->field[i]));
			lua_setfield(L, -2, field);
		} else if (!strcmp(field, "oom_score_adj")) {
			lua_pushinteger(L, (lua_Integer)ev->field[i]);
			lua_setfield(L, -2, field);
		} else if (is_device(field)) {
			lua_pushfstring(L, "%d:%d", (int)(ev->field[i] >> 20),
					(int)(ev->field[i] & 0xfffff));
			lua_setfield(L, -2, field);
		} else {
			nb_set_u64(L, field, ev->field[i]);
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
		count += wanted[k] ? r->tally.count[k] : 0;
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

static const struct nb_op_def ops[] = {
	{"page", op_page, false, false},     {"numastat", op_numastat, false, false},
	{"zone", op_zone, false, false},     {"view", op_view, false, false},
	{"events", op_events, false, false},
};

void nb_lua_observe_open(lua_State *L)
{
	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++)
		nb_op_register(L, &ops[i]);
}
