/* numabox/machine.h -- the hardware and what its kernel was told.
 *
 * Callers: readers fill a machine through nb_machine_new() and the adders;
 *          nb_machine_seal() checks it and makes it immutable; then any number
 *          of systems may be booted from it and it must outlive them.
 * Memory:  the machine owns copies of everything it is given; all of it comes
 *          from the port and goes with nb_machine_free().
 * Units:   addresses and sizes in bytes, ends exclusive. Node ids may have
 *          gaps; arrays over nodes are indexed by position (nb_machine_node_index()).
 * Threads: building is for one thread; a sealed machine is read-only.
 *
 * Memory can be told in two ways, and a machine uses one of them:
 *   hardware   firmware map + affinity (SRAT): the kernel's boot rules decide
 *              which node gets what (mm/e820.c, mm/numa.c)
 *   ranges     node ranges as they are (YAML, short form, or an observation
 *              that has no firmware map): taken as memblock.memory itself
 */
#ifndef NUMABOX_MACHINE_H
#define NUMABOX_MACHINE_H

#include <numabox/error.h>
#include <numabox/kernel.h>
#include <numabox/port.h>
#include <numabox/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the firmware says of an address range (e820 and its kin). */
enum nb_mem_type {
	NB_MEM_RAM,
	NB_MEM_RESERVED,
	NB_MEM_ACPI,
	NB_MEM_NVS,
	NB_MEM_UNUSABLE,
	NB_MEM_PMEM,
	NB_MEM_SOFT_RESERVED,
};

enum {
	NB_RANGE_HOTPLUG = 1 << 0,     /* SRAT: hot-pluggable */
	NB_RANGE_MIRROR = 1 << 1,      /* mirrored (kernelcore=mirror keeps it) */
	NB_RANGE_HOTADDED = 1 << 2,    /* onlined after boot: in no boot map */
	NB_RANGE_MOVABLE = 1 << 3,     /* HOTADDED: went into ZONE_MOVABLE */
	NB_RANGE_NONVOLATILE = 1 << 4, /* SRAT: non-volatile */
};

struct nb_mem_range {
	uint64_t start, end; /* bytes, end exclusive */
	enum nb_mem_type type;
	int nid;        /* NB_NO_NODE in the firmware map */
	unsigned flags; /* NB_RANGE_* */
	unsigned line;  /* where the input says so; 0 = unknown */
};

struct nb_cpu {
	int id;
	int nid;
	bool online;
	/* physical package, die, cluster, core: ids as in sysfs; -1 unknown */
	int package, die, cluster, core;
	int llc; /* CPUs with one number share the last-level cache; -1 unknown */
	unsigned line;
};

struct nb_node {
	int id;
	bool online;
	bool generic_initiator;
	/* Managed pages of all its zones (MemTotal), for zones without a fact of their own; 0: not
	 * told. Not used where numa= on the command line makes other nodes. */
	uint64_t managed_pages;
	unsigned line;
};

/* What was observed of a zone and cannot be derived from hardware. A value of
 * NB_UNKNOWN was not seen. */
#define NB_UNKNOWN UINT64_MAX

/* The most pages of one node: links are 32-bit dense page numbers + 1. */
#define NB_MAX_NODE_PAGES (UINT64_C(0xffffffff) - 1)

struct nb_zone_fact {
	int nid;
	enum nb_zone_type type;
	uint64_t managed_pages;
	/* Managed when watermarks and reserves were computed at boot: before
	 * initrd and init memory were freed. Source: facts 2.8. */
	uint64_t managed_at_init_pages;
	uint64_t cma_pages;
	/* Present pages when it was seen; 0 or NB_UNKNOWN: not seen. A fact is not used for a zone
	 * that boots with another size (a what-if command line). */
	uint64_t present_pages;
	unsigned line;
};

/* What lay in memory before the kernel knew of nodes: its image, the initrd. A node that holds some
 * cannot be hot-pluggable (movable_node). The first `freed_pages` of it were given back after boot
 * had set watermarks and reserves: that zone's managed_at_init_pages is so much less, if its
 * managed pages are a fact. For facts that say managed_at_init_pages themselves, freed_pages is 0.
 */
struct nb_early_load {
	uint64_t start, end; /* bytes, end exclusive */
	uint64_t freed_pages;
};

struct nb_sysctl_setting {
	const char *name; /* "vm.min_free_kbytes" */
	const char *value;
	unsigned line;
};

