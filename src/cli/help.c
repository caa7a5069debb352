/* help.c -- --help of the program and of each command.
 *
 * Usage, one sentence, what it does, options, examples. Lines are wrapped at 80 columns.
 */
#include "cli/help.h"
#include "cli/out.h"
#include "cli/views.h"

#include <string.h>

enum { NB_HELP_WIDTH = 80, NB_HELP_OPT_COLUMN = 28 };

const char nb_help_about[] =
	"numabox is Linux's NUMA memory management in user space. Describe a machine, or capture "
	"one; numabox boots it by the kernel's rules, runs work on it, and tells where every page "
	"lands, in Linux's own reports.\n"
	"\n"
	"MACHINE is one of:\n"
	"\n"
	"@MACHINE@";

static const char machine_forms[] =
	"  host                     this computer, from /proc and /sys\n"
	"  PATH/, FILE.tar[.gz]     a saved tree (proc/..., sys/...), also in an archive\n"
	"                           (.tar, .tar.gz, .tar.bz2, .tar.xz, .tar.zst)\n"
	"  FILE.yaml                a machine file\n"
	"  2x32G[:8][,dist=21]      2 nodes of 32 GiB (with 8 CPUs each, 21 apart)\n"
	"  32G:4+64G:8+512G:0       unequal nodes; the last one without CPUs\n"
	"  hwloc:SYNTHETIC          an hwloc synthetic string; or FILE.xml, its XML export\n"
	"  qemu:ARGS                a QEMU command line's -m, -smp, -numa, -object\n"
	"  acpi:DIR                 SRAT, SLIT, HMAT, MADT, binary or base64\n";

/* Text [s, s+len) in words, from `column` on, further lines indented by `indent`. */
static void wrap(struct nb_text *t, const char *s, size_t len, unsigned column, unsigned indent)
{
	const char *end = s + len;
	bool first = true;

	while (s < end) {
		size_t n = 0;

		while (s < end && *s == ' ')
			s++;
		while (s + n < end && s[n] != ' ')
			n++;
		if (n == 0)
			break;
		if (!first && column + 1 + n > NB_HELP_WIDTH) {
			nb_text_printf(t, "\n%*s", (int)indent, "");
			column = indent;
		} else if (!first) {
			nb_text_puts(t, " ");
			column++;
		}
		nb_text_add(t, s, n);
		column += (unsigned)n;
		s += n;
		first = false;
	}
	nb_text_puts(t, "\n");
}

void nb_help_expand(struct nb_text *t, const char *description)
{
	const char *line;
	size_t pos = 0, len, total = strlen(description);

	while (nb_next_line(description, total, &pos, &line, &len)) {
		if (len == 7 && memcmp(line, "@VIEWS@", 7) == 0)
			nb_views_list(t);
		else if (len == 9 && memcmp(line, "@MACHINE@", 9) == 0)
			nb_text_puts(t, machine_forms);
		else
			nb_text_printf(t, "%.*s\n", (int)len, line);
	}
}

static void description(struct nb_text *t, const char *text)
{
	struct nb_text full = {0};
	const char *line;
	size_t pos = 0, len;

	nb_help_expand(&full, text);
	while (nb_next_line(nb_text_str(&full), full.len, &pos, &line, &len)) {
		if (len == 0 || line[0] == ' ')
			nb_text_printf(t, "%.*s\n", (int)len, line);
		else
			wrap(t, line, len, 0, 0);
	}
	nb_text_release(&full);
}

void nb_help_option_name(struct nb_text *t, const struct nb_opt *o)
{
	if (o->letter)
		nb_text_printf(t, "-%c, ", o->letter);
	nb_text_printf(t, "--%s", o->name);
	if (o->arg)
		nb_text_printf(t, "=%s", o->arg);
}

static void option(struct nb_text *t, const struct nb_opt *o)
{
	struct nb_text name = {0};

	nb_help_option_name(&name, o);
	nb_text_printf(t, "  %s%s", o->letter ? "" : "    ", nb_text_str(&name));
	if (name.len + (o->letter ? 2 : 6) >= NB_HELP_OPT_COLUMN)
		nb_text_printf(t, "\n%*s", NB_HELP_OPT_COLUMN, "");
	else
		nb_text_printf(t, "%*s", NB_HELP_OPT_COLUMN - (int)name.len - (o->letter ? 2 : 6),
			       "");
	wrap(t, o->help, strlen(o->help), NB_HELP_OPT_COLUMN, NB_HELP_OPT_COLUMN);
	nb_text_release(&name);
}

void nb_help_command(struct nb_text *t, const struct nb_cmd *cmd, bool color)
{
	struct nb_opt_group groups[3];
	unsigned n = nb_cmd_option_groups(cmd, NULL, groups);

	for (unsigned i = 0; cmd->synopsis[i]; i++) {
		nb_text_printf(t, "%s numabox %s", i == 0 ? "Usage:" : "   or:", cmd->name);
		nb_text_printf(t, "%s%s\n", cmd->synopsis[i][0] ? " " : "", cmd->synopsis[i]);
	}
	nb_text_puts(t, "\n");
	description(t, cmd->description);
	for (unsigned g = 0; g < n; g++) {
		nb_text_puts(t, "\n");
		nb_out_heading(t, color, groups[g].title);
		for (const struct nb_opt *o = groups[g].opts; o->name; o++)
			option(t, o);
	}
	nb_text_puts(t, "\n");
	nb_out_heading(t, color, "Examples:");
	for (const struct nb_cmd_example *e = cmd->examples; e->command; e++) {
		nb_text_printf(t, "  %s\n      ", e->command);
		wrap(t, e->text, strlen(e->text), 6, 6);
	}
}

void nb_help_program(struct nb_text *t, bool color)
{
	const struct nb_cmd *cmd;

	nb_text_puts(t, "Usage: numabox COMMAND [options] [arguments]\n\n");
	nb_out_heading(t, color, "Commands:");
	for (unsigned i = 0; (cmd = nb_cmd_at(i)); i++)
		nb_text_printf(t, "  %-10s%s\n", cmd->name, cmd->brief);
	nb_text_puts(t, "\n");
	description(t, nb_help_about);
	nb_text_puts(t, "\n'numabox COMMAND --help' says more about one command.\n");
}
