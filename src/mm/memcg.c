/* memcg.c -- the tree of memory cgroups: making, removing, members, settings, what its files say.
 *
 * Called through include/numabox/memcg.h. The first call makes sys->memcg and its root; the first
 * group makes the marks of pages (p->memcg_of). A group has lists of its own on every node
 * (struct nb_lruvec), whose `parent` is that of the group above, the node's own at the top. A
 * removed group stays in the tree, unfindable, until nothing is charged to it; such ones are looked
 * for when another is made or removed, never in the middle of a walk. Changes of the tree are made
 * by one thread at a time, as by whoever holds cgroup_mutex. Source: mm/memcontrol.c:
 * mem_cgroup_css_alloc(), mem_cgroup_css_offline(), memory_max_write(), memory_high_write(),
 * mem_cgroup_resize_max(); kernel/cgroup/cgroup.c.
 */
#include "mm/memcg.h"

#include "base/mem.h"
#include "mm/lru_gen.h"
#include "mm/oom.h"
#include "mm/swap_area.h"

#define BATCH_64_SINCE 6000u /* MEMCG_CHARGE_BATCH */
#define RETRIES 16u          /* MAX_RECLAIM_RETRIES */

/* ---- the tree ---- */

struct nb_memcg *nb_memcg_walk(const struct nb_memcg *top, const struct nb_memcg *cg)
{
	if (!cg)
		return (struct nb_memcg *)(uintptr_t)top;
	if (cg->child)
		return cg->child;
	while (cg != top && !cg->next)
		cg = cg->parent;
	return cg == top ? NULL : cg->next;
}

struct nb_memcg *nb_memcg_next(const struct nb_memcg *top, const struct nb_memcg *cg)
{
	struct nb_memcg *next = nb_memcg_walk(top, cg ? cg : top);

	while (next && !next->online)
		next = nb_memcg_walk(top, next);
	return next;
}

bool nb_memcg_below(const struct nb_memcg *cg, const struct nb_memcg *top)
{
	while (cg && cg != top)
		cg = cg->parent;
	return cg == top;
}

