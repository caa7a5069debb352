/* arena.c -- memory taken piece by piece from the port and given back at once.
 *
 * Called by machine/ and mm/. A chain of reservations ("chunks"), newest first; each begins with a
 * struct chunk and is committed from its start in steps of COMMIT_BYTES. Chunks double from
 * FIRST_BYTES to MAX_BYTES; a piece too big for the next chunk gets one of its own size.
 * Invariant: header <= used <= committed <= size in every chunk. The port's pages are zero.
 */
#include "base/arena.h"

#include <stdatomic.h>

#define ALIGN_BYTES ((size_t)16)
#define COMMIT_BYTES ((size_t)64 << 10)
#define HUGE_BYTES ((size_t)2 << 20) /* what a host may back with one page */
#define FIRST_BYTES ((size_t)256 << 10)
#define MAX_BYTES ((size_t)16 << 20)

struct chunk {
	struct chunk *next;
	size_t size, used, committed;
};

struct nb_arena {
	const struct nb_port *port;
	struct chunk *chunks;
	size_t next_bytes; /* size of the next ordinary chunk */
	_Atomic size_t
		committed; /* sum over chunks; written by the one who allocates, read by all */
};

static void count(struct nb_arena *a, size_t bytes)
{
	size_t sum = atomic_load_explicit(&a->committed, memory_order_relaxed) + bytes;

	atomic_store_explicit(&a->committed, sum, memory_order_relaxed);
}

static size_t round_up(size_t x, size_t to)
{
	return (x + to - 1) / to * to;
}

/* Makes [0, end) of the chunk usable. */
static bool chunk_commit(const struct nb_port *port, struct chunk *c, size_t from, size_t end)
{
	return end <= from || port->commit(port->ctx, (char *)c + from, end - from) == 0;
}

static struct chunk *chunk_new(const struct nb_port *port, size_t bytes)
{
	struct chunk *c = port->reserve(port->ctx, bytes);

	if (!c)
		return NULL;
	if (!chunk_commit(port, c, 0, COMMIT_BYTES)) {
		port->release(port->ctx, c, bytes);
		return NULL;
	}
	c->next = NULL;
	c->size = bytes;
	c->used = round_up(sizeof(*c), ALIGN_BYTES);
	c->committed = COMMIT_BYTES;
	return c;
}

static void *chunk_alloc(struct nb_arena *a, struct chunk *c, size_t bytes)
{
	size_t end = c->used + bytes;
	void *p = (char *)c + c->used;

	if (end > c->committed) {
		/* A chunk that is large already will be filled on. */
		size_t step = c->committed < HUGE_BYTES ? COMMIT_BYTES : HUGE_BYTES;
		size_t to = round_up(end, step);

		if (to > c->size)
			to = round_up(end, COMMIT_BYTES);
		if (!chunk_commit(a->port, c, c->committed, to))
			return NULL;
		count(a, to - c->committed);
		c->committed = to;
	}
	c->used = end;
	return p;
}

struct nb_arena *nb_arena_new(const struct nb_port *port)
{
	struct chunk *c = chunk_new(port, FIRST_BYTES);
	struct nb_arena *a;

	if (!c)
		return NULL;
	a = (struct nb_arena *)(void *)((char *)c + c->used);
	c->used += round_up(sizeof(*a), ALIGN_BYTES);
	a->port = port;
	a->chunks = c;
	a->next_bytes = 2 * FIRST_BYTES;
	count(a, c->committed);
	return a;
}

void nb_arena_free(struct nb_arena *a)
{
	const struct nb_port *port;
	struct chunk *c, *next;

	if (!a)
		return;
	/* `a` itself lies in the oldest chunk. */
	port = a->port;
	for (c = a->chunks; c; c = next) {
		next = c->next;
		port->release(port->ctx, c, c->size);
	}
}

void *nb_arena_alloc(struct nb_arena *a, size_t bytes)
{
	struct chunk *c = a->chunks, *fresh;
	size_t header = round_up(sizeof(*c), ALIGN_BYTES);
	bool own;

	if (bytes > SIZE_MAX / 2)
		return NULL;
	bytes = round_up(bytes ? bytes : 1, ALIGN_BYTES);
	if (bytes <= c->size - c->used)
		return chunk_alloc(a, c, bytes);

	own = bytes > a->next_bytes / 2;
	fresh = chunk_new(a->port, own ? round_up(bytes + header, COMMIT_BYTES) : a->next_bytes);
	if (!fresh)
		return NULL;
	count(a, fresh->committed);
	if (own) {
		/* Behind the current one, which still has room for small pieces. */
		fresh->next = c->next;
		c->next = fresh;
	} else {
		fresh->next = c;
		a->chunks = fresh;
		if (a->next_bytes < MAX_BYTES)
			a->next_bytes *= 2;
	}
	return chunk_alloc(a, fresh, bytes);
}

size_t nb_arena_committed(const struct nb_arena *a)
{
	return atomic_load_explicit(&a->committed, memory_order_relaxed);
}
