/* verify_tiers.c -- access classes and memory tiers out of the HMAT.
 *
 * Called by verify.c. Files: node/nodeN/access{0,1}/initiators (links to the initiating nodes and
 * their four figures), virtual/memory_tiering/memory_tierT/nodelist. Access:  0 counts all
 * initiators, 1 those with CPUs. A memory that names its processor's domain has that one alone (for
 * class 1 if it has CPUs); else those that are best in write latency, read latency, write and read
 * bandwidth, one after the other. Source: drivers/acpi/numa/hmat.c, hmat_update_target_attrs().
 * Tiers:   nodes with CPUs make the base, tier 4 (abstract distance 576, 128 a tier). Since 6.7 a
 * node without CPUs lies at 576 x its latencies / the base's x the base's bandwidths / its own;
 * without figures, and before, in tier 4 as well. Source: mm/memory-tiers.c,
 * mt_perf_to_adistance().
 */
#define _GNU_SOURCE /* memmem */
#include "base/fmt.h"
#include "base/mask.h"
#include "read/capture_priv.h"
#include "read/hmat.h"
#include "read/verify_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NODE_DIR "sys/devices/system/node"
#define TIER_DIR "sys/devices/virtual/memory_tiering"
#define DRAM_DISTANCE 576u
#define TIER_SHIFT 7
#define NR_TIERS 4096
#define DISTANCES_SINCE 6007u

static const char rule_access[] = "hmat_update_target_attrs";
static const char rule_tier[] = "mt_perf_to_adistance";

struct access {
	struct nb_nodemask initiators;
	uint32_t figure[NB_HMAT_KINDS];
};

static bool has_cpu(const struct nb_verify *v, int nid)
{
	struct nb_node_info n;

	return !nb_node_info(v->sys, nid, &n) && n.has_cpu;
}

static bool better(enum nb_hmat_kind kind, uint32_t value, uint32_t best)
{
	if (!value)
		return false;
	return !best || (kind <= NB_HMAT_WRITE_LATENCY ? value < best : value > best);
}

/* One kind of figure: of the candidates the best remain. */
static void keep_best(const struct nb_hmat *h, enum nb_hmat_kind kind, uint32_t target,
		      bool *candidate, struct access *a)
{
	uint32_t best = 0;
	size_t i;

	if (!nb_hmat_has(h, kind))
		return;
	for (i = 0; i < h->nr_initiators; i++) {
		uint32_t value = nb_hmat_value(h, kind, h->initiator[i], target);

		if (!candidate[i])
			continue;
		if (better(kind, value, best)) {
			best = value;
			memset(candidate, 0, i * sizeof(*candidate));
		}
		candidate[i] = value == best;
	}
	a->figure[kind] = best;
}

static void access_of(const struct nb_verify *v, const struct nb_hmat *h, uint32_t target,
		      unsigned class, struct access *a)
{
	static const enum nb_hmat_kind order[] = {NB_HMAT_WRITE_LATENCY, NB_HMAT_READ_LATENCY,
						  NB_HMAT_WRITE_BANDWIDTH, NB_HMAT_READ_BANDWIDTH};
	const struct nb_acpi *acpi = v->capture->acpi;
	uint32_t home = nb_hmat_home(h, target);
	bool *candidate;
	size_t i;
	int nid;

	memset(a, 0, sizeof(*a));
	nid = home == NB_HMAT_NO_PXM ? NB_NO_NODE : nb_acpi_pxm_to_node(acpi, home);
	if (nid != NB_NO_NODE && (!class || has_cpu(v, nid))) {
		nb_nodemask_set(&a->initiators, nid);
		for (i = 0; i < NB_HMAT_KINDS; i++)
			a->figure[i] = nb_hmat_value(h, (enum nb_hmat_kind)i, home, target);
		return;
	}
	candidate = nb_xcalloc(h->nr_initiators + 1, sizeof(*candidate));
	for (i = 0; i < h->nr_initiators; i++) {
		nid = nb_acpi_pxm_to_node(acpi, h->initiator[i]);
		candidate[i] = nid != NB_NO_NODE && (!class || has_cpu(v, nid));
	}
	for (i = 0; i < NB_HMAT_KINDS && h->nr_values; i++)
		keep_best(h, order[i], target, candidate, a);
	for (i = 0; i < h->nr_initiators && h->nr_values; i++) {
		if (candidate[i])
			nb_nodemask_set(&a->initiators, nb_acpi_pxm_to_node(acpi, h->initiator[i]));
	}
	free(candidate);
}

