/* lua_procfs.c -- the views of a process: t:numa_maps(), t:smaps(), t:maps(), t:pmap(), t:status(),
 * t:numastat(); and the same through machine:view(NAME, t).
 *
 * Each returns the text that the file or the program would show. A task that has ended has no
 * mappings: the text is empty, or a table of zeros.
 */
#include "sim/lua_host.h"

#include "view/numa_maps.h"
#include "view/smaps.h"

#include <stdlib.h>
#include <string.h>

static void numa_maps(const struct nb_sim *s, const struct nb_task *t, struct nb_text *out)
{
	struct nb_numa_maps m;

	nb_numa_maps_from_task(s->sys, t, &m);
	nb_numa_maps_print(&m, out);
	nb_numa_maps_release(&m);
}

static void smaps(const struct nb_sim *s, const struct nb_task *t, struct nb_text *out)
{
	struct nb_smaps m;

	nb_smaps_from_task(s->sys, t, &m);
	nb_smaps_print(&m, out);
	nb_smaps_release(&m);
}

static void maps(const struct nb_sim *s, const struct nb_task *t, struct nb_text *out)
{
	struct nb_smaps m;

	nb_smaps_from_task(s->sys, t, &m);
	nb_maps_print(&m, out);
	nb_smaps_release(&m);
}

static void pmap(const struct nb_sim *s, const struct nb_task *t, struct nb_text *out)
{
	struct nb_smaps m;

	nb_smaps_from_task(s->sys, t, &m);
	nb_pmap_print(&m, nb_task_pid(t), nb_task_comm(t), out);
	nb_smaps_release(&m);
}

static void status(const struct nb_sim *s, const struct nb_task *t, struct nb_text *out)
{
	nb_task_status_print(s->sys, t, out);
}

static void numastat(const struct nb_sim *s, const struct nb_task *t, struct nb_text *out)
{
	struct nb_numastat_pid p;
	struct nb_numa_maps m;

	nb_numa_maps_from_task(s->sys, t, &m);
	nb_numastat_pid_from(&m, nb_task_pid(t), nb_task_comm(t), s->cost.node_id, s->cost.nr_nodes,
			     s->cost.page_bytes, &p);
	nb_numastat_pid_print(&p, out);
	nb_numastat_pid_release(&p);
	nb_numa_maps_release(&m);
}

static const struct {
	const char *view;
	void (*make)(const struct nb_sim *s, const struct nb_task *t, struct nb_text *out);
} views[] = {
	{"numa_maps", numa_maps},  {"smaps", smaps}, {"maps", maps},
	{"pmap -x", pmap},         {"pmap", pmap},   {"status", status},
	{"numastat -p", numastat},
};

static int push(lua_State *L, const struct nb_sim_task *t,
		void (*make)(const struct nb_sim *s, const struct nb_task *t, struct nb_text *out))
{
	struct nb_text text = {0};

	make(nb_host_of(L)->sim, t->task, &text);
	/* a refusal of memory would leave the text behind: the whole run ends then */
	lua_pushlstring(L, nb_text_str(&text), text.len);
	nb_text_release(&text);
	return 1;
}

bool nb_lua_task_view(lua_State *L, const char *name)
{
	for (size_t i = 0; i < sizeof(views) / sizeof(*views); i++) {
		if (strcmp(views[i].view, name) != 0)
			continue;
		push(L, nb_lua_check_task(L, 3), views[i].make);
		return true;
	}
	return false;
}

#define OP(name)                                             \
	static int op_##name(lua_State *L, struct nb_op *op) \
	{                                                    \
		return push(L, op->task, name);              \
	}
OP(numa_maps)
OP(smaps)
OP(maps)
OP(pmap)
OP(status)
OP(numastat)

void nb_lua_procfs_open(lua_State *L)
{
	static const struct nb_op_def ops[] = {
		{"numa_maps", op_numa_maps, true, false}, {"smaps", op_smaps, true, false},
		{"maps", op_maps, true, false},           {"pmap", op_pmap, true, false},
		{"status", op_status, true, false},       {"numastat", op_numastat, true, false},
	};

	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++)
		nb_op_register(L, &ops[i]);
}
