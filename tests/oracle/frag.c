/* frag.c -- a real kernel's memory was fragmented, then huge pages were asked for: who woke, when,
 * and what compaction did about it.
 *
 * Plays $NUMABOX_ORACLE/traces/frag-*: the machine begins as before/ has it; each recorded program
 * maps its region, touches it, gives three pages of four back and writes nr_hugepages, at the times
 * and on the CPUs that the trace names; kswapd and kcompactd run on virtual time. Compared with the
 * trace: node and order of each wake-up of kswapd, that every request wakes it until it has given
 * up, and how many huge pages come. The free pages at each wake-up and how often compaction was
 * asked are told side by side: they hang on which frames were free before, and on the rounds of the
 * vmstat worker. What the rules say of the kernel's own frames: frag_decisions.c.
 */
#include "base/hosted/text.h"
#include "mm/compaction.h"
#include "mm/page.h"
#include "mm/vmstat.h"
#include "play.h"
#include "read/capture.h"
#include "read/machine.h"
#include "sim/daemons.h"

#include <numabox/hugetlb.h>
#include <numabox/reclaim.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_WAKES 256
#define MAX_PROGRAMS 4
#define PAGE UINT64_C(4096)
#define HUGE 9u
#define HUGE_PAGES (1u << HUGE)
#define HUGE_FRAMES 4096
#define MIN_FAULTS 1000 /* a program that has so many has begun on its region */
#define POOL "/proc/sys/vm/nr_hugepages"

/* When and where something was done, and the page's frame. */
struct moment {
	uint64_t ns;
	nb_pfn_t pfn;
	int cpu;
};

struct moments {
	struct moment *at;
	size_t n, cap;
};

/* One recorded program. */
struct program {
	int pid;
	struct moments fault, given, huge;
	uint64_t end_ns; /* the pool is emptied */
};

struct wake {
	int nid;
	unsigned order;
	int64_t free[NB_MAX_NR_ZONES];
};

struct side {
	struct wake wake[MAX_WAKES];
	unsigned nr, rounds, asked, huge;
};

struct run {
	struct nb_port port;
	struct nb_machine *machine;
	struct nb_capture *capture;
	struct nb_sim sim;
	struct side theirs, ours;
	struct program program[MAX_PROGRAMS];
	unsigned nr;
	uint64_t begin_ns, base_ns;    /* of the trace; of our time then */
	int64_t free[NB_MAX_NR_ZONES]; /* of node 0, rebuilt */
	bool taken[HUGE_FRAMES];       /* huge pages off the free lists, by an event */
	nb_pfn_t last_pfn;             /* handed out by ours */
};

static void add(struct moments *m, uint64_t ns, int cpu, const char *event)
{
	const char *pfn = strstr(event, "pfn=0x");

	if (m->n == m->cap) {
		m->cap = m->cap ? 2 * m->cap : 4096;
		m->at = nb_xrealloc(m->at, m->cap, sizeof(*m->at));
	}
	m->at[m->n++] = (struct moment){ns, pfn ? strtoull(pfn + 6, NULL, 16) : 0, cpu};
}

static void open_run(struct run *r, const char *path)
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
	for (int t = 0; t < NB_MAX_NR_ZONES; t++) {
		struct nb_zone_info z;

		if (!nb_zone_info(r->sim.sys, 0, (enum nb_zone_type)t, &z))
			r->free[t] = (int64_t)z.free_pages;
	}
	r->base_ns = r->sim.now_ns;
}

/* ---- what the trace tells ---- */

static void count(struct run *r, nb_pfn_t pfn, int64_t pages)
{
	struct nb_zone *z;

	if (nb_pfn_to_page(r->sim.sys, pfn, &z))
		r->free[z->type] += pages;
}

/* Free pages as they come and go. Claimed blocks (6.12.y) and those that compaction takes have
 * events of their own; a huge page that no event took was captured. */
