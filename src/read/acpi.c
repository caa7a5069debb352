/* acpi.c -- from proximity domains to nodes, CPUs, memory and matrices.
 *
 * Called by the capture reader, acpi_dir.c and qemu_srat.c; tables come in through acpi_tables.c.
 * Node ids: domains in the order met, processor and initiator entries before memory entries, each
 * the lowest free number. Source: drivers/acpi/numa/srat.c:acpi_numa_init(),
 * acpi_map_pxm_to_node().
 */
#include "read/acpi_priv.h"

#include "base/mask.h"

#include <stdlib.h>
#include <string.h>

#define MAX_NOTES 16
#define MAX_ENTRIES (1u << 20)

struct nb_acpi *nb_acpi_new(void)
{
	struct nb_acpi *a = nb_xcalloc(1, sizeof(*a));

	nb_acpi_resolve(a);
	return a;
}

void nb_acpi_free(struct nb_acpi *a)
{
	if (!a)
		return;
	for (unsigned i = 0; i < a->nr_notes; i++)
		nb_text_release(&a->notes[i]);
	free(a->notes);
	free(a->affinity);
	free(a->memory);
	free(a->slit);
	free(a->latency_ps);
	free(a->bandwidth_bytes);
	free(a->lb_rank);
	free(a->ranges);
	free(a);
}

void nb_acpi_add_note(struct nb_acpi *a, const char *fmt, ...)
{
	va_list ap;

	if (a->nr_notes == MAX_NOTES)
		return;
	if (!a->notes)
		a->notes = nb_xcalloc(MAX_NOTES, sizeof(*a->notes));
	va_start(ap, fmt);
	nb_text_vprintf(&a->notes[a->nr_notes++], fmt, ap);
	va_end(ap);
}

const char *nb_acpi_note(const struct nb_acpi *a, unsigned i)
{
	return i < a->nr_notes ? nb_text_str(&a->notes[i]) : NULL;
}

unsigned nb_acpi_tables(const struct nb_acpi *a)
{
	return a->tables;
}

/* Room for one more of an array; capacities double. */
static void *grow(void *array, unsigned nr, unsigned *cap, size_t size)
{
	if (nr < *cap)
		return array;
	*cap = *cap ? 2 * *cap : 64;
	return nb_xrealloc(array, *cap, size);
}

void nb_acpi_push_affinity(struct nb_acpi *a, uint32_t pxm, uint32_t cpu, bool initiator)
{
	if (a->nr_affinity == MAX_ENTRIES)
		return;
	a->affinity = grow(a->affinity, a->nr_affinity, &a->cap_affinity, sizeof(*a->affinity));
	a->affinity[a->nr_affinity++] =
		(struct acpi_affinity){.pxm = pxm, .cpu = cpu, .initiator = initiator};
}

void nb_acpi_push_memory(struct nb_acpi *a, uint64_t start, uint64_t end, uint32_t pxm,
			 unsigned flags)
{
	if (a->nr_memory == MAX_ENTRIES)
		return;
	a->memory = grow(a->memory, a->nr_memory, &a->cap_memory, sizeof(*a->memory));
	a->memory[a->nr_memory++] =
		(struct acpi_memory){.start = start, .end = end, .pxm = pxm, .flags = flags};
}

void nb_acpi_push_madt(struct nb_acpi *a, uint32_t cpu)
{
	if (cpu >= NB_MAX_APIC || a->nr_madt == NB_MAX_CPUS || nb_bit_test(a->madt_has, cpu))
		return;
	nb_bit_set(a->madt_has, cpu);
	a->madt[a->nr_madt++] = (uint16_t)cpu;
}

/* Source: drivers/acpi/numa/srat.c:slit_valid(). */
static bool slit_valid(struct nb_acpi *a, const uint8_t *d, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		for (unsigned j = 0; j < n; j++) {
			unsigned v = d[(size_t)i * n + j];

			if (i == j ? v == 10 : v > 10)
				continue;
			nb_acpi_add_note(
				a, "SLIT: entry %u,%u is %u; %s, so the kernel ignores the table",
				i, j, v,
				i == j ? "the diagonal is 10"
				       : "only a node itself is as near as 10");
			return false;
		}
	}
	return true;
}

void nb_acpi_set_slit(struct nb_acpi *a, uint8_t *matrix, unsigned n)
{
	if (!slit_valid(a, matrix, n)) {
		free(matrix);
		return;
	}
	free(a->slit);
	a->slit = matrix;
	a->slit_n = n;
	a->tables |= NB_ACPI_HAS_SLIT;
}

