/* side_by_side.h -- two JSON documents of one form, figure by figure.
 *
 * Callers: the command `compare`. Objects are walked by key; elements of an array that name a node,
 * a zone, a task or a policy are matched by that name, others by position. Figures become rows:
 * "numastat node 1 numa_hit".
 */
#ifndef NB_VIEW_SIDE_BY_SIDE_H
#define NB_VIEW_SIDE_BY_SIDE_H

#include "base/hosted/text.h"
#include <jansson.h>

struct nb_side_options {
	const char *label_a, *label_b;
	double seconds; /* between the two; above 0: counters get a rate */
	bool all;       /* equal figures too */
	bool colour;
};

/* A table of the figures that differ, and how many are equal. */
void nb_side_print(const json_t *a, const json_t *b, const struct nb_side_options *opt,
		   struct nb_text *out);
/* The same as an object: "a", "b", "seconds_between", "differences", "equal". A new reference. */
json_t *nb_side_json(const json_t *a, const json_t *b, const struct nb_side_options *opt);

#endif
