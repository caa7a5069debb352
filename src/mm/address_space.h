/* address_space.h -- a file's pages in memory, and what is known of the file.
 *
 * Called by filemap.c (files on a disk), shmem.c (files in memory), hugetlb.c, migrate.c, vmscan.c.
 * A page in it has PG_ANON clear, `mapping` = handle of its address space, `index` = page offset,
 * and holds one reference for the cache; everybody else has his own. Dirty and write-back stand
 * both in the page's flags and as marks in the tree, always together (equation in
 * nb_address_space_check(), with nrpages and nrshadows equal to a recount).
 * Threads: `lock` guards the tree and the counts; it is a leaf below mm->lock (order in rmap.h).
 */
#ifndef NB_MM_ADDRESS_SPACE_H
#define NB_MM_ADDRESS_SPACE_H

#include "mm/page.h"
#include "mm/radix.h"
#include "mm/rmap.h"
#include "mm/shared_policy.h"

#include <numabox/file.h>

/* A page descriptor keeps 40 bits of its index: no file is longer. */
#define NB_AS_MAX_INDEX ((UINT64_C(1) << 40) - 1)

enum nb_as_kind {
	NB_AS_FILE,    /* on a disk */
	NB_AS_SHMEM,   /* in memory: tmpfs, memfd, segments, shared anonymous */
	NB_AS_HUGETLB, /* hugetlb.c keeps its pages */
};

enum {
	NB_AS_UNNAMED = 1 << 0, /* shared anonymous memory (/dev/zero) */
	NB_AS_RANDOM = 1 << 1,  /* fadvise */
	NB_AS_SEQUENTIAL = 1 << 2,
	NB_AS_UNEVICTABLE = 1 << 3, /* SHM_LOCK */
	NB_AS_EIO = 1 << 4,         /* a page could not be written; told by the next fsync */
	NB_AS_WRITING = 1 << 5,     /* the flusher is about to write what has TOWRITE */
	NB_AS_LISTED = 1 << 6,      /* in the list of dirty files */
};

struct nb_address_space {
	struct nb_rmap rmap; /* first: its handle, and the VMAs that map it */
	struct nb_system *sys;
	enum nb_as_kind kind;
	unsigned flags; /* NB_AS_* */
	unsigned refs;
	uint64_t ino;
	uint64_t size; /* bytes */
	nb_gfp_t gfp;  /* of its pages */
	struct nb_lock lock;
	struct nb_radix pages;
	uint64_t nrpages, nrshadows;     /* base pages; shadow entries */
	uint64_t nr_dirty, nr_writeback; /* pages */
	uint64_t committed_pages; /* promised when it was made; 0: page by page (overcommit.h) */
	struct nb_shared_policy policy; /* shmem and hugetlb */
	void *private_data;             /* of its kind */
	struct nb_backing_ops backing;
	struct nb_readahead ra;   /* of faults, and of readers without a description of their own */
	uint64_t dirtied_ns;      /* when the first of its dirty pages became so */
	enum nb_wb_reason reason; /* NB_AS_WRITING: why */
	uint64_t writeback_index; /* where the flusher goes on */
	struct nb_radix replicas; /* replica.c: chains of copies on other nodes */
	struct nb_radix store;    /* bytes that no backing keeps, by page (backed systems) */
	struct nb_address_space *next_dirty, **dirty_link;
	struct nb_address_space *next, **link; /* all files */
	char name[64];
};

/* What files need of a system; made with the first. */
struct nb_file_side {
	struct nb_lock lock; /* the list, inode numbers */
	struct nb_address_space *files, **last;
	uint64_t next_ino;
	struct nb_pool as_pool, node_pool, range_pool;
	struct nb_writeback *writeback;
	struct nb_replication *replication;
	struct nb_shadow_nodes *shadows;
};

/* NULL without memory. */
struct nb_file_side *nb_file_side(struct nb_system *sys);

/* A new address space with one reference, in the list of all. NULL without memory. */
struct nb_address_space *nb_address_space_new(struct nb_system *sys, enum nb_as_kind kind,
					      const char *name, uint64_t size);

/* NB_AS_* on and off; several may at once. */
static inline void nb_as_flag(struct nb_address_space *as, unsigned set, unsigned clear)
{
	if (set)
		__atomic_fetch_or(&as->flags, set, __ATOMIC_RELAXED);
	if (clear)
		__atomic_fetch_and(&as->flags, ~clear, __ATOMIC_RELAXED);
}
static inline unsigned nb_as_flags(const struct nb_address_space *as)
{
	return __atomic_load_n(&as->flags, __ATOMIC_RELAXED);
}

/* Frees one without pages and references. */
void nb_address_space_free(struct nb_address_space *as);

