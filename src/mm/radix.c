/* radix.c -- see radix.h. A path has at most 11 nodes (64 bits of index, 6 a level), so the walks
 * are loops of known length; a search goes on from where it stands, upward and down again, and so
 * passes over a range in time linear in what it finds. Nodes are made on the way down and given
 * back as soon as they are empty; the tree loses height when only the leftmost path is left.
 */
#include "mm/radix.h"

#include "base/mem.h"

#define SIBLING 3u

static bool is_node(uint64_t entry)
{
	return entry && !(entry & 3);
}

static struct nb_radix_node *to_node(uint64_t entry)
{
	return (struct nb_radix_node *)(uintptr_t)entry;
}

static uint64_t bit(unsigned n)
{
	return UINT64_C(1) << n;
}

static unsigned offset_in(const struct nb_radix_node *n, uint64_t index)
{
	return (unsigned)(index >> n->shift) % NB_RADIX_SLOTS;
}

/* Highest index that a node of that shift at the root covers. */
static uint64_t max_index(unsigned shift)
{
	return shift + NB_RADIX_BITS >= 64 ? UINT64_MAX : bit(shift + NB_RADIX_BITS) - 1;
}

static unsigned canonical(const struct nb_radix_node *n, unsigned off)
{
	return (n->slot[off] & 3) == SIBLING ? (unsigned)(n->slot[off] >> 2) : off;
}

/* Slots of the entry at a canonical offset. */
static unsigned width(const struct nb_radix_node *n, unsigned off)
{
	unsigned w = 1;

	while (off + w < NB_RADIX_SLOTS && n->slot[off + w] == ((uint64_t)off << 2 | SIBLING))
		w++;
	return w;
}

void nb_radix_pool_init(struct nb_pool *pool)
{
	nb_pool_init(pool, sizeof(struct nb_radix_node));
}

void nb_radix_init(struct nb_radix *t, struct nb_pool *pool)
{
	*t = (struct nb_radix){.pool = pool};
}

static struct nb_radix_node *new_node(struct nb_system *sys, struct nb_radix *t, unsigned shift)
{
	struct nb_radix_node *n = nb_pool_get(sys, t->pool);

	if (!n)
		return NULL;
	n->shift = (uint8_t)shift;
	n->nid = t->nid;
	n->tree = t;
	t->nr_nodes++;
	return n;
}

/* Only of what is news: one change in 64, where pages go one after the other. */
static inline void tell(struct nb_radix *t, struct nb_radix_node *n)
{
	if (nb_radix_only_values(n) != n->listed && t->changed)
		t->changed(n);
}

static void free_node(struct nb_system *sys, struct nb_radix *t, struct nb_radix_node *n)
{
	n->used = 0;
	tell(t, n);
	if (t->last == n)
		t->last = NULL;
	nb_pool_put(sys, t->pool, n);
	t->nr_nodes--;
}

void nb_radix_release(struct nb_system *sys, struct nb_radix *t)
{
	struct nb_radix_node *n = t->root;

	/* Down to a node without children, away with it, up to its parent. */
	while (n) {
		unsigned off = n->used ? (unsigned)__builtin_ctzll(n->used) : 0;
		struct nb_radix_node *up = n->parent;

		if (n->used && is_node(n->slot[off])) {
			n->used &= ~bit(off);
			n = to_node(n->slot[off]);
			continue;
		}
		if (n->used) {
			n->used &= ~bit(off);
			continue;
		}
		free_node(sys, t, n);
		n = up;
	}
	t->root = NULL;
}

/* ---- looking ---- */

/* The node and slot of the entry that covers index; NULL without. */
static struct nb_radix_node *find(const struct nb_radix *t, uint64_t index, unsigned *ret_off)
{
	struct nb_radix *hint = (struct nb_radix *)t;
	struct nb_radix_node *n = t->root;
	unsigned off;

