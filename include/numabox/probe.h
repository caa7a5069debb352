/* numabox/probe.h -- what a request would do, test by test, without doing it.
 *
 * Callers: explain, doctor, whoever wants to know why a zone was passed over. Nothing of the system
 *          changes. The tests are the allocator's own (page_alloc.c, wmark_ok.c), so that what is
 *          told here is what nb_alloc_pages() does next.
 * Units:   pages. Counts that may go below zero are signed.
 * Threads: as the nb_*_info() readers.
 */
#ifndef NUMABOX_PROBE_H
#define NUMABOX_PROBE_H

#include <numabox/page_alloc.h>
#include <numabox/task.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Which attempt of the allocator is looked at. Source: mm/page_alloc.c, __alloc_pages(). */
enum nb_probe_step {
	NB_PROBE_FAST, /* the first walk: low marks, nothing is woken */
	NB_PROBE_SLOW, /* after kswapd was woken: min marks, with the request's rights */
};

enum nb_probe_verdict {
	NB_PROBE_PASSES,
	NB_PROBE_SHORT,      /* too few usable pages above mark and reserve */
	NB_PROBE_PIECES,     /* enough pages, but no free block that is large enough */
	NB_PROBE_EMPTY,      /* no managed pages */
	NB_PROBE_TOO_HIGH,   /* a zone above what the request may use */
	NB_PROBE_NODEMASK,   /* its node is not in the request's mask (policy) */
	NB_PROBE_CPUSET,     /* its node is not in the task's cpuset */
	NB_PROBE_OTHER_NODE, /* __GFP_THISNODE, and this is another */
};

/* One zone's test:  free - unusable > mark_reduced + reserve, then a block of the order.
 * unusable = block_pages + highatomic_pages + cma_pages. */
struct nb_zone_probe {
	int nid;
	enum nb_zone_type zone;
	enum nb_probe_verdict verdict;
	enum nb_wmark mark; /* the one that decided */
	int64_t free_pages;
	int64_t block_pages;      /* (1 << order) - 1: what the block itself takes */
	int64_t highatomic_pages; /* kept for high-order atomic requests; 0 where allowed */
	int64_t cma_pages;        /* free CMA pages that this request may not use */
	int64_t mark_pages;       /* with boost_pages in it */
	int64_t boost_pages;
	int64_t mark_reduced_pages; /* after what the request's rights take off it */
	int64_t reserve_pages;      /* lowmem_reserve[] of this request in this zone */
	int64_t spare_pages;        /* usable less mark and reserve; must be above 0 */
	int largest_order;          /* of a free block that it may take from; -1 none */
};

/* What a request comes to before any zone is tried. */
struct nb_request_probe {
	int nid;           /* whose zonelist is walked */
	int preferred_nid; /* of the first zone that it may use: numastat compares with it;
			      NB_NO_NODE: none */
	bool masked;       /* `nodes` limits the walk */
	struct nb_nodemask nodes;
	enum nb_zone_type highest_zone;
	enum nb_migratetype migratetype;
	bool thisnode;
	bool may_reclaim, may_compact, wakes_kswapd;
	bool costly; /* order > 3: given up early, never by an OOM kill */
	bool may_oom;
	bool ignores_marks; /* MEMALLOC: takes pages below every mark */
	bool min_reserve, non_block, oom_reserve, highatomic; /* rights below the min mark */
};

/* What would nb_alloc_pages(rq) work with? With rq->task and nid NB_NO_NODE the task's policy is
 * asked; an interleave policy then goes by `index`, a page's place in its mapping, or by the task's
 * counter where it is NB_UNKNOWN (the counter is not moved). 0; -NB_EINVAL for a request that
 * nb_alloc_pages() refuses. */
int nb_probe_request(struct nb_system *sys, const struct nb_alloc_request *rq, uint64_t index,
		     struct nb_request_probe *ret);

