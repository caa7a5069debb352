/* boot_text.c -- see boot_text.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hosted/text.h"
#include "base/mask.h"
#include "boot_text.h"
#include "mm/mmzone.h"

#define LL(x) ((unsigned long long)(x))

static bool has_word(const char *s, size_t n, const char *word)
{
	char *copy = nb_xstrndup(s, n);
	bool has = strstr(copy, word) != NULL;

	free(copy);
	return has;
}

static unsigned read_flags(const char *s, size_t n)
{
	return (has_word(s, n, "hotplug") ? NB_RANGE_HOTPLUG : 0u) |
	       (has_word(s, n, "mirror") ? NB_RANGE_MIRROR : 0u) |
	       (has_word(s, n, "hotadded") ? NB_RANGE_HOTADDED : 0u) |
	       (has_word(s, n, "movable") ? NB_RANGE_MOVABLE : 0u);
}

static enum nb_mem_type read_type(const char *s)
{
	static const char *const names[] = {"ram", "res", "acpi", "nvs", "bad", "pmem", "soft"};

	for (unsigned i = 0; i < 7; i++) {
		if (strncmp(s, names[i], strlen(names[i])) == 0)
			return (enum nb_mem_type)i;
	}
	fail_msg("what is %s", s);
	return NB_MEM_RAM;
}

/* "WORD START-END FLAGS, ..." through one of the machine's adders. */
static void read_ranges(struct nb_machine *m, const char *s, bool typed,
			int (*add)(struct nb_machine *, const struct nb_mem_range *))
{
	while (s && *s) {
		struct nb_mem_range r = {.nid = NB_NO_NODE};
		size_t n = strcspn(s, ",");
		char *end;

		if (typed)
			r.type = read_type(s);
		else
			r.nid = atoi(s);
		r.start = strtoull(s + strcspn(s, " "), &end, 16);
		assert_int_equal(*end, '-');
		r.end = strtoull(end + 1, NULL, 16) + 1;
		r.flags = read_flags(s, n);
		assert_int_equal(add(m, &r), 0);
		s += n;
		s += strspn(s, ", ");
	}
}

static void read_cpus(struct nb_machine *m, const char *s)
{
	for (int id = 0; s && *s; id++) {
		struct nb_cpu c = {.id = id, .online = true, .llc = id / 2};

		c.nid = *s == '-' ? NB_NO_NODE : atoi(s);
		assert_int_equal(nb_machine_add_cpu(m, &c), 0);
		s += strcspn(s, " ");
		s += strspn(s, " ");
	}
}

/* "NID ZONE managed N init N present N, ..." */
static void read_facts(struct nb_machine *m, const char *s)
{
	while (s && *s) {
		struct nb_zone_fact f = {.managed_pages = NB_UNKNOWN,
					 .managed_at_init_pages = NB_UNKNOWN,
					 .cma_pages = NB_UNKNOWN};
		size_t n = strcspn(s, ",");
		char *copy = nb_xstrndup(s, n), zone[16];
		const char *p;

		assert_int_equal(sscanf(copy, "%d %15s", &f.nid, zone), 2);
		f.type = (enum nb_zone_type)nb_zone_by_name(zone, strlen(zone));
		if ((p = strstr(copy, "managed ")))
			f.managed_pages = strtoull(p + 8, NULL, 10);
		if ((p = strstr(copy, "init ")))
			f.managed_at_init_pages = strtoull(p + 5, NULL, 10);
		if ((p = strstr(copy, "present ")))
			f.present_pages = strtoull(p + 8, NULL, 10);
		assert_int_equal(nb_machine_add_zone_fact(m, &f), 0);
		free(copy);
		s += n;
		s += strspn(s, ", ");
	}
}

/* "START-END freed N, ..." */
static void read_early(struct nb_machine *m, const char *s)
{
	while (s && *s) {
		unsigned long long start, end, freed;
		struct nb_early_load e;

		assert_int_equal(sscanf(s, "%llx-%llx freed %llu", &start, &end, &freed), 3);
		e = (struct nb_early_load){.start = start, .end = end + 1, .freed_pages = freed};
		assert_int_equal(nb_machine_add_early(m, &e), 0);
		s += strcspn(s, ",");
		s += strspn(s, ", ");
	}
}

