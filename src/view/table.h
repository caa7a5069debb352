/* table.h -- plain aligned tables for people.
 *
 * Called by summary, verify, sim, compare. Cells are text; a column is as wide as its widest cell;
 * numbers stand right, words left. Colour only when the caller says so (a terminal): a cell's style
 * then is an ANSI sequence around its text, never counted as width. Zeroed means empty.
 */
#ifndef NB_VIEW_TABLE_H
#define NB_VIEW_TABLE_H

#include "base/hosted/text.h"

enum nb_table_align { NB_TABLE_LEFT, NB_TABLE_RIGHT };
enum nb_table_style { NB_TABLE_PLAIN, NB_TABLE_BOLD, NB_TABLE_GOOD, NB_TABLE_WARN, NB_TABLE_BAD };

struct nb_table_cell {
	char *text;
	enum nb_table_style style;
	bool set; /* one style was given for this cell */
};

struct nb_table {
	struct nb_table_cell *cells; /* row by row; the first row is the heading */
	size_t nr_cells, cap_cells;
	enum nb_table_align *align;
	unsigned nr_columns;
	unsigned column; /* of the next cell */
	unsigned indent; /* blanks before each row */
	bool colour;
};

/* Adds a column with its heading; all columns come before the first cell. */
void nb_table_column(struct nb_table *t, const char *heading, enum nb_table_align align);
/* Fills the next cell, row by row. */
__attribute__((format(printf, 2, 3))) void nb_table_cell(struct nb_table *t, const char *fmt, ...);
__attribute__((format(printf, 3, 4))) void
nb_table_cell_styled(struct nb_table *t, enum nb_table_style style, const char *fmt, ...);
/* Fills the rest of the row with empty cells. */
void nb_table_end_row(struct nb_table *t);
/* Two blanks part the columns; no blanks at a line's end. UTF-8 counts by code points. */
void nb_table_print(const struct nb_table *t, struct nb_text *out);
void nb_table_release(struct nb_table *t);

/* "3840 pages" as people read it: "15.0 MiB"; whole where it is whole ("64 GiB"). */
void nb_text_size(struct nb_text *out, uint64_t bytes);

#endif
