/* hugetlb.h -- pools of huge pages: what is inside of them.
 *
 * Called by hugetlb*.c among themselves, by fault.c, mmap.c and fork.c for mappings with
 * NB_VM_HUGETLB, by migration, and by views through include/numabox/hugetlb.h.
 * A pool (struct nb_hstate) holds the huge pages of one size on all nodes. A page of it is free (in
 * the list of its node, refcount 0) or in use. Equations, proved by nb_hugetlb_check():
 *   nr == sum of nr_node[]; free, surplus likewise
 *   free_node[n] == pages in list[n] <= nr_node[n]; surplus <= nr (a node may have more surplus
 *   than pages: who shrinks a pool does not look whether a free page was surplus)
 *   resv <= free
 * Units: huge pages, but where a name says otherwise; nodes by position in sys->pgdat[].
 * Locks: nb_hugetlb.lock guards counts, lists, reservations and files; it is not held while
 * the page allocator is asked. It is a leaf below mm->lock.
 * Source: mm/hugetlb.c, struct hstate.
 */
#ifndef NB_MM_HUGETLB_H
#define NB_MM_HUGETLB_H

#include "mm/address_space.h"
#include "mm/vma.h"

#include <numabox/hugetlb.h>

#define NB_MAX_HSTATES 4

struct nb_hstate {
	unsigned order; /* log2 of base pages */
	bool gigantic;  /* more than the free lists can hold */
	uint64_t kib;   /* its name: hugepages-%lukB */
	/* node ids: whose turn it is */
	int next_nid_to_alloc, next_nid_to_free;
	uint64_t max; /* persistent pages wanted: what /proc/sys/vm/nr_hugepages shows */
	uint64_t nr, free, resv, surplus, overcommit;
	uint64_t *nr_node, *free_node, *surplus_node;
	struct nb_list *list; /* free pages by node, the next to be handed out first */
};

/* A range of huge page offsets [from, to) in a reservation map. */
struct nb_region {
	struct nb_region *next;
	uint64_t from, to;
};

/* Of a shared mapping's file: what is reserved or was once. Of a private mapping: what it has used
 * up of its reservation, which is as large as the mapping. */
struct nb_resv_map {
	unsigned refs;
	struct nb_region *regions; /* ascending, never touching */
};

/* A mounted hugetlbfs's own limits. Equation: with a minimum, reserved == the part of it that is
 * not handed out. Source: struct hugepage_subpool. */
struct nb_subpool {
	struct nb_hstate *h;
	unsigned refs;     /* files and the mount */
	uint64_t max, min; /* UINT64_MAX: none */
	uint64_t used;     /* counted against max, where there is one */
	uint64_t reserved; /* of min */
};

/* A file of hugetlbfs, a shared memory segment, or what stands behind MAP_HUGETLB: what its
 * nb_address_space (kind NB_AS_HUGETLB) has in private_data. Its pages are in the address space's
 * tree by huge page offset, and count in none of its counters. */
struct nb_huge_file {
	struct nb_hstate *h;
	struct nb_subpool *subpool; /* NULL: no limits */
	struct nb_resv_map resv;
};

/* A mounted hugetlbfs. */
struct nb_hugetlbfs {
	struct nb_system *sys;
	struct nb_subpool *subpool;
	struct nb_hstate *h;
};

struct nb_hugetlb {
	struct nb_system *sys;
	struct nb_lock lock;
	struct nb_hstate hstate[NB_MAX_HSTATES];
	unsigned nr_hstates, default_hstate;
	struct nb_pool region_pool, map_pool, subpool_pool, file_pool, mount_pool;
};

/* hugetlb.c. Boot: the pools of the system, empty; NULL without memory or where the kernel has
 * none.
 */
