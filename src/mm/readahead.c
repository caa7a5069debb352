/* readahead.c -- which pages are read before anybody asked for them.
 *
 * Called by filemap.c for reads and faults of files on a disk, by fadvise.c. A sequential reader
 * has a window [start, start + size) whose last async_size pages are ahead of him: the first of
 * these carries PG_READAHEAD, and when he comes to it the next, larger window is started. A read
 * at random gets what it asked for and no more. Windows begin at four or two times the request
 * and double up to ra_pages (128 KiB; twice that after fadvise SEQUENTIAL). Each window is one
 * request to the disk, or several where pages of it are cached already. Single pages only: as file
 * systems without large folios have it.
 * Units: pages. Source: mm/readahead.c, ondemand_readahead(), page_cache_ra_unbounded();
 * mm/filemap.c, do_sync_mmap_readahead(), do_async_mmap_readahead().
 */
#include "mm/filemap.h"

#define MMAP_LOTSAMISS 100u
#define FORCED_CHUNK_BYTES (2u << 20)
/* Misses and marks are told apart; before, both came to one function. */
#define SPLIT_SINCE 6011u
/* Requests for pages ahead must not enter the file system to make room: before, they might. */
#define NOFS_SINCE 5008u

static unsigned ra_pages(const struct nb_address_space *as)
{
	unsigned pages = NB_READAHEAD_BYTES >> as->sys->page_shift;

	if (!pages)
		pages = 1;
	return nb_as_flags(as) & NB_AS_SEQUENTIAL ? 2 * pages : pages;
}

/* One request for the pages that this read-ahead put into the cache in a row. */
static void submit(struct nb_address_space *as, uint64_t first, uint64_t n)
{
	while (n) {
		unsigned part = n > NB_IO_PAGES ? NB_IO_PAGES : (unsigned)n;

		(void)nb_disk_submit(as, false, first, part);
		first += part;
		n -= part;
	}
}

static bool cached(struct nb_address_space *as, uint64_t index)
{
	bool is;

	nb_lock(&as->lock, as->sys->port);
	is = nb_radix_is_page(nb_radix_load(&as->pages, index));
	nb_unlock(&as->lock, as->sys->port);
	return is;
}

/* Puts one page on its way. false: no memory, or somebody was faster. */
static bool start_page(struct nb_task *t, struct nb_address_space *as, uint64_t index, bool mark)
{
	nb_gfp_t gfp = as->gfp | NB_GFP_BIT_NORETRY | NB_GFP_BIT_NOWARN;
	struct nb_zone *z;
	struct nb_page *page;

	if (as->sys->profile->version >= NOFS_SINCE)
		gfp &= ~(nb_gfp_t)NB_GFP_BIT_FS;
	if (nb_file_add_page(t, as, index, gfp, true, &z, &page))
		return false;
	if (mark)
		nb_page_change_flags(as->sys, page, PG_READAHEAD, 0);
	return true; /* the reference is the request's now */
}

/* Reads what is missing of [index, index + n), the page `lookahead` from the end marked. Source:
 * do_page_cache_ra(), page_cache_ra_unbounded(). */
static void read_range(struct nb_task *t, struct nb_address_space *as, uint64_t index, uint64_t n,
		       uint64_t lookahead)
{
	uint64_t end = nb_as_end_index(as), first = index, run = 0;
	uint64_t mark = lookahead <= n ? index + n - lookahead : UINT64_MAX;

	if (index >= end)
		return;
	if (n > end - index)
		n = end - index;
	if (!lookahead)
		mark = UINT64_MAX;
	for (uint64_t i = index; i < index + n; i++) {
		if (cached(as, i)) {
			submit(as, first, run);
			run = 0;
			continue;
		}
		if (!start_page(t, as, i, i == mark))
			break;
		if (!run)
			first = i;
		run++;
	}
	submit(as, first, run);
}

static unsigned roundup_pow2(uint64_t n)
{
	unsigned p = 1;

	while (p < n && p < 1u << 30)
		p <<= 1;
	return p;
}

static unsigned init_size(uint64_t want, unsigned max)
{
	unsigned size = roundup_pow2(want);

	if (size <= max / 32)
		return size * 4;
	return size <= max / 4 ? size * 2 : max;
}

static unsigned next_size(const struct nb_readahead *ra, unsigned max)
{
	if (ra->size < max / 16)
		return 4 * ra->size;
	return ra->size <= max / 2 ? 2 * ra->size : max;
}

/* The window is set. Before 6.11: does this read come to its own mark at once? Then the next one
 * joins it. */
static void settle_window(const struct nb_address_space *as, struct nb_readahead *ra,
			  uint64_t index, unsigned max)
{
	unsigned add;

	if (as->sys->profile->version >= SPLIT_SINCE || index != ra->start ||
	    ra->size != ra->async_size)
		return;
	add = next_size(ra, max);
	if (ra->size + add <= max) {
		ra->async_size = add;
		ra->size += add;
	} else {
		ra->size = max;
		ra->async_size = max / 2;
	}
}

/* Pages of a stream that lie in the cache before index. Source: try_context_readahead(). */
static bool from_context(struct nb_address_space *as, struct nb_readahead *ra, uint64_t index,
			 uint64_t want, unsigned max)
{
	uint64_t size = index - 1 - nb_radix_prev_gap(&as->pages, index - 1, max);

	if (size <= want)
		return false;
	if (size >= index)
		size *= 2;
	ra->start = index;
	ra->size = size + want < max ? (unsigned)(size + want) : max;
	ra->async_size = 1;
	return true;
}

