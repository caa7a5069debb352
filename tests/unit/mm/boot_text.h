/* boot_text.h -- a machine out of a few words, booted, and its layout as text.
 *
 * For tests of the boot layout: each case is a line of hardware, a command line, and the text that
 * must come out. Addresses are hex without 0x, ends inclusive, in the input and the output.
 */
#ifndef TESTS_UNIT_MM_BOOT_TEXT_H
#define TESTS_UNIT_MM_BOOT_TEXT_H

#include <numabox/system.h>

/* Parts of the output. */
enum {
	BOOT_SAID = 1 << 0,    /* said TEXT                     one boot message a line */
	BOOT_RANGES = 1 << 1,  /* NID START-END [FLAGS]         memblock */
	BOOT_MOVABLE = 1 << 2, /* movable NID PFN */
	BOOT_ZONES = 1 << 3,   /* NID NAME START SPANNED PRESENT   in pages, decimal */
	BOOT_MANAGED = 1 << 4, /* NID NAME managed N init N SOURCE */
	BOOT_CPUS = 1 << 5,    /* NID cpus LIST [offline]; cpu_to_node */
	BOOT_LIMITS = 1 << 6,  /* NAME LOW-HIGH                 possible ranges, pfns in decimal */
	BOOT_DISTANCES = 1 << 7, /* one row a line */
};

struct boot_case {
	enum nb_arch arch;
	unsigned page_shift;  /* 0: 12 */
	const char *kernel;   /* NULL: 6.12 */
	const char *firmware; /* "ram 0-9fbff, res 9fc00-9ffff, ram 100000-7fffffff mirror" */
	const char *srat;     /* "0 0-3fffffff, 1 40000000-7fffffff hotplug" */
	const char *ranges;   /* as srat; flags hotplug, mirror, hotadded, movable */
	const char *vendor;   /* of the CPUs; they share one last-level cache by twos */
	const char *cpus;     /* node of CPU 0, 1, ...: "0 0 1 -"; NULL: CPU 0 on the lowest node */
	const char *cmdline;
	const char *facts; /* "0 Normal managed 100 init 90 present 200" */
	const char *early; /* "1000000-1ffffff freed 100, 7fc00000-7fffffff freed 0" */
	const uint8_t *distances;
	uint64_t lowmem_end, dma_limit;
};

/* Boots and prints the wanted parts; fails the test if it does not boot. The caller frees. */
char *boot_text(const struct boot_case *c, unsigned parts);

/* The error of a boot that must fail. The caller frees. */
char *boot_error(const struct boot_case *c);

/* Boots and compares with `want`; on a difference prints both. */
void boot_expect(const struct boot_case *c, unsigned parts, const char *want);

#endif
