/* dmesg.c -- what a kernel's boot log says of the hardware and of what boot gave back.
 *
 * Called by read/capture*.c. One table of line beginnings, each with its reader; a line is first
 * freed of time stamps and the like. Readers take a line whole or not at all: a line cut short by a
 * ring buffer's end changes nothing.
 * Source of the forms: arch/x86/kernel/e820.c, drivers/acpi/numa/srat.c, arch/x86/mm/srat.c,
 * mm/mm_init.c (mm/page_alloc.c), arch/x86/mm/init_32.c, mm/page_alloc.c free_reserved_area(),
 * of 2.6.32, 3.10, 4.19, 6.1, 6.12, 6.18.
 */
#define _GNU_SOURCE /* memmem */
#include "read/dmesg.h"
#include "base/hosted/text.h"
#include <stdlib.h>
#include <string.h>

enum { EARLY_NONE = 0, EARLY_BYTES, EARLY_PFNS };

/* A place in a line. */
struct cur {
	const char *p, *end;
};

struct parse {
	struct nb_dmesg *d;
	struct nb_ranges updates; /* e820 updates that no last_pfn line has followed yet */
	unsigned line;
	int early; /* in the lines below the heading of the node ranges */
};

void nb_ranges_add(struct nb_ranges *l, uint64_t start, uint64_t end, enum nb_mem_type type,
		   int nid, unsigned flags, unsigned line)
{
	if (end <= start || l->n >= NB_RANGES_MAX)
		return;
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 16;
		l->v = nb_xrealloc(l->v, l->cap, sizeof(*l->v));
	}
	l->v[l->n++] = (struct nb_mem_range){start, end, type, nid, flags, line};
}

void nb_ranges_release(struct nb_ranges *l)
{
	free(l->v);
	memset(l, 0, sizeof(*l));
}

static bool lit(struct cur *c, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(c->end - c->p) < n || memcmp(c->p, word, n))
		return false;
	c->p += n;
	return true;
}

static void blanks(struct cur *c)
{
	while (c->p < c->end && (*c->p == ' ' || *c->p == '\t'))
		c->p++;
}

static int digit(char ch, unsigned base)
{
	int v = ch >= '0' && ch <= '9'   ? ch - '0'
		: ch >= 'a' && ch <= 'f' ? ch - 'a' + 10
		: ch >= 'A' && ch <= 'F' ? ch - 'A' + 10
					 : 99;

	return v < (int)base ? v : -1;
}

static bool number(struct cur *c, unsigned base, uint64_t *ret)
{
	const char *p = c->p;
	uint64_t v = 0;

	if (base == 16 && c->end - p > 2 && p[0] == '0' && p[1] == 'x')
		p += 2;
	if (p == c->end || digit(*p, base) < 0)
		return false;
	for (; p < c->end && digit(*p, base) >= 0; p++) {
		if (v > (UINT64_MAX - 15) / base)
			return false;
		v = v * base + (unsigned)digit(*p, base);
	}
	c->p = p;
	*ret = v;
	return true;
}

/* "[mem 0xSTART-0xEND]", END inclusive. */
static bool mem_range(struct cur *c, uint64_t *start, uint64_t *end)
{
	struct cur t = *c;

	if (!lit(&t, "[mem ") || !number(&t, 16, start) || !lit(&t, "-") || !number(&t, 16, end) ||
	    !lit(&t, "]") || *end < *start || *end == UINT64_MAX)
		return false;
	++*end;
	*c = t;
	return true;
}

/* "START - END" or "START-END" in hex without 0x, END exclusive: forms before 3.5. */
static bool old_range(struct cur *c, uint64_t *start, uint64_t *end)
{
	struct cur t = *c;

	if (!number(&t, 16, start) || (!lit(&t, " - ") && !lit(&t, "-")) || !number(&t, 16, end) ||
	    *end <= *start)
		return false;
	*c = t;
	return true;
}

static enum nb_mem_type e820_type(struct cur c)
{
	static const struct {
		const char *name;
		enum nb_mem_type type;
	} names[] = {
		{"usable", NB_MEM_RAM},      {"ACPI data", NB_MEM_ACPI},
		{"ACPI NVS", NB_MEM_NVS},    {"unusable", NB_MEM_UNUSABLE},
		{"persistent", NB_MEM_PMEM}, {"soft reserved", NB_MEM_SOFT_RESERVED},
	};

	blanks(&c);
	lit(&c, "(");
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (lit(&c, names[i].name))
			return names[i].type;
	return NB_MEM_RESERVED;
}

static void read_e820(struct parse *p, struct cur c)
{
	uint64_t start, end;

	blanks(&c);
	if (mem_range(&c, &start, &end) || old_range(&c, &start, &end))
		nb_ranges_add(&p->d->e820, start, end, e820_type(c), NB_NO_NODE, 0, p->line);
}