struct nb_hugetlb *nb_hugetlb_make(struct nb_system *sys);
/* The pool of a size; NULL: none. */
struct nb_hstate *nb_hstate_by_bytes(const struct nb_system *sys, uint64_t bytes);
static inline struct nb_hstate *nb_hstate_default(struct nb_hugetlb *s)
{
	return &s->hstate[s->default_hstate];
}
/* Of a page that has PG_HUGETLB. */
static inline struct nb_hstate *nb_page_hstate(const struct nb_system *sys,
					       const struct nb_page *head)
{
	return &sys->hugetlb->hstate[nb_page_cpupid_bits(head)];
}
static inline void nb_page_set_hstate(const struct nb_system *sys, struct nb_page *head,
				      const struct nb_hstate *h)
{
	head->cpupid = (unsigned)(h - sys->hugetlb->hstate) & 0xff;
}
static inline uint64_t nb_hstate_bytes(const struct nb_system *sys, const struct nb_hstate *h)
{
	return UINT64_C(1) << (h->order + sys->page_shift);
}
static inline uint64_t nb_hstate_persistent(const struct nb_hstate *h)
{
	return h->nr - h->surplus;
}
/* What hugetlb pages are asked for with. Source: htlb_alloc_mask(). */
nb_gfp_t nb_hstate_gfp(const struct nb_system *sys, const struct nb_hstate *h);

/* Lists and counts, under the lock. */
/* Puts a page that is in use into its node's list. */
void nb_hstate_enqueue(struct nb_hstate *h, struct nb_zone *z, struct nb_page *page);
/* The first free page of a node (by position), now in use with one reference; NULL: none. */
struct nb_page *nb_hstate_dequeue_node(struct nb_system *sys, struct nb_hstate *h, unsigned node,
				       struct nb_zone **ret_zone);
/* Takes a page that is in no list out of the counts; `surplus`: it was one. */
void nb_hstate_remove(struct nb_hstate *h, struct nb_zone *z, bool surplus);

/* Pages from the machine and back, without the lock. */
/* One from node `nid` (with __GFP_THISNODE in gfp: from there alone); counted nowhere yet. */
struct nb_page *nb_hstate_alloc_buddy(struct nb_system *sys, struct nb_hstate *h, nb_gfp_t gfp,
				      int nid, const struct nb_nodemask *mask, int cpu,
				      struct nb_task *task, struct nb_zone **ret_zone);
void nb_hstate_free_buddy(struct nb_system *sys, struct nb_hstate *h, struct nb_zone *z,
			  struct nb_page *page, int cpu);
/* hugetlb_gigantic.c: 1 << order pages in a row, all free, aligned; NULL: there are none. */
struct nb_page *nb_alloc_gigantic(struct nb_system *sys, struct nb_hstate *h, nb_gfp_t gfp, int nid,
				  const struct nb_nodemask *mask, int cpu,
				  struct nb_zone **ret_zone);
/* The one that begins at a frame, when all of it is free. */
struct nb_page *nb_take_gigantic_at(struct nb_system *sys, struct nb_hstate *h, nb_pfn_t pfn,
				    int cpu, struct nb_zone **ret_zone);
void nb_free_gigantic(struct nb_system *sys, struct nb_hstate *h, struct nb_zone *z,
		      struct nb_page *page, int cpu);

/* hugetlb_pool.c. The CPU that works for a task; NULL: the first. */
int nb_huge_cpu(const struct nb_system *sys, const struct nb_task *task);
/* Changes the number of pages: of node `nid` (its id) or, with NB_NO_NODE, of all
 * together, by using the nodes of `allowed`. 0 even if only a part was reached; -NB_ENOMEM.
 * Source: set_max_huge_pages(). */
int nb_hstate_set_max(struct nb_system *sys, struct nb_hstate *h, uint64_t count, int nid,
		      const struct nb_nodemask *allowed, struct nb_task *task);
/* A page above the persistent ones, in use with one reference. NULL: overcommit is used up, or no
 * memory. */
struct nb_page *nb_hstate_alloc_surplus(struct nb_system *sys, struct nb_hstate *h, nb_gfp_t gfp,
					int nid, const struct nb_nodemask *mask,
					struct nb_task *task, struct nb_zone **ret_zone);
/* Reserves (delta > 0; 0 or -NB_ENOMEM) or gives back (delta < 0) huge pages.
 * Source: hugetlb_acct_memory(). */
int nb_hstate_acct(struct nb_system *sys, struct nb_hstate *h, int64_t delta, struct nb_task *task);
/* The last reference of a page is gone. restore: its reservation comes back. Without the lock.
 * Source: free_huge_folio(). */
void nb_hstate_free_page(struct nb_system *sys, struct nb_zone *z, struct nb_page *page,
			 struct nb_subpool *sp, bool restore, int cpu);
