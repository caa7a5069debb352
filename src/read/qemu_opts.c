/* qemu_opts.c -- the syntax of QEMU's options; see qemu_opts.h.
 *
 * Source: QEMU util/qemu-option.c (key=value lists), qapi (JSON).
 */
#include "read/qemu_opts.h"

#include "base/fmt.h"
#include "base/hosted/text.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static void add(struct qemu_opts *o, char *key, char *value)
{
	if (!(o->n & (o->n - 1)))
		o->v = nb_xrealloc(o->v, o->n ? 2 * (size_t)o->n : 1, sizeof(*o->v));
	o->v[o->n++] = (struct qemu_opt){.key = key, .value = value};
}

/* The piece up to the next single comma, ",," made one; *s moves past it. */
static char *next_piece(const char **s)
{
	struct nb_text t = {0};
	const char *p = *s;

	for (; *p; p++) {
		if (*p == ',' && p[1] != ',')
			break;
		if (*p == ',')
			p++;
		nb_text_add(&t, p, 1);
	}
	*s = *p ? p + 1 : p;
	return t.s ? t.s : nb_xstrdup("");
}

static void parse_list(struct qemu_opts *o, const char *text, const char *implied)
{
	bool first = true;

	while (*text) {
		char *piece = next_piece(&text), *eq = strchr(piece, '=');

		if (eq)
			add(o, nb_xstrndup(piece, (size_t)(eq - piece)), nb_xstrdup(eq + 1));
		else if (first && implied)
			add(o, nb_xstrdup(implied), nb_xstrdup(piece));
		else
			add(o, nb_xstrdup(piece), nb_xstrdup("on"));
		free(piece);
		first = false;
	}
}

/* Members of a JSON object that are text, numbers or booleans; others say nothing about memory. */
static int parse_json(struct qemu_opts *o, const char *text, struct nb_error *err)
{
	json_error_t bad;
	json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &bad), *value;
	const char *key;
	char number[32];

	if (!root || !json_is_object(root)) {
		json_decref(root);
		return nb_error_set(err, -NB_EINVAL, 0, "%s: not a JSON object: %s", o->name,
				    root ? "another kind of value" : bad.text);
	}
	json_object_foreach(root, key, value)
	{
		const char *s = NULL;

		if (json_is_string(value)) {
			s = json_string_value(value);
		} else if (json_is_integer(value)) {
			nb_snprintf(number, sizeof(number), "%llu",
				    (unsigned long long)json_integer_value(value));
			s = number;
		} else if (json_is_boolean(value)) {
			s = json_is_true(value) ? "on" : "off";
		}
		if (s)
			add(o, nb_xstrdup(key), nb_xstrdup(s));
	}
	json_decref(root);
	return 0;
}

int qemu_opts_parse(struct qemu_opts *o, const char *name, const char *text, const char *implied,
		    struct nb_error *err)
{
	*o = (struct qemu_opts){.name = name};
	if (text[0] == '{')
		return parse_json(o, text, err);
	parse_list(o, text, implied);
	return 0;
}

void qemu_opts_release(struct qemu_opts *o)
{
	for (unsigned i = 0; i < o->n; i++) {
		free(o->v[i].key);
		free(o->v[i].value);
	}
	free(o->v);
	*o = (struct qemu_opts){0};
}

const char *qemu_opt(const struct qemu_opts *o, const char *key)
{
	for (unsigned i = o->n; i-- > 0;) {
		if (!strcmp(o->v[i].key, key))
			return o->v[i].value;
	}
	return NULL;
}

bool qemu_opt_is_on(const struct qemu_opts *o, const char *key)
{
	const char *v = qemu_opt(o, key);

	return v &&
	       (!strcmp(v, "on") || !strcmp(v, "yes") || !strcmp(v, "true") || !strcmp(v, "y"));
}

int qemu_opt_number(const struct qemu_opts *o, const char *key, uint64_t max, uint64_t *ret,
		    struct nb_error *err)
{
	const char *s = qemu_opt(o, key);
	uint64_t v;

