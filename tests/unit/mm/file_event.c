/* file_event.c -- the page cache and write-back tell what the kernel's tracepoints would. */
#include "filebox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)

static uint64_t count[NB_NR_EVENTS];
static struct nb_event first[NB_NR_EVENTS], last[NB_NR_EVENTS];

static void hear(void *ctx, const struct nb_event *ev)
{
	(void)ctx;
	if (!count[ev->kind]++)
		first[ev->kind] = *ev;
	last[ev->kind] = *ev;
}

static void listen(struct filebox *b)
{
	const struct nb_sink sink = {.event = hear, .wanted = NB_EVENT_SET_ALL};

	memset(count, 0, sizeof(count));
	nb_system_set_sink(b->sys, &sink);
}

static uint64_t field(const struct nb_event *ev, const char *name)
{
	const struct nb_event_desc *d = nb_event_desc(ev->kind);

	for (unsigned i = 0; i < d->nr_fields; i++) {
		if (!strcmp(d->field[i], name))
			return ev->field[i];
	}
	fail_msg("%s has no field %s", d->name, name);
	return 0;
}

/* Each page that comes and goes; reads in the portions in which the kernel gets pages: 31, or up
 * to one that is marked or still on its way. */
static void pages(void **state)
{
	struct nb_address_space *as;
	struct filebox b;

	(void)state;
	filebox_boot(&b, "256M:1", NULL, false);
	as = filebox_file(&b, 100);
	listen(&b);
	filebox_read(&b, as, 0, 4);
	assert_int_equal(count[NB_EV_MM_FILEMAP_ADD_TO_PAGE_CACHE], as->nrpages);
	assert_int_equal(field(&first[NB_EV_MM_FILEMAP_ADD_TO_PAGE_CACHE], "i_ino"), as->ino);
	assert_int_equal(field(&first[NB_EV_MM_FILEMAP_ADD_TO_PAGE_CACHE], "s_dev"), NB_FILE_DEV);
	assert_int_equal(field(&last[NB_EV_MM_FILEMAP_ADD_TO_PAGE_CACHE], "index"),
			 as->nrpages - 1);
	assert_int_equal(first[NB_EV_MM_FILEMAP_ADD_TO_PAGE_CACHE].pid, nb_task_pid(b.t));
	filebox_read(&b, as, 0, 100);
	listen(&b);
	filebox_read(&b, as, 0, 100); /* all there, and the marks are gone */
	assert_int_equal(count[NB_EV_MM_FILEMAP_GET_PAGES], 4);
	assert_int_equal(field(&last[NB_EV_MM_FILEMAP_GET_PAGES], "index"), 93);
	assert_int_equal(field(&last[NB_EV_MM_FILEMAP_GET_PAGES], "last_index"), 99);
	assert_int_equal(nb_file_truncate(b.t, as, 90 * PAGE), 0);
	assert_int_equal(count[NB_EV_MM_FILEMAP_DELETE_FROM_PAGE_CACHE], 10);
	nb_drop_caches(b.sys, 1);
	assert_int_equal(count[NB_EV_MM_FILEMAP_DELETE_FROM_PAGE_CACHE], 100);
	assert_int_equal(field(&last[NB_EV_MM_FILEMAP_DELETE_FROM_PAGE_CACHE], "index"), 89);
	assert_int_equal(count[NB_EV_MM_FILEMAP_ADD_TO_PAGE_CACHE], 0);
	nb_file_put(as);
	/* memory files are told of by removal alone */
	as = filebox_shmem(&b, 5, NULL);
	filebox_write(&b, as, 0, 5);
	assert_int_equal(nb_file_truncate(b.t, as, 0), 0);
	assert_int_equal(count[NB_EV_MM_FILEMAP_ADD_TO_PAGE_CACHE], 0);
	assert_int_equal(count[NB_EV_MM_FILEMAP_DELETE_FROM_PAGE_CACHE], 105);
	assert_int_equal(field(&last[NB_EV_MM_FILEMAP_DELETE_FROM_PAGE_CACHE], "s_dev"),
			 NB_SHMEM_DEV);
	assert_int_equal(count[NB_EV_WRITEBACK_DIRTY_FOLIO], 0);
	nb_file_put(as);
	filebox_end(&b);
}

static void faults(void **state)
{
	struct nb_address_space *as;
	struct filebox b;
	uint64_t addr, n;

	(void)state;
	filebox_boot(&b, "256M:1", NULL, false);
	as = filebox_file(&b, 64);
	assert_int_equal(nb_mmap_file(b.t, as, 0, 0, 64 * PAGE, NB_PROT_READ, NB_MAP_SHARED, &addr),
			 0);
	listen(&b);
	assert_int_equal(nb_touch(b.t, addr + 20 * PAGE, 1, false, &n), 0);
	assert_int_equal(count[NB_EV_MM_FILEMAP_FAULT], 1);
	assert_int_equal(field(&last[NB_EV_MM_FILEMAP_FAULT], "index"), 20);
	assert_int_equal(count[NB_EV_MM_FILEMAP_MAP_PAGES], 1);
	n = field(&last[NB_EV_MM_FILEMAP_MAP_PAGES], "index");
	assert_int_equal(field(&last[NB_EV_MM_FILEMAP_MAP_PAGES], "last_index"), n + 15);
	assert_in_range(20, n, n + 15);
	assert_int_equal(nb_munmap(b.t, addr, 64 * PAGE), 0);
	nb_file_put(as);
	filebox_end(&b);
}

