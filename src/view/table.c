/* table.c -- aligned columns for people.
 *
 * Called by summary.c, fragmentation.c and the reports of sim. Cells are collected first; widths
 * follow from the widest of each column. Memory: the table owns copies until it is released.
 */
#include "view/table.h"
#include "view/scan.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static struct nb_table_cell *new_cell(struct nb_table *t)
{
	return nb_append(&t->cells, &t->nr_cells, &t->cap_cells, sizeof(*t->cells));
}

void nb_table_column(struct nb_table *t, const char *heading, enum nb_table_align align)
{
	t->align = nb_xrealloc(t->align, t->nr_columns + 1, sizeof(*t->align));
	t->align[t->nr_columns++] = align;

	struct nb_table_cell *c = new_cell(t);

	c->text = nb_xstrdup(heading);
	c->style = NB_TABLE_BOLD;
	c->set = true;
}

static void put(struct nb_table *t, enum nb_table_style style, const char *fmt, va_list ap)
{
	struct nb_text text = {0};
	struct nb_table_cell *c = new_cell(t);

	nb_text_vprintf(&text, fmt, ap);
	c->text = nb_xstrdup(nb_text_str(&text));
	c->style = style;
	c->set = style != NB_TABLE_PLAIN;
	nb_text_release(&text);
	t->column = (t->column + 1) % t->nr_columns;
}

void nb_table_cell(struct nb_table *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put(t, NB_TABLE_PLAIN, fmt, ap);
	va_end(ap);
}

void nb_table_cell_styled(struct nb_table *t, enum nb_table_style style, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put(t, style, fmt, ap);
	va_end(ap);
}

void nb_table_end_row(struct nb_table *t)
{
	while (t->column)
		nb_table_cell(t, "%s", "");
}

/* Columns on a terminal: code points, which is right for all that we print. */
static unsigned width_of(const char *s)
{
	unsigned n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static const char *sequence(enum nb_table_style style)
{
	switch (style) {
	case NB_TABLE_BOLD:
		return "\033[1m";
	case NB_TABLE_GOOD:
		return "\033[32m";
	case NB_TABLE_WARN:
		return "\033[33m";
	case NB_TABLE_BAD:
		return "\033[31m";
	case NB_TABLE_PLAIN:
		break;
	}
	return "";
}

static void print_cell(const struct nb_table *t, size_t i, unsigned width, bool last,
		       struct nb_text *out)
{
	const struct nb_table_cell *c = &t->cells[i];
	unsigned pad = width - width_of(c->text);
	bool right = t->align[i % t->nr_columns] == NB_TABLE_RIGHT;
	bool colour = t->colour && c->set && *c->text;

	if (right)
		nb_text_printf(out, "%*s", (int)pad, "");
	nb_text_printf(out, "%s%s%s", colour ? sequence(c->style) : "", c->text,
		       colour ? "\033[0m" : "");
	if (!right && !last)
		nb_text_printf(out, "%*s", (int)pad, "");
	if (!last)
		nb_text_puts(out, "  ");
}

/* Is every cell of the row from column `from` on empty? Then the line ends there. */
static bool rest_empty(const struct nb_table *t, size_t row, unsigned from)
{
	for (unsigned c = from; c < t->nr_columns; c++)
		if (*t->cells[row * t->nr_columns + c].text)
			return false;
	return true;
}

void nb_table_print(const struct nb_table *t, struct nb_text *out)
{
	unsigned *width;
	size_t rows;

	if (!t->nr_columns)
		return;
	rows = t->nr_cells / t->nr_columns;
	width = nb_xcalloc(t->nr_columns, sizeof(*width));
	for (size_t i = 0; i < rows * t->nr_columns; i++) {
		unsigned w = width_of(t->cells[i].text);

		if (w > width[i % t->nr_columns])
			width[i % t->nr_columns] = w;
	}
	for (size_t r = 0; r < rows; r++) {
		nb_text_printf(out, "%*s", (int)t->indent, "");
		for (unsigned c = 0; c < t->nr_columns; c++) {
			bool last = rest_empty(t, r, c + 1);

			print_cell(t, r * t->nr_columns + c, width[c], last, out);
			if (last)
				break;
		}
		nb_text_add(out, "\n", 1);
	}
	free(width);
}

void nb_table_release(struct nb_table *t)
{
	for (size_t i = 0; i < t->nr_cells; i++)
		free(t->cells[i].text);
	free(t->cells);
	free(t->align);
	*t = (struct nb_table){0};
}

void nb_text_size(struct nb_text *out, uint64_t bytes)
{
	static const char *const unit[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	unsigned u = 0;

	while (u < 6 && bytes >> (10 * (u + 1)))
		u++;
	if (!(bytes & ((UINT64_C(1) << (10 * u)) - 1)))
		nb_text_printf(out, "%" PRIu64 " %s", bytes >> (10 * u), unit[u]);
	else
		nb_text_printf(out, "%.1f %s", (double)bytes / (double)(UINT64_C(1) << (10 * u)),
			       unit[u]);
}
