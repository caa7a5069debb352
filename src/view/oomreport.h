/* oomreport.h -- the report of an OOM kill, in the words of the profile's kernel.
 *
 * Callers: the simulator, from the engine's callback (numabox/oom.h), while the state that led to
 * the kill still stands. Lines as dmesg has them, without time stamps. The stack is left out: the
 * engine has none (docs/deviations.md). Source: mm/oom_kill.c: dump_header(), dump_tasks(),
 * dump_oom_victim(), __oom_kill_process(); facts 12.11.
 */
#ifndef NB_VIEW_OOMREPORT_H
#define NB_VIEW_OOMREPORT_H

#include "base/hosted/text.h"

#include <numabox/oom.h>

/* The whole report. */
void nb_oomreport_print(const struct nb_system *sys, const struct nb_oom_report *r,
			struct nb_text *out);

#endif
