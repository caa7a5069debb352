/* qemu_firmware.c -- the completed command line as a machine: firmware map, SRAT, SLIT, device
 * tree.
 *
 * Called by qemu.c. x86: the map that SeaBIOS hands to the kernel, and the entries of the SRAT that
 * QEMU writes, with QEMU's node numbers as proximity domains. arm64 "virt" without UEFI: the device
 * tree's memory nodes, whose node ids the kernel takes as they are. Source: QEMU 7.2
 * hw/i386/pc_q35.c:pc_q35_init(), pc_piix.c:pc_init1(), pc.c:pc_memory_init(),
 *         acpi-build.c:build_srat(); SeaBIOS 1.16 (what it keeps at the top of low memory);
 * measured.
 */
#include "read/qemu_priv.h"

#include <stdlib.h>
#include <string.h>

#define KiB UINT64_C(1024)
#define MiB (KiB << 10)
#define GiB (MiB << 10)
#define GIB4 (4 * GiB)
#define HOLE_640K_START (640 * KiB)
#define HOLE_640K_END MiB
#define HT_START UINT64_C(0xfd00000000) /* AMD HyperTransport, up to 1 TiB */
#define HT_END (1024 * GiB)
#define VIRT_RAM GiB
#define ROUND_UP(x, to) (((x) + (to)-1) / (to) * (to))

/* Where RAM lies. */
struct split {
	uint64_t low;  /* bytes from 0 */
	uint64_t high; /* bytes from high_start */
	uint64_t high_start;
	uint64_t plug_start, plug_bytes; /* room for memory devices */
};

static uint64_t low_limit(const struct qemu *q)
{
	uint64_t limit = q->max_ram_below_4g;

	if (q->board == QEMU_Q35) {
		uint64_t split = q->ram_bytes >= 0xb0000000 ? 0x80000000 : 0xb0000000;

		return limit && limit < split ? limit : split;
	}
	limit = limit ? limit : 0xe0000000;
	/* Above 3.5 GiB the split goes to whole gigabytes. */
	if (q->ram_bytes >= limit && limit > 0xc0000000)
		limit = 0xc0000000;
	return limit;
}

static struct split split_ram(const struct qemu *q)
{
	uint64_t limit = low_limit(q), hole64 = q->board == QEMU_Q35 ? 32 * GiB : 2 * GiB, end;
	struct split s = {.high_start = GIB4};

	s.low = q->ram_bytes < limit ? q->ram_bytes : limit;
	s.high = q->ram_bytes - s.low;
	if (q->slots || q->maxram_bytes > q->ram_bytes)
		s.plug_bytes = q->maxram_bytes - q->ram_bytes + q->slots * GiB;
	end = ROUND_UP(s.high_start + s.high, GiB) + s.plug_bytes;
	/* From 7.1 on, what would reach AMD's HyperTransport range with the 64-bit PCI hole moves
	 * above it. */
	if (q->amd_cpu && q->board_version >= 701 && ROUND_UP(end, GiB) + hole64 > HT_START)
		s.high_start = HT_END;
	s.plug_start = ROUND_UP(s.high_start + s.high, GiB);
	return s;
}

static int add_map(struct nb_machine *m, uint64_t start, uint64_t end, enum nb_mem_type type)
{
	struct nb_mem_range r = {.start = start, .end = end, .type = type, .nid = NB_NO_NODE};

	return start < end ? nb_machine_add_firmware(m, &r) : 0;
}

/* Bytes of the SMBIOS tables: fixed ones, and one a socket, a RAM range, 16 GiB of memory. SeaBIOS
 * puts tables of more than 600 bytes into high memory. */
static uint64_t smbios_bytes(const struct qemu *q, const struct split *s)
{
	uint64_t dimms = ROUND_UP(q->ram_bytes, 16 * GiB) / (16 * GiB);
	uint64_t bytes = q->board == QEMU_Q35 ? 376 : 388, socket = q->board == QEMU_Q35 ? 65 : 68;

	bytes += (q->smp.sockets - 1) * socket + (dimms - 1) * 53 + (s->high ? 33 : 0);
	/* "CPU 10" and "DIMM 10" are a byte longer. */
	bytes += (q->smp.sockets > 10 ? q->smp.sockets - 10 : 0) + (dimms > 10 ? dimms - 10 : 0);
	return bytes > 600 ? ROUND_UP(bytes, 16) : 0;
}

