/* qemu_priv.h -- what a QEMU command line said, between qemu.c (collects), qemu_numa.c (completes
 * and checks, as QEMU does) and qemu_firmware.c (makes the machine).
 *
 * Units: bytes; node and CPU numbers are QEMU's. QEMU's NUMA node numbers are the proximity domains
 * of the SRAT, not Linux's node ids.
 */
#ifndef NB_READ_QEMU_PRIV_H
#define NB_READ_QEMU_PRIV_H

#include "read/acpi_priv.h"
#include "read/qemu_opts.h"
#include <numabox/machine.h>

#define QEMU_MAX_NODES 128
#define QEMU_MAX_BACKENDS 4096
#define QEMU_MAX_DIMMS 1024

enum qemu_board { QEMU_PC, QEMU_Q35, QEMU_VIRT };

struct qemu_backend {
	char *id;
	uint64_t bytes;
	bool used;
};

struct qemu_node {
	bool present, has_memory;
	uint64_t bytes;
	char *memdev;
};

/* What decides a CPU's place: -numa cpu, one line. */
struct qemu_cpu_rule {
	uint64_t node;
	uint64_t socket, die, cluster, core, thread; /* UINT64_MAX: any */
};

struct qemu_dimm {
	char *memdev;
	uint64_t node, addr; /* addr UINT64_MAX: the first fit */
};

struct qemu_smp {
	uint64_t cpus, maxcpus, sockets, dies, clusters, cores, threads; /* 0: not told */
};

struct qemu {
	enum qemu_board board;
	bool has_board, arm, nodefaults, kvm, hmat, amd_cpu, long_mode;
	unsigned board_version;    /* major * 100 + minor; 702 when not told */
	uint64_t max_ram_below_4g; /* 0: the board's */
	char *memory_backend;
	char *release, *cmdline, *arch_name;

	uint64_t ram_bytes, maxram_bytes, slots; /* ram 0: not told */
	struct qemu_smp smp;
	unsigned nr_virtio_blk, nr_nvme, nr_ahci_disks;

	struct qemu_backend *backends;
	unsigned nr_backends;
	struct qemu_node nodes[QEMU_MAX_NODES];
	unsigned nr_nodes;             /* the highest number + 1 */
	int16_t cpu_node[NB_MAX_CPUS]; /* NB_NO_NODE: not told */
	bool some_cpu_mapped;
	struct qemu_cpu_rule *cpu_rules;
	unsigned nr_cpu_rules;
	struct qemu_dimm *dimms;
	unsigned nr_dimms;
	uint8_t dist[QEMU_MAX_NODES][QEMU_MAX_NODES]; /* 0: not told */
	bool has_dist;
	struct nb_acpi *acpi; /* HMAT values come in as the options are read, the rest later */
};

/* Where CPU number `i` sits; threads count fastest. */
struct qemu_place {
	uint64_t socket, die, cluster, core, thread;
};
struct qemu_place qemu_place(const struct qemu *q, uint64_t i);

/* qemu_numa_args.c: takes one -numa option. */
int qemu_read_numa(struct qemu *q, const struct qemu_opts *o, struct nb_error *err);

/* qemu_numa.c: fills in what was left out and checks the whole as QEMU does. -NB_EINVAL with *err.
 */
int qemu_complete(struct qemu *q, struct nb_error *err);
struct qemu_backend *qemu_find_backend(struct qemu *q, const char *id);

/* qemu_firmware.c: the completed command line as a machine. */
int qemu_to_machine(struct qemu *q, struct nb_machine *m, struct nb_error *err);

#endif
