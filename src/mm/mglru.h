/* mglru.h -- between eviction (mglru.c) and aging (mglru_age.c). Called under the lruvec's lock but
 * for nb_mglru_age().
 */
#ifndef NB_MM_MGLRU_H
#define NB_MM_MGLRU_H

#include "mm/lru_gen.h"
#include "mm/vmscan.h"

#define NB_MIN_LRU_BATCH 64u
#define NB_MAX_LRU_BATCH 4096u

static inline unsigned nb_mglru_nr_gens(const struct nb_lruvec *v, unsigned type)
{
	return (unsigned)(v->gen.max_seq - v->gen.min_seq[type] + 1);
}

/* The next generation for a page of an older one, at the list's tail or head; its tier begins
 * anew. Source: folio_inc_gen(). */
void nb_mglru_inc_gen(struct nb_lruvec *v, struct nb_zone *z, struct nb_page *page, bool tail);
/* Empty oldest generations go. Source: try_to_inc_min_seq(). */
bool nb_mglru_try_to_inc_min_seq(struct nb_lruvec *v, bool can_swap);
/* Are cold pages scarce? *ret_total: pages that could be scanned. Source: should_run_aging(). */
bool nb_mglru_should_age(const struct nb_lruvec *v, bool can_swap, uint64_t *ret_total);
/* Looks for young entries in all page tables, then opens a new youngest generation; false:
 * somebody else did. Source: try_to_inc_max_seq(), walk_mm(), inc_max_seq(). */
bool nb_mglru_age(struct nb_pgdat *p, struct nb_lruvec *v, uint64_t seq, bool can_swap, int holder);

#endif