/* "[mem A-B] usable ==> reserved": some quirk took memory away. What lies below 1 MiB is the same
 * on every machine and is left to the rule that does it. */
static void read_e820_update(struct parse *p, struct cur c)
{
	uint64_t start, end;

	blanks(&c);
	if (mem_range(&c, &start, &end) && lit(&c, " usable ==> ") && !lit(&c, "usable") &&
	    start >= 1 << 20)
		nb_ranges_add(&p->updates, start, end, NB_MEM_RESERVED, NB_NO_NODE, 0, p->line);
}

/* "last_pfn = 0x80000 max_arch_pfn = 0x400000000": updates so far were in time for memblock. */
static void read_last_pfn(struct parse *p, struct cur c)
{
	uint64_t pfn;

	for (size_t i = 0; i < p->updates.n; i++)
		nb_ranges_add(&p->d->taken, p->updates.v[i].start, p->updates.v[i].end,
			      NB_MEM_RESERVED, NB_NO_NODE, 0, p->updates.v[i].line);
	p->updates.n = 0;
	if (number(&c, 16, &pfn) && lit(&c, " max_arch_pfn = ") && number(&c, 16, &pfn))
		p->d->max_arch_pfn = pfn;
}

static void add_cpu(struct nb_dmesg_cpu **v, size_t *n, size_t *cap, uint32_t id, int nid)
{
	if (*n >= NB_MAX_CPUS)
		return;
	if (*n == *cap) {
		*cap = *cap ? *cap * 2 : 16;
		*v = nb_xrealloc(*v, *cap, sizeof(**v));
	}
	(*v)[(*n)++] = (struct nb_dmesg_cpu){id, nid};
}

/* ".... node  #1, CPUs:   #2 #3", as x86 announces the CPUs that it wakes. */
static void read_smp(struct parse *p, struct cur c)
{
	uint64_t nid, cpu;

	if (!number(&c, 10, &nid) || nid >= NB_MAX_NODES || !lit(&c, ", CPUs:"))
		return;
	for (;;) {
		blanks(&c);
		if (!lit(&c, "#") || !number(&c, 10, &cpu) || cpu >= NB_MAX_CPUS)
			return;
		add_cpu(&p->d->smp, &p->d->nr_smp, &p->d->cap_smp, (uint32_t)cpu, (int)nid);
	}
}

/* "Node 0 PXM 0 [mem ...] hotplug non-volatile", or "PXM 0 -> APIC 0x00 -> Node 0". */
static void read_srat(struct parse *p, struct cur c)
{
	struct nb_dmesg *d = p->d;
	uint64_t nid, pxm, start, end, apic;
	unsigned flags = 0;

	if (lit(&c, "Node ")) {
		if (!number(&c, 10, &nid) || !lit(&c, " PXM ") || !number(&c, 10, &pxm) ||
		    nid >= NB_MAX_NODES)
			return;
		blanks(&c);
		if (!mem_range(&c, &start, &end) && !old_range(&c, &start, &end))
			return;
		for (; c.p < c.end; c.p++)
			flags |= lit(&c, "hotplug")        ? NB_RANGE_HOTPLUG
				 : lit(&c, "non-volatile") ? NB_RANGE_NONVOLATILE
							   : 0u;
		nb_ranges_add(&d->srat, start, end, NB_MEM_RAM, (int)nid, flags, p->line);
	} else if (lit(&c, "PXM ") && number(&c, 10, &pxm) && lit(&c, " -> APIC ") &&
		   number(&c, 16, &apic) && lit(&c, " -> Node ") && number(&c, 10, &nid) &&
		   nid < NB_MAX_NODES && apic <= UINT32_MAX) {
		add_cpu(&d->cpus, &d->nr_cpus, &d->cap_cpus, (uint32_t)apic, (int)nid);
	}
}

static void read_early(struct parse *p, struct cur c)
{
	(void)c;
	p->early = EARLY_BYTES;
}

static void read_early_pfns(struct parse *p, struct cur c)
{
	(void)c;
	p->early = EARLY_PFNS;
}

/* A line below the heading; false when it is none. */
static bool early_line(struct parse *p, struct cur c)
{
	uint64_t nid, start, end;

	blanks(&c);
	lit(&c, "node");
	blanks(&c);
	if (!number(&c, 10, &nid) || !lit(&c, ": ") || nid >= NB_MAX_NODES)
		return false;
	if (p->early == EARLY_BYTES && mem_range(&c, &start, &end)) {
		nb_ranges_add(&p->d->early, start, end, NB_MEM_RAM, (int)nid, 0, p->line);
		return true;
	}
	if (!number(&c, 16, &start) || !lit(&c, " -> ") || !number(&c, 16, &end) ||
	    end > UINT64_C(1) << 40)
		return false;
	nb_ranges_add(&p->d->early, start << 12, end << 12, NB_MEM_RAM, (int)nid, 0, p->line);
	return true;
}

