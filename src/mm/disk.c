/* disk.c -- the device below the page cache, and the bytes behind a file.
 *
 * Called by readahead.c, filemap.c and writeback.c through filemap.h. A request waits for one of
 * queue_depth places, then takes latency_ns, then its bytes cross the one channel of the disk, one
 * request after the other: so requests end in the order in which they were given, and when each
 * ends is known at once. What has ended shows when somebody looks (nb_disk_complete()): a step of
 * the flusher, or a task that waits for one of the pages. In a system whose port cannot wait, time
 * stands still and every request ends as soon as it is waited for.
 * A request holds a reference of its file and one of each page. Locks: `lock` of the queue alone; a
 * leaf. Units: ns, bytes, pages.
 */
#include "base/mem.h"
#include "mm/file_event.h"
#include "mm/lru.h"
#include "mm/vmstat.h"
#include "mm/writeback.h"

static const struct nb_disk default_disk = {
	.latency_ns = 100 * 1000, .bytes_per_second = UINT64_C(2000) << 20, .queue_depth = 32};

struct nb_writeback *nb_writeback_new(struct nb_system *sys)
{
	struct nb_writeback *wb = nb_system_alloc(sys, sizeof(*wb));

	if (!wb)
		return NULL;
	wb->disk = default_disk;
	wb->last = &wb->first;
	wb->last_dirty = &wb->dirty;
	wb->next_periodic_ns = UINT64_MAX;
	atomic_store_explicit(&wb->due_ns, UINT64_MAX, memory_order_relaxed);
	nb_pool_init(&wb->io_pool, sizeof(struct nb_io));
	nb_pool_init(&wb->page_pool, (size_t)1 << sys->page_shift);
	return wb;
}

int nb_set_disk(struct nb_system *sys, const struct nb_disk *disk)
{
	struct nb_file_side *side = nb_file_side(sys);

	if (!disk->bytes_per_second || !disk->queue_depth)
		return -NB_EINVAL;
	if (!side)
		return -NB_ENOMEM;
	side->writeback->disk = *disk;
	if (disk->queue_depth > NB_DISK_DEPTH_MAX)
		side->writeback->disk.queue_depth = NB_DISK_DEPTH_MAX;
	return 0;
}

void nb_set_writeback_wake(struct nb_system *sys, void (*fn)(void *ctx, uint64_t when_ns),
			   void *ctx)
{
	struct nb_file_side *side = nb_file_side(sys);

	if (!side)
		return;
	side->writeback->wake = fn;
	side->writeback->wake_ctx = ctx;
}

/* bytes / rate in ns, saturating. */
static uint64_t transfer_ns(uint64_t bytes, uint64_t rate)
{
	uint64_t s = bytes / rate, rest = bytes % rate;

	while (rest > UINT64_MAX / 1000000000u) {
		rest >>= 1;
		rate >>= 1;
	}
	return s * 1000000000u + (rate ? rest * 1000000000u / rate : 0);
}

/* When a request given now will be done; takes its place. Under the lock. */
static uint64_t schedule(struct nb_writeback *wb, uint64_t now_ns, uint64_t bytes)
{
	unsigned slot = 0;
	uint64_t t;

	for (unsigned i = 1; i < wb->disk.queue_depth; i++) {
		if (wb->slot_free_ns[i] < wb->slot_free_ns[slot])
			slot = i;
	}
	t = wb->slot_free_ns[slot] > now_ns ? wb->slot_free_ns[slot] : now_ns;
	t += wb->disk.latency_ns;
	if (t < wb->channel_free_ns)
		t = wb->channel_free_ns;
	t += transfer_ns(bytes, wb->disk.bytes_per_second);
	wb->channel_free_ns = t;
	wb->slot_free_ns[slot] = t;
	return t;
}

/* ---- bytes ---- */

