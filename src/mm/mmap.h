/* mmap.h -- what of mmap.c other files of mm call. */
#ifndef NB_MM_MMAP_H
#define NB_MM_MMAP_H

#include "mm/task.h"

#define NB_MMAP_MIN_ADDR UINT64_C(65536)       /* vm.mmap_min_addr */
static inline uint64_t nb_mm_page_bytes(const struct nb_mm *mm)
{
	return UINT64_C(1) << mm->shape.page_shift;
}
int nb_do_munmap(struct nb_task *t, uint64_t addr, uint64_t length_bytes);
/* Unmaps everything, for the last task of an address space. */
void nb_mm_unmap_all(struct nb_task *t);

#endif
