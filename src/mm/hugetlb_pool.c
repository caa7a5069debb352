/* hugetlb_pool.c -- pools of huge pages grow and shrink: by hand, by surplus, with reservations.
 *
 * Called by hugetlb_sysfs.c (somebody writes nr_hugepages), hugetlb_resv.c and hugetlb_fault.c.
 * Pages come from the nodes in turn, and the turn is kept from call to call: nothing levels the
 * nodes. A surplus page is one above what was asked for by hand; it goes back to the machine when
 * it is freed. Units: huge pages; node ids. Source: mm/hugetlb.c: set_max_huge_pages(),
 * hstate_next_node_to_alloc(), adjust_pool_surplus(), gather_surplus_pages(),
 * return_unused_surplus_pages(), hugetlb_acct_memory(), free_huge_folio().
 */
#include "mm/hugetlb.h"

#include "base/fmt.h"
#include "mm/page_alloc.h"

/* Surplus for a reservation: first on the node of the CPU; from the lowest allowed node up; on the
 * CPU's node whatever the policy says. As nb_kernel_profile.version. */
#define SURPLUS_LOCAL_FIRST_SINCE 6014u
#define SURPLUS_BY_POLICY_SINCE 6011u
#define BOOT_TURN_SINCE 6008u
#define POLICY_CHECKED_SINCE 5009u /* at mmap: the pages of a BIND policy's nodes are counted */

int nb_huge_cpu(const struct nb_system *sys, const struct nb_task *task)
{
	if (task)
		return task->cpu;
	for (unsigned cpu = 0; cpu < sys->nr_cpu_ids; cpu++) {
		if (sys->cpu_to_node[cpu] >= 0)
			return (int)cpu;
	}
	return 0;
}

static int next_allowed(int nid, const struct nb_nodemask *allowed)
{
	unsigned next = nid + 1 < NB_MAX_NODES ? nb_nodemask_next(allowed, (unsigned)nid + 1)
					       : NB_MAX_NODES;

	return (int)(next < NB_MAX_NODES ? next : nb_nodemask_next(allowed, 0));
}

/* Whose turn it is; the turn moves on. `allowed` is not empty. */
static int take_turn(int *next, const struct nb_nodemask *allowed)
{
	int nid = nb_nodemask_test(allowed, (unsigned)*next) ? *next : next_allowed(*next, allowed);

	*next = next_allowed(nid, allowed);
	return nid;
}

/* Position of a node id; -1 for one that is not there. */
static int position(const struct nb_system *sys, int nid)
{
	return (unsigned)nid < NB_MAX_NODES ? sys->node_index[nid] : -1;
}

/* A fresh page in the pool's counts, in no list. */
static void account_new(struct nb_hstate *h, const struct nb_zone *z)
{
	h->nr++;
	h->nr_node[z->pgdat->index]++;
}

/* One page from the node whose turn it is, or from the next that has one. Nodes that failed are not
 * pressed hard again until they gave a page. */
static bool grow_by_one(struct nb_system *sys, struct nb_hstate *h,
			const struct nb_nodemask *allowed, struct nb_nodemask *tired,
			struct nb_task *task)
{
	struct nb_hugetlb *s = sys->hugetlb;
	int cpu = nb_huge_cpu(sys, task);

	for (unsigned n = nb_nodemask_weight(allowed); n > 0; n--) {
		int nid = take_turn(&h->next_nid_to_alloc, allowed);
		bool hard = !nb_nodemask_test(tired, (unsigned)nid);
		nb_gfp_t gfp = nb_hstate_gfp(sys, h) | NB_GFP_BIT_THISNODE |
			       (hard ? NB_GFP_BIT_RETRY_MAYFAIL : 0u);
		struct nb_zone *z;
		struct nb_page *page;

		if (position(sys, nid) < 0)
			continue;
		page = nb_hstate_alloc_buddy(sys, h, gfp, nid, allowed, cpu, task, &z);
		if (!page) {
			nb_nodemask_set(tired, (unsigned)nid);
			continue;
		}
		nb_nodemask_clear(tired, (unsigned)nid);
		nb_lock(&s->lock, sys->port);
		account_new(h, z);
		nb_hstate_enqueue(h, z, page);
		nb_unlock(&s->lock, sys->port);
		return true;
	}
	return false;
}

