/* side_by_side.c -- flattens two documents into figures, pairs them by name, shows the difference.
 *
 * Called through side_by_side.h. Figures keep the order of the first document; what only the second
 * has comes behind. Bounded by the documents' size.
 */
#include "view/side_by_side.h"
#include "view/scan.h"
#include "view/table.h"
#include "view/view.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct figure {
	char *name;
	const json_t *v;
	size_t place; /* in document order */
	bool paired;
};

struct figures {
	struct figure *v;
	size_t n, cap;
};

static void flatten(const json_t *j, const char *name, struct figures *f);

static void join(struct nb_text *t, const char *name, const char *more)
{
	nb_text_clear(t);
	nb_text_printf(t, "%s%s%s", name, *name ? " " : "", more);
}

/* "node 1", "zone DMA", "pid 1000": what tells an element of an array from the others. */
static bool identity(const json_t *e, struct nb_text *t)
{
	static const char *const keys[] = {"node", "zone",   "pid",     "cpu",
					   "name", "policy", "subject", "event"};

	const json_t *pid = json_object_get(e, "pid");

	nb_text_clear(t);
	if (json_is_integer(pid)) {
		nb_text_printf(t, "pid %" JSON_INTEGER_FORMAT, json_integer_value(pid));
		return true;
	}
	for (size_t i = 0; json_is_object(e) && i < sizeof(keys) / sizeof(*keys); i++) {
		const json_t *v = json_object_get(e, keys[i]);

		if (json_is_integer(v))
			nb_text_printf(t, "%s%s %" JSON_INTEGER_FORMAT, t->len ? " " : "", keys[i],
				       json_integer_value(v));
		else if (json_is_string(v))
			nb_text_printf(t, "%s%s", t->len ? " " : "", json_string_value(v));
	}
	return t->len != 0;
}

static bool is_identity(const char *key)
{
	return strcmp(key, "node") == 0 || strcmp(key, "pid") == 0 || strcmp(key, "cpu") == 0;
}

static void flatten_array(const json_t *j, const char *name, struct figures *f)
{
	struct nb_text id = {0}, full = {0};

	for (size_t i = 0; i < json_array_size(j); i++) {
		const json_t *e = json_array_get(j, i);

		if (!identity(e, &id)) {
			nb_text_clear(&id);
			nb_text_printf(&id, "%zu", i);
		}
		join(&full, name, nb_text_str(&id));
		flatten(e, nb_text_str(&full), f);
	}
	nb_text_release(&id);
	nb_text_release(&full);
}

static void flatten(const json_t *j, const char *name, struct figures *f)
{
	struct figure *x;

	if (json_is_array(j)) {
		flatten_array(j, name, f);
		return;
	}
	if (json_is_object(j)) {
		struct nb_text full = {0};
		const char *key;
		json_t *v;

		json_object_foreach((json_t *)(uintptr_t)j, key, v)
		{
			if (is_identity(key) && !json_is_object(v) && !json_is_array(v))
				continue;
			join(&full, name, key);
			flatten(v, nb_text_str(&full), f);
		}
		nb_text_release(&full);
		return;
	}
	x = nb_append(&f->v, &f->n, &f->cap, sizeof(*x));
	x->name = nb_xstrdup(name);
	x->v = j;
	x->place = f->n;
}

static int by_name(const void *a, const void *b)
{
	const struct figure *const *x = a, *const *y = b;
	int r = strcmp((*x)->name, (*y)->name);

	return r ? r : ((*x)->place > (*y)->place) - ((*x)->place < (*y)->place);
}

static struct figure **sorted(const struct figures *f)
{
	struct figure **p = nb_xcalloc(f->n + 1, sizeof(struct figure *));

	for (size_t i = 0; i < f->n; i++)
		p[i] = &f->v[i];
	qsort((void *)p, f->n, sizeof(struct figure *), by_name);
	return p;
}

static void release(struct figures *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->v[i].name);
	free(f->v);
}

/* The figure of that name that has no partner yet. */
static struct figure *partner(struct figure *const *p, size_t n, const char *name)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(p[mid]->name, name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < n && strcmp(p[lo]->name, name) == 0; lo++)
		if (!p[lo]->paired)
			return p[lo];
	return NULL;
}

