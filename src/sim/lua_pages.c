/* lua_pages.c -- the page allocator's calls as scenarios use them.
 *
 * Called through the methods of `machine`. Each takes a table of options; what a request is made of
 * is read in one place (read_request()). Frames are numbers, addresses those of the kernel's linear
 * map. A request that the kernel could not serve gives nil, "ENOMEM"; one that no kernel would
 * accept gives nil, "EINVAL".
 */
#include "sim/lua_host.h"

#include <numabox/gfp.h>

#include <stdlib.h>

int nb_lua_first_cpu(const struct nb_sim *s)
{
	for (unsigned i = 0; i < s->cost.nr_cpus; i++)
		if (s->cost.cpu_node[i] != NB_NO_NODE)
			return (int)i;
	return 0;
}

/* ---- requests ---- */

struct request {
	struct nb_alloc_request rq;
	struct nb_nodemask nodes;
	struct nb_system_info info;
};

enum { HAS_ORDER = 1 << 0, HAS_NODES = 1 << 1, HAS_NODE = 1 << 2 };

/* Reads gfp into *ret: words of either vocabulary, or a number in the engine's bits. */
static void read_gfp(lua_State *L, int index, const char *name, nb_gfp_t *ret)
{
	const char *s, *bad = NULL;

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

/* For whom: a task, whose CPU it runs on; in interrupt context the task is only who happens to be
 * interrupted: its policy, cpuset and flags do not count. Source: alloc_pages(): in_interrupt(). */
static void read_context(lua_State *L, const char *name, struct request *r)
{
	struct nb_task *task = NULL;
	bool interrupt;

	nb_arg_field(L, 2, "interrupt");
	interrupt = lua_toboolean(L, -1);
	r->rq.gfp = interrupt ? NB_GFP_ATOMIC : NB_GFP_KERNEL;
	nb_arg_field(L, 2, "gfp");
	read_gfp(L, -1, name, &r->rq.gfp);
	if (interrupt && (r->rq.gfp & NB_GFP_BIT_DIRECT_RECLAIM))
		nb_arg_error(L, name,
			     "a request in interrupt context may not sleep: GFP_ATOMIC or "
			     "GFP_NOWAIT");
	if (nb_arg_field(L, 2, "task")) {
		task = nb_lua_check_task(L, -1)->task;
		r->rq.cpu = nb_task_cpu(task);
	}
	r->rq.task = interrupt ? NULL : task;
	if (nb_arg_field(L, 2, "cpu"))
		r->rq.cpu = (int)nb_arg_integer(L, -1, name, "cpu", 0, NB_MAX_CPUS - 1);
}

/* The request that the table in argument 2 describes; `has` says which options this call knows
 * beside gfp and cpu. 0, or the number of results pushed: nil, "EINVAL", text. */
static int read_request(lua_State *L, struct nb_op *op, unsigned has, struct request *r)
{
	const struct nb_sim *s = op->host->sim;
	const char *name = op->def->name;

	*r = (struct request){.rq = {.nid = NB_NO_NODE, .cpu = nb_lua_first_cpu(s)}};
	nb_system_info(s->sys, &r->info);
	op->cost_ns = NB_COST_ALLOC_PAGES_NS;
	read_context(L, name, r);
	if ((has & HAS_ORDER) && nb_arg_field(L, 2, "order"))
		r->rq.order = (unsigned)nb_arg_integer(L, -1, name, "order", 0, 63);
	if ((has & HAS_NODE) && nb_arg_field(L, 2, "node"))
		r->rq.nid = (int)nb_arg_integer(L, -1, name, "node", -1, NB_MAX_NODES - 1);
	if ((has & HAS_NODES) && nb_arg_field(L, 2, "nodes") &&
	    nb_arg_set(L, -1, name, "nodes", r->nodes.bits, NB_MAX_NODES))
		r->rq.nodemask = &r->nodes;
	lua_settop(L, 2);
	if (r->rq.order > r->info.max_order)
		return nb_push_errno(L, -NB_EINVAL, "%s: order %u is above the highest, %u", name,
				     r->rq.order, r->info.max_order);
	if (nb_cost_cpu_node(&s->cost, r->rq.cpu) == NB_NO_NODE)
		return nb_push_errno(L, -NB_EINVAL, "%s: CPU %d is not online", name, r->rq.cpu);
	if (r->rq.nid >= 0 && nb_cost_position(&s->cost, r->rq.nid) < 0)
		return nb_push_errno(L, -NB_EINVAL, "%s: there is no node %d", name, r->rq.nid);
	if (nb_gfp_zone(r->rq.gfp, r->info.zones) < 0)
		return nb_push_errno(L, -NB_EINVAL, "%s: these zone flags exclude each other",
				     name);
	return 0;
}

static int push_pfn(lua_State *L, const struct nb_op *op, const struct request *r, nb_pfn_t pfn)
{
	if (pfn == NB_NO_PFN)
		return nb_push_errno(L, -NB_ENOMEM, "%s: no memory for order %u", op->def->name,
				     r->rq.order);
	nb_push_u64(L, pfn);
	return 1;
}

static int push_addr(lua_State *L, const struct nb_op *op, uint64_t addr)
{
	if (!addr)
		return nb_push_errno(L, -NB_ENOMEM, "%s: no memory", op->def->name);
	lua_pushinteger(L, (lua_Integer)addr); /* all 64 bits: %x prints it */
	return 1;
}

/* ---- by frame ---- */

/* machine:alloc_pages{ gfp =, order =, cpu =, node =, nodes =, task =, interrupt = } */
static int op_alloc_pages(lua_State *L, struct nb_op *op)
{
	static const char *const keys[] = {"gfp",   "order", "cpu",       "node",
					   "nodes", "task",  "interrupt", NULL};
	struct request r;
	int n;

	nb_arg_keys(L, 2, op->def->name, keys);
	lua_settop(L, 2);
	n = read_request(L, op, HAS_ORDER | HAS_NODE | HAS_NODES, &r);
	if (n)
		return n;
	return push_pfn(L, op, &r, nb_alloc_pages(op->host->sim->sys, &r.rq));
}

/* machine:alloc_page{ gfp =, cpu =, task =, interrupt = } */
static int op_alloc_page(lua_State *L, struct nb_op *op)
{
	static const char *const keys[] = {"gfp", "cpu", "task", "interrupt", NULL};
	struct request r;
	int n;

	nb_arg_keys(L, 2, op->def->name, keys);
	lua_settop(L, 2);
	n = read_request(L, op, 0, &r);
	if (n)
		return n;
	return push_pfn(L, op, &r, nb_alloc_pages(op->host->sim->sys, &r.rq));
}

/* machine:alloc_pages_node{ node =, gfp =, order =, cpu = }: no policy is asked */
static int op_alloc_pages_node(lua_State *L, struct nb_op *op)
{
	static const char *const keys[] = {"node", "gfp", "order", "cpu", NULL};
	struct request r;
	int n;

	nb_arg_keys(L, 2, op->def->name, keys);
	lua_settop(L, 2);
	n = read_request(L, op, HAS_ORDER | HAS_NODE, &r);
	if (n)
		return n;
	return push_pfn(
		L, op, &r,
		nb_alloc_pages_node(op->host->sim->sys, r.rq.cpu, r.rq.nid, r.rq.gfp, r.rq.order));
}

/* machine:alloc_pages_bulk{ count =, gfp =, cpu =, node =, nodes = }: a table of frames, shorter
 * than count where a page set and its zone did not have more without reclaim */
static int op_alloc_pages_bulk(lua_State *L, struct nb_op *op)
{
	static const char *const keys[] = {"count", "gfp", "cpu", "node", "nodes", NULL};
	unsigned count, got;
	nb_pfn_t *pfns;
	struct request r;
	int n;

	nb_arg_keys(L, 2, op->def->name, keys);
	lua_settop(L, 2);
	n = read_request(L, op, HAS_NODE | HAS_NODES, &r);
	if (n)
		return n;
	nb_arg_field(L, 2, "count");
	count = (unsigned)nb_arg_integer(L, -1, op->def->name, "count", 1, 1 << 20);
	pfns = lua_newuserdatauv(L, count * sizeof(*pfns), 0);
	for (unsigned i = 0; i < count; i++)
		pfns[i] = NB_NO_PFN;
	got = nb_alloc_pages_bulk(op->host->sim->sys, &r.rq, count, pfns);
	op->cost_ns = NB_COST_ALLOC_PAGES_NS + (uint64_t)got * NB_COST_BULK_PAGE_NS;
	lua_createtable(L, (int)got, 0);
	for (unsigned i = 0; i < got; i++) {
		nb_push_u64(L, pfns[i]);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	return 1;
}

/* ---- by address ---- */

/* machine:get_free_pages{ gfp =, order =, cpu = } and get_dma_pages */
static int op_get_free_pages(lua_State *L, struct nb_op *op)
{
	static const char *const keys[] = {"gfp", "order", "cpu", "interrupt", NULL};
	struct nb_system *sys = op->host->sim->sys;
	bool dma = op->def->name[4] == 'd';
	struct request r;
	int n;

	nb_arg_keys(L, 2, op->def->name, keys);
	lua_settop(L, 2);
	n = read_request(L, op, HAS_ORDER, &r);
	if (n)
		return n;
	return push_addr(L, op,
			 dma ? nb_get_dma_pages(sys, r.rq.cpu, r.rq.gfp, r.rq.order)
			     : nb_get_free_pages(sys, r.rq.cpu, r.rq.gfp, r.rq.order));
}

/* machine:get_free_page{ gfp =, cpu = } and get_zeroed_page */
static int op_get_free_page(lua_State *L, struct nb_op *op)
{
	static const char *const keys[] = {"gfp", "cpu", "interrupt", NULL};
	struct nb_system *sys = op->host->sim->sys;
	bool zeroed = op->def->name[4] == 'z';
	struct request r;
	int n;

	nb_arg_keys(L, 2, op->def->name, keys);
	lua_settop(L, 2);
	n = read_request(L, op, 0, &r);
	if (n)
		return n;
	return push_addr(L, op,
			 zeroed ? nb_get_zeroed_page(sys, r.rq.cpu, r.rq.gfp)
				: nb_get_free_page(sys, r.rq.cpu, r.rq.gfp));
}

/* machine:alloc_pages_exact{ bytes =, gfp =, cpu = } */
static int op_alloc_pages_exact(lua_State *L, struct nb_op *op)
{
	static const char *const keys[] = {"bytes", "gfp", "cpu", "interrupt", NULL};
	const char *name = op->def->name;
	uint64_t bytes;
	struct request r;
	int n;

	nb_arg_keys(L, 2, name, keys);
	lua_settop(L, 2);
	n = read_request(L, op, 0, &r);
	if (n)
		return n;
	nb_arg_field(L, 2, "bytes");
	bytes = nb_arg_size(L, -1, name, "bytes");
	if (!bytes || bytes > (uint64_t)op->host->sim->cost.page_bytes << r.info.max_order)
		return nb_push_errno(L, -NB_EINVAL, "%s: %llu bytes; 1 to a block of order %u",
				     name, (unsigned long long)bytes, r.info.max_order);
	return push_addr(L, op,
			 nb_alloc_pages_exact(op->host->sim->sys, r.rq.cpu, bytes, r.rq.gfp));
}

/* machine:page_address(pfn), machine:address_to_pfn(addr) */
static int op_page_address(lua_State *L, struct nb_op *op)
{
	uint64_t pfn = nb_arg_address(L, 2, op->def->name, "pfn");
	uint64_t addr = nb_page_address(op->host->sim->sys, pfn);

	if (!addr)
		return nb_push_errno(L, -NB_ENOENT, "page_address: frame %llu has none",
				     (unsigned long long)pfn);
	lua_pushinteger(L, (lua_Integer)addr);
	return 1;
}

/* An address of the linear map: it lies in the upper half, so that Lua has it as a negative number.
 */
static uint64_t linear_address(lua_State *L, int index, const char *name)
{
	if (!lua_isinteger(L, index))
		nb_arg_error(L, name, "address must be one that such a call returned, found %s",
			     luaL_typename(L, index));
	return (uint64_t)lua_tointeger(L, index);
}

static int op_address_to_pfn(lua_State *L, struct nb_op *op)
{
	uint64_t addr = linear_address(L, 2, op->def->name);
	nb_pfn_t pfn = nb_address_to_pfn(op->host->sim->sys, addr);

	if (pfn == NB_NO_PFN)
		return nb_push_errno(L, -NB_ENOENT, "address_to_pfn: outside of the linear map");
	nb_push_u64(L, pfn);
	return 1;
}

/* ---- giving back ---- */

/* The CPU in argument `index`, or the first one. -1 with results pushed: *ret_n of them. */
static int read_cpu(lua_State *L, struct nb_op *op, int index, int *ret_n)
{
	const struct nb_sim *s = op->host->sim;
	int cpu = nb_lua_first_cpu(s);

	op->cost_ns = NB_COST_ALLOC_PAGES_NS;
	if (!lua_isnoneornil(L, index))
		cpu = (int)nb_arg_integer(L, index, op->def->name, "cpu", 0, NB_MAX_CPUS - 1);
	if (nb_cost_cpu_node(&s->cost, cpu) != NB_NO_NODE)
		return cpu;
	*ret_n = nb_push_errno(L, -NB_EINVAL, "%s: CPU %d is not online", op->def->name, cpu);
	return -1;
}

static unsigned read_order(lua_State *L, int index, const char *name)
{
	if (lua_isnoneornil(L, index))
		return 0;
	return (unsigned)nb_arg_integer(L, index, name, "order", 0, 63);
}

/* machine:free_pages(pfn [, order [, cpu]]) */
static int op_free_pages(lua_State *L, struct nb_op *op)
{
	struct nb_system *sys = op->host->sim->sys;
	uint64_t pfn = nb_arg_address(L, 2, op->def->name, "pfn");
	unsigned order = read_order(L, 3, op->def->name);
	struct nb_error err = {0};
	int n, cpu = read_cpu(L, op, 4, &n), ret;

	if (cpu < 0)
		return n;
	ret = nb_free_pages_why(sys, pfn, order, &err);
	if (!ret)
		ret = nb_free_pages(sys, cpu, pfn, order);
	if (ret)
		return nb_push_errno(L, ret, "free_pages: %s", err.text);
	lua_pushboolean(L, 1);
	return 1;
}

/* machine:free_pages_addr(addr [, order [, cpu]]) */
static int op_free_pages_addr(lua_State *L, struct nb_op *op)
{
	uint64_t addr = linear_address(L, 2, op->def->name);
	unsigned order = read_order(L, 3, op->def->name);
	int n, cpu = read_cpu(L, op, 4, &n), ret;

	if (cpu < 0)
		return n;
	ret = nb_free_pages_addr(op->host->sim->sys, cpu, addr, order);
	if (ret)
		return nb_push_errno(
			L, ret, "free_pages_addr: no allocated block of order %u is there", order);
	lua_pushboolean(L, 1);
	return 1;
}

/* machine:free_pages_exact(addr, bytes [, cpu]) */
static int op_free_pages_exact(lua_State *L, struct nb_op *op)
{
	uint64_t addr = linear_address(L, 2, op->def->name);
	uint64_t bytes = nb_arg_size(L, 3, op->def->name, "bytes");
	int n, cpu = read_cpu(L, op, 4, &n), ret;

	if (cpu < 0)
		return n;
	ret = nb_free_pages_exact(op->host->sim->sys, cpu, addr, bytes);
	if (ret)
		return nb_push_errno(L, ret, "free_pages_exact: not all of it is allocated");
	lua_pushboolean(L, 1);
	return 1;
}

/* machine:split_page(pfn, order) */
static int op_split_page(lua_State *L, struct nb_op *op)
{
	uint64_t pfn = nb_arg_address(L, 2, op->def->name, "pfn");
	unsigned order = read_order(L, 3, op->def->name);
	int ret = nb_split_page(op->host->sim->sys, pfn, order);

	if (ret)
		return nb_push_errno(L, ret,
				     "split_page: frame %llu heads no block of order %u that may "
				     "be split",
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

static const struct nb_op_def ops[] = {
	{"alloc_pages", op_alloc_pages, false, false},
	{"alloc_page", op_alloc_page, false, false},
	{"alloc_pages_node", op_alloc_pages_node, false, false},
	{"alloc_pages_bulk", op_alloc_pages_bulk, false, false},
	{"alloc_pages_exact", op_alloc_pages_exact, false, false},
	{"get_free_pages", op_get_free_pages, false, false},
	{"get_free_page", op_get_free_page, false, false},
	{"get_zeroed_page", op_get_free_page, false, false},
	{"get_dma_pages", op_get_free_pages, false, false},
	{"page_address", op_page_address, false, true},
	{"address_to_pfn", op_address_to_pfn, false, true},
	{"free_pages", op_free_pages, false, false},
	{"free_page", op_free_pages, false, false},
	{"free_pages_addr", op_free_pages_addr, false, false},
	{"free_pages_exact", op_free_pages_exact, false, false},
	{"split_page", op_split_page, false, false},
	{"drain", op_drain, false, false},
};

void nb_lua_pages_open(lua_State *L)
{
	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++)
		nb_op_register(L, &ops[i]);
}
