/* suggest.h -- the nearest word to a misspelt one.
 *
 * Called wherever a name is unknown: commands, options, views, sysctls.
 */
#ifndef NB_CLI_SUGGEST_H
#define NB_CLI_SUGGEST_H

#include <numabox/types.h>

/* One step of looking for the word nearest to `word`: feed every candidate. */
struct nb_nearest {
	const char *word;
	const char *best; /* NULL: none near enough */
	unsigned distance;
};

void nb_nearest_init(struct nb_nearest *n, const char *word);
/* `candidate` must live as long as *n. */
void nb_nearest_try(struct nb_nearest *n, const char *candidate);
/* Writes "; did you mean 'X'?" or "". Returns buf. */
const char *nb_nearest_text(const struct nb_nearest *n, char *buf, size_t size);

#endif
