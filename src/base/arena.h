/* arena.h -- memory that is taken piece by piece and given back at once.
 *
 * Called by machine/ and mm/ for tables whose size boot decides. Pieces are zeroed and 16-byte
 * aligned. Grows by reservations of the port; pieces never move. Not thread-safe.
 */
#ifndef NB_BASE_ARENA_H
#define NB_BASE_ARENA_H

#include <numabox/port.h>

struct nb_arena;

/* NULL without memory. */
struct nb_arena *nb_arena_new(const struct nb_port *port);
void nb_arena_free(struct nb_arena *a);
/* NULL without memory. */
void *nb_arena_alloc(struct nb_arena *a, size_t bytes);
/* Bytes taken from the port so far. */
size_t nb_arena_committed(const struct nb_arena *a);

#endif
