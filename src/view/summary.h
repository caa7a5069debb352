/* summary.h -- the first thing to see of a machine: what it is, how it was cut up, what is known
 * and what is guessed. numabox's own view.
 *
 * Callers: show without a view, demo. Everything comes from the booted system and its machine.
 */
#ifndef NB_VIEW_SUMMARY_H
#define NB_VIEW_SUMMARY_H

#include "base/hosted/text.h"
#include <jansson.h>
#include <numabox/system.h>

/* "given", "computed", "estimated", "absent". */
const char *nb_source_name(enum nb_source s);

void nb_summary_print(const struct nb_system *sys, struct nb_text *out);
json_t *nb_summary_json(const struct nb_system *sys);

/* What the kernel's mem_map costs on this machine, three ways, in bytes. */
struct nb_memmap_cost {
	unsigned struct_page_bytes; /* sizeof(struct page) of that kernel */
	uint64_t flat_bytes;        /* one array from frame 0 to the highest one */
	uint64_t per_node_bytes;    /* one array a node over its span, holes included */
	uint64_t sparse_bytes;      /* sections that hold memory only */
	uint64_t hotadded_bytes;    /* of the sparse: sections that came after boot */
	uint64_t ours_bytes;        /* numabox: 32 bytes a touched page, as committed now */
	unsigned pfn_bits;          /* that a frame number needs */
};
/* log2(bytes) of a section of the sparse memory model. */
unsigned nb_section_shift(const struct nb_system_info *info);
void nb_memmap_cost(const struct nb_system *sys, struct nb_memmap_cost *ret);

#endif