	if (t->last && t->last_place == index >> NB_RADIX_BITS) {
		n = t->last;
		off = offset_in(n, index);
		*ret_off = canonical(n, off);
		return n->slot[off] ? n : NULL;
	}
	if (!n || index > max_index(n->shift))
		return NULL;
	for (;;) {
		off = offset_in(n, index);
		if (!n->shift) {
			hint->last = n;
			hint->last_place = index >> NB_RADIX_BITS;
		}
		if (!n->slot[off])
			return NULL;
		if (!is_node(n->slot[off]))
			break;
		n = to_node(n->slot[off]);
	}
	*ret_off = canonical(n, off);
	return n;
}

uint64_t nb_radix_load(const struct nb_radix *t, uint64_t index)
{
	unsigned off;
	const struct nb_radix_node *n = find(t, index, &off);

	return n ? n->slot[off] : 0;
}

unsigned nb_radix_order(const struct nb_radix *t, uint64_t index)
{
	unsigned off, order;
	const struct nb_radix_node *n = find(t, index, &off);

	if (!n)
		return 0;
	order = n->shift;
	for (unsigned w = width(n, off); w > 1; w /= 2)
		order++;
	return order;
}

/* First index of slot `off` of a node on the path to `index`. */
static uint64_t slot_index(const struct nb_radix_node *n, uint64_t index, unsigned off)
{
	return (index & ~max_index(n->shift)) | (uint64_t)off << n->shift;
}

static uint64_t wanted(const struct nb_radix_node *n, int mark)
{
	return mark < 0 ? n->used : n->mark[mark];
}

/* The next entry at or behind *index with the mark (-1: any). */
static uint64_t search(const struct nb_radix *t, uint64_t *index, uint64_t last, int mark)
{
	struct nb_radix_node *n = t->root;
	uint64_t at = *index, start, bits;
	unsigned off;

	if (!n || at > max_index(n->shift))
		return 0;
	for (off = offset_in(n, at);;) {
		/* `at` may lie inside a wide entry that begins before it. */
		if (off < NB_RADIX_SLOTS && wanted(n, mark) & bit(canonical(n, off)))
			off = canonical(n, off);
		bits = off < NB_RADIX_SLOTS ? wanted(n, mark) >> off : 0;
		if (!bits) {
			if (!n->parent)
				return 0;
			off = n->offset + 1u;
			n = n->parent;
			continue;
		}
		off += (unsigned)__builtin_ctzll(bits);
		start = slot_index(n, at, off);
		if (start > at)
			at = start;
		if (at > last)
			return 0;
		if (!is_node(n->slot[off])) {
			*index = start;
			return n->slot[off];
		}
		n = to_node(n->slot[off]);
		off = offset_in(n, at);
	}
}

uint64_t nb_radix_next(const struct nb_radix *t, uint64_t *index, uint64_t last)
{
	return search(t, index, last, -1);
}

uint64_t nb_radix_next_marked(const struct nb_radix *t, uint64_t *index, uint64_t last,
			      enum nb_mark mark)
{
	return search(t, index, last, (int)mark);
}

uint64_t nb_radix_prev(const struct nb_radix *t, uint64_t *index, uint64_t first)
{
	struct nb_radix_node *n = t->root;
	uint64_t at = *index, bits;
	unsigned off;

	if (!n)
		return 0;
	if (at > max_index(n->shift))
		at = max_index(n->shift);
	for (off = offset_in(n, at);;) {
		bits = n->used << (NB_RADIX_SLOTS - 1 - off);
		while (!bits) {
			off = n->offset;
			n = n->parent;
			if (!n)
				return 0;
			bits = off ? n->used << (NB_RADIX_SLOTS - off) : 0;
			off -= off ? 1 : 0;
		}
		if (!(bits >> 63)) {
			off -= (unsigned)__builtin_clzll(bits);
			at = slot_index(n, at, off) | (bit(n->shift) - 1);
		} else if (offset_in(n, at) != off) {
			at = slot_index(n, at, off) | (bit(n->shift) - 1);
		}
		if (at < first)
			return 0;
		if (!is_node(n->slot[off])) {
			*index = slot_index(n, at, canonical(n, off));
			return n->slot[canonical(n, off)];
		}
		n = to_node(n->slot[off]);
		off = offset_in(n, at);
	}
}

