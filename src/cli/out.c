/* out.c -- the program's only writes to standard output and standard error.
 *
 * SIGPIPE is ignored by main(), so that a closed pipe shows as EPIPE here: the program then ends
 * with status 0 and no word, as the reader has what it wanted.
 */
#include "cli/out.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int nb_out(const struct nb_text *t)
{
	const char *s = nb_text_str(t);
	size_t left = t->len;

	while (left > 0) {
		ssize_t n = write(STDOUT_FILENO, s, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EPIPE)
			return NB_EXIT_OK;
		if (n <= 0)
			return nb_complainf("cannot write to standard output: %s", strerror(errno));
		s += n;
		left -= (size_t)n;
	}
	return NB_EXIT_OK;
}

/* Input may hold anything: control characters would break the line, or the terminal. */
static void add_plain(struct nb_text *t, const char *s)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c < 0x20 || c == 0x7f)
			nb_text_printf(t, "\\x%02x", c);
		else
			nb_text_add(t, s, 1);
	}
}

static int complain(const char *file, unsigned line, const char *text)
{
	struct nb_text t = {0};
	ssize_t done;

	nb_text_puts(&t, "numabox: ");
	if (file[0]) {
		add_plain(&t, file);
		if (line)
			nb_text_printf(&t, ":%u", line);
		nb_text_puts(&t, ": ");
	} else if (line) {
		nb_text_printf(&t, "line %u: ", line);
	}
	add_plain(&t, text);
	nb_text_puts(&t, "\n");
	done = write(STDERR_FILENO, nb_text_str(&t), t.len);
	(void)done; /* there is nobody left to tell */
	nb_text_release(&t);
	return NB_EXIT_WRONG;
}

int nb_complain(const struct nb_error *err)
{
	return complain(err->file, err->line, err->text[0] ? err->text : nb_errno_name(err->code));
}

int nb_complainf(const char *fmt, ...)
{
	struct nb_text t = {0};
	va_list ap;

	va_start(ap, fmt);
	nb_text_vprintf(&t, fmt, ap);
	va_end(ap);
	complain("", 0, nb_text_str(&t));
	nb_text_release(&t);
	return NB_EXIT_WRONG;
}

bool nb_out_color(const struct nb_common *c)
{
	const char *no;

	if (c->color && strcmp(c->color, "auto") != 0)
		return strcmp(c->color, "always") == 0;
	no = getenv("NO_COLOR");
	return !(no && no[0]) && isatty(STDOUT_FILENO);
}

void nb_out_heading(struct nb_text *t, bool color, const char *text)
{
	if (color)
		nb_text_printf(t, "\033[1m%s\033[0m\n", text);
	else
		nb_text_printf(t, "%s\n", text);
}
