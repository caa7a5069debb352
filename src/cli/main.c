/* main.c -- the program: finds the command, reads its options, runs it.
 *
 * The table below is the order of `numabox help`. Nothing here knows a machine; commands do the
 * work through the floors below.
 */
#include "cli/cmd.h"
#include "cli/help.h"
#include "cli/out.h"
#include "cli/suggest.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

static const struct nb_cmd *const commands[] = {
	&nb_cmd_show, &nb_cmd_capture, &nb_cmd_verify, &nb_cmd_explain, &nb_cmd_doctor,
	&nb_cmd_sim,  &nb_cmd_compare, &nb_cmd_help,   &nb_cmd_version,
};

static const struct nb_opt machine_options[] = {
	{'m', "machine", "MACHINE", NB_OPT_STRING, offsetof(struct nb_common, machine),
	 "the machine; default: host, this computer (numabox(1) lists the forms)",
	 NB_COMPLETE_MACHINE, NULL},
	{0, "kernel", "VERSION", NB_OPT_STRING, offsetof(struct nb_common, kernel),
	 "which kernel's behaviour: 6.18, 6.12, 6.8, 6.6, 6.1, 5.15, 5.10, 5.4, 4.19, 4.18, 3.10, "
	 "2.6.24 or 2.6.7; default: what the machine's capture says, else 6.12",
	 NB_COMPLETE_WORDS, "6.18 6.12 6.8 6.6 6.1 5.15 5.10 5.4 4.19 4.18 3.10 2.6.24 2.6.7"},
	{0, "arch", "ARCH", NB_OPT_STRING, offsetof(struct nb_common, arch),
	 "x86_64, i386, i386pae, arm64 or arm; default: the capture's, else x86_64",
	 NB_COMPLETE_WORDS, "x86_64 i386 i386pae arm64 arm"},
	{0, "cmdline", "WORDS", NB_OPT_STRING, offsetof(struct nb_common, cmdline),
	 "kernel command line words put after the machine's own, such as \"kernelcore=50% "
	 "numa=fake=4\"",
	 NB_COMPLETE_NONE, NULL},
	{0, "sysctl", "NAME=VALUE", NB_OPT_LIST, offsetof(struct nb_common, sysctl),
	 "written after boot as to /proc/sys, such as vm.min_free_kbytes=67584; may be repeated",
	 NB_COMPLETE_SYSCTL, NULL},
	{0},
};

#define COLOR_AND_HELP                                                                         \
	{0,                                                                                    \
	 "color",                                                                              \
	 "WHEN",                                                                               \
	 NB_OPT_STRING,                                                                        \
	 offsetof(struct nb_common, color),                                                    \
	 "bold headings: auto (on a terminal), always or never",                               \
	 NB_COMPLETE_WORDS,                                                                    \
	 "auto always never"},                                                                 \
	{                                                                                      \
		'h', "help", NULL, NB_OPT_FLAG, offsetof(struct nb_common, help), "this text", \
			NB_COMPLETE_NONE, NULL                                                 \
	}

static const struct nb_opt common_options[] = {COLOR_AND_HELP, {0}};

static const struct nb_opt json_options[] = {
	{0, "json", NULL, NB_OPT_FLAG, offsetof(struct nb_common, json),
	 "print the result as JSON, for scripts", NB_COMPLETE_NONE, NULL},
	COLOR_AND_HELP,
	{0},
};

const struct nb_cmd *nb_cmd_at(unsigned i)
{
	return i < sizeof(commands) / sizeof(commands[0]) ? commands[i] : NULL;
}

const struct nb_cmd *nb_cmd_by_name(const char *name)
{
	const struct nb_cmd *cmd;

	for (unsigned i = 0; (cmd = nb_cmd_at(i)); i++) {
		if (strcmp(cmd->name, name) == 0)
			return cmd;
	}
	return NULL;
}

unsigned nb_cmd_option_groups(const struct nb_cmd *cmd, struct nb_common *args,
			      struct nb_opt_group groups[3])
{
	unsigned n = 0;

	if (cmd->options)
		groups[n++] = (struct nb_opt_group){"Options:", cmd->options, args};
	if (cmd->machine)
		groups[n++] = (struct nb_opt_group){"Machine:", machine_options, args};
	groups[n++] =
		(struct nb_opt_group){"Common:", cmd->json ? json_options : common_options, args};
	return n;
}

static int unknown_command(const char *name)
{
	const struct nb_cmd *cmd;
	struct nb_nearest near;
	char hint[100];

	nb_nearest_init(&near, name);
	for (unsigned i = 0; (cmd = nb_cmd_at(i)); i++)
		nb_nearest_try(&near, cmd->name);
	return nb_complainf("unknown command '%s'%s ('numabox help' lists the commands)", name,
			    nb_nearest_text(&near, hint, sizeof(hint)));
}

static int help_of_command(const struct nb_cmd *cmd, const struct nb_common *args)
{
	struct nb_text t = {0};
	int status;

	nb_help_command(&t, cmd, nb_out_color(args));
	status = nb_out(&t);
	nb_text_release(&t);
	return status;
}

static int run_command(const struct nb_cmd *cmd, int argc, char **argv)
{
	struct nb_common *args = nb_xcalloc(1, cmd->args_size);
	struct nb_opt_group groups[3];
	unsigned n = nb_cmd_option_groups(cmd, args, groups);
	struct nb_error err = {0};
	int rc, status;

	rc = nb_opts_parse(groups, n, argc, argv, &args->args, &err);
	if (args->help) /* a misspelt option may stand behind it */
		status = help_of_command(cmd, args);
	else if (rc)
		status = nb_complainf("%s ('numabox %s --help' lists the options)", err.text,
				      cmd->name);
	else
		status = cmd->run(args);
	nb_opts_release(groups, n);
	nb_opt_list_release(&args->args);
	free(args);
	return status;
}

static int help_of_program(void)
{
	const struct nb_common plain = {0};
	struct nb_text t = {0};
	int status;

	nb_help_program(&t, nb_out_color(&plain));
	status = nb_out(&t);
	nb_text_release(&t);
	return status;
}

int main(int argc, char **argv)
{
	const struct nb_cmd *cmd;

	signal(SIGPIPE, SIG_IGN);
	if (argc < 2) {
		return nb_complainf("no command: numabox COMMAND [options] [arguments] "
				    "('numabox help' lists the commands)");
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return help_of_program();
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)
		return run_command(&nb_cmd_version, 0, NULL);
	cmd = nb_cmd_by_name(argv[1]);
	if (!cmd && argv[1][0] == '-')
		return nb_complainf(
			"the command stands first: numabox COMMAND [options], found '%s'", argv[1]);
	if (!cmd)
		return unknown_command(argv[1]);
	return run_command(cmd, argc - 2, argv + 2);
}