static void value_text(const json_t *v, char *buf, size_t n)
{
	if (!v || json_is_null(v))
		snprintf(buf, n, "-");
	else if (json_is_integer(v))
		snprintf(buf, n, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
	else if (json_is_real(v))
		snprintf(buf, n, "%.4g", json_real_value(v));
	else if (json_is_boolean(v))
		snprintf(buf, n, "%s", json_is_true(v) ? "yes" : "no");
	else
		snprintf(buf, n, "%.28s%s", json_string_value(v),
			 strlen(json_string_value(v)) > 28 ? "..." : "");
}

/* Nothing to tell: a counter of 0 that the other side does not have. */
static bool is_nothing(const json_t *v)
{
	return json_is_number(v) && json_number_value(v) == 0;
}

/* Called for each pair; a or b may be NULL. */
typedef void row_fn(void *arg, const char *name, const json_t *a, const json_t *b);

/* Returns how many are equal (those are handed on with `all` alone). */
static size_t walk(const json_t *a, const json_t *b, bool all, row_fn *fn, void *arg)
{
	struct figures fa = {0}, fb = {0};
	struct figure **sb;
	size_t equal = 0;

	flatten(a, "", &fa);
	flatten(b, "", &fb);
	sb = sorted(&fb);
	for (size_t i = 0; i < fa.n; i++) {
		struct figure *x = partner(sb, fb.n, fa.v[i].name);
		bool same = x && json_equal(fa.v[i].v, x->v);

		if (x)
			x->paired = true;
		equal += same;
		if ((!same && (x || !is_nothing(fa.v[i].v))) || all)
			fn(arg, fa.v[i].name, fa.v[i].v, x ? x->v : NULL);
	}
	for (size_t i = 0; i < fb.n; i++)
		if (!fb.v[i].paired && (all || !is_nothing(fb.v[i].v)))
			fn(arg, fb.v[i].name, NULL, fb.v[i].v);
	free((void *)sb);
	release(&fa);
	release(&fb);
	return equal;
}

static bool difference(const json_t *a, const json_t *b, double *ret)
{
	if (!json_is_number(a) || !json_is_number(b))
		return false;
	*ret = json_number_value(b) - json_number_value(a);
	return isfinite(*ret);
}

struct printing {
	struct nb_table t;
	const struct nb_side_options *opt;
	size_t rows;
};

static void print_row(void *arg, const char *name, const json_t *a, const json_t *b)
{
	struct printing *p = arg;
	char va[72], vb[72];
	double d = 0;

	value_text(a, va, sizeof(va));
	value_text(b, vb, sizeof(vb));
	nb_table_cell(&p->t, "%s", name);
	nb_table_cell(&p->t, "%s", va);
	nb_table_cell(&p->t, "%s", vb);
	if (!difference(a, b, &d) || d == 0) {
		nb_table_end_row(&p->t);
		p->rows++;
		return;
	}
	nb_table_cell(&p->t, json_is_real(a) || json_is_real(b) ? "%+.4g" : "%+.0f", d);
	if (json_number_value(a) != 0)
		nb_table_cell(&p->t, "%+.1f %%", 100 * d / fabs(json_number_value(a)));
	else
		nb_table_cell(&p->t, "new");
	if (p->opt->seconds > 0)
		nb_table_cell(&p->t, "%.4g", d / p->opt->seconds);
	p->rows++;
}

void nb_side_print(const json_t *a, const json_t *b, const struct nb_side_options *opt,
		   struct nb_text *out)
{
	struct printing p = {.opt = opt};
	size_t equal;

	p.t.colour = opt->colour;
	nb_table_column(&p.t, "", NB_TABLE_LEFT);
	nb_table_column(&p.t, opt->label_a, NB_TABLE_RIGHT);
	nb_table_column(&p.t, opt->label_b, NB_TABLE_RIGHT);
	nb_table_column(&p.t, "difference", NB_TABLE_RIGHT);
	nb_table_column(&p.t, "", NB_TABLE_RIGHT);
	if (opt->seconds > 0)
		nb_table_column(&p.t, "a second", NB_TABLE_RIGHT);
	equal = walk(a, b, opt->all, print_row, &p);
	if (p.rows)
		nb_table_print(&p.t, out);
	nb_table_release(&p.t);
	if (opt->seconds > 0)
		nb_text_printf(out, "%.0f seconds lie between them\n", opt->seconds);
	nb_text_printf(out,
		       p.rows && !opt->all ? "%zu other figures are equal\n"
					   : "%zu figures are equal\n",
		       equal);
}

static void json_row(void *arg, const char *name, const json_t *a, const json_t *b)
{
	json_t *o = json_object();
	double d;

	json_object_set_new(o, "what", nb_json_string(name));
	json_object_set_new(o, "a", a ? json_incref((json_t *)(uintptr_t)a) : json_null());
	json_object_set_new(o, "b", b ? json_incref((json_t *)(uintptr_t)b) : json_null());
	if (difference(a, b, &d))
		json_object_set_new(
			o, "difference",
			json_is_integer(a) && json_is_integer(b)
				? json_integer(json_integer_value(b) - json_integer_value(a))
				: json_real(d));
	json_array_append_new(arg, o);
}

json_t *nb_side_json(const json_t *a, const json_t *b, const struct nb_side_options *opt)
{
	json_t *j = json_object(), *rows = json_array();
	size_t equal = walk(a, b, opt->all, json_row, rows);

	json_object_set_new(j, "a", nb_json_string(opt->label_a));
	json_object_set_new(j, "b", nb_json_string(opt->label_b));
	if (opt->seconds > 0)
		json_object_set_new(j, "seconds_between", json_real(opt->seconds));
	json_object_set_new(j, "differences", rows);
	json_object_set_new(j, "equal", json_integer((json_int_t)equal));
	return j;
}
