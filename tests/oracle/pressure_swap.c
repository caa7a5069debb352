/* pressure_swap.c -- a real kernel swapped: which slot each page went to, what came back with what.
 *
 * Plays $NUMABOX_ORACLE/traces/swap-n1-*: one task that writes to more memory than there is, reads
 * all of it, writes at random, reads an eighth often. Each recorded fault is a touch of ours; each
 * page that the recorded reclaim wrote out or freed, ours writes out or frees then, on that CPU, so
 * that slots, the read-ahead's window and the swap cache are judged given the kernel's own past:
 *   the pages that each fault reads from the device;
 *   at the end of each phase, page by page: in memory, or in which slot; slots in use.
 * What the machine had in memory before is a pool of pages that go out when the recorded kernel
 * wrote frames that nobody in the trace had asked for.
 */
#include "base/hosted/text.h"
#include "mm/fault.h"
#include "mm/lru.h"
#include "mm/page.h"
#include "mm/swap_area.h"
#include "mm/vmscan.h"
#include "mm/vmstat.h"
#include "play.h"
#include "read/capture.h"
#include "read/machine.h"
#include "recorded_wakes.h"

#include <numabox/reclaim.h>
#include <numabox/swap.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	FAR_SLOTS = 320,
	NEAR_SLOTS = 4,
	BATCHES_AHEAD = 3,
	FRAMES = 1 << 18,
	POOL_PAGES = 3000,
	PHASES = 5,
	FILLED = 1,
	READ = 2
};
#define PAGE UINT64_C(4096)
#define REGION UINT64_C(0x10000000)
#define NO_SLOT UINT32_MAX

struct tally {
	uint64_t faults, faults_equal, known, known_equal; /* known: of pages whose slot is */
	uint64_t freed, freed_equal;
	uint64_t slots, slots_equal;
};

struct run {
	struct nb_port port;
	struct nb_machine *machine;
	struct nb_capture *capture;
	struct nb_system *sys;
	struct nb_task *t, *others;
	uint64_t pages, pool, pool_used;
	struct recorded rec;
	size_t at;
	int pid;
	nb_pfn_t *bind;       /* [recorded frame]: ours */
	nb_pfn_t moved[4096]; /* ours whose recorded frames compaction emptied, not yet on a list */
	unsigned moved_first, moved_last;
	uint32_t *slot[PHASES]; /* [phase][page]: the recorded slot, NO_SLOT */
	unsigned phase;         /* the last one that is over */
	struct recorded_free free;
	struct recorded_wakes wakes;
	bool faulting, busy, differs;
	struct tally n;
};

static void open_run(struct run *r, const char *path, const char *name)
{
	struct nb_read_options opt = {.boot_fresh = true};
	struct nb_boot_options boot = {0};
	struct nb_error err = {0};
	char dir[1200];

	memset(r, 0, sizeof(*r));
	snprintf(dir, sizeof(dir), "%s/before", path);
	nb_port_posix(&r->port, false);
	if (nb_read_machine(&r->port, dir, &opt, &r->machine, &r->capture, &err) ||
	    nb_system_boot(&r->port, r->machine, &boot, &r->sys, &err))
		fail_msg("%s: %s", dir, err.text);
	(void)nb_lru_gen_set_enabled(r->sys, recorded_lru_gen(name));
	r->bind = nb_xcalloc(FRAMES, sizeof(*r->bind));
	memset(r->bind, 0xff, FRAMES * sizeof(*r->bind));
}

static void close_run(struct run *r)
{
	nb_system_shutdown(r->sys);
	nb_capture_free(r->capture);
	nb_machine_free(r->machine);
	recorded_free(&r->rec);
	free(r->bind);
	recorded_wakes_release(&r->wakes);
	for (unsigned i = 0; i < PHASES; i++)
		free(r->slot[i]);
}

/* ---- reclaim, as recorded ---- */

static struct nb_page *ours(struct run *r, uint64_t frame, struct nb_zone **ret_zone)
{
	nb_pfn_t pfn = frame < FRAMES ? r->bind[frame] : NB_NO_PFN;

