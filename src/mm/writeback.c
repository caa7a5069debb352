/* writeback.c -- dirty pages of files go to the disk: who writes them, and when.
 *
 * Called by fsync, reclaim and truncation, and by the driver as the flusher thread
 * (nb_writeback_step()). Rules: above the background limit (dirty.c) the flusher writes, oldest
 * file first, until below; every dirty_writeback_centisecs it writes files that have been dirty for
 * dirty_expire_centisecs. Units: pages, ns. Source: mm/page-writeback.c, write_cache_pages();
 * fs/fs-writeback.c, wb_writeback(); facts 7.7.
 */
#include "mm/writeback.h"

#include "mm/file_event.h"
#include "mm/lru.h"
#include "mm/oom.h"
#include "mm/page_alloc.h"
#include "mm/vmstat.h"

#define NS_PER_S UINT64_C(1000000000)
#define NS_PER_CENTISEC (NS_PER_S / 100)
#define WRITE_AHEAD 4u /* requests that the flusher keeps before the disk */

/* ---- the list of dirty files ---- */

void nb_writeback_wake(struct nb_system *sys, uint64_t when_ns)
{
	struct nb_writeback *wb = sys->files->writeback;

	if (!wb->wake || when_ns >= atomic_load_explicit(&wb->due_ns, memory_order_relaxed))
		return;
	atomic_store_explicit(&wb->due_ns, when_ns, memory_order_relaxed);
	wb->wake(wb->wake_ctx, when_ns);
}

static uint64_t period_ns(const struct nb_system *sys)
{
	return sys->tune.dirty_writeback_centisecs * NS_PER_CENTISEC;
}

void nb_writeback_enlist(struct nb_address_space *as)
{
	struct nb_writeback *wb = nb_file_side(as->sys)->writeback;
	bool first = false;

	nb_lock(&wb->lock, as->sys->port);
	__atomic_store_n(&as->dirtied_ns, as->sys->time_ns, __ATOMIC_RELAXED);
	if (!(nb_as_flags(as) & NB_AS_LISTED)) {
		nb_as_flag(as, NB_AS_LISTED, 0);
		as->next_dirty = NULL;
		as->dirty_link = wb->last_dirty;
		*wb->last_dirty = as;
		wb->last_dirty = &as->next_dirty;
	}
	if (wb->next_periodic_ns == UINT64_MAX && period_ns(as->sys)) {
		wb->next_periodic_ns = as->sys->time_ns + period_ns(as->sys);
		first = true;
	}
	nb_unlock(&wb->lock, as->sys->port);
	if (first)
		nb_writeback_wake(as->sys, wb->next_periodic_ns);
}

void nb_writeback_delist(struct nb_address_space *as)
{
	struct nb_writeback *wb = nb_file_side(as->sys)->writeback;

	nb_lock(&wb->lock, as->sys->port);
	if (nb_as_flags(as) & NB_AS_LISTED) {
		nb_as_flag(as, 0, NB_AS_LISTED);
		*as->dirty_link = as->next_dirty;
		if (as->next_dirty)
			as->next_dirty->dirty_link = as->dirty_link;
		else
			wb->last_dirty = as->dirty_link;
	}
	nb_unlock(&wb->lock, as->sys->port);
}

/* ---- writing ---- */

/* An entry that wrote to the page must tell again before it writes on. */
static int make_clean(void *arg, struct nb_vma *v, uint64_t addr, struct nb_ptable *leaf,
		      unsigned i)
{
	(void)arg;
	(void)v;
	(void)addr;
	leaf->entry[i] &= ~(uint64_t)(NB_PTE_WRITE | NB_PTE_DIRTY);
	return 0;
}

/* Who writes. */
struct writer {
	int holder; /* the CPU whose task has its mm locked and does this itself, or -1 */
	bool waits; /* for mms that are busy; else their pages are left for the next time */
};

/* Takes one dirty page for writing: clean, being written, with a reference. false: not this one.
 * Source: folio_clear_dirty_for_io(), folio_mkclean(). */
