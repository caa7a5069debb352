/* fault.h -- pages into an address space and out of it.
 *
 * Called by mmap.c, madvise.c, mlock.c, under the mm's lock. Ranges are whole pages inside one VMA
 * where not said otherwise.
 */
#ifndef NB_MM_FAULT_H
#define NB_MM_FAULT_H

#include "mm/pagetable.h"
#include "mm/vma.h"

#define NB_FAULT_GFP (NB_GFP_HIGHUSER_MOVABLE | NB_GFP_BIT_ZERO)

/* fault.c. Faults in what is absent of [start, end), page by page; *faulted goes up by one for
 * each. 0, -NB_EFAULT (the protection forbids it), -NB_ENOMEM: it stops there. */
int nb_fault_range(struct nb_task *t, struct nb_vma *v, uint64_t start, uint64_t end, bool write,
		   uint64_t *faulted);
/* A page for addr of v where the VMA's policy or the task's wants it: alloc_page_vma(). */
nb_pfn_t nb_fault_alloc(struct nb_task *t, const struct nb_vma *v, uint64_t addr, nb_gfp_t gfp);

/* fault.c. Maps a fresh page that is this mapping's own: counts, rmap, list, entry. */
void nb_fault_map_anon(struct nb_task *t, struct nb_vma *v, uint64_t addr, struct nb_zone *z,
		       struct nb_page *page, struct nb_ptable *leaf, unsigned i);
/* fault_run.c. First writes to addr of v, private memory, and what follows it, at most to the end
 * of the leaf or `max` pages: as many as can be mapped at once with what one by one would leave
 * behind. 0: none can. addr's entry, of that leaf, is empty. */
unsigned nb_fault_anon_run(struct nb_task *t, struct nb_vma *v, uint64_t addr,
			   struct nb_ptable *leaf, unsigned i, unsigned max);
/* fault.c. What faults ask for, in the profile's way. */
nb_gfp_t nb_fault_gfp(const struct nb_system *sys, nb_gfp_t gfp);
/* fault_file.c. A fault on an empty entry of a mapping of a file. 0 (the entry may still be empty
 * or read-only: the access faults again), -NB_EFAULT (behind the end: SIGBUS), -NB_EIO, -NB_ENOMEM.
 */
int nb_fault_file(struct nb_task *t, struct nb_vma *v, uint64_t addr, bool write,
		  struct nb_ptable *leaf, unsigned i);
/* fault_file.c. A write to a page of a shared mapping that is mapped read-only. */
void nb_wp_shared(struct nb_task *t, struct nb_vma *v, struct nb_zone *z, struct nb_page *page,
		  struct nb_ptable *leaf, unsigned i);

/* cow.c. The bytes of a page, in a backed system; all of a large one's. */
void nb_copy_page_bytes(struct nb_zone *fromz, const struct nb_page *from, struct nb_zone *toz,
			const struct nb_page *to);
/* cow.c. A write to an entry that is present and not writable. 0 (also when the page went away
 * meanwhile: the access faults again), -NB_ENOMEM. */
int nb_wp_fault(struct nb_task *t, struct nb_vma *v, uint64_t addr, struct nb_ptable *leaf,
		unsigned i);

/* zap.c. Unmaps the pages of [start, end), of any VMAs; whoever was their last user frees them. */
void nb_zap_range(struct nb_task *t, uint64_t start, uint64_t end);
/* The same for a range of v, a mapping of a file; private copies of its pages stay.
 * Source: zap_pte_range() without even_cows. */
void nb_zap_file_pages(struct nb_task *t, const struct nb_vma *v, uint64_t start, uint64_t end);

#endif