/* Is told of a zone; *z lasts for the call. false: that is enough. */
typedef bool nb_probe_fn(void *arg, const struct nb_zone_probe *z);
/* Walks the zonelist as that step does and calls fn for each of its zones in order, closed ones
 * too, until fn returns false. Returns true when some zone passed (also when fn ended the walk
 * there). Empty zones are not in a zonelist. `index` as in nb_probe_request(). */
bool nb_probe_walk(struct nb_system *sys, const struct nb_alloc_request *rq, uint64_t index,
		   enum nb_probe_step step, nb_probe_fn *fn, void *arg);

/* The test of one zone as if `free_pages` of it were free (NB_UNKNOWN: as many as are), whether or
 * not the request's list holds it; `mark` is what is tested. -NB_ENODEV, -NB_EINVAL. */
int nb_probe_zone(struct nb_system *sys, const struct nb_alloc_request *rq, int nid,
		  enum nb_zone_type type, enum nb_probe_step step, enum nb_wmark mark,
		  uint64_t free_pages, struct nb_zone_probe *ret);

/* The policy that places a page at addr, as numa_maps shows it: the mapping's own (or its
 * object's), else the task's. Mode with flags; the nodes in force, not those that were asked for.
 * -NB_EFAULT: no mapping. Source: fs/proc/task_mmu.c, show_numa_map(). */
int nb_probe_policy(const struct nb_task *t, uint64_t addr, int *ret_mode,
		    struct nb_nodemask *ret_nodes);

/* Shares that marks are made of. Source: facts 2.1, 2.2; mm/watermark.c. */
struct nb_wmark_parts {
	uint64_t min_free_pages; /* min_free_kbytes in pages */
	uint64_t lowmem_pages;   /* managed pages of all zones that share it */
	uint64_t managed_pages;  /* of this zone, as counted when the marks were set */
	bool shares;             /* false: HighMem and its kin, clamped instead */
	uint64_t share_pages;    /* min_free x managed / lowmem */
	uint64_t quarter_pages;  /* share / 4 */
	uint64_t scaled_pages;   /* managed x watermark_scale_factor / 10000 */
	unsigned scale_factor;   /* 0: this kernel has none */
	uint64_t min_pages, low_pages, high_pages, promo_pages; /* without boost */
	bool in_force; /* the zone's marks are these; false: they were set otherwise (observed) */
};
/* How the zone's marks come about. -NB_ENODEV, -NB_EINVAL as nb_zone_info(). */
int nb_probe_wmark_parts(const struct nb_system *sys, int nid, enum nb_zone_type type,
			 struct nb_wmark_parts *ret);

/* How min_free_kbytes comes about at boot. Source: facts 2.1. */
struct nb_min_free_parts {
	uint64_t lowmem_kib;  /* pages that GFP_USER requests could get, at that moment */
	unsigned root_factor; /* 16: sqrt(lowmem x 16) */
	uint64_t root_kib;    /* the root, before and ... */
	uint64_t clamped_kib; /* ... after the clamp to 128 .. max */
	uint64_t max_kib;
	bool thp;           /* khugepaged asks for a recommendation */
	unsigned thp_zones; /* populated zones that it counts */
	uint64_t pageblock_pages;
	uint64_t thp_wanted_kib; /* pageblock x zones x 11 pages */
	uint64_t thp_cap_kib;    /* a twentieth of what GFP_USER could get above the high marks */
	uint64_t thp_kib;        /* the lesser of the two */
	bool again;              /* huge pages are off: the root is taken again, without the
				    first high marks */
	uint64_t again_lowmem_kib, again_kib;
	uint64_t in_force_kib; /* now */
	bool by_user;          /* a sysctl set it */
};
/* What vm.min_free_kbytes is made of on this machine. */
void nb_probe_min_free(const struct nb_system *sys, struct nb_min_free_parts *ret);

#ifdef __cplusplus
}
#endif

#endif
