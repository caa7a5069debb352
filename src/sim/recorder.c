/* recorder.c -- the sink of a simulation.
 *
 * Called by the engine for each event that it does not only count: keep while there is room, hand
 * on to the trace where there is one.
 */
#include "sim/recorder.h"

#include "base/hosted/text.h"
#include "base/mask.h"

#include <stdlib.h>
#include <string.h>

static void keep(struct nb_recorder_log *log, const struct nb_event *ev)
{
	if (log->n == log->cap) {
		log->cap = log->cap ? 2 * log->cap : 64;
		log->ev = nb_xrealloc(log->ev, log->cap, sizeof(*log->ev));
	}
	log->ev[log->n++] = *ev;
}

static void record(void *ctx, const struct nb_event *ev)
{
	struct nb_recorder *r = ctx;
	bool room = r->log[ev->kind].n < NB_RECORDER_KEEP;
	struct nb_event named;

	if (ev->kind == NB_EV_OOM_KILL && r->victim)
		r->victim(r->victim_ctx, (int)ev->field[0]);
	if (!room && !r->trace)
		return;
	named = *ev;
	if (!named.pid)
		named.pid = r->pid;
	if (room)
		keep(&r->log[ev->kind], &named);
	if (r->trace)
		nb_trace_event(r->trace, r, &named);
}

void nb_recorder_init(struct nb_recorder *r)
{
	*r = (struct nb_recorder){0};
}

void nb_recorder_release(struct nb_recorder *r)
{
	nb_recorder_trace_end(r, NULL);
	for (int k = 0; k < NB_NR_EVENTS; k++)
		free(r->log[k].ev);
	free(r->comm);
	*r = (struct nb_recorder){0};
}

struct nb_sink nb_recorder_sink(struct nb_recorder *r)
{
	struct nb_sink sink = {.ctx = r,
			       .event = record,
			       .wanted = NB_EVENT_SET_ALL,
			       .tally = &r->tally,
			       .keep = NB_RECORDER_KEEP};

	if (!r->trace)
		sink.counted = NB_EVENT_SET_ALL;
	nb_event_set_remove(&sink.counted, NB_EV_OOM_KILL); /* r->victim hears of each */
	return sink;
}

void nb_recorder_task(struct nb_recorder *r, int pid, const char *comm)
{
	if (pid <= 0)
		return;
	if ((size_t)pid >= r->nr_comm) {
		size_t n = (size_t)pid * 2 + 64;

		r->comm = nb_xrealloc(r->comm, n, sizeof(*r->comm));
		memset(r->comm + r->nr_comm, 0, (n - r->nr_comm) * sizeof(*r->comm));
		r->nr_comm = n;
	}
	strncpy(r->comm[pid], comm, sizeof(*r->comm) - 1);
}

const char *nb_recorder_comm(const struct nb_recorder *r, int pid)
{
	if (pid == 0)
		return "<idle>";
	if (pid < 0 || (size_t)pid >= r->nr_comm || !r->comm[pid][0])
		return "<...>";
	return r->comm[pid];
}