/* What SeaBIOS keeps for itself at the top of low memory: 128 KiB of ACPI tables, queues of the
 * disks it can boot from, SMBIOS tables that are too large for the BIOS segment. */
static uint64_t reserved_top(const struct qemu *q, const struct split *s)
{
	uint64_t small = smbios_bytes(q, s);

	if (q->board == QEMU_Q35)
		small += 1536 * ((uint64_t)q->nr_ahci_disks + (q->nodefaults ? 0 : 1));
	return 128 * KiB + ROUND_UP(small, 4 * KiB) + 12 * KiB * q->nr_virtio_blk +
	       32 * KiB * q->nr_nvme;
}

static int add_firmware(const struct qemu *q, const struct split *s, struct nb_machine *m)
{
	uint64_t top = s->low - reserved_top(q, s);
	bool q35 = q->board == QEMU_Q35;
	int rc = add_map(m, 0, 0x9fc00, NB_MEM_RAM);

	rc = rc ? rc : add_map(m, 0x9fc00, 0xa0000, NB_MEM_RESERVED);
	rc = rc ? rc : add_map(m, 0xf0000, 0x100000, NB_MEM_RESERVED);
	rc = rc ? rc : add_map(m, 0x100000, top, NB_MEM_RAM);
	rc = rc ? rc : add_map(m, top, s->low, NB_MEM_RESERVED);
	if (q35) {
		rc = rc ? rc : add_map(m, 0xb0000000, 0xc0000000, NB_MEM_RESERVED);
		rc = rc ? rc : add_map(m, 0xfed1c000, 0xfed20000, NB_MEM_RESERVED);
	}
	if (q->kvm)
		rc = rc ? rc : add_map(m, 0xfeffc000, 0xff000000, NB_MEM_RESERVED);
	rc = rc ? rc : add_map(m, 0xfffc0000, GIB4, NB_MEM_RESERVED);
	rc = rc ? rc : add_map(m, s->high_start, s->high_start + s->high, NB_MEM_RAM);
	if (q->amd_cpu && q->long_mode && q->board_version >= 701)
		rc = rc ? rc : add_map(m, HT_START, HT_END, NB_MEM_RESERVED);
	return rc;
}

/* The SRAT's memory entries: each node's share of RAM in order, cut at 640 KiB, 1 MiB and the PCI
 * hole. */
static void push_srat_memory(const struct qemu *q, const struct split *s, struct nb_acpi *a)
{
	uint64_t next = 0; /* in RAM, holes left out */

	for (unsigned i = 0; i < q->nr_nodes; i++) {
		uint64_t at = next, end = next + q->nodes[i].bytes;

		next = end;
		if (at < HOLE_640K_START) {
			uint64_t cut = end < HOLE_640K_START ? end : HOLE_640K_START;

			if (at < cut)
				nb_acpi_push_memory(a, at, cut, i, 0);
			at = HOLE_640K_END;
		}
		if (at < s->low) {
			uint64_t cut = end < s->low ? end : s->low;

			if (at < cut)
				nb_acpi_push_memory(a, at, cut, i, 0);
			at = s->low;
		}
		if (end > s->low && at < end)
			nb_acpi_push_memory(a, s->high_start + (at - s->low),
					    s->high_start + (end - s->low), i, 0);
	}
	if (s->plug_bytes)
		nb_acpi_push_memory(a, s->plug_start, s->plug_start + s->plug_bytes,
				    q->nr_nodes - 1, NB_RANGE_HOTPLUG);
}

static void push_slit(const struct qemu *q, struct nb_acpi *a)
{
	uint8_t *d;

	if (!q->has_dist)
		return;
	d = nb_xcalloc((size_t)q->nr_nodes * q->nr_nodes, 1);
	for (unsigned i = 0; i < q->nr_nodes; i++)
		memcpy(d + (size_t)i * q->nr_nodes, q->dist[i], q->nr_nodes);
	nb_acpi_set_slit(a, d, q->nr_nodes);
}

