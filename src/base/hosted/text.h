/* text.h -- a growing text buffer, and the program's own malloc.
 *
 * Called by the hosted floors (view and up); the core never. Running out of host
 * memory ends the program with one line on stderr and status 2: no caller checks.
 */
#ifndef NB_BASE_HOSTED_TEXT_H
#define NB_BASE_HOSTED_TEXT_H

#include <numabox/types.h>
#include <stdarg.h>

struct nb_text {
	char *s;    /* NUL-terminated; NULL while nothing was added */
	size_t len; /* without the NUL */
	size_t cap;
};

__attribute__((format(printf, 2, 3))) void nb_text_printf(struct nb_text *t, const char *fmt, ...);
void nb_text_vprintf(struct nb_text *t, const char *fmt, va_list ap);
void nb_text_add(struct nb_text *t, const char *s, size_t len);
void nb_text_puts(struct nb_text *t, const char *s);
/* Adds a set of numbers below nbits as Linux writes it: "0-3,8". */
void nb_text_add_list(struct nb_text *t, const uint64_t *bits, unsigned nbits);
/* The contents as a C string, never NULL. Owned by the buffer. */
const char *nb_text_str(const struct nb_text *t);
void nb_text_clear(struct nb_text *t);   /* reusable, memory kept */
void nb_text_release(struct nb_text *t); /* memory freed */

void *nb_xcalloc(size_t n, size_t size);
void *nb_xrealloc(void *p, size_t n, size_t size);
char *nb_xstrdup(const char *s);
char *nb_xstrndup(const char *s, size_t n);

/* Walks lines of a text that need not be NUL-terminated: *pos moves past the line; false at the
 * end. The line comes without its newline (and without a CR before it). */
bool nb_next_line(const char *text, size_t len, size_t *pos, const char **ret_line,
		  size_t *ret_len);

#endif
