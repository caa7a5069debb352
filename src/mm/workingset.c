/* workingset.c -- how long a page was away, and what that says when it comes back.
 *
 * Called by reclaim when it takes a page from its cache, and by the caches when the page returns.
 * Each node has a clock that ticks with every eviction and every activation. Its reading, kept as
 * a shadow entry where the page was, tells at the refault how many pages were evicted or used in
 * between: if fewer than the other lists hold, the page would have stayed had it been active, and
 * it is made so.
 * A shadow entry: group << 47 | clock << 11 | node << 1 | workingset bit, plus 1, so never 0; group
 * is that of the limit which the eviction was for (with generations, that of the page). Source:
 * mm/workingset.c: workingset_eviction(), workingset_refault(), workingset_age_nonresident(),
 * lru_gen_eviction(), lru_gen_refault(); facts 7.7.
 */
#include "mm/lru_gen.h"
#include "mm/memcg.h"
#include "mm/swap.h"
#include "mm/vmscan.h"
#include "mm/vmstat.h"

#define NODE_BITS 10
#define CLOCK_SHIFT (NODE_BITS + 1)
#define CLOCK_BITS 36 /* as on Debian's amd64 */
#define GROUP_SHIFT (CLOCK_SHIFT + CLOCK_BITS)
#define CLOCK_MASK ((UINT64_C(1) << CLOCK_BITS) - 1)

/* Counts that several CPUs add to. */
static void add(const struct nb_system *sys, uint64_t *count, uint64_t n)
{
	if (sys->port->relax)
		(void)__atomic_fetch_add(count, n, __ATOMIC_RELAXED);
	else
		*count += n;
}

/* The same for a counter of the lists and of those of the groups above. */
static void add_up(const struct nb_system *sys, struct nb_lruvec *v, size_t offset, bool file,
		   uint64_t n)
{
	for (; v; v = v->parent)
		add(sys, (uint64_t *)(void *)((char *)v + offset) + file, n);
}
#define COUNT_REFAULT offsetof(struct nb_lruvec, refault)
#define COUNT_ACTIVATE offsetof(struct nb_lruvec, activate)
#define COUNT_RESTORE offsetof(struct nb_lruvec, restore)

void nb_workingset_age(struct nb_lruvec *v, uint64_t nr)
{
	for (; v; v = v->parent)
		atomic_fetch_add_explicit(&v->nonresident_age, nr, memory_order_relaxed);
}

static uint64_t pack(const struct nb_pgdat *p, const struct nb_memcg *cg, uint64_t clock,
		     bool workingset)
{
	return ((uint64_t)nb_memcg_id(cg) << GROUP_SHIFT | (clock & CLOCK_MASK) << CLOCK_SHIFT |
		(uint64_t)p->nid << 1 | workingset) +
	       1;
}

/* The node, and the lists whose clock it is; NULL: there is no such node, or no such group any
 * more. */
static struct nb_pgdat *unpack(const struct nb_system *sys, uint64_t shadow, uint64_t *ret_clock,
			       bool *ret_workingset, struct nb_lruvec **ret_lists)
{
	unsigned id = (unsigned)(--shadow >> GROUP_SHIFT);
	struct nb_memcg *cg = nb_memcg_of_id(sys, id);
	struct nb_pgdat *p = nb_node_data(sys, (int)(shadow >> 1 & ((1u << NODE_BITS) - 1)));

	*ret_workingset = shadow & 1;
	*ret_clock = shadow >> CLOCK_SHIFT & CLOCK_MASK;
	if (!p || (id && !cg))
		return NULL;
	*ret_lists = nb_target_lruvec(p, cg);
	return p;
}

uint64_t nb_workingset_eviction(struct nb_system *sys, struct nb_zone *z, struct nb_page *page,
				const struct nb_memcg *target)
{
	struct nb_lruvec *v = nb_page_lruvec(z, page);
	uint64_t clock;

	if (sys->reclaim->gen_enabled)
		return pack(z->pgdat, v->memcg, nb_lru_gen_eviction(sys, v, page),
			    nb_page_flags(page) & PG_WORKINGSET);
	v = nb_target_lruvec(z->pgdat, target);
	clock = atomic_load_explicit(&v->nonresident_age, memory_order_relaxed);
	nb_workingset_age(v, nb_lru_page_nr(page));
	return pack(z->pgdat, v->memcg, clock, nb_page_flags(page) & PG_WORKINGSET);
}

