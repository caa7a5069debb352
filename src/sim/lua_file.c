/* lua_file.c -- files and shared memory in scenarios: machine:file(), machine:shmem(), f:read() and
 * kin, machine:sync(), machine:disk().
 *
 * Called by scenario.c. A file's handle is a userdata that holds a reference until it is closed (or
 * the simulation ends: nothing depends on when Lua collects). Reads and writes run in grains, so
 * that others who are due get their turn. Their cost: a call's entry, a lookup a page, an
 * allocation for each page that comes new, and the copy: the page's bytes, in order, between the
 * node where the page lies and the task's; where the task has to wait for the disk, or is held back
 * because too much is dirty, its clock stands at the end of that wait.
 */
#include "sim/lua_host.h"

#include <numabox/file.h>
#include <numabox/replica.h>

#include <string.h>

#define FILE_TYPE "file"
#define GRAIN_PAGES 256u

struct lua_file {
	struct nb_address_space *as; /* NULL once closed */
	struct nb_open_file open; /* file NULL: the handle that made the file, all share its own */
	struct nb_sim_task *last; /* who used it last */
};

static struct lua_file *check_handle(lua_State *L, int index)
{
	struct lua_file *f = luaL_testudata(L, index, FILE_TYPE);

	if (!f)
		luaL_error(L, "expected a file (write f:read(), not f.read()), found %s",
			   luaL_typename(L, index));
	if (!f->as)
		luaL_error(L, "the file is closed");
	return f;
}

struct nb_address_space *nb_lua_check_file(lua_State *L, int index)
{
	return check_handle(L, index)->as;
}

void nb_lua_push_file(lua_State *L, struct nb_address_space *as)
{
	struct lua_file *f = lua_newuserdatauv(L, sizeof(*f), 0);

	*f = (struct lua_file){.as = as};
	luaL_setmetatable(L, FILE_TYPE);
	nb_sandbox_object(L, -1, false);
}

/* Who does it: the task at `index`, else the strand's own, else who used the file last. NULL:
 * nobody, where `needed` an error. */
static struct nb_sim_task *task_of(lua_State *L, struct nb_op *op, struct lua_file *f, int index,
				   bool needed)
{
	struct nb_sim_task *t = NULL;

	if (!lua_isnoneornil(L, index))
		t = nb_lua_check_task(L, index);
	else if (op->strand->task)
		t = op->strand->task;
	else if (f && f->last && nb_task_alive(f->last->task))
		t = f->last;
	if (!t && needed)
		nb_arg_error(L, op->def->name, "which task does it? Give it as the last argument");
	if (f && t)
		f->last = t;
	return t;
}

/* The clock of who waited stands where the machine's does now. */
static void catch_up(struct nb_op *op)
{
	struct nb_sim *s = op->host->sim;

	if (op->task && op->task->clock_ns < s->now_ns)
		op->task->clock_ns = s->now_ns;
}

/* First turn of an operation on behalf of a task: its clock counts from now on. True: come again.
 */
static bool becomes_task_op(struct nb_op *op, struct nb_sim_task *t)
{
	if (op->task || !t)
		return false;
	if (t->clock_ns < op->strand->now_ns)
		t->clock_ns = op->strand->now_ns;
	op->task = t;
	return true;
}

static int dead(lua_State *L, struct nb_op *op)
{
	return nb_push_errno(L, -NB_ESRCH, "%s: the task has ended", op->def->name);
}

/* ---- reading and writing ---- */

/* Copies [first, last] of the cache: traffic to each page's node. */
static void charge_copy(struct nb_op *op, struct nb_address_space *as, uint64_t offset,
			uint64_t bytes)
{
	const struct nb_cost *c = &op->host->sim->cost;
	uint64_t page = c->page_bytes, end = offset + bytes;
	int from = nb_sim_task_node(op->task);

	while (offset < end) {
		uint64_t n = page - offset % page;
		int nid = nb_file_node_for(op->task->task, as, offset / page);

		if (n > end - offset)
			n = end - offset;
		nb_sim_charge_ns(op->task, NB_COST_CACHE_PAGE_NS);
		if (nid >= 0)
			nb_sim_charge_ps(op->task, nb_cost_traffic_ps(c, from, nid,
								      NB_PATTERN_SEQUENTIAL, n));
		offset += n;
	}
}

