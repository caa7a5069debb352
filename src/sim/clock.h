/* clock.h -- what is due when: the order of everything in virtual time.
 *
 * Called by driver.c and strand.c. An entry (struct nb_due) is embedded in whatever becomes due:
 * a kernel daemon's state machine, a strand of a scenario. Nothing happens by itself: the driver
 * asks for the first entry and runs it.
 * Order:  (time, kind, node, order in which the entries were made): a total order, so that two
 *         runs do the same things in the same order.
 * Memory: the clock owns only its heap of pointers; entries are the caller's and must be cleared
 *         before they go. O(log n) to set and clear.
 */
#ifndef NB_SIM_CLOCK_H
#define NB_SIM_CLOCK_H

#include <numabox/types.h>

/* Kinds in the order in which they run at one instant: what ended, then the kernel's
 * daemons, then tasks. */
enum nb_due_kind {
	NB_DUE_IO, /* a read or a write ends */
	NB_DUE_KSWAPD,
	NB_DUE_KCOMPACTD,
	NB_DUE_WRITEBACK,
	NB_DUE_KHUGEPAGED,
	NB_DUE_BALANCING,
	NB_DUE_VMSTAT,
	NB_DUE_TASK,
};

struct nb_due {
	enum nb_due_kind kind;
	int node;
	int pid;     /* of the kernel thread that it stands for; 0: several, or a task's */
	uint64_t id; /* given by nb_due_init() */
	uint64_t time_ns;
	size_t place; /* in the heap, from 1; 0: not due */
	/* Called at time_ns, taken out of the clock before; sets itself again if it wants. */
	void (*run)(struct nb_due *self);
	void *ctx;
};

struct nb_clock {
	struct nb_due **heap; /* [0] unused */
	size_t n, cap;
	uint64_t next_id;
};

void nb_clock_release(struct nb_clock *c);

/* Makes *d an entry that is not due yet; ids count up in the order of these calls. */
void nb_due_init(struct nb_clock *c, struct nb_due *d, enum nb_due_kind kind, int node,
		 void (*run)(struct nb_due *self), void *ctx);

/* Makes *d due at `time_ns`, or moves it there. */
void nb_clock_set(struct nb_clock *c, struct nb_due *d, uint64_t time_ns);

/* Takes *d out; nothing if it is not due. */
void nb_clock_clear(struct nb_clock *c, struct nb_due *d);

/* The first entry in the order, or NULL. */
struct nb_due *nb_clock_first(const struct nb_clock *c);

#endif
