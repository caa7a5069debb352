/* yaml_write.c -- a sealed machine as a machine file.
 *
 * Called by the capture command. Writes ranges, not sizes, so that nothing is laid out again when
 * it is read; what a key's default says is left out. Invariant, held by a test: reading it back
 * gives the same machine.
 */
#include "read/yaml.h"

#include "base/mask.h"
#include "read/machine.h"
#include "read/yaml_priv.h"

#include <stdlib.h>
#include <string.h>

#define LL(x) ((unsigned long long)(x))

/* One character of UTF-8 at s: its length and *ret_code; 0 for bytes that are none. */
static size_t utf8_char(const unsigned char *s, uint32_t *ret_code)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t n = s[0] < 0x80       ? 1
		   : s[0] >> 5 == 6  ? 2
		   : s[0] >> 4 == 14 ? 3
		   : s[0] >> 3 == 30 ? 4
				     : 0;
	uint32_t code = n == 1 ? s[0] : s[0] & (0x7fu >> n);

	for (size_t i = 1; i < n; i++) {
		if (s[i] >> 6 != 2)
			return 0;
		code = code << 6 | (s[i] & 0x3f);
	}
	if (!n || code < least[n] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
		return 0;
	*ret_code = code;
	return n;
}

/* A double-quoted scalar. What is not printable in YAML is escaped; bytes that are no UTF-8, which
 * YAML cannot hold, become U+FFFD. */
static void put_string(struct nb_text *out, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	nb_text_puts(out, "\"");
	while (*s) {
		uint32_t code = 0xfffd;
		size_t n = utf8_char(s, &code);

		if (code == '"' || code == '\\')
			nb_text_printf(out, "\\%c", (int)code);
		else if (code < 0x20 || (code >= 0x7f && code < 0xa0))
			nb_text_printf(out, "\\x%02x", code);
		else if (!n || code == 0xfeff || code == 0xfffe || code == 0xffff)
			nb_text_printf(out, "\\u%04x", code);
		else
			nb_text_add(out, (const char *)s, n);
		s += n ? n : 1;
	}
	nb_text_puts(out, "\"");
}

static void put_range(struct nb_text *out, const struct nb_mem_range *r)
{
	nb_text_printf(out, "0x%llx-0x%llx", LL(r->start), LL(r->end - 1));
}