static void set_text(char **field, struct cur c)
{
	free(*field);
	*field = nb_xstrndup(c.p, (size_t)(c.end - c.p));
}

static void read_version(struct parse *p, struct cur c)
{
	struct cur word = c;

	while (c.p < c.end && *c.p != ' ')
		c.p++;
	word.end = c.p;
	if (word.p == word.end)
		return;
	if (p->d->release) { /* a log of several boots: the last one counts */
		nb_dmesg_release(p->d);
		p->updates.n = 0;
	}
	set_text(&p->d->release, word);
	set_text(&p->d->version, c);
}

static void read_cmdline(struct parse *p, struct cur c)
{
	set_text(&p->d->cmdline, c);
}

/* x86 prints its own line first; the generic one below it, where there is one, wins. */
static void read_cmdline_x86(struct parse *p, struct cur c)
{
	if (!p->d->cmdline)
		set_text(&p->d->cmdline, c);
}

/* "  low ram: 0 - 36bfe000": the end of low memory to the byte. */
static void read_low_ram(struct parse *p, struct cur c)
{
	uint64_t start, end;

	blanks(&c);
	if (old_range(&c, &start, &end)) {
		p->d->lowmem_end = end;
		p->d->lowmem_rounded = false;
	}
}

/* arm: "    lowmem  : 0xc0000000 - 0xef800000   ( 760 MB)", virtual addresses of what is mapped. */
static void read_arm_lowmem(struct parse *p, struct cur c)
{
	uint64_t start, end;

	blanks(&c);
	if (lit(&c, ": ") && old_range(&c, &start, &end))
		p->d->lowmem_bytes = end - start;
}

static void read_ramdisk(struct parse *p, struct cur c)
{
	uint64_t start, end;

	blanks(&c);
	if (mem_range(&c, &start, &end) || old_range(&c, &start, &end)) {
		p->d->initrd_start = start;
		p->d->initrd_end = end;
	}
}

/* "Freeing WHAT memory: 2888K", before 3.11 "... 2888k freed". */
static void read_freeing(struct parse *p, struct cur c)
{
	static const char *const init[] = {"unused kernel image", "unused kernel memory",
					   "unused decrypted memory"};
	bool initrd = lit(&c, "initrd memory"), is_init = false;
	uint64_t kib;

	for (size_t i = 0; i < sizeof(init) / sizeof(*init); i++)
		is_init |= lit(&c, init[i]);
	while (c.p < c.end && *c.p != ':')
		c.p++;
	if (!lit(&c, ": ") || !number(&c, 10, &kib) || (!lit(&c, "K") && !lit(&c, "k")) ||
	    kib > UINT64_C(1) << 40)
		return;
	if (initrd)
		p->d->freed_initrd_kib += kib;
	else if (is_init)
		p->d->freed_init_kib += kib;
}

static void read_block_size(struct parse *p, struct cur c)
{
	uint64_t mib;

	if (number(&c, 10, &mib) && lit(&c, "MB") && mib && mib <= 1 << 20)
		p->d->block_bytes = mib << 20;
}

static const struct {
	const char *begin;
	void (*read)(struct parse *p, struct cur rest);
} lines[] = {
	{"Linux version ", read_version},
	{"Command line: ", read_cmdline_x86},
	{"Kernel command line: ", read_cmdline},
	{"BIOS-e820: ", read_e820},
	{"e820: update ", read_e820_update},
	{"last_pfn = ", read_last_pfn},
	{"ACPI: SRAT: ", read_srat},
	{"SRAT: ", read_srat},
	{"Early memory node ranges", read_early},
	{"Early memory PFN ranges", read_early_pfns},
	{"early_node_map[", read_early_pfns},
	{"low ram: ", read_low_ram},
	{"lowmem ", read_arm_lowmem},
	{"RAMDISK: ", read_ramdisk},
	{"Allocated new RAMDISK: ", read_ramdisk},
	{"Freeing ", read_freeing},
	{".... node  #", read_smp},
	{".... node #", read_smp},
	{"x86/mm: Memory block size: ", read_block_size},
};

/* "NNNMB LOWMEM available." */
static void read_lowmem(struct parse *p, struct cur c)
{
	uint64_t mib;

	if (number(&c, 10, &mib) && lit(&c, "MB LOWMEM available") && mib <= 4096 &&
	    !p->d->lowmem_end) {
		p->d->lowmem_end = mib << 20;
		p->d->lowmem_rounded = true;
	}
}

