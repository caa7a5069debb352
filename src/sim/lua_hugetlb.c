/* lua_hugetlb.c -- files and shared segments of huge pages: machine:hugetlbfs{}, its files, and
 * t:shmget{}.
 *
 * Called by scenario.c, lua_machine.c and lua_task.c. What comes out are files as lua_file.c makes
 * them: t:mmap{ file = }, f:fallocate(), f:punch(), f:close() take them. A mount's handle is good
 * until m:umount(); the mount itself ends when its files have gone, too.
 */
#include "sim/lua_host.h"

#include <numabox/file.h>
#include <numabox/hugetlb.h>

#define MOUNT_TYPE "hugetlbfs"

struct lua_mount {
	struct nb_hugetlbfs *mount; /* NULL once unmounted */
};

static struct lua_mount *check_mount(lua_State *L)
{
	struct lua_mount *m = luaL_testudata(L, 1, MOUNT_TYPE);

	if (!m)
		luaL_error(L, "expected a mount (write m:file(), not m.file()), found %s",
			   luaL_typename(L, 1));
	if (!m->mount)
		luaL_error(L, "it is no longer mounted");
	return m;
}

/* A size out of field `key` of the table in argument 2, or `absent`. */
static uint64_t size_field(lua_State *L, const char *name, const char *key, uint64_t absent)
{
	return nb_arg_field(L, 2, key) ? nb_arg_size(L, -1, name, key) : absent;
}

/* machine:hugetlbfs{ page_size =, min_size =, size = }: a mount */
static int op_hugetlbfs(lua_State *L, struct nb_op *op)
{
	static const char *const keys[] = {"page_size", "min_size", "size", NULL};
	const char *name = op->def->name;
	uint64_t page, min, size;
	struct nb_hugetlbfs *mount;
	struct lua_mount *m;
	int ret;

	nb_arg_keys(L, 2, name, keys);
	lua_settop(L, 2);
	page = size_field(L, name, "page_size", 0);
	min = size_field(L, name, "min_size", 0);
	size = size_field(L, name, "size", UINT64_MAX);
	ret = nb_hugetlbfs_mount(op->host->sim->sys, NULL, page, min, size, &mount);
	op->cost_ns = NB_COST_SYSCALL_NS;
	if (ret)
		return nb_push_errno(L, ret, "hugetlbfs: %s",
				     ret == -NB_ENOMEM ? "the pool has not so many pages to reserve"
						       : "these sizes are refused");
	m = lua_newuserdatauv(L, sizeof(*m), 0);
	m->mount = mount;
	luaL_setmetatable(L, MOUNT_TYPE);
	nb_sandbox_object(L, -1, false);
	return 1;
}

/* m:file(name): an empty file, which grows by being mapped or by f:fallocate() */
static int op_file(lua_State *L, struct nb_op *op)
{
	struct lua_mount *m = check_mount(L);
	const char *file = luaL_checkstring(L, 2);
	struct nb_address_space *as;
	int ret = nb_hugetlbfs_create(m->mount, file, &as);

	op->cost_ns = NB_COST_SYSCALL_NS;
	if (ret)
		return nb_push_errno(L, ret, "file '%.40s'", file);
	nb_lua_push_file(L, as);
	return 1;
}

/* m:umount() */
static int op_umount(lua_State *L, struct nb_op *op)
{
	struct lua_mount *m = check_mount(L);

	nb_hugetlbfs_umount(m->mount);
	m->mount = NULL;
	op->cost_ns = NB_COST_SYSCALL_NS;
	lua_pushboolean(L, 1);
	return 1;
}

static int mount_tostring(lua_State *L)
{
	const struct lua_mount *m = luaL_checkudata(L, 1, MOUNT_TYPE);

	lua_pushstring(L, m->mount ? "hugetlbfs" : "hugetlbfs (unmounted)");
	return 1;
}

/* A segment of ordinary pages, promised whole. */
static int small_segment(lua_State *L, struct nb_op *op, uint64_t size, bool noreserve)
{
	struct nb_address_space *as;
	int ret = nb_shmem_segment(op->task->task, "/SYSV00000000", size, NULL, noreserve, &as);

	nb_sim_charge_ns(op->task, NB_COST_SYSCALL_NS);
	if (ret)
		return nb_push_errno(
			L, ret, "shmget: vm.overcommit_memory does not let %llu bytes be promised",
			(unsigned long long)size);
	nb_lua_push_file(L, as);
	return 1;
}

/* t:shmget{ size =, huge = true or "2M", noreserve = } */
static int op_shmget(lua_State *L, struct nb_op *op)
{
	static const char *const keys[] = {"size", "huge", "noreserve", NULL};
	const char *name = op->def->name;
	struct nb_address_space *as;
	uint64_t size, page = 0;
	bool noreserve;
	int ret;

	nb_arg_keys(L, 2, name, keys);
	lua_settop(L, 2);
	if (!nb_arg_field(L, 2, "size"))
		return nb_arg_error(L, name, "size is missing, as in shmget{ size = \"64M\" }");
	size = nb_arg_size(L, -1, name, "size");
	nb_arg_field(L, 2, "noreserve");
	noreserve = lua_toboolean(L, -1);
	nb_arg_field(L, 2, "huge");
	if (!lua_toboolean(L, -1))
		return small_segment(L, op, size, noreserve);
	if (!lua_isboolean(L, -1))
		page = nb_arg_size(L, -1, name, "huge");
	ret = nb_hugetlb_shmget(op->task->task, page, size, noreserve, &as);
	nb_sim_charge_ns(op->task, NB_COST_SYSCALL_NS);
	if (ret)
		return nb_push_errno(L, ret, "shmget: %s",
				     ret == -NB_ENOMEM ? "the pool has not so many pages to reserve"
				     : ret == -NB_EPERM ? "huge pages are for root"
							: "there is no such page size");
	nb_lua_push_file(L, as);
	return 1;
}

void nb_lua_hugetlb_types_open(lua_State *L)
{
	static const struct nb_op_def ops[] = {
		{"file", op_file, false, false},
		{"umount", op_umount, false, false},
	};

	luaL_newmetatable(L, MOUNT_TYPE);
	lua_pushcfunction(L, mount_tostring);
	lua_setfield(L, -2, "__tostring");
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_newtable(L);
	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++)
		nb_op_register(L, &ops[i]);
	lua_setfield(L, -2, "__index");
	lua_pop(L, 1);
}

void nb_lua_hugetlb_open(lua_State *L, bool tasks)
{
	static const struct nb_op_def mount = {"hugetlbfs", op_hugetlbfs, false, false};
	static const struct nb_op_def segment = {"shmget", op_shmget, true, false};

	nb_op_register(L, tasks ? &segment : &mount);
}