/* Copies that were made on the way: an allocation and remote traffic each. */
static void charge_made(struct nb_op *op, struct nb_address_space *as, uint64_t made_before)
{
	const struct nb_cost *c = &op->host->sim->cost;
	int master = nb_file_node(as, op->addr / c->page_bytes);
	struct nb_replication_info now;

	nb_replication_info(op->host->sim->sys, &now);
	if (now.made == made_before || master < 0)
		return;
	nb_sim_charge_ns(op->task, (now.made - made_before) * NB_COST_ALLOC_PAGES_NS);
	nb_sim_charge_ps(op->task, nb_cost_traffic_ps(c, nb_sim_task_node(op->task), master,
						      NB_PATTERN_SEQUENTIAL,
						      (now.made - made_before) * c->page_bytes));
}

static int transfer(lua_State *L, struct nb_op *op, bool write)
{
	struct lua_file *f = check_handle(L, 1);
	uint64_t page = op->host->sim->cost.page_bytes, n, done = 0;
	struct nb_file_info before, after;
	struct nb_replication_info copies;
	int ret;

	if (!op->phase) {
		uint64_t length = nb_arg_size(L, 3, op->def->name, "length");

		op->addr = nb_arg_size(L, 2, op->def->name, "offset");
		if (length > UINT64_MAX - op->addr)
			return nb_arg_error(L, op->def->name, "the range ends past the last byte");
		op->end = op->addr + length;
		op->phase = 1;
		if (becomes_task_op(op, task_of(L, op, f, 4, true)))
			return NB_OP_AGAIN;
	}
	if (!nb_task_alive(op->task->task))
		return dead(L, op);
	n = GRAIN_PAGES * page - op->addr % page;
	if (n > op->end - op->addr)
		n = op->end - op->addr;
	nb_file_info(f->as, &before);
	nb_replication_info(op->host->sim->sys, &copies);
	ret = write          ? nb_file_write(op->task->task, f->as, op->addr, NULL, n, &done)
	      : f->open.file ? nb_open_file_read(op->task->task, &f->open, op->addr, NULL, n, &done)
			     : nb_file_read(op->task->task, f->as, op->addr, NULL, n, &done);
	catch_up(op);
	nb_file_info(f->as, &after);
	nb_sim_charge_ns(op->task, NB_COST_SYSCALL_NS);
	if (after.cached_pages > before.cached_pages)
		nb_sim_charge_ns(op->task, (after.cached_pages - before.cached_pages) *
						   NB_COST_ALLOC_PAGES_NS);
	charge_copy(op, f->as, op->addr, done);
	charge_made(op, f->as, copies.made);
	op->addr += done;
	op->faulted += done;
	if (ret)
		return nb_push_errno(L, ret, "%s fails after %llu bytes", op->def->name,
				     (unsigned long long)op->faulted);
	if (done == n && op->addr < op->end)
		return NB_OP_AGAIN;
	nb_push_u64(L, op->faulted);
	return 1;
}

/* f:read(offset, length [, task]): bytes read */
static int op_read(lua_State *L, struct nb_op *op)
{
	return transfer(L, op, false);
}

/* f:open(): the same file, opened once more: read-ahead of its own */
static int op_open(lua_State *L, struct nb_op *op)
{
	struct lua_file *f = check_handle(L, 1), *own;

	op->cost_ns = NB_COST_SYSCALL_NS;
	nb_file_get(f->as);
	nb_lua_push_file(L, f->as);
	own = lua_touserdata(L, -1);
	nb_open_file_init(&own->open, f->as);
	return 1;
}

/* f:write(offset, length [, task]): bytes written */
static int op_write(lua_State *L, struct nb_op *op)
{
	return transfer(L, op, true);
}

/* ---- the other calls ---- */

/* Ends a call that returned `ret`. */
static int finish(lua_State *L, struct nb_op *op, int ret)
{
	catch_up(op);
	if (op->task)
		nb_sim_charge_ns(op->task, NB_COST_SYSCALL_NS);
	else
		op->cost_ns = op->host->sim->now_ns > op->strand->now_ns
				      ? op->host->sim->now_ns - op->strand->now_ns
				      : NB_COST_SYSCALL_NS;
	if (ret)
		return nb_push_errno(L, ret, "%s is refused", op->def->name);
	lua_pushboolean(L, 1);
	return 1;
}

