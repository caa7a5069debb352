/* pressure_file.c -- a real kernel read more than fits into memory: what was read ahead, what was
 * given up, what came back, and what each of that said.
 *
 * Plays $NUMABOX_ORACLE/traces/refault-*, recorded with the classic lists. The engine reads what
 * the recorded programs read; whenever it asks for a page, the trace is gone through up to the
 * recorded kernel's request for it, and what others did meanwhile is done: each cluster that
 * reclaim took off a list is taken off ours by the engine's own rule, pages that compaction moved
 * go to the head, what other programs allocated is allocated. So every decision is judged given the
 * kernel's own past:
 *   the order in which pages are read ahead; for each page that comes back, whether its refault
 *   distance activates it; how much of each list is looked at, skipped and taken; which pages go.
 * A page that the kernel gave up and we did not is given up then, and counted as a difference.
 */
#include "base/hosted/text.h"
#include "mm/address_space.h"
#include "mm/kswapd.h"
#include "mm/page.h"
#include "mm/pcp.h"
#include "mm/task.h"
#include "mm/vmscan.h"
#include "mm/vmstat.h"
#include "read/capture.h"
#include "read/machine.h"
#include "play.h"
#include "recorded.h"
#include "recorded_wakes.h"

#include <numabox/file.h>
#include <numabox/page_alloc.h>
#include <numabox/reclaim.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FRAMES = 1 << 18, PASSES = 32, CHUNK = 65536, NEAR_EVENTS = 2000 };
#define NO_INDEX UINT32_MAX
#define DISK_BYTES (UINT64_C(1) << 30)

/* Of a recorded event: what is known of its page. */
enum {
	OF_FILE = 1,   /* allocation or free of a page of the file */
	REFAULT = 2,   /* an addition of a page that had been given up */
	ACTIVATED = 4, /* and was made active for it */
	TAKEN_OUT = 8, /* an addition that came at another place */
};

struct pass {
	int pid, cpu;
	uint64_t bytes;
};

struct tally {
	uint64_t adds, adds_equal, refaults, refaults_equal, activated, active_equal;
	uint64_t isolates, isolates_equal, deletes, deletes_equal;
	uint64_t elsewhere;
};

struct run {
	struct nb_port port;
	struct nb_machine *machine;
	struct nb_capture *capture;
	struct nb_system *sys;
	struct nb_address_space *file;
	struct recorded rec;
	uint8_t *about; /* [event] */
	struct pass pass[PASSES];
	unsigned nr_passes;
	struct tally n;
	/* where we are */
	size_t at, pending_ev;
	nb_pfn_t pending_pfn;
	struct nb_task *task;
	int pid;
	bool reading, busy;
	struct nb_event isolated;
	uint64_t activations; /* our workingset_activate_file before the pending page */
	uint32_t *index_of;   /* [recorded frame] of the file's pages */
	uint8_t *listed;      /* [recorded frame] has been on a list */
	nb_pfn_t *frame_of;   /* [recorded frame] of others' */
	uint32_t moved[4096]; /* pages that compaction moved, not yet on a list */
	unsigned moved_first, moved_last;
	struct recorded_free free;
	struct recorded_wakes wakes;
};

/* ---- before the play ---- */

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
	r->index_of = nb_xcalloc(FRAMES, sizeof(*r->index_of));
	r->listed = nb_xcalloc(FRAMES, 1);
	r->frame_of = nb_xcalloc(FRAMES, sizeof(*r->frame_of));
	memset(r->index_of, 0xff, FRAMES * sizeof(*r->index_of));
	memset(r->frame_of, 0xff, FRAMES * sizeof(*r->frame_of));
}

static void close_run(struct run *r)
{
	nb_system_shutdown(r->sys);
	nb_capture_free(r->capture);
	nb_machine_free(r->machine);
	recorded_free(&r->rec);
	free(r->about);
	free(r->index_of);
	free(r->listed);
	free(r->frame_of);
	recorded_wakes_release(&r->wakes);
}