uint64_t nb_radix_next_gap(const struct nb_radix *t, uint64_t index, uint64_t max)
{
	while (max && nb_radix_is_page(nb_radix_load(t, index))) {
		index++;
		max--;
	}
	return index;
}

uint64_t nb_radix_prev_gap(const struct nb_radix *t, uint64_t index, uint64_t max)
{
	while (max && index != UINT64_MAX && nb_radix_is_page(nb_radix_load(t, index))) {
		index--;
		max--;
	}
	return index;
}

/* ---- marks ---- */

static void raise_mark(struct nb_radix_node *n, unsigned off, unsigned mark)
{
	for (; n && !(n->mark[mark] & bit(off)); n = n->parent) {
		n->mark[mark] |= bit(off);
		off = n->offset;
	}
}

static void drop_mark(struct nb_radix_node *n, unsigned off, unsigned mark)
{
	for (; n && n->mark[mark] & bit(off); n = n->parent) {
		n->mark[mark] &= ~bit(off);
		if (n->mark[mark])
			break;
		off = n->offset;
	}
}

void nb_radix_set_mark(struct nb_radix *t, uint64_t index, enum nb_mark mark)
{
	unsigned off;
	struct nb_radix_node *n = find(t, index, &off);

	if (n)
		raise_mark(n, off, mark);
}

void nb_radix_clear_mark(struct nb_radix *t, uint64_t index, enum nb_mark mark)
{
	unsigned off;
	struct nb_radix_node *n = find(t, index, &off);

	if (n)
		drop_mark(n, off, mark);
}

bool nb_radix_get_mark(const struct nb_radix *t, uint64_t index, enum nb_mark mark)
{
	unsigned off;
	const struct nb_radix_node *n = find(t, index, &off);

	return n && n->mark[mark] & bit(off);
}

void nb_radix_tag_towrite(struct nb_radix *t, uint64_t first, uint64_t last)
{
	uint64_t index = first;

	while (nb_radix_next_marked(t, &index, last, NB_MARK_DIRTY)) {
		uint64_t end = index + bit(nb_radix_order(t, index));

		nb_radix_set_mark(t, index, NB_MARK_TOWRITE);
		if (!end || end > last)
			return;
		index = end;
	}
}

/* ---- changing ---- */

/* Gives back n and the nodes above it that are empty, and height that is not needed. */
static void prune(struct nb_system *sys, struct nb_radix *t, struct nb_radix_node *n)
{
	while (n && !n->used) {
		struct nb_radix_node *up = n->parent;

		if (up) {
			up->slot[n->offset] = 0;
			up->used &= ~bit(n->offset);
			tell(t, up);
		} else {
			t->root = NULL;
		}
		free_node(sys, t, n);
		n = up;
	}
	while ((n = t->root) && n->used == 1 && is_node(n->slot[0])) {
		t->root = to_node(n->slot[0]);
		t->root->parent = NULL;
		t->root->offset = 0;
		free_node(sys, t, n);
	}
}

static void set_value_bit(struct nb_radix_node *n, unsigned off, uint64_t entry)
{
	if (nb_radix_is_value(entry))
		n->values |= bit(off);
	else
		n->values &= ~bit(off);
}

/* The entry at a canonical offset is `entry` from now on. */
static void set_entry(struct nb_radix *t, struct nb_radix_node *n, unsigned off, uint64_t entry)
{
	n->slot[off] = entry;
	do {
		set_value_bit(n, off++, entry);
	} while (off < NB_RADIX_SLOTS && (n->slot[off] & 3) == SIBLING);
	tell(t, n);
}

void nb_radix_retire(struct nb_radix *t, uint64_t index, uint64_t value)
{
	unsigned off;
	struct nb_radix_node *n = find(t, index, &off);

	for (unsigned m = 0; m < NB_NR_MARKS; m++)
		drop_mark(n, off, m);
	set_entry(t, n, off, nb_radix_value(value));
}

