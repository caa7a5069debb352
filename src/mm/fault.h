/* fault.h -- pages into an address space and out of it.
 *
 * Called by task.c. Ranges are whole pages inside one VMA where not said otherwise.
 */
#ifndef NB_MM_FAULT_H
#define NB_MM_FAULT_H

#include "mm/pagetable.h"
#include "mm/vma.h"

/* Faults in what is absent of [start, end), page by page; *faulted goes up by one for each. 0,
 * -NB_EFAULT (the protection forbids it), -NB_ENOMEM: it stops there. */
int nb_fault_range(struct nb_task *t, const struct nb_vma *v, uint64_t start, uint64_t end,
		   bool write, uint64_t *faulted);

/* Unmaps the pages of [start, end), of any VMAs, and frees them through the page sets. */
void nb_zap_range(struct nb_task *t, uint64_t start, uint64_t end);

#endif
