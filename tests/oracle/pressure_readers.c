/* pressure_readers.c -- two tasks on two nodes read the same device: who brought which page, where
 * it lies, and what the second reader makes active.
 *
 * Plays $NUMABOX_ORACLE/traces/pagecache-n2-*: each recorded reader has an open file description of
 * its own and reads 64 KiB a call; whose call is next the trace says (each addition to the cache
 * and each activation tells how far its reader has come). A call is the grain: where the two are
 * closer than that, who was first is chance, and so is on which of their nodes a page lies. By
 * rule, and asserted: the pages that are in the cache in the end; that each lies on the node of who
 * brought it; that with generations none is made active, and with the classic lists what both have
 * read; that nobody is woken.
 */
#include "base/hosted/text.h"
#include "mm/address_space.h"
#include "mm/lru.h"
#include "mm/page.h"
#include "mm/vmstat.h"
#include "read/capture.h"
#include "read/machine.h"
#include "play.h"
#include "recorded.h"

#include <numabox/file.h>
#include <numabox/reclaim.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WINDOW = 32, FRAMES = 1 << 18, READERS = 2, CHUNK = 65536, CHUNK_PAGES = CHUNK / 4096 };
#define DISK_BYTES (UINT64_C(1) << 30)
#define DISK_PAGES (DISK_BYTES >> 12)
#define NOBODY 0xff

struct reader {
	struct nb_task *task;
	struct nb_open_file open;
	int pid, cpu;
	uint64_t bytes, at;
	uint64_t *when_us; /* [call]: the first event that shows it at or past its pages */
};

struct run {
	struct nb_port port;
	struct nb_machine *machine;
	struct nb_capture *capture;
	struct nb_system *sys;
	struct nb_address_space *file;
	struct recorded rec;
	struct reader reader[READERS];
	unsigned nr_readers, wakes;
	uint8_t *by; /* [page]: the recorded reader who brought it */
	uint8_t *ours_by;
};

static void open_run(struct run *r, const char *path)
{
	struct nb_read_options opt = {0};
	struct nb_boot_options boot = {0};
	struct nb_error err = {0};
	char dir[1200];

	memset(r, 0, sizeof(*r));
	snprintf(dir, sizeof(dir), "%s/before", path);
	nb_port_posix(&r->port, false);
	if (nb_read_machine(&r->port, dir, &opt, &r->machine, &r->capture, &err) ||
	    nb_system_boot(&r->port, r->machine, &boot, &r->sys, &err) ||
	    nb_capture_apply_observed(r->capture, r->sys, &err))
		fail_msg("%s: %s", dir, err.text);
	assert_int_equal(nb_file_create_device(r->sys, "vda", DISK_BYTES, &r->file), 0);
	r->by = nb_xcalloc(DISK_PAGES, 1);
	r->ours_by = nb_xcalloc(DISK_PAGES, 1);
	memset(r->by, NOBODY, DISK_PAGES);
	memset(r->ours_by, NOBODY, DISK_PAGES);
}

static void close_run(struct run *r)
{
	for (unsigned i = 0; i < r->nr_readers; i++)
		free(r->reader[i].when_us);
	nb_system_shutdown(r->sys);
	nb_capture_free(r->capture);
	nb_machine_free(r->machine);
	recorded_free(&r->rec);
	free(r->by);
	free(r->ours_by);
}

static struct reader *reader_of(struct run *r, int pid)
{
	for (unsigned i = 0; i < r->nr_readers; i++) {
		if (r->reader[i].pid == pid)
			return &r->reader[i];
	}
	return NULL;
}

/* "work read /dev/vda MB CPU &" each; the workers' pids in the order of their CPUs. */
static void read_readers(struct run *r, const char *name)
{
	char *job = recorded_job(name), *line = job;

	while ((line = strstr(line, "work read ")) && r->nr_readers < READERS) {
		struct reader *who = &r->reader[r->nr_readers];
		unsigned long long mb;

		if (sscanf(line, "work read %*s %llu %d", &mb, &who->cpu) == 2) {
			who->bytes = mb << 20;
			who->when_us = nb_xcalloc(who->bytes / CHUNK, sizeof(*who->when_us));
			nb_open_file_init(&who->open, r->file);
			assert_int_equal(nb_task_create(r->sys, who->cpu, "work", &who->task), 0);
			r->nr_readers++;
		}
		line += 5;
	}
	free(job);
	for (size_t i = 0; i < r->rec.nr; i++) {
		const struct rec_event *e = &r->rec.ev[i];

		for (unsigned k = 0; e->kind == REC_ADD && e->worker && k < r->nr_readers; k++) {
			if (r->reader[k].cpu == e->cpu && !r->reader[k].pid)
				r->reader[k].pid = e->pid;
		}
	}
}

/* When each reader was how far. */
static void look_around(struct run *r)
{
	uint32_t *index_of = nb_xcalloc(FRAMES, sizeof(*index_of));

	for (size_t i = 0; i < r->rec.nr; i++) {
		const struct rec_event *e = &r->rec.ev[i];
		struct reader *who = reader_of(r, e->pid);
		uint64_t index, call;

		if (!who || e->a[0] >= FRAMES)
			continue;
		if (e->kind == REC_ADD) {
			index_of[e->a[0]] = (uint32_t)e->a[1];
			r->by[e->a[1]] = (uint8_t)(who - r->reader);
		} else if (e->kind != REC_ACTIVATE) {
			continue;
		}
		index = index_of[e->a[0]];
		call = index / CHUNK_PAGES;
		/* a page is added up to a window before it is read */
		if (e->kind == REC_ADD)
			call = call > 2 ? call - 2 : 0;
		if (call < who->bytes / CHUNK && !who->when_us[call])
			who->when_us[call] = e->t_us;
	}
	free(index_of);
	for (unsigned k = 0; k < r->nr_readers; k++) {
		for (uint64_t c = 1; c < r->reader[k].bytes / CHUNK; c++) {
			if (r->reader[k].when_us[c] < r->reader[k].when_us[c - 1])
				r->reader[k].when_us[c] = r->reader[k].when_us[c - 1];
		}
	}
}