static void count_free(struct run *r, const char *event, const char *s)
{
	unsigned long long pfn, end;
	unsigned order, n, scanned;

	if (sscanf(s, " range=(0x%llx ~ 0x%llx) nr_scanned=%u nr_taken=%u", &pfn, &end, &scanned,
		   &n) == 4) {
		if (strstr(event, "isolate_freepages"))
			count(r, pfn, -(int64_t)n);
		return;
	}
	if (sscanf(s, " pfn=0x%llx order=%u", &pfn, &order) != 2 &&
	    sscanf(s, " pfn=0x%llx alloc_order=%u", &pfn, &order) != 2)
		return;
	if (!strncmp(event, "mm_page_alloc_zone_locked:", 26) ||
	    !strncmp(event, "mm_page_alloc_extfrag:", 22)) {
		count(r, pfn, -(INT64_C(1) << order));
		r->taken[pfn / HUGE_PAGES % HUGE_FRAMES] |= order == HUGE;
	} else if (!strncmp(event, "mm_page_pcpu_drain:", 19) ||
		   (!strncmp(event, "mm_page_free:", 13) &&
		    !nb_pcp_allowed_order(r->sim.sys, order))) {
		count(r, pfn, INT64_C(1) << order);
		r->taken[pfn / HUGE_PAGES % HUGE_FRAMES] = false;
	} else if (!strncmp(event, "mm_page_alloc:", 14) && order == HUGE) {
		if (!r->taken[pfn / HUGE_PAGES % HUGE_FRAMES])
			count(r, pfn, -(int64_t)HUGE_PAGES);
		r->taken[pfn / HUGE_PAGES % HUGE_FRAMES] = true;
	}
}

static void add_wake(struct side *s, int nid, unsigned order, const int64_t *free)
{
	struct wake *w = &s->wake[s->nr++];

	assert_true(s->nr < MAX_WAKES);
	*w = (struct wake){.nid = nid, .order = order};
	memcpy(w->free, free, sizeof(w->free));
}

static struct program *program_of(struct run *r, int pid)
{
	for (unsigned i = 0; i < r->nr; i++)
		if (r->program[i].pid == pid)
			return &r->program[i];
	assert_true(r->nr < MAX_PROGRAMS);
	r->program[r->nr].pid = pid;
	return &r->program[r->nr++];
}

static void read_work(struct run *r, const char *event, const char *s, int pid, uint64_t ns,
		      int cpu)
{
	struct program *p = program_of(r, pid);

	if (!strncmp(event, "mm_page_alloc:", 14)) {
		if (strstr(s, "order=9"))
			add(&p->huge, ns, cpu, s);
		else if (!p->huge.n && strstr(s, "__GFP_ZERO") && strstr(s, "HIGHUSER_MOVABLE"))
			add(&p->fault, ns, cpu, s);
	} else if (!strncmp(event, "mm_page_free_batched:", 21) && !p->huge.n &&
		   p->fault.n > MIN_FAULTS) {
		add(&p->given, ns, cpu, s);
	} else if (!strncmp(event, "mm_page_free:", 13) && strstr(s, "order=9") && !p->end_ns) {
		p->end_ns = ns;
	}
}

static void read_event(struct run *r, const char *event, const char *comm, int pid, uint64_t ns,
		       int cpu)
{
	const char *s = strchr(event, ':') + 1;
	unsigned order;
	int nid;

	if (!r->begin_ns)
		r->begin_ns = ns;
	count_free(r, event, s);
	if (sscanf(event, "mm_vmscan_wakeup_kswapd: nid=%d order=%u", &nid, &order) == 2)
		add_wake(&r->theirs, nid, order, r->free);
	else if (!strncmp(event, "mm_vmscan_kswapd_wake:", 22))
		r->theirs.rounds++;
	else if (!strncmp(event, "mm_compaction_try_to_compact_pages:", 35))
		r->theirs.asked++;
	if (!strcmp(comm, "work"))
		read_work(r, event, s, pid, ns, cpu);
}

static void read_trace(struct run *r, const char *name)
{
	FILE *f = play_open(name, "trace.gz", true);
	char line[1024];

	while (f && fgets(line, sizeof(line), f)) {
		char comm[64], flags[16], event[512];
		char *dash = strstr(line, " [");
		int pid, cpu;
		double t;

		if (!dash || line[0] == '#')
			continue;
		while (dash > line && *dash != '-')
			dash--;
		if (sscanf(dash, "-%d [%d] %15s %lf: %511[^\n]", &pid, &cpu, flags, &t, event) ==
			    5 &&
		    sscanf(line, " %63[^-]", comm) == 1)
			read_event(r, event, comm, pid, (uint64_t)(t * 1e9), cpu);
	}
	if (f)
		pclose(f);
	for (unsigned i = 0; i < r->nr; i++)
		r->theirs.huge += (unsigned)r->program[i].huge.n;
}

