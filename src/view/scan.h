/* scan.h -- what the parsers of this floor share: lines, words and numbers, with their positions.
 *
 * Called by the forms' parsers only. Input is untrusted bytes with a length; nothing here reads
 * past it, and nothing is kept of it. Numbers are decimal, unsigned, of at most 64 bits.
 */
#ifndef NB_VIEW_SCAN_H
#define NB_VIEW_SCAN_H

#include "base/hosted/text.h"
#include "view/strings.h"
#include <numabox/error.h>

/* Adds one zeroed element at the end of an array that *v points to, doubling it as needed; returns
 * it. `v` is the address of the array's pointer. */
void *nb_append(void *v, size_t *n, size_t *cap, size_t size);

/* Lines of a text, one after the other. */
struct nb_scan {
	const char *text;
	size_t len, pos;
	unsigned line; /* number of the current one, from 1 */
	const char *s; /* the current line, without its newline */
	size_t n;
	bool cut; /* the current line has no newline: the text ends in it */
};

/* Begins a scan. -NB_EINVAL with the line of the first NUL byte: text has none. */
int nb_scan_begin(struct nb_scan *sc, const char *text, size_t len, struct nb_error *err);
/* Moves to the next line; false at the end. */
bool nb_scan_line(struct nb_scan *sc);
/* The scan's current line as it is, in `p`; or NULL when `printed` is just that line: the rule
 * that every parser ends a line with (item.h). */
const char *nb_scan_raw(const struct nb_scan *sc, struct nb_strings *p,
			const struct nb_text *printed);
/* Fills *err: "WHAT: expected EXPECTED, found 'the line's beginning'", and returns -NB_EINVAL. */
int nb_scan_fail(const struct nb_scan *sc, struct nb_error *err, const char *what,
		 const char *expected);

/* A place within a line. */
struct nb_cursor {
	const char *p, *end;
};

static inline struct nb_cursor nb_cursor(const char *s, size_t n)
{
	return (struct nb_cursor){s, s + n};
}
/* The current line from behind its leading blanks, without a CR at its end. */
struct nb_cursor nb_scan_cursor(const struct nb_scan *sc);
bool nb_cur_end(const struct nb_cursor *c);
/* Skips blanks (spaces and tabs); true if there were any. */
bool nb_cur_blanks(struct nb_cursor *c);
/* Takes that very text, or nothing. */
bool nb_cur_lit(struct nb_cursor *c, const char *text);
/* Takes a number; false (nothing taken) without a digit or past 64 bits. */
bool nb_cur_u64(struct nb_cursor *c, uint64_t *ret);
/* The same with a bound: values above `max` are no number here. */
bool nb_cur_max(struct nb_cursor *c, uint64_t max, uint64_t *ret);
/* The same for hex digits, without 0x. */
bool nb_cur_hex(struct nb_cursor *c, uint64_t *ret);
/* Takes the bytes up to a blank or to `stop` (0: blanks only); returns their number. */
size_t nb_cur_word(struct nb_cursor *c, char stop, const char **ret);

/* Takes "Node N, zone NAME" from the beginning of a line; *ret_zone in `p`. */
bool nb_cur_node_zone(struct nb_cursor *c, struct nb_strings *p, int *ret_nid,
		      const char **ret_zone, int *ret_type);
/* Takes off a line what logs put before a kernel's message: "[   34.283262] ", "<6>", or syslog's
 * "Jan  1 00:00:00 host kernel: "; nothing if there is none. */
void nb_cur_timestamp(struct nb_cursor *c);

#endif
