/* lua_memory.c -- a task's memory as scenarios use it: mmap, touch, munmap, nodes.
 *
 * Called through the method table of tasks (lua_task.c). touch runs in grains, so that others who
 * are due get their turn in between. Traffic stands in lua_access.c.
 */
#include "sim/lua_host.h"

#include "base/hosted/text.h"

#include <numabox/file.h>
#include <numabox/gfp.h>
#include <numabox/hugetlb.h>

#include <stdlib.h>
#include <string.h>

static bool wants_write(lua_State *L, int index, const char *name, bool otherwise)
{
	static const struct nb_arg_word words[] = {{"r", 0}, {"w", 1}, {"rw", 1}, {NULL, 0}};

	if (lua_isnoneornil(L, index))
		return otherwise;
	return nb_arg_words(L, index, name, "how", words) != 0;
}

int nb_lua_prot(lua_State *L, int index, const char *name)
{
	const char *s;
	int prot = 0;

	if (lua_isnoneornil(L, index))
		return NB_PROT_READ | NB_PROT_WRITE;
	s = lua_type(L, index) == LUA_TSTRING ? lua_tostring(L, index) : "?";
	if (!strcmp(s, "none"))
		return NB_PROT_NONE;
	for (const char *p = s; *p; p++) {
		if (!strchr("rwx-", *p))
			nb_arg_error(L, name,
				     "prot is '%.20s'; it must be letters of \"rwx\", or "
				     "\"none\"",
				     s);
		prot |= *p == 'r' ? NB_PROT_READ : 0;
		prot |= *p == 'w' ? NB_PROT_WRITE : 0;
		prot |= *p == 'x' ? NB_PROT_EXEC : 0;
	}
	return prot;
}

uint64_t *nb_lua_pages_before(lua_State *L, const struct nb_sim_task *t)
{
	uint64_t *pages = lua_newuserdatauv(L, t->sim->cost.nr_nodes * sizeof(*pages), 0);

	nb_sim_task_pages(t, pages);
	return pages;
}

/* huge = true: the default size; or a size such as "1G". */
static int huge_flags(lua_State *L, int index, const char *name)
{
	uint64_t bytes;
	int shift = 0;

	if (!lua_toboolean(L, index))
		return 0;
	if (lua_isboolean(L, index))
		return NB_MAP_HUGETLB;
	bytes = nb_arg_size(L, index, name, "huge");
	if (!bytes || (bytes & (bytes - 1)))
		nb_arg_error(L, name,
			     "huge: a size of huge pages is a power of two, such as \"2M\"");
	while (bytes >>= 1)
		shift++;
	return (int)(NB_MAP_HUGETLB | (unsigned)shift << NB_MAP_HUGE_SHIFT);
}

/* The options of mmap but file and offset: address, protection, flags. */
static void read_mmap(lua_State *L, const char *name, uint64_t *ret_addr, int *ret_prot,
		      int *ret_flags)
{
	static const struct nb_arg_word words[] = {
		{"populate", NB_MAP_POPULATE},
		{"locked", NB_MAP_LOCKED},
		{"noreserve", NB_MAP_NORESERVE},
		{"growsdown", NB_MAP_GROWSDOWN},
		{"fixed_noreplace", NB_MAP_FIXED_NOREPLACE},
		{"hint", 1u << 31}, /* addr is no more than one */
		{NULL, 0}};
	unsigned flags;

	nb_arg_field(L, 2, "flags");
	flags = nb_arg_words(L, -1, name, "flags", words);
	*ret_addr = 0;
	if (nb_arg_field(L, 2, "addr")) {
		*ret_addr = nb_arg_address(L, -1, name, "addr");
		if (!(flags & (1u << 31 | NB_MAP_FIXED_NOREPLACE)))
			flags |= NB_MAP_FIXED;
	}
	flags &= ~(1u << 31);
	nb_arg_field(L, 2, "prot");
	*ret_prot = nb_lua_prot(L, -1, name);
	if (nb_arg_field(L, 2, "shared") && lua_toboolean(L, -1))
		flags |= NB_MAP_SHARED;
	nb_arg_field(L, 2, "huge");
	*ret_flags = (int)flags | huge_flags(L, -1, name);
}