uint64_t nb_radix_replace(struct nb_radix *t, uint64_t index, uint64_t entry)
{
	unsigned off;
	struct nb_radix_node *n = find(t, index, &off);
	uint64_t old;

	if (!n)
		return 0;
	old = n->slot[off];
	set_entry(t, n, off, entry);
	return old;
}

uint64_t nb_radix_erase(struct nb_system *sys, struct nb_radix *t, uint64_t index)
{
	unsigned off, w;
	struct nb_radix_node *n = find(t, index, &off);
	uint64_t old;

	if (!n)
		return 0;
	for (unsigned m = 0; m < NB_NR_MARKS; m++)
		drop_mark(n, off, m);
	old = n->slot[off];
	for (w = width(n, off); w; w--, off++) {
		n->slot[off] = 0;
		n->used &= ~bit(off);
		n->values &= ~bit(off);
	}
	tell(t, n);
	prune(sys, t, n);
	return old;
}

uint64_t nb_radix_drop_node(struct nb_system *sys, struct nb_radix_node *n)
{
	uint64_t entries = 0;

	for (unsigned off = 0; off < NB_RADIX_SLOTS; off++) {
		entries += nb_radix_is_value(n->slot[off]);
		n->slot[off] = 0;
	}
	n->used = n->values = 0;
	prune(sys, n->tree, n);
	return entries;
}

/* Adds levels until the root covers `last` and slots of `shift` have a place. */
static int grow(struct nb_system *sys, struct nb_radix *t, uint64_t last, unsigned shift)
{
	while (!t->root || last > max_index(t->root->shift) || t->root->shift < shift) {
		struct nb_radix_node *old = t->root, *n;
		unsigned s = old ? old->shift + NB_RADIX_BITS : shift;

		while (!old && last > max_index(s))
			s += NB_RADIX_BITS;
		n = new_node(sys, t, s);
		if (!n)
			return -NB_ENOMEM;
		t->root = n;
		if (!old)
			break;
		old->parent = n;
		n->slot[0] = (uintptr_t)old;
		n->used = 1;
		for (unsigned m = 0; m < NB_NR_MARKS; m++)
			n->mark[m] = old->mark[m] != 0;
	}
	return 0;
}

/* The node whose slots have that shift on the path to index, made where it is missing. NULL: no
 * memory; what was made is gone again. */
static struct nb_radix_node *make_path(struct nb_system *sys, struct nb_radix *t, uint64_t index,
				       uint64_t last, unsigned shift)
{
	struct nb_radix_node *n, *child;

	if (grow(sys, t, last, shift)) {
		prune(sys, t, NULL);
		return NULL;
	}
	for (n = t->root; n->shift > shift; n = child) {
		unsigned off = offset_in(n, index);

		if (n->slot[off]) {
			child = to_node(n->slot[off]);
			continue;
		}
		child = new_node(sys, t, n->shift - NB_RADIX_BITS);
		if (!child) {
			prune(sys, t, n);
			return NULL;
		}
		child->parent = n;
		child->offset = (uint8_t)off;
		n->slot[off] = (uintptr_t)child;
		n->used |= bit(off);
	}
	return n;
}

/* Takes the values of [index, last] out. -NB_EEXIST: a page is there, nothing is done. */
static int clear_values(struct nb_system *sys, struct nb_radix *t, uint64_t index, uint64_t last,
			uint64_t *values)
{
	uint64_t i = index, e, n = 0;

	while ((e = nb_radix_next(t, &i, last))) {
		if (nb_radix_is_page(e))
			return -NB_EEXIST;
		i += bit(nb_radix_order(t, i));
		if (!i || i > last)
			break;
	}
	for (i = index; nb_radix_next(t, &i, last); i = index, n++)
		(void)nb_radix_erase(sys, t, i);
	if (values)
		*values += n;
	return 0;
}

