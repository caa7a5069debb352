/* acpi_tables.c -- SRAT, SLIT, HMAT and MADT out of bytes.
 *
 * Called through nb_acpi_add() and by the fuzz target. Input is untrusted: a table is looked at
 * only within its own length, an entry only within the table. What makes the kernel throw a table
 * away is an error here; entries that it passes over are passed over. Layouts: ACPI 6.5, 5.2.12
 * (MADT), 5.2.16 (SRAT), 5.2.17 (SLIT), 5.2.28 (HMAT). Source: arch/x86/mm/srat.c,
 * drivers/acpi/numa/{srat,hmat}.c, arch/x86/kernel/acpi/boot.c.
 */
#include "read/acpi_priv.h"

#include <stdlib.h>
#include <string.h>

#define HEADER 36 /* signature, length, revision, checksum, OEM fields */
#define LL(x) ((unsigned long long)(x))

static uint16_t le16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t le32(const uint8_t *p)
{
	return (uint32_t)le16(p) | (uint32_t)le16(p + 2) << 16;
}

static uint64_t le64(const uint8_t *p)
{
	return (uint64_t)le32(p) | (uint64_t)le32(p + 4) << 32;
}

/* Checks header and checksum of a table of at least `least` bytes; *ret_len is its own length. */
static int check_table(const uint8_t *t, size_t len, const char *sig, size_t least, size_t *ret_len,
		       struct nb_error *err)
{
	uint8_t sum = 0;
	size_t n;

	if (len < HEADER || memcmp(t, sig, 4))
		return nb_error_set(err, -NB_EINVAL, 0,
				    "%s: no such table: %zu bytes, signature \"%.4s\"", sig, len,
				    len >= 4 && memchr(t, 0, 4) == NULL ? (const char *)t : "?");
	n = le32(t + 4);
	if (n > len)
		return nb_error_set(
			err, -NB_EINVAL, 0,
			"%s: the header says %zu bytes, %zu are there; the table is cut off", sig,
			n, len);
	if (n < least)
		return nb_error_set(err, -NB_EINVAL, 0,
				    "%s: length %zu; at least %zu bytes would be right", sig, n,
				    least);
	for (size_t i = 0; i < n; i++)
		sum = (uint8_t)(sum + t[i]);
	if (sum)
		return nb_error_set(err, -NB_EINVAL, 0,
				    "%s: the bytes add up to %u modulo 256; a table's add up to 0",
				    sig, sum);
	*ret_len = n;
	return 0;
}

/* The entry at `at` of a table whose entries begin with a type byte and a length byte. */
static int check_entry(const uint8_t *t, size_t n, size_t at, const char *sig, struct nb_error *err)
{
	unsigned l = t[at + 1];

	if (l < 2 || l > n - at)
		return nb_error_set(
			err, -NB_EINVAL, 0,
			"%s: entry at byte %zu (type %u) has length %u; %zu bytes are left", sig,
			at, t[at], l, n - at);
	return 0;
}

static int bad_entry(const char *what, size_t at, unsigned len, unsigned right,
		     struct nb_error *err)
{
	return nb_error_set(
		err, -NB_EINVAL, 0,
		"SRAT: %s entry at byte %zu is %u bytes long; %u would be right, and the kernel "
		"throws such a table away",
		what, at, len, right);
}

static int bad_pxm(size_t at, uint32_t pxm, struct nb_error *err)
{
	return nb_error_set(
		err, -NB_EINVAL, 0,
		"SRAT: entry at byte %zu is of proximity domain %u; the kernel takes 0 to %u and "
		"throws such a table away",
		at, pxm, NB_MAX_PXM - 1);
}

/* Processor entries (local APIC, x2APIC, GICC) and generic initiators: all before any memory entry.
 */
static int srat_affinity(struct nb_acpi *a, const uint8_t *e, size_t at, unsigned rev,
			 struct nb_error *err)
{
	static const char *const name[] = {"processor", NULL, "x2APIC", "GICC", NULL, "initiator"};
	static const unsigned length[] = {16, 0, 24, 18, 0, 32};
	uint32_t pxm, cpu = 0, flags;
	unsigned type = e[0], len = e[1];

