/* smaps.h -- /proc/PID/smaps and /proc/PID/maps, what `pmap -x` makes of them, and the memory lines
 * of /proc/PID/status.
 *
 * Callers: Lua (t:smaps(), t:maps(), t:pmap(), t:status()), doctor (a capture's processes).
 * Units: bytes for addresses, KiB in the lines below a mapping, as printed.
 * Source: fs/proc/task_mmu.c, show_map_vma(), show_smap(), task_mem(); procps 4.0.2, pmap.c.
 */
#ifndef NB_VIEW_SMAPS_H
#define NB_VIEW_SMAPS_H

#include "base/hosted/text.h"
#include "view/item.h"
#include "view/strings.h"
#include <jansson.h>
#include <numabox/error.h>
#include <numabox/task.h>

struct nb_smaps_vma {
	uint64_t start, end, offset, inode;
	unsigned major, minor;
	char perms[5];         /* "rw-p" */
	const char *name;      /* "/bin/cat", "[heap]"; NULL: none */
	const char *raw;       /* the first line, if no rule prints it */
	struct nb_items items; /* "Rss", "Pss", ... ; kib; raw lines keep their place */
	const char *vm_flags;  /* "rd wr mr mw me ac " as printed behind "VmFlags: "; NULL: no such
				  line */
	bool known;            /* the first line was understood */
};

struct nb_smaps {
	struct nb_strings strings;
	struct nb_smaps_vma *vmas;
	size_t nr_vmas, cap_vmas;
	unsigned name_column; /* where names begin: 73 on 64-bit kernels, 49 on 32-bit ones */
	bool cut;
};

/* Reads smaps or maps (mappings without lines below them). -NB_EINVAL with the line: no mapping,
 * NUL bytes, text before the first mapping. */
int nb_smaps_parse(const char *text, size_t len, struct nb_smaps *s, struct nb_error *err);
void nb_smaps_from_task(const struct nb_system *sys, const struct nb_task *t, struct nb_smaps *s);
void nb_smaps_print(const struct nb_smaps *s, struct nb_text *out);
/* The first lines alone: /proc/PID/maps. */
void nb_maps_print(const struct nb_smaps *s, struct nb_text *out);
json_t *nb_smaps_json(const struct nb_smaps *s);
void nb_smaps_release(struct nb_smaps *s);

/* The table of `pmap -x PID`. */
void nb_pmap_print(const struct nb_smaps *s, int pid, const char *command, struct nb_text *out);

/* VmSize and the lines behind it of /proc/PID/status. Peaks are not kept: VmPeak and VmHWM are left
 * out, so are VmExe and VmLib of a task that runs no program. */
void nb_task_status_print(const struct nb_system *sys, const struct nb_task *t,
			  struct nb_text *out);

#endif