/* Where a part of the machine is known from; `summary` tells the user. */
enum nb_source {
	NB_SOURCE_ABSENT,
	NB_SOURCE_GIVEN,     /* the user or the capture said so */
	NB_SOURCE_COMPUTED,  /* follows from a kernel rule */
	NB_SOURCE_ESTIMATED, /* a stated rule of thumb */
};

struct nb_machine {
	/* identity */
	const char *name;   /* for people; never NULL once sealed */
	const char *origin; /* what it was read from, as given: file, directory, "2x32G" */
	enum nb_arch arch;
	const char *arch_name;  /* as uname -m says, for NB_ARCH_OTHER too */
	const char *cpu_vendor; /* as cpuinfo's vendor_id ("AuthenticAMD"); NULL unknown */
	unsigned page_shift;    /* 12, 14, 16 */
	bool la57;              /* x86-64: the CPUs have five levels of page tables */
	const char *release;    /* "6.12.113+deb12-amd64"; "" unknown */
	/* NULL until sealed, unless a reader or the user chose one: then it stays */
	const struct nb_kernel_profile *profile;
	bool profile_exact;  /* `release` is of that very version (or unknown) */
	const char *cmdline; /* kernel command line words; "" none */

	/* nodes, ascending id; CPUs, ascending id */
	struct nb_node *nodes;
	unsigned nr_nodes;
	struct nb_cpu *cpus;
	unsigned nr_cpus;

	/* memory: firmware map in address order, affinity in the order met, or ranges */
	struct nb_mem_range *firmware;
	unsigned nr_firmware;
	struct nb_mem_range *affinity;
	unsigned nr_affinity;
	struct nb_mem_range *ranges; /* sorted by address once sealed */
	unsigned nr_ranges;
	enum nb_source memory_source;

	/* distances[from * nr_nodes + to], 10 = local; NULL: 10 and 20 */
	uint8_t *distances;
	enum nb_source distance_source;
	/* picoseconds an access and bytes a second, [cpu node * nr_nodes + memory node];
	 * NULL when not told; 0 in an entry: not told */
	uint32_t *latency_ps;
	uint64_t *bandwidth_bytes;
	uint32_t local_latency_ps;      /* of a local access; default 80,000 */
	uint64_t local_bandwidth_bytes; /* 0 unknown */

	/* observations */
	struct nb_zone_fact *zone_facts;
	unsigned nr_zone_facts;
	struct nb_early_load *early; /* none: x86's kernel at 16 MiB */
	unsigned nr_early;
	/* What memblock had reserved when it gave the rest to the page allocator: bytes, nid is
	 * NB_NO_NODE; sorted, without overlaps once sealed. None: boot places reserved pages by
	 * rule. */
	struct nb_mem_range *reserved;
	unsigned nr_reserved;
	uint64_t lowmem_end; /* i386: first byte past low memory as booted; 0 unknown */
	uint64_t dma_limit; /* arm64: first byte past what the narrowest device reaches; 0: 4 GiB */

	struct nb_sysctl_setting *sysctls; /* in the order to be written after boot */
	unsigned nr_sysctls;

	/* where each part is known from and what is missing, a sentence each, for people */
	const char **notes;
	unsigned nr_notes;

	/* private to src/machine */
	unsigned nr_distances, nr_latencies, nr_bandwidths; /* rows that were given */
	const struct nb_port *port;
	void *arena;
	bool sealed;
	const char *file; /* input that `line` fields speak of; may be NULL */
};

/* An empty machine: x86_64, 4 KiB pages; nb_machine_seal() gives it the profile that fits
 * `release`, 6.12 without one, unless m->profile was set. `port` must outlive it. NULL without
 * memory. */
struct nb_machine *nb_machine_new(const struct nb_port *port);
/* Gives back everything; no system booted from it may be left. NULL is allowed. */
void nb_machine_free(struct nb_machine *m);

/* Copies a string into the machine's memory (for name, release, ...). NULL without memory. */
const char *nb_machine_strdup(struct nb_machine *m, const char *s);

/* Adders: each copies *x to the end. 0, or -NB_ENOMEM. What is wrong with the
 * contents is found by nb_machine_seal(), which knows the whole. */
