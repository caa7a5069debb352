/* radix.c -- the tree of a file's pages: against a plain array under random work, and by hand where
 * the edges are: high indices, wide entries, marks that reach the root, no memory.
 */
#include "sysbox.h"

#include "mm/radix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define MODEL 4096u

/* What the tree should hold: every index names the entry that covers it by its first index. */
struct model {
	uint64_t entry[MODEL]; /* at the first index; 0 none */
	unsigned first[MODEL], order[MODEL];
	bool covered[MODEL];
	bool mark[MODEL][NB_NR_MARKS];
};

struct world {
	struct sysbox box;
	struct nb_pool pool;
	struct nb_radix t;
};

static void begin(struct world *w)
{
	sysbox_boot(&w->box, &(struct sysbox_spec){.nodes = "64M:1"});
	nb_radix_pool_init(&w->pool);
	nb_radix_init(&w->t, &w->pool);
}

static void check(const struct world *w, uint64_t pages, uint64_t values)
{
	struct nb_error err = {0};
	uint64_t p, v;

	if (nb_radix_check(&w->t, &p, &v, &err))
		fail_msg("%s", err.text);
	assert_int_equal(p, pages);
	assert_int_equal(v, values);
}

static void end(struct world *w)
{
	nb_radix_release(w->box.sys, &w->t);
	assert_int_equal(w->t.nr_nodes, 0);
	sysbox_end(&w->box);
}

