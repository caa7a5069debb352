/* extfrag.h -- the kernel's two fragmentation indices per zone and order.
 *
 * Callers: show, fragmentation, verify. Values in thousandths, as the kernel computes them:
 *   extfrag_index   -1000: a free block is there; towards 0: too little memory; towards 1000:
 *                   memory enough but in pieces
 *   unusable_index  0..1000: share of free memory that is of no use to that order
 * Source: mm/vmstat.c, extfrag_show_print(), unusable_show_print(); facts 7 (fragmentation_index).
 */
#ifndef NB_VIEW_EXTFRAG_H
#define NB_VIEW_EXTFRAG_H

#include "view/buddyinfo.h"

enum nb_extfrag_kind { NB_EXTFRAG_INDEX, NB_EXTFRAG_UNUSABLE };

struct nb_extfrag_row {
	int nid;
	const char *zone;
	int type;
	unsigned nr_orders;
	int milli[NB_VIEW_MAX_ORDERS];
	const char *raw;
};

struct nb_extfrag {
	struct nb_strings strings;
	enum nb_extfrag_kind kind;
	struct nb_extfrag_row *rows;
	size_t nr_rows, cap_rows;
	bool cut;
};

int nb_extfrag_parse(const char *text, size_t len, enum nb_extfrag_kind kind, struct nb_extfrag *x,
		     struct nb_error *err);
void nb_extfrag_from_buddyinfo(const struct nb_buddyinfo *b, enum nb_extfrag_kind kind,
			       struct nb_extfrag *x);
void nb_extfrag_from_system(const struct nb_system *sys, enum nb_extfrag_kind kind,
			    struct nb_extfrag *x);
void nb_extfrag_print(const struct nb_extfrag *x, struct nb_text *out);
json_t *nb_extfrag_json(const struct nb_extfrag *x);
void nb_extfrag_release(struct nb_extfrag *x);
size_t nb_extfrag_nr_raw(const struct nb_extfrag *x);

/* The indices themselves, in thousandths, of free block counts nr_free[0..nr_orders). */
int nb_extfrag_index(const uint64_t *nr_free, unsigned nr_orders, unsigned order);
int nb_unusable_index(const uint64_t *nr_free, unsigned nr_orders, unsigned order);

#endif
