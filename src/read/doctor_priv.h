/* doctor_priv.h -- what the checks of `doctor` share.
 *
 * Called by doctor*.c alone. A check adds a finding, then its evidence and advice.
 */
#ifndef NB_READ_DOCTOR_PRIV_H
#define NB_READ_DOCTOR_PRIV_H

#include "read/doctor.h"

/* A new finding of the running check; nid may be NB_NO_NODE. */
__attribute__((format(printf, 4, 5))) void nb_doctor_add(struct nb_doctor *d, enum nb_severity s,
							 int nid, const char *fmt, ...);
/* For the last finding: a number that speaks for it; something to try. */
__attribute__((format(printf, 2, 3))) void nb_doctor_evidence(struct nb_doctor *d, const char *fmt,
							      ...);
__attribute__((format(printf, 2, 3))) void nb_doctor_try(struct nb_doctor *d, const char *fmt, ...);
/* The running check cannot look: why. */
__attribute__((format(printf, 2, 3))) void nb_doctor_skip(struct nb_doctor *d, const char *fmt,
							  ...);

/* A zone as the capture printed it, with the fields that every check needs. */
struct nb_seen_zone {
	const struct nb_zoneinfo_zone *zone;
	uint64_t free, min, low, high, managed, boost;
};
/* The i-th populated zone; false past the end. */
bool nb_seen_zone(const struct nb_doctor *d, size_t i, struct nb_seen_zone *ret);
/* Free pages above the high marks, all zones of a node; -1: no such node. */
int64_t nb_seen_room(const struct nb_doctor *d, int nid);
/* KiB of a node's meminfo; NB_UNKNOWN: not told. */
uint64_t nb_node_kib(const struct nb_doctor *d, int nid, const char *name);
/* A counter of proc/vmstat, of a node's numastat; NB_UNKNOWN: not told. */
uint64_t nb_seen_vmstat(const struct nb_doctor *d, const char *name);
uint64_t nb_seen_numastat(const struct nb_doctor *d, int nid, const char *name);
double nb_percent(uint64_t part, uint64_t all);

/* The checks. */
void nb_check_low_zones(struct nb_doctor *d);
void nb_check_bound_tasks(struct nb_doctor *d);
void nb_check_imbalance(struct nb_doctor *d);
void nb_check_hugepages(struct nb_doctor *d);
void nb_check_min_free(struct nb_doctor *d);
void nb_check_scale_factor(struct nb_doctor *d);
void nb_check_fragmentation(struct nb_doctor *d);
void nb_check_distances(struct nb_doctor *d);
void nb_check_zone_reclaim(struct nb_doctor *d);
void nb_check_page_cache(struct nb_doctor *d);
void nb_check_numa_miss(struct nb_doctor *d);
void nb_check_topology(struct nb_doctor *d);
void nb_check_kernel_words(struct nb_doctor *d);
void nb_check_gave_up(struct nb_doctor *d);
void nb_check_movable(struct nb_doctor *d);
void nb_check_swap(struct nb_doctor *d);
void nb_check_slab(struct nb_doctor *d);
void nb_check_reports(struct nb_doctor *d);

#endif
