/* safelib.c -- Lua's own functions as a scenario gets them: without files, addresses, chance or
 * finalizers.
 *
 * Called once by sandbox.c after Lua's libraries are open. Functions that Lua's count hook cannot
 * interrupt (patterns, rep, sort, ...) note their line first, so that the watchdog can name it.
 */
#include "sim/sandbox.h"

#include <lauxlib.h>
#include <lualib.h>

#include <stdio.h>
#include <string.h>

const char *nb_safelib_tostring(lua_State *L, int index, size_t *len)
{
	const char *kind;
	int type;

	index = lua_absindex(L, index);
	type = lua_type(L, index);
	if (type == LUA_TNIL || type == LUA_TBOOLEAN || type == LUA_TNUMBER ||
	    type == LUA_TSTRING || luaL_getmetafield(L, index, "__tostring") != LUA_TNIL)
		return luaL_tolstring(L, index, len);
	kind = luaL_typename(L, index);
	if (luaL_getmetafield(L, index, "__name") == LUA_TSTRING)
		kind = lua_tostring(L, -1);
	lua_pushfstring(L, "%s: %d", kind, (int)nb_sandbox_object(L, index, false));
	return lua_tolstring(L, -1, len);
}

static int safe_tostring(lua_State *L)
{
	luaL_checkany(L, 1);
	nb_safelib_tostring(L, 1, NULL);
	return 1;
}

static int safe_print(lua_State *L)
{
	struct nb_sandbox *sb = nb_sandbox_of(L);
	int n = lua_gettop(L);
	luaL_Buffer b;

	luaL_checkstack(L, n + 8, "print: too many values");
	for (int i = 1; i <= n; i++) {
		nb_safelib_tostring(L, i, NULL);
		lua_replace(L, i);
		lua_settop(L, n);
	}
	luaL_buffinit(L, &b);
	for (int i = 1; i <= n; i++) {
		if (i > 1)
			luaL_addchar(&b, '\t');
		lua_pushvalue(L, i);
		luaL_addvalue(&b);
	}
	luaL_addchar(&b, '\n');
	luaL_pushresult(&b);
	if (sb->print) {
		size_t len;
		const char *s = lua_tolstring(L, -1, &len);

		sb->print(sb->print_ctx, s, len);
	}
	return 0;
}

/* Skips flags, width and precision of a conversion that begins after '%'. */
static const char *conversion(const char *s)
{
	return s + strspn(s, "-+ #0123456789.");
}

/* string.format(): %s gets the text of tostring() above, which shows no address; %p is refused. */
static int safe_format(lua_State *L)
{
	const char *s = luaL_checkstring(L, 1);
	int arg = 1, n = lua_gettop(L);

	nb_sandbox_mark(L);
	for (; *s; s++) {
		if (*s != '%')
			continue;
		if (s[1] == '%') {
			s++;
			continue;
		}
		arg++;
		s = conversion(s + 1);
		if (*s == 'p')
			return luaL_error(L, "format: '%%p' would show an address, which differs "
					     "from run to run");
		if (*s == 's' && arg <= n && lua_type(L, arg) >= LUA_TLIGHTUSERDATA &&
		    lua_type(L, arg) != LUA_TNUMBER && lua_type(L, arg) != LUA_TSTRING) {
			nb_safelib_tostring(L, arg, NULL);
			lua_replace(L, arg);
			lua_settop(L, n);
		}
		if (!*s)
			break;
	}
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, n, 1);
	return 1;
}

/* load(): source text only. */
static int safe_load(lua_State *L)
{
	int n = lua_gettop(L);

	luaL_checkany(L, 1);
	nb_sandbox_mark(L);
	if (n < 3)
		lua_settop(L, 3);
	lua_pushliteral(L, "t");
	lua_replace(L, 3);
	n = lua_gettop(L);
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, n, LUA_MULTRET);
	nb_sandbox_check(L, LUA_OK);
	return lua_gettop(L);
}