/* Boot: hugepages= and hugepagesz=, in the order of the command line. */
void nb_hugetlb_boot(struct nb_system *sys);

/* hugetlb_resv.c. Maps; -NB_ENOMEM where a region is missing, then nothing is changed. */
/* Pages of [from, to) that are not in it. */
uint64_t nb_region_missing(const struct nb_resv_map *m, uint64_t from, uint64_t to);
/* Adds them; how many were missing. */
int64_t nb_region_add(struct nb_hugetlb *s, struct nb_resv_map *m, uint64_t from, uint64_t to);
/* Takes them out; how many were there. */
int64_t nb_region_del(struct nb_hugetlb *s, struct nb_resv_map *m, uint64_t from, uint64_t to);
/* Subpools (NULL: no limits). get: how many must be reserved globally, or -NB_ENOMEM; put: how many
 * may be given back globally. */
int64_t nb_subpool_get(struct nb_subpool *sp, uint64_t pages);
uint64_t nb_subpool_put(struct nb_subpool *sp, uint64_t pages);

/* hugetlb_file.c */
static inline struct nb_huge_file *nb_huge_file(const struct nb_address_space *as)
{
	return as->private_data;
}
static inline struct nb_hstate *nb_vma_hstate(const struct nb_vma *v)
{
	return nb_huge_file(v->file)->h;
}
/* A file of `size` bytes (whole huge pages) without pages and reservations. NULL: no memory. */
struct nb_address_space *nb_huge_file_new(struct nb_system *sys, struct nb_hstate *h,
					  struct nb_subpool *sp, const char *name, uint64_t size);
/* Its last reference is gone: pages and reservations go. For nb_file_put(). */
void nb_huge_file_release(struct nb_address_space *as);
/* Reserves the offsets [from, to): of the file (v NULL or shared), or of v alone. 0, -NB_ENOMEM.
 * Source: hugetlb_reserve_pages(). */
int nb_huge_reserve(struct nb_task *t, struct nb_address_space *as, uint64_t from, uint64_t to,
		    struct nb_vma *v);
/* The page at an offset with a reference for the caller; NULL: none. */
struct nb_page *nb_huge_file_find(struct nb_address_space *as, uint64_t index,
				  struct nb_zone **ret_zone);
/* Puts a page there, with a reference for the cache. 0, -NB_ENOMEM, -NB_EEXIST. */
int nb_huge_file_insert(struct nb_address_space *as, uint64_t index, struct nb_zone *z,
			struct nb_page *page);
/* ftruncate(2): -NB_EINVAL unless it is a multiple of the page's size. */
int nb_huge_truncate(struct nb_task *t, struct nb_address_space *as, uint64_t size);
/* Node of what holds base page `index`; -NB_ENOENT. */
int nb_huge_file_node(struct nb_address_space *as, uint64_t index);
/* read(2) within one base page: what is absent reads as zeros, and stays absent. */
void nb_huge_file_read(struct nb_task *t, struct nb_address_space *as, uint64_t offset, void *buf,
		       uint64_t bytes);
/* fallocate(2), with `punch` a hole. Bytes. 0, -NB_ENOSPC. */
int nb_huge_fallocate(struct nb_task *t, struct nb_address_space *as, uint64_t offset,
		      uint64_t bytes, bool punch);

/* hugetlb_alloc.c. A page for huge offset `index` of a mapping, in use with one reference: out of
 * its reservation, the pool or surplus, where the policy wants it. */
struct nb_huge_request {
	struct nb_task *task;
	struct nb_address_space *file;
	const struct nb_vma *v; /* NULL: fallocate() */
	uint64_t index;
	bool cow_from_owner; /* not out of the reservation */
	/* out */
	struct nb_zone *zone;
	bool restore; /* it was reserved: free it with this until it is mapped or cached */
};
/* NULL: -NB_ENOSPC (SIGBUS). Source: alloc_hugetlb_folio(). */
struct nb_page *nb_huge_alloc(struct nb_huge_request *rq);
/* The first free page of the zonelist of `nid`, filtered by mask and the task's cpuset; `exact`: of
 * that node alone. Under the lock. Source: dequeue_hugetlb_folio_nodemask(). */
