/* lua_host.h -- a scenario under way: what the files lua_*.c and strand.c share.
 *
 * scenario.c owns the host. Every call of a scenario into the machine is an operation (nb_op): it
 * has a beginning in virtual time, before which everything due runs, and a cost. An operation that
 * takes long is run in grains, and between two of them others may run.
 *
 * A strand is one line of control: the scenario itself, or a function given to t:spawn(). Each has
 * a clock; an operation begins at the later of its strand's and its task's clock and
 * moves both to its end. Strands are Lua coroutines, switched in the order of the driver's clock.
 */
#ifndef NB_SIM_LUA_HOST_H
#define NB_SIM_LUA_HOST_H

#include "sim/driver.h"
#include "sim/sandbox.h"

#include <lauxlib.h>
#include <lua.h>

struct nb_host;
struct nb_op;

/* Runs one grain. Returns the number of results pushed, or NB_OP_AGAIN to be called again with the
 * same stack after others had their turn. May raise Lua errors. */
typedef int (*nb_op_fn)(lua_State *L, struct nb_op *op);
#define NB_OP_AGAIN (-1)
/* The strand gives way until op->until_ns (or, with op->wait_all, until all others have
 * ended), then is called again. */
#define NB_OP_SLEEP (-2)

struct nb_op_def {
	const char *name;
	nb_op_fn run;
	bool on_task; /* the first argument is a task */
	/* Reads nothing that others change, so nobody has to run before: never gives way, and may
	 * stand inside any expression. */
	bool plain;
};

/* An operation under way. Arguments stay on the Lua stack, from index 1. */
struct nb_op {
	const struct nb_op_def *def;
	struct nb_host *host;
	struct nb_strand *strand;
	struct nb_sim_task *task; /* NULL for the machine's calls */
	uint64_t cost_ns;         /* of a call without a task */
	unsigned phase;           /* the function's own: 0 at first */
	uint64_t addr, end, faulted, begin_ns;
	uint64_t until_ns;
	unsigned turns; /* grains so far */
	bool wait_all;
};

struct nb_strand {
	struct nb_due due;
	struct nb_host *host;
	lua_State *co;
	int ref;                  /* keeps co alive */
	struct nb_sim_task *task; /* whose spawn() made it; NULL: the scenario itself */
	uint64_t now_ns;
	int nargs;          /* of the first resume */
	bool ended, broken; /* broken: in an error, which stands on sb.L's stack */
	bool killed;        /* its task was killed: it is not resumed any more */
	struct nb_op op;
	struct nb_strand *next, **link; /* link points at what points here */
};

struct nb_host {
	struct nb_sandbox sb;
	struct nb_sim *sim;
	const char *file;          /* the scenario's name */
	struct nb_strand *strands; /* that have not ended, and main */
	struct nb_strand *main, *current;
	unsigned nr_live;            /* strands beside main that have not ended */
	uint64_t held, failed;       /* expectations */
	uint64_t memory_limit_bytes; /* of this process */
	unsigned grains;             /* since the process's memory was looked at */
	uint64_t free_pages_low;     /* fewest free pages of the machine so far */
	uint64_t work_mark_ns; /* nb_host_note_work(): since when; 0: a call is short so far */
	uint64_t work_rest_ns; /* noted, less than a ms */
	uint64_t work_left_ns; /* what long calls may still take beside the time limit */
	bool broken;           /* a strand is */
};

static inline struct nb_host *nb_host_of(lua_State *L)
{
	return nb_sandbox_of(L)->host;
}

/* ---- strand.c ---- */

/* Registers def as a method in the table at the top of the stack. */
void nb_op_register(lua_State *L, const struct nb_op_def *def);
/* A strand that runs the function at co's stack bottom with nargs arguments, from now_ns on. Pops
 * the thread at the top of L's stack. */
struct nb_strand *nb_strand_new(struct nb_host *h, lua_State *L, lua_State *co, int nargs,
				struct nb_sim_task *task, uint64_t now_ns);
/* Runs everything until the scenario's own strand has ended. LUA_OK, or a status with the
 * error object on top of the stack of h->sb.L. */
int nb_strands_run(struct nb_host *h);
void nb_strands_release(struct nb_host *h);
/* Time of the strand that runs. */
uint64_t nb_strand_now(const struct nb_host *h);

/* scenario.c: a long call is at work: the time that passed since it was noted last does not count
 * against the limit on the scenario's time, which is there for loops that do not end. */
void nb_host_note_work(struct nb_host *h);

/* ---- lua_args.c: arguments and results ---- */

/* Raises "FILE:LINE: NAME: ...". Does not return. */
__attribute__((format(printf, 3, 4))) int nb_arg_error(lua_State *L, const char *name,
						       const char *fmt, ...);
/* A size in bytes: a number >= 0, or a text such as "40G". */
uint64_t nb_arg_size(lua_State *L, int index, const char *name, const char *what);
/* An address: an integer of 64 bits (Lua shows those of the upper half as negative ones). */
uint64_t nb_arg_address(lua_State *L, int index, const char *name, const char *what);
/* An integer within [min, max]. */
int64_t nb_arg_integer(lua_State *L, int index, const char *name, const char *what, int64_t min,
		       int64_t max);
/* A time in ns: a number of seconds, or a text such as "1s", "20ms", "5us", "100ns", "2m". */
uint64_t nb_arg_time(lua_State *L, int index, const char *name, const char *what);
/* A set of numbers below nbits: a table of integers, one integer, or a text "0-3,8". Numbers past
 * the end are an error. False for nil or none. */