/* Nodes: all that are named anywhere. */
static void add_nodes(struct nb_machine *m)
{
	struct nb_nodemask seen = {{0}};
	unsigned i;

	for (i = 0; i < m->nr_cpus; i++) {
		if (m->cpus[i].nid >= 0)
			nb_nodemask_set(&seen, m->cpus[i].nid);
	}
	for (i = 0; i < m->nr_affinity; i++)
		nb_nodemask_set(&seen, m->affinity[i].nid);
	for (i = 0; i < m->nr_ranges; i++)
		nb_nodemask_set(&seen, m->ranges[i].nid);
	if (nb_nodemask_empty(&seen))
		nb_nodemask_set(&seen, 0);
	nb_for_each_node_in (i, &seen) {
		struct nb_node n = {.id = (int)i, .online = true};

		assert_int_equal(nb_machine_add_node(m, &n), 0);
	}
}

static struct nb_machine *make_machine(const struct nb_port *port, const struct boot_case *c)
{
	struct nb_machine *m = nb_machine_new(port);
	struct nb_error err = {0};

	assert_non_null(m);
	m->arch = c->arch;
	m->page_shift = c->page_shift ? c->page_shift : 12;
	m->profile = nb_kernel_by_key(c->kernel ? c->kernel : "6.12");
	m->cpu_vendor = c->vendor;
	m->lowmem_end = c->lowmem_end;
	m->dma_limit = c->dma_limit;
	read_ranges(m, c->firmware, true, nb_machine_add_firmware);
	read_ranges(m, c->srat, false, nb_machine_add_affinity);
	read_ranges(m, c->ranges, false, nb_machine_add_range);
	read_cpus(m, c->cpus);
	read_facts(m, c->facts);
	read_early(m, c->early);
	add_nodes(m);
	if (c->distances)
		assert_int_equal(nb_machine_set_distances(m, c->distances, m->nr_nodes), 0);
	if (c->cmdline)
		assert_int_equal(nb_machine_add_cmdline(m, c->cmdline), 0);
	if (nb_machine_seal(m, &err))
		fail_msg("machine: %s", err.text);
	return m;
}

static void print_ranges(const struct nb_system *sys, struct nb_text *t)
{
	unsigned n;
	const struct nb_mem_range *r = nb_system_memblock(sys, &n);

	for (unsigned i = 0; i < n; i++)
		nb_text_printf(t, "%d %llx-%llx%s%s%s\n", r[i].nid, LL(r[i].start),
			       LL(r[i].end - 1), r[i].flags & NB_RANGE_HOTPLUG ? " hotplug" : "",
			       r[i].flags & NB_RANGE_MIRROR ? " mirror" : "",
			       r[i].flags & NB_RANGE_HOTADDED ? " hotadded" : "");
}

static void print_zones(const struct nb_system *sys, unsigned parts, struct nb_text *t)
{
	static const char *const sources[] = {"absent", "given", "computed", "estimated"};

	for (unsigned i = 0; i < nb_system_nr_nodes(sys); i++) {
		for (int type = 0; type < NB_MAX_NR_ZONES; type++) {
			struct nb_zone_info z;

			if (nb_zone_info(sys, nb_system_node_id(sys, i), (enum nb_zone_type)type,
					 &z) ||
			    !z.spanned_pages)
				continue;
			nb_text_printf(t, "%d %s", z.nid, nb_zone_name(z.type));
			if (parts & BOOT_ZONES)
				nb_text_printf(t, " %llu %llu %llu", LL(z.start_pfn),
					       LL(z.spanned_pages), LL(z.present_pages));
			if (parts & BOOT_MANAGED)
				nb_text_printf(t, " managed %llu init %llu %s", LL(z.managed_pages),
					       LL(z.managed_at_init_pages),
					       sources[z.managed_source]);
			nb_text_puts(t, "\n");
		}
	}
}

