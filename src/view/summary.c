/* summary.c -- the overview of a booted machine, as text and as JSON.
 *
 * Text is for people: tables, sizes with units, and where each figure comes from. JSON has the same
 * figures in pages and bytes. Nothing here is a report of Linux's; formats may change.
 */
#include "view/summary.h"
#include "base/mask.h"
#include "view/names.h"
#include "view/table.h"
#include "view/view.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MAX_DISTANCE_COLUMNS 16
#define MAX_MESSAGES 12

const char *nb_source_name(enum nb_source s)
{
	static const char *const name[] = {"absent", "given", "computed", "estimated"};

	return (unsigned)s < sizeof(name) / sizeof(name[0]) ? name[s] : "?";
}

/* sizeof(struct page) on that architecture's kernels. */
static unsigned struct_page_bytes(const struct nb_system_info *info)
{
	bool small = info->arch == NB_ARCH_I386 || info->arch == NB_ARCH_I386PAE ||
		     info->arch == NB_ARCH_ARM;

	return small ? info->profile->memmap_struct_page_bytes_32
		     : info->profile->memmap_struct_page_bytes;
}

/* log2(bytes) of a sparse section. Source: SECTION_SIZE_BITS of each architecture. */
unsigned nb_section_shift(const struct nb_system_info *info)
{
	switch (info->arch) {
	case NB_ARCH_I386:
		return 26;
	case NB_ARCH_I386PAE:
		return 29;
	case NB_ARCH_ARM:
		return 28;
	case NB_ARCH_ARM64:
		return info->page_shift == 16 ? 29 : 27;
	default:
		return 27;
	}
}

/* Sections that hold memory, all or those that boot saw; the ranges come in address order. */
static uint64_t count_sections(const struct nb_system *sys, unsigned shift, bool boot_only)
{
	uint64_t n = 0, next = 0;
	unsigned nr;
	const struct nb_mem_range *r = nb_system_memblock(sys, &nr);

	for (unsigned i = 0; i < nr; i++) {
		uint64_t first = r[i].start >> shift, last = (r[i].end - 1) >> shift;

		if (boot_only && (r[i].flags & NB_RANGE_HOTADDED))
			continue;
		if (first < next)
			first = next;
		if (last >= first)
			n += last - first + 1;
		if (last + 1 > next)
			next = last + 1;
	}
	return n;
}

void nb_memmap_cost(const struct nb_system *sys, struct nb_memmap_cost *ret)
{
	struct nb_system_info info;
	uint64_t section_bytes;
	unsigned shift;

	nb_system_info(sys, &info);
	*ret = (struct nb_memmap_cost){.struct_page_bytes = struct_page_bytes(&info)};
	ret->flat_bytes = info.max_pfn * ret->struct_page_bytes;
	for (unsigned i = 0; i < nb_system_nr_nodes(sys); i++) {
		struct nb_node_info ni;

		if (!nb_node_info(sys, nb_system_node_id(sys, i), &ni))
			ret->per_node_bytes += ni.spanned_pages * ret->struct_page_bytes;
	}
	shift = nb_section_shift(&info);
	section_bytes = (UINT64_C(1) << (shift - info.page_shift)) * ret->struct_page_bytes;
	ret->sparse_bytes = count_sections(sys, shift, false) * section_bytes;
	ret->hotadded_bytes = ret->sparse_bytes - count_sections(sys, shift, true) * section_bytes;
	ret->ours_bytes = info.committed_bytes;
	for (uint64_t top = info.max_pfn ? info.max_pfn - 1 : 0; top; top >>= 1)
		ret->pfn_bits++;
}

static void size_cell(struct nb_table *t, uint64_t bytes)
{
	struct nb_text s = {0};

	nb_text_size(&s, bytes);
	nb_table_cell(t, "%s", nb_text_str(&s));
	nb_text_release(&s);
}

/* CPU list of a node; long ones are cut. */
static void cpu_cell(struct nb_table *t, const struct nb_cpumask *cpus)
{
	char list[64];
	size_t n = nb_bits_format_list(cpus->bits, NB_MAX_CPUS, list, sizeof(list));

	if (!n)
		nb_table_cell(t, "-");
	else
		nb_table_cell(t, "%s%s", list, n >= sizeof(list) ? "..." : "");
}

static void print_head(const struct nb_system *sys, const struct nb_system_info *info,
		       struct nb_text *out)
{
	const struct nb_machine *m = nb_system_machine(sys);
	const struct nb_kernel_profile *p = info->profile;

