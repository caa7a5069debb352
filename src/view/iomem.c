/* iomem.c -- /proc/iomem: parser, printer, JSON, filler.
 *
 * Called by view_forms.c and observed.c. Ranges with inclusive ends, nested by indentation of two
 * blanks a level. Source: kernel/resource.c, r_show().
 */
#include "view/iomem.h"
#include "view/scan.h"
#include "view/view.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 64 /* the kernel indents at most 5 levels */

static void print_entry(const struct nb_iomem_entry *e, struct nb_text *out)
{
	nb_text_printf(out, "%*s%08" PRIx64 "-%08" PRIx64 " : %s", (int)(2 * e->depth), "",
		       e->start, e->end, e->name);
}

static struct nb_iomem_entry *add_entry(struct nb_iomem *m)
{
	return nb_append(&m->entries, &m->nr_entries, &m->cap_entries, sizeof(*m->entries));
}

static int parse_line(struct nb_scan *sc, struct nb_iomem *m, struct nb_error *err)
{
	struct nb_cursor cur = nb_scan_cursor(sc);
	struct nb_iomem_entry e = {0};
	size_t indent = (size_t)(cur.p - sc->s);
	struct nb_text rule = {0};

	if (sc->cut || nb_cur_end(&cur)) {
		m->cut = sc->cut;
		add_entry(m)->raw = nb_scan_raw(sc, &m->strings, NULL);
		return 0;
	}
	if (!nb_cur_hex(&cur, &e.start) || !nb_cur_lit(&cur, "-") || !nb_cur_hex(&cur, &e.end) ||
	    !nb_cur_lit(&cur, " : "))
		return nb_scan_fail(sc, err, "range", "\"START-END : NAME\" in hex");
	if (e.end < e.start)
		return nb_scan_fail(sc, err, "range", "an end at or after the start");
	if (indent > 2 * MAX_DEPTH)
		return nb_scan_fail(sc, err, "range", "at most 64 levels");
	e.depth = (unsigned)(indent / 2);
	e.name = nb_strings_intern(&m->strings, cur.p, (size_t)(cur.end - cur.p));
	print_entry(&e, &rule);
	e.raw = nb_scan_raw(sc, &m->strings, &rule);
	nb_text_release(&rule);
	*add_entry(m) = e;
	return 0;
}

int nb_iomem_parse(const char *text, size_t len, struct nb_iomem *m, struct nb_error *err)
{
	struct nb_scan sc;
	size_t known = 0;
	int ret = nb_scan_begin(&sc, text, len, err);

	*m = (struct nb_iomem){.hidden = true};
	while (!ret && nb_scan_line(&sc))
		ret = parse_line(&sc, m, err);
	for (size_t i = 0; i < m->nr_entries; i++) {
		known += m->entries[i].name != NULL;
		if (m->entries[i].end)
			m->hidden = false;
	}
	if (!ret && !known)
		ret = nb_error_set(err, -NB_EINVAL, 0,
				   "found no range, expected \"START-END : NAME\" lines");
	if (ret)
		nb_iomem_release(m);
	return ret;
}

static const char *type_name(enum nb_mem_type t)
{
	switch (t) {
	case NB_MEM_RAM:
		return "System RAM";
	case NB_MEM_ACPI:
		return "ACPI Tables";
	case NB_MEM_NVS:
		return "ACPI Non-volatile Storage";
	case NB_MEM_UNUSABLE:
		return "Unusable memory";
	case NB_MEM_PMEM:
		return "Persistent Memory";
	case NB_MEM_SOFT_RESERVED:
		return "Soft Reserved";
	case NB_MEM_RESERVED:
		break;
	}
	return "Reserved";
}