void nb_acpi_push_lb(struct nb_acpi *a, enum acpi_lb kind, unsigned rank, uint32_t initiator,
		     uint32_t target, uint64_t value)
{
	size_t cells = (size_t)NB_MAX_PXM * NB_MAX_PXM, i;

	if (initiator >= NB_MAX_PXM || target >= NB_MAX_PXM)
		return;
	if (kind == ACPI_LB_LATENCY && value > UINT32_MAX)
		return;
	if (!a->lb_rank) {
		a->lb_rank = nb_xcalloc(2 * cells, 1);
		a->latency_ps = nb_xcalloc(cells, sizeof(*a->latency_ps));
		a->bandwidth_bytes = nb_xcalloc(cells, sizeof(*a->bandwidth_bytes));
	}
	i = (size_t)initiator * NB_MAX_PXM + target;
	if (rank < a->lb_rank[2 * i + kind])
		return;
	a->lb_rank[2 * i + kind] = (uint8_t)rank;
	if (kind == ACPI_LB_LATENCY)
		a->latency_ps[i] = (uint32_t)value;
	else
		a->bandwidth_bytes[i] = value;
	a->tables |= NB_ACPI_HAS_HMAT;
}

/* acpi_map_pxm_to_node(): the domain's node, a new one on first sight. Domains are below
 * NB_MAX_PXM. */
static int map_pxm(struct nb_acpi *a, uint32_t pxm)
{
	if (a->pxm_node[pxm] == NB_NO_NODE) {
		a->node_pxm[a->nr_nodes] = (uint16_t)pxm;
		a->pxm_node[pxm] = (int16_t)a->nr_nodes++;
	}
	return a->pxm_node[pxm];
}

/* One processor entry. set_apicid_to_node() runs once an entry, so of several for one CPU the last
 * holds. */
static void resolve_cpu(struct nb_acpi *a, uint32_t cpu, int nid)
{
	if (cpu >= NB_MAX_APIC)
		return;
	if (a->apic_node[cpu] == NB_NO_NODE && a->nr_srat_cpus < NB_MAX_CPUS)
		a->srat_cpus[a->nr_srat_cpus++] = (uint16_t)cpu;
	a->apic_node[cpu] = (int16_t)nid;
}

void nb_acpi_resolve(struct nb_acpi *a)
{
	a->nr_nodes = 0;
	a->nr_srat_cpus = 0;
	memset(a->node_initiator, 0, sizeof(a->node_initiator));
	for (unsigned i = 0; i < NB_MAX_PXM; i++)
		a->pxm_node[i] = NB_NO_NODE;
	for (unsigned i = 0; i < NB_MAX_APIC; i++)
		a->apic_node[i] = NB_NO_NODE;
	for (unsigned i = 0; i < a->nr_affinity; i++) {
		int nid = map_pxm(a, a->affinity[i].pxm);

		if (a->affinity[i].initiator)
			a->node_initiator[nid] = true;
		else
			resolve_cpu(a, a->affinity[i].cpu, nid);
	}
	free(a->ranges);
	a->ranges = nb_xcalloc(a->nr_memory + 1, sizeof(*a->ranges));
	for (unsigned i = 0; i < a->nr_memory; i++) {
		const struct acpi_memory *e = &a->memory[i];

		a->ranges[i] = (struct nb_mem_range){
			.start = e->start,
			.end = e->end,
			.type = NB_MEM_RAM,
			.nid = map_pxm(a, e->pxm),
			.flags = e->flags,
		};
	}
}

unsigned nb_acpi_nr_nodes(const struct nb_acpi *a)
{
	return a->nr_nodes;
}

int nb_acpi_pxm_to_node(const struct nb_acpi *a, uint32_t pxm)
{
	return pxm < NB_MAX_PXM ? a->pxm_node[pxm] : NB_NO_NODE;
}

uint32_t nb_acpi_node_to_pxm(const struct nb_acpi *a, unsigned nid)
{
	return nid < a->nr_nodes ? a->node_pxm[nid] : UINT32_MAX;
}

bool nb_acpi_node_is_initiator(const struct nb_acpi *a, unsigned nid)
{
	return nid < a->nr_nodes && a->node_initiator[nid];
}

const struct nb_mem_range *nb_acpi_memory(const struct nb_acpi *a, unsigned *ret_n)
{
	*ret_n = a->nr_memory;
	return a->ranges;
}

unsigned nb_acpi_nr_cpus(const struct nb_acpi *a)
{
	return a->tables & NB_ACPI_HAS_MADT ? a->nr_madt : a->nr_srat_cpus;
}

uint32_t nb_acpi_cpu_apic_id(const struct nb_acpi *a, unsigned cpu)
{
	if (cpu >= nb_acpi_nr_cpus(a))
		return UINT32_MAX;
	return a->tables & NB_ACPI_HAS_MADT ? a->madt[cpu] : a->srat_cpus[cpu];
}

int nb_acpi_cpu_node(const struct nb_acpi *a, unsigned cpu)
{
	uint32_t id = nb_acpi_cpu_apic_id(a, cpu);

	return id < NB_MAX_APIC ? a->apic_node[id] : NB_NO_NODE;
}

