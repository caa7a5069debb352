/* lua_args.c -- what scenarios hand in and get back: sizes, times, sets, words, errno.
 *
 * Called by lua_machine.c, lua_task.c, lua_memory.c. Wrong types and unknown words are mistakes of
 * the scenario and raise errors; values that the kernel would refuse come back as nil, errno, text.
 */
#include "sim/lua_host.h"

#include "base/fmt.h"
#include "base/mask.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int nb_arg_error(lua_State *L, const char *name, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return luaL_error(L, "%s: %s", name, text);
}

/* A whole number out of an integer or a float such as 1e9; false for anything else. */
static bool whole(lua_State *L, int index, uint64_t *ret)
{
	lua_Number n;

	if (lua_isinteger(L, index)) {
		if (lua_tointeger(L, index) < 0)
			return false;
		*ret = (uint64_t)lua_tointeger(L, index);
		return true;
	}
	n = lua_tonumber(L, index);
	if (!(n >= 0 && n < 18446744073709551616.0) || (lua_Number)(uint64_t)n != n)
		return false;
	*ret = (uint64_t)n;
	return true;
}

uint64_t nb_arg_size(lua_State *L, int index, const char *name, const char *what)
{
	uint64_t v = 0;
	size_t len;
	const char *s;

	if (lua_type(L, index) == LUA_TNUMBER) {
		if (!whole(L, index, &v))
			nb_arg_error(L, name,
				     "%s is %s; a size is a whole number of bytes, 0 or more", what,
				     lua_tostring(L, index));
		return v;
	}
	if (lua_type(L, index) != LUA_TSTRING)
		nb_arg_error(L, name, "%s is missing: a number of bytes, or a text such as \"40G\"",
			     what);
	s = lua_tolstring(L, index, &len);
	if (nb_parse_size(s, len, &v))
		nb_arg_error(L, name,
			     "%s is '%.40s'; a size is a number of bytes or a text such as "
			     "\"40G\"",
			     what, s);
	return v;
}

uint64_t nb_arg_address(lua_State *L, int index, const char *name, const char *what)
{
	uint64_t v = 0;

	/* Lua's integers have a sign: 0xffff800000000000 is a negative one, and an address */
	if (lua_isinteger(L, index))
		return (uint64_t)lua_tointeger(L, index);
	if (lua_type(L, index) != LUA_TNUMBER || !whole(L, index, &v))
		nb_arg_error(L, name, "%s must be an address: an integer, as t:mmap() returns",
			     what);
	return v;
}

int64_t nb_arg_integer(lua_State *L, int index, const char *name, const char *what, int64_t min,
		       int64_t max)
{
	int is_integer;
	lua_Integer v = lua_tointegerx(L, index, &is_integer);

	if (lua_type(L, index) != LUA_TNUMBER || !is_integer)
		nb_arg_error(L, name, "%s must be a whole number, found %s", what,
			     luaL_typename(L, index));
	if (v < min || v > max)
		nb_arg_error(L, name, "%s is %lld; it must be from %lld to %lld", what,
			     (long long)v, (long long)min, (long long)max);
	return v;
}

uint64_t nb_arg_time(lua_State *L, int index, const char *name, const char *what)
{
	static const struct {
		const char *suffix;
		double ns;
	} units[] = {{"ns", 1},     {"us", 1e3}, {"ms", 1e6},  {"s", 1e9},
		     {"min", 6e10}, {"m", 6e10}, {"h", 3.6e12}};
	double v = 0;
	char unit[8] = "";

	if (lua_type(L, index) == LUA_TNUMBER) {
		v = lua_tonumber(L, index) * 1e9;
	} else if (lua_type(L, index) == LUA_TSTRING &&
		   sscanf(lua_tostring(L, index), "%lf%7s", &v, unit) == 2) {
		size_t i = 0;

		while (i < sizeof(units) / sizeof(*units) && strcmp(units[i].suffix, unit) != 0)
			i++;
		v = i < sizeof(units) / sizeof(*units) ? v * units[i].ns : -1;
	} else {
		v = -1;
	}
	if (!(v >= 0 && v < 9e18))
		nb_arg_error(L, name,
			     "%s must be a number of seconds, or a text such as \"1s\", "
			     "\"20ms\", \"5us\"",
			     what);
	return (uint64_t)(v + 0.5);
}

static void add_to_set(lua_State *L, int index, const char *name, const char *what, uint64_t *bits,
		       unsigned nbits)
{
	nb_bit_set(bits, (unsigned)nb_arg_integer(L, index, name, what, 0, (int64_t)nbits - 1));
}