int nb_store_read(struct nb_address_space *as, uint64_t index, void *buf)
{
	size_t bytes = (size_t)1 << as->sys->page_shift;
	uint64_t e;

	nb_lock(&as->lock, as->sys->port);
	e = nb_radix_load(&as->store, index);
	if (e)
		memcpy(buf, (void *)(uintptr_t)(nb_radix_number(e) << 2), bytes);
	else
		memset(buf, 0, bytes);
	nb_unlock(&as->lock, as->sys->port);
	return 0;
}

int nb_store_write(struct nb_address_space *as, uint64_t index, const void *buf)
{
	struct nb_writeback *wb = nb_file_side(as->sys)->writeback;
	size_t bytes = (size_t)1 << as->sys->page_shift;
	uint64_t e;
	void *p = NULL;
	int err = 0;

	nb_lock(&as->lock, as->sys->port);
	e = nb_radix_load(&as->store, index);
	if (e)
		p = (void *)(uintptr_t)(nb_radix_number(e) << 2);
	else if ((p = nb_pool_get(as->sys, &wb->page_pool)))
		err = nb_radix_store(as->sys, &as->store, index, 0,
				     nb_radix_value((uintptr_t)p >> 2), NULL);
	if (p && !err)
		memcpy(p, buf, bytes);
	else if (p)
		nb_pool_put(as->sys, &wb->page_pool, p);
	nb_unlock(&as->lock, as->sys->port);
	return p ? err : -NB_ENOMEM;
}

void nb_store_clear(struct nb_address_space *as, uint64_t index, size_t from)
{
	uint64_t e;

	nb_lock(&as->lock, as->sys->port);
	e = nb_radix_load(&as->store, index);
	if (e)
		memset((char *)(uintptr_t)(nb_radix_number(e) << 2) + from, 0,
		       ((size_t)1 << as->sys->page_shift) - from);
	nb_unlock(&as->lock, as->sys->port);
}

void nb_store_drop(struct nb_address_space *as, uint64_t first, uint64_t last)
{
	struct nb_writeback *wb = nb_file_side(as->sys)->writeback;
	uint64_t i = first, e;

	nb_lock(&as->lock, as->sys->port);
	while ((e = nb_radix_next(&as->store, &i, last))) {
		(void)nb_radix_erase(as->sys, &as->store, i);
		nb_pool_put(as->sys, &wb->page_pool, (void *)(uintptr_t)(nb_radix_number(e) << 2));
	}
	nb_unlock(&as->lock, as->sys->port);
}

/* A page's bytes from the file or to it; nothing in a system whose pages have none. */
static int move_bytes(struct nb_address_space *as, uint64_t index, void *bytes, bool write)
{
	size_t page = (size_t)1 << as->sys->page_shift, n = page;
	uint64_t offset = index << as->sys->page_shift;
	const struct nb_backing_ops *ops = &as->backing;

	if (!bytes)
		return 0;
	if (!ops->read && !ops->write)
		return write ? nb_store_write(as, index, bytes) : nb_store_read(as, index, bytes);
	if (offset >= nb_as_size(as))
		n = 0;
	else if (nb_as_size(as) - offset < page)
		n = (size_t)(nb_as_size(as) - offset);
	if (write)
		return n && ops->write ? ops->write(ops->ctx, offset, bytes, n) : 0;
	memset((char *)bytes + n, 0, page - n);
	if (n && ops->read)
		return ops->read(ops->ctx, offset, bytes, n);
	memset(bytes, 0, n);
	return 0;
}

/* ---- ends ---- */

/* The page at index if it has the mark of the request. */
static struct nb_page *marked_page(struct nb_address_space *as, uint64_t index, enum nb_mark mark,
				   struct nb_zone **ret_zone)
{
	struct nb_page *page = NULL;
	uint64_t e;

	nb_lock(&as->lock, as->sys->port);
	e = nb_radix_load(&as->pages, index);
	if (nb_radix_is_page(e) && nb_radix_get_mark(&as->pages, index, mark))
		page = nb_pfn_to_page(as->sys, nb_radix_number(e), ret_zone);
	nb_unlock(&as->lock, as->sys->port);
	return page;
}

