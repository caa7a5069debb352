/* onmachine.h -- from the common options to a machine, and to a booted system.
 *
 * Called by every command that takes -m.
 */
#ifndef NB_CLI_ONMACHINE_H
#define NB_CLI_ONMACHINE_H

#include "cli/cmd.h"

#include <numabox/port.h>
#include <numabox/system.h>

struct nb_capture;

/* A machine and what it was read from; nb_onmachine_close() frees both. */
struct nb_onmachine {
	struct nb_port port;
	struct nb_machine *machine;
	struct nb_capture *capture; /* NULL: no capture */
	struct nb_system *sys;      /* NULL until nb_onmachine_boot() */
};

/* Reads -m with the options on top. `sysctls` false leaves --sysctl to the caller (the simulator
 * writes them later, on the observed state). 0, or a negative errno with *err. *om must
 * stay where it is while it is open. */
int nb_onmachine_open(struct nb_onmachine *om, const struct nb_common *c, bool fresh, bool sysctls,
		      struct nb_error *err);
int nb_onmachine_boot(struct nb_onmachine *om, struct nb_error *err);
/* Says on standard error, in one line, when what follows rests on a kernel profile that no captured
 * kernel confirms for this release and architecture; else nothing. */
void nb_onmachine_note_profile(const struct nb_onmachine *om);
void nb_onmachine_close(struct nb_onmachine *om);
/* A command that takes nothing but a capture: opens it, works, closes it. The exit status, `work`'s
 * own unless the call was wrong. */
int nb_on_capture(const struct nb_common *c, const char *command,
		  int (*work)(const struct nb_common *c, struct nb_onmachine *om));

/* --sysctl's texts as settings for whoever writes them later, on an observed state. 0, or
 * -NB_EINVAL with *err; the array is freed with nb_sysctl_settings_free(). */
int nb_sysctl_settings(const struct nb_opt_list *given, struct nb_sysctl_setting **ret,
		       unsigned *ret_n, struct nb_error *err);
void nb_sysctl_settings_free(struct nb_sysctl_setting *s, unsigned n);

#endif