static void print_cpus(const struct nb_system *sys, struct nb_text *t)
{
	char list[256];

	for (unsigned i = 0; i < nb_system_nr_nodes(sys); i++) {
		struct nb_node_info n;

		nb_node_info(sys, nb_system_node_id(sys, i), &n);
		nb_bits_format_list(n.cpus.bits, NB_MAX_CPUS, list, sizeof(list));
		nb_text_printf(t, "%d cpus %s%s\n", n.nid, list, n.online ? "" : " offline");
	}
	nb_text_puts(t, "nodes of CPUs");
	for (unsigned i = 0; i < sys->nr_cpu_ids; i++)
		nb_text_printf(t, " %d", sys->cpu_to_node[i]);
	nb_text_puts(t, "\n");
}

static void print_limits(const struct nb_system *sys, struct nb_text *t)
{
	struct nb_system_info info;

	nb_system_info(sys, &info);
	for (int z = 0; z < NB_MAX_NR_ZONES; z++) {
		if (info.zone_low_pfn[z] < info.zone_high_pfn[z])
			nb_text_printf(t, "%s %llu-%llu\n", nb_zone_name((enum nb_zone_type)z),
				       LL(info.zone_low_pfn[z]), LL(info.zone_high_pfn[z]));
	}
}

static void print_system(const struct nb_system *sys, unsigned parts, struct nb_text *t)
{
	const char *line;

	for (unsigned i = 0; parts & BOOT_SAID && (line = nb_system_message(sys, i)); i++)
		nb_text_printf(t, "said %s\n", line);
	if (parts & BOOT_RANGES)
		print_ranges(sys, t);
	if (parts & BOOT_LIMITS)
		print_limits(sys, t);
	for (unsigned i = 0; parts & BOOT_MOVABLE && i < nb_system_nr_nodes(sys); i++) {
		struct nb_node_info n;

		nb_node_info(sys, nb_system_node_id(sys, i), &n);
		if (n.movable_start_pfn)
			nb_text_printf(t, "movable %d %llu\n", n.nid, LL(n.movable_start_pfn));
	}
	if (parts & (BOOT_ZONES | BOOT_MANAGED))
		print_zones(sys, parts, t);
	if (parts & BOOT_CPUS)
		print_cpus(sys, t);
	for (unsigned i = 0; parts & BOOT_DISTANCES && i < nb_system_nr_nodes(sys); i++) {
		for (unsigned j = 0; j < nb_system_nr_nodes(sys); j++)
			nb_text_printf(t, "%s%u", j ? " " : "",
				       nb_system_distance(sys, nb_system_node_id(sys, i),
							  nb_system_node_id(sys, j)));
		nb_text_puts(t, "\n");
	}
}

static char *run(const struct boot_case *c, unsigned parts, bool want_error)
{
	struct nb_text t = {0};
	struct nb_error err = {0};
	struct nb_system *sys = NULL;
	struct nb_machine *m;
	struct nb_port port;
	int ret;

	nb_port_posix(&port, false);
	m = make_machine(&port, c);
	nb_text_puts(&t, "");
	ret = nb_system_boot(&port, m, NULL, &sys, &err);
	if (!ret != !want_error)
		fail_msg("boot gives %d: %s", ret, err.text);
	if (want_error)
		nb_text_puts(&t, err.text);
	else
		print_system(sys, parts, &t);
	nb_system_shutdown(sys);
	nb_machine_free(m);
	return t.s;
}

char *boot_text(const struct boot_case *c, unsigned parts)
{
	return run(c, parts, false);
}

char *boot_error(const struct boot_case *c)
{
	return run(c, 0, true);
}

void boot_expect(const struct boot_case *c, unsigned parts, const char *want)
{
	char *text = boot_text(c, parts);

	if (strcmp(text, want) != 0)
		print_error("command line: %s\n--- found\n%s--- right\n%s",
			    c->cmdline ? c->cmdline : "", text, want);
	assert_string_equal(text, want);
	free(text);
}