static void end_read(struct nb_address_space *as, uint64_t index, int cpu)
{
	struct nb_zone *z = NULL;
	struct nb_page *page = marked_page(as, index, NB_MARK_READING, &z);
	int err;

	if (!page)
		return;
	err = move_bytes(as, index, nb_page_bytes(z, page), false);
	if (err) { /* who waits finds that it belongs to no file any more */
		nb_page_lock(as->sys, page);
		nb_as_remove(as, z, page, 0);
		nb_page_unlock(as->sys, page);
		nb_event_cached(as, NB_EV_MM_FILEMAP_DELETE_FROM_PAGE_CACHE, z, page, index, cpu,
				NULL);
		nb_put_page(as->sys, z, page, cpu);
	} else {
		nb_file_end_reading(as, index);
	}
	nb_put_page(as->sys, z, page, cpu);
}

static void end_write(struct nb_address_space *as, uint64_t index, int cpu)
{
	struct nb_zone *z = NULL;
	struct nb_page *page = marked_page(as, index, NB_MARK_WRITEBACK, &z);

	if (!page)
		return;
	if (move_bytes(as, index, nb_page_bytes(z, page), true)) {
		nb_as_flag(as, NB_AS_EIO, 0);
		(void)nb_as_set_dirty(z, page, cpu);
	}
	if (nb_page_flags(page) & PG_RECLAIM)
		nb_lru_rotate(as->sys, z, page, cpu);
	nb_stat_add(as->sys, &z->nr_written, 1);
	(void)nb_as_end_writeback(z, page, cpu);
	nb_put_page(as->sys, z, page, cpu);
}

/* A CPU for work that no task does. */
static int any_cpu(const struct nb_system *sys)
{
	for (unsigned i = 0; i < sys->nr_pgdat; i++) {
		unsigned cpu = nb_bits_next(sys->pgdat[i]->cpus.bits, NB_MAX_CPUS, 0);

		if (cpu < NB_MAX_CPUS)
			return (int)cpu;
	}
	return 0;
}

int nb_file_cpu(const struct nb_system *sys, const struct nb_task *t)
{
	return t ? t->cpu : any_cpu(sys);
}

static void end_io(const struct nb_io *io)
{
	struct nb_address_space *as = io->as;
	int cpu = nb_file_cpu(as->sys, NULL);

	for (unsigned i = 0; i < io->pages; i++) {
		if (io->write)
			end_write(as, io->index + i, cpu);
		else
			end_read(as, io->index + i, cpu);
	}
	nb_file_put(as);
}

uint64_t nb_disk_submit(struct nb_address_space *as, bool write, uint64_t index, unsigned pages)
{
	struct nb_system *sys = as->sys;
	struct nb_writeback *wb = nb_file_side(sys)->writeback;
	uint64_t bytes = (uint64_t)pages << sys->page_shift, done_ns;
	struct nb_io now = {.as = as, .write = write, .index = index, .pages = pages}, *io;
	bool first;

	nb_count_vm_events(sys, nb_file_cpu(sys, NULL), write ? NB_VM_PGPGOUT : NB_VM_PGPGIN,
			   bytes >> 10);
	nb_file_get(as);
	io = nb_pool_get(sys, &wb->io_pool);
	if (!io) { /* no memory to wait with: it is done at once */
		end_io(&now);
		return sys->time_ns;
	}
	*io = now;
	nb_lock(&wb->lock, sys->port);
	done_ns = io->done_ns = schedule(wb, sys->time_ns, bytes);
	first = !wb->first;
	*wb->last = io;
	wb->last = &io->next;
	atomic_store_explicit(&wb->nr_writes, wb->nr_writes + write, memory_order_relaxed);
	nb_unlock(&wb->lock, sys->port);
	if (first)
		nb_writeback_wake(sys, done_ns);
	return done_ns;
}