/* f:truncate(size [, task]) */
static int op_truncate(lua_State *L, struct nb_op *op)
{
	struct lua_file *f = check_handle(L, 1);
	uint64_t size = nb_arg_size(L, 2, op->def->name, "size");

	if (becomes_task_op(op, task_of(L, op, f, 3, true)))
		return NB_OP_AGAIN;
	if (!nb_task_alive(op->task->task))
		return dead(L, op);
	return finish(L, op, nb_file_truncate(op->task->task, f->as, size));
}

/* f:sync([task]) */
static int op_sync(lua_State *L, struct nb_op *op)
{
	struct lua_file *f = check_handle(L, 1);

	if (becomes_task_op(op, task_of(L, op, f, 2, false)))
		return NB_OP_AGAIN;
	return finish(L, op, nb_file_sync(op->task ? op->task->task : NULL, f->as));
}

/* f:fadvise(offset, length, "willneed" [, task]) */
static int op_fadvise(lua_State *L, struct nb_op *op)
{
	static const struct nb_arg_word words[] = {
		{"normal", NB_FADV_NORMAL},
		{"random", NB_FADV_RANDOM},
		{"sequential", NB_FADV_SEQUENTIAL},
		{"willneed", NB_FADV_WILLNEED},
		{"dontneed", NB_FADV_DONTNEED},
		{"noreuse", NB_FADV_NOREUSE},
		{NULL, 0},
	};
	struct lua_file *f = check_handle(L, 1);
	const char *name = op->def->name;
	uint64_t offset = nb_arg_size(L, 2, name, "offset");
	uint64_t length = nb_arg_size(L, 3, name, "length");
	unsigned advice = nb_arg_words(L, 4, name, "advice", words);

	if (becomes_task_op(op, task_of(L, op, f, 5, true)))
		return NB_OP_AGAIN;
	if (!nb_task_alive(op->task->task))
		return dead(L, op);
	return finish(
		L, op,
		nb_file_fadvise(op->task->task, f->as, offset, length, (enum nb_fadvice)advice));
}

/* f:readahead(offset, length [, task]): what fadvise's "willneed" is */
static int op_readahead(lua_State *L, struct nb_op *op)
{
	struct lua_file *f = check_handle(L, 1);
	uint64_t offset = nb_arg_size(L, 2, op->def->name, "offset");
	uint64_t length = nb_arg_size(L, 3, op->def->name, "length");

	if (becomes_task_op(op, task_of(L, op, f, 4, true)))
		return NB_OP_AGAIN;
	if (!nb_task_alive(op->task->task))
		return dead(L, op);
	return finish(
		L, op,
		length ? nb_file_fadvise(op->task->task, f->as, offset, length, NB_FADV_WILLNEED)
		       : 0);
}

/* f:fallocate(offset, length [, task]), f:punch(offset, length [, task]) */
static int fallocate(lua_State *L, struct nb_op *op, bool punch)
{
	struct lua_file *f = check_handle(L, 1);
	uint64_t offset = nb_arg_size(L, 2, op->def->name, "offset");
	uint64_t length = nb_arg_size(L, 3, op->def->name, "length");

	if (becomes_task_op(op, task_of(L, op, f, 4, true)))
		return NB_OP_AGAIN;
	if (!nb_task_alive(op->task->task))
		return dead(L, op);
	return finish(L, op, nb_file_fallocate(op->task->task, f->as, offset, length, punch));
}

static int op_fallocate(lua_State *L, struct nb_op *op)
{
	return fallocate(L, op, false);
}

static int op_punch(lua_State *L, struct nb_op *op)
{
	return fallocate(L, op, true);
}

/* f:nodes(offset, length): per page its node, or "ENOENT" where it is not in memory. */
static int op_nodes(lua_State *L, struct nb_op *op)
{
	struct lua_file *f = check_handle(L, 1);
	uint64_t page = op->host->sim->cost.page_bytes;
	uint64_t offset = nb_arg_size(L, 2, op->def->name, "offset");
	uint64_t length = nb_arg_size(L, 3, op->def->name, "length"), last;
	lua_Integer n = 0;

	if (!length || length > UINT64_MAX - offset || length / page >= INT32_MAX)
		return nb_arg_error(L, op->def->name, "the range has no pages, or too many");
	last = (offset + length - 1) / page;
	lua_newtable(L);
	for (uint64_t i = offset / page; i <= last; i++) {
		int nid = nb_file_node(f->as, i);

		if (nid >= 0)
			lua_pushinteger(L, nid);
		else
			lua_pushstring(L, "ENOENT");
		lua_rawseti(L, -2, ++n);
	}
	return 1;
}

