/* memcg.h -- memory cgroups, inside mm: who pays for a page, and on whose lists it stands.
 *
 * Called by whoever brings a page in for a task (fault.c, filemap.c, shmem.c, swap_in.c, huge
 * pages, page tables), by rmap.c when it goes, by reclaim for the lists of a group. As long as a
 * system has no group sys->memcg is NULL and nothing here costs more than one test.
 * A page is marked with the number of its group (p->memcg_of[dense]; 0 the root, or nobody), a swap
 * slot as well. A charge counts in the group and in all above; 64 pages at a time, what is left
 * over waits in the CPU's stock.
 * Equation (nb_memcg_check()): memory.usage of a group == pages marked with it or with one below it
 * + what stocks keep of them. Locks: side->lock, a leaf below everything.
 * Source: mm/memcontrol.c, mm/page_counter.c, mm/vmscan.c: mem_cgroup_iter() and its callers.
 */
#ifndef NB_MM_MEMCG_H
#define NB_MM_MEMCG_H

#include "mm/page_alloc.h"
#include "mm/task.h"

#include <numabox/memcg.h>

struct nb_lruvec;
struct nb_swap_area;

#define NB_MEMCG_MAX_ID 32766u /* with its node and clock it fits into a shadow entry */
#define NB_MEMCG_KMEM 0x8000u  /* in a page's mark: memory of the kernel, on no list */

/* Source: struct page_counter. */
struct nb_counter {
	uint64_t usage, max, failcnt, peak;
	struct nb_counter *parent;
};

struct nb_memcg {
	struct nb_system *sys;
	struct nb_memcg *parent, *child, *next; /* next: sibling, in the order of making */
	char name[NB_MEMCG_NAME_MAX + 1];
	unsigned id;
	bool online;
	struct nb_counter memory, swap; /* swap: in v1 memory and swap together */
	uint64_t kmem;                  /* page tables, of the group and those below */
	uint64_t knob[NB_NR_MEMCG_KNOBS];
	uint64_t emin, elow; /* protection that holds in the reclaim under way */
	uint64_t marks;      /* pages and slots that name it */
	uint64_t event[NB_NR_MEMCG_EVENTS], event_local[NB_NR_MEMCG_EVENTS];
	_Atomic uint64_t count[NB_NR_MEMCG_COUNTS];
	struct nb_lruvec **lruvec; /* [position of the node] */
	struct nb_memcg **resume;  /* [position]: where the last partial walk stopped; NULL: anew */
};

/* A CPU's pages that are charged already. Source: struct memcg_stock_pcp. */
struct nb_memcg_stock {
	struct nb_memcg *cached;
	uint64_t nr;
};

/* sys->memcg */
struct nb_memcg_side {
	struct nb_lock lock;
	struct nb_memcg *root;
	struct nb_memcg **by_id; /* [NB_MEMCG_MAX_ID + 1] */
	unsigned top_id;
	struct nb_memcg_stock *stock; /* [cpu id] */
	uint64_t batch;               /* pages charged at a time */
	struct nb_pool pool, lruvec_pool;
	bool v1, used;
};

/* ---- memcg.c ---- */

/* The first group behind cg in a walk below and with `top`, parents first, removed ones too; cg ==
 * NULL: top itself. */
struct nb_memcg *nb_memcg_walk(const struct nb_memcg *top, const struct nb_memcg *cg);
/* Adds 1 to an event of the group and of those above, but the root. */
void nb_memcg_event(struct nb_memcg *cg, enum nb_memcg_event e);
/* Is cg `top` or below it? */
bool nb_memcg_below(const struct nb_memcg *cg, const struct nb_memcg *top);
/* At the system's end. */
void nb_release_memcg(struct nb_system *sys);

/* ---- memcg_charge.c ---- */

/* Charges nr pages to the group. gfp as the request's; t NULL: a write to a file of the cgroup's.
 * 0 or -NB_ENOMEM. Source: try_charge_memcg(). */
int nb_memcg_try_charge(struct nb_memcg *cg, struct nb_task *t, nb_gfp_t gfp, uint64_t nr);
/* Gives nr pages back: to the counters, or to the CPU's stock where the kernel does. */
void nb_memcg_cancel(struct nb_memcg *cg, uint64_t nr);
void nb_memcg_refill(struct nb_memcg *cg, uint64_t nr, int cpu);
/* What stocks keep of the group and those below goes back. Source: drain_all_stock(). */
void nb_memcg_drain_stocks(struct nb_memcg *cg);
/* Pages that fit below the limit. Source: mem_cgroup_margin(). */
uint64_t nb_memcg_margin(const struct nb_memcg *cg);
/* The task's debt for going over memory.high. Source: __mem_cgroup_handle_over_high(). */
void nb_memcg_over_high(struct nb_task *t);
/* side->lock held. false: *ret_full is full. Source: page_counter_try_charge(). */
bool nb_counter_try(struct nb_counter *c, uint64_t nr, struct nb_counter **ret_full);
void nb_counter_add(struct nb_counter *c, uint64_t nr);
void nb_counter_sub(struct nb_counter *c, uint64_t nr);

