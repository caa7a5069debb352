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

/* Does nobody want the event itself, only its count? For what is wanted. */
static inline bool nb_event_is_counted(const struct nb_system *sys, enum nb_event_kind kind)
{
	return nb_event_set_has(&sys->counted, kind);
}

/* Counts `n` events that are wanted for their number alone. */
static inline void nb_count_event(const struct nb_system *sys, enum nb_event_kind kind, int cpu,
				  uint64_t n)
{
	struct nb_event_tally *t = sys->sink.tally;

	t->count[kind] += n;
	t->any = true;
	if (nb_likely((unsigned)cpu < NB_MAX_CPUS))
		nb_cpumask_set(&t->cpus, cpu);
}

/* Is the event itself wanted, so that what would have told of it may not be done in one piece? */
static inline bool nb_event_is_told(const struct nb_system *sys, enum nb_event_kind kind)
{
	return nb_event_wanted(sys, kind) && !nb_event_is_counted(sys, kind);
}

/* sink.c. `task` may be NULL (pid 0). */
void nb_emit_fields(struct nb_system *sys, enum nb_event_kind kind, int cpu,
		    const struct nb_task *task, const uint64_t *field, unsigned nr_fields);

/* The fields are worked out only for who wants them. */
#define nb_emit(sys, kind, cpu, task, ...)                                               \
	(nb_event_is_counted(sys, kind)                                                  \
		 ? nb_count_event(sys, kind, cpu, 1)                                     \
		 : nb_emit_fields(sys, kind, cpu, task, (const uint64_t[]){__VA_ARGS__}, \
				  sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t)))

/* splitmix64: a step of a seeded choice. */
static inline uint64_t nb_random(uint64_t *state)
{
	uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

#endif
