/* vmstat.h -- "name value" lines: /proc/vmstat, nodeN/vmstat, nodeN/numastat.
 *
 * Callers: show, the capture reader, numastat. One model: an ordered list of counters.
 * Source: mm/vmstat.c, vmstat_show(); drivers/base/node.c; facts 12.5, 12.7.
 */
#ifndef NB_VIEW_VMSTAT_H
#define NB_VIEW_VMSTAT_H

#include "base/hosted/text.h"
#include "view/item.h"
#include "view/strings.h"
#include <jansson.h>
#include <numabox/error.h>
#include <numabox/system.h>

struct nb_counters {
	struct nb_strings strings;
	struct nb_items items;
	bool cut;
};

/* -NB_EINVAL with the line: no counter at all, NUL bytes, a line that is not "name number". */
int nb_counters_parse(const char *text, size_t len, struct nb_counters *c, struct nb_error *err);
void nb_counters_print(const struct nb_counters *c, struct nb_text *out);
json_t *nb_counters_json(const struct nb_counters *c);
void nb_counters_release(struct nb_counters *c);

void nb_vmstat_from_system(const struct nb_system *sys, struct nb_counters *c);
/* The two of a node: -NB_ENODEV without such a node; *c is then empty. */
int nb_node_vmstat_from_system(const struct nb_system *sys, int nid, struct nb_counters *c);
int nb_node_numastat_from_system(const struct nb_system *sys, int nid, struct nb_counters *c);

#endif
