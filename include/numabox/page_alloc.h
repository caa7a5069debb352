/* numabox/page_alloc.h -- the page allocator.
 *
 * Callers: the simulator, the fault path, embedders. Every call names the
 *          virtual CPU it runs on; see system.h for threads.
 * Pages:   a call gives pages by frame number, or, where the kernel's gives an
 *          address, by address in the system's linear map (nb_page_address()).
 * Checks:  a free that is wrong is refused and changes nothing: what it gave was never
 *          allocated, or is free already, begins elsewhere, has another order, or is still in
 *          use. nb_free_pages_why() tells which; with nb_boot_options.debug (and in builds
 *          without NDEBUG) the system reports each by an event, and looks at more.
 * Source:  mm/page_alloc.c; facts parts 2, 4, 5.
 */
#ifndef NUMABOX_PAGE_ALLOC_H
#define NUMABOX_PAGE_ALLOC_H

#include <numabox/error.h>
#include <numabox/gfp.h>
#include <numabox/system.h>

#ifdef __cplusplus
extern "C" {
#endif

struct nb_task;

/* One request; nothing in it is written. */
struct nb_alloc_request {
	nb_gfp_t gfp;
	unsigned order;                     /* 0 .. max_order */
	int cpu;                            /* the running CPU */
	int nid;                            /* preferred node, or NB_NO_NODE: the CPU's own */
	const struct nb_nodemask *nodemask; /* NULL: all */
	struct nb_task *task;               /* for its policy, cpuset and flags; may be NULL */
};

/* Allocates 1 << order pages; the first one's frame, or NB_NO_PFN. With a task and
 * nid == NB_NO_NODE the task's policy decides (alloc_pages()); with a nid no policy is
 * asked (alloc_pages_node()). */
nb_pfn_t nb_alloc_pages(struct nb_system *sys, const struct nb_alloc_request *rq);

/* One page for no task in particular: near `cpu`, or NB_NO_PFN. Source: alloc_page(). */
nb_pfn_t nb_alloc_page(struct nb_system *sys, int cpu, nb_gfp_t gfp);

/* 1 << order pages from `nid` on along its fallback list (NB_NO_NODE: the CPU's own node), or
 * NB_NO_PFN. No policy is asked. Source: alloc_pages_node(). */
nb_pfn_t nb_alloc_pages_node(struct nb_system *sys, int cpu, int nid, nb_gfp_t gfp, unsigned order);

/* Fills the holes (NB_NO_PFN) among pfns[0 .. nr_pages) with single pages, as far as one zone's
 * page set and free lists give them without reclaim; where no local zone has room for all of them
 * above its low mark, a single page is requested by the full path. rq->order is 0; no policy is
 * asked, and no mm_page_alloc event tells of pages that came out of the set. Returns how many
 * entries from the first on were looked at and hold a page (some may have held one before): less
 * than nr_pages means that the call may be tried again. Source: alloc_pages_bulk(), 5.13 and
 * later; older profiles get the same. */
unsigned nb_alloc_pages_bulk(struct nb_system *sys, const struct nb_alloc_request *rq,
			     unsigned nr_pages, nb_pfn_t *pfns);

/* Frees what nb_alloc_pages() gave, with the same order. 0; -NB_EINVAL for a frame that is no
 * allocated block's first page of that order, or is still in use: then nothing is changed. */
int nb_free_pages(struct nb_system *sys, int cpu, nb_pfn_t pfn, unsigned order);

/* Why nb_free_pages() would refuse: 0 when it would not, else -NB_EINVAL, and *err (may be NULL)
 * says what is wrong: "frame 0x1234: freed twice: it heads a free block of order 3". Changes
 * nothing. */
int nb_free_pages_why(const struct nb_system *sys, nb_pfn_t pfn, unsigned order,
		      struct nb_error *err);

/* Makes 1 << order single pages of an allocated block, each with a reference of its own, to be
 * freed one by one. 0; -NB_EINVAL for what nb_free_pages() refuses, and for a compound page
 * (__GFP_COMP). Source: split_page(). */
int nb_split_page(struct nb_system *sys, nb_pfn_t pfn, unsigned order);

/* Where the kernel's linear map has a frame: PAGE_OFFSET + pfn << page shift, an address that only
 * other calls understand; in a system booted with nb_boot_options.backed, the host's address of
 * the page's bytes. 0 for a hole, and for a page of high memory, which the map leaves out.
 * Source: page_address(). */
uint64_t nb_page_address(const struct nb_system *sys, nb_pfn_t pfn);
/* The way back: NB_NO_PFN for an address outside. Source: virt_to_page(). */
nb_pfn_t nb_address_to_pfn(const struct nb_system *sys, uint64_t addr);

/* Pages by address; 0 without memory. `order` as ever; high memory is never used, whatever gfp
 * says. Source: __get_free_pages(). */
uint64_t nb_get_free_pages(struct nb_system *sys, int cpu, nb_gfp_t gfp, unsigned order);
/* One page. Source: __get_free_page(). */
uint64_t nb_get_free_page(struct nb_system *sys, int cpu, nb_gfp_t gfp);
/* One page of zeroes. Source: get_zeroed_page(). */
uint64_t nb_get_zeroed_page(struct nb_system *sys, int cpu, nb_gfp_t gfp);
/* A block that lies in the DMA zone. Source: __get_dma_pages(). */
uint64_t nb_get_dma_pages(struct nb_system *sys, int cpu, nb_gfp_t gfp, unsigned order);

/* Frees what these gave. 0 (also for address 0: nothing is done), or -NB_EINVAL as
 * nb_free_pages(). Source: free_pages(), free_page(). */
int nb_free_pages_addr(struct nb_system *sys, int cpu, uint64_t addr, unsigned order);

/* `bytes` of consecutive memory in whole pages, the rest of the block given back at once (to the
 * tails of the free lists); an address, or 0. __GFP_COMP and __GFP_HIGHMEM are ignored.
 * Source: alloc_pages_exact(). */
uint64_t nb_alloc_pages_exact(struct nb_system *sys, int cpu, uint64_t bytes, nb_gfp_t gfp);
/* Frees the same number of bytes. 0, or -NB_EINVAL, and then nothing is changed.
 * Source: free_pages_exact(). */
int nb_free_pages_exact(struct nb_system *sys, int cpu, uint64_t addr, uint64_t bytes);

/* Empties the page sets of `cpu` (or of all CPUs: -1) into the buddy lists, and folds what they
 * keep back of the zones' counters, as when a CPU goes offline: free_pages is exact then. Source:
 * page_alloc_cpu_dead(). */
void nb_drain_pages(struct nb_system *sys, int cpu);

struct nb_page_info {
	int nid;
	enum nb_zone_type zone;
	uint32_t flags; /* NB_PAGE_* */
	uint32_t refcount;
	int32_t mapcount;
	uint64_t mapping; /* handle; 0 none */
	uint64_t index;
	int order;                       /* of the block it heads; -1 otherwise */
	enum nb_migratetype migratetype; /* of its pageblock */
};
enum {
	NB_PAGE_BUDDY = 1 << 0,    /* heads a free block */
	NB_PAGE_PCP = 1 << 1,      /* lies in a page set */
	NB_PAGE_RESERVED = 1 << 2, /* present but never given to the allocator */
	NB_PAGE_FREE = 1 << 3,     /* inside a free block or extent */
	NB_PAGE_HEAD = 1 << 4,     /* first page of an allocated block */
	NB_PAGE_ANON = 1 << 5,
	NB_PAGE_LRU = 1 << 6,
	NB_PAGE_SYSTEM = 1 << 7, /* in use when observation began */
	/* of pages in use, as the kernel's flags of these names */
	NB_PAGE_REFERENCED = 1 << 8,
	NB_PAGE_ACTIVE = 1 << 9,
	NB_PAGE_DIRTY = 1 << 10,
	NB_PAGE_WRITEBACK = 1 << 11,
	NB_PAGE_SWAPBACKED = 1 << 12,
	NB_PAGE_SWAPCACHE = 1 << 13,
	NB_PAGE_UNEVICTABLE = 1 << 14,
	NB_PAGE_MLOCKED = 1 << 15,
	NB_PAGE_COMPOUND = 1 << 16,
	NB_PAGE_HUGETLB = 1 << 17,
	NB_PAGE_RECLAIM = 1 << 18,
};
/* What stands at a frame; -NB_ENOENT for a hole. Constant time. */
int nb_page_info(const struct nb_system *sys, nb_pfn_t pfn, struct nb_page_info *ret_info);

#ifdef __cplusplus
}
#endif
#endif
