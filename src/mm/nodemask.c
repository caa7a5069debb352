/* nodemask.c -- see nodemask.h.
 *
 * Sets are walked word by word; nothing is allocated and nothing can fail.
 */
#include "mm/nodemask.h"

#include "base/mem.h"

#define WORDS (NB_MAX_NODES / 64)

bool nb_nodes_equal(const struct nb_nodemask *a, const struct nb_nodemask *b)
{
	return !memcmp(a, b, sizeof(*a));
}

bool nb_nodes_subset(const struct nb_nodemask *a, const struct nb_nodemask *of)
{
	for (unsigned i = 0; i < WORDS; i++) {
		if (a->bits[i] & ~of->bits[i])
			return false;
	}
	return true;
}

bool nb_nodes_intersect(const struct nb_nodemask *a, const struct nb_nodemask *b)
{
	for (unsigned i = 0; i < WORDS; i++) {
		if (a->bits[i] & b->bits[i])
			return true;
	}
	return false;
}

bool nb_nodes_and(struct nb_nodemask *ret, const struct nb_nodemask *a, const struct nb_nodemask *b)
{
	uint64_t any = 0;

	for (unsigned i = 0; i < WORDS; i++)
		any |= ret->bits[i] = a->bits[i] & b->bits[i];
	return any != 0;
}

int nb_node_next_in(int node, const struct nb_nodemask *m)
{
	unsigned next = NB_MAX_NODES;

	if (node + 1 < NB_MAX_NODES)
		next = nb_nodemask_next(m, node + 1);
	if (next >= NB_MAX_NODES)
		next = nb_nodemask_next(m, 0);
	return next < NB_MAX_NODES ? (int)next : NB_NO_NODE;
}

unsigned nb_nodes_nth(const struct nb_nodemask *m, unsigned n)
{
	unsigned bit = nb_nodemask_next(m, 0);

	while (n--)
		bit = nb_nodemask_next(m, bit + 1);
	return bit;
}

/* How many members lie below. */
static unsigned ordinal(const struct nb_nodemask *m, unsigned node)
{
	unsigned n = 0, bit;

	nb_for_each_node_in (bit, m) {
		if (bit >= node)
			break;
		n++;
	}
	return n;
}

unsigned nb_node_remap(unsigned node, const struct nb_nodemask *from, const struct nb_nodemask *to)
{
	unsigned w = nb_nodemask_weight(to);

	if (!w || !nb_nodemask_test(from, node))
		return node;
	return nb_nodes_nth(to, ordinal(from, node) % w);
}

void nb_nodes_remap(struct nb_nodemask *ret, const struct nb_nodemask *m,
		    const struct nb_nodemask *from, const struct nb_nodemask *to)
{
	struct nb_nodemask out;
	unsigned bit;

	memset(&out, 0, sizeof(out));
	nb_for_each_node_in (bit, m)
		nb_nodemask_set(&out, nb_node_remap(bit, from, to));
	*ret = out;
}

void nb_nodes_relative(struct nb_nodemask *ret, const struct nb_nodemask *m,
		       const struct nb_nodemask *onto)
{
	unsigned w = nb_nodemask_weight(onto), bit;
	struct nb_nodemask out;

	memset(&out, 0, sizeof(out));
	if (w) {
		nb_for_each_node_in (bit, m)
			nb_nodemask_set(&out, nb_nodes_nth(onto, bit % w));
	}
	*ret = out;
}
