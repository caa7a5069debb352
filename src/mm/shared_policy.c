/* shared_policy.c -- see shared_policy.h.
 *
 * Setting a range takes the one that begins before it apart, drops what lies inside, and cuts the
 * one that reaches past its end; the two ranges that this may need are taken from the pool first,
 * so that a failure changes nothing. Source: mm/mempolicy.c, shared_policy_replace(),
 * sp_lookup(), mpol_parse_str(); facts 6.5.
 */
#include "mm/shared_policy.h"

#include "base/fmt.h"
#include "base/mem.h"
#include "mm/address_space.h"

static unsigned height(const struct nb_policy_range *r)
{
	return r ? r->height : 0;
}

static void update(struct nb_policy_range *r)
{
	unsigned l = height(r->left), h = height(r->right);

	r->height = 1 + (l > h ? l : h);
}

static struct nb_policy_range *rotate_right(struct nb_policy_range *r)
{
	struct nb_policy_range *up = r->left;

	r->left = up->right;
	up->right = r;
	update(r);
	update(up);
	return up;
}

static struct nb_policy_range *rotate_left(struct nb_policy_range *r)
{
	struct nb_policy_range *up = r->right;

	r->right = up->left;
	up->left = r;
	update(r);
	update(up);
	return up;
}

static struct nb_policy_range *balance(struct nb_policy_range *r)
{
	update(r);
	if (height(r->left) > height(r->right) + 1) {
		if (height(r->left->left) < height(r->left->right))
			r->left = rotate_left(r->left);
		return rotate_right(r);
	}
	if (height(r->right) > height(r->left) + 1) {
		if (height(r->right->right) < height(r->right->left))
			r->right = rotate_right(r->right);
		return rotate_left(r);
	}
	return r;
}

/* Recursion: at most 1.44 log2(ranges) deep. */
static struct nb_policy_range *insert(struct nb_policy_range *root, struct nb_policy_range *r)
{
	if (!root) {
		r->left = r->right = NULL;
		update(r);
		return r;
	}
	if (r->start < root->start)
		root->left = insert(root->left, r);
	else
		root->right = insert(root->right, r);
	return balance(root);
}

static struct nb_policy_range *take_first(struct nb_policy_range *root,
					  struct nb_policy_range **ret_first)
{
	if (!root->left) {
		*ret_first = root;
		return root->right;
	}
	root->left = take_first(root->left, ret_first);
	return balance(root);
}

static struct nb_policy_range *erase(struct nb_policy_range *root, uint64_t start)
{
	struct nb_policy_range *next, *right;

	if (start < root->start) {
		root->left = erase(root->left, start);
		return balance(root);
	}
	if (start > root->start) {
		root->right = erase(root->right, start);
		return balance(root);
	}
	if (!root->right)
		return root->left;
	right = take_first(root->right, &next);
	next->left = root->left;
	next->right = right;
	return balance(next);
}

const struct nb_policy_range *nb_shared_policy_at(const struct nb_shared_policy *sp, uint64_t index)
{
	const struct nb_policy_range *r = sp->root, *best = NULL;

	while (r) {
		if (r->end <= index) {
			r = r->right;
			continue;
		}
		best = r;
		r = r->left;
	}
	return best;
}

/* Makes room for [start, end); `spare` becomes the upper part of a range that encloses it. Returns
 * it when it was not needed. */
static struct nb_policy_range *cut_out(struct nb_system *sys, struct nb_shared_policy *sp,
				       uint64_t start, uint64_t end, struct nb_policy_range *spare)
{
	struct nb_pool *pool = &nb_file_side(sys)->range_pool;
	struct nb_policy_range *r;

	while ((r = (struct nb_policy_range *)nb_shared_policy_at(sp, start)) && r->start < end) {
		uint64_t r_end = r->end;

		if (r->start < start) {
			r->end = start;
			if (r_end <= end)
				continue;
			spare->start = end;
			spare->end = r_end;
			spare->pol = r->pol;
			nb_mpol_get(spare->pol);
			sp->root = insert(sp->root, spare);
			sp->nr_ranges++;
			return NULL;
		}
		if (r_end > end) {
			r->start = end; /* its place in the order stays */
			break;
		}
		sp->root = erase(sp->root, r->start);
		sp->nr_ranges--;
		nb_mpol_put(sys, r->pol);
		nb_pool_put(sys, pool, r);
	}
	return spare;
}

