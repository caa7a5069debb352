/* opts.h -- options from tables: short and long, before or after arguments.
 *
 * Called by main.c for every command; tables stand in the commands' files. "--name=value",
 * "--name value", "-n value", "-nvalue", flags in a bundle ("-ab"); "--" ends options; a lone "-"
 * is an argument. Of an option given twice the last counts, lists grow.
 * Memory: values point into argv; lists are freed by nb_opts_release() and nb_opt_list_release().
 */
#ifndef NB_CLI_OPTS_H
#define NB_CLI_OPTS_H

#include <numabox/error.h>
#include <numabox/types.h>

struct nb_opt_list {
	const char **v;
	unsigned n;
};

enum nb_opt_kind {
	NB_OPT_FLAG,   /* bool: set */
	NB_OPT_STRING, /* const char * */
	NB_OPT_LIST,   /* struct nb_opt_list: appended */
};

/* What the shell may offer as its value. */
enum nb_opt_complete {
	NB_COMPLETE_NONE,
	NB_COMPLETE_FILE,
	NB_COMPLETE_MACHINE,
	NB_COMPLETE_VIEW,
	NB_COMPLETE_SYSCTL,
	NB_COMPLETE_WORDS, /* those of nb_opt.words */
};

struct nb_opt {
	char letter;      /* 0: none */
	const char *name; /* long name; NULL ends a table */
	const char *arg;  /* its value's name in help ("FILE"); NULL for a flag */
	enum nb_opt_kind kind;
	size_t offset; /* of its variable in the command's struct */
	const char *help;
	enum nb_opt_complete complete;
	const char *words; /* "auto always never": then nothing else is accepted */
};

struct nb_opt_group {
	const char *title; /* "Options:", "Machine:" */
	const struct nb_opt *opts;
	void *base; /* what offsets count from */
};

/* Reads argv[0..argc-1] (without the command's name). Arguments that are no options are appended
 * to *args. 0, or -NB_EINVAL with *err naming the option and the nearest that exists; variables may
 * be set then, and the caller gives up. */
int nb_opts_parse(const struct nb_opt_group *groups, unsigned nr_groups, int argc, char **argv,
		  struct nb_opt_list *args, struct nb_error *err);

/* Frees the lists among the variables of the groups; the texts are argv's. */
void nb_opts_release(const struct nb_opt_group *groups, unsigned nr_groups);

void nb_opt_list_add(struct nb_opt_list *l, const char *s);
void nb_opt_list_release(struct nb_opt_list *l);

#endif
