/* numa.c -- which node gets which memory, and which CPUs.
 *
 * Called by nb_boot_memory(). First the firmware's table (SRAT, device tree) is tried; if it is
 * absent, switched off, contradicts itself or leaves RAM uncovered, there is one node 0 with
 * everything. On either, numa=fake= may then build its own nodes (numa_emulation.c). Machines told
 * as node ranges take these as the table. Kernels without NUMA have node 0 alone and say nothing.
 * Source: arch/x86/mm/numa.c, drivers/base/arch_numa.c, mm/numa_memblks.c; facts 3.4, 12.2.
 */
#include "base/fmt.h"
#include "base/mem.h"
#include "mm/boot.h"
#include "mm/memblock.h"

#define LL(x) ((unsigned long long)(x))

/* More blocks than the kernel's table holds: it gives up. Source: NR_NODE_MEMBLKS. */
#define MAX_AFFINITY (NB_MAX_NODES * 2)

bool nb_arch_has_numa(enum nb_arch arch)
{
	return arch == NB_ARCH_X86_64 || arch == NB_ARCH_ARM64 || arch == NB_ARCH_OTHER;
}

/* What numa= asked for. */
struct numa_options {
	bool off, noacpi;
	const char *fake; /* what follows "fake=" */
	size_t fake_len;
};

static bool begins(const char *s, size_t len, const char *word)
{
	size_t n = nb_strlen(word);

	return len >= n && nb_strncmp(s, word, n) == 0;
}

static struct numa_options read_options(const struct nb_layout_boot *b)
{
	struct numa_options o = {0};
	bool generic = b->sys->profile->fake_from_first_byte;
	size_t pos = 0, len;
	const char *s;

	while ((s = nb_machine_option_next(b->m, "numa=", &pos, &len))) {
		if (begins(s, len, "off"))
			o.off = true;
		if (begins(s, len, "noacpi"))
			o.noacpi = true;
		/* Emulation was x86's alone until 6.12 made it generic. */
		if (begins(s, len, "fake=") && (b->m->arch == NB_ARCH_X86_64 || generic)) {
			o.fake = s + 5;
			o.fake_len = len - 5;
		}
	}
	s = nb_machine_option(b->m, "acpi=", &len);
	if (s && nb_str_is(s, len, "off"))
		o.noacpi = true;
	return o;
}

static int alloc_cpu_nodes(struct nb_layout_boot *b, bool known)
{
	b->cpu_node = nb_arena_alloc(b->arena, (size_t)b->m->nr_cpus * sizeof(*b->cpu_node));
	if (!b->cpu_node)
		return -NB_ENOMEM;
	for (unsigned i = 0; i < b->m->nr_cpus; i++)
		b->cpu_node[i] = known ? (int16_t)b->m->cpus[i].nid : NB_NO_NODE;
	return 0;
}

/* The blocks that the firmware told (or the node ranges), unchecked. */
static int take_affinity(struct nb_layout_boot *b)
{
	const struct nb_mem_range *v = b->from_firmware ? b->m->affinity : b->m->ranges;
	unsigned nr = b->from_firmware ? b->m->nr_affinity : b->m->nr_ranges;
	int err = 0;

	b->blocks = (struct nb_regions){0};
	memset(&b->parsed, 0, sizeof(b->parsed));
	for (unsigned i = 0; i < nr && !err; i++) {
		struct nb_mem_range r = {.start = v[i].start, .end = v[i].end, .nid = v[i].nid};

		if (r.nid == NB_NO_NODE || (v[i].flags & NB_RANGE_HOTADDED))
			continue;
		nb_nodemask_set(&b->parsed, r.nid);
		err = nb_regions_add(b->arena, &b->blocks, &r);
	}
	for (unsigned i = 0; i < b->m->nr_nodes; i++)
		nb_nodemask_set(&b->parsed, b->m->nodes[i].id);
	return err ? err : alloc_cpu_nodes(b, true);
}

/* Does every node's RAM have a node? x86 tolerates 1 MiB without, others nothing.
 * Source: numa_meminfo_cover_memory(), memblock_validate_numa_coverage(). */
