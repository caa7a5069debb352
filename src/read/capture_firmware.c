/* capture_firmware.c -- the map of physical memory that the firmware gave the kernel.
 *
 * Called by capture_memory.c. Sources, best first: BIOS-e820 lines of the boot log; the map that
 * the kernel keeps in sys/firmware/memmap, or a recorder's copy of it. The kernel's copy grows when
 * memory is hot-added, the boot log's does not. Also here: arithmetic on lists of ranges. Units:
 * bytes, ends exclusive.
 */
#include "read/capture_priv.h"
#include "base/fmt.h"
#include <stdlib.h>
#include <string.h>

void nb_ranges_cut(struct nb_ranges *l, uint64_t start, uint64_t end)
{
	struct nb_ranges out = {0};

	for (size_t i = 0; i < l->n; i++) {
		const struct nb_mem_range *r = &l->v[i];

		if (r->end <= start || r->start >= end) {
			nb_ranges_add(&out, r->start, r->end, r->type, r->nid, r->flags, r->line);
			continue;
		}
		if (r->start < start)
			nb_ranges_add(&out, r->start, start, r->type, r->nid, r->flags, r->line);
		if (r->end > end)
			nb_ranges_add(&out, end, r->end, r->type, r->nid, r->flags, r->line);
	}
	nb_ranges_release(l);
	*l = out;
}

uint64_t nb_ranges_covered(const struct nb_ranges *l, uint64_t start, uint64_t end)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < l->n; i++) {
		uint64_t a = l->v[i].start > start ? l->v[i].start : start;
		uint64_t b = l->v[i].end < end ? l->v[i].end : end;

		if (l->v[i].type == NB_MEM_RAM && a < b)
			sum += b - a;
	}
	return sum;
}

/* Names as arch/x86/kernel/e820.c, e820_type_to_string(), gives them. */
static enum nb_mem_type memmap_type(const char *s, size_t len)
{
	static const struct {
		const char *name;
		enum nb_mem_type type;
	} names[] = {
		{"System RAM", NB_MEM_RAM},
		{"ACPI Tables", NB_MEM_ACPI},
		{"ACPI Non-volatile Storage", NB_MEM_NVS},
		{"Unusable memory", NB_MEM_UNUSABLE},
		{"Persistent Memory (legacy)", NB_MEM_PMEM},
		{"Persistent Memory", NB_MEM_PMEM},
		{"Persistent RAM", NB_MEM_PMEM},
		{"Soft Reserved", NB_MEM_SOFT_RESERVED},
	};

	while (len && (s[len - 1] == '\n' || s[len - 1] == ' '))
		len--;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (nb_str_is(s, len, names[i].name))
			return names[i].type;
	return NB_MEM_RESERVED;
}

/* A recorder's table: start TAB end TAB type, `end` inclusive, in the order of sysfs. */
static void read_tsv(struct nb_capture *c, struct nb_ranges *out)
{
	const char *text, *line;
	size_t len, pos = 0, n;
	unsigned number = 0;

	if (nb_tree_read(c->tree, "derived/firmware_memmap.tsv", &text, &len))
		return;
	while (nb_next_line(text, len, &pos, &line, &n)) {
		const char *tab = memchr(line, '\t', n), *tab2;
		uint64_t start, end;

		number++;
		tab2 = tab ? memchr(tab + 1, '\t', n - (size_t)(tab + 1 - line)) : NULL;
		if (!tab2 || nb_parse_u64(line, (size_t)(tab - line), &start) ||
		    nb_parse_u64(tab + 1, (size_t)(tab2 - tab - 1), &end) || end == UINT64_MAX)
			continue;
		nb_ranges_add(out, start, end + 1,
			      memmap_type(tab2 + 1, n - (size_t)(tab2 + 1 - line)), NB_NO_NODE, 0,
			      number);
	}
}

