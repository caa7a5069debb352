/* shared_policy.c -- the range tree against an array under random work; the text of mount options;
 * whose policy counts.
 */
#include "sysbox.h"

#include "mm/address_space.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define PAGES 500u
#define NR_POLICIES 6

static uint64_t rnd(uint64_t *state)
{
	uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

static struct nb_mempolicy *policy(struct sysbox *box, const char *text)
{
	struct nb_mempolicy *pol;

	assert_int_equal(nb_mpol_parse(box->sys, text, &pol), 0);
	assert_non_null(pol);
	return pol;
}

static void compare(struct sysbox *box, struct nb_shared_policy *sp,
		    struct nb_mempolicy *const *want)
{
	struct nb_error err = {0};

	if (nb_shared_policy_check(sp, &err))
		fail_msg("%s", err.text);
	for (unsigned i = 0; i < PAGES; i++) {
		struct nb_mempolicy *pol = nb_shared_policy_lookup(box->sys, sp, i);

		assert_ptr_equal(pol, want[i]);
		nb_mpol_put(box->sys, pol);
	}
}

/* Ranges are cut, split, dropped and replaced as in a plain array; each policy ends with the one
 * reference that we hold. */
static void test_random(void **state)
{
	static const char *const text[NR_POLICIES] = {"bind:0",     "bind:1",       "prefer:1",
						      "interleave", "interleave:1", "local"};
	struct nb_mempolicy *pol[NR_POLICIES], *want[PAGES] = {0};
	struct nb_shared_policy sp = {0};
	uint64_t seed = 71;
	struct sysbox box;

	(void)state;
	printf("# seed %llu\n", (unsigned long long)seed);
	sysbox_boot(&box, &(struct sysbox_spec){.nodes = "64M:1 64M:1"});
	for (unsigned i = 0; i < NR_POLICIES; i++)
		pol[i] = policy(&box, text[i]);
	for (unsigned n = 0; n < 3000; n++) {
		unsigned from = (unsigned)(rnd(&seed) % PAGES);
		unsigned to = from + (unsigned)(rnd(&seed) % 60) + 1;
		struct nb_mempolicy *p = rnd(&seed) % 4 ? pol[rnd(&seed) % NR_POLICIES] : NULL;

		if (to > PAGES)
			to = PAGES;
		assert_int_equal(nb_shared_policy_set(box.sys, &sp, from, to, p), 0);
		for (unsigned i = from; i < to; i++)
			want[i] = p;
		if (n % 20 == 0)
			compare(&box, &sp, want);
	}
	compare(&box, &sp, want);
	nb_shared_policy_release(box.sys, &sp);
	assert_null(sp.root);
	assert_int_equal(sp.nr_ranges, 0);
	for (unsigned i = 0; i < NR_POLICIES; i++) {
		assert_int_equal(pol[i]->refs, 1);
		nb_mpol_put(box.sys, pol[i]);
	}
	sysbox_end(&box);
}

/* A range inside another leaves both its ends. */
static void test_split(void **state)
{
	struct nb_shared_policy sp = {0};
	struct nb_mempolicy *a, *b;
	struct sysbox box;

	(void)state;
	sysbox_boot(&box, &(struct sysbox_spec){.nodes = "64M:1 64M:1"});
	a = policy(&box, "bind:0");
	b = policy(&box, "bind:1");
	assert_int_equal(nb_shared_policy_set(box.sys, &sp, 10, 100, a), 0);
	assert_int_equal(nb_shared_policy_set(box.sys, &sp, 40, 50, b), 0);
	assert_int_equal(sp.nr_ranges, 3);
	assert_int_equal(nb_shared_policy_at(&sp, 0)->start, 10);
	assert_int_equal(nb_shared_policy_at(&sp, 0)->end, 40);
	assert_int_equal(nb_shared_policy_at(&sp, 45)->start, 40);
	assert_int_equal(nb_shared_policy_at(&sp, 50)->end, 100);
	assert_null(nb_shared_policy_at(&sp, 100));
	assert_null(nb_shared_policy_lookup(box.sys, &sp, 9));
	assert_int_equal(nb_shared_policy_set(box.sys, &sp, 20, 60, NULL), 0);
	assert_int_equal(sp.nr_ranges, 2);
	assert_null(nb_shared_policy_lookup(box.sys, &sp, 45));
	nb_shared_policy_release(box.sys, &sp);
	nb_mpol_put(box.sys, a);
	nb_mpol_put(box.sys, b);
	sysbox_end(&box);
}

/* Source of the rows: what a kernel said to mount -o mpol=, on nodes 0 and 1. */
static void test_parse(void **state)
{
	static const struct {
		const char *text;
		int mode; /* -1: EINVAL */
		const char *nodes;
	} row[] = {
		{"default", NB_MPOL_DEFAULT, ""},
		{"default:0", -1, ""},
		{"interleave", NB_MPOL_INTERLEAVE, "0-1"},
		{"interleave:1", NB_MPOL_INTERLEAVE, "1"},
		{"interleave=static:0-1", NB_MPOL_INTERLEAVE | NB_MPOL_F_STATIC_NODES, "0-1"},
		{"interleave=relative:1", NB_MPOL_INTERLEAVE | NB_MPOL_F_RELATIVE_NODES, "1"},
		{"interleave=fixed:1", -1, ""},
		{"interleave=", -1, ""},
		{"weighted interleave", NB_MPOL_WEIGHTED_INTERLEAVE, "0-1"},
		{"bind", -1, ""},
		{"bind:", -1, ""},
		{"bind:0", NB_MPOL_BIND, "0"},
		{"bind:0-2", -1, ""},
		{"bind:x", -1, ""},
		{"prefer", NB_MPOL_LOCAL, ""},
		{"prefer:1", NB_MPOL_PREFERRED, "1"},
		{"prefer:0-1", -1, ""},
		{"prefer:", -1, ""},
		{"prefer=static", -1, ""},
		{"prefer (many):0-1", NB_MPOL_PREFERRED_MANY, "0-1"},
		{"prefer (many)", -1, ""},
		{"local", NB_MPOL_LOCAL, ""},
		{"local:0", -1, ""},
		{"local=static", -1, ""},
		{"", -1, ""},
		{"preferred:0", -1, ""},
		{"a mode with a name that is much longer than any", -1, ""},
	};
	struct sysbox box;

	(void)state;
	sysbox_boot(&box, &(struct sysbox_spec){.nodes = "64M:1 64M:1"});
	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct nb_mempolicy *pol = NULL;
		struct nb_nodemask nodes;
		char list[32];
		int mode, ret = nb_mpol_parse(box.sys, row[i].text, &pol);

		print_message("# %s\n", row[i].text);
		assert_int_equal(ret, row[i].mode < 0 ? -NB_EINVAL : 0);
		if (ret)
			continue;
		nb_mpol_show(pol, &mode, &nodes);
		assert_int_equal(mode, row[i].mode);
		(void)nb_bits_format_list(nodes.bits, NB_MAX_NODES, list, sizeof(list));
		assert_string_equal(list, row[i].nodes);
		nb_mpol_put(box.sys, pol);
	}
	sysbox_end(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_parse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
