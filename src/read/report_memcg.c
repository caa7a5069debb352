/* report_memcg.c -- a kill at a memory cgroup's limit, played again.
 *
 * Called by report_explain.c for reports that name such a limit. They tell nothing of the nodes, so
 * no machine can be rebuilt; none is needed, as the nodes play no part. Played in small: a group of
 * MODEL_MIB on a machine with far more, filled to its limit by a task that then wants more; and the
 * same with one thing changed. What a change does there it would have done in the report's place.
 */
#include "read/machine.h"
#include "read/report_explain.h"

#include <inttypes.h>
#include <numabox/memcg.h>
#include <numabox/mempolicy.h>
#include <numabox/swap.h>
#include <stdio.h>

#define MODEL_MIB 64u
#define MORE_MIB 8u /* what the task wants above its limit */
#define SWAP_MIB 64u
#define MIB (UINT64_C(1) << 20)

/* One change of the model. */
struct variant {
	const char *key, *what, *machine;
	unsigned limit_mib;
	bool any_node, swap;
};

/* Does the task live? false with *ret_err: it could not be tried. */
static bool play(struct nb_system *sys, const struct variant *v, bool *ret_err)
{
	struct nb_nodemask both = {{3}};
	struct nb_swap_options swap = {.pages = SWAP_MIB * 256,
				       .priority = NB_SWAP_PRIO_AUTO,
				       .device = NB_SWAP_SYNCHRONOUS};
	struct nb_memcg *cg;
	struct nb_task *t;
	uint64_t a, n;
	unsigned area;
	bool lives;

	*ret_err = true;
	if (!nb_memcg_root(sys) || nb_memcg_create(nb_memcg_root(sys), "group", &cg) ||
	    nb_memcg_write(cg, NB_MEMCG_MAX, v->limit_mib * 256, 0) ||
	    nb_task_create(sys, 0, "task", &t))
		return false;
	*ret_err = (v->swap && nb_swapon(sys, &swap, &area)) || nb_memcg_attach(cg, t) ||
		   (v->any_node && nb_set_mempolicy(t, NB_MPOL_INTERLEAVE, &both)) ||
		   nb_mmap(t, 0, (MODEL_MIB + MORE_MIB) * MIB, NB_PROT_READ | NB_PROT_WRITE, 0, &a);
	if (!*ret_err)
		(void)nb_touch(t, a, (MODEL_MIB + MORE_MIB) * MIB, true, &n);
	lives = nb_task_alive(t);
	nb_task_exit(t);
	nb_task_put(t);
	return !*ret_err && lives;
}

static bool replay(const struct nb_report_case *c, const struct variant *v, bool *ret_err)
{
	struct nb_read_options opt = {.kernel = c->profile->key};
	struct nb_machine *m = NULL;
	struct nb_system *sys = NULL;
	struct nb_error err = {0};
	struct nb_port port;
	bool lives = false;

	*ret_err = true;
	nb_port_posix(&port, false);
	if (nb_read_machine(&port, v->machine, &opt, &m, NULL, &err))
		return false;
	if (!nb_system_boot(&port, m, NULL, &sys, &err)) {
		lives = play(sys, v, ret_err);
		nb_system_shutdown(sys);
	}
	nb_machine_free(m);
	return lives;
}

static void told(struct nb_sheet *s, json_t *list, const struct variant *v, bool lives)
{
	json_t *o = json_object();

	nb_sheet_step(s, "%s: %s.", v->what,
		      lives                           ? "it lives"
		      : list && json_array_size(list) ? "it is killed all the same"
						      : "it is killed");
	nb_put_str(o, "change", v->key);
	nb_put_str(o, "text", v->what);
	nb_put_bool(o, "succeeds", lives);
	json_array_append_new(list, o);
}

void nb_report_memcg_replays(const struct nb_report_case *c, struct nb_sheet *s)
{
	static const struct variant variant[] = {
		{"as_reported", "At its limit, with all of both nodes free", "256M:1+256M:1",
		 MODEL_MIB, false, false},
		{"twice_the_memory", "On nodes with twice the memory", "512M:1+512M:1", MODEL_MIB,
		 false, false},
		{"all_nodes", "With its memory interleaved over all nodes", "256M:1+256M:1",
		 MODEL_MIB, true, false},
		{"higher_limit", "With a limit that is as much higher as it wants more",
		 "256M:1+256M:1", MODEL_MIB + MORE_MIB + 1, false, false},
		{"with_swap", "With swap, and a memory.swap.max that allows it", "256M:1+256M:1",
		 MODEL_MIB, false, true},
	};
	json_t *list = json_array();

	json_object_set_new(s->root, "replays", list);
	nb_sheet_heading(s, "What would have let it live: played again in small, a group of "
			    "64 MiB on two nodes with 512 MiB");
	for (size_t i = 0; i < sizeof(variant) / sizeof(*variant); i++) {
		bool err = false, lives = replay(c, &variant[i], &err);

		if (!err)
			told(s, list, &variant[i], lives);
	}
}
