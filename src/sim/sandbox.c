/* sandbox.c -- the state, its allocator and its limits.
 *
 * Called by scenario.c. The sandbox of a state stands in Lua's extra space, which every
 * coroutine inherits; so does the count hook.
 */
#include "sim/sandbox.h"

#include <lauxlib.h>
#include <lualib.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct nb_sandbox *nb_sandbox_of(lua_State *L)
{
	struct nb_sandbox *sb;

	memcpy(&sb, lua_getextraspace(L), sizeof(sb));
	return sb;
}

/* Lua's allocator: for a new block `old_size` is a type, not a size. */
static void *allocate(void *ctx, void *p, size_t old_size, size_t new_size)
{
	struct nb_sandbox *sb = ctx;
	size_t old = p ? old_size : 0;
	void *q;

	if (new_size == 0) {
		free(p);
		sb->memory -= old;
		return NULL;
	}
	if (sb->memory_limit && new_size > old && new_size - old > sb->memory_limit - sb->memory)
		return NULL;
	q = realloc(p, new_size);
	if (q)
		sb->memory += new_size - old;
	return q;
}

/* Line of the innermost Lua function of a file, 0 if there is none. */
static int current_line(lua_State *L)
{
	lua_Debug ar;

	for (int level = 0; lua_getstack(L, level, &ar); level++) {
		lua_getinfo(L, "Sl", &ar);
		if (ar.currentline > 0 && ar.source[0] == '@')
			return ar.currentline;
	}
	return 0;
}

void nb_sandbox_mark(lua_State *L)
{
	struct nb_sandbox *sb = nb_sandbox_of(L);
	int line = current_line(L);

	if (line)
		atomic_store_explicit(&sb->line, line, memory_order_relaxed);
}

void nb_sandbox_stop_text(const struct nb_sandbox *sb, char *buf, size_t n)
{
	switch (sb->stop) {
	case NB_STOP_INSTRUCTIONS:
		snprintf(buf, n,
			 "scenario ran past its limit of %llu instructions (a loop that does not "
			 "end?); --time-limit gives it more",
			 (unsigned long long)sb->instruction_limit);
		break;
	case NB_STOP_MEMORY:
		snprintf(buf, n,
			 "scenario ran past its limit of %llu MiB of memory; --memory-limit gives "
			 "it more",
			 (unsigned long long)(sb->memory_limit >> 20));
		break;
	default:
		snprintf(
			buf, n,
			"scenario ran past its limit of %u s of wall time%s; --time-limit gives it "
			"more",
			sb->time_limit_s, sb->work_is_extra ? ", long calls not counted" : "");
	}
}

static void hook(lua_State *L, lua_Debug *ar);

static void stop(lua_State *L, enum nb_stop why)
{
	struct nb_sandbox *sb = nb_sandbox_of(L);

	if (sb->stop == NB_STOP_NONE) {
		sb->stop = why;
		sb->stop_line = current_line(L);
		if (!sb->stop_line)
			sb->stop_line = atomic_load(&sb->line);
	}
}

int nb_sandbox_raise(lua_State *L)
{
	/* whatever still runs in this coroutine meets the hook at once */
	lua_sethook(L, hook, LUA_MASKCOUNT, 1);
	lua_pushliteral(L, "scenario stopped");
	return lua_error(L);
}

void nb_sandbox_failed(lua_State *L, int status)
{
	if (status == LUA_ERRMEM)
		stop(L, NB_STOP_MEMORY);
}

void nb_sandbox_check(lua_State *L, int status)
{
	nb_sandbox_failed(L, status);
	if (nb_sandbox_of(L)->stop != NB_STOP_NONE)
		nb_sandbox_raise(L);
}

void nb_sandbox_poll(lua_State *L)
{
	struct nb_sandbox *sb = nb_sandbox_of(L);

	if (atomic_load_explicit(&sb->time_up, memory_order_relaxed))
		stop(L, NB_STOP_TIME);
	if (sb->stop != NB_STOP_NONE)
		nb_sandbox_raise(L);
}

static void hook(lua_State *L, lua_Debug *ar)
{
	struct nb_sandbox *sb = nb_sandbox_of(L);

	(void)ar;
	sb->instructions += NB_SANDBOX_HOOK_COUNT;
	nb_sandbox_mark(L);
	if (sb->instruction_limit && sb->instructions > sb->instruction_limit)
		stop(L, NB_STOP_INSTRUCTIONS);
	nb_sandbox_poll(L);
}

uint64_t nb_sandbox_object(lua_State *L, int index, bool look_only)
{
	static const char key;
	struct nb_sandbox *sb = nb_sandbox_of(L);
	uint64_t id;

	index = lua_absindex(L, index);
	if (lua_rawgetp(L, LUA_REGISTRYINDEX, &key) != LUA_TTABLE) {
		lua_pop(L, 1);
		lua_newtable(L);
		lua_createtable(L, 0, 1);
		lua_pushliteral(L, "k"); /* weak keys: numbering keeps nothing alive */
		lua_setfield(L, -2, "__mode");
		lua_setmetatable(L, -2);
		lua_pushvalue(L, -1);
		lua_rawsetp(L, LUA_REGISTRYINDEX, &key);
	}
	lua_pushvalue(L, index);
	lua_rawget(L, -2);
	id = (uint64_t)lua_tointeger(L, -1);
	lua_pop(L, 1);
	if (!id && !look_only) {
		id = ++sb->next_object;
		lua_pushvalue(L, index);
		lua_pushinteger(L, (lua_Integer)id);
		lua_rawset(L, -3);
	}
	lua_pop(L, 1);
	return id;
}

/* Runs protected, so that a limit too small to open the libraries is an error and no panic. */
static int open_libraries(lua_State *L)
{
	static const luaL_Reg libs[] = {
		{LUA_GNAME, luaopen_base},        {LUA_TABLIBNAME, luaopen_table},
		{LUA_STRLIBNAME, luaopen_string}, {LUA_MATHLIBNAME, luaopen_math},
		{LUA_UTF8LIBNAME, luaopen_utf8},  {LUA_COLIBNAME, luaopen_coroutine},
	};

	for (size_t i = 0; i < sizeof(libs) / sizeof(*libs); i++) {
		luaL_requiref(L, libs[i].name, libs[i].func, 1);
		lua_pop(L, 1);
	}
	nb_safelib_open(L);
	nb_sorted_open(L);
	nb_coroutine_open(L);
	return 0;
}

int nb_sandbox_open(struct nb_sandbox *sb)
{
	lua_State *L;

	sb->memory = 0;
	L = lua_newstate(allocate, sb);
	if (!L)
		return -NB_ENOMEM;
	memcpy(lua_getextraspace(L), &sb, sizeof(sb));
	sb->L = L;
	lua_pushcfunction(L, open_libraries);
	if (lua_pcall(L, 0, 0, 0) != LUA_OK) {
		nb_sandbox_close(sb);
		return -NB_ENOMEM;
	}
	lua_sethook(L, hook, LUA_MASKCOUNT, NB_SANDBOX_HOOK_COUNT);
	return 0;
}

void nb_sandbox_close(struct nb_sandbox *sb)
{
	if (sb->L)
		lua_close(sb->L);
	sb->L = NULL;
}