/* ---- what we do ---- */

static void hear(void *ctx, const struct nb_event *ev)
{
	struct run *r = ctx;
	struct nb_sink down = nb_recorder_sink(&r->sim.rec);
	int64_t free[NB_MAX_NR_ZONES];

	down.event(down.ctx, ev);
	if (ev->kind == NB_EV_MM_PAGE_ALLOC && !ev->field[1]) {
		r->last_pfn = ev->field[0];
	} else if (ev->kind == NB_EV_MM_VMSCAN_WAKEUP_KSWAPD) {
		const struct nb_pgdat *p = nb_node_data(r->sim.sys, (int)ev->field[0]);

		for (unsigned t = 0; t < NB_MAX_NR_ZONES; t++)
			free[t] = (int64_t)atomic_load(&p->zone[t].nr_free_pages);
		add_wake(&r->ours, (int)ev->field[0], (unsigned)ev->field[2], free);
	} else if (ev->kind == NB_EV_MM_VMSCAN_KSWAPD_WAKE) {
		r->ours.rounds++;
	} else if (ev->kind == NB_EV_MM_COMPACTION_TRY_TO_COMPACT) {
		r->ours.asked++;
	}
}

/* It is `ns` of the trace; the task is on `cpu`. */
static void come_to(struct run *r, struct nb_sim_task *t, uint64_t ns, int cpu)
{
	uint64_t now = r->base_ns + ns - r->begin_ns;

	if (t && nb_task_cpu(t->task) != cpu) {
		struct nb_cpumask m;

		memset(&m, 0, sizeof(m));
		m.bits[cpu / 64] = UINT64_C(1) << (cpu % 64);
		assert_int_equal(nb_sched_setaffinity(t->task, &m), 0);
	}
	if (t && t->clock_ns < now)
		t->clock_ns = now;
	(void)nb_sim_run_due(&r->sim, now);
	nb_sim_set_now(&r->sim, now);
}

/* Which of four neighbours stays, so that it lies in its four frames where the recorded one does:
 * which frames were free before no report says, and an asynchronous scanner looks at every 32nd. */
static unsigned which_stays(const struct program *p, const nb_pfn_t *pfn, uint64_t first,
			    uint64_t pages)
{
	unsigned theirs[4] = {0}, best = 0, stays = 0, frame = 0;

	for (uint64_t i = 0; i < pages; i += 4)
		theirs[p->fault.at[first + i].pfn % 4]++;
	for (unsigned k = 1; k < 4; k++)
		frame = theirs[k] > theirs[frame] ? k : frame;
	for (unsigned k = 0; k < 4; k++) {
		unsigned n = 0;

		for (uint64_t i = k; i < pages; i += 4)
			n += pfn[first + i] % 4 == frame;
		if (n > best) {
			best = n;
			stays = k;
		}
	}
	return stays;
}

/* Touches what the program touched and gives three of four pages of its region back, in the
 * recorded order. Its stack and library were touched first, and a little last. */
static void fragment(struct run *r, const struct program *p, struct nb_sim_task *t, uint64_t addr)
{
	uint64_t pages = p->fault.n / 256 * 256, late = 0, first, next;
	nb_pfn_t *pfn = nb_xcalloc(p->fault.n, sizeof(*pfn));
	unsigned stays = 4;
	size_t i = 0, j = 0;

	while (late < p->fault.n && p->fault.at[p->fault.n - 1 - late].ns > p->given.at[0].ns)
		late++;
	first = next = p->fault.n - late - pages;
	while (i < p->fault.n || j < p->given.n) {
		bool touch = j == p->given.n ||
			     (i < p->fault.n && p->fault.at[i].ns < p->given.at[j].ns);
		const struct moment *m = touch ? &p->fault.at[i] : &p->given.at[j];
		uint64_t at = addr + i * PAGE, n = 0;

		come_to(r, t, m->ns, m->cpu);
		if (touch) {
			assert_int_equal(nb_sim_touch_grain(t, &at, at + PAGE, true, &n), 0);
			pfn[i++] = r->last_pfn;
			continue;
		}
		if (!j++)
			stays = which_stays(p, pfn, first, pages);
		next += (next - first) % 4 == stays;
		if (next < first + pages)
			assert_int_equal(
				nb_madvise(t->task, addr + next++ * PAGE, PAGE, NB_MADV_DONTNEED),
				0);
	}
	assert_in_range(next, first + pages - 4, first + pages);
	free(pfn);
}

