/* pool.h -- objects of one size, taken and given back one by one.
 *
 * Called by the task side of mm (VMAs, page tables, policies, tasks). Memory comes from the
 * system's arena in growing steps and goes back with the system. An object from nb_pool_get() is
 * all zero.
 */
#ifndef NB_MM_POOL_H
#define NB_MM_POOL_H

#include "mm/mmzone.h"

struct nb_pool {
	struct nb_lock lock;
	size_t size; /* of an object, a multiple of 16 */
	void *free;  /* given back; the first word links */
	char *fresh; /* never used yet, still zero */
	size_t nr_fresh;
	size_t step; /* objects of the next piece */
};

void nb_pool_init(struct nb_pool *pool, size_t size);
/* NULL without memory. */
void *nb_pool_get(struct nb_system *sys, struct nb_pool *pool);
void nb_pool_put(struct nb_system *sys, struct nb_pool *pool, void *object);

#endif