static int add_cpus(const struct qemu *q, struct nb_machine *m)
{
	int rc = 0;

	for (uint64_t i = 0; !rc && i < q->smp.cpus; i++) {
		struct qemu_place p = qemu_place(q, i);
		struct nb_cpu cpu = {
			.id = (int)i,
			.nid = 0,
			.online = true,
			.package = (int)p.socket,
			.die = q->arm ? -1 : (int)p.die,
			.cluster = q->arm ? (int)p.cluster : -1,
			.core = (int)p.core,
			.llc = q->arm ? -1 : (int)p.socket,
		};

		if (q->nr_nodes && q->arm)
			cpu.nid = q->cpu_node[i];
		else if (q->nr_nodes)
			cpu.nid = nb_acpi_pxm_to_node(q->acpi, (uint32_t)q->cpu_node[i]);
		rc = nb_machine_add_cpu(m, &cpu);
	}
	return rc;
}

static int add_single_node(struct nb_machine *m)
{
	struct nb_node node = {.id = 0, .online = true};

	return nb_machine_add_node(m, &node);
}

/* Is [start, start + bytes) clear of the DIMMs placed so far? If not, *ret_next is where to go on.
 */
static bool is_clear(const struct qemu *q, unsigned placed, const uint64_t *sizes, uint64_t start,
		     uint64_t bytes, uint64_t *ret_next)
{
	for (unsigned i = 0; i < placed; i++) {
		if (start < q->dimms[i].addr + sizes[i] && q->dimms[i].addr < start + bytes) {
			*ret_next = ROUND_UP(q->dimms[i].addr + sizes[i], 2 * MiB);
			return false;
		}
	}
	return true;
}

static int add_dimms(struct qemu *q, const struct split *s, struct nb_machine *m,
		     struct nb_error *err)
{
	uint64_t *sizes = nb_xcalloc(q->nr_dimms + 1, sizeof(*sizes));
	int rc = 0;

	for (unsigned i = 0; !rc && i < q->nr_dimms; i++) {
		struct qemu_dimm *d = &q->dimms[i];
		struct qemu_backend *b = d->memdev ? qemu_find_backend(q, d->memdev) : NULL;
		struct nb_mem_range r = {.type = NB_MEM_RAM, .flags = NB_RANGE_HOTADDED};
		uint64_t at = d->addr == UINT64_MAX ? s->plug_start : d->addr, next;

		if (!b || b->used || (d->node && d->node >= q->nr_nodes)) {
			rc = nb_error_set(err, -NB_EINVAL, 0,
					  "-device pc-dimm: memdev=%s,node=%llu: needs a "
					  "memory-backend of its own and an "
					  "existing node",
					  d->memdev ? d->memdev : "", (unsigned long long)d->node);
			break;
		}
		b->used = true;
		sizes[i] = b->bytes;
		while (d->addr == UINT64_MAX && !is_clear(q, i, sizes, at, b->bytes, &next))
			at = next;
		if (at < s->plug_start || at > s->plug_start + s->plug_bytes ||
		    b->bytes > s->plug_start + s->plug_bytes - at ||
		    !is_clear(q, i, sizes, at, b->bytes, &next)) {
			rc = nb_error_set(err, -NB_EINVAL, 0,
					  "-device pc-dimm: memdev=%s does not fit; -m "
					  "...,slots=N,maxmem=SIZE makes room",
					  d->memdev);
			break;
		}
		d->addr = at;
		r.start = at;
		r.end = at + b->bytes;
		r.nid = q->nr_nodes ? nb_acpi_pxm_to_node(q->acpi, (uint32_t)d->node) : 0;
		rc = nb_machine_add_range(m, &r);
	}
	free(sizes);
	return rc;
}

