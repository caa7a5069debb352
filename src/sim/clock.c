/* clock.c -- a binary heap of due entries that know their own place.
 *
 * Called by the driver. Invariant: heap[i] stands before heap[2i] and heap[2i+1] in
 * the order of due_before(); heap[d->place] == d for every due d.
 */
#include "sim/clock.h"

#include "base/hosted/text.h"

#include <stdlib.h>

static bool due_before(const struct nb_due *a, const struct nb_due *b)
{
	if (a->time_ns != b->time_ns)
		return a->time_ns < b->time_ns;
	if (a->kind != b->kind)
		return a->kind < b->kind;
	if (a->node != b->node)
		return a->node < b->node;
	return a->id < b->id;
}

static void put(struct nb_clock *c, size_t place, struct nb_due *d)
{
	c->heap[place] = d;
	d->place = place;
}

static void sift_up(struct nb_clock *c, struct nb_due *d)
{
	size_t i = d->place;

	while (i > 1 && due_before(d, c->heap[i / 2])) {
		put(c, i, c->heap[i / 2]);
		i /= 2;
	}
	put(c, i, d);
}

static void sift_down(struct nb_clock *c, struct nb_due *d)
{
	size_t i = d->place;

	for (;;) {
		size_t child = 2 * i;

		if (child > c->n)
			break;
		if (child < c->n && due_before(c->heap[child + 1], c->heap[child]))
			child++;
		if (!due_before(c->heap[child], d))
			break;
		put(c, i, c->heap[child]);
		i = child;
	}
	put(c, i, d);
}

void nb_clock_release(struct nb_clock *c)
{
	free(c->heap);
	*c = (struct nb_clock){0};
}

void nb_due_init(struct nb_clock *c, struct nb_due *d, enum nb_due_kind kind, int node,
		 void (*run)(struct nb_due *self), void *ctx)
{
	*d = (struct nb_due){
		.kind = kind, .node = node, .id = c->next_id++, .run = run, .ctx = ctx};
}

void nb_clock_set(struct nb_clock *c, struct nb_due *d, uint64_t time_ns)
{
	d->time_ns = time_ns;
	if (!d->place) {
		if (c->n + 2 > c->cap) {
			c->cap = c->cap ? 2 * c->cap : 16;
			c->heap = nb_xrealloc(c->heap, c->cap, sizeof(*c->heap));
		}
		put(c, ++c->n, d);
	}
	sift_up(c, d);
	sift_down(c, d);
}

void nb_clock_clear(struct nb_clock *c, struct nb_due *d)
{
	struct nb_due *last;

	if (!d->place)
		return;
	last = c->heap[c->n--];
	if (last != d) {
		put(c, d->place, last);
		sift_up(c, last);
		sift_down(c, last);
	}
	d->place = 0;
}

struct nb_due *nb_clock_first(const struct nb_clock *c)
{
	return c->n ? c->heap[1] : NULL;
}
