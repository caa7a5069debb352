/* e820.c -- from the firmware map to RAM.
 *
 * First part of nb_boot_memory(). On x86 the map is changed by mem= and memmap= in the order of the
 * command line, then made unambiguous (what is RAM and something else is something else), the first
 * page and the legacy hole 0xa0000-0xfffff are taken out, and ranges shrink to whole pages.
 * Elsewhere mem= cuts from the top (arm64) or replaces all memory (arm).
 * Machines told as node ranges skip what only firmware maps have (first page, legacy hole).
 * Source: arch/x86/kernel/e820.c, setup.c:trim_bios_range(); facts 1.3.
 */
#include "base/fmt.h"
#include "base/mem.h"
#include "mm/boot.h"
#include "mm/memblock.h"

#define BIOS_BEGIN UINT64_C(0xa0000)
#define BIOS_END UINT64_C(0x100000)

/* Takes [start, end) away from all entries of a type, or of any when type < 0. */
static int table_remove(struct nb_arena *a, struct nb_regions *t, uint64_t start, uint64_t end,
			int type)
{
	unsigned nr = t->nr;
	int err = 0;

	for (unsigned i = 0; i < nr && !err; i++) {
		struct nb_mem_range *r = &t->v[i], upper = *r;

		if ((type >= 0 && r->type != (enum nb_mem_type)type) || r->end <= start ||
		    r->start >= end)
			continue;
		upper.start = end;
		r->end = r->start < start ? start : r->start;
		err = nb_regions_add(a, t, &upper);
	}
	return err;
}

static int table_add(struct nb_arena *a, struct nb_regions *t, uint64_t start, uint64_t size,
		     enum nb_mem_type type)
{
	struct nb_mem_range r = {
		.start = start, .end = start + size, .type = type, .nid = NB_NO_NODE};

	if (r.end < start) /* the kernel's table holds sizes: it would wrap, too */
		r.end = UINT64_MAX;
	return nb_regions_add(a, t, &r);
}

/* e820 type numbers of memmap=nn%ss-old+new. */
static int type_of_number(uint64_t n)
{
	switch (n) {
	case 1:
		return NB_MEM_RAM;
	case 2:
		return NB_MEM_RESERVED;
	case 3:
		return NB_MEM_ACPI;
	case 4:
		return NB_MEM_NVS;
	case 5:
		return NB_MEM_UNUSABLE;
	case 7:
	case 12:
		return NB_MEM_PMEM;
	case 0xefffffff:
		return NB_MEM_SOFT_RESERVED;
	default:
		return -1;
	}
}

/* memmap=nn%ss[-old][+new]: changes the type of what has the old one; without +new it is removed.
 */
static int memmap_convert(struct nb_arena *a, struct nb_regions *t, uint64_t size, const char *s,
			  size_t len)
{
	uint64_t start, from = 0, to = 0;
	size_t used;
	int err;

	start = nb_memparse(s, len, &used);
	if (used < len && s[used] == '-') {
		s += used + 1;
		len -= used + 1;
		from = nb_strtoull(s, len, &used);
	}
	if (used < len && s[used] == '+')
		to = nb_strtoull(s + used + 1, len - used - 1, &used);
	if (from && to) {
		struct nb_regions was = {0};
		int old = type_of_number(from), fresh = type_of_number(to);

		for (unsigned i = 0; i < t->nr; i++) {
			struct nb_mem_range r = t->v[i];

			if ((int)r.type != old || r.end <= start || r.start >= start + size)
				continue;
			r.start = r.start < start ? start : r.start;
			r.end = r.end > start + size ? start + size : r.end;
			r.type = fresh < 0 ? NB_MEM_RESERVED : (enum nb_mem_type)fresh;
			err = nb_regions_add(a, &was, &r);
			if (err)
				return err;
		}
		err = table_remove(a, t, start, start + size, old);
		for (unsigned i = 0; i < was.nr && !err; i++)
			err = nb_regions_add(a, t, &was.v[i]);
		return err;
	}
	if (to)
		return table_add(a, t, start, size,
				 type_of_number(to) < 0 ? NB_MEM_RESERVED
							: (enum nb_mem_type)type_of_number(to));
	return table_remove(a, t, start, start + size, from ? type_of_number(from) : -1);
}

