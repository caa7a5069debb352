/* cmd.h -- what a command of the program is.
 *
 * To add a command NAME:
 *   1. write src/cli/NAME.c: a struct that begins with struct nb_common, its options
 *      (opts.h), its texts, and `const struct nb_cmd nb_cmd_NAME`;
 *   2. declare it below and put it into the table in main.c, where `numabox help` shows it;
 *   3. add the file to src/cli/meson.build and the name to man/meson.build;
 *   4. test it: tests/cli/tNNNN-NAME.sh. t9801 compares its --help with its man page.
 * Its --help, man page and completion all come from the one struct below.
 *
 * Memory:  a command's arguments point into argv and live as long as main().
 * Status:  0 done, 1 the answer is "no", 2 the call or the input is wrong (CONTRACT of README.md).
 */
#ifndef NB_CLI_CMD_H
#define NB_CLI_CMD_H

#include "cli/opts.h"

#include <numabox/error.h>
#include <numabox/machine.h>

enum { NB_EXIT_OK = 0, NB_EXIT_NO = 1, NB_EXIT_WRONG = 2 };

/* What every command's arguments begin with. */
struct nb_common {
	/* where nb_cmd.machine is set: which machine, and what is put on top of it */
	const char *machine, *kernel, *arch, *cmdline;
	struct nb_opt_list sysctl;
	/* everywhere */
	bool json;
	const char *color; /* "auto", "always", "never"; NULL auto */
	bool help;
	struct nb_opt_list args; /* what is no option, in order */
};

struct nb_cmd_example {
	const char *command; /* as typed, without the prompt */
	const char *text;    /* what it shows, a sentence */
};

struct nb_cmd {
	const char *name;
	const char *brief;           /* what it does, lower case, no full stop */
	const char *const *synopsis; /* what follows "numabox NAME "; NULL at the end */
	/* Paragraphs with an empty line between; a line that begins with two blanks stands as
	 * it is (a table, a form). Plain ASCII. */
	const char *description;
	const struct nb_opt *options;          /* its own; NULL: none */
	bool machine;                          /* takes -m and the other options of a machine */
	bool json;                             /* prints a result that --json turns into JSON */
	const struct nb_cmd_example *examples; /* ends with a NULL command */
	size_t args_size;                /* of its struct, which begins with struct nb_common */
	int (*run)(struct nb_common *c); /* returns the exit status */
};

/* The i-th command in the order of `numabox help`; NULL past the end. */
const struct nb_cmd *nb_cmd_at(unsigned i);
const struct nb_cmd *nb_cmd_by_name(const char *name);

/* The groups of options that a command takes: its own, the machine's, everybody's.
 * Fills groups[0..2], returns how many. `args` is where values go (NULL: only to be listed). */
unsigned nb_cmd_option_groups(const struct nb_cmd *cmd, struct nb_common *args,
			      struct nb_opt_group groups[3]);

extern const struct nb_cmd nb_cmd_show;
extern const struct nb_cmd nb_cmd_capture;
extern const struct nb_cmd nb_cmd_verify;
extern const struct nb_cmd nb_cmd_sim;
extern const struct nb_cmd nb_cmd_explain;
extern const struct nb_cmd nb_cmd_doctor;
extern const struct nb_cmd nb_cmd_compare;
extern const struct nb_cmd nb_cmd_help;
extern const struct nb_cmd nb_cmd_version;

#endif