struct nb_page *nb_hstate_dequeue(struct nb_system *sys, struct nb_hstate *h,
				  const struct nb_task *task, int nid,
				  const struct nb_nodemask *mask, bool exact,
				  struct nb_zone **ret_zone);
/* References of hugetlb pages; the last one gives it back to its pool. */
void nb_huge_put(struct nb_system *sys, struct nb_zone *z, struct nb_page *page,
		 struct nb_subpool *sp, int cpu);

/* hugetlb_fault.c, hugetlb_vma.c: mappings, under the mm's lock; v has NB_VM_HUGETLB, [start, end)
 * lies in it. */
/* As nb_fault_range(); -NB_EFAULT is SIGBUS where the protection allows. One fault a huge page. */
int nb_hugetlb_fault_range(struct nb_task *t, struct nb_vma *v, uint64_t start, uint64_t end,
			   bool write, uint64_t *faulted);
/* mmap(2) of a hugetlb file, or with NB_MAP_HUGETLB (as NULL). */
int nb_hugetlb_mmap(struct nb_task *t, struct nb_address_space *as, uint64_t offset, uint64_t addr,
		    uint64_t length_bytes, int prot, int flags, uint64_t *ret_addr);
/* Unmaps whole huge pages; only `only` where that is not NULL. */
void nb_hugetlb_zap(struct nb_task *t, struct nb_vma *v, uint64_t start, uint64_t end,
		    const struct nb_page *only);
/* The same for all VMAs of [start, end) that map huge pages. */
void nb_hugetlb_zap_range(struct nb_task *t, uint64_t start, uint64_t end);
/* Unmaps the page at a huge offset of a file from whoever maps it. */
void nb_hugetlb_unmap_page(struct nb_address_space *as, uint64_t index, const struct nb_page *page,
			   int cpu);
/* A copy of v is made (vma_dup) or goes (vma_free). The copy of a fork begins without a
 * reservation.
 */
void nb_hugetlb_vma_dup(struct nb_vma *copy);
void nb_hugetlb_vma_fork(struct nb_vma *child);
void nb_hugetlb_vma_free(struct nb_vma *v);
/* The parent's pages into the child's tables. 0, -NB_ENOMEM. */
int nb_hugetlb_fork(struct nb_task *t, struct nb_vma *child, const struct nb_vma *parent);
/* Entries follow a change of protection. */
void nb_hugetlb_protect(struct nb_vma *v, uint64_t start, uint64_t end, int prot);
/* May v be cut at addr? Only between huge pages. */
static inline bool nb_hugetlb_may_split(const struct nb_vma *v, uint64_t addr)
{
	return !(v->flags & NB_VM_HUGETLB) ||
	       !(addr & (nb_hstate_bytes(v->mm->sys, nb_vma_hstate(v)) - 1));
}
/* madvise(MADV_DONTNEED): what of [start, *end) it is about. 0, -NB_EINVAL. Source:
 * madvise_dontneed_free_valid_vma(). */
int nb_hugetlb_dontneed_range(const struct nb_vma *v, uint64_t start, uint64_t *end);
/* Each mapped page of [start, end): fn gets the entry of its spot. */
typedef void nb_hugetlb_visit_fn(void *arg, struct nb_vma *v, uint64_t addr, uint64_t *pte,
				 struct nb_zone *z, struct nb_page *page);
void nb_hugetlb_visit(struct nb_vma *v, uint64_t start, uint64_t end, nb_hugetlb_visit_fn *fn,
		      void *arg);

/* hugetlb_migrate.c. The page (mapped or cached, with one more reference, which is used up) to
 * another of its pool or a temporary one, on `nid` with the nodes of `mask` (NULL: all); `any`:
 * from other nodes too when there is none. 0, -NB_ENOMEM, -NB_EBUSY: others know of it; both leave
 * it and the reference as they are. Source: alloc_hugetlb_folio_nodemask(), move_hugetlb_state().
 */
int nb_hugetlb_migrate(struct nb_system *sys, struct nb_zone *z, struct nb_page *page,
		       struct nb_task *task, int nid, const struct nb_nodemask *mask, bool any);

/* Counts and lists against each other. 0, or -NB_EIO with *err. */
int nb_hugetlb_check(const struct nb_system *sys, struct nb_error *err);

#endif