static inline bool nb_as_is_shmem(const struct nb_address_space *as)
{
	return as->kind == NB_AS_SHMEM;
}

/* Bytes of the file; others may change it at any time. */
static inline uint64_t nb_as_size(const struct nb_address_space *as)
{
	return __atomic_load_n(&as->size, __ATOMIC_RELAXED);
}
static inline void nb_as_set_size(struct nb_address_space *as, uint64_t bytes)
{
	__atomic_store_n(&as->size, bytes, __ATOMIC_RELAXED);
}
/* A write came to `end`: the file is at least that long. */
static inline void nb_as_grow(struct nb_address_space *as, uint64_t end)
{
	uint64_t old = nb_as_size(as);

	while (end > old && !__atomic_compare_exchange_n(&as->size, &old, end, true,
							 __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}
/* A count that is changed under the file's lock and read without it. */
static inline void nb_as_add(uint64_t *count, int64_t n)
{
	__atomic_store_n(count, *count + (uint64_t)n, __ATOMIC_RELAXED);
}
static inline uint64_t nb_as_read(const uint64_t *count)
{
	return __atomic_load_n(count, __ATOMIC_RELAXED);
}

/* Pages up to the end of the file. */
static inline uint64_t nb_as_end_index(const struct nb_address_space *as)
{
	uint64_t size = nb_as_size(as);

	return (size >> as->sys->page_shift) +
	       ((size & ((UINT64_C(1) << as->sys->page_shift) - 1)) != 0);
}

/* The page at index with a reference for the caller, or NULL. *ret_shadow (may be NULL): the shadow
 * value that stands there instead, 0 for none. */
struct nb_page *nb_as_find(struct nb_address_space *as, uint64_t index, struct nb_zone **ret_zone,
			   uint64_t *ret_shadow);
/* Puts a fresh page there (`reading`: with NB_MARK_READING, as its bytes are still to come): a
 * reference for the cache, `mapping` and `index`, counters (nr_file, nr_shmem). *ret_shadow (may be
 * NULL) as above. 0, -NB_EEXIST, -NB_ENOMEM. Order is the page's. */
int nb_as_insert_reading(struct nb_address_space *as, uint64_t index, struct nb_zone *z,
			 struct nb_page *page, bool reading, uint64_t *ret_shadow);
static inline int nb_as_insert(struct nb_address_space *as, uint64_t index, struct nb_zone *z,
			       struct nb_page *page, uint64_t *ret_shadow)
{
	return nb_as_insert_reading(as, index, z, page, false, ret_shadow);
}
/* Takes a page out, leaving `shadow` (0: nothing) in its place. The cache's reference becomes the
 * caller's: nb_put_page() it. Marks go; a dirty page is dirty no more. */
void nb_as_remove(struct nb_address_space *as, struct nb_zone *z, struct nb_page *page,
		  uint64_t shadow);
/* For reclaim: removes a page that nobody but the cache and `refs` others hold, and that is not
 * dirty or being written. false: nothing is done. Source: __remove_mapping(). */
bool nb_as_remove_if_unused(struct nb_address_space *as, struct nb_zone *z, struct nb_page *page,
			    unsigned refs, uint64_t shadow);
/* Migration: `to` stands where `from` did, with its bytes, marks, flags and counters; the cache's
 * reference moves. `from` keeps the caller's reference. -NB_EAGAIN: more than `refs` references
 * beside the cache's. Source: folio_migrate_mapping(). */
int nb_as_replace(struct nb_address_space *as, struct nb_zone *zfrom, struct nb_page *from,
		  struct nb_zone *zto, struct nb_page *to, unsigned refs);

/* Under the file's lock: n pages of z came into the cache (or left it): nrpages, nr_file, nr_shmem.
 */
void nb_as_count(struct nb_address_space *as, struct nb_zone *z, int64_t n);

/* Marks with flags and counters, on a CPU. Each returns whether it was a change. */
bool nb_as_set_dirty(struct nb_zone *z, struct nb_page *page, int cpu);
bool nb_as_clear_dirty(struct nb_zone *z, struct nb_page *page);
bool nb_as_start_writeback(struct nb_zone *z, struct nb_page *page, int cpu);
bool nb_as_end_writeback(struct nb_zone *z, struct nb_page *page, int cpu);

/* The address space of a page that has one, or NULL: anonymous, or none any more. */
struct nb_address_space *nb_page_as(const struct nb_system *sys, const struct nb_page *page);

/* Recounts. 0, or -NB_EIO with *err. */
int nb_address_space_check(struct nb_address_space *as, struct nb_error *err);
/* All of a system's. */
int nb_files_check(const struct nb_system *sys, struct nb_error *err);

#endif
