/* capture_cpus.c -- CPUs, the node of each, and their place in packages, dies, clusters and cores.
 *
 * Called by capture_machine.c after the nodes. Which CPUs there are: sysfs, else proc/cpuinfo, else
 * the nodes' CPU lists, else the page sets of zoneinfo. The node of a CPU: SRAT through its APIC id
 * (proc/cpuinfo, else the MADT's order), else sysfs.
 */
#include "read/capture_priv.h"
#include "base/fmt.h"
#include "base/mask.h"
#include <stdlib.h>
#include <string.h>

#define CPUS "sys/devices/system/cpu"
#define NODES "sys/devices/system/node"
enum { UNKNOWN = -1 };

struct cpu_table {
	struct nb_cpumask present, online;
	bool has_online;
	bool has_lists;             /* some node lists CPUs */
	int nid[NB_MAX_CPUS];       /* as sysfs shows; NB_NO_NODE */
	uint32_t apic[NB_MAX_CPUS]; /* UINT32_MAX: not told */
};

/* "ffffffff,00000000" of nodeN/cpumap: 32 bits a group, highest first. */
static bool parse_mask(const char *text, size_t len, uint64_t *bits, unsigned nbits)
{
	unsigned at = 0;

	while (len && (text[len - 1] == '\n' || text[len - 1] == ' ' || text[len - 1] == '\0'))
		len--;
	for (size_t i = len; i-- > 0;) {
		const char *hex = "0123456789abcdef", *p;

		if (text[i] == ',') {
			at = (at + 31) / 32 * 32;
			continue;
		}
		p = text[i] ? strchr(hex, text[i] | 0x20) : NULL;
		if (!p)
			return false;
		for (unsigned k = 0; k < 4; k++, at++)
			if ((p - hex) >> k & 1 && at < nbits)
				nb_bit_set(bits, at);
	}
	return len > 0;
}

/* cpumap first: it is what libnuma and hwloc read, so that a copy made for them has it right. */
static void take_node_cpus(struct nb_build *b, struct cpu_table *t, int nid)
{
	struct nb_cpumask mask = {0};
	const char *text;
	size_t len;
	unsigned cpu, said = 0;

	if ((nb_tree_readf(b->t, &text, &len, NODES "/node%d/cpumap", nid) ||
	     !parse_mask(text, len, mask.bits, NB_MAX_CPUS)) &&
	    (nb_tree_readf(b->t, &text, &len, NODES "/node%d/cpulist", nid) ||
	     nb_bits_parse_list(text, len, mask.bits, NB_MAX_CPUS)))
		return;
	t->has_lists |= !nb_cpumask_empty(&mask);
	nb_for_each_cpu_in (cpu, &mask) {
		if (t->nid[cpu] == NB_NO_NODE)
			t->nid[cpu] = nid;
		else if (!b->emulated && !said++)
			nb_capture_add_note(b->c,
					    "CPUs: CPU %u is in the lists of node %d and of node "
					    "%d; the first one counts",
					    cpu, t->nid[cpu], nid);
	}
}

/* CPU N of a name "cpuN", or -1. */
static int cpu_of_name(const char *name)
{
	uint64_t id;

	if (strncmp(name, "cpu", 3) || nb_parse_u64(name + 3, strlen(name + 3), &id) ||
	    id >= NB_MAX_CPUS)
		return -1;
	return (int)id;
}

static bool has_word(const char *text, size_t len, const char *word)
{
	size_t n = strlen(word);

	for (size_t i = 0; i + n <= len; i++) {
		if (!memcmp(text + i, word, n) && (i == 0 || text[i - 1] == ' ') &&
		    (i + n == len || text[i + n] == ' '))
			return true;
	}
	return false;
}

/* proc/cpuinfo of x86: "processor : N" begins a CPU, "apicid : M" belongs to it. Other
 * architectures have "processor N:" (s390) or no such line; then only what is read stands. */