/* f:info(): what can be told of it. */
static int op_info(lua_State *L, struct nb_op *op)
{
	struct nb_file_info info;

	(void)op;
	nb_file_info(nb_lua_check_file(L, 1), &info);
	lua_newtable(L);
	lua_pushstring(L, info.name);
	lua_setfield(L, -2, "name");
	lua_pushboolean(L, info.shmem);
	lua_setfield(L, -2, "shmem");
	nb_set_u64(L, "ino", info.ino);
	nb_set_u64(L, "size", info.size);
	nb_set_u64(L, "cached_pages", info.cached_pages);
	nb_set_u64(L, "dirty_pages", info.dirty_pages);
	nb_set_u64(L, "writeback_pages", info.writeback_pages);
	nb_set_u64(L, "shadows", info.shadows);
	return 1;
}

/* f:close(): mappings hold the file on. */
static int file_close(lua_State *L)
{
	struct lua_file *f = check_handle(L, 1);

	nb_file_put(f->as);
	f->as = NULL;
	lua_pushboolean(L, 1);
	return 1;
}

static int file_tostring(lua_State *L)
{
	const struct lua_file *f = luaL_checkudata(L, 1, FILE_TYPE);
	struct nb_file_info info;

	if (!f->as) {
		lua_pushstring(L, "file (closed)");
		return 1;
	}
	nb_file_info(f->as, &info);
	lua_pushfstring(L, "file %s", info.name);
	return 1;
}

/* ---- machine:... ---- */

/* machine:file(name, size [, "device"]) */
static int op_file(lua_State *L, struct nb_op *op)
{
	const char *name = luaL_checkstring(L, 2);
	uint64_t size = lua_isnoneornil(L, 3) ? 0 : nb_arg_size(L, 3, op->def->name, "size");
	struct nb_address_space *as;
	const char *kind = luaL_optstring(L, 4, "regular");
	bool device = strcmp(kind, "device") == 0;
	int ret;

	if (!device && strcmp(kind, "regular") != 0)
		return nb_arg_error(L, op->def->name, "kind '%.20s': \"regular\" or \"device\"",
				    kind);
	ret = device ? nb_file_create_device(op->host->sim->sys, name, size, &as)
		     : nb_file_create(op->host->sim->sys, name, size, &as);
	op->cost_ns = NB_COST_SYSCALL_NS;
	if (ret)
		return nb_push_errno(L, ret, "file '%.40s' of %llu bytes", name,
				     (unsigned long long)size);
	nb_lua_push_file(L, as);
	return 1;
}

/* machine:shmem(name, size [, mpol]) */
static int op_shmem(lua_State *L, struct nb_op *op)
{
	const char *name = luaL_checkstring(L, 2), *mpol = luaL_optstring(L, 4, NULL);
	uint64_t size = nb_arg_size(L, 3, op->def->name, "size");
	struct nb_address_space *as;
	int ret = nb_shmem_create(op->host->sim->sys, name, size, mpol, &as);

	op->cost_ns = NB_COST_SYSCALL_NS;
	if (ret == -NB_EINVAL)
		return nb_push_errno(L, ret, "shmem: mpol=%.60s is refused", mpol ? mpol : "");
	if (ret)
		return nb_push_errno(L, ret, "shmem '%.40s' of %llu bytes", name,
				     (unsigned long long)size);
	nb_lua_push_file(L, as);
	return 1;
}

/* machine:sync([task]) */
static int op_sync_all(lua_State *L, struct nb_op *op)
{
	if (becomes_task_op(op, task_of(L, op, NULL, 2, false)))
		return NB_OP_AGAIN;
	return finish(L, op, nb_sync(op->host->sim->sys, op->task ? op->task->task : NULL));
}

/* machine:disk{ latency = "100us", bandwidth = "2G", depth = 32 } */
static int op_disk(lua_State *L, struct nb_op *op)
{
	static const char *const keys[] = {"latency", "bandwidth", "depth", NULL};
	struct nb_disk disk = {
		.latency_ns = 100000, .bytes_per_second = UINT64_C(2000) << 20, .queue_depth = 32};
	const char *name = op->def->name;
	int ret;

	nb_arg_keys(L, 2, name, keys);
	lua_settop(L, 2);
	if (nb_arg_field(L, 2, "latency"))
		disk.latency_ns = nb_arg_time(L, 3, name, "latency");
	if (nb_arg_field(L, 2, "bandwidth"))
		disk.bytes_per_second = nb_arg_size(L, 4, name, "bandwidth");
	if (nb_arg_field(L, 2, "depth"))
		disk.queue_depth = (unsigned)nb_arg_integer(L, 5, name, "depth", 1, 64);
	ret = nb_set_disk(op->host->sim->sys, &disk);
	if (ret)
		return nb_push_errno(L, ret, "disk: the bandwidth must not be 0");
	lua_pushboolean(L, 1);
	return 1;
}

