/* buddyinfo.h -- /proc/buddyinfo: free blocks per zone and order.
 *
 * Callers: show, the capture reader, fragmentation. Populated zones only, as Linux prints them.
 * Units:   blocks of 1 << order pages. Source: mm/vmstat.c, frag_show_print(); facts 12.6.
 */
#ifndef NB_VIEW_BUDDYINFO_H
#define NB_VIEW_BUDDYINFO_H

#include "base/hosted/text.h"
#include "view/strings.h"
#include <jansson.h>
#include <numabox/error.h>
#include <numabox/system.h>

#define NB_VIEW_MAX_ORDERS 32 /* columns that a reader takes; Itanium had 17 */

struct nb_buddyinfo_row {
	int nid;
	const char *zone;
	int type; /* enum nb_zone_type or -1 */
	unsigned nr_orders;
	uint64_t nr_free[NB_VIEW_MAX_ORDERS];
	const char
		*raw; /* the line, if no rule prints it; nr_orders == 0: it says nothing we know */
};

struct nb_buddyinfo {
	struct nb_strings strings;
	struct nb_buddyinfo_row *rows;
	size_t nr_rows, cap_rows;
	bool cut; /* the text ended within a line */
};

/* -NB_EINVAL with the line: no row at all, NUL bytes, a row that is not "Node N, zone NAME
 * counts", more than NB_VIEW_MAX_ORDERS counts. A cut last line is kept raw. */
int nb_buddyinfo_parse(const char *text, size_t len, struct nb_buddyinfo *b, struct nb_error *err);
void nb_buddyinfo_from_system(const struct nb_system *sys, struct nb_buddyinfo *b);
void nb_buddyinfo_print(const struct nb_buddyinfo *b, struct nb_text *out);
json_t *nb_buddyinfo_json(const struct nb_buddyinfo *b);
void nb_buddyinfo_release(struct nb_buddyinfo *b);
const struct nb_buddyinfo_row *nb_buddyinfo_find(const struct nb_buddyinfo *b, int nid,
						 const char *zone);
/* Free pages of a row: blocks times their sizes. */
uint64_t nb_buddyinfo_free_pages(const struct nb_buddyinfo_row *r);
size_t nb_buddyinfo_nr_raw(const struct nb_buddyinfo *b);

#endif
