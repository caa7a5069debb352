/* vma_tree.c -- the balanced tree of an address space's VMAs.
 *
 * Called through vma.h. An AVL tree by start address: heights of siblings differ by one at most, so
 * a path has at most 1.44 log2(n) nodes (24 for the 65,530 VMAs that Linux allows), and recursion
 * is safe. Each node knows the extent of its subtree, the widest gap between two VMAs in it and
 * their number, which finds free ranges and the i-th VMA in logarithmic time. Source of the
 * balancing: Adelson-Velsky and Landis, 1962. The kernel's tree is another; order is all that
 * shows.
 */
#include "mm/vma.h"

static unsigned height(const struct nb_vma *v)
{
	return v ? v->height : 0;
}

static uint64_t max64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t min64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t between(uint64_t end, uint64_t start)
{
	return start > end ? start - end : 0;
}

static void update(struct nb_vma *v)
{
	const struct nb_vma *l = v->left, *r = v->right;
	unsigned hl = height(l), hr = height(r);

	v->height = 1 + (hl > hr ? hl : hr);
	v->sub_count = 1 + (l ? l->sub_count : 0) + (r ? r->sub_count : 0);
	v->sub_start = l ? l->sub_start : nb_vma_guarded_start(v);
	v->sub_end = r ? r->sub_end : v->end;
	v->sub_gap = 0;
	if (l)
		v->sub_gap = max64(l->sub_gap, between(l->sub_end, nb_vma_guarded_start(v)));
	if (r)
		v->sub_gap = max64(v->sub_gap, max64(r->sub_gap, between(v->end, r->sub_start)));
}

static struct nb_vma *rotate_right(struct nb_vma *v)
{
	struct nb_vma *up = v->left;

	v->left = up->right;
	up->right = v;
	update(v);
	update(up);
	return up;
}

static struct nb_vma *rotate_left(struct nb_vma *v)
{
	struct nb_vma *up = v->right;

	v->right = up->left;
	up->left = v;
	update(v);
	update(up);
	return up;
}

/* Brings a node whose children are right, but may differ by two in height, into balance. */
static struct nb_vma *balance(struct nb_vma *v)
{
	update(v);
	if (height(v->left) > height(v->right) + 1) {
		if (height(v->left->left) < height(v->left->right))
			v->left = rotate_left(v->left);
		return rotate_right(v);
	}
	if (height(v->right) > height(v->left) + 1) {
		if (height(v->right->right) < height(v->right->left))
			v->right = rotate_right(v->right);
		return rotate_left(v);
	}
	return v;
}

static struct nb_vma *insert(struct nb_vma *root, struct nb_vma *v)
{
	if (!root) {
		v->left = v->right = NULL;
		update(v);
		return v;
	}
	if (v->start < root->start)
		root->left = insert(root->left, v);
	else
		root->right = insert(root->right, v);
	return balance(root);
}

static struct nb_vma *take_first(struct nb_vma *root, struct nb_vma **ret_first)
{
	if (!root->left) {
		*ret_first = root;
		return root->right;
	}
	root->left = take_first(root->left, ret_first);
	return balance(root);
}

static struct nb_vma *remove_from(struct nb_vma *root, struct nb_vma *v)
{
	struct nb_vma *next, *right;

	if (v->start < root->start) {
		root->left = remove_from(root->left, v);
		return balance(root);
	}
	if (v->start > root->start) {
		root->right = remove_from(root->right, v);
		return balance(root);
	}
	if (!root->left || !root->right)
		return root->left ? root->left : root->right;
	right = take_first(root->right, &next);
	next->left = root->left;
	next->right = right;
	return balance(next);
}

static void update_path(struct nb_vma *root, const struct nb_vma *v)
{
	if (root != v)
		update_path(v->start < root->start ? root->left : root->right, v);
	update(root);
}

/* What the sums of the mm and of promised memory say of a VMA comes (n = 1) or goes (-1). */
static void count(struct nb_mm *mm, const struct nb_vma *v, int64_t n)
{
	int64_t pages = (int64_t)((v->end - v->start) >> mm->shape.page_shift) * n;

	nb_mm_add(&mm->total_pages, pages);
	if (v->flags & NB_VM_LOCKED)
		mm->locked_pages += (uint64_t)pages;
	if (v->flags & NB_VM_ACCOUNT)
		nb_stat_add(mm->sys, &mm->sys->committed_pages, pages);
}

