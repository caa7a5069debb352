/* lru.c -- pages on and off the lists of reclaim, one by one and in batches.
 *
 * Called through lru.h by everything that makes, uses or frees pages of tasks and files. See lru.h
 * for flags and locks. New pages take their place at the head; reclaim begins at the tail. A batch
 * is carried out when it is full, when its CPU drains, and for a compound page at once.
 * Source: mm/swap.c: folio_add_lru(), folio_batch_move_lru(), lru_add_fn(), folio_activate_fn(),
 * lru_deactivate_fn(), lru_deactivate_file_fn(), lru_lazyfree_fn(), lru_move_tail_fn(),
 * folio_mark_accessed(), lru_add_drain_cpu(); include/linux/mm_inline.h; facts 7.1.
 */
#include "mm/lru.h"

#include "mm/event.h"
#include "mm/lru_gen.h"
#include "mm/memcg.h"
#include "mm/rmap.h"
#include "mm/vmstat.h"

static void set_flags(const struct nb_zone *z, struct nb_page *page, uint32_t set, uint32_t clear)
{
	nb_page_change_flags(z->sys, page, set, clear);
}

static struct nb_lru_cpu *cpu_batches(struct nb_system *sys, int cpu)
{
	struct nb_reclaim *r = sys->reclaim;
	struct nb_lru_cpu *c = atomic_load_explicit(&r->cpu[cpu], memory_order_acquire);
	struct nb_lru_cpu *none = NULL;

	if (nb_likely(c))
		return c;
	c = nb_system_alloc(sys, sizeof(*c));
	/* a daemon that acts here may have been faster; what was made then stays unused */
	if (c && !atomic_compare_exchange_strong(&r->cpu[cpu], &none, c))
		c = none;
	return c;
}

/* ---- on and off a list; lruvec locked ---- */

void nb_lruvec_add(struct nb_lruvec *v, struct nb_zone *z, struct nb_page *page, bool tail)
{
	enum nb_lru lru = nb_page_lru(page);

	nb_lru_count_moves(v, 1);
	if (v->gen.enabled && lru != NB_LRU_UNEVICTABLE) {
		nb_lru_gen_add(v, z, page, tail);
		return;
	}
	if (tail)
		nb_list_add_tail(z->mem_map, &v->list[lru], page);
	else
		nb_list_add_head(z->mem_map, &v->list[lru], page);
	nb_lru_count(&v->nr[lru][z->type], (int64_t)nb_lru_page_nr(page));
}

void nb_lruvec_del(struct nb_lruvec *v, struct nb_zone *z, struct nb_page *page)
{
	enum nb_lru lru = nb_page_lru(page);

	nb_lru_count_moves(v, 1);
	if (v->gen.enabled && lru != NB_LRU_UNEVICTABLE) {
		nb_lru_gen_del(v, z, page);
		return;
	}
	nb_list_del(z->mem_map, &v->list[lru], page);
	nb_lru_count(&v->nr[lru][z->type], -(int64_t)nb_lru_page_nr(page));
}

/* ---- what each batch does with a page; lruvec locked ---- */

static void emit_insertion(struct nb_zone *z, const struct nb_page *page, int cpu)
{
	uint32_t f = nb_page_flags(page);
	uint64_t flags = 0;

	if (nb_page_mapcount(page))
		flags |= 0x1; /* LRU_PAGE_MAPPED ... */
	flags |= f & PG_ANON ? 0x2 : 0x4;
	flags |= f & PG_SWAPCACHE ? 0x8 : 0;
	flags |= f & PG_SWAPBACKED ? 0x10 : 0;
	nb_emit(z->sys, NB_EV_MM_LRU_INSERTION, cpu, NULL, nb_zone_page_pfn(z, page),
		nb_page_lru(page), flags);
}

/* A new page that is locked in memory, or no longer. */
static void settle_unevictable(struct nb_zone *z, struct nb_page *page, int cpu)
{
	uint32_t f = nb_page_flags(page);
	bool was = f & PG_UNEVICTABLE;

	if (f & PG_MLOCKED) {
		set_flags(z, page, PG_UNEVICTABLE, PG_ACTIVE);
		if (!was)
			nb_count_vm_events(z->sys, cpu, NB_VM_UNEVICTABLE_PGCULLED,
					   nb_lru_page_nr(page));
	} else if (was) {
		set_flags(z, page, 0, PG_UNEVICTABLE);
		nb_count_vm_events(z->sys, cpu, NB_VM_UNEVICTABLE_PGRESCUED, nb_lru_page_nr(page));
	}
}