/* ---- memcg_page.c ---- */

int nb_memcg_charge_page(struct nb_memcg *cg, struct nb_task *t, struct nb_zone *z,
			 struct nb_page *page, nb_gfp_t gfp);
/* A new page of its own for a task: anonymous, of a file. false: the group has no room, and nobody
 * could be made to leave: the page is to be given back. Source: mem_cgroup_charge(). */
static inline bool nb_memcg_charge(struct nb_task *t, struct nb_zone *z, struct nb_page *page,
				   nb_gfp_t gfp)
{
	return nb_likely(!t->memcg) || !nb_memcg_charge_page(t->memcg, t, z, page, gfp);
}
/* The same for one that comes out of a swap slot: who had it pays for it again.
 * Source: mem_cgroup_swapin_charge_folio(). */
bool nb_memcg_charge_swapin(struct nb_task *t, struct nb_zone *z, struct nb_page *page,
			    uint64_t entry);
/* A page of the kernel's, as page tables. Source: __memcg_kmem_charge_page(). */
bool nb_memcg_charge_kmem(struct nb_task *t, struct nb_zone *z, struct nb_page *page);
/* The page goes. Source: mem_cgroup_uncharge(), __memcg_kmem_uncharge_page(). */
void nb_memcg_uncharge_page(struct nb_zone *z, struct nb_page *page, unsigned order, int cpu);
static inline void nb_memcg_uncharge(struct nb_zone *z, struct nb_page *page, unsigned order,
				     int cpu)
{
	if (nb_unlikely(z->pgdat->memcg_of != NULL))
		nb_memcg_uncharge_page(z, page, order, cpu);
}
/* `to` takes over what `from` was charged for. Source: mem_cgroup_migrate(). */
void nb_memcg_migrate(struct nb_zone *fromz, const struct nb_page *from, struct nb_zone *toz,
		      const struct nb_page *to);
/* A huge page falls apart: all its pages are marked as the head is. Source:
 * split_page_memcg(). */
void nb_memcg_split(struct nb_zone *z, const struct nb_page *page, uint64_t pages);
/* The group that a page is charged to; NULL: the root. */
struct nb_memcg *nb_page_memcg(const struct nb_zone *z, const struct nb_page *page);
/* Its number, for shadows and slots; and back: NULL for the root and for one that is gone. */
static inline unsigned nb_memcg_id(const struct nb_memcg *cg)
{
	return cg ? cg->id : 0;
}
struct nb_memcg *nb_memcg_of_id(const struct nb_system *sys, unsigned id);

/* ---- memcg_swap.c ---- */

/* A slot for the page: is there room in the group's swap? Marks the slot. Source:
 * __mem_cgroup_try_charge_swap(). */
bool nb_memcg_charge_swap(struct nb_system *sys, const struct nb_zone *z,
			  const struct nb_page *page, uint64_t entry);
/* The slot is free again. Source: __mem_cgroup_uncharge_swap(). */
void nb_memcg_uncharge_swap(struct nb_system *sys, struct nb_swap_area *a, uint64_t slot);
/* v1: reclaim takes the page from the swap cache; its charge goes with the slot.
 * Source: mem_cgroup_swapout(). */
void nb_memcg_swapout(struct nb_system *sys, struct nb_zone *z, struct nb_page *page,
		      uint64_t entry);
/* Slots that the group may still have, at most what the system has. Source:
 * mem_cgroup_get_nr_swap_pages(). */
uint64_t nb_memcg_swap_pages(const struct nb_system *sys, const struct nb_memcg *cg);

/* ---- memcg_reclaim.c ---- */

/* Frees at least nr pages (32 at a time) of the group and those below, if it can. t NULL: on `cpu`
 * without one. Source: try_to_free_mem_cgroup_pages(). */
uint64_t nb_memcg_free_pages(struct nb_memcg *cg, struct nb_task *t, int cpu, uint64_t nr,
			     nb_gfp_t gfp, bool may_swap);
/* Works out what protects cg in a reclaim below `target` (NULL: the root). Source:
 * mem_cgroup_calculate_protection(). */
void nb_memcg_protection(const struct nb_memcg *target, struct nb_memcg *cg);
int nb_memcg_swappiness(const struct nb_system *sys, const struct nb_memcg *cg);

/* ---- memcg_check.c: 0, or -NB_EIO with *err ---- */
int nb_memcg_check(const struct nb_system *sys, struct nb_error *err);

/* Adds to a counter of memory.stat, of the group and those above. */
void nb_memcg_count_slow(struct nb_memcg *cg, enum nb_memcg_count item, uint64_t n);
static inline void nb_memcg_count(struct nb_memcg *cg, enum nb_memcg_count item, uint64_t n)
{
	if (nb_unlikely(cg != NULL))
		nb_memcg_count_slow(cg, item, n);
}

#endif