static int x86_machine(struct qemu *q, struct nb_machine *m, struct nb_error *err)
{
	struct split s = split_ram(q);
	int rc = add_firmware(q, &s, m);

	if (!rc && q->nr_nodes) {
		for (uint64_t i = 0; i < q->smp.maxcpus; i++)
			nb_acpi_push_affinity(q->acpi, (uint32_t)q->cpu_node[i], (uint32_t)i,
					      false);
		push_srat_memory(q, &s, q->acpi);
		push_slit(q, q->acpi);
		nb_acpi_resolve(q->acpi);
		rc = nb_acpi_to_machine(q->acpi, m, NB_ACPI_ALL & ~(unsigned)NB_ACPI_CPUS, err);
	} else if (!rc) {
		rc = add_single_node(m);
	}
	if (!rc)
		rc = add_cpus(q, m);
	return rc ? rc : add_dimms(q, &s, m, err);
}

/* Nodes of the device tree: those that memory or a CPU names. */
static int arm_nodes(const struct qemu *q, struct nb_machine *m)
{
	bool named[QEMU_MAX_NODES] = {false};
	uint8_t *d;
	unsigned n = 0;
	int rc = 0;

	for (uint64_t i = 0; i < q->smp.cpus; i++)
		named[q->cpu_node[i]] = true;
	for (unsigned i = 0; !rc && i < q->nr_nodes; i++) {
		struct nb_node node = {.id = (int)i, .online = true};

		named[i] |= q->nodes[i].bytes != 0;
		if (named[i])
			rc = nb_machine_add_node(m, &node);
	}
	if (rc || !q->has_dist)
		return rc;
	d = nb_xcalloc((size_t)m->nr_nodes * m->nr_nodes, 1);
	for (unsigned i = 0; i < q->nr_nodes; i++) {
		for (unsigned j = 0; j < q->nr_nodes; j++) {
			if (named[i] && named[j])
				d[n++] = q->dist[i][j];
		}
	}
	rc = nb_machine_set_distances(m, d, m->nr_nodes);
	m->distance_source = NB_SOURCE_GIVEN;
	free(d);
	return rc;
}

static int arm_machine(const struct qemu *q, struct nb_machine *m, struct nb_error *err)
{
	uint64_t at = VIRT_RAM;
	int rc;

	if (q->nr_dimms)
		return nb_error_set(
			err, -NB_EOPNOTSUPP, 0,
			"-device pc-dimm: on virt it needs UEFI, whose tables are not modelled");
	rc = q->nr_nodes ? arm_nodes(q, m) : add_single_node(m);
	for (unsigned i = 0; !rc && i < (q->nr_nodes ? q->nr_nodes : 1); i++) {
		struct nb_mem_range r = {.start = at, .type = NB_MEM_RAM, .nid = (int)i};

		at += q->nr_nodes ? q->nodes[i].bytes : q->ram_bytes;
		r.end = at;
		if (r.start < r.end)
			rc = nb_machine_add_range(m, &r);
	}
	return rc ? rc : add_cpus(q, m);
}

/* "6.12.113+deb12-arm64-16k", "6.1.0-56-686-pae": what Debian's flavours say. */
static int set_kernel(const struct qemu *q, struct nb_machine *m)
{
	const char *r = q->release ? q->release : "";
	size_t n = strlen(r);

	if (strstr(r, "-686-pae") || (q->arch_name && !strcmp(q->arch_name, "i386")))
		m->arch = NB_ARCH_I386PAE;
	else if (strstr(r, "-686"))
		m->arch = NB_ARCH_I386;
	if (q->arm) {
		m->arch = NB_ARCH_ARM64;
		if (n > 4 && !strcmp(r + n - 4, "-16k"))
			m->page_shift = 14;
		if (n > 4 && !strcmp(r + n - 4, "-64k"))
			m->page_shift = 16;
	}
	if (n)
		m->release = nb_machine_strdup(m, r);
	if (!m->release)
		return -NB_ENOMEM;
	return q->cmdline ? nb_machine_add_cmdline(m, q->cmdline) : 0;
}

int qemu_to_machine(struct qemu *q, struct nb_machine *m, struct nb_error *err)
{
	int rc = set_kernel(q, m);

	if (!rc)
		rc = q->arm ? arm_machine(q, m, err) : x86_machine(q, m, err);
	if (rc)
		nb_error_set(err, rc, 0, "out of memory");
	m->memory_source = NB_SOURCE_GIVEN;
	return rc;
}