	if (type > 5 || !name[type])
		return 0;
	if (type == 0 ? len != length[0] : len < length[type])
		return bad_entry(name[type], at, len, length[type], err);
	switch (type) {
	case 0:
		pxm = e[2];
		if (rev >= 2)
			pxm |= (uint32_t)e[9] << 8 | (uint32_t)e[10] << 16 | (uint32_t)e[11] << 24;
		cpu = e[3];
		flags = le32(e + 4);
		break;
	case 2:
		pxm = le32(e + 4);
		cpu = le32(e + 8);
		flags = le32(e + 12);
		break;
	case 3:
		pxm = le32(e + 2);
		cpu = le32(e + 6);
		flags = le32(e + 10);
		break;
	default:
		pxm = le32(e + 4);
		flags = le32(e + 24);
		break;
	}
	if (!(flags & 1))
		return 0;
	if (pxm >= NB_MAX_PXM)
		return bad_pxm(at, pxm, err);
	if (type == 3)
		a->tables |= NB_ACPI_HAS_GICC;
	nb_acpi_push_affinity(a, pxm, cpu, type == 5);
	return 0;
}

static int srat_memory(struct nb_acpi *a, const uint8_t *e, size_t at, unsigned rev,
		       struct nb_error *err)
{
	uint64_t start, size;
	uint32_t flags, pxm;
	unsigned range_flags = 0;

	if (e[0] != 1)
		return 0;
	if (e[1] < 40)
		return bad_entry("memory", at, e[1], 40, err);
	flags = le32(e + 28);
	if (!(flags & 1))
		return 0;
	pxm = le32(e + 2);
	if (rev <= 1)
		pxm &= 0xff;
	start = le64(e + 8);
	size = le64(e + 16);
	if (pxm >= NB_MAX_PXM)
		return bad_pxm(at, pxm, err);
	if (size > UINT64_MAX - start)
		return nb_error_set(
			err, -NB_ERANGE, 0,
			"SRAT: memory entry at byte %zu: %#llx bytes from %#llx overflow", at,
			LL(size), LL(start));
	if (flags & 2)
		range_flags |= NB_RANGE_HOTPLUG;
	if (flags & 4)
		range_flags |= NB_RANGE_NONVOLATILE;
	nb_acpi_push_memory(a, start, start + size, pxm, range_flags);
	return 0;
}

int nb_acpi_parse_srat(struct nb_acpi *a, const void *table, size_t len, struct nb_error *err)
{
	const uint8_t *t = table;
	size_t n = 0;
	int rc = check_table(t, len, "SRAT", HEADER + 12, &n, err);

	if (!rc && a->seen & NB_ACPI_HAS_SRAT)
		rc = nb_error_set(err, -NB_EEXIST, 0, "SRAT: a second one; a machine has one");
	if (rc)
		return rc;
	a->seen |= NB_ACPI_HAS_SRAT;
	for (size_t at = HEADER + 12; at + 2 <= n; at += t[at + 1]) {
		rc = check_entry(t, n, at, "SRAT", err);
		if (!rc)
			rc = srat_affinity(a, t + at, at, t[8], err);
		if (!rc)
			rc = srat_memory(a, t + at, at, t[8], err);
		if (rc)
			return rc;
	}
	a->tables |= NB_ACPI_HAS_SRAT;
	nb_acpi_resolve(a);
	return 0;
}

int nb_acpi_parse_slit(struct nb_acpi *a, const void *table, size_t len, struct nb_error *err)
{
	const uint8_t *t = table;
	uint8_t *matrix;
	uint64_t count;
	size_t n = 0;
	int rc = check_table(t, len, "SLIT", HEADER + 8, &n, err);

	if (!rc && a->seen & NB_ACPI_HAS_SLIT)
		rc = nb_error_set(err, -NB_EEXIST, 0, "SLIT: a second one; a machine has one");
	if (rc)
		return rc;
	a->seen |= NB_ACPI_HAS_SLIT;
	count = le64(t + HEADER);
	if (!count || count > 65535 || count * count > n - HEADER - 8)
		return nb_error_set(
			err, -NB_EINVAL, 0,
			"SLIT: %llu localities need %llu bytes of distances, %zu are there",
			LL(count), LL(count) * LL(count), n - HEADER - 8);
	matrix = nb_xcalloc(count * count, 1);
	memcpy(matrix, t + HEADER + 8, count * count);
	nb_acpi_set_slit(a, matrix, (unsigned)count);
	return 0;
}

/* System locality latency and bandwidth information: one matrix of one kind. */
static int hmat_lb(struct nb_acpi *a, const uint8_t *e, size_t len, unsigned rev, size_t at,
		   struct nb_error *err)
{
	static const uint8_t ranks[] = {3, 2, 1, 3, 2, 1};
	uint64_t initiators, targets, base, value;
	const uint8_t *il, *tl, *entry;
	unsigned kind;