static void take_cpuinfo(struct nb_build *b, struct cpu_table *t, struct nb_cpumask *seen)
{
	const char *text, *line;
	size_t len, pos = 0, n;
	uint64_t cpu = NB_MAX_CPUS, value;

	if (nb_tree_read(b->t, "proc/cpuinfo", &text, &len))
		return;
	while (nb_next_line(text, len, &pos, &line, &n)) {
		const char *colon = memchr(line, ':', n);
		size_t value_len;

		if (!colon)
			continue;
		value_len = (size_t)(line + n - colon) - 1;
		colon++;
		while (value_len && (*colon == ' ' || *colon == '\t'))
			colon++, value_len--;
		while (value_len && (colon[value_len - 1] == ' ' || colon[value_len - 1] == '\r'))
			value_len--;
		if (n > 9 && !memcmp(line, "vendor_id", 9) && value_len < 64 && !b->m->cpu_vendor) {
			char vendor[64];

			nb_snprintf(vendor, sizeof(vendor), "%.*s", (int)value_len, colon);
			b->m->cpu_vendor = nb_machine_strdup(b->m, vendor);
		}
		if (n > 5 && !memcmp(line, "flags", 5) && !b->m->la57)
			b->m->la57 = has_word(colon, value_len, "la57");
		if (nb_parse_u64(colon, value_len, &value))
			continue;
		if (n > 9 && !memcmp(line, "processor", 9) && value < NB_MAX_CPUS) {
			cpu = value;
			nb_cpumask_set(seen, cpu);
		} else if (n > 6 && !memcmp(line, "apicid", 6) && cpu < NB_MAX_CPUS &&
			   value < UINT32_MAX) {
			t->apic[cpu] = (uint32_t)value;
		}
	}
}

/* The last resort: CPUs, and nodes of CPUs, as the boot log announces them. */
static void take_log(const struct nb_capture *c, struct cpu_table *t)
{
	bool none = nb_cpumask_empty(&t->present);

	for (size_t i = 0; i < c->dmesg.nr_smp; i++) {
		uint32_t cpu = c->dmesg.smp[i].id;

		if (none)
			nb_cpumask_set(&t->present, cpu);
		if (t->nid[cpu] == NB_NO_NODE)
			t->nid[cpu] = c->dmesg.smp[i].nid;
	}
	if (none && c->dmesg.nr_smp)
		nb_cpumask_set(&t->present, 0);
}

static void find_cpus(struct nb_build *b, struct cpu_table *t)
{
	struct nb_capture *c = b->c;
	const char *const *names = nb_tree_list(b->t, CPUS, NULL), *text;
	struct nb_cpumask cpuinfo = {0};
	size_t len;
	unsigned nid;

	for (unsigned i = 0; i < NB_MAX_CPUS; i++) {
		t->nid[i] = NB_NO_NODE;
		t->apic[i] = UINT32_MAX;
	}
	nb_for_each_node_in (nid, &c->online)
		take_node_cpus(b, t, (int)nid);
	take_cpuinfo(b, t, &cpuinfo);
	for (; *names; names++)
		if (cpu_of_name(*names) >= 0)
			nb_cpumask_set(&t->present, cpu_of_name(*names));
	if (!nb_tree_read(b->t, CPUS "/online", &text, &len) &&
	    !nb_bits_parse_list(text, len, t->online.bits, NB_MAX_CPUS))
		t->has_online = !nb_cpumask_empty(&t->online);
	if (nb_cpumask_empty(&t->present))
		t->present = t->has_online ? t->online : cpuinfo;
	for (unsigned i = 0; i < NB_MAX_CPUS; i++)
		if (t->nid[i] != NB_NO_NODE)
			nb_cpumask_set(&t->present, i);
	if (nb_cpumask_empty(&t->present) && c->has_zoneinfo)
		for (size_t z = 0; z < c->zoneinfo.nr_zones; z++)
			for (size_t p = 0; p < c->zoneinfo.zones[z].nr_pagesets; p++) {
				int cpu = c->zoneinfo.zones[z].pagesets[p].cpu;

				if (cpu >= 0 && cpu < NB_MAX_CPUS)
					nb_cpumask_set(&t->present, cpu);
			}
	take_log(c, t);
	if (nb_cpumask_empty(&t->present)) {
		nb_capture_add_note(c, "CPUs: not in the capture, one on node %d assumed",
				    b->m->nodes[0].id);
		nb_cpumask_set(&t->present, 0);
	}
}

static int number(struct nb_build *b, unsigned cpu, const char *what)
{
	int64_t v;

	if (nb_tree_numberf(b->t, &v, CPUS "/cpu%u/topology/%s", cpu, what) || v < 0 ||
	    v >= UINT16_MAX)
		return UNKNOWN; /* -1, or (u16)-1 as cluster_id shows "none" */
	return (int)v;
}

