/* meminfo.h -- /proc/meminfo and /sys/devices/system/node/nodeN/meminfo.
 *
 * Callers: show, hardware and free views, the capture reader. One model for both: `nid` tells
 * them apart. Values are KiB where `kib`, else plain counts (HugePages_Total).
 * Source: fs/proc/meminfo.c; drivers/base/node.c, node_read_meminfo(); facts 12.7, 2.5.
 */
#ifndef NB_VIEW_MEMINFO_H
#define NB_VIEW_MEMINFO_H

#include "base/hosted/text.h"
#include "view/item.h"
#include "view/strings.h"
#include <jansson.h>
#include <numabox/error.h>
#include <numabox/system.h>

struct nb_meminfo {
	struct nb_strings strings;
	int nid; /* NB_NO_NODE: the whole machine's */
	struct nb_items items;
	bool cut;
};

/* Either form. -NB_EINVAL with the line: nothing known in it, NUL bytes, a number that is none.
 * A file of one node that speaks of another node's number has that line raw. */
int nb_meminfo_parse(const char *text, size_t len, struct nb_meminfo *m, struct nb_error *err);
void nb_meminfo_from_system(const struct nb_system *sys, struct nb_meminfo *m);
/* -NB_ENODEV without such a node; *m is then empty. */
int nb_node_meminfo_from_system(const struct nb_system *sys, int nid, struct nb_meminfo *m);
void nb_meminfo_print(const struct nb_meminfo *m, struct nb_text *out);
/* Keys are Linux's names in snake_case with their unit: "mem_total_kib", "huge_pages_total". */
json_t *nb_meminfo_json(const struct nb_meminfo *m);
void nb_meminfo_release(struct nb_meminfo *m);

#endif