	if (len < 32)
		return nb_error_set(
			err, -NB_EINVAL, 0,
			"HMAT: structure at byte %zu is %zu bytes long; at least 32 would be right",
			at, len);
	kind = e[9];
	initiators = le32(e + 12);
	targets = le32(e + 16);
	base = le64(e + 24);
	if (initiators > len || targets > len ||
	    32 + 4 * (initiators + targets) + 2 * initiators * targets > len)
		return nb_error_set(err, -NB_EINVAL, 0,
				    "HMAT: structure at byte %zu: %llu initiators and %llu targets "
				    "do not fit into "
				    "its %zu bytes",
				    at, LL(initiators), LL(targets), len);
	if ((e[8] & 0xf) != 0 || kind > 5) /* a cache's, not memory's */
		return 0;
	il = e + 32;
	tl = il + 4 * initiators;
	entry = tl + 4 * targets;
	for (uint64_t i = 0; i < initiators; i++) {
		for (uint64_t j = 0; j < targets; j++) {
			unsigned v = le16(entry + 2 * (i * targets + j));

			if (!v || v == 0xffff || base > UINT32_MAX / v)
				continue;
			value = base * v;
			/* Latency: revision 1 counts in 100 ps, later ones in ps; bandwidth: MiB/s.
			 */
			if (kind < 3)
				value *= rev == 1 ? 100 : 1;
			else
				value <<= 20;
			nb_acpi_push_lb(a, kind < 3 ? ACPI_LB_LATENCY : ACPI_LB_BANDWIDTH,
					ranks[kind], le32(il + 4 * i), le32(tl + 4 * j), value);
		}
	}
	return 0;
}

int nb_acpi_parse_hmat(struct nb_acpi *a, const void *table, size_t len, struct nb_error *err)
{
	const uint8_t *t = table;
	size_t n = 0, at, l;
	int rc = check_table(t, len, "HMAT", HEADER + 4, &n, err);

	if (!rc && a->seen & NB_ACPI_HAS_HMAT)
		rc = nb_error_set(err, -NB_EEXIST, 0, "HMAT: a second one; a machine has one");
	if (rc)
		return rc;
	a->seen |= NB_ACPI_HAS_HMAT;
	for (at = HEADER + 4; at + 8 <= n; at += l) {
		l = le32(t + at + 4);
		if (l < 8 || l > n - at)
			return nb_error_set(
				err, -NB_EINVAL, 0,
				"HMAT: structure at byte %zu has length %zu; %zu bytes are left",
				at, l, n - at);
		if (le16(t + at) == 1)
			rc = hmat_lb(a, t + at, l, t[8], at, err);
		if (rc)
			return rc;
	}
	return 0;
}

int nb_acpi_parse_madt(struct nb_acpi *a, const void *table, size_t len, struct nb_error *err)
{
	static const struct {
		uint8_t type, least, id, id_size, flags;
	} kinds[] = {
		{0, 8, 3, 1, 4},    /* local APIC */
		{9, 16, 4, 4, 8},   /* local x2APIC */
		{11, 40, 8, 4, 12}, /* GIC CPU interface: ACPI processor uid */
	};
	const uint8_t *t = table;
	size_t n = 0;
	int rc = check_table(t, len, "APIC", HEADER + 8, &n, err);

	if (!rc && a->seen & NB_ACPI_HAS_MADT)
		rc = nb_error_set(err, -NB_EEXIST, 0,
				  "APIC (MADT): a second one; a machine has one");
	if (rc)
		return rc;
	a->seen |= NB_ACPI_HAS_MADT;
	for (size_t at = HEADER + 8; at + 2 <= n; at += t[at + 1]) {
		rc = check_entry(t, n, at, "APIC", err);
		if (rc)
			return rc;
		for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
			const uint8_t *e = t + at;
			uint32_t id;

			if (e[0] != kinds[k].type || e[1] < kinds[k].least)
				continue;
			id = kinds[k].id_size == 1 ? e[kinds[k].id] : le32(e + kinds[k].id);
			if (!(le32(e + kinds[k].flags) & 1) ||
			    id == (kinds[k].id_size == 1 ? 0xff : UINT32_MAX))
				continue;
			nb_acpi_push_madt(a, id);
		}
	}
	a->tables |= NB_ACPI_HAS_MADT;
	return 0;
}
