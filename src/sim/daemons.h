/* daemons.h -- starts the kernel's daemons in a simulation, and ends them. Called by driver.c.
 */
#ifndef NB_SIM_DAEMONS_H
#define NB_SIM_DAEMONS_H

#include "sim/driver.h"

/* After boot, before the first task. 0 or -NB_ENOMEM. */
int nb_daemons_start(struct nb_sim *s);
void nb_daemons_release(struct nb_sim *s);
/* The pid of a CPU's worker ("kworker/1:0"), as traces tell it. */
int nb_worker_pid(struct nb_sim *s, unsigned cpu);
/* lua_pressure.c: keeps the reports of OOM kills from now on; and gives them up. */
void nb_oom_texts_start(struct nb_sim *s);
void nb_oom_texts_release(struct nb_sim *s);

#endif
