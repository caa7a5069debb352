/* pool.c -- see pool.h. A piece holds a whole number of objects; pieces double from 8 objects up
 * to STEP_BYTES, so that a system with one small task stays small and a large page table costs no
 * more than its entries.
 */
#include "mm/pool.h"

#include "base/mem.h"

#define STEP_BYTES ((size_t)512 << 10)

void nb_pool_init(struct nb_pool *pool, size_t size)
{
	memset(pool, 0, sizeof(*pool));
	pool->size = (size + 15) / 16 * 16;
	pool->step = 8;
}

/* Under the pool's lock. */
static void *take(struct nb_system *sys, struct nb_pool *pool, bool *ret_used)
{
	void *p = pool->free;

	*ret_used = p != NULL;
	if (p) {
		memcpy(&pool->free, p, sizeof(pool->free));
		return p;
	}
	if (!pool->nr_fresh) {
		pool->fresh = nb_system_alloc(sys, pool->step * pool->size);
		if (!pool->fresh)
			return NULL;
		pool->nr_fresh = pool->step;
		if (2 * pool->step * pool->size <= STEP_BYTES)
			pool->step *= 2;
	}
	p = pool->fresh;
	pool->fresh += pool->size;
	pool->nr_fresh--;
	return p;
}

void *nb_pool_get(struct nb_system *sys, struct nb_pool *pool)
{
	bool used;
	void *p;

	nb_lock(&pool->lock, sys->port);
	p = take(sys, pool, &used);
	nb_unlock(&pool->lock, sys->port);
	if (used)
		memset(p, 0, pool->size);
	return p;
}

void nb_pool_put(struct nb_system *sys, struct nb_pool *pool, void *object)
{
	nb_lock(&pool->lock, sys->port);
	memcpy(object, &pool->free, sizeof(pool->free));
	pool->free = object;
	nb_unlock(&pool->lock, sys->port);
}
