/* numastat.h -- the table that the program numastat prints without arguments.
 *
 * Callers: show, the capture reader. Rows are counters, columns are nodes.
 * Source: numactl 2.0.16, numastat.c; facts 12.8.
 */
#ifndef NB_VIEW_NUMASTAT_H
#define NB_VIEW_NUMASTAT_H

#include "view/vmstat.h"

struct nb_numastat {
	struct nb_strings strings;
	int *nids;
	size_t nr_nodes, cap_nodes;
	const char **names; /* of the rows */
	size_t nr_rows, cap_rows;
	uint64_t *values; /* nr_rows x nr_nodes */
	const char *raw;  /* the whole text, where no rule gives it back; else NULL */
};

int nb_numastat_parse(const char *text, size_t len, struct nb_numastat *n, struct nb_error *err);
void nb_numastat_from_system(const struct nb_system *sys, struct nb_numastat *n);
/* Out of the nodes' own files: nr columns, node ids nids[], counters c[]. */
void nb_numastat_from_counters(const int *nids, const struct nb_counters *const *c, size_t nr,
			       struct nb_numastat *n);
/* Out of a capture's node files; false when no node has one. */
struct nb_observed;
bool nb_numastat_from_observed(const struct nb_observed *o, struct nb_numastat *n);
void nb_numastat_print(const struct nb_numastat *n, struct nb_text *out);
json_t *nb_numastat_json(const struct nb_numastat *n);
void nb_numastat_release(struct nb_numastat *n);

#endif