static bool begin_page(struct nb_address_space *as, uint64_t index, const struct writer *w)
{
	struct nb_zone *z = NULL;
	struct nb_page *page = nb_as_find(as, index, &z, NULL);
	bool begun, busy = false;

	if (!page)
		return false;
	nb_page_lock(as->sys, page);
	begun = nb_page_owner(page) == as->rmap.handle && !(nb_page_flags(page) & PG_WRITEBACK);
	while (begun && nb_page_mapcount(page)) {
		busy = nb_rmap_walk(as->sys, z, page, w->holder, make_clean, NULL) != 0;
		if (!busy || !w->waits)
			break;
		nb_page_unlock(as->sys, page);
		as->sys->port->relax(as->sys->port->ctx);
		nb_page_lock(as->sys, page);
		begun = nb_page_owner(page) == as->rmap.handle &&
			!(nb_page_flags(page) & PG_WRITEBACK);
	}
	begun = begun && !busy && nb_as_clear_dirty(z, page);
	if (begun)
		(void)nb_as_start_writeback(z, page, nb_file_cpu(as->sys, NULL));
	nb_page_unlock(as->sys, page);
	if (!begun)
		nb_put_page(as->sys, z, page, nb_file_cpu(as->sys, NULL));
	return begun; /* the reference is the request's now */
}

static uint64_t write_range(struct nb_address_space *as, const struct writer *w, uint64_t first,
			    uint64_t last, uint64_t max, bool towrite, uint64_t *next)
{
	enum nb_mark mark = towrite ? NB_MARK_TOWRITE : NB_MARK_DIRTY;
	uint64_t at = first, run = 0, n = 0, found, e;

	while (n < max) {
		found = at;
		nb_lock(&as->lock, as->sys->port);
		e = nb_radix_next_marked(&as->pages, &found, last, mark);
		if (e && towrite)
			nb_radix_clear_mark(&as->pages, found, mark);
		nb_unlock(&as->lock, as->sys->port);
		if (run && (!e || found != at || run == NB_IO_PAGES)) {
			(void)nb_disk_submit(as, true, at - run, (unsigned)run);
			run = 0;
		}
		if (!e) {
			at = UINT64_MAX;
			break;
		}
		at = found + 1;
		if (begin_page(as, found, w)) {
			run++;
			n++;
		} else if (run) {
			(void)nb_disk_submit(as, true, found - run, (unsigned)run);
			run = 0;
		}
		if (!at || found == last)
			break;
	}
	if (run)
		(void)nb_disk_submit(as, true, at - run, (unsigned)run);
	if (next)
		*next = at;
	return n;
}

uint64_t nb_file_writepages(struct nb_address_space *as, uint64_t first, uint64_t last,
			    uint64_t max, bool towrite, uint64_t *next)
{
	const struct writer w = {.holder = -1, .waits = true};

	return write_range(as, &w, first, last, max, towrite, next);
}

int nb_file_write_and_wait(struct nb_system *sys, struct nb_task *t, struct nb_address_space *as,
			   uint64_t first, uint64_t last)
{
	uint64_t at = first;
	bool failed;

	if (as->kind != NB_AS_FILE)
		return 0;
	/* A page may be dirty and being written: it has to be written once more, afterwards. */
	nb_disk_wait_range(sys, t, as, first, last);
	while (at != UINT64_MAX && at <= last)
		(void)nb_file_writepages(as, at, last, UINT64_MAX, false, &at);
	nb_disk_wait_range(sys, t, as, first, last);
	failed = nb_as_flags(as) & NB_AS_EIO;
	nb_as_flag(as, 0, NB_AS_EIO);
	return failed ? -NB_EIO : 0;
}

/* ---- the flusher ---- */

static bool queue_full(const struct nb_system *sys)
{
	return nb_disk_writes(sys) >= sys->files->writeback->disk.queue_depth + WRITE_AHEAD;
}

static void start_file(struct nb_address_space *as, enum nb_wb_reason reason)
{
	nb_lock(&as->lock, as->sys->port);
	nb_radix_tag_towrite(&as->pages, 0, UINT64_MAX);
	nb_unlock(&as->lock, as->sys->port);
	__atomic_store_n(&as->reason, reason, __ATOMIC_RELAXED);
	nb_as_flag(as, NB_AS_WRITING, 0);
}

/* The first file of the list, and with a reference, so that it stays while it is written. Files in
 * the list have one of their last owner's yet, or are about to leave it. */
static struct nb_address_space *hold_file(struct nb_address_space *as)
{
	while (as && !nb_file_tryget(as))
		as = as->next_dirty;
	return as;
}

static struct nb_address_space *first_dirty(struct nb_system *sys)
{
	struct nb_writeback *wb = sys->files->writeback;
	struct nb_address_space *as;

