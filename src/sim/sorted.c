/* sorted.c -- pairs() and next() in the order of keys.
 *
 * Lua's own order follows hashes, and these follow addresses and a random seed: two runs
 * would differ. Here: numbers ascending, then strings by bytes, then false, true, then objects by
 * their number (nb_sandbox_object()). Objects that have no number yet have no order: more than
 * one of them is an error.
 * Cost: pairs() sorts once, O(n log n); a plain sequence is not sorted. next() with a key goes on
 * from where it stood in the table it was asked about before, else it sorts again.
 */
#include "sim/sandbox.h"

#include <lauxlib.h>

#include <stdlib.h>
#include <string.h>

#define MAX_KEYS (1 << 26) /* far past what the memory limit lets a scenario have */

enum rank { RANK_NUMBER, RANK_STRING, RANK_BOOLEAN, RANK_OBJECT };

struct key {
	enum rank rank;
	bool is_integer;
	lua_Integer i; /* integers, booleans, objects' numbers; length of strings */
	lua_Number n;
	const char *s;     /* lives as long as the key is in its table or in `keys` */
	lua_Integer place; /* in the Lua table of keys, from 1 */
};

/* Reads the key at the top of the stack (not popped). */
static struct key read_key(lua_State *L)
{
	struct key k = {.rank = RANK_OBJECT};
	size_t len;

	switch (lua_type(L, -1)) {
	case LUA_TNUMBER:
		k.rank = RANK_NUMBER;
		k.is_integer = lua_isinteger(L, -1);
		k.i = k.is_integer ? lua_tointeger(L, -1) : 0;
		k.n = lua_tonumber(L, -1);
		break;
	case LUA_TSTRING:
		k.rank = RANK_STRING;
		k.s = lua_tolstring(L, -1, &len);
		k.i = (lua_Integer)len;
		break;
	case LUA_TBOOLEAN:
		k.rank = RANK_BOOLEAN;
		k.i = lua_toboolean(L, -1);
		break;
	default:
		k.i = (lua_Integer)nb_sandbox_object(L, -1, true);
	}
	return k;
}

static int compare_numbers(const struct key *a, const struct key *b)
{
	if (a->is_integer && b->is_integer)
		return (a->i > b->i) - (a->i < b->i);
	if (a->n != b->n)
		return a->n < b->n ? -1 : 1;
	return (int)b->is_integer - (int)a->is_integer; /* past 2^53 they may round to one */
}

static int compare(const void *pa, const void *pb)
{
	const struct key *a = pa, *b = pb;
	lua_Integer len;
	int r;

	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	if (a->rank == RANK_NUMBER)
		return compare_numbers(a, b);
	if (a->rank == RANK_STRING) {
		len = a->i < b->i ? a->i : b->i;
		r = memcmp(a->s, b->s, (size_t)len);
		if (r)
			return r;
	}
	return (a->i > b->i) - (a->i < b->i);
}

/* Counts the keys of the table at `t`. *ret_sequence: they are exactly 1..n. */
static size_t count_keys(lua_State *L, int t, bool *ret_sequence)
{
	size_t n = 0, in_sequence = 0;
	lua_Unsigned len = lua_rawlen(L, t);

	for (lua_pushnil(L); lua_next(L, t); lua_pop(L, 1)) {
		n++;
		if (lua_isinteger(L, -2) && (lua_Unsigned)lua_tointeger(L, -2) - 1 < len)
			in_sequence++;
	}
	*ret_sequence = n == in_sequence && n == len;
	return n;
}

/* Pushes a Lua table of the n keys of the table at `t`, in order. */
static void push_sorted(lua_State *L, int t, size_t n)
{
	struct key *keys;
	int buffer, place = 0;
	unsigned unnumbered = 0;

	if (n > MAX_KEYS)
		luaL_error(L, "pairs: the table has too many keys to sort: more than %d", MAX_KEYS);
	keys = lua_newuserdatauv(L, n * sizeof(*keys) + 1, 0);
	buffer = lua_gettop(L);
	lua_createtable(L, (int)n, 0);
	for (lua_pushnil(L); lua_next(L, t);) {
		lua_pop(L, 1);
		keys[place] = read_key(L);
		keys[place].place = place + 1;
		if (keys[place].rank == RANK_OBJECT && !keys[place].i)
			unnumbered++;
		lua_pushvalue(L, -1);
		lua_rawseti(L, buffer + 1, ++place);
	}
	if (unnumbered > 1)
		luaL_error(L,
			   "pairs: %d keys are tables, functions or coroutines, which have no "
			   "order that would be the same in every run; use numbers or strings "
			   "as keys",
			   (int)unnumbered);
	qsort(keys, n, sizeof(*keys), compare);
	lua_createtable(L, (int)n, 0);
	for (size_t i = 0; i < n; i++) {
		lua_rawgeti(L, buffer + 1, keys[i].place);
		lua_rawseti(L, -2, (lua_Integer)i + 1);
	}
	lua_replace(L, buffer);
	lua_settop(L, buffer);
}

