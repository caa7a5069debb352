/* rmap_tree.c -- the VMAs that map an object, by page offset: an interval tree.
 *
 * Called through rmap.h, under the object's lock. An AVL tree as vma_tree.c's, ordered by the first
 * page offset, then by the age of the address space, then by address, so that walks come out the
 * same in every run; each node knows the highest offset below it. A VMA has two links, as its
 * private pages and its file are different objects; the object says which one is its own.
 * Units: page offsets, both ends inclusive. Source of the order's meaning: lib/interval_tree.c,
 * mm/interval_tree.c.
 */
#include "mm/rmap.h"

static struct nb_rmap_link *link_of(const struct nb_rmap *r, struct nb_vma *v)
{
	return r->anon ? &v->anon_link : &v->file_link;
}

static uint64_t last_of(const struct nb_vma *v)
{
	return v->pgoff + ((v->end - v->start) >> v->mm->shape.page_shift) - 1;
}

static bool before(const struct nb_vma *a, const struct nb_vma *b)
{
	if (a->pgoff != b->pgoff)
		return a->pgoff < b->pgoff;
	if (a->mm != b->mm)
		return a->mm->id < b->mm->id;
	return a->start < b->start;
}

static unsigned height(const struct nb_rmap *r, struct nb_vma *v)
{
	return v ? link_of(r, v)->height : 0;
}

static void update(const struct nb_rmap *r, struct nb_vma *v)
{
	struct nb_rmap_link *l = link_of(r, v);
	unsigned hl = height(r, l->left), hr = height(r, l->right);

	l->height = 1 + (hl > hr ? hl : hr);
	l->last = last_of(v);
	if (l->left && link_of(r, l->left)->last > l->last)
		l->last = link_of(r, l->left)->last;
	if (l->right && link_of(r, l->right)->last > l->last)
		l->last = link_of(r, l->right)->last;
}

static struct nb_vma *rotate_right(const struct nb_rmap *r, struct nb_vma *v)
{
	struct nb_vma *up = link_of(r, v)->left;

	link_of(r, v)->left = link_of(r, up)->right;
	link_of(r, up)->right = v;
	update(r, v);
	update(r, up);
	return up;
}

static struct nb_vma *rotate_left(const struct nb_rmap *r, struct nb_vma *v)
{
	struct nb_vma *up = link_of(r, v)->right;

	link_of(r, v)->right = link_of(r, up)->left;
	link_of(r, up)->left = v;
	update(r, v);
	update(r, up);
	return up;
}

static struct nb_vma *balance(const struct nb_rmap *r, struct nb_vma *v)
{
	struct nb_rmap_link *l = link_of(r, v);

	update(r, v);
	if (height(r, l->left) > height(r, l->right) + 1) {
		struct nb_rmap_link *down = link_of(r, l->left);

		if (height(r, down->left) < height(r, down->right))
			l->left = rotate_left(r, l->left);
		return rotate_right(r, v);
	}
	if (height(r, l->right) > height(r, l->left) + 1) {
		struct nb_rmap_link *down = link_of(r, l->right);

		if (height(r, down->right) < height(r, down->left))
			l->right = rotate_right(r, l->right);
		return rotate_left(r, v);
	}
	return v;
}

static struct nb_vma *insert(const struct nb_rmap *r, struct nb_vma *root, struct nb_vma *v)
{
	struct nb_rmap_link *l;

	if (!root) {
		l = link_of(r, v);
		l->left = l->right = NULL;
		update(r, v);
		return v;
	}
	l = link_of(r, root);
	if (before(v, root))
		l->left = insert(r, l->left, v);
	else
		l->right = insert(r, l->right, v);
	return balance(r, root);
}

static struct nb_vma *take_first(const struct nb_rmap *r, struct nb_vma *root,
				 struct nb_vma **ret_first)
{
	struct nb_rmap_link *l = link_of(r, root);

	if (!l->left) {
		*ret_first = root;
		return l->right;
	}
	l->left = take_first(r, l->left, ret_first);
	return balance(r, root);
}

static struct nb_vma *remove_from(const struct nb_rmap *r, struct nb_vma *root, struct nb_vma *v)
{
	struct nb_rmap_link *l = link_of(r, root);
	struct nb_vma *next, *right;

	if (root != v) {
		if (before(v, root))
			l->left = remove_from(r, l->left, v);
		else
			l->right = remove_from(r, l->right, v);
		return balance(r, root);
	}
	if (!l->left || !l->right)
		return l->left ? l->left : l->right;
	right = take_first(r, l->right, &next);
	link_of(r, next)->left = l->left;
	link_of(r, next)->right = right;
	return balance(r, next);
}

void nb_rmap_tree_insert(struct nb_rmap *r, struct nb_vma *v)
{
	__atomic_store_n(&r->tree, insert(r, r->tree, v), __ATOMIC_RELAXED);
	r->nr_vmas++;
}

void nb_rmap_tree_remove(struct nb_rmap *r, struct nb_vma *v)
{
	__atomic_store_n(&r->tree, remove_from(r, r->tree, v), __ATOMIC_RELAXED);
	r->nr_vmas--;
}

static int walk(const struct nb_rmap *r, struct nb_vma *v, const uint64_t range[2],
		int (*fn)(void *arg, struct nb_vma *v), void *arg)
{
	struct nb_rmap_link *l;
	int ret;

	if (!v || link_of(r, v)->last < range[0])
		return 0;
	l = link_of(r, v);
	ret = walk(r, l->left, range, fn, arg);
	if (ret || v->pgoff > range[1])
		return ret;
	if (last_of(v) >= range[0])
		ret = fn(arg, v);
	return ret ? ret : walk(r, l->right, range, fn, arg);
}

int nb_rmap_tree_walk(const struct nb_rmap *r, uint64_t first, uint64_t last,
		      int (*fn)(void *arg, struct nb_vma *v), void *arg)
{
	const uint64_t range[2] = {first, last};

	return walk(r, r->tree, range, fn, arg);
}
