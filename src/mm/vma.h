/* vma.h -- the mappings of an address space: disjoint address ranges in a balanced tree.
 *
 * Called by task.c (mmap, munmap, mbind), fault.c. Neighbours that are alike are merged, as Linux
 * does; a range that is changed in part is split. Addresses are bytes, whole pages, ends exclusive.
 */
#ifndef NB_MM_VMA_H
#define NB_MM_VMA_H

#include "mm/task.h"

#define NB_MAX_MAP_COUNT 65530u

struct nb_address_space;
struct nb_anon;
struct nb_resv_map;
struct nb_numab_vma;

enum {
	NB_VM_GROWSDOWN = 1 << 0, /* the stack: grows down at faults below it */
	NB_VM_LOCKED = 1 << 1,    /* mlock() */
	NB_VM_LOCKONFAULT = 1 << 2,
	NB_VM_HUGEPAGE = 1 << 3, /* madvise() */
	NB_VM_NOHUGEPAGE = 1 << 4,
	NB_VM_HUGETLB = 1 << 5, /* maps a file of hugetlbfs */
	NB_VM_NORESERVE = 1 << 6,
	NB_VM_SEQ_READ = 1 << 7, /* madvise() */
	NB_VM_RAND_READ = 1 << 8,
	NB_VM_DONTFORK = 1 << 9,
	NB_VM_HEAP = 1 << 10, /* told by views: the brk area */
	NB_VM_STACK = 1 << 11,
	NB_VM_WIPEONFORK = 1 << 12,
	NB_VM_DONTDUMP = 1 << 13,
	NB_VM_ACCOUNT = 1 << 14, /* its pages are promised memory: overcommit.h */
};

/* A VMA's place in a tree of VMAs that map one object, ordered by their first page offset, so that
 * those that map a page are found without a walk over all. */
struct nb_rmap_link {
	struct nb_vma *left, *right;
	unsigned height;
	uint64_t last; /* highest page offset in the subtree */
};

/* Equation (tree): what a node says of its subtree (sub_*) follows from its children's and its own.
 */
struct nb_vma {
	uint64_t start, end;
	/* Page offset of `start` in the mapping: for anonymous memory its page number when it was
	 * made, so that interleaving goes by address. */
	uint64_t pgoff;
	uint64_t inode; /* shared: added to the page's index when interleaving */
	int prot;       /* NB_PROT_* */
	bool shared;
	unsigned flags; /* NB_VM_* */
	struct nb_mm *mm;
	struct nb_mempolicy *policy; /* NULL: the task's */
	/* What it maps: NULL for anonymous private memory. Shared anonymous memory has an unnamed
	 * file of its own (shmem.c). Holds a reference. */
	struct nb_address_space *file;
	struct nb_anon *anon; /* of its anonymous pages (rmap.c); NULL until the first */
	uint64_t swap_ra;     /* read-ahead of swapped pages: swap_in.c; 0: none yet */
	/* Linux's own anon_vma of this VMA, which decides merging: VMAs with the same one may
	 * become one. 0: none yet. A child's VMA has a new one, chained to its parent's. */
	uint32_t anon_id;
	bool anon_chained;

	struct nb_numab_vma *numab; /* balancing.h; NULL: not walked yet */

	/* hugetlb.h: what a private mapping of huge pages has used of its reservation; NULL: it has
	 * none. resv_lost: it lost pages to its parent's copies; faults there kill. */
	struct nb_resv_map *resv;
	bool resv_lost;

	/* rmap.c: its places in the trees of `anon` and of `file`, by page offset; under the locks
	 * of those. What stands from here on is not copied with a VMA. */
	struct nb_rmap_link anon_link, file_link;

	struct nb_vma *left, *right;
	unsigned height, sub_count;
	uint64_t sub_start, sub_end, sub_gap; /* lowest start, highest end, widest gap inside */
};