static int by_start(const void *a, const void *b)
{
	const struct nb_iomem_entry *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

static void sort(struct nb_iomem *m)
{
	if (m->nr_entries)
		qsort(m->entries, m->nr_entries, sizeof(*m->entries), by_start);
}

static void add_range(struct nb_iomem *m, uint64_t start, uint64_t end, enum nb_mem_type type)
{
	struct nb_iomem_entry *e;

	if (end <= start)
		return;
	e = add_entry(m);
	e->start = start;
	e->end = end - 1;
	e->name = type_name(type);
}

/* RAM as far as boot took it: mem= and memmap= cut the map too, but bytes of a page that is not
 * whole stay in it. */
static void add_ram(struct nb_iomem *m, const struct nb_system *sys, uint64_t start, uint64_t end)
{
	struct nb_system_info info;
	const struct nb_mem_range *r;
	uint64_t page;
	unsigned n;

	nb_system_info(sys, &info);
	page = UINT64_C(1) << info.page_shift;
	r = nb_system_memblock(sys, &n);
	for (unsigned i = 0; i < n; i++) {
		uint64_t from = r[i].start < start + page ? start : r[i].start;
		uint64_t to = r[i].end + page > end ? end : r[i].end;

		if (r[i].start < end && r[i].end > start && !(r[i].flags & NB_RANGE_HOTADDED))
			add_range(m, from, to, NB_MEM_RAM);
	}
}

/* What x86 makes of the firmware's map: the first page is the BIOS's, and there is no RAM in the
 * legacy hole; i386 without PAE reaches no further than 4 GiB.
 * Source: arch/x86/kernel/setup.c, trim_bios_range(). */
static void add_firmware(struct nb_iomem *m, const struct nb_system *sys,
			 const struct nb_mem_range *r, enum nb_arch arch)
{
	const uint64_t page0 = 0x1000, hole = 0xa0000, low = 0x100000;
	uint64_t end = r->end;

	if (arch == NB_ARCH_I386 && end > UINT64_C(1) << 32)
		end = UINT64_C(1) << 32;
	if (r->type != NB_MEM_RAM ||
	    (arch != NB_ARCH_X86_64 && arch != NB_ARCH_I386 && arch != NB_ARCH_I386PAE)) {
		add_range(m, r->start, end, r->type);
		return;
	}
	if (r->start < page0)
		add_range(m, r->start, end < page0 ? end : page0, NB_MEM_RESERVED);
	add_ram(m, sys, r->start > page0 ? r->start : page0, end < hole ? end : hole);
	add_ram(m, sys, r->start > low ? r->start : low, end);
}

/* Neighbours of one name are one resource: RAM of several nodes on x86. */
static void merge(struct nb_iomem *m)
{
	size_t kept = 0;

	for (size_t i = 0; i < m->nr_entries; i++) {
		struct nb_iomem_entry *last = kept ? &m->entries[kept - 1] : NULL;

		if (last && last->end + 1 == m->entries[i].start &&
		    strcmp(last->name, m->entries[i].name) == 0)
			last->end = m->entries[i].end;
		else
			m->entries[kept++] = m->entries[i];
	}
	m->nr_entries = kept;
}

void nb_iomem_from_system(const struct nb_system *sys, struct nb_iomem *m)
{
	const struct nb_machine *machine = nb_system_machine(sys);
	const struct nb_mem_range *r;
	struct nb_system_info info;
	unsigned n;

	*m = (struct nb_iomem){0};
	nb_system_info(sys, &info);
	for (unsigned i = 0; i < machine->nr_firmware; i++)
		add_firmware(m, sys, &machine->firmware[i], info.arch);
	r = nb_system_memblock(sys, &n);
	for (unsigned i = 0; i < n && !machine->nr_firmware; i++)
		if (!(r[i].flags & NB_RANGE_HOTADDED))
			add_range(m, r[i].start, r[i].end, NB_MEM_RAM);
	sort(m);
	if (info.arch !=
	    NB_ARCH_ARM64) /* there a resource is a memblock region, each of one node */
		merge(m);
	for (unsigned i = 0; i < n; i++)
		if (r[i].flags & NB_RANGE_HOTADDED)
			add_range(m, r[i].start, r[i].end, NB_MEM_RAM);
	sort(m);
}

void nb_iomem_print(const struct nb_iomem *m, struct nb_text *out)
{
	for (size_t i = 0; i < m->nr_entries; i++) {
		if (m->entries[i].raw)
			nb_text_puts(out, m->entries[i].raw);
		else
			print_entry(&m->entries[i], out);
		if (!m->cut || i + 1 < m->nr_entries)
			nb_text_add(out, "\n", 1);
	}
}

json_t *nb_iomem_json(const struct nb_iomem *m)
{
	json_t *j = json_object(), *a = json_array();

	for (size_t i = 0; i < m->nr_entries; i++) {
		const struct nb_iomem_entry *e = &m->entries[i];
		json_t *row;

		if (!e->name)
			continue;
		row = json_object();
		json_object_set_new(row, "depth", json_integer(e->depth));
		json_object_set_new(row, "start_bytes", nb_json_u64(e->start));
		json_object_set_new(row, "end_bytes", nb_json_u64(e->end));
		json_object_set_new(row, "name", nb_json_string(e->name));
		json_array_append_new(a, row);
	}
	json_object_set_new(j, "ranges", a);
	return j;
}

void nb_iomem_release(struct nb_iomem *m)
{
	free(m->entries);
	nb_strings_release(&m->strings);
	*m = (struct nb_iomem){0};
}

size_t nb_iomem_nr_raw(const struct nb_iomem *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->nr_entries; i++)
		n += m->entries[i].raw != NULL;
	return n;
}
