/* dirty.c -- how much memory may be dirty, and who has to wait when there is more.
 *
 * Called by whoever makes pages of files dirty (nb_balance_dirty()), by the flusher
 * (nb_dirty_state()) and the page allocator (nb_node_dirty_ok()). A task that dirties above the
 * middle of the background limit and the limit is held back, the harder the nearer the limit is.
 * The rate that it is held to is the disk's own times the kernel's position ratio; the kernel's
 * estimates of the disk's speed and of each task's share are left out (docs/deviations.md). Units:
 * pages, ns. Source: mm/page-writeback.c, global_dirtyable_memory(), domain_dirty_limits(),
 * node_dirty_limit(), pos_ratio_polynom(), balance_dirty_pages(); facts 7.7.
 */
#include "mm/writeback.h"

#include "mm/file_event.h"
#include "mm/lru.h"
#include "mm/oom.h"
#include "mm/page_alloc.h"

#define NS_PER_S UINT64_C(1000000000)
#define MAX_PAUSE_NS (NS_PER_S / 5)
#define FIRST_PAUSE_BYTES (32u << 10) /* dirtied by a task before it looks for the first time */
#define RATIO_SHIFT 10                /* RATELIMIT_CALC_SHIFT */
#define MAX_VAIN_WAITS 50u

static uint64_t load(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static void add_node(const struct nb_pgdat *p, struct nb_dirty_sums *s)
{
	for (unsigned i = 0; i < NB_MAX_NR_ZONES; i++) {
		const struct nb_zone *z = &p->zone[i];

		s->free_pages += load(&z->nr_free_pages);
		s->dirty += load(&z->nr_dirty);
		s->writeback += load(&z->nr_writeback);
		s->file_lru += nb_zone_lru_pages(z, NB_LRU_INACTIVE_FILE) +
			       nb_zone_lru_pages(z, NB_LRU_ACTIVE_FILE);
	}
}

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

void nb_dirty_sum(const struct nb_system *sys, struct nb_dirty_sums *ret_sums)
{
	*ret_sums = (struct nb_dirty_sums){0};
	for (unsigned i = 0; i < sys->nr_pgdat; i++)
		add_node(sys->pgdat[i], ret_sums);
}

/* High memory is not to be dirtied. Source: highmem_dirtyable_memory(). */
static uint64_t high_dirtyable(const struct nb_system *sys, uint64_t total)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < sys->nr_pgdat; i++) {
		for (unsigned t = NB_ZONE_HIGHMEM; t <= NB_ZONE_MOVABLE; t++) {
			const struct nb_zone *z = &sys->pgdat[i]->zone[t];

			if (!z->managed_pages ||
			    (t == NB_ZONE_MOVABLE && sys->movable_zone != NB_ZONE_HIGHMEM))
				continue;
			sum += less(load(&z->nr_free_pages), nb_wmark_pages(z, NB_WMARK_HIGH)) +
			       nb_zone_lru_pages(z, NB_LRU_INACTIVE_FILE) +
			       nb_zone_lru_pages(z, NB_LRU_ACTIVE_FILE);
		}
	}
	return sum < total ? sum : total;
}

static void limits_of(const struct nb_system *sys, const struct nb_dirty_sums *s,
		      struct nb_dirty_limits *r)
{
	const struct nb_tunables *tune = &sys->tune;
	uint64_t page = UINT64_C(1) << sys->page_shift, x;
	uint64_t ratio = tune->dirty_ratio * page / 100;
	uint64_t bg_ratio = tune->dirty_background_ratio * page / 100;

	x = less(s->free_pages, sys->totalreserve_pages) + s->file_lru;
	x = x - high_dirtyable(sys, x) + 1;
	r->dirtyable = x;
	r->thresh = tune->dirty_bytes ? (tune->dirty_bytes + page - 1) / page : ratio * x / page;
	r->background = tune->dirty_background_bytes
				? (tune->dirty_background_bytes + page - 1) / page
				: bg_ratio * x / page;
	if (r->background >= r->thresh)
		r->background = r->thresh / 2;
}

void nb_dirty_limits(const struct nb_system *sys, struct nb_dirty_limits *ret)
{
	struct nb_dirty_sums s;

	nb_dirty_sum(sys, &s);
	limits_of(sys, &s, ret);
}

