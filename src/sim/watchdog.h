/* watchdog.h -- the limit on a scenario's wall time, from outside of Lua.
 *
 * Called by scenario.c around a run. After the limit (sb->time_limit_s and what sb->extra_ms adds,
 * for work that fills memory) a thread asks the sandbox to stop (its hook raises an error that
 * cannot be swallowed); if Lua has not stopped NB_WATCHDOG_GRACE_MS later, because it is inside a
 * string function that no hook interrupts, the thread prints the message and ends the process with
 * status 2. Threads: the watchdog's own touches only the sandbox's atomics and the callback.
 */
#ifndef NB_SIM_WATCHDOG_H
#define NB_SIM_WATCHDOG_H

#include "sim/sandbox.h"

#include <pthread.h>

#define NB_WATCHDOG_GRACE_MS 1500u

struct nb_watchdog {
	struct nb_sandbox *sb;
	const char *file; /* the scenario's name, for the message */
	/* Makes sure that everything printed is out; runs on the watchdog's thread. May be NULL. */
	void (*flush)(void *ctx);
	void *ctx;
	/* private */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool running, done;
};

/* Starts to watch; does nothing where sb->time_limit_s is 0. 0 or a negative errno. */
int nb_watchdog_start(struct nb_watchdog *w);
void nb_watchdog_end(struct nb_watchdog *w);

#endif