/* Where a VMA's reach begins: below one that grows down, 256 pages stay free (stack_guard_gap). */
static inline uint64_t nb_vma_guarded_start(const struct nb_vma *v)
{
	uint64_t guard;

	if (!(v->flags & NB_VM_GROWSDOWN))
		return v->start;
	guard = UINT64_C(256) << v->mm->shape.page_shift;
	return v->start > guard ? v->start - guard : 0;
}

/* The VMA that holds addr, or NULL. */
struct nb_vma *nb_vma_find(const struct nb_mm *mm, uint64_t addr);
/* The first VMA that ends above addr, or NULL. */
struct nb_vma *nb_vma_first_above(const struct nb_mm *mm, uint64_t addr);
/* The last VMA that starts below addr, or NULL. */
struct nb_vma *nb_vma_last_below(const struct nb_mm *mm, uint64_t addr);
/* The i-th in address order, or NULL. */
struct nb_vma *nb_vma_at(const struct nb_mm *mm, unsigned i);

/* Highest start of a free range of `len` bytes in [low, high), or 0. */
uint64_t nb_vma_gap_topdown(const struct nb_mm *mm, uint64_t len, uint64_t low, uint64_t high);
/* Lowest one, or 0. */
uint64_t nb_vma_gap_bottomup(const struct nb_mm *mm, uint64_t len, uint64_t low, uint64_t high);

/* Do the sums of the subtree follow from its VMAs? For checks. */
bool nb_vma_tree_ok(const struct nb_vma *v);

void nb_vma_insert(struct nb_mm *mm, struct nb_vma *v);
void nb_vma_remove(struct nb_mm *mm, struct nb_vma *v);
/* Changes the flags of a VMA that is in the tree; the mm's locked_pages and what
 * the system promises follow. */
void nb_vma_set_flags(struct nb_mm *mm, struct nb_vma *v, unsigned flags);
/* Changes the extent of a VMA that is in the tree; its place in the order must not change. Only
 * vma.c calls it: nb_vma_adjust() keeps the trees of rmap.h right as well. */
void nb_vma_resize(struct nb_mm *mm, struct nb_vma *v, uint64_t start, uint64_t end);

/* vma.c. Changes the extent and the page offset of its start. */
void nb_vma_adjust(struct nb_mm *mm, struct nb_vma *v, uint64_t start, uint64_t end,
		   uint64_t pgoff);
/* A copy, in no tree yet, with a reference to the policy; it is in mm. NULL: no memory. */
struct nb_vma *nb_vma_dup(struct nb_mm *mm, const struct nb_vma *v);
/* Cuts v at addr (inside it); the upper part is returned, NULL without memory. */
struct nb_vma *nb_vma_split(struct nb_mm *mm, struct nb_vma *v, uint64_t addr);
/* Joins v with equal neighbours; returns the VMA that now covers it. */
struct nb_vma *nb_vma_merge(struct nb_mm *mm, struct nb_vma *v);
/* Makes VMA borders at start and end. -NB_ENOMEM: memory, or too many VMAs; some border may stand
 * then. */
int nb_vma_isolate(struct nb_mm *mm, uint64_t start, uint64_t end);
/* The same for a range that goes away: more VMAs than allowed may come to be for that while. */
int nb_vma_isolate_for_unmap(struct nb_mm *mm, uint64_t start, uint64_t end);
/* [start, end) of v becomes what `to` says: split, changed, merged with what is alike. Returns the
 * VMA that covers it now; NULL: memory, or too many VMAs (some border may stand then).
 * Source: vma_modify(). */
struct nb_vma_change {
	int prot;
	unsigned flags;
	struct nb_mempolicy *policy; /* of which the VMA takes a reference of its own */
};
struct nb_vma *nb_vma_modify(struct nb_mm *mm, struct nb_vma *v, uint64_t start, uint64_t end,
			     const struct nb_vma_change *to);
/* Frees a VMA that is out of the tree. */
void nb_vma_free(struct nb_mm *mm, struct nb_vma *v);

#endif
