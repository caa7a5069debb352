/* verify_estimate.c -- managed pages of each zone from hardware alone, and how far off that is.
 *
 * Called by verify.c last. No equality is claimed: what the kernel reserves for itself before the
 * allocator starts depends on its build. The rule (docs/verify.md, Estimates), in pages taken off
 * the present ones: page descriptors  of every section that holds RAM of the node, at the node's
 * top first MiB         all of it (x86) kernel image      code, data and bss, without init, which
 * is given back; where proc/iomem shows it early pools       4 MiB beside the image: its guard
 * pages, page tables, per-CPU areas hash tables       12 bytes for each two pages, rounded up to a
 * power of two, on machines of one node (others take them from the allocator, later), at the top
 *   boot log          with log_buf_len=, four and a half times that
 *   bounce buffers    64 MiB below 4 GiB, if RAM lies above (x86)
 * Source: mm/sparse.c, mm/mm_init.c alloc_large_system_hash(), kernel/dma/swiotlb.c,
 * arch/x86/kernel/setup.c.
 */
#define _GNU_SOURCE /* memmem */
#include "base/fmt.h"
#include "read/capture_priv.h"
#include "read/verify_priv.h"

#include <stdlib.h>
#include <string.h>

#define MIB (UINT64_C(1) << 20)
#define SECTION (128 * MIB)
#define BELOW_4G (UINT64_C(1) << 32)

struct estimate {
	struct nb_verify *v;
	unsigned shift;
	const struct nb_mem_range *ram;
	unsigned nr_ram;
};

static bool is_x86(const struct nb_machine *m)
{
	return m->arch == NB_ARCH_X86_64 || m->arch == NB_ARCH_I386 || m->arch == NB_ARCH_I386PAE;
}

static bool is_i386(const struct nb_machine *m)
{
	return m->arch == NB_ARCH_I386 || m->arch == NB_ARCH_I386PAE;
}

/* Takes pages off one zone; what it has not got is left over. */
static uint64_t take(struct nb_verify_estimate *e, uint64_t pages)
{
	uint64_t n = pages < e->estimated ? pages : e->estimated;

	e->estimated -= n;
	return pages - n;
}

/* From a node's top downwards, but not above `limit` (bytes): high memory of i386, bounce buffers.
 */
static void take_from_top(struct estimate *s, int nid, uint64_t limit, uint64_t pages)
{
	struct nb_verify *v = s->v;
	uint64_t below = UINT64_MAX;

	while (pages) {
		struct nb_verify_estimate *top = NULL;
		uint64_t best = 0;
		size_t i;

		for (i = 0; i < v->nr_estimates; i++) {
			struct nb_verify_estimate *e = &v->estimate[i];
			struct nb_zone_info z;

			if (e->nid != nid || nb_zone_info(v->sys, nid, e->type, &z) ||
			    e->type == NB_ZONE_HIGHMEM || z.start_pfn << s->shift >= limit ||
			    z.start_pfn >= below)
				continue;
			if (!top || z.start_pfn > best) {
				top = e;
				best = z.start_pfn;
			}
		}
		if (!top)
			return;
		pages = take(top, pages);
		below = best;
	}
}

static struct nb_verify_estimate *zone_at(struct estimate *s, uint64_t address)
{
	struct nb_verify *v = s->v;
	uint64_t pfn = address >> s->shift;
	int nid = NB_NO_NODE;
	size_t i;

	for (i = 0; i < s->nr_ram; i++) {
		if (address >= s->ram[i].start && address < s->ram[i].end)
			nid = s->ram[i].nid;
	}
	for (i = 0; i < v->nr_estimates; i++) {
		struct nb_zone_info z;

		if (v->estimate[i].nid == nid &&
		    !nb_zone_info(v->sys, nid, v->estimate[i].type, &z) && pfn >= z.start_pfn &&
		    pfn < z.start_pfn + z.spanned_pages)
			return &v->estimate[i];
	}
	return v->nr_estimates ? &v->estimate[v->nr_estimates - 1] : NULL;
}

/* End of the memory that a node had at boot, in bytes. */
static uint64_t boot_end(const struct estimate *s, int nid)
{
	uint64_t end = 0;
	unsigned i;

	for (i = 0; i < s->nr_ram; i++) {
		if (s->ram[i].nid == nid && !(s->ram[i].flags & NB_RANGE_HOTADDED))
			end = s->ram[i].end;
	}
	return end;
}

/* Bytes of descriptors: whole sections where memory is sparse, every frame up to the last on i386.
 */
static void take_descriptors(struct estimate *s)
{
	const struct nb_kernel_profile *p = s->v->machine->profile;
	uint64_t size = is_i386(s->v->machine) ? p->memmap_struct_page_bytes_32
					       : p->memmap_struct_page_bytes;
	uint64_t page = UINT64_C(1) << s->shift, next = 0;
	unsigned i;

	for (i = 0; i < s->nr_ram; i++) {
		const struct nb_mem_range *r = &s->ram[i];
		uint64_t first = r->start / SECTION, end = (r->end + SECTION - 1) / SECTION;
		uint64_t bytes;

		first = first < next ? next : first;
		bytes = end > first ? (end - first) * (SECTION >> s->shift) * size : 0;
		if (is_i386(s->v->machine))
			bytes = ((r->end - r->start) >> s->shift) * size;
		if (r->flags & NB_RANGE_HOTADDED)
			continue; /* its descriptors come out of the allocator */
		take_from_top(s, r->nid, boot_end(s, r->nid), (bytes + page - 1) / page);
		next = end > next ? end : next;
	}
}

