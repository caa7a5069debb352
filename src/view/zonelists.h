/* zonelists.h -- the boot log's lines on fallback orders.
 *
 *   Fallback order for Node 0: 0 1␠
 *   Built 2 zonelists, mobility grouping on.  Total pages: 524157
 *   Policy zone: DMA32
 *
 * Callers: show, the capture reader and verify (out of a boot log: time stamps are taken off, other
 * lines passed over; of lists and policy zone the last word counts, as they are rebuilt when memory
 * comes, of the Built line boot's).
 * Source: mm/page_alloc.c, build_all_zonelists(); facts 3.
 */
#ifndef NB_VIEW_ZONELISTS_H
#define NB_VIEW_ZONELISTS_H

#include "base/hosted/text.h"
#include "view/strings.h"
#include <jansson.h>
#include <numabox/error.h>
#include <numabox/system.h>

struct nb_zonelists_node {
	int nid;
	int *fallback;
	size_t nr_fallback, cap_fallback;
};

struct nb_zonelists {
	struct nb_strings strings;
	struct nb_zonelists_node *nodes; /* as printed */
	size_t nr_nodes, cap_nodes;
	bool has_built;
	unsigned nr_zonelists; /* of the Built line */
	bool mobility_grouping;
	uint64_t total_pages;
	const char *policy_zone; /* NULL: no such line (kernels without NUMA) */
};

/* -NB_ENOENT when the text has none of the lines; -NB_EINVAL with the line for a bad number. */
int nb_zonelists_parse(const char *text, size_t len, struct nb_zonelists *z, struct nb_error *err);
void nb_zonelists_from_system(const struct nb_system *sys, struct nb_zonelists *z);
/* Fallback lines, then the policy zone. */
void nb_zonelists_print(const struct nb_zonelists *z, struct nb_text *out);
/* The "Built N zonelists" line alone, when known. */
void nb_zonelists_print_built(const struct nb_zonelists *z, struct nb_text *out);
json_t *nb_zonelists_json(const struct nb_zonelists *z);
void nb_zonelists_release(struct nb_zonelists *z);

#endif
