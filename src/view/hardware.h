/* hardware.h -- what `numactl --hardware` prints: nodes, CPUs, sizes, distances.
 *
 * Callers: show, the capture reader (a saved numactl output), summary. Sizes are MiB, floor.
 * Source: numactl 2.0.16, numactl.c, hardware(); facts 12.8.
 */
#ifndef NB_VIEW_HARDWARE_H
#define NB_VIEW_HARDWARE_H

#include "base/hosted/text.h"
#include "view/strings.h"
#include <jansson.h>
#include <numabox/error.h>
#include <numabox/system.h>

struct nb_hardware_node {
	int nid;
	int *cpus;
	size_t nr_cpus, cap_cpus;
	bool has_size, has_free; /* false: "<not available>" */
	uint64_t size_mib, free_mib;
};

struct nb_hardware {
	struct nb_strings strings;
	struct nb_hardware_node *nodes; /* ascending id */
	size_t nr_nodes, cap_nodes;
	unsigned *distances; /* nr_nodes x nr_nodes; NULL: "No distance information available." */
	const char *raw;     /* the whole text, where no rule gives it back; else NULL */
};

/* -NB_EINVAL with the line: no node line, NUL bytes, a number that is none. */
int nb_hardware_parse(const char *text, size_t len, struct nb_hardware *h, struct nb_error *err);
void nb_hardware_from_system(const struct nb_system *sys, struct nb_hardware *h);
void nb_hardware_print(const struct nb_hardware *h, struct nb_text *out);
json_t *nb_hardware_json(const struct nb_hardware *h);
void nb_hardware_release(struct nb_hardware *h);
/* Out of a capture's node files (meminfo, cpulist, distance), as numactl would read them; false
 * when there is no node. */
struct nb_observed;
bool nb_hardware_from_observed(const struct nb_observed *o, struct nb_hardware *h);
/* Adds a node without CPUs; for whoever fills one by hand. Ascending ids. */
struct nb_hardware_node *nb_hardware_add_node(struct nb_hardware *h, int nid);
void nb_hardware_add_cpu(struct nb_hardware_node *n, int cpu);

#endif
