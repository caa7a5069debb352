/* sink.c -- events have the kernel's names and fields, and reach only who wants them. */
#include "allocbox.h"
#include "mm/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct allocbox box;

static void names_and_kinds(void **state)
{
	(void)state;
	for (int k = 0; k < NB_NR_EVENTS; k++) {
		const struct nb_event_desc *d = nb_event_desc((enum nb_event_kind)k);

		assert_non_null(d);
		assert_non_null(d->system);
		assert_int_equal(nb_event_by_name(d->name), k);
		assert_in_range(d->nr_fields, 1, NB_EVENT_MAX_FIELDS);
		for (unsigned i = 0; i < d->nr_fields; i++)
			assert_non_null(d->field[i]);
	}
	assert_int_equal(nb_event_by_name("mm_page"), -NB_EINVAL);
	assert_null(nb_event_desc(NB_NR_EVENTS));
}

/* Only wanted kinds are delivered; time, CPU and fields are those of the happening. */
static struct nb_event last;
static unsigned delivered;

static void take(void *ctx, const struct nb_event *ev)
{
	assert_ptr_equal(ctx, &last);
	last = *ev;
	delivered++;
}

static void delivery(void **state)
{
	struct nb_sink sink = {
		.ctx = &last, .event = take, .wanted = {{UINT64_C(1) << NB_EV_MM_PAGE_FREE}}};

	(void)state;
	allocbox_boot(&box, &(struct allocbox_spec){.ranges = "0 1000000-8ffffff",
						    .facts = "0 DMA32 32768",
						    .cpus = 2});
	nb_system_set_sink(box.sys, &sink);
	nb_system_set_time_ns(box.sys, 12345);
	allocbox_run(&box, "M4");
	assert_int_equal(delivered, 0);
	allocbox_run(&box, "-0@1");
	assert_int_equal(delivered, 1);
	assert_int_equal(last.kind, NB_EV_MM_PAGE_FREE);
	assert_int_equal(last.cpu, 1);
	assert_int_equal(last.pid, 0);
	assert_int_equal(last.time_ns, 12345);
	assert_int_equal(last.field[0], 0x1000);
	assert_int_equal(last.field[1], 4);
	nb_system_set_sink(box.sys, NULL);
	allocbox_run(&box, "M4 -1");
	assert_int_equal(delivered, 1);
	allocbox_end(&box);
}

/* A listener with a tally hears the first events of the kinds that it wants counted, and of others
 * each; the numbers are whole either way, also on the short way of requests and frees. */
static void counted(void **state)
{
	struct nb_event_tally tally = {.count = {0}};
	struct nb_sink sink = {.ctx = &last,
			       .event = take,
			       .wanted = NB_EVENT_SET_ALL,
			       .tally = &tally,
			       .counted = {{UINT64_C(1) << NB_EV_MM_PAGE_ALLOC}},
			       .keep = 2};

	(void)state;
	allocbox_boot(&box, &(struct allocbox_spec){.ranges = "0 1000000-8ffffff",
						    .facts = "0 DMA32 32768",
						    .cpus = 2});
	nb_system_set_sink(box.sys, &sink);
	delivered = 0;
	allocbox_run(&box, "M4 M4 M4 M4");
	assert_int_equal(tally.count[NB_EV_MM_PAGE_ALLOC], 4);
	assert_int_equal(delivered - tally.count[NB_EV_MM_PAGE_ALLOC_ZONE_LOCKED], 2);
	allocbox_run(&box, "-0@1 -1@1 -2@1");
	assert_int_equal(tally.count[NB_EV_MM_PAGE_FREE], 3);
	assert_int_equal(last.kind, NB_EV_MM_PAGE_FREE);
	assert_int_equal(last.field[0], 0x1020);
	assert_true(tally.any);
	assert_int_equal(tally.cpus.bits[0], 3);
	/* the same listener again: what is full stays so; another one begins anew */
	nb_system_set_sink(box.sys, &sink);
	allocbox_run(&box, "M0 M0");
	assert_int_equal(tally.count[NB_EV_MM_PAGE_ALLOC], 6);
	assert_int_not_equal(last.kind, NB_EV_MM_PAGE_ALLOC);
	sink.counted = (struct nb_event_set){{0}};
	nb_system_set_sink(box.sys, &sink);
	allocbox_run(&box, "M0");
	assert_int_equal(tally.count[NB_EV_MM_PAGE_ALLOC], 7);
	assert_int_equal(last.kind, NB_EV_MM_PAGE_ALLOC);
	allocbox_end(&box);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_kinds),
		cmocka_unit_test(delivery),
		cmocka_unit_test(counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
