/* showmem.h -- the Mem-Info report of sysrq-m, allocation failures and OOM kills.
 *
 * Callers: show sysrq-m, explain (a pasted failure report), the capture reader.
 * Model:   lines in order; each is a list of "name:value" items, or a row of its own kind. Units
 * are as printed: pages in the first block, KiB elsewhere. Input:   a report by itself or within a
 * boot log: time stamps ("[   34.283262] ") are taken off. Source:  mm/show_mem.c (mm/page_alloc.c
 * before 6.5), show_free_areas(); facts 12.10.
 */
#ifndef NB_VIEW_SHOWMEM_H
#define NB_VIEW_SHOWMEM_H

#include "view/buddyinfo.h"
#include "view/item.h"

enum nb_showmem_kind {
	NB_SHOWMEM_HEAD,    /* "Mem-Info:" */
	NB_SHOWMEM_GLOBAL,  /* " free:851 free_pcp:1764 free_cma:0", pages */
	NB_SHOWMEM_NODE,    /* "Node 0 active_anon:165052kB ... all_unreclaimable? yes" */
	NB_SHOWMEM_ZONE,    /* "Node 0 DMA free:784kB ..." */
	NB_SHOWMEM_RESERVE, /* "lowmem_reserve[]: 0 191 ..." of the zone before it, pages */
	NB_SHOWMEM_BUDDY,   /* "Node 0 DMA: 0*4kB 1*8kB (M) ... = 776kB" */
	NB_SHOWMEM_HUGE,    /* "Node 0 hugepages_total=0 ..." */
	NB_SHOWMEM_TOTAL,   /* "1736 total pagecache pages": one item, name behind the number */
	NB_SHOWMEM_SWAP,    /* "Free swap  = 0kB" */
	NB_SHOWMEM_RAW,
};

struct nb_showmem_line {
	enum nb_showmem_kind kind;
	int nid;          /* NB_NO_NODE where none is named */
	const char *zone; /* ZONE, RESERVE, BUDDY; else NULL */
	int type;         /* enum nb_zone_type or -1 */
	struct nb_items items;
	bool all_unreclaimable; /* NODE, ZONE of old kernels */
	bool has_unreclaimable;
	size_t unreclaimable_at; /* it stands behind that many items */
	bool continued;          /* GLOBAL: begins with a blank */
	unsigned nr;             /* RESERVE: numbers; BUDDY: orders */
	uint64_t v[NB_VIEW_MAX_ORDERS];
	uint8_t letters[NB_VIEW_MAX_ORDERS]; /* BUDDY: bit per enum nb_migratetype */
	uint64_t block_kib;                  /* BUDDY: size of order 0 */
	uint64_t total_kib;                  /* BUDDY */
	const char *raw;
};

struct nb_showmem {
	struct nb_strings strings;
	struct nb_showmem_line *lines;
	size_t nr_lines, cap_lines;
	size_t used; /* bytes of the input up to the report's end */
};

/* Reads the first report of the text: from "Mem-Info:", or without one from the first line of a
 * node or zone, to the first line that is none of it. A cut last line is left out. -NB_ENOENT when
 * there is none, -NB_EINVAL with the line for NUL bytes. */
int nb_showmem_parse(const char *text, size_t len, struct nb_showmem *s, struct nb_error *err);
/* One line of a report, without its prefix, with strings in *p; false: none. The caller releases
 * l->items either way. For readers of logs where other messages stand between. */
bool nb_showmem_line_parse(struct nb_strings *p, const char *s, size_t n,
			   struct nb_showmem_line *l);
void nb_showmem_from_system(const struct nb_system *sys, struct nb_showmem *s);
/* The same, printed on that CPU; -1: the first one online. */
void nb_showmem_on_cpu(const struct nb_system *sys, int cpu, struct nb_showmem *s);
void nb_showmem_print(const struct nb_showmem *s, struct nb_text *out);
json_t *nb_showmem_json(const struct nb_showmem *s);
void nb_showmem_release(struct nb_showmem *s);
size_t nb_showmem_nr_raw(const struct nb_showmem *s);

#endif
