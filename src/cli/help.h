/* help.h -- the texts of commands as --help, as man pages and as bash completion.
 *
 * Called by main.c and the command `help`. All three are made from struct nb_cmd, so they cannot
 * differ.
 */
#ifndef NB_CLI_HELP_H
#define NB_CLI_HELP_H

#include "base/hosted/text.h"
#include "cli/cmd.h"

/* What `numabox help` prints: every command with its sentence. */
void nb_help_program(struct nb_text *t, bool color);
/* What `numabox NAME --help` prints. */
void nb_help_command(struct nb_text *t, const struct nb_cmd *cmd, bool color);

/* The man page of a command; of the program itself for NULL. troff, man macros. */
void nb_help_man(struct nb_text *t, const struct nb_cmd *cmd);

/* The bash completion script. */
void nb_help_bash(struct nb_text *t);

/* A description with its placeholder lines ("@VIEWS@", "@MACHINE@") filled in. Owned by
 * the caller (nb_text_release()). */
void nb_help_expand(struct nb_text *t, const char *description);

/* "-m, --machine=MACHINE" */
void nb_help_option_name(struct nb_text *t, const struct nb_opt *o);

/* What the man page of the program says beside its commands. */
extern const char nb_help_about[];

#endif
