/* numabox/page_alloc.h -- the page allocator.
 *
 * Callers: the simulator, the fault path, embedders. Every call names the
 *          virtual CPU it runs on; see system.h for threads.
 * Source:  mm/page_alloc.c; facts parts 2, 4, 5.
 */
#ifndef NUMABOX_PAGE_ALLOC_H
#define NUMABOX_PAGE_ALLOC_H

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

/* Frees what nb_alloc_pages() gave, with the same order. 0; -NB_EINVAL for a frame that is no
 * allocated block's first page of that order, or is still in use: then nothing is changed. */
int nb_free_pages(struct nb_system *sys, int cpu, nb_pfn_t pfn, unsigned order);

/* Empties the page sets of `cpu` (or of all CPUs: -1) into the buddy lists. */
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
};
/* What stands at a frame; -NB_ENOENT for a hole. Constant time. */
int nb_page_info(const struct nb_system *sys, nb_pfn_t pfn, struct nb_page_info *ret_info);

#ifdef __cplusplus
}
#endif
#endif
