/* numabox/error.h -- what is wrong, where, and what would be right.
 *
 * Callers: everything that reads outside input or checks a machine. The caller
 *          owns the struct (often on its stack) and may pass NULL.
 * Memory:  none; text is cut at the array's end.
 * The program prints it as one line: "numabox: FILE:LINE: TEXT".
 */
#ifndef NUMABOX_ERROR_H
#define NUMABOX_ERROR_H

#include <numabox/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct nb_error {
	int code;       /* negative errno; 0 while nothing was reported */
	unsigned line;  /* 1-based line in `file`; 0 = no line */
	char file[256]; /* name of the input as the user gave it; may be empty */
	char text[768]; /* field, what was found, what would be right */
};

/* Fills *err (unless NULL or already filled: the first cause is kept) and
 * returns `code`, so that a checker can `return nb_error_set(...)`.
 * `fmt` knows %s %.*s %c %d %u %ld %lu %lld %llu %zu %x %lx %llx %p, widths, 0 and %%. */
__attribute__((format(printf, 4, 5))) int nb_error_set(struct nb_error *err, int code,
						       unsigned line, const char *fmt, ...);

/* Names the input that *err speaks of, if it has no name yet. */
void nb_error_file(struct nb_error *err, const char *file);

#ifdef __cplusplus
}
#endif
#endif