/* The iterator: upvalues the keys (nil for a sequence), the place of the last one, their number.
 * Keys that were set to nil on the way are left out, as in Lua's own traversal. */
static int step(lua_State *L)
{
	lua_Integer i = lua_tointeger(L, lua_upvalueindex(2));
	lua_Integer n = lua_tointeger(L, lua_upvalueindex(3));

	while (++i <= n) {
		lua_settop(L, 1);
		if (lua_isnil(L, lua_upvalueindex(1)))
			lua_pushinteger(L, i);
		else
			lua_rawgeti(L, lua_upvalueindex(1), i);
		lua_pushvalue(L, -1);
		if (lua_rawget(L, 1) == LUA_TNIL)
			continue;
		lua_pushinteger(L, i);
		lua_replace(L, lua_upvalueindex(2));
		return 2;
	}
	lua_pushnil(L);
	return 1;
}

static int pairs_continued(lua_State *L, int status, lua_KContext ctx)
{
	(void)L;
	(void)status;
	(void)ctx;
	return 3;
}

static int sorted_pairs(lua_State *L)
{
	bool sequence;
	size_t n;

	luaL_checkany(L, 1);
	if (luaL_getmetafield(L, 1, "__pairs") != LUA_TNIL) {
		lua_pushvalue(L, 1);
		lua_callk(L, 1, 3, 0, pairs_continued);
		return 3;
	}
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	nb_sandbox_mark(L);
	n = count_keys(L, 1, &sequence);
	if (sequence)
		lua_pushnil(L);
	else
		push_sorted(L, 1, n);
	lua_pushinteger(L, 0);
	lua_pushinteger(L, (lua_Integer)n);
	lua_pushcclosure(L, step, 3);
	lua_pushvalue(L, 1);
	lua_pushnil(L);
	return 3;
}

/* Pushes the first key of the table at 1, or nil: one pass, for `next(t) == nil`. */
static void push_first(lua_State *L)
{
	struct key best = {0};
	bool any = false;
	unsigned unnumbered = 0;

	lua_settop(L, 1);
	lua_pushnil(L); /* 2: the best so far */
	for (lua_pushnil(L); lua_next(L, 1);) {
		struct key k;

		lua_pop(L, 1);
		k = read_key(L);
		unnumbered += k.rank == RANK_OBJECT && !k.i;
		if (!any || compare(&k, &best) < 0) {
			best = k;
			any = true;
			lua_pushvalue(L, -1);
			lua_replace(L, 2);
		}
	}
	if (any && best.rank == RANK_OBJECT && unnumbered > 1)
		luaL_error(L, "next: the keys are tables, functions or coroutines, which have no "
			      "order that would be the same in every run");
}

/* Place of the key at 2 in the keys at `keys`, or 0. */
static lua_Integer find_key(lua_State *L, int keys)
{
	lua_Integer n = (lua_Integer)lua_rawlen(L, keys);

	for (lua_Integer i = 1; i <= n; i++) {
		lua_rawgeti(L, keys, i);
		if (lua_rawequal(L, -1, 2)) {
			lua_pop(L, 1);
			return i;
		}
		lua_pop(L, 1);
	}
	return 0;
}

/* next(t, k). Upvalues: the table asked about before, its keys, the place of the last answer. */
static int sorted_next(lua_State *L)
{
	lua_Integer at = lua_tointeger(L, lua_upvalueindex(3));
	bool sequence, known;

	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 2);
	if (lua_isnil(L, 2)) {
		push_first(L);
		if (lua_isnil(L, 2))
			return 1;
		lua_pushvalue(L, 2);
		lua_rawget(L, 1);
		return 2;
	}
	known = lua_rawequal(L, 1, lua_upvalueindex(1)) && at > 0;
	if (known) {
		lua_rawgeti(L, lua_upvalueindex(2), at);
		known = lua_rawequal(L, -1, 2);
		lua_pop(L, 1);
	}
	if (!known) {
		push_sorted(L, 1, count_keys(L, 1, &sequence));
		at = find_key(L, 3);
		if (!at)
			return luaL_error(L, "next: the key is not in the table");
		lua_replace(L, lua_upvalueindex(2));
		lua_pushvalue(L, 1);
		lua_replace(L, lua_upvalueindex(1));
	}
	for (;;) {
		lua_settop(L, 2);
		lua_rawgeti(L, lua_upvalueindex(2), ++at);
		if (lua_isnil(L, 3))
			return 1;
		lua_pushvalue(L, 3);
		if (lua_rawget(L, 1) != LUA_TNIL)
			break;
	}
	lua_pushinteger(L, at);
	lua_replace(L, lua_upvalueindex(3));
	return 2;
}

void nb_sorted_open(lua_State *L)
{
	lua_pushcfunction(L, sorted_pairs);
	lua_setglobal(L, "pairs");
	for (int i = 0; i < 3; i++)
		lua_pushnil(L);
	lua_pushcclosure(L, sorted_next, 3);
	lua_setglobal(L, "next");
}