/* One free page less, of the node whose turn it is and that has one. Under the lock, which is
 * dropped while the page goes back. surplus: only nodes with surplus, and the page was one. */
static bool shrink_by_one(struct nb_system *sys, struct nb_hstate *h,
			  const struct nb_nodemask *allowed, bool surplus, int cpu)
{
	struct nb_hugetlb *s = sys->hugetlb;

	for (unsigned n = nb_nodemask_weight(allowed); n > 0; n--) {
		int at = position(sys, take_turn(&h->next_nid_to_free, allowed));
		struct nb_page *page;
		struct nb_zone *z;

		if (at < 0 || (surplus && !h->surplus_node[at]))
			continue;
		page = nb_hstate_dequeue_node(sys, h, (unsigned)at, &z);
		if (!page)
			continue;
		nb_hstate_remove(h, z, surplus);
		nb_unlock(&s->lock, sys->port);
		nb_hstate_free_buddy(sys, h, z, page, cpu);
		nb_lock(&s->lock, sys->port);
		return true;
	}
	return false;
}

/* Makes a page surplus (delta 1) or persistent (-1). */
static bool adjust_surplus(const struct nb_system *sys, struct nb_hstate *h,
			   const struct nb_nodemask *allowed, int delta)
{
	int *turn = delta < 0 ? &h->next_nid_to_alloc : &h->next_nid_to_free;

	for (unsigned n = nb_nodemask_weight(allowed); n > 0; n--) {
		int at = position(sys, take_turn(turn, allowed));

		if (at < 0)
			continue;
		if (delta < 0 ? h->surplus_node[at] == 0 : h->surplus_node[at] >= h->nr_node[at])
			continue;
		h->surplus += (uint64_t)(int64_t)delta;
		h->surplus_node[at] += (uint64_t)(int64_t)delta;
		return true;
	}
	return false;
}

/* Grows to `count`; false when the nodes have no more. */
static bool grow(struct nb_system *sys, struct nb_hstate *h, uint64_t count,
		 const struct nb_nodemask *allowed, struct nb_task *task)
{
	struct nb_nodemask tired = {{0}};

	while (count > nb_hstate_persistent(h)) {
		if (!grow_by_one(sys, h, allowed, &tired, task))
			return false;
	}
	return true;
}

int nb_hstate_set_max(struct nb_system *sys, struct nb_hstate *h, uint64_t count, int nid,
		      const struct nb_nodemask *allowed, struct nb_task *task)
{
	struct nb_hugetlb *s = sys->hugetlb;
	uint64_t least;

	if (nid != NB_NO_NODE) {
		unsigned at = nb_node_data(sys, nid)->index;
		uint64_t others = nb_hstate_persistent(h) - (h->nr_node[at] - h->surplus_node[at]);

		count = count + others < count ? UINT64_MAX : count + others;
	}
	if (!nb_nodemask_weight(allowed))
		return 0;
	nb_lock(&s->lock, sys->port);
	while (h->surplus && count > nb_hstate_persistent(h) && adjust_surplus(sys, h, allowed, -1))
		;
	nb_unlock(&s->lock, sys->port);
	if (grow(sys, h, count, allowed, task)) {
		nb_lock(&s->lock, sys->port);
		least = h->resv + h->nr - h->free;
		least = count > least ? count : least;
		while (least < nb_hstate_persistent(h) &&
		       shrink_by_one(sys, h, allowed, false, nb_huge_cpu(sys, task)))
			;
		while (count < nb_hstate_persistent(h) && adjust_surplus(sys, h, allowed, 1))
			;
		nb_unlock(&s->lock, sys->port);
	}
	h->max = nb_hstate_persistent(h);
	return 0;
}

