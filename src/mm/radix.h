/* radix.h -- a radix tree: from a page's offset in a file to the page.
 *
 * Called by address_space.c, filemap.c, shmem.c, writeback.c. 64 slots a node, nodes from a pool,
 * as many levels as the highest index needs. An entry is 64 bits whose low two say what it is:
 *
 *     0  nothing (all zero), or a node below        2  a value: what is left of a page that went
 *     1  a page: its frame above                    3  a sibling: part of the entry to its left
 *
 * An entry of order o stands at an aligned index and covers 1 << o of them: one slot in a node of
 * shift o / 6 * 6, and siblings behind it. Marks belong to entries; a node's bit in a mark's word
 * says that something below has it, so that a search by mark skips what has none.
 * Equations (nb_radix_check()): used == the slots that are not 0; values == those of them that are
 * values, and their siblings; a bit of an upper node's mark ==
 * the child has any bit of it; no node but the root is empty.
 * Threads: none of its own; the owner's lock, for lookups too. The idea is the kernel's XArray
 * (lib/xarray.c).
 */
#ifndef NB_MM_RADIX_H
#define NB_MM_RADIX_H

#include "mm/pool.h"

#define NB_RADIX_BITS 6u
#define NB_RADIX_SLOTS 64u

enum nb_mark {
	NB_MARK_DIRTY,
	NB_MARK_WRITEBACK,
	NB_MARK_TOWRITE,
	NB_MARK_READING, /* ours: what the kernel tells by a page that is locked and not uptodate */
	NB_NR_MARKS
};

struct nb_radix_node {
	struct nb_radix_node *parent;
	uint8_t shift;   /* of the index, for this node's slots */
	uint8_t offset;  /* its slot in the parent */
	uint16_t nid;    /* the tree's when it was made */
	bool listed;     /* by who is told of changes: `older` and `newer` are its */
	uint64_t used;   /* bit a slot */
	uint64_t values; /* slots of value entries */
	struct nb_radix *tree;
	struct nb_radix_node *older, *newer;
	uint64_t mark[NB_NR_MARKS];
	uint64_t slot[NB_RADIX_SLOTS];
};

struct nb_radix {
	struct nb_radix_node *root;
	struct nb_pool *pool; /* of nodes; nb_radix_pool_init() */
	uint64_t nr_nodes;
	/* A hint: the lowest node that the last lookup ended in, and the index >> NB_RADIX_BITS
	 * that it stands for. Most lookups are for the page beside the last one. */
	struct nb_radix_node *last;
	uint64_t last_place;
	uint16_t nid; /* of the nodes that are made next: position of a node of the machine */
	/* Told when a node has come to hold only values and is not `listed`, or is and holds them
	 * no more, as one that goes (used is 0 then); may be NULL. Source: xas_set_update(). */
	void (*changed)(struct nb_radix_node *n);
};

/* Is nothing left in the node but values? */
static inline bool nb_radix_only_values(const struct nb_radix_node *n)
{
	return n->used && n->used == n->values;
}

static inline uint64_t nb_radix_page(nb_pfn_t pfn)
{
	return pfn << 2 | 1;
}

static inline bool nb_radix_is_page(uint64_t entry)
{
	return (entry & 3) == 1;
}

/* Frame of a page entry, value of a value entry (62 bits). */
static inline uint64_t nb_radix_number(uint64_t entry)
{
	return entry >> 2;
}

static inline uint64_t nb_radix_value(uint64_t value)
{
	return value << 2 | 2;
}

static inline bool nb_radix_is_value(uint64_t entry)
{
	return (entry & 3) == 2;
}

/* Makes a pool that nodes can come from. */
void nb_radix_pool_init(struct nb_pool *pool);
void nb_radix_init(struct nb_radix *t, struct nb_pool *pool);
/* Gives every node back; entries are forgotten. */
void nb_radix_release(struct nb_system *sys, struct nb_radix *t);

/* The entry that covers index, or 0. */
uint64_t nb_radix_load(const struct nb_radix *t, uint64_t index);
/* Order of the entry that covers index; 0 where none does. */
unsigned nb_radix_order(const struct nb_radix *t, uint64_t index);
/* Puts a page or value of that order at an aligned index. Values that stand in its way go, their
 * number (entries) is added to *values (may be NULL). 0; -NB_EEXIST: a page stands there, nothing
 * is changed; -NB_ENOMEM: values may be gone. */
int nb_radix_store(struct nb_system *sys, struct nb_radix *t, uint64_t index, unsigned order,
		   uint64_t entry, uint64_t *values);
/* Another entry in the place of the one that covers index; marks and order stay. Returns the old
 * one, or 0 where there is none: nothing is changed then. */
uint64_t nb_radix_replace(struct nb_radix *t, uint64_t index, uint64_t entry);
/* A value in the place of the page that covers index, which is there; its marks go. */
void nb_radix_retire(struct nb_radix *t, uint64_t index, uint64_t value);
/* Takes the whole entry that covers index out. Returns it, or 0. */
uint64_t nb_radix_erase(struct nb_system *sys, struct nb_radix *t, uint64_t index);

/* Takes out a node that holds only values. How many entries these were. */
uint64_t nb_radix_drop_node(struct nb_system *sys, struct nb_radix_node *n);

/* The first entry that covers something of [*index, last]; *index becomes its own first index. 0:
 * none, *index is undefined. */
uint64_t nb_radix_next(const struct nb_radix *t, uint64_t *index, uint64_t last);
/* The same among those with a mark. */
uint64_t nb_radix_next_marked(const struct nb_radix *t, uint64_t *index, uint64_t last,
			      enum nb_mark mark);
/* The last entry that covers something of [first, *index]. */
uint64_t nb_radix_prev(const struct nb_radix *t, uint64_t *index, uint64_t first);
/* First index in [index, index + max) that no page covers, or index + max.
 * Source: page_cache_next_miss(). */
uint64_t nb_radix_next_gap(const struct nb_radix *t, uint64_t index, uint64_t max);
/* Last index in (index - max, index] that no page covers, or index - max; UINT64_MAX when it
 * would lie below 0. Source: page_cache_prev_miss(). */
uint64_t nb_radix_prev_gap(const struct nb_radix *t, uint64_t index, uint64_t max);

/* Marks of the entry that covers index; without one nothing happens. */
void nb_radix_set_mark(struct nb_radix *t, uint64_t index, enum nb_mark mark);
void nb_radix_clear_mark(struct nb_radix *t, uint64_t index, enum nb_mark mark);
bool nb_radix_get_mark(const struct nb_radix *t, uint64_t index, enum nb_mark mark);
/* Has any entry the mark? */
static inline bool nb_radix_marked(const struct nb_radix *t, enum nb_mark mark)
{
	return t->root && t->root->mark[mark];
}
/* Gives TOWRITE to what is DIRTY in [first, last]. Source: tag_pages_for_writeback(). */
void nb_radix_tag_towrite(struct nb_radix *t, uint64_t first, uint64_t last);

/* Counts entries and proves the equations. 0, or -NB_EIO with *err. Any result may be NULL. */
int nb_radix_check(const struct nb_radix *t, uint64_t *ret_pages, uint64_t *ret_values,
		   struct nb_error *err);

#endif