	nb_lock(&wb->lock, sys->port);
	as = hold_file(wb->dirty);
	nb_unlock(&wb->lock, sys->port);
	return as;
}

/* The one behind it, whose reference goes. NULL also where it left the list meanwhile. */
static struct nb_address_space *next_dirty(struct nb_address_space *as)
{
	struct nb_writeback *wb = as->sys->files->writeback;
	struct nb_address_space *next;

	nb_lock(&wb->lock, as->sys->port);
	next = nb_as_flags(as) & NB_AS_LISTED ? hold_file(as->next_dirty) : NULL;
	nb_unlock(&wb->lock, as->sys->port);
	nb_file_put(as);
	return next;
}

static bool any_dirty(struct nb_writeback *wb, const struct nb_system *sys)
{
	bool any;

	nb_lock(&wb->lock, sys->port);
	any = wb->dirty != NULL;
	nb_unlock(&wb->lock, sys->port);
	return any;
}

static uint64_t periodic_ns(struct nb_system *sys)
{
	struct nb_writeback *wb = sys->files->writeback;
	uint64_t ns;

	nb_lock(&wb->lock, sys->port);
	ns = wb->next_periodic_ns;
	nb_unlock(&wb->lock, sys->port);
	return ns;
}

/* What has been dirty long enough is to be written. */
static void start_periodic(struct nb_system *sys)
{
	uint64_t expire = sys->tune.dirty_expire_centisecs * NS_PER_CENTISEC;
	struct nb_writeback *wb = sys->files->writeback;
	unsigned moved = 0;

	for (struct nb_address_space *as = first_dirty(sys); as; as = next_dirty(as)) {
		if (nb_as_read(&as->dirtied_ns) + expire > sys->time_ns)
			continue;
		start_file(as, NB_WB_REASON_PERIODIC);
		moved++;
	}
	nb_event_queue_io(sys, sys->time_ns > expire ? sys->time_ns - expire : 0, moved,
			  NB_WB_REASON_PERIODIC, nb_file_cpu(sys, NULL));
	nb_lock(&wb->lock, sys->port);
	wb->next_periodic_ns =
		wb->dirty && period_ns(sys) ? sys->time_ns + period_ns(sys) : UINT64_MAX;
	nb_unlock(&wb->lock, sys->port);
}

void nb_wakeup_flusher(struct nb_system *sys)
{
	struct nb_address_space *as = sys->files ? first_dirty(sys) : NULL;
	unsigned moved = 0;

	if (!as)
		return;
	for (; as; as = next_dirty(as)) {
		if (nb_as_flags(as) & NB_AS_WRITING)
			continue;
		start_file(as, NB_WB_REASON_VMSCAN);
		moved++;
	}
	if (moved)
		nb_event_queue_io(sys, sys->time_ns, moved, NB_WB_REASON_VMSCAN,
				  nb_file_cpu(sys, NULL));
	nb_writeback_wake(sys, sys->time_ns);
}

/* A step's work, as the kernel's events tell it. */
struct flush {
	struct nb_system *sys;
	struct nb_wb_work work;
	uint64_t written;
	int cpu;
	struct writer writer;
	bool open;
};

static void end_work(struct flush *f)
{
	if (!f->open)
		return;
	nb_event_work(f->sys, NB_EV_WRITEBACK_WRITTEN, &f->work, f->cpu, NULL);
	f->open = false;
}

static void begin_work(struct flush *f, enum nb_wb_reason reason)
{
	struct nb_dirty_sums s;

	if (f->open && f->work.reason == reason)
		return;
	end_work(f);
	f->open = true;
	f->work = (struct nb_wb_work){.reason = reason, .nr_pages = UINT64_MAX >> 1};
	if (nb_event_wanted(f->sys, NB_EV_WRITEBACK_START) && reason != NB_WB_REASON_BACKGROUND) {
		nb_dirty_sum(f->sys, &s);
		f->work.nr_pages = s.dirty;
	}
	nb_event_work(f->sys, NB_EV_WRITEBACK_START, &f->work, f->cpu, NULL);
}

