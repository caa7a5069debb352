/* writeback.c -- who writes, and when. */
#include "filebox.h"

#include "mm/lru.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)

static const char *get(struct filebox *b, const char *name)
{
	static char text[32];

	assert_true(nb_sysctl_read(b->sys, name, text, sizeof(text)) > 0);
	return text;
}

static uint64_t dirty(const struct filebox *b)
{
	return filebox_sum(b, offsetof(struct nb_zone, nr_dirty));
}

static void test_defaults_of_old_kernels(void **state)
{
	static const char *const row[][3] = {
		{"6.12", "20", "10"}, {"2.6.24", "10", "5"}, {"2.6.7", "40", "10"}};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct filebox b;

		filebox_boot(&b, "256M:1", row[i][0], false);
		assert_string_equal(get(&b, "vm.dirty_ratio"), row[i][1]);
		assert_string_equal(get(&b, "vm.dirty_background_ratio"), row[i][2]);
		filebox_end(&b);
	}
}

/* Dirty for 30 s, looked at every 5 s: written 30 s after the file became dirty, not before. */
static void test_periodic(void **state)
{
	struct filebox b;
	struct nb_address_space *as;

	(void)state;
	filebox_boot(&b, "256M:1", NULL, false);
	as = filebox_file(&b, 0);
	filebox_write(&b, as, 0, 100);
	filebox_run(&b, 29 * SECOND);
	assert_int_equal(dirty(&b), 100);
	filebox_run(&b, 2 * SECOND);
	assert_int_equal(dirty(&b), 0);
	assert_int_equal(as->nr_writeback, 0);
	assert_int_equal(filebox_sum(&b, offsetof(struct nb_zone, nr_written)), 100);
	assert_int_equal(filebox_sum(&b, offsetof(struct nb_zone, nr_dirtied)), 100);
	assert_int_equal(filebox_vm_event(&b, "pgpgout"), 400);
	assert_int_equal(nb_writeback_step(b.sys), UINT64_MAX); /* all is done */
	nb_file_put(as);
	filebox_end(&b);
}

/* Above the background limit the flusher writes at once, until below. */
static void test_background(void **state)
{
	struct filebox b;
	struct nb_address_space *as;
	struct nb_dirty_limits lim;

	(void)state;
	filebox_boot(&b, "256M:1", NULL, false);
	as = filebox_file(&b, 0);
	nb_dirty_limits(b.sys, &lim);
	filebox_write(&b, as, 0, lim.background + 500);
	filebox_run(&b, SECOND);
	nb_dirty_limits(b.sys, &lim);
	assert_true(dirty(&b) <= lim.background);
	assert_true(dirty(&b) > lim.background / 2); /* and no more than that */
	nb_file_put(as);
	filebox_end(&b);
}

static int write_fails(void *ctx, uint64_t offset, const void *buf, size_t n)
{
	(void)offset;
	(void)buf;
	(void)n;
	return *(bool *)ctx ? -NB_EIO : 0;
}

/* What cannot be written stays dirty; fsync says so, once. */
static void test_write_error(void **state)
{
	bool broken = true;
	const struct nb_backing_ops ops = {.ctx = &broken, .write = write_fails};
	struct filebox b;
	struct nb_address_space *as;
	uint64_t n;

	(void)state;
	filebox_boot(&b, "64M:1", NULL, true);
	as = filebox_file(&b, 0);
	nb_file_set_backing(as, &ops);
	assert_int_equal(nb_file_write(b.t, as, 0, "x", 1, &n), 0);
	assert_int_equal(nb_file_sync(b.t, as), -NB_EIO);
	assert_int_equal(as->nr_dirty, 1);
	broken = false;
	assert_int_equal(nb_file_sync(b.t, as), 0);
	assert_int_equal(as->nr_dirty, 0);
	nb_file_put(as);
	filebox_end(&b);
}

/* sync() writes everybody's; a page that is written to while it is written is dirty afterwards. */
static void test_sync(void **state)
{
	struct filebox b;
	struct nb_address_space *one, *two;

	(void)state;
	filebox_boot(&b, "64M:1", NULL, false);
	one = filebox_file(&b, 0);
	two = filebox_file(&b, 0);
	filebox_write(&b, one, 0, 10);
	filebox_write(&b, two, 5, 10);
	assert_int_equal(nb_file_writepages(one, 0, UINT64_MAX, 4, false, NULL), 4);
	assert_int_equal(one->nr_writeback, 4);
	filebox_write(&b, one, 0, 1);
	assert_int_equal(one->nr_dirty, 7);
	filebox_check(&b);
	assert_int_equal(nb_sync(b.sys, b.t), 0);
	assert_int_equal(dirty(&b), 0);
	assert_int_equal(one->nr_writeback + two->nr_writeback, 0);
	assert_int_equal(filebox_sum(&b, offsetof(struct nb_zone, nr_written)), 10 + 1 + 10);
	nb_file_put(one);
	nb_file_put(two);
	filebox_end(&b);
}

struct wakes {
	unsigned n;
	uint64_t when_ns;
};

static void on_wake(void *ctx, uint64_t when_ns)
{
	struct wakes *w = ctx;

	w->n++;
	w->when_ns = when_ns;
}

/* The driver hears of a step only when it is earlier than it knows. */
static void test_wake(void **state)
{
	struct wakes w = {0};
	struct filebox b;
	struct nb_address_space *as;

	(void)state;
	filebox_boot(&b, "64M:1", NULL, false);
	nb_set_writeback_wake(b.sys, on_wake, &w);
	as = filebox_file(&b, 0);
	filebox_write(&b, as, 0, 3);
	assert_int_equal(w.n, 1);
	assert_int_equal(w.when_ns, 5 * SECOND);
	filebox_write(&b, as, 3, 3);
	assert_int_equal(w.n, 1);
	(void)nb_file_writepages(as, 0, UINT64_MAX, 1, false, NULL);
	assert_int_equal(w.n, 2);
	assert_true(w.when_ns < SECOND);
	nb_file_put(as);
	filebox_end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults_of_old_kernels),
		cmocka_unit_test(test_periodic),
		cmocka_unit_test(test_background),
		cmocka_unit_test(test_write_error),
		cmocka_unit_test(test_sync),
		cmocka_unit_test(test_wake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
