/* pagetypeinfo.h -- /proc/pagetypeinfo: free blocks and pageblocks per migrate type.
 *
 * Callers: show, the capture reader. The kernel prints the whole form once per node with memory.
 * Source: mm/vmstat.c, pagetypeinfo_show(); facts 12.6.
 */
#ifndef NB_VIEW_PAGETYPEINFO_H
#define NB_VIEW_PAGETYPEINFO_H

#include "view/buddyinfo.h"

#define NB_VIEW_MAX_TYPES 16

struct nb_pagetypeinfo_free {
	int nid;
	const char *zone;
	int zone_type;
	const char *type; /* "Unmovable" */
	unsigned nr_orders;
	uint64_t nr_free[NB_VIEW_MAX_ORDERS];
	uint32_t capped; /* bit per order: counting stopped there (">100000") */
};

struct nb_pagetypeinfo_blocks {
	int nid;
	const char *zone;
	int zone_type;
	unsigned nr_types; /* columns as in the `types` of their heading */
	uint64_t nr_blocks[NB_VIEW_MAX_TYPES];
};

enum nb_pagetypeinfo_line_kind {
	NB_PTI_LINE_ORDER, /* "Page block order: 9" */
	NB_PTI_LINE_PAGES, /* "Pages per block:  512" */
	NB_PTI_LINE_BLANK,
	NB_PTI_LINE_FREE_HEAD,
	NB_PTI_LINE_FREE, /* index into free */
	NB_PTI_LINE_BLOCKS_HEAD,
	NB_PTI_LINE_BLOCKS, /* index into blocks */
	NB_PTI_LINE_RAW,
};

struct nb_pagetypeinfo_line {
	enum nb_pagetypeinfo_line_kind kind;
	uint32_t index;
	const char *raw; /* NULL: printed by rule */
};

struct nb_pagetypeinfo {
	struct nb_strings strings;
	bool has_order;
	unsigned page_block_order;
	uint64_t pages_per_block;
	unsigned nr_orders; /* columns of the free table */
	unsigned nr_types;  /* columns of the block table */
	const char *types[NB_VIEW_MAX_TYPES];
	struct nb_pagetypeinfo_free *free;
	size_t nr_free_rows, cap_free_rows;
	struct nb_pagetypeinfo_blocks *blocks;
	size_t nr_blocks_rows, cap_blocks_rows;
	struct nb_pagetypeinfo_line *lines;
	size_t nr_lines, cap_lines;
	bool cut;
};

/* -NB_EINVAL with the line: no row at all, NUL bytes, a row with a bad count or too many columns.
 */
int nb_pagetypeinfo_parse(const char *text, size_t len, struct nb_pagetypeinfo *p,
			  struct nb_error *err);
void nb_pagetypeinfo_from_system(const struct nb_system *sys, struct nb_pagetypeinfo *p);
void nb_pagetypeinfo_print(const struct nb_pagetypeinfo *p, struct nb_text *out);
json_t *nb_pagetypeinfo_json(const struct nb_pagetypeinfo *p);
void nb_pagetypeinfo_release(struct nb_pagetypeinfo *p);
/* The migrate type of that name (enum nb_migratetype), "Reserve" of old kernels as
 * NB_MIGRATE_HIGHATOMIC; -1 for others. */
int nb_pagetypeinfo_type(const char *name);
size_t nb_pagetypeinfo_nr_raw(const struct nb_pagetypeinfo *p);

#endif