static void put_flags(struct nb_text *out, unsigned flags)
{
	static const struct {
		unsigned flag;
		const char *name;
	} names[] = {
		{NB_RANGE_HOTPLUG, "hotplug"},         {NB_RANGE_MIRROR, "mirror"},
		{NB_RANGE_HOTADDED, "hotadded"},       {NB_RANGE_MOVABLE, "movable"},
		{NB_RANGE_NONVOLATILE, "nonvolatile"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (flags & names[i].flag)
			nb_text_printf(out, ", %s: true", names[i].name);
	}
}

static void put_cpu_list(const struct nb_machine *m, int nid, struct nb_text *out)
{
	struct nb_cpumask mask = {{0}};
	size_t n;
	char *s;

	for (unsigned i = 0; i < m->nr_cpus; i++) {
		if (m->cpus[i].nid == nid)
			nb_cpumask_set(&mask, m->cpus[i].id);
	}
	n = nb_bits_format_list(mask.bits, NB_MAX_CPUS, NULL, 0) + 1;
	s = nb_xcalloc(n, 1);
	nb_bits_format_list(mask.bits, NB_MAX_CPUS, s, n);
	nb_text_printf(out, "\"%s\"", s);
	free(s);
}

static void put_kernel(const struct nb_machine *m, struct nb_text *out)
{
	bool exact;
	/* A release that says no version ("dummy") reads as none. */
	const char *release = nb_kernel_nearest(m->release, &exact) ? m->release
			      : m->profile                          ? m->profile->key
								    : "";

	if (!release[0] && !m->cmdline[0] && !m->nr_sysctls)
		return;
	nb_text_puts(out, "  kernel:\n");
	if (release[0]) {
		nb_text_puts(out, "    version: ");
		put_string(out, release);
		nb_text_puts(out, "\n");
	}
	if (m->cmdline[0]) {
		nb_text_puts(out, "    cmdline: ");
		put_string(out, m->cmdline);
		nb_text_puts(out, "\n");
	}
	if (m->nr_sysctls)
		nb_text_puts(out, "    sysctl:\n");
	for (unsigned i = 0; i < m->nr_sysctls; i++) {
		unsigned later = i + 1;

		/* A mapping holds each key once: the last setting counts. */
		while (later < m->nr_sysctls && strcmp(m->sysctls[later].name, m->sysctls[i].name))
			later++;
		if (later < m->nr_sysctls)
			continue;
		nb_text_puts(out, "      ");
		put_string(out, m->sysctls[i].name);
		nb_text_puts(out, ": ");
		put_string(out, m->sysctls[i].value);
		nb_text_puts(out, "\n");
	}
}

static void put_node_ranges(const struct nb_machine *m, int nid, struct nb_text *out)
{
	unsigned n = 0;

	for (unsigned i = 0; i < m->nr_ranges; i++) {
		const struct nb_mem_range *r = &m->ranges[i];

		if (r->nid != nid)
			continue;
		if (!n++)
			nb_text_puts(out, "      ranges:\n");
		nb_text_puts(out, "        - ");
		if (r->flags)
			nb_text_puts(out, "{ range: ");
		put_range(out, r);
		put_flags(out, r->flags);
		nb_text_puts(out, r->flags ? " }\n" : "\n");
	}
}

static void put_nodes(const struct nb_machine *m, struct nb_text *out)
{
	bool stray = false;

	nb_text_puts(out, "  nodes:\n");
	for (unsigned i = 0; i < m->nr_nodes; i++) {
		const struct nb_node *n = &m->nodes[i];

		nb_text_printf(out, "    - id: %d\n      cpus: ", n->id);
		put_cpu_list(m, n->id, out);
		nb_text_puts(out, "\n");
		if (!n->online)
			nb_text_puts(out, "      online: false\n");
		if (n->generic_initiator)
			nb_text_puts(out, "      generic_initiator: true\n");
		put_node_ranges(m, n->id, out);
	}
	for (unsigned i = 0; i < m->nr_cpus; i++)
		stray |= m->cpus[i].nid == NB_NO_NODE;
	if (!stray)
		return;
	nb_text_puts(out, "  cpus_without_node: ");
	put_cpu_list(m, NB_NO_NODE, out);
	nb_text_puts(out, "\n");
}

static void put_id(struct nb_text *out, const char *name, int id)
{
	if (id >= 0)
		nb_text_printf(out, ", %s: %d", name, id);
}

static bool same_place(const struct nb_cpu *a, const struct nb_cpu *b)
{
	return a->package == b->package && a->die == b->die && a->cluster == b->cluster &&
	       a->core == b->core && a->llc == b->llc && a->online == b->online;
}

/* Neighbouring CPUs with the same ids (the threads of a core, mostly) share a line. */
static void put_topology(const struct nb_machine *m, struct nb_text *out)
{
	static const struct nb_cpu none = {
		.online = true,
		.package = -1,
		.die = -1,
		.cluster = -1,
		.core = -1,
		.llc = -1,
	};
	bool some = false;

	for (unsigned i = 0; i < m->nr_cpus;) {
		const struct nb_cpu *c = &m->cpus[i];
		unsigned end = i + 1;

		while (end < m->nr_cpus && m->cpus[end].id == m->cpus[end - 1].id + 1 &&
		       same_place(c, &m->cpus[end]))
			end++;
		if (!same_place(c, &none)) {
			nb_text_printf(out, "%s    - { cpus: ", some ? "" : "  topology:\n");
			nb_text_printf(out, end - i > 1 ? "%d-%d" : "%d", c->id,
				       m->cpus[end - 1].id);
			put_id(out, "package", c->package);
			put_id(out, "die", c->die);
			put_id(out, "cluster", c->cluster);
			put_id(out, "core", c->core);
			put_id(out, "llc", c->llc);
			nb_text_puts(out, c->online ? " }\n" : ", online: false }\n");
			some = true;
		}
		i = end;
	}
}

static void put_firmware(const struct nb_machine *m, struct nb_text *out)
{
	if (m->nr_firmware)
		nb_text_puts(out, "  firmware:\n");
	for (unsigned i = 0; i < m->nr_firmware; i++) {
		nb_text_puts(out, "    - { range: ");
		put_range(out, &m->firmware[i]);
		nb_text_printf(out, ", type: %s }\n", yaml_mem_types[m->firmware[i].type]);
	}
	if (m->nr_affinity)
		nb_text_puts(out, "  affinity:\n");
	for (unsigned i = 0; i < m->nr_affinity; i++) {
		const struct nb_mem_range *r = &m->affinity[i];

		nb_text_printf(out, "    - { node: %d, range: ", r->nid);
		put_range(out, r);
		put_flags(out, r->flags & (NB_RANGE_HOTPLUG | NB_RANGE_NONVOLATILE));
		nb_text_puts(out, " }\n");
	}
}

static void put_reserved(const struct nb_machine *m, struct nb_text *out)
{
	if (m->nr_reserved)
		nb_text_puts(out, "  reserved:\n");
	for (unsigned i = 0; i < m->nr_reserved; i++) {
		nb_text_puts(out, "    - { range: ");
		put_range(out, &m->reserved[i]);
		nb_text_puts(out, " }\n");
	}
}

enum cell { CELL_DISTANCE, CELL_LATENCY, CELL_BANDWIDTH };

static void put_cell(const struct nb_machine *m, enum cell kind, size_t i, struct nb_text *out)
{
	switch (kind) {
	case CELL_DISTANCE:
		nb_text_printf(out, "%u", m->distances[i]);
		return;
	case CELL_LATENCY:
		nb_text_printf(out, "%u.%03u", m->latency_ps[i] / 1000, m->latency_ps[i] % 1000);
		return;
	case CELL_BANDWIDTH:
		nb_text_printf(out, "%llu", LL(m->bandwidth_bytes[i]));
		return;
	}
}

static void put_matrix(const struct nb_machine *m, const char *indent, enum cell kind,
		       struct nb_text *out)
{
	for (unsigned i = 0; i < m->nr_nodes; i++) {
		nb_text_printf(out, "%s- [ ", indent);
		for (unsigned j = 0; j < m->nr_nodes; j++) {
			if (j)
				nb_text_puts(out, ", ");
			put_cell(m, kind, (size_t)i * m->nr_nodes + j, out);
		}
		nb_text_puts(out, " ]\n");
	}
}

static void put_costs(const struct nb_machine *m, struct nb_text *out)
{
	if (m->distances) {
		nb_text_puts(out, "  distances:\n");
		put_matrix(m, "    ", CELL_DISTANCE, out);
	}
	nb_text_printf(out, "  latency_ns:\n    local: %u.%03u\n", m->local_latency_ps / 1000,
		       m->local_latency_ps % 1000);
	if (m->latency_ps) {
		nb_text_puts(out, "    matrix:\n");
		put_matrix(m, "      ", CELL_LATENCY, out);
	}
	if (!m->local_bandwidth_bytes && !m->bandwidth_bytes)
		return;
	nb_text_puts(out, "  bandwidth:\n");
	if (m->local_bandwidth_bytes)
		nb_text_printf(out, "    local: %llu\n", LL(m->local_bandwidth_bytes));
	if (m->bandwidth_bytes) {
		nb_text_puts(out, "    matrix:\n");
		put_matrix(m, "      ", CELL_BANDWIDTH, out);
	}
}

static void put_pages(struct nb_text *out, const char *name, uint64_t pages)
{
	if (pages != NB_UNKNOWN)
		nb_text_printf(out, ", %s: %llu", name, LL(pages));
}

static void put_zones(const struct nb_machine *m, struct nb_text *out)
{
	bool any = false;

	for (unsigned i = 0; i < m->nr_zone_facts; i++) {
		const struct nb_zone_fact *f = &m->zone_facts[i];

		/* A capture's zoneinfo may contradict its memory; boot passes such a fact over. */
		if (f->managed_pages != NB_UNKNOWN && f->managed_pages > yaml_most_managed(m, f))
			continue;
		if (!any)
			nb_text_puts(out, "  zones:\n");
		any = true;
		nb_text_printf(out, "    - { node: %d, zone: %s", f->nid, nb_zone_name(f->type));
		put_pages(out, "managed", f->managed_pages);
		put_pages(out, "managed_at_init", f->managed_at_init_pages);
		put_pages(out, "cma", f->cma_pages);
		put_pages(out, "present", f->present_pages);
		nb_text_puts(out, " }\n");
	}
}

/* The architecture in the reader's words; nb_arch_name() calls both i386 kinds one. */
static const char *arch_word(const struct nb_machine *m)
{
	if (m->arch == NB_ARCH_I386PAE)
		return "i386pae";
	if (m->arch != NB_ARCH_OTHER)
		return nb_arch_name(m->arch);
	return nb_read_arch_known(m->arch_name) ? m->arch_name : "other";
}

void nb_write_yaml(const struct nb_machine *m, struct nb_text *out)
{
	nb_text_puts(out, "machine:\n  name: ");
	put_string(out, m->name);
	nb_text_printf(out, "\n  arch: %s\n", arch_word(m));
	if (m->page_shift != 12)
		nb_text_printf(out, "  page_size: %uK\n", 1u << (m->page_shift - 10));
	put_kernel(m, out);
	put_nodes(m, out);
	put_topology(m, out);
	put_firmware(m, out);
	put_costs(m, out);
	if (m->lowmem_end)
		nb_text_printf(out, "  lowmem_end: 0x%llx\n", LL(m->lowmem_end));
	if (m->dma_limit)
		nb_text_printf(out, "  dma_limit: 0x%llx\n", LL(m->dma_limit));
	put_reserved(m, out);
	put_zones(m, out);
}
