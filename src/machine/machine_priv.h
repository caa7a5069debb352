/* machine_priv.h -- what machine.c and machine_seal.c share.
 *
 * Included by src/machine only.
 */
#ifndef NB_MACHINE_PRIV_H
#define NB_MACHINE_PRIV_H

#include <numabox/machine.h>

/* Source: facts 3.1 (include/linux/topology.h). */
#define NB_LOCAL_DISTANCE 10
#define NB_REMOTE_DISTANCE 20

#define NB_DEFAULT_LOCAL_LATENCY_PS 80000

/* Physical addresses that x86-64 and arm64 can have. */
#define NB_MAX_ADDRESS_BITS 52

/* Appends *x (`size` bytes) to the array whose pointer variable `array` points at.
 * 0 or -NB_ENOMEM. */
int nb_machine_append(struct nb_machine *m, void *array, unsigned *nr, size_t size, const void *x);

#endif
