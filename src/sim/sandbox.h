/* sandbox.h -- a Lua 5.4 state that a scenario cannot get out of.
 *
 * Called by scenario.c; the bindings (lua_*.c) reach their sandbox by nb_sandbox_of().
 * What is there: the language, string, table, math, utf8, coroutine, print; nothing that opens
 * files, runs programs, loads binary chunks or other code, or shows an address or a clock.
 * Deterministic: pairs() and next() go in the order of keys, math.random() is seeded, objects are
 *          numbered in the order in which they are first printed.
 * Limits:  memory by the allocator; instructions by a count hook; wall time by watchdog.h. A limit
 *          that was hit cannot be swallowed: pcall, xpcall, coroutine.resume, wrap and close raise
 * it again, and every further instruction does too. Threads: one, beside the watchdog, which
 * touches only the atomics.
 */
#ifndef NB_SIM_SANDBOX_H
#define NB_SIM_SANDBOX_H

#include <lua.h>

#include <numabox/types.h>
#include <stdatomic.h>

#define NB_SANDBOX_HOOK_COUNT 10000 /* instructions between two looks at the limits */

enum nb_stop { NB_STOP_NONE, NB_STOP_INSTRUCTIONS, NB_STOP_MEMORY, NB_STOP_TIME };

struct nb_sandbox {
	lua_State *L;
	size_t memory, memory_limit; /* bytes; limit 0: none */
	uint64_t instructions, instruction_limit;
	unsigned time_limit_s; /* for messages; watchdog.c keeps it */
	bool work_is_extra;    /* the same: calls that take long are not counted */
	uint64_t seed;
	enum nb_stop stop;
	int stop_line;       /* where it was stopped; 0 unknown */
	atomic_bool time_up; /* set by the watchdog: stop at the next look */
	/* ms on top of the limit, for memory that the work has filled; the host raises it */
	_Atomic uint64_t extra_ms;
	atomic_int line; /* line seen last, for the watchdog's message */
	void (*print)(void *ctx, const char *s, size_t len);
	void *print_ctx;
	/* coroutine.c: user coroutines and strands */
	bool passing;         /* a strand gives way: resume() hands the yield on upward */
	unsigned depth;       /* user coroutines around the running code */
	unsigned blocked;     /* of these, resumed where no yield can pass */
	uint64_t next_object; /* number of the object printed next */
	void *host;           /* the bindings' own */
};

/* Opens the state with the safe libraries. limits, seed and print are set before. 0, or
 * -NB_ENOMEM (nothing to close). */
int nb_sandbox_open(struct nb_sandbox *sb);
void nb_sandbox_close(struct nb_sandbox *sb);

struct nb_sandbox *nb_sandbox_of(lua_State *L);

/* Raises the error of the limit that was hit. Does not return. */
int nb_sandbox_raise(lua_State *L);
/* Notes the memory limit as hit if `status`, of a call that nothing of the scenario surrounds, says
 * so; L is the coroutine that failed, its stack not unwound. Raises nothing. */
void nb_sandbox_failed(lua_State *L, int status);
/* Called where Lua code might have hidden a limit: raises it if one was hit, or if `status` says
 * that memory ran out. */
void nb_sandbox_check(lua_State *L, int status);
/* Looks at the clock now (long work of the engine under way); raises when the time is up. */
void nb_sandbox_poll(lua_State *L);
/* What the stop says: "ran past its limit of ..."; needs stop != NONE. */
void nb_sandbox_stop_text(const struct nb_sandbox *sb, char *buf, size_t n);
/* Notes the line of the running code for the watchdog: before work that no hook interrupts. */
void nb_sandbox_mark(lua_State *L);

/* The number of an object (table, function, thread, userdata), given on first sight; with
 * `look_only` 0 when it has none yet. */
uint64_t nb_sandbox_object(lua_State *L, int index, bool look_only);

/* The parts that replace Lua's own functions in the globals table. */
void nb_safelib_open(lua_State *L);   /* safelib.c: tostring, format, load, setmetatable, ... */
void nb_sorted_open(lua_State *L);    /* sorted.c: pairs, next */
void nb_coroutine_open(lua_State *L); /* coroutine.c: pcall, xpcall, coroutine.* */

/* tostring() of the sandbox: pushes the text of the value at `index`, maybe with other values
 * below it. */
const char *nb_safelib_tostring(lua_State *L, int index, size_t *len);

#endif
