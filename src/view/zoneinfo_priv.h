/* zoneinfo_priv.h -- what zoneinfo's parser, printer and filler share. */
#ifndef NB_VIEW_ZONEINFO_PRIV_H
#define NB_VIEW_ZONEINFO_PRIV_H

#include "view/zoneinfo.h"

struct nb_zoneinfo_label {
	const char *word; /* as the line begins, after its blanks */
	const char *text; /* all of the line before the number */
	const char *key;  /* in JSON */
};
/* By enum nb_zoneinfo_field. */
extern const struct nb_zoneinfo_label nb_zoneinfo_labels[NB_ZI_NR_FIELDS];

/* Each prints one line (a page set: all of its lines) by rule, without the last newline. */
void nb_zoneinfo_rule_heading(const struct nb_zoneinfo_zone *zone, struct nb_text *out);
void nb_zoneinfo_rule_line(const struct nb_zoneinfo *z, const struct nb_zoneinfo_zone *zone,
			   const struct nb_zoneinfo_line *l, struct nb_text *out);

/* Append, in the order in which lines are to stand. */
struct nb_zoneinfo_zone *nb_zoneinfo_add_zone(struct nb_zoneinfo *z, int nid, const char *name,
					      int type);
struct nb_zoneinfo_line *nb_zoneinfo_add_line(struct nb_zoneinfo_zone *zone,
					      enum nb_zoneinfo_line_kind kind, size_t index);
struct nb_zoneinfo_line *nb_zoneinfo_add_field(struct nb_zoneinfo_zone *zone,
					       enum nb_zoneinfo_field f, uint64_t v);
struct nb_zoneinfo_pageset *nb_zoneinfo_add_pageset(struct nb_zoneinfo_zone *zone, int cpu);

#endif
