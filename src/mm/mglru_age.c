/* mglru_age.c -- generations come and go.
 *
 * Called by mglru.c when cold pages run low. All page tables are walked; pages of this node whose
 * entries were accessed become the youngest. Then a new generation is opened above them. Oldest
 * generations without pages are closed; where all four are in use the oldest is emptied into the
 * next one first. Source: mm/vmscan.c of 6.12: walk_mm(), folio_update_gen(), inc_max_seq(),
 * inc_min_seq(), try_to_inc_min_seq(), should_run_aging(), reset_ctrl_pos(); facts 7.11.
 */
#include "mm/mglru.h"
#include "mm/rmap.h"
#include "mm/task.h"

static void move_to_gen(struct nb_lruvec *v, struct nb_zone *z, struct nb_page *page, unsigned to,
			bool tail)
{
	unsigned type = nb_page_is_file_lru(page), from = (unsigned)nb_page_gen(page);
	int64_t n = (int64_t)nb_lru_page_nr(page);
	struct nb_list *l = &v->gen.list[to][type][z->type];

	nb_list_del(z->mem_map, &v->gen.list[from][type][z->type], page);
	nb_lru_count((uint64_t *)&v->gen.nr[from][type][z->type], -n);
	nb_lru_count((uint64_t *)&v->gen.nr[to][type][z->type], n);
	nb_page_set_refs(z->sys, page, 0);
	nb_page_change_flags(z->sys, page, (to + 1) << PG_MT_SHIFT,
			     PG_MT_MASK | PG_REFERENCED | PG_WORKINGSET);
	if (tail)
		nb_list_add_tail(z->mem_map, l, page);
	else
		nb_list_add_head(z->mem_map, l, page);
}

void nb_mglru_inc_gen(struct nb_lruvec *v, struct nb_zone *z, struct nb_page *page, bool tail)
{
	nb_lru_count_moves(v, 2); /* off one list, on another */
	move_to_gen(v, z, page, ((unsigned)nb_page_gen(page) + 1) % NB_MAX_NR_GENS, tail);
}

/* What was counted of the oldest generation becomes half of the average. */
static void carry_over(struct nb_lru_gen *g, unsigned type)
{
	for (unsigned t = 0; t < NB_MAX_NR_TIERS; t++) {
		uint64_t total = g->avg_total[type][t] + nb_lru_read(&g->evicted[type][t]);

		if (t) {
			total += g->protected_pages[type][t - 1];
			g->protected_pages[type][t - 1] = 0;
		}
		g->avg_refaulted[type][t] =
			(g->avg_refaulted[type][t] + nb_lru_read(&g->refaulted[type][t])) / 2;
		g->avg_total[type][t] = total / 2;
		nb_lru_set(&g->evicted[type][t], 0);
		nb_lru_set(&g->refaulted[type][t], 0);
	}
}

static bool gen_is_empty(const struct nb_lru_gen *g, uint64_t seq, unsigned type)
{
	for (unsigned z = 0; z < NB_MAX_NR_ZONES; z++) {
		if (g->list[nb_gen_of_seq(seq)][type][z].first)
			return false;
	}
	return true;
}

bool nb_mglru_try_to_inc_min_seq(struct nb_lruvec *v, bool can_swap)
{
	struct nb_lru_gen *g = &v->gen;
	uint64_t min_seq[2] = {g->min_seq[0], g->min_seq[1]};
	bool success = false;

	for (unsigned type = !can_swap; type < 2; type++) {
		while (min_seq[type] + NB_MIN_NR_GENS <= g->max_seq &&
		       gen_is_empty(g, min_seq[type], type))
			min_seq[type]++;
	}
	if (can_swap) {
		if (min_seq[1] < min_seq[0])
			min_seq[0] = min_seq[1];
		min_seq[1] = min_seq[0] > g->min_seq[1] ? min_seq[0] : g->min_seq[1];
	}
	for (unsigned type = !can_swap; type < 2; type++) {
		if (min_seq[type] == g->min_seq[type])
			continue;
		carry_over(g, type);
		nb_lru_set(&g->min_seq[type], min_seq[type]);
		success = true;
	}
	return success;
}

bool nb_mglru_should_age(const struct nb_lruvec *v, bool can_swap, uint64_t *ret_total)
{
	const struct nb_lru_gen *g = &v->gen;
	uint64_t old = 0, young = 0, total = 0, max_seq = nb_lru_read(&g->max_seq);
	uint64_t min_seq[2] = {nb_lru_read(&g->min_seq[0]), nb_lru_read(&g->min_seq[1])};

	*ret_total = 0;
	if (min_seq[!can_swap] + NB_MIN_NR_GENS > max_seq)
		return true;
	for (unsigned type = !can_swap; type < 2; type++) {
		for (uint64_t seq = min_seq[type]; seq <= max_seq; seq++) {
			int64_t size = 0;

			for (unsigned z = 0; z < NB_MAX_NR_ZONES; z++)
				size += __atomic_load_n(&g->nr[nb_gen_of_seq(seq)][type][z],
							__ATOMIC_RELAXED);
			total += (uint64_t)size;
			if (seq == max_seq)
				young += (uint64_t)size;
			else if (seq + NB_MIN_NR_GENS == max_seq)
				old += (uint64_t)size;
		}
	}
	for (unsigned z = 0; z < NB_MAX_NR_ZONES; z++) {
		total += nb_lru_read(&v->observed[z]);
		old += nb_lru_read(&v->observed[z]);
	}
	*ret_total = total;
	if (min_seq[!can_swap] + NB_MIN_NR_GENS < max_seq)
		return false;
	return young * NB_MIN_NR_GENS > total || old * (NB_MIN_NR_GENS + 2) < total;
}

