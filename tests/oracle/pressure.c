/* pressure.c -- real kernels ran out of memory: who woke, when, who was killed, and what was said.
 *
 * Plays $NUMABOX_ORACLE/traces/oom-* and kswapd-anon-*: the machine begins as before/ has it, a
 * task touches page after page on the CPU that the trace names for each of its faults, kswapd and
 * kcompactd run on virtual time. Compared with the trace: the node and order of each wake-up that a
 * request without room asked for, and the free pages of the woken node's zones then; the node of
 * each first wake-up by boost; that the daemons fail 16 rounds each; the rounds of direct reclaim;
 * who is killed, under which constraint, with how much memory; the report, line by line. How often
 * a raised mark alone wakes hangs on what lies in page sets and on when they are drained, which no
 * event tells: counted here, judged in wakes.c from the kernel's own past.
 */
#include "base/hosted/text.h"
#include "mm/buddy.h"
#include "mm/page_alloc.h"
#include "mm/vmstat.h"
#include "oom_lines.h"
#include "play.h"
#include "read/capture.h"
#include "read/machine.h"
#include "recorded_free.h"
#include "sim/daemons.h"
#include "view/oomreport.h"

#include <numabox/oom.h>
#include <numabox/reclaim.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_WAKES 256
#define PAGE UINT64_C(4096)
#define ZONES (RECORDED_NODES * NB_MAX_NR_ZONES)

struct wake {
	int nid;
	unsigned order;
	bool boost; /* asked for by no request */
	int64_t free[NB_MAX_NR_ZONES];
};

struct side {
	struct wake wake[MAX_WAKES];
	unsigned nr, rounds[RECORDED_NODES], direct, kills;
	bool reserve_helps; /* the victim's request, with what a victim may take */
};

struct run {
	struct nb_port port;
	struct nb_machine *machine;
	struct nb_capture *capture;
	struct nb_sim sim;
	struct recorded rec;
	struct recorded_free free;
	struct side theirs, ours;
	struct {
		uint8_t *cpu;
		int *pid;
		size_t n;
	} faults;
	uint64_t anon_pages; /* of the recorded victim */
	struct nb_oom_report report;
	struct nb_oom_task victim;
	struct nb_text text;
};

static void open_run(struct run *r, const char *path, const char *name)
{
	struct nb_read_options opt = {0};
	struct nb_error err = {0};
	char dir[1200];

	memset(r, 0, sizeof(*r));
	snprintf(dir, sizeof(dir), "%s/before", path);
	nb_port_posix(&r->port, false);
	if (nb_read_machine(&r->port, dir, &opt, &r->machine, &r->capture, &err))
		fail_msg("%s: %s", dir, err.text);
	if (nb_sim_open(&r->sim,
			&(struct nb_sim_begin){.machine = r->machine, .capture = r->capture}, &err))
		fail_msg("%s: %s", dir, err.text);
	assert_true(r->sim.observed);
	recorded_read(&r->rec, name, "work");
	recorded_free_begin(&r->free, r->sim.sys, name);
}

static void close_run(struct run *r)
{
	nb_text_release(&r->text);
	recorded_free(&r->rec);
	nb_sim_close(&r->sim);
	nb_capture_free(r->capture);
	nb_machine_free(r->machine);
	free(r->faults.cpu);
	free(r->faults.pid);
}

/* ---- what the trace tells ---- */

static void add_wake(struct side *s, uint64_t nid, uint64_t order, bool boost, const int64_t *free)
{
	struct wake *w = &s->wake[s->nr];

	assert_true(s->nr < MAX_WAKES && nid < RECORDED_NODES);
	s->nr++;
	*w = (struct wake){.nid = (int)nid, .order = (unsigned)order, .boost = boost};
	memcpy(w->free, free, sizeof(w->free));
}

static void hear_theirs(struct run *r, const struct rec_event *e)
{
	switch (e->kind) {
	case REC_ALLOC:
		if (e->worker && e->a[2] && !e->a[1]) {
			r->faults.pid[r->faults.n] = e->pid;
			r->faults.cpu[r->faults.n++] = e->cpu;
		}
		break;
	case REC_WAKEUP:
		add_wake(&r->theirs, e->a[0], e->a[1], !e->a[2], r->free.pages[e->a[0] & 3]);
		break;
	case REC_WAKE:
		r->theirs.rounds[e->a[0] & 3]++;
		break;
	case REC_DIRECT:
		r->theirs.direct++;
		break;
	case REC_KILL:
		r->theirs.kills++;
		break;
	default:
		break;
	}
}

