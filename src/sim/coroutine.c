/* coroutine.c -- pcall, xpcall and coroutines that let two things through: limits and time.
 *
 * Called once by sandbox.c. Lua's own would hand a limit's error to the scenario as any other;
 * these raise it again (nb_sandbox_check()). And when a strand (strand.c) gives way to others while
 * user coroutines are around it, the yield must pass them on its way up to the scheduler and
 * come back down: sb->passing says so, and resume() yields itself, then resumes again.
 * A coroutine that is under way like that is marked busy: nobody else may resume or close it.
 */
#include "sim/sandbox.h"

#include <lauxlib.h>
#include <lualib.h>

static const char busy_key;

static void set_busy(lua_State *L, int thread, bool busy)
{
	lua_rawgetp(L, LUA_REGISTRYINDEX, &busy_key);
	lua_pushvalue(L, thread);
	if (busy)
		lua_pushboolean(L, 1);
	else
		lua_pushnil(L);
	lua_rawset(L, -3);
	lua_pop(L, 1);
}

static bool is_busy(lua_State *L, int thread)
{
	bool busy;

	lua_rawgetp(L, LUA_REGISTRYINDEX, &busy_key);
	lua_pushvalue(L, thread);
	busy = lua_rawget(L, -2) != LUA_TNIL;
	lua_pop(L, 2);
	return busy;
}

static lua_State *check_thread(lua_State *L, int index)
{
	lua_State *co = lua_tothread(L, index);

	luaL_argexpected(L, co, index, "coroutine");
	return co;
}

/* ---- resume and wrap ---- */

static int resume_continued(lua_State *L, int status, lua_KContext ctx);

/* Raises what the coroutine of a wrap() died of. */
static int wrap_failed(lua_State *L, lua_State *co, int status)
{
	if (status != LUA_OK && status != LUA_YIELD) {
		status = lua_resetthread(co); /* its pending to-be-closed variables */
		nb_sandbox_check(L, status);
		lua_xmove(co, L, 1);
	}
	if (lua_type(L, -1) == LUA_TSTRING) {
		luaL_where(L, 1);
		lua_insert(L, -2);
		lua_concat(L, 2);
	}
	return lua_error(L);
}

/* Where a call has its coroutine. */
static int thread_index(bool wrapped)
{
	return wrapped ? lua_upvalueindex(1) : 1;
}

/* Resumes with `n` arguments that lie on top of co's stack. wrapped: results alone, errors raised.
 */
static int resume(lua_State *L, lua_State *co, int n, bool wrapped)
{
	struct nb_sandbox *sb = nb_sandbox_of(L);
	bool blocked = !lua_isyieldable(L);
	int status, nres = 0;

	sb->depth++;
	sb->blocked += blocked;
	status = lua_resume(co, L, n, &nres);
	sb->depth--;
	sb->blocked -= blocked;
	if (status == LUA_YIELD && sb->passing) {
		set_busy(L, thread_index(wrapped), true);
		return lua_yieldk(L, 0, wrapped, resume_continued);
	}
	nb_sandbox_check(L, status);
	if (status == LUA_OK || status == LUA_YIELD) {
		if (!lua_checkstack(L, nres + 1)) {
			lua_pop(co, nres);
			lua_pushliteral(L, "too many results to resume");
			status = LUA_ERRRUN;
		} else {
			lua_xmove(co, L, nres);
			if (wrapped)
				return nres;
			lua_pushboolean(L, 1);
			lua_insert(L, -(nres + 1));
			return nres + 1;
		}
	} else if (!wrapped) {
		lua_xmove(co, L, 1);
	}
	if (wrapped)
		return wrap_failed(L, co, status);
	lua_pushboolean(L, 0);
	lua_insert(L, -2);
	return 2;
}

static int resume_continued(lua_State *L, int status, lua_KContext wrapped)
{
	int thread = thread_index(wrapped != 0);
	lua_State *co = lua_tothread(L, thread);

	(void)status;
	set_busy(L, thread, false);
	return resume(L, co, 0, wrapped != 0);
}

/* Moves the arguments from `first` on over to co. False (message pushed) when it cannot run. */
static bool prepare(lua_State *L, lua_State *co, int thread, int first)
{
	int n = lua_gettop(L) - first + 1;
	lua_Debug ar;

	if (!lua_checkstack(co, n)) {
		lua_pushliteral(L, "too many arguments to resume");
		return false;
	}
	if (lua_status(co) == LUA_OK && lua_gettop(co) == 0 && !lua_getstack(co, 0, &ar)) {
		lua_pushliteral(L, "cannot resume dead coroutine");
		return false;
	}
	if (L == co || is_busy(L, thread) ||
	    (lua_status(co) == LUA_OK && lua_getstack(co, 0, &ar)) ||
	    (lua_status(co) != LUA_OK && lua_status(co) != LUA_YIELD)) {
		lua_pushstring(L, lua_status(co) > LUA_YIELD
					  ? "cannot resume dead coroutine"
					  : "cannot resume non-suspended coroutine");
		return false;
	}
	lua_xmove(L, co, n);
	return true;
}