	if (!s)
		return 0;
	if (nb_parse_u64(s, strlen(s), &v) || v > max)
		return nb_error_set(err, -NB_EINVAL, 0, "%s: %s=%s is no number from 0 to %llu",
				    o->name, key, s, (unsigned long long)max);
	*ret = v;
	return 0;
}

int qemu_opt_size(const struct qemu_opts *o, const char *key, uint64_t unit, uint64_t *ret,
		  struct nb_error *err)
{
	const char *s = qemu_opt(o, key);
	uint64_t v;
	int rc;

	if (!s)
		return 0;
	if (!nb_parse_u64(s, strlen(s), &v))
		rc = __builtin_mul_overflow(v, unit, &v) ? -NB_ERANGE : 0;
	else
		rc = nb_parse_size(s, strlen(s), &v);
	if (rc == -NB_ERANGE)
		return nb_error_set(err, rc, 0, "%s: %s=%s does not fit into 64 bits", o->name, key,
				    s);
	if (rc)
		return nb_error_set(
			err, rc, 0,
			"%s: %s=%s is no size; a size is a number with M or G, as in 4G", o->name,
			key, s);
	*ret = v;
	return 0;
}

int qemu_opts_check(const struct qemu_opts *o, const char *const *known, struct nb_error *err)
{
	struct nb_text list = {0};
	int rc = 0;

	for (unsigned i = 0; i < o->n && !rc; i++) {
		const char *const *k = known;

		while (*k && strcmp(*k, o->v[i].key))
			k++;
		if (*k)
			continue;
		for (k = known; *k; k++)
			nb_text_printf(&list, "%s%s", k == known ? "" : ", ", *k);
		rc = nb_error_set(err, -NB_EINVAL, 0, "%s: unknown key \"%s\"; there are %s",
				  o->name, o->v[i].key, nb_text_str(&list));
	}
	nb_text_release(&list);
	return rc;
}

/* One word into *w; *pos moves past it. false for a quote left open. */
static bool read_word(const char *s, size_t len, size_t *pos, struct nb_text *w)
{
	char quote = 0;

	for (; *pos < len && s[*pos]; ++*pos) {
		char c = s[*pos];

		if (quote && c == quote) {
			quote = 0;
		} else if (!quote && (c == '\'' || c == '"')) {
			quote = c;
			nb_text_add(w, "", 0);
		} else if (c == '\\' && quote != '\'' && *pos + 1 < len) {
			++*pos;
			if (s[*pos] != '\n')
				nb_text_add(w, s + *pos, 1);
		} else if (!quote && strchr(" \t\r\n", c)) {
			break;
		} else {
			nb_text_add(w, &c, 1);
		}
	}
	return !quote;
}

int qemu_words(const char *text, size_t len, char ***ret_words, unsigned *ret_n,
	       struct nb_error *err)
{
	struct nb_text w = {0};
	char **words = NULL;
	unsigned n = 0;
	size_t pos = 0;
	int rc = 0;

	while (!rc) {
		while (pos < len && text[pos] && strchr(" \t\r\n", text[pos]))
			pos++;
		if (pos >= len || !text[pos])
			break;
		nb_text_clear(&w);
		if (!read_word(text, len, &pos, &w))
			rc = nb_error_set(err, -NB_EINVAL, 0, "a quote is left open");
		else if (n == NB_QEMU_MAX_ARGS)
			rc = nb_error_set(err, -NB_E2BIG, 0, "more than %d words",
					  NB_QEMU_MAX_ARGS);
		if (rc)
			break;
		if (!(n & (n - 1)))
			words = nb_xrealloc(words, n ? 2 * (size_t)n : 1, sizeof(*words));
		words[n++] = nb_xstrdup(nb_text_str(&w));
	}
	nb_text_release(&w);
	if (rc) {
		qemu_words_free(words, n);
		return rc;
	}
	*ret_words = words;
	*ret_n = n;
	return 0;
}

void qemu_words_free(char **words, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		free(words[i]);
	free(words);
}
