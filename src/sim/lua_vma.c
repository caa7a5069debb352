/* lua_vma.c -- changing mappings: mprotect, madvise, mremap, the heap, the stack, mlock.
 *
 * Called through the method table of tasks. Each is one system call: what it faults in or gives
 * back is charged after it.
 */
#include "sim/lua_host.h"

#include <numabox/file.h>
#include <numabox/task.h>

/* Charges a call; true or nil, errno, text. */
static int done(lua_State *L, struct nb_op *op, int ret, const uint64_t *before)
{
	if (op->task->clock_ns < op->host->sim->now_ns) /* it waited for a disk */
		op->task->clock_ns = op->host->sim->now_ns;
	nb_sim_charge_ns(op->task, NB_COST_MMAP_NS);
	if (nb_task_alive(op->task->task))
		nb_sim_charge_new_pages(op->task, before);
	if (ret)
		return nb_push_errno(L, ret, "%s of this range is refused", op->def->name);
	lua_pushboolean(L, 1);
	return 1;
}

struct range {
	uint64_t addr, length;
	const uint64_t *before;
};

static struct range read_range(lua_State *L, struct nb_op *op)
{
	struct range r = {
		.addr = nb_arg_address(L, 2, op->def->name, "address"),
		.length = nb_arg_size(L, 3, op->def->name, "length"),
	};

	r.before = nb_lua_pages_before(L, op->task);
	return r;
}

/* t:mprotect(addr, length, "r") */
static int op_mprotect(lua_State *L, struct nb_op *op)
{
	int prot;

	lua_settop(L, 4);
	if (lua_isnil(L, 4))
		return nb_arg_error(L, op->def->name,
				    "prot is missing: letters of \"rwx\", or \"none\"");
	prot = nb_lua_prot(L, 4, op->def->name);
	struct range r = read_range(L, op);

	return done(L, op, nb_mprotect(op->task->task, r.addr, r.length, prot), r.before);
}

static const struct nb_arg_word advices[] = {
	{"normal", NB_MADV_NORMAL},
	{"random", NB_MADV_RANDOM},
	{"sequential", NB_MADV_SEQUENTIAL},
	{"willneed", NB_MADV_WILLNEED},
	{"dontneed", NB_MADV_DONTNEED},
	{"free", NB_MADV_FREE},
	{"remove", NB_MADV_REMOVE},
	{"dontfork", NB_MADV_DONTFORK},
	{"dofork", NB_MADV_DOFORK},
	{"mergeable", NB_MADV_MERGEABLE},
	{"unmergeable", NB_MADV_UNMERGEABLE},
	{"hugepage", NB_MADV_HUGEPAGE},
	{"nohugepage", NB_MADV_NOHUGEPAGE},
	{"dontdump", NB_MADV_DONTDUMP},
	{"dodump", NB_MADV_DODUMP},
	{"wipeonfork", NB_MADV_WIPEONFORK},
	{"keeponfork", NB_MADV_KEEPONFORK},
	{"cold", NB_MADV_COLD},
	{"pageout", NB_MADV_PAGEOUT},
	{"populate_read", NB_MADV_POPULATE_READ},
	{"populate_write", NB_MADV_POPULATE_WRITE},
	{"dontneed_locked", NB_MADV_DONTNEED_LOCKED},
	{"collapse", NB_MADV_COLLAPSE},
	{NULL, 0},
};

/* t:madvise(addr, length, "dontneed") */
static int op_madvise(lua_State *L, struct nb_op *op)
{
	unsigned advice;

	lua_settop(L, 4);
	if (lua_type(L, 4) != LUA_TSTRING)
		return nb_arg_error(L, op->def->name,
				    "advice is missing: a word such as \"dontneed\"");
	advice = nb_arg_words(L, 4, op->def->name, "advice", advices);
	struct range r = read_range(L, op);

	return done(L, op, nb_madvise(op->task->task, r.addr, r.length, (int)advice), r.before);
}

/* t:msync(addr, length [, {"sync"}]): "async", "sync", "invalidate" */
static int op_msync(lua_State *L, struct nb_op *op)
{
	static const struct nb_arg_word words[] = {{"async", NB_MS_ASYNC},
						   {"sync", NB_MS_SYNC},
						   {"invalidate", NB_MS_INVALIDATE},
						   {NULL, 0}};
	unsigned flags = NB_MS_SYNC;

	lua_settop(L, 4);
	if (!lua_isnil(L, 4))
		flags = nb_arg_words(L, 4, op->def->name, "flags", words);
	struct range r = read_range(L, op);

	return done(L, op, nb_msync(op->task->task, r.addr, r.length, (int)flags), r.before);
}