/* One part of memmap= (parts are separated by commas). */
static int memmap_one(struct nb_arena *a, struct nb_regions *t, const char *s, size_t len)
{
	uint64_t size, start;
	size_t used, more;

	if (nb_str_is(s, len, "exactmap")) {
		t->nr = 0;
		return 0;
	}
	size = nb_memparse(s, len, &used);
	if (!used)
		return 0;
	if (used == len)
		return table_remove(a, t, size, UINT64_MAX, NB_MEM_RAM);
	if (s[used] == '%')
		return memmap_convert(a, t, size, s + used + 1, len - used - 1);
	start = nb_memparse(s + used + 1, len - used - 1, &more);
	switch (s[used]) {
	case '@':
		return table_add(a, t, start, size, NB_MEM_RAM);
	case '#':
		return table_add(a, t, start, size, NB_MEM_ACPI);
	case '$':
		return table_add(a, t, start, size, NB_MEM_RESERVED);
	case '!':
		return table_add(a, t, start, size, NB_MEM_PMEM);
	default:
		return table_remove(a, t, size, UINT64_MAX, NB_MEM_RAM);
	}
}

static int memmap_option(struct nb_arena *a, struct nb_regions *t, const char *s, size_t len)
{
	int err = 0;

	while (!err) {
		size_t n = 0;

		while (n < len && s[n] != ',')
			n++;
		err = memmap_one(a, t, s, n);
		if (n == len)
			break;
		s += n + 1;
		len -= n + 1;
	}
	return err;
}

/* mem= and memmap= of x86, in the order of the command line. */
static int x86_options(struct nb_layout_boot *b, struct nb_regions *t)
{
	size_t mem_pos = 0, map_pos = 0, mem_len = 0, map_len = 0, used;
	const char *mem = nb_machine_option_next(b->m, "mem=", &mem_pos, &mem_len);
	const char *map = nb_machine_option_next(b->m, "memmap=", &map_pos, &map_len);
	int err = 0;

	while (!err && (mem || map)) {
		if (mem && (!map || mem < map)) {
			uint64_t size = nb_memparse(mem, mem_len, &used);

			if (size)
				err = table_remove(b->arena, t, size, UINT64_MAX, NB_MEM_RAM);
			mem = nb_machine_option_next(b->m, "mem=", &mem_pos, &mem_len);
		} else {
			err = memmap_option(b->arena, t, map, map_len);
			map = nb_machine_option_next(b->m, "memmap=", &map_pos, &map_len);
		}
	}
	return err;
}

/* A border in the table: at `addr` something begins (+1) or ends (-1). */
struct border {
	uint64_t addr;
	int step;
	bool ram, mirror;
};

static int cmp_border(const void *a, const void *b)
{
	const struct border *x = a, *y = b;

	return (x->addr > y->addr) - (x->addr < y->addr);
}

static struct border *table_borders(struct nb_arena *a, const struct nb_regions *t, unsigned *ret_n)
{
	struct border *v = nb_arena_alloc(a, 2 * (size_t)t->nr * sizeof(*v));
	struct border *tmp = nb_arena_alloc(a, 2 * (size_t)t->nr * sizeof(*v));
	unsigned n = 0;

	if (!v || !tmp)
		return NULL;
	for (unsigned i = 0; i < t->nr; i++) {
		const struct nb_mem_range *r = &t->v[i];
		struct border d = {.addr = r->start,
				   .step = 1,
				   .ram = r->type == NB_MEM_RAM,
				   .mirror = r->flags & NB_RANGE_MIRROR};

		if (r->start >= r->end)
			continue;
		v[n++] = d;
		d.addr = r->end;
		d.step = -1;
		v[n++] = d;
	}
	nb_sort(v, n, sizeof(*v), tmp, cmp_border);
	*ret_n = n;
	return v;
}

/* The table's RAM, sorted and without overlaps: where ranges of several types overlap, RAM loses.
 */
static int table_to_ram(struct nb_arena *a, const struct nb_regions *t, struct nb_regions *ram)
{
	int nr_ram = 0, nr_other = 0, nr_mirror = 0, err = 0;
	unsigned n = 0;
	struct border *v = table_borders(a, t, &n);

	if (!v)
		return -NB_ENOMEM;
	for (unsigned i = 0; i < n && !err; i++) {
		struct nb_mem_range r = {.type = NB_MEM_RAM, .nid = NB_NO_NODE};

		if (v[i].ram)
			nr_ram += v[i].step;
		else
			nr_other += v[i].step;
		if (v[i].ram && v[i].mirror)
			nr_mirror += v[i].step;
		if (i + 1 == n || v[i + 1].addr == v[i].addr || nr_ram <= 0 || nr_other > 0)
			continue;
		r.start = v[i].addr;
		r.end = v[i + 1].addr;
		r.flags = nr_mirror ? NB_RANGE_MIRROR : 0;
		err = nb_regions_add(a, ram, &r);
	}
	nb_regions_join(ram);
	return err;
}

/* Shrinks every range to whole pages. Source: memblock_trim_memory(). */
static void trim_to_pages(struct nb_regions *l, unsigned page_shift)
{
	uint64_t mask = (UINT64_C(1) << page_shift) - 1;
	unsigned n = 0;

	for (unsigned i = 0; i < l->nr; i++) {
		struct nb_mem_range r = l->v[i];

		r.start = (r.start + mask) & ~mask;
		r.end &= ~mask;
		if (r.start < r.end)
			l->v[n++] = r;
	}
	l->nr = n;
}