int nb_radix_store(struct nb_system *sys, struct nb_radix *t, uint64_t index, unsigned order,
		   uint64_t entry, uint64_t *values)
{
	unsigned shift = order / NB_RADIX_BITS * NB_RADIX_BITS, off, w = 1u << (order - shift);
	uint64_t last = index + (bit(order) - 1);
	struct nb_radix_node *n;
	int err;

	/* A single value is overwritten where it stands: the usual refault. */
	n = find(t, index, &off);
	if (n && !order && !n->shift && width(n, off) == 1 && nb_radix_is_value(n->slot[off])) {
		for (unsigned m = 0; m < NB_NR_MARKS; m++)
			drop_mark(n, off, m);
		n->slot[off] = entry;
		set_value_bit(n, off, entry);
		tell(t, n);
		if (values)
			++*values;
		return 0;
	}
	err = n || order ? clear_values(sys, t, index, last, values) : 0;
	if (err)
		return err;
	n = make_path(sys, t, index, last, shift);
	if (!n)
		return -NB_ENOMEM;
	off = offset_in(n, index);
	n->slot[off] = entry;
	n->used |= bit(off);
	set_value_bit(n, off, entry);
	for (unsigned i = 1; i < w; i++) {
		n->slot[off + i] = (uint64_t)off << 2 | SIBLING;
		n->used |= bit(off + i);
		set_value_bit(n, off + i, entry);
	}
	tell(t, n);
	return 0;
}

/* ---- checking ---- */

static const char *wrong_with(const struct nb_radix *t, const struct nb_radix_node *n)
{
	if (!n->used)
		return "an empty node";
	for (unsigned i = 0; i < NB_RADIX_SLOTS; i++) {
		uint64_t e = n->slot[i];

		if ((e != 0) != !!(n->used & bit(i)))
			return "used differs from the slots";
		if (!!(n->values & bit(i)) != nb_radix_is_value(e ? n->slot[canonical(n, i)] : 0))
			return "values differ from the slots";
		if ((e & 3) == SIBLING && (!i || n->slot[e >> 2] == 0 || (e >> 2) >= i))
			return "a sibling without an entry";
		if (is_node(e) && (to_node(e)->parent != n || to_node(e)->offset != i ||
				   to_node(e)->shift + NB_RADIX_BITS != n->shift))
			return "a child that does not know its parent";
		for (unsigned m = 0; m < NB_NR_MARKS; m++) {
			if (is_node(e) && !!(n->mark[m] & bit(i)) != !!to_node(e)->mark[m])
				return "a mark that the child does not have";
			if ((!e || (e & 3) == SIBLING) && n->mark[m] & bit(i))
				return "a mark without an entry";
		}
	}
	return n == t->root && n->used == 1 && is_node(n->slot[0]) ? "height without need" : NULL;
}

int nb_radix_check(const struct nb_radix *t, uint64_t *ret_pages, uint64_t *ret_values,
		   struct nb_error *err)
{
	uint64_t pages = 0, values = 0, nodes = 0;
	const struct nb_radix_node *n = t->root;
	unsigned off = 0;

	while (n) {
		const char *what = off ? NULL : wrong_with(t, n);

		if (what)
			return nb_error_set(err, -NB_EIO, 0, "radix tree: %s at shift %u", what,
					    n->shift);
		nodes += !off;
		while (off < NB_RADIX_SLOTS && !is_node(n->slot[off])) {
			pages += nb_radix_is_page(n->slot[off]);
			values += nb_radix_is_value(n->slot[off]);
			off++;
		}
		if (off < NB_RADIX_SLOTS) {
			n = to_node(n->slot[off]);
			off = 0;
		} else {
			off = n->offset + 1u;
			n = n->parent;
		}
	}
	if (nodes != t->nr_nodes)
		return nb_error_set(err, -NB_EIO, 0, "radix tree: %llu nodes, %llu counted",
				    (unsigned long long)nodes, (unsigned long long)t->nr_nodes);
	if (ret_pages)
		*ret_pages = pages;
	if (ret_values)
		*ret_values = values;
	return 0;
}
