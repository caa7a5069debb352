/* memcg_check.c -- what a group uses, counted anew from the marks: for memory.stat, and for proof.
 *
 * Called by nb_system_check(), and by views and OOM reports through nb_memcg_stat(). The pages of a
 * group are found by walking the descriptors that there are: that takes time by the memory in use,
 * and costs nothing while it is used. The lists tell their own part.
 * Source: mm/memcontrol.c: memory_stats[], memcg_page_state().
 */
#include "base/mem.h"
#include "mm/lru.h"
#include "mm/memcg.h"
#include "mm/swap_area.h"

#include <numabox/error.h>

typedef void visit_fn(void *arg, const struct nb_pgdat *p, const struct nb_page *page,
		      unsigned mark);

/* Calls fn for each page of the node that has a mark. */
static void each_marked(const struct nb_pgdat *p, visit_fn *fn, void *arg)
{
	for (uint64_t dense = 0; p->memcg_of && dense < p->mem_map_pages; dense++) {
		if (!(dense % NB_MAP_STEP_PAGES) && !nb_map_is_committed(p, (uint32_t)dense)) {
			dense += NB_MAP_STEP_PAGES - 1;
			continue;
		}
		if (p->memcg_of[dense])
			fn(arg, p, p->mem_map + dense, p->memcg_of[dense]);
	}
}

/* ---- memory.stat ---- */

struct stat_walk {
	const struct nb_system *sys;
	const struct nb_memcg *top;
	struct nb_memcg_stat *st;
};

static void add_page(void *arg, const struct nb_pgdat *p, const struct nb_page *page, unsigned mark)
{
	struct stat_walk *w = arg;
	struct nb_memcg_stat *st = w->st;
	uint32_t f = nb_page_flags(page);
	uint64_t n = nb_lru_page_nr(page);
	bool mapped = page->mapcount != 0;

	(void)p;
	if (!nb_memcg_below(nb_memcg_of_id(w->sys, mark & ~NB_MEMCG_KMEM), w->top))
		return;
	if (mark & NB_MEMCG_KMEM) {
		st->pagetables += n;
		return;
	}
	if (f & PG_ANON && mapped)
		st->anon += n;
	if (f & PG_ANON && mapped && nb_flags_order(f))
		st->anon_thp += n;
	if (f & PG_SWAPCACHE)
		st->swapcached += n;
	if (f & PG_SWAPCACHE || (!(f & PG_ANON) && page->mapping))
		st->file += n;
	if (!(f & PG_ANON) && f & PG_SWAPBACKED && page->mapping)
		st->shmem += n;
	if (!(f & PG_ANON) && mapped)
		st->file_mapped += n;
	if (!(f & (PG_ANON | PG_SWAPBACKED)) && f & PG_DIRTY)
		st->file_dirty += n;
	if (f & PG_WRITEBACK)
		st->file_writeback += n;
}

static void add_lists(const struct nb_lruvec *v, struct nb_memcg_stat *st)
{
	const enum nb_zone_type all = NB_MAX_NR_ZONES - 1;

	st->inactive_anon += nb_lruvec_size(v, NB_LRU_INACTIVE_ANON, all);
	st->active_anon += nb_lruvec_size(v, NB_LRU_ACTIVE_ANON, all);
	st->inactive_file += nb_lruvec_size(v, NB_LRU_INACTIVE_FILE, all);
	st->active_file += nb_lruvec_size(v, NB_LRU_ACTIVE_FILE, all);
	st->unevictable += nb_lruvec_size(v, NB_LRU_UNEVICTABLE, all);
}

static void add_node(const struct nb_pgdat *p, const struct nb_memcg *top, struct nb_memcg_stat *st)
{
	struct stat_walk w = {p->sys, top, st};
	const struct nb_lruvec *own = nb_target_lruvec(p, top);

	each_marked(p, add_page, &w);
	for (const struct nb_memcg *cg = top; cg; cg = nb_memcg_walk(top, cg))
		add_lists(nb_target_lruvec(p, cg), st);
	for (unsigned i = 0; i < 2; i++) {
		st->refault[i] += __atomic_load_n(&own->refault[i], __ATOMIC_RELAXED);
		st->activate[i] += __atomic_load_n(&own->activate[i], __ATOMIC_RELAXED);
		st->restore[i] += __atomic_load_n(&own->restore[i], __ATOMIC_RELAXED);
	}
}

