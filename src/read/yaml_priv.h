/* yaml_priv.h -- shared by the parts of the machine file's reader.
 *
 * yaml.c reads the machine and its nodes, yaml_topology.c CPU topology, yaml_tables.c matrices and
 * what was observed.
 */
#ifndef NB_READ_YAML_PRIV_H
#define NB_READ_YAML_PRIV_H

#include "read/yaml_doc.h"
#include <numabox/machine.h>

#define YAML_MAX_RANGES 65536

/* Memory of a node that is laid out when all nodes are known. */
struct yaml_laid {
	int nid;
	uint64_t bytes;
	unsigned flags, line;
};

struct yaml_machine {
	struct nb_machine *m;
	bool has_hole;
	uint64_t hole;
	unsigned hole_line, nodes_line;
	struct yaml_laid *laid; /* NB_MAX_NODES of them */
	unsigned nr_laid;
	uint64_t total_bytes; /* held at UINT64_MAX */
	int *ids;             /* of the nodes, ascending */
};

/* The lists that take their own flags: "range", "hotplug", ... around one range. */
struct yaml_range {
	struct nb_mem_range r;
	bool hotplug, mirror, hotadded, movable, nonvolatile;
};
extern const struct ykey yaml_range_keys[];
int yaml_read_range_of(struct ydoc *d, yaml_node_t *n, void *ctx);
unsigned yaml_range_flags(const struct yaml_range *r);

int yaml_node_id(struct ydoc *d, yaml_node_t *n, int *ret);
int yaml_read_matrix_distances(struct ydoc *d, yaml_node_t *n, void *ctx);
int yaml_read_latency(struct ydoc *d, yaml_node_t *n, void *ctx);
int yaml_read_bandwidth(struct ydoc *d, yaml_node_t *n, void *ctx);
int yaml_read_topology(struct ydoc *d, yaml_node_t *n, void *ctx);
int yaml_read_zones(struct ydoc *d, yaml_node_t *n, void *ctx);
/* After the whole file was read and laid out.
 * A zone cannot have more managed pages than its node has memory, nor more than it says are
 * present. Not looked at where the kernel makes other nodes, or takes memory from a firmware map.
 */
uint64_t yaml_most_managed(const struct nb_machine *m, const struct nb_zone_fact *f);
int yaml_check_zones(const struct nb_machine *m, struct nb_error *err);
int yaml_read_firmware(struct ydoc *d, yaml_node_t *n, void *ctx);
int yaml_read_reserved(struct ydoc *d, yaml_node_t *n, void *ctx);
int yaml_read_affinity(struct ydoc *d, yaml_node_t *n, void *ctx);

/* Names of enum nb_mem_type in machine files, NULL past the end. */
extern const char *const yaml_mem_types[];

#endif