static uint64_t rnd(uint64_t *state)
{
	uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* ---- the model ---- */

static void model_erase(struct model *m, unsigned i)
{
	unsigned f = m->first[i], n;

	if (!m->covered[i])
		return;
	n = 1u << m->order[f];
	m->entry[f] = 0;
	memset(m->mark[f], 0, sizeof(m->mark[f]));
	for (unsigned k = 0; k < n; k++)
		m->covered[f + k] = false;
}

static bool model_store(struct model *m, unsigned i, unsigned order, uint64_t entry,
			uint64_t *values)
{
	unsigned n = 1u << order;

	for (unsigned k = i; k < i + n; k++)
		if (m->covered[k] && nb_radix_is_page(m->entry[m->first[k]]))
			return false;
	for (unsigned k = i; k < i + n; k++) {
		*values += m->covered[k];
		model_erase(m, k);
	}
	m->entry[i] = entry;
	m->order[i] = order;
	for (unsigned k = i; k < i + n; k++) {
		m->covered[k] = true;
		m->first[k] = i;
	}
	return true;
}

static uint64_t model_load(const struct model *m, unsigned i)
{
	return m->covered[i] ? m->entry[m->first[i]] : 0;
}

/* The first entry at or behind *i, with the mark unless it is -1. */
static uint64_t model_next(const struct model *m, uint64_t *i, uint64_t last, int mark)
{
	for (uint64_t k = *i; k < MODEL && k <= last; k++) {
		if (!m->covered[k] || (mark >= 0 && !m->mark[m->first[k]][mark]))
			continue;
		*i = m->first[k];
		return m->entry[*i];
	}
	return 0;
}

static uint64_t model_prev(const struct model *m, uint64_t *i, uint64_t first)
{
	for (uint64_t k = *i + 1; k-- > first;) {
		if (!m->covered[k])
			continue;
		*i = m->first[k];
		return m->entry[*i];
	}
	return 0;
}

/* ---- random work on both ---- */

static void step_store(struct world *w, struct model *m, uint64_t *seed)
{
	unsigned order = rnd(seed) % 4 ? 0 : (unsigned)(rnd(seed) % 9);
	unsigned i = (unsigned)(rnd(seed) % MODEL) >> order << order;
	uint64_t number = rnd(seed) >> 12, va = 0, vb = 0;
	uint64_t entry = rnd(seed) % 3 ? nb_radix_page(number) : nb_radix_value(number);
	int ret = nb_radix_store(w->box.sys, &w->t, i, order, entry, &va);

	if (model_store(m, i, order, entry, &vb)) {
		assert_int_equal(ret, 0);
		assert_int_equal(va, vb);
	} else {
		assert_int_equal(ret, -NB_EEXIST);
		assert_int_equal(va, 0);
	}
}

static void step_look(const struct world *w, const struct model *m, uint64_t *seed)
{
	uint64_t i = rnd(seed) % MODEL, last = i + rnd(seed) % 600, a = i, b = i, e;
	int mark = (int)(rnd(seed) % (NB_NR_MARKS + 1)) - 1;

	assert_int_equal(nb_radix_load(&w->t, i), model_load(m, (unsigned)i));
	e = model_next(m, &a, last, mark);
	if (mark < 0)
		assert_int_equal(nb_radix_next(&w->t, &b, last), e);
	else
		assert_int_equal(nb_radix_next_marked(&w->t, &b, last, (enum nb_mark)mark), e);
	if (e) {
		assert_int_equal(a, b);
		assert_int_equal(nb_radix_order(&w->t, i),
				 m->covered[i] ? m->order[m->first[i]] : 0);
	}
	a = b = i;
	last = i > 300 ? i - 300 : 0;
	e = model_prev(m, &a, last);
	assert_int_equal(nb_radix_prev(&w->t, &b, last), e);
	if (e)
		assert_int_equal(a, b);
	for (a = i; a < i + 40 && a < MODEL && nb_radix_is_page(model_load(m, (unsigned)a));)
		a++;
	assert_int_equal(nb_radix_next_gap(&w->t, i, 40), a);
	for (a = i; a + 40 > i && a != UINT64_MAX && nb_radix_is_page(model_load(m, (unsigned)a));)
		a--;
	assert_int_equal(nb_radix_prev_gap(&w->t, i, 40), a);
}

static void step(struct world *w, struct model *m, uint64_t *seed)
{
	unsigned i = (unsigned)(rnd(seed) % MODEL), f = m->first[i];
	enum nb_mark mark = (enum nb_mark)(rnd(seed) % NB_NR_MARKS);
	uint64_t e;

	switch (rnd(seed) % 10) {
	case 0:
	case 1:
	case 2:
		step_store(w, m, seed);
		break;
	case 3:
	case 4:
		e = model_load(m, i);
		assert_int_equal(nb_radix_erase(w->box.sys, &w->t, i), e);
		model_erase(m, i);
		break;
	case 5:
		nb_radix_set_mark(&w->t, i, mark);
		if (m->covered[i])
			m->mark[f][mark] = true;
		break;
	case 6:
		nb_radix_clear_mark(&w->t, i, mark);
		if (m->covered[i])
			m->mark[f][mark] = false;
		break;
	case 7:
		e = model_load(m, i);
		assert_int_equal(nb_radix_replace(&w->t, i, nb_radix_page(i)), e);
		if (e)
			m->entry[f] = nb_radix_page(i);
		break;
	default:
		step_look(w, m, seed);
		break;
	}
}

static void test_random(void **state)
{
	static struct model m;
	uint64_t seed = 20041, pages, values;
	struct world w;

	(void)state;
	begin(&w);
	memset(&m, 0, sizeof(m));
	printf("# seed %llu\n", (unsigned long long)seed);
	for (unsigned n = 0; n < 60000; n++) {
		step(&w, &m, &seed);
		if (n % 500)
			continue;
		pages = values = 0;
		for (unsigned i = 0; i < MODEL; i++) {
			pages += m.covered[i] && m.first[i] == i && nb_radix_is_page(m.entry[i]);
			values += m.covered[i] && m.first[i] == i && nb_radix_is_value(m.entry[i]);
			for (unsigned k = 0; k < NB_NR_MARKS; k++)
				assert_int_equal(nb_radix_get_mark(&w.t, i, (enum nb_mark)k),
						 m.covered[i] && m.mark[m.first[i]][k]);
		}
		check(&w, pages, values);
	}
	for (unsigned i = 0; i < MODEL; i++)
		(void)nb_radix_erase(w.box.sys, &w.t, i);
	assert_null(w.t.root);
	end(&w);
}

/* ---- by hand ---- */

static void test_high_indices(void **state)
{
	static const uint64_t at[] = {0,
				      63,
				      64,
				      4095,
				      4096,
				      UINT64_C(1) << 30,
				      UINT64_C(1) << 40,
				      UINT64_C(1) << 62,
				      UINT64_MAX - 1,
				      UINT64_MAX};
	const unsigned n = sizeof(at) / sizeof(at[0]);
	struct world w;
	uint64_t i;

	(void)state;
	begin(&w);
	for (unsigned k = 0; k < n; k++)
		assert_int_equal(nb_radix_store(w.box.sys, &w.t, at[k], 0, nb_radix_page(k), NULL),
				 0);
	check(&w, n, 0);
	for (unsigned k = 0; k < n; k++) {
		assert_int_equal(nb_radix_load(&w.t, at[k]), nb_radix_page(k));
		i = k ? at[k - 1] + 1 : 0;
		assert_int_equal(nb_radix_next(&w.t, &i, UINT64_MAX), nb_radix_page(k));
		assert_int_equal(i, at[k]);
		i = k + 1 < n ? at[k + 1] - 1 : UINT64_MAX;
		assert_int_equal(nb_radix_prev(&w.t, &i, 0), nb_radix_page(k));
		assert_int_equal(i, at[k]);
	}
	for (unsigned k = n; k-- > 1;) {
		assert_int_equal(nb_radix_erase(w.box.sys, &w.t, at[k]), nb_radix_page(k));
		check(&w, k, 0);
	}
	assert_int_equal(w.t.nr_nodes, 1); /* height that is not needed has gone */
	end(&w);
}

/* An entry of order 9 spans eight slots of the second level: found by each of its indices. */
static void test_wide(void **state)
{
	struct world w;
	uint64_t values = 0, i;

	(void)state;
	begin(&w);
	assert_int_equal(nb_radix_store(w.box.sys, &w.t, 600, 0, nb_radix_value(7), NULL), 0);
	assert_int_equal(nb_radix_store(w.box.sys, &w.t, 512, 9, nb_radix_page(1), &values), 0);
	assert_int_equal(values, 1);
	for (i = 512; i < 1024; i++) {
		assert_int_equal(nb_radix_load(&w.t, i), nb_radix_page(1));
		assert_int_equal(nb_radix_order(&w.t, i), 9);
	}
	assert_int_equal(nb_radix_load(&w.t, 511), 0);
	assert_int_equal(nb_radix_load(&w.t, 1024), 0);
	nb_radix_set_mark(&w.t, 700, NB_MARK_DIRTY);
	i = 900;
	assert_int_equal(nb_radix_next_marked(&w.t, &i, 900, NB_MARK_DIRTY), nb_radix_page(1));
	assert_int_equal(i, 512);
	assert_int_equal(nb_radix_store(w.box.sys, &w.t, 1023, 0, nb_radix_page(2), NULL),
			 -NB_EEXIST);
	check(&w, 1, 0);
	assert_int_equal(nb_radix_erase(w.box.sys, &w.t, 1000), nb_radix_page(1));
	assert_null(w.t.root);
	end(&w);
}

static void test_towrite(void **state)
{
	struct world w;
	uint64_t i = 0;

	(void)state;
	begin(&w);
	for (i = 0; i < 200; i++) {
		assert_int_equal(nb_radix_store(w.box.sys, &w.t, i, 0, nb_radix_page(i), NULL), 0);
		if (i % 3 == 0)
			nb_radix_set_mark(&w.t, i, NB_MARK_DIRTY);
	}
	nb_radix_tag_towrite(&w.t, 10, 100);
	for (i = 0; i < 200; i++)
		assert_int_equal(nb_radix_get_mark(&w.t, i, NB_MARK_TOWRITE),
				 i % 3 == 0 && i >= 10 && i <= 100);
	assert_true(nb_radix_marked(&w.t, NB_MARK_TOWRITE));
	for (i = 0; i < 200; i++)
		nb_radix_clear_mark(&w.t, i, NB_MARK_TOWRITE);
	assert_false(nb_radix_marked(&w.t, NB_MARK_TOWRITE));
	check(&w, 200, 0);
	end(&w);
}

/* Values alone in a node: their owner is told once when it comes to be so and once when it ends;
 * the node can be taken out whole. A wide value counts with its siblings. */
static void note(struct nb_radix_node *n)
{
	n->listed = !n->listed;
	assert_int_equal(n->listed, nb_radix_only_values(n));
}

static void test_only_values(void **state)
{
	struct nb_radix_node *leaf;
	struct world w;

	(void)state;
	begin(&w);
	w.t.changed = note;
	for (uint64_t i = 64; i < 80; i++)
		assert_int_equal(
			nb_radix_store(w.box.sys, &w.t, i, i == 72 ? 3 : 0, nb_radix_page(i), NULL),
			i > 72 ? -NB_EEXIST : 0);
	assert_int_equal(nb_radix_store(w.box.sys, &w.t, 5, 0, nb_radix_page(5), NULL), 0);
	nb_radix_set_mark(&w.t, 75, NB_MARK_DIRTY);
	for (uint64_t i = 64; i <= 72; i++)
		nb_radix_retire(&w.t, i, i);
	assert_false(nb_radix_marked(&w.t, NB_MARK_DIRTY));
	check(&w, 1, 9);
	(void)nb_radix_load(&w.t, 64);
	leaf = w.t.last;
	assert_true(leaf->listed);
	assert_int_equal(nb_radix_replace(&w.t, 79, nb_radix_page(1)), nb_radix_value(72));
	assert_false(leaf->listed);
	nb_radix_retire(&w.t, 72, 1);
	assert_true(leaf->listed);
	assert_int_equal(nb_radix_drop_node(w.box.sys, leaf), 9);
	check(&w, 1, 0);
	assert_int_equal(w.t.nr_nodes, 1);
	nb_radix_retire(&w.t, 5, 1);
	assert_true(w.t.root->listed);
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),      cmocka_unit_test(test_high_indices),
		cmocka_unit_test(test_wide),        cmocka_unit_test(test_towrite),
		cmocka_unit_test(test_only_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