static void do_add(struct nb_lruvec *v, struct nb_zone *z, struct nb_page *page, int cpu)
{
	if (nb_unlikely(nb_page_flags(page) & (PG_MLOCKED | PG_UNEVICTABLE)))
		settle_unevictable(z, page, cpu);
	set_flags(z, page, PG_LRU, 0);
	nb_lruvec_add(v, z, page, false);
	if (nb_event_wanted(z->sys, NB_EV_MM_LRU_INSERTION))
		emit_insertion(z, page, cpu);
}

static void do_activate(struct nb_lruvec *v, struct nb_zone *z, struct nb_page *page, int cpu)
{
	if (nb_page_flags(page) & (PG_ACTIVE | PG_UNEVICTABLE))
		return;
	nb_lruvec_del(v, z, page);
	set_flags(z, page, PG_ACTIVE, 0);
	nb_lruvec_add(v, z, page, false);
	if (nb_event_wanted(z->sys, NB_EV_MM_LRU_ACTIVATE))
		nb_emit(z->sys, NB_EV_MM_LRU_ACTIVATE, cpu, NULL, nb_zone_page_pfn(z, page));
	nb_count_vm_events(z->sys, cpu, NB_VM_PGACTIVATE, nb_lru_page_nr(page));
	nb_memcg_count(v->memcg, NB_MEMCG_PGACTIVATE, nb_lru_page_nr(page));
}

static void do_deactivate(struct nb_lruvec *v, struct nb_zone *z, struct nb_page *page, int cpu)
{
	uint32_t f = nb_page_flags(page);

	if (f & PG_UNEVICTABLE || !(f & PG_ACTIVE || v->gen.enabled))
		return;
	nb_lruvec_del(v, z, page);
	set_flags(z, page, 0, PG_ACTIVE | PG_REFERENCED);
	nb_lruvec_add(v, z, page, false);
	nb_count_vm_events(z->sys, cpu, NB_VM_PGDEACTIVATE, nb_lru_page_nr(page));
}

static void do_deactivate_file(struct nb_lruvec *v, struct nb_zone *z, struct nb_page *page,
			       int cpu)
{
	uint32_t f = nb_page_flags(page);
	uint64_t n = nb_lru_page_nr(page);

	if (f & PG_UNEVICTABLE || nb_page_mapcount(page))
		return;
	nb_lruvec_del(v, z, page);
	set_flags(z, page, 0, PG_ACTIVE | PG_REFERENCED);
	if (f & (PG_WRITEBACK | PG_DIRTY)) {
		/* its write-back brings it to the tail */
		nb_lruvec_add(v, z, page, false);
		set_flags(z, page, PG_RECLAIM, 0);
	} else {
		nb_lruvec_add(v, z, page, true);
		nb_count_vm_events(z->sys, cpu, NB_VM_PGROTATED, n);
	}
	if (f & PG_ACTIVE)
		nb_count_vm_events(z->sys, cpu, NB_VM_PGDEACTIVATE, n);
}

static void do_lazyfree(struct nb_lruvec *v, struct nb_zone *z, struct nb_page *page, int cpu)
{
	uint32_t f = nb_page_flags(page);

	if ((f & (PG_ANON | PG_SWAPBACKED)) != (PG_ANON | PG_SWAPBACKED) ||
	    f & (PG_SWAPCACHE | PG_UNEVICTABLE))
		return;
	nb_lruvec_del(v, z, page);
	set_flags(z, page, 0, PG_ACTIVE | PG_REFERENCED | PG_SWAPBACKED);
	nb_lruvec_add(v, z, page, false);
	nb_count_vm_events(z->sys, cpu, NB_VM_PGLAZYFREE, nb_lru_page_nr(page));
	nb_memcg_count(v->memcg, NB_MEMCG_PGLAZYFREE, nb_lru_page_nr(page));
}