struct nb_page *nb_hstate_alloc_surplus(struct nb_system *sys, struct nb_hstate *h, nb_gfp_t gfp,
					int nid, const struct nb_nodemask *mask,
					struct nb_task *task, struct nb_zone **ret_zone)
{
	struct nb_hugetlb *s = sys->hugetlb;
	struct nb_page *page;
	bool full;

	if (h->gigantic || h->surplus >= h->overcommit)
		return NULL;
	page = nb_hstate_alloc_buddy(sys, h, gfp | NB_GFP_BIT_RETRY_MAYFAIL, nid, mask,
				     nb_huge_cpu(sys, task), task, ret_zone);
	if (!page)
		return NULL;
	nb_lock(&s->lock, sys->port);
	full = h->surplus >= h->overcommit;
	if (!full) {
		account_new(h, *ret_zone);
		h->surplus++;
		h->surplus_node[(*ret_zone)->pgdat->index]++;
	}
	nb_unlock(&s->lock, sys->port);
	if (!full)
		return page;
	nb_hstate_free_buddy(sys, h, *ret_zone, page, nb_huge_cpu(sys, task));
	return NULL;
}

/* The mask of a task's BIND policy where it limits this pool's pages, else NULL. */
static const struct nb_nodemask *bind_mask(const struct nb_system *sys, const struct nb_hstate *h,
					   struct nb_task *task)
{
	const struct nb_nodemask *mask;
	int nid;

	if (!task || !task->policy || task->policy->mode != NB_MPOL_BIND ||
	    sys->profile->version < POLICY_CHECKED_SINCE)
		return NULL;
	nb_mpol_target(task, task->policy, nb_hstate_gfp(sys, h), 0, &nid, &mask);
	return mask;
}

static bool node_allowed(const struct nb_task *task, const struct nb_nodemask *bind, int nid)
{
	if (task && task->flags & NB_PF_CPUSET &&
	    !nb_nodemask_test(&task->mems_allowed, (unsigned)nid))
		return false;
	return !bind || nb_nodemask_test(bind, (unsigned)nid);
}

/* A surplus page for a reservation, from where the task may take it. */
static struct nb_page *gather_one(struct nb_system *sys, struct nb_hstate *h, struct nb_task *task,
				  struct nb_zone **ret_zone)
{
	const struct nb_nodemask *bind = bind_mask(sys, h, task);
	nb_gfp_t gfp = nb_hstate_gfp(sys, h);
	int local = sys->cpu_to_node[nb_huge_cpu(sys, task)];
	unsigned version = sys->profile->version;
	bool local_first = version >= SURPLUS_LOCAL_FIRST_SINCE;
	struct nb_page *page = NULL;

	if (version < SURPLUS_BY_POLICY_SINCE)
		return nb_hstate_alloc_surplus(sys, h, gfp, local, NULL, task, ret_zone);
	if (local_first && node_allowed(task, bind, local))
		page = nb_hstate_alloc_surplus(sys, h, gfp, local, NULL, task, ret_zone);
	for (unsigned i = 0; !page && i < sys->nr_pgdat; i++) {
		int nid = sys->pgdat[i]->nid;

		if (node_allowed(task, bind, nid) && !(local_first && nid == local))
			page = nb_hstate_alloc_surplus(sys, h, gfp, nid, NULL, task, ret_zone);
	}
	return page;
}

/* Gathered pages are chained by frame, newest first, until there are enough. */
#define NO_MORE ((UINT64_C(1) << 40) - 1)

/* Gathers `pages`; *ret_chain gets the first frame. How many it got. */
static uint64_t gather(struct nb_system *sys, struct nb_hstate *h, uint64_t pages,
		       struct nb_task *task, uint64_t *ret_chain)
{
	uint64_t got = 0;
	struct nb_page *page;
	struct nb_zone *z;