void nb_writeback_limits(const struct nb_system *sys, uint64_t *ret_thresh,
			 uint64_t *ret_background)
{
	struct nb_dirty_limits lim;

	nb_dirty_limits(sys, &lim);
	if (ret_thresh)
		*ret_thresh = lim.thresh;
	if (ret_background)
		*ret_background = lim.background;
}

uint64_t nb_node_dirty_limit(const struct nb_system *sys, const struct nb_pgdat *pgdat)
{
	struct nb_dirty_limits all;
	uint64_t page = UINT64_C(1) << sys->page_shift, mine;
	struct nb_dirty_sums s = {0};

	add_node(pgdat, &s);
	mine = less(s.free_pages, pgdat->totalreserve_pages) + s.file_lru;
	if (!sys->tune.dirty_bytes)
		return sys->tune.dirty_ratio * mine / 100;
	nb_dirty_limits(sys, &all);
	return (sys->tune.dirty_bytes + page - 1) / page * mine / all.dirtyable;
}

bool nb_node_dirty_ok(struct nb_system *sys, struct nb_pgdat *pgdat)
{
	struct nb_dirty_sums s = {0};

	add_node(pgdat, &s);
	return s.dirty + s.writeback <= nb_node_dirty_limit(sys, pgdat);
}

static void tell_state(struct nb_system *sys, const struct nb_dirty_sums *s,
		       const struct nb_dirty_limits *lim, int cpu, const struct nb_task *t)
{
	uint64_t dirtied = 0, written = 0;

	if (!nb_event_wanted(sys, NB_EV_GLOBAL_DIRTY_STATE))
		return;
	for (unsigned i = 0; i < sys->nr_pgdat; i++) {
		for (unsigned k = 0; k < NB_MAX_NR_ZONES; k++) {
			dirtied += load(&sys->pgdat[i]->zone[k].nr_dirtied);
			written += load(&sys->pgdat[i]->zone[k].nr_written);
		}
	}
	nb_emit(sys, NB_EV_GLOBAL_DIRTY_STATE, cpu, t, s->dirty, s->writeback, lim->background,
		lim->thresh, lim->thresh, dirtied, written);
}

struct nb_dirty_sums nb_dirty_state(struct nb_system *sys, struct nb_dirty_limits *ret_limits,
				    int cpu, const struct nb_task *t)
{
	struct nb_dirty_sums s;

	nb_dirty_sum(sys, &s);
	limits_of(sys, &s, ret_limits);
	tell_state(sys, &s, ret_limits, cpu, t);
	return s;
}

static unsigned log2_of(uint64_t n)
{
	return n ? 63u - (unsigned)__builtin_clzll(n) : 0;
}

/* Pages until the next look. Source: dirty_poll_interval(). */
static unsigned poll_interval(uint64_t dirty, uint64_t thresh)
{
	return thresh > dirty ? 1u << (log2_of(thresh - dirty) >> 1) : 1;
}

/* 2^RATIO_SHIFT at the middle between `free_run` and `limit`, falling to 0 at the limit.
 * Source: pos_ratio_polynom(). */
static uint64_t pos_ratio(uint64_t dirty, uint64_t free_run, uint64_t limit)
{
	int64_t setpoint = (int64_t)((free_run + limit) / 2);
	int64_t span = (int64_t)limit - setpoint, x, r;

	if (dirty >= limit)
		return 0;
	x = (setpoint - (int64_t)dirty) * (1 << RATIO_SHIFT) / (span ? span : 1);
	r = x * x / (1 << RATIO_SHIFT) * x / (1 << RATIO_SHIFT) + (1 << RATIO_SHIFT);
	return r < 0 ? 0 : r > 2 << RATIO_SHIFT ? 2 << RATIO_SHIFT : (uint64_t)r;
}

/* The flusher goes to work: the driver steps it, or, where it does not listen, we do. */
static void kick(struct nb_task *t)
{
	struct nb_system *sys = t->sys;

	if (sys->files->writeback->wake)
		nb_writeback_wake(sys, sys->time_ns);
	else
		(void)nb_writeback_flush(sys, t->cpu);
}