static int safe_resume(lua_State *L)
{
	lua_State *co = check_thread(L, 1);
	int n = lua_gettop(L) - 1;

	if (!prepare(L, co, 1, 2)) {
		lua_pushboolean(L, 0);
		lua_insert(L, -2);
		return 2;
	}
	return resume(L, co, n, false);
}

static int wrapped_call(lua_State *L)
{
	lua_State *co = lua_tothread(L, lua_upvalueindex(1));
	int n = lua_gettop(L);

	if (!prepare(L, co, lua_upvalueindex(1), 1))
		return wrap_failed(L, co, LUA_OK);
	return resume(L, co, n, true);
}

static int safe_create(lua_State *L)
{
	lua_State *co;

	luaL_checktype(L, 1, LUA_TFUNCTION);
	co = lua_newthread(L);
	lua_pushvalue(L, 1);
	lua_xmove(L, co, 1);
	return 1;
}

static int safe_wrap(lua_State *L)
{
	safe_create(L);
	lua_pushcclosure(L, wrapped_call, 1);
	return 1;
}

/* ---- the rest of the coroutine library ---- */

static int safe_yield(lua_State *L)
{
	if (nb_sandbox_of(L)->depth == 0)
		return luaL_error(L, "attempt to yield from outside a coroutine");
	return lua_yield(L, lua_gettop(L));
}

static int safe_isyieldable(lua_State *L)
{
	lua_pushboolean(L, nb_sandbox_of(L)->depth > 0 && lua_isyieldable(L));
	return 1;
}

static int safe_running(lua_State *L)
{
	lua_pushthread(L);
	lua_pushboolean(L, nb_sandbox_of(L)->depth == 0);
	return 2;
}

static int safe_status(lua_State *L)
{
	check_thread(L, 1);
	if (is_busy(L, 1)) {
		lua_pushliteral(L, "normal");
		return 1;
	}
	lua_settop(L, 1);
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, 1, 1);
	return 1;
}

static int safe_close(lua_State *L)
{
	lua_State *co = check_thread(L, 1);
	lua_Debug ar;
	int status;

	nb_sandbox_check(L, LUA_OK);
	if (L == co || is_busy(L, 1) || (lua_status(co) == LUA_OK && lua_getstack(co, 0, &ar)))
		return luaL_error(L, "cannot close a running coroutine");
	status = lua_resetthread(co);
	nb_sandbox_check(L, status);
	lua_pushboolean(L, status == LUA_OK);
	if (status == LUA_OK)
		return 1;
	lua_xmove(co, L, 1);
	return 2;
}

/* ---- pcall and xpcall ---- */

/* After a protected call: ctx values below the results are left out. Source: the manual's
 * lua_pcallk. */
static int protected_done(lua_State *L, int status, lua_KContext below)
{
	nb_sandbox_check(L, status);
	if (status != LUA_OK && status != LUA_YIELD) {
		lua_pushboolean(L, 0);
		lua_pushvalue(L, -2);
		return 2;
	}
	return lua_gettop(L) - (int)below;
}

static int safe_pcall(lua_State *L)
{
	luaL_checkany(L, 1);
	lua_pushboolean(L, 1); /* the first result if all goes well */
	lua_insert(L, 1);
	return protected_done(
		L, lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, protected_done), 0);
}

/* The message handler of xpcall(): not after a limit, since it would run inside the count hook,
 * where no further hook comes. Upvalue: the scenario's handler. */
static int handler(lua_State *L)
{
	if (nb_sandbox_of(L)->stop != NB_STOP_NONE)
		return 1;
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, lua_gettop(L) - 1, 1);
	return 1;
}

static int safe_xpcall(lua_State *L)
{
	int n = lua_gettop(L);

	luaL_checktype(L, 2, LUA_TFUNCTION);
	lua_pushvalue(L, 2);
	lua_pushcclosure(L, handler, 1);
	lua_replace(L, 2);
	lua_pushboolean(L, 1);
	lua_pushvalue(L, 1);
	lua_rotate(L, 3, 2); /* f, handler, true, f, arguments */
	return protected_done(L, lua_pcallk(L, n - 2, LUA_MULTRET, 2, 2, protected_done), 2);
}

void nb_coroutine_open(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{"create", safe_create},   {"resume", safe_resume},
		{"wrap", safe_wrap},       {"yield", safe_yield},
		{"running", safe_running}, {"isyieldable", safe_isyieldable},
		{"close", safe_close},     {NULL, NULL},
	};

	lua_newtable(L);
	lua_createtable(L, 0, 1);
	lua_pushliteral(L, "k");
	lua_setfield(L, -2, "__mode");
	lua_setmetatable(L, -2);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &busy_key);
	lua_getglobal(L, LUA_COLIBNAME);
	lua_getfield(L, -1, "status");
	lua_pushcclosure(L, safe_status, 1);
	lua_setfield(L, -2, "status");
	luaL_setfuncs(L, functions, 0);
	lua_pop(L, 1);
	lua_pushcfunction(L, safe_pcall);
	lua_setglobal(L, "pcall");
	lua_pushcfunction(L, safe_xpcall);
	lua_setglobal(L, "xpcall");
}
