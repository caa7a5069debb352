/* hugetlb_boot.h -- gigantic pages that the command line takes from the firmware's memory.
 *
 * Called by watermark.c. They are taken before the free lists exist and come back into the count
 * of managed pages only when hugetlb starts, so the first pass over marks and reserves
 * misses them (facts part 6, protection[]).
 */
#ifndef NB_MM_HUGETLB_BOOT_H
#define NB_MM_HUGETLB_BOOT_H

#include "mm/mmzone.h"

/* Fills zone->gigantic_pages of every zone from hugepagesz= and hugepages=. */
void nb_boot_gigantic_pages(struct nb_system *sys);

#endif