	return pfn == NB_NO_PFN ? NULL : nb_pfn_to_page(r->sys, pfn, ret_zone);
}

/* A frame that was in use before the trace began: one of the pool. */
static struct nb_page *from_pool(struct run *r, uint64_t frame, struct nb_zone **ret_zone)
{
	if (frame >= FRAMES || r->pool_used == POOL_PAGES)
		return NULL;
	r->bind[frame] = nb_task_pfn(r->others, r->pool + r->pool_used++ * PAGE);
	return ours(r, frame, ret_zone);
}

static void reclaim(struct run *r, struct nb_zone *z, struct nb_page *page, int cpu)
{
	nb_lru_add_drain_all(r->sys);
	if (nb_lru_isolate(r->sys, z, page))
		(void)nb_reclaim_page(r->sys, z, page, cpu);
	nb_swap_poll(r->sys, true);
}

/* The recorded slot of a page of the region that goes out now: where the next phase finds it. */
static uint32_t slot_told(const struct run *r, const struct nb_page *page)
{
	uint64_t i = nb_page_index(page) - REGION / PAGE;

	if (!page->mapcount || nb_page_flags(page) & PG_SWAPCACHE || r->phase + 1 >= PHASES ||
	    nb_page_index(page) < REGION / PAGE || i >= r->pages)
		return NO_SLOT;
	return r->slot[r->phase + 1][i];
}

/* The page in that slot, if it is one of the pool, gives it up. */
static void clear_slot(struct run *r, uint32_t slot)
{
	for (uint64_t i = 0; i < r->pool_used; i++) {
		uint64_t at;
		unsigned area;

		if (nb_task_swap_slot(r->others, r->pool + i * PAGE, &area, &at) && at == slot)
			(void)nb_munmap(r->others, r->pool + i * PAGE, PAGE);
	}
}

static int find_entry(const nb_swp_t *e, unsigned nr, uint32_t slot)
{
	for (unsigned i = 0; i < nr; i++) {
		if (nb_swp_slot(e[i]) == slot)
			return (int)i;
	}
	return -1;
}

static void exchange_batches(struct nb_swap_cpu *a, struct nb_swap_cpu *b)
{
	struct nb_swap_cpu old = *a;

	memcpy(a->slots, b->slots, sizeof(a->slots));
	a->first = b->first;
	a->nr = b->nr;
	memcpy(b->slots, old.slots, sizeof(b->slots));
	b->first = old.first;
	b->nr = old.nr;
}

/* Fetches slots if the CPU has none. */
static struct nb_swap_cpu *batch_of(struct run *r, int cpu)
{
	struct nb_swap_dropped dropped = {.nr = 0};
	struct nb_swap_cpu *c = r->sys->swap->cpu[cpu];

	if (c && c->nr)
		return c;
	assert_int_not_equal(nb_swap_take_slot(r->sys, cpu, &dropped), 0);
	c = r->sys->swap->cpu[cpu];
	c->first--;
	c->nr++;
	return c;
}

/* The slot waits in a CPU's batch: if another's, the two were fetched in the other order; what lies
 * before it went to somebody whom no event names. */
static bool from_batches(struct run *r, struct nb_swap_cpu *c, uint32_t slot)
{
	for (unsigned k = 0; k < r->sys->nr_cpus_online; k++) {
		struct nb_swap_cpu *other = r->sys->swap->cpu[k];
		int i = other ? find_entry(other->slots + other->first, other->nr, slot) : -1;

		if (i < 0)
			continue;
		if (i > NEAR_SLOTS) { /* one page out of turn */
			nb_swp_t e = other->slots[other->first + i];

			other->slots[other->first + i] = c->slots[c->first];
			c->slots[c->first] = e;
			return true;
		}
		if (other != c)
			exchange_batches(c, other);
		c->first += (unsigned)i;
		c->nr -= (unsigned)i;
		return true;
	}
	return false;
}

