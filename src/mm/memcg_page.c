/* memcg_page.c -- which group a page belongs to: marks come with the charge and go with the page.
 *
 * Called for each page that a task of a group brings in, moves or lets go. The mark is the group's
 * number (with NB_MEMCG_KMEM: a page of the kernel's, on no list) in p->memcg_of, by the number of
 * the head; 0 is the root, to which nothing is charged. It is set before a page comes to a list and
 * cleared after it has left it, so a page's list is found by it (nb_page_lruvec()).
 * Source: mm/memcontrol.c: charge_memcg(), commit_charge(), uncharge_folio(), mem_cgroup_migrate(),
 * mem_cgroup_swapin_charge_folio(), obj_cgroup_charge_pages(), obj_cgroup_uncharge_pages().
 */
#include "mm/lru.h"
#include "mm/memcg.h"
#include "mm/swap_area.h"

static uint16_t *mark_of(const struct nb_zone *z, const struct nb_page *page)
{
	return &z->pgdat->memcg_of[nb_page_dense(z->mem_map, page)];
}

struct nb_memcg *nb_memcg_of_id(const struct nb_system *sys, unsigned id)
{
	return sys->memcg && id && id <= NB_MEMCG_MAX_ID ? sys->memcg->by_id[id] : NULL;
}

struct nb_memcg *nb_page_memcg(const struct nb_zone *z, const struct nb_page *page)
{
	if (!z->pgdat->memcg_of)
		return NULL;
	return nb_memcg_of_id(z->sys, *mark_of(z, page) & ~NB_MEMCG_KMEM);
}

struct nb_lruvec *nb_memcg_page_lruvec(const struct nb_zone *z, const struct nb_page *page)
{
	const struct nb_memcg *cg = nb_page_memcg(z, page);

	return cg ? cg->lruvec[z->pgdat->index] : z->pgdat->lruvec;
}

static void count_marks(struct nb_memcg *cg, int64_t n)
{
	if (cg->sys->port->relax)
		__atomic_fetch_add(&cg->marks, (uint64_t)n, __ATOMIC_RELAXED);
	else
		cg->marks += (uint64_t)n;
}

static void set_mark(struct nb_memcg *cg, const struct nb_zone *z, const struct nb_page *page,
		     unsigned kind)
{
	*mark_of(z, page) = (uint16_t)(cg->id | kind);
	count_marks(cg, 1);
}

int nb_memcg_charge_page(struct nb_memcg *cg, struct nb_task *t, struct nb_zone *z,
			 struct nb_page *page, nb_gfp_t gfp)
{
	int err = nb_memcg_try_charge(cg, t, gfp, nb_lru_page_nr(page));

	if (!err)
		set_mark(cg, z, page, 0);
	return err;
}

bool nb_memcg_charge_swapin(struct nb_task *t, struct nb_zone *z, struct nb_page *page,
			    uint64_t entry)
{
	struct nb_system *sys = t->sys;
	struct nb_memcg *cg = t->memcg;
	struct nb_swap_area *a;
	unsigned id;

	if (!sys->memcg || !sys->memcg->used)
		return true;
	a = nb_swap_area_of(sys, entry);
	id = a->memcg[nb_swp_slot(entry)];
	if (nb_memcg_of_id(sys, id) && nb_memcg_of_id(sys, id)->online)
		cg = nb_memcg_of_id(sys, id);
	if (cg && nb_memcg_charge_page(cg, t, z, page, NB_GFP_KERNEL))
		return false;
	/* v1: memory and swap are counted together, and now it is memory */
	if (sys->memcg->v1 && id)
		nb_memcg_uncharge_swap(sys, a, nb_swp_slot(entry));
	return true;
}

static void count_kmem(struct nb_memcg *cg, int64_t n)
{
	struct nb_memcg_side *side = cg->sys->memcg;

	nb_lock(&side->lock, side->root->sys->port);
	for (struct nb_memcg *i = cg; i; i = i->parent)
		i->kmem += (uint64_t)n;
	nb_unlock(&side->lock, side->root->sys->port);
}

bool nb_memcg_charge_kmem(struct nb_task *t, struct nb_zone *z, struct nb_page *page)
{
	if (nb_likely(!t->memcg))
		return true;
	if (nb_memcg_try_charge(t->memcg, t, NB_GFP_KERNEL | NB_GFP_BIT_ACCOUNT, 1))
		return false;
	count_kmem(t->memcg, 1);
	set_mark(t->memcg, z, page, NB_MEMCG_KMEM);
	return true;
}

void nb_memcg_uncharge_page(struct nb_zone *z, struct nb_page *page, unsigned order, int cpu)
{
	uint16_t *mark = mark_of(z, page);
	struct nb_memcg *cg = nb_memcg_of_id(z->sys, *mark & ~NB_MEMCG_KMEM);
	bool kmem = *mark & NB_MEMCG_KMEM;

	if (!cg)
		return;
	*mark = 0;
	if (kmem) {
		count_kmem(cg, -1);
		nb_memcg_refill(cg, 1, cpu);
	} else {
		nb_memcg_cancel(cg, UINT64_C(1) << order);
	}
	count_marks(cg, -1);
}

void nb_memcg_migrate(struct nb_zone *fromz, const struct nb_page *from, struct nb_zone *toz,
		      const struct nb_page *to)
{
	if (nb_likely(!fromz->pgdat->memcg_of))
		return;
	*mark_of(toz, to) = *mark_of(fromz, from);
	*mark_of(fromz, from) = 0;
}

void nb_memcg_split(struct nb_zone *z, const struct nb_page *page, uint64_t pages)
{
	struct nb_memcg *cg = nb_page_memcg(z, page);

	if (nb_likely(!cg))
		return;
	for (uint64_t i = 1; i < pages; i++)
		set_mark(cg, z, page + i, 0);
}
