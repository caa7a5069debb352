/* freemem.h -- what procps' `free` prints, in KiB.
 *
 * Callers: show. Derived from a meminfo, observed or of a system.
 * Source: procps-ng 4.0.2, src/free.c, and its library's meminfo.c (used = total - available).
 */
#ifndef NB_VIEW_FREEMEM_H
#define NB_VIEW_FREEMEM_H

#include "view/meminfo.h"

struct nb_freemem {
	uint64_t total_kib, used_kib, free_kib, shared_kib, buff_cache_kib, available_kib;
	uint64_t swap_total_kib, swap_used_kib, swap_free_kib;
};

void nb_freemem_from_meminfo(const struct nb_meminfo *m, struct nb_freemem *f);
/* Reads the table. -NB_EINVAL with the line: no "Mem:" row, a number that is none. */
int nb_freemem_parse(const char *text, size_t len, struct nb_freemem *f, struct nb_error *err);
void nb_freemem_print(const struct nb_freemem *f, struct nb_text *out);
json_t *nb_freemem_json(const struct nb_freemem *f);

#endif