/* "work read /dev/vda MB CPU" of the job, in order, with the pids in which they ran. */
static void read_passes(struct run *r, const char *name)
{
	char *job = recorded_job(name), *line = job, *end;
	unsigned n = 0, workers = 0;
	int pid = 0, commands[PASSES];

	while ((line = strstr(line, "work ")) && workers < PASSES) {
		unsigned long long mb;
		int cpu;

		commands[workers] = 0;
		if (sscanf(line, "work read %*s %llu %d", &mb, &cpu) == 2) {
			r->pass[n].bytes = mb << 20;
			r->pass[n++].cpu = cpu;
			commands[workers] = 1;
		}
		workers++;
		end = strchr(line, '\n');
		line = end ? end : line + strlen(line);
	}
	free(job);
	r->nr_passes = n;
	n = workers = 0;
	for (size_t i = 0; i < r->rec.nr && workers < PASSES && n < r->nr_passes; i++) {
		if (!r->rec.ev[i].worker || r->rec.ev[i].pid <= pid)
			continue;
		pid = r->rec.ev[i].pid;
		if (commands[workers++])
			r->pass[n++].pid = pid;
	}
}

static void look_around(struct run *r)
{
	uint32_t *last = nb_xcalloc(FRAMES, sizeof(*last)); /* event + 1: of the frame */
	uint8_t *gone = nb_xcalloc(DISK_BYTES >> 12, 1);

	r->about = nb_xcalloc(r->rec.nr + 1, 1);
	for (size_t i = 0; i < r->rec.nr; i++) {
		const struct rec_event *e = &r->rec.ev[i];
		uint32_t before = e->a[0] < FRAMES ? last[e->a[0]] : 0;

		switch (e->kind) {
		case REC_ADD:
			if (before && r->rec.ev[before - 1].kind == REC_ALLOC)
				r->about[before - 1] |= OF_FILE;
			r->about[i] |= gone[e->a[1]] ? REFAULT : 0;
			gone[e->a[1]] = 0;
			break;
		case REC_DELETE:
			gone[e->a[1]] = 1;
			break;
		case REC_INSERT:
			if (before && r->rec.ev[before - 1].kind == REC_ADD && e->a[1] == 3)
				r->about[before - 1] |= ACTIVATED;
			continue; /* the addition stays the frame's last */
		case REC_FREE:
			if (before && r->rec.ev[before - 1].kind != REC_ALLOC)
				r->about[i] |= OF_FILE;
			break;
		case REC_ALLOC:
			break;
		default:
			continue;
		}
		if (e->a[0] < FRAMES)
			last[e->a[0]] = (uint32_t)i + 1;
	}
	free(last);
	free(gone);
}

/* ---- what others did ---- */

static void take_cluster(struct run *r, const struct rec_event *e)
{
	struct nb_pgdat *p = nb_node_data(r->sys, 0);
	enum nb_lru lru = (enum nb_lru)e->a[6];
	struct nb_scan_control sc = {.sys = r->sys,
				     .cpu = e->cpu,
				     .kswapd = e->kswapd,
				     .gfp = e->kswapd ? NB_GFP_KERNEL : NB_GFP_NOFS,
				     .order = (unsigned)e->a[1],
				     .reclaim_idx = (enum nb_zone_type)e->a[0],
				     .priority = NB_DEF_PRIORITY,
				     .may_writepage = true,
				     .may_unmap = true};

	if (lru < NB_LRU_INACTIVE_FILE)
		return;
	memset(&r->isolated, 0, sizeof(r->isolated));
	if (lru == NB_LRU_INACTIVE_FILE)
		(void)nb_shrink_inactive(p, &sc, lru, e->a[2]);
	else
		nb_shrink_active(p, &sc, lru, e->a[2]);
	r->n.isolates++;
	/* wanted, scanned, skipped, taken */
	r->n.isolates_equal += memcmp(&r->isolated.field[2], &e->a[2], 4 * sizeof(e->a[0])) == 0;
}

/* The recorded kernel gave this page up. */
static void delete_page(struct run *r, const struct rec_event *e)
{
	struct nb_zone *z;
	struct nb_page *page;

	if (e->a[0] < FRAMES)
		r->index_of[e->a[0]] = NO_INDEX;
	r->n.deletes++;
	page = nb_as_find(r->file, e->a[1], &z, NULL);
	if (!page) {
		r->n.deletes_equal++;
		return;
	}
	nb_put_page(r->sys, z, page, 0);
	nb_lru_add_drain_all(r->sys);
	if (nb_lru_isolate(r->sys, z, page))
		(void)nb_reclaim_page(r->sys, z, page, e->cpu);
}

