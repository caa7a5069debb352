/* fmt.h -- a small freestanding vsnprintf, numbers and sizes out of text.
 *
 * Called by the core (errors, boot messages) and by every reader. Hosted code may
 * use libc's own printf; the core may not.
 */
#ifndef NB_BASE_FMT_H
#define NB_BASE_FMT_H

#include <numabox/types.h>
#include <stdarg.h>

/* As C99's vsnprintf for %s %.*s %c %d %i %u %x with l, ll, z, widths, '0', '#' and '-' flags,
 * and %%; %p prints 0x and hex digits. Nothing else. Unlike C99's, %#x writes 0x before zero too:
 * so does the kernel, whose messages this prints. */
size_t nb_vsnprintf(char *buf, size_t n, const char *fmt, va_list ap);
__attribute__((format(printf, 3, 4))) size_t nb_snprintf(char *buf, size_t n, const char *fmt, ...);

/* A whole unsigned number (decimal, or 0x hex; no sign, no blanks), all `len` bytes of it.
 * 0, -NB_EINVAL for other text, -NB_ERANGE past 64 bits. */
int nb_parse_u64(const char *s, size_t len, uint64_t *ret);

/* A size with an optional binary suffix K M G T P E (either case, an optional "iB" or "B"
 * after it), with an optional decimal fraction before the suffix ("1.5G"). -NB_EINVAL, -NB_ERANGE.
 */
int nb_parse_size(const char *s, size_t len, uint64_t *ret_bytes);

/* The kernel's simple_strtoull(s, &end, 0): digits (decimal, 0x hex or 0 octal), no suffix;
 * *ret_used bytes were read (0: no number). Wraps like the kernel's. */
uint64_t nb_strtoull(const char *s, size_t len, size_t *ret_used);

/* The kernel's memparse(): a number (decimal, 0x hex or 0 octal) and one suffix letter; stops at
 * the first byte that does not belong; *ret_used bytes were read (0: no number). Wraps like the
 * kernel's. */
uint64_t nb_memparse(const char *s, size_t len, size_t *ret_used);

/* floor(sqrt(x)), as the kernel's int_sqrt(). */
uint64_t nb_int_sqrt(uint64_t x);

size_t nb_strlen(const char *s);
int nb_strcmp(const char *a, const char *b);
int nb_strncmp(const char *a, const char *b, size_t n);
/* Is the text [s, s+len) exactly the word w? */
bool nb_str_is(const char *s, size_t len, const char *w);

/* Sorts n elements of `size` bytes stably; cmp as qsort's. O(n log n), no memory beyond `tmp`
 * (n * size bytes, the caller's). */
void nb_sort(void *base, size_t n, size_t size, void *tmp, int (*cmp)(const void *, const void *));

#endif
