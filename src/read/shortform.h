/* shortform.h -- "2x32G:8,dist=21": a machine in a word.
 *
 * Called by machine.c and tests. Grammar (docs/formats.md, Short form):
 *     TERM[+TERM]...[,dist=N][,hole=SIZE]      TERM: [COUNTx]SIZE[:CPUS]
 */
#ifndef NB_READ_SHORTFORM_H
#define NB_READ_SHORTFORM_H

#include <numabox/machine.h>

/* Does the word look like the short form: a digit, then "x" or a size? Says nothing about its being
 * right. */
bool nb_shortform_looks_like(const char *word);

/* Fills an empty machine; does not seal it. 0; -NB_EINVAL or -NB_ERANGE with *err naming the
 * part that is wrong. `len` bytes of `word` are read. */
int nb_read_shortform(struct nb_machine *m, const char *word, size_t len, struct nb_error *err);

#endif