/* The first CPU of those that share the cache of the highest index: sysfs counts levels up. */
static int last_cache(struct nb_build *b, unsigned cpu)
{
	struct nb_cpumask shared = {0};
	const char *const *names, *text;
	uint64_t index, last = 0;
	char dir[96];
	size_t len;

	nb_snprintf(dir, sizeof(dir), CPUS "/cpu%u/cache", cpu);
	for (names = nb_tree_list(b->t, dir, NULL); *names; names++)
		if (!strncmp(*names, "index", 5) &&
		    !nb_parse_u64(*names + 5, strlen(*names + 5), &index) && index > last)
			last = index;
	nb_snprintf(dir, sizeof(dir), CPUS "/cpu%u/cache/index%u", cpu, (unsigned)last);
	if (nb_tree_readf(b->t, &text, &len, "%s/shared_cpu_list", dir) ||
	    nb_bits_parse_list(text, len, shared.bits, NB_MAX_CPUS)) {
		if (nb_tree_readf(b->t, &text, &len, "%s/shared_cpu_map", dir) ||
		    !parse_mask(text, len, shared.bits, NB_MAX_CPUS))
			return UNKNOWN;
	}
	return nb_cpumask_empty(&shared) ? UNKNOWN : (int)nb_cpumask_next(&shared, 0);
}

/* Nodes by APIC id, from the SRAT or from dmesg's SRAT lines. */
static int table_node(const struct nb_capture *c, uint32_t apic, unsigned cpu)
{
	if (c->acpi_srat) {
		for (unsigned i = 0; apic != UINT32_MAX && i < nb_acpi_nr_cpus(c->acpi); i++)
			if (nb_acpi_cpu_apic_id(c->acpi, i) == apic)
				return nb_acpi_cpu_node(c->acpi, i);
		return apic == UINT32_MAX ? nb_acpi_cpu_node(c->acpi, cpu) : NB_NO_NODE;
	}
	for (size_t i = 0; apic != UINT32_MAX && i < c->dmesg.nr_cpus; i++)
		if (c->dmesg.cpus[i].id == apic)
			return c->dmesg.cpus[i].nid;
	return NB_NO_NODE;
}

static bool is_node(const struct nb_machine *m, int nid)
{
	/* not sealed: sorted already, nodes were added in ascending order */
	return nid != NB_NO_NODE && nb_machine_node_index(m, nid) >= 0;
}

/* An offline CPU is in no node's list: cpuN/nodeM, else the node of a CPU of its package. */
static int offline_node(struct nb_build *b, const struct cpu_table *t, unsigned cpu)
{
	int package = number(b, cpu, "physical_package_id");
	unsigned other;
	uint64_t nid;
	char dir[64];

	nb_snprintf(dir, sizeof(dir), CPUS "/cpu%u", cpu);
	for (const char *const *n = nb_tree_list(b->t, dir, NULL); *n; n++)
		if (!strncmp(*n, "node", 4) && !nb_parse_u64(*n + 4, strlen(*n + 4), &nid) &&
		    nid < NB_MAX_NODES && is_node(b->m, (int)nid))
			return (int)nid;
	nb_for_each_cpu_in (other, &t->present) {
		if (package >= 0 && is_node(b->m, t->nid[other]) &&
		    number(b, other, "physical_package_id") == package)
			return t->nid[other];
	}
	return b->m->nodes[0].id;
}

static int add_cpu(struct nb_build *b, const struct cpu_table *t, unsigned cpu)
{
	struct nb_cpu x = {.id = (int)cpu, .nid = table_node(b->c, t->apic[cpu], cpu)};
	int64_t online;

	if (!is_node(b->m, x.nid))
		x.nid = t->nid[cpu];
	if (!is_node(b->m, x.nid))
		x.nid = b->m->nr_nodes == 1 ? b->m->nodes[0].id : offline_node(b, t, cpu);
	/* a node lists the CPUs that are on line, whatever a trimmed copy says elsewhere */
	if (t->nid[cpu] != NB_NO_NODE)
		x.online = true;
	else if (t->has_online)
		x.online = nb_cpumask_test(&t->online, cpu);
	else if (nb_tree_numberf(b->t, &online, CPUS "/cpu%u/online", cpu))
		x.online = !t->has_lists;
	else
		x.online = online != 0;
	x.package = number(b, cpu, "physical_package_id");
	x.die = number(b, cpu, "die_id");
	x.cluster = number(b, cpu, "cluster_id");
	x.core = number(b, cpu, "core_id");
	x.llc = last_cache(b, cpu);
	return nb_machine_add_cpu(b->m, &x);
}

int nb_capture_cpus(struct nb_build *b)
{
	struct cpu_table *t = nb_xcalloc(1, sizeof(*t));
	unsigned cpu;
	int bad = 0;

	find_cpus(b, t);
	nb_for_each_cpu_in (cpu, &t->present) {
		if (!bad)
			bad = add_cpu(b, t, cpu);
	}
	free(t);
	return bad;
}
