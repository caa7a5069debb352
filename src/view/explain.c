/* explain.c -- the sheet that explanations are written on: text for people and JSON at once.
 *
 * Called by every explain_*.c. A step is written once and goes to both. Lines are wrapped at
 * blanks.
 */
#include "view/explain.h"
#include "view/view.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define WIDTH 98u

void nb_sheet_init(struct nb_sheet *s, const char *topic, bool colour)
{
	*s = (struct nb_sheet){.root = json_object(), .steps = json_array(), .colour = colour};
	json_object_set_new(s->root, "topic", json_string(topic));
	json_object_set_new(s->root, "steps", s->steps);
}

void nb_sheet_release(struct nb_sheet *s)
{
	json_decref(s->root);
	nb_text_release(&s->text);
	*s = (struct nb_sheet){0};
}

/* Adds `text` broken at blanks; further lines begin at `indent`. The first is `at` wide already. */
static void wrap(struct nb_text *out, const char *text, unsigned at, unsigned indent)
{
	size_t len = strlen(text);

	while (len) {
		size_t room = WIDTH > at ? WIDTH - at : 1, n = len;

		if (n > room) {
			n = room;
			while (n && text[n] != ' ')
				n--;
			if (!n)
				n = strcspn(text, " ");
		}
		nb_text_add(out, text, n);
		nb_text_puts(out, "\n");
		text += n;
		len -= n;
		while (len && *text == ' ') {
			text++;
			len--;
		}
		at = indent;
		if (len)
			nb_text_printf(out, "%*s", (int)indent, "");
	}
}

void nb_sheet_heading(struct nb_sheet *s, const char *fmt, ...)
{
	struct nb_text line = {0};
	va_list ap;

	va_start(ap, fmt);
	nb_text_vprintf(&line, fmt, ap);
	va_end(ap);
	if (s->text.len)
		nb_text_puts(&s->text, "\n");
	nb_text_printf(&s->text, s->colour ? "\033[1m%s\033[0m\n" : "%s\n", nb_text_str(&line));
	json_array_append_new(s->steps, nb_json_string(nb_text_str(&line)));
	nb_text_release(&line);
	s->step = 0;
}

static void add_line(struct nb_sheet *s, const char *text, bool numbered)
{
	if (numbered)
		nb_text_printf(&s->text, "%3u. ", ++s->step);
	else
		nb_text_puts(&s->text, "     ");
	wrap(&s->text, text, 5, 5);
	json_array_append_new(s->steps, nb_json_string(text));
}

void nb_sheet_step(struct nb_sheet *s, const char *fmt, ...)
{
	struct nb_text line = {0};
	va_list ap;

	va_start(ap, fmt);
	nb_text_vprintf(&line, fmt, ap);
	va_end(ap);
	add_line(s, nb_text_str(&line), true);
	nb_text_release(&line);
}

void nb_sheet_note(struct nb_sheet *s, const char *fmt, ...)
{
	struct nb_text line = {0};
	va_list ap;

	va_start(ap, fmt);
	nb_text_vprintf(&line, fmt, ap);
	va_end(ap);
	add_line(s, nb_text_str(&line), false);
	nb_text_release(&line);
}

void nb_sheet_table(struct nb_sheet *s, struct nb_table *t)
{
	t->indent = 5;
	t->colour = s->colour;
	nb_table_print(t, &s->text);
	nb_table_release(t);
}

void nb_put_u64(json_t *o, const char *key, uint64_t v)
{
	json_object_set_new(o, key, nb_json_u64(v));
}

void nb_put_i64(json_t *o, const char *key, int64_t v)
{
	json_object_set_new(o, key, json_integer(v));
}

void nb_put_str(json_t *o, const char *key, const char *v)
{
	json_object_set_new(o, key, nb_json_string(v));
}

void nb_put_bool(json_t *o, const char *key, bool v)
{
	json_object_set_new(o, key, json_boolean(v));
}

const char *nb_bytes(struct nb_words *w, uint64_t bytes)
{
	char *buf = w->buf[w->next++ % 6];
	struct nb_text t = {0};

	nb_text_size(&t, bytes);
	snprintf(buf, sizeof(w->buf[0]), "%s", nb_text_str(&t));
	nb_text_release(&t);
	return buf;
}

const char *nb_pages(struct nb_words *w, const struct nb_system *sys, uint64_t pages)
{
	char *buf = w->buf[w->next++ % 6];
	struct nb_system_info info;
	struct nb_text t = {0};

	nb_system_info(sys, &info);
	nb_text_size(&t, pages << info.page_shift);
	snprintf(buf, sizeof(w->buf[0]), "%" PRIu64 " page%s (%s)", pages, pages == 1 ? "" : "s",
		 nb_text_str(&t));
	nb_text_release(&t);
	return buf;
}