/* Each page as it was got; the next is tried at once. */
static void fill_pool(struct run *r, const struct program *p, struct nb_sim_task *t)
{
	struct nb_hugetlb_info info;
	unsigned pool = 0;
	char text[24];

	for (size_t i = 0; i < p->huge.n; i++) {
		const struct moment *m = &p->huge.at[i];

		come_to(r, t, i ? p->huge.at[i - 1].ns : m->ns, m->cpu);
		snprintf(text, sizeof(text), "%zu", i + 1);
		assert_int_equal(nb_sysfs_write(r->sim.sys, t->task, POOL, text), 0);
	}
	while (nb_hugetlb_info(r->sim.sys, pool, NB_NO_NODE, &info) && !info.is_default)
		pool++;
	r->ours.huge += (unsigned)info.nr;
}

static void play_program(struct run *r, const struct program *p)
{
	struct nb_sim_task *t;
	uint64_t addr;

	assert_int_equal(nb_sim_task_new(&r->sim, p->fault.at[0].cpu, "work", &t), 0);
	assert_int_equal(nb_mmap(t->task, 0, p->fault.n * PAGE, 3, 0, &addr), 0);
	fragment(r, p, t, addr);
	fill_pool(r, p, t);
	come_to(r, t, p->end_ns, p->huge.at[p->huge.n - 1].cpu);
	assert_int_equal(nb_sysfs_write(r->sim.sys, t->task, POOL, "0"), 0);
	nb_sim_task_end(t);
}

/* ---- comparing ---- */

static void compare(const struct run *r, const char *name)
{
	const struct side *a = &r->theirs, *b = &r->ours;
	unsigned more = a->nr > b->nr ? a->nr : b->nr;

	print_message("# %s: wake-ups %u, ours %u; rounds %u, ours %u; compaction for %u, ours %u; "
		      "huge pages %u, ours %u\n",
		      name, a->nr, b->nr, a->rounds, b->rounds, a->asked, b->asked, a->huge,
		      b->huge);
	for (unsigned i = 0; i < more; i++) {
		const struct wake *w[] = {i < a->nr ? &a->wake[i] : NULL,
					  i < b->nr ? &b->wake[i] : NULL};

		print_message("#   wake-up %u: %lld pages free, ours %lld\n", i,
			      w[0] ? (long long)w[0]->free[NB_ZONE_DMA32] : 0,
			      w[1] ? (long long)w[1]->free[NB_ZONE_DMA32] : 0);
		for (unsigned k = 0; k < 2; k++) {
			assert_int_equal(w[k] ? w[k]->nid : 0, 0);
			assert_int_equal(w[k] ? w[k]->order : HUGE, HUGE);
		}
	}
	/* every request wakes it until 16 rounds were in vain; one may come while it still runs */
	assert_in_range(a->nr, 16, 18);
	assert_in_range(b->nr, 16, 18);
	assert_int_equal(a->rounds, a->nr);
	assert_int_equal(b->rounds, b->nr);
	/* how many whole blocks there are hangs on the frames that were free before */
	assert_in_range(b->huge, a->huge - 2, a->huge);
	assert_true(b->asked >= a->asked / 2);
}

static void play_one(const char *path, const char *name)
{
	struct nb_sink sink;
	struct run r;

	open_run(&r, path);
	read_trace(&r, name);
	assert_true(r.nr > 0);
	if (strstr(name, "classic"))
		(void)nb_lru_gen_set_enabled(r.sim.sys, false);
	sink = nb_recorder_sink(&r.sim.rec);
	sink.counted = (struct nb_event_set){{0}};
	sink.event = hear;
	sink.ctx = &r;
	nb_system_set_sink(r.sim.sys, &sink);
	for (unsigned i = 0; i < r.nr; i++)
		play_program(&r, &r.program[i]);
	compare(&r, name);
	nb_sim_close(&r.sim);
	nb_capture_free(r.capture);
	nb_machine_free(r.machine);
	for (unsigned i = 0; i < r.nr; i++) {
		free(r.program[i].fault.at);
		free(r.program[i].given.at);
		free(r.program[i].huge.at);
	}
}

static bool wanted(const char *name)
{
	return strncmp(name, "frag-", 5) == 0;
}

static void test_frag(void **state)
{
	(void)state;
	if (!play_each(wanted, play_one))
		skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_frag)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