	*ret_chain = NO_MORE;
	while (got < pages && (page = gather_one(sys, h, task, &z))) {
		page->index = *ret_chain & NO_MORE;
		*ret_chain = nb_zone_page_pfn(z, page);
		got++;
	}
	return got;
}

/* The chain goes into the pool or back to the machine. Without the lock. */
static void end_gather(struct nb_system *sys, struct nb_hstate *h, uint64_t chain, bool keep,
		       int cpu)
{
	while (chain != NO_MORE) {
		struct nb_zone *z = NULL;
		struct nb_page *page = nb_pfn_to_page(sys, chain, &z);

		chain = page->index;
		nb_lock(&sys->hugetlb->lock, sys->port);
		if (keep)
			nb_hstate_enqueue(h, z, page);
		else
			nb_hstate_remove(h, z, true);
		nb_unlock(&sys->hugetlb->lock, sys->port);
		if (!keep)
			nb_hstate_free_buddy(sys, h, z, page, cpu);
	}
}

/* Gives back surplus pages that nobody has reserved, `pages` at most. Under the lock. */
static void return_surplus(struct nb_system *sys, struct nb_hstate *h, uint64_t pages, int cpu)
{
	if (pages > h->surplus)
		pages = h->surplus;
	while (pages-- && shrink_by_one(sys, h, &sys->memory_nodes, true, cpu))
		;
}

/* Free pages on the nodes that the task may take them from. */
static uint64_t allowed_free(const struct nb_system *sys, const struct nb_hstate *h,
			     struct nb_task *task)
{
	const struct nb_nodemask *bind = bind_mask(sys, h, task);
	uint64_t sum = 0;

	for (unsigned i = 0; i < sys->nr_pgdat; i++) {
		if (node_allowed(task, bind, sys->pgdat[i]->nid))
			sum += h->free_node[i];
	}
	return sum;
}

/* Under the lock, which is dropped while pages are gathered. */
static int reserve(struct nb_system *sys, struct nb_hstate *h, uint64_t pages, struct nb_task *task)
{
	struct nb_hugetlb *s = sys->hugetlb;

	while (h->resv + pages > h->free) {
		uint64_t need = h->resv + pages - h->free, chain;
		bool enough;

		nb_unlock(&s->lock, sys->port);
		enough = gather(sys, h, need, task, &chain) == need;
		end_gather(sys, h, chain, enough, nb_huge_cpu(sys, task));
		nb_lock(&s->lock, sys->port);
		if (!enough)
			return -NB_ENOMEM;
	}
	h->resv += pages;
	if (pages <= allowed_free(sys, h, task))
		return 0;
	h->resv -= pages;
	return_surplus(sys, h, pages, nb_huge_cpu(sys, task));
	return -NB_ENOMEM;
}

int nb_hstate_acct(struct nb_system *sys, struct nb_hstate *h, int64_t delta, struct nb_task *task)
{
	struct nb_hugetlb *s = sys->hugetlb;
	int ret = 0;

	nb_lock(&s->lock, sys->port);
	if (delta > 0) {
		ret = reserve(sys, h, (uint64_t)delta, task);
	} else if (delta < 0) {
		h->resv -= (uint64_t)-delta;
		return_surplus(sys, h, (uint64_t)-delta, nb_huge_cpu(sys, task));
	}
	nb_unlock(&s->lock, sys->port);
	return ret;
}

void nb_hstate_free_page(struct nb_system *sys, struct nb_zone *z, struct nb_page *page,
			 struct nb_subpool *sp, bool restore, int cpu)
{
	struct nb_hugetlb *s = sys->hugetlb;
	struct nb_hstate *h = nb_page_hstate(sys, page);
	bool gone;

	nb_lock(&s->lock, sys->port);
	/* A subpool below its minimum keeps what comes back reserved. */
	if (!restore && nb_subpool_put(sp, 1) == 0)
		restore = true;
	if (restore)
		h->resv++;
	gone = h->surplus_node[z->pgdat->index] != 0;
	if (gone)
		nb_hstate_remove(h, z, true);
	else
		nb_hstate_enqueue(h, z, page);
	nb_unlock(&s->lock, sys->port);
	if (gone)
		nb_hstate_free_buddy(sys, h, z, page, cpu);
}

