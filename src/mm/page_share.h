/* page_share.h -- the fields of a page descriptor that several CPUs may change at once.
 *
 * Included by page.h. A page in use is known to mappings, a cache, a list of reclaim, each with a
 * lock of its own; what they share of its descriptor is changed by atomic steps in threaded systems
 * and by plain ones elsewhere. Who may change what:
 *   flags     anybody who holds a reference, the bits of his own
 *   refcount  whoever has one may take another; a list's or a cache's lock lets one be taken of a
 *             page that is found there
 *   mapcount  who holds the lock of the mm
 *   mapping,  who puts the page into a cache or maps it first: fresh, or with the page's lock
 *   index
 *   refs      who holds the lruvec's lock, and readers of files
 * The page's lock (PG_LOCKED) stands for the page's place in the world: who holds it may trust
 * `mapping` and PG_SWAPCACHE, and nobody else maps the page anew, takes it out of its cache, gives
 * its slot up, moves or reclaims it. It is taken without any lock but mm->lock held, or tried; who
 * holds it neither allocates nor waits for an mm or a disk. Source: mm/filemap.c, folio_lock();
 * include/linux/page_ref.h.
 */
#ifndef NB_MM_PAGE_SHARE_H
#define NB_MM_PAGE_SHARE_H

#include "mm/mmzone.h"