	nb_text_printf(out, "machine    %s", m->name);
	if (m->origin && strcmp(m->origin, m->name) != 0)
		nb_text_printf(out, " (from %s)", m->origin);
	nb_text_printf(out,
		       "\nkernel     %s, profile %s on %s: ", *m->release ? m->release : p->key,
		       p->key, m->arch_name ? m->arch_name : nb_arch_name(info->arch));
	if (*m->release && !m->profile_exact)
		nb_text_puts(out, "the nearest there is, not this very version; ");
	nb_text_puts(out, info->arch != NB_ARCH_OTHER && p->confirmed[info->arch]
				  ? "confirmed by captured kernels\n"
				  : "not confirmed by any captured kernel\n");
	if (info->arch == NB_ARCH_OTHER)
		nb_text_printf(out,
			       "           the zones of %s are not modelled: one plain Normal zone "
			       "a node\n",
			       m->arch_name ? m->arch_name : "this architecture");
	if (*m->cmdline)
		nb_text_printf(out, "cmdline    %s\n", m->cmdline);
	nb_text_puts(out, "memory     ");
	nb_text_size(out, info->present_pages << info->page_shift);
	nb_text_printf(out,
		       " present, %u node%s, %u CPU%s, pages of %u KiB; ranges %s, distances %s\n",
		       nb_system_nr_nodes(sys), nb_system_nr_nodes(sys) == 1 ? "" : "s",
		       info->nr_cpus_online, info->nr_cpus_online == 1 ? "" : "s",
		       1u << (info->page_shift - 10), nb_source_name(m->memory_source),
		       m->distance_source != NB_SOURCE_ABSENT ? nb_source_name(m->distance_source)
							      : "not given (10 local, 20 remote)");
	nb_text_printf(out,
		       "reserves   min_free_kbytes %" PRIu64 " KiB, totalreserve %" PRIu64 " pages",
		       info->min_free_kbytes, info->totalreserve_pages);
	if (nb_names_numa(info->arch))
		nb_text_printf(out, ", policy zone %s", nb_zone_name(info->policy_zone));
	nb_text_puts(out, "\n");
}

static void print_nodes(const struct nb_system *sys, const struct nb_system_info *info,
			struct nb_text *out)
{
	unsigned n = nb_system_nr_nodes(sys);
	bool matrix = n <= MAX_DISTANCE_COLUMNS;
	struct nb_table t = {.indent = 2};

	nb_table_column(&t, "node", NB_TABLE_RIGHT);
	nb_table_column(&t, "CPUs", NB_TABLE_LEFT);
	nb_table_column(&t, "present", NB_TABLE_RIGHT);
	nb_table_column(&t, "managed", NB_TABLE_RIGHT);
	nb_table_column(&t, "free", NB_TABLE_RIGHT);
	for (unsigned k = 0; matrix && k < n; k++) {
		char heading[32];

		snprintf(heading, sizeof(heading), k ? "%d" : "to %d", nb_system_node_id(sys, k));
		nb_table_column(&t, heading, NB_TABLE_RIGHT);
	}
	for (unsigned i = 0; i < n; i++) {
		int nid = nb_system_node_id(sys, i);
		struct nb_node_info ni;

		if (nb_node_info(sys, nid, &ni))
			continue;
		nb_table_cell(&t, "%d", nid);
		cpu_cell(&t, &ni.cpus);
		size_cell(&t, ni.present_pages << info->page_shift);
		size_cell(&t, ni.managed_pages << info->page_shift);
		size_cell(&t, ni.free_pages << info->page_shift);
		for (unsigned k = 0; matrix && k < n; k++)
			nb_table_cell(&t, "%u",
				      nb_system_distance(sys, nid, nb_system_node_id(sys, k)));
	}
	nb_text_puts(out, "\nnodes\n");
	nb_table_print(&t, out);
	if (!matrix)
		nb_text_puts(out, "  distances: see the view hardware\n");
	nb_table_release(&t);
}