/* A page of the pool has it, that went out on another CPU or not at all. */
static bool from_pool_page(struct run *r, struct nb_swap_cpu *c, uint32_t slot)
{
	if (!c->first)
		return false;
	clear_slot(r, slot);
	for (unsigned k = 0; k < r->sys->nr_cpus_online; k++) {
		struct nb_swap_cpu *other = r->sys->swap->cpu[k];
		int i = other ? find_entry(other->returned, other->nr_returned, slot) : -1;

		if (i < 0)
			continue;
		c->slots[--c->first] = other->returned[i];
		c->nr++;
		other->returned[i] = other->returned[--other->nr_returned];
		return true;
	}
	return false;
}

/* Nobody has it, where ours are ahead or behind by more than that. */
static void from_area(struct run *r, struct nb_swap_cpu *c, uint32_t slot)
{
	struct nb_swap_area *a = r->sys->swap->area[0];

	if (a->map[slot] || !c->first)
		return;
	a->map[slot] = NB_SWAP_MAP_MAX;
	a->nr_free--;
	r->sys->swap->nr_free--;
	c->slots[--c->first] = nb_swp_make(0, slot);
	c->nr++;
}

/* Would our CPU give out the recorded slot next? If not (what went out before has slots that no
 * phase tells, and daemons move between CPUs), ours is brought to it, and a difference counted. */
static void aim(struct run *r, uint32_t slot, int cpu)
{
	struct nb_swap_cpu *c = batch_of(r, cpu);

	if (r->phase && llabs((int64_t)slot - (int64_t)nb_swp_slot(c->slots[c->first])) > FAR_SLOTS)
		return; /* it went out once more, later */
	r->n.slots++;
	if (nb_swp_slot(c->slots[c->first]) == slot) {
		r->n.slots_equal++;
		return;
	}
	for (unsigned batches = 0; batches < BATCHES_AHEAD; batches++) {
		if (from_batches(r, c, slot) || from_pool_page(r, c, slot))
			return;
		if (slot < nb_swp_slot(c->slots[c->first]) ||
		    slot - nb_swp_slot(c->slots[c->first]) > BATCHES_AHEAD * NB_SWAP_SLOTS_CACHE)
			break;
		/* another CPU fetched first, and this is its batch */
		for (unsigned k = 0; c->nr && k < r->sys->nr_cpus_online; k++) {
			struct nb_swap_cpu *other = r->sys->swap->cpu[k];

			if (other && !other->nr)
				exchange_batches(c, other);
		}
		c->nr = 0;
		c = batch_of(r, cpu);
	}
	from_area(r, c, slot);
}

static void write_out(struct run *r, const struct rec_event *e)
{
	struct nb_zone *z = NULL;
	struct nb_page *page = ours(r, e->a[0], &z);
	int cpu = e->cpu;
	uint32_t slot;
	uint64_t addr, n, got = 0;
	unsigned area;

	if (!page)
		page = from_pool(r, e->a[0], &z);
	if (!page)
		return;
	/* it is in a slot and goes there again: the task had written to it without a fault */
	if (nb_page_flags(page) & PG_SWAPCACHE && page->mapcount)
		(void)nb_touch(r->t, nb_page_index(page) * PAGE, PAGE, true, &n);
	slot = slot_told(r, page);
	addr = nb_page_index(page) * PAGE;
	if (slot != NO_SLOT)
		aim(r, slot, cpu);
	reclaim(r, z, page, cpu);
	(void)nb_task_swap_slot(r->t, addr, &area, &got);
}

static void give_free(struct run *r, const struct rec_event *e)
{
	struct nb_zone *z = NULL;
	struct nb_page *page = e->a[1] ? NULL : ours(r, e->a[0], &z);

	if (!page && e->kcompactd && !e->a[1])
		r->moved[r->moved_last++ % 4096] = NB_NO_PFN;
	if (!page)
		return;
	if (e->kcompactd) {
		r->moved[r->moved_last++ % 4096] = r->bind[e->a[0]];
		r->bind[e->a[0]] = NB_NO_PFN;
		return;
	}
	r->bind[e->a[0]] = NB_NO_PFN;
	r->n.freed++;
	reclaim(r, z, page, e->cpu);
	r->n.freed_equal += !(nb_page_flags(page) & PG_ALLOCATED);
}