/* setmetatable(): no finalizers. They run at the collector's pace, and without the count hook. */
static int safe_setmetatable(lua_State *L)
{
	if (lua_istable(L, 2)) {
		lua_getfield(L, 2, "__gc");
		if (!lua_isnil(L, -1))
			return luaL_error(L, "setmetatable: __gc is not there in scenarios");
		lua_pop(L, 1);
	}
	lua_settop(L, 2);
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, 2, 1);
	return 1;
}

static int safe_collectgarbage(lua_State *L)
{
	const char *what = luaL_optstring(L, 1, "collect");

	if (strcmp(what, "collect") != 0 && strcmp(what, "step") != 0)
		return luaL_error(L, "collectgarbage: only \"collect\" is there in scenarios");
	nb_sandbox_mark(L);
	lua_gc(L, LUA_GCCOLLECT);
	lua_pushinteger(L, 0);
	return 1;
}

/* math.randomseed(): without arguments the run's own seed, never the time. */
static int safe_randomseed(lua_State *L)
{
	int n = lua_gettop(L);

	if (n == 0) {
		lua_pushinteger(L, (lua_Integer)nb_sandbox_of(L)->seed);
		n = 1;
	}
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, n, 0);
	return 0;
}

/* A function of Lua's that no hook interrupts: notes its line, then calls it. A plain call: what
 * it calls back (gsub, sort) cannot yield in Lua's own either. */
static int marked(lua_State *L)
{
	int n = lua_gettop(L);

	nb_sandbox_mark(L);
	nb_sandbox_poll(L);
	luaL_checkstack(L, 1, NULL);
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, n, LUA_MULTRET);
	return lua_gettop(L);
}

/* Wraps field `name` of the table at the top of the stack: the original becomes upvalue 1. */
static void wrap(lua_State *L, const char *name, lua_CFunction f)
{
	lua_getfield(L, -1, name);
	lua_pushcclosure(L, f, 1);
	lua_setfield(L, -2, name);
}

static void clear(lua_State *L, const char *name)
{
	lua_pushnil(L);
	lua_setfield(L, -2, name);
}

static void open_strings(lua_State *L)
{
	static const char *const slow[] = {"find", "match", "gmatch", "gsub", "rep"};

	lua_getglobal(L, LUA_STRLIBNAME);
	for (size_t i = 0; i < sizeof(slow) / sizeof(*slow); i++)
		wrap(L, slow[i], marked);
	wrap(L, "format", safe_format);
	clear(L, "dump");
	lua_pop(L, 1);
	lua_getglobal(L, LUA_TABLIBNAME);
	wrap(L, "sort", marked);
	wrap(L, "concat", marked);
	wrap(L, "move", marked);
	lua_pop(L, 1);
}

void nb_safelib_open(lua_State *L)
{
	static const char *const gone[] = {"dofile", "loadfile", "loadstring", "require",
					   "module", "warn",     "debug",      "os",
					   "io",     "package"};

	lua_pushglobaltable(L);
	for (size_t i = 0; i < sizeof(gone) / sizeof(*gone); i++)
		clear(L, gone[i]);
	lua_pushcfunction(L, safe_tostring);
	lua_setfield(L, -2, "tostring");
	lua_pushcfunction(L, safe_print);
	lua_setfield(L, -2, "print");
	lua_pushcfunction(L, safe_collectgarbage);
	lua_setfield(L, -2, "collectgarbage");
	wrap(L, "load", safe_load);
	wrap(L, "setmetatable", safe_setmetatable);
	lua_pop(L, 1);
	open_strings(L);
	lua_getglobal(L, LUA_MATHLIBNAME);
	wrap(L, "randomseed", safe_randomseed);
	lua_getfield(L, -1, "randomseed");
	lua_call(L, 0, 0);
	lua_pop(L, 1);
}