/* Sequential, or so large that it must be: a window from index on. */
static void begin_window(const struct nb_address_space *as, struct nb_readahead *ra, uint64_t index,
			 uint64_t want, unsigned max)
{
	bool merge = as->sys->profile->version < SPLIT_SINCE;

	ra->start = index;
	ra->size = init_size(want, max);
	ra->async_size = ra->size > want ? ra->size - (unsigned)want
			 : merge         ? ra->size
					 : ra->size / 2;
}

/* The window moves on by its size, and grows. */
static void next_window(struct nb_readahead *ra, unsigned max)
{
	ra->start += ra->size;
	ra->size = next_size(ra, max);
	ra->async_size = ra->size;
}

static bool behind_window(const struct nb_readahead *ra, uint64_t index)
{
	return index && ra->size && index == ra->start + ra->size;
}

/* index is not cached: sets the window. false: a read at random. Under the file's lock. */
static bool plan_miss(struct nb_address_space *as, struct nb_readahead *ra, uint64_t index,
		      uint64_t want, unsigned max)
{
	uint64_t pos = nb_ra_prev_pos(ra);

	if (as->sys->profile->version < SPLIT_SINCE &&
	    (behind_window(ra, index) ||
	     (index && ra->size && index == ra->start + ra->size - ra->async_size)))
		next_window(ra, max);
	else if (!index || want > max ||
		 (pos != UINT64_MAX && index - (pos >> as->sys->page_shift) <= 1))
		begin_window(as, ra, index, want, max);
	else if (!from_context(as, ra, index, want, max))
		return false;
	settle_window(as, ra, index, max);
	return true;
}

/* The reader came to the mark at index: sets the window. false: nothing is to be read. Under the
 * file's lock. */
static bool plan_mark(struct nb_address_space *as, struct nb_readahead *ra, uint64_t index,
		      uint64_t want, unsigned max)
{
	uint64_t start;

	if (index == ra->start + ra->size - ra->async_size ||
	    (as->sys->profile->version < SPLIT_SINCE && behind_window(ra, index))) {
		next_window(ra, max);
		settle_window(as, ra, index, max);
		return true;
	}
	/* Of a window that nobody knows any more: two readers of one file. */
	start = nb_radix_next_gap(&as->pages, index + 1, max);
	if (start - index > max)
		return false;
	ra->start = start;
	ra->size = (unsigned)(start - index + (want < max ? want : max));
	ra->size = next_size(ra, max);
	ra->async_size = ra->size;
	settle_window(as, ra, index, max);
	return true;
}

static void on_miss_or_mark(struct nb_task *t, struct nb_address_space *as, struct nb_readahead *ra,
			    uint64_t index, uint64_t want, bool mark)
{
	unsigned max = ra_pages(as);
	struct nb_readahead plan;
	bool window;

	nb_lock(&as->lock, as->sys->port);
	window = mark ? plan_mark(as, ra, index, want, max) : plan_miss(as, ra, index, want, max);
	plan = *ra;
	nb_unlock(&as->lock, as->sys->port);
	if (window)
		read_range(t, as, plan.start, plan.size, plan.async_size);
	else if (!mark)
		read_range(t, as, index, want, 0);
}

void nb_readahead_force(struct nb_task *t, struct nb_address_space *as, uint64_t index,
			uint64_t want)
{
	uint64_t end = nb_as_end_index(as), chunk = FORCED_CHUNK_BYTES >> as->sys->page_shift;

	if (index >= end)
		return;
	if (want > end - index)
		want = end - index;
	while (want) {
		uint64_t n = want < chunk ? want : chunk;

		read_range(t, as, index, n, 0);
		index += n;
		want -= n;
	}
}

void nb_readahead_sync(struct nb_task *t, struct nb_address_space *as, struct nb_readahead *ra,
		       uint64_t index, uint64_t want)
{
	uint64_t max = ra_pages(as);

	if (nb_as_flags(as) & NB_AS_RANDOM)
		nb_readahead_force(t, as, index, want < max ? want : max);
	else
		on_miss_or_mark(t, as, ra, index, want, false);
}

void nb_readahead_async(struct nb_task *t, struct nb_address_space *as, struct nb_readahead *ra,
			struct nb_page *page, uint64_t want)
{
	if (nb_page_flags(page) & PG_WRITEBACK)
		return; /* the bit says that reclaim waits for it */
	nb_page_change_flags(as->sys, page, 0, PG_READAHEAD);
	on_miss_or_mark(t, as, ra, nb_page_index(page), want, true);
}

void nb_readahead_fault(struct nb_task *t, struct nb_address_space *as, const struct nb_vma *v,
			uint64_t index)
{
	struct nb_readahead *ra = &as->ra, plan;
	unsigned max = ra_pages(as);
	bool missing;

	if (v->flags & NB_VM_RAND_READ)
		return;
	if (v->flags & NB_VM_SEQ_READ) {
		nb_readahead_sync(t, as, ra, index, max);
		return;
	}
	nb_lock(&as->lock, as->sys->port);
	nb_ra_miss(as, MMAP_LOTSAMISS * 10);
	missing = nb_ra_misses(as) > MMAP_LOTSAMISS;
	if (!missing) {
		ra->start = index > max / 2 ? index - max / 2 : 0;
		ra->size = max;
		ra->async_size = max / 4;
	}
	plan = *ra;
	nb_unlock(&as->lock, as->sys->port);
	if (!missing)
		read_range(t, as, plan.start, plan.size, plan.async_size);
}

void nb_readahead_fault_hit(struct nb_task *t, struct nb_address_space *as, const struct nb_vma *v,
			    struct nb_page *page)
{
	if (v->flags & NB_VM_RAND_READ)
		return;
	nb_ra_hit(as);
	if (nb_page_flags(page) & PG_READAHEAD)
		nb_readahead_async(t, as, &as->ra, page, ra_pages(as));
}