/* Up to NB_IO_PAGES pages of a file, from `first` on. */
static uint64_t write_turn(struct flush *f, struct nb_address_space *as, bool towrite,
			   uint64_t first, uint64_t *next)
{
	uint64_t n;

	begin_work(f, towrite ? __atomic_load_n(&as->reason, __ATOMIC_RELAXED)
			      : NB_WB_REASON_BACKGROUND);
	nb_event_single_inode(as, NB_EV_WRITEBACK_SINGLE_INODE_START, NB_IO_PAGES, 0, f->cpu, NULL);
	n = write_range(as, &f->writer, first, UINT64_MAX, NB_IO_PAGES, towrite, next);
	nb_event_single_inode(as, NB_EV_WRITEBACK_SINGLE_INODE, NB_IO_PAGES, n, f->cpu, NULL);
	f->written += n;
	f->work.nr_pages -= n < f->work.nr_pages ? n : f->work.nr_pages;
	return n;
}

/* What a file's turn is good for; true: something was handed to the disk. */
static bool write_file(struct flush *f, struct nb_address_space *as, bool background)
{
	uint64_t at = as->writeback_index, n;

	if (nb_as_flags(as) & NB_AS_WRITING) {
		if (write_turn(f, as, true, 0, NULL))
			return true;
		nb_as_flag(as, 0, NB_AS_WRITING);
		/* what is dirty now came later */
		__atomic_store_n(&as->dirtied_ns, f->sys->time_ns, __ATOMIC_RELAXED);
		return false;
	}
	if (!background)
		return false;
	n = write_turn(f, as, false, at, &at);
	as->writeback_index = at == UINT64_MAX ? 0 : at;
	return n || as->writeback_index || write_turn(f, as, false, 0, &as->writeback_index);
}

/* A clean file leaves the list; not one that gets its first dirty page just now. */
static void forget_clean(struct nb_address_space *as)
{
	nb_lock(&as->lock, as->sys->port);
	if (!as->nr_dirty)
		nb_writeback_delist(as);
	nb_unlock(&as->lock, as->sys->port);
	nb_as_flag(as, 0, NB_AS_WRITING);
}

/* One file a turn; true: something was handed to the disk. */
static bool write_some(struct flush *f, bool background)
{
	struct nb_address_space *as = first_dirty(f->sys), *next;

	while (as) {
		if (nb_as_read(&as->nr_dirty)) {
			if (write_file(f, as, background)) {
				nb_file_put(as);
				return true;
			}
			as = next_dirty(as);
			continue;
		}
		nb_file_get(as);
		next = next_dirty(as);
		forget_clean(as);
		nb_file_put(as);
		as = next;
	}
	return false;
}

static bool over_background(struct nb_system *sys)
{
	struct nb_dirty_limits lim;

	return nb_dirty_state(sys, &lim, nb_file_cpu(sys, NULL), NULL).dirty > lim.background;
}

uint64_t nb_writeback_flush(struct nb_system *sys, int holder)
{
	struct flush f = {.sys = sys, .cpu = nb_file_cpu(sys, NULL), .writer = {.holder = holder}};
	struct nb_writeback *wb = sys->files->writeback;
	bool more = true;
	uint64_t next;

	if (!nb_trylock(&wb->step_lock, sys->port)) { /* another thread is at it */
		nb_disk_complete(sys, sys->time_ns);
		return nb_disk_next_ns(sys);
	}
	atomic_store_explicit(&wb->due_ns, 0, memory_order_relaxed); /* nobody need wake it now */
	nb_disk_complete(sys, sys->time_ns);
	if (sys->time_ns >= periodic_ns(sys))
		start_periodic(sys);
	while (more && any_dirty(wb, sys) && !queue_full(sys))
		more = write_some(&f, over_background(sys));
	end_work(&f);
	if (f.written && nb_event_wanted(sys, NB_EV_WRITEBACK_PAGES_WRITTEN))
		nb_emit(sys, NB_EV_WRITEBACK_PAGES_WRITTEN, f.cpu, NULL, f.written);
	next = nb_disk_next_ns(sys);
	nb_lock(&wb->lock, sys->port); /* a file that comes now wakes it again */
	if (!wb->dirty)
		wb->next_periodic_ns = UINT64_MAX;
	next = next < wb->next_periodic_ns ? next : wb->next_periodic_ns;
	atomic_store_explicit(&wb->due_ns, next, memory_order_relaxed);
	nb_unlock(&wb->lock, sys->port);
	nb_unlock(&wb->step_lock, sys->port);
	return next;
}

uint64_t nb_writeback_step(struct nb_system *sys)
{
	return sys->files ? nb_writeback_flush(sys, -1) : UINT64_MAX;
}