/* The page of the file goes to its list anew, at the head. */
static void put_again(struct run *r, uint32_t index, int cpu)
{
	struct nb_system *sys = r->sys;
	struct nb_zone *z;
	struct nb_page *page = nb_as_find(r->file, index, &z, NULL);

	if (!page)
		return;
	nb_put_page(sys, z, page, cpu);
	if (nb_lru_isolate(sys, z, page))
		nb_lru_putback(sys, z, page, cpu);
	nb_lru_add_drain(sys, cpu);
}

/* A page comes to a list: for the first time (the engine has done that), after compaction moved it
 * to another frame, or after it could not. */
static void insert_page(struct run *r, const struct rec_event *e)
{
	if (e->a[1] < NB_LRU_INACTIVE_FILE || e->a[0] >= FRAMES)
		return;
	if (r->index_of[e->a[0]] == NO_INDEX) {
		if (r->moved_first == r->moved_last)
			return;
		r->index_of[e->a[0]] = r->moved[r->moved_first++ % 4096];
		put_again(r, r->index_of[e->a[0]], e->cpu);
	} else if (r->listed[e->a[0]]) {
		put_again(r, r->index_of[e->a[0]], e->cpu);
	}
	r->listed[e->a[0]] = 1;
}

static void others_alloc(struct run *r, const struct rec_event *e)
{
	struct nb_alloc_request rq = {.gfp = e->a[2] ? NB_GFP_HIGHUSER_MOVABLE : NB_GFP_NOWAIT,
				      .order = (unsigned)e->a[1],
				      .cpu = e->cpu,
				      .nid = NB_NO_NODE};
	nb_pfn_t pfn;

	if (e->a[0] >= FRAMES)
		return;
	rq.gfp &= ~(nb_gfp_t)NB_GFP_BIT_DIRECT_RECLAIM;
	pfn = nb_alloc_pages(r->sys, &rq);
	r->frame_of[e->a[0]] = pfn;
}

static void others_free(struct run *r, const struct rec_event *e)
{
	nb_pfn_t pfn = e->a[0] < FRAMES ? r->frame_of[e->a[0]] : NB_NO_PFN;

	if (e->kcompactd && e->a[0] < FRAMES && r->index_of[e->a[0]] != NO_INDEX) {
		r->moved[r->moved_last++ % 4096] = r->index_of[e->a[0]];
		r->index_of[e->a[0]] = NO_INDEX;
	} else if (pfn != NB_NO_PFN) {
		r->frame_of[e->a[0]] = NB_NO_PFN;
		nb_free_pages(r->sys, e->cpu, pfn, (unsigned)e->a[1]);
	}
}

static void learn_frame(struct run *r, const struct rec_event *e)
{
	if (e->a[0] >= FRAMES)
		return;
	r->index_of[e->a[0]] = (uint32_t)e->a[1];
	r->listed[e->a[0]] = 0;
}

static void apply(struct run *r, size_t i)
{
	const struct rec_event *e = &r->rec.ev[i];

	recorded_free_count(&r->free, r->sys, e);
	switch (e->kind) {
	case REC_ADD: /* not by the reader, or too early */
		learn_frame(r, e);
		break;
	case REC_ISOLATE:
		take_cluster(r, e);
		break;
	case REC_DELETE:
		delete_page(r, e);
		break;
	case REC_INSERT:
		insert_page(r, e);
		break;
	case REC_ALLOC:
		if (!(r->about[i] & OF_FILE))
			others_alloc(r, e);
		else
			recorded_wakes_request(&r->wakes);
		break;
	case REC_FREE:
		others_free(r, e);
		break;
	default:
		break;
	}
	recorded_wakes_event(&r->wakes, i);
}

/* ---- the reader ---- */

/* Ours comes at another place of the order than recorded (a recorded request failed, so that its
 * window ended early): the recorded one is taken out, where it is near. */
static void find_elsewhere(struct run *r, uint64_t index)
{
	size_t i = r->pending_ev;

	while (i < r->rec.nr && i < r->pending_ev + NEAR_EVENTS &&
	       !(r->rec.ev[i].kind == REC_ADD && r->rec.ev[i].pid == r->pid &&
		 r->rec.ev[i].a[1] == index))
		i++;
	if (i < r->rec.nr && i < r->pending_ev + NEAR_EVENTS) {
		r->about[i] |= TAKEN_OUT;
		r->n.elsewhere++;
		learn_frame(r, &r->rec.ev[i]);
	}
	r->at = r->pending_ev;
}

