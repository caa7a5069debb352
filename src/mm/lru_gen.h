/* lru_gen.h -- the multi-generation lists: what lru.c, vmscan.c and views need of them.
 *
 * Called by lru.c for every page that goes on or off a list while /sys/kernel/mm/lru_gen/enabled
 * is set. A page on a generation's list carries its number + 1 in the bits of PG_MT_MASK, and never
 * PG_ACTIVE. Sequence numbers only grow; a generation's list is seq % NB_MAX_NR_GENS.
 * Invariant: MIN_NR_GENS <= max_seq - min_seq[type] + 1 <= MAX_NR_GENS.
 * Source: include/linux/mm_inline.h, mm/vmscan.c; facts 7.11.
 */
#ifndef NB_MM_LRU_GEN_H
#define NB_MM_LRU_GEN_H

#include "mm/lru.h"

static inline unsigned nb_gen_of_seq(uint64_t seq)
{
	return (unsigned)(seq % NB_MAX_NR_GENS);
}

/* Generation of a page on the lists, or -1. */
static inline int nb_page_gen(const struct nb_page *page)
{
	return (int)((nb_page_flags(page) & PG_MT_MASK) >> PG_MT_SHIFT) - 1;
}

static inline bool nb_gen_is_active(const struct nb_lruvec *v, unsigned gen)
{
	uint64_t max_seq = nb_lru_read(&v->gen.max_seq);

	return gen == nb_gen_of_seq(max_seq) || gen == nb_gen_of_seq(max_seq - 1);
}

/* Accesses through descriptors, as tiers: 0, 1, 2, 3. Source: lru_tier_from_refs(). */
static inline unsigned nb_page_tier(const struct nb_page *page)
{
	uint32_t f = nb_page_flags(page);
	unsigned refs = f & PG_WORKINGSET ? nb_page_refs(page) + 1u : 0u, tier = 0;

	while (1u << tier < refs + 1)
		tier++;
	return tier;
}

/* lru_gen.c: on and off the lists, lruvec locked. Source: lru_gen_add_folio(),
 * lru_gen_del_folio(). */
void nb_lru_gen_add(struct nb_lruvec *v, struct nb_zone *z, struct nb_page *page, bool tail);
void nb_lru_gen_del(struct nb_lruvec *v, struct nb_zone *z, struct nb_page *page);
/* An access through a descriptor. Source: folio_inc_refs(). */
void nb_lru_gen_inc_refs(const struct nb_system *sys, struct nb_page *page);
/* Empty lists, as lru_gen_init_lruvec() leaves them. */
void nb_lru_gen_init(struct nb_lruvec *v);
/* Turns them on or off for the whole system and moves all pages over. */
void nb_lru_gen_enable(struct nb_system *sys, bool on);
/* As the profile's kernels are configured. */
void nb_lru_gen_boot(struct nb_system *sys);
/* What is wrong; 0 or -NB_EIO with *err. */
int nb_lru_gen_check(const struct nb_pgdat *p, const struct nb_lruvec *v, struct nb_error *err);

#endif