static void tell_pause(struct nb_task *t, uint64_t total, const struct nb_dirty_limits *lim,
		       uint64_t rate, uint64_t paused_ns, uint64_t pause_ns)
{
	struct nb_system *sys = t->sys;
	uint64_t middle = ((lim->thresh + lim->background) / 2 + lim->thresh) / 2;
	unsigned kib = sys->page_shift - 10;

	if (!nb_event_wanted(sys, NB_EV_BALANCE_DIRTY_PAGES))
		return;
	nb_emit(sys, NB_EV_BALANCE_DIRTY_PAGES, t->cpu, t, NB_FILE_DEV, lim->thresh, middle, total,
		middle * lim->thresh / (lim->thresh + 1), total,
		sys->files->writeback->disk.bytes_per_second >> 10, rate << kib, t->nr_dirtied,
		t->nr_dirtied_pause, paused_ns / 1000000u, pause_ns / 1000000u, pause_ns / 1000000u,
		0, 1);
}

/* One wait, of those since `began_ns`. True: the limit is reached, the task has to look again. */
static bool hold_back(struct nb_task *t, uint64_t total, const struct nb_dirty_limits *lim,
		      uint64_t began_ns)
{
	struct nb_system *sys = t->sys;
	uint64_t rate = sys->files->writeback->disk.bytes_per_second >> sys->page_shift;
	uint64_t pause = MAX_PAUSE_NS, before = sys->time_ns, ratio;

	ratio = pos_ratio(total, (lim->thresh + lim->background) / 2, lim->thresh);
	rate = (rate ? rate : 1) * ratio >> RATIO_SHIFT;
	if (rate && t->nr_dirtied * NS_PER_S / rate < MAX_PAUSE_NS)
		pause = t->nr_dirtied * NS_PER_S / rate;
	kick(t);
	tell_pause(t, total, lim, rate, before - began_ns, pause);
	nb_wait_until(sys, t, NB_WAIT_THROTTLE, before + pause);
	if (sys->time_ns == before) { /* time stands still: the disk is as fast as it has to be */
		(void)nb_writeback_flush(sys, t->cpu);
		nb_disk_complete(sys, UINT64_MAX);
	}
	return rate == 0;
}

static void balance(struct nb_task *t)
{
	struct nb_system *sys = t->sys;
	struct nb_writeback *wb = sys->files->writeback;
	unsigned vain = 0; /* waits in a row after which nothing had changed: a disk that fails */
	uint64_t last = UINT64_MAX, began_ns = sys->time_ns;

	while (!nb_fatal_signal(t) && vain < MAX_VAIN_WAITS) {
		struct nb_dirty_limits lim;
		struct nb_dirty_sums s = nb_dirty_state(sys, &lim, t->cpu, t);
		uint64_t total = s.dirty + s.writeback;

		atomic_store_explicit(&wb->exceeded, total > lim.thresh, memory_order_relaxed);
		if (s.dirty > lim.background) {
			if (!nb_disk_writes(sys) &&
			    nb_event_wanted(sys, NB_EV_WRITEBACK_WAKE_BACKGROUND))
				nb_emit(sys, NB_EV_WRITEBACK_WAKE_BACKGROUND, t->cpu, t,
					NB_FILE_DEV, 1);
			kick(t);
		}
		if (total <= (lim.thresh + lim.background) / 2) {
			t->nr_dirtied_pause = poll_interval(total, lim.thresh);
			break;
		}
		t->nr_dirtied_pause = t->nr_dirtied ? t->nr_dirtied : 1;
		if (!hold_back(t, total, &lim, began_ns))
			break;
		vain = total < last ? 0 : vain + 1;
		last = total;
	}
	t->nr_dirtied = 0;
}

void nb_balance_dirty(struct nb_task *t, uint64_t pages)
{
	unsigned few = FIRST_PAUSE_BYTES >> t->sys->page_shift;
	unsigned pause = t->nr_dirtied_pause ? t->nr_dirtied_pause : few ? few : 1;

	if (atomic_load_explicit(&t->sys->files->writeback->exceeded, memory_order_relaxed) &&
	    pause > few)
		pause = few ? few : 1;
	t->nr_dirtied += (unsigned)pages;
	if (t->nr_dirtied >= pause)
		balance(t);
}