static void read_trace(struct run *r)
{
	r->faults.cpu = nb_xcalloc(r->rec.nr + 1, 1);
	r->faults.pid = nb_xcalloc(r->rec.nr + 1, sizeof(*r->faults.pid));
	for (size_t i = 0; i < r->rec.nr; i++) {
		recorded_free_count(&r->free, r->sim.sys, &r->rec.ev[i]);
		hear_theirs(r, &r->rec.ev[i]);
	}
}

/* "Killed process 165 (work) ... anon-rss:368512kB". */
static void read_dmesg(struct run *r, const char *name)
{
	FILE *f = play_open(name, "dmesg", false);
	char line[1024];
	const char *s;

	while (f && fgets(line, sizeof(line), f)) {
		if (strstr(line, "Killed process") && (s = strstr(line, "anon-rss:")))
			r->anon_pages = strtoull(s + 9, NULL, 10) / 4;
	}
	if (f)
		fclose(f);
}

/* Would one page more come out of the zone for a task that was told to die? */
static bool victim_passes(const struct nb_zone *z, int64_t free_pages, uint64_t mark)
{
	return nb_zone_watermark_ok_free(z, 0, mark, NB_ZONE_MOVABLE, NB_ALLOC_OOM, free_pages);
}

/* The same in the zones of the recorded report. */
static bool reserve_helped(const struct run *r, const char *name)
{
	struct oom_zone zone[ZONES];
	unsigned n = oom_lines_zones(name, zone, ZONES);
	bool helps = false;

	assert_true(n > 0);
	for (unsigned i = 0; i < n; i++) {
		const struct nb_pgdat *p = nb_node_data(r->sim.sys, zone[i].nid);

		for (unsigned t = 0; p && t < NB_MAX_NR_ZONES; t++) {
			if (!strcmp(zone[i].zone, nb_zone_name((enum nb_zone_type)t)))
				helps |= victim_passes(&p->zone[t], zone[i].free,
						       (uint64_t)zone[i].min);
		}
	}
	return helps;
}

/* ---- what we do ---- */

static void hear(void *ctx, const struct nb_event *ev)
{
	struct run *r = ctx;
	struct nb_sink down = nb_recorder_sink(&r->sim.rec);
	int64_t free[NB_MAX_NR_ZONES] = {0};

	down.event(down.ctx, ev);
	if (ev->kind == NB_EV_MM_VMSCAN_WAKEUP_KSWAPD) {
		const struct nb_pgdat *p = nb_node_data(r->sim.sys, (int)ev->field[0]);

		for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++)
			free[t] = (int64_t)nb_zone_free_pages_snapshot(&p->zone[t]);
		add_wake(&r->ours, ev->field[0], ev->field[2], !ev->field[3], free);
	} else if (ev->kind == NB_EV_MM_VMSCAN_KSWAPD_WAKE) {
		r->ours.rounds[ev->field[0] & 3]++;
	} else if (ev->kind == NB_EV_MM_VMSCAN_DIRECT_RECLAIM_BEGIN) {
		r->ours.direct++;
	} else if (ev->kind == NB_EV_OOM_KILL) {
		r->ours.kills++;
	}
}

static void keep_report(void *ctx, const struct nb_oom_report *rep)
{
	struct run *r = ctx;
	struct nb_system *sys = r->sim.sys;

	r->report = *rep;
	if (rep->victim)
		r->victim = *rep->victim;
	nb_text_clear(&r->text);
	nb_oomreport_print(sys, rep, &r->text);
	r->ours.reserve_helps = false;
	for (unsigned i = 0; i < sys->nr_pgdat; i++) {
		for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++) {
			const struct nb_zone *z = &sys->pgdat[i]->zone[t];

			r->ours.reserve_helps |=
				z->managed_pages && victim_passes(z, (int64_t)nb_zone_free_pages(z),
								  nb_wmark_pages(z, NB_WMARK_MIN));
		}
	}
}

static void touch_on(struct run *r, struct nb_sim_task *t, uint64_t addr, int cpu)
{
	uint64_t n = 0;

	if (nb_task_cpu(t->task) != cpu) {
		struct nb_cpumask m;

		memset(&m, 0, sizeof(m));
		m.bits[cpu / 64] = UINT64_C(1) << (cpu % 64);
		assert_int_equal(nb_sched_setaffinity(t->task, &m), 0);
	}
	(void)nb_sim_run_due(&r->sim, t->clock_ns + 1);
	(void)nb_sim_touch_grain(t, &addr, addr + PAGE, true, &n);
}

