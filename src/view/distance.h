/* distance.h -- /sys/devices/system/node/nodeN/distance: one row of the distance table.
 *
 * Callers: show, the capture reader. Values to the online nodes in ascending id.
 * Source: drivers/base/node.c, node_read_distance(); facts 12.7 (the leading blank).
 */
#ifndef NB_VIEW_DISTANCE_H
#define NB_VIEW_DISTANCE_H

#include "base/hosted/text.h"
#include <jansson.h>
#include <numabox/error.h>
#include <numabox/system.h>

struct nb_distance {
	unsigned n;
	unsigned v[NB_MAX_NODES];
	bool leading_blank; /* the first online node is not node 0 */
	bool cut;           /* no newline at the end */
};

/* -NB_EINVAL: other text than numbers parted by one blank, more than NB_MAX_NODES of them. */
int nb_distance_parse(const char *text, size_t len, struct nb_distance *d, struct nb_error *err);
/* -NB_ENODEV without such a node. */
int nb_distance_from_system(const struct nb_system *sys, int nid, struct nb_distance *d);
void nb_distance_print(const struct nb_distance *d, struct nb_text *out);
json_t *nb_distance_json(const struct nb_distance *d);

#endif
