/* snapshot.h -- a recorded kernel's own words, for tests that compare a single formula with them.
 *
 * Test-side and small on purpose: it shares no code with src/read, so that a fault there cannot
 * hide one here. Fills a bare nb_system (nodes, zones, CPUs, distances; no memory map, no free
 * lists) by hand. Everything comes from malloc and goes with snap_free().
 */
#ifndef TESTS_ORACLE_SNAPSHOT_H
#define TESTS_ORACLE_SNAPSHOT_H

#include "mm/mmzone.h"

#define SNAP_MAX_NODES 64
#define SNAP_MAX_ZONES (SNAP_MAX_NODES * NB_MAX_NR_ZONES)

/* One zone as zoneinfo prints it; NB_UNKNOWN where it prints nothing. */
struct snap_zone {
	int nid;
	enum nb_zone_type type;
	uint64_t boost, min, low, high, promo, spanned, present, managed, cma, start_pfn;
	uint64_t protection[NB_MAX_NR_ZONES];
	unsigned nr_protection;
	unsigned nr_pagesets;
	uint64_t pcp_high[256], pcp_batch, threshold;
};

struct snapshot {
	char path[1024];
	char *dmesg; /* never NULL */
	char release[128];
	struct snap_zone zone[SNAP_MAX_ZONES];
	unsigned nr_zones;
	/* the bare system */
	struct nb_port port;
	struct nb_machine machine;
	struct nb_system sys;
	uint64_t given_back_pages; /* by the Freeing lines, all zones */
};

/* The whole file as a string, or NULL. */
char *snap_read(const char *dir, const char *name);
/* Parses a zoneinfo text; returns the number of zones. */
unsigned snap_zoneinfo(const char *text, struct snap_zone *zone, unsigned max);
/* Loads dir; false when it has no zoneinfo. managed_at_init is set by the boot log's Freeing lines.
 */
bool snap_load(const char *dir, struct snapshot *s);
void snap_free(struct snapshot *s);
struct nb_zone *snap_sys_zone(struct snapshot *s, const struct snap_zone *z);
/* Names of the directories in $NUMABOX_ORACLE/snapshots, sorted; NULL without it. The caller frees
 * all. */
char **snap_list(unsigned *ret_n);
/* First line of the log that contains `what`, from *pos on; NULL at the end. *pos moves past it. */
const char *snap_log(const struct snapshot *s, const char *what, size_t *pos);

#endif