/* t:mremap(addr, old_length, new_length [, flags [, new_addr]]): where it is now */
static int op_mremap(lua_State *L, struct nb_op *op)
{
	static const struct nb_arg_word words[] = {{"maymove", NB_MREMAP_MAYMOVE},
						   {"fixed", NB_MREMAP_FIXED},
						   {"dontunmap", NB_MREMAP_DONTUNMAP},
						   {NULL, 0}};
	const char *name = op->def->name;
	uint64_t new_length, new_addr = 0, got;
	unsigned flags;
	int ret;

	lua_settop(L, 6);
	new_length = nb_arg_size(L, 4, name, "new length");
	flags = nb_arg_words(L, 5, name, "flags", words);
	if (!lua_isnil(L, 6))
		new_addr = nb_arg_address(L, 6, name, "new address");
	struct range r = read_range(L, op);

	ret = nb_mremap(op->task->task, r.addr, r.length, new_length, (int)flags, new_addr, &got);
	if (ret)
		return done(L, op, ret, r.before);
	done(L, op, 0, r.before);
	nb_push_u64(L, got);
	return 1;
}

/* t:brk([addr]): the heap's end, moved or not */
static int op_brk(lua_State *L, struct nb_op *op)
{
	uint64_t brk = lua_isnoneornil(L, 2) ? 0 : nb_arg_address(L, 2, op->def->name, "address");
	uint64_t *before = nb_lua_pages_before(L, op->task), now;
	int ret = nb_brk(op->task->task, brk, &now);

	if (ret)
		return done(L, op, ret, before);
	done(L, op, 0, before);
	nb_push_u64(L, now);
	return 1;
}

/* t:stack(): gives the process its stack; its end, from which it grows down */
static int op_stack(lua_State *L, struct nb_op *op)
{
	uint64_t top;
	int ret = nb_task_map_stack(op->task->task, &top);

	nb_sim_charge_ns(op->task, NB_COST_MMAP_NS);
	if (ret)
		return nb_push_errno(L, ret, "stack: it has one, or there is no room");
	nb_push_u64(L, top);
	return 1;
}

/* ---- locked memory ---- */

/* t:mlock(addr, length [, "onfault"]) */
static int op_mlock(lua_State *L, struct nb_op *op)
{
	static const struct nb_arg_word words[] = {{"onfault", NB_MLOCK_ONFAULT}, {NULL, 0}};
	unsigned flags;

	lua_settop(L, 4);
	flags = nb_arg_words(L, 4, op->def->name, "flags", words);
	struct range r = read_range(L, op);

	return done(L, op, nb_mlock2(op->task->task, r.addr, r.length, (int)flags), r.before);
}

static int op_munlock(lua_State *L, struct nb_op *op)
{
	struct range r = read_range(L, op);

	return done(L, op, nb_munlock(op->task->task, r.addr, r.length), r.before);
}

/* t:mlockall{"current", "future", "onfault"} */
static int op_mlockall(lua_State *L, struct nb_op *op)
{
	static const struct nb_arg_word words[] = {{"current", NB_MCL_CURRENT},
						   {"future", NB_MCL_FUTURE},
						   {"onfault", NB_MCL_ONFAULT},
						   {NULL, 0}};
	unsigned flags = nb_arg_words(L, 2, op->def->name, "flags", words);
	uint64_t *before = nb_lua_pages_before(L, op->task);

	return done(L, op, nb_mlockall(op->task->task, (int)flags), before);
}

static int op_munlockall(lua_State *L, struct nb_op *op)
{
	uint64_t *before = nb_lua_pages_before(L, op->task);

	return done(L, op, nb_munlockall(op->task->task), before);
}

static const struct nb_op_def ops[] = {
	{"mprotect", op_mprotect, true, false},     {"madvise", op_madvise, true, false},
	{"mremap", op_mremap, true, false},         {"brk", op_brk, true, false},
	{"stack", op_stack, true, false},           {"mlock", op_mlock, true, false},
	{"munlock", op_munlock, true, false},       {"mlockall", op_mlockall, true, false},
	{"munlockall", op_munlockall, true, false}, {"msync", op_msync, true, false},
};

void nb_lua_vma_open(lua_State *L)
{
	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++)
		nb_op_register(L, &ops[i]);
}