/* The oldest generation into the next one. */
static void inc_min_seq(struct nb_pgdat *p, struct nb_lruvec *v, unsigned type, bool can_swap)
{
	struct nb_lru_gen *g = &v->gen;
	unsigned gen = nb_gen_of_seq(g->min_seq[type]);

	for (unsigned z = 0; z < NB_MAX_NR_ZONES; z++) {
		struct nb_list *l = &g->list[gen][type][z];

		while ((type || can_swap) && l->last)
			nb_mglru_inc_gen(v, &p->zone[z], nb_link_page(p->mem_map, l->last), true);
	}
	/* what cannot be swapped stays where it is: the list is taken over by the youngest */
	carry_over(g, type);
	nb_lru_set(&g->min_seq[type], g->min_seq[type] + 1);
}

/* An entry that was accessed: its page is young. */
static void look_at(struct nb_pgdat *p, struct nb_lruvec *v, uint64_t *entry)
{
	nb_pfn_t pfn = nb_pte_pfn(*entry);
	struct nb_zone *z = NULL;
	struct nb_page *page;

	if (pfn == NB_NO_PFN || !(*entry & NB_PTE_ACCESSED))
		return;
	page = nb_pfn_to_page(p->sys, pfn, &z);
	if (!page || z->pgdat != p || nb_page_lruvec(z, page) != v)
		return;
	*entry &= ~(uint64_t)NB_PTE_ACCESSED;
	if ((nb_page_flags(page) & (PG_LRU | PG_UNEVICTABLE)) != PG_LRU) {
		nb_page_change_flags(p->sys, page, PG_REFERENCED, 0);
		return;
	}
	move_to_gen(v, z, page, nb_gen_of_seq(v->gen.max_seq), false);
}

static void walk_vma(struct nb_pgdat *p, struct nb_lruvec *v, const struct nb_mm *mm,
		     const struct nb_vma *vma)
{
	uint64_t addr = vma->start;
	struct nb_ptable *leaf;

	while ((leaf = nb_pt_next_leaf(mm, &addr, vma->end))) {
		uint64_t stop = (addr & ~(nb_pt_leaf_span(mm) - 1)) + nb_pt_leaf_span(mm);
		unsigned i = nb_pt_index(mm, addr);

		if (stop > vma->end)
			stop = vma->end;
		nb_lock(&v->lock, p->sys->port);
		for (; addr < stop; addr += UINT64_C(1) << mm->shape.page_shift, i++)
			look_at(p, v, &leaf->entry[i]);
		nb_unlock(&v->lock, p->sys->port);
	}
}

static void walk_mms(struct nb_pgdat *p, struct nb_lruvec *lists, int holder)
{
	struct nb_mm *mm;
	int got;

	/* a group's tasks alone can make its pages young */
	for (unsigned n = 0; nb_task_mm_at(p->sys, n, lists->memcg, holder, &mm, &got); n++) {
		if (!mm)
			continue;
		for (unsigned i = 0; i < mm->nr_vmas; i++) {
			const struct nb_vma *v = nb_vma_at(mm, i);

			/* locked in memory, read in order or at random: not worth a look */
			if (!(v->flags &
			      (NB_VM_LOCKED | NB_VM_SEQ_READ | NB_VM_RAND_READ | NB_VM_HUGETLB)))
				walk_vma(p, lists, mm, v);
		}
		if (got == 1)
			nb_mm_unlock(mm);
	}
}

bool nb_mglru_age(struct nb_pgdat *p, struct nb_lruvec *v, uint64_t seq, bool can_swap, int holder)
{
	bool mine;

	if (nb_lru_read(&v->gen.max_seq) != seq)
		return false;
	walk_mms(p, v, holder);
	nb_lock(&v->lock, p->sys->port);
	mine = v->gen.max_seq == seq;
	for (int type = 1; mine && type >= 0; type--) {
		if (nb_mglru_nr_gens(v, (unsigned)type) == NB_MAX_NR_GENS)
			inc_min_seq(p, v, (unsigned)type, can_swap);
	}
	if (mine) {
		nb_lru_set(&v->gen.max_seq, v->gen.max_seq + 1);
		v->gen.birth_ns[nb_gen_of_seq(v->gen.max_seq)] = p->sys->time_ns;
	}
	nb_unlock(&v->lock, p->sys->port);
	return mine;
}