/* machine:replication{ cache = true, text = true, kernel = "16M" }: what is copied to every node
 * from now on. Without a table: what is there, and what it saved. */
static int op_replication(lua_State *L, struct nb_op *op)
{
	static const char *const keys[] = {"cache", "text", "kernel", NULL};
	struct nb_sim *s = op->host->sim;
	struct nb_replication_info i;
	uint64_t kernel = 0, lines = s->cost.page_bytes / NB_COST_LINE_BYTES;
	unsigned what = 0;
	int ret;

	if (!lua_isnoneornil(L, 2)) {
		nb_arg_keys(L, 2, op->def->name, keys);
		lua_settop(L, 2);
		what |= nb_arg_field(L, 2, "cache") && lua_toboolean(L, -1) ? NB_REPLICATE_CACHE
									    : 0u;
		what |= nb_arg_field(L, 2, "text") && lua_toboolean(L, -1) ? NB_REPLICATE_TEXT : 0u;
		if (nb_arg_field(L, 2, "kernel") && lua_toboolean(L, -1)) {
			what |= NB_REPLICATE_KERNEL;
			if (!lua_isboolean(L, -1))
				kernel = nb_arg_size(L, 5, op->def->name, "kernel");
		}
		ret = nb_set_replication(s->sys, what, kernel);
		if (ret)
			return nb_push_errno(L, ret, "replication: no room on every node");
		lua_pushboolean(L, 1);
		return 1;
	}
	nb_replication_info(s->sys, &i);
	lua_newtable(L);
	nb_set_u64(L, "pages", i.pages);
	nb_set_u64(L, "kernel_pages", i.kernel_pages);
	nb_set_u64(L, "memory_bytes", (i.pages + i.kernel_pages) * s->cost.page_bytes);
	nb_set_u64(L, "made", i.made);
	nb_set_u64(L, "collapsed", i.collapsed);
	nb_set_u64(L, "reclaimed", i.reclaimed);
	nb_set_u64(L, "failed", i.failed);
	nb_set_u64(L, "local_reads", i.reads);
	nb_set_u64(L, "local_faults", i.faults);
	/* the read that makes a copy is remote once more */
	nb_set_u64(L, "remote_accesses_saved", i.reads > i.made ? (i.reads - i.made) * lines : 0);
	return 1;
}

static const struct nb_op_def file_ops[] = {
	{"open", op_open, false, false},
	{"read", op_read, false, false},
	{"write", op_write, false, false},
	{"truncate", op_truncate, false, false},
	{"sync", op_sync, false, false},
	{"fadvise", op_fadvise, false, false},
	{"fallocate", op_fallocate, false, false},
	{"punch", op_punch, false, false},
	{"readahead", op_readahead, false, false},
	{"nodes", op_nodes, false, true},
	{"info", op_info, false, true},
};

static const struct nb_op_def machine_ops[] = {
	{"file", op_file, false, false}, {"shmem", op_shmem, false, false},
	{"shm", op_shmem, false, false}, {"sync", op_sync_all, false, false},
	{"disk", op_disk, false, false}, {"replication", op_replication, false, false},
};

void nb_lua_file_open(lua_State *L)
{
	luaL_newmetatable(L, FILE_TYPE);
	lua_pushcfunction(L, file_tostring);
	lua_setfield(L, -2, "__tostring");
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_newtable(L);
	lua_pushcfunction(L, file_close);
	lua_setfield(L, -2, "close");
	for (size_t i = 0; i < sizeof(file_ops) / sizeof(*file_ops); i++)
		nb_op_register(L, &file_ops[i]);
	lua_setfield(L, -2, "__index");
	lua_pop(L, 1);
}

void nb_lua_file_machine_open(lua_State *L)
{
	for (size_t i = 0; i < sizeof(machine_ops) / sizeof(*machine_ops); i++)
		nb_op_register(L, &machine_ops[i]);
}
