/* memcg.h -- the files of a memory cgroup, and its part of an OOM report.
 *
 * Callers: the simulator (g:read(), machine:view()), oomreport.c. Text as the profile's kernel
 * prints it; numbers are bytes, in reports KiB. What the engine does not model (the kernel's small
 * objects, zswap, demotion) stands as 0, where the kernel prints it.
 * Source: mm/memcontrol.c, mm/memcontrol-v1.c; Documentation/admin-guide/cgroup-v2.rst.
 */
#ifndef NB_VIEW_MEMCG_H
#define NB_VIEW_MEMCG_H

#include "base/hosted/text.h"

#include <numabox/memcg.h>
#include <numabox/system.h>

/* Appends the file's text: "memory.current", "memory.stat", with v1's rules
 * "memory.limit_in_bytes", ... false, and nothing appended: these rules have no such file. */
bool nb_memcg_file(const struct nb_system *sys, const struct nb_memcg *cg, const char *name,
		   struct nb_text *out);
/* The setting that a file holds; *ret_pages: it is in pages, written as bytes or "max".
 * NB_NR_MEMCG_KNOBS: none. */
enum nb_memcg_knob nb_memcg_file_knob(const struct nb_system *sys, const char *name,
				      bool *ret_pages);

/* memcg_stat.c: memory.stat and memory.numa_stat. */
void nb_memcg_stat_print(const struct nb_system *sys, const struct nb_memcg *cg,
			 struct nb_text *out);
void nb_memcg_numa_stat_print(const struct nb_system *sys, const struct nb_memcg *cg,
			      struct nb_text *out);
/* What an OOM report says of the group instead of Mem-Info: usage, limits, statistics. `task_memcg`
 * is the victim's path. */
void nb_memcg_oom_print(const struct nb_system *sys, const struct nb_memcg *cg,
			const char *task_memcg, struct nb_text *out);

#endif