static int add_nodes(const struct nb_acpi *a, struct nb_machine *m)
{
	int rc = 0;

	for (unsigned i = 0; !rc && i < nb_acpi_nr_nodes(a); i++) {
		struct nb_node node = {
			.id = (int)i,
			.online = true,
			.generic_initiator = a->node_initiator[i],
		};

		rc = nb_machine_add_node(m, &node);
	}
	return rc;
}

/* A CPU that the SRAT does not name gets a node in turn, of those with memory.
 * Source: arch/x86/mm/numa.c:numa_init_array(). */
static int stray_cpu_node(const struct nb_acpi *a, unsigned cpu)
{
	bool has[NB_MAX_NODES] = {false};
	unsigned n = 0, k;

	for (unsigned i = 0; i < a->nr_memory; i++) {
		if (a->ranges[i].end > a->ranges[i].start)
			has[a->ranges[i].nid] = true;
	}
	for (unsigned i = 0; i < a->nr_nodes; i++)
		n += has[i];
	if (!n)
		return 0;
	k = cpu % n;
	for (unsigned i = 0; i < a->nr_nodes; i++) {
		if (has[i] && k-- == 0)
			return (int)i;
	}
	return 0;
}

static int add_cpus(const struct nb_acpi *a, struct nb_machine *m)
{
	int rc = 0;

	for (unsigned i = 0; !rc && i < nb_acpi_nr_cpus(a); i++) {
		struct nb_cpu cpu = {
			.id = (int)i,
			.nid = nb_acpi_cpu_node(a, i),
			.online = true,
			.package = -1,
			.die = -1,
			.cluster = -1,
			.core = -1,
			.llc = -1,
		};

		if (cpu.nid == NB_NO_NODE)
			cpu.nid = stray_cpu_node(a, i);
		rc = nb_machine_add_cpu(m, &cpu);
	}
	return rc;
}

static int add_affinity(const struct nb_acpi *a, struct nb_machine *m)
{
	unsigned n;
	const struct nb_mem_range *r = nb_acpi_memory(a, &n);
	int rc = 0;

	for (unsigned i = 0; !rc && i < n; i++)
		rc = nb_machine_add_affinity(m, &r[i]);
	return rc;
}

static int set_distances(const struct nb_acpi *a, struct nb_machine *m)
{
	unsigned n = nb_acpi_nr_nodes(a);
	uint8_t *d;
	int rc;

	if (!(a->tables & NB_ACPI_HAS_SLIT) || !n)
		return 0;
	d = nb_xcalloc((size_t)n * n, 1);
	for (unsigned i = 0; i < n; i++) {
		for (unsigned j = 0; j < n; j++) {
			unsigned from = a->node_pxm[i], to = a->node_pxm[j];

			d[(size_t)i * n + j] = i == j ? 10 : 20;
			if (from < a->slit_n && to < a->slit_n)
				d[(size_t)i * n + j] = a->slit[(size_t)from * a->slit_n + to];
		}
	}
	rc = nb_machine_set_distances(m, d, n);
	m->distance_source = NB_SOURCE_GIVEN;
	free(d);
	return rc;
}

static int set_lb(const struct nb_acpi *a, struct nb_machine *m)
{
	unsigned n = nb_acpi_nr_nodes(a);
	bool some_ps = false, some_bytes = false;
	uint32_t *ps;
	uint64_t *bytes;
	int rc = 0;

	if (!a->lb_rank || !n)
		return 0;
	ps = nb_xcalloc((size_t)n * n, sizeof(*ps));
	bytes = nb_xcalloc((size_t)n * n, sizeof(*bytes));
	for (unsigned i = 0; i < n; i++) {
		for (unsigned j = 0; j < n; j++) {
			size_t at = (size_t)a->node_pxm[i] * NB_MAX_PXM + a->node_pxm[j];

			ps[(size_t)i * n + j] = a->latency_ps[at];
			bytes[(size_t)i * n + j] = a->bandwidth_bytes[at];
			some_ps |= a->latency_ps[at] != 0;
			some_bytes |= a->bandwidth_bytes[at] != 0;
		}
	}
	if (some_ps)
		rc = nb_machine_set_latencies(m, ps, n);
	if (!rc && some_bytes)
		rc = nb_machine_set_bandwidths(m, bytes, n);
	free(ps);
	free(bytes);
	return rc;
}

int nb_acpi_to_machine(const struct nb_acpi *a, struct nb_machine *m, unsigned what,
		       struct nb_error *err)
{
	int rc = 0;

	if (what & NB_ACPI_NODES)
		rc = add_nodes(a, m);
	if (!rc && what & NB_ACPI_CPUS)
		rc = add_cpus(a, m);
	if (!rc && what & NB_ACPI_AFFINITY)
		rc = add_affinity(a, m);
	if (!rc && what & NB_ACPI_DISTANCES)
		rc = set_distances(a, m);
	if (!rc && what & NB_ACPI_HMAT_LB)
		rc = set_lb(a, m);
	if (rc)
		nb_error_set(err, rc, 0, "out of memory");
	return rc;
}
