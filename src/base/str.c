/* str.c -- the few string functions and the sort that the core needs.
 *
 * Called by every floor. Declared in base/fmt.h. No memory is taken.
 */
#include "base/fmt.h"
#include "base/mem.h"

size_t nb_strlen(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

int nb_strcmp(const char *a, const char *b)
{
	return nb_strncmp(a, b, SIZE_MAX);
}

int nb_strncmp(const char *a, const char *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char x = (unsigned char)a[i], y = (unsigned char)b[i];

		if (x != y)
			return x < y ? -1 : 1;
		if (!x)
			break;
	}
	return 0;
}

bool nb_str_is(const char *s, size_t len, const char *w)
{
	for (size_t i = 0; i < len; i++) {
		if (!w[i] || w[i] != s[i])
			return false;
	}
	return !w[len];
}

/* Merges the sorted runs [0, na) of a and [0, nb) of b into dst; equal elements keep a first. */
static void merge(char *dst, const char *a, size_t na, const char *b, size_t nb, size_t size,
		  int (*cmp)(const void *, const void *))
{
	while (na && nb) {
		if (cmp(b, a) < 0) {
			memcpy(dst, b, size);
			b += size;
			nb--;
		} else {
			memcpy(dst, a, size);
			a += size;
			na--;
		}
		dst += size;
	}
	memcpy(dst, na ? a : b, (na + nb) * size);
}

void nb_sort(void *base, size_t n, size_t size, void *tmp, int (*cmp)(const void *, const void *))
{
	char *from = base, *to = tmp;

	for (size_t run = 1; run < n; run *= 2) {
		char *swap;

		for (size_t i = 0; i < n; i += 2 * run) {
			size_t na = n - i < run ? n - i : run;
			size_t nb = n - i - na < run ? n - i - na : run;

			merge(to + i * size, from + i * size, na, from + (i + na) * size, nb, size,
			      cmp);
		}
		swap = from;
		from = to;
		to = swap;
	}
	if (n && from != base)
		memcpy(base, from, n * size);
}
