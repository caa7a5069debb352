/* view.h -- the list of views, and rendering one of them.
 *
 * Callers: show, sim --view, machine:view() in Lua. A view is a form of text over one source: a
 * booted system, or what a capture observed; both go through the same printers. State in, text out.
 */
#ifndef NB_VIEW_VIEW_H
#define NB_VIEW_VIEW_H

#include "base/hosted/text.h"
#include <jansson.h>
#include <numabox/error.h>
#include <numabox/system.h>

struct nb_observed;

/* Where a view takes its numbers. Exactly one is used: `observed` if it is set, else `sys`. */
struct nb_view_source {
	const struct nb_system *sys;
	const struct nb_observed *observed;
	bool captured; /* sys was booted from a capture, which may tell more */
};

enum nb_view_format { NB_VIEW_TEXT, NB_VIEW_JSON };

struct nb_view {
	const char *name;    /* "zoneinfo", "node/N/meminfo" */
	const char *summary; /* one line for help */
	bool per_node;       /* N in the name stands for a node id */
	/* private to view*.c: writes text to *out, or sets *json: the one that is not NULL */
	int (*make)(const struct nb_view_source *src, int nid, struct nb_text *out, json_t **json,
		    struct nb_error *err);
};

/* The i-th view, the default ("summary") first; NULL past the end. */
const struct nb_view *nb_view_at(unsigned i);

/* The view of that name; *ret_nid gets the node of "node/3/meminfo", NB_NO_NODE otherwise.
 * NULL with *err naming the nearest views (or all) for any other name. */
const struct nb_view *nb_view_find(const char *name, int *ret_nid, struct nb_error *err);

/* Appends the view to `out`; JSON is indented by two and ends in a newline. 0; -NB_ENODEV no such
 * node; -NB_ENOENT the capture does not hold it, with *err saying what is missing. On failure
 * nothing is appended. */
int nb_view_render(const struct nb_view *v, int nid, const struct nb_view_source *src,
		   enum nb_view_format format, struct nb_text *out, struct nb_error *err);

/* The view as a JSON object, a new reference, for callers that put several into one document. */
int nb_view_json(const struct nb_view *v, int nid, const struct nb_view_source *src, json_t **ret,
		 struct nb_error *err);

/* Appends a JSON value in the form that every command prints: indented by two, keys in the order
 * they were set, a newline at the end. */
void nb_json_write(const json_t *j, struct nb_text *out);
/* A number that JSON readers take as one: past 2^63 - 1 it becomes a real. */
json_t *nb_json_u64(uint64_t v);
/* A string; bytes that are no UTF-8 become '?', so that it always is one. */
json_t *nb_json_string(const char *s);

#endif
