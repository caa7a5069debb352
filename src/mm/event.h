/* event.h -- handing events to the sink.
 *
 * Called by all of src/mm. nb_event_wanted() is the one predicted branch that an event costs while
 * nobody listens; nb_emit() comes behind it.
 */
#ifndef NB_MM_EVENT_H
#define NB_MM_EVENT_H

#include "mm/page.h"

static inline bool nb_event_wanted(const struct nb_system *sys, enum nb_event_kind kind)
{
	return nb_unlikely(nb_event_set_has(&sys->sink.wanted, kind));
}

/* sink.c. `task` may be NULL (pid 0). */
void nb_emit_fields(const struct nb_system *sys, enum nb_event_kind kind, int cpu,
		    const struct nb_task *task, const uint64_t *field, unsigned nr_fields);

#define nb_emit(sys, kind, cpu, task, ...)                                    \
	nb_emit_fields(sys, kind, cpu, task, (const uint64_t[]){__VA_ARGS__}, \
		       sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

/* splitmix64: a step of a seeded choice. */
static inline uint64_t nb_random(uint64_t *state)
{
	uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

#endif