/* The page that was being added has come: is it the one, and was it decided alike? */
static void settle(struct run *r)
{
	const struct rec_event *e = &r->rec.ev[r->pending_ev];
	struct nb_zone *z;
	struct nb_page *page;
	uint64_t activations, index;

	if (r->pending_pfn == NB_NO_PFN)
		return;
	page = nb_pfn_to_page(r->sys, r->pending_pfn, &z);
	index = nb_page_index(page);
	activations = z->pgdat->lruvec->activate[1];
	r->pending_pfn = NB_NO_PFN;
	r->n.adds++;
	if (r->pending_ev >= r->rec.nr)
		return;
	if (index != e->a[1]) {
		find_elsewhere(r, index);
		return;
	}
	r->n.adds_equal++;
	if (!(r->about[r->pending_ev] & REFAULT))
		return;
	bool ours = activations != r->activations, theirs = r->about[r->pending_ev] & ACTIVATED;

	r->n.refaults++;
	r->n.refaults_equal += ours == theirs;
	r->n.activated += theirs;
	r->n.active_equal += ours && theirs;
}

/* Our reader has a frame for its next page: the trace goes on to the recorded reader's. */
static void next_page(struct run *r, nb_pfn_t pfn)
{
	r->busy = true;
	settle(r);
	while (r->at < r->rec.nr) {
		const struct rec_event *e = &r->rec.ev[r->at];

		if (e->kind == REC_ADD && e->pid == r->pid && !(r->about[r->at] & TAKEN_OUT))
			break;
		apply(r, r->at++);
	}
	r->pending_ev = r->at;
	if (r->at < r->rec.nr) {
		learn_frame(r, &r->rec.ev[r->at++]);
	}
	r->pending_pfn = pfn;
	r->activations = nb_node_data(r->sys, 0)->lruvec->activate[1];
	r->busy = false;
}

static void hear(void *ctx, const struct nb_event *ev)
{
	struct run *r = ctx;

	if (ev->kind == NB_EV_MM_VMSCAN_LRU_ISOLATE)
		r->isolated = *ev;
	else if (ev->kind == NB_EV_MM_VMSCAN_WAKEUP_KSWAPD)
		recorded_wakes_ours(&r->wakes, ev);
	/* the engine has done all that this event tells of: others may act now */
	else if (ev->kind == NB_EV_MM_PAGE_ALLOC && r->reading && !r->busy &&
		 ev->field[0] != NB_NO_PFN)
		next_page(r, ev->field[0]);
}

static void play_pass(struct run *r, const struct pass *pass)
{
	struct nb_open_file open;
	uint64_t n;

	while (r->at < r->rec.nr && r->rec.ev[r->at].pid != pass->pid)
		apply(r, r->at++);
	assert_int_equal(nb_task_create(r->sys, pass->cpu, "work", &r->task), 0);
	r->task->flags |= NB_PF_MEMALLOC; /* room is made when the trace makes it, not by itself */
	r->pid = pass->pid;
	nb_open_file_init(&open, r->file);
	for (uint64_t at = 0; at < pass->bytes; at += CHUNK) {
		r->reading = true;
		assert_int_equal(nb_open_file_read(r->task, &open, at, NULL, CHUNK, &n), 0);
		r->reading = false;
		r->busy = true;
		settle(r);
		r->busy = false;
	}
	nb_task_exit(r->task);
}

static uint64_t list(struct run *r, enum nb_lru lru)
{
	return nb_lruvec_size(nb_node_data(r->sys, 0)->lruvec, lru, NB_MAX_NR_ZONES - 1);
}

