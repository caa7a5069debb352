/* acpi_priv.h -- the firmware's NUMA tables by proximity domain, before they become a machine.
 *
 * Included by acpi_tables.c (bytes in), acpi.c (nodes, CPUs, machine out) and qemu_srat.c, which
 * makes the entries that QEMU would write instead of reading them. Not for anybody else. Invariant:
 * entries stand in table order; nothing here is a node id until nb_acpi_resolve().
 */
#ifndef NB_READ_ACPI_PRIV_H
#define NB_READ_ACPI_PRIV_H

#include "base/hosted/text.h"
#include "read/acpi.h"

/* The kernel maps domains below MAX_PXM_DOMAINS = MAX_NUMNODES only, and knows CPUs by APIC ids
 * below MAX_LOCAL_APIC; an entry with a greater one is passed over. */
#define NB_MAX_PXM NB_MAX_NODES
#define NB_MAX_APIC 32768

/* An enabled processor or generic-initiator entry: what gives nodes their numbers first. */
struct acpi_affinity {
	uint32_t pxm;
	uint32_t cpu;   /* APIC id, or ACPI processor uid (GICC) */
	bool initiator; /* no CPU */
};

struct acpi_memory {
	uint64_t start, end;
	uint32_t pxm;
	unsigned flags; /* NB_RANGE_* */
};

struct nb_acpi {
	unsigned tables, seen; /* NB_ACPI_HAS_*; seen: given at all */

	struct acpi_affinity *affinity;
	unsigned nr_affinity, cap_affinity;
	struct acpi_memory *memory;
	unsigned nr_memory, cap_memory;

	uint8_t *slit; /* [from * slit_n + to], by domain */
	unsigned slit_n;

	/* HMAT by domain: [initiator * NB_MAX_PXM + target]; NULL until an entry comes */
	uint32_t *latency_ps;
	uint64_t *bandwidth_bytes;
	uint8_t *lb_rank; /* how good the source of an entry is: see nb_acpi_push_lb() */

	uint16_t madt[NB_MAX_CPUS]; /* APIC ids of enabled CPUs, in order, each once */
	unsigned nr_madt;
	uint64_t madt_has[NB_MAX_APIC / 64];

	/* resolved */
	uint16_t srat_cpus[NB_MAX_CPUS]; /* as madt[], of the SRAT */
	unsigned nr_srat_cpus;
	int16_t apic_node[NB_MAX_APIC]; /* NB_NO_NODE */
	int16_t pxm_node[NB_MAX_PXM];   /* NB_NO_NODE */
	uint16_t node_pxm[NB_MAX_NODES];
	bool node_initiator[NB_MAX_NODES];
	unsigned nr_nodes;
	struct nb_mem_range *ranges;

	struct nb_text *notes;
	unsigned nr_notes;
};

void nb_acpi_push_affinity(struct nb_acpi *a, uint32_t pxm, uint32_t cpu, bool initiator);
void nb_acpi_push_memory(struct nb_acpi *a, uint64_t start, uint64_t end, uint32_t pxm,
			 unsigned flags);
/* A CPU of the MADT; one that is there already is passed over. */
void nb_acpi_push_madt(struct nb_acpi *a, uint32_t cpu);
/* Takes over `matrix` (from malloc); one that the kernel would ignore is noted and freed. */
void nb_acpi_set_slit(struct nb_acpi *a, uint8_t *matrix, unsigned n);

enum acpi_lb { ACPI_LB_LATENCY, ACPI_LB_BANDWIDTH };
/* One HMAT value, picoseconds or bytes a second, not 0. `rank`: 3 access, 2 read, 1 write; the best
 * is kept. */
void nb_acpi_push_lb(struct nb_acpi *a, enum acpi_lb kind, unsigned rank, uint32_t initiator,
		     uint32_t target, uint64_t value);

__attribute__((format(printf, 2, 3))) void nb_acpi_add_note(struct nb_acpi *a, const char *fmt,
							    ...);

/* Appends what the base64 text stands for. false: not base64 (a binary table has NULs, so never
 * is). */
bool nb_acpi_base64_decode(const char *s, size_t len, struct nb_text *out);

/* Gives nodes to domains and CPUs, from scratch. To be called after the last push of a table. */
void nb_acpi_resolve(struct nb_acpi *a);

#endif