static void do_rotate(struct nb_lruvec *v, struct nb_zone *z, struct nb_page *page, int cpu)
{
	if (nb_page_flags(page) & PG_UNEVICTABLE)
		return;
	nb_lruvec_del(v, z, page);
	set_flags(z, page, 0, PG_ACTIVE);
	nb_lruvec_add(v, z, page, true);
	nb_count_vm_events(z->sys, cpu, NB_VM_PGROTATED, nb_lru_page_nr(page));
}

/* *locked: the lruvec that is locked, NULL: none; the page's one is, afterwards. */
static void carry_out(enum nb_lru_batch_kind kind, const struct nb_lru_slot *s, int cpu,
		      struct nb_lruvec **locked)
{
	static void (*const fn[NB_NR_BATCHES])(struct nb_lruvec *, struct nb_zone *,
					       struct nb_page *, int) = {
		[NB_BATCH_ROTATE] = do_rotate,
		[NB_BATCH_DEACTIVATE_FILE] = do_deactivate_file,
		[NB_BATCH_DEACTIVATE] = do_deactivate,
		[NB_BATCH_LAZYFREE] = do_lazyfree,
		[NB_BATCH_ACTIVATE] = do_activate,
	};
	struct nb_lruvec *v = nb_page_lruvec(s->zone, s->page);

	if (v != *locked) { /* it serves all in a row, as folio_batch_move_lru() has it */
		if (*locked)
			nb_unlock(&(*locked)->lock, s->zone->sys->port);
		nb_lock(&v->lock, s->zone->sys->port);
		*locked = v;
	}
	set_flags(s->zone, s->page, 0, PG_LRU_BATCH);
	/* somebody may have taken it off its list meanwhile: then it is his */
	if (nb_likely(kind == NB_BATCH_ADD))
		do_add(v, s->zone, s->page, cpu);
	else if (nb_page_flags(s->page) & PG_LRU)
		fn[kind](v, s->zone, s->page, cpu);
}

static void flush(const struct nb_system *sys, struct nb_lru_cpu *c, enum nb_lru_batch_kind kind,
		  int cpu)
{
	struct nb_lru_batch *b = &c->batch[kind];
	struct nb_lruvec *locked = NULL;

	for (unsigned i = 0; i < b->nr; i++) {
		if (b->slot[i].page)
			carry_out(kind, &b->slot[i], cpu, &locked);
	}
	if (locked)
		nb_unlock(&locked->lock, sys->port);
	b->nr = 0;
}

/* Takes a page out of a CPU's batches [from, to). false: it is in none of them. */
static bool unqueue_of(struct nb_system *sys, struct nb_page *page, unsigned cpu, unsigned from,
		       unsigned to)
{
	struct nb_lru_cpu *c = atomic_load_explicit(&sys->reclaim->cpu[cpu], memory_order_acquire);
	bool found = false;

	if (!c)
		return false;
	nb_lock(&c->lock, sys->port);
	for (unsigned k = from; !found && k < to; k++) {
		for (unsigned i = 0; !found && i < c->batch[k].nr; i++) {
			found = c->batch[k].slot[i].page == page;
			if (found)
				c->batch[k].slot[i].page = NULL;
		}
	}
	if (found)
		nb_page_change_flags(sys, page, 0, PG_LRU_BATCH);
	nb_unlock(&c->lock, sys->port);
	return found;
}

/* Takes a page out of the batch that holds it; in threaded systems, where it may be carried out at
 * the same time, `cpu`'s own are looked at first. */
static void unqueue(struct nb_system *sys, struct nb_page *page, int cpu)
{
	bool added = nb_page_flags(page) & PG_LRU;

	if (!sys->port->relax && !added) {
		(void)unqueue_of(sys, page, page->prev - 1, NB_BATCH_ADD, NB_BATCH_ROTATE);
		return;
	}
	if (unqueue_of(sys, page, (unsigned)cpu, NB_BATCH_ADD, NB_NR_BATCHES))
		return;
	for (unsigned i = 0; i < sys->nr_cpu_ids; i++) {
		if (i != (unsigned)cpu && unqueue_of(sys, page, i, NB_BATCH_ADD, NB_NR_BATCHES))
			return;
	}
}

/* Queues the page; carried out at once where there is no batch or it is a large page. */
static void queue(struct nb_system *sys, struct nb_zone *z, struct nb_page *page,
		  enum nb_lru_batch_kind kind, int cpu)
{
	struct nb_lru_cpu *c = cpu_batches(sys, cpu);

