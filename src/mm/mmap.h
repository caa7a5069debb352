/* mmap.h -- what of mmap.c other files of mm call. */
#ifndef NB_MM_MMAP_H
#define NB_MM_MMAP_H

#include "mm/task.h"

/* Unmaps everything, for the last task of an address space. */
void nb_mm_unmap_all(struct nb_task *t);

#endif
