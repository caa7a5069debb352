/* completion.c -- the bash completion script, made from the same tables as the parser.
 *
 * Completes commands, their options, and the values of options: files, machines, views, sysctls,
 * fixed words. Needs bash's own compgen alone, not the bash-completion package.
 */
#include "cli/help.h"
#include "cli/views.h"

#include <numabox/system.h>

static void words_of_commands(struct nb_text *t)
{
	const struct nb_cmd *cmd;

	for (unsigned i = 0; (cmd = nb_cmd_at(i)); i++)
		nb_text_printf(t, "%s%s", i ? " " : "", cmd->name);
}

static void value_action(struct nb_text *t, const struct nb_opt *o)
{
	switch (o->complete) {
	case NB_COMPLETE_WORDS:
		nb_text_printf(t, "COMPREPLY=($(compgen -W '%s' -- \"$cur\"))", o->words);
		break;
	case NB_COMPLETE_MACHINE:
		nb_text_puts(t, "COMPREPLY=($(compgen -W 'host hwloc: qemu: acpi: 2x32G' -- "
				"\"$cur\") $(compgen -f -- \"$cur\"))");
		break;
	case NB_COMPLETE_VIEW:
		nb_text_puts(t, "COMPREPLY=($(compgen -W \"$views\" -- \"$cur\"))");
		break;
	case NB_COMPLETE_SYSCTL:
		nb_text_puts(t, "COMPREPLY=($(compgen -S = -W \"$sysctls\" -- \"$cur\"))");
		break;
	case NB_COMPLETE_FILE:
		nb_text_puts(t, "COMPREPLY=($(compgen -f -- \"$cur\"))");
		break;
	case NB_COMPLETE_NONE:
		nb_text_puts(t, "COMPREPLY=()");
		break;
	}
}

static void command_case(struct nb_text *t, const struct nb_cmd *cmd)
{
	struct nb_opt_group groups[3];
	unsigned n = nb_cmd_option_groups(cmd, NULL, groups);

	nb_text_printf(t, "\t%s)\n\t\tcase $prev in\n", cmd->name);
	for (unsigned g = 0; g < n; g++) {
		for (const struct nb_opt *o = groups[g].opts; o->name; o++) {
			if (!o->arg)
				continue;
			nb_text_puts(t, "\t\t");
			if (o->letter)
				nb_text_printf(t, "-%c|", o->letter);
			nb_text_printf(t, "--%s) ", o->name);
			value_action(t, o);
			nb_text_puts(t, "; return ;;\n");
		}
	}
	nb_text_puts(t, "\t\tesac\n\t\topts='");
	for (unsigned g = 0; g < n; g++) {
		for (const struct nb_opt *o = groups[g].opts; o->name; o++)
			nb_text_printf(t, "%s--%s", g || o != groups[0].opts ? " " : "", o->name);
	}
	nb_text_puts(t, "'\n");
	if (cmd == &nb_cmd_show)
		nb_text_puts(t, "\t\twords=$views\n");
	if (cmd == &nb_cmd_help)
		nb_text_puts(t, "\t\twords=$commands\n");
	nb_text_puts(t, "\t\t;;\n");
}

void nb_help_bash(struct nb_text *t)
{
	const struct nb_cmd *cmd;
	const char *name;

	nb_text_puts(t,
		     "# bash completion for numabox; made by the build from the program's tables\n"
		     "_numabox()\n{\n"
		     "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
		     "\tlocal command=${COMP_WORDS[1]} opts= words= commands views sysctls\n"
		     "\t# \"--name=value\" comes as three words\n"
		     "\t[ \"$cur\" = = ] && cur=\n"
		     "\t[ \"$prev\" = = ] && prev=${COMP_WORDS[COMP_CWORD-2]}\n"
		     "\tcommands='");
	words_of_commands(t);
	nb_text_puts(t, "'\n\tviews='");
	for (unsigned i = 0; (name = nb_views_name(i)); i++)
		nb_text_printf(t, "%s%s", i ? " " : "", name);
	nb_text_puts(t, "'\n\tsysctls='");
	for (unsigned i = 0; (name = nb_sysctl_name(i)); i++)
		nb_text_printf(t, "%s%s", i ? " " : "", name);
	nb_text_puts(t, "'\n\tif [ \"$COMP_CWORD\" -eq 1 ]; then\n"
			"\t\tCOMPREPLY=($(compgen -W \"$commands --help --version\" -- \"$cur\"))\n"
			"\t\treturn\n\tfi\n\tcase $command in\n");
	for (unsigned i = 0; (cmd = nb_cmd_at(i)); i++)
		command_case(t, cmd);
	nb_text_puts(t, "\tesac\n"
			"\tcase $cur in\n"
			"\t-*) COMPREPLY=($(compgen -W \"$opts\" -- \"$cur\")) ;;\n"
			"\t*) COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
			"\t   [ -z \"$words\" ] && COMPREPLY=($(compgen -f -- \"$cur\")) ;;\n"
			"\tesac\n}\ncomplete -o filenames -F _numabox numabox\n");
}
