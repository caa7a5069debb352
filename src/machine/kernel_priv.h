/* kernel_priv.h -- the profiles' table, between kernel_table.c and kernel.c. Threads: read only. */
#ifndef NB_MACHINE_KERNEL_PRIV_H
#define NB_MACHINE_KERNEL_PRIV_H

#include <numabox/kernel.h>

/* The default first, then from new to old; the oldest has `since` 0, so that each release has one.
 */
extern const struct nb_kernel_profile nb_kernel_profiles[];
extern const unsigned nb_kernel_nr_profiles;

#endif