void nb_disk_complete(struct nb_system *sys, uint64_t now_ns)
{
	struct nb_writeback *wb = nb_file_side(sys)->writeback;
	struct nb_io *io;

	for (;;) {
		nb_lock(&wb->lock, sys->port);
		io = wb->first;
		if (io && io->done_ns <= now_ns) {
			wb->first = io->next;
			if (!io->next)
				wb->last = &wb->first;
			atomic_store_explicit(&wb->nr_writes, wb->nr_writes - io->write,
					      memory_order_relaxed);
		} else {
			io = NULL;
		}
		nb_unlock(&wb->lock, sys->port);
		if (!io)
			return;
		end_io(io);
		nb_pool_put(sys, &wb->io_pool, io);
	}
}

void nb_disk_passes(struct nb_system *sys)
{
	if (sys->files && !sys->files->writeback->wake)
		nb_disk_complete(sys, sys->time_ns);
}

uint64_t nb_disk_next_ns(const struct nb_system *sys)
{
	struct nb_writeback *wb = sys->files->writeback;
	uint64_t ns;

	nb_lock(&wb->lock, sys->port);
	ns = wb->first ? wb->first->done_ns : UINT64_MAX;
	nb_unlock(&wb->lock, sys->port);
	return ns;
}

unsigned nb_disk_writes(const struct nb_system *sys)
{
	return atomic_load_explicit(&sys->files->writeback->nr_writes, memory_order_relaxed);
}

/* ---- waiting ---- */

void nb_wait_until(struct nb_system *sys, struct nb_task *t, enum nb_wait_reason why,
		   uint64_t until_ns)
{
	if (sys->port->wait && until_ns > sys->time_ns)
		sys->port->wait(sys->port->ctx, t, why, until_ns);
}

/* When the last request that touches [first, last] of the file ends; 0: none is under way. */
static uint64_t busy_until(struct nb_writeback *wb, const struct nb_address_space *as,
			   uint64_t first, uint64_t last)
{
	uint64_t ns = 0;

	nb_lock(&wb->lock, as->sys->port);
	for (const struct nb_io *io = wb->first; io; io = io->next) {
		if (io->as == as && io->index <= last && io->index + io->pages > first)
			ns = io->done_ns;
	}
	nb_unlock(&wb->lock, as->sys->port);
	return ns;
}

/* Is anything in the range read or written? *ret_written: the first that is written, or
 * UINT64_MAX. */
static bool marked_range(struct nb_address_space *as, uint64_t first, uint64_t last,
			 uint64_t *ret_written)
{
	uint64_t r = first, w = first;
	bool read, written;

	nb_lock(&as->lock, as->sys->port);
	read = nb_radix_next_marked(&as->pages, &r, last, NB_MARK_READING);
	written = nb_radix_next_marked(&as->pages, &w, last, NB_MARK_WRITEBACK);
	nb_unlock(&as->lock, as->sys->port);
	*ret_written = written ? w : UINT64_MAX;
	return read || written;
}

void nb_disk_wait_range(struct nb_system *sys, struct nb_task *t, struct nb_address_space *as,
			uint64_t first, uint64_t last)
{
	struct nb_writeback *wb = nb_file_side(sys)->writeback;
	uint64_t written;

	while (marked_range(as, first, last, &written)) {
		uint64_t ns = busy_until(wb, as, first, last);

		if (!ns) { /* another thread is ending it */
			if (!sys->port->relax)
				return;
			sys->port->relax(sys->port->ctx);
			continue;
		}
		if (written != UINT64_MAX)
			nb_event_wait_writeback(as, written, nb_file_cpu(sys, t), t);
		nb_wait_until(sys, t, NB_WAIT_IO, ns);
		nb_disk_complete(sys, ns);
	}
}

void nb_disk_wait_page(struct nb_system *sys, struct nb_task *t, struct nb_address_space *as,
		       uint64_t index)
{
	nb_disk_wait_range(sys, t, as, index, index);
}
