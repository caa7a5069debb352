/* rmap_object.c -- handles, and the lives of the objects that private pages belong to.
 *
 * Called through rmap.h. A handle is 32 bits so that it fits a page descriptor; objects are found
 * by it in pieces of NB_RMAP_STEP slots that are made as needed and stay. An nb_anon lives while a
 * VMA is in its tree. Linux has an anon_vma for every VMA after a fork, chained to its parents';
 * one object for the whole family finds the same mappings, as each entry is compared with the page;
 * what of Linux's objects decides the merging of VMAs is kept beside as anon_id and anon_chained.
 * Source: mm/rmap.c, __anon_vma_prepare(), anon_vma_fork(); mm/mmap.c, find_mergeable_anon_vma(),
 * is_mergeable_anon_vma().
 */
#include "mm/rmap.h"

#define NB_RMAP_STEP 4096u
#define NB_RMAP_PIECES 4096u

struct nb_rmap_slot {
	_Atomic(struct nb_rmap *) object;
	uint32_t next_free;
};

static struct nb_rmap_slot *slot(const struct nb_task_side *side, uint32_t handle)
{
	struct nb_rmap_slot *piece;

	if (!handle || handle > __atomic_load_n(&side->rmap_top, __ATOMIC_ACQUIRE))
		return NULL;
	piece = atomic_load_explicit(&side->rmap_piece[(handle - 1) / NB_RMAP_STEP],
				     memory_order_acquire);
	return &piece[(handle - 1) % NB_RMAP_STEP];
}

/* A slot for the next handle. Under rmap_lock. */
static bool grow(struct nb_system *sys, struct nb_task_side *side)
{
	uint32_t i = side->rmap_top / NB_RMAP_STEP;
	struct nb_rmap_slot *piece;

	if (!side->rmap_piece)
		side->rmap_piece = nb_system_alloc(sys, NB_RMAP_PIECES * sizeof(void *));
	if (!side->rmap_piece || i >= NB_RMAP_PIECES)
		return false;
	if (side->rmap_top % NB_RMAP_STEP == 0) {
		piece = nb_system_alloc(sys, NB_RMAP_STEP * sizeof(*piece));
		if (!piece)
			return false;
		atomic_store_explicit(&side->rmap_piece[i], piece, memory_order_release);
	}
	__atomic_store_n(&side->rmap_top, side->rmap_top + 1, __ATOMIC_RELEASE);
	return true;
}

int nb_rmap_register(struct nb_system *sys, struct nb_rmap *r, bool anon)
{
	struct nb_task_side *side = nb_task_side(sys);
	uint32_t handle = 0;

	if (!side)
		return -NB_ENOMEM;
	nb_lock(&side->rmap_lock, sys->port);
	if (side->rmap_free) {
		handle = side->rmap_free;
		side->rmap_free = slot(side, handle)->next_free;
	} else if (grow(sys, side)) {
		handle = side->rmap_top;
	}
	if (handle) {
		r->handle = handle;
		r->anon = anon;
		r->tree = NULL;
		r->nr_vmas = 0;
		atomic_store_explicit(&slot(side, handle)->object, r, memory_order_release);
	}
	nb_unlock(&side->rmap_lock, sys->port);
	return handle ? 0 : -NB_ENOMEM;
}

void nb_rmap_unregister(struct nb_system *sys, struct nb_rmap *r)
{
	struct nb_task_side *side = nb_task_side(sys);
	struct nb_rmap_slot *s;

	nb_lock(&side->rmap_lock, sys->port);
	s = slot(side, r->handle);
	atomic_store_explicit(&s->object, NULL, memory_order_relaxed);
	s->next_free = side->rmap_free;
	side->rmap_free = r->handle;
	/* whoever found it before is done with it now */
	nb_lock(&r->lock, sys->port);
	r->handle = 0;
	nb_unlock(&r->lock, sys->port);
	nb_unlock(&side->rmap_lock, sys->port);
}

struct nb_rmap *nb_rmap_object(const struct nb_system *sys, uint32_t handle)
{
	const struct nb_task_side *side =
		atomic_load_explicit(&sys->task_side, memory_order_acquire);
	struct nb_rmap_slot *s = side ? slot(side, handle) : NULL;

	return s ? atomic_load_explicit(&s->object, memory_order_acquire) : NULL;
}

