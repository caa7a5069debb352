/* text.c -- a growing text buffer, and the program's own malloc.
 *
 * Called by the hosted floors. Invariant: s == NULL and cap == 0, or len < cap and s[len] == NUL.
 * Out of host memory the program ends: no view or reader could do better.
 */
#include "base/hosted/text.h"

#include "base/mask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void out_of_memory(void)
{
	fputs("numabox: out of memory\n", stderr);
	exit(2);
}

void *nb_xcalloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size ? size : 1);

	if (!p)
		out_of_memory();
	return p;
}

void *nb_xrealloc(void *p, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		out_of_memory();
	p = realloc(p, bytes ? bytes : 1);
	if (!p)
		out_of_memory();
	return p;
}

char *nb_xstrndup(const char *s, size_t n)
{
	char *p = nb_xrealloc(NULL, n + 1, 1);

	memcpy(p, s, n);
	p[n] = '\0';
	return p;
}

char *nb_xstrdup(const char *s)
{
	return nb_xstrndup(s, strlen(s));
}

/* Room for `more` bytes and the NUL. */
static void text_grow(struct nb_text *t, size_t more)
{
	size_t need, cap = t->cap ? t->cap : 256;

	if (__builtin_add_overflow(t->len, more, &need) || need >= SIZE_MAX / 2)
		out_of_memory();
	if (need < t->cap)
		return;
	while (cap <= need)
		cap *= 2;
	t->s = nb_xrealloc(t->s, cap, 1);
	t->cap = cap;
}

void nb_text_add(struct nb_text *t, const char *s, size_t len)
{
	text_grow(t, len);
	if (len)
		memcpy(t->s + t->len, s, len);
	t->len += len;
	t->s[t->len] = '\0';
}

void nb_text_puts(struct nb_text *t, const char *s)
{
	nb_text_add(t, s, strlen(s));
}

void nb_text_add_list(struct nb_text *t, const uint64_t *bits, unsigned nbits)
{
	size_t len = nb_bits_format_list(bits, nbits, NULL, 0);

	text_grow(t, len);
	t->len += nb_bits_format_list(bits, nbits, t->s + t->len, len + 1);
}

void nb_text_vprintf(struct nb_text *t, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	text_grow(t, 127);
	n = vsnprintf(t->s + t->len, t->cap - t->len, fmt, ap);
	if (n < 0) {
		fputs("numabox: bad format\n", stderr);
		abort();
	}
	if ((size_t)n >= t->cap - t->len) {
		text_grow(t, (size_t)n);
		vsnprintf(t->s + t->len, t->cap - t->len, fmt, again);
	}
	t->len += (size_t)n;
	va_end(again);
}

void nb_text_printf(struct nb_text *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	nb_text_vprintf(t, fmt, ap);
	va_end(ap);
}

const char *nb_text_str(const struct nb_text *t)
{
	return t->s ? t->s : "";
}

void nb_text_clear(struct nb_text *t)
{
	t->len = 0;
	if (t->s)
		t->s[0] = '\0';
}

void nb_text_release(struct nb_text *t)
{
	free(t->s);
	*t = (struct nb_text){0};
}

bool nb_next_line(const char *text, size_t len, size_t *pos, const char **ret_line, size_t *ret_len)
{
	const char *start, *end;
	size_t n;

	if (*pos >= len)
		return false;
	start = text + *pos;
	end = memchr(start, '\n', len - *pos);
	n = end ? (size_t)(end - start) : len - *pos;
	*pos += n + (end ? 1 : 0);
	if (n && start[n - 1] == '\r')
		n--;
	*ret_line = start;
	*ret_len = n;
	return true;
}
