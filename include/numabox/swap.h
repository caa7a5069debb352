/* numabox/swap.h -- swap areas.
 *
 * Callers: the simulator, embedders, views. An area is a device or a file in pages; page 0 holds
 * its header. Areas are used from the highest priority down, equal ones in turn. Memory:  an area
 * belongs to its system. Units: pages of the machine. Errors:  the kernel's errno, negated. Source:
 * mm/swapfile.c, mm/swap_state.c; facts 7.8.
 * Threads: nb_swapon() and nb_swapoff() alone; the readers at any time; an area's read and write
 *          callbacks come on any thread, several at once. docs/threads.md.
 */
#ifndef NUMABOX_SWAP_H
#define NUMABOX_SWAP_H

#include <numabox/task.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NB_MAX_SWAPFILES 29 /* of Debian's amd64 kernels */
#define NB_SWAP_PRIO_AUTO (-1)

/* What kind of device it is: decides how slots are chosen and what is read beside a wanted page. */
enum nb_swap_device {
	NB_SWAP_SSD,         /* clusters of slots per CPU; read-ahead along the address space */
	NB_SWAP_ROTATIONAL,  /* slots in a row; read-ahead along the slots */
	NB_SWAP_SYNCHRONOUS, /* zram: as SSD, but a page is there at once, nothing is read ahead */
};

struct nb_swap_options {
	uint64_t pages; /* header included; at least 2 */
	int priority;   /* 0 .. 32767, or NB_SWAP_PRIO_AUTO: below all others */
	enum nb_swap_device device;
	const char *name; /* for views; NULL: "/dev/swapN" */
	/* The device's time for a page, read or written, in the order in which they are given to
	 * it; 0: done by the next time that anybody looks. */
	uint64_t write_ns;
	uint64_t latency_ns; /* how long a read takes besides */
	/* A backed system's bytes: whole pages at byte offsets. May be NULL: then the system keeps
	 * them in memory of its own. */
	void *ctx;
	int (*read)(void *ctx, uint64_t offset, void *buf, size_t bytes);
	int (*write)(void *ctx, uint64_t offset, const void *buf, size_t bytes);
};

/* *ret_area gets the area's number. 0; -NB_EINVAL size or priority; -NB_EPERM too many areas;
 * -NB_ENOMEM. Source: swapon(2). */
int nb_swapon(struct nb_system *sys, const struct nb_swap_options *opt, unsigned *ret_area);
/* Brings all pages of the area back into memory and gives it up. -NB_EINVAL no such area;
 * -NB_ENOMEM: no room for them, the area stays. Source: swapoff(2). */
int nb_swapoff(struct nb_system *sys, unsigned area);

struct nb_swap_info {
	const char *name; /* owned by the system */
	unsigned area;
	enum nb_swap_device device;
	int priority;
	uint64_t pages, used_pages; /* without the header: as /proc/swaps */
};
/* The i-th area in order of their making; false past the end. */
bool nb_swap_info(const struct nb_system *sys, unsigned i, struct nb_swap_info *ret_info);
/* All areas together: SwapTotal and SwapFree of /proc/meminfo, and SwapCached, in pages. */
void nb_swap_totals(const struct nb_system *sys, uint64_t *ret_total, uint64_t *ret_free,
		    uint64_t *ret_cached);

/* Where a page of a task is swapped out to: the area and the slot; false when it is not. */
bool nb_task_swap_slot(const struct nb_task *t, uint64_t addr, unsigned *ret_area,
		       uint64_t *ret_slot);

#ifdef __cplusplus
}
#endif
#endif