/* A change of flags that others may change at the same time: each owner has bits of its own. */
static inline void nb_page_change_flags(const struct nb_system *sys, struct nb_page *page,
					uint32_t set, uint32_t clear)
{
	uint32_t old = __atomic_load_n(&page->flags, __ATOMIC_RELAXED);

	if (__builtin_expect(!sys->port->relax, 1)) {
		page->flags = (old & ~clear) | set;
		return;
	}
	while (((old & ~clear) | set) != old &&
	       !__atomic_compare_exchange_n(&page->flags, &old, (old & ~clear) | set, true,
					    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		;
}

/* Sets a bit; false: it was set already, by somebody else. */
static inline bool nb_page_test_set(const struct nb_system *sys, struct nb_page *page, uint32_t bit)
{
	uint32_t old;

	if (sys->port->relax)
		return !(__atomic_fetch_or(&page->flags, bit, __ATOMIC_ACQ_REL) & bit);
	old = page->flags;
	page->flags = old | bit;
	return !(old & bit);
}

/* ---- the page's lock; nothing in a system of one thread ---- */

static inline bool nb_page_trylock(const struct nb_system *sys, struct nb_page *page)
{
	return !sys->port->relax ||
	       !(__atomic_fetch_or(&page->flags, PG_LOCKED, __ATOMIC_ACQUIRE) & PG_LOCKED);
}

static inline void nb_page_lock(const struct nb_system *sys, struct nb_page *page)
{
	while (!nb_page_trylock(sys, page)) {
		while (__atomic_load_n(&page->flags, __ATOMIC_RELAXED) & PG_LOCKED)
			sys->port->relax(sys->port->ctx);
	}
}

static inline void nb_page_unlock(const struct nb_system *sys, struct nb_page *page)
{
	if (sys->port->relax)
		__atomic_fetch_and(&page->flags, ~PG_LOCKED, __ATOMIC_RELEASE);
}

/* ---- references and mappings ---- */

static inline uint32_t nb_page_refcount(const struct nb_page *page)
{
	return __atomic_load_n(&page->refcount, __ATOMIC_ACQUIRE);
}

static inline int nb_page_mapcount(const struct nb_page *page)
{
	return __atomic_load_n(&page->mapcount, __ATOMIC_RELAXED);
}

static inline void nb_get_page(const struct nb_system *sys, struct nb_page *page)
{
	if (sys->port->relax)
		__atomic_fetch_add(&page->refcount, 1, __ATOMIC_RELAXED);
	else
		page->refcount++;
}

/* A reference that is known not to be the last goes. */
static inline void nb_page_unref(const struct nb_system *sys, struct nb_page *page)
{
	if (sys->port->relax)
		__atomic_fetch_sub(&page->refcount, 1, __ATOMIC_ACQ_REL);
	else
		page->refcount--;
}

/* A reference for who found the page on a list, lruvec locked; false: its last one has just gone,
 * and it will be off the list as soon as that is unlocked. */
static inline bool nb_page_tryget(const struct nb_system *sys, struct nb_page *page)
{
	uint32_t old = __atomic_load_n(&page->refcount, __ATOMIC_RELAXED);

	if (__builtin_expect(!sys->port->relax, 1)) {
		page->refcount++;
		return true;
	}
	while (old && !__atomic_compare_exchange_n(&page->refcount, &old, old + 1, true,
						   __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		;
	return old != 0;
}

/* ---- what it belongs to ---- */

static inline uint32_t nb_page_owner(const struct nb_page *page)
{
	return __atomic_load_n(&page->mapping, __ATOMIC_RELAXED);
}

static inline void nb_page_set_owner(struct nb_page *page, uint32_t handle)
{
	__atomic_store_n(&page->mapping, handle, __ATOMIC_RELAXED);
}

/* Of a page offset a descriptor keeps the lower bits: 52 bits of address with pages of 4 KiB. */
#define NB_PAGE_INDEX_MASK ((UINT64_C(1) << 40) - 1)

/* Index, cpupid and refs share a word: each is changed without touching the others. */
static inline struct nb_page nb_page_word(const struct nb_page *page)
{
	return (struct nb_page){.word = __atomic_load_n(&page->word, __ATOMIC_RELAXED)};
}

static inline bool nb_page_swap_word(struct nb_page *page, uint64_t old, uint64_t word)
{
	return __atomic_compare_exchange_n(&page->word, &old, word, false, __ATOMIC_RELAXED,
					   __ATOMIC_RELAXED);
}

static inline uint64_t nb_page_index(const struct nb_page *page)
{
	return nb_page_word(page).index;
}

static inline unsigned nb_page_refs(const struct nb_page *page)
{
	return nb_page_word(page).refs;
}

static inline unsigned nb_page_cpupid_bits(const struct nb_page *page)
{
	return nb_page_word(page).cpupid;
}

/* Of a fresh page, which nobody else knows yet. */
static inline void nb_page_init_index(struct nb_page *page, uint64_t pgoff)
{
	page->index = pgoff & NB_PAGE_INDEX_MASK;
}

static inline void nb_page_set_index(const struct nb_system *sys, struct nb_page *page,
				     uint64_t pgoff)
{
	struct nb_page old, new;

	if (__builtin_expect(!sys->port->relax, 1)) {
		page->index = pgoff & NB_PAGE_INDEX_MASK;
		return;
	}
	do {
		old = new = nb_page_word(page);
		new.index = pgoff &NB_PAGE_INDEX_MASK;
	} while (!nb_page_swap_word(page, old.word, new.word));
}

static inline void nb_page_set_refs(const struct nb_system *sys, struct nb_page *page,
				    unsigned refs)
{
	struct nb_page old, new;

	if (__builtin_expect(!sys->port->relax, 1)) {
		page->refs = refs & 7u;
		return;
	}
	do {
		old = new = nb_page_word(page);
		new.refs = refs & 7u;
	} while (old.word != new.word && !nb_page_swap_word(page, old.word, new.word));
}

static inline void nb_page_set_cpupid_bits(const struct nb_system *sys, struct nb_page *page,
					   unsigned bits)
{
	struct nb_page old, new;

	if (__builtin_expect(!sys->port->relax, 1)) {
		page->cpupid = bits & ((1u << 21) - 1);
		return;
	}
	do {
		old = new = nb_page_word(page);
		new.cpupid = bits &((1u << 21) - 1);
	} while (!nb_page_swap_word(page, old.word, new.word));
}

#endif
