/* madvise.h -- advice that changes pages: madvise_page.c, for madvise.c.
 *
 * Under the mm's lock. Ranges are whole pages of one VMA, in bytes.
 */
#ifndef NB_MM_MADVISE_H
#define NB_MM_MADVISE_H

#include "mm/rmap.h"

/* MADV_FREE: private pages of [start, end) may be dropped instead of being swapped out, until they
 * are written to again. */
void nb_madvise_free(struct nb_task *t, uint64_t start, uint64_t end);
/* MADV_COLD, or with pageout MADV_PAGEOUT: pages that nobody else maps look unused, or go now. */
void nb_madvise_cold(struct nb_task *t, struct nb_vma *v, uint64_t start, uint64_t end,
		     bool pageout);
/* MADV_WILLNEED of memory: what was swapped out comes back into the swap cache. 0. */
int nb_madvise_swap_in(struct nb_task *t, struct nb_vma *v, uint64_t start, uint64_t end);
/* MADV_COLLAPSE: huge pages now. 0, -NB_EINVAL, -NB_ENOMEM. */
int nb_madvise_collapse(struct nb_task *t, struct nb_vma *v, uint64_t start, uint64_t end);

#endif
