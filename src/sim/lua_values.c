/* lua_values.c -- machine:values(VIEW): a view's figures as a Lua table.
 *
 * Opened by scenario.c. The table is what `show --json VIEW` prints, key for key, so that a
 * scenario can watch any figure that the kernel has a report for, over virtual time. An operation
 * like every other: what is due runs first. Rendering as text and reading it back costs a few
 * hundred microseconds, of the host's time only.
 */
#include "sim/lua_host.h"
#include "view/view.h"
#include <jansson.h>

/* Deep enough for every view; a view nested deeper would be a bug, not input. */
#define MAX_DEPTH 16

static void push_value(lua_State *L, const json_t *v, unsigned depth)
{
	const char *key;
	json_t *item;
	size_t i;

	luaL_checkstack(L, 4, "a view's figures are nested too deep");
	switch (depth < MAX_DEPTH ? json_typeof(v) : JSON_NULL) {
	case JSON_OBJECT:
		lua_createtable(L, 0, (int)json_object_size(v));
		json_object_foreach((json_t *)v, key, item)
		{
			push_value(L, item, depth + 1);
			lua_setfield(L, -2, key);
		}
		break;
	case JSON_ARRAY:
		lua_createtable(L, (int)json_array_size(v), 0);
		json_array_foreach(v, i, item)
		{
			push_value(L, item, depth + 1);
			lua_rawseti(L, -2, (lua_Integer)i + 1);
		}
		break;
	case JSON_STRING:
		lua_pushlstring(L, json_string_value(v), json_string_length(v));
		break;
	case JSON_INTEGER:
		lua_pushinteger(L, json_integer_value(v));
		break;
	case JSON_REAL:
		lua_pushnumber(L, json_real_value(v));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		lua_pushboolean(L, json_is_true(v));
		break;
	default:
		lua_pushnil(L);
	}
}

static int op_values(lua_State *L, struct nb_op *op)
{
	const struct nb_view_source src = {.sys = op->host->sim->sys};
	const char *name = luaL_checkstring(L, 2);
	struct nb_error err = {0};
	struct nb_text text = {0};
	const struct nb_view *v;
	json_t *values;
	int nid, ret;

	v = nb_view_find(name, &nid, &err);
	if (!v)
		return nb_arg_error(L, "values", "%s", err.text);
	ret = nb_view_render(v, nid, &src, NB_VIEW_JSON, &text, &err);
	values = ret ? NULL : json_loadb(nb_text_str(&text), text.len, 0, NULL);
	nb_text_release(&text);
	if (!values)
		return nb_push_errno(L, ret ? ret : -NB_EINVAL, "%s",
				     ret ? err.text : "this view has no figures");
	/* a refusal of memory would leave the values behind: the whole run ends then */
	push_value(L, values, 0);
	json_decref(values);
	return 1;
}

void nb_lua_values_open(lua_State *L)
{
	static const struct nb_op_def op = {"values", op_values, false, false};

	nb_op_register(L, &op);
}
