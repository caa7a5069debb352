/* huge_memory.h -- transparent huge pages: anonymous memory that is mapped 2 MiB (a PMD) at a time.
 *
 * Called by fault.c, zap.c, vma.c, fork.c, mprotect.c and migration, under the mm's lock. A huge
 * page is one block of the PMD's order: its head carries all that is known of it, each mapping is
 * one entry of level 1 with NB_PTE_HUGE and one mapcount and reference of the head. With each entry
 * (that of the huge page of zeros, too) waits an empty leaf, so that a split never needs memory.
 * Equation (nb_tasks_check()): mm->huge_entries == such entries == leaves that wait.
 * A huge page is either mapped by such entries alone, or it is none any more: what splits one
 * mapping splits the page and all its mappings (docs/deviations.md).
 * Units: a huge page is 1 << nb_thp_order() base pages. Source: mm/huge_memory.c.
 */
#ifndef NB_MM_HUGE_MEMORY_H
#define NB_MM_HUGE_MEMORY_H

#include "mm/pagetable.h"
#include "mm/vma.h"

enum nb_thp_enabled { NB_THP_NEVER, NB_THP_MADVISE, NB_THP_ALWAYS };
enum nb_thp_defrag {
	NB_THP_DEFRAG_NEVER,
	NB_THP_DEFRAG_MADVISE,
	NB_THP_DEFRAG_DEFER_MADVISE,
	NB_THP_DEFRAG_DEFER,
	NB_THP_DEFRAG_ALWAYS,
};

/* What huge pages need of a system; made by boot. */
struct nb_thp {
	bool use_zero_page;
	nb_pfn_t zero_pfn; /* the huge page of zeros; NB_NO_PFN: none yet */
	uint64_t zero_users;
	struct nb_lock lock; /* of those */
	struct nb_khugepaged {
		bool defrag;
		uint64_t pages_to_scan, scan_sleep_ms, alloc_sleep_ms;
		uint64_t max_ptes_none, max_ptes_swap, max_ptes_shared;
		uint64_t pages_collapsed, full_scans;
		/* where the scan stands */
		int pid;
		uint64_t addr, next_ns;
		int last_node; /* target among equals */
		bool awake;
		bool seen;               /* in this pass: something that could become huge */
		void (*wake)(void *ctx); /* NULL: nobody drives it */
		void *ctx;
	} daemon;
};

/* log2 of base pages of a huge page. */
static inline unsigned nb_thp_order(const struct nb_mm *mm)
{
	return mm->shape.bits;
}
static inline uint64_t nb_thp_bytes(const struct nb_mm *mm)
{
	return nb_pt_leaf_span(mm);
}

/* huge_tune.c. Boot: settings by command line and size. 0 or -NB_ENOMEM. */
int nb_thp_boot(struct nb_system *sys);
/* May mappings like v have huge pages, as far as settings and advice go? Source:
 * thp_vma_allowable_order(). */
bool nb_thp_enabled(const struct nb_vma *v);
/* What a fault's huge page is asked for with. Source: vma_thp_gfp_mask(). */
nb_gfp_t nb_thp_gfp(const struct nb_vma *v);

/* Is a look at huge pages worth while before base pages are faulted in? */
static inline bool nb_thp_wanted(const struct nb_vma *v)
{
	return v->mm->huge_entries || nb_thp_enabled(v);
}

/* huge_memory.c. The part of [*addr, end) that one huge page covers: true, and *addr moves on,
 * where a huge page is there or was faulted in (*faulted goes up by one), or where *ret_err is an
 * error. false: base pages have to do. */
bool nb_thp_fault(struct nb_task *t, struct nb_vma *v, uint64_t *addr, uint64_t end, bool write,
		  uint64_t *faulted, int *ret_err);
/* Huge pages of [start, end) go; those that are only partly in it are split. */
void nb_thp_zap(struct nb_task *t, uint64_t start, uint64_t end);
/* Entries lose the right to write, or get it at once as base pages' would (`now`). */
void nb_thp_protect(struct nb_vma *v, uint64_t start, uint64_t end, bool now);
/* Huge pages of a range follow their VMA, locked or not. */
void nb_thp_lock_pages(struct nb_task *t, const struct nb_vma *v, uint64_t start, uint64_t end);
/* The huge page at `from` now stands at `to`; false: none is there, or it does not fit, and is
 * split. */
bool nb_thp_move(struct nb_task *t, uint64_t from, uint64_t to, uint64_t len);
/* The parent's huge entries into the child's tables. 0, -NB_ENOMEM. */
int nb_thp_fork(struct nb_task *t, struct nb_vma *child, struct nb_vma *parent);
/* The next huge entry of [*addr, end); *addr moves to it. NULL: none. */
uint64_t *nb_thp_next(const struct nb_mm *mm, uint64_t *addr, uint64_t end,
		      struct nb_ptable **ret_table);
/* An entry maps the huge page of zeros more, or one less. */
void nb_thp_zero_get(struct nb_system *sys);
void nb_thp_zero_put(struct nb_system *sys);
/* Maps a fresh huge page where nothing is and a leaf waits. */
void nb_thp_map(struct nb_task *t, struct nb_vma *v, uint64_t haddr, struct nb_ptable *table,
		uint64_t *entry, struct nb_zone *z, struct nb_page *page);
/* Gives the huge page of zeros back when nobody maps it. */
void nb_thp_shrink_zero(struct nb_system *sys);
/* Counts huge pages that are mapped: NR_ANON_THPS. */
void nb_thp_count(const struct nb_system *sys, struct nb_zone *z, int64_t huge_pages);

/* huge_split.c. The entry at haddr (and the page behind it, wherever it is mapped) becomes base
 * pages. 0; -NB_EAGAIN: somebody else knows of the page, or has its address space locked. */
int nb_thp_split_entry(struct nb_mm *mm, uint64_t haddr, int cpu);
/* The same from the page, of which the caller has one more reference: he keeps it of the head. */
int nb_thp_split_page(struct nb_system *sys, struct nb_zone *z, struct nb_page *page, int holder,
		      int cpu);
/* Every huge page that [start, end) touches; cpu -1: the one that has the mm locked. */
int nb_thp_split_range(struct nb_mm *mm, uint64_t start, uint64_t end, int cpu);
/* Before a border comes to be at addr: whatever is cut by it. */
static inline int nb_thp_split_at(struct nb_mm *mm, uint64_t addr, int cpu)
{
	if (!mm->huge_entries || !(addr & (nb_thp_bytes(mm) - 1)))
		return 0;
	return nb_thp_split_range(mm, addr, addr + 1, cpu);
}

/* khugepaged.c. The address space has something to look at: wakes the daemon where it sleeps.
 * Source: khugepaged_enter_vma(). */
void nb_khugepaged_enter(struct nb_system *sys);
/* Makes the base pages of one aligned range of v a huge page. 0, or an error as
 * MADV_COLLAPSE gives it. */
int nb_collapse_range(struct nb_task *t, struct nb_vma *v, uint64_t haddr, bool daemon);

#endif