bool nb_arg_set(lua_State *L, int index, const char *name, const char *what, uint64_t *bits,
		unsigned nbits);
/* The table at `index` has no other keys than these (ends with NULL); nil or none is fine. */
void nb_arg_keys(lua_State *L, int index, const char *name, const char *const *known);
/* Pushes field `key` of the table at `index` (nil without a table); true if it is not nil. */
bool nb_arg_field(lua_State *L, int index, const char *key);
/* Words of a text or a table of texts, OR-ed: each must be in words[] (ends with a NULL name). */
struct nb_arg_word {
	const char *name;
	unsigned value;
};
unsigned nb_arg_words(lua_State *L, int index, const char *name, const char *what,
		      const struct nb_arg_word *words);
/* The same, or a number: the argument of a system call as it is, for the engine to judge. */
unsigned nb_arg_words_or_number(lua_State *L, int index, const char *name, const char *what,
				const struct nb_arg_word *words);

/* Pushes nil, errno's name and a message; 3. */
__attribute__((format(printf, 3, 4))) int nb_push_errno(lua_State *L, int err, const char *fmt,
							...);
/* Pushes a set as an array of integers. */
void nb_push_set(lua_State *L, const uint64_t *bits, unsigned nbits);
void nb_push_u64(lua_State *L, uint64_t v);
/* Sets field `key` of the table at the top. */
void nb_set_u64(lua_State *L, const char *key, uint64_t v);

/* ---- the objects ---- */

void nb_lua_machine_open(lua_State *L); /* lua_machine.c: the global `machine` */
void nb_lua_observe_open(lua_State *L); /* lua_observe.c: adds to the table at the top */
void nb_lua_values_open(lua_State *L);  /* lua_values.c */
void nb_lua_pages_open(lua_State *L);   /* lua_pages.c: the same */
/* lua_file.c: the metatable of files; the calls of `machine` that make them. The file at `index`;
 * raises when it is none. */
void nb_lua_file_open(lua_State *L);
void nb_lua_file_machine_open(lua_State *L);
struct nb_address_space *nb_lua_check_file(lua_State *L, int index);
/* Pushes a handle, which takes over the caller's reference. */
void nb_lua_push_file(lua_State *L, struct nb_address_space *as);
/* lua_hugetlb.c: the metatable of mounts; the methods of tasks, or those of `machine` */
void nb_lua_hugetlb_types_open(lua_State *L);
void nb_lua_hugetlb_open(lua_State *L, bool tasks);
void nb_lua_expect_open(lua_State *L); /* lua_machine.c: the global `expect` */
void nb_lua_task_open(lua_State *L);   /* lua_task.c: the metatable of tasks */
/* lua_memory.c: mmap, touch and the rest of a task's memory; adds to the table at the top */
void nb_lua_memory_open(lua_State *L);
void nb_lua_access_open(lua_State *L);  /* lua_access.c: the same */
void nb_lua_policy_open(lua_State *L);  /* lua_policy.c: the same */
void nb_lua_vma_open(lua_State *L);     /* lua_vma.c: the same */
void nb_lua_process_open(lua_State *L); /* lua_process.c: the same */
/* lua_cpuset.c: the methods of tasks, or those of `machine` */
void nb_lua_cpuset_open(lua_State *L, bool tasks);
/* lua_cgroup.c: the metatable of groups; the methods of tasks, or those of `machine` */
void nb_lua_cgroup_types_open(lua_State *L);
void nb_lua_cgroup_open(lua_State *L, bool tasks);
void nb_lua_contention_open(lua_State *L); /* lua_contention.c: methods of `machine` */
/* lua_pressure.c: the same */
void nb_lua_pressure_open(lua_State *L, bool tasks);
void nb_lua_procfs_open(lua_State *L); /* lua_procfs.c: numa_maps, smaps, pmap; the same */
/* lua_procfs.c: pushes the view of that name of the task in argument 3; false: there is none such.
 */
bool nb_lua_task_view(lua_State *L, const char *name);
/* The machine's first CPU, on which a call runs that names none. */
int nb_lua_first_cpu(const struct nb_sim *s);
/* Protection out of "rw", "r", "none"; nothing is "rw". */
int nb_lua_prot(lua_State *L, int index, const char *name);
/* Pages that the task has on each node now, in memory that Lua frees. */
uint64_t *nb_lua_pages_before(lua_State *L, const struct nb_sim_task *t);
/* lua_policy.c: charges op's task for the pages of `t` that came to a node since `before`. */
void nb_lua_charge_moved(struct nb_op *op, const struct nb_sim_task *t, const uint64_t *before);
/* lua_memory.c, for calls that walk pages: address and length out of arguments 2 and 3; a grain
 * of op's range (0: go on, or finished where addr == end; a negative errno); the results nil,
 * errno, message, pages of one that failed. */
void nb_lua_read_range(lua_State *L, struct nb_op *op);
int nb_lua_touch_some(struct nb_op *op, bool write);
int nb_lua_touch_failed(lua_State *L, const struct nb_op *op, bool write, int err);
struct nb_sim_task *nb_lua_check_task(lua_State *L, int index);
void nb_lua_push_task(lua_State *L, struct nb_sim_task *t);
/* A method that belongs to a later version: raises "not supported yet by this version: NAME". */
void nb_lua_later(lua_State *L, const char *what, const char *name);
/* Raises when this process takes more of the computer's memory than it may. */
void nb_host_check_memory(lua_State *L);

#endif
