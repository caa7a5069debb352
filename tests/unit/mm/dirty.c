/* dirty.c -- limits by the kernel's formulas, and who waits. */
#include "filebox.h"

#include "mm/lru.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)

static void set(struct filebox *b, const char *name, const char *value)
{
	struct nb_error err = {0};

	if (nb_sysctl_write(b->sys, name, value, &err))
		fail_msg("%s", err.text);
}

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

/* 20 % and 10 % of free memory less the reserves, plus cache, each rounded as the kernel does. */
static void test_limits(void **state)
{
	struct filebox b;
	struct nb_system_info info;
	struct nb_dirty_limits lim;
	uint64_t x;

	(void)state;
	filebox_boot(&b, "256M:1", NULL, false);
	nb_system_info(b.sys, &info);
	x = info.free_pages - info.totalreserve_pages + 1;
	nb_dirty_limits(b.sys, &lim);
	assert_int_equal(lim.dirtyable, x);
	assert_int_equal(lim.thresh, 819 * x / 4096); /* 20 * 4096 / 100 = 819 */
	assert_int_equal(lim.background, 409 * x / 4096);
	set(&b, "vm.dirty_bytes", "1048577");
	nb_dirty_limits(b.sys, &lim);
	assert_int_equal(lim.thresh, 257);
	assert_int_equal(lim.background, 128); /* not below the limit: half of it */
	assert_string_equal(get(&b, "vm.dirty_ratio"), "0");
	set(&b, "vm.dirty_background_bytes", "40960");
	nb_dirty_limits(b.sys, &lim);
	assert_int_equal(lim.background, 10);
	set(&b, "vm.dirty_ratio", "50");
	assert_string_equal(get(&b, "vm.dirty_bytes"), "0");
	nb_dirty_limits(b.sys, &lim);
	assert_int_equal(lim.thresh, 2048 * x / 4096);
	assert_int_equal(nb_sysctl_write(b.sys, "vm.dirty_bytes", "8191", NULL), -NB_EINVAL);
	assert_int_equal(nb_sysctl_write(b.sys, "vm.dirty_ratio", "101", NULL), -NB_EINVAL);
	filebox_end(&b);
}

/* Who dirties faster than the disk writes is held to the disk's pace, below the limit. */
static void test_throttled(void **state)
{
	struct nb_disk disk = {.latency_ns = 1000, .bytes_per_second = 100 << 20, .queue_depth = 8};
	struct filebox b;
	struct nb_address_space *as;
	struct nb_dirty_limits lim;
	uint64_t pages = 100 * 256; /* 100 MiB through 256 MiB of memory */

	(void)state;
	filebox_boot(&b, "256M:1", NULL, false);
	assert_int_equal(nb_set_disk(b.sys, &disk), 0);
	as = filebox_file(&b, 0);
	nb_dirty_limits(b.sys, &lim);
	for (uint64_t i = 0; i < pages; i += 64) {
		filebox_write(&b, as, i, 64);
		assert_true(dirty(&b) + as->nr_writeback <= lim.thresh + 64);
	}
	assert_true(b.waits > 10);
	/* what did not fit under the limit had to be written meanwhile */
	assert_true(nb_system_time_ns(b.sys) >
		    (pages - lim.thresh) * PAGE * SECOND / disk.bytes_per_second);
	assert_true(nb_system_time_ns(b.sys) < pages * PAGE * SECOND / disk.bytes_per_second);
	nb_file_put(as);
	filebox_end(&b);
}

/* Nobody waits for ever where no time passes. */
static void test_throttled_without_time(void **state)
{
	struct filebox b;
	struct nb_address_space *as;

	(void)state;
	filebox_boot(&b, "64M:1", NULL, false);
	b.timeless = true;
	as = filebox_file(&b, 0);
	filebox_write(&b, as, 0, 8000);
	assert_true(b.waits > 0);
	nb_file_put(as);
	filebox_end(&b);
}

/* New pages that will be dirty go where the node's share of the limit leaves room. */
static void test_spread_by_node(void **state)
{
	struct filebox b;
	struct nb_address_space *as;
	struct nb_pgdat *node;
	uint64_t limit, here = 0;

	(void)state;
	filebox_boot(&b, "128M:1 128M:1", NULL, false);
	node = nb_node_data(b.sys, 0);
	as = filebox_file(&b, 0);
	limit = nb_node_dirty_limit(b.sys, node);
	assert_true(nb_node_dirty_ok(b.sys, node));
	filebox_write(&b, as, 0, limit + 1000);
	for (uint64_t i = 0; i < limit + 1000; i++)
		here += nb_file_node(as, i) == 0;
	assert_in_range(here, limit - 200, limit + 200);
	assert_true(nb_node_dirty_limit(b.sys, node) < limit); /* it has less free memory now */
	nb_file_put(as);
	filebox_end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_throttled),
		cmocka_unit_test(test_throttled_without_time),
		cmocka_unit_test(test_spread_by_node),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
