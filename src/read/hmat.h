/* hmat.h -- the HMAT as the kernel reads it: who initiates accesses to which memory, and how fast.
 *
 * Caller: verify_tiers.c. acpi.h has latencies and bandwidths for the simulation; here is what
 * sysfs' access classes and the memory tiers are made of, with the kernel's own rounding. Memory:
 * the struct belongs to the caller; nb_hmat_release(). Units:  nanoseconds, MiB/s, as
 * drivers/acpi/numa/hmat.c normalises them; 0: not told.
 */
#ifndef NB_READ_HMAT_H
#define NB_READ_HMAT_H

#include <numabox/error.h>
#include <numabox/types.h>

enum nb_hmat_kind {
	NB_HMAT_READ_LATENCY,
	NB_HMAT_WRITE_LATENCY,
	NB_HMAT_READ_BANDWIDTH,
	NB_HMAT_WRITE_BANDWIDTH,
	NB_HMAT_KINDS
};

#define NB_HMAT_NO_PXM UINT32_MAX

/* One value of the table, by proximity domain. */
struct nb_hmat_value {
	enum nb_hmat_kind kind;
	uint32_t initiator, target, value;
	size_t seq; /* place in the table: of equal ones the last counts */
};

/* A memory domain whose entry names the domain of its processor. */
struct nb_hmat_home {
	uint32_t memory, processor;
};

struct nb_hmat {
	struct nb_hmat_value *value; /* ascending by kind, initiator, target, seq */
	size_t nr_values, cap_values;
	struct nb_hmat_home *home;
	size_t nr_homes, cap_homes;
	uint32_t *initiator; /* domains that a locality structure names, ascending, each once */
	size_t nr_initiators, cap_initiators;
};

/* Reads a table, binary or base64. 0; -NB_EINVAL when it is cut off or no HMAT: the kernel ignores
 * such. */
int nb_hmat_parse(const char *text, size_t len, struct nb_hmat *h);
void nb_hmat_release(struct nb_hmat *h);

/* The processor's domain that the memory's own entry names, or NB_HMAT_NO_PXM. */
uint32_t nb_hmat_home(const struct nb_hmat *h, uint32_t memory);
/* 0: not told. */
uint32_t nb_hmat_value(const struct nb_hmat *h, enum nb_hmat_kind kind, uint32_t initiator,
		       uint32_t target);
/* Does any structure tell this kind of value? */
bool nb_hmat_has(const struct nb_hmat *h, enum nb_hmat_kind kind);

#endif