/* "Dentry cache hash table entries: 131072 (order: 8, 1048576 bytes": bytes >> order is a page. */
static void read_hash(struct parse *p, struct cur c)
{
	static const char mark[] = " hash table entries: ";
	const char *at = memmem(c.p, (size_t)(c.end - c.p), mark, sizeof(mark) - 1);
	uint64_t entries, order, bytes;

	if (!at)
		return;
	c.p = at + sizeof(mark) - 1;
	if (!number(&c, 10, &entries) || !lit(&c, " (order: ") || !number(&c, 10, &order) ||
	    !lit(&c, ", ") || !number(&c, 10, &bytes) || !lit(&c, " bytes") || order > 20)
		return;
	for (unsigned shift = 12; shift <= 16; shift += 2)
		if (bytes == UINT64_C(1) << shift << order)
			p->d->page_shift = shift;
}

/* "efi: mem37: [Conventional Memory|   |MR|...] range=[0x...-0x...)" or "...-0x...]" */
static void read_efi(struct parse *p, struct cur c)
{
	uint64_t start, end;
	const char *at;

	if (!lit(&c, "efi: mem") || !memmem(c.p, (size_t)(c.end - c.p), "|MR|", 4))
		return;
	at = memmem(c.p, (size_t)(c.end - c.p), "range=[", 7);
	if (!at)
		return;
	c.p = at + 7;
	if (!number(&c, 16, &start) || !lit(&c, "-") || !number(&c, 16, &end) || end <= start)
		return;
	nb_ranges_add(&p->d->mirror, start, end + (end & 1), NB_MEM_RAM, NB_NO_NODE,
		      NB_RANGE_MIRROR, p->line);
}

/* Takes "[    0.000000]" and its like off; a bracket that holds something else stays. */
static void strip_brackets(struct cur *c)
{
	while (c->p < c->end && *c->p == '[') {
		size_t max = (size_t)(c->end - c->p) < 48 ? (size_t)(c->end - c->p) : 48;
		const char *close = memchr(c->p, ']', max);

		if (!close || (close - c->p > 5 && !memcmp(c->p, "[mem ", 5)))
			return;
		c->p = close + 1;
		blanks(c);
	}
}

static struct cur strip_prefix(const char *line, size_t len)
{
	struct cur c = {line, line + len};
	const char *kernel = memmem(line, len < 128 ? len : 128, "kernel: ", 8);

	if (*line == '<' && len > 3) {
		const char *close = memchr(line, '>', len < 6 ? len : 6);

		c.p = close ? close + 1 : line;
	}
	/* syslog and journal: "Mar  3 10:00:00 host kernel: "; dmesg -x: "kern  :info  : " */
	if (kernel)
		c.p = kernel + 8;
	else if (lit(&c, "kern ")) {
		const char *bracket = memchr(c.p, '[', (size_t)(c.end - c.p));

		c.p = bracket ? bracket : c.p;
	}
	strip_brackets(&c);
	blanks(&c);
	return c;
}

static void parse_line(struct parse *p, struct cur c)
{
	if (p->early && early_line(p, c))
		return;
	p->early = EARLY_NONE;
	nb_reservations_line(&p->d->reservations, c.p, (size_t)(c.end - c.p), p->line);
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		struct cur rest = c;

		if (lit(&rest, lines[i].begin)) {
			lines[i].read(p, rest);
			return;
		}
	}
	if (c.p == c.end)
		return;
	if (*c.p >= '0' && *c.p <= '9')
		read_lowmem(p, c);
	else if (*c.p == 'e')
		read_efi(p, c);
	else if (!p->d->page_shift)
		read_hash(p, c);
}

void nb_dmesg_parse(const char *text, size_t len, struct nb_dmesg *d)
{
	struct parse p = {.d = d};
	const char *line;
	size_t pos = 0, n;

	memset(d, 0, sizeof(*d));
	while (nb_next_line(text, len, &pos, &line, &n)) {
		p.line++;
		if (n)
			parse_line(&p, strip_prefix(line, n));
	}
	nb_ranges_release(&p.updates);
	nb_reservations_finish(&d->reservations, d->release);
}

void nb_dmesg_release(struct nb_dmesg *d)
{
	nb_ranges_release(&d->e820);
	nb_ranges_release(&d->taken);
	nb_ranges_release(&d->srat);
	nb_ranges_release(&d->early);
	nb_ranges_release(&d->mirror);
	nb_reservations_release(&d->reservations);
	free(d->cpus);
	free(d->smp);
	free(d->release);
	free(d->version);
	free(d->cmdline);
	memset(d, 0, sizeof(*d));
}
