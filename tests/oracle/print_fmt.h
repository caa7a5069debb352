/* print_fmt.h -- an event's format file, as a kernel gives it: its fields, and its text for values.
 *
 * Called by event_formats.c. A file of tracefs has the record's fields and a "print fmt": a format
 * and C expressions over REC->field. print_fmt_eval() evaluates these as the kernel (and perf, and
 * trace-cmd) do; what it does not understand fails the test that asks.
 */
#ifndef TESTS_ORACLE_PRINT_FMT_H
#define TESTS_ORACLE_PRINT_FMT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PRINT_FMT_MAX_FIELDS 24

struct print_fmt_field {
	char name[48];
	bool pointer;   /* to something of the kernel's own */
	bool text;      /* characters */
	char label[48]; /* of the printed text where it stands alone ("nr_activate_anon"), or "" */
	uint64_t value; /* for print_fmt_eval() */
	const char *string;
};

struct print_fmt {
	char name[64];
	struct print_fmt_field field[PRINT_FMT_MAX_FIELDS];
	unsigned nr_fields;
	char *text; /* behind "print fmt: "; the caller frees it */
};

/* Reads the next event of an open event_formats.txt; false at its end. */
bool print_fmt_next(void *file, struct print_fmt *f);
/* Fills in the fields' labels. */
void print_fmt_labels(struct print_fmt *f);
struct print_fmt_field *print_fmt_find(struct print_fmt *f, const char *name);
/* The text for the fields' values; as snprintf. */
size_t print_fmt_eval(const struct print_fmt *f, char *buf, size_t n);

#endif
