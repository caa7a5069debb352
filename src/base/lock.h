/* lock.h -- a spin lock that costs nothing in a single-threaded system.
 *
 * Called by mm/. A system without port.relax has `threaded` false and takes no atomic step.
 */
#ifndef NB_BASE_LOCK_H
#define NB_BASE_LOCK_H

#include <numabox/port.h>
#include <stdatomic.h>

struct nb_lock {
	_Atomic uint32_t word; /* 0 free, 1 held */
};

static inline void nb_lock(struct nb_lock *l, const struct nb_port *port)
{
	if (!port->relax)
		return;
	while (atomic_exchange_explicit(&l->word, 1, memory_order_acquire)) {
		while (atomic_load_explicit(&l->word, memory_order_relaxed))
			port->relax(port->ctx);
	}
}

static inline bool nb_trylock(struct nb_lock *l, const struct nb_port *port)
{
	if (!port->relax)
		return true;
	return !atomic_exchange_explicit(&l->word, 1, memory_order_acquire);
}

static inline void nb_unlock(struct nb_lock *l, const struct nb_port *port)
{
	if (port->relax)
		atomic_store_explicit(&l->word, 0, memory_order_release);
}

#endif