int nb_shared_policy_set(struct nb_system *sys, struct nb_shared_policy *sp, uint64_t start,
			 uint64_t end, struct nb_mempolicy *pol)
{
	struct nb_file_side *side = nb_file_side(sys);
	struct nb_policy_range *fresh, *spare;

	if (start >= end)
		return 0;
	if (!side)
		return -NB_ENOMEM;
	fresh = nb_pool_get(sys, &side->range_pool);
	spare = fresh ? nb_pool_get(sys, &side->range_pool) : NULL;
	if (!spare) {
		if (fresh)
			nb_pool_put(sys, &side->range_pool, fresh);
		return -NB_ENOMEM;
	}
	nb_lock(&sp->lock, sys->port);
	spare = cut_out(sys, sp, start, end, spare);
	if (pol) {
		fresh->start = start;
		fresh->end = end;
		fresh->pol = pol;
		nb_mpol_get(pol);
		sp->root = insert(sp->root, fresh);
		sp->nr_ranges++;
		fresh = NULL;
	}
	nb_unlock(&sp->lock, sys->port);
	if (fresh)
		nb_pool_put(sys, &side->range_pool, fresh);
	if (spare)
		nb_pool_put(sys, &side->range_pool, spare);
	return 0;
}

struct nb_mempolicy *nb_shared_policy_lookup(const struct nb_system *sys,
					     struct nb_shared_policy *sp, uint64_t index)
{
	const struct nb_policy_range *r;
	struct nb_mempolicy *pol = NULL;

	if (!sp->root)
		return NULL;
	nb_lock(&sp->lock, sys->port);
	r = nb_shared_policy_at(sp, index);
	if (r && r->start <= index)
		pol = r->pol;
	nb_mpol_get(pol);
	nb_unlock(&sp->lock, sys->port);
	return pol;
}

void nb_shared_policy_release(struct nb_system *sys, struct nb_shared_policy *sp)
{
	while (sp->root)
		(void)cut_out(sys, sp, 0, UINT64_MAX, NULL);
}

int nb_shared_policy_check(const struct nb_shared_policy *sp, struct nb_error *err)
{
	const struct nb_policy_range *r;
	uint64_t at = 0;
	unsigned n = 0;

	while ((r = nb_shared_policy_at(sp, at))) {
		if (r->start < at || r->start >= r->end || !r->pol || n == sp->nr_ranges)
			return nb_error_set(
				err, -NB_EIO, 0,
				"shared policy: range %u, [%llu, %llu), is wrong behind "
				"%llu",
				n, (unsigned long long)r->start, (unsigned long long)r->end,
				(unsigned long long)at);
		at = r->end;
		n++;
	}
	if (n != sp->nr_ranges)
		return nb_error_set(err, -NB_EIO, 0, "shared policy: %u ranges, %u counted", n,
				    sp->nr_ranges);
	return 0;
}

struct nb_mempolicy *nb_vma_policy(const struct nb_task *t, const struct nb_vma *v, uint64_t addr,
				   unsigned order, uint64_t *ret_index)
{
	unsigned shift = v->mm->shape.page_shift;
	uint64_t ino = 0;
	struct nb_mempolicy *pol;

	if (v->file && v->file->kind != NB_AS_FILE) {
		pol = nb_shared_policy_lookup(t->sys, &v->file->policy, nb_vma_pgoff(v, addr));
		ino = v->file->kind == NB_AS_SHMEM ? v->file->ino : 0;
	} else {
		pol = v->policy;
		nb_mpol_get(pol);
	}
	if (!pol) {
		pol = t->policy;
		nb_mpol_get(pol);
	}
	*ret_index = ino + (v->pgoff >> order) + ((addr - v->start) >> (shift + order));
	return pol;
}