/* Names "node3" and "node3.link" of a directory. The kernel makes none without one: then the
 * recorder left the links out. */
static bool linked_nodes(struct nb_verify *v, const char *dir, struct nb_nodemask *ret)
{
	const char *const *n = nb_tree_list(v->tree, dir, NULL);

	memset(ret, 0, sizeof(*ret));
	for (; *n; n++) {
		uint64_t nid;
		size_t len = strlen(*n);

		if (len > 5 && !strcmp(*n + len - 5, ".link"))
			len -= 5;
		if (len > 4 && !strncmp(*n, "node", 4) && !nb_parse_u64(*n + 4, len - 4, &nid) &&
		    nid < NB_MAX_NODES)
			nb_nodemask_set(ret, (unsigned)nid);
	}
	return !nb_nodemask_empty(ret);
}

static void compare_masks(struct nb_verify *v, const struct nb_nodemask *kernel,
			  const struct nb_nodemask *predicted, const char *rule, const char *what)
{
	char k[8192], p[8192];

	nb_bits_format_list(kernel->bits, NB_MAX_NODES, k, sizeof(k));
	nb_bits_format_list(predicted->bits, NB_MAX_NODES, p, sizeof(p));
	nb_verify_text(v, NB_VS_TIERS, k, p, rule, "%s", what);
}

static void verify_access(struct nb_verify *v, const struct nb_hmat *h, int nid, unsigned class)
{
	static const char *const files[NB_HMAT_KINDS] = {"read_latency", "write_latency",
							 "read_bandwidth", "write_bandwidth"};
	struct nb_nodemask kernel;
	struct access a;
	char dir[128];
	int64_t figure;
	unsigned i;

	snprintf(dir, sizeof(dir), NODE_DIR "/node%d/access%u/initiators", nid, class);
	if (!linked_nodes(v, dir, &kernel)) {
		nb_verify_absent(v, dir);
		return;
	}
	access_of(v, h, nb_acpi_node_to_pxm(v->capture->acpi, (unsigned)nid), class, &a);
	compare_masks(v, &kernel, &a.initiators, rule_access, dir);
	for (i = 0; i < NB_HMAT_KINDS; i++) {
		if (!nb_tree_numberf(v->tree, &figure, "%s/%s", dir, files[i]))
			nb_verify_u64(v, NB_VS_TIERS, (uint64_t)figure, a.figure[i], rule_access,
				      "%s/%s", dir, files[i]);
	}
}

/* The base that abstract distances are relative to: the CPUs' own memory, of which all must be
 * alike within a tenth. */
static bool base_figures(const struct nb_verify *v, const struct nb_hmat *h,
			 uint32_t base[NB_HMAT_KINDS])
{
	bool found = false;
	unsigned i, k;

	for (i = 0; i < nb_acpi_nr_nodes(v->capture->acpi); i++) {
		struct nb_node_info n;
		struct access a;

		if (nb_node_info(v->sys, (int)i, &n) || !n.has_cpu || !n.has_memory)
			continue;
		access_of(v, h, nb_acpi_node_to_pxm(v->capture->acpi, i), 1, &a);
		if (!(a.figure[0] + a.figure[1]) || !(a.figure[2] + a.figure[3]))
			return found;
		for (k = 0; k < NB_HMAT_KINDS; k++) {
			uint32_t apart = a.figure[k] > base[k] ? a.figure[k] - base[k]
							       : base[k] - a.figure[k];

			if (found && apart * 10 > base[k])
				return false;
			if (!found)
				base[k] = a.figure[k];
		}
		found = true;
	}
	return found;
}

/* In 32 bits, as the kernel reckons. */
static uint32_t tier_of(const struct nb_verify *v, const struct nb_hmat *h, int nid,
			const uint32_t base[NB_HMAT_KINDS])
{
	struct access a;

	access_of(v, h, nb_acpi_node_to_pxm(v->capture->acpi, (unsigned)nid), 1, &a);
	if (!(a.figure[0] + a.figure[1]) || !(a.figure[2] + a.figure[3]))
		return DRAM_DISTANCE >> TIER_SHIFT;
	return DRAM_DISTANCE * (a.figure[0] + a.figure[1]) / (base[0] + base[1]) *
		       (base[2] + base[3]) / (a.figure[2] + a.figure[3]) >>
	       TIER_SHIFT;
}

static void predict_tiers(const struct nb_verify *v, const struct nb_hmat *h,
			  struct nb_nodemask *tier)
{
	uint32_t base[NB_HMAT_KINDS] = {0};
	bool distances =
		h && v->machine->profile->version >= DISTANCES_SINCE && base_figures(v, h, base);
	unsigned i;

