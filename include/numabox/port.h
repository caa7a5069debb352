/* numabox/port.h -- all that the core needs of its host.
 *
 * The core (floors 0 to 3) is freestanding: no libc, no clock, no threads of
 * its own. Beside these callbacks it needs only what every C compiler may
 * call by itself: memcpy, memmove, memset, memcmp.
 * nb_port_posix() (in libnumabox) fills it for a hosted program.
 */
#ifndef NUMABOX_PORT_H
#define NUMABOX_PORT_H

#include <numabox/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct nb_task;

/* Why a task must wait. Stands in port.wait; Source: facts 7.4, DESIGN "Time is an event". */
enum nb_wait_reason {
	NB_WAIT_RECLAIM,    /* direct reclaim: let kswapd and write-back run */
	NB_WAIT_THROTTLE,   /* too many pages isolated, dirty or written back */
	NB_WAIT_IO,         /* a read or a write to end */
	NB_WAIT_OOM,        /* a victim to give its memory back */
	NB_WAIT_COMPACTION, /* kcompactd */
};

struct nb_port {
	void *ctx; /* handed to every callback */

	/* Reserves `bytes` of address space, aligned to 64 KiB at least. Pages
	 * read as zero once committed. NULL when there is none. */
	void *(*reserve)(void *ctx, size_t bytes);
	/* Makes [p, p+bytes) usable; idempotent. 0 or -NB_ENOMEM. */
	int (*commit)(void *ctx, void *p, size_t bytes);
	/* Gives back a whole reservation. */
	void (*release)(void *ctx, void *p, size_t bytes);

	/* A contended lock: called again and again until the lock is taken.
	 * NULL makes a single-threaded system, which pays for no atomic. */
	void (*relax)(void *ctx);

	/* Lets other things happen while `task` waits for `reason`, at most
	 * until virtual time `until_ns`. May be NULL: nothing happens. */
	void (*wait)(void *ctx, struct nb_task *task, enum nb_wait_reason reason,
		     uint64_t until_ns);
};

/* Fills *port for a POSIX host (mmap). `threaded` decides whether systems
 * made with it may be driven from several threads. */
void nb_port_posix(struct nb_port *port, bool threaded);

#ifdef __cplusplus
}
#endif
#endif