static void listen(struct run *r)
{
	struct nb_sink sink = nb_recorder_sink(&r->sim.rec);

	sink.counted = (struct nb_event_set){{0}};
	sink.event = hear;
	sink.ctx = r;
	nb_system_set_sink(r->sim.sys, &sink);
	nb_oom_set_reporter(r->sim.sys, keep_report, r);
}

/* As the recorded program: one page after the other, on the CPUs of its faults, then on the last.
 */
static void play_work(struct run *r)
{
	uint64_t base, pages = 700 * 256;
	struct nb_sim_task *t;

	listen(r);
	assert_int_equal(nb_sim_task_new(&r->sim, r->faults.cpu[0], "work", &t), 0);
	assert_int_equal(nb_mmap(t->task, 0, pages * PAGE, 3, NB_MAP_NORESERVE, &base), 0);
	for (uint64_t i = 0; i < pages && nb_task_alive(t->task); i++)
		touch_on(r, t, base + i * PAGE,
			 r->faults.cpu[i < r->faults.n ? i : r->faults.n - 1]);
	assert_false(nb_task_alive(t->task));
	/* the daemons end what they are at */
	(void)nb_sim_run_due(&r->sim, r->sim.now_ns + 1000000000);
}

/* One program after the other, each with the pages and CPUs of its recorded faults, then a second
 * in which the daemons come to rest. */
static void play_programs(struct run *r)
{
	listen(r);
	for (size_t i = 0; i < r->faults.n;) {
		int pid = r->faults.pid[i];
		struct nb_sim_task *t;
		uint64_t addr;

		assert_int_equal(nb_sim_task_new(&r->sim, r->faults.cpu[i], "work", &t), 0);
		assert_int_equal(
			nb_mmap(t->task, 0, r->faults.n * PAGE, 3, NB_MAP_NORESERVE, &addr), 0);
		for (; i < r->faults.n && r->faults.pid[i] == pid; i++, addr += PAGE)
			touch_on(r, t, addr, r->faults.cpu[i]);
		assert_true(nb_task_alive(t->task));
		nb_sim_task_end(t);
		(void)nb_sim_run_due(&r->sim, r->sim.now_ns + 1000000000);
		nb_sim_set_now(&r->sim, r->sim.now_ns + 1000000000);
	}
}

/* ---- comparing ---- */

static unsigned without_boost(const struct side *s, struct wake *out)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->nr; i++) {
		if (!s->wake[i].boost)
			out[n++] = s->wake[i];
	}
	return n;
}

/* Nodes in the order in which they were first woken, for whatever reason: digits. */
static uint64_t first_nodes(const struct side *s)
{
	uint64_t order = 0, seen = 0;

	for (unsigned i = 0; i < s->nr; i++) {
		if (!(seen >> s->wake[i].nid & 1))
			order = order * 10 + (uint64_t)s->wake[i].nid + 1;
		seen |= UINT64_C(1) << s->wake[i].nid;
	}
	return order;
}

static void compare_kill(struct run *r, const char *name)
{
	assert_int_equal(r->ours.kills, r->theirs.kills);
	assert_int_equal(r->report.constraint, NB_CONSTRAINT_NONE);
	assert_string_equal(r->report.has_invoker ? "work" : "", "work");
	/* 16 retries without progress, then the kill; a victim that finds no page even in the
	 * reserve goes through them once more and fails */
	r->theirs.reserve_helps = reserve_helped(r, name);
	assert_int_equal(r->theirs.direct, r->theirs.reserve_helps ? 17 : 34);
	assert_int_equal(r->ours.direct, r->ours.reserve_helps ? 17 : 34);
	oom_lines_compare(name, r->text.s);
}

