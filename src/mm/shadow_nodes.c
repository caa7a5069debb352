/* shadow_nodes.c -- see shadow_nodes.h.
 *
 * Invariant: a node of a watched tree is on a list exactly when it holds values and nothing else;
 * `listed` says so. The NUMA node is that of the page for which the tree's node was made.
 */
#include "mm/shadow_nodes.h"

#include "base/mem.h"
#include "mm/lru.h"
#include "mm/vmscan.h"

#include <numabox/reclaim.h>

#define NODE_SHIFT 3u /* a node for 64 pages, lists that are an eighth full of shadows */

struct list {
	struct nb_radix_node *oldest, *newest;
	uint64_t nr, dropped;
};

struct nb_shadow_nodes {
	struct nb_system *sys;
	struct nb_lock lock;
	struct nb_shrinker *shrinker;
	struct list *list; /* [position of the node] */
};

static struct nb_address_space *file_of(const struct nb_radix_node *n)
{
	return (struct nb_address_space *)(void *)((char *)n->tree -
						   offsetof(struct nb_address_space, pages));
}

static struct list *list_of(const struct nb_shadow_nodes *s, const struct nb_radix_node *n)
{
	return &s->list[n->nid];
}

/* To the end. */
static void enlist(struct list *l, struct nb_radix_node *n)
{
	n->older = l->newest;
	n->newer = NULL;
	if (n->older)
		n->older->newer = n;
	else
		l->oldest = n;
	l->newest = n;
	n->listed = true;
	nb_as_add(&l->nr, 1);
}

static void delist(struct list *l, struct nb_radix_node *n)
{
	if (n->older)
		n->older->newer = n->newer;
	else
		l->oldest = n->newer;
	if (n->newer)
		n->newer->older = n->older;
	else
		l->newest = n->older;
	n->older = n->newer = NULL;
	n->listed = false;
	nb_as_add(&l->nr, -1);
}

/* Under the file's lock. */
static void changed(struct nb_radix_node *n)
{
	struct nb_system *sys = file_of(n)->sys;
	struct nb_shadow_nodes *s = sys->files->shadows;

	nb_lock(&s->lock, sys->port);
	if (!n->listed)
		enlist(list_of(s, n), n);
	else
		delist(list_of(s, n), n);
	nb_unlock(&s->lock, sys->port);
}

void nb_shadow_nodes_watch(struct nb_radix *pages)
{
	pages->changed = changed;
}

/* Nodes beyond what the node's lists can make use of. Source: count_shadow_nodes(). */
static uint64_t count(void *ctx, int nid)
{
	const struct nb_shadow_nodes *s = ctx;
	const struct nb_pgdat *p = nb_node_data(s->sys, nid);
	uint64_t pages = 0, nr, most;

	if (!p)
		return 0;
	nr = nb_as_read(&s->list[p->index].nr);
	if (!nr)
		return 0;
	for (unsigned lru = 0; lru < NB_NR_LRU; lru++)
		pages += nb_lruvec_tree_size(p, p->lruvec, (enum nb_lru)lru, NB_MAX_NR_ZONES - 1);
	most = pages >> NODE_SHIFT;
	return nr > most ? nr - most : 0;
}

/* The oldest node, off its list, with its file locked; NULL: its file is busy, it waits again. */
static struct nb_radix_node *take_oldest(struct nb_shadow_nodes *s, struct list *l)
{
	struct nb_radix_node *n = l->oldest;

	if (n && nb_trylock(&file_of(n)->lock, s->sys->port)) {
		delist(l, n);
		return n;
	}
	if (n) {
		delist(l, n);
		enlist(l, n);
	}
	return NULL;
}

/* Source: scan_shadow_nodes(), shadow_lru_isolate(). */
static uint64_t scan(void *ctx, int nid, uint64_t nr)
{
	struct nb_shadow_nodes *s = ctx;
	struct nb_system *sys = s->sys;
	struct list *l = &s->list[sys->node_index[nid]];
	uint64_t freed = 0;

	for (; nr; nr--) {
		struct nb_address_space *as;
		struct nb_radix_node *n;

		nb_lock(&s->lock, sys->port);
		n = take_oldest(s, l);
		nb_as_add(&l->dropped, n != NULL);
		nb_unlock(&s->lock, sys->port);
		if (!n)
			continue;
		as = file_of(n);
		nb_as_add(&as->nrshadows, -(int64_t)nb_radix_drop_node(sys, n));
		nb_unlock(&as->lock, sys->port);
		freed++;
	}
	return freed;
}

struct nb_shadow_nodes *nb_shadow_nodes_new(struct nb_system *sys)
{
	struct nb_shadow_nodes *s = nb_system_alloc(sys, sizeof(*s));
	/* a node is dropped whole: it costs nothing to do without */
	struct nb_shrinker_ops ops = {.ctx = s, .count_objects = count, .scan_objects = scan};

	if (!s)
		return NULL;
	s->sys = sys;
	s->list = nb_system_alloc(sys, sys->nr_pgdat * sizeof(*s->list));
	if (!s->list || nb_shrinker_register(sys, &ops, &s->shrinker))
		return NULL;
	return s;
}

void nb_shadow_nodes_count(const struct nb_system *sys, int nid, uint64_t *ret_nodes,
			   uint64_t *ret_dropped)
{
	const struct nb_pgdat *p = nb_node_data(sys, nid);
	const struct nb_shadow_nodes *s = sys->files ? sys->files->shadows : NULL;

	*ret_nodes = *ret_dropped = 0;
	if (!p || !s)
		return;
	*ret_nodes = nb_as_read(&s->list[p->index].nr);
	*ret_dropped = nb_as_read(&s->list[p->index].dropped);
}