/* Memory that 32-bit x86 cannot address: without PAE ranges that reach past 4 GiB are not taken at
 * all, with PAE what lies past 64 GiB is cut. Source: e820__memblock_setup(), MAX_ARCH_PFN. */
static int x86_32_limit(struct nb_layout_boot *b)
{
	uint64_t limit = UINT64_C(1) << (b->m->arch == NB_ARCH_I386 ? 32 : 36);
	unsigned n = 0;

	if (b->m->arch == NB_ARCH_I386PAE)
		return table_remove(b->arena, &b->ram, limit, UINT64_MAX, -1);
	for (unsigned i = 0; i < b->ram.nr; i++) {
		if (b->ram.v[i].end <= limit)
			b->ram.v[n++] = b->ram.v[i];
	}
	b->ram.nr = n;
	return 0;
}

static int x86_ram(struct nb_layout_boot *b, struct nb_regions *t)
{
	struct nb_regions table = {0};
	int err = x86_options(b, t);

	if (!err)
		err = table_to_ram(b->arena, t, &table);
	if (!err && b->from_firmware)
		err = table_remove(b->arena, &table, 0, 4096, NB_MEM_RAM);
	if (!err && b->from_firmware)
		err = table_remove(b->arena, &table, BIOS_BEGIN, BIOS_END, NB_MEM_RAM);
	b->ram = table;
	if (!err && b->m->arch != NB_ARCH_X86_64)
		err = x86_32_limit(b);
	return err;
}

/* mem= of arm64: keeps so much memory, from the bottom. Source: memblock_mem_limit_remove_map(). */
static int limit_amount(struct nb_layout_boot *b, uint64_t limit)
{
	for (unsigned i = 0; i < b->ram.nr; i++) {
		const struct nb_mem_range *r = &b->ram.v[i];

		if (r->end - r->start >= limit)
			return table_remove(b->arena, &b->ram, r->start + limit, UINT64_MAX, -1);
		limit -= r->end - r->start;
	}
	return 0;
}

/* mem=nn[@ss] of arm: the first replaces all memory, more of them add to it. */
static int arm_options(struct nb_layout_boot *b, struct nb_regions *t)
{
	size_t pos = 0, len, used, more;
	uint64_t base = t->nr ? t->v[0].start : 0;
	bool user = false;
	const char *s;
	int err = 0;

	while (!err && (s = nb_machine_option_next(b->m, "mem=", &pos, &len))) {
		uint64_t size = nb_memparse(s, len, &used), start = base;

		if (used < len && s[used] == '@')
			start = nb_memparse(s + used + 1, len - used - 1, &more);
		if (!user)
			t->nr = 0;
		user = true;
		err = table_add(b->arena, t, start, size, NB_MEM_RAM);
	}
	return err;
}

static int other_ram(struct nb_layout_boot *b, struct nb_regions *t)
{
	size_t len, used;
	const char *s = nb_machine_option(b->m, "mem=", &len);
	uint64_t limit = s ? nb_memparse(s, len, &used) : 0;
	int err = 0;

	if (b->m->arch == NB_ARCH_ARM)
		err = arm_options(b, t);
	if (!err)
		err = table_to_ram(b->arena, t, &b->ram);
	if (!err && limit && b->m->arch == NB_ARCH_ARM64)
		err = limit_amount(b, limit);
	return err;
}

int nb_boot_ram(struct nb_layout_boot *b)
{
	const struct nb_mem_range *v = b->from_firmware ? b->m->firmware : b->m->ranges;
	unsigned nr = b->from_firmware ? b->m->nr_firmware : b->m->nr_ranges;
	struct nb_regions table = {0};
	int err = 0;

	for (unsigned i = 0; i < nr && !err; i++) {
		struct nb_mem_range r = v[i];

		if (r.flags & NB_RANGE_HOTADDED)
			continue;
		r.nid = NB_NO_NODE;
		r.flags &= NB_RANGE_MIRROR;
		err = nb_regions_add(b->arena, &table, &r);
	}
	if (!err)
		err = nb_arch_is_x86(b->m->arch) ? x86_ram(b, &table) : other_ram(b, &table);
	if (!err)
		err = nb_regions_sort(b->arena, &b->ram);
	if (err)
		return err;
	trim_to_pages(&b->ram, b->sys->page_shift);
	if (b->ram.nr) {
		b->dram_start = b->ram.v[0].start;
		b->dram_end = b->ram.v[b->ram.nr - 1].end;
	}
	b->max_addr = b->dram_end;
	b->sys->max_pfn = b->max_addr >> b->sys->page_shift;
	return 0;
}
