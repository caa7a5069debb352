/* readahead.c -- the windows of sequential, random and mixed readers, page by page.
 *
 * "*" stands behind the page that carries the mark. Windows of 6.12 unless a kernel is named; the
 * numbers follow from mm/readahead.c's sizes: four, two or one times the request, doubling up to
 * 32 pages.
 */
#include "filebox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static char text[4096];

static void expect(struct filebox *b, struct nb_address_space *as, const char *want)
{
	assert_string_equal(filebox_cached(b, as, text, sizeof(text)), want);
	filebox_check(b);
}

/* A page at a time: 4 pages, then 8, 16, 32, 32; the next window begins when its mark is met. */
static void test_sequential(void **state)
{
	struct filebox b;
	struct nb_address_space *as;

	(void)state;
	filebox_boot(&b, "64M:1", NULL, false);
	as = filebox_file(&b, 1000);
	filebox_read(&b, as, 0, 1);
	expect(&b, as, "0-1*,2-3");
	filebox_read(&b, as, 1, 1);
	expect(&b, as, "0-4*,5-11");
	filebox_read(&b, as, 2, 2);
	expect(&b, as, "0-4*,5-11");
	filebox_read(&b, as, 4, 1);
	expect(&b, as, "0-12*,13-27");
	filebox_read(&b, as, 5, 8);
	expect(&b, as, "0-28*,29-59");
	filebox_read(&b, as, 13, 16);
	expect(&b, as, "0-60*,61-91");
	nb_file_put(as);
	filebox_end(&b);
}

/* 6.1 sees that its first window would meet its own mark at once. */
static void test_sequential_old(void **state)
{
	struct filebox b;
	struct nb_address_space *as;

	(void)state;
	filebox_boot(&b, "64M:1", "6.1", false);
	as = filebox_file(&b, 1000);
	filebox_read(&b, as, 0, 32);
	/* 32 pages wanted: size 32, async 32 -> merged: 32 pages, the mark in the middle, and
	 * reading on to it starts the next window */
	expect(&b, as, "0-32*,33-63");
	nb_file_put(as);
	filebox_end(&b);
}

static void test_whole_file_at_once(void **state)
{
	struct filebox b;
	struct nb_address_space *as;

	(void)state;
	filebox_boot(&b, "64M:1", NULL, false);
	as = filebox_file(&b, 1000);
	filebox_read(&b, as, 0, 100);
	/* 32 with the mark at 16, then 32 each: the mark at 96 was met by page 96 */
	expect(&b, as, "0-128*,129-159");
	assert_int_equal(as->ra.start, 128);
	assert_int_equal(as->ra.size, 32);
	nb_file_put(as);
	filebox_end(&b);
}

/* Alone in the middle of the file: what was asked for, and nothing is remembered. */
static void test_random(void **state)
{
	struct filebox b;
	struct nb_address_space *as;

	(void)state;
	filebox_boot(&b, "64M:1", NULL, false);
	as = filebox_file(&b, 1000);
	filebox_read(&b, as, 500, 2);
	expect(&b, as, "500-501");
	filebox_read(&b, as, 100, 1);
	filebox_read(&b, as, 700, 3);
	expect(&b, as, "100,500-501,700-702");
	assert_int_equal(as->ra.size, 0);
	/* the next one in order is a stream */
	filebox_read(&b, as, 703, 1);
	expect(&b, as, "100,500-501,700-704*,705-706");
	nb_file_put(as);
	filebox_end(&b);
}

/* Pages in the cache before a miss that nobody remembers reading: a stream of another reader. */
static void test_context(void **state)
{
	struct filebox b;
	struct nb_address_space *as;

	(void)state;
	filebox_boot(&b, "64M:1", NULL, false);
	as = filebox_file(&b, 1000);
	nb_readahead_force(b.t, as, 100, 6);
	filebox_read(&b, as, 900, 1); /* so that prev_pos is elsewhere */
	filebox_read(&b, as, 106, 2);
	expect(&b, as, "100-113*,900");
	nb_file_put(as);
	filebox_end(&b);
}

static void test_advice(void **state)
{
	struct filebox b;
	struct nb_address_space *as;

	(void)state;
	filebox_boot(&b, "64M:1", NULL, false);
	as = filebox_file(&b, 1000);
	assert_int_equal(nb_file_fadvise(b.t, as, 0, 0, NB_FADV_RANDOM), 0);
	filebox_read(&b, as, 0, 1);
	filebox_read(&b, as, 1, 1);
	expect(&b, as, "0-1");
	assert_int_equal(nb_file_fadvise(b.t, as, 0, 0, NB_FADV_SEQUENTIAL), 0);
	filebox_read(&b, as, 2, 64);
	assert_int_equal(as->ra.size, 64);
	assert_int_equal(nb_file_fadvise(b.t, as, 0, 0, NB_FADV_NORMAL), 0);
	assert_int_equal(nb_file_fadvise(b.t, as, 800 * PAGE, 10 * PAGE, NB_FADV_WILLNEED), 0);
	assert_true(nb_file_node(as, 809) >= 0);
	assert_int_equal(nb_file_node(as, 810), -NB_ENOENT);
	assert_int_equal(nb_file_fadvise(b.t, as, 0, 0, (enum nb_fadvice)6), -NB_EINVAL);
	nb_file_put(as);
	filebox_end(&b);
}

