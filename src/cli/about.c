/* about.c -- the commands `help` and `version`.
 *
 * `help --man` and `help --bash` make the man pages and the completion that the build installs.
 */
#include "cli/cmd.h"
#include "cli/help.h"
#include "cli/out.h"
#include "cli/suggest.h"

#include <numabox/kernel.h>
#include <string.h>

struct help_args {
	struct nb_common common;
	bool man, bash;
};

static const struct nb_opt help_options[] = {
	{0, "man", NULL, NB_OPT_FLAG, offsetof(struct help_args, man),
	 "the text as a man page (troff)", NB_COMPLETE_NONE, NULL},
	{0, "bash", NULL, NB_OPT_FLAG, offsetof(struct help_args, bash),
	 "the bash completion script", NB_COMPLETE_NONE, NULL},
	{0},
};

static int no_such(const char *name)
{
	const struct nb_cmd *cmd;
	struct nb_nearest near;
	char hint[100];

	nb_nearest_init(&near, name);
	for (unsigned i = 0; (cmd = nb_cmd_at(i)); i++)
		nb_nearest_try(&near, cmd->name);
	return nb_complainf("help: there is no command '%s'%s", name,
			    nb_nearest_text(&near, hint, sizeof(hint)));
}

static int run_help(struct nb_common *c)
{
	const struct help_args *a = (const struct help_args *)(const void *)c;
	const struct nb_cmd *cmd = NULL;
	struct nb_text t = {0};
	int status;

	if (c->args.n > 1)
		return nb_complainf("help: one command at a time, found '%s' too", c->args.v[1]);
	if (c->args.n == 1) {
		cmd = nb_cmd_by_name(c->args.v[0]);
		if (!cmd)
			return no_such(c->args.v[0]);
	}
	if (a->bash)
		nb_help_bash(&t);
	else if (a->man)
		nb_help_man(&t, cmd);
	else if (cmd)
		nb_help_command(&t, cmd, nb_out_color(c));
	else
		nb_help_program(&t, nb_out_color(c));
	status = nb_out(&t);
	nb_text_release(&t);
	return status;
}

static int run_version(struct nb_common *c)
{
	const struct nb_kernel_profile *p;
	struct nb_text t = {0};
	int status;

	if (c->args.n > 0)
		return nb_complainf("version: takes no argument, found '%s'", c->args.v[0]);
	if (c->json) {
		nb_text_puts(&t, "{\n  \"version\": \"" NB_VERSION "\",\n  \"kernels\": [");
		for (unsigned i = 0; (p = nb_kernel_at(i)); i++)
			nb_text_printf(&t, "%s\"%s\"", i ? ", " : "", p->key);
		nb_text_puts(&t, "]\n}\n");
	} else {
		nb_text_puts(&t, "numabox " NB_VERSION "\nkernels:");
		for (unsigned i = 0; (p = nb_kernel_at(i)); i++)
			nb_text_printf(&t, " %s", p->key);
		nb_text_puts(&t, "\n");
	}
	status = nb_out(&t);
	nb_text_release(&t);
	return status;
}

static const char *const help_synopsis[] = {"[COMMAND]", "--man [COMMAND]", "--bash", NULL};
static const struct nb_cmd_example help_examples[] = {
	{"numabox help", "The list of commands."},
	{"numabox help show", "The same as numabox show --help."},
	{"numabox help --man sim | man -l -", "The man page of sim without installing anything."},
	{"source <(numabox help --bash)", "Completion for the shell that runs now."},
	{NULL, NULL},
};

const struct nb_cmd nb_cmd_help = {
	.name = "help",
	.brief = "say what commands there are, or how one is used",
	.synopsis = help_synopsis,
	.description = "Prints the list of commands, or the help of one command. With --man or "
		       "--bash it prints what the build installs: man pages and bash completion.",
	.options = help_options,
	.examples = help_examples,
	.args_size = sizeof(struct help_args),
	.run = run_help,
};

static const char *const version_synopsis[] = {"", NULL};
static const struct nb_cmd_example version_examples[] = {
	{"numabox version", "The version, and the kernels whose behaviour it knows."},
	{NULL, NULL},
};

const struct nb_cmd nb_cmd_version = {
	.name = "version",
	.brief = "print the version and the kernels it knows",
	.synopsis = version_synopsis,
	.description = "Prints the program's version and the kernel versions that --kernel takes; "
		       "the first one is the default.",
	.json = true,
	.examples = version_examples,
	.args_size = sizeof(struct nb_common),
	.run = run_version,
};