void nb_vma_set_flags(struct nb_mm *mm, struct nb_vma *v, unsigned flags)
{
	count(mm, v, -1);
	v->flags = flags;
	count(mm, v, 1);
}

void nb_vma_insert(struct nb_mm *mm, struct nb_vma *v)
{
	mm->vmas = insert(mm->vmas, v);
	mm->nr_vmas++;
	count(mm, v, 1);
}

void nb_vma_remove(struct nb_mm *mm, struct nb_vma *v)
{
	mm->vmas = remove_from(mm->vmas, v);
	mm->nr_vmas--;
	count(mm, v, -1);
}

void nb_vma_resize(struct nb_mm *mm, struct nb_vma *v, uint64_t start, uint64_t end)
{
	count(mm, v, -1);
	v->start = start;
	v->end = end;
	count(mm, v, 1);
	update_path(mm->vmas, v);
}

struct nb_vma *nb_vma_first_above(const struct nb_mm *mm, uint64_t addr)
{
	struct nb_vma *v = mm->vmas, *best = NULL;

	while (v) {
		if (v->end > addr) {
			best = v;
			v = v->left;
		} else {
			v = v->right;
		}
	}
	return best;
}

struct nb_vma *nb_vma_last_below(const struct nb_mm *mm, uint64_t addr)
{
	struct nb_vma *v = mm->vmas, *best = NULL;

	while (v) {
		if (v->start < addr) {
			best = v;
			v = v->right;
		} else {
			v = v->left;
		}
	}
	return best;
}

struct nb_vma *nb_vma_find(const struct nb_mm *mm, uint64_t addr)
{
	struct nb_vma *v = nb_vma_first_above(mm, addr);

	return v && v->start <= addr ? v : NULL;
}

struct nb_vma *nb_vma_at(const struct nb_mm *mm, unsigned i)
{
	struct nb_vma *v = mm->vmas;

	while (v) {
		unsigned left = v->left ? v->left->sub_count : 0;

		if (i == left)
			return v;
		if (i < left) {
			v = v->left;
		} else {
			i -= left + 1;
			v = v->right;
		}
	}
	return NULL;
}

/* A free range of `len` in [low, high) that touches nothing in v's subtree, where [low, high) is
 * free outside the subtree. top: the highest, else the lowest. */
static uint64_t gap_in(const struct nb_vma *v, uint64_t len, uint64_t low, uint64_t high, bool top)
{
	uint64_t found;

	if (low >= high || high - low < len)
		return 0;
	if (!v || v->sub_end <= low || v->sub_start >= high)
		return top ? high - len : low;
	if (v->sub_gap < len && (v->sub_start <= low || v->sub_start - low < len) &&
	    (v->sub_end >= high || high - v->sub_end < len))
		return 0;
	for (int side = 0; side < 2; side++) {
		bool upper = top == (side == 0);
		uint64_t from = upper ? max64(low, v->end) : low;
		uint64_t to = upper ? high : min64(nb_vma_guarded_start(v), high);

		found = gap_in(upper ? v->right : v->left, len, from, to, top);
		if (found)
			return found;
	}
	return 0;
}

uint64_t nb_vma_gap_topdown(const struct nb_mm *mm, uint64_t len, uint64_t low, uint64_t high)
{
	return gap_in(mm->vmas, len, low, high, true);
}

uint64_t nb_vma_gap_bottomup(const struct nb_mm *mm, uint64_t len, uint64_t low, uint64_t high)
{
	return gap_in(mm->vmas, len, low, high, false);
}

bool nb_vma_tree_ok(const struct nb_vma *v)
{
	struct nb_vma again;

	if (!v)
		return true;
	if (!nb_vma_tree_ok(v->left) || !nb_vma_tree_ok(v->right))
		return false;
	again = *v;
	update(&again);
	return again.height == v->height && again.sub_count == v->sub_count &&
	       again.sub_start == v->sub_start && again.sub_end == v->sub_end &&
	       again.sub_gap == v->sub_gap;
}
