/* memblock.h -- lists of address ranges, and what the files of the boot layout hand to each other.
 *
 * Included by e820.c, memblock.c, numa.c, numa_emulation.c, zone.c and movable.c only.
 * Memory: everything comes from the system's arena; scratch lists stay there until shutdown.
 * Units:  bytes, ends exclusive, unless a name says _pfn or _pages.
 */
#ifndef NB_MM_MEMBLOCK_H
#define NB_MM_MEMBLOCK_H

#include "mm/mmzone.h"

/* A growing list of ranges. */
struct nb_regions {
	struct nb_mem_range *v;
	unsigned nr, cap;
};

/* Appends; -NB_ENOMEM. An empty range is not added. */
int nb_regions_add(struct nb_arena *a, struct nb_regions *l, const struct nb_mem_range *r);
/* Sorts by address. -NB_ENOMEM. */
int nb_regions_sort(struct nb_arena *a, struct nb_regions *l);
/* Joins touching neighbours of a sorted list that agree in type, node and flags. */
void nb_regions_join(struct nb_regions *l);
/* Cuts `list` at the borders of `painters` (both sorted, each without overlaps) and gives the
 * pieces inside a painter its node, if it has one, and its flags. -NB_ENOMEM. */
int nb_regions_paint(struct nb_arena *a, struct nb_regions *list,
		     const struct nb_regions *painters);
/* Bytes of a sorted list without overlaps inside [start, end); 0 if end <= start. O(list). */
uint64_t nb_regions_bytes(const struct nb_regions *l, uint64_t start, uint64_t end);

/* The boot-time ranges of sys->memblock node by node, in address order: node position n has
 * index[first[n]] .. index[first[n + 1] - 1]. */
struct nb_node_ranges {
	unsigned *first;
	unsigned *index;
};
/* -NB_ENOMEM. */
int nb_sort_by_node(struct nb_system *sys, struct nb_node_ranges *ret);

/* Index of the first range of a sorted list without overlaps that ends past `addr`; l->nr: none. */
unsigned nb_regions_first_past(const struct nb_regions *l, uint64_t addr);
/* Is any byte of a sorted list without overlaps inside [start, end)? O(log list). */
bool nb_regions_overlap(const struct nb_regions *l, uint64_t start, uint64_t end);

/* What the steps of nb_boot_memory() share. */
struct nb_layout_boot {
	struct nb_system *sys;
	const struct nb_machine *m;
	struct nb_arena *arena;
	struct nb_error *err;
	bool from_firmware; /* a firmware map; else node ranges as they are */

	struct nb_regions ram;                   /* memblock.memory: sorted, whole pages */
	uint64_t dram_start, dram_end, max_addr; /* max_addr: x86 may see less than there is */

	struct nb_regions blocks;  /* memory of each node, in the kernel's order; no overlaps */
	struct nb_nodemask parsed; /* nodes that firmware (or emulation) named */
	int16_t *cpu_node;         /* by position in m->cpus; -1: firmware does not say */
	int16_t phys_node[NB_MAX_NODES]; /* emulation: physical node of each; -1 none */
	bool emulated;
	int16_t *llc_number; /* node.c: AMD's number of a last-level cache, by its id */
	uint8_t *distances;  /* emulation: by node id, [from * nr_distances + to] */
	unsigned nr_distances;
};

/* e820.c: b->ram from the machine's firmware map or ranges and the command line. */
int nb_boot_ram(struct nb_layout_boot *b);

/* numa.c: b->blocks, parsed, cpu_node (SRAT, numa=off, numa=fake=, no NUMA at all). */
int nb_boot_numa(struct nb_layout_boot *b);
/* numa.c: sys->pgdat[], CPUs and distances, once sys->memblock is there. */
int nb_boot_nodes(struct nb_layout_boot *b);
/* numa.c: trims, checks and joins b->blocks; messages. Returns false if nodes overlap. */
bool nb_numa_cleanup(struct nb_layout_boot *b, struct nb_regions *blocks, uint64_t low,
		     int *ret_err);

/* numa_emulation.c: carries out numa=fake=`text` on b->blocks; what it cannot do it leaves as it
 * is. 0 or -NB_ENOMEM. */
int nb_numa_emulation(struct nb_layout_boot *b, const char *text, size_t len);

/* movable.c: movable_start_pfn of every node. *ret_mirror: kernelcore=mirror is in force. */
void nb_find_zone_movable_pfns(struct nb_system *sys, bool *ret_mirror);

/* Does this architecture's kernel know nodes at all? */
bool nb_arch_has_numa(enum nb_arch arch);

static inline bool nb_arch_is_x86(enum nb_arch arch)
{
	return arch == NB_ARCH_X86_64 || arch == NB_ARCH_I386 || arch == NB_ARCH_I386PAE;
}

/* The boot-time ranges of sys->memblock in pfns; false for one that was hot-added later. */
static inline bool nb_memblock_pfns(const struct nb_system *sys, unsigned i, nb_pfn_t *ret_start,
				    nb_pfn_t *ret_end)
{
	const struct nb_mem_range *r = &sys->memblock[i];

	*ret_start = r->start >> sys->page_shift;
	*ret_end = r->end >> sys->page_shift;
	return !(r->flags & NB_RANGE_HOTADDED);
}

#endif
