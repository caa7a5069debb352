/* suggest.c -- edit distance with transpositions, for "did you mean".
 *
 * A candidate is near enough when it differs by at most two edits and by at most a third of its
 * length, or when it begins with the word typed. Ties go to the first one fed.
 * Source: optimal string alignment distance (Damerau 1964).
 */
#include "cli/suggest.h"

#include <stdio.h>
#include <string.h>

enum { NB_WORD_MAX = 64 };

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

static unsigned distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	unsigned row[3][NB_WORD_MAX + 1];

	if (n > NB_WORD_MAX || m > NB_WORD_MAX)
		return NB_WORD_MAX;
	for (unsigned j = 0; j <= m; j++)
		row[0][j] = j;
	for (unsigned i = 1; i <= n; i++) {
		unsigned *cur = row[i % 3], *up = row[(i + 2) % 3], *upup = row[(i + 1) % 3];

		cur[0] = i;
		for (unsigned j = 1; j <= m; j++) {
			unsigned change = up[j - 1] + (a[i - 1] != b[j - 1]);

			cur[j] = min3(up[j] + 1, cur[j - 1] + 1, change);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    upup[j - 2] + 1 < cur[j])
				cur[j] = upup[j - 2] + 1;
		}
	}
	return row[n % 3][m];
}

void nb_nearest_init(struct nb_nearest *n, const char *word)
{
	n->word = word;
	n->best = NULL;
	n->distance = NB_WORD_MAX;
}

void nb_nearest_try(struct nb_nearest *n, const char *candidate)
{
	size_t len = strlen(candidate), typed = strlen(n->word);
	unsigned d = distance(n->word, candidate);
	size_t allowed = len / 3 < 2 ? len / 3 : 2;

	if (typed >= 2 && typed < len && strncmp(n->word, candidate, typed) == 0 && d > 1) {
		d = 1;
		allowed = 1;
	}
	if (d <= allowed && d < n->distance) {
		n->best = candidate;
		n->distance = d;
	}
}

const char *nb_nearest_text(const struct nb_nearest *n, char *buf, size_t size)
{
	if (n->best)
		snprintf(buf, size, "; did you mean '%s'?", n->best);
	else
		snprintf(buf, size, "%s", "");
	return buf;
}
