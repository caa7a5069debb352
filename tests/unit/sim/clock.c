/* clock.c -- tests of src/sim/clock.c: the order of everything due. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/clock.h"

static void never(struct nb_due *d)
{
	(void)d;
	fail();
}

static struct nb_due *pop(struct nb_clock *c)
{
	struct nb_due *d = nb_clock_first(c);

	if (d)
		nb_clock_clear(c, d);
	return d;
}

/* Expect time first, then kind, then node, then the order in which entries were made. */
static void order(void **state)
{
	static const struct {
		uint64_t time;
		enum nb_due_kind kind;
		int node;
		int place; /* expected */
	} cases[] = {
		{20, NB_DUE_IO, 0, 6},     {10, NB_DUE_TASK, 0, 4}, {10, NB_DUE_KSWAPD, 1, 2},
		{10, NB_DUE_KSWAPD, 0, 1}, {10, NB_DUE_TASK, 0, 5}, {10, NB_DUE_KCOMPACTD, 0, 3},
		{9, NB_DUE_TASK, 7, 0},
	};
	enum { N = sizeof(cases) / sizeof(*cases) };
	struct nb_clock c = {0};
	struct nb_due due[N];

	(void)state;
	for (int i = 0; i < N; i++)
		nb_due_init(&c, &due[i], cases[i].kind, cases[i].node, never, NULL);
	for (int i = 0; i < N; i++)
		nb_clock_set(&c, &due[i], cases[i].time);
	for (int place = 0; place < N; place++) {
		struct nb_due *d = pop(&c);

		assert_non_null(d);
		assert_int_equal(cases[d - due].place, place);
	}
	assert_null(pop(&c));
	nb_clock_release(&c);
}

/* Expect an entry that is set again to move, and one that is cleared to be gone. */
static void moves(void **state)
{
	struct nb_clock c = {0};
	struct nb_due a, b;

	(void)state;
	nb_due_init(&c, &a, NB_DUE_TASK, 0, never, NULL);
	nb_due_init(&c, &b, NB_DUE_TASK, 0, never, NULL);
	nb_clock_set(&c, &a, 5);
	nb_clock_set(&c, &b, 6);
	nb_clock_set(&c, &a, 7);
	assert_ptr_equal(nb_clock_first(&c), &b);
	nb_clock_set(&c, &a, 1);
	assert_ptr_equal(nb_clock_first(&c), &a);
	nb_clock_clear(&c, &a);
	nb_clock_clear(&c, &a); /* harmless */
	assert_ptr_equal(nb_clock_first(&c), &b);
	nb_clock_clear(&c, &b);
	assert_null(nb_clock_first(&c));
	nb_clock_release(&c);
}

/* Expect thousands of entries, set, moved and cleared by a fixed pattern, to come out sorted. */
static void many(void **state)
{
	enum { N = 5000 };
	static struct nb_due due[N];
	struct nb_clock c = {0};
	uint64_t x = 12345, last = 0;
	int n = 0, cleared = 0;

	(void)state;
	for (int i = 0; i < N; i++) {
		nb_due_init(&c, &due[i], NB_DUE_TASK, i % 3, never, NULL);
		x = x * 6364136223846793005u + 1;
		nb_clock_set(&c, &due[i], x >> 50);
	}
	for (int i = 0; i < N; i += 7) {
		x = x * 6364136223846793005u + 1;
		if (i % 2) {
			nb_clock_set(&c, &due[i], x >> 50);
		} else {
			nb_clock_clear(&c, &due[i]);
			cleared++;
		}
	}
	for (struct nb_due *d; (d = pop(&c)); n++) {
		assert_true(d->time_ns >= last);
		last = d->time_ns;
	}
	assert_int_equal(n, N - cleared);
	nb_clock_release(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order),
		cmocka_unit_test(moves),
		cmocka_unit_test(many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