static bool covers_ram(const struct nb_layout_boot *b, const struct nb_regions *sorted)
{
	uint64_t slack = b->m->arch == NB_ARCH_X86_64 ? 1 << 20 : 0, total = 0, covered = 0;

	for (unsigned i = 0; i < b->ram.nr; i++)
		total += b->ram.v[i].end - b->ram.v[i].start;
	for (unsigned i = 0; i < sorted->nr; i++)
		covered += nb_regions_bytes(&b->ram, sorted->v[i].start, sorted->v[i].end);
	if (b->sys->profile->coverage_by_region || b->m->arch != NB_ARCH_X86_64) {
		if (total - covered <= slack)
			return true;
		nb_boot_message(b->sys, "NUMA: no nodes coverage for %lluMB of %lluMB RAM",
				LL((total - covered) >> 20), LL(total >> 20));
		return false;
	}
	if (total - covered < slack)
		return true;
	nb_boot_message(b->sys, "NUMA: nodes only cover %lluMB of your %lluMB e820 RAM. Not used.",
			LL(covered >> 20), LL(total >> 20));
	return false;
}

/* Two blocks of different nodes that overlap: the first such pair in table order is reported. */
static void report_overlap(struct nb_layout_boot *b, const struct nb_regions *l)
{
	for (unsigned i = 0; i < l->nr; i++) {
		for (unsigned j = i + 1; j < l->nr; j++) {
			const struct nb_mem_range *x = &l->v[i], *y = &l->v[j];

			if (x->nid == y->nid || x->end <= y->start || y->end <= x->start)
				continue;
			nb_boot_message(b->sys,
					"NUMA: node %d [mem %#010llx-%#010llx] overlaps with node "
					"%d [mem %#010llx-%#010llx]",
					x->nid, LL(x->start), LL(x->end - 1), y->nid, LL(y->start),
					LL(y->end - 1));
			return;
		}
	}
}

/* Keeps what lies in [low, max_addr) and touches RAM. */
static void trim_blocks(const struct nb_layout_boot *b, struct nb_regions *l, uint64_t low)
{
	unsigned n = 0;

	for (unsigned i = 0; i < l->nr; i++) {
		struct nb_mem_range r = l->v[i];

		if (!nb_regions_overlap(&b->ram, r.start, r.end))
			continue;
		if (r.start < low)
			r.start = low;
		if (r.end > b->max_addr)
			r.end = b->max_addr;
		if (r.start < r.end)
			l->v[n++] = r;
	}
	l->nr = n;
}

/* Joins blocks of one node with no other node between them. In address order these are the runs of
 * equal nodes; `line` holds each block's place in the table, and a run takes the place of its
 * first. `sorted` is by address. */
static void join_runs(struct nb_layout_boot *b, const struct nb_regions *sorted,
		      struct nb_mem_range *out, unsigned *run_of, const struct nb_regions *table)
{
	unsigned run = 0;

	for (unsigned i = 0; i < sorted->nr; i++) {
		if (i && sorted->v[i].nid != sorted->v[i - 1].nid)
			run++;
		run_of[sorted->v[i].line] = run;
		out[run].end = 0;
	}
	for (unsigned i = 0; i < table->nr; i++) {
		const struct nb_mem_range *r = &table->v[i];
		struct nb_mem_range *o = &out[run_of[i]], was = *o;

		if (!o->end) {
			*o = *r;
			continue;
		}
		o->start = r->start < o->start ? r->start : o->start;
		o->end = r->end > o->end ? r->end : o->end;
		if (b->from_firmware)
			nb_boot_message(b->sys,
					"NUMA: Node %d [mem %#010llx-%#010llx] + [mem "
					"%#010llx-%#010llx] -> [mem %#010llx-%#010llx]",
					was.nid, LL(was.start), LL(was.end - 1), LL(r->start),
					LL(r->end - 1), LL(o->start), LL(o->end - 1));
	}
}

