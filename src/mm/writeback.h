/* writeback.h -- the disk's queue and the flusher's state.
 *
 * Called by disk.c, writeback.c and dirty.c, and by address_space.c when a file gets its first
 * dirty page. Equation: nr_writes == requests of the queue that write. A file is in the list of
 * dirty files from its first dirty page on until the flusher finds it clean. Lock: `lock`, a leaf
 * below the files'.
 */
#ifndef NB_MM_WRITEBACK_H
#define NB_MM_WRITEBACK_H

#include "mm/filemap.h"

/* A request under way. */
struct nb_io {
	struct nb_io *next;
	struct nb_address_space *as; /* holds a reference */
	bool write;
	unsigned pages;
	uint64_t index;
	uint64_t done_ns;
};

struct nb_writeback {
	struct nb_lock lock;
	struct nb_disk disk;
	uint64_t slot_free_ns[NB_DISK_DEPTH_MAX];
	uint64_t channel_free_ns;
	struct nb_io *first, **last; /* in the order of their ends */
	_Atomic unsigned nr_writes;
	struct nb_pool io_pool, page_pool;

	/* the flusher */
	struct nb_address_space *dirty, **last_dirty; /* by time of their first dirty page */
	uint64_t next_periodic_ns;                    /* UINT64_MAX: nothing is dirty */
	_Atomic bool exceeded;                        /* tasks look more often */
	_Atomic uint64_t due_ns;                      /* when the next step was last said to be */
	struct nb_lock step_lock;                     /* one step at a time; outermost */
	void (*wake)(void *ctx, uint64_t when_ns);
	void *wake_ctx;
};

/* NULL without memory. */
struct nb_writeback *nb_writeback_new(struct nb_system *sys);
/* A step is wanted at that time. The driver is told, if that is earlier than it knows. */
void nb_writeback_wake(struct nb_system *sys, uint64_t when_ns);
/* A step of the flusher, by a thread of its own (holder -1) or by a task on that CPU that has to
 * wait for it; when it wants the next one. */
uint64_t nb_writeback_flush(struct nb_system *sys, int holder);

/* dirty.c. Pages of all nodes that the limits go by. */
struct nb_dirty_sums {
	uint64_t free_pages, file_lru, dirty, writeback;
};
void nb_dirty_sum(const struct nb_system *sys, struct nb_dirty_sums *ret_sums);
/* dirty.c. The same, with the limits; told as an event on `cpu`, for t (NULL: the flusher). */
struct nb_dirty_sums nb_dirty_state(struct nb_system *sys, struct nb_dirty_limits *ret_limits,
				    int cpu, const struct nb_task *t);
/* The file has its first dirty page. Under the file's lock. */
void nb_writeback_enlist(struct nb_address_space *as);
/* The file goes away, or is clean: out of the list. */
void nb_writeback_delist(struct nb_address_space *as);
/* The task's CPU, or some CPU that is online. */
int nb_file_cpu(const struct nb_system *sys, const struct nb_task *t);

#endif