int nb_machine_add_node(struct nb_machine *m, const struct nb_node *x);
/* A CPU; its node may be added later. 0, -NB_ENOMEM. */
int nb_machine_add_cpu(struct nb_machine *m, const struct nb_cpu *x);
/* A range of the firmware map (e820). 0, -NB_ENOMEM. */
int nb_machine_add_firmware(struct nb_machine *m, const struct nb_mem_range *x);
/* A range that SRAT gives to a node, in the order met. 0, -NB_ENOMEM. */
int nb_machine_add_affinity(struct nb_machine *m, const struct nb_mem_range *x);
/* A range of a node's memory, for machines without a firmware map. 0, -NB_ENOMEM. */
int nb_machine_add_range(struct nb_machine *m, const struct nb_mem_range *x);
/* What was observed of one zone. 0, -NB_ENOMEM. */
int nb_machine_add_zone_fact(struct nb_machine *m, const struct nb_zone_fact *x);
/* What the boot loader put into memory. 0, -NB_ENOMEM. */
int nb_machine_add_early(struct nb_machine *m, const struct nb_early_load *x);
/* A range that was reserved when memblock gave memory away. 0, -NB_ENOMEM. */
int nb_machine_add_reserved(struct nb_machine *m, const struct nb_mem_range *x);
/* A setting to be written after boot; both texts are copied. 0, -NB_ENOMEM. */
int nb_machine_add_sysctl(struct nb_machine *m, const char *name, const char *value, unsigned line);

/* A sentence of where a part is known from, or what is missing. 0, -NB_ENOMEM. */
int nb_machine_add_note(struct nb_machine *m, const char *sentence);

/* Gives the distance matrix, row by row in the order of ascending node id,
 * n = number of nodes added so far (call it after the nodes). -NB_ENOMEM. */
int nb_machine_set_distances(struct nb_machine *m, const uint8_t *d, unsigned n);
/* Latencies of an access in picoseconds, as the distances; 0: not told. -NB_ENOMEM. */
int nb_machine_set_latencies(struct nb_machine *m, const uint32_t *ps, unsigned n);
/* Bandwidths in bytes a second, as the distances; 0: not told. -NB_ENOMEM. */
int nb_machine_set_bandwidths(struct nb_machine *m, const uint64_t *bytes, unsigned n);

/* Appends words to the command line. -NB_ENOMEM. */
int nb_machine_add_cmdline(struct nb_machine *m, const char *words);

/* Sorts, completes (default distances, cpu lists, the profile from `release`)
 * and checks the whole; after 0 the machine is immutable. On a negative errno *err
 * says line, field, what was found and what would be right:
 * overlapping ranges, a range in two nodes, a CPU in two nodes, a diagonal other than 10,
 * a distance below 10 or above 255 (254 is the greatest reachable), no node with memory,
 * addresses past 2^52 or sizes that overflow, node ids past 1023, CPUs past 8191,
 * a node of more than 2^32 - 2 pages, a range that is not whole pages, unknown nodes in CPUs or
 * ranges. */
int nb_machine_seal(struct nb_machine *m, struct nb_error *err);

/* Position of node id `nid` in m->nodes, or -1. O(log nodes). */
int nb_machine_node_index(const struct nb_machine *m, int nid);

/* Distance between two node ids as the kernel's node_distance() gives it:
 * 10 or 20 where no table says otherwise. Source: facts 3.1. */
unsigned nb_machine_distance(const struct nb_machine *m, int from, int to);

/* Picoseconds of one access from a CPU of node `from` to memory of node `to`: the matrix, or
 * local latency x distance / 10. */
uint64_t nb_machine_latency_ps(const struct nb_machine *m, int from, int to);

/* Is `word` on the command line as a whole word ("movable_node"), or, when it
 * ends in '=', the value of its last occurrence ("kernelcore=")? Returns a
 * pointer into m->cmdline and the value's length, or NULL. Words are parted by blanks;
 * what follows " -- " is for init and not looked at,
 * nor what stands past the 2,047 bytes that Linux keeps. */
const char *nb_machine_option(const struct nb_machine *m, const char *word, size_t *ret_len);

/* Iterates over every occurrence: *pos is 0 at first. NULL at the end. */
const char *nb_machine_option_next(const struct nb_machine *m, const char *word, size_t *pos,
				   size_t *ret_len);

/* Zone fact of (nid, type), or NULL. */
const struct nb_zone_fact *nb_machine_zone_fact(const struct nb_machine *m, int nid,
						enum nb_zone_type type);

#ifdef __cplusplus
}
#endif
#endif