/* Three dirty pages, written when they have been so for 30 s; three more by sync(). */
static void write_back(void **state)
{
	struct nb_address_space *as;
	struct filebox b;

	(void)state;
	filebox_boot(&b, "256M:1", NULL, false);
	as = filebox_file(&b, 0);
	listen(&b);
	filebox_write(&b, as, 0, 3);
	assert_int_equal(count[NB_EV_WRITEBACK_DIRTY_FOLIO], 3);
	assert_int_equal(count[NB_EV_WRITEBACK_MARK_INODE_DIRTY], 3);
	assert_int_equal(field(&first[NB_EV_WRITEBACK_MARK_INODE_DIRTY], "state"), 0);
	assert_int_equal(field(&last[NB_EV_WRITEBACK_MARK_INODE_DIRTY], "state"),
			 NB_INODE_DIRTY_PAGES);
	assert_int_equal(count[NB_EV_WRITEBACK_DIRTY_INODE_ENQUEUE], 1);
	assert_int_equal(count[NB_EV_WRITEBACK_START], 0);
	filebox_run(&b, 36 * SECOND);
	assert_int_equal(field(&last[NB_EV_WRITEBACK_QUEUE_IO], "reason"), NB_WB_REASON_PERIODIC);
	assert_int_equal(field(&last[NB_EV_WRITEBACK_QUEUE_IO], "moved"), 1);
	assert_int_equal(field(&first[NB_EV_WRITEBACK_START], "nr_pages"), 3);
	assert_int_equal(field(&first[NB_EV_WRITEBACK_START], "for_kupdate"), 1);
	assert_int_equal(field(&first[NB_EV_WRITEBACK_SINGLE_INODE], "wrote"), 3);
	assert_int_equal(field(&first[NB_EV_WRITEBACK_WRITTEN], "nr_pages"), 0);
	assert_int_equal(count[NB_EV_WRITEBACK_START], count[NB_EV_WRITEBACK_WRITTEN]);
	assert_int_equal(field(&first[NB_EV_WRITEBACK_PAGES_WRITTEN], "pages"), 3);
	assert_int_equal(count[NB_EV_SB_MARK_INODE_WRITEBACK], 1);
	assert_int_equal(count[NB_EV_SB_CLEAR_INODE_WRITEBACK], 1);
	assert_int_equal(count[NB_EV_FOLIO_WAIT_WRITEBACK], 0);
	filebox_write(&b, as, 3, 3);
	listen(&b);
	assert_int_equal(nb_sync(b.sys, b.t), 0);
	assert_int_equal(field(&first[NB_EV_WRITEBACK_START], "reason"), NB_WB_REASON_SYNC);
	assert_int_equal(field(&first[NB_EV_WRITEBACK_START], "sync_mode"), 1);
	assert_int_equal(field(&last[NB_EV_WRITEBACK_SINGLE_INODE], "wrote"), 3);
	assert_int_equal(count[NB_EV_FOLIO_WAIT_WRITEBACK], 1); /* one request */
	assert_int_equal(field(&last[NB_EV_FOLIO_WAIT_WRITEBACK], "index"), 3);
	nb_file_put(as);
	filebox_end(&b);
}

/* A writer that is held back: the state of the whole, and its pauses. */
static void too_much(void **state)
{
	const struct nb_disk slow = {
		.latency_ns = 100000, .bytes_per_second = 10 << 20, .queue_depth = 4};
	struct nb_address_space *as;
	struct filebox b;
	const struct nb_event *ev = &last[NB_EV_BALANCE_DIRTY_PAGES];

	(void)state;
	filebox_boot(&b, "64M:1", NULL, false);
	assert_int_equal(nb_set_disk(b.sys, &slow), 0);
	as = filebox_file(&b, 0);
	listen(&b);
	filebox_write(&b, as, 0, 4000);
	assert_true(count[NB_EV_BALANCE_DIRTY_PAGES] > 0);
	assert_int_equal(field(ev, "dirty_ratelimit"), 10 << 10); /* KiB/s */
	assert_true(field(ev, "task_ratelimit") < 2 * field(ev, "dirty_ratelimit"));
	assert_true(field(ev, "setpoint") < field(ev, "limit"));
	assert_true(field(ev, "dirty") <= field(ev, "limit"));
	assert_in_range(field(ev, "pause"), 1, 200);
	assert_true(count[NB_EV_WRITEBACK_WAKE_BACKGROUND] > 0);
	ev = &last[NB_EV_GLOBAL_DIRTY_STATE];
	assert_true(field(ev, "background_thresh") < field(ev, "dirty_thresh"));
	assert_true(field(ev, "nr_dirtied") >= field(ev, "nr_written"));
	nb_file_put(as);
	filebox_end(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages),
		cmocka_unit_test(faults),
		cmocka_unit_test(write_back),
		cmocka_unit_test(too_much),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