/* ---- the mount option ---- */

static const char *const mode_names[NB_MPOL_MAX] = {
	[NB_MPOL_DEFAULT] = "default",
	[NB_MPOL_PREFERRED] = "prefer",
	[NB_MPOL_BIND] = "bind",
	[NB_MPOL_INTERLEAVE] = "interleave",
	[NB_MPOL_LOCAL] = "local",
	[NB_MPOL_PREFERRED_MANY] = "prefer (many)",
	[NB_MPOL_WEIGHTED_INTERLEAVE] = "weighted interleave",
};

/* The parts of "mode=flag:list", each cut off at its end. */
struct mpol_text {
	char mode[32], flag[16];
	const char *list; /* NULL: none */
};

static bool cut_text(const char *text, struct mpol_text *r)
{
	size_t n = 0, f = 0;

	*r = (struct mpol_text){0};
	while (text[n] && text[n] != '=' && text[n] != ':') {
		if (n + 1 >= sizeof(r->mode))
			return false;
		r->mode[n] = text[n];
		n++;
	}
	if (text[n] == '=') {
		for (n++; text[n] && text[n] != ':'; n++) {
			if (f + 1 >= sizeof(r->flag))
				return false;
			r->flag[f++] = text[n];
		}
		if (!f) /* "mode=" has a flag that is empty, and no flag is */
			return false;
	}
	r->list = text[n] == ':' ? text + n + 1 : NULL;
	return true;
}

static bool one_number(const char *s)
{
	while (*s >= '0' && *s <= '9')
		s++;
	return !*s;
}

/* May the mode stand with or without this list? */
static bool list_fits(int mode, const char *list)
{
	switch (mode) {
	case NB_MPOL_PREFERRED:
		return !list || one_number(list);
	case NB_MPOL_BIND:
	case NB_MPOL_PREFERRED_MANY:
		return list;
	case NB_MPOL_LOCAL:
	case NB_MPOL_DEFAULT:
		return !list;
	default:
		return true;
	}
}

int nb_mpol_parse(struct nb_system *sys, const char *text, struct nb_mempolicy **ret_pol)
{
	struct nb_task mounter = {.sys = sys, .mems_allowed = sys->memory_nodes};
	struct nb_nodemask nodes;
	struct mpol_text parts;
	int mode = 0;

	memset(&nodes, 0, sizeof(nodes));
	if (!cut_text(text, &parts))
		return -NB_EINVAL;
	while (mode < NB_MPOL_MAX && nb_strcmp(parts.mode, mode_names[mode]))
		mode++;
	if (mode == NB_MPOL_MAX)
		return -NB_EINVAL;
	if (parts.list &&
	    nb_bits_parse_list(parts.list, nb_strlen(parts.list), nodes.bits, NB_MAX_NODES))
		return -NB_EINVAL;
	for (unsigned i = 0; i < NB_MAX_NODES / 64; i++) {
		if (nodes.bits[i] & ~sys->memory_nodes.bits[i])
			return -NB_EINVAL;
	}
	if (!list_fits(mode, parts.list) ||
	    (parts.list && mode == NB_MPOL_PREFERRED && nb_nodemask_empty(&nodes)))
		return -NB_EINVAL;
	if (mode == NB_MPOL_DEFAULT) { /* whatever flag stands there */
		*ret_pol = NULL;
		return 0;
	}
	if (!parts.list && (mode == NB_MPOL_INTERLEAVE || mode == NB_MPOL_WEIGHTED_INTERLEAVE))
		nodes = sys->memory_nodes;
	if (!nb_strcmp(parts.flag, "static"))
		mode |= NB_MPOL_F_STATIC_NODES;
	else if (!nb_strcmp(parts.flag, "relative"))
		mode |= NB_MPOL_F_RELATIVE_NODES;
	else if (parts.flag[0])
		return -NB_EINVAL;
	return nb_mpol_new(&mounter, mode, &nodes, ret_pol);
}