/* Windows end with the file. */
static void test_end_of_file(void **state)
{
	struct filebox b;
	struct nb_address_space *as;
	uint64_t n;

	(void)state;
	filebox_boot(&b, "64M:1", NULL, false);
	assert_int_equal(nb_file_create(b.sys, "short", 5 * PAGE + 1, &as), 0);
	assert_int_equal(nb_file_read(b.t, as, 0, NULL, 100 * PAGE, &n), 0);
	assert_int_equal(n, 5 * PAGE + 1);
	expect(&b, as, "0-5");
	assert_int_equal(nb_file_read(b.t, as, 5 * PAGE + 1, NULL, 1, &n), 0);
	assert_int_equal(n, 0);
	nb_file_put(as);
	filebox_end(&b);
}

/* Two who read the same file have a window each; those who share one get in each other's way. */
static void test_two_readers(void **state)
{
	struct nb_open_file one, two;
	struct nb_address_space *as;
	struct filebox b;
	uint64_t n;

	(void)state;
	filebox_boot(&b, "64M:1", NULL, false);
	as = filebox_file(&b, 1000);
	nb_open_file_init(&one, as);
	nb_open_file_init(&two, as);
	assert_int_equal(nb_open_file_read(b.t, &one, 0, NULL, PAGE, &n), 0);
	assert_int_equal(nb_open_file_read(b.t, &two, 500 * PAGE, NULL, PAGE, &n), 0);
	expect(&b, as, "0-1*,2-3,500");
	assert_int_equal(one.ra.start, 0);
	assert_int_equal(one.ra.size, 4);
	assert_int_equal(nb_open_file_read(b.t, &one, PAGE, NULL, PAGE, &n), 0);
	assert_int_equal(nb_open_file_read(b.t, &two, 501 * PAGE, NULL, PAGE, &n), 0);
	expect(&b, as, "0-4*,5-11,500-502*,503-504");
	assert_int_equal(as->ra.size, 0);
	nb_file_put(as);
	filebox_end(&b);
}

static void hear_alloc(void *ctx, const struct nb_event *ev)
{
	if (ev->kind == NB_EV_MM_PAGE_ALLOC)
		*(struct nb_event *)ctx = *ev;
}

/* How the pages of a window are asked for: never into the file system again since 5.8, and of a
 * device not by the movable type. */
static void asked(const char *kernel, bool device, uint64_t gfp_without, uint64_t mt)
{
	struct nb_event ev;
	struct nb_sink sink = {.ctx = &ev, .event = hear_alloc, .wanted = NB_EVENT_SET_ALL};
	struct nb_address_space *as;
	struct filebox b;

	filebox_boot(&b, "64M:1", kernel, false);
	if (device)
		assert_int_equal(nb_file_create_device(b.sys, "sda", 100 * PAGE, &as), 0);
	else
		as = filebox_file(&b, 100);
	nb_system_set_sink(b.sys, &sink);
	filebox_read(&b, as, 0, 1);
	nb_system_set_sink(b.sys, NULL);
	assert_int_equal(ev.field[2] & (NB_GFP_BIT_NORETRY | NB_GFP_BIT_NOWARN),
			 NB_GFP_BIT_NORETRY | NB_GFP_BIT_NOWARN);
	assert_int_equal(ev.field[2] & NB_GFP_BIT_FS, gfp_without ^ NB_GFP_BIT_FS);
	assert_int_equal(ev.field[3], mt);
	nb_file_put(as);
	filebox_end(&b);
}

static void test_asked(void **state)
{
	(void)state;
	asked(NULL, false, NB_GFP_BIT_FS, NB_MIGRATE_MOVABLE);
	asked(NULL, true, NB_GFP_BIT_FS, NB_MIGRATE_UNMOVABLE);
	asked("5.4", false, 0, NB_MIGRATE_MOVABLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_asked),
		cmocka_unit_test(test_two_readers),
		cmocka_unit_test(test_sequential),
		cmocka_unit_test(test_sequential_old),
		cmocka_unit_test(test_whole_file_at_once),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_context),
		cmocka_unit_test(test_advice),
		cmocka_unit_test(test_end_of_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
