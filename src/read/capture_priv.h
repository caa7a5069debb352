/* capture_priv.h -- what the files of the capture reader share.
 *
 * Included by src/read/capture*.c only. The parts, in the order in which capture_machine.c
 * calls them:
 *
 *   capture_qemu.c    everything, out of a recorder's note, where the capture tells nothing
 *   capture_ident.c   release, architecture, page size, command line
 *   capture_nodes.c   node ids, distances, latencies
 *   capture_cpus.c    CPUs with their nodes and topology
 *   capture_memory.c  firmware map (capture_firmware.c) and affinity, or node ranges: of the
 *                     device tree (capture_devicetree.c), of the log, or out of zones
 *                     (capture_spans.c)
 *   capture_blocks.c  memory blocks of sysfs; what was hot-added
 *   capture_facts.c   managed pages, and what was freed after boot's watermarks
 *   capture_reserved.c  what boot had reserved
 *   capture_sysctl.c  settings that a user must have written
 */
#ifndef NB_READ_CAPTURE_PRIV_H
#define NB_READ_CAPTURE_PRIV_H

#include "base/hosted/text.h"
#include "read/acpi.h"
#include "read/capture.h"
#include "read/dmesg.h"
#include "view/iomem.h"
#include "view/zoneinfo.h"

/* One memory block of sysfs (drivers/base/memory.c). */
struct nb_block {
	uint64_t start;
	int nid;
	bool movable;
};

struct nb_capture {
	struct nb_tree *tree;
	struct nb_dmesg dmesg; /* zeroed without one */
	struct nb_zoneinfo zoneinfo;
	struct nb_iomem iomem;
	bool has_dmesg, has_zoneinfo, has_iomem;
	struct nb_acpi *acpi;        /* NULL: no table */
	bool acpi_srat;              /* a SRAT with memory in it */
	struct nb_ranges devicetree; /* memory nodes of the device tree, with nodes */

	/* What machine.json says of it; NULL: nothing. */
	char *json_cmdline, *json_release, *json_arch;
	unsigned json_page_size;

	/* Nodes as sysfs shows them (numa=fake and numa=off make them differ from the hardware's).
	 */
	struct nb_nodemask online;
	bool has_online;
	struct nb_block *blocks; /* online ones, ascending */
	size_t nr_blocks, cap_blocks;
	uint64_t block_bytes;

	char **notes;
	size_t nr_notes, nr_open_notes; /* the first ones were made at opening */
};

/* One machine in the making. */
struct nb_build {
	struct nb_capture *c;
	struct nb_tree *t;
	struct nb_machine *m;
	struct nb_error *err;
	bool fresh;
	bool emulated; /* numa=off or numa=fake: observed nodes are not the hardware's */
};

__attribute__((format(printf, 2, 3))) void nb_capture_add_note(struct nb_capture *c,
							       const char *fmt, ...);

/* Names a file of the capture in *err, if it names none yet: "DIR/proc/zoneinfo". */
void nb_capture_error_file(const struct nb_capture *c, struct nb_error *err, const char *path);

/* Each: 0, or a negative errno with b->err. nb_capture_qemu() comes first; where it was used, only
 * identity, facts and sysctls follow. */
int nb_capture_qemu(struct nb_build *b, bool *ret_used);
/* Distances of the same note, where nothing else tells them. */
int nb_capture_qemu_distances(struct nb_build *b);
int nb_capture_identity(struct nb_build *b);
int nb_capture_nodes(struct nb_build *b);
int nb_capture_distances(struct nb_build *b);
int nb_capture_cpus(struct nb_build *b);
int nb_capture_memory(struct nb_build *b);
int nb_capture_facts(struct nb_build *b);
int nb_capture_reserved(struct nb_build *b);
int nb_capture_sysctls(struct nb_build *b);

/* capture_memory.c: MemTotal of the i-th node of b->m in bytes; 0: not told */
uint64_t nb_capture_node_total(struct nb_build *b, unsigned i);

/* capture_nodes.c: reads sysfs' node list once, at opening. */
void nb_capture_find_online(struct nb_capture *c);

/* capture_devicetree.c: fills c->devicetree, once, at opening. */
void nb_capture_find_devicetree(struct nb_capture *c);

/* capture_blocks.c */
void nb_capture_find_blocks(struct nb_capture *c);
/* Adds the online blocks that no boot-time RAM in `boot` touches, as hot-added ranges. */
int nb_capture_hotadded(struct nb_build *b, const struct nb_ranges *boot);
/* Node of the block that holds `addr`, or NB_NO_NODE; *ret_end: where that block ends. */
int nb_capture_block_node(const struct nb_capture *c, uint64_t addr, uint64_t *ret_end);

/* capture_spans.c: memory ranges out of proc/zoneinfo alone; how it was done goes to *ret_how. */
void nb_capture_spans(const struct nb_build *b, struct nb_ranges *out, const char **ret_how);

/* capture_firmware.c: the firmware map that boot saw, without what was hot-added later. *ret_from
 * says where it was found. Empty when there is none. */
void nb_capture_firmware(struct nb_build *b, struct nb_ranges *out, const char **ret_from);

/* Value of "key" among lines "KEY: VALUE" or "KEY\t: VALUE": a copy (free it), or NULL. */
char *nb_capture_field(const char *text, size_t len, const char *key);

/* Is "numa=WORD..." on the machine's command line? */
bool nb_capture_numa_option(const struct nb_machine *m, const char *word);

/* Range arithmetic: what of `from` is not covered by [start, end) stays; parts keep node and flags.
 */
void nb_ranges_cut(struct nb_ranges *l, uint64_t start, uint64_t end);
/* Bytes of [start, end) that RAM ranges of `l` cover. */
uint64_t nb_ranges_covered(const struct nb_ranges *l, uint64_t start, uint64_t end);

#endif