int nb_memcg_stat(const struct nb_memcg *cg, int nid, struct nb_memcg_stat *ret_stat)
{
	const struct nb_system *sys = cg->sys;

	if (nid != NB_NO_NODE && !nb_node_data(sys, nid))
		return -NB_ENODEV;
	memset(ret_stat, 0, sizeof(*ret_stat));
	for (unsigned i = 0; i < sys->nr_pgdat; i++) {
		if (nid == NB_NO_NODE || sys->pgdat[i]->nid == nid)
			add_node(sys->pgdat[i], cg, ret_stat);
	}
	for (unsigned i = 0; i < NB_NR_MEMCG_COUNTS; i++)
		ret_stat->count[i] = atomic_load_explicit(&cg->count[i], memory_order_relaxed);
	return 0;
}

/* ---- proof ---- */

/* Pages and slots by group. */
struct census {
	uint64_t *pages, *slots, *kmem, *marks; /* [id] */
	uint32_t stray; /* mark of nobody's; or on a page that is not in use */
};

static void count_page(void *arg, const struct nb_pgdat *p, const struct nb_page *page,
		       unsigned mark)
{
	unsigned id = mark & ~NB_MEMCG_KMEM;
	struct census *c = arg;

	if (!nb_memcg_of_id(p->sys, id) || !(nb_page_flags(page) & PG_ALLOCATED)) {
		c->stray = nb_page_dense(p->mem_map, page) + 1;
		return;
	}
	c->pages[id] += nb_lru_page_nr(page);
	c->marks[id]++;
	c->kmem[id] += mark & NB_MEMCG_KMEM ? 1 : 0;
}

static void count_slots(const struct nb_system *sys, struct census *c)
{
	for (unsigned i = 0; sys->swap && i < NB_MAX_SWAPFILES; i++) {
		const struct nb_swap_area *a = sys->swap->area[i];

		for (uint64_t slot = 1; a && a->used && slot < a->opt.pages; slot++) {
			if (a->memcg[slot]) {
				c->slots[a->memcg[slot]]++;
				c->marks[a->memcg[slot]]++;
			}
		}
	}
}

static int wrong(struct nb_error *err, const struct nb_memcg *cg, const char *what, uint64_t found,
		 uint64_t right)
{
	return nb_error_set(err, -NB_EIO, 0, "memcg %s: %s is %llu, should be %llu",
			    cg->parent ? cg->name : "/", what, (unsigned long long)found,
			    (unsigned long long)right);
}

/* What is counted against what is there, of a group with all below it. */
static int check_group(const struct nb_memcg *top, const struct census *c, struct nb_error *err)
{
	const struct nb_memcg_side *side = top->sys->memcg;
	uint64_t pages = 0, slots = 0, kmem = 0;

	for (const struct nb_memcg *cg = top; cg; cg = nb_memcg_walk(top, cg)) {
		pages += c->pages[cg->id];
		slots += c->slots[cg->id];
		kmem += c->kmem[cg->id];
	}
	for (unsigned cpu = 0; cpu < top->sys->nr_cpu_ids; cpu++) {
		const struct nb_memcg_stock *s = &side->stock[cpu];

		if (s->cached && nb_memcg_below(s->cached, top))
			pages += s->nr;
	}
	if (top->memory.usage != pages)
		return wrong(err, top, "memory usage", top->memory.usage, pages);
	if (top->swap.usage != slots + (side->v1 ? pages : 0))
		return wrong(err, top, "swap usage", top->swap.usage,
			     slots + (side->v1 ? pages : 0));
	return top->kmem == kmem ? 0 : wrong(err, top, "kernel memory", top->kmem, kmem);
}

int nb_memcg_check(const struct nb_system *sys, struct nb_error *err)
{
	const struct nb_port *port = sys->port;
	size_t n = NB_MEMCG_MAX_ID + 1, bytes = 4 * n * sizeof(uint64_t);
	struct census c = {0};
	int ret = 0;

	if (!sys->memcg || !sys->memcg->used)
		return 0;
	c.pages = port->reserve(port->ctx, bytes);
	if (!c.pages || port->commit(port->ctx, c.pages, bytes))
		return nb_error_set(err, -NB_ENOMEM, 0, "memcg: no memory to count with");
	c.slots = c.pages + n;
	c.kmem = c.slots + n;
	c.marks = c.kmem + n;
	for (unsigned i = 0; i < sys->nr_pgdat; i++)
		each_marked(sys->pgdat[i], count_page, &c);
	count_slots(sys, &c);
	if (c.stray)
		ret = nb_error_set(err, -NB_EIO, 0, "memcg: page %u is marked, and nobody's",
				   c.stray - 1);
	for (const struct nb_memcg *cg = sys->memcg->root; !ret && cg;
	     cg = nb_memcg_walk(sys->memcg->root, cg)) {
		ret = check_group(cg, &c, err);
		if (!ret && cg->marks != c.marks[cg->id])
			ret = wrong(err, cg, "number of marks", cg->marks, c.marks[cg->id]);
	}
	port->release(port->ctx, c.pages, bytes);
	return ret;
}
