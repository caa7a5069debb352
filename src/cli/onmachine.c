/* onmachine.c -- opens the machine that a command line names.
 *
 * The one place where the program meets the reader, the port and boot.
 */
#include "cli/onmachine.h"
#include "cli/out.h"

#include "read/capture.h"
#include "read/machine.h"

#include <stdlib.h>
#include <string.h>

int nb_onmachine_open(struct nb_onmachine *om, const struct nb_common *c, bool fresh, bool sysctls,
		      struct nb_error *err)
{
	struct nb_read_options opt = {
		.kernel = c->kernel,
		.arch = c->arch,
		.cmdline = c->cmdline,
		.sysctls = sysctls ? c->sysctl.v : NULL,
		.nr_sysctls = sysctls ? c->sysctl.n : 0,
		.boot_fresh = fresh,
	};

	memset(om, 0, sizeof(*om));
	nb_port_posix(&om->port, false);
	return nb_read_machine(&om->port, c->machine, &opt, &om->machine, &om->capture, err);
}

int nb_onmachine_boot(struct nb_onmachine *om, struct nb_error *err)
{
	return nb_system_boot(&om->port, om->machine, NULL, &om->sys, err);
}

void nb_onmachine_note_profile(const struct nb_onmachine *om)
{
	const struct nb_machine *m = om->machine;
	const struct nb_kernel_profile *p = m->profile;
	const char *arch = m->arch_name ? m->arch_name : nb_arch_name(m->arch);

	if (m->profile_exact && m->arch != NB_ARCH_OTHER && p->confirmed[m->arch])
		return;
	if (m->profile_exact)
		nb_complainf("note: profile %s is not confirmed by any captured kernel on %s",
			     p->key, arch);
	else
		nb_complainf(
			"note: kernel %s on %s gets the nearest profile, %s; no captured kernel "
			"confirms that",
			*m->release ? m->release : "(unknown)", arch, p->key);
}

void nb_onmachine_close(struct nb_onmachine *om)
{
	if (om->sys)
		nb_system_shutdown(om->sys);
	if (om->capture)
		nb_capture_free(om->capture);
	if (om->machine)
		nb_machine_free(om->machine);
	om->sys = NULL;
	om->capture = NULL;
	om->machine = NULL;
}

int nb_on_capture(const struct nb_common *c, const char *command,
		  int (*work)(const struct nb_common *c, struct nb_onmachine *om))
{
	struct nb_onmachine om;
	struct nb_error err = {0};
	int status;

	if (c->args.n)
		return nb_complainf("%s takes no argument '%s': name the capture with -m", command,
				    c->args.v[0]);
	if (nb_onmachine_open(&om, c, false, true, &err))
		return nb_complain(&err);
	status = work(c, &om);
	nb_onmachine_close(&om);
	return status;
}

int nb_sysctl_settings(const struct nb_opt_list *given, struct nb_sysctl_setting **ret,
		       unsigned *ret_n, struct nb_error *err)
{
	struct nb_sysctl_setting *s = nb_xcalloc(given->n + 1, sizeof(*s));

	for (unsigned i = 0; i < given->n; i++) {
		const char *eq = strchr(given->v[i], '=');

		if (!eq || eq == given->v[i]) {
			nb_sysctl_settings_free(s, i);
			return nb_error_set(err, -NB_EINVAL, 0,
					    "--sysctl: '%s' is not NAME=VALUE, such as "
					    "vm.min_free_kbytes=67584",
					    given->v[i]);
		}
		s[i].name = nb_xstrndup(given->v[i], (size_t)(eq - given->v[i]));
		s[i].value = eq + 1;
	}
	*ret = s;
	*ret_n = given->n;
	return 0;
}

void nb_sysctl_settings_free(struct nb_sysctl_setting *s, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		free((char *)(uintptr_t)s[i].name);
	free(s);
}