bool nb_numa_cleanup(struct nb_layout_boot *b, struct nb_regions *blocks, uint64_t low,
		     int *ret_err)
{
	struct nb_regions sorted = {0};
	struct nb_mem_range *out;
	uint64_t end = 0;
	unsigned *run_of, n = 0;

	trim_blocks(b, blocks, low);
	*ret_err = 0;
	for (unsigned i = 0; i < blocks->nr && !*ret_err; i++) {
		blocks->v[i].line = i;
		*ret_err = nb_regions_add(b->arena, &sorted, &blocks->v[i]);
	}
	if (!*ret_err)
		*ret_err = nb_regions_sort(b->arena, &sorted);
	out = nb_arena_alloc(b->arena, (blocks->nr + 1) * sizeof(*out));
	run_of = nb_arena_alloc(b->arena, (blocks->nr + 1) * sizeof(*run_of));
	if (*ret_err || !out || !run_of) {
		*ret_err = -NB_ENOMEM;
		return false;
	}
	for (unsigned i = 0, of = 0; i < sorted.nr; i++) {
		if (sorted.v[i].start < end && sorted.v[i].nid != sorted.v[of].nid) {
			report_overlap(b, blocks);
			return false;
		}
		if (sorted.v[i].end > end) {
			end = sorted.v[i].end;
			of = i;
		}
	}
	join_runs(b, &sorted, out, run_of, blocks);
	for (unsigned i = 0; i < blocks->nr; i++) {
		struct nb_mem_range *o = &out[run_of[i]];

		if (o->line == i && o->end)
			blocks->v[n++] = *o;
	}
	blocks->nr = n;
	return true;
}

/* Everything is node 0. */
static int one_node(struct nb_layout_boot *b, uint64_t start, uint64_t end)
{
	struct nb_mem_range all = {.start = start, .end = end, .nid = 0};

	b->blocks = (struct nb_regions){0};
	memset(&b->parsed, 0, sizeof(b->parsed));
	nb_nodemask_set(&b->parsed, 0);
	if (alloc_cpu_nodes(b, false))
		return -NB_ENOMEM;
	return nb_regions_add(b->arena, &b->blocks, &all);
}

static int dummy_node(struct nb_layout_boot *b, bool off)
{
	bool x86 = b->m->arch == NB_ARCH_X86_64;
	uint64_t start = x86 ? 0 : b->dram_start;

	if (x86)
		nb_boot_message(b->sys, "%s",
				off ? "NUMA turned off" : "No NUMA configuration found");
	else if (off)
		nb_boot_message(b->sys, "NUMA: NUMA disabled");
	nb_boot_message(b->sys, "%sFaking a node at [mem %#018llx-%#018llx]",
			x86 ? "" : "NUMA: ", LL(start), LL(b->dram_end - 1));
	return one_node(b, start, b->dram_end);
}

/* One attempt: check, join, emulate, see whether all RAM is covered. *ret_ok false: no. */
static int numa_init(struct nb_layout_boot *b, const struct numa_options *o, bool *ret_ok)
{
	uint64_t low = b->sys->profile->fake_from_first_byte ? b->dram_start : 0;
	struct nb_regions sorted = {0};
	int err;

	*ret_ok = nb_numa_cleanup(b, &b->blocks, low, &err);
	if (err || !*ret_ok)
		return err;
	for (unsigned i = 0; i < NB_MAX_NODES; i++)
		b->phys_node[i] = nb_nodemask_test(&b->parsed, i) ? (int16_t)i : NB_NO_NODE;
	if (o->fake) {
		err = nb_numa_emulation(b, o->fake, o->fake_len);
		if (err)
			return err;
	}
	for (unsigned i = 0; i < b->blocks.nr && !err; i++)
		err = nb_regions_add(b->arena, &sorted, &b->blocks.v[i]);
	if (!err)
		err = nb_regions_sort(b->arena, &sorted);
	*ret_ok = !err && covers_ram(b, &sorted);
	return err;
}

int nb_boot_numa(struct nb_layout_boot *b)
{
	struct numa_options o = read_options(b);
	bool told, ok = false;
	int err = 0;

	if (!nb_arch_has_numa(b->m->arch))
		return one_node(b, 0, b->dram_end);
	told = !b->from_firmware || (b->m->nr_affinity && !o.noacpi);
	if (told && b->from_firmware && b->m->nr_affinity > MAX_AFFINITY) {
		nb_boot_message(b->sys, "NUMA: too many memblk ranges");
		told = false;
	}
	if (told && !o.off) {
		err = take_affinity(b);
		if (!err)
			err = numa_init(b, &o, &ok);
	}
	if (!err && !ok) {
		err = dummy_node(b, o.off);
		if (!err)
			err = numa_init(b, &o, &ok);
	}
	return err;
}
