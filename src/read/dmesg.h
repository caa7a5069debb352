/* dmesg.h -- what a kernel's boot log says of the hardware and of what boot gave back.
 *
 * Called by read/capture*.c. Only facts that the firmware or the user told the kernel, or that
 * cannot be computed, are taken: the lines that Linux derives from them (Zone ranges, fallback
 * orders) are left to src/view and to verify, except the node ranges, which are the last resort
 * of a log without firmware map.
 * Formats: 2.6.32 to 6.18; plain, with time stamps ("[    0.000000] ", dmesg -T), with callers
 *          ("[    T0] "), with facility and level (dmesg -x), or as syslog and journalctl store
 *          them ("... kernel: "). Of several boots in one log the last one counts.
 * Memory:  everything belongs to the struct; nb_dmesg_release().
 * Units:   bytes, ends exclusive.
 */
#ifndef NB_READ_DMESG_H
#define NB_READ_DMESG_H

#include "read/reservations.h"
#include <numabox/machine.h>

struct nb_dmesg_cpu {
	uint32_t id;
	int nid;
};

struct nb_dmesg {
	char *release; /* of "Linux version"; NULL: not there */
	char *cmdline; /* NULL: not there */
	char *version; /* what follows the release on that line; NULL */

	struct nb_ranges e820;   /* BIOS-e820 lines, in their order */
	struct nb_ranges taken;  /* usable memory that the kernel gave up early (MTRRs, quirks) */
	struct nb_ranges srat;   /* SRAT memory lines, in their order: nid and flags set */
	struct nb_ranges early;  /* node ranges as the kernel found them */
	struct nb_ranges mirror; /* EFI descriptors of mirrored memory (efi=debug) */
	struct nb_reservations reservations; /* memblock=debug */
	struct nb_dmesg_cpu *cpus;           /* SRAT processor lines: APIC id and node */
	size_t nr_cpus, cap_cpus;
	struct nb_dmesg_cpu *smp; /* CPUs as they came up on x86: CPU number and node; the boot
				   * CPU is not among them */
	size_t nr_smp, cap_smp;

	uint64_t lowmem_end;               /* i386; 0 unknown */
	bool lowmem_rounded;               /* known to the MiB only */
	uint64_t lowmem_bytes;             /* arm: size of low memory; 0 unknown */
	uint64_t max_arch_pfn;             /* x86; 0 unknown */
	uint64_t initrd_start, initrd_end; /* both 0: not there */
	uint64_t freed_initrd_kib;         /* freed after watermarks were set at boot */
	uint64_t freed_init_kib;           /* init text and data, gaps, unused decrypted memory */
	uint64_t block_bytes;              /* size of a memory block; 0 unknown */
	unsigned page_shift;               /* by the hash tables' sizes; 0 unknown */
};

/* Never fails: what it does not know it passes over. *d is zeroed first. */
void nb_dmesg_parse(const char *text, size_t len, struct nb_dmesg *d);
void nb_dmesg_release(struct nb_dmesg *d);

#endif
