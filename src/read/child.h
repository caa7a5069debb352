/* child.h -- work on untrusted input by a library that we do not vouch for, in a process of its
 * own.
 *
 * Called by hwloc_form.c. The child shares nothing with its parent but what it sends back; a crash,
 * a loop or hunger for memory in it is an error here and nothing more. Threads: to be called while
 * the program has one thread (reading a machine comes first).
 */
#ifndef NB_READ_CHILD_H
#define NB_READ_CHILD_H

#include "base/hosted/text.h"
#include <numabox/error.h>

#define NB_CHILD_MAX_MEMORY ((size_t)2 << 30)
#define NB_CHILD_MAX_OUTPUT ((size_t)64 << 20)

/* Runs work(ctx, out, err) in a child for at most `seconds` (of CPU, and of the wall's clock) and
 * appends what it put into `out` to *out. What the child printed to stderr is lost. Returns what
 * `work` returned, with its *err; -NB_EINVAL when the child ended in another way, -NB_EFBIG past a
 * bound; then *err says "`what` cannot be read: ...". */
int nb_in_child(const char *what, unsigned seconds,
		int (*work)(void *ctx, struct nb_text *out, struct nb_error *err), void *ctx,
		struct nb_text *out, struct nb_error *err);

#endif
