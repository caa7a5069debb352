/* pagetable.h -- an address space's page tables: a radix tree with the architecture's levels.
 *
 * Called by fault.c, migrate code and task.c. Each table but the root stands for one page-table
 * page of Linux, which is allocated from the machine's memory as a kernel allocation and counted. A
 * leaf entry is 8 bytes: a frame and flags, or 0. Equation (nb_mm_check()): a leaf's nr == its
 * entries that are not 0; nr_pages == those with a frame; an upper table's nr == its children.
 */
#ifndef NB_MM_PAGETABLE_H
#define NB_MM_PAGETABLE_H

#include "mm/task.h"

enum {
	NB_PTE_PRESENT = 1 << 0,
	NB_PTE_WRITE = 1 << 1,
	NB_PTE_ZERO = 1 << 2, /* the shared page of zeros: no frame of its own */
	NB_PTE_ACCESSED = 1 << 3,
	NB_PTE_DIRTY = 1 << 4,
	NB_PTE_HINT = 1 << 5, /* present, but the next access faults: NUMA balancing */
	NB_PTE_SWAP = 1 << 6, /* not present: a swap entry stands above (swap.h) */
	NB_PTE_HUGE = 1 << 7, /* in a table of level 1: a huge page's first frame, no table below */
	NB_PTE_POISON = 1 << 8, /* not present: the page was lost */
	NB_PTE_EXCLUSIVE =
		1 << 9,    /* an anonymous page that was never shared since it was written */
	NB_PTE_SHIFT = 12, /* the frame stands above */
};

struct nb_ptable {
	nb_pfn_t pfn; /* of its own page; NB_NO_PFN: not accounted */
	uint32_t nr, nr_pages;
	/* of level 1: empty leaves, one for each huge page that could be split (huge_memory.h);
	 * of such a leaf: the next one */
	struct nb_ptable *deposit;
	uint64_t entry[]; /* children, or leaf entries */
};

static inline nb_pfn_t nb_pte_pfn(uint64_t pte)
{
	return pte & NB_PTE_PRESENT && !(pte & NB_PTE_ZERO) ? pte >> NB_PTE_SHIFT : NB_NO_PFN;
}

static inline uint64_t nb_pte_make(nb_pfn_t pfn, unsigned flags)
{
	return pfn << NB_PTE_SHIFT | flags;
}

/* Writes an entry of a leaf and keeps the leaf's counts. */
static inline void nb_pt_set(struct nb_ptable *leaf, unsigned i, uint64_t pte)
{
	uint64_t old = leaf->entry[i];

	leaf->nr += (uint32_t)(pte != 0) - (uint32_t)(old != 0);
	leaf->nr_pages +=
		(uint32_t)(nb_pte_pfn(pte) != NB_NO_PFN) - (uint32_t)(nb_pte_pfn(old) != NB_NO_PFN);
	leaf->entry[i] = pte;
}

/* An entry of a table above the leaves leads to a table, whose address is even, or holds a huge
 * page itself: NB_PTE_PRESENT | NB_PTE_HUGE | ... Walks over leaves pass huge ones by. */
static inline bool nb_pt_is_huge(uint64_t entry)
{
	return entry & NB_PTE_PRESENT;
}

/* Shape of the architecture's tables, and the bytes of user address space. */
struct nb_pt_shape nb_pt_shape(const struct nb_system *sys, uint64_t *ret_task_size);
/* Has the machine tables of five levels, and does its kernel use them? The CPUs' flag la57, or that
 * word on the command line; not with no5lvl. Source: arch/x86/boot/compressed/pgtable_64.c. */
bool nb_pt_is_la57(const struct nb_system *sys);
/* Bytes of a table below the root. */
size_t nb_pt_table_bytes(const struct nb_pt_shape *shape);

/* Position of addr in its leaf. */
static inline unsigned nb_pt_index(const struct nb_mm *mm, uint64_t addr)
{
	return (unsigned)(addr >> mm->shape.page_shift) & ((1u << mm->shape.bits) - 1);
}

/* Bytes that a leaf covers. */
static inline uint64_t nb_pt_leaf_span(const struct nb_mm *mm)
{
	return UINT64_C(1) << (mm->shape.page_shift + mm->shape.bits);
}

/* Position of addr in a table of a level; leaves are level 0. */
unsigned nb_pt_entry_index(const struct nb_mm *mm, unsigned level, uint64_t addr);
/* The table of level `down_to` that covers addr, or NULL. */
struct nb_ptable *nb_pt_table(const struct nb_mm *mm, uint64_t addr, unsigned down_to);
/* The same, made with those above where they are missing. NULL: no memory, or a huge page stands
 * above it. */
struct nb_ptable *nb_pt_make_table(struct nb_task *t, struct nb_mm *mm, uint64_t addr,
				   unsigned down_to);
/* The table whose entry *ret_i maps addr: a leaf, or one of level 1 with a huge page. NULL: none.
 */
struct nb_ptable *nb_pt_mapping(const struct nb_mm *mm, uint64_t addr, unsigned *ret_i);
/* The leaf that covers addr, or NULL. */
struct nb_ptable *nb_pt_leaf(const struct nb_mm *mm, uint64_t addr);
/* The first leaf that covers some of [*addr, end); *addr moves up to where it begins to. NULL:
 * none. */
struct nb_ptable *nb_pt_next_leaf(const struct nb_mm *mm, uint64_t *addr, uint64_t end);
/* The entry of level 1 that covers addr: 0, a huge page's, or a table's (nb_pt_is_huge()); NULL
 * where no table of level 1 is. *ret_table gets that table, for its nr. */
uint64_t *nb_pt_huge_entry(const struct nb_mm *mm, uint64_t addr, struct nb_ptable **ret_table);
/* The same with the tables above made. NULL: no memory. */
uint64_t *nb_pt_make_huge_entry(struct nb_task *t, struct nb_mm *mm, uint64_t addr,
				struct nb_ptable **ret_table);
/* The leaf of addr, made with the tables above it where they are missing. NULL: no memory. */
struct nb_ptable *nb_pt_make_leaf(struct nb_task *t, uint64_t addr);
/* The same in an address space that need not be the task's: fork() fills the child's while the
 * parent runs, so that its policy and CPU place the tables. */
struct nb_ptable *nb_pt_make_leaf_in(struct nb_task *t, struct nb_mm *mm, uint64_t addr);
/* pt_move.c: the entries of [from, from + len) now stand at `to`, where there were none. 0;
 * -NB_ENOMEM: some did not move. */
int nb_pt_move_range(struct nb_task *t, uint64_t from, uint64_t to, uint64_t len);
/* An empty leaf that is in no table yet, by the task's policy; NULL: no memory. And one goes again,
 * of the task's address space. */
struct nb_ptable *nb_pt_new_leaf(struct nb_task *t, struct nb_mm *mm);
void nb_pt_drop_leaf(struct nb_task *t, struct nb_ptable *leaf);
/* Frees the tables of [start, end) that lie wholly in [floor, ceiling), whose leaves are empty. */
void nb_pt_free_range(struct nb_task *t, uint64_t start, uint64_t end, uint64_t floor,
		      uint64_t ceiling);

#endif
