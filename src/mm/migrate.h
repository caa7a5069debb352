/* migrate.h -- pages move to other frames, and whoever maps or caches them does not notice.
 *
 * Called by mbind.c, move_pages.c, migrate_pages.c, cpuset.c, and by balancing, compaction and
 * demotion. A page is isolated first (off its list, with a reference of the mover's), then a list
 * of such pages is moved as the kernel does: batches get all their targets before the first of them
 * is copied (since 6.3). A page that more know of than its mappings, its cache and the mover stays,
 * and goes back to its list. Locks: the mover may hold the mm that it is about (the CPU that holds
 * it is named); those of others are tried (rmap.h). Units: base pages, where a name does not say
 * otherwise. Source: mm/migrate.c, migrate_pages(), migrate_pages_batch(),
 * alloc_migration_target().
 */
#ifndef NB_MM_MIGRATE_H
#define NB_MM_MIGRATE_H

#include "mm/rmap.h"

/* Numbers of the events' fields. */
enum nb_migrate_mode { NB_MIGRATE_ASYNC, NB_MIGRATE_SYNC_LIGHT, NB_MIGRATE_SYNC };
enum nb_migrate_reason {
	NB_MR_COMPACTION,
	NB_MR_MEMORY_FAILURE,
	NB_MR_MEMORY_HOTPLUG,
	NB_MR_SYSCALL, /* also cpusets */
	NB_MR_MEMPOLICY_MBIND,
	NB_MR_NUMA_MISPLACED,
	NB_MR_CONTIG_RANGE,
	NB_MR_LONGTERM_PIN,
	NB_MR_DEMOTION,
};

/* One page and where it is. */
struct nb_migrate_item {
	struct nb_zone *zone;
	struct nb_page *page;
	uint64_t index; /* mbind: what interleaving its target goes by */
};

/* A frame of the page's order for it to move to; NB_NO_PFN. */
typedef nb_pfn_t nb_migrate_target_fn(void *arg, const struct nb_migrate_item *from);

/* Takes back a frame that was not used. */
typedef void nb_migrate_untarget_fn(void *arg, nb_pfn_t pfn);

/* The same for a page of a pool of huge pages: whose zonelist and mask its target comes from;
 * false: that node alone. */
typedef bool nb_migrate_where_fn(void *arg, const struct nb_migrate_item *from, int *ret_nid,
				 const struct nb_nodemask **ret_mask);

/* One call of migrate_pages(). Zeroed but for what is marked in. */
struct nb_migration {
	struct nb_system *sys; /* in */
	struct nb_task *task;  /* in: on whose behalf; NULL: a daemon */
	int cpu;               /* in */
	bool daemon;           /* in: holds no mm, though it acts on a CPU where a task may run */
	enum nb_migrate_mode mode;
	enum nb_migrate_reason reason;
	nb_migrate_target_fn *target;
	nb_migrate_untarget_fn *untarget; /* NULL: targets that were not used are freed */
	nb_migrate_where_fn *where;       /* NULL: pages of pools stay */
	void *arg;
	uint64_t succeeded, failed;         /* so far */
	uint64_t failed_entries;            /* a huge page counts one */
	uint64_t thp_succeeded, thp_failed; /* huge pages among them */
	bool started;                       /* the first list was handed over */
};
/* Pages that are moved at a time. Source: NR_MAX_BATCHED_MIGRATION. */
#define NB_MIGRATE_BATCH 512u

/* Entries that map the page, of which others may come and go meanwhile. */
static inline int32_t nb_migrate_mapcount(const struct nb_page *page)
{
	return __atomic_load_n(&page->mapcount, __ATOMIC_RELAXED);
}

/* The first page that is mapped in [*addr, end); *addr moves to it. false: none. */
bool nb_migrate_next(const struct nb_mm *mm, uint64_t *addr, uint64_t end,
		     struct nb_migrate_item *ret);

/* Takes a page off its list, with a reference. 0; -NB_EBUSY: it is on none. */
int nb_migrate_isolate(struct nb_system *sys, struct nb_zone *z, struct nb_page *page);
/* Back to its list, the reference put. */
void nb_migrate_putback(struct nb_system *sys, struct nb_zone *z, struct nb_page *page, int cpu);

/* Moves up to NB_MIGRATE_BATCH isolated pages; those that cannot be moved are put back. 0;
 * -NB_ENOMEM: there was no target, and pages were left. Counts in *m. */
int nb_migrate_list(struct nb_migration *m, const struct nb_migrate_item *list, unsigned n);
/* Ends the call: counters of /proc/vmstat, and the event where anything was tried. */
void nb_migrate_end(struct nb_migration *m);

/* One isolated page to a fresh frame with one reference. 0: the old page has gone (unless others
 * hold it), the new one is on a list. -NB_EAGAIN: neither is changed; both are still the caller's.
 * `holder`: the CPU whose task may have its mm locked, or -1; `cpu`: whose page sets are used. */
int nb_migrate_page(struct nb_system *sys, struct nb_zone *z, struct nb_page *page,
		    struct nb_page *target, struct nb_zone *target_zone, int holder, int cpu);

/* A target on one node. Source: alloc_migration_target(). */
struct nb_migrate_to_node {
	struct nb_system *sys;
	struct nb_task *task; /* may be NULL */
	int cpu, nid;
	nb_gfp_t gfp; /* NB_GFP_HIGHUSER_MOVABLE | NB_GFP_BIT_THISNODE of most */
};
nb_pfn_t nb_migrate_target_on_node(void *arg, const struct nb_migrate_item *from);
nb_migrate_where_fn nb_migrate_where_on_node;

/* migrate_pages.c: the pages of an address space on nodes `from` go to `to`, whose members
 * correspond; so that no page moves twice, a node is emptied before it is filled where that can be.
 * Returns how many stayed, or -NB_ENOMEM. caller NULL: a kernel thread on `cpu`. `all`: pages that
 * others map, too. Takes mm's lock. Source: do_migrate_pages(). */
int nb_migrate_mm(struct nb_task *caller, int cpu, struct nb_mm *mm, const struct nb_nodemask *from,
		  const struct nb_nodemask *to, bool all);

#endif