/* t:mmap{ length =, addr =, prot =, shared =, file =, offset =, huge =, flags = } */
static int op_mmap(lua_State *L, struct nb_op *op)
{
	static const char *const keys[] = {"length", "addr", "prot",  "shared", "file",
					   "offset", "huge", "flags", NULL};
	const char *name = op->def->name;
	uint64_t addr, length, offset = 0, got, *before;
	int flags, prot, ret;

	nb_arg_keys(L, 2, name, keys);
	lua_settop(L, 2);
	nb_arg_field(L, 2, "length");
	length = nb_arg_size(L, 3, name, "length");
	read_mmap(L, name, &addr, &prot, &flags);
	if (nb_arg_field(L, 2, "offset"))
		offset = nb_arg_size(L, -1, name, "offset");
	before = nb_lua_pages_before(L, op->task);
	if (nb_arg_field(L, 2, "file"))
		ret = nb_mmap_file(op->task->task, nb_lua_check_file(L, -1), offset, addr, length,
				   prot, flags, &got);
	else
		ret = nb_mmap(op->task->task, addr, length, prot, flags, &got);
	nb_sim_charge_ns(op->task, NB_COST_MMAP_NS);
	if (ret)
		return nb_push_errno(L, ret, "mmap of %llu bytes is refused",
				     (unsigned long long)length);
	nb_sim_charge_new_pages(op->task, before); /* what MAP_POPULATE brought */
	nb_push_u64(L, got);
	return 1;
}

static int op_munmap(lua_State *L, struct nb_op *op)
{
	const char *name = op->def->name;
	uint64_t addr = nb_arg_address(L, 2, name, "address");
	uint64_t length = nb_arg_size(L, 3, name, "length");
	uint64_t before = nb_task_rss_pages(op->task->task), after;
	int ret = nb_munmap(op->task->task, addr, length);

	after = nb_task_rss_pages(op->task->task);
	nb_sim_charge_ns(op->task, NB_COST_MMAP_NS + (before - after) * NB_COST_UNMAP_PAGE_NS);
	if (ret)
		return nb_push_errno(L, ret, "munmap of this range is refused");
	lua_pushboolean(L, 1);
	return 1;
}

/* Is [start, end) mapped without holes, and may it be touched so? */
static bool is_mapped(const struct nb_task *t, uint64_t start, uint64_t end, bool write)
{
	struct nb_vma_info v;

	for (unsigned i = 0; start < end && nb_task_vma(t, i, &v); i++) {
		if (v.end <= start)
			continue;
		if (v.start > start || !(v.prot & (write ? NB_PROT_WRITE : NB_PROT_READ)))
			return false;
		start = v.end;
	}
	return start >= end;
}

int nb_lua_touch_failed(lua_State *L, const struct nb_op *op, bool write, int err)
{
	unsigned long long n = op->faulted;

	if (!nb_task_alive(op->task->task))
		nb_push_errno(L, -NB_ENOMEM, "out of memory: killed after %llu pages", n);
	else if (err == -NB_ENOMEM)
		nb_push_errno(L, err, "out of memory after %llu pages", n);
	else if (err == -NB_EFAULT)
		nb_push_errno(
			L, err,
			is_mapped(op->task->task, (uint64_t)lua_tointeger(L, 2), op->addr, write)
				? "a mapping without a page behind it (SIGBUS) after %llu pages"
				: "no such mapping (SIGSEGV) after %llu pages",
			n);
	else
		nb_push_errno(L, err, "touch fails after %llu pages", n);
	lua_pushinteger(L, (lua_Integer)n);
	return 4;
}