	if (nb_unlikely(!c)) {
		const struct nb_lru_slot one = {.zone = z, .page = page};
		struct nb_lruvec *locked = NULL;

		carry_out(kind, &one, cpu, &locked);
		nb_unlock(&locked->lock, sys->port);
		return;
	}
	struct nb_lru_batch *b = &c->batch[kind];

	nb_lock(&c->lock, sys->port);
	if (nb_unlikely(!nb_page_test_set(sys, page, PG_LRU_BATCH))) {
		/* another CPU queued it meanwhile, for what matters less than to be on a list */
		nb_unlock(&c->lock, sys->port);
		if (kind != NB_BATCH_ADD)
			return;
		unqueue(sys, page, cpu);
		queue(sys, z, page, kind, cpu);
		return;
	}
	if (kind == NB_BATCH_ADD) { /* where nb_lru_del() finds it */
		page->prev = (nb_link_t)cpu + 1;
		page->next = b->nr;
	}
	b->slot[b->nr].zone = z;
	b->slot[b->nr++].page = page;
	if (b->nr >= sys->reclaim->batch_size || nb_page_order(page))
		flush(sys, c, kind, cpu);
	nb_unlock(&c->lock, sys->port);
}

/* ---- what others call ---- */

void nb_lru_add(struct nb_system *sys, struct nb_zone *z, struct nb_page *page, int cpu)
{
	queue(sys, z, page, NB_BATCH_ADD, cpu);
}

void nb_lru_add_fault(struct nb_system *sys, struct nb_zone *z, struct nb_page *page, int cpu)
{
	if (sys->reclaim->gen_enabled && !(nb_page_flags(page) & PG_UNEVICTABLE))
		set_flags(z, page, PG_ACTIVE, 0);
	queue(sys, z, page, NB_BATCH_ADD, cpu);
}

void nb_lru_add_faults(struct nb_system *sys, struct nb_zone *z, struct nb_page *const *pages,
		       unsigned n, int cpu)
{
	struct nb_lru_cpu *c = cpu_batches(sys, cpu);
	uint32_t set = PG_LRU_BATCH | (sys->reclaim->gen_enabled ? (uint32_t)PG_ACTIVE : 0);
	struct nb_lru_batch *b;

	if (nb_unlikely(!c)) {
		for (unsigned i = 0; i < n; i++)
			nb_lru_add_fault(sys, z, pages[i], cpu);
		return;
	}
	b = &c->batch[NB_BATCH_ADD];
	nb_lock(&c->lock, sys->port);
	for (unsigned i = 0; i < n; i++) {
		nb_page_set_flags(pages[i], pages[i]->flags | set);
		pages[i]->prev = (nb_link_t)cpu + 1;
		pages[i]->next = b->nr;
		b->slot[b->nr].zone = z;
		b->slot[b->nr++].page = pages[i];
		if (b->nr >= sys->reclaim->batch_size)
			flush(sys, c, NB_BATCH_ADD, cpu);
	}
	nb_unlock(&c->lock, sys->port);
}

void nb_lru_del(struct nb_system *sys, struct nb_zone *z, struct nb_page *page, int cpu)
{
	uint32_t f = nb_page_flags(page);
	struct nb_lruvec *v = nb_page_lruvec(z, page);

	if (nb_unlikely(f & PG_LRU_BATCH)) {
		unqueue(sys, page, cpu);
		f = nb_page_flags(page); /* it may have come to its list first */
	}
	if (nb_unlikely(f & PG_ISOLATED))
		nb_lru_forget(sys, z, page);
	if (!(f & PG_LRU)) {
		set_flags(z, page, 0, PG_ACTIVE | PG_UNEVICTABLE);
		return;
	}
	nb_lock(&v->lock, sys->port);
	nb_lruvec_del(v, z, page);
	set_flags(z, page, 0, PG_LRU | PG_ACTIVE | PG_UNEVICTABLE);
	nb_unlock(&v->lock, sys->port);
}

