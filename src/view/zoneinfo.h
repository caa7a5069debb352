/* zoneinfo.h -- /proc/zoneinfo: every zone with its marks, spans, counters and page sets.
 *
 * Callers: show (text and JSON), the capture reader (managed pages and observed state out of a
 *          parsed file), verify (predicted against observed). Fill a struct with one of
 *          nb_zoneinfo_parse() or nb_zoneinfo_from_system(); end with nb_zoneinfo_release().
 * Order:   zones as printed; each zone's `lines` hold the order of what stands in it.
 * Formats: 2.6.24 to 6.18; lines of other kernels are kept raw and printed back.
 * Units:   pages, unless a name says otherwise.
 * Source:  mm/vmstat.c, zoneinfo_show_print(); facts 12.5.
 */
#ifndef NB_VIEW_ZONEINFO_H
#define NB_VIEW_ZONEINFO_H

#include "base/hosted/text.h"
#include "view/item.h"
#include "view/strings.h"
#include <jansson.h>
#include <numabox/error.h>
#include <numabox/system.h>

/* The numbers that stand in a zone under labels of their own. */
enum nb_zoneinfo_field {
	NB_ZI_FREE,
	NB_ZI_BOOST,
	NB_ZI_MIN, /* the four marks include the boost */
	NB_ZI_LOW,
	NB_ZI_HIGH,
	NB_ZI_PROMO,
	NB_ZI_SCANNED,      /* to 4.7 */
	NB_ZI_NODE_SCANNED, /* 4.8 to 4.10 */
	NB_ZI_SPANNED,
	NB_ZI_PRESENT,
	NB_ZI_MANAGED, /* from 3.9 */
	NB_ZI_CMA,
	NB_ZI_NODE_UNRECLAIMABLE, /* from 4.8; 0 or 1 */
	NB_ZI_ALL_UNRECLAIMABLE,  /* to 4.7 */
	NB_ZI_PREV_PRIORITY,      /* to 2.6.35 */
	NB_ZI_START_PFN,
	NB_ZI_INACTIVE_RATIO,      /* 2.6.28 to 4.7 */
	NB_ZI_NODE_INACTIVE_RATIO, /* 4.8 to 4.10 */
	NB_ZI_NR_FIELDS
};

struct nb_zoneinfo_pageset {
	int cpu;
	int hot_cold; /* "pcp: N" of 2.6.24; -1 without */
	bool has_max; /* high_min and high_max are there (6.13 on) */
	bool has_threshold;
	uint32_t count, high, batch, high_min, high_max;
	uint32_t threshold; /* "vm stats threshold" */
	const char *raw;    /* lines as they were, where no rule prints them */
};

enum nb_zoneinfo_line_kind {
	NB_ZI_LINE_FIELD, /* index: enum nb_zoneinfo_field */
	NB_ZI_LINE_PROTECTION,
	NB_ZI_LINE_NODE_STATS, /* the heading "per-node stats" */
	NB_ZI_LINE_NODE_ITEM,  /* index into node_items */
	NB_ZI_LINE_ITEM,       /* index into items */
	NB_ZI_LINE_PAGESETS,   /* the heading "pagesets" */
	NB_ZI_LINE_PAGESET,    /* index into pagesets */
	NB_ZI_LINE_RAW,        /* nothing is known of it */
};

struct nb_zoneinfo_line {
	enum nb_zoneinfo_line_kind kind;
	bool narrow; /* start_pfn as it stood before 4.8, two columns further left */
	uint32_t index;
	const char *raw; /* NULL: printed by rule */
};

struct nb_zoneinfo_zone {
	int nid;
	const char *name; /* "DMA32" */
	int type;         /* enum nb_zone_type, or -1 for a zone Linux has no more */
	const char *raw;  /* the heading line, if no rule prints it */
	unsigned line;    /* of the heading, 1-based; 0: not parsed */
	uint32_t has;     /* bit per enum nb_zoneinfo_field */
	uint64_t field[NB_ZI_NR_FIELDS];
	uint64_t *protection; /* by zone index of that kernel, not by enum nb_zone_type */
	unsigned nr_protection;
	struct nb_items items;      /* zone counters, NUMA events among them */
	struct nb_items node_items; /* per-node counters, in the node's first zone only */
	struct nb_zoneinfo_pageset *pagesets;
	size_t nr_pagesets, cap_pagesets;
	struct nb_zoneinfo_line *lines;
	size_t nr_lines, cap_lines;
};

struct nb_zoneinfo {
	struct nb_strings strings;
	struct nb_zoneinfo_zone *zones;
	size_t nr_zones, cap_zones;
	uint8_t item_indent; /* blanks before a counter: 6, or 4 before 4.8 */
	bool cut;            /* the text ended within a line: the last one is raw */
};

/* Reads a text of any kernel from 2.6.24 on. 0 with *z filled (release it); -NB_EINVAL with line,
 * what was found and what would be right: no zone at all, NUL bytes, text before the first
 * zone's heading, a known label without a whole number. Lines that nobody knows are kept. */
int nb_zoneinfo_parse(const char *text, size_t len, struct nb_zoneinfo *z, struct nb_error *err);
/* What that system's kernel would print now, in the kernel profile's format. */
void nb_zoneinfo_from_system(const struct nb_system *sys, struct nb_zoneinfo *z);
void nb_zoneinfo_print(const struct nb_zoneinfo *z, struct nb_text *out);
json_t *nb_zoneinfo_json(const struct nb_zoneinfo *z);
void nb_zoneinfo_release(struct nb_zoneinfo *z);

/* Is the field there, and its value through *ret (may be NULL)? */
bool nb_zoneinfo_get(const struct nb_zoneinfo_zone *zone, enum nb_zoneinfo_field f, uint64_t *ret);
/* Its key in JSON: "free_pages", "start_pfn". */
const char *nb_zoneinfo_field_key(enum nb_zoneinfo_field f);
/* The zone of that node and name, or NULL. */
const struct nb_zoneinfo_zone *nb_zoneinfo_find(const struct nb_zoneinfo *z, int nid,
						const char *name);
/* Number of lines and page sets that no rule prints: 0 for the kernels that we describe. */
size_t nb_zoneinfo_nr_raw(const struct nb_zoneinfo *z);

#endif