	for (i = 0; i < nb_system_nr_nodes(v->sys); i++) {
		struct nb_node_info n;
		uint32_t t = DRAM_DISTANCE >> TIER_SHIFT;

		if (nb_node_info(v->sys, nb_system_node_id(v->sys, i), &n) || !n.has_memory)
			continue;
		if (distances && !n.has_cpu)
			t = tier_of(v, h, n.nid, base);
		if (t < NR_TIERS)
			nb_nodemask_set(&tier[t], n.nid);
	}
}

/* The boot log names all tables. */
static bool may_have_hmat(const struct nb_verify *v)
{
	const char *text;
	size_t len;

	return nb_tree_read(v->tree, "dmesg", &text, &len) ||
	       memmem(text, len, "ACPI: HMAT ", 11) || !memmem(text, len, "ACPI: ", 6);
}

static bool memory_without_cpus(const struct nb_verify *v)
{
	struct nb_node_info n;
	unsigned i;

	for (i = 0; i < nb_system_nr_nodes(v->sys); i++) {
		if (!nb_node_info(v->sys, nb_system_node_id(v->sys, i), &n) && n.has_memory &&
		    !n.has_cpu)
			return true;
	}
	return false;
}

static void verify_tier_files(struct nb_verify *v, const struct nb_hmat *h)
{
	struct nb_nodemask *tier, kernel;
	const char *text;
	char path[128];
	size_t len;
	unsigned t;

	if (!nb_tree_list(v->tree, TIER_DIR, NULL)[0])
		return; /* before 6.1, or not recorded */
	if (!h && may_have_hmat(v) && memory_without_cpus(v) &&
	    v->machine->profile->version >= DISTANCES_SINCE) {
		nb_verify_skip(v, NB_VS_TIERS, 1, "the HMAT is not in the capture",
			       TIER_DIR "/memory_tier*/nodelist");
		return;
	}
	tier = nb_xcalloc(NR_TIERS, sizeof(*tier));
	predict_tiers(v, h, tier);
	for (t = 0; t < NR_TIERS; t++) {
		bool there;

		snprintf(path, sizeof(path), TIER_DIR "/memory_tier%u/nodelist", t);
		there = !nb_tree_read(v->tree, path, &text, &len);
		while (there && len && (text[len - 1] == '\n' || !text[len - 1]))
			len--;
		if (!there && nb_nodemask_empty(&tier[t]))
			continue;
		memset(&kernel, 0, sizeof(kernel));
		if (there && nb_bits_parse_list(text, len, kernel.bits, NB_MAX_NODES))
			nb_verify_note(v, "%s: not a list of nodes", path);
		else
			compare_masks(v, &kernel, &tier[t], rule_tier, path);
	}
	free(tier);
}

/* Domains stand for nodes only while the firmware's nodes are in force. */
static bool nodes_are_firmware(const struct nb_verify *v)
{
	const struct nb_machine *m = v->machine;

	return v->capture->acpi_srat && !nb_capture_numa_option(m, "fake") &&
	       !nb_capture_numa_option(m, "off") &&
	       nb_system_nr_nodes(v->sys) == nb_acpi_nr_nodes(v->capture->acpi);
}

void nb_verify_tiers(struct nb_verify *v)
{
	struct nb_hmat h = {0};
	const char *text;
	bool has = false;
	size_t len;
	unsigned i;

	if (!nb_tree_read(v->tree, "acpi/HMAT.b64", &text, &len) ||
	    !nb_tree_read(v->tree, "acpi/HMAT", &text, &len) ||
	    !nb_tree_read(v->tree, "sys/firmware/acpi/tables/HMAT", &text, &len))
		has = !nb_hmat_parse(text, len, &h);
	if (has && !nodes_are_firmware(v)) {
		nb_verify_skip(v, NB_VS_TIERS, 1,
			       "the kernel's nodes are not those that the table speaks of", "HMAT");
		nb_hmat_release(&h);
		return;
	}
	for (i = 0; has && i < nb_acpi_nr_nodes(v->capture->acpi); i++) {
		struct nb_node_info n;

		if (nb_node_info(v->sys, (int)i, &n) || !n.has_memory)
			continue;
		verify_access(v, &h, n.nid, 0);
		if (v->machine->profile->version >= 5004)
			verify_access(v, &h, n.nid, 1);
	}
	verify_tier_files(v, has ? &h : NULL);
	nb_hmat_release(&h);
}