/* KiB in front of `what` in the boot log's line on memory, or 0. */
static uint64_t log_kib(const char *text, size_t len, const char *what)
{
	const char *at = memmem(text, len, what, strlen(what)), *s = at;

	if (!at)
		return 0;
	while (s > text && s[-1] >= '0' && s[-1] <= '9')
		s--;
	return strtoull(s, NULL, 10);
}

static uint64_t image_kib(const struct estimate *s)
{
	static const char *const parts[] = {"K kernel code", "K rwdata", "K rodata", "K bss"};
	const char *text;
	uint64_t kib = 0;
	size_t len;
	unsigned i;

	if (!nb_tree_read(s->v->tree, "dmesg", &text, &len)) {
		for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
			kib += log_kib(text, len, parts[i]);
	}
	if (kib)
		return kib;
	return is_i386(s->v->machine) ? 14 << 10 : 35 << 10;
}

static void take_image(struct estimate *s)
{
	const struct nb_capture *c = s->v->capture;
	uint64_t at = 16 * MIB, pages = (image_kib(s) + 4096) >> (s->shift - 10);
	struct nb_verify_estimate *e;
	size_t i;

	for (i = 0; c->has_iomem && i < c->iomem.nr_entries; i++) {
		const char *name = c->iomem.entries[i].name;

		if (name && !strcmp(name, "Kernel code") && c->iomem.entries[i].start)
			at = c->iomem.entries[i].start;
	}
	e = zone_at(s, at);
	if (e)
		take(e, pages);
}

/* log_buf_len=: the text, and 112 bytes of descriptors for each 32 of it. Source: printk.c,
 * setup_log_buf(). */
static void take_log(struct estimate *s)
{
	const struct nb_machine *m = s->v->machine;
	size_t len, used;
	const char *word = nb_machine_option(m, "log_buf_len=", &len);
	uint64_t wanted = word ? nb_memparse(word, len, &used) : 0, bytes = 1;
	unsigned n = nb_system_nr_nodes(s->v->sys);

	if (!wanted || wanted > BELOW_4G)
		return;
	while (bytes < wanted)
		bytes <<= 1;
	take_from_top(s, nb_system_node_id(s->v->sys, n - 1), UINT64_MAX,
		      (bytes + bytes / 32 * 112) >> s->shift);
}

/* Tables that one node's memory is taken for. */
static void take_hashes(struct estimate *s)
{
	struct nb_system_info si;
	uint64_t entries = 1, wanted;

	nb_system_info(s->v->sys, &si);
	if (nb_system_nr_nodes(s->v->sys) != 1)
		return;
	wanted = (si.present_pages << s->shift >> 13) * 15 / 16;
	if (is_i386(s->v->machine) && si.max_low_pfn)
		wanted = (si.max_low_pfn << s->shift >> 13) * 15 / 16;
	while (entries < wanted)
		entries <<= 1;
	take_from_top(s, nb_system_node_id(s->v->sys, 0), UINT64_MAX,
		      entries * (is_i386(s->v->machine) ? 6 : 12) >> s->shift);
}

static void take_low(struct estimate *s)
{
	const struct nb_machine *m = s->v->machine;
	const struct nb_mem_range *last = NULL;
	struct nb_verify_estimate *e;
	uint64_t low = 0;
	unsigned i;
	bool above = false;

	if (!is_x86(m))
		return;
	for (i = 0; i < s->nr_ram; i++) {
		const struct nb_mem_range *r = &s->ram[i];
		uint64_t end = r->end < MIB ? r->end : MIB;

		low += end > r->start ? end - r->start : 0;
		if (r->start < BELOW_4G)
			last = r;
	}
	/* What the firmware has counts, not what mem= left of it. */
	for (i = 0; i < m->nr_firmware; i++)
		above |= m->firmware[i].type == NB_MEM_RAM && m->firmware[i].end > BELOW_4G;
	for (i = 0; !m->nr_firmware && i < s->nr_ram; i++)
		above |= s->ram[i].end > BELOW_4G && !(s->ram[i].flags & NB_RANGE_HOTADDED);
	e = zone_at(s, s->nr_ram ? s->ram[0].start : 0);
	if (e)
		take(e, low >> s->shift);
	if (above && last && m->arch != NB_ARCH_I386)
		take_from_top(s, last->nid, BELOW_4G, 64 * MIB >> s->shift);
}

static void add_zones(struct estimate *s)
{
	struct nb_verify *v = s->v;
	unsigned n = nb_system_nr_nodes(v->sys), i, t;

	v->estimate = nb_xcalloc((size_t)n * NB_MAX_NR_ZONES + 1, sizeof(*v->estimate));
	for (i = 0; i < n; i++) {
		int nid = nb_system_node_id(v->sys, i);

		for (t = 0; t < NB_MAX_NR_ZONES; t++) {
			struct nb_zone_info z;

			if (nb_zone_info(v->sys, nid, (enum nb_zone_type)t, &z) ||
			    !z.present_pages || z.managed_source == NB_SOURCE_ESTIMATED)
				continue;
			v->estimate[v->nr_estimates++] =
				(struct nb_verify_estimate){.nid = nid,
							    .type = (enum nb_zone_type)t,
							    .observed = z.managed_pages,
							    .estimated = z.present_pages};
		}
	}
}

void nb_verify_estimates(struct nb_verify *v)
{
	struct estimate s = {.v = v};
	struct nb_system_info si;

	nb_system_info(v->sys, &si);
	s.shift = si.page_shift;
	s.ram = nb_system_memblock(v->sys, &s.nr_ram);
	add_zones(&s);
	take_descriptors(&s);
	take_low(&s);
	take_image(&s);
	take_hashes(&s);
	take_log(&s);
}

double nb_verify_estimate_error(const struct nb_verify_estimate *e)
{
	if (!e->observed)
		return 0;
	return ((double)e->estimated - (double)e->observed) / (double)e->observed;
}
