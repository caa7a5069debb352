/* iomem.h -- /proc/iomem: the tree of physical address ranges.
 *
 * Callers: show, the capture reader (System RAM, Kernel code, PCI holes). Entries stand in file
 * order, a child after its parent with depth + 1. Bytes, `end` inclusive as printed.
 * Without privilege the kernel prints zeros for every address: `hidden` says so.
 * Source: kernel/resource.c, r_show().
 */
#ifndef NB_VIEW_IOMEM_H
#define NB_VIEW_IOMEM_H

#include "base/hosted/text.h"
#include "view/strings.h"
#include <jansson.h>
#include <numabox/error.h>
#include <numabox/system.h>

struct nb_iomem_entry {
	unsigned depth;
	uint64_t start, end; /* end inclusive */
	const char *name;    /* NULL: a raw line */
	const char *raw;
};

struct nb_iomem {
	struct nb_strings strings;
	struct nb_iomem_entry *entries;
	size_t nr_entries, cap_entries;
	bool hidden;
	bool cut;
};

/* -NB_EINVAL with the line: no range at all, NUL bytes, an end below its start. */
int nb_iomem_parse(const char *text, size_t len, struct nb_iomem *m, struct nb_error *err);
/* RAM and what the firmware map says of the rest; devices are not known. */
void nb_iomem_from_system(const struct nb_system *sys, struct nb_iomem *m);
void nb_iomem_print(const struct nb_iomem *m, struct nb_text *out);
json_t *nb_iomem_json(const struct nb_iomem *m);
void nb_iomem_release(struct nb_iomem *m);
size_t nb_iomem_nr_raw(const struct nb_iomem *m);

#endif