/* Boot: "hugepages=N" words after "hugepagesz=SIZE", for the default size before one; a number, or
 * NODE:N,... from 5.16 on. Gigantic pages were taken before there were free lists
 * (hugetlb_boot.c). */
struct boot {
	struct nb_system *sys;
	struct nb_hstate *h;
	int next;
};

/* As many as the nodes have, in turn, without the pool's own turn from 6.8 on. */
static void boot_grow(struct boot *b, uint64_t count, const struct nb_nodemask *nodes)
{
	struct nb_system *sys = b->sys;
	int kept = b->h->next_nid_to_alloc;

	if (b->h->gigantic || !nb_nodemask_weight(nodes))
		return;
	(void)grow(sys, b->h, nb_hstate_persistent(b->h) + count, nodes, NULL);
	if (sys->profile->version >= BOOT_TURN_SINCE)
		b->h->next_nid_to_alloc = kept;
}

static void boot_by_node(struct boot *b, const char *s, size_t len)
{
	size_t pos = 0, used;

	while (pos < len) {
		uint64_t nid = nb_strtoull(s + pos, len - pos, &used), count;
		struct nb_nodemask one = {{0}};

		pos += used;
		if (!used || pos >= len || s[pos] != ':' || nid >= NB_MAX_NODES ||
		    !nb_node_data(b->sys, (int)nid))
			return;
		count = nb_strtoull(s + pos + 1, len - pos - 1, &used);
		pos += 1 + used;
		nb_nodemask_set(&one, (unsigned)nid);
		if (used)
			boot_grow(b, count, &one);
		if (pos >= len || s[pos++] != ',')
			return;
	}
}

static void boot_word(struct boot *b, const char *s, size_t len)
{
	static const char size_of[] = "hugepagesz=", count_of[] = "hugepages=";
	const size_t n_size = sizeof(size_of) - 1, n_count = sizeof(count_of) - 1;
	size_t used;
	uint64_t n;

	if (len > n_size && !nb_strncmp(s, size_of, n_size)) {
		n = nb_memparse(s + n_size, len - n_size, &used);
		b->h = nb_hstate_by_bytes(b->sys, n);
		return;
	}
	if (len <= n_count || nb_strncmp(s, count_of, n_count) || !b->h)
		return;
	s += n_count;
	len -= n_count;
	n = nb_strtoull(s, len, &used);
	if (used < len && s[used] == ':')
		boot_by_node(b, s, len);
	else if (used)
		boot_grow(b, n, &b->sys->memory_nodes);
}

static void boot_gigantic(struct nb_system *sys)
{
	for (const struct nb_boot_huge *g = sys->boot_huge; g; g = g->next) {
		struct nb_hstate *h = nb_hstate_by_bytes(sys, g->bytes);
		struct nb_zone *z = NULL;
		struct nb_page *page =
			h ? nb_take_gigantic_at(sys, h, g->pfn, nb_huge_cpu(sys, NULL), &z) : NULL;

		if (!page)
			continue;
		account_new(h, z);
		nb_hstate_enqueue(h, z, page);
	}
}

void nb_hugetlb_boot(struct nb_system *sys)
{
	struct nb_hugetlb *s = nb_hugetlb_make(sys);
	struct boot b = {.sys = sys};
	const char *word = sys->machine->cmdline;

	if (!s)
		return;
	b.h = nb_hstate_default(s);
	boot_gigantic(sys);
	while (word && *word) {
		size_t len = 0;

		while (word[len] && word[len] != ' ')
			len++;
		if (len == 2 && word[0] == '-' && word[1] == '-')
			break;
		if (len)
			boot_word(&b, word, len);
		word += len;
		while (*word == ' ')
			word++;
	}
	for (unsigned i = 0; i < s->nr_hstates; i++)
		s->hstate[i].max = s->hstate[i].nr;
}
