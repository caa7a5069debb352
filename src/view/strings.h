/* strings.h -- the strings of one parsed report, each kept once.
 *
 * Called by the parsers of this floor. A report repeats its words (item names of every zone of
 * 1,024 nodes): the pool keeps one copy of each, and the model holds plain C strings that live as
 * long as the model. Memory is bounded by the length of the input. Zeroed means empty.
 */
#ifndef NB_VIEW_STRINGS_H
#define NB_VIEW_STRINGS_H

#include <numabox/types.h>

struct nb_strings {
	struct nb_strings_chunk *chunks;
	const char **table; /* open addressing, power of two */
	size_t nr, cap;
};

/* The pool's own NUL-terminated copy of s[0..len). Same bytes, same pointer. Bytes after an
 * embedded NUL are unreachable as a C string: parsers refuse such text first (nb_scan_text()). */
const char *nb_strings_intern(struct nb_strings *p, const char *s, size_t len);
void nb_strings_release(struct nb_strings *p);

#endif
