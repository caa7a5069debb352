/* scenario_head.c -- reads the line "-- numabox: OPTIONS" out of a scenario's first comment lines.
 *
 * Called by sim.c before the machine is opened. The file is looked at as text: nothing of it is
 * run, and only the comment block at its top counts, of which no more than HEAD_MAX bytes are
 * read.
 */
#include "cli/scenario_head.h"

#include "base/hosted/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD_MAX 16384
#define HEAD_WORDS 32
#define MARK "-- numabox:"

/* Finds the line in [text, ...): its options in *ret (to be freed), its number. */
static char *find_line(const char *text, unsigned *ret_line)
{
	unsigned line = 1;

	for (const char *p = text; *p; line++) {
		size_t len = strcspn(p, "\n");

		if (!strncmp(p, MARK, strlen(MARK))) {
			*ret_line = line;
			return nb_xstrndup(p + strlen(MARK), len - strlen(MARK));
		}
		if (len && strncmp(p, "--", 2) != 0 && !(line == 1 && p[0] == '#'))
			return NULL;
		p += len + (p[len] == '\n');
	}
	return NULL;
}

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Cuts a line into words in place. Their number, or -1 (too many, or a quote without an end). */
static int cut_words(char *s, char **words)
{
	char *to = s;
	int n = 0;

	for (;;) {
		char quote = '\0';

		while (blank(*s))
			s++;
		if (!*s)
			return n;
		if (n == HEAD_WORDS)
			return -1;
		words[n++] = to;
		for (; *s && (quote || !blank(*s)); s++) {
			if (quote ? *s == quote : *s == '"' || *s == '\'')
				quote = quote ? '\0' : *s;
			else
				*to++ = *s;
		}
		if (quote)
			return -1;
		if (*s)
			s++;
		*to++ = '\0';
	}
}

/* Of a regular file alone: what is read out of a pipe is gone, and the scenario needs it. */
static char *read_head(const char *scenario)
{
	struct stat st;
	char *text;
	size_t n;
	FILE *f;

	if (stat(scenario, &st) || !S_ISREG(st.st_mode))
		return NULL;
	f = fopen(scenario, "r");
	if (!f)
		return NULL;
	text = nb_xcalloc(HEAD_MAX + 1, 1);
	n = fread(text, 1, HEAD_MAX, f);
	text[n] = '\0';
	fclose(f);
	return text;
}

/* The file that the machine's word names, seen from the scenario's directory; NULL where the
 * word is no relative file name, or no such file is there. */
static char *from_directory(const char *scenario, const char *word)
{
	const char *slash = strrchr(scenario, '/');
	struct nb_text path = {0};
	char *ret = NULL;

	if (!slash || word[0] == '/' || strchr(word, ':'))
		return NULL;
	nb_text_add(&path, scenario, (size_t)(slash - scenario) + 1);
	nb_text_puts(&path, word);
	if (access(nb_text_str(&path), F_OK) == 0)
		ret = nb_xstrdup(nb_text_str(&path));
	nb_text_release(&path);
	return ret;
}

/* Parses the line as the command line would be. */
static int parse(struct nb_scenario_head *h, unsigned line, struct nb_error *err)
{
	struct nb_opt_group groups[3];
	char *words[HEAD_WORDS];
	unsigned n = nb_cmd_option_groups(&nb_cmd_sim, &h->own, groups);
	struct nb_error why = {0};
	int nr = cut_words(h->words, words);

	if (nr < 0)
		return nb_error_set(err, -NB_EINVAL, line,
				    "'" MARK "' has more than %d words, or a quote without its end",
				    HEAD_WORDS);
	/* the machine's options alone: a scenario does not choose where output goes */
	for (unsigned i = 0; i < n; i++)
		if (groups[i].opts[0].letter == 'm')
			groups[0] = groups[i];
	if (nb_opts_parse(groups, 1, nr, words, &h->own.args, &why))
		return nb_error_set(err, -NB_EINVAL, line,
				    "'" MARK "' takes the options of a "
				    "machine: %s",
				    why.text);
	if (h->own.args.n)
		return nb_error_set(err, -NB_EINVAL, line,
				    "'" MARK "' takes options such as -m 2x32G, found '%.40s'",
				    h->own.args.v[0]);
	return 0;
}

int nb_scenario_head_apply(struct nb_scenario_head *h, const char *scenario, struct nb_common *c,
			   struct nb_error *err)
{
	struct nb_opt_list sysctl = {0};
	unsigned line = 0;
	char *text;
	int ret;

	*h = (struct nb_scenario_head){0};
	if (c->machine)
		return 0;
	text = read_head(scenario);
	if (!text)
		return 0;
	h->words = find_line(text, &line);
	free(text);
	if (!h->words)
		return 0;
	ret = parse(h, line, err);
	if (ret) {
		nb_error_file(err, scenario);
		return ret;
	}
	if (h->own.machine)
		h->machine = from_directory(scenario, h->own.machine);
	c->machine = h->machine ? h->machine : h->own.machine;
	c->kernel = c->kernel ? c->kernel : h->own.kernel;
	c->arch = c->arch ? c->arch : h->own.arch;
	c->cmdline = c->cmdline ? c->cmdline : h->own.cmdline;
	for (unsigned i = 0; i < h->own.sysctl.n; i++)
		nb_opt_list_add(&sysctl, h->own.sysctl.v[i]);
	for (unsigned i = 0; i < c->sysctl.n; i++)
		nb_opt_list_add(&sysctl, c->sysctl.v[i]);
	nb_opt_list_release(&c->sysctl);
	c->sysctl = sysctl;
	return 0;
}

void nb_scenario_head_release(struct nb_scenario_head *h)
{
	nb_opt_list_release(&h->own.args);
	nb_opt_list_release(&h->own.sysctl);
	free(h->words);
	free(h->machine);
	*h = (struct nb_scenario_head){0};
}