static void zone_row(struct nb_table *t, const struct nb_system_info *info,
		     const struct nb_zone_info *z)
{
	nb_table_cell(t, "%d", z->nid);
	nb_table_cell(t, "%s", nb_zone_name(z->type));
	nb_table_cell(t, "%" PRIu64, z->start_pfn);
	nb_table_cell(t, "%" PRIu64, z->spanned_pages);
	nb_table_cell(t, "%" PRIu64, z->present_pages);
	nb_table_cell(t, "%" PRIu64, z->spanned_pages - z->present_pages);
	nb_table_cell(t, "%" PRIu64, z->managed_pages);
	nb_table_cell(t, "%s", nb_source_name(z->managed_source));
	nb_table_cell(t, "%" PRIu64, z->free_pages);
	nb_table_cell(t, "%" PRIu64, z->wmark_pages[NB_WMARK_MIN]);
	nb_table_cell(t, "%" PRIu64, z->wmark_pages[NB_WMARK_LOW]);
	nb_table_cell(t, "%" PRIu64, z->wmark_pages[NB_WMARK_HIGH]);
	size_cell(t, z->managed_pages << info->page_shift);
}

static void print_zones(const struct nb_system *sys, const struct nb_system_info *info,
			struct nb_text *out)
{
	static const char *const heading[] = {
		"node",     "zone", "start_pfn", "spanned", "present", "absent", "managed",
		"which is", "free", "min",       "low",     "high",    "size"};
	struct nb_table t = {.indent = 2};

	for (size_t i = 0; i < sizeof(heading) / sizeof(heading[0]); i++)
		nb_table_column(&t, heading[i], i == 1 || i == 7 ? NB_TABLE_LEFT : NB_TABLE_RIGHT);
	for (unsigned i = 0; i < nb_system_nr_nodes(sys); i++) {
		for (int z = 0; z < NB_MAX_NR_ZONES; z++) {
			struct nb_zone_info zi;

			if (info->zones >> z & 1 &&
			    !nb_zone_info(sys, nb_system_node_id(sys, i), (enum nb_zone_type)z,
					  &zi) &&
			    zi.populated)
				zone_row(&t, info, &zi);
		}
	}
	nb_text_puts(out, "\nzones (pages; spans, marks and reserves are always computed)\n");
	nb_table_print(&t, out);
	nb_table_release(&t);
}

static void cost_line(const char *what, uint64_t bytes, const char *how, struct nb_text *out)
{
	struct nb_text size = {0};

	nb_text_size(&size, bytes);
	nb_text_printf(out, "  %-9s %10s  %s\n", what, nb_text_str(&size), how);
	nb_text_release(&size);
}

static void print_memmap(const struct nb_system *sys, const struct nb_system_info *info,
			 struct nb_text *out)
{
	struct nb_memmap_cost c;

	nb_memmap_cost(sys, &c);
	nb_text_printf(out,
		       "\nmem_map, sizeof(struct page) = %u bytes; a frame number needs %u bits\n",
		       c.struct_page_bytes, c.pfn_bits);
	cost_line("flat", c.flat_bytes, "one array from frame 0 to the last", out);
	cost_line("per node", c.per_node_bytes, "one array a node over its span, holes included",
		  out);
	cost_line("sparse", c.sparse_bytes, "sections that hold memory, as Linux does today", out);
	cost_line("numabox", c.ours_bytes, "committed now, all tables included", out);
	nb_text_printf(out, "             (numabox keeps %u bytes a touched page)\n",
		       info->nr_page_descriptor_bytes);
}

static void print_messages(const struct nb_system *sys, struct nb_text *out)
{
	const char *msg;
	unsigned i = 0;

	for (; (msg = nb_system_message(sys, i)); i++) {
		if (!i)
			nb_text_puts(out, "\nboot messages\n");
		if (i < MAX_MESSAGES)
			nb_text_printf(out, "  %s\n", msg);
	}
	if (i > MAX_MESSAGES)
		nb_text_printf(out, "  ... and %u more\n", i - MAX_MESSAGES);
}

/* What the reader of a capture has to say of its sources: which part is told, which computed. */
static void print_notes(const struct nb_machine *m, struct nb_text *out)
{
	if (m->nr_notes)
		nb_text_puts(out, "\nknown from\n");
	for (unsigned i = 0; i < m->nr_notes; i++)
		nb_text_printf(out, "  %s\n", m->notes[i]);
}

void nb_summary_print(const struct nb_system *sys, struct nb_text *out)
{
	struct nb_system_info info;

	nb_system_info(sys, &info);
	print_head(sys, &info, out);
	print_nodes(sys, &info, out);
	print_zones(sys, &info, out);
	print_memmap(sys, &info, out);
	print_notes(nb_system_machine(sys), out);
	print_messages(sys, out);
}
