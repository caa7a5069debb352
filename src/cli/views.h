/* views.h -- the names of views for help, completion and errors.
 *
 * Called by the commands that take VIEW. The views themselves live in src/view.
 */
#ifndef NB_CLI_VIEWS_H
#define NB_CLI_VIEWS_H

#include "base/hosted/text.h"
#include <numabox/error.h>

/* The i-th view's name ("node/N/meminfo" with the N), or NULL past the end. */
const char *nb_views_name(unsigned i);
/* Lines "  NAME    what it is", one a view. */
void nb_views_list(struct nb_text *t);
/* 0, or -NB_EINVAL with *err naming the nearest view when there is none of that name. */
int nb_views_check(const char *name, struct nb_error *err);

#endif