/* ---- faults ---- */

static bool is_fault(const struct run *r, const struct rec_event *e)
{
	return e->kind == REC_FAULT && e->pid == r->pid && e->a[0] >= REGION &&
	       e->a[0] < REGION + r->pages * PAGE;
}

static void apply(struct run *r, const struct rec_event *e)
{
	recorded_free_count(&r->free, r->sys, e);
	recorded_wakes_event(&r->wakes, (size_t)(e - r->rec.ev));
	if (e->kind == REC_WRITE) {
		write_out(r, e);
	} else if (e->kind == REC_FREE) {
		give_free(r, e);
	} else if (e->kind == REC_COMPACT) {
		r->moved_first = r->moved_last;
	} else if (e->kind == REC_INSERT && e->kcompactd && e->a[1] < NB_LRU_INACTIVE_FILE &&
		   e->a[0] < FRAMES && r->bind[e->a[0]] == NB_NO_PFN) {
		if (r->moved_first != r->moved_last)
			r->bind[e->a[0]] = r->moved[r->moved_first++ % 4096];
	} else if (e->kind == REC_ALLOC && e->a[0] < FRAMES) {
		r->bind[e->a[0]] = NB_NO_PFN;
		if (e->pid == r->pid && e->a[2] && r->faulting) {
			r->differs = true; /* one more than ours */
		}
	}
}

/* Ours has a frame for a page: the trace goes on to the recorded request for it. */
static void next_page(struct run *r, nb_pfn_t pfn)
{
	r->busy = true;
	for (; r->at < r->rec.nr; r->at++) {
		const struct rec_event *e = &r->rec.ev[r->at];

		if (is_fault(r, e)) {
			r->differs = true; /* one more than recorded */
			break;
		}
		if (e->kind == REC_ALLOC && e->pid == r->pid && e->a[2]) {
			if (e->a[0] < FRAMES)
				r->bind[e->a[0]] = pfn;
			recorded_wakes_request(&r->wakes);
			r->at++;
			break;
		}
		apply(r, e);
	}
	r->busy = false;
}

static void hear(void *ctx, const struct nb_event *ev)
{
	struct run *r = ctx;

	/* the engine has done all that this event tells of: others may act now */
	if (r->faulting && !r->busy && ev->field[0] != NB_NO_PFN &&
	    ev->field[2] & NB_GFP_BIT_MOVABLE)
		next_page(r, ev->field[0]);
}

static void fault(struct run *r, const struct rec_event *e)
{
	uint64_t n;

	r->at++;
	r->faulting = true;
	r->differs = false;
	(void)nb_touch(r->t, e->a[0], PAGE, e->a[1] & 2, &n);
	r->n.faults++;
	/* until the next one: what the recorded fault did beyond ours */
	for (; r->at < r->rec.nr; r->at++) {
		const struct rec_event *next = &r->rec.ev[r->at];

		if ((next->kind == REC_FAULT && next->pid == r->pid) || next->kind == REC_MARK)
			break;
		apply(r, next);
	}
	r->faulting = false;
	r->n.faults_equal += !r->differs;
	if (r->phase == FILLED && r->slot[FILLED][(e->a[0] - REGION) / PAGE] != NO_SLOT) {
		r->n.known++;
		r->n.known_equal += !r->differs;
	}
}

/* ---- phases ---- */

static const char *const phase_name[PHASES] = {"0-empty", "1-filled", "2-read",
					       "3-rewritten-random", "4-hot-eighth"};

