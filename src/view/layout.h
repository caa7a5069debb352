/* layout.h -- the boot log's lines on zones and node ranges.
 *
 *   Zone ranges:
 *     DMA      [mem 0x0000000000001000-0x0000000000ffffff]
 *     Normal   empty
 *   Movable zone start for each node
 *     Node 1: 0x0000000140000000
 *   Early memory node ranges
 *     node   0: [mem 0x0000000000001000-0x000000000009efff]
 *   Initmem setup node 0 [mem 0x0000000000001000-0x000000003fffffff]
 *
 * Kernels before 3.5 print frame numbers, ends exclusive, in decimal (2.6.24) or hex; the model
 * holds bytes all the same.
 *
 * Callers: show, the capture reader and verify (out of a boot log, as zonelists.h).
 * Units: bytes, ends inclusive as printed. Source: mm/mm_init.c, free_area_init().
 */
#ifndef NB_VIEW_LAYOUT_H
#define NB_VIEW_LAYOUT_H

#include "base/hosted/text.h"
#include "view/strings.h"
#include <jansson.h>
#include <numabox/error.h>
#include <numabox/system.h>

struct nb_layout_range {
	int nid;             /* NB_NO_NODE: a zone's range */
	const char *zone;    /* NULL: a node's range */
	bool empty;          /* "empty", "as memoryless" */
	uint64_t start, end; /* bytes, end inclusive */
};

struct nb_layout_ranges {
	struct nb_layout_range *v;
	size_t n, cap;
};

struct nb_layout {
	struct nb_strings strings;
	bool pfns; /* kernels before 3.5: "Zone PFN ranges:", frame numbers of 4 KiB */
	bool has_zones, has_movable, has_nodes; /* the headings were there */
	struct nb_layout_ranges zones;          /* Zone ranges */
	struct nb_layout_ranges movable;        /* nid and start of each node with a Movable zone */
	struct nb_layout_ranges nodes;          /* Early memory node ranges */
	struct nb_layout_ranges initmem;        /* Initmem setup node */
};

/* -NB_ENOENT when the text has none of the lines; -NB_EINVAL with the line for a bad range. */
int nb_layout_parse(const char *text, size_t len, struct nb_layout *l, struct nb_error *err);
void nb_layout_from_system(const struct nb_system *sys, struct nb_layout *l);
void nb_layout_print(const struct nb_layout *l, struct nb_text *out);
json_t *nb_layout_json(const struct nb_layout *l);
void nb_layout_release(struct nb_layout *l);

#endif