static void compare(struct run *r, const char *name)
{
	static struct wake a[MAX_WAKES], b[MAX_WAKES];
	unsigned n = without_boost(&r->theirs, a), m = without_boost(&r->ours, b);

	print_message(
		"# %s: wake-ups %u (%u by boost alone), ours %u (%u); rounds %u+%u, ours %u+%u; "
		"direct reclaim %u, ours %u; victim's pages %llu, ours %llu (%.3f)\n",
		name, n, r->theirs.nr - n, m, r->ours.nr - m, r->theirs.rounds[0],
		r->theirs.rounds[1], r->ours.rounds[0], r->ours.rounds[1], r->theirs.direct,
		r->ours.direct, (unsigned long long)r->anon_pages,
		(unsigned long long)r->victim.rss_anon,
		(double)r->victim.rss_anon / (double)r->anon_pages);
	assert_int_equal(m, n);
	assert_int_equal(first_nodes(&r->ours), first_nodes(&r->theirs));
	for (unsigned i = 0; i < n; i++) {
		const struct nb_pgdat *p = nb_node_data(r->sim.sys, a[i].nid);

		assert_int_equal(b[i].nid, a[i].nid);
		assert_int_equal(b[i].order, a[i].order);
		for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++) {
			/* a set is refilled by up to four batches at a time while memory is low */
			int64_t refills =
				p->zone[t].pageset_batch * INT64_C(4) * r->sim.sys->nr_cpus_online;
			int64_t diff = b[i].free[t] - a[i].free[t];

			if (a[i].free[t] || b[i].free[t])
				print_message("#   node %d zone %u: %lld free at the wake, ours "
					      "%lld\n",
					      a[i].nid, t, (long long)a[i].free[t],
					      (long long)b[i].free[t]);
			assert_in_range(diff + refills, 0, 2 * refills);
		}
	}
	for (unsigned nid = 0; nid < 2; nid++)
		assert_true(r->ours.rounds[nid] >= 16);
	compare_kill(r, name);
}

/* Free pages of the zone that fills (the largest), at the wake-ups that requests asked for. */
static void free_range(const struct side *s, unsigned zone, int64_t *low, int64_t *high)
{
	*low = INT64_MAX;
	*high = 0;
	for (unsigned i = 0; i < s->nr; i++) {
		if (s->wake[i].boost)
			continue;
		if (s->wake[i].free[zone] < *low)
			*low = s->wake[i].free[zone];
		if (s->wake[i].free[zone] > *high)
			*high = s->wake[i].free[zone];
	}
}

/* Page cache makes room: nobody is killed, one node's kswapd wakes for single pages. How often
 * depends on how fast the recorded machine was: reported. */
static void compare_cache(struct run *r, const char *name)
{
	uint64_t steal = nb_vm_event_sum(r->sim.sys, NB_VM_PGSTEAL_FILE);
	int64_t dropped = recorded_growth(name, "pgsteal_file");
	int64_t a, b, c, d;

	free_range(&r->theirs, NB_ZONE_DMA32, &a, &b);
	free_range(&r->ours, NB_ZONE_DMA32, &c, &d);
	print_message("# %s: wake-ups %u, ours %u; rounds %u, ours %u; direct reclaim %u, ours %u; "
		      "pages reclaimed %u, ours %llu (%.2f); free at the wakes %lld to %lld, ours "
		      "%lld to %lld\n",
		      name, r->theirs.nr, r->ours.nr, r->theirs.rounds[0], r->ours.rounds[0],
		      r->theirs.direct, r->ours.direct, (unsigned)dropped,
		      (unsigned long long)steal, (double)steal / (double)dropped, (long long)a,
		      (long long)b, (long long)c, (long long)d);
	assert_int_equal(r->ours.kills, 0);
	assert_true(r->ours.nr > 1);
	for (unsigned i = 0; i < r->ours.nr; i++) {
		assert_int_equal(r->ours.wake[i].nid, 0);
		assert_int_equal(r->ours.wake[i].order, 0);
	}
}

/* Files under pressure beside it: more than is free, not more than there is. */
static bool beside_cache(const char *name)
{
	return strstr(name, "kswapd-anon") != NULL;
}

static void play_one(const char *path, const char *name)
{
	bool cache = beside_cache(name);
	static struct run r;

	open_run(&r, path, name);
	read_trace(&r);
	read_dmesg(&r, name);
	assert_true(r.faults.n > 1000);
	if (strstr(name, "classic"))
		(void)nb_lru_gen_set_enabled(r.sim.sys, false);
	if (cache) {
		play_programs(&r);
		compare_cache(&r, name);
	} else {
		play_work(&r);
		compare(&r, name);
	}
	close_run(&r);
}

/* More memory than there is, no swap; or more than is free beside page cache. */
static bool wanted(const char *name)
{
	return beside_cache(name) || strncmp(name, "oom-n2", 6) == 0;
}

static void test_pressure(void **state)
{
	(void)state;
	if (!play_each(wanted, play_one))
		skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_pressure)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