/* Slot of each page of the region, NO_SLOT where it is in memory. */
static uint32_t *read_pages(const char *name, unsigned phase, uint64_t pages)
{
	uint32_t *slot = nb_xcalloc(pages, sizeof(*slot));
	char file[128], line[256];
	FILE *f;

	snprintf(file, sizeof(file), "phases/%s/pages.tsv", phase_name[phase]);
	memset(slot, 0xff, pages * sizeof(*slot));
	f = play_open(name, file, false);
	while (f && fgets(line, sizeof(line), f)) {
		unsigned long long first, n, what;
		char state[16];

		if (sscanf(line, "A %llu %llu %15s %llu", &first, &n, state, &what) != 4 ||
		    strcmp(state, "swapped") != 0)
			continue;
		for (uint64_t i = 0; i < n && first + i < pages; i++)
			slot[first + i] = (uint32_t)(what + i);
	}
	if (f)
		fclose(f);
	return slot;
}

static uint64_t recorded_used(const char *name, unsigned phase)
{
	unsigned long long used = 0;
	char file[128], line[256];
	FILE *f;

	snprintf(file, sizeof(file), "phases/%s/proc/swaps", phase_name[phase]);
	f = play_open(name, file, false);
	while (f && fgets(line, sizeof(line), f))
		(void)sscanf(line, "/dev/%*s %*s %*u %llu", &used);
	if (f)
		fclose(f);
	return used / 4;
}

static void compare_phase(struct run *r, const char *name, unsigned phase)
{
	const uint32_t *theirs = r->slot[phase];
	uint64_t in_memory = 0, in_memory_too = 0, slots = 0, slots_too = 0, out = 0, out_too = 0;
	struct nb_swap_info info;

	assert_true(nb_swap_info(r->sys, 0, &info));
	for (uint64_t i = 0; i < r->pages; i++) {
		uint64_t addr = REGION + i * PAGE, slot = 0;
		unsigned area;
		bool is_out = nb_task_swap_slot(r->t, addr, &area, &slot);

		in_memory += theirs[i] == NO_SLOT;
		in_memory_too += theirs[i] == NO_SLOT && !is_out;
		out += theirs[i] != NO_SLOT;
		out_too += theirs[i] != NO_SLOT && is_out;
		slots += theirs[i] != NO_SLOT && is_out;
		slots_too += theirs[i] != NO_SLOT && is_out && slot == theirs[i];
	}
	print_message("# phase %s\n", phase_name[phase]);
	recorded_ratio("pages in memory", in_memory, in_memory_too);
	recorded_ratio("pages in slots", out, out_too);
	recorded_ratio("  the same slot", slots, slots_too);
	recorded_ratio("slots in use", recorded_used(name, phase), info.used_pages);
	if (phase > READ)
		return;
	/* what is written at random leaves no trace where it needs no fault: no more is judged */
	if (phase == FILLED) {
		assert_int_equal(out_too, out);
		assert_int_equal(slots_too, out);
		assert_int_equal(info.used_pages, recorded_used(name, phase));
		assert_in_range(r->n.slots_equal, r->n.slots - r->n.slots / 500, r->n.slots);
	}
	assert_in_range(in_memory_too, in_memory - in_memory / 500, in_memory);
	assert_in_range(info.used_pages * 100, recorded_used(name, phase) * 99,
			recorded_used(name, phase) * 101);
	r->phase = phase;
}

/* ---- one trace ---- */

static void begin(struct run *r)
{
	struct nb_swap_options opt = {
		.pages = 262144, .priority = NB_SWAP_PRIO_AUTO, .device = NB_SWAP_ROTATIONAL};
	uint64_t addr = REGION, n;
	unsigned area;

	assert_int_equal(nb_swapon(r->sys, &opt, &area), 0);
	assert_int_equal(nb_task_create(r->sys, 1, "others", &r->others), 0);
	assert_int_equal(nb_mmap(r->others, 0, POOL_PAGES * PAGE, 3, 0, &r->pool), 0);
	assert_int_equal(nb_touch(r->others, r->pool, POOL_PAGES * PAGE, true, &n), 0);
	assert_int_equal(nb_task_create(r->sys, 0, "swaptest", &r->t), 0);
	assert_int_equal(nb_mmap(r->t, REGION, r->pages * PAGE, 3, NB_MAP_FIXED, &addr), 0);
}

