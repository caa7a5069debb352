/* man.c -- a command's texts as a man page (troff with the man macros).
 *
 * Run by the build (`numabox help --man NAME`), so that pages need no tool beside the
 * program itself. Source: man(7), groff_man_style(7).
 */
#include "cli/help.h"

#include <ctype.h>
#include <string.h>

/* A hyphen that is typed must stay one, a backslash and a leading dot are troff's own. */
static void troff(struct nb_text *t, const char *s, size_t len)
{
	if (len > 0 && (s[0] == '.' || s[0] == '\''))
		nb_text_puts(t, "\\&");
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '\\')
			nb_text_puts(t, "\\e");
		else if (s[i] == '-')
			nb_text_puts(t, "\\-");
		else
			nb_text_add(t, s + i, 1);
	}
}

static void troff_str(struct nb_text *t, const char *s)
{
	troff(t, s, strlen(s));
}

static void heading(struct nb_text *t, const char *command, const char *brief)
{
	nb_text_puts(t, ".\\\" Made by the build from the program's help texts.\n.nh\n.TH NUMABOX");
	if (command)
		nb_text_puts(t, "\\-");
	for (const char *c = command; c && *c; c++)
		nb_text_printf(t, "%c", toupper((unsigned char)*c));
	nb_text_puts(t, " 1 \"\" \"numabox " NB_VERSION "\" \"User Commands\"\n.SH NAME\nnumabox");
	if (command)
		nb_text_printf(t, "\\-%s", command);
	nb_text_puts(t, " \\- ");
	troff_str(t, brief);
	nb_text_puts(t, "\n");
}

static void paragraphs(struct nb_text *t, const char *text)
{
	struct nb_text full = {0};
	const char *line;
	size_t pos = 0, len;
	bool verbatim = false;

	nb_help_expand(&full, text);
	while (nb_next_line(nb_text_str(&full), full.len, &pos, &line, &len)) {
		bool now = len > 0 && line[0] == ' ';

		if (now != verbatim)
			nb_text_puts(t, now ? ".PP\n.nf\n" : ".fi\n");
		verbatim = now;
		if (len == 0) {
			nb_text_puts(t, ".PP\n");
			continue;
		}
		troff(t, line, len);
		nb_text_puts(t, "\n");
	}
	if (verbatim)
		nb_text_puts(t, ".fi\n");
	nb_text_release(&full);
}

static void options(struct nb_text *t, const struct nb_cmd *cmd)
{
	struct nb_opt_group groups[3];
	unsigned n = nb_cmd_option_groups(cmd, NULL, groups);

	nb_text_puts(t, ".SH OPTIONS\n");
	for (unsigned g = 0; g < n; g++) {
		if (n > 1)
			nb_text_printf(t, ".SS %.*s\n", (int)strlen(groups[g].title) - 1,
				       groups[g].title);
		for (const struct nb_opt *o = groups[g].opts; o->name; o++) {
			struct nb_text name = {0};

			nb_help_option_name(&name, o);
			nb_text_puts(t, ".TP\n.B ");
			troff_str(t, nb_text_str(&name));
			nb_text_puts(t, "\n");
			troff_str(t, o->help);
			nb_text_puts(t, "\n");
			nb_text_release(&name);
		}
	}
}

static void examples(struct nb_text *t, const struct nb_cmd *cmd)
{
	nb_text_puts(t, ".SH EXAMPLES\n");
	for (const struct nb_cmd_example *e = cmd->examples; e->command; e++) {
		nb_text_puts(t, ".TP\n.B ");
		troff_str(t, e->command);
		nb_text_puts(t, "\n");
		troff_str(t, e->text);
		nb_text_puts(t, "\n");
	}
}

static void exit_status(struct nb_text *t)
{
	nb_text_puts(t, ".SH \"EXIT STATUS\"\n.TP\n0\ndone\n.TP\n1\n"
			"the answer is \"no\": differences were found, an expectation failed\n"
			".TP\n2\nthe call or the input is wrong; one line on standard error says "
			"what, where, and what would be right\n");
}

static void see_also(struct nb_text *t, const struct nb_cmd *cmd)
{
	const struct nb_cmd *other;

	nb_text_puts(t, ".SH \"SEE ALSO\"\n");
	if (cmd)
		nb_text_puts(t, ".BR numabox (1),\n");
	for (unsigned i = 0; (other = nb_cmd_at(i)); i++) {
		if (other != cmd)
			nb_text_printf(t, ".BR numabox\\-%s (1),\n", other->name);
	}
	nb_text_puts(t, ".BR numactl (8),\n.BR numa (7)\n");
}

void nb_help_man(struct nb_text *t, const struct nb_cmd *cmd)
{
	const struct nb_cmd *c;

	heading(t, cmd ? cmd->name : NULL, cmd ? cmd->brief : "a machine in a box");
	nb_text_puts(t, ".SH SYNOPSIS\n");
	if (!cmd)
		nb_text_puts(t, ".B numabox\nCOMMAND [options] [arguments]\n");
	for (unsigned i = 0; cmd && cmd->synopsis[i]; i++) {
		nb_text_printf(t, "%s.B numabox %s\n", i > 0 ? ".br\n" : "", cmd->name);
		if (cmd->synopsis[i][0]) {
			troff_str(t, cmd->synopsis[i]);
			nb_text_puts(t, "\n");
		}
	}
	nb_text_puts(t, ".SH DESCRIPTION\n");
	paragraphs(t, cmd ? cmd->description : nb_help_about);
	if (cmd) {
		options(t, cmd);
		examples(t, cmd);
	} else {
		nb_text_puts(t, ".SH COMMANDS\n");
		for (unsigned i = 0; (c = nb_cmd_at(i)); i++) {
			nb_text_printf(t, ".TP\n.B %s\n", c->name);
			troff_str(t, c->brief);
			nb_text_puts(t, "\n");
		}
	}
	exit_status(t);
	see_also(t, cmd);
}
