/* cmdline.c -- words of the kernel command line.
 *
 * Called by boot for options that shape memory. Words are parted by blanks outside double quotes;
 * '-' and '_' are the same letter in a name; "--" ends the kernel's part. Nothing is allocated:
 * answers point into m->cmdline. What stands past COMMAND_LINE_SIZE bytes Linux never sees.
 * Source: kernel/params.c, parse_args(), parameq() (rules, not code).
 */
#include "base/fmt.h"

#include <numabox/machine.h>

#define COMMAND_LINE_SIZE 2048 /* the terminating NUL included: x86, arm64 */

/* Does the command line go on at `pos`? */
static bool goes_on(const char *line, size_t pos)
{
	return pos < COMMAND_LINE_SIZE - 1 && line[pos];
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The next word from *pos on; NULL at the end or at "--". */
static const char *next_word(const char *line, size_t *pos, size_t *ret_len)
{
	size_t start;
	bool quoted = false;

	while (goes_on(line, *pos) && is_blank(line[*pos]))
		++*pos;
	start = *pos;
	for (; goes_on(line, *pos) && (quoted || !is_blank(line[*pos])); ++*pos) {
		if (line[*pos] == '"')
			quoted = !quoted;
	}
	*ret_len = *pos - start;
	if (!*ret_len || nb_str_is(line + start, *ret_len, "--")) {
		*pos = start;
		return NULL;
	}
	return line + start;
}

static char plain(char c)
{
	return c == '-' ? '_' : c;
}

/* Does the word [s, s+len) begin with the name `want` (through its '=' if it has one)? */
static bool has_name(const char *s, size_t len, const char *want, size_t *ret_name)
{
	size_t i;

	for (i = 0; want[i]; i++) {
		if (i >= len || plain(s[i]) != plain(want[i]))
			return false;
	}
	*ret_name = i;
	return want[i - 1] == '=' || i == len;
}

const char *nb_machine_option_next(const struct nb_machine *m, const char *word, size_t *pos,
				   size_t *ret_len)
{
	const char *line = m->cmdline ? m->cmdline : "", *s;
	size_t len, name;

	while ((s = next_word(line, pos, &len))) {
		if (!has_name(s, len, word, &name))
			continue;
		if (word[name - 1] != '=')
			name = 0;
		s += name;
		len -= name;
		if (name && len >= 2 && s[0] == '"' && s[len - 1] == '"') {
			s++;
			len -= 2;
		}
		*ret_len = len;
		return s;
	}
	return NULL;
}

const char *nb_machine_option(const struct nb_machine *m, const char *word, size_t *ret_len)
{
	const char *s, *last = NULL;
	size_t pos = 0, len;

	while ((s = nb_machine_option_next(m, word, &pos, &len))) {
		last = s;
		if (ret_len)
			*ret_len = len;
	}
	return last;
}
