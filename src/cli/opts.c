/* opts.c -- the option parser: walks argv once, sets variables through the tables.
 *
 * getopt_long() would do most of it, but keeps its state in globals, reorders argv and has no
 * table that help, man pages and completion could be made from.
 */
#include "cli/opts.h"
#include "base/hosted/text.h"
#include "cli/suggest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct parse {
	const struct nb_opt_group *groups;
	unsigned nr_groups;
	struct nb_error *err;
};

void nb_opt_list_add(struct nb_opt_list *l, const char *s)
{
	l->v = nb_xrealloc(l->v, l->n + 2, sizeof(*l->v));
	l->v[l->n++] = s;
	l->v[l->n] = NULL;
}

void nb_opt_list_release(struct nb_opt_list *l)
{
	free(l->v);
	l->v = NULL;
	l->n = 0;
}

void nb_opts_release(const struct nb_opt_group *groups, unsigned nr_groups)
{
	for (unsigned g = 0; g < nr_groups; g++) {
		for (const struct nb_opt *o = groups[g].opts; o->name; o++) {
			char *at = (char *)groups[g].base + o->offset;

			if (o->kind == NB_OPT_LIST)
				nb_opt_list_release((struct nb_opt_list *)(void *)at);
		}
	}
}

static const struct nb_opt *find_long(const struct parse *p, const char *name, size_t len,
				      void **ret_base)
{
	for (unsigned g = 0; g < p->nr_groups; g++) {
		for (const struct nb_opt *o = p->groups[g].opts; o->name; o++) {
			if (strlen(o->name) == len && memcmp(o->name, name, len) == 0) {
				*ret_base = p->groups[g].base;
				return o;
			}
		}
	}
	return NULL;
}

static const struct nb_opt *find_letter(const struct parse *p, char c, void **ret_base)
{
	for (unsigned g = 0; g < p->nr_groups; g++) {
		for (const struct nb_opt *o = p->groups[g].opts; o->name; o++) {
			if (o->letter == c) {
				*ret_base = p->groups[g].base;
				return o;
			}
		}
	}
	return NULL;
}

static bool word_of(const char *words, const char *value)
{
	size_t len = strlen(value);

	for (const char *w = words; w && *w; w += strspn(w, " ")) {
		size_t n = strcspn(w, " ");

		if (n == len && memcmp(w, value, n) == 0)
			return true;
		w += n;
	}
	return false;
}

static int set(const struct parse *p, const struct nb_opt *o, void *base, const char *value)
{
	char *at = (char *)base + o->offset;

	if (o->words && !word_of(o->words, value))
		return nb_error_set(p->err, -NB_EINVAL, 0, "--%s: '%s' is none of: %s", o->name,
				    value, o->words);
	switch (o->kind) {
	case NB_OPT_FLAG:
		*(bool *)(void *)at = true;
		break;
	case NB_OPT_STRING:
		*(const char **)(void *)at = value;
		break;
	case NB_OPT_LIST:
		nb_opt_list_add((struct nb_opt_list *)(void *)at, value);
		break;
	}
	return 0;
}

static int unknown(const struct parse *p, const char *name, size_t len)
{
	char word[80], hint[120], with_dashes[84];
	struct nb_nearest near;

	snprintf(word, sizeof(word), "%.*s", (int)(len < 70 ? len : 70), name);
	nb_nearest_init(&near, word);
	for (unsigned g = 0; g < p->nr_groups; g++) {
		for (const struct nb_opt *o = p->groups[g].opts; o->name; o++)
			nb_nearest_try(&near, o->name);
	}
	if (near.best) {
		snprintf(with_dashes, sizeof(with_dashes), "--%s", near.best);
		near.best = with_dashes;
	}
	return nb_error_set(p->err, -NB_EINVAL, 0, "unknown option '--%s'%s", word,
			    nb_nearest_text(&near, hint, sizeof(hint)));
}

/* One "--name" or "--name=value"; `next` is the word behind it or NULL. *ret_took says whether
 * `next` was used up. */
static int long_option(const struct parse *p, const char *text, const char *next, bool *ret_took)
{
	size_t len = strcspn(text, "=");
	const char *value = text[len] == '=' ? text + len + 1 : NULL;
	void *base = NULL;
	const struct nb_opt *o = find_long(p, text, len, &base);

	*ret_took = false;
	if (!o)
		return unknown(p, text, len);
	if (!o->arg) {
		if (value)
			return nb_error_set(p->err, -NB_EINVAL, 0,
					    "--%s takes no value, found '%s'", o->name, value);
		return set(p, o, base, NULL);
	}
	if (!value) {
		if (!next)
			return nb_error_set(p->err, -NB_EINVAL, 0, "--%s needs a value: --%s=%s",
					    o->name, o->name, o->arg);
		value = next;
		*ret_took = true;
	}
	return set(p, o, base, value);
}

/* One "-abc" or "-avalue". */
static int letters(const struct parse *p, const char *text, const char *next, bool *ret_took)
{
	*ret_took = false;
	for (const char *c = text; *c; c++) {
		void *base = NULL;
		const struct nb_opt *o = find_letter(p, *c, &base);
		int rc;

		if (!o)
			return nb_error_set(p->err, -NB_EINVAL, 0, "unknown option '-%c'", *c);
		if (!o->arg) {
			rc = set(p, o, base, NULL);
			if (rc)
				return rc;
			continue;
		}
		if (c[1])
			return set(p, o, base, c[1] == '=' ? c + 2 : c + 1);
		if (!next)
			return nb_error_set(p->err, -NB_EINVAL, 0, "-%c needs a value: -%c %s", *c,
					    *c, o->arg);
		*ret_took = true;
		return set(p, o, base, next);
	}
	return 0;
}

int nb_opts_parse(const struct nb_opt_group *groups, unsigned nr_groups, int argc, char **argv,
		  struct nb_opt_list *args, struct nb_error *err)
{
	struct parse p = {.groups = groups, .nr_groups = nr_groups, .err = err};
	bool only_args = false;

	for (int i = 0; i < argc; i++) {
		const char *a = argv[i];
		const char *next = i + 1 < argc ? argv[i + 1] : NULL;
		bool took = false;
		int rc = 0;

		if (only_args || a[0] != '-' || a[1] == '\0')
			nb_opt_list_add(args, a);
		else if (strcmp(a, "--") == 0)
			only_args = true;
		else if (a[1] == '-')
			rc = long_option(&p, a + 2, next, &took);
		else
			rc = letters(&p, a + 1, next, &took);
		if (rc)
			return rc;
		i += took;
	}
	return 0;
}