static void read_sysfs(struct nb_capture *c, struct nb_ranges *out)
{
	size_t n;

	nb_tree_list(c->tree, "sys/firmware/memmap", &n);
	for (size_t i = 0; i < n; i++) {
		int64_t start, end;
		const char *type;
		size_t len;

		if (nb_tree_numberf(c->tree, &start, "sys/firmware/memmap/%zu/start", i) ||
		    nb_tree_numberf(c->tree, &end, "sys/firmware/memmap/%zu/end", i) ||
		    nb_tree_readf(c->tree, &type, &len, "sys/firmware/memmap/%zu/type", i) ||
		    start < 0 || end < start)
			continue;
		nb_ranges_add(out, (uint64_t)start, (uint64_t)end + 1, memmap_type(type, len),
			      NB_NO_NODE, 0, 0);
	}
}

/* The firmware's own entries stand in address order; memory that was hot-added stands before or
 * behind them, out of order. Keeps the ascending run that begins at the lowest address. Source:
 * drivers/firmware/memmap.c, firmware_map_add_hotplug(). */
static void drop_hotadded(struct nb_ranges *l)
{
	size_t lowest = 0, end;
	struct nb_ranges out = {0};

	for (size_t i = 1; i < l->n; i++)
		if (l->v[i].start < l->v[lowest].start)
			lowest = i;
	for (end = lowest + 1; end < l->n && l->v[end].start >= l->v[end - 1].start;)
		end++;
	for (size_t i = lowest; i < end && i < l->n; i++)
		nb_ranges_add(&out, l->v[i].start, l->v[i].end, l->v[i].type, NB_NO_NODE,
			      l->v[i].flags, l->v[i].line);
	nb_ranges_release(l);
	*l = out;
}

/* Marks what EFI calls more reliable: ranges of RAM are split where that begins and ends. */
static void apply_mirror(struct nb_ranges *l, const struct nb_ranges *mirror)
{
	for (size_t i = 0; i < mirror->n; i++) {
		uint64_t start = mirror->v[i].start, end = mirror->v[i].end;
		struct nb_ranges parts = {0};

		for (size_t j = 0; j < l->n; j++) {
			uint64_t a = l->v[j].start > start ? l->v[j].start : start;
			uint64_t b = l->v[j].end < end ? l->v[j].end : end;

			if (l->v[j].type == NB_MEM_RAM)
				nb_ranges_add(&parts, a, b > a ? b : a, NB_MEM_RAM, NB_NO_NODE,
					      NB_RANGE_MIRROR, l->v[j].line);
		}
		for (size_t j = 0; j < parts.n; j++) {
			nb_ranges_cut(l, parts.v[j].start, parts.v[j].end);
			nb_ranges_add(l, parts.v[j].start, parts.v[j].end, NB_MEM_RAM, NB_NO_NODE,
				      NB_RANGE_MIRROR, parts.v[j].line);
		}
		nb_ranges_release(&parts);
	}
}

void nb_capture_firmware(struct nb_build *b, struct nb_ranges *out, const char **ret_from)
{
	const struct nb_dmesg *d = &b->c->dmesg;

	*ret_from = "BIOS-e820 lines of dmesg";
	for (size_t i = 0; i < d->e820.n; i++)
		nb_ranges_add(out, d->e820.v[i].start, d->e820.v[i].end, d->e820.v[i].type,
			      NB_NO_NODE, 0, d->e820.v[i].line);
	if (!out->n) {
		*ret_from = "derived/firmware_memmap.tsv";
		read_tsv(b->c, out);
		if (!out->n) {
			*ret_from = "sys/firmware/memmap";
			read_sysfs(b->c, out);
		}
		drop_hotadded(out);
	}
	if (!out->n)
		return;
	for (size_t i = 0; i < d->taken.n; i++) {
		struct nb_ranges ram = {0}, rest = {0};

		for (size_t j = 0; j < out->n; j++)
			nb_ranges_add(out->v[j].type == NB_MEM_RAM ? &ram : &rest, out->v[j].start,
				      out->v[j].end, out->v[j].type, NB_NO_NODE, out->v[j].flags,
				      out->v[j].line);
		nb_ranges_cut(&ram, d->taken.v[i].start, d->taken.v[i].end);
		for (size_t j = 0; j < ram.n; j++)
			nb_ranges_add(&rest, ram.v[j].start, ram.v[j].end, NB_MEM_RAM, NB_NO_NODE,
				      ram.v[j].flags, ram.v[j].line);
		nb_ranges_release(&ram);
		nb_ranges_release(out);
		*out = rest;
	}
	apply_mirror(out, &d->mirror);
}