static void hear(void *ctx, const struct nb_event *ev)
{
	struct run *r = ctx;

	r->wakes += ev->kind == NB_EV_MM_VMSCAN_WAKEUP_KSWAPD;
}

/* One call of the reader; which pages it brought. */
static void read_call(struct run *r, unsigned k)
{
	struct reader *who = &r->reader[k];
	uint64_t n, first = who->at >> 12;

	assert_int_equal(nb_open_file_read(who->task, &who->open, who->at, NULL, CHUNK, &n), 0);
	assert_int_equal(n, CHUNK);
	who->at += CHUNK;
	for (uint64_t i = first; i < first + 4 * CHUNK_PAGES && i < DISK_PAGES; i++) {
		if (r->ours_by[i] == NOBODY && nb_file_node(r->file, i) >= 0)
			r->ours_by[i] = (uint8_t)k;
	}
}

static void play_events(struct run *r)
{
	for (;;) {
		unsigned next = r->nr_readers;

		for (unsigned k = 0; k < r->nr_readers; k++) {
			const struct reader *who = &r->reader[k];

			if (who->at < who->bytes &&
			    (next == r->nr_readers ||
			     who->when_us[who->at / CHUNK] <
				     r->reader[next].when_us[r->reader[next].at / CHUNK]))
				next = k;
		}
		if (next == r->nr_readers)
			return;
		read_call(r, next);
	}
}

static uint64_t list(const struct run *r, enum nb_lru lru)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < r->sys->nr_pgdat; i++)
		n += nb_lruvec_size(r->sys->pgdat[i]->lruvec, lru, NB_MAX_NR_ZONES - 1);
	return n;
}

static void compare(struct run *r, const char *name, bool gen)
{
	uint64_t cached = 0, cached_too = 0, same = 0, local = 0, both = 0, active;
	const char *after = "after/proc/vmstat";

	for (uint64_t i = 0; i < DISK_PAGES; i++) {
		int nid = nb_file_node(r->file, i);

		both += i << 12 < r->reader[0].bytes && i << 12 < r->reader[1].bytes;
		if (r->by[i] == NOBODY)
			continue;
		cached++;
		cached_too += nid >= 0;
		same += nid >= 0 && r->by[i] == r->ours_by[i];
		local += nid >= 0 && nid == r->sys->cpu_to_node[r->reader[r->ours_by[i]].cpu];
	}
	nb_lru_add_drain_all(r->sys);
	active = list(r, NB_LRU_ACTIVE_FILE);
	print_message("# %s: recorded, ours, ratio\n", name);
	recorded_ratio("pages cached", cached, cached_too);
	recorded_ratio("  brought by the same reader", cached, same);
	recorded_ratio("  on the reader's node", cached, local);
	recorded_ratio("pgactivate", (uint64_t)recorded_growth(name, "pgactivate"),
		       nb_vm_event_sum(r->sys, NB_VM_PGACTIVATE));
	recorded_ratio("nr_active_file", recorded_counter(name, after, "nr_active_file"), active);
	recorded_ratio("nr_inactive_file", recorded_counter(name, after, "nr_inactive_file"),
		       list(r, NB_LRU_INACTIVE_FILE));
	recorded_ratio("pages that both have read", both, active);
	/* the windows of the last calls depend on where the two met */
	assert_in_range(cached_too, cached - WINDOW, cached);
	assert_int_equal(local, cached_too);
	assert_int_equal(r->wakes, 0);
	for (uint64_t i = 0; i << 12 < r->reader[0].bytes || i << 12 < r->reader[1].bytes; i++)
		assert_true(nb_file_node(r->file, i) >= 0);
	if (gen) {
		assert_int_equal(nb_vm_event_sum(r->sys, NB_VM_PGACTIVATE), 0);
		assert_int_equal(active, 0);
	} else {
		/* one that waits in the other CPU's batch is not made active */
		assert_in_range(active, both - both / 10, both);
		assert_in_range(recorded_counter(name, after, "nr_active_file"), both - both / 10,
				both);
	}
}

static void play_readers(const char *path, const char *name)
{
	struct nb_sink sink = {.event = hear};
	static struct run r;
	bool gen = recorded_lru_gen(name);

	open_run(&r, path);
	(void)nb_lru_gen_set_enabled(r.sys, gen);
	recorded_read(&r.rec, name, "work");
	read_readers(&r, name);
	assert_int_equal(r.nr_readers, 2);
	look_around(&r);
	sink.ctx = &r;
	nb_event_set_add(&sink.wanted, NB_EV_MM_VMSCAN_WAKEUP_KSWAPD);
	nb_system_set_sink(r.sys, &sink);
	play_events(&r);
	compare(&r, name, gen);
	close_run(&r);
}

static bool wanted(const char *name)
{
	return strncmp(name, "pagecache-n2", 12) == 0;
}

static void test_readers(void **state)
{
	(void)state;
	if (!play_each(wanted, play_readers))
		skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_readers)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