static void report(struct run *r, const char *name)
{
	const struct nb_lruvec *v = nb_node_data(r->sys, 0)->lruvec;
	const struct tally *n = &r->n;
	const char *after = "after/proc/vmstat";

	print_message("# %s: recorded, ours, ratio\n", name);
	recorded_ratio("pages added", n->adds, n->adds_equal);
	recorded_ratio("refaults decided", n->refaults, n->refaults_equal);
	recorded_ratio("  activated", n->activated, n->active_equal);
	recorded_ratio("clusters taken", n->isolates, n->isolates_equal);
	recorded_ratio("pages given up", n->deletes, n->deletes_equal);
	recorded_wakes_report(&r->wakes, true);
	recorded_ratio("pgactivate", (uint64_t)recorded_growth(name, "pgactivate"),
		       nb_vm_event_sum(r->sys, NB_VM_PGACTIVATE));
	recorded_ratio("pgdeactivate", (uint64_t)recorded_growth(name, "pgdeactivate"),
		       nb_vm_event_sum(r->sys, NB_VM_PGDEACTIVATE));
	recorded_ratio("pgscan_file", (uint64_t)recorded_growth(name, "pgscan_file"),
		       nb_vm_event_sum(r->sys, NB_VM_PGSCAN_FILE));
	recorded_ratio("pgsteal_file", (uint64_t)recorded_growth(name, "pgsteal_file"),
		       nb_vm_event_sum(r->sys, NB_VM_PGSTEAL_FILE));
	recorded_ratio("workingset_refault_file",
		       (uint64_t)recorded_growth(name, "workingset_refault_file"), v->refault[1]);
	recorded_ratio("workingset_activate_file",
		       (uint64_t)recorded_growth(name, "workingset_activate_file"), v->activate[1]);
	recorded_ratio("workingset_restore_file",
		       (uint64_t)recorded_growth(name, "workingset_restore_file"), v->restore[1]);
	recorded_ratio("nr_inactive_file", recorded_counter(name, after, "nr_inactive_file"),
		       list(r, NB_LRU_INACTIVE_FILE));
	recorded_ratio("nr_active_file", recorded_counter(name, after, "nr_active_file"),
		       list(r, NB_LRU_ACTIVE_FILE));
}

/* What is a matter of rules, given the kernel's own past. Pages that compaction could not move, and
 * zones of pages that reclaim wanted no page of, leave a few in a thousand. */
static void judge(struct run *r)
{
	const struct tally *n = &r->n;

	assert_true(n->adds > 100000 && n->refaults > 1000 && n->activated > 0);
	assert_in_range(n->adds_equal + n->elsewhere, n->adds - n->adds / 10000, n->adds);
	assert_true(n->elsewhere < 1000);
	assert_int_equal(n->refaults_equal, n->refaults);
	assert_int_equal(n->active_equal, n->activated);
	assert_in_range(n->isolates_equal, n->isolates - n->isolates / 1000, n->isolates);
	assert_in_range(n->deletes_equal, n->deletes - n->deletes / 200, n->deletes);
	recorded_wakes_judge(&r->wakes, true);
}

static void play_refault(const char *path, const char *name)
{
	struct nb_sink sink = {.event = hear};
	static struct run r;

	open_run(&r, path);
	recorded_read(&r.rec, name, "work");
	read_passes(&r, name);
	look_around(&r);
	recorded_free_begin(&r.free, r.sys, name);
	recorded_free_measure(&r.free, r.sys, &r.rec, name);
	recorded_wakes_begin(&r.wakes, r.sys, name, &r.rec, &r.free, NB_ZONE_NORMAL);
	assert_true(r.nr_passes > 1);
	assert_int_equal(nb_lru_gen_set_enabled(r.sys, false), 0);
	assert_int_equal(nb_file_create_device(r.sys, "vda", DISK_BYTES, &r.file), 0);
	sink.ctx = &r;
	nb_event_set_add(&sink.wanted, NB_EV_MM_PAGE_ALLOC);
	nb_event_set_add(&sink.wanted, NB_EV_MM_VMSCAN_LRU_ISOLATE);
	nb_event_set_add(&sink.wanted, NB_EV_MM_VMSCAN_WAKEUP_KSWAPD);
	nb_system_set_sink(r.sys, &sink);
	r.pending_pfn = NB_NO_PFN;
	for (unsigned i = 0; i < r.nr_passes; i++)
		play_pass(&r, &r.pass[i]);
	while (r.at < r.rec.nr)
		apply(&r, r.at++);
	nb_lru_add_drain_all(r.sys);
	report(&r, name);
	judge(&r);
	close_run(&r);
}

static bool wanted(const char *name)
{
	return strncmp(name, "refault-", 8) == 0 && !recorded_lru_gen(name);
}

static void test_refault(void **state)
{
	(void)state;
	if (!play_each(wanted, play_refault))
		skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_refault)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