struct nb_rmap *nb_rmap_lock_object(const struct nb_system *sys, uint32_t handle)
{
	struct nb_task_side *side = atomic_load_explicit(&sys->task_side, memory_order_acquire);
	struct nb_rmap *r;

	if (!side)
		return NULL;
	nb_lock(&side->rmap_lock, sys->port);
	r = nb_rmap_object(sys, handle);
	if (r)
		nb_lock(&r->lock, sys->port);
	nb_unlock(&side->rmap_lock, sys->port);
	return r;
}

static void tree_change(struct nb_vma *v, struct nb_rmap *r, bool in)
{
	nb_lock(&r->lock, v->mm->sys->port);
	if (in)
		nb_rmap_tree_insert(r, v);
	else
		nb_rmap_tree_remove(r, v);
	nb_unlock(&r->lock, v->mm->sys->port);
}

void nb_rmap_unlink_vma(struct nb_vma *v)
{
	if (v->anon)
		tree_change(v, &v->anon->rmap, false);
	if (v->file)
		tree_change(v, (struct nb_rmap *)v->file, false);
}

void nb_rmap_link_vma(struct nb_vma *v)
{
	if (v->anon)
		tree_change(v, &v->anon->rmap, true);
	if (v->file)
		tree_change(v, (struct nb_rmap *)v->file, true);
}

static void join_anon(struct nb_vma *v, struct nb_anon *anon, uint32_t id, bool chained)
{
	v->anon = anon;
	v->anon_id = id;
	v->anon_chained = chained;
	tree_change(v, &anon->rmap, true);
}

void nb_anon_leave(struct nb_vma *v)
{
	struct nb_anon *anon = v->anon;
	struct nb_system *sys;
	bool last;

	if (!anon)
		return;
	sys = v->mm->sys;
	nb_lock(&anon->rmap.lock, sys->port);
	nb_rmap_tree_remove(&anon->rmap, v);
	last = anon->rmap.nr_vmas == 0;
	nb_unlock(&anon->rmap.lock, sys->port);
	v->anon = NULL;
	v->anon_id = 0;
	v->anon_chained = false;
	if (!last)
		return;
	nb_rmap_unregister(sys, &anon->rmap);
	nb_pool_put(sys, &nb_task_side(sys)->anon_pool, anon);
}

static uint32_t new_anon_id(struct nb_system *sys)
{
	struct nb_task_side *side = nb_task_side(sys);
	uint32_t id;

	nb_lock(&side->rmap_lock, sys->port);
	id = ++side->next_anon_id;
	nb_unlock(&side->rmap_lock, sys->port);
	return id;
}

bool nb_anon_mergeable(const struct nb_vma *a, const struct nb_vma *b)
{
	if (a->anon_id == b->anon_id)
		return true;
	if (a->anon_id && b->anon_id)
		return false;
	return !(a->anon_id ? a : b)->anon_chained;
}

/* Could low and high be one VMA but for what mprotect() changes? */
static bool compatible(const struct nb_vma *low, const struct nb_vma *high)
{
	return low->end == high->start && low->flags == high->flags && low->file == high->file &&
	       low->shared == high->shared && low->inode == high->inode &&
	       nb_vma_pgoff(low, low->end) == high->pgoff &&
	       nb_mpol_equal(low->policy, high->policy);
}

int nb_anon_prepare_slow(struct nb_vma *v)
{
	struct nb_system *sys = v->mm->sys;
	const struct nb_vma *next = nb_vma_first_above(v->mm, v->end);
	const struct nb_vma *prev = nb_vma_last_below(v->mm, v->start), *near = NULL;
	struct nb_anon *anon;

	if (next && next->anon && !next->anon_chained && compatible(v, next))
		near = next;
	else if (prev && prev->anon && !prev->anon_chained && compatible(prev, v))
		near = prev;
	if (near) {
		join_anon(v, near->anon, near->anon_id, false);
		return 0;
	}
	anon = nb_pool_get(sys, &nb_task_side(sys)->anon_pool);
	if (!anon)
		return -NB_ENOMEM;
	if (nb_rmap_register(sys, &anon->rmap, true)) {
		nb_pool_put(sys, &nb_task_side(sys)->anon_pool, anon);
		return -NB_ENOMEM;
	}
	join_anon(v, anon, new_anon_id(sys), false);
	return 0;
}

int nb_anon_fork(struct nb_vma *child, const struct nb_vma *parent)
{
	if (parent->anon)
		join_anon(child, parent->anon, new_anon_id(child->mm->sys), true);
	return 0;
}