void nb_lua_read_range(lua_State *L, struct nb_op *op)
{
	const char *name = op->def->name;
	uint64_t length = nb_arg_size(L, 3, name, "length");

	op->addr = nb_arg_address(L, 2, name, "address");
	if (length > UINT64_MAX - op->addr)
		nb_arg_error(L, name, "the range ends past the last address");
	op->end = op->addr + length;
	op->begin_ns = op->task->clock_ns;
	op->phase = 1;
}

int nb_lua_touch_some(struct nb_op *op, bool write)
{
	if (op->addr >= op->end)
		return 0;
	if (!nb_task_alive(op->task->task)) /* killed while others had their turn */
		return -NB_ESRCH;
	return nb_sim_touch_grain(op->task, &op->addr, op->end, write, &op->faulted);
}

/* t:touch(addr, length, "w"): pages faulted in; or nil, errno, message, pages so far. */
static int op_touch(lua_State *L, struct nb_op *op)
{
	bool write = wants_write(L, 4, op->def->name, true);
	int ret;

	if (!op->phase)
		nb_lua_read_range(L, op);
	ret = nb_lua_touch_some(op, write);
	if (ret)
		return nb_lua_touch_failed(L, op, write, ret);
	if (op->addr < op->end)
		return NB_OP_AGAIN;
	nb_push_u64(L, op->faulted);
	return 1;
}

/* t:nodes(addr, length): per page its node, or an errno's name, as move_pages' status. */
static int op_nodes(lua_State *L, struct nb_op *op)
{
	uint64_t page = op->task->sim->cost.page_bytes;
	lua_Integer n = 0;

	nb_lua_read_range(L, op);
	op->addr -= op->addr % page;
	if ((op->end - op->addr) / page >= INT32_MAX)
		return nb_arg_error(L, op->def->name, "the range has too many pages for a table");
	lua_createtable(L, (int)((op->end - op->addr + page - 1) / page), 0);
	for (uint64_t a = op->addr; a < op->end; a += page) {
		int nid = nb_task_node(op->task->task, a);

		if (nid >= 0)
			lua_pushinteger(L, nid);
		else
			lua_pushstring(L, nb_errno_name(nid));
		lua_rawseti(L, -2, ++n);
	}
	nb_sim_charge_ns(op->task, NB_COST_SYSCALL_NS);
	return 1;
}

/* t:pfn(addr): the frame behind an address; nil, "ENOENT". */
static int op_pfn(lua_State *L, struct nb_op *op)
{
	nb_pfn_t pfn = nb_task_pfn(op->task->task, nb_arg_address(L, 2, op->def->name, "address"));

	if (pfn == NB_NO_PFN)
		return nb_push_errno(L, -NB_ENOENT, "pfn: no page is there");
	nb_push_u64(L, pfn);
	return 1;
}

/* t:zone_pages(node, "Normal"): resident pages in one zone. */
static int op_zone_pages(lua_State *L, struct nb_op *op)
{
	int nid = (int)nb_arg_integer(L, 2, op->def->name, "node", 0, NB_MAX_NODES - 1);
	size_t len;
	const char *zone = luaL_checklstring(L, 3, &len);
	int type = nb_zone_by_name(zone, len);

	if (type < 0)
		return nb_arg_error(L, op->def->name, "there is no zone '%.20s'", zone);
	nb_push_u64(L, nb_task_zone_pages(op->task->task, nid, (enum nb_zone_type)type));
	return 1;
}

static const struct nb_op_def ops[] = {
	{"mmap", op_mmap, true, false},   {"munmap", op_munmap, true, false},
	{"touch", op_touch, true, false}, {"nodes", op_nodes, true, false},
	{"pfn", op_pfn, true, false},     {"zone_pages", op_zone_pages, true, false},
};

void nb_lua_memory_open(lua_State *L)
{
	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++)
		nb_op_register(L, &ops[i]);
}