bool nb_arg_set(lua_State *L, int index, const char *name, const char *what, uint64_t *bits,
		unsigned nbits)
{
	size_t len;
	const char *s;

	memset(bits, 0, nbits / 8);
	switch (lua_type(L, index)) {
	case LUA_TNIL:
	case LUA_TNONE:
		return false;
	case LUA_TNUMBER:
		add_to_set(L, index, name, what, bits, nbits);
		return true;
	case LUA_TSTRING:
		s = lua_tolstring(L, index, &len);
		if (nb_bits_parse_list(s, len, bits, nbits))
			nb_arg_error(L, name,
				     "%s: '%.40s' is no list of numbers below %u such as "
				     "\"0-3,8\"",
				     what, s, nbits);
		return true;
	case LUA_TTABLE:
		for (lua_Integer i = 1; i <= luaL_len(L, index); i++) {
			lua_geti(L, index, i);
			add_to_set(L, -1, name, what, bits, nbits);
			lua_pop(L, 1);
		}
		return true;
	default:
		nb_arg_error(L, name, "%s must be a table of numbers or a text such as \"0-3,8\"",
			     what);
		return false;
	}
}

void nb_arg_keys(lua_State *L, int index, const char *name, const char *const *known)
{
	char list[256] = "";
	size_t at = 0;

	if (lua_isnoneornil(L, index))
		return;
	if (!lua_istable(L, index))
		nb_arg_error(L, name, "expected a table of options, found %s",
			     luaL_typename(L, index));
	for (size_t i = 0; known[i] && at < sizeof(list); i++)
		at += (size_t)snprintf(list + at, sizeof(list) - at, "%s%s", i ? ", " : "",
				       known[i]);
	index = lua_absindex(L, index);
	for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
		size_t i = 0;

		while (lua_type(L, -2) == LUA_TSTRING && known[i] &&
		       strcmp(known[i], lua_tostring(L, -2)) != 0)
			i++;
		if (lua_type(L, -2) != LUA_TSTRING)
			nb_arg_error(L, name, "an option has no name; known: %s", list);
		else if (!known[i])
			nb_arg_error(L, name, "unknown option '%.40s'; known: %s",
				     lua_tostring(L, -2), list);
	}
}

bool nb_arg_field(lua_State *L, int index, const char *key)
{
	if (!lua_istable(L, index)) {
		lua_pushnil(L);
		return false;
	}
	return lua_getfield(L, index, key) != LUA_TNIL;
}

static unsigned one_word(lua_State *L, int index, const char *name, const char *what,
			 const struct nb_arg_word *words)
{
	const char *s = lua_type(L, index) == LUA_TSTRING ? lua_tostring(L, index) : NULL;
	char list[256] = "";
	size_t at = 0;

	for (size_t i = 0; s && words[i].name; i++)
		if (!strcmp(words[i].name, s))
			return words[i].value;
	for (size_t i = 0; words[i].name && at < sizeof(list); i++)
		at += (size_t)snprintf(list + at, sizeof(list) - at, "%s%s", i ? ", " : "",
				       words[i].name);
	nb_arg_error(L, name, "%s: '%.40s' is none of: %s", what, s ? s : luaL_typename(L, index),
		     list);
	return 0;
}

unsigned nb_arg_words(lua_State *L, int index, const char *name, const char *what,
		      const struct nb_arg_word *words)
{
	unsigned all = 0;

	if (lua_isnoneornil(L, index))
		return 0;
	if (!lua_istable(L, index))
		return one_word(L, index, name, what, words);
	for (lua_Integer i = 1; i <= luaL_len(L, index); i++) {
		lua_geti(L, index, i);
		all |= one_word(L, -1, name, what, words);
		lua_pop(L, 1);
	}
	return all;
}

unsigned nb_arg_words_or_number(lua_State *L, int index, const char *name, const char *what,
				const struct nb_arg_word *words)
{
	if (lua_type(L, index) == LUA_TNUMBER)
		return (unsigned)nb_arg_integer(L, index, name, what, INT32_MIN, UINT32_MAX);
	return nb_arg_words(L, index, name, what, words);
}

int nb_push_errno(lua_State *L, int err, const char *fmt, ...)
{
	char text[768];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	lua_pushnil(L);
	lua_pushstring(L, nb_errno_name(err));
	lua_pushstring(L, text);
	return 3;
}

void nb_push_u64(lua_State *L, uint64_t v)
{
	if (v <= INT64_MAX)
		lua_pushinteger(L, (lua_Integer)v);
	else
		lua_pushnumber(L, (lua_Number)v);
}

void nb_set_u64(lua_State *L, const char *key, uint64_t v)
{
	nb_push_u64(L, v);
	lua_setfield(L, -2, key);
}

void nb_push_set(lua_State *L, const uint64_t *bits, unsigned nbits)
{
	lua_Integer n = 0;

	lua_createtable(L, (int)nb_bits_weight(bits, nbits), 0);
	for (unsigned i = nb_bits_next(bits, nbits, 0); i < nbits;
	     i = nb_bits_next(bits, nbits, i + 1)) {
		lua_pushinteger(L, (lua_Integer)i);
		lua_rawseti(L, -2, ++n);
	}
}
