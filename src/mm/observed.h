/* observed.h -- a plan that puts observed free blocks on a zone's frames.
 *
 * Made by observed_plan.c without changing anything, carried out by observed.c. Counts are blocks;
 * `dense` are dense page numbers. "Whole blocks" are the max-order blocks all of whose pages are
 * managed; "fragments" are what is managed at the edges of the zone's spans beside them.
 */
#ifndef NB_MM_OBSERVED_H
#define NB_MM_OBSERVED_H

#include "mm/buddy.h"

/* Managed pages that follow each other. */
struct nb_span {
	uint64_t dense, end;
};

/* Part of one pageblock, or a larger aligned chunk: `order` >= pageblock order. */
struct nb_fragment {
	uint64_t dense, end;
	unsigned order; /* of a larger chunk; 0: part of a pageblock */
	bool used;      /* the plan puts free blocks here */
	enum nb_migratetype mt;
};

struct nb_observed_plan {
	struct nb_zone *z;
	struct nb_span *spans;
	unsigned nr_spans;
	struct nb_fragment *fragments;
	unsigned nr_fragments;
	uint64_t whole; /* whole blocks there are */
	uint64_t split; /* of them are neither quite free nor quite used */
	bool loose;     /* free blocks of pageblock order and above may be buddies, left apart by a
			   change of type */
	bool mixed;     /* blocks of several types share pageblocks: they would not fit otherwise */
	/* blocks still to be placed, by type and order */
	uint64_t want[NB_MIGRATE_TYPES][NB_NR_ORDERS];
	/* whole pageblocks that hold a type's small blocks; all in [0] where mixed */
	uint64_t pageblocks[NB_MIGRATE_TYPES];
};

/* Finds out where everything goes. 0; -NB_EINVAL with *err when the counts do not fit; -NB_ENOMEM.
 */
int nb_observed_plan(struct nb_observed_plan *plan, const struct nb_zone_observed *obs,
		     struct nb_error *err);

/* A whole max-order block in use, the zone's lowest or highest one, with host memory for its
 * descriptors, which the caller fills; its dense number. UINT64_MAX: none, or no memory. */
uint64_t nb_observed_take_block(struct nb_zone *z, bool lowest);

#endif
