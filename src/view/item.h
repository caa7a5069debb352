/* item.h -- an ordered list of named numbers, the stuff that /proc is made of.
 *
 * Called by the forms of this floor (vmstat, meminfo, zoneinfo, ...) and by whoever reads their
 * models. Names are static strings or live in the model's nb_strings. Zeroed means empty.
 *
 * The rule of all models here: what a line says stands in typed fields, and the printer writes it
 * by the kernel's format; `raw` holds a line's own bytes only where no such rule gives them back
 * (a line nobody knows, a format of a kernel nobody described), so that parse and print are the
 * identity on every text. For the kernels we describe, no line is raw (tests/oracle/roundtrip.c).
 */
#ifndef NB_VIEW_ITEM_H
#define NB_VIEW_ITEM_H

#include <numabox/types.h>

struct nb_item {
	const char *name;    /* "nr_free_pages", "MemTotal"; NULL: a line that names no number */
	uint64_t value;      /* in the unit that the form prints: pages, KiB, events */
	const char *raw;     /* the line without its newline, or NULL: printed by rule */
	uint8_t label_width; /* meminfo: columns before the number; else unused */
	bool kib;            /* meminfo: " kB" follows the number */
};

struct nb_items {
	struct nb_item *v;
	size_t n, cap;
};

/* Adds one at the end and returns it; `name` is not copied. */
struct nb_item *nb_items_add(struct nb_items *l, const char *name, uint64_t value);
/* The first item of that name, or NULL. Linear. */
const struct nb_item *nb_items_find(const struct nb_items *l, const char *name);
/* Its value through *ret; false (and *ret untouched) without one. */
bool nb_items_get(const struct nb_items *l, const char *name, uint64_t *ret);
/* Its value, or `missing`. */
uint64_t nb_items_value(const struct nb_items *l, const char *name, uint64_t missing);
/* Sets the value of the first item of that name; false without one. */
bool nb_items_set(struct nb_items *l, const char *name, uint64_t value);
/* Number of items that are printed raw. */
size_t nb_items_nr_raw(const struct nb_items *l);
void nb_items_release(struct nb_items *l);

#endif
