/* qemu.h -- the machine that a QEMU command line describes.
 *
 * Called by machine.c (qemu:ARGS) and by the capture reader (machine.json's qemu_args). Result: for
 * x86 the firmware map that SeaBIOS hands over and the SRAT, SLIT and HMAT that QEMU makes, so that
 * the kernel's boot rules decide; for arm64 "virt" the device tree's memory nodes. Source: QEMU 7.2
 * behaviour (hw/i386/pc_q35.c, pc_piix.c, acpi-build.c, hw/core/numa.c, machine-smp.c), checked
 * against the snapshots; docs/formats.md, "QEMU".
 */
#ifndef NB_READ_QEMU_H
#define NB_READ_QEMU_H

#include <numabox/machine.h>

/* Fills an empty machine from the words of a command line (with or without the program's name in
 * front); does not seal it. Options that say nothing about memory, CPUs or NUMA are passed over;
 * -kernel and -append give release and command line. No file is opened. 0; -NB_EINVAL, -NB_ERANGE
 * with *err; -NB_EOPNOTSUPP for -acpitable, whose tables replace QEMU's own. */
int nb_read_qemu(struct nb_machine *m, const char *const *args, unsigned n, struct nb_error *err);

/* The same from one text: words are parted as a shell does it ('…', "…", \). */
int nb_read_qemu_text(struct nb_machine *m, const char *text, size_t len, struct nb_error *err);

#endif