static bool same_name(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

struct nb_memcg *nb_memcg_find(const struct nb_memcg *parent, const char *name)
{
	for (struct nb_memcg *c = parent->child; c; c = c->next) {
		if (c->online && same_name(c->name, name))
			return c;
	}
	return NULL;
}

/* ---- making ---- */

static void set_defaults(struct nb_memcg *cg)
{
	cg->memory.max = cg->swap.max = NB_MEMCG_MAX_PAGES;
	for (unsigned k = 0; k < NB_NR_MEMCG_KNOBS; k++)
		cg->knob[k] = 0;
	cg->knob[NB_MEMCG_MAX] = cg->knob[NB_MEMCG_HIGH] = NB_MEMCG_MAX_PAGES;
	cg->knob[NB_MEMCG_SWAP_MAX] = cg->knob[NB_MEMCG_SWAP_HIGH] = NB_MEMCG_MAX_PAGES;
	/* of v1, where a group has its own: as the one above */
	cg->knob[NB_MEMCG_SWAPPINESS] = cg->parent && cg->parent->parent
						? cg->parent->knob[NB_MEMCG_SWAPPINESS]
						: cg->sys->tune.swappiness;
}

/* The lists of a group on all nodes. */
static bool make_lists(struct nb_memcg *cg)
{
	struct nb_system *sys = cg->sys;
	struct nb_memcg_side *side = sys->memcg;

	for (unsigned i = 0; i < sys->nr_pgdat; i++) {
		struct nb_lruvec *v = nb_pool_get(sys, &side->lruvec_pool);

		if (!v)
			return false;
		cg->lruvec[i] = v;
		nb_lru_gen_init(v);
		v->gen.enabled = sys->reclaim->gen_enabled;
		v->memcg = cg;
		v->parent = cg->parent->parent ? cg->parent->lruvec[i] : sys->pgdat[i]->lruvec;
	}
	return true;
}

static void free_group(struct nb_memcg *cg)
{
	struct nb_memcg_side *side = cg->sys->memcg;

	for (unsigned i = 0; cg->lruvec && i < cg->sys->nr_pgdat; i++) {
		if (cg->lruvec[i])
			nb_pool_put(cg->sys, &side->lruvec_pool, cg->lruvec[i]);
	}
	if (cg->id)
		side->by_id[cg->id] = NULL;
	nb_pool_put(cg->sys, &side->pool, cg);
}

/* The arrays of a group stand behind it. */
static struct nb_memcg *new_group(struct nb_system *sys)
{
	struct nb_memcg *cg = nb_pool_get(sys, &sys->memcg->pool);

	if (!cg)
		return NULL;
	cg->sys = sys;
	cg->online = true;
	cg->lruvec = (struct nb_lruvec **)(void *)(cg + 1);
	cg->resume = (struct nb_memcg **)(void *)(cg->lruvec + sys->nr_pgdat);
	return cg;
}

static bool make_side(struct nb_system *sys)
{
	struct nb_memcg_side *side = nb_system_alloc(sys, sizeof(*side));

	if (!side)
		return false;
	side->by_id = nb_system_alloc(sys, (NB_MEMCG_MAX_ID + 1) * sizeof(struct nb_memcg *));
	side->stock = nb_system_alloc(sys, sys->nr_cpu_ids * sizeof(*side->stock));
	if (!side->by_id || !side->stock)
		return false;
	side->batch = sys->profile->version >= BATCH_64_SINCE ? 64 : 32;
	nb_pool_init(&side->pool,
		     sizeof(struct nb_memcg) + 2 * sys->nr_pgdat * sizeof(struct nb_lruvec *));
	nb_pool_init(&side->lruvec_pool, sizeof(struct nb_lruvec));
	sys->memcg = side;
	side->root = new_group(sys);
	if (!side->root)
		sys->memcg = NULL;
	else
		set_defaults(side->root);
	return side->root != NULL;
}

struct nb_memcg *nb_memcg_root(struct nb_system *sys)
{
	if (!nb_task_side(sys) || (!sys->memcg && !make_side(sys)))
		return NULL;
	return sys->memcg->root;
}

bool nb_memcg_in_use(const struct nb_system *sys)
{
	return sys->memcg && sys->memcg->used;
}

/* The marks of all pages, with the first group. */
static int make_marks(struct nb_system *sys)
{
	for (unsigned i = 0; i < sys->nr_pgdat; i++) {
		struct nb_pgdat *p = sys->pgdat[i];
		size_t bytes = (size_t)(p->mem_map_pages + 1) * sizeof(uint16_t);

		if (p->memcg_of)
			continue;
		p->memcg_of = sys->port->reserve(sys->port->ctx, bytes);
		if (!p->memcg_of)
			return -NB_ENOMEM;
		if (sys->port->commit(sys->port->ctx, p->memcg_of, bytes)) {
			sys->port->release(sys->port->ctx, p->memcg_of, bytes);
			p->memcg_of = NULL;
			return -NB_ENOMEM;
		}
	}
	sys->memcg->used = true;
	return 0;
}

void nb_release_memcg(struct nb_system *sys)
{
	for (unsigned i = 0; i < sys->nr_pgdat; i++) {
		struct nb_pgdat *p = sys->pgdat[i];

		if (p && p->memcg_of)
			sys->port->release(sys->port->ctx, p->memcg_of,
					   (size_t)(p->mem_map_pages + 1) * sizeof(uint16_t));
	}
}

/* Takes a group out of the tree; nobody may come back to it. */
static void unlink_group(struct nb_memcg *cg)
{
	struct nb_memcg **link = &cg->parent->child;

	while (*link != cg)
		link = &(*link)->next;
	*link = cg->next;
	for (struct nb_memcg *a = cg->parent; a; a = a->parent) {
		for (unsigned i = 0; i < cg->sys->nr_pgdat; i++) {
			if (a->resume[i] == cg)
				a->resume[i] = NULL;
		}
	}
}

/* Removed groups to which nothing is charged any more. */
static void drop_dead(struct nb_memcg_side *side)
{
	struct nb_memcg *cg = side->root;
	bool again = true;

	while (again) {
		again = false;
		for (cg = side->root; cg; cg = nb_memcg_walk(side->root, cg)) {
			if (cg->online || cg->child || cg->marks)
				continue;
			unlink_group(cg);
			free_group(cg);
			again = true;
			break;
		}
	}
}

static unsigned free_id(const struct nb_memcg_side *side)
{
	for (unsigned id = 1; id <= NB_MEMCG_MAX_ID; id++) {
		if (!side->by_id[id])
			return id;
	}
	return 0;
}

static size_t good_name(const char *name)
{
	size_t n = 0;

	while (name[n] && name[n] != '/' && n <= NB_MEMCG_NAME_MAX)
		n++;
	return name[n] || n > NB_MEMCG_NAME_MAX ? 0 : n;
}

int nb_memcg_create(struct nb_memcg *parent, const char *name, struct nb_memcg **ret_cg)
{
	struct nb_system *sys = parent->sys;
	struct nb_memcg_side *side = sys->memcg;
	struct nb_memcg *cg, **link = &parent->child;
	size_t n = good_name(name);

	if (!n || !parent->online)
		return -NB_EINVAL;
	if (nb_memcg_find(parent, name))
		return -NB_EEXIST;
	drop_dead(side);
	if (!free_id(side) || make_marks(sys))
		return -NB_ENOMEM;
	cg = new_group(sys);
	if (!cg)
		return -NB_ENOMEM;
	cg->parent = parent;
	cg->memory.parent = &parent->memory;
	cg->swap.parent = &parent->swap;
	memcpy(cg->name, name, n);
	set_defaults(cg);
	if (!make_lists(cg)) {
		free_group(cg);
		return -NB_ENOMEM;
	}
	cg->id = free_id(side);
	if (cg->id > side->top_id)
		side->top_id = cg->id;
	side->by_id[cg->id] = cg;
	while (*link)
		link = &(*link)->next;
	*link = cg;
	*ret_cg = cg;
	return 0;
}

static unsigned nr_tasks(const struct nb_memcg *cg)
{
	unsigned n = 0;

	for (const struct nb_task *t = nb_task_side(cg->sys)->tasks; t; t = t->next)
		n += t->memcg == cg || (!t->memcg && !cg->parent);
	return n;
}

static unsigned nr_children(const struct nb_memcg *cg)
{
	unsigned n = 0;

	for (const struct nb_memcg *c = cg->child; c; c = c->next)
		n += c->online;
	return n;
}

int nb_memcg_remove(struct nb_memcg *cg)
{
	if (!cg->parent || nr_children(cg) || nr_tasks(cg))
		return -NB_EBUSY;
	nb_memcg_drain_stocks(cg);
	cg->online = false;
	cg->knob[NB_MEMCG_MIN] = cg->knob[NB_MEMCG_LOW] = 0;
	drop_dead(cg->sys->memcg);
	return 0;
}

int nb_memcg_use_v1(struct nb_system *sys, bool v1)
{
	struct nb_memcg *root = nb_memcg_root(sys);

	if (!root)
		return -NB_ENOMEM;
	drop_dead(sys->memcg);
	if (root->child)
		return -NB_EBUSY;
	sys->memcg->v1 = v1;
	return 0;
}

bool nb_memcg_is_v1(const struct nb_system *sys)
{
	return sys->memcg && sys->memcg->v1;
}

/* ---- members ---- */

struct nb_memcg *nb_task_memcg(const struct nb_task *t)
{
	return t->memcg;
}

int nb_memcg_attach(struct nb_memcg *cg, struct nb_task *t)
{
	if (!t->alive)
		return -NB_ESRCH;
	for (struct nb_task *k = nb_task_side(cg->sys)->tasks; k; k = k->next) {
		if (k->leader == t->leader)
			k->memcg = cg->parent ? cg : NULL;
	}
	return 0;
}

/* ---- events and counters ---- */

void nb_memcg_event(struct nb_memcg *cg, enum nb_memcg_event e)
{
	struct nb_memcg_side *side = cg->sys->memcg;

	nb_lock(&side->lock, cg->sys->port);
	cg->event_local[e]++;
	for (; cg->parent; cg = cg->parent)
		cg->event[e]++;
	nb_unlock(&side->lock, side->root->sys->port);
}

void nb_memcg_count_slow(struct nb_memcg *cg, enum nb_memcg_count item, uint64_t n)
{
	for (; cg; cg = cg->parent)
		nb_stat_add(cg->sys, &cg->count[item], (int64_t)n);
}

/* ---- settings ---- */

uint64_t nb_memcg_read(const struct nb_memcg *cg, enum nb_memcg_knob knob)
{
	return (unsigned)knob < NB_NR_MEMCG_KNOBS ? cg->knob[knob] : 0;
}

/* v2's memory.max: reclaims what is too much, then kills. Source: memory_max_write(). */
static void press_to_max(struct nb_memcg *cg, int cpu)
{
	unsigned retries = RETRIES;
	bool drained = false;

	while (cg->memory.usage > cg->memory.max) {
		if (!drained) {
			nb_memcg_drain_stocks(cg);
			drained = true;
			continue;
		}
		if (retries) {
			uint64_t over = cg->memory.usage - cg->memory.max;

			if (!nb_memcg_free_pages(cg, NULL, cpu, over, NB_GFP_KERNEL, true))
				retries--;
			continue;
		}
		nb_memcg_event(cg, NB_MEMCG_EV_OOM);
		if (!nb_memcg_out_of_memory(cg, NULL, cpu, NB_GFP_KERNEL, 0))
			break;
	}
}

/* Source: memory_high_write(). */
static void press_to_high(struct nb_memcg *cg, int cpu)
{
	unsigned retries = RETRIES;

	nb_memcg_drain_stocks(cg);
	while (cg->memory.usage > cg->knob[NB_MEMCG_HIGH]) {
		uint64_t over = cg->memory.usage - cg->knob[NB_MEMCG_HIGH];

		if (!nb_memcg_free_pages(cg, NULL, cpu, over, NB_GFP_KERNEL, true) && !retries--)
			break;
	}
}

/* v1: what does not fit is refused once nothing more can be reclaimed, and memory alone never may
 * have more than memory and swap together. Source: mem_cgroup_resize_max(). */
static int resize_v1(struct nb_memcg *cg, bool memsw, uint64_t value, int cpu)
{
	struct nb_counter *c = memsw ? &cg->swap : &cg->memory;
	bool drained = false;

	if (memsw ? value < cg->memory.max : value > cg->swap.max)
		return -NB_EINVAL;
	while (c->usage > value) {
		if (!drained) {
			nb_memcg_drain_stocks(cg);
			drained = true;
			continue;
		}
		if (!nb_memcg_free_pages(cg, NULL, cpu, 1, NB_GFP_KERNEL, !memsw))
			return -NB_EBUSY;
	}
	c->max = value;
	cg->knob[memsw ? NB_MEMCG_SWAP_MAX : NB_MEMCG_MAX] = value;
	return 0;
}

/* Is the value one of that file, which this system's rules know? */
static bool writable(const struct nb_memcg *cg, enum nb_memcg_knob knob, uint64_t value)
{
	bool v1 = cg->sys->memcg->v1;

	if ((unsigned)knob >= NB_NR_MEMCG_KNOBS || !cg->parent || !cg->online)
		return false;
	if (knob == NB_MEMCG_OOM_GROUP)
		return !v1 && value <= 1;
	if (knob == NB_MEMCG_SWAPPINESS)
		return v1 && value <= 200;
	if (v1 && knob != NB_MEMCG_MAX && knob != NB_MEMCG_SWAP_MAX)
		return false;
	return value <= NB_MEMCG_MAX_PAGES;
}

int nb_memcg_write(struct nb_memcg *cg, enum nb_memcg_knob knob, uint64_t value, int cpu)
{
	if (!writable(cg, knob, value) || !nb_cpu_online(cg->sys, cpu))
		return -NB_EINVAL;
	if (cg->sys->memcg->v1 && (knob == NB_MEMCG_MAX || knob == NB_MEMCG_SWAP_MAX))
		return resize_v1(cg, knob == NB_MEMCG_SWAP_MAX, value, cpu);
	cg->knob[knob] = value;
	switch (knob) {
	case NB_MEMCG_MAX:
		cg->memory.max = value;
		press_to_max(cg, cpu);
		break;
	case NB_MEMCG_HIGH:
		press_to_high(cg, cpu);
		break;
	case NB_MEMCG_SWAP_MAX:
		cg->swap.max = value;
		break;
	default:
		break;
	}
	return 0;
}

/* ---- what its files say ---- */

void nb_memcg_path(const struct nb_memcg *cg, char *buf, size_t size)
{
	size_t n = 0, at;

	for (const struct nb_memcg *c = cg; c->parent; c = c->parent) {
		n++;
		for (const char *s = c->name; *s; s++)
			n++;
	}
	if (!size)
		return;
	if (!n || n >= size) { /* the root's; one that does not fit */
		buf[0] = '/';
		buf[size > 1 ? 1 : 0] = '\0';
		return;
	}
	buf[at = n] = '\0';
	for (const struct nb_memcg *c = cg; c->parent; c = c->parent) {
		size_t len = 0;

		while (c->name[len])
			len++;
		at -= len;
		memcpy(buf + at, c->name, len);
		buf[--at] = '/';
	}
}

void nb_memcg_info(const struct nb_memcg *cg, struct nb_memcg_info *ret_info)
{
	*ret_info = (struct nb_memcg_info){
		.name = cg->name,
		.parent = cg->parent,
		.id = cg->id,
		.nr_tasks = nr_tasks(cg),
		.nr_children = nr_children(cg),
		.usage = cg->memory.usage,
		.peak = cg->memory.peak,
		.failcnt = cg->memory.failcnt,
		.swap_usage = cg->swap.usage,
		.swap_peak = cg->swap.peak,
		.swap_failcnt = cg->swap.failcnt,
		.kmem_usage = cg->kmem,
	};
	memcpy(ret_info->event, cg->event, sizeof(cg->event));
	memcpy(ret_info->event_local, cg->event_local, sizeof(cg->event_local));
}