bool nb_lru_isolate(struct nb_system *sys, struct nb_zone *z, struct nb_page *page)
{
	struct nb_lruvec *v = nb_page_lruvec(z, page);

	if (!(nb_page_flags(page) & PG_LRU))
		return false;
	if (nb_page_flags(page) & PG_LRU_BATCH)
		unqueue(sys, page, 0);
	nb_lock(&v->lock, sys->port);
	/* somebody may have been faster, or its last user is about to take it off to free it */
	if (nb_unlikely(!(nb_page_flags(page) & PG_LRU) || !nb_page_tryget(sys, page))) {
		nb_unlock(&v->lock, sys->port);
		return false;
	}
	nb_lruvec_del(v, z, page);
	set_flags(z, page, PG_ISOLATED, PG_LRU);
	nb_lru_isolated(z->pgdat, nb_page_is_file_lru(page), (int64_t)nb_lru_page_nr(page));
	nb_unlock(&v->lock, sys->port);
	return true;
}

void nb_lru_forget(struct nb_system *sys, struct nb_zone *z, struct nb_page *page)
{
	(void)sys;
	if (!(nb_page_flags(page) & PG_ISOLATED))
		return;
	nb_lru_isolated(z->pgdat, nb_page_is_file_lru(page), -(int64_t)nb_lru_page_nr(page));
	set_flags(z, page, 0, PG_ISOLATED);
}

void nb_lru_putback(struct nb_system *sys, struct nb_zone *z, struct nb_page *page, int cpu)
{
	nb_lru_forget(sys, z, page);
	if (nb_unlikely(nb_page_flags(page) & PG_LRU_BATCH))
		unqueue(sys, page, cpu);
	queue(sys, z, page, NB_BATCH_ADD, cpu);
	nb_put_page(sys, z, page, cpu);
}

/* A page that waits in this CPU's batch of new ones is made active there. */
static void activate_in_batch(struct nb_system *sys, struct nb_page *page, int cpu)
{
	struct nb_lru_cpu *c = atomic_load_explicit(&sys->reclaim->cpu[cpu], memory_order_acquire);
	const struct nb_lru_batch *b;

	if (!c || !(nb_page_flags(page) & PG_LRU_BATCH) ||
	    (!sys->port->relax && page->prev != (nb_link_t)cpu + 1))
		return;
	nb_lock(&c->lock, sys->port);
	b = &c->batch[NB_BATCH_ADD];
	for (unsigned i = b->nr; i > 0; i--) {
		if (b->slot[i - 1].page != page)
			continue;
		nb_page_change_flags(sys, page, PG_ACTIVE, 0);
		break;
	}
	nb_unlock(&c->lock, sys->port);
}

void nb_mark_page_accessed(struct nb_system *sys, struct nb_zone *z, struct nb_page *page, int cpu)
{
	uint32_t f = nb_page_flags(page);

	if (sys->reclaim->gen_enabled) {
		nb_lru_gen_inc_refs(sys, page);
		return;
	}
	if (!(f & PG_REFERENCED)) {
		set_flags(z, page, PG_REFERENCED, 0);
		return;
	}
	if (f & (PG_UNEVICTABLE | PG_ACTIVE))
		return;
	if (f & PG_LRU)
		nb_lru_activate(sys, z, page, cpu);
	else
		activate_in_batch(sys, page, cpu);
	set_flags(z, page, 0, PG_REFERENCED);
	/* workingset_activation() */
	nb_workingset_age(nb_page_lruvec(z, page), nb_lru_page_nr(page));
}

/* Queues a page that is on a list for what `kind` does. */
static void queue_listed(struct nb_system *sys, struct nb_zone *z, struct nb_page *page,
			 enum nb_lru_batch_kind kind, int cpu)
{
	if ((nb_page_flags(page) & (PG_LRU | PG_LRU_BATCH)) == PG_LRU)
		queue(sys, z, page, kind, cpu);
}

void nb_lru_activate(struct nb_system *sys, struct nb_zone *z, struct nb_page *page, int cpu)
{
	if (!(nb_page_flags(page) & (PG_ACTIVE | PG_UNEVICTABLE)))
		queue_listed(sys, z, page, NB_BATCH_ACTIVATE, cpu);
}

void nb_lru_deactivate(struct nb_system *sys, struct nb_zone *z, struct nb_page *page, int cpu)
{
	if (nb_page_flags(page) & PG_ACTIVE || sys->reclaim->gen_enabled)
		queue_listed(sys, z, page, NB_BATCH_DEACTIVATE, cpu);
}

