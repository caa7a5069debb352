/* explain.h -- a calculation worked out step by step, with this machine's numbers.
 *
 * Callers: the command `explain` (topics below), explain's reading of failure reports, labs. Each
 * topic is one function that reads a booted system through numabox/ headers and adds to a sheet:
 * headings, steps in words, tables for people; the same numbers under keys for scripts.
 * Memory: a sheet owns its text and JSON; nb_sheet_release().
 * Topics that need the cost model (latency, bandwidth) stand in src/sim/explain_cost.c.
 */
#ifndef NB_VIEW_EXPLAIN_H
#define NB_VIEW_EXPLAIN_H

#include "base/hosted/text.h"
#include "view/observed.h"
#include "view/table.h"
#include <jansson.h>
#include <numabox/probe.h>

struct nb_sheet {
	struct nb_text text;
	json_t *root;  /* numbers, under their own keys, and "steps" */
	json_t *steps; /* the steps as sentences, headings among them */
	unsigned step; /* number of the last one under this heading */
	bool colour;
};

/* What the command's options say; what a topic has no use for it ignores. */
struct nb_explain_ask {
	struct nb_system *sys;
	const struct nb_observed *observed; /* what the capture printed; NULL: no capture */
	bool began_observed;                /* sys stands as the capture was found */
	nb_gfp_t gfp;
	unsigned order;
	int cpu;                    /* online */
	int node;                   /* NB_NO_NODE: not asked for */
	int zone;                   /* enum nb_zone_type, or -1: not asked for */
	struct nb_task *task;       /* on `cpu`, with the policy that was asked for; NULL: none */
	const char *policy;         /* as the user wrote it, "default" */
	const uint64_t *free_pages; /* what-if values of --free */
	unsigned nr_free_pages;
	const uint64_t *pfns;
	unsigned nr_pfns;
};

void nb_sheet_init(struct nb_sheet *s, const char *topic, bool colour);
void nb_sheet_release(struct nb_sheet *s);
__attribute__((format(printf, 2, 3))) void nb_sheet_heading(struct nb_sheet *s, const char *fmt,
							    ...);
/* A numbered step; a remark has no number. Both are wrapped at 100 columns. */
__attribute__((format(printf, 2, 3))) void nb_sheet_step(struct nb_sheet *s, const char *fmt, ...);
__attribute__((format(printf, 2, 3))) void nb_sheet_note(struct nb_sheet *s, const char *fmt, ...);
/* A table for people; its numbers are the caller's to put into `root`. Releases the table. */
void nb_sheet_table(struct nb_sheet *s, struct nb_table *t);
/* A number, a string, a value in an object: shorter than jansson's own names. */
void nb_put_u64(json_t *o, const char *key, uint64_t v);
void nb_put_i64(json_t *o, const char *key, int64_t v);
void nb_put_str(json_t *o, const char *key, const char *v);
void nb_put_bool(json_t *o, const char *key, bool v);
/* "10548 pages (41.2 MiB)", in one of a few buffers that take turns: for use as printf arguments,
 * at most six in one call. */
struct nb_words {
	char buf[6][80];
	unsigned next;
};
const char *nb_pages(struct nb_words *w, const struct nb_system *sys, uint64_t pages);
const char *nb_bytes(struct nb_words *w, uint64_t bytes);

/* The topics. Each adds to *s; 0, or a negative errno with *err for what the machine does not have
 * (a node, a zone). */
int nb_explain_zones(const struct nb_explain_ask *a, struct nb_sheet *s, struct nb_error *err);
int nb_explain_pfn(const struct nb_explain_ask *a, struct nb_sheet *s, struct nb_error *err);
int nb_explain_watermarks(const struct nb_explain_ask *a, struct nb_sheet *s, struct nb_error *err);
int nb_explain_minfree(const struct nb_explain_ask *a, struct nb_sheet *s, struct nb_error *err);
int nb_explain_placement(const struct nb_explain_ask *a, struct nb_sheet *s, struct nb_error *err);
int nb_explain_fallback(const struct nb_explain_ask *a, struct nb_sheet *s, struct nb_error *err);
int nb_explain_numastat(const struct nb_explain_ask *a, struct nb_sheet *s, struct nb_error *err);
int nb_explain_buddyinfo(const struct nb_explain_ask *a, struct nb_sheet *s, struct nb_error *err);

/* "passes", "short", "pieces", "policy", ...: a verdict for scripts. */
const char *nb_probe_verdict_key(enum nb_probe_verdict v);

#endif