static void report(struct run *r, const char *name)
{
	const struct nb_lruvec *v = nb_node_data(r->sys, 0)->lruvec;

	print_message("# %s, all of it\n", name);
	recorded_ratio("faults that read alike", r->n.faults, r->n.faults_equal);
	recorded_ratio("  where slots are known", r->n.known, r->n.known_equal);
	recorded_wakes_report(&r->wakes, false);
	recorded_ratio("slots of pages that went out", r->n.slots, r->n.slots_equal);
	recorded_ratio("pages freed", r->n.freed, r->n.freed_equal);
	recorded_ratio("pswpout", (uint64_t)recorded_growth(name, "pswpout"),
		       nb_vm_event_sum(r->sys, NB_VM_PSWPOUT));
	recorded_ratio("pswpin", (uint64_t)recorded_growth(name, "pswpin"),
		       nb_vm_event_sum(r->sys, NB_VM_PSWPIN));
	recorded_ratio("pgmajfault", (uint64_t)recorded_growth(name, "pgmajfault"),
		       nb_vm_event_sum(r->sys, NB_VM_PGMAJFAULT));
	recorded_ratio("swap_ra", (uint64_t)recorded_growth(name, "swap_ra"),
		       nb_vm_event_sum(r->sys, NB_VM_SWAP_RA));
	recorded_ratio("swap_ra_hit", (uint64_t)recorded_growth(name, "swap_ra_hit"),
		       nb_vm_event_sum(r->sys, NB_VM_SWAP_RA_HIT));
	recorded_ratio("workingset_refault_anon",
		       (uint64_t)recorded_growth(name, "workingset_refault_anon"), v->refault[0]);
	recorded_ratio("workingset_activate_anon",
		       (uint64_t)recorded_growth(name, "workingset_activate_anon"), v->activate[0]);
}

static void judge(struct run *r)
{
	assert_true(r->n.known > 1000);
	assert_in_range(r->n.known_equal, r->n.known - r->n.known / 100, r->n.known);
	assert_in_range(r->n.freed_equal, r->n.freed - r->n.freed / 500, r->n.freed);
	recorded_wakes_judge(&r->wakes, false);
}

static void play_swap(const char *path, const char *name)
{
	struct nb_sink sink = {.event = hear};
	static struct run r;

	open_run(&r, path, name);
	recorded_read(&r.rec, name, "swaptest");
	for (size_t i = 0; i < r.rec.nr && !r.pid; i++)
		r.pid = r.rec.ev[i].worker ? r.rec.ev[i].pid : 0;
	r.pages = 28672;
	for (unsigned i = 0; i < PHASES; i++)
		r.slot[i] = read_pages(name, i, r.pages);
	recorded_free_begin(&r.free, r.sys, name);
	recorded_free_measure(&r.free, r.sys, &r.rec, name);
	recorded_wakes_begin(&r.wakes, r.sys, name, &r.rec, &r.free, NB_ZONE_MOVABLE);
	begin(&r);
	sink.ctx = &r;
	nb_event_set_add(&sink.wanted, NB_EV_MM_PAGE_ALLOC);
	nb_system_set_sink(r.sys, &sink);
	while (r.at < r.rec.nr) {
		const struct rec_event *e = &r.rec.ev[r.at];

		if (is_fault(&r, e)) {
			fault(&r, e);
			continue;
		}
		if (e->kind == REC_MARK && !e->a[1] && e->a[0] < PHASES)
			compare_phase(&r, name, (unsigned)e->a[0]);
		if (e->kind == REC_MARK && e->a[1] && e->a[0] == PHASES - 1)
			break;
		apply(&r, e);
		r.at++;
	}
	nb_system_set_sink(r.sys, NULL);
	report(&r, name);
	judge(&r);
	close_run(&r);
}

static bool wanted(const char *name)
{
	return strncmp(name, "swap-n1-", 8) == 0 && strstr(name, "-sw60");
}

static void test_swap(void **state)
{
	(void)state;
	if (!play_each(wanted, play_swap))
		skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_swap)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