/* Pages that would have had to be smaller for this one to stay. */
static uint64_t workingset_size(const struct nb_pgdat *p, const struct nb_lruvec *v, bool file)
{
	uint64_t n = nb_lruvec_tree_size(p, v, NB_LRU_ACTIVE_FILE, NB_MAX_NR_ZONES - 1);

	if (!file)
		n += nb_lruvec_tree_size(p, v, NB_LRU_INACTIVE_FILE, NB_MAX_NR_ZONES - 1);
	if (nb_memcg_swap_pages(p->sys, v->memcg)) {
		n += nb_lruvec_tree_size(p, v, NB_LRU_ACTIVE_ANON, NB_MAX_NR_ZONES - 1);
		if (file)
			n += nb_lruvec_tree_size(p, v, NB_LRU_INACTIVE_ANON, NB_MAX_NR_ZONES - 1);
	}
	return n;
}

static void classic_refault(struct nb_pgdat *p, struct nb_lruvec *v, struct nb_zone *z,
			    struct nb_page *page, uint64_t clock, bool workingset)
{
	struct nb_lruvec *now = nb_page_lruvec(z, page);
	bool file = nb_page_is_file_lru(page);
	struct nb_system *sys = p->sys;
	uint64_t n = nb_lru_page_nr(page);
	uint64_t age = atomic_load_explicit(&v->nonresident_age, memory_order_relaxed);

	add_up(sys, now, COUNT_REFAULT, file, n);
	if (((age - clock) & CLOCK_MASK) > workingset_size(p, v, file))
		return;
	nb_page_change_flags(sys, page, PG_ACTIVE, 0);
	nb_workingset_age(now, n);
	add_up(sys, now, COUNT_ACTIVATE, file, n);
	if (!workingset)
		return;
	nb_page_change_flags(sys, page, PG_WORKINGSET, 0);
	nb_lru_note_cost(z->pgdat, now, file, n, 0);
	add_up(sys, now, COUNT_RESTORE, file, n);
}

void nb_workingset_refault(struct nb_system *sys, struct nb_zone *z, struct nb_page *page,
			   uint64_t shadow)
{
	struct nb_lruvec *v = NULL;
	struct nb_pgdat *p;
	uint64_t clock;
	bool workingset;

	if (!shadow)
		return;
	if (sys->reclaim->gen_enabled) {
		nb_lru_gen_refault(sys, z, page, shadow);
		return;
	}
	p = unpack(sys, shadow, &clock, &workingset, &v);
	if (p)
		classic_refault(p, v, z, page, clock, workingset);
}

/* The clock of a generation: its sequence number and the tier that the page had reached. */
uint64_t nb_lru_gen_eviction(const struct nb_system *sys, struct nb_lruvec *v,
			     const struct nb_page *page)
{
	unsigned file = nb_page_is_file_lru(page), tier = nb_page_tier(page);
	uint32_t f = nb_page_flags(page);
	unsigned refs = f & PG_WORKINGSET ? nb_page_refs(page) + 1u : 0;
	uint64_t n = nb_lru_page_nr(page);

	add(sys, &v->gen.evicted[file][tier], n);
	return nb_lru_read(&v->gen.min_seq[file]) << 3 | refs;
}

void nb_lru_gen_refault(struct nb_system *sys, struct nb_zone *z, struct nb_page *page,
			uint64_t shadow)
{
	unsigned file = nb_page_is_file_lru(page), tier = 0, refs;
	uint64_t token, n = nb_lru_page_nr(page), min_seq;
	struct nb_lruvec *v = nb_page_lruvec(z, page), *then = NULL;
	bool workingset;

	if (!unpack(sys, shadow, &token, &workingset, &then) || then != v)
		return;
	add_up(sys, v, COUNT_REFAULT, file, n);
	min_seq = nb_lru_read(&v->gen.min_seq[file]);
	if (token >> 3 != (min_seq & CLOCK_MASK >> 3)) /* evicted before the oldest one now */
		return;
	refs = (unsigned)(token & 7);
	while (1u << tier < refs + 1)
		tier++;
	add(sys, &v->gen.refaulted[file][tier], n);
	/* the page is wanted, and an anonymous one is being faulted in: it keeps its tier */
	if (workingset) {
		nb_page_change_flags(sys, page, PG_WORKINGSET, 0);
		nb_page_set_refs(sys, page, refs ? refs - 1 : 0);
		add_up(sys, v, COUNT_RESTORE, file, n);
	}
	add_up(sys, v, COUNT_ACTIVATE, file, n);
}
