/* disk.c -- when requests end: latency, one channel, so many places at once. */
#include "filebox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define MS UINT64_C(1000000)

/* 4 pages a request, 1 ms to cross the channel, 10 ms of latency. */
static const struct {
	unsigned depth;
	uint64_t done_ms[5];
} row[] = {
	{1, {11, 22, 33, 44, 55}}, /* each waits for the one before */
	{2, {11, 12, 22, 23, 33}}, /* latencies overlap two by two */
	{8, {11, 12, 13, 14, 15}}, /* the channel alone is left */
};

static void test_schedule(void **state)
{
	(void)state;
	for (unsigned r = 0; r < sizeof(row) / sizeof(row[0]); r++) {
		struct nb_disk disk = {.latency_ns = 10 * MS,
				       .bytes_per_second = 4 * PAGE * 1000,
				       .queue_depth = row[r].depth};
		struct filebox b;
		struct nb_address_space *as;

		filebox_boot(&b, "64M:1", NULL, false);
		assert_int_equal(nb_set_disk(b.sys, &disk), 0);
		as = filebox_file(&b, 100);
		for (unsigned i = 0; i < 5; i++)
			assert_int_equal(nb_disk_submit(as, false, 4 * i, 4),
					 row[r].done_ms[i] * MS);
		assert_int_equal(nb_disk_next_ns(b.sys), 11 * MS);
		nb_disk_complete(b.sys, 11 * MS);
		assert_int_equal(nb_disk_next_ns(b.sys), row[r].done_ms[1] * MS);
		nb_disk_complete(b.sys, UINT64_MAX);
		assert_int_equal(nb_disk_next_ns(b.sys), UINT64_MAX);
		assert_int_equal(as->refs, 1);
		/* a quiet disk begins anew */
		nb_system_set_time_ns(b.sys, 100 * MS);
		assert_int_equal(nb_disk_submit(as, false, 0, 4), 111 * MS);
		nb_disk_complete(b.sys, UINT64_MAX);
		nb_file_put(as);
		filebox_end(&b);
	}
}

static void test_bad_disk(void **state)
{
	struct nb_disk disk = {.bytes_per_second = 1};
	struct filebox b;

	(void)state;
	filebox_boot(&b, "64M:1", NULL, false);
	assert_int_equal(nb_set_disk(b.sys, &disk), -NB_EINVAL);
	disk = (struct nb_disk){.queue_depth = 1};
	assert_int_equal(nb_set_disk(b.sys, &disk), -NB_EINVAL);
	filebox_end(&b);
}

/* A slow disk and a large request: no overflow on the way. */
static void test_long_transfer(void **state)
{
	struct nb_disk disk = {.bytes_per_second = 1, .queue_depth = 1};
	struct filebox b;
	struct nb_address_space *as;

	(void)state;
	filebox_boot(&b, "64M:1", NULL, false);
	assert_int_equal(nb_set_disk(b.sys, &disk), 0);
	as = filebox_file(&b, 256);
	assert_int_equal(nb_disk_submit(as, true, 0, 256), UINT64_C(1048576000000000));
	assert_int_equal(nb_disk_writes(b.sys), 1);
	nb_disk_complete(b.sys, UINT64_MAX);
	assert_int_equal(nb_disk_writes(b.sys), 0);
	nb_file_put(as);
	filebox_end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_schedule),
		cmocka_unit_test(test_bad_disk),
		cmocka_unit_test(test_long_transfer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
