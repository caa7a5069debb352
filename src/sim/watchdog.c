/* watchdog.c -- a thread that ends the process when a scenario will not stop.
 *
 * Called by scenario.c around each run. Lua's own limits (sandbox.c) stop a loop of instructions;
 * they cannot stop one string function that runs for ever. What it prints first, and when, stands
 * in watchdog.h.
 */
#define _GNU_SOURCE /* pthread_timedjoin_np */
#include "sim/watchdog.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FLUSH_MS 500 /* stdout may be a pipe that nobody reads, with its lock held */

static void in_ms(clockid_t clock, uint64_t ms, struct timespec *t)
{
	clock_gettime(clock, t);
	t->tv_sec += (time_t)(ms / 1000);
	t->tv_nsec += (long)(ms % 1000) * 1000000;
	if (t->tv_nsec >= 1000000000) {
		t->tv_sec++;
		t->tv_nsec -= 1000000000;
	}
}

/* Waits until `ms` have passed or the run is done; true when it is done. */
static bool wait_done(struct nb_watchdog *w, uint64_t ms)
{
	struct timespec until;
	int ret = 0;

	in_ms(CLOCK_MONOTONIC, ms, &until);
	while (!w->done && ret != ETIMEDOUT)
		ret = pthread_cond_timedwait(&w->cond, &w->lock, &until);
	return w->done;
}

/* Waits until the limit is over, which may grow meanwhile, or the run is done; true when it is. */
static bool wait_limit(struct nb_watchdog *w)
{
	uint64_t waited = 0, limit = (uint64_t)w->sb->time_limit_s * 1000;

	while (waited < limit) {
		if (wait_done(w, limit - waited))
			return true;
		waited = limit;
		limit = (uint64_t)w->sb->time_limit_s * 1000 + atomic_load(&w->sb->extra_ms);
	}
	return false;
}

static void *flush(void *arg)
{
	struct nb_watchdog *w = arg;

	w->flush(w->ctx);
	return NULL;
}

static void flush_for_a_while(struct nb_watchdog *w)
{
	struct timespec until;
	pthread_t thread;

	if (!w->flush || pthread_create(&thread, NULL, flush, w))
		return;
	in_ms(CLOCK_REALTIME, FLUSH_MS, &until);
	pthread_timedjoin_np(thread, NULL, &until);
}

/* The end: the main thread is somewhere inside a C function and may never come back. */
static void end_process(struct nb_watchdog *w)
{
	char text[1200], why[256];
	struct nb_sandbox stopped = {.stop = NB_STOP_TIME,
				     .time_limit_s = w->sb->time_limit_s,
				     .work_is_extra = w->sb->work_is_extra};
	int line = atomic_load(&w->sb->line), len;

	nb_sandbox_stop_text(&stopped, why, sizeof(why));
	if (line)
		len = snprintf(text, sizeof(text), "numabox: %s:%d: %s\n", w->file, line, why);
	else
		len = snprintf(text, sizeof(text), "numabox: %s: %s\n", w->file, why);
	if (len > (int)sizeof(text) - 1)
		len = (int)sizeof(text) - 1;
	flush_for_a_while(w);
	(void)!write(STDERR_FILENO, text, (size_t)len);
	_exit(2);
}

static void *watch(void *arg)
{
	struct nb_watchdog *w = arg;

	pthread_mutex_lock(&w->lock);
	if (!wait_limit(w)) {
		atomic_store(&w->sb->time_up, true);
		if (!wait_done(w, NB_WATCHDOG_GRACE_MS))
			end_process(w);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

int nb_watchdog_start(struct nb_watchdog *w)
{
	pthread_condattr_t attr;
	int ret;

	w->running = w->done = false;
	if (!w->sb->time_limit_s)
		return 0;
	pthread_mutex_init(&w->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->cond, &attr);
	pthread_condattr_destroy(&attr);
	ret = pthread_create(&w->thread, NULL, watch, w);
	w->running = ret == 0;
	return -ret;
}

void nb_watchdog_end(struct nb_watchdog *w)
{
	if (!w->running)
		return;
	pthread_mutex_lock(&w->lock);
	w->done = true;
	pthread_cond_signal(&w->cond);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	pthread_cond_destroy(&w->cond);
	pthread_mutex_destroy(&w->lock);
	w->running = false;
}
