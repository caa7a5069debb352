/* acpi.h -- what the firmware's NUMA tables say: SRAT, SLIT, HMAT, MADT.
 *
 * Callers: the form acpi:DIR, and the capture reader for acpi/NAME.b64 of a saved tree.
 * Use:     nb_acpi_new(), nb_acpi_add() for each table in any order, then nb_acpi_to_machine()
 *          or the questions below, then nb_acpi_free(). Tables are copied.
 * Input:   untrusted bytes: every length is checked against what is there, checksums too.
 * Rules:   node ids are given to proximity domains in the order in which the kernel meets them:
 *          first all enabled processor and generic-initiator entries of the SRAT in table order,
 *          then its enabled memory entries. CPU numbers follow the MADT's enabled entries.
 * Source: drivers/acpi/numa/srat.c, acpi_numa_init(), acpi_map_pxm_to_node(); arch/x86/mm/srat.c;
 *         arch/x86/kernel/acpi/boot.c; drivers/acpi/numa/hmat.c.
 */
#ifndef NB_READ_ACPI_H
#define NB_READ_ACPI_H

#include <numabox/machine.h>

struct nb_acpi;

struct nb_acpi *nb_acpi_new(void);
void nb_acpi_free(struct nb_acpi *a);

/* Takes one table, binary or base64 text, and parses it by its signature ("SRAT", "SLIT", "HMAT",
 * "APIC"); any other table is ignored. `name` is how messages call it. 0; -NB_EINVAL with *err
 * for a table that is cut off, has a wrong checksum or length, or entries that do not fit (the
 * kernel throws such a table away); -NB_EEXIST for a second table of one kind. A SLIT that the
 * kernel would ignore (diagonal not 10, another entry <= 10) is no error: see nb_acpi_note(). */
int nb_acpi_add(struct nb_acpi *a, const char *name, const void *bytes, size_t len,
		struct nb_error *err);

/* Binary tables, one kind each; nb_acpi_add() calls them. */
int nb_acpi_parse_srat(struct nb_acpi *a, const void *table, size_t len, struct nb_error *err);
int nb_acpi_parse_slit(struct nb_acpi *a, const void *table, size_t len, struct nb_error *err);
int nb_acpi_parse_hmat(struct nb_acpi *a, const void *table, size_t len, struct nb_error *err);
int nb_acpi_parse_madt(struct nb_acpi *a, const void *table, size_t len, struct nb_error *err);

/* Which tables were taken (NB_ACPI_HAS_*). */
enum {
	NB_ACPI_HAS_SRAT = 1 << 0,
	NB_ACPI_HAS_SLIT = 1 << 1, /* valid and in use */
	NB_ACPI_HAS_HMAT = 1 << 2, /* holds latencies or bandwidths of memory */
	NB_ACPI_HAS_MADT = 1 << 3,
	NB_ACPI_HAS_GICC = 1 << 4, /* CPUs are those of an Arm machine */
};
unsigned nb_acpi_tables(const struct nb_acpi *a);

/* What was ignored and why, one sentence each ("SLIT: ..."); NULL past the end. */
const char *nb_acpi_note(const struct nb_acpi *a, unsigned i);

/* Nodes are 0 .. nb_acpi_nr_nodes()-1. */
unsigned nb_acpi_nr_nodes(const struct nb_acpi *a);
/* Node of a proximity domain, or NB_NO_NODE. */
int nb_acpi_pxm_to_node(const struct nb_acpi *a, uint32_t pxm);
uint32_t nb_acpi_node_to_pxm(const struct nb_acpi *a, unsigned nid);
bool nb_acpi_node_is_initiator(const struct nb_acpi *a, unsigned nid);

/* CPUs as Linux numbers them: by the MADT's enabled entries, or the SRAT's without a MADT. */
unsigned nb_acpi_nr_cpus(const struct nb_acpi *a);
/* Node of a CPU (NB_NO_NODE: not in the SRAT), and its APIC id. */
int nb_acpi_cpu_node(const struct nb_acpi *a, unsigned cpu);
uint32_t nb_acpi_cpu_apic_id(const struct nb_acpi *a, unsigned cpu);

/* The SRAT's enabled, non-empty memory entries in table order: start, end, nid, flags. */
const struct nb_mem_range *nb_acpi_memory(const struct nb_acpi *a, unsigned *ret_n);

/* What nb_acpi_to_machine() is to fill in. */
enum {
	NB_ACPI_NODES = 1 << 0,     /* m->nodes, from the SRAT */
	NB_ACPI_CPUS = 1 << 1,      /* m->cpus with their nodes */
	NB_ACPI_AFFINITY = 1 << 2,  /* m->affinity */
	NB_ACPI_DISTANCES = 1 << 3, /* m->distances, if the SLIT is valid */
	NB_ACPI_HMAT_LB = 1 << 4,   /* m->latency_ps, m->bandwidth_bytes */
	NB_ACPI_ALL = (1 << 5) - 1,
};
/* DISTANCES and HMAT_LB need the machine's nodes to be the SRAT's (NB_ACPI_NODES, or equal ones
 * added before). 0 or -NB_ENOMEM. */
int nb_acpi_to_machine(const struct nb_acpi *a, struct nb_machine *m, unsigned what,
		       struct nb_error *err);

/* acpi:DIR: every file of the directory that holds one of the four tables, binary or base64, under
 * any name; memory from the SRAT (docs/formats.md, acpi:DIR). Fills `m`, does not seal it. */
int nb_read_acpi_dir(struct nb_machine *m, const char *dir, struct nb_error *err);

#endif