void nb_lru_deactivate_file(struct nb_system *sys, struct nb_zone *z, struct nb_page *page, int cpu)
{
	if (!(nb_page_flags(page) & PG_UNEVICTABLE))
		queue_listed(sys, z, page, NB_BATCH_DEACTIVATE_FILE, cpu);
}

void nb_lru_lazyfree(struct nb_system *sys, struct nb_zone *z, struct nb_page *page, int cpu)
{
	uint32_t f = nb_page_flags(page);

	if ((f & (PG_ANON | PG_SWAPBACKED)) == (PG_ANON | PG_SWAPBACKED) &&
	    !(f & (PG_SWAPCACHE | PG_UNEVICTABLE)))
		queue_listed(sys, z, page, NB_BATCH_LAZYFREE, cpu);
}

void nb_lru_rotate(struct nb_system *sys, struct nb_zone *z, struct nb_page *page, int cpu)
{
	if (!(nb_page_flags(page) & PG_RECLAIM))
		return;
	set_flags(z, page, 0, PG_RECLAIM);
	if (!(nb_page_flags(page) & (PG_DIRTY | PG_UNEVICTABLE)))
		queue_listed(sys, z, page, NB_BATCH_ROTATE, cpu);
}

void nb_lru_mlock(struct nb_system *sys, struct nb_zone *z, struct nb_page *page, int cpu)
{
	struct nb_lruvec *v = nb_page_lruvec(z, page);

	if (nb_page_flags(page) & PG_MLOCKED || !nb_page_test_set(sys, page, PG_MLOCKED))
		return;
	nb_count_vm_events(sys, cpu, NB_VM_UNEVICTABLE_PGMLOCKED, nb_lru_page_nr(page));
	if (!(nb_page_flags(page) & PG_LRU)) /* in a batch: do_add() sees the flag */
		return;
	if (nb_page_flags(page) & PG_LRU_BATCH)
		unqueue(sys, page, cpu);
	nb_lock(&v->lock, sys->port);
	if ((nb_page_flags(page) & (PG_LRU | PG_UNEVICTABLE)) == PG_LRU) {
		nb_lruvec_del(v, z, page);
		set_flags(z, page, PG_UNEVICTABLE, PG_ACTIVE);
		nb_lruvec_add(v, z, page, false);
		nb_count_vm_events(sys, cpu, NB_VM_UNEVICTABLE_PGCULLED, nb_lru_page_nr(page));
	}
	nb_unlock(&v->lock, sys->port);
}

void nb_lru_munlock(struct nb_system *sys, struct nb_zone *z, struct nb_page *page, int cpu)
{
	struct nb_lruvec *v = nb_page_lruvec(z, page);

	if (!(nb_page_flags(page) & PG_MLOCKED))
		return;
	set_flags(z, page, 0, PG_MLOCKED);
	nb_count_vm_events(sys, cpu, NB_VM_UNEVICTABLE_PGMUNLOCKED, nb_lru_page_nr(page));
	nb_lock(&v->lock, sys->port);
	if ((nb_page_flags(page) & (PG_LRU | PG_UNEVICTABLE)) == (PG_LRU | PG_UNEVICTABLE)) {
		nb_lruvec_del(v, z, page);
		set_flags(z, page, 0, PG_UNEVICTABLE);
		nb_lruvec_add(v, z, page, false);
		nb_count_vm_events(sys, cpu, NB_VM_UNEVICTABLE_PGRESCUED, nb_lru_page_nr(page));
	}
	nb_unlock(&v->lock, sys->port);
}

void nb_lru_add_drain(struct nb_system *sys, int cpu)
{
	struct nb_lru_cpu *c = atomic_load_explicit(&sys->reclaim->cpu[cpu], memory_order_acquire);

	if (!c)
		return;
	nb_lock(&c->lock, sys->port);
	for (unsigned k = 0; k < NB_NR_BATCHES; k++)
		flush(sys, c, (enum nb_lru_batch_kind)k, cpu);
	nb_unlock(&c->lock, sys->port);
}

void nb_lru_add_drain_all(struct nb_system *sys)
{
	for (unsigned cpu = 0; cpu < sys->nr_cpu_ids; cpu++)
		nb_lru_add_drain(sys, (int)cpu);
}
