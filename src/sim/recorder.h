/* recorder.h -- listens to the engine: keeps the first events of each kind, writes traces.
 *
 * Called by the driver, which makes it the system's sink, and by machine:events() and the reports.
 * Memory:  the log keeps the first NB_RECORDER_KEEP events of each kind; counts go on.
 * Threads: one. The sink only looks at the event and calls nothing of the engine.
 */
#ifndef NB_SIM_RECORDER_H
#define NB_SIM_RECORDER_H

#include <numabox/error.h>
#include <numabox/sink.h>
#include <numabox/system.h>

#include <stdio.h>

#define NB_RECORDER_KEEP 65536u

struct nb_recorder_log {
	struct nb_event *ev;
	size_t n, cap;
};

struct nb_recorder {
	/* counted by the engine; on which CPUs, since the driver looked last (vmstat_tick.c) */
	struct nb_event_tally tally;
	struct nb_recorder_log log[NB_NR_EVENTS];
	/* names of tasks by pid, for traces */
	char (*comm)[16];
	size_t nr_comm;
	int pid; /* of the task whose call is running, for events that name none; 0: no task's */
	struct nb_trace *trace; /* NULL: none is written */
	/* Called when the OOM killer has chosen the task of that pid, while its pages are still
	 * there; may be NULL. May read, like the nb_*_info() calls, and change nothing. */
	void (*victim)(void *ctx, int pid);
	void *victim_ctx;
};

void nb_recorder_init(struct nb_recorder *r);
void nb_recorder_release(struct nb_recorder *r);

/* The sink that feeds `r`, which stays where it is: what it wants now. To be made the system's
 * again once a trace has begun, which wants every event; without one, the engine only counts those
 * of a kind whose log is full. */
struct nb_sink nb_recorder_sink(struct nb_recorder *r);

/* Tells the name of a task before its first event. */
void nb_recorder_task(struct nb_recorder *r, int pid, const char *comm);
/* "<idle>" for pid 0, "<...>" for an unknown one, as ftrace does. */
const char *nb_recorder_comm(const struct nb_recorder *r, int pid);

/* Writes every event from now on to the file `path`, in ftrace's text form, for a machine of
 * `nr_cpus` CPUs and pages of 1 << page_shift bytes; `profile` names the request flags. 0 or a
 * negative errno with *err. */
int nb_recorder_trace(struct nb_recorder *r, const char *path,
		      const struct nb_kernel_profile *profile, unsigned nr_cpus,
		      unsigned page_shift, struct nb_error *err);
/* Ends the trace: completes its header. 0, or -NB_EIO with *err when something could not be
 * written. */
int nb_recorder_trace_end(struct nb_recorder *r, struct nb_error *err);

/* trace.c: one line a event, "kernel name: fields" in the kernel's print format. */
struct nb_trace;
void nb_trace_event(struct nb_trace *t, const struct nb_recorder *r, const struct nb_event *ev);
/* What the text of an event needs beside the event. */
struct nb_trace_env {
	const struct nb_kernel_profile *profile;
	unsigned page_shift;
	const char *comm; /* of the task that field `comm` stands for */
};
/* The part after the name, "pfn=0x1234 order=0 ..."; as snprintf. */
size_t nb_trace_fields(char *buf, size_t n, const struct nb_event *ev,
		       const struct nb_trace_env *env);
/* trace_form.c: the same for files, write-back, huge pages and victims. false: not one of these. */
bool nb_trace_form_fields(char *buf, size_t n, const struct nb_event *ev,
			  const struct nb_trace_env *env, size_t *ret_len);
/* trace_reclaim.c: the same for vmscan, compaction, the LRU and the OOM killer's retries. `gfp`:
 * the request's flags as text; `folio`: the address of the descriptor of field 0. */
size_t nb_trace_reclaim_fields(char *buf, size_t n, const struct nb_event *ev, const char *gfp,
			       uint64_t folio);

#endif
